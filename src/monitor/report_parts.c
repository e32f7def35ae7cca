/*-------------------------------------------------------------------------
 *
 * report_parts.c
 *		What the sections of the report are made of.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/timestamp.h"

#include "monitor/report.h"

/* ---- reading ---- */

int64
row_int8(uint64 row, int column)
{
	bool		isnull;
	Datum		value = query_value(row, column, &isnull);

	return isnull ? NO_FIGURE : DatumGetInt64(value);
}

double
row_double(uint64 row, int column)
{
	bool		isnull;
	Datum		value = query_value(row, column, &isnull);

	return isnull ? NAN : DatumGetFloat8(value);
}

TimestampTz
row_time(uint64 row, int column)
{
	bool		isnull;
	Datum		value = query_value(row, column, &isnull);

	return isnull ? NO_TIME : DatumGetTimestampTz(value);
}

bool
row_bool(uint64 row, int column)
{
	bool		isnull;
	Datum		value = query_value(row, column, &isnull);

	return !isnull && DatumGetBool(value);
}

/* ---- words ---- */

const char *
known_bytes(int64 bytes)
{
	return bytes == NO_FIGURE ? "unknown" : format_bytes(bytes);
}

const char *
known_count(int64 count)
{
	return count == NO_FIGURE ? "unknown" : format_count(count);
}

const char *
known_rate(double rows_per_day)
{
	return isnan(rows_per_day) ? "not known yet" : format_number(rows_per_day);
}

const char *
plural(int64 count, const char *one, const char *many)
{
	return psprintf("%s %s", format_count(count), count == 1 ? one : many);
}

/* ---- writing ---- */

void
put_section(Html *html, const char *id, const char *heading)
{
	html_rawf(html, "<section id=\"%s\" aria-labelledby=\"%s-h\">\n<h2 id=\"%s-h\">", id, id, id);
	html_text(html, heading);
	html_raw(html, "</h2>\n");
}

void
put_section_end(Html *html)
{
	html_raw(html, "</section>\n");
}

void
put_note(Html *html, const char *text)
{
	html_raw(html, "<p class=\"note\">");
	html_text(html, text);
	html_raw(html, "</p>\n");
}

void
put_left_out(Html *html, uint64 count, const char *one, const char *many)
{
	if (count > 0)
		put_note(html, psprintf("Left out, to keep this page small: %s.", plural(count, one, many)));
}

void
put_table_begin(Html *html, const char *caption, const char *const *columns, int ncolumns)
{
	html_raw(html, "<table><caption>");
	html_text(html, caption);
	html_raw(html, "</caption><thead><tr>");
	for (int i = 0; i < ncolumns; i++)
	{
		/* a leading # marks a column of figures */
		bool		figures = columns[i][0] == '#';

		html_raw(html, figures ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
		html_text(html, columns[i] + (figures ? 1 : 0));
		html_raw(html, "</th>");
	}
	html_raw(html, "</tr></thead><tbody>\n");
}

void
put_table_end(Html *html)
{
	html_raw(html, "</tbody></table>\n");
}

void
put_cell(Html *html, const char *column, const char *class, const char *text)
{
	html_rawf(html, "<td data-n=\"%s\"%s%s%s>", column,
			  *class ? " class=\"" : "", class, *class ? "\"" : "");
	html_text_cut(html, text, MESSAGE_CHARACTERS);
	html_raw(html, "</td>");
}

void
put_fact(Html *html, const char *name, const char *text)
{
	html_raw(html, "<div><dt>");
	html_text(html, name);
	html_raw(html, "</dt><dd>");
	html_text_cut(html, text, MESSAGE_CHARACTERS);
	html_raw(html, "</dd></div>");
}

void
put_badge(Html *html, const char *class, const char *text)
{
	html_rawf(html, " <span class=\"badge %s\">", class);
	html_text(html, text);
	html_raw(html, "</span>");
}

void
put_figure_begin(Html *html, const char *class, const char *heading)
{
	html_rawf(html, "<figure class=\"%s\"><figcaption>", class);
	html_text(html, heading);
	html_raw(html, "</figcaption>");
}

void
put_figure_note(Html *html, const char *text)
{
	html_raw(html, "<p class=\"hint\">");
	html_text(html, text);
	html_raw(html, "</p>");
}

void
put_figure_end(Html *html)
{
	html_raw(html, "</figure>\n");
}
