-- What an application does with stubs of rows that have gone, and what renames
-- leave of the names that versions go by: no document is lost, and none unnoticed.
SET client_min_messages = warning;
CREATE EXTENSION cvwiz;
CREATE SCHEMA found;
SET search_path = found;
\pset format unaligned
\pset footer off

-- ---- history that is written when the row has gone ----

-- by a statement's trigger
CREATE TABLE docs (id int PRIMARY KEY, chain text, doc jsonb);
CREATE TABLE archive (id int, chain text, doc jsonb);
SELECT cvwiz.add_version_store('docs', 'doc', '{chain}'), cvwiz.add_version_store('archive', 'doc', '{chain}');
CREATE FUNCTION keep_old() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO found.archive SELECT * FROM old_rows; RETURN NULL; END $$;
CREATE TRIGGER deleted AFTER DELETE ON docs REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_old();
CREATE TRIGGER updated AFTER UPDATE ON docs REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_old();
INSERT INTO docs VALUES (1, 'a', '{"precious": 1}'), (2, 'b', '{"precious": 2}');
DELETE FROM docs WHERE id = 1;
UPDATE docs SET doc = '{"other": "x"}' WHERE id = 2;
SELECT id, cvwiz.version(doc) FROM archive ORDER BY id;
-- by one that reads the document
CREATE OR REPLACE FUNCTION keep_old() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO found.archive SELECT id, chain, cvwiz.version(doc) FROM old_rows; RETURN NULL; END $$;
INSERT INTO docs VALUES (3, 'c', '{"precious": 3}');
DELETE FROM docs WHERE id IN (2, 3);
SELECT id, cvwiz.version(doc) FROM archive ORDER BY id, doc::text;
DROP TRIGGER deleted ON docs;
DROP TRIGGER updated ON docs;
TRUNCATE archive;
-- by a deferred trigger
CREATE FUNCTION keep_deferred() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO found.archive VALUES (old.*); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER deferred AFTER DELETE ON docs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keep_deferred();
INSERT INTO docs VALUES (4, 'd', '{"precious": 4}');
DELETE FROM docs;
SELECT id, cvwiz.version(doc) FROM archive;
DROP TRIGGER deferred ON docs;
-- in two statements of a transaction
INSERT INTO docs VALUES (5, 'e', '{"precious": 5}');
DO $$
DECLARE
	moved found.docs;
BEGIN
	DELETE FROM found.docs WHERE id = 5 RETURNING * INTO moved;
	moved.id := 6;
	INSERT INTO found.docs VALUES (moved.*);
END $$;
SELECT id, cvwiz.version(doc) FROM docs;
-- and when all that is over, nothing stays of those that have gone
CALL cvwiz.repack_versions();
SELECT count(*) AS versions, (SELECT count(*) FROM docs) + (SELECT count(*) FROM archive) AS rows, (SELECT count(*) FROM cvwiz.dead_version) AS dead FROM cvwiz.snapshot_version;

-- ---- the stub of a row that has another document by now ----

SELECT doc AS stale FROM docs WHERE id = 6 \gset
UPDATE docs SET doc = '{"other": "y"}' WHERE id = 6;
UPDATE docs SET doc = :'stale' WHERE id = 6;
\echo :SQLSTATE
SELECT cvwiz.version(doc) FROM docs WHERE id = 6;
-- in a restore it could be one that is still to come
\set VERBOSITY sqlstate
INSERT INTO docs VALUES (7, 'e', :'stale'), (8, 'e', :'stale');
\set VERBOSITY default
SELECT id, cvwiz.version(doc) = :'stale' AS as_it_was_given FROM docs WHERE id > 6 ORDER BY id;

-- ---- an AFTER trigger that takes back what it did ----

CREATE TABLE seen (id int PRIMARY KEY);
INSERT INTO seen VALUES (11);
CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE found.docs SET doc = cvwiz.version(doc) || '{"seen": true}' WHERE id = new.id;
	INSERT INTO found.seen VALUES (new.id);
	RETURN NULL;
EXCEPTION WHEN unique_violation THEN
	RETURN NULL;
END $$;
CREATE TRIGGER mark AFTER INSERT ON docs FOR EACH ROW EXECUTE FUNCTION mark();
INSERT INTO docs VALUES (10, 'f', '{"n": 10}'), (11, 'f', '{"n": 11}');
SELECT id, cvwiz.version(doc) FROM docs WHERE id >= 10 ORDER BY id;
DELETE FROM docs;
CALL cvwiz.repack_versions();
SELECT count(*) = (SELECT count(*) FROM archive) AS only_theirs FROM cvwiz.snapshot_version;

-- ---- a name that has become another column's ----

CREATE TABLE parent (id int PRIMARY KEY, chain text, doc jsonb, note text);
CREATE TABLE child () INHERITS (parent);
ALTER TABLE child ADD local text;
SELECT cvwiz.add_version_store('child', 'doc', '{chain}');
INSERT INTO child SELECT i, 'r', jsonb_build_object('i', i) FROM generate_series(1, 3) i;
ALTER TABLE parent RENAME doc TO document;
SELECT cvwiz.remove_version_store('child', 'doc', false), cvwiz.add_version_store('child', 'document', '{chain}');
ALTER TABLE child RENAME local TO local_old;
ALTER TABLE child DROP local_old;
CALL cvwiz.repack_versions();
SELECT id, cvwiz.version(document) FROM child ORDER BY id;
-- the store of a column that has the name now is removed
ALTER TABLE child ADD doc jsonb;
SELECT cvwiz.add_version_store('child', 'doc', '{chain}');
UPDATE child SET doc = jsonb_build_object('second', id);
SELECT cvwiz.remove_version_store('child', 'doc');
CALL cvwiz.repack_versions();
SELECT id, doc, cvwiz.version(document) FROM child ORDER BY id;
ALTER TABLE child DROP doc;
CALL cvwiz.repack_versions();
SELECT id, cvwiz.version(document) FROM child ORDER BY id;
-- an attribute of a type
CREATE TYPE of_type AS (id int, chain text, doc jsonb, note text);
CREATE TABLE typed OF of_type;
SELECT cvwiz.add_version_store('typed', 'doc', '{chain}');
INSERT INTO typed VALUES (1, 't', '{"t": 1}');
ALTER TYPE of_type RENAME ATTRIBUTE doc TO document CASCADE;
ALTER TYPE of_type RENAME ATTRIBUTE note TO remark CASCADE;
ALTER TYPE of_type DROP ATTRIBUTE remark CASCADE;
CALL cvwiz.repack_versions('typed');
SELECT id, cvwiz.version(document) FROM typed;

-- ---- a row that moved while the triggers were off ----

CREATE TABLE parts (id int, part text, doc jsonb) PARTITION BY LIST (part);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
CREATE TABLE parts_b PARTITION OF parts FOR VALUES IN ('b');
SELECT cvwiz.add_version_store('parts', 'doc', '{id}');
INSERT INTO parts VALUES (1, 'a', '{"moves": 1}'), (2, 'a', '{"goes": 1}');
ALTER TABLE parts DISABLE TRIGGER USER;
UPDATE parts SET part = 'b' WHERE id = 1;
DELETE FROM parts WHERE id = 2;
ALTER TABLE parts ENABLE TRIGGER USER;
CALL cvwiz.repack_versions('parts');
SELECT orphaned_versions FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1;
SELECT tableoid::regclass, cvwiz.version(doc) FROM parts;

DROP SCHEMA found CASCADE;
DROP EXTENSION cvwiz;
