/*-------------------------------------------------------------------------
 *
 * published.c
 *		Files that stay only if the transaction commits that has made them.
 *
 * One that stayed after a rollback would be in the way of the next attempt,
 * once the table's rows are others.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xact.h"
#include "nodes/pg_list.h"
#include "utils/memutils.h"

#include "retention/published.h"

typedef struct PublishedFile
{
	SubTransactionId subtransaction;
	char	   *path;
} PublishedFile;

/* In the transaction's own memory, which ends with it. */
static List *files = NIL;

static void
end_transaction(XactEvent event, void *arg)
{
	ListCell   *lc;

	if (event == XACT_EVENT_ABORT)
	{
		foreach(lc, files)
			(void) unlink(((PublishedFile *) lfirst(lc))->path);
	}
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT || event == XACT_EVENT_PREPARE)
		files = NIL;
}

static void
end_subtransaction(SubXactEvent event, SubTransactionId subtransaction,
				   SubTransactionId parent, void *arg)
{
	ListCell   *lc;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	foreach(lc, files)
	{
		PublishedFile *file = (PublishedFile *) lfirst(lc);

		if (file->subtransaction != subtransaction)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			file->subtransaction = parent;
		else
		{
			(void) unlink(file->path);
			files = foreach_delete_current(files, lc);
		}
	}
}

void
published_file(const char *path)
{
	static bool registered = false;
	MemoryContext caller;
	PublishedFile *file;

	if (!registered)
	{
		RegisterXactCallback(end_transaction, NULL);
		RegisterSubXactCallback(end_subtransaction, NULL);
		registered = true;
	}

	caller = MemoryContextSwitchTo(TopTransactionContext);
	file = (PublishedFile *) palloc(sizeof(PublishedFile));
	file->subtransaction = GetCurrentSubTransactionId();
	file->path = pstrdup(path);
	files = lappend(files, file);
	MemoryContextSwitchTo(caller);
}
