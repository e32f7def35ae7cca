/*-------------------------------------------------------------------------
 *
 * clock.h
 *		The time that every decision goes by.
 *
 * clock_now() is cvwiz.now where that is set, otherwise the time of day.
 * Durations are measured with instr_time instead, which tests don't set.
 *
 *-------------------------------------------------------------------------
 */
#ifndef CVWIZ_CLOCK_H
#define CVWIZ_CLOCK_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "utils/guc.h"

extern TimestampTz clock_now(void);
extern bool clock_is_set(void);

/* For settings.c, which defines cvwiz.now. */
extern bool clock_check_now(char **newval, void **extra, GucSource source);
extern void clock_assign_now(const char *newval, void *extra);

#endif							/* CVWIZ_CLOCK_H */
