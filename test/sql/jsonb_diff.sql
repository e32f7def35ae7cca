-- cvwiz.jsonb_diff(): how arrays are matched, what an operation is made of,
-- when a replacement is shorter, and what it costs.
\pset format unaligned
\pset footer off
CREATE EXTENSION cvwiz;
CREATE SCHEMA app;
SET search_path = app;

-- Words as items: with an id, without one, as strings; a star says edited. Long
-- enough for no replacement to be shorter.
CREATE FUNCTION app.with_ids(words text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce(jsonb_agg(jsonb_build_object('id', rtrim(w, '*'), 'edited', w LIKE '%*', 'text', repeat(rtrim(w, '*'), 100)) ORDER BY n), '[]') FROM regexp_split_to_table(words, ' ') WITH ORDINALITY AS x(w, n) WHERE w <> '' $$;
CREATE FUNCTION app.without_ids(words text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce(jsonb_agg(item - 'id' ORDER BY n), '[]') FROM jsonb_array_elements(app.with_ids(words)) WITH ORDINALITY AS x(item, n) $$;
CREATE FUNCTION app.strings(words text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce(jsonb_agg(repeat(w, 100) ORDER BY n), '[]') FROM regexp_split_to_table(words, ' ') WITH ORDINALITY AS x(w, n) WHERE w <> '' $$;
-- the operations, shortened; wrong where the law does not hold
CREATE FUNCTION app.diff(old jsonb, new jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT CASE WHEN cvwiz.jsonb_patch(old, cvwiz.jsonb_diff(old, new))::text <> new::text THEN 'WRONG: ' ELSE '' END
	|| coalesce(string_agg(concat_ws(' ', op, "from", '"' || path || '"', CASE WHEN length(value::text) > 40 THEN left(value::text, 10) || '...' ELSE value::text END), ', ' ORDER BY n), 'nothing')
	FROM (SELECT o ->> 'op' AS op, o ->> 'from' AS from, o ->> 'path' AS path, o -> 'value' AS value, n FROM jsonb_array_elements(cvwiz.jsonb_diff(old, new)) WITH ORDINALITY AS x(o, n)) y $$;

-- ---- the form of it ----

SELECT cvwiz.jsonb_diff('{"a": 1, "b": 2}', '{"a": 1, "b": 2}'), cvwiz.jsonb_diff('1', '1'), cvwiz.jsonb_diff('[]', '[]'), cvwiz.jsonb_diff('null', 'null');
SELECT cvwiz.jsonb_diff(jsonb_build_object('long', repeat('x', 60), 'a', 1, 'b', 2), jsonb_build_object('long', repeat('x', 60), 'a', 3, 'c', 4));
SELECT cvwiz.jsonb_diff(jsonb_build_array(repeat('x', 60), repeat('y', 60)), jsonb_build_array(repeat('y', 60), repeat('x', 60)));
SELECT cvwiz.jsonb_diff('{}', NULL) IS NULL AND cvwiz.jsonb_diff(NULL, '{}') IS NULL AS null_of_null;

-- ---- objects ----

CREATE FUNCTION app.padded(d jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT d || jsonb_build_object('padding', repeat('x', 1000)) $$;
SELECT app.diff(padded(old::jsonb), padded(new::jsonb)), old, new FROM (VALUES
	('{}', '{"a": 1}'), ('{"a": 1}', '{}'), ('{"a": 1}', '{"a": 2}'), ('{"a": 1}', '{"b": 1}'), ('{"a": null}', '{}'), ('{}', '{"a": null}'), ('{"a": {}}', '{"a": []}'), ('{"a": {"b": {"c": 1, "d": 2}}}', '{"a": {"b": {"c": 1, "d": 3}}}'),
	('{"": 1, "/": 1, "~": 1, "~1": 1, "a b": 1, "\"": 1, "é": 1, "\n": 1}', '{"": 2, "/": 2, "~": 2, "~1": 2, "a b": 2, "\"": 2, "é": 2, "\n": 2}'),
	('{"a": 1}', '{"a": 1.0}'), ('{"a": 1.0}', '{"a": 1.00}'), ('{"a": 100000}', '{"a": 1e5}'), ('{"a": 0}', '{"a": -0}'), ('{"a": 0}', '{"a": 0.0}'), ('{"a": 1}', '{"a": "1"}'), ('{"a": true}', '{"a": false}'), ('{"a": "x"}', '{"a": "X"}'), ('{"a": "é"}', '{"a": "e\u0301"}')
) x(old, new);

-- ---- arrays ----

SELECT f AS items, o AS old, n AS new, app.diff(CASE f WHEN 'with ids' THEN with_ids(o) WHEN 'without' THEN without_ids(o) ELSE strings(o) END, CASE f WHEN 'with ids' THEN with_ids(n) WHEN 'without' THEN without_ids(n) ELSE strings(n) END)
FROM (VALUES (1, '', 'a'), (2, 'a', ''), (3, 'a b c', 'a b c'), (4, 'a b c', 'a c'), (5, 'a c', 'a b c'), (6, 'a b c d', 'd a b c'), (7, 'a b c d', 'b c d a'), (8, 'a b c d', 'd c b a'), (9, 'a b c', 'a b* c'), (10, 'a b c d', 'd* a b c'), (11, 'a b c d e f', 'f x b a* y e'),
	(12, 'a b c', 'a d c'), (13, 'a b c d e', 'x y'), (14, 'a b c d e f g h', 'a c b d f e g h'), (15, 'a a a', 'a a'), (16, 'a a b a', 'a b a a a'), (17, 'a b a b', 'b a b a'), (18, 'a b c', 'a* b* c*'), (19, 'a b c d', 'a x* y* d')) c(i, o, n),
	unnest('{with ids,without,strings}'::text[]) WITH ORDINALITY AS k(f, place) ORDER BY i, place;
-- an edit stands where its item is in the new array
SELECT app.diff(jsonb_build_object('work', with_ids('a b c d')), jsonb_build_object('work', with_ids('x d* a c*')));
-- what an id is: a string or a number, to its last zero, at the top of an object
CREATE FUNCTION app.of_ids(ids jsonb, edited int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$ SELECT jsonb_agg(jsonb_build_object('id', id, 'edited', CASE WHEN n = edited THEN 1 ELSE 0 END, 'text', repeat(id::text, 100)) ORDER BY n) FROM jsonb_array_elements(ids) WITH ORDINALITY AS x(id, n) $$;
SELECT old, new, edited, app.diff(of_ids(old::jsonb, 0), of_ids(new::jsonb, edited)) FROM (VALUES
	('[1, 2, 3]', '[3, 1, 2]', 1), ('["a", "b", "c"]', '["c", "a", "b"]', 1), ('[1, "1", 1.0]', '[1.0, 1, "1"]', 1), ('[null, true, [1]]', '[[1], null, true]', 1), ('[null, true, {"id": 1}]', '[null, true, {"id": 1}]', 3),
	-- of an id that is there twice, items are matched by their content, and those that are left by their place
	('[1, 1, 2]', '[2, 1, 1]', 0), ('[1, 1, 2]', '[1, 1, 2]', 2), ('[1, 2, 3]', '[1, 1, 3]', 2), ('[5, 1, 1, 6]', '[6, 5, 1, 1]', 4)
) x(old, new, edited);
-- other ids are other items; without ids they were edited
SELECT app.diff(of_ids('[1, 2]', 0), of_ids('[3, 4]', 0)), app.diff(padded(jsonb_build_object('a', of_ids('[1, 2]', 0), 'b', without_ids('a b'))), padded(jsonb_build_object('a', of_ids('[3, 4]', 0), 'b', without_ids('a* b*'))));
-- arrays of arrays, an array that becomes something else
SELECT app.diff(jsonb_build_array(strings('a b'), strings('c d'), strings('e f')), jsonb_build_array(strings('e f'), strings('a b'), strings('c x d')));
SELECT app.diff(padded('{"a": [[[[1, 2]]]]}'), padded('{"a": [[[[1, 3]]]]}')), app.diff(padded('{"a": [1]}'), padded('{"a": {"0": 1}}')), app.diff(strings('a b'), '{}'), app.diff('"a"', strings('a'));

-- ---- never longer than a replacement, of the whole or of a part ----

SELECT cvwiz.jsonb_diff(old::jsonb, new::jsonb), old, new FROM (VALUES ('{}', '[]'), ('1', '"a"'), ('{"a": 1}', '{"a": 2}'), ('[1, 2, 3]', '[3, 2, 1]'), ('[]', '[1]'), ('{"a": [1, 2, 3, 4], "b": "some words that are long enough to be left as they are"}', '{"a": [4, 3, 2, 1], "b": "some words that are long enough to be left as they are"}')) x(old, new);
-- the very length at which it turns: at 25 both are as long, and the operations stay
SELECT n, jsonb_array_length(d) AS operations, octet_length(d::text) AS length, octet_length(r::text) AS of_replacement FROM unnest('{0,23,24,25,26}'::int[]) n, LATERAL (SELECT jsonb_build_object('é"/~', 2, 'a', 2, 'p', repeat('x', n)) AS new) x,
	LATERAL (SELECT cvwiz.jsonb_diff(new || '{"é\"/~": 1, "a": 1}', new) AS d, jsonb_build_array(jsonb_build_object('op', 'replace', 'path', '', 'value', new)) AS r) y;

-- ---- large ones: all within seconds, where anything quadratic would take minutes ----

SET statement_timeout = '30s';
CREATE TABLE large AS SELECT to_jsonb(array_agg(i ORDER BY i)) AS numbers, to_jsonb(array_agg(i ORDER BY -i)) AS reversed, to_jsonb(array_agg(i ORDER BY md5(i::text))) AS shuffled, to_jsonb(array_agg(i ORDER BY (i + 1000) % 200000)) AS rotated, to_jsonb(array_agg(0)) AS equal, to_jsonb(array_agg(0) || 1) AS equal_but_one,
	to_jsonb(array_agg(CASE WHEN i % 2 = 0 THEN i ELSE -i END ORDER BY i)) AS half FROM generate_series(1, 200000) i;
SELECT jsonb_array_length(cvwiz.jsonb_diff(numbers, reversed)) AS reversed, jsonb_array_length(cvwiz.jsonb_diff(numbers, shuffled)) AS shuffled, jsonb_array_length(cvwiz.jsonb_diff(numbers, rotated)) AS rotated, jsonb_array_length(cvwiz.jsonb_diff(equal, equal_but_one)) AS equal, jsonb_array_length(cvwiz.jsonb_diff(equal, numbers)) AS other, jsonb_array_length(cvwiz.jsonb_diff(numbers, half)) AS half FROM large;
SELECT jsonb_array_length(cvwiz.jsonb_diff(a, b)) AS with_ids FROM (SELECT jsonb_agg(jsonb_build_object('id', i) ORDER BY i) AS a, jsonb_agg(jsonb_build_object('id', i, 'x', 1) ORDER BY md5(i::text)) AS b FROM generate_series(1, 200000) i) x;
SELECT cvwiz.jsonb_diff(a, b) = jsonb_build_array(jsonb_build_object('op', 'replace', 'path', '/k100', 'value', 0)) AS many_keys FROM (SELECT jsonb_object_agg('k' || i, i) AS a, jsonb_object_agg('k' || i, CASE i WHEN 100 THEN 0 ELSE i END) AS b FROM generate_series(1, 200000) i) x;
-- strings that were made to have one hash: of each pair either half leaves PostgreSQL's hash function in the same state
CREATE TABLE colliding AS SELECT n, (SELECT string_agg(CASE WHEN n >> (i::int - 1) & 1 = 0 THEN a ELSE b END, '' ORDER BY i)
	FROM unnest('{eOAeu5JpTXldHiGpShTdDTSL,viXx6GJ0nBECFxwkMxXpZomf,8mq3epGDhcxtarNDOj8K7XwR,JMqVSAMzNx5C6ADWSVbKJOyv,TzX9sxUO51gR91ZlRmSU6feD,Aa3Cxpgj6JNrK9Xcgah7gguN,GC6fr1Q9P7aGA4kC3Ks2saIf,LsacMKhWoUbP8Khvp4TWEcuh,wgFBdriUzsw99HSSiKc81LdN,gRIBd5S4IMkr6PaIPPHJl4YD,sVT2Z2Dz4IXtmLEjgJ48HMQg,sGn5HPChdHOlffikS3F2UKNQ,DjhIEN8y2Ip6bcCFPHFsZq6h,JnC3ZPCEia4NJEixgOPC8W8Z,wHXREguDUi033bJTaW8qZRI2,8MofzwxdQZ5d1yi6WoWDWdlq}'::text[],
		'{NC3vJtI3SL5a26E7KSBsXJHK,WwxCuCHCMz9qJGse43UaoNHR,bjqK5pJmFa7jmwcrnKwdWbiG,f6FKXNUeanqBJjnZgMRzlOLy,Sw91wpU32G0lEmUqswlSu3k3,w24fJa6m5SgG3eZxYm0IlrOF,af5QnvywV4b7FqFQQuOppkb2,eIqoOKXRcMBth8N0V2oecvhE,UI9iuFFzJh5APEdIpJELrB2c,NaGYXYj8KbH2JvPRL0eHwNag,M3EDzotLM0k5LMuGDF6lN7bG,xo2AuGqiSfJqRdXNE3RJrf2f,8PGrpnVf4vV6zOQONhqsGwCQ,77PXjhKi2ct1loUrmYBD2guh,PGi3zRi8XH8ND0XGDNNXbOiO,FIcateTUMuczJUxd6B8ENVDu}'::text[]) WITH ORDINALITY p(a, b, i)) AS text FROM generate_series(0, 65535) n;
SELECT count(DISTINCT text) AS texts, count(DISTINCT hashtext(text)) AS hashes FROM colliding;
SELECT jsonb_array_length(cvwiz.jsonb_diff(jsonb_agg(text ORDER BY n), jsonb_agg(text ORDER BY -n))) AS without_ids,
	jsonb_array_length(cvwiz.jsonb_diff(jsonb_agg(jsonb_build_object('id', text) ORDER BY n), jsonb_agg(jsonb_build_object('id', text) ORDER BY -n))) AS with_ids FROM colliding;
-- 10,000 items, not shorter to replace, and applied
CREATE TABLE texts AS SELECT i, jsonb_build_object('id', i, 't', repeat('x', 100)) AS item, jsonb_build_object('t', repeat(md5(i::text), 3)) AS anonymous FROM generate_series(1, 10000) i;
SELECT kind, cvwiz.jsonb_patch(old, patch)::text = new::text AS law, (SELECT string_agg(op || ' ' || n, ', ' ORDER BY op) FROM (SELECT o ->> 'op' AS op, count(*) AS n FROM jsonb_array_elements(patch) o GROUP BY 1) c) AS operations
FROM (SELECT 1 AS n, 'reversed' AS kind, jsonb_agg(item ORDER BY i) AS old, jsonb_agg(item ORDER BY -i) AS new FROM texts UNION ALL SELECT 2, 'shuffled', jsonb_agg(item ORDER BY i), jsonb_agg(item ORDER BY md5(i::text)) FROM texts
	UNION ALL SELECT 3, 'shuffled, without ids', jsonb_agg(anonymous ORDER BY i), jsonb_agg(anonymous ORDER BY md5(i::text)) FROM texts UNION ALL SELECT 4, 'rotated', jsonb_agg(item ORDER BY i), jsonb_agg(item ORDER BY (i + 10) % 10000) FROM texts
	UNION ALL SELECT 5, 'half removed', jsonb_agg(item ORDER BY i), jsonb_agg(item ORDER BY i) FILTER (WHERE i % 2 = 0) FROM texts UNION ALL SELECT 6, 'half edited', jsonb_agg(item ORDER BY i), jsonb_agg(CASE i % 2 WHEN 0 THEN item || '{"x": 1}' ELSE item END ORDER BY i) FROM texts
	UNION ALL SELECT 7, 'half replaced', jsonb_agg(item ORDER BY i), jsonb_agg(CASE i % 2 WHEN 0 THEN item || jsonb_build_object('id', -i) ELSE item END ORDER BY i) FROM texts UNION ALL SELECT 8, 'all edited, reversed', jsonb_agg(item ORDER BY i), jsonb_agg(item || '{"x": 1}' ORDER BY -i) FROM texts
) x, LATERAL (SELECT cvwiz.jsonb_diff(old, new) AS patch OFFSET 0) y ORDER BY n;
-- arrays in arrays, objects in objects
CREATE TABLE deep AS SELECT (repeat('[', 3000) || 1 || repeat(']', 3000))::jsonb AS arrays, (repeat('[', 3000) || 2 || repeat(']', 3000))::jsonb AS arrays_2, (repeat('{"a":', 3000) || '1' || repeat('}', 3000))::jsonb AS objects, (repeat('{"a":', 3000) || '2' || repeat('}', 3000))::jsonb AS objects_2;
SELECT length(cvwiz.jsonb_diff(arrays, arrays_2)::text) AS arrays, length(cvwiz.jsonb_diff(objects, objects_2)::text) AS objects FROM deep;
SELECT cvwiz.jsonb_patch(arrays, cvwiz.jsonb_diff(arrays, arrays_2))::text = arrays_2::text AS arrays, cvwiz.jsonb_patch(objects, cvwiz.jsonb_diff(objects, objects_2))::text = objects_2::text AS objects FROM deep;
RESET statement_timeout;
CREATE FUNCTION app.tried(old jsonb, new jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN length(cvwiz.jsonb_diff(old, new)::text);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SET max_stack_depth = '100kB';
SELECT app.tried(arrays, arrays_2), app.tried(objects, objects_2) FROM deep;
RESET max_stack_depth;

-- ---- in parallel workers ----

CREATE TABLE many AS SELECT n, jsonb_build_object('id', n, 'text', repeat('x', 100)) AS old, jsonb_build_object('id', n, 'text', repeat('x', 100), 'new', n) AS new FROM generate_series(1, 20000) n;
ALTER TABLE many SET (parallel_workers = 2);
ANALYZE many;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT count(*) FROM many WHERE cvwiz.jsonb_merge_patch(cvwiz.jsonb_patch(old, cvwiz.jsonb_diff(old, new)), '{}') = new;
SELECT count(*) FROM many WHERE cvwiz.jsonb_merge_patch(cvwiz.jsonb_patch(old, cvwiz.jsonb_diff(old, new)), '{}') = new;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
