/*-------------------------------------------------------------------------
 *
 * version_arguments.c
 *		The version store of a column: what its triggers are told, and the
 *		functions that make and drop them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "compat.h"
#include "guard.h"
#include "privilege.h"
#include "query.h"
#include "snapshot/column.h"
#include "snapshot/reduce.h"
#include "snapshot/trigger_catalog.h"
#include "snapshot/version.h"
#include "snapshot/version_repack.h"

PG_FUNCTION_INFO_V1(cvwiz_add_version_store);
PG_FUNCTION_INFO_V1(cvwiz_remove_version_store);
PG_FUNCTION_INFO_V1(cvwiz_trigger_version_store);
PG_FUNCTION_INFO_V1(cvwiz_forget_versions);

#define FOLLOW_NAME_PREFIX "~cvwiz_versions_after_"
#define FORGET_NAME_PREFIX "~cvwiz_versions_truncate_"

/* ---- reading ---- */

static bool
keeps_metadata(const char *keep)
{
	if (strcmp(keep, "metadata") != 0 && strcmp(keep, "nothing") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("keep is \"%s\"", keep),
				 errhint("It is one of metadata and nothing.")));
	return keep[0] == 'm';
}

void
version_parse_arguments(int nargs, char **args, StoreArguments *parsed)
{
	bool		has_chain = false;
	bool		has_keep = false;
	bool		malformed = false;

	memset(parsed, 0, sizeof(StoreArguments));
	parsed->column = nargs > 0 ? pstrdup(args[0]) : NULL;
	for (int i = 1; i < nargs; i++)
	{
		if (strncmp(args[i], "chain=", 6) == 0 && !has_chain)
		{
			parsed->chain_columns = trigger_parse_list(STORE_FUNCTION, args[i], args[i] + 6);
			has_chain = true;
		}
		else if (strncmp(args[i], "keep=", 5) == 0 && !has_keep)
		{
			parsed->with_metadata = keeps_metadata(args[i] + 5);
			has_keep = true;
		}
		else
			malformed = true;
	}

	if (malformed || !has_chain || !has_keep)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the arguments of cvwiz.store_version() are not a column, chain= and keep="),
				 errhint("EXECUTE FUNCTION cvwiz.store_version('snapshot', 'chain={resumeId}', 'keep=metadata').")));
}

/* The store's tables are not temporary: others would find there what they cannot read. */
static void
check_not_temporary(Oid relid)
{
	if (get_rel_persistence(relid) != RELPERSISTENCE_TEMP)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("table \"%s\" is temporary: it cannot have a version store", get_rel_name(relid)),
			 errhint("A temporary table ends with its session; keep versions in a table that others can read.")));
}

void
version_check_column(Oid relid, const char *column, AttrNumber *attnum, Oid *type)
{
	check_not_temporary(relid);
	if (snapshot_column_kind(relid, column, attnum, type) != SNAPSHOT_JSONB)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of table \"%s\" is of type %s: a version store needs jsonb",
						column, get_rel_name(relid), format_type_be(*type)),
				 errhint("ALTER TABLE … ALTER COLUMN … TYPE jsonb; the store compresses better than cvwiz.zjsonb.")));
	snapshot_check_not_generated(relid, *attnum);
}

/* ---- adding ---- */

TypeCacheEntry *
version_chain_type(Oid relid, AttrNumber attnum)
{
	TypeCacheEntry *type = lookup_type_cache(get_atttype(relid, attnum), TYPECACHE_HASH_EXTENDED_PROC_FINFO);

	if (!OidIsValid(type->hash_extended_proc))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("column \"%s\" of table \"%s\" cannot make a chain: its type %s cannot be hashed",
						get_attname(relid, attnum, false), get_rel_name(relid), format_type_be(type->type_id)),
				 errhint("Name other columns in chain_columns.")));
	return type;
}

static void
check_chain_column(Oid relid, const char *column, const char *name)
{
	AttrNumber	attnum = get_attnum(relid, name);

	if (attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist", name, get_rel_name(relid)),
				 errhint("chain_columns are names of columns, as in ARRAY['resumeId'].")));
	if (strcmp(name, column) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("chain_columns name the column \"%s\" of the documents", name),
				 errhint("Name the columns that the versions of one document have in common.")));
	if (get_attgenerated(relid, attnum) != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of table \"%s\" is generated", name, get_rel_name(relid)),
				 errhint("It has no value yet when the document is stored; name the columns that it is generated from.")));
	(void) version_chain_type(relid, attnum);
}

static ArrayType *
required_chain_columns(FunctionCallInfo fcinfo, Oid relid, const char *column)
{
	ArrayType  *array;
	Datum	   *elements;
	bool	   *nulls;
	int			count = 0;

	if (!PG_ARGISNULL(2))
	{
		array = PG_GETARG_ARRAYTYPE_P(2);
		deconstruct_array(array, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR, &elements, &nulls, &count);
	}
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("chain_columns must not contain NULL"),
					 errhint("Name the columns that the versions of one document have in common.")));
		check_chain_column(relid, column, NameStr(*DatumGetName(elements[i])));
	}
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("chain_columns are empty"),
				 errhint("Name the columns that the versions of one document have in common, as in ARRAY['resumeId'].")));
	return array;
}

/* An archive of the rows would have stubs, whose documents go with the partition. */
static void
check_not_archived(Oid relid)
{
	QueryArgs	args = {0};

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	if (query_run_only("SELECT FROM cvwiz.retention_policy p"
					   " WHERE p.relation = $1 AND p.archive_to IS NOT NULL", &args) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("the retention policy of table \"%s\" archives its rows: it cannot have a version store",
					get_rel_name(relid)),
			 errdetail("The archive would have stubs, and their documents would be dropped with the partition."),
			 errhint("cvwiz.alter_retention_policy(…, archive_to => '') ends archiving.")));
}

static void
create_trigger(Oid relid, const char *prefix, const char *column, const char *when,
			   const char *function, const char *further_arguments)
{
	query_run_only(psprintf("CREATE TRIGGER %s %s ON %s %s EXECUTE FUNCTION cvwiz.%s(%s%s)",
							quote_identifier(trigger_choose_name(relid, prefix, column)), when,
							qualified_relation_name(relid),
							strcmp(function, FORGET_FUNCTION) == 0 ? "FOR EACH STATEMENT" : "FOR EACH ROW",
							function, quote_literal_cstr(column), further_arguments),
				   NULL);
}

/*
 * SQL: cvwiz.add_version_store(relation regclass, snapshot_column name,
 *			chain_columns name[], keep text)
 */
Datum
cvwiz_add_version_store(PG_FUNCTION_ARGS)
{
	Oid			relid;
	char	   *column;
	AttrNumber	attnum;
	Oid			type;
	FoundTrigger found;
	ArrayType  *chain_columns;
	const char *keep;
	StringInfoData arguments;

	trigger_required_arguments(fcinfo, ShareRowExclusiveLock, &relid, &column);
	trigger_check_is_table(relid, "store");
	version_check_column(relid, column, &attnum, &type);
	if (trigger_find(relid, STORE_FUNCTION, column, &found))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("column \"%s\" of table \"%s\" has a version store already",
						column, get_rel_name(relid)),
				 errhint("cvwiz.remove_version_store() takes it away.")));
	chain_columns = required_chain_columns(fcinfo, relid, column);
	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("keep must not be null"),
				 errhint("It is one of metadata and nothing.")));
	keep = text_to_cstring(PG_GETARG_TEXT_PP(3));
	(void) keeps_metadata(keep);

	initStringInfo(&arguments);
	appendStringInfo(&arguments, ", %s, %s",
					 quote_literal_cstr(psprintf("chain=%s",
												 OidOutputFunctionCall(F_ARRAY_OUT, PointerGetDatum(chain_columns)))),
					 quote_literal_cstr(psprintf("keep=%s", keep)));

	SPI_connect();
	check_not_archived(relid);
	create_trigger(relid, STORE_NAME_PREFIX, column, "BEFORE INSERT OR UPDATE",
				   STORE_FUNCTION, arguments.data);
	create_trigger(relid, FOLLOW_NAME_PREFIX, column, "AFTER INSERT OR UPDATE OR DELETE",
				   FOLLOW_FUNCTION, "");
	create_trigger(relid, FORGET_NAME_PREFIX, column, "AFTER TRUNCATE", FORGET_FUNCTION, "");
	SPI_finish();
	PG_RETURN_VOID();
}

/* ---- letting go of all versions of a table ---- */

/*
 * The versions are dead from now on; the table's next ones come under another
 * number.  The caller is connected to SPI, is the extension's owner, and knows
 * that no row has any of them.
 */
static void
let_go(Oid relid, const char *column)
{
	QueryArgs	args = {0};

	query_oids_arg(&args, version_tree(relid));
	query_text_arg(&args, column);
	query_run_only("UPDATE cvwiz.version_source s SET relation = NULL"
				   " WHERE s.relation::pg_catalog.oid = ANY ($1) AND s.snapshot_column = $2",
				   &args);
}

/*
 * SQL: cvwiz.forget_versions() RETURNS trigger
 */
Datum
cvwiz_forget_versions(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	SavedPrivileges saved;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) || trigger->tg_trigger->tgnargs != 1)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("cvwiz.forget_versions() was not fired by an AFTER TRUNCATE trigger with one argument, the column"),
				 errhint("cvwiz.add_version_store() makes such a trigger.")));

	SPI_connect();
	become_extension_owner(&saved);
	let_go(RelationGetRelid(trigger->tg_relation), trigger->tg_trigger->tgargs[0]);
	restore_privileges(&saved);
	SPI_finish();
	return PointerGetDatum(NULL);
}

/* ---- removing ---- */

static void
drop_trigger(Oid relid, const char *function, const char *column)
{
	FoundTrigger found;

	if (trigger_find(relid, function, column, &found))
		query_run_only(psprintf("DROP TRIGGER %s ON %s", quote_identifier(NameStr(found.name)),
								qualified_relation_name(relid)),
					   NULL);
}

/* Rows that are newer than the transaction's snapshot would keep their stubs. */
static void
check_sees_all_rows(void)
{
	if (!IsolationUsesXactSnapshot())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
			 errmsg("cvwiz.remove_version_store() needs a transaction with isolation level READ COMMITTED"),
			 errdetail("Documents that were stored since the transaction began would be lost."),
			 errhint("BEGIN ISOLATION LEVEL READ COMMITTED, or leave the stubs with restore => false.")));
}

/*
 * The documents are back in their rows.  But a version knows the name that its
 * column had when it was stored, which can be this one's by now.
 */
static void
let_go_of_restored(Oid relid, const char *column)
{
	List	   *tree = version_tree(relid);
	SavedPrivileges saved;
	ListCell   *lc;
	bool		held = false;

	foreach(lc, tree)
		held = held || version_is_held(lfirst_oid(lc), column);
	if (!held)
	{
		become_extension_owner(&saved);
		let_go(relid, column);
		restore_privileges(&saved);
		return;
	}
	foreach(lc, tree)
	{
		SweepJob	job = {.relid = lfirst_oid(lc), .named = true};

		version_sweep(&job);
	}
}

/*
 * SQL: cvwiz.remove_version_store(relation regclass, snapshot_column name, restore boolean)
 */
Datum
cvwiz_remove_version_store(PG_FUNCTION_ARGS)
{
	Oid			relid;
	char	   *column;
	FoundTrigger found;

	trigger_required_arguments(fcinfo, AccessExclusiveLock, &relid, &column);
	if (!trigger_find(relid, STORE_FUNCTION, column, &found))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("column \"%s\" of table \"%s\" has no version store",
						column, get_rel_name(relid)),
				 errhint("cvwiz.version_stores lists those that there are.")));
	if (found.inherited)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" has its version store from the table that it is a partition of",
						get_rel_name(relid)),
				 errhint("Remove it from that table.")));
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("restore must not be null"),
				 errhint("true puts the documents back into the column, false leaves the stubs.")));
	if (PG_GETARG_BOOL(2))
		check_sees_all_rows();

	SPI_connect();
	drop_trigger(relid, STORE_FUNCTION, column);
	drop_trigger(relid, FOLLOW_FUNCTION, column);
	drop_trigger(relid, FORGET_FUNCTION, column);
	if (PG_GETARG_BOOL(2))
	{
		version_restore_documents(relid, column);
		let_go_of_restored(relid, column);
	}
	SPI_finish();
	PG_RETURN_VOID();
}

/* ---- the view ---- */

typedef struct StoreRequest
{
	int			nargs;
	char	  **args;
	StoreArguments parsed;
} StoreRequest;

static void
parse_action(void *arg)
{
	StoreRequest *request = (StoreRequest *) arg;

	version_parse_arguments(request->nargs, request->args, &request->parsed);
}

static ArrayType *
names_array(List *names)
{
	Datum	   *elements = (Datum *) palloc(sizeof(Datum) * Max(1, list_length(names)));
	int			count = 0;
	ListCell   *lc;

	foreach(lc, names)
		elements[count++] = DirectFunctionCall1(namein, CStringGetDatum(lfirst(lc)));
	return construct_array(elements, count, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR);
}

/*
 * SQL: cvwiz.trigger_version_store(trigger oid, OUT snapshot_column name,
 *			OUT chain_columns name[], OUT keep text)
 */
Datum
cvwiz_trigger_version_store(PG_FUNCTION_ARGS)
{
	StoreRequest request;
	TupleDesc	tupdesc;
	Datum		values[3] = {0};
	bool		nulls[3] = {true, true, true};
	NameData	column;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	request.args = trigger_arguments(PG_GETARG_OID(0), STORE_FUNCTION, &request.nargs);
	if (request.args == NULL)
		PG_RETURN_NULL();

	if (request.nargs > 0)
	{
		namestrcpy(&column, request.args[0]);
		values[0] = NameGetDatum(&column);
		nulls[0] = false;
	}
	if (guard(parse_action, &request) == NULL)
	{
		values[1] = PointerGetDatum(names_array(request.parsed.chain_columns));
		values[2] = CStringGetTextDatum(request.parsed.with_metadata ? "metadata" : "nothing");
		nulls[1] = nulls[2] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}
