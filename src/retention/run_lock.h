/*-------------------------------------------------------------------------
 *
 * run_lock.h
 *		One at a time is at work on a table: a run of its policy, or its
 *		conversion.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_RUN_LOCK_H
#define CVWIZ_RUN_LOCK_H

#include "postgres.h"

/* False where another has it; of this very backend it does not keep away. */
extern bool run_lock_take(Oid relid, bool until_commit);

/* One that was not taken until the commit. */
extern void run_lock_release(Oid relid);

#endif							/* CVWIZ_RUN_LOCK_H */
