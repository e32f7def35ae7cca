# A concurrent detach that is interrupted in every way, or overtaken by somebody:
# the next run brings it to its end, and what a person wants kept is kept.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $node = start_server('main', now => '2026-05-10 12:00', conf => "cvwiz.worker = off\n");
my ($reader, $runner, $runner_pid);

sub new_sessions
{
	$reader = $node->background_psql('postgres', on_error_stop => 0);
	$runner = $node->background_psql('postgres', on_error_stop => 0);
	$runner_pid = $runner->query_safe('SELECT pg_backend_pid()');
	return;
}

# A table whose January has expired, and whose months to come are made.
sub new_table
{
	my ($name) = @_;

	create_partitioned_table($node, 'postgres', $name, from => '2026-01-01', months => 8, rows => 3000,
		policy => '2026-05-10 12:00');
	return;
}

# A table, and a run of it whose detach waits for the reader; the pid of the
# process that detaches.
sub waiting_detach
{
	my ($name) = @_;

	new_table($name);
	$reader->query_safe("BEGIN; SELECT count(*) FROM $name");
	begin_statement($runner, "CALL cvwiz.run_retention('$name')");
	return wait_for_detach($node);
}

# A run that is ended by a function before its detach has changed anything.
sub ended_before_detach
{
	my ($name, $function) = @_;

	new_table($name);
	$reader->query_safe("BEGIN; LOCK TABLE $name IN SHARE UPDATE EXCLUSIVE MODE");
	begin_statement($runner, "CALL cvwiz.run_retention('$name')");
	wait_for_statement_worker($node, 'relation');
	scalar_of("SELECT $function");
	if ($function =~ /terminate/)
	{
		eval { $_->quit } for $reader, $runner;
		new_sessions();
		return;
	}
	last_error($runner);
	$reader->query_safe('ROLLBACK');
	return;
}

sub scalar_of
{
	my ($sql) = @_;

	return $node->safe_psql('postgres', $sql);
}

# The partition's state: attached, pending; and of its row: detached_at is set.
sub state_of
{
	my ($partition) = @_;

	return scalar_of(qq{
		SELECT coalesce(i.inhdetachpending::text, 'detached') || ' ' ||
			CASE WHEN d.relation IS NULL THEN 'none' ELSE (d.detached_at IS NOT NULL)::text END
		FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN cvwiz.detached_partition d ON d.relation = c.oid
		WHERE c.oid = to_regclass('$partition')});
}

# The interrupted run, and then another one that nothing is in the way of.
sub is_healed
{
	my ($name, $what) = @_;

	is(statement_workers($node), '', "$what: the process that detached is gone");
	is(state_of("${name}_2026_01"), 'true false', "$what: the detach is left pending");
	is(run_of($node, 'postgres', $name, 'success IS TRUE'), 'f', "$what: no success is recorded");
	scalar_of("CALL cvwiz.run_retention('$name')");
	is(run_of($node, 'postgres', $name, 'success, partitions_dropped, residue'), 't|1|0', "$what: the next run ends it");
	is( scalar_of("SELECT sum(deleted_count), sum(partitions_detached), sum(partitions_dropped) FROM cvwiz.retention_runs WHERE relation_name = 'public.$name'"),
		scalar_of("SELECT 3000 - count(*) FROM $name") . '|1|1', "$what: counted once");
	scalar_of("DROP TABLE $name");
	return;
}

new_sessions();

# ---- cancelled, timed out, terminated ----

waiting_detach('cancelled');
is(scalar_of('SELECT count(*), min(at) FROM cancelled'), '2256|2026-01-31 19:00:00-05', 'while it waits, others see its rows no longer');
is(scalar_of("SET lock_timeout = '1s'; INSERT INTO cancelled VALUES (9999, '2026-05-10Z') RETURNING id"), 9999, '... and write the table');
scalar_of('DELETE FROM cancelled WHERE id = 9999');
scalar_of("SELECT pg_cancel_backend($runner_pid)");
like(last_error($runner), qr/ERROR:  canceling statement due to user request/, 'who is cancelled, is told so');
$reader->query_safe('ROLLBACK');
like(run_of($node, 'postgres', 'cancelled', 'error'), qr/^stopped: canceling statement due to user request/, '... and the run says so');
is_healed('cancelled', 'the caller is cancelled');

$runner->query_safe("SET statement_timeout = '2s'");
waiting_detach('timed_out');
like(last_error($runner), qr/ERROR:  canceling statement due to statement timeout/, "the caller's statement_timeout ends its detach");
$runner->query_safe('RESET statement_timeout');
$reader->query_safe('ROLLBACK');
is_healed('timed_out', 'statement_timeout');

set_setting($node, 'cvwiz.step_timeout' => '1s');
$runner->query_safe('SELECT 1') until $runner->query_safe('SHOW cvwiz.step_timeout') eq '1s';
waiting_detach('too_long');
like(last_error($runner), qr/ERROR:  .*retention failed/, 'cvwiz.step_timeout ends it');
like(run_of($node, 'postgres', 'too_long', 'error, error_detail'), qr/^detach too_long_2026_01: canceling statement due to statement timeout\|.*57014/,
	'... which the run records, and goes on');
is(scalar_of("SELECT count(*) FROM too_long_2026_02 WHERE at < '2026-02-09 12:00Z'"), 0, '... to its other steps');
cmp_ok(run_of($node, 'postgres', 'too_long', 'extract(epoch FROM duration)'), '<', 1 + 1,
	'... without a try to drop what is not detached, which the reader would keep it from');
is(run_of($node, 'postgres', 'too_long', 'residue'), '', 'hidden rows are no residue of 0');
$reader->query_safe('ROLLBACK');
reset_setting($node, 'cvwiz.step_timeout');
$runner->query_safe('SELECT 1') until $runner->query_safe('SHOW cvwiz.step_timeout') eq '1h';
is_healed('too_long', 'cvwiz.step_timeout');

my $worker_pid = waiting_detach('cancelled_worker');
scalar_of("SELECT pg_cancel_backend($worker_pid)");
like(last_error($runner), qr/ERROR:  .*retention failed/, 'its process is cancelled');
$reader->query_safe('ROLLBACK');
is_healed('cancelled_worker', 'its process is cancelled');

$worker_pid = waiting_detach('terminated_worker');
scalar_of("SELECT pg_terminate_backend($worker_pid)");
like(last_error($runner), qr/ERROR:  .*retention failed/, 'its process is terminated');
like(run_of($node, 'postgres', 'terminated_worker', 'error'), qr/^detach terminated_worker_2026_01: terminating background worker/, '... which the run records');
$reader->query_safe('ROLLBACK');
is_healed('terminated_worker', 'its process is terminated');

waiting_detach('terminated');
scalar_of("SELECT pg_terminate_backend($runner_pid, 60000)");
is(statement_workers($node), '', 'when a terminated caller has ended, the process that detached has too');
eval { $runner->quit };
$reader->query_safe('ROLLBACK');
is_healed('terminated', 'the caller is terminated');
eval { $reader->quit };
new_sessions();

# ---- the server goes down ----

waiting_detach('killed');
crash_process($node, $runner_pid);
eval { $_->quit } for $reader, $runner;
new_sessions();
is_healed('killed', 'the caller is killed');

$worker_pid = waiting_detach('killed_worker');
crash_process($node, $worker_pid);
eval { $_->quit } for $reader, $runner;
new_sessions();
is_healed('killed_worker', 'its process is killed');

waiting_detach('stopped');
$node->stop('immediate');
eval { $_->quit } for $reader, $runner;
$node->start;
new_sessions();
is_healed('stopped', 'the server is stopped');

# ---- somebody detaches by hand ----

new_table('by_hand');
my $session = $node->background_psql('postgres', on_error_stop => 0);
my $session_pid = $session->query_safe('SELECT pg_backend_pid()');

# Leaves the detach of a partition pending.
sub interrupted_by_hand
{
	my ($table, $partition) = @_;

	$reader->query_safe("BEGIN; SELECT count(*) FROM $table");
	begin_statement($session, "ALTER TABLE $table DETACH PARTITION $partition CONCURRENTLY");
	$node->poll_query_until('postgres', "SELECT wait_event = 'virtualxid' FROM pg_stat_activity WHERE pid = $session_pid") or die;
	scalar_of("SELECT pg_cancel_backend($session_pid)");
	like(last_error($session), qr/canceling statement/, 'a detach by hand is cancelled');
	$reader->query_safe('ROLLBACK');
	return;
}

interrupted_by_hand('by_hand', 'by_hand_2026_01');
is(state_of('by_hand_2026_01'), 'true none', '... and pending');
is(scalar_of("SELECT action, target, lock_mode FROM cvwiz.retention_plan('by_hand') LIMIT 1"), 'finalize|public.by_hand_2026_01|SHARE UPDATE EXCLUSIVE',
	'... the plan begins with its end');
is(scalar_of("SELECT count(*) FROM cvwiz.retention_plan('by_hand') WHERE action = 'drop'"), 0, '... and has no drop');
scalar_of("CALL cvwiz.run_retention('by_hand')");
is(run_of($node, 'postgres', 'by_hand', 'success, partitions_detached, partitions_dropped, residue'), 't|0|0|0', 'a run finalizes it');
is(state_of('by_hand_2026_01'), 'detached none', '... and it is not the run\'s');
scalar_of("CALL cvwiz.run_retention('by_hand')");
is(scalar_of('SELECT count(*) FROM by_hand_2026_01'), 744, '... nor the next one\'s: who detaches by hand keeps the table');
# an unexpired month is no different
interrupted_by_hand('by_hand', 'by_hand_2026_03');
scalar_of("CALL cvwiz.run_retention('by_hand')");
is(scalar_of('SELECT count(*) FROM by_hand_2026_03'), 744, 'nor does an unexpired month go');
is(state_of('by_hand_2026_03'), 'detached none', '... which is detached by now');

# After a run that was stopped at the beginning of its own detach.
for my $way ('ALTER TABLE %s DETACH PARTITION %s_2026_01', 'ALTER TABLE %s DETACH PARTITION %s_2026_01 CONCURRENTLY',
	'SELECT cvwiz.detach_partition(\'%s_2026_01\')')
{
	ended_before_detach('overtaken', "pg_terminate_backend($runner_pid, 60000)");
	is(state_of('overtaken_2026_01'), 'false false', 'a run is terminated before its detach');
	my $sql = $way =~ s/%s/overtaken/gr;
	scalar_of($sql);
	is(state_of('overtaken_2026_01'), 'detached none', "... $sql");
	scalar_of("CALL cvwiz.run_retention('overtaken')");
	is(run_of($node, 'postgres', 'overtaken', 'success, partitions_detached, partitions_dropped, residue'), 't|0|0|0', '... takes it from the run');
	is(scalar_of('SELECT count(*) FROM overtaken_2026_01'), 744, '... which keeps it');
	scalar_of('DROP TABLE overtaken, overtaken_2026_01');
}
ended_before_detach('overtaken', "pg_cancel_backend($runner_pid)");
is(state_of('overtaken_2026_01'), 'false none', 'a run that is cancelled before its detach has nothing to do with it');
interrupted_by_hand('overtaken', 'overtaken_2026_01');
scalar_of("CALL cvwiz.run_retention('overtaken')");
is(scalar_of("SELECT to_regclass('overtaken_2026_01')"), 'overtaken_2026_01', '... so a detach by hand that is cancelled keeps the table as well');
scalar_of('DROP TABLE overtaken, overtaken_2026_01');
# one that was killed has left its row, which is not about the detach that is pending now
for my $run ("CALL cvwiz.run_retention('overtaken')", "SELECT FROM cvwiz.cleanup_old_logs('overtaken')")
{
	ended_before_detach('overtaken', "pg_terminate_backend($runner_pid, 60000)");
	is(state_of('overtaken_2026_01'), 'false false', 'a run is terminated before its detach');
	interrupted_by_hand('overtaken', 'overtaken_2026_01');
	is(scalar_of("SELECT count(*) FROM cvwiz.retention_plan('overtaken') WHERE action = 'drop'"), 0, '... the plan has no drop');
	scalar_of($run);
	is(run_of($node, 'postgres', 'overtaken', 'success, partitions_detached, partitions_dropped, residue'), 't|0|0|0', "... $run");
	is(state_of('overtaken_2026_01'), 'detached none', '... ends what is pending, which is not its own');
	scalar_of($run);
	is(scalar_of('SELECT count(*) FROM overtaken_2026_01'), 744, '... and the table is kept');
	scalar_of('DROP TABLE overtaken, overtaken_2026_01');
}

# The function, too, ends what a run has left, and drops that.
waiting_detach('leftover');
scalar_of("SELECT pg_cancel_backend($runner_pid)");
last_error($runner);
$reader->query_safe('ROLLBACK');
is(scalar_of("SELECT success, partitions_detached, partitions_dropped, residue FROM cvwiz.cleanup_old_logs('leftover')"), 't|1|1|0',
	'cleanup_old_logs() ends the detach of a run');
is(scalar_of("SELECT sum(deleted_count) FROM cvwiz.retention_runs WHERE relation_name = 'public.leftover'"),
	scalar_of('SELECT 3000 - count(*) FROM leftover'), '... counted once');

# Somebody ends what a run has left.
waiting_detach('ended');
scalar_of("SELECT pg_cancel_backend($runner_pid)");
last_error($runner);
$reader->query_safe('ROLLBACK');
is(state_of('ended_2026_01'), 'true false', "a run's detach is left pending");
scalar_of('ALTER TABLE ended DETACH PARTITION ended_2026_01 FINALIZE');
scalar_of("CALL cvwiz.run_retention('ended')");
is(scalar_of('SELECT count(*) FROM ended_2026_01'), 744, '... who finalizes it by hand keeps the table');

# ---- somebody changes his mind while it waits ----

sub mind_changed
{
	my ($name, $sql, $error) = @_;

	waiting_detach($name);
	scalar_of("SET lock_timeout = '1s'; $sql");
	$reader->query_safe('ROLLBACK');
	like(last_error($runner), qr/retention failed/, "$sql: the run ends");
	like(run_of($node, 'postgres', $name, 'error'), $error, '... and says why');
	is(run_of($node, 'postgres', $name, 'success, partitions_dropped, deleted_count'), 'f|0|0', '... and deletes nothing');
	is(scalar_of("SELECT count(*) FROM ${name}_2026_01"), 744, '... the partition has its rows');
	return;
}

mind_changed('held', q{SELECT cvwiz.alter_retention_policy('held', hold => true)}, qr/was put on hold during the run/);
is(state_of('held_2026_01'), 'detached true', '... detached, to be dropped');
scalar_of("CALL cvwiz.run_retention('held')");
is(scalar_of('SELECT count(*) FROM held_2026_01'), 744, '... not while the hold lasts');
scalar_of("SELECT cvwiz.alter_retention_policy('held', hold => false); CALL cvwiz.run_retention('held')");
is(run_of($node, 'postgres', 'held', 'success, partitions_dropped'), 't|1', '... and when it is lifted');

mind_changed('removed', q{SELECT cvwiz.remove_retention_policy('removed')}, qr/the retention policy was removed during the run/);
is(state_of('removed_2026_01'), 'detached none', '... and no run will ever drop it');
scalar_of("SELECT cvwiz.add_retention_policy('removed'); CALL cvwiz.run_retention('removed')");
is(scalar_of('SELECT count(*) FROM removed_2026_01'), 744, '... not under a new policy either');
mind_changed('disabled', q{SELECT cvwiz.alter_retention_policy('disabled', enabled => false)}, qr/the retention policy was disabled during the run/);
scalar_of("SELECT cvwiz.alter_retention_policy('disabled', enabled => true); CALL cvwiz.run_retention('disabled')");
is(run_of($node, 'postgres', 'disabled', 'success, partitions_dropped'), 't|1', '... until it is enabled again');

# ---- detached for a while ----

new_table('kept');
scalar_of("SELECT cvwiz.alter_retention_policy('kept', drop_after => '7 days')");
$reader->query_safe('BEGIN; SELECT count(*) FROM kept');
begin_statement($runner, "CALL cvwiz.run_retention('kept')");
wait_for_detach($node);
is(scalar_of("SELECT count(*) FROM cvwiz.detached_partitions WHERE parent = 'kept'::regclass"), 0, 'while it waits, it is not listed');
scalar_of("SELECT pg_cancel_backend($runner_pid)");
last_error($runner);
$reader->query_safe('ROLLBACK');
my $listed = q{SELECT relation, rows, detached_at AT TIME ZONE 'UTC', drop_due AT TIME ZONE 'UTC' FROM cvwiz.detached_partitions WHERE parent = 'kept'::regclass};
scalar_of("SET cvwiz.now = '2026-05-11 12:00'; CALL cvwiz.run_retention('kept')");
is(scalar_of($listed), 'kept_2026_01|744|2026-05-11 12:00:00|2026-05-18 12:00:00', 'with drop_after, what the next run finalizes stays, and is listed');
is(run_of($node, 'postgres', 'kept', 'success, partitions_detached, partitions_dropped'), 't|1|0', '... by a run that is a success');
scalar_of("SET cvwiz.now = '2026-05-18 11:59'; CALL cvwiz.run_retention('kept')");
is(scalar_of('SELECT count(*) FROM kept_2026_01'), 744, '... until drop_due');
$reader->query_safe('BEGIN; SELECT count(*) FROM kept_2026_01');
scalar_of("SET cvwiz.lock_timeout = '10ms'; SELECT FROM cvwiz.cleanup_old_logs('kept')");
is(scalar_of($listed), 'kept_2026_01|744|2026-05-11 12:00:00|2026-05-18 12:00:00', '... and for longer where somebody reads it');
$reader->query_safe('COMMIT');
scalar_of("SET cvwiz.now = '2026-05-18 12:00'; CALL cvwiz.run_retention('kept')");
is(scalar_of(q{SELECT to_regclass('kept_2026_01')}), '', '... when it is dropped');
is(run_of($node, 'postgres', 'kept', 'success, partitions_detached, partitions_dropped'), 't|0|1', '... by a run that is a success too');

# Taken back, with bounds as they were.
$node->safe_psql('postgres', q{
	CREATE TABLE back (id bigint, at timestamp NOT NULL) PARTITION BY RANGE (at);
	CREATE TABLE back_first PARTITION OF back FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
	CREATE TABLE back_second PARTITION OF back FOR VALUES FROM ('2026-01-01') TO ('2026-01-17 08:00:00.123456');
	INSERT INTO back VALUES (1, '-infinity'), (2, '1000-01-01 BC'), (3, '2025-12-31 23:59:59.999999'), (4, '2026-01-01');
	SET client_min_messages = warning;
	SELECT cvwiz.add_retention_policy('back', drop_after => '1 day')});
my $bounds = q{SELECT relname, pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname IN ('back_first', 'back_second') ORDER BY 1};
my $bounds_before = scalar_of($bounds);
scalar_of("CALL cvwiz.run_retention('back')");
is(scalar_of('SELECT count(*) FROM back'), 0, 'two partitions are detached');
scalar_of(q{SET client_min_messages = error; SELECT cvwiz.reattach_partition(c) FROM unnest('{back_second,back_first}'::regclass[]) c});
is(scalar_of($bounds), $bounds_before, 'reattached, they have the bounds that they had');
is(scalar_of('SELECT count(*) FROM back'), 4, '... and their rows are in the table');
scalar_of("SELECT cvwiz.alter_retention_policy('back', hold => true); SET cvwiz.now = '2026-05-18'; CALL cvwiz.run_retention('back')");
is(scalar_of('SELECT count(*) FROM back'), 4, 'a hold keeps them');
scalar_of("SELECT cvwiz.alter_retention_policy('back', hold => false); CALL cvwiz.run_retention('back')");
is(scalar_of('SELECT count(*), (SELECT count(*) FROM cvwiz.detached_partitions) FROM back'), '0|2', '... and nothing else');

# ---- a table with foreign keys out ----

new_table('referring');
$node->safe_psql('postgres', q{
	CREATE TABLE users (id int PRIMARY KEY);
	INSERT INTO users SELECT generate_series(1, 10);
	ALTER TABLE referring ADD COLUMN user_id int DEFAULT 1 REFERENCES users});
$runner->query_safe("SET cvwiz.lock_timeout = '300ms'");

# The longest that a statement takes while the run is at work.
sub longest_beside
{
	my ($sql) = @_;
	my $ended = q{SELECT count(*) FROM cvwiz.retention_runs WHERE relation_name = 'public.referring' AND finished_at IS NOT NULL};
	my $before = scalar_of($ended);
	my $longest = 0;

	begin_statement($runner, "CALL cvwiz.run_retention('referring')");
	for (my $deadline = time() + 60; time() < $deadline && scalar_of($ended) eq $before;)
	{
		my $taken = seconds_taken(sub { $session->query_safe($sql) });
		$longest = $taken if $taken > $longest;
	}
	return $longest;
}

$reader->query_safe('BEGIN; UPDATE users SET id = id WHERE id = 3');
cmp_ok(longest_beside('UPDATE users SET id = id WHERE id = 5'), '<', 3,
	'a detach that waits for a writer of a table that it refers to keeps others from it for no longer than cvwiz.lock_timeout');
last_error($runner);
is(state_of('referring_2026_01'), 'true false', '... and gives up, pending');
like(run_of($node, 'postgres', 'referring', 'error, error_detail'), qr/^detach referring_2026_01: canceling statement due to lock timeout\|.*55P03/, '... which the run records');
$reader->query_safe('COMMIT; BEGIN; SELECT count(*) FROM users');
cmp_ok(longest_beside('SELECT count(*) FROM users'), '<', 3, 'a drop that waits for a reader of it keeps other readers from it for a moment only');
last_error($runner);
is(run_of($node, 'postgres', 'referring', 'success, partitions_detached, partitions_dropped, deleted_count >= 744'), 'f|1|0|t', 'the next run finalizes and truncates it');
is(scalar_of("SELECT pg_relation_size('referring_2026_01')"), 0, '... so that its space is free');
$reader->query_safe('COMMIT');
$runner->query_safe("CALL cvwiz.run_retention('referring')");
is(run_of($node, 'postgres', 'referring', 'success, partitions_dropped, deleted_count'), 't|1|0', '... and the one after that drops it');
is( scalar_of("SELECT sum(deleted_count), sum(partitions_detached), sum(partitions_dropped) FROM cvwiz.retention_runs WHERE relation_name = 'public.referring'"),
	scalar_of('SELECT 3000 - count(*) FROM referring') . '|1|1', '... counted once');
$runner->query_safe('RESET cvwiz.lock_timeout');

# ---- partitions with partitions ----

new_table('deep');
scalar_of(q{
	BEGIN;
	DROP TABLE deep_2026_01;
	CREATE TABLE deep_2026_01 PARTITION OF deep FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z') PARTITION BY HASH (id);
	CREATE TABLE deep_even PARTITION OF deep_2026_01 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE deep_odd PARTITION OF deep_2026_01 FOR VALUES WITH (MODULUS 2, REMAINDER 1) PARTITION BY HASH (id);
	CREATE TABLE deep_leaf PARTITION OF deep_odd FOR VALUES WITH (MODULUS 1, REMAINDER 0);
	INSERT INTO deep SELECT n, timestamptz '2026-01-01Z' + n * interval '1 hour', 'again' FROM generate_series(0, 743) n;
	COMMIT});
$reader->query_safe('BEGIN; SELECT count(*) FROM deep');
begin_statement($runner, "CALL cvwiz.run_retention('deep')");
wait_for_detach($node);
scalar_of("SELECT pg_cancel_backend($runner_pid)");
last_error($runner);
$reader->query_safe('ROLLBACK');
is_healed('deep', 'a partition that has partitions');
is(scalar_of(q{SELECT count(*) FROM pg_class WHERE relname IN ('deep_even', 'deep_odd', 'deep_leaf')}), 0, '... goes with them');

# ---- names ----

for my $name ('a "b" \'c\' %s $1 \\', "\x{1F5D1} \x{FC}", 'x' x 63, 'select')
{
	my $bytes = $name;
	utf8::encode($bytes) if utf8::is_utf8($bytes);
	my $quoted = '"' . $bytes =~ s/"/""/gr . '"';
	my $literal = "E'" . $quoted =~ s/([\\'])/\\$1/gr . "'";

	$node->safe_psql('postgres', qq{
		CREATE TABLE $quoted (id bigint NOT NULL, at timestamptz NOT NULL) PARTITION BY RANGE (at);
		CREATE TABLE $quoted.$quoted PARTITION OF $quoted FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
		INSERT INTO $quoted VALUES (1, '2026-01-05');
		SELECT cvwiz.add_retention_policy($literal)} =~ s/(CREATE TABLE) (\Q$quoted\E)\.\Q$quoted\E PARTITION/CREATE SCHEMA $2; $1 $2.$2 PARTITION/r);
	$reader->query_safe("BEGIN; SELECT count(*) FROM $quoted");
	begin_statement($runner, "CALL cvwiz.run_retention($literal)");
	wait_for_detach($node);
	scalar_of("SELECT pg_cancel_backend($runner_pid)");
	last_error($runner);
	$reader->query_safe('ROLLBACK');
	my $result = scalar_of(qq{
		CALL cvwiz.run_retention($literal);
		SELECT success, deleted_count, partitions_detached, partitions_dropped FROM cvwiz.retention_runs WHERE relation = ${literal}::regclass ORDER BY run_id DESC LIMIT 1});
	is($result, 't|1|1|1', "named $bytes: finalized and dropped");
	scalar_of("DROP TABLE $quoted; DROP SCHEMA $quoted");
}

# ---- the worker ----

scalar_of(q{SELECT format('DROP TABLE %s', relation) FROM cvwiz.retention_policies \gexec});
set_setting($node, 'cvwiz.worker' => 'on');
wait_for_launcher($node);
new_table('by_worker');
$reader->query_safe('BEGIN; SELECT count(*) FROM by_worker');
set_clock($node, '2026-05-11 03:00');
wait_for_detach($node);
$node->psql('postgres', q{SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE backend_type = 'cvwiz worker'});
is(statement_workers($node), '', "when the terminated worker has ended, the process that detached for it has too");
is(state_of('by_worker_2026_01'), 'true false', '... which leaves it pending');
$reader->query_safe('ROLLBACK');
set_clock($node, '2026-05-11 03:02');
wait_for_run($node, 'postgres', 'by_worker', 2);
is(run_of($node, 'postgres', 'by_worker', 'origin, success, partitions_detached, partitions_dropped, residue'), 'worker|t|1|1|0',
	'it heals without a person');
is( scalar_of("SELECT sum(deleted_count) FROM cvwiz.retention_runs WHERE relation_name = 'public.by_worker'"),
	scalar_of('SELECT 3000 - count(*) FROM by_worker'), '... counted once');

# ---- whoever reads the partition itself ----

# The detach waits for the partition's lock, and others behind it: not for long.
new_table('direct');
my $direct = $node->background_psql('postgres', on_error_stop => 0);
$direct->query_safe('BEGIN; SELECT count(*) FROM direct_2026_01');
set_setting($node, 'cvwiz.lock_timeout' => '300ms');
begin_statement($runner, "CALL cvwiz.run_retention('direct')");
$node->poll_query_until('postgres', q{
	SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'direct_2026_01'::regclass AND mode = 'AccessExclusiveLock' AND NOT granted)})
  or die 'nobody waits for the partition';
cmp_ok(seconds_taken(sub { scalar_of('SELECT count(*) FROM direct_2026_01') }), '<', 3,
	'a second reader of the partition does not wait for the first one');
like(last_error($runner), qr/detach direct_2026_01: canceling statement due to lock timeout/, 'the detach gives way, and fails');
is(run_of($node, 'postgres', 'direct', q{success, substr(error_detail, 1, 14)}), 'f|SQLSTATE 55P03', '... recorded with the SQLSTATE');
$direct->query_safe('COMMIT');
$direct->quit;
reset_setting($node, 'cvwiz.lock_timeout');
$runner->query_safe("CALL cvwiz.run_retention('direct')");
is(run_of($node, 'postgres', 'direct', 'success, partitions_dropped'), 't|1', '... and the next run brings it to its end');

eval { $_->quit } for $reader, $runner, $session;
is(log_count($node, qr/(PANIC:|TRAP:)/), 0, 'nothing crashed that was not killed');
$node->stop;

done_testing();
