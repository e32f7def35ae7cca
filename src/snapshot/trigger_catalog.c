/*-------------------------------------------------------------------------
 *
 * trigger_catalog.c
 *		The triggers of a column, and their arguments, as the catalog has them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "privilege.h"
#include "snapshot/column.h"
#include "snapshot/reduce.h"
#include "snapshot/trigger_catalog.h"

/* ---- arguments ---- */

typedef struct Argument
{
	const char *function;
	const char *text;
} Argument;

static void
name_argument(void *arg)
{
	errcontext("trigger argument \"%s\" of cvwiz.%s()",
			   ((Argument *) arg)->text, ((Argument *) arg)->function);
}

List *
trigger_parse_list(const char *function, const char *argument, const char *value)
{
	Argument	name = {function, argument};
	ErrorContextCallback callback = {error_context_stack, name_argument, &name};
	ArrayType  *array;

	error_context_stack = &callback;
	array = DatumGetArrayTypeP(OidInputFunctionCall(F_ARRAY_IN, unconstify(char *, value),
													TEXTOID, -1));
	error_context_stack = callback.previous;
	return text_array_to_list(array);
}

/* The trigger's arguments as the catalog has them, one after the other. */
static char **
catalog_arguments(Relation pg_trigger, HeapTuple tuple)
{
	Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);
	char	  **args = (char **) palloc(sizeof(char *) * Max(1, form->tgnargs));
	bool		isnull;
	Datum		value = fastgetattr(tuple, Anum_pg_trigger_tgargs,
									RelationGetDescr(pg_trigger), &isnull);
	char	   *p = VARDATA_ANY(DatumGetByteaPP(value));

	for (int i = 0; i < form->tgnargs; i++)
	{
		args[i] = pstrdup(p);
		p += strlen(p) + 1;
	}
	return args;
}

char **
trigger_arguments(Oid trigger, const char *function_name, int *nargs)
{
	Relation	pg_trigger = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	char	  **args = NULL;

	ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(trigger));
	scan = systable_beginscan(pg_trigger, TriggerOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple) &&
		((Form_pg_trigger) GETSTRUCT(tuple))->tgfoid == trigger_function_oid(function_name))
	{
		*nargs = ((Form_pg_trigger) GETSTRUCT(tuple))->tgnargs;
		args = catalog_arguments(pg_trigger, tuple);
	}
	systable_endscan(scan);
	table_close(pg_trigger, AccessShareLock);
	return args;
}

/* ---- the trigger of a column ---- */

bool
trigger_find(Oid relid, const char *function_name, const char *column, FoundTrigger *found)
{
	Relation	pg_trigger = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			function = trigger_function_oid(function_name);
	bool		result = false;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	scan = systable_beginscan(pg_trigger, TriggerRelidNameIndexId, true, NULL, 1, &key);
	while (!result && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger form = (Form_pg_trigger) GETSTRUCT(tuple);

		if (form->tgfoid != function || form->tgnargs == 0 ||
			strcmp(catalog_arguments(pg_trigger, tuple)[0], column) != 0)
			continue;
		found->oid = form->oid;
		found->inherited = OidIsValid(form->tgparentid);
		found->name = form->tgname;
		result = true;
	}
	systable_endscan(scan);
	table_close(pg_trigger, AccessShareLock);
	return result;
}

Oid
trigger_root_relation(Oid trigger)
{
	Relation	pg_trigger = table_open(TriggerRelationId, AccessShareLock);
	Oid			relid = InvalidOid;

	while (OidIsValid(trigger))
	{
		ScanKeyData key;
		SysScanDesc scan;
		HeapTuple	tuple;
		Form_pg_trigger form;

		ScanKeyInit(&key, Anum_pg_trigger_oid, BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(trigger));
		scan = systable_beginscan(pg_trigger, TriggerOidIndexId, true, NULL, 1, &key);
		tuple = systable_getnext(scan);
		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "could not find trigger %u", trigger);
		form = (Form_pg_trigger) GETSTRUCT(tuple);
		relid = form->tgrelid;
		trigger = form->tgparentid;
		systable_endscan(scan);
	}
	table_close(pg_trigger, AccessShareLock);
	return relid;
}

/* ---- new triggers ---- */

void
trigger_check_is_table(Oid relid, const char *what)
{
	char		relkind = get_rel_relkind(relid);

	if (relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("\"%s\" is not a table", get_rel_name(relid)),
			 errhint("For a view, add the %s to the table under it.", what)));
}

char *
trigger_choose_name(Oid relid, const char *prefix, const char *column)
{
	for (int n = 0;; n++)
	{
		char		suffix[16] = "";
		int			length;
		char	   *name;

		if (n > 0)
			snprintf(suffix, sizeof(suffix), "_%d", n);
		length = pg_mbcliplen(column, strlen(column),
							  NAMEDATALEN - 1 - strlen(prefix) - strlen(suffix));
		name = psprintf("%s%.*s%s", prefix, length, column, suffix);
		if (!OidIsValid(get_trigger_oid(relid, name, true)))
			return name;
	}
}

void
trigger_required_arguments(FunctionCallInfo fcinfo, LOCKMODE mode, Oid *relid, char **column)
{
	*relid = owned_relation_argument(fcinfo, mode);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("snapshot_column must not be null"),
				 errhint("Name the column that has the documents.")));
	*column = NameStr(*PG_GETARG_NAME(1));
}
