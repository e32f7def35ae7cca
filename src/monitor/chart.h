/*-------------------------------------------------------------------------
 *
 * chart.h
 *		Pictures for the report: inline SVG.
 *
 * A picture is as wide as what it stands in, and its letters stay as big as
 * they are: places across are percentages, places down are pixels.  Colours
 * and strokes come from the page's style sheet (report_style.c), by class.
 * Every picture has a title and a description for those who don't see it, and
 * says nothing by colour alone.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_MONITOR_CHART_H
#define CVWIZ_MONITOR_CHART_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "monitor/format.h"
#include "monitor/html.h"

typedef struct ChartPoint
{
	TimestampTz at;
	double		value;
} ChartPoint;

/* A figure over time, points in their order in time. */
typedef struct LineChart
{
	const char *title;
	const char *description;
	TimestampTz from;
	TimestampTz to;
	const ChartPoint *points;
	int			npoints;
	FigureFormat format;
	bool		filled;			/* the area below is, too */
	double		level;			/* a horizontal line; NaN: none */
	const char *level_label;
	TimestampTz moment;			/* a vertical line; NO_TIME, or outside: none */
	const char *moment_label;
} LineChart;

extern void chart_line(Html *html, const LineChart *chart);

/* A bar a month, from first_month (see month_of()) on. */
typedef struct MonthChart
{
	const char *title;
	const char *description;
	int			first_month;
	const double *values;
	int			nmonths;
	FigureFormat format;
	TimestampTz cutoff;			/* what ends before has expired */
	TimestampTz now;			/* what begins after is of the future */
} MonthChart;

extern void chart_months(Html *html, const MonthChart *chart);

/* What there was on a day, from nothing to the worst. */
typedef enum DayState
{
	DAY_OUTSIDE,
	DAY_NONE,
	DAY_SUCCESS,
	DAY_RECOVERED,
	DAY_HOLD,
	DAY_FAILED
} DayState;

#define DAY_STATES (DAY_FAILED + 1)

/* A row a month, a cell a day; days[i] is the day first_day + i. */
typedef struct CalendarChart
{
	const char *title;
	const char *description;
	TimestampTz first_day;
	const DayState *days;
	int			ndays;
} CalendarChart;

extern void chart_calendar(Html *html, const CalendarChart *chart);

/* One cell, as big as in a calendar, for the legend. */
extern void chart_calendar_key(Html *html, DayState state);

/*
 * Bars between bounds that grow by factors; counts has one more than bounds.
 * Limits at 0 are none.
 */
typedef struct HistogramChart
{
	const char *title;
	const char *description;
	const int64 *bounds;
	int			nbounds;
	const int64 *counts;
	int64		warning_limit;
	int64		limit;
} HistogramChart;

extern void chart_histogram(Html *html, const HistogramChart *chart);

/* Parts of a whole, side by side: class names and values. */
typedef struct SharePart
{
	const char *class;
	double		value;
} SharePart;

extern void chart_shares(Html *html, const char *title, const char *description,
						 const SharePart *parts, int nparts, double whole);

#endif							/* CVWIZ_MONITOR_CHART_H */
