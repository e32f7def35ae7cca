/*-------------------------------------------------------------------------
 *
 * sample.c
 *		What a table with a policy is like now, found out without reading it:
 *		for the hourly samples, and for the views where there is none.
 *
 * Each part is measured in a subtransaction that is rolled back: a sample of
 * many tables holds the locks of one at a time.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "privilege.h"
#include "query.h"
#include "retention/bounds.h"
#include "retention/plan.h"
#include "retention/policy.h"
#include "stats/size_sample.h"
#include "stats/tree_size.h"

/* A table that is smaller may be read for its oldest record. */
#define CHEAP_BLOCKS 1000

PG_FUNCTION_INFO_V1(cvwiz_sample_policies);
PG_FUNCTION_INFO_V1(cvwiz_audit_figures);

typedef struct Figures
{
	Oid			relid;
	TimestampTz now;
	TreeSize	size;
	RetentionPolicy *policy;	/* NULL: it does not fit the table any more */
	List	   *partitions;
	TimestampTz covered_until;	/* of a partitioned table */

	/* of the records; unknown where that would take reading the table */
	bool		has_oldest;
	bool		has_newest;
	TimestampTz oldest;
	TimestampTz newest;
} Figures;

/* ---- size, partitions ---- */

static void
measure_size(void *arg)
{
	Figures    *figures = (Figures *) arg;
	SavedPrivileges saved;

	if (!lock_as_owner(figures->relid, AccessShareLock, &saved))
		relation_gone_error(figures->relid);
	tree_size_measure(figures->relid, &figures->size);
	restore_privileges(&saved);
}

/* Where the rows of now, and all later ones up to it, have a partition. */
static TimestampTz
covered_until(List *partitions, TimestampTz now)
{
	TimestampTz covered = now;
	ListCell   *lc;

	foreach(lc, partitions)
	{
		PartitionRange *partition = (PartitionRange *) lfirst(lc);

		if (partition->is_default || partition->range.upper <= covered)
			continue;
		if (partition->range.lower > covered)
			break;
		covered = partition->range.upper;
	}
	return covered > now ? covered : DT_NOBEGIN;
}

static void
measure_policy(void *arg)
{
	Figures    *figures = (Figures *) arg;
	RetentionPolicy *policy = policy_require(figures->relid);

	if (policy->column.partitioned)
	{
		figures->partitions = partition_ranges(figures->relid);
		figures->covered_until = covered_until(figures->partitions, figures->now);
	}
	figures->policy = policy;
}

/* ---- the oldest and the newest record ---- */

typedef struct Extreme
{
	bool		newest;			/* or the oldest */
	bool		found;
	TimestampTz time;
} Extreme;

static void
extreme_add(Extreme *extreme, TimestampTz time)
{
	if (!extreme->found ||
		(extreme->newest ? time > extreme->time : time < extreme->time))
		extreme->time = time;
	extreme->found = true;
}

/* False: finding out would be slow, or ask another server. */
static bool
leaf_extreme(const Figures *figures, Oid relid, Extreme *extreme)
{
	const TimeColumn *column = &figures->policy->column;
	const LeafSize *leaf = tree_size_leaf(&figures->size, relid);
	Datum		value;
	bool		isnull;

	if (leaf == NULL)
		return false;
	if (leaf->blocks == 0)
		return true;
	if (leaf->blocks >= CHEAP_BLOCKS && !purge_is_ordered(relid, column))
		return false;

	LockRelationOid(relid, AccessShareLock);
	if (get_rel_name(relid) == NULL)
		return true;
	query_run(psprintf("SELECT pg_catalog.%s(%s) FROM ONLY %s",
					   extreme->newest ? "max" : "min",
					   quote_identifier(NameStr(column->name)),
					   qualified_relation_name(relid)),
			  NULL);
	value = query_value(0, 1, &isnull);
	if (!isnull)
		extreme_add(extreme, time_from_datum(value, column->type));
	SPI_freetuptable(SPI_tuptable);
	return true;
}

static bool
partition_extreme(const Figures *figures, Oid relid, Extreme *extreme)
{
	ListCell   *lc;

	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		CHECK_FOR_INTERRUPTS();
		if (get_rel_relkind(lfirst_oid(lc)) != RELKIND_PARTITIONED_TABLE &&
			!leaf_extreme(figures, lfirst_oid(lc), extreme))
			return false;
	}
	return true;
}

/*
 * Partitions are in order: the first one with rows has the oldest, unless the
 * DEFAULT partition has.
 */
static bool
table_extreme(const Figures *figures, Extreme *extreme)
{
	int			count = list_length(figures->partitions);
	Extreme		in_default = *extreme;

	if (!figures->policy->column.partitioned)
		return leaf_extreme(figures, figures->relid, extreme);

	for (int i = 0; i < count; i++)
	{
		PartitionRange *partition = (PartitionRange *)
			list_nth(figures->partitions, extreme->newest ? count - 1 - i : i);

		if (partition->is_default)
		{
			if (!partition_extreme(figures, partition->relid, &in_default))
				return false;
		}
		else if (!extreme->found &&
				 !partition_extreme(figures, partition->relid, extreme))
			return false;
	}
	if (in_default.found)
		extreme_add(extreme, in_default.time);
	return true;
}

/* The only part that can run code of the owner: as the owner. */
static void
measure_records(void *arg)
{
	Figures    *figures = (Figures *) arg;
	Extreme		oldest = {.newest = false};
	Extreme		newest = {.newest = true};
	SavedPrivileges saved;

	if (!lock_as_owner(figures->relid, AccessShareLock, &saved))
		relation_gone_error(figures->relid);
	check_tree_owner(figures->relid);
	if (table_extreme(figures, &oldest) && oldest.found)
	{
		figures->has_oldest = true;
		figures->oldest = oldest.time;
	}
	if (table_extreme(figures, &newest) && newest.found)
	{
		figures->has_newest = true;
		figures->newest = newest.time;
	}
	restore_privileges(&saved);
}

/*
 * The moment that, retention_days later, the policy wants the record gone.  A
 * date has expired when its day is over.  Where whole partitions go, a record
 * goes with its partition; one in the DEFAULT partition is due by itself.
 */
static TimestampTz
expires_from(const Figures *figures)
{
	ListCell   *lc;

	if (figures->policy->whole_partitions)
	{
		foreach(lc, figures->partitions)
		{
			PartitionRange *partition = (PartitionRange *) lfirst(lc);

			if (!partition->is_default && partition->range.lower <= figures->oldest &&
				figures->oldest < partition->range.upper)
				return partition->range.upper;
		}
	}
	if (figures->policy->column.type == DATEOID && !TIMESTAMP_NOT_FINITE(figures->oldest))
		return figures->oldest + USECS_PER_DAY;
	return figures->oldest;
}

/*
 * Rows that runs have taken out of the table, so far, those of detached
 * partitions that are still to be dropped included: what the table has lost
 * besides what it has gained.
 */
static int64
rows_gone(Oid relid)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};
	bool		isnull;
	int64		rows;

	query_arg(&args, OIDOID, ObjectIdGetDatum(relid));
	become_extension_owner(&saved);
	query_run("SELECT (coalesce((SELECT rows_purged FROM cvwiz.retention_total WHERE relation = $1), 0)"
			  " + coalesce((SELECT sum(deleted_count) FROM cvwiz.retention_run WHERE relation = $1), 0)"
			  " + coalesce((SELECT sum(rows) FROM cvwiz.detached_partition"
			  "  WHERE parent = $1 AND detached_at IS NOT NULL AND NOT emptied), 0))::pg_catalog.int8",
			  &args);
	rows = DatumGetInt64(query_value(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
	return rows;
}

/* ---- all of it ---- */

/*
 * False: not even its size is known.  Sizes are taken whatever else fails, so
 * that a broken table is warned of once an hour, not at each look.
 */
static bool
measure(Oid relid, TimestampTz now, bool warn, Figures *figures)
{
	memset(figures, 0, sizeof(Figures));
	figures->relid = relid;
	figures->now = now;
	if (!size_sample_measure(measure_size, figures, relid,
							 warn ? "no sample" : NULL))
		return false;
	if (size_sample_measure(measure_policy, figures, relid,
							warn ? "only sizes in the sample" : NULL))
		(void) size_sample_measure(measure_records, figures, relid,
								   warn ? "no times in the sample" : NULL);
	return true;
}

#define FIGURE_COLUMNS 8

/*
 * In the order of the columns of cvwiz.audit_figures(), and of the INSERT:
 * total_bytes, rows_estimate, rows_purged, partitions, covered_until,
 * oldest_record, newest_record, expires_from.
 */
static const Oid figure_types[FIGURE_COLUMNS] = {
	INT8OID, INT8OID, INT8OID, INT4OID,
	TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID
};

static void
figures_to_datums(const Figures *figures, Datum *values, bool *nulls)
{
	bool		partitioned = figures->policy != NULL && figures->policy->column.partitioned;

	memset(values, 0, sizeof(Datum) * FIGURE_COLUMNS);
	memset(nulls, false, sizeof(bool) * FIGURE_COLUMNS);
	values[0] = Int64GetDatum(figures->size.total_bytes);
	values[1] = Int64GetDatum((int64) figures->size.rows);
	values[2] = Int64GetDatum(rows_gone(figures->relid));
	nulls[3] = figures->policy == NULL;
	values[3] = Int32GetDatum(list_length(figures->partitions));
	nulls[4] = !partitioned;
	values[4] = TimestampTzGetDatum(figures->covered_until);
	nulls[5] = !figures->has_oldest;
	values[5] = TimestampTzGetDatum(figures->oldest);
	nulls[6] = !figures->has_newest;
	values[6] = TimestampTzGetDatum(figures->newest);
	nulls[7] = !figures->has_oldest;
	if (figures->has_oldest)
		values[7] = TimestampTzGetDatum(expires_from(figures));
}

static void
store_sample(const Figures *figures)
{
	Datum		values[FIGURE_COLUMNS];
	bool		nulls[FIGURE_COLUMNS];
	SavedPrivileges saved;
	QueryArgs	args = {0};

	figures_to_datums(figures, values, nulls);
	query_arg(&args, OIDOID, ObjectIdGetDatum(figures->relid));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(figures->now));
	for (int i = 0; i < FIGURE_COLUMNS; i++)
		query_arg_or_null(&args, figure_types[i], values[i], nulls[i]);

	become_extension_owner(&saved);
	query_run_only("INSERT INTO cvwiz.size_sample (relation, sampled_at, total_bytes, rows_estimate,"
				   " rows_purged, partitions, covered_until, oldest_record, newest_record, expires_from)"
				   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
				   &args);
	restore_privileges(&saved);
}

/*
 * Policies without a sample of the last hour, or whose newest is older than the
 * end of the newest run; one from the future is none.
 */
static List *
due_policies(TimestampTz now)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};
	List	   *result;

	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now));
	become_extension_owner(&saved);
	result = query_oids("SELECT p.relation::pg_catalog.oid FROM cvwiz.retention_policy p"
						" JOIN pg_catalog.pg_class c ON c.oid = p.relation"
						" LEFT JOIN LATERAL (SELECT s.sampled_at FROM cvwiz.size_sample s"
						"  WHERE s.relation = p.relation AND s.snapshot_column IS NULL"
						"  AND " SIZE_SAMPLE_IS_FRESH
						"  ORDER BY s.sampled_at DESC LIMIT 1) newest ON true"
						" WHERE newest.sampled_at IS NULL"
						" OR newest.sampled_at < (SELECT r.finished_at FROM cvwiz.retention_run r"
						"  WHERE r.relation = p.relation AND r.finished_at IS NOT NULL"
						"  ORDER BY r.started_at DESC LIMIT 1)"
						" ORDER BY p.relation",
						&args);
	restore_privileges(&saved);
	return result;
}

static int
take_samples(TimestampTz now)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "cvwiz sample",
												  ALLOCSET_DEFAULT_SIZES);
	int			taken = 0;
	instr_time	started;
	ListCell   *lc;

	INSTR_TIME_SET_CURRENT(started);
	foreach(lc, due_policies(now))
	{
		Figures		figures;

		CHECK_FOR_INTERRUPTS();
		if (size_sample_is_late(started))
			break;
		if (!may_monitor_relation(lfirst_oid(lc)))
			continue;
		MemoryContextSwitchTo(scratch);
		if (measure(lfirst_oid(lc), now, true, &figures))
		{
			store_sample(&figures);
			taken++;
		}
		MemoryContextSwitchTo(caller);
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
	return taken;
}

/*
 * SQL: cvwiz.sample_policies() RETURNS int
 */
Datum
cvwiz_sample_policies(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(size_sample_take(take_samples, "size_sample"));
}

/*
 * SQL: cvwiz.audit_figures(relation regclass, OUT total_bytes bigint, ...)
 *
 * NULL where the caller may not see them, or they are not to be had.
 */
Datum
cvwiz_audit_figures(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	TupleDesc	tupdesc;
	Figures		figures;
	Datum		values[FIGURE_COLUMNS];
	bool		nulls[FIGURE_COLUMNS];
	bool		measured;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!may_monitor_relation(relid))
		PG_RETURN_NULL();

	SPI_connect();
	measured = measure(relid, clock_now(), false, &figures);
	if (measured)
		figures_to_datums(&figures, values, nulls);
	SPI_finish();

	if (!measured)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
