-- Chains: what is stored as a difference from what, and what shares a chain.
\pset format unaligned
\pset footer off
\pset null -
CREATE EXTENSION cvwiz;
CREATE SCHEMA app;
SET search_path = app;

-- About 3 kB that do not compress much, the n-th edit of them.
CREATE FUNCTION app.resume(who int, edit int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_build_object('id', who, 'edit', edit, 'work', (SELECT jsonb_agg(jsonb_build_object('id', n, 'text', md5((who * 1000 + n)::text) || md5((who * 2000 + n)::text))) FROM generate_series(1, 30) n),
		'summary', md5(edit::text)) $$;
CREATE VIEW app.stored AS SELECT v.version_id, v.base_id, v.chain_key, dense_rank() OVER (ORDER BY first.id) AS chain, v.depth, v.codec, octet_length(v.content) AS bytes, v.raw_length
	FROM cvwiz.snapshot_version v, LATERAL (SELECT min(version_id) AS id FROM cvwiz.snapshot_version c WHERE c.chain_key = v.chain_key) first;

-- ---- one chain: the base is the newest, and one in sixteen is whole ----

CREATE TABLE versions (resume int, n int, doc jsonb);
SELECT cvwiz.add_version_store('versions', 'doc', '{resume}');
INSERT INTO versions SELECT 1, n, resume(1, n) FROM generate_series(1, 40) n;
SELECT version_id, base_id, depth, CASE WHEN bytes < 150 THEN 'small' WHEN bytes > 1000 THEN 'large' END AS content FROM stored ORDER BY 1;
SELECT bool_and(cvwiz.version_text(doc)::text = resume(1, n)::text) FROM versions;
-- a statement of many rows, a row at a time, a transaction or many: it is the same
TRUNCATE versions;
CALL cvwiz.repack_versions();
SELECT last_value AS last FROM cvwiz.snapshot_version_id \gset
DO $$ BEGIN FOR n IN 1 .. 20 LOOP INSERT INTO app.versions VALUES (1, n, app.resume(1, n)); COMMIT; END LOOP; END $$;
BEGIN;
DO $$ BEGIN FOR n IN 21 .. 35 LOOP BEGIN INSERT INTO app.versions VALUES (1, n, app.resume(1, n)); EXCEPTION WHEN division_by_zero THEN RAISE; END; END LOOP; END $$;
COMMIT;
SELECT array_agg(version_id - :last) FILTER (WHERE base_id IS NULL) AS keyframes, bool_and(base_id = version_id - 1) AS newest, max(depth) AS depth FROM (TABLE stored ORDER BY version_id) s;

-- ---- a difference larger than half of the whole is none ----

INSERT INTO versions VALUES (2, 1, resume(2, 1)), (2, 2, resume(2, 2)), (2, 3, resume(77, 3)), (2, 4, resume(77, 4));
SELECT version_id - :last AS version, base_id - :last AS base, depth FROM stored WHERE chain = 2 ORDER BY 1;
-- the rule itself, on edits from none to all of it
CREATE TABLE edits (chain int, share int, doc jsonb);
SELECT cvwiz.add_version_store('edits', 'doc', '{chain}');
CREATE FUNCTION app.lines(seed int, from_line int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT jsonb_agg(md5((CASE WHEN n > from_line THEN seed ELSE 0 END * 1000 + n)::text) ORDER BY n) FROM generate_series(1, 100) n $$;
INSERT INTO edits SELECT share, 0, lines(0, 100) FROM generate_series(0, 100, 10) share;
INSERT INTO edits SELECT share, share, lines(1, 100 - share) FROM generate_series(0, 100, 10) share;
SELECT share, bool_and(depth = 1) AS is_difference FROM edits e JOIN stored s ON s.version_id = cvwiz.stub_version(doc) WHERE share NOT IN (0, 50) GROUP BY 1 ORDER BY 1;
-- the whole ones are chains' keyframes, each compressed by itself
SELECT count(*) FILTER (WHERE bytes >= raw_length) AS not_smaller, count(*) FILTER (WHERE base_id IS NOT NULL AND bytes > raw_length / 2) AS large_differences FROM stored WHERE codec = 1;

-- ---- what is a chain ----

CREATE TABLE chains (a text, b int, c timestamptz, doc jsonb, n int GENERATED ALWAYS AS IDENTITY);
SELECT cvwiz.add_version_store('chains', 'doc', '{a,b,c}');
INSERT INTO chains (a, b, c, doc) SELECT a, b, c, resume(3, row_number() OVER ()::int) FROM (VALUES
	('x', 1, '2026-01-01 00:00 UTC'::timestamptz), ('x', 1, '2026-01-01 00:00 UTC'), ('x', 2, '2026-01-01 00:00 UTC'), ('X', 1, '2026-01-01 00:00 UTC'), ('x', 1, '2026-01-01 00:00:01 UTC'),
	(NULL, 1, '2026-01-01 00:00 UTC'), (NULL, 1, '2026-01-01 00:00 UTC'), ('x', NULL, '2026-01-01 00:00 UTC'), ('x', 1, NULL), (NULL, NULL, NULL), (NULL, NULL, NULL), ('', NULL, NULL)) v(a, b, c);
SET timezone = 'Asia/Tokyo';
SET datestyle = 'SQL, DMY';
INSERT INTO chains (a, b, c, doc) VALUES ('x', 1, '01/01/2026 09:00', resume(3, 50));
SET timezone = 'America/Los_Angeles';
SET datestyle = 'German';
SET intervalstyle = 'iso_8601';
SET extra_float_digits = -5;
INSERT INTO chains (a, b, c, doc) VALUES ('x', 1, '31.12.2025 16:00', resume(3, 51));
RESET ALL;
SET search_path = app;
SELECT n, s.chain - min(s.chain) OVER () + 1 AS chain, depth FROM chains JOIN stored s ON s.version_id = cvwiz.stub_version(doc) ORDER BY n;
-- values that are equal are the same chain
CREATE TABLE numbers (a numeric, b float8, c char(8), doc jsonb);
SELECT cvwiz.add_version_store('numbers', 'doc', '{a,b,c}');
INSERT INTO numbers VALUES (1, 0, 'x', resume(4, 1)), (1.0, -0.0, 'x   ', resume(4, 2)), (1.00, 0, 'x', resume(4, 3)), (1.01, 0, 'x', resume(4, 4));
SELECT count(DISTINCT chain_key) AS chains, max(depth) AS depth FROM numbers JOIN stored s ON s.version_id = cvwiz.stub_version(doc);
-- a NULL is not a value, and the columns' order tells
CREATE TABLE pairs (a int, b int, doc jsonb);
SELECT cvwiz.add_version_store('pairs', 'doc', '{a,b}');
INSERT INTO pairs SELECT a, b, '{"a": 1}' FROM unnest(ARRAY[NULL, 0, 1, 2]) a, unnest(ARRAY[NULL, 0, 1, 2]) b;
SELECT count(DISTINCT chain_key) AS chains FROM pairs JOIN stored s ON s.version_id = cvwiz.stub_version(doc);
-- the same values in another table, another column, another schema
CREATE SCHEMA app2;
CREATE TABLE other (resume int, doc jsonb, doc2 jsonb);
CREATE TABLE app2.versions (resume int, n int, doc jsonb);
CREATE TABLE "ver.sions" (resume int, n int, doc jsonb);
SELECT cvwiz.add_version_store('other', 'doc', '{resume}'), cvwiz.add_version_store('other', 'doc2', '{resume}'), cvwiz.add_version_store('app2.versions', 'doc', '{resume}'), cvwiz.add_version_store('"ver.sions"', 'doc', '{resume}');
INSERT INTO other VALUES (1, resume(1, 1), resume(1, 2));
INSERT INTO app2.versions VALUES (1, 1, resume(1, 3));
INSERT INTO "ver.sions" VALUES (1, 1, resume(1, 3));
SELECT count(DISTINCT s.chain_key) AS chains, max(depth) AS depth FROM (SELECT doc FROM other UNION ALL SELECT doc2 FROM other UNION ALL SELECT doc FROM app2.versions UNION ALL SELECT doc FROM "ver.sions" UNION ALL SELECT doc FROM versions WHERE n = 35) d JOIN stored s ON s.version_id = cvwiz.stub_version(doc);
-- a renamed table begins new ones, and has its old documents
ALTER TABLE versions RENAME TO versions_2026;
INSERT INTO versions_2026 VALUES (1, 36, resume(1, 36)), (1, 37, resume(1, 37));
SELECT n, depth, cvwiz.version(doc) = resume(1, n) AS document FROM versions_2026 JOIN stored s ON s.version_id = cvwiz.stub_version(doc) WHERE resume = 1 AND n > 34 ORDER BY n;
SELECT bool_and(cvwiz.version(doc) = resume(1, n)) FROM versions_2026 WHERE resume = 1;

-- ---- other types of chains' columns ----

CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN code AS text CHECK (VALUE <> '');
CREATE TYPE pair AS (a int, b text);
CREATE TABLE typed (a mood, b code, c uuid, d int[], e pair, f jsonb, g int4range, h date, i bytea, j boolean, doc jsonb);
SELECT cvwiz.add_version_store('typed', 'doc', '{a,b,c,d,e,f,g,h,i,j}');
INSERT INTO typed SELECT a, 'x', 'c2d29867-3d0b-d497-9191-18a9d8ee7830', '{1,2}', '(1,x)', '{"a": 1}', '[1,2]', '2026-01-01', '\x01', true, resume(5, n) FROM (VALUES ('sad'::mood, 1), ('sad', 2), ('ok', 3)) v(a, n);
SELECT a, depth, cvwiz.version(doc) ->> 'edit' AS edit FROM typed JOIN stored s ON s.version_id = cvwiz.stub_version(doc) ORDER BY 1, 3;
-- a column whose type cannot be hashed any more
ALTER TABLE pairs ALTER b TYPE point USING point(b, b);
\set VERBOSITY sqlstate
INSERT INTO pairs VALUES (1, '(1,1)', '1');
\set VERBOSITY default

SET client_min_messages = warning;
DROP SCHEMA app, app2 CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
