-- Row-level security: it decides who sees a document, and it never hides a row
-- from housekeeping, which would take its version for one that no row has.
SET client_min_messages = warning;
CREATE EXTENSION cvwiz;
CREATE ROLE regress_version_owner;
CREATE ROLE regress_ann;
CREATE ROLE regress_bob;
CREATE SCHEMA version_rls AUTHORIZATION regress_version_owner;
GRANT USAGE ON SCHEMA version_rls TO regress_ann, regress_bob;
GRANT EXECUTE ON FUNCTION cvwiz.remove_version_store(regclass, name, boolean), cvwiz.verify_versions(regclass) TO regress_version_owner;
GRANT EXECUTE ON PROCEDURE cvwiz.repack_versions(regclass) TO regress_version_owner;
SET search_path = version_rls;
\pset format unaligned
\pset footer off

SET ROLE regress_version_owner;
CREATE TABLE docs (id int PRIMARY KEY, person name, snapshot jsonb);
RESET ROLE;
SELECT cvwiz.add_version_store('docs', 'snapshot', '{person}');
SELECT cvwiz.create_version_view('docs', 'whole');
ALTER VIEW whole OWNER TO regress_version_owner;
SET ROLE regress_version_owner;
INSERT INTO docs SELECT n, person, jsonb_build_object('of', person, 'n', n)
FROM generate_series(1, 6) n, LATERAL (SELECT CASE n % 2 WHEN 0 THEN 'regress_ann' ELSE 'regress_bob' END) p (person);
ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
-- a policy sees the row as it is stored: with its stub
CREATE POLICY own ON docs USING (person = current_user) WITH CHECK (person = current_user AND (snapshot ? '$cvwiz' OR snapshot IS NULL));
GRANT SELECT, INSERT, UPDATE, DELETE ON docs, whole TO regress_ann, regress_bob;

-- ---- who sees what ----

SET ROLE regress_ann;
SELECT * FROM whole ORDER BY id;
SELECT id, cvwiz.version(snapshot) FROM docs ORDER BY id;
INSERT INTO whole VALUES (8, 'regress_ann', '{"of": "her"}');
INSERT INTO whole VALUES (9, 'regress_bob', '{"of": "him"}');
INSERT INTO docs VALUES (9, 'regress_bob', '{"of": "him"}');
UPDATE whole SET snapshot = '{"of": "ann"}' WHERE id IN (1, 2);
UPDATE whole SET person = 'regress_bob' WHERE id = 2;
DELETE FROM whole WHERE id IN (3, 4);
SELECT * FROM whole ORDER BY id;
-- another one's key cannot be had, and a stub without it is of no use
SELECT cvwiz.version(jsonb_build_object('$cvwiz', jsonb_build_object('version', 1, 'size', 0, 'key', repeat('0', 32))));
SET ROLE regress_bob;
SELECT * FROM whole ORDER BY id;
RESET ROLE;

-- ---- rows that are hidden from the owner, too ----

ALTER TABLE docs FORCE ROW LEVEL SECURITY;
SET ROLE regress_version_owner;
SELECT count(*) FROM docs;
CALL cvwiz.repack_versions();
CALL cvwiz.repack_versions('docs');
SELECT * FROM cvwiz.verify_versions('docs');
SELECT cvwiz.remove_version_store('docs', 'snapshot');
RESET ROLE;
-- others' tables are not kept from their housekeeping
CREATE TABLE others (id int, snapshot jsonb);
SELECT cvwiz.add_version_store('others', 'snapshot', '{id}');
INSERT INTO others SELECT 1, '1' FROM generate_series(1, 3);
ALTER TABLE others DISABLE TRIGGER USER;
DELETE FROM others;
ALTER TABLE others ENABLE TRIGGER USER;
CALL cvwiz.repack_versions();
SELECT success, orphaned_versions, failed, error FROM cvwiz.version_repack ORDER BY run_id DESC LIMIT 1;
SELECT * FROM cvwiz.verify_versions();
SELECT relation, versions, dead_versions FROM cvwiz.version_stats() ORDER BY 1;
-- no document is lost
ALTER TABLE docs NO FORCE ROW LEVEL SECURITY;
SET ROLE regress_version_owner;
CALL cvwiz.repack_versions('docs');
SELECT id, cvwiz.version(snapshot) FROM docs ORDER BY id;
SELECT cvwiz.remove_version_store('docs', 'snapshot');
SELECT * FROM docs ORDER BY id;
RESET ROLE;

DROP SCHEMA version_rls CASCADE;
DROP EXTENSION cvwiz;
DROP ROLE regress_version_owner, regress_ann, regress_bob;
