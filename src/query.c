/*-------------------------------------------------------------------------
 *
 * query.c
 *		SQL out of C: one statement a call, through SPI.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "privilege.h"
#include "query.h"

void
query_arg_or_null(QueryArgs *args, Oid type, Datum value, bool isnull)
{
	Assert(args->count < QUERY_MAX_ARGS);
	args->types[args->count] = type;
	args->values[args->count] = value;
	args->nulls[args->count] = isnull ? 'n' : ' ';
	args->count++;
}

void
query_arg(QueryArgs *args, Oid type, Datum value)
{
	query_arg_or_null(args, type, value, false);
}

void
query_oids_arg(QueryArgs *args, List *oids)
{
	Datum	   *elements = (Datum *) palloc(sizeof(Datum) * Max(1, list_length(oids)));
	int			count = 0;
	ListCell   *lc;

	foreach(lc, oids)
		elements[count++] = ObjectIdGetDatum(lfirst_oid(lc));
	query_arg(args, OIDARRAYOID,
			  PointerGetDatum(construct_array(elements, count, OIDOID, sizeof(Oid), true, TYPALIGN_INT)));
}

void
query_text_arg(QueryArgs *args, const char *value)
{
	query_arg_or_null(args, TEXTOID, value ? CStringGetTextDatum(value) : (Datum) 0,
					  value == NULL);
}

static void
check_result(const char *sql, int result)
{
	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", sql, SPI_result_code_string(result));
}

uint64
query_run(const char *sql, const QueryArgs *args)
{
	MemoryContext caller = CurrentMemoryContext;
	int			guc_level = secure_search_path();
	int			result;

	if (args == NULL)
		result = SPI_execute(sql, false, 0);
	else
		result = SPI_execute_with_args(sql, args->count,
									   (Oid *) args->types,
									   (Datum *) args->values,
									   args->nulls, false, 0);

	/* SPI leaves its own context behind, which ends with the connection */
	MemoryContextSwitchTo(caller);
	AtEOXact_GUC(false, guc_level);

	check_result(sql, result);
	return SPI_processed;
}

uint64
query_run_plan(QueryPlan *plan, const QueryArgs *args)
{
	MemoryContext caller = CurrentMemoryContext;
	int			guc_level = secure_search_path();
	int			result;

	if (plan->plan == NULL)
	{
		SPIPlanPtr	made = SPI_prepare(plan->sql, args->count, (Oid *) args->types);

		if (made == NULL)
			check_result(plan->sql, SPI_result);
		check_result(plan->sql, SPI_keepplan(made));
		plan->plan = made;
	}
	result = SPI_execute_plan(plan->plan, (Datum *) args->values, args->nulls, false, 0);

	MemoryContextSwitchTo(caller);
	AtEOXact_GUC(false, guc_level);

	check_result(plan->sql, result);
	return SPI_processed;
}

uint64
query_run_only(const char *sql, const QueryArgs *args)
{
	uint64		processed = query_run(sql, args);

	SPI_freetuptable(SPI_tuptable);
	return processed;
}

List *
query_oids(const char *sql, const QueryArgs *args)
{
	uint64		found = query_run(sql, args);
	List	   *result = NIL;

	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;

		result = lappend_oid(result, DatumGetObjectId(query_value(i, 1, &isnull)));
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/* Somebody's rule or trigger on our tables must not make us read beyond. */
static void
check_row(uint64 row)
{
	if (SPI_tuptable == NULL || row >= SPI_tuptable->numvals)
		elog(ERROR, "a query gave no row " UINT64_FORMAT, row);
}

Datum
query_value(uint64 row, int column, bool *isnull)
{
	check_row(row);
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 column, isnull);
}

/* SPI_getvalue() allocates in the caller's context. */
char *
query_text(uint64 row, int column)
{
	check_row(row);
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

char *
qualified_relation_name(Oid relid)
{
	char	   *name = get_rel_name(relid);

	if (name == NULL)
		return NULL;
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  name);
}
