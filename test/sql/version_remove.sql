-- Taking a version store away: with the documents put back, and with the stubs left.
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

-- ---- with the documents ----

CREATE TABLE docs (id int PRIMARY KEY, doc jsonb, note text, want text);
-- there before the store, and never written since
INSERT INTO docs VALUES (1, '{"old": 1}', NULL, '{"old": 1}'), (2, '{"$cvwiz": {"mine": 1}}', NULL, '{"$cvwiz": {"mine": 1}}');
SELECT cvwiz.add_snapshot_limits('docs', 'doc', max_size => 500, warning_size => 300, max_array_length => 2), cvwiz.add_version_store('docs', 'doc', '{note}');
INSERT INTO docs SELECT n, resume(1, n), 'x', resume(1, n)::text FROM generate_series(10, 40) n;
INSERT INTO docs VALUES (50, '[1, 1.0]', 'x', '[1, 1.0]'), (51, '1.50', 'x', '1.50'), (52, 'null', 'x', 'null'), (53, NULL, 'x', NULL), (54, '{"$cvwiz": 1}', 'x', '{"$cvwiz": 1}'),
	(55, '{"$cvwiz": {"version": 1, "key": "00000000000000000000000000000000", "size": 1}}', 'x', '{"$cvwiz": {"key": "00000000000000000000000000000000", "size": 1, "version": 1}}');
-- whatever the table has is not its business
CREATE FUNCTION app.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING '% fired', TG_NAME; RETURN NEW; END $$;
CREATE TRIGGER before_row BEFORE UPDATE ON docs FOR EACH ROW EXECUTE FUNCTION tell();
CREATE TRIGGER after_row AFTER UPDATE ON docs FOR EACH ROW EXECUTE FUNCTION tell();
CREATE TRIGGER before_all BEFORE UPDATE ON docs FOR EACH STATEMENT EXECUTE FUNCTION tell();
CREATE CONSTRAINT TRIGGER later AFTER UPDATE ON docs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell();
CREATE TRIGGER off BEFORE UPDATE ON docs FOR EACH ROW EXECUTE FUNCTION tell();
ALTER TABLE docs DISABLE TRIGGER off;
CREATE TRIGGER replica BEFORE UPDATE ON docs FOR EACH ROW EXECUTE FUNCTION tell();
ALTER TABLE docs ENABLE REPLICA TRIGGER replica, ENABLE ALWAYS TRIGGER "~cvwiz_limits_doc";
CREATE TABLE rows_before AS SELECT id, ctid::text AS place, note FROM docs;
BEGIN;
SELECT cvwiz.remove_version_store('docs', 'doc');
SELECT count(*) FILTER (WHERE doc::text IS DISTINCT FROM want) AS wrong, count(*) FROM docs;
ROLLBACK;
SELECT count(*) FILTER (WHERE doc::text IS DISTINCT FROM want AND cvwiz.version_text(doc)::text IS NOT DISTINCT FROM want) AS stubs FROM docs;
SELECT cvwiz.remove_version_store('docs', 'doc');
SELECT count(*) FILTER (WHERE doc::text IS DISTINCT FROM want) AS wrong, count(*) FROM docs;
-- only rows that may have stubs were written
SELECT array_agg(d.id ORDER BY d.id) AS not_written FROM docs d JOIN rows_before b ON b.id = d.id AND b.place = d.ctid::text;
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'docs'::regclass AND NOT tgisinternal ORDER BY tgname COLLATE "C";
SELECT * FROM cvwiz.version_stores;
-- and nothing of it stays in the store
CALL cvwiz.repack_versions();
SELECT count(*) FROM cvwiz.snapshot_version;
SELECT count(*) FROM cvwiz.version_source;
SELECT error_of($$SELECT cvwiz.remove_version_store('app.docs', 'doc')$$);
DROP TRIGGER before_row ON docs;
DROP TRIGGER after_row ON docs;
DROP TRIGGER before_all ON docs;
DROP TRIGGER later ON docs;
-- a store again: what is there stays as it is, until it is written
SELECT cvwiz.add_version_store('docs', 'doc', '{note}');
SELECT count(*) FILTER (WHERE cvwiz.stub_version(doc) IS NOT NULL) AS stubs FROM docs WHERE id <> 55;
UPDATE docs SET doc = doc || '{"edit": -1}' WHERE id = 10;
UPDATE docs SET note = 'y' WHERE id = 11;
SELECT id, cvwiz.stub_version(doc) IS NOT NULL AS is_stub, cvwiz.version(doc) -> 'edit' AS edit FROM docs WHERE id IN (10, 11) ORDER BY id;

-- ---- with the stubs left ----

-- what looks like a stub and was there before the store is none that could be told from a lost one
SELECT error_of($$SELECT cvwiz.remove_version_store('app.docs', 'doc')$$);
SELECT count(*) FROM cvwiz.verify_versions('docs');
DELETE FROM docs WHERE id = 55;
UPDATE docs SET doc = doc || '{"x": 1}' WHERE id BETWEEN 12 AND 30;
CREATE TABLE whole AS SELECT id, cvwiz.version(doc) AS doc FROM docs;
SELECT cvwiz.remove_version_store('docs', 'doc', restore => false);
SELECT count(*) FILTER (WHERE cvwiz.stub_version(d.doc) IS NOT NULL) AS stubs, bool_and(cvwiz.version(d.doc) IS NOT DISTINCT FROM w.doc) AS readable FROM docs d JOIN whole w USING (id) WHERE id BETWEEN 10 AND 30;
CALL cvwiz.repack_versions();
SELECT bool_and(cvwiz.version(d.doc) IS NOT DISTINCT FROM w.doc) AS readable FROM docs d JOIN whole w USING (id);
SELECT * FROM cvwiz.verify_versions();
-- rows come and go; who asks for housekeeping frees what they leave
INSERT INTO docs VALUES (60, '{"plain": 1}');
DELETE FROM docs WHERE id BETWEEN 12 AND 20;
CALL cvwiz.repack_versions('docs');
SELECT (SELECT count(*) FROM cvwiz.snapshot_version) = count(*) AS one_for_each_stub FROM docs WHERE cvwiz.stub_version(doc) IS NOT NULL;
SELECT bool_and(cvwiz.version(d.doc) IS NOT DISTINCT FROM w.doc) AS readable FROM docs d JOIN whole w USING (id);
-- a store again goes on where it was
SELECT cvwiz.add_version_store('docs', 'doc', '{note}', keep => 'nothing');
INSERT INTO docs VALUES (61, resume(1, 61) || '{"x": 1}', 'x');
SELECT v.depth > 0 AS in_the_old_chain FROM docs JOIN cvwiz.snapshot_version v ON v.version_id = cvwiz.stub_version(doc) WHERE id = 61;
UPDATE docs SET doc = doc WHERE id = 25;
DELETE FROM docs WHERE id = 26;
CALL cvwiz.repack_versions('docs');
SELECT bool_and(cvwiz.version(d.doc) IS NOT DISTINCT FROM w.doc) AS readable FROM docs d JOIN whole w USING (id);
SELECT cvwiz.remove_version_store('docs', 'doc');
SELECT bool_and(d.doc IS NOT DISTINCT FROM w.doc) AS whole FROM docs d JOIN whole w USING (id);

-- ---- partitions ----

CREATE TABLE parts (part int, edit int, doc jsonb) PARTITION BY LIST (part);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1) PARTITION BY RANGE (edit);
CREATE TABLE parts_1_low PARTITION OF parts_1 FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_2 (doc jsonb, part int, edit int);
ALTER TABLE parts ATTACH PARTITION parts_2 FOR VALUES IN (2);
CREATE TRIGGER before_row BEFORE UPDATE ON parts FOR EACH ROW EXECUTE FUNCTION tell();
CREATE TRIGGER after_row AFTER UPDATE ON parts_2 FOR EACH ROW EXECUTE FUNCTION tell();
SELECT cvwiz.add_version_store('parts', 'doc', '{part}');
INSERT INTO parts SELECT 1 + n % 2, n, resume(2, n) FROM generate_series(1, 9) n;
SELECT cvwiz.remove_version_store('parts', 'doc');
SELECT tableoid::regclass, count(*), bool_and(doc = resume(2, edit)) AS whole FROM parts GROUP BY 1 ORDER BY 1;
SELECT t.tgrelid::regclass, t.tgname, t.tgenabled FROM pg_trigger t WHERE t.tgrelid IN (SELECT relid FROM pg_partition_tree('parts')) ORDER BY 1, 2;
CALL cvwiz.repack_versions();
SELECT count(*) FROM cvwiz.snapshot_version;

-- ---- what its row must not be, and what fails ----

-- constraints are not in the way of what was checked before, and hold
CREATE DOMAIN small AS jsonb CHECK (octet_length(VALUE::text) < 4000);
CREATE TABLE checked (id int, doc small CHECK (doc ? 'id' OR doc ? '$cvwiz'), size int GENERATED ALWAYS AS (octet_length(doc::text)) STORED);
SELECT cvwiz.add_version_store('checked', 'doc', '{id}');
CREATE INDEX ON checked ((doc ->> 'edit'));
INSERT INTO checked VALUES (1, resume(3, 1)), (2, '{"id": 1}');
SELECT cvwiz.remove_version_store('checked', 'doc');
SELECT id, cvwiz.snapshot_size(doc) = size AS generated FROM checked ORDER BY id;
-- a table with a rule
CREATE TABLE ruled (id int, doc jsonb);
SELECT cvwiz.add_version_store('ruled', 'doc', '{id}');
INSERT INTO ruled VALUES (1, '{"a": 1}');
CREATE RULE nothing AS ON UPDATE TO ruled DO INSTEAD NOTHING;
SELECT cvwiz.remove_version_store('ruled', 'doc');
SELECT doc FROM ruled;
UPDATE ruled SET id = 2;
SELECT id FROM ruled;
-- corrupted: nothing is changed
CREATE TABLE damaged (id int, doc jsonb);
SELECT cvwiz.add_version_store('damaged', 'doc', '{id}');
INSERT INTO damaged SELECT n, resume(4, n) FROM generate_series(1, 5) n;
CREATE TABLE damaged_before AS TABLE damaged;
UPDATE cvwiz.snapshot_version v SET checksum = checksum # 1 FROM damaged WHERE id = 4 AND cvwiz.stub_version(doc) = version_id;
SELECT error_of($$SELECT cvwiz.remove_version_store('app.damaged', 'doc')$$) ~ '^XX001';
SELECT count(*) AS the_same FROM damaged d JOIN damaged_before b USING (id, doc);
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'damaged'::regclass ORDER BY tgname COLLATE "C";
DELETE FROM cvwiz.snapshot_version v USING damaged WHERE id = 4 AND cvwiz.stub_version(doc) = version_id;
SELECT error_of($$SELECT cvwiz.remove_version_store('app.damaged', 'doc')$$) ~ '^02000';
SELECT count(*) FILTER (WHERE cvwiz.version(doc) = resume(4, id)) AS readable FROM damaged WHERE id <> 4;
-- left as it is, or without the row
SELECT cvwiz.remove_version_store('damaged', 'doc', restore => false);
SELECT count(*) FILTER (WHERE cvwiz.version(doc) = resume(4, id)) AS readable FROM damaged WHERE id <> 4;
SELECT error_of($$SELECT cvwiz.remove_version_store(NULL, 'doc')$$), error_of($$SELECT cvwiz.remove_version_store('app.docs', NULL)$$);
SELECT cvwiz.add_version_store('docs', 'doc', '{id}');
SELECT error_of($$SELECT cvwiz.remove_version_store('app.docs', 'doc', NULL)$$), error_of($$SELECT cvwiz.remove_version_store('app.docs', 'nope')$$);
SELECT error_of($$SELECT cvwiz.remove_version_store('pg_class', 'relname')$$);
-- by the owner, with nothing but that; by nobody else
CREATE ROLE version_owner;
CREATE ROLE version_other;
GRANT ALL ON SCHEMA app TO PUBLIC;
GRANT EXECUTE ON FUNCTION cvwiz.add_version_store(regclass, name, name[], text), cvwiz.remove_version_store(regclass, name, boolean) TO PUBLIC;
SET ROLE version_owner;
CREATE TABLE app.owned (id int, doc jsonb);
SELECT cvwiz.add_version_store('app.owned', 'doc', '{id}');
INSERT INTO app.owned VALUES (1, '{"a": 1}');
SET ROLE version_other;
SELECT error_of($$SELECT cvwiz.remove_version_store('app.owned', 'doc')$$);
SET ROLE version_owner;
SELECT cvwiz.remove_version_store('app.owned', 'doc');
SELECT doc FROM app.owned;
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
DROP ROLE version_owner, version_other;
