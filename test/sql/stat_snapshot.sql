-- The view cvwiz.stat_snapshot and the functions around it, without cvwiz in
-- shared_preload_libraries: nothing is counted, and all of it answers.
\pset format unaligned
\pset null -
CREATE EXTENSION cvwiz;
CREATE SCHEMA app;
SET search_path = app;
SET timezone = 'UTC';
SET cvwiz.now = '2026-09-15 12:00';

SELECT preloaded FROM cvwiz.worker_status();
SELECT cvwiz.snapshot_size_bounds();
SELECT * FROM cvwiz.worker_counters();
SELECT * FROM cvwiz.snapshot_counters('pg_class'::regclass, 1::smallint);
SELECT * FROM cvwiz.snapshot_counters(NULL, 1::smallint);
-- no table has limits
SELECT * FROM cvwiz.stat_snapshot;

-- ---- a row a limited column ----

CREATE TABLE docs (id int PRIMARY KEY, snapshot jsonb, other json, free jsonb);
CREATE TABLE shared (id int, at date, snapshot jsonb) PARTITION BY RANGE (at);
CREATE TABLE shared_2026 PARTITION OF shared FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY LIST (id);
CREATE TABLE shared_2026_1 PARTITION OF shared_2026 FOR VALUES IN (1);
CREATE TABLE shared_2027 PARTITION OF shared FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
SELECT cvwiz.add_snapshot_limits('docs', 'snapshot', max_size => 200, warning_size => 100),
	cvwiz.add_snapshot_limits('docs', 'other', on_oversize => 'reject', max_size => 1000),
	cvwiz.add_snapshot_limits('shared', 'snapshot');
-- counting nothing is in nobody's way
INSERT INTO docs VALUES (1, '{}', '{}');
INSERT INTO shared VALUES (1, '2026-05-01', '[1, 2]'), (2, '2027-05-01', '[1, 2]');
SELECT * FROM cvwiz.stat_snapshot ORDER BY relation::text, snapshot_column;
-- limits of a partition alone are its own
SELECT cvwiz.add_snapshot_limits('shared_2027', 'snapshot', max_size => 5000);
CREATE TRIGGER alone BEFORE INSERT ON shared_2027 FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits('snapshot', 'max_size=5000');
SELECT relation, snapshot_column, max_size, warning_size, checked, histogram FROM cvwiz.stat_snapshot WHERE relation::text LIKE 'shared%' ORDER BY relation::text;
DROP TRIGGER alone ON shared_2027;
-- of two triggers the stricter one; one with malformed arguments has no limits,
-- one without any no row
CREATE TRIGGER hand BEFORE INSERT ON docs FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits('snapshot', 'max_size=150', 'warning_size=50');
CREATE TRIGGER malformed BEFORE INSERT ON docs FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits('free', 'max_size=many');
CREATE TRIGGER nothing BEFORE INSERT ON docs FOR EACH ROW EXECUTE FUNCTION cvwiz.enforce_snapshot_limits();
SELECT relation, snapshot_column, max_size, warning_size FROM cvwiz.stat_snapshot ORDER BY relation::text, snapshot_column;
DROP TRIGGER hand ON docs;
DROP TRIGGER malformed ON docs;
DROP TRIGGER nothing ON docs;
-- a renamed column: the limits name the old one
ALTER TABLE docs RENAME COLUMN other TO another;
SELECT relation, snapshot_column, max_size, checked, stats_reset FROM cvwiz.stat_snapshot WHERE relation = 'docs'::regclass ORDER BY snapshot_column;
ALTER TABLE docs RENAME COLUMN another TO other;

-- ---- the sampled part ----

INSERT INTO cvwiz.size_sample (relation, snapshot_column, sampled_at, total_bytes, rows_estimate, documents, raw_bytes, stored_bytes) VALUES
	('docs'::regclass, 'snapshot', '2026-09-15 09:00', 8192, 10, 10, 4000, 2000),
	('docs'::regclass, 'snapshot', '2026-09-15 11:00', 16384, 20, 20, 9000, 2000),
	-- not of this column, of no column, and of a time that is to come
	('docs'::regclass, 'other', '2026-09-15 11:30', 16384, 20, 5, 100, 100),
	('docs'::regclass, NULL, '2026-09-15 11:45', 99999, 99, NULL, NULL, NULL),
	('docs'::regclass, 'snapshot', '2026-09-15 12:00:01', 99999, 99, 99, 99, 9),
	-- an empty table, and one that is gone
	('shared'::regclass, 'snapshot', '2026-09-15 12:00', 0, 0, 0, 0, 0),
	(1, 'snapshot', '2026-09-15 12:00', 1, 1, 1, 1, 1);
SELECT relation, snapshot_column, table_bytes, documents, raw_bytes, stored_bytes, ratio, sampled_at FROM cvwiz.stat_snapshot ORDER BY relation::text, snapshot_column;
SET cvwiz.now = '2026-09-15 12:00:01';
SELECT table_bytes, documents, ratio, sampled_at FROM cvwiz.stat_snapshot WHERE relation = 'docs'::regclass AND snapshot_column = 'snapshot';
SET cvwiz.now = '2026-09-15 08:00';
SELECT table_bytes, documents, ratio, sampled_at FROM cvwiz.stat_snapshot WHERE relation = 'docs'::regclass AND snapshot_column = 'snapshot';
SET cvwiz.now = '2026-09-15 12:00';

-- ---- cvwiz.stat_reset() ----

-- nothing to reset is no error; another name is
SELECT cvwiz.stat_reset(), cvwiz.stat_reset(NULL), cvwiz.stat_reset('snapshot'), cvwiz.stat_reset(name => 'worker');
SELECT cvwiz.stat_reset(n) FROM unnest('{snapshots}'::text[]) n;
\echo :SQLSTATE
SELECT cvwiz.stat_reset('');
\echo :SQLSTATE
SELECT cvwiz.stat_reset('Worker');
\echo :SQLSTATE

-- ---- who sees what ----

SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_cvwiz_owner, regress_cvwiz_member, regress_cvwiz_monitor, regress_cvwiz_other;
CREATE ROLE regress_cvwiz_owner;
CREATE ROLE regress_cvwiz_member IN ROLE regress_cvwiz_owner;
CREATE ROLE regress_cvwiz_monitor IN ROLE pg_monitor;
CREATE ROLE regress_cvwiz_other;
RESET client_min_messages;
GRANT USAGE ON SCHEMA app TO regress_cvwiz_owner, regress_cvwiz_monitor, regress_cvwiz_other;
ALTER TABLE docs OWNER TO regress_cvwiz_owner;
-- not even by a function that is cheaper than the view's conditions
CREATE FUNCTION app.peek(regclass) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$BEGIN RAISE NOTICE 'peek: %', $1; RETURN true; END$$;
SET ROLE regress_cvwiz_other;
SELECT relation FROM cvwiz.stat_snapshot WHERE peek(relation);
SELECT cvwiz.stat_reset();
\echo :SQLSTATE
SELECT rounds FROM cvwiz.worker_counters();
SELECT checked FROM cvwiz.snapshot_counters(1, 1::smallint);
SELECT count(*) FROM cvwiz.size_sample;
\echo :SQLSTATE
SET ROLE regress_cvwiz_owner;
SELECT relation, snapshot_column, documents FROM cvwiz.stat_snapshot ORDER BY 1, 2;
SET ROLE regress_cvwiz_member;
SELECT relation, snapshot_column, documents FROM cvwiz.stat_snapshot ORDER BY 1, 2;
SET ROLE regress_cvwiz_monitor;
SELECT relation, snapshot_column, documents FROM cvwiz.stat_snapshot ORDER BY relation::text, 2;
SELECT cvwiz.stat_reset();
\echo :SQLSTATE
RESET ROLE;
GRANT EXECUTE ON FUNCTION cvwiz.stat_reset(text) TO regress_cvwiz_other;
SET ROLE regress_cvwiz_other;
SELECT cvwiz.stat_reset();
RESET ROLE;

-- ---- tables that go ----

SELECT cvwiz.remove_snapshot_limits('docs', 'other');
DROP TABLE shared;
SELECT relation, snapshot_column FROM cvwiz.stat_snapshot;
-- whatever the search_path has
CREATE FUNCTION app.pg_has_role(name, text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
SET search_path = app, pg_catalog;
SELECT count(*) FROM cvwiz.stat_snapshot;
RESET search_path;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
DROP ROLE regress_cvwiz_owner, regress_cvwiz_member, regress_cvwiz_monitor, regress_cvwiz_other;
