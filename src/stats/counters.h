/*-------------------------------------------------------------------------
 *
 * counters.h
 *		Counters in shared memory.
 *
 * Without cvwiz in shared_preload_libraries there are none, and to count does
 * nothing.  A restart, and a crash's, begins anew.  What a transaction counts
 * stays counted when it is rolled back.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_COUNTERS_H
#define CVWIZ_COUNTERS_H

#include "postgres.h"

#include "access/attnum.h"
#include "stats/slot.h"

/* For _PG_init(), while shared_preload_libraries are loaded. */
extern void counters_register(void);

/* ---- documents ---- */

/*
 * A column's place, kept by who counts.  The key is set, the rest zero; the
 * first count looks for a slot.
 */
typedef struct SnapshotCounter
{
	Oid			relid;			/* in this database; the root of partitions */
	AttrNumber	attnum;			/* there */
	bool		refused;		/* there was no free slot ... */
	uint32		generation;		/* the slot's; or how many were freed by then */
	Slot	   *slot;

	/* what time it is, of small documents */
	TimestampTz statement_start;
	TimestampTz time;
	uint32		documents;		/* of that statement */
} SnapshotCounter;

/* Size is that of the document as it came in, in bytes of its text. */
extern void counters_snapshot(SnapshotCounter *counter, uint64 size, SnapshotOutcome outcome);

/*
 * What is counted of a column of this database.  False: nothing is known of
 * it, for there is no shared memory, or no slot was free.
 */
extern bool counters_read_snapshot(Oid relid, AttrNumber attnum, SlotFigures *figures);

/* Zeroes those of this database, the version store's too. */
extern void counters_reset_snapshots(void);

/* ---- the version store of this database ---- */

typedef struct VersionFigures
{
	int64		stored;			/* versions */
	int64		stored_raw_bytes;	/* of their text */
	int64		read_errors;
	int64		recent_read_errors; /* of the last hour */
	TimestampTz reset_at;
} VersionFigures;

/* A version was stored, so many bytes of text. */
extern void counters_version_stored(uint64 size);

/* A reader or a writer met a version that is corrupted. */
extern void counters_version_corrupted(void);

/* False as of counters_read_snapshot(). */
extern bool counters_read_versions(VersionFigures *figures);

/* ---- the worker, of all databases ---- */

typedef enum WorkerCounter
{
	WORKER_ROUND,				/* looked for what is due in a database */
	WORKER_FAILED_ROUND,		/* ... and something failed that no run records */
	WORKER_RUN,					/* ran a policy, successfully or not */
	WORKER_ALERT_EVALUATION
} WorkerCounter;

#define WORKER_COUNTERS (WORKER_ALERT_EVALUATION + 1)

typedef struct WorkerFigures
{
	int64		counts[WORKER_COUNTERS];
	int64		uncounted;		/* documents of columns without a slot */
	TimestampTz reset_at;
} WorkerFigures;

extern void counters_worker(WorkerCounter which);

/* False: there is no shared memory. */
extern bool counters_read_worker(WorkerFigures *figures);
extern void counters_reset_worker(void);

#endif							/* CVWIZ_COUNTERS_H */
