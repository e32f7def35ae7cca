/*-------------------------------------------------------------------------
 *
 * monitor.c
 *		The worker that takes samples and evaluates the alerts of one database.
 *
 * It is connected as the bootstrap superuser, reads cvwiz's own views and
 * writes cvwiz's own tables.  It comes every few seconds, so it waits for
 * nothing for long, and says only now and then that it still fails.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "background/spawn.h"
#include "monitor/alerts.h"
#include "query.h"
#include "scheduler/scheduler.h"
#include "stats/counters.h"
#include "transaction.h"

/*
 * The longest that a job may take, the others' databases wait as long.  Samples
 * see to it themselves, table by table.
 */
#define EVALUATION_TIMEOUT_MS	30000
#define NO_TIMEOUT				0

/*
 * The first failure in a row is logged, of those to get a lock, which pass, the
 * third, and then, with the default of cvwiz.alert_interval, one an hour.
 */
#define PATIENCE_WITH_LOCKS 3
#define FAILURES_BETWEEN_MESSAGES 240

typedef void (*MonitorJob) (void *arg);

typedef struct MonitorCycle
{
	int			slot;
	DatabaseState state;
	List	   *changes;
} MonitorCycle;

/* ---- the jobs, each of a transaction ---- */

static void
look_around(void *arg)
{
	MonitorCycle *cycle = (MonitorCycle *) arg;

	SPI_connect();
	cycle->state = database_state();
	SPI_finish();
}

static void
take_samples(void *arg)
{
	SPI_connect();
	query_run_only("SELECT cvwiz.sample_sizes()", NULL);
	SPI_finish();
}

static void
evaluate(void *arg)
{
	((MonitorCycle *) arg)->changes = alerts_evaluate();
}

/* ---- running them ---- */

static bool
is_worth_a_message(const ErrorData *error, int failures)
{
	int			first = transaction_worth_another_try(error) ? PATIENCE_WITH_LOCKS : 1;

	return failures == first || failures % FAILURES_BETWEEN_MESSAGES == 0;
}

static void
report_failure(const char *what, const ErrorData *error, int failures)
{
	ereport(is_worth_a_message(error, failures) ? WARNING : DEBUG1,
			(errcode(error->sqlerrcode),
			 errmsg("%s in database \"%s\" failed: %s", what,
					get_database_name(MyDatabaseId), error->message),
			 error->detail ? errdetail_internal("%s", error->detail) : 0,
			 error->hint ? errhint("%s", error->hint) : 0));
}

/* NULL, or the error that its transaction was aborted for. */
static ErrorData *
try_job(MonitorJob job, void *arg, int timeout_ms, MemoryContext context)
{
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		MemoryContextSwitchTo(context);
		if (timeout_ms != NO_TIMEOUT)
			enable_timeout_after(STATEMENT_TIMEOUT, timeout_ms);
		job(arg);
		disable_timeout(STATEMENT_TIMEOUT, false);
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		disable_timeout(STATEMENT_TIMEOUT, false);
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();

	MemoryContextSwitchTo(context);
	return error;
}

/* Runs a job that must not stop the others, and counts its failures in a row. */
static void
run_job(MonitorJob job, void *arg, const char *what, int timeout_ms, int *failures,
		MemoryContext context)
{
	ErrorData  *error;

	pgstat_report_activity(STATE_RUNNING, psprintf("cvwiz: %s", what));
	error = try_job(job, arg, timeout_ms, context);
	*failures = error == NULL ? 0 : *failures + 1;
	if (error == NULL)
		return;

	/* the name of the database is looked up in a transaction */
	StartTransactionCommand();
	report_failure(what, error, *failures);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
}

static void
log_changes(List *changes)
{
	if (changes == NIL)
		return;
	StartTransactionCommand();
	alerts_log(changes);
	CommitTransactionCommand();
}

void
cvwiz_monitor_main(Datum arg)
{
	MemoryContext context;
	MonitorTask task;
	MonitorCycle cycle = {0};

	memcpy(&task, MyBgworkerEntry->bgw_extra, sizeof(task));
	spawn_connect(task.database, InvalidOid);
	if (RecoveryInProgress())
		return;

	context = AllocSetContextCreate(TopMemoryContext, "cvwiz monitor",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);

	run_job(look_around, &cycle, "looking for the extension", EVALUATION_TIMEOUT_MS,
			&task.failures.looks, context);
	launcher_report_failures(&task.failures);
	launcher_report(DatumGetInt32(arg), cycle.state);
	if (cycle.state != DATABASE_SERVED)
		return;

	run_job(take_samples, NULL, "taking samples", NO_TIMEOUT,
			&task.failures.samples, context);
	run_job(evaluate, &cycle, "evaluating alerts", EVALUATION_TIMEOUT_MS,
			&task.failures.evaluations, context);
	launcher_report_failures(&task.failures);

	if (task.failures.evaluations == 0)
	{
		counters_worker(WORKER_ALERT_EVALUATION);
		/* now that it is certain that they are written */
		log_changes(cycle.changes);
	}
	pgstat_report_activity(STATE_IDLE, NULL);
}
