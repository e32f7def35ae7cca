-- Documents that were there before the store.
\set VERBOSITY terse
CREATE EXTENSION cvwiz;
CREATE SCHEMA app;
SET search_path = app;

CREATE TABLE docs (id int PRIMARY KEY, chain int, note text, doc jsonb);
-- in the row as they are, and compressed
INSERT INTO docs VALUES (1, 1, '', '{"a": 1}'), (2, 1, '', jsonb_build_object('a', repeat('x', 1500))), (3, 1, '', jsonb_build_object('a', repeat('x', 9000))), (4, 1, '', NULL);
CREATE TABLE before AS TABLE docs;
SELECT cvwiz.add_version_store('docs', 'doc', ARRAY['chain']);

CREATE VIEW stubs AS SELECT id FROM docs WHERE cvwiz.stub_version(doc) IS NOT NULL;
-- an UPDATE of another column leaves them
UPDATE docs SET note = 'seen';
SELECT count(*) FROM stubs;
-- one that names the column takes them in
UPDATE docs SET doc = doc::text::jsonb WHERE id <= 2;
SELECT id FROM stubs ORDER BY id;
UPDATE docs SET doc = doc;
SELECT id FROM stubs ORDER BY id;
SELECT count(*) AS equal FROM docs JOIN before USING (id) WHERE cvwiz.version_text(docs.doc)::text = before.doc::text;
-- and changes nothing the next time
CREATE TABLE after AS TABLE docs;
UPDATE docs SET doc = doc;
SELECT count(*) AS unchanged FROM docs JOIN after USING (id) WHERE docs.doc::text = after.doc::text;
SELECT count(*) AS versions FROM cvwiz.snapshot_version;
-- a stub without a version stays an error, and does not become a document
ALTER TABLE docs DISABLE TRIGGER USER;
INSERT INTO docs VALUES (5, 1, '', '{"$cvwiz": {"version": 4503599627370496, "key": "9f86d081884c7d659a2feaa0c55ad015", "size": 20}}');
ALTER TABLE docs ENABLE TRIGGER USER;
UPDATE docs SET doc = doc WHERE id = 5;
SELECT cvwiz.version(doc) FROM docs WHERE id = 5;

DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
