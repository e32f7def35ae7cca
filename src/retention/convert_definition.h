/*-------------------------------------------------------------------------
 *
 * convert_definition.h
 *		What a table has besides columns, constraints and indexes, as the
 *		statements that give it to another table.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_CONVERT_DEFINITION_H
#define CVWIZ_CONVERT_DEFINITION_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "query.h"

typedef enum ConvertPrivileges
{
	CONVERT_TABLE,
	CONVERT_SEQUENCE
} ConvertPrivileges;

/* Lists of ConvertStatement *; the second appends one statement a row. */
extern List *convert_add(List *statements, char *sql);
extern List *convert_add_generated(List *statements, const char *sql,
								   const QueryArgs *args, bool as_caller);

/*
 * The privileges on source, and no more, for what will be called name then:
 * target, where that is there already, or something new.
 */
extern List *convert_add_privileges(List *statements, Oid source, Oid target,
									const char *name, ConvertPrivileges kind);

/*
 * Comments, row security, policies, rules, triggers, privileges, replica
 * identity of source.  Target as above.
 */
extern List *convert_add_definitions(List *statements, Oid source, Oid target,
									 int16 time_column, const char *name);

#endif							/* CVWIZ_CONVERT_DEFINITION_H */
