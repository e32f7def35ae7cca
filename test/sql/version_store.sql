-- The version store: a document becomes a stub when its row is written, and the
-- stub the document again when it is read.
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
-- A key is as random as it should be.
CREATE FUNCTION app.shown(document jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT regexp_replace(document::text, '"key": "[0-9a-f]{32}"', '"key": "..."', 'g') $$;

-- ---- what a row has, and what it stands for ----

CREATE TABLE docs (id int PRIMARY KEY, chain int, doc jsonb, note text);
SELECT cvwiz.add_version_store('docs', 'doc', '{chain}');
SELECT * FROM cvwiz.version_stores;
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'docs'::regclass ORDER BY tgname;
INSERT INTO docs VALUES (1, 1, '{"id": 7, "name": "Ann", "work": [{"id": 1, "order": 2, "text": "long"}, {"id": 2, "order": 1, "text": "longer"}], "n": 1.0}');
INSERT INTO docs VALUES (2, 1, NULL), (3, 1, '{}'), (4, 1, '[1, 1.0, 1.10, {"a": []}]'), (5, 1, '"text"'), (6, 1, '1.50'), (7, 1, 'true'), (8, 1, 'null'), (9, 1, '[]'), (10, 1, '""');
SELECT id, shown(doc), cvwiz.version_text(doc), cvwiz.version(doc) FROM docs ORDER BY id;
SELECT count(*) = count(DISTINCT doc -> '$cvwiz' ->> 'key') AS each_its_own_key FROM docs WHERE doc IS NOT NULL;
-- the type of the text is json: it goes where json goes
SELECT pg_typeof(cvwiz.version_text(doc)), pg_typeof(cvwiz.version(doc)), cvwiz.version(doc) -> 'work' -> 1 ->> 'text' FROM docs WHERE id = 1;
-- one row in the store for each, NULL has none
SELECT v.version_id, v.base_id, s.relation, s.snapshot_column, v.raw_length, v.depth, v.codec FROM cvwiz.snapshot_version v JOIN cvwiz.version_source s USING (source_id) ORDER BY 1;
SELECT count(*) FILTER (WHERE cvwiz.stub_version(doc) = v.version_id) AS stubs, count(*) FILTER (WHERE (doc -> '$cvwiz' ->> 'size')::int = v.raw_length) AS sizes,
	count(*) FILTER (WHERE replace(v.access_key::text, '-', '') = doc -> '$cvwiz' ->> 'key') AS keys, count(*) FROM docs JOIN cvwiz.snapshot_version v ON v.version_id = (doc -> '$cvwiz' ->> 'version')::int;
SELECT count(*) FROM cvwiz.dead_version;

-- ---- documents that know our words, or look like stubs ----

CREATE TABLE words (id int, doc jsonb);
SELECT cvwiz.add_version_store('words', 'doc', '{id}');
CREATE TABLE written (id int, doc jsonb);
INSERT INTO written VALUES (1, '{"$cvwiz": 1, "a": 2}'), (2, '{"$reduced": true, "id": 3, "items": [{"id": 1, "$cvwiz": "x"}]}'), (3, '{"$missing": 4, "$cvwiz": {"version": 1}}'),
	(4, '{"$cvwiz": {"version": 1, "key": "00000000000000000000000000000000", "size": 1}, "id": 9}'), (5, '{"$cvwiz": {"version": 1, "key": "0000000000000000000000000000000g", "size": 1}}'),
	(6, '{"$cvwiz": {"version": 1.5, "key": "00000000000000000000000000000000", "size": 1}}'), (7, '{"$cvwiz": {"version": -1, "key": "00000000000000000000000000000000", "size": 1}}'),
	(8, '{"$cvwiz": {"version": 1e400, "key": "00000000000000000000000000000000", "size": 1}}'), (9, '{"$cvwiz": {"version": 99999999999999999999, "key": "00000000000000000000000000000000", "size": 1}}'),
	(10, '{"$cvwiz": {"version": 1, "key": "00000000000000000000000000000000", "size": 1, "more": 1}}'), (11, '{"$cvwiz": [1, "00000000000000000000000000000000", 1]}'),
	(12, '{"$cvwiz": {"version": "1", "key": "00000000000000000000000000000000", "size": 1}}'), (13, '[{"$cvwiz": {"version": 1, "key": "00000000000000000000000000000000", "size": 1}}]'),
	(14, '{"$cvwiz": {"version": 123456, "key": "00000000000000000000000000000000", "size": 0}}'), (15, '{"$cvwiz": {"version": 9223372036854775807, "key": "ffffffffffffffffffffffffffffffff", "size": 9223372036854775807}}'),
	(16, '{"$cvwiz": {"version": 9223372036854775808, "key": "ffffffffffffffffffffffffffffffff", "size": 1}}'), (17, '{"$cvwiz": {"version": 1, "key": "ABCDEF00000000000000000000000000", "size": 1}}'),
	(18, '{"$cvwiz": {"version": 1, "key": "00000000-0000-0000-0000-000000000000", "size": 1}}'), (19, '{"$cvwiz": null}'), (20, '{"$cvwiz": {"version": 0, "key": "00000000000000000000000000000000", "size": 1}}');
INSERT INTO words SELECT * FROM written ORDER BY id;
SELECT w.id, shown(s.doc), cvwiz.version_text(s.doc)::text = w.doc::text AND cvwiz.version(s.doc) = w.doc AS comes_back FROM words s JOIN written w USING (id) ORDER BY id;
-- which of them would be stubs, where they stand in a row by themselves
SELECT id, cvwiz.stub_version(doc) FROM written WHERE cvwiz.stub_version(doc) IS NOT NULL ORDER BY id;
-- the same in an UPDATE, and once more
UPDATE words s SET doc = w.doc FROM written w WHERE w.id = 21 - s.id;
SELECT count(*) FILTER (WHERE cvwiz.version_text(s.doc)::text = w.doc::text), count(*) FROM words s JOIN written w ON w.id = 21 - s.id;
CREATE TABLE words_before AS TABLE words;
UPDATE words s SET doc = w.doc FROM written w WHERE w.id = 21 - s.id;
SELECT count(*) FILTER (WHERE s.doc = b.doc) AS the_same_stub, count(*) FROM words s JOIN words_before b USING (id);

-- ---- what is no stub comes back as it is ----

SELECT cvwiz.version_text(d), cvwiz.version(d), cvwiz.stub_version(d) FROM unnest(ARRAY['1.0', '{"a": 1.00}', '[]', 'null', '"\u00e9\"\n"', '{"$cvwiz": 1}']::jsonb[]) d;
SELECT cvwiz.version_text(NULL), cvwiz.version(NULL), cvwiz.stub_version(NULL), cvwiz.version_problem(NULL);

-- ---- the exact text ----

CREATE TABLE exact (id int GENERATED ALWAYS AS IDENTITY, doc jsonb, want text);
SELECT cvwiz.add_version_store('exact', 'doc', '{id}');
INSERT INTO exact (doc, want) SELECT t::jsonb, t::jsonb::text FROM unnest(ARRAY['1', '1.0', '1.00', '-0', '1e5', '1.5e-10', '123456789012345678901234567890.123456789', '"é€😀"', '"\u00e9\ud83d\ude00"', '"\u0001\u001f\b\f\n\r\t\"\\\/"', '"\u007f\u0080\uffff"',
	'{}', '{"": {"": []}}', '{"b": 1, "a": 2, "aa": 3, "B": 4}', '[[], {}, [[]], [{}]]', '{"a": null, "b": [true, false, null]}']) t;
INSERT INTO exact (doc, want) SELECT d::jsonb, d::jsonb::text FROM (VALUES (repeat('[', 3000) || repeat(']', 3000)), (repeat('{"a": ', 1000) || '1' || repeat('}', 1000)), ('1' || repeat('0', 5000)), ('0.' || repeat('0', 5000) || '1'), ('"' || repeat('x', 100000) || '"'), ('"' || repeat('\u0001', 5000) || '"')) v(d);
INSERT INTO exact (doc, want) SELECT jsonb_object_agg('k' || n, repeat(md5(n::text), 5)), jsonb_object_agg('k' || n, repeat(md5(n::text), 5))::text FROM generate_series(1, 20000) n;
SELECT count(*) FILTER (WHERE cvwiz.version_text(doc)::text = want) AS texts, count(*) FILTER (WHERE cvwiz.version(doc)::text = want) AS documents, count(*), max(octet_length(want)) > 3000000 AS large FROM exact;
SELECT count(*) FROM exact WHERE doc -> '$cvwiz' -> 'size' = to_jsonb(octet_length(want));

-- ---- keep => 'nothing' ----

CREATE TABLE bare (id int, doc jsonb);
SELECT cvwiz.add_version_store('bare', 'doc', '{id}', keep => 'nothing');
INSERT INTO bare VALUES (1, '{"id": 1, "name": "Ann"}'), (2, '[1]'), (3, NULL);
SELECT id, shown(doc), cvwiz.version(doc) FROM bare ORDER BY id;

-- ---- UPDATE ----

CREATE FUNCTION app.versions() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM cvwiz.snapshot_version $$;
SELECT versions() AS versions, (SELECT last_value FROM cvwiz.snapshot_version_id) AS last, (SELECT count(*) FROM cvwiz.dead_version) AS dead \gset
CREATE TABLE before_update AS TABLE docs;
-- of another column; of none; the stub itself, from elsewhere too; the document itself
UPDATE docs SET note = 'x';
UPDATE docs SET doc = doc;
UPDATE docs d SET doc = b.doc::text::jsonb FROM before_update b WHERE b.id = d.id;
UPDATE docs SET doc = cvwiz.version(doc);
UPDATE docs SET doc = cvwiz.version_text(doc)::jsonb, note = 'y';
SELECT versions() - :versions AS versions, (SELECT last_value FROM cvwiz.snapshot_version_id) - :last AS numbers, (SELECT count(*) FROM docs d JOIN before_update b ON d.id = b.id AND d.doc IS NOT DISTINCT FROM b.doc) AS same, (SELECT count(*) FROM cvwiz.dead_version) - :dead AS dead;
-- its last digit is enough for another one
UPDATE docs SET doc = '1.5' WHERE id = 6;
SELECT versions() - :versions AS versions, shown(doc), cvwiz.version_text(doc) FROM docs WHERE id = 6;
-- out of NULL, into NULL
UPDATE docs SET doc = '{"now": 1}' WHERE id = 2;
UPDATE docs SET doc = NULL WHERE id = 3;
SELECT id, shown(doc), cvwiz.version(doc) FROM docs WHERE id IN (2, 3) ORDER BY id;
SELECT (SELECT count(*) FROM cvwiz.snapshot_version WHERE version_id IN (2, 5)) - (SELECT count(*) FROM cvwiz.dead_version WHERE version_id IN (2, 5)) AS alive;
-- the chain's column: the version stays
UPDATE docs SET chain = 2 WHERE id = 1;
SELECT shown(doc), cvwiz.version(doc) -> 'name' FROM docs WHERE id = 1;
-- a part of what version() gives
UPDATE docs SET doc = cvwiz.version(doc) || '{"name": "Bob"}' WHERE id = 1;
SELECT shown(doc), cvwiz.version(doc) FROM docs WHERE id = 1;

-- ---- edited, copied, forged stubs ----

SELECT error_of($$UPDATE app.docs SET doc = doc || '{"name": "Eve"}' WHERE id = 1$$);
SELECT error_of($$UPDATE app.docs SET doc = doc - 'work' WHERE id = 1$$);
SELECT error_of($$INSERT INTO app.docs SELECT 50, 1, jsonb_set(doc, '{$cvwiz,size}', '1') FROM app.docs WHERE id = 1$$);
-- nobody's: a document with a number of ours and not the key
UPDATE docs SET doc = jsonb_set(doc, '{$cvwiz,key}', '"00000000000000000000000000000000"') WHERE id = 5;
SELECT cvwiz.stub_version(doc) = cvwiz.stub_version(cvwiz.version(doc)) AS same_number, cvwiz.version(doc) - '$cvwiz' AS rest, cvwiz.version(doc) -> '$cvwiz' ->> 'key' AS key FROM docs WHERE id = 5;
-- to another row: a version of its own, which stays when the first one goes
INSERT INTO docs SELECT 11, 5, doc FROM docs WHERE id = 1;
SELECT a.doc = b.doc AS same_stub, cvwiz.version(a.doc) = cvwiz.version(b.doc) AS same_document FROM docs a, docs b WHERE a.id = 1 AND b.id = 11;
UPDATE docs SET doc = (SELECT doc FROM docs WHERE id = 11) WHERE id = 10;
-- to another table with a store, and with another column's
CREATE TABLE two (a jsonb, b jsonb, id int);
SELECT cvwiz.add_version_store('two', 'a', '{id}'), cvwiz.add_version_store('two', 'b', '{id}');
INSERT INTO two SELECT doc, doc, 1 FROM docs WHERE id = 1;
UPDATE two SET a = b WHERE id = 1;
-- to one without: readable for as long as the original's row is there
CREATE TABLE copies AS SELECT doc FROM docs WHERE id = 1;
SELECT cvwiz.version(doc) ->> 'name' FROM copies;
DELETE FROM docs WHERE id = 1;
CALL cvwiz.repack_versions('docs');
SELECT error_of('SELECT cvwiz.version(doc) FROM app.copies') ~ '^02000: version [0-9]+ is not in the version store';
SELECT error_of('SELECT cvwiz.version_text(doc) FROM app.copies') ~ '^02000: version [0-9]+ is not in the version store';
SELECT id, cvwiz.version(doc) FROM docs WHERE id IN (10, 11) ORDER BY id;
SELECT cvwiz.version(a), cvwiz.version(b), a = b AS same FROM two;
-- which is a plain document by now
INSERT INTO docs SELECT 12, 1, doc FROM copies;
SELECT cvwiz.version(d.doc) = c.doc AS the_stub, error_of(format('SELECT cvwiz.version(%L)', cvwiz.version(d.doc))) ~ '^02000' FROM docs d, copies c WHERE id = 12;

-- ---- the key ----

CREATE FUNCTION app.guess(version bigint, key text) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('$cvwiz', jsonb_build_object('version', version, 'key', key, 'size', 1)) $$;
SELECT error_of(format('SELECT cvwiz.version(%L)', guess(3, repeat('0', 32))));
SELECT error_of(format('SELECT cvwiz.version_text(%L)', guess(3, repeat('0', 32))));
SELECT error_of(format('SELECT cvwiz.version(%L)', guess(1234567, repeat('0', 32))));
SELECT cvwiz.version_problem(guess(3, repeat('0', 32))), cvwiz.version_problem(guess(1234567, repeat('0', 32))), cvwiz.version_problem('{}'), cvwiz.version_problem((SELECT doc FROM docs WHERE id = 4));
-- each digit counts
SELECT count(*), count(*) FILTER (WHERE error_of(format('SELECT cvwiz.version(%L)', guess(cvwiz.stub_version(doc), overlay(key PLACING translate(substr(key, n, 1), '0123456789abcdef', '123456789abcdef0') FROM n FOR 1)))) ~ '^42501') AS forbidden
FROM (SELECT doc, doc -> '$cvwiz' ->> 'key' AS key FROM docs WHERE id = 4) d, generate_series(1, 32) n;
SELECT cvwiz.version(guess(cvwiz.stub_version(doc), doc -> '$cvwiz' ->> 'key')) FROM docs WHERE id = 4;
CREATE ROLE version_reader;
CREATE ROLE version_stranger;
CREATE ROLE version_writer;
GRANT USAGE ON SCHEMA app TO version_reader, version_stranger, version_writer;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA app TO PUBLIC;
GRANT SELECT ON docs TO version_reader;
GRANT INSERT, UPDATE, DELETE, SELECT ON docs TO version_writer;
ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON docs TO version_reader USING (id < 10);
CREATE POLICY others ON docs TO version_writer USING (true);
SET ROLE version_reader;
SELECT id, cvwiz.version(doc) FROM docs WHERE id IN (4, 11);
RESET ROLE;
SET ROLE version_writer;
INSERT INTO docs VALUES (20, 3, '{"by": "writer"}'), (21, 3, '{"by": "writer", "n": 2}');
UPDATE docs SET doc = '{"by": "writer", "n": 3}' WHERE id = 20;
DELETE FROM docs WHERE id = 21;
SELECT cvwiz.version(doc) FROM docs WHERE chain = 3;
SELECT error_of('SELECT * FROM ' || t) FROM unnest('{cvwiz.snapshot_version,cvwiz.dead_version,cvwiz.version_source,cvwiz.version_repack,cvwiz.version_corruption}'::text[]) t;
RESET ROLE;
SET ROLE version_stranger;
SELECT error_of('SELECT cvwiz.version(doc) FROM app.docs');
SELECT error_of(format('SELECT cvwiz.version(%L)', guess(3, repeat('0', 32))));
SELECT error_of($$SELECT cvwiz.add_version_store('app.docs', 'note', '{id}')$$), error_of($$SELECT cvwiz.remove_version_store('app.docs', 'doc')$$);
SELECT error_of($$SELECT cvwiz.verify_versions()$$), error_of($$CALL cvwiz.repack_versions()$$), error_of($$SELECT cvwiz.version_stats('app.docs')$$);
SELECT * FROM cvwiz.version_stats();
RESET ROLE;
-- the tables are granted to nobody
SELECT c.relname, a.grantee::regrole, a.privilege_type FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid IN ('cvwiz.snapshot_version'::regclass, 'cvwiz.dead_version'::regclass, 'cvwiz.version_source'::regclass, 'cvwiz.snapshot_version_id'::regclass) AND a.grantee <> c.relowner;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP ROLE version_reader, version_stranger, version_writer;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
