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
#include "retention/archive_directory.h"
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

void
policy_check_retention_days(Oid relid, int days)
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

/* The time a detached partition stays; the greatest one keeps sums in range. */
static void
check_drop_after(Oid relid, const Interval *value)
{
	Interval	greatest = {.month = 100 * MONTHS_PER_YEAR};

	if (value->month >= 0 && value->day >= 0 && value->time >= 0 &&
		DatumGetInt32(DirectFunctionCall2(interval_cmp,
										  IntervalPGetDatum(unconstify(Interval *, value)),
										  IntervalPGetDatum(&greatest))) <= 0)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("drop_after of table \"%s\" would be \"%s\", outside the range from 0 to 100 years",
					get_rel_name(relid),
					DatumGetCString(DirectFunctionCall1(interval_out,
														IntervalPGetDatum(unconstify(Interval *, value))))),
			 errhint("A detached partition is kept for that long before it is dropped; '0' drops it at once.")));
}

static void
check_granularity(Oid relid, const char *granularity)
{
	if (strcmp(granularity, "row") == 0 || strcmp(granularity, "partition") == 0)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("granularity of table \"%s\" would be \"%s\", which is neither row nor partition",
					get_rel_name(relid), granularity),
			 errhint("'row' keeps exactly retention_days; 'partition' lets only whole expired partitions go.")));
}

/* of an interval none of whose fields is negative */
static bool
is_no_time(const Interval *value)
{
	return value->month == 0 && value->day == 0 && value->time == 0;
}

/* What is about whole partitions, and does not go together with the table. */
static void
check_expiry(Oid relid, bool partitioned, const char *granularity,
			 const char *archive_to, const Interval *drop_after)
{
	bool		whole = strcmp(granularity, "partition") == 0;
	bool		waits = !is_no_time(drop_after);

	if (archive_to != NULL && !whole)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("archive_to of table \"%s\" needs granularity => 'partition'", get_rel_name(relid)),
				 errdetail("Rows that a purge deletes one by one would be in no archive."),
				 errhint("Give granularity => 'partition', or archive_to => '' to archive nothing.")));

	if (!partitioned && (whole || waits))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" is not partitioned: it has no partitions to %s",
						get_rel_name(relid),
						archive_to != NULL ? "archive" : whole ? "expire as a whole" : "keep for drop_after"),
				 errhint("Its policy has granularity 'row', no archive_to, and drop_after '0'.")));
}

/* An archive of the rows would have stubs, whose documents go with the table. */
static void
check_archives_documents(Oid relid, const char *archive_to)
{
	QueryArgs	args = {0};

	if (archive_to == NULL)
		return;
	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	if (query_run_only("SELECT FROM cvwiz.version_stores s WHERE s.relation = $1", &args) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("table \"%s\" has a version store: its rows cannot be archived", get_rel_name(relid)),
			 errdetail("The archive would have stubs, and their documents would be dropped with the partition."),
			 errhint("Leave archive_to out, or take the store away with cvwiz.remove_version_store().")));
}

static void
required_argument(FunctionCallInfo fcinfo, int n, const char *argument)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", argument),
				 errhint("Leave it out for its default.")));
}

static int
required_int(FunctionCallInfo fcinfo, int n, const char *argument)
{
	required_argument(fcinfo, n, argument);
	return PG_GETARG_INT32(n);
}

static char *
text_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* An argument archive_to that is given: checked, NULL for the empty string. */
static char *
directory_argument(FunctionCallInfo fcinfo, int n)
{
	char	   *path = text_argument(fcinfo, n);

	archive_check_privilege();
	return path[0] == '\0' ? NULL : archive_clean_directory(path);
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
 *								   retention_days int, premake_months int,
 *								   granularity text, archive_to text,
 *								   drop_after interval)
 */
Datum
cvwiz_add_retention_policy(PG_FUNCTION_ARGS)
{
	Oid			relid = owned_relation_argument(fcinfo, AccessShareLock);
	char	   *name = PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1));
	int			retention_days = required_int(fcinfo, 2, "retention_days");
	int			premake_months = required_int(fcinfo, 3, "premake_months");
	char	   *granularity;
	char	   *archive_to;
	Interval   *drop_after;
	TimeColumn	column;
	SavedPrivileges saved;
	QueryArgs	args = {0};
	uint64		inserted;

	required_argument(fcinfo, 4, "granularity");
	granularity = text_argument(fcinfo, 4);
	required_argument(fcinfo, 6, "drop_after");
	drop_after = PG_GETARG_INTERVAL_P(6);

	policy_check_retention_days(relid, retention_days);
	check_premake_months(relid, premake_months);
	check_granularity(relid, granularity);
	check_drop_after(relid, drop_after);

	time_column_for_policy(relid, name, &column);
	archive_to = PG_ARGISNULL(5) ? NULL : directory_argument(fcinfo, 5);
	check_expiry(relid, column.partitioned, granularity, archive_to, drop_after);

	SPI_connect();
	check_archives_documents(relid, archive_to);
	check_incoming_foreign_keys(relid);

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	query_arg(&args, NAMEOID, NameGetDatum(&column.name));
	query_arg(&args, INT4OID, Int32GetDatum(retention_days));
	query_arg(&args, INT4OID, Int32GetDatum(premake_months));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(clock_now()));
	query_arg(&args, TEXTOID, CStringGetTextDatum(granularity));
	query_text_arg(&args, archive_to);
	query_arg(&args, INTERVALOID, IntervalPGetDatum(drop_after));

	become_extension_owner(&saved);
	inserted = query_run_only("INSERT INTO cvwiz.retention_policy"
							  " (relation, time_column, retention_days, premake_months, added_at,"
							  " granularity, archive_to, drop_after)"
							  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
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
				 errhint("CALL cvwiz.partition_by_month() makes it one with monthly partitions: dropping a month costs nothing and leaves no dead rows.")));

	PG_RETURN_VOID();
}

/* What alter_retention_policy() leaves as it is, under the row's lock. */
typedef struct ExpirySettings
{
	char	   *granularity;
	char	   *archive_to;
	Interval   *drop_after;
} ExpirySettings;

static void
lock_expiry_settings(Oid relid, ExpirySettings *settings)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};
	bool		isnull;
	uint64		found;

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	become_extension_owner(&saved);
	found = query_run("SELECT granularity, archive_to, drop_after FROM cvwiz.retention_policy"
					  " WHERE relation = $1 FOR NO KEY UPDATE",
					  &args);
	restore_privileges(&saved);
	if (found == 0)
		no_policy_error(relid);

	settings->granularity = query_text(0, 1);
	settings->archive_to = query_text(0, 2);
	settings->drop_after = (Interval *) palloc(sizeof(Interval));
	*settings->drop_after = *DatumGetIntervalP(query_value(0, 3, &isnull));
	SPI_freetuptable(SPI_tuptable);
}

/* Rows that a hold keeps, and that are not in the table any more. */
static void
warn_of_detached(Oid relid)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};
	char	   *names;

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	become_extension_owner(&saved);
	query_run("SELECT pg_catalog.string_agg(relation::pg_catalog.text, ', ' ORDER BY range_start)"
			  " FROM cvwiz.detached_partition WHERE parent = $1 AND (pending OR detached_at IS NOT NULL)",
			  &args);
	names = query_text(0, 1);
	restore_privileges(&saved);
	if (names != NULL)
		ereport(WARNING,
				(errmsg("partitions of table \"%s\" are detached already, or are about to be: %s",
						get_rel_name(relid), names),
				 errhint("The hold keeps them from being dropped; cvwiz.reattach_partition() takes them back.")));
	SPI_freetuptable(SPI_tuptable);
}

/*
 * SQL: cvwiz.alter_retention_policy(relation regclass, retention_days int,
 *									 premake_months int, enabled boolean,
 *									 hold boolean, granularity text,
 *									 archive_to text, drop_after interval)
 */
Datum
cvwiz_alter_retention_policy(PG_FUNCTION_ARGS)
{
	Oid			relid = owned_relation_argument(fcinfo, AccessShareLock);
	ExpirySettings expiry;
	SavedPrivileges saved;
	QueryArgs	args = {0};

	if (!PG_ARGISNULL(1))
		policy_check_retention_days(relid, PG_GETARG_INT32(1));
	if (!PG_ARGISNULL(2))
		check_premake_months(relid, PG_GETARG_INT32(2));

	SPI_connect();
	lock_expiry_settings(relid, &expiry);
	if (!PG_ARGISNULL(5))
	{
		expiry.granularity = text_argument(fcinfo, 5);
		check_granularity(relid, expiry.granularity);
	}
	if (!PG_ARGISNULL(6))
	{
		expiry.archive_to = directory_argument(fcinfo, 6);
		check_archives_documents(relid, expiry.archive_to);
	}
	if (!PG_ARGISNULL(7))
	{
		expiry.drop_after = PG_GETARG_INTERVAL_P(7);
		check_drop_after(relid, expiry.drop_after);
	}
	if (!PG_ARGISNULL(5) || !PG_ARGISNULL(6) || !PG_ARGISNULL(7))
		check_expiry(relid, get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE,
					 expiry.granularity, expiry.archive_to, expiry.drop_after);

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	query_arg_or_null(&args, INT4OID, PG_GETARG_DATUM(1), PG_ARGISNULL(1));
	query_arg_or_null(&args, INT4OID, PG_GETARG_DATUM(2), PG_ARGISNULL(2));
	query_arg_or_null(&args, BOOLOID, PG_GETARG_DATUM(3), PG_ARGISNULL(3));
	query_arg_or_null(&args, BOOLOID, PG_GETARG_DATUM(4), PG_ARGISNULL(4));
	query_arg(&args, TEXTOID, CStringGetTextDatum(expiry.granularity));
	query_text_arg(&args, expiry.archive_to);
	query_arg(&args, INTERVALOID, IntervalPGetDatum(expiry.drop_after));

	become_extension_owner(&saved);
	query_run_only("UPDATE cvwiz.retention_policy"
				   " SET retention_days = coalesce($2, retention_days),"
				   " premake_months = coalesce($3, premake_months),"
				   " enabled = coalesce($4, enabled),"
				   " hold = coalesce($5, hold),"
				   " granularity = $6, archive_to = $7, drop_after = $8"
				   " WHERE relation = $1",
				   &args);
	restore_privileges(&saved);
	if (!PG_ARGISNULL(4) && PG_GETARG_BOOL(4))
		warn_of_detached(relid);
	SPI_finish();
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

#define READ_POLICY \
	"SELECT time_column, retention_days, premake_months, enabled, hold," \
	" granularity = 'partition', archive_to, drop_after" \
	" FROM cvwiz.retention_policy WHERE relation = $1"

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
	found = query_run(lock == POLICY_SHARE ? READ_POLICY " FOR SHARE" : READ_POLICY, &args);
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
	policy->whole_partitions = DatumGetBool(query_value(0, 6, &isnull));
	policy->archive_to = query_text(0, 7);
	policy->drop_after = *DatumGetIntervalP(query_value(0, 8, &isnull));
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
	List	   *result;
	ListCell   *lc;

	if (OidIsValid(relid))
		return list_make1_oid(relid);

	become_extension_owner(&saved);
	result = query_oids("SELECT p.relation::pg_catalog.oid FROM cvwiz.retention_policy p"
						" JOIN pg_catalog.pg_class c ON c.oid = p.relation"
						" WHERE p.enabled"
						" ORDER BY c.relnamespace::pg_catalog.regnamespace::pg_catalog.text, c.relname",
						NULL);
	restore_privileges(&saved);

	foreach(lc, result)
	{
		if (!allowed(lfirst_oid(lc)))
			result = foreach_delete_current(result, lc);
	}
	return result;
}

bool
policy_drops_at_once(const RetentionPolicy *policy)
{
	return is_no_time(&policy->drop_after);
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

TimestampTz
policy_expiry_limit(const RetentionPolicy *policy, TimestampTz cutoff)
{
	ListCell   *lc;

	if (!policy->whole_partitions)
		return cutoff;

	foreach(lc, partition_ranges(policy->relid))
	{
		PartitionRange *partition = (PartitionRange *) lfirst(lc);

		if (!partition->is_default &&
			partition->range.lower <= cutoff && cutoff < partition->range.upper)
			return partition->range.lower;
	}
	return cutoff;
}
