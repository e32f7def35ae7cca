-- What nobody should do to a table with a version store, and what must not
-- lose a document nor end the server.
SET client_min_messages = warning;
CREATE EXTENSION cvwiz;
CREATE SCHEMA version_hostile;
SET search_path = version_hostile;

-- the trigger function, by hand, on a column that is no jsonb
CREATE TABLE words (id int PRIMARY KEY, word text);
CREATE TRIGGER follow AFTER INSERT OR UPDATE OR DELETE ON words FOR EACH ROW EXECUTE FUNCTION cvwiz.follow_version('word');
INSERT INTO words VALUES (1, 'neither an object nor an array');
INSERT INTO words VALUES (2, NULL);
DROP TABLE words;

-- a stub that stands for nothing, in a parallel worker
CREATE TABLE forged (document jsonb);
INSERT INTO forged VALUES ('{"$cvwiz": {"version": 4503599627370496, "key": "9f86d081884c7d659a2feaa0c55ad015", "size": 20}}');
DO $$ BEGIN PERFORM set_config(CASE WHEN current_setting('server_version_num')::int < 160000
	THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END, 'regress', false); END $$;
SELECT cvwiz.version_text(document) FROM forged;
DO $$ BEGIN PERFORM set_config(CASE WHEN current_setting('server_version_num')::int < 160000
	THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END, 'off', false); END $$;

-- a column is renamed, and another one gets its name
CREATE TABLE renamed (id int PRIMARY KEY, chain int, snapshot jsonb);
SELECT cvwiz.add_version_store('renamed', 'snapshot', ARRAY['chain']);
INSERT INTO renamed VALUES (1, 1, '{"name": "first"}'), (2, 1, '{"name": "second"}');
ALTER TABLE renamed RENAME snapshot TO old_snapshot;
SELECT cvwiz.remove_version_store('renamed', 'snapshot', restore => false);
ALTER TABLE renamed ADD snapshot jsonb;
SELECT cvwiz.add_version_store('renamed', 'old_snapshot', ARRAY['chain']);
CALL cvwiz.repack_versions('renamed');
SELECT id, cvwiz.version(old_snapshot) FROM renamed ORDER BY id;

-- what others have inserted since the snapshot would be left behind as stubs
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT cvwiz.remove_version_store('renamed', 'old_snapshot');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT cvwiz.remove_version_store('renamed', 'old_snapshot', restore => false);
ROLLBACK;

-- a default is that of the table, whatever the search_path finds
CREATE FUNCTION version_hostile.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT timestamptz '2000-01-01 00:00 UTC' $$;
ALTER TABLE renamed ADD made timestamptz DEFAULT pg_catalog.now();
SET search_path = version_hostile, pg_catalog;
SELECT cvwiz.create_version_view('renamed', 'whole');
SET search_path = version_hostile;
INSERT INTO whole (id, chain) VALUES (3, 1);
SELECT made > '2001-01-01' AS by_pg_catalog FROM renamed WHERE id = 3;

-- a column gets another type, and keeps its stubs
CREATE TABLE retyped (id int PRIMARY KEY, chain int, snapshot jsonb);
SELECT cvwiz.add_version_store('retyped', 'snapshot', ARRAY['chain']);
INSERT INTO retyped VALUES (1, 1, '{"name": "first"}');
SELECT cvwiz.remove_version_store('retyped', 'snapshot', restore => false);
ALTER TABLE retyped ALTER snapshot TYPE json;
CALL cvwiz.repack_versions('retyped');
SELECT * FROM cvwiz.verify_versions('retyped');
SELECT cvwiz.version(snapshot::jsonb) FROM retyped;

-- a trigger that comes after the store's puts another row's stub into the row
CREATE TABLE shared (id int PRIMARY KEY, chain int, snapshot jsonb);
SELECT cvwiz.add_version_store('shared', 'snapshot', ARRAY['chain']);
INSERT INTO shared VALUES (1, 1, '{"name": "first"}');
CREATE FUNCTION take_stub() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.snapshot := (SELECT snapshot FROM version_hostile.shared WHERE id = 1);
	RETURN NEW;
END $$;
CREATE TRIGGER "~later" BEFORE INSERT OR UPDATE ON shared FOR EACH ROW EXECUTE FUNCTION take_stub();
INSERT INTO shared VALUES (2, 1, '{"name": "second"}');
ALTER TRIGGER "~later" ON shared RENAME TO earlier;
INSERT INTO shared VALUES (2, 1, '{"name": "second"}');
DELETE FROM shared WHERE id = 2;
SELECT cvwiz.version(snapshot) FROM shared;

-- the extension goes in the transaction that has stored a version for no row
BEGIN;
INSERT INTO renamed (id, chain, old_snapshot) VALUES (1, 1, '{"name": "third"}') ON CONFLICT DO NOTHING;
DROP TABLE renamed CASCADE;
DROP EXTENSION cvwiz CASCADE;
COMMIT;

RESET search_path;
DROP SCHEMA version_hostile CASCADE;
