/*-------------------------------------------------------------------------
 *
 * version_sample.c
 *		The hourly samples of the version store: what it holds of each column.
 *
 * All columns are in one table, which is read once for all of them.  Only its
 * own pages are: of content that is kept out of line it is enough to know the
 * length.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "privilege.h"
#include "query.h"
#include "stats/size_sample.h"
#include "stats/tree_size.h"

/* A store of up to so many pages is counted; of a larger one, so many are looked at. */
#define SAMPLE_PAGES 10000

PG_FUNCTION_INFO_V1(cvwiz_sample_versions);

/* In the order of the query's columns, and of the INSERT's. */
typedef enum Figure
{
	FIGURE_CHAINS,
	FIGURE_VERSIONS,
	FIGURE_KEYFRAMES,
	FIGURE_RAW_BYTES,
	FIGURE_STORED_BYTES,
	FIGURE_DEPTH,
	FIGURE_DEAD_VERSIONS,
	FIGURE_DEAD_BYTES
} Figure;

#define FIGURES (FIGURE_DEAD_BYTES + 1)

typedef struct VersionedColumn
{
	Oid			relid;
	NameData	name;
	int64		figures[FIGURES];
} VersionedColumn;

typedef struct StoreSample
{
	Oid			store;			/* cvwiz.snapshot_version */
	List	   *columns;		/* VersionedColumn *, those that are due */
	TreeSize	size;
	double		share;			/* of the pages that are read, at most 1 */
} StoreSample;

/* ---- reading the store ---- */

static VersionedColumn *
find_column(List *columns, Oid relid, const char *name)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		VersionedColumn *column = (VersionedColumn *) lfirst(lc);

		if (column->relid == relid && strcmp(NameStr(column->name), name) == 0)
			return column;
	}
	return NULL;
}

/* What is counted stands for the rest; the greatest depth is as it was found. */
static void
read_figures(const StoreSample *sample, uint64 row)
{
	bool		isnull;
	Oid			relid = DatumGetObjectId(query_value(row, 1, &isnull));
	const char *name = NameStr(*DatumGetName(query_value(row, 2, &isnull)));
	VersionedColumn *column = find_column(sample->columns, relid, name);

	if (column == NULL)
		return;
	for (int i = 0; i < FIGURES; i++)
	{
		int64		figure = DatumGetInt64(query_value(row, i + 3, &isnull));

		column->figures[i] = isnull ? 0 :
			i == FIGURE_DEPTH ? figure : (int64) rint(figure / sample->share);
	}
}

static void
measure_size(void *arg)
{
	StoreSample *sample = (StoreSample *) arg;
	SavedPrivileges saved;

	if (!lock_as_owner(sample->store, AccessShareLock, &saved))
		relation_gone_error(sample->store);
	tree_size_measure(sample->store, &sample->size);
	restore_privileges(&saved);
}

static void
measure_versions(void *arg)
{
	StoreSample *sample = (StoreSample *) arg;
	const LeafSize *leaf = tree_size_leaf(&sample->size, sample->store);
	const char *share = "";
	SavedPrivileges saved;
	uint64		found;

	sample->share = 1;
	if (leaf != NULL && leaf->blocks > SAMPLE_PAGES)
	{
		sample->share = (double) SAMPLE_PAGES / leaf->blocks;
		share = psprintf(" TABLESAMPLE pg_catalog.system (%.9f)", 100 * sample->share);
	}

	if (!lock_as_owner(sample->store, AccessShareLock, &saved))
		relation_gone_error(sample->store);
	found = query_run(psprintf("SELECT t.relation, t.snapshot_column,"
							   " count(DISTINCT v.chain_key), count(*) FILTER (WHERE NOT v.dead),"
							   " count(*) FILTER (WHERE v.base_id IS NULL),"
							   " sum(v.raw_length) FILTER (WHERE NOT v.dead)::bigint,"
							   " sum(v.length)::bigint, max(v.depth)::bigint, count(*) FILTER (WHERE v.dead),"
							   " sum(v.length) FILTER (WHERE v.dead)::bigint"
							   " FROM (SELECT v.source_id, v.chain_key, v.base_id, v.raw_length, v.depth,"
							   "  pg_catalog.octet_length(v.content) AS length,"
							   "  EXISTS (SELECT FROM cvwiz.dead_version d WHERE d.version_id = v.version_id) AS dead"
							   "  FROM cvwiz.snapshot_version v%s OFFSET 0) v"
							   " JOIN (SELECT s.source_id, s.snapshot_column,"
							   "  COALESCE(pg_catalog.pg_partition_root(s.relation), s.relation)::pg_catalog.oid AS relation"
							   "  FROM cvwiz.version_source s"
							   "  WHERE s.relation IS NOT NULL) t ON t.source_id = v.source_id"
							   " GROUP BY t.relation, t.snapshot_column",
							   share),
					  NULL);
	for (uint64 i = 0; i < found; i++)
		read_figures(sample, i);
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
}

/* ---- samples ---- */

static void
store_column(const StoreSample *sample, const VersionedColumn *column, TimestampTz now,
			 bool size_known, bool versions_known)
{
	QueryArgs	args = {0};
	bool		counted = sample->share == 1;

	query_arg(&args, OIDOID, ObjectIdGetDatum(column->relid));
	query_arg(&args, NAMEOID, NameGetDatum(&column->name));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now));
	query_arg_or_null(&args, INT8OID, Int64GetDatum(sample->size.total_bytes), !size_known);
	query_arg_or_null(&args, BOOLOID, BoolGetDatum(counted), !versions_known);
	for (int i = 0; i < FIGURES; i++)
		query_arg_or_null(&args, INT8OID, Int64GetDatum(column->figures[i]),
						  !versions_known || (i == FIGURE_CHAINS && !counted));
	query_run_only("INSERT INTO cvwiz.version_sample (relation, snapshot_column, sampled_at,"
				   " store_bytes, counted, chains, versions, keyframes, raw_bytes, stored_bytes,"
				   " depth, dead_versions, dead_bytes)"
				   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
				   &args);
}

/* Columns without a sample of the last hour that the caller may see. */
static List *
due_columns(TimestampTz now)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};
	List	   *all = NIL;
	List	   *result = NIL;
	ListCell   *lc;
	uint64		found;

	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now));
	become_extension_owner(&saved);
	found = query_run("SELECT b.relation, b.snapshot_column FROM cvwiz.versioned_columns b"
					  " WHERE NOT EXISTS (SELECT FROM cvwiz.version_sample s"
					  "  WHERE s.relation = b.relation AND s.snapshot_column = b.snapshot_column"
					  "  AND " SIZE_SAMPLE_IS_FRESH ")"
					  " ORDER BY 1, 2",
					  &args);
	for (uint64 i = 0; i < found; i++)
	{
		VersionedColumn *column = (VersionedColumn *) palloc0(sizeof(VersionedColumn));
		bool		isnull;

		column->relid = DatumGetObjectId(query_value(i, 1, &isnull));
		column->name = *DatumGetName(query_value(i, 2, &isnull));
		all = lappend(all, column);
	}
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);

	foreach(lc, all)
	{
		if (may_monitor_relation(((VersionedColumn *) lfirst(lc))->relid))
			result = lappend(result, lfirst(lc));
	}
	return result;
}

/* What could not be read is stored as such, and so not tried again at once. */
static int
take_samples(TimestampTz now)
{
	StoreSample sample = {0};
	SavedPrivileges saved;
	bool		size_known;
	bool		versions_known;
	ListCell   *lc;

	sample.columns = due_columns(now);
	if (sample.columns == NIL)
		return 0;

	sample.store = extension_table("snapshot_version");
	size_known = size_sample_measure(measure_size, &sample, sample.store, "no sample");
	versions_known = size_known &&
		size_sample_measure(measure_versions, &sample, sample.store, "no versions in the sample");

	become_extension_owner(&saved);
	foreach(lc, sample.columns)
		store_column(&sample, (VersionedColumn *) lfirst(lc), now, size_known, versions_known);
	restore_privileges(&saved);
	return list_length(sample.columns);
}

/*
 * SQL: cvwiz.sample_versions() RETURNS int
 */
Datum
cvwiz_sample_versions(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(size_sample_take(take_samples, "version_sample"));
}
