# The real pg_cron runs the policies, instead of the worker.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my ($sharedir) = PostgreSQL::Test::Utils::run_command([ $ENV{PG_CONFIG} || 'pg_config', '--sharedir' ]);
plan skip_all => 'pg_cron is not installed' unless -f "$sharedir/extension/pg_cron.control";

# ---- without it ----

my $without = start_server('without', now => '2026-05-10 12:00');
my ($result, $stdout, $stderr) = $without->psql('postgres', 'SELECT cvwiz.schedule_retention()');
like($stderr, qr/ERROR:  extension "pg_cron" is not installed in this database/, 'without pg_cron: an error');
like($stderr, qr/HINT:.*shared_preload_libraries.*pg_cron.*\n.*CREATE EXTENSION pg_cron;/, '... with the two lines that install it');
($result, $stdout, $stderr) = $without->psql('postgres', 'SELECT cvwiz.unschedule_retention()');
like($stderr, qr/ERROR:  extension "pg_cron" is not installed in this database/, '... by unschedule_retention() too');
$without->stop;

# ---- both ways in which pg_cron runs its jobs ----

# Its jobs begin at full minutes; newer versions know seconds. Both servers wait
# for the same one.
my %nodes;
my $schedule = '* * * * *';
for my $way ('connections', 'workers')
{
	my $node = start_server($way, now => '2026-05-11 12:00', conf => qq{
cvwiz.worker = off
shared_preload_libraries = 'cvwiz, pg_cron'
cron.database_name = 'postgres'
max_worker_processes = 20
}
		  . ($way eq 'workers' ? "cron.use_background_workers = on\n" : ''));

	# The socket's directory is known only now.
	$node->append_conf('postgresql.conf', "cron.host = '" . $node->host . "'");
	$node->restart;
	$node->safe_psql('postgres', 'CREATE EXTENSION pg_cron');
	$schedule = '3 seconds'
	  if $node->safe_psql('postgres', "SELECT string_to_array(regexp_replace(extversion, '[^0-9.].*', ''), '.')::int[] >= '{1,5}' FROM pg_extension WHERE extname = 'pg_cron'") eq 't';
	create_partitioned_table($node, 'postgres', 'logs', from => '2026-01-01', months => 5, rows => 3000,
		policy => '2026-05-10 12:00');
	$nodes{$way} = $node;
}
note("schedule: $schedule");

# One of them has a table that fails.
$nodes{workers}->safe_psql('postgres', q{
	CREATE TABLE bad (at timestamptz NOT NULL);
	INSERT INTO bad VALUES ('2026-01-01');
	SET client_min_messages = warning;
	SELECT cvwiz.add_retention_policy('bad', 'at');
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'not today'; END$$;
	CREATE TRIGGER refuse BEFORE DELETE ON bad FOR EACH ROW EXECUTE FUNCTION refuse()});

# ---- scheduling ----

my $node = $nodes{connections};
my $job = $node->safe_psql('postgres', 'SELECT cvwiz.schedule_retention()');
like($job, qr/^\d+$/, 'schedule_retention() returns the job');
is($node->safe_psql('postgres', 'SELECT jobid, schedule, command, database, username, active FROM cron.job'),
	"$job|0 3 * * *|CALL cvwiz.run_retention()|postgres|" . $node->safe_psql('postgres', 'SELECT current_user') . '|t',
	'it is at 3 o\'clock by default');
$node->safe_psql('postgres', "SELECT cvwiz.schedule_retention('$schedule')");
is($node->safe_psql('postgres', 'SELECT count(*), min(schedule) FROM cron.job'), "1|$schedule",
	'called again, it replaces the job');
($result, $stdout, $stderr) = $node->psql('postgres', "SELECT cvwiz.schedule_retention('whenever')");
like($stderr, qr/ERROR:.*whenever/, 'a bad schedule is an error that names it');
is($node->safe_psql('postgres', 'SELECT count(*), min(schedule) FROM cron.job'), "1|$schedule",
	'... and leaves the job as it was');
$nodes{workers}->safe_psql('postgres', "SELECT cvwiz.schedule_retention('$schedule')");

# ---- the jobs run ----

sub wait_for_job
{
	my ($way) = @_;

	$nodes{$way}->poll_query_until('postgres',
		'SELECT EXISTS (SELECT FROM cron.job_run_details WHERE end_time IS NOT NULL)')
	  or die "no job has run";
	return $nodes{$way}->safe_psql('postgres',
		q{SELECT status, return_message FROM cron.job_run_details WHERE end_time IS NOT NULL ORDER BY runid LIMIT 1});
}

like(wait_for_job('connections'), qr/^succeeded\|/, 'by a connection: the job has succeeded');
is( $node->safe_psql('postgres',
		'SELECT origin, success, deleted_count, partitions_created, partitions_dropped, residue FROM cvwiz.retention_runs ORDER BY run_id LIMIT 1'),
	'call|t|972|3|1|0', '... and the run is recorded');
is($node->safe_psql('postgres', "SELECT count(*) FROM logs WHERE at < '2026-02-10 12:00Z'"), 0,
	'... and done');

my $failed = wait_for_job('workers');
like($failed, qr/^failed\|/, 'by a background worker: the job of a table that fails has failed');
like($failed, qr/retention failed for 1 of 2 tables/, '... with a message that says so');
is( $nodes{workers}->safe_psql('postgres',
		"SELECT origin, success, deleted_count, residue FROM cvwiz.retention_runs WHERE relation_name = 'public.logs' ORDER BY run_id LIMIT 1"),
	'call|t|972|0', '... the other table is purged');
is( $nodes{workers}->safe_psql('postgres',
		"SELECT success FROM cvwiz.retention_runs WHERE relation_name = 'public.bad' ORDER BY run_id LIMIT 1"),
	'f', '... the failure recorded');

# ---- with the worker ----

$node->safe_psql('postgres', "SELECT cvwiz.schedule_retention('0 3 * * *')");
set_setting($node, 'cvwiz.worker' => 'on');
worker_looked($node, 'postgres');
is($node->safe_psql('postgres', "SELECT DISTINCT origin FROM cvwiz.retention_runs WHERE relation_name = 'public.logs'"), 'call',
	'the worker does not repeat what pg_cron has run that day');

# ---- unscheduling ----

is($node->safe_psql('postgres', 'SELECT cvwiz.unschedule_retention()'), 't', 'unschedule_retention() takes the job back');
is($node->safe_psql('postgres', 'SELECT count(*) FROM cron.job'), 0, '... it is gone');
is($node->safe_psql('postgres', 'SELECT cvwiz.unschedule_retention()'), 'f', 'there is none any more');

# Another user's job is another job.
$node->safe_psql('postgres', q{
	CREATE ROLE alice LOGIN;
	GRANT USAGE ON SCHEMA cron TO alice;
	GRANT EXECUTE ON FUNCTION cvwiz.schedule_retention(text), cvwiz.unschedule_retention() TO alice;
	SELECT cvwiz.schedule_retention()});
$node->safe_psql('postgres', 'SELECT cvwiz.schedule_retention()', extra_params => [ '-U', 'alice' ]);
is($node->safe_psql('postgres', 'SELECT count(*) FROM cron.job'), 2, 'each user has a job of their own');
is($node->safe_psql('postgres', 'SELECT cvwiz.unschedule_retention()', extra_params => [ '-U', 'alice' ]), 't', '... and takes that back');
is($node->safe_psql('postgres', 'SELECT username = current_user FROM cron.job'), 't', '... and no other');

is(log_count($_, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed') for values %nodes;
$_->stop for values %nodes;

done_testing();
