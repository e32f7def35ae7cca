-- The plan: its steps, their order, every column; and that it changes nothing.
\pset format unaligned
\pset footer off
\pset null -
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
CREATE EXTENSION cvwiz;
SET cvwiz.now = '2026-08-31 12:00';
CREATE SCHEMA app;
SET search_path = app;

-- ---- every column, for each type of time column ----

CREATE TABLE with_timestamp (id int, t timestamp NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE with_timestamptz (id int, t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE with_date (id int, t date NOT NULL) PARTITION BY RANGE (t);
-- one past month expired, one that the cutoff lies in, one to be kept, and the present
SELECT format('CREATE TABLE %1$s_%3$s PARTITION OF %1$s FOR VALUES FROM (%2$L) TO (%4$L)',
	relation, month, to_char(month, 'YYYY_MM'), month + interval '1 month')
FROM unnest('{with_timestamp,with_timestamptz,with_date}'::text[]) relation,
	unnest('{2026-05-01,2026-06-01,2026-07-01,2026-08-01}'::timestamp[]) month \gexec
CREATE INDEX ON with_timestamp (t);
SELECT cvwiz.add_retention_policy('with_timestamp');
SELECT cvwiz.add_retention_policy('with_timestamptz', premake_months => 1);
SELECT cvwiz.add_retention_policy('with_date', premake_months => 1);
\x on
SELECT * FROM cvwiz.retention_plan('with_timestamp');
SELECT * FROM cvwiz.retention_plan('with_timestamptz');
SELECT * FROM cvwiz.retention_plan('with_date');
\x off
-- those of all, table by table
SELECT relation, step, action, target FROM cvwiz.retention_plan();

-- ---- the cutoff ----

-- 90 days before 2026-08-31 12:00 is 2026-06-02 12:00: May has gone, June not.
-- An upper bound at the cutoff itself has expired, one microsecond later not.
SET cvwiz.now = '2026-08-30 00:00';
SELECT action, target, reason FROM cvwiz.retention_plan('with_timestamp') WHERE action <> 'create';
SET cvwiz.now = '2026-08-29 23:59:59.999999';
SELECT action, target, reason FROM cvwiz.retention_plan('with_timestamp') WHERE action <> 'create';
-- a date expires as a whole: the same to the end of the day
SET cvwiz.now = '2026-08-30 00:00';
SELECT action, target, reason FROM cvwiz.retention_plan('with_date') WHERE action <> 'create';
SET cvwiz.now = '2026-08-29 23:59:59.999999';
SELECT action, target, reason FROM cvwiz.retention_plan('with_date') WHERE action <> 'create';
-- the clock names a zone
SET cvwiz.now = '2026-08-30 05:30+05:30';
SELECT action, target FROM cvwiz.retention_plan('with_timestamptz') WHERE action <> 'create';
-- over the turn of the year
SET cvwiz.now = '2026-12-31 23:59:59.999999';
SELECT action, target, range_start, range_end FROM cvwiz.retention_plan('with_date') WHERE action = 'create';
-- a leap day
SET cvwiz.now = '2028-02-29';
SELECT action, target, range_start, range_end FROM cvwiz.retention_plan('with_date') WHERE action = 'create';
SET cvwiz.now = '2026-08-31 12:00';
-- other days and months
SELECT cvwiz.alter_retention_policy('with_date', retention_days => 30, premake_months => 24);
SELECT count(*) FILTER (WHERE action = 'create') AS creates, max(range_end) AS until,
	string_agg(target, ', ' ORDER BY step) FILTER (WHERE action = 'drop') AS dropped
FROM cvwiz.retention_plan('with_date');
SELECT cvwiz.alter_retention_policy('with_date', retention_days => 365, premake_months => 1);
SELECT step, action, target FROM cvwiz.retention_plan('with_date');

-- ---- a table without partitions, hold, disabled, a plain table ----

CREATE TABLE empty (t date NOT NULL) PARTITION BY RANGE (t);
SELECT cvwiz.add_retention_policy('empty', premake_months => 1);
SELECT step, action, target, rows_estimate, reason FROM cvwiz.retention_plan('empty');
SELECT cvwiz.alter_retention_policy('with_timestamp', hold => true);
SELECT step, action, target FROM cvwiz.retention_plan('with_timestamp');
SELECT cvwiz.alter_retention_policy('with_timestamp', hold => false);
-- disabled: by name it is shown all the same, but not among all
SELECT cvwiz.alter_retention_policy('with_timestamp', enabled => false);
SELECT count(*) FROM cvwiz.retention_plan('with_timestamp');
SELECT DISTINCT relation::text FROM cvwiz.retention_plan() ORDER BY 1;
SELECT cvwiz.alter_retention_policy('with_timestamp', enabled => true);
CREATE TABLE plain (t timestamptz NOT NULL);
SELECT cvwiz.add_retention_policy('plain', 't');
\x on
SELECT * FROM cvwiz.retention_plan('plain');
SET cvwiz.purge_batch_size = 123;
CREATE INDEX ON plain (t);
SELECT action, lock_mode, statement, reason FROM cvwiz.retention_plan('plain');
RESET cvwiz.purge_batch_size;
\x off
SELECT cvwiz.alter_retention_policy('plain', hold => true);
SELECT count(*) FROM cvwiz.retention_plan('plain');

-- ---- estimates ----

CREATE TABLE estimated (t timestamptz NOT NULL) WITH (autovacuum_enabled = off);
SELECT cvwiz.add_retention_policy('estimated', 't');
-- not analyzed: not known
SELECT rows_estimate FROM cvwiz.retention_plan('estimated');
INSERT INTO estimated SELECT timestamptz '2026-08-31 12:00' - n * interval '1 day' FROM generate_series(1, 180) n;
ANALYZE estimated;
SELECT rows_estimate BETWEEN 85 AND 95 AS about_half FROM cvwiz.retention_plan('estimated');

-- ---- odd bounds ----

CREATE TABLE weekly (t timestamptz NOT NULL) PARTITION BY RANGE (t);
SELECT format('CREATE TABLE %I PARTITION OF weekly FOR VALUES FROM (%L) TO (%L)', 'week_' || to_char(week, 'IYYY_IW'), week, week + interval '7 days')
FROM generate_series('2026-05-18'::timestamptz, '2026-06-08', interval '7 days') week \gexec
SELECT cvwiz.add_retention_policy('weekly', premake_months => 1);
SELECT step, action, target, range_start, range_end FROM cvwiz.retention_plan('weekly');
-- a week that reaches into a month to be made, and one in the middle of it: the
-- gaps are filled, the weeks are left as they are
CREATE TABLE week_36 PARTITION OF weekly FOR VALUES FROM ('2026-08-31') TO ('2026-09-07');
CREATE TABLE week_38 PARTITION OF weekly FOR VALUES FROM ('2026-09-14') TO ('2026-09-21');
SELECT step, action, target, range_start, range_end FROM cvwiz.retention_plan('weekly') WHERE action = 'create';

CREATE TABLE open_ended (t timestamp NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE first PARTITION OF open_ended FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE rest PARTITION OF open_ended FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
SELECT cvwiz.add_retention_policy('open_ended');
SELECT step, action, target, range_start, range_end FROM cvwiz.retention_plan('open_ended');
CREATE TABLE infinite (t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE before_all PARTITION OF infinite FOR VALUES FROM (MINVALUE) TO ('-infinity');
CREATE TABLE all_past PARTITION OF infinite FOR VALUES FROM ('-infinity') TO ('2026-09-01');
CREATE TABLE all_future PARTITION OF infinite FOR VALUES FROM ('2026-11-01') TO ('infinity');
CREATE TABLE after_all PARTITION OF infinite FOR VALUES FROM ('infinity') TO (MAXVALUE);
SELECT cvwiz.add_retention_policy('infinite');
SELECT step, action, target, range_start, range_end FROM cvwiz.retention_plan('infinite');
SELECT * FROM cvwiz.partition_ranges('infinite');
-- a bound within a day, and dates that no timestamp reaches
CREATE TABLE far (t date NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE far_past PARTITION OF far FOR VALUES FROM ('4713-01-01 BC') TO ('2026-01-01');
CREATE TABLE far_future PARTITION OF far FOR VALUES FROM ('2026-09-30') TO ('5874897-12-31');
SELECT cvwiz.add_retention_policy('far');
SELECT step, action, target, range_start, range_end FROM cvwiz.retention_plan('far');
-- one partition over all of it: nothing to make
CREATE TABLE one (t date NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE one_and_only PARTITION OF one FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
SELECT cvwiz.add_retention_policy('one');
SELECT step, action, target, range_start, range_end FROM cvwiz.retention_plan('one');

-- ---- a DEFAULT partition, sub-partitions, an expired partition that is partitioned ----

CREATE TABLE mixed (t timestamptz NOT NULL, kind text) PARTITION BY RANGE (t);
CREATE TABLE mixed_default PARTITION OF mixed DEFAULT;
CREATE TABLE mixed_old PARTITION OF mixed FOR VALUES FROM ('2026-01-01') TO ('2026-02-01') PARTITION BY LIST (kind);
CREATE TABLE mixed_old_a PARTITION OF mixed_old FOR VALUES IN ('a');
CREATE TABLE mixed_edge PARTITION OF mixed FOR VALUES FROM ('2026-06-01') TO ('2026-07-01') PARTITION BY LIST (kind);
CREATE TABLE mixed_edge_a PARTITION OF mixed_edge FOR VALUES IN ('a');
CREATE TABLE mixed_edge_b PARTITION OF mixed_edge FOR VALUES IN ('b') PARTITION BY HASH (kind);
CREATE TABLE mixed_edge_b_0 PARTITION OF mixed_edge_b FOR VALUES WITH (MODULUS 1, REMAINDER 0);
SELECT cvwiz.add_retention_policy('mixed', premake_months => 1);
SELECT step, action, target, range_start, range_end FROM cvwiz.retention_plan('mixed');

-- ---- names ----

-- 63 bytes: cut so that the month fits, at the border of a character
CREATE TABLE a23456789012345678901234567890123456789012345678901234567890123 (t date NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE "123456789012345678901234567890123456789012345678901234éééé" (t date NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE "12345678901234567890123456789012345678901234567890123📄📄" (t date NOT NULL) PARTITION BY RANGE (t);
-- two that have the first 55 bytes in common
CREATE TABLE a23456789012345678901234567890123456789012345678901234567890xyz (t date NOT NULL) PARTITION BY RANGE (t);
SELECT cvwiz.add_retention_policy(oid, premake_months => 1) FROM pg_class
WHERE relkind = 'p' AND relnamespace = 'app'::regnamespace AND length(relname) > 50;
SELECT relation, target, octet_length(parse_ident(target)::text) - 6 AS bytes FROM cvwiz.retention_plan()
WHERE octet_length(relation::text) > 50 ORDER BY relation::text, step;
SELECT relation, partitions_created, success, error FROM cvwiz.cleanup_old_logs()
WHERE octet_length(relation::text) > 50 ORDER BY relation::text;
SELECT inhrelid::regclass FROM pg_inherits WHERE octet_length(inhparent::regclass::text) > 50 ORDER BY 1::text;
-- names that are taken: by a table, an index, a view, a type, another step
CREATE TABLE taken (t date NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE taken_2026_08 ();
CREATE SEQUENCE taken_2026_08_1;
CREATE TYPE taken_2026_08_2 AS ENUM ();
CREATE VIEW taken_2026_09 AS SELECT;
CREATE TABLE taken_middle PARTITION OF taken FOR VALUES FROM ('2026-10-10') TO ('2026-10-20');
SELECT cvwiz.add_retention_policy('taken', premake_months => 2);
SELECT target, range_start, range_end FROM cvwiz.retention_plan('taken');
-- a name says nothing about what is in it
CREATE TABLE named (t date NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE named_2020_01 PARTITION OF named FOR VALUES FROM ('2026-07-01') TO ('2026-12-01');
CREATE TABLE named_2030_01 PARTITION OF named FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
SELECT cvwiz.add_retention_policy('named', premake_months => 1);
SELECT action, target FROM cvwiz.retention_plan('named');

-- ---- it changes nothing ----

CREATE VIEW state AS
SELECT c.oid, c.relname, c.relkind, c.relispartition, c.relnatts, c.relchecks, c.xmin::text AS changed_by
FROM pg_class c WHERE relnamespace = 'app'::regnamespace AND relname <> 'state_before';
CREATE TABLE state_before (LIKE state);
INSERT INTO state_before SELECT * FROM state;
SELECT count(*) > 0 AS planned FROM cvwiz.retention_plan();
(TABLE state EXCEPT TABLE state_before) UNION ALL (TABLE state_before EXCEPT TABLE state);
BEGIN READ ONLY;
SELECT count(*) > 0 AS planned FROM cvwiz.retention_plan();
SELECT action, target FROM cvwiz.retention_plan('named');
COMMIT;

-- ---- the statements are what runs ----

-- the plan done by hand on one of two tables alike, by a run on the other
CREATE TABLE hand (t timestamptz NOT NULL, id int, note text DEFAULT 'x' CHECK (note <> '')) PARTITION BY RANGE (t);
CREATE TABLE hand_past PARTITION OF hand FOR VALUES FROM ('2026-01-01') TO ('2026-05-01');
CREATE TABLE hand_edge PARTITION OF hand FOR VALUES FROM ('2026-05-01') TO ('2026-08-01');
CREATE INDEX ON hand (t);
ALTER TABLE hand ENABLE ROW LEVEL SECURITY;
CREATE TABLE run (t timestamptz NOT NULL, id int, note text DEFAULT 'x' CHECK (note <> '')) PARTITION BY RANGE (t);
CREATE TABLE run_past PARTITION OF run FOR VALUES FROM ('2026-01-01') TO ('2026-05-01');
CREATE TABLE run_edge PARTITION OF run FOR VALUES FROM ('2026-05-01') TO ('2026-08-01');
CREATE INDEX ON run (t);
ALTER TABLE run ENABLE ROW LEVEL SECURITY;
INSERT INTO hand SELECT timestamptz '2026-01-01' + n * interval '1 day', n FROM generate_series(0, 210) n;
INSERT INTO run SELECT * FROM hand;
SELECT cvwiz.add_retention_policy('hand');
SELECT cvwiz.add_retention_policy('run');
SELECT regexp_split_to_table(statement, ';\n') FROM cvwiz.retention_plan('hand') \gexec
SELECT success, deleted_count, partitions_created, partitions_detached, partitions_dropped FROM cvwiz.cleanup_old_logs('run');
SELECT (SELECT count(*) FROM hand) AS hand, (SELECT count(*) FROM run) AS run, (SELECT count(*) FROM hand NATURAL JOIN run) AS both;
CREATE FUNCTION look_of(relation regclass) RETURNS TABLE (name text, range_start timestamptz, range_end timestamptz, rls boolean, owner regrole, constraints text[], indexes text[])
LANGUAGE sql AS $$
SELECT replace(p.partition::text, relation::text, 'table'), p.range_start, p.range_end, c.relrowsecurity, c.relowner::regrole,
	(SELECT array_agg(pg_get_constraintdef(k.oid) ORDER BY 1) FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 'n'),
	(SELECT array_agg(replace(pg_get_indexdef(i.indexrelid), relation::text, 'table') ORDER BY 1) FROM pg_index i WHERE i.indrelid = c.oid)
FROM cvwiz.partition_ranges(relation) p JOIN pg_class c ON c.oid = p.partition
$$;
SELECT count(*) FROM look_of('hand');
(SELECT * FROM look_of('hand') EXCEPT SELECT * FROM look_of('run')) UNION ALL (SELECT * FROM look_of('run') EXCEPT SELECT * FROM look_of('hand'));
SELECT action FROM cvwiz.retention_plan('hand');
SELECT partition, range_start, range_end FROM cvwiz.partition_ranges('hand');

-- ---- partition_ranges() of other tables ----

CREATE TABLE by_list (d date) PARTITION BY LIST (d);
SELECT * FROM cvwiz.partition_ranges('by_list');
\echo :SQLSTATE
SELECT * FROM cvwiz.partition_ranges('plain');
\echo :SQLSTATE
SELECT * FROM cvwiz.partition_ranges(0);
\echo :SQLSTATE
SELECT count(*) FROM cvwiz.partition_ranges(NULL);

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
