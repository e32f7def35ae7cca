/*-------------------------------------------------------------------------
 *
 * privilege.h
 *		Whose rights the code runs with.
 *
 * Whatever can run code of a table's owner (triggers, index expressions,
 * checks, defaults, policies) runs between lock_as_owner() and
 * restore_privileges().  cvwiz's own tables are read and written between
 * become_extension_owner() and restore_privileges(), so that users need no
 * rights on them.  Both last until the end of the (sub)transaction at most:
 * an error undoes them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_PRIVILEGE_H
#define CVWIZ_PRIVILEGE_H

#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "storage/lockdefs.h"

typedef struct SavedPrivileges
{
	Oid			userid;
	int			sec_context;
	int			guc_nest_level;
} SavedPrivileges;

/*
 * Locks a relation, and becomes its owner, which under the lock nobody else
 * can.  ERROR 55P03 where the lock is not to be had within cvwiz.lock_timeout.
 * False, and nothing has changed, where the relation is gone.
 */
extern bool lock_as_owner(Oid relid, LOCKMODE mode, SavedPrivileges *saved);

/* A setting, until restore_privileges(), or AtEOXact_GUC() of a level. */
extern void set_locally(const char *name, const char *value);

/*
 * lock_timeout in milliseconds, at least one, as long as set_locally().  0
 * would be no limit.
 */
extern void set_lock_timeout(int ms);

/*
 * A shorter wait for further locks than cvwiz.lock_timeout, in milliseconds,
 * until restore_privileges().
 */
extern void limit_lock_wait(int ms);

/*
 * ERROR 42501 if a partition, or any of the whole tree, has another owner than
 * the table: its owner's code would run with the table's owner's rights, or
 * the other way round.
 */
extern void check_partition_owner(Oid relid, Oid partition);
extern void check_tree_owner(Oid relid);

extern void become_extension_owner(SavedPrivileges *saved);
extern void restore_privileges(const SavedPrivileges *saved);

/*
 * No schema of a user's before the names that we write, until AtEOXact_GUC()
 * of the level that is returned, or the end of the (sub)transaction.
 */
extern int	secure_search_path(void);

/* The owner of a relation, InvalidOid where it is gone. */
extern Oid	relation_owner(Oid relid);

/* ERROR 42P01 */
COMPAT_NORETURN extern void relation_gone_error(Oid relid);

/*
 * The relation that a SQL function's first argument names, locked: ERROR 22004
 * for NULL, 42P01 for none, 42501 where it is not the caller's, before it is locked.
 */
extern Oid	owned_relation_argument(FunctionCallInfo fcinfo, LOCKMODE mode);

/* ERROR 42501 unless the current user has the rights of the owner. */
extern void check_relation_owner(Oid relid);

/* Whether the current user may see what cvwiz knows of the relation. */
extern bool may_monitor_relation(Oid relid);

/* ERROR 42704 unless the extension is installed in this database. */
extern Oid	extension_table(const char *name);

#endif							/* CVWIZ_PRIVILEGE_H */
