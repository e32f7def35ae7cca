# Samples, and the views without them, where a table's owner holds them up.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $node = start_server('main', now => '2026-05-10 12:00', conf => "cvwiz.worker = off\ncvwiz.step_timeout = '500ms'\n");

# A predicate is evaluated by each session that plans a query.
$node->safe_psql('postgres', q{
	CREATE ROLE slow;
	GRANT CREATE ON SCHEMA public TO slow;
	CREATE TABLE before (t timestamptz NOT NULL);
	INSERT INTO before VALUES ('2026-05-01Z');
	SET ROLE slow;
	CREATE TABLE armed AS SELECT false AS armed;
	CREATE FUNCTION sleeps() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF (SELECT armed FROM public.armed) THEN PERFORM pg_sleep(300); END IF; RETURN true; END $$;
	CREATE TABLE slow (t timestamptz NOT NULL);
	INSERT INTO slow VALUES ('2026-05-02Z');
	CREATE INDEX ON slow (t) WHERE public.sleeps();
	RESET ROLE;
	CREATE TABLE later (t timestamptz NOT NULL);
	INSERT INTO later VALUES ('2026-05-03Z');
	SELECT cvwiz.add_retention_policy(r, 't') FROM unnest('{before,slow,later}'::regclass[]) r;
	ALTER FUNCTION sleeps SET search_path = public;
	UPDATE armed SET armed = true});

my $figures = "SELECT relation, total_bytes > 0, rows_estimate > 0, oldest_record AT TIME ZONE 'UTC' FROM cvwiz.stat_audit ORDER BY 1";
my $expected = "before|t|t|2026-05-01 00:00:00\nslow|t|t|\nlater|t|t|2026-05-03 00:00:00";
my $seen;
cmp_ok(seconds_taken(sub { $seen = $node->safe_psql('postgres', $figures) }), '<', 60, 'a view does not wait for a sleeper');
is($seen, $expected, '... and shows the rest');

my ($taken, $warnings);
cmp_ok(seconds_taken(sub { $node->psql('postgres', 'SELECT cvwiz.sample_sizes()', stdout => \$taken, stderr => \$warnings) }),
	'<', 60, 'a sample does not either');
is($taken, 3, '... and is taken of all');
like($warnings, qr/no times in the sample of table "slow": canceling statement due to statement timeout/, '... with a warning');
is($node->safe_psql('postgres', $figures), $expected, '... and the view shows it');

# Who asks for it stops all of it.
set_clock($node, '2026-05-10 14:00');
my $errors;
isnt($node->psql('postgres', "SET statement_timeout = '200ms';\nSELECT cvwiz.sample_sizes();", stderr => \$errors),
	0, 'a statement_timeout of the session ends it');
like($errors, qr/ERROR:  canceling statement due to statement timeout/, '... as an error');
is($node->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.size_sample'), 3, '... without a sample');

# Nothing of the timeout is left to the session.
is($node->safe_psql('postgres', "SELECT cvwiz.sample_sizes();\nSELECT pg_sleep(1)") =~ /^3/, 1, 'the session is not timed out afterwards');

is(log_count($node, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed');
$node->stop;
done_testing();
