/*-------------------------------------------------------------------------
 *
 * bounds.c
 *		Ranges of time: partitions' bounds as the catalog has them, months,
 *		literals.
 *
 * Expiry is decided by pg_class.relpartbound, never by a partition's name.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "retention/bounds.h"
#include "retention/policy.h"

PG_FUNCTION_INFO_V1(cvwiz_partition_ranges);

bool
is_time_type(Oid type)
{
	return type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

TimestampTz
time_from_datum(Datum value, Oid type)
{
	DateADT		date;

	if (type != DATEOID)
		return DatumGetTimestampTz(value);

	date = DatumGetDateADT(value);
	if (DATE_IS_NOBEGIN(date))
		return DT_NOBEGIN;
	/* dates go on for longer than timestamps do */
	if (DATE_IS_NOEND(date) ||
		date >= TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE)
		return DT_NOEND;
	return (TimestampTz) date * USECS_PER_DAY;
}

static TimestampTz
bound_from_datums(List *datums, TimestampTz minvalue, TimestampTz maxvalue)
{
	PartitionRangeDatum *datum = linitial_node(PartitionRangeDatum, datums);
	Const	   *value;

	if (datum->kind == PARTITION_RANGE_DATUM_MINVALUE)
		return minvalue;
	if (datum->kind == PARTITION_RANGE_DATUM_MAXVALUE)
		return maxvalue;

	value = castNode(Const, datum->value);
	return time_from_datum(value->constvalue, value->consttype);
}

PartitionRange *
partition_bounds(Oid relid)
{
	PartitionRange *result;
	PartitionBoundSpec *spec;
	HeapTuple	tuple;
	Datum		bound;
	bool		isnull;

	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		return NULL;

	bound = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relpartbound, &isnull);
	if (isnull)
	{
		ReleaseSysCache(tuple);
		return NULL;
	}

	result = (PartitionRange *) palloc0(sizeof(PartitionRange));
	result->relid = relid;
	result->relkind = ((Form_pg_class) GETSTRUCT(tuple))->relkind;

	spec = castNode(PartitionBoundSpec, stringToNode(TextDatumGetCString(bound)));
	result->is_default = spec->is_default;
	if (spec->is_default)
	{
		result->range.lower = DT_NOBEGIN;
		result->range.upper = DT_NOEND;
	}
	else
	{
		result->range.lower = bound_from_datums(spec->lowerdatums, DT_NOBEGIN, DT_NOEND);
		result->range.upper = bound_from_datums(spec->upperdatums, DT_NOBEGIN, DT_NOEND);
	}

	ReleaseSysCache(tuple);
	return result;
}

static int
compare_partition_ranges(const ListCell *a, const ListCell *b)
{
	const PartitionRange *pa = (const PartitionRange *) lfirst(a);
	const PartitionRange *pb = (const PartitionRange *) lfirst(b);

	if (pa->is_default != pb->is_default)
		return pa->is_default ? 1 : -1;
	if (pa->range.lower != pb->range.lower)
		return pa->range.lower < pb->range.lower ? -1 : 1;
	return 0;
}

List *
partition_ranges(Oid parent)
{
	List	   *result = NIL;
	List	   *children;
	ListCell   *lc;

	/* Pending detaches are left out as of the active snapshot. */
	PushActiveSnapshot(GetTransactionSnapshot());
	children = find_inheritance_children(parent, NoLock);
	PopActiveSnapshot();

	foreach(lc, children)
	{
		PartitionRange *partition = partition_bounds(lfirst_oid(lc));

		CHECK_FOR_INTERRUPTS();
		if (partition != NULL)
			result = lappend(result, partition);
	}

	list_sort(result, compare_partition_ranges);
	return result;
}

PartitionRange *
partition_range(Oid parent, Oid partition)
{
	ListCell   *lc;

	foreach(lc, partition_ranges(parent))
	{
		PartitionRange *candidate = (PartitionRange *) lfirst(lc);

		if (candidate->relid == partition)
			return candidate;
	}
	return NULL;
}

List *
uncovered_ranges(List *partitions, TimeRange range)
{
	List	   *result = NIL;
	TimestampTz covered = range.lower;
	ListCell   *lc;

	/* In the order of the bounds, a gap ends where the next one begins. */
	foreach(lc, partitions)
	{
		PartitionRange *partition = (PartitionRange *) lfirst(lc);

		if (partition->is_default || partition->range.upper <= covered)
			continue;
		if (partition->range.lower >= range.upper)
			break;
		if (partition->range.lower > covered)
		{
			TimeRange  *gap = (TimeRange *) palloc(sizeof(TimeRange));

			gap->lower = covered;
			gap->upper = partition->range.lower;
			result = lappend(result, gap);
		}
		covered = partition->range.upper;
	}

	if (covered < range.upper)
	{
		TimeRange  *gap = (TimeRange *) palloc(sizeof(TimeRange));

		gap->lower = covered;
		gap->upper = range.upper;
		result = lappend(result, gap);
	}
	return result;
}

static void
decode_time(TimestampTz t, struct pg_tm *tm, fsec_t *fsec)
{
	if (timestamp2tm(t, NULL, tm, fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
}

TimestampTz
month_start(TimestampTz t, int n)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz = 0;
	int			month;
	TimestampTz result;

	decode_time(t, &tm, &fsec);
	month = tm.tm_year * 12 + (tm.tm_mon - 1) + n;

	memset(&tm, 0, sizeof(tm));
	tm.tm_year = month / 12;
	tm.tm_mon = month % 12 + 1;
	tm.tm_mday = 1;
	if (tm2timestamp(&tm, 0, &tz, &result) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return result;
}

List *
uncovered_months(List *partitions, TimestampTz now, int ahead)
{
	List	   *result = NIL;

	for (int n = 0; n <= ahead; n++)
	{
		TimeRange	month = {month_start(now, n), month_start(now, n + 1)};

		result = list_concat(result, uncovered_ranges(partitions, month));
	}
	return result;
}

static char *
format_time(TimestampTz t, Oid type)
{
	char		buf[MAXDATELEN + 1];
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_IS_NOBEGIN(t))
		return pstrdup("-infinity");
	if (TIMESTAMP_IS_NOEND(t))
		return pstrdup("infinity");

	decode_time(t, &tm, &fsec);
	tm.tm_isdst = 0;			/* or the zone would not be printed */
	if (type == DATEOID)
		EncodeDateOnly(&tm, USE_ISO_DATES, buf);
	else
		EncodeDateTime(&tm, fsec, type == TIMESTAMPTZOID, 0, NULL,
					   USE_ISO_DATES, buf);
	return pstrdup(buf);
}

char *
time_literal(TimestampTz t, Oid type)
{
	return quote_literal_cstr(format_time(t, type));
}

char *
time_for_message(TimestampTz t)
{
	return format_time(t, TIMESTAMPTZOID);
}

/*
 * SQL: cvwiz.partition_ranges(relation regclass)
 *		RETURNS TABLE (partition regclass, range_start timestamptz,
 *					   range_end timestamptz, is_default boolean)
 */
Datum
cvwiz_partition_ranges(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			relid = PG_GETARG_OID(0);
	TimeColumn	column;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);

	time_column_of_key(relid, &column);
	foreach(lc, partition_ranges(relid))
	{
		PartitionRange *partition = (PartitionRange *) lfirst(lc);
		Datum		values[4];
		bool		nulls[4] = {false};

		values[0] = ObjectIdGetDatum(partition->relid);
		values[1] = TimestampTzGetDatum(partition->range.lower);
		values[2] = TimestampTzGetDatum(partition->range.upper);
		nulls[1] = nulls[2] = partition->is_default;
		values[3] = BoolGetDatum(partition->is_default);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}

	return (Datum) 0;
}
