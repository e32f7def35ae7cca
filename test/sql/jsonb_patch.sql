-- cvwiz.jsonb_patch(): RFC 6902 and 6901, from the appendices to the traps.
-- cvwiz.jsonb_merge_patch(): RFC 7396.
\pset format unaligned
\pset footer off
CREATE EXTENSION cvwiz;
CREATE SCHEMA app;
SET search_path = app;

-- the result, or the SQLSTATE and the message
CREATE FUNCTION app.patched(d jsonb, patch jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN cvwiz.jsonb_patch(d, patch);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

CREATE FUNCTION app.merged(d jsonb, patch jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN cvwiz.jsonb_merge_patch(d, patch);
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

-- ---- appendix A of RFC 6902 ----

SELECT example, app.patched(d::jsonb, patch::jsonb) FROM (VALUES
	('A.1 add a member', '{"foo": "bar"}', '[{"op": "add", "path": "/baz", "value": "qux"}]'),
	('A.2 add an item', '{"foo": ["bar", "baz"]}', '[{"op": "add", "path": "/foo/1", "value": "qux"}]'),
	('A.3 remove a member', '{"baz": "qux", "foo": "bar"}', '[{"op": "remove", "path": "/baz"}]'),
	('A.4 remove an item', '{"foo": ["bar", "qux", "baz"]}', '[{"op": "remove", "path": "/foo/1"}]'),
	('A.5 replace', '{"baz": "qux", "foo": "bar"}', '[{"op": "replace", "path": "/baz", "value": "boo"}]'),
	('A.6 move a value', '{"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}}', '[{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}]'),
	('A.7 move an item', '{"foo": ["all", "grass", "cows", "eat"]}', '[{"op": "move", "from": "/foo/1", "path": "/foo/3"}]'),
	('A.8 test: success', '{"baz": "qux", "foo": ["a", 2, "c"]}', '[{"op": "test", "path": "/baz", "value": "qux"}, {"op": "test", "path": "/foo/1", "value": 2}]'),
	('A.9 test: error', '{"baz": "qux"}', '[{"op": "test", "path": "/baz", "value": "bar"}]'),
	('A.10 add a nested object', '{"foo": "bar"}', '[{"op": "add", "path": "/child", "value": {"grandchild": {}}}]'),
	('A.11 unknown members', '{"foo": "bar"}', '[{"op": "add", "path": "/baz", "value": "qux", "xyz": 123}]'),
	('A.12 no parent', '{"foo": "bar"}', '[{"op": "add", "path": "/baz/bat", "value": "qux"}]'),
	('A.13 two ops: jsonb takes the last one', '{"foo": "bar"}', '[{"op": "add", "path": "/baz", "value": "qux", "op": "remove"}]'),
	('A.14 ~ escape', '{"/": 9, "~1": 10}', '[{"op": "test", "path": "/~01", "value": 10}]'),
	('A.15 strings and numbers', '{"/": 9, "~1": 10}', '[{"op": "test", "path": "/~01", "value": "10"}]'),
	('A.16 add an array', '{"foo": ["bar"]}', '[{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}]')
) e(example, d, patch);

-- ---- RFC 6901: the pointers of its section 5 ----

SELECT path, app.patched('{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8}',
	jsonb_build_array(jsonb_build_object('op', 'copy', 'from', path, 'path', ''))) AS value
FROM unnest('{"",/foo,/foo/0,/,/a~1b,/c%d,/e^f,/g|h,"/i\\j","/k\"l","/ ",/m~0n,/foo/2,/foo/-,/m~n,/m~,/a~2b,foo,#/foo,/foo/0/,//}'::text[]) path;
-- ~01 is ~1, not /
SELECT app.patched('{"~1": "tilde one", "/": "slash", "~": "tilde", "~0": "tilde zero"}', jsonb_build_array(jsonb_build_object('op', 'copy', 'from', path, 'path', ''))), path FROM unnest('{/~01,/~1,/~0,/~00}'::text[]) path;
-- what is an index of an array, and what of the same is a key of an object
SELECT token, app.patched('[["a", "b"], {"-1": 1, "00": 2, "01": 3, "1e0": 4, "-": 5, "1.0": 6, " 1": 7, "+1": 8, "": 9, "99999999999999999999": 10}]', jsonb_build_array(jsonb_build_object('op', 'copy', 'from', '/0/' || token, 'path', ''))) AS array,
	app.patched('[["a", "b"], {"-1": 1, "00": 2, "01": 3, "1e0": 4, "-": 5, "1.0": 6, " 1": 7, "+1": 8, "": 9, "99999999999999999999": 10}]', jsonb_build_array(jsonb_build_object('op', 'copy', 'from', '/1/' || token, 'path', ''))) AS object
FROM unnest('{-1,00,01,1e0,-,1.0," 1",+1,"",99999999999999999999}'::text[]) token;

-- ---- each operation ----

SELECT app.patched(d::jsonb, patch::jsonb) AS add, d, patch FROM (VALUES
	('{"a": 1}', '[{"op": "add", "path": "", "value": [2]}]'),
	('"a"', '[{"op": "add", "path": "", "value": 1}]'),
	('1', '[{"op": "add", "path": "/a", "value": 1}]'),
	('{"a": 1}', '[{"op": "add", "path": "/", "value": 2}]'),
	('{"a": 1}', '[{"op": "add", "path": "/a", "value": null}]'),
	('{"a": 1}', '[{"op": "add", "path": "/a"}]'),
	('{"a": 1}', '[{"op": "add", "path": "/-", "value": 2}]'),
	('{"a": 1}', '[{"op": "add", "path": "/a/b", "value": 2}]'),
	('{"a": null}', '[{"op": "add", "path": "/a/b", "value": 2}]'),
	('[]', '[{"op": "add", "path": "/0", "value": 1}]'),
	('[1, 2]', '[{"op": "add", "path": "/0", "value": 0}]'),
	('[1, 2]', '[{"op": "add", "path": "/2", "value": 3}]'),
	('[1, 2]', '[{"op": "add", "path": "/3", "value": 4}]'),
	('[1, 2]', '[{"op": "add", "path": "/-", "value": 3}, {"op": "add", "path": "/3", "value": 4}]'),
	('[1, 2]', '[{"op": "add", "path": "/-1", "value": 4}]'),
	('[1, 2]', '[{"op": "add", "path": "/01", "value": 4}]'),
	('[1, 2]', '[{"op": "add", "path": "/4294967297", "value": 4}]'),
	('[1, 2]', '[{"op": "add", "path": "/-/0", "value": 4}]'),
	('[[1], {"k": []}]', '[{"op": "add", "path": "/1/k/-", "value": {"x": {}}}, {"op": "add", "path": "/1/k/0/x/y", "value": 3}]')
) e(d, patch);
SELECT app.patched(d::jsonb, patch::jsonb) AS remove_or_replace, d, patch FROM (VALUES
	('{"a": 1}', '[{"op": "remove", "path": ""}]'),
	('{"a": 1}', '[{"op": "remove", "path": "/b"}]'),
	('{"": 1, "a": 2}', '[{"op": "remove", "path": "/"}]'),
	('[1, 2, 3]', '[{"op": "remove", "path": "/0"}, {"op": "remove", "path": "/0"}, {"op": "remove", "path": "/0"}]'),
	('[1, 2, 3]', '[{"op": "remove", "path": "/3"}]'),
	('[1, 2, 3]', '[{"op": "remove", "path": "/-"}]'),
	('{"a": 1}', '[{"op": "replace", "path": "", "value": "a string"}]'),
	('{"a": 1}', '[{"op": "replace", "path": "/a", "value": null}]'),
	('{"a": 1}', '[{"op": "replace", "path": "/a"}]'),
	('{"a": 1}', '[{"op": "replace", "path": "/b", "value": 2}]'),
	('[1, 2, 3]', '[{"op": "replace", "path": "/1", "value": [2]}]'),
	('[1, 2, 3]', '[{"op": "replace", "path": "/3", "value": 4}]'),
	('[1, 2, 3]', '[{"op": "replace", "path": "/-", "value": 4}]'),
	('{"a": {"b": 1}}', '[{"op": "replace", "path": "/a/b/c", "value": 2}]')
) e(d, patch);
SELECT app.patched(d::jsonb, patch::jsonb) AS move_or_copy, d, patch FROM (VALUES
	('{"a": {"b": 1}}', '[{"op": "move", "from": "/a", "path": "/a/b"}]'),
	('{"a": {"b": 1}}', '[{"op": "move", "from": "", "path": "/a"}]'),
	('{"a": {"b": 1}}', '[{"op": "move", "from": "/a", "path": "/a"}]'),
	('{"a": {"b": 1}}', '[{"op": "move", "from": "", "path": ""}]'),
	('{"a": {"b": 1}}', '[{"op": "move", "from": "/c", "path": "/c"}]'),
	('{"a": 1, "ab": 2}', '[{"op": "move", "from": "/a", "path": "/ab"}]'),
	('{"a": {"b": 1}}', '[{"op": "move", "from": "/a/b", "path": ""}]'),
	('{"a": {"b": 1}}', '[{"op": "move", "from": "/a/b", "path": "/a"}]'),
	('[1, 2, 3, 4]', '[{"op": "move", "from": "/0", "path": "/3"}]'),
	('[1, 2, 3, 4]', '[{"op": "move", "from": "/0", "path": "/-"}]'),
	('[1, 2, 3, 4]', '[{"op": "move", "from": "/3", "path": "/0"}]'),
	('[1, 2, 3, 4]', '[{"op": "move", "from": "/0", "path": "/4"}]'),
	('[1, 2, 3, 4]', '[{"op": "move", "from": "/-", "path": "/0"}]'),
	('[[1], [2]]', '[{"op": "move", "from": "/0", "path": "/1/0"}]'),
	('[[1], [2]]', '[{"op": "move", "from": "/0", "path": "/0/0"}]'),
	('{"a": 1}', '[{"op": "move", "path": "/b"}]'),
	('{"a": 1}', '[{"op": "copy", "from": 1, "path": "/b"}]'),
	('{"a": 1}', '[{"op": "copy", "from": "a", "path": "/b"}]'),
	('{"a": 1}', '[{"op": "copy", "from": "/b", "path": "/c"}]'),
	('{"a": [1]}', '[{"op": "copy", "from": "/a", "path": "/a/0"}]'),
	('{"a": [1]}', '[{"op": "copy", "from": "", "path": "/a/-"}]'),
	('[1, 2]', '[{"op": "copy", "from": "/1", "path": "/0"}]'),
	('[1, 2]', '[{"op": "copy", "from": "/0", "path": "/3"}]'),
	('{"a": {"b": [1, 2]}}', '[{"op": "copy", "from": "/a/b", "path": "/a"}, {"op": "move", "from": "/a/1", "path": ""}]')
) e(d, patch);
-- what was copied is no longer the same
SELECT app.patched('{"a": {"b": [1]}}', '[{"op": "copy", "from": "/a", "path": "/c"}, {"op": "add", "path": "/c/b/-", "value": 2}, {"op": "copy", "from": "/c", "path": "/d"}, {"op": "replace", "path": "/a/b/0", "value": 0}, {"op": "remove", "path": "/c/b/0"}, {"op": "add", "path": "/d/e", "value": {}}]');
SELECT app.patched('{"a": [{"b": 1}]}', '[{"op": "copy", "from": "", "path": "/a/0/c"}, {"op": "copy", "from": "/a", "path": "/a/0/c/d"}, {"op": "replace", "path": "/a/0/c/d/0/b", "value": 2}, {"op": "remove", "path": "/a/0/c/a"}]');
SELECT app.patched(d::jsonb, patch::jsonb) AS test, d, patch FROM (VALUES
	('{"a": 1}', '[{"op": "test", "path": "/a", "value": 1.00}]'),
	('{"a": 1.0}', '[{"op": "test", "path": "", "value": {"a": 1}}]'),
	('{"a": 1}', '[{"op": "test", "path": "/a", "value": true}]'),
	('{"a": null}', '[{"op": "test", "path": "/a", "value": null}]'),
	('{"a": null}', '[{"op": "test", "path": "/a"}]'),
	('{}', '[{"op": "test", "path": "/a", "value": null}]'),
	('{"a": {"x": 1, "y": [1, {"z": "é"}]}}', '[{"op": "test", "path": "/a", "value": {"y": [1.0, {"z": "\u00e9"}], "x": 1}}]'),
	('[1, 2]', '[{"op": "test", "path": "", "value": [2, 1]}]'),
	('[]', '[{"op": "test", "path": "", "value": {}}]'),
	('{"a": {"b": 1}}', '[{"op": "add", "path": "/a/c", "value": 2}, {"op": "test", "path": "/a", "value": {"b": 1.0, "c": 2}}, {"op": "test", "path": "/a", "value": {"b": 1, "d": 2}}]'),
	('[[1], 2]', '[{"op": "add", "path": "/0/-", "value": 2}, {"op": "test", "path": "", "value": [[1, 2.0], 2]}, {"op": "test", "path": "", "value": [[1, 2], 2, 3]}]'),
	('[[1], 2]', '[{"op": "add", "path": "/0/-", "value": 2}, {"op": "test", "path": "", "value": {"0": [1, 2]}}]'),
	('{"a": "A"}', '[{"op": "test", "path": "/a", "value": "a"}]'),
	('{"": {"": 1}}', '[{"op": "test", "path": "//", "value": 1}]')
) e(d, patch);

-- ---- the whole patch or nothing; what comes first fails first ----

SELECT app.patched('{"a": 1}', '[]'), app.patched('"a"', '[]'), app.patched('[]', '[]');
SELECT app.patched('{"a": 1}', '[{"op": "replace", "path": "/a", "value": 2}, {"op": "remove", "path": "/b"}, {"op": "?"}]');
SELECT app.patched('{"a": 1}', '[{"op": "replace", "path": "/a", "value": 2}, {"op": "?"}, {"op": "remove", "path": "/b"}]');
CREATE TABLE document (d jsonb);
INSERT INTO document VALUES ('{"a": 1}');
UPDATE document SET d = cvwiz.jsonb_patch(d, '[{"op": "replace", "path": "/a", "value": 2}, {"op": "test", "path": "/a", "value": 1}]');
SELECT * FROM document;

-- ---- malformed patches ----

SELECT patch, app.patched('{"a": 1}', patch::jsonb) FROM unnest(ARRAY['{}', '{"op": "remove", "path": "/a"}', 'null', '"[]"', '1', '[null]', '[[]]', '[1]', '["remove"]', '[{}]', '[{"op": null, "path": "/a"}]', '[{"op": ["add"], "path": "/a"}]',
	'[{"op": "Remove", "path": "/a"}]', '[{"op": "", "path": "/a"}]', '[{"op": "removes", "path": "/a"}]', '[{"op": "spam", "path": 1}]', '[{"op": "remove"}]', '[{"op": "remove", "path": null}]', '[{"op": "remove", "path": ["a"]}]', '[{"op": "remove", "path": "a"}]',
	'[{"op": "remove", "path": "/a~"}]', '[{"op": "remove", "path": "/~a"}]', '[{"op": "move", "from": null, "path": "/b"}]', '[{"op": "copy", "from": "/~3", "path": "/b"}]', '[{"OP": "remove", "path": "/a"}]']) patch;
-- what an operation does not use is not looked at
SELECT app.patched('{"a": 1}', '[{"op": "remove", "path": "/a", "from": 1, "value": []}, {"op": "add", "path": "/b", "from": "x", "value": 1}]');
SELECT cvwiz.jsonb_patch('{"a": 1}', NULL) IS NULL AND cvwiz.jsonb_patch(NULL, '[]') IS NULL AS null_of_null;
-- the message and the detail; a long pointer is clipped, between two characters
SELECT cvwiz.jsonb_patch('{"a": {"b": []}}', '[{"op": "test", "path": "/a/b", "value": []}, {"op": "add", "path": "/a/b/1", "value": 1}]');
SELECT cvwiz.jsonb_patch('{}', '"[]"');
SELECT app.patched('{}', jsonb_build_array(jsonb_build_object('op', 'remove', 'path', '/' || repeat('é', 1000))));
SELECT app.patched('{}', '[{"op": "remove", "path": "/%s%n %d"}]');

-- ---- numbers, keys, order ----

-- what is not touched stays as it is, to the last zero; keys are in jsonb's order
SELECT app.patched('{"n": [1.00, 1e5, -0, 1e-7], "bb": 1, "é": 2}', '[{"op": "add", "path": "/a", "value": 2.50}, {"op": "add", "path": "/ccc", "value": "\u001f"}, {"op": "add", "path": "/😀", "value": 3}, {"op": "move", "from": "/n/3", "path": "/n/0"}]');
-- as jsonb itself has them
SELECT cvwiz.jsonb_patch('{}', jsonb_agg(jsonb_build_object('op', 'add', 'path', '/' || k, 'value', n) ORDER BY n))::text = jsonb_object_agg(k, n)::text AS same_order FROM (SELECT n, md5(n::text) || repeat('x', n % 7) AS k FROM generate_series(1, 500) n) x;

-- ---- limits ----

-- each copy doubles the document: 60 of them end at what jsonb has room for
SELECT regexp_replace(app.patched('["x"]', (SELECT jsonb_agg('{"op": "copy", "from": "", "path": "/-"}'::jsonb) FROM generate_series(1, 60))), '^54000 operation 2[0-9]', '54000 operation 2n');
SELECT regexp_replace(app.patched('{"a": "x"}', (SELECT jsonb_agg('{"op": "copy", "from": "", "path": "/a"}'::jsonb || jsonb_build_object('path', '/a' || n)) FROM generate_series(1, 60) n)), '^54000 operation 2[0-9]', '54000 operation 2n');
-- copies that go again don't count
SELECT length(app.patched(jsonb_build_object('a', repeat('x', 1000000)), (SELECT jsonb_agg(o ORDER BY n, i) FROM generate_series(1, 1000) n, unnest(ARRAY['{"op": "copy", "from": "/a", "path": "/b"}', '{"op": "replace", "path": "/b", "value": 1}', '{"op": "copy", "from": "", "path": "/c"}', '{"op": "remove", "path": "/c"}']::jsonb[]) WITH ORDINALITY AS x(o, i))));
SELECT app.patched('{"a": [0]}', (SELECT jsonb_agg(o ORDER BY n, i) FROM generate_series(1, 2000) n, unnest(ARRAY['{"op": "copy", "from": "/a", "path": "/b"}', '{"op": "add", "path": "/b/-", "value": 1}', '{"op": "remove", "path": "/b"}']::jsonb[]) WITH ORDINALITY AS x(o, i)));
-- deep documents
SELECT length(app.patched('{"a": 1}', (SELECT jsonb_agg(jsonb_build_object('op', 'add', 'path', repeat('/a', n), 'value', '{"a": 1}'::jsonb) ORDER BY n) FROM generate_series(1, 500) n)));
SELECT left(app.patched('{"a": 1}', jsonb_build_array(jsonb_build_object('op', 'add', 'path', repeat('/a', 3000), 'value', 1))), 100);
CREATE TABLE deep AS SELECT (repeat('[', 3000) || repeat(']', 3000))::jsonb AS arrays, (repeat('{"a": ', 3000) || 1 || repeat('}', 3000))::jsonb AS objects, repeat('/0', 2999) || '/-' AS path;
SELECT length(cvwiz.jsonb_patch(arrays, jsonb_build_array(jsonb_build_object('op', 'add', 'path', path, 'value', 1)))::text) AS array, length(cvwiz.jsonb_merge_patch('{}', objects)::text) AS object FROM deep;
SET max_stack_depth = '100kB';
SELECT app.patched(arrays, jsonb_build_array(jsonb_build_object('op', 'add', 'path', path, 'value', 1))) FROM deep;
SELECT app.merged('{}', objects) FROM deep;
RESET max_stack_depth;
-- thousands of operations
SELECT jsonb_array_length(cvwiz.jsonb_patch('[]', jsonb_agg('{"op": "add", "path": "/0", "value": 1}'::jsonb))) FROM generate_series(1, 20000);

-- ---- RFC 7396: its examples, then more ----

SELECT d, patch, cvwiz.jsonb_merge_patch(d::jsonb, patch::jsonb) AS merged FROM (VALUES
	('{"title": "Goodbye!", "author": {"givenName": "John", "familyName": "Doe"}, "tags": ["example", "sample"], "content": "This will be unchanged"}', '{"title": "Hello!", "phoneNumber": "+01-123-456-7890", "author": {"familyName": null}, "tags": ["example"]}'),
	('{"a": "b"}', '{"a": "c"}'), ('{"a": "b"}', '{"b": "c"}'), ('{"a": "b"}', '{"a": null}'), ('{"a": "b", "b": "c"}', '{"a": null}'), ('{"a": ["b"]}', '{"a": "c"}'), ('{"a": "c"}', '{"a": ["b"]}'),
	('{"a": {"b": "c"}}', '{"a": {"b": "d", "c": null}}'), ('{"a": [{"b": "c"}]}', '{"a": [1]}'), ('["a", "b"]', '["c", "d"]'), ('{"a": "b"}', '["c"]'), ('{"a": "foo"}', 'null'), ('{"a": "foo"}', '"bar"'),
	('{"e": null}', '{"a": 1}'), ('[1, 2]', '{"a": "b", "c": null}'), ('{}', '{"a": {"bb": {"ccc": null}}}'),
	('1', '{}'), ('1', '{"a": {"b": null}}'), ('{"a": 1}', '{}'), ('{"a": {"b": 1}}', '{"a": {}}'), ('{"a": 1}', '{"a": {}}'), ('{"a": {"b": null, "c": 1}}', '{"a": {"d": 1.0}}'), ('{"a": 1}', '{"a": [null, {"b": null}]}'), ('{"": 1, "/": 2}', '{"": null, "a/b": 3}')
) e(d, patch);
SELECT cvwiz.jsonb_merge_patch('{}', NULL) IS NULL AND cvwiz.jsonb_merge_patch(NULL, '{}') IS NULL AS null_of_null;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
