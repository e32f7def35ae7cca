/*-------------------------------------------------------------------------
 *
 * progress.h
 *		How far the run of this process has come, for others to see.
 *
 * At most one run is at work in a process.  Outside of one, and in one of
 * RUN_BY_FUNCTION, whose row nobody else can see, these do nothing.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_PROGRESS_H
#define CVWIZ_PROGRESS_H

#include "postgres.h"

#include "retention/record.h"
#include "retention/retention.h"

/* Within the transaction that begins the run's record.  Needs SPI. */
extern void progress_begin(const RunRecord *record, RunOrigin origin);

/*
 * A step begins; to who has CALLed the run it is a NOTICE as well.  Without a
 * name it is about the table itself.  rows_total is negative where it is not
 * known.
 */
extern void progress_step(const char *action, const char *schema, const char *name,
						  double rows_total);

/* More rows, or bytes, of the step are done. */
extern void progress_add_rows(int64 rows);
extern void progress_add_bytes(int64 bytes);

/* However the run has ended. */
extern void progress_end(void);

#endif							/* CVWIZ_PROGRESS_H */
