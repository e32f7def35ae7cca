/*-------------------------------------------------------------------------
 *
 * cvwiz.c
 *		The library's entry: settings and, where preloaded, counters and the
 *		launcher.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "scheduler/scheduler.h"
#include "settings.h"
#include "stats/counters.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	settings_define();

	if (!process_shared_preload_libraries_in_progress)
		return;
	counters_register();
	launcher_register();
}
