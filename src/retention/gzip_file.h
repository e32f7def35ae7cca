/*-------------------------------------------------------------------------
 *
 * gzip_file.h
 *		Files on the server in gzip's format: written once, durably; read as a
 *		stream.
 *
 * Open files are closed at the end of the (sub)transaction, after an error
 * too.  What a failed writer leaves on the disk the caller removes.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_GZIP_FILE_H
#define CVWIZ_GZIP_FILE_H

#include "postgres.h"

typedef struct GzipWriter GzipWriter;
typedef struct GzipReader GzipReader;

/*
 * A file that must not be there yet.  Its header has neither a time nor a
 * name, so the same bytes make the same file.  ERROR 53100 for a full disk.
 */
extern GzipWriter *gzip_create(const char *path, int level);
extern void gzip_write(GzipWriter *writer, const char *data, size_t length);

/* Ends and closes the file, which is on the disk then.  Returns its size. */
extern int64 gzip_finish(GzipWriter *writer);

/* ERROR 58P01 for no file, 42809 for what is none. */
extern GzipReader *gzip_open(const char *path);

/* As gunzip does; 0 at the end.  ERROR XX001 for a file that is damaged. */
extern size_t gzip_read(GzipReader *reader, char *data, size_t length);
extern void gzip_close(GzipReader *reader);

/* Its compressed size. */
extern int64 gzip_size(const GzipReader *reader);

/* Whether anything is there, a dangling link too. */
extern bool path_is_taken(const char *path);

/*
 * Gives a file its lasting name in the same directory, durably.  False, and
 * nothing has changed, where that is taken.
 */
extern bool file_publish(const char *temporary, const char *path);

/* A file, and its name in its directory, reach the disk. */
extern void file_sync(const char *path);

/* Removes what may be left of an earlier attempt. */
extern void file_remove(const char *path);

#endif							/* CVWIZ_GZIP_FILE_H */
