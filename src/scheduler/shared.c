/*-------------------------------------------------------------------------
 *
 * shared.c
 *		What the launcher shares with its workers, and with cvwiz.health().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#include "scheduler/scheduler.h"
#include "scheduler/shared.h"

PG_FUNCTION_INFO_V1(cvwiz_worker_status);

LauncherShared *launcher_shared = NULL;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

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
	launcher_shared = (LauncherShared *) ShmemInitStruct("cvwiz launcher",
														 sizeof(LauncherShared), &found);
	if (!found)
		memset(launcher_shared, 0, sizeof(LauncherShared));
	LWLockRelease(AddinShmemInitLock);
}

void
launcher_shared_register(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shared_memory;
}

void
launcher_report(int slot, DatabaseState state)
{
	launcher_shared->states[slot] = state;
}

void
launcher_report_failures(const MonitorFailures *failures)
{
	launcher_shared->failures = *failures;
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

	values[0] = BoolGetDatum(launcher_shared != NULL);
	nulls[1] = launcher_shared == NULL || launcher_shared->pid == 0;
	values[1] = Int32GetDatum(nulls[1] ? 0 : launcher_shared->pid);
	nulls[2] = launcher_shared == NULL;
	values[2] = BoolGetDatum(launcher_shared != NULL && launcher_shared->starved);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc),
													  values, nulls)));
}
