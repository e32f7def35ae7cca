/*-------------------------------------------------------------------------
 *
 * csv.h
 *		Rows as COPY's CSV: written as a stream, counted in one.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_CSV_H
#define CVWIZ_CSV_H

#include "postgres.h"

/* Is handed the text piece by piece, in order, and how many rows have ended. */
typedef void (*CsvSink) (void *arg, const char *data, size_t length, int64 rows);

/*
 * What COPY t TO ... (FORMAT csv, HEADER) writes in the database's encoding,
 * byte for byte, whatever the session's settings are; of a partitioned table
 * all its leaves'.  The tables are locked, the rows are those of the active
 * snapshot.  Runs output functions: call it as the owner.  Returns the number
 * of rows.
 */
extern int64 csv_write(Oid relid, CsvSink sink, void *arg);

/*
 * Settings by which values become text, and text values: those that csv_write()
 * has.  Until AtEOXact_GUC() of the level that is returned.
 */
extern int	csv_pin_settings(void);

/* Counts the rows of such a text, its header included; begins with zeroes. */
typedef struct CsvCounter
{
	bool		quoted;
	int64		lines;
} CsvCounter;

extern void csv_count(CsvCounter *counter, const char *data, size_t length);

#endif							/* CVWIZ_CSV_H */
