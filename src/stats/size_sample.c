/*-------------------------------------------------------------------------
 *
 * size_sample.c
 *		The tables cvwiz.size_sample and cvwiz.version_sample: what their
 *		writers share.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "privilege.h"
#include "query.h"
#include "settings.h"
#include "stats/size_sample.h"

#define SIZE_SAMPLE_DAYS 400

/* Catalogs, some pages: who takes longer is held up. */
#define MEASURE_TIMEOUT_MS 10000
#define ALL_TIMEOUT_MS 60000

/*
 * Each relation that has samples in a table, out of its index: one look for
 * each, however many samples it has.
 */
static char *
with_sampled_relations(const char *table)
{
	return psprintf("WITH RECURSIVE sampled (relation) AS ("
					" SELECT pg_catalog.min(relation) FROM cvwiz.%s"
					" UNION ALL"
					" SELECT (SELECT pg_catalog.min(n.relation) FROM cvwiz.%s n WHERE n.relation > s.relation)"
					" FROM sampled s WHERE s.relation IS NOT NULL)",
					table, table);
}

/* A kind of advisory lock that users cannot take, as in retention/run_lock.c. */
static bool
lock_samples(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, extension_table("size_sample"), 3);
	return LockAcquire(&tag, ExclusiveLock, false, true) != LOCKACQUIRE_NOT_AVAIL;
}

static void
prune(const char *table, TimestampTz now)
{
	const char *sampled = with_sampled_relations(table);
	SavedPrivileges saved;
	QueryArgs	args = {0};

	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now));

	become_extension_owner(&saved);
	query_run_only(psprintf("%s DELETE FROM cvwiz.%s d WHERE d.relation = ANY (ARRAY("
							"  SELECT s.relation FROM sampled s WHERE s.relation IS NOT NULL"
							"  AND NOT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = s.relation)))",
							sampled, table),
				   NULL);
	query_run_only(psprintf("%s DELETE FROM cvwiz.%s d WHERE d.relation = ANY (ARRAY("
							"  SELECT s.relation FROM sampled s WHERE s.relation IS NOT NULL))"
							" AND d.sampled_at < $1 - pg_catalog.make_interval(days => %d)",
							sampled, table, SIZE_SAMPLE_DAYS),
				   &args);
	restore_privileges(&saved);
}

int
size_sample_take(SampleTaker take, const char *table)
{
	TimestampTz now = clock_now();
	int			taken = 0;

	PreventCommandDuringRecovery("cvwiz.sample_sizes()");
	SPI_connect();
	if (lock_samples())
		taken = take(now);
	if (taken > 0)
		prune(table, now);
	SPI_finish();
	return taken;
}

/*
 * Code of a table's owner may sleep.  A statement_timeout of the session's own
 * is left as it is, and ends everything.
 */
static int
start_timeout(void)
{
	int			limit = Min(setting_step_timeout, MEASURE_TIMEOUT_MS);

	if (limit == 0 || get_timeout_active(STATEMENT_TIMEOUT))
		return 0;
	enable_timeout_after(STATEMENT_TIMEOUT, limit);
	return limit;
}

static bool
has_taken(instr_time started, int ms)
{
	instr_time	duration;

	INSTR_TIME_SET_CURRENT(duration);
	INSTR_TIME_SUBTRACT(duration, started);
	return INSTR_TIME_GET_MILLISEC(duration) >= ms;
}

bool
size_sample_measure(GuardedAction action, void *arg, Oid relid, const char *warning)
{
	int			timeout = start_timeout();
	instr_time	started;
	ErrorData  *error;

	INSTR_TIME_SET_CURRENT(started);
	error = guard_and_undo(action, arg);
	if (timeout > 0)
		disable_timeout(STATEMENT_TIMEOUT, false);

	if (error == NULL)
		return true;
	if (is_stop_request(error) && !(timeout > 0 && has_taken(started, timeout) &&
									error->sqlerrcode == ERRCODE_QUERY_CANCELED))
		ReThrowError(error);
	if (warning != NULL && get_rel_name(relid) != NULL)
		ereport(WARNING,
				(errcode(error->sqlerrcode),
				 errmsg("%s of table \"%s\": %s", warning, get_rel_name(relid), error->message),
				 error->detail ? errdetail_internal("%s", error->detail) : 0,
				 error->hint ? errhint("%s", error->hint) : 0));
	return false;
}

bool
size_sample_is_late(instr_time started)
{
	return has_taken(started, ALL_TIMEOUT_MS);
}
