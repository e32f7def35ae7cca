-- report(): the page's structure, its limit in bytes, what is escaped, for
-- whom, and errors. What it looks like is for test/t/043_report.pl.
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET client_min_messages = warning;
CREATE EXTENSION cvwiz;
CREATE ROLE regress_cvwiz_monitor IN ROLE pg_monitor;
CREATE ROLE regress_cvwiz_other;
CREATE SCHEMA app;
SET search_path = app;
SET cvwiz.now = '2026-08-31 12:00';

-- a page, whatever it shows
CREATE FUNCTION app.is_page(page text) RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(', ',
	CASE WHEN page LIKE '<!DOCTYPE html>%</html>' || chr(10) THEN 'whole' ELSE 'cut' END,
	CASE WHEN octet_length(page) < 200000 THEN 'small' ELSE 'too big: ' || octet_length(page) END,
	CASE WHEN page !~ '[^\x01-\x7f]' THEN 'ASCII' ELSE 'not ASCII' END,
	CASE WHEN page !~* '<(script|iframe|object|embed|link|img|form|base)|<[a-z][^>]*\s(on[a-z]+|href|src|style)=|@import|url\(' THEN 'self-contained' ELSE 'not self-contained' END,
	CASE WHEN page ~ 'could not be read' THEN 'with an error: ' || substring(page FROM 'could not be read[^<]*') END,
	(SELECT format('%s of %s opened', t.tag, t.opened - t.closed) FROM (
		SELECT tag, regexp_count(page, '<' || tag || '[ >]') AS opened, regexp_count(page, '</' || tag || '>') AS closed
		FROM unnest('{html,head,body,main,section,article,figure,svg,title,desc,text,table,tbody,tr,td,th,dl,dt,dd,ul,li,p,span,div}'::text[]) AS tag) t
	WHERE t.opened <> t.closed LIMIT 1))
$$;

-- ---- nothing there ----

SELECT is_page(cvwiz.report());
SELECT report ~ 'No audit log has a policy yet' AS audit, report ~ 'No column has snapshot limits yet' AS snapshots,
	report ~ 'No column has a version store yet' AS versions,
	report ~ 'No alert is active' AS active, report ~ 'No alert has fired and cleared' AS past,
	report ~ 'Database <b class="name">[^<]+</b>' AS database, report ~ '2026-08-01 to <b>2026-08-31 12:00</b> UTC \(30 days\)' AS period,
	regexp_count(report, '<h2') AS sections
FROM cvwiz.report();
-- every setting is there once
SELECT name FROM pg_settings WHERE name LIKE 'cvwiz.%' AND regexp_count(cvwiz.report(), '<th scope="row"><code>' || name || '</code>') <> 1;
SELECT substring(cvwiz.report() FROM '<code>cvwiz.now</code></th>.*?</tr>');
SET cvwiz.purge_batch_size = 77;
SELECT split_part(cvwiz.report(), 'As they come', 1) ~ 'cvwiz.purge_batch_size.*>77<.*>10000<' AS changed;
RESET cvwiz.purge_batch_size;

-- ---- the period ----

\set VERBOSITY terse
SELECT cvwiz.report('0');
SELECT cvwiz.report('23:59:59');
SELECT cvwiz.report('-30 days');
SELECT cvwiz.report('1 month -40 days');
\set VERBOSITY default
SELECT cvwiz.report('1 month -30 days');
\echo :SQLSTATE
SELECT cvwiz.report('-178000000 years');
\echo :SQLSTATE
SELECT since, substring(cvwiz.report(since) FROM '\d+-\d+-\d+ to <b>[^<]*</b> UTC \([^)]*\)') AS period,
	cvwiz.report(since) ~ 'are kept for 400 days: the report begins there' AS cut
FROM unnest('{NULL,1 day,24:00:00,1 month,6 months,400 days,401 days,13 months,2 years,1000 years,178000000 years,2147483647 days}'::interval[]) AS since;

-- ---- a table ----

CREATE TABLE logs (id int, t timestamptz NOT NULL) PARTITION BY RANGE (t);
CREATE INDEX ON logs (t);
SELECT cvwiz.create_partition('logs', month::date) FROM generate_series(date '2026-01-01', '2026-08-01', '1 month') month;
INSERT INTO logs SELECT n, timestamptz '2026-01-01' + n * interval '1 hour' FROM generate_series(0, 5800) n;
ANALYZE logs;
SELECT cvwiz.add_retention_policy('logs');
-- no sample, no run
SELECT is_page(report), report ~ 'No sample of this table was taken' AS no_sample, report ~ 'No run in the period' AS no_run,
	report ~ '8 partitions\. 5 have expired and not dropped yet' AS bars
FROM cvwiz.report();
-- samples of a month and runs of each kind
INSERT INTO cvwiz.size_sample (relation, sampled_at, total_bytes, rows_estimate, oldest_record)
SELECT 'logs'::regclass, t, 1e6 + extract(epoch FROM t - '2026-08-01') / 10, 100, t - interval '90 days'
FROM generate_series(timestamptz '2026-07-01', '2026-08-31 11:00', '1 hour') t;
INSERT INTO cvwiz.retention_run (relation, relation_name, origin, pid, started_at, finished_at, success, hold, residue, deleted_count, error)
SELECT 'logs'::regclass, 'app.logs', 'worker', 1, t, t, s = 's', s = 'h', CASE s WHEN 's' THEN 0 WHEN 'h' THEN 9 END, 10,
	CASE s WHEN 'f' THEN 'purge: it & that <failed>' END
FROM (VALUES ('2026-08-02 03:00+00'::timestamptz, 's'), ('2026-08-03 00:00', 'f'), ('2026-08-03 23:59:59', 's'), ('2026-08-04 03:00', 'h'),
	('2026-08-05 03:00', 's'), ('2026-08-05 04:00', 'f'), ('2026-07-01 03:00', 'f')) r(t, s);
SELECT is_page(report), substring(report FROM 'From [^<]* a day') AS growth, substring(report FROM 'The oldest record is [^<]*') AS age,
	substring(report FROM 'Days that succeeded[^<]*') AS days, substring(report FROM 'the runs deleted [^<]*') AS rows, substring(report FROM 'The last failure[^<]*') AS failure,
	substring(report FROM 'cutoff \d+ [A-Z][a-z]+') AS cutoff
FROM cvwiz.report();
-- the cutoff is in the picture where the period reaches so far
SELECT regexp_count(cvwiz.report('30 days'), '>cutoff 2 Jun<') AS short, regexp_count(cvwiz.report('200 days'), '>cutoff 2 Jun<') AS long;

-- ---- versions ----

CREATE TABLE docs (id int, v int, "Doc" jsonb);
SELECT cvwiz.add_version_store('docs', 'Doc', '{id}');
SELECT is_page(report), report ~ 'No sample of the versions has been taken yet' AS no_sample, report ~ 'Last housekeeping</dt><dd>none yet<' AS none_yet,
	report ~ '<dt>Versions</dt><dd>unknown<small>1 column</small>' AS tile
FROM cvwiz.report();
INSERT INTO cvwiz.version_sample (relation, snapshot_column, sampled_at, store_bytes, counted, chains, versions, keyframes, raw_bytes, stored_bytes, depth, dead_versions, dead_bytes)
SELECT 'docs'::regclass, 'Doc', t, 2000000, true, 20, 90, 10, 1000000, 400000 - extract(day FROM t) * 5000, 15, 10, 5000
FROM generate_series(timestamptz '2026-08-10', '2026-08-31 11:00', '1 hour') t;
INSERT INTO cvwiz.version_repack (origin, pid, started_at, finished_at, success) VALUES ('worker', 1, '2026-08-31 03:00', '2026-08-31 03:01', true);
CREATE FUNCTION versions(report text) RETURNS text LANGUAGE sql AS
$$SELECT regexp_replace(regexp_replace(replace(substring(report FROM '<section id="versions".*?</section>'), '<wbr>', ''), '<svg.*?</svg>', '(picture)', 'g'), '<[^>]*>', ' ', 'g')$$;
SELECT is_page(report), regexp_replace(versions(report), '\s+', ' ', 'g') AS versions, regexp_count(report, '<svg class="(?:chart|bare)"[^>]*aria-labelledby') AS pictures,
	substring(report FROM '<dt>Versions</dt><dd>[^/]*<') AS tile
FROM cvwiz.report();
-- estimated, corrupted, failed
UPDATE cvwiz.version_sample SET counted = false, chains = NULL WHERE sampled_at = '2026-08-31 11:00';
INSERT INTO cvwiz.version_corruption VALUES ('docs'::regclass, 1, 'x', cvwiz.clock());
INSERT INTO cvwiz.version_repack (origin, pid, started_at, finished_at, success) VALUES ('worker', 1, '2026-08-31 09:00', '2026-08-31 09:01', false);
SELECT is_page(report), regexp_replace(split_part(versions(report), 'in use', 1), '\s+', ' ', 'g') AS versions,
	substring(versions(report) FROM 'Estimated[^.]*') AS estimated
FROM cvwiz.report();
-- the last sample could not be taken; an empty store; what takes more than it has
INSERT INTO cvwiz.version_sample (relation, snapshot_column, sampled_at) VALUES ('docs'::regclass, 'Doc', '2026-08-31 11:30');
SELECT is_page(report), substring(report FROM 'The sample of[^<]*') AS late FROM cvwiz.report();
DELETE FROM cvwiz.version_sample;
INSERT INTO cvwiz.version_sample (relation, snapshot_column, sampled_at, store_bytes, counted, chains, versions, keyframes, raw_bytes, stored_bytes, depth, dead_versions, dead_bytes)
VALUES ('docs'::regclass, 'Doc', '2026-08-31 11:30', 8192, true, 0, 0, 0, 0, 0, 0, 0, 0);
SELECT is_page(report), regexp_replace(versions(report), '\s+', ' ', 'g') AS versions FROM cvwiz.report();
UPDATE cvwiz.version_sample SET chains = 1, versions = 1, keyframes = 1, raw_bytes = 2, stored_bytes = 8, dead_versions = 1, dead_bytes = 4;
SELECT is_page(report), substring(versions(report) FROM '2 B of text.*?times \w+') AS larger FROM cvwiz.report();
DELETE FROM cvwiz.version_repack;
DROP TABLE docs;

-- ---- settings of the caller ----

CREATE TEMP TABLE page AS SELECT cvwiz.report() AS page;
SET timezone = 'Asia/Kathmandu';
SET datestyle = 'SQL, DMY';
SET intervalstyle = 'iso_8601';
SET bytea_output = escape;
SET extra_float_digits = -10;
SET search_path = app, pg_catalog;
SET standard_conforming_strings = off;
SET quote_all_identifiers = on;
SET client_encoding = 'LATIN1';
SELECT page = cvwiz.report() AS same FROM page;
RESET client_encoding;
RESET quote_all_identifiers;
RESET standard_conforming_strings;
SET search_path = app;
RESET extra_float_digits;
RESET bytea_output;
RESET intervalstyle;
SET datestyle = 'ISO, YMD';
SET timezone = 'UTC';

-- ---- for whom ----

SET ROLE regress_cvwiz_other;
SELECT cvwiz.report();
\echo :SQLSTATE
SET ROLE regress_cvwiz_monitor;
-- one who owns nothing sees the same
SELECT md5(cvwiz.report()) AS page \gset
RESET ROLE;
SELECT md5(page) = :'page' AS same FROM page;
-- read only
BEGIN READ ONLY;
SELECT page = cvwiz.report() AS same FROM page;
ROLLBACK;

-- ---- names ----

SELECT format('CREATE TABLE %I (t timestamptz NOT NULL); SELECT cvwiz.add_retention_policy(%L, ''t'')', name, quote_ident(name))
FROM unnest(ARRAY['<script>alert(1)</script>', '"><svg onload=alert(1)>', '''; DROP TABLE logs; --', 'a&lt;b&#60;', repeat('"', 63), E'line\nbreak\ttab\x7f']) name \gexec
SELECT is_page(report), regexp_count(report, '<h3><span class="name">') AS cards FROM cvwiz.report();
SELECT DISTINCT m[1] FROM regexp_matches(cvwiz.report(), '<h3><span class="name">(?:app\.<wbr>)?([^/]{0,90}?)(?:\\u007f)?&quot;</span>', 'g') m WHERE length(m[1]) < 90 ORDER BY 1;
-- messages and labels as well
UPDATE cvwiz.retention_run SET error = E'<b>\n' || repeat('<', 5000) || 'end' WHERE NOT success;
INSERT INTO cvwiz.alert_history (at, alert, event, severity, metric, labels, value, comparison, threshold)
SELECT timestamptz '2026-08-01' + n * interval '1 minute', '<script>a' || repeat('"', 300), CASE n % 2 WHEN 0 THEN 'fired' ELSE 'cleared' END,
	'<u>', 'x_bytes', jsonb_build_object('table', repeat('<', 60) || n / 2, '<', repeat('"', 3000)), 1e300, '>', 1
FROM generate_series(0, 9999) n;
SELECT is_page(report), report ~ 'Left out, to keep this page small: [0-9]+ earlier alerts' AS said FROM cvwiz.report();
SELECT is_page(cvwiz.report('400 days'));

-- ---- many tables ----

DO $$
BEGIN
	FOR n IN 1 .. 150 LOOP
		EXECUTE format('CREATE TABLE %I (t timestamptz NOT NULL)', 'x' || n || repeat('"<&', 19));
		PERFORM cvwiz.add_retention_policy(format('%I', 'x' || n || repeat('"<&', 19))::regclass, 't');
		EXECUTE format('CREATE TABLE %I (id int, "%s" jsonb)', 'd' || n || repeat('"<&', 19), repeat('<', 63));
		PERFORM cvwiz.add_snapshot_limits(format('%I', 'd' || n || repeat('"<&', 19))::regclass, repeat('<', 63)::name);
		PERFORM cvwiz.add_version_store(format('%I', 'd' || n || repeat('"<&', 19))::regclass, repeat('<', 63)::name, '{id}');
	END LOOP;
END $$;
INSERT INTO cvwiz.size_sample (relation, sampled_at, total_bytes, rows_estimate, oldest_record)
SELECT r.oid, t, 1e18, 100, t - interval '1000 years'
FROM pg_class r, generate_series(timestamptz '2026-01-01', '2026-08-31 11:00', '12 hours') t WHERE r.relname LIKE 'x%';
INSERT INTO cvwiz.version_sample (relation, snapshot_column, sampled_at, store_bytes, counted, chains, versions, keyframes, raw_bytes, stored_bytes, depth, dead_versions, dead_bytes)
SELECT r.oid, repeat('<', 63), t, 1e18, true, 1e15, 1e15, 1e14, 1e18, 1e17 * (1 + extract(hour FROM t)), 15, 1e14, 1e16
FROM pg_class r, generate_series(timestamptz '2026-01-01', '2026-08-31 11:00', '13 hours') t WHERE r.relname LIKE 'd%';
INSERT INTO cvwiz.retention_run (relation, relation_name, origin, pid, started_at, finished_at, success, hold, error)
SELECT r.oid, 'x', 'worker', 1, t, t, false, t < '2026-05-01', repeat('&', 999)
FROM pg_class r, generate_series(timestamptz '2025-08-01 03:00', '2026-08-31 11:00', '1 day') t WHERE r.relname LIKE 'x%';
SELECT is_page(report), report ~ 'the pictures of [0-9]+ smaller tables' AS tables, regexp_count(report, '[0-9]+ smaller columns') AS columns, versions(report) ~ 'picture' AS versions FROM cvwiz.report('400 days');

-- ---- what breaks one section leaves the others ----

BEGIN;
ALTER VIEW cvwiz.alerts RENAME TO alerts_gone;
SELECT regexp_count(report, '<h2') AS sections, substring(report FROM 'This part could not be read[^<]*') AS error, report LIKE '%</html>' || chr(10) AS whole FROM cvwiz.report();
ROLLBACK;

DROP SCHEMA app CASCADE;
RESET search_path;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
DROP ROLE regress_cvwiz_monitor, regress_cvwiz_other;
