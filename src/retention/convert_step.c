/*-------------------------------------------------------------------------
 *
 * convert_step.c
 *		Doing one step of a conversion or of its undo.
 *
 * A table is locked exclusively three times at most, shortly.  Who waits for
 * ACCESS EXCLUSIVE makes all that come later wait as well, so an attempt
 * takes no longer than LOCK_BUDGET_MS to get it, and there are many.  What may
 * be waited for without anybody noticing (autovacuum, other DDL) is waited
 * for before, in SHARE UPDATE EXCLUSIVE mode.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "background/toplevel.h"
#include "guard.h"
#include "privilege.h"
#include "query.h"
#include "retention/convert.h"
#include "retention/convert_step.h"
#include "retention/partition.h"
#include "settings.h"
#include "transaction.h"

#define LOCK_BUDGET_MS		100
#define LOCK_ATTEMPTS		120
#define LOCK_PAUSE_MS		1000

/* The end of this process' last transaction, for the log. */
static instr_time committed_at;

/* ---- locks ---- */

/*
 * Shorter than it takes others to look for a deadlock: of two that wait for
 * one another it is always us who let go.
 */
static int
lock_budget(void)
{
	return Max(Min(Min(setting_lock_timeout, LOCK_BUDGET_MS), DeadlockTimeout / 2), 1);
}

/* Longer than it takes an autovacuum to give way. */
static int
patient_lock_timeout(void)
{
	return Max(setting_lock_timeout, DeadlockTimeout + 2000);
}

/* All locks of an attempt have one budget: others wait for us meanwhile. */
static void
lock_within(Oid relid, LOCKMODE mode, TimestampTz deadline)
{
	long		left = (deadline - GetCurrentTimestamp()) / 1000;

	set_lock_timeout((int) left);
	LockRelationOid(relid, mode);
}

/* The tables that the table's foreign keys refer to, in the order of their OIDs. */
static List *
referenced_tables(Oid relid)
{
	QueryArgs	args = {0};

	query_arg(&args, OIDOID, ObjectIdGetDatum(relid));
	return query_oids("SELECT DISTINCT confrelid FROM pg_catalog.pg_constraint"
					  " WHERE conrelid = $1 AND contype = 'f' AND confrelid <> $1 ORDER BY confrelid",
					  &args);
}

/*
 * The table first, then its partitions, then the tables that it refers to: a
 * foreign key comes or goes with their triggers, and attaching a table that
 * has it already drops triggers of theirs, which takes ACCESS EXCLUSIVE.
 */
static void
lock_exclusively(Converter *converter, List *partitions, List *referenced)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), lock_budget());
	ListCell   *lc;

	lock_within(converter->conversion.relid, AccessExclusiveLock, deadline);
	INSTR_TIME_SET_CURRENT(converter->locked_at);
	converter->is_locked = true;
	foreach(lc, partitions)
		lock_within(lfirst_oid(lc), AccessExclusiveLock, deadline);
	foreach(lc, referenced)
		lock_within(lfirst_oid(lc), AccessExclusiveLock, deadline);

	/* for sequences, which the statements lock */
	set_lock_timeout(lock_budget());
}

/* ---- bookkeeping ---- */

/* The policy and the log of its runs stay with the table of that name. */
static void
move_policy(Oid from, Oid to)
{
	QueryArgs	args = {0};

	query_arg(&args, OIDOID, ObjectIdGetDatum(from));
	query_arg(&args, OIDOID, ObjectIdGetDatum(to));
	query_run_only("UPDATE cvwiz.retention_policy SET relation = $2 WHERE relation = $1", &args);
	query_run_only("UPDATE cvwiz.retention_run SET relation = $2 WHERE relation = $1", &args);
}

static void
remember_conversion(const Conversion *conversion, Oid parent, bool key_extended)
{
	QueryArgs	args = {0};
	SavedPrivileges saved;

	query_arg(&args, OIDOID, ObjectIdGetDatum(parent));
	query_arg(&args, OIDOID, ObjectIdGetDatum(conversion->relid));
	query_arg(&args, BOOLOID, BoolGetDatum(key_extended));
	query_arg(&args, BOOLOID, BoolGetDatum(conversion->time_not_null));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(conversion->now));
	become_extension_owner(&saved);
	query_run_only("INSERT INTO cvwiz.conversion (relation, legacy, key_extended, time_not_null, converted_at)"
				   " VALUES ($1, $2, $3, $4, $5)", &args);
	move_policy(conversion->relid, parent);
	restore_privileges(&saved);
}

static void
forget_conversion(const Conversion *conversion)
{
	QueryArgs	args = {0};
	SavedPrivileges saved;

	query_arg(&args, OIDOID, ObjectIdGetDatum(conversion->relid));
	become_extension_owner(&saved);
	query_run_only("DELETE FROM cvwiz.conversion WHERE relation = $1", &args);
	move_policy(conversion->relid, conversion->legacy);
	restore_privileges(&saved);
}

/* ---- steps in a transaction ---- */

/* The step as it is to be done now; NULL where it is not the next any more. */
static ConvertStep *
confirm_step(Converter *converter)
{
	List	   *steps;

	check_relation_owner(converter->conversion.relid);
	convert_read(&converter->conversion, converter->time_column);
	steps = convert_plan(&converter->conversion);
	if (steps == NIL || ((ConvertStep *) linitial(steps))->action != converter->step->action)
		return NULL;
	return (ConvertStep *) linitial(steps);
}

/*
 * As the table's owner, but for what is the caller's.  The table's OID is that
 * of the old one throughout, or gone before the last of the caller's.
 */
static void
run_statements(const Conversion *conversion, List *statements)
{
	SavedPrivileges saved;
	bool		as_owner = false;
	ListCell   *lc;

	foreach(lc, statements)
	{
		ConvertStatement *statement = (ConvertStatement *) lfirst(lc);

		if (statement->as_caller && as_owner)
			restore_privileges(&saved);
		if (!statement->as_caller && !as_owner)
		{
			if (!lock_as_owner(conversion->relid, AccessShareLock, &saved))
				relation_gone_error(conversion->relid);
			set_lock_timeout(lock_budget());
			/* a session's default is not where the table's partitions go */
			set_locally("default_tablespace", "");
			/* of indexes that get other names, which the plan has told */
			set_locally("client_min_messages", "warning");
		}
		as_owner = !statement->as_caller;
		query_run_only(statement->sql, NULL);
	}
	if (as_owner)
		restore_privileges(&saved);
}

static void
check_others_are_empty(const Conversion *conversion, List *partitions)
{
	SavedPrivileges saved;
	ListCell   *lc;

	if (!lock_as_owner(conversion->relid, AccessShareLock, &saved))
		relation_gone_error(conversion->relid);
	foreach(lc, partitions)
	{
		bool		found;

		if (lfirst_oid(lc) == conversion->legacy)
			continue;
		found = query_run(psprintf("SELECT FROM %s LIMIT 1", qualified_relation_name(lfirst_oid(lc))),
						  NULL) > 0;
		SPI_freetuptable(SPI_tuptable);
		if (found)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("partition \"%s\" has got rows in the meantime", get_rel_name(lfirst_oid(lc))),
					 errhint("Once rows have come into other partitions, the table stays partitioned.")));
	}
	restore_privileges(&saved);
}

static void
check_is_attached(Oid parent, Oid legacy)
{
	if (OidIsValid(parent) && partition_range(parent, legacy) != NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("the table's name came to stand for another table in the middle of the step"),
			 errdetail("What the step has done is undone."),
			 errhint("Call again.")));
}

static void
exclusive_step(Converter *converter)
{
	Conversion *conversion = &converter->conversion;
	char	   *name = get_rel_name(conversion->relid);
	Oid			namespace = get_rel_namespace(conversion->relid);
	List	   *partitions = NIL;
	List	   *referenced = NIL;
	bool		key_extended = false;
	ConvertStep *step;

	set_lock_timeout(patient_lock_timeout());
	LockRelationOid(conversion->relid, ShareUpdateExclusiveLock);

	/* nobody changes the table's definition any more */
	step = confirm_step(converter);
	if (step == NULL)
		return;
	if (step->action == CONVERT_SWAP || step->action == CONVERT_SWAP_BACK)
	{
		convert_check(conversion, false);
		referenced = referenced_tables(conversion->relid);
		key_extended = convert_key_index(conversion) != NULL;
	}
	if (step->action == CONVERT_SWAP_BACK)
		partitions = lcons_oid(conversion->legacy, convert_other_partitions(conversion));

	lock_exclusively(converter, partitions, referenced);
	if (step->action == CONVERT_SWAP_BACK)
	{
		check_others_are_empty(conversion, partitions);
		forget_conversion(conversion);
	}
	run_statements(conversion, step->statements);
	if (step->action == CONVERT_SWAP)
	{
		converter->converted = get_relname_relid(name, namespace);
		check_is_attached(converter->converted, conversion->relid);
		remember_conversion(conversion, converter->converted, key_extended);
	}
	else if (step->action == CONVERT_SWAP_BACK)
		converter->converted = conversion->legacy;
}

/* Reads rows, under a lock that stops nobody who reads or writes. */
static void
validate_step(Converter *converter)
{
	Conversion *conversion = &converter->conversion;
	ConvertStep *step;

	set_lock_timeout(patient_lock_timeout());
	LockRelationOid(conversion->relid, ShareUpdateExclusiveLock);
	step = confirm_step(converter);
	if (step != NULL)
		run_statements(conversion, step->statements);
}

static void
create_step(Converter *converter)
{
	Conversion *conversion = &converter->conversion;
	SavedPrivileges saved;
	ConvertStep *step;

	set_lock_timeout(patient_lock_timeout());
	LockRelationOid(conversion->relid, ShareUpdateExclusiveLock);
	step = confirm_step(converter);
	if (step == NULL)
		return;
	if (!lock_as_owner(conversion->relid, ShareUpdateExclusiveLock, &saved))
		relation_gone_error(conversion->relid);
	set_lock_timeout(lock_budget());
	partition_create(conversion->relid, &conversion->column, step->range);
	restore_privileges(&saved);
}

static void
policy_step(Converter *converter)
{
	ConvertStep *step = confirm_step(converter);
	SavedPrivileges saved;
	ListCell   *lc;

	if (step == NULL)
		return;
	become_extension_owner(&saved);
	foreach(lc, step->statements)
		query_run_only(((ConvertStatement *) lfirst(lc))->sql, NULL);
	restore_privileges(&saved);
}

static void
transaction_step(void *arg)
{
	Converter  *converter = (Converter *) arg;
	int			guc_level = secure_search_path();

	converter->is_locked = false;
	converter->converted = InvalidOid;
	switch (converter->step->action)
	{
		case CONVERT_DROP_CHECK:
		case CONVERT_ADD_CHECK:
		case CONVERT_SWAP:
		case CONVERT_SWAP_BACK:
			exclusive_step(converter);
			break;
		case CONVERT_VALIDATE:
			validate_step(converter);
			break;
		case CONVERT_CREATE:
			create_step(converter);
			break;
		case CONVERT_SET_POLICY:
			policy_step(converter);
			break;
		case CONVERT_DROP_INDEX:
		case CONVERT_BUILD_INDEX:
			elog(ERROR, "an index is not built in a transaction");
	}
	AtEOXact_GUC(false, guc_level);
}

/* ---- steps at top level ---- */

static ErrorData *
run_at_top_level(Oid table, const char *sql)
{
	ToplevelRequest request = {0};

	request.role = relation_owner(table);
	request.statement = sql;
	request.nrelations = 1;
	request.relations[0] = table;
	request.names[0] = qualified_relation_name(table);
	if (request.names[0] == NULL)
		relation_gone_error(table);
	return toplevel_run(&request);
}

/* What a failed build has left is in the way of nothing but disk space. */
static void
drop_failed_index(Converter *converter)
{
	List	   *steps;
	ConvertStep *step;

	convert_read(&converter->conversion, converter->time_column);
	steps = convert_plan(&converter->conversion);
	step = steps != NIL ? (ConvertStep *) linitial(steps) : NULL;
	transaction_commit();
	if (step != NULL && step->action == CONVERT_DROP_INDEX)
		(void) run_at_top_level(step->table, ((ConvertStatement *) linitial(step->statements))->sql);
}

/* ---- doing them ---- */

/* The error says where it was, and how it goes on. */
static void
fail_step(const Converter *converter, ErrorData *error)
{
	const char *action = convert_action_name(converter->step->action);

	if (converter->attempts == LOCK_ATTEMPTS)
	{
		error->detail = psprintf("Something held the locks of step \"%s\" in each of %d attempts.",
								 action, LOCK_ATTEMPTS);
		error->hint = pstrdup("End the transactions that are open on the table all the time, then call again: it goes on from here.");
	}
	else if (error->hint == NULL)
		error->hint = converter->conversion.undo ?
			pstrdup("Call again once that is mended: it goes on from here.") :
			pstrdup("Call again once that is mended: it goes on from here. CALL cvwiz.undo_partition_by_month() removes what has been done.");
	error->context = psprintf("%s%sstep \"%s\" of the conversion of table \"%s\"",
							  error->context ? error->context : "", error->context ? "\n" : "",
							  action, get_rel_name(converter->conversion.relid));
	ReThrowError(error);
}

static ErrorData *
do_transaction_step(Converter *converter)
{
	for (;;)
	{
		ErrorData  *error = guard(transaction_step, converter);

		if (error == NULL)
		{
			INSTR_TIME_SET_CURRENT(converter->done_at);
			transaction_commit();
			return NULL;
		}
		if (is_stop_request(error))
			ReThrowError(error);
		if (!transaction_worth_another_try(error) || ++converter->attempts == LOCK_ATTEMPTS)
			return error;
		ereport(DEBUG1,
				(errmsg_internal("a step waits for its next attempt: %s", error->message)));
		transaction_commit();
		transaction_pause_at_random(LOCK_PAUSE_MS);
	}
}

static double
milliseconds_between(instr_time begin, instr_time end)
{
	INSTR_TIME_SUBTRACT(end, begin);
	return INSTR_TIME_GET_MILLISEC(end);
}

/*
 * Just before the locks are let go: files of what was dropped are deleted after
 * that, and nobody waits for it.
 */
static void
note_commit(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_COMMIT)
		INSTR_TIME_SET_CURRENT(committed_at);
}

static void
note_commits(void)
{
	static bool noted = false;

	if (!noted)
		RegisterXactCallback(note_commit, NULL);
	noted = true;
}

void
convert_do_step(Converter *converter, ConvertStep *step)
{
	bool		at_top_level = step->action == CONVERT_BUILD_INDEX ||
		step->action == CONVERT_DROP_INDEX;
	ErrorData  *error;

	note_commits();
	converter->step = step;
	converter->attempts = 0;
	converter->is_locked = false;
	if (at_top_level)
	{
		error = run_at_top_level(step->table, ((ConvertStatement *) linitial(step->statements))->sql);
		if (error != NULL && step->action == CONVERT_BUILD_INDEX)
			drop_failed_index(converter);
	}
	else
		error = do_transaction_step(converter);
	if (error != NULL)
		fail_step(converter, error);

	if (OidIsValid(converter->converted))
		converter->conversion.relid = converter->converted;
	converter->converted = InvalidOid;
	if (converter->is_locked)
		ereport(DEBUG1,
				(errmsg_internal("table was locked for %.1f ms, %.1f ms of them for the commit",
								 milliseconds_between(converter->locked_at, committed_at),
								 milliseconds_between(converter->done_at, committed_at))));
}
