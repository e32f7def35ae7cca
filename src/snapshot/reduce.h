/*-------------------------------------------------------------------------
 *
 * reduce.h
 *		Making a snapshot smaller: shorter arrays, then metadata only.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_REDUCE_H
#define CVWIZ_REDUCE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "snapshot/limits.h"
#include "utils/array.h"
#include "utils/jsonb.h"

/* The root's key that tells a document of which metadata only is kept. */
#define REDUCED_KEY "$reduced"
#define MISSING_KEY "$missing"

typedef struct ReduceOptions
{
	char	   *recent_by;		/* NULL: the last items of an array are kept */
	List	   *fields;			/* char *, beside id (and order, in arrays) */
} ReduceOptions;

typedef struct Reduction
{
	Jsonb	   *snapshot;		/* the input itself where nothing was done */
	uint64		original_size;
	uint64		size;
	bool		truncated;
	bool		compressed;		/* metadata only */
} Reduction;

/*
 * Every array at any depth keeps its last max_length items, or those with the
 * greatest value of recent_by.  The input itself if none is longer.
 */
extern Jsonb *reduce_truncate(Jsonb *snapshot, int max_length, const char *recent_by);

/* Whether any array at any depth is longer; the root is no scalar. */
extern bool reduce_has_long_array(Jsonb *snapshot, int max_length);

/* max_items 0: all. */
extern Jsonb *reduce_to_metadata(Jsonb *snapshot, int max_items, List *fields);

/* The texts of an array that are not NULL, as char *. */
extern List *text_array_to_list(ArrayType *array);

/*
 * As far as it takes: untouched up to the warning size, truncated above it,
 * metadata only when that is still above the maximum, or when forced.
 */
extern void reduce_for_storage(Jsonb *snapshot, const SnapshotLimits *limits,
							   const ReduceOptions *options, bool may_compress,
							   bool force_compression, Reduction *reduction);

#endif							/* CVWIZ_REDUCE_H */
