/*-------------------------------------------------------------------------
 *
 * restore.c
 *		The way back: an archive becomes a detached table.
 *
 * The whole file is verified before its first row is read as a row, so that
 * a damaged one is called damaged; and its text once more as COPY takes it in.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/copy.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/value.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "privilege.h"
#include "query.h"
#include "retention/archive.h"
#include "retention/bounds.h"
#include "retention/csv.h"
#include "retention/gzip_file.h"
#include "retention/partition.h"

PG_FUNCTION_INFO_V1(cvwiz_restore_archive);

typedef struct ListedArchive
{
	char	   *path;
	TimeRange	range;
	ArchiveContent content;
} ListedArchive;

/* ---- the manifest ---- */

static void
no_archive_error(Oid relid, TimestampTz range_start)
{
	QueryArgs	args = {0};
	SavedPrivileges saved;
	char	   *others;

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	become_extension_owner(&saved);
	query_run("SELECT min(range_start) AT TIME ZONE 'UTC' || ' to ' || max(range_start) AT TIME ZONE 'UTC'"
			  " FROM cvwiz.archive WHERE relation = $1",
			  &args);
	others = query_text(0, 1);
	restore_privileges(&saved);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("table \"%s\" has no archive that begins at %s",
					get_rel_name(relid), time_for_message(range_start)),
			 others ? errdetail("Those it has begin from %s.", others) : 0,
			 errhint("SELECT * FROM cvwiz.archives lists them.")));
}

static void
find_archive(Oid relid, TimestampTz range_start, ListedArchive *archive)
{
	QueryArgs	args = {0};
	SavedPrivileges saved;
	bool		isnull;

	query_arg(&args, REGCLASSOID, ObjectIdGetDatum(relid));
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(range_start));
	become_extension_owner(&saved);
	if (query_run("SELECT path, range_start, range_end, rows, raw_bytes, sha256 FROM cvwiz.archive"
				  " WHERE relation = $1 AND range_start = $2"
				  " ORDER BY written_at DESC, range_end DESC, rows DESC LIMIT 1",
				  &args) == 0)
		no_archive_error(relid, range_start);
	restore_privileges(&saved);

	archive->path = query_text(0, 1);
	archive->range.lower = DatumGetTimestampTz(query_value(0, 2, &isnull));
	archive->range.upper = DatumGetTimestampTz(query_value(0, 3, &isnull));
	archive->content.rows = DatumGetInt64(query_value(0, 4, &isnull));
	archive->content.raw_bytes = DatumGetInt64(query_value(0, 5, &isnull));
	strlcpy(archive->content.sha256, query_text(0, 6), SHA256_TEXT_SIZE);
	SPI_freetuptable(SPI_tuptable);
}

static void
check_content(const ListedArchive *archive, const ArchiveContent *found)
{
	if (found->rows == archive->content.rows &&
		strcmp(found->sha256, archive->content.sha256) == 0)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("file \"%s\" is not the archive that was written", archive->path),
			 errdetail("Its text has " INT64_FORMAT " rows and SHA-256 %s, written were " INT64_FORMAT " rows with %s.",
					   found->rows, found->sha256,
					   archive->content.rows, archive->content.sha256),
			 errhint("Put back a copy of the file that is whole.")));
}

/*
 * More than one may have been written to the same place, after the one before
 * was moved away: any of them is an archive.
 */
static void
verify_file(Oid relid, ListedArchive *archive)
{
	ArchiveContent found;

	archive_read_file(archive->path, &found);
	if (archive_is_listed_with(relid, archive->range, &found))
		archive->content = found;
	check_content(archive, &found);
}

/* ---- the text ---- */

/* COPY's callback has no argument. */
typedef struct RestoreStream
{
	GzipReader *reader;
	Sha256		sha;
	int64		raw_bytes;
} RestoreStream;

static RestoreStream *current_stream = NULL;

static size_t
read_text(RestoreStream *stream, char *data, size_t length)
{
	size_t		got = gzip_read(stream->reader, data, length);

	sha256_add(&stream->sha, data, got);
	stream->raw_bytes += got;
	return got;
}

static int
give_to_copy(void *outbuf, int minread, int maxread)
{
	CHECK_FOR_INTERRUPTS();
	return (int) read_text(current_stream, (char *) outbuf, maxread);
}

/*
 * The names in the first line, for the table may have its columns in another
 * order by now, or more of them.
 */
static List *
read_header(RestoreStream *stream)
{
	List	   *names = NIL;
	StringInfoData name;
	bool		quoted = false;
	bool		closed = false; /* the byte before closed a quote */
	char		c;

	initStringInfo(&name);
	for (;;)
	{
		if (read_text(stream, &c, 1) == 0)
			elog(ERROR, "unexpected end of an archive's header");
		if (c == '"')
		{
			/* the second one of two stands for itself */
			if (closed)
				appendStringInfoChar(&name, c);
			closed = quoted;
			quoted = !quoted;
			continue;
		}
		closed = false;
		if (quoted || (c != ',' && c != '\n'))
		{
			appendStringInfoChar(&name, c);
			continue;
		}

		names = lappend(names, makeString(pstrdup(name.data)));
		resetStringInfo(&name);
		if (c == '\n')
			return names;
	}
}

static void
check_columns(Oid parent, const ListedArchive *archive, List *names)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		char	   *name = strVal(lfirst(lc));

		if (get_attnum(parent, name) > 0)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table \"%s\" has no column \"%s\" any more, file \"%s\" has",
						get_rel_name(parent), name, archive->path),
				 errhint("Read the file into a table that has it: COPY ... FROM PROGRAM 'gunzip -c ...' WITH (FORMAT csv, HEADER).")));
	}
}

/* ---- the rows ---- */

static int64
copy_rows(Oid relid, List *names)
{
	Relation	rel = table_open(relid, RowExclusiveLock);
	ParseState *pstate = make_parsestate(NULL);
	List	   *options;
	CopyFromState copy;
	int64		rows;

	options = list_make2(makeDefElem("format", (Node *) makeString("csv"), -1),
						 makeDefElem("encoding",
									 (Node *) makeString(unconstify(char *, GetDatabaseEncodingName())), -1));
	(void) addRangeTableEntryForRelation(pstate, rel, RowExclusiveLock, NULL, false, false);
	copy = BeginCopyFrom(pstate, rel, NULL, NULL, false, give_to_copy, names, options);
	rows = (int64) CopyFrom(copy);
	EndCopyFrom(copy);
	free_parsestate(pstate);
	table_close(rel, NoLock);
	CommandCounterIncrement();
	return rows;
}

/* Code of the owner that COPY runs might restore another archive. */
static int64
copy_from_stream(RestoreStream *stream, Oid relid, List *names)
{
	RestoreStream *outer = current_stream;
	volatile int64 rows = 0;

	PG_TRY();
	{
		current_stream = stream;
		PushActiveSnapshot(GetTransactionSnapshot());
		rows = copy_rows(relid, names);
		PopActiveSnapshot();
	}
	PG_FINALLY();
	{
		current_stream = outer;
	}
	PG_END_TRY();
	return rows;
}

static void
load(Oid parent, Oid relid, const ListedArchive *archive)
{
	RestoreStream stream = {0};
	ArchiveContent loaded = {0};
	List	   *names;
	int			level = csv_pin_settings();

	stream.reader = gzip_open(archive->path);
	sha256_begin(&stream.sha);
	names = read_header(&stream);
	check_columns(parent, archive, names);

	loaded.rows = copy_from_stream(&stream, relid, names);

	/* it may have become another file since it was verified */
	sha256_end(&stream.sha, loaded.sha256);
	gzip_close(stream.reader);
	check_content(archive, &loaded);
	AtEOXact_GUC(false, level);
}

/*
 * SQL: cvwiz.restore_archive(relation regclass, range_start timestamptz)
 *		RETURNS regclass
 */
Datum
cvwiz_restore_archive(PG_FUNCTION_ARGS)
{
	Oid			parent;
	ListedArchive archive;
	SavedPrivileges saved;
	Oid			result;

	PreventCommandDuringRecovery("cvwiz.restore_archive()");
	PreventCommandIfReadOnly("cvwiz.restore_archive()");
	parent = owned_relation_argument(fcinfo, AccessShareLock);
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("range_start must not be null"),
				 errhint("Give the range_start of a row of cvwiz.archives.")));

	SPI_connect();
	find_archive(parent, PG_GETARG_TIMESTAMPTZ(1), &archive);
	verify_file(parent, &archive);

	if (!lock_as_owner(parent, AccessShareLock, &saved))
		relation_gone_error(parent);
	result = partition_create_detached(parent, archive.range);
	load(parent, result, &archive);
	restore_privileges(&saved);
	SPI_finish();
	PG_RETURN_OID(result);
}
