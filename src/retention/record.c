/*-------------------------------------------------------------------------
 *
 * record.c
 *		The row of a run in cvwiz.retention_run.
 *
 * It is written before the first step and brought up to date in the
 * transaction of each step, so that its figures are exact even where the run
 * was killed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "privilege.h"
#include "query.h"
#include "retention/record.h"

/* The log of runs must not grow for ever either. */
#define RUN_LOG_DAYS 400

/*
 * $1 to $3: the run's own row, and not one that has its number since the
 * extension was dropped and created again.
 */
#define THIS_RUN " WHERE run_id = $1 AND relation = $2 AND pid = $3"

/* As cvwiz.stat_audit counts them. */
#define RUN_OUTCOMES \
	"success AS succeeded, NOT success AND hold IS NOT TRUE AS failed, NOT success AND hold AS on_hold"

static void
identify(QueryArgs *args, const RunRecord *record)
{
	query_arg(args, INT8OID, Int64GetDatum(record->run_id));
	query_arg(args, OIDOID, ObjectIdGetDatum(record->relid));
	query_arg(args, INT4OID, Int32GetDatum(MyProcPid));
}

/* An operator may empty the log of runs, even while one is at work. */
static void
check_there(const RunRecord *record, uint64 updated)
{
	if (updated == 1)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the record of this retention run on table %s is gone",
					record->relation_name),
			 errdetail("Somebody has deleted row " INT64_FORMAT " of cvwiz.retention_run.",
					   record->run_id),
			 errhint("Run it again; rows older than 400 days are removed by themselves.")));
}

/*
 * $1: the run's table, $2: now.  What the table's own rows said is added to
 * its totals: nobody else writes these, for we have the table's lock.
 *
 * Tables without a policy have nobody else to shorten their log.  They have no
 * totals: waiting for a row of theirs that another run has written, and not
 * committed, would stop us.
 */
static void
prune_log(const QueryArgs *args)
{
	query_run_only(psprintf("WITH pruned AS (DELETE FROM cvwiz.retention_run WHERE run_id IN ("
							" SELECT r.run_id FROM cvwiz.retention_run r"
							" WHERE r.started_at < $2 - pg_catalog.make_interval(days => %d)"
							" AND (r.relation = $1 OR NOT EXISTS ("
							"  SELECT FROM cvwiz.retention_policy p WHERE p.relation = r.relation))"
							" FOR UPDATE SKIP LOCKED)"
							" RETURNING relation, " RUN_OUTCOMES ", deleted_count)"
							" INSERT INTO cvwiz.retention_total AS t"
							" (relation, runs_succeeded, runs_failed, runs_on_hold, rows_purged)"
							" SELECT $1, count(*) FILTER (WHERE succeeded), count(*) FILTER (WHERE failed),"
							" count(*) FILTER (WHERE on_hold), sum(deleted_count)"
							" FROM pruned WHERE relation = $1 HAVING count(*) > 0"
							" ON CONFLICT (relation) DO UPDATE SET"
							" runs_succeeded = t.runs_succeeded + excluded.runs_succeeded,"
							" runs_failed = t.runs_failed + excluded.runs_failed,"
							" runs_on_hold = t.runs_on_hold + excluded.runs_on_hold,"
							" rows_purged = t.rows_purged + excluded.rows_purged",
							RUN_LOG_DAYS),
				   args);
}

void
record_start(RunRecord *record, RunOrigin origin, TimestampTz now)
{
	static const char *const origins[] = {"worker", "call", "function"};
	SavedPrivileges saved;
	QueryArgs	relation = {0};
	QueryArgs	args = {0};
	bool		isnull;

	query_arg(&relation, OIDOID, ObjectIdGetDatum(record->relid));
	query_arg(&relation, TIMESTAMPTZOID, TimestampTzGetDatum(now));

	query_arg(&args, OIDOID, ObjectIdGetDatum(record->relid));
	query_arg(&args, TEXTOID, CStringGetTextDatum(record->relation_name));
	query_arg(&args, TEXTOID, CStringGetTextDatum(origins[origin]));
	query_arg(&args, INT4OID, Int32GetDatum(MyProcPid));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now));

	become_extension_owner(&saved);

	/* We have the table's lock, so whoever began these is gone. */
	query_run_only("UPDATE cvwiz.retention_run"
				   " SET success = false, finished_at = $2, progress_handle = NULL,"
				   " error = pg_catalog.format('interrupted: process %s ended before the run did', pid)"
				   " WHERE relation = $1 AND finished_at IS NULL",
				   &relation);

	prune_log(&relation);

	query_run("INSERT INTO cvwiz.retention_run (relation, relation_name, origin, pid, started_at)"
			  " VALUES ($1, $2, $3, $4, $5) RETURNING run_id",
			  &args);
	record->run_id = DatumGetInt64(query_value(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
}

void
record_progress(const RunRecord *record, uint32 handle)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};

	identify(&args, record);
	query_arg(&args, INT8OID, Int64GetDatum((int64) handle));

	become_extension_owner(&saved);
	check_there(record,
				query_run_only("UPDATE cvwiz.retention_run SET progress_handle = $4" THIS_RUN,
							   &args));
	restore_privileges(&saved);
}

void
record_policy(const RunRecord *record, const RunResult *result)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};

	identify(&args, record);
	query_arg(&args, INT4OID, Int32GetDatum(result->retention_days));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(result->cutoff));
	query_arg(&args, BOOLOID, BoolGetDatum(result->hold));

	become_extension_owner(&saved);
	check_there(record,
				 query_run_only("UPDATE cvwiz.retention_run SET retention_days = $4, cutoff_date = $5, hold = $6"
								THIS_RUN,
								&args));
	restore_privileges(&saved);
}

void
record_counts(const RunRecord *record, const StepCounts *counts)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};

	identify(&args, record);
	query_arg(&args, INT8OID, Int64GetDatum(counts->deleted));
	query_arg(&args, INT4OID, Int32GetDatum(counts->created));
	query_arg(&args, INT4OID, Int32GetDatum(counts->detached));
	query_arg(&args, INT4OID, Int32GetDatum(counts->dropped));

	become_extension_owner(&saved);
	check_there(record,
				 query_run_only("UPDATE cvwiz.retention_run"
								" SET deleted_count = deleted_count + $4,"
								" partitions_created = partitions_created + $5,"
								" partitions_detached = partitions_detached + $6,"
								" partitions_dropped = partitions_dropped + $7"
								THIS_RUN,
								&args));
	restore_privileges(&saved);
}

/* Several steps may fail: the first one's error is kept, the rest counted. */
void
record_error(RunRecord *record, const char *where, const ErrorData *error)
{
	StringInfoData detail;
	SavedPrivileges saved;
	QueryArgs	args = {0};

	record->failed = true;

	initStringInfo(&detail);
	appendStringInfo(&detail, "SQLSTATE %s", unpack_sql_state(error->sqlerrcode));
	if (error->detail)
		appendStringInfo(&detail, "; %s", error->detail);
	if (error->hint)
		appendStringInfo(&detail, "; %s", error->hint);
	if (error->context)
		appendStringInfo(&detail, "; %s", error->context);

	identify(&args, record);
	query_arg(&args, TEXTOID, CStringGetTextDatum(psprintf("%s: %s", where, error->message)));
	query_arg(&args, TEXTOID, CStringGetTextDatum(detail.data));

	become_extension_owner(&saved);
	query_run_only("UPDATE cvwiz.retention_run"
				   " SET error = coalesce(error, $4),"
				   " error_detail = CASE WHEN error IS NULL THEN $5"
				   " ELSE pg_catalog.concat_ws(E'\\n', error_detail, $4) END"
				   THIS_RUN,
				   &args);
	restore_privileges(&saved);
}

/*
 * Ends the record, and reads back what the committed steps have counted.
 * Success takes a residue that was measured and is 0.
 */
void
record_finish(const RunRecord *record, instr_time started, TimestampTz finished_at,
			  MemoryContext context, RunResult *result)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};
	instr_time	duration;
	uint64		updated;
	bool		isnull;
	char	   *error;

	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, started);
	result->duration_us = INSTR_TIME_GET_MICROSEC(duration);
	result->success = !record->failed && result->residue == 0;

	identify(&args, record);
	query_arg(&args, BOOLOID, BoolGetDatum(result->success));
	query_arg_or_null(&args, INT8OID, Int64GetDatum(result->residue), result->residue < 0);
	query_arg(&args, INT8OID, Int64GetDatum(result->duration_us));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(finished_at));

	become_extension_owner(&saved);
	updated = query_run("UPDATE cvwiz.retention_run SET finished_at = $7, success = $4, residue = $5, progress_handle = NULL,"
			  " duration = $6 * interval '1 microsecond',"
			  " error = CASE WHEN error IS NOT NULL OR $4 THEN error"
			  " WHEN hold THEN pg_catalog.format('on hold: %s rows past the cutoff are kept', $5)"
			  " ELSE pg_catalog.format('%s rows past the cutoff remain', $5) END,"
			  " error_detail = CASE WHEN error IS NOT NULL OR $4 OR hold THEN error_detail"
			  " ELSE 'Something keeps them: a trigger or a rule of the table, locks of a long transaction,"
			  " a foreign table among the partitions, a table that inherits, or old rows that come in as fast as they go.' END"
			  THIS_RUN
			  " RETURNING deleted_count, partitions_created, partitions_detached, partitions_dropped, error",
			  &args);
	check_there(record, updated);
	result->deleted = DatumGetInt64(query_value(0, 1, &isnull));
	result->created = DatumGetInt32(query_value(0, 2, &isnull));
	result->detached = DatumGetInt32(query_value(0, 3, &isnull));
	result->dropped = DatumGetInt32(query_value(0, 4, &isnull));
	error = query_text(0, 5);
	result->error = error ? MemoryContextStrdup(context, error) : NULL;
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
}
