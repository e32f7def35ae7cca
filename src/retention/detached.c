/*-------------------------------------------------------------------------
 *
 * detached.c
 *		The rows of cvwiz.detached_partition: partitions that runs detach,
 *		or have detached, and that are still to be dropped.
 *
 * A concurrent detach commits on its own, so its row is written before it
 * begins.  The event trigger on ALTER TABLE (follow.c) completes the row in
 * the transaction that detaches, whatever happens to the run meanwhile.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "privilege.h"
#include "query.h"
#include "retention/detached.h"

/* As one who may write the table; returns how many rows it was. */
static uint64
update_row(const char *sql, QueryArgs *args)
{
	SavedPrivileges saved;
	uint64		processed;

	become_extension_owner(&saved);
	processed = query_run_only(sql, args);
	restore_privileges(&saved);
	return processed;
}

void
detached_begin(Oid parent, const PartitionRange *partition, TimestampTz now)
{
	QueryArgs	args = {0};

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(partition->relid));
	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(parent));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(partition->range.lower));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(partition->range.upper));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now));

	update_row("INSERT INTO cvwiz.detached_partition"
			   " (relation, parent, range_start, range_end, started_at)"
			   " VALUES ($1, $2, $3, $4, $5)"
			   " ON CONFLICT (relation) DO UPDATE SET parent = excluded.parent,"
			   " range_start = excluded.range_start, range_end = excluded.range_end,"
			   " started_at = excluded.started_at, pending = false, detached_at = NULL, rows = NULL, archived = false, emptied = false",
			   &args);
}

void
detached_mark_pending(Oid relid)
{
	QueryArgs	args = {0};

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	update_row("UPDATE cvwiz.detached_partition SET pending = true WHERE relation = $1", &args);
}

bool
detached_finish(Oid relid, TimestampTz now)
{
	QueryArgs	args = {0};

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now));
	return update_row("UPDATE cvwiz.detached_partition"
					  " SET detached_at = coalesce(detached_at, $2) WHERE relation = $1",
					  &args) > 0;
}

void
detached_record_rows(Oid relid, int64 rows, bool emptied)
{
	QueryArgs	args = {0};

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	query_arg(&args, INT8OID, Int64GetDatum(rows));
	query_arg(&args, BOOLOID, BoolGetDatum(emptied));
	update_row("UPDATE cvwiz.detached_partition SET rows = $2, emptied = $3 WHERE relation = $1",
			   &args);
}

void
detached_mark_archived(Oid relid)
{
	QueryArgs	args = {0};

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	update_row("UPDATE cvwiz.detached_partition SET archived = true WHERE relation = $1", &args);
}

void
detached_forget_stale(Oid parent)
{
	QueryArgs	args = {0};

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(parent));
	update_row("DELETE FROM cvwiz.detached_partition d USING pg_catalog.pg_inherits i"
			   " WHERE i.inhrelid = d.relation AND NOT (d.pending AND i.inhdetachpending)"
			   " AND d.parent = $1 AND d.detached_at IS NULL",
			   &args);
}

void
detached_forget(Oid relid)
{
	QueryArgs	args = {0};

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	update_row("DELETE FROM cvwiz.detached_partition WHERE relation = $1", &args);
}

bool
detached_origin(Oid relid, Oid *parent, TimeRange *range, bool *emptied)
{
	QueryArgs	args = {0};
	SavedPrivileges saved;
	bool		isnull;
	bool		found;

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	become_extension_owner(&saved);
	found = query_run("SELECT d.parent::pg_catalog.oid, d.range_start, d.range_end, d.emptied"
					  " FROM cvwiz.detached_partition d"
					  " WHERE d.relation = $1 AND d.detached_at IS NOT NULL FOR UPDATE",
					  &args) > 0;
	restore_privileges(&saved);
	if (found)
	{
		*parent = DatumGetObjectId(query_value(0, 1, &isnull));
		range->lower = DatumGetTimestampTz(query_value(0, 2, &isnull));
		range->upper = DatumGetTimestampTz(query_value(0, 3, &isnull));
		*emptied = DatumGetBool(query_value(0, 4, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return found;
}

List *
detached_list(const RetentionPolicy *policy)
{
	QueryArgs	args = {0};
	SavedPrivileges saved;
	List	   *result = NIL;
	uint64		found;

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(policy->relid));
	query_arg(&args, INTERVALOID, IntervalPGetDatum(unconstify(Interval *, &policy->drop_after)));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(clock_now()));
	become_extension_owner(&saved);
	found = query_run("SELECT d.relation::pg_catalog.oid, d.range_start, d.range_end,"
					  " c.relispartition, d.pending, d.detached_at IS NOT NULL,"
					  " coalesce(cvwiz.drop_due(d.detached_at, $2) <= $3, false), d.archived, d.emptied"
					  " FROM cvwiz.detached_partition d"
					  " JOIN pg_catalog.pg_class c ON c.oid = d.relation"
					  " WHERE d.parent = $1"
					  " ORDER BY d.range_start",
					  &args);
	restore_privileges(&saved);

	for (uint64 i = 0; i < found; i++)
	{
		DetachedPartition *partition = (DetachedPartition *) palloc(sizeof(DetachedPartition));
		bool		isnull;

		partition->relid = DatumGetObjectId(query_value(i, 1, &isnull));
		partition->range.lower = DatumGetTimestampTz(query_value(i, 2, &isnull));
		partition->range.upper = DatumGetTimestampTz(query_value(i, 3, &isnull));
		partition->attached = DatumGetBool(query_value(i, 4, &isnull));
		partition->pending = DatumGetBool(query_value(i, 5, &isnull));
		partition->detached = DatumGetBool(query_value(i, 6, &isnull));
		partition->due = DatumGetBool(query_value(i, 7, &isnull));
		partition->archived = DatumGetBool(query_value(i, 8, &isnull));
		partition->emptied = DatumGetBool(query_value(i, 9, &isnull));
		result = lappend(result, partition);
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

bool
detached_is_ours(const DetachedPartition *partition)
{
	char		relkind;

	if (partition == NULL || !partition->detached || partition->attached)
		return false;
	relkind = get_rel_relkind(partition->relid);
	return relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE;
}

DetachedPartition *
detached_find(const RetentionPolicy *policy, Oid relid)
{
	ListCell   *lc;

	foreach(lc, detached_list(policy))
	{
		DetachedPartition *partition = (DetachedPartition *) lfirst(lc);

		if (partition->relid == relid)
			return partition;
	}
	return NULL;
}
