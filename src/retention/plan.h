/*-------------------------------------------------------------------------
 *
 * plan.h
 *		The ordered steps that a policy needs now.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_PLAN_H
#define CVWIZ_PLAN_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "retention/bounds.h"
#include "retention/policy.h"
#include "storage/lockdefs.h"

typedef enum StepAction
{
	STEP_FINALIZE,
	STEP_CREATE,
	STEP_DETACH,
	STEP_ARCHIVE,
	STEP_DROP,
	STEP_PURGE
} StepAction;

typedef struct RetentionStep
{
	StepAction	action;
	Oid			parent;			/* of the target; of the policy, but to finalize */
	Oid			target;			/* InvalidOid: still to be made */
	char	   *target_name;	/* unqualified, unquoted */
	char	   *target_schema;
	TimeRange	range;			/* of the target */
	double		rows_estimate;	/* negative: not known */

	/*
	 * The strongest lock on a table in use: the parent's, for a purge the
	 * target's own.  A drop locks only its target, detached by then.
	 */
	LOCKMODE	lock_mode;

	/*
	 * char *, run one by one.  They go by names, so a run makes them anew once
	 * it has the locks.
	 */
	List	   *statements;
	char	   *reason;
} RetentionStep;

/*
 * Reads catalogs; changes nothing, takes no lock on a user's table.  Steps are
 * allocated in the current memory context.  Needs SPI.
 */
extern List *plan_retention(const RetentionPolicy *policy, TimestampTz now);

extern const char *step_action_name(StepAction action);

/* For people: as LOCK TABLE has it, NULL for none; a list of char *, as a script. */
extern const char *lock_mode_name(LOCKMODE mode);
extern char *join_statements(List *statements);

/*
 * Whether a table has foreign keys to others: dropping it locks them, which
 * the application is using.  Needs SPI.
 */
extern bool refers_to_others(Oid relid);

extern char *truncate_statement(Oid relid);
extern char *drop_statement(Oid relid);

/*
 * Whether an index gives the target's rows in the order of time, so that a
 * batch can begin where the one before it ended.  Needs SPI.
 */
extern bool purge_is_ordered(Oid target, const TimeColumn *column);

/* The statement that deletes one batch of rows of from <= time < cutoff. */
extern char *purge_statement(Oid target, const TimeColumn *column, bool ordered,
							 bool skip_locked, TimestampTz from, TimestampTz cutoff);

#endif							/* CVWIZ_PLAN_H */
