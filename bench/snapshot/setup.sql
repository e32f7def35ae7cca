-- The documents, and what times SQL on them.

CREATE EXTENSION cvwiz;
CREATE SCHEMA bench;
SET search_path = bench;

CREATE TABLE document (kb int, n int, doc text);
ALTER TABLE document ALTER doc SET STORAGE EXTERNAL;
\copy bench.document FROM pstdin
ANALYZE document;

-- us: microseconds for one document, in one round. A batch of documents is timed
-- as one, within a few milliseconds, so that a busy machine leaves some rounds alone.
CREATE TABLE timing (measured text, kb int, variant text, batch int, round int, us double precision);

-- Times expressions in x, a document of a type, in turn. The document is in memory
-- as a trigger gets it from INSERT: neither compressed nor out of line.
CREATE PROCEDURE time_expressions(measured text, size int, type text, expressions text[], variants text[], rounds int, loops int)
LANGUAGE plpgsql AS $$
BEGIN
	FOR v IN 1 .. array_length(variants, 1) LOOP
		-- The loop's own cost, about 0.1 microseconds, is in every variant's time.
		EXECUTE format($f$
			CREATE OR REPLACE FUNCTION bench.timed_%s(x %s, loops int) RETURNS double precision LANGUAGE plpgsql AS $body$
			DECLARE
				began timestamptz := clock_timestamp();
				result bigint;
			BEGIN
				FOR i IN 1 .. loops LOOP
					result := (%s)::bigint;
				END LOOP;
				RETURN extract(epoch FROM clock_timestamp() - began) * 1e6 / loops;
			END $body$ $f$, v, type, expressions[v]);
	END LOOP;
	-- round 0 warms the caches
	FOR round IN 0 .. rounds LOOP
		FOR v IN 1 .. array_length(variants, 1) LOOP
			EXECUTE format($f$
				INSERT INTO bench.timing
				SELECT %L, %s, %L, n, %s, bench.timed_%s(x, %s)
				FROM unnest((SELECT array_agg(doc::%s) FROM bench.document WHERE kb = %2$s AND n <= 5)) WITH ORDINALITY d (x, n)
				WHERE %4$s > 0 $f$,
				measured, size, variants[v], round, v, loops, type);
		END LOOP;
	END LOOP;
	FOR v IN 1 .. array_length(variants, 1) LOOP
		EXECUTE format('DROP FUNCTION bench.timed_%s', v);
	END LOOP;
END $$;

-- Times a statement over the documents of a size, for each variant in turn.
-- prepare runs before each, untimed; $variant stands for the variant, and $batch
-- for a condition, in both.
CREATE PROCEDURE time_statements(measured text, size int, statement text, prepare text, variants text[], rounds int)
LANGUAGE plpgsql AS $$
DECLARE
	documents int := (SELECT count(*) FROM bench.document WHERE kb = size);
	batch_size int := greatest(200 / size, 1);
	condition text;
	began timestamptz;
	ended timestamptz;
	sql text;
BEGIN
	-- round 0 warms the caches
	FOR round IN 0 .. rounds LOOP
		FOR batch IN 0 .. documents / batch_size - 1 LOOP
			condition := format('kb = %s AND n BETWEEN %s AND %s', size, batch * batch_size + 1, (batch + 1) * batch_size);
			FOR v IN 1 .. array_length(variants, 1) LOOP
				sql := replace(replace(statement, '$variant', variants[v]), '$batch', condition);
				IF prepare <> '' THEN
					EXECUTE replace(replace(prepare, '$variant', variants[v]), '$batch', condition);
				END IF;
				began := clock_timestamp();
				EXECUTE sql;
				ended := clock_timestamp();
				INSERT INTO bench.timing
				SELECT measured, size, variants[v], batch, round, extract(epoch FROM ended - began) * 1e6 / batch_size
				WHERE round > 0;
			END LOOP;
		END LOOP;
	END LOOP;
END $$;

-- Each batch's best round, as noise only ever adds; the average of the batches.
CREATE VIEW best AS
SELECT measured, kb, variant, avg(us) AS us
FROM (SELECT measured, kb, variant, batch, min(us) AS us FROM timing GROUP BY measured, kb, variant, batch) b
GROUP BY measured, kb, variant;

-- how many times as long the second variant takes
CREATE FUNCTION times_as_long(measured text, kb int, variant text, other text) RETURNS numeric
LANGUAGE sql STABLE AS $$
	SELECT (b.us / a.us)::numeric FROM bench.best a JOIN bench.best b USING (measured, kb)
	WHERE a.measured = $1 AND kb = $2 AND a.variant = $3 AND b.variant = $4
$$;
