# Real audit events: exactly those before the cutoff go, whoever runs the purge,
# compared row by row with a plain DELETE.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $events = $ENV{CVWIZ_EVENTS};
plan skip_all => 'CVWIZ_EVENTS names no file of audit events' unless $events && -f $events;

# now, and 90 days before
my ($now, $cutoff) = ('2026-08-31', '2026-06-02');

my $node = start_server('main', now => $now);
# From the first row on, no zone may shift a bound.
$node->safe_psql('postgres', "ALTER DATABASE postgres SET timezone = 'Asia/Kolkata'");

# ---- the events, in tables as the application has them ----

my $columns = q{
	id           text NOT NULL,
	"userId"     text,
	action       text NOT NULL,
	"entityType" text NOT NULL,
	"entityId"   text,
	"oldValues"  jsonb,
	"newValues"  jsonb,
	"requestId"  text,
	"createdAt"  timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP};

$node->safe_psql('postgres', "CREATE TABLE expected ($columns)");
$node->safe_psql('postgres', "\\copy expected FROM PROGRAM 'gzip -dc $events' (FORMAT csv, HEADER)");
is( $node->safe_psql('postgres', 'SELECT count(*), min("createdAt")::date, max("createdAt")::date FROM expected'),
	'57451|2016-10-19|2026-08-20', 'the events are loaded');

# name => PARTITION BY
my %tables = (
	by_worker => 1,
	by_call => 1,
	by_function => 1,
	plain_by_worker => 0,
	plain_by_call => 0,
	plain_by_function => 0);
for my $table (sort keys %tables)
{
	if ($tables{$table})
	{
		$node->safe_psql('postgres', qq{
			CREATE TABLE $table ($columns, PRIMARY KEY (id, "createdAt")) PARTITION BY RANGE ("createdAt");
			CREATE INDEX ON $table ("createdAt");
			CREATE INDEX ON $table ("userId");
			SELECT count(cvwiz.create_partition('$table', (date '2016-10-01' + n * interval '1 month')::date))
			FROM generate_series(0, 118) n});
	}
	else
	{
		$node->safe_psql('postgres', qq{
			CREATE TABLE $table ($columns, PRIMARY KEY (id));
			CREATE INDEX ON $table ("createdAt")});
	}
	$node->safe_psql('postgres', "INSERT INTO $table TABLE expected");
	add_policy($node, 'postgres', $table, $tables{$table} ? undef : 'createdAt', '2026-08-31');
}

# ---- the plain DELETE ----

my $expired = $node->safe_psql('postgres', qq{
	WITH gone AS (DELETE FROM expected WHERE "createdAt" < '$cutoff' RETURNING 1) SELECT count(*) FROM gone});
my $kept = 57451 - $expired;
note("$expired events have expired, $kept have not");
cmp_ok($expired, '>', 50000, 'most have expired');
cmp_ok($kept, '>', 100, 'some have not');

sub is_as_expected
{
	my ($table, $origin) = @_;

	is( $node->safe_psql('postgres',
			"SELECT count(*) FROM ((TABLE $table EXCEPT ALL TABLE expected) UNION ALL (TABLE expected EXCEPT ALL TABLE $table)) d"),
		0, "$table: row by row as after a plain DELETE");
	is(run_of($node, 'postgres', $table, q{origin, success, deleted_count, residue, cutoff_date AT TIME ZONE 'UTC', retention_days}),
		"$origin|t|$expired|0|$cutoff 00:00:00|90", "$table: counted exactly");
	is( $node->safe_psql('postgres',
			"SELECT count(*) FROM cvwiz.retention_runs WHERE relation_name = 'public.$table'"),
		1, "$table: one run");
	return unless $tables{$table};

	# October 2016 to May 2026; from September on, three months are made
	is(run_of($node, 'postgres', $table, 'partitions_created, partitions_detached, partitions_dropped'),
		'3|116|116', "$table: the expired months are dropped, the next ones are there");
	is( $node->safe_psql('postgres',
			"SELECT string_agg(inhrelid::regclass::text, ' ' ORDER BY inhrelid::regclass::text) FROM pg_inherits WHERE inhparent = '$table'::regclass"),
		join(' ', map { "${table}_2026_$_" } qw(06 07 08 09 10 11)), "$table: June to November remain");
	is( $node->safe_psql('postgres',
			"SELECT count(*) FROM pg_class WHERE relname ~ '^${table}_20' AND relkind = 'r'"),
		6, "$table: nothing detached is left");
	return;
}

# ---- the three ways ----

my $summed = $node->safe_psql('postgres', "SELECT sum(logs_eligible_for_cleanup) FROM cvwiz.log_statistics('by_call')");
is($summed, $expired, 'log_statistics() has counted as many before');
is( $node->safe_psql('postgres',
		"SELECT count(*) FILTER (WHERE action = 'create'), count(*) FILTER (WHERE action = 'detach'), count(*) FILTER (WHERE action = 'drop'), count(*) FILTER (WHERE action = 'purge') FROM cvwiz.retention_plan('by_call')"),
	'3|116|116|1', 'the plan: three months ahead, 116 out, the boundary month purged');

$node->safe_psql('postgres', qq{
	SET timezone = 'America/New_York';
	CALL cvwiz.run_retention('by_call');
	CALL cvwiz.run_retention('plain_by_call')});
is_as_expected($_, 'call') for qw(by_call plain_by_call);

# in small batches, so that there are many
is( $node->safe_psql('postgres', q{
		SET timezone = 'Asia/Tokyo';
		SET cvwiz.purge_batch_size = 100;
		SELECT deleted_count, success FROM cvwiz.cleanup_old_logs('by_function');
		SELECT deleted_count, success FROM cvwiz.cleanup_old_logs('plain_by_function')}),
	"$expired|t\n$expired|t", 'cleanup_old_logs() returns what it did');
is_as_expected($_, 'function') for qw(by_function plain_by_function);

# The policies were made today, so the worker waits; a policy of yesterday's is due.
$node->safe_psql('postgres', "UPDATE cvwiz.retention_policy SET added_at = '2026-08-29'");
wait_for_run($node, 'postgres', $_, 1) for qw(by_worker plain_by_worker);
is_as_expected($_, 'worker') for qw(by_worker plain_by_worker);

# ---- and once more: nothing left to do ----

is( $node->safe_psql('postgres', q{
		SELECT bool_and(success), sum(deleted_count), sum(partitions_created + partitions_detached + partitions_dropped)
		FROM cvwiz.cleanup_old_logs()}),
	't|0|0', 'a second run finds nothing');
is( $node->safe_psql('postgres', 'SELECT sum(logs_eligible_for_cleanup), sum(total_logs) FROM cvwiz.log_statistics()'),
	'0|' . 6 * $kept, 'log_statistics(): all that remains has not expired');

$node->stop;
done_testing();
