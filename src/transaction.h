/*-------------------------------------------------------------------------
 *
 * transaction.h
 *		Transactions one after another, in a procedure or a worker.
 *
 * The caller is connected to SPI without atomicity (SPI_OPT_NONATOMIC).
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_TRANSACTION_H
#define CVWIZ_TRANSACTION_H

#include "postgres.h"

#include "fmgr.h"

/* Whether a procedure's CALL leaves it to the procedure to end transactions. */
extern bool transaction_is_ours(FunctionCallInfo fcinfo);

/*
 * Commits; a new transaction begins, READ COMMITTED whatever the session's
 * default is, also where the commit fails, which is then raised.
 */
extern void transaction_commit(void);

/* For one whose default is another, before the first query of a transaction. */
extern void transaction_see_committed_rows(void);

/* Whether it is an error of a lock that was not to be had. */
extern bool transaction_worth_another_try(const ErrorData *error);

/*
 * Waits between two transactions, which is interrupted by a cancel, or the
 * latch; in attempts, so that two who meet once do not meet again, for a
 * random time from half of ms to ms.
 */
extern void transaction_pause(int ms);
extern void transaction_pause_at_random(int ms);

#endif							/* CVWIZ_TRANSACTION_H */
