/*-------------------------------------------------------------------------
 *
 * version_view_write.c
 *		The trigger by which a view of whole documents is written to.
 *
 * It runs the same INSERT, UPDATE or DELETE on the table, as whoever writes to
 * the view, who needs the rights for it.  The session's search_path stays as
 * it is, for the table's own triggers, so each name in the statement says
 * where it is from.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "compat.h"
#include "query.h"
#include "snapshot/row_trigger.h"
#include "snapshot/table_key.h"

PG_FUNCTION_INFO_V1(cvwiz_write_version_view);

/* ---- what the view is made of ---- */

/* A column of the view, at its number less one. */
typedef struct ViewColumn
{
	AttrNumber	attnum;			/* of the table; 0: there is none */
	bool		is_document;	/* cvwiz.version() of it */
	const char *name;			/* of the table's column, quoted */
} ViewColumn;

typedef struct WrittenView
{
	Relation	view;
	Relation	table;
	const char *table_name;		/* qualified */
	bool		only;			/* FROM ONLY */
	ViewColumn *columns;
} WrittenView;

COMPAT_NORETURN static void
foreign_view_error(Relation view)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("cvwiz.write_version_view() cannot write to view \"%s\"", RelationGetRelationName(view)),
			 errdetail("A view that it can write to is of one table, and has columns of it, as they are or in cvwiz.version()."),
			 errhint("cvwiz.create_version_view() makes such a view.")));
}

static Oid
version_function(void)
{
	Oid			argument = JSONBOID;

	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum("version"),
						   PointerGetDatum(buildoidvector(&argument, 1)),
						   ObjectIdGetDatum(get_namespace_oid("cvwiz", false)));
}

/* The table that the view is made from; its number among the relations. */
static Index
table_index(Relation view, Query *query)
{
	Node	   *from = list_length(query->jointree->fromlist) == 1 ?
		(Node *) linitial(query->jointree->fromlist) : NULL;
	RangeTblEntry *rte;

	if (from == NULL || !IsA(from, RangeTblRef))
		foreign_view_error(view);
	rte = rt_fetch(((RangeTblRef *) from)->rtindex, query->rtable);
	if (rte->rtekind != RTE_RELATION ||
		(rte->relkind != RELKIND_RELATION && rte->relkind != RELKIND_PARTITIONED_TABLE))
		foreign_view_error(view);
	return ((RangeTblRef *) from)->rtindex;
}

static void
read_column(WrittenView *target, Index rtindex, const TargetEntry *entry)
{
	ViewColumn *column = &target->columns[entry->resno - 1];
	Node	   *node = (Node *) entry->expr;
	Var		   *var;

	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == version_function())
	{
		column->is_document = true;
		/* of a domain it is the value below that is read */
		node = strip_implicit_coercions((Node *) linitial(((FuncExpr *) node)->args));
	}
	var = (Var *) node;
	if (!IsA(node, Var) || var->varno != (int) rtindex || var->varattno <= 0)
		foreign_view_error(target->view);
	column->attnum = var->varattno;
	column->name = quote_identifier(NameStr(TupleDescAttr(RelationGetDescr(target->table),
														  var->varattno - 1)->attname));
}

static void
open_target(Relation view, WrittenView *target)
{
	Query	   *query = get_view_query(view);
	Index		rtindex = table_index(view, query);
	RangeTblEntry *rte = rt_fetch(rtindex, query->rtable);
	ListCell   *lc;

	target->view = view;
	target->table = table_open(rte->relid, RowExclusiveLock);
	target->table_name = qualified_relation_name(rte->relid);
	target->only = !rte->inh;
	target->columns = (ViewColumn *) palloc0(sizeof(ViewColumn) * RelationGetDescr(view)->natts);
	foreach(lc, query->targetList)
	{
		if (!((TargetEntry *) lfirst(lc))->resjunk)
			read_column(target, rtindex, (TargetEntry *) lfirst(lc));
	}
}

static int
column_count(const WrittenView *target)
{
	return RelationGetDescr(target->view)->natts;
}

static Form_pg_attribute
table_attribute(const WrittenView *target, int column)
{
	return TupleDescAttr(RelationGetDescr(target->table), target->columns[column].attnum - 1);
}

/* ---- rows of the view ---- */

typedef struct ViewRow
{
	Datum	   *values;
	bool	   *nulls;
} ViewRow;

static ViewRow
new_row(const WrittenView *target)
{
	ViewRow		row;

	row.values = (Datum *) palloc(sizeof(Datum) * column_count(target));
	row.nulls = (bool *) palloc(sizeof(bool) * column_count(target));
	return row;
}

static ViewRow
view_row(const WrittenView *target, HeapTuple tuple)
{
	ViewRow		row = new_row(target);

	heap_deform_tuple(tuple, RelationGetDescr(target->view), row.values, row.nulls);
	return row;
}

/* 1 and 1.0 differ, and so do documents with such. */
static bool
is_same(const WrittenView *target, const ViewRow *a, const ViewRow *b, int column)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(target->view), column);

	if (a->nulls[column] || b->nulls[column])
		return a->nulls[column] && b->nulls[column];
	return datum_image_eq(a->values[column], b->values[column],
						  attribute->attbyval, attribute->attlen);
}

/* ---- the statement ---- */

typedef struct Statement
{
	StringInfoData sql;
	int			nargs;
	Oid		   *types;
	Datum	   *values;
	char	   *nulls;
} Statement;

/* A row's columns can be there twice: what they become, and the key. */
static void
init_statement(Statement *statement, const WrittenView *target)
{
	int			max_args = 2 * column_count(target);

	initStringInfo(&statement->sql);
	statement->nargs = 0;
	statement->types = (Oid *) palloc(sizeof(Oid) * max_args);
	statement->values = (Datum *) palloc(sizeof(Datum) * max_args);
	statement->nulls = (char *) palloc(sizeof(char) * max_args);
}

/*
 * A child's row may have the key of another one.  A table that has got children
 * since the view was made can be read through it, and inserted into.
 */
static void
check_has_no_children(const WrittenView *target)
{
	List	   *children = find_inheritance_children(RelationGetRelid(target->table), NoLock);
	const char *child;

	if (children == NIL)
		return;
	child = qualified_relation_name(linitial_oid(children));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("view \"%s\" cannot tell a row of table \"%s\" from those of tables that inherit from it",
					RelationGetRelationName(target->view), RelationGetRelationName(target->table)),
			 errdetail("Table %s inherits from it, and may have a row with the same key.", child),
			 errhint("Write to the tables themselves, or end the inheritance: ALTER TABLE %s NO INHERIT %s;",
					 child, target->table_name)));
}

/*
 * What an UPDATE or a DELETE is of.  ONLY leaves out a child that comes between
 * the check and the statement.
 */
static const char *
rows_of_table(const WrittenView *target)
{
	bool		partitioned = target->table->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;

	if (!target->only && !partitioned)
		check_has_no_children(target);
	return psprintf("%s%s", partitioned && !target->only ? "" : "ONLY ", target->table_name);
}

/* The value of a row's column as a parameter: "$1" */
static char *
parameter(Statement *statement, const WrittenView *target, const ViewRow *row, int column)
{
	int			n = statement->nargs++;

	statement->types[n] = TupleDescAttr(RelationGetDescr(target->view), column)->atttypid;
	statement->values[n] = row->values[column];
	statement->nulls[n] = row->nulls[column] ? 'n' : ' ';
	return psprintf("$%d", n + 1);
}

static void
append_returning(Statement *statement, const WrittenView *target)
{
	for (int i = 0; i < column_count(target); i++)
		appendStringInfo(&statement->sql, target->columns[i].is_document ? "%s cvwiz.version(t.%s)" : "%s t.%s",
						 i == 0 ? " RETURNING" : ",", target->columns[i].name);
}

static int
view_column_of(const WrittenView *target, AttrNumber attnum)
{
	for (int i = 0; i < column_count(target); i++)
	{
		if (target->columns[i].attnum == attnum)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("view \"%s\" does not have column \"%s\", which is in the key of table \"%s\"",
					RelationGetRelationName(target->view),
					get_attname(RelationGetRelid(target->table), attnum, false),
					RelationGetRelationName(target->table)),
			 errhint("Drop the view, and make it anew with cvwiz.create_version_view().")));
	return 0;					/* not reached */
}

static void
append_key(Statement *statement, const WrittenView *target, const ViewRow *row)
{
	const char *separator = " WHERE ";
	ListCell   *lc;

	foreach(lc, table_key(target->table))
	{
		KeyColumn  *key = (KeyColumn *) lfirst(lc);
		int			column = view_column_of(target, key->attnum);
		Oid			type = table_attribute(target, column)->atttypid;

		appendStringInfoString(&statement->sql, separator);
		generate_operator_clause(&statement->sql, psprintf("t.%s", target->columns[column].name),
								 type, key->equality,
								 parameter(statement, target, row, column), type);
		separator = " AND ";
	}
}

/*
 * Whether it met a row.  Gives the first one that it returned, as the view has
 * it, where that is wanted.
 */
static bool
run(const Statement *statement, const WrittenView *target, HeapTuple *returned)
{
	MemoryContext caller = CurrentMemoryContext;
	int			status;
	bool		met;

	SPI_connect();
	status = SPI_execute_with_args(statement->sql.data, statement->nargs, statement->types,
								   statement->values, statement->nulls, false, 0);
	if (status < 0)
		elog(ERROR, "could not run \"%s\": %s", statement->sql.data, SPI_result_code_string(status));
	met = SPI_processed > 0;
	if (met && returned != NULL)
	{
		ViewRow		row = new_row(target);

		heap_deform_tuple(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, row.values, row.nulls);
		MemoryContextSwitchTo(caller);
		*returned = heap_form_tuple(RelationGetDescr(target->view), row.values, row.nulls);
	}
	SPI_finish();
	return met;
}

/* ---- INSERT ---- */

/*
 * Whether a NULL means that nobody gave a value: where the view has a default
 * it was given.  What is left out has the table's default, or is the next of
 * its identity, and needs no right on the column.
 */
static bool
is_left_out(const WrittenView *target, const ViewRow *row, int column)
{
	return row->nulls[column] &&
		!TupleDescAttr(RelationGetDescr(target->view), column)->atthasdef;
}

static HeapTuple
insert_row(const WrittenView *target, HeapTuple new_tuple)
{
	ViewRow		row = view_row(target, new_tuple);
	Statement	statement;
	StringInfoData columns;
	StringInfoData parameters;
	const char *separator = "";
	HeapTuple	stored;

	init_statement(&statement, target);
	initStringInfo(&columns);
	initStringInfo(&parameters);
	for (int i = 0; i < column_count(target); i++)
	{
		if (is_left_out(target, &row, i))
			continue;
		appendStringInfo(&columns, "%s%s", separator, target->columns[i].name);
		appendStringInfo(&parameters, "%s%s", separator, parameter(&statement, target, &row, i));
		separator = ", ";
	}

	appendStringInfo(&statement.sql, "INSERT INTO %s AS t", target->table_name);
	if (statement.nargs > 0)
		appendStringInfo(&statement.sql, " (%s) VALUES (%s)", columns.data, parameters.data);
	else
		appendStringInfoString(&statement.sql, " DEFAULT VALUES");
	append_returning(&statement, target);
	return run(&statement, target, &stored) ? stored : NULL;
}

/* ---- UPDATE ---- */

/*
 * An UPDATE that changes nothing is one nevertheless: the table's triggers
 * fire.  It needs a column to set to itself, one that the user may set.
 */
static int
unchanged_column(const WrittenView *target)
{
	int			result = -1;

	for (int i = 0; i < column_count(target); i++)
	{
		Form_pg_attribute attribute = table_attribute(target, i);

		if (attribute->attgenerated != '\0' || attribute->attidentity == ATTRIBUTE_IDENTITY_ALWAYS)
			continue;
		if (pg_attribute_aclcheck(RelationGetRelid(target->table), attribute->attnum,
								  GetUserId(), ACL_UPDATE) == ACLCHECK_OK)
			return i;
		if (result < 0)
			result = i;
	}
	if (result < 0)
		foreign_view_error(target->view);
	return result;
}

static void
append_changes(Statement *statement, const WrittenView *target,
			   const ViewRow *old_row, const ViewRow *new_row)
{
	const char *separator = " SET ";

	for (int i = 0; i < column_count(target); i++)
	{
		if (is_same(target, old_row, new_row, i))
			continue;
		appendStringInfo(&statement->sql, "%s%s = %s", separator, target->columns[i].name,
						 parameter(statement, target, new_row, i));
		separator = ", ";
	}
	if (statement->nargs == 0)
	{
		const char *name = target->columns[unchanged_column(target)].name;

		appendStringInfo(&statement->sql, " SET %s = t.%s", name, name);
	}
}

static HeapTuple
update_row(const WrittenView *target, HeapTuple old_tuple, HeapTuple new_tuple)
{
	ViewRow		old_row = view_row(target, old_tuple);
	ViewRow		new_row = view_row(target, new_tuple);
	Statement	statement;
	HeapTuple	stored;

	init_statement(&statement, target);
	appendStringInfo(&statement.sql, "UPDATE %s AS t", rows_of_table(target));
	append_changes(&statement, target, &old_row, &new_row);
	append_key(&statement, target, &old_row);
	append_returning(&statement, target);
	return run(&statement, target, &stored) ? stored : NULL;
}

/* ---- DELETE ---- */

static HeapTuple
delete_row(const WrittenView *target, HeapTuple old_tuple)
{
	ViewRow		row = view_row(target, old_tuple);
	Statement	statement;

	init_statement(&statement, target);
	appendStringInfo(&statement.sql, "DELETE FROM %s AS t", rows_of_table(target));
	append_key(&statement, target, &row);
	return run(&statement, target, NULL) ? old_tuple : NULL;
}

/* ---- the trigger ---- */

/*
 * SQL: cvwiz.write_version_view() RETURNS trigger
 *
 * NULL, where there was no such row or another trigger vetoed, makes the
 * statement not count it.
 */
Datum
cvwiz_write_version_view(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	WrittenView target;
	HeapTuple	result;

	row_trigger_check(CALLED_AS_TRIGGER(fcinfo) && TRIGGER_FIRED_INSTEAD(trigger->tg_event),
					  "write_version_view", "INSTEAD OF INSERT OR UPDATE OR DELETE",
					  "create_version_view");
	open_target(trigger->tg_relation, &target);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		result = insert_row(&target, trigger->tg_trigtuple);
	else if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		result = update_row(&target, trigger->tg_trigtuple, trigger->tg_newtuple);
	else
		result = delete_row(&target, trigger->tg_trigtuple);
	table_close(target.table, NoLock);
	return PointerGetDatum(result);
}
