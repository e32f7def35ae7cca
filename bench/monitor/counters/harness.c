/*-------------------------------------------------------------------------
 *
 * harness.c
 *		What it costs to count a document: counters_snapshot() by itself, in
 *		one thread and in two, on the same column and on two, and with other
 *		work between two documents, as a session has.
 *
 * It is linked with the extension's own objects.  What they call of the server
 * to find a slot is replaced here; the path that is measured calls nothing of
 * the server but the time that a statement began at.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>
#include <pthread.h>
#include <time.h>

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "stats/counters.h"

/* port.h puts PostgreSQL's own in their place. */
#undef printf
#undef fprintf
#undef qsort

#define ROUNDS		20000000
#define REPETITIONS 7
#define SIZES		1024

/* ---- the server ---- */

Oid			MyDatabaseId = 1;
LWLockPadded *MainLWLockArray = NULL;
shmem_request_hook_type shmem_request_hook = NULL;
shmem_startup_hook_type shmem_startup_hook = NULL;

static TimestampTz statement_start = INT64CONST(800000000000000);
static LWLockPadded tranche;
static LWLockPadded main_locks[64];

void
RequestAddinShmemSpace(Size size)
{
}

void
RequestNamedLWLockTranche(const char *name, int count)
{
}

LWLockPadded *
GetNamedLWLockTranche(const char *name)
{
	return &tranche;
}

bool
LWLockAcquire(LWLock *lock, LWLockMode mode)
{
	return true;
}

void
LWLockRelease(LWLock *lock)
{
}

void *
ShmemInitStruct(const char *name, Size size, bool *found)
{
	*found = false;
	return aligned_alloc(PG_CACHE_LINE_SIZE, TYPEALIGN(PG_CACHE_LINE_SIZE, size));
}

TimestampTz
GetCurrentStatementStartTimestamp(void)
{
	return statement_start;
}

TimestampTz
GetCurrentTimestamp(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (TimestampTz) now.tv_sec * USECS_PER_SEC + now.tv_nsec / 1000;
}

bool
clock_is_set(void)
{
	return false;
}

TimestampTz
clock_now(void)
{
	return GetCurrentTimestamp();
}

/* ---- the measurement ---- */

static uint64 sizes[SIZES];
static int	work_rounds;		/* of work(), that take WORK_NS */

/* What a session does for a document besides counting it, at the least: its size. */
#define WORK_NS 2000.0

static void
work(void)
{
	for (volatile int i = 0; i < work_rounds; i++)
		;
}

/* What the loop does besides; volatile, so that it is done. */
static void
uncounted(SnapshotCounter *counter, uint64 size, SnapshotOutcome outcome)
{
	*(volatile uint64 *) &sizes[0] = size;
}

static void
working(SnapshotCounter *counter, uint64 size, SnapshotOutcome outcome)
{
	work();
}

static void
working_and_counting(SnapshotCounter *counter, uint64 size, SnapshotOutcome outcome)
{
	work();
	counters_snapshot(counter, size, outcome);
}

typedef void (*Subject) (SnapshotCounter *counter, uint64 size, SnapshotOutcome outcome);

typedef struct Task
{
	Subject		subject;
	Oid			relid;
	SnapshotOutcome outcome;
	uint64		shift;			/* added to each size */
	int			rounds;
} Task;

static void *
run_task(void *arg)
{
	Task	   *task = (Task *) arg;
	SnapshotCounter counter = {0};
	Subject		volatile subject = task->subject;

	counter.relid = task->relid;
	counter.attnum = 1;
	for (int i = 0; i < task->rounds; i++)
		subject(&counter, sizes[i % SIZES] + task->shift, task->outcome);
	return NULL;
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* Nanoseconds that one call takes in each thread. */
static double
measure_once(Task *tasks, int threads)
{
	pthread_t	ids[2];
	double		began = seconds();

	for (int i = 0; i < threads; i++)
		pthread_create(&ids[i], NULL, run_task, &tasks[i]);
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	return (seconds() - began) * 1e9 / tasks[0].rounds;
}

/* The median. */
static double
measure(Task *tasks, int threads)
{
	double		results[REPETITIONS];

	for (int r = 0; r < REPETITIONS; r++)
		results[r] = measure_once(tasks, threads);
	qsort(results, REPETITIONS, sizeof(double), compare_doubles);
	return results[REPETITIONS / 2];
}

/*
 * What the first tasks take more than the second ones, in turn.  A small part of
 * a large figure: the best of each, which nothing else on the machine is in.
 */
static double
measure_difference(Task *tasks, Task *without, int threads)
{
	double		best = INFINITY;
	double		best_without = INFINITY;

	for (int r = 0; r < REPETITIONS * 3; r++)
	{
		double		with = measure_once(tasks, threads);
		double		bare = measure_once(without, threads);

		best = Min(best, with);
		best_without = Min(best_without, bare);
	}
	return best - best_without;
}

/* So many rounds of work() that it takes WORK_NS, as fast as the machine is now. */
static void
calibrate_work(void)
{
	Task		task = {working, 1, SNAPSHOT_WITHIN, 0, ROUNDS / 100};

	work_rounds = 1000;
	work_rounds = (int) (work_rounds * WORK_NS / measure(&task, 1));
}

/* A row of a table in Markdown. */
static void
report(const char *what, double ns)
{
	printf("| %s | %.1f |\n", what, ns);
	fflush(stdout);
}

int
main(void)
{
	Task		empty = {uncounted, 1, SNAPSHOT_WITHIN, 0, ROUNDS};
	Task		within = {counters_snapshot, 1, SNAPSHOT_WITHIN, 0, ROUNDS};
	Task		large = {counters_snapshot, 1, SNAPSHOT_WITHIN, 200000, ROUNDS / 10};
	Task		oversized = {counters_snapshot, 1, SNAPSHOT_TRUNCATED, 600000, ROUNDS / 10};
	Task		same[2] = {within, within};
	Task		busy[2] = {
		{working_and_counting, 1, SNAPSHOT_WITHIN, 0, ROUNDS / 60},
		{working_and_counting, 1, SNAPSHOT_WITHIN, 0, ROUNDS / 60}
	};
	Task		idle[2] = {
		{working, 1, SNAPSHOT_WITHIN, 0, ROUNDS / 60},
		{working, 1, SNAPSHOT_WITHIN, 0, ROUNDS / 60}
	};
	Task		apart[2] = {within, within};
	Task		none = {counters_snapshot, 2, SNAPSHOT_WITHIN, 0, ROUNDS};
	SlotFigures figures;
	int64		expected;

	MainLWLockArray = main_locks;
	/* documents of 500 to 60,000 bytes, in no order */
	for (int i = 0; i < SIZES; i++)
		sizes[i] = 500 + (uint64) i * 7919 % 1024 * 58;

	report("a loop that counts nothing", measure(&empty, 1));
	report("not preloaded", measure(&none, 1));

	counters_register();
	shmem_startup_hook();
	report("a document within the limits", measure(&within, 1));
	report("a document of 200 kB or more, which reads the clock", measure(&large, 1));
	report("an oversized document", measure(&oversized, 1));
	apart[1].relid = 2;
	report("within, two sessions, two columns", measure(apart, 2));
	calibrate_work();
	report("within, two sessions, the same column, 2 µs of other work before each, which is taken off",
		   measure_difference(busy, idle, 2));
	report("within, two sessions that do nothing but count, the same column", measure(same, 2));

	/* and nothing was lost */
	expected = ((int64) ROUNDS * 4 + ROUNDS / 10 * 2) * REPETITIONS +
		(int64) (ROUNDS / 60) * 2 * REPETITIONS * 3;
	if (!counters_read_snapshot(1, 1, &figures) || figures.checked != expected ||
		figures.oversized[0] != (int64) ROUNDS / 10 * REPETITIONS)
	{
		fprintf(stderr, "counted " INT64_FORMAT " instead of " INT64_FORMAT "\n",
				figures.checked, expected);
		return 1;
	}
	return 0;
}
