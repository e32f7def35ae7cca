/*-------------------------------------------------------------------------
 *
 * step.c
 *		Doing one step of a plan, in one transaction.
 *
 * Locks are taken in one order everywhere: the parent, the partition, the
 * policy's row.  The policy's row is locked last and shortly: from then on
 * nobody puts the table on hold before we have committed, and DROP EXTENSION
 * waits no longer than that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "privilege.h"
#include "query.h"
#include "retention/archive.h"
#include "retention/bounds.h"
#include "retention/detach.h"
#include "retention/detached.h"
#include "retention/partition.h"
#include "retention/step.h"
#include "settings.h"

/*
 * Dropping a table locks those that it refers to, which everybody else then
 * queues for: it gives up soon, and the next try comes soon enough.
 */
#define DROP_LOCK_TIMEOUT_MS 100

TimestampTz
step_confirm_cutoff(Oid relid, TimestampTz now)
{
	RetentionPolicy *policy = policy_read(relid, POLICY_SHARE);

	if (policy == NULL || !policy->enabled)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the retention policy was %s during the run",
						policy == NULL ? "removed" : "disabled"),
				 errhint("Nothing more is deleted.")));
	if (policy->hold)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" was put on hold during the run", get_rel_name(relid)),
				 errhint("Nothing more is deleted until the hold is lifted.")));
	return policy_cutoff(policy, now);
}

void
step_check_effect(bool done, const RetentionStep *step)
{
	if (done)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("the name of %s came to stand for another table in the middle of the step",
					step->target_name),
			 errdetail("What the step has done is undone."),
			 errhint("The next run tries again.")));
}

/* ---- create ---- */

static void
execute_create(const RetentionPolicy *policy, const RetentionStep *step,
			   StepCounts *counts)
{
	List	   *gaps;
	SavedPrivileges saved;

	if (!lock_as_owner(policy->relid, ShareUpdateExclusiveLock, &saved))
		relation_gone_error(policy->relid);

	/* Somebody else may have made it. */
	gaps = uncovered_ranges(partition_ranges(policy->relid), step->range);
	if (list_length(gaps) == 1 &&
		memcmp(linitial(gaps), &step->range, sizeof(TimeRange)) == 0)
	{
		Oid			child = partition_create(policy->relid, &policy->column, step->range);

		step_check_effect(partition_range(policy->relid, child) != NULL, step);
		counts->created++;
	}
	restore_privileges(&saved);
}

/* ---- drop ---- */

/*
 * All rows of a detached table, which had to be within its bounds no longer:
 * one that has not expired keeps it.
 */
static int64
count_expired_rows(const RetentionPolicy *policy, Oid target, TimestampTz cutoff)
{
	bool		isnull;
	int64		rows;
	int64		unexpired;

	query_run(psprintf("SELECT count(*), count(*) FILTER (WHERE (%s < %s) IS NOT TRUE) FROM %s",
					   quote_identifier(NameStr(policy->column.name)),
					   time_literal(cutoff, policy->column.type),
					   qualified_relation_name(target)),
			  NULL);
	rows = DatumGetInt64(query_value(0, 1, &isnull));
	unexpired = DatumGetInt64(query_value(0, 2, &isnull));
	SPI_freetuptable(SPI_tuptable);

	if (unexpired > 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("detached table \"%s\" has " INT64_FORMAT " rows that have not expired",
						get_rel_name(target), unexpired),
				 errdetail("They came in after it was detached; the cutoff is %s.",
						   time_for_message(cutoff)),
				 errhint("Move them to table \"%s\", then run again.",
						 get_rel_name(policy->relid))));
	return rows;
}

static bool
may_be_dropped(const RetentionPolicy *policy, const DetachedPartition *partition,
			   TimestampTz cutoff)
{
	return detached_is_ours(partition) && partition->due && partition->range.upper <= cutoff;
}

/*
 * Locks a detached table as its owner, whoever owns the other now, and counts
 * its rows; false where it is not to be dropped.  The count takes its time, so
 * cvwiz's own tables are locked after it.
 */
static bool
lock_for_drop(const RetentionPolicy *policy, const RetentionStep *step,
			  TimestampTz now, int64 *rows, DetachedPartition **partition,
			  SavedPrivileges *saved)
{
	TimestampTz cutoff = policy_cutoff(policy, now);

	/* Where the detach has failed, it is in use, and nobody is to wait for us. */
	if (!may_be_dropped(policy, detached_find(policy, step->target), cutoff) ||
		!lock_as_owner(step->target, AccessExclusiveLock, saved))
		return false;

	*partition = detached_find(policy, step->target);
	if (may_be_dropped(policy, *partition, cutoff))
	{
		bool		archived;

		*rows = count_expired_rows(policy, step->target, cutoff);
		archived = ((*partition)->emptied && *rows == 0) ||
			archive_verify(policy->relid, step->target, (*partition)->range);
		if (cutoff <= step_confirm_cutoff(policy->relid, now))
		{
			archive_confirm(policy->relid, archived);
			return true;
		}
	}
	restore_privileges(saved);
	return false;
}

void
step_empty(const RetentionPolicy *policy, const RetentionStep *step,
		   TimestampTz now, StepCounts *counts)
{
	DetachedPartition *partition;
	SavedPrivileges saved;
	int64		rows;

	/* the drop itself counts and verifies the others */
	if (!refers_to_others(step->target) ||
		!lock_for_drop(policy, step, now, &rows, &partition, &saved))
		return;

	if (!partition->emptied)
	{
		query_run_only(truncate_statement(step->target), NULL);
		step_check_effect(count_expired_rows(policy, step->target, DT_NOEND) == 0, step);
		detached_record_rows(step->target, rows, true);
		counts->deleted += rows;
	}
	restore_privileges(&saved);
}

static void
execute_drop(const RetentionPolicy *policy, const RetentionStep *step,
			 TimestampTz now, StepCounts *counts)
{
	DetachedPartition *partition;
	SavedPrivileges saved;
	int64		rows;

	if (!lock_for_drop(policy, step, now, &rows, &partition, &saved))
		return;

	limit_lock_wait(DROP_LOCK_TIMEOUT_MS);
	detached_forget(step->target);
	query_run_only(drop_statement(step->target), NULL);
	step_check_effect(!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(step->target)), step);
	counts->deleted += rows;
	counts->dropped++;
	restore_privileges(&saved);
}

void
step_execute(const RetentionPolicy *policy, const RetentionStep *step,
			 TimestampTz now, StepCounts *counts)
{
	switch (step->action)
	{
		case STEP_CREATE:
			execute_create(policy, step, counts);
			break;
		case STEP_FINALIZE:
			detach_finalize(policy, step, now, counts);
			break;
		case STEP_DETACH:
			detach_plainly(policy, step, now, counts);
			break;
		case STEP_ARCHIVE:
			archive_execute(policy->relid, step->target, now);
			break;
		case STEP_DROP:
			execute_drop(policy, step, now, counts);
			break;
		case STEP_PURGE:
			elog(ERROR, "a purge is done in batches");
	}
}

/* ---- purge ---- */

/* Whether a table's rows are still rows of the policy's table. */
static bool
belongs_to(Oid target, Oid relid)
{
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(target)))
		return false;
	return target == relid ||
		(get_rel_relispartition(target) &&
		 list_member_oid(get_partition_ancestors(target), relid));
}

/*
 * A trigger could put back what the purge deletes, or old rows could come in
 * as fast as they go: what is in the table now bounds the work.
 */
static int64
most_rows(Oid relid)
{
	Relation	rel = try_relation_open(relid, AccessShareLock);
	int64		rows;

	if (rel == NULL)
		return 0;
	rows = (int64) RelationGetNumberOfBlocks(rel) * MaxHeapTuplesPerPage;
	relation_close(rel, AccessShareLock);
	return rows;
}

void
step_begin_purge(const RetentionPolicy *policy, const RetentionStep *step,
				 PurgePosition *position)
{
	SavedPrivileges saved;

	if (!lock_as_owner(policy->relid, AccessShareLock, &saved))
		relation_gone_error(policy->relid);
	position->ordered = purge_is_ordered(step->target, &policy->column);
	position->from = DT_NOBEGIN;
	position->skip_locked = false;
	position->rows_left = most_rows(step->target);
	restore_privileges(&saved);
}

bool
step_purge_batch(const RetentionPolicy *policy, const RetentionStep *step,
				 TimestampTz now, PurgePosition *position, StepCounts *counts)
{
	SavedPrivileges saved;
	char	   *name;
	int64		selected;
	int64		deleted;
	TimestampTz last = DT_NOBEGIN;
	Datum		max_time;
	bool		isnull;
	bool		more;

	if (!lock_as_owner(policy->relid, AccessShareLock, &saved))
		relation_gone_error(policy->relid);
	LockRelationOid(step->target, RowExclusiveLock);
	if (!belongs_to(step->target, policy->relid))
	{
		restore_privileges(&saved);
		return false;
	}
	check_partition_owner(policy->relid, step->target);

	name = qualified_relation_name(step->target);
	query_run(purge_statement(step->target, &policy->column, position->ordered,
							  position->skip_locked, position->from, step_confirm_cutoff(policy->relid, now)),
			  NULL);
	selected = DatumGetInt64(query_value(0, 1, &isnull));
	max_time = query_value(0, 2, &isnull);
	if (!isnull)
		last = time_from_datum(max_time, policy->column.type);
	deleted = DatumGetInt64(query_value(0, 3, &isnull));
	SPI_freetuptable(SPI_tuptable);
	step_check_effect(strcmp(name, qualified_relation_name(step->target)) == 0, step);
	restore_privileges(&saved);

	counts->deleted += deleted;
	position->rows_left -= selected;
	more = selected >= setting_purge_batch_size && position->rows_left > 0 &&
		(deleted > 0 || (position->ordered && last > position->from));

	/*
	 * The next batch need not wade through what this one has left dead in the
	 * index, nor through rows that a trigger keeps: those are the residue.
	 */
	if (position->ordered)
		position->from = last;
	return more;
}

/*
 * The rows of a partition whose concurrent detach was interrupted are hidden
 * from every query, and so from the measurement.
 */
static void
check_no_pending_detach(Oid relid)
{
	List	   *pending = detach_list_pending(relid);
	PendingDetach *first;

	if (pending == NIL)
		return;

	first = (PendingDetach *) linitial(pending);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("partition %s is half detached: its rows cannot be seen",
					qualified_relation_name(first->partition)),
			 errhint("The next run ends that.")));
}

int64
step_measure_residue(const RetentionPolicy *policy, TimestampTz cutoff)
{
	SavedPrivileges saved;
	bool		isnull;
	int64		residue;

	if (!lock_as_owner(policy->relid, AccessShareLock, &saved))
		relation_gone_error(policy->relid);
	check_tree_owner(policy->relid);
	check_no_pending_detach(policy->relid);
	query_run(psprintf("SELECT count(*) FROM %s WHERE %s < %s",
					   qualified_relation_name(policy->relid),
					   quote_identifier(NameStr(policy->column.name)),
					   time_literal(policy_expiry_limit(policy, cutoff), policy->column.type)),
			  NULL);
	residue = DatumGetInt64(query_value(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
	return residue;
}
