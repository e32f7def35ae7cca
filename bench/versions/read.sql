-- The documents of store.sql as text, in three orders.
SET search_path = bench;

-- Reads ids in their order, one SELECT by the primary key each, by each variant in turn.
CREATE OR REPLACE PROCEDURE time_reads(measured text, size int, ids bigint[], round int) LANGUAGE plpgsql AS $$
DECLARE
	variant text;
	began timestamptz;
	ended timestamptz;
	total bigint;
	expected bigint := (SELECT sum(octet_length(doc)) FROM unnest(ids) i JOIN bench.document ON kb = size AND id = i);
BEGIN
	FOREACH variant IN ARRAY ARRAY['pglz', 'lz4', 'zjsonb', 'metadata'] LOOP
		began := clock_timestamp();
		EXECUTE format('SELECT sum(octet_length((SELECT %s FROM bench.%I WHERE id = i))) FROM unnest($1) i',
			CASE variant WHEN 'metadata' THEN 'cvwiz.version_text(doc)::text' ELSE 'doc::text' END, variant) INTO total USING ids;
		ended := clock_timestamp();
		ASSERT total = expected;
		INSERT INTO bench.timing
		SELECT measured, size, variant, round, extract(epoch FROM ended - began) * 1e6 / cardinality(ids) WHERE round > 0;
	END LOOP;
END $$;

DO $$
DECLARE
	size int := current_setting('bench.kb');
	reads int := greatest(1000 / size, 10);
	ids bigint[];
BEGIN
	PERFORM setseed(0.5);
	-- round 0 warms the caches
	FOR round IN 0 .. 40 LOOP
		ids := ARRAY(SELECT id FROM bench.metadata ORDER BY random() LIMIT reads);
		CALL bench.time_reads('random', size, ids, round);
		ids := ARRAY(SELECT id FROM bench.metadata JOIN cvwiz.snapshot_version ON version_id = (doc #>> '{$cvwiz,version}')::bigint
			WHERE depth = 15 ORDER BY random() LIMIT reads);
		CALL bench.time_reads('deepest', size, ids, round);
		ids := ARRAY(SELECT id FROM bench.metadata WHERE chain IN (SELECT chain FROM bench.metadata GROUP BY chain ORDER BY random() LIMIT greatest(reads / 20, 1))
			ORDER BY chain, id);
		CALL bench.time_reads('chain', size, ids, round);
	END LOOP;
END $$;
