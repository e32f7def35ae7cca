/*-------------------------------------------------------------------------
 *
 * arguments.c
 *		The trigger's arguments, and the functions that write and read them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "guard.h"
#include "privilege.h"
#include "query.h"
#include "snapshot/column.h"
#include "snapshot/trigger.h"
#include "snapshot/trigger_catalog.h"

PG_FUNCTION_INFO_V1(cvwiz_add_snapshot_limits);
PG_FUNCTION_INFO_V1(cvwiz_remove_snapshot_limits);
PG_FUNCTION_INFO_V1(cvwiz_trigger_limits);

/*
 * BEFORE triggers fire in the order of the bytes of their names; the tilde is
 * the last of ASCII.
 */
#define TRIGGER_NAME_PREFIX "~cvwiz_limits_"

/* ---- reading ---- */

static const char *const oversize_actions[] = {"reduce", "truncate", "reject"};

static OversizeAction
oversize_action_from_name(const char *name)
{
	for (size_t i = 0; i < lengthof(oversize_actions); i++)
	{
		if (strcmp(name, oversize_actions[i]) == 0)
			return (OversizeAction) i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("on_oversize is \"%s\"", name),
			 errhint("It is one of reduce, truncate and reject.")));
	return OVERSIZE_REDUCE;		/* not reached */
}

static const char *
oversize_action_name(OversizeAction action)
{
	return oversize_actions[action];
}

static int
parse_positive(const char *argument, const char *value)
{
	char	   *end;
	long		number;

	errno = 0;
	number = strtol(value, &end, 10);
	if (!isdigit((unsigned char) value[0]) || errno != 0 || end == value || *end != '\0' || number <= 0 || number > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("trigger argument \"%s\" has no positive number", argument),
				 errhint("Write it as in max_size=512000.")));
	return (int) number;
}

void
trigger_parse_arguments(int nargs, char **args, TriggerArguments *parsed)
{
	static const char *const names[] = {
		"on_oversize", "max_size", "warning_size", "max_array_length", "recent_by", "fields"
	};
	bool		seen[lengthof(names)] = {false};

	memset(parsed, 0, sizeof(TriggerArguments));
	if (nargs == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cvwiz.enforce_snapshot_limits() was given no column"),
				 errhint("EXECUTE FUNCTION cvwiz.enforce_snapshot_limits('snapshot', 'max_size=512000').")));
	parsed->column = pstrdup(args[0]);

	for (int i = 1; i < nargs; i++)
	{
		char	   *equals = strchr(args[i], '=');
		const char *value = equals != NULL ? equals + 1 : "";
		size_t		length = equals != NULL ? (size_t) (equals - args[i]) : 0;
		size_t		which = 0;

		while (which < lengthof(names) &&
			   (strlen(names[which]) != length || strncmp(args[i], names[which], length) != 0))
			which++;
		if (which == lengthof(names) || seen[which])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 which == lengthof(names) ?
					 errmsg("trigger argument \"%s\" is not known", args[i]) :
					 errmsg("trigger argument \"%s\" repeats another", args[i]),
					 errhint("After the column come on_oversize=, max_size=, warning_size=, max_array_length=, recent_by= and fields=, each at most once.")));
		seen[which] = true;

		switch (which)
		{
			case 0:
				parsed->on_oversize = oversize_action_from_name(value);
				break;
			case 1:
				parsed->given.has_max_size = true;
				parsed->given.max_size = parse_positive(args[i], value);
				break;
			case 2:
				parsed->given.has_warning_size = true;
				parsed->given.warning_size = parse_positive(args[i], value);
				break;
			case 3:
				parsed->given.has_max_array_length = true;
				parsed->given.max_array_length = parse_positive(args[i], value);
				break;
			case 4:
				parsed->options.recent_by = pstrdup(value);
				break;
			case 5:
				parsed->options.fields = trigger_parse_list(LIMITS_FUNCTION, args[i], value);
				break;
		}
	}
}

typedef struct ParseRequest
{
	int			nargs;
	char	  **args;
	TriggerArguments parsed;
	SnapshotLimits limits;
} ParseRequest;

static void
parse_action(void *arg)
{
	ParseRequest *request = (ParseRequest *) arg;

	trigger_parse_arguments(request->nargs, request->args, &request->parsed);
	limits_resolve(&request->parsed.given, &request->limits);
}

/* ---- writing ---- */

static void
append_argument(StringInfo sql, const char *argument)
{
	appendStringInfo(sql, ", %s", quote_literal_cstr(argument));
}

static void
append_int_argument(StringInfo sql, FunctionCallInfo fcinfo, int n, const char *name)
{
	if (!PG_ARGISNULL(n))
		append_argument(sql, psprintf("%s=%d", name, PG_GETARG_INT32(n)));
}

/*
 * SQL: cvwiz.add_snapshot_limits(relation regclass, snapshot_column name,
 *			on_oversize text, max_size int, warning_size int,
 *			max_array_length int, recent_by text, fields text[])
 */
Datum
cvwiz_add_snapshot_limits(PG_FUNCTION_ARGS)
{
	Oid			relid;
	char	   *column;
	AttrNumber	attnum;
	FoundTrigger found;
	StringInfoData sql;
	TriggerArguments arguments = {0};
	SnapshotLimits limits;

	trigger_required_arguments(fcinfo, ShareRowExclusiveLock, &relid, &column);
	trigger_check_is_table(relid, "limits");
	(void) snapshot_column_kind(relid, column, &attnum, NULL);
	snapshot_check_not_generated(relid, attnum);
	if (trigger_find(relid, LIMITS_FUNCTION, column, &found))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("column \"%s\" of table \"%s\" has snapshot limits already",
						column, get_rel_name(relid)),
				 errhint("cvwiz.remove_snapshot_limits() takes them away.")));

	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("on_oversize must not be null"),
				 errhint("It is one of reduce, truncate and reject.")));
	arguments.on_oversize = oversize_action_from_name(text_to_cstring(PG_GETARG_TEXT_PP(2)));
	limits_from_arguments(fcinfo, 3, &limits);	/* complains */

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TRIGGER %s BEFORE INSERT OR UPDATE ON %s FOR EACH ROW"
					 " EXECUTE FUNCTION cvwiz.enforce_snapshot_limits(%s",
					 quote_identifier(trigger_choose_name(relid, TRIGGER_NAME_PREFIX, column)),
					 qualified_relation_name(relid), quote_literal_cstr(column));
	append_argument(&sql, psprintf("on_oversize=%s", oversize_action_name(arguments.on_oversize)));
	append_int_argument(&sql, fcinfo, 3, "max_size");
	append_int_argument(&sql, fcinfo, 4, "warning_size");
	append_int_argument(&sql, fcinfo, 5, "max_array_length");
	if (!PG_ARGISNULL(6))
		append_argument(&sql, psprintf("recent_by=%s", text_to_cstring(PG_GETARG_TEXT_PP(6))));
	if (!PG_ARGISNULL(7))
		append_argument(&sql, psprintf("fields=%s",
									   OidOutputFunctionCall(F_ARRAY_OUT, PG_GETARG_DATUM(7))));
	appendStringInfoChar(&sql, ')');

	SPI_connect();
	query_run_only(sql.data, NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * SQL: cvwiz.remove_snapshot_limits(relation regclass, snapshot_column name)
 */
Datum
cvwiz_remove_snapshot_limits(PG_FUNCTION_ARGS)
{
	Oid			relid;
	char	   *column;
	FoundTrigger found;

	trigger_required_arguments(fcinfo, AccessExclusiveLock, &relid, &column);
	if (!trigger_find(relid, LIMITS_FUNCTION, column, &found))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("column \"%s\" of table \"%s\" has no snapshot limits",
						column, get_rel_name(relid)),
				 errhint("cvwiz.snapshot_limits lists those that there are.")));
	if (found.inherited)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" has its snapshot limits from the table that it is a partition of",
						get_rel_name(relid)),
				 errhint("Remove them from that table.")));

	SPI_connect();
	query_run_only(psprintf("DROP TRIGGER %s ON %s", quote_identifier(NameStr(found.name)),
							qualified_relation_name(relid)),
				   NULL);
	SPI_finish();
	PG_RETURN_VOID();
}

/* ---- the view ---- */

/*
 * SQL: cvwiz.trigger_limits(trigger oid, OUT snapshot_column name,
 *			OUT on_oversize text, OUT max_size int, OUT warning_size int,
 *			OUT max_array_length int, OUT recent_by text, OUT fields text[])
 *
 * The limits in force, settings included; of malformed arguments, which a
 * trigger made by hand can have, the column only.
 */
Datum
cvwiz_trigger_limits(PG_FUNCTION_ARGS)
{
	ParseRequest request;
	TriggerArguments *arguments = &request.parsed;
	TupleDesc	tupdesc;
	Datum		values[7] = {0};
	bool		nulls[7] = {false};
	NameData	column;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	request.args = trigger_arguments(PG_GETARG_OID(0), LIMITS_FUNCTION, &request.nargs);
	if (request.args == NULL)
		PG_RETURN_NULL();

	if (guard(parse_action, &request) != NULL)
	{
		memset(nulls, true, sizeof(nulls));
		if (request.nargs > 0)
		{
			namestrcpy(&column, request.args[0]);
			values[0] = NameGetDatum(&column);
			nulls[0] = false;
		}
		PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
	}

	namestrcpy(&column, arguments->column);
	values[0] = NameGetDatum(&column);
	values[1] = CStringGetTextDatum(oversize_action_name(arguments->on_oversize));
	values[2] = Int32GetDatum(request.limits.max_size);
	values[3] = Int32GetDatum(request.limits.warning_size);
	values[4] = Int32GetDatum(request.limits.max_array_length);
	nulls[5] = arguments->options.recent_by == NULL;
	if (!nulls[5])
		values[5] = CStringGetTextDatum(arguments->options.recent_by);
	nulls[6] = arguments->options.fields == NIL;
	if (!nulls[6])
	{
		int			count = list_length(arguments->options.fields);
		Datum	   *fields = (Datum *) palloc(sizeof(Datum) * count);

		for (int i = 0; i < count; i++)
			fields[i] = CStringGetTextDatum((char *) list_nth(arguments->options.fields, i));
		values[6] = PointerGetDatum(construct_array(fields, count, TEXTOID, -1, false, TYPALIGN_INT));
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
