# The background worker: what is due, and when it runs.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

sub count_runs
{
	my ($node, $table) = @_;

	return $node->safe_psql('postgres',
		"SELECT count(*) FROM cvwiz.retention_runs WHERE relation_name = 'public.$table'");
}

sub next_run
{
	my ($node, $table) = @_;

	return $node->safe_psql('postgres',
		"SELECT next_run AT TIME ZONE 'UTC' FROM cvwiz.retention_policies WHERE relation = '$table'::regclass");
}

sub count_rows
{
	my ($node, $table, $condition) = @_;

	return $node->safe_psql('postgres', "SELECT count(*) FROM $table WHERE $condition");
}

# ---- the launcher, and CREATE EXTENSION in a running server ----

my $node = start_server('main', now => '2026-05-10 12:00', extension => 0);

wait_for_launcher($node);
is( $node->safe_psql('postgres',
		"SELECT datname IS NULL, state FROM pg_stat_activity WHERE backend_type = 'cvwiz launcher'"),
	't|idle', 'the launcher is connected to no database');
ok(!$node->log_contains('cvwiz in database'), 'nothing is said about databases without the extension');

$node->safe_psql('postgres', 'CREATE EXTENSION cvwiz');
is( $node->safe_psql('postgres', "SELECT status FROM cvwiz.health() WHERE check_name = 'worker'"),
	'ok', 'health() sees the worker');

# 2026-01-01 to 2026-05-10; cutoffs from 2026-02-09 on
create_table($node, 'postgres', 'plain', from => '2026-01-01', rows => 3120,
	policy => '2026-05-10 12:00');
create_partitioned_table($node, 'postgres', 'months', from => '2026-01-01', months => 5, rows => 3120,
	policy => '2026-05-10 12:00');
is(next_run($node, 'plain'), '2026-05-11 03:00:00', 'a new policy waits for its time');
worker_looked($node, 'postgres');
is(count_runs($node, 'plain') + count_runs($node, 'months'), 0, '... and is not run before');

# ---- what is due is run, once a day ----

set_clock($node, '2026-05-11 03:00:30');
wait_for_run($node, 'postgres', $_, 1) for qw(plain months);
is( run_of($node, 'postgres', 'plain',
		"origin, success, deleted_count, residue, error IS NULL, cutoff_date AT TIME ZONE 'UTC'"),
	'worker|t|964|0|t|2026-02-10 03:00:30',
	'the worker has run the plain table\'s policy');
is( run_of($node, 'postgres', 'months',
		'origin, success, deleted_count, partitions_created, partitions_detached, partitions_dropped, residue'),
	'worker|t|964|3|1|1|0',
	'the worker has run the partitioned table\'s policy');
is(count_rows($node, 'plain', "at < '2026-02-10 03:00:30Z'"), 0, 'expired rows are gone');
is(count_rows($node, 'plain', 'true'), 3120 - 964, '... and only they');
is($node->safe_psql('postgres', 'SELECT count(*) FROM (TABLE plain EXCEPT ALL TABLE months) d'), 0,
	'both tables have the same rows');
is($node->safe_psql('postgres',
		"SELECT started_at AT TIME ZONE 'UTC' FROM cvwiz.retention_runs WHERE relation_name = 'public.plain'"),
	'2026-05-11 03:00:30', 'the run began at the clock\'s time');
is(next_run($node, 'plain'), '2026-05-12 03:00:00', 'the next run is tomorrow');
like(slurp_file($node->logfile), qr/retention of table public\.plain in database "postgres": success/,
	'the run is in the log');

set_clock($node, '2026-05-11 20:00');
worker_looked($node, 'postgres');
set_clock($node, '2026-05-12 02:59');
worker_looked($node, 'postgres');
is(count_runs($node, 'plain'), 1, 'it is not run again on that day, nor early on the next');

# ---- a run by SQL counts ----

$node->safe_psql('postgres', 'CALL cvwiz.run_retention()');
is(run_of($node, 'postgres', 'plain', 'origin, success'), 'call|t', 'CALL runs it by hand');
is(next_run($node, 'plain'), '2026-05-13 03:00:00',
	'a run before the time of day takes the place of the worker\'s');
set_clock($node, '2026-05-12 03:01');
worker_looked($node, 'postgres');
is(count_runs($node, 'plain'), 2, 'a CALL on that day counts');

set_clock($node, '2026-05-13 01:00');
is($node->safe_psql('postgres', "SELECT success FROM cvwiz.cleanup_old_logs('plain')"), 't',
	'cleanup_old_logs() runs it');
set_clock($node, '2026-05-13 05:00');
worker_looked($node, 'postgres');
is(run_of($node, 'postgres', 'plain', 'origin'), 'function', 'a cleanup_old_logs() on that day counts');
is(run_of($node, 'postgres', 'months', 'origin'), 'worker', '... for its table only');

set_clock($node, '2026-05-14 03:00');
worker_looked($node, 'postgres');
is(run_of($node, 'postgres', 'plain', 'origin, success'), 'worker|t',
	'the next day\'s run is the worker\'s again');
is(count_runs($node, 'plain'), 4, '... one run');

# ---- missed runs ----

$node->stop;
$node->append_conf('postgresql.auto.conf', "cvwiz.now = '2026-05-16 15:00'");
$node->start;
my $seconds = seconds_taken(sub { wait_for_run($node, 'postgres', 'plain', 5) });
cmp_ok($seconds, '<', 15, 'a run missed while the server was down happens soon after its start');
worker_looked($node, 'postgres');
is(count_runs($node, 'plain'), 5, '... once, though two were missed');
is(next_run($node, 'plain'), '2026-05-17 03:00:00', '... and the next one is on time');

# ---- cvwiz.purge_time ----

set_setting($node, 'cvwiz.purge_time' => '18:30');
set_clock($node, '2026-05-17 18:29');
worker_looked($node, 'postgres');
is(count_runs($node, 'plain'), 5, 'a later time of day is taken over by reload');
is(next_run($node, 'plain'), '2026-05-17 18:30:00', '... and shown');
set_clock($node, '2026-05-17 18:30');
worker_looked($node, 'postgres');
is(count_runs($node, 'plain'), 6, '... and kept to');
reset_setting($node, 'cvwiz.purge_time');
set_clock($node, '2026-05-18 03:00');
worker_looked($node, 'postgres');
is(count_runs($node, 'plain'), 7, 'so is an earlier one');

my ($result, $stdout, $stderr) = $node->psql('postgres', "ALTER SYSTEM SET cvwiz.purge_time = '24:00'");
like($stderr, qr/invalid value for parameter "cvwiz.purge_time": "24:00"/, 'an impossible time is refused');

# ---- a table that fails ----

create_table($node, 'postgres', 'bad', from => '2026-01-01', rows => 3120, policy => '2026-05-18 12:00');
$node->safe_psql('postgres', q{
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN RAISE EXCEPTION 'not today' USING ERRCODE = 'P0099', DETAIL = 'a detail'; END$$;
	CREATE TRIGGER refuse BEFORE DELETE ON bad FOR EACH ROW EXECUTE FUNCTION refuse();
});
set_clock($node, '2026-05-19 03:00');
worker_looked($node, 'postgres');
is(run_of($node, 'postgres', 'bad', 'origin, success, deleted_count'), 'worker|f|0',
	'a table that fails is recorded');
like(run_of($node, 'postgres', 'bad', 'error'), qr/not today/, '... with its error');
like(run_of($node, 'postgres', 'bad', 'error_detail'), qr/P0099.*a detail/s, '... SQLSTATE and detail');
is(count_runs($node, 'bad'), 1, '... and not tried again at once');
is(count_runs($node, 'plain'), 8, 'the others are run');
is(run_of($node, 'postgres', 'plain', 'success'), 't', '... successfully');
is(next_run($node, 'bad'), '2026-05-19 03:01:00', 'it is tried again after 1 minute');

my @retries = (
	[ '03:00:59', 1, '03:01:00' ],
	[ '03:01:00', 2, '03:03:00' ],
	[ '03:02:59', 2, '03:03:00' ],
	[ '03:03:00', 3, '03:07:00' ]);
for my $retry (@retries)
{
	my ($time, $runs, $next) = @$retry;

	set_clock($node, "2026-05-19 $time");
	worker_looked($node, 'postgres');
	is(count_runs($node, 'bad') . ' ' . next_run($node, 'bad'), "$runs 2026-05-19 $next",
		"at $time: $runs attempts, the next at $next");
}
is(count_runs($node, 'plain'), 8, 'that repeats nothing of the others');
is( $node->safe_psql('postgres',
		"SELECT status FROM cvwiz.health() WHERE check_name = 'residue' AND detail ~ '^public.bad:'"),
	'crit', 'health() tells of it');
$node->safe_psql('postgres', 'DROP TRIGGER refuse ON bad');
set_clock($node, '2026-05-19 03:07');
worker_looked($node, 'postgres');
is(run_of($node, 'postgres', 'bad', 'success, residue'), 't|0', 'once mended, it succeeds');
is(next_run($node, 'bad'), '2026-05-20 03:00:00', '... and is on time again');

# ---- disabled, on hold ----

my $before = count_rows($node, 'plain', 'true');
my $before_months = count_rows($node, 'months', 'true');
$node->safe_psql('postgres', q{
	SELECT cvwiz.alter_retention_policy('plain', enabled => false);
	SELECT cvwiz.alter_retention_policy('months', hold => true)});
is(next_run($node, 'plain'), '', 'a disabled policy has no next run');
set_clock($node, '2026-07-01 03:00');
worker_looked($node, 'postgres');
is(count_runs($node, 'plain'), 8, 'a disabled policy is not run');
is(count_rows($node, 'plain', 'true'), $before, '... and keeps its rows');
is(count_rows($node, 'months', 'true'), $before_months, 'on hold, a table keeps its rows');
is(run_of($node, 'postgres', 'months', 'partitions_created, partitions_detached, partitions_dropped, deleted_count'),
	'2|0|0|0', '... but its months are made ahead');

$node->safe_psql('postgres', q{
	SELECT cvwiz.alter_retention_policy('plain', enabled => true);
	SELECT cvwiz.alter_retention_policy('months', hold => false)});
set_clock($node, '2026-07-02 03:00');
worker_looked($node, 'postgres');
is(run_of($node, 'postgres', 'plain', 'success, residue'), 't|0', 'enabled again, it is run');
is(run_of($node, 'postgres', 'months', 'success, residue'), 't|0', 'with the hold lifted, it is purged');

# ---- cvwiz.databases ----

$node->safe_psql('postgres', 'CREATE DATABASE "Other One"');
$node->safe_psql('Other One', 'CREATE EXTENSION cvwiz');
set_setting($node, 'cvwiz.databases' => '"Other One", no_such_database');
my $plain_runs = count_runs($node, 'plain');
set_clock($node, '2026-07-03 03:00');
worker_looked($node, 'Other One');
is(count_runs($node, 'plain'), $plain_runs, 'a database that cvwiz.databases leaves out is not served');
# once after each reload, of which there were two
my $unknown_name = qr/"cvwiz\.databases" names database "no_such_database"/;
my $logged = log_count($node, $unknown_name);
cmp_ok($logged, '>=', 1, 'an unknown name is logged');
worker_looked($node, 'Other One');
worker_looked($node, 'Other One');
is(log_count($node, $unknown_name), $logged, '... and not in every round');
is(log_count($node, qr/"cvwiz\.databases" names database "Other One"/), 0, '... and no other');

set_setting($node, 'cvwiz.databases' => '');
wait_for_run($node, 'postgres', 'plain', $plain_runs + 1);
pass('without names, all databases are served');
worker_looked($node, 'Other One');

# ---- cvwiz.worker ----

set_setting($node, 'cvwiz.worker' => 'off');
$node->poll_query_until('postgres', "SELECT current_setting('cvwiz.worker') = 'off'");
is( $node->safe_psql('postgres', "SELECT status FROM cvwiz.health() WHERE check_name = 'worker'"),
	'warn', 'health() warns when the worker is off');
# Three rounds of the launcher: nothing tells that it has done nothing.
my $rounds = "clock_timestamp() > '" . $node->safe_psql('postgres', "SELECT now() + interval '3 s'") . "'";
$node->poll_query_until('postgres', "SELECT $rounds");
set_clock($node, '2026-07-04 03:00');
$rounds = "clock_timestamp() > '" . $node->safe_psql('postgres', "SELECT now() + interval '3 s'") . "'";
$node->poll_query_until('postgres', "SELECT $rounds");
is(count_runs($node, 'plain'), $plain_runs + 1, 'with cvwiz.worker = off nothing is run');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'cvwiz worker'"),
	0, '... and nobody connected');
set_setting($node, 'cvwiz.worker' => 'on');
wait_for_run($node, 'postgres', 'plain', $plain_runs + 2);
pass('with cvwiz.worker = on it is run');

# off in the middle of a purge
create_table($node, 'postgres', 'long', from => '2026-01-01', rows => 1000, policy => '2026-07-04 12:00');
set_setting($node, 'cvwiz.purge_batch_size' => 10, 'cvwiz.purge_pause' => '200ms');
set_clock($node, '2026-07-05 03:00');
my $pid = wait_until_deleted($node, 'postgres', 'long', 20);
set_setting($node, 'cvwiz.worker' => 'off');
$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)");
cmp_ok(count_rows($node, 'long', 'true'), '>', 0, 'cvwiz.worker = off stops a purge at work');
reset_setting($node, qw(cvwiz.worker cvwiz.purge_batch_size cvwiz.purge_pause));
set_clock($node, '2026-07-05 04:00');
wait_for_run($node, 'postgres', 'long', 2);
is(run_of($node, 'postgres', 'long', 'success, residue'), 't|0', '... which goes on when it is on again');

# ---- ends of the launcher ----

my $launcher = launcher_pid($node);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher)");
ok( $node->poll_query_until('postgres',
		"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'cvwiz launcher' AND pid <> $launcher)"),
	'a launcher that was terminated is started again');
worker_looked($node, 'postgres');
pass('... and works');

is(log_count($node, qr/(PANIC|TRAP|terminated by signal)/), 0, 'nothing crashed');
$node->stop;

done_testing();
