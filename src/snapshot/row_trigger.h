/*-------------------------------------------------------------------------
 *
 * row_trigger.h
 *		What the triggers for each row have in common: what they were told, read
 *		once in a session, and the column that they are about.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_ROW_TRIGGER_H
#define CVWIZ_ROW_TRIGGER_H

#include "postgres.h"

#include "access/attnum.h"
#include "access/htup.h"
#include "commands/trigger.h"
#include "utils/hsearch.h"

/* The beginning of each entry. */
typedef struct TriggerCacheEntry
{
	Oid			trigger;		/* the hash key */
	Oid			relid;
	bool		valid;
	MemoryContext context;		/* for what the entry points to */
} TriggerCacheEntry;

typedef struct TriggerCache
{
	const char *name;
	Size		entry_size;

	/*
	 * Fills in all but the beginning; it may fail.  Whatever happens to the
	 * relation, its columns or triggers, makes the entry be filled anew.
	 */
	void		(*fill) (TriggerCacheEntry *entry, const TriggerData *trigger);
	HTAB	   *entries;
	struct TriggerCache *next;
} TriggerCache;

extern TriggerCacheEntry *trigger_cache_entry(TriggerCache *cache, const TriggerData *trigger);

/* The row as it is to be. */
extern HeapTuple row_trigger_tuple(const TriggerData *trigger);

/*
 * Whether an UPDATE leaves a value that is not null alone.  It hands such a
 * column on as it is stored, so the bytes are compared, or the pointer into
 * the TOAST table is, and nothing is fetched.
 */
extern bool row_trigger_is_unchanged(const TriggerData *trigger, AttrNumber attnum, Datum value);

/*
 * The row with another value, checked against the column's domain, where it
 * is of one.  That check can run anything, these triggers too, which can fill
 * an entry anew: the caller's is not to be looked at any more.
 */
extern HeapTuple row_trigger_replace(const TriggerData *trigger, HeapTuple tuple,
									 AttrNumber attnum, Oid domain, Datum value);

/* ERROR 39P01 unless it was fired FOR EACH ROW. */
extern void row_trigger_check(bool fits, const char *function,
							  const char *events, const char *maker);

#endif							/* CVWIZ_ROW_TRIGGER_H */
