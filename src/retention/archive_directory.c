/*-------------------------------------------------------------------------
 *
 * archive_directory.c
 *		Where archives are written: which directories, who says so, the names
 *		of the files.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "retention/archive_directory.h"
#include "sha256.h"

/* of a file's name; ext4 and its kind have room for 255 in all */
#define MAX_TABLE_PART	120

/* ---- the directory ---- */

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

/* ---- the file's name ---- */

/* A dot stands between schema and table only, so it is escaped as well. */
static void
append_escaped(StringInfo buf, const char *name)
{
	for (const char *p = name; *p != '\0'; p++)
	{
		unsigned char c = (unsigned char) *p;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			(c >= '0' && c <= '9') || c == '_' || c == '-')
			appendStringInfoChar(buf, c);
		else
			appendStringInfo(buf, "%%%02X", c);
	}
}

static void
append_table(StringInfo buf, Oid relid)
{
	char	   *schema = get_namespace_name(get_rel_namespace(relid));
	Sha256		sha;
	char		digest[SHA256_TEXT_SIZE];

	if (strcmp(schema, "public") != 0)
	{
		append_escaped(buf, schema);
		appendStringInfoChar(buf, '.');
	}
	append_escaped(buf, get_rel_name(relid));
	if (buf->len <= MAX_TABLE_PART)
		return;

	sha256_begin(&sha);
	sha256_add(&sha, buf->data, buf->len);
	sha256_end(&sha, digest);
	buf->len = MAX_TABLE_PART - 17;
	buf->data[buf->len] = '\0';
	appendStringInfo(buf, "~%.16s", digest);
}

static void
append_time(StringInfo buf, TimestampTz t)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_IS_NOBEGIN(t))
	{
		appendStringInfoString(buf, "minvalue");
		return;
	}
	if (timestamp2tm(t, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));

	/* a year of astronomers: 1 BC is 0 */
	appendStringInfo(buf, "%04d-%02d-%02d", tm.tm_year, tm.tm_mon, tm.tm_mday);
	if (tm.tm_hour != 0 || tm.tm_min != 0 || tm.tm_sec != 0 || fsec != 0)
		appendStringInfo(buf, "T%02d%02d%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (fsec != 0)
		appendStringInfo(buf, ".%06d", (int) fsec);
}

static bool
is_one_month(TimeRange range)
{
	return !TIMESTAMP_NOT_FINITE(range.lower) && !TIMESTAMP_NOT_FINITE(range.upper) &&
		month_start(range.lower, 0) == range.lower &&
		month_start(range.lower, 1) == range.upper;
}

static void
append_range(StringInfo buf, TimeRange range)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (is_one_month(range) &&
		timestamp2tm(range.lower, NULL, &tm, &fsec, NULL, NULL) == 0)
	{
		appendStringInfo(buf, "_%04d_%02d", tm.tm_year, tm.tm_mon);
		return;
	}

	appendStringInfoChar(buf, '_');
	append_time(buf, range.lower);
	appendStringInfoString(buf, "_to_");
	append_time(buf, range.upper);
}

static void
check_length(const char *path)
{
	if (strlen(path) < MAXPGPATH)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_NAME_TOO_LONG),
			 errmsg("path \"%s\" is longer than %d bytes", path, MAXPGPATH - 1),
			 errhint("Set archive_to to a directory with a shorter path.")));
}

char *
archive_path(const char *directory, Oid relid, TimeRange range)
{
	StringInfoData name;
	char	   *path;

	initStringInfo(&name);
	append_table(&name, relid);
	append_range(&name, range);
	path = psprintf("%s/%s.csv.gz", strcmp(directory, "/") == 0 ? "" : directory, name.data);
	check_length(path);
	return path;
}

char *
archive_temporary_path(const char *path)
{
	const char *name = last_dir_separator(path) + 1;
	char	   *result = psprintf("%.*s.%s." UINT64_FORMAT ".%u.tmp",
								  (int) (name - path), path, name,
								  GetSystemIdentifier(), MyDatabaseId);

	check_length(result);
	return result;
}
