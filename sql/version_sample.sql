-- The version store over time, and in figures.

-- ---- which columns ----

CREATE VIEW cvwiz.versioned_columns AS
SELECT DISTINCT coalesce(pg_catalog.pg_partition_root(v.relation), v.relation)::oid AS relation, v.snapshot_column
FROM (
	SELECT s.relation::oid, s.snapshot_column FROM cvwiz.version_source s
	UNION ALL
	SELECT t.tgrelid, a.snapshot_column
	FROM pg_catalog.pg_trigger t
	CROSS JOIN LATERAL cvwiz.trigger_version_store(t.oid) a
	WHERE t.tgfoid = 'cvwiz.store_version()'::pg_catalog.regprocedure AND t.tgparentid = 0
	AND a.snapshot_column IS NOT NULL) v
JOIN pg_catalog.pg_class c ON c.oid = v.relation;
COMMENT ON VIEW cvwiz.versioned_columns IS
'Each column that has a version store, or versions in it; of partitions the topmost table. For cvwiz.stat_version and the samples.';

-- ---- samples ----

CREATE TABLE cvwiz.version_sample (
	relation oid NOT NULL,
	snapshot_column name NOT NULL,
	sampled_at timestamptz NOT NULL,
	store_bytes bigint,
	counted boolean,
	chains bigint,
	versions bigint,
	keyframes bigint,
	raw_bytes bigint,
	stored_bytes bigint,
	depth int,
	dead_versions bigint,
	dead_bytes bigint,
	-- a publication FOR ALL TABLES would not let rows without an identity be deleted
	sample_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY
);
CREATE INDEX version_sample_relation_sampled_at ON cvwiz.version_sample (relation, sampled_at);
COMMENT ON TABLE cvwiz.version_sample IS
'Hourly samples of what the version store holds of each column. Figures are NULL where the store could not be read in time. Written by cvwiz.sample_sizes(), kept for 400 days; read cvwiz.stat_version. Not dumped.';
COMMENT ON COLUMN cvwiz.version_sample.relation IS 'OID of the table, of partitions the topmost';
COMMENT ON COLUMN cvwiz.version_sample.snapshot_column IS 'The column';
COMMENT ON COLUMN cvwiz.version_sample.sampled_at IS 'By cvwiz.clock()';
COMMENT ON COLUMN cvwiz.version_sample.store_bytes IS 'Bytes of cvwiz.snapshot_version, of all tables'' versions, with indexes and TOAST';
COMMENT ON COLUMN cvwiz.version_sample.counted IS 'True: every version was counted; false: those on 10000 pages of more, and the figures are estimates';
COMMENT ON COLUMN cvwiz.version_sample.chains IS 'Chains; NULL where not every version was counted';
COMMENT ON COLUMN cvwiz.version_sample.versions IS 'Versions that rows have';
COMMENT ON COLUMN cvwiz.version_sample.keyframes IS 'Versions, dead ones included, that are stored whole';
COMMENT ON COLUMN cvwiz.version_sample.raw_bytes IS 'Bytes of text of the versions that rows have';
COMMENT ON COLUMN cvwiz.version_sample.stored_bytes IS 'Bytes of all content, of dead versions too';
COMMENT ON COLUMN cvwiz.version_sample.depth IS 'The greatest depth that was found';
COMMENT ON COLUMN cvwiz.version_sample.dead_versions IS 'Versions that no row has, which are still needed or have not been freed yet';
COMMENT ON COLUMN cvwiz.version_sample.dead_bytes IS 'Bytes of their content';
COMMENT ON COLUMN cvwiz.version_sample.sample_id IS 'Number of the sample';

CREATE FUNCTION cvwiz.sample_versions()
RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_sample_versions';
COMMENT ON FUNCTION cvwiz.sample_versions() IS
'Takes the samples of columns with versions that are due. For cvwiz.sample_sizes().';
REVOKE ALL ON FUNCTION cvwiz.sample_versions() FROM PUBLIC;

-- ---- figures ----

CREATE FUNCTION cvwiz.version_counters(OUT stored bigint, OUT stored_raw_bytes bigint, OUT read_errors bigint, OUT recent_read_errors bigint, OUT stats_reset timestamptz)
LANGUAGE c VOLATILE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_version_counters';
COMMENT ON FUNCTION cvwiz.version_counters() IS
'What the version store of this database has done since stats_reset: versions stored, bytes of their text, corrupted versions that a reader or a writer met, each time that one did, and those of the last hour, to five minutes. All NULL without cvwiz in shared_preload_libraries.';

-- One that was killed has no end. Where none has succeeded, the time counts from
-- the first run, or from the first sample if there is no run either.
CREATE VIEW cvwiz.stat_version_repack AS
SELECT last_run.finished_at AS last_run, last_run.success AS last_run_succeeded, r.last_success,
	coalesce(r.last_success, least(r.first_run, s.first_sample)) AS waiting_since
FROM (SELECT max(l.finished_at) FILTER (WHERE l.success) AS last_success, min(l.started_at) AS first_run
	FROM cvwiz.version_repack l) r
LEFT JOIN LATERAL (
	SELECT l.finished_at, l.success FROM cvwiz.version_repack l
	WHERE l.finished_at IS NOT NULL
	ORDER BY l.run_id DESC LIMIT 1) last_run ON true
CROSS JOIN LATERAL (
	SELECT min(first.sampled_at) AS first_sample
	FROM cvwiz.versioned_columns b
	CROSS JOIN LATERAL (
		SELECT v.sampled_at FROM cvwiz.version_sample v
		WHERE v.relation = b.relation
		ORDER BY v.sampled_at LIMIT 1) first) s
WHERE EXISTS (SELECT FROM cvwiz.versioned_columns);
COMMENT ON VIEW cvwiz.stat_version_repack IS
'When the version store''s housekeeping last ended, and whether well; when it last succeeded; and waiting_since: then, or else since it first ran or a sample was first taken. No row where there is no version store. cvwiz.version_repack has each run.';
GRANT SELECT ON cvwiz.stat_version_repack TO PUBLIC;

-- A barrier, or a cheap function in WHERE would see the rows of others.
CREATE VIEW cvwiz.stat_version WITH (security_barrier) AS
SELECT b.relation::pg_catalog.regclass AS relation, b.snapshot_column,
	s.chains, s.versions, s.keyframes, s.raw_bytes, s.stored_bytes,
	s.raw_bytes::double precision / NULLIF(s.stored_bytes, 0) AS ratio,
	s.depth, s.dead_versions, s.dead_bytes, s.store_bytes, s.counted, s.sampled_at,
	(SELECT count(*) FROM cvwiz.version_corruption x
	WHERE coalesce(pg_catalog.pg_partition_root(x.relation), x.relation) = b.relation) AS corrupted,
	r.last_run AS last_repack, r.last_run_succeeded AS last_repack_succeeded, r.last_success AS last_repack_success
FROM cvwiz.versioned_columns b
JOIN pg_catalog.pg_class c ON c.oid = b.relation
LEFT JOIN LATERAL (
	SELECT v.* FROM cvwiz.version_sample v
	WHERE v.relation = b.relation AND v.snapshot_column = b.snapshot_column
	AND v.sampled_at <= (SELECT cvwiz.clock())
	ORDER BY v.sampled_at DESC LIMIT 1) s ON true
LEFT JOIN cvwiz.stat_version_repack r ON true
WHERE pg_catalog.pg_has_role(current_user, 'pg_monitor', 'USAGE')
	OR pg_catalog.pg_has_role(current_user, c.relowner, 'USAGE');
COMMENT ON VIEW cvwiz.stat_version IS
'For each column with a version store, or with versions, the newest sample of what the store holds of it: those of the caller''s own tables, for pg_monitor and superusers all. cvwiz.version_stats() counts now. A partitioned table is one.';
COMMENT ON COLUMN cvwiz.stat_version.relation IS 'The table, of partitions the topmost.';
COMMENT ON COLUMN cvwiz.stat_version.snapshot_column IS 'The column whose documents are stored.';
COMMENT ON COLUMN cvwiz.stat_version.chains IS 'Chains: documents that there are versions of. NULL where not every version was counted.';
COMMENT ON COLUMN cvwiz.stat_version.versions IS 'Versions that rows have.';
COMMENT ON COLUMN cvwiz.stat_version.keyframes IS 'Versions, dead ones included, that are stored whole.';
COMMENT ON COLUMN cvwiz.stat_version.raw_bytes IS 'Bytes of text of the versions that rows have.';
COMMENT ON COLUMN cvwiz.stat_version.stored_bytes IS 'Bytes of all content in the store, of dead versions too.';
COMMENT ON COLUMN cvwiz.stat_version.ratio IS 'raw_bytes / stored_bytes.';
COMMENT ON COLUMN cvwiz.stat_version.depth IS 'The greatest number of differences between a version and its keyframe.';
COMMENT ON COLUMN cvwiz.stat_version.dead_versions IS 'Versions that no row has, which are still needed or have not been freed yet.';
COMMENT ON COLUMN cvwiz.stat_version.dead_bytes IS 'Bytes of their content.';
COMMENT ON COLUMN cvwiz.stat_version.store_bytes IS 'Bytes of the whole store on disk, of all tables, with indexes and TOAST.';
COMMENT ON COLUMN cvwiz.stat_version.counted IS 'True: every version was counted. False: the store has more than 10000 pages, so many were looked at, and the figures are estimates. NULL: it could not be read in time.';
COMMENT ON COLUMN cvwiz.stat_version.sampled_at IS 'When the sample was taken; NULL: none yet.';
COMMENT ON COLUMN cvwiz.stat_version.corrupted IS 'Versions of the table, whatever the column, that cvwiz.verify_versions() could not read when it last looked.';
COMMENT ON COLUMN cvwiz.stat_version.last_repack IS 'When the store''s housekeeping last ended; it is one for all tables.';
COMMENT ON COLUMN cvwiz.stat_version.last_repack_succeeded IS 'Whether well.';
COMMENT ON COLUMN cvwiz.stat_version.last_repack_success IS 'When it last ended well.';
GRANT SELECT ON cvwiz.stat_version TO PUBLIC;
