# How far a run has come, seen from other sessions, in the middle of its
# transactions, on a server without shared_preload_libraries.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $conf = q{
cvwiz.now = '2026-05-10 12:00'
cvwiz.purge_batch_size = 100
cvwiz.purge_pause = 0
cvwiz.lock_timeout = '10min'
};
my $node = start_server('main', conf => "shared_preload_libraries = ''\n$conf");
is($node->safe_psql('postgres', 'SELECT preloaded FROM cvwiz.worker_status()'), 'f', 'the library is not preloaded');

$node->safe_psql('postgres', q{
	CREATE ROLE owner LOGIN;
	CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
	CREATE ROLE stranger LOGIN;
	GRANT EXECUTE ON ALL ROUTINES IN SCHEMA cvwiz TO owner;
	CREATE DATABASE another;
	CREATE TABLE own_view (id bigint, action text, target text, rows_done bigint);
	ALTER TABLE own_view OWNER TO owner;
	-- waits in the third batch; looks at itself in the second
	CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(42); RETURN old; END';
	CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO public.own_view SELECT old.id, action, target, rows_done FROM cvwiz.retention_progress;
		RETURN old;
	END $$;
});
$node->safe_psql('another', 'CREATE EXTENSION cvwiz');

# 2000 rows that have expired, in an order: row 250 is in the third batch.
sub new_log
{
	my ($on, $name) = @_;

	create_table($on, 'postgres', $name, from => '2025-11-01', rows => 2400, policy => '2026-05-10 12:00');
	$on->safe_psql('postgres', qq{
		ALTER TABLE $name OWNER TO owner;
		CREATE TRIGGER wait BEFORE DELETE ON $name FOR EACH ROW WHEN (old.id = 250) EXECUTE FUNCTION wait();
		CREATE TRIGGER look BEFORE DELETE ON $name FOR EACH ROW WHEN (old.id = 150) EXECUTE FUNCTION look();
	});
	return;
}

# Somebody has the advisory lock that the trigger waits for.
my $holder = $node->background_psql('postgres', on_error_stop => 0);
my ($runner, $runner_pid);

sub new_runner
{
	$runner = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'owner' ]);
	$runner_pid = $runner->query_safe('SELECT pg_backend_pid()');
	return;
}

sub wait_until_stopped
{
	my ($on) = @_;

	$on->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted)})
	  or die 'nothing waits';
	return;
}

# Stops a statement of the runner's in the third batch of its purge.
sub stop_in_purge
{
	my ($sql) = @_;

	$holder->query_safe('SELECT pg_advisory_lock(42)');
	begin_statement($runner, $sql);
	wait_until_stopped($node);
	return;
}

sub view_of
{
	my ($role, $columns) = @_;

	return $node->safe_psql('postgres', "SELECT $columns FROM cvwiz.retention_progress", extra_params => [ '-U', $role ]);
}

my $columns = 'pid, relation, action, target, rows_done, rows_total > 1000, bytes_done, started_at';

# ---- in the middle of a purge ----

new_runner();
is(view_of('postgres', $columns), '', 'nothing is at work');
new_log($node, '"a Log"');
stop_in_purge(q{CALL cvwiz.run_retention('"a Log"')});
my $seen = qq{$runner_pid|"a Log"|purge|public."a Log"|200|t|0|2026-05-10 08:00:00-04};
is(view_of('postgres', $columns), $seen, 'a superuser sees the step and its rows so far, though its batch is not committed');
is(view_of('owner', $columns), $seen, 'so does the owner');
is(view_of('watcher', $columns), $seen, '... and pg_monitor');
is(view_of('stranger', $columns), '', '... and nobody else');
is($node->safe_psql('postgres', q{SELECT action, target, rows_done FROM own_view}), 'purge|public."a Log"|100', 'the run itself sees it too');

# The function behind the view looks after itself.
my $arguments = $node->safe_psql('postgres', q{SELECT progress_handle || ', ' || pid || ', ' || run_id FROM cvwiz.retention_run WHERE finished_at IS NULL});
my $function = "SELECT action, rows_done FROM cvwiz.run_progress($arguments)";
is($node->safe_psql('postgres', $function, extra_params => [ '-U', 'owner' ]), 'purge|200', 'the function: for the owner');
is($node->safe_psql('postgres', $function, extra_params => [ '-U', 'stranger' ]), '', '... not for a stranger who knows the numbers');
is($node->safe_psql('another', $function), '', '... not from another database');
my ($handle, $pid, $run) = split /, /, $arguments;
is($node->safe_psql('postgres', "SELECT * FROM cvwiz.run_progress($handle, $pid, $run + 1)"), '', '... not for another run');
is($node->safe_psql('postgres', "SELECT * FROM cvwiz.run_progress($handle, $pid + 1, $run)"), '', '... not for another process');
is($node->safe_psql('postgres', "SELECT count(*) FROM unnest('{0,-1,1,4294967295,4294967296,9223372036854775807}'::bigint[]) h, cvwiz.run_progress(h, $pid, $run)"), 0, '... nor for numbers that are no handles');
is($node->safe_psql('postgres', "SELECT count(*) FROM generate_series(1, 1000), cvwiz.run_progress($arguments)"), 1000, 'reading is repeatable');

# It ends.
$holder->query_safe('SELECT pg_advisory_unlock(42)');
$runner->query('SELECT 1');
is(view_of('postgres', $columns), '', 'when the run is over, nothing is seen');
is($node->safe_psql('postgres', q{SELECT success, progress_handle IS NULL FROM cvwiz.retention_run ORDER BY run_id DESC LIMIT 1}), 't|t', '... and its handle is gone');
is($node->safe_psql('postgres', $function), '', '... whoever knows it still');

# ---- NOTICEs ----

new_log($node, 'noticed');
my ($result, $stdout, $stderr) = $node->psql('postgres', q{SET client_min_messages = notice; CALL cvwiz.run_retention('noticed')});
my @notices = $stderr =~ /NOTICE:  (.*)/g;
is_deeply(\@notices, [ 'retention of table public.noticed: purge public.noticed', 'retention of table public.noticed: measure residue' ],
	'who CALLs it reads one line a step') or diag($stderr);
new_log($node, 'by_function');
($result, $stdout, $stderr) = $node->psql('postgres', q{SET client_min_messages = notice; SELECT deleted_count > 1000 FROM cvwiz.cleanup_old_logs('by_function')});
is("$stdout $stderr", 't ', 'the function says nothing');

# ---- the function: its run is not to be seen before it commits ----

new_log($node, 'in_one');
stop_in_purge(q{SELECT success FROM cvwiz.cleanup_old_logs('in_one')});
is(view_of('postgres', $columns), '', 'cleanup_old_logs() is not shown');
$holder->query_safe('SELECT pg_advisory_unlock(42)');
$runner->query('SELECT 1');

# ---- a concurrent detach, which another process does ----

create_partitioned_table($node, 'postgres', 'months', from => '2026-01-01', months => 2, rows => 1000, policy => '2026-05-10 12:00');
my $caller = $node->background_psql('postgres', on_error_stop => 0);
$holder->query_safe('BEGIN; SELECT count(*) FROM months');
begin_statement($caller, q{CALL cvwiz.run_retention('months')});
$node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM cvwiz.retention_progress WHERE action = 'detach')})
  or die 'no detach';
is(view_of('watcher', 'relation, action, target, rows_done, rows_total'), 'months|detach|public.months_2026_01|0|744',
	'a detach is seen while it waits for a reader');
$holder->query_safe('COMMIT');
$caller->query('SELECT 1');
is(run_of($node, 'postgres', 'months', 'success, partitions_detached'), 't|1', '... and goes on');
eval { $caller->quit };

# ---- cancelled, terminated, killed ----

new_log($node, 'cancelled');
stop_in_purge(q{CALL cvwiz.run_retention('cancelled')});
isnt(view_of('postgres', $columns), '', 'a run');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($runner_pid)");
$runner->query('SELECT 1');
$runner->{stderr} = '';
is(view_of('postgres', $columns), '', '... that is cancelled is seen no longer');
$holder->query_safe('SELECT pg_advisory_unlock(42)');
# the same process once more
stop_in_purge(q{CALL cvwiz.run_retention('cancelled')});
is(view_of('postgres', 'relation, rows_done'), 'cancelled|0', 'the same session runs it again, from where it was');
$holder->query_safe('SELECT pg_advisory_unlock(42)');
$runner->query('SELECT 1');
is(run_of($node, 'postgres', 'cancelled', 'success'), 't', '... to its end');

new_log($node, 'terminated');
stop_in_purge(q{CALL cvwiz.run_retention('terminated')});
$arguments = $node->safe_psql('postgres', q{SELECT progress_handle || ', ' || pid || ', ' || run_id FROM cvwiz.retention_run WHERE finished_at IS NULL});
$node->safe_psql('postgres', "SELECT pg_terminate_backend($runner_pid, 60000)");
is(view_of('postgres', $columns), '', 'a run whose process has ended is seen no longer');
is($node->safe_psql('postgres', "SELECT * FROM cvwiz.run_progress($arguments)"), '', '... its handle is the handle of nothing');
is($node->safe_psql('postgres', q{SELECT count(*) FROM cvwiz.retention_run WHERE progress_handle IS NOT NULL}), 1, '... though it is in the table');
eval { $runner->quit };
$holder->query_safe('SELECT pg_advisory_unlock(42)');
$node->safe_psql('postgres', q{CALL cvwiz.run_retention('terminated')});
is($node->safe_psql('postgres', q{SELECT count(*) FROM cvwiz.retention_run WHERE progress_handle IS NOT NULL}), 0, '... until the next run');

# Segments are files of the server's own from here on.
$node->append_conf('postgresql.conf', "dynamic_shared_memory_type = mmap\n");
eval { $holder->quit };
$node->restart;
$holder = $node->background_psql('postgres', on_error_stop => 0);
new_runner();
new_log($node, 'killed');
stop_in_purge(q{CALL cvwiz.run_retention('killed')});
is(view_of('postgres', 'relation, rows_done'), 'killed|200', 'with dynamic_shared_memory_type = mmap too');

# A handle that is another's by now: of a parallel query, of the run of another
# table, of PostgreSQL's own.
$node->safe_psql('postgres', 'CREATE TABLE large AS SELECT n FROM generate_series(1, 50000) n');
my $parallel = $node->background_psql('postgres', on_error_stop => 0);
begin_statement($parallel, q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SELECT count(*) FROM large WHERE pg_sleep(1000) IS NOT NULL});
$node->poll_query_until('postgres', q{SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'parallel worker' AND wait_event = 'PgSleep')})
  or die 'no parallel query';
my @handles = map { /mmap\.(\d+)$/ ? $1 : () } glob($node->data_dir . '/pg_dynshmem/*');
cmp_ok(scalar @handles, '>=', 3, 'there are segments of several kinds');
is($node->safe_psql('postgres', 'SELECT count(*) FROM unnest(ARRAY[' . join(',', @handles) . ']::bigint[]) h, cvwiz.run_progress(h, pg_backend_pid(), 1)'), 0,
	'those of others are no progress, and no error');
is( $node->safe_psql('postgres', 'SELECT rows_done FROM cvwiz.retention_run r, unnest(ARRAY[' . join(',', @handles) . ']::bigint[]) h, cvwiz.run_progress(h, r.pid, r.run_id) WHERE r.finished_at IS NULL'),
	200, '... the one that is, is found');

$arguments = $node->safe_psql('postgres', q{SELECT progress_handle || ', ' || pid || ', ' || run_id FROM cvwiz.retention_run WHERE finished_at IS NULL});
crash_process($node, $runner_pid);
eval { $_->quit } for $runner, $holder, $parallel;
is(view_of('postgres', $columns), '', 'after a crash nothing is at work');
is($node->safe_psql('postgres', "SELECT * FROM cvwiz.run_progress($arguments)"), '', '... and the handle harms nobody');
$node->safe_psql('postgres', q{CALL cvwiz.run_retention('killed')});
is(run_of($node, 'postgres', 'killed', 'success, residue'), 't|0', '... the next run ends well');

# ---- no memory to show it in ----

SKIP:
{
	skip 'root may write everywhere', 3 if $> == 0;
	new_log($node, 'unseen');
	my $directory = $node->data_dir . '/pg_dynshmem';
	chmod 0500, $directory or die $!;
	($result, $stdout, $stderr) = $node->psql('postgres', q{CALL cvwiz.run_retention('unseen')});
	chmod 0700, $directory or die $!;
	is($result, 0, 'a run that has no shared memory runs all the same');
	is(run_of($node, 'postgres', 'unseen', 'success, deleted_count > 1000'), 't|t', '... to its end');
	cmp_ok(log_count($node, qr/LOG:  cvwiz.retention_progress does not show the run on table public.unseen: could not open shared memory/), '>=', 1, '... and the log says why');
}

# ---- the worker's ----

my $preloaded = start_server('preloaded', conf => $conf . "log_min_messages = notice\n");
$preloaded->safe_psql('postgres', q{
	CREATE ROLE owner;
	CREATE TABLE own_view (id bigint, action text, target text, rows_done bigint);
	ALTER TABLE own_view OWNER TO owner;
	CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(42); RETURN old; END';
	CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN old; END';
});
$holder = $preloaded->background_psql('postgres', on_error_stop => 0);
$holder->query_safe('SELECT pg_advisory_lock(42)');
new_log($preloaded, 'by_worker');
set_clock($preloaded, '2026-05-12 12:00');
wait_until_stopped($preloaded);
is( $preloaded->safe_psql('postgres', q{SELECT relation, action, rows_done, backend_type FROM cvwiz.retention_progress JOIN pg_stat_activity USING (pid)}),
	'by_worker|purge|200|cvwiz worker', 'a run of the worker is seen as well');
eval { $holder->quit };
wait_for_run($preloaded, 'postgres', 'by_worker', 1);
is($preloaded->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.retention_progress'), 0, '... until it is over');
is(log_count($preloaded, qr/retention of table public.by_worker: purge/), 0, '... and it says nothing of its steps');
$preloaded->stop;

is(log_count($node, qr/(PANIC:|TRAP:)/), 0, 'nothing crashed that was not killed');
$node->stop;

done_testing();
