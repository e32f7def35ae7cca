-- How long each reading takes: rounds of it in one session, after one that warms
-- up. Variable: rounds.
CREATE TEMP TABLE figures (ordinal int GENERATED ALWAYS AS IDENTITY, reading text, best double precision, median double precision);

-- Each query is planned anew, and its rows are counted, so that all are made.
CREATE FUNCTION pg_temp.measure(reading text, query text, rounds int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	started timestamptz;
	taken double precision[] := '{}';
BEGIN
	FOR round IN 0 .. rounds LOOP
		started := clock_timestamp();
		EXECUTE format('SELECT count(r) FROM (%s) r', query);
		IF round > 0 OR rounds = 0 THEN
			taken := taken || extract(epoch FROM clock_timestamp() - started)::double precision * 1000;
		END IF;
	END LOOP;
	INSERT INTO figures (reading, best, median)
	SELECT measure.reading, min(t), percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(taken) t;
END $$;

SELECT pg_temp.measure('SELECT * FROM cvwiz.stat_audit', 'SELECT * FROM cvwiz.stat_audit', :rounds);
SELECT pg_temp.measure('the same, of one table', 'SELECT * FROM cvwiz.stat_audit WHERE relation = ''logs_1''::regclass', :rounds);
SELECT pg_temp.measure('SELECT * FROM cvwiz.stat_snapshot', 'SELECT * FROM cvwiz.stat_snapshot', :rounds);
SELECT pg_temp.measure(reading, query, :rounds)
FROM (VALUES
	('SELECT * FROM cvwiz.metrics', 'SELECT * FROM cvwiz.metrics', 'cvwiz.metrics'),
	('SELECT * FROM cvwiz.metrics WHERE name = ''cvwiz_audit_bytes''', 'SELECT * FROM cvwiz.metrics WHERE name = ''cvwiz_audit_bytes''', 'cvwiz.metrics')) q(reading, query, relation)
WHERE to_regclass(q.relation) IS NOT NULL;
SELECT pg_temp.measure('SELECT cvwiz.openmetrics()', 'SELECT cvwiz.openmetrics()', :rounds) WHERE to_regproc('cvwiz.openmetrics') IS NOT NULL;
SELECT pg_temp.measure('SELECT cvwiz.check()', 'SELECT cvwiz.check()', :rounds) WHERE to_regproc('cvwiz.check') IS NOT NULL;
SELECT pg_temp.measure('SELECT cvwiz.sample_sizes(), none due', 'SELECT cvwiz.sample_sizes()', :rounds);

-- two hours later every sample is due, and what is read is measured there and then
SET cvwiz.now = :'later';
SELECT pg_temp.measure('SELECT * FROM cvwiz.stat_audit, without samples', 'SELECT * FROM cvwiz.stat_audit', 2);
SELECT pg_temp.measure('SELECT cvwiz.sample_sizes(), all due', 'SELECT cvwiz.sample_sizes()', 0);

SELECT format('| %-62s | %10s | %10s |', 'reading', 'best', 'median')
UNION ALL SELECT format('|%s|%s:|%s:|', repeat('-', 64), repeat('-', 11), repeat('-', 11))
UNION ALL (SELECT format('| %-62s | %10s | %10s |', '`' || reading || '`', to_char(best, 'FM999990.00') || ' ms', to_char(median, 'FM999990.00') || ' ms') FROM figures ORDER BY ordinal);
