-- Counters in shared memory, and what they and the samples say of snapshots.

CREATE FUNCTION cvwiz.snapshot_size_bounds()
RETURNS bigint[] LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_snapshot_size_bounds';
COMMENT ON FUNCTION cvwiz.snapshot_size_bounds() IS
'The upper bounds, in bytes, of the buckets of histogram in cvwiz.stat_snapshot: a bucket has what is at most its bound and above the one before. The last bucket, which has no bound, comes after these.';

CREATE FUNCTION cvwiz.snapshot_counters(relation oid, attnum smallint, OUT checked bigint, OUT within bigint, OUT truncated bigint, OUT metadata_only bigint, OUT rejected bigint, OUT bytes_sum bigint, OUT bytes_max bigint, OUT histogram bigint[], OUT recent_bytes_max bigint, OUT recent_oversized bigint, OUT stats_reset timestamptz)
LANGUAGE c VOLATILE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_snapshot_counters';
COMMENT ON FUNCTION cvwiz.snapshot_counters(oid, smallint) IS
'What the trigger has counted of a column of a table, the topmost where it is partitioned; all NULL where nothing is counted, and for others than the table''s owner and pg_monitor. For cvwiz.stat_snapshot.';

-- One row a column, though a second trigger may have been made by hand: the
-- strictest limits are those that hold. Partitions have their triggers from the
-- table that they are partitions of, and are counted there. A barrier, or a cheap
-- function in WHERE would see the rows of others.
CREATE VIEW cvwiz.stat_snapshot WITH (security_barrier) AS
SELECT limits.relation::pg_catalog.regclass AS relation, limits.snapshot_column, limits.max_size, limits.warning_size,
	counted.checked, counted.within, counted.truncated, counted.metadata_only, counted.rejected,
	counted.bytes_sum, counted.bytes_max, counted.histogram,
	counted.recent_bytes_max, counted.recent_oversized,
	sample.total_bytes AS table_bytes, sample.documents, sample.raw_bytes, sample.stored_bytes,
	sample.raw_bytes::double precision / NULLIF(sample.stored_bytes, 0) AS ratio,
	sample.sampled_at, counted.stats_reset
FROM (
	SELECT DISTINCT ON (t.tgrelid, l.snapshot_column) t.tgrelid AS relation, l.snapshot_column, l.max_size, l.warning_size
	FROM pg_catalog.pg_trigger t
	JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
	CROSS JOIN LATERAL cvwiz.trigger_limits(t.oid) l
	WHERE t.tgfoid = 'cvwiz.enforce_snapshot_limits()'::pg_catalog.regprocedure AND t.tgparentid = 0
	AND l.snapshot_column IS NOT NULL
	AND (pg_catalog.pg_has_role(current_user, 'pg_monitor', 'USAGE')
		OR pg_catalog.pg_has_role(current_user, c.relowner, 'USAGE'))
	ORDER BY t.tgrelid, l.snapshot_column, l.max_size, l.warning_size) limits
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = limits.relation AND a.attname = limits.snapshot_column AND a.attnum > 0
LEFT JOIN LATERAL cvwiz.snapshot_counters(limits.relation, a.attnum) counted ON true
LEFT JOIN LATERAL (
	SELECT s.total_bytes, s.documents, s.raw_bytes, s.stored_bytes, s.sampled_at
	FROM cvwiz.size_sample s
	WHERE s.relation = limits.relation AND s.snapshot_column = limits.snapshot_column
	AND s.sampled_at <= (SELECT cvwiz.clock())
	ORDER BY s.sampled_at DESC LIMIT 1) sample ON true;
COMMENT ON VIEW cvwiz.stat_snapshot IS
'For each column with snapshot limits what the trigger has counted, and the newest sample of it: those of the caller''s own tables, for pg_monitor and superusers all. What is counted is kept in shared memory since stats_reset, NULL without cvwiz in shared_preload_libraries; statements that were rolled back are counted too. A partitioned table is counted as one.';
COMMENT ON COLUMN cvwiz.stat_snapshot.relation IS 'The table, of partitions the topmost.';
COMMENT ON COLUMN cvwiz.stat_snapshot.snapshot_column IS 'The column that has the documents.';
COMMENT ON COLUMN cvwiz.stat_snapshot.max_size IS 'The maximum in force, in bytes of text; NULL where a trigger''s arguments are malformed.';
COMMENT ON COLUMN cvwiz.stat_snapshot.warning_size IS 'The size in force above which documents are reduced, in bytes of text.';
COMMENT ON COLUMN cvwiz.stat_snapshot.checked IS 'Documents that came to be stored, NULLs and unchanged ones aside. NULL, as all that is counted: no shared memory, or no place left in it (see cvwiz.worker_counters()).';
COMMENT ON COLUMN cvwiz.stat_snapshot.within IS 'Documents of which nothing was lost.';
COMMENT ON COLUMN cvwiz.stat_snapshot.truncated IS 'Documents whose long arrays were cut.';
COMMENT ON COLUMN cvwiz.stat_snapshot.metadata_only IS 'Documents of which metadata only was kept.';
COMMENT ON COLUMN cvwiz.stat_snapshot.rejected IS 'Documents that were refused with an error.';
COMMENT ON COLUMN cvwiz.stat_snapshot.bytes_sum IS 'Bytes of text of all documents as they came.';
COMMENT ON COLUMN cvwiz.stat_snapshot.bytes_max IS 'Bytes of text of the largest document that came.';
COMMENT ON COLUMN cvwiz.stat_snapshot.histogram IS 'Documents by bytes of text as they came: how many fell between two bounds of cvwiz.snapshot_size_bounds(), and, last, above all of them.';
COMMENT ON COLUMN cvwiz.stat_snapshot.recent_bytes_max IS 'Bytes of text of the largest document that came in the last hour, to five minutes; 0 where none came, never above 4294967295.';
COMMENT ON COLUMN cvwiz.stat_snapshot.recent_oversized IS 'Documents that were truncated, kept as metadata only or rejected in the last hour, to five minutes.';
COMMENT ON COLUMN cvwiz.stat_snapshot.table_bytes IS 'Bytes of the table on disk, partitions, indexes and TOAST included, when it was sampled.';
COMMENT ON COLUMN cvwiz.stat_snapshot.documents IS 'Documents in the sample.';
COMMENT ON COLUMN cvwiz.stat_snapshot.raw_bytes IS 'Bytes of text of the sampled documents.';
COMMENT ON COLUMN cvwiz.stat_snapshot.stored_bytes IS 'Bytes that the sampled documents take in the table, compressed as they are.';
COMMENT ON COLUMN cvwiz.stat_snapshot.ratio IS 'raw_bytes / stored_bytes.';
COMMENT ON COLUMN cvwiz.stat_snapshot.sampled_at IS 'When the sample was taken; NULL: none yet.';
COMMENT ON COLUMN cvwiz.stat_snapshot.stats_reset IS 'Since when is counted: the server''s start or restart after a crash, cvwiz.stat_reset(), or later where there was no place for the column.';
GRANT SELECT ON cvwiz.stat_snapshot TO PUBLIC;

CREATE FUNCTION cvwiz.worker_counters(OUT rounds bigint, OUT failed_rounds bigint, OUT runs bigint, OUT alert_evaluations bigint, OUT stats_reset timestamptz, OUT uncounted bigint)
LANGUAGE c VOLATILE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_worker_counters';
COMMENT ON FUNCTION cvwiz.worker_counters() IS
'What the background worker has done since stats_reset in all databases: looks into a database that has the extension, those that failed with an error which no run records, runs of policies whatever came of them, evaluations of the alerts. And uncounted: documents that cvwiz.stat_snapshot lacks because 1024 columns have the places that there are. All NULL without cvwiz in shared_preload_libraries.';

CREATE FUNCTION cvwiz.stat_reset(name text DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_stat_reset';
COMMENT ON FUNCTION cvwiz.stat_reset(text) IS
'Zeroes counters: snapshot, those of this database''s columns and of its version store, for which places of dropped tables become free as well; worker, cvwiz.worker_counters(), of the whole server; NULL both. Error: 22023 another name.';
REVOKE ALL ON FUNCTION cvwiz.stat_reset(text) FROM PUBLIC;
