/*-------------------------------------------------------------------------
 *
 * run.c
 *		One execution of a plan: steps, residue, record.
 *
 * The worker, CALL cvwiz.run_retention() and
 * SELECT cvwiz.cleanup_old_logs() differ only in who ends the transactions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "postmaster/interrupt.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "compat.h"
#include "guard.h"
#include "privilege.h"
#include "query.h"
#include "retention/bounds.h"
#include "retention/detach.h"
#include "retention/detached.h"
#include "retention/plan.h"
#include "retention/policy.h"
#include "retention/progress.h"
#include "retention/record.h"
#include "retention/retention.h"
#include "retention/run_lock.h"
#include "retention/step.h"
#include "settings.h"
#include "transaction.h"

/* Tries at a step that gets no lock, and the longest pause after the first. */
#define STEP_ATTEMPTS			5
#define STEP_ATTEMPTS_ATOMIC	2
#define STEP_RETRY_PAUSE_MS		500

/* Rows that come in late, or were locked, are looked for a second time. */
#define PURGE_PASSES			2

typedef struct Run
{
	Oid			relid;
	RunOrigin	origin;
	TimestampTz now;
	MemoryContext context;		/* lives as long as the run */
	MemoryContext scratch;		/* lives as long as one transaction */
	bool		gave_up;		/* a step got no lock; others get one attempt */
	RetentionPolicy *policy;	/* as at its start */
	RunRecord	record;

	/* of the step at work */
	List	   *steps;
	RetentionStep *step;
	ToplevelRequest *request;	/* of a detach; NULL: nothing to do */
	bool		detached;		/* by it */
	PurgePosition position;
	bool		more;
	Oid			failed_target;	/* of the last step that failed */
	StepCounts	counts;
	StepCounts	total;			/* of RUN_BY_FUNCTION, recorded at its end */
	RunResult  *result;
} Run;

/* ---- one run a table ---- */

/*
 * Whether this very backend is in a run: a trigger of the table could begin
 * another, which would find the advisory lock its own.
 */
static bool running = false;

static bool
lock_run(Oid relid, RunOrigin origin)
{
	if (running || !run_lock_take(relid, origin == RUN_BY_FUNCTION))
		return false;
	running = true;
	return true;
}

/* The function's lock lasts as long as its deletes are not committed. */
static void
unlock_run(Oid relid, RunOrigin origin)
{
	running = false;
	if (origin != RUN_BY_FUNCTION)
		run_lock_release(relid);
}

/* ---- transactions ---- */

/*
 * Ends the transaction of a step, where that is ours to do.  A commit can
 * fail as well; then a new transaction has begun all the same.
 */
static ErrorData *
commit_step(Run *run)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData  *volatile error = NULL;

	if (run->origin == RUN_BY_FUNCTION)
		return NULL;

	PG_TRY();
	{
		transaction_commit();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();
	return error;
}

/*
 * A trigger that sleeps must not keep the worker from other tables.  What a
 * session does has its statement_timeout; a worker has to set the alarm itself.
 */
static void
start_timeout(const Run *run)
{
	if (run->origin == RUN_BY_WORKER && setting_step_timeout > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, setting_step_timeout);
}

static void
end_timeout(const Run *run)
{
	if (run->origin == RUN_BY_WORKER && setting_step_timeout > 0)
		disable_timeout(STATEMENT_TIMEOUT, false);
}

/* Somebody may want a long purge to go easier: a larger pause, smaller batches. */
static void
follow_settings(const Run *run)
{
	if (run->origin != RUN_BY_WORKER || !ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
}

/* An action in a transaction of its own, once.  Its error, or NULL. */
static ErrorData *
try_in_transaction(Run *run, GuardedAction action)
{
	ErrorData  *error;

	CHECK_FOR_INTERRUPTS();
	follow_settings(run);
	start_timeout(run);
	error = guard(action, run);
	if (error == NULL)
		error = commit_step(run);
	end_timeout(run);
	return error;
}

/* Lets go of everything, for a while that is longer for each attempt. */
static void
pause_before_retry(Run *run, int attempt)
{
	(void) commit_step(run);
	if (run->origin != RUN_BY_FUNCTION)
		transaction_pause_at_random(STEP_RETRY_PAUSE_MS * attempt);
}

/* Records the error of the last attempt; a request to stop is raised. */
static void
note_failure(Run *run, const char *where, ErrorData *error)
{
	if (is_stop_request(error))
		ReThrowError(error);
	run->gave_up |= transaction_worth_another_try(error);
	run->failed_target = run->step != NULL ? run->step->target : InvalidOid;
	record_error(&run->record, where, error);
	(void) commit_step(run);
}

static int
attempts_allowed(const Run *run)
{
	return run->gave_up ? 1 :
		run->origin == RUN_BY_FUNCTION ? STEP_ATTEMPTS_ATOMIC : STEP_ATTEMPTS;
}

/*
 * Does an action of the run in a transaction of its own, again where it got
 * no lock.  False, and the error recorded, if it failed.  What the action
 * allocates is gone afterwards.
 */
static bool
do_in_transaction(Run *run, GuardedAction action, const char *where)
{
	MemoryContext caller = MemoryContextSwitchTo(run->scratch);
	int			attempts = attempts_allowed(run);
	ErrorData  *error;

	for (int attempt = 1;; attempt++)
	{
		error = try_in_transaction(run, action);
		if (error == NULL || attempt == attempts || !transaction_worth_another_try(error))
			break;

		/* a row that somebody has locked is left, rather than waited for again */
		run->position.skip_locked = true;
		pause_before_retry(run, attempt);
	}
	if (error != NULL)
		note_failure(run, where, error);

	MemoryContextSwitchTo(caller);
	MemoryContextReset(run->scratch);
	return error == NULL;
}

/* ---- what is done in them ---- */

static void
begin_action(void *arg)
{
	Run		   *run = (Run *) arg;

	record_start(&run->record, run->origin, run->now);
	progress_begin(&run->record, run->origin);
	detached_forget_stale(run->relid);
}

static void
plan_action(void *arg)
{
	Run		   *run = (Run *) arg;

	MemoryContextSwitchTo(run->context);
	policy_check_enabled(run->relid);
	run->policy = policy_require(run->relid);
	run->result->hold = run->policy->hold;
	run->result->retention_days = run->policy->retention_days;
	run->result->cutoff = policy_cutoff(run->policy, run->now);
	record_policy(&run->record, run->result);

	/* one may have come since the policy was added */
	check_incoming_foreign_keys(run->relid);
	run->steps = plan_retention(run->policy, run->now);
}

/*
 * With the step's own transaction.  In the caller's there is one commit only,
 * and a row that is updated for each batch would be slower each time.
 */
static void
record_step(Run *run)
{
	if (run->origin != RUN_BY_FUNCTION)
	{
		record_counts(&run->record, &run->counts);
		return;
	}
	run->total.deleted += run->counts.deleted;
	run->total.created += run->counts.created;
	run->total.detached += run->counts.detached;
	run->total.dropped += run->counts.dropped;
}

static void
step_action(void *arg)
{
	Run		   *run = (Run *) arg;

	memset(&run->counts, 0, sizeof(run->counts));
	step_execute(run->policy, run->step, run->now, &run->counts);
	record_step(run);
}

/*
 * Where a partition can't be detached concurrently, this does it plainly.
 */
static void
begin_detach_action(void *arg)
{
	Run		   *run = (Run *) arg;

	run->request = NULL;
	if (detach_obstacle(run->step->parent, run->step->target) != NULL)
		step_action(arg);
	else if (run->step->action == STEP_FINALIZE)
		run->request = detach_begin_finalize(run->policy, run->step, run->context);
	else
		run->request = detach_begin(run->policy, run->step, run->now, run->context);
}

/* The worker that it starts has an alarm of its own. */
static void
toplevel_action(void *arg)
{
	Run		   *run = (Run *) arg;
	ErrorData  *error;

	end_timeout(run);
	error = toplevel_run(run->request);
	if (error != NULL)
		ReThrowError(error);
}

static void
finish_detach_action(void *arg)
{
	Run		   *run = (Run *) arg;

	memset(&run->counts, 0, sizeof(run->counts));
	run->detached = detach_finish(run->policy, run->step, run->now, &run->counts);
	run->request = run->detached ? NULL :
		detach_begin_finalize(run->policy, run->step, run->context);
	record_step(run);
}

static void
count_rows_action(void *arg)
{
	Run		   *run = (Run *) arg;

	detach_count_rows(run->policy, run->step);
}

static void
empty_action(void *arg)
{
	Run		   *run = (Run *) arg;

	memset(&run->counts, 0, sizeof(run->counts));
	step_empty(run->policy, run->step, run->now, &run->counts);
	record_step(run);
}

static void
begin_purge_action(void *arg)
{
	Run		   *run = (Run *) arg;

	step_begin_purge(run->policy, run->step, &run->position);
}

static void
purge_action(void *arg)
{
	Run		   *run = (Run *) arg;
	PurgePosition position = run->position;

	memset(&run->counts, 0, sizeof(run->counts));
	run->more = step_purge_batch(run->policy, run->step, run->now, &position, &run->counts);
	record_step(run);
	run->position = position;
}

static void
residue_action(void *arg)
{
	Run		   *run = (Run *) arg;

	run->result->residue = step_measure_residue(run->policy, run->result->cutoff);
}

/* ---- the run ---- */

static void
run_purge(Run *run, const char *where)
{
	if (!do_in_transaction(run, begin_purge_action, where))
		return;

	do
	{
		if (!do_in_transaction(run, purge_action, where))
			return;
		progress_add_rows(run->counts.deleted);
		if (run->more && run->origin != RUN_BY_FUNCTION && setting_purge_pause > 0)
			transaction_pause(setting_purge_pause);
	} while (run->more);
}

/* A background worker may be free in a moment, as a lock may. */
static bool
worth_another_detach(const ErrorData *error)
{
	return transaction_worth_another_try(error) ||
		error->sqlerrcode == ERRCODE_CONFIGURATION_LIMIT_EXCEEDED;
}

/*
 * Whatever has become of an attempt is looked at afterwards: what it has left
 * pending, the next one finalizes.
 */
static bool
detach_at_top_level(Run *run, const char *where)
{
	MemoryContext caller = MemoryContextSwitchTo(run->context);
	int			attempts = attempts_allowed(run);
	ErrorData  *error;

	for (int attempt = 1;; attempt++)
	{
		ToplevelRequest *request = run->request;

		error = try_in_transaction(run, toplevel_action);
		if (error != NULL && is_stop_request(error))
			ReThrowError(error);
		if (!do_in_transaction(run, finish_detach_action, where) || run->detached ||
			error == NULL || attempt == attempts || !worth_another_detach(error))
			break;
		if (run->request == NULL)
			run->request = request;
		pause_before_retry(run, attempt);
	}
	if (!run->detached && error != NULL)
		note_failure(run, where, error);
	MemoryContextSwitchTo(caller);
	return run->detached;
}

static void
run_detach(Run *run, const char *where)
{
	bool		by_function = run->origin == RUN_BY_FUNCTION;

	run->request = NULL;
	if (!do_in_transaction(run, by_function ? step_action : begin_detach_action, where))
		return;
	if (run->request != NULL && !detach_at_top_level(run, where))
		return;
	if (!policy_drops_at_once(run->policy))
		(void) do_in_transaction(run, count_rows_action, where);
}

static void
run_drop(Run *run, const char *where)
{
	if (do_in_transaction(run, empty_action, where))
		(void) do_in_transaction(run, step_action, where);
}

static void
run_step(Run *run)
{
	char	   *where = psprintf("%s %s", step_action_name(run->step->action),
								 run->step->target_name);

	progress_step(step_action_name(run->step->action), run->step->target_schema,
				  run->step->target_name, run->step->rows_estimate);
	switch (run->step->action)
	{
		case STEP_FINALIZE:
		case STEP_DETACH:
			run_detach(run, where);
			break;
		case STEP_DROP:
			run_drop(run, where);
			break;
		case STEP_PURGE:
			run_purge(run, where);
			break;
		case STEP_CREATE:
		case STEP_ARCHIVE:
			(void) do_in_transaction(run, step_action, where);
			break;
	}
	pfree(where);
}

/* What was not detached or not archived is not dropped. */
static bool
is_in_vain(const Run *run, const RetentionStep *step)
{
	return (step->action == STEP_ARCHIVE || step->action == STEP_DROP) &&
		step->target == run->failed_target;
}

static void
run_steps(Run *run, bool purges_only)
{
	ListCell   *lc;

	foreach(lc, run->steps)
	{
		run->step = (RetentionStep *) lfirst(lc);
		if ((!purges_only || run->step->action == STEP_PURGE) && !is_in_vain(run, run->step))
			run_step(run);
	}
}

static void
run_plan(Run *run)
{
	for (int pass = 1;; pass++)
	{
		run_steps(run, pass > 1);
		run->result->residue = -1;
		progress_step("measure residue", NULL, NULL, -1);
		if (!do_in_transaction(run, residue_action, "measure residue") ||
			run->result->residue == 0 || run->record.failed || run->policy->hold ||
			pass >= PURGE_PASSES)
			return;
	}
}

static void
finish_record(Run *run, instr_time started)
{
	/* those of failed steps */
	detached_forget_stale(run->relid);
	if (run->origin == RUN_BY_FUNCTION)
		record_counts(&run->record, &run->total);
	record_finish(&run->record, started, clock_is_set() ? run->now : clock_now(),
				  run->context, run->result);
}

static void
run_locked(Run *run)
{
	instr_time	started;
	ErrorData  *error;

	INSTR_TIME_SET_CURRENT(started);
	error = guard(begin_action, run);
	if (error == NULL)
		error = commit_step(run);
	if (error != NULL)
		ReThrowError(error);	/* nowhere to record it */

	PG_TRY();
	{
		if (do_in_transaction(run, plan_action, "plan"))
			run_plan(run);
	}
	PG_CATCH();
	{
		ErrorData  *stop;

		if (run->origin == RUN_BY_FUNCTION)
			PG_RE_THROW();

		/* Cancelled: what is committed stays, and the record ends. */
		MemoryContextSwitchTo(run->context);
		stop = CopyErrorData();
		FlushErrorState();
		SPI_rollback();
		transaction_see_committed_rows();
		MemoryContextSwitchTo(run->context);
		record_error(&run->record, "stopped", stop);
		finish_record(run, started);
		(void) commit_step(run);
		ReThrowError(stop);
	}
	PG_END_TRY();

	finish_record(run, started);
	error = commit_step(run);
	if (error != NULL)
		ReThrowError(error);
}

void
retention_run(Oid relid, RunOrigin origin, MemoryContext context,
			  RunResult *result)
{
	MemoryContext caller = CurrentMemoryContext;
	Run			run = {0};

	MemoryContextSwitchTo(context);
	memset(result, 0, sizeof(RunResult));
	result->relid = relid;
	result->residue = -1;
	result->relation_name = qualified_relation_name(relid);
	if (result->relation_name == NULL)
	{
		/* dropped since the call began */
		result->relation_name = psprintf("%u", relid);
		result->skipped = true;
		result->error = pstrdup("skipped: the table is gone");
		MemoryContextSwitchTo(caller);
		return;
	}

	run.relid = relid;
	run.record.relid = relid;
	run.record.relation_name = result->relation_name;
	run.origin = origin;
	run.now = clock_now();
	run.result = result;
	run.context = context;
	run.scratch = AllocSetContextCreate(context, "cvwiz transaction",
										ALLOCSET_DEFAULT_SIZES);

	if (!lock_run(relid, origin))
	{
		result->skipped = true;
		result->error = pstrdup("skipped: another run is at work on this table");
		ereport(origin == RUN_BY_WORKER ? LOG : NOTICE,
				(running ?
				 errmsg("table %s is left out: a retention run does not begin another",
						result->relation_name) :
				 errmsg("another retention run is at work on table %s, which is left to it",
						result->relation_name)));
		MemoryContextSwitchTo(caller);
		return;
	}

	PG_TRY();
	{
		run_locked(&run);
	}
	PG_FINALLY();
	{
		progress_end();
		unlock_run(relid, origin);
	}
	PG_END_TRY();
	MemoryContextDelete(run.scratch);
	MemoryContextSwitchTo(caller);
}
