/*-------------------------------------------------------------------------
 *
 * version_stats.c
 *		What the version store holds, counted.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "privilege.h"
#include "query.h"
#include "snapshot/version.h"

PG_FUNCTION_INFO_V1(cvwiz_version_stats);

static Oid
visible_relation_argument(FunctionCallInfo fcinfo)
{
	Oid			relid;

	if (PG_ARGISNULL(0))
		return InvalidOid;
	relid = PG_GETARG_OID(0);
	if (get_rel_name(relid) == NULL)
		relation_gone_error(relid);
	if (!may_monitor_relation(relid))
		check_relation_owner(relid);
	return relid;
}

/*
 * SQL: cvwiz.version_stats(relation regclass)
 *
 * A table's partitions are counted with it.
 */
Datum
cvwiz_version_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			relid = visible_relation_argument(fcinfo);
	SavedPrivileges saved;
	QueryArgs	args = {0};
	uint64		found;

	InitMaterializedSRF(fcinfo, 0);
	query_arg_or_null(&args, OIDOID, ObjectIdGetDatum(relid), !OidIsValid(relid));
	query_arg(&args, OIDOID, ObjectIdGetDatum(GetUserId()));
	query_arg(&args, BOOLOID, BoolGetDatum(has_privs_of_role(GetUserId(), ROLE_PG_MONITOR)));

	SPI_connect();
	become_extension_owner(&saved);
	found = query_run("SELECT t.relation::pg_catalog.regclass, t.snapshot_column,"
					  " count(DISTINCT v.chain_key), count(*) FILTER (WHERE d.version_id IS NULL),"
					  " count(*) FILTER (WHERE v.base_id IS NULL),"
					  " COALESCE(sum(v.raw_length) FILTER (WHERE d.version_id IS NULL), 0)::bigint,"
					  " COALESCE(sum(pg_catalog.octet_length(v.content)), 0)::bigint,"
					  " sum(v.raw_length) FILTER (WHERE d.version_id IS NULL)::float8"
					  " / NULLIF(sum(pg_catalog.octet_length(v.content)), 0),"
					  " max(v.depth)::int,"
					  " count(d.version_id),"
					  " COALESCE(sum(pg_catalog.octet_length(v.content)) FILTER (WHERE d.version_id IS NOT NULL), 0)::bigint"
					  " FROM (SELECT s.source_id, s.snapshot_column,"
					  "  COALESCE(pg_catalog.pg_partition_root(s.relation), s.relation)::pg_catalog.oid AS relation"
					  "  FROM cvwiz.version_source s"
					  "  WHERE s.relation IS NOT NULL) t"
					  " JOIN pg_catalog.pg_class c ON c.oid = t.relation"
					  " JOIN cvwiz.snapshot_version v ON v.source_id = t.source_id"
					  " LEFT JOIN (SELECT DISTINCT x.version_id FROM cvwiz.dead_version x) d ON d.version_id = v.version_id"
					  " WHERE ($1 IS NULL OR t.relation = $1)"
					  " AND ($3 OR pg_catalog.pg_has_role($2, c.relowner, 'USAGE'))"
					  " GROUP BY t.relation, t.snapshot_column ORDER BY 1, 2",
					  &args);
	restore_privileges(&saved);
	for (uint64 i = 0; i < found; i++)
		tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
	return (Datum) 0;
}
