-- Sessions with other time zones and date styles get the same bounds, plans and rows.
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
CREATE EXTENSION cvwiz;
CREATE SCHEMA app;
SET search_path = app;

-- For each session, three tables of its own, with the same rows.
CREATE PROCEDURE make_tables(session text) LANGUAGE plpgsql SET timezone = 'UTC' SET datestyle = 'ISO, YMD' AS $$
DECLARE
	type text;
	relation text;
BEGIN
	FOREACH type IN ARRAY '{date,timestamp,timestamptz}'::text[] LOOP
		relation := session || '_' || type;
		EXECUTE format('CREATE TABLE %I (t %s NOT NULL, id int) PARTITION BY RANGE (t)', relation, type);
		EXECUTE format('CREATE INDEX ON %I (t)', relation);
		EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', relation || '_may', relation, '2026-05-01 00:00Z', '2026-06-01 00:00Z');
		EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', relation || '_june', relation, '2026-06-01 00:00Z', '2026-07-01 00:00Z');
		-- an hour apart, around both ends of May and around the cutoff
		EXECUTE format('INSERT INTO %I SELECT t, extract(epoch FROM t) FROM generate_series(timestamptz ''2026-05-30'', ''2026-06-03 23:00'', ''1 hour'') t', relation);
		PERFORM cvwiz.add_retention_policy(relation::regclass);
	END LOOP;
END $$;

-- What a session sees and does, in the server's own words.
CREATE FUNCTION report(session text) RETURNS TABLE (relation text, what text) LANGUAGE plpgsql AS $$
DECLARE
	type text;
	name text;
BEGIN
	FOREACH type IN ARRAY '{date,timestamp,timestamptz}'::text[] LOOP
		name := session || '_' || type;
		RETURN QUERY SELECT type, replace(format('%s %s %s %s %s | %s | %s', step, action, p.target, extract(epoch FROM range_start), extract(epoch FROM range_end), statement, reason), session, 'S')
			FROM cvwiz.retention_plan(name::regclass) p ORDER BY step;
		RETURN QUERY SELECT type, format('created %s: %s', month, replace(cvwiz.create_partition(name::regclass, month)::text, session, 'S'))
			FROM unnest('{2026-03-01,2026-04-30}'::date[]) WITH ORDINALITY m(month, n) ORDER BY n;
		RETURN QUERY SELECT type, format('run %s %s %s %s %s %s %s', success, deleted_count, partitions_created, partitions_detached, partitions_dropped, extract(epoch FROM cutoff_date), residue)
			FROM cvwiz.cleanup_old_logs(name::regclass);
		RETURN QUERY SELECT type, replace(format('partition %s %s %s', partition, extract(epoch FROM range_start), extract(epoch FROM range_end)), session, 'S')
			FROM cvwiz.partition_ranges(name::regclass) ORDER BY range_start;
		RETURN QUERY EXECUTE format('SELECT %L, format(''rows %%s %%s %%s %%s'', count(*), min(id), max(id), sum(id::bigint)) FROM %I', type, name);
		RETURN QUERY SELECT type, format('statistics %s %s %s %s', total_logs, logs_eligible_for_cleanup, extract(epoch FROM oldest_record), extract(epoch FROM newest_record))
			FROM cvwiz.log_statistics(name::regclass);
	END LOOP;
END $$;

CREATE TABLE reports (session text, n int GENERATED ALWAYS AS IDENTITY, relation text, what text);
-- 90 days before is 2026-06-02 01:30 UTC: in New York still the 1st, in Kolkata 07:00.
SET cvwiz.now = '2026-08-31 01:30';
CALL make_tables('utc');
CALL make_tables('newyork');
CALL make_tables('kolkata');
CALL make_tables('german');
CALL make_tables('sql_dmy');

SET timezone = 'UTC';
INSERT INTO reports (session, relation, what) SELECT 'utc', * FROM report('utc');
SET timezone = 'America/New_York';
INSERT INTO reports (session, relation, what) SELECT 'newyork', * FROM report('newyork');
-- as it does with the clock set in that session, which is UTC all the same
SET cvwiz.now = '2026-08-31 01:30';
SELECT extract(epoch FROM cvwiz.clock()) = extract(epoch FROM timestamptz '2026-08-31 01:30Z') AS clock_is_utc;
SET timezone = 'Asia/Kolkata';
INSERT INTO reports (session, relation, what) SELECT 'kolkata', * FROM report('kolkata');
SET timezone = 'Pacific/Kiritimati';
SET datestyle = 'German';
SET intervalstyle = 'sql_standard';
INSERT INTO reports (session, relation, what) SELECT 'german', * FROM report('german');
RESET intervalstyle;
SET timezone = 'America/New_York';
SET datestyle = 'SQL, DMY';
INSERT INTO reports (session, relation, what) SELECT 'sql_dmy', * FROM report('sql_dmy');

SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
\t on
SELECT relation || ': ' || what FROM reports WHERE session = 'utc' ORDER BY n;
\t off
-- no difference
SELECT session, count(*) FROM reports GROUP BY session ORDER BY session;
-- (dates of the clock as create_partition() was given them are not compared)
SELECT r.session, r.relation, r.what FROM reports r
WHERE r.what NOT LIKE 'created%' AND NOT EXISTS (SELECT FROM reports u WHERE u.session = 'utc' AND u.relation = r.relation AND u.what = r.what)
ORDER BY r.n;
SELECT split_part(what, ': ', 2) AS created, count(DISTINCT session) AS sessions FROM reports WHERE what LIKE 'created%' GROUP BY 1 ORDER BY 1;

-- ---- CALL, and the bounds as another session shows them ----

SET timezone = 'America/New_York';
SET cvwiz.now = '2026-11-01 04:30+00';
SET client_min_messages = warning;
CALL cvwiz.run_retention('newyork_timestamptz');
RESET client_min_messages;
SET timezone = 'Asia/Kolkata';
SET client_min_messages = warning;
CALL cvwiz.run_retention('kolkata_timestamptz');
RESET client_min_messages;
SELECT replace(partition::text, 'kolkata', 'S') AS partition, range_start, range_end FROM cvwiz.partition_ranges('kolkata_timestamptz') ORDER BY range_start;
SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = 'newyork_timestamptz_2026_11';
SET timezone = 'UTC';
SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname IN ('newyork_timestamptz_2026_11', 'newyork_timestamptz_2026_03', 'sql_dmy_date_2026_11', 'german_timestamp_2026_11') ORDER BY relname;
SELECT relation_name, success, deleted_count, partitions_created, partitions_detached, cutoff_date, residue FROM cvwiz.retention_runs WHERE origin = 'call' ORDER BY run_id;

-- ---- months as UTC has them, at the very ends ----

SET timezone = 'Pacific/Kiritimati';	-- UTC+14, where it is the next month already
CREATE TABLE ends (t timestamptz NOT NULL) PARTITION BY RANGE (t);
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy('ends', premake_months => 1);
SET cvwiz.now = '2026-08-31 23:59:59.999999+00';
SELECT target, extract(epoch FROM range_start) = extract(epoch FROM timestamptz '2026-08-01Z') AS august FROM cvwiz.retention_plan('ends') WHERE step = 1;
SET timezone = 'Pacific/Honolulu';	-- UTC-10, where it is still the old one
SET cvwiz.now = '2026-09-01 00:00+00';
SELECT target, extract(epoch FROM range_start) = extract(epoch FROM timestamptz '2026-09-01Z') AS september FROM cvwiz.retention_plan('ends') WHERE step = 1;
-- a row of that hour finds its partition
SELECT count(*) FROM cvwiz.cleanup_old_logs('ends');
INSERT INTO ends VALUES ('2026-08-31 14:00 Pacific/Honolulu') RETURNING tableoid::regclass;
-- purge_time is UTC too
SET timezone = 'UTC';
SELECT next_run FROM cvwiz.retention_policies WHERE relation = 'ends'::regclass;

DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
