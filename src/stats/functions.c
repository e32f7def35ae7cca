/*-------------------------------------------------------------------------
 *
 * functions.c
 *		The counters, in SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "privilege.h"
#include "stats/counters.h"

PG_FUNCTION_INFO_V1(cvwiz_snapshot_size_bounds);
PG_FUNCTION_INFO_V1(cvwiz_snapshot_counters);
PG_FUNCTION_INFO_V1(cvwiz_version_counters);
PG_FUNCTION_INFO_V1(cvwiz_worker_counters);
PG_FUNCTION_INFO_V1(cvwiz_stat_reset);

static Datum
bigint_array(const int64 *values, int count)
{
	Datum	   *elements = (Datum *) palloc(sizeof(Datum) * count);

	for (int i = 0; i < count; i++)
		elements[i] = Int64GetDatum(values[i]);
	return PointerGetDatum(construct_array(elements, count, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static Datum
row_result(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	tupdesc;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

/*
 * SQL: cvwiz.snapshot_size_bounds() RETURNS bigint[]
 */
Datum
cvwiz_snapshot_size_bounds(PG_FUNCTION_ARGS)
{
	return bigint_array(slot_bounds, SLOT_BOUNDS);
}

/*
 * SQL: cvwiz.snapshot_counters(relation oid, attnum smallint,
 *			OUT checked bigint, OUT within bigint, OUT truncated bigint,
 *			OUT metadata_only bigint, OUT rejected bigint,
 *			OUT bytes_sum bigint, OUT bytes_max bigint, OUT histogram bigint[],
 *			OUT recent_bytes_max bigint, OUT recent_oversized bigint,
 *			OUT stats_reset timestamptz)
 *
 * All NULL where nothing is known, and for those who may not know it.
 */
Datum
cvwiz_snapshot_counters(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	SlotFigures figures;
	Datum		values[11] = {0};
	bool		nulls[11] = {false};
	int			n = 0;

	/* a relation that is gone has no owner to be asked for */
	if (!OidIsValid(relation_owner(relid)) || !may_monitor_relation(relid) ||
		!counters_read_snapshot(relid, PG_GETARG_INT16(1), &figures))
	{
		memset(nulls, true, sizeof(nulls));
		return row_result(fcinfo, values, nulls);
	}

	values[n++] = Int64GetDatum(figures.checked);
	values[n++] = Int64GetDatum(figures.within);
	for (int i = 0; i < SLOT_OVERSIZED; i++)
		values[n++] = Int64GetDatum(figures.oversized[i]);
	values[n++] = Int64GetDatum(figures.bytes_sum);
	values[n++] = Int64GetDatum(figures.bytes_max);
	values[n++] = bigint_array(figures.histogram, SLOT_BUCKETS);
	values[n++] = Int64GetDatum(figures.recent_bytes_max);
	values[n++] = Int64GetDatum(figures.recent_oversized);
	values[n++] = TimestampTzGetDatum(figures.reset_at);
	Assert(n == lengthof(values));
	return row_result(fcinfo, values, nulls);
}

/*
 * SQL: cvwiz.version_counters(OUT stored bigint, OUT stored_raw_bytes bigint,
 *			OUT read_errors bigint, OUT recent_read_errors bigint,
 *			OUT stats_reset timestamptz)
 */
Datum
cvwiz_version_counters(PG_FUNCTION_ARGS)
{
	VersionFigures figures;
	Datum		values[5] = {0};
	bool		nulls[5] = {false};
	int			n = 0;

	if (!counters_read_versions(&figures))
	{
		memset(nulls, true, sizeof(nulls));
		return row_result(fcinfo, values, nulls);
	}

	values[n++] = Int64GetDatum(figures.stored);
	values[n++] = Int64GetDatum(figures.stored_raw_bytes);
	values[n++] = Int64GetDatum(figures.read_errors);
	values[n++] = Int64GetDatum(figures.recent_read_errors);
	values[n++] = TimestampTzGetDatum(figures.reset_at);
	Assert(n == lengthof(values));
	return row_result(fcinfo, values, nulls);
}

/*
 * SQL: cvwiz.worker_counters(OUT rounds bigint, OUT failed_rounds bigint,
 *			OUT runs bigint, OUT alert_evaluations bigint,
 *			OUT stats_reset timestamptz, OUT uncounted bigint)
 */
Datum
cvwiz_worker_counters(PG_FUNCTION_ARGS)
{
	WorkerFigures figures;
	Datum		values[WORKER_COUNTERS + 2] = {0};
	bool		nulls[WORKER_COUNTERS + 2] = {false};

	if (!counters_read_worker(&figures))
	{
		memset(nulls, true, sizeof(nulls));
		return row_result(fcinfo, values, nulls);
	}

	for (int i = 0; i < WORKER_COUNTERS; i++)
		values[i] = Int64GetDatum(figures.counts[i]);
	values[WORKER_COUNTERS] = TimestampTzGetDatum(figures.reset_at);
	values[WORKER_COUNTERS + 1] = Int64GetDatum(figures.uncounted);
	return row_result(fcinfo, values, nulls);
}

/*
 * SQL: cvwiz.stat_reset(name text)
 */
Datum
cvwiz_stat_reset(PG_FUNCTION_ARGS)
{
	const char *name = PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool		snapshot = name == NULL || strcmp(name, "snapshot") == 0;
	bool		worker = name == NULL || strcmp(name, "worker") == 0;

	if (!snapshot && !worker)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there are no counters \"%s\"", name),
				 errhint("They are snapshot and worker; leave the name out for both.")));

	if (snapshot)
		counters_reset_snapshots();
	if (worker)
		counters_reset_worker();
	PG_RETURN_VOID();
}
