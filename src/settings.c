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
							"Longest time that the background worker spends in one transaction.",
							"The table's run then ends, is recorded as failed, and other tables have their turn; 0 turns it off. A session has statement_timeout for that.",
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

	DefineCustomStringVariable("cvwiz.now",
							   "Clock that tests set; empty in production.",
							   "A timestamp, in UTC where it names no zone. Every decision of cvwiz goes by it.",
							   &now_string,
							   "",
							   PGC_SUSET, 0,
							   clock_check_now, clock_assign_now, NULL);

	MarkGUCPrefixReserved("cvwiz");
}
