/*-------------------------------------------------------------------------
 *
 * report_snapshot.c
 *		The report's section of snapshot columns.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "monitor/chart.h"
#include "monitor/report.h"
#include "query.h"

typedef struct SnapshotColumn
{
	char	   *table;
	char	   *column;
	int64		limit;
	int64		warning_limit;
	int64		checked;
	int64		within;
	int64		truncated;
	int64		metadata_only;
	int64		rejected;
	int64		bytes_sum;
	int64		bytes_max;
	int64		table_bytes;
	int64		documents;
	int64		raw_bytes;
	int64		stored_bytes;
	double		ratio;
	TimestampTz sampled_at;
	TimestampTz stats_reset;
	const int64 *bounds;
	int			nbounds;
	const int64 *counts;		/* NULL: not counted */
} SnapshotColumn;

/* ---- reading ---- */

/* NULL for NULL, and for an array that has not the length. */
static const int64 *
row_int8_array(uint64 row, int column, int *length)
{
	bool		isnull;
	Datum		value = query_value(row, column, &isnull);
	ArrayType  *array;
	int64	   *copy;

	if (isnull)
		return NULL;
	array = DatumGetArrayTypePCopy(value);
	if (ARR_NDIM(array) != 1 || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != INT8OID ||
		(*length != 0 && ARR_DIMS(array)[0] != *length))
		return NULL;
	*length = ARR_DIMS(array)[0];
	copy = palloc(*length * sizeof(int64));
	memcpy(copy, ARR_DATA_PTR(array), *length * sizeof(int64));
	return copy;
}

static void
read_column(uint64 row, SnapshotColumn *column)
{
	int			ncounts;

	column->table = query_text(row, 1);
	column->column = query_text(row, 2);
	column->limit = row_int8(row, 3);
	column->warning_limit = row_int8(row, 4);
	column->checked = row_int8(row, 5);
	column->within = row_int8(row, 6);
	column->truncated = row_int8(row, 7);
	column->metadata_only = row_int8(row, 8);
	column->rejected = row_int8(row, 9);
	column->bytes_sum = row_int8(row, 10);
	column->bytes_max = row_int8(row, 11);
	column->table_bytes = row_int8(row, 12);
	column->documents = row_int8(row, 13);
	column->raw_bytes = row_int8(row, 14);
	column->stored_bytes = row_int8(row, 15);
	column->ratio = row_double(row, 16);
	column->sampled_at = row_time(row, 17);
	column->stats_reset = row_time(row, 18);
	column->nbounds = 0;
	column->bounds = row_int8_array(row, 19, &column->nbounds);
	ncounts = column->nbounds + 1;
	column->counts = column->bounds ? row_int8_array(row, 20, &ncounts) : NULL;
}

#define SNAPSHOT_QUERY \
	"SELECT s.relation::text, pg_catalog.quote_ident(s.snapshot_column), s.max_size::bigint, s.warning_size::bigint," \
	" s.checked, s.within, s.truncated, s.metadata_only, s.rejected, s.bytes_sum, s.bytes_max," \
	" s.table_bytes, s.documents::bigint, s.raw_bytes, s.stored_bytes, s.ratio, s.sampled_at, s.stats_reset," \
	" cvwiz.snapshot_size_bounds(), s.histogram" \
	" FROM cvwiz.stat_snapshot s ORDER BY s.table_bytes DESC NULLS LAST, s.relation::text, s.snapshot_column"

/* ---- a column ---- */

static void
put_facts(Html *html, const SnapshotColumn *column)
{
	html_raw(html, "<dl class=\"facts\">");
	put_fact(html, "Size of the table", known_bytes(column->table_bytes));
	put_fact(html, "Reduced above", known_bytes(column->warning_limit));
	put_fact(html, "Maximum", known_bytes(column->limit));
	put_fact(html, "Documents checked", column->checked == NO_FIGURE ? "not counted" : format_count(column->checked));
	if (column->checked > 0 && column->bytes_sum != NO_FIGURE)
		put_fact(html, "On average", format_bytes((double) column->bytes_sum / column->checked));
	if (column->checked > 0 && column->bytes_max != NO_FIGURE)
		put_fact(html, "Largest that came in", format_bytes(column->bytes_max));
	html_raw(html, "</dl>\n");
}

static void
put_histogram(Html *html, const SnapshotColumn *column)
{
	HistogramChart chart = {0};

	put_figure_begin(html, "wide", "Sizes of incoming documents");
	if (column->counts == NULL || column->checked == NO_FIGURE)
		put_note(html, "Documents are not counted here: the counters are in shared memory, which cvwiz has where shared_preload_libraries names it.");
	else if (column->checked == 0)
		put_note(html, "No document has come in since the counters were reset.");
	else
	{
		const char *words = psprintf("%s%s; sizes in bytes of text.", plural(column->checked, "document", "documents"),
									 column->stats_reset == NO_TIME ? "" :
									 psprintf(" since %s", format_time(column->stats_reset)));

		chart.title = psprintf("Sizes of the documents in %s of %s", column->column, column->table);
		chart.description = psprintf("%s Reduced above %s, at most %s.", words, known_bytes(column->warning_limit), known_bytes(column->limit));
		chart.bounds = column->bounds;
		chart.nbounds = column->nbounds;
		chart.counts = column->counts;
		chart.warning_limit = column->warning_limit;
		chart.limit = column->limit;
		chart_histogram(html, &chart);
		put_figure_note(html, words);
	}
	put_figure_end(html);
}

static const char *
share(int64 part, int64 whole)
{
	double		percent = whole > 0 ? 100.0 * part / whole : 0;

	if (part == 0)
		return "none";
	return psprintf("%s (%s)", format_count(part),
					percent < 0.1 ? "under 0.1 %" : percent > 99.9 && part < whole ? "over 99.9 %" : psprintf("%.1f %%", percent));
}

static void
put_outcomes(Html *html, const SnapshotColumn *column)
{
	const struct
	{
		const char *class;
		const char *words;
		int64		count;
	} outcomes[] = {
		{"within", "stored as it came", column->within},
		{"truncated", "arrays truncated", column->truncated},
		{"metadata", "metadata only", column->metadata_only},
		{"rejected", "rejected", column->rejected}
	};
	SharePart	parts[lengthof(outcomes)];

	if (column->checked == NO_FIGURE || column->checked == 0)
		return;
	for (size_t i = 0; i < lengthof(outcomes); i++)
		parts[i] = (SharePart) {outcomes[i].class, Max(outcomes[i].count, 0)};
	put_figure_begin(html, "", "What became of them");
	chart_shares(html, psprintf("Outcomes for %s of %s", column->column, column->table),
				 psprintf("Of %s, %s were stored as they came.", plural(column->checked, "document", "documents"), format_count(column->within)),
				 parts, lengthof(parts), column->checked);
	html_raw(html, "<ul class=\"legend\">");
	for (size_t i = 0; i < lengthof(outcomes); i++)
	{
		html_rawf(html, "<li><i class=\"%s\"></i>", outcomes[i].class);
		html_textf(html, "%s: %s", outcomes[i].words, share(Max(outcomes[i].count, 0), column->checked));
		html_raw(html, "</li>");
	}
	html_raw(html, "</ul>");
	put_figure_end(html);
}

static void
put_compression(Html *html, const SnapshotColumn *column)
{
	put_figure_begin(html, "", "Compression");
	if (column->documents == NO_FIGURE || column->documents == 0 || column->raw_bytes <= 0 || column->stored_bytes < 0)
		put_note(html, column->documents == 0 ? "The table is empty." : "No sample of the column has been taken yet: the background worker takes one every hour.");
	else
	{
		double		ratio = isnan(column->ratio) ? (double) column->raw_bytes / Max(column->stored_bytes, 1) : column->ratio;
		SharePart	stored = {"within", column->stored_bytes};
		const char *words = psprintf("%s of text take %s on disk: %s.",
									 format_bytes(column->raw_bytes), format_bytes(column->stored_bytes),
									 ratio >= 1 ? psprintf("%.1f times smaller", ratio) : psprintf("%.1f times larger", 1 / Max(ratio, 0.01)));

		chart_shares(html, psprintf("Compression of %s of %s", column->column, column->table), words,
					 &stored, 1, Max(column->raw_bytes, column->stored_bytes));
		put_figure_note(html, psprintf("%s A sample of %s, %s.", words, plural(column->documents, "document", "documents"), format_time(column->sampled_at)));
	}
	put_figure_end(html);
}

static bool
put_column(Html *html, const SnapshotColumn *column)
{
	int			mark = html_mark(html);

	html_raw(html, "<article class=\"card\">\n<h3><span class=\"name\">");
	html_name_cut(html, column->table, NAME_CHARACTERS);
	html_raw(html, "</span> &middot; <span class=\"name\">");
	html_name_cut(html, column->column, NAME_CHARACTERS);
	html_raw(html, "</span></h3>\n");
	put_facts(html, column);
	html_raw(html, "<div class=\"figures\">\n");
	put_histogram(html, column);
	put_outcomes(html, column);
	put_compression(html, column);
	html_raw(html, "</div>\n</article>\n");
	return html_keep(html, mark);
}

void
report_snapshots(Report *report)
{
	Html	   *html = &report->html;
	uint64		found;
	uint64		left_out = 0;

	put_section(html, "snapshots", "Snapshots");
	found = query_run(SNAPSHOT_QUERY, NULL);
	if (found == 0)
		put_note(html, "No column has snapshot limits yet: SELECT cvwiz.add_snapshot_limits('resumes', 'snapshot') keeps the documents of a column within them, "
				 "and shows their sizes here.");
	for (uint64 i = 0; i < found; i++)
	{
		SnapshotColumn column;

		read_column(i, &column);
		left_out += put_column(html, &column) ? 0 : 1;
	}
	SPI_freetuptable(SPI_tuptable);
	put_left_out(html, left_out, "smaller column", "smaller columns");
	put_section_end(html);
}
