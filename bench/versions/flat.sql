-- :chains chains of two versions each, and a thousand third versions to be saved,
-- of as many chains.
SET search_path = bench;

INSERT INTO stored (chain, doc)
SELECT c, doc::jsonb FROM generate_series(1, :chains) c JOIN document d ON d.kb = 5 AND d.chain = c % 50 + 1 AND version = 1 ORDER BY c;
INSERT INTO stored (chain, doc)
SELECT c, doc::jsonb FROM generate_series(1, :chains) c JOIN document d ON d.kb = 5 AND d.chain = c % 50 + 1 AND version = 2 ORDER BY hashint4(c);
-- what is kept of a plain table's size, to compare with
INSERT INTO plain (chain, doc)
SELECT c, doc::jsonb FROM generate_series(1, :chains) c JOIN document d ON d.kb = 5 AND d.chain = c % 50 + 1 AND version = 1 ORDER BY c;

INSERT INTO save
SELECT 'flat', i, c, doc
FROM (SELECT c, row_number() OVER (ORDER BY hashint4(c + 7)) AS i FROM generate_series(1, :chains) c) turn
	JOIN document d ON d.kb = 5 AND d.chain = c % 50 + 1 AND version = 3
WHERE i <= 1000;
VACUUM ANALYZE stored, plain, save, cvwiz.snapshot_version, cvwiz.version_source;
CHECKPOINT;
