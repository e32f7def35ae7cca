/*-------------------------------------------------------------------------
 *
 * trigger_catalog.h
 *		The triggers of a column, and their arguments, as the catalog has them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_TRIGGER_CATALOG_H
#define CVWIZ_TRIGGER_CATALOG_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"

typedef struct FoundTrigger
{
	Oid			oid;
	bool		inherited;		/* from a partitioned parent */
	NameData	name;
} FoundTrigger;

/* The trigger of a function cvwiz.name() whose first argument is the column. */
extern bool trigger_find(Oid relid, const char *function_name, const char *column,
						 FoundTrigger *found);

/* What a trigger of that function was told; NULL: there is no such trigger. */
extern char **trigger_arguments(Oid trigger, const char *function_name, int *nargs);

/*
 * The topmost table that has the trigger: of a partition's, the one that made
 * it.
 */
extern Oid	trigger_root_relation(Oid trigger);

/* A text[] as it is written, as char *; the others are for error messages. */
extern List *trigger_parse_list(const char *function, const char *argument, const char *value);

/* ERROR 42809 for a view and its kind; what: what is to be added to it. */
extern void trigger_check_is_table(Oid relid, const char *what);

/* A name that the table has no trigger of: the prefix, and what fits of the column. */
extern char *trigger_choose_name(Oid relid, const char *prefix, const char *column);

/*
 * The first two arguments of a SQL function, a table of the caller's and a
 * name.  Locked in the mode that the DDL will take: a stronger one later could
 * deadlock.
 */
extern void trigger_required_arguments(FunctionCallInfo fcinfo, LOCKMODE mode,
									   Oid *relid, char **column);

#endif							/* CVWIZ_TRIGGER_CATALOG_H */
