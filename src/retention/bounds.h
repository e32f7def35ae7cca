/*-------------------------------------------------------------------------
 *
 * bounds.h
 *		Ranges of time: partitions' bounds as the catalog has them, months,
 *		literals.
 *
 * A range is half open, in UTC.  MINVALUE and -infinity are DT_NOBEGIN,
 * MAXVALUE and infinity are DT_NOEND.  A timestamp without time zone is taken
 * as UTC, a date as its midnight in UTC.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_BOUNDS_H
#define CVWIZ_BOUNDS_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

typedef struct TimeRange
{
	TimestampTz lower;
	TimestampTz upper;
} TimeRange;

typedef struct PartitionRange
{
	Oid			relid;
	char		relkind;
	bool		is_default;		/* then range is without bounds */
	TimeRange	range;
} PartitionRange;

/*
 * The partitions of a table that is partitioned by range on one column, in the
 * order of their bounds, the DEFAULT partition last.  Takes no lock.  A
 * partition whose concurrent detach is pending is not among them.
 */
extern List *partition_ranges(Oid parent);

/* The bounds of one partition, NULL where it is none of this parent's. */
extern PartitionRange *partition_range(Oid parent, Oid partition);

/*
 * The same, whatever its parent, and also while its detach is pending; NULL
 * for a relation that is gone, or no partition (any more).
 */
extern PartitionRange *partition_bounds(Oid partition);

/* Parts of [lower, upper) that no partition of the list covers: TimeRanges. */
extern List *uncovered_ranges(List *partitions, TimeRange range);

/* The same of the current month and so many after it, month by month. */
extern List *uncovered_months(List *partitions, TimestampTz now, int ahead);

/* Midnight UTC of the first day of the month, n months later. */
extern TimestampTz month_start(TimestampTz t, int n);

/* Columns that can be kept by time: date, timestamp, timestamptz. */
extern bool is_time_type(Oid type);
extern TimestampTz time_from_datum(Datum value, Oid type);

/* SQL literal of a column's type, as '2026-09-01 00:00:00+00', quoted. */
extern char *time_literal(TimestampTz t, Oid type);

/* For messages: the same as timestamptz in UTC, without quotes. */
extern char *time_for_message(TimestampTz t);

#endif							/* CVWIZ_BOUNDS_H */
