-- Thousands of generated documents and patches: a diff makes the new document
-- of the old one, byte for byte, and a patch does what plain PL/pgSQL does with
-- it, down to the SQLSTATE of its error.
\pset format unaligned
\pset footer off
CREATE EXTENSION cvwiz;
CREATE SCHEMA app;
SET search_path = app;

-- ---- the generator ----

CREATE FUNCTION app.pick(VARIADIC choices text[]) RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT choices[1 + floor(random() * array_length(choices, 1))::int] $$;
CREATE FUNCTION app.chance(p float) RETURNS boolean LANGUAGE sql VOLATILE AS $$ SELECT random() < p $$;
CREATE FUNCTION app.random_key() RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT app.pick('', '/', '~', '~1', '~0', 'a/b', 'a b', '😀', 'é', '0', '-', '1e0', '"', '\', E'\n', 'id', 'a', 'b', 'c', 'work', 'a rather long key, of more bytes than most') $$;
CREATE FUNCTION app.random_scalar() RETURNS jsonb LANGUAGE sql VOLATILE AS
$$ SELECT app.pick('null', 'true', 'false', '1', '1.0', '1.00', '1e5', '-0', '0.0', '-12.50', '123456789012345678901234567890', '1e-20', '""', '"a"', '"1"', '"a/~b"', '"😀"', '"\\\"\n\u0001"',
	'"some words that are long enough for a patch to be shorter than them"', '"and others that are long enough for a patch to be shorter than them"')::jsonb $$;
CREATE FUNCTION app.random_id() RETURNS jsonb LANGUAGE sql VOLATILE AS
$$ SELECT CASE floor(random() * 12)::int WHEN 0 THEN 'null' WHEN 1 THEN '[1]' WHEN 2 THEN '1.0' WHEN 3 THEN '"1"' WHEN 4 THEN '1' ELSE to_jsonb(floor(random() * 1000)::int) END::jsonb $$;
CREATE FUNCTION app.random_document(depth int) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	kind float := random();
	result jsonb;
BEGIN
	IF depth <= 0 OR kind < 0.15 THEN
		RETURN app.random_scalar();
	ELSIF kind < 0.5 THEN
		SELECT jsonb_object_agg(app.random_key(), app.random_document(depth - 1)) INTO result FROM generate_series(1, floor(random() * 7)::int);
		RETURN coalesce(result, '{}');
	ELSIF kind < 0.7 THEN
		SELECT jsonb_agg(app.random_document(depth - 1)) INTO result FROM generate_series(1, floor(random() * 7)::int);
	ELSE
		SELECT jsonb_agg(jsonb_build_object('id', app.random_id(), 'v', app.random_document(depth - 2), 't', app.random_scalar())) INTO result FROM generate_series(1, floor(random() * 12)::int);
	END IF;
	RETURN coalesce(result, '[]');
END $$;
-- edits, moves, deletions, insertions, other ids, at any depth
CREATE FUNCTION app.mutated(d jsonb, rate float) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	result jsonb;
BEGIN
	IF chance(rate / 2) THEN
		RETURN app.random_document(2);
	ELSIF jsonb_typeof(d) = 'object' THEN
		SELECT coalesce(jsonb_object_agg(CASE WHEN chance(rate / 4) THEN app.random_key() ELSE k END,
			CASE WHEN k = 'id' AND chance(rate) THEN app.random_id() WHEN k = 'id' THEN v ELSE app.mutated(v, rate) END), '{}') INTO result FROM jsonb_each(d) AS e(k, v) WHERE NOT chance(rate / 4);
		RETURN result || CASE WHEN chance(rate) THEN jsonb_build_object(app.random_key(), app.random_document(1)) ELSE '{}' END;
	ELSIF jsonb_typeof(d) = 'array' THEN
		SELECT jsonb_agg(app.mutated(item, rate) ORDER BY place) INTO result
		FROM (SELECT item, CASE floor(kind * 12)::int WHEN 0 THEN random() WHEN 1 THEN -n WHEN 2 THEN (n + 2) % jsonb_array_length(d) WHEN 3 THEN n + random() * 3 ELSE CASE WHEN chance(rate / 4) THEN random() * jsonb_array_length(d) ELSE n END END AS place
			FROM random() AS kind, jsonb_array_elements(d) WITH ORDINALITY AS i(item, n), generate_series(1, CASE WHEN chance(rate / 4) THEN 0 WHEN chance(rate / 8) THEN 2 ELSE 1 END)
			UNION ALL SELECT app.random_document(2), random() * jsonb_array_length(d) FROM generate_series(1, 2) WHERE chance(rate / 2)) x;
		RETURN coalesce(result, '[]');
	END IF;
	RETURN CASE WHEN chance(rate) THEN app.random_scalar() WHEN jsonb_typeof(d) = 'number' AND chance(rate) THEN to_jsonb((d #>> '{}')::numeric + 0.000) ELSE d END;
END $$;

SELECT setseed(0.42);
CREATE TABLE pairs AS SELECT n, app.random_document(1 + n % 5) AS old FROM generate_series(1, 4000) n;
ALTER TABLE pairs ADD new jsonb, ADD patch jsonb;
UPDATE pairs SET new = CASE WHEN n % 20 = 0 THEN app.random_document(3) WHEN n % 20 = 1 THEN old ELSE app.mutated(old, (ARRAY[0.01, 0.04, 0.2])[1 + n % 3]) END;
UPDATE pairs SET patch = cvwiz.jsonb_diff(old, new);
-- there is some of everything
SELECT count(*), count(*) FILTER (WHERE old::text = new::text) > 300 AS same, count(*) FILTER (WHERE old = new AND old::text <> new::text) > 20 AS differ_in_scale_only, count(*) FILTER (WHERE patch @> '[{"path": ""}]') > 500 AS replaced,
	count(*) FILTER (WHERE jsonb_array_length(patch) > 3) > 500 AS long, max(octet_length(old::text)) > 10000 AS large, count(*) FILTER (WHERE jsonb_typeof(old) NOT IN ('array', 'object')) > 200 AS scalars FROM pairs;
SELECT o ->> 'op' AS op, count(*) > 500 AS many, bool_or(o ->> 'path' LIKE '%~0%' AND o ->> 'path' LIKE '%~1%') AS escaped, bool_or(o ->> 'path' LIKE '%/') AS empty_keys FROM pairs, jsonb_array_elements(patch) o GROUP BY 1 ORDER BY 1;

-- ---- the law ----

SELECT count(*) FILTER (WHERE cvwiz.jsonb_patch(old, patch)::text IS DISTINCT FROM new::text) AS wrong,
	count(*) FILTER (WHERE (patch = '[]') <> (old::text = new::text)) AS wrongly_empty,
	count(*) FILTER (WHERE octet_length(patch::text) > octet_length(jsonb_build_array(jsonb_build_object('op', 'replace', 'path', '', 'value', new))::text)) AS too_long,
	count(*) FILTER (WHERE cvwiz.jsonb_patch(new, cvwiz.jsonb_diff(new, old))::text <> old::text) AS wrong_way_back
FROM pairs;
-- in one document: an array of all, an object of all
SELECT cvwiz.jsonb_patch(o, cvwiz.jsonb_diff(o, n))::text = n::text AS array_of_all, octet_length(cvwiz.jsonb_diff(o, n)::text) < octet_length(n::text) * 0.9 AS is_shorter
FROM (SELECT jsonb_agg(old ORDER BY n) AS o, jsonb_agg(new ORDER BY n + CASE n % 50 WHEN 0 THEN 1000 ELSE 0 END) AS n FROM pairs) x;
SELECT cvwiz.jsonb_patch(o, cvwiz.jsonb_diff(o, n))::text = n::text AS object_of_all, octet_length(cvwiz.jsonb_diff(o, n)::text) < octet_length(n::text) * 0.9 AS is_shorter
FROM (SELECT jsonb_object_agg(n / 2 || ' ' || n, old) AS o, jsonb_object_agg(n / 2 || ' ' || n, new) AS n FROM pairs) x;
-- items without ids, many of them equal, in any order
CREATE TABLE lists AS SELECT n, (SELECT coalesce(jsonb_agg(floor(random() * (1 + n % 40) + 0 * i)::int), '[]') FROM generate_series(1, n % 37) i) AS old, (SELECT coalesce(jsonb_agg(floor(random() * (1 + n % 40) + 0 * i)::int), '[]') FROM generate_series(1, n % 31) i) AS new FROM generate_series(1, 3000) n;
SELECT count(*) FILTER (WHERE cvwiz.jsonb_patch(old, cvwiz.jsonb_diff(old, new))::text <> new::text) AS wrong FROM lists;
-- the same with content that no replacement of all is shorter than, so that it is moved, added and removed
CREATE FUNCTION app.longer(d jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT coalesce(jsonb_agg(repeat(item::text || ' ', 100)), '[]') FROM jsonb_array_elements(d) item $$;
CREATE TABLE texts AS SELECT n, longer(old) AS old, longer(new) AS new FROM lists;
SELECT count(*) FILTER (WHERE cvwiz.jsonb_patch(old, p)::text <> new::text) AS wrong, count(*) FILTER (WHERE p @> '[{"op": "move"}]' AND p @> '[{"op": "remove"}]') > 500 AS mixed FROM texts, LATERAL (SELECT cvwiz.jsonb_diff(old, new) AS p OFFSET 0) x;

-- ---- merge patches ----

CREATE FUNCTION app.merged(target jsonb, patch jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	result jsonb := CASE WHEN jsonb_typeof(target) = 'object' THEN target ELSE '{}' END;
	k text;
	v jsonb;
BEGIN
	IF jsonb_typeof(patch) <> 'object' THEN
		RETURN patch;
	END IF;
	FOR k, v IN SELECT * FROM jsonb_each(patch) LOOP
		result := CASE WHEN v = 'null' THEN result - k ELSE result || jsonb_build_object(k, app.merged(coalesce(result -> k, 'null'), v)) END;
	END LOOP;
	RETURN result;
END $$;
SELECT count(*) FILTER (WHERE cvwiz.jsonb_merge_patch(old, new)::text <> merged(old, new)::text) AS wrong, count(*) FILTER (WHERE cvwiz.jsonb_merge_patch(old, new) NOT IN (old, new)) > 300 AS many_are_merged FROM pairs;

-- ---- patches ----

CREATE FUNCTION app.tokens(pointer text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF pointer !~ '^(/([^~/]|~[01])*)*$' THEN
		RAISE SQLSTATE '22023';
	END IF;
	RETURN ARRAY(SELECT replace(replace(t, '~1', '/'), '~0', '~') FROM unnest((string_to_array(pointer, '/'))[2:]) WITH ORDINALITY AS x(t, n) ORDER BY n);
END $$;
CREATE FUNCTION app.child(d jsonb, token text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF jsonb_typeof(d) = 'object' AND d ? token THEN
		RETURN d -> token;
	ELSIF jsonb_typeof(d) = 'array' AND token ~ '^(0|[1-9][0-9]{0,8})$' AND token::int < jsonb_array_length(d) THEN
		RETURN d -> token::int;
	END IF;
	RAISE SQLSTATE '2203A';
END $$;
CREATE FUNCTION app.found(d jsonb, path text[]) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	FOR i IN 1 .. cardinality(path) LOOP
		d := app.child(d, path[i]);
	END LOOP;
	RETURN d;
END $$;
CREATE FUNCTION app.added(d jsonb, path text[], value jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	token text := path[1];
BEGIN
	IF cardinality(path) = 0 THEN
		RETURN value;
	ELSIF cardinality(path) > 1 THEN
		value := app.added(app.child(d, token), path[2:], value);
		RETURN CASE WHEN jsonb_typeof(d) = 'object' THEN d || jsonb_build_object(token, value) ELSE jsonb_set(d, ARRAY[token], value) END;
	ELSIF jsonb_typeof(d) = 'object' THEN
		RETURN d || jsonb_build_object(token, value);
	ELSIF jsonb_typeof(d) = 'array' AND token IN ('-', jsonb_array_length(d)::text) THEN
		RETURN d || jsonb_build_array(value);
	END IF;
	PERFORM app.child(d, token);
	RETURN jsonb_insert(d, ARRAY[token], value);
END $$;
CREATE FUNCTION app.removed(d jsonb, path text[]) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	token text := path[1];
	value jsonb;
BEGIN
	value := app.child(d, token);
	IF cardinality(path) > 1 THEN
		value := app.removed(value, path[2:]);
		RETURN CASE WHEN jsonb_typeof(d) = 'object' THEN d || jsonb_build_object(token, value) ELSE jsonb_set(d, ARRAY[token], value) END;
	END IF;
	RETURN CASE WHEN jsonb_typeof(d) = 'object' THEN d - token ELSE d - token::int END;
END $$;
CREATE FUNCTION app.patched(d jsonb, patch jsonb) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	o jsonb;
	path text[];
	source text[];
BEGIN
	IF jsonb_typeof(patch) <> 'array' THEN
		RAISE SQLSTATE '22023';
	END IF;
	FOR o IN SELECT item FROM jsonb_array_elements(patch) WITH ORDINALITY AS x(item, n) ORDER BY n LOOP
		IF jsonb_typeof(o) <> 'object' OR jsonb_typeof(o -> 'op') IS DISTINCT FROM 'string' OR o ->> 'op' NOT IN ('add', 'remove', 'replace', 'move', 'copy', 'test')
			OR jsonb_typeof(o -> 'path') IS DISTINCT FROM 'string' OR o ->> 'op' IN ('move', 'copy') AND jsonb_typeof(o -> 'from') IS DISTINCT FROM 'string'
			OR o ->> 'op' IN ('add', 'replace', 'test') AND NOT o ? 'value' THEN
			RAISE SQLSTATE '22023';
		END IF;
		path := app.tokens(o ->> 'path');
		IF o ->> 'op' IN ('move', 'copy') THEN
			source := app.tokens(o ->> 'from');
			PERFORM app.found(d, source);
		END IF;
		CASE o ->> 'op'
			WHEN 'add' THEN
				d := app.added(d, path, o -> 'value');
			WHEN 'remove' THEN
				IF path = '{}' THEN
					RAISE SQLSTATE '22023';
				END IF;
				d := app.removed(d, path);
			WHEN 'replace' THEN
				PERFORM app.found(d, path);
				d := app.added(CASE WHEN path = '{}' THEN d ELSE app.removed(d, path) END, path, o -> 'value');
			WHEN 'move' THEN
				IF path[:cardinality(source)] = source AND cardinality(path) > cardinality(source) THEN
					RAISE SQLSTATE '22023';
				ELSIF path <> source THEN
					d := app.added(app.removed(d, source), path, app.found(d, source));
				END IF;
			WHEN 'copy' THEN
				d := app.added(d, path, app.found(d, source));
			WHEN 'test' THEN
				IF app.found(d, path) <> o -> 'value' THEN
					RAISE SQLSTATE '55000';
				END IF;
		END CASE;
	END LOOP;
	RETURN d;
END $$;
-- the text of a result, or the SQLSTATE
CREATE FUNCTION app.outcome(f regproc, d jsonb, patch jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result jsonb;
BEGIN
	EXECUTE format('SELECT %s($1, $2)', f) INTO result USING d, patch;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;

-- a way into a document, which may miss
CREATE FUNCTION app.random_pointer(d jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	pointer text := '';
	token text;
BEGIN
	WHILE chance(0.85) LOOP
		token := NULL;
		IF jsonb_typeof(d) = 'object' THEN
			SELECT k INTO token FROM jsonb_object_keys(d) k ORDER BY random() LIMIT 1;
		ELSIF jsonb_typeof(d) = 'array' AND jsonb_array_length(d) > 0 THEN
			token := floor(random() * jsonb_array_length(d))::int;
		ELSE
			EXIT WHEN chance(0.8);
		END IF;
		IF token IS NULL OR chance(0.08) THEN
			RETURN pointer || '/' || CASE floor(random() * 5)::int WHEN 0 THEN replace(replace(app.random_key(), '~', '~0'), '/', '~1') WHEN 1 THEN CASE WHEN jsonb_typeof(d) = 'array' THEN jsonb_array_length(d)::text ELSE '0' END
				WHEN 2 THEN '-' ELSE app.pick('00', '01', '-1', '1e0', '+1', ' 1', '1.0', '99999999999999999999', '4294967295', '4294967296', '~', '~2', 'x', '') END;
		END IF;
		d := CASE WHEN jsonb_typeof(d) = 'object' THEN d -> token ELSE d -> token::int END;
		pointer := pointer || '/' || replace(replace(token, '~', '~0'), '/', '~1');
	END LOOP;
	RETURN pointer;
END $$;
CREATE FUNCTION app.random_operation(d jsonb, malformed float) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	path text := app.random_pointer(d);
	result jsonb := jsonb_build_object('op', app.pick('add', 'remove', 'replace', 'move', 'copy', 'test'), 'path', path, 'from', app.random_pointer(d), 'value', app.random_document(1));
BEGIN
	-- a test that holds, as a rule
	IF result ->> 'op' = 'test' AND path !~ '~' AND chance(0.8) THEN
		result := result || jsonb_build_object('value', coalesce(d #> (string_to_array(path, '/'))[2:], 'null'));
	END IF;
	IF chance(malformed) THEN
		result := result - app.pick('op', 'path', 'from', 'value');
	END IF;
	IF chance(malformed) THEN
		result := result || jsonb_build_object(app.pick('op', 'path', 'from', 'value', 'Op', 'x'), CASE WHEN chance(0.5) THEN app.random_document(2) ELSE to_jsonb(app.pick('Add', '', 'a', '#/a', '/~')) END);
	END IF;
	RETURN CASE WHEN chance(malformed / 4) THEN app.random_document(1) ELSE result END;
END $$;
-- each operation fits the document that those before it have made
CREATE FUNCTION app.random_patch(d jsonb, length int, malformed float) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
	patch jsonb := '[]';
	operation jsonb;
	outcome text;
BEGIN
	FOR i IN 1 .. length LOOP
		operation := app.random_operation(d, malformed);
		outcome := app.outcome('app.patched', d, jsonb_build_array(operation));
		-- most of those that fail are tried, but not kept
		CONTINUE WHEN outcome ~ '^[0-9A-Z]{5}$' AND chance(0.9) AND i < length;
		patch := patch || jsonb_build_array(operation);
		EXIT WHEN outcome ~ '^[0-9A-Z]{5}$';
		d := outcome;
	END LOOP;
	RETURN CASE WHEN chance(malformed / 4) THEN app.random_document(2) ELSE patch END;
END $$;

CREATE TABLE patches AS SELECT n, old, app.random_patch(old, 1 + n % 12, CASE WHEN n % 3 = 0 THEN 0.3 ELSE 0 END) AS patch FROM pairs WHERE n % 2 = 0 OR n % 6 = 5;
ALTER TABLE patches ADD wanted text, ADD outcome text;
UPDATE patches SET wanted = app.outcome('app.patched', old, patch), outcome = app.outcome('cvwiz.jsonb_patch', old, patch);
SELECT count(*), count(*) FILTER (WHERE outcome IS DISTINCT FROM wanted) AS wrong FROM patches;
SELECT CASE WHEN outcome ~ '^[0-9A-Z]{5}$' THEN outcome ELSE 'a result' END AS outcome, count(*) > 50 AS many, max(jsonb_array_length(patch)) > 5 AS some_are_long FROM patches WHERE jsonb_typeof(patch) = 'array' GROUP BY 1 ORDER BY 1;
-- documents as patches, and patches as documents
SELECT count(*) FILTER (WHERE app.outcome('app.patched', old, new) <> app.outcome('cvwiz.jsonb_patch', old, new)) AS wrong FROM pairs;
SELECT count(*) FILTER (WHERE cvwiz.jsonb_patch(patch, cvwiz.jsonb_diff(patch, old))::text <> old::text) AS wrong FROM patches;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
