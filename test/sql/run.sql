-- Runs: cleanup_old_logs() and CALL run_retention(): what goes, what stays, what
-- is counted, what is a failure, what is recorded.
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
CREATE EXTENSION cvwiz;
SET cvwiz.now = '2026-08-31 12:00';
CREATE ROLE regress_cvwiz_owner;
CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO regress_cvwiz_owner;
SET search_path = app;

CREATE VIEW log AS
SELECT relation_name, origin, started_at, finished_at, success, deleted_count AS deleted, partitions_created AS created, partitions_detached AS detached,
	partitions_dropped AS dropped, cutoff_date, retention_days AS days, residue, error, error_detail
FROM cvwiz.retention_runs ORDER BY run_id;

-- ---- a partitioned table, one run ----

CREATE TABLE audit_logs (id int, t timestamptz NOT NULL) PARTITION BY RANGE (t);
SELECT format('CREATE TABLE audit_logs_%s PARTITION OF audit_logs FOR VALUES FROM (%L) TO (%L)', to_char(month, 'YYYY_MM'), month, month + interval '1 month')
FROM generate_series('2026-03-01'::timestamptz, '2026-08-01', interval '1 month') month \gexec
CREATE INDEX ON audit_logs (t);
-- 184 days, a row each hour
INSERT INTO audit_logs SELECT n, timestamptz '2026-03-01' + n * interval '1 hour' FROM generate_series(0, 184 * 24 - 1) n;
CREATE TABLE copy AS SELECT * FROM audit_logs;
SELECT cvwiz.add_retention_policy('audit_logs');
SELECT relation, success, deleted_count, partitions_created, partitions_detached, partitions_dropped, cutoff_date, retention_days, residue, duration > '0' AS took_time, error
FROM cvwiz.cleanup_old_logs();
-- exactly as a DELETE has it
SELECT count(*) FROM copy WHERE t < '2026-06-02 12:00';
DELETE FROM copy WHERE t < '2026-06-02 12:00';
(TABLE audit_logs EXCEPT ALL TABLE copy) UNION ALL (TABLE copy EXCEPT ALL TABLE audit_logs);
SELECT count(*), min(t), max(t) FROM audit_logs;
SELECT partition, range_start, range_end FROM cvwiz.partition_ranges('audit_logs');
SELECT to_regclass('audit_logs_2026_03'), to_regclass('audit_logs_2026_04'), to_regclass('audit_logs_2026_05');
SELECT count(*) FROM cvwiz.detached_partition;
SELECT * FROM log;
-- again: nothing is left to do
SELECT relation, success, deleted_count, partitions_created, partitions_detached, partitions_dropped, residue, error FROM cvwiz.cleanup_old_logs('audit_logs');
-- a day later 24 rows
SET cvwiz.now = '2026-09-01 12:00';
SELECT success, deleted_count, partitions_created, partitions_detached, partitions_dropped, cutoff_date, residue FROM cvwiz.cleanup_old_logs('audit_logs');
-- the clock set back does not hurt
SET cvwiz.now = '2026-08-31 12:00';
SELECT success, deleted_count, partitions_created, partitions_detached, partitions_dropped, cutoff_date, residue FROM cvwiz.cleanup_old_logs('audit_logs');
SELECT last_success, next_run FROM cvwiz.retention_policies;
DROP TABLE copy;

-- ---- at the cutoff ----

-- 90 days before: 2026-06-02 12:00 UTC; for dates 2026-06-02
CREATE TABLE edge_timestamptz (t timestamptz NOT NULL);
CREATE TABLE edge_timestamp (t timestamp NOT NULL);
CREATE TABLE edge_date (t date NOT NULL);
INSERT INTO edge_timestamptz VALUES ('-infinity'), ('4713-01-01 BC'), ('2026-06-02 11:59:59.999999'), ('2026-06-02 12:00'), ('2026-06-02 14:00+02:00'), ('2026-06-02 14:00+02:01'), ('2026-06-02 12:00:00.000001'), ('2099-01-01'), ('infinity');
INSERT INTO edge_timestamp VALUES ('-infinity'), ('4713-01-01 BC'), ('2026-06-02 11:59:59.999999'), ('2026-06-02 12:00'), ('2026-06-02 12:00:00.000001'), ('2099-01-01'), ('infinity');
INSERT INTO edge_date VALUES ('-infinity'), ('4713-01-01 BC'), ('2026-06-01'), ('2026-06-02'), ('2026-06-03'), ('5874897-12-31'), ('infinity');
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy('edge_timestamptz', 't'), cvwiz.add_retention_policy('edge_timestamp', 't'), cvwiz.add_retention_policy('edge_date', 't');
RESET client_min_messages;
SELECT relation, success, deleted_count, partitions_created, cutoff_date, residue FROM cvwiz.cleanup_old_logs() WHERE relation::text LIKE 'edge%';
SELECT t FROM edge_timestamptz ORDER BY t;
SELECT t FROM edge_timestamp ORDER BY t;
SELECT t FROM edge_date ORDER BY t;
-- the last moment of the day, and the first of the next
SET cvwiz.now = '2026-08-31 23:59:59.999999';
SELECT deleted_count, cutoff_date FROM cvwiz.cleanup_old_logs('edge_date');
SET cvwiz.now = '2026-09-01 00:00';
SELECT deleted_count, cutoff_date FROM cvwiz.cleanup_old_logs('edge_date');
SET cvwiz.now = '2026-08-31 12:00';
DROP TABLE edge_timestamptz, edge_timestamp, edge_date;
-- the same in a partitioned table, where the cutoff is a bound
CREATE TABLE edge (t timestamp NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE edge_old PARTITION OF edge FOR VALUES FROM (MINVALUE) TO ('2026-06-02 12:00');
CREATE TABLE edge_new PARTITION OF edge FOR VALUES FROM ('2026-06-02 12:00') TO (MAXVALUE);
INSERT INTO edge VALUES ('-infinity'), ('2026-06-02 11:59:59.999999'), ('2026-06-02 12:00'), ('infinity');
SELECT cvwiz.add_retention_policy('edge');
SELECT success, deleted_count, partitions_created, partitions_detached, partitions_dropped, residue FROM cvwiz.cleanup_old_logs('edge');
SELECT tableoid::regclass, t FROM edge ORDER BY t;
DROP TABLE edge;

-- ---- expiry goes by the bound, not by the name ----

CREATE TABLE named (t date NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE named_2020_01 PARTITION OF named FOR VALUES FROM ('2026-06-01') TO ('2027-01-01');
CREATE TABLE named_2027_01 PARTITION OF named FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
INSERT INTO named VALUES ('2020-01-15'), ('2026-06-01'), ('2026-08-31'), ('2026-12-31');
SELECT cvwiz.add_retention_policy('named');
SELECT success, deleted_count, partitions_created, partitions_detached, partitions_dropped, residue FROM cvwiz.cleanup_old_logs('named');
SELECT tableoid::regclass, t FROM named ORDER BY t;
DROP TABLE named;

-- ---- batches ----

-- many rows of the same time, with an index and without, no primary key
SET cvwiz.purge_batch_size = 10;
CREATE TABLE ties (t timestamp NOT NULL, id int);
INSERT INTO ties SELECT CASE WHEN n <= 995 THEN timestamp '2026-01-01' WHEN n <= 1003 THEN '2026-01-02' ELSE '2026-08-01' END, n FROM generate_series(1, 1100) n;
CREATE TABLE unindexed AS TABLE ties;
ALTER TABLE unindexed ALTER t SET NOT NULL;
CREATE TABLE half_indexed AS TABLE ties;
ALTER TABLE half_indexed ALTER t SET NOT NULL;
CREATE INDEX ON half_indexed (t) WHERE id > 500;
CREATE INDEX ON half_indexed (id, t);
CREATE INDEX ON ties (t);
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy('ties', 't'), cvwiz.add_retention_policy('unindexed', 't'), cvwiz.add_retention_policy('half_indexed', 't');
RESET client_min_messages;
SELECT success, deleted_count, residue FROM cvwiz.cleanup_old_logs('ties');
SELECT success, deleted_count, residue FROM cvwiz.cleanup_old_logs('unindexed');
SELECT success, deleted_count, residue FROM cvwiz.cleanup_old_logs('half_indexed');
SELECT count(*), min(id), max(id) FROM ties;
SELECT count(*), min(id), max(id) FROM unindexed;
SELECT count(*), min(id), max(id) FROM half_indexed;
-- one row at a time; a batch just as large as what there is
TRUNCATE ties;
INSERT INTO ties SELECT '2026-01-01', n FROM generate_series(1, 25) n;
SET cvwiz.purge_batch_size = 1;
SELECT success, deleted_count, residue FROM cvwiz.cleanup_old_logs('ties');
INSERT INTO ties SELECT '2026-01-01', n FROM generate_series(1, 25) n;
SET cvwiz.purge_batch_size = 25;
SELECT success, deleted_count, residue FROM cvwiz.cleanup_old_logs('ties');
RESET cvwiz.purge_batch_size;
DROP TABLE ties, unindexed, half_indexed;

-- ---- sub-partitions, a DEFAULT partition ----

CREATE TABLE mixed (t timestamptz NOT NULL, kind text) PARTITION BY RANGE (t);
CREATE TABLE mixed_old PARTITION OF mixed FOR VALUES FROM ('2026-01-01') TO ('2026-02-01') PARTITION BY LIST (kind);
CREATE TABLE mixed_old_a PARTITION OF mixed_old FOR VALUES IN ('a');
CREATE TABLE mixed_edge PARTITION OF mixed FOR VALUES FROM ('2026-06-01') TO ('2026-07-01') PARTITION BY LIST (kind);
CREATE TABLE mixed_edge_a PARTITION OF mixed_edge FOR VALUES IN ('a');
CREATE TABLE mixed_edge_b PARTITION OF mixed_edge FOR VALUES IN ('b') PARTITION BY HASH (kind);
CREATE TABLE mixed_edge_b_0 PARTITION OF mixed_edge_b FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE mixed_default PARTITION OF mixed DEFAULT;
INSERT INTO mixed VALUES ('2026-01-05', 'a'), ('2026-06-01', 'a'), ('2026-06-01', 'b'), ('2026-06-20', 'a'), ('2026-06-20', 'b'), ('2026-03-01', 'c'), ('2026-08-20', 'c');
SELECT cvwiz.add_retention_policy('mixed');
-- the DEFAULT partition has a row of the month that is to be made; the rest is done
SELECT success, deleted_count, partitions_created, partitions_detached, partitions_dropped, residue, error FROM cvwiz.cleanup_old_logs('mixed');
SELECT tableoid::regclass, t, kind FROM mixed ORDER BY t, kind;
SELECT error, error_detail FROM log ORDER BY 1 LIMIT 1;
DELETE FROM mixed_default;
SELECT success, deleted_count, partitions_created, partitions_detached, partitions_dropped, residue, error FROM cvwiz.cleanup_old_logs('mixed');
DROP TABLE mixed;

-- ---- hold, disabled ----

INSERT INTO audit_logs VALUES (1, '2026-06-01 01:00'), (2, '2026-06-01 02:00');
SELECT cvwiz.alter_retention_policy('audit_logs', hold => true);
SET cvwiz.now = '2026-10-31';
SELECT success, deleted_count, partitions_created, partitions_detached, partitions_dropped, residue, error FROM cvwiz.cleanup_old_logs('audit_logs');
CALL cvwiz.run_retention('audit_logs');
SET cvwiz.now = '2026-08-31 12:00';
SELECT cvwiz.alter_retention_policy('audit_logs', hold => false, enabled => false);
SELECT count(*) FROM cvwiz.cleanup_old_logs();
CALL cvwiz.run_retention();
SELECT * FROM cvwiz.cleanup_old_logs('audit_logs');
\echo :SQLSTATE
CALL cvwiz.run_retention('audit_logs');
\echo :SQLSTATE
SELECT count(*), min(id), max(id) FROM audit_logs WHERE t < '2026-06-02';
SELECT cvwiz.alter_retention_policy('audit_logs', enabled => true);
SELECT success, deleted_count, residue FROM cvwiz.cleanup_old_logs('audit_logs');

-- a hold counts for what is below: a table with a policy of its own that has come to be a partition
CREATE TABLE upper (t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE lower (t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE lower_past PARTITION OF lower FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE lower_edge PARTITION OF lower FOR VALUES FROM ('2026-06-01') TO ('2026-07-01');
INSERT INTO lower VALUES ('2026-01-05'), ('2026-06-01');
SELECT cvwiz.add_retention_policy('upper'), cvwiz.add_retention_policy('lower');
SELECT cvwiz.alter_retention_policy('upper', hold => true);
ALTER TABLE upper ATTACH PARTITION lower FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
SELECT sum(deleted_count) AS deleted, sum(partitions_detached) AS detached FROM cvwiz.cleanup_old_logs() WHERE relation IN ('upper'::regclass, 'lower'::regclass);
SELECT count(*) FROM upper;
SELECT cvwiz.alter_retention_policy('upper', hold => false);
SELECT sum(deleted_count) AS deleted FROM cvwiz.cleanup_old_logs() WHERE relation IN ('upper'::regclass, 'lower'::regclass);
SELECT relation, success, deleted_count, residue, error FROM cvwiz.cleanup_old_logs() WHERE relation = 'lower'::regclass;
DROP TABLE upper;

-- ---- a foreign key that came later ----

CREATE TABLE referred (id int PRIMARY KEY, t timestamptz NOT NULL);
INSERT INTO referred VALUES (1, '2026-01-01'), (2, '2026-01-01');
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy('referred', 't');
RESET client_min_messages;
CREATE TABLE refers (id int REFERENCES referred ON DELETE CASCADE);
INSERT INTO refers VALUES (1);
SELECT success, deleted_count, residue, error FROM cvwiz.cleanup_old_logs('referred');
SELECT error_detail FROM log WHERE relation_name = 'app.referred';
SELECT count(*) FROM refers;
DROP TABLE refers;
SELECT success, deleted_count, residue, error FROM cvwiz.cleanup_old_logs('referred');
DROP TABLE referred;

-- ---- a failing table, and the others ----

DELETE FROM cvwiz.retention_run;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF old.id = 13 THEN
		RAISE EXCEPTION 'row % is dear to us', old.id USING ERRCODE = 'P0042', DETAIL = 'It just is.', HINT = 'Leave it alone.';
	END IF;
	RETURN old;
END $$;
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RETURN CASE WHEN old.id % 10 = 0 THEN NULL ELSE old END;
END $$;
CREATE FUNCTION put_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO app.%I SELECT $1.*', tg_table_name) USING old;
	RETURN NULL;
END $$;
-- each with 100 rows to go and 10 to stay
SELECT format('CREATE TABLE %I (id int, t timestamp NOT NULL); CREATE INDEX ON %1$I (t);', name)
FROM unnest('{a_good,b_refuses,c_keeps,d_puts_back,e_forced,f_viewed,g_rule,h_good}'::text[]) name \gexec
DROP TABLE f_viewed;
CREATE TABLE f_viewed (id int, t timestamp NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE f_viewed_old PARTITION OF f_viewed FOR VALUES FROM ('2026-01-01') TO ('2026-05-01');
CREATE TABLE f_viewed_edge PARTITION OF f_viewed FOR VALUES FROM ('2026-05-01') TO ('2026-08-31 12:00');
CREATE VIEW on_a_partition AS SELECT * FROM f_viewed_old;
SELECT format('INSERT INTO %I SELECT n, timestamp ''2026-04-01'' + n * interval ''10 hours'' FROM generate_series(0, 99) n', name)
FROM unnest('{a_good,b_refuses,c_keeps,d_puts_back,e_forced,f_viewed,g_rule,h_good}'::text[]) name \gexec
SELECT format('INSERT INTO %I SELECT n, timestamp ''2026-07-01'' + n * interval ''10 hours'' FROM generate_series(0, 9) n', name)
FROM unnest('{a_good,b_refuses,c_keeps,d_puts_back,e_forced,f_viewed,g_rule,h_good}'::text[]) name \gexec
CREATE TRIGGER refuse BEFORE DELETE ON b_refuses FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TRIGGER keep BEFORE DELETE ON c_keeps FOR EACH ROW EXECUTE FUNCTION keep();
CREATE TRIGGER put_back AFTER DELETE ON d_puts_back FOR EACH ROW EXECUTE FUNCTION put_back();
ALTER TABLE e_forced OWNER TO regress_cvwiz_owner;
ALTER TABLE e_forced ENABLE ROW LEVEL SECURITY;
ALTER TABLE e_forced FORCE ROW LEVEL SECURITY;
CREATE POLICY half ON e_forced USING (id % 2 = 0);
CREATE RULE instead AS ON DELETE TO g_rule DO INSTEAD NOTHING;
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy(name::regclass, 't') FROM unnest('{a_good,b_refuses,c_keeps,d_puts_back,e_forced,f_viewed,g_rule,h_good}'::text[]) name;
RESET client_min_messages;
SET cvwiz.purge_batch_size = 10;
\x on
SELECT relation, success, deleted_count, partitions_created AS created, partitions_detached AS detached, partitions_dropped AS dropped, residue, error FROM cvwiz.cleanup_old_logs();
\x off
SELECT (SELECT count(*) FROM a_good) AS a_good, (SELECT count(*) FROM b_refuses) AS b_refuses, (SELECT count(*) FROM c_keeps) AS c_keeps, (SELECT count(*) FROM d_puts_back) AS d_puts_back,
	(SELECT count(*) FROM e_forced) AS e_forced, (SELECT count(*) FROM f_viewed) AS f_viewed, (SELECT count(*) FROM g_rule) AS g_rule, (SELECT count(*) FROM h_good) AS h_good;
-- the figures are kept, and what went wrong
\x on
SELECT relation_name, success, deleted, created, detached, dropped, residue, error, regexp_replace(error_detail, '; PL/pgSQL.*|; SQL statement.*', '') AS error_detail FROM log WHERE NOT success;
\x off
-- the procedure does what is left, and says which have failed
SET client_min_messages = warning;
CALL cvwiz.run_retention();
\echo :SQLSTATE
RESET client_min_messages;
SELECT relation_name, origin, success, deleted, created, detached, dropped, residue FROM log WHERE origin = 'call';
-- the expired partition was detached, and is still there; nothing but the view keeps it
SELECT relation, parent, range_start, range_end, detached_at FROM cvwiz.detached_partition;
SELECT step, action, target, reason FROM cvwiz.retention_plan('f_viewed');
DROP VIEW on_a_partition;
SELECT success, deleted_count, partitions_detached, partitions_dropped, residue, error FROM cvwiz.cleanup_old_logs('f_viewed');
SELECT count(*) FROM cvwiz.detached_partition;
-- the reasons away, all succeed
DROP TRIGGER refuse ON b_refuses;
DROP TRIGGER keep ON c_keeps;
DROP TRIGGER put_back ON d_puts_back;
ALTER TABLE e_forced NO FORCE ROW LEVEL SECURITY;
DROP RULE instead ON g_rule;
SET client_min_messages = warning;
CALL cvwiz.run_retention();
RESET client_min_messages;
SELECT relation_name, success, deleted, residue FROM log WHERE origin = 'call' ORDER BY relation_name, success;
SELECT (SELECT count(*) FROM a_good) AS a_good, (SELECT count(*) FROM b_refuses) AS b_refuses, (SELECT count(*) FROM c_keeps) AS c_keeps, (SELECT count(*) FROM d_puts_back) AS d_puts_back,
	(SELECT count(*) FROM e_forced) AS e_forced, (SELECT count(*) FROM f_viewed) AS f_viewed, (SELECT count(*) FROM g_rule) AS g_rule, (SELECT count(*) FROM h_good) AS h_good;

-- ---- an owner who bypasses, or is exempt from, row-level security ----

ALTER TABLE e_forced FORCE ROW LEVEL SECURITY;
ALTER ROLE regress_cvwiz_owner BYPASSRLS;
INSERT INTO e_forced SELECT n, '2026-01-01' FROM generate_series(1, 10) n;
SELECT success, deleted_count, residue, error FROM cvwiz.cleanup_old_logs('e_forced');
ALTER ROLE regress_cvwiz_owner NOBYPASSRLS;
-- FORCE without any row: not seen is not empty
SELECT success, deleted_count, residue, error FROM cvwiz.cleanup_old_logs('e_forced');

-- ---- the procedure in a transaction block ----

BEGIN;
CALL cvwiz.run_retention('a_good');
\echo :SQLSTATE
ROLLBACK;
DO $$ BEGIN CALL cvwiz.run_retention('a_good'); END $$;
CREATE FUNCTION calls() RETURNS void LANGUAGE sql AS 'CALL cvwiz.run_retention(''app.a_good'')';
SELECT calls();
\echo :SQLSTATE
DO $$
BEGIN
	BEGIN
		CALL cvwiz.run_retention('a_good');
	EXCEPTION WHEN invalid_transaction_termination THEN
		RAISE NOTICE '%: %', sqlstate, sqlerrm;
	END;
END $$;
-- the function in one: rolled back, nothing has happened, also in the log
INSERT INTO a_good VALUES (1, '2026-01-01');
SELECT count(*) AS runs FROM log \gset before_
BEGIN;
SELECT success, deleted_count FROM cvwiz.cleanup_old_logs('a_good');
ROLLBACK;
SELECT count(*) FROM a_good WHERE t < '2026-06-01';
SELECT count(*) - :before_runs AS more_runs FROM log;
-- twice in one transaction
BEGIN;
SELECT success, deleted_count FROM cvwiz.cleanup_old_logs('a_good');
SELECT success, deleted_count FROM cvwiz.cleanup_old_logs('a_good');
COMMIT;
-- another isolation level: the residue would be one of the past
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM cvwiz.cleanup_old_logs('a_good');
\echo :SQLSTATE
ROLLBACK;
BEGIN READ ONLY;
SELECT * FROM cvwiz.cleanup_old_logs('a_good');
\echo :SQLSTATE
ROLLBACK;
SET default_transaction_isolation = 'serializable';
INSERT INTO a_good VALUES (1, '2026-01-01');
SET client_min_messages = warning;
CALL cvwiz.run_retention('a_good');
RESET client_min_messages;
RESET default_transaction_isolation;
SELECT count(*) FROM a_good WHERE t < '2026-06-01';

-- ---- a trigger that starts a run of its own ----

CREATE FUNCTION start_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM cvwiz.cleanup_old_logs('app.h_good');
	RETURN old;
END $$;
CREATE TRIGGER start_run BEFORE DELETE ON a_good FOR EACH ROW EXECUTE FUNCTION start_run();
INSERT INTO a_good VALUES (1, '2026-01-01');
INSERT INTO h_good VALUES (1, '2026-01-01');
SELECT success, deleted_count, error FROM cvwiz.cleanup_old_logs('a_good');
SELECT success, deleted_count, error FROM cvwiz.cleanup_old_logs('h_good');

-- ---- the policy's column is no time any more, or lost its NOT NULL ----

ALTER TABLE g_rule ALTER t TYPE text;
SELECT success, deleted_count, residue, error FROM cvwiz.cleanup_old_logs('g_rule');
SELECT relation, success, error FROM cvwiz.cleanup_old_logs() WHERE relation IN ('a_good'::regclass, 'g_rule'::regclass, 'h_good'::regclass);
SELECT relation FROM cvwiz.retention_plan() WHERE relation = 'g_rule'::regclass;
ALTER TABLE c_keeps ALTER t DROP NOT NULL;
INSERT INTO c_keeps VALUES (1, NULL), (2, '2026-01-01');
SELECT success, deleted_count, residue, error FROM cvwiz.cleanup_old_logs('c_keeps');
SELECT count(*) FROM c_keeps WHERE t IS NULL;
-- a child that inherits has rows too, which no purge reaches: no success
CREATE TABLE child () INHERITS (c_keeps);
INSERT INTO child VALUES (1, '2026-01-01');
SELECT success, deleted_count, residue, error FROM cvwiz.cleanup_old_logs('c_keeps');
DROP TABLE child;

-- ---- the log of runs ----

-- kept for 400 days; those of a table that is gone have its name
SET client_min_messages = warning;
DELETE FROM cvwiz.retention_run;
DROP TABLE b_refuses, c_keeps, d_puts_back, e_forced, f_viewed, g_rule CASCADE;
RESET client_min_messages;
SET cvwiz.now = '2025-07-01';
SELECT success FROM cvwiz.cleanup_old_logs('h_good');
SET cvwiz.now = '2026-08-05';
SELECT success FROM cvwiz.cleanup_old_logs('h_good');
SELECT relation_name, started_at FROM log;
SET cvwiz.now = '2026-08-05 00:00:01';
SELECT success FROM cvwiz.cleanup_old_logs('h_good');
SELECT relation_name, started_at FROM log;
DROP TABLE h_good;
SELECT relation, relation_name, started_at FROM cvwiz.retention_runs ORDER BY run_id;
SET cvwiz.now = '2026-08-31 12:00';
-- one that was killed is marked by the next
INSERT INTO cvwiz.retention_run (relation, relation_name, origin, pid, started_at) VALUES ('a_good'::regclass, 'app.a_good', 'worker', 12345, '2026-08-30 03:00');
SELECT success FROM cvwiz.cleanup_old_logs('a_good');
SELECT relation_name, origin, success, finished_at, error FROM log WHERE origin = 'worker';
-- a success that was not measured, or not 0, is none
\set VERBOSITY terse
UPDATE cvwiz.retention_run SET success = true, residue = 1;
\echo :SQLSTATE
UPDATE cvwiz.retention_run SET success = true, residue = NULL;
\echo :SQLSTATE

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
DROP ROLE regress_cvwiz_owner;
