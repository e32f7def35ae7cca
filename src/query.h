/*-------------------------------------------------------------------------
 *
 * query.h
 *		SQL out of C: one statement a call, through SPI.
 *
 * The caller is connected to SPI.  Values of users go in as parameters or
 * through quote_identifier() and quote_literal_cstr(), never as they are.
 * Names are found in pg_catalog only, whatever the session's search_path.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_QUERY_H
#define CVWIZ_QUERY_H

#include "postgres.h"

#include "nodes/pg_list.h"

#define QUERY_MAX_ARGS 16

/* A parameter list that grows from the left: $1, $2, ... */
typedef struct QueryArgs
{
	int			count;
	Oid			types[QUERY_MAX_ARGS];
	Datum		values[QUERY_MAX_ARGS];
	char		nulls[QUERY_MAX_ARGS];
} QueryArgs;

extern void query_arg(QueryArgs *args, Oid type, Datum value);
extern void query_arg_or_null(QueryArgs *args, Oid type, Datum value, bool isnull);

/* oid[] of a list of them */
extern void query_oids_arg(QueryArgs *args, List *oids);

/* NULL for a NULL pointer */
extern void query_text_arg(QueryArgs *args, const char *value);

/* Runs it; the rows are in SPI_tuptable.  Returns how many there are. */
extern uint64 query_run(const char *sql, const QueryArgs *args);

/* A statement that runs often, parsed and planned once in a session. */
typedef struct QueryPlan
{
	const char *sql;
	struct _SPI_plan *plan;
} QueryPlan;

extern uint64 query_run_plan(QueryPlan *plan, const QueryArgs *args);

/* Runs it and lets the rows go. */
extern uint64 query_run_only(const char *sql, const QueryArgs *args);

/* Runs one whose only column is of type oid; a list of OIDs. */
extern List *query_oids(const char *sql, const QueryArgs *args);

/* Column (from 1) of a row (from 0) of SPI_tuptable. */
extern Datum query_value(uint64 row, int column, bool *isnull);

/* The same as text, palloc'd in the current context, NULL for NULL. */
extern char *query_text(uint64 row, int column);

/* SQL for the name of a role, quoted where need be, or PUBLIC, by its OID. */
#define QUERY_ROLE_NAME(oid) \
	"CASE WHEN " oid " = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(" oid ")) END"

/* "schema"."table", quoted where need be. */
extern char *qualified_relation_name(Oid relid);

#endif							/* CVWIZ_QUERY_H */
