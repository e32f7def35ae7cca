-- A table's owner gains nothing from runs that others make: a superuser runs the
-- policies of tables whose owner has prepared everything that runs code.
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
CREATE EXTENSION cvwiz;
SET cvwiz.now = '2026-08-31 12:00';
CREATE ROLE regress_cvwiz_mallory;
CREATE ROLE regress_cvwiz_alice;
CREATE SCHEMA app AUTHORIZATION regress_cvwiz_alice;
CREATE SCHEMA evil AUTHORIZATION regress_cvwiz_mallory;
GRANT USAGE ON SCHEMA app TO PUBLIC;
-- as they were before PostgreSQL 15
GRANT CREATE ON SCHEMA public TO PUBLIC;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA cvwiz TO PUBLIC;

-- ---- an honest trigger works, as its owner ----

SET ROLE regress_cvwiz_alice;
CREATE TABLE app.archive (who name, login name, path text, id int);
CREATE TABLE app.logs (id int, t timestamptz NOT NULL);
CREATE TABLE app.months (id int, t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE app.months_past PARTITION OF app.months FOR VALUES FROM (MINVALUE) TO ('2026-09-01');
CREATE FUNCTION app.keep_copy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO app.archive VALUES (current_user, session_user, current_setting('search_path'), old.id);
	RETURN old;
END $$;
CREATE TRIGGER keep_copy BEFORE DELETE ON app.logs FOR EACH ROW EXECUTE FUNCTION app.keep_copy();
CREATE TRIGGER keep_copy AFTER DELETE ON app.months FOR EACH ROW EXECUTE FUNCTION app.keep_copy();
INSERT INTO app.logs VALUES (1, '2026-01-01'), (2, '2026-08-01');
INSERT INTO app.months VALUES (3, '2026-01-01'), (4, '2026-08-01');
RESET ROLE;
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy('app.logs', 't'), cvwiz.add_retention_policy('app.months');
RESET client_min_messages;
SET search_path = public, evil;
SELECT relation, success, deleted_count, residue, error FROM cvwiz.cleanup_old_logs();
SET client_min_messages = warning;
CALL cvwiz.run_retention();
RESET client_min_messages;
SELECT who, login = session_user AS same_session, path, id FROM app.archive ORDER BY id;
-- the caller is as before
SELECT current_user = session_user AS nobody_else, current_setting('search_path') AS path;
RESET search_path;
-- what she makes by it is hers
SELECT relname, relowner::regrole FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relispartition ORDER BY 1;
DROP TABLE app.logs, app.months;

-- ---- the attacks ----

SET ROLE regress_cvwiz_mallory;
-- Tries everything, says what has come of it, and lets the statement go on.
CREATE TABLE evil.loot (attack text, outcome text, who name);
CREATE TABLE evil.armed AS SELECT false AS armed;
CREATE FUNCTION evil.attack(way text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	attempt text;
	outcome text;
BEGIN
	IF NOT (SELECT armed FROM evil.armed) THEN
		RETURN;
	END IF;
	INSERT INTO evil.loot VALUES (way, 'tried', current_user);
	FOREACH attempt IN ARRAY ARRAY[
		'ALTER ROLE regress_cvwiz_mallory SUPERUSER',
		'CREATE ROLE regress_cvwiz_eve SUPERUSER',
		'GRANT pg_execute_server_program TO regress_cvwiz_mallory',
		'UPDATE pg_catalog.pg_authid SET rolsuper = true WHERE rolname = ''regress_cvwiz_mallory''',
		'SET ROLE NONE',
		'RESET ROLE',
		'SET ROLE regress_cvwiz_alice',
		'SET SESSION AUTHORIZATION DEFAULT',
		'RESET SESSION AUTHORIZATION',
		'SELECT set_config(''role'', ''none'', false)',
		'SELECT set_config(''session_authorization'', ''regress_cvwiz_alice'', false)',
		'CREATE TEMP TABLE trap (id int)',
		'DECLARE trap CURSOR WITH HOLD FOR SELECT 1',
		'LISTEN trap',
		'PREPARE trap AS SELECT 1',
		'CREATE EVENT TRIGGER trap ON ddl_command_end EXECUTE FUNCTION cvwiz.follow_altered()',
		'SET session_replication_role = replica',
		'SET cvwiz.now = ''2030-01-01''',
		'UPDATE cvwiz.retention_policy SET retention_days = 30',
		'DELETE FROM cvwiz.retention_run',
		'INSERT INTO cvwiz.detached_partition VALUES (''app.archive'', ''evil.logs'', ''-infinity'', ''-infinity'', now())',
		'DROP TABLE app.archive',
		'DELETE FROM app.archive',
		'SELECT cvwiz.remove_retention_policy(''app.innocent'')',
		'SELECT cvwiz.alter_retention_policy(''app.innocent'', 30)',
		'COPY evil.loot TO PROGRAM ''true'''
	] LOOP
		BEGIN
			EXECUTE attempt;
			outcome := 'done';
		EXCEPTION WHEN OTHERS THEN
			outcome := sqlstate;
		END;
		INSERT INTO evil.loot VALUES (attempt, outcome, current_user);
	END LOOP;
END $$;
CREATE FUNCTION evil.trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM evil.attack('trigger ' || tg_name);
	RETURN CASE tg_op WHEN 'DELETE' THEN old ELSE new END;
END $$;
CREATE FUNCTION evil.immutable(value anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	PERFORM evil.attack('expression');
	RETURN value;
END $$;
CREATE FUNCTION evil.is_mine() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM evil.attack('policy');
	RETURN true;
END $$;
CREATE TABLE evil.logs (id int, t timestamptz NOT NULL);
INSERT INTO evil.logs VALUES (1, '2026-01-01');
CREATE TRIGGER attack BEFORE DELETE ON evil.logs FOR EACH ROW EXECUTE FUNCTION evil.trigger();
RESET ROLE;
CREATE TABLE app.innocent (t timestamptz NOT NULL);
INSERT INTO app.innocent VALUES ('2026-07-15');
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy('evil.logs', 't'), cvwiz.add_retention_policy('app.innocent', 't');
RESET client_min_messages;

UPDATE evil.armed SET armed = true;
SELECT relation, success, deleted_count, residue, error FROM cvwiz.cleanup_old_logs('evil.logs');
SELECT * FROM evil.loot;
SELECT rolname, rolsuper FROM pg_roles WHERE rolname LIKE 'regress_cvwiz%' ORDER BY 1;
SELECT current_user = session_user AS nobody_else, current_setting('session_replication_role') AS replication_role, current_setting('cvwiz.now') AS now;
SELECT count(*) FROM pg_prepared_statements WHERE name = 'trap';
SELECT count(*) FROM pg_cursors WHERE name = 'trap';
SELECT count(*) FROM app.archive;
DEALLOCATE ALL;
-- nor in the procedure, transaction by transaction
TRUNCATE evil.loot;
INSERT INTO evil.logs VALUES (1, '2026-01-01');
SET client_min_messages = warning;
CALL cvwiz.run_retention();
RESET client_min_messages;
SELECT count(DISTINCT attack) AS attempts, count(*) FILTER (WHERE who <> 'regress_cvwiz_mallory' OR outcome = 'done') AS gained FROM evil.loot;
SELECT rolname, rolsuper FROM pg_roles WHERE rolname LIKE 'regress_cvwiz%' ORDER BY 1;
DEALLOCATE ALL;

-- ---- everywhere else that code of hers runs ----

-- the ways in that were tried, and what was gained
CREATE VIEW public.loot AS
SELECT string_agg(DISTINCT attack, ', ') FILTER (WHERE outcome = 'tried') AS tried, count(*) FILTER (WHERE who <> 'regress_cvwiz_mallory' OR outcome = 'done') AS gained FROM evil.loot;
UPDATE evil.armed SET armed = false;
-- an index expression, a predicate, a check, a default, a generated column: when a partition is made, and rows are read
SET ROLE regress_cvwiz_mallory;
DROP TABLE evil.logs;
CREATE TABLE evil.logs (id int DEFAULT length(evil.immutable('x'::text)), t timestamptz NOT NULL,
	g int GENERATED ALWAYS AS (evil.immutable(1)) STORED,
	CHECK (evil.immutable(true))) PARTITION BY RANGE (t);
CREATE INDEX ON evil.logs (evil.immutable(id)) WHERE evil.immutable(true);
CREATE TABLE evil.past PARTITION OF evil.logs FOR VALUES FROM ('2026-06-01') TO ('2026-07-01');
INSERT INTO evil.logs (id, t) VALUES (1, '2026-06-01');
INSERT INTO evil.logs (id, t) VALUES (1, '2026-06-20');
CREATE TABLE evil.default PARTITION OF evil.logs DEFAULT;
INSERT INTO evil.logs (id, t) VALUES (1, '2026-01-01');
TRUNCATE evil.loot;
RESET ROLE;
UPDATE evil.armed SET armed = true;
SELECT cvwiz.add_retention_policy('evil.logs');
SELECT success, deleted_count, partitions_created, residue, error FROM cvwiz.cleanup_old_logs('evil.logs');
SELECT count(*) > 0 FROM cvwiz.log_statistics('evil.logs');
SELECT count(*) > 0 FROM cvwiz.retention_plan('evil.logs');
SELECT count(*) > 0 FROM cvwiz.health();
SELECT cvwiz.create_partition('evil.logs', '2027-05-01');
UPDATE evil.armed SET armed = false;
TABLE public.loot;
-- row-level security: not passed by, not run as another
SET ROLE regress_cvwiz_mallory;
CREATE POLICY mine ON evil.logs USING (evil.is_mine());
ALTER TABLE evil.logs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
INSERT INTO evil.logs (id, t) VALUES (1, '2026-06-01');
TRUNCATE evil.loot;
RESET ROLE;
UPDATE evil.armed SET armed = true;
SELECT success, deleted_count, residue, error FROM cvwiz.cleanup_old_logs('evil.logs');
SELECT count(*) > 0 FROM cvwiz.health();
UPDATE evil.armed SET armed = false;
TABLE public.loot;
-- deferred constraint triggers, which would run once the run is over
SET ROLE regress_cvwiz_mallory;
ALTER TABLE evil.logs DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
DROP TABLE evil.default;
INSERT INTO evil.logs (id, t) VALUES (1, '2026-06-01');
CREATE CONSTRAINT TRIGGER late AFTER DELETE ON evil.logs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil.trigger();
TRUNCATE evil.loot;
RESET ROLE;
UPDATE evil.armed SET armed = true;
SELECT success, deleted_count, residue, error FROM cvwiz.cleanup_old_logs('evil.logs');
SET client_min_messages = warning;
CALL cvwiz.run_retention('evil.logs');
RESET client_min_messages;
UPDATE evil.armed SET armed = false;
TABLE public.loot;
-- statement triggers
SET ROLE regress_cvwiz_mallory;
DROP TRIGGER late ON evil.logs;
CREATE TRIGGER statement BEFORE DELETE ON evil.past FOR EACH STATEMENT EXECUTE FUNCTION evil.trigger();
TRUNCATE evil.loot;
RESET ROLE;
UPDATE evil.armed SET armed = true;
SELECT success, deleted_count, residue, error FROM cvwiz.cleanup_old_logs('evil.logs');
UPDATE evil.armed SET armed = false;
TABLE public.loot;
DEALLOCATE ALL;

-- ---- operators and functions of hers, found by an unqualified name ----

SET ROLE regress_cvwiz_mallory;
TRUNCATE evil.loot;
CREATE FUNCTION public.less(timestamptz, timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack('found by name'); RETURN true; END $$;
CREATE OPERATOR public.< (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = public.less);
CREATE OPERATOR public.>= (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = public.less);
CREATE FUNCTION public.count() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack('found by name'); RETURN 0; END $$;
CREATE FUNCTION public.max(timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack('found by name'); RETURN $1; END $$;
CREATE FUNCTION public.round(numeric, int) RETURNS numeric LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack('found by name'); RETURN 0; END $$;
CREATE FUNCTION public.format(text, VARIADIC text[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack('found by name'); RETURN ''; END $$;
CREATE TABLE public.pg_class (oid oid);
INSERT INTO evil.logs (id, t) VALUES (1, '2026-06-01'), (1, '2026-06-25');
RESET ROLE;
TRUNCATE evil.loot;
UPDATE evil.armed SET armed = true;
ALTER TABLE evil.past DISABLE TRIGGER ALL;
DROP INDEX evil.logs_immutable_idx;
ALTER TABLE evil.logs DROP CONSTRAINT logs_check;
SET search_path = public, pg_catalog, evil;
SELECT success, deleted_count, partitions_created, residue, error FROM cvwiz.cleanup_old_logs('evil.logs');
SET client_min_messages = warning;
CALL cvwiz.run_retention();
RESET client_min_messages;
SELECT relation, total_logs, logs_eligible_for_cleanup FROM cvwiz.log_statistics('evil.logs');
SELECT action, target FROM cvwiz.retention_plan('evil.logs');
SELECT status FROM cvwiz.health() WHERE check_name = 'residue';
SELECT partition FROM cvwiz.partition_ranges('evil.logs') WHERE is_default;
SELECT cvwiz.create_partition('evil.logs', '2027-07-01') IS NOT NULL AS created;
RESET search_path;
UPDATE evil.armed SET armed = false;
TABLE public.loot;
SET client_min_messages = warning;
DROP TABLE public.pg_class;
DROP FUNCTION public.less(timestamptz, timestamptz), public.count(), public.max(timestamptz), public.round(numeric, int), public.format(text, text[]) CASCADE;
RESET client_min_messages;

-- ---- a partition of somebody else's in her table ----

-- its code would run with her rights, or hers with another's
CREATE TABLE evil.foreign_partition (LIKE evil.logs INCLUDING ALL);
ALTER TABLE evil.logs ATTACH PARTITION evil.foreign_partition FOR VALUES FROM ('2026-02-01') TO ('2026-06-01');
ALTER TABLE evil.foreign_partition OWNER TO regress_cvwiz_alice;
SET cvwiz.now = '2026-07-01';
SELECT success, residue, error FROM cvwiz.cleanup_old_logs('evil.logs');
SELECT error_detail FROM cvwiz.retention_runs ORDER BY run_id DESC LIMIT 1;
SELECT total_logs FROM cvwiz.log_statistics('evil.logs');
\echo :SQLSTATE
SET cvwiz.now = '2026-08-31 12:00';

-- ---- an owner without rights on the schema ----

SET ROLE regress_cvwiz_alice;
CREATE TABLE app.months (t date NOT NULL) PARTITION BY RANGE (t);
RESET ROLE;
SELECT cvwiz.add_retention_policy('app.months', premake_months => 1);
ALTER SCHEMA app OWNER TO CURRENT_USER;
SELECT success, partitions_created, residue, error FROM cvwiz.cleanup_old_logs('app.months');

-- ---- the log and the policies of others ----

SET ROLE regress_cvwiz_alice;
SELECT DISTINCT relation_name FROM cvwiz.retention_runs ORDER BY 1;
RESET ROLE;
-- a cheap function does not see the rows that the view hides
GRANT CREATE ON SCHEMA app TO regress_cvwiz_alice;
SET ROLE regress_cvwiz_alice;
CREATE FUNCTION app.peek(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN IF $1 LIKE 'evil%' THEN RAISE NOTICE 'saw %', $1; END IF; RETURN true; END $$;
SELECT DISTINCT relation_name FROM cvwiz.retention_runs WHERE app.peek(relation_name) ORDER BY 1;
SELECT * FROM cvwiz.retention_run;
\echo :SQLSTATE
RESET ROLE;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
SET client_min_messages = warning;
DROP VIEW public.loot;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
DROP SCHEMA app CASCADE;
DROP SCHEMA evil CASCADE;
DROP ROLE regress_cvwiz_mallory, regress_cvwiz_alice;
