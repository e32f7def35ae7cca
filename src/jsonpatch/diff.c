/*-------------------------------------------------------------------------
 *
 * diff.c
 *		The JSON patch that makes one document of another.
 *
 * Takes O(n log n) for n values in containers that differ; containers that are
 * the same are compared as bytes, once at each level that they are nested in.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "compat.h"
#include "json_size.h"
#include "jsonpatch/array_match.h"
#include "jsonpatch/edit.h"
#include "jsonpatch/jsonpatch.h"
#include "jsonpatch/value.h"

PG_FUNCTION_INFO_V1(cvwiz_jsonb_diff);

static uint64 diff_values(EditList *list, const JsonbValue *old_value, const JsonbValue *new_value,
						  const EditPath *path);

/* What a container's text has beside the texts of its n parts. */
static uint64
punctuation_size(uint32 n)
{
	return 2 + (n > 1 ? ((uint64) n - 1) * 2 : 0);
}

/* ---- objects ---- */

static uint64
diff_objects(EditList *list, const JsonbValue *old_object, const JsonbValue *new_object,
			 const EditPath *path)
{
	uint32		old_count;
	uint32		new_count;
	ValueMember *olds = value_members(old_object, &old_count);
	ValueMember *news = value_members(new_object, &new_count);
	uint64		size = punctuation_size(new_count);
	uint32		i = 0;
	uint32		j = 0;

	while (i < old_count || j < new_count)
	{
		int			order = i == old_count ? 1 : j == new_count ? -1 :
			value_compare_members(&olds[i], &news[j]);
		EditPath   *here;
		uint64		value_size;

		CHECK_FOR_INTERRUPTS();
		if (order < 0)
		{
			edit_remove(list, edit_path_key(path, &olds[i++].key));
			continue;
		}

		here = edit_path_key(path, &news[j].key);
		if (order == 0)
			value_size = diff_values(list, &olds[i++].value, &news[j].value, here);
		else
		{
			value_size = json_value_text_size(&news[j].value);
			edit_add(list, here, &news[j].value, value_size);
		}
		size += json_value_text_size(&news[j].key) + 2 + value_size;
		j++;
	}
	pfree(olds);
	pfree(news);
	return size;
}

/* ---- arrays ---- */

/*
 * How many old items that are not yet placed are before one: a binary indexed
 * tree (Fenwick 1994), whose node i counts the i & -i items that end at item
 * i - 1.  Without moves there is none, as nobody asks.
 */
typedef struct Waiting
{
	uint32	   *tree;
	uint32		count;
} Waiting;

static void
change_waiting(Waiting *waiting, uint32 old_index, int change)
{
	if (waiting->tree == NULL)
		return;
	for (uint64 node = (uint64) old_index + 1; node <= waiting->count; node += node & -node)
		waiting->tree[node] += change;
}

static uint32
waiting_before(const Waiting *waiting, uint32 old_index)
{
	uint32		sum = 0;

	if (waiting->tree == NULL)
		return 0;
	for (uint32 node = old_index; node > 0; node -= node & -node)
		sum += waiting->tree[node];
	return sum;
}

static void
init_waiting(Waiting *waiting, const ArrayMatch *match)
{
	waiting->count = match->old_count;
	waiting->tree = NULL;
	if (match->moved == 0)
		return;
	waiting->tree = (uint32 *) palloc_extended(sizeof(uint32) * ((Size) match->old_count + 1),
											   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < match->old_count; i++)
	{
		if (match->new_of_old[i] != NO_MATCH)
			change_waiting(waiting, i, 1);
	}
}

/*
 * For each old item the new index of the first one behind it that stays: all
 * new items before that one are placed before it.
 */
static uint32 *
find_next_staying(const ArrayMatch *match)
{
	uint32	   *next = (uint32 *) palloc_extended(sizeof(uint32) * (Size) match->old_count,
												  MCXT_ALLOC_HUGE);
	uint32		staying = match->new_count;

	for (uint32 i = match->old_count; i-- > 0;)
	{
		uint32		j = match->new_of_old[i];

		next[i] = staying;
		if (j != NO_MATCH && match->stays[j])
			staying = j;
	}
	return next;
}

static void
remove_items(EditList *list, const ArrayMatch *match, const EditPath *path)
{
	/* the last first: the others keep their indexes */
	for (uint32 i = match->old_count; i-- > 0;)
	{
		CHECK_FOR_INTERRUPTS();
		if (match->new_of_old[i] == NO_MATCH)
			edit_remove(list, edit_path_item(path, i));
	}
}

/*
 * Adds and moves, from the first new item to the last, each to right behind
 * the one before it.  So when the first j are placed, what waits to be moved
 * stands among them where it stood among the items that stay: what was before
 * the last of these is before what is placed now, the rest behind it.
 */
static uint64
place_items(EditList *list, const ArrayMatch *match, const EditPath *path)
{
	Waiting		waiting;
	uint32	   *next_staying = match->moved > 0 ? find_next_staying(match) : NULL;
	uint32		last_staying = 0;	/* its old index */
	uint64		added_size = 0;

	init_waiting(&waiting, match);
	for (uint32 j = 0; j < match->new_count; j++)
	{
		uint32		old_index = match->old_of_new[j];
		uint32		from;
		uint32		to;

		CHECK_FOR_INTERRUPTS();
		if (match->stays[j])
		{
			last_staying = old_index;
			change_waiting(&waiting, old_index, -1);
			continue;
		}
		if (old_index == NO_MATCH)
		{
			uint64		size = json_value_text_size(&match->new_items[j]);

			edit_add(list, edit_path_item(path, j + waiting_before(&waiting, last_staying)),
					 &match->new_items[j], size);
			added_size += size;
			continue;
		}

		from = Min(j, next_staying[old_index]) + waiting_before(&waiting, old_index);
		change_waiting(&waiting, old_index, -1);
		to = j + waiting_before(&waiting, last_staying);
		if (from != to)
			edit_move(list, edit_path_item(path, from), edit_path_item(path, to));
	}

	if (match->moved > 0)
	{
		pfree(next_staying);
		pfree(waiting.tree);
	}
	return added_size;
}

static uint64
edit_items(EditList *list, const ArrayMatch *match, const EditPath *path)
{
	uint64		size = 0;

	for (uint32 j = 0; j < match->new_count; j++)
	{
		CHECK_FOR_INTERRUPTS();
		if (match->old_of_new[j] != NO_MATCH)
			size += diff_values(list, &match->old_items[match->old_of_new[j]],
								&match->new_items[j], edit_path_item(path, j));
	}
	return size;
}

/* First the items come into place, then each is edited where it is then. */
static uint64
diff_arrays(EditList *list, const JsonbValue *old_array, const JsonbValue *new_array,
			const EditPath *path)
{
	uint32		old_count;
	uint32		new_count;
	JsonbValue *old_items = value_items(old_array, &old_count);
	JsonbValue *new_items = value_items(new_array, &new_count);
	ArrayMatch	match;
	uint64		size = punctuation_size(new_count);

	array_match(old_items, old_count, new_items, new_count, &match);
	remove_items(list, &match, path);
	size += place_items(list, &match, path);
	size += edit_items(list, &match, path);

	array_match_free(&match);
	pfree(old_items);
	pfree(new_items);
	return size;
}

/* ---- all of it ---- */

/*
 * Appends what makes the new value of the old one, at most as long as its
 * replacement.  Returns the size of the new value's text.
 */
static uint64
diff_values(EditList *list, const JsonbValue *old_value, const JsonbValue *new_value,
			const EditPath *path)
{
	uint64		count = list->count;
	uint64		text_size = list->text_size;
	uint64		size;

	check_stack_depth();

	if (value_is_identical(old_value, new_value))
		return json_value_text_size(new_value);

	if (value_is_object(old_value) && value_is_object(new_value))
		size = diff_objects(list, old_value, new_value, path);
	else if (value_is_array(old_value) && value_is_array(new_value))
		size = diff_arrays(list, old_value, new_value, path);
	else
	{
		size = json_value_text_size(new_value);
		edit_replace(list, path, new_value, size);
		return size;
	}

	if (list->text_size - text_size > edit_replace_size(path, size))
	{
		edit_list_truncate(list, count, text_size);
		edit_replace(list, path, new_value, size);
	}
	return size;
}

Jsonb *
jsonpatch_diff(Jsonb *old_document, Jsonb *new_document)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "JSON diff",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	JsonbValue	old_value = value_of_root(old_document);
	JsonbValue	new_value = value_of_root(new_document);
	EditList	list;
	Jsonb	   *patch;

	edit_list_init(&list);
	(void) diff_values(&list, &old_value, &new_value, edit_path_root());
	patch = edit_list_to_jsonb(&list);

	MemoryContextSwitchTo(caller);
	patch = value_copy_jsonb(patch);
	MemoryContextDelete(context);
	return patch;
}

/*
 * SQL: cvwiz.jsonb_diff(old jsonb, new jsonb) RETURNS jsonb
 */
Datum
cvwiz_jsonb_diff(PG_FUNCTION_ARGS)
{
	PG_RETURN_JSONB_P(jsonpatch_diff(PG_GETARG_JSONB_P(0), PG_GETARG_JSONB_P(1)));
}
