/*-------------------------------------------------------------------------
 *
 * shared.h
 *		What the launcher shares with its workers, and with cvwiz.health().
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_SHARED_H
#define CVWIZ_SHARED_H

#include "postgres.h"

#include "scheduler/scheduler.h"

/* Databases served at the same time: a long purge must not starve the others. */
#define MAX_WORKERS 4

/* The monitor's place, beside those. */
#define MONITOR_SLOT MAX_WORKERS
#define MAX_SLOTS (MAX_WORKERS + 1)

typedef struct LauncherShared
{
	int			pid;			/* 0: not running */
	bool		starved;		/* no free background worker was left */
	DatabaseState states[MAX_SLOTS];
	MonitorFailures failures;	/* the monitor's, in its database */
} LauncherShared;

/* NULL: cvwiz is not in shared_preload_libraries. */
extern LauncherShared *launcher_shared;

/* For launcher_register(). */
extern void launcher_shared_register(void);

#endif							/* CVWIZ_SHARED_H */
