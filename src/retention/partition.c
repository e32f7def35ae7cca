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
#include "retention/inherit.h"
#include "retention/partition.h"
#include "retention/plan.h"
#include "retention/step.h"

/* Stands only between CREATE and the end of ATTACH. */
#define RANGE_CHECK_NAME "cvwiz_partition_range"

PG_FUNCTION_INFO_V1(cvwiz_create_partition);

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

/* A range without bounds takes also the rows of infinity itself. */
char *
partition_values_clause(const TimeColumn *column, TimeRange range)
{
	return psprintf("FOR VALUES FROM (%s) TO (%s)",
					TIMESTAMP_IS_NOBEGIN(range.lower) ? "MINVALUE" :
					time_literal(range.lower, column->type),
					TIMESTAMP_IS_NOEND(range.upper) ? "MAXVALUE" :
					time_literal(range.upper, column->type));
}

/*
 * A table like the parent, with its row-level security, that is no partition
 * (yet).  The constraint is a clause of CREATE TABLE, with its comma, or empty.
 */
static List *
create_statements(Oid parent, const char *child_name, const char *constraint)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(parent));
	Form_pg_class form;
	List	   *result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", parent);
	form = (Form_pg_class) GETSTRUCT(tuple);

	result = list_make1(psprintf("CREATE%s TABLE %s (LIKE %s INCLUDING ALL EXCLUDING IDENTITY%s)%s",
								 form->relpersistence == RELPERSISTENCE_UNLOGGED ? " UNLOGGED" : "",
								 child_name, qualified_relation_name(parent), constraint,
								 inherit_storage_clauses(parent, inherit_model(parent))));
	if (form->relrowsecurity)
		result = lappend(result,
						 psprintf("ALTER TABLE %s ENABLE ROW LEVEL SECURITY", child_name));
	if (form->relforcerowsecurity)
		result = lappend(result,
						 psprintf("ALTER TABLE %s FORCE ROW LEVEL SECURITY", child_name));
	ReleaseSysCache(tuple);
	return result;
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
	List	   *result;

	result = create_statements(parent, child_name,
							   psprintf(", CONSTRAINT %s CHECK (%s >= %s AND %s < %s)",
										RANGE_CHECK_NAME, column_name, lower, column_name, upper));
	result = lappend(result,
					 psprintf("ALTER TABLE %s ATTACH PARTITION %s %s",
							  parent_name, child_name, partition_values_clause(column, range)));
	result = lappend(result,
					 psprintf("ALTER TABLE %s DROP CONSTRAINT %s",
							  child_name, RANGE_CHECK_NAME));
	return result;
}

static Oid
run_creation(Oid parent, const char *name, List *statements)
{
	Oid			model = inherit_model(parent);	/* before there is one more */
	Oid			child;
	ListCell   *lc;

	foreach(lc, statements)
		query_run_only((char *) lfirst(lc), NULL);

	child = get_relname_relid(name, get_rel_namespace(parent));
	inherit_properties(parent, child, model);
	return child;
}

Oid
partition_create(Oid parent, const TimeColumn *column, TimeRange range)
{
	char	   *name = partition_choose_name(parent, range.lower, NIL);

	return run_creation(parent, name, partition_statements(parent, column, name, range));
}

Oid
partition_create_detached(Oid parent, TimeRange range)
{
	char	   *name = partition_choose_name(parent,
											 TIMESTAMP_IS_NOBEGIN(range.lower) ? range.upper : range.lower,
											 NIL);
	char	   *child_name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(parent)),
														name);

	return run_creation(parent, name, create_statements(parent, child_name, ""));
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
