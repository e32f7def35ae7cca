/*-------------------------------------------------------------------------
 *
 * report_alerts.c
 *		The report's sections of alerts, active and past.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

#include "monitor/report.h"
#include "query.h"

/* Events that are looked at; the page has room for fewer. */
#define MOST_EVENTS "300"

/* What an alert is about: the labels' values, in words where they have one. */
#define SUBJECT(labels) \
	"coalesce(nullif(pg_catalog.concat_ws(' '," \
	" nullif(pg_catalog.concat_ws('.', " labels " ->> 'schema', " labels " ->> 'table', " labels " ->> 'column'), '')," \
	" (SELECT pg_catalog.string_agg(l.key || '=' || l.value, ' ' ORDER BY l.key)" \
	" FROM pg_catalog.jsonb_each_text(" labels ") l WHERE l.key <> ALL ('{schema,table,column,database}'))), ''), 'the server')"

/* The unit of a metric is the end of its name. */
static FigureFormat
metric_format(const char *metric)
{
	static const struct
	{
		const char *part;
		FigureFormat format;
	} units[] = {
		{"_bytes", format_bytes},
		{"_timestamp_seconds", format_number},
		{"_seconds", format_seconds},
		{"_days", format_days}
	};

	for (size_t i = 0; i < lengthof(units); i++)
	{
		if (strstr(metric, units[i].part) != NULL)
			return units[i].format;
	}
	return format_number;
}

static const char *
formatted(const char *metric, double value)
{
	if (isnan(value))
		return "unknown";
	return metric_format(metric) (value);
}

static void
put_severity(Html *html, const char *severity)
{
	put_badge(html, strcmp(severity, "critical") == 0 ? "critical" : strcmp(severity, "warning") == 0 ? "warning" : "", severity);
}

static void
put_alert_name(Html *html, const char *alert, const char *severity)
{
	html_raw(html, "<tr><th scope=\"row\"><span class=\"name\">");
	html_name_cut(html, alert, NAME_CHARACTERS);
	html_raw(html, "</span>");
	put_severity(html, severity);
	html_raw(html, "</th>");
}

static void
put_named_cell(Html *html, const char *column, const char *text)
{
	html_rawf(html, "<td data-n=\"%s\" class=\"w\"><span class=\"name\">", column);
	html_name_cut(html, text, NAME_CHARACTERS);
	html_raw(html, "</span></td>");
}

/* ---- active ---- */

static const char *const active_columns[] = {"Alert", "About", "Value", "Fires at", "Since", "What to do"};

static void
put_since(Report *report, TimestampTz since)
{
	Html	   *html = &report->html;

	html_raw(html, "<td data-n=\"Since\"><span>");
	if (since != NO_TIME)
		html_rawf(html, "<span class=\"t\">%s</span>, for <span class=\"t\">%s</span>", format_time(since),
				  format_seconds(Max(report->now - since, 0) / (double) USECS_PER_SEC));
	html_raw(html, "</span></td>");
}

static bool
put_active(Report *report, uint64 row)
{
	Html	   *html = &report->html;
	int			mark = html_mark(html);
	const char *metric = query_text(row, 4);
	const char *action = query_text(row, 9);

	put_alert_name(html, query_text(row, 1), query_text(row, 2));
	put_named_cell(html, "About", query_text(row, 3));
	put_cell(html, "Value", "t", formatted(metric, row_double(row, 5)));
	put_cell(html, "Fires at", "t", psprintf("%s %s", query_text(row, 6), formatted(metric, row_double(row, 7))));
	put_since(report, row_time(row, 8));
	put_cell(html, "What to do", "", action ? action : "");
	html_raw(html, "</tr>\n");
	return html_keep(html, mark);
}

void
report_active_alerts(Report *report)
{
	Html	   *html = &report->html;
	uint64		found;
	uint64		left_out = 0;

	put_section(html, "alerts", "Active alerts");
	found = query_run("SELECT a.alert, a.severity, " SUBJECT("a.labels") ", a.metric, a.value, a.comparison, a.threshold, a.since, a.action"
					  " FROM cvwiz.alerts a ORDER BY a.severity <> 'critical', a.since, a.alert, a.labels::text", NULL);
	if (found == 0)
		put_note(html, "No alert is active.");
	else
	{
		put_table_begin(html, "Critical ones first, then the longest", active_columns, lengthof(active_columns));
		for (uint64 i = 0; i < found; i++)
			left_out += put_active(report, i) ? 0 : 1;
		put_table_end(html);
		put_left_out(html, left_out, "alert", "alerts");
	}
	SPI_freetuptable(SPI_tuptable);
	put_section_end(html);
}

/* ---- past ---- */

static const char *const past_columns[] = {"Alert", "About", "Fired", "Cleared", "Lasted", "Value"};

static bool
put_past(Html *html, uint64 row)
{
	int			mark = html_mark(html);
	TimestampTz fired = row_time(row, 6);
	TimestampTz cleared = row_time(row, 7);

	put_alert_name(html, query_text(row, 1), query_text(row, 2));
	put_named_cell(html, "About", query_text(row, 3));
	put_cell(html, "Fired", "t", fired == NO_TIME ? "before the log begins" : format_time(fired));
	put_cell(html, "Cleared", "t", cleared == NO_TIME ? "not yet" : format_time(cleared));
	put_cell(html, "Lasted", "t", fired == NO_TIME || cleared == NO_TIME ? "" :
			 format_seconds(Max(cleared - fired, 0) / (double) USECS_PER_SEC));
	put_cell(html, "Value", "t", formatted(query_text(row, 4), row_double(row, 5)));
	html_raw(html, "</tr>\n");
	return html_keep(html, mark);
}

void
report_past_alerts(Report *report)
{
	Html	   *html = &report->html;
	QueryArgs	args = {0};
	uint64		found;
	uint64		left_out = 0;

	put_section(html, "history", "Past alerts");
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(report->from));
	/* each firing with the clearing that followed it */
	found = query_run("SELECT e.alert, e.severity, " SUBJECT("e.labels") ", e.metric, e.value, e.fired_at, e.cleared_at"
					  " FROM (SELECT h.event_id, h.alert, h.severity, h.labels, h.metric, h.value, h.event,"
					  " CASE h.event WHEN 'fired' THEN h.at END AS fired_at,"
					  " CASE h.event WHEN 'cleared' THEN h.at ELSE lead(h.at) OVER series END AS cleared_at,"
					  " lag(h.event) OVER series AS event_before"
					  " FROM cvwiz.alert_history h WINDOW series AS (PARTITION BY h.alert, h.labels ORDER BY h.event_id)) e"
					  " WHERE (e.event = 'fired' OR e.event_before IS DISTINCT FROM 'fired')"
					  " AND e.cleared_at >= $1"
					  " ORDER BY e.cleared_at DESC, e.event_id DESC LIMIT " MOST_EVENTS,
					  &args);
	if (found == 0)
		put_note(html, "No alert has fired and cleared in the period.");
	else
	{
		put_table_begin(html, "Those that cleared in the period, the latest first", past_columns, lengthof(past_columns));
		for (uint64 i = 0; i < found; i++)
			left_out += put_past(html, i) ? 0 : 1;
		put_table_end(html);
		put_left_out(html, left_out, "earlier alert", "earlier alerts");
	}
	SPI_freetuptable(SPI_tuptable);
	put_section_end(html);
}
