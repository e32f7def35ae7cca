/*-------------------------------------------------------------------------
 *
 * policy.c
 *		Policies: which tables can have one, adding, altering, removing.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "compat.h"
#include "privilege.h"
#include "query.h"
#include "retention/bounds.h"
#include "retention/policy.h"

PG_FUNCTION_INFO_V1(cvwiz_add_retention_policy);
PG_FUNCTION_INFO_V1(cvwiz_alter_retention_policy);
PG_FUNCTION_INFO_V1(cvwiz_remove_retention_policy);
PG_FUNCTION_INFO_V1(cvwiz_forget_dropped);
PG_FUNCTION_INFO_V1(cvwiz_follow_altered);

/* ---- which tables, which columns ---- */

static void
check_column_type(Oid relid, const char *column, Oid type)
{
	if (is_time_type(type))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of table \"%s\" is of type %s",
					column, get_rel_name(relid), format_type_be(type)),
			 errhint("Retention goes by a column of type date, timestamp or timestamp with time zone.")));
}

static void
check_column_not_null(Oid relid, const char *column, bool not_null)
{
	if (not_null)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("column \"%s\" of table \"%s\" allows NULL",
					column, get_rel_name(relid)),
			 errdetail("Rows without a time would never expire."),
			 errhint("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL.",
					 qualified_relation_name(relid), quote_identifier(column))));
}

void
time_column_of_key(Oid relid, TimeColumn *column)
{
	HeapTuple	tuple = SearchSysCache1(PARTRELID, ObjectIdGetDatum(relid));
	Form_pg_partitioned_table key;
	Oid			opclass;

	if (get_rel_name(relid) == NULL)
		relation_gone_error(relid);
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a partitioned table", get_rel_name(relid)),
				 errhint("Name the table that the partitions belong to.")));

	key = (Form_pg_partitioned_table) GETSTRUCT(tuple);
	if (key->partstrat != PARTITION_STRATEGY_RANGE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is not partitioned by range", get_rel_name(relid)),
				 errdetail("It is partitioned by %s.",
						   key->partstrat == PARTITION_STRATEGY_LIST ? "list" : "hash"),
				 errhint("Retention needs PARTITION BY RANGE on one date, timestamp or timestamptz column.")));
	if (key->partnatts != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is partitioned by %d columns",
						get_rel_name(relid), key->partnatts),
				 errhint("Retention needs PARTITION BY RANGE on one date, timestamp or timestamptz column.")));

	column->partitioned = true;
	column->attnum = key->partattrs.values[0];
	if (column->attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is partitioned by an expression",
						get_rel_name(relid)),
				 errhint("Retention needs PARTITION BY RANGE on one date, timestamp or timestamptz column.")));

	opclass = ((oidvector *)
			   DatumGetPointer(SysCacheGetAttr(PARTRELID, tuple,
											   Anum_pg_partitioned_table_partclass,
											   &(bool) {false})))->values[0];
	column->type = get_atttype(relid, column->attnum);
	namestrcpy(&column->name, get_attname(relid, column->attnum, false));
	ReleaseSysCache(tuple);

	check_column_type(relid, NameStr(column->name), column->type);

	/* Bounds compare as time does only in the order that is the default. */
	if (opclass != GetDefaultOpClass(column->type, BTREE_AM_OID))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is partitioned with an operator class of its own",
						get_rel_name(relid)),
				 errhint("Retention needs the default operator class of type %s.",
						 format_type_be(column->type))));
}

static void
time_column_by_name(Oid relid, const char *name, TimeColumn *column)
{
	AttrNumber	attnum = get_attnum(relid, name);

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist",
						name, get_rel_name(relid)),
				 errhint("Name the column that has the time of each row; mixed-case names are taken as they are, without double quotes.")));

	column->partitioned = false;
	column->attnum = attnum;
	column->type = get_atttype(relid, attnum);
	namestrcpy(&column->name, name);
	check_column_type(relid, name, column->type);
}

static bool
column_is_not_null(Oid relid, AttrNumber attnum)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
										Int16GetDatum(attnum));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for attribute %d of relation %u",
			 attnum, relid);
	result = ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;
	ReleaseSysCache(tuple);
	return result;
}

/*
 * A plain table's purge goes by the name; a partitioned table's by its key,
 * and a name given for it must be the key's.
 */
static void
find_time_column(Oid relid, char relkind, const char *name, TimeColumn *column)
{
	if (relkind == RELKIND_PARTITIONED_TABLE)
	{
		time_column_of_key(relid, column);
		if (name != NULL && strcmp(name, NameStr(column->name)) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("table \"%s\" is partitioned by column \"%s\", not \"%s\"",
							get_rel_name(relid), NameStr(column->name), name),
					 errhint("Leave time_column out.")));
		return;
	}

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("table \"%s\" is not partitioned: its time column is not known",
						get_rel_name(relid)),
				 errhint("Give the column that has the time of each row as time_column.")));
	time_column_by_name(relid, name, column);
}

static void
check_relation_kind(Relation rel)
{
	const char *name = RelationGetRelationName(rel);

	if (rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", name),
				 errhint("A retention policy is for a table, plain or partitioned by range.")));

	if (rel->rd_rel->relispartition)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is a partition", name),
				 errhint("Add the policy to the partitioned table that it belongs to.")));

	if (rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" is temporary", name),
				 errhint("A temporary table ends with its session and needs no retention.")));

	if (IsCatalogRelation(rel))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("\"%s\" is a system catalog", name),
				 errhint("A retention policy is for a table of your own.")));

	if (rel->rd_rel->relkind == RELKIND_RELATION &&
		(has_subclass(RelationGetRelid(rel)) || has_superclass(RelationGetRelid(rel))))
	{
		/* relhassubclass may stand after the last child is gone */
		if (has_superclass(RelationGetRelid(rel)) ||
			find_inheritance_children(RelationGetRelid(rel), NoLock) != NIL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("table \"%s\" inherits or is inherited from", name),
					 errhint("A retention policy is for a plain table or one with declarative partitions.")));
	}
}

void
policy_check_foreign_keys(Oid relid)
{
	QueryArgs	args = {0};

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	query_run("SELECT pg_catalog.string_agg(pg_catalog.format('\"%s\" of table %s', conname, conrelid::pg_catalog.regclass), ', ' ORDER BY conname)"
			  " FROM pg_catalog.pg_constraint"
			  " WHERE contype = 'f' AND conparentid = 0"
			  " AND (confrelid = $1 OR confrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree($1)))",
			  &args);
	if (query_text(0, 1) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("foreign keys refer to table \"%s\"", get_rel_name(relid)),
				 errdetail("Foreign key %s.", query_text(0, 1)),
				 errhint("Drop these foreign keys first: an expired row cannot go while another row may refer to it.")));
	SPI_freetuptable(SPI_tuptable);
}

/* ---- arguments ---- */

static void
check_range(Oid relid, const char *argument, int value, int min, int max, const char *hint)
{
	if (value >= min && value <= max)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s of table \"%s\" would be %d, outside the range from %d to %d",
					argument, get_rel_name(relid), value, min, max),
			 errhint("%s", hint)));
}

static void
check_retention_days(Oid relid, int days)
{
	check_range(relid, "retention_days", days,
				POLICY_MIN_RETENTION_DAYS, POLICY_MAX_RETENTION_DAYS,
				"Rows are kept for at least 30 days and at most a year.");
}

static void
check_premake_months(Oid relid, int months)
{
	check_range(relid, "premake_months", months,
				POLICY_MIN_PREMAKE_MONTHS, POLICY_MAX_PREMAKE_MONTHS,
				"Partitions are made for at least one month ahead and at most two years.");
}

static int
required_int(FunctionCallInfo fcinfo, int n, const char *argument)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", argument),
				 errhint("Leave it out for its default.")));
	return PG_GETARG_INT32(n);
}

Oid
policy_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		return InvalidOid;
	if (!OidIsValid(PG_GETARG_OID(0)))
		relation_gone_error(InvalidOid);
	return PG_GETARG_OID(0);
}

void
policy_put_rows(FunctionCallInfo fcinfo, GuardedAction put_rows)
{
	Oid			relid = policy_argument(fcinfo);
	PolicyRows	rows = {(ReturnSetInfo *) fcinfo->resultinfo, InvalidOid};
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	if (OidIsValid(relid) && !may_monitor_relation(relid))
		check_relation_owner(relid);

	SPI_connect();
	foreach(lc, policy_relations(relid, may_monitor_relation))
	{
		rows.relid = lfirst_oid(lc);
		if (OidIsValid(relid))
			put_rows(&rows);
		else
			guard_or_warn(put_rows, &rows, rows.relid);
	}
	SPI_finish();
}

static void
no_policy_error(Oid relid)
{
	if (get_rel_name(relid) == NULL)
		relation_gone_error(relid);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("table \"%s\" has no retention policy", get_rel_name(relid)),
			 errhint("SELECT cvwiz.add_retention_policy(%s) gives it one.",
					 quote_literal_cstr(qualified_relation_name(relid)))));
}

/* ---- the SQL functions ---- */

/*
 * SQL: cvwiz.add_retention_policy(relation regclass, time_column name,
 *								   retention_days int, premake_months int)
 */
Datum
cvwiz_add_retention_policy(PG_FUNCTION_ARGS)
{
	Oid			relid = owned_relation_argument(fcinfo);
	char	   *name = PG_ARGISNULL(1) ? NULL : NameStr(*PG_GETARG_NAME(1));
	int			retention_days = required_int(fcinfo, 2, "retention_days");
	int			premake_months = required_int(fcinfo, 3, "premake_months");
	Relation	rel;
	TimeColumn	column;
	SavedPrivileges saved;
	QueryArgs	args = {0};
	uint64		inserted;

	check_retention_days(relid, retention_days);
	check_premake_months(relid, premake_months);

	rel = relation_open(relid, NoLock);
	check_relation_kind(rel);
	find_time_column(relid, rel->rd_rel->relkind, name, &column);
	check_column_not_null(relid, NameStr(column.name),
						  column_is_not_null(relid, column.attnum));
	relation_close(rel, NoLock);

	SPI_connect();
	policy_check_foreign_keys(relid);

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	query_arg(&args, NAMEOID, NameGetDatum(&column.name));
	query_arg(&args, INT4OID, Int32GetDatum(retention_days));
	query_arg(&args, INT4OID, Int32GetDatum(premake_months));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(clock_now()));

	become_extension_owner(&saved);
	inserted = query_run_only("INSERT INTO cvwiz.retention_policy"
							  " (relation, time_column, retention_days, premake_months, added_at)"
							  " VALUES ($1, $2, $3, $4, $5)"
							  " ON CONFLICT DO NOTHING",
							  &args);
	restore_privileges(&saved);
	SPI_finish();

	if (inserted == 0)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("table \"%s\" has a retention policy already", get_rel_name(relid)),
				 errhint("cvwiz.alter_retention_policy() changes it.")));

	if (!column.partitioned)
		ereport(NOTICE,
				(errmsg("table \"%s\" is not partitioned: expired rows will be deleted in batches",
						get_rel_name(relid)),
				 errhint("Converting it to monthly partitions is worthwhile: dropping a month costs nothing and leaves no dead rows.")));

	PG_RETURN_VOID();
}

/*
 * SQL: cvwiz.alter_retention_policy(relation regclass, retention_days int,
 *									 premake_months int, enabled boolean,
 *									 hold boolean)
 */
Datum
cvwiz_alter_retention_policy(PG_FUNCTION_ARGS)
{
	Oid			relid = owned_relation_argument(fcinfo);
	SavedPrivileges saved;
	QueryArgs	args = {0};
	uint64		updated;

	if (!PG_ARGISNULL(1))
		check_retention_days(relid, PG_GETARG_INT32(1));
	if (!PG_ARGISNULL(2))
		check_premake_months(relid, PG_GETARG_INT32(2));

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	query_arg_or_null(&args, INT4OID, PG_GETARG_DATUM(1), PG_ARGISNULL(1));
	query_arg_or_null(&args, INT4OID, PG_GETARG_DATUM(2), PG_ARGISNULL(2));
	query_arg_or_null(&args, BOOLOID, PG_GETARG_DATUM(3), PG_ARGISNULL(3));
	query_arg_or_null(&args, BOOLOID, PG_GETARG_DATUM(4), PG_ARGISNULL(4));

	SPI_connect();
	become_extension_owner(&saved);
	updated = query_run_only("UPDATE cvwiz.retention_policy"
							 " SET retention_days = coalesce($2, retention_days),"
							 " premake_months = coalesce($3, premake_months),"
							 " enabled = coalesce($4, enabled),"
							 " hold = coalesce($5, hold)"
							 " WHERE relation = $1",
							 &args);
	restore_privileges(&saved);
	SPI_finish();

	if (updated == 0)
		no_policy_error(relid);
	PG_RETURN_VOID();
}

/*
 * SQL: cvwiz.remove_retention_policy(relation regclass)
 */
Datum
cvwiz_remove_retention_policy(PG_FUNCTION_ARGS)
{
	Oid			relid = owned_relation_argument(fcinfo);
	SavedPrivileges saved;
	QueryArgs	args = {0};
	uint64		deleted;

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));

	SPI_connect();
	become_extension_owner(&saved);
	deleted = query_run_only("DELETE FROM cvwiz.retention_policy WHERE relation = $1",
							 &args);
	query_run_only("DELETE FROM cvwiz.detached_partition WHERE parent = $1", &args);
	restore_privileges(&saved);
	SPI_finish();

	if (deleted == 0)
		no_policy_error(relid);
	PG_RETURN_VOID();
}

/* ---- reading ---- */

RetentionPolicy *
policy_read(Oid relid, PolicyLock lock)
{
	RetentionPolicy *policy;
	SavedPrivileges saved;
	QueryArgs	args = {0};
	char		relkind = get_rel_relkind(relid);
	bool		isnull;
	uint64		found;

	if (relkind == '\0')
		return NULL;

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	become_extension_owner(&saved);
	found = query_run(lock == POLICY_SHARE ?
					  "SELECT time_column, retention_days, premake_months, enabled, hold"
					  " FROM cvwiz.retention_policy WHERE relation = $1 FOR SHARE" :
					  "SELECT time_column, retention_days, premake_months, enabled, hold"
					  " FROM cvwiz.retention_policy WHERE relation = $1",
					  &args);
	restore_privileges(&saved);
	if (found == 0)
	{
		SPI_freetuptable(SPI_tuptable);
		return NULL;
	}

	/* The policy of the table further up rules, and its hold. */
	if (get_rel_relispartition(relid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" has become a partition", get_rel_name(relid)),
				 errhint("Remove its own retention policy: the table that it belongs to can have one.")));

	policy = (RetentionPolicy *) palloc0(sizeof(RetentionPolicy));
	policy->relid = relid;
	namestrcpy(&policy->column.name, query_text(0, 1));
	policy->retention_days = DatumGetInt32(query_value(0, 2, &isnull));
	policy->premake_months = DatumGetInt32(query_value(0, 3, &isnull));
	policy->enabled = DatumGetBool(query_value(0, 4, &isnull));
	policy->hold = DatumGetBool(query_value(0, 5, &isnull));
	SPI_freetuptable(SPI_tuptable);

	if (relkind == RELKIND_PARTITIONED_TABLE)
		time_column_of_key(relid, &policy->column);
	else
		time_column_by_name(relid, pstrdup(NameStr(policy->column.name)),
							&policy->column);
	return policy;
}

RetentionPolicy *
policy_require(Oid relid)
{
	RetentionPolicy *policy = policy_read(relid, POLICY_READ);

	if (policy == NULL)
		no_policy_error(relid);
	return policy;
}

void
policy_check_enabled(Oid relid)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};
	bool		found;
	bool		enabled;
	bool		isnull;

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	become_extension_owner(&saved);
	found = query_run("SELECT enabled FROM cvwiz.retention_policy WHERE relation = $1",
					  &args) > 0;
	enabled = found && DatumGetBool(query_value(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);

	if (!found)
		no_policy_error(relid);
	if (!enabled)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the retention policy of table \"%s\" is disabled",
						get_rel_name(relid)),
				 errhint("cvwiz.alter_retention_policy(..., enabled => true) enables it.")));
}

List *
policy_relations(Oid relid, bool (*allowed) (Oid relid))
{
	SavedPrivileges saved;
	List	   *result = NIL;
	uint64		found;

	if (OidIsValid(relid))
		return list_make1_oid(relid);

	become_extension_owner(&saved);
	found = query_run("SELECT p.relation::pg_catalog.oid FROM cvwiz.retention_policy p"
					  " JOIN pg_catalog.pg_class c ON c.oid = p.relation"
					  " WHERE p.enabled"
					  " ORDER BY c.relnamespace::pg_catalog.regnamespace::pg_catalog.text, c.relname",
					  NULL);
	restore_privileges(&saved);

	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;
		Oid			candidate = DatumGetObjectId(query_value(i, 1, &isnull));

		if (allowed(candidate))
			result = lappend_oid(result, candidate);
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

TimestampTz
policy_cutoff(const RetentionPolicy *policy, TimestampTz now)
{
	TimestampTz cutoff = now - (TimestampTz) policy->retention_days * USECS_PER_DAY;

	/* The last day may not be over: a date expires as a whole. */
	if (policy->column.type == DATEOID)
	{
		TimestampTz time_of_day = cutoff % USECS_PER_DAY;

		cutoff -= time_of_day < 0 ? time_of_day + USECS_PER_DAY : time_of_day;
	}
	return cutoff;
}

/* ---- the event triggers ---- */

/* Whether there are tables to look into: not while the extension comes or goes. */
static bool
extension_is_there(void)
{
	Oid			namespace = get_namespace_oid("cvwiz", true);

	return OidIsValid(namespace) &&
		OidIsValid(get_relname_relid("retention_policy", namespace)) &&
		OidIsValid(get_relname_relid("detached_partition", namespace));
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

/*
 * ON sql_drop: a dropped table takes its policy with it, before its OID can
 * come to stand for another table; a dropped time column does too.
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
 * number does not survive a dump.  Who attaches a partition again that a run
 * has detached wants to keep it.
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
	query_run_only("DELETE FROM cvwiz.detached_partition p"
				   " USING pg_catalog.pg_class c"
				   " WHERE c.oid = p.relation AND c.relispartition",
				   NULL);
	query_run_only("UPDATE cvwiz.retention_policy p SET time_column = a.attname"
				   " FROM pg_catalog.pg_event_trigger_ddl_commands() d"
				   " JOIN pg_catalog.pg_attribute a ON a.attrelid = d.objid AND a.attnum = d.objsubid"
				   " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
				   " AND d.objsubid > 0 AND d.objid = p.relation"
				   " AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute o"
				   " WHERE o.attrelid = p.relation AND o.attname = p.time_column AND NOT o.attisdropped)",
				   NULL);
	restore_privileges(&saved);
	SPI_finish();
	PG_RETURN_NULL();
}
