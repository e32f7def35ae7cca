-- Detached partitions that await their drop: the list, and taking one back.
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
CREATE EXTENSION cvwiz;
SET cvwiz.now = '2026-05-10 12:00';
CREATE ROLE regress_cvwiz_owner;
CREATE ROLE regress_cvwiz_stranger;
CREATE ROLE regress_cvwiz_monitor IN ROLE pg_monitor;
CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO PUBLIC;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA cvwiz TO PUBLIC;
GRANT SET ON PARAMETER cvwiz.now TO regress_cvwiz_owner;
SET search_path = app;

CREATE FUNCTION app.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
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

SET client_min_messages = warning;

-- ---- the list ----

SET ROLE regress_cvwiz_owner;
CREATE TABLE logs (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at);
SELECT cvwiz.create_partition('logs', m::date) FROM generate_series(timestamp '2025-12-01', '2026-02-01', '1 month') m;
INSERT INTO logs VALUES (1, '2025-12-05'), (2, '2026-01-05'), (3, '2026-01-31 23:59:59Z'), (4, '2026-02-28');
SELECT cvwiz.add_retention_policy('logs', drop_after => '1 month');
SELECT success, deleted_count, partitions_detached, partitions_dropped FROM cvwiz.cleanup_old_logs('logs');
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'cvwiz.detached_partitions'::regclass AND attnum > 0 ORDER BY attnum;
-- rows: what they had; cleanup_old_logs() has them counted as well
SELECT * FROM cvwiz.detached_partitions ORDER BY range_start;
SELECT count(*) FROM logs;
-- the drop, a day too early, and in time
SELECT action, target, reason FROM cvwiz.retention_plan('logs') WHERE action IN ('detach', 'drop');
SET cvwiz.now = '2026-06-10 11:59:59';
SELECT action, target FROM cvwiz.retention_plan('logs') WHERE action IN ('detach', 'drop');
SET cvwiz.now = '2026-06-10 12:00';
SELECT action, target FROM cvwiz.retention_plan('logs') WHERE action IN ('detach', 'drop');
-- a longer time counts for those that are detached already, and so does none
SELECT cvwiz.alter_retention_policy('logs', drop_after => '40 days');
SELECT relation, drop_due FROM cvwiz.detached_partitions ORDER BY range_start;
SELECT action, target FROM cvwiz.retention_plan('logs') WHERE action = 'drop';
SELECT cvwiz.alter_retention_policy('logs', drop_after => '0');
SELECT relation, drop_due FROM cvwiz.detached_partitions ORDER BY range_start;
SELECT action, target FROM cvwiz.retention_plan('logs') WHERE action = 'drop';
-- more days kept than when they were detached: not dropped
SELECT cvwiz.alter_retention_policy('logs', retention_days => 150);
SELECT action, target FROM cvwiz.retention_plan('logs') WHERE action = 'drop';
SELECT cvwiz.alter_retention_policy('logs', retention_days => 90, drop_after => '1 month');
SET cvwiz.now = '2026-05-10 12:00';
-- who sees it
SET ROLE regress_cvwiz_monitor;
SELECT count(*) FROM cvwiz.detached_partitions;
SET ROLE regress_cvwiz_stranger;
SELECT count(*) FROM cvwiz.detached_partitions;
\set VERBOSITY terse
SELECT count(*) FROM cvwiz.detached_partition;
\set VERBOSITY default
RESET ROLE;
SELECT count(*) FROM cvwiz.detached_partitions;

-- ---- drop_due: months and days of UTC, whatever the session's zone ----

SELECT cvwiz.drop_due('2026-01-31 12:00Z', '1 month'), cvwiz.drop_due('2024-02-29 00:00Z', '1 year'), cvwiz.drop_due('2026-03-07 12:00Z', '1 day 1 hour');
SET timezone = 'America/New_York';
SELECT cvwiz.drop_due('2026-03-07 12:00Z', '1 day') = '2026-03-08 12:00Z' AS days, cvwiz.drop_due('2026-01-31 23:30-05', '1 month') = '2026-03-01 04:30Z' AS months;
SELECT count(DISTINCT drop_due) = 1 AND min(drop_due) = '2026-06-10 12:00Z' AS same FROM cvwiz.detached_partitions;
SET timezone = 'Pacific/Kiritimati';
SELECT count(DISTINCT drop_due) = 1 AND min(drop_due) = '2026-06-10 12:00Z' AS same FROM cvwiz.detached_partitions;
SET timezone = 'UTC';
SELECT cvwiz.drop_due(NULL, '1 day'), cvwiz.drop_due('2026-01-01', NULL);

-- ---- reattach_partition: errors ----

\t on
SET ROLE regress_cvwiz_owner;
CREATE TABLE other (id int, at timestamptz NOT NULL);
SELECT error_of($$SELECT cvwiz.reattach_partition(NULL)$$);
SELECT error_of($$SELECT cvwiz.reattach_partition('other')$$);
SELECT error_of($$SELECT cvwiz.reattach_partition('logs')$$);
SELECT error_of($$SELECT cvwiz.reattach_partition('logs_2026_02')$$);
SELECT error_of($$SELECT cvwiz.reattach_partition(0)$$);
SELECT error_of($$SELECT cvwiz.reattach_partition(4294967295)$$);
-- by hand is not by a run
SELECT cvwiz.detach_partition('logs_2026_02');
SELECT error_of($$SELECT cvwiz.reattach_partition('logs_2026_02')$$);
SET ROLE regress_cvwiz_stranger;
SELECT error_of($$SELECT cvwiz.reattach_partition('logs_2026_01')$$);
-- the range is taken
SET ROLE regress_cvwiz_owner;
CREATE TABLE taken PARTITION OF logs FOR VALUES FROM ('2026-01-15') TO ('2026-01-16');
SELECT error_of($$SELECT cvwiz.reattach_partition('logs_2026_01')$$);
DROP TABLE taken;
-- somebody else's by now
RESET ROLE;
ALTER TABLE logs_2026_01 OWNER TO regress_cvwiz_stranger;
SET ROLE regress_cvwiz_owner;
SELECT error_of($$SELECT cvwiz.reattach_partition('logs_2026_01')$$);
RESET ROLE;
ALTER TABLE logs_2026_01 OWNER TO regress_cvwiz_owner;
SET ROLE regress_cvwiz_owner;
-- a row that is not within the bounds
INSERT INTO logs_2026_01 VALUES (5, '2026-05-05');
SELECT error_of($$SELECT cvwiz.reattach_partition('logs_2026_01')$$);
DELETE FROM logs_2026_01 WHERE id = 5;
\t off
SELECT relation FROM cvwiz.detached_partitions ORDER BY range_start;

-- ---- and success ----

SELECT cvwiz.reattach_partition('logs_2026_01');
SELECT * FROM cvwiz.partition_ranges('logs');
SELECT count(*) FROM logs;
SELECT relation FROM cvwiz.detached_partitions;
-- no warning where the next run keeps it
SELECT cvwiz.alter_retention_policy('logs', hold => true);
SELECT cvwiz.reattach_partition('logs_2025_12');
SELECT success, partitions_detached, partitions_dropped, residue FROM cvwiz.cleanup_old_logs('logs');
SELECT cvwiz.alter_retention_policy('logs', hold => false);
-- the next one takes it out again, from then on
SET cvwiz.now = '2026-05-11 12:00';
SELECT success, partitions_detached, partitions_dropped, residue FROM cvwiz.cleanup_old_logs('logs');
SELECT relation, detached_at, drop_due FROM cvwiz.detached_partitions ORDER BY range_start;
-- attached by hand, it is forgotten as well
ALTER TABLE logs ATTACH PARTITION logs_2025_12 FOR VALUES FROM ('2025-12-01Z') TO ('2026-01-01Z');
SELECT relation FROM cvwiz.detached_partitions;
-- renamed, it is still listed; dropped, it is not
ALTER TABLE logs_2026_01 RENAME TO "January";
SELECT relation, parent FROM cvwiz.detached_partitions;
DROP TABLE "January";
SELECT count(*) FROM cvwiz.detached_partitions;
-- its parent dropped, no run is left to drop it
SET cvwiz.now = '2026-05-12 12:00';
SELECT success, partitions_detached FROM cvwiz.cleanup_old_logs('logs');
SELECT relation FROM cvwiz.detached_partitions;
DROP TABLE logs;
SELECT relation FROM cvwiz.detached_partitions;
SELECT count(*) FROM logs_2025_12;

RESET ROLE;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
REVOKE SET ON PARAMETER cvwiz.now FROM regress_cvwiz_owner;
DROP ROLE regress_cvwiz_owner, regress_cvwiz_stranger, regress_cvwiz_monitor;
