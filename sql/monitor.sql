-- What an operator should know.

CREATE FUNCTION cvwiz.health()
RETURNS TABLE (check_name text, status text, detail text, hint text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 20
SET search_path = pg_catalog, pg_temp
-- counting what a big catalog holds is not worth a compilation
SET jit = off
BEGIN ATOMIC
WITH worker AS (
	SELECT w.preloaded, w.launcher_pid, w.starved, pg_is_in_recovery() AS in_recovery,
		current_setting('cvwiz.worker', true)::boolean AS wanted,
		coalesce(current_setting('cvwiz.databases', true), '') = '' OR EXISTS (
			SELECT FROM regexp_split_to_table(current_setting('cvwiz.databases', true), '\s*,\s*') AS listed(name)
			WHERE current_database() = CASE WHEN listed.name LIKE '"%"' THEN
				replace(substr(listed.name, 2, length(listed.name) - 2), '""', '"') ELSE lower(listed.name) END) AS served
	FROM cvwiz.worker_status() w
), policy AS (
	SELECT p.*, r.added_at, c.relkind, a.attnum, a.attnotnull, cvwiz.clock() AS now,
		last_run.run_id, last_run.residue, last_run.error,
		NOT p.hold AND last_run.success IS FALSE AS last_failed
	FROM cvwiz.retention_policies p
	JOIN cvwiz.retention_policy r ON r.relation = p.relation
	JOIN pg_class c ON c.oid = p.relation
	LEFT JOIN pg_attribute a ON a.attrelid = p.relation AND a.attname = p.time_column AND NOT a.attisdropped
	LEFT JOIN LATERAL (
		SELECT l.run_id, l.residue, l.success, l.error FROM cvwiz.retention_runs l
		WHERE l.relation = p.relation AND l.finished_at IS NOT NULL
		ORDER BY l.run_id DESC LIMIT 1) last_run ON true
	WHERE pg_has_role(current_user, 'pg_monitor', 'USAGE') OR pg_has_role(current_user, c.relowner, 'USAGE')
), ahead AS (
	SELECT p.relation, p.now, upper(covered.range) AS covered_until
	FROM policy p
	LEFT JOIN LATERAL (
		SELECT range_agg(tstzrange(s.range_start, s.range_end)) AS ranges
		FROM cvwiz.partition_ranges(p.relation) s WHERE NOT s.is_default) m ON true
	LEFT JOIN LATERAL (
		SELECT u.range FROM unnest(m.ranges) AS u(range) WHERE u.range @> p.now) covered ON true
	WHERE p.relkind = 'p'
), version AS (
	SELECT v.relation, v.snapshot_column, v.corrupted FROM cvwiz.stat_version v
), store_trigger AS (
	SELECT coalesce(pg_partition_root(t.tgrelid), t.tgrelid)::regclass AS relation, t.tgrelid::regclass AS at, a.snapshot_column,
		t.tgenabled IN ('D', 'R') AS disabled,
		NOT EXISTS (
			SELECT FROM pg_trigger f
			WHERE f.tgrelid = t.tgrelid AND f.tgfoid = 'cvwiz.follow_version()'::regprocedure AND f.tgenabled NOT IN ('D', 'R')
			AND f.tgargs = convert_to(a.snapshot_column::text, getdatabaseencoding()) || '\x00'::bytea) AS rows_not_followed,
		-- partitions have none of their own
		t.tgparentid = 0 AND NOT EXISTS (
			SELECT FROM pg_trigger f
			WHERE f.tgrelid = t.tgrelid AND f.tgfoid = 'cvwiz.forget_versions()'::regprocedure AND f.tgenabled NOT IN ('D', 'R')
			AND f.tgargs = convert_to(a.snapshot_column::text, getdatabaseencoding()) || '\x00'::bytea) AS truncate_not_followed
	FROM pg_trigger t CROSS JOIN LATERAL cvwiz.trigger_version_store(t.oid) a
	WHERE t.tgfoid = 'cvwiz.store_version()'::regprocedure
), version_store AS (
	SELECT v.relation, v.snapshot_column,
		min(s.at::text) FILTER (WHERE s.disabled) AS disabled_at,
		min(s.at::text) FILTER (WHERE s.rows_not_followed) AS not_followed_at,
		bool_or(s.truncate_not_followed) AS truncate_not_followed
	FROM version v JOIN store_trigger s ON s.relation = v.relation AND s.snapshot_column = v.snapshot_column
	GROUP BY v.relation, v.snapshot_column
), checks (ordinal, relation, check_name, status, detail, hint) AS (
	SELECT 1, NULL::regclass, 'preload',
		CASE WHEN w.preloaded THEN 'ok' ELSE 'warn' END,
		CASE WHEN w.preloaded THEN 'cvwiz is in shared_preload_libraries'
			ELSE 'cvwiz is not in shared_preload_libraries: it has no background worker' END,
		CASE WHEN NOT w.preloaded THEN 'Add cvwiz to shared_preload_libraries and restart, or have pg_cron run the policies: cvwiz.schedule_retention().' END
	FROM worker w
	UNION ALL
	SELECT 2, NULL, 'worker',
		CASE WHEN w.in_recovery THEN 'ok'
			WHEN NOT w.preloaded OR NOT w.wanted OR NOT w.served OR w.starved THEN 'warn'
			WHEN w.launcher_pid IS NULL THEN 'crit'
			ELSE 'ok' END,
		CASE WHEN w.in_recovery THEN 'this is a standby: the worker waits for its promotion'
			WHEN NOT w.preloaded THEN 'no background worker'
			WHEN NOT w.wanted THEN 'the setting cvwiz.worker is off'
			WHEN NOT w.served THEN 'the setting cvwiz.databases leaves this database out'
			WHEN w.launcher_pid IS NULL THEN 'the launcher is not running'
			WHEN w.starved THEN 'the launcher found no free background worker'
			ELSE format('the launcher is process %s', w.launcher_pid) END,
		CASE WHEN w.in_recovery OR NOT w.preloaded THEN NULL
			WHEN NOT w.wanted THEN 'ALTER SYSTEM SET cvwiz.worker = on; SELECT pg_reload_conf();'
			WHEN NOT w.served THEN 'Add it to cvwiz.databases, and reload.'
			WHEN w.launcher_pid IS NULL THEN 'It is started again after 5 seconds; see the server''s log.'
			WHEN w.starved THEN 'Raise max_worker_processes.' END
	FROM worker w
	UNION ALL
	SELECT 3, NULL, 'clock', 'warn',
		format('the clock is set: cvwiz.now = %s', current_setting('cvwiz.now', true)),
		'cvwiz.now is for tests: ALTER SYSTEM RESET cvwiz.now; SELECT pg_reload_conf();'
	WHERE current_setting('cvwiz.now', true) <> ''
	UNION ALL
	SELECT 4, p.relation, 'last_success',
		CASE WHEN NOT p.enabled THEN 'warn'
			WHEN coalesce(p.last_success, p.added_at) < p.now - interval '26 hours' THEN
				CASE WHEN p.hold THEN 'warn' ELSE 'crit' END
			WHEN p.last_failed THEN 'warn'
			ELSE 'ok' END,
		CASE WHEN NOT p.enabled THEN 'the policy is disabled'
			WHEN p.last_failed THEN format('the last run failed: %s', p.error)
			WHEN p.last_success IS NULL THEN 'no successful run yet'
			ELSE format('last successful run at %s', p.last_success) END,
		CASE WHEN NOT p.enabled THEN 'cvwiz.alter_retention_policy(..., enabled => true) enables it.'
			WHEN p.last_failed OR coalesce(p.last_success, p.added_at) < p.now - interval '26 hours'
			THEN 'See error in cvwiz.retention_runs; CALL cvwiz.run_retention(...) tries again now.' END
	FROM policy p
	UNION ALL
	SELECT 5, a.relation, 'partitions_ahead',
		CASE WHEN a.covered_until IS NULL THEN 'crit'
			WHEN a.covered_until < a.now + interval '35 days' THEN 'warn'
			ELSE 'ok' END,
		CASE WHEN a.covered_until IS NULL THEN 'no partition takes rows of the present'
			WHEN a.covered_until = 'infinity' THEN 'partitions reach to infinity'
			ELSE format('partitions reach to %s, %s days ahead', a.covered_until, extract(day FROM a.covered_until - a.now)) END,
		CASE WHEN a.covered_until IS NULL OR a.covered_until < a.now + interval '35 days'
			THEN 'CALL cvwiz.run_retention(...) makes them; raise premake_months if they are too few.' END
	FROM ahead a
	UNION ALL
	SELECT 6, p.relation, 'default_partition',
		CASE WHEN t.partdefid = 0 THEN 'ok' ELSE 'warn' END,
		CASE WHEN t.partdefid = 0 THEN 'there is none' ELSE format('%s is a DEFAULT partition', t.partdefid::regclass) END,
		CASE WHEN t.partdefid <> 0 THEN 'It is locked and scanned for each new partition, and its rows can keep one from being made: move them away and detach it.'
			|| CASE WHEN p.granularity = 'partition' THEN ' None of its rows is ever purged.' ELSE '' END END
	FROM policy p JOIN pg_partitioned_table t ON t.partrelid = p.relation
	UNION ALL
	SELECT 7, p.relation, 'concurrent_detach',
		CASE WHEN o.obstacle IS NULL THEN 'ok' ELSE 'warn' END,
		CASE WHEN o.obstacle IS NULL THEN 'expired partitions are detached concurrently'
			ELSE format('expired partitions are not detached concurrently: %s', o.obstacle) END,
		CASE WHEN o.obstacle IS NOT NULL THEN 'A plain DETACH waits for ACCESS EXCLUSIVE on the table, for at most cvwiz.lock_timeout at a time, and everybody else behind it.' END
	FROM policy p CROSS JOIN LATERAL (SELECT cvwiz.detach_obstacle(p.relation) AS obstacle) o
	WHERE p.relkind = 'p'
	UNION ALL
	SELECT 8, p.relation, 'residue',
		CASE WHEN p.run_id IS NULL OR p.residue = 0 THEN 'ok' WHEN p.hold THEN 'warn' ELSE 'crit' END,
		CASE WHEN p.run_id IS NULL THEN 'no run yet'
			WHEN p.residue IS NULL THEN 'the last run could not measure what it left'
			ELSE format('the last run left %s rows past the cutoff', p.residue) END,
		CASE WHEN p.residue = 0 OR p.run_id IS NULL THEN NULL ELSE 'See error and error_detail in cvwiz.retention_runs.' END
	FROM policy p
	UNION ALL
	SELECT 9, p.relation, 'hold',
		CASE WHEN p.hold THEN 'warn' ELSE 'ok' END,
		CASE WHEN p.hold THEN 'on hold: nothing is deleted' ELSE 'not on hold' END,
		CASE WHEN p.hold THEN 'cvwiz.alter_retention_policy(..., hold => false) lifts the hold.' END
	FROM policy p
	UNION ALL
	SELECT 10, p.relation, 'null_times',
		CASE WHEN n.nulls = 0 THEN 'ok' ELSE 'warn' END,
		CASE WHEN p.attnum IS NULL THEN format('column %I is gone', p.time_column)
			WHEN p.attnotnull THEN format('column %I is NOT NULL', p.time_column)
			WHEN n.nulls IS NULL THEN format('rows with NULL in column %I could not be counted', p.time_column)
			ELSE format('%s rows have NULL in column %I', n.nulls, p.time_column) END,
		CASE WHEN p.attnum IS NULL THEN 'Remove the policy, and add it for the right column.'
			WHEN NOT p.attnotnull THEN format('Such rows never expire: ALTER TABLE %s ALTER COLUMN %I SET NOT NULL.', p.relation, p.time_column) END
	FROM policy p
	CROSS JOIN LATERAL (SELECT CASE WHEN p.attnum IS NULL THEN NULL
		WHEN p.attnotnull THEN 0 ELSE cvwiz.count_null_times(p.relation) END AS nulls) n
	UNION ALL
	SELECT 11, p.relation, 'time_index',
		CASE WHEN i.missing = 0 OR p.granularity = 'partition' THEN 'ok' ELSE 'warn' END,
		CASE WHEN p.granularity = 'partition' THEN 'whole partitions go, none is purged by rows'
			WHEN i.missing = 0 THEN format('an index begins with column %I', p.time_column)
			WHEN p.relkind = 'p' THEN format('%s partitions have no index that begins with column %I', i.missing, p.time_column)
			ELSE format('no index begins with column %I', p.time_column) END,
		CASE WHEN i.missing > 0 AND p.granularity = 'row' THEN format('Each batch of the purge reads the whole table without one: CREATE INDEX ON %s (%I).', p.relation, p.time_column) END
	FROM policy p
	CROSS JOIN LATERAL (
		SELECT count(*) AS missing
		FROM (SELECT t.relid FROM pg_partition_tree(p.relation) t WHERE t.isleaf AND t.level > 0
			UNION ALL
			-- a table without partitions yet gives its indexes to those that come
			SELECT p.relation WHERE NOT EXISTS (
				SELECT FROM pg_partition_tree(p.relation) t WHERE t.isleaf AND t.level > 0)) leaf
		WHERE NOT EXISTS (
			SELECT FROM pg_index x
			JOIN pg_class xc ON xc.oid = x.indexrelid
			JOIN pg_am m ON m.oid = xc.relam AND m.amname = 'btree'
			JOIN pg_attribute xa ON xa.attrelid = x.indrelid AND xa.attnum = x.indkey[0] AND xa.attname = p.time_column
			WHERE x.indrelid = leaf.relid AND x.indisvalid AND x.indpred IS NULL)) i
	UNION ALL
	SELECT 12, c.oid::regclass, 'conversion', 'crit',
		format('an interrupted conversion has left a check that refuses later rows: %s', pg_get_constraintdef(k.oid)),
		'CALL cvwiz.partition_by_month(...) goes on with it, CALL cvwiz.undo_partition_by_month(...) removes it.'
	FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
	WHERE k.contype = 'c' AND k.conname = 'cvwiz_convert_range' AND NOT c.relispartition
	AND (pg_has_role(current_user, 'pg_monitor', 'USAGE') OR pg_has_role(current_user, c.relowner, 'USAGE'))
	-- not while one is at work: this is its lock
	AND NOT EXISTS (
		SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
		WHERE l.locktype = 'advisory' AND l.classid = 0 AND l.objid = k.conrelid AND l.objsubid = 3)
	UNION ALL
	SELECT 13, NULL, 'version_repack',
		CASE WHEN r.waiting_since < cvwiz.clock() - interval '26 hours' OR r.last_run_succeeded IS FALSE THEN 'warn' ELSE 'ok' END,
		CASE WHEN r.last_run_succeeded IS FALSE THEN format('the version store''s housekeeping failed at %s', r.last_run)
			WHEN r.last_success IS NOT NULL THEN format('the version store''s last successful housekeeping was at %s', r.last_success)
			ELSE 'no successful housekeeping of the version store yet' END,
		CASE WHEN r.last_run_succeeded IS FALSE THEN 'See error in cvwiz.version_repack; CALL cvwiz.repack_versions() tries again now.'
			WHEN r.waiting_since < cvwiz.clock() - interval '26 hours'
			THEN 'Dead versions stay. The worker does it once a day; where there is none, have pg_cron CALL cvwiz.repack_versions().' END
	FROM cvwiz.stat_version_repack r WHERE EXISTS (SELECT FROM version)
	UNION ALL
	SELECT DISTINCT 14, v.relation, 'version_corruption',
		CASE WHEN v.corrupted = 0 THEN 'ok' ELSE 'crit' END,
		CASE WHEN v.corrupted = 0 THEN 'no corrupted version is known'
			WHEN v.corrupted = 1 THEN '1 version cannot be read'
			ELSE format('%s versions cannot be read', v.corrupted) END,
		CASE WHEN v.corrupted > 0 THEN 'cvwiz.version_corruption lists them: restore them from a backup, and see cvwiz.verify_versions() find nothing.' END
	FROM version v
	UNION ALL
	SELECT 15, s.relation, 'version_store',
		CASE WHEN s.disabled_at IS NULL AND s.not_followed_at IS NULL AND NOT s.truncate_not_followed THEN 'ok' ELSE 'warn' END,
		CASE WHEN s.disabled_at IS NOT NULL THEN format('the trigger on %s that stores versions of column %I is disabled', s.disabled_at, s.snapshot_column)
			WHEN s.not_followed_at IS NOT NULL THEN format('no trigger on %s notices when rows with versions of column %I go', s.not_followed_at, s.snapshot_column)
			WHEN s.truncate_not_followed THEN format('no trigger notices a TRUNCATE that versions of column %I go with', s.snapshot_column)
			ELSE format('versions of column %I are stored', s.snapshot_column) END,
		CASE WHEN s.disabled_at IS NOT NULL THEN format('Documents that come now have no version, and snapshot limits cut them for good: ALTER TABLE %s ENABLE TRIGGER.', s.disabled_at)
			WHEN s.not_followed_at IS NOT NULL OR s.truncate_not_followed
			THEN format('Enable it; or cvwiz.remove_version_store(..., restore => false), and add the store again. CALL cvwiz.repack_versions(%L) finds the versions that no row has.', s.relation) END
	FROM version_store s
)
SELECT c.check_name, c.status,
	CASE WHEN c.relation IS NULL THEN c.detail ELSE format('%s: %s', c.relation, c.detail) END,
	c.hint
FROM checks c
ORDER BY c.relation IS NOT NULL, c.relation::text, c.ordinal;
END;
COMMENT ON FUNCTION cvwiz.health() IS
'Checks with status ok, warn or crit: the worker, and for each policy of the caller''s tables (for pg_monitor and superusers: all) the last success (26 hours), partitions ahead (35 days), a DEFAULT partition, what keeps partitions from being detached concurrently, residue, hold, NULL times, the time column''s index; any conversion that was interrupted; and of a version store its housekeeping (26 hours), corrupted versions that are known, and its triggers. Reads catalogs and the logs of runs; counts rows only where the time column allows NULL.';
