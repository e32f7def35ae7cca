-- Archives: what was written before it was dropped, and the way back.

CREATE TABLE cvwiz.archive (
	relation regclass,
	relation_name text NOT NULL,
	range_start timestamptz NOT NULL,
	range_end timestamptz NOT NULL,
	path text NOT NULL,
	rows bigint NOT NULL,
	bytes bigint NOT NULL,
	raw_bytes bigint NOT NULL,
	sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
	written_at timestamptz NOT NULL,
	PRIMARY KEY (path, sha256)
);
CREATE INDEX archive_relation_range_start ON cvwiz.archive (relation, range_start);
COMMENT ON TABLE cvwiz.archive IS
'The manifest: one row for each file that an archive step has written, read back and found to have the rows of the table. Read cvwiz.archives. Rows stay when the files are moved or the tables dropped. Dumped.';
COMMENT ON COLUMN cvwiz.archive.relation IS 'The table that the rows were of; NULL once it is dropped';
COMMENT ON COLUMN cvwiz.archive.relation_name IS 'Name of the table at the time';
COMMENT ON COLUMN cvwiz.archive.range_start IS 'Lower bound of the partition, inclusive';
COMMENT ON COLUMN cvwiz.archive.range_end IS 'Upper bound of the partition, exclusive';
COMMENT ON COLUMN cvwiz.archive.path IS 'File on the server that was written';
COMMENT ON COLUMN cvwiz.archive.rows IS 'Rows in it';
COMMENT ON COLUMN cvwiz.archive.bytes IS 'Size of the file';
COMMENT ON COLUMN cvwiz.archive.raw_bytes IS 'Size of the CSV text that gunzip gives';
COMMENT ON COLUMN cvwiz.archive.sha256 IS 'SHA-256 of that text, in hexadecimal digits';
COMMENT ON COLUMN cvwiz.archive.written_at IS 'By cvwiz.clock()';

-- A row whose table was dropped has NULL, and is dumped. A number that is left,
-- which only lives where event triggers are switched off, may stand for another
-- table after a restore.
SELECT pg_catalog.pg_extension_config_dump('cvwiz.archive',
	'WHERE relation IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');

-- A barrier, or a cheap function in WHERE would see the rows of others.
CREATE VIEW cvwiz.archives WITH (security_barrier) AS
SELECT c.oid::pg_catalog.regclass AS relation, a.relation_name, a.range_start, a.range_end, a.path,
	a.rows, a.bytes, a.raw_bytes, a.sha256, a.written_at
FROM cvwiz.archive a
LEFT JOIN pg_catalog.pg_class c ON c.oid = a.relation
WHERE pg_catalog.pg_has_role(current_user, 'pg_monitor', 'USAGE')
	OR pg_catalog.pg_has_role(current_user, c.relowner, 'USAGE');
COMMENT ON VIEW cvwiz.archives IS
'The archives that were written: those of the caller''s own tables, for pg_monitor and superusers all, also those of tables that are gone (relation is NULL). gunzip -c path | sha256sum gives sha256.';
GRANT SELECT ON cvwiz.archives TO PUBLIC;

CREATE FUNCTION cvwiz.restore_archive(relation regclass, range_start timestamptz)
RETURNS regclass LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_restore_archive';
COMMENT ON FUNCTION cvwiz.restore_archive(regclass, timestamptz) IS
'Brings the newest archive of a table that begins at range_start back as a detached table of its own, which no run touches; returns it. SHA-256 and number of rows are verified. For the table''s owner. Errors: 42501 not the owner, 42704 no such archive, 58P01 the file is not there, XX001 the file is not what was written, 42703 the table has lost a column that the archive has.';
REVOKE ALL ON FUNCTION cvwiz.restore_archive(regclass, timestamptz) FROM PUBLIC;
