/*-------------------------------------------------------------------------
 *
 * report_audit_charts.c
 *		The pictures of a table with a policy: growth, partitions, runs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

#include "monitor/chart.h"
#include "monitor/report_audit.h"
#include "privilege.h"
#include "query.h"

/* A line has no more points than can be seen. */
#define LINE_POINTS 150

/* Months that bars stand for: what is kept a year, and what is ready. */
#define MONTHS_BACK 20
#define MONTHS_AHEAD 3

/* ---- growth ---- */

typedef struct Samples
{
	ChartPoint *sizes;			/* bytes */
	ChartPoint *ages;			/* of the oldest record, days */
	int			nsizes;
	int			nages;
} Samples;

/* The last sample of each 1/LINE_POINTS of the period. */
static void
read_samples(const Report *report, const AuditTable *table, Samples *samples)
{
	QueryArgs	args = {0};
	SavedPrivileges saved;
	uint64		found;

	query_arg(&args, OIDOID, ObjectIdGetDatum(table->relid));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(report->from));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(report->now));
	query_arg(&args, INT4OID, Int32GetDatum(LINE_POINTS));
	become_extension_owner(&saved);
	found = query_run("SELECT DISTINCT ON (bucket) sampled_at, total_bytes, oldest_record"
					  " FROM (SELECT s.sampled_at, s.total_bytes, s.oldest_record,"
					  " pg_catalog.width_bucket(extract(epoch FROM s.sampled_at), extract(epoch FROM $2), extract(epoch FROM $3), $4) AS bucket"
					  " FROM cvwiz.size_sample s"
					  " WHERE s.relation = $1 AND s.snapshot_column IS NULL AND s.sampled_at BETWEEN $2 AND $3) b"
					  " ORDER BY bucket, sampled_at DESC", &args);
	samples->sizes = palloc((found + 1) * sizeof(ChartPoint));
	samples->ages = palloc((found + 1) * sizeof(ChartPoint));
	for (uint64 i = 0; i < found; i++)
	{
		TimestampTz at = row_time(i, 1);
		TimestampTz oldest = row_time(i, 3);

		samples->sizes[samples->nsizes++] = (ChartPoint) {at, row_int8(i, 2)};
		if (oldest != NO_TIME && !TIMESTAMP_NOT_FINITE(oldest))
			samples->ages[samples->nages++] = (ChartPoint) {at, Max(at - oldest, 0) / (double) USECS_PER_DAY};
	}
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
}

/* What the line says, in words. */
static const char *
growth_in_words(const Samples *samples)
{
	const ChartPoint *first = &samples->sizes[0];
	const ChartPoint *last = &samples->sizes[samples->nsizes - 1];
	double		days = (double) (last->at - first->at) / USECS_PER_DAY;
	double		change = last->value - first->value;

	if (samples->nsizes == 1)
		return psprintf("%s on %s, the only sample so far.", format_bytes(first->value), format_date(first->at));
	return psprintf("From %s on %s to %s on %s%s.",
					format_bytes(first->value), format_date(first->at), format_bytes(last->value), format_date(last->at),
					days < 1 ? "" : psprintf(": %s%s a day", change > 0 ? "+" : "", format_bytes(rint(change / days))));
}

static void
put_size_chart(Report *report, const AuditTable *table, const Samples *samples)
{
	Html	   *html = &report->html;
	const char *words = growth_in_words(samples);
	LineChart	chart = {0};

	chart.title = psprintf("Size of %s over time", table->name);
	chart.description = words;
	chart.from = report->from;
	chart.to = report->now;
	chart.points = samples->sizes;
	chart.npoints = samples->nsizes;
	chart.format = format_bytes;
	chart.filled = true;
	chart.level = NAN;
	chart.moment = table->cutoff;
	chart.moment_label = psprintf("cutoff %s", format_day(table->cutoff));

	put_figure_begin(html, "", "Size over time");
	chart_line(html, &chart);
	put_figure_note(html, words);
	put_figure_end(html);
}

static void
put_age_chart(Report *report, const AuditTable *table, const Samples *samples)
{
	Html	   *html = &report->html;
	double		age = samples->ages[samples->nages - 1].value;
	const char *words = psprintf("The oldest record is %s old, by the sample of %s; the policy keeps %d days.%s",
								 format_days(floor(age)), format_time(samples->ages[samples->nages - 1].at), table->retention_days,
								 table->hold ? " On hold, nothing is deleted." : "");
	LineChart	chart = {0};

	chart.title = psprintf("Age of the oldest record of %s over time", table->name);
	chart.description = words;
	chart.from = report->from;
	chart.to = report->now;
	chart.points = samples->ages;
	chart.npoints = samples->nages;
	chart.format = format_days;
	chart.level = table->retention_days;
	chart.level_label = psprintf("kept for %d days", table->retention_days);
	chart.moment = NO_TIME;

	put_figure_begin(html, "", "Oldest record against the retention");
	chart_line(html, &chart);
	put_figure_note(html, words);
	put_figure_end(html);
}

void
put_growth(Report *report, const AuditTable *table)
{
	Html	   *html = &report->html;
	Samples		samples = {0};

	read_samples(report, table, &samples);
	if (samples.nsizes == 0)
	{
		put_figure_begin(html, "wide", "Size over time");
		put_note(html, "No sample of this table was taken in the period. The background worker takes one every hour; "
				 "without it, SELECT cvwiz.sample_sizes() does.");
		put_figure_end(html);
		return;
	}
	put_size_chart(report, table, &samples);
	if (samples.nages > 0)
		put_age_chart(report, table, &samples);
}

/* ---- partitions ---- */

typedef struct Months
{
	int			first;
	int			last;
	int			this_month;
	double		bytes[MONTHS_BACK + MONTHS_AHEAD + 1];
	int			drawn;			/* partitions */
	int			earlier;
	int			later;
	int			expired;
	int			ahead;			/* drawn, of months to come */
	bool		has_default;
} Months;

/* The month that a partition is drawn in: of those that it has the one nearest to this. */
static int
partition_month(TimestampTz range_start, TimestampTz range_end, int this_month)
{
	int			month = this_month;

	if (!TIMESTAMP_NOT_FINITE(range_end))
		month = Min(month, month_of(range_end - 1));
	if (!TIMESTAMP_NOT_FINITE(range_start))
		month = Max(month, month_of(range_start));
	return month;
}

/*
 * All bounds come from the catalog; sizes, which take a look at the files, are
 * asked for the months that are drawn only.
 */
static void
read_months(const Report *report, const AuditTable *table, Months *months)
{
	QueryArgs	args = {0};
	uint64		found;
	int			first_seen = INT_MAX;
	int			last_seen = INT_MIN;

	months->this_month = month_of(report->now);
	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(table->relid));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(start_of_month(months->this_month - MONTHS_BACK)));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(start_of_month(months->this_month + MONTHS_AHEAD + 1)));
	found = query_run("SELECT s.range_start, s.range_end, s.is_default,"
					  " CASE WHEN NOT (s.range_end > $2 AND s.range_start < $3) THEN NULL"
					  /* which keeps its locks: only where there is a tree */
					  " WHEN c.relkind = 'p' THEN (SELECT sum(pg_catalog.pg_total_relation_size(t.relid))::bigint FROM pg_catalog.pg_partition_tree(s.partition) t)"
					  " ELSE pg_catalog.pg_total_relation_size(s.partition) END"
					  " FROM cvwiz.partition_ranges($1) s JOIN pg_catalog.pg_class c ON c.oid = s.partition", &args);
	for (uint64 i = 0; i < found; i++)
	{
		TimestampTz range_end = row_time(i, 2);
		int			month;

		if (row_bool(i, 3))
		{
			months->has_default = true;
			continue;
		}
		month = partition_month(row_time(i, 1), range_end, months->this_month);
		if (range_end <= table->cutoff)
			months->expired++;
		if (month < months->this_month - MONTHS_BACK)
			months->earlier++;
		else if (month > months->this_month + MONTHS_AHEAD)
			months->later++;
		else
		{
			int64		bytes = row_int8(i, 4);

			months->bytes[month - months->this_month + MONTHS_BACK] += bytes == NO_FIGURE ? 0 : bytes;
			months->drawn++;
			if (month > months->this_month)
				months->ahead++;
			first_seen = Min(first_seen, month);
			last_seen = Max(last_seen, month);
		}
	}
	SPI_freetuptable(SPI_tuptable);
	months->first = Min(first_seen, months->this_month);
	months->last = Max(last_seen, months->this_month);
}

static const char *
months_in_words(const Months *months)
{
	StringInfoData words;

	initStringInfo(&words);
	appendStringInfo(&words, "%s.", plural(months->drawn, "partition", "partitions"));
	if (months->expired > 0)
		appendStringInfo(&words, " %s and not dropped yet (dashed).", plural(months->expired, "has expired", "have expired"));
	if (months->ahead > 0)
		appendStringInfo(&words, " %s made ahead (pale).", plural(months->ahead, "is", "are"));
	if (months->earlier > 0)
		appendStringInfo(&words, " Not drawn: %s.", plural(months->earlier, "earlier one", "earlier ones"));
	if (months->later > 0)
		appendStringInfo(&words, " Not drawn: %s.", plural(months->later, "later one", "later ones"));
	if (months->has_default)
		appendStringInfoString(&words, " There is a DEFAULT partition as well.");
	return words.data;
}

void
put_partitions(Report *report, const AuditTable *table)
{
	Html	   *html = &report->html;
	Months		months = {0};
	MonthChart	chart = {0};

	read_months(report, table, &months);
	put_figure_begin(html, "wide", "Partitions by month");
	if (months.drawn + months.earlier + months.later == 0)
		put_note(html, "The table has no partitions yet: the next run makes them.");
	else
	{
		const char *words = months_in_words(&months);

		chart.title = psprintf("Sizes of the partitions of %s by month", table->name);
		chart.description = words;
		chart.first_month = months.first;
		chart.nmonths = months.last - months.first + 1;
		chart.values = months.bytes + (months.first - (months.this_month - MONTHS_BACK));
		chart.format = format_bytes;
		chart.cutoff = table->cutoff;
		chart.now = report->now;
		chart_months(html, &chart);
		put_figure_note(html, words);
	}
	put_figure_end(html);
}

/* ---- runs ---- */

typedef struct RunDays
{
	DayState   *days;
	int			ndays;
	TimestampTz first_day;
	int			count[DAY_STATES];
	int64		rows;
	char	   *last_error;
	TimestampTz last_error_at;
} RunDays;

static void
read_days(const Report *report, const AuditTable *table, RunDays *runs)
{
	QueryArgs	args = {0};
	SavedPrivileges saved;
	uint64		found;

	query_arg(&args, OIDOID, ObjectIdGetDatum(table->relid));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(runs->first_day));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(report->now));
	become_extension_owner(&saved);
	/* a day is as its last run was; a run at work says nothing yet */
	found = query_run("SELECT (pg_catalog.array_agg(r.success ORDER BY r.run_id DESC))[1],"
					  " (pg_catalog.array_agg(r.hold ORDER BY r.run_id DESC))[1],"
					  " bool_or(NOT r.success AND r.hold IS NOT TRUE), sum(r.deleted_count)::bigint,"
					  " floor(extract(epoch FROM min(r.started_at) - $2) / 86400)::bigint"
					  " FROM cvwiz.retention_run r"
					  " WHERE r.relation = $1 AND r.started_at BETWEEN $2 AND $3 AND r.finished_at IS NOT NULL AND r.success IS NOT NULL"
					  " GROUP BY floor(extract(epoch FROM r.started_at - $2) / 86400)", &args);
	for (uint64 i = 0; i < found; i++)
	{
		int64		day = row_int8(i, 5);
		bool		success = row_bool(i, 1);

		runs->rows += row_int8(i, 4);
		if (day >= 0 && day < runs->ndays)
			runs->days[day] = success ? (row_bool(i, 3) ? DAY_RECOVERED : DAY_SUCCESS) :
				row_bool(i, 2) ? DAY_HOLD : DAY_FAILED;
	}
	SPI_freetuptable(SPI_tuptable);

	found = query_run("SELECT r.started_at, r.error FROM cvwiz.retention_run r"
					  " WHERE r.relation = $1 AND r.started_at BETWEEN $2 AND $3 AND NOT r.success AND r.hold IS NOT TRUE"
					  " ORDER BY r.started_at DESC, r.run_id DESC LIMIT 1", &args);
	if (found > 0)
	{
		runs->last_error_at = row_time(0, 1);
		runs->last_error = query_text(0, 2);
	}
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
}

static const char *const state_words[DAY_STATES] = {
	"", "no run", "succeeded", "failed, then succeeded", "on hold", "failed"
};

static void
put_legend(Html *html, const RunDays *runs)
{
	html_raw(html, "<ul class=\"legend\">");
	for (int state = DAY_STATES - 1; state > DAY_OUTSIDE; state--)
	{
		if (runs->count[state] == 0)
			continue;
		html_raw(html, "<li>");
		chart_calendar_key(html, (DayState) state);
		html_textf(html, "%s: %s", state_words[state], plural(runs->count[state], "day", "days"));
		html_raw(html, "</li>");
	}
	html_raw(html, "</ul>");
}

static void
put_last_error(Html *html, const RunDays *runs)
{
	if (runs->last_error == NULL)
		return;
	html_rawf(html, "<p class=\"hint\">The last failure, %s: ", format_time(runs->last_error_at));
	html_text_cut(html, runs->last_error, MESSAGE_CHARACTERS);
	html_raw(html, "</p>");
}

void
put_runs(Report *report, const AuditTable *table)
{
	Html	   *html = &report->html;
	RunDays		runs = {0};
	CalendarChart chart = {0};

	runs.first_day = start_of_day(report->from);
	runs.ndays = (int) ((report->now - runs.first_day) / USECS_PER_DAY) + 1;
	runs.days = palloc(runs.ndays * sizeof(DayState));
	for (int i = 0; i < runs.ndays; i++)
		runs.days[i] = runs.first_day + (i + 1) * USECS_PER_DAY <= table->added_at ? DAY_OUTSIDE : DAY_NONE;
	read_days(report, table, &runs);
	for (int i = 0; i < runs.ndays; i++)
		runs.count[runs.days[i]]++;

	put_figure_begin(html, "wide", "Clean-up runs by day");
	if (runs.count[DAY_NONE] + runs.count[DAY_OUTSIDE] == runs.ndays)
		put_note(html, "No run in the period. The background worker runs each policy once a day, at cvwiz.purge_time; "
				 "CALL cvwiz.run_retention() runs them now.");
	else
	{
		chart.title = psprintf("Clean-up runs of %s by day", table->name);
		chart.description = psprintf("Days that succeeded: %d, failed and then succeeded: %d, failed: %d, on hold: %d, without a run: %d.",
									 runs.count[DAY_SUCCESS], runs.count[DAY_RECOVERED], runs.count[DAY_FAILED],
									 runs.count[DAY_HOLD], runs.count[DAY_NONE]);
		chart.first_day = runs.first_day;
		chart.days = runs.days;
		chart.ndays = runs.ndays;
		chart_calendar(html, &chart);
		put_legend(html, &runs);
		put_figure_note(html, psprintf("In the period the runs deleted %s.%s", plural(runs.rows, "row", "rows"),
									   runs.count[DAY_OUTSIDE] > 0 ? psprintf(" The policy was added on %s.", format_date(table->added_at)) : ""));
		put_last_error(html, &runs);
	}
	put_figure_end(html);
}
