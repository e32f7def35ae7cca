-- Thousands of generated documents: the size is that of jsonb's text, a
-- cvwiz.zjsonb and a gzip give the text back byte for byte, and what truncates
-- and reduces does as plain PL/pgSQL does.
\pset format unaligned
\pset footer off
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

SELECT setseed(0.42);
CREATE TABLE documents AS SELECT n, app.random_json(1 + n % 5) AS t FROM generate_series(1, 3000) n;
ALTER TABLE documents ADD j jsonb;
UPDATE documents SET j = t::jsonb;
ANALYZE documents;
-- there is some of everything
SELECT count(*), bool_or(j::text ~ '\\u001f') AS control, bool_or(j::text ~ '😀') AS emoji, bool_or(j @? 'strict $.** ? (@.type() == "array" && @.size() > 100)') AS wide, bool_or(j::text ~ '(\[\{"k": ){50}') AS deep,
	count(*) FILTER (WHERE jsonb_typeof(j) = 'object') > 500 AS objects, count(*) FILTER (WHERE jsonb_typeof(j) = 'array') > 500 AS arrays, count(*) FILTER (WHERE jsonb_typeof(j) NOT IN ('object', 'array')) > 500 AS scalars,
	max(octet_length(j::text)) > 10000 AS large, bool_or(j @? '$.**?(@.type() == "number" && @ > 1e100)') AS huge_numbers, bool_or(j @? '$.**.""') AS empty_keys FROM documents;

-- ---- size and round trips ----

SELECT count(*) FILTER (WHERE cvwiz.snapshot_size(j) <> octet_length(j::text)) AS wrong_sizes,
	count(*) FILTER (WHERE j::cvwiz.zjsonb::text <> j::text OR t::cvwiz.zjsonb::text <> j::text OR t::json::cvwiz.zjsonb::text <> j::text) AS wrong_texts,
	count(*) FILTER (WHERE (t::cvwiz.zjsonb::jsonb)::text <> j::text OR t::cvwiz.zjsonb::json::text <> j::text) AS wrong_documents,
	count(*) FILTER (WHERE cvwiz.snapshot_size(t::cvwiz.zjsonb) <> octet_length(j::text)) AS wrong_header_sizes,
	count(*) FILTER (WHERE cvwiz.zjsonb_send(t::cvwiz.zjsonb) <> jsonb_send(j)) AS wrong_sends,
	count(*) FILTER (WHERE cvwiz.gunzip(cvwiz.gzip(j))::text <> j::text) AS wrong_gunzips,
	count(*) FILTER (WHERE (cvwiz.validate_snapshot(j) ->> 'size_bytes')::int <> octet_length(j::text)) AS wrong_validations
FROM documents;
-- stored, toasted too, and read again
CREATE TABLE stored (n int, d cvwiz.zjsonb);
INSERT INTO stored SELECT n, j FROM documents;
SELECT count(*) FILTER (WHERE s.d::text <> d.j::text) AS wrong, count(*) AS documents FROM stored s JOIN documents d USING (n);
SELECT sum(pg_column_size(d)) < (SELECT sum(octet_length(t)) FROM documents) AS is_smaller FROM stored;
-- in one document, which has more of everything
SELECT cvwiz.snapshot_size(a) = octet_length(a::text) AS size, a::cvwiz.zjsonb::text = a::text AS text, cvwiz.gunzip(cvwiz.gzip(a))::text = a::text AS gunzip FROM (SELECT jsonb_agg(j ORDER BY n) AS a FROM documents) x;
SELECT cvwiz.snapshot_size(o) = octet_length(o::text) AS size, o::cvwiz.zjsonb::text = o::text AS text, cvwiz.gunzip(cvwiz.gzip(o))::text = o::text AS gunzip FROM (SELECT jsonb_object_agg(t, j) AS o FROM documents) x;

-- ---- truncation ----

CREATE FUNCTION app.truncated(d jsonb, n int, key text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF jsonb_typeof(d) = 'object' THEN
		RETURN coalesce((SELECT jsonb_object_agg(k, app.truncated(v, n, key)) FROM jsonb_each(d) AS e(k, v)), '{}');
	ELSIF jsonb_typeof(d) <> 'array' THEN
		RETURN d;
	END IF;
	RETURN coalesce((SELECT jsonb_agg(app.truncated(item, n, key) ORDER BY place) FROM (
		SELECT item, place, row_number() OVER (ORDER BY rank DESC, number DESC, string COLLATE "C" DESC, place DESC) AS nth
		FROM jsonb_array_elements(d) WITH ORDINALITY AS i(item, place),
			LATERAL (SELECT CASE WHEN jsonb_typeof(item) = 'object' THEN item -> key END AS v) k,
			LATERAL (SELECT CASE jsonb_typeof(v) WHEN 'null' THEN 1 WHEN 'boolean' THEN 2 WHEN 'number' THEN 3 WHEN 'string' THEN 4 ELSE 0 END AS rank,
				CASE jsonb_typeof(v) WHEN 'number' THEN (v #>> '{}')::numeric WHEN 'boolean' THEN (v #>> '{}')::boolean::int ELSE 0 END AS number,
				CASE jsonb_typeof(v) WHEN 'string' THEN v #>> '{}' ELSE '' END AS string) r
	) x WHERE nth <= n), '[]');
END $$;
SELECT length, key, count(*) FILTER (WHERE cvwiz.truncate_snapshot(j, length, key)::text <> truncated(j, length, key)::text) AS wrong,
	count(*) FILTER (WHERE cvwiz.truncate_snapshot(j, length, key) <> j) > 20 AS many_are_cut
FROM (VALUES (0, 1, NULL), (1, 2, NULL), (2, 5, NULL), (3, 30, NULL), (4, 1, 'k'), (5, 2, 'id'), (6, 3, 'order'), (7, 2, ''), (8, 2, 'no such key')) l(which, length, key) JOIN documents ON n / 5 % 9 = which
GROUP BY which, 1, 2 ORDER BY which;
-- rows of one kind, many of them equal
CREATE TABLE ranked AS SELECT n, (SELECT jsonb_agg(jsonb_build_object('i', i, 'k', CASE floor(random() * 8)::int WHEN 0 THEN 'null' WHEN 1 THEN 'true' WHEN 2 THEN 'false' WHEN 3 THEN to_jsonb(round((random() * 5 - 2)::numeric, 1))
	WHEN 4 THEN to_jsonb(floor(random() * 4)) WHEN 5 THEN to_jsonb(pick('a', 'b', 'ab', '', 'é', 'z', '2024-01-01', 'Z')) WHEN 6 THEN '[]' ELSE '{"x": 1}' END::jsonb)) FROM generate_series(1, 1 + n % 60) i) AS j FROM generate_series(1, 1000) n;
SELECT count(*) FILTER (WHERE cvwiz.truncate_snapshot(j, 1 + n % 20, 'k')::text <> truncated(j, 1 + n % 20, 'k')::text) AS wrong, count(*) FILTER (WHERE jsonb_array_length(j) > 1 + n % 20) > 300 AS many_are_cut FROM ranked;

-- ---- what holds of any document ----

SELECT count(*) FILTER (WHERE cvwiz.has_long_arrays(j, 3) <> (j @? 'strict $.** ? (@.type() == "array" && @.size() > 3)')) AS wrong_long_arrays,
	count(*) FILTER (WHERE cvwiz.truncate_snapshot(cvwiz.truncate_snapshot(j, 3), 3)::text <> cvwiz.truncate_snapshot(j, 3)::text) AS truncated_twice,
	count(*) FILTER (WHERE cvwiz.has_long_arrays(cvwiz.truncate_snapshot(j, 3), 3)) AS still_long,
	count(*) FILTER (WHERE cvwiz.compress_snapshot_metadata(cvwiz.compress_snapshot_metadata(j))::text <> cvwiz.compress_snapshot_metadata(j)::text) AS compressed_twice,
	count(*) FILTER (WHERE cvwiz.snapshot_size(cvwiz.compress_snapshot_metadata(j)) > cvwiz.snapshot_size(j) + octet_length(', "$reduced": true')) AS compressed_to_more,
	count(*) FILTER (WHERE (p.validation ->> 'size_bytes')::int <> octet_length(p.snapshot::text) OR (p.validation ->> 'original_size_bytes')::int <> octet_length(j::text)
		OR (p.validation ->> 'valid')::boolean <> (octet_length(p.snapshot::text) <= 200)) AS wrong_preparations,
	count(*) FILTER (WHERE octet_length(j::text) <= 100 AND p.snapshot::text <> j::text) AS wrongly_prepared,
	count(*) FILTER (WHERE cvwiz.reconstruct_snapshot(j, '{"a": [{"id": 1}]}')::text <> j::text) AS reconstructed
FROM documents, cvwiz.prepare_snapshot_for_storage(j, false, 200, 100, 3) p;
-- metadata only, and whole again: by id, in the array of the same path
CREATE TABLE profiles AS SELECT n, jsonb_build_object('name', 'N' || n, 'work', (SELECT jsonb_agg(jsonb_build_object('id', i, 'order', -i, 'd', j)) FROM generate_series(1, 1 + n % 9) i), 'skills', (SELECT jsonb_agg(jsonb_build_object('id', 's' || i, 'd', t)) FROM generate_series(1, n % 5) i)) AS d FROM documents WHERE n <= 500;
SELECT count(*) FILTER (WHERE (cvwiz.reconstruct_snapshot(cvwiz.compress_snapshot_metadata(d), d) - '$missing')::text <> d::text) AS wrong,
	count(*) FILTER (WHERE cvwiz.reconstruct_snapshot(cvwiz.compress_snapshot_metadata(d), d) -> '$missing' <> '0') AS missing,
	count(*) FILTER (WHERE cvwiz.reconstruct_snapshot(cvwiz.compress_snapshot_metadata(d), d - 'work') -> '$missing' <> to_jsonb(1 + n % 9)) AS wrongly_missing FROM profiles;

-- ---- the trigger, on the same documents ----

CREATE TABLE limited (n int, j jsonb, z cvwiz.zjsonb, js json);
SELECT cvwiz.add_snapshot_limits('limited', c::name, 'truncate', 2000000000, 100, 3) FROM unnest('{j,z,js}'::text[]) c;
SET cvwiz.snapshot_notice = off;
INSERT INTO limited SELECT n, j, j, j FROM documents;
SELECT count(*) FILTER (WHERE l.j::text <> wanted OR l.z::text <> wanted OR l.js::text <> wanted) AS wrong, count(*) FILTER (WHERE wanted <> d.j::text) > 200 AS many_are_cut
FROM limited l JOIN documents d USING (n), LATERAL (SELECT CASE WHEN octet_length(d.j::text) > 100 THEN truncated(d.j, 3, NULL) ELSE d.j END::text AS wanted OFFSET 0) w;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
