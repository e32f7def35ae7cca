/*-------------------------------------------------------------------------
 *
 * launcher.c
 *		The launcher: starts a worker for each database, again and again.
 *
 * It is connected to no database, so that none is ever kept from being dropped
 * or renamed by it, and it ends a worker that somebody waits for who wants to
 * do that.
 *
 * There are two kinds of rounds through the databases: every cvwiz.naptime
 * that of the workers, which may be long at work, and every
 * cvwiz.alert_interval that of the monitor, one short-lived worker at a time
 * in a slot of its own, so that no purge holds up the alerts.  The monitor goes
 * only where a worker has found the extension.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "background/spawn.h"
#include "scheduler/catalog.h"
#include "scheduler/scheduler.h"
#include "scheduler/shared.h"
#include "settings.h"

/* How often a running worker's database is looked at, see end_unwanted_workers(). */
#define WATCH_INTERVAL_MS 1000

#define LAUNCHER_RESTART_SECONDS 5

typedef struct WorkerSlot
{
	Database	database;		/* oid is InvalidOid: free */
	BackgroundWorkerHandle *handle;
} WorkerSlot;

/* A database where a worker has found the extension. */
typedef struct ServedDatabase
{
	Oid			oid;
	MonitorFailures failures;
} ServedDatabase;

StaticAssertDecl(sizeof(MonitorTask) <= BGW_EXTRALEN, "no room for the monitor's task");

static WorkerSlot slots[MAX_SLOTS];
static bool starved[MAX_SLOTS]; /* only [0] and [MONITOR_SLOT]; logged already */
static List *other_versions = NIL;	/* OIDs of databases, logged already */
static List *served = NIL;		/* of ServedDatabase */
static TimestampTz next_alerts = 0; /* the monitor's next round */

/* ---- registration ---- */

void
launcher_register(void)
{
	BackgroundWorker worker;

	launcher_shared_register();
	if (IsBinaryUpgrade)
		return;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = LAUNCHER_RESTART_SECONDS;
	snprintf(worker.bgw_library_name, sizeof(worker.bgw_library_name), "cvwiz");
	snprintf(worker.bgw_function_name, sizeof(worker.bgw_function_name), "cvwiz_launcher_main");
	snprintf(worker.bgw_name, sizeof(worker.bgw_name), "cvwiz launcher");
	snprintf(worker.bgw_type, sizeof(worker.bgw_type), "cvwiz launcher");
	RegisterBackgroundWorker(&worker);
}

/* ---- workers ---- */

static bool
is_served_now(Oid database)
{
	for (int i = 0; i < MAX_WORKERS; i++)
	{
		if (slots[i].database.oid == database)
			return true;
	}
	return false;
}

static int
free_slot(void)
{
	for (int i = 0; i < MAX_WORKERS; i++)
	{
		if (!OidIsValid(slots[i].database.oid))
			return i;
	}
	return -1;
}

static bool
any_worker(void)
{
	for (int i = 0; i < MAX_SLOTS; i++)
	{
		if (OidIsValid(slots[i].database.oid))
			return true;
	}
	return false;
}

static ServedDatabase *
find_served(Oid database)
{
	ListCell   *lc;

	foreach(lc, served)
	{
		if (((ServedDatabase *) lfirst(lc))->oid == database)
			return (ServedDatabase *) lfirst(lc);
	}
	return NULL;
}

static void
forget_served(ServedDatabase *database)
{
	served = list_delete_ptr(served, database);
	pfree(database);
}

/* The monitor's turn is at once where the extension has just been found. */
static void
note_served(Oid database, bool is_served)
{
	ServedDatabase *known = find_served(database);

	if (is_served && known == NULL)
	{
		known = (ServedDatabase *) palloc0(sizeof(ServedDatabase));
		known->oid = database;
		served = lappend(served, known);
		next_alerts = 0;
	}
	else if (!is_served && known != NULL)
		forget_served(known);
}

static void
note_state(const Database *database, DatabaseState state)
{
	MemoryContext caller = MemoryContextSwitchTo(TopMemoryContext);

	if (state == DATABASE_OTHER_VERSION && !list_member_oid(other_versions, database->oid))
	{
		ereport(LOG,
				(errmsg("cvwiz in database \"%s\" is not of the library's version, %s: its policies wait",
						NameStr(database->name), CVWIZ_VERSION),
				 errhint("ALTER EXTENSION cvwiz UPDATE in that database, or restart the server if the library was replaced.")));
		other_versions = lappend_oid(other_versions, database->oid);
	}
	else if (state != DATABASE_OTHER_VERSION)
		other_versions = list_delete_oid(other_versions, database->oid);

	note_served(database->oid, state == DATABASE_SERVED);
	MemoryContextSwitchTo(caller);
}

/*
 * Once for each report: while a worker is at work, the extension that it has
 * found may go.
 */
static void
read_report(int slot)
{
	DatabaseState state = launcher_shared->states[slot];

	if (state == DATABASE_UNKNOWN)
		return;
	launcher_shared->states[slot] = DATABASE_UNKNOWN;
	note_state(&slots[slot].database, state);
}

static void
note_failures(Oid database)
{
	ServedDatabase *known = find_served(database);

	if (known != NULL)
		known->failures = launcher_shared->failures;
}

/* What workers have found, also those that are still at work. */
static void
reap_workers(void)
{
	for (int i = 0; i < MAX_SLOTS; i++)
	{
		pid_t		pid;
		bool		stopped;

		if (!OidIsValid(slots[i].database.oid))
			continue;
		stopped = GetBackgroundWorkerPid(slots[i].handle, &pid) == BGWH_STOPPED;
		read_report(i);
		if (!stopped)
			continue;
		if (i == MONITOR_SLOT)
			note_failures(slots[i].database.oid);
		pfree(slots[i].handle);
		memset(&slots[i], 0, sizeof(WorkerSlot));
	}
}

static void
end_unwanted_workers(void)
{
	for (int i = 0; i < MAX_SLOTS; i++)
	{
		if (OidIsValid(slots[i].database.oid) &&
			(!setting_worker || catalog_database_is_claimed(slots[i].database.oid)))
			TerminateBackgroundWorker(slots[i].handle);
	}
}

/* Whether a worker was to be had; kind is the first slot of its kind. */
static bool
launch(BackgroundWorker *worker, int slot, int kind, const Database *database)
{
	MemoryContext caller;
	bool		started;

	worker->bgw_main_arg = Int32GetDatum(slot);
	launcher_shared->states[slot] = DATABASE_UNKNOWN;

	/* the handle has to last */
	caller = MemoryContextSwitchTo(TopMemoryContext);
	started = RegisterDynamicBackgroundWorker(worker, &slots[slot].handle);
	MemoryContextSwitchTo(caller);

	if (started)
		slots[slot].database = *database;
	else if (!starved[kind])
		ereport(LOG,
				(errmsg("cvwiz gets no background worker"),
				 errhint("Raise \"max_worker_processes\".")));
	starved[kind] = !started;
	launcher_shared->starved = starved[0] || starved[MONITOR_SLOT];
	return started;
}

static bool
start_worker(int slot, const Database *database)
{
	BackgroundWorker worker;

	spawn_describe(&worker, "cvwiz_database_main", "cvwiz worker");
	snprintf(worker.bgw_name, sizeof(worker.bgw_name), "cvwiz worker for database %u", database->oid);
	memcpy(worker.bgw_extra, &database->oid, sizeof(Oid));
	return launch(&worker, slot, 0, database);
}

/* Starts what it can; returns what has to wait for a free slot. */
static List *
start_workers(List *queue)
{
	while (queue != NIL)
	{
		Database   *database = (Database *) linitial(queue);
		int			slot = free_slot();

		if (slot < 0)
			return queue;
		if (!is_served_now(database->oid) && !catalog_database_is_claimed(database->oid) &&
			!start_worker(slot, database))
			return queue;
		queue = list_delete_first(queue);
	}
	return NIL;
}

/* ---- the monitor ---- */

/* The databases that the monitor goes through: served, and still there. */
static List *
list_served(MemoryContext context)
{
	List	   *databases = catalog_list_databases(context);
	List	   *gone = list_copy(served);
	ListCell   *lc;

	foreach(lc, databases)
	{
		ServedDatabase *known = find_served(((Database *) lfirst(lc))->oid);

		if (known == NULL)
			databases = foreach_delete_current(databases, lc);
		else
			gone = list_delete_ptr(gone, known);
	}
	foreach(lc, gone)
		forget_served((ServedDatabase *) lfirst(lc));
	list_free(gone);
	return databases;
}

static bool
start_monitor(const Database *database)
{
	BackgroundWorker worker;
	MonitorTask task = {0};
	ServedDatabase *known = find_served(database->oid);

	/* it may have lost the extension meanwhile */
	if (known == NULL)
		return true;
	task.database = database->oid;
	task.failures = known->failures;
	/* of one that ends before its time nothing new is known */
	launcher_shared->failures = known->failures;

	spawn_describe(&worker, "cvwiz_monitor_main", "cvwiz monitor");
	snprintf(worker.bgw_name, sizeof(worker.bgw_name), "cvwiz monitor for database %u", database->oid);
	memcpy(worker.bgw_extra, &task, sizeof(task));
	return launch(&worker, MONITOR_SLOT, MONITOR_SLOT, database);
}

/* One database at a time; returns those whose turn is still to come. */
static List *
go_on_monitoring(List *queue)
{
	while (queue != NIL && !OidIsValid(slots[MONITOR_SLOT].database.oid))
	{
		Database   *database = (Database *) linitial(queue);

		if (!catalog_database_is_claimed(database->oid) && !start_monitor(database))
			return queue;
		queue = list_delete_first(queue);
	}
	return queue;
}

/* ---- the loop ---- */

static void
clear_pid(int code, Datum arg)
{
	launcher_shared->pid = 0;
}

static void
reload_settings(void)
{
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	catalog_settings_changed();
}

/*
 * Whether a round is due, and if so when the next one is.  One that would come
 * later than in an interval was planned for another setting, or clock.
 */
static bool
round_is_due(TimestampTz *next, int interval)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz interval_us = (TimestampTz) interval * USECS_PER_SEC;

	if (now < *next && *next - now <= interval_us)
		return false;
	*next = now + interval_us;
	return true;
}

static long
time_to_wait(TimestampTz next, bool busy)
{
	long		timeout = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next);

	return busy ? Min(timeout, WATCH_INTERVAL_MS) : timeout;
}

void
cvwiz_launcher_main(Datum arg)
{
	MemoryContext round_context;
	MemoryContext monitor_context;
	List	   *queue = NIL;
	List	   *monitor_queue = NIL;
	TimestampTz next_round = 0;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	launcher_shared->pid = MyProcPid;
	launcher_shared->starved = false;
	before_shmem_exit(clear_pid, (Datum) 0);
	pgstat_report_activity(STATE_IDLE, NULL);

	round_context = AllocSetContextCreate(TopMemoryContext, "cvwiz launcher",
										  ALLOCSET_DEFAULT_SIZES);
	monitor_context = AllocSetContextCreate(TopMemoryContext, "cvwiz launcher alerts",
											ALLOCSET_DEFAULT_SIZES);

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		reload_settings();
		reap_workers();
		end_unwanted_workers();

		if (round_is_due(&next_round, setting_naptime))
		{
			MemoryContextReset(round_context);
			queue = setting_worker ? catalog_list_databases(round_context) : NIL;
		}
		MemoryContextSwitchTo(round_context);
		queue = setting_worker ? start_workers(queue) : NIL;

		/* a round that takes longer than the interval ends first */
		if (monitor_queue == NIL && round_is_due(&next_alerts, setting_alert_interval))
		{
			MemoryContextReset(monitor_context);
			MemoryContextSwitchTo(monitor_context);
			monitor_queue = setting_worker ? list_served(monitor_context) : NIL;
		}
		MemoryContextSwitchTo(monitor_context);
		monitor_queue = setting_worker ? go_on_monitoring(monitor_queue) : NIL;

		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 time_to_wait(monitor_queue == NIL ? Min(next_round, next_alerts) : next_round,
									  any_worker() || queue != NIL || monitor_queue != NIL),
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}
