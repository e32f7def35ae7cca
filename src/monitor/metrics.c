/*-------------------------------------------------------------------------
 *
 * metrics.c
 *		cvwiz.metrics in the OpenMetrics text format, version 1.0.
 *
 * The samples of a family stand together, those of a histogram point by point,
 * its buckets in the order of their bounds.  A histogram's three names are one
 * family, and a counter's family has no _total.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/jsonb.h"

#include "query.h"

PG_FUNCTION_INFO_V1(cvwiz_openmetrics);

/* cvwiz.metrics has 5 at most. */
#define MAX_LABELS 16

typedef struct Label
{
	char	   *name;
	char	   *value;
} Label;

typedef struct Sample
{
	char	   *name;
	char	   *family;			/* shared by neighbours of one name */
	char	   *type;
	char	   *help;
	char	   *point;			/* the labels, without le */
	int			part;			/* of a histogram: buckets, count, sum */
	double		bound;			/* of a bucket */
	char	   *line;
} Sample;

/* ---- one sample ---- */

static bool
cut_suffix(char *name, const char *suffix)
{
	Size		length = strlen(name);
	Size		suffix_length = strlen(suffix);

	if (length <= suffix_length || strcmp(name + length - suffix_length, suffix) != 0)
		return false;
	name[length - suffix_length] = '\0';
	return true;
}

static void
set_family(Sample *sample, const char *name)
{
	static const char *const parts[] = {"_bucket", "_count", "_sum"};

	sample->family = pstrdup(name);
	sample->part = 0;
	if (strcmp(sample->type, "counter") == 0)
		(void) cut_suffix(sample->family, "_total");
	else if (strcmp(sample->type, "histogram") == 0)
	{
		while (sample->part < (int) lengthof(parts) - 1 &&
			   !cut_suffix(sample->family, parts[sample->part]))
			sample->part++;
		if (sample->part == (int) lengthof(parts) - 1)
			(void) cut_suffix(sample->family, parts[sample->part]);
	}
}

static int
compare_labels(const void *a, const void *b)
{
	return strcmp(((const Label *) a)->name, ((const Label *) b)->name);
}

/* In the order of their names; how many. */
static int
read_labels(Jsonb *labels, Label *result)
{
	JsonbIterator *it = JsonbIteratorInit(&labels->root);
	JsonbIteratorToken token;
	JsonbValue	value;
	int			count = 0;

	while ((token = JsonbIteratorNext(&it, &value, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		if (count == MAX_LABELS)
			elog(ERROR, "too many labels of a metric");
		result[count].name = pnstrdup(value.val.string.val, value.val.string.len);
		(void) JsonbIteratorNext(&it, &value, true);
		if (value.type != jbvString)
			elog(ERROR, "unexpected type of a label: %d", (int) value.type);
		result[count++].value = pnstrdup(value.val.string.val, value.val.string.len);
	}
	qsort(result, count, sizeof(Label), compare_labels);
	return count;
}

static void
append_escaped(StringInfo buf, const char *text)
{
	for (;;)
	{
		size_t		plain = strcspn(text, "\\\"\n");

		appendBinaryStringInfo(buf, text, plain);
		text += plain;
		if (*text == '\0')
			return;
		appendStringInfoChar(buf, '\\');
		appendStringInfoChar(buf, *text == '\n' ? 'n' : *text);
		text++;
	}
}

/* A bound is a float there, and says so. */
static bool
is_integer(const char *text)
{
	return text[strspn(text, "0123456789")] == '\0';
}

static void
append_labels(StringInfo buf, const Label *labels, int count, bool with_bound)
{
	bool		first = true;

	for (int i = 0; i < count; i++)
	{
		bool		is_bound = strcmp(labels[i].name, "le") == 0;

		if (is_bound && !with_bound)
			continue;
		appendStringInfo(buf, "%s%s=\"", first ? "" : ",", labels[i].name);
		append_escaped(buf, labels[i].value);
		appendStringInfoString(buf, is_bound && is_integer(labels[i].value) ? ".0\"" : "\"");
		first = false;
	}
}

/* Every digit that it has, whatever the session's extra_float_digits. */
static void
append_number(StringInfo buf, double value)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (isinf(value))
	{
		appendStringInfoString(buf, value < 0 ? "-Inf" : "+Inf");
		return;
	}
	(void) double_to_shortest_decimal_buf(value, digits);
	appendStringInfoString(buf, digits);
}

static double
bound_of(const Label *labels, int count)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(labels[i].name, "le") == 0)
			return strcmp(labels[i].value, "+Inf") == 0 ? get_float8_infinity() : strtod(labels[i].value, NULL);
	}
	return 0;
}

/* The view has the samples of one name in a row. */
static void
set_names(Sample *sample, const Sample *previous, uint64 row)
{
	char	   *name = query_text(row, 1);

	if (previous != NULL && strcmp(previous->name, name) == 0)
	{
		*sample = *previous;
		return;
	}
	sample->name = name;
	sample->type = query_text(row, 2);
	sample->help = query_text(row, 3);
	set_family(sample, name);
}

/* What buf has does not matter; it is lent, so that it is made once. */
static void
make_sample(Sample *sample, const Sample *previous, uint64 row, StringInfo buf)
{
	Label		labels[MAX_LABELS];
	bool		isnull;
	int			count;

	set_names(sample, previous, row);
	count = read_labels(DatumGetJsonbP(query_value(row, 4, &isnull)), labels);
	sample->bound = bound_of(labels, count);

	resetStringInfo(buf);
	append_labels(buf, labels, count, false);
	sample->point = pnstrdup(buf->data, buf->len);

	resetStringInfo(buf);
	appendStringInfoString(buf, sample->name);
	if (count > 0)
	{
		appendStringInfoChar(buf, '{');
		append_labels(buf, labels, count, true);
		appendStringInfoChar(buf, '}');
	}
	appendStringInfoChar(buf, ' ');
	append_number(buf, DatumGetFloat8(query_value(row, 5, &isnull)));
	appendStringInfoChar(buf, '\n');
	sample->line = pnstrdup(buf->data, buf->len);
}

/* ---- all of them ---- */

static int
compare_samples(const void *a, const void *b)
{
	const Sample *sample_a = (const Sample *) a;
	const Sample *sample_b = (const Sample *) b;
	int			result = sample_a->family == sample_b->family ? 0 :
		strcmp(sample_a->family, sample_b->family);

	if (result == 0)
		result = strcmp(sample_a->point, sample_b->point);
	if (result == 0)
		result = sample_a->part - sample_b->part;
	if (result == 0)
		result = sample_a->bound < sample_b->bound ? -1 : sample_a->bound > sample_b->bound;
	return result;
}

/* What a family's name ends in, if it is a unit. */
static const char *
unit_of(const char *family)
{
	static const char *const units[] = {"bytes", "seconds", "days", "rows", "ratio"};
	const char *last = strrchr(family, '_');

	for (int i = 0; last != NULL && i < (int) lengthof(units); i++)
	{
		if (strcmp(last + 1, units[i]) == 0)
			return units[i];
	}
	return NULL;
}

static void
append_family(StringInfo buf, const Sample *sample)
{
	const char *unit = unit_of(sample->family);

	appendStringInfo(buf, "# TYPE %s %s\n", sample->family, sample->type);
	if (unit != NULL)
		appendStringInfo(buf, "# UNIT %s %s\n", sample->family, unit);
	appendStringInfo(buf, "# HELP %s ", sample->family);
	append_escaped(buf, sample->help);
	appendStringInfoChar(buf, '\n');
}

/*
 * SQL: cvwiz.openmetrics() RETURNS text
 */
Datum
cvwiz_openmetrics(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	StringInfoData scratch;
	StringInfoData buf;
	Sample	   *samples;
	uint64		count;

	SPI_connect();
	count = query_run("SELECT name, type, help, labels, value FROM cvwiz.metrics", NULL);
	samples = (Sample *) palloc(sizeof(Sample) * Max(count, 1));
	initStringInfo(&scratch);
	for (uint64 i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		make_sample(&samples[i], i > 0 ? &samples[i - 1] : NULL, i, &scratch);
	}
	qsort(samples, count, sizeof(Sample), compare_samples);

	MemoryContextSwitchTo(caller);
	initStringInfo(&buf);
	for (uint64 i = 0; i < count; i++)
	{
		if (i == 0 || strcmp(samples[i].family, samples[i - 1].family) != 0)
			append_family(&buf, &samples[i]);
		appendStringInfoString(&buf, samples[i].line);
	}
	appendStringInfoString(&buf, "# EOF");
	SPI_finish();
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buf.data, buf.len));
}
