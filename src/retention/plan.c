/*-------------------------------------------------------------------------
 *
 * plan.c
 *		The ordered steps that a policy needs now: make months ahead, take
 *		out what has expired as a whole, purge the rows of what remains.
 *
 * cvwiz.retention_plan() shows to a person what run.c executes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "clock.h"
#include "guard.h"
#include "privilege.h"
#include "query.h"
#include "retention/archive_directory.h"
#include "retention/detach.h"
#include "retention/detached.h"
#include "retention/partition.h"
#include "retention/plan.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(cvwiz_retention_plan);

const char *
step_action_name(StepAction action)
{
	switch (action)
	{
		case STEP_FINALIZE:
			return "finalize";
		case STEP_CREATE:
			return "create";
		case STEP_DETACH:
			return "detach";
		case STEP_ARCHIVE:
			return "archive";
		case STEP_DROP:
			return "drop";
		case STEP_PURGE:
			return "purge";
	}
	return NULL;				/* not reached */
}

/* ---- estimates ---- */

static double
relation_reltuples(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	double		result = -1;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	return result;
}

/*
 * How much of a table lies before the cutoff, by the histogram that ANALYZE
 * made; -1 where there is none.
 */
static double
fraction_before(Oid relid, const TimeColumn *column, AttrNumber attnum,
				TimestampTz cutoff)
{
	HeapTuple	tuple;
	AttStatsSlot slot;
	double		result = -1;

	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid),
							Int16GetDatum(attnum), BoolGetDatum(false));
	if (!HeapTupleIsValid(tuple))
		return -1;

	if (get_attstatsslot(&slot, tuple, STATISTIC_KIND_HISTOGRAM, InvalidOid,
						 ATTSTATSSLOT_VALUES))
	{
		int			before = 0;

		while (before < slot.nvalues &&
			   time_from_datum(slot.values[before], column->type) < cutoff)
			before++;
		if (slot.nvalues > 1)
			result = Min(1.0, (double) before / (slot.nvalues - 1));
		free_attstatsslot(&slot);
	}
	ReleaseSysCache(tuple);
	return result;
}

static double
estimate_purge(Oid relid, const TimeColumn *column, TimestampTz cutoff)
{
	double		rows = relation_reltuples(relid);
	AttrNumber	attnum = get_attnum(relid, NameStr(column->name));
	double		fraction;

	if (rows <= 0)
		return rows;
	fraction = fraction_before(relid, column, attnum, cutoff);
	return fraction < 0 ? -1 : rint(rows * fraction);
}

/* ---- the statements ---- */

bool
refers_to_others(Oid relid)
{
	QueryArgs	args = {0};

	query_arg(&args, OIDOID, ObjectIdGetDatum(relid));
	return query_run_only("SELECT FROM pg_catalog.pg_constraint"
						  " WHERE contype = 'f' AND confrelid <> $1"
						  " AND (conrelid = $1 OR conrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree($1)))",
						  &args) > 0;
}

char *
truncate_statement(Oid relid)
{
	return psprintf("TRUNCATE %s", qualified_relation_name(relid));
}

char *
drop_statement(Oid relid)
{
	return psprintf("DROP TABLE %s", qualified_relation_name(relid));
}

/* By a whole, valid btree that begins with the column.  Opens nothing. */
bool
purge_is_ordered(Oid target, const TimeColumn *column)
{
	QueryArgs	args = {0};

	query_arg(&args, OIDOID, ObjectIdGetDatum(target));
	query_arg(&args, NAMEOID, NameGetDatum(&column->name));
	return query_run_only("SELECT FROM pg_catalog.pg_index i"
						  " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
						  " JOIN pg_catalog.pg_am m ON m.oid = c.relam"
						  " JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
						  " WHERE i.indrelid = $1 AND a.attname = $2"
						  " AND i.indisvalid AND i.indpred IS NULL AND m.amname = 'btree'",
						  &args) > 0;
}

/*
 * ORDER BY lets the index give the oldest rows without a sort; without an
 * index it would sort the whole table for each batch, so there it is left out.
 */
char *
purge_statement(Oid target, const TimeColumn *column, bool ordered,
				bool skip_locked, TimestampTz from, TimestampTz cutoff)
{
	char	   *table_name = qualified_relation_name(target);
	const char *column_name = quote_identifier(NameStr(column->name));
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "WITH batch AS MATERIALIZED (SELECT ctid, %s AS purge_time FROM ONLY %s WHERE %s >= %s AND %s < %s",
					 column_name, table_name,
					 column_name, time_literal(from, column->type),
					 column_name, time_literal(cutoff, column->type));
	if (ordered)
		appendStringInfo(&sql, " ORDER BY %s", column_name);

	/* The time is looked at again in a row that was updated in the meantime. */
	appendStringInfo(&sql,
					 " LIMIT %d%s),"
					 " purged AS (DELETE FROM ONLY %s WHERE ctid = ANY (ARRAY(SELECT ctid FROM batch)) AND %s < %s RETURNING 1)"
					 " SELECT (SELECT count(*) FROM batch), (SELECT max(purge_time) FROM batch), (SELECT count(*) FROM purged)",
					 setting_purge_batch_size, skip_locked ? " FOR UPDATE SKIP LOCKED" : "",
					 table_name, column_name, time_literal(cutoff, column->type));
	return sql.data;
}

/* ---- the steps ---- */

static RetentionStep *
make_step(StepAction action, Oid parent, Oid target, TimeRange range, LOCKMODE lock_mode)
{
	RetentionStep *step = (RetentionStep *) palloc0(sizeof(RetentionStep));

	step->action = action;
	step->parent = parent;
	step->target = target;
	step->range = range;
	step->lock_mode = lock_mode;
	step->rows_estimate = -1;
	if (OidIsValid(target))
	{
		step->target_name = get_rel_name(target);
		step->target_schema = get_namespace_name(get_rel_namespace(target));
	}
	return step;
}

static List *
plan_creates(const RetentionPolicy *policy, List *partitions, TimestampTz now)
{
	List	   *steps = NIL;
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, uncovered_months(partitions, now, policy->premake_months))
	{
		TimeRange  *gap = (TimeRange *) lfirst(lc);
		RetentionStep *step = make_step(STEP_CREATE, policy->relid, InvalidOid, *gap,
										ShareUpdateExclusiveLock);

		step->target_name = partition_choose_name(policy->relid, gap->lower, names);
		step->target_schema = get_namespace_name(get_rel_namespace(policy->relid));
		step->rows_estimate = 0;
		step->statements = partition_statements(policy->relid, &policy->column,
												step->target_name, *gap);
		step->reason = gap->lower < month_start(now, 1) ?
			pstrdup("no partition takes rows of the current month") :
			psprintf("premake_months is %d", policy->premake_months);
		names = lappend(names, step->target_name);
		steps = lappend(steps, step);
	}
	return steps;
}

static RetentionStep *
plan_drop(const RetentionPolicy *policy, Oid target, TimeRange range,
		  TimestampTz cutoff, const char *why)
{
	RetentionStep *step = make_step(STEP_DROP, policy->relid, target, range, NoLock);

	step->rows_estimate = relation_reltuples(target);
	step->statements = list_make1(drop_statement(target));
	if (refers_to_others(target))
		step->statements = lcons(truncate_statement(target), step->statements);
	step->reason = psprintf("%s, and its end, %s, is not after the cutoff, %s",
							why, time_for_message(range.upper), time_for_message(cutoff));
	return step;
}

/*
 * Before a drop: none where the policy archives nothing.  There is no statement
 * that does it.
 */
static List *
plan_archive(const RetentionPolicy *policy, Oid target, TimeRange range)
{
	RetentionStep *step;

	if (policy->archive_to == NULL)
		return NIL;
	step = make_step(STEP_ARCHIVE, policy->relid, target, range, NoLock);
	step->rows_estimate = relation_reltuples(target);
	step->reason = psprintf("archive_to is set: its rows go to %s before it is dropped",
							archive_path(policy->archive_to, policy->relid, range));
	return list_make1(step);
}

/*
 * What earlier runs have detached: archived where that has failed so far, and
 * dropped once their time has come.  Right before the drop the archive step
 * looks again, for rows that came in meanwhile.
 */
static List *
plan_left_drops(const RetentionPolicy *policy, TimestampTz cutoff)
{
	List	   *steps = NIL;
	ListCell   *lc;

	foreach(lc, detached_list(policy))
	{
		DetachedPartition *partition = (DetachedPartition *) lfirst(lc);

		if (!detached_is_ours(partition) || partition->range.upper > cutoff)
			continue;
		if (partition->due || !partition->archived)
			steps = list_concat(steps, plan_archive(policy, partition->relid, partition->range));
		if (partition->due)
			steps = lappend(steps, plan_drop(policy, partition->relid, partition->range, cutoff,
											 "an earlier run detached it"));
	}
	return steps;
}

static List *
plan_pending(const RetentionPolicy *policy, TimestampTz cutoff)
{
	List	   *steps = NIL;
	ListCell   *lc;

	foreach(lc, detach_list_pending(policy->relid))
	{
		PendingDetach *pending = (PendingDetach *) lfirst(lc);
		PartitionRange *partition = partition_bounds(pending->partition);
		DetachedPartition *ours = detached_find(policy, pending->partition);
		RetentionStep *step;

		if (partition == NULL)
			continue;
		step = make_step(STEP_FINALIZE, pending->parent, pending->partition, partition->range,
						 ShareUpdateExclusiveLock);
		step->rows_estimate = relation_reltuples(pending->partition);
		step->statements = list_make1(detach_statement(pending->parent, pending->partition,
													   DETACH_FINALIZE));
		step->reason = pstrdup("its concurrent detach was interrupted");
		steps = lappend(steps, step);

		if (ours == NULL || !ours->pending || policy->hold || partition->range.upper > cutoff)
			continue;
		steps = list_concat(steps, plan_archive(policy, pending->partition, partition->range));
		if (policy_drops_at_once(policy))
			steps = lappend(steps, plan_drop(policy, pending->partition, partition->range, cutoff,
											 "detached by then"));
	}
	return steps;
}

static List *
plan_expired(const RetentionPolicy *policy, PartitionRange *partition,
			 TimestampTz cutoff)
{
	char	   *obstacle = detach_obstacle(policy->relid, partition->relid);
	RetentionStep *detach;
	List	   *steps;

	detach = make_step(STEP_DETACH, policy->relid, partition->relid, partition->range,
					   obstacle ? AccessExclusiveLock : ShareUpdateExclusiveLock);
	detach->rows_estimate = relation_reltuples(partition->relid);
	detach->statements = list_make1(detach_statement(policy->relid, partition->relid,
													 obstacle ? DETACH_PLAIN : DETACH_CONCURRENTLY));
	detach->reason = psprintf("its end, %s, is not after the cutoff, %s%s%s",
							  time_for_message(partition->range.upper),
							  time_for_message(cutoff),
							  obstacle ? "; not concurrently: " : "",
							  obstacle ? obstacle : "");
	steps = list_concat(list_make1(detach),
						plan_archive(policy, partition->relid, partition->range));
	if (policy_drops_at_once(policy))
		steps = lappend(steps, plan_drop(policy, partition->relid, partition->range, cutoff,
										 "detached by then"));
	return steps;
}

static RetentionStep *
plan_purge(const RetentionPolicy *policy, Oid target, TimeRange range,
		   TimestampTz cutoff)
{
	RetentionStep *step = make_step(STEP_PURGE, policy->relid, target, range, RowExclusiveLock);

	step->rows_estimate = estimate_purge(target, &policy->column, cutoff);
	step->statements = list_make1(purge_statement(target, &policy->column,
												  purge_is_ordered(target, &policy->column),
												  false, DT_NOBEGIN, cutoff));
	step->reason = psprintf("it may have rows from before the cutoff, %s; in batches of %d",
							time_for_message(cutoff), setting_purge_batch_size);
	return step;
}

static List *
plan_purges(const RetentionPolicy *policy, PartitionRange *partition,
			TimestampTz cutoff)
{
	List	   *steps = NIL;
	ListCell   *lc;

	foreach(lc, find_all_inheritors(partition->relid, NoLock, NULL))
	{
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_RELATION)
			steps = lappend(steps, plan_purge(policy, lfirst_oid(lc),
											  partition->range, cutoff));
	}
	return steps;
}

/* Dropping a foreign table would drop no rows: they are not ours. */
static bool
has_foreign_table(const PartitionRange *partition)
{
	ListCell   *lc;

	if (partition->relkind != RELKIND_PARTITIONED_TABLE)
		return partition->relkind == RELKIND_FOREIGN_TABLE;

	foreach(lc, find_all_inheritors(partition->relid, NoLock, NULL))
	{
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_FOREIGN_TABLE)
			return true;
	}
	return false;
}

List *
plan_retention(const RetentionPolicy *policy, TimestampTz now)
{
	TimestampTz cutoff = policy_cutoff(policy, now);
	List	   *pending;
	List	   *creates;
	List	   *expired;
	List	   *purges = NIL;
	List	   *partitions;
	ListCell   *lc;

	if (!policy->column.partitioned)
	{
		TimeRange	everything = {DT_NOBEGIN, DT_NOEND};

		return policy->hold ? NIL :
			list_make1(plan_purge(policy, policy->relid, everything, cutoff));
	}

	/* What is pending keeps others from being detached, or made in its place. */
	pending = plan_pending(policy, cutoff);
	partitions = partition_ranges(policy->relid);
	creates = plan_creates(policy, partitions, now);
	if (policy->hold)
		return list_concat(pending, creates);

	expired = plan_left_drops(policy, cutoff);
	foreach(lc, partitions)
	{
		PartitionRange *partition = (PartitionRange *) lfirst(lc);

		CHECK_FOR_INTERRUPTS();

		if (partition->range.upper <= cutoff && !has_foreign_table(partition))
			expired = list_concat(expired, plan_expired(policy, partition, cutoff));
		else if (partition->range.lower < cutoff && !policy->whole_partitions)
			purges = list_concat(purges, plan_purges(policy, partition, cutoff));
	}

	return list_concat(list_concat(list_concat(pending, creates), expired), purges);
}

/* ---- the SQL function ---- */

const char *
lock_mode_name(LOCKMODE mode)
{
	switch (mode)
	{
		case NoLock:
			return NULL;
		case AccessShareLock:
			return "ACCESS SHARE";
		case RowExclusiveLock:
			return "ROW EXCLUSIVE";
		case ShareUpdateExclusiveLock:
			return "SHARE UPDATE EXCLUSIVE";
		case AccessExclusiveLock:
			return "ACCESS EXCLUSIVE";
		default:
			elog(ERROR, "unexpected lock mode: %d", mode);
			return NULL;
	}
}

char *
join_statements(List *statements)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, statements)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ";\n" : "", (char *) lfirst(lc));
	return buf.data;
}

static void
put_step(ReturnSetInfo *rsinfo, Oid relid, int number, const RetentionStep *step)
{
	Datum		values[10];
	bool		nulls[10] = {false};
	const char *lock_mode = lock_mode_name(step->lock_mode);

	values[0] = ObjectIdGetDatum(relid);
	values[1] = Int32GetDatum(number);
	values[2] = CStringGetTextDatum(step_action_name(step->action));
	values[3] = CStringGetTextDatum(quote_qualified_identifier(step->target_schema,
															   step->target_name));
	values[4] = TimestampTzGetDatum(step->range.lower);
	values[5] = TimestampTzGetDatum(step->range.upper);
	nulls[6] = step->rows_estimate < 0;
	values[6] = Int64GetDatum((int64) step->rows_estimate);
	nulls[7] = lock_mode == NULL;
	values[7] = nulls[7] ? (Datum) 0 : CStringGetTextDatum(lock_mode);
	nulls[8] = step->statements == NIL;
	values[8] = CStringGetTextDatum(join_statements(step->statements));
	values[9] = CStringGetTextDatum(step->reason);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
put_plan(void *arg)
{
	PolicyRows *output = (PolicyRows *) arg;
	RetentionPolicy *policy = policy_require(output->relid);
	ListCell   *lc;
	int			number = 0;

	foreach(lc, plan_retention(policy, clock_now()))
		put_step(output->rsinfo, policy->relid, ++number, (RetentionStep *) lfirst(lc));
}

/*
 * SQL: cvwiz.retention_plan(relation regclass)
 */
Datum
cvwiz_retention_plan(PG_FUNCTION_ARGS)
{
	policy_put_rows(fcinfo, put_plan);
	return (Datum) 0;
}
