/*-------------------------------------------------------------------------
 *
 * chart_frame.h
 *		What the pictures have in common: scale, grid, labels.
 *
 * x is in percent of the picture's width, y in pixels from its top.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_MONITOR_CHART_FRAME_H
#define CVWIZ_MONITOR_CHART_FRAME_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "monitor/format.h"
#include "monitor/html.h"

/* From 0 at the bottom to a round figure at the top. */
typedef struct Scale
{
	double		step;			/* between two lines of the grid */
	int			nsteps;
	int			top;
	int			bottom;
} Scale;

/* For values up to highest, height pixels below top. */
extern void scale_init(Scale *scale, double highest, int top, int height);
extern double scale_y(const Scale *scale, double value);

/* class chart has a margin at the left, where x is below 0; bare has none. */
extern void frame_begin(Html *html, const char *class, const char *title, const char *description, int height);
extern void frame_end(Html *html);

/* Text centered at x; near the right edge it leans away from that. */
extern void frame_text(Html *html, double x, int y, const char *class, const char *text);

/* The grid, and its values, in the margin. */
extern void frame_grid(Html *html, const Scale *scale);
extern void frame_values(Html *html, const Scale *scale, FigureFormat format);

/* A bar; what is not nothing is seen. */
extern void frame_bar(Html *html, double x, double width, const Scale *scale, double value, const char *class);

/*
 * A horizontal line, and a vertical one with its label at the height y: to the
 * right of the line up to turn percent, to its left beyond.
 */
extern void frame_level(Html *html, double y, const char *label);
extern void frame_moment(Html *html, double x, int y, int bottom, const char *class, const char *label, double turn);

/* An axis of days, or of months where there are many. */
extern void frame_days(Html *html, TimestampTz from, TimestampTz to, int bottom);

#endif							/* CVWIZ_MONITOR_CHART_FRAME_H */
