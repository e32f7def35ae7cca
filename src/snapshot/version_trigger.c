/*-------------------------------------------------------------------------
 *
 * version_trigger.c
 *		The triggers that put documents into the version store, and notice when
 *		their rows go.
 *
 * The document is stored before the row is.  Some rows then never come to be:
 * ON CONFLICT DO NOTHING, another trigger's veto.  So the trigger that fires
 * after the row confirms its version, and what nobody has confirmed when the
 * transaction ends is dead.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "settings.h"
#include "snapshot/column.h"
#include "snapshot/row_trigger.h"
#include "snapshot/size.h"
#include "snapshot/trigger.h"
#include "snapshot/trigger_catalog.h"
#include "snapshot/version.h"

PG_FUNCTION_INFO_V1(cvwiz_store_version);
PG_FUNCTION_INFO_V1(cvwiz_follow_version);

/* Of a NULL in a chain's column. */
#define NULL_HASH UINT64CONST(0x6e756c6c)

/* ---- what the triggers were told ---- */

typedef struct CachedStore
{
	TriggerCacheEntry common;
	StoreArguments arguments;
	AttrNumber	attnum;
	Oid			domain;			/* InvalidOid: the column's type is none */
	int			chain_count;
	AttrNumber *chain_attnums;
	uint64		chain_seed;		/* of the names */
	int32		source_id;

	/* those of the column's snapshot limits, if it has any */
	GivenLimits given;
	ReduceOptions options;
} CachedStore;

typedef struct CachedFollower
{
	TriggerCacheEntry common;
	AttrNumber	attnum;
} CachedFollower;

static void fill_store(TriggerCacheEntry *common, const TriggerData *trigger);
static void fill_follower(TriggerCacheEntry *common, const TriggerData *trigger);

static TriggerCache stores = {"cvwiz version stores", sizeof(CachedStore), fill_store, NULL, NULL};
static TriggerCache followers = {"cvwiz version followers", sizeof(CachedFollower), fill_follower, NULL, NULL};

/* For the hint: a trigger goes by the name that its column had. */
static AttrNumber
existing_column(const TriggerData *trigger, const char *column)
{
	AttrNumber	attnum = get_attnum(RelationGetRelid(trigger->tg_relation), column);

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("trigger \"%s\" of table \"%s\" names column \"%s\", which does not exist",
						trigger->tg_trigger->tgname, RelationGetRelationName(trigger->tg_relation),
						column),
				 errhint("If it was renamed or dropped, cvwiz.remove_version_store(…, restore => false) takes its old name; then add the store again.")));
	return attnum;
}

static void
append_name(StringInfo names, const char *name)
{
	appendBinaryStringInfo(names, name, strlen(name) + 1);
}

/* The names survive a dump, where numbers do not. */
static uint64
hash_names(Oid relid, const char *column)
{
	StringInfoData names;

	/* each with the zero byte at its end */
	initStringInfo(&names);
	append_name(&names, get_namespace_name(get_rel_namespace(relid)));
	append_name(&names, get_rel_name(relid));
	append_name(&names, column);
	return DatumGetUInt64(hash_any_extended((unsigned char *) names.data, names.len, 0));
}

static void
fill_chain(CachedStore *entry, const TriggerData *trigger)
{
	ListCell   *lc;
	Oid			root = trigger->tg_trigger->tgisclone ?
		trigger_root_relation(trigger->tg_trigger->tgoid) : entry->common.relid;

	entry->chain_seed = hash_names(root, entry->arguments.column);
	entry->chain_count = 0;
	entry->chain_attnums = (AttrNumber *)
		MemoryContextAlloc(entry->common.context,
						   sizeof(AttrNumber) * Max(1, list_length(entry->arguments.chain_columns)));
	foreach(lc, entry->arguments.chain_columns)
		entry->chain_attnums[entry->chain_count++] = existing_column(trigger, lfirst(lc));
}

static void
fill_store(TriggerCacheEntry *common, const TriggerData *trigger)
{
	CachedStore *entry = (CachedStore *) common;
	MemoryContext caller = MemoryContextSwitchTo(common->context);
	const Trigger *limits;
	TriggerArguments limits_arguments = {0};
	Oid			type;

	version_parse_arguments(trigger->tg_trigger->tgnargs, trigger->tg_trigger->tgargs,
							&entry->arguments);
	limits = active_trigger(trigger->tg_relation, LIMITS_FUNCTION, entry->arguments.column);
	if (limits != NULL)
		trigger_parse_arguments(limits->tgnargs, limits->tgargs, &limits_arguments);
	entry->given = limits_arguments.given;
	entry->options = limits_arguments.options;
	MemoryContextSwitchTo(caller);

	(void) existing_column(trigger, entry->arguments.column);
	version_check_column(common->relid, entry->arguments.column, &entry->attnum, &type);
	entry->domain = get_typtype(type) == TYPTYPE_DOMAIN ? type : InvalidOid;
	entry->source_id = NO_SOURCE;
	fill_chain(entry, trigger);
}

static void
fill_follower(TriggerCacheEntry *common, const TriggerData *trigger)
{
	Oid			type;

	if (trigger->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cvwiz.follow_version() takes one argument, the column"),
				 errhint("cvwiz.add_version_store() makes such a trigger.")));
	(void) existing_column(trigger, trigger->tg_trigger->tgargs[0]);
	version_check_column(common->relid, trigger->tg_trigger->tgargs[0],
						 &((CachedFollower *) common)->attnum, &type);
}

/* ---- the end of the transaction ---- */

/* Versions that no row has yet; NULL: there are none. */
static HTAB *pending = NULL;

/*
 * Chains in which there may be something to free.  Not before the end: until
 * then another statement, or a deferred trigger, may write the stub of a row
 * that is gone to another row.
 */
static HTAB *to_free = NULL;

/* Whether the transaction has been told of a stub that stands for nothing. */
static bool told_of_missing = false;

/* The extension may have been dropped since. */
static bool
store_is_there(void)
{
	Oid			namespace = get_namespace_oid("cvwiz", true);

	return OidIsValid(namespace) && OidIsValid(get_relname_relid("snapshot_version", namespace)) &&
		OidIsValid(get_relname_relid("dead_version", namespace));
}

/*
 * What a subtransaction stored that was rolled back is not there any more; and
 * a row that was changed or deleted before its trigger fired has buried its
 * version already.
 */
static void
bury_pending(void)
{
	HASH_SEQ_STATUS status;
	int64	   *id;
	StoredVersion version;

	hash_seq_init(&status, pending);
	while ((id = (int64 *) hash_seq_search(&status)) != NULL)
	{
		if (version_fetch(*id, SnapshotSelf, false, &version) && !version_is_dead(*id))
			version_insert_dead(*id);
	}
	CommandCounterIncrement();
}

static void
free_chains(void)
{
	HASH_SEQ_STATUS status;
	int64	   *chain_key;

	/* each query takes a snapshot of its own, but their planning asks for one */
	PushActiveSnapshot(GetTransactionSnapshot());
	hash_seq_init(&status, to_free);
	while ((chain_key = (int64 *) hash_seq_search(&status)) != NULL)
		version_free_chain_at_end(*chain_key);
	PopActiveSnapshot();
}

static void
end_transaction(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT || event == XACT_EVENT_PRE_PREPARE)
	{
		if (pending != NULL && store_is_there())
			bury_pending();
		if (to_free != NULL && store_is_there())
			free_chains();
		return;
	}
	pending = NULL;
	to_free = NULL;
	told_of_missing = false;
}

static void
look_at_end(void)
{
	static bool registered = false;

	if (!registered)
		RegisterXactCallback(end_transaction, NULL);
	registered = true;
}

static void
add_number(HTAB **set, const char *name, int64 number)
{
	look_at_end();
	if (*set == NULL)
	{
		HASHCTL		control;

		control.keysize = sizeof(int64);
		control.entrysize = sizeof(int64);
		control.hcxt = TopTransactionContext;
		*set = hash_create(name, 32, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	(void) hash_search(*set, &number, HASH_ENTER, NULL);
}

static bool
confirm(int64 id)
{
	return pending != NULL && hash_search(pending, &id, HASH_REMOVE, NULL) != NULL;
}

/* ---- the column of a row ---- */

static Jsonb *
document_of(const TriggerData *trigger, AttrNumber attnum, HeapTuple tuple)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, attnum, RelationGetDescr(trigger->tg_relation), &isnull);

	return isnull ? NULL : DatumGetJsonbP(value);
}

/* The row as it was; NULL: it had none, or was not there. */
static Jsonb *
old_document(const TriggerData *trigger, AttrNumber attnum)
{
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		return NULL;
	return document_of(trigger, attnum, trigger->tg_trigtuple);
}

/* ---- BEFORE: storing ---- */

static uint64
hash_value(const TriggerData *trigger, AttrNumber attnum, Datum value, uint64 seed)
{
	TypeCacheEntry *type = version_chain_type(RelationGetRelid(trigger->tg_relation), attnum);
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(trigger->tg_relation), attnum - 1);

	return DatumGetUInt64(FunctionCall2Coll(&type->hash_extended_proc_finfo, attribute->attcollation,
											value, UInt64GetDatum(seed)));
}

static int64
chain_key_of(const TriggerData *trigger, const CachedStore *entry, HeapTuple tuple)
{
	uint64		key = entry->chain_seed;

	for (int i = 0; i < entry->chain_count; i++)
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, entry->chain_attnums[i],
										 RelationGetDescr(trigger->tg_relation), &isnull);

		key = hash_combine64(key, isnull ? NULL_HASH :
							 hash_value(trigger, entry->chain_attnums[i], value, key));
	}
	return (int64) key;
}

/*
 * Who writes the stub of a row that has another document by now, or is gone,
 * would lose the document without noticing.  But a restore inserts stubs before
 * what they stand for is there, and what was never given out is no stub.
 */
static void
tell_of_missing(const TriggerData *trigger, const CachedStore *entry, int64 id)
{
	int			elevel = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? ERROR : WARNING;

	if ((told_of_missing && elevel == WARNING) || !version_was_given_out(id))
		return;
	look_at_end();
	told_of_missing = true;
	ereport(elevel,
			(errcode(elevel == ERROR ? ERRCODE_NO_DATA : ERRCODE_WARNING),
			 errmsg("column \"%s\" of table \"%s\" is given the stub of version " INT64_FORMAT ", which is not in the version store",
					entry->arguments.column, RelationGetRelationName(trigger->tg_relation), id),
			 elevel == ERROR ?
			 errhint("The row that had it has another document, or is gone. Write a document, or the stub that a row has now.") :
			 errhint("In a restore it may come yet, and nothing needs to be done. Otherwise the document is gone: write documents, or stubs that rows have."),
			 errtablecol(trigger->tg_relation, entry->attnum)));
}

/*
 * Whether the stub is that of a version that is in the store.  Its row can be
 * in another table, so what the stub should look like is only known by its
 * checksum.
 */
static bool
is_stub(const TriggerData *trigger, const CachedStore *entry, Jsonb *document, StubId *id)
{
	StoredVersion version;
	VersionStatus status;

	if (!stub_parse(document, id))
		return false;
	status = version_look(id, &version);
	if (status == VERSION_MISSING)
		tell_of_missing(trigger, entry, id->version);
	if (status != VERSION_OK)
		return false;
	if (version.stub_checksum != stub_checksum(document))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the stub of version " INT64_FORMAT " in column \"%s\" of table \"%s\" was edited",
						id->version, entry->arguments.column,
						RelationGetRelationName(trigger->tg_relation)),
				 errdetail("What was changed is metadata of the document, not the document."),
				 errhint("Change the document that cvwiz.version() gives, and store that; or write through a view of cvwiz.create_version_view()."),
				 errtablecol(trigger->tg_relation, entry->attnum)));
	return true;
}

/* An UPDATE often writes back what it has read, through a view say. */
static bool
is_old_document(const StubId *old, const Text *text)
{
	Text		old_text;

	return old->size == (int64) text->length &&
		version_read_now(old, &old_text, NULL) == VERSION_OK &&
		old_text.length == text->length &&
		memcmp(old_text.data, text->data, text->length) == 0;
}

static void
check_size(const TriggerData *trigger, const CachedStore *entry, uint64 size)
{
	if (size <= (uint64) setting_max_original_size)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("document in column \"%s\" of table \"%s\" has %s bytes: the version store takes at most %s bytes",
					entry->arguments.column, RelationGetRelationName(trigger->tg_relation),
					size_with_commas(size), size_with_commas(setting_max_original_size)),
			 errhint("Leave parts of the document out, give the column limits with cvwiz.add_snapshot_limits(), or let a superuser raise cvwiz.max_original_size."),
			 errtablecol(trigger->tg_relation, entry->attnum)));
}

static Jsonb *
store(const TriggerData *trigger, CachedStore *entry, HeapTuple tuple,
	  Jsonb *document, const Text *text, VersionCodec codec)
{
	SnapshotLimits limits;
	VersionTarget target;
	StubId		id;
	Jsonb	   *stub;

	limits_resolve(&entry->given, &limits);
	target.relid = entry->common.relid;
	target.column = entry->arguments.column;
	target.source_id = &entry->source_id;
	target.chain_key = chain_key_of(trigger, entry, tuple);
	target.with_metadata = entry->arguments.with_metadata;
	target.limits = &limits;
	target.options = &entry->options;
	stub = version_store(&target, document, text, codec, &id);

	/* Without the other trigger nobody would confirm it. */
	if (active_trigger(trigger->tg_relation, FOLLOW_FUNCTION, entry->arguments.column) != NULL)
		add_number(&pending, "cvwiz pending versions", id.version);
	return stub;
}

/*
 * What the column is to have; NULL: what it has.  A stub that is given stands
 * for its document, which gets a version of its own: each row has its own, and
 * they die one by one.
 */
static Jsonb *
stub_for(const TriggerData *trigger, CachedStore *entry, HeapTuple tuple, Jsonb *document)
{
	Jsonb	   *old_value = old_document(trigger, entry->attnum);
	StubId		old;
	StubId		id;
	bool		has_old = old_value != NULL && stub_parse(old_value, &old);
	Text		text;

	if (is_stub(trigger, entry, document, &id))
	{
		if (has_old && old.version == id.version)
			return NULL;
		(void) version_text_behind(document, &text);
		document = version_jsonb_from_store(&text);
	}
	else
	{
		check_size(trigger, entry, snapshot_text_size(document));
		text = version_text_of(document);
		check_size(trigger, entry, text.length);	/* in UTF-8 it can be longer */
	}

	if (has_old && is_old_document(&old, &text))
		return old_value;
	return store(trigger, entry, tuple, document, &text,
				 stub_parse(document, &id) ? VERSION_STUB : VERSION_ZSTD);
}

/*
 * A document from before there was a store, in a column that the UPDATE names:
 * it is written again so that it comes into the store.
 */
static bool
moves_in(const TriggerData *trigger, AttrNumber attnum, Datum value)
{
	StubId		id;

	return bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, trigger->tg_updatedcols) &&
		!stub_parse(DatumGetJsonbP(value), &id);
}

/*
 * SQL: cvwiz.store_version() RETURNS trigger
 */
Datum
cvwiz_store_version(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	CachedStore *entry;
	HeapTuple	tuple;
	Datum		value;
	bool		isnull;
	Jsonb	   *stub;

	row_trigger_check(CALLED_AS_TRIGGER(fcinfo) &&
					  TRIGGER_FIRED_BEFORE(trigger->tg_event) &&
					  TRIGGER_FIRED_FOR_ROW(trigger->tg_event) &&
					  !TRIGGER_FIRED_BY_DELETE(trigger->tg_event),
					  STORE_FUNCTION, "BEFORE INSERT OR UPDATE", "add_version_store");
	entry = (CachedStore *) trigger_cache_entry(&stores, trigger);
	tuple = row_trigger_tuple(trigger);
	value = heap_getattr(tuple, entry->attnum, RelationGetDescr(trigger->tg_relation), &isnull);
	if (isnull || (row_trigger_is_unchanged(trigger, entry->attnum, value) &&
				   !moves_in(trigger, entry->attnum, value)))
		return PointerGetDatum(tuple);

	stub = stub_for(trigger, entry, tuple, DatumGetJsonbP(value));
	if (stub == NULL)
		return PointerGetDatum(tuple);
	return PointerGetDatum(row_trigger_replace(trigger, tuple, entry->attnum, entry->domain,
											   JsonbPGetDatum(stub)));
}

/* ---- AFTER: what has become of the row ---- */

/*
 * Only a version that belongs to this very table: a stub that was copied where
 * no trigger was stands for another row's.
 */
static void
bury(const TriggerData *trigger, const StubId *id)
{
	StoredVersion version;

	if (version_look(id, &version) != VERSION_OK ||
		!version_source_is(version.source_id, RelationGetRelid(trigger->tg_relation)))
		return;

	/* not confirmed: that could not be undone if this subtransaction is rolled back */
	version_insert_dead(id->version);
	CommandCounterIncrement();

	/* Where a run of differences ends or begins, there may be one to free. */
	if (version.depth == 0 || version.depth >= MAX_DEPTH)
		add_number(&to_free, "cvwiz chains to free", version.chain_key);
}

/*
 * A stub that came after ours had their turn, out of another BEFORE trigger,
 * is that of another row: when one of the two goes, the other's document would.
 * A row that another AFTER trigger has changed or deleted already had its own.
 */
static void
refuse_foreign(const TriggerData *trigger, AttrNumber attnum, const StubId *id)
{
	const char *column = trigger->tg_trigger->tgargs[0];
	StoredVersion version;

	if (active_trigger(trigger->tg_relation, STORE_FUNCTION, column) == NULL ||
		version_look(id, &version) != VERSION_OK || version_is_dead(id->version))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("column \"%s\" of table \"%s\" was given the stub of version " INT64_FORMAT ", which is another row's",
					column, RelationGetRelationName(trigger->tg_relation), id->version),
			 errdetail("A BEFORE trigger changed the column after the version store had."),
			 errhint("Give that trigger a name that sorts before \"%s\".", STORE_NAME_PREFIX),
			 errtablecol(trigger->tg_relation, attnum)));
}

/*
 * SQL: cvwiz.follow_version() RETURNS trigger
 */
Datum
cvwiz_follow_version(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	AttrNumber	attnum;
	Jsonb	   *document;
	StubId		old;
	StubId		new;
	bool		has_old;
	bool		has_new;

	row_trigger_check(CALLED_AS_TRIGGER(fcinfo) &&
					  TRIGGER_FIRED_AFTER(trigger->tg_event) &&
					  TRIGGER_FIRED_FOR_ROW(trigger->tg_event),
					  FOLLOW_FUNCTION, "AFTER INSERT OR UPDATE OR DELETE", "add_version_store");
	attnum = ((CachedFollower *) trigger_cache_entry(&followers, trigger))->attnum;

	document = old_document(trigger, attnum);
	has_old = document != NULL && stub_parse(document, &old);
	document = TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ? NULL :
		document_of(trigger, attnum, row_trigger_tuple(trigger));
	has_new = document != NULL && stub_parse(document, &new);

	if (has_new && has_old && new.version == old.version)
		return PointerGetDatum(NULL);
	if (has_new && !confirm(new.version))
		refuse_foreign(trigger, attnum, &new);
	if (has_old)
		bury(trigger, &old);
	return PointerGetDatum(NULL);
}
