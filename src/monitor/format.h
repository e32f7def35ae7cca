/*-------------------------------------------------------------------------
 *
 * format.h
 *		Figures and times, as people read them.
 *
 * Nothing here depends on the session: times are UTC, fractions have a point,
 * sizes are powers of 1000.  The results are ASCII, palloc'd.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_MONITOR_FORMAT_H
#define CVWIZ_MONITOR_FORMAT_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* For a time that is not known; no timestamptz of the database is this one. */
#define NO_TIME (PG_INT64_MIN + 1)

/* The same for a figure. */
#define NO_FIGURE PG_INT64_MIN

typedef char *(*FigureFormat) (double value);

/* 900 B, 1.5 kB, 12 MB, 3.4 GB */
extern char *format_bytes(double bytes);

/* 12,345 and from ten million on 12.3 M */
extern char *format_count(double count);

/* 12.3 k: for an axis */
extern char *format_short(double count);

/* A count that may have a fraction: 0.25, 12.5, 1,234 */
extern char *format_number(double number);

/* 12 s, 5 min, 3 h, 26 h, 12 days */
extern char *format_seconds(double seconds);

/* 12 days */
extern char *format_days(double days);

/* 2026-08-31 */
extern char *format_date(TimestampTz at);

/* 2026-08-31 12:00 */
extern char *format_time(TimestampTz at);

/* 31 Aug */
extern char *format_day(TimestampTz at);

/* Aug, for months counted from January of the year 0 */
extern const char *month_name(int month);

/* Such a month of a finite time, and the other way round its first moment. */
extern int	month_of(TimestampTz at);
extern TimestampTz start_of_month(int month);

/* The midnight before, in UTC. */
extern TimestampTz start_of_day(TimestampTz at);

#endif							/* CVWIZ_MONITOR_FORMAT_H */
