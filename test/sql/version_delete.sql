-- When a row goes, its version dies; what nothing needs any more is freed.
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
-- About 3 kB that do not compress much, the n-th edit of them.
CREATE FUNCTION app.resume(who int, edit int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_build_object('id', who, 'edit', edit, 'work', (SELECT jsonb_agg(jsonb_build_object('id', n, 'text', md5((who * 1000 + n)::text) || md5((who * 2000 + n)::text))) FROM generate_series(1, 30) n),
		'summary', md5(edit::text)) $$;
CREATE TABLE docs (id int PRIMARY KEY, chain int DEFAULT 1, doc jsonb, note text);
SELECT cvwiz.add_version_store('docs', 'doc', '{chain}');
-- What the store has of the table, by the edits that its versions are: of rows, and dead.
CREATE FUNCTION app.edits() RETURNS TABLE (rows int[], kept int[], dead int[]) LANGUAGE plpgsql AS $$
BEGIN
	rows := ARRAY(SELECT (cvwiz.version(doc) ->> 'edit')::int FROM app.docs WHERE doc IS NOT NULL ORDER BY 1);
	RETURN QUERY SELECT rows, array_agg((s.document ->> 'edit')::int ORDER BY version_id), array_agg((s.document ->> 'edit')::int ORDER BY version_id) FILTER (WHERE is_dead)
	FROM (SELECT v.version_id, EXISTS (SELECT FROM cvwiz.dead_version d WHERE d.version_id = v.version_id) OR o.relation IS NULL AS is_dead,
		cvwiz.version(jsonb_build_object('$cvwiz', jsonb_build_object('version', v.version_id, 'size', 0, 'key', replace(v.access_key::text, '-', '')))) AS document
		FROM cvwiz.snapshot_version v JOIN cvwiz.version_source o USING (source_id)) s;
END $$;
-- Empties all.
CREATE PROCEDURE app.restart() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM app.docs; DELETE FROM cvwiz.snapshot_version; DELETE FROM cvwiz.dead_version; END $$;

-- ---- DELETE: the oldest first, as who keeps the newest does ----

INSERT INTO docs SELECT n, 1, resume(1, n) FROM generate_series(1, 40) n;
CREATE TABLE contents AS SELECT version_id, depth, xmin::text AS written, ctid::text AS place, md5(content) AS md5 FROM cvwiz.snapshot_version;
DO $$
BEGIN
	FOR n IN 1 .. 15 LOOP DELETE FROM app.docs WHERE id = n; END LOOP;
END $$;
-- all are needed yet by the 16th
SELECT * FROM edits();
DELETE FROM docs WHERE id = 16;
SELECT * FROM edits();
DELETE FROM docs WHERE id BETWEEN 17 AND 31;
SELECT * FROM edits();
DELETE FROM docs WHERE id = 32;
SELECT * FROM edits();
-- and not a row of what is left was written
SELECT count(*) AS left, count(*) FILTER (WHERE c.md5 = md5(v.content) AND c.written = v.xmin::text AND c.place = v.ctid::text) AS untouched FROM cvwiz.snapshot_version v JOIN contents c USING (version_id);
SELECT bool_and(cvwiz.version(doc) = resume(1, id)) FROM docs;
-- from the middle: one that others hang on stays, one that none does goes when its turn comes
CALL restart();
INSERT INTO docs SELECT n, 1, resume(1, n) FROM generate_series(1, 20) n;
DELETE FROM docs WHERE id IN (5, 10, 16, 18);
SELECT * FROM edits();
DELETE FROM docs WHERE id IN (11, 12, 13, 14, 15);
DELETE FROM docs WHERE id = 17;
SELECT * FROM edits();
CALL cvwiz.repack_versions('docs');
SELECT * FROM edits();
SELECT bool_and(cvwiz.version(doc) = resume(1, id)) FROM docs;
-- all at once, in one statement and in the reverse order
DELETE FROM docs;
SELECT * FROM edits();
INSERT INTO docs SELECT n, 1, resume(1, n) FROM generate_series(1, 40) n;
DO $$
BEGIN
	FOR n IN REVERSE 40 .. 1 LOOP DELETE FROM app.docs WHERE id = n; END LOOP;
END $$;
SELECT * FROM edits();

-- ---- UPDATE ----

CALL restart();
INSERT INTO docs VALUES (1, 1, resume(1, 1));
UPDATE docs SET doc = resume(1, 2);
SELECT * FROM edits();
UPDATE docs SET doc = resume(1, 3);
UPDATE docs SET doc = NULL;
SELECT * FROM edits();
-- a document, and not a difference from the one that was there
UPDATE docs SET doc = resume(1, 4);
UPDATE docs SET doc = resume(9, 5);
SELECT * FROM edits();
UPDATE docs SET doc = resume(9, 5);
SELECT * FROM edits();
DELETE FROM docs;
SELECT * FROM edits();

-- ---- transactions that do not come to be ----

BEGIN;
INSERT INTO docs VALUES (1, 1, resume(1, 1)), (2, 1, resume(1, 2));
ROLLBACK;
SELECT * FROM edits();
INSERT INTO docs VALUES (1, 1, resume(1, 1)), (2, 1, resume(1, 2));
BEGIN;
UPDATE docs SET doc = resume(1, 10 + id);
DELETE FROM docs WHERE id = 1;
SELECT * FROM edits();
ROLLBACK;
SELECT * FROM edits();
-- an error in the middle of a statement
SELECT error_of($$INSERT INTO app.docs SELECT n % 3 + 3, 1, app.resume(1, n) FROM generate_series(20, 23) n$$) ~ '^23505';
SELECT * FROM edits();
-- savepoints
BEGIN;
INSERT INTO docs VALUES (3, 1, resume(1, 3));
SAVEPOINT a;
INSERT INTO docs VALUES (4, 1, resume(1, 4));
DELETE FROM docs WHERE id IN (1, 3);
ROLLBACK TO a;
INSERT INTO docs VALUES (5, 1, resume(1, 5));
SAVEPOINT b;
UPDATE docs SET doc = resume(1, 6) WHERE id = 5;
RELEASE b;
SAVEPOINT c;
DELETE FROM docs WHERE id = 2;
COMMIT;
SELECT * FROM edits();
-- a cursor that was opened before sees them as they were
BEGIN;
DECLARE c CURSOR FOR SELECT id, cvwiz.version(doc) ->> 'edit' AS edit FROM docs ORDER BY id;
DELETE FROM docs;
FETCH ALL FROM c;
COMMIT;
SELECT * FROM edits();

-- ---- rows that do not come to be ----

INSERT INTO docs VALUES (1, 1, resume(1, 1));
INSERT INTO docs VALUES (1, 1, resume(1, 2)) ON CONFLICT DO NOTHING;
SELECT * FROM edits();
-- the next one hangs on it, nothing else does; gone with it
INSERT INTO docs VALUES (2, 1, resume(1, 3));
SELECT * FROM edits();
CALL cvwiz.repack_versions('docs');
SELECT * FROM edits();
SELECT id, cvwiz.version(doc) = resume(1, CASE id WHEN 1 THEN 1 ELSE 3 END) FROM docs ORDER BY id;
-- ON CONFLICT DO UPDATE: with the new document, the old one, another one, and none
INSERT INTO docs VALUES (1, 1, resume(1, 4)) ON CONFLICT (id) DO UPDATE SET doc = EXCLUDED.doc;
INSERT INTO docs VALUES (2, 1, resume(1, 5)) ON CONFLICT (id) DO UPDATE SET note = 'kept';
SELECT id, cvwiz.version(doc) ->> 'edit' AS edit, note FROM docs ORDER BY id;
CALL cvwiz.repack_versions('docs');
SELECT * FROM edits();
INSERT INTO docs AS d VALUES (1, 1, resume(1, 6)) ON CONFLICT (id) DO UPDATE SET doc = cvwiz.version(d.doc) || jsonb_build_object('edit', 7);
INSERT INTO docs VALUES (2, 1, resume(1, 3)) ON CONFLICT (id) DO UPDATE SET doc = EXCLUDED.doc;
INSERT INTO docs AS d VALUES (2, 1, resume(1, 8)) ON CONFLICT (id) DO UPDATE SET doc = EXCLUDED.doc WHERE d.note IS NULL;
SELECT id, cvwiz.version(doc) ->> 'edit' AS edit FROM docs ORDER BY id;
CALL cvwiz.repack_versions('docs');
SELECT * FROM edits();
-- a trigger's veto, before ours by its name and after it
CREATE FUNCTION app.veto() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN CASE WHEN NEW.note LIKE '%' || TG_ARGV[0] || '%' THEN NULL ELSE NEW END; END $$;
CREATE TRIGGER before_ours BEFORE INSERT OR UPDATE ON docs FOR EACH ROW EXECUTE FUNCTION veto('first');
CREATE TRIGGER "~z_after_ours" BEFORE INSERT OR UPDATE ON docs FOR EACH ROW EXECUTE FUNCTION veto('last');
SELECT last_value AS last FROM cvwiz.snapshot_version_id \gset
INSERT INTO docs VALUES (3, 1, resume(1, 10), 'first');
SELECT last_value - :last AS versions FROM cvwiz.snapshot_version_id;
BEGIN;
INSERT INTO docs VALUES (3, 1, resume(1, 11), 'last'), (4, 1, resume(1, 12), NULL);
UPDATE docs SET doc = resume(1, 13), note = 'last';
SELECT last_value - :last AS versions FROM cvwiz.snapshot_version_id;
COMMIT;
SELECT array_agg((cvwiz.version(doc) ->> 'edit') ORDER BY id) FROM docs;
CALL cvwiz.repack_versions('docs');
SELECT * FROM edits();
-- in a savepoint that is rolled back they are gone, in one that is not they are dead
BEGIN;
SAVEPOINT a;
INSERT INTO docs VALUES (5, 1, resume(1, 14), 'last');
ROLLBACK TO a;
INSERT INTO docs VALUES (5, 1, resume(1, 15), 'last');
SAVEPOINT b;
INSERT INTO docs VALUES (5, 1, resume(1, 16), 'last');
COMMIT;
SELECT (SELECT max(version_id) FROM cvwiz.dead_version) - max(version_id) AS newest_is_dead FROM cvwiz.snapshot_version;
CALL cvwiz.repack_versions('docs');
SELECT * FROM edits();
DROP TRIGGER before_ours ON docs;
DROP TRIGGER "~z_after_ours" ON docs;
-- a constraint that fails at the end
ALTER TABLE docs ADD CONSTRAINT note_unique UNIQUE (note) DEFERRABLE INITIALLY DEFERRED;
BEGIN;
INSERT INTO docs VALUES (6, 1, resume(1, 17), 'same'), (7, 1, resume(1, 18), 'same');
COMMIT;
SELECT * FROM edits();
ALTER TABLE docs DROP CONSTRAINT note_unique;

-- ---- MERGE, COPY, WITH, a view ----

CALL restart();
INSERT INTO docs VALUES (1, 1, resume(1, 1)), (2, 1, resume(1, 2)), (3, 1, resume(1, 3));
MERGE INTO docs d USING (VALUES (1, 11), (2, 12), (4, 14), (5, 15)) s(id, edit) ON d.id = s.id
	WHEN MATCHED AND d.id = 1 THEN UPDATE SET doc = resume(1, edit)
	WHEN MATCHED THEN DELETE
	WHEN NOT MATCHED AND s.id = 5 THEN DO NOTHING
	WHEN NOT MATCHED THEN INSERT (id, doc) VALUES (s.id, resume(1, s.edit));
SELECT id, cvwiz.version(doc) ->> 'edit' AS edit FROM docs ORDER BY id;
CALL cvwiz.repack_versions('docs');
SELECT * FROM edits();
COPY docs (id, chain, doc) FROM stdin;
20	1	{"edit": 20}
21	1	\N
22	1	{"edit": 22, "x": "\\u00e9\\n"}
\.
SELECT id, cvwiz.version_text(doc) FROM docs WHERE id >= 20 ORDER BY id;
\copy (SELECT id, cvwiz.version(doc) FROM docs WHERE id >= 20 ORDER BY id) TO stdout
WITH gone AS (DELETE FROM docs WHERE id = 20 RETURNING doc), back AS (INSERT INTO docs SELECT 23, 1, doc FROM gone RETURNING id) SELECT * FROM back;
SELECT cvwiz.version(doc) FROM docs WHERE id = 23;
CREATE VIEW simple AS SELECT id, doc FROM docs;
INSERT INTO simple VALUES (24, '{"edit": 24}');
UPDATE simple SET doc = '{"edit": 25}' WHERE id = 24;
SELECT cvwiz.version(doc) FROM docs WHERE id = 24;
INSERT INTO docs VALUES (25, 1, resume(1, 26)) RETURNING cvwiz.version(doc) ->> 'edit' AS edit;
-- a prepared statement, over a change of the table
PREPARE ins(int) AS INSERT INTO docs (id, doc) VALUES ($1, jsonb_build_object('edit', $1));
EXECUTE ins(30);
ALTER TABLE docs ADD added int;
EXECUTE ins(31);
ALTER TABLE docs DROP COLUMN added, ADD doc2 jsonb;
EXECUTE ins(32);
SELECT bool_and(cvwiz.version(doc) ->> 'edit' = id::text) FROM docs WHERE id >= 30;

-- ---- TRUNCATE ----

CALL restart();
INSERT INTO docs SELECT n, 1, resume(1, n) FROM generate_series(1, 3) n;
BEGIN;
TRUNCATE docs;
INSERT INTO docs VALUES (4, 1, resume(1, 4));
SELECT * FROM edits();
ROLLBACK;
SELECT * FROM edits();
BEGIN;
INSERT INTO docs VALUES (4, 1, resume(1, 4));
TRUNCATE docs;
INSERT INTO docs VALUES (5, 1, resume(1, 5)), (6, 1, resume(1, 6));
DELETE FROM docs WHERE id = 6;
COMMIT;
SELECT * FROM edits();
CALL cvwiz.repack_versions();
SELECT * FROM edits();
SELECT cvwiz.version(doc) = resume(1, 5) FROM docs;
SELECT count(*) FROM cvwiz.version_source WHERE relation IS NULL;
-- with RESTART IDENTITY, CASCADE
CREATE TABLE child (id int REFERENCES docs, doc jsonb);
SELECT cvwiz.add_version_store('child', 'doc', '{id}');
INSERT INTO child VALUES (5, '{"edit": 50}');
TRUNCATE docs RESTART IDENTITY CASCADE;
CALL cvwiz.repack_versions();
SELECT * FROM edits();
DROP TABLE child;

-- ---- triggers that were switched off ----

INSERT INTO docs SELECT n, n % 2, resume(n % 2, n) FROM generate_series(1, 10) n;
ALTER TABLE docs DISABLE TRIGGER USER;
DELETE FROM docs WHERE id IN (1, 2, 3);
INSERT INTO docs VALUES (12, 1, resume(1, 12));
ALTER TABLE docs ENABLE TRIGGER USER;
SELECT id, cvwiz.version(doc) ->> 'edit' AS edit, doc ? '$cvwiz' AS is_stub FROM docs WHERE id > 9 ORDER BY id;
SELECT * FROM edits();
CALL cvwiz.repack_versions('docs');
SELECT chains, freed_versions, orphaned_versions, success FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1;
SELECT * FROM edits();
-- as replication applies rows
SET session_replication_role = replica;
DELETE FROM docs WHERE id = 4;
RESET session_replication_role;
CALL cvwiz.repack_versions();
SELECT * FROM edits();
-- without the trigger that follows the rows nothing is lost, and the next sweep finds out
ALTER TABLE docs DISABLE TRIGGER "~cvwiz_versions_after_doc";
INSERT INTO docs VALUES (13, 1, resume(1, 13));
INSERT INTO docs VALUES (13, 1, resume(1, 14)) ON CONFLICT DO NOTHING;
UPDATE docs SET doc = resume(1, 15) WHERE id = 13;
ALTER TABLE docs ENABLE TRIGGER "~cvwiz_versions_after_doc";
SELECT cvwiz.version(doc) ->> 'edit' FROM docs WHERE id = 13;
CALL cvwiz.repack_versions('docs');
SELECT * FROM edits();

-- ---- DROP ----

CREATE TABLE dropped (id int, doc jsonb);
SELECT cvwiz.add_version_store('dropped', 'doc', '{id}');
INSERT INTO dropped SELECT 1, resume(1, n) FROM generate_series(100, 110) n;
CREATE TABLE copy AS TABLE dropped;
BEGIN;
DROP TABLE dropped;
SELECT count(*) FROM cvwiz.version_source WHERE relation IS NULL;
ROLLBACK;
SELECT count(*) FROM cvwiz.version_source WHERE relation IS NULL;
DROP TABLE dropped;
SELECT count(*) FROM copy WHERE cvwiz.version(doc) ->> 'edit' >= '100';
CALL cvwiz.repack_versions();
SELECT error_of('SELECT cvwiz.version(doc) FROM app.copy') ~ '^02000';
SELECT count(*) FROM cvwiz.version_source WHERE relation IS NULL;
SELECT * FROM edits();
-- a temporary table, which would go without a word at the end of its session, and cannot be dumped
CREATE TEMP TABLE temporary (id int, doc jsonb);
SELECT error_of($$SELECT cvwiz.add_version_store('pg_temp.temporary', 'doc', '{id}')$$);
CREATE TRIGGER by_hand BEFORE INSERT ON temporary FOR EACH ROW
	EXECUTE FUNCTION cvwiz.store_version('doc', 'chain={id}', 'keep=nothing');
SELECT error_of($$INSERT INTO pg_temp.temporary VALUES (1, '{"edit": 200}')$$);
DROP TABLE temporary;
-- a table that was dropped while nothing took notice
CREATE TABLE unnoticed (id int, doc jsonb);
SELECT cvwiz.add_version_store('unnoticed', 'doc', '{id}');
INSERT INTO unnoticed VALUES (1, '{"edit": 200}');
ALTER EVENT TRIGGER cvwiz_forget_dropped DISABLE;
DROP TABLE unnoticed;
ALTER EVENT TRIGGER cvwiz_forget_dropped ENABLE ALWAYS;
SELECT count(*) FROM cvwiz.version_source s WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = s.relation);
CALL cvwiz.repack_versions();
SELECT count(*) FROM cvwiz.version_source s WHERE relation IS NULL OR NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = s.relation);
SELECT * FROM edits();
-- the extension, in a transaction that has stored what no row has
BEGIN;
INSERT INTO docs VALUES (13, 1, resume(1, 300)) ON CONFLICT DO NOTHING;
SET LOCAL client_min_messages = warning;
DROP EXTENSION cvwiz CASCADE;
COMMIT;
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'docs'::regclass AND tgname ~ 'cvwiz';
SELECT doc ? '$cvwiz' AS is_stub FROM docs WHERE id = 13;

-- ---- the column ----

CREATE EXTENSION cvwiz;
CREATE TABLE columns (id int, doc jsonb, other jsonb);
SELECT cvwiz.add_version_store('columns', 'doc', '{id}');
INSERT INTO columns VALUES (1, resume(2, 1), '1'), (1, resume(2, 2), '1');
ALTER TABLE columns RENAME doc TO document;
SELECT error_of($$INSERT INTO app.columns VALUES (1, '1', '1')$$);
SELECT error_of($$DELETE FROM app.columns$$);
SELECT error_of($$UPDATE app.columns SET other = '2'$$) ~ '^42703';
SELECT cvwiz.version(document) -> 'edit' FROM columns;
SELECT error_of($$SELECT cvwiz.remove_version_store('app.columns', 'doc')$$) ~ '^42703';
SELECT cvwiz.remove_version_store('columns', 'doc', restore => false), cvwiz.add_version_store('columns', 'document', '{id}');
INSERT INTO columns VALUES (1, resume(2, 3), '1');
SELECT cvwiz.version(document) -> 'edit' FROM columns;
SELECT s.snapshot_column, count(*) FROM cvwiz.snapshot_version JOIN cvwiz.version_source s USING (source_id) GROUP BY 1 ORDER BY 1;
CALL cvwiz.repack_versions();
SELECT cvwiz.version(document) -> 'edit' FROM columns;
DELETE FROM columns WHERE cvwiz.version(document) ->> 'edit' < '3';
CALL cvwiz.repack_versions();
SELECT count(*) FROM cvwiz.snapshot_version;
-- another column comes under the old name, with a store of its own: the renamed one's documents are not its business
ALTER TABLE columns RENAME document TO doc_2025;
SELECT cvwiz.remove_version_store('columns', 'document', restore => false);
ALTER TABLE columns ADD document jsonb;
SELECT cvwiz.add_version_store('columns', 'document', '{id}');
INSERT INTO columns (id, document) VALUES (2, resume(2, 4));
CALL cvwiz.repack_versions();
SELECT id, cvwiz.version(doc_2025) -> 'edit' AS old, cvwiz.version(document) -> 'edit' AS new FROM columns ORDER BY id;
SELECT cvwiz.remove_version_store('columns', 'document');
CALL cvwiz.repack_versions();
SELECT id, cvwiz.version(doc_2025) -> 'edit' AS old, document -> 'edit' AS new, document ? '$cvwiz' AS is_stub FROM columns ORDER BY id;
-- dropped
SELECT cvwiz.add_version_store('columns', 'document', '{id}');
UPDATE columns SET document = resume(2, 5 + id);
ALTER TABLE columns DROP COLUMN document;
SELECT error_of($$UPDATE app.columns SET other = '2'$$) ~ '^42703';
SELECT cvwiz.remove_version_store('columns', 'document', restore => false);
UPDATE columns SET other = '2';
CALL cvwiz.repack_versions();
SELECT (SELECT count(*) FROM cvwiz.snapshot_version) AS versions, id, cvwiz.version(doc_2025) -> 'edit' AS old FROM columns ORDER BY id;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
