/*-------------------------------------------------------------------------
 *
 * archive.c
 *		Detached partitions as files: written, verified, listed in a manifest.
 *
 * The file is written under a temporary name, reaches the disk, is read back
 * and compared, and only then gets its name and a row in cvwiz.archive.  Killed
 * before the name: the next run removes the temporary file.  Killed between
 * the name and the commit: the next run finds a file with the table's text,
 * and takes it for its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "guard.h"
#include "privilege.h"
#include "query.h"
#include "retention/archive.h"
#include "retention/archive_directory.h"
#include "retention/detached.h"
#include "retention/policy.h"
#include "retention/progress.h"
#include "retention/published.h"
#include "settings.h"

#define READ_BUFFER (64 * 1024)

/* ---- what a table holds ---- */

typedef struct TextStream
{
	Sha256		sha;
	GzipWriter *writer;			/* NULL: the text goes nowhere */
	int64		raw_bytes;
} TextStream;

static void
take_text(void *arg, const char *data, size_t length, int64 rows)
{
	TextStream *stream = (TextStream *) arg;

	sha256_add(&stream->sha, data, length);
	stream->raw_bytes += length;
	if (stream->writer != NULL)
		gzip_write(stream->writer, data, length);
	progress_add_rows(rows);
	progress_add_bytes(length);
}

/* The locks are held, so the newest snapshot is the one that counts. */
static void
read_table(Oid target, GzipWriter *writer, ArchiveContent *content)
{
	TextStream	stream = {.writer = writer};

	sha256_begin(&stream.sha);
	PushActiveSnapshot(GetLatestSnapshot());
	content->rows = csv_write(target, take_text, &stream);
	PopActiveSnapshot();
	content->raw_bytes = stream.raw_bytes;
	sha256_end(&stream.sha, content->sha256);
}

/* The table's own count, which none of our code has a part in. */
static void
check_row_count(Oid target, const ArchiveContent *content)
{
	bool		isnull;
	int64		rows;

	query_run(psprintf("SELECT count(*) FROM %s", qualified_relation_name(target)), NULL);
	rows = DatumGetInt64(query_value(0, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	if (rows == content->rows)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the archive of table \"%s\" would have " INT64_FORMAT " rows, the table has " INT64_FORMAT,
					get_rel_name(target), content->rows, rows),
			 errhint("The table is kept; the next run tries again.")));
}

/* ---- what a file holds ---- */

void
archive_read_file(const char *path, ArchiveContent *content)
{
	GzipReader *reader = gzip_open(path);
	char	   *buffer = (char *) palloc(READ_BUFFER);
	CsvCounter	counter = {0};
	Sha256		sha;
	size_t		length;

	memset(content, 0, sizeof(ArchiveContent));
	sha256_begin(&sha);
	while ((length = gzip_read(reader, buffer, READ_BUFFER)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		sha256_add(&sha, buffer, length);
		csv_count(&counter, buffer, length);
		content->raw_bytes += length;
	}
	content->rows = counter.lines - 1;	/* without the header */
	sha256_end(&sha, content->sha256);
	gzip_close(reader);
	pfree(buffer);
}

static bool
is_same(const ArchiveContent *a, const ArchiveContent *b)
{
	return a->rows == b->rows && a->raw_bytes == b->raw_bytes &&
		strcmp(a->sha256, b->sha256) == 0;
}

/* ---- the manifest ---- */

static void
range_args(QueryArgs *args, Oid relid, TimeRange range)
{
	query_arg(args, REGCLASSOID, ObjectIdGetDatum(relid));
	query_arg(args, TIMESTAMPTZOID, TimestampTzGetDatum(range.lower));
	query_arg(args, TIMESTAMPTZOID, TimestampTzGetDatum(range.upper));
}

/* Whether the manifest has anything of the range. */
static bool
archive_is_listed(Oid relid, TimeRange range)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};
	bool		found;

	range_args(&args, relid, range);
	become_extension_owner(&saved);
	found = query_run_only("SELECT FROM cvwiz.archive"
						   " WHERE relation = $1 AND range_start = $2 AND range_end = $3",
						   &args) > 0;
	restore_privileges(&saved);
	return found;
}

bool
archive_is_listed_with(Oid relid, TimeRange range, const ArchiveContent *content)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};
	bool		found;

	range_args(&args, relid, range);
	query_arg(&args, INT8OID, Int64GetDatum(content->rows));
	query_text_arg(&args, content->sha256);
	become_extension_owner(&saved);
	found = query_run_only("SELECT FROM cvwiz.archive"
						   " WHERE relation = $1 AND range_start = $2 AND range_end = $3"
						   " AND rows = $4 AND sha256 = $5",
						   &args) > 0;
	restore_privileges(&saved);
	return found;
}

static void
list_archive(Oid relid, TimeRange range, const char *path, int64 bytes,
			 const ArchiveContent *content, TimestampTz now)
{
	SavedPrivileges saved;
	QueryArgs	args = {0};

	range_args(&args, relid, range);
	query_text_arg(&args, qualified_relation_name(relid));
	query_text_arg(&args, path);
	query_arg(&args, INT8OID, Int64GetDatum(content->rows));
	query_arg(&args, INT8OID, Int64GetDatum(bytes));
	query_arg(&args, INT8OID, Int64GetDatum(content->raw_bytes));
	query_text_arg(&args, content->sha256);
	query_arg(&args, TIMESTAMPTZOID, TimestampTzGetDatum(now));

	become_extension_owner(&saved);
	query_run_only("INSERT INTO cvwiz.archive (relation, range_start, range_end, relation_name,"
				   " path, rows, bytes, raw_bytes, sha256, written_at)"
				   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
				   " ON CONFLICT (path, sha256) DO UPDATE SET relation = excluded.relation,"
				   " relation_name = excluded.relation_name, range_start = excluded.range_start,"
				   " range_end = excluded.range_end, rows = excluded.rows, bytes = excluded.bytes,"
				   " raw_bytes = excluded.raw_bytes, written_at = excluded.written_at",
				   &args);
	restore_privileges(&saved);
}

/* ---- the file ---- */

static void
other_file_error(Oid target, const char *path, const ArchiveContent *in_table,
				 const ArchiveContent *in_file)
{
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_FILE),
			 errmsg("another file is in the place of the archive of table \"%s\": \"%s\"",
					get_rel_name(target), path),
			 in_file == NULL ? errdetail("It is no whole file in gzip's format.") :
			 errdetail("Its text has " INT64_FORMAT " rows and SHA-256 %s, the table's " INT64_FORMAT " rows and %s.",
					   in_file->rows, in_file->sha256, in_table->rows, in_table->sha256),
			 errhint("Move that file away, or set another archive_to; the table is kept, and the next run tries again.")));
}

typedef struct FileAttempt
{
	const char *path;
	ArchiveContent content;
} FileAttempt;

static void
read_file_action(void *arg)
{
	FileAttempt *file = (FileAttempt *) arg;

	archive_read_file(file->path, &file->content);
}

/* False for what is no file in gzip's format, or a damaged one. */
static bool
try_read_file(const char *path, ArchiveContent *content)
{
	FileAttempt file = {.path = path};
	ErrorData  *error = guard(read_file_action, &file);

	*content = file.content;
	if (error == NULL)
		return true;
	if (error->sqlerrcode != ERRCODE_DATA_CORRUPTED &&
		error->sqlerrcode != ERRCODE_WRONG_OBJECT_TYPE)
		ReThrowError(error);
	return false;
}

/* The file of an attempt that was killed before its commit; its size. */
static int64
adopt_file(Oid target, const char *path, const ArchiveContent *in_table)
{
	ArchiveContent in_file;
	GzipReader *reader;
	int64		bytes;

	if (!try_read_file(path, &in_file))
		other_file_error(target, path, in_table, NULL);
	if (!is_same(in_table, &in_file))
		other_file_error(target, path, in_table, &in_file);
	file_sync(path);

	reader = gzip_open(path);
	bytes = gzip_size(reader);
	gzip_close(reader);
	return bytes;
}

/*
 * The text that gunzip gives is compared with the one that was written, by
 * SHA-256 and length: every byte of every row is there.  Its rows are counted
 * from that text alone, and compared with what the scan has counted.
 */
static void
check_read_back(Oid target, const char *path, const ArchiveContent *written)
{
	ArchiveContent in_file;

	archive_read_file(path, &in_file);
	if (is_same(written, &in_file))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the archive of table \"%s\" does not read back as it was written: \"%s\"",
					get_rel_name(target), path),
			 errdetail("Written were " INT64_FORMAT " rows with SHA-256 %s, read " INT64_FORMAT " rows with %s.",
					   written->rows, written->sha256, in_file.rows, in_file.sha256),
			 errhint("Look into the disk; the table is kept, and the next run tries again.")));
}

static int64
write_temporary(Oid target, const char *temporary,
				ArchiveContent *content)
{
	GzipWriter *writer = gzip_create(temporary, setting_compression_level);

	read_table(target, writer, content);
	return gzip_finish(writer);
}

static void
remove_temporary(int code, Datum path)
{
	(void) unlink(DatumGetCString(path));
}

/* Returns the file's size. */
static int64
write_file(Oid target, const char *path, ArchiveContent *content)
{
	char	   *temporary = archive_temporary_path(path);
	int64		bytes;

	/* also where the process is told to end */
	PG_ENSURE_ERROR_CLEANUP(remove_temporary, CStringGetDatum(temporary));
	{
		bytes = write_temporary(target, temporary, content);
		check_row_count(target, content);
		check_read_back(target, temporary, content);
		if (!file_publish(temporary, path))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_FILE),
					 errmsg("file \"%s\" came up while the archive of table \"%s\" was written",
							path, get_rel_name(target)),
					 errhint("Move that file away; the next run tries again.")));
	}
	PG_END_ENSURE_ERROR_CLEANUP(remove_temporary, CStringGetDatum(temporary));
	published_file(path);
	return bytes;
}

/* ---- the step ---- */

static void
archive_table(const RetentionPolicy *policy, const DetachedPartition *partition,
			  TimestampTz now)
{
	Oid			target = partition->relid;
	TimeRange	range = partition->range;
	char	   *path = archive_path(policy->archive_to, policy->relid, range);
	ArchiveContent content;
	int64		bytes;

	archive_check_directory(policy->archive_to);
	/* of an attempt that was killed; the run's lock keeps others away */
	if (path_is_taken(archive_temporary_path(path)))
		file_remove(archive_temporary_path(path));

	if (archive_is_listed(policy->relid, range) || path_is_taken(path))
	{
		/* first without writing: it may be done */
		read_table(target, NULL, &content);
		if (archive_is_listed_with(policy->relid, range, &content) ||
			(partition->emptied && content.rows == 0))
			return;
	}

	if (path_is_taken(path))
	{
		check_row_count(target, &content);
		bytes = adopt_file(target, path, &content);
	}
	else
		bytes = write_file(target, path, &content);
	list_archive(policy->relid, range, path, bytes, &content, now);
}

static RetentionPolicy *
policy_that_archives(Oid relid)
{
	RetentionPolicy *policy = policy_read(relid, POLICY_READ);

	return policy != NULL && policy->archive_to != NULL ? policy : NULL;
}

void
archive_execute(Oid relid, Oid target, TimestampTz now)
{
	RetentionPolicy *policy = policy_that_archives(relid);
	DetachedPartition *partition;
	SavedPrivileges saved;

	/* one that is in use still is not to be locked */
	if (policy == NULL || !detached_is_ours(detached_find(policy, target)) ||
		!lock_as_owner(target, ShareLock, &saved))
		return;
	partition = detached_find(policy, target);
	if (detached_is_ours(partition))
	{
		(void) find_all_inheritors(target, ShareLock, NULL);
		check_tree_owner(target);
		archive_table(policy, partition, now);
		detached_mark_archived(target);
	}
	restore_privileges(&saved);
}

bool
archive_verify(Oid relid, Oid target, TimeRange range)
{
	ArchiveContent content;

	if (policy_that_archives(relid) == NULL)
		return false;

	check_tree_owner(target);
	read_table(target, NULL, &content);
	if (archive_is_listed_with(relid, range, &content))
		return true;

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("detached table \"%s\" is not archived", get_rel_name(target)),
			 archive_is_listed(relid, range) ?
			 errdetail("It has " INT64_FORMAT " rows with SHA-256 %s, which no archive of its range in cvwiz.archives has.",
					   content.rows, content.sha256) :
			 errdetail("cvwiz.archives has no archive of its range."),
			 errhint("The table is kept; the next run archives it.")));
	return false;				/* not reached */
}

void
archive_confirm(Oid relid, bool verified)
{
	if (verified || policy_that_archives(relid) == NULL)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("archive_to of table \"%s\" was set during the step", get_rel_name(relid)),
			 errhint("Nothing is dropped unarchived; the next run archives it.")));
}
