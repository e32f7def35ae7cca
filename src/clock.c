/*-------------------------------------------------------------------------
 *
 * clock.c
 *		The time that every decision goes by; tests set it with cvwiz.now.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "clock.h"
#include "compat.h"

/* Years outside of these would overflow once months are added to them. */
#define CLOCK_MIN_YEAR	1970
#define CLOCK_MAX_YEAR	9000

static TimestampTz clock_setting = DT_NOBEGIN;	/* DT_NOBEGIN: not set */

PG_FUNCTION_INFO_V1(cvwiz_clock);

TimestampTz
clock_now(void)
{
	return clock_is_set() ? clock_setting : GetCurrentTimestamp();
}

bool
clock_is_set(void)
{
	return !TIMESTAMP_IS_NOBEGIN(clock_setting);
}

/*
 * SQL: cvwiz.clock() RETURNS timestamptz
 */
Datum
cvwiz_clock(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(clock_now());
}

/*
 * ISO 8601 only.  Names of zones are looked up in files, with errors raised in
 * some versions, and words such as now would be the time of the one moment at
 * which the setting was read.
 */
static bool
is_iso_8601(const char *text)
{
	for (const char *c = text; *c != '\0'; c++)
	{
		if (!isdigit((unsigned char) *c) && strchr("-+:. ", *c) == NULL &&
			!(*c == 'T' && c > text && isdigit((unsigned char) c[-1])))
			return false;
	}

	/* the year first, whatever the DateStyle */
	return strspn(text, "0123456789") == 4 && text[4] == '-';
}

/*
 * Parses a timestamp without raising errors: a check hook may run in the
 * postmaster.  Without a zone it is UTC, whatever the session's TimeZone.
 */
static bool
parse_clock(const char *setting, TimestampTz *result)
{
	char		text[MAXDATELEN + 1];
	size_t		length = strlcpy(text, setting, sizeof(text));
	char		workbuf[MAXDATELEN + MAXDATEFIELDS];
	char	   *field[MAXDATEFIELDS];
	int			ftype[MAXDATEFIELDS];
	int			nf;
	int			dtype;
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz = 0;

	/* Z is UTC, as nothing is */
	if (length > 1 && length < sizeof(text) && text[length - 1] == 'Z' &&
		isdigit((unsigned char) text[length - 2]))
		text[length - 1] = '\0';

	if (length >= sizeof(text) || !is_iso_8601(text) ||
		ParseDateTime(text, workbuf, sizeof(workbuf), field, ftype,
					  MAXDATEFIELDS, &nf) != 0)
		return false;

	/* Without a place to put a zone, a text that has one is refused ... */
	if (compat_decode_datetime(field, ftype, nf, &dtype, &tm, &fsec, NULL) != 0)
	{
		/* ... and then read again; decoding scribbles on its input. */
		if (ParseDateTime(text, workbuf, sizeof(workbuf), field, ftype,
						  MAXDATEFIELDS, &nf) != 0 ||
			compat_decode_datetime(field, ftype, nf, &dtype, &tm, &fsec,
								   &tz) != 0)
			return false;
	}

	return dtype == DTK_DATE &&
		tm.tm_year >= CLOCK_MIN_YEAR && tm.tm_year <= CLOCK_MAX_YEAR &&
		tm2timestamp(&tm, fsec, &tz, result) == 0;
}

bool
clock_check_now(char **newval, void **extra, GucSource source)
{
	TimestampTz parsed = DT_NOBEGIN;
	TimestampTz *value;

	if (*newval != NULL && (*newval)[0] != '\0' &&
		!parse_clock(*newval, &parsed))
	{
		GUC_check_errdetail("\"cvwiz.now\" is empty or a timestamp in ISO 8601, as in 2026-08-31 12:00:00+00, between the years %d and %d, in UTC where it has no offset.",
							CLOCK_MIN_YEAR, CLOCK_MAX_YEAR);
		return false;
	}

	value = (TimestampTz *) compat_guc_malloc(sizeof(TimestampTz));
	if (value == NULL)
		return false;
	*value = parsed;
	*extra = value;
	return true;
}

void
clock_assign_now(const char *newval, void *extra)
{
	clock_setting = *(TimestampTz *) extra;
}
