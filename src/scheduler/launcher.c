/*-------------------------------------------------------------------------
 *
 * launcher.c
 *		The launcher: starts a worker for each database, again and again.
 *
 * It is connected to no database, so that none is ever kept from being dropped
 * or renamed by it, and it ends a worker that somebody waits for who wants to
 * do that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"
#include "utils/wait_event.h"

#include "background/spawn.h"
#include "scheduler/scheduler.h"
#include "settings.h"

/* Databases served at the same time: a long purge must not starve the others. */
#define MAX_WORKERS 4

/* How often a running worker's database is looked at, see worker_is_in_the_way(). */
#define WATCH_INTERVAL_MS 1000

#define LAUNCHER_RESTART_SECONDS 5

typedef struct LauncherShared
{
	int			pid;			/* 0: not running */
	bool		starved;		/* no free background worker was left */
	DatabaseState states[MAX_WORKERS];
} LauncherShared;

typedef struct Database
{
	Oid			oid;
	NameData	name;
} Database;

typedef struct WorkerSlot
{
	Database	database;		/* oid is InvalidOid: free */
	BackgroundWorkerHandle *handle;
} WorkerSlot;

PG_FUNCTION_INFO_V1(cvwiz_worker_status);

static LauncherShared *shared = NULL;
static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

/* The launcher's own: */
static WorkerSlot slots[MAX_WORKERS];
static List *other_versions = NIL;	/* OIDs of databases, logged already */
static bool names_checked = false;	/* cvwiz.databases has been looked over */

/* ---- shared memory ---- */

static void
request_shared_memory(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(MAXALIGN(sizeof(LauncherShared)));
}

static void
startup_shared_memory(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = (LauncherShared *) ShmemInitStruct("cvwiz launcher",
												sizeof(LauncherShared), &found);
	if (!found)
		memset(shared, 0, sizeof(LauncherShared));
	LWLockRelease(AddinShmemInitLock);
}

void
launcher_report(int slot, DatabaseState state)
{
	shared->states[slot] = state;
}

/*
 * SQL: cvwiz.worker_status(OUT preloaded boolean, OUT launcher_pid int,
 *							OUT starved boolean)
 */
Datum
cvwiz_worker_status(PG_FUNCTION_ARGS)
{
	TupleDesc	tupdesc;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	values[0] = BoolGetDatum(shared != NULL);
	nulls[1] = shared == NULL || shared->pid == 0;
	values[1] = Int32GetDatum(nulls[1] ? 0 : shared->pid);
	nulls[2] = shared == NULL;
	values[2] = BoolGetDatum(shared != NULL && shared->starved);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc),
													  values, nulls)));
}

/* ---- registration ---- */

void
launcher_register(void)
{
	BackgroundWorker worker;

	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shared_memory;

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

/* ---- which databases ---- */

/* The names of cvwiz.databases; NIL for all.  Allocated in the current context. */
static List *
wanted_names(void)
{
	List	   *names;

	if (setting_databases == NULL || setting_databases[0] == '\0')
		return NIL;
	if (!SplitIdentifierString(pstrdup(setting_databases), ',', &names))
	{
		if (!names_checked)
			ereport(LOG,
					(errmsg("invalid list in \"cvwiz.databases\": %s", setting_databases),
					 errhint("The background worker serves every database until that is mended.")));
		return NIL;
	}
	return names;
}

static bool
remove_name(List **names, const char *name)
{
	ListCell   *lc;

	foreach(lc, *names)
	{
		if (strcmp((char *) lfirst(lc), name) == 0)
		{
			*names = foreach_delete_current(*names, lc);
			return true;
		}
	}
	return false;
}

/* Databases to look into: a list in the given context. */
static List *
list_databases(MemoryContext context)
{
	List	   *result = NIL;
	List	   *names;
	bool		all;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;
	ListCell   *lc;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	names = wanted_names();
	all = names == NIL;

	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		Database   *database;

		/* datconnlimit -2: an interrupted DROP DATABASE has left it invalid */
		if (!form->datallowconn || form->datistemplate || form->datconnlimit == -2)
			continue;
		if (!all && !remove_name(&names, NameStr(form->datname)))
			continue;

		database = (Database *) MemoryContextAlloc(context, sizeof(Database));
		database->oid = form->oid;
		database->name = form->datname;
		MemoryContextSwitchTo(context);
		result = lappend(result, database);
		MemoryContextSwitchTo(CurTransactionContext);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);

	if (!names_checked)
	{
		foreach(lc, names)
			ereport(LOG,
					(errmsg("\"cvwiz.databases\" names database \"%s\", which does not exist or takes no connections",
							(char *) lfirst(lc)),
					 errhint("The name is ignored; mixed-case names need double quotes.")));
	}
	names_checked = true;

	CommitTransactionCommand();
	return result;
}

/*
 * Whether somebody has, or waits for, a lock on the database that keeps
 * backends out: DROP, RENAME, SET TABLESPACE, or CREATE ... TEMPLATE of it.
 * These give up when we are still there after 5 seconds.
 */
static bool
database_is_claimed(Oid database)
{
	LOCKTAG		tag;
	bool		claimed;

	StartTransactionCommand();
	SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, database, 0);
	claimed = LockAcquire(&tag, RowExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL;
	CommitTransactionCommand();
	return claimed;
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
	for (int i = 0; i < MAX_WORKERS; i++)
	{
		if (OidIsValid(slots[i].database.oid))
			return true;
	}
	return false;
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
	else if (state == DATABASE_SERVED || state == DATABASE_WITHOUT_EXTENSION)
		other_versions = list_delete_oid(other_versions, database->oid);

	MemoryContextSwitchTo(caller);
}

static void
reap_workers(void)
{
	for (int i = 0; i < MAX_WORKERS; i++)
	{
		pid_t		pid;

		if (!OidIsValid(slots[i].database.oid) ||
			GetBackgroundWorkerPid(slots[i].handle, &pid) != BGWH_STOPPED)
			continue;
		note_state(&slots[i].database, shared->states[i]);
		pfree(slots[i].handle);
		memset(&slots[i], 0, sizeof(WorkerSlot));
	}
}

static void
end_unwanted_workers(void)
{
	for (int i = 0; i < MAX_WORKERS; i++)
	{
		if (OidIsValid(slots[i].database.oid) &&
			(!setting_worker || database_is_claimed(slots[i].database.oid)))
			TerminateBackgroundWorker(slots[i].handle);
	}
}

static bool
start_worker(int slot, const Database *database)
{
	BackgroundWorker worker;
	MemoryContext caller;
	bool		started;

	spawn_describe(&worker, "cvwiz_database_main", "cvwiz worker");
	snprintf(worker.bgw_name, sizeof(worker.bgw_name), "cvwiz worker for database %u", database->oid);
	worker.bgw_main_arg = Int32GetDatum(slot);
	memcpy(worker.bgw_extra, &database->oid, sizeof(Oid));

	shared->states[slot] = DATABASE_UNKNOWN;

	/* the handle has to last */
	caller = MemoryContextSwitchTo(TopMemoryContext);
	started = RegisterDynamicBackgroundWorker(&worker, &slots[slot].handle);
	MemoryContextSwitchTo(caller);
	if (started)
		slots[slot].database = *database;
	return started;
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
		if (!is_served_now(database->oid) && !database_is_claimed(database->oid) &&
			!start_worker(slot, database))
		{
			if (!shared->starved)
				ereport(LOG,
						(errmsg("cvwiz gets no background worker"),
						 errhint("Raise \"max_worker_processes\".")));
			shared->starved = true;
			return queue;
		}
		shared->starved = false;
		queue = list_delete_first(queue);
	}
	return NIL;
}

/* ---- the loop ---- */

static void
clear_pid(int code, Datum arg)
{
	shared->pid = 0;
}

static void
reload_settings(void)
{
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	names_checked = false;
}

void
cvwiz_launcher_main(Datum arg)
{
	MemoryContext round_context;
	List	   *queue = NIL;
	TimestampTz next_round;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();

	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	shared->pid = MyProcPid;
	shared->starved = false;
	before_shmem_exit(clear_pid, (Datum) 0);
	pgstat_report_activity(STATE_IDLE, NULL);

	round_context = AllocSetContextCreate(TopMemoryContext, "cvwiz launcher",
										  ALLOCSET_DEFAULT_SIZES);
	next_round = GetCurrentTimestamp();

	for (;;)
	{
		TimestampTz now = GetCurrentTimestamp();
		long		timeout;

		CHECK_FOR_INTERRUPTS();
		reload_settings();
		reap_workers();
		end_unwanted_workers();

		if (now >= next_round ||
			next_round - now > (TimestampTz) setting_naptime * USECS_PER_SEC)
		{
			MemoryContextReset(round_context);
			queue = setting_worker ? list_databases(round_context) : NIL;
			next_round = now + (TimestampTz) setting_naptime * USECS_PER_SEC;
		}
		MemoryContextSwitchTo(round_context);
		queue = setting_worker ? start_workers(queue) : NIL;

		timeout = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next_round);
		if (any_worker() || queue != NIL)
			timeout = Min(timeout, WATCH_INTERVAL_MS);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 timeout, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
}
