/*-------------------------------------------------------------------------
 *
 * call.c
 *		The SQL functions that run policies: in the caller's transaction, and
 *		in transactions of their own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "privilege.h"
#include "retention/policy.h"
#include "retention/retention.h"
#include "transaction.h"

PG_FUNCTION_INFO_V1(cvwiz_cleanup_old_logs);
PG_FUNCTION_INFO_V1(cvwiz_run_retention);

static bool
owned_by_user(Oid relid)
{
	return compat_owns_relation(relid, GetUserId());
}

/* The tables that a call is about; errors where the one it names can't be run. */
static List *
relations_to_run(Oid relid)
{
	if (OidIsValid(relid))
	{
		check_relation_owner(relid);
		policy_check_enabled(relid);
	}
	return policy_relations(relid, owned_by_user);
}

static void
put_result(ReturnSetInfo *rsinfo, const RunResult *result)
{
	Datum		values[11];
	bool		nulls[11] = {false};
	Interval   *duration = (Interval *) palloc0(sizeof(Interval));

	duration->time = result->duration_us;

	values[0] = ObjectIdGetDatum(result->relid);
	values[1] = BoolGetDatum(result->success);
	nulls[1] = result->skipped;
	values[2] = Int64GetDatum(result->deleted);
	values[3] = Int32GetDatum(result->created);
	values[4] = Int32GetDatum(result->detached);
	values[5] = Int32GetDatum(result->dropped);
	values[6] = TimestampTzGetDatum(result->cutoff);
	values[7] = Int32GetDatum(result->retention_days);
	nulls[6] = nulls[7] = result->retention_days == 0;
	values[8] = Int64GetDatum(result->residue);
	nulls[8] = result->residue < 0;
	values[9] = IntervalPGetDatum(duration);
	nulls[10] = result->error == NULL;
	values[10] = nulls[10] ? (Datum) 0 : CStringGetTextDatum(result->error);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * SQL: cvwiz.cleanup_old_logs(relation regclass)
 *
 * Everything happens in the caller's transaction.
 */
Datum
cvwiz_cleanup_old_logs(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context;
	ListCell   *lc;

	PreventCommandDuringRecovery("cvwiz.cleanup_old_logs()");
	PreventCommandIfReadOnly("cvwiz.cleanup_old_logs()");

	/* With an old snapshot the residue would be one of the past. */
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cvwiz.cleanup_old_logs() needs a transaction with isolation level READ COMMITTED"),
				 errdetail("Rows that others add in the meantime would be dropped uncounted, or left behind unseen."),
				 errhint("BEGIN ISOLATION LEVEL READ COMMITTED, or CALL cvwiz.run_retention() outside of a transaction.")));
	InitMaterializedSRF(fcinfo, 0);
	context = CurrentMemoryContext;

	SPI_connect();
	foreach(lc, relations_to_run(policy_argument(fcinfo)))
	{
		RunResult	result;

		retention_run(lfirst_oid(lc), RUN_BY_FUNCTION, context, &result);
		put_result(rsinfo, &result);
	}
	SPI_finish();

	return (Datum) 0;
}

/*
 * SQL: CALL cvwiz.run_retention(relation regclass)
 *
 * Commits after each step.  An error at the end says which tables failed, so
 * that a scheduler does not count the call as a success.
 */
Datum
cvwiz_run_retention(PG_FUNCTION_ARGS)
{
	Oid			relid = policy_argument(fcinfo);
	MemoryContext context;
	StringInfoData failures;
	List	   *relations;
	ListCell   *lc;
	int			failed = 0;

	if (!transaction_is_ours(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("cvwiz.run_retention() cannot run inside a transaction block"),
				 errdetail("It commits after each step."),
				 errhint("Call it on its own, or use SELECT * FROM cvwiz.cleanup_old_logs(), which does all in the caller's transaction.")));
	PreventCommandDuringRecovery("cvwiz.run_retention()");

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	context = AllocSetContextCreate(PortalContext, "cvwiz.run_retention",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	initStringInfo(&failures);

	/* The statement itself has a snapshot by now. */
	transaction_commit();

	relations = relations_to_run(relid);
	foreach(lc, relations)
	{
		RunResult	result;

		retention_run(lfirst_oid(lc), RUN_BY_CALL, context, &result);
		if (result.success || result.skipped || (result.hold && result.residue > 0))
			continue;
		appendStringInfo(&failures, "%sTable %s: %s.", failed > 0 ? "\n" : "",
						 result.relation_name, result.error);
		failed++;
	}

	if (failed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_RAISE_EXCEPTION),
				 errmsg("retention failed for %d of %d tables", failed, list_length(relations)),
				 errdetail_internal("%s", failures.data),
				 errhint("The other steps are done and committed; see cvwiz.retention_runs.")));

	SPI_finish();
	MemoryContextDelete(context);
	PG_RETURN_VOID();
}
