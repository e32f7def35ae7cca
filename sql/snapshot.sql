-- Snapshots: size, limits, reduction, the trigger, cvwiz.zjsonb.

-- ---- functions ----

CREATE FUNCTION cvwiz.snapshot_size(snapshot jsonb)
RETURNS bigint LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_snapshot_size';
COMMENT ON FUNCTION cvwiz.snapshot_size(jsonb) IS
'Bytes of the document''s text, exactly octet_length(snapshot::text), without making the text.';

CREATE FUNCTION cvwiz.has_long_arrays(snapshot jsonb, max_array_length int)
RETURNS boolean LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_has_long_arrays';
COMMENT ON FUNCTION cvwiz.has_long_arrays(jsonb, int) IS
'Whether any array at any depth has more items than that. For cvwiz.audit_existing_snapshots().';

CREATE FUNCTION cvwiz.has_long_arrays(snapshot json, max_array_length int)
RETURNS boolean LANGUAGE c STABLE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_json_has_long_arrays';
COMMENT ON FUNCTION cvwiz.has_long_arrays(json, int) IS
'The same of a json; NULL for one that jsonb does not take. For cvwiz.audit_existing_snapshots().';

CREATE FUNCTION cvwiz.validate_snapshot(snapshot jsonb, max_size int DEFAULT NULL, warning_size int DEFAULT NULL, max_array_length int DEFAULT NULL)
RETURNS jsonb LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_validate_snapshot';
COMMENT ON FUNCTION cvwiz.validate_snapshot(jsonb, int, int, int) IS
'What is wrong with a document: {"valid", "size_bytes", "warnings", "errors", "recommendations"}. Sizes are bytes of text; NULL limits are the settings''. Only a size above the maximum makes it invalid. Error: 22023 a limit that is not positive, or a warning size above the maximum.';

CREATE FUNCTION cvwiz.truncate_snapshot(snapshot jsonb, max_array_length int DEFAULT NULL, recent_by text DEFAULT NULL)
RETURNS jsonb LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_truncate_snapshot';
COMMENT ON FUNCTION cvwiz.truncate_snapshot(jsonb, int, text) IS
'The document with each array at any depth cut to its last max_array_length items (NULL: cvwiz.max_array_length); with recent_by, to those with the greatest value of that key, in their order (numbers by value, strings by their bytes). Error: 22023 a length that is not positive.';

CREATE FUNCTION cvwiz.compress_snapshot_metadata(snapshot jsonb, max_items int DEFAULT NULL, fields text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_compress_snapshot_metadata';
COMMENT ON FUNCTION cvwiz.compress_snapshot_metadata(jsonb, int, text[]) IS
'Metadata only: of each object in an array its id, order and fields, of other objects below the root their id and fields; scalars and other items stay. Arrays keep their last max_items items (NULL: all). An object at the root gets "$reduced": true, for cvwiz.reconstruct_snapshot(). Error: 22023 max_items not positive.';

CREATE FUNCTION cvwiz.prepare_snapshot_for_storage(snapshot jsonb, force_compression boolean DEFAULT false, max_size int DEFAULT NULL, warning_size int DEFAULT NULL, max_array_length int DEFAULT NULL, OUT snapshot jsonb, OUT validation jsonb)
LANGUAGE c STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_prepare_snapshot';
COMMENT ON FUNCTION cvwiz.prepare_snapshot_for_storage(jsonb, boolean, int, int, int) IS
'The document as it should be stored: untouched up to the warning size, arrays truncated above it, metadata only when that is still above the maximum, or when forced; and the validation of the result, with "truncated", "compressed" and "original_size_bytes". NULL limits are the settings''. Error: 22023 as cvwiz.validate_snapshot().';

CREATE FUNCTION cvwiz.reconstruct_snapshot(reduced jsonb, live jsonb)
RETURNS jsonb LANGUAGE c IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_reconstruct_snapshot';
COMMENT ON FUNCTION cvwiz.reconstruct_snapshot(jsonb, jsonb) IS
'A document of metadata only, with each item that the live document has under the same id in the array of the same path whole again, and each object that is a key''s value: by its id, or by its place where nothing of it is left; the others stay as they are and are counted in "$missing". Any other document comes back unchanged.';

CREATE FUNCTION cvwiz.audit_existing_snapshots(relation regclass, snapshot_column name)
RETURNS TABLE (total bigint, oversized bigint, warning_size bigint, long_arrays bigint, total_size_bytes bigint, avg_size_bytes numeric, max_size_bytes bigint, stored_bytes bigint, compression_ratio numeric, recommendations text[])
LANGUAGE c STABLE STRICT PARALLEL UNSAFE ROWS 1 AS 'MODULE_PATHNAME', 'cvwiz_audit_existing_snapshots';
COMMENT ON FUNCTION cvwiz.audit_existing_snapshots(regclass, name) IS
'Counts and sizes of a column''s documents against the settings: above the maximum, above the warning size only, with long arrays; bytes of text, bytes stored, their ratio. Reads every row, with the caller''s rights. Errors: 42703 no such column, 42804 its type.';

-- ---- the trigger ----

CREATE FUNCTION cvwiz.enforce_snapshot_limits()
RETURNS trigger LANGUAGE c VOLATILE AS 'MODULE_PATHNAME', 'cvwiz_enforce_snapshot_limits';
COMMENT ON FUNCTION cvwiz.enforce_snapshot_limits() IS
'BEFORE INSERT OR UPDATE FOR EACH ROW: keeps a column of type jsonb, json or cvwiz.zjsonb within its limits. Arguments: the column, then any of on_oversize=reduce|truncate|reject, max_size=, warning_size= (bytes of text), max_array_length=, recent_by=, fields={...}; what is left out is the settings''. Errors: 53400 still above the maximum, 22023 malformed arguments.';

CREATE FUNCTION cvwiz.add_snapshot_limits(relation regclass, snapshot_column name, on_oversize text DEFAULT 'reduce', max_size int DEFAULT NULL, warning_size int DEFAULT NULL, max_array_length int DEFAULT NULL, recent_by text DEFAULT NULL, fields text[] DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_add_snapshot_limits';
COMMENT ON FUNCTION cvwiz.add_snapshot_limits(regclass, name, text, int, int, int, text, text[]) IS
'Adds a trigger of cvwiz.enforce_snapshot_limits() that fires after the table''s other BEFORE triggers. on_oversize: reduce (truncate arrays above the warning size, metadata only above the maximum), truncate (never metadata only) or reject (error above the maximum, nothing is changed). For the table''s owner. Takes SHARE ROW EXCLUSIVE on the table for a moment. Errors: 42501 not the owner, 42703 no such column, 42804 its type, 22023 limits, 42710 has limits.';

CREATE FUNCTION cvwiz.remove_snapshot_limits(relation regclass, snapshot_column name)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_remove_snapshot_limits';
COMMENT ON FUNCTION cvwiz.remove_snapshot_limits(regclass, name) IS
'Drops that trigger. For the table''s owner. Takes ACCESS EXCLUSIVE on the table for a moment. Errors: 42501 not the owner, 42704 no limits.';

CREATE FUNCTION cvwiz.trigger_limits(trigger oid, OUT snapshot_column name, OUT on_oversize text, OUT max_size int, OUT warning_size int, OUT max_array_length int, OUT recent_by text, OUT fields text[])
LANGUAGE c STABLE STRICT PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_trigger_limits';
COMMENT ON FUNCTION cvwiz.trigger_limits(oid) IS
'The limits in force by a trigger of cvwiz.enforce_snapshot_limits(); of malformed arguments the column only. For cvwiz.snapshot_limits.';

CREATE VIEW cvwiz.snapshot_limits AS
SELECT t.tgrelid::pg_catalog.regclass AS relation, l.snapshot_column, l.on_oversize, l.max_size, l.warning_size, l.max_array_length, l.recent_by, l.fields,
	t.tgname AS trigger_name, t.tgenabled <> 'D' AS enabled
FROM pg_catalog.pg_trigger t, LATERAL cvwiz.trigger_limits(t.oid) l
WHERE t.tgfoid = 'cvwiz.enforce_snapshot_limits()'::pg_catalog.regprocedure;
COMMENT ON VIEW cvwiz.snapshot_limits IS
'The snapshot limits that triggers enforce, with the settings where a trigger names none; on_oversize is NULL where a trigger''s arguments are malformed.';
GRANT SELECT ON cvwiz.snapshot_limits TO PUBLIC;

-- ---- cvwiz.zjsonb ----

CREATE TYPE cvwiz.zjsonb;

CREATE FUNCTION cvwiz.zjsonb_in(cstring)
RETURNS cvwiz.zjsonb LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_in';
COMMENT ON FUNCTION cvwiz.zjsonb_in(cstring) IS
'Input: JSON text, parsed and normalised as jsonb does.';

CREATE FUNCTION cvwiz.zjsonb_out(cvwiz.zjsonb)
RETURNS cstring LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_out';
COMMENT ON FUNCTION cvwiz.zjsonb_out(cvwiz.zjsonb) IS
'Output: the text that jsonb would have. Error: XX001 corrupted.';

CREATE FUNCTION cvwiz.zjsonb_recv(internal)
RETURNS cvwiz.zjsonb LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_recv';
COMMENT ON FUNCTION cvwiz.zjsonb_recv(internal) IS
'Binary input, in the format of jsonb.';

CREATE FUNCTION cvwiz.zjsonb_send(cvwiz.zjsonb)
RETURNS bytea LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_send';
COMMENT ON FUNCTION cvwiz.zjsonb_send(cvwiz.zjsonb) IS
'Binary output, in the format of jsonb. Error: XX001 corrupted.';

CREATE TYPE cvwiz.zjsonb (
	INPUT = cvwiz.zjsonb_in,
	OUTPUT = cvwiz.zjsonb_out,
	RECEIVE = cvwiz.zjsonb_recv,
	SEND = cvwiz.zjsonb_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = int4,
	STORAGE = external
);
COMMENT ON TYPE cvwiz.zjsonb IS 'jsonb whose text is stored deflated by zlib, with a checksum';

CREATE FUNCTION cvwiz.zjsonb(document jsonb)
RETURNS cvwiz.zjsonb LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_from_jsonb';
COMMENT ON FUNCTION cvwiz.zjsonb(jsonb) IS
'Deflates a jsonb, with the effort of cvwiz.compression_level.';

CREATE FUNCTION cvwiz.zjsonb(document json)
RETURNS cvwiz.zjsonb LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_from_json';
COMMENT ON FUNCTION cvwiz.zjsonb(json) IS
'Parses a json as jsonb, and deflates it.';

CREATE FUNCTION cvwiz.to_jsonb(document cvwiz.zjsonb)
RETURNS jsonb LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_to_jsonb';
COMMENT ON FUNCTION cvwiz.to_jsonb(cvwiz.zjsonb) IS
'Inflates it. Error: XX001 corrupted.';

CREATE FUNCTION cvwiz.to_json(document cvwiz.zjsonb)
RETURNS json LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_to_text';
COMMENT ON FUNCTION cvwiz.to_json(cvwiz.zjsonb) IS
'Inflates it. Error: XX001 corrupted.';

CREATE FUNCTION cvwiz.to_text(document cvwiz.zjsonb)
RETURNS text LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_to_text';
COMMENT ON FUNCTION cvwiz.to_text(cvwiz.zjsonb) IS
'Inflates it. Error: XX001 corrupted.';

CREATE FUNCTION cvwiz.snapshot_size(snapshot cvwiz.zjsonb)
RETURNS bigint LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_snapshot_size';
COMMENT ON FUNCTION cvwiz.snapshot_size(cvwiz.zjsonb) IS
'Bytes of the document''s text, by the value''s header alone.';

CREATE FUNCTION cvwiz.compression_ratio(snapshot cvwiz.zjsonb)
RETURNS numeric LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_compression_ratio';
COMMENT ON FUNCTION cvwiz.compression_ratio(cvwiz.zjsonb) IS
'Bytes of text by bytes stored, headers included.';

-- Implicit to jsonb, so that its operators and functions take it; from jsonb
-- and json where something is assigned; a function for json, so that
-- row_to_json() nests it.
CREATE CAST (cvwiz.zjsonb AS jsonb) WITH FUNCTION cvwiz.to_jsonb(cvwiz.zjsonb) AS IMPLICIT;
CREATE CAST (jsonb AS cvwiz.zjsonb) WITH FUNCTION cvwiz.zjsonb(jsonb) AS ASSIGNMENT;
CREATE CAST (json AS cvwiz.zjsonb) WITH FUNCTION cvwiz.zjsonb(json) AS ASSIGNMENT;
CREATE CAST (cvwiz.zjsonb AS json) WITH FUNCTION cvwiz.to_json(cvwiz.zjsonb) AS ASSIGNMENT;
CREATE CAST (cvwiz.zjsonb AS text) WITH FUNCTION cvwiz.to_text(cvwiz.zjsonb) AS ASSIGNMENT;
COMMENT ON CAST (cvwiz.zjsonb AS jsonb) IS 'inflates';
COMMENT ON CAST (jsonb AS cvwiz.zjsonb) IS 'deflates';
COMMENT ON CAST (json AS cvwiz.zjsonb) IS 'normalises as jsonb, deflates';
COMMENT ON CAST (cvwiz.zjsonb AS json) IS 'inflates';
COMMENT ON CAST (cvwiz.zjsonb AS text) IS 'inflates';

-- Order and equality are those of jsonb.

CREATE FUNCTION cvwiz.zjsonb_eq(cvwiz.zjsonb, cvwiz.zjsonb)
RETURNS boolean LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_eq';
COMMENT ON FUNCTION cvwiz.zjsonb_eq(cvwiz.zjsonb, cvwiz.zjsonb) IS
'implementation of = operator';

CREATE FUNCTION cvwiz.zjsonb_ne(cvwiz.zjsonb, cvwiz.zjsonb)
RETURNS boolean LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_ne';
COMMENT ON FUNCTION cvwiz.zjsonb_ne(cvwiz.zjsonb, cvwiz.zjsonb) IS
'implementation of <> operator';

CREATE FUNCTION cvwiz.zjsonb_lt(cvwiz.zjsonb, cvwiz.zjsonb)
RETURNS boolean LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_lt';
COMMENT ON FUNCTION cvwiz.zjsonb_lt(cvwiz.zjsonb, cvwiz.zjsonb) IS
'implementation of < operator';

CREATE FUNCTION cvwiz.zjsonb_le(cvwiz.zjsonb, cvwiz.zjsonb)
RETURNS boolean LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_le';
COMMENT ON FUNCTION cvwiz.zjsonb_le(cvwiz.zjsonb, cvwiz.zjsonb) IS
'implementation of <= operator';

CREATE FUNCTION cvwiz.zjsonb_gt(cvwiz.zjsonb, cvwiz.zjsonb)
RETURNS boolean LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_gt';
COMMENT ON FUNCTION cvwiz.zjsonb_gt(cvwiz.zjsonb, cvwiz.zjsonb) IS
'implementation of > operator';

CREATE FUNCTION cvwiz.zjsonb_ge(cvwiz.zjsonb, cvwiz.zjsonb)
RETURNS boolean LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_ge';
COMMENT ON FUNCTION cvwiz.zjsonb_ge(cvwiz.zjsonb, cvwiz.zjsonb) IS
'implementation of >= operator';

CREATE FUNCTION cvwiz.zjsonb_cmp(cvwiz.zjsonb, cvwiz.zjsonb)
RETURNS int LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_cmp';
COMMENT ON FUNCTION cvwiz.zjsonb_cmp(cvwiz.zjsonb, cvwiz.zjsonb) IS
'Less, equal or greater, as jsonb.';

CREATE FUNCTION cvwiz.zjsonb_hash(cvwiz.zjsonb)
RETURNS int LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_hash';
COMMENT ON FUNCTION cvwiz.zjsonb_hash(cvwiz.zjsonb) IS
'The hash of jsonb.';

CREATE FUNCTION cvwiz.zjsonb_hash_extended(cvwiz.zjsonb, bigint)
RETURNS bigint LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_zjsonb_hash_extended';
COMMENT ON FUNCTION cvwiz.zjsonb_hash_extended(cvwiz.zjsonb, bigint) IS
'The hash of jsonb, with a seed.';

CREATE OPERATOR cvwiz.= (LEFTARG = cvwiz.zjsonb, RIGHTARG = cvwiz.zjsonb, FUNCTION = cvwiz.zjsonb_eq,
	COMMUTATOR = OPERATOR(cvwiz.=), NEGATOR = OPERATOR(cvwiz.<>), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
COMMENT ON OPERATOR cvwiz.= (cvwiz.zjsonb, cvwiz.zjsonb) IS 'equal, as jsonb';

CREATE OPERATOR cvwiz.<> (LEFTARG = cvwiz.zjsonb, RIGHTARG = cvwiz.zjsonb, FUNCTION = cvwiz.zjsonb_ne,
	COMMUTATOR = OPERATOR(cvwiz.<>), NEGATOR = OPERATOR(cvwiz.=), RESTRICT = neqsel, JOIN = neqjoinsel);
COMMENT ON OPERATOR cvwiz.<> (cvwiz.zjsonb, cvwiz.zjsonb) IS 'not equal, as jsonb';

CREATE OPERATOR cvwiz.< (LEFTARG = cvwiz.zjsonb, RIGHTARG = cvwiz.zjsonb, FUNCTION = cvwiz.zjsonb_lt,
	COMMUTATOR = OPERATOR(cvwiz.>), NEGATOR = OPERATOR(cvwiz.>=), RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
COMMENT ON OPERATOR cvwiz.< (cvwiz.zjsonb, cvwiz.zjsonb) IS 'less than, as jsonb';

CREATE OPERATOR cvwiz.<= (LEFTARG = cvwiz.zjsonb, RIGHTARG = cvwiz.zjsonb, FUNCTION = cvwiz.zjsonb_le,
	COMMUTATOR = OPERATOR(cvwiz.>=), NEGATOR = OPERATOR(cvwiz.>), RESTRICT = scalarlesel, JOIN = scalarlejoinsel);
COMMENT ON OPERATOR cvwiz.<= (cvwiz.zjsonb, cvwiz.zjsonb) IS 'less than or equal, as jsonb';

CREATE OPERATOR cvwiz.> (LEFTARG = cvwiz.zjsonb, RIGHTARG = cvwiz.zjsonb, FUNCTION = cvwiz.zjsonb_gt,
	COMMUTATOR = OPERATOR(cvwiz.<), NEGATOR = OPERATOR(cvwiz.<=), RESTRICT = scalargtsel, JOIN = scalargtjoinsel);
COMMENT ON OPERATOR cvwiz.> (cvwiz.zjsonb, cvwiz.zjsonb) IS 'greater than, as jsonb';

CREATE OPERATOR cvwiz.>= (LEFTARG = cvwiz.zjsonb, RIGHTARG = cvwiz.zjsonb, FUNCTION = cvwiz.zjsonb_ge,
	COMMUTATOR = OPERATOR(cvwiz.<=), NEGATOR = OPERATOR(cvwiz.<), RESTRICT = scalargesel, JOIN = scalargejoinsel);
COMMENT ON OPERATOR cvwiz.>= (cvwiz.zjsonb, cvwiz.zjsonb) IS 'greater than or equal, as jsonb';

CREATE OPERATOR CLASS cvwiz.zjsonb_ops DEFAULT FOR TYPE cvwiz.zjsonb USING btree AS
	OPERATOR 1 cvwiz.<, OPERATOR 2 cvwiz.<=, OPERATOR 3 cvwiz.=, OPERATOR 4 cvwiz.>=, OPERATOR 5 cvwiz.>,
	FUNCTION 1 cvwiz.zjsonb_cmp(cvwiz.zjsonb, cvwiz.zjsonb);
COMMENT ON OPERATOR CLASS cvwiz.zjsonb_ops USING btree IS 'the order of jsonb';
CREATE OPERATOR CLASS cvwiz.zjsonb_ops DEFAULT FOR TYPE cvwiz.zjsonb USING hash AS
	OPERATOR 1 cvwiz.=,
	FUNCTION 1 cvwiz.zjsonb_hash(cvwiz.zjsonb),
	FUNCTION 2 cvwiz.zjsonb_hash_extended(cvwiz.zjsonb, bigint);
COMMENT ON OPERATOR CLASS cvwiz.zjsonb_ops USING hash IS 'the equality of jsonb';

-- ---- gzip ----

CREATE FUNCTION cvwiz.gzip(snapshot jsonb)
RETURNS bytea LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_gzip';
COMMENT ON FUNCTION cvwiz.gzip(jsonb) IS
'The document''s text, in UTF-8, in the gzip format, with the effort of cvwiz.compression_level.';

CREATE FUNCTION cvwiz.gunzip(compressed bytea)
RETURNS jsonb LANGUAGE c STABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_gunzip';
COMMENT ON FUNCTION cvwiz.gunzip(bytea) IS
'The document out of one gzip member of JSON text in UTF-8. Errors: 22P02 not whole, something after its end, no JSON; 54000 more than cvwiz.max_inflated_size.';

REVOKE ALL ON FUNCTION cvwiz.add_snapshot_limits(regclass, name, text, int, int, int, text, text[]) FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.remove_snapshot_limits(regclass, name) FROM PUBLIC;
