/*-------------------------------------------------------------------------
 *
 * item.c
 *		Items of an array: their keys, their order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "snapshot/item.h"

static int
scalar_rank(const JsonbValue *value)
{
	switch (value->type)
	{
		case jbvNull:
			return 1;
		case jbvBool:
			return 2;
		case jbvNumeric:
			return 3;
		case jbvString:
			return 4;
		default:
			return 0;			/* containers, and no value at all */
	}
}

/*
 * A total order: by type, numbers by value, strings by their bytes, which is
 * the order of time for times in ISO 8601.
 */
int
item_compare_scalars(const JsonbValue *a, const JsonbValue *b)
{
	int			rank_a = scalar_rank(a);
	int			rank_b = scalar_rank(b);
	int			result;

	if (rank_a != rank_b)
		return rank_a < rank_b ? -1 : 1;

	switch (a->type)
	{
		case jbvBool:
			return (int) a->val.boolean - (int) b->val.boolean;
		case jbvNumeric:
			return DatumGetInt32(DirectFunctionCall2(numeric_cmp,
													 NumericGetDatum(a->val.numeric),
													 NumericGetDatum(b->val.numeric)));
		case jbvString:
			result = memcmp(a->val.string.val, b->val.string.val,
							Min(a->val.string.len, b->val.string.len));
			return result != 0 ? result : a->val.string.len - b->val.string.len;
		default:
			return 0;
	}
}

/* A key's value; false where the item is no object or has no such key. */
bool
item_key_value(const JsonbValue *item, const char *key, JsonbValue *value)
{
	return item->type == jbvBinary &&
		JsonContainerIsObject(item->val.binary.data) &&
		getKeyJsonValueFromContainer(item->val.binary.data, key, strlen(key), value) != NULL;
}

bool
item_key_is(const JsonbValue *key, const char *name)
{
	return key->val.string.len == (int) strlen(name) &&
		memcmp(key->val.string.val, name, key->val.string.len) == 0;
}
