/*-------------------------------------------------------------------------
 *
 * archive_directory.c
 *		Which directories archives may be written to, and who says so.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"

#include "retention/archive_directory.h"

void
archive_check_privilege(void)
{
	if (has_privs_of_role(GetUserId(), ROLE_PG_WRITE_SERVER_FILES))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be superuser or have privileges of the pg_write_server_files role to set archive_to"),
			 errdetail("It says where the server writes files, and whether anything is dropped unwritten."),
			 errhint("Leave archive_to out, or have a superuser set it.")));
}

/* Where all links lead; ERROR where that cannot be found out. */
static char *
resolve(const char *path)
{
	char	   *resolved = realpath(path, NULL);
	char	   *result;

	if (resolved == NULL)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not reach archive directory \"%s\": %m", path),
				 errhint("Make it on the server, for the server's operating system user, or set another archive_to.")));
	result = pstrdup(resolved);
	free(resolved);
	return result;
}

/* Neither path has a trailing slash. */
static bool
lies_in(const char *path, const char *directory)
{
	size_t		length = strlen(directory);

	return strncmp(path, directory, length) == 0 &&
		(path[length] == '\0' || path[length] == '/' || strcmp(directory, "/") == 0);
}

/*
 * A base backup would carry what lies there, a restart could take it for the
 * server's own or sweep it away.
 */
static void
check_outside(const char *path, const char *resolved, const char *directory, const char *what)
{
	char	   *real = realpath(directory, NULL);
	bool		inside;

	/* a dangling tablespace link holds nothing */
	if (real == NULL)
		return;
	inside = lies_in(resolved, real);
	free(real);
	if (!inside)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("archive directory \"%s\" lies in %s", path, what),
			 strcmp(path, resolved) == 0 ? 0 : errdetail("It leads to \"%s\".", resolved),
			 errhint("Take a directory outside, best on another disk.")));
}

static void
check_outside_tablespaces(const char *path, const char *resolved)
{
	DIR		   *dir = AllocateDir("pg_tblspc");
	struct dirent *entry;

	while ((entry = ReadDir(dir, "pg_tblspc")) != NULL)
	{
		if (entry->d_name[0] == '.')
			continue;
		check_outside(path, resolved, psprintf("%s/pg_tblspc/%s", DataDir, entry->d_name),
					  "a tablespace");
	}
	FreeDir(dir);
}

void
archive_check_directory(const char *path)
{
	struct stat st;
	char	   *resolved;

	if (!is_absolute_path(path))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("archive directory \"%s\" is not an absolute path", path),
				 errhint("Begin it with a slash.")));

	resolved = resolve(path);
	if (stat(resolved, &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat archive directory \"%s\": %m", path)));
	if (!S_ISDIR(st.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a directory", path),
				 errhint("archive_to names a directory; the files in it get their names by themselves.")));

	check_outside(path, resolved, DataDir, "the data directory");
	check_outside(path, resolved, psprintf("%s/pg_wal", DataDir), "the directory of the WAL");
	check_outside_tablespaces(path, resolved);
}

char *
archive_clean_directory(const char *path)
{
	char	   *result = pstrdup(path);

	canonicalize_path(result);
	archive_check_directory(result);
	return result;
}
