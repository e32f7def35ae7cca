/*-------------------------------------------------------------------------
 *
 * trigger.c
 *		The trigger that keeps snapshots within their limits.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "json_size.h"
#include "settings.h"
#include "snapshot/column.h"
#include "snapshot/trigger.h"
#include "snapshot/trigger_catalog.h"
#include "snapshot/row_trigger.h"
#include "stats/counters.h"

/* Of an oversized document, the keys that are named. */
#define NAMED_KEYS 5

PG_FUNCTION_INFO_V1(cvwiz_enforce_snapshot_limits);

/* What a trigger asks for, looked up once. */
typedef struct CachedTrigger
{
	TriggerCacheEntry common;
	TriggerArguments arguments;
	SnapshotKind kind;
	AttrNumber	attnum;
	Oid			domain;			/* InvalidOid: the column's type is none */
	SnapshotCounter counter;
} CachedTrigger;

static void fill_entry(TriggerCacheEntry *common, const TriggerData *trigger);

static TriggerCache cache = {"cvwiz snapshot triggers", sizeof(CachedTrigger), fill_entry, NULL, NULL};

/* ---- what the trigger was told ---- */

/* A partition's documents are counted with those of the whole. */
static void
fill_counter(CachedTrigger *entry, const TriggerData *trigger)
{
	memset(&entry->counter, 0, sizeof(SnapshotCounter));
	entry->counter.relid = trigger->tg_trigger->tgisclone ?
		trigger_root_relation(trigger->tg_trigger->tgoid) : entry->common.relid;
	entry->counter.attnum = get_attnum(entry->counter.relid, entry->arguments.column);
}

static void
fill_entry(TriggerCacheEntry *common, const TriggerData *trigger)
{
	CachedTrigger *entry = (CachedTrigger *) common;
	MemoryContext caller;
	Oid			type;

	caller = MemoryContextSwitchTo(common->context);
	trigger_parse_arguments(trigger->tg_trigger->tgnargs, trigger->tg_trigger->tgargs,
							&entry->arguments);
	MemoryContextSwitchTo(caller);

	if (get_attnum(common->relid, entry->arguments.column) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("trigger \"%s\" of table \"%s\" limits column \"%s\", which does not exist",
						trigger->tg_trigger->tgname, RelationGetRelationName(trigger->tg_relation),
						entry->arguments.column),
				 errhint("If it was renamed, cvwiz.remove_snapshot_limits() takes its old name; then add the limits to the new one.")));
	entry->kind = snapshot_column_kind(common->relid, entry->arguments.column,
									   &entry->attnum, &type);
	snapshot_check_not_generated(common->relid, entry->attnum);
	entry->domain = get_typtype(type) == TYPTYPE_DOMAIN ? type : InvalidOid;
	fill_counter(entry, trigger);
}

/* ---- the error ---- */

typedef struct KeySize
{
	JsonbValue	key;
	uint64		size;
} KeySize;

static int
compare_key_sizes(const void *a, const void *b)
{
	uint64		size_a = ((const KeySize *) a)->size;
	uint64		size_b = ((const KeySize *) b)->size;

	return size_a < size_b ? 1 : size_a > size_b ? -1 : 0;
}

/* Where the bytes are: the largest of the root's keys. */
static char *
describe_largest_keys(Jsonb *snapshot)
{
	uint32		count = JB_ROOT_COUNT(snapshot);
	JsonbIterator *it = JsonbIteratorInit(&snapshot->root);
	KeySize    *keys;
	JsonbValue	value;
	uint32		n = 0;
	StringInfoData buf;

	initStringInfo(&buf);
	if (!JB_ROOT_IS_OBJECT(snapshot))
	{
		if (JB_ROOT_IS_SCALAR(snapshot))
			appendStringInfoString(&buf, "The document is a single value.");
		else
			appendStringInfo(&buf, "The document is an array of %u items.", count);
		return buf.data;
	}

	keys = (KeySize *) palloc_extended(sizeof(KeySize) * Max(count, 1), MCXT_ALLOC_HUGE);
	(void) JsonbIteratorNext(&it, &value, true);
	while (JsonbIteratorNext(&it, &keys[n].key, true) == WJB_KEY)
	{
		(void) JsonbIteratorNext(&it, &value, true);
		keys[n++].size = json_value_text_size(&value);
		if (n == count)
			break;
	}
	qsort(keys, n, sizeof(KeySize), compare_key_sizes);

	appendStringInfoString(&buf, "Largest keys: ");
	for (uint32 i = 0; i < Min(n, NAMED_KEYS); i++)
	{
		if (i > 0)
			appendStringInfoString(&buf, ", ");
		escape_json(&buf, clipped_key(&keys[i].key));
		appendStringInfo(&buf, " (%s bytes)", size_with_commas(keys[i].size));
	}
	appendStringInfoChar(&buf, '.');
	return buf.data;
}

static void
oversize_error(Relation rel, CachedTrigger *entry, const SnapshotLimits *limits,
			   uint64 original_size, uint64 size, Jsonb *snapshot)
{
	char	   *reduced = size == original_size ? "" :
		psprintf(", and %s bytes after reduction", size_with_commas(size));

	counters_snapshot(&entry->counter, original_size, SNAPSHOT_REJECTED);
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("snapshot in column \"%s\" of table \"%s\" has %s bytes%s: the maximum is %s bytes",
					entry->arguments.column, RelationGetRelationName(rel),
					size_with_commas(original_size), reduced,
					size_with_commas(limits->max_size)),
			 errdetail_internal("%s", describe_largest_keys(snapshot)),
			 errhint("Leave parts of the document out, or let the table's owner raise the limit with cvwiz.add_snapshot_limits()."),
			 errtablecol(rel, entry->attnum)));
}

static void
tell_of_reduction(Relation rel, const CachedTrigger *entry, const Reduction *reduction)
{
	if (setting_snapshot_notice == 0)
		return;

	ereport(setting_snapshot_notice,
			(errmsg("snapshot in column \"%s\" of table \"%s\" was reduced from %s to %s bytes",
					entry->arguments.column, RelationGetRelationName(rel),
					size_with_commas(reduction->original_size),
					size_with_commas(reduction->size)),
			 errdetail("%s", reduction->compressed ?
					   "Only metadata of its items is kept." :
					   reduction->truncated ?
					   "Its long arrays have lost their older items." :
					   "White space and repeated keys are gone.")));
}

/* ---- the trigger ---- */

static void
check_called_as_trigger(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	row_trigger_check(CALLED_AS_TRIGGER(fcinfo) &&
					  TRIGGER_FIRED_BEFORE(trigger->tg_event) &&
					  TRIGGER_FIRED_FOR_ROW(trigger->tg_event) &&
					  (TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
					   TRIGGER_FIRED_BY_UPDATE(trigger->tg_event)),
					  "enforce_snapshot_limits", "BEFORE INSERT OR UPDATE", "add_snapshot_limits");
}

static SnapshotOutcome
outcome_of(const Reduction *reduction)
{
	if (reduction->compressed)
		return SNAPSHOT_METADATA_ONLY;
	return reduction->truncated ? SNAPSHOT_TRUNCATED : SNAPSHOT_WITHIN;
}

/* The document to store instead, or NULL for the one that is there. */
static Jsonb *
reduce_value(Relation rel, CachedTrigger *entry, const SnapshotLimits *limits,
			 Datum value, uint64 size)
{
	Jsonb	   *snapshot = snapshot_datum_to_jsonb(entry->kind, value);
	Reduction	reduction;
	bool		changed;

	if (entry->arguments.on_oversize == OVERSIZE_REJECT)
		oversize_error(rel, entry, limits, size, size, snapshot);

	reduce_for_storage(snapshot, limits, &entry->arguments.options,
					   entry->arguments.on_oversize == OVERSIZE_REDUCE, false, &reduction);
	if (reduction.size > (uint64) limits->max_size)
		oversize_error(rel, entry, limits, size, reduction.size, reduction.snapshot);
	counters_snapshot(&entry->counter, size, outcome_of(&reduction));

	/* A json that is too large for its white space only is stored without. */
	changed = reduction.snapshot != snapshot || size > (uint64) limits->max_size;
	if (!changed)
		return NULL;
	reduction.original_size = size;
	tell_of_reduction(rel, entry, &reduction);
	return reduction.snapshot;
}

/*
 * SQL: cvwiz.enforce_snapshot_limits() RETURNS trigger
 */
Datum
cvwiz_enforce_snapshot_limits(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	CachedTrigger *entry;
	SnapshotLimits limits;
	HeapTuple	tuple;
	Datum		value;
	bool		isnull;
	uint64		size;
	Jsonb	   *reduced;

	check_called_as_trigger(fcinfo);
	entry = (CachedTrigger *) trigger_cache_entry(&cache, trigger);
	tuple = row_trigger_tuple(trigger);
	value = heap_getattr(tuple, entry->attnum, RelationGetDescr(trigger->tg_relation), &isnull);
	if (isnull || row_trigger_is_unchanged(trigger, entry->attnum, value))
		return PointerGetDatum(tuple);

	limits_resolve(&entry->arguments.given, &limits);
	size = snapshot_datum_size(entry->kind, value);
	if (size <= (uint64) (entry->arguments.on_oversize == OVERSIZE_REJECT ?
						  limits.max_size : limits.warning_size))
	{
		counters_snapshot(&entry->counter, size, SNAPSHOT_WITHIN);
		return PointerGetDatum(tuple);
	}

	/* The trigger of the version store, which comes after us, keeps it whole. */
	if (entry->arguments.on_oversize != OVERSIZE_REJECT &&
		size <= (uint64) setting_max_original_size &&
		active_trigger(trigger->tg_relation, STORE_FUNCTION, entry->arguments.column) != NULL)
	{
		counters_snapshot(&entry->counter, size, SNAPSHOT_WITHIN);
		return PointerGetDatum(tuple);
	}

	reduced = reduce_value(trigger->tg_relation, entry, &limits, value, size);
	if (reduced == NULL)
		return PointerGetDatum(tuple);

	return PointerGetDatum(row_trigger_replace(trigger, tuple, entry->attnum, entry->domain,
											   snapshot_datum_from_jsonb(entry->kind, reduced)));
}
