/*-------------------------------------------------------------------------
 *
 * catalog.h
 *		Which databases there are to serve, as the launcher sees them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_CATALOG_H
#define CVWIZ_CATALOG_H

#include "postgres.h"

#include "nodes/pg_list.h"

typedef struct Database
{
	Oid			oid;
	NameData	name;
} Database;

/* Databases to look into: a list of Database in the given context. */
extern List *catalog_list_databases(MemoryContext context);

/*
 * Whether somebody has, or waits for, a lock on the database that keeps
 * backends out: DROP, RENAME, SET TABLESPACE, or CREATE ... TEMPLATE of it.
 * These give up when we are still there after 5 seconds.
 */
extern bool catalog_database_is_claimed(Oid database);

/* cvwiz.databases may be another: what is wrong with it is to be told again. */
extern void catalog_settings_changed(void);

#endif							/* CVWIZ_CATALOG_H */
