-- The version store beside snapshot limits: what the limits would take away is
-- kept whole, up to cvwiz.max_original_size.
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
CREATE FUNCTION app.shown(document jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT regexp_replace(document::text, '"key": "[0-9a-f]{32}"', '"key": "..."', 'g') $$;
CREATE FUNCTION app.items(upto int, width int DEFAULT 10) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$ SELECT jsonb_build_object('items', jsonb_agg(jsonb_build_object('id', n, 'order', -n, 'text', repeat('x', width)) ORDER BY n)) FROM generate_series(1, upto) n $$;

-- ---- limits, then the store ----

CREATE TABLE docs (id int, doc jsonb);
SELECT cvwiz.add_snapshot_limits('docs', 'doc', max_size => 1000, warning_size => 500, max_array_length => 4);
SELECT cvwiz.add_version_store('docs', 'doc', '{id}');
-- whatever their size, without a word: the stub is within the limits
INSERT INTO docs VALUES (1, items(2)), (2, items(30)), (3, items(300)), (4, items(3000)), (5, to_jsonb(repeat('x', 5000))), (6, jsonb_build_object('name', repeat('n', 2000), 'items', items(3)));
SELECT d.id, cvwiz.snapshot_size(d.doc) AS stub, left(shown(d.doc), 150), cvwiz.version(d.doc) = w.doc AS whole
FROM docs d JOIN (VALUES (1, items(2)), (2, items(30)), (3, items(300)), (4, items(3000)), (5, to_jsonb(repeat('x', 5000))), (6, jsonb_build_object('name', repeat('n', 2000), 'items', items(3)))) w(id, doc) USING (id) ORDER BY 1;
-- metadata goes as far as the limits let it, and not further: none at all where it would be too large
CREATE TABLE sizes (id int, doc jsonb);
SELECT cvwiz.add_snapshot_limits('sizes', 'doc', max_size => 300, warning_size => 250, max_array_length => 3);
SELECT cvwiz.add_version_store('sizes', 'doc', '{id}');
INSERT INTO sizes SELECT n, jsonb_build_object('id', repeat('i', n), 'list', (SELECT jsonb_agg(jsonb_build_object('id', i, 'text', 'x')) FROM generate_series(1, n % 7) i)) FROM generate_series(1, 400) n;
SELECT max(cvwiz.snapshot_size(doc)) AS largest, count(*) FILTER (WHERE doc ? 'id') AS with_metadata, count(*) FILTER (WHERE NOT doc ? 'id') AS bare, bool_and(cvwiz.version(doc) ->> 'id' = repeat('i', id)) AS whole, max(jsonb_array_length(nullif(doc -> 'list', 'null'))) FILTER (WHERE length(doc ->> 'id') > 120) AS cut FROM sizes;
SELECT min(id) FROM sizes WHERE NOT doc ? 'id';
-- recent_by and fields are the limits' own
CREATE TABLE options (id int, doc jsonb);
SELECT cvwiz.add_snapshot_limits('options', 'doc', 'reduce', 400, 200, 2, 'at', '{company,at}');
SELECT cvwiz.add_version_store('options', 'doc', '{id}');
INSERT INTO options SELECT 1, jsonb_build_object('work', jsonb_agg(jsonb_build_object('id', n, 'at', n * 7 % 10, 'company', 'C' || n, 'text', 'long') ORDER BY n)) FROM generate_series(1, 9) n;
SELECT shown(doc) FROM options;

-- ---- above cvwiz.max_original_size ----

SET cvwiz.max_original_size = 3000;
INSERT INTO docs VALUES (10, items(70));
SELECT cvwiz.snapshot_size(items(70)) AS size, cvwiz.version(doc) = cvwiz.truncate_snapshot(items(70), 4) AS truncated, (doc -> '$cvwiz' -> 'size')::int = cvwiz.snapshot_size(cvwiz.version(doc)) AS size FROM docs WHERE id = 10;
-- at the limit, and one byte more
INSERT INTO docs VALUES (11, to_jsonb(repeat('x', 2998))), (12, items(50) || jsonb_build_object('x', repeat('x', 3000 - cvwiz.snapshot_size(items(50) || '{"x": ""}')::int)));
SELECT id, cvwiz.snapshot_size(cvwiz.version(doc)) FROM docs WHERE id IN (11, 12) ORDER BY id;
INSERT INTO docs VALUES (13, items(50) || jsonb_build_object('x', repeat('x', 3001 - cvwiz.snapshot_size(items(50) || '{"x": ""}')::int)));
SELECT error_of($$INSERT INTO app.docs VALUES (14, to_jsonb(repeat('x', 2999)))$$);
-- without limits
CREATE TABLE unlimited (id int, doc jsonb);
SELECT cvwiz.add_version_store('unlimited', 'doc', '{id}');
INSERT INTO unlimited VALUES (1, to_jsonb(repeat('x', 2998)));
SELECT error_of($$INSERT INTO app.unlimited VALUES (1, to_jsonb(repeat('x', 2999)))$$);
SELECT error_of($$UPDATE app.unlimited SET doc = to_jsonb(repeat('x', 1000000))$$);
-- what is in the store may be copied, and stays readable, however large
RESET cvwiz.max_original_size;
INSERT INTO unlimited VALUES (2, to_jsonb(repeat('y', 5000)));
SET cvwiz.max_original_size = 3000;
INSERT INTO unlimited SELECT 3, doc FROM unlimited WHERE id = 2;
UPDATE unlimited SET doc = doc, id = 4 WHERE id = 2;
SELECT id, length(cvwiz.version(doc) #>> '{}') FROM unlimited ORDER BY id;
RESET cvwiz.max_original_size;
-- a role cannot raise it
CREATE ROLE version_writer;
SET ROLE version_writer;
SET cvwiz.max_original_size = '16MB';
RESET ROLE;

-- ---- reject, truncate ----

CREATE TABLE strict (id int, doc jsonb);
SELECT cvwiz.add_snapshot_limits('strict', 'doc', 'reject', 500, 400, 4);
SELECT cvwiz.add_version_store('strict', 'doc', '{id}');
SELECT error_of($$INSERT INTO app.strict VALUES (1, app.items(50))$$);
INSERT INTO strict VALUES (1, items(9));
SELECT error_of($$UPDATE app.strict SET doc = app.items(50)$$);
SELECT cvwiz.version(doc) = items(9) AS whole, cvwiz.snapshot_size(cvwiz.version(doc)) AS size FROM strict;
-- a stub is not a document of its size
UPDATE strict SET doc = doc;
INSERT INTO strict SELECT 2, doc FROM strict;
CREATE TABLE cut (id int, doc jsonb);
SELECT cvwiz.add_snapshot_limits('cut', 'doc', 'truncate', 500, 400, 4);
SELECT cvwiz.add_version_store('cut', 'doc', '{id}');
-- truncate may not be able to, the store is
INSERT INTO cut VALUES (1, items(50)), (2, jsonb_build_object('text', repeat('x', 5000)));
SELECT id, cvwiz.snapshot_size(doc) <= 500 AS within, cvwiz.snapshot_size(cvwiz.version(doc)) FROM cut ORDER BY id;

-- ---- the store, then limits; and each of them taken away ----

CREATE TABLE later (id int, doc jsonb);
SELECT cvwiz.add_version_store('later', 'doc', '{id}');
INSERT INTO later VALUES (1, items(30, 100));
SELECT cvwiz.snapshot_size(doc) FROM later;
SELECT cvwiz.add_snapshot_limits('later', 'doc', max_size => 300, warning_size => 200, max_array_length => 4);
-- the same session has to notice
INSERT INTO later VALUES (2, items(30, 100));
SELECT id, cvwiz.snapshot_size(doc), cvwiz.version(doc) = items(30, 100) AS whole FROM later ORDER BY id;
SELECT tgname FROM pg_trigger WHERE tgrelid = 'later'::regclass ORDER BY tgname COLLATE "C";
SELECT cvwiz.remove_snapshot_limits('later', 'doc');
INSERT INTO later VALUES (3, items(30, 100));
SELECT cvwiz.snapshot_size(doc) = (SELECT cvwiz.snapshot_size(doc) FROM later WHERE id = 1) AS as_before FROM later WHERE id = 3;
SELECT cvwiz.add_snapshot_limits('later', 'doc', max_size => 300, warning_size => 200, max_array_length => 4);
SELECT cvwiz.remove_version_store('later', 'doc', restore => false);
SELECT error_of($$INSERT INTO app.later VALUES (4, jsonb_build_object('text', repeat('x', 500)))$$);
INSERT INTO later VALUES (4, items(30));
SELECT cvwiz.version(doc) FROM later WHERE id = 4;
-- a store that is switched off does not keep the limits from doing their work, limits that are do not reduce
CREATE TABLE switched (id int, doc jsonb);
SELECT cvwiz.add_snapshot_limits('switched', 'doc', max_size => 300, warning_size => 200, max_array_length => 4), cvwiz.add_version_store('switched', 'doc', '{id}');
ALTER TABLE switched DISABLE TRIGGER "~cvwiz_versions_doc";
INSERT INTO switched VALUES (1, items(30));
ALTER TABLE switched ENABLE TRIGGER "~cvwiz_versions_doc";
ALTER TABLE switched DISABLE TRIGGER "~cvwiz_limits_doc";
INSERT INTO switched VALUES (2, items(30, 100));
SELECT id, cvwiz.snapshot_size(doc), cvwiz.version(doc) = items(30, 100) AS whole FROM switched ORDER BY id;
ALTER TABLE switched ENABLE ALWAYS TRIGGER "~cvwiz_limits_doc";
SET session_replication_role = replica;
INSERT INTO switched VALUES (3, items(30));
SELECT doc ? '$cvwiz' AS is_stub FROM switched WHERE id = 3;
RESET session_replication_role;

-- ---- other triggers, before and after it by their names ----

CREATE TABLE ordered (id int, doc jsonb);
CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.doc := NEW.doc || jsonb_build_object(TG_ARGV[0], NEW.doc ? '$cvwiz'); RETURN NEW; END $$;
CREATE TRIGGER zzz BEFORE INSERT ON ordered FOR EACH ROW EXECUTE FUNCTION touch('zzz');
CREATE TRIGGER "A" BEFORE INSERT ON ordered FOR EACH ROW EXECUTE FUNCTION touch('A');
SELECT cvwiz.add_version_store('ordered', 'doc', '{id}'), cvwiz.add_snapshot_limits('ordered', 'doc', max_size => 300, warning_size => 200);
INSERT INTO ordered VALUES (1, '{}');
SELECT cvwiz.version(doc) FROM ordered;
-- one that comes after it sees the stub, and what it makes of it is an edited one
CREATE TRIGGER "~z" BEFORE INSERT ON ordered FOR EACH ROW EXECUTE FUNCTION touch('~z');
INSERT INTO ordered VALUES (2, '{}');
SELECT doc -> '~z' AS saw_stub, cvwiz.version(doc) FROM ordered WHERE id = 2;
SELECT error_of('UPDATE app.ordered SET doc = doc || ''{"x": 1}''') ~ '^22023: the stub of version [0-9]+ in column "doc" of table "ordered" was edited';

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP ROLE version_writer;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
