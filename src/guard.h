/*-------------------------------------------------------------------------
 *
 * guard.h
 *		Code whose error must not stop the rest.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_GUARD_H
#define CVWIZ_GUARD_H

#include "postgres.h"

typedef void (*GuardedAction) (void *arg);

/*
 * Runs an action in a subtransaction.  NULL if it succeeds; otherwise what it
 * did is undone, and the error is returned, in the current memory context.
 */
extern ErrorData *guard(GuardedAction action, void *arg);

/*
 * The same for an action that only reads: what it did is undone in any case,
 * so that no lock of it is held any longer, and nothing that it made run
 * leaves a trace.
 */
extern ErrorData *guard_and_undo(GuardedAction action, void *arg);

/* Somebody wants us to stop: such an error is passed on, not recorded only. */
extern bool is_stop_request(const ErrorData *error);

/* guard(), with the error as a WARNING that names the table. */
extern void guard_or_warn(GuardedAction action, void *arg, Oid relid);

#endif							/* CVWIZ_GUARD_H */
