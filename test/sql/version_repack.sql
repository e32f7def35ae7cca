-- Housekeeping of the version store, what it counts, and how much it takes.
\pset format unaligned
\pset footer off
\pset null -
CREATE EXTENSION cvwiz;
CREATE SCHEMA app;
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
CREATE FUNCTION app.resume(who int, edit int) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_build_object('id', who, 'edit', edit, 'work', (SELECT jsonb_agg(jsonb_build_object('id', n, 'text', md5((who * 1000 + n)::text) || md5((who * 2000 + n)::text))) FROM generate_series(1, 30) n),
		'summary', md5(edit::text)) $$;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET cvwiz.now = '2026-08-31 12:00';

-- ---- nothing to do ----

CALL cvwiz.repack_versions();
SELECT * FROM cvwiz.version_stats();
SELECT * FROM cvwiz.verify_versions();
SELECT run_id, origin, pid = pg_backend_pid() AS pid, started_at, finished_at, success, chains, freed_versions, freed_bytes, rebased_versions, orphaned_versions, failed, error FROM cvwiz.version_repack;

-- ---- it frees, and stores anew what hangs on what is dead ----

CREATE TABLE docs (chain int, edit int, doc jsonb);
SELECT cvwiz.add_version_store('docs', 'doc', '{chain}');
INSERT INTO docs SELECT chain, n, resume(chain, n) FROM generate_series(1, 3) chain, generate_series(1, 20) n;
CREATE TABLE before_repack AS SELECT d.chain, d.edit, v.version_id, v.base_id, v.depth, v.access_key, v.created_at, v.raw_length, v.checksum FROM docs d JOIN cvwiz.snapshot_version v ON v.version_id = cvwiz.stub_version(doc);
-- chain 1: the oldest ten; chain 2: every second; chain 3: none
DELETE FROM docs WHERE chain = 1 AND edit <= 10 OR chain = 2 AND edit % 2 = 0;
SELECT count(*) AS dead, sum(octet_length(v.content)) AS bytes FROM cvwiz.dead_version d JOIN cvwiz.snapshot_version v USING (version_id) \gset
SELECT sum(octet_length(content)) AS stored FROM cvwiz.snapshot_version \gset
SELECT :dead;
SET cvwiz.now = '2026-08-31 13:00';
CALL cvwiz.repack_versions('docs');
SELECT run_id, origin, started_at, success, chains, freed_versions, freed_versions = :dead AS all_dead, freed_bytes = :bytes AS bytes, rebased_versions, orphaned_versions, failed, error FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1;
SELECT count(*) AS dead FROM cvwiz.dead_version;
SELECT count(*) AS wrong FROM docs WHERE cvwiz.version_text(doc)::text IS DISTINCT FROM resume(chain, edit)::text;
-- what a version is has not changed, how deep it lies has not grown
SELECT v.raw_length = b.raw_length AND v.checksum = b.checksum AND v.access_key = b.access_key AND v.created_at = b.created_at AS same, v.depth <= b.depth AS no_deeper, count(*) FROM before_repack b JOIN cvwiz.snapshot_version v USING (version_id) GROUP BY 1, 2;
SELECT b.chain, string_agg(v.depth::text, ' ' ORDER BY version_id) AS depths FROM before_repack b JOIN cvwiz.snapshot_version v USING (version_id) GROUP BY 1 ORDER BY 1;
-- each hangs on a version of its chain that lives, and is the deeper by no more than it says
SELECT count(*) FROM cvwiz.snapshot_version v JOIN cvwiz.snapshot_version b ON b.version_id = v.base_id WHERE b.chain_key <> v.chain_key OR b.version_id >= v.version_id OR b.depth >= v.depth;
SELECT count(*) FROM cvwiz.snapshot_version v WHERE base_id IS NOT NULL AND NOT EXISTS (SELECT FROM docs WHERE cvwiz.stub_version(doc) = v.base_id);
-- once more there is nothing
CREATE TABLE contents AS SELECT version_id, ctid::text AS place, xmin::text AS written FROM cvwiz.snapshot_version;
CALL cvwiz.repack_versions('docs');
SELECT chains, freed_versions, freed_bytes, rebased_versions, orphaned_versions FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1;
SELECT count(*) AS changed FROM cvwiz.snapshot_version v JOIN contents c USING (version_id) WHERE c.place <> v.ctid::text OR c.written <> v.xmin::text;
-- over and over, at random: never deeper, never wrong
SELECT setseed(0.1);
DO $$
BEGIN
	FOR round IN 1 .. 12 LOOP
		DELETE FROM app.docs WHERE random() < 0.2;
		CALL cvwiz.repack_versions('app.docs');
		IF EXISTS (SELECT FROM app.docs WHERE cvwiz.version_text(doc)::text IS DISTINCT FROM app.resume(chain, edit)::text)
			OR (SELECT count(*) FROM cvwiz.snapshot_version) <> (SELECT count(*) FROM app.docs)
			OR EXISTS (SELECT FROM app.before_repack b JOIN cvwiz.snapshot_version v USING (version_id) WHERE v.depth > b.depth) THEN
			RAISE EXCEPTION 'round %', round;
		END IF;
		INSERT INTO app.docs SELECT c, n, app.resume(c, n) FROM generate_series(1, 3) c, generate_series(100 * round, 100 * round + 3) n;
	END LOOP;
END $$;
SELECT * FROM cvwiz.verify_versions();

-- ---- the figures ----

TRUNCATE docs;
CALL cvwiz.repack_versions();
SELECT count(*) FROM cvwiz.snapshot_version;
CREATE TABLE bare (id int, a jsonb, b jsonb);
SELECT cvwiz.add_version_store('bare', 'a', '{id}', 'nothing'), cvwiz.add_version_store('bare', 'b', '{id}', 'nothing');
INSERT INTO docs SELECT chain, n, resume(chain, n) FROM generate_series(1, 4) chain, generate_series(1, 18) n;
INSERT INTO bare VALUES (1, '"12345678"', NULL), (2, '"12345678"', NULL), (2, '[]', NULL);
DELETE FROM docs WHERE chain = 4 AND edit <= 3;
SELECT s.relation, s.snapshot_column, s.chains, s.versions, s.keyframes, s.depth, s.dead_versions,
	s.raw_bytes = w.raw_bytes AS raw_bytes, s.stored_bytes = w.stored_bytes AS stored_bytes, s.ratio = w.raw_bytes::float8 / w.stored_bytes AS ratio, s.dead_bytes = w.dead_bytes AS dead_bytes
FROM cvwiz.version_stats() s LEFT JOIN (
	SELECT 'docs'::regclass AS relation, sum(octet_length(resume(chain, edit)::text)) AS raw_bytes,
		(SELECT sum(octet_length(content)) FROM cvwiz.snapshot_version v JOIN cvwiz.version_source o USING (source_id) WHERE o.relation = 'docs'::regclass) AS stored_bytes,
		(SELECT sum(octet_length(content)) FROM cvwiz.snapshot_version WHERE raw_length > 100 AND NOT EXISTS (SELECT FROM docs d WHERE cvwiz.stub_version(d.doc) = version_id)) AS dead_bytes FROM docs
	UNION ALL SELECT 'bare'::regclass, 22, 22, 0) w USING (relation) ORDER BY s.relation::text, 2;
SELECT d.relation, d.versions, b.versions, b.ratio FROM cvwiz.version_stats('docs') d, cvwiz.version_stats('bare') b;
SELECT ratio > 5 AS compressed FROM cvwiz.version_stats('docs');
SELECT count(*) FROM cvwiz.version_stats('pg_class');
SELECT error_of('SELECT cvwiz.version_stats(123456789)'), error_of('SELECT cvwiz.verify_versions(123456789)');
-- a table that has stubs no more
DELETE FROM bare;
CALL cvwiz.repack_versions();
SELECT relation FROM cvwiz.version_stats();

-- ---- errors, and whose tables ----

BEGIN;
CALL cvwiz.repack_versions();
ROLLBACK;
CREATE FUNCTION app.call_it() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CALL cvwiz.repack_versions(); END $$;
SELECT call_it();
SELECT error_of('CALL cvwiz.repack_versions(123456789)') ~ '^2D000';
CALL cvwiz.repack_versions(123456789);
CREATE ROLE version_owner;
CREATE ROLE version_member IN ROLE version_owner;
CREATE ROLE version_other;
GRANT ALL ON SCHEMA app TO PUBLIC;
GRANT EXECUTE ON PROCEDURE cvwiz.repack_versions(regclass) TO PUBLIC;
GRANT EXECUTE ON FUNCTION cvwiz.verify_versions(regclass), cvwiz.add_version_store(regclass, name, name[], text), cvwiz.remove_version_store(regclass, name, boolean) TO PUBLIC;
SET ROLE version_owner;
CREATE TABLE app.owned (id int, edit int, doc jsonb);
SELECT cvwiz.add_version_store('app.owned', 'doc', '{id}');
INSERT INTO app.owned SELECT 1, n, app.resume(9, n) FROM generate_series(1, 5) n;
RESET ROLE;
DELETE FROM owned WHERE edit = 3;
DELETE FROM docs WHERE chain = 1 AND edit IN (2, 3);
SET ROLE version_other;
CALL cvwiz.repack_versions('app.owned');
SELECT error_of('SELECT cvwiz.verify_versions(''app.owned'')'), error_of('SELECT cvwiz.version_stats(''app.owned'')');
CALL cvwiz.repack_versions();
SELECT * FROM cvwiz.verify_versions();
SELECT * FROM cvwiz.version_stats();
SET ROLE version_member;
SELECT relation, versions, dead_versions FROM cvwiz.version_stats();
SELECT relation, versions, dead_versions FROM cvwiz.version_stats('app.owned');
SELECT * FROM cvwiz.verify_versions();
CALL cvwiz.repack_versions();
RESET ROLE;
-- only their own
SELECT relation, dead_versions FROM cvwiz.version_stats() ORDER BY relation::text;
SELECT chains, freed_versions, rebased_versions, failed FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 2;
-- pg_monitor sees all figures, and may do nothing
CREATE ROLE version_monitor IN ROLE pg_monitor;
SET ROLE version_monitor;
SELECT relation, versions FROM cvwiz.version_stats() ORDER BY relation::text;
SELECT relation, versions FROM cvwiz.version_stats('app.owned');
CALL cvwiz.repack_versions('app.owned');
SELECT count(*) > 5 AS runs FROM cvwiz.version_repack;
SELECT count(*) FROM cvwiz.version_corruption;
SELECT error_of('SELECT * FROM cvwiz.snapshot_version');
RESET ROLE;
-- a table that its owner cannot look into is not the others' trouble
ALTER TABLE owned ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
INSERT INTO owned VALUES (1, 6, resume(9, 6));
CALL cvwiz.repack_versions();
SELECT chains, freed_versions > 0 AS freed, failed, success, error FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1;
SELECT relation, dead_versions FROM cvwiz.version_stats() ORDER BY relation::text;
ALTER TABLE owned NO FORCE ROW LEVEL SECURITY;
-- a partition of another role's
CREATE TABLE mixed (id int, doc jsonb) PARTITION BY LIST (id);
CREATE TABLE mixed_1 PARTITION OF mixed FOR VALUES IN (1);
SELECT cvwiz.add_version_store('mixed', 'doc', '{id}');
ALTER TABLE mixed_1 OWNER TO version_owner;
CALL cvwiz.repack_versions('mixed');
SELECT error_of('SELECT cvwiz.remove_version_store(''app.mixed'', ''doc'')') ~ '^42501';
-- the log is kept for 400 days
SET cvwiz.now = '2027-10-05 13:00:01';
CALL cvwiz.repack_versions('docs');
SELECT count(*), min(started_at) FROM cvwiz.version_repack;

-- ---- stubs that were there before what they stand for, as rows of a dump may be ----

RESET cvwiz.now;
CREATE TABLE late (id int, doc jsonb);
SELECT cvwiz.add_version_store('late', 'doc', '{id}');
INSERT INTO late VALUES (1, resume(7, 1));
CREATE TABLE stub AS SELECT doc FROM late;
CREATE TABLE stored AS SELECT v.* FROM cvwiz.snapshot_version v JOIN late ON cvwiz.stub_version(doc) = version_id;
DELETE FROM cvwiz.snapshot_version v USING stored s WHERE v.version_id = s.version_id;
ALTER TABLE late DISABLE TRIGGER USER;
DELETE FROM late;
ALTER TABLE late ENABLE TRIGGER USER;
INSERT INTO late SELECT 2, doc FROM stub;
SELECT cvwiz.version(l.doc) = s.doc AS plain_yet FROM late l, stub s;
INSERT INTO cvwiz.snapshot_version SELECT * FROM stored;
SELECT cvwiz.version(doc) = resume(7, 1) AS found FROM late;
CALL cvwiz.repack_versions('late');
SELECT v.codec, cvwiz.version(doc) = resume(7, 1) AS found FROM late JOIN cvwiz.snapshot_version v ON v.version_id = cvwiz.stub_version(doc);
SELECT rebased_versions, orphaned_versions FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1;
-- that one is nobody's then
SELECT count(*) FROM cvwiz.snapshot_version v JOIN stored USING (version_id);

SET client_min_messages = warning;
DROP SCHEMA app CASCADE;
DROP EXTENSION cvwiz;
DROP SCHEMA cvwiz;
DROP ROLE version_member, version_owner, version_other, version_monitor;
