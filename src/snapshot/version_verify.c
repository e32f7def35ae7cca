/*-------------------------------------------------------------------------
 *
 * version_verify.c
 *		Whether every version can be read, and every stub has one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "guard.h"
#include "privilege.h"
#include "query.h"
#include "snapshot/version.h"
#include "snapshot/version_repack.h"

PG_FUNCTION_INFO_V1(cvwiz_verify_versions);
PG_FUNCTION_INFO_V1(cvwiz_version_problem);

/* Versions that are listed at a time. */
#define BATCH 10000

/*
 * SQL: cvwiz.version_problem(stub jsonb) RETURNS text
 *
 * Whether there is such a version, not whether it can be decoded.
 */
Datum
cvwiz_version_problem(PG_FUNCTION_ARGS)
{
	Jsonb	   *document = PG_GETARG_JSONB_P(0);
	StubId		id;
	StoredVersion version;
	VersionStatus status;

	if (!stub_parse(document, &id))
		PG_RETURN_NULL();
	status = version_look(&id, &version);
	if (status == VERSION_OK)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(version_problem(status)));
}

/* ---- what was found ---- */

typedef struct Verification
{
	ReturnSetInfo *rsinfo;
	bool		recorded;		/* not on a standby, not in a READ ONLY transaction */
} Verification;

static void
report(const Verification *verification, Oid relid, int64 id, const char *problem)
{
	Datum		values[3] = {ObjectIdGetDatum(relid), Int64GetDatum(id), CStringGetTextDatum(problem)};
	bool		nulls[3] = {!OidIsValid(relid), false, false};
	QueryArgs	args = {0};

	tuplestore_putvalues(verification->rsinfo->setResult, verification->rsinfo->setDesc, values, nulls);
	if (!verification->recorded)
		return;
	query_arg(&args, OIDOID, ObjectIdGetDatum(relid));
	query_arg(&args, INT8OID, Int64GetDatum(id));
	query_text_arg(&args, problem);
	query_run_only("INSERT INTO cvwiz.version_corruption (relation, version_id, problem, found_at)"
				   " VALUES ($1, $2, $3, cvwiz.clock()) ON CONFLICT DO NOTHING",
				   &args);
}

static void
forget_findings(const Verification *verification, Oid relid)
{
	QueryArgs	args = {0};

	if (!verification->recorded)
		return;
	query_arg(&args, OIDOID, ObjectIdGetDatum(relid));
	query_run_only("DELETE FROM cvwiz.version_corruption WHERE relation = $1", &args);
}

/* ---- the versions of a table ---- */

/* A reader gives up after MAX_DEPTH differences; here the text before is kept. */
static void
verify_one(const Verification *verification, Oid relid, int64 id, Datum key, bool depth_is_right)
{
	StubId		stub = {id, *DatumGetUUIDP(key), 0};
	Text		text;
	VersionStatus status = version_read_now(&stub, &text, NULL);

	/* it may have been freed since it was listed */
	if (status != VERSION_OK && status != VERSION_MISSING)
		report(verification, relid, id, version_problem(status));
	else if (status == VERSION_OK && !depth_is_right)
		report(verification, relid, id, "Its depth is not that of a difference from what it is one from.");
}

static void
verify_stored(const Verification *verification, Oid relid)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "cvwiz verification", ALLOCSET_DEFAULT_SIZES);
	int64		last_id = NO_VERSION;
	uint64		found;

	do
	{
		QueryArgs	args = {0};
		SPITupleTable *rows;

		query_arg(&args, OIDOID, ObjectIdGetDatum(relid));
		query_arg(&args, INT8OID, Int64GetDatum(last_id));
		query_arg(&args, INT4OID, Int32GetDatum(BATCH));
		query_arg(&args, INT4OID, Int32GetDatum(MAX_DEPTH));
		found = query_run("SELECT v.version_id, v.access_key,"
						  " v.depth > COALESCE(b.depth, -1) AND v.depth BETWEEN 0 AND $4"
						  " FROM cvwiz.snapshot_version v"
						  " JOIN cvwiz.version_source s ON s.source_id = v.source_id"
						  " LEFT JOIN cvwiz.snapshot_version b ON b.version_id = v.base_id"
						  " WHERE COALESCE(s.relation::pg_catalog.oid, 0) = $1 AND v.version_id > $2"
						  " ORDER BY v.version_id LIMIT $3",
						  &args);
		rows = SPI_tuptable;
		for (uint64 i = 0; i < found; i++)
		{
			bool		isnull;
			Datum		key = SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull);
			bool		depth_is_right = DatumGetBool(SPI_getbinval(rows->vals[i], rows->tupdesc, 3, &isnull));

			CHECK_FOR_INTERRUPTS();
			last_id = DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull));
			MemoryContextSwitchTo(context);
			verify_one(verification, relid, last_id, key, depth_is_right);
			MemoryContextSwitchTo(caller);
			MemoryContextReset(context);
		}
		SPI_freetuptable(rows);
	} while (found == BATCH);
	MemoryContextDelete(context);
}

/* ---- the stubs in its rows ---- */

/* With the owner's rights; what is found is written with the extension's. */
static void
verify_rows(const Verification *verification, Oid relid, const char *column)
{
	SavedPrivileges saved;
	const char *quoted = quote_identifier(column);
	uint64		found;
	SPITupleTable *rows;

	if (!lock_as_owner(relid, AccessShareLock, &saved))
		return;
	found = query_run(psprintf("SELECT cvwiz.stub_version(%s), cvwiz.version_problem(%s) FROM ONLY %s"
							   " WHERE cvwiz.version_problem(%s) IS NOT NULL",
							   quoted, quoted, qualified_relation_name(relid), quoted),
					  NULL);
	rows = SPI_tuptable;
	restore_privileges(&saved);
	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;

		report(verification, relid,
			   DatumGetInt64(SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull)),
			   SPI_getvalue(rows->vals[i], rows->tupdesc, 2));
	}
	SPI_freetuptable(rows);
}

static void
verify_relation(const Verification *verification, Oid relid)
{
	SavedPrivileges saved;
	ListCell   *lc;

	become_extension_owner(&saved);
	forget_findings(verification, relid);
	verify_stored(verification, relid);
	if (get_rel_relkind(relid) == RELKIND_RELATION)
	{
		foreach(lc, version_columns(relid))
		{
			char	   *column = (char *) lfirst(lc);

			if (!version_has_other_type(relid, column, "its stubs are not looked at"))
				verify_rows(verification, relid, column);
		}
	}
	restore_privileges(&saved);
}

typedef struct VerifyJob
{
	const Verification *verification;
	Oid			relid;
} VerifyJob;

static void
verify_action(void *arg)
{
	VerifyJob  *job = (VerifyJob *) arg;

	verify_relation(job->verification, job->relid);
}

/*
 * SQL: cvwiz.verify_versions(relation regclass)
 *		RETURNS TABLE (relation regclass, version_id bigint, problem text)
 */
Datum
cvwiz_verify_versions(PG_FUNCTION_ARGS)
{
	Verification verification;
	Oid			relid = PG_ARGISNULL(0) ? InvalidOid : PG_GETARG_OID(0);
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	verification.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	verification.recorded = !RecoveryInProgress() && !XactReadOnly;
	version_forget_text();

	SPI_connect();
	foreach(lc, version_relations(relid))
	{
		VerifyJob	job = {&verification, lfirst_oid(lc)};

		if (OidIsValid(relid))
			verify_action(&job);
		else
			guard_or_warn(verify_action, &job, job.relid);
	}

	/* what dropped tables have left, which is nobody's */
	if (!OidIsValid(relid) && superuser())
		verify_relation(&verification, InvalidOid);
	SPI_finish();
	return (Datum) 0;
}
