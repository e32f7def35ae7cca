/*-------------------------------------------------------------------------
 *
 * convert_swap.c
 *		The statements of the short exclusive transactions: a plain table
 *		becomes the first partition of one that takes its name, and back.
 *
 * All of them are made before the first one runs, from the catalogs as they
 * are: the texts that the server gives of triggers, indexes and policies name
 * the table as it will be called again in the end.  None reads a row: what a
 * scan would have to prove has been validated before, and indexes that are
 * equal are attached, not built.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/tablespace.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compat.h"
#include "query.h"
#include "retention/convert.h"
#include "retention/convert_definition.h"
#include "retention/inherit.h"
#include "retention/partition.h"

typedef struct Swap
{
	const Conversion *conversion;
	Oid			namespace;
	char	   *schema;
	char	   *name;			/* qualified, the one that stays */
	char	   *legacy;			/* qualified, of the old partition */
	List	   *taken;			/* names given away by statements not yet run */
	List	   *statements;
} Swap;

/* ---- names ---- */

static bool
name_is_taken(const Swap *swap, const char *name)
{
	ListCell   *lc;

	foreach(lc, swap->taken)
	{
		if (strcmp((char *) lfirst(lc), name) == 0)
			return true;
	}
	/* a table's row type has the table's name */
	return OidIsValid(get_relname_relid(name, swap->namespace)) ||
		SearchSysCacheExists2(TYPENAMENSP, CStringGetDatum(name),
							  ObjectIdGetDatum(swap->namespace));
}

/* "x_legacy", or "x_legacy1", ...: fits 63 bytes */
static char *
legacy_name(Swap *swap, const char *name)
{
	char		label[32] = "legacy";
	char	   *result = makeObjectName(name, NULL, label);

	for (int n = 1; name_is_taken(swap, result); n++)
	{
		snprintf(label, sizeof(label), "legacy%d", n);
		result = makeObjectName(name, NULL, label);
	}
	swap->taken = lappend(swap->taken, result);
	return result;
}

static char *
qualify(const Swap *swap, const char *name)
{
	return quote_qualified_identifier(swap->schema, name);
}

static void
add(Swap *swap, char *sql)
{
	swap->statements = convert_add(swap->statements, sql);
}

static void
begin_swap(Swap *swap, const Conversion *conversion)
{
	memset(swap, 0, sizeof(Swap));
	swap->conversion = conversion;
	swap->namespace = get_rel_namespace(conversion->relid);
	swap->schema = get_namespace_name(swap->namespace);
	swap->name = qualified_relation_name(conversion->relid);
}

static QueryArgs
swap_args(const Swap *swap)
{
	QueryArgs	args = {0};

	query_arg(&args, OIDOID, ObjectIdGetDatum(swap->conversion->relid));
	query_arg(&args, TEXTOID, CStringGetTextDatum(swap->name));
	query_arg(&args, TEXTOID, CStringGetTextDatum(swap->legacy));
	query_arg(&args, INT2OID, Int16GetDatum(swap->conversion->column.attnum));
	query_arg(&args, OIDOID, ObjectIdGetDatum(swap->conversion->legacy));
	return args;
}

/* Statements that a query makes, one a row. */
static void
add_generated(Swap *swap, const char *sql, bool as_caller)
{
	QueryArgs	args = swap_args(swap);

	swap->statements = convert_add_generated(swap->statements, sql, &args, as_caller);
}

/* ---- indexes ---- */

/*
 * An index that the partitioned table has as well; others, with keep_unique,
 * stay with the old partition alone.  i is the pg_index, x its constraint.
 */
#define INDEX_IS_SHARED \
	"(NOT i.indisunique OR $4 = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]))" \
	" AND NOT i.indisexclusion"

#define FROM_INDEXES \
	" FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid" \
	" LEFT JOIN pg_catalog.pg_constraint x ON x.conindid = i.indexrelid AND x.conrelid = i.indrelid AND x.contype IN ('p', 'u', 'x')" \
	" WHERE i.indrelid = $1 AND i.indisvalid" \
	" AND c.relname <> pg_catalog.format('cvwiz_%s_key', $1) AND c.relname <> pg_catalog.format('cvwiz_%s_unique', $1)"

/* The new names of what the partitioned table's indexes take the names of. */
static void
rename_indexes_away(Swap *swap)
{
	QueryArgs	args = swap_args(swap);
	uint64		found = query_run("SELECT c.relname"
								  " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
								  " WHERE i.indrelid = $1 AND i.indisvalid"
								  " AND " INDEX_IS_SHARED " ORDER BY c.relname",
								  &args);
	List	   *names = NIL;
	ListCell   *lc;

	for (uint64 i = 0; i < found; i++)
		names = lappend(names, query_text(i, 1));
	SPI_freetuptable(SPI_tuptable);

	foreach(lc, names)
	{
		char	   *name = (char *) lfirst(lc);
		ConvertIndex *key = convert_key_index(swap->conversion);

		if (key == NULL || strcmp(key->name, name) != 0)
			add(swap, psprintf("ALTER INDEX %s RENAME TO %s", qualify(swap, name),
							   quote_identifier(legacy_name(swap, name))));
	}
}

/*
 * The old table's key is replaced by the index that was built for it; USING
 * INDEX renames that to the constraint's name.
 */
static void
extend_legacy_key(Swap *swap, const ConvertKey *key, const char *name)
{
	const Conversion *conversion = swap->conversion;
	ConvertIndex *unique = convert_unique_index(conversion);

	add(swap, psprintf("ALTER TABLE %s DROP CONSTRAINT %s, ADD CONSTRAINT %s PRIMARY KEY USING INDEX %s%s",
					   swap->legacy, quote_identifier(key->name), quote_identifier(name),
					   quote_identifier(convert_key_index(conversion)->name),
					   key->deferrable));
	if (key->is_identity)
		add(swap, psprintf("ALTER TABLE %s REPLICA IDENTITY USING INDEX %s",
						   swap->legacy, quote_identifier(name)));
	if (unique != NULL)
		add(swap, psprintf("ALTER INDEX %s RENAME TO %s", qualify(swap, unique->name),
						   quote_identifier(legacy_name(swap, psprintf("%s_unique", key->name)))));
}

/* Under the names that the old table's had. */
static void
create_indexes(Swap *swap)
{
	add_generated(swap,
				  "SELECT CASE WHEN x.oid IS NULL THEN pg_catalog.pg_get_indexdef(i.indexrelid)"
				  " ELSE pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', $2, x.conname, pg_catalog.pg_get_constraintdef(x.oid)) END"
				  FROM_INDEXES " AND " INDEX_IS_SHARED " ORDER BY x.contype = 'p' DESC NULLS LAST, c.relname",
				  false);
}

/* ---- sequences ---- */

typedef struct IdentitySequence
{
	Oid			relid;
	char	   *column;			/* quoted */
	char	   *name;			/* qualified, as it stays */
	char	   *old;			/* qualified, as the old one is called before it goes */
	char	   *definition;
} IdentitySequence;

/*
 * An identity column's sequence can't be given to another table: the new one
 * gets a sequence of the old name, which goes on where the old one ends.
 */
static List *
read_identity_sequences(Swap *swap)
{
	QueryArgs	args = swap_args(swap);
	List	   *result = NIL;
	ListCell   *lc;
	uint64		found;

	found = query_run("SELECT s.oid, s.relname, pg_catalog.quote_ident(a.attname),"
					  " pg_catalog.format('GENERATED %s AS IDENTITY (SEQUENCE NAME %s.%I START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s%s)',"
					  "  CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, s.relnamespace::pg_catalog.regnamespace, s.relname,"
					  "  q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, CASE WHEN q.seqcycle THEN ' CYCLE' ELSE '' END)"
					  " FROM pg_catalog.pg_attribute a"
					  " JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass"
					  "  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
					  "  AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND d.deptype = 'i'"
					  " JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'"
					  " JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid"
					  " WHERE a.attrelid = $1 AND a.attidentity <> ''"
					  " ORDER BY a.attnum",
					  &args);
	for (uint64 i = 0; i < found; i++)
	{
		IdentitySequence *sequence = (IdentitySequence *) palloc0(sizeof(IdentitySequence));
		bool		isnull;

		sequence->relid = DatumGetObjectId(query_value(i, 1, &isnull));
		sequence->old = query_text(i, 2);
		sequence->column = query_text(i, 3);
		sequence->definition = query_text(i, 4);
		sequence->name = qualified_relation_name(sequence->relid);
		result = lappend(result, sequence);
	}
	SPI_freetuptable(SPI_tuptable);

	foreach(lc, result)
	{
		IdentitySequence *sequence = (IdentitySequence *) lfirst(lc);
		char	   *old = legacy_name(swap, sequence->old);

		add(swap, psprintf("ALTER SEQUENCE %s RENAME TO %s", sequence->name, quote_identifier(old)));
		sequence->old = quote_qualified_identifier(get_namespace_name(get_rel_namespace(sequence->relid)), old);
	}
	return result;
}

static void
create_identity(Swap *swap, List *sequences)
{
	ListCell   *lc;

	foreach(lc, sequences)
	{
		IdentitySequence *sequence = (IdentitySequence *) lfirst(lc);

		add(swap, psprintf("ALTER TABLE %s ALTER COLUMN %s ADD %s",
						   swap->name, sequence->column, sequence->definition));
		add(swap, psprintf("SELECT pg_catalog.setval(%s, last_value, is_called) FROM %s",
						   quote_literal_cstr(sequence->name), sequence->old));
		swap->statements = convert_add_privileges(swap->statements, sequence->relid, InvalidOid,
												  sequence->name, CONVERT_SEQUENCE);
	}
}

static void
drop_identity(Swap *swap, List *sequences)
{
	ListCell   *lc;

	foreach(lc, sequences)
		add(swap, psprintf("ALTER TABLE %s ALTER COLUMN %s DROP IDENTITY", swap->legacy,
						   ((IdentitySequence *) lfirst(lc))->column));
}

/* Of serial columns: dropped with the table that they belong to. */
static void
give_sequences(Swap *swap)
{
	add_generated(swap,
				  psprintf("SELECT pg_catalog.format('ALTER SEQUENCE %%s OWNED BY %%s.%%I', d.objid::pg_catalog.regclass, %s, a.attname)"
						   " FROM pg_catalog.pg_depend d"
						   " JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'"
						   " JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
						   " WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass"
						   " AND d.refobjid = $1 AND d.deptype = 'a' ORDER BY a.attnum",
						   swap->conversion->undo ? "$3" : "$2"),
				  false);
}

/* ---- publications ---- */

/*
 * A publication is its own owner's, who need not be the table's: these run as
 * who calls.  The expressions in them can't have functions of a user's.
 */
static void
leave_publications(Swap *swap)
{
	add_generated(swap,
				  "SELECT pg_catalog.format('ALTER PUBLICATION %I DROP TABLE %s', p.pubname, $2)"
				  " FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid"
				  " WHERE r.prrelid = $1 ORDER BY p.pubname",
				  true);
}

static void
join_publications(Swap *swap)
{
	add_generated(swap,
				  "SELECT pg_catalog.format('ALTER PUBLICATION %I ADD TABLE %s%s%s', p.pubname, $2,"
				  " (SELECT pg_catalog.format(' (%s)', pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum))"
				  "  FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs) HAVING count(*) > 0),"
				  " (' WHERE (' || pg_catalog.pg_get_expr(r.prqual, r.prrelid) || ')'))"
				  " FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid"
				  " WHERE r.prrelid = $1 ORDER BY p.pubname",
				  true);
}

/* ---- there ---- */

static void
create_parent(Swap *swap)
{
	Oid			relid = swap->conversion->relid;
	Oid			tablespace = get_rel_tablespace(relid);
	bool		unlogged = get_rel_persistence(relid) == RELPERSISTENCE_UNLOGGED;

	add(swap, psprintf("CREATE%s TABLE %s (LIKE %s INCLUDING ALL EXCLUDING IDENTITY EXCLUDING INDEXES) PARTITION BY RANGE (%s)%s",
					   unlogged && COMPAT_UNLOGGED_PARENT ? " UNLOGGED" : "",
					   swap->name, swap->legacy,
					   quote_identifier(NameStr(swap->conversion->column.name)),
					   OidIsValid(tablespace) ?
					   psprintf(" TABLESPACE %s", quote_identifier(get_tablespace_name(tablespace))) : ""));
	add(swap, psprintf("ALTER TABLE %s DROP CONSTRAINT %s", swap->name, CONVERT_CHECK_NAME));

	/* what LIKE leaves out of the columns */
	add_generated(swap, INHERIT_COLUMN_STATISTICS, false);
}

static void
create_foreign_keys(Swap *swap)
{
	add_generated(swap,
				  "SELECT pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', $2, conname, pg_catalog.pg_get_constraintdef(oid))"
				  " FROM pg_catalog.pg_constraint WHERE conrelid = $1 AND contype = 'f'"
				  " ORDER BY confrelid, conname",
				  false);
}

/*
 * A row trigger is cloned to each partition that is attached, which must not
 * have one of that name; a statement's fires where the statement goes.
 */
static void
drop_triggers(Swap *swap)
{
	add_generated(swap,
				  "SELECT pg_catalog.format('DROP TRIGGER %I ON %s', tgname, $2)"
				  " FROM pg_catalog.pg_trigger WHERE tgrelid = $1 AND NOT tgisinternal"
				  " ORDER BY tgname",
				  false);
}

List *
convert_swap_statements(const Conversion *conversion, TimestampTz cutoff)
{
	Swap		swap;
	ConvertKey *key = convert_primary_key(conversion->relid, conversion->column.attnum);
	bool		extend = convert_key_index(conversion) != NULL;
	char	   *relname = get_rel_name(conversion->relid);
	TimeRange	range = {DT_NOBEGIN, cutoff};
	char	   *legacy;
	List	   *sequences;

	begin_swap(&swap, conversion);
	legacy = legacy_name(&swap, relname);
	swap.legacy = qualify(&swap, legacy);

	drop_triggers(&swap);
	leave_publications(&swap);
	add(&swap, psprintf("ALTER TABLE %s RENAME TO %s", swap.name, quote_identifier(legacy)));
	if (extend)
		extend_legacy_key(&swap, key, legacy_name(&swap, key->name));
	rename_indexes_away(&swap);
	sequences = read_identity_sequences(&swap);
	if (!conversion->time_not_null)
		add(&swap, psprintf("ALTER TABLE %s ALTER COLUMN %s SET NOT NULL", swap.legacy,
							quote_identifier(NameStr(conversion->column.name))));

	create_parent(&swap);
	if (extend)
		add(&swap, psprintf("ALTER TABLE %s ADD CONSTRAINT %s PRIMARY KEY (%s, %s)%s%s", swap.name,
							quote_identifier(key->name), key->columns,
							quote_identifier(NameStr(conversion->column.name)),
							key->include, key->deferrable));
	create_indexes(&swap);
	create_foreign_keys(&swap);
	create_identity(&swap, sequences);
	drop_identity(&swap, sequences);
	give_sequences(&swap);
	swap.statements = convert_add_definitions(swap.statements, conversion->relid,
											  InvalidOid, conversion->column.attnum, swap.name);

	add(&swap, psprintf("ALTER TABLE %s ATTACH PARTITION %s %s", swap.name, swap.legacy,
						partition_values_clause(&conversion->column, range)));
	add(&swap, psprintf("ALTER TABLE %s DROP CONSTRAINT %s", swap.legacy, CONVERT_CHECK_NAME));
	join_publications(&swap);
	return swap.statements;
}

/* ---- and back ---- */

/* Each index gets the name of the one that it was attached to. */
static void
rename_indexes_back(Swap *swap)
{
	add_generated(swap,
				  "SELECT pg_catalog.format('ALTER INDEX %s.%I RENAME TO %I', c.relnamespace::pg_catalog.regnamespace, c.relname, p.relname)"
				  " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
				  " JOIN pg_catalog.pg_inherits h ON h.inhrelid = i.indexrelid"
				  " JOIN pg_catalog.pg_index pi ON pi.indexrelid = h.inhparent AND pi.indrelid = $1"
				  " JOIN pg_catalog.pg_class p ON p.oid = h.inhparent"
				  " WHERE i.indrelid = $5 AND NOT i.indisprimary AND c.relname <> p.relname"
				  " ORDER BY c.relname",
				  false);
}

static void
restore_key(Swap *swap, const ConvertKey *key)
{
	ConvertIndex *index = convert_key_index(swap->conversion);
	char	   *old = NULL;
	QueryArgs	args = swap_args(swap);

	if (query_run("SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = $5 AND contype = 'p'",
				  &args) > 0)
		old = query_text(0, 1);
	SPI_freetuptable(SPI_tuptable);

	if (index == NULL)
	{
		if (old != NULL && strcmp(old, key->name) != 0)
			add(swap, psprintf("ALTER TABLE %s RENAME CONSTRAINT %s TO %s", swap->name,
							   quote_identifier(old), quote_identifier(key->name)));
		return;
	}
	add(swap, psprintf("ALTER TABLE %s%s ADD CONSTRAINT %s PRIMARY KEY USING INDEX %s%s", swap->name,
					   old ? psprintf(" DROP CONSTRAINT %s,", quote_identifier(old)) : "",
					   quote_identifier(key->name), quote_identifier(index->name),
					   key->deferrable));
}

/* What the old partition has kept of its own, and the table has by the same name. */
static void
drop_policies_and_rules(Swap *swap)
{
	add_generated(swap,
				  "SELECT pg_catalog.format('DROP POLICY %I ON %s', polname, $2)"
				  " FROM pg_catalog.pg_policy WHERE polrelid = $5"
				  " UNION ALL"
				  " SELECT pg_catalog.format('DROP RULE %I ON %s', rulename, $2)"
				  " FROM pg_catalog.pg_rewrite WHERE ev_class = $5",
				  false);
}

List *
convert_swap_back_statements(const Conversion *conversion)
{
	Swap		swap;
	ConvertKey *key = convert_primary_key(conversion->relid, conversion->column.attnum);
	List	   *sequences;

	begin_swap(&swap, conversion);
	swap.legacy = qualified_relation_name(conversion->legacy);

	sequences = read_identity_sequences(&swap);
	give_sequences(&swap);
	add(&swap, psprintf("ALTER TABLE %s DETACH PARTITION %s", swap.name, swap.legacy));

	/* The old sequence's value is read before it goes with its table. */
	add(&swap, psprintf("ALTER TABLE %s RENAME TO %s", swap.name,
						quote_identifier(legacy_name(&swap, psprintf("%s_partitioned", get_rel_name(conversion->relid))))));
	add(&swap, psprintf("ALTER TABLE %s RENAME TO %s", swap.legacy,
						quote_identifier(get_rel_name(conversion->relid))));
	create_identity(&swap, sequences);
	add(&swap, psprintf("DROP TABLE %s", qualify(&swap, (char *) llast(swap.taken))));

	rename_indexes_back(&swap);
	if (key != NULL)
		restore_key(&swap, key);
	if (!conversion->time_not_null)
		add(&swap, psprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL", swap.name,
							quote_identifier(NameStr(conversion->column.name))));
	drop_policies_and_rules(&swap);
	swap.statements = convert_add_definitions(swap.statements, conversion->relid,
											  conversion->legacy, conversion->column.attnum, swap.name);
	join_publications(&swap);
	return swap.statements;
}
