# pg_dump carries the policies, not the log of runs; DROP EXTENSION leaves the
# tables as they are.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $tempdir = PostgreSQL::Test::Utils::tempdir;
my $node = start_server('main', now => '2026-05-10 12:00', conf => "cvwiz.worker = off\n");

# ---- what is dumped ----

create_table($node, 'postgres', 'plain', from => '2026-01-01', rows => 3000, policy => '2026-05-10 12:00');
create_partitioned_table($node, 'postgres', 'months', from => '2026-01-01', months => 6, rows => 3000,
	policy => '2026-05-10 12:00');
create_partitioned_table($node, 'postgres', '"Mixed Case"', from => '2026-01-01', months => 2, rows => 1000,
	policy => '2026-05-10 12:00');
create_partitioned_table($node, 'postgres', 'later', from => '2026-01-01', months => 6, rows => 3000);
$node->safe_psql('postgres', q{
	SELECT cvwiz.alter_retention_policy('plain', retention_days => 45, premake_months => 7, hold => true);
	SELECT cvwiz.alter_retention_policy('"Mixed Case"', retention_days => 365, enabled => false);
	-- a partition made after columns were dropped has others numbers than its parent
	CREATE TABLE moved (a int, id bigint NOT NULL, b text, at timestamp NOT NULL, c int) PARTITION BY RANGE (at);
	ALTER TABLE moved DROP COLUMN a, DROP COLUMN b;
	SELECT cvwiz.create_partition('moved', '2026-05-01');
	ALTER TABLE moved DROP COLUMN c, ADD COLUMN d text DEFAULT 'new';
	SELECT cvwiz.add_retention_policy('moved');
	INSERT INTO moved VALUES (1, '2026-05-05');
	-- a table that goes before the dump
	CREATE TABLE gone (at timestamptz NOT NULL);
	SET client_min_messages = warning;
	SELECT cvwiz.add_retention_policy('gone', 'at');
	DROP TABLE gone;
	-- a leftover, and a partition detached by hand, which is none
	CREATE VIEW keeps AS SELECT * FROM months_2026_01;
	SELECT cvwiz.detach_partition('months_2026_02');
	-- one that is kept for a while
	SELECT cvwiz.add_retention_policy('later', drop_after => '7 days');
});
$node->psql('postgres', 'CALL cvwiz.run_retention()');
is($node->safe_psql('postgres', 'SELECT relation, parent FROM cvwiz.detached_partition ORDER BY 1'), "months_2026_01|months\nlater_2026_01|later",
	'there are partitions that were detached and not dropped');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.retention_runs'), '>=', 3, 'there are runs');

my $policies = q{
	SELECT relation, time_column, retention_days, premake_months, enabled, hold, added_at AT TIME ZONE 'UTC', drop_after
	FROM cvwiz.retention_policy ORDER BY relation::text};
my $detached = q{
	SELECT relation, parent, range_start AT TIME ZONE 'UTC', range_end AT TIME ZONE 'UTC', detached_at AT TIME ZONE 'UTC', rows, drop_due AT TIME ZONE 'UTC'
	FROM cvwiz.detached_partitions ORDER BY relation::text};
my $partitions = q{
	SELECT p.relation, r.* FROM cvwiz.retention_policies p, cvwiz.partition_ranges(p.relation) r
	WHERE p.relation::text NOT IN ('plain') ORDER BY p.relation::text, r.range_start};
my %in_original = map { $_ => $node->safe_psql('postgres', $_) } $policies, $detached, $partitions;

sub is_restored
{
	my ($to, $database, $what) = @_;

	is($to->safe_psql($database, $policies), $in_original{$policies}, "$what: the policies are there");
	is($to->safe_psql($database, $detached), $in_original{$detached}, "$what: ... and the detached partitions");
	is($to->safe_psql($database, $partitions), $in_original{$partitions}, "$what: ... and the partitions");
	is($to->safe_psql($database, 'SELECT count(*) FROM cvwiz.retention_run'), 0, "$what: ... but not the runs");
	is($to->safe_psql($database, 'SELECT count(*) FROM plain'),
		$node->safe_psql('postgres', 'SELECT count(*) FROM plain'), "$what: ... and the rows");

	# and it goes on there
	$to->safe_psql($database, qq{
		SET cvwiz.now = '2026-05-11 12:00';
		DROP VIEW keeps;
		CALL cvwiz.run_retention('months');
		CALL cvwiz.run_retention('moved')});
	is(run_of($to, $database, 'months', 'success, partitions_dropped, residue'), 't|1|0',
		"$what: a run drops what was detached before the dump");
	$to->safe_psql($database, q{SET cvwiz.now = '2026-05-17 11:59'; CALL cvwiz.run_retention('later')});
	is($to->safe_psql($database, 'SELECT count(*) FROM later_2026_01'), 744, "$what: what is to be dropped later stays");
	$to->safe_psql($database, q{
		SET client_min_messages = error;
		SET cvwiz.now = '2026-05-17 11:59';
		SELECT cvwiz.reattach_partition('later_2026_01');
		CALL cvwiz.run_retention('later');
		SET cvwiz.now = '2026-05-24 11:59';
		CALL cvwiz.run_retention('later')});
	is(run_of($to, $database, 'later', 'success, partitions_detached, partitions_dropped'), 't|0|1', "$what: ... can be taken back, and goes in its time");
	is(run_of($to, $database, 'moved', 'success, partitions_created'), 't|0',
		"$what: a table with dropped columns is run");
	is($to->safe_psql($database, "INSERT INTO moved VALUES (2, '2026-06-05') RETURNING id, d"), '2|new',
		"$what: ... and its months take rows");
	is($to->safe_psql($database, 'SELECT count(*) FROM months_2026_02'), 672,
		"$what: what was detached by hand is kept");
	return;
}

# ---- plain, into another database ----

$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', "$tempdir/plain.sql" ], 'pg_dump');
unlike(slurp_file("$tempdir/plain.sql"), qr/COPY cvwiz\.retention_run /, 'the runs are not in the dump');
like(slurp_file("$tempdir/plain.sql"), qr/COPY cvwiz\.retention_policy /, '... the policies are');
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('other'), '-f', "$tempdir/plain.sql" ],
	'restored into another database');
is_restored($node, 'other', 'another database');

# ---- custom format, into another cluster ----

my $fresh = start_server('fresh', now => '2026-05-10 12:00', conf => "cvwiz.worker = off\n", extension => 0);
$node->command_ok([ 'pg_dump', '-Fc', '-d', $node->connstr('postgres'), '-f', "$tempdir/custom" ], 'pg_dump -Fc');
$fresh->safe_psql('postgres', "CREATE DATABASE one; CREATE DATABASE two; CREATE DATABASE three");
$fresh->command_ok([ 'pg_restore', '--exit-on-error', '-d', $fresh->connstr('one'), "$tempdir/custom" ],
	'pg_restore into another cluster');
is_restored($fresh, 'one', 'another cluster');

# Schema and data by themselves, and in parallel, where the extension's rows may
# come before the tables that they are about.
$fresh->command_ok([ 'pg_restore', '--exit-on-error', '-j', '2', '-d', $fresh->connstr('two'), "$tempdir/custom" ],
	'pg_restore in parallel');
is_restored($fresh, 'two', 'in parallel');

$fresh->command_ok([ 'pg_restore', '--exit-on-error', '--schema-only', '-d', $fresh->connstr('three'), "$tempdir/custom" ],
	'pg_restore --schema-only');
is($fresh->safe_psql('three', 'SELECT count(*) FROM cvwiz.retention_policy'), 0, 'the policies are data');
$fresh->command_ok([ 'pg_restore', '--exit-on-error', '--data-only', '-d', $fresh->connstr('three'), "$tempdir/custom" ],
	'pg_restore --data-only');
is_restored($fresh, 'three', 'schema, then data');

# ---- with the worker at work meanwhile ----

# A restore is one long change of schema; the worker finds the policies halfway.
set_setting($fresh, 'cvwiz.worker' => 'on');
wait_for_launcher($fresh);
$fresh->safe_psql('postgres', 'CREATE DATABASE busy');
$fresh->command_ok([ 'pg_restore', '--exit-on-error', '-d', $fresh->connstr('busy'), "$tempdir/custom" ],
	'pg_restore with the worker on');

# The whole cluster.
$node->command_ok([ 'pg_dumpall', '-d', $node->connstr('postgres'), '-f', "$tempdir/all.sql" ], 'pg_dumpall');

# ---- DROP EXTENSION ----

my $rows = q{SELECT (SELECT count(*) FROM plain), (SELECT count(*) FROM months), (SELECT count(*) FROM "Mixed Case"),
	(SELECT count(*) FROM moved), (SELECT count(*) FROM months_2026_01), (SELECT count(*) FROM pg_inherits)};
my $before = $node->safe_psql('postgres', $rows);
my $dump = sub {
	my ($file) = @_;
	$node->command_ok([ 'pg_dump', '-n', 'public', '-d', $node->connstr('postgres'), '-f', "$tempdir/$file" ], "pg_dump to $file");
	# a random key of newer versions
	return slurp_file("$tempdir/$file") =~ s/^\\(un)?restrict .*\n//mgr;
};
my $dumped = $dump->('before.sql');
$node->safe_psql('postgres', 'DROP EXTENSION cvwiz');
is($node->safe_psql('postgres', $rows), $before, 'DROP EXTENSION leaves the rows');
is($dump->('after.sql'), $dumped, '... and tables, indexes, partitions, exactly');
# As with every extension that has a schema of its own, the schema stays.
is( $node->safe_psql('postgres', q{
		SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = n.oid), (SELECT count(*) FROM pg_proc WHERE pronamespace = n.oid)
		FROM pg_namespace n WHERE nspname = 'cvwiz'}),
	'0|0', 'the schema is empty');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_event_trigger"), 0, 'the event triggers are gone');
$node->safe_psql('postgres', 'DROP TABLE plain; ALTER TABLE moved RENAME COLUMN at TO "when"');
pass('tables can be dropped and changed without it');

$node->safe_psql('postgres', q{
	CREATE EXTENSION cvwiz;
	SELECT cvwiz.add_retention_policy('months');
	CALL cvwiz.run_retention('months')});
is(run_of($node, 'postgres', 'months', 'success, residue'), 't|0', 'created again, it works on the same tables');

is(log_count($_, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed') for $node, $fresh;
$_->stop for $node, $fresh;

done_testing();
