/*-------------------------------------------------------------------------
 *
 * convert.c
 *		The SQL functions that convert a table, and undo it: step by step,
 *		each read anew from where the table stands.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "clock.h"
#include "privilege.h"
#include "retention/convert.h"
#include "retention/convert_step.h"
#include "retention/plan.h"
#include "retention/policy.h"
#include "retention/run_lock.h"
#include "transaction.h"

/* More steps than any plan has: one that does not get us on would be endless. */
#define MAX_STEPS			200

PG_FUNCTION_INFO_V1(cvwiz_partition_by_month);
PG_FUNCTION_INFO_V1(cvwiz_partition_by_month_plan);
PG_FUNCTION_INFO_V1(cvwiz_undo_partition_by_month);

/* ---- step by step ---- */

/* The scratch memory lives as long as one step. */
static void
do_steps(Converter *converter, MemoryContext scratch)
{
	for (converter->steps = 0; converter->steps < MAX_STEPS; converter->steps++)
	{
		List	   *steps;
		ConvertStep *step;

		MemoryContextReset(scratch);
		MemoryContextSwitchTo(scratch);
		CHECK_FOR_INTERRUPTS();
		convert_read(&converter->conversion, converter->time_column);
		steps = convert_plan(&converter->conversion);
		if (steps == NIL)
			return;
		step = (ConvertStep *) linitial(steps);
		ereport(NOTICE,
				(errmsg("step %d: %s", converter->steps + 1, convert_action_name(step->action))));
		transaction_commit();
		convert_do_step(converter, step);
	}
	elog(ERROR, "the conversion of table \"%s\" does not get on",
		 get_rel_name(converter->conversion.relid));
}

/*
 * No run of the table's policy until the table has its new OID.  What is done
 * after that is confirmed under the table's own lock.
 */
static void
convert_locked(Converter *converter, MemoryContext scratch)
{
	Oid			relid = converter->conversion.relid;

	if (!run_lock_take(relid, false))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("a retention run or a conversion is at work on table \"%s\"",
						get_rel_name(relid)),
				 errhint("Call again when it has ended.")));
	PG_TRY();
	{
		convert_read(&converter->conversion, converter->time_column);
		convert_check(&converter->conversion, true);
		do_steps(converter, scratch);
	}
	PG_FINALLY();
	{
		run_lock_release(relid);
	}
	PG_END_TRY();
}

/* ---- the SQL functions ---- */

static void
check_can_commit(FunctionCallInfo fcinfo, const char *procedure)
{
	if (!transaction_is_ours(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("%s cannot run inside a transaction block", procedure),
				 errdetail("It commits after each step."),
				 errhint("Call it on its own.")));
	PreventCommandDuringRecovery(procedure);
	PreventCommandIfReadOnly(procedure);
}

static char *
time_column_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("time_column must not be null"),
				 errhint("Name the column that has the time of each row.")));
	return pstrdup(NameStr(*PG_GETARG_NAME(1)));
}

static int
retention_days_argument(FunctionCallInfo fcinfo)
{
	int			days;

	if (PG_ARGISNULL(2))
		return 0;
	days = PG_GETARG_INT32(2);
	policy_check_retention_days(PG_GETARG_OID(0), days);
	return days;
}

static bool
keep_unique_argument(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("keep_unique must not be null"),
				 errhint("Leave it out for its default, false.")));
	return PG_GETARG_BOOL(n);
}

static void
begin_converter(Converter *converter, FunctionCallInfo fcinfo)
{
	memset(converter, 0, sizeof(Converter));
	converter->conversion.relid = owned_relation_argument(fcinfo, AccessShareLock);
	converter->conversion.caller = GetUserId();
	converter->conversion.now = clock_now();
}

/* The caller's statement has a snapshot, and its arguments, until the commit. */
static void
convert(Converter *converter)
{
	MemoryContext context = AllocSetContextCreate(PortalContext, "cvwiz conversion",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext scratch = AllocSetContextCreate(context, "cvwiz conversion step",
												  ALLOCSET_DEFAULT_SIZES);

	if (converter->time_column != NULL)
		converter->time_column = MemoryContextStrdup(context, converter->time_column);
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(context);
	transaction_commit();

	convert_locked(converter, scratch);
}

/*
 * SQL: CALL cvwiz.partition_by_month(relation regclass, time_column name,
 *									  retention_days int, keep_unique boolean)
 */
Datum
cvwiz_partition_by_month(PG_FUNCTION_ARGS)
{
	Converter	converter;

	check_can_commit(fcinfo, "cvwiz.partition_by_month()");
	begin_converter(&converter, fcinfo);
	converter.time_column = time_column_argument(fcinfo);
	converter.conversion.retention_days = retention_days_argument(fcinfo);
	converter.conversion.keep_unique = keep_unique_argument(fcinfo, 3);

	convert(&converter);
	if (converter.steps == 0)
		ereport(NOTICE,
				(errmsg("table \"%s\" is converted already", get_rel_name(converter.conversion.relid))));
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * SQL: CALL cvwiz.undo_partition_by_month(relation regclass)
 */
Datum
cvwiz_undo_partition_by_month(PG_FUNCTION_ARGS)
{
	Converter	converter;

	check_can_commit(fcinfo, "cvwiz.undo_partition_by_month()");
	begin_converter(&converter, fcinfo);
	converter.conversion.undo = true;

	convert(&converter);
	if (converter.steps == 0)
		ereport(NOTICE,
				(errmsg("table \"%s\" has nothing to undo", get_rel_name(converter.conversion.relid))));
	SPI_finish();
	PG_RETURN_VOID();
}

/* ---- the plan ---- */

static char *
script_of(const ConvertStep *step)
{
	List	   *statements = NIL;
	ListCell   *lc;

	foreach(lc, step->statements)
		statements = lappend(statements, ((ConvertStatement *) lfirst(lc))->sql);
	return join_statements(statements);
}

/*
 * SQL: cvwiz.partition_by_month_plan(relation regclass, time_column name,
 *									  keep_unique boolean)
 */
Datum
cvwiz_partition_by_month_plan(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Converter	converter;
	ListCell   *lc;
	int			number = 0;

	PreventCommandDuringRecovery("cvwiz.partition_by_month_plan()");
	begin_converter(&converter, fcinfo);
	converter.time_column = time_column_argument(fcinfo);
	converter.conversion.keep_unique = keep_unique_argument(fcinfo, 2);
	InitMaterializedSRF(fcinfo, 0);

	SPI_connect();
	convert_read(&converter.conversion, converter.time_column);
	convert_check(&converter.conversion, true);
	foreach(lc, convert_plan(&converter.conversion))
	{
		ConvertStep *step = (ConvertStep *) lfirst(lc);
		Datum		values[5];
		bool		nulls[5] = {false};

		values[0] = Int32GetDatum(++number);
		values[1] = CStringGetTextDatum(convert_action_name(step->action));
		values[2] = CStringGetTextDatum(script_of(step));
		values[3] = CStringGetTextDatum(lock_mode_name(convert_lock_mode(step)));
		values[4] = CStringGetTextDatum(convert_blocks(step->action));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}
