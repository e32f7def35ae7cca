/*-------------------------------------------------------------------------
 *
 * progress.c
 *		How far the run of this process has come, for others to see.
 *
 * A run's figures change within its transactions, where no row of a table
 * would show them, and there may be no shared memory of ours, as the library
 * need not be preloaded.  So each run has a small segment of dynamic shared
 * memory; its handle is in the run's row, committed as the run begins.  It
 * goes with the process, however that ends.
 *
 * A reader may come with the handle of a run that is over.  By then it may be
 * the handle of nothing, or of a segment of somebody else's: the segment itself
 * says whose it is.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/dsm.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "clock.h"
#include "guard.h"
#include "privilege.h"
#include "retention/progress.h"

/* "cvwizPro" */
#define PROGRESS_MAGIC UINT64CONST(0x637677697a50726f)

/* Two quoted names of 63 bytes, all of them quotation marks, and a dot. */
#define TARGET_SIZE (2 * (2 * NAMEDATALEN + 2))

#define READ_ATTEMPTS 1000

PG_FUNCTION_INFO_V1(cvwiz_run_progress);

typedef struct ProgressStep
{
	char		action[NAMEDATALEN];
	char		target[TARGET_SIZE];
	int64		rows_done;
	int64		rows_total;		/* negative: not known */
	int64		bytes_done;
	TimestampTz started_at;
} ProgressStep;

typedef struct ProgressSegment
{
	uint64		magic;
	int64		run_id;
	int			pid;
	Oid			database;
	Oid			relid;

	/*
	 * As PgBackendStatus's: even, unless the step is being written.  A reader
	 * who finds it changed reads again.
	 */
	uint32		changecount;
	ProgressStep step;
} ProgressSegment;

/* Of the run of this process, NULL where there is none to be seen. */
static dsm_segment *own_segment = NULL;
static RunOrigin own_origin;
static char own_relation[TARGET_SIZE];

/* ---- writing ---- */

static volatile ProgressSegment *
begin_write(void)
{
	volatile ProgressSegment *shared = dsm_segment_address(own_segment);

	shared->changecount++;
	pg_write_barrier();
	return shared;
}

static void
end_write(volatile ProgressSegment *shared)
{
	pg_write_barrier();
	shared->changecount++;
}

static void
write_step(const char *action, const char *target, double rows_total)
{
	TimestampTz now = clock_now();	/* not within, it could fail */
	volatile ProgressSegment *shared = begin_write();
	ProgressStep *step = (ProgressStep *) &shared->step;

	memset(step, 0, sizeof(ProgressStep));
	strlcpy(step->action, action, sizeof(step->action));
	strlcpy(step->target, target, sizeof(step->target));
	step->rows_total = rows_total < 0 ? -1 : (int64) rows_total;
	step->started_at = now;
	end_write(shared);
}

/* It has to outlive this transaction, and the ones to come. */
static void
create_segment(void *arg)
{
	const RunRecord *record = (const RunRecord *) arg;
	dsm_segment *segment = dsm_create(sizeof(ProgressSegment),
									  DSM_CREATE_NULL_IF_MAXSEGMENTS);
	ProgressSegment *shared;

	if (segment == NULL)
		return;
	dsm_pin_mapping(segment);

	shared = dsm_segment_address(segment);
	memset(shared, 0, sizeof(ProgressSegment));
	shared->run_id = record->run_id;
	shared->pid = MyProcPid;
	shared->database = MyDatabaseId;
	shared->relid = record->relid;
	own_segment = segment;
	write_step("plan", record->relation_name, -1);
	pg_write_barrier();
	shared->magic = PROGRESS_MAGIC;
}

/* A run that cannot be watched, as /dev/shm is full, is none the worse. */
void
progress_begin(const RunRecord *record, RunOrigin origin)
{
	ErrorData  *error;

	if (origin == RUN_BY_FUNCTION)
		return;

	strlcpy(own_relation, record->relation_name, sizeof(own_relation));
	own_origin = origin;
	error = guard(create_segment, (void *) record);
	if (error != NULL)
	{
		if (is_stop_request(error))
			ReThrowError(error);
		ereport(LOG,
				(errmsg("cvwiz.retention_progress does not show the run on table %s: %s",
						record->relation_name, error->message)));
		FreeErrorData(error);
	}
	if (own_segment != NULL)
		record_progress(record, dsm_segment_handle(own_segment));
}

void
progress_step(const char *action, const char *schema, const char *name,
			  double rows_total)
{
	char	   *target;

	if (own_relation[0] == '\0')
		return;

	target = name != NULL ? quote_qualified_identifier(schema, name) : pstrdup(own_relation);
	if (own_origin == RUN_BY_CALL)
		ereport(NOTICE,
				(name != NULL ?
				 errmsg("retention of table %s: %s %s", own_relation, action, target) :
				 errmsg("retention of table %s: %s", own_relation, action)));
	if (own_segment != NULL)
		write_step(action, target, rows_total);
	pfree(target);
}

void
progress_add_rows(int64 rows)
{
	volatile ProgressSegment *shared;

	if (own_segment == NULL)
		return;
	shared = begin_write();
	shared->step.rows_done += rows;
	end_write(shared);
}

void
progress_add_bytes(int64 bytes)
{
	volatile ProgressSegment *shared;

	if (own_segment == NULL)
		return;
	shared = begin_write();
	shared->step.bytes_done += bytes;
	end_write(shared);
}

void
progress_end(void)
{
	dsm_segment *segment = own_segment;

	own_relation[0] = '\0';
	own_segment = NULL;
	if (segment != NULL)
		dsm_detach(segment);
}

/* ---- reading ---- */

/* False while it is being written all the time, which is no time at all. */
static bool
read_step(volatile ProgressSegment *shared, ProgressStep *step)
{
	for (int attempt = 0; attempt < READ_ATTEMPTS; attempt++)
	{
		uint32		before = shared->changecount;
		uint32		after;

		pg_read_barrier();
		memcpy(step, (ProgressStep *) &shared->step, sizeof(ProgressStep));
		pg_read_barrier();
		after = shared->changecount;
		if (before == after && before % 2 == 0)
			return true;
		CHECK_FOR_INTERRUPTS();
	}
	return false;
}

static bool
is_of_run(dsm_segment *segment, int pid, int64 run_id)
{
	ProgressSegment *shared = dsm_segment_address(segment);

	if (dsm_segment_map_length(segment) < sizeof(ProgressSegment) ||
		shared->magic != PROGRESS_MAGIC)
		return false;
	pg_read_barrier();
	return shared->pid == pid && shared->run_id == run_id &&
		shared->database == MyDatabaseId &&
		BackendPidGetProc(pid) != NULL &&
		get_rel_name(shared->relid) != NULL && may_monitor_relation(shared->relid);
}

static bool
read_run(dsm_handle handle, int pid, int64 run_id, ProgressStep *step)
{
	/* a process cannot attach a segment twice, and a run may look at itself */
	dsm_segment *mapped = dsm_find_mapping(handle);
	dsm_segment *segment = mapped != NULL ? mapped : dsm_attach(handle);
	bool		found;

	if (segment == NULL)
		return false;
	found = is_of_run(segment, pid, run_id) &&
		read_step(dsm_segment_address(segment), step);
	if (mapped == NULL)
		dsm_detach(segment);
	return found;
}

/*
 * SQL: cvwiz.run_progress(progress_handle bigint, pid int, run_id bigint)
 */
Datum
cvwiz_run_progress(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int64		handle = PG_GETARG_INT64(0);
	ProgressStep step;
	Datum		values[6];
	bool		nulls[6] = {false};

	InitMaterializedSRF(fcinfo, 0);
	if (handle <= DSM_HANDLE_INVALID || handle > PG_UINT32_MAX ||
		!read_run((dsm_handle) handle, PG_GETARG_INT32(1), PG_GETARG_INT64(2), &step))
		return (Datum) 0;

	values[0] = CStringGetTextDatum(step.action);
	values[1] = CStringGetTextDatum(step.target);
	values[2] = Int64GetDatum(step.rows_done);
	values[3] = Int64GetDatum(step.rows_total);
	nulls[3] = step.rows_total < 0;
	values[4] = Int64GetDatum(step.bytes_done);
	values[5] = TimestampTzGetDatum(step.started_at);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}
