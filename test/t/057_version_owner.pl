# A table's owner plants code wherever a table with a version store can have
# some; none of it runs with more rights than the owner's, whoever does the
# housekeeping. And who may only INSERT needs no right on the store.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use CvwizTest;

my $node = start_server('main', now => '2026-05-10 12:00', conf => "cvwiz.alert_interval = '1d'\ncvwiz.lock_timeout = 500ms\n");

# ---- who attacks, and what ----

create_documents($node, 'postgres');
$node->safe_psql('postgres', q{
	CREATE ROLE mallory LOGIN;
	CREATE ROLE writer LOGIN;
	CREATE SCHEMA mallory AUTHORIZATION mallory;
	CREATE SCHEMA victim;
	GRANT USAGE ON SCHEMA victim TO mallory;
	CREATE TABLE victim.secrets (content text);
	-- mallory may write here, but for what the trigger refuses
	CREATE TABLE victim.guarded (content text);
	CREATE FUNCTION victim.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
	CREATE TRIGGER refuse BEFORE INSERT ON victim.guarded FOR EACH ROW EXECUTE FUNCTION victim.refuse();
	GRANT INSERT ON victim.guarded TO mallory;
	GRANT CREATE ON SCHEMA public TO mallory;
	GRANT USAGE ON SCHEMA cvwiz TO mallory;
	GRANT EXECUTE ON ALL ROUTINES IN SCHEMA cvwiz TO mallory});

sub as_role
{
	my ($role, $sql) = @_;

	return $node->safe_psql('postgres', "SET client_min_messages = warning;\n$sql", extra_params => [ '-U', $role ]);
}

# Whatever fails is swallowed; what runs leaves a trace of whom it ran as.
as_role('mallory', q{
CREATE TABLE mallory.traces (what text, who name, powerful boolean);

CREATE FUNCTION mallory.attack(what text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	command text;
BEGIN
	FOREACH command IN ARRAY ARRAY[
		'ALTER ROLE mallory SUPERUSER',
		'INSERT INTO victim.secrets VALUES (' || quote_literal(what) || ')',
		'INSERT INTO victim.guarded VALUES (' || quote_literal(what) || ')',
		'GRANT pg_execute_server_program TO mallory',
		'SET ROLE postgres', 'ALTER ROLE mallory SUPERUSER',
		'RESET ROLE', 'ALTER ROLE mallory SUPERUSER',
		'SET SESSION AUTHORIZATION postgres', 'ALTER ROLE mallory SUPERUSER',
		'CREATE TEMP TABLE snapshot_version (version_id bigint)',
		'INSERT INTO cvwiz.dead_version SELECT version_id FROM cvwiz.snapshot_version',
		'DELETE FROM cvwiz.snapshot_version',
		'UPDATE cvwiz.version_source SET relation = NULL',
		'SET session_replication_role = replica',
		'SET cvwiz.now = ''2199-01-01''',
		'SET search_path = mallory, pg_catalog']
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
END$$;
CREATE FUNCTION mallory.attack_for(document jsonb, what text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
$$BEGIN RETURN mallory.attack(what); END$$;
CREATE FUNCTION mallory.attack_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM mallory.attack(TG_ARGV[0]);
	RETURN CASE WHEN TG_LEVEL = 'ROW' THEN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END END;
END$$;
CREATE FUNCTION mallory.same(jsonb, text) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RETURN mallory.attack('operator'); END$$;
CREATE FUNCTION mallory.same(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RETURN mallory.attack('operator'); END$$;
CREATE OPERATOR mallory.? (FUNCTION = mallory.same, LEFTARG = jsonb, RIGHTARG = text);
CREATE OPERATOR mallory.= (FUNCTION = mallory.same, LEFTARG = bigint, RIGHTARG = bigint);
CREATE FUNCTION mallory.count() RETURNS bigint LANGUAGE plpgsql AS $$BEGIN PERFORM mallory.attack('function'); RETURN 0; END$$;
CREATE FUNCTION mallory.jsonb_cast(mallory.traces) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN PERFORM mallory.attack('cast'); RETURN '{}'; END$$;
ALTER ROLE mallory SET search_path = mallory, public, pg_catalog;

CREATE DOMAIN mallory.document AS jsonb CHECK (mallory.attack_for(VALUE, 'domain'));
CREATE TYPE mallory.pair AS (a int, b text);
CREATE FUNCTION mallory.difference(float8, float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS $$BEGIN PERFORM mallory.attack('range'); RETURN 1; END$$;
CREATE TYPE mallory.span AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = mallory.difference);
});

# name => type of the documents, of the chain, and what is planted; %s stands for the table
my %planted = (
	domain => [ 'mallory.document', 'int', '' ],
	composite => [ 'jsonb', 'mallory.pair', '' ],
	ranged => [ 'jsonb', 'mallory.span', '' ],
	checked => [ 'jsonb', 'int', q{ALTER TABLE %s ADD CONSTRAINT c CHECK (mallory.attack_for(snapshot, 'checked'))} ],
	indexed => [ 'jsonb', 'int', q{CREATE INDEX ON %s (mallory.attack_for(snapshot, 'indexed'))} ],
	partially_indexed => [ 'jsonb', 'int', q{CREATE INDEX ON %s (chain) WHERE mallory.attack_for(snapshot, 'partially_indexed')} ],
	generated => [ 'jsonb', 'int', q{ALTER TABLE %s ADD g boolean GENERATED ALWAYS AS (mallory.attack_for(snapshot, 'generated')) STORED} ],
	rls => [ 'jsonb', 'int', q{ALTER TABLE %s ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON %s USING (mallory.attack('rls'))} ],
	forced_rls => [ 'jsonb', 'int', q{ALTER TABLE %s ENABLE ROW LEVEL SECURITY; ALTER TABLE %s FORCE ROW LEVEL SECURITY; CREATE POLICY p ON %s USING (mallory.attack('forced_rls'))} ],
	row_trigger => [ 'jsonb', 'int', q{CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION mallory.attack_trigger('row_trigger')} ],
	always_trigger => [ 'jsonb', 'int', q{CREATE TRIGGER t AFTER UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION mallory.attack_trigger('always_trigger'); ALTER TABLE %s ENABLE ALWAYS TRIGGER t} ],
	deferred_trigger => [ 'jsonb', 'int', q{CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mallory.attack_trigger('deferred_trigger')} ],
	rule => [ 'jsonb', 'int', q{CREATE RULE r AS ON UPDATE TO %s DO ALSO SELECT mallory.attack('rule')} ],
	statistics => [ 'jsonb', 'int', q{CREATE STATISTICS mallory.s ON (mallory.attack_for(snapshot, 'statistics')), chain FROM %s} ]);
my %value = (int => 'n % 2', 'mallory.pair' => q{ROW(n % 2, 'x')::mallory.pair}, 'mallory.span' => q{mallory.span(0, n % 2, '[]')});
my $hostile = '"x; ALTER ROLE mallory SUPERUSER; --"';

for my $name (sort keys %planted)
{
	my ($type, $chain, $sql) = @{ $planted{$name} };

	as_role('mallory', qq{
		CREATE TABLE mallory.$name (id int PRIMARY KEY, chain $chain, snapshot $type);
		SELECT cvwiz.add_version_store('mallory.$name', 'snapshot', '{chain}');
		INSERT INTO mallory.$name SELECT n, $value{$chain}, resume(n % 2, n) FROM generate_series(1, 12) n;
		} . ($sql =~ s/%s/mallory.$name/gr));
}
as_role('mallory', qq~
	CREATE TABLE mallory.$hostile (id int PRIMARY KEY, $hostile jsonb, "a,b}""" int);
	SELECT cvwiz.add_version_store('mallory.$hostile', 'x; ALTER ROLE mallory SUPERUSER; --', ARRAY['a,b}"']);
	INSERT INTO mallory.$hostile SELECT n, resume(n % 2, n), n % 2 FROM generate_series(1, 12) n;
~);

# An honest table, which comes after all of mallory's.
create_store_table($node, 'postgres', 'zz');
write_versions($node, 'postgres', 'zz', chains => 2, versions => 6);

sub nothing_gained
{
	my ($what) = @_;

	is($node->safe_psql('postgres', "SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'"), 'f', "$what: mallory is no superuser");
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_auth_members WHERE member = 'mallory'::regrole"), 0, "$what: ... nor member of any role");
	is($node->safe_psql('postgres', 'SELECT string_agg(DISTINCT content, chr(32)) FROM victim.secrets'), '', "$what: nothing was written with more rights");
	is($node->safe_psql('postgres', 'SELECT string_agg(DISTINCT content, chr(32)) FROM victim.guarded'), '', "$what: ... nor past a trigger");
	is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT what || ' as ' || who, ', ') FROM mallory.traces WHERE powerful OR who <> 'mallory'}), '', "$what: no code of mallory's ran as anybody else");
	is(state_of_store($node, 'postgres', 'zz'), '12|0|0', "$what: the honest table's documents are there");
	return;
}

sub traces
{
	return $node->safe_psql('postgres', "SELECT string_agg(DISTINCT what, ' ' ORDER BY what) FROM mallory.traces; TRUNCATE mallory.traces, victim.secrets, victim.guarded");
}

# A superuser who reads these tables runs what is planted there; mallory sees to them.
sub delete_some
{
	my ($condition) = @_;

	as_role('mallory', join('', map { "DELETE FROM mallory.$_ WHERE id OPERATOR(pg_catalog.<=) $condition;\n" } sort(keys %planted), $hostile)
		. 'TRUNCATE mallory.traces');
	return;
}

# ---- the worker ----

# Wherever there is a store, it comes soon; and the next day again.
sub wait_for_worker
{
	my ($count) = @_;

	$node->poll_query_until('postgres', qq{SELECT count(*) = $count FROM cvwiz.version_repack WHERE origin = 'worker' AND finished_at IS NOT NULL})
	  or die 'the worker does not come';
	return;
}

wait_for_worker(1);
delete_some(4);
nothing_gained('setup');
traces();
set_clock($node, '2026-05-11 03:00');
wait_for_worker(2);
nothing_gained('worker');
is(traces(), '', '... none of it ran at all');
is($node->safe_psql('postgres', 'SELECT success, freed_versions FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1'), 't|' . 4 * (1 + keys %planted), '... and it has freed all');

# ---- CALL by a superuser ----

delete_some(6);
$node->psql('postgres', 'CALL cvwiz.repack_versions()');
nothing_gained('CALL by a superuser');
is($node->safe_psql('postgres', 'SELECT origin, failed, error FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1'),
	'call|1|query would be affected by row-level security policy for table "forced_rls"', '... the table whose rows it cannot see is a failure, the others are none');
traces();

# ---- verify_versions() by a superuser ----

$node->safe_psql('postgres', q{UPDATE cvwiz.snapshot_version SET checksum = checksum + 1
	WHERE version_id = (SELECT max(version_id) FROM cvwiz.snapshot_version v JOIN cvwiz.version_source s USING (source_id) WHERE s.relation = 'zz'::regclass)});
my ($result, $stdout, $stderr) = $node->psql('postgres', 'SELECT relation, problem FROM cvwiz.verify_versions()');
is($stdout, 'zz|Its content is not what was stored.', 'verify_versions() looks into all tables but those whose rows it cannot see');
like($stderr, qr/WARNING:  table "forced_rls" is left out: query would be affected by row-level security/, '... and says so');
($result, $stdout, $stderr) = $node->psql('postgres', q{SELECT * FROM cvwiz.verify_versions('mallory.forced_rls')});
like($stderr, qr/ERROR:  query would be affected by row-level security/, '... which asked for by itself is an error');
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; LOCK TABLE mallory.rls');
($result, $stdout, $stderr) = $node->psql('postgres', 'SELECT relation, problem FROM cvwiz.verify_versions()');
is($stdout, 'zz|Its content is not what was stored.', 'a table that is locked is left out');
like($stderr, qr/WARNING:  table "rls" is left out: canceling statement due to lock timeout/, '... too');
$session->query_safe('COMMIT');
$session->quit;
$node->safe_psql('postgres', q{UPDATE cvwiz.snapshot_version SET checksum = checksum - 1
	WHERE version_id = (SELECT max(version_id) FROM cvwiz.snapshot_version v JOIN cvwiz.version_source s USING (source_id) WHERE s.relation = 'zz'::regclass)});
$node->safe_psql('postgres', 'SET client_min_messages = error; SELECT * FROM cvwiz.version_stats(); SELECT * FROM cvwiz.version_stores');
nothing_gained('what a superuser looks at');
traces();

# After that, the superuser's session is as it was.
is($node->safe_psql('postgres', q{
		SET client_min_messages = error;
		SELECT count(*) FROM cvwiz.verify_versions();
		SELECT current_user = session_user, current_setting('search_path'), current_setting('row_security'), current_setting('session_replication_role')}),
	qq{0\nt|"\$user", public|on|origin}, 'a session is as it was');

# ---- taking stores away, and adding them ----

# By mallory, who would profit from triggers that do not fire; by a superuser the others.
my %ran;
for my $name (sort keys %planted)
{
	my $call = "SELECT cvwiz.remove_version_store('mallory.$name', 'snapshot')";

	if ($name eq 'forced_rls')
	{
		my ($failed, $nothing, $error) = $node->psql('postgres', $call);
		like($error, qr/query would be affected by row-level security/, 'remove_version_store() does not leave out rows that it cannot see');
		next;
	}
	$name lt 'i' ? as_role('mallory', $call) : $node->safe_psql('postgres', $call);
	nothing_gained("remove_version_store() of $name");
	$ran{$_} = 1 for split(/ /, traces());
	is(as_role('mallory', "SELECT pg_catalog.sum((snapshot OPERATOR(pg_catalog.->>) 'n')::int) FROM mallory.$name"), 57, '... the documents are back');
	traces();
}
is(join(' ', sort keys %ran), 'always_trigger checked domain generated indexed partially_indexed', 'the attacks did happen, but for triggers and rules that are not always enabled');
as_role('mallory', join(";\n", map { "ALTER TABLE mallory.$_ ADD x int" } grep { $_ ne 'forced_rls' } sort keys %planted));
for my $name (grep { $_ ne 'forced_rls' } sort keys %planted)
{
	$node->safe_psql('postgres', "SELECT cvwiz.add_version_store('mallory.$name', 'snapshot', '{chain}', 'nothing')");
}
nothing_gained('add_version_store() by a superuser');
is(traces(), '', '... which runs nothing');
is($node->safe_psql('postgres', q{SELECT tgenabled, count(*) FROM pg_trigger WHERE tgname = 't' GROUP BY 1 ORDER BY 1}), "A|1\nO|2", 'the triggers are enabled as they were');
is($node->safe_psql('postgres', q{SELECT ev_enabled FROM pg_rewrite WHERE rulename = 'r'}), 'O', '... and the rule');

# ---- a superuser's INSERT: as usual ----

$node->safe_psql('postgres', q{INSERT INTO mallory.composite VALUES (100, ROW(1, 'x'), resume(1, 100)); INSERT INTO mallory.ranged VALUES (100, mallory.span(1, 2), resume(1, 100))});
nothing_gained("a superuser's INSERT into a table without triggers of its own");

# ---- a partition of somebody else's ----

$node->safe_psql('postgres', q{
	CREATE TABLE trusting (id int, chain int, snapshot jsonb) PARTITION BY RANGE (id);
	CREATE TABLE trusting_1 PARTITION OF trusting FOR VALUES FROM (0) TO (100);
	SELECT cvwiz.add_version_store('trusting', 'snapshot', '{chain}');
	INSERT INTO trusting SELECT n, n % 2, resume(n % 2, n) FROM generate_series(1, 10) n;
	ALTER TABLE trusting_1 OWNER TO mallory});
as_role('mallory', q{ALTER TABLE public.trusting_1 ADD CHECK (mallory.attack_for(snapshot, 'partition'))});
traces();
$node->psql('postgres', $_) for 'CALL cvwiz.repack_versions()', 'SELECT * FROM cvwiz.verify_versions()';
($result, $stdout, $stderr) = $node->psql('postgres', $_) and like($stderr, qr/partition "trusting_1" belongs to role "mallory"/, "$_ is refused")
  for q{CALL cvwiz.repack_versions('trusting')}, q{SELECT cvwiz.verify_versions('trusting')}, q{SELECT cvwiz.remove_version_store('trusting', 'snapshot')};
nothing_gained('a partition of another owner');

# ---- who may only INSERT ----

$node->safe_psql('postgres', q{
	CREATE TABLE inbox (chain int, snapshot jsonb, n int UNIQUE);
	SELECT cvwiz.add_version_store('inbox', 'snapshot', '{chain}');
	GRANT INSERT ON inbox TO writer});
as_role('writer', 'INSERT INTO inbox SELECT 1, resume(1, n), n FROM generate_series(1, 5) n; INSERT INTO inbox SELECT 1, resume(1, 6), 1 ON CONFLICT DO NOTHING');
is($node->safe_psql('postgres', 'SELECT count(*), count(cvwiz.version(snapshot)) FROM inbox'), '5|5', 'who may only INSERT stores documents');
for my $statement ('SELECT * FROM inbox', 'TABLE cvwiz.snapshot_version', 'TABLE cvwiz.dead_version', 'TABLE cvwiz.version_source', 'TRUNCATE inbox',
	q{SELECT nextval('cvwiz.snapshot_version_id')}, 'DELETE FROM cvwiz.snapshot_version', 'CALL cvwiz.repack_versions()', 'SELECT cvwiz.verify_versions()',
	q{SELECT cvwiz.add_version_store('inbox', 'snapshot', '{chain}')}, q{SELECT cvwiz.remove_version_store('inbox', 'snapshot')})
{
	($result, $stdout, $stderr) = $node->psql('postgres', $statement, extra_params => [ '-U', 'writer' ]);
	like($stderr, qr/ERROR:  permission denied/, "... but may not: $statement");
}
for my $statement ('DROP TABLE inbox', 'TRUNCATE inbox', q{SELECT cvwiz.add_version_store('inbox', 'snapshot', '{chain}')},
	q{SELECT cvwiz.remove_version_store('inbox', 'snapshot')}, q{CALL cvwiz.repack_versions('inbox')}, q{SELECT cvwiz.verify_versions('inbox')}, q{SELECT cvwiz.version_stats('inbox')})
{
	($result, $stdout, $stderr) = $node->psql('postgres', $statement, extra_params => [ '-U', 'mallory' ]);
	like($stderr, qr/ERROR:  (must be owner of table|permission denied for table)/, "nor may mallory, with all of cvwiz's functions: $statement");
}

# A stub of a document that mallory may not read, with another key.
my $stub = $node->safe_psql('postgres', q{SELECT snapshot FROM inbox LIMIT 1});
my $forged = $stub =~ s/("key": ")(.)/$1 . ($2 eq 'a' ? 'b' : 'a')/er;
for my $role ('mallory', 'writer')
{
	$node->safe_psql('postgres', 'GRANT USAGE ON SCHEMA cvwiz TO writer');
	($result, $stdout, $stderr) = $node->psql('postgres', "SELECT cvwiz.version('$forged')", extra_params => [ '-U', $role ]);
	like($stderr, qr/ERROR:  the stub's key is not that of version/, "$role cannot read a document by its number");
}
# It is a document like any other, for whom a version of its own is stored.
as_role('writer', "INSERT INTO inbox VALUES (2, '$forged')");
is($node->safe_psql('postgres', 'SELECT cvwiz.version(snapshot) = $$' . $forged . '$$ FROM inbox WHERE chain = 2'), 't', 'a forged stub that is stored stays what it is');

is(log_count($node, qr/(PANIC:|TRAP:|terminated by signal)/), 0, 'nothing crashed');
$node->stop;

done_testing();
