# pg_dump carries the limits, in the triggers, and the documents, in columns of
# cvwiz.zjsonb too; DROP EXTENSION takes neither away.
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

$node->safe_psql('postgres', q{
	CREATE FUNCTION numbers(n int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT jsonb_agg(i) FROM generate_series(1, n) i $$;
	CREATE FUNCTION text_of(n int) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT string_agg(md5(i::text), ' ') FROM generate_series(1, n) i $$;
	CREATE DOMAIN document AS cvwiz.zjsonb CHECK (jsonb_typeof(VALUE) = 'object');
	CREATE TABLE "ResumeVersion" (id int PRIMARY KEY, snapshot jsonb NOT NULL, z cvwiz.zjsonb DEFAULT '{"default": true}', d document, name text GENERATED ALWAYS AS (z ->> 'name') STORED);
	CREATE INDEX ON "ResumeVersion" USING hash (z);
	CREATE INDEX by_path ON "ResumeVersion" USING gin ((z::jsonb) jsonb_path_ops);
	INSERT INTO "ResumeVersion" SELECT n, doc, doc, doc FROM generate_series(1, 50) n,
		LATERAL (SELECT jsonb_build_object('name', 'N' || n, 'text', text_of(n * 10), 'é"\', E'\\n\x01', 'n', numbers(n))) AS d(doc);
	INSERT INTO "ResumeVersion" (id, snapshot) VALUES (51, '{}');
	-- these come after rows that they would not let in
	SELECT cvwiz.add_snapshot_limits('"ResumeVersion"', 'snapshot', 'reject', 1000, 500, 20);
	SELECT cvwiz.add_snapshot_limits('"ResumeVersion"', 'z', 'truncate', 900000, 300, 7, E'a=b''c\\\\d', ARRAY['x"y', 'a,b', E'back\\\\slash', '']);
	ALTER TABLE "ResumeVersion" ENABLE ALWAYS TRIGGER "~cvwiz_limits_z";
	CREATE TABLE parts (id int, snapshot json) PARTITION BY RANGE (id);
	CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
	SELECT cvwiz.add_snapshot_limits('parts', 'snapshot', max_size => 100, warning_size => 20, max_array_length => 2, fields => '{}');
	CREATE TABLE part_2 (snapshot json, id int);
	ALTER TABLE parts ATTACH PARTITION part_2 FOR VALUES FROM (100) TO (200);
	CREATE TABLE off (snapshot jsonb);
	SELECT cvwiz.add_snapshot_limits('off', 'snapshot');
	ALTER TABLE off DISABLE TRIGGER "~cvwiz_limits_snapshot";
	CREATE TABLE "by ""hand" (snapshot jsonb);
	CREATE TRIGGER hand BEFORE INSERT ON "by ""hand" FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits('snapshot', 'max_size=100', 'warning_size=50');
});

my $limits = q{SELECT relation, snapshot_column, on_oversize, max_size, warning_size, max_array_length, recent_by, fields, trigger_name, enabled
	FROM cvwiz.snapshot_limits ORDER BY relation::text COLLATE "C", snapshot_column};
my $always = q{SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgname ~ 'cvwiz' ORDER BY tgrelid::regclass::text COLLATE "C", tgname};
my $documents = q{SELECT count(*), md5(string_agg(snapshot::text || coalesce(z::text, '-') || coalesce(d::text, '-') || coalesce(name, '-'), ',' ORDER BY id)) FROM "ResumeVersion"};
my %original = map { $_ => $node->safe_psql('postgres', $_) } $limits, $always, $documents;
is(scalar(my @lines = split(/\n/, $original{$limits})), 7, 'there are limits of seven tables and columns');

sub is_restored
{
	my ($to, $database, $what, %options) = @_;

	# --disable-triggers enables all of them in the end
	if (!$options{all_enabled})
	{
		is($to->safe_psql($database, $limits), $original{$limits}, "$what: the limits are there");
		is($to->safe_psql($database, $always), $original{$always}, "$what: ... as they are enabled");
	}
	is($to->safe_psql($database, $documents), $original{$documents}, "$what: ... and the documents, oversized ones too");
	is($to->safe_psql($database, q{SELECT id FROM "ResumeVersion" WHERE z @> '{"name": "N7"}'}), '7', "$what: ... they are found");

	# and they are enforced there
	my ($result, $stdout, $stderr) = $to->psql($database, q{INSERT INTO "ResumeVersion" VALUES (100, to_jsonb(text_of(100)))});
	like($stderr, qr/the maximum is 1,000 bytes/, "$what: an oversized document is refused");
	is($to->safe_psql($database, q{
			SET cvwiz.snapshot_notice = off;
			INSERT INTO "ResumeVersion" (id, snapshot, z) VALUES (101, '{}', numbers(100)) RETURNING z}),
		'[94, 95, 96, 97, 98, 99, 100]', "$what: ... and a long array cut");
	is($to->safe_psql($database, q{SET cvwiz.snapshot_notice = off; INSERT INTO parts VALUES (150, numbers(10)::json) RETURNING snapshot}),
		'[9, 10]', "$what: ... in a partition as well");
	is($to->safe_psql($database, q{INSERT INTO "ResumeVersion" (id, snapshot) VALUES (102, '1') RETURNING z}),
		'{"default": true}', "$what: ... and the default is there");
	return;
}

# ---- whole, by each way ----

$node->command_ok([ 'pg_dump', '-d', $node->connstr('postgres'), '-f', "$tempdir/plain.sql" ], 'pg_dump');
unlike(slurp_file("$tempdir/plain.sql"), qr/COPY cvwiz\.\w*snapshot(?!_version )/, 'nothing of the limits is in tables of the extension');
like(slurp_file("$tempdir/plain.sql"), qr/COPY cvwiz\.snapshot_version \([^\n]*\n\\\.\n/, '... nor in that of versions');
$node->command_ok([ 'pg_dump', '--inserts', '-d', $node->connstr('postgres'), '-f', "$tempdir/inserts.sql" ], 'pg_dump --inserts');
$node->command_ok([ 'pg_dump', '-Fc', '-d', $node->connstr('postgres'), '-f', "$tempdir/custom" ], 'pg_dump -Fc');

for my $file ('plain', 'inserts')
{
	$node->safe_psql('postgres', "CREATE DATABASE $file");
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($file), '-f', "$tempdir/$file.sql" ],
		"$file: restored");
	is_restored($node, $file, $file);
}
my $fresh = start_server('fresh', conf => "cvwiz.worker = off\n", extension => 0);
$fresh->safe_psql('postgres', "CREATE DATABASE $_") for 'parallel', 'sections', 'refused';
$fresh->command_ok([ 'pg_restore', '--exit-on-error', '-j', '2', '-d', $fresh->connstr('parallel'), "$tempdir/custom" ],
	'pg_restore in parallel into another cluster');
is_restored($fresh, 'parallel', 'in parallel');

# ---- schema, then data: the limits are in force by then ----

$fresh->command_ok([ 'pg_restore', '--exit-on-error', '--schema-only', '-d', $fresh->connstr('sections'), "$tempdir/custom" ],
	'pg_restore --schema-only');
is($fresh->safe_psql('sections', $limits), $original{$limits}, 'the limits are part of the schema');
$fresh->command_ok([ 'pg_restore', '--exit-on-error', '--data-only', '--disable-triggers', '-d', $fresh->connstr('sections'), "$tempdir/custom" ],
	'pg_restore --data-only --disable-triggers');
is_restored($fresh, 'sections', 'schema, then data', all_enabled => 1);
$fresh->command_ok([ 'pg_restore', '--exit-on-error', '--schema-only', '-d', $fresh->connstr('refused'), "$tempdir/custom" ],
	'pg_restore --schema-only');
$fresh->command_fails_like([ 'pg_restore', '--exit-on-error', '--data-only', '-d', $fresh->connstr('refused'), "$tempdir/custom" ],
	qr/the maximum is 1,000 bytes/, 'data only: an oversized document is refused, and that is said');

# ---- a dump of a dump is the same ----

my %schema;
for my $database ('postgres', 'plain')
{
	my ($stdout, $stderr) = run_command([ 'pg_dump', '--schema-only', '-t', '"ResumeVersion"', '-d', $node->connstr($database) ]);
	$schema{$database} = join("\n", grep { /TRIGGER|DEFAULT/ } split(/\n/, $stdout));
}
is($schema{plain}, $schema{postgres}, 'what was restored is dumped as it was');

# ---- DROP EXTENSION ----

my ($result, $stdout, $stderr) = $node->psql('postgres', 'DROP EXTENSION cvwiz');
isnt($result, 0, 'DROP EXTENSION is refused while tables use it');
is($node->safe_psql('postgres', $documents), $original{$documents}, '... and nothing is lost');
$node->safe_psql('postgres', q{
	SELECT cvwiz.remove_snapshot_limits(relation, snapshot_column)
	FROM (SELECT relation, snapshot_column FROM cvwiz.snapshot_limits WHERE relation NOT IN ('part_1'::regclass, 'part_2'::regclass) OFFSET 0) l;
	ALTER TABLE "ResumeVersion" DROP COLUMN name;
	DROP INDEX by_path;
	ALTER TABLE "ResumeVersion" ALTER z DROP DEFAULT, ALTER z TYPE jsonb, ALTER d TYPE jsonb;
	DROP DOMAIN document;
	DROP EXTENSION cvwiz;
});
is($node->safe_psql('postgres', q{SELECT count(*) FROM "ResumeVersion" WHERE z = snapshot AND d = snapshot}), '50',
	'without limits, and with columns of jsonb, it goes, and the documents stay');

$node->stop;
$fresh->stop;

done_testing();
