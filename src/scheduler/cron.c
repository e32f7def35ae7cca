/*-------------------------------------------------------------------------
 *
 * cron.c
 *		Having pg_cron call cvwiz.run_retention(), instead of the worker.
 *
 * Everything happens with the caller's rights: the job is the caller's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "query.h"

PG_FUNCTION_INFO_V1(cvwiz_schedule_retention);
PG_FUNCTION_INFO_V1(cvwiz_unschedule_retention);

/* Jobs of all databases are kept in one, by name and user. */
static Datum
job_name(void)
{
	return CStringGetTextDatum(psprintf("cvwiz retention %s", get_database_name(MyDatabaseId)));
}

static void
check_pg_cron(void)
{
	if (OidIsValid(get_extension_oid("pg_cron", true)))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("extension \"pg_cron\" is not installed in this database"),
			 errhint("In postgresql.conf: shared_preload_libraries = 'pg_cron' (and cron.database_name, if it is not postgres); restart; then here:\n"
					 "CREATE EXTENSION pg_cron;")));
}

/*
 * SQL: cvwiz.schedule_retention(schedule text) RETURNS bigint
 */
Datum
cvwiz_schedule_retention(PG_FUNCTION_ARGS)
{
	QueryArgs	args = {0};
	bool		isnull;
	int64		job;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("schedule must not be null"),
				 errhint("Leave it out for its default, '0 3 * * *'.")));
	check_pg_cron();

	query_arg(&args, TEXTOID, job_name());
	query_arg(&args, TEXTOID, PG_GETARG_DATUM(0));
	query_arg(&args, TEXTOID, CStringGetTextDatum("CALL cvwiz.run_retention()"));

	/* pg_cron replaces a job of the same name and user */
	SPI_connect();
	query_run("SELECT cron.schedule($1, $2, $3)", &args);
	job = DatumGetInt64(query_value(0, 1, &isnull));
	SPI_finish();

	PG_RETURN_INT64(job);
}

/*
 * SQL: cvwiz.unschedule_retention() RETURNS boolean
 */
Datum
cvwiz_unschedule_retention(PG_FUNCTION_ARGS)
{
	QueryArgs	args = {0};
	uint64		jobs;

	check_pg_cron();
	query_arg(&args, TEXTOID, job_name());

	SPI_connect();
	jobs = query_run("SELECT cron.unschedule(jobid) FROM cron.job"
					 " WHERE jobname = $1 AND username = current_user",
					 &args);
	SPI_finish();

	PG_RETURN_BOOL(jobs > 0);
}
