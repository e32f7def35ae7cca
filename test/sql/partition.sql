-- create_partition(), detach_partition(), and what a new partition has.
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
CREATE EXTENSION cvwiz;
SET cvwiz.now = '2026-08-31 12:00';
CREATE ROLE regress_cvwiz_owner;
CREATE ROLE regress_cvwiz_reader;
CREATE ROLE "regress cvwiz ""leak""";
CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO PUBLIC;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA cvwiz TO PUBLIC;
SET search_path = app;

CREATE FUNCTION app.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', sqlstate || ': ' || sqlerrm, '  detail: ' || nullif(detail, ''), '  hint: ' || nullif(hint, ''));
END $$;

-- ---- create_partition ----

SET ROLE regress_cvwiz_owner;
CREATE TABLE logs (id int, t timestamp NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE by_day (id int, t date NOT NULL) PARTITION BY RANGE (t);
-- no policy is needed; any day of the month will do, the past too
SELECT cvwiz.create_partition('logs', '2026-09-17');
SELECT cvwiz.create_partition('logs', '2001-02-28');
SELECT cvwiz.create_partition('by_day', '2024-02-29');
SELECT cvwiz.create_partition('by_day', '2026-12-31');
SELECT * FROM cvwiz.partition_ranges('logs');
SELECT * FROM cvwiz.partition_ranges('by_day');
-- again: the one that is there
SELECT cvwiz.create_partition('logs', '2026-09-30');
-- what others leave of a month: the first part of it is returned
CREATE TABLE middle PARTITION OF logs FOR VALUES FROM ('2026-10-10 12:00') TO ('2026-10-20');
SELECT cvwiz.create_partition('logs', '2026-10-01');
SELECT * FROM cvwiz.partition_ranges('logs');
SELECT cvwiz.create_partition('logs', '2026-10-01');
-- the part that is missing lies behind one that is there: that one is returned
CREATE TABLE begins PARTITION OF logs FOR VALUES FROM ('2026-11-01') TO ('2026-11-15');
SELECT cvwiz.create_partition('logs', '2026-11-20');
SELECT partition, range_start, range_end FROM cvwiz.partition_ranges('logs') WHERE range_start >= '2026-11-01';
INSERT INTO logs VALUES (1, '2026-11-14'), (2, '2026-11-15'), (3, '2026-09-30 23:59:59.999999');
SELECT tableoid::regclass, id FROM logs ORDER BY id;
RESET ROLE;

-- ---- create_partition: errors ----

\t on
CREATE TABLE plain (t date NOT NULL);
CREATE TABLE by_list (t date NOT NULL) PARTITION BY LIST (t);
CREATE TABLE by_two (t date NOT NULL, u date NOT NULL) PARTITION BY RANGE (t, u);
CREATE TABLE by_number (n int NOT NULL) PARTITION BY RANGE (n);
SELECT error_of($$SELECT cvwiz.create_partition('plain', '2026-09-01')$$);
SELECT error_of($$SELECT cvwiz.create_partition('logs_2026_09', '2026-09-01')$$);
SELECT error_of($$SELECT cvwiz.create_partition('by_list', '2026-09-01')$$);
SELECT error_of($$SELECT cvwiz.create_partition('by_two', '2026-09-01')$$);
SELECT error_of($$SELECT cvwiz.create_partition('by_number', '2026-09-01')$$);
SELECT error_of($$SELECT cvwiz.create_partition(NULL, '2026-09-01')$$);
SELECT error_of($$SELECT cvwiz.create_partition('logs', NULL)$$);
SELECT error_of($$SELECT cvwiz.create_partition('logs', 'infinity')$$);
SELECT error_of($$SELECT cvwiz.create_partition('logs', '-infinity')$$);
SELECT error_of($$SELECT cvwiz.create_partition('logs', '0001-12-31 BC')$$);
SELECT error_of($$SELECT cvwiz.create_partition('logs', '10000-01-01')$$);
SELECT error_of($$SELECT cvwiz.create_partition('logs', '5874897-12-31')$$);
SELECT error_of($$SELECT cvwiz.create_partition(0, '2026-09-01')$$);
SELECT error_of($$SELECT cvwiz.create_partition(4294967295, '2026-09-01')$$);
SELECT error_of($$SELECT cvwiz.create_partition('no_such_table', '2026-09-01')$$);
SET ROLE regress_cvwiz_reader;
SELECT error_of($$SELECT cvwiz.create_partition('logs', '2026-12-01')$$);
RESET ROLE;
-- the ends of what is possible
SELECT cvwiz.create_partition('logs', '0001-01-01');
SELECT cvwiz.create_partition('logs', '9999-12-31');
-- the owner may not create in the schema
CREATE SCHEMA closed;
CREATE TABLE closed.logs (t date NOT NULL) PARTITION BY RANGE (t);
ALTER TABLE closed.logs OWNER TO regress_cvwiz_owner;
SELECT error_of($$SELECT cvwiz.create_partition('closed.logs', '2026-12-01')$$);
-- rows of that month in the DEFAULT partition
CREATE TABLE with_default (t date NOT NULL) PARTITION BY RANGE (t);
CREATE TABLE the_default PARTITION OF with_default DEFAULT;
INSERT INTO with_default VALUES ('2026-09-15');
SELECT error_of($$SELECT cvwiz.create_partition('with_default', '2026-09-01')$$);
SELECT cvwiz.create_partition('with_default', '2026-10-01');
SELECT to_regclass('with_default_2026_09');
\t off

-- ---- what a new partition has ----

CREATE TABLE target (id int PRIMARY KEY);
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.note := upper(new.note); RETURN new; END $$;
CREATE TYPE kind AS ENUM ('a', 'b');
SET ROLE regress_cvwiz_owner;
CREATE TABLE full_house (
	id bigint GENERATED BY DEFAULT AS IDENTITY,
	"createdAt" timestamp(3) NOT NULL,
	note text COLLATE "C" DEFAULT 'none' CHECK (note <> ''),
	doc jsonb NOT NULL DEFAULT '{}',
	kind kind DEFAULT 'a',
	doubled int GENERATED ALWAYS AS (length(note) * 2) STORED,
	dropped int,
	target int,
	PRIMARY KEY (id, "createdAt"),
	CONSTRAINT short CHECK (length(note) < 100)
) PARTITION BY RANGE ("createdAt");
ALTER TABLE full_house DROP COLUMN dropped;
ALTER TABLE full_house ALTER doc SET STORAGE EXTERNAL, ALTER note SET STATISTICS 200;
COMMENT ON COLUMN full_house.note IS 'A note';
CREATE INDEX by_time ON full_house ("createdAt" DESC);
CREATE INDEX by_note ON full_house (lower(note)) WHERE note IS NOT NULL;
CREATE INDEX by_doc ON full_house USING gin (doc);
CREATE STATISTICS full_house_statistics ON id, note FROM full_house;
CREATE TRIGGER shout BEFORE INSERT ON full_house FOR EACH ROW EXECUTE FUNCTION shout();
ALTER TABLE full_house ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON full_house FOR SELECT TO regress_cvwiz_reader USING (note = 'MINE');
GRANT SELECT, INSERT ON full_house TO regress_cvwiz_reader WITH GRANT OPTION;
GRANT SELECT ON full_house TO PUBLIC;
RESET ROLE;
GRANT REFERENCES ON target TO regress_cvwiz_owner;
ALTER TABLE full_house ADD FOREIGN KEY (target) REFERENCES target;
ALTER TABLE full_house REPLICA IDENTITY USING INDEX full_house_pkey;
-- default privileges that would open every new table
ALTER DEFAULT PRIVILEGES FOR ROLE regress_cvwiz_owner IN SCHEMA app GRANT ALL ON TABLES TO "regress cvwiz ""leak""";
ALTER DEFAULT PRIVILEGES FOR ROLE regress_cvwiz_owner GRANT SELECT, UPDATE ON TABLES TO PUBLIC;
-- made by a superuser, as by the worker
SELECT cvwiz.create_partition('full_house', '2026-09-01');
CREATE TABLE reference PARTITION OF full_house FOR VALUES FROM ('2026-10-01') TO ('2026-11-01');
SELECT relowner::regrole, relkind, relpersistence, relrowsecurity, relforcerowsecurity, relreplident, relispartition, relchecks FROM pg_class WHERE oid = 'full_house_2026_09'::regclass;
SELECT pg_get_indexdef(indexrelid) AS index, indisprimary, indisvalid, indisreplident, (SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = indexrelid) AS of
FROM pg_index WHERE indrelid = 'full_house_2026_09'::regclass ORDER BY 1;
SELECT conname, contype, pg_get_constraintdef(oid) AS definition, convalidated, conislocal, coninhcount FROM pg_constraint
WHERE conrelid = 'full_house_2026_09'::regclass AND contype <> 'n' ORDER BY conname;
SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull, attgenerated, attstorage, attislocal, attinhcount,
	pg_get_expr(adbin, adrelid) AS default, collname AS collation
FROM pg_attribute a
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
LEFT JOIN pg_collation c ON c.oid = attcollation
WHERE attrelid = 'full_house_2026_09'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname;
SELECT tgname, tgenabled, tgparentid <> 0 AS of_the_parent FROM pg_trigger WHERE tgrelid = 'full_house_2026_09'::regclass AND NOT tgisinternal;
SELECT count(*) AS statistics FROM pg_statistic_ext WHERE stxrelid = 'full_house_2026_09'::regclass;
-- the parent's privileges, no more: nothing of the default ones
SELECT grantee::regrole, string_agg(privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END, ', ' ORDER BY privilege_type) AS privileges
FROM pg_class, aclexplode(relacl) WHERE oid = 'full_house'::regclass AND grantee <> relowner GROUP BY grantee ORDER BY grantee::regrole::text;
SELECT grantee::regrole, string_agg(privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END, ', ' ORDER BY privilege_type) AS privileges
FROM pg_class, aclexplode(relacl) WHERE oid = 'full_house_2026_09'::regclass AND grantee <> relowner GROUP BY grantee ORDER BY grantee::regrole::text;
SELECT has_table_privilege('regress_cvwiz_owner', 'full_house_2026_09', 'SELECT, INSERT, UPDATE, DELETE') AS owner_may;
-- a row through the parent: identity, defaults, generated column, trigger
SET ROLE regress_cvwiz_owner;
INSERT INTO full_house ("createdAt") VALUES ('2026-09-01'), ('2026-10-01');
INSERT INTO full_house ("createdAt", note) VALUES ('2026-09-02', 'mine');
SELECT tableoid::regclass, * FROM full_house ORDER BY id;
SELECT error_of($$INSERT INTO full_house ("createdAt", note) VALUES ('2026-09-02', '')$$);
SELECT error_of($$INSERT INTO full_house ("createdAt", target) VALUES ('2026-09-02', 1)$$);
SET ROLE regress_cvwiz_reader;
SELECT id, note FROM full_house;
-- the parent's policies hold for access through it, and so do the partition's own
SELECT count(*) FROM full_house_2026_09;
RESET ROLE;
-- other replica identities; FORCE ROW LEVEL SECURITY; no privileges but the owner's
CREATE TABLE full_identity (t date NOT NULL) PARTITION BY RANGE (t);
ALTER TABLE full_identity REPLICA IDENTITY FULL;
ALTER TABLE full_identity FORCE ROW LEVEL SECURITY;
CREATE TABLE no_identity (t date NOT NULL) PARTITION BY RANGE (t);
ALTER TABLE no_identity REPLICA IDENTITY NOTHING;
SELECT cvwiz.create_partition('full_identity', '2026-09-01'), cvwiz.create_partition('no_identity', '2026-09-01');
SELECT relname, relreplident, relrowsecurity, relforcerowsecurity, relacl FROM pg_class WHERE oid IN ('full_identity_2026_09'::regclass, 'no_identity_2026_09'::regclass) ORDER BY relname;

-- ---- detach_partition ----

SELECT cvwiz.create_partition('logs', month::date) FROM generate_series('2026-01-01'::timestamp, '2026-04-01', '1 month') month;
INSERT INTO logs SELECT n, timestamp '2026-01-01' + n * interval '1 day' FROM generate_series(0, 119) n;
SELECT cvwiz.add_retention_policy('logs');
DROP TABLE logs_0001_01, logs_2001_02;
SET ROLE regress_cvwiz_owner;
SELECT cvwiz.detach_partition('logs_2026_01');
RESET ROLE;
SELECT count(*) FROM logs_2026_01;
SELECT relispartition FROM pg_class WHERE oid = 'logs_2026_01'::regclass;
-- the same by ALTER TABLE
ALTER TABLE logs DETACH PARTITION logs_2026_02;
-- never dropped by a run; the two that are still partitions are
SELECT success, deleted_count, partitions_detached, partitions_dropped, residue FROM cvwiz.cleanup_old_logs('logs');
SELECT (SELECT count(*) FROM logs_2026_01) AS january, (SELECT count(*) FROM logs_2026_02) AS february, to_regclass('logs_2026_03') AS march, to_regclass('logs_2026_04') AS april;
-- one that a run has detached and could not drop, attached again and detached by hand: kept
CREATE TABLE logs_2025_12 PARTITION OF logs FOR VALUES FROM ('2025-12-01') TO ('2026-01-01');
INSERT INTO logs VALUES (1, '2025-12-24');
CREATE VIEW keeps_it AS SELECT * FROM logs_2025_12;
SELECT success, deleted_count, partitions_detached, partitions_dropped, error FROM cvwiz.cleanup_old_logs('logs');
SELECT relation FROM cvwiz.detached_partition;
ALTER TABLE logs ATTACH PARTITION logs_2025_12 FOR VALUES FROM ('2025-12-01') TO ('2026-01-01');
SELECT relation FROM cvwiz.detached_partition;
SELECT cvwiz.detach_partition('logs_2025_12');
DROP VIEW keeps_it;
SELECT success, deleted_count, partitions_detached, partitions_dropped, error FROM cvwiz.cleanup_old_logs('logs');
SELECT count(*) FROM logs_2025_12;
-- one that has got rows since which have not expired: kept, and said so
CREATE TABLE logs_2025_11 PARTITION OF logs FOR VALUES FROM ('2025-11-01') TO ('2025-12-01');
INSERT INTO logs VALUES (1, '2025-11-11');
CREATE VIEW keeps_it AS SELECT * FROM logs_2025_11;
SELECT success, error FROM cvwiz.cleanup_old_logs('logs');
INSERT INTO logs_2025_11 VALUES (2, '2026-08-31');
DROP VIEW keeps_it;
SELECT success, deleted_count, partitions_dropped, error FROM cvwiz.cleanup_old_logs('logs');
SELECT error_detail FROM cvwiz.retention_runs ORDER BY run_id DESC LIMIT 1;
WITH moved AS (DELETE FROM logs_2025_11 WHERE id = 2 RETURNING *) INSERT INTO logs SELECT * FROM moved;
SELECT success, deleted_count, partitions_dropped, error FROM cvwiz.cleanup_old_logs('logs');
SELECT count(*) FROM logs WHERE t = '2026-08-31';

-- ---- detach_partition: errors ----

\t on
SELECT cvwiz.alter_retention_policy('logs', hold => true);
SELECT error_of($$SELECT cvwiz.detach_partition('logs_2026_09')$$);
-- nor a partition of a partition
CREATE TABLE logs_2027 PARTITION OF logs FOR VALUES FROM ('2027-06-01') TO ('2027-12-01') PARTITION BY RANGE (t);
SELECT cvwiz.create_partition('logs_2027', '2027-07-01');
SELECT error_of($$SELECT cvwiz.detach_partition('logs_2027_2027_07')$$);
SELECT cvwiz.alter_retention_policy('logs', hold => false);
SELECT error_of($$SELECT cvwiz.detach_partition('logs_2027_2027_07')$$);
SET ROLE regress_cvwiz_reader;
SELECT error_of($$SELECT cvwiz.detach_partition('logs_2026_09')$$);
RESET ROLE;
SELECT error_of($$SELECT cvwiz.detach_partition('logs')$$);
SELECT error_of($$SELECT cvwiz.detach_partition('logs_2026_01')$$);
SELECT error_of($$SELECT cvwiz.detach_partition('plain')$$);
SELECT error_of($$SELECT cvwiz.detach_partition('by_time')$$);
SELECT error_of($$SELECT cvwiz.detach_partition('full_house_2026_09_pkey')$$);
SELECT error_of($$SELECT cvwiz.detach_partition(NULL)$$);
SELECT error_of($$SELECT cvwiz.detach_partition(0)$$);
SELECT error_of($$SELECT cvwiz.detach_partition(4294967295)$$);
SELECT relispartition FROM pg_class WHERE oid = 'logs_2026_09'::regclass;

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP SCHEMA closed CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
ALTER DEFAULT PRIVILEGES FOR ROLE regress_cvwiz_owner REVOKE SELECT, UPDATE ON TABLES FROM PUBLIC;
DROP ROLE regress_cvwiz_owner, regress_cvwiz_reader, "regress cvwiz ""leak""";
