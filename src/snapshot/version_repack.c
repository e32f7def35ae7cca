/*-------------------------------------------------------------------------
 *
 * version_repack.c
 *		Freeing what is dead in all chains, and storing anew what hangs on it.
 *
 * Each chain is a transaction of its own, which waits for nobody, so that
 * nobody who waits for it can be waited for.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "guard.h"
#include "privilege.h"
#include "query.h"
#include "snapshot/trigger_catalog.h"
#include "snapshot/version.h"
#include "snapshot/version_repack.h"
#include "transaction.h"

PG_FUNCTION_INFO_V1(cvwiz_repack_versions);

/* ---- one chain ---- */

typedef struct ChainJob
{
	int64		chain_key;
	FreedVersions freed;
	int64		rebased;
} ChainJob;

/*
 * The newest that lives and is older, to hang a version on whose own base is
 * dead.  No depth may grow: what hangs on the version keeps its own.
 */
static bool
find_living_base(const StoredVersion *version, StoredVersion *base, Text *base_text)
{
	QueryArgs	args = {0};
	uint64		found;
	bool		isnull;
	int64		id = NO_VERSION;

	query_arg(&args, INT8OID, Int64GetDatum(version->chain_key));
	query_arg(&args, INT8OID, Int64GetDatum(version->id));
	query_arg(&args, INT4OID, Int32GetDatum(version->depth));
	found = query_run("SELECT v.version_id FROM cvwiz.snapshot_version v"
					  " WHERE v.chain_key = $1 AND v.version_id < $2 AND v.depth < $3 AND v.codec <> 2"
					  " AND NOT " VERSION_IS_DEAD("v")
					  " ORDER BY v.version_id DESC LIMIT 1 FOR KEY SHARE OF v SKIP LOCKED",
					  &args);
	if (found > 0)
		id = DatumGetInt64(query_value(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);

	return id != NO_VERSION && version_fetch(id, SnapshotSelf, true, base) &&
		version_read_row(base, SnapshotSelf, base_text) == VERSION_OK;
}

static void
replace_content(const StoredVersion *version)
{
	QueryArgs	args = {0};

	query_arg(&args, INT8OID, Int64GetDatum(version->id));
	query_arg_or_null(&args, INT8OID, Int64GetDatum(version->base_id), version->base_id == NO_VERSION);
	query_arg(&args, INT2OID, Int16GetDatum((int16) version->depth));
	query_arg(&args, INT2OID, Int16GetDatum((int16) version->codec));
	query_arg(&args, BYTEAOID, PointerGetDatum(version->content));
	query_arg(&args, INT4OID, Int32GetDatum(version->raw_length));
	query_arg(&args, INT4OID, Int32GetDatum((int32) version->checksum));
	query_run_only("UPDATE cvwiz.snapshot_version SET base_id = $2, depth = $3, codec = $4, content = $5,"
				   " raw_length = $6, checksum = $7 WHERE version_id = $1",
				   &args);
}

/* What cannot be read stays as it is, with what it is said to hang on. */
static bool
rebase(int64 id)
{
	StoredVersion version;
	StoredVersion base;
	Text		text;
	Text		base_text;
	bool		has_base;

	if (!version_fetch(id, SnapshotSelf, true, &version) ||
		version_read_row(&version, SnapshotSelf, &text) != VERSION_OK)
		return false;
	has_base = find_living_base(&version, &base, &base_text);
	version_encode(&version, &text, has_base ? &base : NULL, &base_text);
	replace_content(&version);
	return true;
}

/* A stub that stood for nothing when it came, and does by now. */
static bool
resolve(int64 id)
{
	StoredVersion version;
	Text		text;
	Jsonb	   *stub;

	if (!version_fetch(id, SnapshotSelf, true, &version) ||
		version_read_row(&version, SnapshotSelf, &text) != VERSION_OK)
		return false;
	stub = version_jsonb_from_store(&text);
	if (!version_can_be_read(stub) || !version_text_behind(stub, &text))
		return false;
	version.raw_length = (int32) text.length;
	version.checksum = version_checksum(&text);
	version_encode(&version, &text, NULL, NULL);
	replace_content(&version);
	return true;
}

typedef bool (*VersionAction) (int64 id);

/* How many of the versions that a query finds in the chain it was done to. */
static int64
for_each(const char *sql, int64 chain_key, VersionAction action)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "cvwiz version", ALLOCSET_DEFAULT_SIZES);
	QueryArgs	args = {0};
	uint64		found;
	int64	   *ids;
	int64		done = 0;

	query_arg(&args, INT8OID, Int64GetDatum(chain_key));
	found = query_run(sql, &args);
	ids = (int64 *) palloc_extended(sizeof(int64) * Max(found, 1), MCXT_ALLOC_HUGE);
	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;

		ids[i] = DatumGetInt64(query_value(i, 1, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);

	for (uint64 i = 0; i < found; i++)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(context);
		if (action(ids[i]))
			done++;
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
	pfree(ids);
	return done;
}

static void
repack_chain(void *arg)
{
	ChainJob   *job = (ChainJob *) arg;
	SavedPrivileges saved;
	FreedVersions further;

	become_extension_owner(&saved);
	job->rebased = for_each("SELECT v.version_id FROM cvwiz.snapshot_version v"
							" WHERE v.chain_key = $1 AND v.codec = 2 AND NOT " VERSION_IS_DEAD("v")
							" ORDER BY v.version_id FOR NO KEY UPDATE OF v SKIP LOCKED",
							job->chain_key, resolve);
	job->freed = version_free_chain(job->chain_key);
	job->rebased += for_each("SELECT v.version_id FROM cvwiz.snapshot_version v"
							 " JOIN cvwiz.snapshot_version b ON b.version_id = v.base_id"
							 " WHERE v.chain_key = $1 AND NOT " VERSION_IS_DEAD("v") " AND " VERSION_IS_DEAD("b")
							 " ORDER BY v.version_id FOR NO KEY UPDATE OF v SKIP LOCKED",
							 job->chain_key, rebase);
	further = version_free_chain(job->chain_key);
	job->freed.versions += further.versions;
	job->freed.bytes += further.bytes;
	restore_privileges(&saved);
}

/* ---- which chains ---- */

static Datum
source_ids(List *relids)
{
	QueryArgs	args = {0};
	bool		isnull;

	query_oids_arg(&args, relids);
	(void) query_run("SELECT COALESCE(pg_catalog.array_agg(s.source_id), '{}') FROM cvwiz.version_source s"
					 " WHERE s.relation::pg_catalog.oid = ANY ($1)",
					 &args);
	return query_value(0, 1, &isnull);
}

/* In the given context. */
static int64 *
chains_to_repack(const RepackRequest *request, MemoryContext context, uint64 *count)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};
	bool		isnull;
	int64	   *chains;

	/* NULL stands for all, those of dropped tables too, which are nobody's */
	become_extension_owner(&saved);
	query_arg_or_null(&args, INT4ARRAYOID, request->all ? (Datum) 0 : source_ids(request->relids),
					  request->all);
	*count = query_run(psprintf("SELECT v.chain_key FROM cvwiz.snapshot_version v"
								" JOIN cvwiz.dead_version d ON d.version_id = v.version_id"
								" WHERE $1 IS NULL OR v.source_id = ANY ($1)"
								" UNION SELECT v.chain_key FROM cvwiz.snapshot_version v"
								" JOIN cvwiz.version_source s ON s.source_id = v.source_id"
								" WHERE $1 IS NULL AND s.relation IS NULL%s",
								request->sweep ?
								" UNION SELECT v.chain_key FROM cvwiz.snapshot_version v"
								" WHERE v.codec = 2 AND ($1 IS NULL OR v.source_id = ANY ($1))" : ""),
					   &args);
	chains = (int64 *) MemoryContextAllocHuge(context, sizeof(int64) * Max(*count, 1));
	for (uint64 i = 0; i < *count; i++)
		chains[i] = DatumGetInt64(query_value(i, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
	return chains;
}

/* ---- the run ---- */

static void
note_error(RepackResult *result, const ErrorData *error, MemoryContext context)
{
	if (is_stop_request(error))
		ReThrowError(unconstify(ErrorData *, error));
	if (result->failed++ == 0)
		result->error = MemoryContextStrdup(context, error->message);
}

/* In a transaction of its own. */
static void
run_guarded(GuardedAction action, void *arg, RepackResult *result, MemoryContext context)
{
	ErrorData  *error = guard(action, arg);

	if (error != NULL)
		note_error(result, error, context);
	transaction_commit();
}

static void
repack_chains(const RepackRequest *request, MemoryContext context, RepackResult *result)
{
	uint64		count;
	int64	   *chains = chains_to_repack(request, context, &count);

	transaction_commit();
	for (uint64 i = 0; i < count; i++)
	{
		ChainJob	job = {chains[i], {0, 0}, 0};
		ErrorData  *error = guard(repack_chain, &job);

		if (error != NULL)
			note_error(result, error, context);
		else
		{
			result->chains++;
			result->freed.versions += job.freed.versions;
			result->freed.bytes += job.freed.bytes;
			result->rebased += job.rebased;
		}
		transaction_commit();
		CHECK_FOR_INTERRUPTS();
	}
	pfree(chains);
}

/* A table may have been dropped while the event trigger was disabled. */
static void
let_go_of_dropped(void *arg)
{
	SavedPrivileges saved;

	become_extension_owner(&saved);
	query_run_only("UPDATE cvwiz.version_source s SET relation = NULL"
				   " WHERE s.relation IS NOT NULL AND NOT EXISTS ("
				   " SELECT FROM pg_catalog.pg_class c WHERE c.oid = s.relation)",
				   NULL);
	restore_privileges(&saved);
}

static void
forget_what_is_gone(void *arg)
{
	SavedPrivileges saved;

	become_extension_owner(&saved);
	query_run_only("DELETE FROM cvwiz.dead_version d WHERE NOT EXISTS ("
				   " SELECT FROM cvwiz.snapshot_version v WHERE v.version_id = d.version_id)",
				   NULL);
	query_run_only("DELETE FROM cvwiz.version_source s WHERE s.relation IS NULL AND NOT EXISTS ("
				   " SELECT FROM cvwiz.snapshot_version v WHERE v.source_id = s.source_id)",
				   NULL);
	restore_privileges(&saved);
}

void
version_repack(const RepackRequest *request, MemoryContext context, RepackResult *result)
{
	int64		run_id = repack_record_start(request->by_worker);
	ListCell   *lc;

	memset(result, 0, sizeof(RepackResult));
	transaction_commit();
	if (request->all)
		run_guarded(let_go_of_dropped, NULL, result, context);

	/* The stubs that stand for nothing must have had their chance before. */
	if (request->sweep)
	{
		repack_chains(request, context, result);
		foreach(lc, request->relids)
		{
			SweepJob	job = {lfirst_oid(lc), request->named, 0};

			run_guarded(version_sweep, &job, result, context);
			result->orphans += job.orphans;
		}
	}
	repack_chains(request, context, result);
	if (request->all)
		run_guarded(forget_what_is_gone, NULL, result, context);
	repack_record_end(run_id, result);
	transaction_commit();
}

/* ---- by SQL ---- */

/*
 * SQL: CALL cvwiz.repack_versions(relation regclass)
 */
Datum
cvwiz_repack_versions(PG_FUNCTION_ARGS)
{
	RepackRequest request = {0};
	RepackResult result;
	MemoryContext context;
	MemoryContext caller;
	Oid			relid = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);

	if (!transaction_is_ours(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("cvwiz.repack_versions() cannot run inside a transaction block"),
				 errdetail("It commits after each chain."),
				 errhint("Call it on its own.")));
	PreventCommandDuringRecovery("cvwiz.repack_versions()");

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	context = AllocSetContextCreate(PortalContext, "cvwiz.repack_versions", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);

	/* The statement itself has a snapshot by now. */
	transaction_commit();
	MemoryContextSwitchTo(context);
	request.relids = version_relations(relid);
	request.all = !OidIsValid(relid) && superuser();
	request.sweep = true;
	request.named = OidIsValid(relid);
	version_repack(&request, context, &result);

	if (result.failed > 0)
		ereport(ERROR,
				(errcode(ERRCODE_RAISE_EXCEPTION),
				 errmsg("repacking failed for " INT64_FORMAT " chains or tables", result.failed),
				 errdetail_internal("The first error: %s", result.error),
				 errhint("The others are done and committed; cvwiz.verify_versions() tells which versions cannot be read.")));
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	PG_RETURN_VOID();
}
