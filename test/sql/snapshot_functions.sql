-- The functions on documents: size, validation, truncation, metadata only,
-- preparation, reconstruction, and the audit of a table.
\pset format unaligned
\pset footer off
\pset null -
CREATE EXTENSION cvwiz;
CREATE SCHEMA app;
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

-- An array of the numbers from..upto.
CREATE FUNCTION app.numbers(upto int, first int DEFAULT 1) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$ SELECT coalesce(jsonb_agg(n ORDER BY n), '[]') FROM generate_series(first, upto) n $$;

-- ---- snapshot_size ----

SELECT document, cvwiz.snapshot_size(document), cvwiz.snapshot_size(document) = octet_length(document::text) AS is_right
FROM unnest(ARRAY[
	'{}', '[]', 'null', 'true', 'false', '0', '""', '"x"', '-1.50', '1e3', '1e-3', '[[]]', '{"": {}}', '{"": ""}',
	'[1, 2]', '{"a": 1, "b": [true, false, null]}', '[{}, [], [[], {}]]', '{"a": {"b": {"c": "d"}}}',
	'"\"\\\/\b\f\n\r\t"', '"\u0001\u001f\u007f\u0080\u00e9\u20ac\ud83d\ude00"', '{"\n\u0002": "é€😀"}',
	'"a/b"', '[0.10, 00e0, -0, -0.0, 1E+2, 12345678901234567890.123456789]'
]::text[]) WITH ORDINALITY AS t(text, n), LATERAL (SELECT CASE WHEN text ~ '00e0' THEN replace(text, '00e0', '0e0') ELSE text END::jsonb AS document) d
ORDER BY n;

-- each byte alone, and at each place of a string that is looked through eight bytes at a time
SELECT count(*) AS strings, count(*) FILTER (WHERE cvwiz.snapshot_size(document) <> octet_length(document::text)) AS wrong
FROM generate_series(1, 255) c, generate_series(0, 17) place,
	LATERAL (SELECT to_jsonb(repeat('a', place) || chr(c) || repeat('b', 17 - place)) AS document) d;
SELECT count(*) AS pairs, count(*) FILTER (WHERE cvwiz.snapshot_size(document) <> octet_length(document::text)) AS wrong
FROM generate_series(1, 127) c1, generate_series(1, 127) c2,
	LATERAL (SELECT to_jsonb('abc' || chr(c1) || chr(c2) || 'def') AS document) d;
-- numbers of each length, on both sides of the point
SELECT count(*) AS numbers, count(*) FILTER (WHERE cvwiz.snapshot_size(document) <> octet_length(document::text)) AS wrong
FROM generate_series(0, 25) digits, generate_series(0, 25) scale, unnest('{1,-1,9,-9,5000,9999}'::numeric[]) factor,
	LATERAL (SELECT to_jsonb(round(factor * 10::numeric ^ digits / 7 * CASE WHEN scale % 2 = 0 THEN 1 ELSE 10::numeric ^ -digits / 1000 END, scale)) AS document) d;
SELECT number, cvwiz.snapshot_size(to_jsonb(number::numeric)) AS size, cvwiz.snapshot_size(to_jsonb(number::numeric)) = octet_length(number::numeric::text) AS is_right
FROM unnest('{1e131071,-1e131071,1e-16383,0e-16383,1e100,1.0e100,9999e100,10000e100,1e-100,-1e-100,0.0001,-0.00010,10000,9999,99999999}'::text[]) number;
-- more entries than there are between two offsets of an array, a short and a long one
SELECT n, cvwiz.snapshot_size(numbers(n)) = octet_length(numbers(n)::text) AS array_is_right,
	cvwiz.snapshot_size(o) = octet_length(o::text) AS object_is_right
FROM unnest('{31,32,33,63,64,65,1000}'::int[]) n,
	LATERAL (SELECT jsonb_object_agg('key' || i, CASE i % 5 WHEN 0 THEN to_jsonb(i) WHEN 1 THEN 'null' WHEN 2 THEN numbers(i % 7) WHEN 3 THEN 'true' ELSE to_jsonb('v' || i) END) AS o FROM generate_series(1, n) i) x;
-- toasted, compressed or not
CREATE TABLE stored (id int, document jsonb);
INSERT INTO stored VALUES (1, to_jsonb(repeat('x', 100000)));
ALTER TABLE stored ALTER document SET STORAGE external;
INSERT INTO stored VALUES (2, to_jsonb(repeat('y', 100000))), (3, '[1]');
SELECT id, cvwiz.snapshot_size(document) FROM stored ORDER BY id;
SELECT cvwiz.snapshot_size(NULL::jsonb);

-- 32 kB that print as 262 MB
CREATE TABLE huge AS SELECT ('[' || string_agg('1e131000', ', ') || ']')::jsonb AS document FROM generate_series(1, 2000);
SELECT pg_column_size(document) < 40000 AS is_small, cvwiz.snapshot_size(document) FROM huge;
SELECT cvwiz.validate_snapshot(document) ->> 'errors' AS errors FROM huge;
SELECT cvwiz.snapshot_size(cvwiz.truncate_snapshot(document, 2)) FROM huge;
SELECT (p.validation - 'recommendations')::text, cvwiz.snapshot_size(p.snapshot) FROM huge, cvwiz.prepare_snapshot_for_storage(document, max_array_length => 1) p;

-- ---- validate_snapshot ----

SELECT jsonb_pretty(cvwiz.validate_snapshot('{"a": 1}'));
SELECT jsonb_pretty(cvwiz.validate_snapshot(to_jsonb(repeat('x', 612343))));
SELECT jsonb_pretty(cvwiz.validate_snapshot(to_jsonb(repeat('x', 300000))));
-- "exceeds" is greater than: 10 bytes of text
SELECT max_size, warning_size, v -> 'valid' AS valid, v ->> 'errors' AS errors, v ->> 'warnings' AS warnings
FROM (VALUES (9, 9), (10, 9), (10, 10), (11, 10), (1, 1), (2147483647, 2147483647), (2147483647, 1)) l(max_size, warning_size),
	LATERAL cvwiz.validate_snapshot('"12345678"', max_size, warning_size) v;
-- a maximum below the setting's warning size is the warning size as well
SELECT v -> 'valid' AS valid, v ->> 'warnings' AS warnings FROM cvwiz.validate_snapshot('"12345678"', 10) v;
-- the settings, and their defaults
SELECT name, setting, unit, context FROM pg_settings WHERE name IN ('cvwiz.max_snapshot_size', 'cvwiz.warning_snapshot_size', 'cvwiz.max_array_length', 'cvwiz.compression_level', 'cvwiz.max_inflated_size', 'cvwiz.snapshot_notice') ORDER BY name;
SET cvwiz.max_snapshot_size = 9;
SET cvwiz.warning_snapshot_size = 8;
SET cvwiz.max_array_length = 2;
SELECT cvwiz.validate_snapshot('"12345678"') ->> 'errors', cvwiz.validate_snapshot('1234567.8') ->> 'warnings', cvwiz.validate_snapshot('[1,2,3]') ->> 'warnings';
RESET cvwiz.max_snapshot_size;
RESET cvwiz.warning_snapshot_size;
RESET cvwiz.max_array_length;

-- arrays: by path and length; never invalid for them
SELECT jsonb_pretty(cvwiz.validate_snapshot(jsonb_build_object('experiences',
	jsonb_build_array(1, 2, 3, jsonb_build_object('highlights', numbers(140))))));
SELECT w FROM jsonb_array_elements_text(cvwiz.validate_snapshot('[[1,2,3],{"a":[1,2]},[[1,2,3]],{"b c":{"":[1,2,3]}},{"x\"\n":[{"é":[1,2,3,4]}]}, {"a.b":[1,2,3],"a-b$_1":[1,2,3]}]', max_array_length => 2) -> 'warnings') w;
SELECT cvwiz.validate_snapshot('[1,2,3]', max_array_length => 3) -> 'warnings' AS at_the_limit, cvwiz.validate_snapshot('[1,2,3]', max_array_length => 2) -> 'valid' AS valid;
-- a hundred are named, the others counted
SELECT v -> 'valid' AS valid, jsonb_array_length(v -> 'warnings') AS warnings, v #>> '{warnings,99}' AS the_last_named, v #>> '{warnings,100}' AS the_others, jsonb_array_length(v -> 'recommendations') AS recommendations
FROM cvwiz.validate_snapshot((SELECT jsonb_agg('[1,2]'::jsonb) FROM generate_series(1, 1300)), max_array_length => 1) v;
-- a long path does not make a long validation
SELECT octet_length(cvwiz.validate_snapshot(jsonb_build_object(repeat('é', 100000), (SELECT jsonb_agg('[1,2]'::jsonb) FROM generate_series(1, 100))), max_array_length => 1)::text) < 1000000 AS is_short;
SELECT cvwiz.validate_snapshot('{"a": 1}') = cvwiz.validate_snapshot('{"a": 1}', NULL, NULL, NULL) AS is_the_same;
SELECT cvwiz.validate_snapshot(NULL);
SELECT d, cvwiz.validate_snapshot(d) FROM unnest(ARRAY['1', 'null', '"x"', '[]', '{}']::jsonb[]) d;

-- ---- truncate_snapshot ----

SELECT cvwiz.truncate_snapshot(numbers(103)) = numbers(103, 4) AS the_last_hundred;
SELECT cvwiz.truncate_snapshot('{"a": [1,2,3,4], "b": {"c": [[1,2,3],[4],[5,6,7],[]], "d": "e"}, "f": [{"g": [1,2,3], "h": 1}, null, {"i": []}]}', 2);
SELECT d, cvwiz.truncate_snapshot(d, 1) FROM unnest(ARRAY['1', 'null', '"x"', '[]', '{}', '[1]', '[1,2]', '[[1,2],[3,4]]', '{"":[1,2]}']::jsonb[]) d;
-- as it was, where there is nothing to cut
SELECT cvwiz.truncate_snapshot('{"b": [1.50, "\u0001é"], "a": -0.0}', 2);
SELECT cvwiz.truncate_snapshot(NULL), cvwiz.truncate_snapshot(NULL, 5, 'x');
-- what stays keeps its form: scale, order of keys, escapes
SELECT cvwiz.truncate_snapshot('[0, {"bb": 1.500, "a": "\u0001\"é", "c": {"d": [1, 2.0]}}]', 1);
-- recent_by: numbers by value, strings by bytes, in their order in the array
SELECT cvwiz.truncate_snapshot('[{"n":5},{"n":10},{"n":-1},{"n":7.5}]', 2, 'n');
SELECT cvwiz.truncate_snapshot('[{"at":"2024-03-01"},{"at":"2026-01-31"},{"at":"2025-12-31"},{"at":"2023"}]', 2, 'at');
-- of equals the last ones; without the key they go first, then null, booleans, numbers, strings
SELECT n, cvwiz.truncate_snapshot('[{"i":1,"k":1},{"i":2,"k":1},{"i":3,"k":1.0},{"i":4,"k":1}]', n, 'k') FROM generate_series(1, 4) n;
SELECT n, cvwiz.truncate_snapshot('[{"k":"a"},{"k":2},{"k":true},{"k":false},{"k":null},{"k":[9]},{"x":9},7,"z",[8]]', n, 'k') FROM generate_series(1, 10) n;
-- each level has its own greatest
SELECT cvwiz.truncate_snapshot('[{"k":3,"a":[{"k":2},{"k":1}]},{"k":9,"a":[{"k":4},{"k":5}]},{"k":1}]', 1, 'k');
SELECT cvwiz.truncate_snapshot('[{"":2},{"":3},{"":1}]', 1, ''), cvwiz.truncate_snapshot('[1,2,3]', 2, 'no such key');
SELECT jsonb_array_length(cvwiz.truncate_snapshot((SELECT jsonb_agg(jsonb_build_object('k', n * 7919 % 10007)) FROM generate_series(1, 10006) n), 100, 'k')) AS items,
	(SELECT min((x ->> 'k')::int) FROM jsonb_array_elements(cvwiz.truncate_snapshot((SELECT jsonb_agg(jsonb_build_object('k', n * 7919 % 10007)) FROM generate_series(1, 10006) n), 100, 'k')) x) AS smallest;

-- ---- compress_snapshot_metadata ----

SELECT cvwiz.compress_snapshot_metadata('{
	"name": "Ann", "empty": [], "none": null, "tags": ["a", "b", 3, null, true],
	"profile": {"id": "p1", "bio": "long", "order": 4, "nested": {"id": 1}},
	"work": [{"id": 1, "order": 2, "company": "X", "highlights": ["y"]}, "text", [{"id": 5, "z": 1}], {"company": "no id"}],
	"deep": {"skills": [{"id": "s", "name": "C"}]}}');
SELECT cvwiz.compress_snapshot_metadata('{"work": [{"id": 1, "order": 2, "company": "X", "tags": [{"id": 9, "x": 1}], "place": {"id": 3, "city": "B"}}], "profile": {"id": 1, "company": "Y", "bio": 1}}',
	fields => '{company,tags,place,NULL,"",no such}');
SELECT n, cvwiz.compress_snapshot_metadata('{"a": [{"id":1},{"id":2},{"id":3,"x":[1,2,3]}], "b": [1,2,3], "c": []}', n) FROM unnest('{1,2,3,4,2147483647,NULL}'::int[]) n;
SELECT d, cvwiz.compress_snapshot_metadata(d) FROM unnest(ARRAY['1', 'null', '"x"', '[]', '{}', '[1,{"id":1,"a":2}]', '{"":{"":1,"id":2}}']::jsonb[]) d;
SELECT cvwiz.compress_snapshot_metadata(NULL), cvwiz.compress_snapshot_metadata(NULL, 1, '{a}');
-- twice is once
SELECT cvwiz.compress_snapshot_metadata(once) = once AS is_the_same FROM cvwiz.compress_snapshot_metadata('{"a": [{"id": 1, "x": 2}], "b": {"id": 3, "y": 4}}') once;
-- the mark is set whatever was there
SELECT cvwiz.compress_snapshot_metadata('{"$reduced": false, "a": [{"id": 1, "x": 2}]}');
-- a key that reads like one, and is none
SELECT cvwiz.compress_snapshot_metadata('{"a": [{"id ": 1, "i": 2, "idx": 3, "ID": 4, "ordering": 5, "": 6}]}');

-- ---- prepare_snapshot_for_storage ----

CREATE FUNCTION app.prepared(document jsonb, forced boolean DEFAULT false, max_size int DEFAULT NULL, warning_size int DEFAULT NULL, max_array_length int DEFAULT NULL,
	OUT is_untouched boolean, OUT snapshot text, OUT validation jsonb) LANGUAGE sql AS
$$ SELECT p.snapshot = document, left(p.snapshot::text, 100), p.validation - 'recommendations'
FROM cvwiz.prepare_snapshot_for_storage(document, forced, max_size, warning_size, max_array_length) p $$;
-- within the warning size, also with long arrays
SELECT * FROM prepared('{"a": [1, 2, 3]}', max_array_length => 2);
SELECT * FROM prepared('{"a": [1, 2, 3]}', false, 16, 16, 2);
-- above it: truncated
SELECT * FROM prepared('{"a": [1, 2, 3]}', false, 20, 15, 2);
SELECT * FROM prepared('{"a": [1, 2, 3]}', false, 20, 15, 3);
-- truncated enough for the maximum
SELECT * FROM prepared('{"a": [1, 2, 3]}', false, 13, 13, 2);
-- still above the maximum: metadata only
SELECT * FROM prepared('{"a": [{"id": 1, "x": "1234567890"}, {"id": 2, "x": "1234567890"}, {"id": 3, "x": "1234567890"}]}', false, 60, 60, 2);
-- that can be too much as well, and is said
SELECT * FROM prepared('{"a": [{"id": 1, "x": "1234567890"}]}', false, 20, 20, 2);
-- nothing that could go: as it is
SELECT * FROM prepared('{"a": "1234567890"}', false, 10, 10, 2);
SELECT * FROM prepared('"1234567890"', false, 10, 10, 2);
SELECT * FROM prepared('[{"id": 1, "x": "1234567890"}]', false, 15, 10, 2);
-- forced
SELECT * FROM prepared('{"a": [{"id": 1, "x": 2}]}', true);
SELECT * FROM prepared('{"a": [{"id": 1, "x": 2}, {"id": 2}, {"id": 3}]}', true, max_array_length => 2);
SELECT * FROM prepared('{}', true);
SELECT * FROM prepared('1', true);
SELECT * FROM prepared('{"a": 1}', NULL);
SELECT snapshot, validation FROM cvwiz.prepare_snapshot_for_storage(NULL);
SELECT snapshot, validation FROM cvwiz.prepare_snapshot_for_storage(NULL, true, 5, 5, 5);
SELECT jsonb_pretty(validation) FROM cvwiz.prepare_snapshot_for_storage(to_jsonb(repeat('x', 612343)));
SELECT validation ->> 'recommendations' FROM cvwiz.prepare_snapshot_for_storage(to_jsonb(repeat('x', 300000)));

-- ---- reconstruct_snapshot ----

CREATE TABLE live (document jsonb);
INSERT INTO live VALUES ('{
	"name": "Ann", "profile": {"id": "p1", "bio": "long"}, "settings": {"theme": {"id": 1, "css": "x"}},
	"work": [{"id": 2, "company": "Y"}, {"id": 1, "company": "X", "highlights": ["h", {"id": 5}]}, {"company": "no id"}],
	"deep": {"skills": [{"id": "s", "name": "C"}, {"id": "1", "name": "a string, not a number"}]}}');
-- all of it
SELECT cvwiz.reconstruct_snapshot(cvwiz.compress_snapshot_metadata(d), document) - '$missing' = d AS is_whole FROM live, LATERAL (SELECT document - 'deep' - 'settings' #- '{work,2}' AS d) x;
SELECT cvwiz.reconstruct_snapshot(cvwiz.compress_snapshot_metadata(document), document) FROM live;
-- what is no longer there stays as it is, and is counted; other paths don't match
SELECT cvwiz.reconstruct_snapshot('{"$reduced": true, "name": "Old", "work": [{"id": 1}, {"id": 3, "order": 1}, "text", [1], {}], "jobs": [{"id": 1}], "deep": {"skills": [{"id": 1}, {"id": "1"}], "more": [{"id": 1}, {"id": 2}]}}', document) FROM live;
-- an object keeps what it had: an item that came later is none of this document's
SELECT cvwiz.reconstruct_snapshot(cvwiz.compress_snapshot_metadata('{"deep": {"skills": [{"id": "s", "x": 1}, {"id": "t", "x": 2}]}}', fields => '{skills}'),
	'{"deep": {"skills": [{"id": "t", "x": 2}, {"id": "new"}]}}');
-- numbers by value
SELECT cvwiz.reconstruct_snapshot('{"$reduced": true, "a": [{"id": 1}, {"id": 2.00}, {"id": true}, {"id": null}, {"id": [1]}]}', '{"a": [{"id": 1.0, "x": 1}, {"id": 2, "x": 2}, {"id": true, "x": 3}, {"id": null, "x": 4}, {"id": [1], "x": 5}]}');
-- of two with one id the first
SELECT cvwiz.reconstruct_snapshot('{"$reduced": true, "a": [{"id": 1}, {"id": 1}]}', '{"a": [{"id": 1, "x": 1}, {"id": 1, "x": 2}]}');
-- the live document has another shape, or is none
SELECT d, cvwiz.reconstruct_snapshot('{"$reduced": true, "a": [{"id": 1}], "b": {"c": [{"id": 1}]}}', d) FROM unnest(ARRAY[NULL, '1', '"a"', 'null', '[]', '{}', '[{"id":1}]', '{"a":1,"b":[]}', '{"a":{"id":1},"b":{"c":{}}}']::jsonb[]) d;
-- documents that were not reduced come back unchanged
SELECT cvwiz.reconstruct_snapshot(d, '{"a": [{"id": 1, "x": 1}]}') IS NOT DISTINCT FROM d AS is_unchanged, d
FROM unnest(ARRAY['1', 'null', '[]', '{}', '{"a":[{"id":1}]}', '{"$reduced":false,"a":[{"id":1}]}', '{"$reduced":"true","a":[{"id":1}]}', '[{"$reduced":true}]', '{"b":{"$reduced":true}}', NULL]::jsonb[]) d;
-- an old count is replaced
SELECT cvwiz.reconstruct_snapshot('{"$reduced": true, "$missing": 7, "a": [{"id": 9}]}', '{}');
-- many items
SELECT jsonb_array_length(r -> 'a') AS items, r -> '$missing' AS missing, r #> '{a,0}' AS first, r #> '{a,19999}' AS last
FROM cvwiz.reconstruct_snapshot(jsonb_build_object('$reduced', true, 'a', (SELECT jsonb_agg(jsonb_build_object('id', n)) FROM generate_series(1, 20000) n)),
	jsonb_build_object('a', (SELECT jsonb_agg(jsonb_build_object('id', n, 'x', -n) ORDER BY n * 7919 % 20011) FROM generate_series(10001, 30000) n))) r;

-- ---- deep documents ----

CREATE TABLE deep AS SELECT n, repeat('[', n) || repeat(']', n) AS arrays, repeat('{"a":', n) || '1' || repeat('}', n) AS objects,
	repeat('{"a":[1,', n / 2) || '[1,2,3]' || repeat(']}', n / 2) AS mixed FROM unnest('{100,3000}'::int[]) n;
SELECT n, cvwiz.snapshot_size(arrays::jsonb) AS arrays, cvwiz.snapshot_size(objects::jsonb) AS objects, cvwiz.snapshot_size(mixed::jsonb) AS mixed,
	cvwiz.truncate_snapshot(mixed::jsonb, 2) = replace(mixed, '[1,2,3]', '[2,3]')::jsonb AS truncated,
	cvwiz.compress_snapshot_metadata(objects::jsonb) AS metadata,
	jsonb_array_length(cvwiz.validate_snapshot(mixed::jsonb, max_array_length => 1) -> 'warnings') AS warnings,
	cvwiz.reconstruct_snapshot(jsonb_build_object('$reduced', true, 'a', objects::jsonb), '{"a": 1}') -> 'a' = objects::jsonb AS reconstructed,
	cvwiz.gunzip(cvwiz.gzip(mixed::jsonb)) = mixed::jsonb AS gunzipped, mixed::cvwiz.zjsonb::jsonb = mixed::jsonb AS inflated
FROM deep;
-- As deep as it may get: right, or a clear error.
SELECT f, CASE WHEN e IN ('no error', '54001: stack depth limit exceeded') THEN 'right or refused' ELSE e END AS outcome
FROM unnest(ARRAY['cvwiz.snapshot_size(d)', 'cvwiz.validate_snapshot(d, max_array_length => 1)', 'cvwiz.truncate_snapshot(d, 1)', 'cvwiz.truncate_snapshot(d, 1, ''a'')', 'cvwiz.compress_snapshot_metadata(d, 1, ''{a}'')',
	'cvwiz.prepare_snapshot_for_storage(d, true)', 'cvwiz.reconstruct_snapshot(d || ''{"$reduced": true}'', d)', 'cvwiz.has_long_arrays(d, 5)', 'd::cvwiz.zjsonb::jsonb', 'cvwiz.gunzip(cvwiz.gzip(d))']) f,
	unnest('{5000,10000,20000}'::int[]) n,
	LATERAL (SELECT split_part(error_of(format('WITH x AS MATERIALIZED (SELECT (repeat(''{"a":[1,'', %1$s / 2) || ''1'' || repeat('']}'', %1$s / 2))::jsonb AS d) SELECT %2$s FROM x', n, f)), E'\n', 1) AS e) x
GROUP BY 1, 2 ORDER BY f COLLATE "C", 2;

-- ---- bad limits ----

SELECT call, error_of('SELECT cvwiz.' || call) AS error FROM unnest(ARRAY[
	$$validate_snapshot('{}', 0)$$, $$validate_snapshot('{}', -1)$$, $$validate_snapshot('{}', 10, 0)$$, $$validate_snapshot('{}', 10, 11)$$,
	$$validate_snapshot('{}', warning_size => 512001)$$, $$validate_snapshot('{}', warning_size => -2147483648)$$, $$validate_snapshot('{}', max_array_length => 0)$$,
	$$truncate_snapshot('{}', 0)$$, $$truncate_snapshot('{}', -5)$$, $$compress_snapshot_metadata('{}', 0)$$, $$compress_snapshot_metadata('{}', -1)$$,
	$$prepare_snapshot_for_storage('{}', false, 0)$$, $$prepare_snapshot_for_storage('{}', false, 10, 20)$$, $$prepare_snapshot_for_storage('{}', max_array_length => -1)$$]) call;
SELECT setting, left(error_of('SET cvwiz.' || setting), 5) AS sqlstate
FROM unnest(ARRAY['max_snapshot_size = 0', 'max_snapshot_size = -1', 'warning_snapshot_size = ''3GB''', 'max_array_length = 0', 'max_array_length = ''ten''', 'compression_level = 0', 'compression_level = 10',
	'max_inflated_size = 0', 'max_inflated_size = ''1GB''', 'snapshot_notice = ''error''']) setting;
SET cvwiz.warning_snapshot_size = 600000;
SELECT error_of($$SELECT cvwiz.validate_snapshot('{}')$$);
SELECT cvwiz.validate_snapshot('{}', warning_size => 5) -> 'valid' AS valid;
RESET cvwiz.warning_snapshot_size;

-- ---- audit_existing_snapshots ----

-- Of each type; sizes of 2 to 1000 bytes of text, an array of 5 and one of 101.
CREATE TABLE documents (id int, document jsonb);
INSERT INTO documents SELECT n, to_jsonb(repeat('x', n - 2)) FROM unnest('{100,200,300,500,700,1000}'::int[]) n;
INSERT INTO documents VALUES (-1, numbers(5)), (-2, jsonb_build_object('a', numbers(101))), (-3, NULL), (-4, '{}');
CREATE TABLE audited (id int, "a jsonb" jsonb, "A Json" json, z cvwiz.zjsonb, t text);
INSERT INTO audited SELECT id, document, document, document, 'x' FROM documents;
SET cvwiz.max_snapshot_size = 500;
SET cvwiz.warning_snapshot_size = 200;
SELECT c, a.total, a.oversized, a.warning_size, a.long_arrays, a.total_size_bytes, a.avg_size_bytes, a.max_size_bytes, a.stored_bytes > 0 AS stored, a.compression_ratio > 0 AS ratio
FROM unnest('{"a jsonb","A Json",z}'::name[]) c, cvwiz.audit_existing_snapshots('audited', c) a;
SELECT a.stored_bytes = s.stored AS stored_is_right, a.compression_ratio = round(a.total_size_bytes::numeric / s.stored, 2) AS ratio_is_right
FROM cvwiz.audit_existing_snapshots('audited', 'z') a, (SELECT sum(pg_column_size(z)) AS stored FROM audited) s;
SELECT unnest(recommendations) FROM cvwiz.audit_existing_snapshots('audited', 'a jsonb');
RESET cvwiz.max_snapshot_size;
RESET cvwiz.warning_snapshot_size;
-- none, and only NULL
CREATE TABLE empty (document jsonb);
SELECT * FROM cvwiz.audit_existing_snapshots('empty', 'document');
INSERT INTO empty VALUES (NULL);
SELECT * FROM cvwiz.audit_existing_snapshots('empty', 'document');
-- large ones are recommended to be compressed
CREATE TABLE large AS SELECT jsonb_build_object('text', string_agg(md5(n::text), ' ')) AS document FROM generate_series(1, 1000) n;
SELECT total, recommendations FROM cvwiz.audit_existing_snapshots('large', 'document');
-- partitioned, a view, a domain, names that need quotes, and that read like others
CREATE DOMAIN app."Doc" AS jsonb;
CREATE TABLE "Parts ""%s""" (id int, "size %d" app."Doc") PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF "Parts ""%s""" FOR VALUES FROM (0) TO (10);
INSERT INTO "Parts ""%s""" VALUES (1, '[1]'), (2, '[2]');
CREATE VIEW seen AS SELECT id, "size %d" AS d FROM part WHERE id = 1;
SELECT total, total_size_bytes FROM cvwiz.audit_existing_snapshots('"Parts ""%s"""', 'size %d');
SELECT total, total_size_bytes FROM cvwiz.audit_existing_snapshots('part', 'size %d');
SELECT total, total_size_bytes FROM cvwiz.audit_existing_snapshots('seen', 'd');
CREATE TABLE named (size jsonb, stored json, long cvwiz.zjsonb, d jsonb, s jsonb);
INSERT INTO named VALUES ('[1]', '[1]', '[1]', '[1]', '[1]');
SELECT c, total, total_size_bytes FROM unnest('{size,stored,long,d,s}'::name[]) c, cvwiz.audit_existing_snapshots('named', c);
-- a json that is no jsonb does not end the audit
CREATE TABLE odd (document json);
INSERT INTO odd VALUES ('{"a": "\u0000"}'), ('[1e200000, 2, 3]'), ('[1, 2]');
SET cvwiz.max_array_length = 2;
SELECT total, total_size_bytes, long_arrays, recommendations FROM cvwiz.audit_existing_snapshots('odd', 'document');
RESET cvwiz.max_array_length;
-- with an empty search_path, and NULL
SET search_path = '';
SELECT total FROM cvwiz.audit_existing_snapshots('app.part', 'size %d');
SET search_path = app;
SELECT count(*) FROM cvwiz.audit_existing_snapshots(NULL, 'document');
SELECT count(*) FROM cvwiz.audit_existing_snapshots('empty', NULL);
SELECT call, error_of('SELECT cvwiz.audit_existing_snapshots' || call) AS error FROM unnest(ARRAY[
	$$('empty', 'nope')$$, $$('audited', 't')$$, $$('audited', 'ctid')$$, $$('audited', 'a')$$, $$(0, 'a')$$, $$('nope', 'a')$$]) call;
-- with the caller's rights
CREATE ROLE regress_cvwiz_reader;
GRANT USAGE ON SCHEMA app TO regress_cvwiz_reader;
GRANT SELECT (id) ON audited TO regress_cvwiz_reader;
CREATE TABLE owned (id int, document jsonb);
INSERT INTO owned VALUES (1, '[1]'), (2, '[2]');
ALTER TABLE owned ENABLE ROW LEVEL SECURITY;
CREATE POLICY one ON owned USING (id = 1);
GRANT SELECT ON owned TO regress_cvwiz_reader;
SET ROLE regress_cvwiz_reader;
SELECT total FROM cvwiz.audit_existing_snapshots('app.owned', 'document');
SELECT statement, app.error_of(statement) AS error FROM unnest(ARRAY[
	'SELECT cvwiz.audit_existing_snapshots(''app.audited'', ''z'')', 'SET cvwiz.max_snapshot_size = 1000', 'SET cvwiz.warning_snapshot_size = 1000', 'SET cvwiz.max_array_length = 1000',
	'SET cvwiz.max_inflated_size = 1000', 'SET cvwiz.compression_level = 9', 'SET cvwiz.snapshot_notice = off',
	'SELECT cvwiz.add_snapshot_limits(''app.owned'', ''document'')', 'SELECT cvwiz.remove_snapshot_limits(''app.owned'', ''document'')']) statement;
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
DROP ROLE regress_cvwiz_reader;
