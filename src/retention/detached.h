/*-------------------------------------------------------------------------
 *
 * detached.h
 *		The rows of cvwiz.detached_partition: partitions that runs detach,
 *		or have detached, and that are still to be dropped.
 *
 * All need SPI.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_DETACHED_H
#define CVWIZ_DETACHED_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "retention/bounds.h"
#include "retention/policy.h"

typedef struct DetachedPartition
{
	Oid			relid;
	TimeRange	range;
	bool		attached;		/* its detach has not come to its end */
	bool		pending;		/* a run has begun it */
	bool		detached;		/* a run has detached it */
	bool		due;			/* drop_after is over */
	bool		archived;
	bool		emptied;		/* it was truncated, and waits for its drop */
} DetachedPartition;

/*
 * A run is about to detach the partition.  Until detached_finish() it is not
 * to be dropped: who detaches it by hand in between wants to keep it.
 */
extern void detached_begin(Oid parent, const PartitionRange *partition, TimestampTz now);

/*
 * Its concurrent detach begins, in this very transaction: what is pending then
 * is the run's, and nobody's who detaches it by hand.
 */
extern void detached_mark_pending(Oid relid);

/* It is detached.  False where nobody knows of it (any more). */
extern bool detached_finish(Oid relid, TimestampTz now);

/* How many rows it has; emptied where they are gone already. */
extern void detached_record_rows(Oid relid, int64 rows, bool emptied);

/*
 * What killed runs were about to detach, and nothing came of it.  The caller
 * has the table's run lock.
 */
extern void detached_forget_stale(Oid parent);

/* Its rows are in an archive. */
extern void detached_mark_archived(Oid relid);

/* It is not to be dropped, or is dropped. */
extern void detached_forget(Oid relid);

/*
 * Where a detached partition comes from; false where no run has detached it.
 * Nobody drops it before we commit.
 */
extern bool detached_origin(Oid relid, Oid *parent, TimeRange *range, bool *emptied);

/* Those of a policy's table, in the order of their ranges. */
extern List *detached_list(const RetentionPolicy *policy);

/*
 * Whether it stands as a table of its own, detached by a run: its detach may
 * have failed, or somebody has taken it back.  False for NULL.
 */
extern bool detached_is_ours(const DetachedPartition *partition);

/* One of them; NULL for none. */
extern DetachedPartition *detached_find(const RetentionPolicy *policy, Oid relid);

#endif							/* CVWIZ_DETACHED_H */
