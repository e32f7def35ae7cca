-- The version store in figures: samples, stat_version, stat_version_repack,
-- without cvwiz in shared_preload_libraries.
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
CREATE EXTENSION cvwiz;
CREATE ROLE regress_cvwiz_owner;
CREATE ROLE regress_cvwiz_member IN ROLE regress_cvwiz_owner;
CREATE ROLE regress_cvwiz_monitor IN ROLE pg_monitor;
CREATE ROLE regress_cvwiz_other;
CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO PUBLIC;
SET search_path = app;
SET cvwiz.now = '2026-08-31 12:00';

-- ---- no store ----

SELECT * FROM cvwiz.stat_version;
SELECT * FROM cvwiz.stat_version_repack;
SELECT * FROM cvwiz.version_counters();
SELECT cvwiz.sample_sizes();
SELECT name, value FROM cvwiz.metrics WHERE name ~ '_version_';

-- ---- stores without versions ----

CREATE TABLE docs (id int, v int, doc jsonb, other jsonb);
CREATE TABLE parts (id int, doc jsonb) PARTITION BY LIST (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1) PARTITION BY LIST (id);
CREATE TABLE parts_1_1 PARTITION OF parts_1 FOR VALUES IN (1);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2);
SELECT cvwiz.add_version_store('docs', 'doc', '{id}'), cvwiz.add_version_store('docs', 'other', '{id}'),
	cvwiz.add_version_store('parts', 'doc', '{id}');
-- no sample yet; a partition is not there by itself
SELECT * FROM cvwiz.stat_version ORDER BY relation::text, snapshot_column;
SELECT name, labels - 'database' AS labels, value FROM cvwiz.metrics m WHERE name ~ '_version_' ORDER BY m.name COLLATE "C", m.labels::text COLLATE "C";
SELECT cvwiz.sample_sizes();
SELECT relation, snapshot_column, chains, versions, keyframes, raw_bytes, stored_bytes, ratio, depth, dead_versions, dead_bytes, counted, sampled_at, corrupted
FROM cvwiz.stat_version ORDER BY relation::text, snapshot_column;
-- nothing has ever been tidied up: the time counts from the first sample
SELECT * FROM cvwiz.stat_version_repack;

-- ---- it says what counting does ----

INSERT INTO docs SELECT id, 1, jsonb_build_object('id', id, 'text', repeat(md5(id::text), 50)), '{}' FROM generate_series(1, 30) id;
INSERT INTO docs SELECT id, n, cvwiz.version(doc) || jsonb_build_object('v', n), NULL FROM docs d, generate_series(2, 20) n WHERE d.v = 1 AND id <= 3;
INSERT INTO parts SELECT id, jsonb_build_object('n', n) FROM generate_series(1, 2) id, generate_series(1, 5) n;
DELETE FROM docs WHERE v = 20;
UPDATE docs SET other = NULL WHERE id > 25;
-- not before an hour is over
SELECT cvwiz.sample_sizes();
SET cvwiz.now = '2026-08-31 13:00';
SELECT cvwiz.sample_sizes();
CREATE VIEW counted AS
SELECT relation, snapshot_column, chains, versions, keyframes, raw_bytes, stored_bytes, ratio, depth, dead_versions, dead_bytes FROM cvwiz.version_stats();
CREATE VIEW sampled AS
SELECT relation, snapshot_column, chains, versions, keyframes, raw_bytes, stored_bytes, ratio, depth, dead_versions, dead_bytes FROM cvwiz.stat_version;
SELECT relation, snapshot_column, chains, versions, keyframes, raw_bytes, depth, dead_versions FROM sampled ORDER BY relation::text, snapshot_column;
TABLE counted EXCEPT TABLE sampled;
TABLE sampled EXCEPT TABLE counted;
SELECT DISTINCT counted, sampled_at, store_bytes = pg_total_relation_size('cvwiz.snapshot_version') AS store_bytes FROM cvwiz.stat_version;
SELECT name, labels - 'database' AS labels, value FROM cvwiz.metrics m
WHERE name ~ '_version_' AND name !~ 'dead_bytes|stored_bytes|store_bytes|ratio' ORDER BY m.name COLLATE "C", m.labels::text COLLATE "C";
-- of a time that is to come there is nothing
SET cvwiz.now = '2026-08-31 12:59:59';
SELECT DISTINCT sampled_at FROM cvwiz.stat_version;
SET cvwiz.now = '2026-08-31 13:00';
-- a new one has its sample at once, the others have theirs
CREATE TABLE late (id int, doc jsonb);
SELECT cvwiz.add_version_store('late', 'doc', '{id}');
SELECT cvwiz.sample_sizes();
-- what is left when the store goes, and its stubs stay
SELECT cvwiz.remove_version_store('parts', 'doc', restore => false), cvwiz.remove_version_store('late', 'doc');
SELECT relation, snapshot_column, versions FROM cvwiz.stat_version ORDER BY relation::text, snapshot_column;

-- ---- a store of more than 10000 pages is estimated ----

CREATE TABLE big (id int, doc jsonb);
SELECT cvwiz.add_version_store('big', 'doc', '{id}');
INSERT INTO cvwiz.version_source VALUES (1, 'big', 'doc');
ALTER TABLE cvwiz.snapshot_version SET (fillfactor = 10);
-- a page each: 3 of 4 are versions of 100 bytes, 1 of 4 is dead; 1 of 20 is a keyframe
INSERT INTO cvwiz.snapshot_version
SELECT 1000000 + n, CASE WHEN n % 20 > 0 THEN 1 END, n % 77, '00000000-0000-0000-0000-000000000000', now(),
	(SELECT source_id FROM cvwiz.version_source WHERE relation = 'big'::regclass), 100, 0, 0, n % 16, 0, convert_to(repeat('x', 1900), 'UTF8')
FROM generate_series(1, 20000) n;
INSERT INTO cvwiz.dead_version SELECT 1000000 + n FROM generate_series(4, 20000, 4) n, generate_series(1, 2);
SELECT pg_relation_size('cvwiz.snapshot_version') / current_setting('block_size')::int BETWEEN 20000 AND 21000 AS pages;
SET cvwiz.now = '2026-08-31 14:00';
SELECT cvwiz.sample_sizes();
SELECT counted, chains, versions BETWEEN 14000 AND 16000 AS versions, keyframes BETWEEN 800 AND 1200 AS keyframes,
	abs(raw_bytes - versions * 100) < 100 AS raw_bytes, stored_bytes BETWEEN 19000 * 1900 AND 21000 * 1900 AS stored_bytes, depth,
	dead_versions BETWEEN 4500 AND 5500 AS dead_versions, abs(dead_bytes - dead_versions * 1900) < 1900 AS dead_bytes
FROM cvwiz.stat_version WHERE relation = 'big'::regclass;
SELECT name, value FROM cvwiz.metrics WHERE labels ->> 'table' = 'big' AND name ~ 'chains|counted|depth' ORDER BY name COLLATE "C";
DROP TABLE big;
DELETE FROM cvwiz.snapshot_version WHERE version_id > 1000000;
TRUNCATE cvwiz.dead_version;
VACUUM FULL cvwiz.snapshot_version;

-- ---- what cannot be read is said, and not tried again before its time ----

SET cvwiz.now = '2026-08-31 15:00';
ALTER TABLE cvwiz.dead_version RENAME TO dead_version_gone;
SELECT cvwiz.sample_sizes();
SELECT cvwiz.sample_sizes();
SELECT relation, snapshot_column, versions, ratio, counted, store_bytes > 0 AS store_bytes, sampled_at FROM cvwiz.stat_version ORDER BY relation::text, snapshot_column;
SELECT name, labels ->> 'column' AS "column" FROM cvwiz.metrics m WHERE labels ->> 'table' = 'docs' ORDER BY m.name COLLATE "C", 2;
ALTER TABLE cvwiz.dead_version_gone RENAME TO dead_version;

-- ---- corruption ----

UPDATE cvwiz.snapshot_version v SET checksum = checksum + 1 FROM docs d WHERE v.version_id = cvwiz.stub_version(d.doc) AND d.id BETWEEN 10 AND 12;
UPDATE cvwiz.snapshot_version v SET checksum = checksum + 1 FROM parts_1_1 p WHERE v.version_id = cvwiz.stub_version(p.doc) AND cvwiz.version(p.doc) ->> 'n' = '5';
SELECT relation, count(*) FROM cvwiz.verify_versions() GROUP BY 1 ORDER BY relation::text;
-- of a table, of both its columns
SELECT relation, snapshot_column, corrupted FROM cvwiz.stat_version ORDER BY relation::text, snapshot_column;
SELECT labels - 'database' AS labels, value FROM cvwiz.metrics m WHERE name = 'cvwiz_version_corrupted' ORDER BY m.labels::text COLLATE "C";
SELECT cvwiz.check() ~ 'version_corrupted app.docs 3 \(> 0\)' AS docs, cvwiz.check() ~ 'version_corrupted app.parts 1 \(> 0\)' AS parts;
UPDATE cvwiz.snapshot_version v SET checksum = v.checksum - 1 FROM cvwiz.version_corruption x WHERE v.version_id = x.version_id;
SELECT * FROM cvwiz.verify_versions();
SELECT DISTINCT corrupted FROM cvwiz.stat_version;
SELECT cvwiz.check() ~ 'version_corrupted' AS fires;

-- ---- housekeeping ----

SET cvwiz.now = '2026-09-01 14:00';
SELECT value FROM cvwiz.metrics WHERE name = 'cvwiz_version_repack_age_seconds';
SELECT cvwiz.check() ~ 'version_repack_overdue' AS fires;
SET cvwiz.now = '2026-09-01 14:00:01';
SELECT cvwiz.check() ~ 'version_repack_overdue 93601 seconds \(> 93600\)' AS fires;
CREATE PROCEDURE ran(started timestamptz, finished timestamptz, success boolean) LANGUAGE sql AS
$$INSERT INTO cvwiz.version_repack (origin, pid, started_at, finished_at, success) VALUES ('worker', 1, started, finished, success)$$;
CREATE VIEW repack AS SELECT name, value FROM cvwiz.metrics WHERE name ~ '_repack_' ORDER BY name COLLATE "C";
-- at work, or killed
CALL ran('2026-08-31 11:00', NULL, NULL);
SELECT * FROM cvwiz.stat_version_repack;
TABLE repack;
CALL ran('2026-08-31 12:00', '2026-08-31 12:01', false);
SELECT * FROM cvwiz.stat_version_repack;
TABLE repack;
SELECT cvwiz.check() ~ 'version_repack_failed 0 \(< 1\)' AS fires;
CALL ran('2026-09-01 10:00', '2026-09-01 12:00', true);
SELECT * FROM cvwiz.stat_version_repack;
TABLE repack;
SELECT cvwiz.check() ~ 'version_repack' AS fires;
-- fails again, and is at it: no success is lost
CALL ran('2026-09-01 13:00', '2026-09-01 13:00', false);
CALL ran('2026-09-01 13:30', NULL, NULL);
SELECT * FROM cvwiz.stat_version_repack;
TABLE repack;
SELECT DISTINCT last_repack, last_repack_succeeded, last_repack_success FROM cvwiz.stat_version;

-- ---- who sees what ----

SELECT count(*) AS all_of_it FROM cvwiz.metrics WHERE name ~ '_version_' \gset
ALTER TABLE docs OWNER TO regress_cvwiz_owner;
-- not even by a function that is cheaper than the view's conditions
CREATE FUNCTION app.peek(regclass) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$BEGIN RAISE NOTICE 'peek: %', $1; RETURN true; END$$;
SET ROLE regress_cvwiz_other;
SELECT relation FROM cvwiz.stat_version WHERE peek(relation);
SELECT count(*) FROM cvwiz.version_sample;
\echo :SQLSTATE
SELECT count(*) FROM cvwiz.versioned_columns;
\echo :SQLSTATE
SELECT cvwiz.sample_versions();
\echo :SQLSTATE
SET ROLE regress_cvwiz_owner;
SELECT relation, snapshot_column FROM cvwiz.stat_version ORDER BY 1, 2;
SET ROLE regress_cvwiz_member;
SELECT relation, snapshot_column FROM cvwiz.stat_version ORDER BY 1, 2;
SET ROLE regress_cvwiz_monitor;
SELECT relation, snapshot_column FROM cvwiz.stat_version ORDER BY relation::text, 2;
SELECT count(*) = :all_of_it AS all_of_it FROM cvwiz.metrics WHERE name ~ '_version_';
RESET ROLE;
-- an owner's samples are of her own tables
GRANT EXECUTE ON FUNCTION cvwiz.sample_sizes(), cvwiz.sample_policies(), cvwiz.sample_snapshots(), cvwiz.sample_versions() TO regress_cvwiz_owner;
SET ROLE regress_cvwiz_owner;
SELECT cvwiz.sample_sizes();
RESET ROLE;
SELECT relation, snapshot_column, versions, sampled_at FROM cvwiz.stat_version ORDER BY relation::text, snapshot_column;
-- whatever the search_path has
CREATE FUNCTION app.pg_has_role(name, text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION app.count(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
SET search_path = app, pg_catalog;
SELECT count(*) FROM cvwiz.stat_version;
SET cvwiz.now = '2026-09-01 20:00';
SELECT cvwiz.sample_sizes();
SET search_path = app;
DROP FUNCTION app.pg_has_role, app.count;

-- ---- samples that go ----

-- after 400 days, with the next one
SELECT count(*) FROM cvwiz.version_sample WHERE sampled_at < '2026-08-31 13:00';
SET cvwiz.now = '2027-10-05 13:00';
SELECT cvwiz.sample_sizes();
SELECT min(sampled_at) FROM cvwiz.version_sample;
-- with the column, with the table
SELECT DISTINCT relation::regclass::text, snapshot_column FROM cvwiz.version_sample ORDER BY 1, 2;
SELECT cvwiz.remove_version_store('docs', 'other');
ALTER TABLE docs DROP COLUMN other;
SELECT DISTINCT relation::regclass::text, snapshot_column FROM cvwiz.version_sample ORDER BY 1, 2;
DROP TABLE docs, parts, late;
SELECT count(*) FROM cvwiz.version_sample;
SELECT * FROM cvwiz.stat_version;
SELECT * FROM cvwiz.stat_version_repack;
-- behind the event trigger's back: with the next sample
CREATE TABLE last (id int, doc jsonb);
SELECT cvwiz.add_version_store('last', 'doc', '{id}');
INSERT INTO cvwiz.version_sample (relation, snapshot_column, sampled_at) VALUES (1, 'doc', cvwiz.clock());
SELECT cvwiz.sample_sizes();
SELECT relation::regclass, snapshot_column FROM cvwiz.version_sample;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
DROP ROLE regress_cvwiz_owner, regress_cvwiz_member, regress_cvwiz_monitor, regress_cvwiz_other;
