# A run, seen from a standby and from subscribers of the table.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $primary = start_server('primary', init => [ allows_streaming => 'logical' ], now => '2026-05-10 12:00', conf => q{
cvwiz.worker = off
hot_standby_feedback = off
max_standby_streaming_delay = -1
wal_receiver_status_interval = 1
});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

sub new_table
{
	my ($name) = @_;

	create_partitioned_table($primary, 'postgres', $name, from => '2026-01-01', months => 5, rows => 3000,
		policy => '2026-05-10 12:00');
	return;
}

sub run_table
{
	my ($name) = @_;

	$primary->safe_psql('postgres', "CALL cvwiz.run_retention('$name')");
	is(run_of($primary, 'postgres', $name, 'success, partitions_created, partitions_detached, partitions_dropped'), 't|3|1|1', "$name: a run on the primary");
	return;
}

my $content = 'SELECT count(*), sum(id), sum(hashtext(note)::bigint) FROM %s';

# ---- a standby ----

new_table('logs');
$primary->wait_for_catchup($standby);
my $reader = $standby->background_psql('postgres', on_error_stop => 0);
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $before = $reader->query_safe(sprintf($content, 'logs'));
is($before, $primary->safe_psql('postgres', sprintf($content, 'logs')), 'a query on the standby sees the table');

run_table('logs');
$standby->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'startup' AND wait_event_type IN ('Lock', 'IPC'))})
  or die 'the replay does not wait';
is($reader->query_safe(sprintf($content, 'logs')), $before, 'while the replay waits for it, its transaction sees all of its rows');
$reader->query_safe('COMMIT');
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', sprintf($content, 'logs')), $primary->safe_psql('postgres', sprintf($content, 'logs')), 'then it has what the primary has');
isnt($standby->safe_psql('postgres', sprintf($content, 'logs')), $before, '... which is less than before');
my $partitions = q{SELECT partition, range_start, range_end FROM cvwiz.partition_ranges('logs')};
is($standby->safe_psql('postgres', $partitions), $primary->safe_psql('postgres', $partitions), '... its partitions');
my $runs = 'SELECT relation, success, deleted_count, partitions_dropped, residue FROM cvwiz.retention_runs ORDER BY run_id';
is($standby->safe_psql('postgres', $runs), $primary->safe_psql('postgres', $runs), '... and the record of the run');
is($standby->safe_psql('postgres', q{SELECT to_regclass('logs_2026_01'), to_regclass('logs_2026_08')}), '|logs_2026_08', '... a month less, and three more');

# A detach that is interrupted on the primary.
new_table('halfway');
my $runner = $primary->background_psql('postgres', on_error_stop => 0);
my $runner_pid = $runner->query_safe('SELECT pg_backend_pid()');
my $holder = $primary->background_psql('postgres', on_error_stop => 0);
$holder->query_safe('BEGIN; SELECT count(*) FROM halfway');
begin_statement($runner, q{CALL cvwiz.run_retention('halfway')});
wait_for_detach($primary);
$primary->safe_psql('postgres', "SELECT pg_cancel_backend($runner_pid)");
last_error($runner);
$holder->query_safe('ROLLBACK');
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', sprintf($content, 'halfway')), $primary->safe_psql('postgres', sprintf($content, 'halfway')), 'a pending detach hides the same rows on the standby');
$primary->safe_psql('postgres', q{CALL cvwiz.run_retention('halfway')});
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', sprintf($content, 'halfway')), $primary->safe_psql('postgres', sprintf($content, 'halfway')), '... and its end is replayed');
is($standby->safe_psql('postgres', q{SELECT to_regclass('halfway_2026_01'), count(*) FROM pg_inherits WHERE inhdetachpending}), '|0', '... with the drop');
eval { $_->quit } for $reader, $runner, $holder;

# ---- logical subscribers ----

my $subscriber = start_server('subscriber', conf => "cvwiz.worker = off\nwal_retrieve_retry_interval = 200ms\nmax_logical_replication_workers = 10\nmax_worker_processes = 16\n",
	now => '2026-05-10 12:00');
my $connection = $primary->connstr . ' dbname=postgres';
new_table($_) for 'by_root', 'by_leaf';
# with publish_via_partition_root the subscriber's table can be any: here it is plain
$subscriber->safe_psql('postgres', q{
	CREATE TABLE by_root (id bigint NOT NULL, at timestamptz NOT NULL, note text, PRIMARY KEY (id, at));
	CREATE TABLE by_leaf (id bigint NOT NULL, at timestamptz NOT NULL, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
	SELECT cvwiz.create_partition('by_leaf', m::date) FROM generate_series(timestamp '2026-01-01', '2026-05-01', '1 month') m;
});
for my $how ([ 'by_root', 'true' ], [ 'by_leaf', 'false' ])
{
	my ($name, $via_root) = @$how;

	$primary->safe_psql('postgres', "CREATE PUBLICATION $name FOR TABLE $name WITH (publish_via_partition_root = $via_root)");
	$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION $name CONNECTION '$connection' PUBLICATION $name");
	$subscriber->wait_for_subscription_sync($primary, $name);
	is($subscriber->safe_psql('postgres', "SELECT count(*) FROM $name"), 3000, "$name: the subscriber has the rows");
}

sub insert_into
{
	my ($name, $id, $at) = @_;

	$primary->safe_psql('postgres', "INSERT INTO $name VALUES ($id, '$at', 'later')");
	$primary->wait_for_catchup($name);
	return;
}

my $months = q{SELECT count(*) FILTER (WHERE at < '2026-02-01Z'), count(*) FILTER (WHERE at >= '2026-02-01Z' AND at < '2026-02-09 12:00Z'), count(*) FILTER (WHERE at >= '2026-02-09 12:00Z') FROM %s};

# Through the root.
run_table('by_root');
insert_into('by_root', 10001, '2026-05-10Z');
is($primary->safe_psql('postgres', sprintf($months, 'by_root')), '0|0|2053', 'the primary has dropped a month, and purged the rows of another');
is($subscriber->safe_psql('postgres', sprintf($months, 'by_root')), '744|0|2053',
	'through the root: the dropped month is left with the subscriber, the purged rows go, new ones come');
insert_into('by_root', 10002, '2026-08-10Z');
is($subscriber->safe_psql('postgres', "SELECT count(*) FROM by_root WHERE id = 10002"), 1, '... also those of a month that the run has made');
is($subscriber->safe_psql('postgres', q{SELECT subname FROM pg_stat_subscription WHERE subname = 'by_root' AND pid IS NOT NULL}), 'by_root', '... the subscription is at work');

# Leaf by leaf: the subscriber needs each partition under its name.
run_table('by_leaf');
insert_into('by_leaf', 10001, '2026-05-10Z');
is($subscriber->safe_psql('postgres', sprintf($months, 'by_leaf')), '744|0|2053',
	'leaf by leaf: the dropped month is left with the subscriber, the purged rows go, new ones come');
my $offset = -s $subscriber->logfile;
$primary->safe_psql('postgres', q{INSERT INTO by_leaf VALUES (10002, '2026-08-10Z', 'later'), (10003, '2026-05-10Z', 'later')});
$subscriber->wait_for_log(qr/logical replication target relation "public.by_leaf_2026_08" does not exist/, $offset);
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM by_leaf WHERE id IN (10002, 10003)'), 0, '... a row of a month that the subscriber does not have stops the subscription');
# a policy of its own makes the months there, and drops what has expired
$subscriber->safe_psql('postgres', q{
	SET client_min_messages = warning;
	SELECT cvwiz.add_retention_policy('by_leaf');
	CALL cvwiz.run_retention('by_leaf')});
is(run_of($subscriber, 'postgres', 'by_leaf', 'success, partitions_created, partitions_dropped'), 't|3|1', "a subscriber's own policy drops its month, and makes those to come");
$primary->wait_for_catchup('by_leaf');
is($subscriber->safe_psql('postgres', 'SELECT id FROM by_leaf WHERE id IN (10002, 10003)'), 10003, '... so that the subscription goes on, without the rows of months that it does not know');
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION by_leaf REFRESH PUBLICATION');
$subscriber->wait_for_subscription_sync($primary, 'by_leaf');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM by_leaf WHERE id = 10002'), 1, '... then REFRESH PUBLICATION brings their rows');
is( $subscriber->safe_psql('postgres', sprintf($content, 'by_leaf')),
	$primary->safe_psql('postgres', sprintf($content, 'by_leaf')), '... and both have the same');

# A subscriber's own policy, which drops a month that the publisher still has.
new_table('own_policy');
$subscriber->safe_psql('postgres', q{
	CREATE TABLE own_policy (id bigint NOT NULL, at timestamptz NOT NULL, note text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
	SELECT cvwiz.create_partition('own_policy', m::date) FROM generate_series(timestamp '2026-01-01', '2026-05-01', '1 month') m;
});
$primary->safe_psql('postgres', 'CREATE PUBLICATION own_policy FOR TABLE own_policy WITH (publish_via_partition_root = true)');
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION own_policy CONNECTION '$connection' PUBLICATION own_policy");
$subscriber->wait_for_subscription_sync($primary, 'own_policy');
$subscriber->safe_psql('postgres', q{
	SELECT cvwiz.add_retention_policy('own_policy');
	CALL cvwiz.run_retention('own_policy')});
run_table('own_policy');
insert_into('own_policy', 10001, '2026-08-10Z');
is( $subscriber->safe_psql('postgres', sprintf($content, 'own_policy')),
	$primary->safe_psql('postgres', sprintf($content, 'own_policy')), 'with policies on both sides, both have the same after their runs, whichever is first');

$subscriber->safe_psql('postgres', "DROP SUBSCRIPTION $_") for 'by_root', 'by_leaf', 'own_policy';
is(log_count($_, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed') for $primary, $standby, $subscriber;
$_->stop for $subscriber, $standby, $primary;

done_testing();
