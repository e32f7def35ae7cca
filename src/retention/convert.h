/*-------------------------------------------------------------------------
 *
 * convert.h
 *		From a plain table to one partitioned by month, and back.
 *
 * What is done next is read from the catalogs each time, so a call that was
 * interrupted anywhere is simply made again.  The caller of all of these is
 * connected to SPI.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_CONVERT_H
#define CVWIZ_CONVERT_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "retention/bounds.h"
#include "retention/time_column.h"
#include "storage/lockdefs.h"

/* On the plain table: no row is as late as the end of the old partition. */
#define CONVERT_CHECK_NAME "cvwiz_convert_range"

/* A row later than this is taken for a mistake. */
#define CONVERT_MAX_MONTHS_AHEAD 24

typedef enum ConvertAction
{
	CONVERT_DROP_CHECK,
	CONVERT_ADD_CHECK,
	CONVERT_VALIDATE,
	CONVERT_DROP_INDEX,
	CONVERT_BUILD_INDEX,
	CONVERT_SWAP,
	CONVERT_CREATE,
	CONVERT_SET_POLICY,
	CONVERT_SWAP_BACK
} ConvertAction;

typedef struct ConvertStatement
{
	char	   *sql;

	/* With the rights of who calls, not of the table's owner. */
	bool		as_caller;
} ConvertStatement;

typedef struct ConvertStep
{
	ConvertAction action;
	Oid			table;			/* that the statements are about */
	List	   *statements;		/* ConvertStatement * */
	TimeRange	range;			/* of a partition that is made */
	Oid			legacy;			/* of a swap back */
} ConvertStep;

typedef struct Conversion
{
	Oid			relid;			/* the table with the name that stays */
	bool		undo;
	bool		keep_unique;
	int			retention_days; /* 0: no policy asked for */
	Oid			caller;
	TimestampTz now;

	/* of the table as it is now, see convert_read() */
	TimeColumn	column;
	Oid			legacy;			/* the old partition, once it is one */
	bool		key_extended;	/* and its key was without the time */
	bool		time_not_null;	/* and its time column was NOT NULL before */
} Conversion;

/* A primary key, without the time column. */
typedef struct ConvertKey
{
	char	   *name;
	char	   *columns;		/* quoted */
	char	   *include;		/* " INCLUDE (...)" or "" */
	char	   *deferrable;		/* " DEFERRABLE ..." or "" */
	bool		has_time;
	bool		is_identity;	/* REPLICA IDENTITY USING INDEX */
} ConvertKey;

/* An index that the swap needs. */
typedef struct ConvertIndex
{
	char	   *name;
	Oid			relid;			/* InvalidOid: there is none yet */
	bool		ready;			/* built as it should be, and valid */
	char	   *definition;		/* without CREATE UNIQUE INDEX, as the catalog has it */
} ConvertIndex;

/*
 * Where the table stands.  ERROR 42P01, 42809 or 42703 where it is nothing to
 * be converted at all; time_column is NULL for an undo.
 */
extern void convert_read(Conversion *conversion, const char *time_column);

/*
 * ERROR 55000 that lists everything for which the conversion, or the undo,
 * would fail.  Reads the rows only if asked to.
 */
extern void convert_check(const Conversion *conversion, bool rows);

/* The steps that are still to be done, in their order. */
extern List *convert_plan(const Conversion *conversion);

/* The range check and its cutoff; false where there is none, or another's. */
extern bool convert_range_check(const Conversion *conversion, TimestampTz *cutoff,
								bool *valid);

/* NULL where the table has no primary key. */
extern ConvertKey *convert_primary_key(Oid relid, AttrNumber time_column);

/*
 * The index of the new key, or for an undo of the old one, and the one of the
 * old key that keep_unique leaves; NULL where none is needed.
 */
extern ConvertIndex *convert_key_index(const Conversion *conversion);
extern ConvertIndex *convert_unique_index(const Conversion *conversion);

/* The statements of the two short exclusive transactions: ConvertStatement * */
extern List *convert_swap_statements(const Conversion *conversion, TimestampTz cutoff);
extern List *convert_swap_back_statements(const Conversion *conversion);

/* Other partitions than the old one. */
extern List *convert_other_partitions(const Conversion *conversion);

extern const char *convert_action_name(ConvertAction action);
extern LOCKMODE convert_lock_mode(const ConvertStep *step);
extern const char *convert_blocks(ConvertAction action);

#endif							/* CVWIZ_CONVERT_H */
