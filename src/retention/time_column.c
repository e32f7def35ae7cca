/*-------------------------------------------------------------------------
 *
 * time_column.c
 *		Which tables can have a policy, and by which column it goes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/catalog.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "privilege.h"
#include "query.h"
#include "retention/bounds.h"
#include "retention/time_column.h"

static void
check_column_type(Oid relid, const char *column, Oid type)
{
	if (is_time_type(type))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of table \"%s\" is of type %s",
					column, get_rel_name(relid), format_type_be(type)),
			 errhint("Retention goes by a column of type date, timestamp or timestamp with time zone.")));
}

static void
check_column_not_null(Oid relid, const char *column, bool not_null)
{
	if (not_null)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("column \"%s\" of table \"%s\" allows NULL",
					column, get_rel_name(relid)),
			 errdetail("Rows without a time would never expire."),
			 errhint("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL.",
					 qualified_relation_name(relid), quote_identifier(column))));
}

void
time_column_of_key(Oid relid, TimeColumn *column)
{
	HeapTuple	tuple = SearchSysCache1(PARTRELID, ObjectIdGetDatum(relid));
	Form_pg_partitioned_table key;
	Oid			opclass;

	if (get_rel_name(relid) == NULL)
		relation_gone_error(relid);
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a partitioned table", get_rel_name(relid)),
				 errhint("Name the table that the partitions belong to.")));

	key = (Form_pg_partitioned_table) GETSTRUCT(tuple);
	if (key->partstrat != PARTITION_STRATEGY_RANGE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is not partitioned by range", get_rel_name(relid)),
				 errdetail("It is partitioned by %s.",
						   key->partstrat == PARTITION_STRATEGY_LIST ? "list" : "hash"),
				 errhint("Retention needs PARTITION BY RANGE on one date, timestamp or timestamptz column.")));
	if (key->partnatts != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is partitioned by %d columns",
						get_rel_name(relid), key->partnatts),
				 errhint("Retention needs PARTITION BY RANGE on one date, timestamp or timestamptz column.")));

	column->partitioned = true;
	column->attnum = key->partattrs.values[0];
	if (column->attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is partitioned by an expression",
						get_rel_name(relid)),
				 errhint("Retention needs PARTITION BY RANGE on one date, timestamp or timestamptz column.")));

	opclass = ((oidvector *)
			   DatumGetPointer(SysCacheGetAttr(PARTRELID, tuple,
											   Anum_pg_partitioned_table_partclass,
											   &(bool) {false})))->values[0];
	column->type = get_atttype(relid, column->attnum);
	namestrcpy(&column->name, get_attname(relid, column->attnum, false));
	ReleaseSysCache(tuple);

	check_column_type(relid, NameStr(column->name), column->type);

	/* Bounds compare as time does only in the order that is the default. */
	if (opclass != GetDefaultOpClass(column->type, BTREE_AM_OID))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is partitioned with an operator class of its own",
						get_rel_name(relid)),
				 errhint("Retention needs the default operator class of type %s.",
						 format_type_be(column->type))));
}

void
time_column_by_name(Oid relid, const char *name, TimeColumn *column)
{
	AttrNumber	attnum = get_attnum(relid, name);

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist",
						name, get_rel_name(relid)),
				 errhint("Name the column that has the time of each row; mixed-case names are taken as they are, without double quotes.")));

	column->partitioned = false;
	column->attnum = attnum;
	column->type = get_atttype(relid, attnum);
	namestrcpy(&column->name, name);
	check_column_type(relid, name, column->type);
}

static bool
column_is_not_null(Oid relid, AttrNumber attnum)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
										Int16GetDatum(attnum));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for attribute %d of relation %u",
			 attnum, relid);
	result = ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;
	ReleaseSysCache(tuple);
	return result;
}

/*
 * A plain table's purge goes by the name; a partitioned table's by its key,
 * and a name given for it must be the key's.
 */
static void
find_time_column(Oid relid, char relkind, const char *name, TimeColumn *column)
{
	if (relkind == RELKIND_PARTITIONED_TABLE)
	{
		time_column_of_key(relid, column);
		if (name != NULL && strcmp(name, NameStr(column->name)) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("table \"%s\" is partitioned by column \"%s\", not \"%s\"",
							get_rel_name(relid), NameStr(column->name), name),
					 errhint("Leave time_column out.")));
		return;
	}

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("table \"%s\" is not partitioned: its time column is not known",
						get_rel_name(relid)),
				 errhint("Give the column that has the time of each row as time_column.")));
	time_column_by_name(relid, name, column);
}

static void
check_relation_kind(Relation rel)
{
	const char *name = RelationGetRelationName(rel);

	if (rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", name),
				 errhint("A retention policy is for a table, plain or partitioned by range.")));

	if (rel->rd_rel->relispartition)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is a partition", name),
				 errhint("Add the policy to the partitioned table that it belongs to.")));

	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is temporary", name),
				 errhint("A temporary table ends with its session and needs no retention.")));

	if (IsCatalogRelation(rel))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("\"%s\" is a system catalog", name),
				 errhint("A retention policy is for a table of your own.")));

	if (rel->rd_rel->relkind == RELKIND_RELATION &&
		(has_subclass(RelationGetRelid(rel)) || has_superclass(RelationGetRelid(rel))))
	{
		/* relhassubclass may stand after the last child is gone */
		if (has_superclass(RelationGetRelid(rel)) ||
			find_inheritance_children(RelationGetRelid(rel), NoLock) != NIL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("table \"%s\" inherits or is inherited from", name),
					 errhint("A retention policy is for a plain table or one with declarative partitions.")));
	}
}

void
check_incoming_foreign_keys(Oid relid)
{
	QueryArgs	args = {0};

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	query_run("SELECT pg_catalog.string_agg(pg_catalog.format('\"%s\" of table %s', conname, conrelid::pg_catalog.regclass), ', ' ORDER BY conname)"
			  " FROM pg_catalog.pg_constraint"
			  " WHERE contype = 'f' AND conparentid = 0"
			  " AND (confrelid = $1 OR $1 IN (SELECT relid FROM pg_catalog.pg_partition_ancestors(confrelid)))",
			  &args);
	if (query_text(0, 1) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("foreign keys refer to table \"%s\"", get_rel_name(relid)),
				 errdetail("Foreign key %s.", query_text(0, 1)),
				 errhint("Drop these foreign keys first: an expired row cannot go while another row may refer to it.")));
	SPI_freetuptable(SPI_tuptable);
}

void
time_column_for_policy(Oid relid, const char *name, TimeColumn *column)
{
	Relation	rel = relation_open(relid, NoLock);
	char		relkind = rel->rd_rel->relkind;

	check_relation_kind(rel);
	relation_close(rel, NoLock);

	find_time_column(relid, relkind, name, column);
	check_column_not_null(relid, NameStr(column->name),
						  column_is_not_null(relid, column->attnum));
}
