/*-------------------------------------------------------------------------
 *
 * version_stub.c
 *		What a row has instead of its document.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "compat.h"
#include "snapshot/item.h"
#include "snapshot/size.h"
#include "snapshot/version.h"

#define VERSION_KEY "version"
#define ACCESS_KEY "key"
#define SIZE_KEY "size"
#define STUB_KEYS 3

/* ---- reading ---- */

static bool
get_number(JsonbContainer *object, const char *key, int64 *number)
{
	JsonbValue	value;
	Datum		back;

	if (getKeyJsonValueFromContainer(object, key, strlen(key), &value) == NULL ||
		value.type != jbvNumeric)
		return false;

	/* what a bigint cannot hold was not written by us */
	if (DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(value.val.numeric),
										 NumericGetDatum(int64_to_numeric(0)))) ||
		DatumGetBool(DirectFunctionCall2(numeric_gt, NumericGetDatum(value.val.numeric),
										 NumericGetDatum(int64_to_numeric(PG_INT64_MAX)))))
		return false;
	back = DirectFunctionCall1(numeric_int8, NumericGetDatum(value.val.numeric));
	*number = DatumGetInt64(back);
	return DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(value.val.numeric),
											NumericGetDatum(int64_to_numeric(*number))));
}

/* As hex_encode() writes it. */
static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool
get_access_key(JsonbContainer *object, pg_uuid_t *key)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(object, ACCESS_KEY, strlen(ACCESS_KEY), &value) == NULL ||
		value.type != jbvString || value.val.string.len != 2 * UUID_LEN)
		return false;

	for (int i = 0; i < UUID_LEN; i++)
	{
		int			high = hex_digit(value.val.string.val[2 * i]);
		int			low = hex_digit(value.val.string.val[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		key->data[i] = (unsigned char) (high << 4 | low);
	}
	return true;
}

bool
stub_parse(Jsonb *document, StubId *id)
{
	JsonbValue	value;
	JsonbContainer *object;

	if (!JB_ROOT_IS_OBJECT(document) ||
		getKeyJsonValueFromContainer(&document->root, STUB_KEY, strlen(STUB_KEY), &value) == NULL ||
		value.type != jbvBinary)
		return false;

	object = value.val.binary.data;
	return JsonContainerIsObject(object) && JsonContainerSize(object) == STUB_KEYS &&
		get_number(object, VERSION_KEY, &id->version) &&
		get_number(object, SIZE_KEY, &id->size) &&
		get_access_key(object, &id->key);
}

/* ---- writing ---- */

static void
push_string(JsonbBuilder *out, JsonbIteratorToken token, const char *string, int length)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, string);
	value.val.string.len = length;
	compat_push_jsonb(out, token, &value);
}

static void
push_number(JsonbBuilder *out, const char *key, int64 number)
{
	JsonbValue	value;

	push_string(out, WJB_KEY, key, strlen(key));
	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(number);
	compat_push_jsonb(out, WJB_VALUE, &value);
}

static void
push_id(JsonbBuilder *out, const StubId *id)
{
	static const char digits[] = "0123456789abcdef";
	char	   *key = (char *) palloc(2 * UUID_LEN);	/* until the stub is built */

	for (int i = 0; i < UUID_LEN; i++)
	{
		key[2 * i] = digits[id->key.data[i] >> 4];
		key[2 * i + 1] = digits[id->key.data[i] & 15];
	}

	push_string(out, WJB_KEY, STUB_KEY, strlen(STUB_KEY));
	compat_push_jsonb(out, WJB_BEGIN_OBJECT, NULL);
	push_number(out, VERSION_KEY, id->version);
	push_string(out, WJB_KEY, ACCESS_KEY, strlen(ACCESS_KEY));
	push_string(out, WJB_VALUE, key, 2 * UUID_LEN);
	push_number(out, SIZE_KEY, id->size);
	compat_push_jsonb(out, WJB_END_OBJECT, NULL);
}

/* A key of that name that the document has itself is left to the document. */
static void
push_metadata(JsonbBuilder *out, Jsonb *metadata)
{
	JsonbIterator *it = JsonbIteratorInit(&metadata->root);
	JsonbValue	key;
	JsonbValue	value;

	(void) JsonbIteratorNext(&it, &key, true);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		(void) JsonbIteratorNext(&it, &value, true);
		if (item_key_is(&key, STUB_KEY))
			continue;
		compat_push_jsonb(out, WJB_KEY, &key);
		compat_push_jsonb(out, WJB_VALUE, &value);
	}
}

static Jsonb *
build(Jsonb *metadata, const StubId *id)
{
	JsonbBuilder out = {0};

	compat_push_jsonb(&out, WJB_BEGIN_OBJECT, NULL);
	if (metadata != NULL)
		push_metadata(&out, metadata);
	push_id(&out, id);
	compat_push_jsonb(&out, WJB_END_OBJECT, NULL);
	return compat_built_jsonb(&out);
}

Jsonb *
stub_build(Jsonb *document, const StubId *id, bool with_metadata,
		   const SnapshotLimits *limits, const ReduceOptions *options)
{
	Jsonb	   *stub;

	if (!with_metadata || !JB_ROOT_IS_OBJECT(document))
		return build(NULL, id);

	stub = build(reduce_to_metadata(document, 0, options->fields), id);
	if (snapshot_text_size(stub) > (uint64) limits->warning_size)
		stub = reduce_truncate(stub, limits->max_array_length, options->recent_by);
	return snapshot_text_size(stub) > (uint64) limits->max_size ? build(NULL, id) : stub;
}

uint32
stub_checksum(Jsonb *stub)
{
	Text		text = version_text_of(stub);

	return version_checksum(&text);
}
