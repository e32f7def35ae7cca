/*-------------------------------------------------------------------------
 *
 * format.c
 *		Figures and times, as people read them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "monitor/format.h"

/* ---- figures ---- */

/* Three digits that count: 1.25, 12.5, 125 */
static char *
three_digits(double value, const char *unit)
{
	int			decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
	char	   *text = psprintf("%.*f", decimals, value);

	/* 1.50 is 1.5, and 2.00 is 2 */
	if (decimals > 0)
	{
		size_t		length = strlen(text);

		while (text[length - 1] == '0')
			text[--length] = '\0';
		if (text[length - 1] == '.')
			text[--length] = '\0';
	}
	return psprintf("%s%s%s", text, *unit ? " " : "", unit);
}

static char *
scaled(double value, const char *const units[], int nunits)
{
	int			i = 0;

	while (i < nunits - 1 && value >= 999.5)
	{
		value /= 1000;
		i++;
	}
	return three_digits(value, units[i]);
}

char *
format_bytes(double bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};

	return bytes < 0 ? psprintf("-%s", format_bytes(-bytes)) :
		scaled(bytes, units, lengthof(units));
}

char *
format_short(double count)
{
	static const char *const units[] = {"", "k", "M", "bn", "tn"};

	return count < 0 ? psprintf("-%s", format_short(-count)) :
		scaled(count, units, lengthof(units));
}

char *
format_count(double count)
{
	char		digits[32];
	char	   *result;
	int			length;
	int			out = 0;

	if (count < 0)
		return psprintf("-%s", format_count(-count));
	if (count >= 1e7)
		return format_short(count);

	length = snprintf(digits, sizeof(digits), "%.0f", count);
	result = palloc(length + length / 3 + 1);
	for (int i = 0; i < length; i++)
	{
		if (i > 0 && (length - i) % 3 == 0)
			result[out++] = ',';
		result[out++] = digits[i];
	}
	result[out] = '\0';
	return result;
}

char *
format_number(double number)
{
	if (isnan(number) || isinf(number))
		return pstrdup(isnan(number) ? "NaN" : number > 0 ? "infinite" : "-infinite");
	if (number < 0)
		return psprintf("-%s", format_number(-number));
	return number >= 999.5 || number == floor(number) ? format_count(number) :
		three_digits(number, "");
}

char *
format_days(double days)
{
	if (isinf(days))
		return pstrdup("no end");
	return psprintf("%s %s", format_count(days), rint(days) == 1 ? "day" : "days");
}

char *
format_seconds(double seconds)
{
	if (isinf(seconds))
		return pstrdup("no end");
	if (seconds < 0)
		return psprintf("-%s", format_seconds(-seconds));
	if (seconds < 1)
		return psprintf("%.0f ms", seconds * 1000);
	if (seconds < 90)
		return psprintf("%.0f s", seconds);
	if (seconds < 90 * 60)
		return psprintf("%.0f min", seconds / 60);
	if (seconds < 48 * 3600)
		return psprintf("%.0f h", seconds / 3600);
	return format_days(floor(seconds / 86400));
}

/* ---- times ---- */

static const char *const month_names[] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};

/* False, and the text instead, where there is no such day. */
static bool
broken_down(TimestampTz at, struct pg_tm *tm, const char **instead)
{
	fsec_t		fsec;

	if (at == NO_TIME)
		*instead = "unknown";
	else if (TIMESTAMP_IS_NOBEGIN(at))
		*instead = "-infinity";
	else if (TIMESTAMP_IS_NOEND(at))
		*instead = "infinity";
	else if (timestamp2tm(at, NULL, tm, &fsec, NULL, NULL) != 0)
		*instead = "out of range";
	else
		return true;
	return false;
}

char *
format_date(TimestampTz at)
{
	struct pg_tm tm;
	const char *instead;

	if (!broken_down(at, &tm, &instead))
		return pstrdup(instead);
	if (tm.tm_year <= 0)
		return psprintf("%04d-%02d-%02d BC", 1 - tm.tm_year, tm.tm_mon, tm.tm_mday);
	return psprintf("%04d-%02d-%02d", tm.tm_year, tm.tm_mon, tm.tm_mday);
}

char *
format_time(TimestampTz at)
{
	struct pg_tm tm;
	const char *instead;

	if (!broken_down(at, &tm, &instead))
		return pstrdup(instead);
	return psprintf("%s %02d:%02d", format_date(at), tm.tm_hour, tm.tm_min);
}

char *
format_day(TimestampTz at)
{
	struct pg_tm tm;
	const char *instead;

	if (!broken_down(at, &tm, &instead))
		return pstrdup(instead);
	return psprintf("%d %s", tm.tm_mday, month_names[tm.tm_mon - 1]);
}

const char *
month_name(int month)
{
	return month_names[((month % 12) + 12) % 12];
}

int
month_of(TimestampTz at)
{
	struct pg_tm tm;
	const char *instead;

	if (!broken_down(at, &tm, &instead))
		elog(ERROR, "a time without a month: %s", instead);
	return tm.tm_year * 12 + tm.tm_mon - 1;
}

TimestampTz
start_of_month(int month)
{
	struct pg_tm tm = {0};
	Timestamp	result;

	tm.tm_year = month / 12;
	tm.tm_mon = month % 12 + 1;
	tm.tm_mday = 1;
	if (tm2timestamp(&tm, 0, NULL, &result) != 0)
		elog(ERROR, "a month out of range: %d", month);
	return result;
}

TimestampTz
start_of_day(TimestampTz at)
{
	int64		rest = at % USECS_PER_DAY;

	return at - (rest < 0 ? rest + USECS_PER_DAY : rest);
}
