/*-------------------------------------------------------------------------
 *
 * report.c
 *		cvwiz.report(): a page to look at.
 *
 * One HTML page that needs nothing else: no script, no file beside it, no
 * network.  It stays under 200 kB: each section has a share of that, which
 * others may use up where it doesn't, and says what it has left out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "guard.h"
#include "monitor/report.h"
#include "privilege.h"
#include "settings.h"

PG_FUNCTION_INFO_V1(cvwiz_report);

/* Samples and runs are kept for so long. */
#define LONGEST_PERIOD_DAYS 400
#define DEFAULT_PERIOD_DAYS 30

/* Bytes that the page has at the end of each section, and at its own. */
#define LIMIT_SUMMARY	(24 * 1000)
#define LIMIT_ALERTS	(48 * 1000)
#define LIMIT_AUDIT		(116 * 1000)
#define LIMIT_SNAPSHOTS (144 * 1000)
#define LIMIT_VERSIONS	(164 * 1000)
#define LIMIT_HISTORY	(180 * 1000)
#define LIMIT_SETTINGS	(196 * 1000)
#define LIMIT_PAGE		(200 * 1000)

/* ---- the period ---- */

/* Whole days of an interval, roughly: months are 30. */
static double
rough_days(const Interval *interval)
{
	return interval->month * 30.0 + interval->day + (double) interval->time / USECS_PER_DAY;
}

static void
period_error(const Interval *since)
{
	char	   *text = DatumGetCString(DirectFunctionCall1(interval_out, PointerGetDatum(unconstify(Interval *, since))));

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("cannot report on the last \"%s\"", text),
			 errhint("Give the length of the period, one day or more, as in '30 days'.")));
}

/*
 * Sets where the period begins.  Whatever is longer than what cvwiz keeps is
 * cut to that, before anything can overflow.
 */
static void
set_period(Report *report, const Interval *since)
{
	TimestampTz longest = report->now - LONGEST_PERIOD_DAYS * USECS_PER_DAY;
	double		days = since ? rough_days(since) : DEFAULT_PERIOD_DAYS;

	if (since == NULL)
		report->from = report->now - DEFAULT_PERIOD_DAYS * USECS_PER_DAY;
	else if (days < 1)
		period_error(since);
	else if (days > LONGEST_PERIOD_DAYS + 50)
		report->from = DT_NOBEGIN;
	else
		/* as timestamps without time zone: days and months of UTC */
		report->from = DatumGetTimestamp(DirectFunctionCall2(timestamp_mi_interval,
															 TimestampGetDatum(report->now),
															 PointerGetDatum(unconstify(Interval *, since))));

	if (report->from < longest)
	{
		report->from = longest;
		report->cut_short = true;
	}
	if (report->from > report->now - USECS_PER_DAY)
		period_error(since);
}

/* ---- the page ---- */

static void
put_head(Report *report)
{
	Html	   *html = &report->html;
	const char *database = get_database_name(MyDatabaseId);
	int			days = (int) ((report->now - report->from + USECS_PER_DAY / 2) / USECS_PER_DAY);

	html_raw(html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
			 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
			 "<meta name=\"color-scheme\" content=\"light dark\">\n<title>cvwiz: ");
	html_text(html, database);
	html_raw(html, "</title>\n<style>\n");
	html_raw(html, report_style);
	html_raw(html, "</style>\n</head>\n<body>\n<header>\n<h1>Audit logs and snapshots</h1>\n<p class=\"about\">Database <b class=\"name\">");
	html_text(html, database);
	html_raw(html, "</b> &middot; ");
	html_rawf(html, "%s to <b>%s</b> UTC (%s) &middot; ", format_date(report->from), format_time(report->now),
			  plural(days, "day", "days"));
	html_raw(html, "all times are UTC</p>\n");
	if (report->cut_short)
		html_rawf(html, "<p class=\"about\">Samples and runs are kept for %d days: the report begins there.</p>\n", LONGEST_PERIOD_DAYS);
	if (clock_is_set())
		html_raw(html, "<p class=\"about\">The clock is set: <code>cvwiz.now</code> says what time it is here.</p>\n");
	html_raw(html, "</header>\n<main>\n");
}

static void
put_foot(Report *report)
{
	html_raw(&report->html, "</main>\n<footer><p>Made by cvwiz " CVWIZ_VERSION " on PostgreSQL " PG_VERSION
			 ". Sizes are in powers of 1000: 1 kB is 1,000 bytes. Sizes of tables include their indexes and TOAST; rows are estimates.</p></footer>\n"
			 "</body>\n</html>\n");
}

/* ---- sections, each by itself ---- */

typedef struct SectionCall
{
	Report	   *report;
	ReportSection section;
} SectionCall;

static void
run_section(void *arg)
{
	SectionCall *call = (SectionCall *) arg;

	/* A table in the hands of others must not stop the page, ... */
	set_lock_timeout(setting_lock_timeout);
	/* ... nor the caller change how names and figures are written. */
	set_locally("quote_all_identifiers", "off");
	set_locally("extra_float_digits", "1");
	call->section(call->report);
}

static void
put_guarded(Report *report, const char *name, int limit, ReportSection section)
{
	SectionCall call = {report, section};
	Html	   *html = &report->html;
	int			mark = html_mark(html);
	int			guc_level = NewGUCNestLevel();
	ErrorData  *error;

	html->limit = limit;
	error = guard(run_section, &call);
	AtEOXact_GUC(false, guc_level);
	if (error == NULL)
		return;
	if (is_stop_request(error))
		ReThrowError(error);

	html_back(html, mark);
	html_rawf(html, "<section><h2>%s</h2><p class=\"note\">This part could not be read: ", name);
	html_text_cut(html, error->message, MESSAGE_CHARACTERS);
	html_raw(html, "</p></section>\n");
}

static void
put_page(Report *report)
{
	html_init(&report->html);
	put_head(report);
	put_guarded(report, "Summary", LIMIT_SUMMARY, report_summary);
	put_guarded(report, "Active alerts", LIMIT_ALERTS, report_active_alerts);
	put_guarded(report, "Audit logs", LIMIT_AUDIT, report_audit);
	put_guarded(report, "Snapshots", LIMIT_SNAPSHOTS, report_snapshots);
	put_guarded(report, "Versions", LIMIT_VERSIONS, report_versions);
	put_guarded(report, "Past alerts", LIMIT_HISTORY, report_past_alerts);
	put_guarded(report, "Settings", LIMIT_SETTINGS, report_settings);
	put_foot(report);
	Assert(report->html.text.len < LIMIT_PAGE);
}

/*
 * SQL: cvwiz.report(since interval) RETURNS text
 *
 * NULL is the default, 30 days.  ERROR 22023 for less than a day.
 */
Datum
cvwiz_report(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	Report		report = {0};

	report.now = clock_now();
	set_period(&report, PG_ARGISNULL(0) ? NULL : PG_GETARG_INTERVAL_P(0));

	SPI_connect();
	MemoryContextSwitchTo(caller);
	put_page(&report);
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(report.html.text.data, report.html.text.len));
}
