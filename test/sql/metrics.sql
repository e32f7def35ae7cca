-- cvwiz.metrics, its definitions, openmetrics(): what they make of what the views
-- say, so these are replaced by known figures.
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
CREATE EXTENSION cvwiz;
SET cvwiz.now = '2026-08-31 12:00';
CREATE ROLE regress_cvwiz_owner;
CREATE ROLE regress_cvwiz_monitor IN ROLE pg_monitor;
CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO PUBLIC;

-- ---- definitions ----

SELECT name FROM cvwiz.metric_definitions GROUP BY name HAVING count(*) > 1;
SELECT name, type FROM cvwiz.metric_definitions
WHERE name !~ '^cvwiz_[a-z0-9_]+[a-z0-9]$' OR type IS NULL
	OR (type = 'counter') <> (name LIKE '%\_total')
	OR (type = 'histogram') <> (name ~ '_(bucket|sum|count)$')
	OR type NOT IN ('gauge', 'counter', 'histogram');
-- a text is one sentence, and the same for all of a histogram
SELECT name, help FROM cvwiz.metric_definitions WHERE help !~ '^[A-Z][^\\"\n]*\.$';
SELECT regexp_replace(name, '_(bucket|sum|count)$', '') AS family, count(*), count(DISTINCT help) FROM cvwiz.metric_definitions WHERE type = 'histogram' GROUP BY 1;
-- a gauge is not called like a series of a family beside it
SELECT g.name FROM cvwiz.metric_definitions g JOIN cvwiz.metric_definitions f
	ON f.type <> 'gauge' AND g.name = regexp_replace(f.name, '_(total|bucket|sum|count)$', '') WHERE g.type = 'gauge';

-- ---- nothing to measure, and no preload ----

SELECT name, labels - 'database' - 'version' AS labels, value FROM cvwiz.metrics m WHERE name <> 'cvwiz_alert_active' ORDER BY m.name COLLATE "C", m.labels::text COLLATE "C";
SELECT labels ->> 'database' = current_database() AS database, labels ->> 'version' = extversion AS version
FROM cvwiz.metrics, pg_extension WHERE name = 'cvwiz_info' AND extname = 'cvwiz';

-- ---- known figures ----

CREATE TABLE app.logs (t timestamptz);
CREATE TABLE app.docs (d jsonb);
BEGIN;
CREATE OR REPLACE VIEW cvwiz.stat_audit AS
SELECT 'app.logs'::regclass AS relation, 1048576::bigint AS total_bytes, 10000::bigint AS rows_estimate,
	1.5::double precision AS rows_per_day_7d, 0.1::double precision AS rows_per_day_30d,
	'2026-08-01 00:00:00.25'::timestamptz AS oldest_record, '2026-08-31'::timestamptz AS newest_record, interval '1 day 2 hours' AS overdue,
	5 AS partitions, 'Infinity'::double precision AS days_ahead,
	90 AS retention_days, true AS enabled, false AS hold,
	'2026-08-01'::timestamptz AS added_at, '2026-08-31 03:00'::timestamptz AS last_success, false AS last_run_succeeded, 3::bigint AS residue,
	7::bigint AS runs_succeeded, 2::bigint AS runs_failed, 1::bigint AS runs_on_hold,
	9007199254740993::bigint AS rows_purged, '2026-08-31 11:30'::timestamptz AS sampled_at;
CREATE OR REPLACE VIEW cvwiz.stat_snapshot AS
SELECT 'app.docs'::regclass AS relation, 'd'::name AS snapshot_column, 512000 AS max_size, 256000 AS warning_size,
	10::bigint AS checked, 4::bigint AS within, 3::bigint AS truncated, 2::bigint AS metadata_only, 1::bigint AS rejected,
	70000000::bigint AS bytes_sum, 60000000::bigint AS bytes_max, '{0,1,2,0,3,0,0,0,1,0,0,0,0,2,1}'::bigint[] AS histogram,
	1000::bigint AS recent_bytes_max, 0::bigint AS recent_oversized,
	4096::bigint AS table_bytes, 4 AS documents, 100::bigint AS raw_bytes, 30::bigint AS stored_bytes, 100 / 30.0::double precision AS ratio,
	'2026-08-31 11:00'::timestamptz AS sampled_at, '2026-08-30'::timestamptz AS stats_reset;
CREATE OR REPLACE VIEW cvwiz.stat_version AS
SELECT 'app.docs'::regclass AS relation, c.name AS snapshot_column,
	c.chains, 90::bigint AS versions, 8::bigint AS keyframes, 5000000::bigint AS raw_bytes, 400000::bigint AS stored_bytes, 12.5::double precision AS ratio,
	15 AS depth, 10::bigint AS dead_versions, 3000::bigint AS dead_bytes, c.store_bytes, c.chains IS NOT NULL AS counted, c.sampled_at, 2::bigint AS corrupted,
	'2026-08-31 04:00'::timestamptz AS last_repack, false AS last_repack_succeeded, '2026-08-31 02:00'::timestamptz AS last_repack_success
FROM (VALUES ('d'::name, 7::bigint, 900000::bigint, '2026-08-31 11:20'::timestamptz), ('e', NULL, 800000, '2026-08-31 11:10')) c(name, chains, store_bytes, sampled_at);
CREATE OR REPLACE VIEW cvwiz.stat_version_repack AS
SELECT '2026-08-31 04:00'::timestamptz AS last_run, false AS last_run_succeeded, '2026-08-31 02:00'::timestamptz AS last_success, '2026-08-31 02:00'::timestamptz AS waiting_since;
CREATE OR REPLACE FUNCTION cvwiz.version_counters(OUT stored bigint, OUT stored_raw_bytes bigint, OUT read_errors bigint, OUT recent_read_errors bigint, OUT stats_reset timestamptz)
LANGUAGE sql STRICT AS $$SELECT 1::bigint, 2::bigint, 3::bigint, 4::bigint, '2026-08-30 00:00+00'::timestamptz$$;
CREATE OR REPLACE FUNCTION cvwiz.worker_counters(OUT rounds bigint, OUT failed_rounds bigint, OUT runs bigint, OUT alert_evaluations bigint, OUT stats_reset timestamptz, OUT uncounted bigint)
LANGUAGE sql STRICT AS $$SELECT 1::bigint, 2::bigint, 3::bigint, 4::bigint, '2026-08-30 00:00+00'::timestamptz, 5::bigint$$;
CREATE OR REPLACE VIEW cvwiz.alert_rules AS
SELECT name, 'warning' AS severity, 'm' AS metric, '{}'::jsonb AS labels, '>' AS comparison, 0::double precision AS threshold,
	interval '0' AS for_interval, 0::double precision AS hysteresis, name <> 'off' AS enabled, true AS built_in, NULL AS action
FROM unnest('{some,none,off}'::text[]) name;
CREATE OR REPLACE VIEW cvwiz.alerts AS
SELECT 'some' AS alert, 'warning' AS severity, 'm' AS metric, jsonb_build_object('n', n) AS labels, 1::double precision AS value,
	'>' AS comparison, 0::double precision AS threshold, '2026-08-31'::timestamptz AS since, NULL AS action
FROM generate_series(1, 2) n;

SELECT name, labels - 'database' AS labels, value FROM cvwiz.metrics m WHERE name <> 'cvwiz_info' ORDER BY m.name COLLATE "C", m.labels::text COLLATE "C";
SELECT replace(replace(cvwiz.openmetrics(), current_database(), 'DATABASE'), extversion, 'VERSION') FROM pg_extension WHERE extname = 'cvwiz';
-- digits do not depend on a setting
SET LOCAL extra_float_digits = -10;
SELECT substring(cvwiz.openmetrics() FROM 'cvwiz_snapshot_compression_ratio\{[^}]*\} ([^\n]*)') AS ratio;
RESET extra_float_digits;
-- each definition has its series, each series a definition and its labels
SELECT name FROM cvwiz.metric_definitions EXCEPT SELECT name FROM cvwiz.metrics;
SELECT m.name, m.type, m.help, m.labels FROM cvwiz.metrics m LEFT JOIN cvwiz.metric_definitions d
	ON d.name = m.name AND d.type = m.type AND d.help = m.help
	AND ARRAY(SELECT jsonb_object_keys(m.labels) ORDER BY 1) = ARRAY(SELECT unnest(d.labels) ORDER BY 1)
WHERE d.name IS NULL;
SELECT name, labels FROM cvwiz.metrics GROUP BY name, labels HAVING count(*) > 1;
-- whole numbers of what is counted, Prometheus' way of writing a bound
SELECT name, sum(value) FROM cvwiz.metrics WHERE name ~ 'bytes_(bucket|count)$' AND labels ->> 'le' IS NOT DISTINCT FROM CASE WHEN name LIKE '%bucket' THEN '+Inf' END GROUP BY name ORDER BY name COLLATE "C";
CREATE OR REPLACE FUNCTION cvwiz.snapshot_size_bounds() RETURNS bigint[] LANGUAGE sql IMMUTABLE AS
$$SELECT '{1,10,999999,1000000,1234000,12345678,100000000000,123456789012,9,9,9,9,9,9}'::bigint[]$$;
SELECT array_agg(labels ->> 'le') FROM (SELECT labels FROM cvwiz.metrics WHERE name = 'cvwiz_snapshot_bytes_bucket' LIMIT 8) b;

-- ---- on hold, and nothing known ----

CREATE OR REPLACE VIEW cvwiz.stat_audit AS
SELECT 'app.logs'::regclass AS relation, NULL::bigint AS total_bytes, NULL::bigint AS rows_estimate,
	NULL::double precision AS rows_per_day_7d, NULL::double precision AS rows_per_day_30d,
	NULL::timestamptz AS oldest_record, NULL::timestamptz AS newest_record, NULL::interval AS overdue,
	NULL::int AS partitions, NULL::double precision AS days_ahead,
	90 AS retention_days, false AS enabled, hold,
	'2026-08-01'::timestamptz AS added_at, NULL::timestamptz AS last_success, success AS last_run_succeeded, residue,
	0::bigint AS runs_succeeded, 0::bigint AS runs_failed, 0::bigint AS runs_on_hold,
	0::bigint AS rows_purged, NULL::timestamptz AS sampled_at
FROM (SELECT coalesce(current_setting('test.hold', true) = 'on', false)) h(hold),
	-- the figures of the last run before the hold
	LATERAL (SELECT CASE WHEN hold THEN false END, CASE WHEN hold THEN 5::bigint END) l(success, residue);
CREATE OR REPLACE VIEW cvwiz.stat_snapshot AS
SELECT 'app.docs'::regclass AS relation, 'd'::name AS snapshot_column, NULL::int AS max_size, NULL::int AS warning_size,
	NULL::bigint AS checked, NULL::bigint AS within, NULL::bigint AS truncated, NULL::bigint AS metadata_only, NULL::bigint AS rejected,
	NULL::bigint AS bytes_sum, NULL::bigint AS bytes_max, NULL::bigint[] AS histogram,
	NULL::bigint AS recent_bytes_max, NULL::bigint AS recent_oversized,
	NULL::bigint AS table_bytes, NULL::int AS documents, NULL::bigint AS raw_bytes, NULL::bigint AS stored_bytes, NULL::double precision AS ratio,
	NULL::timestamptz AS sampled_at, NULL::timestamptz AS stats_reset;
CREATE OR REPLACE VIEW cvwiz.stat_version AS
SELECT 'app.docs'::regclass AS relation, 'd'::name AS snapshot_column,
	NULL::bigint AS chains, NULL::bigint AS versions, NULL::bigint AS keyframes, NULL::bigint AS raw_bytes, NULL::bigint AS stored_bytes, NULL::double precision AS ratio,
	NULL::int AS depth, NULL::bigint AS dead_versions, NULL::bigint AS dead_bytes, NULL::bigint AS store_bytes, NULL::boolean AS counted, NULL::timestamptz AS sampled_at,
	0::bigint AS corrupted, NULL::timestamptz AS last_repack, NULL::boolean AS last_repack_succeeded, NULL::timestamptz AS last_repack_success;
CREATE OR REPLACE VIEW cvwiz.stat_version_repack AS
SELECT NULL::timestamptz AS last_run, NULL::boolean AS last_run_succeeded, NULL::timestamptz AS last_success, NULL::timestamptz AS waiting_since;
SELECT name, labels - 'database' AS labels, value FROM cvwiz.metrics m WHERE name ~ '_(audit|snapshot)_' AND labels ? 'table' OR name ~ '_version_(?!read|recent|stats|writ)' ORDER BY m.name COLLATE "C", m.labels::text COLLATE "C";
SET LOCAL test.hold = 'on';
SELECT name, value FROM cvwiz.metrics m WHERE name ~ '_audit_' ORDER BY m.name COLLATE "C", m.labels::text COLLATE "C";
-- what postgres_exporter reads in one row is there together, or not at all
CREATE VIEW app.shared AS
SELECT p.prefix, m.labels, count(*) AS there, max(p.members) AS members
FROM (SELECT regexp_replace(name, '_[^_]*$', '') AS prefix, array_agg(name) AS names, count(*) AS members
	FROM cvwiz.metric_definitions WHERE type <> 'histogram' GROUP BY 1 HAVING count(*) > 1) p
JOIN cvwiz.metrics m ON m.name = ANY (p.names)
GROUP BY p.prefix, m.labels;
SELECT * FROM app.shared WHERE there <> members;
ROLLBACK;

-- ---- only what is asked for is computed, and that once ----

BEGIN;
CREATE SEQUENCE app.audit_reads;
CREATE SEQUENCE app.snapshot_reads;
CREATE OR REPLACE VIEW cvwiz.stat_audit AS
SELECT 'app.logs'::regclass AS relation, nextval('app.audit_reads') AS total_bytes, NULL::bigint AS rows_estimate,
	NULL::double precision AS rows_per_day_7d, NULL::double precision AS rows_per_day_30d,
	NULL::timestamptz AS oldest_record, NULL::timestamptz AS newest_record, NULL::interval AS overdue,
	NULL::int AS partitions, NULL::double precision AS days_ahead,
	90 AS retention_days, true AS enabled, false AS hold,
	NULL::timestamptz AS added_at, NULL::timestamptz AS last_success, NULL::boolean AS last_run_succeeded, NULL::bigint AS residue,
	0::bigint AS runs_succeeded, 0::bigint AS runs_failed, 0::bigint AS runs_on_hold,
	0::bigint AS rows_purged, NULL::timestamptz AS sampled_at;
CREATE OR REPLACE VIEW cvwiz.stat_snapshot AS
SELECT 'app.docs'::regclass AS relation, 'd'::name AS snapshot_column, NULL::int AS max_size, NULL::int AS warning_size,
	NULL::bigint AS checked, NULL::bigint AS within, NULL::bigint AS truncated, NULL::bigint AS metadata_only, NULL::bigint AS rejected,
	0::bigint AS bytes_sum, NULL::bigint AS bytes_max, '{0,0,0,0,0,0,0,0,0,0,0,0,0,0,0}'::bigint[] AS histogram,
	NULL::bigint AS recent_bytes_max, NULL::bigint AS recent_oversized,
	nextval('app.snapshot_reads') AS table_bytes, NULL::int AS documents, NULL::bigint AS raw_bytes, NULL::bigint AS stored_bytes, NULL::double precision AS ratio,
	NULL::timestamptz AS sampled_at, NULL::timestamptz AS stats_reset;
CREATE SEQUENCE app.version_reads;
CREATE OR REPLACE VIEW cvwiz.stat_version AS
SELECT 'app.docs'::regclass AS relation, 'd'::name AS snapshot_column,
	nextval('app.version_reads') AS chains, 1::bigint AS versions, NULL::bigint AS keyframes, NULL::bigint AS raw_bytes, NULL::bigint AS stored_bytes, NULL::double precision AS ratio,
	NULL::int AS depth, NULL::bigint AS dead_versions, NULL::bigint AS dead_bytes, NULL::bigint AS store_bytes, NULL::boolean AS counted, NULL::timestamptz AS sampled_at,
	0::bigint AS corrupted, NULL::timestamptz AS last_repack, NULL::boolean AS last_repack_succeeded, NULL::timestamptz AS last_repack_success;
CREATE VIEW app.reads AS SELECT
	(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM app.audit_reads) AS audit,
	(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM app.snapshot_reads) AS snapshot,
	(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM app.version_reads) AS version;
SELECT name, value FROM cvwiz.metrics WHERE name = 'cvwiz_worker_up';
SELECT count(*) FROM cvwiz.metrics WHERE name IN ('cvwiz_alert_active', 'cvwiz_info') AND value > 0;
SELECT * FROM app.reads;
SELECT count(*) FROM cvwiz.metrics WHERE name = 'cvwiz_audit_retention_days';
SELECT * FROM app.reads;
SELECT count(*) FROM cvwiz.metrics WHERE name IN ('cvwiz_snapshot_bytes_bucket', 'cvwiz_snapshot_bytes_sum', 'cvwiz_snapshot_bytes_count', 'cvwiz_snapshot_table_bytes');
SELECT * FROM app.reads;
SELECT count(*) FROM cvwiz.metrics WHERE name IN ('cvwiz_version_distinct_chains', 'cvwiz_version_live_versions', 'cvwiz_version_corrupted');
SELECT * FROM app.reads;
SELECT cvwiz.openmetrics() <> '' AS text;
SELECT * FROM app.reads;
ROLLBACK;

-- ---- hostile names ----

SET client_min_messages = warning;
CREATE SCHEMA "back\slash";
CREATE TABLE "back\slash"."a ""quote"", a {brace}, a
line, 😀" (t timestamptz NOT NULL);
SELECT cvwiz.add_retention_policy(c.oid, 't') FROM pg_class c WHERE relname LIKE 'a "quote"%';
CREATE TABLE app."%s %1$s" ("le" jsonb);
SELECT cvwiz.add_snapshot_limits('app."%s %1$s"', 'le');
RESET client_min_messages;
SELECT labels - 'database' AS labels, value FROM cvwiz.metrics m WHERE name IN ('cvwiz_audit_retention_days', 'cvwiz_snapshot_limit_bytes') ORDER BY m.name COLLATE "C", m.labels::text COLLATE "C";
SELECT line FROM regexp_split_to_table(replace(cvwiz.openmetrics(), current_database(), 'DATABASE'), '\n') line WHERE line ~ '^(cvwiz_audit_retention_days|cvwiz_snapshot_limit_bytes)';
DROP SCHEMA "back\slash" CASCADE;
DROP TABLE app."%s %1$s";

-- ---- a table with a policy, from its first day ----

SET ROLE regress_cvwiz_owner;
CREATE TABLE app.months (id int, t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE INDEX ON app.months (t);
CREATE TABLE app.notes (id int, note jsonb);
RESET ROLE;
SET client_min_messages = error;
SELECT cvwiz.add_retention_policy('app.months', premake_months => 2), cvwiz.add_snapshot_limits('app.notes', 'note');
CREATE VIEW app.ours AS SELECT name, labels ->> 'status' AS status, value FROM cvwiz.metrics
WHERE labels ->> 'schema' = 'app' AND name !~ 'bytes|rows_estimate';
SELECT * FROM app.ours ORDER BY name COLLATE "C", status COLLATE "C";
SET cvwiz.now = '2026-09-01 12:00';
CALL cvwiz.run_retention();
SET cvwiz.now = '2026-09-01 13:00';
RESET client_min_messages;
SELECT * FROM app.ours ORDER BY name COLLATE "C", status COLLATE "C";

-- ---- who may ----

SELECT count(*) AS all_of_it FROM cvwiz.metrics \gset
SET ROLE regress_cvwiz_monitor;
SELECT count(*) = :all_of_it AS all_of_it, count(*) FILTER (WHERE labels ->> 'table' = 'months') > 5 AS others_tables FROM cvwiz.metrics;
SELECT cvwiz.openmetrics() ~ 'table="months"' AS others_tables;
SELECT count(*) > 30 AS definitions FROM cvwiz.metric_definitions;
SET ROLE regress_cvwiz_owner;
SELECT count(*) FROM cvwiz.metrics;
SELECT count(*) FROM cvwiz.metric_definitions;
SELECT cvwiz.openmetrics();
RESET ROLE;

-- ---- a caller's settings and objects change nothing ----

CREATE FUNCTION app.jsonb_build_object(VARIADIC "any") RETURNS jsonb LANGUAGE internal AS 'jsonb_build_object';
CREATE TABLE app.metrics (name text);
SET search_path = app, cvwiz, pg_catalog;
SELECT count(*) = :all_of_it AS all_of_it, count(DISTINCT (name, labels)) = :all_of_it AS each_once FROM cvwiz.metrics;
SELECT cvwiz.openmetrics() ~ E'cvwiz_info\\{.*\\} 1\n# ' AS text;
RESET search_path;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP ROLE regress_cvwiz_owner;
DROP ROLE regress_cvwiz_monitor;
