-- How long it takes to learn a document's size.

DO $$
DECLARE
	size int;
BEGIN
	FOREACH size IN ARRAY ARRAY[5, 20, 100, 300] LOOP
		CALL bench.time_expressions('size', size, 'jsonb',
			ARRAY['cvwiz.snapshot_size(x)', 'octet_length(x::text)'], ARRAY['cvwiz', 'text'], 30, 4000 / size);
	END LOOP;
END $$;
