/*-------------------------------------------------------------------------
 *
 * privilege.c
 *		Whose rights the code runs with.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compat.h"
#include "privilege.h"
#include "settings.h"

#define SECURE_SEARCH_PATH "pg_catalog, pg_temp"

PG_FUNCTION_INFO_V1(cvwiz_check_schema_owner);

void
set_locally(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

int
secure_search_path(void)
{
	int			level = NewGUCNestLevel();

	if (strcmp(namespace_search_path, SECURE_SEARCH_PATH) != 0)
		set_locally("search_path", SECURE_SEARCH_PATH);
	return level;
}

static void
save_privileges(SavedPrivileges *saved)
{
	GetUserIdAndSecContext(&saved->userid, &saved->sec_context);
	saved->guc_nest_level = secure_search_path();
}

static void
become(Oid role, int flags, const SavedPrivileges *saved)
{
	SetUserIdAndSecContext(role,
						   saved->sec_context | SECURITY_LOCAL_USERID_CHANGE | flags);
}

void
set_lock_timeout(int ms)
{
	char		value[32];

	snprintf(value, sizeof(value), "%d", Max(ms, 1));
	set_locally("lock_timeout", value);
}

void
limit_lock_wait(int ms)
{
	set_lock_timeout(Min(ms, setting_lock_timeout));
}

/*
 * SECURITY_RESTRICTED_OPERATION keeps the owner's code from leaving something
 * behind that would run once we are ourselves again: deferred triggers,
 * cursors WITH HOLD, temporary tables.
 */
bool
lock_as_owner(Oid relid, LOCKMODE mode, SavedPrivileges *saved)
{
	Oid			owner;

	save_privileges(saved);

	/* Hidden rows must be an error: they would survive and nobody knew. */
	set_locally("row_security", "off");

	/* Counting a big table is not worth a compilation, and the memory for it. */
	set_locally("jit", "off");
	limit_lock_wait(setting_lock_timeout);

	LockRelationOid(relid, mode);
	owner = relation_owner(relid);
	if (!OidIsValid(owner))
	{
		restore_privileges(saved);
		return false;
	}
	become(owner, SECURITY_RESTRICTED_OPERATION, saved);
	return true;
}

void
become_extension_owner(SavedPrivileges *saved)
{
	Oid			owner = relation_owner(extension_table("retention_policy"));

	save_privileges(saved);
	become(owner, 0, saved);
}

void
restore_privileges(const SavedPrivileges *saved)
{
	AtEOXact_GUC(false, saved->guc_nest_level);
	SetUserIdAndSecContext(saved->userid, saved->sec_context);
}

Oid
relation_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return InvalidOid;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
check_partition_owner(Oid relid, Oid partition)
{
	Oid			owner = relation_owner(relid);
	Oid			partition_owner = relation_owner(partition);

	if (!OidIsValid(partition_owner) || partition_owner == owner)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("partition \"%s\" belongs to role \"%s\", table \"%s\" to role \"%s\"",
					get_rel_name(partition), GetUserNameFromId(partition_owner, false),
					get_rel_name(relid), GetUserNameFromId(owner, false)),
			 errdetail("The code of the one would run with the rights of the other."),
			 errhint("ALTER TABLE %s OWNER TO %s.",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(partition)),
												get_rel_name(partition)),
					 quote_identifier(GetUserNameFromId(owner, false)))));
}

void
check_tree_owner(Oid relid)
{
	ListCell   *lc;

	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
		check_partition_owner(relid, lfirst_oid(lc));
}

void
relation_gone_error(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("relation with OID %u does not exist", relid),
			 errhint("It may have been dropped; what cvwiz knew of it went with it.")));
}

static void
check_owned_relation(Oid relid)
{
	if (get_rel_name(relid) == NULL)
		relation_gone_error(relid);
	check_relation_owner(relid);
}

/*
 * A stranger must not even wait for the lock: everybody else would wait behind
 * it.  What was true before the lock need not be true any more with it.
 */
Oid
owned_relation_argument(FunctionCallInfo fcinfo, LOCKMODE mode)
{
	Oid			relid;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("relation must not be null"),
				 errhint("Name the table, as in 'public.audit_logs'.")));

	relid = PG_GETARG_OID(0);
	check_owned_relation(relid);
	LockRelationOid(relid, mode);
	check_owned_relation(relid);
	return relid;
}

void
check_relation_owner(Oid relid)
{
	if (compat_owns_relation(relid, GetUserId()))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of table \"%s\"", get_rel_name(relid)),
			 errhint("Only the table's owner, a member of the owning role, or a superuser does this.")));
}

bool
may_monitor_relation(Oid relid)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_MONITOR) ||
		compat_owns_relation(relid, GetUserId());
}

Oid
extension_table(const char *name)
{
	Oid			namespace = get_namespace_oid("cvwiz", true);
	Oid			relid = InvalidOid;

	if (OidIsValid(namespace))
		relid = get_relname_relid(name, namespace);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("table \"cvwiz.%s\" does not exist", name),
				 errhint("CREATE EXTENSION cvwiz installs it in this database.")));
	return relid;
}

/* Whether anybody but superusers can create something in the schema; who. */
static bool
others_can_create(HeapTuple namespace_tuple, Oid owner, Oid *who)
{
	Datum		value;
	bool		isnull;
	Acl		   *acl;

	*who = owner;
	if (owner != GetUserId() && !superuser_arg(owner))
		return true;

	value = SysCacheGetAttr(NAMESPACEOID, namespace_tuple, Anum_pg_namespace_nspacl, &isnull);
	if (isnull)
		return false;
	acl = DatumGetAclP(value);
	for (int i = 0; i < ACL_NUM(acl); i++)
	{
		AclItem    *item = &ACL_DAT(acl)[i];

		*who = item->ai_grantee;
		if ((ACLITEM_GET_PRIVS(*item) & ACL_CREATE) != 0 && item->ai_grantee != owner &&
			(item->ai_grantee == ACL_ID_PUBLIC || !superuser_arg(item->ai_grantee)))
			return true;
	}
	return false;
}

/*
 * SQL: cvwiz.check_schema_owner(), called once by the install script
 */
Datum
cvwiz_check_schema_owner(PG_FUNCTION_ARGS)
{
	Oid			namespace = get_namespace_oid("cvwiz", false);
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID, ObjectIdGetDatum(namespace));
	Oid			owner;
	Oid			who;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for namespace %u", namespace);
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;

	if (others_can_create(tuple, owner, &who))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" can create objects in schema \"cvwiz\"",
						who == ACL_ID_PUBLIC ? "public" : GetUserNameFromId(who, false)),
				 errdetail("They could stand beside those of the extension, under the same names."),
				 errhint("Drop or rename the schema, then create the extension again.")));
	ReleaseSysCache(tuple);
	PG_RETURN_VOID();
}
