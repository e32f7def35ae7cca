/*-------------------------------------------------------------------------
 *
 * settings.c
 *		The settings cvwiz.*: names, ranges, who may set them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>
#include <limits.h>

#include "utils/guc.h"
#include "utils/memutils.h"

#include "clock.h"
#include "compat.h"
#include "settings.h"

int			setting_purge_batch_size = 10000;
int			setting_purge_pause = 0;
int			setting_lock_timeout = 1000;
int			setting_step_timeout = 3600 * 1000;
bool		setting_worker = true;
char	   *setting_databases = NULL;
int			setting_naptime = 60;
int			setting_purge_time = 3 * 3600;
int			setting_alert_interval = 15;

int			setting_max_snapshot_size = 512000;
int			setting_warning_snapshot_size = 256000;
int			setting_max_array_length = 100;
int			setting_snapshot_notice = WARNING;
int			setting_compression_level = 6;
int			setting_max_inflated_size = 256 * 1024 * 1024;
int			setting_max_original_size = 8 * 1024 * 1024;
int			setting_version_compression_level = 0;

/* "off" lies below every level that is ever sent or logged. */
static const struct config_enum_entry snapshot_notice_options[] = {
	{"warning", WARNING, false},
	{"notice", NOTICE, false},
	{"log", LOG, false},
	{"off", 0, false},
	{NULL, 0, false}
};

static char *now_string = NULL;
static char *purge_time_string = NULL;

/* HH:MM, 00:00 to 23:59 */
static bool
check_purge_time(char **newval, void **extra, GucSource source)
{
	const char *s = *newval;
	int			hour;
	int			minute;
	int		   *seconds;

	if (strlen(s) != 5 || s[2] != ':' ||
		!isdigit((unsigned char) s[0]) || !isdigit((unsigned char) s[1]) ||
		!isdigit((unsigned char) s[3]) || !isdigit((unsigned char) s[4]))
	{
		GUC_check_errdetail("\"cvwiz.purge_time\" is a time of day in UTC, as in 03:00.");
		return false;
	}

	hour = (s[0] - '0') * 10 + (s[1] - '0');
	minute = (s[3] - '0') * 10 + (s[4] - '0');
	if (hour > 23 || minute > 59)
	{
		GUC_check_errdetail("\"cvwiz.purge_time\" lies between 00:00 and 23:59.");
		return false;
	}

	seconds = (int *) compat_guc_malloc(sizeof(int));
	if (seconds == NULL)
		return false;
	*seconds = hour * 3600 + minute * 60;
	*extra = seconds;
	return true;
}

static void
assign_purge_time(const char *newval, void *extra)
{
	setting_purge_time = *(int *) extra;
}

void
settings_define(void)
{
	DefineCustomIntVariable("cvwiz.purge_batch_size",
							"Rows that the purge deletes in one transaction.",
							NULL,
							&setting_purge_batch_size,
							10000, 1, 10000000,
							PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("cvwiz.purge_pause",
							"Pause between two batches of the purge.",
							"The pauses lie between transactions; cleanup_old_logs(), which is one transaction, makes none.",
							&setting_purge_pause,
							0, 0, 3600 * 1000,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);

	DefineCustomIntVariable("cvwiz.lock_timeout",
							"Longest wait for a lock in one attempt of a step.",
							"A step that gets no lock is tried again a few times, after a pause.",
							&setting_lock_timeout,
							1000, 1, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);

	DefineCustomIntVariable("cvwiz.step_timeout",
							"Longest time that the background worker spends in one transaction, and any run in a concurrent detach.",
							"The table's run, or the detach, then ends, is recorded as failed, and tried again later; other tables have their turn; 0 turns it off. What else a session does has statement_timeout for that.",
							&setting_step_timeout,
							3600 * 1000, 0, INT_MAX,
							PGC_SIGHUP, GUC_UNIT_MS, NULL, NULL, NULL);

	DefineCustomBoolVariable("cvwiz.worker",
							 "Runs the policies that are due in the background.",
							 "Needs cvwiz in shared_preload_libraries.",
							 &setting_worker,
							 true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);

	DefineCustomStringVariable("cvwiz.databases",
							   "Databases that the background worker serves.",
							   "A list of names; empty stands for every database that has the extension.",
							   &setting_databases,
							   "",
							   PGC_SIGHUP, GUC_LIST_INPUT, NULL, NULL, NULL);

	DefineCustomIntVariable("cvwiz.naptime",
							"Time between two looks at what is due.",
							NULL,
							&setting_naptime,
							60, 1, 24 * 3600,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);

	DefineCustomStringVariable("cvwiz.purge_time",
							   "Time of day, in UTC, at which the background worker runs the policies.",
							   NULL,
							   &purge_time_string,
							   "03:00",
							   PGC_SIGHUP, 0,
							   check_purge_time, assign_purge_time, NULL);

	DefineCustomIntVariable("cvwiz.alert_interval",
							"Time between two evaluations of the alert rules.",
							"By the background worker, in each database that has the extension.",
							&setting_alert_interval,
							15, 1, 24 * 3600,
							PGC_SIGHUP, GUC_UNIT_S, NULL, NULL, NULL);

	DefineCustomIntVariable("cvwiz.max_snapshot_size",
							"Greatest size of a snapshot, in bytes of its text.",
							"Taken where the trigger or the call names none.",
							&setting_max_snapshot_size,
							512000, 1, INT_MAX,
							PGC_SUSET, GUC_UNIT_BYTE, NULL, NULL, NULL);

	DefineCustomIntVariable("cvwiz.warning_snapshot_size",
							"Size above which a snapshot is reduced, in bytes of its text.",
							"Taken where the trigger or the call names none.",
							&setting_warning_snapshot_size,
							256000, 1, INT_MAX,
							PGC_SUSET, GUC_UNIT_BYTE, NULL, NULL, NULL);

	DefineCustomIntVariable("cvwiz.max_array_length",
							"Items that an array keeps when a snapshot is reduced.",
							"Taken where the trigger or the call names none.",
							&setting_max_array_length,
							100, 1, INT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);

	DefineCustomEnumVariable("cvwiz.snapshot_notice",
							 "How the trigger tells that it has reduced a snapshot.",
							 NULL,
							 &setting_snapshot_notice,
							 WARNING, snapshot_notice_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("cvwiz.compression_level",
							"Effort of zlib when a cvwiz.zjsonb or a gzip is made.",
							"From 1, the fastest, to 9, the smallest.",
							&setting_compression_level,
							6, 1, 9,
							PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomIntVariable("cvwiz.max_inflated_size",
							"Greatest size that cvwiz.gunzip() inflates to, in bytes.",
							NULL,
							&setting_max_inflated_size,
							256 * 1024 * 1024, 1, MaxAllocSize - 1,
							PGC_SUSET, GUC_UNIT_BYTE, NULL, NULL, NULL);

	DefineCustomIntVariable("cvwiz.max_original_size",
							"Greatest size of a document in the version store, in bytes of its text.",
							NULL,
							&setting_max_original_size,
							8 * 1024 * 1024, 1, MAX_ORIGINAL_SIZE,
							PGC_SUSET, GUC_UNIT_BYTE, NULL, NULL, NULL);

	DefineCustomIntVariable("cvwiz.version_compression_level",
							"Effort of zstd when a version is stored.",
							"From 1, the fastest, to 19, the smallest; 0 chooses by the document's size.",
							&setting_version_compression_level,
							0, 0, 19,
							PGC_USERSET, 0, NULL, NULL, NULL);

	DefineCustomStringVariable("cvwiz.now",
							   "Clock that tests set; empty in production.",
							   "A timestamp in ISO 8601, in UTC where it has no offset. Every decision of cvwiz goes by it.",
							   &now_string,
							   "",
							   PGC_SUSET, 0,
							   clock_check_now, clock_assign_now, NULL);

	MarkGUCPrefixReserved("cvwiz");
}
