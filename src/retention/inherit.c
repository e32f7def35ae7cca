/*-------------------------------------------------------------------------
 *
 * inherit.c
 *		What a new partition has from its parent, beyond CREATE TABLE (LIKE ...)
 *		and ATTACH.
 *
 * LIKE INCLUDING ALL brings columns with their defaults, storage and
 * compression, checks, indexes and extended statistics; ATTACH brings row
 * triggers, with the state they are in, and foreign keys.  Neither brings
 * what is here (found by comparing the catalogs on PostgreSQL 15).
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/tablespace.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"

#include "query.h"
#include "retention/bounds.h"
#include "retention/inherit.h"

/* ---- the model ---- */

Oid
inherit_model(Oid parent)
{
	Oid			model = InvalidOid;
	ListCell   *lc;

	foreach(lc, partition_ranges(parent))
	{
		PartitionRange *partition = (PartitionRange *) lfirst(lc);

		if (!partition->is_default && partition->relkind == RELKIND_RELATION)
			model = partition->relid;
	}
	return model;
}

/* ---- clauses of CREATE TABLE ---- */

/* The first row's only column, NULL for none. */
static char *
one_text(const char *sql, const QueryArgs *args)
{
	char	   *result = query_run(sql, args) > 0 ? query_text(0, 1) : NULL;

	SPI_freetuptable(SPI_tuptable);
	return result;
}

/*
 * LIKE does not look at the tablespace, nor at the access method, which a
 * partitioned table can have from 17 on.
 */
char *
inherit_storage_clauses(Oid parent, Oid model)
{
	Oid			tablespace = get_rel_tablespace(parent);
	QueryArgs	args = {0};
	StringInfoData clauses;
	char	   *access_method;
	char	   *parameters;

	query_arg(&args, OIDOID, ObjectIdGetDatum(parent));
	query_arg(&args, OIDOID, ObjectIdGetDatum(model));
	access_method = one_text("SELECT m.amname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am m ON m.oid = c.relam"
							 " WHERE c.oid IN ($1, $2) ORDER BY c.oid = $1 DESC LIMIT 1",
							 &args);
	parameters = one_text("SELECT pg_catalog.string_agg(pg_catalog.format('%s%I = %L', o.prefix, o.option_name, o.option_value), ', ' ORDER BY o.prefix, o.option_name)"
						  " FROM (SELECT '' AS prefix, (pg_catalog.pg_options_to_table(c.reloptions)).*"
						  " FROM pg_catalog.pg_class c WHERE c.oid = $2 AND $1 IS NOT NULL"
						  " UNION ALL SELECT 'toast.', (pg_catalog.pg_options_to_table(t.reloptions)).*"
						  " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid WHERE c.oid = $2) o",
						  &args);

	initStringInfo(&clauses);
	if (access_method != NULL && strcmp(access_method, default_table_access_method) != 0)
		appendStringInfo(&clauses, " USING %s", quote_identifier(access_method));
	if (parameters != NULL)
		appendStringInfo(&clauses, " WITH (%s)", parameters);
	if (OidIsValid(tablespace))
		appendStringInfo(&clauses, " TABLESPACE %s",
						 quote_identifier(get_tablespace_name(tablespace)));
	return clauses.data;
}

/* ---- statements that a query puts together ---- */

/* Runs them, one a row. */
static void
run_generated(const char *sql, const QueryArgs *args)
{
	uint64		found = query_run(sql, args);
	List	   *statements = NIL;
	ListCell   *lc;

	for (uint64 i = 0; i < found; i++)
		statements = lappend(statements, query_text(i, 1));
	SPI_freetuptable(SPI_tuptable);

	foreach(lc, statements)
		query_run_only((char *) lfirst(lc), NULL);
}

/* Who may what, whoever granted it. */
#define PRIVILEGES_OF(relation) \
	"SELECT a.grantee, a.privilege_type, pg_catalog.bool_or(a.is_grantable) AS is_grantable" \
	" FROM pg_catalog.pg_class c," \
	" pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault('r', c.relowner))) a" \
	" WHERE c.oid = " relation " GROUP BY a.grantee, a.privilege_type"

#define BOTH_PRIVILEGES \
	"WITH wanted AS (" PRIVILEGES_OF("$1") "), present AS (" PRIVILEGES_OF("$3") ") "

/*
 * Default privileges may have opened the new table to roles that have no
 * rights on the parent, or taken some of its owner's.  What the owner has
 * taken from himself on the parent, he has not on the partition.
 */
static void
inherit_privileges(const QueryArgs *args)
{
	run_generated(BOTH_PRIVILEGES
				  "SELECT pg_catalog.format('REVOKE %s%s ON TABLE %s FROM %s',"
				  " CASE WHEN w.grantee IS NULL THEN '' ELSE 'GRANT OPTION FOR ' END,"
				  " p.privilege_type, $2, " QUERY_ROLE_NAME("p.grantee") ")"
				  " FROM present p LEFT JOIN wanted w ON w.grantee = p.grantee AND w.privilege_type = p.privilege_type"
				  " WHERE w.grantee IS NULL OR (p.is_grantable AND NOT w.is_grantable)",
				  args);
	run_generated(BOTH_PRIVILEGES
				  "SELECT pg_catalog.format('GRANT %s ON TABLE %s TO %s%s',"
				  " w.privilege_type, $2, " QUERY_ROLE_NAME("w.grantee") ","
				  " CASE WHEN w.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)"
				  " FROM wanted w LEFT JOIN present p ON p.grantee = w.grantee AND p.privilege_type = w.privilege_type"
				  " WHERE p.grantee IS NULL OR (w.is_grantable AND NOT p.is_grantable)",
				  args);

	/* a new table has none of these: there are no default ones */
	run_generated("SELECT pg_catalog.format('GRANT %s (%I) ON TABLE %s TO %s%s',"
				  " a.privilege_type, c.attname, $2, " QUERY_ROLE_NAME("a.grantee") ","
				  " CASE WHEN pg_catalog.bool_or(a.is_grantable) THEN ' WITH GRANT OPTION' ELSE '' END)"
				  " FROM pg_catalog.pg_attribute c, pg_catalog.aclexplode(c.attacl) a"
				  " WHERE c.attrelid = $1 AND $3 IS NOT NULL AND NOT c.attisdropped"
				  " GROUP BY a.privilege_type, c.attname, a.grantee",
				  args);
}

static void
inherit_replica_identity(const QueryArgs *args)
{
	run_generated("SELECT pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY %s', $2,"
				  " CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'"
				  " ELSE pg_catalog.format('USING INDEX %I', ic.relname) END)"
				  " FROM pg_catalog.pg_class c"
				  " LEFT JOIN pg_catalog.pg_index pi ON pi.indrelid = c.oid AND pi.indisreplident"
				  " LEFT JOIN pg_catalog.pg_inherits h ON h.inhparent = pi.indexrelid"
				  " AND EXISTS (SELECT FROM pg_catalog.pg_index ci WHERE ci.indexrelid = h.inhrelid AND ci.indrelid = $3)"
				  " LEFT JOIN pg_catalog.pg_class ic ON ic.oid = h.inhrelid"
				  " WHERE c.oid = $1 AND c.relreplident <> 'd'"
				  " AND (c.relreplident <> 'i' OR ic.oid IS NOT NULL)",
				  args);
}

/*
 * How ANALYZE is to look at columns, expressions of indexes, and groups of
 * columns.  An extended statistics object of the partition has its own name,
 * so it is known by what it is about.
 */
static void
inherit_statistics_targets(const QueryArgs *args)
{
	run_generated(INHERIT_COLUMN_STATISTICS
				  " UNION ALL"
				  " SELECT pg_catalog.format('ALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS %s', n.nspname, c.relname, a.attnum, a.attstattarget)"
				  " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_inherits h ON h.inhrelid = i.indexrelid"
				  " JOIN pg_catalog.pg_attribute a ON a.attrelid = h.inhparent AND a.attstattarget >= 0"
				  " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
				  " WHERE i.indrelid = $3"
				  " UNION ALL"
				  " SELECT pg_catalog.format('ALTER STATISTICS %I.%I SET STATISTICS %s', n.nspname, c.stxname, pg_catalog.max(p.stxstattarget))"
				  " FROM pg_catalog.pg_statistic_ext p JOIN pg_catalog.pg_statistic_ext c ON c.stxkind = p.stxkind"
				  " AND pg_catalog.pg_get_statisticsobjdef_columns(c.oid) = pg_catalog.pg_get_statisticsobjdef_columns(p.oid)"
				  " JOIN pg_catalog.pg_namespace n ON n.oid = c.stxnamespace"
				  " WHERE p.stxrelid = $1 AND c.stxrelid = $3 AND p.stxstattarget >= 0"
				  " GROUP BY n.nspname, c.stxname",
				  args);
}

/* LIKE has those of columns, checks and indexes. */
static void
inherit_comments(const QueryArgs *args)
{
	run_generated("SELECT pg_catalog.format('COMMENT ON TABLE %s IS %L', $2, d.description)"
				  " FROM pg_catalog.pg_description d"
				  " WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objoid = $1 AND d.objsubid = 0"
				  " UNION ALL"
				  " SELECT pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', c.conname, $2, d.description)"
				  " FROM pg_catalog.pg_constraint c"
				  " JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND d.objoid = c.conparentid"
				  " WHERE c.conrelid = $3 AND c.contype <> 't'"
				  " UNION ALL"
				  " SELECT pg_catalog.format('COMMENT ON TRIGGER %I ON %s IS %L', t.tgname, $2, d.description)"
				  " FROM pg_catalog.pg_trigger t"
				  " JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND d.objoid = t.tgparentid"
				  " WHERE t.tgrelid = $3 AND NOT t.tgisinternal"
				  " UNION ALL"
				  " SELECT pg_catalog.format('COMMENT ON POLICY %I ON %s IS %L', p.polname, $2, d.description)"
				  " FROM pg_catalog.pg_policy p"
				  " JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objoid = p.oid"
				  " WHERE p.polrelid = $1",
				  args);
}

/* The index of a partition on which CLUSTER would work; the parent has none. */
static void
inherit_cluster_mark(Oid child, Oid model)
{
	QueryArgs	args = {0};

	query_arg(&args, OIDOID, ObjectIdGetDatum(model));
	query_arg(&args, TEXTOID, CStringGetTextDatum(qualified_relation_name(child)));
	query_arg(&args, OIDOID, ObjectIdGetDatum(child));

	run_generated("SELECT pg_catalog.format('ALTER TABLE %s CLUSTER ON %I', $2, cc.relname)"
				  " FROM pg_catalog.pg_index m JOIN pg_catalog.pg_inherits mh ON mh.inhrelid = m.indexrelid"
				  " JOIN pg_catalog.pg_inherits ch ON ch.inhparent = mh.inhparent"
				  " JOIN pg_catalog.pg_index c ON c.indexrelid = ch.inhrelid AND c.indrelid = $3"
				  " JOIN pg_catalog.pg_class cc ON cc.oid = c.indexrelid"
				  " WHERE m.indrelid = $1 AND m.indisclustered",
				  &args);
}

/* ---- policies ---- */

/*
 * An expression of the parent's as one of the child's.  Its text will not do:
 * within a sub-select it names the parent.
 */
static char *
translate_expression(const char *stored, Relation parent, Relation child)
{
	List	   *expression = list_make1(stringToNode(stored));

	expression = map_partition_varattnos(expression, 1, child, parent);
	return deparse_expression(linitial(expression),
							  deparse_context_for(RelationGetRelationName(child),
												  RelationGetRelid(child)),
							  false, false);
}

/*
 * Who goes through the parent meets the parent's policies only.  These are for
 * who is granted rights on the partition itself.
 */
static void
inherit_policies(const QueryArgs *args, Oid parent_oid, Oid child_oid)
{
	Relation	parent;
	Relation	child;
	List	   *statements = NIL;
	ListCell   *lc;
	uint64		found;

	found = query_run("SELECT pg_catalog.format('CREATE POLICY %I ON %s AS %s FOR %s TO %s', p.polname, $2,"
					  " CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,"
					  " CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,"
					  " (SELECT pg_catalog.string_agg(" QUERY_ROLE_NAME("r.role") ", ', ') FROM pg_catalog.unnest(p.polroles) r(role))),"
					  " p.polqual::pg_catalog.text, p.polwithcheck::pg_catalog.text"
					  " FROM pg_catalog.pg_policy p WHERE p.polrelid = $1 AND $3 IS NOT NULL ORDER BY p.polname",
					  args);
	if (found == 0)
	{
		SPI_freetuptable(SPI_tuptable);
		return;
	}

	parent = table_open(parent_oid, AccessShareLock);
	child = table_open(child_oid, AccessShareLock);
	for (uint64 i = 0; i < found; i++)
	{
		StringInfoData statement;
		char	   *using_expression = query_text(i, 2);
		char	   *check_expression = query_text(i, 3);

		initStringInfo(&statement);
		appendStringInfoString(&statement, query_text(i, 1));
		if (using_expression != NULL)
			appendStringInfo(&statement, " USING (%s)",
							 translate_expression(using_expression, parent, child));
		if (check_expression != NULL)
			appendStringInfo(&statement, " WITH CHECK (%s)",
							 translate_expression(check_expression, parent, child));
		statements = lappend(statements, statement.data);
	}
	table_close(child, NoLock);
	table_close(parent, NoLock);
	SPI_freetuptable(SPI_tuptable);

	foreach(lc, statements)
		query_run_only((char *) lfirst(lc), NULL);
}

void
inherit_properties(Oid parent, Oid child, Oid model)
{
	QueryArgs	args = {0};

	query_arg(&args, OIDOID, ObjectIdGetDatum(parent));
	query_arg(&args, TEXTOID, CStringGetTextDatum(qualified_relation_name(child)));
	query_arg(&args, OIDOID, ObjectIdGetDatum(child));

	inherit_privileges(&args);
	inherit_policies(&args, parent, child);
	inherit_replica_identity(&args);
	inherit_statistics_targets(&args);
	inherit_comments(&args);
	if (OidIsValid(model))
		inherit_cluster_mark(child, model);
}
