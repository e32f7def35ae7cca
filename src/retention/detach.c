/*-------------------------------------------------------------------------
 *
 * detach.c
 *		How a partition leaves its parent, and how it comes back.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "clock.h"
#include "privilege.h"
#include "query.h"
#include "retention/bounds.h"
#include "retention/detach.h"
#include "retention/detached.h"
#include "retention/partition.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(cvwiz_detach_obstacle);
PG_FUNCTION_INFO_V1(cvwiz_detach_partition);
PG_FUNCTION_INFO_V1(cvwiz_reattach_partition);

char *
detach_statement(Oid parent, Oid partition, DetachMode mode)
{
	static const char *const modes[] = {"", " CONCURRENTLY", " FINALIZE"};

	return psprintf("ALTER TABLE %s DETACH PARTITION %s%s",
					qualified_relation_name(parent), qualified_relation_name(partition),
					modes[mode]);
}

/* ---- whether it can be done concurrently ---- */

static Oid
default_partition(Oid parent)
{
	HeapTuple	tuple = SearchSysCache1(PARTRELID, ObjectIdGetDatum(parent));
	Oid			result;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	result = ((Form_pg_partitioned_table) GETSTRUCT(tuple))->partdefid;
	ReleaseSysCache(tuple);
	return result;
}

/* Citus sends a table's ALTER TABLE to its other nodes, in a transaction. */
static bool
is_distributed_by_citus(Oid relid)
{
	QueryArgs	args = {0};

	if (!OidIsValid(get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE)))
		return false;
	query_arg(&args, OIDOID, ObjectIdGetDatum(relid));
	return query_run_only("SELECT FROM pg_catalog.pg_dist_partition"
						  " WHERE logicalrelid::pg_catalog.oid = $1", &args) > 0;
}

/*
 * To save a scan, DETACH ... CONCURRENTLY has the planner look whether the
 * partition's CHECK constraints imply its bounds: it runs their functions, as
 * who detaches.  A plain DETACH does not.
 */
static char *
foreign_owner(Oid parent, Oid partition)
{
	Oid			owner = relation_owner(parent);
	ListCell   *lc;

	foreach(lc, find_all_inheritors(partition, NoLock, NULL))
	{
		Oid			partition_owner = relation_owner(lfirst_oid(lc));

		if (OidIsValid(partition_owner) && partition_owner != owner)
			return psprintf("partition \"%s\" belongs to role \"%s\", the table to role \"%s\"",
							get_rel_name(lfirst_oid(lc)), GetUserNameFromId(partition_owner, true),
							GetUserNameFromId(owner, true));
	}
	return NULL;
}

char *
detach_obstacle(Oid parent, Oid partition)
{
	Oid			default_relid = default_partition(parent);
	char	   *obstacle;

	if (OidIsValid(default_relid))
		return psprintf("\"%s\" is a DEFAULT partition", get_rel_name(default_relid));
	if (is_distributed_by_citus(parent))
		return pstrdup("Citus distributes the table");
	obstacle = toplevel_impossible(relation_owner(parent));
	if (obstacle == NULL && OidIsValid(partition))
		obstacle = foreign_owner(parent, partition);
	return obstacle;
}

/*
 * SQL: cvwiz.detach_obstacle(relation regclass) RETURNS text
 */
Datum
cvwiz_detach_obstacle(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *obstacle;

	SPI_connect();
	obstacle = detach_obstacle(PG_GETARG_OID(0), InvalidOid);
	if (obstacle != NULL)
		obstacle = MemoryContextStrdup(caller, obstacle);
	SPI_finish();

	if (obstacle == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(obstacle));
}

List *
detach_list_pending(Oid relid)
{
	QueryArgs	args = {0};
	List	   *result = NIL;
	uint64		found;

	query_arg(&args, OIDOID, ObjectIdGetDatum(relid));
	found = query_run("WITH RECURSIVE tree AS ("
					  " SELECT inhparent, inhrelid, inhdetachpending FROM pg_catalog.pg_inherits WHERE inhparent = $1"
					  " UNION ALL"
					  " SELECT i.inhparent, i.inhrelid, i.inhdetachpending FROM pg_catalog.pg_inherits i JOIN tree t ON i.inhparent = t.inhrelid)"
					  " SELECT inhparent, inhrelid FROM tree WHERE inhdetachpending",
					  &args);
	for (uint64 i = 0; i < found; i++)
	{
		PendingDetach *pending = (PendingDetach *) palloc(sizeof(PendingDetach));
		bool		isnull;

		pending->parent = DatumGetObjectId(query_value(i, 1, &isnull));
		pending->partition = DatumGetObjectId(query_value(i, 2, &isnull));
		result = lappend(result, pending);
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

static bool
is_pending(Oid relid, Oid partition)
{
	ListCell   *lc;

	foreach(lc, detach_list_pending(relid))
	{
		if (((PendingDetach *) lfirst(lc))->partition == partition)
			return true;
	}
	return false;
}

/* ---- in one transaction ---- */

void
detach_plainly(const RetentionPolicy *policy, const RetentionStep *step,
			   TimestampTz now, StepCounts *counts)
{
	PartitionRange *partition;
	SavedPrivileges saved;

	if (!lock_as_owner(policy->relid, AccessExclusiveLock, &saved))
		relation_gone_error(policy->relid);

	partition = partition_range(policy->relid, step->target);
	if (partition != NULL &&
		partition->range.upper <= step_confirm_cutoff(policy->relid, now))
	{
		query_run_only(detach_statement(policy->relid, step->target, DETACH_PLAIN), NULL);
		step_check_effect(!get_rel_relispartition(step->target), step);
		detached_begin(policy->relid, partition, now);
		detached_finish(step->target, now);
		counts->detached++;
	}
	restore_privileges(&saved);
}

void
detach_finalize(const RetentionPolicy *policy, const RetentionStep *step,
				TimestampTz now, StepCounts *counts)
{
	SavedPrivileges saved;

	if (!lock_as_owner(policy->relid, ShareUpdateExclusiveLock, &saved))
		relation_gone_error(policy->relid);

	if (is_pending(policy->relid, step->target))
	{
		DetachedPartition *ours = detached_find(policy, step->target);

		query_run_only(detach_statement(step->parent, step->target, DETACH_FINALIZE), NULL);
		step_check_effect(!get_rel_relispartition(step->target), step);
		if (ours != NULL && ours->pending)
		{
			PartitionRange partition = {.relid = ours->relid, .range = ours->range};

			/* the event trigger took this for somebody's own doing */
			detached_begin(policy->relid, &partition, now);
			detached_finish(step->target, now);
			counts->detached++;
		}
	}
	restore_privileges(&saved);
}

/* ---- by another process ---- */

static ToplevelRequest *
make_request(Oid parent, Oid partition, DetachMode mode)
{
	ToplevelRequest *request = (ToplevelRequest *) palloc0(sizeof(ToplevelRequest));

	request->role = relation_owner(parent);
	request->statement = detach_statement(parent, partition, mode);
	request->nrelations = 2;
	request->relations[0] = parent;
	request->relations[1] = partition;
	request->names[0] = qualified_relation_name(parent);
	request->names[1] = qualified_relation_name(partition);
	request->timeout = setting_step_timeout;
	return request;
}

/*
 * What the statement is about to lock, in its order.  That can take long, a
 * VACUUM has the same lock: nobody is to wait meanwhile for a snapshot of
 * ours, or for the policy's row.
 */
static void
lock_as_statement(Oid parent, Oid partition)
{
	ListCell   *lc;

	LockRelationOid(parent, ShareUpdateExclusiveLock);
	foreach(lc, find_all_inheritors(partition, NoLock, NULL))
	{
		InvalidateCatalogSnapshot();
		LockRelationOid(lfirst_oid(lc), ShareUpdateExclusiveLock);
	}
}

/*
 * In the worker, which has locked the names: bounds can't change under that.
 * The policy's row is locked until the detach's first phase commits, so a hold
 * comes before it, and keeps the partition, or after it.
 */
void
cvwiz_detach_begins(const Oid *relations)
{
	TimestampTz cutoff;
	PartitionRange *partition;

	lock_as_statement(relations[0], relations[1]);

	PushActiveSnapshot(GetTransactionSnapshot());
	cutoff = step_confirm_cutoff(relations[0], clock_now());
	partition = partition_range(relations[0], relations[1]);

	/* see foreign_owner() */
	check_tree_owner(relations[1]);
	check_partition_owner(relations[0], relations[1]);
	if (partition == NULL || partition->range.upper > cutoff)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("\"%s\" has become another partition, or has not expired any more",
						get_rel_name(relations[1])),
				 errhint("The next run looks at it anew.")));
	detached_mark_pending(relations[1]);
	PopActiveSnapshot();
}

ToplevelRequest *
detach_begin(const RetentionPolicy *policy, const RetentionStep *step,
			 TimestampTz now, MemoryContext context)
{
	ToplevelRequest *request = NULL;
	PartitionRange *partition;
	SavedPrivileges saved;

	if (!lock_as_owner(policy->relid, AccessShareLock, &saved))
		relation_gone_error(policy->relid);
	LockRelationOid(step->target, AccessShareLock);

	partition = partition_range(policy->relid, step->target);
	if (partition != NULL &&
		partition->range.upper <= step_confirm_cutoff(policy->relid, now))
	{
		MemoryContext caller;

		detached_begin(policy->relid, partition, now);
		caller = MemoryContextSwitchTo(context);
		request = make_request(policy->relid, step->target, DETACH_CONCURRENTLY);
		request->prepare = "cvwiz_detach_begins";
		MemoryContextSwitchTo(caller);
	}
	restore_privileges(&saved);
	return request;
}

ToplevelRequest *
detach_begin_finalize(const RetentionPolicy *policy, const RetentionStep *step,
					  MemoryContext context)
{
	ToplevelRequest *request = NULL;
	SavedPrivileges saved;

	if (!lock_as_owner(step->parent, AccessShareLock, &saved))
		return NULL;
	LockRelationOid(step->target, AccessShareLock);
	if (is_pending(policy->relid, step->target))
	{
		MemoryContext caller = MemoryContextSwitchTo(context);

		request = make_request(step->parent, step->target, DETACH_FINALIZE);
		MemoryContextSwitchTo(caller);
	}
	restore_privileges(&saved);
	return request;
}

bool
detach_finish(const RetentionPolicy *policy, const RetentionStep *step,
			  TimestampTz now, StepCounts *counts)
{
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(step->target)))
		return true;
	if (!get_rel_relispartition(step->target))
	{
		if (detached_finish(step->target, now))
			counts->detached++;
		return true;
	}
	return false;
}

void
detach_count_rows(const RetentionPolicy *policy, const RetentionStep *step)
{
	DetachedPartition *partition = detached_find(policy, step->target);
	SavedPrivileges saved;
	bool		isnull;
	int64		rows;

	if (!detached_is_ours(partition) ||
		!lock_as_owner(step->target, AccessShareLock, &saved))
		return;

	query_run(psprintf("SELECT count(*) FROM %s", qualified_relation_name(step->target)), NULL);
	rows = DatumGetInt64(query_value(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
	detached_record_rows(step->target, rows, false);
}

/* ---- by hand ---- */

/* The policy may be that of the parent, or of a table further up. */
static void
check_not_on_hold(Oid partition)
{
	ListCell   *lc;

	foreach(lc, get_partition_ancestors(partition))
	{
		RetentionPolicy *policy = policy_read(lfirst_oid(lc), POLICY_SHARE);

		if (policy != NULL && policy->hold)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s\" is on hold: none of its partitions is detached",
							get_rel_name(policy->relid)),
					 errhint("cvwiz.alter_retention_policy(..., hold => false) lifts the hold.")));
	}
}

static Oid
partition_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("partition must not be null"),
				 errhint("Name the partition, as in 'public.audit_logs_2024_01'.")));
	return PG_GETARG_OID(0);
}

/*
 * SQL: cvwiz.detach_partition(partition regclass)
 *
 * The table stays, and no run will drop it: who detaches by hand keeps it.
 */
Datum
cvwiz_detach_partition(PG_FUNCTION_ARGS)
{
	Oid			child;
	Oid			parent;
	char		relkind;
	SavedPrivileges saved;

	PreventCommandDuringRecovery("cvwiz.detach_partition()");
	child = partition_argument(fcinfo);
	relkind = get_rel_relkind(child);
	if (!get_rel_relispartition(child) || relkind == RELKIND_INDEX ||
		relkind == RELKIND_PARTITIONED_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a partition",
						get_rel_name(child) ? get_rel_name(child) : psprintf("%u", child)),
				 errhint("Name a partition of a partitioned table.")));
	parent = get_partition_parent(child, true);
	check_relation_owner(parent);

	SPI_connect();
	if (!lock_as_owner(parent, AccessExclusiveLock, &saved))
		relation_gone_error(parent);

	check_not_on_hold(child);
	query_run_only(detach_statement(parent, child, DETACH_PLAIN), NULL);
	detached_forget(child);
	restore_privileges(&saved);
	SPI_finish();
	PG_RETURN_VOID();
}

/* Whoever takes a partition back wants to know that this is for a day only. */
static void
warn_of_next_run(Oid parent, Oid child, TimeRange range)
{
	RetentionPolicy *policy = policy_read(parent, POLICY_READ);

	if (policy == NULL || !policy->enabled || policy->hold ||
		range.upper > policy_cutoff(policy, clock_now()))
		return;

	ereport(WARNING,
			(errmsg("the next run detaches \"%s\" again: its rows have expired", get_rel_name(child)),
			 errhint("cvwiz.alter_retention_policy(%s, hold => true) keeps them, or more retention_days do.",
					 quote_literal_cstr(qualified_relation_name(parent)))));
}

/*
 * SQL: cvwiz.reattach_partition(partition regclass)
 */
Datum
cvwiz_reattach_partition(PG_FUNCTION_ARGS)
{
	Oid			child;
	Oid			parent;
	TimeRange	range;
	bool		emptied;
	TimeColumn	column;
	SavedPrivileges saved;

	PreventCommandDuringRecovery("cvwiz.reattach_partition()");
	child = partition_argument(fcinfo);

	SPI_connect();
	if (!detached_origin(child, &parent, &range, &emptied))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("\"%s\" is not a partition that a run has detached",
						get_rel_name(child) ? get_rel_name(child) : psprintf("%u", child)),
				 errhint("cvwiz.detached_partitions lists them; any other table is attached by ALTER TABLE ... ATTACH PARTITION.")));
	check_relation_owner(parent);
	if (emptied)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the rows of \"%s\" are deleted already", get_rel_name(child)),
				 errdetail("It was truncated; its drop waits for tables that it refers to."),
				 errhint("cvwiz.archives lists the archive that was made of it, if the policy asked for one.")));
	time_column_of_key(parent, &column);

	/* before the lock, for whoever may not have it must not wait for it; and under it */
	check_partition_owner(parent, child);
	if (!lock_as_owner(parent, ShareUpdateExclusiveLock, &saved))
		relation_gone_error(parent);
	LockRelationOid(child, AccessExclusiveLock);
	check_partition_owner(parent, child);
	query_run_only(psprintf("ALTER TABLE %s ATTACH PARTITION %s %s",
							qualified_relation_name(parent), qualified_relation_name(child),
							partition_values_clause(&column, range)),
				   NULL);
	restore_privileges(&saved);
	detached_forget(child);
	warn_of_next_run(parent, child, range);
	SPI_finish();
	PG_RETURN_VOID();
}
