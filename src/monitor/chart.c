/*-------------------------------------------------------------------------
 *
 * chart.c
 *		Pictures for the report: lines, bars, shares.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "monitor/chart.h"
#include "monitor/chart_frame.h"

/* Units across a stretched picture: a thousandth is fine enough. */
#define ACROSS 1000

/* A line that has no point for so much of its width is interrupted. */
#define GAP 0.1

/* ---- lines ---- */

static double
across(const LineChart *chart, TimestampTz at)
{
	return (double) (at - chart->from) / (double) (chart->to - chart->from);
}

static double
greatest(const LineChart *chart)
{
	double		result = isnan(chart->level) ? 0 : chart->level;

	for (int i = 0; i < chart->npoints; i++)
		result = Max(result, chart->points[i].value);
	return result;
}

static bool
begins_anew(const LineChart *chart, int i)
{
	return i == 0 ||
		across(chart, chart->points[i].at) - across(chart, chart->points[i - 1].at) > GAP;
}

static void
append_point(Html *html, const LineChart *chart, const Scale *scale, int i, const char *command)
{
	html_rawf(html, "%s%.0f %.1f", command,
			  across(chart, chart->points[i].at) * ACROSS,
			  scale_y(scale, chart->points[i].value));
}

/* Each uninterrupted piece comes down to the axis at both of its ends. */
static void
put_area(Html *html, const LineChart *chart, const Scale *scale)
{
	html_raw(html, "<path class=\"area\" d=\"");
	for (int i = 0; i < chart->npoints; i++)
	{
		if (begins_anew(chart, i))
			html_rawf(html, "M%.0f %d", across(chart, chart->points[i].at) * ACROSS, scale->bottom);
		append_point(html, chart, scale, i, "L");
		if (i == chart->npoints - 1 || begins_anew(chart, i + 1))
			html_rawf(html, "V%dZ", scale->bottom);
	}
	html_raw(html, "\"/>");
}

static void
put_curve(Html *html, const LineChart *chart, const Scale *scale)
{
	html_rawf(html, "<path class=\"curve%s\" d=\"", chart->npoints == 1 ? " alone" : "");
	for (int i = 0; i < chart->npoints; i++)
	{
		append_point(html, chart, scale, i, begins_anew(chart, i) ? "M" : "L");
		/* a point by itself: a round cap makes it a dot */
		if (begins_anew(chart, i) && (i == chart->npoints - 1 || begins_anew(chart, i + 1)))
			html_raw(html, "h0");
	}
	html_raw(html, "\"/>");
}

void
chart_line(Html *html, const LineChart *chart)
{
	Scale		scale;

	scale_init(&scale, greatest(chart), 20, 150);
	frame_begin(html, "chart", chart->title, chart->description, scale.bottom + 24);
	frame_grid(html, &scale);

	html_rawf(html, "<svg width=\"100%%\" height=\"%d\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\">",
			  scale.bottom, ACROSS, scale.bottom);
	if (chart->filled)
		put_area(html, chart, &scale);
	put_curve(html, chart, &scale);
	html_raw(html, "</svg>");

	if (!isnan(chart->level))
		frame_level(html, scale_y(&scale, chart->level), chart->level_label);
	if (chart->moment != NO_TIME && chart->moment > chart->from && chart->moment < chart->to)
		frame_moment(html, across(chart, chart->moment) * 100, 11, scale.bottom, "cutoff", chart->moment_label, 50);
	frame_values(html, &scale, chart->format);
	frame_days(html, chart->from, chart->to, scale.bottom);
	frame_end(html);
}

/* ---- months ---- */

/* The months below the bars: every so many that six fit, with years below. */
static void
put_months(Html *html, const MonthChart *chart, int bottom)
{
	int			step = (chart->nmonths + 5) / 6;
	int			year = -1;

	for (int i = 0; i < chart->nmonths; i += step)
	{
		int			month = chart->first_month + i;
		double		x = 100.0 * (i + 0.5) / chart->nmonths;

		frame_text(html, x, bottom + 15, "axis", month_name(month));
		if (month / 12 != year)
			frame_text(html, x, bottom + 29, "axis", psprintf("%d", month / 12));
		year = month / 12;
	}
}

static const char *
bar_class(const MonthChart *chart, int month)
{
	if (start_of_month(month + 1) <= chart->cutoff)
		return "bar expired";
	if (start_of_month(month) > chart->now)
		return "bar future";
	return "bar";
}

static double
month_position(const MonthChart *chart, TimestampTz at)
{
	int			month = month_of(at);
	double		part = (double) (at - start_of_month(month)) / (double) (start_of_month(month + 1) - start_of_month(month));

	return (month - chart->first_month + part) / chart->nmonths * 100;
}

void
chart_months(Html *html, const MonthChart *chart)
{
	double		highest = 0;
	double		slot = 100.0 / chart->nmonths;
	double		cutoff = month_position(chart, chart->cutoff);
	Scale		scale;

	for (int i = 0; i < chart->nmonths; i++)
		highest = Max(highest, chart->values[i]);
	scale_init(&scale, highest, 20, 150);
	frame_begin(html, "chart", chart->title, chart->description, scale.bottom + 36);
	frame_grid(html, &scale);
	for (int i = 0; i < chart->nmonths; i++)
		frame_bar(html, slot * (i + 0.14), slot * 0.72, &scale, chart->values[i],
				  bar_class(chart, chart->first_month + i));
	if (cutoff > 0 && cutoff < 100)
		frame_moment(html, cutoff, 11, scale.bottom, "cutoff", psprintf("cutoff %s", format_day(chart->cutoff)), 50);
	frame_values(html, &scale, chart->format);
	put_months(html, chart, scale.bottom);
	frame_end(html);
}

/* ---- histogram ---- */

/* Where a size lies among the bounds: between two, by its logarithm. */
static double
size_position(const HistogramChart *chart, int64 size)
{
	int			i = 0;
	double		below;
	double		part;

	while (i < chart->nbounds && chart->bounds[i] < size)
		i++;
	if (i == chart->nbounds)
		return 100 * (i + 0.5) / (chart->nbounds + 1);
	below = i > 0 ? chart->bounds[i - 1] : 1;
	part = log(Max(size, 1) / below) / log(chart->bounds[i] / below);
	return 100 * (i + part) / (chart->nbounds + 1);
}

static bool
is_power_of_ten(int64 value)
{
	while (value >= 10 && value % 10 == 0)
		value /= 10;
	return value == 1;
}

/* By the lower edge: a bar that a limit lies in counts as below it. */
static const char *
size_class(const HistogramChart *chart, int bar)
{
	int64		above = bar > 0 ? chart->bounds[bar - 1] : 0;

	if (chart->limit > 0 && above >= chart->limit)
		return "bar over";
	if (chart->warning_limit > 0 && above >= chart->warning_limit)
		return "bar large";
	return "bar";
}

static void
put_sizes(Html *html, const HistogramChart *chart, int bottom)
{
	for (int i = 0; i < chart->nbounds; i++)
	{
		double		x = 100.0 * (i + 1) / (chart->nbounds + 1);

		html_rawf(html, "<line class=\"tick\" x1=\"%.1f%%\" x2=\"%.1f%%\" y1=\"%d\" y2=\"%d\"/>",
				  x, x, bottom, bottom + (is_power_of_ten(chart->bounds[i]) ? 6 : 3));
		if (is_power_of_ten(chart->bounds[i]))
			frame_text(html, x, bottom + 19, "axis", format_bytes(chart->bounds[i]));
	}
}

void
chart_histogram(Html *html, const HistogramChart *chart)
{
	double		highest = 0;
	double		slot = 100.0 / (chart->nbounds + 1);
	Scale		scale;

	for (int i = 0; i <= chart->nbounds; i++)
		highest = Max(highest, chart->counts[i]);
	scale_init(&scale, highest, 48, 150);
	frame_begin(html, "chart", chart->title, chart->description, scale.bottom + 26);
	frame_grid(html, &scale);
	for (int i = 0; i <= chart->nbounds; i++)
		frame_bar(html, slot * (i + 0.06), slot * 0.88, &scale, chart->counts[i], size_class(chart, i));
	if (chart->warning_limit > 0)
		frame_moment(html, size_position(chart, chart->warning_limit), 11, scale.bottom, "warning",
					 psprintf("reduced above %s", format_bytes(chart->warning_limit)), 40);
	if (chart->limit > 0)
		frame_moment(html, size_position(chart, chart->limit), 27, scale.bottom, "cutoff",
					 psprintf("limit %s", format_bytes(chart->limit)), 62);
	frame_values(html, &scale, format_short);
	put_sizes(html, chart, scale.bottom);
	frame_end(html);
}

/* ---- shares ---- */

void
chart_shares(Html *html, const char *title, const char *description,
			 const SharePart *parts, int nparts, double whole)
{
	double		x = 0;

	frame_begin(html, "bare", title, description, 18);
	html_raw(html, "<rect class=\"track\" width=\"100%\" height=\"18\" rx=\"3\"/>");
	for (int i = 0; i < nparts; i++)
	{
		double		width = whole > 0 ? parts[i].value / whole * 100 : 0;

		if (width > 0)
			html_rawf(html, "<rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\" height=\"18\"/>",
					  parts[i].class, x, Min(width, 100 - x));
		x += width;
	}
	frame_end(html);
}
