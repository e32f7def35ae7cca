/*-------------------------------------------------------------------------
 *
 * limits.h
 *		How large a snapshot may be.
 *
 * Sizes are bytes of the document's text; a limit is exceeded by what is
 * greater.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_LIMITS_H
#define CVWIZ_LIMITS_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

typedef struct SnapshotLimits
{
	int			max_size;
	int			warning_size;	/* at most max_size */
	int			max_array_length;
} SnapshotLimits;

/* What a caller gave; the setting is taken for what was not. */
typedef struct GivenLimits
{
	bool		has_max_size;
	bool		has_warning_size;
	bool		has_max_array_length;
	int			max_size;
	int			warning_size;
	int			max_array_length;
} GivenLimits;

/*
 * What was given over the settings.  ERROR 22023 for a value that is not
 * positive, and for a warning size above the maximum; the setting's warning
 * size counts as the maximum where a smaller maximum was given.
 */
extern void limits_resolve(const GivenLimits *given, SnapshotLimits *limits);

/*
 * max_size, warning_size and max_array_length out of the arguments of a SQL
 * function, from the n-th on.
 */
extern void limits_from_arguments(FunctionCallInfo fcinfo, int n, SnapshotLimits *limits);

/* A key for a message: a long one is cut, and ends in "..." then. */
extern char *clipped_key(const JsonbValue *key);

/* 612345 as "612,345", palloc'd. */
extern char *size_with_commas(uint64 size);

#endif							/* CVWIZ_LIMITS_H */
