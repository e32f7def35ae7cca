/*-------------------------------------------------------------------------
 *
 * slot.c
 *		What is counted of one column: atomics, and nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "stats/slot.h"

/*
 * A cell that is ahead of the clock by no more than a day was counted by
 * somebody whose statement began later; beyond that, the clock was set back.
 */
#define LONGEST_STATEMENT_CELLS 288

const int64 slot_bounds[SLOT_BOUNDS] = {
	1000, 2000, 5000, 10000, 20000, 50000, 100000, 256000, 512000,
	1000000, 2000000, 5000000, 10000000, 50000000
};

void
slot_init(Slot *slot)
{
	pg_atomic_init_u32(&slot->generation, 0);
	pg_atomic_init_u64(&slot->reset_at, 0);
	pg_atomic_init_u64(&slot->bytes_sum, 0);
	pg_atomic_init_u64(&slot->bytes_max, 0);
	for (int i = 0; i < SLOT_OVERSIZED; i++)
		pg_atomic_init_u64(&slot->oversized[i], 0);
	for (int i = 0; i < SLOT_BUCKETS; i++)
		pg_atomic_init_u64(&slot->histogram[i], 0);
	for (int i = 0; i < SLOT_CELLS; i++)
	{
		pg_atomic_init_u64(&slot->recent_max[i], 0);
		pg_atomic_init_u64(&slot->recent_oversized[i], 0);
	}
}

void
slot_reset(Slot *slot, TimestampTz now)
{
	for (int i = 0; i < SLOT_BUCKETS; i++)
		pg_atomic_write_u64(&slot->histogram[i], 0);
	for (int i = 0; i < SLOT_OVERSIZED; i++)
		pg_atomic_write_u64(&slot->oversized[i], 0);
	pg_atomic_write_u64(&slot->bytes_sum, 0);
	pg_atomic_write_u64(&slot->bytes_max, 0);
	for (int i = 0; i < SLOT_CELLS; i++)
	{
		pg_atomic_write_u64(&slot->recent_max[i], 0);
		pg_atomic_write_u64(&slot->recent_oversized[i], 0);
	}
	pg_atomic_write_u64(&slot->reset_at, (uint64) now);
}

/* ---- the last hour ---- */

/* Five minutes, counted from 1970, before which no clock is. */
static inline uint32
cell_number(TimestampTz now)
{
	return (uint32) ((now + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY) /
					 SLOT_CELL_USECS);
}

static inline uint64
cell_value(uint32 number, uint64 figure)
{
	return (uint64) number << 32 | Min(figure, PG_UINT32_MAX);
}

/* Whether the cell is that of the number, or of one that it must not replace. */
static inline bool
cell_is_later(uint64 cell, uint32 number)
{
	uint32		ahead = (uint32) (cell >> 32) - number;

	return ahead > 0 && ahead <= LONGEST_STATEMENT_CELLS;
}

static inline bool
cell_is_of(uint64 cell, uint32 number)
{
	return (uint32) (cell >> 32) == number;
}

static void
raise_cell(pg_atomic_uint64 *cell, uint32 number, uint64 figure)
{
	uint64		wanted = cell_value(number, figure);
	uint64		seen = pg_atomic_read_u64(cell);

	do
	{
		if (cell_is_later(seen, number) || (cell_is_of(seen, number) && seen >= wanted))
			return;
	} while (!pg_atomic_compare_exchange_u64(cell, &seen, wanted));
}

static void
increment_cell(pg_atomic_uint64 *cell, uint32 number)
{
	uint64		seen = pg_atomic_read_u64(cell);
	uint64		wanted;

	do
	{
		if (cell_is_later(seen, number))
			return;
		wanted = cell_value(number, cell_is_of(seen, number) ? (seen & PG_UINT32_MAX) + 1 : 1);
	} while (!pg_atomic_compare_exchange_u64(cell, &seen, wanted));
}

/* The cell's figure, 0 where it is none of the last hour's. */
static uint64
read_cell(pg_atomic_uint64 *cell, uint32 number)
{
	uint64		seen = pg_atomic_read_u64(cell);

	return number - (uint32) (seen >> 32) < SLOT_CELLS ? seen & PG_UINT32_MAX : 0;
}

/* ---- counting and reading ---- */

static inline int
bucket_of(uint64 size)
{
	int			i = 0;

	while (i < SLOT_BOUNDS && size > (uint64) slot_bounds[i])
		i++;
	return i;
}

/* The largest so far is seldom passed: mostly, this only reads. */
static inline void
raise_max(pg_atomic_uint64 *max, uint64 size)
{
	uint64		seen = pg_atomic_read_u64(max);

	while (seen < size && !pg_atomic_compare_exchange_u64(max, &seen, size))
		;
}

void
slot_count(Slot *slot, uint64 size, SnapshotOutcome outcome, TimestampTz now)
{
	uint32		number = cell_number(now);
	int			cell = number % SLOT_CELLS;

	pg_atomic_fetch_add_u64(&slot->histogram[bucket_of(size)], 1);
	pg_atomic_fetch_add_u64(&slot->bytes_sum, (int64) size);
	raise_max(&slot->bytes_max, size);
	raise_cell(&slot->recent_max[cell], number, size);
	if (outcome == SNAPSHOT_WITHIN)
		return;
	pg_atomic_fetch_add_u64(&slot->oversized[outcome - 1], 1);
	increment_cell(&slot->recent_oversized[cell], number);
}

/*
 * The histogram is counted first and read last: it has every document that the
 * other figures have.  What is in none of these was within the limits.
 */
void
slot_read(Slot *slot, TimestampTz now, SlotFigures *figures)
{
	uint32		number = cell_number(now);
	int64		oversized = 0;

	memset(figures, 0, sizeof(SlotFigures));
	for (int i = 0; i < SLOT_OVERSIZED; i++)
	{
		figures->oversized[i] = (int64) pg_atomic_read_u64(&slot->oversized[i]);
		oversized += figures->oversized[i];
	}
	for (int i = 0; i < SLOT_CELLS; i++)
	{
		figures->recent_bytes_max = Max(figures->recent_bytes_max,
										(int64) read_cell(&slot->recent_max[i], number));
		figures->recent_oversized += (int64) read_cell(&slot->recent_oversized[i], number);
	}
	figures->bytes_max = (int64) pg_atomic_read_u64(&slot->bytes_max);
	figures->bytes_sum = (int64) pg_atomic_read_u64(&slot->bytes_sum);
	figures->reset_at = (TimestampTz) pg_atomic_read_u64(&slot->reset_at);
	pg_read_barrier();
	for (int i = 0; i < SLOT_BUCKETS; i++)
	{
		figures->histogram[i] = (int64) pg_atomic_read_u64(&slot->histogram[i]);
		figures->checked += figures->histogram[i];
	}
	/* a reset in the middle may have left less */
	figures->within = Max(figures->checked - oversized, 0);
}
