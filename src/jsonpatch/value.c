/*-------------------------------------------------------------------------
 *
 * value.c
 *		Values inside a jsonb, where they stand.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "compat.h"
#include "jsonpatch/value.h"

JsonbValue
value_of_root(Jsonb *document)
{
	JsonbValue	value;

	if (JB_ROOT_IS_SCALAR(document))
		(void) JsonbExtractScalar(&document->root, &value);
	else
		JsonbToJsonbValue(document, &value);
	return value;
}

JsonbValue
value_of_string(const char *string)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, string);
	value.val.string.len = strlen(string);
	return value;
}

JsonbValue *
value_items(const JsonbValue *array, uint32 *count)
{
	JsonbContainer *container = array->val.binary.data;
	JsonbIterator *it = JsonbIteratorInit(container);
	uint32		size = JsonContainerSize(container);
	JsonbValue *items = (JsonbValue *) palloc_extended(sizeof(JsonbValue) * Max(1, (Size) size),
													   MCXT_ALLOC_HUGE);
	JsonbValue	begin;

	(void) JsonbIteratorNext(&it, &begin, true);
	for (uint32 i = 0; i < size; i++)
	{
		CHECK_FOR_INTERRUPTS();
		(void) JsonbIteratorNext(&it, &items[i], true);
	}
	pfree(it);
	*count = size;
	return items;
}

ValueMember *
value_members(const JsonbValue *object, uint32 *count)
{
	JsonbContainer *container = object->val.binary.data;
	JsonbIterator *it = JsonbIteratorInit(container);
	uint32		size = JsonContainerSize(container);
	ValueMember *members = (ValueMember *) palloc_extended(sizeof(ValueMember) * Max(1, (Size) size),
														   MCXT_ALLOC_HUGE);
	JsonbValue	begin;

	(void) JsonbIteratorNext(&it, &begin, true);
	for (uint32 i = 0; i < size; i++)
	{
		CHECK_FOR_INTERRUPTS();
		(void) JsonbIteratorNext(&it, &members[i].key, true);
		(void) JsonbIteratorNext(&it, &members[i].value, true);
	}
	pfree(it);
	*count = size;
	return members;
}

bool
value_lookup(const JsonbValue *object, const char *key, JsonbValue *value)
{
	return getKeyJsonValueFromContainer(object->val.binary.data, key, strlen(key), value) != NULL;
}

int
value_compare_keys(const char *a, int length_a, const char *b, int length_b)
{
	if (length_a != length_b)
		return length_a < length_b ? -1 : 1;
	return memcmp(a, b, length_a);
}

int
value_compare_members(const ValueMember *a, const ValueMember *b)
{
	return value_compare_keys(a->key.val.string.val, a->key.val.string.len,
							  b->key.val.string.val, b->key.val.string.len);
}

/* ---- equality ---- */

static bool
is_same_string(const JsonbValue *a, const JsonbValue *b)
{
	return a->val.string.len == b->val.string.len &&
		memcmp(a->val.string.val, b->val.string.val, a->val.string.len) == 0;
}

static bool
is_equal_number(Numeric a, Numeric b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(a), NumericGetDatum(b)));
}

static bool
is_identical_number(Numeric a, Numeric b)
{
	char	   *text_a;
	char	   *text_b;
	bool		result;

	if (VARSIZE_ANY(a) == VARSIZE_ANY(b) && memcmp(a, b, VARSIZE_ANY(a)) == 0)
		return true;
	if (!is_equal_number(a, b))
		return false;

	/* 1 and 1.0; or one number in numeric's two formats */
	text_a = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(a)));
	text_b = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(b)));
	result = strcmp(text_a, text_b) == 0;
	pfree(text_a);
	pfree(text_b);
	return result;
}

bool
value_is_identical(const JsonbValue *a, const JsonbValue *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type)
	{
		case jbvNull:
			return true;
		case jbvBool:
			return a->val.boolean == b->val.boolean;
		case jbvString:
			return is_same_string(a, b);
		case jbvNumeric:
			return is_identical_number(a->val.numeric, b->val.numeric);
		default:
			Assert(a->type == jbvBinary);
			return a->val.binary.len == b->val.binary.len &&
				memcmp(a->val.binary.data, b->val.binary.data, a->val.binary.len) == 0;
	}
}

bool
value_is_equal(const JsonbValue *a, const JsonbValue *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type)
	{
		case jbvNull:
			return true;
		case jbvBool:
			return a->val.boolean == b->val.boolean;
		case jbvString:
			return is_same_string(a, b);
		case jbvNumeric:
			return is_equal_number(a->val.numeric, b->val.numeric);
		default:
			Assert(a->type == jbvBinary);
			return compareJsonbContainers(a->val.binary.data, b->val.binary.data) == 0;
	}
}

const char *
value_type_name(const JsonbValue *value)
{
	return JsonbTypeName(unconstify(JsonbValue *, value));
}

/* ---- building ---- */

void
value_push(JsonbBuilder *builder, JsonbIteratorToken token, const JsonbValue *value)
{
	compat_push_jsonb(builder, token, unconstify(JsonbValue *, value));
}

void
value_push_member(JsonbBuilder *builder, const char *key, const JsonbValue *value)
{
	JsonbValue	name = value_of_string(key);

	compat_push_jsonb(builder, WJB_KEY, &name);
	value_push(builder, WJB_VALUE, value);
}

Jsonb *
value_to_jsonb(const JsonbValue *value)
{
	return JsonbValueToJsonb(unconstify(JsonbValue *, value));
}

Jsonb *
value_copy_jsonb(const Jsonb *document)
{
	Jsonb	   *copy = (Jsonb *) palloc(VARSIZE(document));

	memcpy(copy, document, VARSIZE(document));
	return copy;
}
