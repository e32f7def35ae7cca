/*-------------------------------------------------------------------------
 *
 * convert_plan.c
 *		What is to be done for a conversion, or its undo, by where it stands.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "privilege.h"
#include "query.h"
#include "retention/bounds.h"
#include "retention/convert.h"
#include "retention/convert_definition.h"
#include "retention/partition.h"
#include "retention/policy.h"

/*
 * While the range check stands, rows of the cutoff and later are refused. So
 * a new one leaves a week at least, and one that an interrupted call has left
 * is moved on when less than a day remains of it.
 */
#define CUTOFF_LEAD		(7 * USECS_PER_DAY)
#define CUTOFF_LEAST	(1 * USECS_PER_DAY)

#define DEFAULT_PREMAKE_MONTHS 3

/* ---- the end of the old partition ---- */

/* Whether the end of the old partition is far enough away. */
static bool
cutoff_fits(const Conversion *conversion, TimestampTz cutoff)
{
	return cutoff >= conversion->now + CUTOFF_LEAST;
}

/* After the newest row, and far enough ahead. */
static TimestampTz
choose_cutoff(const Conversion *conversion)
{
	TimestampTz cutoff = month_start(conversion->now + CUTOFF_LEAD, 1);
	SavedPrivileges saved;
	bool		isnull;
	Datum		value;
	TimestampTz newest = DT_NOBEGIN;

	if (!lock_as_owner(conversion->relid, AccessShareLock, &saved))
		relation_gone_error(conversion->relid);
	query_run(psprintf("SELECT max(%s) FROM %s", quote_identifier(NameStr(conversion->column.name)),
					   qualified_relation_name(conversion->relid)),
			  NULL);
	value = query_value(0, 1, &isnull);
	if (!isnull)
		newest = time_from_datum(value, conversion->column.type);
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);

	/* what is later than the limit, convert_check() has found */
	if (newest >= cutoff && newest < month_start(conversion->now, CONVERT_MAX_MONTHS_AHEAD))
		cutoff = month_start(newest, 1);
	return cutoff;
}

/* ---- steps ---- */

static ConvertStep *
make_step(ConvertAction action, Oid table, List *statements)
{
	ConvertStep *step = (ConvertStep *) palloc0(sizeof(ConvertStep));

	step->action = action;
	step->table = table;
	step->statements = statements;
	return step;
}

static ConvertStep *
make_simple_step(ConvertAction action, Oid table, char *sql)
{
	return make_step(action, table, convert_add(NIL, sql));
}

static ConvertStep *
drop_check_step(const Conversion *conversion)
{
	return make_simple_step(CONVERT_DROP_CHECK, conversion->relid,
							psprintf("ALTER TABLE %s DROP CONSTRAINT %s",
									 qualified_relation_name(conversion->relid), CONVERT_CHECK_NAME));
}

static ConvertStep *
drop_index_step(Oid table, const char *index)
{
	return make_simple_step(CONVERT_DROP_INDEX, table,
							psprintf("DROP INDEX CONCURRENTLY %s",
									 quote_qualified_identifier(get_namespace_name(get_rel_namespace(table)), index)));
}

static List *
plan_range_check(const Conversion *conversion, TimestampTz *cutoff)
{
	char	   *table = qualified_relation_name(conversion->relid);
	const char *column = quote_identifier(NameStr(conversion->column.name));
	List	   *steps = NIL;
	bool		valid = false;
	bool		found = convert_range_check(conversion, cutoff, &valid);

	if (found && !cutoff_fits(conversion, *cutoff))
	{
		steps = lappend(steps, drop_check_step(conversion));
		found = valid = false;
	}
	if (!found)
	{
		*cutoff = choose_cutoff(conversion);
		steps = lappend(steps,
						make_simple_step(CONVERT_ADD_CHECK, conversion->relid,
										 psprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NOT NULL AND %s < %s) NOT VALID",
												  table, CONVERT_CHECK_NAME, column, column,
												  time_literal(*cutoff, conversion->column.type))));
	}
	if (!valid)
		steps = lappend(steps, make_simple_step(CONVERT_VALIDATE, conversion->relid,
												psprintf("ALTER TABLE %s VALIDATE CONSTRAINT %s",
														 table, CONVERT_CHECK_NAME)));
	return steps;
}

static List *
plan_index(Oid table, const ConvertIndex *index)
{
	List	   *steps = NIL;

	if (index == NULL || index->ready)
		return NIL;
	if (OidIsValid(index->relid))
		steps = lappend(steps, drop_index_step(table, index->name));
	return lappend(steps, make_simple_step(CONVERT_BUILD_INDEX, table,
										   psprintf("CREATE UNIQUE INDEX CONCURRENTLY %s", index->definition)));
}

/* What an earlier call has left, and this one does not want. */
static List *
plan_left_index(Oid table, const char *suffix)
{
	char	   *name = psprintf("cvwiz_%u_%s", table, suffix);
	Oid			index = get_relname_relid(name, get_rel_namespace(table));

	if (!OidIsValid(index))
		return NIL;
	return list_make1(drop_index_step(table, name));
}

static List *
plan_create(const Conversion *conversion, List *partitions)
{
	RetentionPolicy *policy = policy_read(conversion->relid, POLICY_READ);
	int			months = policy != NULL ? policy->premake_months : DEFAULT_PREMAKE_MONTHS;
	List	   *steps = NIL;
	List	   *taken = NIL;
	ListCell   *lc;

	foreach(lc, uncovered_months(partitions, conversion->now, months))
	{
		TimeRange  *gap = (TimeRange *) lfirst(lc);
		char	   *name = partition_choose_name(conversion->relid, gap->lower, taken);
		ConvertStep *step = make_step(CONVERT_CREATE, conversion->relid, NIL);
		ListCell   *statement;

		taken = lappend(taken, name);
		step->range = *gap;
		foreach(statement, partition_statements(conversion->relid, &conversion->column, name, *gap))
			step->statements = convert_add(step->statements, (char *) lfirst(statement));
		steps = lappend(steps, step);
	}
	return steps;
}

static List *
plan_policy(const Conversion *conversion)
{
	RetentionPolicy *policy;
	char	   *table;

	if (conversion->retention_days == 0)
		return NIL;
	policy = policy_read(conversion->relid, POLICY_READ);
	if (policy != NULL && policy->retention_days == conversion->retention_days)
		return NIL;
	table = quote_literal_cstr(qualified_relation_name(conversion->relid));
	return list_make1(make_simple_step(CONVERT_SET_POLICY, conversion->relid,
									   psprintf("SELECT cvwiz.%s_retention_policy(%s, retention_days => %d)",
												policy != NULL ? "alter" : "add", table,
												conversion->retention_days)));
}

static List *
plan_conversion(const Conversion *conversion)
{
	TimestampTz cutoff;
	PartitionRange old = {0};
	ConvertIndex *unique = convert_unique_index(conversion);
	List	   *steps = plan_range_check(conversion, &cutoff);

	steps = list_concat(steps, plan_index(conversion->relid, convert_key_index(conversion)));
	steps = list_concat(steps, plan_index(conversion->relid, unique));
	if (unique == NULL)
		steps = list_concat(steps, plan_left_index(conversion->relid, "unique"));
	steps = lappend(steps, make_step(CONVERT_SWAP, conversion->relid,
									 convert_swap_statements(conversion, cutoff)));

	old.range.lower = DT_NOBEGIN;
	old.range.upper = cutoff;
	return list_concat(steps, plan_create(conversion, list_make1(&old)));
}

static List *
plan_undo(const Conversion *conversion)
{
	List	   *steps;
	TimestampTz cutoff;
	bool		valid;

	if (OidIsValid(conversion->legacy))
	{
		ConvertStep *swap_back = make_step(CONVERT_SWAP_BACK, conversion->relid,
										   convert_swap_back_statements(conversion));

		swap_back->legacy = conversion->legacy;
		return lappend(plan_index(conversion->legacy, convert_key_index(conversion)), swap_back);
	}

	/* not converted yet, or not any more: what an interrupted call has left */
	steps = list_concat(plan_left_index(conversion->relid, "key"),
						plan_left_index(conversion->relid, "unique"));
	if (convert_range_check(conversion, &cutoff, &valid))
		steps = lcons(drop_check_step(conversion), steps);
	return steps;
}

List *
convert_plan(const Conversion *conversion)
{
	int			guc_level = secure_search_path();
	List	   *steps;

	if (conversion->undo)
		steps = plan_undo(conversion);
	else if (OidIsValid(conversion->legacy))
		/* the first one is what an undo may have left */
		steps = list_concat(plan_left_index(conversion->legacy, "key"),
							plan_create(conversion, partition_ranges(conversion->relid)));
	else
		steps = plan_conversion(conversion);
	if (!conversion->undo)
		steps = list_concat(steps, plan_policy(conversion));
	AtEOXact_GUC(false, guc_level);
	return steps;
}

/* ---- for people ---- */

const char *
convert_action_name(ConvertAction action)
{
	static const char *const names[] = {
		[CONVERT_DROP_CHECK] = "drop check",
		[CONVERT_ADD_CHECK] = "add check",
		[CONVERT_VALIDATE] = "validate check",
		[CONVERT_DROP_INDEX] = "drop index",
		[CONVERT_BUILD_INDEX] = "build index",
		[CONVERT_SWAP] = "swap",
		[CONVERT_CREATE] = "create partition",
		[CONVERT_SET_POLICY] = "set policy",
		[CONVERT_SWAP_BACK] = "swap back",
	};

	return names[action];
}

LOCKMODE
convert_lock_mode(const ConvertStep *step)
{
	switch (step->action)
	{
		case CONVERT_DROP_CHECK:
		case CONVERT_ADD_CHECK:
		case CONVERT_SWAP:
		case CONVERT_SWAP_BACK:
			return AccessExclusiveLock;
		case CONVERT_VALIDATE:
		case CONVERT_DROP_INDEX:
		case CONVERT_BUILD_INDEX:
		case CONVERT_CREATE:
			return ShareUpdateExclusiveLock;
		case CONVERT_SET_POLICY:
			return AccessShareLock;
	}
	return NoLock;				/* keep the compiler quiet */
}

const char *
convert_blocks(ConvertAction action)
{
	switch (action)
	{
		case CONVERT_DROP_CHECK:
		case CONVERT_ADD_CHECK:
			return "reads and writes for a moment; reads no rows";
		case CONVERT_SWAP:
		case CONVERT_SWAP_BACK:
			return "reads and writes for a moment, those of tables that foreign keys refer to as well; reads no rows";
		case CONVERT_VALIDATE:
			return "no reads or writes; reads every row";
		case CONVERT_BUILD_INDEX:
			return "no reads or writes; reads every row, and waits for older transactions of the database";
		case CONVERT_DROP_INDEX:
			return "no reads or writes; waits for transactions that use the table";
		case CONVERT_CREATE:
			return "no reads or writes; writes of tables that foreign keys refer to, for a moment";
		case CONVERT_SET_POLICY:
			return "nothing";
	}
	return NULL;				/* keep the compiler quiet */
}
