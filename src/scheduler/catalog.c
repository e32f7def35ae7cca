/*-------------------------------------------------------------------------
 *
 * catalog.c
 *		Which databases there are to serve, as the launcher sees them.
 *
 * For a process that is connected to no database.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_database.h"
#include "storage/lock.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/varlena.h"

#include "scheduler/catalog.h"
#include "settings.h"

static bool names_checked = false;	/* cvwiz.databases has been looked over */

void
catalog_settings_changed(void)
{
	names_checked = false;
}

/* The names of cvwiz.databases; NIL for all.  Allocated in the current context. */
static List *
wanted_names(void)
{
	List	   *names;

	if (setting_databases == NULL || setting_databases[0] == '\0')
		return NIL;
	if (!SplitIdentifierString(pstrdup(setting_databases), ',', &names))
	{
		if (!names_checked)
			ereport(LOG,
					(errmsg("invalid list in \"cvwiz.databases\": %s", setting_databases),
					 errhint("The background worker serves every database until that is mended.")));
		return NIL;
	}
	return names;
}

static bool
remove_name(List **names, const char *name)
{
	ListCell   *lc;

	foreach(lc, *names)
	{
		if (strcmp((char *) lfirst(lc), name) == 0)
		{
			*names = foreach_delete_current(*names, lc);
			return true;
		}
	}
	return false;
}

List *
catalog_list_databases(MemoryContext context)
{
	List	   *result = NIL;
	List	   *names;
	bool		all;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;
	ListCell   *lc;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	names = wanted_names();
	all = names == NIL;

	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while (HeapTupleIsValid(tuple = heap_getnext(scan, ForwardScanDirection)))
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		Database   *database;

		/* datconnlimit -2: an interrupted DROP DATABASE has left it invalid */
		if (!form->datallowconn || form->datistemplate || form->datconnlimit == -2)
			continue;
		if (!all && !remove_name(&names, NameStr(form->datname)))
			continue;

		database = (Database *) MemoryContextAlloc(context, sizeof(Database));
		database->oid = form->oid;
		database->name = form->datname;
		MemoryContextSwitchTo(context);
		result = lappend(result, database);
		MemoryContextSwitchTo(CurTransactionContext);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);

	if (!names_checked)
	{
		foreach(lc, names)
			ereport(LOG,
					(errmsg("\"cvwiz.databases\" names database \"%s\", which does not exist or takes no connections",
							(char *) lfirst(lc)),
					 errhint("The name is ignored; mixed-case names need double quotes.")));
	}
	names_checked = true;

	CommitTransactionCommand();
	return result;
}

bool
catalog_database_is_claimed(Oid database)
{
	LOCKTAG		tag;
	bool		claimed;

	StartTransactionCommand();
	SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, database, 0);
	claimed = LockAcquire(&tag, RowExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL;
	CommitTransactionCommand();
	return claimed;
}
