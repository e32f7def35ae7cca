/*-------------------------------------------------------------------------
 *
 * database.c
 *		The worker of one database: runs what is due, and ends.
 *
 * It is connected as the bootstrap superuser.  Every step on a user's table
 * runs as that table's owner; see privilege.h.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "tcop/pquery.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/resowner.h"

#include "background/spawn.h"
#include "query.h"
#include "retention/retention.h"
#include "scheduler/scheduler.h"
#include "settings.h"
#include "snapshot/version_repack.h"
#include "stats/counters.h"

/*
 * SPI_commit() goes with a portal, which keeps the snapshot and the memory of
 * a procedure; a worker has none.  Created outside of a transaction and one
 * level down, it is left alone by the end of each.
 */
static void
open_portal(void)
{
	Portal		portal = CreatePortal("", true, true);

	/* made for a transaction, of which there is none yet */
	ResourceOwnerDelete(portal->resowner);
	portal->resowner = NULL;
	portal->visible = false;
	portal->createLevel = 1;
	ActivePortal = portal;
	PortalContext = portal->portalContext;
}

DatabaseState
database_state(void)
{
	char	   *version;

	if (query_run("SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'cvwiz'",
				  NULL) == 0)
		return DATABASE_WITHOUT_EXTENSION;

	version = query_text(0, 1);
	return strcmp(version, CVWIZ_VERSION) == 0 ? DATABASE_SERVED : DATABASE_OTHER_VERSION;
}

static List *
list_due_policies(void)
{
	return query_oids("SELECT p.relation::pg_catalog.oid FROM cvwiz.retention_policies p"
					  " WHERE p.next_run <= cvwiz.clock()"
					  " ORDER BY p.next_run, p.relation",
					  NULL);
}

static void
log_result(const RunResult *result)
{
	if (result->skipped)
		return;

	ereport(result->success || result->hold ? LOG : WARNING,
			(errmsg("retention of table %s in database \"%s\": %s",
					result->relation_name, get_database_name(MyDatabaseId),
					result->success ? "success" : result->error),
			 errdetail(INT64_FORMAT " rows deleted, partitions: %d made, %d detached, %d dropped.",
					   result->deleted, result->created, result->detached, result->dropped)));
}

/*
 * A table whose run cannot even be recorded, or is cancelled, must not keep
 * the others from theirs.  False, then.
 */
static bool
run_policy(Oid relid, MemoryContext context)
{
	volatile bool recorded = false;

	PG_TRY();
	{
		RunResult	result;

		pgstat_report_activity(STATE_RUNNING,
							   psprintf("cvwiz: retention of %s",
										qualified_relation_name(relid) ?
										qualified_relation_name(relid) : "a dropped table"));
		retention_run(relid, RUN_BY_WORKER, context, &result);
		log_result(&result);
		if (!result.skipped)
			counters_worker(WORKER_RUN);
		recorded = true;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		EmitErrorReport();
		FlushErrorState();
		SPI_rollback();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return recorded;
}

/* Begins in a transaction; false if anything was not recorded. */
static bool
run_due_policies(MemoryContext context)
{
	List	   *due = list_due_policies();
	ListCell   *lc;
	bool		recorded = true;

	SPI_commit();
	MemoryContextSwitchTo(context);

	foreach(lc, due)
	{
		if (!run_policy(lfirst_oid(lc), context))
			recorded = false;
	}
	return recorded;
}

/* The version store's housekeeping. */
static void
repack_versions(MemoryContext context)
{
	RepackRequest request = {.by_worker = true,.all = true};
	RepackResult result;
	bool		due = version_repack_is_due();

	SPI_commit();
	MemoryContextSwitchTo(context);
	if (!due)
		return;

	pgstat_report_activity(STATE_RUNNING, "cvwiz: repacking versions");
	version_repack(&request, context, &result);
	if (result.failed > 0)
		ereport(WARNING,
				(errmsg("repacking versions failed for " INT64_FORMAT " chains in database \"%s\": %s",
						result.failed, get_database_name(MyDatabaseId), result.error),
				 errhint("The others are done; cvwiz.verify_versions() tells which versions cannot be read.")));
}

static void
do_round(MemoryContext context)
{
	bool		recorded = false;

	counters_worker(WORKER_ROUND);
	PG_TRY();
	{
		recorded = run_due_policies(context);
		repack_versions(context);
	}
	PG_CATCH();
	{
		counters_worker(WORKER_FAILED_ROUND);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (!recorded)
		counters_worker(WORKER_FAILED_ROUND);
}

void
cvwiz_database_main(Datum arg)
{
	MemoryContext context;
	DatabaseState state;
	Oid			database;

	memcpy(&database, MyBgworkerEntry->bgw_extra, sizeof(Oid));
	spawn_connect(database, InvalidOid);
	if (RecoveryInProgress())
		return;

	context = AllocSetContextCreate(TopMemoryContext, "cvwiz worker",
									ALLOCSET_DEFAULT_SIZES);

	open_portal();
	StartTransactionCommand();
	SPI_connect_ext(SPI_OPT_NONATOMIC);
	MemoryContextSwitchTo(context);

	pgstat_report_activity(STATE_RUNNING, "cvwiz: looking for what is due");
	state = database_state();
	launcher_report(DatumGetInt32(arg), state);
	if (state == DATABASE_SERVED)
		do_round(context);
	else
		SPI_commit();

	SPI_finish();
	CommitTransactionCommand();
	pgstat_report_activity(STATE_IDLE, NULL);
}
