# Dump and restore of the version store: whole, and the data alone into a schema
# that was made before, with and without triggers; housekeeping at any time.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $tempdir = PostgreSQL::Test::Utils::tempdir;
my $node = start_server('main', conf => "cvwiz.worker = off\n");

# Tables whose rows are restored before the store's and after them, a partitioned
# one, and one that is dropped, on whose versions others hang.
create_documents($node, 'postgres');
$node->safe_psql('postgres', 'CREATE SCHEMA app; CREATE SCHEMA zoo');
create_store_table($node, 'postgres', $_) for 'app.docs', 'zoo.docs', 'app."Über ""docs"""';
$node->safe_psql('postgres', q{
	CREATE TABLE app.parts (month int, id bigserial, chain int, n int, plain jsonb, snapshot jsonb, PRIMARY KEY (month, id)) PARTITION BY RANGE (month);
	CREATE TABLE app.parts_1 PARTITION OF app.parts FOR VALUES FROM (1) TO (2);
	CREATE TABLE app.parts_2 PARTITION OF app.parts FOR VALUES FROM (2) TO (3);
	SELECT cvwiz.add_version_store('app.parts', 'snapshot', '{chain}');
	INSERT INTO app.parts (month, chain, n, plain, snapshot) SELECT 1 + n / 6, c, n, d, d FROM generate_series(1, 11) n, generate_series(1, 3) c, LATERAL (SELECT resume(c, n)) r (d);
	CREATE TABLE zoo.gone (LIKE app.docs);
	SELECT cvwiz.add_version_store('zoo.gone', 'snapshot', '{chain}');
	INSERT INTO zoo.gone SELECT n, 1, n, d, d FROM generate_series(1, 5) n, LATERAL (SELECT resume(1, n)) r (d);
});
my @tables = ('app.docs', 'zoo.docs', 'app."Über ""docs"""', 'app.parts');
write_versions($node, 'postgres', $_, chains => 4, versions => 20) for @tables[ 0 .. 2 ];
$node->safe_psql('postgres', q{
	DELETE FROM app.docs WHERE n % 3 = 0;
	DELETE FROM zoo.docs WHERE n < 5 OR chain = 4;
	UPDATE zoo.docs SET plain = resume(chain, 100), snapshot = resume(chain, 100) WHERE n = 20;
	DROP TABLE app.parts_1, zoo.gone;
});
my %original = map { $_ => state_of_store($node, 'postgres', $_) } @tables;
like($original{$_}, qr/^[1-9]\d*\|0\|0$/, "$_: there are documents") for @tables;
is($node->safe_psql('postgres', q{
		SELECT count(*) > 0 FROM cvwiz.snapshot_version v JOIN cvwiz.version_source s USING (source_id)
			JOIN cvwiz.snapshot_version b ON b.version_id = v.base_id JOIN cvwiz.version_source g ON g.source_id = b.source_id
		WHERE s.relation IS NOT NULL AND g.relation IS NULL}),
	't', 'documents hang on versions of a table that was dropped');

# The state of each table, then what verify_versions() finds.
sub is_well
{
	my ($database, $what) = @_;

	is(join(' ', map { state_of_store($node, $database, $_) } @tables), join(' ', map { $original{$_} } @tables),
		"$what: every document reads byte for byte");
	is(verified($node, $database), '', '... nothing is corrupted');
	return;
}

# The store works on: next versions, deletes, housekeeping, and everything that no row has goes.
sub works_on
{
	my ($database, $what) = @_;
	for my $table (@tables)
	{
		$node->safe_psql($database, $table eq 'app.parts' ?
			"INSERT INTO $table (month, chain, n, plain, snapshot) VALUES (2, 2, 200, resume(2, 200), resume(2, 200))" :
			"INSERT INTO $table (chain, n, plain, snapshot) VALUES (2, 200, resume(2, 200), resume(2, 200))");
		like(state_of_store($node, $database, $table), qr/\|0\|0$/, "$what: $table goes on");
		$node->safe_psql($database, "DELETE FROM $table WHERE n = 200");
		is(state_of_store($node, $database, $table), $original{$table}, "... and back");
	}
	$node->safe_psql($database, 'CALL cvwiz.repack_versions()');
	is_well($database, "$what, after housekeeping");
	my $rows = join(' + ', map { "(SELECT count(*) FROM $_)" } @tables);
	is($node->safe_psql($database, qq{
			CALL cvwiz.repack_versions();
			SELECT count(*) - ($rows), (SELECT count(*) FROM cvwiz.dead_version) FROM cvwiz.snapshot_version}),
		'0|0', '... which leaves a version a row, and nothing dead');
	is($node->safe_psql($database, q{SELECT count(*) FROM cvwiz.snapshot_version v WHERE base_id >= version_id OR codec = 2}), 0,
		'... each document in its own version');
	is_well($database, "$what, and after another one");
	return;
}

sub restore
{
	my ($what, @command) = @_;

	return $node->command_ok([@command], $what);
}

my @dump = ('pg_dump', '-d', $node->connstr('postgres'));
my @psql = ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1');
my @pg_restore = ('pg_restore', '--exit-on-error');

# ---- whole ----

command_ok([ @dump, '-f', "$tempdir/plain.sql" ], 'pg_dump');
command_ok([ @dump, '-Fc', '-f', "$tempdir/custom" ], 'pg_dump -Fc');
$node->safe_psql('postgres', "CREATE DATABASE $_") for qw(plain parallel firing firing_inserts disabled halfway interrupted);

restore('psql', @psql, '-d', $node->connstr('plain'), '-f', "$tempdir/plain.sql");
is_well('plain', 'psql');
works_on('plain', 'psql');
restore('pg_restore -j 2', @pg_restore, '-j', 2, '-d', $node->connstr('parallel'), "$tempdir/custom");
is_well('parallel', 'pg_restore -j 2');
works_on('parallel', 'pg_restore -j 2');

# ---- the data alone ----

my %schema = map { $_ => 1 } qw(firing firing_inserts disabled halfway);
for my $database (sort keys %schema)
{
	restore("$database: the schema", @pg_restore, '--schema-only', '-d', $node->connstr($database), "$tempdir/custom");
}
restore('the data, triggers firing', @pg_restore, '--data-only', '-d', $node->connstr('firing'), "$tempdir/custom");
is_well('firing', 'triggers firing');
works_on('firing', 'triggers firing');

command_ok([ @dump, '--inserts', '--data-only', '-f', "$tempdir/inserts.sql" ], 'pg_dump --data-only --inserts');
restore('the data by INSERT', @psql, '-d', $node->connstr('firing_inserts'), '-f', "$tempdir/inserts.sql");
is_well('firing_inserts', 'by INSERT');
works_on('firing_inserts', 'by INSERT');

restore('the data, triggers disabled', @pg_restore, '--data-only', '--disable-triggers', '-d', $node->connstr('disabled'), "$tempdir/custom");
is_well('disabled', 'triggers disabled');
works_on('disabled', 'triggers disabled');

# ---- housekeeping in the middle, after the rows and before the store ----

restore('the rows', @pg_restore, '--data-only', '--schema=app', '--schema=zoo', '-d', $node->connstr('halfway'), "$tempdir/custom");
$node->safe_psql('halfway', 'CALL cvwiz.repack_versions()');
is($node->safe_psql('halfway', 'SELECT count(*) FILTER (WHERE codec <> 2), count(*) > 0 FROM cvwiz.snapshot_version'), '0|t',
	'the stubs wait for what they stand for');
command_ok([ 'pg_restore', '-l', '-f', "$tempdir/list", "$tempdir/custom" ], 'the list of the dump');
append_to_file("$tempdir/rest", join("\n", grep { / cvwiz / } split(/\n/, slurp_file("$tempdir/list"))) . "\n");
restore('the store', @pg_restore, '--data-only', '-L', "$tempdir/rest", '-d', $node->connstr('halfway'), "$tempdir/custom");
is_well('halfway', 'in two parts');
works_on('halfway', 'in two parts');

# ---- housekeeping in the middle of a whole restore, after the store and before the rows ----

# As by pg_cron at night. The triggers come last.
for my $part ([ 'no rows' => sub { $_[0] !~ /TABLE DATA (app|zoo) / } ], [ 'the rows' => sub { $_[0] =~ /TABLE DATA (app|zoo) / } ])
{
	my ($name, $wanted) = @$part;

	append_to_file("$tempdir/$name", join("\n", grep { !/^;/ && $wanted->($_) && !/TRIGGER|CONSTRAINT|INDEX/ } split(/\n/, slurp_file("$tempdir/list"))) . "\n");
	restore("whole: $name", @pg_restore, '-L', "$tempdir/$name", '-d', $node->connstr('interrupted'), "$tempdir/custom");
	like(($node->psql('interrupted', 'SET client_min_messages = notice; CALL cvwiz.repack_versions()'))[2], qr/NOTICE:  table "docs" has versions, and no version store: /,
		'... housekeeping leaves versions without a row alone until the store is there');
}
append_to_file("$tempdir/last", join("\n", grep { /TRIGGER|CONSTRAINT|INDEX/ } split(/\n/, slurp_file("$tempdir/list"))) . "\n");
restore('whole: the triggers', @pg_restore, '-L', "$tempdir/last", '-d', $node->connstr('interrupted'), "$tempdir/custom");
is_well('interrupted', 'in three parts');
works_on('interrupted', 'in three parts');

# ---- a dump while versions go ----

# It has its snapshot when it waits for a table.
$node->safe_psql('postgres', 'CREATE TABLE zoo.locked (i int); CREATE DATABASE meanwhile');
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; LOCK TABLE zoo.locked');
my $dumping = IPC::Run::start([ @dump, '-Fc', '-f', "$tempdir/meanwhile" ], '2>', \my $said);
wait_for_lock_wait($node, 'zoo.locked');
$node->safe_psql('postgres', q{
	DELETE FROM app.docs WHERE n <> 7;
	DELETE FROM zoo.docs;
	UPDATE app."Über ""docs""" SET snapshot = '{"other": true}';
	CALL cvwiz.repack_versions();
	VACUUM cvwiz.snapshot_version, cvwiz.dead_version});
write_versions($node, 'postgres', 'zoo.docs', chains => 4, versions => 3);
cmp_ok($node->safe_psql('postgres', 'SELECT freed_versions FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1'), '>', 30,
	'versions are freed while pg_dump is at work');
$session->query_safe('COMMIT');
ok($dumping->finish, '... which ends well');
restore('... and is restored', @pg_restore, '-d', $node->connstr('meanwhile'), "$tempdir/meanwhile");
is_well('meanwhile', 'as things were at its begin');
$session->quit;

# ---- DROP EXTENSION ----

my ($result, $stdout, $stderr) = $node->psql('disabled', 'DROP EXTENSION cvwiz');
like($stderr, qr/cannot drop extension cvwiz because other objects depend on it/, 'DROP EXTENSION is refused while there is a store');
is_well('disabled', 'DROP EXTENSION refused');
my $rows = $node->safe_psql('disabled', q{SELECT count(*), md5(string_agg(d::text, ',' ORDER BY id)) FROM app.docs d});
$node->safe_psql('disabled', 'SET client_min_messages = error; DROP EXTENSION cvwiz CASCADE');
is($node->safe_psql('disabled', q{SELECT count(*), md5(string_agg(d::text, ',' ORDER BY id)) FROM app.docs d}), $rows,
	'with CASCADE the rows stay as they are, with their stubs');
is($node->safe_psql('disabled', q{INSERT INTO app.docs (chain, n, plain, snapshot) VALUES (1, 1, '{}', '{"a": 1}') RETURNING snapshot}),
	'{"a": 1}', '... and the table is an ordinary one');

is(log_count($node, qr/terminated by signal|TRAP:|PANIC:/), 0, 'nothing crashed');
$node->stop;

done_testing();
