-- The 20 kB documents: many chains, and one long one.
SET search_path = bench;

INSERT INTO save
SELECT 'many', i, chain, doc
FROM (SELECT i, chain, row_number() OVER (PARTITION BY chain ORDER BY i) AS version
	FROM (SELECT chain, row_number() OVER (ORDER BY hashint4(chain * 1000 + version)) AS i FROM document WHERE kb = 20) turn) turn
	JOIN document d USING (chain, version) WHERE kb = 20;
CREATE TEMP TABLE read (kb int, chain int, version int, doc json);
\copy read FROM pstdin
INSERT INTO save SELECT 'one', version, chain, doc::jsonb::text FROM read;
VACUUM ANALYZE save;
