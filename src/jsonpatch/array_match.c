/*-------------------------------------------------------------------------
 *
 * array_match.c
 *		Which items of two arrays are the same item.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "jsonpatch/array_match.h"
#include "jsonpatch/value.h"

/* What of both arrays is neither their common beginning nor their common end. */
typedef struct Middle
{
	ArrayMatch *match;
	uint32		old_begin;
	uint32		old_end;
	uint32		new_begin;
	uint32		new_end;
	bool	   *old_has_id;		/* an id that no other item of its array has */
	bool	   *new_has_id;
} Middle;

static void
pair(ArrayMatch *match, uint32 old_index, uint32 new_index)
{
	match->new_of_old[old_index] = new_index;
	match->old_of_new[new_index] = old_index;
}

static void
pair_in_place(ArrayMatch *match, uint32 old_index, uint32 new_index)
{
	pair(match, old_index, new_index);
	match->stays[new_index] = true;
}

/* ---- the ends ---- */

static void
match_ends(ArrayMatch *match, Middle *middle)
{
	uint32		begin = 0;
	uint32		old_end = match->old_count;
	uint32		new_end = match->new_count;

	while (begin < old_end && begin < new_end &&
		   value_is_identical(&match->old_items[begin], &match->new_items[begin]))
	{
		CHECK_FOR_INTERRUPTS();
		pair_in_place(match, begin, begin);
		begin++;
	}
	while (begin < old_end && begin < new_end &&
		   value_is_identical(&match->old_items[old_end - 1], &match->new_items[new_end - 1]))
	{
		CHECK_FOR_INTERRUPTS();
		pair_in_place(match, --old_end, --new_end);
	}

	middle->match = match;
	middle->old_begin = middle->new_begin = begin;
	middle->old_end = old_end;
	middle->new_end = new_end;
}

/* ---- hash tables of values ---- */

typedef struct ValueKey
{
	const void *bytes;
	uint32		length;
	uint32		hash;
	enum jbvType type;
} ValueKey;

/*
 * Another one in each process, so that nobody can write values that all have
 * one hash: matching would take their number squared.  Which items match does
 * not depend on it.
 */
static uint64
hash_seed(void)
{
	static uint64 seed = 0;

	while (seed == 0)
		seed = pg_prng_uint64(&pg_global_prng_state);
	return seed;
}

static ValueKey
value_key(const JsonbValue *value)
{
	ValueKey	key;

	memset(&key, 0, sizeof(key));
	key.type = value->type;
	switch (value->type)
	{
		case jbvNull:
			break;
		case jbvBool:
			key.bytes = &value->val.boolean;
			key.length = sizeof(value->val.boolean);
			break;
		case jbvString:
			key.bytes = value->val.string.val;
			key.length = value->val.string.len;
			break;
		case jbvNumeric:
			key.bytes = value->val.numeric;
			key.length = VARSIZE_ANY(value->val.numeric);
			break;
		default:
			Assert(value->type == jbvBinary);
			key.bytes = value->val.binary.data;
			key.length = value->val.binary.len;
			break;
	}
	if (key.length > 0)
		key.hash = (uint32) hash_bytes_extended(key.bytes, key.length, hash_seed());
	key.hash = hash_combine(key.hash, key.type);
	return key;
}

static uint32
hash_value_key(const void *key, Size size)
{
	return ((const ValueKey *) key)->hash;
}

static int
compare_value_keys(const void *a, const void *b, Size size)
{
	const ValueKey *key_a = (const ValueKey *) a;
	const ValueKey *key_b = (const ValueKey *) b;

	if (key_a->hash != key_b->hash || key_a->type != key_b->type ||
		key_a->length != key_b->length)
		return 1;
	return key_a->length == 0 ? 0 : memcmp(key_a->bytes, key_b->bytes, key_a->length);
}

static HTAB *
create_value_table(const char *name, Size entry_size, uint32 count)
{
	HASHCTL		control;

	memset(&control, 0, sizeof(control));
	control.keysize = sizeof(ValueKey);
	control.entrysize = entry_size;
	control.hash = hash_value_key;
	control.match = compare_value_keys;
	control.hcxt = CurrentMemoryContext;
	return hash_create(name, Max(1, count), &control,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

/* ---- by id ---- */

typedef struct IdEntry
{
	ValueKey	id;
	uint32		olds;			/* items that have it */
	uint32		news;
	uint32		old_index;		/* the last of them */
	uint32		new_index;
} IdEntry;

static bool
item_id(const JsonbValue *item, JsonbValue *id)
{
	return value_is_object(item) && value_lookup(item, "id", id) &&
		(id->type == jbvString || id->type == jbvNumeric);
}

static IdEntry *
find_id(HTAB *ids, const JsonbValue *item)
{
	JsonbValue	id;
	ValueKey	key;
	IdEntry    *entry;
	bool		found;

	if (!item_id(item, &id))
		return NULL;
	key = value_key(&id);
	entry = (IdEntry *) hash_search(ids, &key, HASH_ENTER, &found);
	if (!found)
	{
		entry->olds = entry->news = 0;
		entry->old_index = entry->new_index = NO_MATCH;
	}
	return entry;
}

static void
match_by_id(Middle *middle)
{
	ArrayMatch *match = middle->match;
	HTAB	   *ids = create_value_table("ids", sizeof(IdEntry), middle->old_end - middle->old_begin);
	IdEntry    *entry;

	for (uint32 i = middle->old_begin; i < middle->old_end; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if ((entry = find_id(ids, &match->old_items[i])) == NULL)
			continue;
		entry->olds++;
		entry->old_index = i;
	}
	for (uint32 j = middle->new_begin; j < middle->new_end; j++)
	{
		CHECK_FOR_INTERRUPTS();
		if ((entry = find_id(ids, &match->new_items[j])) == NULL)
			continue;
		entry->news++;
		entry->new_index = j;
	}

	for (uint32 i = middle->old_begin; i < middle->old_end; i++)
	{
		entry = find_id(ids, &match->old_items[i]);
		if (entry == NULL || entry->olds > 1 || entry->news > 1)
			continue;
		middle->old_has_id[i] = true;
		if (entry->news == 1)
			pair(match, i, entry->new_index);
	}
	for (uint32 j = middle->new_begin; j < middle->new_end; j++)
	{
		entry = find_id(ids, &match->new_items[j]);
		middle->new_has_id[j] = entry != NULL && entry->olds <= 1 && entry->news <= 1;
	}
	hash_destroy(ids);
}

/* ---- by content ---- */

typedef struct ContentEntry
{
	ValueKey	content;
	uint32		first;			/* old item that has it, and is not matched */
} ContentEntry;

/* Of items with the same content, the first with the first, and so on. */
static void
match_by_content(Middle *middle)
{
	ArrayMatch *match = middle->match;
	HTAB	   *contents = create_value_table("contents", sizeof(ContentEntry),
											  middle->old_end - middle->old_begin);
	uint32	   *next = (uint32 *) palloc_extended(sizeof(uint32) * (Size) match->old_count,
												  MCXT_ALLOC_HUGE);
	ContentEntry *entry;
	ValueKey	key;
	bool		found;

	for (uint32 i = middle->old_end; i-- > middle->old_begin;)
	{
		CHECK_FOR_INTERRUPTS();
		if (middle->old_has_id[i])
			continue;
		key = value_key(&match->old_items[i]);
		entry = (ContentEntry *) hash_search(contents, &key, HASH_ENTER, &found);
		next[i] = found ? entry->first : NO_MATCH;
		entry->first = i;
	}
	for (uint32 j = middle->new_begin; j < middle->new_end; j++)
	{
		CHECK_FOR_INTERRUPTS();
		if (middle->new_has_id[j])
			continue;
		key = value_key(&match->new_items[j]);
		entry = (ContentEntry *) hash_search(contents, &key, HASH_FIND, NULL);
		if (entry == NULL || entry->first == NO_MATCH)
			continue;
		pair(match, entry->first, j);
		entry->first = next[entry->first];
	}
	hash_destroy(contents);
	pfree(next);
}

/* ---- which of them stay ---- */

/*
 * As many as can: a longest increasing subsequence of the old indexes in the
 * order of the new array, by patience sorting.  tops[k] is the new item that
 * ends a subsequence of k + 1 items at the smallest old index.
 */
static void
choose_staying(Middle *middle)
{
	ArrayMatch *match = middle->match;
	Size		size = sizeof(uint32) * (Size) (middle->new_end - middle->new_begin);
	uint32	   *tops = (uint32 *) palloc_extended(size, MCXT_ALLOC_HUGE);
	uint32	   *before = (uint32 *) palloc_extended(size, MCXT_ALLOC_HUGE);
	uint32		length = 0;

	for (uint32 j = middle->new_begin; j < middle->new_end; j++)
	{
		uint32		old_index = match->old_of_new[j];
		uint32		low = 0;
		uint32		high = length;

		CHECK_FOR_INTERRUPTS();
		if (old_index == NO_MATCH)
			continue;
		while (low < high)
		{
			uint32		half = low + (high - low) / 2;

			if (match->old_of_new[tops[half]] < old_index)
				low = half + 1;
			else
				high = half;
		}
		before[j - middle->new_begin] = low > 0 ? tops[low - 1] : NO_MATCH;
		tops[low] = j;
		length = Max(length, low + 1);
		match->moved++;
	}

	match->moved -= length;
	if (length > 0)
	{
		for (uint32 j = tops[length - 1]; j != NO_MATCH; j = before[j - middle->new_begin])
			match->stays[j] = true;
	}
	pfree(tops);
	pfree(before);
}

/* ---- by place ---- */

static bool
old_item_stays(const ArrayMatch *match, uint32 old_index)
{
	return match->new_of_old[old_index] != NO_MATCH && match->stays[match->new_of_old[old_index]];
}

/*
 * What has no id and no counterpart, between two items that stay, was edited:
 * the first of the old ones became the first of the new ones, and so on.
 */
static void
match_by_place(Middle *middle)
{
	ArrayMatch *match = middle->match;
	uint32		i = middle->old_begin;

	for (uint32 j = middle->new_begin; j < middle->new_end; j++)
	{
		CHECK_FOR_INTERRUPTS();
		if (match->stays[j])
			i = match->old_of_new[j] + 1;
		if (match->old_of_new[j] != NO_MATCH || middle->new_has_id[j])
			continue;

		while (i < middle->old_end && !old_item_stays(match, i) &&
			   (match->new_of_old[i] != NO_MATCH || middle->old_has_id[i]))
			i++;
		if (i < middle->old_end && !old_item_stays(match, i))
			pair_in_place(match, i++, j);
	}
}

/* ---- all of it ---- */

/*
 * One item against one, as in arrays nested in arrays: no hash of the whole
 * content at each level.
 */
static bool
match_single_items(Middle *middle)
{
	const JsonbValue *old_item = &middle->match->old_items[middle->old_begin];
	const JsonbValue *new_item = &middle->match->new_items[middle->new_begin];
	JsonbValue	id;

	if (middle->old_end - middle->old_begin != 1 || middle->new_end - middle->new_begin != 1 ||
		item_id(old_item, &id) || item_id(new_item, &id))
		return false;
	pair_in_place(middle->match, middle->old_begin, middle->new_begin);
	return true;
}

static void
match_middle(Middle *middle)
{
	ArrayMatch *match = middle->match;

	if (middle->old_begin == middle->old_end || middle->new_begin == middle->new_end ||
		match_single_items(middle))
		return;

	middle->old_has_id = (bool *) palloc_extended(match->old_count, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	middle->new_has_id = (bool *) palloc_extended(match->new_count, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	match_by_id(middle);
	match_by_content(middle);
	choose_staying(middle);
	match_by_place(middle);
	pfree(middle->old_has_id);
	pfree(middle->new_has_id);
}

void
array_match(const JsonbValue *old_items, uint32 old_count,
			const JsonbValue *new_items, uint32 new_count, ArrayMatch *match)
{
	Size		old_size = sizeof(uint32) * Max(1, (Size) old_count);
	Size		new_size = sizeof(uint32) * Max(1, (Size) new_count);
	Middle		middle;

	match->old_items = old_items;
	match->new_items = new_items;
	match->old_count = old_count;
	match->new_count = new_count;
	match->new_of_old = (uint32 *) palloc_extended(old_size, MCXT_ALLOC_HUGE);
	match->old_of_new = (uint32 *) palloc_extended(new_size, MCXT_ALLOC_HUGE);
	match->stays = (bool *) palloc_extended(Max(1, new_count), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	match->moved = 0;
	memset(match->new_of_old, 0xFF, old_size);	/* NO_MATCH */
	memset(match->old_of_new, 0xFF, new_size);

	match_ends(match, &middle);
	match_middle(&middle);
}

void
array_match_free(ArrayMatch *match)
{
	pfree(match->new_of_old);
	pfree(match->old_of_new);
	pfree(match->stays);
}
