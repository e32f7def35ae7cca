/*-------------------------------------------------------------------------
 *
 * tree_size.c
 *		How big a table is, with its partitions, without reading it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/relation.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "optimizer/plancat.h"
#include "storage/bufmgr.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "stats/tree_size.h"

/* A standby has no contents of an unlogged table. */
static bool
has_contents(Relation rel)
{
	return (rel->rd_rel->relkind == RELKIND_RELATION ||
			rel->rd_rel->relkind == RELKIND_MATVIEW) &&
		!(rel->rd_rel->relpersistence == RELPERSISTENCE_UNLOGGED && RecoveryInProgress());
}

/*
 * Today's pages times the density that the last VACUUM or ANALYZE found.  For a
 * table that has seen neither, the planner takes at least ten pages: so that
 * the partitions of months to come do not look full, only their share counts.
 */
static double
estimate_rows(Relation rel, BlockNumber blocks)
{
	BlockNumber assumed;
	double		rows;
	double		all_visible;

	if (blocks == 0)
		return 0;
	estimate_rel_size(rel, NULL, &assumed, &rows, &all_visible);
	if (assumed > blocks)
		rows = rint(rows * blocks / assumed);
	return Max(rows, 0);
}

static void
measure_relation(Relation rel, TreeSize *size)
{
	Oid			relid = RelationGetRelid(rel);
	LeafSize   *leaf;

	size->total_bytes += DatumGetInt64(DirectFunctionCall1(pg_total_relation_size,
														   ObjectIdGetDatum(relid)));
	if (!has_contents(rel))
		return;

	leaf = (LeafSize *) palloc(sizeof(LeafSize));
	leaf->relid = relid;
	leaf->blocks = RelationGetNumberOfBlocks(rel);
	leaf->rows = estimate_rows(rel, leaf->blocks);
	size->rows += leaf->rows;
	size->leaves = lappend(size->leaves, leaf);
}

void
tree_size_measure(Oid relid, TreeSize *size)
{
	List	   *relations;
	ListCell   *lc;

	memset(size, 0, sizeof(TreeSize));
	relations = get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE ?
		find_all_inheritors(relid, NoLock, NULL) : list_make1_oid(relid);
	foreach(lc, relations)
	{
		Relation	rel;

		CHECK_FOR_INTERRUPTS();
		rel = try_relation_open(lfirst_oid(lc), AccessShareLock);
		if (rel == NULL)
			continue;
		measure_relation(rel, size);
		relation_close(rel, AccessShareLock);
	}
}

const LeafSize *
tree_size_leaf(const TreeSize *size, Oid relid)
{
	ListCell   *lc;

	foreach(lc, size->leaves)
	{
		LeafSize   *leaf = (LeafSize *) lfirst(lc);

		if (leaf->relid == relid)
			return leaf;
	}
	return NULL;
}
