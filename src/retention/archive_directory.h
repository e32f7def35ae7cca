/*-------------------------------------------------------------------------
 *
 * archive_directory.h
 *		Where archives are written: which directories, who says so, the names
 *		of the files.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_ARCHIVE_DIRECTORY_H
#define CVWIZ_ARCHIVE_DIRECTORY_H

#include "postgres.h"

#include "retention/bounds.h"

/* ERROR 42501 unless the current user may set or unset archive_to. */
extern void archive_check_privilege(void);

/*
 * ERROR 22023 for a path that is not absolute, or lies in the data directory or
 * a tablespace, wherever links lead; 58P01 for none that exists, 42809 for one
 * that is no directory.
 */
extern void archive_check_directory(const char *path);

/* The same, and the path without needless parts, palloc'd. */
extern char *archive_clean_directory(const char *path);

/*
 * The path of the archive of a table's range: audit_logs_2024_01.csv.gz for a
 * month, app.audit_logs_2024_01.csv.gz in another schema than public,
 * audit_logs_2024-01-15_to_2024-02-01.csv.gz for other ranges.  Of names, all
 * but letters, digits, _ and - of ASCII is written as %XX, what is longer than
 * 120 bytes then is cut and gets a part of its sha256.
 */
extern char *archive_path(const char *directory, Oid relid, TimeRange range);

/*
 * Where it is written first: a hidden name in the same directory, which no
 * other database, and no other server that shares the directory, uses.
 */
extern char *archive_temporary_path(const char *path);

#endif							/* CVWIZ_ARCHIVE_DIRECTORY_H */
