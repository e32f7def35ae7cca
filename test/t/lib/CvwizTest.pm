# What the TAP tests share: a server with the library preloaded, its clock,
# tables to purge, and waiting for the worker.
package CvwizTest;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;

our @EXPORT = qw(
  start_server set_setting reset_setting set_clock
  create_table create_partitioned_table add_policy
  run_of wait_for_run wait_for_running wait_until_deleted worker_looked
  launcher_pid wait_for_launcher crash_process log_count seconds_taken
  begin_statement last_error locks_of wait_for_lock_wait
  statement_workers wait_for_statement_worker wait_for_detach
  create_documents create_store_table write_versions state_of_store verified
);

# start_server(NAME, conf => TEXT, now => TIME, init => [...], extension => 0):
# a server with the extension in database postgres, unless that is 0, and a worker
# that looks around every second.
sub start_server
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(@{ $options{init} || [] });
	$node->append_conf('postgresql.conf', qq{
shared_preload_libraries = 'cvwiz'
cvwiz.naptime = 1
restart_after_crash = on
timezone = 'America/New_York'
autovacuum = off
# the steps of a CALL would be in the way of what a test looks for
client_min_messages = warning
});
	$node->append_conf('postgresql.conf', $options{conf}) if $options{conf};
	$node->start;
	set_clock($node, $options{now}) if $options{now};
	$node->safe_psql('postgres', 'CREATE EXTENSION cvwiz')
	  if !defined $options{extension} || $options{extension};
	return $node;
}

# ---- settings ----

# The caller waits for the effect: each process reads the settings by itself.
sub set_setting
{
	my ($node, %settings) = @_;
	my $sql = '';

	$sql .= "ALTER SYSTEM SET $_ = '$settings{$_}';\n" for sort keys %settings;
	$node->safe_psql('postgres', $sql . 'SELECT pg_reload_conf()');
	return;
}

sub reset_setting
{
	my ($node, @names) = @_;

	$node->safe_psql('postgres',
		join('', map { "ALTER SYSTEM RESET $_;\n" } @names) . 'SELECT pg_reload_conf()');
	return;
}

# Moves the server's time, and waits until new sessions have it.
sub set_clock
{
	my ($node, $now) = @_;

	set_setting($node, 'cvwiz.now' => $now);
	$node->poll_query_until('postgres', "SELECT current_setting('cvwiz.now') = '$now'")
	  or die "the clock was not set";
	return;
}

# ---- tables ----

# A plain table with one row an hour, from FROM on, and a policy if asked for:
# create_table(NODE, DB, NAME, from => TIME, rows => N [, policy => TIME])
sub create_table
{
	my ($node, $database, $name, %options) = @_;

	$node->safe_psql($database, qq{
		CREATE TABLE $name (id bigint NOT NULL, at timestamptz NOT NULL, note text);
		CREATE INDEX ON $name (at);
		INSERT INTO $name SELECT n, timestamptz '$options{from} UTC' + n * interval '1 hour', 'row ' || n
		FROM generate_series(0, $options{rows} - 1) n;
		ANALYZE $name;
	});
	add_policy($node, $database, $name, 'at', $options{policy}) if $options{policy};
	return;
}

# The same, partitioned by months, which begin with FROM's and are MONTHS many.
sub create_partitioned_table
{
	my ($node, $database, $name, %options) = @_;

	$node->safe_psql($database, qq{
		CREATE TABLE $name (id bigint NOT NULL, at timestamptz NOT NULL, note text, PRIMARY KEY (id, at))
		PARTITION BY RANGE (at);
		CREATE INDEX ON $name (at);
		SELECT cvwiz.create_partition('$name', (date_trunc('month', date '$options{from}') + n * interval '1 month')::date)
		FROM generate_series(0, $options{months} - 1) n;
		INSERT INTO $name SELECT n, timestamptz '$options{from} UTC' + n * interval '1 hour', 'row ' || n
		FROM generate_series(0, $options{rows} - 1) n;
		ANALYZE $name;
	});
	add_policy($node, $database, $name, undef, $options{policy}) if $options{policy};
	return;
}

# A policy that was made at the given time, with 90 days.
sub add_policy
{
	my ($node, $database, $name, $column, $when) = @_;
	my $argument = defined $column ? "'$column'" : 'NULL';

	$node->safe_psql($database, qq{
		SET client_min_messages = warning;
		SET cvwiz.now = '$when';
		SELECT cvwiz.add_retention_policy('$name', $argument);
	});
	return;
}

# ---- the version store ----

# Functions that make documents: resume(CHAIN, N), a few thousand bytes which
# differ a little from one N to the next, and noise(BYTES), which nothing makes
# much smaller.
sub create_documents
{
	my ($node, $database) = @_;

	$node->safe_psql($database, q{
		CREATE FUNCTION public.noise(bytes int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
			SELECT string_agg(md5(i::text || bytes), '') FROM pg_catalog.generate_series(1, bytes / 32) i $$;
		CREATE FUNCTION public.resume(chain int, n int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
			SELECT jsonb_build_object('name', 'chain ' || chain, 'n', n, 'é"\', n * 1.50,
				'text', (SELECT string_agg(md5((chain * 1000 + i)::text), ' ') FROM pg_catalog.generate_series(1, 60) i),
				'items', (SELECT jsonb_agg(jsonb_build_object('id', i, 'at', md5((chain + n / 3 * i)::text))) FROM pg_catalog.generate_series(1, 20) i)) $$;
	});
	return;
}

# A table with a store, and beside each stub the document as it was written.
sub create_store_table
{
	my ($node, $database, $name) = @_;

	$node->safe_psql($database, qq{
		CREATE TABLE $name (id bigserial PRIMARY KEY, chain int NOT NULL, n int NOT NULL, plain jsonb NOT NULL, snapshot jsonb NOT NULL);
		SELECT cvwiz.add_version_store('$name', 'snapshot', '{chain}');
	});
	return;
}

# write_versions(NODE, DB, TABLE, chains => N, versions => M [, from => N]): M of each
# chain, one after the other as an application writes them.
sub write_versions
{
	my ($node, $database, $table, %options) = @_;
	my $from = $options{from} || 1;

	$node->safe_psql($database, qq{
		INSERT INTO $table (chain, n, plain, snapshot)
		SELECT c, n, d, d
		FROM generate_series($from, $from + $options{versions} - 1) n, generate_series(1, $options{chains}) c,
			LATERAL (SELECT public.resume(c, n)) AS r (d)});
	return;
}

# Rows, those that do not read byte for byte as they were written, and those
# whose document is not in the store: "N|0|0" where all is well.
sub state_of_store
{
	my ($node, $database, $table) = @_;

	return $node->safe_psql($database, qq{
		SELECT count(*), count(*) FILTER (WHERE cvwiz.version_text(snapshot)::text IS DISTINCT FROM plain::text),
			count(*) FILTER (WHERE cvwiz.stub_version(snapshot) IS NULL)
		FROM $table});
}

# What verify_versions() finds; '' where all is well.
sub verified
{
	my ($node, $database) = @_;

	return $node->safe_psql($database, 'SELECT * FROM cvwiz.verify_versions()');
}

# ---- runs ----

# A column, or an expression, of the table's newest run; '' where there is none.
sub run_of
{
	my ($node, $database, $table, $column) = @_;

	return $node->safe_psql($database, qq{
		SELECT $column FROM cvwiz.retention_runs
		WHERE relation_name = 'public.$table' ORDER BY run_id DESC LIMIT 1});
}

# Waits for the table to have so many ended runs.
sub wait_for_run
{
	my ($node, $database, $table, $count) = @_;

	$node->poll_query_until($database, qq{
		SELECT count(*) >= $count FROM cvwiz.retention_runs
		WHERE relation_name = 'public.$table' AND finished_at IS NOT NULL})
	  or die "$table has no $count runs";
	return;
}

# Waits for a run at work that has deleted at least so many rows; its pid.
sub wait_until_deleted
{
	my ($node, $database, $table, $rows) = @_;

	$node->poll_query_until($database, qq{
		SELECT EXISTS (SELECT FROM cvwiz.retention_runs
			WHERE relation_name = 'public.$table' AND finished_at IS NULL AND deleted_count >= $rows)})
	  or die "no run of $table is at work";
	return run_of($node, $database, $table, 'pid');
}

sub wait_for_running
{
	my ($node, $database, $table) = @_;

	return wait_until_deleted($node, $database, $table, 0);
}

# Returns when the worker has run all that is due in a database: a table that is
# made for that is due as well, and the worker that ran it has ended.
my $looks = 0;

sub worker_looked
{
	my ($node, $database) = @_;
	my $name = 'look_' . ++$looks;

	create_table($node, $database, $name,
		from => '2001-01-01', rows => 1, policy => '2001-01-02');
	wait_for_run($node, $database, $name, 1);
	my $pid = run_of($node, $database, $name, 'pid');
	$node->poll_query_until($database,
		"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)")
	  or die "the worker does not end";
	$node->safe_psql($database, "DROP TABLE $name");
	return;
}

# ---- sessions and locks ----

# Starts a statement of a background_psql without waiting for its end.
sub begin_statement
{
	my ($session, $sql) = @_;

	$session->query_until(qr/begun/, "\\echo begun\n$sql;\n");
	return;
}

# Waits for the end of what a session was begun with; what it has said on stderr,
# and forgets that.
sub last_error
{
	my ($session) = @_;

	$session->query('SELECT 1');
	my $stderr = $session->{stderr};
	$session->{stderr} = '';
	return $stderr;
}

# The locks of a process on a table: modes, those not granted with a question mark.
sub locks_of
{
	my ($node, $pid, $table) = @_;

	return $node->safe_psql('postgres', qq{
		SELECT string_agg(mode || CASE WHEN granted THEN '' ELSE '?' END, ' ' ORDER BY mode)
		FROM pg_locks WHERE pid = $pid AND relation = '$table'::regclass});
}

sub wait_for_lock_wait
{
	my ($node, $table) = @_;

	$node->poll_query_until('postgres',
		"SELECT EXISTS (SELECT FROM pg_locks WHERE relation = '$table'::regclass AND NOT granted)")
	  or die "nobody waits for $table";
	return;
}

# The processes that run a statement at top level for a run.
sub statement_workers
{
	my ($node) = @_;

	return $node->safe_psql('postgres',
		"SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE backend_type = 'cvwiz statement'");
}

# Waits until such a process waits for a lock of the type; its pid.
sub wait_for_statement_worker
{
	my ($node, $locktype) = @_;

	$node->poll_query_until('postgres', qq{
		SELECT count(*) = 1 FROM pg_stat_activity
		WHERE backend_type = 'cvwiz statement' AND wait_event_type = 'Lock' AND wait_event = '$locktype'})
	  or die "no statement waits for a lock of type $locktype";
	return statement_workers($node);
}

# Waits until a run's concurrent detach waits for those who read the table: its
# first phase is committed by then.  The pid of the process.
sub wait_for_detach
{
	my ($node) = @_;
	my $pid = wait_for_statement_worker($node, 'virtualxid');

	$node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM pg_inherits WHERE inhdetachpending')
	  or die 'nothing is pending';
	return $pid;
}

# ---- processes and time ----

sub launcher_pid
{
	my ($node) = @_;

	return $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE backend_type = 'cvwiz launcher'");
}

sub wait_for_launcher
{
	my ($node) = @_;

	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'cvwiz launcher'")
	  or die "there is no launcher";
	return launcher_pid($node);
}

# Kills a server process the hard way, and waits for the server's recovery.
sub crash_process
{
	my ($node, $pid) = @_;
	my $offset = -s $node->logfile;

	kill('KILL', $pid) == 1 or die "there is no process $pid";
	$node->wait_for_log(qr/\(PID $pid\) was terminated by signal 9/, $offset);
	$node->poll_query_until('postgres', 'SELECT true') or die "no recovery";
	return;
}

# How often something is in the server's log.
sub log_count
{
	my ($node, $pattern) = @_;
	my $log = slurp_file($node->logfile);
	my @found = $log =~ /$pattern/g;

	return scalar @found;
}

sub seconds_taken
{
	my ($code) = @_;
	my $begin = Time::HiRes::time();

	$code->();
	return Time::HiRes::time() - $begin;
}

1;
