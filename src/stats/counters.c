/*-------------------------------------------------------------------------
 *
 * counters.c
 *		Counters in shared memory: whose slot is whose.
 *
 * The keys of the slots are guarded by a lock, which is taken once per session
 * and column.  A session then keeps a pointer to the slot, and its generation,
 * which grows when the slot is freed.  To see that it has grown and to count
 * are two things: somebody who is interrupted right between them, for as long
 * as it takes to free the slot and give it away, adds one document to another
 * column's counters.  That is cheaper than a lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "stats/counters.h"

/* Columns with limits, of the whole server. */
#define MAX_SLOTS 1024

/*
 * A small document takes the time that its statement began at, which is there
 * already; to read the clock would take longer than all else.  A large one is
 * read for so long that it makes no difference.  A statement that writes many
 * rows may take hours: the clock is read again after so many.
 */
#define EXACT_TIME_SIZE 100000
#define EXACT_TIME_DOCUMENTS 64

/* How often a session looks for slots to free. */
#define SWEEP_INTERVAL_MS (60 * 1000)

#define TRANCHE_NAME "cvwiz counters"

typedef struct SlotKey
{
	Oid			database;		/* InvalidOid: the slot is free */
	Oid			relid;
	AttrNumber	attnum;			/* both 0: the slot of the version store */
} SlotKey;

typedef union PaddedSlot
{
	Slot		slot;
	char		pad[TYPEALIGN(PG_CACHE_LINE_SIZE, sizeof(Slot))];
} PaddedSlot;

typedef struct CountersShared
{
	LWLock	   *lock;			/* of keys, and of freeing slots */
	TimestampTz started;
	pg_atomic_uint32 freed;		/* slots, so far */
	pg_atomic_uint64 uncounted;
	pg_atomic_uint64 worker[WORKER_COUNTERS];
	pg_atomic_uint64 worker_reset_at;	/* a TimestampTz */
	SlotKey		keys[MAX_SLOTS];
} CountersShared;

static CountersShared *shared = NULL;
static PaddedSlot *slots = NULL;
static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

/* ---- shared memory ---- */

/* The slots begin with a cache line. */
static Size
memory_size(void)
{
	return sizeof(CountersShared) + PG_CACHE_LINE_SIZE + MAX_SLOTS * sizeof(PaddedSlot);
}

static void
request_shared_memory(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(memory_size());
	RequestNamedLWLockTranche(TRANCHE_NAME, 1);
}

static void
init_shared_memory(void)
{
	memset(shared, 0, sizeof(CountersShared));
	shared->lock = &GetNamedLWLockTranche(TRANCHE_NAME)->lock;
	shared->started = clock_now();
	pg_atomic_init_u32(&shared->freed, 0);
	pg_atomic_init_u64(&shared->uncounted, 0);
	for (int i = 0; i < WORKER_COUNTERS; i++)
		pg_atomic_init_u64(&shared->worker[i], 0);
	pg_atomic_init_u64(&shared->worker_reset_at, (uint64) shared->started);
	for (int i = 0; i < MAX_SLOTS; i++)
		slot_init(&slots[i].slot);
}

/* In the postmaster; where it can't fork, in each process that attaches. */
static void
startup_shared_memory(void)
{
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = (CountersShared *) ShmemInitStruct(TRANCHE_NAME, memory_size(), &found);
	slots = (PaddedSlot *) TYPEALIGN(PG_CACHE_LINE_SIZE, (char *) shared + sizeof(CountersShared));
	if (!found)
		init_shared_memory();
	LWLockRelease(AddinShmemInitLock);
}

void
counters_register(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup_shared_memory;
}

/* ---- whose slot is whose; under the lock ---- */

static int
find_slot(Oid relid, AttrNumber attnum)
{
	for (int i = 0; i < MAX_SLOTS; i++)
	{
		const SlotKey *key = &shared->keys[i];

		if (key->relid == relid && key->attnum == attnum && key->database == MyDatabaseId)
			return i;
	}
	return -1;
}

static int
find_free_slot(void)
{
	for (int i = 0; i < MAX_SLOTS; i++)
	{
		if (!OidIsValid(shared->keys[i].database))
			return i;
	}
	return -1;
}

/*
 * A slot is as old as the shared memory as long as none was freed: nothing of
 * the column was counted before, and nothing was lost.
 */
static void
give_slot(int i, Oid relid, AttrNumber attnum)
{
	slot_reset(&slots[i].slot,
			   pg_atomic_read_u32(&shared->freed) == 0 ? shared->started : clock_now());
	shared->keys[i].database = MyDatabaseId;
	shared->keys[i].relid = relid;
	shared->keys[i].attnum = attnum;
}

static void
free_slot(int i)
{
	memset(&shared->keys[i], 0, sizeof(SlotKey));
	pg_atomic_fetch_add_u32(&slots[i].slot.generation, 1);
	pg_atomic_fetch_add_u32(&shared->freed, 1);
}

/* ---- slots that nobody needs any more ---- */

/* Tables of other databases can't be looked up from here. */
static bool
is_gone(const SlotKey *key)
{
	HeapTuple	tuple;

	if (key->database != MyDatabaseId)
		return OidIsValid(key->database) &&
			!SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(key->database));
	if (!OidIsValid(key->relid))
		return false;

	/* nor a dropped column */
	tuple = SearchSysCacheAttNum(key->relid, key->attnum);
	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	return !HeapTupleIsValid(tuple);
}

/*
 * Catalogs are not read under the lock.  A table that another transaction has
 * just made looks like one that is gone: its slot is freed as well, and given
 * to it again when it counts next.
 */
static void
free_unneeded_slots(void)
{
	SlotKey    *keys = (SlotKey *) palloc(sizeof(shared->keys));
	bool	   *gone = (bool *) palloc(sizeof(bool) * MAX_SLOTS);

	LWLockAcquire(shared->lock, LW_SHARED);
	memcpy(keys, shared->keys, sizeof(shared->keys));
	LWLockRelease(shared->lock);

	for (int i = 0; i < MAX_SLOTS; i++)
		gone[i] = is_gone(&keys[i]);

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_SLOTS; i++)
	{
		if (gone[i] && memcmp(&keys[i], &shared->keys[i], sizeof(SlotKey)) == 0)
			free_slot(i);
	}
	LWLockRelease(shared->lock);

	pfree(keys);
	pfree(gone);
}

/* Each column that finds no slot would look through all of them again. */
static bool
may_sweep(void)
{
	static TimestampTz last_sweep = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (last_sweep != 0 && !TimestampDifferenceExceeds(last_sweep, now, SWEEP_INTERVAL_MS))
		return false;
	last_sweep = now;
	return true;
}

/* ---- documents ---- */

static bool
claim_slot(SnapshotCounter *counter)
{
	int			i;

	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	i = find_slot(counter->relid, counter->attnum);
	if (i < 0)
	{
		i = find_free_slot();
		if (i >= 0)
			give_slot(i, counter->relid, counter->attnum);
	}
	counter->refused = i < 0;
	counter->slot = i < 0 ? NULL : &slots[i].slot;
	counter->generation = pg_atomic_read_u32(i < 0 ? &shared->freed : &slots[i].slot.generation);
	LWLockRelease(shared->lock);
	return i >= 0;
}

/* A column that was refused is tried again once a slot was freed. */
static bool
find_or_claim_slot(SnapshotCounter *counter)
{
	if (counter->refused && counter->generation == pg_atomic_read_u32(&shared->freed))
		return false;
	if (claim_slot(counter))
		return true;
	if (!may_sweep())
		return false;
	free_unneeded_slots();
	return claim_slot(counter);
}

static inline TimestampTz
time_of_count(SnapshotCounter *counter, uint64 size, SnapshotOutcome outcome)
{
	TimestampTz started = GetCurrentStatementStartTimestamp();

	/* a background worker may have no statements */
	if (clock_is_set() || outcome != SNAPSHOT_WITHIN || size >= EXACT_TIME_SIZE || started == 0)
		return clock_now();

	if (counter->statement_start != started)
	{
		counter->statement_start = started;
		counter->time = started;
		counter->documents = 0;
	}
	else if (++counter->documents % EXACT_TIME_DOCUMENTS == 0)
		counter->time = clock_now();
	return counter->time;
}

void
counters_snapshot(SnapshotCounter *counter, uint64 size, SnapshotOutcome outcome)
{
	if (shared == NULL)
		return;

	if (unlikely(counter->slot == NULL ||
				 pg_atomic_read_u32(&counter->slot->generation) != counter->generation) &&
		!find_or_claim_slot(counter))
	{
		pg_atomic_fetch_add_u64(&shared->uncounted, 1);
		return;
	}
	slot_count(counter->slot, size, outcome, time_of_count(counter, size, outcome));
}

bool
counters_read_snapshot(Oid relid, AttrNumber attnum, SlotFigures *figures)
{
	bool		known = true;
	int			i;

	if (shared == NULL)
		return false;

	LWLockAcquire(shared->lock, LW_SHARED);
	i = find_slot(relid, attnum);
	if (i >= 0)
		slot_read(&slots[i].slot, clock_now(), figures);
	else
	{
		/* none has come yet; or some have, and there was no slot for them */
		memset(figures, 0, sizeof(SlotFigures));
		figures->reset_at = shared->started;
		known = find_free_slot() >= 0;
	}
	LWLockRelease(shared->lock);
	return known;
}

void
counters_reset_snapshots(void)
{
	TimestampTz now = clock_now();

	if (shared == NULL)
		return;

	free_unneeded_slots();
	LWLockAcquire(shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_SLOTS; i++)
	{
		if (shared->keys[i].database == MyDatabaseId)
			slot_reset(&slots[i].slot, now);
	}
	LWLockRelease(shared->lock);
}

/* ---- the version store ---- */

/*
 * It has a slot as a column has: what is stored is counted as a document that
 * came, what is corrupted as one that was rejected.
 */
static SnapshotCounter version_counter;

void
counters_version_stored(uint64 size)
{
	counters_snapshot(&version_counter, size, SNAPSHOT_WITHIN);
}

void
counters_version_corrupted(void)
{
	counters_snapshot(&version_counter, 0, SNAPSHOT_REJECTED);
}

bool
counters_read_versions(VersionFigures *figures)
{
	SlotFigures slot;

	if (!counters_read_snapshot(InvalidOid, InvalidAttrNumber, &slot))
		return false;
	figures->stored = slot.within;
	figures->stored_raw_bytes = slot.bytes_sum;
	figures->read_errors = slot.oversized[SNAPSHOT_REJECTED - 1];
	figures->recent_read_errors = slot.recent_oversized;
	figures->reset_at = slot.reset_at;
	return true;
}

/* ---- the worker ---- */

void
counters_worker(WorkerCounter which)
{
	if (shared != NULL)
		pg_atomic_fetch_add_u64(&shared->worker[which], 1);
}

bool
counters_read_worker(WorkerFigures *figures)
{
	if (shared == NULL)
		return false;

	for (int i = 0; i < WORKER_COUNTERS; i++)
		figures->counts[i] = (int64) pg_atomic_read_u64(&shared->worker[i]);
	figures->uncounted = (int64) pg_atomic_read_u64(&shared->uncounted);
	figures->reset_at = (TimestampTz) pg_atomic_read_u64(&shared->worker_reset_at);
	return true;
}

void
counters_reset_worker(void)
{
	if (shared == NULL)
		return;

	for (int i = 0; i < WORKER_COUNTERS; i++)
		pg_atomic_write_u64(&shared->worker[i], 0);
	pg_atomic_write_u64(&shared->uncounted, 0);
	pg_atomic_write_u64(&shared->worker_reset_at, (uint64) clock_now());
}
