/*-------------------------------------------------------------------------
 *
 * statistics.c
 *		What a table with a policy holds: counted, not estimated.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "clock.h"
#include "guard.h"
#include "privilege.h"
#include "query.h"
#include "retention/bounds.h"
#include "retention/policy.h"
#include "stats/tree_size.h"

PG_FUNCTION_INFO_V1(cvwiz_log_statistics);
PG_FUNCTION_INFO_V1(cvwiz_count_null_times);

static void
put_statistics(void *arg)
{
	PolicyRows *output = (PolicyRows *) arg;
	RetentionPolicy *policy = policy_require(output->relid);
	TimestampTz cutoff = policy_cutoff(policy, clock_now());
	const char *column = quote_identifier(NameStr(policy->column.name));
	const char *to_utc = policy->column.type == TIMESTAMPTZOID ? "" :
		policy->column.type == DATEOID ?
		"::pg_catalog.timestamp AT TIME ZONE 'UTC'" : " AT TIME ZONE 'UTC'";
	SavedPrivileges saved;
	TreeSize	size;
	Datum		values[10];
	bool		nulls[10] = {false};

	if (!lock_as_owner(policy->relid, AccessShareLock, &saved))
		relation_gone_error(policy->relid);
	check_tree_owner(policy->relid);
	query_run(psprintf("SELECT count(*), count(*) FILTER (WHERE %1$s < %2$s),"
					   " min(%1$s)%3$s, max(%1$s)%3$s,"
					   " CASE WHEN isfinite(min(%1$s)) AND isfinite(max(%1$s)) THEN"
					   " round(count(*) / greatest(1, extract(epoch FROM max(%1$s)%3$s - min(%1$s)%3$s) / 86400), 2) END"
					   " FROM %4$s",
					   column, time_literal(policy_expiry_limit(policy, cutoff), policy->column.type), to_utc,
					   qualified_relation_name(policy->relid)),
			  NULL);
	values[0] = ObjectIdGetDatum(policy->relid);
	values[1] = query_value(0, 1, &nulls[1]);
	values[2] = query_value(0, 2, &nulls[2]);
	values[3] = query_value(0, 3, &nulls[3]);
	values[4] = query_value(0, 4, &nulls[4]);
	values[9] = query_value(0, 5, &nulls[9]);
	if (!nulls[9])
		values[9] = NumericGetDatum(DatumGetNumericCopy(values[9]));
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);

	tree_size_measure(policy->relid, &size);
	values[5] = Int64GetDatum(size.total_bytes);
	values[6] = Int32GetDatum(policy->column.partitioned ?
							  list_length(partition_ranges(policy->relid)) : 0);
	values[7] = Int32GetDatum(policy->retention_days);
	values[8] = TimestampTzGetDatum(cutoff);
	tuplestore_putvalues(output->rsinfo->setResult, output->rsinfo->setDesc, values, nulls);
}

/*
 * SQL: cvwiz.log_statistics(relation regclass)
 *
 * Reads every row of the table; infinite times make rows_per_day NULL.
 */
Datum
cvwiz_log_statistics(PG_FUNCTION_ARGS)
{
	policy_put_rows(fcinfo, put_statistics);
	return (Datum) 0;
}

typedef struct NullTimes
{
	Oid			relid;
	int64		count;
} NullTimes;

static void
count_null_times(void *arg)
{
	NullTimes  *nulls = (NullTimes *) arg;
	RetentionPolicy *policy = policy_require(nulls->relid);
	SavedPrivileges saved;
	bool		isnull;

	if (!lock_as_owner(policy->relid, AccessShareLock, &saved))
		relation_gone_error(policy->relid);
	check_tree_owner(policy->relid);
	query_run(psprintf("SELECT count(*) FROM %s WHERE %s IS NULL",
					   qualified_relation_name(policy->relid),
					   quote_identifier(NameStr(policy->column.name))),
			  NULL);
	nulls->count = DatumGetInt64(query_value(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
}

/*
 * SQL: cvwiz.count_null_times(relation regclass) RETURNS bigint
 *
 * For health(): NULL where they can't be counted.
 */
Datum
cvwiz_count_null_times(PG_FUNCTION_ARGS)
{
	NullTimes	nulls = {PG_GETARG_OID(0), -1};
	ErrorData  *error;

	if (!may_monitor_relation(nulls.relid))
		check_relation_owner(nulls.relid);

	SPI_connect();
	error = guard(count_null_times, &nulls);
	if (error != NULL && is_stop_request(error))
		ReThrowError(error);
	SPI_finish();

	if (error != NULL)
		PG_RETURN_NULL();
	PG_RETURN_INT64(nulls.count);
}
