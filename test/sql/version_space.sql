-- How much the version store takes where versions come and go: without any
-- housekeeping at most twice of what it takes with.
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
-- A resume of about 5 kB of words, of which each edit changes one item out of twenty.
CREATE FUNCTION app.words(seed bigint, count int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT string_agg((ARRAY['led', 'built', 'team', 'of', 'the', 'in', 'data', 'cloud', 'to', 'reduced', 'costs', 'by', 'platform', 'design', 'and', 'a', 'search', 'index', 'sales', 'release'])[1 + abs(hashint8(seed * 1000 + n)) % 20], ' ' ORDER BY n) FROM generate_series(1, count) n $$;
CREATE FUNCTION app.resume(who int, edit int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_build_object('id', who, 'edit', edit, 'work', (SELECT jsonb_agg(jsonb_build_object('id', n, 'text', app.words(who * 7919 + n * 31 + (edit + n) / 20 * 104729::bigint, 40)) ORDER BY n) FROM generate_series(1, 20) n)) $$;
CREATE TABLE versions (resume int, n int, doc jsonb, PRIMARY KEY (resume, n));
SELECT cvwiz.add_version_store('versions', 'doc', '{resume}');
CREATE FUNCTION app.stored(which regclass) RETURNS bigint LANGUAGE sql AS
$$ SELECT coalesce(sum(octet_length(content)), 0) FROM cvwiz.snapshot_version v JOIN cvwiz.version_source s USING (source_id) WHERE s.relation = which $$;
-- The live minimum: what documents take in a table of their own, written in their order.
CREATE TABLE minimal (n bigint, doc jsonb, chain int DEFAULT 1);
SELECT cvwiz.add_version_store('minimal', 'doc', '{chain}');
CREATE FUNCTION app.measure(documents jsonb[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	bytes bigint;
BEGIN
	INSERT INTO app.minimal SELECT n, d FROM unnest(documents) WITH ORDINALITY AS u(d, n) ORDER BY n;
	bytes := app.stored('app.minimal');
	DELETE FROM app.minimal;
	DELETE FROM cvwiz.snapshot_version v USING cvwiz.version_source s WHERE s.source_id = v.source_id AND s.relation = 'app.minimal'::regclass;
	DELETE FROM cvwiz.dead_version d WHERE NOT EXISTS (SELECT FROM cvwiz.snapshot_version v WHERE v.version_id = d.version_id);
	RETURN bytes;
END $$;
CREATE TABLE samples (pattern text, n int, stored bigint, minimum bigint, rows bigint, versions bigint);

-- ---- 10,000 versions of a resume, of which the newest 20 are kept ----

DO $$
DECLARE
	minimum bigint;
BEGIN
	FOR i IN 1 .. 10000 LOOP
		INSERT INTO app.versions VALUES (1, i, app.resume(1, i));
		DELETE FROM app.versions WHERE resume = 1 AND n <= i - 20;
		IF i % 97 = 0 OR i BETWEEN 5000 AND 5050 THEN
			COMMIT;
			minimum := app.measure(ARRAY(SELECT cvwiz.version(doc) FROM app.versions ORDER BY n));
			INSERT INTO app.samples SELECT 'the newest 20', i, app.stored('app.versions'), minimum, (SELECT count(*) FROM app.versions), (SELECT count(*) FROM cvwiz.snapshot_version);
			COMMIT;
		END IF;
	END LOOP;
END $$;
-- sampled all along, and at each of fifty in a row
SELECT pattern, count(*) AS samples, max(rows) AS rows, max(versions) <= 2 * 20 AS few_versions, max(stored::float8 / minimum) <= 2 AS within_twice, min(minimum) > 2000 AS not_nothing FROM samples GROUP BY 1;
SELECT count(*), count(*) FILTER (WHERE cvwiz.version(doc) = resume(1, n)) AS whole FROM versions;
SELECT count(*) FROM cvwiz.version_repack;
-- housekeeping leaves what is needed
CALL cvwiz.repack_versions('versions');
SELECT count(*) AS versions FROM cvwiz.snapshot_version;
SELECT stored('versions') AS stored \gset
SELECT :stored <= 1.1 * measure(ARRAY(SELECT cvwiz.version(doc) FROM versions ORDER BY n)) AS as_packed;
SELECT count(*) FILTER (WHERE cvwiz.version(doc) = resume(1, n)) AS whole FROM versions;

-- ---- one row, changed in place 2,000 times ----

DELETE FROM versions;
CALL cvwiz.repack_versions('versions');
-- with a new summary each time: twice; with a new item of twenty each time: what its last seventeen versions take
CREATE FUNCTION app.summarized(edit int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT app.resume(2, 0) || jsonb_build_object('edit', edit, 'summary', app.words(edit, 5)) $$;
DO $$
DECLARE
	minimum bigint;
	history bigint;
BEGIN
	INSERT INTO app.versions VALUES (2, 0, app.summarized(0)), (3, 0, app.resume(3, 0));
	FOR i IN 1 .. 2000 LOOP
		UPDATE app.versions SET doc = CASE resume WHEN 2 THEN app.summarized(i) ELSE app.resume(3, i) END, n = i;
		IF i % 43 = 0 OR i BETWEEN 1000 AND 1040 THEN
			COMMIT;
			minimum := app.measure(ARRAY[app.summarized(i)]);
			history := app.measure(ARRAY(SELECT app.resume(3, n) FROM generate_series(greatest(0, i - 16), i) n));
			INSERT INTO app.samples SELECT pattern, i, sum(octet_length(content)), bytes, 1, count(*)
			FROM (VALUES ('a new summary', 2, minimum), ('a new item', 3, history)) p(pattern, which, bytes) JOIN app.versions ON resume = which
				JOIN cvwiz.snapshot_version v ON chain_key = (SELECT chain_key FROM cvwiz.snapshot_version WHERE version_id = cvwiz.stub_version(doc)) GROUP BY pattern, bytes;
			COMMIT;
		END IF;
	END LOOP;
END $$;
SELECT pattern, count(*) AS samples, max(rows) AS rows, max(versions) <= 17 AS few_versions, max(stored::float8 / minimum) <= CASE pattern WHEN 'a new summary' THEN 2 ELSE 1 END AS within, min(minimum) > 1000 AS not_nothing FROM samples WHERE pattern LIKE 'a new%' GROUP BY 1 ORDER BY 1;
SELECT resume, cvwiz.version(doc) = CASE resume WHEN 2 THEN summarized(2000) ELSE resume(3, 2000) END AS whole FROM versions ORDER BY 1;
SELECT count(*) FROM cvwiz.version_repack;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
