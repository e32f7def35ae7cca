-- Whole partitions: their settings, the archive before the drop, the way back.
\pset format unaligned
\pset footer off
\pset null -
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET client_min_messages = warning;
CREATE EXTENSION cvwiz;
SET cvwiz.now = '2026-08-31 12:00';
CREATE ROLE regress_cvwiz_owner LOGIN;
CREATE ROLE regress_cvwiz_writer IN ROLE regress_cvwiz_owner, pg_write_server_files;
CREATE ROLE regress_cvwiz_other;
CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO PUBLIC;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA cvwiz TO PUBLIC;
SET search_path = app;

-- A directory that the server can write to; the output has DIR for it.
SELECT '/tmp/cvwiz_regress_' || pg_backend_pid() AS dir \gset
SELECT set_config('test.dir', :'dir', false) IS NOT NULL AS ready, set_config('test.data', setting, false) IS NOT NULL AS ready FROM pg_settings WHERE name = 'data_directory';

CREATE FUNCTION app.masked(text) RETURNS text LANGUAGE sql RETURN
	regexp_replace(replace(replace($1, current_setting('test.dir'), 'DIR'), current_setting('test.data'), 'DATA'), '[0-9a-f]{64}', 'SHA', 'g');

CREATE FUNCTION app.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE replace(statement, 'DIR', current_setting('test.dir'));
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN app.masked(concat_ws(E'\n', sqlstate || ': ' || sqlerrm, '  detail: ' || nullif(detail, ''), '  hint: ' || nullif(hint, '')));
END $$;

-- A command of the server's operating system user.
CREATE FUNCTION app.sh(command text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('COPY (SELECT 1 WHERE false) TO PROGRAM %L', 'cd ' || current_setting('test.dir') || ' && ' || replace(command, 'DATA', current_setting('data_directory')));
END $$;

CREATE VIEW app.last_run AS
SELECT r.relation, r.success, r.deleted_count, r.partitions_detached AS detached, r.partitions_dropped AS dropped, r.residue, app.masked(r.error) AS error, app.masked(r.error_detail) AS error_detail
FROM cvwiz.retention_runs r ORDER BY run_id DESC LIMIT 1;

DO $$ BEGIN EXECUTE format('COPY (SELECT 1 WHERE false) TO PROGRAM %L', 'mkdir ' || current_setting('test.dir')); END $$;
SELECT app.sh('mkdir archive other; touch file; ln -s DATA link; ln -s archive alias');

SET ROLE regress_cvwiz_owner;
CREATE TABLE logs (id int NOT NULL, at timestamptz NOT NULL, note text) PARTITION BY RANGE (at);
CREATE TABLE plain (at timestamptz NOT NULL);
SELECT cvwiz.create_partition('logs', ('2026-03-01'::date + n * interval '1 month')::date) FROM generate_series(0, 5) n;
INSERT INTO logs SELECT n, timestamptz '2026-03-01 UTC' + n * interval '12 hours', 'note ' || n FROM generate_series(0, 366) n;

\t on
-- ---- who may set archive_to ----

SELECT error_of($$SELECT cvwiz.add_retention_policy('logs', granularity => 'partition', archive_to => 'DIR/archive')$$);
SELECT cvwiz.add_retention_policy('logs', granularity => 'partition');
SELECT error_of($$SELECT cvwiz.alter_retention_policy('logs', archive_to => 'DIR/archive')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('logs', archive_to => '')$$);
SET ROLE regress_cvwiz_writer;
SELECT cvwiz.alter_retention_policy('logs', archive_to => :'dir' || '//archive/../archive/');
SELECT masked(archive_to), granularity FROM cvwiz.retention_policies;
-- the owner leaves it as it is
SET ROLE regress_cvwiz_owner;
SELECT cvwiz.alter_retention_policy('logs', retention_days => 90, drop_after => '0');
SELECT error_of($$SELECT cvwiz.alter_retention_policy('logs', archive_to => '')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('logs', granularity => 'row')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('logs', granularity => 'row', archive_to => '')$$);
SELECT masked(archive_to), granularity FROM cvwiz.retention_policies;
-- pg_write_server_files alone is not enough
RESET ROLE;
GRANT pg_write_server_files TO regress_cvwiz_other;
SET ROLE regress_cvwiz_other;
SELECT error_of($$SELECT cvwiz.alter_retention_policy('logs', archive_to => 'DIR/archive')$$);
RESET ROLE;
SELECT cvwiz.alter_retention_policy('logs', granularity => 'row', archive_to => '');
SELECT archive_to, granularity FROM cvwiz.retention_policies;

-- ---- which directories ----

SELECT cvwiz.alter_retention_policy('logs', granularity => 'partition');
SELECT error_of($$SELECT cvwiz.alter_retention_policy('logs', archive_to => 'archive')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('logs', archive_to => './archive')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('logs', archive_to => 'DIR/none')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('logs', archive_to => 'DIR/file')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('logs', archive_to => 'DIR/link')$$);
SELECT error_of($$SELECT cvwiz.alter_retention_policy('logs', archive_to => 'DIR/link/base')$$);
SELECT error_of(format($$SELECT cvwiz.alter_retention_policy('logs', archive_to => %L)$$, current_setting('data_directory')));
SELECT error_of(format($$SELECT cvwiz.alter_retention_policy('logs', archive_to => %L)$$, current_setting('data_directory') || '/pg_wal'));
SELECT error_of($$SELECT cvwiz.alter_retention_policy('plain', archive_to => 'DIR/archive')$$);
SELECT app.sh('mkdir space');
\t off
SELECT format('CREATE TABLESPACE regress_cvwiz_space LOCATION %L', :'dir' || '/space') AS statement \gset
:statement;
\t on
SELECT error_of($$SELECT cvwiz.alter_retention_policy('logs', archive_to => 'DIR/space')$$);
DROP TABLESPACE regress_cvwiz_space;
-- a directory whose name begins like the data directory's is another one
SELECT error_of(format($$SELECT cvwiz.alter_retention_policy('logs', archive_to => %L)$$, current_setting('data_directory') || 'x'));
-- a link elsewhere will do
SELECT cvwiz.alter_retention_policy('logs', archive_to => :'dir' || '/alias');
SELECT cvwiz.alter_retention_policy('logs', archive_to => :'dir' || '/archive');
\t off

-- ---- plan, statistics, run ----

SELECT action, target, range_start, lock_mode, statement, masked(reason) AS reason FROM cvwiz.retention_plan('logs') WHERE action <> 'create';
-- the partition that the cutoff lies in is kept whole
SELECT total_logs, logs_eligible_for_cleanup, cutoff_date FROM cvwiz.log_statistics('logs');
CALL cvwiz.run_retention('logs');
SELECT * FROM last_run;
SELECT min(at) FROM logs;
SELECT total_logs, logs_eligible_for_cleanup FROM cvwiz.log_statistics('logs');
SELECT relation, relation_name, range_start, range_end, masked(path) AS path, rows, raw_bytes, bytes < raw_bytes AS smaller, sha256 ~ '^[0-9a-f]{64}$' AS sha256, written_at FROM cvwiz.archives ORDER BY range_start;
-- nothing to do
CALL cvwiz.run_retention('logs');
SELECT * FROM last_run;
SELECT check_name, status, detail FROM cvwiz.health() WHERE check_name IN ('residue', 'time_index', 'last_success') ORDER BY 1;
-- what others make of the file
CREATE TABLE read_by_copy (line text, id int GENERATED ALWAYS AS IDENTITY);
DO $$ BEGIN EXECUTE format('COPY read_by_copy (line) FROM PROGRAM %L', format('gzip -t %1$s/archive/logs_2026_03.csv.gz %1$s/archive/app.logs_2026_03.csv.gz 2>/dev/null; gunzip -c %1$s/archive/app.logs_2026_03.csv.gz | head -n 3; ls -A %1$s/archive', current_setting('test.dir'))); END $$;
SELECT line FROM read_by_copy ORDER BY id;

-- ---- who sees them ----

SET ROLE regress_cvwiz_owner;
SELECT count(*) FROM cvwiz.archives;
SET ROLE regress_cvwiz_other;
SELECT count(*) FROM cvwiz.archives;
SELECT left(error_of('SELECT FROM cvwiz.archive'), 5);
RESET ROLE;
GRANT pg_monitor TO regress_cvwiz_other;
SET ROLE regress_cvwiz_other;
SELECT count(*) FROM cvwiz.archives;
RESET ROLE;
REVOKE pg_monitor FROM regress_cvwiz_other;

-- ---- the way back ----

SET ROLE regress_cvwiz_owner;
SELECT cvwiz.restore_archive('logs', '2026-03-01 UTC');
SELECT count(*), min(at), max(at), sum(id), min(note) FROM logs_2026_03;
SELECT relowner::regrole, relispartition, relacl FROM pg_class WHERE oid = 'logs_2026_03'::regclass;
-- a name that is taken
SELECT cvwiz.restore_archive('logs', '2026-03-01 UTC');
-- no run takes them
CALL cvwiz.run_retention('logs');
SELECT count(*) FROM logs_2026_03_1;
ALTER TABLE logs ATTACH PARTITION logs_2026_03_1 FOR VALUES FROM ('2026-03-01 UTC') TO ('2026-04-01 UTC');
ALTER TABLE logs DETACH PARTITION logs_2026_03_1;
DROP TABLE logs_2026_03, logs_2026_03_1;
\t on
SELECT error_of($$SELECT cvwiz.restore_archive('logs', '2026-03-02 UTC')$$);
SELECT error_of($$SELECT cvwiz.restore_archive('plain', '2026-03-01 UTC')$$);
SELECT error_of($$SELECT cvwiz.restore_archive('logs', NULL)$$);
SELECT error_of($$SELECT cvwiz.restore_archive(NULL, '2026-03-01 UTC')$$);
SELECT error_of($$SELECT cvwiz.restore_archive(0, '2026-03-01 UTC')$$);
SET ROLE regress_cvwiz_other;
SELECT error_of($$SELECT cvwiz.restore_archive('logs', '2026-03-01 UTC')$$);
RESET ROLE;
-- columns that have come, gone, and changed their places since
ALTER TABLE logs ADD COLUMN more text DEFAULT 'new';
ALTER TABLE logs RENAME COLUMN note TO remark;
SELECT error_of($$SELECT cvwiz.restore_archive('logs', '2026-04-01 UTC')$$);
ALTER TABLE logs RENAME COLUMN remark TO note;
ALTER TABLE logs DROP COLUMN id;
ALTER TABLE logs ADD COLUMN id bigint NOT NULL DEFAULT 0;
SELECT cvwiz.restore_archive('logs', '2026-04-01 UTC');
SELECT * FROM logs_2026_04 ORDER BY at LIMIT 1;
DROP TABLE logs_2026_04;
-- a file that is gone, cut, changed, another's, no file
SELECT app.sh('mv archive/app.logs_2026_04.csv.gz keep');
SELECT error_of($$SELECT cvwiz.restore_archive('logs', '2026-04-01 UTC')$$);
SELECT app.sh('head -c 200 keep > archive/app.logs_2026_04.csv.gz');
SELECT error_of($$SELECT cvwiz.restore_archive('logs', '2026-04-01 UTC')$$);
SELECT app.sh('(head -c 200 keep; printf XXXX; tail -c +205 keep) > archive/app.logs_2026_04.csv.gz');
SELECT left(error_of($$SELECT cvwiz.restore_archive('logs', '2026-04-01 UTC')$$), 60);
SELECT app.sh('(cat keep; echo garbage) > archive/app.logs_2026_04.csv.gz');
SELECT left(error_of($$SELECT cvwiz.restore_archive('logs', '2026-04-01 UTC')$$), 60);
SELECT app.sh('gunzip < keep | sed s/note/nota/ | gzip > archive/app.logs_2026_04.csv.gz');
SELECT error_of($$SELECT cvwiz.restore_archive('logs', '2026-04-01 UTC')$$);
SELECT app.sh('gunzip < keep | head -n -1 | gzip > archive/app.logs_2026_04.csv.gz');
SELECT error_of($$SELECT cvwiz.restore_archive('logs', '2026-04-01 UTC')$$);
SELECT app.sh('rm archive/app.logs_2026_04.csv.gz; mkdir archive/app.logs_2026_04.csv.gz');
SELECT error_of($$SELECT cvwiz.restore_archive('logs', '2026-04-01 UTC')$$);
SELECT app.sh('rmdir archive/app.logs_2026_04.csv.gz; mkfifo archive/app.logs_2026_04.csv.gz');
SELECT error_of($$SELECT cvwiz.restore_archive('logs', '2026-04-01 UTC')$$);
SELECT to_regclass('logs_2026_04') IS NULL;
-- compressed otherwise, in two members, through a link: the text is what counts
SELECT app.sh('rm archive/app.logs_2026_04.csv.gz; gunzip < keep > text; (head -n 5 text | gzip -1; tail -n +6 text | gzip -9) > keep2; ln -s ../keep2 archive/app.logs_2026_04.csv.gz');
SELECT cvwiz.restore_archive('logs', '2026-04-01 UTC');
SELECT count(*) FROM logs_2026_04;
DROP TABLE logs_2026_04;
\t off

-- ---- the drop and its archive ----

\set VERBOSITY terse

CREATE TABLE days (id int, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE "days 10" PARTITION OF days FOR VALUES FROM ('2026-03-10') TO ('2026-03-20');
CREATE TABLE days_first PARTITION OF days FOR VALUES FROM (MINVALUE) TO ('2026-03-10');
INSERT INTO days SELECT n, date '2026-03-01' + n FROM generate_series(0, 18) n;
SELECT cvwiz.add_retention_policy('days', granularity => 'partition', archive_to => :'dir' || '/other');
-- the directory is checked at each use: what fails is kept, and tried again
SELECT app.sh('mv other away');
CALL cvwiz.run_retention('days');
SELECT * FROM last_run \gx
SELECT count(*) FROM "days 10";
SELECT app.sh('ln -s DATA other');
CALL cvwiz.run_retention('days');
SELECT error FROM last_run;
SELECT app.sh('rm other; mv away other');
-- a file in the place, which is none of ours
SELECT app.sh('echo text > other/app.days_2026-03-10_to_2026-03-20.csv.gz; mkdir other/app.days_minvalue_to_2026-03-10.csv.gz');
CALL cvwiz.run_retention('days');
SELECT * FROM last_run \gx
SELECT app.sh('rm other/app.days_2026-03-10_to_2026-03-20.csv.gz; rmdir other/app.days_minvalue_to_2026-03-10.csv.gz');
-- archived, and not dropped: a view keeps it, and rows come in meanwhile
CREATE VIEW keeps AS SELECT * FROM "days 10" UNION ALL SELECT * FROM days_first;
CALL cvwiz.run_retention('days');
SELECT error, dropped FROM last_run;
SELECT masked(path) AS path, rows FROM cvwiz.archives WHERE relation = 'days'::regclass ORDER BY range_start;
INSERT INTO "days 10" VALUES (99, '2026-03-11');
DROP VIEW keeps;
CALL cvwiz.run_retention('days');
SELECT * FROM last_run \gx
-- the archive moved away: its row stays, and the table's present rows are written
SELECT app.sh('mv other/app.days_2026-03-10_to_2026-03-20.csv.gz older.gz');
CALL cvwiz.run_retention('days');
SELECT * FROM last_run;
SELECT masked(path) AS path, rows FROM cvwiz.archives WHERE relation = 'days'::regclass ORDER BY range_start, rows;
SELECT cvwiz.restore_archive('days', '-infinity'), cvwiz.restore_archive('days', '2026-03-10');
SELECT count(*), max(id) FROM days_2026_03_1;
-- and the other one, back in its place
SELECT app.sh('mv older.gz other/app.days_2026-03-10_to_2026-03-20.csv.gz');
SELECT cvwiz.restore_archive('days', '2026-03-10');
SELECT count(*), max(id) FROM days_2026_03_2;
DROP TABLE days_2026_03, days_2026_03_1, days_2026_03_2;

-- ---- a while between the detach and the drop ----

CREATE TABLE referred (id int PRIMARY KEY);
INSERT INTO referred VALUES (1);
CREATE TABLE slow (id int REFERENCES referred, at timestamptz NOT NULL) PARTITION BY RANGE (at);
SELECT cvwiz.create_partition('slow', '2026-05-01');
INSERT INTO slow VALUES (1, '2026-05-10 UTC'), (1, '2026-05-11 UTC');
SELECT cvwiz.add_retention_policy('slow', granularity => 'partition', archive_to => :'dir' || '/other', drop_after => '7 days');
SELECT action, target FROM cvwiz.retention_plan('slow') WHERE action <> 'create';
-- archived at once, and if that fails by the next run
SELECT app.sh('mv other away');
CALL cvwiz.run_retention('slow');
SELECT dropped, residue, error FROM last_run;
SELECT app.sh('mv away other');
SELECT relation, rows, archive, drop_due FROM cvwiz.detached_partitions WHERE parent = 'slow'::regclass;
SELECT action, target FROM cvwiz.retention_plan('slow');
CALL cvwiz.run_retention('slow');
SELECT success, dropped, residue FROM last_run;
SELECT relation, rows, masked(archive) AS archive, drop_due FROM cvwiz.detached_partitions WHERE parent = 'slow'::regclass;
SELECT action, target FROM cvwiz.retention_plan('slow');
-- the file may be elsewhere by then; the drop goes by the manifest, also where the rows went before
SELECT app.sh('mv other/app.slow_2026_05.csv.gz away');
CREATE VIEW keeps AS SELECT * FROM slow_2026_05;
SET cvwiz.now = '2026-09-07 12:00';
SELECT action, target FROM cvwiz.retention_plan('slow');
CALL cvwiz.run_retention('slow');
SELECT dropped, deleted_count, error FROM last_run;
SELECT count(*) FROM slow_2026_05;
CALL cvwiz.run_retention('slow');
SELECT dropped, deleted_count, error FROM last_run;
DROP VIEW keeps;
CALL cvwiz.run_retention('slow');
SELECT success, dropped, deleted_count FROM last_run;
SELECT relation, rows FROM cvwiz.archives WHERE relation_name = 'app.slow';
SET cvwiz.now = '2026-08-31 12:00';

-- ---- an attempt that left its file, and nothing else ----

CREATE TABLE again (id int, at timestamp NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE again_1 PARTITION OF again FOR VALUES FROM ('2026-03-10') TO ('2026-03-10 12:30:00.5');
INSERT INTO again VALUES (1, '2026-03-10 01:00'), (2, '2026-03-10 02:00');
SELECT cvwiz.add_retention_policy('again', granularity => 'partition', archive_to => :'dir' || '/other');
BEGIN;
SELECT success, partitions_dropped, error FROM cvwiz.cleanup_old_logs('again');
ROLLBACK;
SELECT count(*) FROM again;
SELECT count(*) FROM cvwiz.archives WHERE relation = 'again'::regclass;
SELECT success, partitions_dropped, error FROM cvwiz.cleanup_old_logs('again');
SELECT masked(path) AS path, rows FROM cvwiz.archives WHERE relation = 'again'::regclass;

-- ---- names ----

CREATE SCHEMA "a.b/c";
CREATE TABLE "a.b/c"."../x" (at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE "a.b/c"."🗒️ é
%_1" (at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE "a.b/c"."123456789_123456789_123456789_123456789_123456789_123456789_éé" (at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE public.regress_cvwiz (at timestamptz NOT NULL) PARTITION BY RANGE (at);
SELECT cvwiz.create_partition(c.oid, '2026-03-01') IS NOT NULL AS made, cvwiz.add_retention_policy(c.oid, granularity => 'partition', archive_to => :'dir' || '/other') AS policy
FROM pg_class c WHERE relkind = 'p' AND (relnamespace = '"a.b/c"'::regnamespace OR relname = 'regress_cvwiz');
SELECT relation, success, partitions_dropped, error FROM cvwiz.cleanup_old_logs() WHERE relation::text LIKE '%a.b/c%' OR relation::text = 'public.regress_cvwiz' ORDER BY 1::text;
SELECT relation_name, masked(path) AS path, rows FROM cvwiz.archives WHERE relation_name LIKE '%a.b/c%' OR relation_name = 'public.regress_cvwiz' ORDER BY 2;

-- ---- a partition that is partitioned itself, its columns in another order ----

CREATE TABLE tree (id int, at timestamptz NOT NULL, kind text, "double" int GENERATED ALWAYS AS (id * 2) STORED) PARTITION BY RANGE (at);
CREATE TABLE branch (kind text, gone int, at timestamptz NOT NULL, id int, "double" int GENERATED ALWAYS AS (id * 2) STORED) PARTITION BY LIST (kind);
ALTER TABLE branch DROP COLUMN gone;
CREATE TABLE leaf_a PARTITION OF branch FOR VALUES IN ('a');
CREATE TABLE leaf_b ("double" int GENERATED ALWAYS AS (id * 2) STORED, id int, kind text, at timestamptz NOT NULL);
ALTER TABLE branch ATTACH PARTITION leaf_b FOR VALUES IN ('b', NULL);
ALTER TABLE tree ATTACH PARTITION branch FOR VALUES FROM ('2026-03-01 UTC') TO ('2026-04-01 UTC');
INSERT INTO tree (id, at, kind) VALUES (1, '2026-03-02 UTC', 'a'), (2, '2026-03-03 UTC', 'b'), (3, '2026-03-04 UTC', NULL);
SELECT cvwiz.add_retention_policy('tree', granularity => 'partition', archive_to => :'dir' || '/other');
CALL cvwiz.run_retention('tree');
SELECT * FROM last_run;
SELECT cvwiz.restore_archive('tree', '2026-03-01 UTC');
SELECT * FROM tree_2026_03 ORDER BY id;

-- ---- without an archive; a DEFAULT partition ----

CREATE TABLE whole (at timestamptz NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE whole_rest PARTITION OF whole DEFAULT;
SELECT cvwiz.create_partition('whole', '2026-05-01'), cvwiz.create_partition('whole', '2026-06-01');
INSERT INTO whole VALUES ('2026-05-01 UTC'), ('2026-06-01 UTC'), ('2026-06-02 11:59:59 UTC'), ('2026-06-03 UTC');
SELECT cvwiz.add_retention_policy('whole', granularity => 'partition');
SELECT action, target FROM cvwiz.retention_plan('whole') WHERE action <> 'create';
CALL cvwiz.run_retention('whole');
SELECT success, deleted_count, dropped, residue, error FROM last_run;
-- rows of months that have gone: nothing purges them, and that is no success
INSERT INTO whole VALUES ('2026-01-01 UTC');
SELECT logs_eligible_for_cleanup FROM cvwiz.log_statistics('whole');
CALL cvwiz.run_retention('whole');
SELECT success, residue, error FROM last_run;
-- by rows again, exactly
SELECT cvwiz.alter_retention_policy('whole', granularity => 'row');
CALL cvwiz.run_retention('whole');
SELECT success, deleted_count, residue, error FROM last_run;

-- ---- a dropped table leaves its archives ----

DROP TABLE tree, tree_2026_03;
SELECT relation, relation_name, range_start, rows FROM cvwiz.archives WHERE relation IS NULL;
SET ROLE regress_cvwiz_owner;
SELECT count(*) FROM cvwiz.archives WHERE relation IS NULL;
RESET ROLE;

SELECT app.sh('cd .. && rm -r ' || :'dir');
SET client_min_messages = error;
DROP SCHEMA app CASCADE;
DROP SCHEMA "a.b/c" CASCADE;
DROP TABLE public.regress_cvwiz;
DROP EXTENSION cvwiz;
DROP OWNED BY regress_cvwiz_owner, regress_cvwiz_writer, regress_cvwiz_other;
DROP ROLE regress_cvwiz_writer, regress_cvwiz_owner, regress_cvwiz_other;
