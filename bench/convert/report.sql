-- The section of RESULTS.md.
\set QUIET on
\pset format unaligned
\pset tuples_only on

CREATE FUNCTION verdict(met boolean) RETURNS text LANGUAGE sql AS $$ SELECT CASE WHEN met THEN 'met' WHEN NOT met THEN '**missed**' ELSE '**not measured**' END $$;
CREATE FUNCTION shown(x numeric) RETURNS text LANGUAGE sql AS $$
	SELECT to_char(x, CASE WHEN abs(x) < 0.995 THEN 'FM0.00' WHEN abs(x) < 9.95 THEN 'FM990.0' ELSE 'FM999,999,990' END)
$$;
-- the median, and in brackets the extremes
CREATE FUNCTION spread(x numeric[]) RETURNS text LANGUAGE sql AS $$
	SELECT shown(percentile_cont(0.5) WITHIN GROUP (ORDER BY v)::numeric) || ' (' || shown(min(v)) || ' to ' || shown(max(v)) || ')' FROM unnest(x) v
$$;

CREATE VIEW latency AS
SELECT c.*, count(*) AS statements, max(us) / 1e3 AS worst, percentile_disc(0.99) WITHIN GROUP (ORDER BY us) / 1e3 AS p99
FROM conversion c JOIN statement s USING (direction, size, repetition)
WHERE s.ended > c.began AND s.ended - s.us / 1e6 < c.ended + :tail_seconds
GROUP BY c.direction, c.size, c.repetition, c.began, c.ended, c.failed, c.lost, c.locked, c.commit, c.attempts;

SELECT format($$An audit log that is not partitioned, with indexes on userId, action, createdAt and the primary key (id), becomes one that is:
`CALL cvwiz.partition_by_month('audit_logs', 'createdAt')`. %s clients send %s statements a second together, one half INSERTs, the other
reads of the last 20 events of one of 25,000 users. Then it is made plain again: `CALL cvwiz.undo_partition_by_month('audit_logs')`.
Each figure is the median of %s conversions, with the least and the most; "failed" and "rows lost" are sums.$$, :clients, :rate, :repetitions);
SELECT '';
SELECT $$- Latencies are of the statements that were at work between the call's start and $$ || :tail_seconds || $$ s after its end.
- "exclusive" is the time from when the swap has ACCESS EXCLUSIVE on the table until its commit lets it go; "waited" how often a step gave up waiting for it.
- fsync, synchronous_commit and autovacuum are on.$$;
SELECT '';
SELECT '| | rows | worst, ms | p99, ms | statements | failed | rows lost | duration, s | exclusive, ms | of which commit, ms | waited |';
SELECT '|---|---|---|---|---|---|---|---|---|---|---|';
SELECT format('| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |', direction, to_char(size, 'FM999,999,999'), spread(array_agg(worst::numeric)), spread(array_agg(p99::numeric)),
	sum(statements), sum(failed), sum(lost), spread(array_agg((ended - began)::numeric)), spread(array_agg(locked::numeric)), spread(array_agg(commit::numeric)), sum(attempts))
FROM latency GROUP BY direction, size ORDER BY direction = 'undo', size;
SELECT '';
SELECT '| bar | measured | |';
SELECT '|---|---|---|';
SELECT format('| no statement waits longer than 250 ms, at %s rows | %s ms | %s |', to_char(:rows, 'FM999,999,999'), shown(max(worst)::numeric), verdict(max(worst) < 250)) FROM latency WHERE direction = 'conversion' AND size = :rows;
SELECT format('| none fails, none is lost | %s failed, %s lost | %s |', sum(failed), sum(lost), verdict(sum(failed) = 0 AND sum(lost) = 0)) FROM latency;
SELECT format('| the exclusive transaction does not grow from %s to %s rows | at the least %s ms, %s ms: × %s; median %s ms, %s ms | %s |', to_char(:few_rows, 'FM999,999,999'), to_char(:rows, 'FM999,999,999'),
	shown(min(locked) FILTER (WHERE size = :few_rows)::numeric), shown(min(locked) FILTER (WHERE size = :rows)::numeric), shown((min(locked) FILTER (WHERE size = :rows) / min(locked) FILTER (WHERE size = :few_rows))::numeric),
	shown(percentile_cont(0.5) WITHIN GROUP (ORDER BY locked) FILTER (WHERE size = :few_rows)::numeric), shown(percentile_cont(0.5) WITHIN GROUP (ORDER BY locked) FILTER (WHERE size = :rows)::numeric),
	verdict(min(locked) FILTER (WHERE size = :rows) < 1.5 * min(locked) FILTER (WHERE size = :few_rows)))
FROM conversion WHERE direction = 'conversion';
SELECT '';
SELECT $$Other work may run on the machine, and with many rows the disk is still writing the index that was built just before: the least is what the
exclusive transaction takes by itself. It reads no rows.$$;
