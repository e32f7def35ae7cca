# Killed at every boundary between two steps and at random moments, by SIGKILL,
# SIGTERM, a cancel and an immediate stop, a run and a conversion are finished by
# the next call: nothing is lost, nothing is left, nothing is there twice.
#
# CVWIZ_KILLS is the number of kills, CVWIZ_SEED repeats what an earlier test did.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use List::Util qw(shuffle);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use CvwizTest;
use FaultArchive;
use FaultConversion;
use FaultRows;
use FaultRun;
use Faults;

my $kills = $ENV{CVWIZ_KILLS} || 12;
my $seed = srand($ENV{CVWIZ_SEED} || time() * 1000 % 2**31);
my $began = time();

note("CVWIZ_SEED=$seed CVWIZ_KILLS=$kills");

my $node = start_server('main', now => $now, conf => qq{
log_line_prefix = '%m [%p] %b %e '
log_statement = none
cvwiz.lock_timeout = 60s
cvwiz.purge_batch_size = 20
cvwiz.purge_pause = 2ms
});
$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	GRANT CREATE ON SCHEMA public TO app;
	GRANT USAGE ON SCHEMA cvwiz TO app;
	GRANT EXECUTE ON ALL ROUTINES IN SCHEMA cvwiz TO app;
	SET ROLE app;
	CREATE TABLE users (id bigint PRIMARY KEY);
	INSERT INTO users VALUES (1);
});
begin_faults($node);
my $convertible = $node->safe_psql('postgres',
	"SELECT count(*) FROM pg_proc WHERE pronamespace = 'cvwiz'::regnamespace AND proname = 'partition_by_month'");

# ---- the rounds ----

# Every hold with every kind of kill that means something there, in any order.
sub held_rounds
{
	my ($scenario, $holds, %more) = @_;
	my @rounds;

	for my $name (sort keys %$holds)
	{
		my $hold = $holds->{$name};
		my @kinds = ('SIGKILL caller', 'SIGTERM caller', 'immediate stop');

		push @kinds, 'SIGKILL statement', 'SIGTERM statement' if $hold->{statement};
		@kinds = grep { $_ !~ /SIGTERM/ } @kinds if $hold->{both_names};
		push @rounds, map { { scenario => $scenario, held_at => $name, hold => $hold, kind => $_, %more } } @kinds;
	}
	return @rounds;
}

sub all_held_rounds
{
	my @run = held_rounds(\%run, $run{holds});
	my @more = held_rounds(\%run, $run{more_holds});
	my @conversion = held_rounds(\%conversion, $conversion{holds});
	my @back = held_rounds(\%conversion, $conversion{back_holds}, back => 1);
	my @extra = map { { scenario => \%run, held_at => 'detach waits for readers of the table',
			hold => $run{holds}{'detach waits for readers of the table'}, kind => $_ } }
	  ('SIGINT caller', 'SIGINT statement', 'SIGKILL launcher', 'SIGTERM launcher');

	push @extra, map { { scenario => \%run, held_at => $_, hold => $run{holds}{$_}, kind => 'SIGINT caller' } }
	  ('in the middle of the file', 'archived, not committed');
	return shuffle(@run, @more, @extra, $convertible ? (@conversion, @back) : ());
}

sub pick
{
	return $_[ int(rand(@_)) ];
}

sub random_round
{
	my $scenario = $convertible && rand() < 0.4 ? \%conversion : \%run;
	my @kinds = ('SIGKILL caller', 'SIGTERM caller', 'immediate stop', 'SIGKILL statement', 'SIGTERM statement', 'SIGINT caller', 'SIGINT statement');

	return { scenario => $scenario, kind => pick(@kinds), back => $scenario == \%conversion && rand() < 0.2 };
}

# A hold says %t for the round's table.
sub name_table
{
	my ($hold, $table) = @_;
	my %named = %$hold;

	s/%t(?![a-z])/$table/g for grep { defined } @named{qw(at if lock until)};
	delete @named{ grep { !defined $named{$_} } keys %named };
	return \%named;
}

# The rest of what a round is, at random where its hold does not ask for it.
sub complete_round
{
	my ($round, $number) = @_;
	my $hold = $round->{hold} || {};
	my $table = "fault_$number";

	if ($round->{scenario} == \%run)
	{
		$round->{by} = rand() < 0.3 ? 'worker' : 'call';
		$round->{refers} = $hold->{refers} || rand() < 0.5;
		$round->{drop_after} = !$hold->{refers} && !$hold->{drops} && !$hold->{setting} && rand() < 0.3 ? '1 hour' : '0';
		$round->{archives} = $hold->{archives} || !$hold->{purges} && rand() < 0.4;
	}
	else
	{
		$round->{by} = 'call';
		$round->{keep_unique} = !($hold->{unless} || '') && rand() < 0.5 ? 'true' : 'false';
		$round->{afterwards} = rand() < 0.4;
	}
	$round->{node} = $node;
	$round->{table} = $table;
	$round->{hold} = name_table($hold, $table) if $round->{hold};
	return $round;
}

# ---- a round ----

my (%duration, %found, $killed, $at_work, $inserted);

# What takes about as long.
sub sort_of_round
{
	my ($round) = @_;

	return join(' ', $round->{scenario}{name}, $round->{by}, $round->{archives} ? 'with archives' : (), $round->{back} ? 'back' : ());
}

# Starts it, and kills it at its hold or at a random moment. Returns problems.
sub start_and_kill
{
	my ($round, $hold, $kind) = @_;
	my $held = $hold ? set_hold($hold) : undef;
	my ($session, $pid) = $round->{scenario}{start}->($round);
	my @problems;

	if (!$hold)
	{
		sleep(rand($duration{ sort_of_round($round) }));
	}
	elsif (!hold_reached($held))
	{
		push @problems, 'the hold was not reached: ' . ($session ? (session_output($session))[1] : '');
	}
	my $hit = kill_process($kind, $pid);

	push @problems, 'there was nobody to kill' if !$hit && $hold;
	push @problems, 'a statement goes on without its run' if $kind eq 'SIGTERM caller' && statement_at_work();
	release_hold($held) if $held;
	push @problems, 'the session of the caller does not end' if $session && !end_session($session);
	push @problems, 'the run does not end' if !wait_for_end();

	leave_both_names($round) if $hold && $hold->{both_names};
	$round->{state} = $round->{scenario}{state}->($round);
	push @{ $round->{interrupted} }, $pid if $hit && $hold && ends_run($kind);
	if ($hit)
	{
		$killed++;
		$at_work++ if $round->{state} !~ /^(after the end|conversion: partitioned, policy|undo: plain)$/;
		$found{ $round->{scenario}{name} }{ ($hold ? 'held, ' : 'random, ') . $kind }{ $round->{state} }++;
	}
	return @problems;
}

# Does something in front of the application, and notes what that has inserted.
sub with_application
{
	my ($round, $action) = @_;
	my $application = start_application($round->{table});
	my @problems = $action->();
	my ($committed, $sent, $refused) = stop_application($application);

	$round->{committed} = { %{ $round->{committed} || {} }, %$committed };
	$round->{sent} = { %{ $round->{sent} || {} }, %$sent };
	$inserted += keys %$committed;
	return (@problems, map { "the application got: $_" } @$refused);
}

sub name_round
{
	my ($round) = @_;
	my $is_run = $round->{scenario} == \%run;

	return join(', ',
		($round->{back} ? 'undo' : $round->{scenario}{name}) . " $round->{table} by $round->{by}",
		$round->{kind} . ($round->{held_at} ? " at \"$round->{held_at}\"" : ' at random'),
		$is_run && $round->{drop_after} ne '0' ? 'drops later' : (),
		$is_run && $round->{archives} ? 'archives' : (),
		$is_run ? () : "then $round->{goal}",
		"found: $round->{state}");
}

sub remove_tables
{
	my ($round) = @_;

	$node->safe_psql('postgres', qq{
		DROP TABLE IF EXISTS $round->{table}, kept_of_$round->{table};
		SELECT format('DROP TABLE %I', relname) FROM pg_class
		WHERE relname ~ '^$round->{table}_' AND relkind IN ('r', 'p') \\gexec
		DELETE FROM cvwiz.detached_partition;
	});
	remove_archive_directory($round);
	return;
}

sub run_round
{
	my ($round) = @_;
	my $scenario = $round->{scenario};
	my $offset = -s $node->logfile;
	my @problems;

	wait_for_launcher($node) if $round->{by} eq 'worker';
	$scenario->{make}->($round);
	if ($round->{hold} && $round->{hold}{after})
	{
		my ($place, $state) = @{ $round->{hold}{after} };
		my $hold = name_table($run{holds}{$place}, $round->{table});
		my $kind = pick('SIGKILL caller', 'immediate stop', $hold->{statement} ? 'SIGKILL statement' : ());
		push @problems, with_application($round, sub { start_and_kill($round, $hold, $kind) });
		push @problems, differs('state after the first kill', $round->{state}, $state);
	}
	push @problems, with_application($round, sub { start_and_kill($round, $round->{hold}, $round->{kind}) });
	push @problems, with_application($round, sub { $scenario->{finish}->($round) });

	push @problems, $scenario->{check}->($round);
	push @problems, 'a statement is still at work' if statement_at_work();
	push @problems, problems_in_log($offset);
	is(join("\n", @problems), '', name_round($round));
	remove_tables($round);
	return;
}

# What nobody kills, for its duration.
sub measure
{
	my ($name, %round) = @_;
	my $round = complete_round({ %round }, $name);

	@$round{qw(by refers drop_after archives keep_unique)} = ($round{by}, 1, '0', $round{archives}, 'false');
	$round->{scenario}{make}->($round);
	my ($session, $pid) = $round->{scenario}{start}->($round);
	my $start = time();
	end_session($session) if $session;
	poll("NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)");
	$duration{ sort_of_round($round) } = time() - $start;
	is($round->{scenario}{state}->($round), $round{end}, sprintf('%s takes %.0f ms without a kill',
		sort_of_round($round), $duration{ sort_of_round($round) } * 1000));
	remove_tables($round);
	return;
}

measure('call', scenario => \%run, by => 'call', end => 'after the end');
measure('worker', scenario => \%run, by => 'worker', end => 'after the end');
measure('archiving_call', scenario => \%run, by => 'call', archives => 1, end => 'after the end');
measure('archiving_worker', scenario => \%run, by => 'worker', archives => 1, end => 'after the end');
SKIP:
{
	skip('there is no cvwiz.partition_by_month()', 2) if !$convertible;
	measure('there', scenario => \%conversion, by => 'call', end => 'conversion: partitioned, policy');
	measure('back', scenario => \%conversion, by => 'call', back => 1, end => 'undo: plain');
}

my @held = all_held_rounds();
my $combinations = @held;

$killed = $at_work = $inserted = 0;
for (my $number = 1; $killed < $kills && $number < 3 * $kills; $number++)
{
	my $round = ($number % 2 ? shift @held : undef) || random_round();
	run_round(complete_round($round, $number));
}

cmp_ok($killed, '>=', $kills, "$kills processes and servers were killed");
cmp_ok($at_work, '>', $killed / 2, '... most of them in the middle of the work');
cmp_ok($inserted, '>', $killed, '... while the application inserted rows');
is(join("\n", problems_in_log(0)), '', 'nothing has crashed by itself');

my $report = sprintf(
	"CVWIZ_SEED=%s CVWIZ_KILLS=%d: %d kills, %d in the middle of the work, %d of %d combinations of place and kill, %d rows inserted, %.0f s\n",
	$seed, $kills, $killed, $at_work, $combinations - @held, $combinations, $inserted, time() - $began);
for my $name (sort keys %found)
{
	for my $kind (sort keys %{ $found{$name} })
	{
		my $states = $found{$name}{$kind};
		$report .= "$name, $kind: " . join(', ', map { "$states->{$_} $_" } sort keys %$states) . "\n";
	}
}
if ($ENV{CVWIZ_KILLS} || !Test::More->builder->is_passing) { diag($report) } else { note($report) }

$node->stop;
done_testing();
