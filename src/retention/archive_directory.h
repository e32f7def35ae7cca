/*-------------------------------------------------------------------------
 *
 * archive_directory.h
 *		Which directories archives may be written to, and who says so.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_ARCHIVE_DIRECTORY_H
#define CVWIZ_ARCHIVE_DIRECTORY_H

#include "postgres.h"

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

#endif							/* CVWIZ_ARCHIVE_DIRECTORY_H */
