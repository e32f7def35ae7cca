# A store is dumped out of a database of one encoding and restored into one of
# another: documents come back as characters, not as bytes.
use strict;
use warnings;

use lib 't/lib';
use CvwizTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--locale=C', '--encoding=UTF8' ]);
$node->start;

# chr() gives another character by the encoding: in UTF8 its code point is 233,
# in LATIN1 the byte is
sub fill
{
	my ($database, $encoding) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
	$node->safe_psql($database, q{
		CREATE EXTENSION cvwiz;
		CREATE TABLE docs (id int PRIMARY KEY, chain int, doc jsonb);
		CREATE TABLE plain (id int PRIMARY KEY, doc jsonb);
		SELECT cvwiz.add_version_store('docs', 'doc', '{chain}');
		INSERT INTO plain SELECT n, jsonb_build_object('name', 'Andr' || chr(233), 'n', n, 'items',
			(SELECT jsonb_agg(jsonb_build_object('id', i, 'text', 'caf' || chr(233) || md5(i::text))) FROM generate_series(1, 50) i)) FROM generate_series(1, 20) n;
		INSERT INTO docs SELECT id, 1, doc FROM plain;
	});
}

sub check
{
	my ($database, $what) = @_;
	is($node->safe_psql($database, 'SELECT count(*) FROM docs JOIN plain USING (id) WHERE cvwiz.version_text(docs.doc)::text = plain.doc::text AND cvwiz.version(docs.doc) = plain.doc'),
		20, "$what: every document");
	is($node->safe_psql($database, 'SELECT * FROM cvwiz.verify_versions()'), '', "$what: nothing is wrong");
	is($node->safe_psql($database, q{UPDATE docs SET doc = doc; INSERT INTO docs SELECT id + 100, 1, doc FROM docs WHERE id = 20;
		SELECT count(DISTINCT cvwiz.version_text(doc)::text) FROM docs WHERE id IN (20, 120)}), 1, "$what: stubs are known as such");
	$node->safe_psql($database, q{INSERT INTO docs SELECT 21, 1, doc || jsonb_build_object('more', chr(228)) FROM plain WHERE id = 20});
	is($node->safe_psql($database, q{SELECT ascii(cvwiz.version(doc) ->> 'more') FROM docs WHERE id = 21}), 228, "$what: the next version");
	$node->safe_psql($database, q{DELETE FROM docs WHERE id > 20; SELECT cvwiz.remove_version_store('docs', 'doc')});
	is($node->safe_psql($database, 'SELECT count(*) FROM docs JOIN plain USING (id) WHERE docs.doc::text = plain.doc::text'), 20, "$what: put back");
}

for my $pair ([ 'LATIN1', 'UTF8' ], [ 'UTF8', 'LATIN1' ])
{
	my ($from, $to) = @$pair;
	my ($old, $new) = (lc "from_$from", lc "to_$to");
	my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';

	fill($old, $from);
	$node->command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr($old) ], "$from: a dump");
	$node->safe_psql('postgres', "CREATE DATABASE $new ENCODING '$to' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr($new) ], "... restored into $to");
	check($new, "$from in $to");
	check($old, $from);
}

# EUC_JP has some characters twice, UTF-8 once: what would come back as another
# one is refused, also where two keys would become one
$node->safe_psql('postgres', "CREATE DATABASE twice ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
$node->safe_psql('twice', q{
	CREATE EXTENSION cvwiz;
	CREATE TABLE docs (id int PRIMARY KEY, doc jsonb);
	SELECT cvwiz.add_version_store('docs', 'doc', '{id}');
	CREATE FUNCTION numero(twin bool) RETURNS text LANGUAGE sql AS $$ SELECT convert_from(CASE WHEN twin THEN '\x8fa2f1'::bytea ELSE '\xade2' END, 'EUC_JP') $$;
});
for my $document (q{jsonb_build_array('a', 'caf' || numero(true))}, q{jsonb_build_object(numero(false), 1, numero(true), 2)})
{
	my ($status, undef, $stderr) = $node->psql('twice', "\\set VERBOSITY verbose\nINSERT INTO docs VALUES (1, $document)");
	is($status, 3, "$document is refused");
	like($stderr, qr/ERROR:  22P05: document has a character of encoding "EUC_JP" that UTF-8 cannot tell from another\n.*0x8fa2f1 would come back as 0xade2\./, '... saying why');
}
is($node->safe_psql('twice', q{INSERT INTO docs VALUES (2, jsonb_build_object(numero(false), repeat(numero(false), 100)));
	SELECT cvwiz.version(doc) = jsonb_build_object(numero(false), repeat(numero(false), 100)) FROM docs}), 't', 'the other one comes back');

$node->stop;

done_testing();
