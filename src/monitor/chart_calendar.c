/*-------------------------------------------------------------------------
 *
 * chart_calendar.c
 *		Days in rows of months.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "monitor/chart.h"
#include "monitor/chart_frame.h"

#define HEAD 18					/* pixels above the first row */
#define ROW 22					/* from a row to the next */
#define CELL_SHAPE "m5 0h90v18h-90z"	/* of these, the cell */

static const char *const state_classes[DAY_STATES] = {
	"", "none", "success", "recovered", "hold", "failed"
};

/* A sign in the cell beside the colour, from its corner: 100 by 18. */
static const char *const state_signs[DAY_STATES] = {
	NULL, NULL, NULL, "m50 9h0", "m28 9h44", "m36 5l28 8m0-8l-28 8"
};

static const char *const sign_classes[DAY_STATES] = {
	NULL, NULL, NULL, "sign dot", "sign", "sign"
};

typedef struct Cell
{
	int			row;
	int			column;			/* 0 to 30 */
} Cell;

static Cell
cell_of(const CalendarChart *chart, int day)
{
	TimestampTz at = chart->first_day + day * USECS_PER_DAY;
	int			month = month_of(at);
	Cell		cell;

	cell.row = month - month_of(chart->first_day);
	cell.column = (int) ((at - start_of_month(month)) / USECS_PER_DAY);
	return cell;
}

static bool
has_state(const CalendarChart *chart, DayState state)
{
	for (int i = 0; i < chart->ndays; i++)
	{
		if (chart->days[i] == state)
			return true;
	}
	return false;
}

/* The same at the corner of each day of a state, as one path: a year is small. */
static void
put_shape(Html *html, const CalendarChart *chart, DayState state, const char *class, const char *shape)
{
	html_rawf(html, "<path class=\"%s\" d=\"", class);
	for (int i = 0; i < chart->ndays; i++)
	{
		Cell		cell;

		if (chart->days[i] != state)
			continue;
		cell = cell_of(chart, i);
		html_rawf(html, "M%d %d%s", cell.column * 100, cell.row * ROW, shape);
	}
	html_raw(html, "\"/>");
}

static void
put_state(Html *html, const CalendarChart *chart, DayState state)
{
	if (!has_state(chart, state))
		return;
	put_shape(html, chart, state, state_classes[state], CELL_SHAPE);
	if (state_signs[state] != NULL)
		put_shape(html, chart, state, sign_classes[state], state_signs[state]);
}

static void
put_labels(Html *html, const CalendarChart *chart, int nrows)
{
	static const int numbered[] = {1, 5, 10, 15, 20, 25, 31};
	int			first_month = month_of(chart->first_day);

	for (size_t i = 0; i < lengthof(numbered); i++)
		html_rawf(html, "<text class=\"axis\" x=\"%.2f%%\" y=\"11\" text-anchor=\"middle\">%d</text>",
				  (numbered[i] - 0.5) / 31 * 100, numbered[i]);
	for (int i = 0; i < nrows; i++)
	{
		int			month = first_month + i;

		/* of more than half a year, January says which */
		html_rawf(html, "<text class=\"axis\" x=\"-8\" y=\"%d\" text-anchor=\"end\">%s</text>", HEAD + i * ROW + 13,
				  nrows > 6 && month % 12 == 0 ? psprintf("%d", month / 12) : month_name(month));
	}
}

void
chart_calendar(Html *html, const CalendarChart *chart)
{
	int			nrows = cell_of(chart, chart->ndays - 1).row + 1;
	int			height = nrows * ROW;

	frame_begin(html, "chart", chart->title, chart->description, HEAD + height);
	put_labels(html, chart, nrows);
	html_rawf(html, "<svg class=\"days\" y=\"%d\" width=\"100%%\" height=\"%d\" viewBox=\"0 0 3100 %d\" preserveAspectRatio=\"none\">",
			  HEAD, height, height);
	for (int state = DAY_NONE; state < DAY_STATES; state++)
		put_state(html, chart, (DayState) state);
	html_raw(html, "</svg>");
	frame_end(html);
}

void
chart_calendar_key(Html *html, DayState state)
{
	html_rawf(html, "<svg class=\"days key\" width=\"18\" height=\"14\" viewBox=\"0 0 100 18\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
			  "<path class=\"%s\" d=\"M0 0" CELL_SHAPE "\"/>", state_classes[state]);
	if (state_signs[state] != NULL)
		html_rawf(html, "<path class=\"%s\" d=\"M0 0%s\"/>", sign_classes[state], state_signs[state]);
	html_raw(html, "</svg>");
}
