-- Conversion of plain tables to partitioned ones.

-- ---- tables ----

CREATE TABLE cvwiz.conversion (
	relation regclass PRIMARY KEY,
	legacy regclass NOT NULL,
	key_extended boolean NOT NULL,
	time_not_null boolean NOT NULL,
	converted_at timestamptz NOT NULL
);
COMMENT ON TABLE cvwiz.conversion IS
'Tables that cvwiz.partition_by_month() has partitioned, for the undo. Dumped.';
COMMENT ON COLUMN cvwiz.conversion.relation IS 'The partitioned table';
COMMENT ON COLUMN cvwiz.conversion.legacy IS 'Its first partition, the table as it was';
COMMENT ON COLUMN cvwiz.conversion.key_extended IS 'Whether the primary key was without the time column, which the conversion has added to it';
COMMENT ON COLUMN cvwiz.conversion.time_not_null IS 'Whether the time column was NOT NULL before';
COMMENT ON COLUMN cvwiz.conversion.converted_at IS 'When it was converted, by cvwiz.clock()';

SELECT pg_catalog.pg_extension_config_dump('cvwiz.conversion',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation) AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = legacy)');

-- ---- there and back ----

CREATE PROCEDURE cvwiz.partition_by_month(relation regclass, time_column name, retention_days int DEFAULT NULL, keep_unique boolean DEFAULT false)
LANGUAGE c AS 'MODULE_PATHNAME', 'cvwiz_partition_by_month';
COMMENT ON PROCEDURE cvwiz.partition_by_month(regclass, name, int, boolean) IS
'Makes a plain table one partitioned by month under the same name: it becomes the first partition, no row is copied, and nothing is blocked for longer than a moment. The primary key gets the time column; keep_unique => true keeps the old one unique within the old partition. With retention_days, a retention policy too. Commits after each step; when interrupted, call it again. For the table''s owner. Errors: 2D000 inside a transaction block, 42501 not the owner, 42809 not a plain table, 42703 no such column, 22023 out of range, 55000 with everything that is in the way, 55006 a run is at work, 55P03 no lock.';

CREATE FUNCTION cvwiz.partition_by_month_plan(relation regclass, time_column name, keep_unique boolean DEFAULT false)
RETURNS TABLE (step int, action text, statement text, lock_mode text, blocks text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10 AS 'MODULE_PATHNAME', 'cvwiz_partition_by_month_plan';
COMMENT ON FUNCTION cvwiz.partition_by_month_plan(regclass, name, boolean) IS
'The steps that CALL cvwiz.partition_by_month() would do now, in their order: the dry run. Changes nothing. lock_mode is the strongest lock on the table; blocks says what has to wait. For the table''s owner. Errors: as those of the procedure.';

CREATE PROCEDURE cvwiz.undo_partition_by_month(relation regclass)
LANGUAGE c AS 'MODULE_PATHNAME', 'cvwiz_undo_partition_by_month';
COMMENT ON PROCEDURE cvwiz.undo_partition_by_month(regclass) IS
'Makes the plain table again that cvwiz.partition_by_month() has converted, with its old primary key, as long as no other partition holds rows; or removes what an interrupted conversion has left. Commits after each step. For the table''s owner. Errors: 2D000 inside a transaction block, 42501 not the owner, 42809 not converted, 55000 with everything that is in the way, 23505 the old key is not unique any more, 55006 a run is at work, 55P03 no lock.';

-- ---- who may ----

REVOKE ALL ON PROCEDURE cvwiz.partition_by_month(regclass, name, int, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.partition_by_month_plan(regclass, name, boolean) FROM PUBLIC;
REVOKE ALL ON PROCEDURE cvwiz.undo_partition_by_month(regclass) FROM PUBLIC;
