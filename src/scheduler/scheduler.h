/*-------------------------------------------------------------------------
 *
 * scheduler.h
 *		Which database, what is due, when.
 *
 * One launcher, connected to no database, starts a short-lived worker for each
 * database in turn; the worker runs what is due there, and ends.  Beside these
 * it starts another for each database in turn that evaluates the alerts.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_SCHEDULER_H
#define CVWIZ_SCHEDULER_H

#include "postgres.h"

/* For _PG_init(), while shared_preload_libraries are loaded. */
extern void launcher_register(void);

/* Entry points of the background workers. */
extern PGDLLEXPORT void cvwiz_launcher_main(Datum arg);
extern PGDLLEXPORT void cvwiz_database_main(Datum arg);
extern PGDLLEXPORT void cvwiz_monitor_main(Datum arg);

/* What a worker found, for the launcher to log once. */
typedef enum DatabaseState
{
	DATABASE_UNKNOWN,
	DATABASE_WITHOUT_EXTENSION,
	DATABASE_OTHER_VERSION,
	DATABASE_SERVED
} DatabaseState;

/* How often in a row each job of the monitor has failed in a database. */
typedef struct MonitorFailures
{
	int			looks;
	int			samples;
	int			evaluations;
} MonitorFailures;

/* What the launcher gives to the monitor, in bgw_extra. */
typedef struct MonitorTask
{
	Oid			database;
	MonitorFailures failures;
} MonitorTask;

/* In a worker's transaction: whether the extension is there, in our version. */
extern DatabaseState database_state(void);

/* Tells the launcher, from a worker that was started in this slot. */
extern void launcher_report(int slot, DatabaseState state);

/* The same, from the monitor. */
extern void launcher_report_failures(const MonitorFailures *failures);

#endif							/* CVWIZ_SCHEDULER_H */
