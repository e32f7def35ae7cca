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

/*
 * Before the drop of a detached table that refers to others: deletes its rows,
 * so that their space is free even while the drop waits for those tables.
 */
extern void step_empty(const RetentionPolicy *policy, const RetentionStep *step,
					   TimestampTz now, StepCounts *counts);

/*
 * For detach.c: the cutoff by the policy as it is now, which stays so until we
 * commit; ERROR 55000 where it is gone, disabled or on hold.
 */
extern TimestampTz step_confirm_cutoff(Oid relid, TimestampTz now);

/*
 * ERROR 55006 unless a statement has had the effect that it should.  Tables
 * are known by their OIDs, and locked; statements go by names.  A table's own
 * name cannot change under the lock, its schema's can.
 */
extern void step_check_effect(bool done, const RetentionStep *step);

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
