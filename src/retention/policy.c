/*-------------------------------------------------------------------------
 *
 * policy.c
 *		Policies: adding, altering, removing, reading.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "compat.h"
#include "privilege.h"
#include "query.h"
#include "retention/bounds.h"
#include "retention/policy.h"

PG_FUNCTION_INFO_V1(cvwiz_add_retention_policy);
PG_FUNCTION_INFO_V1(cvwiz_alter_retention_policy);
PG_FUNCTION_INFO_V1(cvwiz_remove_retention_policy);

/* ---- arguments ---- */

static void
check_range(Oid relid, const char *argument, int value, int min, int max, const char *hint)
{
	if (value >= min && value <= max)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s of table \"%s\" would be %d, outside the range from %d to %d",
					argument, get_rel_name(relid), value, min, max),
			 errhint("%s", hint)));
}

static void
check_retention_days(Oid relid, int days)
{
	check_range(relid, "retention_days", days,
				POLICY_MIN_RETENTION_DAYS, POLICY_MAX_RETENTION_DAYS,
				"Rows are kept for at least 30 days and at most a year.");
}

static void
check_premake_months(Oid relid, int months)
{
	check_range(relid, "premake_months", months,
				POLICY_MIN_PREMAKE_MONTHS, POLICY_MAX_PREMAKE_MONTHS,
				"Partitions are made for at least one month ahead and at most two years.");
}

static int
required_int(FunctionCallInfo fcinfo, int n, const char *argument)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", argument),
				 errhint("Leave it out for its default.")));
	return PG_GETARG_INT32(n);
}

Oid
policy_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		return InvalidOid;
	if (!OidIsValid(PG_GETARG_OID(0)))
		relation_gone_error(InvalidOid);
	return PG_GETARG_OID(0);
}

void
policy_put_rows(FunctionCallInfo fcinfo, GuardedAction put_rows)
{
	Oid			relid = policy_argument(fcinfo);
	PolicyRows	rows = {(ReturnSetInfo *) fcinfo->resultinfo, InvalidOid};
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	if (OidIsValid(relid) && !may_monitor_relation(relid))
		check_relation_owner(relid);

	SPI_connect();
	foreach(lc, policy_relations(relid, may_monitor_relation))
	{
		rows.relid = lfirst_oid(lc);
		if (OidIsValid(relid))
			put_rows(&rows);
		else
			guard_or_warn(put_rows, &rows, rows.relid);
	}
	SPI_finish();
}

static void
no_policy_error(Oid relid)
{
	if (get_rel_name(relid) == NULL)
		relation_gone_error(relid);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("table \"%s\" has no retention policy", get_rel_name(relid)),
			 errhint("SELECT cvwiz.add_retention_policy(%s) gives it one.",
					 quote_literal_cstr(qualified_relation_name(relid)))));
}

/* ---- the SQL functions ---- */

/*
 * SQL: cvwiz.add_retention_policy(relation regclass, time_column name,
 *								   retention_days int, premake_months int)
 */
Datum
cvwiz_add_retention_policy(PG_FUNCTION_ARGS)
{
	Oid			relid = owned_relation_argument(fcinfo, AccessShareLock);
	char	   *name = PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1));
	int			retention_days = required_int(fcinfo, 2, "retention_days");
	int			premake_months = required_int(fcinfo, 3, "premake_months");
	TimeColumn	column;
	SavedPrivileges saved;
	QueryArgs	args = {0};
	uint64		inserted;

	check_retention_days(relid, retention_days);
	check_premake_months(relid, premake_months);

	time_column_for_policy(relid, name, &column);

	SPI_connect();
	check_incoming_foreign_keys(relid);

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	query_arg(&args, NAMEOID, NameGetDatum(&column.name));
	query_arg(&args, INT4OID, Int32GetDatum(retention_days));
	query_arg(&args, INT4OID, Int32GetDatum(premake_months));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(clock_now()));

	become_extension_owner(&saved);
	inserted = query_run_only("INSERT INTO cvwiz.retention_policy"
							  " (relation, time_column, retention_days, premake_months, added_at)"
							  " VALUES ($1, $2, $3, $4, $5)"
							  " ON CONFLICT DO NOTHING",
							  &args);
	restore_privileges(&saved);
	SPI_finish();

	if (inserted == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("table \"%s\" has a retention policy already", get_rel_name(relid)),
				 errhint("cvwiz.alter_retention_policy() changes it.")));

	if (!column.partitioned)
		ereport(NOTICE,
				(errmsg("table \"%s\" is not partitioned: expired rows will be deleted in batches",
						get_rel_name(relid)),
				 errhint("Converting it to monthly partitions is worthwhile: dropping a month costs nothing and leaves no dead rows.")));

	PG_RETURN_VOID();
}

/*
 * SQL: cvwiz.alter_retention_policy(relation regclass, retention_days int,
 *									 premake_months int, enabled boolean,
 *									 hold boolean)
 */
Datum
cvwiz_alter_retention_policy(PG_FUNCTION_ARGS)
{
	Oid			relid = owned_relation_argument(fcinfo, AccessShareLock);
	SavedPrivileges saved;
	QueryArgs	args = {0};
	uint64		updated;

	if (!PG_ARGISNULL(1))
		check_retention_days(relid, PG_GETARG_INT32(1));
	if (!PG_ARGISNULL(2))
		check_premake_months(relid, PG_GETARG_INT32(2));

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	query_arg_or_null(&args, INT4OID, PG_GETARG_DATUM(1), PG_ARGISNULL(1));
	query_arg_or_null(&args, INT4OID, PG_GETARG_DATUM(2), PG_ARGISNULL(2));
	query_arg_or_null(&args, BOOLOID, PG_GETARG_DATUM(3), PG_ARGISNULL(3));
	query_arg_or_null(&args, BOOLOID, PG_GETARG_DATUM(4), PG_ARGISNULL(4));

	SPI_connect();
	become_extension_owner(&saved);
	updated = query_run_only("UPDATE cvwiz.retention_policy"
							 " SET retention_days = coalesce($2, retention_days),"
							 " premake_months = coalesce($3, premake_months),"
							 " enabled = coalesce($4, enabled),"
							 " hold = coalesce($5, hold)"
							 " WHERE relation = $1",
							 &args);
	restore_privileges(&saved);
	SPI_finish();

	if (updated == 0)
		no_policy_error(relid);
	PG_RETURN_VOID();
}

/*
 * SQL: cvwiz.remove_retention_policy(relation regclass)
 */
Datum
cvwiz_remove_retention_policy(PG_FUNCTION_ARGS)
{
	Oid			relid = owned_relation_argument(fcinfo, AccessShareLock);
	SavedPrivileges saved;
	QueryArgs	args = {0};
	uint64		deleted;

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));

	SPI_connect();
	become_extension_owner(&saved);
	deleted = query_run_only("DELETE FROM cvwiz.retention_policy WHERE relation = $1",
							 &args);
	query_run_only("DELETE FROM cvwiz.detached_partition WHERE parent = $1", &args);
	restore_privileges(&saved);
	SPI_finish();

	if (deleted == 0)
		no_policy_error(relid);
	PG_RETURN_VOID();
}

/* ---- reading ---- */

RetentionPolicy *
policy_read(Oid relid, PolicyLock lock)
{
	RetentionPolicy *policy;
	SavedPrivileges saved;
	QueryArgs	args = {0};
	char		relkind = get_rel_relkind(relid);
	bool		isnull;
	uint64		found;

	if (relkind == '\0')
		return NULL;

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	become_extension_owner(&saved);
	found = query_run(lock == POLICY_SHARE ?
					  "SELECT time_column, retention_days, premake_months, enabled, hold"
					  " FROM cvwiz.retention_policy WHERE relation = $1 FOR SHARE" :
					  "SELECT time_column, retention_days, premake_months, enabled, hold"
					  " FROM cvwiz.retention_policy WHERE relation = $1",
					  &args);
	restore_privileges(&saved);
	if (found == 0)
	{
		SPI_freetuptable(SPI_tuptable);
		return NULL;
	}

	/* The policy of the table further up rules, and its hold. */
	if (get_rel_relispartition(relid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" has become a partition", get_rel_name(relid)),
				 errhint("Remove its own retention policy: the table that it belongs to can have one.")));

	policy = (RetentionPolicy *) palloc0(sizeof(RetentionPolicy));
	policy->relid = relid;
	namestrcpy(&policy->column.name, query_text(0, 1));
	policy->retention_days = DatumGetInt32(query_value(0, 2, &isnull));
	policy->premake_months = DatumGetInt32(query_value(0, 3, &isnull));
	policy->enabled = DatumGetBool(query_value(0, 4, &isnull));
	policy->hold = DatumGetBool(query_value(0, 5, &isnull));
	SPI_freetuptable(SPI_tuptable);

	if (relkind == RELKIND_PARTITIONED_TABLE)
		time_column_of_key(relid, &policy->column);
	else
		time_column_by_name(relid, pstrdup(NameStr(policy->column.name)),
							&policy->column);
	return policy;
}

RetentionPolicy *
policy_require(Oid relid)
{
	RetentionPolicy *policy = policy_read(relid, POLICY_READ);

	if (policy == NULL)
		no_policy_error(relid);
	return policy;
}

void
policy_check_enabled(Oid relid)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};
	bool		found;
	bool		enabled;
	bool		isnull;

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	become_extension_owner(&saved);
	found = query_run("SELECT enabled FROM cvwiz.retention_policy WHERE relation = $1",
					  &args) > 0;
	enabled = found && DatumGetBool(query_value(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);

	if (!found)
		no_policy_error(relid);
	if (!enabled)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the retention policy of table \"%s\" is disabled",
						get_rel_name(relid)),
				 errhint("cvwiz.alter_retention_policy(..., enabled => true) enables it.")));
}

List *
policy_relations(Oid relid, bool (*allowed) (Oid relid))
{
	SavedPrivileges saved;
	List	   *result = NIL;
	uint64		found;

	if (OidIsValid(relid))
		return list_make1_oid(relid);

	become_extension_owner(&saved);
	found = query_run("SELECT p.relation::pg_catalog.oid FROM cvwiz.retention_policy p"
					  " JOIN pg_catalog.pg_class c ON c.oid = p.relation"
					  " WHERE p.enabled"
					  " ORDER BY c.relnamespace::pg_catalog.regnamespace::pg_catalog.text, c.relname",
					  NULL);
	restore_privileges(&saved);

	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;
		Oid			candidate = DatumGetObjectId(query_value(i, 1, &isnull));

		if (allowed(candidate))
			result = lappend_oid(result, candidate);
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

TimestampTz
policy_cutoff(const RetentionPolicy *policy, TimestampTz now)
{
	TimestampTz cutoff = now - (TimestampTz) policy->retention_days * USECS_PER_DAY;

	/* The last day may not be over: a date expires as a whole. */
	if (policy->column.type == DATEOID)
	{
		TimestampTz time_of_day = cutoff % USECS_PER_DAY;

		cutoff -= time_of_day < 0 ? time_of_day + USECS_PER_DAY : time_of_day;
	}
	return cutoff;
}
