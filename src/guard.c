/*-------------------------------------------------------------------------
 *
 * guard.c
 *		Code whose error must not stop the rest.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"

#include "guard.h"

static ErrorData *
run_in_subtransaction(GuardedAction action, void *arg, bool undo)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	/* What the action leaves must outlive the subtransaction's context. */
	MemoryContextSwitchTo(caller);

	PG_TRY();
	{
		action(arg);
		if (undo)
			RollbackAndReleaseCurrentSubTransaction();
		else
			ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();

	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return error;
}

ErrorData *
guard(GuardedAction action, void *arg)
{
	return run_in_subtransaction(action, arg, false);
}

ErrorData *
guard_and_undo(GuardedAction action, void *arg)
{
	return run_in_subtransaction(action, arg, true);
}

/*
 * Class 57: a cancel, a timeout of the statement, a shutdown.  Code of a
 * table's owner can raise any SQLSTATE, but not from that function.
 */
bool
is_stop_request(const ErrorData *error)
{
	return ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_OPERATOR_INTERVENTION &&
		error->funcname != NULL && strcmp(error->funcname, "ProcessInterrupts") == 0;
}

void
guard_or_warn(GuardedAction action, void *arg, Oid relid)
{
	ErrorData  *error = guard(action, arg);

	if (error == NULL)
		return;
	if (is_stop_request(error))
		ReThrowError(error);

	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("table \"%s\" is left out: %s", get_rel_name(relid), error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 error->hint ? errhint("%s", error->hint) : 0));
}
