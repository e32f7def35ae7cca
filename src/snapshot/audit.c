/*-------------------------------------------------------------------------
 *
 * audit.c
 *		What the snapshots of a table, written before it had limits, are like.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "privilege.h"
#include "query.h"
#include "snapshot/column.h"
#include "snapshot/limits.h"

PG_FUNCTION_INFO_V1(cvwiz_audit_existing_snapshots);

/*
 * SQL: cvwiz.audit_existing_snapshots(relation regclass, snapshot_column name)
 *
 * Reads every row, with the caller's rights.
 */
Datum
cvwiz_audit_existing_snapshots(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			relid = PG_GETARG_OID(0);
	const char *column = NameStr(*PG_GETARG_NAME(1));
	const char *quoted = quote_identifier(column);
	SnapshotKind kind;
	const char *size;
	GivenLimits given = {0};
	SnapshotLimits limits;
	Datum		values[10];
	bool		nulls[10];

	InitMaterializedSRF(fcinfo, 0);
	LockRelationOid(relid, AccessShareLock);
	if (get_rel_name(relid) == NULL)
		relation_gone_error(relid);
	limits_resolve(&given, &limits);

	kind = snapshot_column_kind(relid, column, NULL, NULL);
	size = kind == SNAPSHOT_JSON ?
		"octet_length(%s::text)" : "cvwiz.snapshot_size(%s)";
	size = psprintf(size, quoted);

	SPI_connect();
	query_run(psprintf("SELECT s.total, s.oversized, s.large, s.long_arrays, s.bytes, s.average, s.largest, s.stored,"
					   " round(s.bytes::numeric / nullif(s.stored, 0), 2),"
					   " array_remove(ARRAY["
					   "  CASE WHEN s.oversized > 0 THEN format('%%s snapshots exceed %%s bytes: add limits with cvwiz.add_snapshot_limits(), then write these rows anew, as the documentation shows', s.oversized, %1$d) END,"
					   "  CASE WHEN s.large > 0 THEN format('%%s snapshots are larger than %%s bytes: they would be reduced on their next UPDATE', s.large, %2$d) END,"
					   "  CASE WHEN s.long_arrays > 0 THEN format('%%s snapshots have arrays of more than %%s items', s.long_arrays, %3$d) END,"
					   "  CASE WHEN s.unreadable > 0 THEN format('%%s snapshots are no jsonb, and could not be reduced', s.unreadable) END,"
					   "  CASE WHEN s.stored > 0 AND s.bytes < 2 * s.stored AND %6$s THEN"
					   "   'Stored as cvwiz.zjsonb they would take less than half the space: ALTER TABLE ... ALTER COLUMN ... TYPE cvwiz.zjsonb' END], NULL)"
					   " FROM (SELECT count(*) AS total,"
					   "  count(*) FILTER (WHERE d.size > %1$d) AS oversized,"
					   "  count(*) FILTER (WHERE d.size > %2$d AND d.size <= %1$d) AS large,"
					   "  count(*) FILTER (WHERE d.long) AS long_arrays, count(*) FILTER (WHERE d.long IS NULL) AS unreadable,"
					   "  coalesce(sum(d.size), 0)::bigint AS bytes, round(avg(d.size), 1) AS average, max(d.size) AS largest,"
					   "  coalesce(sum(d.stored), 0)::bigint AS stored"
					   "  FROM (SELECT %4$s::bigint AS size, pg_column_size(%5$s)::bigint AS stored,"
					   "   cvwiz.has_long_arrays(%5$s%8$s, %3$d) AS long FROM %7$s WHERE %5$s IS NOT NULL) d) s",
					   limits.max_size, limits.warning_size, limits.max_array_length,
					   size, quoted,
					   kind == SNAPSHOT_ZJSONB ? "false" : "s.bytes > 8192 * s.total",
					   qualified_relation_name(relid),
					   kind == SNAPSHOT_JSON ? "::json" : "::jsonb"),
			  NULL);
	for (int i = 0; i < 10; i++)
		values[i] = query_value(0, i + 1, &nulls[i]);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	SPI_finish();

	return (Datum) 0;
}
