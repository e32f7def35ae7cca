/*-------------------------------------------------------------------------
 *
 * table_key.c
 *		The columns by which a row of a table is found again.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"

#include "snapshot/table_key.h"

/* Whether the index has one row at most for each value of plain columns. */
static bool
is_unique_of_columns(Relation index)
{
	Form_pg_index form = index->rd_index;

	return form->indisunique && form->indimmediate && form->indisvalid &&
		index->rd_rel->relam == BTREE_AM_OID &&
		RelationGetIndexPredicate(index) == NIL && RelationGetIndexExpressions(index) == NIL;
}

static KeyColumn *
key_column(Relation index, int position)
{
	KeyColumn  *column = (KeyColumn *) palloc(sizeof(KeyColumn));

	column->attnum = index->rd_index->indkey.values[position];
	column->equality = get_opfamily_member(index->rd_opfamily[position],
										   index->rd_opcintype[position],
										   index->rd_opcintype[position],
										   BTEqualStrategyNumber);
	return column;
}

/*
 * A row is looked for under the column's collation, by which more values can be
 * equal than by the index's.  Under a deterministic one only the same bytes are
 * equal, and those are so under every other.
 */
static bool
is_unique_under_collation(Relation index, int position, Form_pg_attribute attribute)
{
	return index->rd_indcollation[position] == attribute->attcollation ||
		get_collation_isdeterministic(attribute->attcollation);
}

/* A system column is none of a row that somebody writes. */
static bool
is_of_key(Relation table, Relation index, int position, const KeyColumn *column)
{
	Form_pg_attribute attribute;

	if (column->attnum <= 0 || !OidIsValid(column->equality))
		return false;
	attribute = TupleDescAttr(RelationGetDescr(table), column->attnum - 1);
	return attribute->attnotnull && is_unique_under_collation(index, position, attribute);
}

/* NIL: the index is no key. */
static List *
key_of_index(Relation table, Relation index)
{
	List	   *key = NIL;

	if (!is_unique_of_columns(index))
		return NIL;
	for (int i = 0; i < index->rd_index->indnkeyatts; i++)
	{
		KeyColumn  *column = key_column(index, i);

		if (!is_of_key(table, index, i, column))
			return NIL;
		key = lappend(key, column);
	}
	return key;
}

List *
table_key(Relation table)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(table))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		List	   *key = key_of_index(table, index);

		if (key != NIL && (result == NIL || index->rd_index->indisprimary))
			result = key;
		index_close(index, AccessShareLock);
	}

	if (result == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no key by which a row of a view could be found in it",
						RelationGetRelationName(table)),
				 errhint("Give it a primary key, or a unique index, not deferrable and without a condition, on columns that are NOT NULL, each under the column's own collation.")));
	return result;
}
