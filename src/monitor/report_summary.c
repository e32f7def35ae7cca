/*-------------------------------------------------------------------------
 *
 * report_summary.c
 *		How things stand, and with which settings.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "guard.h"
#include "monitor/report.h"
#include "query.h"

/* ---- status ---- */

typedef struct Status
{
	char	   *text;
} Status;

static void
read_status(void *arg)
{
	query_run("SELECT cvwiz.check()", NULL);
	((Status *) arg)->text = query_text(0, 1);
	SPI_freetuptable(SPI_tuptable);
}

static const struct
{
	const char *word;
	const char *class;
	const char *sign;
} states[] = {
	{"OK", "ok", "&#10003; OK"},
	{"WARNING", "warning", "&#9650; Warning"},
	{"CRITICAL", "critical", "&#10005; Critical"},
	{"UNKNOWN", "unknown", "? Unknown"}
};

/* The line of cvwiz.check(), its first word as a sign. */
static void
put_status(Html *html)
{
	Status		status = {NULL};
	ErrorData  *error = guard(read_status, &status);
	const char *text = error ? error->message : status.text ? status.text : "";
	int			state = lengthof(states) - 1;

	if (error != NULL && is_stop_request(error))
		ReThrowError(error);
	for (size_t i = 0; i < lengthof(states) && error == NULL; i++)
	{
		size_t		length = strlen(states[i].word);

		if (strncmp(text, states[i].word, length) != 0)
			continue;
		state = i;
		text += length;
		text += strspn(text, " :-");
		break;
	}
	html_rawf(html, "<div class=\"status %s\" role=\"status\"><b>%s</b><span>", states[state].class, states[state].sign);
	html_text_cut(html, text, 1000);
	html_raw(html, "</span></div>\n");
}

/* ---- figures ---- */

static void
put_tile(Html *html, const char *name, const char *figure, const char *more)
{
	html_raw(html, "<div><dt>");
	html_text(html, name);
	html_raw(html, "</dt><dd>");
	html_text(html, figure);
	if (*more)
	{
		html_raw(html, "<small>");
		html_text(html, more);
		html_raw(html, "</small>");
	}
	html_raw(html, "</dd></div>");
}

static void
put_audit_tiles(Html *html)
{
	int64		tables;

	query_run("SELECT count(*), sum(total_bytes)::bigint, sum(rows_estimate)::bigint,"
			  " sum(rows_per_day_7d), coalesce(sum(rows_purged), 0)::bigint,"
			  " coalesce(sum(runs_failed), 0)::bigint, coalesce(sum(runs_succeeded + runs_failed + runs_on_hold), 0)::bigint"
			  " FROM cvwiz.stat_audit", NULL);
	tables = row_int8(0, 1);
	put_tile(html, "Audit logs", format_count(tables),
			 tables == 0 ? "" : row_int8(0, 3) == NO_FIGURE ? "rows unknown" : psprintf("%s rows", format_count(row_int8(0, 3))));
	if (tables > 0)
	{
		double		rate = row_double(0, 4);

		put_tile(html, "Their size", known_bytes(row_int8(0, 2)),
				 isnan(rate) ? "growth not known yet" : psprintf("%s rows a day", format_number(rate)));
		put_tile(html, "Rows cleaned up", known_count(row_int8(0, 5)),
				 psprintf("%s, %s failed", plural(row_int8(0, 7), "run", "runs"), format_count(row_int8(0, 6))));
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
put_snapshot_tiles(Html *html)
{
	int64		columns;

	query_run("SELECT count(*), sum(checked)::bigint, sum(truncated + metadata_only + rejected)::bigint"
			  " FROM cvwiz.stat_snapshot", NULL);
	columns = row_int8(0, 1);
	put_tile(html, "Snapshot columns", format_count(columns),
			 columns == 0 ? "" : row_int8(0, 2) == NO_FIGURE ? "documents are not counted" :
			 psprintf("%s, %s too large", plural(row_int8(0, 2), "document", "documents"), format_count(row_int8(0, 3))));
	SPI_freetuptable(SPI_tuptable);
}

static void
put_version_tile(Html *html)
{
	int64		columns;
	int64		versions;
	double		ratio;

	query_run("SELECT count(*), sum(versions)::bigint, sum(raw_bytes)::float8 / nullif(sum(stored_bytes), 0)::float8"
			  " FROM cvwiz.stat_version", NULL);
	columns = row_int8(0, 1);
	versions = row_int8(0, 2);
	ratio = row_double(0, 3);
	SPI_freetuptable(SPI_tuptable);
	if (columns == 0)
		return;
	put_tile(html, "Versions", known_count(versions),
			 isnan(ratio) ? plural(columns, "column", "columns") :
			 psprintf("%s, %.1f times smaller", plural(columns, "column", "columns"), ratio));
}

static void
put_alert_tile(Html *html)
{
	int64		critical;

	query_run("SELECT count(*), count(*) FILTER (WHERE severity = 'critical') FROM cvwiz.alerts", NULL);
	critical = row_int8(0, 2);
	put_tile(html, "Active alerts", format_count(row_int8(0, 1)),
			 critical > 0 ? psprintf("%s critical", format_count(critical)) : "");
	SPI_freetuptable(SPI_tuptable);
}

static void
put_worker_tile(Html *html)
{
	bool		preloaded;
	int64		pid;
	bool		starved;

	query_run("SELECT preloaded, launcher_pid::bigint, starved FROM cvwiz.worker_status()", NULL);
	preloaded = row_bool(0, 1);
	pid = row_int8(0, 2);
	starved = row_bool(0, 3);
	SPI_freetuptable(SPI_tuptable);

	if (RecoveryInProgress())
		put_tile(html, "Worker", "waiting", "this is a standby");
	else if (!preloaded)
		put_tile(html, "Worker", "none", "cvwiz is not preloaded");
	else if (pid == NO_FIGURE)
		put_tile(html, "Worker", "not running", "see the server's log");
	else
		put_tile(html, "Worker", "running", starved ? "but finds no free process" : "");
}

void
report_summary(Report *report)
{
	Html	   *html = &report->html;

	html_raw(html, "<section id=\"summary\" aria-label=\"Summary\">\n");
	put_status(html);
	html_raw(html, "<dl class=\"tiles\">");
	put_audit_tiles(html);
	put_snapshot_tiles(html);
	put_version_tile(html);
	put_alert_tile(html);
	put_worker_tile(html);
	html_raw(html, "</dl>\n");
	put_section_end(html);
}

/* ---- settings ---- */

#define SETTING_CHARACTERS 200

static const char *const changed_columns[] = {"Setting", "Value", "Default", "What it is"};
static const char *const other_columns[] = {"Setting", "Value", "What it is"};

/* Lists and strings may be empty: that is said. */
static const char *
shown(const char *value)
{
	return value == NULL || *value == '\0' ? "(empty)" : value;
}

static bool
put_setting(Html *html, uint64 row, bool changed)
{
	int			mark = html_mark(html);

	html_raw(html, "<tr><th scope=\"row\"><code>");
	html_text_cut(html, query_text(row, 1), SETTING_CHARACTERS);
	html_raw(html, "</code></th><td data-n=\"Value\" class=\"v\"><span>");
	html_text_cut(html, shown(query_text(row, 2)), SETTING_CHARACTERS);
	html_raw(html, "</span></td>");
	if (changed)
	{
		html_raw(html, "<td data-n=\"Default\" class=\"v\"><span>");
		html_text_cut(html, shown(query_text(row, 3)), SETTING_CHARACTERS);
		html_raw(html, "</span></td>");
	}
	html_raw(html, "<td data-n=\"What it is\"><span>");
	html_text_cut(html, query_text(row, 4), SETTING_CHARACTERS);
	html_raw(html, "</span></td></tr>\n");
	return html_keep(html, mark);
}

static void
put_settings(Html *html, bool changed)
{
	QueryArgs	args = {0};
	uint64		found;
	uint64		left_out = 0;

	query_arg(&args, BOOLOID, BoolGetDatum(changed));
	found = query_run("SELECT name, pg_catalog.current_setting(name), pg_catalog.concat_ws(' ', boot_val, unit), short_desc"
					  " FROM pg_catalog.pg_settings"
					  " WHERE name LIKE 'cvwiz.%' AND (setting IS DISTINCT FROM boot_val) = $1 ORDER BY name", &args);
	if (found == 0)
		put_note(html, changed ? "Every setting has its default." : "Every setting has been changed.");
	else
	{
		if (changed)
			put_table_begin(html, "Changed; values as PostgreSQL writes them, whose kB are 1,024 bytes", changed_columns, lengthof(changed_columns));
		else
			put_table_begin(html, "As they come", other_columns, lengthof(other_columns));
		for (uint64 i = 0; i < found; i++)
			left_out += put_setting(html, i, changed) ? 0 : 1;
		put_table_end(html);
		put_left_out(html, left_out, "setting", "settings");
	}
	SPI_freetuptable(SPI_tuptable);
}

void
report_settings(Report *report)
{
	put_section(&report->html, "settings", "Settings");
	put_settings(&report->html, true);
	put_settings(&report->html, false);
	put_section_end(&report->html);
}
