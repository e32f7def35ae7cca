/*-------------------------------------------------------------------------
 *
 * version_relations.c
 *		Which tables have versions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "privilege.h"
#include "query.h"
#include "snapshot/version_repack.h"

List *
version_tree(Oid relid)
{
	if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
		return find_all_inheritors(relid, NoLock, NULL);
	return list_make1_oid(relid);
}

List *
version_relations(Oid relid)
{
	SavedPrivileges saved;
	List	   *all;
	List	   *result = NIL;
	ListCell   *lc;

	if (OidIsValid(relid))
	{
		if (get_rel_name(relid) == NULL)
			relation_gone_error(relid);
		check_relation_owner(relid);
		check_tree_owner(relid);
		return version_tree(relid);
	}
	become_extension_owner(&saved);
	all = query_oids("SELECT DISTINCT s.relation::pg_catalog.oid FROM cvwiz.version_source s"
					 " JOIN pg_catalog.pg_class c ON c.oid = s.relation",
					 NULL);
	restore_privileges(&saved);
	foreach(lc, all)
	{
		if (compat_owns_relation(lfirst_oid(lc), GetUserId()))
			result = lappend_oid(result, lfirst_oid(lc));
	}
	return result;
}

List *
version_columns(Oid relid)
{
	QueryArgs	args = {0};
	uint64		found;
	List	   *result = NIL;

	query_arg(&args, OIDOID, ObjectIdGetDatum(relid));
	found = query_run("SELECT DISTINCT s.snapshot_column FROM cvwiz.version_source s"
					  " JOIN pg_catalog.pg_attribute a ON a.attrelid = s.relation AND a.attname = s.snapshot_column"
					  " WHERE s.relation::pg_catalog.oid = $1 AND NOT a.attisdropped",
					  &args);
	for (uint64 i = 0; i < found; i++)
		result = lappend(result, query_text(i, 1));
	SPI_freetuptable(SPI_tuptable);
	return result;
}

bool
version_has_other_type(Oid relid, const char *column, const char *consequence)
{
	Oid			type = get_atttype(relid, get_attnum(relid, column));

	if (getBaseType(type) == JSONBOID)
		return false;
	ereport(WARNING,
			(errmsg("column \"%s\" of table \"%s\" has versions, and is of type %s: %s",
					column, get_rel_name(relid), format_type_be(type), consequence),
			 errhint("Make it jsonb again, or put the documents of cvwiz.version() into it.")));
	return true;
}
