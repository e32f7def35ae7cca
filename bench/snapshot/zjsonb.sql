-- Storing and reading documents as jsonb, compressed by pglz and by lz4, and as
-- cvwiz.zjsonb.
SET search_path = bench;

CREATE TABLE pglz (kb int, n int, doc jsonb COMPRESSION pglz);
CREATE TABLE lz4 (kb int, n int, doc jsonb COMPRESSION lz4);
CREATE TABLE zjsonb (kb int, n int, doc cvwiz.zjsonb);
INSERT INTO pglz SELECT kb, n, doc::jsonb FROM document WHERE kb <= 300;
INSERT INTO lz4 SELECT kb, n, doc::jsonb FROM document WHERE kb <= 300;
INSERT INTO zjsonb SELECT kb, n, doc::cvwiz.zjsonb FROM document WHERE kb <= 300;

-- zjsonb is of the default level, 6; zjsonb1 and zjsonb3 of those.
CREATE TABLE into_pglz (LIKE pglz INCLUDING ALL);
CREATE TABLE into_lz4 (LIKE lz4 INCLUDING ALL);
CREATE TABLE into_zjsonb (LIKE zjsonb INCLUDING ALL);
CREATE TABLE into_zjsonb1 (LIKE zjsonb INCLUDING ALL);
CREATE TABLE into_zjsonb3 (LIKE zjsonb INCLUDING ALL);

-- bytes of text ÷ bytes stored
CREATE VIEW ratio AS
WITH total AS (SELECT kb, sum(octet_length(doc::jsonb::text))::numeric AS bytes, avg(octet_length(doc::jsonb::text)) AS average,
		-- gzip's frame has 18 bytes
		sum(octet_length(cvwiz.gzip(doc::jsonb)) - 18) AS zlib
	FROM document GROUP BY kb)
SELECT kb, average, bytes / zlib AS zlib,
	bytes / (SELECT sum(pg_column_size(doc)) FROM pglz WHERE kb = total.kb) AS pglz,
	bytes / (SELECT sum(pg_column_size(doc)) FROM lz4 WHERE kb = total.kb) AS lz4,
	bytes / (SELECT sum(pg_column_size(doc)) FROM zjsonb WHERE kb = total.kb) AS zjsonb
FROM total WHERE kb <= 300;

DO $$
DECLARE
	size int;
BEGIN
	ASSERT (SELECT bool_and(z.doc::text = p.doc::text) FROM zjsonb z, pglz p WHERE z.kb = p.kb AND z.n = p.n);
	FOREACH size IN ARRAY ARRAY[5, 20, 100, 300] LOOP
		CALL bench.time_statements('read', size,
			'SELECT sum(octet_length(doc::text)) FROM bench.$variant WHERE $batch', '', ARRAY['pglz', 'lz4', 'zjsonb'], 20);
		CALL bench.time_statements('key', size,
			'SELECT count(doc -> ''version'') FROM bench.$variant WHERE $batch', '', ARRAY['pglz', 'lz4', 'zjsonb'], 12);
		-- The text is parsed as a client's is.
		CALL bench.time_statements('insert', size,
			'INSERT INTO bench.into_$variant SELECT kb, n, doc::jsonb FROM bench.document WHERE $batch',
			$p$DELETE FROM bench.into_$variant WHERE $batch;
				SELECT set_config('cvwiz.compression_level', CASE WHEN '$variant' LIKE 'zjsonb_' THEN right('$variant', 1) ELSE '6' END, false)$p$,
			ARRAY['pglz', 'lz4', 'zjsonb1', 'zjsonb3', 'zjsonb'], 12);
	END LOOP;
END $$;

-- What the last round has left behind.
CREATE VIEW level_ratio AS
SELECT kb, 1 AS level, sum(cvwiz.snapshot_size(doc)) / sum(pg_column_size(doc)) AS ratio FROM into_zjsonb1 GROUP BY kb
UNION ALL SELECT kb, 3, sum(cvwiz.snapshot_size(doc)) / sum(pg_column_size(doc)) FROM into_zjsonb3 GROUP BY kb;
