-- The settings cvwiz.*: who may set them, which values they take; the clock.
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
SET timezone = 'America/New_York';
SET datestyle = 'ISO, YMD';
CREATE EXTENSION cvwiz;
SET client_min_messages = warning;
CREATE ROLE regress_cvwiz_user;
RESET client_min_messages;

CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', sqlstate || ': ' || sqlerrm, '  detail: ' || nullif(detail, ''), '  hint: ' || nullif(hint, ''));
END $$;

-- the library is loaded by the first call
SELECT cvwiz.clock() IS NOT NULL;
SELECT name, vartype, context, unit, min_val, max_val, boot_val, short_desc <> '' AS described FROM pg_settings
WHERE name IN ('cvwiz.alert_interval', 'cvwiz.databases', 'cvwiz.lock_timeout', 'cvwiz.naptime', 'cvwiz.now', 'cvwiz.purge_batch_size', 'cvwiz.purge_pause', 'cvwiz.purge_time', 'cvwiz.step_timeout', 'cvwiz.worker') ORDER BY name;

-- ---- the clock ----

SELECT abs(extract(epoch FROM clock_timestamp() - cvwiz.clock())) < 60 AS is_the_time_of_day;
-- it moves on within a transaction
BEGIN;
SELECT cvwiz.clock() > now() AS later_than_the_transaction;
COMMIT;
-- UTC where no zone is named, whatever the session's
SET cvwiz.now = '2026-08-31 12:00';
SELECT cvwiz.clock() AT TIME ZONE 'UTC';
SET cvwiz.now = '2026-08-31 12:00:00.123456+05:30';
SELECT cvwiz.clock() AT TIME ZONE 'UTC';
SET cvwiz.now = '2026-08-31T12:00Z';
SELECT cvwiz.clock() AT TIME ZONE 'UTC';
SET cvwiz.now = '2026-08-31';
SELECT cvwiz.clock() AT TIME ZONE 'UTC';
SET cvwiz.now = '1970-01-01';
SELECT cvwiz.clock() AT TIME ZONE 'UTC';
-- a parameter of a function, a transaction
BEGIN;
SET LOCAL cvwiz.now = '2030-01-01';
SELECT cvwiz.clock() AT TIME ZONE 'UTC';
ROLLBACK;
SELECT cvwiz.clock() AT TIME ZONE 'UTC';
SET cvwiz.now = '';
SELECT abs(extract(epoch FROM clock_timestamp() - cvwiz.clock())) < 60 AS is_the_time_of_day;
SET cvwiz.now = '2026-08-31';
RESET cvwiz.now;
SHOW cvwiz.now;

-- ---- bad values ----

\t on
SELECT value || E'\n' || pg_temp.error_of(format('SET cvwiz.now = %L', value))
FROM unnest('{nonsense,now,today,tomorrow,epoch,infinity,-infinity,2026-13-01,2026-02-30,2026-08-31 25:00,12:00,1969-12-31,9001-01-01,2026-08-31 BC,2026-08-31 12:00 America/New_York,2026-08-31 12:00 Mars/Olympus,2026-08-31 12:00 EST,31.08.2026,08/31/2026," ","2026-08-31 12:00; DROP TABLE x",yesterday}'::text[]) value;
-- whatever the order of day and month in the session
SET datestyle = 'SQL, DMY';
SELECT value, left(pg_temp.error_of(format('SET cvwiz.now = %L', value)), 5) FROM unnest('{31-08-2026,31/08/2026,01-09-2026,1-9-26}'::text[]) value;
SET datestyle = 'ISO, YMD';
SELECT left(pg_temp.error_of(format('SET cvwiz.now = %L', repeat('2026-08-31 ', 1000))), 60);
SHOW cvwiz.now;
-- (the text differs from one PostgreSQL to the next)
SELECT value, left(pg_temp.error_of(format('SET cvwiz.%s = %L', split_part(value, ' ', 1), split_part(value, ' ', 2))), 5)
FROM unnest('{purge_batch_size 0,purge_batch_size 10000001,purge_batch_size x,purge_pause -1,purge_pause 2h,lock_timeout 0,lock_timeout -1,no_such_setting 1}'::text[]) value;
SET cvwiz.purge_batch_size = 1;
SET cvwiz.purge_batch_size = 10000000;
SET cvwiz.purge_pause = '1h';
SET cvwiz.lock_timeout = '250ms';
SHOW cvwiz.purge_pause;
SHOW cvwiz.lock_timeout;
RESET cvwiz.purge_batch_size;
RESET cvwiz.purge_pause;
RESET cvwiz.lock_timeout;
-- those of the worker are the server's, not a session's
SELECT value || E'\n' || pg_temp.error_of(format('SET cvwiz.%s', value))
FROM unnest(ARRAY['worker = off', 'databases = a', 'naptime = 1', 'purge_time = ''04:00''']) value;
-- and make sense
ALTER SYSTEM SET cvwiz.purge_time = '24:00';
ALTER SYSTEM SET cvwiz.purge_time = '03:60';
ALTER SYSTEM SET cvwiz.purge_time = '3:00';
ALTER SYSTEM SET cvwiz.purge_time = '03:00:00';
ALTER SYSTEM SET cvwiz.purge_time = '';
ALTER SYSTEM SET cvwiz.purge_time = '-1:00';
\set VERBOSITY sqlstate
ALTER SYSTEM SET cvwiz.naptime = 0;
ALTER SYSTEM SET cvwiz.naptime = '25h';
ALTER SYSTEM SET cvwiz.alert_interval = 0;
ALTER SYSTEM SET cvwiz.alert_interval = '25h';
\set VERBOSITY default
ALTER SYSTEM SET cvwiz.worker = 'perhaps';
ALTER SYSTEM SET cvwiz.now = 'nonsense';
\echo :SQLSTATE

-- ---- who may ----

SET ROLE regress_cvwiz_user;
SET cvwiz.now = '2026-08-31';
\echo :SQLSTATE
SELECT set_config('cvwiz.now', '2026-08-31', false);
\echo :SQLSTATE
SET LOCAL cvwiz.now = '2026-08-31';
ALTER ROLE regress_cvwiz_user SET cvwiz.now = '2026-08-31';
\echo :SQLSTATE
CREATE FUNCTION pg_temp.later() RETURNS timestamptz LANGUAGE sql SET cvwiz.now = '2030-01-01' AS 'SELECT cvwiz.clock()';
\echo :SQLSTATE
RESET cvwiz.now;
\echo :SQLSTATE
-- these are anybody's
SET cvwiz.purge_batch_size = 5;
SET cvwiz.purge_pause = 5;
SET cvwiz.lock_timeout = 5;
RESET ROLE;
-- one that was granted
GRANT SET ON PARAMETER cvwiz.now TO regress_cvwiz_user;
SET ROLE regress_cvwiz_user;
SET cvwiz.now = '2026-08-31';
SELECT cvwiz.clock() AT TIME ZONE 'UTC';
RESET ROLE;
REVOKE SET ON PARAMETER cvwiz.now FROM regress_cvwiz_user;

DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
DROP ROLE regress_cvwiz_user;
