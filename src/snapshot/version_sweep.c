/*-------------------------------------------------------------------------
 *
 * version_sweep.c
 *		Versions that no row of their table has.
 *
 * The versions are listed first, the stubs of the rows after that: a version
 * and its row are committed together, so a version that was there, and that
 * no row has later, never had one, or its row has gone since: then it is dead,
 * or freed, by now.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "privilege.h"
#include "query.h"
#include "snapshot/column.h"
#include "snapshot/version.h"
#include "snapshot/version_repack.h"

static bool
has_store(Oid relid)
{
	QueryArgs	args = {0};
	bool		result;

	query_arg(&args, OIDOID, ObjectIdGetDatum(relid));
	result = query_run("SELECT FROM pg_catalog.pg_trigger"
					   " WHERE tgrelid = $1 AND tgfoid = 'cvwiz." STORE_FUNCTION "()'::pg_catalog.regprocedure LIMIT 1",
					   &args) > 0;
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/*
 * A table that has no store can be one that is being restored: its versions are
 * there, its rows and then its triggers are still to come.
 */
static bool
may_be_in_restore(Oid relid)
{
	if (has_store(relid))
		return false;
	ereport(NOTICE,
			(errmsg("table \"%s\" has versions, and no version store: those without a row are not looked for",
					get_rel_name(relid)),
			 errhint("If it is being restored, wait until that is done. If not, CALL cvwiz.repack_versions() with its name.")));
	return true;
}

/* Those of whose versions none can be said to have no row. */
static Datum
columns_left_alone(const SweepJob *job)
{
	ArrayBuildState *names = initArrayResult(NAMEOID, CurrentMemoryContext, false);
	List	   *columns = version_columns(job->relid);
	bool		all = columns != NIL && !job->named && may_be_in_restore(job->relid);
	ListCell   *lc;

	foreach(lc, columns)
	{
		char	   *column = (char *) lfirst(lc);

		if (all || version_has_other_type(job->relid, column, "those without a row are not looked for"))
			names = accumArrayResult(names, DirectFunctionCall1(namein, CStringGetDatum(column)),
									 false, NAMEOID, CurrentMemoryContext);
	}
	return makeArrayResult(names, CurrentMemoryContext);
}

static Datum
versions_of(const SweepJob *job)
{
	QueryArgs	args = {0};
	bool		isnull;

	query_arg(&args, OIDOID, ObjectIdGetDatum(job->relid));
	query_arg(&args, NAMEARRAYOID, columns_left_alone(job));
	(void) query_run("SELECT COALESCE(pg_catalog.array_agg(v.version_id), '{}') FROM cvwiz.snapshot_version v"
					 " JOIN cvwiz.version_source s ON s.source_id = v.source_id"
					 " WHERE s.relation::pg_catalog.oid = $1 AND s.snapshot_column <> ALL ($2)"
					 " AND NOT EXISTS (SELECT FROM cvwiz.dead_version d WHERE d.version_id = v.version_id)",
					 &args);
	return query_value(0, 1, &isnull);
}

/*
 * A version knows the name that its column had: that can be another one's by
 * now, so all columns that can have stubs are looked into.
 */
static char *
numbers_in_row(Oid relid, const char *but)
{
	Relation	rel = table_open(relid, NoLock);
	TupleDesc	tupdesc = RelationGetDescr(rel);
	StringInfoData numbers;

	initStringInfo(&numbers);
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

		if (!attribute->attisdropped && getBaseType(attribute->atttypid) == JSONBOID &&
			(but == NULL || strcmp(NameStr(attribute->attname), but) != 0))
			appendStringInfo(&numbers, ", (cvwiz.stub_version(%s))",
							 quote_identifier(NameStr(attribute->attname)));
	}
	table_close(rel, NoLock);
	return numbers.data;
}

/* With the owner's rights; ONLY, or with its partitions; but for a column, or NULL. */
static Datum
stubs_in_rows(Oid relid, const char *only, const char *but)
{
	SavedPrivileges saved;
	Datum		result;
	bool		isnull;

	if (!lock_as_owner(relid, AccessShareLock, &saved))
		relation_gone_error(relid);
	(void) query_run(psprintf("SELECT COALESCE(pg_catalog.array_agg(n.id), '{}') FROM %s %s,"
							  " LATERAL (VALUES (NULL::bigint)%s) n (id) WHERE n.id IS NOT NULL",
							  only, qualified_relation_name(relid), numbers_in_row(relid, but)),
					 NULL);
	result = query_value(0, 1, &isnull);
	restore_privileges(&saved);
	return result;
}

/* What stubs stand for that came before their versions, as out of a dump. */
static Datum
stubs_in_store(void)
{
	uint64		found = query_run("SELECT v.content FROM cvwiz.snapshot_version v WHERE v.codec = 2", NULL);
	ArrayBuildState *ids = initArrayResult(INT8OID, CurrentMemoryContext, false);

	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;
		bytea	   *content = DatumGetByteaPP(query_value(i, 1, &isnull));
		Text		text = {pnstrdup(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content)), VARSIZE_ANY_EXHDR(content)};
		StubId		id;

		if (stub_parse(version_jsonb_from_store(&text), &id))
			ids = accumArrayResult(ids, Int64GetDatum(id.version), false, INT8OID, CurrentMemoryContext);
	}
	SPI_freetuptable(SPI_tuptable);
	return makeArrayResult(ids, CurrentMemoryContext);
}

/* Those of the one array that are not in the other; *count: how many. */
static Datum
without(Datum ids, Datum others, int *count)
{
	QueryArgs	args = {0};
	bool		isnull;
	Datum		result;

	query_arg(&args, INT8ARRAYOID, ids);
	query_arg(&args, INT8ARRAYOID, others);
	(void) query_run("SELECT COALESCE(pg_catalog.array_agg(v), '{}'), pg_catalog.count(*)::int FROM pg_catalog.unnest($1) v"
					 " WHERE NOT EXISTS (SELECT FROM pg_catalog.unnest($2) r WHERE r = v)",
					 &args);
	result = query_value(0, 1, &isnull);
	*count = DatumGetInt32(query_value(0, 2, &isnull));
	return result;
}

/*
 * A row that moved to another partition while no trigger fired has taken its
 * stub along.
 */
static Datum
orphans(const SweepJob *job, int *count)
{
	Datum		ids = versions_of(job);

	ids = without(ids, stubs_in_rows(job->relid, "ONLY", NULL), count);
	if (*count > 0 && get_rel_relispartition(job->relid))
		ids = without(ids, stubs_in_rows(llast_oid(get_partition_ancestors(job->relid)), "", NULL), count);
	if (*count > 0)
		ids = without(ids, stubs_in_store(), count);
	return ids;
}

static int64
sweep(const SweepJob *job)
{
	QueryArgs	args = {0};
	int			count;

	query_arg(&args, INT8ARRAYOID, orphans(job, &count));
	if (count == 0)
		return 0;
	return (int64) query_run_only("INSERT INTO cvwiz.dead_version"
								  " SELECT v FROM pg_catalog.unnest($1) v"
								  " WHERE EXISTS (SELECT FROM cvwiz.snapshot_version s WHERE s.version_id = v)"
								  " AND NOT EXISTS (SELECT FROM cvwiz.dead_version d WHERE d.version_id = v)",
								  &args);
}

bool
version_is_held(Oid relid, const char *column)
{
	QueryArgs	args = {0};
	SavedPrivileges saved;
	bool		result;

	if (get_rel_relkind(relid) != RELKIND_RELATION)
		return false;
	become_extension_owner(&saved);
	query_arg(&args, OIDOID, ObjectIdGetDatum(relid));
	query_text_arg(&args, column);
	query_arg(&args, INT8ARRAYOID, stubs_in_rows(relid, "ONLY", column));
	result = query_run("SELECT FROM cvwiz.snapshot_version v JOIN cvwiz.version_source s ON s.source_id = v.source_id"
					   " WHERE s.relation::pg_catalog.oid = $1 AND s.snapshot_column = $2 AND v.version_id = ANY ($3) LIMIT 1",
					   &args) > 0;
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
	return result;
}

/* What is looked at of the table, its columns and triggers, must stay so until the end. */
void
version_sweep(void *arg)
{
	SweepJob   *job = (SweepJob *) arg;
	SavedPrivileges saved;

	if (!lock_as_owner(job->relid, AccessShareLock, &saved))
		return;
	restore_privileges(&saved);
	if (get_rel_relkind(job->relid) != RELKIND_RELATION)
		return;
	become_extension_owner(&saved);
	job->orphans = sweep(job);
	restore_privileges(&saved);
}
