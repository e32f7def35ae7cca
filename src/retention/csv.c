/*-------------------------------------------------------------------------
 *
 * csv.c
 *		Rows as COPY's CSV: written as a stream, counted in one.
 *
 * COPY itself can hand its text to a callback from PostgreSQL 16 on only, and
 * does not read partitioned tables.  The rules are those of
 * CopyAttributeOutCSV() in PostgreSQL's commands/copyto.c; a test compares
 * the two.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/attnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "retention/csv.h"

#define CSV_BUFFER_SIZE (64 * 1024)

/* ---- settings ---- */

int
csv_pin_settings(void)
{
	static const char *const settings[][2] = {
		{"DateStyle", "ISO, YMD"},
		{"IntervalStyle", "postgres"},
		{"TimeZone", "UTC"},
		{"extra_float_digits", "1"},
		{"bytea_output", "hex"},
		{"lc_monetary", "C"},
		{"xmloption", "content"},
		{"array_nulls", "on"},
		{"quote_all_identifiers", "off"},
	};
	int			level = NewGUCNestLevel();

	for (int i = 0; i < (int) lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1],
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/* ---- the text ---- */

typedef struct CsvWriter
{
	CsvSink		sink;
	void	   *arg;
	int64		rows;			/* since the last piece */
	MemoryContext row_context;
	size_t		row_bytes;
	size_t		used;
	char		buffer[CSV_BUFFER_SIZE];
} CsvWriter;

static void
flush(CsvWriter *writer)
{
	if (writer->used == 0)
		return;
	writer->sink(writer->arg, writer->buffer, writer->used, writer->rows);
	writer->used = 0;
	writer->rows = 0;
}

static void
put(CsvWriter *writer, const char *data, size_t length)
{
	writer->row_bytes += length;
	while (length > 0)
	{
		size_t		piece = Min(length, CSV_BUFFER_SIZE - writer->used);

		memcpy(writer->buffer + writer->used, data, piece);
		writer->used += piece;
		data += piece;
		length -= piece;
		if (writer->used == CSV_BUFFER_SIZE)
		{
			/* a value may be hundreds of megabytes */
			CHECK_FOR_INTERRUPTS();
			flush(writer);
		}
	}
}

static inline void
put_char(CsvWriter *writer, char c)
{
	put(writer, &c, 1);
}

/*
 * An empty string is quoted, NULL is nothing at all.  \. alone on a line was
 * the end of the data before PostgreSQL 18.  Server encodings have no ASCII
 * byte within a character, so bytes will do.
 */
static bool
needs_quotes(const char *value, bool alone)
{
	return value[0] == '\0' || strpbrk(value, ",\"\n\r") != NULL ||
		(alone && strcmp(value, "\\.") == 0);
}

static void
put_value(CsvWriter *writer, const char *value, bool alone)
{
	if (!needs_quotes(value, alone))
	{
		put(writer, value, strlen(value));
		return;
	}

	put_char(writer, '"');
	for (;;)
	{
		const char *quote = strchr(value, '"');

		if (quote == NULL)
			break;
		put(writer, value, quote - value + 1);
		put_char(writer, '"');
		value = quote + 1;
	}
	put(writer, value, strlen(value));
	put_char(writer, '"');
}

/* ---- the columns ---- */

/*
 * What COPY has: neither dropped nor generated columns, which are computed
 * again on the way back.
 */
static List *
column_names(Relation rel)
{
	TupleDesc	tupdesc = RelationGetDescr(rel);
	List	   *names = NIL;

	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

		if (!attribute->attisdropped && attribute->attgenerated == '\0')
			names = lappend(names, pstrdup(NameStr(attribute->attname)));
	}
	return names;
}

static void
put_header(CsvWriter *writer, List *columns)
{
	ListCell   *lc;

	foreach(lc, columns)
	{
		if (lc != list_head(columns))
			put_char(writer, ',');
		put_value(writer, (char *) lfirst(lc), list_length(columns) == 1);
	}
	put_char(writer, '\n');
}

typedef struct CsvColumn
{
	AttrNumber	attnum;
	FmgrInfo	output;
} CsvColumn;

/* A leaf of a partition may have its columns in another order. */
static CsvColumn *
find_columns(Relation rel, List *names)
{
	CsvColumn  *columns = (CsvColumn *) palloc0(sizeof(CsvColumn) * list_length(names));
	ListCell   *lc;

	foreach(lc, names)
	{
		CsvColumn  *column = &columns[foreach_current_index(lc)];
		Oid			function;
		bool		is_varlena;

		column->attnum = get_attnum(RelationGetRelid(rel), (char *) lfirst(lc));
		if (column->attnum <= 0)
			elog(ERROR, "table \"%s\" has no column \"%s\"",
				 RelationGetRelationName(rel), (char *) lfirst(lc));
		getTypeOutputInfo(TupleDescAttr(RelationGetDescr(rel), column->attnum - 1)->atttypid,
						  &function, &is_varlena);
		fmgr_info(function, &column->output);
	}
	return columns;
}

/* ---- the rows ---- */

/*
 * COPY takes in a line as a whole, and makes room for it in steps of its
 * 64 kB of raw data.  What it could not read back is no archive.
 */
#define MAX_ROW_BYTES (MaxAllocSize - 2 * 64 * 1024)

static void
check_row_size(const CsvWriter *writer, Relation rel)
{
	if (writer->row_bytes <= MAX_ROW_BYTES)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("a row of table \"%s\" has %zu bytes as CSV, more than COPY can read back",
					RelationGetRelationName(rel), writer->row_bytes),
			 errdetail("The limit is %zu bytes; the table is kept.", (size_t) MAX_ROW_BYTES),
			 errhint("Delete that row, or store it elsewhere; the next run tries again.")));
}

static void
put_row(CsvWriter *writer, TupleTableSlot *slot, CsvColumn *columns, int count)
{
	for (int i = 0; i < count; i++)
	{
		int			index = columns[i].attnum - 1;

		if (i > 0)
			put_char(writer, ',');
		if (!slot->tts_isnull[index])
			put_value(writer, OutputFunctionCall(&columns[i].output, slot->tts_values[index]),
					  count == 1);
	}
	put_char(writer, '\n');
}

/*
 * From the first block on, never from where another scan happens to be: the
 * text is compared with the one of a later scan.
 */
static int64
put_table(CsvWriter *writer, Oid relid, List *names)
{
	Relation	rel = table_open(relid, NoLock);
	CsvColumn  *columns = find_columns(rel, names);
	TupleTableSlot *slot = table_slot_create(rel, NULL);
	TableScanDesc scan = table_beginscan_strat(rel, GetActiveSnapshot(), 0, NULL, true, false);
	int64		rows = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MemoryContext caller;

		CHECK_FOR_INTERRUPTS();
		slot_getallattrs(slot);

		caller = MemoryContextSwitchTo(writer->row_context);
		writer->row_bytes = 0;
		put_row(writer, slot, columns, list_length(names));
		check_row_size(writer, rel);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(writer->row_context);

		rows++;
		writer->rows++;
	}

	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	table_close(rel, NoLock);
	return rows;
}

int64
csv_write(Oid relid, CsvSink sink, void *arg)
{
	CsvWriter  *writer = (CsvWriter *) palloc0(sizeof(CsvWriter));
	int			level = csv_pin_settings();
	Relation	rel = table_open(relid, NoLock);
	List	   *names = column_names(rel);
	int64		rows = 0;
	ListCell   *lc;

	table_close(rel, NoLock);
	writer->sink = sink;
	writer->arg = arg;
	writer->row_context = AllocSetContextCreate(CurrentMemoryContext, "cvwiz row",
												ALLOCSET_DEFAULT_SIZES);

	put_header(writer, names);
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_RELATION)
			rows += put_table(writer, lfirst_oid(lc), names);
	}
	flush(writer);

	MemoryContextDelete(writer->row_context);
	pfree(writer);
	AtEOXact_GUC(false, level);
	return rows;
}

/* ---- counting ---- */

/* A quote within quotes is doubled, and so changes nothing. */
void
csv_count(CsvCounter *counter, const char *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (data[i] == '"')
			counter->quoted = !counter->quoted;
		else if (data[i] == '\n' && !counter->quoted)
			counter->lines++;
	}
}
