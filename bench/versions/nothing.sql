-- After store.sql, which measures the store: stubs with nothing else in them.
SET search_path = bench;

INSERT INTO nothing SELECT id, chain, doc::jsonb FROM document WHERE kb = :kb AND chain <= :chains ORDER BY id;
VACUUM nothing;
INSERT INTO size
SELECT :kb, :chains, 'nothing', disk('nothing')
UNION ALL SELECT :kb, :chains, 'nothing alone', sum(pg_column_size(doc)) FROM nothing;
