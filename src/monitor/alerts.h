/*-------------------------------------------------------------------------
 *
 * alerts.h
 *		Alerts: evaluating the rules, and telling what has changed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_ALERTS_H
#define CVWIZ_ALERTS_H

#include "postgres.h"

#include "nodes/pg_list.h"

/*
 * Evaluates the rules of this database: writes down, and notifies of, each
 * alert that fires or clears with this transaction.  Writes nothing where none
 * does.  A list for alerts_log(), allocated in the current memory context.
 *
 * ERROR 25001 above READ COMMITTED, 25006 on a standby, 55P03 no lock within
 * cvwiz.lock_timeout.
 */
extern List *alerts_evaluate(void);

/* One message a change: WARNING for one that fires, LOG for one that clears. */
extern void alerts_log(List *changes);

#endif							/* CVWIZ_ALERTS_H */
