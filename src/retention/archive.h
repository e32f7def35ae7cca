/*-------------------------------------------------------------------------
 *
 * archive.h
 *		Detached partitions as files: written, verified, listed in a manifest.
 *
 * All need SPI.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_ARCHIVE_H
#define CVWIZ_ARCHIVE_H

#include "postgres.h"

#include "retention/bounds.h"
#include "retention/csv.h"
#include "retention/gzip_file.h"
#include "sha256.h"

/* What a table, or a file, holds as CSV text. */
typedef struct ArchiveContent
{
	int64		rows;
	int64		raw_bytes;
	char		sha256[SHA256_TEXT_SIZE];	/* of the text */
} ArchiveContent;

/*
 * The archive step: the detached table's rows are in a file that was read
 * back, and in cvwiz.archive, once this transaction commits.  Does nothing
 * where the policy of the table relid asks for no archive by now, where the
 * target is none that a run has detached (any more), where it was emptied, or
 * where the manifest has just these rows already.  Takes SHARE on the target,
 * as its owner.  ERROR 58P02 for another file in the place, 53100 for a full
 * disk, XX001 for a file that does not read back as written.
 */
extern void archive_execute(Oid relid, Oid target, TimestampTz now);

/*
 * Before a drop, under its lock and as the target's owner: ERROR 55000 unless
 * the manifest has just the target's rows.  False where the policy asks for no
 * archive.
 */
extern bool archive_verify(Oid relid, Oid target, TimeRange range);

/*
 * The same, under the lock of the policy's row, with archive_verify()'s answer:
 * ERROR 55000 if an archive was asked for in the meantime.
 */
extern void archive_confirm(Oid relid, bool verified);

/* Whether the manifest has just that content of the range, by rows and SHA-256. */
extern bool archive_is_listed_with(Oid relid, TimeRange range, const ArchiveContent *content);

/* What is in a file; errors of gzip_open() and gzip_read(). */
extern void archive_read_file(const char *path, ArchiveContent *content);

#endif							/* CVWIZ_ARCHIVE_H */
