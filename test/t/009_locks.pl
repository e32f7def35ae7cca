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

# ---- a whole run beside readers ----

$node->safe_psql('postgres', q{
	CREATE ROLE app LOGIN;
	GRANT CREATE ON SCHEMA public TO app;
	-- What each command of a process holds at its end.
	CREATE TABLE noted (type text, tag text, tables text, modes text);
	CREATE FUNCTION note(tag text) RETURNS void SECURITY DEFINER LANGUAGE sql BEGIN ATOMIC
		INSERT INTO noted
		SELECT a.backend_type, tag, CASE WHEN c.relkind = 'p' THEN 'table' WHEN c.relispartition THEN 'partition' ELSE 'detached' END,
			string_agg(DISTINCT mode, ' ' ORDER BY mode)
		FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_stat_activity a USING (pid)
		WHERE l.pid = pg_backend_pid() AND c.relkind IN ('r', 'p') AND c.relname ~ '^steady' GROUP BY 1, 2, 3, c.oid;
	END;
	CREATE FUNCTION note_command() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
		PERFORM public.note(tg_tag);
		-- the end of a detach is held up
		IF tg_tag = 'ALTER TABLE' AND (SELECT backend_type = 'cvwiz statement' FROM pg_stat_activity WHERE pid = pg_backend_pid()) THEN
			SET LOCAL lock_timeout = 0;
			PERFORM pg_advisory_xact_lock(42);
		END IF;
	END $$;
	CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		PERFORM public.note(tg_op);
		-- so is the last batch of a purge
		IF tg_op = 'DELETE' THEN PERFORM pg_advisory_xact_lock(43); END IF;
		RETURN NULL;
	END $$;
	-- something to refer to, for then a partition is truncated before its drop
	CREATE TABLE kinds (id int PRIMARY KEY);
	INSERT INTO kinds VALUES (1);
	GRANT REFERENCES, SELECT ON kinds TO app;
});

sub is_held_up
{
	my ($key) = @_;

	$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $key AND NOT granted)")
	  or die "nobody waits for $key";
	return;
}

# A run's processes: its locks on the table, and whether it has a snapshot.
sub caller_state
{
	my ($pid, $table) = @_;

	return locks_of($node, $pid, $table) . '|'
	  . $node->safe_psql('postgres', "SELECT backend_xmin IS NULL AND backend_xid IS NULL FROM pg_stat_activity WHERE pid = $pid");
}

my $second_reader = $node->background_psql('postgres', on_error_stop => 0);
my $holder = $node->background_psql('postgres', on_error_stop => 0);

# A run from its first step to its last, which is begun by a function and done by a
# process of the type.  At each moment somebody holds ACCESS SHARE on the table.
sub run_beside_readers
{
	my ($name, $type, $begin) = @_;

	new_table($name, policy => undef);
	$node->safe_psql('postgres', qq{
		ALTER TABLE $name ADD COLUMN kind int REFERENCES kinds;
		SELECT format('ALTER TABLE %s OWNER TO app', relid) FROM pg_partition_tree('$name') \\gexec
		CREATE TRIGGER note_truncate BEFORE TRUNCATE ON ${name}_2026_01 EXECUTE FUNCTION note_change();
		CREATE TRIGGER note_delete AFTER DELETE ON ${name}_2026_02 FOR EACH ROW WHEN (old.at = '2026-02-01Z') EXECUTE FUNCTION note_change();
		DELETE FROM noted;
		CREATE EVENT TRIGGER note_command ON ddl_command_end EXECUTE FUNCTION note_command();
	});
	add_policy($node, 'postgres', $name, undef, '2026-05-10 12:00');
	$reader->query_safe("BEGIN; SELECT count(*) FROM $name; INSERT INTO $name VALUES (100000, '2026-05-10Z')");
	$holder->query_safe('SELECT pg_advisory_lock(42), pg_advisory_lock(43)');
	$begin->();

	# The detach waits for the reader.
	my $statement = wait_for_detach($node);
	my $caller = run_of($node, 'postgres', $name, 'pid');
	is($node->safe_psql('postgres', "SELECT backend_type, usename FROM pg_stat_activity WHERE pid = $statement"), 'cvwiz statement|app',
		"$type: the detach is done by a process connected as the table's owner");
	is(caller_state($caller, $name), '|t', '... and while it waits for a reader, who waits for it has no lock on the table and no snapshot');
	is(locks_of($node, $statement, $name), 'AccessShareLock', '... and itself no more than ACCESS SHARE on the table');
	is(locks_of($node, $statement, "${name}_2026_01"), 'AccessShareLock', '... and on the partition');
	my $taken = seconds_taken(sub {
		$second_reader->query_safe("BEGIN; SELECT count(*) FROM $name; INSERT INTO $name VALUES (100001, '2026-05-10Z')") });
	cmp_ok($taken, '<', 3, '... so that others read and write at once');

	# Its second phase, and what comes after it, beside the second reader.
	$reader->query_safe('ROLLBACK');
	is_held_up(42);
	is(locks_of($node, $statement, $name), 'AccessShareLock ShareUpdateExclusiveLock', 'its second phase: no more than SHARE UPDATE EXCLUSIVE on the table');
	is(caller_state($caller, $name), '|t', '... and who waits for it still has nothing');
	$holder->query_safe('SELECT pg_advisory_unlock(42)');

	# The purge's last batch, and then the residue, which somebody has to wait for.
	is_held_up(43);
	is(locks_of($node, $caller, $name), 'AccessShareLock', 'purge: ACCESS SHARE on the table');
	begin_statement($reader, "BEGIN; LOCK TABLE $name IN ACCESS EXCLUSIVE MODE");
	wait_for_lock_wait($node, $name);
	$second_reader->query_safe('COMMIT');
	$holder->query_safe('SELECT pg_advisory_unlock(43)');
	$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $caller AND relation = '$name'::regclass AND NOT granted)")
	  or die 'the residue is not measured';
	is(locks_of($node, $caller, $name), 'AccessShareLock?', 'residue: ACCESS SHARE on the table');
	$reader->query_safe('ROLLBACK');
	wait_for_run($node, 'postgres', $name, 1);
	is(run_of($node, 'postgres', $name, 'success, partitions_created, partitions_detached, partitions_dropped, residue'), 't|3|1|1|0',
		'the run has done it all, and nobody who has used the table was in its way');
	cmp_ok(run_of($node, 'postgres', $name, 'duration'), 'lt', '00:00:10', '... nor was a lock tried for in vain');

	$node->safe_psql('postgres', 'DROP EVENT TRIGGER note_command');
	is( join("\n", sort split /\n/, $node->safe_psql('postgres', 'SELECT DISTINCT type, tag, tables, modes FROM noted')),
		join("\n", sort
			"$type|ALTER TABLE|partition|AccessExclusiveLock AccessShareLock ShareLock ShareRowExclusiveLock ShareUpdateExclusiveLock",
			"$type|ALTER TABLE|table|AccessShareLock ShareUpdateExclusiveLock",
			"$type|CREATE TABLE|detached|AccessExclusiveLock ShareLock",
			"$type|CREATE TABLE|table|AccessShareLock ShareUpdateExclusiveLock",
			"$type|DELETE|partition|AccessShareLock RowExclusiveLock",
			"$type|DELETE|table|AccessShareLock",
			"$type|TRUNCATE|detached|AccessExclusiveLock AccessShareLock",
			# 19 takes the strong lock on the partition alone by then
			'cvwiz statement|ALTER TABLE|detached|AccessExclusiveLock AccessShareLock'
			  . ($node->pg_version < '19devel' ? ' ShareUpdateExclusiveLock' : ''),
			'cvwiz statement|ALTER TABLE|table|AccessShareLock ShareUpdateExclusiveLock'),
		'the commands of the run: nothing stronger on the table, when they end; and a drop nothing at all');
	$node->safe_psql('postgres', "DROP TABLE $name");
	return;
}

run_beside_readers('steady', 'client backend', sub { begin_statement($runner, "SET cvwiz.lock_timeout = '30s'; CALL cvwiz.run_retention('steady')") });
$runner->query_safe('RESET cvwiz.lock_timeout');

set_clock($node, '2026-05-11 03:00');
run_beside_readers('steady_too', 'cvwiz worker', sub { set_setting($node, 'cvwiz.lock_timeout' => '30s', 'cvwiz.worker' => 'on') });
set_setting($node, 'cvwiz.worker' => 'off');

# ---- a detach that waits for others' locks ----

# Statements of an application, which would wait for good behind an ACCESS EXCLUSIVE
# that is waited for.
sub application_goes_on
{
	my ($name, $what) = @_;

	is( $node->safe_psql('postgres', qq{
			SET statement_timeout = '20s';
			SELECT count(*) > 0 FROM $name;
			INSERT INTO $name VALUES (100000, '2026-05-10Z') RETURNING true;
			WITH gone AS (DELETE FROM $name WHERE id = 100000 RETURNING id) SELECT count(*) = 1 FROM gone}),
		"t\nt\nt", "$what: readers and writers go on");
	return;
}

new_table('locked');
# as VACUUM does; and somebody who uses the partition by its own name
$reader->query_safe('BEGIN; LOCK TABLE locked_2026_01 IN SHARE UPDATE EXCLUSIVE MODE');
$second_reader->query_safe('BEGIN; SELECT count(*) FROM locked_2026_01');
begin_statement($runner, "CALL cvwiz.run_retention('locked')");
my $statement = wait_for_statement_worker($node, 'relation');
is(locks_of($node, $statement, 'locked'), 'AccessShareLock ShareUpdateExclusiveLock', 'the first phase waits for the partition, with SHARE UPDATE EXCLUSIVE on the table');
is(locks_of($node, $statement, 'locked_2026_01'), 'AccessShareLock ShareUpdateExclusiveLock?', '... and the same on the partition');
is($node->safe_psql('postgres', "SELECT backend_xmin IS NULL AND backend_xid IS NULL FROM pg_stat_activity WHERE pid = $statement"), 't',
	'... but without a snapshot');
is(caller_state($runner_pid, 'locked'), '|t', '... and who waits for it has nothing');
application_goes_on('locked', 'first phase');
is( $node->safe_psql('postgres', q{
		SET statement_timeout = '20s';
		SET client_min_messages = error;
		SELECT cvwiz.alter_retention_policy('locked', hold => true);
		SELECT hold FROM cvwiz.retention_policies WHERE relation = 'locked'::regclass}), "\nt",
	'... a hold does not wait for that');
$reader->query_safe('COMMIT');
like(last_error($runner), qr/"locked" was put on hold during the run/, '... and keeps the partition');
is(run_of($node, 'postgres', 'locked', 'success, partitions_detached, partitions_dropped'), 'f|0|0', '... where it is');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_inherits WHERE inhrelid = 'locked_2026_01'::regclass AND NOT inhdetachpending"), 1,
	'... attached');
$node->safe_psql('postgres', "SELECT cvwiz.alter_retention_policy('locked', hold => false)");

# which it would give up, and try again, after a second
$runner->query_safe("SET cvwiz.lock_timeout = '60s'");
begin_statement($runner, "CALL cvwiz.run_retention('locked')");
$statement = wait_for_statement_worker($node, 'relation');
is(locks_of($node, $statement, 'locked'), 'AccessShareLock ShareUpdateExclusiveLock', 'the second phase waits with SHARE UPDATE EXCLUSIVE on the table');
is(locks_of($node, $statement, 'locked_2026_01'), 'AccessExclusiveLock? AccessShareLock', '... for ACCESS EXCLUSIVE on the partition');
application_goes_on('locked', 'second phase');
is(caller_state($runner_pid, 'locked'), '|t', '... and who waits for it has nothing');

# Cancelled there, and finalized, which waits for all older snapshots.
$node->safe_psql('postgres', "SELECT pg_cancel_backend($runner_pid)");
like(last_error($runner), qr/canceling statement due to user request/, '... until it is cancelled');
$second_reader->query_safe('COMMIT');
$second_reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM noted');
begin_statement($runner, "CALL cvwiz.run_retention('locked')");
$statement = wait_for_statement_worker($node, 'virtualxid');
is(locks_of($node, $statement, 'locked'), 'AccessShareLock ShareUpdateExclusiveLock', 'finalize waits with SHARE UPDATE EXCLUSIVE on the table');
is(locks_of($node, $statement, 'locked_2026_01'), 'AccessExclusiveLock AccessShareLock', '... and ACCESS EXCLUSIVE on the partition, which queries leave out by now');
application_goes_on('locked', 'finalize');
is(caller_state($runner_pid, 'locked'), '|t', '... and who waits for it has nothing');
$second_reader->query_safe('COMMIT');
is(last_error($runner), '', '... and ends with the older snapshots');
is(run_of($node, 'postgres', 'locked', 'success, partitions_detached, partitions_dropped, residue'), 't|1|1|0', '... and the run does the rest');
is($node->safe_psql('postgres', "SELECT sum(deleted_count) FROM cvwiz.retention_runs WHERE relation_name = 'public.locked'"),
	$node->safe_psql('postgres', 'SELECT 3000 - count(*) FROM locked'), '... counted once');
$node->safe_psql('postgres', 'DROP TABLE locked');
$runner->query_safe('RESET cvwiz.lock_timeout');

eval { $_->quit } for $second_reader, $holder;

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
cmp_ok($longest, '<', 3, 'no statement has waited longer than cvwiz.lock_timeout');
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

# ---- what keeps a detach from being concurrent ----

sub has_fallback
{
	my ($what, $obstacle, $health, $prepare, $undo) = @_;

	new_table('fallback', policy => undef);
	$node->safe_psql('postgres', qq{
		SELECT format('ALTER TABLE %s OWNER TO app', relid) FROM pg_partition_tree('fallback') \\gexec
		$prepare
	});
	add_policy($node, 'postgres', 'fallback', undef, '2026-05-10 12:00');
	my $concurrently = !defined $obstacle;
	is( $node->safe_psql('postgres', q{SELECT lock_mode, statement ~ 'CONCURRENTLY' FROM cvwiz.retention_plan('fallback') WHERE action = 'detach'}),
		$concurrently ? 'SHARE UPDATE EXCLUSIVE|t' : 'ACCESS EXCLUSIVE|f', "$what: the plan has the lock");
	my $reason = $node->safe_psql('postgres', q{SELECT reason FROM cvwiz.retention_plan('fallback') WHERE action = 'detach'});
	$concurrently ? unlike($reason, qr/concurrently/, '... and needs no reason')
	  : like($reason, qr/; not concurrently: $obstacle$/, '... and the reason');
	my $found = $node->safe_psql('postgres', q{SELECT status, detail FROM cvwiz.health() WHERE check_name = 'concurrent_detach' AND detail ~ '^public.fallback:'});
	$health ? like($found, qr/^warn\|public.fallback: expired partitions are not detached concurrently: $obstacle$/, '... so has health()')
	  : is($found, 'ok|public.fallback: expired partitions are detached concurrently', '... health() has nothing to say');
	$node->psql('postgres', 'CALL cvwiz.run_retention($$fallback$$)');
	is(run_of($node, 'postgres', 'fallback', 'partitions_detached, partitions_dropped, success'), '1|1|t', '... and a run works')
	  or diag(run_of($node, 'postgres', 'fallback', 'error'));
	$node->safe_psql('postgres', "DROP TABLE fallback; $undo");
	return;
}

has_fallback('nothing in the way', undef, 0, '', '');
has_fallback('a DEFAULT partition', '"rest" is a DEFAULT partition', 1,
	'CREATE TABLE rest PARTITION OF fallback DEFAULT; ALTER TABLE rest OWNER TO app;', '');
has_fallback('an owner without LOGIN', $node->pg_version >= 17 ? (undef, 0) : ('role "app" has no LOGIN', 1),
	'ALTER ROLE app NOLOGIN;', 'ALTER ROLE app LOGIN');
has_fallback('an owner who may not connect', 'role "app" may not connect to database "postgres"', 1,
	'REVOKE CONNECT, TEMPORARY ON DATABASE postgres FROM PUBLIC;', 'GRANT CONNECT, TEMPORARY ON DATABASE postgres TO PUBLIC');
# which is about one partition, so that health() need not know
has_fallback("another's partition", 'partition "fallback_2026_01" belongs to role "keeper", the table to role "app"', 0,
	'ALTER TABLE fallback_2026_01 OWNER TO keeper;', '');
# As Citus has it.
has_fallback('Citus', 'Citus distributes the table', 1, q{
	SET allow_system_table_mods = on;
	CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass PRIMARY KEY);
	GRANT SELECT ON pg_catalog.pg_dist_partition TO PUBLIC;
	INSERT INTO pg_catalog.pg_dist_partition VALUES ('fallback');
}, q{DELETE FROM pg_catalog.pg_dist_partition});
has_fallback('Citus that does not know the table', undef, 0, '', 'SET allow_system_table_mods = on; DROP TABLE pg_catalog.pg_dist_partition');

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

# ---- no free background worker ----

eval { $_->quit } for $reader, $runner;
# all are taken, by the launchers: cvwiz's and logical replication's
$node->append_conf('postgresql.conf', "max_worker_processes = 2\n");
$node->restart;
$reader = $node->background_psql('postgres', on_error_stop => 0);
$runner = $node->background_psql('postgres', on_error_stop => 0);
new_table('crowded');
$reader->query_safe('BEGIN; SELECT count(*) FROM crowded');
begin_statement($runner, "SET cvwiz.lock_timeout = '3s'; CALL cvwiz.run_retention('crowded')");
$longest = 0;
for ($deadline = time() + 60; time() < $deadline && run_of($node, 'postgres', 'crowded', 'finished_at IS NOT NULL') ne 't';)
{
	my $taken = seconds_taken(sub { $node->safe_psql('postgres', 'SELECT count(*) FROM crowded') });
	$longest = $taken if $taken > $longest;
}
like(run_of($node, 'postgres', 'crowded', 'success, partitions_detached, error, error_detail'),
	qr/^f\|0\|detach crowded_2026_01: no background worker is free for: .*\|.*53400/, 'without a free background worker, the detach fails');
cmp_ok($longest, '<', 1, '... and keeps nobody from the table meanwhile');
is($node->safe_psql('postgres', "SELECT count(*) FROM crowded_2026_02 WHERE at < '2026-02-10 12:00Z'"), 0, '... the other steps are done');
$reader->query_safe('COMMIT');
eval { $_->quit } for $reader, $runner;
$node->append_conf('postgresql.conf', "max_worker_processes = 8\n");
$node->restart;
$node->safe_psql('postgres', "CALL cvwiz.run_retention('crowded')");
is(run_of($node, 'postgres', 'crowded', 'success, partitions_detached, partitions_dropped'), 't|1|1', 'the next run makes it good');

is(log_count($node, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed');
$node->stop;

done_testing();
