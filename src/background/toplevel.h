/*-------------------------------------------------------------------------
 *
 * toplevel.h
 *		One utility statement at top level, in a worker connected as a role.
 *
 * For what refuses to run in a transaction block or a function: DETACH
 * PARTITION ... CONCURRENTLY, CREATE INDEX CONCURRENTLY.  Knows no policy.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_TOPLEVEL_H
#define CVWIZ_TOPLEVEL_H

#include "postgres.h"

#define TOPLEVEL_MAX_RELATIONS 2

typedef struct ToplevelRequest
{
	/* The owner of the relations: the worker is connected as this role. */
	Oid			role;
	const char *statement;

	/*
	 * The tables that the statement is about, with the qualified names that it
	 * calls them by.  They are neither renamed nor dropped nor given to
	 * another role until it has ended.
	 */
	int			nrelations;
	Oid			relations[TOPLEVEL_MAX_RELATIONS];
	const char *names[TOPLEVEL_MAX_RELATIONS];

	/*
	 * An exported function of this library, of the type below, that the worker
	 * calls in the transaction in which the statement begins: what it does is
	 * committed with the statement's own first commit, and an error of it
	 * keeps the statement from being done.  It has SPI, and the role's rights,
	 * but no snapshot yet: it may wait for locks first.
	 * NULL: none.
	 */
	const char *prepare;

	/*
	 * It waits for the table's users without limit, and for no lock of a table
	 * that writers have to queue behind longer than cvwiz.lock_timeout.
	 */

	/* Milliseconds after which the statement is cancelled; 0: never. */
	int			timeout;
} ToplevelRequest;

typedef void (*ToplevelPrepare) (const Oid *relations);

/*
 * Whether a worker can be connected as the role at all; NULL if it can,
 * otherwise why not, as a clause ("role \"x\" has no LOGIN").  Reads catalogs.
 */
extern char *toplevel_impossible(Oid role);

/*
 * Starts the worker and waits for it.  NULL if the statement is done and
 * committed, otherwise its error, in the current memory context.
 *
 * The caller is in a transaction that has just begun: it has neither locks on
 * the relations, nor a snapshot, nor written anything.  A cancel ends the
 * worker, waits for its end, and is raised.
 *
 * Errors of its own: 53400 no free background worker, 55006 a relation has
 * another name or owner by now, 08006 the worker ended without saying why (the
 * server's log does), and whatever keeps the role from being connected.
 */
extern ErrorData *toplevel_run(const ToplevelRequest *request);

/* Whether this process is such a worker: event triggers want to know. */
extern bool toplevel_in_worker(void);

#endif							/* CVWIZ_TOPLEVEL_H */
