-- Policies: adding, altering, removing them; what they follow; every error.
\pset format unaligned
\pset footer off
\pset null -
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
CREATE EXTENSION cvwiz;
SET cvwiz.now = '2026-08-31 12:00';
CREATE ROLE regress_cvwiz_owner;
CREATE ROLE regress_cvwiz_member IN ROLE regress_cvwiz_owner;
CREATE ROLE regress_cvwiz_other;
CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO PUBLIC;
SET search_path = app;

-- The error of a statement, with its SQLSTATE.
CREATE FUNCTION app.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', sqlstate || ': ' || sqlerrm, '  detail: ' || nullif(detail, ''), '  hint: ' || nullif(hint, ''));
END $$;

SET ROLE regress_cvwiz_owner;
CREATE TABLE audit_logs (id bigint NOT NULL, "createdAt" timestamp(3) NOT NULL, PRIMARY KEY (id, "createdAt")) PARTITION BY RANGE ("createdAt");
CREATE TABLE events (happened timestamptz NOT NULL) PARTITION BY RANGE (happened);
CREATE TABLE visits (day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE plain (id int, happened timestamptz NOT NULL, remark text, maybe timestamptz);
RESET ROLE;

-- ---- add ----

SELECT cvwiz.add_retention_policy('audit_logs');
SELECT cvwiz.add_retention_policy('events', retention_days => 30, premake_months => 1);
SELECT cvwiz.add_retention_policy('visits', 'day', 365, 24);
SELECT cvwiz.add_retention_policy('plain', 'happened', 45, 2);
SELECT * FROM cvwiz.retention_policies ORDER BY relation::text;

-- ---- alter ----

-- NULL leaves things as they are
SELECT cvwiz.alter_retention_policy('plain');
SELECT cvwiz.alter_retention_policy('events', retention_days => 365);
SELECT cvwiz.alter_retention_policy('visits', premake_months => 1);
SELECT cvwiz.alter_retention_policy('plain', hold => true);
SELECT cvwiz.alter_retention_policy('audit_logs', 31, 5, false, true);
SELECT * FROM cvwiz.retention_policies ORDER BY relation::text;
SELECT cvwiz.alter_retention_policy('audit_logs', enabled => true);
SELECT cvwiz.alter_retention_policy('audit_logs', hold => false);
SELECT * FROM cvwiz.retention_policies WHERE relation = 'audit_logs'::regclass;

-- ---- remove ----

SELECT cvwiz.remove_retention_policy('visits');
SELECT relation FROM cvwiz.retention_policies ORDER BY relation::text;
-- the table is as it was, and can have another
SELECT count(*) FROM visits;
SELECT cvwiz.add_retention_policy('visits');
SELECT cvwiz.remove_retention_policy('visits');

\t on
-- ---- errors: ranges and NULL ----

SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', retention_days => 29)$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', retention_days => 366)$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', retention_days => -2147483648)$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', retention_days => NULL)$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', premake_months => 0)$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', premake_months => 25)$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', premake_months => NULL)$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy(NULL)$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy(0)$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy(4294967295)$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('no_such_table')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('plain', retention_days => 29)$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('plain', retention_days => 366)$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('plain', premake_months => 0)$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('plain', premake_months => 25)$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy(NULL, 90)$$);
SELECT error_of($$SELECT cvwiz.remove_retention_policy(NULL)$$);
-- nothing of these has happened
SELECT relation, retention_days, premake_months FROM cvwiz.retention_policies WHERE relation IN ('plain'::regclass, 'visits'::regclass);

-- ---- errors: what is about whole partitions ----

SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', granularity => 'month')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', granularity => '')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', granularity => NULL)$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', drop_after => NULL)$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', drop_after => '-1 second')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', drop_after => '1 month -1 day')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', drop_after => '100 years 1 second')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', archive_to => '/tmp')$$);
SELECT cvwiz.remove_retention_policy('plain');
SELECT error_of($$SELECT cvwiz.add_retention_policy('plain', 'happened', granularity => 'partition')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('plain', 'happened', drop_after => '1 day')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('plain', 'happened', granularity => 'partition', archive_to => '/tmp')$$);
SELECT cvwiz.add_retention_policy('plain', 'happened', 45, 2);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('plain', granularity => 'partition')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('plain', drop_after => '1 day')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('events', granularity => 'Partition')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('events', drop_after => '-1 month 60 days')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('events', archive_to => '/tmp')$$);
-- and what is right
SELECT cvwiz.alter_retention_policy('plain', granularity => 'row', drop_after => '0');
SELECT cvwiz.alter_retention_policy('events', granularity => 'partition', drop_after => '100 years');
SELECT granularity, archive_to, drop_after FROM cvwiz.retention_policies WHERE relation = 'events'::regclass;
SELECT cvwiz.alter_retention_policy('events', retention_days => 100);
SELECT cvwiz.alter_retention_policy('events', drop_after => '1 month 2 days 03:00');
SELECT granularity, archive_to, drop_after FROM cvwiz.retention_policies WHERE relation = 'events'::regclass;
SELECT cvwiz.alter_retention_policy('events', granularity => 'row', drop_after => '0');

-- ---- errors: one already, none ----

SELECT error_of($$SELECT cvwiz.add_retention_policy('events')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('plain', 'happened')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('visits', 90)$$);
SELECT error_of($$SELECT cvwiz.remove_retention_policy('visits')$$);
SELECT error_of($$SELECT cvwiz.retention_plan('visits')$$);
SELECT error_of($$SELECT cvwiz.cleanup_old_logs('visits')$$);
SELECT error_of($$SELECT cvwiz.log_statistics('visits')$$);
SELECT error_of($$SELECT cvwiz.cleanup_old_logs(0)$$);
SELECT error_of($$SELECT cvwiz.retention_plan(0)$$);
CALL cvwiz.run_retention('visits');
\echo :SQLSTATE
-- the name in the hint is quoted as it has to be
CREATE TABLE "O'Neil ""x""" (t date NOT NULL) PARTITION BY RANGE (t);
SELECT error_of($$SELECT cvwiz.remove_retention_policy('"O''Neil ""x"""')$$);

-- ---- errors: what is no table for it ----

CREATE VIEW a_view AS SELECT * FROM plain;
CREATE MATERIALIZED VIEW a_matview AS SELECT * FROM plain;
CREATE SEQUENCE a_sequence;
CREATE INDEX an_index ON plain (happened);
CREATE TYPE a_type AS (happened timestamptz);
CREATE FOREIGN DATA WRAPPER regress_cvwiz_wrapper;
CREATE SERVER regress_cvwiz_server FOREIGN DATA WRAPPER regress_cvwiz_wrapper;
CREATE FOREIGN TABLE a_foreign_table (happened timestamptz NOT NULL) SERVER regress_cvwiz_server;
CREATE TABLE events_2026_08 PARTITION OF events FOR VALUES FROM ('2026-08-01') TO ('2026-09-01');
CREATE TEMP TABLE a_temporary_table (happened timestamptz NOT NULL);
CREATE TABLE ancestor (happened timestamptz NOT NULL);
CREATE TABLE heir () INHERITS (ancestor);
SELECT error_of(format('SELECT cvwiz.add_retention_policy(%L, ''happened'')', relation))
FROM unnest('{a_view,a_matview,a_sequence,an_index,a_type,a_foreign_table,events_2026_08,a_temporary_table,ancestor,heir,pg_catalog.pg_class,information_schema.sql_features}'::text[]) relation;
-- the last child gone, it is a plain table
DROP TABLE heir;
SELECT cvwiz.add_retention_policy('ancestor', 'happened');
SELECT cvwiz.remove_retention_policy('ancestor');

-- ---- errors: the time column ----

SELECT cvwiz.remove_retention_policy('plain');
SELECT error_of($$SELECT cvwiz.add_retention_policy('plain')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('plain', 'no_such_column')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('plain', 'Happened')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('plain', '')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('plain', 'ctid')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('plain', 'xmin')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('plain', 'id')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('plain', 'remark')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('plain', 'maybe')$$);
ALTER TABLE plain DROP COLUMN maybe CASCADE;
SELECT error_of($$SELECT cvwiz.add_retention_policy('plain', 'maybe')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('plain', '........pg.dropped.4........')$$);
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits', 'date')$$);
CREATE DOMAIN a_domain AS timestamptz;
CREATE TABLE kinds (a_domain a_domain NOT NULL, a_time time NOT NULL, a_range tstzrange NOT NULL, an_array timestamptz[] NOT NULL, an_interval interval NOT NULL);
SELECT error_of(format('SELECT cvwiz.add_retention_policy(''kinds'', %L)', attname))
FROM pg_attribute WHERE attrelid = 'kinds'::regclass AND attnum > 0 ORDER BY attnum;
-- a primary key makes it NOT NULL as well
CREATE TABLE with_primary_key (happened timestamp PRIMARY KEY);
SELECT cvwiz.add_retention_policy('with_primary_key', 'happened');

-- ---- errors: the partition key ----

CREATE TABLE by_list (d date NOT NULL) PARTITION BY LIST (d);
CREATE TABLE by_hash (d date NOT NULL) PARTITION BY HASH (d);
CREATE TABLE by_two (d date NOT NULL, e date NOT NULL) PARTITION BY RANGE (d, e);
CREATE TABLE by_expression (d date NOT NULL) PARTITION BY RANGE ((d + 1));
CREATE TABLE by_number (n bigint NOT NULL) PARTITION BY RANGE (n);
CREATE TABLE by_nullable (d date) PARTITION BY RANGE (d);
CREATE OPERATOR CLASS own_ops FOR TYPE timestamp USING btree AS
	OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
	FUNCTION 1 timestamp_cmp(timestamp, timestamp);
CREATE TABLE by_own_order (t timestamp NOT NULL) PARTITION BY RANGE (t own_ops);
SELECT error_of(format('SELECT cvwiz.add_retention_policy(%L)', relation))
FROM unnest('{by_list,by_hash,by_two,by_expression,by_number,by_nullable,by_own_order}'::text[]) relation;

-- ---- errors: foreign keys that point at it ----

CREATE TABLE referred (id int PRIMARY KEY, happened timestamptz NOT NULL);
CREATE TABLE refers (one int REFERENCES referred, another int CONSTRAINT "second key" REFERENCES referred ON DELETE CASCADE);
SELECT error_of($$SELECT cvwiz.add_retention_policy('referred', 'happened')$$);
CREATE TABLE refers_to_partitioned (id bigint, t timestamp(3), FOREIGN KEY (id, t) REFERENCES audit_logs);
SELECT cvwiz.remove_retention_policy('audit_logs');
SELECT error_of($$SELECT cvwiz.add_retention_policy('audit_logs')$$);
DROP TABLE refers_to_partitioned;
SELECT cvwiz.add_retention_policy('audit_logs');
-- those that it has itself are no matter
CREATE TABLE referring (id int REFERENCES referred, happened timestamptz NOT NULL);
SELECT cvwiz.add_retention_policy('referring', 'happened');

-- ---- who may ----

SET ROLE regress_cvwiz_owner;
-- nothing that changes state is granted to PUBLIC
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('events', 90)$$);
SELECT error_of($$SELECT cvwiz.remove_retention_policy('events')$$);
SELECT error_of($$SELECT cvwiz.cleanup_old_logs()$$);
SELECT error_of($$SELECT cvwiz.create_partition('events', '2026-10-01')$$);
SELECT error_of($$SELECT cvwiz.detach_partition('events_2026_08')$$);
SELECT error_of($$SELECT cvwiz.schedule_retention()$$);
SELECT error_of($$SELECT cvwiz.unschedule_retention()$$);
CALL cvwiz.run_retention();
\echo :SQLSTATE
SELECT error_of($$INSERT INTO cvwiz.retention_policy VALUES ('visits', 'day', 90, 3, true, false, now())$$);
SELECT left(error_of($$UPDATE cvwiz.retention_policies SET hold = false$$), 5);
SELECT left(error_of($$DELETE FROM cvwiz.retention_runs$$), 5);
RESET ROLE;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA cvwiz TO PUBLIC;
SET ROLE regress_cvwiz_other;
SELECT error_of($$SELECT cvwiz.add_retention_policy('visits')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('events', hold => true)$$);
SELECT error_of($$SELECT cvwiz.remove_retention_policy('events')$$);
SELECT error_of($$SELECT cvwiz.retention_plan('events')$$);
SELECT error_of($$SELECT cvwiz.cleanup_old_logs('events')$$);
SELECT error_of($$SELECT cvwiz.log_statistics('events')$$);
SELECT error_of($$SELECT cvwiz.create_partition('events', '2026-10-01')$$);
SELECT error_of($$SELECT cvwiz.detach_partition('events_2026_08')$$);
SELECT error_of($$SELECT cvwiz.count_null_times('events')$$);
SELECT error_of($$SELECT cvwiz.forget_dropped()$$);
SELECT error_of($$SELECT cvwiz.follow_altered()$$);
CALL cvwiz.run_retention('events');
\echo :SQLSTATE
-- of all tables, none is this role's
SELECT count(*) FROM cvwiz.retention_plan();
SELECT count(*) FROM cvwiz.cleanup_old_logs();
SELECT count(*) FROM cvwiz.log_statistics();
SELECT count(*) FROM cvwiz.health() WHERE check_name NOT IN ('preload', 'worker', 'clock');
CALL cvwiz.run_retention();
-- the owner, and a member of the owning role
SET ROLE regress_cvwiz_owner;
SELECT cvwiz.add_retention_policy('visits');
SET ROLE regress_cvwiz_member;
SELECT cvwiz.alter_retention_policy('visits', retention_days => 100);
SELECT * FROM cvwiz.retention_policies WHERE relation = 'visits'::regclass;
SELECT cvwiz.remove_retention_policy('visits');
RESET ROLE;
\t off

-- ---- names ----

CREATE SCHEMA "Ünï \ 'code'";
CREATE TABLE "Ünï \ 'code'"."🗒️ ""log"" %s" ("when? 🕰️" timestamptz NOT NULL) PARTITION BY RANGE ("when? 🕰️");
CREATE TABLE "Ünï \ 'code'"."12345678901234567890123456789012345678901234567890123456789éé" ("12345678901234567890123456789012345678901234567890123456789ab'c" timestamp NOT NULL);
SELECT cvwiz.add_retention_policy($$"Ünï \ 'code'"."🗒️ ""log"" %s"$$);
SELECT cvwiz.add_retention_policy($$"Ünï \ 'code'"."12345678901234567890123456789012345678901234567890123456789éé"$$, $$12345678901234567890123456789012345678901234567890123456789ab'c$$);
SELECT relation, time_column FROM cvwiz.retention_policies WHERE relation::text LIKE '%code%' ORDER BY relation::text;
INSERT INTO "Ünï \ 'code'"."12345678901234567890123456789012345678901234567890123456789éé" VALUES ('2026-01-01'), ('2026-08-31');
SELECT relation, success, deleted_count, partitions_created, residue, error FROM cvwiz.cleanup_old_logs() WHERE relation::text LIKE '%code%' ORDER BY 1::text;
SELECT count(*) FROM "Ünï \ 'code'"."12345678901234567890123456789012345678901234567890123456789éé";
SELECT partition, range_start, range_end FROM cvwiz.partition_ranges($$"Ünï \ 'code'"."🗒️ ""log"" %s"$$);
SELECT check_name, status, detail, hint FROM cvwiz.health() WHERE detail LIKE '%code%' AND check_name IN ('time_index', 'null_times');

-- ---- what a policy follows ----

SELECT cvwiz.add_retention_policy('plain', 'happened');
ALTER TABLE plain RENAME TO simple;
ALTER TABLE simple RENAME COLUMN happened TO "At";
ALTER TABLE simple SET SCHEMA public;
ALTER TABLE public.simple RENAME COLUMN remark TO happened;
SELECT relation, time_column FROM cvwiz.retention_policies WHERE relation = 'public.simple'::regclass;
ALTER TABLE public.simple SET SCHEMA app;
ALTER TABLE simple RENAME TO plain;
-- a rename that is undone, and names that are swapped, in one transaction
BEGIN;
ALTER TABLE plain RENAME COLUMN "At" TO nothing;
ROLLBACK;
SELECT time_column FROM cvwiz.retention_policies WHERE relation = 'plain'::regclass;
BEGIN;
ALTER TABLE plain RENAME COLUMN "At" TO x;
ALTER TABLE plain RENAME COLUMN happened TO "At";
ALTER TABLE plain RENAME COLUMN x TO happened;
COMMIT;
SELECT time_column FROM cvwiz.retention_policies WHERE relation = 'plain'::regclass;
-- as PostgreSQL allows for a table too
ALTER VIEW plain RENAME COLUMN happened TO moment;
SELECT time_column FROM cvwiz.retention_policies WHERE relation = 'plain'::regclass;
-- a partitioned table
ALTER TABLE audit_logs RENAME COLUMN "createdAt" TO created_at;
ALTER TABLE audit_logs RENAME TO logs;
SELECT relation, time_column FROM cvwiz.retention_policies WHERE relation = 'logs'::regclass;
INSERT INTO plain (id, moment) VALUES (1, '2026-05-01'), (2, '2026-08-01');
SELECT relation, success, deleted_count, partitions_created, residue, error
FROM cvwiz.cleanup_old_logs() WHERE relation IN ('logs'::regclass, 'plain'::regclass) ORDER BY relation::text;
-- other columns come and go
ALTER TABLE plain ADD COLUMN more timestamptz, DROP COLUMN id;
SELECT relation, time_column FROM cvwiz.retention_policies WHERE relation = 'plain'::regclass;

-- ---- what takes a policy with it ----

ALTER TABLE plain DROP COLUMN moment CASCADE;
SELECT count(*) FROM cvwiz.retention_policies WHERE relation = 'plain'::regclass;
BEGIN;
DROP TABLE logs;
SELECT count(*) FROM cvwiz.retention_policies;
ROLLBACK;
SELECT relation FROM cvwiz.retention_policies ORDER BY relation::text;
DROP TABLE logs;
SELECT relation FROM cvwiz.retention_policies ORDER BY relation::text;
-- dropping a partition does not
DROP TABLE events_2026_08;
SELECT relation FROM cvwiz.retention_policies ORDER BY relation::text;
SET client_min_messages = warning;
DROP SCHEMA "Ünï \ 'code'" CASCADE;
RESET client_min_messages;
SELECT relation FROM cvwiz.retention_policies ORDER BY relation::text;
SELECT cvwiz.add_retention_policy('visits');
SET client_min_messages = warning;
DROP OWNED BY regress_cvwiz_owner CASCADE;
RESET client_min_messages;
SELECT relation FROM cvwiz.retention_policies ORDER BY relation::text;
-- nor is the event trigger asleep in a replica's session
SET session_replication_role = replica;
DROP TABLE referring;
SELECT relation FROM cvwiz.retention_policy ORDER BY relation::text;
RESET session_replication_role;
-- and where it is switched off, nothing is left to be seen
CREATE TABLE forgotten (LIKE with_primary_key INCLUDING ALL);
SELECT cvwiz.add_retention_policy('forgotten', 'happened');
ALTER EVENT TRIGGER cvwiz_forget_dropped DISABLE;
DROP TABLE forgotten;
SELECT relation FROM cvwiz.retention_policies ORDER BY relation::text;
SELECT relation, success FROM cvwiz.cleanup_old_logs();
ALTER EVENT TRIGGER cvwiz_forget_dropped ENABLE ALWAYS;

-- ---- DROP EXTENSION leaves tables and rows as they are ----

INSERT INTO with_primary_key VALUES ('2020-01-01');
DROP EXTENSION cvwiz;
SELECT * FROM with_primary_key;
CREATE EXTENSION cvwiz;
SELECT count(*) FROM cvwiz.retention_policies;
DROP EXTENSION cvwiz;
-- DROP EXTENSION leaves the schema, as with any extension, but nothing in it
DROP SCHEMA cvwiz;
-- a schema of somebody's is not taken over
CREATE SCHEMA cvwiz AUTHORIZATION regress_cvwiz_other;
\t on
SELECT error_of('CREATE EXTENSION cvwiz');
DROP SCHEMA cvwiz;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP FOREIGN DATA WRAPPER regress_cvwiz_wrapper CASCADE;
DROP ROLE regress_cvwiz_owner, regress_cvwiz_member, regress_cvwiz_other;
