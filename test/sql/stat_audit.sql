-- sample_sizes(), stat_audit: figures of policies, by samples and without; growth;
-- counts that never fall; who sees what.
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = postgres;
CREATE EXTENSION cvwiz;
SET cvwiz.now = '2026-08-31 12:00';
SET cvwiz.lock_timeout = '60s';
CREATE ROLE regress_cvwiz_owner;
CREATE ROLE regress_cvwiz_nobody;
CREATE ROLE regress_cvwiz_monitor IN ROLE pg_monitor;
CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO PUBLIC;
SET search_path = app;

SELECT cvwiz.sample_sizes();
SELECT count(*) FROM cvwiz.stat_audit;

-- ---- tables of all kinds ----

-- partitioned, three time types; the first and the last partition are empty
CREATE TABLE tz (t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE ts (t timestamp NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE dt (t date NOT NULL) PARTITION BY RANGE (t);
SELECT count(cvwiz.create_partition(r, m::date)) FROM unnest('{tz,ts,dt}'::regclass[]) r, generate_series('2026-04-01'::timestamp, '2026-10-01', '1 month') m;
CREATE INDEX ON tz (t);
INSERT INTO tz SELECT '2026-05-15 06:00+00'::timestamptz + n * interval '1 hour' FROM generate_series(0, 2500) n;
INSERT INTO ts SELECT t AT TIME ZONE 'UTC' FROM tz;
INSERT INTO dt SELECT (t AT TIME ZONE 'UTC')::date FROM tz;
-- plain: with an index, small without, big without
CREATE TABLE plain_index (t timestamptz NOT NULL);
CREATE INDEX ON plain_index (t);
CREATE TABLE plain_small (t date NOT NULL);
CREATE TABLE plain_big (t timestamp NOT NULL, filler text);
ALTER TABLE plain_big ALTER COLUMN filler SET STORAGE PLAIN;
INSERT INTO plain_index SELECT t FROM tz;
INSERT INTO plain_small SELECT t FROM dt;
INSERT INTO plain_big SELECT '2026-08-01 12:00', repeat('x', 5000) FROM generate_series(1, 1001);
-- empty
CREATE TABLE none (t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE plain_none (t timestamptz NOT NULL);
-- a DEFAULT partition that has the oldest and the newest record
CREATE TABLE dflt (t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE dflt_8 PARTITION OF dflt FOR VALUES FROM ('2026-08-01') TO ('2026-09-01');
CREATE TABLE dflt_d PARTITION OF dflt DEFAULT;
INSERT INTO dflt VALUES ('2026-06-09 12:00'), ('2026-08-10'), ('2026-11-11');
-- for ever; a gap after this month
CREATE TABLE forever (t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE forever_1 PARTITION OF forever FOR VALUES FROM (MINVALUE) TO ('2026-08-01');
CREATE TABLE forever_2 PARTITION OF forever FOR VALUES FROM ('2026-08-01') TO (MAXVALUE);
INSERT INTO forever VALUES ('-infinity'), ('infinity');
CREATE TABLE gap (t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE gap_8 PARTITION OF gap FOR VALUES FROM ('2026-08-01') TO ('2026-09-01');
CREATE TABLE gap_10 PARTITION OF gap FOR VALUES FROM ('2026-10-01') TO ('2026-11-01');
INSERT INTO gap VALUES ('2026-08-31');
-- partitions of partitions
CREATE TABLE sub (t timestamptz NOT NULL, k int) PARTITION BY RANGE (t);
CREATE TABLE sub_8 PARTITION OF sub FOR VALUES FROM ('2026-08-01') TO ('2026-09-01') PARTITION BY LIST (k);
CREATE TABLE sub_8_1 PARTITION OF sub_8 FOR VALUES IN (1);
CREATE TABLE sub_8_2 PARTITION OF sub_8 FOR VALUES IN (2);
INSERT INTO sub VALUES ('2026-08-05', 1), ('2026-08-03', 2);
-- a foreign partition is not asked: neither where it may have the oldest record, nor elsewhere
CREATE FOREIGN DATA WRAPPER regress_cvwiz_wrapper;
CREATE SERVER regress_cvwiz_server FOREIGN DATA WRAPPER regress_cvwiz_wrapper;
CREATE TABLE far (t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE FOREIGN TABLE far_7 PARTITION OF far FOR VALUES FROM ('2026-07-01') TO ('2026-08-01') SERVER regress_cvwiz_server;
CREATE TABLE far_8 PARTITION OF far FOR VALUES FROM ('2026-08-01') TO ('2026-09-01');
INSERT INTO far VALUES ('2026-08-31');
-- whole partitions: the end of its partition counts
CREATE TABLE whole (t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE whole_5 PARTITION OF whole FOR VALUES FROM ('2026-05-01') TO ('2026-06-01');
CREATE TABLE whole_8 PARTITION OF whole FOR VALUES FROM ('2026-08-01') TO ('2026-10-01');
INSERT INTO whole VALUES ('2026-05-02'), ('2026-08-31');
CREATE TABLE whole_dflt (t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE whole_dflt_d PARTITION OF whole_dflt DEFAULT;
INSERT INTO whole_dflt VALUES ('2026-05-02');
CREATE TABLE whole_max (t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE whole_max_1 PARTITION OF whole_max FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
INSERT INTO whole_max VALUES ('2026-01-01');
-- on hold, disabled
CREATE TABLE held (t timestamptz NOT NULL);
CREATE TABLE off (t timestamptz NOT NULL);
INSERT INTO held VALUES ('2026-01-01');
INSERT INTO off VALUES ('2026-01-01');
-- a name that has to be quoted wherever it goes
CREATE TABLE "'; DROP TABLE tz; --""\" ("the ""time'" timestamptz NOT NULL) PARTITION BY RANGE ("the ""time'");
CREATE TABLE "<script>%s%n" PARTITION OF "'; DROP TABLE tz; --""\" FOR VALUES FROM ('2026-08-01') TO ('2026-09-01');
INSERT INTO "'; DROP TABLE tz; --""\" VALUES ('2026-08-02');

SET client_min_messages = warning;
SELECT count(cvwiz.add_retention_policy(r, CASE WHEN r::text ~ '^(plain|held|off)' THEN 't' END, 90, 1, CASE WHEN r::text LIKE 'whole%' THEN 'partition' ELSE 'row' END))
FROM unnest(ARRAY['tz', 'ts', 'dt', 'plain_index', 'plain_small', 'plain_big', 'none', 'plain_none', 'dflt', 'forever', 'gap', 'sub', 'far', 'whole', 'whole_dflt', 'whole_max', 'held', 'off', '"''; DROP TABLE tz; --""\"']::regclass[]) r;
RESET client_min_messages;
SELECT cvwiz.alter_retention_policy('held', hold => true), cvwiz.alter_retention_policy('off', enabled => false);
-- reading a table must not make it grow: its visibility map is there
SELECT 'VACUUM ANALYZE ' || string_agg(oid::regclass::text, ', ' ORDER BY oid) FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind = 'r' \gexec

-- ---- live: nobody has taken a sample ----

-- what is overdue is so since there is a policy
SELECT relation, overdue FROM cvwiz.stat_audit WHERE relation IN ('ts'::regclass, 'dt'::regclass, 'held'::regclass) ORDER BY relation::text;
UPDATE cvwiz.retention_policy SET added_at = '2026-08-31' WHERE relation = 'ts'::regclass;
SELECT overdue FROM cvwiz.stat_audit WHERE relation = 'ts'::regclass;
UPDATE cvwiz.retention_policy SET added_at = '2026-01-01';
CREATE TABLE live AS SELECT * FROM cvwiz.stat_audit;
SELECT relation, rows_estimate, oldest_record, newest_record, overdue, partitions, days_ahead FROM live ORDER BY relation::text COLLATE "C";
SELECT count(*) AS policies, count(rows_per_day_7d) AS rate_7d, count(rows_per_day_30d) AS rate_30d, count(last_success) AS success, count(last_run_succeeded) AS run, count(residue) AS residue,
	sum(runs_succeeded + runs_failed + runs_on_hold + rows_purged) AS counted, count(sampled_at) AS sampled FROM live;
SELECT relation, retention_days, enabled, hold, added_at FROM live WHERE relation IN ('tz'::regclass, 'held'::regclass, 'off'::regclass) ORDER BY relation::text COLLATE "C";
-- sizes are those of the whole tree; nothing is locked any more
SELECT relation FROM live l WHERE total_bytes <> (SELECT sum(pg_total_relation_size(x)) FROM (SELECT relid FROM pg_partition_tree(relation) UNION SELECT relation) t(x));
SELECT count(*) FROM live WHERE total_bytes = 0 AND rows_estimate > 0;
BEGIN;
SELECT count(*) FROM cvwiz.stat_audit;
SELECT relation::regclass, mode FROM pg_locks WHERE pid = pg_backend_pid() AND relation IN (SELECT oid FROM pg_class WHERE relnamespace = 'app'::regnamespace);
COMMIT;

-- ---- by samples: the same ----

SELECT cvwiz.sample_sizes();
SELECT count(*), count(DISTINCT relation), min(sampled_at) = max(sampled_at) AS at_once, count(snapshot_column) AS columns FROM cvwiz.size_sample;
CREATE TABLE sampled AS SELECT * FROM cvwiz.stat_audit;
SELECT count(*) FROM sampled WHERE sampled_at = cvwiz.clock();
UPDATE sampled SET sampled_at = NULL;
TABLE live EXCEPT TABLE sampled;
TABLE sampled EXCEPT TABLE live;

-- in other time zones, with other formats
SET timezone = 'Pacific/Kiritimati';
SET datestyle = 'German, DMY';
SET intervalstyle = sql_standard;
SET cvwiz.now = '2026-08-31 12:00:00.5+00';
TRUNCATE cvwiz.size_sample;
CREATE TABLE elsewhere AS SELECT * FROM cvwiz.stat_audit;
SELECT cvwiz.sample_sizes();
CREATE TABLE sampled_elsewhere AS SELECT * FROM cvwiz.stat_audit;
SET intervalstyle = postgres;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
UPDATE sampled_elsewhere SET sampled_at = NULL;
TABLE elsewhere EXCEPT TABLE sampled_elsewhere;
ALTER TABLE live DROP COLUMN overdue, DROP COLUMN days_ahead;
ALTER TABLE elsewhere DROP COLUMN overdue, DROP COLUMN days_ahead;
TABLE live EXCEPT TABLE elsewhere;
DROP TABLE live, sampled, elsewhere, sampled_elsewhere;

-- with an index the big one is known
TRUNCATE cvwiz.size_sample;
CREATE INDEX ON plain_big (t);
SELECT oldest_record, newest_record FROM cvwiz.stat_audit WHERE relation = 'plain_big'::regclass;
-- not by one that has other rows, nor by one that begins with another column
DROP INDEX plain_big_t_idx;
CREATE INDEX plain_big_partial ON plain_big (t) WHERE t > '2026-08-15';
CREATE INDEX plain_big_second ON plain_big ((1), t);
SELECT oldest_record, newest_record FROM cvwiz.stat_audit WHERE relation = 'plain_big'::regclass;
-- a table that has never been analyzed is not taken for ten pages
CREATE TABLE fresh (t timestamptz NOT NULL);
INSERT INTO fresh VALUES ('2026-08-31');
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy('fresh', 't');
RESET client_min_messages;
SELECT rows_estimate BETWEEN 1 AND 300 AS one_page FROM cvwiz.stat_audit WHERE relation = 'fresh'::regclass;

-- ---- when a sample is due ----

TRUNCATE cvwiz.size_sample;
SET client_min_messages = warning;
SELECT count(cvwiz.remove_retention_policy(relation)) FROM cvwiz.retention_policy WHERE relation NOT IN ('tz'::regclass, 'gap'::regclass);
RESET client_min_messages;
SET cvwiz.now = '2026-08-31 12:00';
SELECT cvwiz.sample_sizes();
SET cvwiz.now = '2026-08-31 12:59:59.999999';
SELECT cvwiz.sample_sizes();
SET cvwiz.now = '2026-08-31 13:00';
SELECT cvwiz.sample_sizes();
-- after a run, of that table
SET cvwiz.now = '2026-08-31 13:10';
SELECT relation, success, deleted_count FROM cvwiz.cleanup_old_logs('tz');
SET cvwiz.now = '2026-08-31 13:10:15';
SELECT cvwiz.sample_sizes();
SELECT cvwiz.sample_sizes();
SELECT relation::regclass, rows_purged FROM cvwiz.size_sample WHERE sampled_at = cvwiz.clock();
-- one from the future counts as none
SET cvwiz.now = '2026-08-30';
SELECT count(*) FILTER (WHERE sampled_at IS NULL) AS live FROM cvwiz.stat_audit;
SELECT cvwiz.sample_sizes();
SELECT relation, sampled_at FROM cvwiz.stat_audit ORDER BY 1;
-- one that is two hours old is none either
SET cvwiz.now = '2026-08-31 14:59:59';
SELECT relation, sampled_at FROM cvwiz.stat_audit ORDER BY relation::text;
SET cvwiz.now = '2026-08-31 15:00';
SELECT relation, sampled_at FROM cvwiz.stat_audit ORDER BY relation::text;
-- days ahead and overdue are as of now, not as of the sample
SET cvwiz.now = '2026-08-31 23:30';
SELECT cvwiz.sample_sizes();
SET cvwiz.now = '2026-09-01 00:30';
SELECT relation, days_ahead, overdue, sampled_at FROM cvwiz.stat_audit WHERE relation = 'gap'::regclass;

-- ---- growth ----

CREATE TABLE grows (t timestamptz NOT NULL);
CREATE INDEX ON grows (t);
SET client_min_messages = warning;
SELECT cvwiz.remove_retention_policy('tz'), cvwiz.remove_retention_policy('gap'), cvwiz.add_retention_policy('grows', 't', 30);
RESET client_min_messages;
TRUNCATE cvwiz.size_sample;
-- a thousand rows, then one day without a sample to compare with
INSERT INTO grows SELECT '2026-08-01 12:00' FROM generate_series(1, 1000);
VACUUM ANALYZE grows;
SET cvwiz.now = '2026-08-01 12:00';
SELECT cvwiz.sample_sizes();
SET cvwiz.now = '2026-08-02 11:59:59';
SELECT cvwiz.sample_sizes();
SELECT rows_per_day_7d, rows_per_day_30d FROM cvwiz.stat_audit;
-- 50 rows more after one day
INSERT INTO grows SELECT '2026-08-02 12:00' FROM generate_series(1, 50);
VACUUM ANALYZE grows;
SET cvwiz.now = '2026-08-02 13:00';
SELECT cvwiz.sample_sizes();
SELECT rows_per_day_7d, rows_per_day_30d FROM cvwiz.stat_audit;
TRUNCATE cvwiz.size_sample;
SET cvwiz.now = '2026-08-02 12:00';
SELECT cvwiz.sample_sizes();
-- 20 days later 100 rows a day have come
INSERT INTO grows SELECT '2026-08-22 12:00' FROM generate_series(1, 2000);
VACUUM ANALYZE grows;
SET cvwiz.now = '2026-08-22 12:00';
SELECT cvwiz.sample_sizes();
SELECT rows_per_day_7d, rows_per_day_30d FROM cvwiz.stat_audit;
-- 7 days later 700 have come; the 1000 oldest expire and are purged, which is no shrinking
INSERT INTO grows SELECT '2026-08-29 12:00' FROM generate_series(1, 700);
VACUUM ANALYZE grows;
SET cvwiz.now = '2026-08-29 12:00';
SELECT cvwiz.sample_sizes();
SELECT rows_per_day_7d, rows_per_day_30d FROM cvwiz.stat_audit;
SET cvwiz.now = '2026-09-01 12:00';
SELECT deleted_count, residue FROM cvwiz.cleanup_old_logs();
VACUUM ANALYZE grows;
SET cvwiz.now = '2026-09-01 12:00:01';
SELECT cvwiz.sample_sizes();
SELECT rows_estimate, round(rows_per_day_7d::numeric, 2) AS seven, round(rows_per_day_30d::numeric, 2) AS thirty, rows_purged FROM cvwiz.stat_audit;
-- without the sample of now the same, measured
DELETE FROM cvwiz.size_sample WHERE sampled_at = cvwiz.clock();
SELECT rows_estimate, round(rows_per_day_7d::numeric, 2) AS seven, round(rows_per_day_30d::numeric, 2) AS thirty, sampled_at FROM cvwiz.stat_audit;
-- rows that somebody else deletes: no growth below zero
SELECT cvwiz.sample_sizes();
DELETE FROM grows;
VACUUM ANALYZE grows;
SET cvwiz.now = '2026-09-02 12:00:01';
SELECT cvwiz.sample_sizes();
SELECT rows_estimate, rows_per_day_7d, rows_per_day_30d FROM cvwiz.stat_audit;
-- months later there is nothing to compare with
SET cvwiz.now = '2026-12-01';
SELECT cvwiz.sample_sizes();
SELECT rows_per_day_7d, rows_per_day_30d FROM cvwiz.stat_audit;

-- partitions that are detached, and dropped later, have not shrunk the growth
CREATE TABLE detaches (t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE detaches_6 PARTITION OF detaches FOR VALUES FROM ('2026-06-01') TO ('2026-07-01');
CREATE TABLE detaches_7 PARTITION OF detaches FOR VALUES FROM ('2026-07-01') TO ('2026-09-01');
INSERT INTO detaches SELECT '2026-06-15' FROM generate_series(1, 300);
INSERT INTO detaches SELECT '2026-07-15' FROM generate_series(1, 100);
ANALYZE detaches;
SELECT cvwiz.remove_retention_policy('grows'), cvwiz.add_retention_policy('detaches', retention_days => 30, premake_months => 1, drop_after => '5 days');
SET cvwiz.now = '2026-07-30';
SELECT cvwiz.sample_sizes();
SET cvwiz.now = '2026-08-01';
SELECT success, deleted_count, partitions_detached, partitions_dropped FROM cvwiz.cleanup_old_logs();
SELECT count(*) FROM cvwiz.detached_partitions;
INSERT INTO detaches SELECT '2026-08-01' FROM generate_series(1, 60);
ANALYZE detaches_7;
SET cvwiz.now = '2026-08-02';
SELECT rows_estimate, rows_per_day_7d, rows_purged FROM cvwiz.stat_audit;
SET cvwiz.now = '2026-08-06';
-- the drop counts what the detach took
SELECT success, deleted_count, partitions_dropped FROM cvwiz.cleanup_old_logs();
SET cvwiz.now = '2026-08-05';
SELECT rows_estimate, rows_per_day_7d, rows_purged FROM cvwiz.stat_audit;

-- ---- runs, and counts that never fall ----

SELECT cvwiz.remove_retention_policy('detaches');
TRUNCATE cvwiz.size_sample;
CREATE TABLE counted (t timestamptz NOT NULL);
CREATE TABLE other (t timestamptz NOT NULL);
SET client_min_messages = warning;
SET cvwiz.now = '2024-01-01';
SELECT cvwiz.add_retention_policy('counted', 't', 30), cvwiz.add_retention_policy('other', 't', 30);
RESET client_min_messages;
CREATE VIEW public.counts AS SELECT last_success, last_run_succeeded AS last_ok, residue, runs_succeeded AS ok, runs_failed AS failed, runs_on_hold AS held, rows_purged FROM cvwiz.stat_audit WHERE relation = 'counted'::regclass;
TABLE public.counts;
-- successes, one with rows
INSERT INTO counted SELECT '2023-10-01' FROM generate_series(1, 7);
SET cvwiz.now = '2024-01-01 03:00';
SELECT success FROM cvwiz.cleanup_old_logs('counted');
SET cvwiz.now = '2024-01-02 03:00';
SELECT success FROM cvwiz.cleanup_old_logs('counted');
SELECT success FROM cvwiz.cleanup_old_logs('other');
TABLE public.counts;
-- a failure
CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER keep BEFORE DELETE ON counted FOR EACH ROW EXECUTE FUNCTION keep();
INSERT INTO counted VALUES ('2023-10-02');
SET cvwiz.now = '2024-01-03 03:00';
SELECT success, residue FROM cvwiz.cleanup_old_logs('counted');
TABLE public.counts;
-- on hold: neither, and nothing is said of the residue
SELECT cvwiz.alter_retention_policy('counted', hold => true);
SET cvwiz.now = '2024-01-04 03:00';
SELECT success, residue FROM cvwiz.cleanup_old_logs('counted');
TABLE public.counts;
SELECT overdue FROM cvwiz.stat_audit WHERE relation = 'counted'::regclass;
-- the hold is over, no run yet
SELECT cvwiz.alter_retention_policy('counted', hold => false);
TABLE public.counts;
SELECT overdue FROM cvwiz.stat_audit WHERE relation = 'counted'::regclass;
DROP TRIGGER keep ON counted;
SET cvwiz.now = '2024-01-05 03:00';
SELECT success, deleted_count FROM cvwiz.cleanup_old_logs('counted');
TABLE public.counts;
-- after 400 days the log is shorter by the first run, then by all of them
SET cvwiz.now = '2025-02-04 12:00';
SELECT success FROM cvwiz.cleanup_old_logs('counted');
SELECT count(*) FROM cvwiz.retention_runs WHERE relation = 'counted'::regclass;
TABLE public.counts;
SET cvwiz.now = '2025-02-20 12:00';
SELECT success FROM cvwiz.cleanup_old_logs('counted');
SELECT count(*) FROM cvwiz.retention_runs WHERE relation = 'counted'::regclass;
TABLE public.counts;
SET cvwiz.now = '2026-08-01 12:00';
SELECT success FROM cvwiz.cleanup_old_logs('counted');
SELECT count(*) FROM cvwiz.retention_runs WHERE relation = 'counted'::regclass;
TABLE public.counts;
-- the other's log is its own to shorten
SELECT relation::regclass, runs_succeeded, runs_failed, runs_on_hold, rows_purged FROM cvwiz.retention_total;
SELECT relation, runs_succeeded FROM cvwiz.stat_audit WHERE relation = 'other'::regclass;
-- a run that is rolled back has not counted anything twice
BEGIN;
SELECT success FROM cvwiz.cleanup_old_logs('other');
ROLLBACK;
SELECT relation, runs_succeeded FROM cvwiz.stat_audit WHERE relation = 'other'::regclass;
DROP VIEW public.counts;

-- samples are kept for 400 days
TRUNCATE cvwiz.size_sample;
SET cvwiz.now = '2025-06-27';
SELECT cvwiz.sample_sizes();
SET cvwiz.now = '2025-06-28';
SELECT cvwiz.sample_sizes();
SET cvwiz.now = '2026-08-02';
SELECT cvwiz.sample_sizes();
SELECT sampled_at, count(*) FROM cvwiz.size_sample GROUP BY 1 ORDER BY 1;
-- a policy's samples stay without it, up to their age; those of a dropped table go with it
SELECT cvwiz.remove_retention_policy('counted');
SELECT count(*) FROM cvwiz.size_sample WHERE relation = 'counted'::regclass;
SELECT 'counted'::regclass::oid AS counted \gset
DROP TABLE counted;
SELECT count(*) FROM cvwiz.size_sample WHERE relation = :counted;
SELECT count(*) FROM cvwiz.retention_total WHERE relation = :counted;
-- also where the event trigger is switched off
ALTER EVENT TRIGGER cvwiz_forget_dropped DISABLE;
SELECT 'other'::regclass::oid AS other \gset
DROP TABLE other;
ALTER EVENT TRIGGER cvwiz_forget_dropped ENABLE ALWAYS;
SELECT count(*) FROM cvwiz.size_sample WHERE relation = :other;
SELECT count(*) FROM cvwiz.stat_audit;
CREATE TABLE last (t timestamptz NOT NULL);
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy('last', 't');
RESET client_min_messages;
SELECT cvwiz.sample_sizes();
SELECT count(*) FROM cvwiz.size_sample WHERE relation = :other;
SELECT cvwiz.remove_retention_policy('last');
DELETE FROM cvwiz.retention_policy;

-- ---- broken tables stop only themselves ----

TRUNCATE cvwiz.size_sample;
SET cvwiz.now = '2026-08-31 12:00';
CREATE TABLE whose (t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE whose_8 PARTITION OF whose FOR VALUES FROM ('2026-08-01') TO ('2026-09-01');
INSERT INTO whose VALUES ('2026-08-31');
CREATE TABLE child (t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE healthy (t timestamptz NOT NULL);
CREATE TABLE hidden (t timestamptz NOT NULL);
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy('whose'), cvwiz.add_retention_policy('child'), cvwiz.add_retention_policy('healthy', 't'), cvwiz.add_retention_policy('hidden', 't');
RESET client_min_messages;
INSERT INTO healthy VALUES ('2026-08-31');
INSERT INTO hidden VALUES ('2026-08-31');
ALTER TABLE whose OWNER TO regress_cvwiz_nobody;
ALTER TABLE whose_8 OWNER TO regress_cvwiz_owner;
CREATE TABLE parent (t timestamptz NOT NULL) PARTITION BY RANGE (t);
ALTER TABLE parent ATTACH PARTITION child FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
ALTER TABLE hidden OWNER TO regress_cvwiz_owner;
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ANALYZE whose, child, healthy, hidden;
-- the view does without words
SELECT relation, total_bytes > 0 AS sized, rows_estimate, partitions, days_ahead, oldest_record FROM cvwiz.stat_audit ORDER BY relation::text;
SELECT cvwiz.sample_sizes();
SELECT relation, total_bytes > 0 AS sized, rows_estimate, partitions, days_ahead, oldest_record FROM cvwiz.stat_audit ORDER BY relation::text;
-- warned of once an hour
SELECT cvwiz.sample_sizes();

-- ---- who may, who sees ----

ALTER TABLE whose OWNER TO CURRENT_USER;
SET ROLE regress_cvwiz_nobody;
SELECT count(*) FROM cvwiz.stat_audit;
SELECT * FROM cvwiz.audit_figures('healthy');
SELECT * FROM cvwiz.size_sample;
\echo :SQLSTATE
SELECT * FROM cvwiz.retention_total;
\echo :SQLSTATE
SELECT cvwiz.sample_sizes();
\echo :SQLSTATE
SET ROLE regress_cvwiz_owner;
SELECT relation, rows_estimate FROM cvwiz.stat_audit;
SET ROLE regress_cvwiz_monitor;
SELECT relation FROM cvwiz.stat_audit ORDER BY relation::text;
SELECT oldest_record FROM cvwiz.audit_figures('healthy');
RESET ROLE;
-- a cheap function sees no more than the view shows
SET ROLE regress_cvwiz_nobody;
CREATE FUNCTION peek(regclass) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
SELECT count(*) FROM cvwiz.stat_audit WHERE peek(relation);
RESET ROLE;
-- who is given the function takes samples of her own tables only
GRANT EXECUTE ON FUNCTION cvwiz.sample_sizes(), cvwiz.sample_policies(), cvwiz.sample_snapshots(), cvwiz.sample_versions() TO regress_cvwiz_owner;
SET cvwiz.now = '2026-08-31 14:00';
ALTER TABLE hidden NO FORCE ROW LEVEL SECURITY;
SET ROLE regress_cvwiz_owner;
SELECT cvwiz.sample_sizes();
RESET ROLE;
SELECT relation::regclass, oldest_record FROM cvwiz.size_sample WHERE sampled_at = cvwiz.clock();

-- ---- an owner gains nothing ----

DELETE FROM cvwiz.retention_policy;
TRUNCATE cvwiz.size_sample;
CREATE SCHEMA evil AUTHORIZATION regress_cvwiz_owner;
SET ROLE regress_cvwiz_owner;
-- what is measured is rolled back: sequences tell all the same
CREATE SEQUENCE evil.ran;
CREATE SEQUENCE evil.as_another;
CREATE SEQUENCE evil.gained;
CREATE FUNCTION evil.attack() RETURNS void LANGUAGE plpgsql AS $$
DECLARE attempt text;
BEGIN
	PERFORM nextval('evil.ran');
	IF current_user <> 'regress_cvwiz_owner' THEN
		PERFORM nextval('evil.as_another');
	END IF;
	FOREACH attempt IN ARRAY ARRAY['ALTER ROLE regress_cvwiz_owner SUPERUSER', 'SET ROLE NONE', 'RESET ROLE', 'RESET SESSION AUTHORIZATION', 'CREATE TEMP TABLE trap ()', 'DELETE FROM cvwiz.size_sample', 'SELECT count(*) FROM cvwiz.retention_run'] LOOP
		BEGIN
			EXECUTE attempt;
			PERFORM nextval('evil.gained');
		EXCEPTION WHEN OTHERS THEN NULL;
		END;
	END LOOP;
END $$;
CREATE FUNCTION evil.immutable(boolean) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM evil.attack(); RETURN $1; END $$;
CREATE FUNCTION evil.is_mine() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.attack(); RETURN true; END $$;
CREATE TABLE evil.logs (t timestamptz NOT NULL, doc jsonb CHECK (evil.immutable(true)));
INSERT INTO evil.logs SELECT '2026-08-01', '{}' FROM generate_series(1, 10);
CREATE INDEX ON evil.logs (t);
CREATE INDEX ON evil.logs ((evil.immutable(t IS NULL))) WHERE evil.immutable(true);
CREATE POLICY mine ON evil.logs USING (evil.is_mine());
ALTER TABLE evil.logs ENABLE ROW LEVEL SECURITY;
RESET ROLE;
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy('evil.logs', 't'), cvwiz.add_snapshot_limits('evil.logs', 'doc');
RESET client_min_messages;
-- where they may, the attacks succeed
BEGIN;
SELECT evil.attack();
ROLLBACK;
SELECT ran.is_called AS ran, as_another.is_called AS as_another, gained.is_called AS gained FROM evil.ran, evil.as_another, evil.gained;
-- a new session has nothing of the table in its caches
\c -
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cvwiz.now = '2026-08-31 12:00';
ALTER SEQUENCE evil.ran RESTART;
ALTER SEQUENCE evil.as_another RESTART;
ALTER SEQUENCE evil.gained RESTART;
SELECT rows_estimate > 0 AS estimated, oldest_record FROM cvwiz.stat_audit;
\c -
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cvwiz.now = '2026-08-31 12:00';
SELECT cvwiz.sample_sizes();
SELECT snapshot_column, oldest_record, documents FROM cvwiz.size_sample ORDER BY 1;
SELECT ran.is_called AS ran, as_another.is_called AS as_another, gained.is_called AS gained FROM evil.ran, evil.as_another, evil.gained;
SELECT current_user = session_user AS nobody_else, rolsuper FROM pg_roles WHERE rolname = 'regress_cvwiz_owner';

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP SCHEMA evil CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
DROP FOREIGN DATA WRAPPER regress_cvwiz_wrapper CASCADE;
DROP ROLE regress_cvwiz_owner, regress_cvwiz_nobody, regress_cvwiz_monitor;
