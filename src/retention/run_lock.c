/*-------------------------------------------------------------------------
 *
 * run_lock.c
 *		One at a time is at work on a table: a run of its policy, or its
 *		conversion.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lock.h"

#include "retention/run_lock.h"

/*
 * An advisory lock of a kind that users' pg_advisory_lock() cannot take: in
 * pg_locks its objsubid is 3, theirs is 1 or 2.
 */
static void
run_lock_tag(LOCKTAG *tag, Oid relid)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, 0, relid, 3);
}

bool
run_lock_take(Oid relid, bool until_commit)
{
	LOCKTAG		tag;

	run_lock_tag(&tag, relid);
	return LockAcquire(&tag, ExclusiveLock, !until_commit, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
run_lock_release(Oid relid)
{
	LOCKTAG		tag;

	run_lock_tag(&tag, relid);
	LockRelease(&tag, ExclusiveLock, true);
}
