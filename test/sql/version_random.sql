-- Thousands of generated documents, in chains of edits, out of the version store
-- byte for byte, in whatever order they are read.
\pset format unaligned
\pset footer off
\pset null -
CREATE EXTENSION cvwiz;
CREATE SCHEMA app;
SET search_path = app;

-- ---- the generator: JSON text, not jsonb, with all that JSON can have ----

CREATE FUNCTION app.pick(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT choices[1 + floor(random() * array_length(choices, 1))::int] $$;
CREATE FUNCTION app.random_string() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text := '';
	pieces int := CASE WHEN random() < 0.1 THEN 0 WHEN random() < 0.05 THEN 200 ELSE floor(random() * 12)::int END;
BEGIN
	FOR i IN 1 .. pieces LOOP
		result := result || CASE floor(random() * 10)::int
			WHEN 0 THEN app.pick('\"', '\\', '\/', '\b', '\f', '\n', '\r', '\t')
			WHEN 1 THEN '\u' || lpad(to_hex(1 + floor(random() * 127)::int), 4, '0')
			WHEN 2 THEN app.pick('\u00e9', '\u20AC', '\ud83d\ude00', '\uFFFF', '\u0080', '\u07ff', '\ue000')
			WHEN 3 THEN app.pick('é', '€', '😀', 'ß', '漢字', 'а', chr(1600))
			WHEN 4 THEN chr(127 + floor(random() * 600)::int)
			WHEN 5 THEN repeat(app.pick('a', 'b', '\n', 'é'), floor(random() * 20)::int)
			ELSE app.pick('the', 'id', 'order', 'highlights', ' ', 'resume', '2024-01-01', 'x', '{', '}', '[', ',', ':', '''') END;
	END LOOP;
	RETURN '"' || result || '"';
END $$;
CREATE FUNCTION app.random_number() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	digits text := (SELECT string_agg(floor(random() * 10)::int::text, '') FROM generate_series(1, 1 + floor(random() * random() * 60)::int));
BEGIN
	digits := coalesce(nullif(ltrim(digits, '0'), ''), '7');
	RETURN CASE WHEN random() < 0.3 THEN '-' ELSE '' END || CASE floor(random() * 8)::int
		WHEN 0 THEN '0' WHEN 1 THEN digits WHEN 2 THEN digits || '.' || app.pick('0', '00', '5', '50', '0001', '9999', '00000000', '123456789012')
		WHEN 3 THEN '0.' || repeat('0', floor(random() * 20)::int) || digits
		WHEN 4 THEN left(digits, 5) || app.pick('e', 'E', 'e+', 'E-', 'e-') || floor(random() * 40)::int
		WHEN 5 THEN left(digits, 3) || '.' || app.pick('0', '5', '10') || app.pick('e', 'e-') || floor(random() * 300)::int
		WHEN 6 THEN left(digits, 4) || repeat('0000', floor(random() * 6)::int)
		ELSE floor(random() * 200)::int::text END;
END $$;
CREATE FUNCTION app.random_json(depth int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	kind float := random();
	members int := CASE WHEN random() < 0.03 THEN floor(random() * 150)::int ELSE floor(random() * 6)::int END;
	result text[] := '{}';
BEGIN
	IF depth <= 0 OR kind < 0.25 THEN
		RETURN CASE floor(random() * 6)::int WHEN 0 THEN 'null' WHEN 1 THEN 'true' WHEN 2 THEN 'false' WHEN 3 THEN app.random_string() ELSE app.random_number() END;
	ELSIF kind < 0.27 THEN
		members := floor(random() * 80)::int;
		RETURN repeat('[{"k":', members) || app.random_json(0) || repeat('}]', members);
	END IF;
	FOR i IN 1 .. members LOOP
		IF kind < 0.6 THEN
			result := result || app.random_json(CASE WHEN members > 20 THEN least(depth - 1, 1) ELSE depth - 1 END);
		ELSE
			result := result || (CASE WHEN random() < 0.4 THEN app.pick('"id"', '"order"', '"k"', '"a"', '""', '"highlights"') ELSE app.random_string() END
				|| app.pick(':', ' : ', E':\n\t') || app.random_json(CASE WHEN members > 20 THEN least(depth - 1, 1) ELSE depth - 1 END));
		END IF;
	END LOOP;
	RETURN CASE WHEN kind < 0.6 THEN '[' || array_to_string(result, app.pick(',', ', ', ' , ')) || ']' ELSE '{' || array_to_string(result, ',') || '}' END;
END $$;

-- ---- documents and edits of them ----

SELECT setseed(0.27);
-- each chain begins with a generated document; then it loses or gets parts, and now and then is another one
CREATE FUNCTION app.edited(d jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	kind float := random();
	more jsonb := app.random_json(2)::jsonb;
BEGIN
	IF kind < 0.1 THEN
		RETURN more;
	ELSIF jsonb_typeof(d) = 'object' THEN
		RETURN CASE WHEN kind < 0.3 THEN d - (SELECT k FROM jsonb_object_keys(d) k ORDER BY random() LIMIT 1) ELSE d || jsonb_build_object(app.pick('id', 'a', 'b', '', '$cvwiz', '$reduced', md5(kind::text)), more) END;
	ELSIF jsonb_typeof(d) = 'array' THEN
		RETURN CASE WHEN kind < 0.3 AND jsonb_array_length(d) > 0 THEN d - floor(random() * jsonb_array_length(d))::int WHEN kind < 0.6 THEN jsonb_build_array(more) || d ELSE d || jsonb_build_array(more) END;
	END IF;
	RETURN jsonb_build_object('was', d, 'more', more);
END $$;
CREATE TABLE documents (chain int, n int, t text, PRIMARY KEY (chain, n));
DO $$
DECLARE
	d jsonb;
BEGIN
	FOR c IN 1 .. 90 LOOP
		d := app.random_json(2 + c % 4)::jsonb;
		FOR n IN 1 .. 40 LOOP
			INSERT INTO app.documents VALUES (c, n, d::text);
			d := coalesce(app.edited(d), '[]');
		END LOOP;
	END LOOP;
END $$;
ANALYZE documents;
-- there is some of everything
SELECT count(*), bool_or(t ~ '\\\\u001f') AS control, bool_or(t ~ '😀') AS emoji, bool_or(t ~ '"\$cvwiz"') AS our_words, count(*) FILTER (WHERE jsonb_typeof(t::jsonb) = 'object') > 500 AS objects, count(*) FILTER (WHERE jsonb_typeof(t::jsonb) = 'array') > 500 AS arrays,
	count(*) FILTER (WHERE jsonb_typeof(t::jsonb) NOT IN ('object', 'array')) > 50 AS scalars, max(octet_length(t)) > 10000 AS large, min(octet_length(t)) < 3 AS small FROM documents;

-- ---- in, and out again ----

CREATE TABLE stored (chain int, n int, keep text, level int, doc jsonb);
-- chain after chain, all chains in turns, and at random
CREATE FUNCTION app.wrong() RETURNS TABLE (texts bigint, documents bigint, all_of_them bigint) LANGUAGE sql AS $$
	SELECT count(*) FILTER (WHERE cvwiz.version_text(s.doc)::text IS DISTINCT FROM d.t), count(*) FILTER (WHERE cvwiz.version(s.doc)::text IS DISTINCT FROM d.t), count(*)
	FROM (SELECT * FROM app.stored ORDER BY random()) s JOIN LATERAL (SELECT t FROM app.documents d WHERE d.chain = s.chain AND d.n = s.n) d ON true $$;
SELECT cvwiz.add_version_store('stored', 'doc', '{chain,level}');
INSERT INTO stored SELECT chain, n, 'metadata', 3, t::jsonb FROM documents ORDER BY chain, n;
SELECT * FROM wrong();
SET cvwiz.version_compression_level = 1;
INSERT INTO stored SELECT chain, n, 'metadata', 1, t::jsonb FROM documents ORDER BY n, chain;
SET cvwiz.version_compression_level = 19;
INSERT INTO stored SELECT chain, n, 'metadata', 19, t::jsonb FROM (SELECT * FROM documents ORDER BY random() LIMIT 1000) d;
RESET cvwiz.version_compression_level;
SELECT * FROM wrong();
-- in the order of the rows, backwards, and by many readers of a part each
SELECT count(*) FILTER (WHERE cvwiz.version_text(s.doc)::text IS DISTINCT FROM d.t) AS wrong FROM stored s JOIN documents d USING (chain, n);
SELECT count(*) FILTER (WHERE text <> t) AS wrong FROM (SELECT d.t, cvwiz.version_text(s.doc)::text AS text FROM stored s JOIN documents d USING (chain, n) ORDER BY level, chain, n DESC) x;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 4;
ALTER TABLE stored SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT count(*) FROM stored s WHERE octet_length(cvwiz.version_text(s.doc)::text) > 100;
SELECT count(*) = (SELECT count(*) FROM documents d JOIN stored USING (chain, n) WHERE octet_length(t) > 100) AS same FROM stored s WHERE octet_length(cvwiz.version_text(s.doc)::text) > 100;
RESET ALL;
SET search_path = app;
-- differences, and no more than there may be between two keyframes
SELECT count(*) FILTER (WHERE base_id IS NOT NULL) > 2000 AS differences, max(depth), bool_and(depth < 16) AS depths, sum(octet_length(content)) < sum(raw_length) / 3 AS much_smaller FROM cvwiz.snapshot_version;
SELECT count(*) AS wrong_depths FROM cvwiz.snapshot_version v JOIN cvwiz.snapshot_version b ON b.version_id = v.base_id WHERE v.depth <> b.depth + 1 OR v.chain_key <> b.chain_key OR b.version_id >= v.version_id;

-- ---- changed in place, thinned out, repacked: what is left stays what it was ----

UPDATE stored s SET n = d.n, doc = d.t::jsonb FROM documents d WHERE level = 1 AND d.chain = s.chain AND d.n = 41 - s.n;
SELECT * FROM wrong();
DELETE FROM stored WHERE random() < 0.3 OR (chain % 7 = 0 AND n < 25);
SELECT texts, documents FROM wrong();
CALL cvwiz.repack_versions();
SELECT texts, documents FROM wrong();
SELECT (SELECT count(*) FROM cvwiz.dead_version) AS dead, (SELECT count(*) FROM cvwiz.snapshot_version) = (SELECT count(doc) FROM stored) AS one_for_each_row, max(depth) < 16 AS depths FROM cvwiz.snapshot_version;
SELECT * FROM cvwiz.verify_versions();

-- ---- megabytes ----

CREATE TABLE large (n int, doc jsonb, t text, chain int DEFAULT 1);
SELECT cvwiz.add_version_store('large', 'doc', '{chain}');
-- each the one before it with something changed in many places; one of 200 bytes in between
CREATE FUNCTION app.lines(edit int, upto int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$ SELECT jsonb_build_object('edit', edit, 'items', (SELECT jsonb_agg(CASE WHEN i % 1000 = 0 THEN edit * i ELSE i END || md5(i::text) || '"é' ORDER BY i) FROM generate_series(1, upto) i)) $$;
INSERT INTO large (n, doc, t) SELECT n, d, d::text FROM generate_series(1, 5) n, LATERAL (SELECT CASE WHEN n = 3 THEN to_jsonb(repeat('x', 200)) ELSE lines(n, 120000) END AS d) x;
SELECT n, octet_length(t) > 5000000 AS megabytes, cvwiz.version_text(doc)::text = t AS text, cvwiz.version(doc)::text = t AS document FROM (TABLE large ORDER BY random()) l ORDER BY n;
SELECT depth, octet_length(content) < raw_length / 200 AS small FROM large JOIN cvwiz.snapshot_version ON version_id = cvwiz.stub_version(doc) ORDER BY n;
-- a difference is small at every level, of every size
CREATE TABLE grown (level int, lines int, doc jsonb);
SELECT cvwiz.add_version_store('grown', 'doc', '{level,lines}');
DO $$
DECLARE
	level int;
BEGIN
	FOREACH level IN ARRAY '{1,2,3,5,9,19}'::int[] LOOP
		PERFORM set_config('cvwiz.version_compression_level', level::text, true);
		INSERT INTO app.grown SELECT level, n, app.lines(edit, n) FROM unnest('{4000,9500,14000,62000}'::int[]) n, generate_series(1, 2) edit WHERE level < 4 OR n < 14000 ORDER BY n, edit;
	END LOOP;
END $$;
SELECT lines, raw_length / 100000 AS size, count(*) AS levels, array_agg(level) FILTER (WHERE depth = 0 OR octet_length(content) > raw_length / 200) AS too_large FROM grown JOIN cvwiz.snapshot_version ON version_id = cvwiz.stub_version(doc) WHERE doc -> 'edit' = '2' GROUP BY 1, 2 ORDER BY 1;
SELECT count(*), count(*) FILTER (WHERE cvwiz.version(doc) <> lines((doc -> 'edit')::int, lines)) AS wrong FROM grown;
-- one that does not compress
INSERT INTO large (n, chain, doc, t) SELECT 6, 6, d, d::text FROM (SELECT jsonb_agg(random()) AS d FROM generate_series(1, 150000)) x;
UPDATE large SET doc = doc2, t = doc2::text FROM (SELECT cvwiz.version(doc) || '[1]' AS doc2 FROM large WHERE n = 6) x WHERE n = 6;
SELECT cvwiz.version_text(doc)::text = t AS text FROM large WHERE n = 6;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
