-- Retention: policies, plan, runs.

-- ---- tables ----

CREATE TABLE cvwiz.retention_policy (
	relation regclass PRIMARY KEY,
	time_column name NOT NULL,
	retention_days int NOT NULL DEFAULT 90 CHECK (retention_days BETWEEN 30 AND 365),
	premake_months int NOT NULL DEFAULT 3 CHECK (premake_months BETWEEN 1 AND 24),
	enabled boolean NOT NULL DEFAULT true,
	hold boolean NOT NULL DEFAULT false,
	added_at timestamptz NOT NULL,
	granularity text NOT NULL DEFAULT 'row' CHECK (granularity IN ('row', 'partition')),
	archive_to text,
	drop_after interval NOT NULL DEFAULT '0' CHECK (drop_after BETWEEN '0' AND '100 years'),
	CHECK (archive_to IS NULL OR granularity = 'partition')
);
COMMENT ON TABLE cvwiz.retention_policy IS
'What owners asked for, one row a table. Written by cvwiz.add_retention_policy() and its kind only; read cvwiz.retention_policies. Dumped.';
COMMENT ON COLUMN cvwiz.retention_policy.relation IS 'The table, plain or partitioned by range on the time column';
COMMENT ON COLUMN cvwiz.retention_policy.time_column IS 'Column of type date, timestamp (taken as UTC) or timestamptz';
COMMENT ON COLUMN cvwiz.retention_policy.retention_days IS 'Days that a row is kept, 30 to 365';
COMMENT ON COLUMN cvwiz.retention_policy.premake_months IS 'Months ahead of the current one that get their partitions, 1 to 24';
COMMENT ON COLUMN cvwiz.retention_policy.enabled IS 'False: no run touches the table';
COMMENT ON COLUMN cvwiz.retention_policy.hold IS 'True (a legal hold): nothing is purged, detached or dropped; partitions are still made';
COMMENT ON COLUMN cvwiz.retention_policy.added_at IS 'When the policy was made, by cvwiz.clock()';
COMMENT ON COLUMN cvwiz.retention_policy.granularity IS 'row: exactly retention_days are kept, the partition that the cutoff lies in is purged by rows; partition: nothing but whole expired partitions goes';
COMMENT ON COLUMN cvwiz.retention_policy.archive_to IS 'Directory on the server that each expired partition is written to before it is dropped; NULL: it is dropped unwritten';
COMMENT ON COLUMN cvwiz.retention_policy.drop_after IS 'How long a detached partition stays before it is dropped';

CREATE TABLE cvwiz.detached_partition (
	relation regclass PRIMARY KEY,
	parent regclass NOT NULL,
	range_start timestamptz NOT NULL,
	range_end timestamptz NOT NULL,
	started_at timestamptz NOT NULL,
	pending boolean NOT NULL DEFAULT false,
	detached_at timestamptz,
	rows bigint,
	archived boolean NOT NULL DEFAULT false,
	emptied boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE cvwiz.detached_partition IS
'Partitions that a run detaches, or has detached, because they had expired, and that are still to be dropped; read cvwiz.detached_partitions. Dumped.';
COMMENT ON COLUMN cvwiz.detached_partition.relation IS 'The detached table';
COMMENT ON COLUMN cvwiz.detached_partition.parent IS 'The table that it was a partition of';
COMMENT ON COLUMN cvwiz.detached_partition.range_start IS 'Lower bound of the partition, inclusive';
COMMENT ON COLUMN cvwiz.detached_partition.range_end IS 'Upper bound of the partition, exclusive';
COMMENT ON COLUMN cvwiz.detached_partition.started_at IS 'When the run that detaches it began, by cvwiz.clock()';
COMMENT ON COLUMN cvwiz.detached_partition.pending IS 'The run''s concurrent detach has begun: committed with its first phase';
COMMENT ON COLUMN cvwiz.detached_partition.detached_at IS 'When it was detached, by cvwiz.clock(); NULL: not yet';
COMMENT ON COLUMN cvwiz.detached_partition.rows IS 'Rows that it had when it was detached; NULL: not counted';
COMMENT ON COLUMN cvwiz.detached_partition.archived IS 'Its rows are in an archive, as they were then';
COMMENT ON COLUMN cvwiz.detached_partition.emptied IS 'It was truncated, because dropping it has to wait for tables that it refers to';

CREATE TABLE cvwiz.retention_run (
	run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	relation oid NOT NULL,
	relation_name text NOT NULL,
	origin text NOT NULL CHECK (origin IN ('worker', 'call', 'function')),
	pid int NOT NULL,
	started_at timestamptz NOT NULL,
	finished_at timestamptz,
	duration interval,
	success boolean,
	deleted_count bigint NOT NULL DEFAULT 0,
	partitions_created int NOT NULL DEFAULT 0,
	partitions_detached int NOT NULL DEFAULT 0,
	partitions_dropped int NOT NULL DEFAULT 0,
	cutoff_date timestamptz,
	retention_days int,
	hold boolean,
	residue bigint,
	error text,
	error_detail text,
	progress_handle bigint,
	CHECK (success IS NOT TRUE OR (residue IS NOT NULL AND residue = 0 AND error IS NULL))
);
CREATE INDEX retention_run_relation_started_at ON cvwiz.retention_run (relation, started_at);
COMMENT ON TABLE cvwiz.retention_run IS
'The log of runs; read cvwiz.retention_runs. Kept for 400 days. Not dumped.';
COMMENT ON COLUMN cvwiz.retention_run.run_id IS 'Number of the run';
COMMENT ON COLUMN cvwiz.retention_run.relation IS 'OID of the table, which may be gone by now';
COMMENT ON COLUMN cvwiz.retention_run.relation_name IS 'Name of the table at the time of the run';
COMMENT ON COLUMN cvwiz.retention_run.origin IS 'worker, call (CALL cvwiz.run_retention()) or function (cvwiz.cleanup_old_logs())';
COMMENT ON COLUMN cvwiz.retention_run.pid IS 'Server process that the run was in';
COMMENT ON COLUMN cvwiz.retention_run.started_at IS 'By cvwiz.clock()';
COMMENT ON COLUMN cvwiz.retention_run.finished_at IS 'By cvwiz.clock(); NULL: at work, or killed';
COMMENT ON COLUMN cvwiz.retention_run.duration IS 'By a stopwatch, whatever cvwiz.clock() says';
COMMENT ON COLUMN cvwiz.retention_run.success IS 'True only if no step failed and the residue was measured and is 0';
COMMENT ON COLUMN cvwiz.retention_run.deleted_count IS 'Rows purged plus rows of dropped partitions, exactly; committed with each step';
COMMENT ON COLUMN cvwiz.retention_run.partitions_created IS 'Partitions made and attached';
COMMENT ON COLUMN cvwiz.retention_run.partitions_detached IS 'Partitions detached because they had expired';
COMMENT ON COLUMN cvwiz.retention_run.partitions_dropped IS 'Detached partitions dropped';
COMMENT ON COLUMN cvwiz.retention_run.cutoff_date IS 'Rows before this moment had expired';
COMMENT ON COLUMN cvwiz.retention_run.retention_days IS 'The policy''s at the time of the run';
COMMENT ON COLUMN cvwiz.retention_run.hold IS 'Whether the policy was on hold, so that nothing was to be deleted';
COMMENT ON COLUMN cvwiz.retention_run.residue IS 'Rows before the cutoff after the run; NULL: not measured';
COMMENT ON COLUMN cvwiz.retention_run.error IS 'The first step that failed, and why';
COMMENT ON COLUMN cvwiz.retention_run.error_detail IS 'SQLSTATE, detail and hint of that error; then the errors of other steps';

COMMENT ON COLUMN cvwiz.retention_run.progress_handle IS 'While the run is at work: the dynamic shared memory that cvwiz.retention_progress reads';

CREATE TABLE cvwiz.retention_total (
	relation oid PRIMARY KEY,
	runs_succeeded bigint NOT NULL,
	runs_failed bigint NOT NULL,
	runs_on_hold bigint NOT NULL,
	rows_purged bigint NOT NULL
);
COMMENT ON TABLE cvwiz.retention_total IS
'What the log of runs said of a table in those rows that are gone from it by age: added to what it says today, so that counts never fall. Not dumped.';
COMMENT ON COLUMN cvwiz.retention_total.relation IS 'OID of the table';
COMMENT ON COLUMN cvwiz.retention_total.runs_succeeded IS 'Runs that were successful';
COMMENT ON COLUMN cvwiz.retention_total.runs_failed IS 'Runs that were neither successful nor on hold';
COMMENT ON COLUMN cvwiz.retention_total.runs_on_hold IS 'Runs on hold that were not successful: they kept expired rows';
COMMENT ON COLUMN cvwiz.retention_total.rows_purged IS 'Sum of deleted_count';

-- A dropped table's row, which only lives where event triggers are switched
-- off, would be restored as a number that may stand for another table.
SELECT pg_catalog.pg_extension_config_dump('cvwiz.retention_policy',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');
SELECT pg_catalog.pg_extension_config_dump('cvwiz.detached_partition',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation) AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = parent)');

-- ---- policies ----

CREATE FUNCTION cvwiz.add_retention_policy(relation regclass, time_column name DEFAULT NULL, retention_days int DEFAULT 90, premake_months int DEFAULT 3, granularity text DEFAULT 'row', archive_to text DEFAULT NULL, drop_after interval DEFAULT '0')
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_add_retention_policy';
COMMENT ON FUNCTION cvwiz.add_retention_policy(regclass, name, int, int, text, text, interval) IS
'Gives a table, partitioned by range on one date, timestamp or timestamptz column or plain, a retention policy: rows are kept for retention_days (30 to 365), partitions made premake_months (1 to 24) ahead. time_column is needed for a plain table only. granularity ''row'' purges the partition that the cutoff lies in by rows, ''partition'' lets only whole expired partitions go, and these can be written to the directory archive_to first and stay detached for drop_after: all three for a partitioned table. For the table''s owner; archive_to for members of pg_write_server_files only. Errors: 22023 out of range, 42501 not the owner, or may not write files, 58P01, 42809 no such directory, 42809 not such a table, 0A000 not supported, 42703 no such column, 42804 type, 55000 column allows NULL, 42710 has one.';

CREATE FUNCTION cvwiz.alter_retention_policy(relation regclass, retention_days int DEFAULT NULL, premake_months int DEFAULT NULL, enabled boolean DEFAULT NULL, hold boolean DEFAULT NULL, granularity text DEFAULT NULL, archive_to text DEFAULT NULL, drop_after interval DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_alter_retention_policy';
COMMENT ON FUNCTION cvwiz.alter_retention_policy(regclass, int, int, boolean, boolean, text, text, interval) IS
'Changes what is not NULL. hold => true keeps every row from the moment that this commits, until hold => false. archive_to => '''' stops archiving. Waits for the step of a run that is at work. For the table''s owner; archive_to for members of pg_write_server_files only. Errors: 22023 out of range, 42501 not the owner, or may not write files, 42704 no policy, 55000 the table is not partitioned, 58P01, 42809 no such directory.';

CREATE FUNCTION cvwiz.remove_retention_policy(relation regclass)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_remove_retention_policy';
COMMENT ON FUNCTION cvwiz.remove_retention_policy(regclass) IS
'Takes a table''s policy away; the table, its partitions, also detached ones, and the log of runs stay. For the table''s owner. Errors: 42501 not the owner, 42704 no policy.';

CREATE FUNCTION cvwiz.drop_due(detached_at timestamptz, drop_after interval)
RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (detached_at AT TIME ZONE 'UTC' + drop_after) AT TIME ZONE 'UTC';
COMMENT ON FUNCTION cvwiz.drop_due(timestamptz, interval) IS
'When a partition that was detached then is dropped: months and days are those of UTC. For cvwiz.detached_partitions.';

CREATE FUNCTION cvwiz.next_run(added_at timestamptz, last_success timestamptz, last_attempt timestamptz, failures int)
RETURNS timestamptz LANGUAGE c VOLATILE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_next_run';
COMMENT ON FUNCTION cvwiz.next_run(timestamptz, timestamptz, timestamptz, int) IS
'When the worker runs a policy that was added then, began its last successful run and its last attempt then, and has failed so often since: at cvwiz.purge_time (UTC) once a day; at once where that was missed; after failures 1, 2, 4, ... minutes, at most 6 hours, after the last attempt. For cvwiz.retention_policies.';

-- A run that kept expired rows because of a hold has done what there was to do:
-- it is no success, and not tried again that day either.
CREATE VIEW cvwiz.retention_policies AS
SELECT p.relation, p.time_column, p.retention_days, p.premake_months, p.enabled, p.hold,
	p.granularity, p.archive_to, p.drop_after,
	(SELECT r.finished_at FROM cvwiz.retention_run r
	WHERE r.relation = p.relation AND r.success
	ORDER BY r.started_at DESC, r.run_id DESC LIMIT 1) AS last_success,
	CASE WHEN p.enabled THEN cvwiz.next_run(p.added_at, d.started_at, f.started_at, f.failures::int) END AS next_run
FROM cvwiz.retention_policy p
JOIN pg_catalog.pg_class c ON c.oid = p.relation
LEFT JOIN LATERAL (
	SELECT r.run_id, r.started_at FROM cvwiz.retention_run r
	WHERE r.relation = p.relation AND (r.success OR (r.hold AND p.hold AND r.residue > 0 AND r.finished_at IS NOT NULL))
	ORDER BY r.started_at DESC, r.run_id DESC LIMIT 1) d ON true
LEFT JOIN LATERAL (
	SELECT max(r.started_at) AS started_at, count(*) AS failures FROM cvwiz.retention_run r
	WHERE r.relation = p.relation
	AND (d.run_id IS NULL OR (r.started_at >= d.started_at AND r.run_id > d.run_id))) f ON true;
COMMENT ON VIEW cvwiz.retention_policies IS
'The policies, with the end of the last successful run and the time of the worker''s next one (in the past: due now; NULL: disabled).';
GRANT SELECT ON cvwiz.retention_policy, cvwiz.retention_policies TO PUBLIC;

-- ---- plan, runs ----

CREATE FUNCTION cvwiz.retention_plan(relation regclass DEFAULT NULL)
RETURNS TABLE (relation regclass, step int, action text, target text, range_start timestamptz, range_end timestamptz, rows_estimate bigint, lock_mode text, statement text, reason text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100 AS 'MODULE_PATHNAME', 'cvwiz_retention_plan';
COMMENT ON FUNCTION cvwiz.retention_plan(regclass) IS
'The steps that a run would do now, in their order: the dry run. Changes nothing. lock_mode is the strongest lock on a table in use: the parent''s, for a purge the target''s own; NULL for an archive and a drop, whose target is detached by then. statement is NULL for an archive. Without a relation, all policies of the caller (of pg_monitor and superusers: all). Errors: 42501 not the owner, 42704 no policy.';

CREATE FUNCTION cvwiz.cleanup_old_logs(relation regclass DEFAULT NULL)
RETURNS TABLE (relation regclass, success boolean, deleted_count bigint, partitions_created int, partitions_detached int, partitions_dropped int, cutoff_date timestamptz, retention_days int, residue bigint, duration interval, error text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'cvwiz_cleanup_old_logs';
COMMENT ON FUNCTION cvwiz.cleanup_old_logs(regclass) IS
'Runs the policy of a table, or all enabled ones of the caller''s tables, in the caller''s transaction, which keeps the locks to its end. success is true only if the residue was measured and is 0; NULL where another run is at work. A table that fails is reported, the others go on. Errors: 25001 isolation level above READ COMMITTED, 42501 not the owner, 42704 no policy, 55000 disabled.';

CREATE PROCEDURE cvwiz.run_retention(relation regclass DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'cvwiz_run_retention';
COMMENT ON PROCEDURE cvwiz.run_retention(regclass) IS
'Runs the policy of a table, or all enabled ones of the caller''s tables, and commits after each step. When a table has failed, ends with error P0001 that names it, once the others are done. Errors: 2D000 inside a transaction block, 42501 not the owner, 42704 no policy, 55000 disabled.';

-- A barrier, or a cheap function in WHERE would see the rows of others.
CREATE VIEW cvwiz.retention_runs WITH (security_barrier) AS
SELECT r.run_id, c.oid::pg_catalog.regclass AS relation, r.relation_name, r.origin, r.pid, r.started_at, r.finished_at, r.duration,
	r.success, r.deleted_count, r.partitions_created, r.partitions_detached, r.partitions_dropped,
	r.cutoff_date, r.retention_days, r.residue, r.error, r.error_detail
FROM cvwiz.retention_run r
LEFT JOIN pg_catalog.pg_class c ON c.oid = r.relation
WHERE pg_catalog.pg_has_role(current_user, 'pg_monitor', 'USAGE')
	OR pg_catalog.pg_has_role(current_user, c.relowner, 'USAGE');
COMMENT ON VIEW cvwiz.retention_runs IS
'The log of runs: those of the caller''s own tables, for pg_monitor and superusers all. success is NULL while a run is at work; the next run marks one that was killed. Kept for 400 days.';
GRANT SELECT ON cvwiz.retention_runs TO PUBLIC;

CREATE FUNCTION cvwiz.run_progress(progress_handle bigint, pid int, run_id bigint)
RETURNS TABLE (action text, target text, rows_done bigint, rows_total bigint, bytes_done bigint, started_at timestamptz)
LANGUAGE c VOLATILE STRICT PARALLEL RESTRICTED ROWS 1 AS 'MODULE_PATHNAME', 'cvwiz_run_progress';
COMMENT ON FUNCTION cvwiz.run_progress(bigint, int, bigint) IS
'The step at work of a run, for its table''s owner and pg_monitor; no row where the run is over. For cvwiz.retention_progress.';

CREATE VIEW cvwiz.retention_progress WITH (security_barrier) AS
SELECT r.pid, c.oid::pg_catalog.regclass AS relation, p.action, p.target, p.rows_done, p.rows_total, p.bytes_done, p.started_at
FROM cvwiz.retention_run r
JOIN pg_catalog.pg_class c ON c.oid = r.relation
CROSS JOIN LATERAL cvwiz.run_progress(r.progress_handle, r.pid, r.run_id) p
WHERE r.finished_at IS NULL AND r.progress_handle IS NOT NULL
	AND (pg_catalog.pg_has_role(current_user, 'pg_monitor', 'USAGE')
	OR pg_catalog.pg_has_role(current_user, c.relowner, 'USAGE'));
COMMENT ON VIEW cvwiz.retention_progress IS
'The runs at work, of the worker and of CALL cvwiz.run_retention(), and how far the step is that each is at: for the caller''s own tables, for pg_monitor and superusers all. rows_done and bytes_done change within the step''s transactions; rows_total is the plan''s estimate, NULL where there is none; started_at is the step''s, by cvwiz.clock(). cvwiz.cleanup_old_logs() is not shown: nobody sees its run before it commits.';
GRANT SELECT ON cvwiz.retention_progress TO PUBLIC;

CREATE FUNCTION cvwiz.log_statistics(relation regclass DEFAULT NULL)
RETURNS TABLE (relation regclass, total_logs bigint, logs_eligible_for_cleanup bigint, oldest_record timestamptz, newest_record timestamptz, total_bytes bigint, partitions int, retention_days int, cutoff_date timestamptz, rows_per_day numeric)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'cvwiz_log_statistics';
COMMENT ON FUNCTION cvwiz.log_statistics(regclass) IS
'What a table with a policy holds, counted: reads every row. total_bytes has indexes and TOAST; rows_per_day is the average from the oldest record to the newest. Without a relation, all policies of the caller (of pg_monitor and superusers: all). Errors: 42501 not the owner, 42704 no policy.';

-- ---- partitions ----

CREATE FUNCTION cvwiz.partition_ranges(relation regclass)
RETURNS TABLE (partition regclass, range_start timestamptz, range_end timestamptz, is_default boolean)
LANGUAGE c STABLE STRICT PARALLEL SAFE ROWS 50 AS 'MODULE_PATHNAME', 'cvwiz_partition_ranges';
COMMENT ON FUNCTION cvwiz.partition_ranges(regclass) IS
'The partitions of a table partitioned by range on one time column, with their bounds as the catalog has them: [range_start, range_end), -infinity and infinity for MINVALUE and MAXVALUE, NULL for a DEFAULT partition. Errors: 42809, 0A000 another kind of table.';

CREATE FUNCTION cvwiz.create_partition(relation regclass, month date)
RETURNS regclass LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_create_partition';
COMMENT ON FUNCTION cvwiz.create_partition(regclass, date) IS
'Makes and attaches the partition of the month (in UTC) that the date lies in, or of what other partitions leave of it; returns it, or the one that is there. Takes SHARE UPDATE EXCLUSIVE on the table, for at most cvwiz.lock_timeout to get it. For the table''s owner. Errors: 42501 not the owner, 42809 not such a table, 55P03 no lock.';

CREATE FUNCTION cvwiz.detach_partition(partition regclass)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_detach_partition';
COMMENT ON FUNCTION cvwiz.detach_partition(regclass) IS
'Detaches a partition, which stays as a table of its own: no run will drop it. Takes ACCESS EXCLUSIVE on the parent, for at most cvwiz.lock_timeout to get it. For the parent''s owner. Errors: 42501 not the owner, 42809 not a partition, 55000 the parent is on hold, 55P03 no lock.';

CREATE FUNCTION cvwiz.detach_obstacle(relation regclass)
RETURNS text LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_detach_obstacle';
COMMENT ON FUNCTION cvwiz.detach_obstacle(regclass) IS
'Why runs detach the partitions of a table plainly, under ACCESS EXCLUSIVE for as long as it takes to get that within cvwiz.lock_timeout; NULL: they detach them concurrently. For cvwiz.health().';

CREATE FUNCTION cvwiz.count_null_times(relation regclass)
RETURNS bigint LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_count_null_times';
COMMENT ON FUNCTION cvwiz.count_null_times(regclass) IS
'Rows of a table with a policy whose time is NULL, which never expire; NULL where they cannot be counted. For cvwiz.health(). Error: 42501 not the owner.';

-- ---- following what happens to the tables ----

CREATE FUNCTION cvwiz.forget_dropped() RETURNS event_trigger
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cvwiz_forget_dropped';
COMMENT ON FUNCTION cvwiz.forget_dropped() IS 'Event trigger: a dropped table, or time column, takes its policy with it.';

CREATE FUNCTION cvwiz.follow_altered() RETURNS event_trigger
LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cvwiz_follow_altered';
COMMENT ON FUNCTION cvwiz.follow_altered() IS 'Event trigger: a policy follows its time column when that is renamed; a detached partition that is attached again is not to be dropped any more.';

CREATE EVENT TRIGGER cvwiz_forget_dropped ON sql_drop EXECUTE FUNCTION cvwiz.forget_dropped();
ALTER EVENT TRIGGER cvwiz_forget_dropped ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER cvwiz_forget_dropped IS 'A dropped table, or time column, takes its policy with it';

CREATE EVENT TRIGGER cvwiz_follow_altered ON ddl_command_end
	WHEN TAG IN ('ALTER TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER FOREIGN TABLE') EXECUTE FUNCTION cvwiz.follow_altered();
ALTER EVENT TRIGGER cvwiz_follow_altered ENABLE ALWAYS;
COMMENT ON EVENT TRIGGER cvwiz_follow_altered IS 'A policy follows its time column when that is renamed; an attached partition is not to be dropped';

-- ---- who may ----

-- Each of these looks after its own: granting EXECUTE gives a role nothing on
-- tables that it does not own.
REVOKE ALL ON FUNCTION cvwiz.add_retention_policy(regclass, name, int, int, text, text, interval) FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.alter_retention_policy(regclass, int, int, boolean, boolean, text, text, interval) FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.remove_retention_policy(regclass) FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.cleanup_old_logs(regclass) FROM PUBLIC;
REVOKE ALL ON PROCEDURE cvwiz.run_retention(regclass) FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.create_partition(regclass, date) FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.detach_partition(regclass) FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.forget_dropped() FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.follow_altered() FROM PUBLIC;
