-- Cutting the long arrays of a document to their last 100 items.
SET search_path = bench;

-- As an application would: the arrays at the top only, which are all that are
-- long in these documents.
CREATE FUNCTION truncate_top(document jsonb, max_length int) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_object_agg(key,
		CASE WHEN jsonb_typeof(value) = 'array' AND jsonb_array_length(value) > max_length
		THEN (SELECT jsonb_agg(item ORDER BY i) FROM jsonb_array_elements(value) WITH ORDINALITY AS a (item, i)
			WHERE i > jsonb_array_length(value) - max_length)
		ELSE value END)
	FROM jsonb_each(document)
$$;

-- What cvwiz.truncate_snapshot() does: those at any depth.
CREATE FUNCTION truncate_deep(value jsonb, max_length int) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	CASE jsonb_typeof(value)
	WHEN 'object' THEN
		RETURN (SELECT coalesce(jsonb_object_agg(m.key, truncate_deep(m.value, max_length)), '{}') FROM jsonb_each(value) m);
	WHEN 'array' THEN
		RETURN (SELECT coalesce(jsonb_agg(truncate_deep(item, max_length) ORDER BY i), '[]')
			FROM jsonb_array_elements(value) WITH ORDINALITY AS a (item, i)
			WHERE i > jsonb_array_length(value) - max_length);
	ELSE
		RETURN value;
	END CASE;
END $$;

DO $$
BEGIN
	ASSERT (SELECT bool_and(cvwiz.truncate_snapshot(doc::jsonb, 100) = bench.truncate_top(doc::jsonb, 100)
			AND cvwiz.truncate_snapshot(doc::jsonb, 100) = bench.truncate_deep(doc::jsonb, 100)
			AND cvwiz.truncate_snapshot(doc::jsonb, 100) <> doc::jsonb)
		FROM bench.document WHERE kb = 400), 'the three do not do the same';
	CALL bench.time_expressions('truncate', 400, 'jsonb',
		ARRAY['(cvwiz.truncate_snapshot(x, 100) IS NULL)::int', '(bench.truncate_top(x, 100) IS NULL)::int', '(bench.truncate_deep(x, 100) IS NULL)::int'],
		ARRAY['cvwiz', 'top', 'deep'], 30, 2);
END $$;
