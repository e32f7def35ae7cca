-- JSON patches (RFC 6902) and merge patches (RFC 7396).

CREATE FUNCTION cvwiz.jsonb_diff(old jsonb, new jsonb)
RETURNS jsonb LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_jsonb_diff';
COMMENT ON FUNCTION cvwiz.jsonb_diff(jsonb, jsonb) IS
'A JSON patch (RFC 6902) that makes the new document of the old one: jsonb_patch(old, jsonb_diff(old, new)) is new to the byte of its text, so that 1 and 1.0 differ. Items of arrays are matched by "id", without one by content, then by place. Never longer than replacing the whole document; [] for equal documents.';

CREATE FUNCTION cvwiz.jsonb_patch(document jsonb, patch jsonb)
RETURNS jsonb LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_jsonb_patch';
COMMENT ON FUNCTION cvwiz.jsonb_patch(jsonb, jsonb) IS
'The document after all operations of a JSON patch (RFC 6902). Errors name the operation, counted from 0: 22023 a malformed patch, 2203A a path that does not exist, 55000 a test that fails, 54000 copies that make the document too large.';

CREATE FUNCTION cvwiz.jsonb_merge_patch(document jsonb, patch jsonb)
RETURNS jsonb LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'cvwiz_jsonb_merge_patch';
COMMENT ON FUNCTION cvwiz.jsonb_merge_patch(jsonb, jsonb) IS
'The document after a JSON merge patch (RFC 7396): an object of the patch is merged into the one in its place, null removes a key, anything else replaces.';
