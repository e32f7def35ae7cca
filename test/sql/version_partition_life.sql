-- The version store of partitioned tables, and of tables that others inherit from.
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
\set VERBOSITY terse
CREATE EXTENSION cvwiz;
CREATE SCHEMA app;
SET search_path = app;

CREATE FUNCTION document(id int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_build_object('id', id, 'items', (SELECT jsonb_agg(jsonb_build_object('id', n, 'text', md5(n::text))) FROM generate_series(1, 20) n))
$$;

CREATE VIEW store AS
SELECT v.version_id, v.base_id, v.depth, v.chain_key, s.relation,
	s.relation IS NULL OR EXISTS (SELECT FROM cvwiz.dead_version d WHERE d.version_id = v.version_id) AS dead
FROM cvwiz.snapshot_version v JOIN cvwiz.version_source s USING (source_id);
-- the versions of each table
CREATE VIEW tables AS
SELECT relation, count(*) FILTER (WHERE NOT dead) AS live, count(*) FILTER (WHERE dead) AS dead FROM store GROUP BY relation ORDER BY relation::text;

-- Rows that have a document; those that read another one, or share their version
-- with another row; versions that are not dead and that no row has.
CREATE FUNCTION state(relation text DEFAULT 'docs', OUT rows bigint, OUT wrong bigint, OUT lost bigint)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(snapshot), count(snapshot) FILTER (WHERE cvwiz.version_text(snapshot)::text IS DISTINCT FROM plain::text)'
		' + count(cvwiz.stub_version(snapshot)) - count(DISTINCT cvwiz.stub_version(snapshot)),'
		' (SELECT count(*) FROM app.store WHERE NOT dead AND NOT EXISTS (SELECT FROM %1$s t WHERE cvwiz.stub_version(t.snapshot) = version_id)) FROM %1$s x', relation) INTO rows, wrong, lost;
END $$;
CREATE PROCEDURE put(relation text, first int, last int) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %s (id, plain, snapshot) SELECT id, app.document(id), app.document(id) FROM generate_series($1, $2) id', relation) USING first, last;
END $$;

-- All rows are of one chain. The second level has its columns in another order.
CREATE TABLE docs (id int, r int NOT NULL DEFAULT 1, plain jsonb, snapshot jsonb) PARTITION BY RANGE (id);
CREATE TABLE docs_1 PARTITION OF docs FOR VALUES FROM (0) TO (10);
CREATE TABLE docs_2 (snapshot jsonb, gone int, plain jsonb, r int NOT NULL DEFAULT 1, id int) PARTITION BY RANGE (id);
ALTER TABLE docs_2 DROP COLUMN gone;
CREATE TABLE docs_2_1 PARTITION OF docs_2 FOR VALUES FROM (10) TO (15);
CREATE TABLE docs_2_2 PARTITION OF docs_2 FOR VALUES FROM (15) TO (20);
ALTER TABLE docs ATTACH PARTITION docs_2 FOR VALUES FROM (10) TO (20);
SELECT cvwiz.add_version_store('docs', 'snapshot', '{r}');
SELECT relation, snapshot_column, chain_columns, keep FROM cvwiz.version_stores ORDER BY relation::text;

-- ---- through the parent and into a partition ----

CALL put('docs', 8, 16);
CALL put('docs_1', 1, 2);
CALL put('docs_2', 17, 17);
CALL put('docs_2_2', 18, 18);
SELECT * FROM tables;
SELECT count(DISTINCT chain_key) AS chains, count(*) FILTER (WHERE base_id IS NULL) AS keyframes FROM store;
SELECT * FROM state();
DELETE FROM docs WHERE id = 18;
DELETE FROM docs_2_2 WHERE id = 17;
SELECT * FROM tables;

-- ---- a row that moves ----

UPDATE docs SET id = 12 WHERE id = 2;
SELECT * FROM tables;
SELECT * FROM state();
UPDATE docs SET id = 3, plain = document(33), snapshot = document(33) WHERE id = 12 AND plain = document(2);
SELECT * FROM tables;
SELECT * FROM state();
-- and does not, in the end
BEGIN;
UPDATE docs SET id = id + 10 WHERE id < 10;
SELECT * FROM state();
ROLLBACK;
SELECT * FROM state();
SELECT * FROM tables;
-- of all its documents, many times
DO $$ BEGIN FOR n IN 1..20 LOOP UPDATE app.docs SET id = (id + 7) % 20; END LOOP; END $$;
SELECT * FROM state();
CALL cvwiz.repack_versions('docs');
SELECT * FROM state();
SELECT sum(live) AS live, sum(dead) AS dead FROM tables;

-- ---- DROP of a partition ----

DELETE FROM docs;
CALL cvwiz.repack_versions();
TABLE store;
-- the partitions' versions take turns: each is the difference from one in another partition
DO $$ BEGIN FOR n IN 0..4 LOOP CALL app.put('docs', n, n); CALL app.put('docs', n + 10, n + 10); CALL app.put('docs', n + 15, n + 15); END LOOP; END $$;
SELECT count(*) AS versions, count(*) FILTER (WHERE b.relation <> s.relation) AS of_another_partition FROM store s LEFT JOIN store b ON b.version_id = s.base_id;
SELECT * FROM tables;
DROP TABLE docs_2_1;
SELECT * FROM tables;
SELECT * FROM state();
CALL cvwiz.repack_versions('docs');
SELECT * FROM tables;
SELECT * FROM state();
SELECT count(*) FROM store s JOIN store b ON b.version_id = s.base_id WHERE b.dead;
CALL cvwiz.repack_versions();
SELECT * FROM tables;
SELECT * FROM state();
SELECT count(*) FROM cvwiz.version_source WHERE relation IS NULL;
CREATE TABLE docs_2_1 PARTITION OF docs_2 FOR VALUES FROM (10) TO (15);
CALL put('docs', 10, 14);
SELECT * FROM tables;
SELECT * FROM state();
-- one level higher: with all that is below
DROP TABLE docs_2;
SELECT * FROM tables;
CALL cvwiz.repack_versions();
SELECT * FROM tables;
SELECT * FROM state();
SELECT count(*) FROM cvwiz.verify_versions();

-- ---- ATTACH ----

-- without a store: documents stay as they are until they are written
CREATE TABLE plain_one (LIKE docs INCLUDING DEFAULTS);
CALL put('plain_one', 20, 22);
ALTER TABLE docs ATTACH PARTITION plain_one FOR VALUES FROM (20) TO (30);
SELECT id, cvwiz.stub_version(snapshot) IS NULL AS whole FROM docs WHERE id >= 20;
CALL put('docs', 23, 23);
UPDATE docs SET snapshot = snapshot::text::jsonb WHERE id = 20;
SELECT id, cvwiz.stub_version(snapshot) IS NULL AS whole FROM docs WHERE id >= 20 ORDER BY id;
SELECT * FROM tables;
SELECT * FROM state();
-- with one: PostgreSQL refuses, until it has none
CREATE TABLE own (LIKE docs INCLUDING DEFAULTS);
SELECT cvwiz.add_version_store('own', 'snapshot', '{r}');
CALL put('own', 30, 34);
ALTER TABLE docs ATTACH PARTITION own FOR VALUES FROM (30) TO (40);
SELECT cvwiz.remove_version_store('own', 'snapshot', restore => false);
ALTER TABLE docs ATTACH PARTITION own FOR VALUES FROM (30) TO (40);
CALL put('docs', 35, 36);
SELECT * FROM state();
SELECT count(DISTINCT chain_key) AS chains FROM store WHERE relation = 'own'::regclass;
DELETE FROM docs WHERE id IN (30, 31, 36);
CALL cvwiz.repack_versions('docs');
SELECT * FROM tables;
SELECT * FROM state();

-- ---- DETACH ----

ALTER TABLE docs DETACH PARTITION own;
SELECT * FROM state('(TABLE docs UNION ALL TABLE own)');
CALL cvwiz.repack_versions();
SELECT * FROM state('(TABLE docs UNION ALL TABLE own)');
SELECT cvwiz.stub_version(snapshot) IS NULL AS whole FROM own LIMIT 1;
-- it has no store now: a document stays whole, a deleted row's version stays
CALL put('own', 37, 37);
DELETE FROM own WHERE id = 32;
SELECT id, cvwiz.stub_version(snapshot) IS NULL AS whole FROM own ORDER BY id;
SELECT * FROM state('(TABLE docs UNION ALL TABLE own)');
CALL cvwiz.repack_versions('own');
SELECT * FROM state('(TABLE docs UNION ALL TABLE own)');
-- with a store again it goes on
SELECT cvwiz.add_version_store('own', 'snapshot', '{r}');
CALL put('own', 38, 39);
DELETE FROM own WHERE id IN (33, 38);
SELECT * FROM tables;
SELECT * FROM state('(TABLE docs UNION ALL TABLE own)');
CALL cvwiz.repack_versions();
SELECT * FROM tables;
-- the parent's store goes, the detached table's stays
SELECT cvwiz.remove_version_store('docs', 'snapshot');
SELECT count(*), count(*) FILTER (WHERE snapshot = plain) AS whole FROM docs;
SELECT * FROM tables;
CALL cvwiz.repack_versions();
SELECT * FROM tables;
SELECT * FROM state('(TABLE docs UNION ALL TABLE own)');
SELECT cvwiz.add_version_store('docs', 'snapshot', '{r}');
UPDATE docs SET snapshot = snapshot::text::jsonb;
SELECT * FROM tables;

-- ---- TRUNCATE ----

-- of a partition by itself: the versions are found
TRUNCATE plain_one;
SELECT * FROM tables;
SELECT * FROM state('(TABLE docs UNION ALL TABLE own)');
CALL cvwiz.repack_versions();
SELECT * FROM tables;
SELECT orphaned_versions, failed FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1;
SELECT * FROM state('(TABLE docs UNION ALL TABLE own)');
-- of the parent: dead at once
CALL put('docs', 20, 24);
TRUNCATE docs;
SELECT * FROM tables;
CALL put('docs', 5, 6);
CALL put('docs', 25, 25);
SELECT * FROM tables;
CALL cvwiz.repack_versions();
SELECT * FROM tables;
SELECT * FROM state('(TABLE docs UNION ALL TABLE own)');
SELECT orphaned_versions, failed FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1;

-- ---- inheritance: the children are other tables ----

DROP TABLE docs, own;
CALL cvwiz.repack_versions();
TABLE store;
CREATE TABLE parent (id int, r int NOT NULL DEFAULT 1, plain jsonb, snapshot jsonb);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE other () INHERITS (parent);
SELECT cvwiz.add_version_store('parent', 'snapshot', '{r}'), cvwiz.add_version_store('child', 'snapshot', '{r}');
CALL put('parent', 1, 3);
CALL put('child', 4, 6);
CALL put('other', 7, 9);
SELECT * FROM tables;
SELECT id, cvwiz.stub_version(snapshot) IS NULL AS whole FROM other ORDER BY id;
SELECT count(DISTINCT chain_key) FROM store;
SELECT * FROM state('parent');
-- the parent's are the parent's alone
DELETE FROM parent WHERE id IN (1, 4, 7);
CALL cvwiz.repack_versions('parent');
SELECT * FROM tables;
TRUNCATE ONLY parent;
SELECT * FROM tables;
CALL cvwiz.repack_versions();
SELECT * FROM tables;
SELECT * FROM state('parent');
CALL put('parent', 1, 3);
SELECT relation, versions FROM cvwiz.version_stats('parent');
SELECT cvwiz.remove_version_store('parent', 'snapshot');
SELECT tableoid::regclass AS relation, count(*), count(*) FILTER (WHERE snapshot = plain) AS whole FROM parent GROUP BY 1 ORDER BY 1;
SELECT * FROM tables;
SELECT * FROM state('parent');
CALL cvwiz.repack_versions();
SELECT * FROM state('parent');
-- TRUNCATE of both fires the triggers of both
TRUNCATE parent;
SELECT * FROM tables;
CALL put('child', 1, 2);
DROP TABLE parent CASCADE;
SELECT * FROM tables;
CALL cvwiz.repack_versions();
SELECT * FROM tables;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
