/*-------------------------------------------------------------------------
 *
 * reduce.c
 *		Making a snapshot smaller: shorter arrays, then metadata only.
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
#include "snapshot/item.h"
#include "snapshot/reduce.h"
#include "snapshot/size.h"

PG_FUNCTION_INFO_V1(cvwiz_truncate_snapshot);
PG_FUNCTION_INFO_V1(cvwiz_compress_snapshot_metadata);

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
	int			result = item_compare_scalars(&item_b->value, &item_a->value);

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
keeps_key(const Metadata *metadata, ObjectPlace place, const JsonbValue *key)
{
	ListCell   *lc;

	if (place == OBJECT_ROOT || item_key_is(key, "id") ||
		(place == OBJECT_ITEM && item_key_is(key, "order")))
		return true;
	foreach(lc, metadata->fields)
	{
		if (item_key_is(key, (char *) lfirst(lc)))
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
			(place == OBJECT_ROOT && item_key_is(&key, REDUCED_KEY)))
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
