-- Alerts: rules over metrics, and what has come of them.

-- ---- rules ----

-- Only what somebody has changed is stored, so that a dump restores into an
-- extension that brings its own rules, and an update can better those.
CREATE TABLE cvwiz.alert_rule (
	name text PRIMARY KEY CHECK (name ~ '^[A-Za-z_][A-Za-z0-9_]{0,62}$'),
	removed boolean NOT NULL DEFAULT false,
	severity text CHECK (severity IN ('warning', 'critical')),
	metric text CHECK (length(metric) <= 200),
	labels jsonb CHECK (jsonb_typeof(labels) = 'object'),
	comparison text CHECK (comparison IN ('>', '>=', '<', '<=', '=', '<>')),
	threshold double precision CHECK (threshold > '-infinity' AND threshold < 'infinity'),
	for_interval interval CHECK (for_interval BETWEEN '0' AND '100 years'),
	hysteresis double precision CHECK (hysteresis BETWEEN 0 AND 1),
	enabled boolean,
	action text CHECK (length(action) <= 500)
);
COMMENT ON TABLE cvwiz.alert_rule IS
'What users have made of the rules: rules of theirs, changes of built-in ones, and built-in ones that are removed. Written by cvwiz.set_alert() and cvwiz.remove_alert() only; read cvwiz.alert_rules. Dumped.';
COMMENT ON COLUMN cvwiz.alert_rule.name IS 'Name of the rule, and of its alerts';
COMMENT ON COLUMN cvwiz.alert_rule.removed IS 'True: the built-in rule of this name is not there';
COMMENT ON COLUMN cvwiz.alert_rule.severity IS 'warning or critical; here and below NULL: as the built-in rule has it, or the default';
COMMENT ON COLUMN cvwiz.alert_rule.metric IS 'Name of a metric of cvwiz.metrics';
COMMENT ON COLUMN cvwiz.alert_rule.labels IS 'Labels that a series of the metric must have, at least';
COMMENT ON COLUMN cvwiz.alert_rule.comparison IS '>, >=, <, <=, = or <>: how the value compares with the threshold when all is not well';
COMMENT ON COLUMN cvwiz.alert_rule.threshold IS 'In the metric''s unit';
COMMENT ON COLUMN cvwiz.alert_rule.for_interval IS 'How long the value must have been so, at each evaluation, before the alert fires';
COMMENT ON COLUMN cvwiz.alert_rule.hysteresis IS 'Share of the threshold, 0 to 1, that the value must come back by before the alert clears';
COMMENT ON COLUMN cvwiz.alert_rule.enabled IS 'False: the rule is not evaluated';
COMMENT ON COLUMN cvwiz.alert_rule.action IS 'What to do, for people; at most 500 characters';

SELECT pg_catalog.pg_extension_config_dump('cvwiz.alert_rule', '');

CREATE VIEW cvwiz.built_in_alert_rules AS
SELECT v.name, v.severity, v.metric, v.comparison, v.threshold::double precision, v.for_interval::interval, v.hysteresis::double precision, v.action
FROM (VALUES
	('audit_table_large', 'warning', 'cvwiz_audit_bytes', '>', 10737418240, '0', 0.05,
	'Keep fewer days (cvwiz.alter_retention_policy), look at rows per day in cvwiz.stat_audit, or raise the threshold: SELECT cvwiz.set_alert(''audit_table_large'', threshold => ...).'),
	('audit_record_overdue', 'critical', 'cvwiz_audit_overdue_seconds', '>', 172800, '0', 0,
	'Rows are there two days after they had to go. See error in cvwiz.retention_runs, and cvwiz.health(); CALL cvwiz.run_retention(...) tries again now.'),
	('cleanup_failed', 'warning', 'cvwiz_audit_cleanup_last_run_success', '<', 1, '0', 0,
	'See error and error_detail of the last run in cvwiz.retention_runs; CALL cvwiz.run_retention(...) tries again now.'),
	('cleanup_overdue', 'critical', 'cvwiz_audit_cleanup_age_seconds', '>', 93600, '0', 0,
	'No clean-up has succeeded for 26 hours. See cvwiz.health(), then error in cvwiz.retention_runs; CALL cvwiz.run_retention(...) tries again now.'),
	('partitions_ahead_low', 'warning', 'cvwiz_audit_partitions_ahead_days', '<', 35, '0', 0,
	'Partitions of the coming months are missing. CALL cvwiz.run_retention(...) makes them; raise premake_months if they are too few.'),
	('snapshot_very_large', 'warning', 'cvwiz_snapshot_recent_bytes_max', '>', 1000000, '0', 0,
	'A document of more than 1 MB came in within the last hour. See cvwiz.stat_snapshot; look for what wrote it.'),
	('snapshots_oversized', 'warning', 'cvwiz_snapshot_recent_oversized', '>', 0, '0', 0,
	'Documents above the warning size came in within the last hour, and were reduced or rejected. See cvwiz.stat_snapshot; raise the limits of the column, or make the documents smaller.'),
	('residue', 'critical', 'cvwiz_audit_residue_rows', '>', 0, '0', 0,
	'The last run left rows past the cutoff. See error and error_detail in cvwiz.retention_runs: a trigger or a rule may keep them.'),
	('version_corrupted', 'critical', 'cvwiz_version_corrupted', '>', 0, '0', 0,
	'cvwiz.verify_versions() has found versions that cannot be read: cvwiz.version_corruption lists them. Look for broken storage, restore them from a backup, and verify again.'),
	('version_read_errors', 'critical', 'cvwiz_version_recent_read_errors', '>', 0, '0', 0,
	'Within the last hour corrupted versions were met: a document could not be read, or not be built upon. SELECT * FROM cvwiz.verify_versions() lists them all. Look for broken storage, and restore them from a backup.'),
	('version_repack_failed', 'warning', 'cvwiz_version_repack_last_run_success', '<', 1, '0', 0,
	'See error of the last run in cvwiz.version_repack; CALL cvwiz.repack_versions() tries again now, cvwiz.verify_versions() tells what cannot be read.'),
	('version_repack_overdue', 'warning', 'cvwiz_version_repack_age_seconds', '>', 93600, '0', 0,
	'The version store''s housekeeping has not succeeded for 26 hours: dead versions stay. See cvwiz.health(), then error in cvwiz.version_repack; CALL cvwiz.repack_versions() does it now.'),
	('worker_down', 'critical', 'cvwiz_worker_up', '<', 1, '1 minute', 0,
	'The launcher does not run: nothing is cleaned up. See cvwiz.health(), shared_preload_libraries and the server''s log. Where pg_cron does its work: SELECT cvwiz.remove_alert(''worker_down'').')
) v (name, severity, metric, comparison, threshold, for_interval, hysteresis, action);
COMMENT ON VIEW cvwiz.built_in_alert_rules IS
'The rules that the extension brings, as it brings them. Read cvwiz.alert_rules for those in force.';

CREATE VIEW cvwiz.alert_rules AS
SELECT coalesce(r.name, b.name) AS name,
	coalesce(r.severity, b.severity, 'warning') AS severity,
	coalesce(r.metric, b.metric) AS metric,
	coalesce(r.labels, '{}') AS labels,
	coalesce(r.comparison, b.comparison) AS comparison,
	coalesce(r.threshold, b.threshold) AS threshold,
	coalesce(r.for_interval, b.for_interval, '0') AS for_interval,
	coalesce(r.hysteresis, b.hysteresis, 0) AS hysteresis,
	coalesce(r.enabled, true) AS enabled,
	b.name IS NOT NULL AS built_in,
	coalesce(r.action, b.action) AS action
FROM cvwiz.built_in_alert_rules b
FULL JOIN cvwiz.alert_rule r ON r.name = b.name
WHERE r.removed IS NOT TRUE
-- a change of a rule that the extension has no longer
AND coalesce(r.metric, b.metric) IS NOT NULL AND coalesce(r.comparison, b.comparison) IS NOT NULL AND coalesce(r.threshold, b.threshold) IS NOT NULL;
COMMENT ON VIEW cvwiz.alert_rules IS
'The rules in force: built-in ones as cvwiz.set_alert() has changed them, and users'' own. A rule makes an alert of each series of its metric in cvwiz.metrics that has its labels, where the value compares with the threshold as it says, for as long as for_interval says. A firing alert clears when the value has come back by hysteresis, a share of the threshold.';

CREATE FUNCTION cvwiz.set_alert(name text, metric text DEFAULT NULL, comparison text DEFAULT NULL, threshold double precision DEFAULT NULL, labels jsonb DEFAULT NULL, severity text DEFAULT NULL, for_interval interval DEFAULT NULL, hysteresis double precision DEFAULT NULL, enabled boolean DEFAULT NULL, action text DEFAULT NULL)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_set_alert';
COMMENT ON FUNCTION cvwiz.set_alert(text, text, text, double precision, jsonb, text, interval, double precision, boolean, text) IS
'Changes what is not NULL of an alert rule, adds a rule, which takes a metric, a comparison (>, >=, <, <=, =, <>) and a threshold, or brings a removed built-in rule back. labels: those that a series must have, as in {"schema": "public"}; severity: warning or critical; for_interval: how long before it fires; hysteresis: share of the threshold, 0 to 1, to come back by before it clears. Errors: 22004 something is missing, 42602 name, 42704 no such metric, or label of it, 22023 any other value.';

CREATE FUNCTION cvwiz.remove_alert(name text)
RETURNS void LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_remove_alert';
COMMENT ON FUNCTION cvwiz.remove_alert(text) IS
'Takes an alert rule away, with what was changed of it; its alerts clear at the next evaluation. SELECT cvwiz.set_alert(name) brings a built-in one back as the extension has it. Errors: 22004 NULL, 42704 no such rule.';

-- ---- what has come of them ----

CREATE TABLE cvwiz.alert_state (
	alert text NOT NULL,
	severity text NOT NULL,
	metric text NOT NULL,
	labels jsonb NOT NULL,
	value double precision NOT NULL,
	comparison text NOT NULL,
	threshold double precision NOT NULL,
	pending_since timestamptz NOT NULL,
	firing_since timestamptz,
	PRIMARY KEY (alert, severity, metric, labels)
);
COMMENT ON TABLE cvwiz.alert_state IS
'Alerts that fire, and those that will when their time has come; read cvwiz.alerts. Written by cvwiz.evaluate_alerts() when something changes, and only then. Not dumped: a restored database finds out by itself.';
COMMENT ON COLUMN cvwiz.alert_state.alert IS 'Name of the rule';
COMMENT ON COLUMN cvwiz.alert_state.severity IS 'Its severity; with another the alert is another';
COMMENT ON COLUMN cvwiz.alert_state.metric IS 'Its metric, likewise';
COMMENT ON COLUMN cvwiz.alert_state.labels IS 'Labels of the series';
COMMENT ON COLUMN cvwiz.alert_state.value IS 'Value when it fired, or when its time began';
COMMENT ON COLUMN cvwiz.alert_state.comparison IS 'The rule''s comparison then';
COMMENT ON COLUMN cvwiz.alert_state.threshold IS 'The rule''s threshold then';
COMMENT ON COLUMN cvwiz.alert_state.pending_since IS 'Since when the value has been so at each evaluation, by cvwiz.clock()';
COMMENT ON COLUMN cvwiz.alert_state.firing_since IS 'When it fired, by cvwiz.clock(); NULL: not yet';

CREATE VIEW cvwiz.alerts AS
SELECT s.alert, s.severity, s.metric, s.labels, s.value,
	coalesce(r.comparison, s.comparison) AS comparison, coalesce(r.threshold, s.threshold) AS threshold,
	s.firing_since AS since, r.action
FROM cvwiz.alert_state s
LEFT JOIN cvwiz.alert_rules r ON r.name = s.alert
WHERE s.firing_since IS NOT NULL;
COMMENT ON VIEW cvwiz.alerts IS
'The alerts that fire: which series, its value when the alert fired (cvwiz.metrics has the present one), since when, and what to do. As of the last evaluation, by the worker every cvwiz.alert_interval, or by cvwiz.evaluate_alerts().';

CREATE TABLE cvwiz.alert_history (
	event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	at timestamptz NOT NULL,
	alert text NOT NULL,
	event text NOT NULL CHECK (event IN ('fired', 'cleared')),
	severity text NOT NULL,
	metric text NOT NULL,
	labels jsonb NOT NULL,
	value double precision,
	comparison text NOT NULL,
	threshold double precision NOT NULL
);
CREATE INDEX alert_history_at ON cvwiz.alert_history (at);
COMMENT ON TABLE cvwiz.alert_history IS
'Each alert that has fired and cleared. Kept for 400 days. Not dumped.';
COMMENT ON COLUMN cvwiz.alert_history.event_id IS 'Number of the event';
COMMENT ON COLUMN cvwiz.alert_history.at IS 'By cvwiz.clock()';
COMMENT ON COLUMN cvwiz.alert_history.alert IS 'Name of the rule';
COMMENT ON COLUMN cvwiz.alert_history.event IS 'fired or cleared';
COMMENT ON COLUMN cvwiz.alert_history.severity IS 'warning or critical';
COMMENT ON COLUMN cvwiz.alert_history.metric IS 'The rule''s metric';
COMMENT ON COLUMN cvwiz.alert_history.labels IS 'Labels of the series';
COMMENT ON COLUMN cvwiz.alert_history.value IS 'Its value then; NULL: the series, or the rule, was gone';
COMMENT ON COLUMN cvwiz.alert_history.comparison IS 'The rule''s comparison then';
COMMENT ON COLUMN cvwiz.alert_history.threshold IS 'The rule''s threshold then';

CREATE FUNCTION cvwiz.alert_series()
RETURNS TABLE (alert text, severity text, metric text, labels jsonb, value double precision, comparison text, threshold double precision, for_interval interval, crossed boolean, holds boolean, action text)
LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100
SET search_path = pg_catalog, pg_temp
-- reading what the catalogs hold is not worth a compilation
SET jit = off
AS 'MODULE_PATHNAME', 'cvwiz_alert_series';
COMMENT ON FUNCTION cvwiz.alert_series() IS
'Each series of cvwiz.metrics that an enabled rule is about, with its value now. crossed: the value is as the rule says; holds: it has not come back by the rule''s hysteresis either, so that an alert that fires goes on. For cvwiz.evaluate_alerts() and cvwiz.check().';

CREATE FUNCTION cvwiz.evaluate_alerts()
RETURNS int LANGUAGE c VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'cvwiz_evaluate_alerts';
COMMENT ON FUNCTION cvwiz.evaluate_alerts() IS
'Evaluates the rules, as the worker does every cvwiz.alert_interval, and returns how many alerts have fired or cleared. Each of them is told by one message in the server''s log (WARNING, LOG), one row of cvwiz.alert_history and one NOTIFY cvwiz_alerts. Two at the same time follow one another. Errors: 25001 isolation level above READ COMMITTED, 25006 on a standby, 55P03 no lock within cvwiz.lock_timeout.';

-- Rules apply at once here, whatever their for_interval: who calls it has a
-- patience of his own.
CREATE FUNCTION cvwiz.check()
RETURNS text LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
BEGIN ATOMIC
WITH series AS MATERIALIZED (
	SELECT s.*, s.crossed OR (s.holds AND EXISTS (
		SELECT FROM cvwiz.alerts a
		WHERE a.alert = s.alert AND a.severity = s.severity AND a.metric = s.metric AND a.labels = s.labels)) AS active
	FROM cvwiz.alert_series() s
), active AS (
	SELECT s.*, row_number() OVER (ORDER BY s.severity = 'critical' DESC, s.alert, s.labels) AS place
	FROM series s WHERE s.active
), total AS (
	SELECT (SELECT count(*) FROM series) AS series,
		(SELECT count(*) FROM cvwiz.alert_rules r WHERE r.enabled) AS rules,
		count(*) AS active, count(*) FILTER (WHERE a.severity = 'critical') AS critical,
		-- one line, without the bar that begins a check's performance data
		string_agg(regexp_replace(concat_ws(' ', a.alert,
			nullif(concat_ws('.', a.labels ->> 'schema', a.labels ->> 'table', a.labels ->> 'column'), ''),
			-- a metric's unit is the end of its name
			concat_ws(' ', a.value, (regexp_match(a.metric, '_(bytes|seconds|days|rows)(_max|_sum)?$'))[1],
				format('(%s %s)', a.comparison, a.threshold))), '[[:cntrl:]|]', '?', 'g'), '; ' ORDER BY a.place)
			FILTER (WHERE a.place <= 5) AS listed
	FROM active a
)
SELECT CASE
	WHEN t.rules = 0 THEN 'UNKNOWN - no alert rule is enabled'
	WHEN t.series = 0 THEN format('UNKNOWN - no alert rule finds its metric, rules: %s', t.rules)
	WHEN t.active = 0 THEN format('OK - no alert, rules: %s, series: %s', t.rules, t.series)
	ELSE format('%s - %s %s: %s%s', CASE WHEN t.critical > 0 THEN 'CRITICAL' ELSE 'WARNING' END,
		t.active, CASE t.active WHEN 1 THEN 'alert' ELSE 'alerts' END, t.listed,
		CASE WHEN t.active > 5 THEN format('; and %s more', t.active - 5) ELSE '' END)
	END
FROM total t;
END;
COMMENT ON FUNCTION cvwiz.check() IS
'One line for Nagios and its kind, whose first word is OK, WARNING, CRITICAL or UNKNOWN: what the rules say of the metrics now, without waiting for their for_interval, whether or not a worker evaluates them. UNKNOWN: no rule is enabled, or none finds its metric.';

-- ---- who may ----

GRANT SELECT ON cvwiz.built_in_alert_rules, cvwiz.alert_rules, cvwiz.alerts, cvwiz.alert_history TO pg_monitor;
REVOKE ALL ON FUNCTION cvwiz.set_alert(text, text, text, double precision, jsonb, text, interval, double precision, boolean, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.remove_alert(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.evaluate_alerts() FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.alert_series() FROM PUBLIC;
REVOKE ALL ON FUNCTION cvwiz.check() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cvwiz.alert_series(), cvwiz.check() TO pg_monitor;
