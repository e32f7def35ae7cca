# A streaming standby: the worker waits there, and works after the promotion.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

# The worker takes one sample, and no other in the time that this takes.
my $primary = start_server('primary', init => [ allows_streaming => 1 ], now => '2026-05-10 12:00',
	conf => "cvwiz.alert_interval = '1d'\n");
create_partitioned_table($primary, 'postgres', 'logs', from => '2026-01-01', months => 6, rows => 3600,
	policy => '2026-05-10 12:00');

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

# ---- the standby waits ----

wait_for_launcher($primary);
is(launcher_pid($standby), '', 'no launcher runs on the standby');
is( $standby->safe_psql('postgres', "SELECT status, detail ~ 'standby' FROM cvwiz.health() WHERE check_name = 'worker'"),
	'ok|t', 'health() works there, and says that it is a standby');
is($standby->safe_psql('postgres', 'SELECT count(*) > 5 FROM cvwiz.health()'), 't', '... with its other checks');
is($standby->safe_psql('postgres', "SELECT relation, next_run IS NOT NULL FROM cvwiz.retention_policies"),
	'logs|t', 'the policies can be read there');
is($standby->safe_psql('postgres', "SELECT total_logs FROM cvwiz.log_statistics('logs')"), 3600,
	'log_statistics() works there');
cmp_ok($standby->safe_psql('postgres', "SELECT count(*) FROM cvwiz.retention_plan('logs')"), '>', 2,
	'retention_plan() works there');
like($standby->safe_psql('postgres', 'SELECT cvwiz.report()'), qr/this is a standby.*public\.logs.*<\/html>/s,
	'report() works there');

# An unlogged table has no contents there.
$primary->safe_psql('postgres', q{
	CREATE UNLOGGED TABLE unlogged (t timestamptz NOT NULL);
	INSERT INTO unlogged VALUES ('2026-05-01');
	ANALYZE logs;
	SELECT cvwiz.add_retention_policy('unlogged', 't'), cvwiz.alter_retention_policy('unlogged', enabled => false)});
$primary->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM cvwiz.size_sample WHERE relation = 'logs'::regclass)");
$primary->safe_psql('postgres', 'DELETE FROM cvwiz.size_sample');
$primary->wait_for_catchup($standby);
my $audit = "SELECT * FROM cvwiz.stat_audit WHERE relation = 'logs'::regclass";
is($standby->safe_psql('postgres', $audit), $primary->safe_psql('postgres', $audit), 'stat_audit works there, without samples');
like($standby->safe_psql('postgres', $audit), qr/^logs\|\d+\|3600\|.*\|$/, '... and measures');
is($standby->safe_psql('postgres', "SELECT rows_estimate, oldest_record FROM cvwiz.stat_audit WHERE relation = 'unlogged'::regclass"),
	'0|', '... what is there');
is($primary->safe_psql('postgres', 'SELECT cvwiz.sample_sizes()'), 2, 'the primary takes samples');
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', $audit), $primary->safe_psql('postgres', $audit), '... which the standby shows');
$primary->safe_psql('postgres', 'DROP TABLE unlogged');

# name => statement
my %writes = (
	'cleanup_old_logs()' => "SELECT * FROM cvwiz.cleanup_old_logs('logs')",
	'run_retention()' => "CALL cvwiz.run_retention('logs')",
	'add_retention_policy()' => "SELECT cvwiz.add_retention_policy('logs')",
	'sample_sizes()' => 'SELECT cvwiz.sample_sizes()',
	'create_partition()' => "SELECT cvwiz.create_partition('logs', '2030-01-01')",
	'detach_partition()' => "SELECT cvwiz.detach_partition('logs_2026_01')",
	'alter_retention_policy()' => "SELECT cvwiz.alter_retention_policy('logs', hold => true)");
for my $name (sort keys %writes)
{
	my ($result, $stdout, $stderr) = $standby->psql('postgres',
		"\\set VERBOSITY verbose\n$writes{$name}");

	isnt($result, 0, "$name fails on the standby");
	like($stderr, qr/ERROR:  25006: .*(during recovery|read-only transaction)/, "... with a clear error");
}

# ---- what the primary does is replayed ----

set_clock($primary, '2026-05-11 03:00');
wait_for_run($primary, 'postgres', 'logs', 1);
$primary->wait_for_catchup($standby);
my $counts = 'SELECT success, deleted_count, partitions_dropped, residue FROM cvwiz.retention_runs';
is($primary->safe_psql('postgres', $counts), 't|963|1|0', 'the primary runs the policy');
is($standby->safe_psql('postgres', $counts), 't|963|1|0', 'the standby has its record');
is( $standby->safe_psql('postgres', 'SELECT count(*), sum(hashtext(l::text)::bigint) FROM logs l'),
	$primary->safe_psql('postgres', 'SELECT count(*), sum(hashtext(l::text)::bigint) FROM logs l'),
	'... and its rows');

# ---- promotion ----

$primary->stop;
$standby->append_conf('postgresql.auto.conf', "cvwiz.now = '2026-05-12 04:00'");
$standby->reload;
$standby->promote;
wait_for_launcher($standby);
pass('after the promotion the launcher runs');
wait_for_run($standby, 'postgres', 'logs', 2);
is(run_of($standby, 'postgres', 'logs', 'origin, success, deleted_count, residue'), 'worker|t|25|0',
	'... and the worker purges the next day');
is($standby->safe_psql('postgres', "SELECT status FROM cvwiz.health() WHERE check_name = 'worker'"),
	'ok', '... and health() sees it');

is(log_count($_, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed') for $primary, $standby;
$standby->stop;

done_testing();
