# The worker's housekeeping of the version store: once a day, again after a
# failure, where there is a store, and past what is corrupted.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $node = start_server('main', now => '2026-05-10 12:00', conf => "cvwiz.alert_interval = '1d'\n");

# A clock that is set again while it has that time shows nothing.
sub at
{
	my ($time) = @_;

	set_clock($node, $time);
	worker_looked($node, 'postgres');
	return;
}

sub repacks
{
	my ($database, $columns) = @_;

	return $node->safe_psql($database, "SELECT $columns FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1");
}

sub count_repacks
{
	my ($database) = @_;

	return $node->safe_psql($database, 'SELECT count(*) FROM cvwiz.version_repack');
}

# ---- no store, nothing to do ----

create_documents($node, 'postgres');
$node->safe_psql('postgres', 'CREATE DATABASE without');
$node->safe_psql('without', 'CREATE EXTENSION cvwiz');
at('2026-05-11 03:10');
is(count_repacks($_), 0, "$_ has no store, and no housekeeping") for 'postgres', 'without';

# ---- once a day ----

create_store_table($node, 'postgres', 'docs');
create_store_table($node, 'postgres', 'others');
write_versions($node, 'postgres', 'docs', chains => 3, versions => 20);
write_versions($node, 'postgres', 'others', chains => 1, versions => 5);
worker_looked($node, 'postgres');
worker_looked($node, 'postgres');
is(repacks('postgres', "origin, success, started_at AT TIME ZONE 'UTC', chains, freed_versions"), 'worker|t|2026-05-11 03:10:00|0|0', 'a store that is new after the time of day has its first turn at once');
$node->safe_psql('postgres', 'DELETE FROM docs WHERE n BETWEEN 3 AND 12 AND chain < 3');
at('2026-05-12 03:10');
is(count_repacks('postgres'), 2, 'the worker repacks the next day');
is(repacks('postgres', q{origin, success, finished_at IS NOT NULL, started_at AT TIME ZONE 'UTC', chains, freed_versions, freed_bytes > 0, rebased_versions > 0, orphaned_versions, failed, error}),
	'worker|t|t|2026-05-12 03:10:00|2|20|t|t|0|0|', '... and records what it did');
is($node->safe_psql('postgres', 'SELECT count(*), (SELECT count(*) FROM cvwiz.dead_version) FROM cvwiz.snapshot_version'), '45|0', '... nothing dead is left');
is(state_of_store($node, 'postgres', 'docs'), '40|0|0', '... the documents read on');

$node->safe_psql('postgres', 'DELETE FROM docs WHERE n = 18');
at($_) for '2026-05-12 03:20', '2026-05-12 23:50', '2026-05-13 02:59';
is(count_repacks('postgres'), 2, '... not again on that day, nor early on the next');
at('2026-05-13 03:00');
is(count_repacks('postgres'), 3, '... but on the next');
is(repacks('postgres', 'origin, success, freed_versions'), 'worker|t|3', '... what has died since');
is(count_repacks('without'), 0, 'a database without a store has none');

# A CALL is not the worker's.
$node->safe_psql('postgres', 'CALL cvwiz.repack_versions()');
is(repacks('postgres', 'origin'), 'call', 'a CALL is recorded, too');

# ---- a corrupted chain ----

# What chain 3's newest hang on is damaged and dead: they cannot be stored anew.
$node->safe_psql('postgres', q{
	CREATE FUNCTION key_of(c int) RETURNS bigint LANGUAGE sql AS $$
		SELECT chain_key FROM cvwiz.snapshot_version v WHERE EXISTS (SELECT FROM docs WHERE chain = c AND cvwiz.stub_version(snapshot) = v.version_id) LIMIT 1 $$;
	CREATE TABLE damaged AS SELECT * FROM cvwiz.snapshot_version WHERE chain_key = key_of(3) AND version_id =
		(SELECT cvwiz.stub_version(snapshot) FROM docs WHERE chain = 3 AND n = 5);
	UPDATE cvwiz.snapshot_version v SET content = '\xdeadbeef' FROM damaged d WHERE v.version_id = d.version_id;
	DELETE FROM docs WHERE n = 5 AND chain = 3;
	DELETE FROM docs WHERE chain = 2;
	DELETE FROM others WHERE n < 4});
at('2026-05-14 03:00');
is(repacks('postgres', 'origin, chains'), 'worker|2', 'a corrupted base: the worker goes through the chains');
is($node->safe_psql('postgres', q{SELECT count(*), count(*) FILTER (WHERE chain_key = key_of(3)), (SELECT count(*) FROM cvwiz.dead_version) FROM cvwiz.snapshot_version}),
	'30|19|1', '... the others are freed, nothing of it is lost');
is($node->safe_psql('postgres', 'SELECT relation, count(*), problem FROM cvwiz.verify_versions() GROUP BY relation, problem'),
	'docs|12|Its content is not what was stored.', '... verify_versions() tells what cannot be read');
$node->safe_psql('postgres', 'UPDATE cvwiz.snapshot_version v SET content = d.content FROM damaged d WHERE v.version_id = d.version_id');

# ---- a failure ----

# A chain whose versions cannot be deleted.
$node->safe_psql('postgres', q{CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no, not chain 1'; END $$});
$node->safe_psql('postgres', 'CREATE TRIGGER fail BEFORE DELETE ON cvwiz.snapshot_version FOR EACH ROW WHEN (OLD.chain_key = '
	. $node->safe_psql('postgres', 'SELECT key_of(1)') . ') EXECUTE FUNCTION fail()');
$node->safe_psql('postgres', 'DELETE FROM docs WHERE chain = 1 AND n = 19; DELETE FROM others WHERE n = 4');
my $offset = -s $node->logfile;
at('2026-05-15 03:00');
is(repacks('postgres', 'origin, success, chains, failed, error'), 'worker|f|2|1|no, not chain 1', 'a chain that fails does not stop the others');
is($node->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.snapshot_version v WHERE v.version_id IN (SELECT version_id FROM cvwiz.dead_version)'), 1, '... which are freed');
like(substr(slurp_file($node->logfile), $offset), qr/WARNING:  repacking versions failed for 1 chains in database "postgres": no, not chain 1/, '... and a warning is in the log');
my $count = count_repacks('postgres');
at('2026-05-15 03:00:59');
is(count_repacks('postgres'), $count, '... it is not tried again at once');
at('2026-05-15 03:01:00');
is(repacks('postgres', 'success') . count_repacks('postgres'), 'f' . ($count + 1), '... but after a minute');
$node->safe_psql('postgres', 'DROP TRIGGER fail ON cvwiz.snapshot_version');
at('2026-05-15 03:02:59');
is(count_repacks('postgres'), $count + 1, '... then not for two');
at('2026-05-15 03:03:00');
is(count_repacks('postgres'), $count + 2, '... and then again');
is(repacks('postgres', 'origin, success, failed, error'), 'worker|t|0|', '... with success');
is($node->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.dead_version'), 0, '... and what was left is freed');
at('2026-05-15 09:00');
is(count_repacks('postgres'), $count + 2, '... and that was it for the day');
is(verified($node, 'postgres'), '', 'nothing is corrupted');
is(state_of_store($node, 'postgres', $_), $_ eq 'docs' ? '26|0|0' : '1|0|0', "$_: all documents read") for 'docs', 'others';

# ---- the log's end ----

set_clock($node, '2027-06-20 03:00');
$node->poll_query_until('postgres', 'SELECT min(started_at) > cvwiz.clock() - interval $$1 day$$ FROM cvwiz.version_repack')
  or fail('rows of the log go after 400 days');

is(log_count($node, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed');
$node->stop;

done_testing();
