# What the fault test is made of: sessions whose end nobody waits for, places at
# which a run can be held until it is killed, and the ways to kill.
package Faults;

use strict;
use warnings;

use Exporter 'import';
use POSIX qw(WNOHANG);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
  begin_faults ask poll
  start_session session_output end_session cut_session
  set_hold hold_reached release_hold
  kill_process ends_run statement_at_work wait_for_end problems_in_log
);

my $node;
my $session_count = 0;

# The server that all of this is about.
sub begin_faults
{
	($node) = @_;

	install_holds();
	return;
}

# ---- a session for looking ----

# Fast, because a killed process is looked for while it works. Connected anew
# after each crash.
my $looker;

# The answer to a query, as text. A server that nobody has stopped comes back:
# why it was gone is in its log.
sub ask
{
	my ($sql) = @_;
	my $deadline = time() + 60;

	for (;;)
	{
		my $result = eval {
			# it is asked all the time: not for the log
			no warnings 'redefine';
			local *PostgreSQL::Test::BackgroundPsql::note = sub { };
			if (!$looker)
			{
				$looker = $node->background_psql('postgres');
				$looker->set_query_timer_restart;
			}
			$looker->query_safe($sql);
		};
		my $error = $@;
		return $result if !$error;

		my $said = $looker ? $looker->{stderr} : '';
		eval { $looker->{run}->kill_kill } if $looker;
		undef $looker;
		die "$error: $said: $sql" if $said =~ /ERROR:/ || time() > $deadline;
		sleep(0.1);
	}
	return;
}

# Until the condition is true, or is still not after a minute.
sub poll
{
	my ($condition) = @_;
	my $deadline = time() + 60;

	while (time() < $deadline)
	{
		return 1 if ask("SELECT ($condition)::int") eq '1';
		sleep(0.01);
	}
	return 0;
}

# ---- sessions whose end nobody waits for ----

# A psql that runs a script, and its server process. It writes to files, so that
# nobody has to read what it says while it works.
sub start_session
{
	my ($name, $user, $script) = @_;

	$name .= ++$session_count;
	my $base = "$PostgreSQL::Test::Utils::tmp_check/$name";
	my %session = (name => $name, base => $base);
	my @command = ('psql', '-XAtq', '-d', $node->connstr('postgres') . " user=$user", '-f', "$base.sql");

	append_to_file("$base.sql", "SELECT pg_backend_pid();\n$script");
	append_to_file("$base.$_", '') for qw(out err);
	$session{psql} = fork();
	die "fork: $!" if !defined $session{psql};
	if ($session{psql} == 0)
	{
		$ENV{PGAPPNAME} = $name;
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', "$base.out");
		open(STDERR, '>', "$base.err");
		exec(@command) or POSIX::_exit(127);
	}

	my $deadline = time() + 60;
	while (!defined $session{pid})
	{
		die "no session $name: " . slurp_file("$base.err") if time() > $deadline;
		sleep(0.001);
		($session{pid}) = slurp_file("$base.out") =~ /^(\d+)\n/;
	}
	unlink("$base.sql");
	return \%session;
}

sub session_output
{
	my ($session) = @_;

	return (slurp_file("$session->{base}.out"), slurp_file("$session->{base}.err"));
}

sub has_ended
{
	my ($session) = @_;

	$session->{ended} ||= waitpid($session->{psql}, WNOHANG) != 0;
	return $session->{ended};
}

# Waits for psql's own end, which it also comes to when the server crashes.
sub end_session
{
	my ($session) = @_;
	my $deadline = time() + 60;

	until (has_ended($session))
	{
		return 0 if time() > $deadline;
		sleep(0.005);
	}
	return 1;
}

# Ends a session before its script does.
sub cut_session
{
	my ($session) = @_;

	kill('TERM', $session->{psql}) if !has_ended($session);
	end_session($session);
	ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '$session->{name}'");
	poll("NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '$session->{name}')");
	return;
}

# ---- holding a run at a place ----

# Triggers of the test's own: they wait while a row of fault_hold says so. A
# lock would be waited for only as long as the code at work there allows.
sub install_holds
{
	$node->safe_psql('postgres', q{
		CREATE TABLE public.fault_hold (place text, condition text);
		GRANT SELECT ON public.fault_hold TO PUBLIC;

		CREATE FUNCTION public.fault_wait(at_place text) RETURNS void LANGUAGE plpgsql AS $$
		DECLARE
			wanted text := (SELECT condition FROM public.fault_hold WHERE place = at_place);
			fits boolean;
		BEGIN
			IF wanted IS NULL THEN RETURN; END IF;
			EXECUTE 'SELECT ' || wanted INTO fits;
			WHILE fits AND EXISTS (SELECT FROM public.fault_hold WHERE place = at_place) LOOP
				PERFORM pg_catalog.set_config('application_name', 'fault_held', true);
				PERFORM pg_catalog.pg_sleep(0.02);
			END LOOP;
		END$$;

		CREATE FUNCTION public.fault_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM public.fault_wait(TG_EVENT || ' ' || TG_TAG);
		END$$;
		CREATE EVENT TRIGGER fault_start ON ddl_command_start EXECUTE FUNCTION public.fault_ddl();
		CREATE EVENT TRIGGER fault_end ON ddl_command_end EXECUTE FUNCTION public.fault_ddl();

		CREATE FUNCTION public.fault_record() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM public.fault_wait(CASE
				WHEN NEW.finished_at IS NOT NULL THEN 'record end'
				WHEN NEW.cutoff_date IS NOT NULL AND OLD.cutoff_date IS NULL THEN 'record plan'
				WHEN NEW.partitions_created > OLD.partitions_created THEN 'record created'
				WHEN NEW.partitions_detached > OLD.partitions_detached THEN 'record detached'
				WHEN NEW.partitions_dropped > OLD.partitions_dropped THEN 'record dropped'
				WHEN NEW.deleted_count > OLD.deleted_count AND NEW.partitions_dropped < 2 THEN 'record emptied'
				WHEN NEW.deleted_count > OLD.deleted_count THEN 'record purged'
				ELSE 'record' END);
			RETURN NEW;
		END$$;
		CREATE TRIGGER fault_record BEFORE UPDATE ON cvwiz.retention_run
			FOR EACH ROW EXECUTE FUNCTION public.fault_record();

		CREATE FUNCTION public.fault_archive() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM public.fault_wait('archive');
			RETURN NEW;
		END$$;
		CREATE TRIGGER fault_archive BEFORE INSERT ON cvwiz.archive
			FOR EACH ROW EXECUTE FUNCTION public.fault_archive();

		CREATE FUNCTION public.fault_policy() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			PERFORM public.fault_wait('policy');
			RETURN NEW;
		END$$;
		CREATE TRIGGER fault_policy BEFORE INSERT OR UPDATE ON cvwiz.retention_policy
			FOR EACH ROW EXECUTE FUNCTION public.fault_policy();
	});
	return;
}

# A hold is one of
#   at => PLACE [, if => CONDITION]     a trigger's
#   lock => STATEMENT, until => CONDITION   another session's, reached when true
#   setting => [NAME, VALUE], until => CONDITION
# Returns what release_hold() takes.
sub set_hold
{
	my ($hold) = @_;
	my %held = (hold => $hold);

	if ($hold->{at})
	{
		my $condition = $hold->{if} || 'true';
		ask("INSERT INTO fault_hold VALUES (\$\$$hold->{at}\$\$, \$\$$condition\$\$)");
	}
	elsif ($hold->{lock})
	{
		$held{session} = start_session('holder', 'postgres',
			"BEGIN ISOLATION LEVEL REPEATABLE READ;\n$hold->{lock};\nSELECT 'locked';\nSELECT pg_sleep(600);\n");
		my $deadline = time() + 60;
		sleep(0.005)
		  until (session_output($held{session}))[0] =~ /locked/ || time() > $deadline;
	}
	elsif ($hold->{setting})
	{
		ask("ALTER SYSTEM SET $hold->{setting}[0] = '$hold->{setting}[1]'");
		ask('SELECT pg_reload_conf()');
		poll("current_setting('$hold->{setting}[0]') = '$hold->{setting}[1]'");
	}
	return \%held;
}

sub hold_reached
{
	my ($held) = @_;

	return poll($held->{hold}{until} ||
		"EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'fault_held')");
}

sub release_hold
{
	my ($held) = @_;

	ask('DELETE FROM fault_hold') if $held->{hold}{at};
	cut_session($held->{session}) if $held->{session};
	if ($held->{hold}{setting})
	{
		my ($name, $value) = @{ $held->{hold}{setting} };
		ask("ALTER SYSTEM RESET $name");
		ask('SELECT pg_reload_conf()');
		poll("current_setting('$name') <> '$value'");
	}
	return;
}

# ---- killing ----

# Whom, by what: caller is the process that the run or the conversion is in,
# statement the worker that runs a statement at top level for it.
my %kinds = (
	'SIGKILL caller'    => [ caller    => 'KILL' ],
	'SIGTERM caller'    => [ caller    => 'TERM' ],
	'SIGINT caller'     => [ caller    => 'INT' ],
	'SIGKILL statement' => [ statement => 'KILL' ],
	'SIGTERM statement' => [ statement => 'TERM' ],
	'SIGINT statement'  => [ statement => 'INT' ],
	'SIGKILL launcher'  => [ launcher  => 'KILL' ],
	'SIGTERM launcher'  => [ launcher  => 'TERM' ],
	'immediate stop'    => [ server    => 'immediate' ]);

sub crashes
{
	my ($kind) = @_;

	return $kinds{$kind}[1] =~ /^(KILL|immediate)$/;
}

# Whether the run is over by it; otherwise it goes on, maybe with an error.
sub ends_run
{
	my ($kind) = @_;

	return crashes($kind) || $kinds{$kind}[0] eq 'caller';
}

# Of a statement's worker that is just about to start, the pid may come a little
# later than its random moment.
sub find_process
{
	my ($whom, $caller) = @_;
	my $deadline = time() + 0.3;
	my $pid;

	return $caller if $whom eq 'caller';
	do
	{
		$pid = ask("SELECT pid FROM pg_stat_activity WHERE backend_type = 'cvwiz $whom' LIMIT 1");
	} while ($pid eq '' && time() < $deadline);
	return $pid;
}

# Whether the log has something when the process is gone: the postmaster writes
# of its end a moment after that.
sub logged
{
	my ($offset, $pattern, $pid) = @_;
	my $deadline = time() + 60;
	my $gone;

	while (time() < $deadline)
	{
		return 1 if slurp_file($node->logfile, $offset) =~ $pattern;
		if (!$gone && !kill(0, $pid))
		{
			$gone = 1;
			$deadline = time() + 0.5;
		}
		sleep(0.01);
	}
	return 0 if $gone;
	die "process $pid does not end";
}

# True if there was somebody to kill. Comes back when the server is there again,
# and the killed process is not.
sub kill_process
{
	my ($kind, $caller) = @_;
	my ($whom, $signal) = @{ $kinds{$kind} };
	my $offset = -s $node->logfile;

	if ($whom eq 'server')
	{
		$node->stop('immediate');
		$node->start;
		return 1;
	}

	my $pid = find_process($whom, $caller);
	return 0 if $pid eq '' || kill($signal, $pid) != 1;
	if ($signal eq 'KILL')
	{
		# it may have come to its end by itself just before
		return 0 if !logged($offset, qr/\(PID $pid\) was terminated by signal 9/, $pid);
		$node->wait_for_log(qr/database system is ready to accept connections/, $offset);
	}
	elsif ($signal eq 'TERM')
	{
		poll("NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)")
		  or die "process $pid does not end";
		return $whom eq 'launcher' || logged($offset, qr/\[$pid\] .*57P01/, $pid);
	}
	return 1;
}

sub statement_at_work
{
	return ask("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'cvwiz statement'") > 0;
}

# Until no run and no statement of one is at work.
sub wait_for_end
{
	return poll("NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 3)"
		  . " AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'cvwiz statement')");
}

# Crashes that nobody asked for, and errors that should not exist.
sub problems_in_log
{
	my ($offset) = @_;
	my $log = slurp_file($node->logfile, $offset);

	return $log =~ /^(.*(?:PANIC:|TRAP:|terminated by signal (?!9\b)\d+|\bXX\d\d\d\b).*)$/mg;
}

1;
