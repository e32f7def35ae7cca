/*-------------------------------------------------------------------------
 *
 * version_free.c
 *		Freeing versions that are dead and that no other version needs.
 *
 * A version is dead when it is in cvwiz.dead_version, or its table has let go
 * of it (version_source.relation is NULL).  Who stores a difference from a
 * version holds a FOR KEY SHARE lock on it until the transaction ends.  So
 * whoever has got FOR UPDATE on a version knows that all differences from it
 * that there will ever be are committed, and a snapshot that is taken then
 * sees them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"

#include "privilege.h"
#include "query.h"
#include "snapshot/version.h"

/* The end of a transaction is not kept waiting by a longer chain. */
#define MAX_VERSIONS_AT_END 500

/*
 * Locks the dead versions of a chain, but for those that others hold: NULL
 * where there are none.
 */
static Datum
lock_dead(int64 chain_key, bool *isnull)
{
	static QueryPlan plan = {
		"SELECT pg_catalog.array_agg(l.version_id) FROM ("
		" SELECT v.version_id FROM cvwiz.snapshot_version v"
		" WHERE v.chain_key = $1 AND " VERSION_IS_DEAD("v")
		" FOR UPDATE OF v SKIP LOCKED) l",
		NULL
	};
	QueryArgs	args = {0};

	query_arg(&args, INT8OID, Int64GetDatum(chain_key));
	if (query_run_plan(&plan, &args) == 0)
	{
		*isnull = true;
		return (Datum) 0;
	}
	return query_value(0, 1, isnull);
}

/*
 * All that was not locked stays: what lives, and what somebody is just making
 * the base of another.  What these are stored as differences from stays too.
 */
FreedVersions
version_free_chain(int64 chain_key)
{
	static QueryPlan plan = {
		"WITH RECURSIVE needed AS ("
		" SELECT v.base_id FROM cvwiz.snapshot_version v"
		" WHERE v.chain_key = $1 AND v.base_id IS NOT NULL AND v.version_id <> ALL ($2)"
		" UNION SELECT b.base_id FROM needed n JOIN cvwiz.snapshot_version b ON b.version_id = n.base_id"
		" WHERE b.base_id IS NOT NULL"
		"), freed AS ("
		" DELETE FROM cvwiz.snapshot_version v"
		" WHERE v.version_id = ANY ($2) AND NOT EXISTS (SELECT FROM needed n WHERE n.base_id = v.version_id)"
		" RETURNING v.version_id, pg_catalog.octet_length(v.content) AS bytes"
		"), buried AS ("
		" DELETE FROM cvwiz.dead_version d USING freed f WHERE d.version_id = f.version_id"
		") SELECT pg_catalog.count(*), COALESCE(pg_catalog.sum(f.bytes), 0)::bigint FROM freed f",
		NULL
	};
	FreedVersions freed = {0, 0};
	QueryArgs	args = {0};
	bool		isnull;
	Datum		dead = lock_dead(chain_key, &isnull);

	if (isnull)
		return freed;

	query_arg(&args, INT8OID, Int64GetDatum(chain_key));
	query_arg(&args, INT8ARRAYOID, dead);
	(void) query_run_plan(&plan, &args);
	freed.versions = DatumGetInt64(query_value(0, 1, &isnull));
	freed.bytes = DatumGetInt64(query_value(0, 2, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return freed;
}

static bool
is_long_chain(int64 chain_key)
{
	static QueryPlan plan = {
		"SELECT count(*) > $2 FROM ("
		" SELECT FROM cvwiz.snapshot_version v WHERE v.chain_key = $1 LIMIT $2 + 1) c",
		NULL
	};
	QueryArgs	args = {0};
	bool		isnull;
	bool		result;

	query_arg(&args, INT8OID, Int64GetDatum(chain_key));
	query_arg(&args, INT4OID, Int32GetDatum(MAX_VERSIONS_AT_END));
	(void) query_run_plan(&plan, &args);
	result = DatumGetBool(query_value(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/*
 * With one snapshot for the whole transaction it could not be known what
 * others have stored meanwhile, and a long chain takes too long; the worker
 * will come by.
 */
void
version_free_chain_at_end(int64 chain_key)
{
	SavedPrivileges saved;

	if (IsolationUsesXactSnapshot())
		return;

	SPI_connect();
	become_extension_owner(&saved);
	if (!is_long_chain(chain_key))
		(void) version_free_chain(chain_key);
	restore_privileges(&saved);
	SPI_finish();
}
