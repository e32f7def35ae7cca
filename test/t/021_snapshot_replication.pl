# Logical replication of columns with limits and of cvwiz.zjsonb: the apply
# worker fires a trigger that is enabled ALWAYS, and no other.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $publisher = start_server('publisher', init => [ allows_streaming => 'logical' ], conf => "cvwiz.worker = off\n");
my $subscriber = start_server('subscriber', init => [ allows_streaming => 'logical' ], conf => "cvwiz.worker = off\nwal_retrieve_retry_interval = 200ms\n");

my $tables = q{
	CREATE FUNCTION numbers(n int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT jsonb_agg(i) FROM generate_series(1, n) i $$;
	CREATE FUNCTION text_of(n int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT to_jsonb(string_agg(md5(i::text), ' ')) FROM generate_series(1, n) i $$;
	CREATE TABLE docs (id int PRIMARY KEY, n int DEFAULT 0, snapshot jsonb, z cvwiz.zjsonb, j json);
	CREATE TABLE idle (id int PRIMARY KEY, snapshot jsonb);
	CREATE TABLE strict (id int PRIMARY KEY, snapshot cvwiz.zjsonb);
	CREATE TABLE parts (id int PRIMARY KEY, snapshot jsonb) PARTITION BY RANGE (id);
	CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (1000);
};
$publisher->safe_psql('postgres', $tables . q{
	ALTER TABLE docs ALTER snapshot SET STORAGE external;
	-- from before the subscription: 100,000 bytes are in the TOAST table
	INSERT INTO docs SELECT n, 0, d, d, d FROM generate_series(1, 3) n, LATERAL (SELECT jsonb_build_object('t', text_of(3000), 'n', numbers(n * 100))) AS x(d);
	INSERT INTO idle VALUES (1, numbers(200));
	CREATE PUBLICATION p FOR ALL TABLES;
});
$subscriber->safe_psql('postgres', $tables . q{
	SELECT cvwiz.add_snapshot_limits('docs', c::name, 'truncate', 1000000, 1000, 5) FROM unnest('{snapshot,z,j}'::text[]) c;
	ALTER TABLE docs ENABLE ALWAYS TRIGGER "~cvwiz_limits_snapshot", ENABLE ALWAYS TRIGGER "~cvwiz_limits_z", ENABLE ALWAYS TRIGGER "~cvwiz_limits_j";
	SELECT cvwiz.add_snapshot_limits('idle', 'snapshot', 'reject', 100);
	SELECT cvwiz.add_snapshot_limits('strict', 'snapshot', 'reject', 100);
	ALTER TABLE strict ENABLE ALWAYS TRIGGER "~cvwiz_limits_snapshot";
	SELECT cvwiz.add_snapshot_limits('parts', 'snapshot', max_size => 100, warning_size => 20, max_array_length => 2);
	ALTER TABLE part ENABLE ALWAYS TRIGGER "~cvwiz_limits_snapshot";
});
my $connection = $publisher->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION s CONNECTION '$connection' PUBLICATION p WITH (binary = true)");
$subscriber->wait_for_subscription_sync($publisher, 's');

# ---- the rows that were there ----

is($subscriber->safe_psql('postgres', q{SELECT id, snapshot -> 'n', z -> 'n', j -> 'n', length(snapshot ->> 't') FROM docs ORDER BY id}),
	join("\n", map { my $n = '[' . join(', ', $_ * 100 - 4 .. $_ * 100) . ']'; "$_|$n|$n|$n|98999" } 1 .. 3),
	'the first copy is reduced by triggers that are enabled always');
is($subscriber->safe_psql('postgres', 'SELECT length(snapshot::text) FROM idle'), '892', '... and by no other');

# ---- changes ----

$publisher->safe_psql('postgres', q{
	INSERT INTO docs SELECT 4, 0, d, d, d FROM (SELECT jsonb_build_object('t', text_of(3000), 'n', numbers(400))) AS x(d);
	INSERT INTO docs VALUES (5, 0, '{"é": "\u0001\"", "n": 1.50}', '{"é": "\u0001\"", "n": 1.50}', '{"as" :  "it was"}');
	INSERT INTO idle VALUES (2, numbers(300));
	INSERT INTO parts VALUES (1, numbers(10));
	-- only n changes: what is in the TOAST table is not sent
	UPDATE docs SET n = 1;
	UPDATE docs SET id = 40 WHERE id = 4;
	UPDATE docs SET z = z || jsonb '{"n": [1, 2, 3, 4, 5, 6, 7]}' WHERE id = 3;
	DELETE FROM docs WHERE id = 2;
});
$publisher->wait_for_catchup('s');
is($subscriber->safe_psql('postgres', q{SELECT id, n, snapshot -> 'n', z -> 'n', j -> 'n', md5(snapshot ->> 't') = md5(text_of(3000) #>> '{}') FROM docs WHERE id <> 5 ORDER BY id}),
	join("\n", '1|1|[96, 97, 98, 99, 100]|[96, 97, 98, 99, 100]|[96, 97, 98, 99, 100]|t',
		'3|1|[296, 297, 298, 299, 300]|[3, 4, 5, 6, 7]|[296, 297, 298, 299, 300]|t',
		'40|1|[396, 397, 398, 399, 400]|[396, 397, 398, 399, 400]|[396, 397, 398, 399, 400]|t'),
	'inserts and updates are applied, and reduced');
is($subscriber->safe_psql('postgres', 'SELECT snapshot, z, j FROM docs WHERE id = 5'),
	'{"n": 1.50, "é": "\u0001\""}|{"n": 1.50, "é": "\u0001\""}|{"as" :  "it was"}', '... what is within the limits as it was');
is($subscriber->safe_psql('postgres', 'SELECT length(snapshot::text) FROM idle WHERE id = 2'), '1392', '... a trigger that is not enabled always does not fire');
is($subscriber->safe_psql('postgres', 'SELECT snapshot FROM parts'), '[9, 10]', '... one of a partition does');
is($publisher->safe_psql('postgres', 'SELECT cvwiz.snapshot_size(snapshot) > 98999 FROM docs WHERE id = 40'), 't', 'the publisher has it whole');

# ---- a document that the subscriber refuses ----

my $offset = -s $subscriber->logfile;
$publisher->safe_psql('postgres', q{INSERT INTO strict VALUES (1, '{"small": 1}'); INSERT INTO strict VALUES (2, text_of(10))});
$subscriber->wait_for_log(qr/snapshot in column "snapshot" of table "strict" has 331 bytes: the maximum is 100 bytes/, $offset);
is($subscriber->safe_psql('postgres', 'SELECT id FROM strict'), '1', 'what is refused stops the apply worker, and is in the log');
$subscriber->safe_psql('postgres', q{ALTER TABLE strict ENABLE TRIGGER "~cvwiz_limits_snapshot"});
$publisher->wait_for_catchup('s');
is($subscriber->safe_psql('postgres', 'SELECT id FROM strict ORDER BY id'), "1\n2", '... which goes on once it is let in');

# ---- decoded changes are JSON text ----

$publisher->safe_psql('postgres', "SELECT pg_create_logical_replication_slot('text', 'test_decoding')");
$publisher->safe_psql('postgres', q{INSERT INTO strict VALUES (3, '{"b":1,"a":[true]}')});
like($publisher->safe_psql('postgres', "SELECT data FROM pg_logical_slot_get_changes('text', NULL, NULL) WHERE data ~ 'INSERT'"),
	qr/snapshot\[cvwiz\.zjsonb\]:'\{"a": \[true\], "b": 1\}'/, 'logical decoding gives the text of a cvwiz.zjsonb');

$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION s');
$subscriber->stop;
$publisher->stop;

done_testing();
