-- Sizes over time: what the tables held when they were looked at.

CREATE TABLE cvwiz.size_sample (
	relation oid NOT NULL,
	snapshot_column name,
	sampled_at timestamptz NOT NULL,
	total_bytes bigint NOT NULL,
	rows_estimate bigint NOT NULL,
	rows_purged bigint,
	partitions int,
	covered_until timestamptz,
	oldest_record timestamptz,
	newest_record timestamptz,
	expires_from timestamptz,
	documents int,
	raw_bytes bigint,
	stored_bytes bigint,
	-- a publication FOR ALL TABLES would not let rows without an identity be deleted
	sample_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
);
-- the way in for everything: one relation's samples are in the order of time
CREATE INDEX size_sample_relation_sampled_at ON cvwiz.size_sample (relation, sampled_at);
COMMENT ON TABLE cvwiz.size_sample IS
'Hourly samples: of each table with a policy, where snapshot_column is NULL, and of each column with snapshot limits. Written by cvwiz.sample_sizes(), kept for 400 days; read cvwiz.stat_audit and cvwiz.stat_snapshot. Not dumped.';
COMMENT ON COLUMN cvwiz.size_sample.relation IS 'OID of the table';
COMMENT ON COLUMN cvwiz.size_sample.snapshot_column IS 'Column with limits; NULL: the sample is of the table''s policy';
COMMENT ON COLUMN cvwiz.size_sample.sampled_at IS 'By cvwiz.clock()';
COMMENT ON COLUMN cvwiz.size_sample.total_bytes IS 'Bytes of the table and its partitions, with indexes and TOAST';
COMMENT ON COLUMN cvwiz.size_sample.rows_estimate IS 'Rows as the planner estimates them: pages by the density that VACUUM or ANALYZE has found; without foreign partitions';
COMMENT ON COLUMN cvwiz.size_sample.rows_purged IS 'Rows that runs had taken out of the table by then: purged, dropped with partitions, or in detached partitions that were still to be dropped';
COMMENT ON COLUMN cvwiz.size_sample.partitions IS 'Partitions; 0 for a plain table, NULL where the policy does not fit the table any more';
COMMENT ON COLUMN cvwiz.size_sample.covered_until IS 'Until when there were partitions without a gap; -infinity: none for that very moment; NULL: a plain table';
COMMENT ON COLUMN cvwiz.size_sample.oldest_record IS 'Time of the oldest record; NULL: there was none, or no index to find it by';
COMMENT ON COLUMN cvwiz.size_sample.newest_record IS 'Time of the newest record; NULL likewise';
COMMENT ON COLUMN cvwiz.size_sample.expires_from IS 'When the oldest record''s retention begins to count: its time, or the end of its partition where only whole partitions go';
COMMENT ON COLUMN cvwiz.size_sample.documents IS 'Documents that were looked at, up to 100; NULL: they could not be read';
COMMENT ON COLUMN cvwiz.size_sample.raw_bytes IS 'Bytes of their text';
COMMENT ON COLUMN cvwiz.size_sample.stored_bytes IS 'Bytes that they take in the table';
COMMENT ON COLUMN cvwiz.size_sample.sample_id IS 'Number of the sample';

CREATE FUNCTION cvwiz.sample_policies()
RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_sample_policies';
COMMENT ON FUNCTION cvwiz.sample_policies() IS
'Takes the samples of policies that are due. For cvwiz.sample_sizes().';

CREATE FUNCTION cvwiz.sample_snapshots()
RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_sample_snapshots';
COMMENT ON FUNCTION cvwiz.sample_snapshots() IS
'Takes the samples of columns with limits that are due. For cvwiz.sample_sizes().';

CREATE FUNCTION cvwiz.sample_sizes()
RETURNS int LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
SELECT cvwiz.sample_policies() + cvwiz.sample_snapshots() + cvwiz.sample_versions();
END;
COMMENT ON FUNCTION cvwiz.sample_sizes() IS
'Takes the samples that are due: of each policy, each column with snapshot limits and each column with versions whose newest is an hour old, or, for a policy, older than the end of its last run. Returns how many. For the caller''s own tables; for pg_monitor and superusers all. Reads no big table, of a big version store 10000 pages; a table that is locked for longer than cvwiz.lock_timeout is left out with a warning. The worker calls it; without the worker, pg_cron or anybody can. Error: 25006 on a standby.';

CREATE FUNCTION cvwiz.audit_figures(relation regclass, OUT total_bytes bigint, OUT rows_estimate bigint, OUT rows_purged bigint, OUT partitions int, OUT covered_until timestamptz, OUT oldest_record timestamptz, OUT newest_record timestamptz, OUT expires_from timestamptz)
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_audit_figures';
COMMENT ON FUNCTION cvwiz.audit_figures(regclass) IS
'What a sample of a table with a policy would say now; NULL where that is not to be had, or the caller may not see it. For cvwiz.stat_audit.';

-- A barrier, or a cheap function in WHERE would see the rows of others. A sample
-- is of use for two hours, so that one that comes late does not make every
-- reader measure. The strict function is called only where there is none.
CREATE VIEW cvwiz.stat_audit WITH (security_barrier) AS
WITH clock AS MATERIALIZED (
	SELECT cvwiz.clock() AS now
), runs AS (
	SELECT r.relation, max(r.finished_at) FILTER (WHERE r.success) AS last_success,
		count(*) FILTER (WHERE r.success) AS succeeded,
		count(*) FILTER (WHERE NOT r.success AND r.hold IS NOT TRUE) AS failed,
		count(*) FILTER (WHERE NOT r.success AND r.hold) AS on_hold,
		sum(r.deleted_count)::bigint AS deleted
	FROM cvwiz.retention_run r
	GROUP BY r.relation
), audit AS (
	SELECT p.relation, p.retention_days, p.enabled, p.hold, p.added_at, clock.now, s.sampled_at,
		coalesce(s.sampled_at, clock.now) AS measured_at,
		CASE WHEN s.sampled_at IS NULL THEN live.total_bytes ELSE s.total_bytes END AS total_bytes,
		CASE WHEN s.sampled_at IS NULL THEN live.rows_estimate ELSE s.rows_estimate END AS rows_estimate,
		CASE WHEN s.sampled_at IS NULL THEN live.rows_purged ELSE s.rows_purged END AS rows_gone,
		CASE WHEN s.sampled_at IS NULL THEN live.partitions ELSE s.partitions END AS partitions,
		CASE WHEN s.sampled_at IS NULL THEN live.covered_until ELSE s.covered_until END AS covered_until,
		CASE WHEN s.sampled_at IS NULL THEN live.oldest_record ELSE s.oldest_record END AS oldest_record,
		CASE WHEN s.sampled_at IS NULL THEN live.newest_record ELSE s.newest_record END AS newest_record,
		CASE WHEN s.sampled_at IS NULL THEN live.expires_from ELSE s.expires_from END AS expires_from
	FROM clock
	CROSS JOIN cvwiz.retention_policy p
	JOIN pg_catalog.pg_class c ON c.oid = p.relation
	LEFT JOIN LATERAL (
		SELECT z.* FROM cvwiz.size_sample z
		WHERE z.relation = p.relation AND z.snapshot_column IS NULL
			AND z.sampled_at > clock.now - interval '2 hours' AND z.sampled_at <= clock.now
		ORDER BY z.sampled_at DESC LIMIT 1) s ON true
	LEFT JOIN LATERAL cvwiz.audit_figures(CASE WHEN s.sampled_at IS NULL THEN p.relation END) live ON true
	WHERE pg_catalog.pg_has_role(current_user, 'pg_monitor', 'USAGE')
		OR pg_catalog.pg_has_role(current_user, c.relowner, 'USAGE')
)
SELECT a.relation, a.total_bytes, a.rows_estimate,
	CASE WHEN week.rows_per_day < 0 THEN 0 ELSE week.rows_per_day END AS rows_per_day_7d,
	CASE WHEN month.rows_per_day < 0 THEN 0 ELSE month.rows_per_day END AS rows_per_day_30d,
	a.oldest_record, a.newest_record,
	CASE WHEN a.hold OR a.expires_from IS NULL OR a.expires_from = '-infinity' THEN NULL
		WHEN a.expires_from = 'infinity' THEN interval '0'
		-- nobody had asked for it before there was a policy
		ELSE greatest(interval '0', least(a.now - a.added_at,
			a.now - a.expires_from - pg_catalog.make_interval(days => a.retention_days))) END AS overdue,
	a.partitions,
	CASE WHEN a.covered_until = 'infinity' THEN 'Infinity'
		WHEN a.covered_until <= a.now THEN 0
		ELSE extract(epoch FROM a.covered_until - a.now)::double precision / 86400 END AS days_ahead,
	a.retention_days, a.enabled, a.hold, a.added_at,
	r.last_success,
	CASE WHEN NOT a.hold AND NOT last_run.on_hold THEN last_run.success END AS last_run_succeeded,
	CASE WHEN NOT a.hold AND NOT last_run.on_hold THEN last_run.residue END AS residue,
	coalesce(r.succeeded, 0) + coalesce(t.runs_succeeded, 0) AS runs_succeeded,
	coalesce(r.failed, 0) + coalesce(t.runs_failed, 0) AS runs_failed,
	coalesce(r.on_hold, 0) + coalesce(t.runs_on_hold, 0) AS runs_on_hold,
	coalesce(r.deleted, 0) + coalesce(t.rows_purged, 0) AS rows_purged,
	a.sampled_at
FROM audit a
LEFT JOIN runs r ON r.relation = a.relation
LEFT JOIN cvwiz.retention_total t ON t.relation = a.relation
LEFT JOIN LATERAL (
	SELECT l.success, l.residue, NOT l.success AND l.hold IS TRUE AS on_hold FROM cvwiz.retention_run l
	WHERE l.relation = a.relation AND l.finished_at IS NOT NULL
	ORDER BY l.started_at DESC, l.run_id DESC LIMIT 1) last_run ON true
LEFT JOIN LATERAL (
	SELECT (a.rows_estimate - z.rows_estimate + a.rows_gone - z.rows_purged) * 86400
		/ extract(epoch FROM a.measured_at - z.sampled_at)::double precision AS rows_per_day
	FROM cvwiz.size_sample z
	WHERE z.relation = a.relation AND z.snapshot_column IS NULL
		AND z.sampled_at >= a.now - interval '168 hours' AND z.sampled_at <= a.measured_at - interval '24 hours'
	ORDER BY z.sampled_at LIMIT 1) week ON true
LEFT JOIN LATERAL (
	SELECT (a.rows_estimate - z.rows_estimate + a.rows_gone - z.rows_purged) * 86400
		/ extract(epoch FROM a.measured_at - z.sampled_at)::double precision AS rows_per_day
	FROM cvwiz.size_sample z
	WHERE z.relation = a.relation AND z.snapshot_column IS NULL
		AND z.sampled_at >= a.now - interval '720 hours' AND z.sampled_at <= a.measured_at - interval '24 hours'
	ORDER BY z.sampled_at LIMIT 1) month ON true;
COMMENT ON VIEW cvwiz.stat_audit IS
'The policies in figures: those of the caller''s own tables, for pg_monitor and superusers all. Sizes, rows, records and partitions are those of sampled_at; where that is NULL there is no sample of the last two hours, and they were measured now. rows_per_day_7d and _30d: rows written a day, purged ones included, since the oldest sample of that time, which is at least a day old. oldest_record and newest_record: NULL where no index begins with the time column of a big table. overdue: for how long the oldest record should have been gone, at most since the policy was added; NULL on hold, or not known. days_ahead: until when there are partitions without a gap. last_run_succeeded and residue are those of the last run that has ended; NULL on hold. runs_succeeded, runs_failed, runs_on_hold (expired rows were kept) and rows_purged never fall when the log of runs is shortened.';
GRANT SELECT ON cvwiz.stat_audit TO PUBLIC;

-- Granting EXECUTE gives a role nothing on tables that it does not own.
REVOKE ALL ON FUNCTION cvwiz.sample_sizes() FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.sample_policies() FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.sample_snapshots() FROM PUBLIC;
