/*-------------------------------------------------------------------------
 *
 * sample.c
 *		The hourly samples of columns with limits: how big the table is, and
 *		what some of its documents take as text and as they are stored.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "privilege.h"
#include "query.h"
#include "snapshot/column.h"
#include "stats/size_sample.h"
#include "stats/tree_size.h"

#define SAMPLE_DOCUMENTS	100
#define SAMPLE_BLOCKS		1000

/*
 * Documents whose size takes reading them are read up to so many bytes in all;
 * one that would go beyond is left out.
 */
#define SAMPLE_BYTES		(32 * 1024 * 1024)

PG_FUNCTION_INFO_V1(cvwiz_sample_snapshots);

typedef struct ColumnFigures
{
	Oid			relid;
	const char *column;
	TimestampTz now;
	TreeSize	size;
	SnapshotKind kind;
	MemoryContext scratch;		/* lives as long as one document */
	int64		bytes_read;
	int			documents;
	int64		raw_bytes;
	int64		stored_bytes;
} ColumnFigures;

static void
measure_size(void *arg)
{
	ColumnFigures *figures = (ColumnFigures *) arg;
	SavedPrivileges saved;

	if (!lock_as_owner(figures->relid, AccessShareLock, &saved))
		relation_gone_error(figures->relid);
	tree_size_measure(figures->relid, &figures->size);
	restore_privileges(&saved);
}

/* ---- documents ---- */

static void
add_document(ColumnFigures *figures, Datum value)
{
	int64		inflated = toast_raw_datum_size(value);
	MemoryContext caller;

	/* of the others the size is known without reading them */
	if (figures->kind == SNAPSHOT_JSONB)
	{
		if (figures->bytes_read + inflated > SAMPLE_BYTES)
			return;
		figures->bytes_read += inflated;
	}

	caller = MemoryContextSwitchTo(figures->scratch);
	figures->raw_bytes += snapshot_datum_size(figures->kind, value);
	figures->stored_bytes += toast_datum_size(value);
	figures->documents++;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(figures->scratch);
}

/*
 * Twice the pages that should have them, and some more, for each page is taken
 * by chance; but not so many that it would be work.
 */
static double
sample_percent(const LeafSize *leaf, int wanted)
{
	double		rows_per_block = Max(leaf->rows / leaf->blocks, 0.01);
	double		blocks = Min(12 + 2 * wanted / rows_per_block, SAMPLE_BLOCKS);

	return Min(100, 100 * blocks / leaf->blocks);
}

static void
read_documents(ColumnFigures *figures, const LeafSize *leaf, int wanted)
{
	const char *column = quote_identifier(figures->column);
	uint64		found;

	LockRelationOid(leaf->relid, AccessShareLock);
	if (get_rel_name(leaf->relid) == NULL)
		return;
	found = query_run(psprintf("SELECT %s FROM ONLY %s TABLESAMPLE pg_catalog.system (%.6f)"
							   " WHERE %s IS NOT NULL ORDER BY pg_catalog.random() LIMIT %d",
							   column, qualified_relation_name(leaf->relid),
							   sample_percent(leaf, wanted), column, wanted),
					  NULL);
	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;
		Datum		value = query_value(i, 1, &isnull);

		CHECK_FOR_INTERRUPTS();
		add_document(figures, value);
	}
	SPI_freetuptable(SPI_tuptable);
}

/* From each partition as many as it has of the table's pages; none from foreign ones. */
static void
measure_documents(void *arg)
{
	ColumnFigures *figures = (ColumnFigures *) arg;
	double		all_blocks = 0;
	double		blocks = 0;
	int			wanted = 0;
	SavedPrivileges saved;
	ListCell   *lc;

	if (!lock_as_owner(figures->relid, AccessShareLock, &saved))
		relation_gone_error(figures->relid);
	check_tree_owner(figures->relid);
	figures->kind = snapshot_column_kind(figures->relid, figures->column, NULL, NULL);

	foreach(lc, figures->size.leaves)
		all_blocks += ((LeafSize *) lfirst(lc))->blocks;
	foreach(lc, figures->size.leaves)
	{
		LeafSize   *leaf = (LeafSize *) lfirst(lc);
		int			wanted_so_far;

		CHECK_FOR_INTERRUPTS();
		blocks += leaf->blocks;
		wanted_so_far = (int) rint(SAMPLE_DOCUMENTS * blocks / Max(all_blocks, 1));
		if (wanted_so_far > wanted && leaf->blocks > 0)
			read_documents(figures, leaf, wanted_so_far - wanted);
		wanted = wanted_so_far;
	}
	restore_privileges(&saved);
}

/* ---- samples ---- */

static void
store_sample(const ColumnFigures *figures, bool documents_known)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};
	NameData	column;

	namestrcpy(&column, figures->column);
	query_arg(&args, OIDOID, ObjectIdGetDatum(figures->relid));
	query_arg(&args, NAMEOID, NameGetDatum(&column));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(figures->now));
	query_arg(&args, INT8OID, Int64GetDatum(figures->size.total_bytes));
	query_arg(&args, INT8OID, Int64GetDatum((int64) figures->size.rows));
	query_arg_or_null(&args, INT4OID, Int32GetDatum(figures->documents), !documents_known);
	query_arg_or_null(&args, INT8OID, Int64GetDatum(figures->raw_bytes), !documents_known);
	query_arg_or_null(&args, INT8OID, Int64GetDatum(figures->stored_bytes), !documents_known);

	become_extension_owner(&saved);
	query_run_only("INSERT INTO cvwiz.size_sample (relation, snapshot_column, sampled_at,"
				   " total_bytes, rows_estimate, documents, raw_bytes, stored_bytes)"
				   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
				   &args);
	restore_privileges(&saved);
}

static bool
take_sample(Oid relid, const char *column, TimestampTz now)
{
	ColumnFigures figures = {0};
	bool		documents_known;

	figures.relid = relid;
	figures.column = column;
	figures.now = now;
	figures.scratch = AllocSetContextCreate(CurrentMemoryContext, "cvwiz document",
											ALLOCSET_DEFAULT_SIZES);
	if (!size_sample_measure(measure_size, &figures, relid, "no sample"))
		return false;
	documents_known = size_sample_measure(measure_documents, &figures, relid,
										  "no documents in the sample");
	store_sample(&figures, documents_known);
	return true;
}

typedef struct DueColumn
{
	Oid			relid;
	char	   *column;
} DueColumn;

/* Columns without a sample of the last hour; one from the future is none. */
static List *
due_columns(TimestampTz now)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};
	List	   *result = NIL;
	uint64		found;

	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now));
	become_extension_owner(&saved);
	/* a partition's trigger is its parent's; other sessions' tables can't be read */
	found = query_run("SELECT DISTINCT t.tgrelid, l.snapshot_column FROM pg_catalog.pg_trigger t"
					  " JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid AND c.relpersistence <> 't'"
					  " CROSS JOIN LATERAL cvwiz.trigger_limits(t.oid) l"
					  " WHERE t.tgfoid = 'cvwiz.enforce_snapshot_limits()'::pg_catalog.regprocedure"
					  " AND t.tgparentid = 0 AND l.snapshot_column IS NOT NULL"
					  " AND NOT EXISTS (SELECT FROM cvwiz.size_sample s"
					  "  WHERE s.relation = t.tgrelid AND s.snapshot_column = l.snapshot_column"
					  "  AND " SIZE_SAMPLE_IS_FRESH ")"
					  " ORDER BY 1, 2",
					  &args);
	for (uint64 i = 0; i < found; i++)
	{
		DueColumn  *due = (DueColumn *) palloc(sizeof(DueColumn));
		bool		isnull;

		due->relid = DatumGetObjectId(query_value(i, 1, &isnull));
		due->column = query_text(i, 2);
		result = lappend(result, due);
	}
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
	return result;
}

static int
take_samples(TimestampTz now)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext scratch = AllocSetContextCreate(caller, "cvwiz sample",
												  ALLOCSET_DEFAULT_SIZES);
	int			taken = 0;
	instr_time	started;
	ListCell   *lc;

	INSTR_TIME_SET_CURRENT(started);
	foreach(lc, due_columns(now))
	{
		DueColumn  *due = (DueColumn *) lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (size_sample_is_late(started))
			break;
		if (!may_monitor_relation(due->relid))
			continue;
		MemoryContextSwitchTo(scratch);
		if (take_sample(due->relid, due->column, now))
			taken++;
		MemoryContextSwitchTo(caller);
		MemoryContextReset(scratch);
	}
	MemoryContextDelete(scratch);
	return taken;
}

/*
 * SQL: cvwiz.sample_snapshots() RETURNS int
 */
Datum
cvwiz_sample_snapshots(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(size_sample_take(take_samples, "size_sample"));
}
