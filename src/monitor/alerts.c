/*-------------------------------------------------------------------------
 *
 * alerts.c
 *		Alerts: evaluating the rules, and telling what has changed.
 *
 * As in Prometheus, each series of a metric that a rule matches is an alert of
 * its own.  It is pending while its value has been beyond the threshold for
 * less than the rule's for_interval, then fires.  Unlike there it is kept from
 * flapping by hysteresis.  A series that is gone clears its alert at once.
 *
 * cvwiz.alert_state is what is known, in tables and not in memory, so that a
 * restart changes nothing.  The history and the NOTIFY go with the transaction
 * that writes it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "clock.h"
#include "monitor/alerts.h"
#include "privilege.h"
#include "query.h"
#include "settings.h"

/* The history must not grow for ever either. */
#define HISTORY_DAYS 400

/* async.c takes payloads below 8000 bytes, and fails the commit where its queue is full. */
#define MAX_PAYLOAD "7999"
#define QUEUE_ALMOST_FULL "0.99"

#define SERIES_COLUMNS 11

typedef struct AlertChange
{
	bool		fired;
	char	   *alert;
	char	   *severity;
	char	   *metric;
	char	   *labels;
	char	   *value;			/* NULL: the series, or the rule, is gone */
	char	   *comparison;
	char	   *threshold;
	char	   *action;			/* may be NULL */
} AlertChange;

PG_FUNCTION_INFO_V1(cvwiz_alert_series);
PG_FUNCTION_INFO_V1(cvwiz_evaluate_alerts);

/* ---- what the rules see ---- */

/*
 * The names of the metrics that rules are about, as literals: of a view that
 * is a UNION of many branches the planner then leaves the others out.  NULL
 * where there is no rule.
 */
static char *
wanted_metrics(void)
{
	char	   *names;

	query_run("SELECT pg_catalog.string_agg(DISTINCT pg_catalog.quote_literal(r.metric), ', ')"
			  " FROM cvwiz.alert_rules r WHERE r.enabled",
			  NULL);
	names = query_text(0, 1);
	SPI_freetuptable(SPI_tuptable);
	return names;
}

/*
 * Values that are no number are not there.  A rule that set_alert() would not
 * take, as one of a dump can be, must not keep others from being evaluated: its
 * hysteresis counts for nothing.
 */
static char *
series_query(const char *metrics)
{
	return psprintf("WITH m AS MATERIALIZED ("
					" SELECT s.name, s.labels, s.value FROM cvwiz.metrics s"
					" WHERE s.name IN (%s) AND s.value <> 'NaN')"
					" SELECT r.name, r.severity, r.metric, m.labels, m.value, r.comparison, r.threshold, r.for_interval,"
					" CASE r.comparison"
					" WHEN '>' THEN m.value > r.threshold WHEN '>=' THEN m.value >= r.threshold"
					" WHEN '<' THEN m.value < r.threshold WHEN '<=' THEN m.value <= r.threshold"
					" WHEN '=' THEN m.value = r.threshold ELSE m.value <> r.threshold END,"
					" CASE r.comparison"
					" WHEN '>' THEN m.value > r.threshold - b.back WHEN '>=' THEN m.value >= r.threshold - b.back"
					" WHEN '<' THEN m.value < r.threshold + b.back WHEN '<=' THEN m.value <= r.threshold + b.back"
					" WHEN '=' THEN m.value = r.threshold ELSE m.value <> r.threshold END,"
					" r.action"
					" FROM cvwiz.alert_rules r"
					" JOIN m ON m.name = r.metric AND m.labels @> r.labels"
					" CROSS JOIN LATERAL (SELECT CASE WHEN " ALERT_HAS_BOUND
					" THEN pg_catalog.abs(r.threshold) * r.hysteresis ELSE 0 END AS back) b"
					" WHERE r.enabled",
					metrics);
}

/*
 * SQL: cvwiz.alert_series() RETURNS TABLE (alert text, severity text,
 *		metric text, labels jsonb, value double precision, comparison text,
 *		threshold double precision, for_interval interval, crossed boolean,
 *		holds boolean, action text)
 */
Datum
cvwiz_alert_series(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *metrics;
	uint64		found;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	metrics = wanted_metrics();
	if (metrics == NULL)
	{
		SPI_finish();
		return (Datum) 0;
	}

	found = query_run(series_query(metrics), NULL);
	for (uint64 i = 0; i < found; i++)
	{
		Datum		values[SERIES_COLUMNS];
		bool		nulls[SERIES_COLUMNS];

		for (int j = 0; j < SERIES_COLUMNS; j++)
			values[j] = query_value(i, j + 1, &nulls[j]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	SPI_finish();
	return (Datum) 0;
}

/* ---- what has changed ---- */

/*
 * $1: now.  The state is read, compared and written by one statement, so that
 * what is logged and notified is what is written.  Months of for_interval are
 * those of UTC.  A clock that was set back begins the wait anew.
 */
static const char *const evaluate_query =
	"WITH change AS MATERIALIZED ("
	" SELECT alert, severity, metric, labels, v.value,"
	" coalesce(v.comparison, s.comparison) AS comparison, coalesce(v.threshold, s.threshold) AS threshold, v.action,"
	" CASE WHEN s.firing_since IS NOT NULL THEN CASE WHEN v.holds IS NOT TRUE THEN 'cleared' END"
	" WHEN v.crossed IS NOT TRUE THEN CASE WHEN s.pending_since IS NOT NULL THEN 'forgotten' END"
	" WHEN (coalesce(least(s.pending_since, $1), $1) AT TIME ZONE 'UTC' + v.for_interval) AT TIME ZONE 'UTC' <= $1 THEN 'fired'"
	" WHEN s.pending_since IS NULL OR s.pending_since > $1 THEN 'pending' END AS event"
	" FROM cvwiz.alert_series() v FULL JOIN cvwiz.alert_state s USING (alert, severity, metric, labels)"
	"), removed AS ("
	" DELETE FROM cvwiz.alert_state s USING change c WHERE c.event IN ('cleared', 'forgotten')"
	" AND s.alert = c.alert AND s.severity = c.severity AND s.metric = c.metric AND s.labels = c.labels"
	"), written AS ("
	" INSERT INTO cvwiz.alert_state AS s (alert, severity, metric, labels, value, comparison, threshold, pending_since, firing_since)"
	" SELECT alert, severity, metric, labels, value, comparison, threshold, $1, CASE event WHEN 'fired' THEN $1 END"
	" FROM change WHERE event IN ('fired', 'pending')"
	" ON CONFLICT (alert, severity, metric, labels) DO UPDATE SET value = EXCLUDED.value, comparison = EXCLUDED.comparison,"
	" threshold = EXCLUDED.threshold, pending_since = least(s.pending_since, $1), firing_since = EXCLUDED.firing_since"
	"), told AS ("
	" INSERT INTO cvwiz.alert_history (at, alert, event, severity, metric, labels, value, comparison, threshold)"
	" SELECT $1, alert, event, severity, metric, labels, value, comparison, threshold"
	" FROM change WHERE event IN ('fired', 'cleared') ORDER BY alert, labels"
	") SELECT event, alert, severity, metric, labels, value, comparison, threshold, action,"
	" CASE WHEN pg_catalog.pg_notification_queue_usage() < " QUEUE_ALMOST_FULL
	" THEN pg_catalog.pg_notify('cvwiz_alerts', CASE WHEN pg_catalog.octet_length(p.whole::text) <= " MAX_PAYLOAD
	" THEN p.whole::text ELSE (p.whole - '{labels,action}'::text[])::text END) END"
	" FROM change"
	" CROSS JOIN LATERAL (SELECT pg_catalog.jsonb_build_object('event', event, 'alert', alert, 'severity', severity,"
	" 'database', pg_catalog.current_database(), 'metric', metric, 'labels', labels, 'value', value,"
	" 'comparison', comparison, 'threshold', threshold, 'action', CASE event WHEN 'fired' THEN action END,"
	" 'at', pg_catalog.to_char($1 AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')) AS whole) p"
	" WHERE event IN ('fired', 'cleared') ORDER BY alert, labels";

static AlertChange *
read_change(uint64 row)
{
	AlertChange *change = (AlertChange *) palloc(sizeof(AlertChange));

	change->fired = strcmp(query_text(row, 1), "fired") == 0;
	change->alert = query_text(row, 2);
	change->severity = query_text(row, 3);
	change->metric = query_text(row, 4);
	change->labels = query_text(row, 5);
	change->value = query_text(row, 6);
	change->comparison = query_text(row, 7);
	change->threshold = query_text(row, 8);
	change->action = query_text(row, 9);
	return change;
}

static void
prune_history(const QueryArgs *now)
{
	query_run_only(psprintf("DELETE FROM cvwiz.alert_history"
							" WHERE at < $1 - pg_catalog.make_interval(days => %d)",
							HISTORY_DAYS),
				   now);
}

static List *
write_changes(void)
{
	List	   *result = NIL;
	QueryArgs	now = {0};
	uint64		found;

	query_arg(&now, TIMESTAMPTZOID, TimestampTzGetDatum(clock_now()));
	found = query_run(evaluate_query, &now);
	for (uint64 i = 0; i < found; i++)
		result = lappend(result, read_change(i));
	SPI_freetuptable(SPI_tuptable);
	if (found > 0)
		prune_history(&now);
	return result;
}

static void
check_transaction(void)
{
	PreventCommandDuringRecovery("cvwiz.evaluate_alerts()");
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cvwiz.evaluate_alerts() needs a transaction with isolation level READ COMMITTED"),
				 errdetail("An alert that another evaluation has told of meanwhile would be told of again."),
				 errhint("BEGIN ISOLATION LEVEL READ COMMITTED.")));
}

List *
alerts_evaluate(void)
{
	MemoryContext caller = CurrentMemoryContext;
	SavedPrivileges saved;
	List	   *result;

	check_transaction();
	become_extension_owner(&saved);
	set_locally("jit", "off");
	/* figures are told as they are */
	set_locally("extra_float_digits", "1");
	set_lock_timeout(setting_lock_timeout);

	/* Whoever else evaluates waits here until we have committed; readers don't. */
	LockRelationOid(extension_table("alert_state"), ShareRowExclusiveLock);

	SPI_connect();
	/* out of SPI's memory, which ends with it */
	MemoryContextSwitchTo(caller);
	result = write_changes();
	SPI_finish();
	restore_privileges(&saved);
	return result;
}

/*
 * Labels are printed as JSON, which leaves no line break in a name.
 */
static void
log_change(const AlertChange *change)
{
	char	   *database = get_database_name(MyDatabaseId);

	if (change->fired)
		ereport(WARNING,
				(errmsg("alert \"%s\" (%s) fired in database \"%s\": %s %s is %s, which is %s %s",
						change->alert, change->severity, database, change->metric,
						change->labels, change->value, change->comparison, change->threshold),
				 change->action ? errhint("%s", change->action) : 0));
	else if (change->value != NULL)
		ereport(LOG,
				(errmsg("alert \"%s\" (%s) cleared in database \"%s\": %s %s is %s",
						change->alert, change->severity, database, change->metric,
						change->labels, change->value)));
	else
		ereport(LOG,
				(errmsg("alert \"%s\" (%s) cleared in database \"%s\": %s %s is not there, or not watched, any more",
						change->alert, change->severity, database, change->metric,
						change->labels)));
}

void
alerts_log(List *changes)
{
	ListCell   *lc;

	foreach(lc, changes)
		log_change((AlertChange *) lfirst(lc));
}

/*
 * SQL: cvwiz.evaluate_alerts() RETURNS int
 */
Datum
cvwiz_evaluate_alerts(PG_FUNCTION_ARGS)
{
	List	   *changes = alerts_evaluate();

	alerts_log(changes);
	PG_RETURN_INT32(list_length(changes));
}
