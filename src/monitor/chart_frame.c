/*-------------------------------------------------------------------------
 *
 * chart_frame.c
 *		What the pictures have in common: scale, grid, labels.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "monitor/chart_frame.h"

/* ---- scale ---- */

/* The smallest of 1, 2, 2.5 and 5 times a power of ten that is not below. */
static double
round_step(double least)
{
	static const double factors[] = {1, 2, 2.5, 5, 10};
	double		power = pow(10, floor(log10(least)));

	for (size_t i = 0; i < lengthof(factors); i++)
	{
		/* no halves of a byte, a row or a day */
		if (factors[i] * power >= least * (1 - 1e-9) && factors[i] * power == rint(factors[i] * power))
			return factors[i] * power;
	}
	return 10 * power;
}

void
scale_init(Scale *scale, double highest, int top, int height)
{
	highest = isfinite(highest) && highest >= 1 ? highest : 1;
	scale->step = round_step(Max(highest / 4, 1));
	scale->nsteps = (int) ceil(highest / scale->step * (1 - 1e-9));
	scale->top = top;
	scale->bottom = top + height;
}

double
scale_y(const Scale *scale, double value)
{
	double		part = value / (scale->step * scale->nsteps);

	return scale->bottom - Max(0, Min(part, 1)) * (scale->bottom - scale->top);
}

/* ---- frame ---- */

void
frame_begin(Html *html, const char *class, const char *title, const char *description, int height)
{
	int			id = ++html->pictures;

	html_rawf(html, "<svg class=\"%s\" width=\"100%%\" height=\"%d\" role=\"img\" aria-labelledby=\"t%d d%d\"><title id=\"t%d\">",
			  class, height, id, id, id);
	html_text(html, title);
	html_rawf(html, "</title><desc id=\"d%d\">", id);
	html_text(html, description);
	html_raw(html, "</desc>");
}

void
frame_end(Html *html)
{
	html_raw(html, "</svg>\n");
}

void
frame_text(Html *html, double x, int y, const char *class, const char *text)
{
	/* at the right edge a word ends there; at the left there is a margin */
	bool		at_edge = x > 92;

	html_rawf(html, "<text class=\"%s\" x=\"%.1f%%\" y=\"%d\" text-anchor=\"%s\">",
			  class, at_edge ? Min(x + 4, 100) : x, y, at_edge ? "end" : "middle");
	html_text(html, text);
	html_raw(html, "</text>");
}

void
frame_grid(Html *html, const Scale *scale)
{
	for (int i = 0; i <= scale->nsteps; i++)
		html_rawf(html, "<line class=\"%s\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>",
				  i == 0 ? "base" : "grid",
				  scale_y(scale, i * scale->step), scale_y(scale, i * scale->step));
}

void
frame_values(Html *html, const Scale *scale, FigureFormat format)
{
	for (int i = 0; i <= scale->nsteps; i++)
	{
		html_rawf(html, "<text class=\"axis\" x=\"-8\" y=\"%.1f\" text-anchor=\"end\">", scale_y(scale, i * scale->step) + 4);
		html_text(html, i == 0 ? "0" : format(i * scale->step));
		html_raw(html, "</text>");
	}
}

void
frame_bar(Html *html, double x, double width, const Scale *scale, double value, const char *class)
{
	double		y;

	if (!(value > 0))
		return;
	y = Min(scale_y(scale, value), scale->bottom - 2);
	html_rawf(html, "<rect class=\"%s\" x=\"%.2f%%\" width=\"%.2f%%\" y=\"%.1f\" height=\"%.1f\"/>",
			  class, x, width, y, scale->bottom - y);
}

void
frame_level(Html *html, double y, const char *label)
{
	html_rawf(html, "<line class=\"cutoff\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>"
			  "<text class=\"mark\" x=\"100%%\" y=\"%.1f\" text-anchor=\"end\">", y, y, y - 5);
	html_text(html, label);
	html_raw(html, "</text>");
}

void
frame_moment(Html *html, double x, int y, int bottom, const char *class, const char *label, double turn)
{
	bool		right = x < turn;

	html_rawf(html, "<line class=\"%s\" x1=\"%.2f%%\" x2=\"%.2f%%\" y1=\"%d\" y2=\"%d\"/>"
			  "<text class=\"mark\" x=\"%.2f%%\" dx=\"%d\" y=\"%d\" text-anchor=\"%s\">",
			  class, x, x, y - 9, bottom, x, right ? 5 : -5, y, right ? "start" : "end");
	html_text(html, label);
	html_raw(html, "</text>");
}

/* ---- time ---- */

static void
put_tick(Html *html, double x, int bottom, const char *label)
{
	html_rawf(html, "<line class=\"tick\" x1=\"%.1f%%\" x2=\"%.1f%%\" y1=\"%d\" y2=\"%d\"/>", x, x, bottom, bottom + 4);
	frame_text(html, x, bottom + 18, "axis", label);
}

static double
position(TimestampTz at, TimestampTz from, TimestampTz to)
{
	return 100.0 * (double) (at - from) / (double) (to - from);
}

static void
put_months(Html *html, TimestampTz from, TimestampTz to, int bottom)
{
	int			first = month_of(from) + 1;
	int			last = month_of(to);
	int			step = Max((last - first + 3) / 3, 1);

	for (int month = first; month <= last; month += step)
		put_tick(html, position(start_of_month(month), from, to), bottom,
				 month - first < step || month % 12 < step ?
				 psprintf("%s %d", month_name(month), month / 12) : month_name(month));
}

void
frame_days(Html *html, TimestampTz from, TimestampTz to, int bottom)
{
	static const int steps[] = {1, 2, 3, 5, 7, 10, 14, 21};
	int			days = (int) ((to - from) / USECS_PER_DAY);
	int			step = 0;

	for (size_t i = 0; i < lengthof(steps) && step == 0; i++)
	{
		if (days / steps[i] <= 3)
			step = steps[i];
	}
	if (step == 0)
	{
		put_months(html, from, to, bottom);
		return;
	}
	/* back from today, which is the end that one looks at */
	for (TimestampTz at = start_of_day(to); at >= from; at -= step * USECS_PER_DAY)
		put_tick(html, position(at, from, to), bottom, format_day(at));
}
