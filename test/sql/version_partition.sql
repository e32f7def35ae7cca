-- The version store of partitioned tables: every partition's versions are its own,
-- their chains are those of the whole.
\pset format unaligned
\pset footer off
\pset null -
CREATE EXTENSION cvwiz;
CREATE SCHEMA app;
SET search_path = app;

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
CREATE FUNCTION app.resume(who int, edit int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_build_object('id', who, 'edit', edit, 'work', (SELECT jsonb_agg(jsonb_build_object('id', n, 'text', md5((who * 1000 + n)::text) || md5((who * 2000 + n)::text))) FROM generate_series(1, 30) n),
		'summary', md5(edit::text)) $$;
CREATE TABLE docs (part text NOT NULL, chain int, edit int, doc jsonb) PARTITION BY LIST (part);
CREATE TABLE docs_a PARTITION OF docs FOR VALUES IN ('a');
CREATE TABLE docs_b PARTITION OF docs FOR VALUES IN ('b') PARTITION BY RANGE (edit);
CREATE TABLE docs_b_low PARTITION OF docs_b FOR VALUES FROM (0) TO (100);
SELECT cvwiz.add_version_store('docs', 'doc', '{chain}');
CREATE TABLE docs_b_high PARTITION OF docs_b FOR VALUES FROM (100) TO (200);
-- columns in another order, and dropped ones
CREATE TABLE docs_c (dropped int, doc jsonb, edit int, part text NOT NULL, chain int);
ALTER TABLE docs_c DROP COLUMN dropped;
ALTER TABLE docs ATTACH PARTITION docs_c FOR VALUES IN ('c');
SELECT relation, snapshot_column, chain_columns, keep FROM cvwiz.version_stores ORDER BY relation::text;
CREATE FUNCTION app.wrong() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM app.docs WHERE cvwiz.version_text(doc)::text IS DISTINCT FROM app.resume(chain, edit)::text $$;
-- What the store has, by partition, and what no row has.
CREATE VIEW app.kept AS SELECT s.relation, count(*) AS versions, count(*) FILTER (WHERE v.base_id IS NULL) AS keyframes,
	count(*) FILTER (WHERE EXISTS (SELECT FROM cvwiz.dead_version d WHERE d.version_id = v.version_id)) AS dead FROM cvwiz.snapshot_version v JOIN cvwiz.version_source s USING (source_id) GROUP BY s.relation::oid, s.relation ORDER BY s.relation::text;

-- ---- through the parent and into a partition: one chain ----

INSERT INTO docs SELECT (ARRAY['a', 'b', 'c'])[1 + n % 3], 1, n, resume(1, n) FROM generate_series(1, 12) n;
INSERT INTO docs_a VALUES ('a', 1, 13, resume(1, 13));
INSERT INTO docs_b VALUES ('b', 1, 114, resume(1, 114));
INSERT INTO docs_c (part, chain, edit, doc) VALUES ('c', 1, 15, resume(1, 15));
COPY docs FROM stdin;
a	2	1	{"copied": "\\u00e9"}
\.
UPDATE docs SET doc = resume(2, 1) WHERE chain = 2;
SELECT * FROM kept;
SELECT count(DISTINCT chain_key) AS chains FROM cvwiz.snapshot_version;
SELECT wrong();

-- ---- rows that move ----

UPDATE docs SET part = 'b' WHERE edit = 3;
UPDATE docs SET part = 'c', doc = resume(1, 1006), edit = 1006 WHERE edit = 6;
UPDATE docs SET edit = 150, doc = resume(1, 150) WHERE edit = 1 AND chain = 1;
UPDATE docs_b SET edit = 151, doc = resume(1, 151) WHERE edit = 4;
SELECT tableoid::regclass, edit FROM docs WHERE edit IN (3, 1006, 150, 151) ORDER BY edit;
SELECT wrong();
SELECT relation, versions, dead FROM kept;
CALL cvwiz.repack_versions('docs');
SELECT relation, versions, dead FROM kept;
SELECT wrong();
-- a move that is rolled back, and one that is vetoed
BEGIN;
UPDATE docs SET part = 'a';
ROLLBACK;
CREATE FUNCTION app.veto() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER veto BEFORE INSERT ON docs_c FOR EACH ROW EXECUTE FUNCTION veto();
SELECT count(*) FROM docs;
UPDATE docs SET part = 'c' WHERE edit = 13;
SELECT count(*) FROM docs;
DROP TRIGGER veto ON docs_c;
CALL cvwiz.repack_versions('docs');
SELECT (SELECT count(*) FROM docs) AS rows, sum(versions) AS versions, sum(dead) AS dead FROM kept;
MERGE INTO docs d USING (VALUES (2), (5)) s(edit) ON d.edit = s.edit WHEN MATCHED AND s.edit = 2 THEN UPDATE SET part = 'b' WHEN MATCHED THEN DELETE;
INSERT INTO docs VALUES ('a', 1, 16, resume(1, 16)), ('b', 1, 17, resume(1, 17));
SELECT wrong();

-- ---- DETACH, ATTACH ----

ALTER TABLE docs DETACH PARTITION docs_c;
SELECT count(*), count(*) FILTER (WHERE cvwiz.version(doc) = resume(chain, edit)) AS readable FROM docs_c;
SELECT relation FROM cvwiz.version_stores ORDER BY relation::text;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'docs_c'::regclass;
-- nobody follows its rows any more, but who looks finds what they leave
INSERT INTO docs_c (part, chain, edit, doc) VALUES ('c', 1, 18, '{"plain": 1}');
SELECT doc FROM docs_c WHERE edit = 18;
DELETE FROM docs_c WHERE edit IN (1006, 18);
CALL cvwiz.repack_versions('docs_c');
SELECT orphaned_versions, success FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1;
SELECT count(*), count(*) FILTER (WHERE cvwiz.version(doc) = resume(chain, edit)) AS readable FROM docs_c;
SELECT wrong();
-- with a store of its own: its chains are its own, too
SELECT cvwiz.add_version_store('docs_c', 'doc', '{chain}', keep => 'nothing');
INSERT INTO docs_c (part, chain, edit, doc) VALUES ('c', 1, 19, resume(1, 19));
SELECT v.base_id FROM docs_c JOIN cvwiz.snapshot_version v ON v.version_id = cvwiz.stub_version(doc) WHERE edit = 19;
SELECT error_of($$ALTER TABLE app.docs ATTACH PARTITION app.docs_c FOR VALUES IN ('c')$$);
SELECT cvwiz.remove_version_store('docs_c', 'doc', restore => false);
ALTER TABLE docs ATTACH PARTITION docs_c FOR VALUES IN ('c');
SELECT wrong();
UPDATE docs SET doc = resume(1, 20), edit = 20 WHERE edit = 19;
DELETE FROM docs WHERE part = 'c' AND edit < 10;
INSERT INTO docs VALUES ('c', 1, 21, resume(1, 21));
SELECT wrong();
CALL cvwiz.repack_versions('docs');
SELECT wrong();
SELECT (SELECT count(*) FROM docs) AS rows, sum(versions) AS versions, sum(dead) AS dead FROM kept;
-- a table without one, with documents that are plain yet
CREATE TABLE docs_d (LIKE docs);
INSERT INTO docs_d VALUES ('d', 1, 22, resume(1, 22)), ('d', 1, 23, resume(1, 23));
ALTER TABLE docs ATTACH PARTITION docs_d FOR VALUES IN ('d');
UPDATE docs SET doc = resume(1, 24), edit = 24 WHERE edit = 23;
SELECT edit, doc ? '$cvwiz' AS is_stub FROM docs WHERE part = 'd' ORDER BY edit;
SELECT wrong();
-- a partition has its store from the whole
SELECT error_of($$SELECT cvwiz.remove_version_store('app.docs_a', 'doc')$$);
SELECT error_of($$SELECT cvwiz.add_version_store('app.docs_a', 'doc', '{chain}')$$);

-- ---- TRUNCATE, DROP ----

-- the whole
BEGIN;
TRUNCATE docs;
SELECT count(*) FROM cvwiz.version_source WHERE relation IS NULL;
ROLLBACK;
SELECT wrong();
-- of a partition by itself no trigger tells: a sweep finds out
TRUNCATE docs_a;
SELECT relation, versions, dead FROM kept;
CALL cvwiz.repack_versions('docs');
SELECT relation, versions, dead FROM kept;
SELECT wrong();
-- what other partitions' versions are differences from stays until they are stored anew
INSERT INTO docs SELECT CASE WHEN n % 2 = 0 THEN 'a' ELSE 'b' END, 3, n, resume(3, n) FROM generate_series(1, 8) n;
SELECT count(*) AS on_others FROM docs d JOIN cvwiz.snapshot_version v ON v.version_id = cvwiz.stub_version(doc) JOIN cvwiz.snapshot_version b ON b.version_id = v.base_id WHERE d.chain = 3 AND v.source_id <> b.source_id;
BEGIN;
DROP TABLE docs_a;
SELECT wrong();
ROLLBACK;
DROP TABLE docs_a;
SELECT wrong();
SELECT versions FROM kept WHERE relation IS NULL;
CALL cvwiz.repack_versions();
SELECT wrong();
SELECT versions FROM kept WHERE relation IS NULL;
SELECT count(*) AS dangling FROM cvwiz.snapshot_version v WHERE base_id IS NOT NULL AND NOT EXISTS (SELECT FROM cvwiz.snapshot_version b WHERE b.version_id = v.base_id);
SELECT relation, versions, chains, keyframes > 0 AS keyframes, dead_versions FROM cvwiz.version_stats();
-- detached and dropped, as a purge does it
ALTER TABLE docs DETACH PARTITION docs_c;
DROP TABLE docs_c;
ALTER TABLE docs_b DETACH PARTITION docs_b_low;
CALL cvwiz.repack_versions();
SELECT wrong(), (SELECT count(*) FROM docs_b_low WHERE cvwiz.version(doc) = resume(chain, edit)) = (SELECT count(*) FROM docs_b_low) AS detached_ones;

-- ---- a renamed column, a renamed table ----

ALTER TABLE docs RENAME doc TO document;
SELECT DISTINCT s.snapshot_column FROM cvwiz.version_source s JOIN pg_partition_tree('docs') t ON t.relid = s.relation;
SELECT cvwiz.remove_version_store('docs', 'doc', restore => false), cvwiz.add_version_store('docs', 'document', '{chain}');
ALTER TABLE docs ADD doc jsonb;
SELECT cvwiz.add_version_store('docs', 'doc', '{chain}');
UPDATE docs SET doc = '{"second": 1}';
CALL cvwiz.repack_versions();
SELECT count(*), count(*) FILTER (WHERE cvwiz.version(document) = resume(chain, edit) AND cvwiz.version(doc) = '{"second": 1}') AS whole FROM docs;
ALTER TABLE docs RENAME TO documents;
ALTER TABLE documents SET SCHEMA public;
UPDATE public.documents SET document = resume(chain, edit + 1), edit = edit + 1 WHERE part = 'b';
SELECT count(*), count(*) FILTER (WHERE cvwiz.version(document) = resume(chain, edit)) AS whole FROM public.documents;
ALTER TABLE public.documents DROP COLUMN doc;
SELECT cvwiz.remove_version_store('public.documents', 'doc', restore => false);
CALL cvwiz.repack_versions();
SELECT (SELECT count(*) FROM cvwiz.snapshot_version) = (SELECT count(cvwiz.stub_version(document)) FROM public.documents) + (SELECT count(cvwiz.stub_version(doc)) FROM docs_b_low) AS one_for_each_stub;

-- ---- inheritance: children are tables of their own ----

CREATE TABLE parent (id int, doc jsonb);
CREATE TABLE child () INHERITS (parent);
SELECT cvwiz.add_version_store('parent', 'doc', '{id}');
INSERT INTO parent VALUES (1, '{"of": "parent"}');
INSERT INTO child VALUES (1, '{"of": "child"}');
SELECT tableoid::regclass, doc ? '$cvwiz' AS is_stub, cvwiz.version(doc) FROM parent ORDER BY 1;
SELECT cvwiz.add_version_store('child', 'doc', '{id}');
UPDATE parent SET doc = cvwiz.version(doc) || '{"n": 2}';
SELECT tableoid::regclass, doc ? '$cvwiz' AS is_stub, cvwiz.version(doc) FROM parent ORDER BY 1;
-- its documents are not put back with the parent's
SELECT cvwiz.remove_version_store('parent', 'doc');
CALL cvwiz.repack_versions();
SELECT tableoid::regclass, doc ? '$cvwiz' AS is_stub, cvwiz.version(doc) FROM parent ORDER BY 1;
TRUNCATE ONLY parent;
CALL cvwiz.repack_versions();
SELECT tableoid::regclass, cvwiz.version(doc) FROM parent;

SET client_min_messages = warning;
DROP TABLE public.documents;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
