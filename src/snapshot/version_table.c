/*-------------------------------------------------------------------------
 *
 * version_table.c
 *		The rows of the version store.
 *
 * Rows are looked up with SnapshotSelf unless the caller has a reason for
 * another: what a version stands for never changes, so it does not matter
 * whether its row is newer than the statement, and neither does SERIALIZABLE
 * have to watch for it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "commands/sequence.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "clock.h"
#include "privilege.h"
#include "snapshot/version.h"

/* Columns, as sql/version.sql has them. */
enum
{
	Anum_version_id = 1,
	Anum_version_base_id,
	Anum_version_chain_key,
	Anum_version_access_key,
	Anum_version_created_at,
	Anum_version_source_id,
	Anum_version_raw_length,
	Anum_version_checksum,
	Anum_version_stub_checksum,
	Anum_version_depth,
	Anum_version_codec,
	Anum_version_content,
	Natts_version = Anum_version_content
};

enum
{
	Anum_source_id = 1,
	Anum_source_relation,
	Anum_source_column,
	Natts_source = Anum_source_column
};

/* Of a chain's newest versions, those that are tried as a base. */
#define BASE_CANDIDATES 4

/* ---- reading ---- */

static void
read_row(Relation rel, HeapTuple tuple, bool with_content, StoredVersion *version)
{
	Datum		values[Natts_version];
	bool		nulls[Natts_version];

	heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
#define VALUE(column) values[Anum_version_##column - 1]
	version->id = DatumGetInt64(VALUE(id));
	version->base_id = nulls[Anum_version_base_id - 1] ? NO_VERSION : DatumGetInt64(VALUE(base_id));
	version->chain_key = DatumGetInt64(VALUE(chain_key));
	memcpy(&version->key, DatumGetPointer(VALUE(access_key)), UUID_LEN);
	version->source_id = DatumGetInt32(VALUE(source_id));
	version->raw_length = DatumGetInt32(VALUE(raw_length));
	version->checksum = (uint32) DatumGetInt32(VALUE(checksum));
	version->stub_checksum = (uint32) DatumGetInt32(VALUE(stub_checksum));
	version->depth = DatumGetInt16(VALUE(depth));
	version->codec = (VersionCodec) DatumGetInt16(VALUE(codec));
	version->content = with_content ? DatumGetByteaPCopy(VALUE(content)) : NULL;
#undef VALUE
	version->tid = tuple->t_self;
}

bool
version_scan_fetch(VersionScan *scan, int64 id, bool with_content, StoredVersion *version)
{
	ScanKeyData key;
	HeapTuple	tuple;

	/* the number is the first column of the table as of its index */
	ScanKeyInit(&key, Anum_version_id, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
	if (scan->rel == NULL)
	{
		Oid			index;

		scan->rel = table_open(extension_table("snapshot_version"), AccessShareLock);
		index = get_relname_relid("snapshot_version_pkey", RelationGetNamespace(scan->rel));
		scan->scan = systable_beginscan(scan->rel, index, OidIsValid(index), scan->snapshot, 1, &key);
	}
	else if (scan->scan->iscan != NULL)
		index_rescan(scan->scan->iscan, &key, 1, NULL, 0);
	else
		table_rescan(scan->scan->scan, &key);

	tuple = systable_getnext(scan->scan);
	if (!HeapTupleIsValid(tuple))
		return false;
	read_row(scan->rel, tuple, with_content, version);
	return true;
}

void
version_scan_end(VersionScan *scan)
{
	if (scan->rel == NULL)
		return;
	systable_endscan(scan->scan);
	table_close(scan->rel, AccessShareLock);
	scan->rel = NULL;
}

bool
version_fetch(int64 id, Snapshot snapshot, bool with_content, StoredVersion *version)
{
	VersionScan scan = {.snapshot = snapshot};
	bool		found = version_scan_fetch(&scan, id, with_content, version);

	version_scan_end(&scan);
	return found;
}

/* As version_read_now(): SnapshotSelf can miss a row that somebody is just storing anew. */
VersionStatus
version_look(const StubId *id, StoredVersion *version)
{
	if (!version_fetch(id->version, SnapshotSelf, false, version) &&
		!(ActiveSnapshotSet() && version_fetch(id->version, GetActiveSnapshot(), false, version)) &&
		!version_fetch(id->version, NULL, false, version))
		return VERSION_MISSING;
	return memcmp(&version->key, &id->key, UUID_LEN) == 0 ? VERSION_OK : VERSION_FORBIDDEN;
}

/*
 * The lock keeps the row from being freed, and the one that somebody may be
 * replacing it with.  One that is being freed, or was stored anew just now, is
 * passed over: nobody waits for a base.
 */
static bool
lock_row(Relation rel, ItemPointer tid)
{
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TM_FailureData failure;
	TM_Result	result;

	result = table_tuple_lock(rel, tid, SnapshotSelf, slot, GetCurrentCommandId(true),
							  LockTupleKeyShare, LockWaitSkip,
							  TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS, &failure);
	ExecDropSingleTupleTableSlot(slot);
	return result == TM_Ok;
}

bool
version_fetch_base(int64 chain_key, StoredVersion *version)
{
	Relation	rel = table_open(extension_table("snapshot_version"), RowShareLock);
	Relation	index = index_open(get_relname_relid("snapshot_version_chain", RelationGetNamespace(rel)),
								   AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, Anum_version_chain_key, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(chain_key));
	scan = systable_beginscan_ordered(rel, index, SnapshotSelf, 1, &key);
	for (int i = 0; !found && i < BASE_CANDIDATES; i++)
	{
		tuple = systable_getnext_ordered(scan, BackwardScanDirection);
		if (!HeapTupleIsValid(tuple))
			break;
		read_row(rel, tuple, true, version);
		if (version->depth >= MAX_DEPTH)
			break;
		found = version->codec != VERSION_STUB && lock_row(rel, &version->tid);
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(rel, NoLock);
	return found;
}

/* ---- writing ---- */

/* Where the sequence has further to go, it is set. */
#define MAX_STEPS 1000

static int64
newest_id(void)
{
	Relation	rel = table_open(extension_table("snapshot_version"), AccessShareLock);
	Relation	index = index_open(get_relname_relid("snapshot_version_pkey", RelationGetNamespace(rel)),
								   AccessShareLock);
	SysScanDesc scan = systable_beginscan_ordered(rel, index, SnapshotSelf, 0, NULL);
	HeapTuple	tuple = systable_getnext_ordered(scan, BackwardScanDirection);
	int64		id = NO_VERSION;
	bool		isnull;

	if (HeapTupleIsValid(tuple))
		id = DatumGetInt64(heap_getattr(tuple, Anum_version_id, RelationGetDescr(rel), &isnull));
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
	return id;
}

/* One at a time, and never back: what others have taken stays behind. */
static int64
skip_to(Oid sequence, int64 id)
{
	SavedPrivileges saved;
	int64		next;

	LockDatabaseObject(RelationRelationId, sequence, 1, ExclusiveLock);
	next = nextval_internal(sequence, false);
	if (id - next > MAX_STEPS)
	{
		become_extension_owner(&saved);
		(void) DirectFunctionCall2(setval_oid, ObjectIdGetDatum(sequence), Int64GetDatum(id));
		restore_privileges(&saved);
		next = nextval_internal(sequence, false);
	}
	UnlockDatabaseObject(RelationRelationId, sequence, 1, ExclusiveLock);
	return next;
}

/*
 * The sequence is behind while a dump is restored, which sets it last, and
 * where the store was replicated.
 */
int64
version_next_id(int64 after)
{
	Oid			sequence = extension_table("snapshot_version_id");
	int64		id = nextval_internal(sequence, false);
	StoredVersion other;

	for (;;)
	{
		if (id <= after)
			id = skip_to(sequence, after);
		else if (version_fetch(id, SnapshotSelf, false, &other))
			after = newest_id();
		else
			return id;
		CHECK_FOR_INTERRUPTS();
	}
}

static void
insert_row(const char *table, Datum *values, bool *nulls)
{
	Relation	rel = table_open(extension_table(table), RowExclusiveLock);
	HeapTuple	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);

	CatalogTupleInsert(rel, tuple);
	heap_freetuple(tuple);
	table_close(rel, NoLock);
}

void
version_insert(const StoredVersion *version)
{
	Datum		values[Natts_version];
	bool		nulls[Natts_version] = {false};

#define VALUE(column) values[Anum_version_##column - 1]
	VALUE(id) = Int64GetDatum(version->id);
	VALUE(base_id) = Int64GetDatum(version->base_id);
	nulls[Anum_version_base_id - 1] = version->base_id == NO_VERSION;
	VALUE(chain_key) = Int64GetDatum(version->chain_key);
	VALUE(access_key) = PointerGetDatum(&version->key);
	VALUE(created_at) = TimestampTzGetDatum(clock_now());
	VALUE(source_id) = Int32GetDatum(version->source_id);
	VALUE(raw_length) = Int32GetDatum(version->raw_length);
	VALUE(checksum) = Int32GetDatum((int32) version->checksum);
	VALUE(stub_checksum) = Int32GetDatum((int32) version->stub_checksum);
	VALUE(depth) = Int16GetDatum((int16) version->depth);
	VALUE(codec) = Int16GetDatum((int16) version->codec);
	VALUE(content) = PointerGetDatum(version->content);
#undef VALUE
	insert_row("snapshot_version", values, nulls);
}

void
version_insert_dead(int64 id)
{
	Datum		value = Int64GetDatum(id);
	bool		isnull = false;

	insert_row("dead_version", &value, &isnull);
}

bool
version_is_dead(int64 id)
{
	Relation	rel = table_open(extension_table("dead_version"), AccessShareLock);
	Oid			index = get_relname_relid("dead_version_version_id", RelationGetNamespace(rel));
	ScanKeyData key;
	SysScanDesc scan;
	bool		found;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
	scan = systable_beginscan(rel, index, OidIsValid(index), SnapshotSelf, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* ---- tables ---- */

static bool
find_source(Oid relid, const char *column, int32 *source_id)
{
	Relation	rel = table_open(extension_table("version_source"), AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, Anum_source_relation, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, InvalidOid, false, SnapshotSelf, 1, &key);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		values[Natts_source];
		bool		nulls[Natts_source];

		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		*source_id = DatumGetInt32(values[Anum_source_id - 1]);
		found = strcmp(NameStr(*DatumGetName(values[Anum_source_column - 1])), column) == 0;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return found;
}

/* At random, for the rows of a dump may come later, and have their numbers. */
static int32
new_source_id(void)
{
	uint32		number;

	if (!pg_strong_random(&number, sizeof(number)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a number for a table with versions")));
	return (int32) Max(number & PG_INT32_MAX, 1);
}

/*
 * Two sessions that are the first ones at the same time each add a row: a
 * unique index would make one wait for the other.
 */
void
version_source(Oid relid, const char *column, int32 *source_id)
{
	Datum		values[Natts_source];
	bool		nulls[Natts_source] = {false};
	NameData	name;

	if ((*source_id != NO_SOURCE && version_source_is(*source_id, relid)) ||
		find_source(relid, column, source_id))
		return;

	*source_id = new_source_id();
	namestrcpy(&name, column);
	values[Anum_source_id - 1] = Int32GetDatum(*source_id);
	values[Anum_source_relation - 1] = ObjectIdGetDatum(relid);
	values[Anum_source_column - 1] = NameGetDatum(&name);
	insert_row("version_source", values, nulls);
}

bool
version_source_is(int32 source_id, Oid relid)
{
	Relation	rel = table_open(extension_table("version_source"), AccessShareLock);
	Oid			index = get_relname_relid("version_source_pkey", RelationGetNamespace(rel));
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		result = false;

	ScanKeyInit(&key, Anum_source_id, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(source_id));
	scan = systable_beginscan(rel, index, OidIsValid(index), SnapshotSelf, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, Anum_source_relation, RelationGetDescr(rel), &isnull);

		result = !isnull && DatumGetObjectId(value) == relid;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}
