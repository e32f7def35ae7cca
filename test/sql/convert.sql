-- A plain table becomes one partitioned by month, and back: what is done, what
-- it keeps, and everything for which it would fail.
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
CREATE EXTENSION cvwiz;
SET cvwiz.now = '2026-08-15 12:00';
CREATE ROLE regress_cvwiz_owner LOGIN;
CREATE ROLE regress_cvwiz_reader;
CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO PUBLIC;
GRANT EXECUTE ON PROCEDURE cvwiz.partition_by_month, cvwiz.undo_partition_by_month TO PUBLIC;
GRANT EXECUTE ON FUNCTION cvwiz.partition_by_month_plan TO PUBLIC;
SET search_path = app;

-- What a table is by its catalogs. OIDs in names are not the same each time.
CREATE FUNCTION traits(relation regclass) RETURNS TABLE (kind text, name text, value text) LANGUAGE sql AS $$
WITH rel AS (SELECT * FROM pg_class WHERE oid = relation)
SELECT 'relation', 'flags', concat_ws(' ', relowner::regrole, relpersistence, relrowsecurity, relforcerowsecurity, relreplident, reltablespace, obj_description(oid, 'pg_class')) FROM rel
UNION ALL
SELECT 'privilege', grantee::regrole::text, string_agg(privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END, ' ' ORDER BY privilege_type)
FROM rel, aclexplode(coalesce(relacl, acldefault('r', relowner))) GROUP BY grantee
UNION ALL
SELECT 'column privilege', attname || ' ' || grantee::regrole, string_agg(privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END, ' ' ORDER BY privilege_type)
FROM pg_attribute, aclexplode(attacl) WHERE attrelid = relation GROUP BY attname, grantee
UNION ALL
SELECT 'column', attname, concat_ws(' ', row_number() OVER (ORDER BY attnum), format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attstorage, attcompression, nullif(attstattarget, -1),
	pg_get_expr(adbin, adrelid), attcollation, (SELECT string_agg(option, ' ') FROM unnest(attoptions) option WHERE option LIKE 'n\_distinct%'), col_description(attrelid, attnum))
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'sequence', pg_get_serial_sequence(quote_ident(relname), attname), concat_ws(' ', attname, s.*, acl) FROM rel JOIN pg_attribute ON attrelid = rel.oid AND attnum > 0 AND NOT attisdropped,
	LATERAL (SELECT seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle, c.relowner::regrole, c.relacl AS acl FROM pg_sequence JOIN pg_class c ON c.oid = seqrelid
		WHERE seqrelid = pg_get_serial_sequence(quote_ident(rel.relname), attname)::regclass) s
UNION ALL
SELECT 'constraint', conname, concat_ws(' ', contype, pg_get_constraintdef(oid), convalidated, obj_description(oid, 'pg_constraint'))
FROM pg_constraint WHERE conrelid = relation AND contype NOT IN ('n', 't')
UNION ALL
SELECT 'index', c.relname, concat_ws(' ', regexp_replace(pg_get_indexdef(indexrelid), '^.* USING ', ''), indisunique, indisprimary, indisvalid, indisreplident, c.reltablespace, obj_description(indexrelid, 'pg_class'))
FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = relation
UNION ALL
SELECT 'statistics', pg_get_statisticsobjdef_columns(oid), concat_ws(' ', stxowner::regrole, stxkind)
FROM pg_statistic_ext WHERE stxrelid = relation
UNION ALL
SELECT 'trigger', tgname, concat_ws(' ', tgenabled, pg_get_triggerdef(t.oid, true), obj_description(t.oid, 'pg_trigger'))
FROM pg_trigger t WHERE tgrelid = relation AND NOT tgisinternal
UNION ALL
SELECT 'policy', polname, concat_ws(' ', polpermissive, polcmd, (SELECT string_agg(r::regrole::text, ',') FROM unnest(polroles) r), pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid), obj_description(oid, 'pg_policy'))
FROM pg_policy WHERE polrelid = relation
UNION ALL
SELECT 'rule', rulename, concat_ws(' ', ev_enabled, pg_get_ruledef(oid)) FROM pg_rewrite WHERE ev_class = relation
UNION ALL
SELECT 'publication', pubname, concat_ws(' ', (SELECT string_agg(attname, ',' ORDER BY attname) FROM pg_attribute WHERE attrelid = prrelid AND attnum = ANY (prattrs)), pg_get_expr(prqual, prrelid)) FROM pg_publication_rel JOIN pg_publication p ON p.oid = prpubid WHERE prrelid = relation
$$;
-- Names of the catalogs, with the table's OID out of them.
CREATE FUNCTION plan_of(relation regclass, time_column name, keep_unique boolean DEFAULT false) RETURNS TABLE (step int, action text, lock_mode text, blocks text, statement text) LANGUAGE sql AS $$
SELECT step, action, lock_mode, blocks, replace(replace(statement, relation::oid::text, 'OID'), 'MAINTAIN, ', '') FROM cvwiz.partition_by_month_plan(relation, time_column, keep_unique)
$$;
CREATE FUNCTION partitions_of(relation regclass) RETURNS TABLE (partition regclass, range_start timestamptz, range_end timestamptz) LANGUAGE sql AS $$
SELECT partition, range_start, range_end FROM cvwiz.partition_ranges(relation) ORDER BY range_end
$$;
-- An index under a name of a conversion.
CREATE PROCEDURE leave(relation regclass, kind text, suffix text, columns text) LANGUAGE plpgsql AS $$
BEGIN EXECUTE format('CREATE %s cvwiz_%s_%s ON %s %s', kind, relation::oid, suffix, relation, columns); END$$;
-- The files that hold the rows of a tree: of tables, and of valid indexes.
CREATE FUNCTION files_of(relation regclass) RETURNS SETOF oid LANGUAGE sql AS $$
SELECT pg_relation_filenode(relation) UNION SELECT pg_relation_filenode(indexrelid) FROM pg_index WHERE indrelid = relation
$$;

-- ---- a table with everything ----

CREATE TABLE "user" (id int PRIMARY KEY);
INSERT INTO "user" SELECT generate_series(1, 10);
GRANT REFERENCES ON "user" TO regress_cvwiz_owner;
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END$$;
SET ROLE regress_cvwiz_owner;
CREATE TABLE log (gone int, id bigserial, n bigint GENERATED BY DEFAULT AS IDENTITY (START WITH 100 INCREMENT BY 5 CACHE 1), user_id int CONSTRAINT log_user REFERENCES "user" ON DELETE CASCADE,
	action text COLLATE "C" NOT NULL DEFAULT 'none' CONSTRAINT log_action CHECK (action <> ''), doc jsonb, size int GENERATED ALWAYS AS (length(action)) STORED,
	created_at timestamptz NOT NULL DEFAULT now(), CONSTRAINT log_key PRIMARY KEY (id) INCLUDE (user_id), CONSTRAINT log_at_action UNIQUE (created_at, action, id));
ALTER TABLE log DROP COLUMN gone;
ALTER TABLE log ALTER doc SET STORAGE external, ALTER action SET STATISTICS 500, ALTER user_id SET (n_distinct = -0.5);
CREATE INDEX log_user_id ON log (user_id);
CREATE INDEX log_lower ON log (lower(action) COLLATE "C" DESC) WHERE action <> 'x';
CREATE INDEX log_doc ON log USING gin (doc);
CREATE STATISTICS log_statistics ON user_id, action FROM log;
COMMENT ON TABLE log IS 'it''s the log'; COMMENT ON COLUMN log.doc IS 'any'; COMMENT ON CONSTRAINT log_action ON log IS 'said'; COMMENT ON CONSTRAINT log_user ON log IS 'who';
COMMENT ON INDEX log_lower IS 'found';
GRANT SELECT ON log TO regress_cvwiz_reader WITH GRANT OPTION; GRANT INSERT (action, doc), UPDATE (doc) ON log TO regress_cvwiz_reader; REVOKE REFERENCES ON log FROM regress_cvwiz_owner;
GRANT USAGE ON SEQUENCE log_n_seq, log_id_seq TO regress_cvwiz_reader;
ALTER TABLE log ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON log FOR SELECT TO regress_cvwiz_reader USING (action = current_user OR EXISTS (SELECT FROM log l WHERE l.id = 0));
CREATE POLICY others ON log AS RESTRICTIVE FOR UPDATE USING (true) WITH CHECK (action <> 'y');
COMMENT ON POLICY others ON log IS 'not y';
CREATE TRIGGER note_row BEFORE INSERT OR UPDATE OF action ON log FOR EACH ROW WHEN (NEW.action <> 'q') EXECUTE FUNCTION note('a');
CREATE TRIGGER note_statement AFTER INSERT ON log REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note();
RESET ROLE;
SELECT cvwiz.add_snapshot_limits('log', 'doc');
ALTER TABLE log ENABLE ALWAYS TRIGGER note_row; ALTER TABLE log DISABLE TRIGGER note_statement; 
COMMENT ON TRIGGER note_row ON log IS 'noted';
ALTER TABLE log REPLICA IDENTITY USING INDEX log_key;
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy('log', 'created_at', 60, 1);
SET client_min_messages = error;
CREATE PUBLICATION regress_cvwiz_part FOR TABLE log (id, created_at, action) WHERE (id > 0) WITH (publish_via_partition_root = true);
RESET client_min_messages;
INSERT INTO log (user_id, action, created_at) SELECT i % 10 + 1, 'a' || i, timestamptz '2026-08-15 12:00' - i * interval '1 hour' FROM generate_series(1, 2000) i;
CREATE TEMP TABLE before AS SELECT * FROM traits('log');
CREATE TEMP TABLE files_before AS SELECT * FROM files_of('log') f;

-- ---- the plan ----

\x on
SELECT * FROM plan_of('log', 'created_at');
\x off
-- changes nothing
SELECT * FROM traits('log') EXCEPT SELECT * FROM before;
SELECT count(*) FROM pg_class WHERE relname ~ '^cvwiz_' OR relname ~ '_legacy';

-- ---- the conversion ----

CALL cvwiz.partition_by_month('log', 'created_at', 90);
-- all that it had under the same names, but the time in the key
(SELECT 'before' AS "when", * FROM before EXCEPT ALL SELECT 'before', * FROM traits('log'))
UNION ALL
(SELECT 'after', * FROM traits('log') EXCEPT ALL SELECT 'after', * FROM before) ORDER BY 2, 3, 1 DESC;
SELECT * FROM partitions_of('log');
SELECT relation, time_column, retention_days, premake_months FROM cvwiz.retention_policy;
SELECT * FROM cvwiz.conversion WHERE relation = 'log'::regclass AND converted_at = '2026-08-15 12:00';
-- the policy and what is known of it stay with the name
SELECT relation, legacy, key_extended, time_not_null FROM cvwiz.conversion;
-- no file was written anew, none is gone but the one of the old key
SELECT count(*) AS files, count(*) FILTER (WHERE f NOT IN (SELECT * FROM files_before)) AS new, (SELECT count(*) FROM files_before WHERE f NOT IN (SELECT files_of('log_legacy'))) AS gone FROM files_of('log_legacy') f;
SELECT relname FROM pg_class WHERE oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = 'log_legacy'::regclass) ORDER BY 1;
SELECT conname, contype, convalidated, coninhcount FROM pg_constraint WHERE conrelid = 'log_legacy'::regclass AND contype <> 'n' ORDER BY conname;
SELECT tgname, tgenabled, tgparentid <> 0 AS cloned FROM pg_trigger WHERE tgrelid = 'log_legacy'::regclass AND NOT tgisinternal ORDER BY 1;
-- rows go on where they were
SET client_min_messages = error;
INSERT INTO log (user_id, action, created_at) VALUES (1, 'in the old one', '2026-08-15 13:00'), (2, 'in a new one', '2026-09-01'), (3, 'long ago', '1999-01-01') RETURNING tableoid::regclass, id, n, user_id, size, created_at;
RESET client_min_messages;
SELECT count(*), count(DISTINCT id), count(DISTINCT n) FROM log;
-- again: nothing to do; another number of days is
CALL cvwiz.partition_by_month('log', 'created_at', 90);
CALL cvwiz.partition_by_month('log', 'created_at');
CALL cvwiz.partition_by_month('log', 'created_at', 45);
SELECT retention_days FROM cvwiz.retention_policies;
SELECT * FROM plan_of('log', 'created_at');
-- by another column it is not
CALL cvwiz.partition_by_month('log', 'doc');

-- ---- a run: by rows what is in the old partition, and whole once all of it has expired ----

DELETE FROM log WHERE created_at > '2026-09-01' AND action = 'in a new one';
CALL cvwiz.run_retention('log');
SELECT relation_name, success, deleted_count, partitions_created, partitions_dropped, residue FROM cvwiz.retention_runs;
SELECT min(created_at), tableoid::regclass FROM log GROUP BY 2 ORDER BY 1;

-- ---- the undo ----

SELECT cvwiz.alter_retention_policy('log', granularity => 'partition', drop_after => '1 day');
INSERT INTO log (user_id, action, created_at) VALUES (2, 'in a new one', '2026-09-01'), (2, 'in a new one', '2026-09-30');
CREATE VIEW seen AS SELECT id FROM log;
CALL cvwiz.undo_partition_by_month('log');
DROP VIEW seen;
SELECT cvwiz.alter_retention_policy('log', granularity => 'row', drop_after => '0');
CALL cvwiz.undo_partition_by_month('log');
DELETE FROM log_2026_09;
CALL cvwiz.undo_partition_by_month('log');
(SELECT 'before' AS "when", * FROM before EXCEPT ALL SELECT 'before', * FROM traits('log'))
UNION ALL
(SELECT 'after', * FROM traits('log') EXCEPT ALL SELECT 'after', * FROM before) ORDER BY 2, 3, 1 DESC;
SELECT relkind, relname FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind <> 'i' ORDER BY relname;
SELECT relation, retention_days, time_column FROM cvwiz.retention_policy;
SELECT count(*) FROM cvwiz.conversion;
SELECT count(*) AS files, count(*) FILTER (WHERE f NOT IN (SELECT * FROM files_before)) AS new FROM files_of('log') f;
-- sequences go on as well
INSERT INTO log (action, created_at) VALUES ('after', '2026-08-14 12:00') RETURNING id, n;
-- again, and there again, and off it ages
CALL cvwiz.undo_partition_by_month('log');
SET client_min_messages = warning;
CALL cvwiz.partition_by_month('log', 'created_at');
RESET client_min_messages;
SET cvwiz.now = '2026-10-14';
CALL cvwiz.run_retention('log');
SELECT * FROM partitions_of('log');
SET cvwiz.now = '2026-10-17';
CALL cvwiz.run_retention('log');
SELECT * FROM partitions_of('log');
SELECT to_regclass('log_legacy'), count(*) FROM cvwiz.conversion;
SELECT success, partitions_detached, partitions_dropped, residue FROM cvwiz.retention_runs ORDER BY run_id DESC LIMIT 1;
-- without the old one there is no way back, and nothing to go on with
CALL cvwiz.undo_partition_by_month('log');
CALL cvwiz.partition_by_month('log', 'created_at');
DROP PUBLICATION regress_cvwiz_part;
SET cvwiz.now = '2026-08-15 12:00';

-- ---- everything that is in the way, at once ----

CREATE TABLE target (id int PRIMARY KEY, code text UNIQUE, at text, t date);
CREATE VIEW v AS SELECT id FROM target;
CREATE MATERIALIZED VIEW m AS SELECT id FROM target;
CREATE TABLE referrer (target_id int CONSTRAINT "ref""errer" REFERENCES target);
CREATE FUNCTION f(target) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION f_body() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM target; END;
CREATE RULE copied AS ON INSERT TO referrer DO ALSO INSERT INTO target (id) VALUES (NEW.target_id);
CREATE TABLE child () INHERITS (target);
CREATE POLICY p ON referrer USING (target_id IN (SELECT id FROM target));
CREATE TABLE typed (x target);
CALL cvwiz.partition_by_month('target', 'at');
SELECT * FROM cvwiz.partition_by_month_plan('target', 'at');
SET client_min_messages = warning;
DROP TABLE target CASCADE;
RESET client_min_messages;
SELECT relname FROM pg_class WHERE relname ~ '^cvwiz_\d';
DROP TABLE referrer, typed;

-- one by one: keys and indexes
CREATE TABLE target (id int PRIMARY KEY, code text, r int4range, at timestamptz);
CREATE UNIQUE INDEX target_lower ON target (lower(code));
ALTER TABLE target ADD CONSTRAINT target_code UNIQUE (code, id), ADD CONSTRAINT target_range EXCLUDE USING gist (r WITH &&), ADD CONSTRAINT target_late CHECK (id > 0) NOT VALID, ADD CONSTRAINT target_alone CHECK (id > -1) NO INHERIT;
INSERT INTO target (id, code, at) VALUES (1, 'a', NULL), (2, 'b', NULL), (3, 'c', '2028-08-01'), (4, 'd', '2028-07-31'), (5, 'e', 'infinity');
SET client_min_messages = warning;
SELECT cvwiz.add_retention_policy('target', 'at');
ALTER TABLE target ADD t timestamptz NOT NULL DEFAULT now();
SELECT cvwiz.add_retention_policy('target', 't');
RESET client_min_messages;
CALL cvwiz.partition_by_month('target', 'at');
SELECT cvwiz.remove_retention_policy('target');
ALTER TABLE target DROP CONSTRAINT target_late, DROP CONSTRAINT target_alone;
DELETE FROM target WHERE at IS NULL OR at >= '2028-08-01';
CALL cvwiz.partition_by_month('target', 'at', keep_unique => true);
-- after the newest row, however far ahead; unique in the old partition only
SELECT * FROM partitions_of('target');
SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid IN ('target'::regclass, 'target_legacy'::regclass) ORDER BY indexrelid::regclass::text COLLATE "C";
INSERT INTO target (id, code, at) VALUES (4, 'x', '2026-08-15');
INSERT INTO target (id, code, at) VALUES (5, 'd', '2026-08-15');
INSERT INTO target (id, code, r, at) VALUES (6, 'f', '[1,2]', '2026-08-15'), (7, 'g', '[2,3]', '2026-08-15');
CALL cvwiz.undo_partition_by_month('target');
\d target
DROP TABLE target;

-- tables that are none, and columns
CREATE TEMP TABLE gone_soon (t date NOT NULL);
CREATE TABLE is_partition PARTITION OF log FOR VALUES FROM ('2027-01-01') TO ('2027-02-01');
CREATE TYPE row_type AS (t date);
CREATE TABLE of_type OF row_type;
CREATE TABLE inherits () INHERITS ("user");
CREATE TABLE generated (a timestamp, t timestamp GENERATED ALWAYS AS (a + interval '1 day') STORED);
CREATE TABLE partitioned (t date) PARTITION BY RANGE (t);
CREATE SEQUENCE sequence;
CREATE TABLE plain (id int, t timestamptz NOT NULL);
CALL cvwiz.partition_by_month('gone_soon', 't');
CALL cvwiz.partition_by_month('is_partition', 'created_at');
CALL cvwiz.partition_by_month('of_type', 't');
CALL cvwiz.partition_by_month('inherits', 'id');
CALL cvwiz.partition_by_month('generated', 't');
CALL cvwiz.partition_by_month('partitioned', 't');
CALL cvwiz.partition_by_month('sequence', 't');
CALL cvwiz.partition_by_month('cvwiz.retention_run', 'started_at');
CALL cvwiz.partition_by_month('plain', 'no such');
CALL cvwiz.partition_by_month('plain', 'ctid');
CALL cvwiz.partition_by_month('plain', 'id');
CALL cvwiz.partition_by_month(NULL, 't');
CALL cvwiz.partition_by_month(0, 't');
CALL cvwiz.partition_by_month('plain', NULL);
CALL cvwiz.partition_by_month('plain', 't', keep_unique => NULL);
CALL cvwiz.partition_by_month('plain', 't', 29);
CALL cvwiz.partition_by_month('plain', 't', 366);
SELECT cvwiz.partition_by_month_plan(NULL, 't');
SELECT cvwiz.partition_by_month_plan('plain', NULL);
SELECT cvwiz.partition_by_month_plan('plain', 't', NULL);
CALL cvwiz.undo_partition_by_month(NULL);
CALL cvwiz.undo_partition_by_month('partitioned');
CALL cvwiz.undo_partition_by_month('plain');
-- publications: subscribers have no partitions; the old table's columns are not enough
SET client_min_messages = error;
CREATE PUBLICATION regress_cvwiz_part FOR TABLE plain (id);
CALL cvwiz.partition_by_month('plain', 't');
DROP PUBLICATION regress_cvwiz_part;
RESET client_min_messages;
-- transactions
BEGIN;
CALL cvwiz.partition_by_month('plain', 't');
ROLLBACK;
BEGIN;
CALL cvwiz.undo_partition_by_month('plain');
ROLLBACK;
-- names of ours that are others'
ALTER TABLE plain ADD CONSTRAINT cvwiz_convert_range CHECK (id > 0);
CALL cvwiz.partition_by_month('plain', 't');
ALTER TABLE plain DROP CONSTRAINT cvwiz_convert_range;

-- ---- who may ----

SET ROLE regress_cvwiz_reader;
CALL cvwiz.partition_by_month('plain', 't');
SELECT * FROM cvwiz.partition_by_month_plan('plain', 't');
CALL cvwiz.undo_partition_by_month('plain');
RESET ROLE;
-- the owner may not create tables there any more
ALTER TABLE plain OWNER TO regress_cvwiz_owner;
REVOKE CREATE ON SCHEMA app FROM PUBLIC;
CALL cvwiz.partition_by_month('plain', 't');
GRANT CREATE ON SCHEMA app TO PUBLIC;

-- ---- types, names ----

CREATE TABLE with_date (id int, t date NOT NULL, PRIMARY KEY (t, id));
CREATE TABLE with_timestamp (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, t timestamp(3));
CREATE UNLOGGED TABLE without_key (t timestamptz NOT NULL);
INSERT INTO with_date SELECT i, date '2026-08-15' - i FROM generate_series(1, 100) i;
INSERT INTO with_timestamp SELECT i, date '2026-08-15' - i FROM generate_series(1, 100) i;
-- the month's start is near: rows that are inserted meanwhile would be refused
SET cvwiz.now = '2026-08-31 12:00';
-- no index is built where the key has the time, or there is none
CALL cvwiz.partition_by_month('with_date', 't');
CALL cvwiz.partition_by_month('with_timestamp', 't', 30, true);
CALL cvwiz.partition_by_month('without_key', 't');
SELECT * FROM partitions_of('with_date') UNION ALL SELECT * FROM partitions_of('with_timestamp') UNION ALL SELECT * FROM partitions_of('without_key');
\d with_timestamp
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'with_timestamp_legacy'::regclass AND contype <> 'n' ORDER BY conname;
INSERT INTO with_timestamp VALUES (1, NULL);
CALL cvwiz.undo_partition_by_month('with_date');
CALL cvwiz.undo_partition_by_month('with_timestamp');
CALL cvwiz.undo_partition_by_month('without_key');
\d with_date
\d with_timestamp
INSERT INTO with_timestamp VALUES (1000, NULL);
DROP TABLE with_date, with_timestamp, without_key;

-- quotes, spaces, and 63 bytes, which are cut at a character
SELECT 'it''s "the' || repeat('💥', 13) || 'x' AS long, repeat('ä', 31) AS key \gset
CREATE SCHEMA "of ""mine";
CREATE TABLE "of ""mine".:"long" ("the ""id" int CONSTRAINT :"key" PRIMARY KEY, ":t" timestamptz NOT NULL, "s p" serial);
CREATE INDEX "ix ""1" ON "of ""mine".:"long" ("s p");
-- names that are taken
CREATE TABLE "of ""mine"."x_legacy" ();
CREATE TABLE "of ""mine".x (id int PRIMARY KEY, t date NOT NULL);
SET client_min_messages = warning;
CALL cvwiz.partition_by_month(format('%I.%I', 'of "mine', :'long'), ':t', keep_unique => true);
CALL cvwiz.partition_by_month('"of ""mine".x', 't');
SELECT relname, relkind, octet_length(relname) FROM pg_class WHERE relnamespace = '"of ""mine"'::regnamespace ORDER BY relname COLLATE "C";
INSERT INTO "of ""mine".:"long" VALUES (1, '2026-08-31'), (1, '2026-10-31') RETURNING tableoid::regclass;
DELETE FROM "of ""mine".:"long" WHERE ":t" > '2026-09-30';
CALL cvwiz.undo_partition_by_month(format('%I.%I', 'of "mine', :'long'));
SELECT relname, relkind FROM pg_class WHERE relnamespace = '"of ""mine"'::regnamespace AND relname !~ '^x' ORDER BY relname COLLATE "C";
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = format('%I.%I', 'of "mine', :'long')::regclass AND contype = 'p';
DROP SCHEMA "of ""mine" CASCADE;
RESET client_min_messages;

-- ---- what an interrupted call has left ----

CREATE TABLE one (id int PRIMARY KEY, t timestamptz NOT NULL);
INSERT INTO one VALUES (1, '2026-08-31');
-- a check from long ago; an index that is not what is needed, and one that is not asked for
ALTER TABLE one ADD CONSTRAINT cvwiz_convert_range CHECK (t IS NOT NULL AND t < '2026-09-01') NOT VALID;
SELECT check_name, status, detail FROM cvwiz.health() WHERE check_name = 'conversion';
CALL leave('one', 'INDEX', 'key', '(id, t)');
CALL leave('one', 'UNIQUE INDEX', 'unique', '(id)');
SELECT step, action, statement FROM plan_of('one', 't') WHERE action <> 'swap';
CALL cvwiz.undo_partition_by_month('one');
CALL cvwiz.undo_partition_by_month('one');
\d one
ALTER TABLE one ADD CONSTRAINT cvwiz_convert_range CHECK (t IS NOT NULL AND t < '2026-09-01') NOT VALID;
CALL leave('one', 'INDEX', 'key', '(id, t)');
CALL leave('one', 'UNIQUE INDEX', 'unique', '(id)');
CALL cvwiz.partition_by_month('one', 't');
-- between the swap and the end
DROP TABLE one_2026_11;
CALL cvwiz.partition_by_month('one', 't', 60);
-- an undo up to its swap
CALL leave('one_legacy', 'UNIQUE INDEX', 'key', '(id)');
CALL cvwiz.partition_by_month('one', 't');
CALL leave('one_legacy', 'UNIQUE INDEX', 'key', '(id)');
CALL cvwiz.undo_partition_by_month('one');
SELECT relname FROM pg_class WHERE relname ~ '^cvwiz_(\d|convert)';
-- the old key is not unique any more
CALL cvwiz.partition_by_month('one', 't');
INSERT INTO one VALUES (1, '2026-08-30');
\set VERBOSITY sqlstate
CALL cvwiz.undo_partition_by_month('one');
\set VERBOSITY default
SELECT count(*) FROM pg_index WHERE indrelid = 'one_legacy'::regclass;
DELETE FROM one WHERE t = '2026-08-30';
CALL cvwiz.undo_partition_by_month('one');

SET client_min_messages = warning;
DROP EXTENSION cvwiz CASCADE;
DROP SCHEMA app CASCADE;
DROP ROLE regress_cvwiz_owner, regress_cvwiz_reader;
