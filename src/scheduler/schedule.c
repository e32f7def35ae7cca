/*-------------------------------------------------------------------------
 *
 * schedule.c
 *		When a policy is due.
 *
 * Due times come from the log of runs, never from a flag that could stick.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "settings.h"

/* After failures: 1, 2, 4, ... minutes, at most 6 hours. */
#define RETRY_FIRST_MINUTES		1
#define RETRY_LONGEST_MINUTES	360

PG_FUNCTION_INFO_V1(cvwiz_next_run);

static TimestampTz
day_start(TimestampTz t)
{
	TimestampTz time_of_day = t % USECS_PER_DAY;

	return t - (time_of_day < 0 ? time_of_day + USECS_PER_DAY : time_of_day);
}

/* The latest moment at or before t that is at cvwiz.purge_time. */
static TimestampTz
slot_before(TimestampTz t)
{
	TimestampTz slot = day_start(t) + (TimestampTz) setting_purge_time * USECS_PER_SEC;

	return slot <= t ? slot : slot - USECS_PER_DAY;
}

static TimestampTz
retry_time(TimestampTz last_attempt, int failures)
{
	int			minutes = RETRY_LONGEST_MINUTES;

	/* more doublings than that would only overflow */
	if (failures < 10)
		minutes = Min(minutes, RETRY_FIRST_MINUTES << (failures - 1));
	return last_attempt + (TimestampTz) minutes * SECS_PER_MINUTE * USECS_PER_SEC;
}

/* A run by hand or by pg_cron on the day of a slot stands for it. */
static bool
is_done(TimestampTz slot, TimestampTz last_success)
{
	return last_success >= day_start(slot);
}

/*
 * SQL: cvwiz.next_run(added_at timestamptz, last_success timestamptz,
 *					   last_attempt timestamptz, failures int)
 *		RETURNS timestamptz
 *
 * The latest slot is missed when it lies after the policy was made and is not
 * done.  What is missed is due at once, or, after failures, when enough time
 * has passed since the last attempt; otherwise the next slot that is not done.
 */
Datum
cvwiz_next_run(PG_FUNCTION_ARGS)
{
	TimestampTz slot = slot_before(clock_now());
	TimestampTz last_success = PG_ARGISNULL(1) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(1);

	if (PG_ARGISNULL(0) || PG_ARGISNULL(3))
		PG_RETURN_NULL();

	if (slot >= PG_GETARG_TIMESTAMPTZ(0) && !is_done(slot, last_success))
	{
		if (PG_ARGISNULL(2) || TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(2)) ||
			PG_GETARG_INT32(3) <= 0)
			PG_RETURN_TIMESTAMPTZ(slot);
		PG_RETURN_TIMESTAMPTZ(Max(slot, retry_time(PG_GETARG_TIMESTAMPTZ(2),
												   PG_GETARG_INT32(3))));
	}

	slot += USECS_PER_DAY;
	if (is_done(slot, last_success))
		slot += USECS_PER_DAY;
	PG_RETURN_TIMESTAMPTZ(slot);
}
