# The worker is connected as a superuser. A table's owner plants code wherever a
# table can have some; none of it must ever run with more rights than the owner's.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $node = start_server('main', now => '2026-05-10 12:00');
my $loot = $node->basedir . '/loot';

# ---- who attacks, and what ----

$node->safe_psql('postgres', q{
	CREATE ROLE mallory LOGIN;
	CREATE SCHEMA mallory AUTHORIZATION mallory;
	CREATE SCHEMA victim;
	CREATE TABLE victim.secrets (content text);
	GRANT CREATE ON SCHEMA public TO mallory;
	GRANT EXECUTE ON FUNCTION cvwiz.add_retention_policy(regclass, name, int, int, text, text, interval) TO mallory;
	GRANT EXECUTE ON FUNCTION cvwiz.create_partition(regclass, date) TO mallory;
	GRANT EXECUTE ON FUNCTION cvwiz.cleanup_old_logs(regclass) TO mallory;
});

sub as_mallory
{
	my ($sql) = @_;

	return $node->safe_psql('postgres', "SET client_min_messages = warning;\n$sql",
		extra_params => [ '-U', 'mallory' ]);
}

# Whatever fails is swallowed: the attack must not give itself away. What is run
# by a trigger, a rule and so on leaves a trace of whom it ran as.
as_mallory(qq{
CREATE TABLE mallory.traces (what text, who name, powerful boolean);

CREATE FUNCTION mallory.attack(what text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS \$\$
DECLARE
	command text;
BEGIN
	IF what = 'held cursor' AND current_user = 'mallory' THEN
		RETURN true;
	END IF;
	FOREACH command IN ARRAY ARRAY[
		'ALTER ROLE mallory SUPERUSER',
		'INSERT INTO victim.secrets VALUES (' || quote_literal(what) || ')',
		'GRANT pg_execute_server_program TO mallory',
		'COPY (SELECT 1) TO PROGRAM ''touch $loot''',
		'SET ROLE postgres', 'ALTER ROLE mallory SUPERUSER',
		'RESET ROLE', 'ALTER ROLE mallory SUPERUSER',
		'SET SESSION AUTHORIZATION postgres', 'ALTER ROLE mallory SUPERUSER',
		'RESET SESSION AUTHORIZATION', 'ALTER ROLE mallory SUPERUSER',
		'CREATE TEMP TABLE pg_extension (extname name, extversion text)',
		'CREATE TEMP TABLE stay () ON COMMIT DROP',
		'DECLARE held CURSOR WITH HOLD FOR SELECT mallory.attack(''held cursor'')',
		'DELETE FROM cvwiz.retention_policy',
		'UPDATE cvwiz.retention_run SET success = true',
		'INSERT INTO cvwiz.detached_partition VALUES (''victim.secrets'', ''mallory.row_trigger'', ''-infinity'', ''-infinity'', ''-infinity'')',
		'SET cvwiz.now = ''2199-01-01''',
		'SET search_path = mallory, pg_catalog',
		'SET row_security = off',
		'SET CONSTRAINTS ALL DEFERRED']
	LOOP
		BEGIN
			EXECUTE command;
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
	END LOOP;
	INSERT INTO mallory.traces
	SELECT what, current_user, rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user;
	RETURN true;
END\$\$;

-- A function that is not volatile may not write, but it may call one that does.
CREATE FUNCTION mallory.attack_as(what text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
\$\$BEGIN RETURN mallory.attack(what); END\$\$;
CREATE FUNCTION mallory.attack_for(at timestamptz, what text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
\$\$BEGIN RETURN mallory.attack(what); END\$\$;

CREATE FUNCTION mallory.attack_trigger() RETURNS trigger LANGUAGE plpgsql AS \$\$
BEGIN
	PERFORM mallory.attack(TG_ARGV[0]);
	RETURN CASE WHEN TG_LEVEL = 'ROW' THEN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END END;
END\$\$;

-- What the library might call, had it forgotten a schema.
CREATE FUNCTION public.clock() RETURNS timestamptz LANGUAGE plpgsql AS
\$\$BEGIN PERFORM mallory.attack('public.clock'); RETURN '2199-01-01'; END\$\$;
});
as_mallory(q{
CREATE FUNCTION public.count(timestamptz) RETURNS bigint LANGUAGE plpgsql AS
$$BEGIN PERFORM mallory.attack('public.count'); RETURN 0; END$$;
CREATE FUNCTION public.before(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql AS
$$BEGIN RETURN mallory.attack('operator'); END$$;
CREATE OPERATOR public.< (FUNCTION = public.before, LEFTARG = timestamptz, RIGHTARG = timestamptz);
CREATE OPERATOR mallory.< (FUNCTION = public.before, LEFTARG = timestamptz, RIGHTARG = timestamptz);
ALTER ROLE mallory SET search_path = mallory, public, pg_catalog;
});

# ---- the tables ----

sub mallory_table
{
	my ($name, $columns) = @_;

	as_mallory(qq{
		CREATE TABLE mallory.$name (at timestamptz NOT NULL $columns);
		INSERT INTO mallory.$name SELECT timestamptz '2026-01-01Z' + n * interval '10 days' FROM generate_series(0, 9) n;
		SELECT cvwiz.add_retention_policy('mallory.$name', 'at');
		TRUNCATE mallory.traces;
	});
	return;
}

sub mallory_months
{
	my ($name, $columns) = @_;

	as_mallory(qq{
		CREATE TABLE mallory.$name (at timestamptz NOT NULL $columns) PARTITION BY RANGE (at);
		SELECT cvwiz.create_partition('mallory.$name', (date '2026-01-01' + n * interval '1 month')::date) FROM generate_series(0, 3) n;
		INSERT INTO mallory.$name SELECT timestamptz '2026-01-01Z' + n * interval '10 days' FROM generate_series(0, 9) n;
		SELECT cvwiz.add_retention_policy('mallory.$name');
		TRUNCATE mallory.traces;
	});
	return;
}

# name => what is planted; %s stands for the table
my %planted = (
	row_trigger => q{CREATE TRIGGER t BEFORE DELETE ON %s FOR EACH ROW EXECUTE FUNCTION mallory.attack_trigger('row_trigger')},
	after_trigger => q{CREATE TRIGGER t AFTER DELETE ON %s FOR EACH ROW EXECUTE FUNCTION mallory.attack_trigger('after_trigger')},
	statement_trigger => q{CREATE TRIGGER t BEFORE DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION mallory.attack_trigger('statement_trigger')},
	transition_trigger => q{CREATE TRIGGER t AFTER DELETE ON %s REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION mallory.attack_trigger('transition_trigger')},
	always_trigger => q{CREATE TRIGGER t AFTER DELETE ON %s FOR EACH ROW EXECUTE FUNCTION mallory.attack_trigger('always_trigger');
		ALTER TABLE %s ENABLE ALWAYS TRIGGER t},
	deferred_trigger => q{CREATE CONSTRAINT TRIGGER t AFTER DELETE ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mallory.attack_trigger('deferred_trigger')},
	rule_also => q{CREATE RULE r AS ON DELETE TO %s DO ALSO SELECT mallory.attack('rule_also')},
	rule_instead => q{CREATE RULE r AS ON DELETE TO %s DO INSTEAD SELECT mallory.attack('rule_instead')},
	index_expression => q{CREATE INDEX ON %s (mallory.attack_for(at, 'index_expression'), at)},
	index_constant => q{CREATE INDEX ON %s (mallory.attack_as('index_constant'))},
	index_predicate => q{CREATE INDEX ON %s (at) WHERE mallory.attack_as('index_predicate')},
	checked => q{ALTER TABLE %s ADD CONSTRAINT c CHECK (mallory.attack_as('checked'))},
	statistics => q{CREATE STATISTICS mallory.s ON (mallory.attack_for(at, 'statistics')), (mallory.attack_as('statistics')) FROM %s},
	forced_rls => q{ALTER TABLE %s ENABLE ROW LEVEL SECURITY; ALTER TABLE %s FORCE ROW LEVEL SECURITY;
		CREATE POLICY p ON %s USING (mallory.attack('forced_rls'))},
	rls => q{ALTER TABLE %s ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON %s USING (mallory.attack('rls'))},
	path => q{ALTER TABLE %s SET SCHEMA mallory;
		CREATE TRIGGER t BEFORE DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION mallory.attack_trigger('path')});
for my $name (sort keys %planted)
{
	mallory_table($name, '');
	as_mallory($planted{$name} =~ s/%s/mallory.$name/gr);
}

# name => what further columns and then what is planted
my %planted_in_months = (
	months_default => [ q{, x boolean NOT NULL DEFAULT mallory.attack('months_default')}, '' ],
	months_generated => [ q{, x boolean GENERATED ALWAYS AS (mallory.attack_for(at, 'months_generated')) STORED}, '' ],
	months_checked => [ q{, CHECK (mallory.attack_as('months_checked')), CHECK (mallory.attack_for(at, 'months_checked'))}, '' ],
	months_index => [ '', q{CREATE INDEX ON %s (at) WHERE mallory.attack_as('months_index');
		CREATE INDEX ON %s (mallory.attack_as('months_index'), mallory.attack_for(at, 'months_index'))} ],
	months_trigger => [ '', q{CREATE TRIGGER t AFTER INSERT OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION mallory.attack_trigger('months_trigger')} ],
	months_rls => [ '', q{ALTER TABLE %s ENABLE ROW LEVEL SECURITY; ALTER TABLE %s FORCE ROW LEVEL SECURITY;
		CREATE POLICY p ON %s USING (mallory.attack('months_rls'))} ],
	months_statistics => [ '', q{CREATE STATISTICS mallory.m ON (mallory.attack_for(at, 'months_statistics')), at FROM %s} ]);
for my $name (sort keys %planted_in_months)
{
	my ($columns, $sql) = @{ $planted_in_months{$name} };

	mallory_months($name, $columns);
	as_mallory($sql =~ s/%s/mallory.$name/gr);
}

# Names that are statements.
as_mallory(q{
	CREATE TABLE mallory."x; ALTER ROLE mallory SUPERUSER; --" ("at""; ALTER ROLE mallory SUPERUSER; --" timestamptz NOT NULL)
	PARTITION BY RANGE ("at""; ALTER ROLE mallory SUPERUSER; --");
	SELECT cvwiz.create_partition('mallory."x; ALTER ROLE mallory SUPERUSER; --"', (date '2026-01-01' + n * interval '1 month')::date)
	FROM generate_series(0, 3) n;
	INSERT INTO mallory."x; ALTER ROLE mallory SUPERUSER; --"
	SELECT timestamptz '2026-01-01Z' + n * interval '10 days' FROM generate_series(0, 9) n;
	SELECT cvwiz.add_retention_policy('mallory."x; ALTER ROLE mallory SUPERUSER; --"');
});

# An honest table, which comes after all of mallory's.
create_table($node, 'postgres', 'honest', from => '2026-01-01', rows => 3000, policy => '2026-05-10 12:00');

# ---- after each of the ways to run ----

sub nothing_gained
{
	my ($what, $others) = @_;

	is( $node->safe_psql('postgres', "SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"),
		'f', "$what: mallory is no superuser");
	is( $node->safe_psql('postgres', "SELECT count(*) FROM pg_auth_members WHERE member = 'mallory'::regrole"),
		0, "$what: ... nor member of any role");
	is( $node->safe_psql('postgres', 'SELECT string_agg(DISTINCT content, chr(32)) FROM victim.secrets'),
		'', "$what: nothing was written with more rights");
	is( $node->safe_psql('postgres', q{SELECT string_agg(DISTINCT what || ' as ' || who, ', ') FROM mallory.traces WHERE powerful OR who <> 'mallory'}),
		'', "$what: no code of mallory's ran as anybody else");
	ok(!-e $loot, "$what: no program was run");
	is( $node->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.detached_partition WHERE parent::text ~ $$mallory.row$$'),
		0, "$what: the extension's tables are as they were");
	is( $node->safe_psql('postgres', 'SELECT count(*) FROM cvwiz.retention_policy'),
		($others || 2) + keys(%planted) + keys(%planted_in_months), "$what: ... and the policies");

	# Later checks are to be of later attacks.
	$node->safe_psql('postgres', q{
		ALTER ROLE mallory NOSUPERUSER;
		SET client_min_messages = error;
		REVOKE pg_execute_server_program FROM mallory;
		TRUNCATE victim.secrets});
	unlink $loot;
	return;
}

sub traces
{
	return $node->safe_psql('postgres',
		"SELECT string_agg(DISTINCT what, ' ' ORDER BY what) FROM mallory.traces; TRUNCATE mallory.traces");
}

# A superuser who read these tables would run what is planted there.
sub expired_left
{
	my ($table) = @_;

	return as_mallory("SELECT count(*) FROM $table WHERE at OPERATOR(pg_catalog.<) '2026-02-10 03:00Z'");
}

nothing_gained('setup');

# What a superuser looks at, and what the worker runs.
$node->safe_psql('postgres', qq{
	SET client_min_messages = error;
	SELECT * FROM cvwiz.$_}) for qw(health() retention_plan() log_statistics() retention_policies retention_runs);
nothing_gained('what a superuser looks at');
traces();

set_clock($node, '2026-05-11 03:00');
worker_looked($node, 'postgres');
nothing_gained('worker');
my $traces = traces();
note("ran as mallory: $traces");
like($traces, qr/\b$_\b/, "worker: the attack of $_ did happen")
  for qw(row_trigger after_trigger statement_trigger transition_trigger always_trigger
	index_constant index_predicate statistics months_trigger months_index);

is(run_of($node, 'postgres', 'honest', 'success, residue'), 't|0', 'the honest table is purged');
is( $node->safe_psql('postgres', q{
		SELECT count(DISTINCT relation) FROM cvwiz.retention_runs
		WHERE origin = 'worker' AND finished_at IS NOT NULL AND relation_name !~ 'look'}),
	2 + keys(%planted) + keys(%planted_in_months), 'every table has its run');
is(expired_left("mallory.$_"), 0, "$_ is purged")
  for qw(row_trigger after_trigger statement_trigger index_expression index_constant index_predicate
	checked rls statistics months_default months_generated months_checked months_index months_trigger months_statistics);
is( as_mallory(q{SELECT count(*) FROM mallory."x; ALTER ROLE mallory SUPERUSER; --"}), 5,
	'a table with a hostile name is purged');
for my $name (qw(forced_rls months_rls rule_instead rule_also deferred_trigger))
{
	is( $node->safe_psql('postgres',
			"SELECT success FROM cvwiz.retention_runs WHERE relation_name = 'mallory.$name' ORDER BY run_id LIMIT 1"),
		'f', "$name keeps its expired rows, and that is no success");
}

# The same by hand, by a superuser.
$node->safe_psql('postgres', q{
	INSERT INTO honest SELECT n, '2026-01-01Z', 'again' FROM generate_series(1, 10) n;
	ALTER TABLE honest OWNER TO mallory});

sub old_rows_again
{
	as_mallory(join('', map { "INSERT INTO mallory.$_ SELECT '2026-01-01Z' FROM generate_series(1, 3) n;\n" }
		  qw(row_trigger after_trigger statement_trigger deferred_trigger index_constant)) . 'TRUNCATE mallory.traces');
	return;
}
old_rows_again();
set_clock($node, '2026-05-11 20:00');
$node->psql('postgres', 'CALL cvwiz.run_retention()');
nothing_gained('CALL by a superuser');
like(traces(), qr/after_trigger.*row_trigger/, 'CALL by a superuser: the attack did happen');
is($node->safe_psql('postgres', "SELECT count(*) FROM honest WHERE at < '2026-02-10Z'"), 0,
	'a table that has changed its owner is purged');

old_rows_again();
$node->psql('postgres', 'SELECT * FROM cvwiz.cleanup_old_logs()');
nothing_gained('cleanup_old_logs() by a superuser');
like(traces(), qr/statement_trigger/, 'cleanup_old_logs() by a superuser: the attack did happen');

# After them, the superuser's session is as it was.
is( $node->safe_psql('postgres', q{
		SET client_min_messages = error;
		SELECT count(*) > 0 FROM cvwiz.cleanup_old_logs();
		SELECT current_user = session_user, current_setting('search_path'), current_setting('row_security'),
			current_setting('lock_timeout'), to_regclass('pg_temp.pg_extension') IS NULL, (SELECT count(*) FROM pg_cursors)}),
	"t\nt|\"\$user\", public|on|0|t|0", 'cleanup_old_logs() leaves a session as it was');

# ---- the wrong rows, tables, policies ----

my ($result, $stdout, $stderr) = $node->psql('postgres', q{
	CREATE DOMAIN trap AS timestamptz CHECK (mallory.attack('domain'));
	CREATE TABLE trapped (at trap NOT NULL);
	SELECT cvwiz.add_retention_policy('trapped', 'at')}, extra_params => [ '-U', 'mallory' ]);
like($stderr, qr/ERROR:.*type/, 'a domain is refused as a time column');

($result, $stdout, $stderr) = $node->psql('postgres',
	"SELECT cvwiz.add_retention_policy('victim.secrets', 'content')", extra_params => [ '-U', 'mallory' ]);
like($stderr, qr/must be owner of table "secrets"|permission denied/, 'a table of somebody else\'s is refused');

is( as_mallory('SELECT count(*) FROM cvwiz.cleanup_old_logs()'),
	$node->safe_psql('postgres', q{SELECT count(*) FROM cvwiz.retention_policies p JOIN pg_class c ON c.oid = p.relation WHERE c.relowner = 'mallory'::regrole}),
	'an owner runs the owner\'s own tables only');
nothing_gained('cleanup_old_logs() by mallory');

# A new owner who has no rights on the schema stops that table alone.
$node->safe_psql('postgres', q{
	CREATE ROLE nobody NOLOGIN;
	CREATE SCHEMA closed;
	CREATE TABLE closed.logs (at timestamptz NOT NULL);
	INSERT INTO closed.logs SELECT timestamptz '2026-01-01Z' + n * interval '10 days' FROM generate_series(0, 9) n;
	SET client_min_messages = warning;
	SELECT cvwiz.add_retention_policy('closed.logs', 'at');
	ALTER TABLE closed.logs OWNER TO nobody});
set_clock($node, '2026-05-12 03:00');
worker_looked($node, 'postgres');
like( $node->safe_psql('postgres', "SELECT success || ' ' || error FROM cvwiz.retention_runs WHERE relation_name = 'closed.logs'"),
	qr/^false .*permission denied for schema closed/, 'an owner without rights on the schema: recorded');
is(run_of($node, 'postgres', 'honest', 'success'), 't', '... and the others go on');
$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA closed TO nobody');
set_clock($node, '2026-05-12 03:05');
worker_looked($node, 'postgres');
is( $node->safe_psql('postgres', "SELECT success FROM cvwiz.retention_runs WHERE relation_name = 'closed.logs' ORDER BY run_id DESC LIMIT 1"),
	't', 'an owner without LOGIN is no obstacle');

# ---- a partition of somebody else's ----

# A superuser's table that has a partition of mallory's.
$node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CREATE TABLE trusting (at timestamptz NOT NULL) PARTITION BY RANGE (at);
	SELECT cvwiz.create_partition('trusting', (date '2026-01-01' + n * interval '1 month')::date) FROM generate_series(0, 3) n;
	INSERT INTO trusting SELECT timestamptz '2026-01-01Z' + n * interval '10 days' FROM generate_series(0, 9) n;
	ALTER TABLE trusting_2026_02 OWNER TO mallory;
	ALTER TABLE trusting_2026_01 OWNER TO mallory;
	SELECT cvwiz.add_retention_policy('trusting');
});
as_mallory(q{
	CREATE TRIGGER t BEFORE DELETE ON public.trusting_2026_02 FOR EACH ROW EXECUTE FUNCTION mallory.attack_trigger('partition_trigger');
	CREATE INDEX ON public.trusting_2026_02 (mallory.attack_as('partition_index'));
	CREATE INDEX ON public.trusting_2026_01 (at) WHERE mallory.attack_as('partition_index');
	ALTER TABLE public.trusting_2026_01 ADD CHECK (mallory.attack_as('partition_check'));
	ALTER TABLE public.trusting_2026_02 ADD CHECK (mallory.attack_for(at, 'partition_check'));
	TRUNCATE mallory.traces;
});

$node->safe_psql('postgres', "SET client_min_messages = error; SELECT * FROM cvwiz.$_")
  for qw(health() retention_plan() log_statistics());
nothing_gained('partition of another owner, looked at', 4);
set_clock($node, '2026-05-13 03:00');
worker_looked($node, 'postgres');
nothing_gained('partition of another owner, worker', 4);
$node->psql('postgres', 'SELECT * FROM cvwiz.cleanup_old_logs()');
nothing_gained('partition of another owner, cleanup_old_logs()', 4);
is(run_of($node, 'postgres', 'honest', 'success'), 't', 'the other tables go on');

is(log_count($node, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed');
$node->stop;

done_testing();
