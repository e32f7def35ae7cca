-- Partitions that runs have detached, before they are dropped.

-- A barrier, or a cheap function in WHERE would see the rows of others.
CREATE VIEW cvwiz.detached_partitions WITH (security_barrier) AS
SELECT d.relation, d.parent, d.range_start, d.range_end, CASE WHEN d.emptied THEN 0 ELSE d.rows END AS rows, d.detached_at,
	(SELECT a.path FROM cvwiz.archive a
	WHERE d.archived AND a.relation = d.parent AND a.range_start = d.range_start AND a.range_end = d.range_end
	ORDER BY a.written_at DESC LIMIT 1) AS archive,
	cvwiz.drop_due(d.detached_at, p.drop_after) AS drop_due
FROM cvwiz.detached_partition d
JOIN pg_catalog.pg_class c ON c.oid = d.relation
LEFT JOIN cvwiz.retention_policy p ON p.relation = d.parent
WHERE d.detached_at IS NOT NULL
AND (pg_catalog.pg_has_role(current_user, 'pg_monitor', 'USAGE')
	OR pg_catalog.pg_has_role(current_user, c.relowner, 'USAGE'));
COMMENT ON VIEW cvwiz.detached_partitions IS
'Expired partitions that runs have detached and that await their drop: those of the caller''s own tables, for pg_monitor and superusers all. parent is the table that they were partitions of, rows what they had when they were detached (NULL: not counted; 0 also where they are deleted already, and only the drop waits), archive the file that has its rows (NULL: none), drop_due the time from which on a run drops them.';
GRANT SELECT ON cvwiz.detached_partitions TO PUBLIC;

CREATE FUNCTION cvwiz.reattach_partition(partition regclass)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_reattach_partition';
COMMENT ON FUNCTION cvwiz.reattach_partition(regclass) IS
'Takes a partition of cvwiz.detached_partitions back into its table, with the bounds that it had; no run drops it. While its rows have expired and the policy is not on hold, the next run detaches it again, which a warning says. Takes SHARE UPDATE EXCLUSIVE on the table, for at most cvwiz.lock_timeout to get it. For the table''s owner. Errors: 42501 not the owner, 42704 no run has detached it, 55000 its rows are deleted already, 42P17 another partition has its range, 55P03 no lock.';

REVOKE ALL ON FUNCTION cvwiz.reattach_partition(regclass) FROM PUBLIC;
