/*-------------------------------------------------------------------------
 *
 * reconstruct.c
 *		Filling a document of metadata only in again from the live one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "compat.h"
#include "snapshot/item.h"
#include "snapshot/reduce.h"

PG_FUNCTION_INFO_V1(cvwiz_reconstruct_snapshot);

typedef struct LiveItem
{
	JsonbValue	id;
	JsonbValue	item;
	uint32		index;
} LiveItem;

typedef struct LiveItems
{
	LiveItem   *items;			/* in the order of their ids */
	uint32		count;
} LiveItems;

/* Of items with one id, the first comes first. */
static int
compare_live_items(const void *a, const void *b)
{
	const LiveItem *item_a = (const LiveItem *) a;
	const LiveItem *item_b = (const LiveItem *) b;
	int			result = item_compare_scalars(&item_a->id, &item_b->id);

	if (result != 0)
		return result;
	return item_a->index < item_b->index ? -1 : 1;
}

static bool
item_id(const JsonbValue *item, JsonbValue *id)
{
	return item_key_value(item, "id", id) && (id->type == jbvString || id->type == jbvNumeric);
}

static void
collect_live_items(JsonbContainer *array, LiveItems *live)
{
	JsonbIterator *it = JsonbIteratorInit(array);
	JsonbIteratorToken token;
	JsonbValue	item;

	live->items = (LiveItem *) palloc_extended(sizeof(LiveItem) * Max(1, JsonContainerSize(array)),
											   MCXT_ALLOC_HUGE);
	live->count = 0;
	while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token != WJB_ELEM || !item_id(&item, &live->items[live->count].id))
			continue;
		live->items[live->count].item = item;
		live->items[live->count].index = live->count;
		live->count++;
	}
	qsort(live->items, live->count, sizeof(LiveItem), compare_live_items);
}

static JsonbValue *
find_live_item(const LiveItems *live, const JsonbValue *id)
{
	uint32		low = 0;
	uint32		high = live->count;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;

		if (item_compare_scalars(&live->items[middle].id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < live->count && item_compare_scalars(&live->items[low].id, id) == 0)
		return &live->items[low].item;
	return NULL;
}

static void
push_reconstructed_array(JsonbBuilder *out, JsonbContainer *reduced,
						 JsonbContainer *live, int64 *missing)
{
	JsonbIterator *it = JsonbIteratorInit(reduced);
	JsonbValue	item;
	LiveItems	live_items = {NULL, 0};

	if (live != NULL && JsonContainerIsArray(live))
		collect_live_items(live, &live_items);

	(void) JsonbIteratorNext(&it, &item, true);
	compat_push_jsonb(out, WJB_BEGIN_ARRAY, NULL);
	while (JsonbIteratorNext(&it, &item, true) == WJB_ELEM)
	{
		JsonbValue *whole = NULL;
		JsonbValue	id;

		CHECK_FOR_INTERRUPTS();
		if (item.type == jbvBinary && JsonContainerIsObject(item.val.binary.data))
		{
			if (item_id(&item, &id))
				whole = find_live_item(&live_items, &id);
			if (whole == NULL)
				(*missing)++;
		}
		compat_push_jsonb(out, WJB_ELEM, whole != NULL ? whole : &item);
	}
	compat_push_jsonb(out, WJB_END_ARRAY, NULL);
}

/*
 * The live object that a reduced one, which is a key's value, stands for: the
 * one with its id, or, of an object that has lost everything, the one in its
 * place.
 */
static bool
stands_for(const JsonbValue *reduced, const JsonbValue *live)
{
	JsonbValue	id;
	JsonbValue	live_id;

	if (live == NULL || live->type != jbvBinary ||
		!JsonContainerIsObject(live->val.binary.data))
		return false;
	if (item_id(reduced, &id))
		return item_id(live, &live_id) && item_compare_scalars(&id, &live_id) == 0;
	return JsonContainerSize(reduced->val.binary.data) == 0;
}

static void push_reconstructed_keys(JsonbBuilder *out, JsonbContainer *reduced,
									JsonbContainer *live, bool is_root, int64 *missing);

static void
push_reconstructed_value(JsonbBuilder *out, JsonbValue *value, JsonbValue *live,
						 int64 *missing)
{
	JsonbContainer *live_container = live != NULL && live->type == jbvBinary ?
		live->val.binary.data : NULL;
	JsonbValue	id;

	if (value->type != jbvBinary)
		compat_push_jsonb(out, WJB_VALUE, value);
	else if (JsonContainerIsArray(value->val.binary.data))
		push_reconstructed_array(out, value->val.binary.data, live_container, missing);
	else if (stands_for(value, live))
		compat_push_jsonb(out, WJB_VALUE, live);
	else if (item_id(value, &id) || JsonContainerSize(value->val.binary.data) == 0)
	{
		compat_push_jsonb(out, WJB_VALUE, value);
		(*missing)++;
	}
	else
	{
		/* without an id, with something in it: what that stands for may be there */
		compat_push_jsonb(out, WJB_BEGIN_OBJECT, NULL);
		push_reconstructed_keys(out, value->val.binary.data, live_container, false, missing);
		compat_push_jsonb(out, WJB_END_OBJECT, NULL);
	}
}

static void
push_reconstructed_keys(JsonbBuilder *out, JsonbContainer *reduced, JsonbContainer *live,
						bool is_root, int64 *missing)
{
	JsonbIterator *it = JsonbIteratorInit(reduced);
	JsonbValue	key;
	JsonbValue	value;
	bool		live_is_object = live != NULL && JsonContainerIsObject(live);

	check_stack_depth();

	(void) JsonbIteratorNext(&it, &key, true);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		JsonbValue	live_value;
		bool		found;

		CHECK_FOR_INTERRUPTS();
		(void) JsonbIteratorNext(&it, &value, true);
		if (is_root && (item_key_is(&key, REDUCED_KEY) || item_key_is(&key, MISSING_KEY)))
			continue;

		found = live_is_object &&
			getKeyJsonValueFromContainer(live, key.val.string.val, key.val.string.len,
										 &live_value) != NULL;
		compat_push_jsonb(out, WJB_KEY, &key);
		push_reconstructed_value(out, &value, found ? &live_value : NULL, missing);
	}
}

static void
push_reconstructed_root(JsonbBuilder *out, JsonbContainer *reduced, JsonbContainer *live)
{
	JsonbValue	key;
	JsonbValue	value;
	int64		missing = 0;

	compat_push_jsonb(out, WJB_BEGIN_OBJECT, NULL);
	push_reconstructed_keys(out, reduced, live, true, &missing);

	key.type = jbvString;
	key.val.string.val = MISSING_KEY;
	key.val.string.len = strlen(MISSING_KEY);
	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(missing);
	compat_push_jsonb(out, WJB_KEY, &key);
	compat_push_jsonb(out, WJB_VALUE, &value);
	compat_push_jsonb(out, WJB_END_OBJECT, NULL);
}

static bool
is_reduced(Jsonb *snapshot)
{
	JsonbValue	marker;

	return JB_ROOT_IS_OBJECT(snapshot) &&
		getKeyJsonValueFromContainer(&snapshot->root, REDUCED_KEY, strlen(REDUCED_KEY),
									 &marker) != NULL &&
		marker.type == jbvBool && marker.val.boolean;
}

/*
 * SQL: cvwiz.reconstruct_snapshot(reduced jsonb, live jsonb) RETURNS jsonb
 */
Datum
cvwiz_reconstruct_snapshot(PG_FUNCTION_ARGS)
{
	Jsonb	   *reduced;
	Jsonb	   *live;
	JsonbBuilder out = {0};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	reduced = PG_GETARG_JSONB_P(0);
	if (!is_reduced(reduced))
		PG_RETURN_JSONB_P(reduced);

	live = PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1);
	push_reconstructed_root(&out, &reduced->root, live != NULL ? &live->root : NULL);
	PG_RETURN_JSONB_P(compat_built_jsonb(&out));
}
