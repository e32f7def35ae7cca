-- One figure, one row: for Prometheus, for the alerts, for people.

-- Names, types and texts are part of what monitoring/ is made from.
CREATE VIEW cvwiz.metric_definitions AS
SELECT d.name, d.type, d.help, d.labels::text[]
FROM (VALUES
	('cvwiz_audit_bytes', 'gauge', 'Size of an audit table with its partitions, indexes and TOAST.', '{database,schema,table}'),
	('cvwiz_audit_rows_estimate', 'gauge', 'Rows of an audit table, estimated as the planner does.', '{database,schema,table}'),
	('cvwiz_audit_partitions', 'gauge', 'Partitions of an audit table, 0 for a plain one.', '{database,schema,table}'),
	('cvwiz_audit_partitions_ahead_days', 'gauge', 'Days from now on for which there are partitions without a gap.', '{database,schema,table}'),
	('cvwiz_audit_oldest_record_timestamp_seconds', 'gauge', 'Time of the oldest record.', '{database,schema,table}'),
	('cvwiz_audit_newest_record_timestamp_seconds', 'gauge', 'Time of the newest record.', '{database,schema,table}'),
	('cvwiz_audit_overdue_seconds', 'gauge', 'For how long the oldest record should have been gone, 0 if it need not be.', '{database,schema,table}'),
	('cvwiz_audit_growth_rows_per_day', 'gauge', 'New rows per day, on average over the window, those that were purged included.', '{database,schema,table,window}'),
	('cvwiz_audit_sample_timestamp_seconds', 'gauge', 'When the sizes were last sampled.', '{database,schema,table}'),
	('cvwiz_audit_retention_days', 'gauge', 'Days that the policy keeps a row.', '{database,schema,table}'),
	('cvwiz_audit_policy_enabled', 'gauge', 'Whether the policy is enabled.', '{database,schema,table}'),
	('cvwiz_audit_policy_hold', 'gauge', 'Whether the policy is on hold and nothing may be deleted.', '{database,schema,table}'),
	('cvwiz_audit_cleanup_runs_total', 'counter', 'Finished clean-up runs by outcome.', '{database,schema,table,status}'),
	('cvwiz_audit_cleanup_last_run_success', 'gauge', 'Whether the last finished clean-up run succeeded.', '{database,schema,table}'),
	('cvwiz_audit_cleanup_last_success_timestamp_seconds', 'gauge', 'End of the last successful clean-up run.', '{database,schema,table}'),
	('cvwiz_audit_cleanup_age_seconds', 'gauge', 'Time since the last successful clean-up run, or since the policy was added.', '{database,schema,table}'),
	('cvwiz_audit_purged_rows_total', 'counter', 'Rows that clean-up runs have deleted, those of dropped partitions included.', '{database,schema,table}'),
	('cvwiz_audit_residue_rows', 'gauge', 'Expired rows that the last finished clean-up run left.', '{database,schema,table}'),
	('cvwiz_snapshot_bytes_bucket', 'histogram', 'Sizes of snapshots as they came in, as JSON text.', '{database,schema,table,column,le}'),
	('cvwiz_snapshot_bytes_sum', 'histogram', 'Sizes of snapshots as they came in, as JSON text.', '{database,schema,table,column}'),
	('cvwiz_snapshot_bytes_count', 'histogram', 'Sizes of snapshots as they came in, as JSON text.', '{database,schema,table,column}'),
	('cvwiz_snapshot_bytes_max', 'gauge', 'Size of the largest snapshot that came in, as JSON text.', '{database,schema,table,column}'),
	('cvwiz_snapshot_recent_bytes_max', 'gauge', 'Size of the largest snapshot that came in during the last hour.', '{database,schema,table,column}'),
	('cvwiz_snapshot_recent_oversized', 'gauge', 'Snapshots that came in above a limit during the last hour.', '{database,schema,table,column}'),
	('cvwiz_snapshot_oversized_total', 'counter', 'Snapshots that came in above a limit, by what was done with them.', '{database,schema,table,column,action}'),
	('cvwiz_snapshot_limit_bytes', 'gauge', 'Size above which a snapshot is not stored as it is.', '{database,schema,table,column}'),
	('cvwiz_snapshot_warning_limit_bytes', 'gauge', 'Size above which the arrays of a snapshot are cut.', '{database,schema,table,column}'),
	('cvwiz_snapshot_table_bytes', 'gauge', 'Size of the table with the snapshots, with indexes and TOAST.', '{database,schema,table,column}'),
	('cvwiz_snapshot_sampled_documents', 'gauge', 'Snapshots in the last sample.', '{database,schema,table,column}'),
	('cvwiz_snapshot_sampled_raw_bytes', 'gauge', 'Size of the sampled snapshots as JSON text.', '{database,schema,table,column}'),
	('cvwiz_snapshot_sampled_stored_bytes', 'gauge', 'Size of the sampled snapshots as they are stored.', '{database,schema,table,column}'),
	('cvwiz_snapshot_compression_ratio', 'gauge', 'JSON text to stored bytes, of the sampled snapshots.', '{database,schema,table,column}'),
	('cvwiz_snapshot_sample_timestamp_seconds', 'gauge', 'When the snapshots were last sampled.', '{database,schema,table,column}'),
	('cvwiz_snapshot_stats_reset_timestamp_seconds', 'gauge', 'Since when the snapshots of this column are counted.', '{database,schema,table,column}'),
	('cvwiz_snapshot_uncounted_total', 'counter', 'Snapshots that are not counted because there are too many columns with limits, server-wide.', '{database}'),
	('cvwiz_version_live_versions', 'gauge', 'Versions in the store that rows have.', '{database,schema,table,column}'),
	('cvwiz_version_dead_versions', 'gauge', 'Versions in the store that no row has any more.', '{database,schema,table,column}'),
	('cvwiz_version_dead_bytes', 'gauge', 'Stored bytes of the versions that no row has any more.', '{database,schema,table,column}'),
	('cvwiz_version_keyframe_versions', 'gauge', 'Versions in the store that are stored whole.', '{database,schema,table,column}'),
	('cvwiz_version_distinct_chains', 'gauge', 'Documents that the store has versions of.', '{database,schema,table,column}'),
	('cvwiz_version_depth_max', 'gauge', 'Most differences between a version and its keyframe.', '{database,schema,table,column}'),
	('cvwiz_version_raw_bytes', 'gauge', 'Size of the versions that rows have, as JSON text.', '{database,schema,table,column}'),
	('cvwiz_version_stored_bytes', 'gauge', 'Size of all versions as they are stored, dead ones included.', '{database,schema,table,column}'),
	('cvwiz_version_compression_ratio', 'gauge', 'JSON text to stored bytes, of versions.', '{database,schema,table,column}'),
	('cvwiz_version_sample_counted', 'gauge', 'Whether the last sample counted every version, 0 if it estimated.', '{database,schema,table,column}'),
	('cvwiz_version_sample_timestamp_seconds', 'gauge', 'When the versions were last sampled.', '{database,schema,table,column}'),
	('cvwiz_version_corrupted', 'gauge', 'Versions that could not be read when they were last verified.', '{database,schema,table}'),
	('cvwiz_version_store_bytes', 'gauge', 'Size of the version store of all tables, with indexes and TOAST.', '{database}'),
	('cvwiz_version_writes_total', 'counter', 'Versions that were stored.', '{database}'),
	('cvwiz_version_written_bytes_total', 'counter', 'Size of the versions that were stored, as JSON text.', '{database}'),
	('cvwiz_version_read_errors_total', 'counter', 'Times that somebody met a corrupted version.', '{database}'),
	('cvwiz_version_recent_read_errors', 'gauge', 'Times that somebody met a corrupted version during the last hour.', '{database}'),
	('cvwiz_version_stats_reset_timestamp_seconds', 'gauge', 'Since when what is stored and met in the version store is counted.', '{database}'),
	('cvwiz_version_repack_last_run_success', 'gauge', 'Whether the last finished housekeeping of the version store succeeded.', '{database}'),
	('cvwiz_version_repack_last_success_timestamp_seconds', 'gauge', 'End of the last successful housekeeping of the version store.', '{database}'),
	('cvwiz_version_repack_age_seconds', 'gauge', 'Time since the last successful housekeeping of the version store, or since the store came to be known.', '{database}'),
	('cvwiz_worker_up', 'gauge', 'Whether the launcher of the background workers runs.', '{database}'),
	('cvwiz_worker_starved', 'gauge', 'Whether the launcher found no free background worker.', '{database}'),
	('cvwiz_worker_rounds_total', 'counter', 'Databases that workers have looked after, one count each time, server-wide.', '{database}'),
	('cvwiz_worker_failed_rounds_total', 'counter', 'Of these, those that ended with an error, server-wide.', '{database}'),
	('cvwiz_worker_runs_total', 'counter', 'Clean-up runs that workers have begun, server-wide.', '{database}'),
	('cvwiz_worker_stats_reset_timestamp_seconds', 'gauge', 'Since when the work of the workers is counted.', '{database}'),
	('cvwiz_alert_evaluations_total', 'counter', 'Evaluations of the alert rules by workers, server-wide.', '{database}'),
	('cvwiz_alert_active', 'gauge', 'Series for which the alert fires.', '{database,alert,severity}'),
	('cvwiz_info', 'gauge', 'Always 1; the version is in the label.', '{database,version}')
) d (name, type, help, labels);
COMMENT ON VIEW cvwiz.metric_definitions IS
'The metrics that cvwiz.metrics has rows of: type is gauge, counter or histogram (one row each for its _bucket, _sum and _count); labels are those that each of its series has. For pg_monitor.';

-- Each view is read at most once, and not at all where WHERE name = ... needs
-- nothing of it: a name is a constant of its branch.
CREATE VIEW cvwiz.metrics AS
WITH audit AS MATERIALIZED (
	SELECT pg_catalog.jsonb_build_object('database', pg_catalog.current_database(), 'schema', n.nspname, 'table', c.relname) AS labels,
		cvwiz.clock() AS now, s.*
	FROM cvwiz.stat_audit s
	JOIN pg_catalog.pg_class c ON c.oid = s.relation
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
), snapshot AS MATERIALIZED (
	SELECT pg_catalog.jsonb_build_object('database', pg_catalog.current_database(), 'schema', n.nspname, 'table', c.relname, 'column', s.snapshot_column) AS labels,
		s.*
	FROM cvwiz.stat_snapshot s
	JOIN pg_catalog.pg_class c ON c.oid = s.relation
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
), version AS MATERIALIZED (
	SELECT pg_catalog.jsonb_build_object('database', pg_catalog.current_database(), 'schema', n.nspname, 'table', c.relname) AS table_labels,
		s.*
	FROM cvwiz.stat_version s
	JOIN pg_catalog.pg_class c ON c.oid = s.relation
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
), version_column AS (
	SELECT v.table_labels || pg_catalog.jsonb_build_object('column', v.snapshot_column) AS labels, v.* FROM version v
), repack AS MATERIALIZED (
	SELECT pg_catalog.jsonb_build_object('database', pg_catalog.current_database()) AS labels, cvwiz.clock() AS now, r.*
	FROM cvwiz.stat_version_repack r
), version_counted AS MATERIALIZED (
	SELECT pg_catalog.jsonb_build_object('database', pg_catalog.current_database()) AS labels, w.*
	FROM cvwiz.version_counters() w
), bucket AS MATERIALIZED (
	-- the last one, which no bound belongs to, has them all
	SELECT s.labels, b.ordinal, bounds.list[b.ordinal] AS bound,
		pg_catalog.sum(b.documents) OVER (PARTITION BY s.relation, s.snapshot_column ORDER BY b.ordinal) AS documents
	FROM snapshot s
	CROSS JOIN (SELECT cvwiz.snapshot_size_bounds() AS list OFFSET 0) bounds
	CROSS JOIN LATERAL pg_catalog.unnest(s.histogram) WITH ORDINALITY b(documents, ordinal)
), worker AS MATERIALIZED (
	SELECT pg_catalog.jsonb_build_object('database', pg_catalog.current_database()) AS labels,
		w.launcher_pid IS NOT NULL AS up, coalesce(w.starved, false) AS starved
	FROM cvwiz.worker_status() w
	WHERE NOT pg_catalog.pg_is_in_recovery()
), counted AS MATERIALIZED (
	SELECT pg_catalog.jsonb_build_object('database', pg_catalog.current_database()) AS labels, w.*
	FROM cvwiz.worker_counters() w
), series (name, labels, value) AS (
	SELECT 'cvwiz_audit_bytes', a.labels, a.total_bytes::double precision FROM audit a
	UNION ALL
	SELECT 'cvwiz_audit_rows_estimate', a.labels, a.rows_estimate FROM audit a
	UNION ALL
	-- known where the size is: postgres_exporter reads both together
	SELECT 'cvwiz_audit_partitions', a.labels, coalesce(a.partitions, 0) FROM audit a WHERE a.total_bytes IS NOT NULL
	UNION ALL
	SELECT 'cvwiz_audit_partitions_ahead_days', a.labels, a.days_ahead FROM audit a
	UNION ALL
	SELECT 'cvwiz_audit_oldest_record_timestamp_seconds', a.labels, extract(epoch FROM a.oldest_record) FROM audit a
	UNION ALL
	SELECT 'cvwiz_audit_newest_record_timestamp_seconds', a.labels, extract(epoch FROM a.newest_record) FROM audit a
	UNION ALL
	SELECT 'cvwiz_audit_overdue_seconds', a.labels, extract(epoch FROM a.overdue) FROM audit a
	UNION ALL
	SELECT 'cvwiz_audit_growth_rows_per_day', a.labels || v.label, v.value
	FROM audit a CROSS JOIN LATERAL (VALUES
		('{"window": "7d"}'::jsonb, a.rows_per_day_7d),
		('{"window": "30d"}', a.rows_per_day_30d)) v(label, value)
	UNION ALL
	SELECT 'cvwiz_audit_sample_timestamp_seconds', a.labels, extract(epoch FROM a.sampled_at) FROM audit a
	UNION ALL
	SELECT 'cvwiz_audit_retention_days', a.labels, a.retention_days FROM audit a
	UNION ALL
	SELECT 'cvwiz_audit_policy_enabled', a.labels, a.enabled::int FROM audit a
	UNION ALL
	SELECT 'cvwiz_audit_policy_hold', a.labels, a.hold::int FROM audit a
	UNION ALL
	SELECT 'cvwiz_audit_cleanup_runs_total', a.labels || v.label, v.value
	FROM audit a CROSS JOIN LATERAL (VALUES
		('{"status": "success"}'::jsonb, a.runs_succeeded),
		('{"status": "failed"}', a.runs_failed),
		('{"status": "hold"}', a.runs_on_hold)) v(label, value)
	UNION ALL
	SELECT 'cvwiz_audit_cleanup_last_run_success', a.labels, a.last_run_succeeded::int FROM audit a WHERE NOT a.hold
	UNION ALL
	SELECT 'cvwiz_audit_cleanup_last_success_timestamp_seconds', a.labels, extract(epoch FROM a.last_success) FROM audit a
	UNION ALL
	SELECT 'cvwiz_audit_cleanup_age_seconds', a.labels, extract(epoch FROM a.now - coalesce(a.last_success, a.added_at)) FROM audit a WHERE NOT a.hold
	UNION ALL
	SELECT 'cvwiz_audit_purged_rows_total', a.labels, a.rows_purged FROM audit a
	UNION ALL
	SELECT 'cvwiz_audit_residue_rows', a.labels, a.residue FROM audit a WHERE NOT a.hold
	UNION ALL
	-- as Prometheus' own libraries write a bound: 512000, 1e+06
	SELECT 'cvwiz_snapshot_bytes_bucket', b.labels || pg_catalog.jsonb_build_object('le',
			CASE WHEN b.bound IS NULL THEN '+Inf'
				WHEN b.bound < 1000000 THEN b.bound::text
				ELSE rtrim(left(b.bound::text, 1) || '.' || substr(b.bound::text, 2), '0.')
					|| 'e+' || to_char(length(b.bound::text) - 1, 'FM00') END),
		b.documents
	FROM bucket b
	UNION ALL
	SELECT 'cvwiz_snapshot_bytes_sum', s.labels, s.bytes_sum FROM snapshot s WHERE s.histogram IS NOT NULL
	UNION ALL
	-- by definition what the last bucket has
	SELECT 'cvwiz_snapshot_bytes_count', b.labels, b.documents FROM bucket b WHERE b.bound IS NULL
	UNION ALL
	SELECT 'cvwiz_snapshot_bytes_max', s.labels, s.bytes_max FROM snapshot s
	UNION ALL
	SELECT 'cvwiz_snapshot_recent_bytes_max', s.labels, s.recent_bytes_max FROM snapshot s
	UNION ALL
	SELECT 'cvwiz_snapshot_recent_oversized', s.labels, s.recent_oversized FROM snapshot s
	UNION ALL
	SELECT 'cvwiz_snapshot_oversized_total', s.labels || v.label, v.value
	FROM snapshot s CROSS JOIN LATERAL (VALUES
		('{"action": "truncated"}'::jsonb, s.truncated),
		('{"action": "metadata_only"}', s.metadata_only),
		('{"action": "rejected"}', s.rejected)) v(label, value)
	UNION ALL
	SELECT 'cvwiz_snapshot_limit_bytes', s.labels, s.max_size FROM snapshot s
	UNION ALL
	SELECT 'cvwiz_snapshot_warning_limit_bytes', s.labels, s.warning_size FROM snapshot s
	UNION ALL
	SELECT 'cvwiz_snapshot_table_bytes', s.labels, s.table_bytes FROM snapshot s
	UNION ALL
	SELECT 'cvwiz_snapshot_sampled_documents', s.labels, s.documents FROM snapshot s
	UNION ALL
	SELECT 'cvwiz_snapshot_sampled_raw_bytes', s.labels, s.raw_bytes FROM snapshot s
	UNION ALL
	SELECT 'cvwiz_snapshot_sampled_stored_bytes', s.labels, s.stored_bytes FROM snapshot s
	UNION ALL
	SELECT 'cvwiz_snapshot_compression_ratio', s.labels, s.ratio FROM snapshot s
	UNION ALL
	SELECT 'cvwiz_snapshot_sample_timestamp_seconds', s.labels, extract(epoch FROM s.sampled_at) FROM snapshot s
	UNION ALL
	SELECT 'cvwiz_snapshot_stats_reset_timestamp_seconds', s.labels, extract(epoch FROM s.stats_reset) FROM snapshot s
	UNION ALL
	SELECT 'cvwiz_snapshot_uncounted_total', w.labels, w.uncounted FROM counted w
	UNION ALL
	SELECT 'cvwiz_version_live_versions', v.labels, v.versions FROM version_column v
	UNION ALL
	SELECT 'cvwiz_version_dead_versions', v.labels, v.dead_versions FROM version_column v
	UNION ALL
	SELECT 'cvwiz_version_dead_bytes', v.labels, v.dead_bytes FROM version_column v
	UNION ALL
	SELECT 'cvwiz_version_keyframe_versions', v.labels, v.keyframes FROM version_column v
	UNION ALL
	SELECT 'cvwiz_version_distinct_chains', v.labels, v.chains FROM version_column v
	UNION ALL
	SELECT 'cvwiz_version_depth_max', v.labels, v.depth FROM version_column v
	UNION ALL
	SELECT 'cvwiz_version_raw_bytes', v.labels, v.raw_bytes FROM version_column v
	UNION ALL
	SELECT 'cvwiz_version_stored_bytes', v.labels, v.stored_bytes FROM version_column v
	UNION ALL
	SELECT 'cvwiz_version_compression_ratio', v.labels, v.ratio FROM version_column v
	UNION ALL
	SELECT 'cvwiz_version_sample_counted', v.labels, v.counted::int FROM version_column v
	UNION ALL
	SELECT 'cvwiz_version_sample_timestamp_seconds', v.labels, extract(epoch FROM v.sampled_at) FROM version_column v
	UNION ALL
	-- known of the table only
	SELECT DISTINCT 'cvwiz_version_corrupted', v.table_labels, v.corrupted FROM version v
	UNION ALL
	SELECT 'cvwiz_version_store_bytes', pg_catalog.jsonb_build_object('database', pg_catalog.current_database()), newest.store_bytes
	FROM (SELECT v.store_bytes FROM version v ORDER BY v.sampled_at DESC NULLS LAST LIMIT 1) newest
	UNION ALL
	SELECT 'cvwiz_version_writes_total', w.labels, w.stored FROM version_counted w
	UNION ALL
	SELECT 'cvwiz_version_written_bytes_total', w.labels, w.stored_raw_bytes FROM version_counted w
	UNION ALL
	SELECT 'cvwiz_version_read_errors_total', w.labels, w.read_errors FROM version_counted w
	UNION ALL
	SELECT 'cvwiz_version_recent_read_errors', w.labels, w.recent_read_errors FROM version_counted w
	UNION ALL
	SELECT 'cvwiz_version_stats_reset_timestamp_seconds', w.labels, extract(epoch FROM w.stats_reset) FROM version_counted w
	UNION ALL
	SELECT 'cvwiz_version_repack_last_run_success', r.labels, r.last_run_succeeded::int FROM repack r
	UNION ALL
	SELECT 'cvwiz_version_repack_last_success_timestamp_seconds', r.labels, extract(epoch FROM r.last_success) FROM repack r
	UNION ALL
	SELECT 'cvwiz_version_repack_age_seconds', r.labels, extract(epoch FROM r.now - r.waiting_since) FROM repack r
	UNION ALL
	SELECT 'cvwiz_worker_up', w.labels, w.up::int FROM worker w
	UNION ALL
	SELECT 'cvwiz_worker_starved', w.labels, w.starved::int FROM worker w
	UNION ALL
	SELECT 'cvwiz_worker_rounds_total', w.labels, w.rounds FROM counted w
	UNION ALL
	SELECT 'cvwiz_worker_failed_rounds_total', w.labels, w.failed_rounds FROM counted w
	UNION ALL
	SELECT 'cvwiz_worker_runs_total', w.labels, w.runs FROM counted w
	UNION ALL
	SELECT 'cvwiz_worker_stats_reset_timestamp_seconds', w.labels, extract(epoch FROM w.stats_reset) FROM counted w
	UNION ALL
	SELECT 'cvwiz_alert_evaluations_total', w.labels, w.alert_evaluations FROM counted w
	UNION ALL
	SELECT 'cvwiz_alert_active',
		pg_catalog.jsonb_build_object('database', pg_catalog.current_database(), 'alert', r.name, 'severity', r.severity),
		(SELECT pg_catalog.count(*) FROM cvwiz.alerts a WHERE a.alert = r.name)
	FROM cvwiz.alert_rules r WHERE r.enabled
	UNION ALL
	SELECT 'cvwiz_info',
		pg_catalog.jsonb_build_object('database', pg_catalog.current_database(), 'version', e.extversion), 1
	FROM pg_catalog.pg_extension e WHERE e.extname = 'cvwiz'
)
SELECT s.name, d.type, d.help, s.labels, s.value
FROM series s JOIN cvwiz.metric_definitions d ON d.name = s.name
WHERE s.value IS NOT NULL;
COMMENT ON VIEW cvwiz.metrics IS
'Every figure that cvwiz has of this database, named as Prometheus does: bytes, seconds, _total for counters, _bucket with le. A figure that is not known has no row. Scans no table of users. For pg_monitor.';

CREATE FUNCTION cvwiz.openmetrics() RETURNS text
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS 'MODULE_PATHNAME', 'cvwiz_openmetrics';
COMMENT ON FUNCTION cvwiz.openmetrics() IS
'All of cvwiz.metrics in the OpenMetrics text format, version 1.0, without the line feed that may end it: psql adds one. For pg_monitor.';

REVOKE ALL ON FUNCTION cvwiz.openmetrics() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cvwiz.openmetrics() TO pg_monitor;
GRANT SELECT ON cvwiz.metric_definitions, cvwiz.metrics TO pg_monitor;
