/*-------------------------------------------------------------------------
 *
 * follow.c
 *		Event triggers: policies follow what happens to their tables.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/lsyscache.h"

#include "background/toplevel.h"
#include "privilege.h"
#include "query.h"

PG_FUNCTION_INFO_V1(cvwiz_forget_dropped);
PG_FUNCTION_INFO_V1(cvwiz_follow_altered);

/* Columns that can have stubs: those of jsonb, and of domains. */
#define COLUMN_WITH_STUBS \
	"pg_catalog.pg_attribute a JOIN pg_catalog.pg_type y ON y.oid = a.atttypid" \
	" AND (y.oid = 'pg_catalog.jsonb'::pg_catalog.regtype OR y.typtype = 'd')" \
	" AND a.attnum > 0 AND NOT a.attisdropped"

/* Whether there are tables to look into: not while the extension comes or goes. */
static bool
extension_is_there(void)
{
	Oid			namespace = get_namespace_oid("cvwiz", true);

	return OidIsValid(namespace) &&
		OidIsValid(get_relname_relid("retention_policy", namespace)) &&
		OidIsValid(get_relname_relid("detached_partition", namespace)) &&
		OidIsValid(get_relname_relid("archive", namespace)) &&
		OidIsValid(get_relname_relid("conversion", namespace)) &&
		OidIsValid(get_relname_relid("retention_total", namespace)) &&
		OidIsValid(get_relname_relid("size_sample", namespace)) &&
		OidIsValid(get_relname_relid("version_corruption", namespace)) &&
		OidIsValid(get_relname_relid("version_sample", namespace));
}

static void
check_event_trigger(FunctionCallInfo fcinfo)
{
	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("not called as an event trigger"),
				 errhint("CREATE EXTENSION cvwiz makes the event triggers that call it.")));
}

/* There can be a million samples: those in question are looked up. */
static void
forget_samples(const char *table)
{
	query_run_only(psprintf("DELETE FROM cvwiz.%s s WHERE s.relation = ANY (ARRAY("
							" SELECT d.objid FROM pg_catalog.pg_event_trigger_dropped_objects() d"
							" WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass))"
							" AND EXISTS (SELECT FROM pg_catalog.pg_event_trigger_dropped_objects() d"
							"  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = s.relation"
							"  AND (d.objsubid = 0 OR d.address_names[3] = s.snapshot_column))",
							table),
				   NULL);
}

/* What was measured and counted of a dropped table, and of a dropped column. */
static void
forget_figures(void)
{
	query_run_only("DELETE FROM cvwiz.retention_total WHERE relation = ANY (ARRAY("
				   " SELECT d.objid FROM pg_catalog.pg_event_trigger_dropped_objects() d"
				   " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0))",
				   NULL);
	forget_samples("size_sample");
	forget_samples("version_sample");
}

/*
 * ON sql_drop: a dropped table takes its policy with it, before its OID can
 * come to stand for another table; a dropped time column does too.  Its
 * archives stay, without it.
 */
Datum
cvwiz_forget_dropped(PG_FUNCTION_ARGS)
{
	SavedPrivileges saved;
	uint64		found;

	check_event_trigger(fcinfo);
	if (!extension_is_there())
		PG_RETURN_NULL();

	SPI_connect();
	become_extension_owner(&saved);
	query_run_only("DELETE FROM cvwiz.detached_partition p"
				   " USING pg_catalog.pg_event_trigger_dropped_objects() d"
				   " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
				   " AND d.objsubid = 0 AND d.objid IN (p.relation, p.parent)",
				   NULL);
	query_run_only("UPDATE cvwiz.archive a SET relation = NULL"
				   " FROM pg_catalog.pg_event_trigger_dropped_objects() d"
				   " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
				   " AND d.objsubid = 0 AND d.objid = a.relation",
				   NULL);
	query_run_only("DELETE FROM cvwiz.conversion p"
				   " USING pg_catalog.pg_event_trigger_dropped_objects() d"
				   " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
				   " AND d.objsubid = 0 AND d.objid IN (p.relation, p.legacy)",
				   NULL);
	query_run_only("UPDATE cvwiz.version_source s SET relation = NULL"
				   " FROM pg_catalog.pg_event_trigger_dropped_objects() d"
				   " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
				   " AND d.objid = s.relation"
				   " AND (d.objsubid = 0 OR d.address_names[3] = s.snapshot_column"
	/* which can be another's name by now: where there is none that can have stubs */
				   "  AND NOT EXISTS (SELECT FROM " COLUMN_WITH_STUBS " WHERE a.attrelid = d.objid AND a.attname <> d.address_names[3]))",
				   NULL);
	query_run_only("DELETE FROM cvwiz.version_corruption v"
				   " USING pg_catalog.pg_event_trigger_dropped_objects() d"
				   " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
				   " AND d.objsubid = 0 AND d.objid = v.relation",
				   NULL);
	forget_figures();
	found = query_run("DELETE FROM cvwiz.retention_policy p"
					  " USING pg_catalog.pg_event_trigger_dropped_objects() d"
					  " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
					  " AND d.objid = p.relation"
					  " AND (d.objsubid = 0 OR d.address_names[3] = p.time_column)"
					  " RETURNING d.objsubid, d.object_identity",
					  NULL);
	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;

		if (DatumGetInt32(query_value(i, 1, &isnull)) != 0)
			ereport(WARNING,
					(errmsg("the retention policy that went by column %s is removed with it",
							query_text(i, 2)),
					 errhint("Nothing of the table expires any more; cvwiz.add_retention_policy() gives it another policy.")));
	}
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);
	SPI_finish();
	PG_RETURN_NULL();
}

/*
 * ON ddl_command_end of ALTER TABLE: where the time column's name is gone, the
 * column that was just renamed is it, for a dropped one would have taken the
 * policy with it.  The policy keeps the name, not the number, because the
 * number does not survive a dump.
 *
 * A partition that a run is detaching is detached: by our own worker, or else
 * by somebody who wants to keep it, as who attaches one again does.
 */
Datum
cvwiz_follow_altered(PG_FUNCTION_ARGS)
{
	SavedPrivileges saved;

	check_event_trigger(fcinfo);
	if (!extension_is_there())
		PG_RETURN_NULL();

	SPI_connect();
	become_extension_owner(&saved);
	if (toplevel_in_worker())
		query_run_only("UPDATE cvwiz.detached_partition p SET detached_at = cvwiz.clock()"
					   " FROM pg_catalog.pg_class c"
					   " WHERE c.oid = p.relation AND NOT c.relispartition AND p.detached_at IS NULL",
					   NULL);
	query_run_only("DELETE FROM cvwiz.detached_partition p"
				   " USING pg_catalog.pg_class c"
				   " WHERE c.oid = p.relation AND c.relispartition = (p.detached_at IS NOT NULL)",
				   NULL);
	query_run_only("UPDATE cvwiz.retention_policy p SET time_column = a.attname"
				   " FROM pg_catalog.pg_event_trigger_ddl_commands() d"
				   " JOIN pg_catalog.pg_attribute a ON a.attrelid = d.objid AND a.attnum = d.objsubid"
				   " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
				   " AND d.objsubid > 0 AND d.objid = p.relation"
				   " AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute o"
				   " WHERE o.attrelid = p.relation AND o.attname = p.time_column AND NOT o.attisdropped)",
				   NULL);
	query_run_only("UPDATE cvwiz.version_source s SET snapshot_column = a.attname"
				   " FROM pg_catalog.pg_event_trigger_ddl_commands() d,"
				   " " COLUMN_WITH_STUBS
				   " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid > 0"
				   " AND a.attrelid = d.objid AND a.attnum = d.objsubid"
				   " AND (s.relation = d.objid OR s.relation IN (SELECT t.relid FROM pg_catalog.pg_partition_tree(d.objid) t))"
				   " AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute o"
				   " WHERE o.attrelid = s.relation AND o.attname = s.snapshot_column AND NOT o.attisdropped)",
				   NULL);
	restore_privileges(&saved);
	SPI_finish();
	PG_RETURN_NULL();
}
