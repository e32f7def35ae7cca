/*-------------------------------------------------------------------------
 *
 * step.h
 *		Doing one step of a plan, in one transaction.
 *
 * The plan may be old by the time its step is done: each step locks, looks
 * again at the policy, the clock's cutoff and the partition's real bounds, and
 * does nothing, or raises an error, where they no longer ask for it.
 * All need SPI.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_STEP_H
#define CVWIZ_STEP_H

#include "postgres.h"

#include "retention/plan.h"
#include "retention/policy.h"

typedef struct StepCounts
{
	int64		deleted;		/* rows, purged or in dropped partitions */
	int			created;		/* partitions */
	int			detached;
	int			dropped;
} StepCounts;

/* Any step but a purge. */
extern void step_execute(const RetentionPolicy *policy, const RetentionStep *step,
						 TimestampTz now, StepCounts *counts);

/* A table that a run has detached is not to be dropped any more. */
extern void step_forget_detached(Oid relid);

/* How far a purge has come. */
typedef struct PurgePosition
{
	bool		ordered;
	TimestampTz from;
	bool		skip_locked;	/* leave rows that others have locked */
	int64		rows_left;		/* no more than its pages have room for */
} PurgePosition;

extern void step_begin_purge(const RetentionPolicy *policy, const RetentionStep *step,
							 PurgePosition *position);

/* One batch.  Returns whether there may be more. */
extern bool step_purge_batch(const RetentionPolicy *policy, const RetentionStep *step,
							 TimestampTz now, PurgePosition *position, StepCounts *counts);

/* Rows from before the cutoff that the table still has. */
extern int64 step_measure_residue(const RetentionPolicy *policy, TimestampTz cutoff);

#endif							/* CVWIZ_STEP_H */
