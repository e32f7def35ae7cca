/*-------------------------------------------------------------------------
 *
 * record.h
 *		The row of a run in cvwiz.retention_run.
 *
 * All need SPI.  ERROR 55000 where somebody has deleted the row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_RECORD_H
#define CVWIZ_RECORD_H

#include "postgres.h"

#include "portability/instr_time.h"
#include "retention/retention.h"
#include "retention/step.h"

typedef struct RunRecord
{
	int64		run_id;
	Oid			relid;
	const char *relation_name;
	bool		failed;			/* an error is recorded */
} RunRecord;

/* Begins the row, and marks those that killed runs have left. */
extern void record_start(RunRecord *record, RunOrigin origin, TimestampTz now);

/* The dynamic shared memory that progress.c shows the run in. */
extern void record_progress(const RunRecord *record, uint32 handle);

/* The result's retention_days, cutoff and hold. */
extern void record_policy(const RunRecord *record, const RunResult *result);
extern void record_counts(const RunRecord *record, const StepCounts *counts);

/* The first error is kept as it is, the others in its detail. */
extern void record_error(RunRecord *record, const char *where, const ErrorData *error);

/*
 * Ends the row by the result's residue, and fills the rest of the
 * result in, with what the committed steps have counted.  Success takes a
 * residue that was measured and is 0.
 */
extern void record_finish(const RunRecord *record, instr_time started, TimestampTz finished_at,
						  MemoryContext context, RunResult *result);

#endif							/* CVWIZ_RECORD_H */
