# Logical replication of tables with a version store: the publisher writes,
# deletes and repacks, whatever it publishes; a subscriber that has the store's
# tables too reads the documents.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $conf = "cvwiz.worker = off\nwal_retrieve_retry_interval = 200ms\n";
my $publisher = start_server('publisher', init => [ allows_streaming => 'logical' ], conf => $conf);
my $subscriber = start_server('subscriber', init => [ allows_streaming => 'logical' ], conf => $conf);

for my $node ($publisher, $subscriber)
{
	create_documents($node, 'postgres');
	$node->safe_psql('postgres', 'CREATE SCHEMA app');
	create_store_table($node, 'postgres', 'app.docs');
}
write_versions($publisher, 'postgres', 'app.docs', chains => 4, versions => 20);

# ---- a publication of everything ----

$publisher->safe_psql('postgres', 'CREATE PUBLICATION everything FOR ALL TABLES');
my ($result, $stdout, $stderr) = $publisher->psql('postgres', q{
	INSERT INTO app.docs (chain, n, plain, snapshot) VALUES (1, 21, resume(1, 21), resume(1, 21));
	UPDATE app.docs SET plain = resume(2, 22), snapshot = resume(2, 22) WHERE chain = 2 AND n = 20;
	DELETE FROM app.docs WHERE n % 5 = 0;
	CALL cvwiz.repack_versions();
	UPDATE cvwiz.snapshot_version SET checksum = checksum + 1 WHERE version_id = 1;
	SELECT count(*) FROM cvwiz.verify_versions();
	UPDATE cvwiz.snapshot_version SET checksum = checksum - 1 WHERE version_id = 1;
	SELECT count(*) FROM cvwiz.verify_versions();
	CREATE TABLE app.gone (LIKE app.docs);
	SELECT cvwiz.add_version_store('app.gone', 'snapshot', '{chain}');
	INSERT INTO app.gone VALUES (1, 1, 1, '1', '1');
	DROP TABLE app.gone;
	CALL cvwiz.repack_versions();
}, on_error_stop => 1);
is($stderr, '', 'FOR ALL TABLES: no statement of the publisher\'s lacks a replica identity');
is($stdout, "1\n0\n", '... verify_versions() has its findings, and forgets them');
is(state_of_store($publisher, 'postgres', 'app.docs'), '65|0|0', '... the documents read');
$publisher->safe_psql('postgres', 'DROP PUBLICATION everything');

# ---- a subscriber that reads the documents ----

my $connection = $publisher->connstr . ' dbname=postgres';
$publisher->safe_psql('postgres', 'CREATE PUBLICATION p FOR TABLE app.docs, cvwiz.snapshot_version, cvwiz.version_source, cvwiz.dead_version');
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION s CONNECTION '$connection' PUBLICATION p");
$subscriber->wait_for_subscription_sync($publisher, 's');
is(state_of_store($subscriber, 'postgres', 'app.docs'), '65|0|0', 'the first copy: the subscriber reads what the publisher has');
is(verified($subscriber, 'postgres'), '', '... nothing is corrupted');

write_versions($publisher, 'postgres', 'app.docs', chains => 4, versions => 5, from => 30);
$publisher->safe_psql('postgres', q{
	DELETE FROM app.docs WHERE n < 15;
	UPDATE app.docs SET plain = resume(3, 23), snapshot = resume(3, 23) WHERE n = 34;
	UPDATE app.docs SET n = n + 100 WHERE n = 33;
	CALL cvwiz.repack_versions()});
$publisher->wait_for_catchup('s');
is(state_of_store($subscriber, 'postgres', 'app.docs'), state_of_store($publisher, 'postgres', 'app.docs'), 'changes and housekeeping are applied');
like(state_of_store($subscriber, 'postgres', 'app.docs'), qr/^3\d\|0\|0$/, '... documents read');
my $contents = q{SELECT count(*), md5(string_agg(v::text, ',' ORDER BY version_id)), (SELECT count(*) FROM cvwiz.dead_version) FROM cvwiz.snapshot_version v};
is($subscriber->safe_psql('postgres', $contents), $publisher->safe_psql('postgres', $contents), '... the stores are the same');
is(verified($subscriber, 'postgres'), '', '... nothing is corrupted');
is($subscriber->safe_psql('postgres', 'SELECT relation, versions FROM cvwiz.version_stats()'),
	$publisher->safe_psql('postgres', 'SELECT relation, versions FROM cvwiz.version_stats()'), '... each of them of its table');

# ---- the subscriber takes over ----

$subscriber->safe_psql('postgres', q{
	DROP SUBSCRIPTION s;
	SELECT setval('app.docs_id_seq', (SELECT max(id) FROM app.docs))});
my $before = $subscriber->safe_psql('postgres', 'SELECT count(*) FROM app.docs');
write_versions($subscriber, 'postgres', 'app.docs', chains => 4, versions => 5, from => 200);
is(state_of_store($subscriber, 'postgres', 'app.docs'), $before + 20 . '|0|0', 'without the publisher it writes, though its sequence was not replicated');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.snapshot_version WHERE base_id >= version_id'), 0, '... each version after its base');
$subscriber->safe_psql('postgres', 'DELETE FROM app.docs WHERE n < 200; CALL cvwiz.repack_versions()');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.snapshot_version'), 20, '... and frees');
is(state_of_store($subscriber, 'postgres', 'app.docs'), '20|0|0', '... and reads');

# ---- and gives the store up, whose triggers were always enabled ----

$subscriber->safe_psql('postgres', q{
	CREATE TABLE parts (id int, chain int, snapshot jsonb) PARTITION BY RANGE (id);
	CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
	CREATE TABLE part_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
	SELECT cvwiz.add_version_store('parts', 'snapshot', '{chain}');
	INSERT INTO parts SELECT n, 1, resume(1, n) FROM generate_series(1, 19) n;
	SELECT cvwiz.add_snapshot_limits('parts', 'snapshot', max_size => 100, warning_size => 50);
	CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fired'; END $$;
	CREATE TRIGGER note BEFORE UPDATE ON parts FOR EACH ROW EXECUTE FUNCTION note();
	CREATE TRIGGER note_off AFTER UPDATE ON parts FOR EACH ROW EXECUTE FUNCTION note();
	CREATE RULE rule AS ON UPDATE TO parts DO INSTEAD NOTHING;
	ALTER TABLE parts DISABLE TRIGGER note_off, ENABLE ALWAYS TRIGGER "~cvwiz_versions_snapshot";
	ALTER TABLE part_1 ENABLE ALWAYS TRIGGER "~cvwiz_limits_snapshot", ENABLE ALWAYS TRIGGER "~cvwiz_versions_snapshot", ENABLE REPLICA TRIGGER note});
my $triggers = q{SELECT tgrelid::regclass, tgname, tgenabled FROM pg_trigger WHERE tgrelid::regclass::text ~ '^part' AND NOT tgname ~ 'versions' ORDER BY 1, 2};
my $enabled = $subscriber->safe_psql('postgres', $triggers);
is($subscriber->safe_psql('postgres', q{
		SELECT cvwiz.remove_version_store('parts', 'snapshot');
		SELECT count(*) FILTER (WHERE snapshot = resume(1, id)) FROM parts}), "\n19",
	'all documents come back whole, past limits and rules');
is($subscriber->safe_psql('postgres', $triggers), $enabled, '... and all triggers are enabled as they were');
is($subscriber->safe_psql('postgres', q{SELECT ev_enabled FROM pg_rewrite WHERE rulename = 'rule'}), 'O', '... and the rule');

is(log_count($_, qr/(PANIC:|TRAP:|terminated by signal|replica identity)/), 0, 'nothing crashed, or lacks an identity') for $publisher, $subscriber;
$subscriber->stop;
$publisher->stop;

done_testing();
