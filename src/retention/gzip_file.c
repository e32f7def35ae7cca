/*-------------------------------------------------------------------------
 *
 * gzip_file.c
 *		Files on the server in gzip's format: written once, durably; read as a
 *		stream.
 *
 * A failed fsync is an ERROR here, never a PANIC as for PostgreSQL's own
 * files: the table is still there, and the next attempt writes a new file.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "common/file_perm.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "compat.h"
#include "retention/gzip_file.h"

#define GZIP_FORMAT		(MAX_WBITS + 16)
#define MEMORY_LEVEL	8		/* zlib's default */
#define FILE_BUFFER		(64 * 1024)

struct GzipWriter
{
	char	   *path;
	int			fd;
	int64		size;
	z_stream	stream;
	char		buffer[FILE_BUFFER];
};

struct GzipReader
{
	char	   *path;
	int			fd;
	int64		size;
	bool		at_end;			/* of a member of the file */
	z_stream	stream;
	char		buffer[FILE_BUFFER];
};

/* ---- zlib ---- */

/* In the writer's or the reader's own context, which an error frees. */
static voidpf
stream_alloc(voidpf opaque, uInt items, uInt size)
{
	return MemoryContextAllocExtended((MemoryContext) opaque, (Size) items * size,
									  MCXT_ALLOC_NO_OOM);
}

static void
stream_free(voidpf opaque, voidpf address)
{
	pfree(address);
}

static void
prepare_stream(z_stream *stream)
{
	stream->zalloc = stream_alloc;
	stream->zfree = stream_free;
	stream->opaque = CurrentMemoryContext;
}

static void
check_init(int result)
{
	if (result == Z_OK)
		return;
	if (result == Z_MEM_ERROR)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory"),
				 errdetail("zlib could not begin its work.")));
	elog(ERROR, "zlib: %s", zError(result));
}

/* ---- writing ---- */

GzipWriter *
gzip_create(const char *path, int level)
{
	GzipWriter *writer = (GzipWriter *) palloc0(sizeof(GzipWriter));

	writer->path = pstrdup(path);
	prepare_stream(&writer->stream);
	check_init(deflateInit2(&writer->stream, level, Z_DEFLATED, GZIP_FORMAT,
							MEMORY_LEVEL, Z_DEFAULT_STRATEGY));
	writer->stream.next_out = (Bytef *) writer->buffer;
	writer->stream.avail_out = FILE_BUFFER;

	writer->fd = OpenTransientFilePerm(path, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY,
									   pg_file_create_mode);
	if (writer->fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", path),
				 errhint("The server's operating system user must be able to write there.")));
	return writer;
}

static void
write_error(GzipWriter *writer)
{
	bool		full;

	/* nothing written and no error: the disk is full */
	if (errno == 0)
		errno = ENOSPC;
	full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
	ereport(ERROR,
			(full ? errcode(ERRCODE_DISK_FULL) : errcode_for_file_access(),
			 errmsg("could not write to file \"%s\": %m", writer->path),
			 full ? errhint("Make room there, or set another archive_to; the next run tries again.") : 0));
}

static void
write_out(GzipWriter *writer)
{
	const char *data = writer->buffer;
	size_t		left = FILE_BUFFER - writer->stream.avail_out;

	writer->size += left;
	while (left > 0)
	{
		ssize_t		written;

		errno = 0;
		written = write(writer->fd, data, left);
		if (written < 0 && errno == EINTR)
		{
			CHECK_FOR_INTERRUPTS();
			continue;
		}
		if (written <= 0)
			write_error(writer);
		data += written;
		left -= written;
	}
	writer->stream.next_out = (Bytef *) writer->buffer;
	writer->stream.avail_out = FILE_BUFFER;
}

static void
deflate_all(GzipWriter *writer, int flush)
{
	int			result;

	do
	{
		result = deflate(&writer->stream, flush);
		if (result == Z_STREAM_ERROR)
			elog(ERROR, "zlib: %s", writer->stream.msg ? writer->stream.msg : zError(result));
		if (writer->stream.avail_out == 0)
			write_out(writer);
	} while (flush == Z_FINISH ? result != Z_STREAM_END : writer->stream.avail_in > 0);
}

void
gzip_write(GzipWriter *writer, const char *data, size_t length)
{
	writer->stream.next_in = (Bytef *) unconstify(char *, data);
	writer->stream.avail_in = length;
	deflate_all(writer, Z_NO_FLUSH);
}

int64
gzip_finish(GzipWriter *writer)
{
	int64		size;

	writer->stream.next_in = NULL;
	writer->stream.avail_in = 0;
	deflate_all(writer, Z_FINISH);
	write_out(writer);
	(void) deflateEnd(&writer->stream);

	if (pg_fsync(writer->fd) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not fsync file \"%s\": %m", writer->path)));
#if defined(USE_POSIX_FADVISE) && defined(POSIX_FADV_DONTNEED)
	/* so that it is read back from the disk, and the page cache stays others' */
	(void) posix_fadvise(writer->fd, 0, 0, POSIX_FADV_DONTNEED);
#endif
	if (CloseTransientFile(writer->fd) != 0)
		write_error(writer);

	size = writer->size;
	pfree(writer->path);
	pfree(writer);
	return size;
}

/* ---- reading ---- */

GzipReader *
gzip_open(const char *path)
{
	GzipReader *reader = (GzipReader *) palloc0(sizeof(GzipReader));
	struct stat st;

	/* not opened yet: a pipe would keep us waiting */
	if (stat(path, &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not reach file \"%s\": %m", path)));
	if (!S_ISREG(st.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a file", path)));

	reader->path = pstrdup(path);
	reader->size = st.st_size;
	prepare_stream(&reader->stream);
	check_init(inflateInit2(&reader->stream, GZIP_FORMAT));
	reader->fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);
	if (reader->fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", path)));
	return reader;
}

COMPAT_NORETURN static void
corrupted_error(const GzipReader *reader, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("file \"%s\" is damaged", reader->path),
			 errdetail("gunzip: %s.", why),
			 errhint("Put back a copy of the file that is whole.")));
	pg_unreachable();
}

/* False at the end of the file. */
static bool
fill(GzipReader *reader)
{
	ssize_t		got;

	do
	{
		CHECK_FOR_INTERRUPTS();
		got = read(reader->fd, reader->buffer, FILE_BUFFER);
	} while (got < 0 && errno == EINTR);

	if (got < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", reader->path)));
	reader->stream.next_in = (Bytef *) reader->buffer;
	reader->stream.avail_in = got;
	return got > 0;
}

size_t
gzip_read(GzipReader *reader, char *data, size_t length)
{
	reader->stream.next_out = (Bytef *) data;
	reader->stream.avail_out = length;

	while (reader->stream.avail_out > 0)
	{
		int			result;

		if (reader->stream.avail_in == 0 && !fill(reader))
		{
			if (!reader->at_end)
				corrupted_error(reader, "unexpected end of file");
			break;
		}

		/* as gunzip does, one member after the other */
		if (reader->at_end)
		{
			(void) inflateReset(&reader->stream);
			reader->at_end = false;
		}
		result = inflate(&reader->stream, Z_NO_FLUSH);
		if (result == Z_STREAM_END)
			reader->at_end = true;
		else if (result == Z_MEM_ERROR)
			check_init(result);
		else if (result != Z_OK)
			corrupted_error(reader, reader->stream.msg ? reader->stream.msg : zError(result));
	}
	return length - reader->stream.avail_out;
}

void
gzip_close(GzipReader *reader)
{
	(void) inflateEnd(&reader->stream);
	(void) CloseTransientFile(reader->fd);
	pfree(reader->path);
	pfree(reader);
}

int64
gzip_size(const GzipReader *reader)
{
	return reader->size;
}

/* ---- names ---- */

bool
path_is_taken(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0)
		return true;
	if (errno == ENOENT)
		return false;
	ereport(ERROR,
			(errcode_for_file_access(),
			 errmsg("could not reach file \"%s\": %m", path)));
	return true;				/* not reached */
}

static void
sync_directory_of(const char *path)
{
	char		directory[MAXPGPATH];

	strlcpy(directory, path, MAXPGPATH);
	get_parent_directory(directory);
	(void) fsync_fname_ext(directory, true, false, ERROR);
}

void
file_sync(const char *path)
{
	/* a file that somebody made read-only cannot be opened for it */
	(void) fsync_fname_ext(path, false, true, ERROR);
	sync_directory_of(path);
}

static void
rename_error(const char *temporary, const char *path)
{
	ereport(ERROR,
			(errcode_for_file_access(),
			 errmsg("could not rename file \"%s\" to \"%s\": %m", temporary, path)));
}

/*
 * A second link fails where the name is taken, where rename() would replace
 * what is there.  Filesystems without hard links leave a gap between the look
 * and the rename.
 */
bool
file_publish(const char *temporary, const char *path)
{
	if (link(temporary, path) == 0)
	{
		if (unlink(temporary) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not remove file \"%s\": %m", temporary)));
	}
	else if (errno == EEXIST)
		return false;
	else if (errno == EPERM || errno == ENOSYS || errno == EOPNOTSUPP || errno == EMLINK)
	{
		if (path_is_taken(path))
			return false;
		if (rename(temporary, path) != 0)
			rename_error(temporary, path);
	}
	else
		rename_error(temporary, path);

	file_sync(path);
	return true;
}

void
file_remove(const char *path)
{
	if (unlink(path) == 0 || errno == ENOENT)
		return;
	ereport(ERROR,
			(errcode_for_file_access(),
			 errmsg("could not remove file \"%s\": %m", path),
			 errdetail("It is left of an attempt that was interrupted.")));
}
