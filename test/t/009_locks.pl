# What each step locks, read from pg_locks while it waits or works; and who waits
# for whom.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $node = start_server('main', now => '2026-05-10 12:00', conf => "cvwiz.worker = off\n");

sub new_table
{
	my ($name, %options) = @_;

	create_partitioned_table($node, 'postgres', $name, from => '2026-01-01', months => 5, rows => 3000,
		policy => '2026-05-10 12:00', %options);
	return;
}

my $reader = $node->background_psql('postgres', on_error_stop => 0);
my $runner = $node->background_psql('postgres', on_error_stop => 0);
my $runner_pid = $runner->query_safe('SELECT pg_backend_pid()');

# ---- create: beside readers and writers ----

new_table('created');
$node->safe_psql('postgres', "SELECT cvwiz.alter_retention_policy('created', hold => true)");
$reader->query_safe("BEGIN; SELECT count(*) FROM created; INSERT INTO created VALUES (100000, '2026-05-10Z')");
my $seconds = seconds_taken(sub { $node->psql('postgres', 'CALL cvwiz.run_retention()') });
is(run_of($node, 'postgres', 'created', 'partitions_created'), 3,
	'months are made beside a transaction that reads and writes the table');
cmp_ok($seconds, '<', 1, '... without waiting for it');

# The strongest lock that making one holds on the parent.
$node->safe_psql('postgres', 'CREATE TABLE locked_during (mode text)');
is( $node->safe_psql('postgres', q{
		BEGIN;
		SELECT cvwiz.create_partition('created', '2027-01-01');
		SELECT string_agg(mode, ' ' ORDER BY mode) FROM pg_locks
		WHERE pid = pg_backend_pid() AND relation = 'created'::regclass;
		ROLLBACK}),
	"created_2027_01\nAccessShareLock ShareUpdateExclusiveLock",
	'create: no more than SHARE UPDATE EXCLUSIVE on the parent');
$reader->query_safe('ROLLBACK');

# ---- detach: gives up, and lets the others go first ----

new_table('detached');
# as whose owner no worker can be connected, so that it is not done concurrently
$node->safe_psql('postgres', q{
	CREATE ROLE keeper LOGIN CONNECTION LIMIT 0;
	GRANT CREATE ON SCHEMA public TO keeper;
	SELECT format('ALTER TABLE %s OWNER TO keeper', relid) FROM pg_partition_tree('detached') \gexec
});
new_table('other');
set_setting($node, 'cvwiz.lock_timeout' => '400ms');
set_clock($node, '2026-05-11 12:00');
$reader->query_safe('BEGIN; SELECT count(*) FROM detached');
begin_statement($runner, 'CALL cvwiz.run_retention()');
wait_for_lock_wait($node, 'detached');
like(locks_of($node, $runner_pid, 'detached'), qr/^(AccessShareLock )?AccessExclusiveLock\?$/,
	'detach: waits for ACCESS EXCLUSIVE on the parent, and holds nothing meanwhile that anybody waits for');
is( $node->safe_psql('postgres', qq{
		SELECT count(*) FROM pg_locks WHERE pid = $runner_pid AND granted AND relation IN
		(SELECT relid FROM pg_partition_tree('detached')) AND mode NOT IN ('AccessShareLock')}),
	0, '... nor on its partitions');

# An application's statements meanwhile wait behind the detach, but not for long.
my $longest = 0;
my $done = 0;
my $deadline = time() + 60;
while (time() < $deadline)
{
	my $taken = seconds_taken(sub { $node->safe_psql('postgres', "SELECT count(*) FROM detached WHERE at >= '2026-05-01'") });
	$longest = $taken if $taken > $longest;
	$done = $node->safe_psql('postgres', "SELECT count(*) FROM cvwiz.retention_runs WHERE relation_name = 'public.detached' AND finished_at IS NOT NULL");
	last if $done eq '1';
}
is($done, 1, 'detach gives up');
cmp_ok($longest, '<', 0.4 + 0.4, 'no statement has waited longer than cvwiz.lock_timeout');
is(run_of($node, 'postgres', 'detached', 'success, partitions_detached, partitions_dropped'), 'f|0|0',
	'... recorded as a failure');
like(run_of($node, 'postgres', 'detached', 'error'), qr/detach detached_2026_01.*lock timeout/, '... with its step and reason');
like(run_of($node, 'postgres', 'detached', 'error_detail'), qr/55P03/, '... and SQLSTATE');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_inherits WHERE inhrelid = 'detached_2026_01'::regclass"), 1,
	'... and the partition is attached');
is($node->safe_psql('postgres', "SELECT count(*) FROM detached_2026_02 WHERE at < '2026-02-10 12:00Z'"), 0,
	'... while the other steps are done');
# five attempts of 0.4 s, and the pauses between them
cmp_ok(run_of($node, 'postgres', 'detached', 'extract(epoch FROM duration)'), '>', 4, 'it has tried several times');
cmp_ok(run_of($node, 'postgres', 'detached', 'extract(epoch FROM duration)'), '<', 15, '... and not for long');
my ($output) = $runner->query("SELECT 'over'");
like($output, qr/over/, 'the call has ended');
like($runner->{stderr}, qr/retention failed for 1 of 3 tables/, '... with an error that counts');
$runner->{stderr} = '';
is(run_of($node, 'postgres', 'other', 'success, partitions_dropped'), 't|1', 'the other tables go on');

# The reader ends in time.
begin_statement($runner, "CALL cvwiz.run_retention('detached')");
wait_for_lock_wait($node, 'detached');
$reader->query_safe('COMMIT');
$runner->query_safe('SELECT 1');
is(run_of($node, 'postgres', 'detached', 'success, partitions_dropped'), 't|1', 'a later attempt gets the lock');
is( $node->safe_psql('postgres', 'SELECT sum(deleted_count), sum(partitions_dropped) FROM cvwiz.retention_runs WHERE relation_name = $$public.detached$$'),
	$node->safe_psql('postgres', 'SELECT 3000 - count(*) FROM detached') . '|1', 'counted once');

# ---- purge: nothing is held between the batches ----

create_table($node, 'postgres', 'purged', from => '2026-01-01', rows => 3000, policy => '2026-05-10 12:00');
$runner->query_safe("SET cvwiz.purge_batch_size = 100; SET cvwiz.purge_pause = '1h'");
begin_statement($runner, "CALL cvwiz.run_retention('purged')");
wait_until_deleted($node, 'postgres', 'purged', 100);
# it is in its pause, which does not end by itself
$node->poll_query_until('postgres',
	"SELECT wait_event_type = 'Extension' AND backend_xmin IS NULL AND backend_xid IS NULL FROM pg_stat_activity WHERE pid = $runner_pid")
  or die 'no pause';
is( $node->safe_psql('postgres', "SELECT string_agg(locktype || ' ' || mode, ', ') FROM pg_locks WHERE pid = $runner_pid AND locktype <> 'virtualxid'"),
	'advisory ExclusiveLock', 'purge: between its batches it holds no lock but the run\'s own');
is($node->safe_psql('postgres', "BEGIN; SET lock_timeout = '1s'; LOCK TABLE purged; ALTER TABLE purged ADD COLUMN more int; COMMIT; SELECT 'done'"),
	'done', '... so the table can be altered');
$node->safe_psql('postgres', 'VACUUM purged');
pass('... and vacuumed');

# ---- one run a table ----

my ($result, $stdout, $stderr) = $node->psql('postgres', "SET client_min_messages = notice; CALL cvwiz.run_retention('purged')");
is($result, 0, 'a second run of the table is no error');
like($stderr, qr/NOTICE:.*another retention run is at work on table public\.purged/, '... but says that there is one');
($result, $stdout, $stderr) = $node->psql('postgres', "SET client_min_messages = notice; SELECT success IS NULL, deleted_count, error FROM cvwiz.cleanup_old_logs('purged')");
is($stdout, 't|0|skipped: another run is at work on this table', 'cleanup_old_logs() returns it');
like($stderr, qr/NOTICE:.*another retention run/, '... and says so');
is($node->safe_psql('postgres', "SELECT count(*) FROM cvwiz.retention_runs WHERE relation_name = 'public.purged'"), 1,
	'... neither is recorded as a run');
($result, $stdout, $stderr) = $node->psql('postgres', "CALL cvwiz.run_retention('other')");
is($stderr, '', 'another table can be run');
# what users lock for themselves is something else
is($node->safe_psql('postgres', q{SELECT pg_try_advisory_lock('other'::regclass::oid::bigint), pg_try_advisory_lock(0, 'other'::regclass::oid::int),
	pg_try_advisory_lock('purged'::regclass::oid::bigint), pg_try_advisory_lock(0, 'purged'::regclass::oid::int)}),
	't|t|t|t', 'a run takes none of the advisory locks of users');

# ---- a hold in the middle ----

$node->safe_psql('postgres', "SET lock_timeout = '1s'; SELECT cvwiz.alter_retention_policy('purged', hold => true)");
pass('a hold does not wait for the end of the run');
my $left = $node->safe_psql('postgres', 'SELECT count(*) FROM purged');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($runner_pid)");
$runner->query('SELECT 1');
$runner->{stderr} = '';
is(run_of($node, 'postgres', 'purged', 'success'), 'f', 'the run was cancelled');
$node->safe_psql('postgres', "SELECT cvwiz.alter_retention_policy('purged', hold => false)");
$runner->query_safe("SET cvwiz.purge_pause = '1s'");
begin_statement($runner, "CALL cvwiz.run_retention('purged')");
wait_until_deleted($node, 'postgres', 'purged', 100);
$node->safe_psql('postgres', "SELECT cvwiz.alter_retention_policy('purged', hold => true)");
$left = $node->safe_psql('postgres', 'SELECT count(*) FROM purged');
wait_for_run($node, 'postgres', 'purged', 2);
is($node->safe_psql('postgres', 'SELECT count(*) FROM purged'), $left,
	'from the moment that a hold commits, nothing is deleted');
like(run_of($node, 'postgres', 'purged', "success || ' ' || error"), qr/^false .*hold/, '... and the run says so');
$runner->query('SELECT 1');
$runner->{stderr} = '';

# ---- rows that somebody has locked ----

create_table($node, 'postgres', 'row_locked', from => '2026-01-01', rows => 3000, policy => '2026-05-10 12:00');
$reader->query_safe('BEGIN; SELECT id FROM row_locked WHERE id = 5 FOR UPDATE');
$runner->query_safe('RESET cvwiz.purge_pause');
$runner->query("CALL cvwiz.run_retention('row_locked')");
$runner->{stderr} = '';
is(run_of($node, 'postgres', 'row_locked', 'success, finished_at IS NOT NULL'), 'f|t',
	'a row that somebody has locked does not block the run for good, and is no success');
$reader->query_safe('COMMIT');
$runner->query_safe("CALL cvwiz.run_retention('row_locked')");
is(run_of($node, 'postgres', 'row_locked', 'success, residue'), 't|0', '... and goes with the next');
is( $node->safe_psql('postgres', 'SELECT sum(deleted_count) FROM cvwiz.retention_runs WHERE relation_name = $$public.row_locked$$'),
	$node->safe_psql('postgres', 'SELECT 3000 - count(*) FROM row_locked'), '... counted once');

# ---- a table that is locked as a whole ----

new_table('closed');
$reader->query_safe('BEGIN; LOCK TABLE closed IN ACCESS EXCLUSIVE MODE');
is($node->safe_psql('postgres', "SELECT success, deleted_count, residue FROM cvwiz.cleanup_old_logs('closed')"), 'f|0|',
	'a table that is locked for long is a failure, and its residue unknown');
$reader->query_safe('COMMIT');
like(run_of($node, 'postgres', 'closed', 'error_detail'), qr/55P03/, '... recorded with the SQLSTATE');

eval { $_->quit } for $reader, $runner;
is(log_count($node, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed');
$node->stop;

done_testing();
