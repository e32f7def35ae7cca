# pg_upgrade takes everything along: policies and the log of runs, limits,
# compressed documents, versions, alerts; and the new server goes on with it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $tempdir = PostgreSQL::Test::Utils::tempdir;
my $old = start_server('old', now => '2026-05-10 12:00', conf => "cvwiz.worker = off\n");

# ---- something of everything ----

create_table($old, 'postgres', 'plain', from => '2026-01-01', rows => 3000, policy => '2026-05-10 12:00');
create_partitioned_table($old, 'postgres', '"Months 📅"', from => '2026-01-01', months => 6, rows => 3000, policy => '2026-05-10 12:00');
create_partitioned_table($old, 'postgres', 'later', from => '2026-01-01', months => 6, rows => 3000, policy => '2026-05-10 12:00');
$old->safe_psql('postgres', q{
	SELECT cvwiz.alter_retention_policy('later', drop_after => '7 days');
	CREATE TABLE papers (id int, paper cvwiz.zjsonb, plain jsonb);
	SELECT cvwiz.add_snapshot_limits('papers', 'plain', max_size => 2000, warning_size => 1000, on_oversize => 'reject');
	INSERT INTO papers SELECT n, j, j FROM generate_series(1, 10) n, LATERAL (SELECT jsonb_build_object('n', n, 'text', repeat('text ', 200))) d (j);
	SELECT cvwiz.set_alert('mine', 'cvwiz_audit_bytes', '>', 1, severity => 'warning');
});
$old->psql('postgres', 'CALL cvwiz.run_retention()');
create_documents($old, 'postgres');
create_store_table($old, 'postgres', 'docs');
write_versions($old, 'postgres', 'docs', chains => 5, versions => 20);
$old->safe_psql('postgres', 'DELETE FROM docs WHERE n % 3 = 0; CREATE TABLE gone (LIKE docs); ' .
	"SELECT cvwiz.add_version_store('gone', 'snapshot', '{chain}'); INSERT INTO gone SELECT * FROM docs; DROP TABLE gone; SELECT cvwiz.sample_sizes(), cvwiz.evaluate_alerts()");

my %kept = (
	policies => 'SELECT * FROM cvwiz.retention_policy ORDER BY relation::text',
	runs => 'SELECT * FROM cvwiz.retention_runs ORDER BY run_id',
	detached => 'SELECT * FROM cvwiz.detached_partitions ORDER BY relation::text',
	partitions => 'SELECT p.relation, r.* FROM cvwiz.retention_policies p, cvwiz.partition_ranges(p.relation) r WHERE p.relation::text <> $$plain$$ ORDER BY p.relation::text, r.range_start',
	limits => 'SELECT * FROM cvwiz.snapshot_limits',
	papers => 'SELECT id, paper::text, plain FROM papers ORDER BY id',
	stores => 'SELECT * FROM cvwiz.version_stores',
	versions => 'SELECT version_id, v.source_id, s.relation, chain_key, base_id, depth, codec, checksum, md5(content) FROM cvwiz.snapshot_version v JOIN cvwiz.version_source s USING (source_id) ORDER BY 1',
	dead => 'SELECT * FROM cvwiz.dead_version ORDER BY 1',
	statistics => 'SELECT * FROM cvwiz.version_stats()',
	documents => 'SELECT id, snapshot, cvwiz.version(snapshot) FROM docs ORDER BY id',
	samples => 'SELECT * FROM cvwiz.size_sample ORDER BY 1, 2, 3',
	rules => 'SELECT * FROM cvwiz.alert_rules ORDER BY name',
	alerts => 'SELECT alert, labels, since FROM cvwiz.alerts ORDER BY alert, labels::text',
	history => 'SELECT * FROM cvwiz.alert_history ORDER BY 1');
my %before = map { $_ => $old->safe_psql('postgres', $kept{$_}) } keys %kept;
isnt($before{$_}, '', "there are $_") for sort keys %kept;
is($before{documents}, $old->safe_psql('postgres', 'SELECT id, snapshot, plain FROM docs ORDER BY id'), 'each document is as it was written');
$old->stop;

# ---- the upgrade ----

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
$new->append_conf('postgresql.conf', "shared_preload_libraries = 'cvwiz'\ncvwiz.worker = off\ncvwiz.naptime = 1\ncvwiz.now = '2026-05-10 12:00'\nclient_min_messages = warning\ntimezone = 'America/New_York'\n");
chdir $tempdir;
my $bin = $old->config_data('--bindir');
my ($result, $said) = run_command([ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bin, '-B', $bin,
	'-s', $new->host, '-p', $old->port, '-P', $new->port ]);
like($result, qr/Upgrade Complete/, 'pg_upgrade')
  or diag(map { slurp_file($_) } glob($new->data_dir . '/pg_upgrade_output.d/*/log/pg_upgrade_dump_*.log')) and die "$result\n$said";
$new->start;
for my $what (sort keys %kept)
{
	is($new->safe_psql('postgres', $kept{$what}), $before{$what}, "$what are there afterwards, as before");
}
is(verified($new, 'postgres'), '', 'verify_versions() finds nothing');

# ---- and on ----

write_versions($new, 'postgres', 'docs', chains => 5, versions => 5, from => 21);
like(state_of_store($new, 'postgres', 'docs'), qr/^\d+\|0\|0$/, 'documents are stored');
$new->safe_psql('postgres', 'DELETE FROM docs WHERE n < 20; CALL cvwiz.repack_versions()');
is($new->safe_psql('postgres', 'SELECT count(*) - (SELECT count(*) FROM docs), (SELECT count(*) FROM cvwiz.dead_version), (SELECT count(*) FROM cvwiz.version_source) FROM cvwiz.snapshot_version'),
	'0|0|1', '... and freed, those of a table that was dropped before, too');
like(state_of_store($new, 'postgres', 'docs'), qr/^30\|0\|0$/, '... and the others read');
my ($status, $stdout, $stderr) = $new->psql('postgres', q{INSERT INTO papers VALUES (11, NULL, jsonb_build_object('text', repeat('x', 3000)))});
like($stderr, qr/table "papers" has 3,012 bytes: the maximum is 2,000 bytes/, 'limits are enforced');
set_clock($new, '2026-06-12 03:00');
set_setting($new, 'cvwiz.worker' => 'on');
my $runs = q{FROM cvwiz.retention_runs WHERE started_at > '2026-06-01' AND finished_at IS NOT NULL};
ok($new->poll_query_until('postgres', "SELECT count(*) = 3 $runs"), 'the worker purges');
is($new->safe_psql('postgres', "SELECT bool_and(success), string_agg(DISTINCT origin, ' ') $runs"), 't|worker', '... successfully');
is($new->safe_psql('postgres', q{SELECT count(*) FILTER (WHERE at < '2026-03-13'), count(*) > 0 FROM plain}), '0|t', '... what has expired');
is($new->safe_psql('postgres', q{SELECT to_regclass('later_2026_01') IS NULL}), 't', '... and drops what was detached before the upgrade');
is($new->safe_psql('postgres', q{SELECT count(*) FROM cvwiz.health() WHERE status = 'crit'}), '0', 'health() has no complaint');
is($new->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.alert_history WHERE alert = $$mine$$ AND event = $$fired$$'), '3', 'the alert that was active is not told again');
is(log_count($new, qr/terminated by signal|TRAP:|PANIC:/), 0, 'nothing crashed');
$new->stop;

done_testing();
