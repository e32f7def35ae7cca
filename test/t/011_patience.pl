# What must not wear the worker out: a trigger that sleeps, a hold, a locked row,
# the log of tables that are gone.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $node = start_server('main', now => '2026-05-10 12:00', conf => "cvwiz.step_timeout = '2s'\n");

# ---- a trigger that sleeps ----

create_table($node, 'postgres', 'a_sleepy', from => '2026-01-01', rows => 2400, policy => '2026-05-10 12:00');
create_table($node, 'postgres', 'b_brisk', from => '2026-01-01', rows => 2400, policy => '2026-05-10 12:00');
$node->safe_psql('postgres', q{
	CREATE FUNCTION sleep_long() RETURNS trigger LANGUAGE plpgsql
	AS 'BEGIN PERFORM pg_catalog.pg_sleep(1000); RETURN old; END';
	CREATE TRIGGER sleep_long BEFORE DELETE ON a_sleepy FOR EACH ROW EXECUTE FUNCTION sleep_long();
});
set_clock($node, '2026-05-11 03:00');
wait_for_run($node, 'postgres', 'b_brisk', 1);
is(run_of($node, 'postgres', 'b_brisk', 'success, residue'), 't|0', 'a sleeping trigger does not keep others from their run');
like(run_of($node, 'postgres', 'a_sleepy', 'success, error'), qr/^f\|.*canceling statement due to statement timeout/,
	'... and is recorded');
is($node->safe_psql('postgres', 'SELECT count(*) FROM a_sleepy'), 2400, '... its table has all of its rows');

# a session has its own
my ($status, undef, $stderr) = $node->psql('postgres', q{
	SET statement_timeout = '500ms';
	CALL cvwiz.run_retention('a_sleepy');
});
isnt($status, 0, 'statement_timeout ends a CALL');
like($stderr, qr/canceling statement due to statement timeout/, '... with its error');
is(run_of($node, 'postgres', 'a_sleepy', 'origin, success, finished_at IS NOT NULL'), 'call|f|t', '... and the record ends');
$node->safe_psql('postgres', 'DROP TABLE a_sleepy, b_brisk');

# ---- settings of a run at work ----

create_table($node, 'postgres', 'slow', from => '2026-01-01', rows => 2400, policy => '2026-05-11 12:00');
set_setting($node, 'cvwiz.purge_batch_size' => 10, 'cvwiz.purge_pause' => '2min', 'cvwiz.step_timeout' => '1min');
$node->poll_query_until('postgres', q{SELECT current_setting('cvwiz.purge_pause') = '2min'}) or die;
set_clock($node, '2026-05-12 03:00');
wait_until_deleted($node, 'postgres', 'slow', 10);
set_setting($node, 'cvwiz.purge_batch_size' => 10000, 'cvwiz.purge_pause' => 0);
wait_for_run($node, 'postgres', 'slow', 1);
is(run_of($node, 'postgres', 'slow', 'origin, success, residue'), 'worker|t|0', 'a reload reaches a purge in its pause');
reset_setting($node, 'cvwiz.purge_batch_size', 'cvwiz.purge_pause');
$node->safe_psql('postgres', 'DROP TABLE slow');

# ---- a hold ----

create_table($node, 'postgres', 'held', from => '2026-01-01', rows => 2400, policy => '2026-05-12 12:00');
$node->safe_psql('postgres', "SELECT cvwiz.alter_retention_policy('held', hold => true)");
set_clock($node, '2026-05-13 03:00');
wait_for_run($node, 'postgres', 'held', 1);
like(run_of($node, 'postgres', 'held', 'success, deleted_count, residue, error'), qr/^f\|0\|[1-9][0-9]*\|on hold: /,
	'on hold, a run is no success');
is($node->safe_psql('postgres', q{
	SELECT next_run AT TIME ZONE 'UTC', last_success IS NULL FROM cvwiz.retention_policies
	WHERE relation = 'held'::regclass}), '2026-05-14 03:00:00|t', '... and has its next turn the next day');
is(log_count($node, qr/WARNING: .*public\.held/), 0, '... without a warning in the log');

# lifted, it is due at once
$node->safe_psql('postgres', "SELECT cvwiz.alter_retention_policy('held', hold => false)");
set_clock($node, '2026-05-13 03:30');
wait_for_run($node, 'postgres', 'held', 2);
is(run_of($node, 'postgres', 'held', 'success, residue'), 't|0', 'once the hold is lifted, the rows go');

# ---- a locked row ----

create_table($node, 'postgres', 'locked', from => '2026-01-01', rows => 2400, policy => '2026-05-13 12:00');
my $client = $node->background_psql('postgres');
$client->query_safe('BEGIN');
$client->query_safe('SELECT id FROM locked WHERE id = 5 FOR UPDATE');
my $result = $node->safe_psql('postgres', q{
	SET cvwiz.lock_timeout = '50ms';
	SELECT success, residue, deleted_count > 0 FROM cvwiz.cleanup_old_logs('locked');
});
is($result, 'f|1|t', 'a locked row is left, and is the residue; the others go');
$client->query_safe('COMMIT');
$client->quit;
is($node->safe_psql('postgres', "SELECT success, deleted_count FROM cvwiz.cleanup_old_logs('locked')"), 't|1',
	'... and goes with the next run');

# ---- the log of tables that are gone ----

set_clock($node, '2027-12-01 12:00');
$node->safe_psql('postgres', "SELECT FROM cvwiz.cleanup_old_logs('held')");
is($node->safe_psql('postgres', q{SELECT count(*) FROM cvwiz.retention_runs WHERE relation_name IN ('public.b_brisk', 'public.a_sleepy')}),
	0, 'the log of dropped tables is shortened too');

$node->stop;
done_testing();
