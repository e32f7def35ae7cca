/*-------------------------------------------------------------------------
 *
 * report_audit.c
 *		The report's section of audit logs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/timestamp.h"

#include "guard.h"
#include "monitor/report_audit.h"
#include "query.h"

/* So many tables have pictures at most: each asks for its partitions' sizes. */
#define MOST_PICTURED 20

/* ---- reading ---- */

static AuditTable *
read_table(uint64 row, TimestampTz now)
{
	AuditTable *table = palloc0(sizeof(AuditTable));
	bool		isnull;

	table->relid = DatumGetObjectId(query_value(row, 1, &isnull));
	table->name = query_text(row, 2);
	table->partitioned = row_bool(row, 3);
	table->bytes = row_int8(row, 4);
	table->rows = row_int8(row, 5);
	table->rows_per_day_7d = row_double(row, 6);
	table->rows_per_day_30d = row_double(row, 7);
	table->oldest_record = row_time(row, 8);
	table->newest_record = row_time(row, 9);
	table->overdue = row_double(row, 10);
	table->partitions = row_int8(row, 11);
	table->days_ahead = row_double(row, 12);
	table->retention_days = (int) row_int8(row, 13);
	table->enabled = row_bool(row, 14);
	table->hold = row_bool(row, 15);
	table->last_success = row_time(row, 16);
	table->last_run_failed = row_bool(row, 17);
	table->residue = row_int8(row, 18);
	table->runs_succeeded = Max(row_int8(row, 19), 0);
	table->runs_failed = Max(row_int8(row, 20), 0);
	table->runs_on_hold = Max(row_int8(row, 21), 0);
	table->rows_purged = row_int8(row, 22);
	table->sampled_at = row_time(row, 23);
	table->added_at = row_time(row, 24);
	table->cutoff = now - table->retention_days * USECS_PER_DAY;
	return table;
}

/* The biggest first: where there is no room for all, these matter most. */
static List *
read_tables(TimestampTz now)
{
	List	   *tables = NIL;
	uint64		found;

	found = query_run("SELECT s.relation::oid, s.relation::text, c.relkind = 'p', s.total_bytes, s.rows_estimate,"
					  " s.rows_per_day_7d, s.rows_per_day_30d, s.oldest_record, s.newest_record,"
					  " extract(epoch FROM s.overdue)::double precision, s.partitions::bigint, s.days_ahead,"
					  " s.retention_days::bigint, s.enabled, s.hold, s.last_success, s.last_run_succeeded IS FALSE,"
					  " s.residue, s.runs_succeeded, s.runs_failed, s.runs_on_hold, s.rows_purged, s.sampled_at, s.added_at"
					  " FROM cvwiz.stat_audit s JOIN pg_catalog.pg_class c ON c.oid = s.relation"
					  " ORDER BY s.total_bytes DESC NULLS LAST, s.relation::text", NULL);
	for (uint64 i = 0; i < found; i++)
		tables = lappend(tables, read_table(i, now));
	SPI_freetuptable(SPI_tuptable);
	return tables;
}

/* ---- the overview ---- */

static const char *const overview_columns[] = {
	"Table", "#Size", "#Rows", "#Rows a day", "Oldest record", "Kept for", "Last success", "State"
};

/* Between one daily run and the next, records come of age. */
#define OVERDUE_AFTER ((double) SECS_PER_DAY)
/* as by the alert audit_record_overdue */
#define LONG_OVERDUE_AFTER (2.0 * SECS_PER_DAY)

static bool
is_well(const AuditTable *table)
{
	return table->enabled && !table->hold && !table->last_run_failed && !(table->overdue > OVERDUE_AFTER) && !(table->residue > 0);
}

static void
put_states(Html *html, const AuditTable *table)
{
	if (!table->enabled)
		put_badge(html, "warning", "disabled");
	if (table->hold)
		put_badge(html, "warning", "on hold");
	if (table->overdue > OVERDUE_AFTER)
		put_badge(html, table->overdue > LONG_OVERDUE_AFTER ? "critical" : "warning",
				  psprintf("%s overdue", format_seconds(table->overdue)));
	if (table->residue > 0)
		put_badge(html, "critical", psprintf("%s left", plural(table->residue, "row", "rows")));
	if (table->last_run_failed && !table->hold)
		put_badge(html, "critical", "last run failed");
	if (is_well(table))
		put_badge(html, "ok", table->last_success == NO_TIME ? "no run yet" : "fine");
}

static bool
put_overview_row(Html *html, const AuditTable *table)
{
	int			mark = html_mark(html);

	html_raw(html, "<tr><th scope=\"row\" class=\"name\">");
	html_name_cut(html, table->name, NAME_CHARACTERS);
	html_raw(html, "</th>");
	put_cell(html, "Size", "n", known_bytes(table->bytes));
	put_cell(html, "Rows", "n", known_count(table->rows));
	put_cell(html, "Rows a day", "n", isnan(table->rows_per_day_7d) ? "-" : format_number(table->rows_per_day_7d));
	put_cell(html, "Oldest record", "t", table->oldest_record == NO_TIME ? "-" : format_date(table->oldest_record));
	put_cell(html, "Kept for", "t", plural(table->retention_days, "day", "days"));
	put_cell(html, "Last success", "t", table->last_success == NO_TIME ? "none yet" : format_time(table->last_success));
	html_raw(html, "<td data-n=\"State\"><span>");
	put_states(html, table);
	html_raw(html, "</span></td></tr>\n");
	return html_keep(html, mark);
}

static void
put_overview(Html *html, List *tables)
{
	uint64		left_out = 0;
	ListCell   *lc;

	put_table_begin(html, "The biggest first; rows a day over the last 7 days", overview_columns, lengthof(overview_columns));
	foreach(lc, tables)
		left_out += put_overview_row(html, lfirst(lc)) ? 0 : 1;
	put_table_end(html);
	put_left_out(html, left_out, "smaller table", "smaller tables");
}

/* ---- a table ---- */

static void
put_facts(Html *html, const AuditTable *table)
{
	html_raw(html, "<dl class=\"facts\">");
	put_fact(html, "Size", known_bytes(table->bytes));
	put_fact(html, "Rows, estimated", known_count(table->rows));
	put_fact(html, "Rows a day (7 days)", known_rate(table->rows_per_day_7d));
	put_fact(html, "Rows a day (30 days)", known_rate(table->rows_per_day_30d));
	put_fact(html, "Oldest record", format_time(table->oldest_record));
	put_fact(html, "Newest record", format_time(table->newest_record));
	put_fact(html, "Kept for", plural(table->retention_days, "day", "days"));
	put_fact(html, "Cutoff now", format_time(table->cutoff));
	put_fact(html, "Overdue", isnan(table->overdue) ? (table->hold ? "on hold" : "unknown") :
			 table->overdue > 0 ? format_seconds(table->overdue) : "no");
	put_fact(html, "Last successful run", table->last_success == NO_TIME ? "none yet" : format_time(table->last_success));
	put_fact(html, "Runs", psprintf("%s succeeded, %s failed%s", format_count(table->runs_succeeded), format_count(table->runs_failed),
										   table->runs_on_hold > 0 ? psprintf(", %s on hold", format_count(table->runs_on_hold)) : ""));
	put_fact(html, "Rows cleaned up", known_count(table->rows_purged));
	if (table->partitioned)
		put_fact(html, "Partitions", table->partitions == NO_FIGURE ? "unknown" :
				 isnan(table->days_ahead) ? format_count(table->partitions) :
				 psprintf("%s, %s ahead", format_count(table->partitions), format_days(floor(table->days_ahead))));
	html_raw(html, "</dl>\n");
}

typedef struct CardCall
{
	Report	   *report;
	const AuditTable *table;
} CardCall;

static void
put_card(void *arg)
{
	CardCall   *call = (CardCall *) arg;
	Html	   *html = &call->report->html;

	html_raw(html, "<article class=\"card\">\n<h3><span class=\"name\">");
	html_name_cut(html, call->table->name, NAME_CHARACTERS);
	html_raw(html, "</span>");
	put_states(html, call->table);
	html_raw(html, "</h3>\n");
	put_facts(html, call->table);
	html_raw(html, "<div class=\"figures\">\n");
	put_growth(call->report, call->table);
	if (call->table->partitioned)
		put_partitions(call->report, call->table);
	put_runs(call->report, call->table);
	html_raw(html, "</div>\n</article>\n");
}

/* A table that is locked, or dropped meanwhile, has no card but a line. */
static bool
put_card_or_error(Report *report, const AuditTable *table)
{
	CardCall	call = {report, table};
	Html	   *html = &report->html;
	int			mark = html_mark(html);
	ErrorData  *error = guard(put_card, &call);

	if (error != NULL)
	{
		if (is_stop_request(error))
			ReThrowError(error);
		html_back(html, mark);
		html_raw(html, "<p class=\"note\"><span class=\"name\">");
		html_name_cut(html, table->name, NAME_CHARACTERS);
		html_raw(html, "</span> could not be read: ");
		html_text_cut(html, error->message, MESSAGE_CHARACTERS);
		html_raw(html, "</p>\n");
	}
	return html_keep(html, mark);
}

static void
put_cards(Report *report, List *tables)
{
	int			pictured = 0;
	int			shown = 0;
	ListCell   *lc;

	foreach(lc, tables)
	{
		CHECK_FOR_INTERRUPTS();
		if (pictured == MOST_PICTURED)
			break;
		pictured++;
		if (!put_card_or_error(report, lfirst(lc)))
			break;
		shown++;
	}
	if (shown < list_length(tables))
		put_note(&report->html, psprintf("Left out, to keep this page small: the pictures of %s.",
										 plural(list_length(tables) - shown, "smaller table", "smaller tables")));
}

void
report_audit(Report *report)
{
	Html	   *html = &report->html;
	List	   *tables = read_tables(report->now);
	int			limit = html->limit;

	put_section(html, "audit", "Audit logs");
	if (tables == NIL)
		put_note(html, "No audit log has a policy yet: SELECT cvwiz.add_retention_policy('audit_logs', retention_days => 90) gives one to a table, "
				 "which is then kept at that many days and shown here.");
	else
	{
		/* a third of the room is the list's, whatever its length */
		html->limit = html_mark(html) + (limit - html_mark(html)) / 3;
		put_overview(html, tables);
		html->limit = limit;
		put_cards(report, tables);
	}
	put_section_end(html);
}
