-- The schema itself, and the clock.

-- A schema that stood here before belongs to somebody who could have put, or
-- could still put, functions of theirs beside ours.
CREATE FUNCTION cvwiz.check_schema_owner() RETURNS void
LANGUAGE c VOLATILE STRICT AS 'MODULE_PATHNAME', 'cvwiz_check_schema_owner';
SELECT cvwiz.check_schema_owner();
DROP FUNCTION cvwiz.check_schema_owner();

COMMENT ON SCHEMA cvwiz IS 'Bounded audit logs and JSONB snapshots';
GRANT USAGE ON SCHEMA cvwiz TO PUBLIC;

CREATE FUNCTION cvwiz.clock() RETURNS timestamptz
LANGUAGE c VOLATILE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_clock';
COMMENT ON FUNCTION cvwiz.clock() IS
'The time that every decision of cvwiz goes by: the setting cvwiz.now where it is not empty (tests set it), otherwise the time of day.';
