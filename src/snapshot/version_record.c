/*-------------------------------------------------------------------------
 *
 * version_record.c
 *		The log of the version store's housekeeping.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "privilege.h"
#include "query.h"
#include "snapshot/version_repack.h"

/* As the log of retention runs. */
#define REPACK_LOG_DAYS "400"

int64
repack_record_start(bool by_worker)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};
	int64		run_id;
	bool		isnull;

	become_extension_owner(&saved);
	query_run_only("DELETE FROM cvwiz.version_repack"
				   " WHERE started_at < cvwiz.clock() - pg_catalog.make_interval(days => " REPACK_LOG_DAYS ")",
				   NULL);
	query_text_arg(&args, by_worker ? "worker" : "call");
	query_arg(&args, INT4OID, Int32GetDatum(MyProcPid));
	(void) query_run("INSERT INTO cvwiz.version_repack (origin, pid, started_at)"
					 " VALUES ($1, $2, cvwiz.clock()) RETURNING run_id",
					 &args);
	run_id = DatumGetInt64(query_value(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
	return run_id;
}

void
repack_record_end(int64 run_id, const RepackResult *result)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};

	become_extension_owner(&saved);
	query_arg(&args, INT8OID, Int64GetDatum(run_id));
	query_arg(&args, INT8OID, Int64GetDatum(result->chains));
	query_arg(&args, INT8OID, Int64GetDatum(result->freed.versions));
	query_arg(&args, INT8OID, Int64GetDatum(result->freed.bytes));
	query_arg(&args, INT8OID, Int64GetDatum(result->rebased));
	query_arg(&args, INT8OID, Int64GetDatum(result->orphans));
	query_arg(&args, INT8OID, Int64GetDatum(result->failed));
	query_text_arg(&args, result->error);
	query_run_only("UPDATE cvwiz.version_repack SET finished_at = cvwiz.clock(), success = $7 = 0,"
				   " chains = $2, freed_versions = $3, freed_bytes = $4, rebased_versions = $5,"
				   " orphaned_versions = $6, failed = $7, error = $8"
				   " WHERE run_id = $1",
				   &args);
	restore_privileges(&saved);
}

/* Once a day, as a policy; not where there is no store. */
bool
version_repack_is_due(void)
{
	bool		isnull;
	bool		due;

	(void) query_run("SELECT EXISTS (SELECT FROM cvwiz.version_source) AND"
					 " cvwiz.next_run(cvwiz.clock() - interval '24 hours', s.started_at,"
					 "  (SELECT max(r.started_at) FROM cvwiz.version_repack r),"
					 "  (SELECT count(*)::int FROM cvwiz.version_repack r"
					 "   WHERE r.origin = 'worker' AND (s.run_id IS NULL OR r.run_id > s.run_id)))"
					 " <= cvwiz.clock()"
					 " FROM (SELECT) one LEFT JOIN LATERAL ("
					 "  SELECT r.run_id, r.started_at FROM cvwiz.version_repack r"
					 "  WHERE r.origin = 'worker' AND r.success ORDER BY r.run_id DESC LIMIT 1) s ON true",
					 NULL);
	due = DatumGetBool(query_value(0, 1, &isnull)) && !isnull;
	SPI_freetuptable(SPI_tuptable);
	return due;
}
