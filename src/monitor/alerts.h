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
 * SQL, of a rule r: whether a hysteresis can be reckoned with.  SQL's arithmetic
 * ends in an error where a product, or the threshold with it, is too small or
 * too large; the quotients never are, as hysteresis is from 0 to 1.
 * monitoring/generate has the same.
 */
#define ALERT_HAS_BOUND \
	"pg_catalog.abs(r.threshold) BETWEEN 1e-307 / nullif(r.hysteresis, 0) AND 1.79e308 / (1 + r.hysteresis)"

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
