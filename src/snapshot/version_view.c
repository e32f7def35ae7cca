/*-------------------------------------------------------------------------
 *
 * version_view.c
 *		Makes the view of a table that has whole documents where the table has
 *		stubs.  It is written to by the trigger in version_view_write.c.
 *
 * All that it is made of is plain DDL, and the view's own definition is the
 * only place that says of which table it is: a dump carries it, and renaming
 * changes nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/varlena.h"

#include "privilege.h"
#include "query.h"
#include "snapshot/column.h"
#include "snapshot/table_key.h"
#include "snapshot/trigger_catalog.h"

PG_FUNCTION_INFO_V1(cvwiz_create_version_view);

#define WRITE_TRIGGER "cvwiz_write_version_view"

/* ---- the arguments ---- */

/* As SQL writes it: qualified, with the table's schema where none is given. */
static char *
required_view_name(FunctionCallInfo fcinfo, Oid relid)
{
	char	   *schema;
	char	   *name;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("view_name must not be null"),
				 errhint("Name the view as SQL does, as in 'app.resume_documents' or '\"ResumeDocuments\"'.")));
	DeconstructQualifiedName(textToQualifiedNameList(PG_GETARG_TEXT_PP(1)), &schema, &name);
	if (schema == NULL)
		schema = get_namespace_name(get_rel_namespace(relid));
	return quote_qualified_identifier(schema, name);
}

static void
check_is_table_alone(Relation table)
{
	if (table->rd_rel->relkind != RELKIND_RELATION &&
		table->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(table)),
				 errhint("Name the table that has a version store.")));

	/* A child's row may have the key of another one. */
	if (table->rd_rel->relkind == RELKIND_RELATION &&
		find_inheritance_children(RelationGetRelid(table), NoLock) != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("other tables inherit from table \"%s\"", RelationGetRelationName(table)),
				 errhint("A view that can be written to needs a key over all rows: partition the table, or end the inheritance.")));
}

/* ---- the view ---- */

/*
 * Its columns are those of the table in their order.  The alias keeps column
 * names apart from anything else.
 */
static char *
view_definition(Relation table, const char *view)
{
	TupleDesc	tupdesc = RelationGetDescr(table);
	StringInfoData sql;
	const char *separator = " ";
	bool		has_store = false;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE VIEW %s WITH (security_invoker = true) AS SELECT", view);
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
		const char *column = quote_identifier(NameStr(attribute->attname));
		FoundTrigger found;

		if (attribute->attisdropped)
			continue;
		if (trigger_find(RelationGetRelid(table), STORE_FUNCTION, NameStr(attribute->attname), &found))
		{
			appendStringInfo(&sql, "%scvwiz.version(t.%s) AS %s", separator, column, column);
			has_store = true;
		}
		else
			appendStringInfo(&sql, "%st.%s", separator, column);
		separator = ", ";
	}
	if (!has_store)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no version store", RelationGetRelationName(table)),
				 errhint("cvwiz.add_version_store() gives it one.")));
	appendStringInfo(&sql, " FROM %s AS t", qualified_relation_name(RelationGetRelid(table)));
	return sql.data;
}

/*
 * What an INSERT into the view leaves out has the view's default, and a view
 * has none by itself.  Identity and generated columns are the table's matter.
 */
static char *
column_default(Relation table, Form_pg_attribute attribute)
{
	Node	   *expression;

	if (attribute->attisdropped || attribute->attidentity != '\0' || attribute->attgenerated != '\0')
		return NULL;
	expression = build_column_default(table, attribute->attnum);
	if (expression == NULL)
		return NULL;
	return deparse_expression(expression, NIL, false, false);
}

/* Names are printed for the search_path, so they are read with the same one. */
static void
copy_defaults(Relation table, const char *view)
{
	TupleDesc	tupdesc = RelationGetDescr(table);
	int			guc_level = secure_search_path();

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
		char	   *expression = column_default(table, attribute);

		if (expression != NULL)
			query_run_only(psprintf("ALTER VIEW %s ALTER COLUMN %s SET DEFAULT %s", view,
									quote_identifier(NameStr(attribute->attname)), expression),
						   NULL);
	}
	AtEOXact_GUC(false, guc_level);
}

static void
make_writable(const char *view)
{
	query_run_only(psprintf("CREATE TRIGGER " WRITE_TRIGGER " INSTEAD OF INSERT OR UPDATE OR DELETE ON %s"
							" FOR EACH ROW EXECUTE FUNCTION cvwiz.write_version_view()", view),
				   NULL);
	query_run_only(psprintf("COMMENT ON TRIGGER " WRITE_TRIGGER " ON %s IS"
							" 'Writes to the table of the view, with the rights of who writes to the view'", view),
				   NULL);
}

/* Whoever of those that may do it made the view, it is the table's owner's. */
static void
give_to_owner(Relation table, const char *view)
{
	Oid			owner = table->rd_rel->relowner;

	if (owner != GetUserId())
		query_run_only(psprintf("ALTER VIEW %s OWNER TO %s", view,
								quote_identifier(GetUserNameFromId(owner, false))),
					   NULL);
}

/*
 * SQL: cvwiz.create_version_view(relation regclass, view_name text)
 */
Datum
cvwiz_create_version_view(PG_FUNCTION_ARGS)
{
	Oid			relid = owned_relation_argument(fcinfo, AccessShareLock);
	const char *view = required_view_name(fcinfo, relid);
	Relation	table = table_open(relid, NoLock);

	check_is_table_alone(table);
	(void) table_key(table);

	SPI_connect();
	query_run_only(view_definition(table, view), NULL);
	copy_defaults(table, view);
	make_writable(view);
	query_run_only(psprintf("COMMENT ON VIEW %s IS %s", view,
							quote_literal_cstr(psprintf("Table %s with its documents whole",
														qualified_relation_name(relid)))),
				   NULL);
	give_to_owner(table, view);
	SPI_finish();
	table_close(table, NoLock);
	PG_RETURN_VOID();
}
