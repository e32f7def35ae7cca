-- The version store: whole documents behind the stubs that rows have.

-- ---- tables ----

CREATE TABLE cvwiz.version_source (
	source_id int PRIMARY KEY,
	relation regclass,
	snapshot_column name NOT NULL
);
COMMENT ON TABLE cvwiz.version_source IS
'The tables, partitions each for itself, whose rows the stored versions belong to. A table can have more than one row. Dumped.';
COMMENT ON COLUMN cvwiz.version_source.source_id IS 'Number of the table in cvwiz.snapshot_version';
COMMENT ON COLUMN cvwiz.version_source.relation IS 'The table; NULL: it was dropped, so its versions are dead';
COMMENT ON COLUMN cvwiz.version_source.snapshot_column IS 'The column that has the stubs';

CREATE TABLE cvwiz.snapshot_version (
	version_id bigint PRIMARY KEY,
	base_id bigint,
	chain_key bigint NOT NULL,
	access_key uuid NOT NULL,
	created_at timestamptz NOT NULL,
	source_id int NOT NULL,
	raw_length int NOT NULL,
	checksum int NOT NULL,
	stub_checksum int NOT NULL,
	depth smallint NOT NULL,
	codec smallint NOT NULL,
	content bytea NOT NULL
);
ALTER TABLE cvwiz.snapshot_version ALTER COLUMN content SET STORAGE EXTERNAL;
-- The keyframes of small documents stay in line: two pieces of two kB take more.
ALTER TABLE cvwiz.snapshot_version SET (toast_tuple_target = 4080);
CREATE INDEX snapshot_version_chain ON cvwiz.snapshot_version (chain_key, version_id);
COMMENT ON TABLE cvwiz.snapshot_version IS
'The stored documents: one row a version, whole (a keyframe) or as its difference from another. Written by the triggers of cvwiz.add_version_store(); read by cvwiz.version(). Granted to nobody. Dumped.';
COMMENT ON COLUMN cvwiz.snapshot_version.version_id IS 'Number of the version, as in its stub; later ones have greater numbers';
COMMENT ON COLUMN cvwiz.snapshot_version.base_id IS 'The version that content is the difference from; NULL: a keyframe';
COMMENT ON COLUMN cvwiz.snapshot_version.chain_key IS 'Hash of the table''s and the column''s name and the values of the chain''s columns';
COMMENT ON COLUMN cvwiz.snapshot_version.access_key IS '128 random bits that the stub has, too: who cannot read the stub cannot read the document';
COMMENT ON COLUMN cvwiz.snapshot_version.created_at IS 'When it was stored, by cvwiz.clock()';
COMMENT ON COLUMN cvwiz.snapshot_version.source_id IS 'The table that the version''s row is in, see cvwiz.version_source';
COMMENT ON COLUMN cvwiz.snapshot_version.raw_length IS 'Bytes of the document''s text';
COMMENT ON COLUMN cvwiz.snapshot_version.checksum IS 'CRC-32C of the document''s text';
COMMENT ON COLUMN cvwiz.snapshot_version.stub_checksum IS 'CRC-32C of the stub''s text, by which an edited stub is told from one that was copied';
COMMENT ON COLUMN cvwiz.snapshot_version.depth IS 'At most so many differences lie between the version and its keyframe';
COMMENT ON COLUMN cvwiz.snapshot_version.codec IS '0: the text itself; 1: zstd, whose prefix is the base''s text, or for a keyframe the preset dictionary of cvwiz.zjsonb, number 1; 2: the text itself, which is a stub whose version was not there (yet)';
COMMENT ON COLUMN cvwiz.snapshot_version.content IS 'The document''s text in UTF-8 (in an SQL_ASCII database as it is), as codec says';

CREATE TABLE cvwiz.dead_version (
	version_id bigint NOT NULL
);
CREATE INDEX dead_version_version_id ON cvwiz.dead_version (version_id);
COMMENT ON TABLE cvwiz.dead_version IS
'Versions whose row is gone. Their content stays for as long as another version is stored as a difference from it. A table of its own, so that no DELETE waits for anything. Dumped.';
COMMENT ON COLUMN cvwiz.dead_version.version_id IS 'Number of the version';

CREATE SEQUENCE cvwiz.snapshot_version_id OWNED BY cvwiz.snapshot_version.version_id;
COMMENT ON SEQUENCE cvwiz.snapshot_version_id IS 'Numbers of versions. Dumped.';

-- A publication FOR ALL TABLES would not let rows without an identity be deleted.
ALTER TABLE cvwiz.dead_version REPLICA IDENTITY FULL;

-- A dropped table's OID, which only stays where event triggers are switched off,
-- would be restored as a number that may stand for another table.
SELECT pg_catalog.pg_extension_config_dump('cvwiz.version_source',
	'WHERE relation IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');
SELECT pg_catalog.pg_extension_config_dump('cvwiz.snapshot_version', '');
SELECT pg_catalog.pg_extension_config_dump('cvwiz.dead_version', '');
SELECT pg_catalog.pg_extension_config_dump('cvwiz.snapshot_version_id', '');

-- ---- reading ----

CREATE FUNCTION cvwiz.version_text(stub jsonb)
RETURNS json LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_version_text';
COMMENT ON FUNCTION cvwiz.version_text(jsonb) IS
'The text of the document behind a stub, byte for byte as jsonb printed it when it was stored; of any other document its own text. Errors: 02000 no such version, 42501 the stub''s key is not the version''s, XX001 corrupted.';

CREATE FUNCTION cvwiz.version(stub jsonb)
RETURNS jsonb LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_version';
COMMENT ON FUNCTION cvwiz.version(jsonb) IS
'The document behind a stub; any other document comes back as it is. Errors: 02000 no such version, 42501 the stub''s key is not the version''s, XX001 corrupted.';

CREATE FUNCTION cvwiz.version_diff(older jsonb, newer jsonb)
RETURNS jsonb LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
SELECT cvwiz.jsonb_diff(cvwiz.version(older), cvwiz.version(newer));
END;
COMMENT ON FUNCTION cvwiz.version_diff(jsonb, jsonb) IS
'What changed between two versions, of which each is a stub or a document, as a JSON Patch (RFC 6902). Errors as cvwiz.version().';

-- ---- the triggers ----

CREATE FUNCTION cvwiz.store_version()
RETURNS trigger LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cvwiz_store_version';
COMMENT ON FUNCTION cvwiz.store_version() IS
'BEFORE INSERT OR UPDATE FOR EACH ROW: stores the document of a jsonb column and leaves a stub. Arguments: the column, chain={column,...}, keep=metadata|nothing. Errors: 53400 larger than cvwiz.max_original_size, 22023 an edited stub, or malformed arguments.';

CREATE FUNCTION cvwiz.follow_version()
RETURNS trigger LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cvwiz_follow_version';
COMMENT ON FUNCTION cvwiz.follow_version() IS
'AFTER INSERT OR UPDATE OR DELETE FOR EACH ROW: a version whose row has gone, or has got another, is dead. Argument: the column.';

CREATE FUNCTION cvwiz.forget_versions()
RETURNS trigger LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cvwiz_forget_versions';
COMMENT ON FUNCTION cvwiz.forget_versions() IS
'AFTER TRUNCATE: the versions of the table''s rows are dead. Argument: the column.';

CREATE FUNCTION cvwiz.add_version_store(relation regclass, snapshot_column name, chain_columns name[], keep text DEFAULT 'metadata')
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_add_version_store';
COMMENT ON FUNCTION cvwiz.add_version_store(regclass, name, name[], text) IS
'From now on each document that comes into a jsonb column is kept whole in the version store, and the row gets a stub: metadata of the document, or with keep ''nothing'' none, and "$cvwiz". Rows with the same values in chain_columns are versions of one document, and stored as differences. Documents that are there stay as they are until they are written. For the table''s owner. Takes SHARE ROW EXCLUSIVE on the table for a moment. Errors: 42501 not the owner, 42703 no such column, 42804 its type, 22023 keep or chain_columns, 42710 has a store.';

CREATE FUNCTION cvwiz.remove_version_store(relation regclass, snapshot_column name, restore boolean DEFAULT true)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_remove_version_store';
COMMENT ON FUNCTION cvwiz.remove_version_store(regclass, name, boolean) IS
'Puts each document back into its row, whatever limits it has, without firing triggers of the table''s, and takes the store away. With restore => false the stubs stay, and what they stand for can still be read. For the table''s owner. Takes ACCESS EXCLUSIVE on the table, and rewrites its rows. Errors: 42501 not the owner, 42704 no store, 25001 not READ COMMITTED, XX001, 02000 a document that cannot be read: nothing is changed then.';

CREATE FUNCTION cvwiz.trigger_version_store(trigger oid, OUT snapshot_column name, OUT chain_columns name[], OUT keep text)
LANGUAGE c STABLE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_trigger_version_store';
COMMENT ON FUNCTION cvwiz.trigger_version_store(oid) IS
'What a trigger of cvwiz.store_version() was told; of malformed arguments the column only. For cvwiz.version_stores.';

CREATE VIEW cvwiz.version_stores AS
SELECT t.tgrelid::pg_catalog.regclass AS relation, a.snapshot_column, a.chain_columns, a.keep,
	t.tgname AS trigger_name, t.tgenabled <> 'D' AS enabled
FROM pg_catalog.pg_trigger t, LATERAL cvwiz.trigger_version_store(t.oid) a
WHERE t.tgfoid = 'cvwiz.store_version()'::pg_catalog.regprocedure;
COMMENT ON VIEW cvwiz.version_stores IS
'The columns whose documents are kept in the version store; keep is NULL where a trigger''s arguments are malformed.';
GRANT SELECT ON cvwiz.version_stores TO PUBLIC;

-- ---- housekeeping ----

CREATE TABLE cvwiz.version_repack (
	run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	origin text NOT NULL CHECK (origin IN ('worker', 'call')),
	pid int NOT NULL,
	started_at timestamptz NOT NULL,
	finished_at timestamptz,
	success boolean,
	chains bigint NOT NULL DEFAULT 0,
	freed_versions bigint NOT NULL DEFAULT 0,
	freed_bytes bigint NOT NULL DEFAULT 0,
	rebased_versions bigint NOT NULL DEFAULT 0,
	orphaned_versions bigint NOT NULL DEFAULT 0,
	failed bigint NOT NULL DEFAULT 0,
	error text
);
COMMENT ON TABLE cvwiz.version_repack IS
'The log of the version store''s housekeeping, by the worker once a day and by CALL cvwiz.repack_versions(). Readable by pg_monitor. Kept for 400 days. Not dumped.';
COMMENT ON COLUMN cvwiz.version_repack.run_id IS 'Number of the run';
COMMENT ON COLUMN cvwiz.version_repack.origin IS 'worker or call';
COMMENT ON COLUMN cvwiz.version_repack.pid IS 'Server process that the run was in';
COMMENT ON COLUMN cvwiz.version_repack.started_at IS 'By cvwiz.clock()';
COMMENT ON COLUMN cvwiz.version_repack.finished_at IS 'By cvwiz.clock(); NULL: at work, or killed';
COMMENT ON COLUMN cvwiz.version_repack.success IS 'True if nothing failed';
COMMENT ON COLUMN cvwiz.version_repack.chains IS 'Chains that had something dead, or a stub that stood for nothing';
COMMENT ON COLUMN cvwiz.version_repack.freed_versions IS 'Versions that are gone from the store';
COMMENT ON COLUMN cvwiz.version_repack.freed_bytes IS 'Bytes of their content';
COMMENT ON COLUMN cvwiz.version_repack.rebased_versions IS 'Versions that were stored anew, so that what they hung on could go';
COMMENT ON COLUMN cvwiz.version_repack.orphaned_versions IS 'Versions that no row had, found by CALL cvwiz.repack_versions()';
COMMENT ON COLUMN cvwiz.version_repack.failed IS 'Chains and tables that failed';
COMMENT ON COLUMN cvwiz.version_repack.error IS 'The first error';
GRANT SELECT ON cvwiz.version_repack TO pg_monitor;

CREATE FUNCTION cvwiz.stub_version(document jsonb)
RETURNS bigint LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_stub_version';
COMMENT ON FUNCTION cvwiz.stub_version(jsonb) IS
'The number of the version that a stub stands for; NULL for any other document.';

CREATE PROCEDURE cvwiz.repack_versions(relation regclass DEFAULT NULL)
LANGUAGE c AS 'MODULE_PATHNAME', 'cvwiz_repack_versions';
COMMENT ON PROCEDURE cvwiz.repack_versions(regclass) IS
'Frees the versions that are dead and that no other one is stored as a difference from, stores anew those that hang on dead ones, and looks for versions that no row of the table has: they are dead, too. In a table without a store, which may be in the middle of a restore, it looks only if the table is named. A transaction each chain; nobody waits for it. Reads all rows of the table. For the table''s owner; without a relation all tables of the caller, for superusers what dropped tables left as well. The worker does it once a day, without looking into tables. Errors: 2D000 inside a transaction block, 42501 not the owner, P0001 something failed, once the rest is done.';
REVOKE ALL ON PROCEDURE cvwiz.repack_versions(regclass) FROM PUBLIC;

-- ---- looking into it ----

CREATE FUNCTION cvwiz.version_stats(relation regclass DEFAULT NULL)
RETURNS TABLE (relation regclass, snapshot_column name, chains bigint, versions bigint, keyframes bigint, raw_bytes bigint, stored_bytes bigint, ratio double precision, depth int, dead_versions bigint, dead_bytes bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'cvwiz_version_stats';
COMMENT ON FUNCTION cvwiz.version_stats(regclass) IS
'What the version store holds of a table and its partitions, counted: versions that rows have, raw_bytes of their text, stored_bytes of all content with what is dead, ratio of the two; keyframes (versions stored whole), the greatest depth; and dead_versions, which are still needed or have not been freed yet. Reads all rows of the store. Without a relation all tables of the caller, for pg_monitor and superusers all. Error: 42501 not the owner.';

CREATE TABLE cvwiz.version_corruption (
	relation oid NOT NULL,
	version_id bigint NOT NULL,
	problem text NOT NULL,
	found_at timestamptz NOT NULL,
	PRIMARY KEY (relation, version_id)
);
COMMENT ON TABLE cvwiz.version_corruption IS
'What cvwiz.verify_versions() has found, until it looks again and finds it no more. Readable by pg_monitor. Not dumped.';
COMMENT ON COLUMN cvwiz.version_corruption.relation IS 'OID of the table; 0: of dropped tables';
COMMENT ON COLUMN cvwiz.version_corruption.version_id IS 'Number of the version';
COMMENT ON COLUMN cvwiz.version_corruption.problem IS 'What is wrong with it';
COMMENT ON COLUMN cvwiz.version_corruption.found_at IS 'By cvwiz.clock()';
GRANT SELECT ON cvwiz.version_corruption TO pg_monitor;

CREATE FUNCTION cvwiz.version_problem(stub jsonb)
RETURNS text LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_version_problem';
COMMENT ON FUNCTION cvwiz.version_problem(jsonb) IS
'Why the document behind a stub cannot be had: there is no such version, or its key is another one. NULL where there is one, and for any other document. Does not decode it. For cvwiz.verify_versions().';

CREATE FUNCTION cvwiz.verify_versions(relation regclass DEFAULT NULL)
RETURNS TABLE (relation regclass, version_id bigint, problem text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'cvwiz_verify_versions';
COMMENT ON FUNCTION cvwiz.verify_versions(regclass) IS
'Reads every version of a table and its partitions, and every stub in their rows, and returns those that cannot be read; none: all is well. Keeps what it found in cvwiz.version_corruption, but on a standby or in a READ ONLY transaction. For the table''s owner; without a relation all tables of the caller, for superusers what dropped tables left as well. Error: 42501 not the owner.';
REVOKE ALL ON FUNCTION cvwiz.verify_versions(regclass) FROM PUBLIC;

REVOKE ALL ON FUNCTION cvwiz.add_version_store(regclass, name, name[], text) FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.remove_version_store(regclass, name, boolean) FROM PUBLIC;

-- ---- the view ----

CREATE FUNCTION cvwiz.write_version_view()
RETURNS trigger LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cvwiz_write_version_view';
COMMENT ON FUNCTION cvwiz.write_version_view() IS
'INSTEAD OF INSERT OR UPDATE OR DELETE FOR EACH ROW, on a view of cvwiz.create_version_view(): does the same on the table, as the current user, and returns the row as it was stored. Errors: those of the table, 55000 another view, or no key.';

CREATE FUNCTION cvwiz.create_version_view(relation regclass, view_name text)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_create_version_view';
COMMENT ON FUNCTION cvwiz.create_version_view(regclass, text) IS
'Makes a view of a table that has a version store: all its columns, with whole documents where the table has stubs. It is written to as the table is; the rights on the table decide, of whoever uses the view. The name is taken as regclass takes it, ''app.v'' or ''"MyView"''; without a schema it is in the table''s. For the table''s owner, who gets the view. Errors: 42501 not the owner, or no CREATE on the schema, 42P07 the name is taken, 55000 no version store, or no primary key or the like, 0A000 other tables inherit from it.';
REVOKE ALL ON FUNCTION cvwiz.create_version_view(regclass, text) FROM PUBLIC;
