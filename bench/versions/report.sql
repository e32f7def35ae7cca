-- The section of RESULTS.md. :chains: the number of chains of each size.
\set QUIET on
\pset format unaligned
\pset tuples_only on
SET search_path = bench;

CREATE FUNCTION verdict(met boolean) RETURNS text LANGUAGE sql AS $$ SELECT CASE WHEN met THEN 'met' ELSE '**missed**' END $$;
CREATE FUNCTION us(double precision) RETURNS text LANGUAGE sql AS $$ SELECT to_char($1, CASE WHEN $1 < 10 THEN 'FM990.0' ELSE 'FM999,990' END) $$;
CREATE FUNCTION bytes(kb int, chains int, what text) RETURNS numeric LANGUAGE sql AS $$ SELECT bytes FROM bench.size WHERE (size.kb, size.chains, size.what) = ($1, $2, $3) $$;
-- bytes of text ÷ bytes of that
CREATE FUNCTION smaller(kb int, chains int, what text) RETURNS numeric LANGUAGE sql AS $$ SELECT bench.bytes(kb, chains, 'text') / bench.bytes(kb, chains, what) $$;
-- bytes of that, for a document
CREATE FUNCTION each(kb int, chains int, what text) RETURNS text LANGUAGE sql AS $$ SELECT to_char(bench.bytes(kb, chains, what) / bench.bytes(kb, chains, 'documents'), 'FM999,990') $$;
CREATE FUNCTION median(measured text, kb int, variant text) RETURNS double precision LANGUAGE sql AS $$
	SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY us) FROM bench.timing WHERE (timing.measured, timing.kb, timing.variant) = ($1, $2, $3)
$$;
-- the median of the rounds' quotients
CREATE FUNCTION against_pglz(measured text, size int, variant text) RETURNS numeric LANGUAGE sql AS $$
	SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a.us / b.us)::numeric FROM bench.timing a JOIN bench.timing b USING (measured, kb, round)
	WHERE a.measured = $1 AND kb = size AND a.variant = $3 AND b.variant = 'pglz'
$$;

-- of one run of pgbench
CREATE VIEW save_run AS
SELECT measured, run, script, percentile_cont(0.5) WITHIN GROUP (ORDER BY us) AS us FROM transaction GROUP BY 1, 2, 3;
CREATE VIEW save_cost AS
SELECT measured, percentile_cont(0.5) WITHIN GROUP (ORDER BY a.us) AS plain, percentile_cont(0.5) WITHIN GROUP (ORDER BY b.us) AS stored,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY b.us / a.us)::numeric AS ratio, min(b.us / a.us)::numeric AS least, max(b.us / a.us)::numeric AS most
FROM save_run a JOIN save_run b USING (measured, run) WHERE measured LIKE 'save %' AND a.script = 0 AND b.script = 1 GROUP BY measured;
CREATE FUNCTION flat_wal(chains int, variant text) RETURNS text LANGUAGE sql AS $$
	SELECT to_char(avg(bytes), 'FM999,990') FROM bench.wal WHERE measured = 'flat ' || $1 AND wal.variant = $2
$$;
-- what was loaded
CREATE VIEW loaded AS SELECT DISTINCT kb, chains FROM size;
CREATE VIEW flat AS
SELECT chains, t, percentile_cont(0.5) WITHIN GROUP (ORDER BY us) AS median, percentile_cont(0.95) WITHIN GROUP (ORDER BY us) AS p95
FROM (SELECT split_part(measured, ' ', 2)::int AS chains, split_part(measured, ' ', 3) AS t, us FROM transaction WHERE measured LIKE 'flat %') t GROUP BY chains, t;

SELECT $$### The documents$$;
SELECT '';
SELECT $$Chains of 20 versions of resume-shaped documents, made by `bench/versions/generate`: one to three items edited in each$$;
SELECT $$version, some added or removed; edited items go to the end of their array; in one chain of four an earlier version is$$;
SELECT $$restored once, with every id another one. What they compress to tells how hard they are.$$;
SELECT '';
SELECT $$| | chains | bytes of text | zlib 6 | pglz of the jsonb |$$;
SELECT $$|---|---|---|---|---|$$;
SELECT format('| %s kB | %s | %s | %s | %s |', kb, chains, each(kb, chains, 'text'), round(smaller(kb, chains, 'zlib'), 2), round(smaller(kb, chains, 'pglz alone'), 2))
FROM loaded ORDER BY kb, chains;
SELECT '';
SELECT $$### On the disk: bytes of text ÷ bytes of the tables, their TOAST tables and indexes$$;
SELECT '';
SELECT $$The jsonb tables have an id and the document. The store is `cvwiz.snapshot_version`, `version_source` and `dead_version`. "With maps"$$;
SELECT $$adds the maps of free space and visibility, 32 kB for each table and TOAST table.$$;
SELECT '';
SELECT $$| | chains | jsonb, pglz | jsonb, lz4 | zjsonb | store | bar | | with maps | store + table with stubs, keep metadata | keep nothing |$$;
SELECT $$|---|---|---|---|---|---|---|---|---|---|---|$$;
SELECT format('| %s kB | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |', kb, chains, round(smaller(kb, chains, 'pglz'), 2), round(smaller(kb, chains, 'lz4'), 2), round(smaller(kb, chains, 'zjsonb'), 2),
	round(smaller(kb, chains, 'store'), 1), bar, verdict(smaller(kb, chains, 'store') >= bar),
	round(smaller(kb, chains, 'store with maps'), 1), round(bytes(kb, chains, 'text') / (bytes(kb, chains, 'store') + bytes(kb, chains, 'metadata')), 1), round(bytes(kb, chains, 'text') / (bytes(kb, chains, 'store') + bytes(kb, chains, 'nothing')), 1))
FROM (VALUES (5, 9), (20, 16), (100, 24), (300, 26)) b (kb, bar) JOIN loaded USING (kb) ORDER BY kb, chains;
SELECT '';
SELECT $$Bytes for a version:$$;
SELECT '';
SELECT $$| | chains | text | jsonb, pglz | store | of it content | TOAST | indexes | keyframes | stub, metadata | its table | stub, nothing | its table |$$;
SELECT $$|---|---|---|---|---|---|---|---|---|---|---|---|---|$$;
SELECT format('| %s kB | %s | %s | %s | %s | %s | %s | %s | %s %% | %s | %s | %s | %s |', kb, chains, each(kb, chains, 'text'), each(kb, chains, 'pglz'), each(kb, chains, 'store'), each(kb, chains, 'content'), each(kb, chains, 'store''s TOAST'),
	each(kb, chains, 'store''s indexes'), round(100 * bytes(kb, chains, 'keyframes') / bytes(kb, chains, 'documents'), 1),
	each(kb, chains, 'metadata alone'), each(kb, chains, 'metadata'), each(kb, chains, 'nothing alone'), each(kb, chains, 'nothing'))
FROM loaded ORDER BY kb, chains;
SELECT '';
SELECT $$### Reading a version as text: `cvwiz.version_text(x)` against `x::text` of a jsonb$$;
SELECT '';
SELECT $$Random versions of random chains; each a SELECT by the primary key within one statement, everything in shared buffers.$$;
SELECT '';
SELECT $$| | pglz, µs | lz4, µs | zjsonb, µs | store, µs | store ÷ pglz | bar: 1.5 | lz4 ÷ pglz | zjsonb ÷ pglz |$$;
SELECT $$|---|---|---|---|---|---|---|---|---|$$;
SELECT format('| %s kB | %s | %s | %s | %s | %s | %s | %s | %s |', kb, us(median('random', kb, 'pglz')), us(median('random', kb, 'lz4')), us(median('random', kb, 'zjsonb')), us(median('random', kb, 'metadata')),
	round(ratio, 2), verdict(ratio <= 1.5), round(against_pglz('random', kb, 'lz4'), 2), round(against_pglz('random', kb, 'zjsonb'), 2))
FROM unnest(ARRAY[5, 20, 100, 300]) kb, against_pglz('random', kb, 'metadata') ratio;
SELECT '';
SELECT $$The farthest from a keyframe (15 differences), and whole chains in their order, where the session has the version before:$$;
SELECT '';
SELECT $$| | farthest: pglz, µs | store, µs | store ÷ pglz | in order: pglz, µs | store, µs | store ÷ pglz |$$;
SELECT $$|---|---|---|---|---|---|---|$$;
SELECT format('| %s kB | %s | %s | %s | %s | %s | %s |', kb, us(median('deepest', kb, 'pglz')), us(median('deepest', kb, 'metadata')), round(against_pglz('deepest', kb, 'metadata'), 2),
	us(median('chain', kb, 'pglz')), us(median('chain', kb, 'metadata')), round(against_pglz('chain', kb, 'metadata'), 2))
FROM unnest(ARRAY[5, 20, 100, 300]) kb;
SELECT '';
SELECT $$### Saving a version of 20 kB: INSERT into a table with a store, against one without$$;
SELECT '';
SELECT $$By pgbench, which takes one of the two tables at random for each transaction, and the next version of a random chain.$$;
SELECT $$Each figure is the median of the runs' medians, with the least and the most.$$;
SELECT '';
SELECT $$| | plain jsonb, µs | store, µs | store ÷ plain | bar: 2 |$$;
SELECT $$|---|---|---|---|---|$$;
SELECT format('| synchronous_commit = %s | %s | %s | %s (%s to %s) | %s |', substr(measured, 6), us(plain), us(stored), round(ratio, 2), round(least, 2), round(most, 2), verdict(ratio <= 2))
FROM save_cost ORDER BY measured DESC;
SELECT '';
SELECT $$Transactions a second, synchronous_commit = on; medians of the runs:$$;
SELECT '';
SELECT $$| | plain jsonb | store | store ÷ plain |$$;
SELECT $$|---|---|---|---|$$;
SELECT format('| %s | %s | %s | %s |', measured || CASE WHEN measured LIKE '%many' THEN ' chains' ELSE ' chain' END, us(percentile_cont(0.5) WITHIN GROUP (ORDER BY a.tps)), us(percentile_cont(0.5) WITHIN GROUP (ORDER BY b.tps)),
	round(percentile_cont(0.5) WITHIN GROUP (ORDER BY b.tps / a.tps)::numeric, 2))
FROM throughput a JOIN throughput b USING (measured, run) WHERE a.variant = 'plain' AND b.variant = 'stored' GROUP BY measured ORDER BY measured;
SELECT '';
SELECT $$Bytes of WAL for a save, of text on average $$ || each(20, :chains, 'text') || ', with ' || :chains || ' chains, so that a checkpoint costs few images of pages:';
SELECT '';
SELECT $$| | plain jsonb | store | store ÷ plain |$$;
SELECT $$|---|---|---|---|$$;
SELECT format('| %s | %s | %s | %s |', measured, to_char(a.bytes, 'FM999,990'), to_char(b.bytes, 'FM999,990'), round(b.bytes / a.bytes, 2))
FROM wal a JOIN wal b USING (measured) WHERE a.variant = 'plain' AND b.variant = 'stored' AND measured LIKE 'full%' ORDER BY measured;
SELECT '';
SELECT $$### Saving as the table grows$$;
SELECT '';
SELECT $$The third version, 5 kB, of chains that have two; synchronous_commit = off, one client, the sizes in turn. Median and 95th percentile.$$;
SELECT $$Right after a checkpoint: with many chains, nearly every save is the first to touch a page, of which WAL gets an image.$$;
SELECT '';
SELECT $$| chains | plain jsonb, µs | p95 | store, µs | p95 | store ÷ that of the fewest chains | p95 ÷ that | bar: 1.25 | bytes of WAL, plain | store |$$;
SELECT $$|---|---|---|---|---|---|---|---|---|---|$$;
SELECT format('| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |', to_char(chains, 'FM999,999'), us(p.median), us(p.p95), us(s.median), us(s.p95), round((s.median / first.median)::numeric, 2), round((s.p95 / first.p95)::numeric, 2),
	CASE WHEN chains = first.n THEN '' ELSE verdict(s.median / first.median < 1.25) END, flat_wal(chains, 'plain'), flat_wal(chains, 'stored'))
FROM flat p JOIN flat s USING (chains), LATERAL (SELECT chains AS n, median, p95 FROM flat WHERE t = 'stored' ORDER BY chains LIMIT 1) first
WHERE p.t = 'plain' AND s.t = 'stored' ORDER BY chains;
SELECT '';
SELECT $$### `cvwiz.version_compression_level`, 20 kB$$;
SELECT '';
SELECT $$INSERT … SELECT of JSON text, parsing included, the chains' n-th versions as one statement.$$;
SELECT '';
SELECT $$| level | a save, µs | text ÷ content | bytes of a keyframe | of a difference |$$;
SELECT $$|---|---|---|---|---|$$;
SELECT format('| %s | %s | %s | %s | %s |', level, us(median('level', 20, level::text)), round(ratio, 1), to_char(keyframe, 'FM999,990'), to_char(difference, 'FM999,990')) FROM level ORDER BY level;
