/*-------------------------------------------------------------------------
 *
 * retention.h
 *		What the retention wing does for others: one run of one policy.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_RETENTION_H
#define CVWIZ_RETENTION_H

#include "postgres.h"

#include "datatype/timestamp.h"

typedef enum RunOrigin
{
	RUN_BY_WORKER,				/* commits after each step */
	RUN_BY_CALL,				/* likewise */
	RUN_BY_FUNCTION				/* all in the caller's transaction */
} RunOrigin;

typedef struct RunResult
{
	Oid			relid;
	char	   *relation_name;
	bool		skipped;		/* another run is at work */
	bool		hold;
	bool		success;
	int64		deleted;
	int			created;
	int			detached;
	int			dropped;
	TimestampTz cutoff;
	int			retention_days;
	int64		residue;		/* negative: not measured */
	int64		duration_us;
	char	   *error;			/* NULL: none */
} RunResult;

/*
 * Runs the policy of a table and records the run in cvwiz.retention_run.
 *
 * The caller is connected to SPI, without atomicity (SPI_OPT_NONATOMIC) unless
 * the origin is RUN_BY_FUNCTION, and has made sure that the current user may
 * do it.  An error of a step is recorded and returned in the result; a cancel
 * is recorded and raised.  The result's strings are allocated in the given
 * context, which has to survive the end of a transaction.
 */
extern void retention_run(Oid relid, RunOrigin origin, MemoryContext context,
						  RunResult *result);

#endif							/* CVWIZ_RETENTION_H */
