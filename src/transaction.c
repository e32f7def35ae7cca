/*-------------------------------------------------------------------------
 *
 * transaction.c
 *		Transactions one after another, in a procedure or a worker.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "transaction.h"

bool
transaction_is_ours(FunctionCallInfo fcinfo)
{
	return fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
		!castNode(CallContext, fcinfo->context)->atomic;
}

void
transaction_see_committed_rows(void)
{
	XactIsoLevel = XACT_READ_COMMITTED;
}

void
transaction_commit(void)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		SPI_commit();
	}
	PG_CATCH();
	{
		transaction_see_committed_rows();
		PG_RE_THROW();
	}
	PG_END_TRY();

	transaction_see_committed_rows();
	MemoryContextSwitchTo(caller);
}

bool
transaction_worth_another_try(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED;
}

void
transaction_pause(int ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

void
transaction_pause_at_random(int ms)
{
	transaction_pause((int) (ms * (0.5 + pg_prng_double(&pg_global_prng_state) / 2)));
}
