-- Housekeeping of the version store, its checks and its figures.
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
CREATE EXTENSION cvwiz;
CREATE ROLE regress_cvwiz_owner;
CREATE ROLE regress_cvwiz_other;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA cvwiz TO regress_cvwiz_owner, regress_cvwiz_other;
GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA cvwiz TO regress_cvwiz_owner, regress_cvwiz_other;
CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO PUBLIC;
SET search_path = app;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cvwiz.now = '2026-09-01 12:00';

CREATE FUNCTION document(id int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_build_object('id', id, 'items', (SELECT jsonb_agg(jsonb_build_object('id', n, 'text', md5(n::text))) FROM generate_series(1, 20) n))
$$;
CREATE TABLE docs (id int PRIMARY KEY, r int NOT NULL DEFAULT 1, plain jsonb, snapshot jsonb);
SELECT cvwiz.add_version_store('docs', 'snapshot', '{r}');
CREATE VIEW store AS
SELECT v.version_id, v.base_id, v.depth, v.codec, s.relation, v.content,
	s.relation IS NULL OR EXISTS (SELECT FROM cvwiz.dead_version d WHERE d.version_id = v.version_id) AS dead
FROM cvwiz.snapshot_version v JOIN cvwiz.version_source s USING (source_id);
CREATE PROCEDURE put(first int, last int, r int DEFAULT 1) LANGUAGE sql AS $$
	INSERT INTO app.docs SELECT id, r, app.document(id), app.document(id) FROM generate_series(first, last) id;
$$;
-- documents that are read wrong; versions; dead ones; living ones that hang on dead ones
CREATE VIEW state AS
SELECT (SELECT count(*) FROM docs WHERE cvwiz.version_text(snapshot)::text IS DISTINCT FROM plain::text) AS wrong,
	count(*) FILTER (WHERE NOT s.dead) AS live, count(*) FILTER (WHERE s.dead) AS dead,
	count(*) FILTER (WHERE NOT s.dead AND b.dead) AS hang
FROM store s LEFT JOIN store b ON b.version_id = s.base_id;
CREATE VIEW run AS
SELECT origin, pid = pg_backend_pid() AS mine, started_at, finished_at, success, chains, freed_versions AS freed, freed_bytes > 0 AS bytes,
	rebased_versions AS rebased, orphaned_versions AS orphaned, failed, error
FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1;

-- ---- nothing to do ----

CALL cvwiz.repack_versions();
SELECT * FROM run;
CALL put(1, 30);
CREATE TABLE before AS SELECT version_id, base_id, depth, md5(content) AS content FROM store;
CALL cvwiz.repack_versions();
SELECT * FROM run;
SELECT count(*) FROM before b JOIN store s USING (version_id) WHERE (b.base_id, b.depth, b.content) IS DISTINCT FROM (s.base_id, s.depth, md5(s.content));

-- ---- freeing, and storing anew ----

-- gaps: every third one lives, and one keyframe of two is dead
DELETE FROM docs WHERE id % 3 <> 0;
SELECT * FROM state;
CREATE TABLE freed AS SELECT count(*), sum(octet_length(content)) AS bytes FROM store s WHERE dead;
CALL cvwiz.repack_versions('docs');
SELECT * FROM state;
SELECT * FROM run;
SELECT r.freed_bytes = f.bytes AS bytes, r.freed_versions = f.count AS versions FROM freed f, cvwiz.version_repack r ORDER BY run_id DESC LIMIT 1;
SELECT count(*) FILTER (WHERE s.depth > b.depth) AS deeper, count(*) FILTER (WHERE s.base_id IS NULL) AS keyframes, max(s.depth) FROM store s JOIN before b USING (version_id);
SELECT string_agg(version_id || coalesce('<' || base_id, ''), ' ' ORDER BY version_id) FROM store;
-- a second run has nothing to do
CALL cvwiz.repack_versions();
SELECT chains, freed, rebased, orphaned FROM run;
-- and the chain goes on
CALL put(31, 60);
SELECT count(*) FILTER (WHERE depth > 15) AS too_deep FROM store;
DELETE FROM docs WHERE id BETWEEN 4 AND 58;
CALL cvwiz.repack_versions();
SELECT * FROM state;
SELECT string_agg(version_id || coalesce('<' || base_id, ''), ' ' ORDER BY version_id) FROM store;
-- whichever are left: each round another quarter of them goes
DO $$
DECLARE
	round int;
	bad int;
BEGIN
	FOR round IN 1..12 LOOP
		CALL app.put(round * 100, round * 100 + 40);
		CREATE TEMP TABLE depths AS SELECT version_id, depth FROM app.store;
		DELETE FROM app.docs WHERE get_byte(decode(md5(id::text || round), 'hex'), 0) % 4 = round % 4;
		COMMIT;
		CALL cvwiz.repack_versions('app.docs');
		SELECT (SELECT wrong + dead + hang FROM app.state)
			+ (SELECT count(*) FROM app.store s JOIN depths d USING (version_id) WHERE s.depth > d.depth)
			+ (SELECT count(*) FROM app.store s JOIN app.store b ON b.version_id = s.base_id WHERE s.depth <= b.depth)
			+ abs((SELECT count(*) FROM app.docs) - (SELECT live FROM app.state)) INTO bad;
		IF bad > 0 THEN
			RAISE WARNING 'round %: %', round, bad;
		END IF;
		DROP TABLE depths;
	END LOOP;
END $$;
SELECT count(*) FROM docs;

-- ---- versions that no row has ----

TRUNCATE docs;
CALL cvwiz.repack_versions();
CALL put(1, 6);
ALTER TABLE docs DISABLE TRIGGER USER;
DELETE FROM docs WHERE id IN (2, 3, 6);
UPDATE docs SET plain = '1', snapshot = '1' WHERE id = 4;
ALTER TABLE docs ENABLE TRIGGER USER;
SELECT * FROM state;
CALL cvwiz.repack_versions('docs');
SELECT * FROM state;
SELECT chains, freed, rebased, orphaned, failed FROM run;
-- a TRUNCATE without triggers
SET session_replication_role = replica;
TRUNCATE docs;
RESET session_replication_role;
SELECT * FROM state;
CALL cvwiz.repack_versions('docs');
SELECT * FROM state;

-- ---- whose ----

SET ROLE regress_cvwiz_owner;
CREATE TABLE app.mine (id int, snapshot jsonb);
SELECT cvwiz.add_version_store('app.mine', 'snapshot', '{id}');
INSERT INTO mine VALUES (1, '[1]'), (2, '[2]');
RESET ROLE;
GRANT DELETE, SELECT ON mine TO regress_cvwiz_other;
SET ROLE regress_cvwiz_other;
CREATE TABLE app.others (id int, snapshot jsonb);
SELECT cvwiz.add_version_store('app.others', 'snapshot', '{id}');
INSERT INTO others VALUES (1, '[3]'), (2, '[4]');
DELETE FROM others WHERE id = 1;
DELETE FROM mine WHERE id = 1;
INSERT INTO others VALUES (3, '[5]');
RESET ROLE;
ALTER TABLE mine DISABLE TRIGGER USER;
ALTER TABLE others DISABLE TRIGGER USER;
DELETE FROM mine WHERE id = 2;
DELETE FROM others WHERE id = 2;
CALL put(1, 2);
DELETE FROM docs WHERE id = 2;
SELECT relation, count(*) FILTER (WHERE NOT dead) AS live, count(*) FILTER (WHERE dead) AS dead FROM store GROUP BY relation ORDER BY relation::text;
SET ROLE regress_cvwiz_owner;
CALL cvwiz.repack_versions('others');
CALL cvwiz.repack_versions('docs');
CALL cvwiz.repack_versions('pg_catalog.pg_class');
SELECT * FROM cvwiz.verify_versions('others');
SELECT * FROM cvwiz.version_stats('others');
CALL cvwiz.repack_versions();
RESET ROLE;
SELECT chains, orphaned, failed FROM run;
SELECT relation, count(*) FILTER (WHERE NOT dead) AS live, count(*) FILTER (WHERE dead) AS dead FROM store GROUP BY relation ORDER BY relation::text;
-- what a dropped table left is nobody's but the superuser's
SET ROLE regress_cvwiz_other;
DROP TABLE others;
CALL cvwiz.repack_versions();
RESET ROLE;
SELECT relation, count(*) FILTER (WHERE NOT dead) AS live, count(*) FILTER (WHERE dead) AS dead FROM store GROUP BY relation ORDER BY relation::text;
CALL cvwiz.repack_versions();
SELECT relation, count(*) FILTER (WHERE NOT dead) AS live, count(*) FILTER (WHERE dead) AS dead FROM store GROUP BY relation ORDER BY relation::text;
SET ROLE regress_cvwiz_owner;
SELECT success FROM cvwiz.version_repack;
RESET ROLE;
-- not where it cannot commit
BEGIN;
CALL cvwiz.repack_versions();
ROLLBACK;
CREATE FUNCTION inside() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL cvwiz.repack_versions(); END $$;
SELECT inside();
CALL cvwiz.repack_versions('no_such_table');
-- runs are kept for 400 days
SELECT count(*) > 10 AS many FROM cvwiz.version_repack;
SET cvwiz.now = '2027-10-07 12:00:01';
CALL cvwiz.repack_versions();
SELECT count(*) FROM cvwiz.version_repack;
SET cvwiz.now = '2026-09-01 12:00';

-- ---- a stub that comes before its version, as out of a dump ----

DELETE FROM docs;
CALL cvwiz.repack_versions();
CALL put(1, 4);
CREATE TABLE away AS SELECT * FROM cvwiz.snapshot_version;
DELETE FROM cvwiz.snapshot_version;
-- the whole table again, with its triggers
CREATE TABLE rows AS TABLE docs;
ALTER TABLE docs DISABLE TRIGGER USER;
DELETE FROM docs;
ALTER TABLE docs ENABLE TRIGGER USER;
INSERT INTO docs TABLE rows;
SELECT codec, base_id, depth, count(*) FROM store GROUP BY 1, 2, 3;
SELECT count(*) AS stubs FROM docs WHERE cvwiz.stub_version(cvwiz.version(snapshot)) IS NOT NULL;
-- a document that comes meanwhile is not made of one
CALL put(5, 5);
SELECT codec, base_id FROM store ORDER BY version_id DESC LIMIT 1;
INSERT INTO cvwiz.snapshot_version TABLE away;
SELECT wrong FROM state;
CALL cvwiz.repack_versions('docs');
SELECT freed, rebased, orphaned, failed FROM run;
SELECT wrong, live, dead, hang FROM state;
SELECT codec, count(*) FROM store GROUP BY 1;
SELECT count(*) FROM cvwiz.verify_versions();
-- one whose version never comes is a document like any other
INSERT INTO docs VALUES (6, 1, (SELECT snapshot FROM rows WHERE id = 1), (SELECT snapshot FROM rows WHERE id = 1));
CALL cvwiz.repack_versions();
SELECT freed, rebased, orphaned, failed FROM run;
SELECT wrong, live, dead FROM state;
SELECT codec, count(*) FROM store GROUP BY 1 ORDER BY 1;

-- ---- version_stats(): exact ----

TRUNCATE docs;
CALL cvwiz.repack_versions();
CALL put(1, 18);
CALL put(21, 22, 2);
DELETE FROM docs WHERE id IN (3, 18);
SELECT s.relation, s.snapshot_column, s.chains, s.versions, s.keyframes, s.depth, s.dead_versions,
	s.raw_bytes = (SELECT sum(octet_length(plain::text)) FROM docs) AS raw, s.stored_bytes = x.stored AS stored,
	s.dead_bytes = x.dead AS dead, s.ratio = s.raw_bytes::float8 / s.stored_bytes AS ratio
FROM cvwiz.version_stats('docs') s, (SELECT sum(octet_length(content)) AS stored, sum(octet_length(content)) FILTER (WHERE dead) AS dead FROM store WHERE relation = 'docs'::regclass) x;
SET ROLE regress_cvwiz_owner;
SELECT relation, versions FROM cvwiz.version_stats();
RESET ROLE;
SELECT relation, versions FROM cvwiz.version_stats();

-- ---- verify_versions() ----

TRUNCATE docs;
CALL cvwiz.repack_versions();
ALTER SEQUENCE cvwiz.snapshot_version_id RESTART WITH 1000;
CALL put(1, 5);
SELECT * FROM cvwiz.verify_versions();
CREATE TABLE good AS SELECT * FROM cvwiz.snapshot_version;
-- Damages version n as told, looks, and mends it again. Each document is then
-- read with its error, and is never a wrong one.
CREATE FUNCTION damaged(damage text, OUT version_id bigint, OUT problem text, OUT recorded bigint, OUT read text) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
	bad bigint[];
	row record;
BEGIN
	EXECUTE damage;
	FOR version_id, problem IN SELECT v.version_id, v.problem FROM cvwiz.verify_versions('app.docs') v ORDER BY 1 LOOP
		SELECT count(*) INTO recorded FROM cvwiz.version_corruption c
		WHERE c.relation = 'app.docs'::regclass AND c.version_id = damaged.version_id AND c.problem = damaged.problem AND c.found_at = cvwiz.clock();
		bad := bad || version_id;
		BEGIN
			SELECT CASE WHEN cvwiz.version_text(d.snapshot)::text = d.plain::text THEN 'the document' ELSE 'WRONG' END INTO read
			FROM app.docs d WHERE cvwiz.stub_version(d.snapshot) = version_id;
		EXCEPTION WHEN OTHERS THEN
			read := sqlstate;
		END;
		RETURN NEXT;
	END LOOP;
	-- the others are read as ever
	FOR row IN SELECT d.snapshot, d.plain FROM app.docs d WHERE cvwiz.stub_version(d.snapshot) <> ALL (coalesce(bad, '{}')) LOOP
		IF cvwiz.version_text(row.snapshot)::text IS DISTINCT FROM row.plain::text THEN
			RAISE WARNING 'a wrong document';
		END IF;
	END LOOP;
	DELETE FROM cvwiz.snapshot_version;
	INSERT INTO cvwiz.snapshot_version TABLE app.good;
	PERFORM FROM cvwiz.verify_versions('app.docs');
	IF FOUND THEN
		RAISE WARNING 'not mended';
	END IF;
	IF EXISTS (SELECT FROM cvwiz.version_corruption) THEN
		RAISE WARNING 'not forgotten';
	END IF;
END $$;
SELECT * FROM damaged('SELECT');
SELECT * FROM damaged('UPDATE cvwiz.snapshot_version SET content = set_byte(content, octet_length(content) - 3, get_byte(content, octet_length(content) - 3) # 1) WHERE version_id = 1004');
SELECT * FROM damaged('UPDATE cvwiz.snapshot_version SET content = set_byte(content, 12, get_byte(content, 12) # 255) WHERE version_id = 1002');
SELECT * FROM damaged('UPDATE cvwiz.snapshot_version SET content = substr(content, 1, octet_length(content) - 1) WHERE version_id = 1003');
SELECT * FROM damaged($$UPDATE cvwiz.snapshot_version SET content = content || '\x00' WHERE version_id = 1003$$);
SELECT * FROM damaged($$UPDATE cvwiz.snapshot_version SET content = '' WHERE version_id = 1000$$);
SELECT * FROM damaged('DELETE FROM cvwiz.snapshot_version WHERE version_id = 1002');
SELECT * FROM damaged('DELETE FROM cvwiz.snapshot_version WHERE version_id = 1004');
SELECT * FROM damaged('DELETE FROM cvwiz.snapshot_version');
SELECT * FROM damaged('UPDATE cvwiz.snapshot_version SET checksum = checksum + 1 WHERE version_id = 1003');
SELECT * FROM damaged($$UPDATE cvwiz.snapshot_version SET access_key = '00000000-0000-0000-0000-000000000000' WHERE version_id = 1003$$);
-- of a raw length, a codec, a base
SELECT n, d.* FROM unnest('{-2147483648,-1,0,1,2147483647}'::int[]) n, damaged(format('UPDATE cvwiz.snapshot_version SET raw_length = %s WHERE version_id = 1004', n)) d;
SELECT n, d.* FROM unnest('{-32768,-1,0,2,3,32767}'::int[]) n, damaged(format('UPDATE cvwiz.snapshot_version SET codec = %s WHERE version_id = 1004', n)) d;
SELECT n, d.* FROM unnest('{-9223372036854775808,-1,0,999,1000,1001,1003,1004,9223372036854775807}'::bigint[]) n, damaged(format('UPDATE cvwiz.snapshot_version SET base_id = %s WHERE version_id = 1003', n)) d;
SELECT * FROM damaged('UPDATE cvwiz.snapshot_version SET base_id = NULL WHERE version_id = 1003');
-- a circle of two, and one of all
SELECT * FROM damaged('UPDATE cvwiz.snapshot_version SET base_id = 2005 - version_id WHERE version_id IN (1002, 1003)');
SELECT * FROM damaged('UPDATE cvwiz.snapshot_version SET base_id = 1004 WHERE version_id = 1000');
-- the depth is not needed to read: a wrong one is found, and the document there
SELECT n, d.* FROM unnest('{-32768,-1,0,1,15,16,32767}'::int[]) n, damaged(format('UPDATE cvwiz.snapshot_version SET depth = %s', n)) d;
-- neither housekeeping nor a writer fails on what cannot be read
CALL put(6, 16);
UPDATE cvwiz.snapshot_version SET content = set_byte(content, 12, get_byte(content, 12) # 255) WHERE version_id = 1002;
SELECT version_id, problem FROM cvwiz.verify_versions('docs') ORDER BY 1 LIMIT 3;
SELECT relation = 'docs'::regclass AS relation, count(*) FROM cvwiz.version_corruption GROUP BY 1;
DELETE FROM docs WHERE id IN (1, 2, 3, 5, 9);
CALL cvwiz.repack_versions();
SELECT chains, freed, rebased, failed FROM run;
SELECT cvwiz.version(snapshot) FROM docs WHERE id = 4;
INSERT INTO docs VALUES (20, 1, '"still"', '"still"');
SELECT cvwiz.version(snapshot) FROM docs WHERE id = 20;
SELECT base_id IS NULL AS keyframe FROM store ORDER BY version_id DESC LIMIT 1;
DELETE FROM docs WHERE id < 20;
CALL cvwiz.repack_versions();
SELECT wrong, live, dead, hang FROM state;
SELECT version_id, problem FROM cvwiz.verify_versions();
SELECT count(*) FROM cvwiz.version_corruption;
-- a dropped table's versions are looked through by superusers, under no name
INSERT INTO docs VALUES (21, 1, '"gone"', '"gone"');
UPDATE cvwiz.snapshot_version SET checksum = checksum + 1;
DROP VIEW state;
DROP TABLE docs;
SELECT relation, problem FROM cvwiz.verify_versions();
SELECT relation, problem FROM cvwiz.version_corruption;
SET ROLE regress_cvwiz_owner;
SELECT * FROM cvwiz.verify_versions();
RESET ROLE;
CALL cvwiz.repack_versions();
SELECT * FROM cvwiz.verify_versions();
SELECT count(*) FROM cvwiz.version_corruption;
-- in a READ ONLY transaction nothing is noted down
CREATE FUNCTION text(last int) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_agg(md5(n::text)) || to_jsonb(last) FROM generate_series(1, 4) n $$;
CREATE TABLE small (id int, plain jsonb, snapshot jsonb);
SELECT cvwiz.add_version_store('small', 'snapshot', '{id}');
INSERT INTO small VALUES (1, text(1), text(1));
UPDATE cvwiz.snapshot_version SET checksum = checksum + 1;
BEGIN READ ONLY;
SELECT relation, problem FROM cvwiz.verify_versions('small');
ROLLBACK;
SELECT count(*) FROM cvwiz.version_corruption;
UPDATE cvwiz.snapshot_version SET checksum = checksum - 1;

-- ---- each byte of a content, in each of the codecs ----

INSERT INTO small VALUES (2, '[1]', '[1]'), (1, text(2), text(2));
SELECT codec, base_id IS NULL AS keyframe FROM store ORDER BY version_id;
CREATE TABLE flips (version_id bigint, tried int, wrong int, errors text);
DO $$
DECLARE
	v record;
	at int;
	value int;
	tried int;
	wrong int;
	errors text[];
	text text;
BEGIN
	FOR v IN SELECT s.version_id, s.content, x.snapshot, x.plain::text AS plain FROM cvwiz.snapshot_version s JOIN app.small x ON cvwiz.stub_version(x.snapshot) = s.version_id LOOP
		tried := 0; wrong := 0; errors := '{}';
		FOR at IN 0 .. octet_length(v.content) - 1 LOOP
			FOREACH value IN ARRAY ARRAY[0, 1, 32, 127, 128, 255, get_byte(v.content, at) # 1, get_byte(v.content, at) # 128] LOOP
				CONTINUE WHEN value = get_byte(v.content, at);
				UPDATE cvwiz.snapshot_version SET content = set_byte(v.content, at, value) WHERE version_id = v.version_id;
				-- what was read last must not be what is read
				PERFORM FROM cvwiz.verify_versions('app.good');
				tried := tried + 1;
				BEGIN
					text := cvwiz.version_text(v.snapshot);
					IF text <> v.plain THEN
						wrong := wrong + 1;
					END IF;
				EXCEPTION WHEN OTHERS THEN
					errors := errors || sqlstate::text;
				END;
			END LOOP;
		END LOOP;
		UPDATE cvwiz.snapshot_version SET content = v.content WHERE version_id = v.version_id;
		INSERT INTO app.flips SELECT v.version_id, tried, wrong, string_agg(DISTINCT e, ' ') || CASE WHEN count(*) > tried * 0.8 THEN ' mostly' END FROM unnest(errors) e;
	END LOOP;
END $$;
SELECT tried > 20 AS tried, wrong, errors FROM flips ORDER BY version_id;
SELECT count(*) FROM small WHERE cvwiz.version_text(snapshot)::text <> plain::text;
SELECT count(*) FROM cvwiz.verify_versions();

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
DROP ROLE regress_cvwiz_owner, regress_cvwiz_other;
