-- The section of RESULTS.md.
\set QUIET on
\pset format unaligned
\pset tuples_only on
SET search_path = bench;

CREATE FUNCTION verdict(met boolean) RETURNS text LANGUAGE sql AS $$ SELECT CASE WHEN met THEN 'met' ELSE '**missed**' END $$;
CREATE FUNCTION us(measured text, kb int, variant text) RETURNS text LANGUAGE sql AS $$
	SELECT to_char(us, CASE WHEN us < 10 THEN 'FM990.0' ELSE 'FM999,990' END) FROM bench.best WHERE (best.measured, best.kb, best.variant) = ($1, $2, $3)
$$;

-- of one run of pgbench
CREATE VIEW insert_run AS
SELECT run, synchronous_commit, script, percentile_cont(0.5) WITHIN GROUP (ORDER BY us) AS us FROM transaction GROUP BY 1, 2, 3;
CREATE VIEW insert_cost AS
SELECT synchronous_commit,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY a.us) AS plain_us,
	100 * (percentile_cont(0.5) WITHIN GROUP (ORDER BY b.us / a.us) - 1) AS cvwiz,
	100 * (percentile_cont(0.5) WITHIN GROUP (ORDER BY c.us / a.us) - 1) AS plpgsql,
	100 * (min(b.us / a.us) - 1) AS cvwiz_least, 100 * (max(b.us / a.us) - 1) AS cvwiz_most,
	100 * (min(c.us / a.us) - 1) AS plpgsql_least, 100 * (max(c.us / a.us) - 1) AS plpgsql_most
FROM insert_run a JOIN insert_run b USING (run, synchronous_commit) JOIN insert_run c USING (run, synchronous_commit)
WHERE a.script = 0 AND b.script = 1 AND c.script = 2
GROUP BY synchronous_commit;

SELECT $$### The documents$$;
SELECT '';
SELECT $$Resume-shaped, made by `bench/snapshot/generate`. What they compress to tells how hard they are.$$;
SELECT '';
SELECT $$| | documents | bytes of text | zlib 6, no dictionary |$$;
SELECT $$|---|---|---|---|$$;
SELECT format('| %s kB | %s | %s | %s |', kb, (SELECT count(*) FROM document d WHERE d.kb = ratio.kb),
	to_char(average, 'FM999,999'), round(zlib, 2)) FROM ratio ORDER BY kb;
SELECT '';
SELECT $$### The size: `cvwiz.snapshot_size(x)` against `octet_length(x::text)`$$;
SELECT '';
SELECT $$| | cvwiz, µs | text, µs | times faster | bar: 6 |$$;
SELECT $$|---|---|---|---|---|$$;
SELECT format('| %s kB | %s | %s | %s | %s |', kb, us('size', kb, 'cvwiz'), us('size', kb, 'text'),
	round(times, 1), verdict(times >= 6))
FROM unnest(ARRAY[5, 20, 100, 300]) kb, times_as_long('size', kb, 'cvwiz', 'text') times ORDER BY kb;
SELECT '';
SELECT $$### INSERT of a 20 kB document within the limits$$;
SELECT '';
SELECT $$By pgbench, which takes one of three tables at random for each transaction. Each figure is the median of the runs' medians, with the least and the most.$$;
SELECT '';
SELECT $$| | no trigger, µs | cvwiz' trigger | in PL/pgSQL, `octet_length(NEW.snapshot::text)` | bar: 5 % |$$;
SELECT $$|---|---|---|---|---|$$;
SELECT format('| synchronous_commit = %s | %s | %s %% (%s to %s) | %s %% (%s to %s) | %s |', synchronous_commit, to_char(plain_us, 'FM999,999'),
	to_char(cvwiz, 'SG990.0'), to_char(cvwiz_least, 'FMSG990.0'), to_char(cvwiz_most, 'FMSG990.0'),
	to_char(plpgsql, 'SG990.0'), to_char(plpgsql_least, 'FMSG990.0'), to_char(plpgsql_most, 'FMSG990.0'), verdict(cvwiz <= 5))
FROM insert_cost ORDER BY synchronous_commit DESC;
SELECT '';
SELECT $$### Truncating a document of 400 kB with long arrays$$;
SELECT '';
SELECT $$| | µs | times slower than cvwiz | bar: 5 |$$;
SELECT $$|---|---|---|---|$$;
SELECT format('| `cvwiz.truncate_snapshot(x, 100)` | %s | | |', us('truncate', 400, 'cvwiz'));
SELECT format('| SQL, `jsonb_agg` over `WITH ORDINALITY`, the arrays at the top | %s | %s | %s |', us('truncate', 400, 'top'), round(times, 1), verdict(times >= 5))
FROM times_as_long('truncate', 400, 'cvwiz', 'top') times;
SELECT format('| the same at any depth, in PL/pgSQL | %s | %s | |', us('truncate', 400, 'deep'), round(times, 1))
FROM times_as_long('truncate', 400, 'cvwiz', 'deep') times;
SELECT '';
SELECT $$### `cvwiz.zjsonb`: bytes of text ÷ bytes stored$$;
SELECT '';
SELECT $$| | jsonb, pglz | jsonb, lz4 | zjsonb | bar | | zjsonb, level 3 | level 1 |$$;
SELECT $$|---|---|---|---|---|---|---|---|$$;
SELECT format('| %s kB | %s | %s | %s | %s | %s | %s | %s |', kb, round(pglz, 2), round(lz4, 2), round(zjsonb, 2), bar, verdict(zjsonb >= bar),
	round((SELECT ratio FROM level_ratio l WHERE l.kb = ratio.kb AND level = 3), 2),
	round((SELECT ratio FROM level_ratio l WHERE l.kb = ratio.kb AND level = 1), 2))
FROM ratio JOIN (VALUES (5, 2.6), (20, 2.8), (100, 3.05), (300, 3.1)) b (kb, bar) USING (kb) ORDER BY kb;
SELECT '';
SELECT $$### `cvwiz.zjsonb`: reading$$;
SELECT '';
SELECT $$Stored documents as text, `x::text`, and one key of them, `x -> 'version'`, for which a zjsonb is parsed whole.$$;
SELECT '';
SELECT $$| | pglz, µs | lz4, µs | zjsonb, µs | zjsonb ÷ pglz | bar: 1 | a key: pglz, µs | zjsonb, µs |$$;
SELECT $$|---|---|---|---|---|---|---|---|$$;
SELECT format('| %s kB | %s | %s | %s | %s | %s | %s | %s |', kb, us('read', kb, 'pglz'), us('read', kb, 'lz4'), us('read', kb, 'zjsonb'),
	round(times, 2), verdict(times <= 1), us('key', kb, 'pglz'), us('key', kb, 'zjsonb'))
FROM unnest(ARRAY[5, 20, 100, 300]) kb, times_as_long('read', kb, 'zjsonb', 'pglz') faster, LATERAL (SELECT 1 / faster AS times) t ORDER BY kb;
SELECT '';
SELECT $$### `cvwiz.zjsonb`: storing$$;
SELECT '';
SELECT $$INSERT … SELECT of JSON text, parsing included, no trigger.$$;
SELECT '';
SELECT $$| | pglz, µs | lz4, µs | zjsonb, µs | zjsonb ÷ pglz | level 3, µs | level 1, µs |$$;
SELECT $$|---|---|---|---|---|---|---|$$;
SELECT format('| %s kB | %s | %s | %s | %s | %s | %s |', kb, us('insert', kb, 'pglz'), us('insert', kb, 'lz4'), us('insert', kb, 'zjsonb'),
	round(1 / times_as_long('insert', kb, 'zjsonb', 'pglz'), 2), us('insert', kb, 'zjsonb3'), us('insert', kb, 'zjsonb1'))
FROM unnest(ARRAY[5, 20, 100, 300]) kb ORDER BY kb;
