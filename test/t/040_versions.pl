# The version store in shared memory, by the worker, on a standby: what is stored
# and what cannot be read is counted, sampled, and told by an alert.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $node = start_server('main', init => [ allows_streaming => 1 ], now => '2026-05-10 12:00', conf => "cvwiz.worker = off\ncvwiz.naptime = 1\ncvwiz.alert_interval = 1\n");

sub counted
{
	my ($server, $database) = @_;

	return $server->safe_psql($database // 'postgres', 'SELECT stored, stored_raw_bytes, read_errors, recent_read_errors FROM cvwiz.version_counters()');
}

sub metric
{
	my ($name) = @_;

	return $node->safe_psql('postgres', "SELECT value FROM cvwiz.metrics WHERE name = 'cvwiz_version_$name'");
}

sub set_checksum
{
	my ($step) = @_;

	$node->safe_psql('postgres', "UPDATE cvwiz.snapshot_version SET checksum = checksum + $step WHERE version_id = (SELECT min(cvwiz.stub_version(doc)) FROM docs WHERE id = 1)");
	return;
}

# ---- what is stored ----

$node->safe_psql('postgres', q{
	CREATE TABLE docs (id int, doc jsonb);
	SELECT cvwiz.add_version_store('docs', 'doc', '{id}')});
is(counted($node), '0|0|0|0', 'a store begins with zeros');
$node->safe_psql('postgres', q{INSERT INTO docs VALUES (1, '{"a": 1}'), (2, '{"a": 22}'), (3, NULL)});
is(counted($node), '2|17|0|0', 'versions are counted, with the bytes of their text; a NULL is none');
$node->safe_psql('postgres', 'BEGIN; INSERT INTO docs VALUES (4, $$[]$$); ROLLBACK; UPDATE docs SET id = 5 WHERE id = 2');
is(counted($node), '3|19|0|0', 'what is rolled back is counted, what does not change is not');
is(metric('writes_total') . '|' . metric('written_bytes_total'), '3|19', 'the metrics say so');

# ---- what cannot be read ----

$node->safe_psql('postgres', 'SELECT cvwiz.version(doc) FROM docs');
is(metric('read_errors_total') . '|' . metric('recent_read_errors'), '0|0', 'what can be read is no error');
set_checksum(1);
my ($stdout, $stderr);
for my $function (qw(version version_text))
{
	$node->psql('postgres', "SELECT cvwiz.$function(doc) FROM docs WHERE id = 1", stderr => \$stderr);
	like($stderr, qr/version 1 of the version store is corrupted/, "$function() meets a corrupted version");
}
is(counted($node), '3|19|2|2', '... each is counted');
$node->psql('postgres', q{SELECT cvwiz.version(jsonb_set(doc, '{$cvwiz,version}', '99')) FROM docs WHERE id = 1}, stderr => \$stderr);
like($stderr, qr/version 99 is not in the version store/, 'a stub that stands for nothing');
is(counted($node), '3|19|2|2', '... is no corruption');
my $log = -s $node->logfile;
$node->safe_psql('postgres', q{INSERT INTO docs VALUES (1, '{"a": 333}')});
ok($node->log_contains(qr/LOG:  version 1 of the version store is corrupted/, $log), 'a writer meets it, and goes on');
is(counted($node), '4|29|3|3', '... which is counted as well');
$node->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.verify_versions()');
is(counted($node), '4|29|3|3', 'verify_versions() counts nothing: it says what it finds');
is(metric('corrupted'), 1, '... in a metric of its own');
like($node->safe_psql('postgres', 'SELECT cvwiz.check()'), qr/^CRITICAL .*version_corrupted public\.docs 1 \(> 0\); version_read_errors 3 \(> 0\)/, 'both are alerts');
set_clock($node, '2026-05-10 13:06');
is(counted($node), '4|29|3|0', 'after an hour they are not recent any more');
unlike($node->safe_psql('postgres', 'SELECT cvwiz.check()'), qr/version_read_errors/, '... and no alert');
set_checksum(-1);

# ---- whose, since when ----

$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION cvwiz');
is(counted($node, 'other'), '0|0|0|0', 'each database has its own');
$node->safe_psql('other', 'SELECT cvwiz.stat_reset()');
is(counted($node), '4|29|3|0', "... which another's stat_reset() leaves alone");
$node->safe_psql('postgres', "SELECT cvwiz.stat_reset('worker')");
is(counted($node), '4|29|3|0', "stat_reset('worker') too");
$node->safe_psql('postgres', "SET cvwiz.now = '2026-05-10 14:00'; SELECT cvwiz.stat_reset('snapshot')");
is($node->safe_psql('postgres', "SELECT stored, read_errors, stats_reset = '2026-05-10 14:00Z' FROM cvwiz.version_counters()"), '0|0|t',
	"stat_reset('snapshot') zeroes it");
is($node->safe_psql('postgres', 'DROP EXTENSION cvwiz CASCADE; DROP TABLE docs; CREATE EXTENSION cvwiz; SELECT count(*) FROM cvwiz.stat_version'), 0,
	'the extension anew');

# ---- the worker ----

$node->safe_psql('postgres', q{
	CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
	CREATE TABLE docs (id int, doc jsonb);
	SELECT cvwiz.add_version_store('docs', 'doc', '{id}');
	INSERT INTO docs SELECT n % 4, jsonb_build_object('n', n) FROM generate_series(1, 40) n;
	DELETE FROM docs WHERE id = 0});
set_clock($node, '2026-05-10 15:00');
set_setting($node, 'cvwiz.worker' => 'on');
ok($node->poll_query_until('postgres', "SELECT sampled_at = '2026-05-10 15:00Z' AND versions = 30 AND chains >= 3 FROM cvwiz.stat_version"), 'the worker takes a sample');
ok($node->poll_query_until('postgres', 'SELECT last_repack_succeeded FROM cvwiz.stat_version'), '... and tidies up');
is(metric('repack_last_run_success') . '|' . metric('repack_age_seconds'), '1|0', '... as the metrics say');
set_clock($node, '2026-05-10 16:00');
ok($node->poll_query_until('postgres', "SELECT sampled_at = '2026-05-10 16:00Z' AND dead_versions = 0 FROM cvwiz.stat_version"), 'the next sample has nothing dead');
is($node->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.alerts'), 0, 'no alert fires');
set_checksum(1);
$node->psql('postgres', 'SELECT cvwiz.version(doc) FROM docs WHERE id = 1');
ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM cvwiz.alerts WHERE alert = 'version_read_errors'"), 'a document that cannot be read fires one');
set_clock($node, '2026-05-10 17:30');
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM cvwiz.alerts'), '... which clears');

# ---- a standby ----

set_setting($node, 'cvwiz.worker' => 'off');
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT versions, last_repack_succeeded FROM cvwiz.stat_version', extra_params => [ '-U', 'monitor' ]), '30|t', 'a standby has the samples');
$standby->psql('postgres', 'SELECT cvwiz.version(doc) FROM docs WHERE id = 1');
is(counted($standby), '0|0|1|1', '... and counts what its own readers meet');
like($standby->safe_psql('postgres', "SELECT cvwiz.report() "), qr/<section id="versions"/, '... and reports');
isnt($standby->psql('postgres', 'SELECT cvwiz.sample_versions()', stderr => \$stderr), 0, 'it takes no samples');
like($stderr, qr/cannot execute cvwiz.sample_sizes\(\) during recovery/, '... and says so');
$standby->stop;

# ---- restart ----

$node->restart;
is(counted($node), '0|0|0|0', 'a restart begins anew');
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->restart;
$node->safe_psql('postgres', q{INSERT INTO docs VALUES (9, '{}')});
is(counted($node), '|||', 'without a preload nothing is counted, and all works');

is(log_count($node, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed');
$node->stop;

done_testing();
