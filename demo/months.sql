SELECT partition.relname AS partition, COALESCE(events, 0) AS events, pg_size_pretty(pg_total_relation_size(partition.oid)) AS size
FROM pg_inherits
JOIN pg_class AS partition ON partition.oid = inhrelid
LEFT JOIN (SELECT tableoid, count(*) AS events FROM audit_logs GROUP BY 1) AS counted ON counted.tableoid = partition.oid
WHERE inhparent = 'audit_logs'::regclass
ORDER BY 1;
