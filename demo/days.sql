-- A month of use, day by day: events and documents come in, the policy runs, the
-- version store is tidied, sizes are sampled, alerts evaluated. From the clock of the server on.
SELECT cvwiz.clock()::date AS today \gset

-- What a day's events are taken from.
CREATE UNLOGGED TABLE usual_events AS SELECT l.*, row_number() OVER (ORDER BY l.id) AS n FROM audit_logs l;

-- More of them on working days.
CREATE FUNCTION new_events(day date) RETURNS void LANGUAGE sql AS $$
INSERT INTO audit_logs
SELECT 'd' || day || '-' || n, e."userId", e.action, e."entityType", e."entityId", e."oldValues", e."newValues", e."requestId",
	day - interval '1 day' + n * interval '24 hours' / 200
FROM (SELECT u.*, row_number() OVER (ORDER BY md5(u.id || day)) AS n FROM usual_events u) AS e (id, "userId", action, "entityType", "entityId", "oldValues", "newValues", "requestId", "createdAt", source, n)
WHERE n <= CASE WHEN extract(isodow FROM day - 1) < 6 THEN 120 ELSE 40 END + (day - date '2026-01-01') % 5 * 9
$$;

-- Many small documents, some large, now and then one that is too large.
CREATE FUNCTION new_documents(day date) RETURNS void LANGUAGE sql AS $$
INSERT INTO "ResumeVersion"
SELECT 'v' || day || '-' || n, 'r' || n % 20, resume((4 + 1200 / (1 + (n * 7919 + extract(day FROM day)::int * 31) % 400))::int), day
FROM generate_series(1, 25) AS n
$$;

CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';

-- One statement after the other, as cvwiz's clock goes from day to day.
\o /dev/null
SET client_min_messages = error;
SELECT format('SET cvwiz.now = %L', at || '+00') AS clock,
	CASE WHEN hour = 3 THEN format('SELECT new_events(%1$L), new_documents(%1$L)', day) END AS events,
	-- a resume is saved every day, its newest twenty versions are kept
	CASE WHEN hour = 9 THEN format('INSERT INTO "SavedResume" VALUES (''v%s'', ''r1'', edited_resume(%1$s))', 20 + n) END AS saved,
	CASE WHEN hour = 9 THEN format('DELETE FROM "SavedResume" WHERE id = ''v%s''', n) END AS kept,
	-- three days of a legal hold
	CASE WHEN hour = 3 AND n IN (13, 16) THEN format('SELECT cvwiz.alter_retention_policy(''audit_logs'', hold => %L)', n = 13) END AS hold,
	-- a night that leaves expired rows, until somebody has looked
	CASE WHEN n = 22 AND hour = 3 THEN 'CREATE TRIGGER keep BEFORE DELETE ON audit_logs FOR EACH ROW EXECUTE FUNCTION keep()'
		WHEN n = 22 AND hour = 9 THEN 'DROP TRIGGER keep ON audit_logs' END AS trigger,
	CASE WHEN hour = 3 OR n = 22 AND hour = 9 THEN 'SELECT cvwiz.cleanup_old_logs()' END AS run,
	CASE WHEN hour = 3 THEN 'CALL cvwiz.repack_versions()' END AS repack,
	'SELECT cvwiz.sample_sizes()' AS sample,
	'SELECT cvwiz.evaluate_alerts()' AS alerts
FROM (SELECT n, date :'today' + n AS day, hour, date :'today' + n + make_time(hour, 0, 5) AS at
	FROM generate_series(1, 31) AS n, unnest('{3,9,15,21}'::int[]) AS hour) AS moment
ORDER BY at \gexec
DROP TABLE usual_events;
DROP FUNCTION keep();
\o
SELECT max(finished_at)::text AS clock FROM cvwiz.retention_runs \gset
\echo The clock of the last run says :clock.
