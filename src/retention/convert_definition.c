/*-------------------------------------------------------------------------
 *
 * convert_definition.c
 *		What a table has besides columns, constraints and indexes, as the
 *		statements that give it to another table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "retention/convert.h"
#include "retention/convert_definition.h"

static ConvertStatement *
make_statement(char *sql, bool as_caller)
{
	ConvertStatement *statement = (ConvertStatement *) palloc(sizeof(ConvertStatement));

	statement->sql = sql;
	statement->as_caller = as_caller;
	return statement;
}

List *
convert_add(List *statements, char *sql)
{
	return lappend(statements, make_statement(sql, false));
}

List *
convert_add_generated(List *statements, const char *sql, const QueryArgs *args, bool as_caller)
{
	uint64		found = query_run(sql, args);

	for (uint64 i = 0; i < found; i++)
		statements = lappend(statements, make_statement(query_text(i, 1), as_caller));
	SPI_freetuptable(SPI_tuptable);
	return statements;
}

/* ---- privileges ---- */

/*
 * $1 source, $2 target or 0, $3 name, $4 TABLE or SEQUENCE, $5 its letter among
 * the default privileges.  What default privileges give to something new is
 * taken away first.  Where neither is there, nothing has to be said.
 */
#define GRANTEES \
	"WITH grantee AS (" \
	" SELECT a.grantee FROM pg_catalog.pg_class c JOIN pg_catalog.pg_default_acl d ON d.defaclrole = c.relowner" \
	"  AND d.defaclobjtype = $5::\"char\" AND d.defaclnamespace IN (0, c.relnamespace), pg_catalog.aclexplode(d.defaclacl) a" \
	"  WHERE c.oid = $1" \
	" UNION SELECT a.grantee FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a WHERE c.oid IN ($1, $2))"

List *
convert_add_privileges(List *statements, Oid source, Oid target, const char *name,
					   ConvertPrivileges kind)
{
	QueryArgs	args = {0};

	query_arg(&args, OIDOID, ObjectIdGetDatum(source));
	query_arg(&args, OIDOID, ObjectIdGetDatum(target));
	query_arg(&args, TEXTOID, CStringGetTextDatum(name));
	query_arg(&args, TEXTOID, CStringGetTextDatum(kind == CONVERT_TABLE ? "TABLE" : "SEQUENCE"));
	query_arg(&args, TEXTOID, CStringGetTextDatum(kind == CONVERT_TABLE ? "r" : "S"));

	statements = convert_add_generated(statements,
									   GRANTEES
									   " SELECT pg_catalog.format('REVOKE ALL ON %s %s FROM %s CASCADE', $4, $3, " QUERY_ROLE_NAME("grantee") ")"
									   " FROM grantee ORDER BY grantee",
									   &args, false);
	statements = convert_add_generated(statements,
									   GRANTEES
									   " SELECT pg_catalog.format('GRANT %s ON %s %s TO %s%s', pg_catalog.string_agg(a.privilege_type, ', ' ORDER BY a.privilege_type),"
									   " $4, $3, " QUERY_ROLE_NAME("a.grantee") ", CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)"
									   " FROM pg_catalog.pg_class c,"
									   " pg_catalog.aclexplode(coalesce(c.relacl, pg_catalog.acldefault(lower($5)::\"char\", c.relowner))) a"
									   " WHERE c.oid = $1 AND EXISTS (SELECT FROM grantee)"
									   " GROUP BY a.grantee, a.is_grantable ORDER BY a.grantee, a.is_grantable",
									   &args, false);
	if (kind == CONVERT_TABLE)
		statements = convert_add_generated(statements,
										   "SELECT pg_catalog.format('GRANT %s (%I) ON TABLE %s TO %s%s', a.privilege_type, c.attname, $3,"
										   " " QUERY_ROLE_NAME("a.grantee") ", CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)"
										   " FROM pg_catalog.pg_attribute c, pg_catalog.aclexplode(c.attacl) a"
										   " WHERE c.attrelid = $1 AND NOT c.attisdropped ORDER BY c.attnum, a.grantee, a.privilege_type",
										   &args, false);
	return statements;
}

/* ---- the rest ---- */

/* $1 source, $2 target or 0, $3 name, $4 number of the time column */
static const char *const definitions[] = {
	"SELECT pg_catalog.format('COMMENT ON TABLE %s IS %L', $3, pg_catalog.obj_description($1, 'pg_class'))"
	" WHERE pg_catalog.obj_description($1, 'pg_class') IS DISTINCT FROM pg_catalog.obj_description($2, 'pg_class')",

	/* something new has them by LIKE */
	"SELECT pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', $3, attname, pg_catalog.col_description(attrelid, attnum))"
	" FROM pg_catalog.pg_attribute a WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped"
	" AND $2 <> 0 AND pg_catalog.col_description(attrelid, attnum) IS NOT NULL ORDER BY attnum",

	"SELECT pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', conname, $3, pg_catalog.obj_description(oid, 'pg_constraint'))"
	" FROM pg_catalog.pg_constraint WHERE conrelid = $1 AND pg_catalog.obj_description(oid, 'pg_constraint') IS NOT NULL"
	" AND conname <> '" CONVERT_CHECK_NAME "' AND (contype IN ('f', 'c', 'p') OR contype = 'u' AND $4 = ANY (conkey)) ORDER BY conname",

	"SELECT pg_catalog.format('COMMENT ON INDEX %s IS %L', c.oid::pg_catalog.regclass, pg_catalog.obj_description(c.oid, 'pg_class'))"
	" FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
	" WHERE i.indrelid = $1 AND pg_catalog.obj_description(c.oid, 'pg_class') IS NOT NULL"
	" AND (NOT i.indisunique OR i.indisprimary OR $4 = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]))"
	" AND NOT i.indisexclusion ORDER BY c.relname",

	"SELECT pg_catalog.format('ALTER TABLE %s %s ROW LEVEL SECURITY', $3, CASE WHEN c.relrowsecurity THEN 'ENABLE' ELSE 'DISABLE' END)"
	" FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_class t ON t.oid = $2"
	" WHERE c.oid = $1 AND c.relrowsecurity <> coalesce(t.relrowsecurity, false)",

	"SELECT pg_catalog.format('ALTER TABLE %s %s ROW LEVEL SECURITY', $3, CASE WHEN c.relforcerowsecurity THEN 'FORCE' ELSE 'NO FORCE' END)"
	" FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_class t ON t.oid = $2"
	" WHERE c.oid = $1 AND c.relforcerowsecurity <> coalesce(t.relforcerowsecurity, false)",

	"SELECT pg_catalog.format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', polname, $3,"
	" CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,"
	" CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,"
	" (SELECT pg_catalog.string_agg(" QUERY_ROLE_NAME("role") ", ', ') FROM pg_catalog.unnest(polroles) role),"
	" ' USING (' || pg_catalog.pg_get_expr(polqual, polrelid) || ')',"
	" ' WITH CHECK (' || pg_catalog.pg_get_expr(polwithcheck, polrelid) || ')')"
	" FROM pg_catalog.pg_policy WHERE polrelid = $1 ORDER BY polname",

	"SELECT pg_catalog.format('COMMENT ON POLICY %I ON %s IS %L', polname, $3, pg_catalog.obj_description(oid, 'pg_policy'))"
	" FROM pg_catalog.pg_policy WHERE polrelid = $1 AND pg_catalog.obj_description(oid, 'pg_policy') IS NOT NULL ORDER BY polname",

	"SELECT pg_catalog.pg_get_ruledef(oid) FROM pg_catalog.pg_rewrite WHERE ev_class = $1 ORDER BY rulename",

	"SELECT pg_catalog.format('ALTER TABLE %s %s RULE %I', $3,"
	" CASE ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, rulename)"
	" FROM pg_catalog.pg_rewrite WHERE ev_class = $1 AND ev_enabled <> 'O' ORDER BY rulename",

	"SELECT pg_catalog.pg_get_triggerdef(oid) FROM pg_catalog.pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal ORDER BY tgname",

	"SELECT pg_catalog.format('ALTER TABLE %s %s TRIGGER %I', $3,"
	" CASE tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, tgname)"
	" FROM pg_catalog.pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal AND tgenabled <> 'O' ORDER BY tgname",

	"SELECT pg_catalog.format('COMMENT ON TRIGGER %I ON %s IS %L', tgname, $3, pg_catalog.obj_description(oid, 'pg_trigger'))"
	" FROM pg_catalog.pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal AND pg_catalog.obj_description(oid, 'pg_trigger') IS NOT NULL ORDER BY tgname",

	/* an index that is the old partition's alone can't be the whole table's identity */
	"SELECT pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY %s', $3,"
	" CASE c.relreplident WHEN 'd' THEN 'DEFAULT' WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'"
	" ELSE pg_catalog.format('USING INDEX %I', ic.relname) END)"
	" FROM pg_catalog.pg_class c"
	" LEFT JOIN pg_catalog.pg_class t ON t.oid = $2"
	" LEFT JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisreplident"
	" AND (i.indisprimary OR $4 = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]))"
	" LEFT JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid"
	" WHERE c.oid = $1 AND (c.relreplident <> 'i' OR ic.oid IS NOT NULL)"
	" AND (c.relreplident <> coalesce(t.relreplident, 'd') OR c.relreplident = 'i')",
};

List *
convert_add_definitions(List *statements, Oid source, Oid target, int16 time_column,
						const char *name)
{
	QueryArgs	args = {0};

	query_arg(&args, OIDOID, ObjectIdGetDatum(source));
	query_arg(&args, OIDOID, ObjectIdGetDatum(target));
	query_arg(&args, TEXTOID, CStringGetTextDatum(name));
	query_arg(&args, INT2OID, Int16GetDatum(time_column));

	for (size_t i = 0; i < lengthof(definitions); i++)
		statements = convert_add_generated(statements, definitions[i], &args, false);
	return convert_add_privileges(statements, source, target, name, CONVERT_TABLE);
}
