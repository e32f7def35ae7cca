/*-------------------------------------------------------------------------
 *
 * report_version.c
 *		The report's section of the version store.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/timestamp.h"

#include "monitor/chart.h"
#include "monitor/report.h"
#include "privilege.h"
#include "query.h"

/* A line has no more points than can be seen. */
#define LINE_POINTS 150

typedef struct VersionedColumn
{
	Oid			relid;
	char	   *table;
	char	   *name;			/* of the column */
	char	   *quoted_name;
	int64		chains;
	int64		versions;
	int64		keyframes;
	int64		raw_bytes;
	int64		stored_bytes;
	double		ratio;
	int64		depth;
	int64		dead_versions;
	int64		dead_bytes;
	bool		counted;
	int64		corrupted;
	TimestampTz sampled_at;
} VersionedColumn;

/* ---- reading ---- */

#define VERSION_QUERY \
	"SELECT s.relation::oid, s.relation::text, s.snapshot_column, pg_catalog.quote_ident(s.snapshot_column)," \
	" s.chains, s.versions, s.keyframes, s.raw_bytes, s.stored_bytes, s.ratio, s.depth::bigint," \
	" s.dead_versions, s.dead_bytes, s.counted, s.corrupted, s.sampled_at" \
	" FROM cvwiz.stat_version s" \
	" ORDER BY s.corrupted > 0 DESC, s.stored_bytes DESC NULLS LAST, s.relation::text, s.snapshot_column"

static void
read_column(uint64 row, VersionedColumn *column)
{
	bool		isnull;

	column->relid = DatumGetObjectId(query_value(row, 1, &isnull));
	column->table = query_text(row, 2);
	column->name = query_text(row, 3);
	column->quoted_name = query_text(row, 4);
	column->chains = row_int8(row, 5);
	column->versions = row_int8(row, 6);
	column->keyframes = row_int8(row, 7);
	column->raw_bytes = row_int8(row, 8);
	column->stored_bytes = row_int8(row, 9);
	column->ratio = row_double(row, 10);
	column->depth = row_int8(row, 11);
	column->dead_versions = row_int8(row, 12);
	column->dead_bytes = row_int8(row, 13);
	column->counted = row_bool(row, 14);
	column->corrupted = row_int8(row, 15);
	column->sampled_at = row_time(row, 16);
}

static bool
is_known(const VersionedColumn *column)
{
	return column->versions != NO_FIGURE;
}

typedef struct Samples
{
	ChartPoint *ratios;
	ChartPoint *sizes;			/* stored bytes */
	int			nratios;
	int			nsizes;
} Samples;

/* The last sample of each 1/LINE_POINTS of the period. */
static void
read_samples(const Report *report, const VersionedColumn *column, Samples *samples)
{
	QueryArgs	args = {0};
	SavedPrivileges saved;
	uint64		found;

	query_arg(&args, OIDOID, ObjectIdGetDatum(column->relid));
	query_text_arg(&args, column->name);
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(report->from));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(report->now));
	query_arg(&args, INT4OID, Int32GetDatum(LINE_POINTS));
	become_extension_owner(&saved);
	found = query_run("SELECT DISTINCT ON (bucket) sampled_at, stored_bytes, ratio"
					  " FROM (SELECT s.sampled_at, s.stored_bytes,"
					  " s.raw_bytes::double precision / NULLIF(s.stored_bytes, 0) AS ratio,"
					  " pg_catalog.width_bucket(extract(epoch FROM s.sampled_at), extract(epoch FROM $3), extract(epoch FROM $4), $5) AS bucket"
					  " FROM cvwiz.version_sample s"
					  " WHERE s.relation = $1 AND s.snapshot_column = $2 AND s.sampled_at BETWEEN $3 AND $4"
					  " AND s.stored_bytes IS NOT NULL) b"
					  " ORDER BY bucket, sampled_at DESC", &args);
	samples->ratios = palloc((found + 1) * sizeof(ChartPoint));
	samples->sizes = palloc((found + 1) * sizeof(ChartPoint));
	for (uint64 i = 0; i < found; i++)
	{
		TimestampTz at = row_time(i, 1);
		double		ratio = row_double(i, 3);

		samples->sizes[samples->nsizes++] = (ChartPoint) {at, row_int8(i, 2)};
		if (!isnan(ratio))
			samples->ratios[samples->nratios++] = (ChartPoint) {at, ratio};
	}
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
}

/* ---- the store as a whole ---- */

static void
put_store(Html *html)
{
	TimestampTz last_run;
	TimestampTz last_success;
	bool		succeeded;
	int64		store_bytes;

	query_run("SELECT r.last_run, r.last_run_succeeded, r.last_success,"
			  " (SELECT v.store_bytes FROM cvwiz.stat_version v ORDER BY v.sampled_at DESC NULLS LAST LIMIT 1)"
			  " FROM cvwiz.stat_version_repack r", NULL);
	last_run = row_time(0, 1);
	succeeded = row_bool(0, 2);
	last_success = row_time(0, 3);
	store_bytes = row_int8(0, 4);
	SPI_freetuptable(SPI_tuptable);

	html_raw(html, "<dl class=\"facts\">");
	put_fact(html, "The store on disk", known_bytes(store_bytes));
	put_fact(html, "Last housekeeping", last_run == NO_TIME ? "none yet" :
			 psprintf("%s, %s", format_time(last_run), succeeded ? "succeeded" : "failed"));
	if (last_run != NO_TIME && !succeeded)
		put_fact(html, "Last that succeeded", last_success == NO_TIME ? "none yet" : format_time(last_success));
	html_raw(html, "</dl>\n");
}

/* ---- a column ---- */

static void
put_heading(Html *html, const VersionedColumn *column)
{
	html_raw(html, "<h3><span class=\"name\">");
	html_name_cut(html, column->table, NAME_CHARACTERS);
	html_raw(html, "</span> &middot; <span class=\"name\">");
	html_name_cut(html, column->quoted_name, NAME_CHARACTERS);
	html_raw(html, "</span>");
	if (column->corrupted > 0)
		put_badge(html, "critical", psprintf("%s corrupted", plural(column->corrupted, "version", "versions")));
	if (is_known(column) && !column->counted)
		put_badge(html, "", "estimated");
	html_raw(html, "</h3>\n");
}

static void
put_facts(Html *html, const VersionedColumn *column)
{
	html_raw(html, "<dl class=\"facts\">");
	put_fact(html, "Versions", known_count(column->versions));
	put_fact(html, "Documents", column->chains == NO_FIGURE && is_known(column) ? "not counted" : known_count(column->chains));
	if (column->chains > 0)
		put_fact(html, "For each document", format_number((double) column->versions / column->chains));
	put_fact(html, "Dead versions", known_count(column->dead_versions));
	put_fact(html, "Greatest depth", known_count(column->depth));
	html_raw(html, "</dl>\n");
}

static void
put_key(Html *html, const char *class, const char *words, const char *figure)
{
	html_rawf(html, "<li><i class=\"%s\"></i>", class);
	html_textf(html, "%s: %s", words, figure);
	html_raw(html, "</li>");
}

static void
put_space(Html *html, const VersionedColumn *column)
{
	int64		living = column->stored_bytes - column->dead_bytes;
	int64		saved = column->raw_bytes - column->stored_bytes;
	SharePart	parts[] = {{"within", living}, {"metadata", column->dead_bytes}};
	const char *words = psprintf("%s of text take %s in the store: %s.",
								 format_bytes(column->raw_bytes), format_bytes(column->stored_bytes),
								 column->ratio >= 1 ? psprintf("%.1f times smaller", column->ratio) :
								 psprintf("%.1f times larger", 1 / Max(column->ratio, 0.01)));

	put_figure_begin(html, "", "Space");
	chart_shares(html, psprintf("Space of the versions in %s of %s", column->quoted_name, column->table), words,
				 parts, lengthof(parts), Max(column->raw_bytes, column->stored_bytes));
	html_raw(html, "<ul class=\"legend\">");
	put_key(html, "within", "in use", format_bytes(living));
	put_key(html, "metadata", "dead", format_bytes(column->dead_bytes));
	if (saved > 0)
		put_key(html, "track", "saved", format_bytes(saved));
	html_raw(html, "</ul>");
	put_figure_note(html, psprintf("%s %s, %s.", words, column->counted ? "Counted" : "Estimated from some of the store's pages",
								   format_time(column->sampled_at)));
	put_figure_end(html);
}

static void
put_kinds(Html *html, const VersionedColumn *column)
{
	int64		all = column->versions + column->dead_versions;
	int64		differences = Max(all - column->keyframes, 0);
	SharePart	parts[] = {{"within", column->keyframes}, {"truncated", differences}};
	const char *words = psprintf("Of %s, %s stored whole.", plural(all, "version", "versions"),
								 plural(column->keyframes, "is", "are"));

	put_figure_begin(html, "", "How they are stored");
	chart_shares(html, psprintf("Keyframes and differences in %s of %s", column->quoted_name, column->table), words,
				 parts, lengthof(parts), all);
	html_raw(html, "<ul class=\"legend\">");
	put_key(html, "within", "keyframes, whole", format_count(column->keyframes));
	put_key(html, "truncated", "differences", format_count(differences));
	html_raw(html, "</ul>");
	put_figure_note(html, words);
	put_figure_end(html);
}

static char *
format_times(double ratio)
{
	return psprintf("%s times", format_number(ratio));
}

/* From what to what it went, in words. */
static const char *
course(const ChartPoint *points, int npoints, FigureFormat format)
{
	if (npoints == 1)
		return psprintf("%s on %s.", format(points[0].value), format_date(points[0].at));
	return psprintf("From %s on %s to %s on %s.",
					format(points[0].value), format_date(points[0].at),
					format(points[npoints - 1].value), format_date(points[npoints - 1].at));
}

static void
put_line(Report *report, const char *heading, const char *title,
		 const ChartPoint *points, int npoints, FigureFormat axis, FigureFormat format, bool filled)
{
	Html	   *html = &report->html;
	const char *words = course(points, npoints, format);
	LineChart	chart = {0};

	chart.title = title;
	chart.description = words;
	chart.from = report->from;
	chart.to = report->now;
	chart.points = points;
	chart.npoints = npoints;
	chart.format = axis;
	chart.filled = filled;
	chart.level = NAN;
	chart.moment = NO_TIME;

	put_figure_begin(html, "", heading);
	chart_line(html, &chart);
	put_figure_note(html, words);
	put_figure_end(html);
}

static void
put_lines(Report *report, const VersionedColumn *column)
{
	Samples		samples = {0};

	read_samples(report, column, &samples);
	if (samples.nsizes > 0)
		put_line(report, "Stored bytes over time",
				 psprintf("Stored bytes of the versions in %s of %s over time", column->quoted_name, column->table),
				 samples.sizes, samples.nsizes, format_bytes, format_bytes, true);
	if (samples.nratios > 0)
		put_line(report, "Compression over time",
				 psprintf("Text to stored bytes of the versions in %s of %s over time", column->quoted_name, column->table),
				 samples.ratios, samples.nratios, format_number, format_times, false);
}

static bool
put_column(Report *report, const VersionedColumn *column)
{
	Html	   *html = &report->html;
	int			mark = html_mark(html);

	html_raw(html, "<article class=\"card\">\n");
	put_heading(html, column);
	if (column->sampled_at == NO_TIME)
		put_note(html, "No sample of the versions has been taken yet: the background worker takes one every hour; "
				 "without it, SELECT cvwiz.sample_sizes() does.");
	else if (!is_known(column))
		put_note(html, psprintf("The sample of %s has no figures: the store was locked, or took too long to read.", format_time(column->sampled_at)));
	else
	{
		put_facts(html, column);
		html_raw(html, "<div class=\"figures\">\n");
		if (column->versions + column->dead_versions > 0)
		{
			put_space(html, column);
			put_kinds(html, column);
		}
		put_lines(report, column);
		html_raw(html, "</div>\n");
	}
	html_raw(html, "</article>\n");
	return html_keep(html, mark);
}

void
report_versions(Report *report)
{
	Html	   *html = &report->html;
	uint64		found;
	uint64		left_out = 0;
	VersionedColumn *columns;

	put_section(html, "versions", "Versions");
	found = query_run(VERSION_QUERY, NULL);
	columns = palloc0((found + 1) * sizeof(VersionedColumn));
	for (uint64 i = 0; i < found; i++)
		read_column(i, &columns[i]);
	SPI_freetuptable(SPI_tuptable);

	if (found == 0)
		put_note(html, "No column has a version store yet: SELECT cvwiz.add_version_store('resumes', 'snapshot', '{resume_id}') keeps each document whole, "
				 "as its difference from the one before, and shows here what that takes.");
	else
		put_store(html);
	for (uint64 i = 0; i < found; i++)
		left_out += put_column(report, &columns[i]) ? 0 : 1;
	put_left_out(html, left_out, "smaller column", "smaller columns");
	put_section_end(html);
}
