/*-------------------------------------------------------------------------
 *
 * convert_check.c
 *		What a conversion, or its undo, would fail for, found beforehand and
 *		all at once.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "background/toplevel.h"
#include "privilege.h"
#include "query.h"
#include "retention/bounds.h"
#include "retention/convert.h"
#include "retention/detach.h"

typedef struct Findings
{
	const Conversion *conversion;
	int			count;
	StringInfoData text;
} Findings;

static void
find(Findings *findings, const char *finding)
{
	appendStringInfo(&findings->text, "%s%s.", findings->count++ > 0 ? "\n" : "", finding);
}

/*
 * $1 the table, $2 its time column's number, $3 keep_unique, $4 who calls, $5
 * its old partition or 0
 */
static QueryArgs
check_args(const Conversion *conversion)
{
	QueryArgs	args = {0};

	query_arg(&args, OIDOID, ObjectIdGetDatum(conversion->relid));
	query_arg(&args, INT2OID, Int16GetDatum(conversion->column.attnum));
	query_arg(&args, BOOLOID, BoolGetDatum(conversion->keep_unique));
	query_arg(&args, OIDOID, ObjectIdGetDatum(conversion->caller));
	query_arg(&args, OIDOID, ObjectIdGetDatum(conversion->legacy));
	return args;
}

/* ---- catalogs ---- */

/*
 * What holds the table's own OID goes on meaning it, whatever it is called,
 * but for what is its own, or goes with the partitions of an undo.
 */
#define FROM_DEPENDENTS \
	" FROM pg_catalog.pg_depend d" \
	" LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid" \
	" LEFT JOIN pg_catalog.pg_policy p ON d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND p.oid = d.objid" \
	" LEFT JOIN pg_catalog.pg_constraint k ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid" \
	" LEFT JOIN pg_catalog.pg_trigger t ON d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND t.oid = d.objid" \
	" LEFT JOIN pg_catalog.pg_attrdef f ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND f.oid = d.objid" \
	" WHERE d.deptype = 'n'" \
	" AND coalesce(r.ev_class, p.polrelid, k.conrelid, t.tgrelid, f.adrelid, 0) NOT IN" \
	" (SELECT $1 UNION SELECT relid FROM pg_catalog.pg_partition_tree($1) WHERE relid <> $5)"

static const char *const common_findings[] = {
	"SELECT DISTINCT CASE WHEN v.oid IS NULL THEN pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)"
	" ELSE pg_catalog.format('%s %s', CASE v.relkind WHEN 'm' THEN 'materialized view' WHEN 'v' THEN 'view' ELSE pg_catalog.format('rule \"%s\" of', r.rulename) END, v.oid::pg_catalog.regclass) END"
	" || ' refers to the table itself, not to its name'"
	" FROM (SELECT d.classid, d.objid, CASE WHEN d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass THEN d.objsubid ELSE 0 END AS objsubid, r.rulename, r.ev_class"
	FROM_DEPENDENTS
	" AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1"
	" AND (k.contype IS NULL OR k.contype <> 'f')"
	" AND d.classid NOT IN ('pg_catalog.pg_publication_rel'::pg_catalog.regclass, 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass)"
	" AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND h.inhrelid = d.objid AND h.inhparent = $1)"
	" UNION SELECT d.classid, d.objid, d.objsubid, r.rulename, r.ev_class"
	FROM_DEPENDENTS
	" AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass"
	" AND d.refobjid IN (SELECT y.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_type y ON y.oid = c.reltype OR y.typelem = c.reltype WHERE c.oid = $1)"
	") d LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid"
	" LEFT JOIN pg_catalog.pg_class v ON v.oid = r.ev_class"
	" ORDER BY 1",

	"SELECT pg_catalog.format('foreign key \"%s\" of table %s refers to it', conname, conrelid::pg_catalog.regclass)"
	" FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confrelid = $1 AND conparentid = 0 ORDER BY 1",

	"SELECT pg_catalog.format('role \"%s\" may not create tables in schema \"%s\"', pg_catalog.pg_get_userbyid(relowner), n.nspname)"
	" FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1 AND NOT pg_catalog.has_schema_privilege(relowner, relnamespace, 'CREATE')",

	"SELECT pg_catalog.format('publication \"%s\" belongs to role \"%s\", which \"%s\" is no member of', p.pubname, pg_catalog.pg_get_userbyid(p.pubowner), pg_catalog.pg_get_userbyid($4))"
	" FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid"
	" WHERE r.prrelid = $1 AND NOT pg_catalog.pg_has_role($4, p.pubowner, 'USAGE') ORDER BY 1",

	"SELECT pg_catalog.format('role \"%s\" may not execute function %s of trigger \"%s\"', pg_catalog.pg_get_userbyid(c.relowner), t.tgfoid::pg_catalog.regprocedure, t.tgname)"
	" FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid"
	" WHERE t.tgrelid = $1 AND NOT t.tgisinternal AND NOT pg_catalog.has_function_privilege(c.relowner, t.tgfoid, 'EXECUTE') ORDER BY 1",

	"SELECT pg_catalog.format('it has a security label of provider \"%s\"', provider)"
	" FROM pg_catalog.pg_seclabel WHERE classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND objoid = $1 ORDER BY 1",
};

static const char *const plain_findings[] = {
	"SELECT 'it is a table of PostgreSQL''s own' WHERE $1 < 16384",

	"SELECT 'it is temporary' FROM pg_catalog.pg_class WHERE oid = $1 AND relpersistence = 't'",

	"SELECT pg_catalog.format('it is a partition of %s', inhparent::pg_catalog.regclass)"
	" FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class ON oid = inhrelid WHERE inhrelid = $1 AND relispartition",

	"SELECT pg_catalog.format('it inherits from %s', inhparent::pg_catalog.regclass)"
	" FROM pg_catalog.pg_inherits JOIN pg_catalog.pg_class ON oid = inhrelid WHERE inhrelid = $1 AND NOT relispartition ORDER BY 1",

	"SELECT pg_catalog.format('table %s inherits from it', inhrelid::pg_catalog.regclass)"
	" FROM pg_catalog.pg_inherits WHERE inhparent = $1 ORDER BY 1",

	"SELECT pg_catalog.format('it belongs to type %s', reloftype::pg_catalog.regtype)"
	" FROM pg_catalog.pg_class WHERE oid = $1 AND reloftype <> 0",

	"SELECT pg_catalog.format('it belongs to extension \"%s\"', e.extname)"
	" FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid"
	" WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = $1 AND d.deptype = 'e'",

	"SELECT pg_catalog.format('subscription \"%s\" writes to it', s.subname)"
	" FROM pg_catalog.pg_subscription_rel r JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid WHERE r.srrelid = $1",

	"SELECT pg_catalog.format('column \"%s\" is of type %s, not date, timestamp or timestamp with time zone', attname, pg_catalog.format_type(atttypid, NULL))"
	" FROM pg_catalog.pg_attribute WHERE attrelid = $1 AND attnum = $2"
	" AND atttypid NOT IN ('pg_catalog.date'::pg_catalog.regtype, 'pg_catalog.timestamp'::pg_catalog.regtype, 'pg_catalog.timestamptz'::pg_catalog.regtype)",

	"SELECT pg_catalog.format('column \"%s\" is a generated one', attname)"
	" FROM pg_catalog.pg_attribute WHERE attrelid = $1 AND attnum = $2 AND attgenerated <> ''",

	/* the primary key gets the time */
	"SELECT CASE WHEN x.oid IS NULL THEN pg_catalog.format('unique index \"%s\"', c.relname)"
	" WHEN x.contype = 'x' THEN pg_catalog.format('exclusion constraint \"%s\"', x.conname)"
	" ELSE pg_catalog.format('unique constraint \"%s\"', x.conname) END"
	" || CASE WHEN i.indisexclusion THEN ' cannot be one of a partitioned table' ELSE ' is without the time column' END"
	" || '; with keep_unique => true it stays with the old partition alone'"
	" FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
	" LEFT JOIN pg_catalog.pg_constraint x ON x.conindid = i.indexrelid AND x.conrelid = i.indrelid AND x.contype IN ('u', 'x')"
	" WHERE i.indrelid = $1 AND NOT i.indisprimary AND i.indisvalid AND NOT $3"
	" AND c.relname <> pg_catalog.format('cvwiz_%s_unique', $1)"
	" AND (i.indisexclusion OR i.indisunique AND ($2 = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1])) IS NOT TRUE)"
	" ORDER BY c.relname",

	"SELECT pg_catalog.format('primary key \"%s\" is not a plain B-tree', c.relname)"
	" FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am a ON a.oid = c.relam"
	" WHERE i.indrelid = $1 AND i.indisprimary AND (a.amname <> 'btree' OR i.indisexclusion)",

	"SELECT pg_catalog.format('index \"%s\" is invalid', c.relname)"
	" FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
	" WHERE i.indrelid = $1 AND NOT (i.indisvalid AND i.indisready AND i.indislive)"
	" AND c.relname NOT IN (pg_catalog.format('cvwiz_%s_key', $1), pg_catalog.format('cvwiz_%s_unique', $1)) ORDER BY 1",

	"SELECT pg_catalog.format('the name \"%s\" is taken by another relation', c.relname)"
	" FROM pg_catalog.pg_class c JOIN pg_catalog.pg_class o ON o.oid = $1 AND o.relnamespace = c.relnamespace"
	" WHERE c.relname IN (pg_catalog.format('cvwiz_%s_key', $1), pg_catalog.format('cvwiz_%s_unique', $1))"
	" AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indexrelid = c.oid AND i.indrelid = $1)",

	"SELECT pg_catalog.format('constraint \"%s\" is not validated', conname)"
	" FROM pg_catalog.pg_constraint WHERE conrelid = $1 AND NOT convalidated AND conname <> '" CONVERT_CHECK_NAME "' ORDER BY 1",

	"SELECT pg_catalog.format('constraint \"%s\" is NO INHERIT', conname)"
	" FROM pg_catalog.pg_constraint WHERE conrelid = $1 AND connoinherit AND contype IN ('c', 'n') ORDER BY 1",

	"SELECT pg_catalog.format('trigger \"%s\" is for each row and has a transition table', tgname)"
	" FROM pg_catalog.pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal AND tgtype & 1 = 1"
	" AND (tgoldtable IS NOT NULL OR tgnewtable IS NOT NULL) ORDER BY 1",

	"SELECT pg_catalog.format('role \"%s\" may not refer to table %s, as foreign key \"%s\" does', pg_catalog.pg_get_userbyid(c.relowner), k.confrelid::pg_catalog.regclass, k.conname)"
	" FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid"
	" WHERE k.conrelid = $1 AND k.contype = 'f' AND EXISTS (SELECT FROM pg_catalog.unnest(k.confkey) a"
	" WHERE NOT pg_catalog.has_column_privilege(c.relowner, k.confrelid, a, 'REFERENCES')) ORDER BY 1",

	"SELECT pg_catalog.format('role \"%s\" may not create tables in tablespace \"%s\"', pg_catalog.pg_get_userbyid(c.relowner), t.spcname)"
	" FROM pg_catalog.pg_class c JOIN pg_catalog.pg_tablespace t ON t.oid = c.reltablespace"
	" WHERE c.oid = $1 AND NOT pg_catalog.has_tablespace_privilege(c.relowner, t.oid, 'CREATE')",

	/* its subscribers would be sent the rows of partitions that they do not have */
	"SELECT pg_catalog.format('publication \"%s\" has publish_via_partition_root = false', p.pubname)"
	" FROM pg_catalog.pg_publication p JOIN pg_catalog.pg_class c ON c.oid = $1"
	" WHERE NOT p.pubviaroot AND (p.puballtables"
	" OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = c.oid)"
	" OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace n WHERE n.pnpubid = p.oid AND n.pnnspid = c.relnamespace)) ORDER BY 1",

	"SELECT pg_catalog.format('publication \"%s\" has a list of columns without the time column, which becomes part of the key', p.pubname)"
	" FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid"
	" WHERE r.prrelid = $1 AND r.prattrs IS NOT NULL AND NOT $2 = ANY (r.prattrs::pg_catalog.int2[]) ORDER BY 1",
};

static void
find_in_catalogs(Findings *findings, const char *const *queries, size_t count)
{
	QueryArgs	args = check_args(findings->conversion);

	for (size_t n = 0; n < count; n++)
	{
		uint64		found = query_run(queries[n], &args);

		for (uint64 i = 0; i < found; i++)
			find(findings, query_text(i, 1));
		SPI_freetuptable(SPI_tuptable);
	}
}

/* The policy stays with the table, and has to be one of what that becomes. */
static void
find_policy(Findings *findings)
{
	QueryArgs	args = check_args(findings->conversion);
	SavedPrivileges saved;

	query_arg(&args, BOOLOID, BoolGetDatum(findings->conversion->undo));
	become_extension_owner(&saved);
	if (query_run("SELECT CASE WHEN $6 THEN 'its retention policy is about whole partitions: only granularity ''row'' with drop_after ''0'' is possible without them'"
				  " ELSE pg_catalog.format('its retention policy goes by column \"%s\"', p.time_column) END"
				  " FROM cvwiz.retention_policy p JOIN pg_catalog.pg_attribute a ON a.attrelid = $1 AND a.attnum = $2"
				  " WHERE p.relation = $1 AND CASE WHEN $6 THEN p.granularity <> 'row' OR p.drop_after > '0' ELSE p.time_column <> a.attname END",
				  &args) > 0)
		find(findings, query_text(0, 1));
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
}

static void
find_range_check(Findings *findings)
{
	QueryArgs	args = check_args(findings->conversion);
	TimestampTz cutoff;
	bool		valid;

	if (convert_range_check(findings->conversion, &cutoff, &valid))
		return;
	if (query_run("SELECT FROM pg_catalog.pg_constraint WHERE conrelid = $1 AND conname = '" CONVERT_CHECK_NAME "'",
				  &args) > 0)
		find(findings, "constraint \"" CONVERT_CHECK_NAME "\" is there, and not one of a conversion by this column");
	SPI_freetuptable(SPI_tuptable);
}

/* CREATE INDEX CONCURRENTLY needs a worker that is connected as the owner. */
static void
find_worker(Findings *findings)
{
	const Conversion *conversion = findings->conversion;
	ConvertIndex *indexes[2] = {convert_key_index(conversion), convert_unique_index(conversion)};
	char	   *impossible = toplevel_impossible(relation_owner(conversion->relid));

	for (int i = 0; i < 2; i++)
	{
		if (indexes[i] == NULL || indexes[i]->ready || impossible == NULL)
			continue;
		find(findings, psprintf("%s, so that no worker can run, and you would have to, as that role: CREATE UNIQUE INDEX CONCURRENTLY %s",
								impossible, indexes[i]->definition));
	}
}

/* ---- rows ---- */

static void
find_rows_without_time(Findings *findings, const char *table, const char *column)
{
	bool		isnull;
	int64		rows;

	if (findings->conversion->time_not_null)
		return;
	query_run(psprintf("SELECT count(*) FROM %s WHERE %s IS NULL", table, column), NULL);
	rows = DatumGetInt64(query_value(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	if (rows > 0)
		find(findings, psprintf(INT64_FORMAT " rows have no time (column \"%s\" is NULL)",
								rows, NameStr(findings->conversion->column.name)));
}

static void
find_late_rows(Findings *findings, const char *table, const char *column)
{
	const Conversion *conversion = findings->conversion;
	TimestampTz limit = month_start(conversion->now, CONVERT_MAX_MONTHS_AHEAD);
	bool		isnull;
	int64		rows;
	Datum		newest;

	query_run(psprintf("SELECT count(*), max(%s) FROM %s WHERE %s >= %s",
					   column, table, column, time_literal(limit, conversion->column.type)),
			  NULL);
	rows = DatumGetInt64(query_value(0, 1, &isnull));
	newest = query_value(0, 2, &isnull);
	if (rows > 0)
		find(findings, psprintf(INT64_FORMAT " rows have a time of %s or later, the latest %s, which looks like a mistake",
								rows, time_for_message(limit),
								time_for_message(time_from_datum(newest, conversion->column.type))));
	SPI_freetuptable(SPI_tuptable);
}

static void
find_in_rows(Findings *findings)
{
	const Conversion *conversion = findings->conversion;
	const char *column = quote_identifier(NameStr(conversion->column.name));
	char	   *table = qualified_relation_name(conversion->relid);
	SavedPrivileges saved;

	if (!is_time_type(conversion->column.type))
		return;
	if (!lock_as_owner(conversion->relid, AccessShareLock, &saved))
		relation_gone_error(conversion->relid);
	find_rows_without_time(findings, table, column);
	find_late_rows(findings, table, column);
	restore_privileges(&saved);
}

/* ---- undo ---- */

static void
find_other_rows(Findings *findings)
{
	const Conversion *conversion = findings->conversion;
	SavedPrivileges saved;
	ListCell   *lc;

	foreach(lc, detach_list_pending(conversion->relid))
		find(findings, psprintf("partition %s is half detached",
								qualified_relation_name(((PendingDetach *) lfirst(lc))->partition)));

	if (!lock_as_owner(conversion->relid, AccessShareLock, &saved))
		relation_gone_error(conversion->relid);
	foreach(lc, convert_other_partitions(conversion))
	{
		Oid			partition = lfirst_oid(lc);
		bool		isnull;
		int64		rows;

		check_partition_owner(conversion->relid, partition);
		query_run(psprintf("SELECT count(*) FROM %s", qualified_relation_name(partition)), NULL);
		rows = DatumGetInt64(query_value(0, 1, &isnull));
		SPI_freetuptable(SPI_tuptable);
		if (rows > 0)
			find(findings, psprintf("partition %s holds " INT64_FORMAT " rows",
									qualified_relation_name(partition), rows));
	}
	restore_privileges(&saved);
}

static void
find_detached(Findings *findings)
{
	QueryArgs	args = check_args(findings->conversion);
	SavedPrivileges saved;
	uint64		found;

	become_extension_owner(&saved);
	found = query_run("SELECT pg_catalog.format('detached partition %s is still to be dropped', relation)"
					  " FROM cvwiz.detached_partition WHERE parent = $1 ORDER BY 1", &args);
	for (uint64 i = 0; i < found; i++)
		find(findings, query_text(i, 1));
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
}

/* ---- all ---- */

void
convert_check(const Conversion *conversion, bool rows)
{
	Findings	findings;
	int			guc_level;

	/* partitions can always be made, and what an interrupted call has left can go */
	if (conversion->undo != OidIsValid(conversion->legacy))
		return;

	guc_level = secure_search_path();
	findings.conversion = conversion;
	findings.count = 0;
	initStringInfo(&findings.text);
	find_in_catalogs(&findings, common_findings, lengthof(common_findings));
	find_policy(&findings);
	if (conversion->undo)
	{
		find_detached(&findings);
		if (rows)
			find_other_rows(&findings);
	}
	else
	{
		find_in_catalogs(&findings, plain_findings, lengthof(plain_findings));
		find_range_check(&findings);
		if (rows)
			find_in_rows(&findings);
	}
	find_worker(&findings);
	AtEOXact_GUC(false, guc_level);

	if (findings.count == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 conversion->undo ?
			 errmsg("table \"%s\" cannot become a plain table again", get_rel_name(conversion->relid)) :
			 errmsg("table \"%s\" cannot be partitioned by month", get_rel_name(conversion->relid)),
			 errdetail_internal("%s", findings.text.data),
			 conversion->undo ?
			 errhint("Nothing was changed. Change what is named, then call again; once rows have come into other partitions, the table stays partitioned.") :
			 errhint("Nothing was changed. Remove or change what is named, then call again.")));
}
