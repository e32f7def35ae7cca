/*-------------------------------------------------------------------------
 *
 * version_repack.h
 *		The housekeeping of the version store.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_VERSION_REPACK_H
#define CVWIZ_VERSION_REPACK_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "snapshot/version.h"

typedef struct RepackRequest
{
	bool		by_worker;
	bool		all;			/* every chain, those of dropped tables too */
	bool		sweep;			/* look for versions that no row has, in relids */
	bool		named;			/* also in tables without a store */
	List	   *relids;			/* tables, each partition for itself */
} RepackRequest;

typedef struct RepackResult
{
	int64		chains;
	FreedVersions freed;
	int64		rebased;		/* versions that were stored anew */
	int64		orphans;		/* versions that no row has, dead from now on */
	int64		failed;			/* chains and tables */
	char	   *error;			/* the first one */
} RepackResult;

/*
 * In transactions of its own: the caller is connected to SPI without
 * atomicity, in a transaction that has not done anything.  What fails is
 * counted, and the rest goes on.
 */
extern void version_repack(const RepackRequest *request, MemoryContext context,
						   RepackResult *result);

/* Whether the worker should, now. */
extern bool version_repack_is_due(void);

/* ---- version_relations.c ---- */

/*
 * A table and its partitions.  Tables that inherit from it are others, which
 * have their own triggers.
 */
extern List *version_tree(Oid relid);

/*
 * A table of the caller's and its partitions, or all of the caller's tables
 * that have versions.  The caller is connected to SPI.  ERROR 42501
 */
extern List *version_relations(Oid relid);

/*
 * The columns of a table that versions belong to, char *.  The caller is
 * connected to SPI, with the extension owner's rights.
 */
extern List *version_columns(Oid relid);

/*
 * Stubs in a column that is no jsonb any more cannot be looked for: a WARNING
 * says so, and what follows from it.
 */
extern bool version_has_other_type(Oid relid, const char *column, const char *consequence);

/* ---- version_sweep.c ---- */

typedef struct SweepJob
{
	Oid			relid;
	bool		named;			/* by the caller, who knows that it is not being restored */
	int64		orphans;
} SweepJob;

/*
 * A GuardedAction: versions of a table that none of its rows has are dead from
 * now on.  Triggers that were switched off, or a partition that was truncated
 * by itself, leave such.
 */
extern void version_sweep(void *job);

/*
 * Whether a row of the table has a version that goes by the name of a column
 * in another one: names change.  The caller is connected to SPI.
 */
extern bool version_is_held(Oid relid, const char *column);

/* ---- version_record.c: cvwiz.version_repack ---- */

extern int64 repack_record_start(bool by_worker);
extern void repack_record_end(int64 run_id, const RepackResult *result);

#endif							/* CVWIZ_VERSION_REPACK_H */
