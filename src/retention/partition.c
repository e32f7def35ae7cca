/*-------------------------------------------------------------------------
 *
 * partition.c
 *		Making a partition: its name, its statements, what it has from the
 *		parent; and the SQL functions that make or detach one by hand.
 *
 * CREATE TABLE (LIKE ...) and ATTACH take SHARE UPDATE EXCLUSIVE on the
 * parent, where PARTITION OF would take ACCESS EXCLUSIVE.  The parent is
 * always locked before the child: the other order can deadlock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/tablespace.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "privilege.h"
#include "query.h"
#include "retention/partition.h"
#include "retention/plan.h"
#include "retention/step.h"

/* Stands only between CREATE and the end of ATTACH. */
#define RANGE_CHECK_NAME "cvwiz_partition_range"

PG_FUNCTION_INFO_V1(cvwiz_create_partition);
PG_FUNCTION_INFO_V1(cvwiz_detach_partition);

/* ---- the name ---- */

static bool
name_is_taken(const char *name, Oid namespace, List *taken)
{
	ListCell   *lc;

	foreach(lc, taken)
	{
		if (strcmp((char *) lfirst(lc), name) == 0)
			return true;
	}

	/* A table's row type has the table's name, so other types are in the way. */
	return OidIsValid(get_relname_relid(name, namespace)) ||
		SearchSysCacheExists2(TYPENAMENSP, CStringGetDatum(name),
							  ObjectIdGetDatum(namespace));
}

char *
partition_choose_name(Oid parent, TimestampTz lower, List *taken)
{
	const char *base = get_rel_name(parent);
	Oid			namespace = get_rel_namespace(parent);
	struct pg_tm tm;
	fsec_t		fsec;

	if (timestamp2tm(lower, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));

	for (int n = 0;; n++)
	{
		char		suffix[32];
		int			base_length;
		char	   *name;

		if (n == 0)
			snprintf(suffix, sizeof(suffix), "_%04d_%02d", tm.tm_year, tm.tm_mon);
		else
			snprintf(suffix, sizeof(suffix), "_%04d_%02d_%d", tm.tm_year, tm.tm_mon, n);

		base_length = pg_mbcliplen(base, strlen(base),
								   NAMEDATALEN - 1 - strlen(suffix));
		name = psprintf("%.*s%s", base_length, base, suffix);
		if (!name_is_taken(name, namespace, taken))
			return name;
		pfree(name);
	}
}

/* ---- the statements ---- */

/* LIKE does not look at the tablespace, PARTITION OF would. */
static const char *
tablespace_clause(Oid parent)
{
	Oid			tablespace = get_rel_tablespace(parent);

	if (!OidIsValid(tablespace))
		return "";
	return psprintf(" TABLESPACE %s",
					quote_identifier(get_tablespace_name(tablespace)));
}

List *
partition_statements(Oid parent, const TimeColumn *column, const char *name,
					 TimeRange range)
{
	char	   *parent_name = qualified_relation_name(parent);
	char	   *child_name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(parent)),
														name);
	const char *column_name = quote_identifier(NameStr(column->name));
	char	   *lower = time_literal(range.lower, column->type);
	char	   *upper = time_literal(range.upper, column->type);
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(parent));
	Form_pg_class form;
	List	   *result = NIL;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", parent);
	form = (Form_pg_class) GETSTRUCT(tuple);

	result = lappend(result,
					 psprintf("CREATE%s TABLE %s (LIKE %s INCLUDING ALL EXCLUDING IDENTITY, CONSTRAINT %s CHECK (%s >= %s AND %s < %s))%s",
							  form->relpersistence == RELPERSISTENCE_UNLOGGED ? " UNLOGGED" : "",
							  child_name, parent_name, RANGE_CHECK_NAME,
							  column_name, lower, column_name, upper,
							  tablespace_clause(parent)));
	if (form->relrowsecurity)
		result = lappend(result,
						 psprintf("ALTER TABLE %s ENABLE ROW LEVEL SECURITY", child_name));
	if (form->relforcerowsecurity)
		result = lappend(result,
						 psprintf("ALTER TABLE %s FORCE ROW LEVEL SECURITY", child_name));
	result = lappend(result,
					 psprintf("ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)",
							  parent_name, child_name, lower, upper));
	result = lappend(result,
					 psprintf("ALTER TABLE %s DROP CONSTRAINT %s",
							  child_name, RANGE_CHECK_NAME));
	ReleaseSysCache(tuple);
	return result;
}

/* ---- what LIKE leaves out ---- */

/* Runs the statements that a query has put together, one a row. */
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

#define GRANTEE_NAME \
	"CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END"

/*
 * Default privileges may have opened the new table to roles that have no
 * rights on the parent: first away with them, then the parent's.
 */
static void
copy_privileges(Oid parent, Oid child)
{
	QueryArgs	args = {0};

	query_arg(&args, OIDOID, ObjectIdGetDatum(parent));
	query_arg(&args, TEXTOID, CStringGetTextDatum(qualified_relation_name(child)));
	query_arg(&args, OIDOID, ObjectIdGetDatum(child));

	run_generated("SELECT DISTINCT pg_catalog.format('REVOKE ALL ON TABLE %s FROM %s', $2, " GRANTEE_NAME ")"
				  " FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a"
				  " WHERE c.oid = $3 AND $1 IS NOT NULL AND a.grantee <> c.relowner",
				  &args);
	run_generated("SELECT pg_catalog.format('GRANT %s ON TABLE %s TO %s%s', a.privilege_type, $2, " GRANTEE_NAME ","
				  " CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)"
				  " FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a"
				  " WHERE c.oid = $1 AND $3 IS NOT NULL AND a.grantee <> c.relowner",
				  &args);
}

static void
copy_replica_identity(Oid parent, Oid child)
{
	QueryArgs	args = {0};

	query_arg(&args, OIDOID, ObjectIdGetDatum(parent));
	query_arg(&args, TEXTOID, CStringGetTextDatum(qualified_relation_name(child)));
	query_arg(&args, OIDOID, ObjectIdGetDatum(child));

	run_generated("SELECT pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY %s', $2,"
				  " CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'"
				  " ELSE pg_catalog.format('USING INDEX %I', ic.relname) END)"
				  " FROM pg_catalog.pg_class c"
				  " LEFT JOIN pg_catalog.pg_index pi ON pi.indrelid = c.oid AND pi.indisreplident"
				  " LEFT JOIN pg_catalog.pg_inherits h ON h.inhparent = pi.indexrelid"
				  " LEFT JOIN pg_catalog.pg_index ci ON ci.indexrelid = h.inhrelid AND ci.indrelid = $3"
				  " LEFT JOIN pg_catalog.pg_class ic ON ic.oid = ci.indexrelid"
				  " WHERE c.oid = $1 AND c.relreplident <> 'd'"
				  " AND (c.relreplident <> 'i' OR ic.oid IS NOT NULL)",
				  &args);
}

Oid
partition_create(Oid parent, const TimeColumn *column, TimeRange range)
{
	char	   *name = partition_choose_name(parent, range.lower, NIL);
	List	   *statements = partition_statements(parent, column, name, range);
	Oid			child;
	ListCell   *lc;

	foreach(lc, statements)
		query_run_only((char *) lfirst(lc), NULL);

	child = get_relname_relid(name, get_rel_namespace(parent));
	copy_privileges(parent, child);
	copy_replica_identity(parent, child);
	return child;
}

/* ---- by hand ---- */

static TimestampTz
month_argument(FunctionCallInfo fcinfo, int n)
{
	DateADT		date;
	int			year;
	int			month;
	int			day;

	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("month must not be null"),
				 errhint("Give any day of the month.")));

	date = PG_GETARG_DATEADT(n);
	if (DATE_NOT_FINITE(date))
		year = 0;
	else
		j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	if (year < 1 || year > 9999)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("month is outside the years from 1 to 9999"),
				 errhint("Give any day of the month.")));
	return (TimestampTz) date * USECS_PER_DAY;
}

/* The partition that covers a moment. */
static Oid
partition_at(List *partitions, TimestampTz t)
{
	ListCell   *lc;

	foreach(lc, partitions)
	{
		PartitionRange *partition = (PartitionRange *) lfirst(lc);

		if (!partition->is_default &&
			partition->range.lower <= t && t < partition->range.upper)
			return partition->relid;
	}
	return InvalidOid;
}

/*
 * SQL: cvwiz.create_partition(relation regclass, month date) RETURNS regclass
 *
 * What other partitions cover of the month already stays theirs.
 */
Datum
cvwiz_create_partition(PG_FUNCTION_ARGS)
{
	Oid			relid;
	TimeRange	month;
	TimeColumn	column;
	List	   *partitions;
	List	   *gaps;
	ListCell   *lc;
	SavedPrivileges saved;
	Oid			result;

	PreventCommandDuringRecovery("cvwiz.create_partition()");
	relid = owned_relation_argument(fcinfo, AccessShareLock);
	month.lower = month_start(month_argument(fcinfo, 1), 0);
	month.upper = month_start(month.lower, 1);

	time_column_of_key(relid, &column);

	SPI_connect();
	if (!lock_as_owner(relid, ShareUpdateExclusiveLock, &saved))
		relation_gone_error(relid);

	partitions = partition_ranges(relid);
	gaps = uncovered_ranges(partitions, month);
	result = partition_at(partitions, month.lower);
	if (gaps == NIL)
		ereport(NOTICE,
				(errmsg("table \"%s\" has a partition for this month already: \"%s\"",
						get_rel_name(relid), get_rel_name(result))));

	foreach(lc, gaps)
	{
		Oid			child = partition_create(relid, &column, *(TimeRange *) lfirst(lc));

		if (lc == list_head(gaps))
			result = child;
	}

	restore_privileges(&saved);
	SPI_finish();
	PG_RETURN_OID(result);
}

/* The policy may be that of the parent, or of a table further up. */
static void
check_not_on_hold(Oid partition)
{
	ListCell   *lc;

	foreach(lc, get_partition_ancestors(partition))
	{
		RetentionPolicy *policy = policy_read(lfirst_oid(lc), POLICY_SHARE);

		if (policy != NULL && policy->hold)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s\" is on hold: none of its partitions is detached",
							get_rel_name(policy->relid)),
					 errhint("cvwiz.alter_retention_policy(..., hold => false) lifts the hold.")));
	}
}

/*
 * SQL: cvwiz.detach_partition(partition regclass)
 *
 * The table stays, and no run will drop it: who detaches by hand keeps it.
 */
Datum
cvwiz_detach_partition(PG_FUNCTION_ARGS)
{
	Oid			child;
	Oid			parent;
	char		relkind;
	SavedPrivileges saved;

	PreventCommandDuringRecovery("cvwiz.detach_partition()");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("partition must not be null"),
				 errhint("Name the partition, as in 'public.audit_logs_2024_01'.")));
	child = PG_GETARG_OID(0);
	relkind = get_rel_relkind(child);
	if (!get_rel_relispartition(child) || relkind == RELKIND_INDEX ||
		relkind == RELKIND_PARTITIONED_INDEX)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a partition",
						get_rel_name(child) ? get_rel_name(child) : psprintf("%u", child)),
				 errhint("Name a partition of a partitioned table.")));
	parent = get_partition_parent(child, true);
	check_relation_owner(parent);

	SPI_connect();
	if (!lock_as_owner(parent, AccessExclusiveLock, &saved))
		relation_gone_error(parent);

	check_not_on_hold(child);
	query_run_only(detach_statement(parent, child), NULL);
	step_forget_detached(child);
	restore_privileges(&saved);
	SPI_finish();
	PG_RETURN_VOID();
}
