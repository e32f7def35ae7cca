-- The version store damaged: whatever is wrong with it, reading gives the document
-- or an error, and verify_versions() finds it.
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
CREATE FUNCTION app.state_of(statement text) RETURNS text LANGUAGE sql AS $$ SELECT substring(app.error_of(statement) FROM '^(?:[0-9A-Z]{5}|no error)') $$;
CREATE FUNCTION app.resume(who int, edit int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_build_object('id', who, 'edit', edit, 'work', (SELECT jsonb_agg(jsonb_build_object('id', n, 'text', md5((who * 1000 + n)::text))) FROM generate_series(1, 4) n), 'summary', md5(edit::text)) $$;
SET cvwiz.now = '2026-08-31 12:00';
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
CREATE TABLE docs (n int, chain int DEFAULT 1, doc jsonb);
SELECT cvwiz.add_version_store('docs', 'doc', '{chain}', 'nothing');
-- four, each the difference from the one before, and a small one, which is stored as it is
INSERT INTO docs SELECT n, 1, resume(1, n) FROM generate_series(1, 4) n;
INSERT INTO docs VALUES (5, 2, '{"a": [1, 2]}');
CREATE TABLE sound AS SELECT v.*, n, resume(1, n)::text AS text FROM docs JOIN cvwiz.snapshot_version v ON v.version_id = cvwiz.stub_version(doc);
UPDATE sound SET text = '{"a": [1, 2]}' WHERE n = 5;
SELECT n, base_id IS NULL AS keyframe, depth, codec FROM sound ORDER BY n;
SELECT * FROM cvwiz.verify_versions();
-- A version's row as it was, but for one column.
CREATE PROCEDURE app.damage(which int, assignment text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('UPDATE cvwiz.snapshot_version v SET %s FROM app.sound s WHERE s.n = %s AND s.version_id = v.version_id', assignment, which);
END $$;
CREATE PROCEDURE app.mend() LANGUAGE sql BEGIN ATOMIC
	DELETE FROM cvwiz.snapshot_version;
	INSERT INTO cvwiz.snapshot_version SELECT version_id, base_id, chain_key, access_key, created_at, source_id, raw_length, checksum, stub_checksum, depth, codec, content FROM app.sound;
END;
-- What reading each gives: its document, an error, or another document.
CREATE FUNCTION app.outcome(which int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	got text;
	want text;
BEGIN
	SELECT text INTO STRICT want FROM app.sound WHERE n = which;
	SELECT cvwiz.version_text(doc) INTO got FROM app.docs WHERE n = which;
	RETURN CASE WHEN got = want THEN 'read' ELSE 'WRONG' END;
EXCEPTION WHEN data_corrupted OR SQLSTATE '02000' OR insufficient_privilege THEN
	RETURN sqlstate;
END $$;
-- The readers' session keeps the text it has read last: another document is read in between.
CREATE FUNCTION app.outcomes() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text := '';
BEGIN
	FOR n IN 1 .. 5 LOOP
		BEGIN PERFORM cvwiz.version(doc) FROM app.other; EXCEPTION WHEN SQLSTATE '02000' THEN NULL; END;
		result := concat_ws(' ', nullif(result, ''), app.outcome(n));
	END LOOP;
	RETURN result;
END $$;
CREATE TABLE other (doc jsonb, id int);
SELECT cvwiz.add_version_store('other', 'doc', '{id}');
INSERT INTO other VALUES ('{"other": 1}');
INSERT INTO sound SELECT v.*, 0, '' FROM other JOIN cvwiz.snapshot_version v ON v.version_id = cvwiz.stub_version(doc);
CALL mend();
SELECT outcomes();
-- What verify_versions() says, by the rows' numbers.
CREATE VIEW app.found AS SELECT v.relation, coalesce(s.n::text, 'id ' || v.version_id) AS n, v.problem FROM cvwiz.verify_versions() v LEFT JOIN app.sound s USING (version_id) ORDER BY 2, 3;

-- ---- one thing at a time ----

CALL damage(2, 'content = set_byte(v.content, octet_length(v.content) / 2, get_byte(v.content, octet_length(v.content) / 2) # 1)');
SELECT outcomes();
SELECT * FROM found;
SELECT relation::regclass, problem, found_at FROM cvwiz.version_corruption ORDER BY version_id;
SELECT error_of('SELECT cvwiz.version(doc) FROM app.docs WHERE n = 2') ~ E'^XX001: version [0-9]+ of the version store is corrupted\n  detail: Its content is not what was stored.\n  hint: cvwiz.verify_versions';
-- one that it looked at before is not forgotten by a look at another table, and mended it is
SELECT * FROM cvwiz.verify_versions('other');
SELECT count(*) FROM cvwiz.version_corruption;
SET cvwiz.now = '2026-08-31 13:00';
SELECT count(*) FROM cvwiz.verify_versions('docs');
SELECT DISTINCT found_at FROM cvwiz.version_corruption;
BEGIN READ ONLY;
SELECT count(*) FROM cvwiz.verify_versions();
COMMIT;
CALL mend();
BEGIN READ ONLY;
SELECT count(*) FROM cvwiz.verify_versions();
COMMIT;
SELECT count(*) FROM cvwiz.version_corruption;
SELECT * FROM found;
SELECT count(*) FROM cvwiz.version_corruption;
-- every column, to several values each
CREATE FUNCTION app.try(which int, assignment text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	CALL app.damage(which, assignment);
	result := app.outcomes() || ' / ' || coalesce((SELECT string_agg(n || ': ' || problem, ' ' ORDER BY n) FROM app.found), 'nothing found');
	CALL app.mend();
	RETURN result;
END $$;
\t
SELECT n, a, try(n, a) FROM (VALUES (2, 'base_id = NULL'), (2, 'base_id = v.version_id'), (2, 'base_id = v.version_id + 1'), (2, 'base_id = -5'), (2, 'base_id = 0'), (2, 'base_id = 9223372036854775807'), (1, 'base_id = 0'), (3, 'base_id = v.version_id + 3')) v(n, a);
SELECT n, a, try(n, a) FROM (VALUES (2, 'raw_length = v.raw_length + 1'), (2, 'raw_length = v.raw_length - 1'), (2, 'raw_length = 0'), (2, 'raw_length = -1'), (2, 'raw_length = 2147483647'), (2, 'raw_length = -2147483648'), (5, 'raw_length = v.raw_length - 1'), (5, 'raw_length = v.raw_length + 1'), (5, 'raw_length = 2147483647')) v(n, a);
SELECT n, a, try(n, a) FROM (VALUES (2, 'codec = 0'), (2, 'codec = 2'), (2, 'codec = 3'), (2, 'codec = -1'), (2, 'codec = 32767'), (2, 'codec = -32768'), (2, 'codec = 256'), (5, 'codec = 1'), (5, 'codec = 2'), (5, 'codec = 7'), (5, 'codec = -1')) v(n, a);
SELECT n, a, try(n, a) FROM (VALUES (2, 'checksum = v.checksum # 1'), (2, 'checksum = 0'), (2, 'depth = 15'), (2, 'depth = -1'), (2, 'depth = 100'), (2, 'chain_key = 1'), (2, 'stub_checksum = 0'), (2, 'created_at = ''infinity''')) v(n, a);
SELECT n, a, try(n, a) FROM (VALUES (1, 'content = '''''), (2, 'content = '''''), (5, 'content = '''''), (2, 'content = ''\x28b52ffd'''), (2, 'content = v.content || ''\x00'''), (2, 'content = substr(v.content, 1, octet_length(v.content) - 1)'), (2, 'content = substr(v.content, 2)'), (5, 'content = v.content || ''\x00'''), (2, 'content = v.content || v.content'), (2, 'content = ''\x28b52ffd040000010000''')) v(n, a);
-- another version's content, whole and as a difference; a frame that claims gigabytes
SELECT n, a, try(n, a) FROM (VALUES (2, 'content = (SELECT content FROM app.sound WHERE n = 1)'), (2, 'content = (SELECT content FROM app.sound WHERE n = 3)'), (2, 'content = ''\x28b52ffda0ffffff7f010000'', raw_length = 2147483647'), (2, 'content = ''\x28b52ffde0ffffffffffffff7f010000''')) v(n, a);
-- the key, which is the stub's business
SELECT n, a, try(n, a) FROM (VALUES (2, 'access_key = gen_random_uuid()'), (1, 'access_key = gen_random_uuid()')) v(n, a);
\t
-- missing ones: a base, a version
DELETE FROM cvwiz.snapshot_version v USING sound s WHERE s.n = 1 AND s.version_id = v.version_id;
SELECT outcomes();
SELECT * FROM found;
SELECT error_of('SELECT cvwiz.version(doc) FROM app.docs WHERE n = 2') ~ E'^XX001: version [0-9]+ of the version store is corrupted\n  detail: A version that it is stored as a difference from is not there.';
CALL mend();
DELETE FROM cvwiz.snapshot_version v USING sound s WHERE s.n = 4 AND s.version_id = v.version_id;
SELECT outcomes();
SELECT * FROM found;
DELETE FROM cvwiz.snapshot_version;
SELECT outcomes();
SELECT * FROM found;
CALL mend();
SELECT * FROM found;
-- more differences than there may be: each of them is right
INSERT INTO docs SELECT n, 3, resume(3, n) FROM generate_series(11, 40) n;
INSERT INTO docs SELECT n, 4, resume(3, n) FROM generate_series(26, 27) n;
WITH v AS (SELECT v.*, lag(version_id) OVER (PARTITION BY chain ORDER BY version_id) AS before, n, chain FROM docs JOIN cvwiz.snapshot_version v ON version_id = cvwiz.stub_version(doc) WHERE n > 10)
UPDATE cvwiz.snapshot_version s SET base_id = v.before, codec = d.codec, content = d.content FROM v, v d WHERE v.version_id = s.version_id AND v.base_id IS NULL AND v.n = 27 AND v.chain = 3 AND d.n = 27 AND d.chain = 4 AND d.base_id IS NOT NULL;
SELECT chain, state_of(format('SELECT cvwiz.version(doc) FROM app.other; SELECT cvwiz.version(%L)', doc)) AS state, count(*), min(n), max(n) FROM docs WHERE n > 10 GROUP BY 1, 2 ORDER BY 1, 4;
SELECT (SELECT n FROM docs WHERE cvwiz.stub_version(doc) = version_id), problem FROM cvwiz.verify_versions('docs');
DELETE FROM docs WHERE n > 10;
DELETE FROM cvwiz.snapshot_version v WHERE NOT EXISTS (SELECT FROM sound s WHERE s.version_id = v.version_id);
DELETE FROM cvwiz.dead_version;

-- ---- each byte of the content, to each of several values ----

CREATE FUNCTION app.flips(which int) RETURNS TABLE (outcome text, found boolean, times bigint) LANGUAGE plpgsql AS $$
DECLARE
	whole bytea := (SELECT content FROM app.sound WHERE n = which);
	id bigint := (SELECT version_id FROM app.sound WHERE n = which);
	value int;
	tally jsonb := '{}';
	result text;
BEGIN
	FOR place IN 0 .. octet_length(whole) - 1 LOOP
		FOREACH value IN ARRAY ARRAY[0, 1, 127, 128, 255, get_byte(whole, place) # 1, get_byte(whole, place) # 128, get_byte(whole, place) # 16] LOOP
			CONTINUE WHEN value = get_byte(whole, place);
			UPDATE cvwiz.snapshot_version SET content = set_byte(whole, place, value) WHERE version_id = id;
			PERFORM cvwiz.version(doc) FROM app.other;
			result := app.outcome(which) || ' ' || EXISTS (SELECT FROM cvwiz.verify_versions('app.docs') v WHERE v.version_id = id);
			tally := tally || jsonb_build_object(result, coalesce((tally -> result)::int, 0) + 1);
		END LOOP;
	END LOOP;
	UPDATE cvwiz.snapshot_version SET content = whole WHERE version_id = id;
	RETURN QUERY SELECT split_part(key, ' ', 1), split_part(key, ' ', 2)::boolean, n::bigint FROM jsonb_each_text(tally) e(key, n);
END $$;
-- a byte may not matter, as the frame's unused bits do not: then the document is right, and nothing found; never a wrong one
SELECT n, outcome, found, times > 50 AS many FROM unnest('{1,2,4,5}'::int[]) n, flips(n) WHERE NOT (outcome = 'read' AND NOT found) ORDER BY 1, 2, 3;
SELECT outcomes();
SELECT * FROM found;

-- ---- writing goes on ----

CALL damage(4, 'content = ''\x00''');
INSERT INTO docs VALUES (6, 1, resume(1, 6));
INSERT INTO docs VALUES (7, 1, resume(1, 7));
SELECT d.n, v.depth, cvwiz.version(doc) = resume(1, n) AS document FROM docs d JOIN cvwiz.snapshot_version v ON v.version_id = cvwiz.stub_version(doc) WHERE n > 5 ORDER BY n;
-- a damaged one can be replaced, and deleted
UPDATE docs SET doc = resume(1, 8) WHERE n = 4;
SELECT cvwiz.version(doc) = resume(1, 8) AS document FROM docs WHERE n = 4;
CALL cvwiz.repack_versions('docs');
SELECT * FROM found;
-- a damaged one that hangs on a dead one stays as it is, and with it what it hangs on
CALL damage(3, 'content = ''\x00''');
DELETE FROM docs WHERE n IN (1, 2);
CALL cvwiz.repack_versions('docs');
SELECT n, problem FROM found;
SELECT count(*) FROM cvwiz.snapshot_version v JOIN sound s USING (version_id) WHERE s.n IN (1, 2);
UPDATE cvwiz.snapshot_version v SET content = s.content FROM sound s WHERE s.n = 3 AND s.version_id = v.version_id;
CALL cvwiz.repack_versions('docs');
SELECT count(*) FROM cvwiz.snapshot_version v JOIN sound s USING (version_id) WHERE s.n IN (1, 2);
SELECT cvwiz.version(doc) = resume(1, 3) FROM docs WHERE n = 3;
SELECT * FROM found;
-- copying, or putting back, what cannot be read is an error
UPDATE cvwiz.snapshot_version v SET content = '' FROM sound s WHERE s.n = 3 AND s.version_id = v.version_id;
SELECT state_of('INSERT INTO app.docs SELECT 9, 1, doc FROM app.docs WHERE n = 3');
UPDATE docs SET n = n WHERE n = 3;
-- what a dropped table has left is verified, too, under no table's name
CREATE TABLE copy AS TABLE docs;
DROP TABLE docs;
SELECT relation, problem FROM cvwiz.verify_versions();
SELECT relation, problem FROM cvwiz.version_corruption;
CALL cvwiz.repack_versions();
SELECT relation, problem FROM cvwiz.verify_versions();
SELECT relation, problem FROM cvwiz.version_corruption;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
