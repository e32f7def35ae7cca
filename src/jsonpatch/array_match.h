/*-------------------------------------------------------------------------
 *
 * array_match.h
 *		Which items of two arrays are the same item.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_JSONPATCH_ARRAY_MATCH_H
#define CVWIZ_JSONPATCH_ARRAY_MATCH_H

#include "postgres.h"

#include "utils/jsonb.h"

#define NO_MATCH PG_UINT32_MAX

typedef struct ArrayMatch
{
	const JsonbValue *old_items;
	const JsonbValue *new_items;
	uint32		old_count;
	uint32		new_count;
	uint32	   *new_of_old;		/* for each old item its index in the new array, or NO_MATCH */
	uint32	   *old_of_new;
	bool	   *stays;			/* for each new item: it was there, and is not moved */
	uint32		moved;			/* how many are */
} ArrayMatch;

/*
 * Items are matched by their "id", a string or a number, where it is the only
 * one in both arrays; without such an id by their content; what is left
 * without an id, between the same two items that stay, by its place.  As many
 * matched items as can stay do.  O(n log n).
 */
extern void array_match(const JsonbValue *old_items, uint32 old_count,
						const JsonbValue *new_items, uint32 new_count, ArrayMatch *match);
extern void array_match_free(ArrayMatch *match);

#endif							/* CVWIZ_JSONPATCH_ARRAY_MATCH_H */
