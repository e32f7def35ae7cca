/*-------------------------------------------------------------------------
 *
 * limits.c
 *		How large a snapshot may be, and what is wrong with one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "compat.h"
#include "guard.h"
#include "settings.h"
#include "snapshot/limits.h"
#include "snapshot/reduce.h"
#include "snapshot/size.h"

/* Arrays named in one validation; the others are counted. */
#define MAX_NAMED_ARRAYS 100

/* Bytes of a key, and of the path to an array, in a message. */
#define MAX_KEY_LENGTH 64
#define MAX_PATH_LENGTH 1024

PG_FUNCTION_INFO_V1(cvwiz_validate_snapshot);
PG_FUNCTION_INFO_V1(cvwiz_prepare_snapshot);
PG_FUNCTION_INFO_V1(cvwiz_has_long_arrays);
PG_FUNCTION_INFO_V1(cvwiz_json_has_long_arrays);

/* ---- the limits ---- */

static int
positive_or(bool has_value, int value, const char *name, int setting)
{
	if (!has_value)
		return setting;
	if (value <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is %d, not a positive number", name, value),
				 errhint("Leave it out for the setting's value, %d.", setting)));
	return value;
}

void
limits_resolve(const GivenLimits *given, SnapshotLimits *limits)
{
	limits->max_size = positive_or(given->has_max_size, given->max_size,
								   "max_size", setting_max_snapshot_size);
	limits->warning_size = positive_or(given->has_warning_size, given->warning_size,
									   "warning_size", setting_warning_snapshot_size);
	limits->max_array_length = positive_or(given->has_max_array_length,
										   given->max_array_length,
										   "max_array_length", setting_max_array_length);

	if (limits->warning_size <= limits->max_size)
		return;

	/* A smaller maximum was asked for, and nothing said of the warning. */
	if (given->has_max_size && !given->has_warning_size)
	{
		limits->warning_size = limits->max_size;
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("the warning size, %d bytes, is above the maximum, %d bytes",
					limits->warning_size, limits->max_size),
			 given->has_warning_size ?
			 errhint("Give a warning_size of at most %d.", limits->max_size) :
			 errhint("Set cvwiz.warning_snapshot_size to at most cvwiz.max_snapshot_size.")));
}

char *
size_with_commas(uint64 size)
{
	char		digits[32];
	int			length = snprintf(digits, sizeof(digits), UINT64_FORMAT, size);
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < length; i++)
	{
		if (i > 0 && (length - i) % 3 == 0)
			appendStringInfoChar(&buf, ',');
		appendStringInfoChar(&buf, digits[i]);
	}
	return buf.data;
}

char *
clipped_key(const JsonbValue *key)
{
	int			length = key->val.string.len;

	if (length <= MAX_KEY_LENGTH)
		return pnstrdup(key->val.string.val, length);
	length = pg_mbcliplen(key->val.string.val, length, MAX_KEY_LENGTH);
	return psprintf("%.*s...", length, key->val.string.val);
}

/* ---- long arrays ---- */

typedef struct LongArrays
{
	uint32		max_length;
	StringInfoData path;
	List	   *warnings;		/* char * */
	List	   *recommendations;
	int64		count;
} LongArrays;

/* A key that reads as a name stands as it is, others as in $["a b"]. */
static void
append_key_to_path(StringInfo path, const JsonbValue *key)
{
	char	   *name = clipped_key(key);
	bool		plain = name[0] != '\0';

	for (char *c = name; *c != '\0' && plain; c++)
		plain = IS_HIGHBIT_SET(*c) || isalnum((unsigned char) *c) || strchr("_-$", *c) != NULL;

	if (plain)
		appendStringInfo(path, "%s%s", path->len > 0 ? "." : "", name);
	else
	{
		appendStringInfoChar(path, '[');
		escape_json(path, name);
		appendStringInfoChar(path, ']');
	}
	pfree(name);
}

static void
note_long_array(LongArrays *arrays, uint32 length)
{
	const char *name = arrays->path.len > 0 ? arrays->path.data : "$";

	if (++arrays->count > MAX_NAMED_ARRAYS)
		return;
	if (arrays->path.len > MAX_PATH_LENGTH)
		name = psprintf("%.*s...",
						pg_mbcliplen(name, arrays->path.len, MAX_PATH_LENGTH), name);
	arrays->warnings = lappend(arrays->warnings,
							   psprintf("Array '%s' has %u items (max recommended: %u)",
										name, length, arrays->max_length));
	arrays->recommendations = lappend(arrays->recommendations,
									  psprintf("Keep the last %u items of array '%s'",
											   arrays->max_length, name));
}

static void
find_long_arrays(JsonbContainer *container, LongArrays *arrays)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue	value;
	int			length = arrays->path.len;
	uint32		index = 0;

	check_stack_depth();

	if (JsonContainerIsArray(container) && JsonContainerSize(container) > arrays->max_length)
		note_long_array(arrays, JsonContainerSize(container));

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_KEY || token == WJB_ELEM)
		{
			arrays->path.len = length;
			arrays->path.data[length] = '\0';
		}
		if (token == WJB_KEY)
			append_key_to_path(&arrays->path, &value);
		else if (token == WJB_ELEM)
		{
			uint32		here = index++;

			if (value.type == jbvBinary)
				appendStringInfo(&arrays->path, "[%u]", here);
		}
		if ((token == WJB_ELEM || token == WJB_VALUE) && value.type == jbvBinary)
			find_long_arrays(value.val.binary.data, arrays);
	}
	arrays->path.len = length;
	arrays->path.data[length] = '\0';
}

/* ---- the validation ---- */

static void
push_key(JsonbBuilder *out, const char *name)
{
	JsonbValue	key;

	key.type = jbvString;
	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	compat_push_jsonb(out, WJB_KEY, &key);
}

static void
push_bool(JsonbBuilder *out, const char *name, bool boolean)
{
	JsonbValue	value;

	push_key(out, name);
	value.type = jbvBool;
	value.val.boolean = boolean;
	compat_push_jsonb(out, WJB_VALUE, &value);
}

static void
push_size(JsonbBuilder *out, const char *name, uint64 size)
{
	JsonbValue	value;

	push_key(out, name);
	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric((int64) size);
	compat_push_jsonb(out, WJB_VALUE, &value);
}

static void
push_texts(JsonbBuilder *out, const char *name, List *texts)
{
	ListCell   *lc;

	push_key(out, name);
	compat_push_jsonb(out, WJB_BEGIN_ARRAY, NULL);
	foreach(lc, texts)
	{
		JsonbValue	value;

		value.type = jbvString;
		value.val.string.val = (char *) lfirst(lc);
		value.val.string.len = strlen(value.val.string.val);
		compat_push_jsonb(out, WJB_ELEM, &value);
	}
	compat_push_jsonb(out, WJB_END_ARRAY, NULL);
}

/* The validation of a snapshot; with what was done to it, where that is given. */
static Jsonb *
build_validation(Jsonb *snapshot, uint64 size, const SnapshotLimits *limits,
				 const Reduction *reduction)
{
	LongArrays	arrays = {0};
	List	   *errors = NIL;
	JsonbBuilder out = {0};

	arrays.max_length = limits->max_array_length;
	initStringInfo(&arrays.path);

	if (size > (uint64) limits->max_size)
	{
		errors = lappend(errors,
						 psprintf("Snapshot size (%s bytes) exceeds maximum (%s bytes)",
								  size_with_commas(size), size_with_commas(limits->max_size)));
		arrays.recommendations = lappend(arrays.recommendations,
										 pstrdup("Reduce it with cvwiz.prepare_snapshot_for_storage(), or leave parts of it out"));
	}
	else if (size > (uint64) limits->warning_size)
	{
		arrays.warnings = lappend(arrays.warnings,
								  psprintf("Snapshot size (%s bytes) is large (recommended: at most %s bytes)",
										   size_with_commas(size),
										   size_with_commas(limits->warning_size)));
		arrays.recommendations = lappend(arrays.recommendations,
										 pstrdup("Shorten its arrays with cvwiz.truncate_snapshot()"));
	}

	find_long_arrays(&snapshot->root, &arrays);
	if (arrays.count > MAX_NAMED_ARRAYS)
		arrays.warnings = lappend(arrays.warnings,
								  psprintf("%s more arrays have more than %u items",
										   size_with_commas(arrays.count - MAX_NAMED_ARRAYS),
										   arrays.max_length));

	compat_push_jsonb(&out, WJB_BEGIN_OBJECT, NULL);
	push_bool(&out, "valid", errors == NIL);
	push_size(&out, "size_bytes", size);
	push_texts(&out, "warnings", arrays.warnings);
	push_texts(&out, "errors", errors);
	push_texts(&out, "recommendations", arrays.recommendations);
	if (reduction != NULL)
	{
		push_bool(&out, "truncated", reduction->truncated);
		push_bool(&out, "compressed", reduction->compressed);
		push_size(&out, "original_size_bytes", reduction->original_size);
	}
	compat_push_jsonb(&out, WJB_END_OBJECT, NULL);
	return compat_built_jsonb(&out);
}

/* ---- the SQL functions ---- */

void
limits_from_arguments(FunctionCallInfo fcinfo, int n, SnapshotLimits *limits)
{
	GivenLimits given;

	given.has_max_size = !PG_ARGISNULL(n);
	given.max_size = PG_ARGISNULL(n) ? 0 : PG_GETARG_INT32(n);
	given.has_warning_size = !PG_ARGISNULL(n + 1);
	given.warning_size = PG_ARGISNULL(n + 1) ? 0 : PG_GETARG_INT32(n + 1);
	given.has_max_array_length = !PG_ARGISNULL(n + 2);
	given.max_array_length = PG_ARGISNULL(n + 2) ? 0 : PG_GETARG_INT32(n + 2);
	limits_resolve(&given, limits);
}

/*
 * SQL: cvwiz.validate_snapshot(snapshot jsonb, max_size int, warning_size int,
 *								max_array_length int) RETURNS jsonb
 */
Datum
cvwiz_validate_snapshot(PG_FUNCTION_ARGS)
{
	SnapshotLimits limits;
	Jsonb	   *snapshot;

	limits_from_arguments(fcinfo, 1, &limits);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	snapshot = PG_GETARG_JSONB_P(0);
	PG_RETURN_JSONB_P(build_validation(snapshot, snapshot_text_size(snapshot), &limits, NULL));
}

/*
 * SQL: cvwiz.prepare_snapshot_for_storage(snapshot jsonb, force_compression boolean,
 *			max_size int, warning_size int, max_array_length int,
 *			OUT snapshot jsonb, OUT validation jsonb)
 */
Datum
cvwiz_prepare_snapshot(PG_FUNCTION_ARGS)
{
	ReduceOptions options = {0};
	SnapshotLimits limits;
	Reduction	reduction;
	TupleDesc	tupdesc;
	Datum		values[2] = {0};
	bool		nulls[2] = {true, true};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	limits_from_arguments(fcinfo, 2, &limits);
	if (!PG_ARGISNULL(0))
	{
		reduce_for_storage(PG_GETARG_JSONB_P(0), &limits, &options, true,
						   !PG_ARGISNULL(1) && PG_GETARG_BOOL(1), &reduction);
		values[0] = JsonbPGetDatum(reduction.snapshot);
		values[1] = JsonbPGetDatum(build_validation(reduction.snapshot, reduction.size,
													&limits, &reduction));
		nulls[0] = nulls[1] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

/*
 * SQL: cvwiz.has_long_arrays(snapshot jsonb, max_array_length int) RETURNS boolean
 */
Datum
cvwiz_has_long_arrays(PG_FUNCTION_ARGS)
{
	Jsonb	   *snapshot = PG_GETARG_JSONB_P(0);

	PG_RETURN_BOOL(!JB_ROOT_IS_SCALAR(snapshot) &&
				   reduce_has_long_array(snapshot, PG_GETARG_INT32(1)));
}

typedef struct JsonToLook
{
	char	   *text;
	int			max_array_length;
	bool		has_long_arrays;
} JsonToLook;

static void
look_into_json(void *arg)
{
	JsonToLook *json = (JsonToLook *) arg;
	Jsonb	   *snapshot = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
															  CStringGetDatum(json->text)));

	json->has_long_arrays = !JB_ROOT_IS_SCALAR(snapshot) &&
		reduce_has_long_array(snapshot, json->max_array_length);
}

/*
 * SQL: cvwiz.has_long_arrays(snapshot json, max_array_length int) RETURNS boolean
 *
 * NULL for a json that jsonb does not take, as one with \\u0000.
 */
Datum
cvwiz_json_has_long_arrays(PG_FUNCTION_ARGS)
{
	JsonToLook	json = {text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_INT32(1), false};
	ErrorData  *error = guard(look_into_json, &json);

	if (error == NULL)
		PG_RETURN_BOOL(json.has_long_arrays);
	if (is_stop_request(error))
		ReThrowError(error);
	PG_RETURN_NULL();
}
