-- What is monitored: at least one series of each metric, names that need
-- quoting and escaping, values that are no finite numbers.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE EXTENSION cvwiz;
CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
CREATE SCHEMA app;

CREATE TABLE app.audit_logs (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE INDEX ON app.audit_logs (at);
SELECT cvwiz.create_partition('app.audit_logs', (date '2026-03-01' + n * interval '1 month')::date) FROM generate_series(0, 5) n;
INSERT INTO app.audit_logs SELECT n, timestamptz '2026-03-01 00:00+00' + n * interval '1 hour' FROM generate_series(0, 4300) n;

CREATE TABLE app.events (id bigint, at timestamptz NOT NULL);
CREATE INDEX ON app.events (at);
INSERT INTO app.events SELECT n, timestamptz '2026-05-01 00:00+00' + n * interval '1 hour' FROM generate_series(0, 2900) n;

CREATE SCHEMA "we""ird";
CREATE TABLE "we""ird"."back\slash, ""quote"", {brace}
line 😀" (at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE "we""ird".endless PARTITION OF "we""ird"."back\slash, ""quote"", {brace}
line 😀" FOR VALUES FROM ('2026-08-01 00:00+00') TO (MAXVALUE);
CREATE TABLE app.held (at timestamptz NOT NULL);
CREATE INDEX ON app.held (at);
INSERT INTO app.held VALUES ('2026-01-01 00:00+00');

SELECT cvwiz.add_retention_policy(relation, time_column) FROM (VALUES
	('app.audit_logs', NULL), ('app.events', 'at'), ('app.held', 'at'),
	(format('%I.%I', 'we"ird', E'back\\slash, "quote", {brace}\nline 😀'), NULL)) p(relation, time_column);
SELECT cvwiz.alter_retention_policy('app.held', hold => true);
ANALYZE;

CREATE TABLE app.resumes (id int, snapshot jsonb, "odd ""column" json);
SELECT cvwiz.add_snapshot_limits('app.resumes', 'snapshot', max_size => 20000, warning_size => 5000, max_array_length => 10);
SELECT cvwiz.add_snapshot_limits('app.resumes', 'odd "column');
-- within, cut, metadata only, rejected
SET client_min_messages = error;
INSERT INTO app.resumes (id, snapshot)
SELECT n, jsonb_build_object('title', 'resume ' || n, 'items', (SELECT jsonb_agg(repeat(i::text, 20)) FROM generate_series(1, 10 * n) i))
FROM generate_series(1, 40) n;
INSERT INTO app.resumes (id, snapshot) SELECT 41, jsonb_build_object('title', 'long', 'sections', jsonb_object_agg('s' || n, repeat('x', 1000)))
FROM generate_series(1, 30) n;
DO $$
BEGIN
	INSERT INTO app.resumes (id, snapshot) VALUES (42, to_jsonb(repeat('x', 30000)));
EXCEPTION WHEN configuration_limit_exceeded THEN
	NULL;
END $$;

-- versions, some dead; a column that needs quoting
CREATE TABLE app.kept (id int, doc jsonb, "odd ""version" jsonb);
SELECT cvwiz.add_version_store('app.kept', 'doc', '{id}'), cvwiz.add_version_store('app.kept', 'odd "version', '{id}');
INSERT INTO app.kept SELECT n % 5, jsonb_build_object('n', n, 'text', repeat('x', n)) FROM generate_series(1, 100) n;
DELETE FROM app.kept WHERE id = 0;
