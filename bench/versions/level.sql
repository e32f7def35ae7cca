-- Levels of zstd, each into a table of its own, version by version in turn.
SET search_path = bench;
SET client_min_messages = warning;

DROP EXTENSION IF EXISTS cvwiz CASCADE;
CREATE EXTENSION cvwiz;

DO $$
DECLARE
	level int;
	began timestamptz;
	ended timestamptz;
BEGIN
	FOREACH level IN ARRAY ARRAY[0, 1, 3, 9, 19] LOOP
		EXECUTE format('CREATE TABLE bench.level_%s (id bigint PRIMARY KEY, chain int, doc jsonb)', level);
		PERFORM cvwiz.add_version_store(format('bench.level_%s', level)::regclass, 'doc', '{chain}');
	END LOOP;
	FOR round IN 1 .. 20 LOOP
		FOREACH level IN ARRAY ARRAY[0, 1, 3, 9, 19] LOOP
			PERFORM set_config('cvwiz.version_compression_level', level::text, true);
			began := clock_timestamp();
			EXECUTE format('INSERT INTO bench.level_%s SELECT id, chain, doc::jsonb FROM bench.document WHERE kb = 20 AND version = $1 ORDER BY id', level) USING round;
			ended := clock_timestamp();
			INSERT INTO bench.timing
			SELECT 'level', 20, level::text, round, extract(epoch FROM ended - began) * 1e6 / (SELECT count(*) FROM bench.document WHERE kb = 20 AND version = round);
		END LOOP;
	END LOOP;
END $$;

CREATE TABLE level AS
SELECT ltrim(relation::text, 'bench.level_')::int AS level, sum(raw_length)::numeric / sum(octet_length(content)) AS ratio,
	sum(octet_length(content)) FILTER (WHERE base_id IS NULL) / count(*) FILTER (WHERE base_id IS NULL) AS keyframe,
	sum(octet_length(content)) FILTER (WHERE base_id IS NOT NULL) / count(*) FILTER (WHERE base_id IS NOT NULL) AS difference
FROM cvwiz.snapshot_version JOIN cvwiz.version_source USING (source_id) GROUP BY relation;
