-- The worker's state, and pg_cron instead of the worker.

CREATE FUNCTION cvwiz.worker_status(OUT preloaded boolean, OUT launcher_pid int, OUT starved boolean)
LANGUAGE c VOLATILE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_worker_status';
COMMENT ON FUNCTION cvwiz.worker_status() IS
'Whether cvwiz is in shared_preload_libraries, the process of the launcher (NULL: not running), and whether it found no free background worker (max_worker_processes). For cvwiz.health().';

CREATE FUNCTION cvwiz.schedule_retention(schedule text DEFAULT '0 3 * * *')
RETURNS bigint LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_schedule_retention';
COMMENT ON FUNCTION cvwiz.schedule_retention(text) IS
'Has pg_cron call cvwiz.run_retention() as the current user, at the given times (a cron expression, in pg_cron''s time zone); returns the job''s number. Called again, replaces the job. Errors: 42704 no pg_cron in this database, and pg_cron''s own.';

CREATE FUNCTION cvwiz.unschedule_retention()
RETURNS boolean LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_unschedule_retention';
COMMENT ON FUNCTION cvwiz.unschedule_retention() IS
'Takes the current user''s job of cvwiz.schedule_retention() back; whether there was one. Error: 42704 no pg_cron in this database.';

REVOKE ALL ON FUNCTION cvwiz.schedule_retention(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.unschedule_retention() FROM PUBLIC;
