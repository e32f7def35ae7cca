-- cvwiz.zjsonb: text in and out, what it casts to and from, order and equality,
-- indexes, gzip; and that nothing corrupted is ever read as a document.
\pset format unaligned
\pset footer off
\pset null -
CREATE EXTENSION cvwiz;
CREATE SCHEMA app;
-- as applications have it: without cvwiz
SET search_path = app;

-- The error of a statement, with its SQLSTATE.
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

-- ---- the type ----

SELECT typlen, typbyval, typalign, typstorage, typcategory, typispreferred FROM pg_type WHERE oid = 'cvwiz.zjsonb'::regtype;
SELECT castsource::regtype, casttarget::regtype, castcontext, castmethod FROM pg_cast WHERE 'cvwiz.zjsonb'::regtype IN (castsource, casttarget) ORDER BY castsource::regtype::text COLLATE "C", casttarget::regtype::text COLLATE "C";
-- its functions: immutable, strict, and safe in parallel workers
SELECT count(*) AS functions, count(*) FILTER (WHERE provolatile <> 'i' OR NOT proisstrict OR proparallel <> 's') AS others
FROM pg_proc WHERE pronamespace = 'cvwiz'::regnamespace AND ('cvwiz.zjsonb'::regtype = ANY (proargtypes) OR prorettype = 'cvwiz.zjsonb'::regtype);

-- ---- text ----

CREATE TABLE texts (n serial, t text);
INSERT INTO texts (t) VALUES ('{}'), ('[]'), ('null'), ('true'), ('1'), ('-1.50'), ('""'), ('"x"'), (' [ 1 , 2 ] '), ('{"b":1,"a":2,"b":3}'), ('{"":[{},[]]}'),
	('"\u00e9\ud83d\ude00\n\u0001\"\\\/"'), ('"é€😀"'), ('[1e3, 1.10, -0.0, 12345678901234567890.5]'), (repeat('[', 500) || repeat(']', 500)),
	('{"text": "' || repeat('It was the best of times, it was the worst of times. ', 100) || '"}'), ('[' || repeat('"same", ', 5000) || '"last"]');
SELECT left(t::cvwiz.zjsonb::text, 60) AS text, t::cvwiz.zjsonb::text = t::jsonb::text AS is_jsonbs, cvwiz.snapshot_size(t::cvwiz.zjsonb) = octet_length(t::jsonb::text) AS size_is_right FROM texts ORDER BY n;
SELECT '{"a":1}'::cvwiz.zjsonb, cvwiz.zjsonb '{"a":1}', CAST('{"a":1}' AS cvwiz.zjsonb), NULL::cvwiz.zjsonb;
-- the same errors as jsonb's
SELECT t, error_of(format('SELECT %L::cvwiz.zjsonb', t)) = error_of(format('SELECT %L::jsonb', t)) AS is_jsonbs, left(error_of(format('SELECT %L::cvwiz.zjsonb', t)), 5) AS sqlstate
FROM unnest(ARRAY['', ' ', '{', '{"a"', '{"a":}', '{"a":1,}', '[1,]', '[1', 'x', 'nul', 'nulll', '01', '1.', '"', E'"\n"', '"\x"', '"\u12"', '"\u0000"', '"\ud83d"', '"\ude00"', '{1:2}', '{"a":1}x', '{} {}', '[1e200000]', '''a''', 'NaN']) t;
DO $$
BEGIN
	IF current_setting('server_version_num')::int >= 160000 THEN
		EXECUTE 'DO $x$ BEGIN
			ASSERT pg_input_is_valid(''{"a":1}'', ''cvwiz.zjsonb'');
			ASSERT NOT pg_input_is_valid(''{"a":'', ''cvwiz.zjsonb'');
			ASSERT (SELECT sql_error_code FROM pg_input_error_info(''{"a":'', ''cvwiz.zjsonb'')) = ''22P02'';
		END $x$';
	END IF;
END $$;

-- ---- casts ----

CREATE TABLE z (id int, doc cvwiz.zjsonb);
INSERT INTO z VALUES (1, '{"a": 1, "b": [1, 2, {"c": "x"}], "d": {"e": null}}'), (2, '{"a": 1.0, "b": []}'), (3, '[1, "a"]'), (4, NULL);
INSERT INTO z SELECT 5, jsonb '{"from": "jsonb"}';
INSERT INTO z SELECT 6, json '{"from":   "json", "from": "json, the last"}';
SELECT error_of($$INSERT INTO z SELECT 7, text '{"from": "text"}'$$);
SELECT error_of($$INSERT INTO z SELECT 7, json '"\u0000"'$$);
SELECT id, doc, doc::jsonb AS jsonb, doc::json AS json, doc::text AS text, doc::varchar(5) AS varchar FROM z ORDER BY id;
SELECT '{"a": 1}'::text::cvwiz.zjsonb, '{"a": 1}'::jsonb::cvwiz.zjsonb, '{"a":1}'::json::cvwiz.zjsonb;
CREATE TEMP TABLE assigned (j jsonb, js json, t text);
INSERT INTO assigned SELECT doc, doc, doc FROM z WHERE id = 1;
SELECT * FROM assigned;
PREPARE p AS INSERT INTO z VALUES ($1, $2);
EXECUTE p(8, '{"prepared": 1}');
PREPARE pj(int, jsonb) AS UPDATE z SET doc = $2 WHERE id = $1 AND doc = jsonb '{"prepared": 1}';
EXECUTE pj(8, '{"prepared": 2}');
SELECT doc FROM z WHERE id = 8;
DELETE FROM z WHERE id > 6;

-- ---- operators and functions of jsonb ----

SELECT doc -> 'a', doc ->> 'a', doc -> 'b' -> 2 ->> 'c', doc #> '{b,2}', doc #>> '{b,2,c}', doc -> 0, doc -> 1 FROM z WHERE id IN (1, 3) ORDER BY id;
SELECT id, doc @> '{"a": 1}' AS contains, '{"a": 1}' <@ doc AS contained, doc ? 'a' AS has, doc ?| '{x,a}' AS has_any, doc ?& '{a,b}' AS has_all, doc @? '$.b[*].c' AS path_exists, doc @@ '$.a == 1' AS path_match FROM z ORDER BY id;
SELECT id, doc - 'a', doc - 0, doc #- '{0}', doc || '{"x": 1}'::jsonb FROM z WHERE id = 3 UNION ALL SELECT id, doc - 'a', doc - '{a,d}'::text[], doc #- '{b,0}', doc || '{"x": 1}'::jsonb FROM z WHERE id = 1;
SELECT id, doc = '[1, "a"]' AS eq, doc <> '[1, "a"]' AS ne, doc = '{"a": 1, "b": []}'::jsonb AS eq_jsonb, '{"a": 1, "b": []}'::jsonb = doc AS jsonb_eq, doc < '{}' AS lt, doc >= '{}' AS ge, doc IS DISTINCT FROM '{}' AS differs, doc IN ('{}', '[1, "a"]') AS is_in FROM z ORDER BY id;
SELECT jsonb_typeof(doc), jsonb_path_query_array(doc, '$.b[*]'), jsonb_path_exists(doc, '$.a ? (@ > 0)'), jsonb_pretty(doc) FROM z WHERE id = 2;
SELECT key, value FROM z, jsonb_each(doc) WHERE id = 1 ORDER BY key;
SELECT value FROM z, jsonb_array_elements_text(doc) WHERE id = 3;
SELECT x.* FROM z, jsonb_to_record(doc) AS x(a numeric, b jsonb) WHERE id = 1;
SELECT cvwiz.validate_snapshot(doc, 10) ->> 'errors', cvwiz.truncate_snapshot(doc, 1), cvwiz.snapshot_size(doc) FROM z WHERE id = 1;
UPDATE z SET doc = jsonb_set(doc, '{a}', '"new"') WHERE id = 2 RETURNING doc;
UPDATE z SET doc = doc || jsonb '{"more": true}' WHERE id = 2 RETURNING doc;
UPDATE z SET doc = jsonb_insert(doc, '{0}', '0') WHERE id = 3 RETURNING doc;
SELECT coalesce(doc, '{}'), coalesce(doc, '{"none": 1}'::jsonb), CASE WHEN id = 4 THEN '[]' ELSE doc END, nullif(doc, '{}') FROM z WHERE id >= 4 ORDER BY id;
SELECT doc FROM z WHERE id = 5 UNION SELECT '{"union": 1}'::jsonb ORDER BY 1;
SELECT row_to_json(z), to_json(doc), to_jsonb(doc), to_jsonb(z), jsonb_build_object('k', doc), json_build_array(doc) FROM z WHERE id = 1;
SELECT json_agg(doc ORDER BY id), jsonb_agg(doc ORDER BY id), jsonb_object_agg(id, doc), json_agg(z ORDER BY id) FROM z WHERE id IN (3, 4);
SELECT array_agg(doc ORDER BY id), (array_agg(doc ORDER BY id))[2] ->> 'from', array_to_json(array_agg(doc ORDER BY id)) FROM z WHERE id >= 5;
CREATE TYPE pair AS (a int, d cvwiz.zjsonb);
SELECT (1, '{"x": "y, \"z\""}')::pair, ((1, '{"x": 1}')::pair).d ->> 'x', (1, '{"x": 1}')::pair = (1, '{"x": 1.0}')::pair, to_jsonb((1, '{"x": 1}')::pair);

-- ---- order and equality ----

CREATE TABLE many (id int, j jsonb, d cvwiz.zjsonb);
INSERT INTO many SELECT n, j, j FROM generate_series(1, 600) n, LATERAL (SELECT CASE n % 6 WHEN 0 THEN to_jsonb(n % 7) WHEN 1 THEN to_jsonb((n % 7)::numeric(5, 2)) WHEN 2 THEN to_jsonb('s' || n % 13)
	WHEN 3 THEN jsonb_build_array(n % 3, n % 2 = 0) WHEN 4 THEN jsonb_build_object('k' || n % 5, n % 4) ELSE CASE n % 4 WHEN 1 THEN 'null' WHEN 3 THEN 'true' ELSE '{}' END::jsonb END AS j) x;
SELECT count(DISTINCT d) = count(DISTINCT j) AS same_distinct, count(DISTINCT d) FROM many;
SELECT array_agg(id ORDER BY d, id) = array_agg(id ORDER BY j, id) AS same_order, array_agg(id ORDER BY d DESC, id) = array_agg(id ORDER BY j DESC, id) AS same_reverse FROM many;
SELECT count(*) AS pairs, count(*) FILTER (WHERE (a.d OPERATOR(cvwiz.=) b.d) IS DISTINCT FROM (a.j = b.j) OR (a.d OPERATOR(cvwiz.<>) b.d) IS DISTINCT FROM (a.j <> b.j)
	OR (a.d OPERATOR(cvwiz.<) b.d) IS DISTINCT FROM (a.j < b.j) OR (a.d OPERATOR(cvwiz.<=) b.d) IS DISTINCT FROM (a.j <= b.j)
	OR (a.d OPERATOR(cvwiz.>) b.d) IS DISTINCT FROM (a.j > b.j) OR (a.d OPERATOR(cvwiz.>=) b.d) IS DISTINCT FROM (a.j >= b.j)
	OR (a.d = b.d) IS DISTINCT FROM (a.j = b.j) OR sign(cvwiz.zjsonb_cmp(a.d, b.d)) <> sign(jsonb_cmp(a.j, b.j))) AS wrong FROM many a, many b WHERE a.id <= 60 AND b.id <= 60;
SELECT count(*) FILTER (WHERE cvwiz.zjsonb_hash(d) <> jsonb_hash(j) OR cvwiz.zjsonb_hash_extended(d, 7) <> jsonb_hash_extended(j, 7)) AS wrong FROM many;
SELECT bool_and(c = cj) AS same_groups FROM (SELECT min(id) AS id, count(*) AS c FROM many GROUP BY d) g JOIN (SELECT min(id) AS id, count(*) AS cj FROM many GROUP BY j) gj USING (id);
-- every kind of join and grouping
CREATE FUNCTION app.node_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line ~ 'Join|Loop|HashAggregate|GroupAggregate|Group$|Index' THEN RETURN regexp_replace(line, '^[ >-]*| (using|on) .*', '', 'g'); END IF;
	END LOOP;
	RETURN NULL;
END $$;
SET enable_mergejoin = off; SET enable_nestloop = off;
SELECT node_of('SELECT FROM many a JOIN many b ON a.d OPERATOR(cvwiz.=) b.d');
SELECT count(*) = (SELECT count(*) FROM many a JOIN many b ON a.j = b.j) AS is_right FROM many a JOIN many b ON a.d OPERATOR(cvwiz.=) b.d;
SELECT count(*) = (SELECT count(*) FROM many a JOIN many b ON a.j = b.j) AS is_right FROM many a JOIN many b ON a.d = b.d;
SET enable_mergejoin = on; SET enable_hashjoin = off;
SELECT node_of('SELECT FROM many a JOIN many b ON a.d OPERATOR(cvwiz.=) b.d');
SELECT count(*) = (SELECT count(*) FROM many a JOIN many b ON a.j = b.j) AS is_right FROM many a JOIN many b ON a.d OPERATOR(cvwiz.=) b.d;
RESET enable_mergejoin; RESET enable_nestloop; RESET enable_hashjoin;
SELECT d, count(*) FROM many WHERE id <= 36 GROUP BY d ORDER BY d;
SELECT DISTINCT d FROM many WHERE id <= 18 ORDER BY d DESC;
SELECT d FROM many WHERE id < 9 INTERSECT SELECT d FROM many WHERE id > 300 ORDER BY 1;
SELECT row_number() OVER (PARTITION BY d ORDER BY id), d FROM many WHERE id % 6 = 3 AND id < 50 ORDER BY d, 1;

-- ---- indexes ----

CREATE TABLE indexed (id int, d cvwiz.zjsonb UNIQUE);
INSERT INTO indexed SELECT n, jsonb_build_object('n', n, 't', 'x' || n) FROM generate_series(1, 2000) n;
SELECT left(error_of($$INSERT INTO indexed VALUES (0, '{"t": "x5", "n": 5.0}')$$), 5);
INSERT INTO indexed VALUES (0, '{"n": 5.00, "t": "x5"}') ON CONFLICT (d) DO UPDATE SET id = 10005;
CREATE INDEX ON indexed USING hash (d);
CREATE INDEX by_path ON indexed USING gin ((d::jsonb) jsonb_path_ops);
CREATE INDEX by_key ON indexed ((d ->> 't'));
CREATE INDEX by_size ON indexed (cvwiz.snapshot_size(d));
ANALYZE indexed;
SET enable_seqscan = off;
SELECT node_of($$SELECT id FROM indexed WHERE d OPERATOR(cvwiz.=) '{"n": 5, "t": "x5"}'$$) ~ 'Index' AS uses_index, node_of($$SELECT id FROM indexed WHERE d @> '{"n": 7}'$$) ~ 'Index' AS uses_gin, node_of($$SELECT id FROM indexed WHERE d ->> 't' = 'x9'$$) ~ 'Index' AS uses_expression;
SELECT id FROM indexed WHERE d OPERATOR(cvwiz.=) '{"n": 5, "t": "x5"}';
SELECT id FROM indexed WHERE d @> '{"n": 7}';
SELECT id FROM indexed WHERE d ->> 't' = 'x9';
SELECT id FROM indexed ORDER BY d LIMIT 3;
SELECT count(*) FROM indexed WHERE cvwiz.snapshot_size(d) = 20;
RESET enable_seqscan;
-- constraints, defaults, generated columns, domains
CREATE DOMAIN zobject AS cvwiz.zjsonb CHECK (jsonb_typeof(VALUE) = 'object');
CREATE TABLE constrained (d zobject NOT NULL DEFAULT '{"default": true}', name text GENERATED ALWAYS AS (d ->> 'name') STORED, CHECK (d ? 'default' OR d ? 'name'));
INSERT INTO constrained DEFAULT VALUES;
INSERT INTO constrained VALUES ('{"name": "Ann"}');
SELECT split_part(error_of($$INSERT INTO constrained VALUES ('[]')$$), ':', 1), split_part(error_of($$INSERT INTO constrained VALUES ('{}')$$), ':', 1), split_part(error_of($$INSERT INTO constrained VALUES (NULL)$$), ':', 1);
SELECT * FROM constrained;

-- ---- COPY ----

COPY z TO stdout;
\getenv abs_builddir PG_ABS_BUILDDIR
\set file :abs_builddir '/results/snapshot_zjsonb.data'
CREATE TABLE copied (id int, doc cvwiz.zjsonb);
CREATE TABLE copied_jsonb (id int, doc jsonb);
COPY z TO STDOUT WITH (FORMAT binary) \g :file
\set command '\\copy copied FROM ' :'file' ' WITH (FORMAT binary)'
:command
\set command '\\copy copied_jsonb FROM ' :'file' ' WITH (FORMAT binary)'
:command
SELECT count(*), bool_and(c.doc::text IS NOT DISTINCT FROM z.doc::text) AS same, bool_and(j.doc::text IS NOT DISTINCT FROM z.doc::text) AS same_jsonb FROM z JOIN copied c USING (id) JOIN copied_jsonb j USING (id);
SELECT bool_and(cvwiz.zjsonb_send(doc) = jsonb_send(doc)) AS sends_as_jsonb FROM z;

-- ---- ALTER TABLE ----

CREATE TABLE altered (id int, snapshot jsonb NOT NULL DEFAULT '{"v": 1}', CHECK (jsonb_typeof(snapshot) <> 'null'));
INSERT INTO altered SELECT i, t::jsonb FROM texts, generate_series(1, 3) i WHERE t <> 'null';
INSERT INTO altered VALUES (0);
CREATE INDEX ON altered ((snapshot ->> 'v'));
CREATE TABLE original AS SELECT ctid AS place, id, snapshot::text FROM altered;
ALTER TABLE altered ALTER COLUMN snapshot TYPE cvwiz.zjsonb;
SELECT count(*), bool_and(a.snapshot::text = o.snapshot) AS same FROM (SELECT *, row_number() OVER (ORDER BY id, snapshot::text COLLATE "C") AS r FROM altered) a JOIN (SELECT *, row_number() OVER (ORDER BY id, snapshot COLLATE "C") AS r FROM original) o USING (r);
INSERT INTO altered (id) VALUES (-1) RETURNING snapshot;
SELECT left(error_of($$INSERT INTO altered VALUES (1, 'null')$$), 5);
SELECT bool_and(pg_column_compression(snapshot) IS NULL) AS not_pglz FROM altered;
ALTER TABLE altered ALTER COLUMN snapshot TYPE jsonb;
SELECT count(*), bool_and(a.snapshot::text = o.snapshot) AS same FROM (SELECT *, row_number() OVER (ORDER BY id, snapshot::text COLLATE "C") AS r FROM altered WHERE id >= 0) a JOIN (SELECT *, row_number() OVER (ORDER BY id, snapshot COLLATE "C") AS r FROM original) o USING (r);
ALTER TABLE altered ALTER COLUMN snapshot TYPE cvwiz.zjsonb;
ALTER TABLE altered ALTER COLUMN snapshot DROP DEFAULT;
ALTER TABLE altered ALTER COLUMN snapshot TYPE json;
ALTER TABLE altered ALTER COLUMN snapshot TYPE cvwiz.zjsonb;
SELECT error_of('ALTER TABLE altered ALTER COLUMN snapshot TYPE bytea');

-- ---- compression ----

SELECT level, cvwiz.compression_ratio(d) > 3 AS small, d::text = t::jsonb::text AS same, pg_column_size(d) < octet_length(t) / 3 AS is_smaller
FROM texts, generate_series(1, 9) level, LATERAL (SELECT set_config('cvwiz.compression_level', (level + texts.n * 0)::text, true)) s, LATERAL (SELECT CASE WHEN s IS NOT NULL THEN t::cvwiz.zjsonb END AS d) x
WHERE t LIKE '{"text"%' ORDER BY level;
-- what does not get smaller is plain
SELECT t, cvwiz.compression_ratio(t::cvwiz.zjsonb) AS ratio FROM unnest(ARRAY['{}', '"x"', '12']) t;
SELECT cvwiz.compression_ratio(NULL), cvwiz.snapshot_size(NULL::cvwiz.zjsonb);
-- the ratio and the size are of what is stored, and read nothing but the header
CREATE TABLE stored (id int, d cvwiz.zjsonb);
INSERT INTO stored SELECT 1, jsonb_build_object('text', string_agg(md5(n::text), '')) FROM generate_series(1, 3000) n;
SELECT cvwiz.snapshot_size(d) = octet_length(d::text) AS size, cvwiz.compression_ratio(d) = round(octet_length(d::text)::numeric / pg_column_size(d), 2) AS ratio, pg_column_compression(d) FROM stored;
-- 32 kB that print as 13 MB
SELECT cvwiz.snapshot_size(d), d::jsonb = j AS same, pg_column_size(d) < 1000000 AS small FROM (SELECT ('[' || string_agg('1e131000', ', ') || ']')::jsonb AS j FROM generate_series(1, 100)) x, LATERAL (SELECT j::cvwiz.zjsonb AS d) y;

-- ---- gzip ----

SELECT bool_and(cvwiz.gunzip(cvwiz.gzip(t::jsonb))::text = t::jsonb::text) AS same, bool_and(substr(cvwiz.gzip(t::jsonb), 1, 4) = '\x1f8b0800') AS is_gzip FROM texts;
SELECT cvwiz.gzip(NULL), cvwiz.gunzip(NULL);
SELECT cvwiz.gunzip(cvwiz.gzip(doc)) FROM z WHERE id = 1;
-- as gzip itself writes them: level 9, stored, with a name, a comment, more fields and a checksum of the header
CREATE TABLE gz (name text COLLATE "C", data bytea);
INSERT INTO gz VALUES ('gzip -9', '\x1f8b0800000000000203ab564a54b2528836d45130d251503abc52291648250185aa959281645e694e4e6d2d00579ba09f25000000'), ('stored', '\x1f8b0800000000000403012500daff7b2261223a205b312c20322c2022c3a9225d2c202262223a207b2263223a206e756c6c7d7d579ba09f25000000'), ('all fields', '\x1f8b081e00f153650203040061626364726573756d652e6a736f6e00636f6d6d656e7400f0d2ab564a54b2528836d45130d251503abc52291648250185aa959281645e694e4e6d2d00579ba09f25000000');
SELECT name, cvwiz.gunzip(data) FROM gz ORDER BY name;
-- (why is partly in zlib's words)
SELECT name, regexp_replace(error_of(format('SELECT cvwiz.gunzip(%L)', data)), 'detail: [^A-Z][^\n]*', 'detail: ...') FROM (VALUES
	('nothing', ''::bytea), ('one byte', '\x1f'), ('text', '{"a": 1}'), ('of zlib', '\x789cab564a54b2528836d45130d251503abc52291648250185aa959281645e694e4e6d2d00b44d0a5b'), ('deflated only', '\xab564a54b2528836d45130d251503abc52291648250185aa959281645e694e4e6d2d00'),
	('twice', (SELECT data || data FROM gz WHERE name = 'gzip -9')), ('and a byte', (SELECT data || '\x00'::bytea FROM gz WHERE name = 'gzip -9')), ('and text', (SELECT data || 'garbage' FROM gz WHERE name = 'gzip -9')),
	('half', (SELECT substr(data, 1, length(data) / 2) FROM gz WHERE name = 'gzip -9')), ('without its length', (SELECT substr(data, 1, length(data) - 4) FROM gz WHERE name = 'gzip -9')),
	('wrong length', (SELECT set_byte(data, length(data) - 1, 1) FROM gz WHERE name = 'gzip -9')), ('wrong checksum', (SELECT set_byte(data, length(data) - 8, get_byte(data, length(data) - 8) # 1) FROM gz WHERE name = 'gzip -9'))) g(name, data);
-- what is in it is no document in UTF-8
SELECT name, left(error_of(format('SELECT cvwiz.gunzip(%L)', data)), 5) AS sqlstate FROM (VALUES ('latin1', '\x1f8b0800000000000203537aa90400dd42549e03000000'::bytea), ('zero byte', '\x1f8b0800000000000203ab564a54b25230ac650000e44892bc09000000'), ('half a document', '\x1f8b0800000000000203ab564a54b25200009cdcb2cd06000000'), ('empty', '\x1f8b080000000000020303000000000000000000'), ('\u0000', '\x1f8b0800000000000203538a2935000225005377ac1e08000000'), ('half a surrogate', '\x1f8b0800000000000203538a294db1304e510200be101aca08000000'), ('byte order mark', '\x1f8b08000000000002037bbf7b7f752d00197aa88a05000000')) g(name, data);
-- each byte changed, each truncation: an error, or, of a byte that means nothing, the same document
CREATE FUNCTION app.gunzip_outcome(data bytea, document jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN CASE WHEN cvwiz.gunzip(data) = document THEN 'the same' ELSE 'ANOTHER DOCUMENT' END;
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate;
END $$;
SELECT name, what, o AS outcome, count(*) > 10 AS many FROM gz, LATERAL (SELECT cvwiz.gunzip(data) AS d) g,
	LATERAL (SELECT 'changed' AS what, set_byte(data, i, get_byte(data, i) # x) AS damaged FROM generate_series(0, length(data) - 1) i, unnest('{1,128,255}'::int[]) x
		UNION ALL SELECT 'truncated', substr(data, 1, i) FROM generate_series(0, length(data) - 1) i) c,
	LATERAL (SELECT gunzip_outcome(damaged, d) AS o) x
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
-- bombs
SET cvwiz.max_inflated_size = '1MB';
SELECT left(error_of($$SELECT cvwiz.gunzip(cvwiz.gzip(to_jsonb(repeat('x', 10000000))))$$), 100) AS error;
SELECT length(cvwiz.gunzip(cvwiz.gzip(to_jsonb(repeat('x', 1048574))))::text) AS at_the_limit, left(error_of($$SELECT cvwiz.gunzip(cvwiz.gzip(to_jsonb(repeat('x', 1048575))))$$), 5) AS above;
SET cvwiz.max_inflated_size = 1;
SELECT cvwiz.gunzip(cvwiz.gzip('1')), left(error_of($$SELECT cvwiz.gunzip(cvwiz.gzip('12'))$$), 5) AS above;
RESET cvwiz.max_inflated_size;
SELECT length(cvwiz.gunzip(cvwiz.gzip(to_jsonb(repeat('x', 10000000))))::text);

-- ---- corrupted values ----

-- The bytes of a value, as a superuser can get at them.
CREATE CAST (cvwiz.zjsonb AS bytea) WITHOUT FUNCTION;
CREATE CAST (bytea AS cvwiz.zjsonb) WITHOUT FUNCTION;
-- What reading does: each way has to refuse it.
CREATE FUNCTION app.outcome(b bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	d cvwiz.zjsonb := b::cvwiz.zjsonb;
	size bigint;
	ratio numeric;
	outcomes text[];
	reading text;
BEGIN
	FOREACH reading IN ARRAY ARRAY['SELECT $1::text', 'SELECT $1::jsonb', 'SELECT $1::json', 'SELECT cvwiz.zjsonb_out($1)', 'SELECT cvwiz.zjsonb_send($1)', 'SELECT cvwiz.zjsonb_hash($1)', 'SELECT cvwiz.zjsonb_eq($1, $1)', 'SELECT $1 ->> ''a''', 'SELECT to_json($1)'] LOOP
		BEGIN
			EXECUTE reading USING d;
			outcomes := outcomes || 'a document'::text;
		EXCEPTION WHEN OTHERS THEN
			outcomes := outcomes || sqlstate::text;
		END;
	END LOOP;
	-- these read the header alone: a number, or an error
	BEGIN
		size := cvwiz.snapshot_size(d);
		ratio := cvwiz.compression_ratio(d);
	EXCEPTION WHEN data_corrupted THEN NULL;
	END;
	RETURN (SELECT string_agg(DISTINCT o, ', ') FROM unnest(outcomes) o);
END $$;
CREATE FUNCTION app.text_outcome(b bytea) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM b::cvwiz.zjsonb::text;
	RETURN 'a document';
EXCEPTION WHEN OTHERS THEN
	RETURN sqlstate;
END $$;
CREATE TABLE values (name text COLLATE "C", b bytea);
INSERT INTO values SELECT name, t::cvwiz.zjsonb::bytea FROM (VALUES ('plain, short', '{}'), ('plain', '{"q": "zxjv"}'), ('deflated, small', '{"description": "Senior Software Engineer", "highlights": ["led a team of engineers", "reduced the time of"]}'),
	('deflated', (SELECT t FROM texts WHERE t LIKE '{"text"%')),
	('deflated, 20 kB', (SELECT jsonb_build_object('items', jsonb_agg(jsonb_build_object('id', md5(n::text), 'order', n, 'text', 'The quick brown fox ' || n)))::text FROM generate_series(1, 220) n))) v(name, t);
SELECT name, get_byte(b, 1) AS codec, outcome(b) FROM values ORDER BY name;
-- each byte of the small ones to each other value, also of the header
SELECT name, text_outcome(set_byte(b, i, x)) AS outcome, min(length(b)) * 255 = count(*) AS is_each FROM values, generate_series(0, length(b) - 1) i, generate_series(0, 255) x
WHERE name IN ('plain, short', 'plain', 'deflated, small') AND get_byte(b, i) <> x GROUP BY 1, 2 ORDER BY 1, 2;
-- each byte of all, by every way of reading; of the large one every seventh
SELECT name, outcome(set_byte(b, i, get_byte(b, i) # x)) AS outcome, count(*) > 20 AS many FROM values, unnest('{1,128,255}'::int[]) x, generate_series(0, length(b) - 1) i
WHERE (length(b) < 2000 OR i < 20 OR i % 7 = 0) GROUP BY 1, 2 ORDER BY 1, 2;
-- each bit of the length and of the checksum
SELECT name, outcome(set_bit(b, i, 1 - get_bit(b, i))) AS outcome, count(*) FROM values, generate_series(0, 12 * 8 - 1) i GROUP BY 1, 2 ORDER BY 1, 2;
-- each truncation, and bytes more
SELECT name, outcome(substr(b, 1, i)) AS outcome, count(*) > 12 AS many FROM values, generate_series(0, length(b) - 1) i WHERE length(b) < 2000 OR i < 20 OR i % 7 = 0 OR i > length(b) - 20 GROUP BY 1, 2 ORDER BY 1, 2;
SELECT name, outcome(b || more) AS outcome, count(*) FROM values, unnest(ARRAY['\x00', '\xff', '\x0000000000000000', convert_to(repeat('x', 3000), 'UTF8')]::bytea[]) more GROUP BY 1, 2 ORDER BY 1, 2;
-- two bytes exchanged, a piece of another value, zeros, and noise behind a good header
SELECT outcome(set_byte(set_byte(b, i, get_byte(b, i + 1)), i + 1, get_byte(b, i))) AS outcome, count(*) > 100 AS many FROM values, generate_series(0, length(b) - 2) i WHERE get_byte(b, i) <> get_byte(b, i + 1) AND length(b) < 2000 GROUP BY 1;
SELECT outcome(substr(v.b, 1, 12) || substr(w.b, 13)) AS outcome, count(*) FROM values v, values w WHERE v.name <> w.name GROUP BY 1;
SELECT outcome(decode(repeat('00', n), 'hex')) AS outcome, count(*) FROM generate_series(0, 40) n GROUP BY 1;
SELECT outcome(substr(b, 1, 12) || noise) AS outcome, count(*) FROM values, LATERAL (SELECT m, decode(string_agg(md5(n::text || ',' || m::text), ''), 'hex') AS noise FROM generate_series(1, 20) m, generate_series(1, 10) n GROUP BY m) x GROUP BY 1;
-- the errors
SELECT what, error_of(format('SELECT %L::bytea::cvwiz.zjsonb::text', d)) FROM values, LATERAL (VALUES ('short', substr(b, 1, 11)), ('version', set_byte(b, 0, 2)), ('codec', set_byte(b, 1, 9)), ('dictionary', set_byte(b, 2, 9)),
	('checksum', set_byte(b, 8, 255 - get_byte(b, 8)))) v(what, d) WHERE name = 'deflated, small';
-- a raw length that a bomb would have is refused before it is allocated
SELECT error_of(format('SELECT %L::bytea::cvwiz.zjsonb::text', set_byte(set_byte(set_byte(set_byte(b, 4, 255), 5, 255), 6, 255), 7, 63))) FROM values WHERE name = 'plain';
-- in a table: one corrupted row does not hide the others
CREATE TABLE damaged (id int, d cvwiz.zjsonb);
INSERT INTO damaged SELECT 1, '{"a": 1}';
INSERT INTO damaged SELECT 2, set_byte(b, 20, get_byte(b, 20) # 4)::cvwiz.zjsonb FROM values WHERE name = 'deflated';
SELECT d FROM damaged WHERE id = 1;
SELECT left(error_of('SELECT count(d::jsonb) FROM damaged'), 5), left(error_of('COPY damaged TO PROGRAM ''cat >/dev/null'''), 5), left(error_of('SELECT max(d::text) FROM damaged'), 5);
UPDATE damaged SET d = '{}' WHERE id = 2;
SELECT * FROM damaged ORDER BY id;

SET client_min_messages = warning;
DROP CAST (cvwiz.zjsonb AS bytea);
DROP CAST (bytea AS cvwiz.zjsonb);
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
