/*-------------------------------------------------------------------------
 *
 * convert_state.c
 *		Where a conversion stands, by the catalogs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "privilege.h"
#include "query.h"
#include "retention/bounds.h"
#include "retention/convert.h"

/* ---- the table ---- */

static void
read_converted(Conversion *conversion, const char *time_column)
{
	QueryArgs	args = {0};
	SavedPrivileges saved;
	bool		isnull;
	bool		found;

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(conversion->relid));
	become_extension_owner(&saved);
	found = query_run("SELECT legacy::pg_catalog.oid, key_extended, time_not_null FROM cvwiz.conversion WHERE relation = $1",
					  &args) > 0;
	if (found)
	{
		conversion->legacy = DatumGetObjectId(query_value(0, 1, &isnull));
		conversion->key_extended = DatumGetBool(query_value(0, 2, &isnull));
		conversion->time_not_null = DatumGetBool(query_value(0, 3, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	restore_privileges(&saved);

	if (!found || partition_range(conversion->relid, conversion->legacy) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 conversion->undo ?
				 errmsg("table \"%s\" is not converted by cvwiz.partition_by_month()", get_rel_name(conversion->relid)) :
				 errmsg("table \"%s\" is partitioned already", get_rel_name(conversion->relid)),
				 errdetail("None of its partitions is a plain table that cvwiz.partition_by_month() has converted."),
				 errhint("cvwiz.add_retention_policy() and cvwiz.create_partition() are for such tables.")));

	time_column_of_key(conversion->relid, &conversion->column);
	if (time_column != NULL && strcmp(time_column, NameStr(conversion->column.name)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("table \"%s\" is partitioned by column \"%s\", not \"%s\"",
						get_rel_name(conversion->relid), NameStr(conversion->column.name), time_column),
				 errhint("CALL cvwiz.undo_partition_by_month() first, for as long as that is possible.")));
}

static void
read_plain(Conversion *conversion, const char *time_column)
{
	HeapTuple	tuple;
	Form_pg_attribute column;

	if (time_column == NULL)
		return;
	tuple = SearchSysCacheAttName(conversion->relid, time_column);
	if (!HeapTupleIsValid(tuple) || ((Form_pg_attribute) GETSTRUCT(tuple))->attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of table \"%s\" does not exist",
						time_column, get_rel_name(conversion->relid)),
				 errhint("Name the column that has the time of each row; mixed-case names are taken as they are, without double quotes.")));

	column = (Form_pg_attribute) GETSTRUCT(tuple);
	conversion->column.attnum = column->attnum;
	conversion->column.type = column->atttypid;
	conversion->column.name = column->attname;
	conversion->time_not_null = column->attnotnull;
	ReleaseSysCache(tuple);
}

void
convert_read(Conversion *conversion, const char *time_column)
{
	char		relkind = get_rel_relkind(conversion->relid);

	memset(&conversion->column, 0, sizeof(TimeColumn));
	conversion->legacy = InvalidOid;
	conversion->key_extended = false;
	conversion->time_not_null = true;

	if (relkind == '\0')
		relation_gone_error(conversion->relid);
	if (relkind == RELKIND_PARTITIONED_TABLE)
		read_converted(conversion, time_column);
	else if (relkind == RELKIND_RELATION)
		read_plain(conversion, time_column);
	else
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", get_rel_name(conversion->relid)),
				 errhint("Name a plain table.")));
}

List *
convert_other_partitions(const Conversion *conversion)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, partition_ranges(conversion->relid))
	{
		PartitionRange *partition = (PartitionRange *) lfirst(lc);

		if (partition->relid != conversion->legacy)
			result = lappend_oid(result, partition->relid);
	}
	return result;
}

/* ---- the range check ---- */

typedef struct RangeCheck
{
	AttrNumber	attnum;
	Const	   *cutoff;
} RangeCheck;

static bool
range_check_walker(Node *node, void *context)
{
	RangeCheck *check = (RangeCheck *) context;

	if (node == NULL)
		return false;
	if (IsA(node, Var))
		check->attnum = ((Var *) node)->varattno;
	else if (IsA(node, Const))
		check->cutoff = (Const *) node;
	return expression_tree_walker(node, range_check_walker, context);
}

bool
convert_range_check(const Conversion *conversion, TimestampTz *cutoff, bool *valid)
{
	QueryArgs	args = {0};
	RangeCheck	check = {0};
	bool		isnull;
	bool		found;

	query_arg(&args, OIDOID, ObjectIdGetDatum(conversion->relid));
	found = query_run("SELECT conbin::pg_catalog.text, convalidated FROM pg_catalog.pg_constraint"
					  " WHERE conrelid = $1 AND contype = 'c' AND conname = '" CONVERT_CHECK_NAME "'",
					  &args) > 0;
	if (found)
	{
		(void) range_check_walker((Node *) stringToNode(query_text(0, 1)), &check);
		*valid = DatumGetBool(query_value(0, 2, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);

	if (check.cutoff == NULL || check.cutoff->constisnull || !is_time_type(check.cutoff->consttype) ||
		(check.attnum != conversion->column.attnum && !conversion->undo))
		return false;
	*cutoff = time_from_datum(check.cutoff->constvalue, check.cutoff->consttype);
	return true;
}

/* ---- keys ---- */

ConvertKey *
convert_primary_key(Oid relid, AttrNumber time_column)
{
	QueryArgs	args = {0};
	ConvertKey *key = NULL;
	bool		isnull;

	query_arg(&args, OIDOID, ObjectIdGetDatum(relid));
	query_arg(&args, INT2OID, Int16GetDatum(time_column));
	if (query_run("SELECT x.conname,"
				  " (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY k.n)"
				  "  FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY k(attnum, n)"
				  "  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
				  "  WHERE k.n <= i.indnkeyatts AND a.attnum <> $2),"
				  " coalesce((SELECT ' INCLUDE (' || pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY k.n) || ')'"
				  "  FROM pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY k(attnum, n)"
				  "  JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
				  "  WHERE k.n > i.indnkeyatts), ''),"
				  " CASE WHEN x.condeferrable THEN ' DEFERRABLE' ELSE '' END"
				  " || CASE WHEN x.condeferred THEN ' INITIALLY DEFERRED' ELSE '' END,"
				  " $2 = ANY ((i.indkey::pg_catalog.int2[])[0:i.indnkeyatts - 1]), i.indisreplident"
				  " FROM pg_catalog.pg_index i"
				  " JOIN pg_catalog.pg_constraint x ON x.conindid = i.indexrelid AND x.conrelid = i.indrelid AND x.contype = 'p'"
				  " WHERE i.indrelid = $1",
				  &args) > 0)
	{
		key = (ConvertKey *) palloc(sizeof(ConvertKey));
		key->name = query_text(0, 1);
		key->columns = query_text(0, 2);
		key->include = query_text(0, 3);
		key->deferrable = query_text(0, 4);
		key->has_time = DatumGetBool(query_value(0, 5, &isnull));
		key->is_identity = DatumGetBool(query_value(0, 6, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return key;
}

/*
 * An index of the name, or for NULL any, that is all that the definition says
 * but for its own name.
 */
static ConvertIndex *
read_index(Oid table, const char *name, const char *columns)
{
	ConvertIndex *index = (ConvertIndex *) palloc0(sizeof(ConvertIndex));
	char	   *rest = psprintf("ON %s USING btree %s", qualified_relation_name(table), columns);
	QueryArgs	args = {0};
	bool		isnull;

	query_arg(&args, OIDOID, ObjectIdGetDatum(table));
	query_arg_or_null(&args, TEXTOID, name ? CStringGetTextDatum(name) : (Datum) 0, name == NULL);
	query_arg(&args, TEXTOID, CStringGetTextDatum(rest));
	if (query_run("SELECT c.oid, c.relname, i.fits FROM (SELECT *, indisvalid AND indisready AND indislive AND indimmediate"
				  "  AND pg_catalog.pg_get_indexdef(indexrelid) = pg_catalog.format('CREATE UNIQUE INDEX %I %s',"
				  "   (SELECT relname FROM pg_catalog.pg_class WHERE oid = indexrelid), $3) AS fits"
				  "  FROM pg_catalog.pg_index WHERE indrelid = $1) i"
				  " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
				  " WHERE c.relname = $2 OR $2 IS NULL AND i.fits AND NOT c.relispartition AND NOT i.indisprimary"
				  " ORDER BY c.oid",
				  &args) > 0)
	{
		index->relid = DatumGetObjectId(query_value(0, 1, &isnull));
		index->name = query_text(0, 2);
		index->ready = DatumGetBool(query_value(0, 3, &isnull));
	}
	else
		index->name = pstrdup(name ? name : "");
	SPI_freetuptable(SPI_tuptable);
	index->definition = psprintf("%s %s", quote_identifier(index->name), rest);
	return index;
}

ConvertIndex *
convert_key_index(const Conversion *conversion)
{
	ConvertKey *key = convert_primary_key(conversion->relid, conversion->column.attnum);
	ConvertIndex *index;
	char	   *columns;

	if (!conversion->undo)
	{
		if (key == NULL || key->has_time || OidIsValid(conversion->legacy))
			return NULL;
		return read_index(conversion->relid, psprintf("cvwiz_%u_key", conversion->relid),
						  psprintf("(%s, %s)%s", key->columns,
								   quote_identifier(NameStr(conversion->column.name)), key->include));
	}

	if (key == NULL || !conversion->key_extended)
		return NULL;
	columns = psprintf("(%s)%s", key->columns, key->include);
	index = read_index(conversion->legacy, NULL, columns);
	if (!index->ready)
		index = read_index(conversion->legacy, psprintf("cvwiz_%u_key", conversion->legacy), columns);
	return index;
}

ConvertIndex *
convert_unique_index(const Conversion *conversion)
{
	ConvertKey *key = convert_primary_key(conversion->relid, conversion->column.attnum);

	if (conversion->undo || !conversion->keep_unique || OidIsValid(conversion->legacy) ||
		key == NULL || key->has_time)
		return NULL;
	return read_index(conversion->relid, psprintf("cvwiz_%u_unique", conversion->relid),
					  psprintf("(%s)%s", key->columns, key->include));
}
