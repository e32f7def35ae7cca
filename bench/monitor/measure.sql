-- How long each reading takes: rounds of it in one session, after one that warms
-- up. Variables: rounds, later (a time when every sample is due).

-- Each query is planned anew, and its rows are counted, so that all are made.
CREATE FUNCTION pg_temp.measure(reading text, query text, rounds int, bar double precision DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	started timestamptz;
BEGIN
	FOR round IN 0 .. rounds LOOP
		started := clock_timestamp();
		EXECUTE format('SELECT count(r) FROM (%s) r', query);
		IF round > 0 OR rounds = 0 THEN
			INSERT INTO bench.reading (reading, bar, ms)
			VALUES (reading, bar, extract(epoch FROM clock_timestamp() - started) * 1000);
		END IF;
	END LOOP;
END $$;

SELECT pg_temp.measure('`SELECT * FROM cvwiz.stat_audit`', 'SELECT * FROM cvwiz.stat_audit', :rounds, 50);
SELECT pg_temp.measure('… `WHERE relation = ''logs_1''::regclass`', 'SELECT * FROM cvwiz.stat_audit WHERE relation = ''logs_1''::regclass', :rounds, 50);
SELECT pg_temp.measure('`SELECT * FROM cvwiz.stat_snapshot`', 'SELECT * FROM cvwiz.stat_snapshot', :rounds, 50);
SELECT pg_temp.measure('`SELECT * FROM cvwiz.metrics`', 'SELECT * FROM cvwiz.metrics', :rounds, 50);
SELECT pg_temp.measure('… `WHERE name = ''cvwiz_audit_bytes''`', 'SELECT * FROM cvwiz.metrics WHERE name = ''cvwiz_audit_bytes''', :rounds, 50);
SELECT pg_temp.measure('`SELECT cvwiz.openmetrics()`', 'SELECT cvwiz.openmetrics()', :rounds, 50);
SELECT pg_temp.measure('`SELECT cvwiz.check()`', 'SELECT cvwiz.check()', :rounds, 50);
SELECT pg_temp.measure('`SELECT cvwiz.evaluate_alerts()`, nothing new', 'SELECT cvwiz.evaluate_alerts()', :rounds);
SELECT pg_temp.measure('`SELECT cvwiz.sample_sizes()`, none due', 'SELECT cvwiz.sample_sizes()', :rounds);
SELECT pg_temp.measure('`SELECT cvwiz.report()`', 'SELECT cvwiz.report()', 5);

-- two hours later every sample is due, and what is read is measured there and then
SET cvwiz.now = :'later';
SELECT pg_temp.measure('`SELECT * FROM cvwiz.metrics`, no sample of the last two hours', 'SELECT * FROM cvwiz.metrics', 5);
SELECT pg_temp.measure('`SELECT cvwiz.sample_sizes()`, all due', 'SELECT cvwiz.sample_sizes()', 0);
