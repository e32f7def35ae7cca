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

CREATE TABLE contender (place int, contender text, name text);
INSERT INTO contender VALUES
	(1, 'control', 'nothing expires'),
	(2, 'cvwiz', 'cvwiz'),
	(3, 'partman', 'pg_partman'),
	(4, 'partman_timeout', 'pg_partman, lock_timeout 1 s, again until it works'),
	(5, 'delete', 'DELETE');

-- of one expiry, in ms: the statements that were due or at work while it was, or shortly after it
CREATE VIEW latency AS
SELECT contender, scenario, repetition, gone, failed, lost, c.ended - c.began AS seconds, count(*) AS statements,
	max(us - lag_us) / 1e3 AS worst,
	percentile_disc(0.99) WITHIN GROUP (ORDER BY us - lag_us) / 1e3 AS p99,
	percentile_disc(0.99) WITHIN GROUP (ORDER BY us) / 1e3 AS p99_due
FROM cell c JOIN statement s USING (contender, scenario, repetition)
WHERE s.ended > c.began AND s.ended - s.us / 1e6 < c.ended + :tail_seconds
GROUP BY contender, scenario, repetition, c.began, c.ended, gone, failed, lost;

CREATE FUNCTION median_worst(of text, contender text) RETURNS numeric LANGUAGE sql AS $$
	SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY worst)::numeric FROM latency WHERE (scenario, latency.contender) = ($1, $2)
$$;

CREATE FUNCTION latency_table(of text) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT '| | worst, ms | ÷ cvwiz | p99, ms | p99 since due, ms | failed | rows lost | duration, s | month gone |'
	UNION ALL SELECT '|---|---|---|---|---|---|---|---|---|'
	UNION ALL (SELECT format('| %s | %s | %s | %s | %s | %s | %s | %s | %s |', name,
		spread(array_agg(worst::numeric)), shown(median_worst($1, contender) / median_worst($1, 'cvwiz')), spread(array_agg(p99::numeric)), spread(array_agg(p99_due::numeric)), sum(failed), sum(lost),
		CASE WHEN contender <> 'control' THEN spread(array_agg(seconds::numeric)) END,
		CASE WHEN contender <> 'control' THEN format('%s of %s', count(*) FILTER (WHERE gone), count(*)) END)
	FROM latency JOIN contender USING (contender) WHERE scenario = $1 GROUP BY place, contender, name ORDER BY place)
$$;

CREATE FUNCTION median_empty(contender text, session text) RETURNS numeric LANGUAGE sql AS $$
	SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds)::numeric * 1e3 FROM empty_run WHERE (empty_run.contender, empty_run.session) = ($1, $2)
$$;

SELECT format($$An audit log of %s rows in %s monthly partitions, with indexes on userId, action, createdAt and the primary key (id, createdAt).
%s clients send %s statements a second together: one half are INSERTs, the other reads the last 20 events of one of %s users.
Meanwhile the oldest month expires. Each figure is the median of %s expiries, with the least and the most; "failed" and "rows lost" are sums.$$,
	to_char(:rows, 'FM999,999,999'), :months, :clients, :rate, to_char(:users, 'FM999,999,999'), :repetitions);
SELECT '';
SELECT format($$- Latencies are of the statements that were due or at work between the expiry's start and %s s after its end; "since due" counts
  from when the client should have sent the statement, had it not still been waiting for the one before.
- Every expiry starts from the same table, after VACUUM, ANALYZE and CHECKPOINT; fsync, synchronous_commit and autovacuum are on.
- cvwiz: `CALL cvwiz.run_retention()`. It keeps at most a year: its clock (`cvwiz.now`) stands a year after the month's end.
- pg_partman: `CALL partman.run_maintenance_proc()`, which its documentation recommends against contention, with `retention` and
  `retention_keep_table = false`, all else by default. It sets no lock_timeout, and its documentation names none; the other line
  is what a careful administrator makes of it: lock_timeout = 1 s, and the call repeated after a second until it works. The
  table has no DEFAULT partition.
- DELETE: `DELETE FROM audit_logs WHERE "createdAt" < …` on the same partitioned table, in one transaction. The partition and its
  space stay.
- "nothing expires" is the same load for %s s without any of that.$$, :tail_seconds, :reader_seconds);
SELECT '';
SELECT $$### With a reader in a long transaction$$;
SELECT '';
SELECT format($$A transaction that has read the table stays open for %s s; the expiry starts just after it.$$, :reader_seconds);
SELECT '';
SELECT latency_table('reader');
SELECT '';
SELECT format($$pg_partman's worst latency is %s times that of cvwiz (aim: 10, with nothing failed, lost or left by cvwiz: %s).$$,
	shown(times), verdict(times >= 10 AND (SELECT bool_and(gone AND failed = 0 AND lost = 0) FROM latency WHERE (contender, scenario) = ('cvwiz', 'reader'))))
FROM (SELECT median_worst('reader', 'partman') / median_worst('reader', 'cvwiz') AS times) t;
SELECT '';
SELECT $$### Without it$$;
SELECT '';
SELECT latency_table('writers');
SELECT '';
SELECT $$### What the expiry itself costs$$;
SELECT '';
SELECT $$Without clients, so that all WAL is the expiry's own; just after a checkpoint, so with the full pages that it touches. The VACUUM
that a DELETE needs afterwards is not in it.$$;
SELECT '';
SELECT $$| | WAL, kB | ÷ cvwiz | given back to the disk, MB | duration, s |$$;
SELECT $$|---|---|---|---|---|$$;
SELECT format('| %s | %s | %s | %s | %s |', name, spread(array_agg(wal / 1e3)),
	shown(avg(wal) / (SELECT avg(wal) FROM cell WHERE (scenario, contender) = ('quiet', 'cvwiz'))), shown(avg(given_back) / 1e6), spread(array_agg((ended - began)::numeric)))
FROM cell JOIN contender USING (contender) WHERE scenario = 'quiet' GROUP BY place, name ORDER BY place;
SELECT '';
SELECT format($$### An empty run on %s daily partitions$$, to_char(:partitions, 'FM999,999'));
SELECT '';
SELECT format($$Nothing has expired and no partition is missing. The median of %s runs each, in turn, on the same table, every one in a new session,
then once more in that session. cvwiz' time includes measuring that nothing expired is left, and the record of the run.$$, :empty_runs);
SELECT '';
SELECT $$| | new session, ms | again, ms | times as long as cvwiz, new session | again |$$;
SELECT $$|---|---|---|---|---|$$;
SELECT format('| `%s` | %s | %s | %s | %s |', call, shown(median_empty(contender, 'new')), shown(median_empty(contender, 'same')),
	CASE WHEN contender <> 'cvwiz' THEN shown(median_empty(contender, 'new') / median_empty('cvwiz', 'new')) END,
	CASE WHEN contender <> 'cvwiz' THEN shown(median_empty(contender, 'same') / median_empty('cvwiz', 'same')) END)
FROM (VALUES ('cvwiz', 'CALL cvwiz.run_retention()'), ('partman_proc', 'CALL partman.run_maintenance_proc()'),
	('partman_function', 'SELECT partman.run_maintenance()')) v (contender, call);
SELECT '';
SELECT format($$pg_partman's procedure takes %s times as long as cvwiz in a new session (aim: 5, %s).$$, shown(times), verdict(times >= 5))
FROM (SELECT median_empty('partman_proc', 'new') / median_empty('cvwiz', 'new') AS times) t;
