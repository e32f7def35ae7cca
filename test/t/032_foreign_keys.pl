# A log whose rows refer to another table: what each step locks there, as the
# documentation has it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $node = start_server('main', now => '2026-05-10 12:00', conf => "cvwiz.worker = off\ncvwiz.lock_timeout = '10s'\n");

$node->safe_psql('postgres', q{
	CREATE TABLE "User" (id int PRIMARY KEY, name text);
	INSERT INTO "User" VALUES (1, 'one'), (2, 'two');

	-- What a transaction holds on "User", noted at the end of each of its commands.
	CREATE TABLE noted (n serial, xid xid8 DEFAULT pg_current_xact_id(), tag text, modes text);
	CREATE FUNCTION note(tag text) RETURNS void LANGUAGE sql BEGIN ATOMIC
		INSERT INTO noted (tag, modes)
		SELECT tag, coalesce(string_agg(mode, ' ' ORDER BY mode) FILTER (WHERE mode NOT IN ('AccessShareLock', 'RowShareLock')), 'none')
		FROM pg_locks WHERE pid = pg_backend_pid() AND relation = '"User"'::regclass AND granted;
	END;
	CREATE FUNCTION note_command() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM public.note(tg_tag); END';
	CREATE FUNCTION note_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM public.note(tg_op); RETURN NULL; END';
});

# With rows of user 1 and of nobody, and a policy.
sub new_log
{
	my ($name) = @_;

	create_partitioned_table($node, 'postgres', $name, from => '2026-01-01', months => 5, rows => 3000);
	$node->safe_psql('postgres', qq{
		ALTER TABLE $name ADD COLUMN "userId" int REFERENCES "User" ON DELETE SET NULL;
		UPDATE $name SET "userId" = 1 WHERE id % 2 = 0;
	});
	add_policy($node, 'postgres', $name, undef, '2026-05-10 12:00');
	return;
}

# What has been noted, a line a transaction: its commands, and the last modes.
# Forgets it.
sub noted
{
	my ($tag) = @_;

	return $node->safe_psql('postgres', qq{
		WITH gone AS (DELETE FROM noted RETURNING *)
		SELECT DISTINCT modes FROM (
			SELECT (array_agg(modes ORDER BY n DESC))[1] AS modes, array_agg(tag) AS tags FROM gone GROUP BY xid) t
		WHERE '$tag' = ANY (tags)});
}

# The same for statements of a session, which are rolled back.
sub locked_by
{
	my (@statements) = @_;

	return $node->safe_psql('postgres', join(";\n", 'SET client_min_messages = warning', 'BEGIN', (map { "DO \$\$ BEGIN $_; END \$\$" } @statements),
		q{SELECT coalesce(string_agg(mode, ' ' ORDER BY mode) FILTER (WHERE mode NOT IN ('AccessShareLock', 'RowShareLock')), 'none')
		FROM pg_locks WHERE pid = pg_backend_pid() AND relation = '"User"'::regclass}, 'ROLLBACK'));
}

# Whether a statement on "User" gets through beside an open transaction.
sub gets_through
{
	my ($sql) = @_;
	my ($result, $stdout, $stderr) = $node->psql('postgres', "SET lock_timeout = '100ms'; BEGIN; $sql; ROLLBACK");

	return 1 if $result == 0;
	like($stderr, qr/lock timeout/, "it is a lock that stops $sql");
	return 0;
}

my $read = 'SELECT * FROM "User"';
my $write = q{INSERT INTO "User" VALUES (99)};
my $session = $node->background_psql('postgres', on_error_stop => 0);

# ---- the statements themselves ----

new_log('logs');

is(locked_by(q{PERFORM cvwiz.create_partition('logs', '2026-12-01')}), 'ShareRowExclusiveLock', 'create: SHARE ROW EXCLUSIVE');
$session->query_safe(q{BEGIN; SELECT cvwiz.create_partition('logs', '2026-12-01')});
ok(gets_through($read), '... beside which the referenced table is read');
ok(!gets_through($write), '... and not written');
$session->query_safe('ROLLBACK');

is(locked_by(q{PERFORM cvwiz.detach_partition('logs_2026_01')}), 'ShareRowExclusiveLock', 'detach: SHARE ROW EXCLUSIVE');
$session->query_safe(q{BEGIN; SELECT cvwiz.detach_partition('logs_2026_01')});
ok(gets_through($read), '... beside which the referenced table is read');
ok(!gets_through($write), '... and not written');
$session->query_safe('ROLLBACK');

is(locked_by('COPY logs_2026_01 TO PROGRAM $cat$cat >/dev/null$cat$'), 'none', 'archive (COPY): nothing');
is(locked_by('DELETE FROM logs_2026_02'), 'none', 'purge (DELETE): nothing');

# DETACH ... CONCURRENTLY: nothing in its first transaction, so that it can be
# pending while the second waits for the referenced table.
$node->safe_psql('postgres', 'CREATE EVENT TRIGGER note_command ON ddl_command_end EXECUTE FUNCTION note_command()');
my $detacher = $node->background_psql('postgres', on_error_stop => 0);
my $detacher_pid = $detacher->query_safe('SELECT pg_backend_pid()');
$session->query_safe('BEGIN; LOCK TABLE "User" IN ACCESS EXCLUSIVE MODE');
begin_statement($detacher, 'ALTER TABLE logs DETACH PARTITION logs_2026_01 CONCURRENTLY');
wait_for_lock_wait($node, '"User"');
is($node->safe_psql('postgres', q{SELECT inhdetachpending FROM pg_inherits WHERE inhrelid = 'logs_2026_01'::regclass}), 't',
	'concurrent detach: its first transaction locks nothing there');
is(locks_of($node, $detacher_pid, '"User"'), 'ShareRowExclusiveLock?', '... its second waits for SHARE ROW EXCLUSIVE');
is(locks_of($node, $detacher_pid, 'logs'), 'ShareUpdateExclusiveLock', '... with no more than that on the log');

# Cancelled, it is pending until FINALIZE.
$node->safe_psql('postgres', "SELECT pg_cancel_backend($detacher_pid)");
$detacher->query('SELECT 1');
like($detacher->{stderr}, qr/canceling statement/, '... it is cancelled');
$detacher->{stderr} = '';
$session->query_safe('ROLLBACK');
is(noted('ALTER TABLE'), '', '... before the end of its second transaction');
$detacher->query_safe('ALTER TABLE logs DETACH PARTITION logs_2026_01 FINALIZE');
is(noted('ALTER TABLE'), 'ShareRowExclusiveLock', 'finalize: SHARE ROW EXCLUSIVE');
# Waiting for a writer of the referenced table.
$session->query_safe(q{BEGIN; UPDATE "User" SET name = 'changed' WHERE id = 2});
begin_statement($detacher, 'ALTER TABLE logs DETACH PARTITION logs_2026_02 CONCURRENTLY');
wait_for_lock_wait($node, '"User"');
is($node->safe_psql('postgres', q{SET lock_timeout = '1s'; INSERT INTO logs VALUES (1000000, '2026-05-10Z', 'meanwhile', 1) RETURNING "userId"}), 1,
	'while it waits for a writer there, the log gets new rows, also with references');
ok(gets_through($read), '... and the referenced table is read');
ok(!gets_through($write), '... but not written: writers queue behind it');
$session->query_safe('COMMIT');
$detacher->query_safe('SELECT 1');
is(noted('ALTER TABLE'), 'ShareRowExclusiveLock', '... until it has what it waited for');
$node->safe_psql('postgres', 'DROP EVENT TRIGGER note_command');

# The detached table refers to "User" by a foreign key of its own.
is(locked_by('TRUNCATE logs_2026_01'), 'none', 'truncate: nothing');
is(locked_by('DROP TABLE logs_2026_01'), 'AccessExclusiveLock', 'drop: ACCESS EXCLUSIVE');
$session->query_safe('BEGIN; DROP TABLE logs_2026_01');
ok(!gets_through($read), '... beside which the referenced table is not even read');
$session->query_safe('ROLLBACK');
# Attached again, its foreign key becomes the parent's, and its triggers go.
like(locked_by(q{ALTER TABLE logs ATTACH PARTITION logs_2026_01 FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z')}),
	qr/^AccessExclusiveLock/, 'attach of a table that has the foreign key already: ACCESS EXCLUSIVE');
# Without rows in the way, a truncated table is dropped after its foreign key's table is free.
$session->query_safe('BEGIN; SELECT * FROM "User"');
my ($result, $stdout, $stderr) = $node->psql('postgres', q{SET lock_timeout = '100ms'; TRUNCATE logs_2026_01; DROP TABLE logs_2026_01});
like($stderr, qr/lock timeout/, 'a reader of the referenced table keeps the drop out');
is($node->safe_psql('postgres', q{SELECT pg_relation_size('logs_2026_01')}), 0, '... and not the truncate: the disk is free');
$session->query_safe('COMMIT');

# ---- a run ----

new_log('run');
$node->safe_psql('postgres', q{
	CREATE EVENT TRIGGER note_command ON ddl_command_end EXECUTE FUNCTION note_command();
	CREATE TRIGGER note_row AFTER DELETE ON run FOR EACH ROW WHEN (old.id % 100 = 0) EXECUTE FUNCTION note_row();
	DELETE FROM noted;
	SELECT cvwiz.alter_retention_policy('run', hold => true);
	CALL cvwiz.run_retention('run');
});
is(run_of($node, 'postgres', 'run', 'partitions_created, partitions_detached'), '3|0', 'a run that only makes partitions');
is(noted('CREATE TABLE'), 'ShareRowExclusiveLock', '... locks SHARE ROW EXCLUSIVE');

$node->safe_psql('postgres', q{
	SELECT cvwiz.alter_retention_policy('run', hold => false);
	CALL cvwiz.run_retention('run');
	CREATE TABLE of_the_run AS TABLE noted;
});
is(run_of($node, 'postgres', 'run', 'success, partitions_created, partitions_detached, partitions_dropped'), 't|0|1|1', 'a run that expires a month');
is(noted('ALTER TABLE'), 'ShareRowExclusiveLock', '... detaches under SHARE ROW EXCLUSIVE');
$node->safe_psql('postgres', 'INSERT INTO noted TABLE of_the_run');
is(noted('DROP TABLE'), 'AccessExclusiveLock', '... drops under ACCESS EXCLUSIVE');
$node->safe_psql('postgres', 'INSERT INTO noted TABLE of_the_run');
is(noted('DELETE'), 'none', '... and purges without any lock on it');
$node->safe_psql('postgres', 'DROP EVENT TRIGGER note_command');

# The drop waits for a reader, lets go, and the table is dropped by a later run.
new_log('waits');
set_setting($node, 'cvwiz.lock_timeout' => '200ms');
$node->poll_query_until('postgres', q{SELECT current_setting('cvwiz.lock_timeout') = '200ms'}) or die 'the setting was not read';
$session->query_safe('BEGIN; SELECT * FROM "User"');
($result, $stdout, $stderr) = $node->psql('postgres', q{CALL cvwiz.run_retention('waits')});
is(run_of($node, 'postgres', 'waits', 'success, partitions_detached, partitions_dropped'), 'f|1|0', 'a drop that does not get the referenced table fails alone');
like(run_of($node, 'postgres', 'waits', 'error'), qr/^drop waits_2026_01: .*lock timeout/, '... and says so');
$session->query_safe('COMMIT');
$node->safe_psql('postgres', q{CALL cvwiz.run_retention('waits')});
is(run_of($node, 'postgres', 'waits', 'success, partitions_dropped'), 't|1', '... the next run drops it');

# What the foreign key is for goes on working.
is( $node->safe_psql('postgres', q{DELETE FROM "User" WHERE id = 1; SELECT count(*) > 0, count("userId") FROM run}), 't|0',
	'ON DELETE SET NULL reaches the partitions that a run has left, and those that it has made');

# ---- foreign keys into the table ----

$node->safe_psql('postgres', q{
	CREATE TABLE referred (id bigint, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
	CREATE TABLE refers (id bigint, at timestamptz, CONSTRAINT to_the_log FOREIGN KEY (id, at) REFERENCES referred);
});
($result, $stdout, $stderr) = $node->psql('postgres', q{SELECT cvwiz.add_retention_policy('referred')});
like($stderr, qr/to_the_log/, 'a foreign key into the table: no policy, and it is named');

eval { $_->quit } for $session, $detacher;
is(log_count($node, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed');
$node->stop;

done_testing();
