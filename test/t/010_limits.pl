# Where something that the worker needs is missing: no free background worker, no
# preloaded library, no rights.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

sub health
{
	my ($node, $check, $columns) = @_;

	return $node->safe_psql('postgres', "SELECT $columns FROM cvwiz.health() WHERE check_name = '$check'");
}

# ---- no free background worker ----

# The launcher takes the only place.
my $node = start_server('main', now => '2026-05-10 12:00', conf => q{
max_worker_processes = 1
max_logical_replication_workers = 0
});
$node->wait_for_log(qr/LOG:  cvwiz gets no background worker/);
wait_for_launcher($node);
is(health($node, 'worker', 'status, detail, hint'),
	'warn|the launcher found no free background worker|Raise max_worker_processes.', 'health() tells of missing workers');
create_table($node, 'postgres', 'logs', from => '2026-01-01', rows => 3000, policy => '2026-05-10 12:00');
set_clock($node, '2026-05-11 03:00');
# nothing else tells that some rounds have passed
my $later = "clock_timestamp() > '" . $node->safe_psql('postgres', "SELECT now() + interval '3 s'") . "'";
$node->poll_query_until('postgres', "SELECT $later");
is(log_count($node, qr/cvwiz gets no background worker/), 1, '... which is logged once');
is($node->safe_psql('postgres', "SELECT success, deleted_count FROM cvwiz.cleanup_old_logs('logs')"), 't|963',
	'a run by SQL needs none');

# When the other has gone, it goes on by itself.
$node->append_conf('postgresql.conf', 'max_worker_processes = 2');
$node->restart;
$node->safe_psql('postgres', q{
	CREATE DATABASE other;
	CREATE DATABASE third});
$node->safe_psql($_, 'CREATE EXTENSION cvwiz') for qw(other third);
worker_looked($node, $_) for qw(postgres other third);
pass('one place is enough for three databases');
is(health($node, 'worker', 'status'), 'ok', '... and health() is content');
$node->safe_psql('postgres', "DROP DATABASE $_") for qw(other third);

# ---- an owner without rights ----

$node->safe_psql('postgres', 'CREATE ROLE poor NOLOGIN CONNECTION LIMIT 0; CREATE SCHEMA shut; GRANT USAGE ON SCHEMA shut TO poor');
create_partitioned_table($node, 'postgres', 'shut.logs', from => '2026-01-01', months => 5, rows => 3000,
	policy => '2026-05-11 12:00');
$node->safe_psql('postgres', q{
	DO $$
	DECLARE
		name regclass;
	BEGIN
		FOR name IN SELECT relid FROM pg_partition_tree('shut.logs') LOOP
			EXECUTE format('ALTER TABLE %s OWNER TO poor', name);
		END LOOP;
	END$$});
set_clock($node, '2026-05-12 03:00');
worker_looked($node, 'postgres');
my $run = "FROM cvwiz.retention_runs WHERE relation_name = 'shut.logs' ORDER BY run_id DESC LIMIT 1";
is($node->safe_psql('postgres', "SELECT success, partitions_created, partitions_dropped, deleted_count, residue $run"),
	'f|0|1|987|0', 'an owner who may make no tables: the rest is done, and it is no success');
like($node->safe_psql('postgres', "SELECT error || ' ' || error_detail $run"),
	qr/create logs_2026_06: permission denied for schema shut.*42501/, '... and recorded');
is(run_of($node, 'postgres', 'logs', 'success'), 't', '... and the others go on');
is($node->safe_psql('postgres', "SELECT status FROM cvwiz.health() WHERE check_name = 'partitions_ahead' AND detail ~ '^shut.logs'"),
	'warn', 'health() warns of the missing months');
$node->safe_psql('postgres', 'GRANT CREATE ON SCHEMA shut TO poor');
set_clock($node, '2026-05-12 03:01');
worker_looked($node, 'postgres');
is($node->safe_psql('postgres', "SELECT success, partitions_created, residue $run"), 't|3|0',
	'with the right, all is done on the next attempt');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname ~ '^logs_2026' AND relkind = 'r' AND relowner <> 'poor'::regrole"),
	0, 'new months belong to the owner');

# ---- a time column that has gone, a column of another type ----

create_table($node, 'postgres', 'changed', from => '2026-01-01', rows => 3000, policy => '2026-05-12 12:00');
$node->safe_psql('postgres', 'ALTER TABLE changed ALTER COLUMN at TYPE text');
create_table($node, 'postgres', 'lost', from => '2026-01-01', rows => 3000, policy => '2026-05-12 12:00');
my ($result, $stdout, $stderr) = $node->psql('postgres', 'ALTER TABLE lost DROP COLUMN at');
like($stderr, qr/WARNING:.*policy.*removed/, 'a time column that is dropped takes the policy with it, and says so');
create_table($node, 'postgres', 'renamed', from => '2026-01-01', rows => 3000, policy => '2026-05-12 12:00');
$node->safe_psql('postgres', 'ALTER TABLE renamed RENAME COLUMN at TO "When"; ALTER TABLE renamed RENAME TO "Renamed Table"');
set_clock($node, '2026-05-13 03:00');
worker_looked($node, 'postgres');
is(run_of($node, 'postgres', 'changed', 'success, deleted_count'), 'f|0', 'a column that is of another type by now: a failure');
like(run_of($node, 'postgres', 'changed', 'error'), qr/column "at"/, '... which names the column');
is(run_of($node, 'postgres', 'lost', 'run_id'), '', 'a table without its column is not run');
is($node->safe_psql('postgres', "SELECT count(*) FROM $_"), 3000, "$_: nothing is lost") for qw(changed lost);
is($node->safe_psql('postgres', 'SELECT success, residue FROM cvwiz.retention_runs WHERE relation = \'"Renamed Table"\'::regclass'),
	't|0', 'a table and a column under new names are purged');
is($node->safe_psql('postgres', 'SELECT count(*) FROM "Renamed Table" WHERE "When" < \'2026-02-12 03:00Z\''), 0, '... really');

is(log_count($node, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed');
$node->stop;

# ---- without shared_preload_libraries ----

$node = PostgreSQL::Test::Cluster->new('plain');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION cvwiz');
is(health($node, 'preload', 'status'), 'warn', 'without shared_preload_libraries health() warns');
is(health($node, 'worker', 'status, detail'), 'warn|no background worker', '... that there is no worker');
create_partitioned_table($node, 'postgres', 'logs', from => '2026-01-01', months => 5, rows => 3000,
	policy => '2026-05-10 12:00');
$node->safe_psql('postgres', "SET cvwiz.now = '2026-05-11 03:00'; CALL cvwiz.run_retention()");
is(run_of($node, 'postgres', 'logs', 'success, deleted_count, partitions_created, partitions_dropped'), 't|963|3|1',
	'... and all the rest works');
is(launcher_pid($node), '', 'there is no launcher');
$node->stop;

done_testing();
