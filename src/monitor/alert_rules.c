/*-------------------------------------------------------------------------
 *
 * alert_rules.c
 *		Alerts: adding, changing and removing rules.
 *
 * cvwiz.alert_rule has what was asked for, column by column; the view
 * cvwiz.alert_rules lays it over the built-in rules.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "monitor/alerts.h"
#include "privilege.h"
#include "query.h"

#define MAX_NAME_LENGTH 63
#define MAX_ACTION_LENGTH 500

/* The arguments of cvwiz.set_alert(), in their order. */
enum
{
	ARG_NAME,
	ARG_METRIC,
	ARG_COMPARISON,
	ARG_THRESHOLD,
	ARG_LABELS,
	ARG_SEVERITY,
	ARG_FOR_INTERVAL,
	ARG_HYSTERESIS,
	ARG_ENABLED,
	ARG_ACTION,
	ARG_COUNT
};

static const Oid argument_types[ARG_COUNT] = {
	TEXTOID, TEXTOID, TEXTOID, FLOAT8OID, JSONBOID, TEXTOID, INTERVALOID, FLOAT8OID, BOOLOID, TEXTOID
};

PG_FUNCTION_INFO_V1(cvwiz_set_alert);
PG_FUNCTION_INFO_V1(cvwiz_remove_alert);

/* ---- checks of one argument ---- */

/* One that can stand in a log, a notification and a label as it is. */
static void
check_name(const char *name)
{
	size_t		length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	if (length > 0 && length <= MAX_NAME_LENGTH && name[length] == '\0' &&
		!(name[0] >= '0' && name[0] <= '9'))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_NAME),
			 errmsg("invalid name of an alert: \"%s\"", name),
			 errhint("A name has up to %d letters (A to Z, a to z), digits and underscores, and does not begin with a digit.",
					 MAX_NAME_LENGTH)));
}

static char *
name_argument(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ARG_NAME))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("name must not be null"),
				 errhint("Name an alert of cvwiz.alert_rules, or a new one.")));
	return text_to_cstring(PG_GETARG_TEXT_PP(ARG_NAME));
}

static void
check_metric(const char *metric)
{
	QueryArgs	args = {0};

	query_text_arg(&args, metric);
	if (query_run_only("SELECT FROM cvwiz.metric_definitions d WHERE d.name = $1", &args) > 0)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("metric \"%s\" does not exist", metric),
			 errhint("SELECT name, help FROM cvwiz.metric_definitions lists them.")));
}

static void
check_one_of(const char *what, const char *value, const char *const *allowed, const char *hint)
{
	for (; *allowed != NULL; allowed++)
	{
		if (strcmp(value, *allowed) == 0)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid %s of an alert: \"%s\"", what, value),
			 errhint("%s", hint)));
}

static void
check_comparison(const char *comparison)
{
	static const char *const allowed[] = {">", ">=", "<", "<=", "=", "<>", NULL};

	check_one_of("comparison", comparison, allowed,
				 "It is one of >, >=, <, <=, = and <>: the alert fires where the metric's value compares so with the threshold.");
}

static void
check_severity(const char *severity)
{
	static const char *const allowed[] = {"warning", "critical", NULL};

	check_one_of("severity", severity, allowed, "It is warning or critical.");
}

static void
check_threshold(double threshold)
{
	if (isfinite(threshold))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("threshold of an alert must be a finite number, not %s",
					isnan(threshold) ? "NaN" : threshold > 0 ? "Infinity" : "-Infinity")));
}

static void
check_hysteresis(double hysteresis)
{
	if (hysteresis >= 0 && hysteresis <= 1)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("hysteresis of an alert lies between 0 and 1, not at %g", hysteresis),
			 errhint("It is a share of the threshold: 0.05 clears an alert once its value has come back by 5 percent of it.")));
}

/* A label's value is a string, so no other could ever match. */
static void
check_labels(Jsonb *labels)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;

	if (!JB_ROOT_IS_OBJECT(labels))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("labels of an alert must be a JSON object"),
				 errhint("As in {\"schema\": \"public\", \"table\": \"audit_logs\"}; {} stands for every series of the metric.")));

	iterator = JsonbIteratorInit(&labels->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_VALUE && value.type != jbvString)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("each label of an alert must be a string"),
					 errhint("As in {\"schema\": \"public\", \"table\": \"audit_logs\"}.")));
	}
}

static void
check_for_interval(Datum interval)
{
	Datum		least = DirectFunctionCall3(interval_in, CStringGetDatum("0"),
											ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	Datum		most = DirectFunctionCall3(interval_in, CStringGetDatum("100 years"),
										   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));

	if (DatumGetBool(DirectFunctionCall2(interval_ge, interval, least)) &&
		DatumGetBool(DirectFunctionCall2(interval_le, interval, most)))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("for_interval of an alert lies between 0 and 100 years, not at %s",
					DatumGetCString(DirectFunctionCall1(interval_out, interval)))));
}

static void
check_action(const char *action)
{
	int			length = pg_mbstrlen(action);

	if (length <= MAX_ACTION_LENGTH)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("action of an alert has %d characters, and at most %d have room in a notification",
					length, MAX_ACTION_LENGTH),
			 errhint("Say where it is written down.")));
}

static char *
text_argument(FunctionCallInfo fcinfo, int arg)
{
	return text_to_cstring(PG_GETARG_TEXT_PP(arg));
}

static void
check_arguments(FunctionCallInfo fcinfo)
{
	if (!PG_ARGISNULL(ARG_METRIC))
		check_metric(text_argument(fcinfo, ARG_METRIC));
	if (!PG_ARGISNULL(ARG_COMPARISON))
		check_comparison(text_argument(fcinfo, ARG_COMPARISON));
	if (!PG_ARGISNULL(ARG_THRESHOLD))
		check_threshold(PG_GETARG_FLOAT8(ARG_THRESHOLD));
	if (!PG_ARGISNULL(ARG_LABELS))
		check_labels(PG_GETARG_JSONB_P(ARG_LABELS));
	if (!PG_ARGISNULL(ARG_SEVERITY))
		check_severity(text_argument(fcinfo, ARG_SEVERITY));
	if (!PG_ARGISNULL(ARG_FOR_INTERVAL))
		check_for_interval(PG_GETARG_DATUM(ARG_FOR_INTERVAL));
	if (!PG_ARGISNULL(ARG_HYSTERESIS))
		check_hysteresis(PG_GETARG_FLOAT8(ARG_HYSTERESIS));
	if (!PG_ARGISNULL(ARG_ACTION))
		check_action(text_argument(fcinfo, ARG_ACTION));
}

/* ---- checks of the rule as a whole ---- */

static bool
is_built_in(const char *name)
{
	QueryArgs	args = {0};

	query_text_arg(&args, name);
	return query_run_only("SELECT FROM cvwiz.built_in_alert_rules b WHERE b.name = $1", &args) > 0;
}

static bool
is_stored(const char *name)
{
	QueryArgs	args = {0};

	query_text_arg(&args, name);
	return query_run_only("SELECT FROM cvwiz.alert_rule r WHERE r.name = $1 AND NOT r.removed", &args) > 0;
}

static void
check_new_rule(FunctionCallInfo fcinfo, const char *name)
{
	if (!PG_ARGISNULL(ARG_METRIC) && !PG_ARGISNULL(ARG_COMPARISON) && !PG_ARGISNULL(ARG_THRESHOLD))
		return;
	if (is_built_in(name) || is_stored(name))
		return;

	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("there is no alert \"%s\" to change, and a new one takes a metric, a comparison and a threshold", name),
			 errhint("As in: SELECT cvwiz.set_alert(%s, 'cvwiz_audit_bytes', '>', 1e9);",
					 quote_literal_cstr(name))));
}

/* These look at the rule as it is now, as the caller has left it. */
static void
check_labels_of_metric(const char *name)
{
	QueryArgs	args = {0};

	query_text_arg(&args, name);
	if (query_run("SELECT l.label, d.name, pg_catalog.array_to_string(d.labels, ', ')"
				  " FROM cvwiz.alert_rules r JOIN cvwiz.metric_definitions d ON d.name = r.metric"
				  " CROSS JOIN LATERAL pg_catalog.jsonb_object_keys(r.labels) AS l(label)"
				  " WHERE r.name = $1 AND l.label <> ALL (d.labels) LIMIT 1",
				  &args) == 0)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("metric \"%s\" has no label \"%s\"", query_text(0, 2), query_text(0, 1)),
			 errhint("It has: %s.", query_text(0, 3))));
}

static void
check_hysteresis_has_an_order(const char *name)
{
	QueryArgs	args = {0};

	query_text_arg(&args, name);
	if (query_run_only("SELECT FROM cvwiz.alert_rules r"
					   " WHERE r.name = $1 AND r.hysteresis > 0 AND r.comparison IN ('=', '<>')",
					   &args) == 0)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("alert \"%s\" compares with = or <>, which leaves no room for hysteresis", name),
			 errhint("Set hysteresis => 0, or compare with >, >=, < or <=.")));
}

static void
check_hysteresis_has_a_bound(const char *name)
{
	QueryArgs	args = {0};

	query_text_arg(&args, name);
	if (query_run("SELECT r.threshold, r.hysteresis FROM cvwiz.alert_rules r"
				  " WHERE r.name = $1 AND r.threshold <> 0 AND r.hysteresis > 0 AND NOT (" ALERT_HAS_BOUND ")",
				  &args) == 0)
		return;

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("alert \"%s\" cannot have a hysteresis of %s with a threshold of %s",
					name, query_text(0, 2), query_text(0, 1)),
			 errdetail("That share of the threshold is less than 1e-307, or both together are more than 1.79e308."),
			 errhint("Set hysteresis => 0, or a threshold like the metric's values.")));
}

/* ---- writing ---- */

/* Rules are seldom changed; two who do so at once go one after the other. */
static void
lock_rules(void)
{
	LockRelationOid(extension_table("alert_rule"), ShareRowExclusiveLock);
}

static void
write_rule(FunctionCallInfo fcinfo)
{
	QueryArgs	args = {0};
	QueryArgs	name = {0};

	for (int i = 0; i < ARG_COUNT; i++)
		query_arg_or_null(&args, argument_types[i],
						  PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i), PG_ARGISNULL(i));
	query_run_only("INSERT INTO cvwiz.alert_rule AS r"
				   " (name, metric, comparison, threshold, labels, severity, for_interval, hysteresis, enabled, action)"
				   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
				   " ON CONFLICT (name) DO UPDATE SET removed = false,"
				   " metric = coalesce(EXCLUDED.metric, r.metric),"
				   " comparison = coalesce(EXCLUDED.comparison, r.comparison),"
				   " threshold = coalesce(EXCLUDED.threshold, r.threshold),"
				   " labels = coalesce(EXCLUDED.labels, r.labels),"
				   " severity = coalesce(EXCLUDED.severity, r.severity),"
				   " for_interval = coalesce(EXCLUDED.for_interval, r.for_interval),"
				   " hysteresis = coalesce(EXCLUDED.hysteresis, r.hysteresis),"
				   " enabled = coalesce(EXCLUDED.enabled, r.enabled),"
				   " action = coalesce(EXCLUDED.action, r.action)",
				   &args);

	/* a built-in rule that was brought back is as the extension has it */
	query_arg(&name, TEXTOID, PG_GETARG_DATUM(ARG_NAME));
	query_run_only("DELETE FROM cvwiz.alert_rule r WHERE r.name = $1 AND NOT r.removed"
				   " AND pg_catalog.num_nonnulls(r.metric, r.comparison, r.threshold, r.labels, r.severity,"
				   " r.for_interval, r.hysteresis, r.enabled, r.action) = 0",
				   &name);
}

/*
 * SQL: cvwiz.set_alert(name text, metric text, comparison text,
 *		threshold double precision, labels jsonb, severity text,
 *		for_interval interval, hysteresis double precision, enabled boolean,
 *		action text) RETURNS void
 */
Datum
cvwiz_set_alert(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo);
	SavedPrivileges saved;

	check_name(name);
	become_extension_owner(&saved);
	lock_rules();
	SPI_connect();
	check_arguments(fcinfo);
	check_new_rule(fcinfo, name);
	write_rule(fcinfo);
	check_labels_of_metric(name);
	check_hysteresis_has_an_order(name);
	check_hysteresis_has_a_bound(name);
	SPI_finish();
	restore_privileges(&saved);
	PG_RETURN_VOID();
}

static void
no_such_rule_error(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("alert \"%s\" does not exist", name),
			 errhint("SELECT name FROM cvwiz.alert_rules lists them.")));
}

/*
 * SQL: cvwiz.remove_alert(name text) RETURNS void
 */
Datum
cvwiz_remove_alert(PG_FUNCTION_ARGS)
{
	char	   *name = name_argument(fcinfo);
	QueryArgs	args = {0};
	SavedPrivileges saved;

	query_text_arg(&args, name);
	become_extension_owner(&saved);
	lock_rules();
	SPI_connect();
	if (query_run_only("SELECT FROM cvwiz.alert_rules r WHERE r.name = $1", &args) == 0)
		no_such_rule_error(name);
	query_run_only("DELETE FROM cvwiz.alert_rule r WHERE r.name = $1", &args);
	if (is_built_in(name))
		query_run_only("INSERT INTO cvwiz.alert_rule (name, removed) VALUES ($1, true)", &args);
	SPI_finish();
	restore_privileges(&saved);
	PG_RETURN_VOID();
}
