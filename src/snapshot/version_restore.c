/*-------------------------------------------------------------------------
 *
 * version_restore.c
 *		Putting the documents back into their rows.
 *
 * No trigger or rule of the table fires but those that always do: it is no
 * change to anybody.  They are disabled one by one, as their owner may:
 * session_replication_role would disable those of other people's tables too,
 * which the owner's code, a CHECK say, could then write to.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "privilege.h"
#include "query.h"
#include "snapshot/version.h"
#include "snapshot/version_repack.h"

/* A trigger or rule that an UPDATE would fire. */
typedef struct Firing
{
	Oid			relid;
	char	   *what;			/* quoted: TRIGGER name, RULE name */
	bool		always;
} Firing;

/* The limits must not reduce what is put back, though they are always enabled. */
static List *
what_fires(Oid relid)
{
	QueryArgs	args = {0};
	uint64		found;
	List	   *result = NIL;

	query_arg(&args, OIDOID, ObjectIdGetDatum(relid));
	found = query_run("SELECT pg_catalog.format('TRIGGER %I', t.tgname), t.tgenabled = 'A' FROM pg_catalog.pg_trigger t"
					  " WHERE t.tgrelid = $1 AND NOT t.tgisinternal AND (t.tgenabled = 'O'"
					  "  OR t.tgenabled = 'A' AND t.tgfoid = 'cvwiz.enforce_snapshot_limits()'::pg_catalog.regprocedure)"
					  " UNION ALL SELECT pg_catalog.format('RULE %I', r.rulename), false FROM pg_catalog.pg_rewrite r"
					  " WHERE r.ev_class = $1 AND r.ev_enabled = 'O' AND r.ev_type <> '1'",
					  &args);
	for (uint64 i = 0; i < found; i++)
	{
		Firing	   *firing = (Firing *) palloc(sizeof(Firing));
		bool		isnull;

		firing->relid = relid;
		firing->what = query_text(i, 1);
		firing->always = DatumGetBool(query_value(i, 2, &isnull));
		result = lappend(result, firing);
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

static List *
what_fires_in_tree(Oid relid)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, version_tree(relid))
		result = list_concat(result, what_fires(lfirst_oid(lc)));
	return result;
}

static void
switch_all(List *all, bool on)
{
	ListCell   *lc;

	foreach(lc, all)
	{
		Firing	   *firing = (Firing *) lfirst(lc);

		query_run_only(psprintf("ALTER TABLE ONLY %s %s %s", qualified_relation_name(firing->relid),
								!on ? "DISABLE" : firing->always ? "ENABLE ALWAYS" : "ENABLE",
								firing->what),
					   NULL);
	}
}

void
version_restore_documents(Oid relid, const char *column)
{
	SavedPrivileges saved;
	const char *quoted = quote_identifier(column);
	List	   *firing;

	check_tree_owner(relid);
	if (!lock_as_owner(relid, AccessExclusiveLock, &saved))
		relation_gone_error(relid);
	firing = what_fires_in_tree(relid);
	switch_all(firing, false);
	query_run_only(psprintf("UPDATE %s %s SET %s = cvwiz.version(%s) WHERE %s OPERATOR(pg_catalog.?) %s",
							get_rel_relkind(relid) == RELKIND_RELATION ? "ONLY" : "",
							qualified_relation_name(relid), quoted, quoted, quoted,
							quote_literal_cstr(STUB_KEY)),
				   NULL);
	switch_all(firing, true);
	restore_privileges(&saved);
}
