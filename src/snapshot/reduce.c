/*-------------------------------------------------------------------------
 *
 * reduce.c
 *		Making a snapshot smaller: shorter arrays, then metadata only; and
 *		filling one in again from a live document.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "compat.h"
#include "snapshot/reduce.h"
#include "snapshot/size.h"

PG_FUNCTION_INFO_V1(cvwiz_truncate_snapshot);
PG_FUNCTION_INFO_V1(cvwiz_compress_snapshot_metadata);
PG_FUNCTION_INFO_V1(cvwiz_reconstruct_snapshot);

/* ---- comparing scalars: for recent_by, and for ids ---- */

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
static int
compare_scalars(const JsonbValue *a, const JsonbValue *b)
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
static bool
item_key_value(const JsonbValue *item, const char *key, JsonbValue *value)
{
	return item->type == jbvBinary &&
		JsonContainerIsObject(item->val.binary.data) &&
		getKeyJsonValueFromContainer(item->val.binary.data, key, strlen(key), value) != NULL;
}

/* ---- which items of an array stay ---- */

typedef struct RankedItem
{
	uint32		index;
	JsonbValue	value;
} RankedItem;

/* The greatest first; of equals the last, which was appended last. */
static int
compare_ranked_items(const void *a, const void *b)
{
	const RankedItem *item_a = (const RankedItem *) a;
	const RankedItem *item_b = (const RankedItem *) b;
	int			result = compare_scalars(&item_b->value, &item_a->value);

	if (result != 0)
		return result;
	return item_a->index < item_b->index ? 1 : -1;
}

static bool *
choose_recent(JsonbContainer *array, uint32 count, uint32 max_length, const char *recent_by)
{
	RankedItem *items = (RankedItem *) palloc_extended(sizeof(RankedItem) * count, MCXT_ALLOC_HUGE);
	bool	   *keep = (bool *) palloc_extended(count, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	JsonbIterator *it = JsonbIteratorInit(array);
	JsonbIteratorToken token;
	JsonbValue	item;
	uint32		n = 0;

	while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		CHECK_FOR_INTERRUPTS();
		items[n].index = n;
		if (!item_key_value(&item, recent_by, &items[n].value))
			items[n].value.type = jbvBinary;	/* ranks lowest */
		n++;
	}

	qsort(items, n, sizeof(RankedItem), compare_ranked_items);
	for (uint32 i = 0; i < max_length; i++)
		keep[items[i].index] = true;
	pfree(items);
	return keep;
}

/* ---- truncating ---- */

typedef struct Truncation
{
	uint32		max_length;
	const char *recent_by;
} Truncation;

bool
reduce_has_long_array(Jsonb *snapshot, int max_length)
{
	JsonbIterator *it = JsonbIteratorInit(&snapshot->root);
	JsonbIteratorToken token;
	JsonbValue	value;

	while ((token = JsonbIteratorNext(&it, &value, false)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_BEGIN_ARRAY && value.val.array.nElems > max_length)
			return true;
	}
	return false;
}

static void
push_truncated(JsonbBuilder *out, JsonbContainer *container, const Truncation *truncation)
{
	JsonbIterator *it = JsonbIteratorInit(container);
	JsonbIteratorToken token;
	JsonbValue	value;
	uint32		count = JsonContainerSize(container);
	uint32		first = 0;
	uint32		index = 0;
	bool	   *keep = NULL;

	check_stack_depth();

	if (JsonContainerIsArray(container) && count > truncation->max_length)
	{
		if (truncation->recent_by != NULL)
			keep = choose_recent(container, count, truncation->max_length,
								 truncation->recent_by);
		else
			first = count - truncation->max_length;
	}

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_ELEM)
		{
			uint32		here = index++;

			if (here < first || (keep != NULL && !keep[here]))
				continue;
		}

		if ((token == WJB_ELEM || token == WJB_VALUE) && value.type == jbvBinary)
			push_truncated(out, value.val.binary.data, truncation);
		else if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT ||
				 token == WJB_END_ARRAY || token == WJB_END_OBJECT)
			compat_push_jsonb(out, token, NULL);
		else
			compat_push_jsonb(out, token, &value);
	}
	if (keep != NULL)
		pfree(keep);
}

Jsonb *
reduce_truncate(Jsonb *snapshot, int max_length, const char *recent_by)
{
	JsonbBuilder out = {0};
	Truncation	truncation = {max_length, recent_by};

	if (JB_ROOT_IS_SCALAR(snapshot) || !reduce_has_long_array(snapshot, max_length))
		return snapshot;

	push_truncated(&out, &snapshot->root, &truncation);
	return compat_built_jsonb(&out);
}

/* ---- metadata only ---- */

typedef enum ObjectPlace
{
	OBJECT_ROOT,				/* keeps all its keys */
	OBJECT_ITEM,				/* of an array: id, order, fields */
	OBJECT_VALUE				/* of a key: id, fields */
} ObjectPlace;

typedef struct Metadata
{
	uint32		max_items;		/* 0: all */
	List	   *fields;
} Metadata;

static bool
key_is(const JsonbValue *key, const char *name)
{
	return key->val.string.len == (int) strlen(name) &&
		memcmp(key->val.string.val, name, key->val.string.len) == 0;
}

static bool
keeps_key(const Metadata *metadata, ObjectPlace place, const JsonbValue *key)
{
	ListCell   *lc;

	if (place == OBJECT_ROOT || key_is(key, "id") ||
		(place == OBJECT_ITEM && key_is(key, "order")))
		return true;
	foreach(lc, metadata->fields)
	{
		if (key_is(key, (char *) lfirst(lc)))
			return true;
	}
	return false;
}

static void push_metadata_of_array(JsonbBuilder *out, JsonbContainer *array,
								   const Metadata *metadata);

static void
push_metadata_of_object(JsonbBuilder *out, JsonbContainer *object, ObjectPlace place,
						const Metadata *metadata)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	check_stack_depth();

	(void) JsonbIteratorNext(&it, &key, true);
	compat_push_jsonb(out, WJB_BEGIN_OBJECT, NULL);
	while ((token = JsonbIteratorNext(&it, &key, true)) == WJB_KEY)
	{
		CHECK_FOR_INTERRUPTS();
		(void) JsonbIteratorNext(&it, &value, true);
		if (!keeps_key(metadata, place, &key) ||
			(place == OBJECT_ROOT && key_is(&key, REDUCED_KEY)))
			continue;

		compat_push_jsonb(out, WJB_KEY, &key);
		if (value.type != jbvBinary)
			compat_push_jsonb(out, WJB_VALUE, &value);
		else if (JsonContainerIsArray(value.val.binary.data))
			push_metadata_of_array(out, value.val.binary.data, metadata);
		else
			push_metadata_of_object(out, value.val.binary.data, OBJECT_VALUE, metadata);
	}

	if (place == OBJECT_ROOT)
	{
		key.type = jbvString;
		key.val.string.val = REDUCED_KEY;
		key.val.string.len = strlen(REDUCED_KEY);
		value.type = jbvBool;
		value.val.boolean = true;
		compat_push_jsonb(out, WJB_KEY, &key);
		compat_push_jsonb(out, WJB_VALUE, &value);
	}
	compat_push_jsonb(out, WJB_END_OBJECT, NULL);
}

static void
push_metadata_of_array(JsonbBuilder *out, JsonbContainer *array,
					   const Metadata *metadata)
{
	JsonbIterator *it = JsonbIteratorInit(array);
	JsonbValue	item;
	uint32		count = JsonContainerSize(array);
	uint32		index = 0;

	check_stack_depth();

	(void) JsonbIteratorNext(&it, &item, true);
	compat_push_jsonb(out, WJB_BEGIN_ARRAY, NULL);
	while (JsonbIteratorNext(&it, &item, true) == WJB_ELEM)
	{
		CHECK_FOR_INTERRUPTS();
		if (metadata->max_items > 0 && count > metadata->max_items &&
			index++ < count - metadata->max_items)
			continue;
		if (item.type == jbvBinary && JsonContainerIsObject(item.val.binary.data))
			push_metadata_of_object(out, item.val.binary.data, OBJECT_ITEM, metadata);
		else
			compat_push_jsonb(out, WJB_ELEM, &item);
	}
	compat_push_jsonb(out, WJB_END_ARRAY, NULL);
}

Jsonb *
reduce_to_metadata(Jsonb *snapshot, int max_items, List *fields)
{
	JsonbBuilder out = {0};
	Metadata	metadata = {max_items, fields};

	if (JB_ROOT_IS_SCALAR(snapshot))
		return snapshot;
	if (JB_ROOT_IS_ARRAY(snapshot))
		push_metadata_of_array(&out, &snapshot->root, &metadata);
	else
		push_metadata_of_object(&out, &snapshot->root, OBJECT_ROOT, &metadata);
	return compat_built_jsonb(&out);
}

/* ---- as far as it takes ---- */

void
reduce_for_storage(Jsonb *snapshot, const SnapshotLimits *limits,
				   const ReduceOptions *options, bool may_compress,
				   bool force_compression, Reduction *reduction)
{
	memset(reduction, 0, sizeof(Reduction));
	reduction->snapshot = snapshot;
	reduction->original_size = reduction->size = snapshot_text_size(snapshot);

	if (reduction->size <= (uint64) limits->warning_size && !force_compression)
		return;

	reduction->snapshot = reduce_truncate(snapshot, limits->max_array_length,
										  options->recent_by);
	if (reduction->snapshot != snapshot)
	{
		reduction->truncated = true;
		reduction->size = snapshot_text_size(reduction->snapshot);
	}

	if (force_compression ||
		(may_compress && reduction->size > (uint64) limits->max_size))
	{
		Jsonb	   *metadata = reduce_to_metadata(reduction->snapshot, 0, options->fields);
		uint64		size = snapshot_text_size(metadata);

		/* Without items to shorten there is only the mark to gain. */
		if (!force_compression && size >= reduction->size)
			return;
		reduction->compressed = metadata != reduction->snapshot;
		reduction->snapshot = metadata;
		reduction->size = size;
	}
}

/* ---- from the live document ---- */

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
	int			result = compare_scalars(&item_a->id, &item_b->id);

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

		if (compare_scalars(&live->items[middle].id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < live->count && compare_scalars(&live->items[low].id, id) == 0)
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
 * An object that is a key's value has its place, and is the same unless both
 * have ids and these differ.
 */
static bool
is_same_object(const JsonbValue *reduced, const JsonbValue *live)
{
	JsonbValue	id;
	JsonbValue	live_id;

	if (live == NULL || live->type != jbvBinary ||
		!JsonContainerIsObject(live->val.binary.data))
		return false;
	if (!item_id(reduced, &id))
		return true;
	return item_id(live, &live_id) && compare_scalars(&id, &live_id) == 0;
}

static void
push_reconstructed_value(JsonbBuilder *out, JsonbValue *value, JsonbValue *live,
						 int64 *missing)
{
	if (value->type != jbvBinary)
		compat_push_jsonb(out, WJB_VALUE, value);
	else if (JsonContainerIsArray(value->val.binary.data))
		push_reconstructed_array(out, value->val.binary.data,
								 live != NULL && live->type == jbvBinary ?
								 live->val.binary.data : NULL,
								 missing);
	else if (is_same_object(value, live))
		compat_push_jsonb(out, WJB_VALUE, live);
	else
	{
		compat_push_jsonb(out, WJB_VALUE, value);
		(*missing)++;
	}
}

static void
push_reconstructed_root(JsonbBuilder *out, JsonbContainer *reduced, JsonbContainer *live)
{
	JsonbIterator *it = JsonbIteratorInit(reduced);
	JsonbValue	key;
	JsonbValue	value;
	bool		live_is_object = live != NULL && JsonContainerIsObject(live);
	int64		missing = 0;

	(void) JsonbIteratorNext(&it, &key, true);
	compat_push_jsonb(out, WJB_BEGIN_OBJECT, NULL);
	while (JsonbIteratorNext(&it, &key, true) == WJB_KEY)
	{
		JsonbValue	live_value;
		bool		found;

		CHECK_FOR_INTERRUPTS();
		(void) JsonbIteratorNext(&it, &value, true);
		if (key_is(&key, REDUCED_KEY) || key_is(&key, MISSING_KEY))
			continue;

		found = live_is_object &&
			getKeyJsonValueFromContainer(live, key.val.string.val, key.val.string.len,
										 &live_value) != NULL;
		compat_push_jsonb(out, WJB_KEY, &key);
		push_reconstructed_value(out, &value, found ? &live_value : NULL, &missing);
	}

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

/* ---- the SQL functions ---- */

List *
text_array_to_list(ArrayType *array)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	List	   *result = NIL;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			result = lappend(result, TextDatumGetCString(elements[i]));
	}
	return result;
}

/*
 * SQL: cvwiz.truncate_snapshot(snapshot jsonb, max_array_length int, recent_by text)
 */
Datum
cvwiz_truncate_snapshot(PG_FUNCTION_ARGS)
{
	GivenLimits given = {0};
	SnapshotLimits limits;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	given.has_max_array_length = !PG_ARGISNULL(1);
	given.max_array_length = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	limits_resolve(&given, &limits);

	PG_RETURN_JSONB_P(reduce_truncate(PG_GETARG_JSONB_P(0), limits.max_array_length,
									  PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2))));
}

/*
 * SQL: cvwiz.compress_snapshot_metadata(snapshot jsonb, max_items int, fields text[])
 */
Datum
cvwiz_compress_snapshot_metadata(PG_FUNCTION_ARGS)
{
	int			max_items = 0;
	List	   *fields = NIL;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1))
	{
		max_items = PG_GETARG_INT32(1);
		if (max_items <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("max_items is %d, not a positive number", max_items),
					 errhint("Leave it out to keep all items.")));
	}
	if (!PG_ARGISNULL(2))
		fields = text_array_to_list(PG_GETARG_ARRAYTYPE_P(2));

	PG_RETURN_JSONB_P(reduce_to_metadata(PG_GETARG_JSONB_P(0), max_items, fields));
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
