/*-------------------------------------------------------------------------
 *
 * spawn.h
 *		Starting background workers of ours, and what each does first.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_SPAWN_H
#define CVWIZ_SPAWN_H

#include "postgres.h"

#include "postmaster/bgworker.h"

/*
 * A worker that is started once and tells us of its end.  The function is one
 * of this library's; the type is what pg_stat_activity shows.
 */
extern void spawn_describe(BackgroundWorker *worker, const char *function,
						   const char *type);

/*
 * In the worker, at its beginning: signals, then a connection as the role, or
 * for InvalidOid as the bootstrap superuser, with settings that nobody but us
 * has chosen.  FATAL where the role can't be connected.
 */
extern void spawn_connect(Oid database, Oid role);

#endif							/* CVWIZ_SPAWN_H */
