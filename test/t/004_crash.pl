# Killed at any moment, the next run finishes the work: nothing is lost, and
# nothing is done or counted twice.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $node = start_server('main', now => '2026-05-10 12:00');
my $day = 10;

# 600 expired rows, and 100 that are not. Its policy is due on the next day only:
# the worker must not come before it is made slow.
sub slow_table
{
	my ($name) = @_;

	create_table($node, 'postgres', $name, from => '2026-01-01', rows => 600,
		policy => "2026-05-$day 12:00");
	$node->safe_psql('postgres', qq{
		INSERT INTO $name SELECT n, timestamptz '2026-05-01 UTC' + n * interval '1 minute', 'kept ' || n
		FROM generate_series(1000, 1099) n;
		CREATE TABLE kept_of_$name AS SELECT * FROM $name WHERE id >= 1000;
	});
	return;
}

# Makes the purges slow, and the next day begin.
sub next_day_slowly
{
	set_setting($node, 'cvwiz.purge_batch_size' => 10, 'cvwiz.purge_pause' => '100ms');
	$day++;
	set_clock($node, "2026-05-$day 03:00");
	return;
}

# A minute later, quickly again: what was interrupted is due.
sub go_on_quickly
{
	reset_setting($node, qw(cvwiz.purge_batch_size cvwiz.purge_pause));
	set_clock($node, "2026-05-$day 04:00");
	return;
}

# What must hold when all is done, however often the runs were interrupted.
sub all_is_done
{
	my ($name, $what) = @_;

	is(run_of($node, 'postgres', $name, 'success, residue'), 't|0', "$what: the next run succeeds");
	is( $node->safe_psql('postgres', qq{
			SELECT count(*) FROM ((TABLE $name EXCEPT ALL TABLE kept_of_$name)
			UNION ALL (TABLE kept_of_$name EXCEPT ALL TABLE $name)) d}),
		0, "$what: the expired rows are gone, and no others");
	is( $node->safe_psql('postgres',
			"SELECT sum(deleted_count) FROM cvwiz.retention_runs WHERE relation_name = 'public.$name'"),
		600, "$what: each deleted row is counted once");
	is( $node->safe_psql('postgres', qq{
			SELECT count(*) FROM cvwiz.retention_runs
			WHERE relation_name = 'public.$name' AND (finished_at IS NULL OR success IS NULL)}),
		0, "$what: every run has its end");
	return;
}

# The first run of a table that was interrupted, and by what.
sub is_interrupted
{
	my ($name, $error, $what) = @_;

	is( $node->safe_psql('postgres', qq{
			SELECT success, deleted_count BETWEEN 20 AND 590, residue FROM cvwiz.retention_runs
			WHERE relation_name = 'public.$name' ORDER BY run_id LIMIT 1}),
		'f|t|', "$what: the run that was stopped is no success");
	like( $node->safe_psql('postgres', qq{
			SELECT error FROM cvwiz.retention_runs
			WHERE relation_name = 'public.$name' ORDER BY run_id LIMIT 1}),
		$error, "$what: ... and says so");
	return;
}

# ---- kill -9 of the worker in the middle of a purge ----

slow_table('killed');
next_day_slowly();
my $pid = wait_until_deleted($node, 'postgres', 'killed', 20);
crash_process($node, $pid);
go_on_quickly();
wait_for_run($node, 'postgres', 'killed', 2);
is_interrupted('killed', qr/process $pid ended before the run did/, 'kill -9');
all_is_done('killed', 'kill -9');
wait_for_launcher($node);
pass('the launcher is back after the crash');

# ---- the worker, and CALL, terminated ----

slow_table('terminated');
next_day_slowly();
$pid = wait_until_deleted($node, 'postgres', 'terminated', 20);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
go_on_quickly();
wait_for_run($node, 'postgres', 'terminated', 2);
is_interrupted('terminated', qr/process $pid ended before the run did/, 'SIGTERM');
all_is_done('terminated', 'SIGTERM');

# The policy is due on the next day only, so the run is CALL's.
sub call_slowly
{
	my ($name) = @_;

	my $session = $node->background_psql('postgres', on_error_stop => 0);
	$session->query_safe("SET cvwiz.purge_batch_size = 10; SET cvwiz.purge_pause = '100ms';");
	$session->query_until(qr/called/, "\\echo called\nCALL cvwiz.run_retention('$name');\n");
	return ($session, wait_until_deleted($node, 'postgres', $name, 20));
}

my $session;
slow_table('call_terminated');
($session, $pid) = call_slowly('call_terminated');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
eval { $session->quit };
$node->safe_psql('postgres', "CALL cvwiz.run_retention('call_terminated')");
is_interrupted('call_terminated', qr/process $pid ended before the run did/, 'SIGTERM to CALL');
all_is_done('call_terminated', 'SIGTERM to CALL');

# ---- cancelled ----

slow_table('cancelled');
slow_table('next');
next_day_slowly();
$pid = wait_until_deleted($node, 'postgres', 'cancelled', 20);
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
wait_until_deleted($node, 'postgres', 'next', 20);
pass('the worker goes on with the next table when it was cancelled');
is_interrupted('cancelled', qr/cancel/, 'cancel');
like(run_of($node, 'postgres', 'cancelled', 'error_detail'), qr/57014/, '... with its SQLSTATE');
isnt(run_of($node, 'postgres', 'cancelled', 'finished_at'), '', '... at once');
go_on_quickly();
wait_for_run($node, 'postgres', 'cancelled', 2);
wait_for_run($node, 'postgres', 'next', 1);
all_is_done('cancelled', 'cancel');
all_is_done('next', 'the table after a cancelled one');

slow_table('call_cancelled');
($session, $pid) = call_slowly('call_cancelled');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
my ($output) = $session->query('SELECT 1 + 1');
like($output, qr/^2$/m, 'the session of a cancelled CALL goes on');
like($session->{stderr}, qr/canceling statement due to user request/, '... and has the error');
$session->{stderr} = '';
is_interrupted('call_cancelled', qr/cancel/, 'cancel of CALL');
$output = $session->query(
	"SET cvwiz.purge_batch_size TO DEFAULT; SET cvwiz.purge_pause TO DEFAULT; CALL cvwiz.run_retention('call_cancelled')");
all_is_done('call_cancelled', 'cancel of CALL');
$session->quit;

# One lock too many in that session would keep the others out.
is( $node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"),
	0, 'nobody holds a run\'s lock any more');

# ---- the function: nothing of it stays ----

slow_table('function_cancelled');
$node->safe_psql('postgres', q{
	CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.05); RETURN OLD; END$$;
	CREATE TRIGGER slowly BEFORE DELETE ON function_cancelled FOR EACH ROW EXECUTE FUNCTION slowly()});
my ($result, $stdout, $stderr) = $node->psql('postgres', q{
	SET statement_timeout = '500ms';
	SELECT * FROM cvwiz.cleanup_old_logs('function_cancelled')});
like($stderr, qr/canceling statement due to statement timeout/, 'cleanup_old_logs() can be cancelled');
is($node->safe_psql('postgres', 'SELECT count(*) FROM function_cancelled'), 700, '... and rolls back');
$node->safe_psql('postgres', 'DROP TRIGGER slowly ON function_cancelled');
is($node->safe_psql('postgres', "SELECT success, deleted_count FROM cvwiz.cleanup_old_logs('function_cancelled')"),
	't|600', '... and works the next time');
all_is_done('function_cancelled', 'cancel of cleanup_old_logs()');

# ---- immediate stop of the server ----

slow_table('stopped');
next_day_slowly();
wait_until_deleted($node, 'postgres', 'stopped', 20);
$node->stop('immediate');
$node->append_conf('postgresql.auto.conf', "cvwiz.purge_pause = 0\ncvwiz.now = '2026-05-$day 04:00'");
$node->start;
wait_for_run($node, 'postgres', 'stopped', 2);
is_interrupted('stopped', qr/ended before the run did/, 'immediate stop');
all_is_done('stopped', 'immediate stop');

# a fast stop does not wait for the purge
slow_table('shut_down');
next_day_slowly();
wait_until_deleted($node, 'postgres', 'shut_down', 20);
cmp_ok(seconds_taken(sub { $node->stop('fast') }), '<', 10, 'a fast stop is not kept waiting by a purge');
$node->append_conf('postgresql.auto.conf', "cvwiz.purge_pause = 0\ncvwiz.now = '2026-05-$day 04:00'");
$node->start;
wait_for_run($node, 'postgres', 'shut_down', 2);
all_is_done('shut_down', 'fast stop');

# ---- between detach and drop ----

sub months_table
{
	my ($name) = @_;

	# all of January is expired
	create_partitioned_table($node, 'postgres', $name, from => '2026-01-01', months => 6, rows => 3600,
		policy => "2026-05-$day 12:00");
	return;
}

sub detached
{
	my ($name) = @_;

	return $node->safe_psql('postgres',
		"SELECT relation FROM cvwiz.detached_partition WHERE parent = '$name'::regclass");
}

# The drop waits for the reader of a table that the partition references; the
# detach does not.
$node->safe_psql('postgres', 'CREATE TABLE users (id bigint PRIMARY KEY); INSERT INTO users VALUES (1)');
months_table('halved');
$node->safe_psql('postgres',
	'ALTER TABLE halved ADD COLUMN user_id bigint NOT NULL DEFAULT 1 REFERENCES users (id)');
my $reader = $node->background_psql('postgres');
$reader->query_safe('BEGIN; SELECT * FROM users');
set_setting($node, 'cvwiz.lock_timeout' => '60s');
$day++;
set_clock($node, "2026-05-$day 03:00");
$node->poll_query_until('postgres', q{
	SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'users'::regclass AND NOT granted)})
  or die "the drop does not wait";
is(detached('halved'), 'halved_2026_01', 'the partition is detached, and the drop waits');
$pid = wait_for_running($node, 'postgres', 'halved');
crash_process($node, $pid);
eval { $reader->quit };
reset_setting($node, 'cvwiz.lock_timeout');
is($node->safe_psql('postgres', q{SELECT pg_table_size('halved_2026_01') < 16384, rows, drop_due <= cvwiz.clock()
		FROM cvwiz.detached_partitions WHERE relation = 'halved_2026_01'::regclass}), 't|0|t',
	'killed there, its space is free already');
is($node->safe_psql('postgres',
	"SELECT count(*) FROM cvwiz.retention_plan('halved') WHERE action = 'drop' AND target = 'public.halved_2026_01'"),
	1, '... and the plan has its drop');
set_clock($node, "2026-05-$day 04:00");
wait_for_run($node, 'postgres', 'halved', 2);
is(run_of($node, 'postgres', 'halved', 'success, partitions_dropped, residue'), 't|1|0',
	'the next run drops it');
is($node->safe_psql('postgres', "SELECT to_regclass('halved_2026_01')"), '', '... and it is gone');
is(detached('halved'), '', '... and forgotten');
is( $node->safe_psql('postgres', q{
		SELECT sum(deleted_count), sum(partitions_detached), sum(partitions_dropped)
		FROM cvwiz.retention_runs WHERE relation_name = 'public.halved'}),
	$node->safe_psql('postgres', 'SELECT 3600 - count(*) FROM halved') . '|1|1',
	'... counted once');

# The drop fails.
months_table('viewed');
$node->safe_psql('postgres', 'CREATE VIEW january AS SELECT * FROM viewed_2026_01');
$day++;
set_clock($node, "2026-05-$day 03:00");
wait_for_run($node, 'postgres', 'viewed', 1);
is(run_of($node, 'postgres', 'viewed', 'success, partitions_detached, partitions_dropped'), 'f|1|0',
	'a partition that cannot be dropped is a failure');
like(run_of($node, 'postgres', 'viewed', 'error'), qr/viewed_2026_01.*other objects depend on it/,
	'... which names it');
like(run_of($node, 'postgres', 'viewed', 'error_detail'), qr/2BP01/, '... with the SQLSTATE');
is($node->safe_psql('postgres', 'SELECT count(*) FROM january'), 744, '... and the view has its rows');
is($node->safe_psql('postgres', "SELECT count(*) FROM viewed WHERE at < '2026-02-09Z'"), 0,
	'... while the rest of the expired rows is purged');

# A row that has not expired comes into the detached table.
$node->safe_psql('postgres', q{
	DROP VIEW january;
	-- which the detach has left there, up to PostgreSQL 18
	SET client_min_messages = warning;
	ALTER TABLE viewed_2026_01 DROP CONSTRAINT IF EXISTS viewed_2026_01_at_check;
	INSERT INTO viewed_2026_01 (id, at, note) VALUES (99999, '2026-05-15Z', 'a stray')});
set_clock($node, "2026-05-$day 04:00");
wait_for_run($node, 'postgres', 'viewed', 2);
is(run_of($node, 'postgres', 'viewed', 'success, partitions_dropped'), 'f|0',
	'a detached table with a row that has not expired is kept');
like(run_of($node, 'postgres', 'viewed', 'error'), qr/has 1 rows? that ha(s|ve) not expired/, '... and said to be');
is($node->safe_psql('postgres', 'SELECT count(*) FROM viewed_2026_01'), 745, '... with all its rows');
$node->safe_psql('postgres', q{
	WITH stray AS (DELETE FROM viewed_2026_01 WHERE id = 99999 RETURNING *) INSERT INTO viewed SELECT * FROM stray});
set_clock($node, "2026-05-$day 12:00");
wait_for_run($node, 'postgres', 'viewed', 3);
is(run_of($node, 'postgres', 'viewed', 'success, partitions_dropped, residue'), 't|1|0',
	'once that was moved, it is dropped');
is($node->safe_psql('postgres', 'SELECT note FROM viewed WHERE id = 99999'), 'a stray', '... and the row is kept');

# Attached again by hand, it is no leftover any more.
months_table('returned');
$node->safe_psql('postgres', 'CREATE VIEW january AS SELECT * FROM returned_2026_01');
$day++;
set_clock($node, "2026-05-$day 03:00");
wait_for_run($node, 'postgres', 'returned', 1);
$node->safe_psql('postgres', q{
	DROP VIEW january;
	SELECT cvwiz.alter_retention_policy('returned', retention_days => 365);
	ALTER TABLE returned ATTACH PARTITION returned_2026_01 FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z')});
set_clock($node, "2026-05-$day 04:00");
wait_for_run($node, 'postgres', 'returned', 2);
is(run_of($node, 'postgres', 'returned', 'success, partitions_dropped'), 't|0',
	'a partition that was attached again is not dropped');
is($node->safe_psql('postgres', 'SELECT count(*) FROM returned_2026_01'), 744, '... and keeps its rows');

is(log_count($node, qr/(PANIC:|TRAP:|terminated by signal (?!9)\d+)/), 0, 'nothing else has crashed');
$node->stop;

done_testing();
