-- health(): each status of each check that needs no preload; log_statistics().
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
CREATE EXTENSION cvwiz;
CREATE ROLE regress_cvwiz_owner;
CREATE ROLE regress_cvwiz_monitor IN ROLE pg_monitor;
CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO PUBLIC;
SET search_path = app;

-- ---- without a policy, without a preload ----

SELECT * FROM cvwiz.health();
SET cvwiz.now = '2026-08-31 12:00';
SELECT * FROM cvwiz.health() WHERE check_name = 'clock';

-- ---- a new policy on a bare table ----

CREATE TABLE logs (id int, t timestamptz NOT NULL) PARTITION BY RANGE (t);
SELECT cvwiz.add_retention_policy('logs', premake_months => 2);
SELECT * FROM cvwiz.health() WHERE detail LIKE 'app.logs:%';
-- all is well after a run, but for the index
SET client_min_messages = warning;
CALL cvwiz.run_retention();
RESET client_min_messages;
SELECT * FROM cvwiz.health() WHERE detail LIKE 'app.logs:%';
CREATE INDEX ON logs (t);
SELECT * FROM cvwiz.health() WHERE detail LIKE 'app.logs:%' AND check_name = 'time_index';

-- ---- last_success ----

SET cvwiz.now = '2026-09-01 14:00';
SELECT status, detail FROM cvwiz.health() WHERE check_name = 'last_success';
SET cvwiz.now = '2026-09-01 14:00:00.000001';
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'last_success';
-- a hold keeps runs from being a success, as it should
SELECT cvwiz.alter_retention_policy('logs', hold => true);
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name IN ('last_success', 'hold') ORDER BY check_name;
SELECT cvwiz.alter_retention_policy('logs', hold => false, enabled => false);
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'last_success';
SELECT cvwiz.alter_retention_policy('logs', enabled => true);
-- never a run: from when it was added
CREATE TABLE never (t date NOT NULL);
SET client_min_messages = warning;
SET cvwiz.now = '2026-08-31 12:00';
SELECT cvwiz.add_retention_policy('never', 't');
SET cvwiz.now = '2026-09-01 14:00:01';
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'last_success' AND detail LIKE 'app.never:%';
RESET client_min_messages;
DROP TABLE never;

-- ---- partitions_ahead ----

-- 35 days, a moment less, the last moment, past the end
SET cvwiz.now = '2026-09-27';
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'partitions_ahead';
SET cvwiz.now = '2026-09-27 00:00:00.000001';
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'partitions_ahead';
SET cvwiz.now = '2026-10-31 23:59:59.999999';
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'partitions_ahead';
SET cvwiz.now = '2026-11-01';
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'partitions_ahead';
SET cvwiz.now = '2026-09-15';
-- what lies beyond a gap does not count
DROP TABLE logs_2026_10;
CREATE TABLE logs_2026_11 PARTITION OF logs FOR VALUES FROM ('2026-11-01') TO ('2026-12-01');
SELECT status, detail FROM cvwiz.health() WHERE check_name = 'partitions_ahead';
CREATE TABLE logs_rest PARTITION OF logs FOR VALUES FROM ('2026-12-01') TO (MAXVALUE);
CREATE TABLE logs_2026_10 PARTITION OF logs FOR VALUES FROM ('2026-10-01') TO ('2026-11-01');
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'partitions_ahead';

-- ---- default_partition ----

CREATE TABLE "Logs default" PARTITION OF logs DEFAULT;
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'default_partition';
DROP TABLE "Logs default";

-- ---- residue ----

CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TABLE plain (id int, t timestamp NOT NULL);
CREATE INDEX ON plain (t) WHERE id > 0;
CREATE INDEX ON plain (id, t);
CREATE INDEX ON plain ((t + interval '1 day'));
CREATE INDEX ON plain USING brin (t);
INSERT INTO plain SELECT n, timestamp '2026-05-01' FROM generate_series(1, 5) n;
ALTER TABLE plain OWNER TO regress_cvwiz_owner;
CREATE TRIGGER keep BEFORE DELETE ON plain FOR EACH ROW EXECUTE FUNCTION keep();
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy('plain', 't');
RESET client_min_messages;
SELECT status, detail FROM cvwiz.health() WHERE detail LIKE 'app.plain:%';
SELECT success, residue FROM cvwiz.cleanup_old_logs('plain');
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'residue' AND detail LIKE 'app.plain:%';
-- kept for a good reason
SELECT cvwiz.alter_retention_policy('plain', hold => true);
SELECT success, residue FROM cvwiz.cleanup_old_logs('plain');
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'residue' AND detail LIKE 'app.plain:%';
SELECT cvwiz.alter_retention_policy('plain', hold => false);
-- not measured
ALTER TABLE plain FORCE ROW LEVEL SECURITY;
ALTER TABLE plain ENABLE ROW LEVEL SECURITY;
SELECT success, residue FROM cvwiz.cleanup_old_logs('plain');
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'residue' AND detail LIKE 'app.plain:%';
-- nor can NULLs be counted
ALTER TABLE plain ALTER t DROP NOT NULL;
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'null_times' AND detail LIKE 'app.plain:%';
ALTER TABLE plain DISABLE ROW LEVEL SECURITY;
DROP TRIGGER keep ON plain;
SELECT success, residue FROM cvwiz.cleanup_old_logs('plain');
SELECT status, detail FROM cvwiz.health() WHERE check_name = 'residue' AND detail LIKE 'app.plain:%';

-- ---- null_times ----

SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'null_times' AND detail LIKE 'app.plain:%';
INSERT INTO plain VALUES (1, NULL), (2, NULL);
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'null_times' AND detail LIKE 'app.plain:%';
DELETE FROM plain;
ALTER TABLE plain ALTER t SET NOT NULL;
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'null_times';
-- the column dropped behind the extension's back
ALTER EVENT TRIGGER cvwiz_forget_dropped DISABLE;
ALTER TABLE plain DROP COLUMN t;
SELECT check_name, status, detail, hint FROM cvwiz.health() WHERE check_name IN ('null_times', 'time_index') AND detail LIKE 'app.plain:%' ORDER BY 1;
ALTER EVENT TRIGGER cvwiz_forget_dropped ENABLE ALWAYS;
SELECT cvwiz.remove_retention_policy('plain');
DROP TABLE plain;

-- ---- time_index ----

CREATE TABLE indexed (id int, t timestamp NOT NULL);
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy('indexed', 't');
RESET client_min_messages;
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'time_index' AND detail LIKE 'app.indexed:%';
CREATE INDEX ON indexed (t DESC NULLS LAST, id);
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'time_index' AND detail LIKE 'app.indexed:%';
-- one partition lacks it
ALTER TABLE logs DETACH PARTITION logs_rest;
DROP INDEX logs_t_idx;
DROP INDEX logs_rest_t_idx;
SELECT format('CREATE INDEX ON %s (t)', partition) FROM cvwiz.partition_ranges('logs') \gexec
ALTER TABLE logs ATTACH PARTITION logs_rest FOR VALUES FROM ('2026-12-01') TO (MAXVALUE);
SELECT status, detail, hint FROM cvwiz.health() WHERE check_name = 'time_index' AND detail LIKE 'app.logs:%';

-- ---- a version store ----

CREATE VIEW of_versions AS SELECT check_name, status, detail, hint FROM cvwiz.health() WHERE check_name LIKE 'version%';
CREATE TABLE docs (id int, doc jsonb, "Other" jsonb);
CREATE TABLE parts (id int, doc jsonb) PARTITION BY LIST (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
SELECT cvwiz.add_version_store('docs', 'doc', '{id}'), cvwiz.add_version_store('docs', 'Other', '{id}'), cvwiz.add_version_store('parts', 'doc', '{id}');
SET cvwiz.now = '2026-09-15';
TABLE of_versions;
-- 26 hours without a success, from the first sample on, and from a success on
SELECT cvwiz.sample_sizes() > 0 AS sampled;
SET cvwiz.now = '2026-09-16 02:00';
SELECT status FROM of_versions WHERE check_name = 'version_repack';
SET cvwiz.now = '2026-09-16 02:00:01';
SELECT * FROM of_versions WHERE check_name = 'version_repack';
INSERT INTO cvwiz.version_repack (origin, pid, started_at, finished_at, success) VALUES ('call', 1, '2026-09-16', '2026-09-16', true);
SELECT * FROM of_versions WHERE check_name = 'version_repack';
SET cvwiz.now = '2026-09-17 02:00:01';
SELECT * FROM of_versions WHERE check_name = 'version_repack';
INSERT INTO cvwiz.version_repack (origin, pid, started_at, finished_at, success, error) VALUES ('worker', 1, '2026-09-17 02:00', '2026-09-17 02:00', false, 'no');
SELECT * FROM of_versions WHERE check_name = 'version_repack';
-- corruption, of a partition too, once for two columns
INSERT INTO cvwiz.version_corruption VALUES ('docs'::regclass, 1, 'x', cvwiz.clock()), ('docs'::regclass, 2, 'x', cvwiz.clock()), ('parts_1'::regclass, 3, 'x', cvwiz.clock());
SELECT * FROM of_versions WHERE check_name = 'version_corruption';
DELETE FROM cvwiz.version_corruption;
-- triggers that do not fire, or are gone; a replica's does not either
CREATE FUNCTION pg_temp.health_after(change text) RETURNS SETOF of_versions LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE change;
	RETURN QUERY SELECT * FROM app.of_versions v WHERE v.check_name = 'version_store' AND v.status <> 'ok';
END $$;
SELECT format('ALTER TABLE %s %s TRIGGER %I', tgrelid::regclass, CASE tgrelid::regclass::text WHEN 'docs' THEN 'DISABLE' ELSE 'ENABLE REPLICA' END, tgname) AS change,
	format('ALTER TABLE %s ENABLE TRIGGER %I', tgrelid::regclass, tgname) AS undo
INTO TEMP changes FROM pg_trigger WHERE tgrelid IN ('docs'::regclass, 'parts_1'::regclass) AND NOT tgisinternal;
SELECT format('SELECT * FROM pg_temp.health_after(%L)', change), undo FROM changes ORDER BY change COLLATE "C" \gexec
SELECT status, detail FROM of_versions WHERE check_name = 'version_store';
DROP TRIGGER "~cvwiz_versions_after_Other" ON docs;
SELECT * FROM of_versions WHERE check_name = 'version_store' AND status <> 'ok';
-- those of the caller's tables; nothing of the store for who has none
ALTER TABLE docs OWNER TO regress_cvwiz_owner;
SET ROLE regress_cvwiz_owner;
SELECT check_name, status, detail FROM cvwiz.health() WHERE check_name LIKE 'version%';
RESET ROLE;
ALTER TABLE docs OWNER TO CURRENT_USER;
SET ROLE regress_cvwiz_owner;
SELECT check_name, status, detail FROM cvwiz.health() WHERE check_name LIKE 'version%';
RESET ROLE;
DROP TABLE docs, parts;
TABLE of_versions;
DROP FUNCTION pg_temp.health_after(text);
DROP VIEW of_versions;

-- ---- who sees what ----

ALTER TABLE indexed OWNER TO regress_cvwiz_owner;
SET ROLE regress_cvwiz_owner;
SELECT DISTINCT split_part(detail, ':', 1) AS of FROM cvwiz.health() WHERE check_name = 'hold' ORDER BY 1;
SELECT check_name, status FROM cvwiz.health() WHERE detail LIKE 'app.indexed:%';
SELECT relation FROM cvwiz.log_statistics();
SELECT DISTINCT relation_name FROM cvwiz.retention_runs;
SET ROLE regress_cvwiz_monitor;
SELECT DISTINCT split_part(detail, ':', 1) AS of FROM cvwiz.health() WHERE check_name = 'hold' ORDER BY 1;
SELECT relation, total_logs FROM cvwiz.log_statistics() ORDER BY relation::text;
SELECT count(*) > 0 AS sees_runs FROM cvwiz.retention_runs;
RESET ROLE;
-- whatever the search_path has
CREATE FUNCTION app.format(text, VARIADIC "any") RETURNS text LANGUAGE internal AS 'text_format';
CREATE FUNCTION app.pg_has_role(name, text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
SET search_path = app, pg_catalog;
SELECT count(*) FROM cvwiz.health() WHERE check_name = 'hold';
RESET search_path;

-- ---- log_statistics ----

SET search_path = app;
SET cvwiz.now = '2026-09-15';
-- an empty table
SELECT relation, total_logs, logs_eligible_for_cleanup, oldest_record, newest_record, total_bytes > 0 AS has_bytes, partitions, retention_days, cutoff_date, rows_per_day FROM cvwiz.log_statistics('logs');
-- 100 rows of ten days, of which 40 have expired; one row
INSERT INTO indexed SELECT n, timestamp '2026-06-13' + n * interval '0.1 day' FROM generate_series(0, 100) n;
SELECT relation, total_logs, logs_eligible_for_cleanup, oldest_record, newest_record, total_bytes > 0 AS has_bytes, partitions, retention_days, cutoff_date, rows_per_day FROM cvwiz.log_statistics('indexed');
INSERT INTO logs VALUES (1, '2026-09-01');
SELECT relation, total_logs, logs_eligible_for_cleanup, oldest_record, newest_record, partitions, rows_per_day FROM cvwiz.log_statistics() ORDER BY relation::text;
-- infinite times have no rate
INSERT INTO indexed VALUES (-1, '-infinity'), (-2, 'infinity');
SELECT total_logs, logs_eligible_for_cleanup, oldest_record, newest_record, rows_per_day FROM cvwiz.log_statistics('indexed');
-- it tells what a run then deletes
SELECT deleted_count FROM cvwiz.cleanup_old_logs('indexed');
SELECT total_logs, logs_eligible_for_cleanup FROM cvwiz.log_statistics('indexed');
-- dates
CREATE TABLE days (t date NOT NULL);
INSERT INTO days VALUES ('2026-06-16'), ('2026-06-17'), ('2026-06-18'), ('2026-09-15');
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy('days', 't');
RESET client_min_messages;
SELECT total_logs, logs_eligible_for_cleanup, oldest_record, newest_record, partitions, cutoff_date, rows_per_day FROM cvwiz.log_statistics('days');
-- a table that cannot be read is left out, with a warning, and an error by itself
ALTER TABLE indexed ENABLE ROW LEVEL SECURITY;
ALTER TABLE indexed FORCE ROW LEVEL SECURITY;
SELECT relation, total_logs FROM cvwiz.log_statistics() ORDER BY relation::text;
SELECT total_logs FROM cvwiz.log_statistics('indexed');
\echo :SQLSTATE
-- disabled: by name only
SELECT cvwiz.alter_retention_policy('days', enabled => false);
SELECT relation FROM cvwiz.log_statistics() WHERE relation = 'days'::regclass;
SELECT relation FROM cvwiz.log_statistics('days');

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
DROP ROLE regress_cvwiz_owner, regress_cvwiz_monitor;
