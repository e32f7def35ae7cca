-- The section of RESULTS.md. Variables: policies, partitions (of each), days,
-- rounds; counting: the table's rows that bench/monitor/counters/run has printed.
\set QUIET on
\pset format unaligned
\pset tuples_only on
SET search_path = bench;

CREATE FUNCTION ms(figure double precision) RETURNS text LANGUAGE sql AS $$ SELECT to_char(figure, CASE WHEN figure < 10 THEN 'FM990.0' ELSE 'FM999,990' END) $$;
CREATE FUNCTION verdict(met boolean) RETURNS text LANGUAGE sql AS $$ SELECT CASE WHEN met THEN 'met' WHEN NOT met THEN '**missed**' END $$;

SELECT $$### Reading$$;
SELECT '';
SELECT format('%s policies with %s partitions each, %s days of runs, %s samples, a column with limits for each policy: %s rows of `cvwiz.metrics`.',
	:policies, :partitions, :days, to_char((SELECT count(*) FROM cvwiz.size_sample), 'FM999,999,999'), to_char((SELECT count(*) FROM cvwiz.metrics), 'FM999,999'));
SELECT format('Each query %s times in one session, after once that does not count; "new session" is the first in a session, which has nothing in its caches.', :rounds);
SELECT '';
SELECT $$| | best, ms | median, ms | worst, ms | bar: 50 |$$;
SELECT $$|---|---|---|---|---|$$;
SELECT format('| %s | %s | %s | %s | %s |', reading, ms(min(r.ms)), ms(percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ms)), ms(max(r.ms)),
	verdict(percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ms) < min(bar)))
FROM reading r GROUP BY reading ORDER BY min(ordinal);
SELECT '';
SELECT $$The worker takes the samples, every hour. Without it, and without `cvwiz.sample_sizes()` by other means, a reading measures all partitions itself.$$;
SELECT '';
SELECT $$### Counting$$;
SELECT '';
SELECT $$What the trigger pays for a document to be counted: `counters_snapshot()`, linked from the extension's own objects, by itself. Documents of$$;
SELECT $$500 to 60,000 bytes, the median of 7 times 20 million calls (2 million of the slow ones); the last but one is the difference of the best of 21.$$;
SELECT '';
SELECT $$| | ns | bar: 100 |$$;
SELECT $$|---|---|---|$$;
SELECT format('| %s | %s | %s |', row[1], row[2], CASE WHEN row[1] !~ '^(a loop|not preloaded)' THEN verdict(row[2]::numeric < 100) END)
FROM regexp_matches(:'counting', '^\| (.*) \| (.*) \|$', 'gn') row;
SELECT '';
SELECT $$Two sessions that count documents of the same column take its cache lines from each other, which costs what the two processors are apart: the last two$$;
SELECT $$figures differ from run to run. 2 µs is what the size alone of a document of 5 kB takes (see above), so the last line is no trigger's.$$;
