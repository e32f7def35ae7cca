/*-------------------------------------------------------------------------
 *
 * report.h
 *		The page of cvwiz.report(), in sections.
 *
 * Each section reads cvwiz's views as the caller, through SPI, and writes what
 * it finds.  It is run under guard(): an error stops only that section.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_MONITOR_REPORT_H
#define CVWIZ_MONITOR_REPORT_H

#include "postgres.h"

#include "datatype/timestamp.h"

#include "monitor/format.h"
#include "monitor/html.h"
#include "query.h"

typedef struct Report
{
	Html		html;
	TimestampTz now;
	TimestampTz from;			/* the period begins */
	bool		cut_short;		/* the caller wanted it longer */
} Report;

typedef void (*ReportSection) (Report *report);

extern void report_summary(Report *report);
extern void report_active_alerts(Report *report);
extern void report_past_alerts(Report *report);
extern void report_audit(Report *report);
extern void report_snapshots(Report *report);
extern void report_versions(Report *report);
extern void report_settings(Report *report);

/* report_style.c */
extern const char *const report_style;

/* ---- report_parts.c: what the sections are made of ---- */

/* Columns of SPI_tuptable's rows: NO_FIGURE, NaN, NO_TIME, false for NULL. */
extern int64 row_int8(uint64 row, int column);
extern double row_double(uint64 row, int column);
extern TimestampTz row_time(uint64 row, int column);
extern bool row_bool(uint64 row, int column);

/* The heading of a section, with an id to link to. */
extern void put_section(Html *html, const char *id, const char *heading);
extern void put_section_end(Html *html);

/* A section or a part of one that is empty says why, in a sentence. */
extern void put_note(Html *html, const char *text);

/* Where the page had no room for so many more; nothing for none. */
extern void put_left_out(Html *html, uint64 count, const char *one, const char *many);

/* A table: its columns' names, then cells row by row; each cell knows its column's name on a phone. */
extern void put_table_begin(Html *html, const char *caption, const char *const *columns, int ncolumns);
extern void put_table_end(Html *html);
extern void put_cell(Html *html, const char *column, const char *class, const char *text);

/* What a name, a label or a message may have at most. */
#define NAME_CHARACTERS 140
#define MESSAGE_CHARACTERS 400

/* A figure with its name: in a list of such. */
extern void put_fact(Html *html, const char *name, const char *text);

/* A small word beside a name: class ok, warning or critical, or none. */
extern void put_badge(Html *html, const char *class, const char *text);

/* A description and the picture below come as a figure with a caption. */
extern void put_figure_begin(Html *html, const char *class, const char *heading);
extern void put_figure_note(Html *html, const char *text);
extern void put_figure_end(Html *html);

/* "unknown" for what isn't known. */
extern const char *known_bytes(int64 bytes);
extern const char *known_count(int64 count);
extern const char *known_rate(double rows_per_day);

/* "1 row", "2 rows" */
extern const char *plural(int64 count, const char *one, const char *many);

#endif							/* CVWIZ_MONITOR_REPORT_H */
