/*-------------------------------------------------------------------------
 *
 * tree_size.h
 *		How big a table is, with its partitions, without reading it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_TREE_SIZE_H
#define CVWIZ_TREE_SIZE_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "storage/block.h"

/* A table with rows of its own: not a partitioned, nor a foreign one. */
typedef struct LeafSize
{
	Oid			relid;
	BlockNumber blocks;
	double		rows;			/* estimated */
} LeafSize;

typedef struct TreeSize
{
	int64		total_bytes;	/* tables, indexes, TOAST */
	double		rows;			/* estimated */
	List	   *leaves;			/* LeafSize * */
} TreeSize;

/*
 * Measures a table, and if it is partitioned, the whole tree.  The caller has
 * locked the table; each partition is locked in ACCESS SHARE mode only while it
 * is looked at, and left out if it is gone by then.  Runs no code of an owner.
 */
extern void tree_size_measure(Oid relid, TreeSize *size);

/* NULL: no leaf of that tree, or a foreign one. */
extern const LeafSize *tree_size_leaf(const TreeSize *size, Oid relid);

#endif							/* CVWIZ_TREE_SIZE_H */
