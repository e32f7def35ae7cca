# Alerts by the worker: each is told once, whatever happens in between, and
# nothing else of the worker's is in the way.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $tempdir = PostgreSQL::Test::Utils::tempdir;
my $check = "$FindBin::RealBin/../../monitoring/check_cvwiz";
my $node = start_server('main', now => '2026-05-10 12:00', conf => "cvwiz.alert_interval = 1\n",
	init => [ allows_streaming => 1 ]);

# ---- helpers ----

# Waits for so many evaluations from now on that have begun and ended since.
sub evaluations
{
	my ($count) = @_;
	my $now = $node->safe_psql('postgres', 'SELECT alert_evaluations FROM cvwiz.worker_counters()');

	$node->poll_query_until('postgres',
		"SELECT alert_evaluations > $now + $count FROM cvwiz.worker_counters()")
	  or die "nothing is evaluated";
	return;
}

sub wait_for_alerts
{
	my ($alerts, $database) = @_;

	$node->poll_query_until($database || 'postgres',
		"SELECT coalesce(string_agg(alert, ' ' ORDER BY alert), '') = '$alerts' FROM cvwiz.alerts")
	  or die "expected alerts: $alerts";
	return;
}

# "fired cleared" of an alert, as the history and the log have it.
sub told
{
	my ($alert) = @_;
	my @history = map {
		$node->safe_psql('postgres', "SELECT count(*) FROM cvwiz.alert_history WHERE alert = '$alert' AND event = '$_'")
	} qw(fired cleared);
	my @log = (log_count($node, qr/WARNING:  alert "$alert" \(\w+\) fired in database "postgres"/),
		log_count($node, qr/LOG:  alert "$alert" \(\w+\) cleared in database "postgres"/));

	return join(' ', @history) . ', ' . join(' ', @log);
}

# What a listening session has heard since it was asked last: a list of payloads.
sub heard
{
	my ($session) = @_;
	my $text = $session->query('SELECT 1');

	return $text =~ /Asynchronous notification "cvwiz_alerts" with payload "(.*)" received from server/g;
}

sub monitor_waits_for_lock
{
	$node->poll_query_until('postgres', q{
		SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'cvwiz monitor' AND wait_event_type = 'Lock'})
	  or die 'the monitor does not wait';
	return $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'cvwiz monitor'");
}

# ---- fired and cleared, once each ----

my $listener = $node->background_psql('postgres');
$listener->query('LISTEN cvwiz_alerts');

create_table($node, 'postgres', 'logs', from => '2026-02-09 12:00', rows => 100, policy => '2026-05-10 12:00');
$node->safe_psql('postgres', q{
	CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
	CREATE TRIGGER keep BEFORE DELETE ON logs FOR EACH ROW EXECUTE FUNCTION keep();
});
evaluations(2);
is($node->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.alert_history'), 0, 'nothing fires where all is well');
$node->command_checks_all([ $check, '-d', $node->connstr('postgres') ], 0, [qr/^OK - no alert/], [qr/^$/], 'check_cvwiz: 0');

# the run that is due fails
set_clock($node, '2026-05-11 03:00:30');
wait_for_run($node, 'postgres', 'logs', 1);
wait_for_alerts('cleanup_failed residue');
evaluations(3);
is(told('residue'), '1 0, 1 0', 'residue fires once');
is(told('cleanup_failed'), '1 0, 1 0', '... and so does the failed clean-up');
is($node->safe_psql('postgres', 'SELECT alert, severity, labels, value, since AT TIME ZONE \'UTC\' FROM cvwiz.alerts ORDER BY alert'),
	qq{cleanup_failed|warning|{"table": "logs", "schema": "public", "database": "postgres"}|0|2026-05-11 03:00:30\n}
	  . qq{residue|critical|{"table": "logs", "schema": "public", "database": "postgres"}|16|2026-05-11 03:00:30},
	'cvwiz.alerts shows both');
my @payloads = heard($listener);
is(scalar @payloads, 2, 'two notifications');
is($node->safe_psql('postgres', q{
		SELECT string_agg(key || '=' || value, ' ' ORDER BY key COLLATE "C") FROM jsonb_each_text($json$} . $payloads[1] . q{$json$) WHERE key NOT IN ('action', 'labels')}),
	'alert=residue at=2026-05-11T03:00:30.000000Z comparison=> database=postgres event=fired metric=cvwiz_audit_residue_rows severity=critical threshold=0 value=16',
	'... which say it in JSON');
$node->command_checks_all([ $check, '-d', $node->connstr('postgres') ], 2,
	[qr/^CRITICAL - 2 alerts: residue public\.logs 16 rows \(> 0\); cleanup_failed public\.logs 0 \(< 1\)$/], [qr/^$/], 'check_cvwiz: 2');

$node->safe_psql('postgres', 'DROP TRIGGER keep ON logs; CALL cvwiz.run_retention()');
wait_for_alerts('');
evaluations(3);
is(told('residue'), '1 1, 1 1', 'residue clears once');
is(told('cleanup_failed'), '1 1, 1 1', '... and so does the failed clean-up');
@payloads = heard($listener);
is(join(' ', map { /"event": "(\w+)"/ } @payloads), 'cleared cleared', 'two notifications more');

# ---- an evaluation that finds nothing new writes nothing ----

my $next_xid = 'SELECT pg_snapshot_xmax(pg_current_snapshot())';
my $before = $node->safe_psql('postgres', $next_xid);
evaluations(3);
is($node->safe_psql('postgres', $next_xid), $before, 'evaluations that find nothing new take no transaction number');

# ---- a restart, a crash ----

$node->safe_psql('postgres', q{SELECT cvwiz.set_alert('up', 'cvwiz_worker_up', '>', 0)});
wait_for_alerts('up');
$listener->quit;
$node->restart;
evaluations(3);
is(told('up'), '1 0, 1 0', 'a restart neither loses nor repeats an alert');
$node->command_checks_all([ $check, '-d', $node->connstr('postgres') ], 1, [qr/^WARNING - 1 alert: up 1 \(> 0\)$/], [qr/^$/], 'check_cvwiz: 1');
crash_process($node, wait_for_launcher($node));
wait_for_launcher($node);
evaluations(3);
is(told('up'), '1 0, 1 0', '... nor does a crash');

# what changes while nobody looks is told once somebody does
set_setting($node, 'cvwiz.alert_interval' => '1h');
worker_looked($node, 'postgres');
$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'cvwiz monitor')");
$node->safe_psql('postgres', q{
	SELECT cvwiz.set_alert('up', threshold => 1);
	SELECT cvwiz.set_alert('other', 'cvwiz_worker_up', '>=', 1)});
is(told('up') . ', ' . told('other'), '1 0, 1 0, 0 0, 0 0', 'cvwiz.alert_interval is taken over by reload');
$node->stop('immediate');
$node->append_conf('postgresql.auto.conf', 'cvwiz.alert_interval = 1');
$node->start;
wait_for_alerts('other');
evaluations(3);
is(told('up') . ', ' . told('other'), '1 1, 1 1, 1 0, 1 0', 'what changed before a crash is told after it, once');

# killed at work
$node->safe_psql('postgres', "ALTER DATABASE postgres SET cvwiz.lock_timeout = '5min'");
my $holder = $node->background_psql('postgres');
$holder->query('BEGIN; LOCK TABLE cvwiz.alert_state IN SHARE ROW EXCLUSIVE MODE');
$node->safe_psql('postgres', "SELECT cvwiz.remove_alert('other')");
my $pid = monitor_waits_for_lock();
crash_process($node, $pid);
$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET cvwiz.lock_timeout');
wait_for_alerts('');
evaluations(3);
is(told('other'), '1 1, 1 1', 'killed at work, it is told once by the next evaluation');
eval { $holder->quit };

# ---- two evaluators at once, who then need no worker ----

set_setting($node, 'cvwiz.worker' => 'off');
$node->poll_query_until('postgres', "SELECT current_setting('cvwiz.worker') = 'off' AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'cvwiz monitor')");
for my $end ('COMMIT', 'ROLLBACK')
{
	$node->safe_psql('postgres', "SELECT cvwiz.set_alert('twice_" . lc($end) . q{', 'cvwiz_worker_up', '>=', 1)});
	my $first = $node->background_psql('postgres');
	my $second = $node->background_psql('postgres');
	$_->query("SET client_min_messages = error; SET cvwiz.lock_timeout = '5min'") for $first, $second;
	is($first->query('BEGIN; SELECT cvwiz.evaluate_alerts()'), 1, "$end: one evaluation fires");
	begin_statement($second, 'SELECT cvwiz.evaluate_alerts()');
	wait_for_lock_wait($node, 'cvwiz.alert_state');
	$first->query($end);
	is($second->query('SELECT 2'), ($end eq 'COMMIT' ? 0 : 1) . "\n2", '... and another at the same time waits for its end');
	$_->quit for $first, $second;
	is($node->safe_psql('postgres', "SELECT count(*) FROM cvwiz.alert_history WHERE alert = 'twice_" . lc($end) . q{'}), 1, '... so that it is told once');
}
my ($status, $stderr);
$node->safe_psql('postgres', q{SELECT cvwiz.remove_alert('twice_commit'), cvwiz.remove_alert('twice_rollback')});
is($node->safe_psql('postgres', 'SELECT cvwiz.evaluate_alerts()'), 2, 'without the worker, a call does');
reset_setting($node, 'cvwiz.worker');
evaluations(1);

# ---- the samples that the growth is taken from: once an hour ----

$node->safe_psql('postgres', q{
	CREATE TABLE docs (id int, doc jsonb);
	INSERT INTO docs VALUES (1, '{}');
	SELECT cvwiz.add_snapshot_limits('docs', 'doc')});
# of policies, of columns
sub samples_at
{
	my ($now) = @_;

	return $node->safe_psql('postgres', "SELECT count(*) FILTER (WHERE snapshot_column IS NULL), count(snapshot_column)
		FROM cvwiz.size_sample WHERE sampled_at = '$now Z'");
}
for my $now ('2026-05-11 10:00', '2026-05-11 11:00')
{
	set_clock($node, $now);
	$node->poll_query_until('postgres', "SELECT count(*) = 2 FROM cvwiz.size_sample WHERE sampled_at = '$now Z'")
	  or die 'no samples';
	evaluations(3);
	is(samples_at($now), '1|1', "$now: the worker takes a sample of each policy and each column, and no more");
}
set_clock($node, '2026-05-11 11:59:59');
evaluations(3);
is(samples_at('2026-05-11 11:59:59'), '0|0', '... not before an hour has gone by');
$node->safe_psql('postgres', 'DROP TABLE docs');

# ---- a long purge ----

$node->safe_psql('postgres', q{
	ALTER DATABASE postgres SET cvwiz.purge_batch_size = 1;
	ALTER DATABASE postgres SET cvwiz.purge_pause = '500ms'});
create_table($node, 'postgres', 'long', from => '2026-01-01', rows => 900, policy => '2026-05-01 12:00');
wait_until_deleted($node, 'postgres', 'long', 2);
wait_for_alerts('audit_record_overdue cleanup_overdue');
evaluations(3);
is($node->safe_psql('postgres', "SELECT count(*) FROM cvwiz.retention_runs WHERE relation_name = 'public.long' AND finished_at IS NULL"), 1,
	'a long purge is at work while alerts are evaluated');
$node->safe_psql('postgres', 'DROP TABLE long');
wait_for_alerts('');
pass('the alerts of a dropped table clear');
$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET ALL');

# ---- what fails in a database is said once, and stops nothing else ----

$node->safe_psql('postgres', q{
	CREATE OR REPLACE FUNCTION cvwiz.sample_sizes() RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE 'no %', 'samples'; END$$});
evaluations(5);
is(log_count($node, qr/WARNING:  taking samples in database "postgres" failed: no samples/), 1, 'samples that fail are logged once, alerts are evaluated');
$node->safe_psql('postgres', 'ALTER VIEW cvwiz.metrics RENAME TO metrics_gone');
$node->wait_for_log(qr/WARNING:  evaluating alerts in database "postgres" failed: relation "cvwiz.metrics" does not exist/);
worker_looked($node, 'postgres') for 1 .. 2;
is(log_count($node, qr/WARNING:  evaluating alerts in database "postgres" failed/), 1, '... and so are evaluations');
$node->command_checks_all([ $check, '-d', $node->connstr('postgres') ], 3, [qr/^UNKNOWN - ERROR: +relation "cvwiz.metrics" does not exist[^\n]*$/], [qr/^$/], 'check_cvwiz: 3, by an error');
$node->command_checks_all([ $check, '-d', 'dbname=nowhere host=' . $node->host . ' port=' . $node->port ], 3, [qr/^UNKNOWN - .*"nowhere" does not exist[^\n]*$/], [qr/^$/], 'check_cvwiz: 3, without a database');
$node->safe_psql('postgres', q{
	ALTER VIEW cvwiz.metrics_gone RENAME TO metrics;
	CREATE OR REPLACE FUNCTION cvwiz.sample_sizes() RETURNS int LANGUAGE sql AS 'SELECT 0'});
evaluations(2);
pass('mended, they go on');

# ---- another database: a monitor that hangs, DROP DATABASE ----

$node->safe_psql('postgres', 'CREATE DATABASE hangs');
$node->safe_psql('hangs', q{
	CREATE EXTENSION cvwiz;
	CREATE OR REPLACE FUNCTION cvwiz.sample_sizes() RETURNS int LANGUAGE sql AS 'SELECT 0 FROM pg_sleep(1000)'});
$node->poll_query_until('postgres',
	"SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'cvwiz monitor' AND datname = 'hangs' AND wait_event = 'PgSleep'")
  or die 'the monitor does not hang';
my $seconds = seconds_taken(sub { $node->safe_psql('postgres', 'DROP DATABASE hangs') });
cmp_ok($seconds, '<', 5, 'DROP DATABASE is not kept waiting by a monitor at work');
# one may have been on its way
evaluations(1);
my $misses = log_count($node, qr/FATAL:  database .* does not exist/);
evaluations(3);
is(log_count($node, qr/FATAL:  database .* does not exist/), $misses, '... and nothing looks for it any more');

# ---- another version ----

my $version = $node->safe_psql('postgres', "SELECT extversion FROM pg_extension WHERE extname = 'cvwiz'");
$node->safe_psql('postgres', "UPDATE pg_extension SET extversion = '9.9.9' WHERE extname = 'cvwiz'");
$node->wait_for_log(qr/cvwiz in database "postgres" is not of the library's version/);
$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'cvwiz monitor')");
$before = $node->safe_psql('postgres', 'SELECT alert_evaluations FROM cvwiz.worker_counters()');
$node->safe_psql('postgres', 'SELECT pg_sleep(2.5)');
is($node->safe_psql('postgres', 'SELECT alert_evaluations FROM cvwiz.worker_counters()'), $before, 'nothing is evaluated where the extension is of another version');
$node->safe_psql('postgres', "UPDATE pg_extension SET extversion = '$version' WHERE extname = 'cvwiz'");
evaluations(1);

# ---- the longest names there are ----

$node->safe_psql('postgres', q{CREATE DATABASE "🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘abc" ENCODING 'UTF8' TEMPLATE template0});
my $elephants = '🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘🐘abc';
$node->safe_psql($elephants, q{
	CREATE EXTENSION cvwiz;
	SELECT format('CREATE SCHEMA %1$I; CREATE TABLE %1$I.%1$I (%1$I jsonb)', repeat(chr(1), 63)) \gexec
	SELECT cvwiz.add_snapshot_limits(format('%1$I.%1$I', repeat(chr(1), 63))::regclass, repeat(chr(1), 63));
	SELECT cvwiz.remove_alert(name) FROM cvwiz.alert_rules;
	SELECT cvwiz.set_alert(repeat('A', 63), 'cvwiz_snapshot_limit_bytes', '>', 1.2345678901234567e-300, severity => 'critical', action => repeat(chr(1), 500))});
$listener = $node->background_psql($elephants);
$listener->query('LISTEN cvwiz_alerts');
wait_for_alerts('A' x 63, $elephants);
@payloads = heard($listener);
is(scalar @payloads, 1, 'an alert with the longest names is notified');
cmp_ok(length($payloads[0]), '<', 8000, '... within 8000 bytes');
is($node->safe_psql($elephants, q{SELECT p ->> 'alert' = repeat('A', 63), p ->> 'action' = repeat(chr(1), 500), p #>> '{labels,column}' = repeat(chr(1), 63), p #>> '{labels,database}' = current_database()
	FROM (SELECT $json$} . $payloads[0] . q{$json$::jsonb AS p) n}), 't|t|t|t', '... whole');
$listener->quit;
$node->safe_psql('postgres', qq{DROP DATABASE "$elephants"});

# ---- dump and restore ----

$node->safe_psql('postgres', q{
	SELECT cvwiz.set_alert('residue', threshold => 5, severity => 'warning', labels => '{"table": "logs"}');
	SELECT cvwiz.set_alert('cleanup_failed', enabled => false);
	SELECT cvwiz.remove_alert('partitions_ahead_low');
	SELECT cvwiz.set_alert('mine', 'cvwiz_worker_up', '>=', 1, severity => 'critical', for_interval => '1 day 2 hours', hysteresis => 0.25, action => E'call "me"\n\\.');
	SELECT cvwiz.set_alert('mine_too', 'cvwiz_worker_up', '>=', 1)});
wait_for_alerts('mine_too');
my $rules = 'SELECT * FROM cvwiz.alert_rules ORDER BY name';
my $expected = $node->safe_psql('postgres', $rules);
like($expected, qr/^residue\|warning\|cvwiz_audit_residue_rows\|\{"table": "logs"\}\|>\|5\|/m, 'there are rules to dump');
$node->command_ok([ 'pg_dump', '-Fc', '-d', $node->connstr('postgres'), '-f', "$tempdir/dump" ], 'pg_dump');
set_setting($node, 'cvwiz.worker' => 'off');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), "$tempdir/dump" ], 'pg_restore');
is($node->safe_psql('restored', $rules), $expected, 'rules that were changed, disabled, removed and added are restored');
is($node->safe_psql('restored', 'SELECT (SELECT count(*) FROM cvwiz.alert_state), (SELECT count(*) FROM cvwiz.alert_history)'), '0|0',
	'... but not what fires, nor the history');
is($node->safe_psql('restored', 'SET client_min_messages = error; SELECT cvwiz.evaluate_alerts()'), 1, '... which begin there');
is($node->safe_psql('restored', 'SELECT alert FROM cvwiz.alerts'), 'mine_too', '... by its rules');
$node->safe_psql('restored', q{SELECT cvwiz.set_alert('partitions_ahead_low')});
is($node->safe_psql('restored', q{SELECT threshold FROM cvwiz.alert_rules WHERE name = 'partitions_ahead_low'}), 35, '... a removed one can be brought back');

# ---- a standby ----

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', 'SELECT alert FROM cvwiz.alerts'), 'mine_too', 'a standby has the alerts of its primary');
like($standby->safe_psql('postgres', 'SELECT cvwiz.check()'), qr/^OK - no alert/, '... where check() looks for itself');
($status, undef, $stderr) = $standby->psql('postgres', '\set VERBOSITY verbose' . "\nSELECT cvwiz.evaluate_alerts()");
like($stderr, qr/25006: cannot execute cvwiz\.evaluate_alerts\(\) during recovery/, '... and nothing is evaluated');
$standby->stop;

is(log_count($node, qr/(PANIC:|TRAP:)/), 0, 'nothing crashed but what was killed');
$node->stop;

done_testing();
