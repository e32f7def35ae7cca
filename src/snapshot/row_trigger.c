/*-------------------------------------------------------------------------
 *
 * row_trigger.c
 *		What the triggers for each row have in common.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "snapshot/row_trigger.h"

/* ---- what they were told ---- */

static TriggerCache *caches = NULL;

/* Whatever happened to the relation: its columns, its triggers. */
static void
invalidate(Datum arg, Oid relid)
{
	for (TriggerCache *cache = caches; cache != NULL; cache = cache->next)
	{
		HASH_SEQ_STATUS status;
		TriggerCacheEntry *entry;

		hash_seq_init(&status, cache->entries);
		while ((entry = (TriggerCacheEntry *) hash_seq_search(&status)) != NULL)
		{
			if (!OidIsValid(relid) || entry->relid == relid)
				entry->valid = false;
		}
	}
}

static void
init_cache(TriggerCache *cache)
{
	HASHCTL		control;

	control.keysize = sizeof(Oid);
	control.entrysize = cache->entry_size;
	cache->entries = hash_create(cache->name, 16, &control, HASH_ELEM | HASH_BLOBS);
	if (caches == NULL)
		CacheRegisterRelcacheCallback(invalidate, (Datum) 0);
	cache->next = caches;
	caches = cache;
}

TriggerCacheEntry *
trigger_cache_entry(TriggerCache *cache, const TriggerData *trigger)
{
	TriggerCacheEntry *entry;
	bool		found;

	if (cache->entries == NULL)
		init_cache(cache);

	entry = (TriggerCacheEntry *) hash_search(cache->entries, &trigger->tg_trigger->tgoid,
											  HASH_ENTER, &found);
	if (!found)
	{
		entry->valid = false;
		entry->context = NULL;
	}
	if (entry->valid)
		return entry;

	/* invalid until it is whole: reading the arguments may fail */
	if (entry->context != NULL)
		MemoryContextDelete(entry->context);
	entry->context = NULL;
	entry->context = AllocSetContextCreate(CacheMemoryContext, "cvwiz trigger",
										   ALLOCSET_SMALL_SIZES);
	entry->relid = RelationGetRelid(trigger->tg_relation);
	cache->fill(entry, trigger);
	entry->valid = true;
	return entry;
}

/* ---- the row ---- */

HeapTuple
row_trigger_tuple(const TriggerData *trigger)
{
	return TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ?
		trigger->tg_newtuple : trigger->tg_trigtuple;
}

bool
row_trigger_is_unchanged(const TriggerData *trigger, AttrNumber attnum, Datum value)
{
	Datum		old_value;
	bool		isnull;

	if (!TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		return false;
	old_value = heap_getattr(trigger->tg_trigtuple, attnum,
							 RelationGetDescr(trigger->tg_relation), &isnull);
	return !isnull && datumIsEqual(old_value, value, false, -1);
}

HeapTuple
row_trigger_replace(const TriggerData *trigger, HeapTuple tuple,
					AttrNumber attnum, Oid domain, Datum value)
{
	int			column = attnum;
	bool		isnull = false;

	if (OidIsValid(domain))
		domain_check(value, false, domain, NULL, NULL);
	return heap_modify_tuple_by_cols(tuple, RelationGetDescr(trigger->tg_relation),
									 1, &column, &value, &isnull);
}

void
row_trigger_check(bool fits, const char *function,
				  const char *events, const char *maker)
{
	if (fits)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("cvwiz.%s() was not fired by %s %s trigger FOR EACH ROW",
					function, strchr("AI", events[0]) != NULL ? "an" : "a", events),
			 errhint("cvwiz.%s() makes such a trigger.", maker)));
}
