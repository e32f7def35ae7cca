-- Policies with partitions, a run a day of each for 400 days, and a sample an hour.
-- Variables: policies, partitions (of each), days, now.
CREATE EXTENSION cvwiz;
SELECT format('ALTER DATABASE %I SET cvwiz.now = %L', current_database(), :'now') \gexec
SET cvwiz.now = :'now';
SET client_min_messages = warning;

CREATE PROCEDURE make_tables(policies int, partitions int)
LANGUAGE plpgsql AS $$
DECLARE
	first date := (date_trunc('month', cvwiz.clock() AT TIME ZONE 'UTC') + interval '4 months' - interval '1 month' * partitions)::date;
BEGIN
	FOR p IN 1 .. policies LOOP
		EXECUTE format('CREATE TABLE logs_%s (id bigint, "createdAt" timestamptz NOT NULL, "newValues" jsonb) PARTITION BY RANGE ("createdAt")', p);
		EXECUTE format('CREATE INDEX ON logs_%s ("createdAt")', p);
		FOR m IN 0 .. partitions - 1 LOOP
			EXECUTE format('CREATE TABLE logs_%1$s_%2$s PARTITION OF logs_%1$s FOR VALUES FROM (%3$L) TO (%4$L)', p, m,
				first + interval '1 month' * m, first + interval '1 month' * (m + 1));
		END LOOP;
		EXECUTE format('INSERT INTO logs_%s SELECT m, %L::timestamptz + interval ''1 month'' * m, ''{"a": 1}'' FROM generate_series(0, %s) m', p, first, partitions - 4);
		PERFORM cvwiz.add_retention_policy(format('logs_%s', p)::regclass, retention_days => 365);
		PERFORM cvwiz.add_snapshot_limits(format('logs_%s', p)::regclass, 'newValues');
		COMMIT;
	END LOOP;
END $$;
CALL make_tables(:policies, :partitions);

INSERT INTO cvwiz.retention_run (relation, relation_name, origin, pid, started_at, finished_at, duration, success, deleted_count, partitions_dropped, cutoff_date, retention_days, hold, residue)
SELECT p.relation, p.relation::text, 'worker', 1, t, t + interval '2 seconds', '2 seconds', true, 1000, 0, t - interval '365 days', 365, false, 0
FROM generate_series(cvwiz.clock() - interval '1 day' * :days, cvwiz.clock() - interval '8 hours', '1 day') t, cvwiz.retention_policy p;

-- in the order in which the worker takes them; the newest ten minutes ago
INSERT INTO cvwiz.size_sample (relation, sampled_at, total_bytes, rows_estimate, rows_purged, partitions, covered_until, oldest_record, newest_record, expires_from)
SELECT p.relation, t, 1e9, 1e6, 0, :partitions, t + interval '90 days', t - interval '365 days', t, t - interval '365 days'
FROM generate_series(cvwiz.clock() - interval '10 minutes' - interval '1 hour' * (24 * :days - 1), cvwiz.clock(), '1 hour') t, cvwiz.retention_policy p
ORDER BY t;
INSERT INTO cvwiz.size_sample (relation, snapshot_column, sampled_at, total_bytes, rows_estimate, documents, raw_bytes, stored_bytes)
SELECT p.relation, 'newValues', t, 1e9, 1e6, 100, 100000, 50000
FROM generate_series(cvwiz.clock() - interval '10 minutes' - interval '30 days', cvwiz.clock(), '1 hour') t, cvwiz.retention_policy p
ORDER BY t;
VACUUM ANALYZE;
