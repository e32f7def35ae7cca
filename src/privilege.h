/*-------------------------------------------------------------------------
 *
 * privilege.h
 *		Whose rights the code runs with.
 *
 * Whatever can run code of a table's owner (triggers, index expressions,
 * checks, defaults, policies) runs between become_owner() and
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

typedef struct SavedPrivileges
{
	Oid			userid;
	int			sec_context;
	int			guc_nest_level;
} SavedPrivileges;

extern void become_owner(Oid owner, SavedPrivileges *saved);
extern void become_extension_owner(SavedPrivileges *saved);
extern void restore_privileges(const SavedPrivileges *saved);

/* The owner of a relation, InvalidOid where it is gone. */
extern Oid	relation_owner(Oid relid);

/* ERROR 42501 unless the current user has the rights of the owner. */
extern void check_relation_owner(Oid relid);

/* Whether the current user may see what cvwiz knows of the relation. */
extern bool may_monitor_relation(Oid relid);

/* ERROR 42704 unless the extension is installed in this database. */
extern Oid	extension_table(const char *name);

#endif							/* CVWIZ_PRIVILEGE_H */
