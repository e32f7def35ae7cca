/*-------------------------------------------------------------------------
 *
 * toplevel.c
 *		One utility statement at top level, in a worker connected as a role.
 *
 * SPI never passes PROCESS_UTILITY_TOPLEVEL, so what must not run in a
 * transaction block can't go through it.  The worker does what the server's
 * main loop does with a simple query: parse, analyze, plan, a real portal
 * (DETACH allocates in its context; hooks and event triggers see what they
 * are used to).  It is connected as the role itself, because the security
 * context of a borrowed one does not survive the statement's own commits.
 *
 * Request and answer lie in a dynamic shared memory segment, so nothing here
 * needs shared_preload_libraries.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "storage/dsm.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "background/spawn.h"
#include "background/toplevel.h"
#include "compat.h"
#include "guard.h"
#include "privilege.h"
#include "query.h"
#include "settings.h"

#define TEXT_LENGTH 2048		/* of each text of an error */

#define WATCH_INTERVAL_MS 50

typedef enum ToplevelState
{
	TOPLEVEL_AT_WORK,
	TOPLEVEL_DONE,
	TOPLEVEL_FAILED
} ToplevelState;

/* Written by the one before the other begins, or after it has ended. */
typedef struct ToplevelShared
{
	Oid			database;
	Oid			role;
	int			timeout;		/* milliseconds, as in the request */
	int			lock_timeout;	/* milliseconds, cvwiz.lock_timeout */
	bool		quote_all;		/* how the names are quoted */
	int			nrelations;
	Oid			relations[TOPLEVEL_MAX_RELATIONS];

	ToplevelState state;
	int			sqlerrcode;
	char		message[TEXT_LENGTH];
	char		detail[TEXT_LENGTH];
	char		hint[TEXT_LENGTH];

	/* statement, prepare, cvwiz.now, names: one after another */
	char		texts[FLEXIBLE_ARRAY_MEMBER];
} ToplevelShared;

PGDLLEXPORT void cvwiz_toplevel_main(Datum arg);

/* The worker's own: */
static ToplevelShared *worker_shared = NULL;
static volatile sig_atomic_t waited_in_the_way = 0;	/* ticks */
static volatile sig_atomic_t gave_way = false;
static emit_log_hook_type prev_emit_log_hook = NULL;

bool
toplevel_in_worker(void)
{
	return worker_shared != NULL;
}

/* ---- the worker ---- */

/* What does not fit is left out, in whole characters. */
static void
copy_text(char *to, const char *from)
{
	int			length = from ? pg_mbcliplen(from, strlen(from), TEXT_LENGTH - 1) : 0;

	memcpy(to, from ? from : "", length);
	to[length] = '\0';
}

/* The first error counts: what follows it is its consequence. */
static void
report_error(const ErrorData *error)
{
	bool		lock_timeout = gave_way && error->sqlerrcode == ERRCODE_QUERY_CANCELED;

	if (worker_shared->state != TOPLEVEL_AT_WORK)
		return;
	worker_shared->sqlerrcode = lock_timeout ? ERRCODE_LOCK_NOT_AVAILABLE : error->sqlerrcode;
	copy_text(worker_shared->message,
			  lock_timeout ? "canceling statement due to lock timeout" : error->message);
	copy_text(worker_shared->detail, error->detail);
	copy_text(worker_shared->hint, error->hint);
	pg_write_barrier();
	worker_shared->state = TOPLEVEL_FAILED;
}

/* What ends the process, a refused connection for one, can't be caught. */
static void
report_fatal(ErrorData *error)
{
	if (prev_emit_log_hook)
		prev_emit_log_hook(error);
	if (error->elevel >= FATAL)
		report_error(error);
}

static const char *
next_text(const char **position)
{
	const char *text = *position;

	*position += strlen(text) + 1;
	return text;
}

static void
limit_lock_wait_to(int ms)
{
	char		value[32];

	snprintf(value, sizeof(value), "%d", ms);
	SetConfigOption("lock_timeout", value, PGC_USERSET, PGC_S_SESSION);
}

/*
 * A concurrent detach, or index build, waits for transactions, however long,
 * and holds nobody up.  Where it waits for a table's lock that writers have to
 * queue behind (the partition's own, tables that it refers to) it gives way
 * after cvwiz.lock_timeout, which the server's lock_timeout, being for both,
 * can't do.  What is left pending then is for FINALIZE.
 */
static void
watch_lock_wait(void)
{
	/* shared memory may be gone */
	if (proc_exit_inprogress)
		return;
	if (MyProc->wait_event_info != (PG_WAIT_LOCK | LOCKTAG_RELATION) ||
		MyProc->waitLockMode < ShareLock)
	{
		waited_in_the_way = 0;
		return;
	}
	if (++waited_in_the_way * WATCH_INTERVAL_MS <= worker_shared->lock_timeout)
		return;
	gave_way = true;
	kill(MyProcPid, SIGINT);
}

static void
start_watch(void)
{
	enable_timeout_every(RegisterTimeout(USER_TIMEOUT, watch_lock_wait),
						 TimestampTzPlusMilliseconds(GetCurrentTimestamp(), WATCH_INTERVAL_MS),
						 WATCH_INTERVAL_MS);
}

/*
 * Holds the relations' names for as long as the process lives.  A name is
 * taken away under ACCESS EXCLUSIVE only, so the weakest lock will do, which
 * the statement's own wait for others does not see, being ours.
 */
static void
pin_relations(const ToplevelShared *shared, const char *names)
{
	limit_lock_wait_to(shared->lock_timeout);
	quote_all_identifiers = shared->quote_all;
	for (int i = 0; i < shared->nrelations; i++)
	{
		Oid			relid = shared->relations[i];
		LockRelId	lock = {.relId = relid, .dbId = MyDatabaseId};
		const char *expected = next_text(&names);
		char	   *name;

		LockRelationOid(relid, AccessShareLock);
		LockRelationIdForSession(&lock, AccessShareLock);

		name = qualified_relation_name(relid);
		if (name == NULL || strcmp(name, expected) != 0 ||
			(i == 0 && relation_owner(relid) != shared->role))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("table %s was renamed, dropped or given to another role in the meantime",
							expected),
					 errhint("The next run tries again.")));
	}
	limit_lock_wait_to(0);
}

/* An error has done so by itself. */
static void
unpin_relations(const ToplevelShared *shared)
{
	for (int i = 0; i < shared->nrelations; i++)
	{
		LockRelId	lock = {.relId = shared->relations[i], .dbId = MyDatabaseId};

		UnlockRelationIdForSession(&lock, AccessShareLock);
	}
}

/* With SPI, but no snapshot: that would have to be gone when the statement begins. */
static void
prepare_statement(const char *function, const ToplevelShared *shared)
{
	ToplevelPrepare prepare;

	if (function[0] == '\0')
		return;
	prepare = (ToplevelPrepare) load_external_function("cvwiz", function, true, NULL);
	SPI_connect();
	prepare(shared->relations);
	SPI_finish();
	CommandCounterIncrement();
}

/*
 * The parse tree and the portal outlive the commits in the middle of the
 * statement.
 */
static void
run_at_top_level(const char *sql)
{
	List	   *raw;
	List	   *plans;
	Portal		portal;

	raw = pg_parse_query(sql);
	if (list_length(raw) != 1)
		elog(ERROR, "not one statement: %s", sql);
	plans = pg_plan_queries(pg_analyze_and_rewrite_fixedparams(linitial_node(RawStmt, raw),
															   sql, NULL, 0, NULL),
							sql, 0, NULL);

	portal = CreatePortal("", true, true);
	portal->visible = false;
	PortalDefineQuery(portal, NULL, sql,
					  CreateCommandTag(linitial_node(RawStmt, raw)->stmt), plans, NULL);
	PortalStart(portal, NULL, 0, InvalidSnapshot);
	compat_portal_run(portal);
	PortalDrop(portal, false);
}

static void
do_request(ToplevelShared *shared, MemoryContext context)
{
	const char *position = shared->texts;
	const char *statement = next_text(&position);
	const char *prepare = next_text(&position);
	const char *now = next_text(&position);

	SetConfigOption("cvwiz.now", now, PGC_SUSET, PGC_S_SESSION);

	debug_query_string = statement;
	pgstat_report_activity(STATE_RUNNING, statement);
	if (shared->timeout > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, shared->timeout);
	start_watch();

	StartTransactionCommand();
	pin_relations(shared, position);
	CommitTransactionCommand();

	StartTransactionCommand();
	prepare_statement(prepare, shared);
	MemoryContextSwitchTo(context);
	run_at_top_level(statement);
	CommitTransactionCommand();

	unpin_relations(shared);
	disable_timeout(STATEMENT_TIMEOUT, false);
	shared->state = TOPLEVEL_DONE;
}

void
cvwiz_toplevel_main(Datum arg)
{
	dsm_segment *segment = dsm_attach(DatumGetUInt32(arg));
	MemoryContext context;

	/* whoever asked is gone */
	if (segment == NULL)
		return;
	worker_shared = (ToplevelShared *) dsm_segment_address(segment);
	prev_emit_log_hook = emit_log_hook;
	emit_log_hook = report_fatal;

	spawn_connect(worker_shared->database, worker_shared->role);
	context = AllocSetContextCreate(TopMemoryContext, "cvwiz statement",
									ALLOCSET_DEFAULT_SIZES);

	PG_TRY();
	{
		do_request(worker_shared, context);
	}
	PG_CATCH();
	{
		/* It is told to who asked, who decides whether it is worth the log. */
		MemoryContextSwitchTo(context);
		report_error(CopyErrorData());
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
}

/* ---- who asks ---- */

char *
toplevel_impossible(Oid role)
{
	HeapTuple	tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
	Form_pg_authid form;
	char	   *result = NULL;

	if (!HeapTupleIsValid(tuple))
		return psprintf("role with OID %u does not exist", role);
	form = (Form_pg_authid) GETSTRUCT(tuple);

	if (!form->rolcanlogin && !COMPAT_BYPASS_ROLELOGINCHECK)
		result = psprintf("role \"%s\" has no LOGIN", NameStr(form->rolname));
	else if (form->rolconnlimit == 0 && !form->rolsuper)
		result = psprintf("role \"%s\" has CONNECTION LIMIT 0", NameStr(form->rolname));
	else if (!compat_may_connect(MyDatabaseId, role))
		result = psprintf("role \"%s\" may not connect to database \"%s\"",
						  NameStr(form->rolname), get_database_name(MyDatabaseId));
	ReleaseSysCache(tuple);
	return result;
}

static char *
put_text(char *position, const char *text)
{
	return stpcpy(position, text) + 1;
}

static dsm_segment *
make_segment(const ToplevelRequest *request)
{
	const char *prepare = request->prepare ? request->prepare : "";
	const char *now = GetConfigOption("cvwiz.now", false, false);
	Size		size = offsetof(ToplevelShared, texts) + strlen(request->statement) +
		strlen(prepare) + strlen(now) + 3;
	dsm_segment *segment;
	ToplevelShared *shared;
	char	   *position;

	Assert(request->nrelations <= TOPLEVEL_MAX_RELATIONS);
	for (int i = 0; i < request->nrelations; i++)
		size += strlen(request->names[i]) + 1;

	segment = dsm_create(size, 0);
	shared = (ToplevelShared *) dsm_segment_address(segment);
	memset(shared, 0, offsetof(ToplevelShared, texts));
	shared->database = MyDatabaseId;
	shared->role = request->role;
	shared->timeout = request->timeout;
	shared->lock_timeout = setting_lock_timeout;
	shared->quote_all = quote_all_identifiers;
	shared->nrelations = request->nrelations;
	shared->state = TOPLEVEL_AT_WORK;

	position = put_text(shared->texts, request->statement);
	position = put_text(position, prepare);
	position = put_text(position, now);
	for (int i = 0; i < request->nrelations; i++)
	{
		shared->relations[i] = request->relations[i];
		position = put_text(position, request->names[i]);
	}
	return segment;
}

/* Also where this process ends: the worker must not go on alone. */
static void
end_worker(int code, Datum arg)
{
	BackgroundWorkerHandle *handle = (BackgroundWorkerHandle *) DatumGetPointer(arg);

	HOLD_INTERRUPTS();
	TerminateBackgroundWorker(handle);
	(void) WaitForBackgroundWorkerShutdown(handle);
	RESUME_INTERRUPTS();
}

static void
raise_worker_error(const ToplevelShared *shared)
{
	if (shared->state == TOPLEVEL_FAILED)
		ereport(ERROR,
				(errcode(shared->sqlerrcode),
				 errmsg_internal("%s", shared->message),
				 shared->detail[0] ? errdetail_internal("%s", shared->detail) : 0,
				 shared->hint[0] ? errhint("%s", shared->hint) : 0));
	ereport(ERROR,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("the background worker ended before its statement did"),
			 errdetail("Statement: %s", shared->texts),
			 errhint("The server's log says why.")));
}

static void
start_and_wait(void *arg)
{
	const ToplevelRequest *request = (const ToplevelRequest *) arg;
	dsm_segment *segment = make_segment(request);
	const ToplevelShared *shared = (ToplevelShared *) dsm_segment_address(segment);
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;

	spawn_describe(&worker, "cvwiz_toplevel_main", "cvwiz statement");
	worker.bgw_main_arg = UInt32GetDatum(dsm_segment_handle(segment));
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("no background worker is free for: %s", request->statement),
				 errhint("Raise \"max_worker_processes\", or try again when there is less to do.")));

	/* A snapshot of ours, if only the catalogs', is one that it waits for. */
	InvalidateCatalogSnapshot();

	PG_ENSURE_ERROR_CLEANUP(end_worker, PointerGetDatum(handle));
	{
		(void) WaitForBackgroundWorkerShutdown(handle);
	}
	PG_END_ENSURE_ERROR_CLEANUP(end_worker, PointerGetDatum(handle));

	pg_read_barrier();
	if (shared->state != TOPLEVEL_DONE)
		raise_worker_error(shared);
	dsm_detach(segment);
}

ErrorData *
toplevel_run(const ToplevelRequest *request)
{
	ErrorData  *error;

	/* InvalidOid would be the bootstrap superuser */
	if (!OidIsValid(request->role))
		elog(ERROR, "a statement at top level needs a role");

	/* It would wait for us, and we for it. */
	if (ActiveSnapshotSet())
		elog(ERROR, "a snapshot is held while a statement runs at top level");

	error = guard(start_and_wait, (void *) request);

	/* what it has done to the catalogs is to be seen in this transaction */
	AcceptInvalidationMessages();
	if (error != NULL && is_stop_request(error))
		ReThrowError(error);
	return error;
}
