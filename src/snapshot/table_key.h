/*-------------------------------------------------------------------------
 *
 * table_key.h
 *		The columns by which a row of a table is found again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_TABLE_KEY_H
#define CVWIZ_TABLE_KEY_H

#include "postgres.h"

#include "access/attnum.h"
#include "nodes/pg_list.h"
#include "utils/rel.h"

typedef struct KeyColumn
{
	AttrNumber	attnum;
	Oid			equality;		/* the operator by which the key is unique */
} KeyColumn;

/*
 * Of the primary key, or else of a unique index that could be the replica
 * identity: whole, immediate, of columns that are NOT NULL, and unique under the
 * columns' collations.  A list of KeyColumn *.  ERROR 55000 where the table has
 * none.
 */
extern List *table_key(Relation table);

#endif							/* CVWIZ_TABLE_KEY_H */
