/*-------------------------------------------------------------------------
 *
 * slot.h
 *		What is counted of one column: atomics, and nothing else.
 *
 * Nobody takes a lock to count.  The parts of a slot are counted one after the
 * other, so a reader may see a document in one of them and not yet in another;
 * see slot_read().
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_SLOT_H
#define CVWIZ_SLOT_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "port/atomics.h"

/* What became of a document. */
typedef enum SnapshotOutcome
{
	SNAPSHOT_WITHIN,			/* nothing of it was lost */
	SNAPSHOT_TRUNCATED,
	SNAPSHOT_METADATA_ONLY,
	SNAPSHOT_REJECTED
} SnapshotOutcome;

#define SLOT_OVERSIZED	3		/* outcomes but the first */

/*
 * Upper bounds of the histogram's buckets, in bytes; a bound belongs to its
 * bucket.  The last bucket has none.
 */
#define SLOT_BOUNDS		14
#define SLOT_BUCKETS	(SLOT_BOUNDS + 1)

extern const int64 slot_bounds[SLOT_BOUNDS];

/*
 * The last hour: cells of five minutes each, one more than the hour has, for
 * the one that has just begun.
 */
#define SLOT_CELL_USECS (5 * USECS_PER_MINUTE)
#define SLOT_CELLS		13

typedef struct Slot
{
	pg_atomic_uint32 generation;	/* another one: it is another column's */
	pg_atomic_uint64 reset_at;	/* a TimestampTz */
	pg_atomic_uint64 bytes_sum;
	pg_atomic_uint64 bytes_max;
	pg_atomic_uint64 oversized[SLOT_OVERSIZED];
	pg_atomic_uint64 histogram[SLOT_BUCKETS];

	/* the cell's number in the upper half, the figure in the lower */
	pg_atomic_uint64 recent_max[SLOT_CELLS];
	pg_atomic_uint64 recent_oversized[SLOT_CELLS];
} Slot;

typedef struct SlotFigures
{
	int64		checked;		/* the sum of the histogram, always */
	int64		within;
	int64		oversized[SLOT_OVERSIZED];
	int64		bytes_sum;
	int64		bytes_max;
	int64		histogram[SLOT_BUCKETS];
	int64		recent_bytes_max;	/* at most 4 GB - 1 */
	int64		recent_oversized;
	TimestampTz reset_at;
} SlotFigures;

/* Before anything else is done with it, once. */
extern void slot_init(Slot *slot);

extern void slot_count(Slot *slot, uint64 size, SnapshotOutcome outcome, TimestampTz now);
extern void slot_reset(Slot *slot, TimestampTz now);
extern void slot_read(Slot *slot, TimestampTz now, SlotFigures *figures);

#endif							/* CVWIZ_SLOT_H */
