/*-------------------------------------------------------------------------
 *
 * detach.h
 *		How a partition leaves its parent.
 *
 * Concurrently, wherever that is possible: readers and writers go on.  Then
 * it is done by another process, outside of any transaction of ours, between
 * two calls: detach_begin() or detach_begin_finalize(), commit,
 * toplevel_run(), detach_finish().
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_DETACH_H
#define CVWIZ_DETACH_H

#include "postgres.h"

#include "background/toplevel.h"
#include "nodes/pg_list.h"
#include "retention/plan.h"
#include "retention/policy.h"
#include "retention/step.h"

typedef enum DetachMode
{
	DETACH_PLAIN,
	DETACH_CONCURRENTLY,
	DETACH_FINALIZE
} DetachMode;

extern char *detach_statement(Oid parent, Oid partition, DetachMode mode);

/*
 * Why a partition, or for InvalidOid any, can only be detached plainly, as a
 * clause; NULL if it can be detached concurrently.  Needs SPI.
 */
extern char *detach_obstacle(Oid parent, Oid partition);

/* Partitions of a table's whole tree whose concurrent detach was interrupted. */
typedef struct PendingDetach
{
	Oid			parent;
	Oid			partition;
} PendingDetach;

extern List *detach_list_pending(Oid relid);

/* All in the current transaction, under ACCESS EXCLUSIVE. */
extern void detach_plainly(const RetentionPolicy *policy, const RetentionStep *step,
						   TimestampTz now, StepCounts *counts);

/* Ends what is pending, in the current transaction.  Waits for older snapshots. */
extern void detach_finalize(const RetentionPolicy *policy, const RetentionStep *step,
							TimestampTz now, StepCounts *counts);

/*
 * What to run at top level for a step, in the given context; NULL where there
 * is nothing (more) to do.
 */
extern ToplevelRequest *detach_begin(const RetentionPolicy *policy, const RetentionStep *step,
									 TimestampTz now, MemoryContext context);
extern ToplevelRequest *detach_begin_finalize(const RetentionPolicy *policy,
											  const RetentionStep *step,
											  MemoryContext context);

/* For toplevel.c, by its name: a ToplevelPrepare. */
PGDLLEXPORT void cvwiz_detach_begins(const Oid *relations);

/* Looks what has come of it: whether the partition is one no more. */
extern bool detach_finish(const RetentionPolicy *policy, const RetentionStep *step,
						  TimestampTz now, StepCounts *counts);

/* For partitions that stay a while: records how many rows it has. */
extern void detach_count_rows(const RetentionPolicy *policy, const RetentionStep *step);

#endif							/* CVWIZ_DETACH_H */
