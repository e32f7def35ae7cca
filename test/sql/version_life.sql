-- When a version lives, when it is dead, and when its content is freed.
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

CREATE TABLE docs (id int PRIMARY KEY, r int NOT NULL DEFAULT 1, plain jsonb, snapshot jsonb);
SELECT cvwiz.add_version_store('docs', 'snapshot', '{r}');

CREATE VIEW store AS
SELECT v.version_id, v.base_id, v.depth, s.relation, v.content, v.ctid AS place, v.xmin AS writer,
	s.relation IS NULL OR EXISTS (SELECT FROM cvwiz.dead_version d WHERE d.version_id = v.version_id) AS dead
FROM cvwiz.snapshot_version v JOIN cvwiz.version_source s USING (source_id);

-- Rows that have a document; those that read another one, or share their version
-- with another row; versions that are not dead, and those of them that no row
-- has; dead ones; and remarks about versions that are gone.
CREATE FUNCTION state(relation text DEFAULT 'docs', OUT rows bigint, OUT wrong bigint, OUT live bigint, OUT lost bigint, OUT dead bigint, OUT gone bigint)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(snapshot), count(snapshot) FILTER (WHERE cvwiz.version_text(snapshot)::text IS DISTINCT FROM plain::text)'
		' + count(cvwiz.stub_version(snapshot)) - count(DISTINCT cvwiz.stub_version(snapshot)) FROM %s', relation) INTO rows, wrong;
	EXECUTE format('SELECT count(*) FILTER (WHERE NOT dead), count(*) FILTER (WHERE NOT dead AND NOT EXISTS (SELECT FROM %s t WHERE cvwiz.stub_version(t.snapshot) = version_id)),'
		' count(*) FILTER (WHERE dead) FROM app.store', relation) INTO live, lost, dead;
	SELECT count(*) INTO gone FROM cvwiz.dead_version d WHERE NOT EXISTS (SELECT FROM cvwiz.snapshot_version v WHERE v.version_id = d.version_id);
END $$;
CREATE PROCEDURE put(first int, last int, r int DEFAULT 1) LANGUAGE sql AS $$
	INSERT INTO app.docs SELECT id, r, app.document(id), app.document(id) FROM generate_series(first, last) id;
$$;
CREATE PROCEDURE start_again(count int) LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM app.docs;
	DELETE FROM cvwiz.snapshot_version;
	DELETE FROM cvwiz.dead_version;
	PERFORM setval('cvwiz.snapshot_version_id', 1, false);
	CALL app.put(1, count);
END $$;

-- ---- DELETE of the oldest: whole runs are freed, and nothing else is written ----

CALL start_again(40);
SELECT * FROM state();
SELECT string_agg(version_id || coalesce('<' || base_id, ''), ' ' ORDER BY version_id) FROM store;
CREATE TABLE before AS SELECT * FROM store;
CREATE TABLE course (deleted int, stored int, dead int, oldest bigint, wrong int, rewritten int);
DO $$
BEGIN
	FOR n IN 1..39 LOOP
		DELETE FROM app.docs WHERE id = n;
		INSERT INTO app.course
		SELECT n, count(*), count(*) FILTER (WHERE s.dead), min(s.version_id), (SELECT wrong FROM app.state()),
			count(*) FILTER (WHERE (s.place, s.writer::text, md5(s.content)) IS DISTINCT FROM (b.place, b.writer::text, md5(b.content)))
		FROM app.store s LEFT JOIN app.before b USING (version_id);
		COMMIT;
	END LOOP;
END $$;
SELECT * FROM course WHERE deleted % 16 IN (0, 1, 15) OR deleted = 39;
SELECT max(dead), sum(wrong) AS wrong, sum(rewritten) AS rewritten FROM course;
SELECT * FROM state();
-- a statement that deletes all, in whatever order, frees all that its run allows
CALL start_again(32);
DELETE FROM docs WHERE id <= 20;
SELECT * FROM state();
SELECT min(version_id) FROM store;
DELETE FROM docs;
SELECT * FROM state();
CALL cvwiz.repack_versions();
SELECT * FROM state();

-- ---- what lives keeps what it is the difference from ----

CALL start_again(6);
DELETE FROM docs WHERE id IN (1, 3, 4);
SELECT version_id, base_id, depth, dead FROM store ORDER BY 1;
SELECT * FROM state();
-- the newest one that is dead is a base like any other
DELETE FROM docs WHERE id = 6;
CALL put(7, 7);
SELECT version_id, base_id, depth, dead FROM store WHERE version_id >= 5 ORDER BY 1;
SELECT * FROM state();
-- another chain has nothing to do with it
CALL put(101, 103, 2);
DELETE FROM docs WHERE r = 1;
SELECT * FROM state();

-- ---- UPDATE ----

CALL start_again(3);
UPDATE docs SET plain = document(33), snapshot = document(33) WHERE id = 3;
SELECT * FROM state();
UPDATE docs SET r = r WHERE id = 3;
UPDATE docs SET snapshot = document(33) WHERE id = 3;
UPDATE docs SET snapshot = snapshot || '{}' WHERE id = 3;
SELECT * FROM state();
-- to nothing, and back
UPDATE docs SET snapshot = NULL WHERE id = 2;
SELECT * FROM state();
UPDATE docs SET snapshot = plain WHERE id = 2;
SELECT * FROM state();
-- in place, again and again: dead runs go
DO $$ BEGIN FOR n IN 1..100 LOOP UPDATE app.docs SET plain = app.document(n), snapshot = app.document(n) WHERE id = 1; END LOOP; END $$;
SELECT rows, wrong, live, lost, dead < 32 AS few_dead, gone FROM state();
-- a row changes its chain by its document's next version
UPDATE docs SET r = 3, plain = document(34), snapshot = document(34) WHERE id = 3;
SELECT * FROM (SELECT version_id, chain_key = lag(chain_key) OVER (ORDER BY version_id) AS same_chain, base_id IS NULL AS keyframe FROM cvwiz.snapshot_version) v ORDER BY 1 DESC LIMIT 1;

-- ---- ROLLBACK, savepoints ----

CALL start_again(20);
CREATE TABLE untouched AS SELECT * FROM store;
BEGIN;
DELETE FROM docs WHERE id <= 18;
SELECT * FROM state();
ROLLBACK;
SELECT * FROM state();
SELECT count(*) FROM (TABLE untouched EXCEPT TABLE store) x;
BEGIN;
CALL put(21, 22);
ROLLBACK;
BEGIN;
SAVEPOINT a;
DELETE FROM docs WHERE id <= 17;
CALL put(23, 24);
ROLLBACK TO a;
CALL put(25, 25);
SAVEPOINT b;
DELETE FROM docs WHERE id = 25;
ROLLBACK TO b;
SAVEPOINT c;
UPDATE docs SET plain = document(77), snapshot = document(77) WHERE id = 1;
RELEASE c;
COMMIT;
SELECT * FROM state();
SELECT version_id FROM store WHERE dead;
-- a version that a failed subtransaction stored is not there, nor a remark about it
DO $$
BEGIN
	INSERT INTO app.docs VALUES (1, 1, '1', '1');
EXCEPTION WHEN unique_violation THEN
	INSERT INTO app.docs VALUES (26, 1, '"after"', '"after"');
END $$;
SELECT * FROM state();
BEGIN;
SAVEPOINT a;
INSERT INTO docs VALUES (1, 1, '1', '1') ON CONFLICT DO NOTHING;
ROLLBACK TO a;
COMMIT;
SELECT * FROM state();
-- there and gone in one transaction
BEGIN;
CALL put(31, 32);
DELETE FROM docs WHERE id IN (31, 32);
COMMIT;
SELECT * FROM state();
CALL cvwiz.repack_versions();
SELECT * FROM state();

-- ---- rows that never come ----

CALL start_again(2);
BEGIN;
INSERT INTO docs VALUES (1, 1, document(9), document(9)), (3, 1, document(3), document(3)) ON CONFLICT DO NOTHING;
SELECT * FROM state();
COMMIT;
SELECT * FROM state();
INSERT INTO docs VALUES (1, 1, document(9), document(9)) ON CONFLICT (id) DO UPDATE SET plain = excluded.plain, snapshot = excluded.snapshot;
SELECT * FROM state();
INSERT INTO docs VALUES (1, 1, document(10), document(10)) ON CONFLICT (id) DO UPDATE SET plain = document(11), snapshot = document(11) WHERE false;
SELECT * FROM state();
INSERT INTO docs VALUES (1, 1, document(10), document(10)) ON CONFLICT (id) DO UPDATE SET r = 1;
SELECT * FROM state();
-- the dead are nobody's, so housekeeping leaves what rows have
CALL cvwiz.repack_versions();
SELECT * FROM state();
-- a trigger of the user's says no, before and after the store's own
CREATE FUNCTION veto() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.id = 13 OR NEW.plain = '"no"' THEN
		RETURN NULL;
	END IF;
	RETURN NEW;
END $$;
CREATE TRIGGER "~~veto" BEFORE INSERT OR UPDATE ON docs FOR EACH ROW EXECUTE FUNCTION veto();
CALL put(12, 14);
UPDATE docs SET plain = '"no"', snapshot = '"no"' WHERE id = 1;
SELECT * FROM state();
DROP TRIGGER "~~veto" ON docs;
CREATE TRIGGER aa_veto BEFORE INSERT OR UPDATE ON docs FOR EACH ROW EXECUTE FUNCTION veto();
INSERT INTO docs VALUES (13, 1, '1', '1'), (15, 1, '1', '1');
SELECT * FROM state();
DROP TRIGGER aa_veto ON docs;
-- it puts another document in the place of the stub: that one is as it is
CREATE FUNCTION replace() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.snapshot := NEW.plain; RETURN NEW; END $$;
CREATE TRIGGER "~~replace" BEFORE INSERT ON docs FOR EACH ROW EXECUTE FUNCTION replace();
INSERT INTO docs VALUES (16, 1, '"whole"', '"stored"');
SELECT snapshot FROM docs WHERE id = 16;
SELECT * FROM state();
DROP TRIGGER "~~replace" ON docs;
-- it changes or deletes the row as soon as it is there
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.id = 17 THEN
		DELETE FROM app.docs WHERE id = 17;
	ELSIF NEW.id = 18 THEN
		UPDATE app.docs SET plain = '"meddled"', snapshot = '"meddled"' WHERE id = 18;
	END IF;
	RETURN NULL;
END $$;
CREATE TRIGGER aa_meddle AFTER INSERT ON docs FOR EACH ROW EXECUTE FUNCTION meddle();
CALL put(17, 19);
SELECT id, cvwiz.version(snapshot) FROM docs WHERE id IN (17, 18);
SELECT * FROM state();
DROP TRIGGER aa_meddle ON docs;

-- ---- every way to write ----

CALL start_again(4);
MERGE INTO docs d USING (VALUES (1), (2), (3), (5)) s (id) ON d.id = s.id
WHEN MATCHED AND s.id = 1 THEN DELETE
WHEN MATCHED AND s.id = 2 THEN UPDATE SET plain = document(22), snapshot = document(22)
WHEN MATCHED THEN DO NOTHING
WHEN NOT MATCHED THEN INSERT VALUES (s.id, 1, document(s.id), document(s.id));
SELECT * FROM state();
COPY docs FROM stdin;
6	1	{"a": 6}	{"a": 6}
7	2	{"a": 7}	{"a": 7}
8	2	\N	\N
\.
SELECT * FROM state();
-- stubs that are copied: each row has a version of its own
INSERT INTO docs SELECT id + 100, r, plain, snapshot FROM docs;
SELECT * FROM state();
DELETE FROM docs WHERE id < 100;
CALL cvwiz.repack_versions();
SELECT * FROM state();
WITH x AS (INSERT INTO docs VALUES (10, 1, document(10), document(10)) RETURNING r, plain, snapshot)
INSERT INTO docs SELECT 11, r, plain, snapshot FROM x;
SELECT * FROM state();
WITH x AS (INSERT INTO docs VALUES (12, 1, document(12), document(12)) RETURNING plain, snapshot)
UPDATE docs d SET plain = x.plain, snapshot = x.snapshot FROM x WHERE d.id IN (10, 102);
SELECT * FROM state();
WITH x AS (DELETE FROM docs WHERE id = 12 RETURNING plain, snapshot)
INSERT INTO docs SELECT 13, 1, plain, snapshot FROM x;
SELECT * FROM state();
WITH x AS (UPDATE docs SET plain = document(14), snapshot = document(14) WHERE id = 10 RETURNING plain, snapshot)
INSERT INTO docs SELECT id, 2, plain, snapshot FROM x, generate_series(14, 16) id;
SELECT * FROM state();
SELECT count(DISTINCT cvwiz.stub_version(snapshot)) FROM docs WHERE id IN (10, 14, 15, 16);
-- two rows that swap their documents
UPDATE docs d SET plain = o.plain, snapshot = o.snapshot FROM docs o WHERE (d.id, o.id) IN ((11, 13), (13, 11));
SELECT * FROM state();
CALL cvwiz.repack_versions();
SELECT * FROM state();

-- ---- a foreign key's cascade ----

CREATE TABLE resumes (r int PRIMARY KEY);
INSERT INTO resumes SELECT DISTINCT r FROM docs;
ALTER TABLE docs ADD CONSTRAINT docs_r FOREIGN KEY (r) REFERENCES resumes ON DELETE CASCADE ON UPDATE CASCADE;
DELETE FROM resumes WHERE r = 2;
SELECT * FROM state();
-- the rows are of another chain then, their versions are where they were
UPDATE resumes SET r = 4;
SELECT * FROM state();
CALL put(40, 40, 4);
CALL cvwiz.repack_versions();
SELECT * FROM state();
ALTER TABLE docs DROP CONSTRAINT docs_r;

-- ---- TRUNCATE ----

CALL start_again(5);
BEGIN;
TRUNCATE docs;
CALL put(6, 8);
SELECT * FROM state();
ROLLBACK;
SELECT * FROM state();
BEGIN;
CALL put(6, 7);
SAVEPOINT a;
TRUNCATE docs;
CALL put(8, 8);
ROLLBACK TO a;
CALL put(9, 9);
COMMIT;
SELECT * FROM state();
BEGIN;
TRUNCATE docs;
CALL put(10, 11);
COMMIT;
SELECT * FROM state();
CALL put(12, 12);
CALL cvwiz.repack_versions();
SELECT * FROM state();
BEGIN;
CALL put(13, 13);
TRUNCATE docs;
COMMIT;
SELECT * FROM state();
CALL cvwiz.repack_versions();
SELECT * FROM state();
SELECT count(*) FROM cvwiz.version_source WHERE relation IS NULL;

-- ---- columns and tables that are renamed or dropped ----

CALL put(1, 3);
ALTER TABLE docs RENAME COLUMN snapshot TO document;
INSERT INTO docs VALUES (4, 1, '4', '4');
DELETE FROM docs WHERE id = 1;
SELECT count(*) FILTER (WHERE cvwiz.version_text(document)::text = plain::text) FROM docs;
SELECT cvwiz.remove_version_store('docs', 'snapshot', restore => false);
SELECT cvwiz.add_version_store('docs', 'document', '{r}');
INSERT INTO docs VALUES (4, 1, '4', '4');
DELETE FROM docs WHERE id = 1;
ALTER TABLE docs RENAME COLUMN document TO snapshot;
SELECT cvwiz.remove_version_store('docs', 'document', restore => false);
SELECT cvwiz.add_version_store('docs', 'snapshot', '{r}');
SELECT * FROM state();
CALL cvwiz.repack_versions();
SELECT * FROM state();
-- the column that makes the chain
ALTER TABLE docs RENAME COLUMN r TO resume;
CALL put(9, 9);
SELECT * FROM state();
ALTER TABLE docs RENAME COLUMN resume TO r;
-- the table: a new chain begins, the old documents stay
ALTER TABLE docs RENAME TO papers;
INSERT INTO papers SELECT id, 1, document(id), document(id) FROM generate_series(5, 6) id;
SELECT * FROM state('papers');
DELETE FROM papers WHERE id = 2;
SELECT * FROM state('papers');
ALTER TABLE papers RENAME TO docs;
-- a column that has the name now that another one had: its rows tell nothing about the other's documents
ALTER TABLE docs RENAME COLUMN snapshot TO document;
ALTER TABLE docs ADD COLUMN snapshot jsonb;
SELECT cvwiz.remove_version_store('docs', 'snapshot', restore => false);
SELECT cvwiz.add_version_store('docs', 'snapshot', '{r}');
INSERT INTO docs VALUES (7, 1, '7', NULL, '7');
CALL cvwiz.repack_versions();
SELECT count(*) FILTER (WHERE cvwiz.version(coalesce(snapshot, document)) = plain) AS good, count(*) FROM docs;
SELECT * FROM state();
DELETE FROM docs WHERE id = 7;
ALTER TABLE docs DROP COLUMN snapshot;
ALTER TABLE docs RENAME COLUMN document TO snapshot;
CALL cvwiz.repack_versions();
SELECT * FROM state();
-- the column goes: writes say so; CALL cvwiz.repack_versions() finds what it had
BEGIN;
ALTER TABLE docs DROP COLUMN snapshot;
ROLLBACK;
SELECT * FROM state();
ALTER TABLE docs DROP COLUMN snapshot;
INSERT INTO docs VALUES (10, 1);
SELECT cvwiz.remove_version_store('docs', 'snapshot', restore => false);
INSERT INTO docs VALUES (10, 1);
CALL cvwiz.repack_versions();
SELECT count(*) FROM store;
DROP TABLE docs;
CREATE TABLE docs (id int PRIMARY KEY, r int NOT NULL DEFAULT 1, plain jsonb, snapshot jsonb);
SELECT cvwiz.add_version_store('docs', 'snapshot', '{r}');
CALL put(1, 5);
BEGIN;
DROP TABLE docs;
ROLLBACK;
SELECT * FROM state();
DROP TABLE docs;
SELECT count(*), bool_and(dead) FROM store;
CALL cvwiz.repack_versions();
SELECT count(*) FROM store;
SELECT count(*) FROM cvwiz.version_source;
SELECT count(*) FROM cvwiz.dead_version;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
