# Several databases: each is served, none starves another, and the worker is
# never in the way of what is done with a whole database.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $node = start_server('main', now => '2026-05-10 12:00');
my $day = 10;

sub next_day
{
	$day++;
	set_clock($node, "2026-05-$day 03:00");
	return;
}

# A database whose purge takes minutes, and where the worker is in it.
sub database_in_long_purge
{
	my ($name) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, 'CREATE EXTENSION cvwiz');
	$node->safe_psql('postgres', qq{
		ALTER DATABASE $name SET cvwiz.purge_batch_size = 1;
		ALTER DATABASE $name SET cvwiz.purge_pause = '500ms'});
	create_table($node, $name, 'long', from => '2026-01-01', rows => 900, policy => '2026-05-01 12:00');
	wait_until_deleted($node, $name, 'long', 2);
	return;
}

# What takes a database for itself waits up to 5 seconds for others to leave.
sub succeeds_at_once
{
	my ($sql, $what) = @_;
	my ($result, $stdout, $stderr);
	my $seconds = seconds_taken(sub { ($result, $stdout, $stderr) = $node->psql('postgres', $sql) });

	is($stderr, '', "$what: no error");
	is($result, 0, "$what succeeds during a purge");
	cmp_ok($seconds, '<', 5, "$what is not kept waiting");
	return;
}

# ---- two databases, and one without the extension ----

$node->safe_psql('postgres', 'CREATE DATABASE first');
$node->safe_psql('postgres', 'CREATE DATABASE "Second ""One"""');
$node->safe_psql('postgres', 'CREATE DATABASE without');
my $second = 'Second "One"';
for my $database ('first', $second)
{
	$node->safe_psql($database, 'CREATE EXTENSION cvwiz');
	create_table($node, $database, 'logs', from => '2026-01-01', rows => 3000, policy => '2026-05-10 12:00');
}
next_day();
for my $database ('first', $second)
{
	wait_for_run($node, $database, 'logs', 1);
	is(run_of($node, $database, 'logs', 'origin, success, deleted_count'), 'worker|t|963',
		"database $database is served");
}
is(log_count($node, qr/(?:ERROR|FATAL|WARNING):.*\bwithout\b/), 0, 'nothing is said about the one without');

# ---- templates, and databases that take no connections ----

# A database that is let in again when it has a policy that is due.
for my $closed ('IS_TEMPLATE true', 'ALLOW_CONNECTIONS false')
{
	$node->safe_psql('postgres', 'CREATE DATABASE closed');
	$node->safe_psql('closed', 'CREATE EXTENSION cvwiz');
	create_table($node, 'closed', 'logs', from => '2026-01-01', rows => 3000, policy => "2026-05-$day 12:00");
	$node->safe_psql('postgres', "ALTER DATABASE closed $closed");
	my $offset = -s $node->logfile;
	next_day();
	worker_looked($node, 'first');
	worker_looked($node, 'first');
	unlike(slurp_file($node->logfile, $offset), qr/database "closed"/,
		"$closed: the worker keeps away, and says nothing");
	$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS true IS_TEMPLATE false');
	wait_for_run($node, 'closed', 'logs', 1);
	pass("$closed: taken back, it is served");
	$node->safe_psql('postgres', 'DROP DATABASE closed');
}

# ---- a long purge, and the others ----

database_in_long_purge('busy');
next_day();
my $first_runs = $node->safe_psql('first', "SELECT count(*) FROM cvwiz.retention_runs WHERE relation_name = 'public.logs'");
wait_for_run($node, 'first', 'logs', $first_runs);
worker_looked($node, 'first');
worker_looked($node, $second);
is($node->safe_psql('busy', "SELECT finished_at IS NULL FROM cvwiz.retention_runs WHERE relation_name = 'public.long'"),
	't', 'the others are served while a long purge is at work');
is(run_of($node, 'first', 'logs', 'success'), 't', '... successfully');

succeeds_at_once('DROP DATABASE busy', 'DROP DATABASE');
worker_looked($node, 'first');
pass('the others are served after it');

# ---- other things that take a database for themselves ----

database_in_long_purge('busy');
succeeds_at_once('ALTER DATABASE busy RENAME TO renamed', 'ALTER DATABASE RENAME');
wait_for_running($node, 'renamed', 'long');
pass('under its new name, the database is served again');

# the interrupted run waits for its second attempt
set_clock($node, "2026-05-$day 03:05");
wait_until_deleted($node, 'renamed', 'long', 2);
succeeds_at_once('CREATE DATABASE copied TEMPLATE renamed', 'CREATE DATABASE TEMPLATE');
set_clock($node, "2026-05-$day 03:30");
wait_until_deleted($node, 'renamed', 'long', 2);
wait_until_deleted($node, 'copied', 'long', 2);
pass('the database and its copy are served both');

# ---- DROP EXTENSION, and DROP TABLE, in the middle of a purge ----

my $seconds = seconds_taken(sub { $node->safe_psql('copied', 'DROP EXTENSION cvwiz') });
cmp_ok($seconds, '<', 5, 'DROP EXTENSION is not kept waiting by a purge');
cmp_ok($node->safe_psql('copied', 'SELECT count(*) FROM long'), '>', 800, '... and the table stays');
$node->poll_query_until('postgres',
	"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'cvwiz worker' AND datname = 'copied')");
my $left = $node->safe_psql('copied', 'SELECT count(*) FROM long');
worker_looked($node, 'first');
is($node->safe_psql('copied', 'SELECT count(*) FROM long'), $left, '... as it is');
$node->safe_psql('copied', 'CREATE EXTENSION cvwiz');
create_table($node, 'copied', 'logs', from => '2026-01-01', rows => 3000, policy => '2026-05-01 12:00');
$node->safe_psql('postgres', 'ALTER DATABASE copied RESET ALL');
wait_for_run($node, 'copied', 'logs', 1);
pass('created again, it is served');

$seconds = seconds_taken(sub { $node->safe_psql('renamed', 'DROP TABLE long') });
cmp_ok($seconds, '<', 5, 'DROP TABLE is not kept waiting by a purge');
is($node->safe_psql('renamed', 'SELECT count(*) FROM cvwiz.retention_policies'), 0, '... and takes the policy with it');
worker_looked($node, 'renamed');
pass('the database is served after it');
$node->safe_psql('postgres', 'DROP DATABASE renamed');
$node->safe_psql('postgres', 'DROP DATABASE copied');

# ---- a database owner's settings ----

$node->safe_psql('postgres', 'CREATE ROLE owner LOGIN; CREATE DATABASE hostile OWNER owner');
$node->safe_psql('hostile', q{
	CREATE EXTENSION cvwiz;
	CREATE SCHEMA trap AUTHORIZATION owner;
	CREATE TABLE public.traces (who name, super boolean);
	GRANT INSERT ON public.traces TO PUBLIC;
	SET ROLE owner;
	CREATE FUNCTION trap.trap() RETURNS bigint LANGUAGE plpgsql AS
	$$BEGIN INSERT INTO public.traces SELECT current_user, rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user; RETURN 0; END$$;
	CREATE FUNCTION trap.count() RETURNS bigint LANGUAGE sql AS 'SELECT trap.trap()';
	CREATE FUNCTION trap.clock() RETURNS timestamptz LANGUAGE sql AS 'SELECT trap.trap(); SELECT now()';
	CREATE FUNCTION trap.less(timestamptz, timestamptz) RETURNS boolean LANGUAGE sql AS 'SELECT trap.trap() = 1';
	CREATE OPERATOR trap.< (FUNCTION = trap.less, LEFTARG = timestamptz, RIGHTARG = timestamptz);
	CREATE OPERATOR trap.<= (FUNCTION = trap.less, LEFTARG = timestamptz, RIGHTARG = timestamptz);
	CREATE TABLE trap.pg_extension (extname name, extversion text);
	CREATE TABLE trap.retention_policies (relation regclass, next_run timestamptz);
});
create_table($node, 'hostile', 'logs', from => '2026-01-01', rows => 3000, policy => "2026-05-$day 12:00");
# as the owner, who may
$node->safe_psql('hostile', q{
	ALTER DATABASE hostile SET search_path = trap, public, pg_catalog;
	ALTER DATABASE hostile SET default_transaction_read_only = on;
	ALTER DATABASE hostile SET default_transaction_isolation = 'serializable';
	ALTER DATABASE hostile SET default_transaction_deferrable = on;
	ALTER DATABASE hostile SET statement_timeout = '1ms';
	ALTER DATABASE hostile SET lock_timeout = '1ms';
	ALTER DATABASE hostile SET idle_in_transaction_session_timeout = '1ms';
	ALTER DATABASE hostile SET role = owner;
	ALTER DATABASE hostile SET row_security = off;
	ALTER DATABASE hostile SET default_tablespace = '';
	ALTER DATABASE hostile SET datestyle = 'German, DMY';
	ALTER DATABASE hostile SET intervalstyle = 'iso_8601';
	ALTER DATABASE hostile SET timezone = 'Pacific/Kiritimati';
	ALTER DATABASE hostile SET extra_float_digits = -15;
	ALTER DATABASE hostile SET transform_null_equals = on;
	ALTER DATABASE hostile SET client_min_messages = error;
	ALTER DATABASE hostile SET plan_cache_mode = force_generic_plan;
	ALTER DATABASE hostile SET check_function_bodies = off;
	ALTER DATABASE hostile SET quote_all_identifiers = on;
	ALTER DATABASE hostile SET max_parallel_workers_per_gather = 4;
	ALTER DATABASE hostile SET work_mem = '64kB';
	ALTER DATABASE hostile SET enable_indexscan = off;
}, extra_params => [ '-U', 'owner' ]);
$node->safe_psql('postgres', 'ALTER DATABASE hostile SET session_replication_role = replica');

next_day();
my $expected = (29 + $day) * 24 + 3;
{
	# A client's own options win over the database's.
	local $ENV{PGOPTIONS} = join(' ', map { "-c $_" } qw(role=postgres search_path=pg_catalog
		default_transaction_read_only=off statement_timeout=0 lock_timeout=0 idle_in_transaction_session_timeout=0));

	wait_for_run($node, 'hostile', 'logs', 1);
	is(run_of($node, 'hostile', 'logs', 'origin, success, deleted_count, residue'), "worker|t|$expected|0",
		'whatever a database\'s owner sets, its tables are purged');
	is($node->safe_psql('hostile', 'SELECT count(*) FROM public.traces'), 0, '... and nothing of the owner\'s runs');
}
$node->safe_psql('postgres', 'DROP DATABASE hostile');

# ---- another version ----

my $version = $node->safe_psql('first', "SELECT extversion FROM pg_extension WHERE extname = 'cvwiz'");
$node->safe_psql('first', "UPDATE pg_extension SET extversion = '9.9.9' WHERE extname = 'cvwiz'");
my $runs = $node->safe_psql('first', 'SELECT count(*) FROM cvwiz.retention_runs');
next_day();
$node->wait_for_log(qr/cvwiz in database "first" is not of the library's version/);
worker_looked($node, $second);
worker_looked($node, $second);
is($node->safe_psql('first', 'SELECT count(*) FROM cvwiz.retention_runs'), $runs,
	'the worker steps aside where the extension is of another version');
is(log_count($node, qr/cvwiz in database "first" is not of the library's version/), 1, '... and says so once');
is(run_of($node, $second, 'logs', 'success'), 't', '... while the others are served');
$node->safe_psql('first', "UPDATE pg_extension SET extversion = '$version' WHERE extname = 'cvwiz'");
worker_looked($node, 'first');
is(run_of($node, 'first', 'logs', "started_at AT TIME ZONE 'UTC'"), "2026-05-$day 03:00:00",
	'once it is the right one, it is served');

# ---- more databases than workers ----

$node->safe_psql('postgres', "CREATE DATABASE many_$_ TEMPLATE first") for 1 .. 6;
next_day();
worker_looked($node, "many_$_") for 1 .. 6;
is(join(' ', map { run_of($node, "many_$_", 'logs', "success, started_at AT TIME ZONE 'UTC'") } 1 .. 6),
	join(' ', ("t|2026-05-$day 03:00:00") x 6), 'more databases than workers are all served');

is(log_count($node, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed');
$node->stop;

done_testing();
