/*-------------------------------------------------------------------------
 *
 * column.c
 *		Columns that can hold a snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compat.h"
#include "snapshot/column.h"
#include "snapshot/size.h"
#include "snapshot/zjsonb.h"

static Oid
zjsonb_type_oid(void)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("zjsonb"),
						   ObjectIdGetDatum(get_namespace_oid("cvwiz", false)));
}

SnapshotKind
snapshot_column_kind(Oid relid, const char *column, AttrNumber *attnum, Oid *type)
{
	AttrNumber	number = get_attnum(relid, column);
	Oid			column_type;
	Oid			base_type;

	if (number <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist",
						column, get_rel_name(relid)),
				 errhint("Mixed-case names are taken as they are, without double quotes.")));
	column_type = get_atttype(relid, number);
	if (attnum != NULL)
		*attnum = number;
	if (type != NULL)
		*type = column_type;

	base_type = getBaseType(column_type);
	if (base_type == JSONBOID)
		return SNAPSHOT_JSONB;
	if (base_type == JSONOID)
		return SNAPSHOT_JSON;
	if (base_type == zjsonb_type_oid())
		return SNAPSHOT_ZJSONB;

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of table \"%s\" is of type %s",
					column, get_rel_name(relid), format_type_be(column_type)),
			 errhint("Snapshots are in columns of type jsonb, json or cvwiz.zjsonb.")));
	return SNAPSHOT_JSONB;		/* not reached */
}

void
snapshot_check_not_generated(Oid relid, AttrNumber attnum)
{
	if (get_attgenerated(relid, attnum) == '\0')
		return;

	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("column \"%s\" of table \"%s\" is generated",
					get_attname(relid, attnum, false), get_rel_name(relid)),
			 errhint("Limit the columns that it is generated from.")));
}

uint64
snapshot_datum_size(SnapshotKind kind, Datum value)
{
	switch (kind)
	{
		case SNAPSHOT_JSONB:
			return snapshot_text_size(DatumGetJsonbP(value));
		case SNAPSHOT_JSON:
			return toast_raw_datum_size(value) - VARHDRSZ;
		case SNAPSHOT_ZJSONB:
			return zjsonb_raw_length(value);
	}
	return 0;					/* not reached */
}

Jsonb *
snapshot_datum_to_jsonb(SnapshotKind kind, Datum value)
{
	switch (kind)
	{
		case SNAPSHOT_JSONB:
			return DatumGetJsonbP(value);
		case SNAPSHOT_JSON:
			return DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
													  CStringGetDatum(TextDatumGetCString(value))));
		case SNAPSHOT_ZJSONB:
			return zjsonb_to_jsonb((ZJsonb *) PG_DETOAST_DATUM_PACKED(value));
	}
	return NULL;				/* not reached */
}

Datum
snapshot_datum_from_jsonb(SnapshotKind kind, Jsonb *jsonb)
{
	StringInfoData text;

	switch (kind)
	{
		case SNAPSHOT_JSONB:
			return JsonbPGetDatum(jsonb);
		case SNAPSHOT_JSON:
			initStringInfo(&text);
			(void) JsonbToCString(&text, &jsonb->root, VARSIZE(jsonb));
			return PointerGetDatum(cstring_to_text_with_len(text.data, text.len));
		case SNAPSHOT_ZJSONB:
			return PointerGetDatum(zjsonb_from_jsonb(jsonb));
	}
	return (Datum) 0;			/* not reached */
}

Oid
trigger_function_oid(const char *name)
{
	oidvector  *no_arguments = buildoidvector(NULL, 0);

	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum(name),
						   PointerGetDatum(no_arguments),
						   ObjectIdGetDatum(get_namespace_oid("cvwiz", false)));
}

/* Whether it fires in this session. */
static bool
is_active(const Trigger *trigger)
{
	if (trigger->tgenabled == TRIGGER_FIRES_ALWAYS)
		return true;
	return trigger->tgenabled == (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA ?
								  TRIGGER_FIRES_ON_REPLICA : TRIGGER_FIRES_ON_ORIGIN);
}

const Trigger *
active_trigger(Relation rel, const char *function, const char *column)
{
	Oid			oid = trigger_function_oid(function);

	if (rel->trigdesc == NULL)
		return NULL;
	for (int i = 0; i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (trigger->tgfoid == oid && trigger->tgnargs > 0 &&
			strcmp(trigger->tgargs[0], column) == 0 && is_active(trigger))
			return trigger;
	}
	return NULL;
}
