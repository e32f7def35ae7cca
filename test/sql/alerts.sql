-- Alerts: each built-in rule, hysteresis, for_interval, labels; set_alert() and
-- remove_alert(); the history; check(). The metrics are a table's here.
\pset format unaligned
\pset footer off
\pset null -
\set SHOW_CONTEXT never
SET timezone = 'America/New_York';
SET datestyle = 'ISO, YMD';
CREATE EXTENSION cvwiz;
CREATE ROLE regress_cvwiz_user;
CREATE ROLE regress_cvwiz_monitor IN ROLE pg_monitor;
CREATE SCHEMA app;
SET search_path = app;
CREATE FUNCTION pg_temp.error_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(E'\n', sqlstate || ': ' || sqlerrm, '  hint: ' || nullif(hint, ''));
END $$;

-- the rules name metrics that there are
SELECT r.name, r.metric FROM cvwiz.alert_rules r WHERE NOT EXISTS (SELECT FROM cvwiz.metric_definitions d WHERE d.name = r.metric);
SELECT name, severity, metric, labels, comparison, threshold, for_interval, hysteresis, enabled, built_in, action <> '' AS has_action FROM cvwiz.alert_rules ORDER BY name;
-- over the real metrics nothing fires in an empty database, but that the worker is down
SELECT cvwiz.check() LIKE 'CRITICAL - 1 alert: worker_down 0 (< 1)' AS worker_down;

CREATE TABLE figure (name text, labels jsonb DEFAULT '{}', value double precision);
CREATE OR REPLACE VIEW cvwiz.metrics (name, type, help, labels, value) AS
SELECT f.name, 'gauge'::text, ''::text, f.labels, f.value FROM app.figure f;
CREATE FUNCTION evaluate(minutes int DEFAULT 0) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('cvwiz.now', (timestamptz '2026-08-31 12:00Z' + minutes * interval '1 minute')::text, false);
	RETURN cvwiz.evaluate_alerts();
END $$;

-- ---- every built-in rule, at the threshold and past it ----

INSERT INTO figure VALUES
	('cvwiz_audit_bytes', '{"table": "logs"}', 10737418240), ('cvwiz_audit_overdue_seconds', '{"table": "logs"}', 172800),
	('cvwiz_audit_cleanup_last_run_success', '{"table": "logs"}', 1), ('cvwiz_audit_cleanup_age_seconds', '{"table": "logs"}', 93600),
	('cvwiz_audit_partitions_ahead_days', '{"table": "logs"}', 35), ('cvwiz_snapshot_recent_bytes_max', '{"table": "logs"}', 1000000),
	('cvwiz_snapshot_recent_oversized', '{"table": "logs"}', 0), ('cvwiz_audit_residue_rows', '{"table": "logs"}', 0), ('cvwiz_worker_up', '{}', 1),
	('cvwiz_version_corrupted', '{"table": "logs"}', 0), ('cvwiz_version_recent_read_errors', '{}', 0),
	('cvwiz_version_repack_last_run_success', '{}', 1), ('cvwiz_version_repack_age_seconds', '{}', 93600);
CREATE TABLE good AS TABLE figure;
SELECT evaluate();
SELECT count(*) AS states FROM cvwiz.alert_state;
SELECT cvwiz.check();
UPDATE figure SET value = CASE name WHEN 'cvwiz_audit_bytes' THEN 10737418241 WHEN 'cvwiz_audit_overdue_seconds' THEN 172801
	WHEN 'cvwiz_audit_cleanup_last_run_success' THEN 0 WHEN 'cvwiz_audit_cleanup_age_seconds' THEN 93601
	WHEN 'cvwiz_audit_partitions_ahead_days' THEN 34.99 WHEN 'cvwiz_snapshot_recent_bytes_max' THEN 1000001
	WHEN 'cvwiz_snapshot_recent_oversized' THEN 1 WHEN 'cvwiz_audit_residue_rows' THEN 1 WHEN 'cvwiz_worker_up' THEN 0
	WHEN 'cvwiz_version_corrupted' THEN 1 WHEN 'cvwiz_version_recent_read_errors' THEN 1
	WHEN 'cvwiz_version_repack_last_run_success' THEN 0 WHEN 'cvwiz_version_repack_age_seconds' THEN 93601 END;
-- check() does not wait for for_interval, nor for a worker
SELECT cvwiz.check();
SET client_min_messages = log;
SELECT evaluate(1);
SELECT evaluate(2);
SELECT evaluate(3);
SELECT alert, severity, metric, labels, value, comparison, threshold, since, action <> '' AS has_action FROM cvwiz.alerts ORDER BY alert;
SELECT cvwiz.check();
UPDATE figure f SET value = g.value FROM good g WHERE g.name = f.name;
SELECT evaluate(4);
-- 10 GB is not 5 percent less
SELECT alert FROM cvwiz.alerts;
UPDATE figure SET value = 10737418240 * 0.95 + 1 WHERE name = 'cvwiz_audit_bytes';
SELECT evaluate(5);
-- so that it goes on, and check() says so too
SELECT cvwiz.check();
UPDATE figure SET value = 10737418240 * 0.95 WHERE name = 'cvwiz_audit_bytes';
SELECT cvwiz.check();
SELECT evaluate(6);
SELECT count(*) AS states FROM cvwiz.alert_state;
SELECT event_id, at, alert, event, severity, value, comparison, threshold FROM cvwiz.alert_history ORDER BY event_id;
SET client_min_messages = error;
TRUNCATE figure;
SELECT cvwiz.check();

-- ---- comparisons, with and without hysteresis ----

SELECT cvwiz.remove_alert(name) FROM cvwiz.alert_rules ORDER BY name;
SELECT cvwiz.check();
SELECT cvwiz.set_alert('gt', 'cvwiz_audit_bytes', '>', 100), cvwiz.set_alert('ge', 'cvwiz_audit_bytes', '>=', 100),
	cvwiz.set_alert('lt', 'cvwiz_audit_bytes', '<', 100), cvwiz.set_alert('le', 'cvwiz_audit_bytes', '<=', 100),
	cvwiz.set_alert('eq', 'cvwiz_audit_bytes', '=', 100), cvwiz.set_alert('ne', 'cvwiz_audit_bytes', '<>', 100),
	cvwiz.set_alert('gt_h', 'cvwiz_audit_bytes', '>', 100, hysteresis => 0.1), cvwiz.set_alert('ge_h', 'cvwiz_audit_bytes', '>=', 100, hysteresis => 0.1),
	cvwiz.set_alert('lt_h', 'cvwiz_audit_bytes', '<', 100, hysteresis => 0.1), cvwiz.set_alert('le_h', 'cvwiz_audit_bytes', '<=', 100, hysteresis => 0.1),
	cvwiz.set_alert('gt_n', 'cvwiz_audit_partitions', '>', -100, hysteresis => 0.1), cvwiz.set_alert('lt_n', 'cvwiz_audit_partitions', '<', -100, hysteresis => 0.1);
INSERT INTO figure VALUES ('cvwiz_audit_bytes', '{}', 99), ('cvwiz_audit_partitions', '{}', -99);
CREATE VIEW firing AS SELECT string_agg(alert, ' ' ORDER BY alert) AS firing FROM cvwiz.alerts;
CREATE PROCEDURE at(value double precision) LANGUAGE sql AS $$
	UPDATE app.figure SET value = CASE name WHEN 'cvwiz_audit_bytes' THEN at.value ELSE -at.value END; SELECT cvwiz.evaluate_alerts() $$;
CALL at(99); TABLE firing;
CALL at(100); TABLE firing;
CALL at(101); TABLE firing;
CALL at(90.5); TABLE firing;
CALL at(90); TABLE firing;
CALL at(89.5); TABLE firing;
CALL at(100); TABLE firing;
CALL at(109.5); TABLE firing;
CALL at(110); TABLE firing;
CALL at(110.5); TABLE firing;
-- what is no number is not there; infinity is more than any
CALL at('NaN'); TABLE firing;
CALL at('Infinity'); TABLE firing;
SELECT alert, value FROM cvwiz.alerts ORDER BY alert;
CALL at('-Infinity'); TABLE firing;
DELETE FROM figure;
SELECT cvwiz.evaluate_alerts() > 0 AS cleared;
TABLE firing;
SELECT cvwiz.remove_alert(name) FROM cvwiz.alert_rules ORDER BY name;
TRUNCATE cvwiz.alert_history;

-- ---- for_interval ----

SELECT cvwiz.set_alert('slow', 'cvwiz_audit_bytes', '>', 100, for_interval => '10 minutes');
INSERT INTO figure VALUES ('cvwiz_audit_bytes', '{"table": "a"}', 101);
SELECT evaluate(0);
SELECT alert, labels, pending_since, firing_since FROM cvwiz.alert_state;
SELECT count(*) FROM cvwiz.alerts;
SELECT evaluate(9);
-- a moment of health begins the wait anew
UPDATE figure SET value = 100;
SELECT evaluate(10);
SELECT count(*) AS states FROM cvwiz.alert_state;
UPDATE figure SET value = 101;
SELECT evaluate(11);
SELECT evaluate(20);
SELECT pending_since, firing_since FROM cvwiz.alert_state;
SELECT evaluate(21);
SELECT pending_since, firing_since FROM cvwiz.alert_state;
-- a series that is gone clears at once, one that comes waits for itself
UPDATE figure SET labels = '{"table": "b"}';
SELECT evaluate(22);
SELECT labels, pending_since, firing_since FROM cvwiz.alert_state;
-- a clock that is set back
SELECT evaluate(-100);
SELECT evaluate(-91);
SELECT evaluate(-90);
SELECT labels, pending_since, firing_since FROM cvwiz.alert_state;
SELECT at, event, labels, value FROM cvwiz.alert_history ORDER BY event_id;
-- no wait any more
UPDATE figure SET labels = '{"table": "c"}';
SELECT evaluate(30);
SELECT cvwiz.set_alert('slow', for_interval => '0');
SELECT evaluate(30);
-- months are those of UTC
SELECT cvwiz.set_alert('slow', for_interval => '1 month');
UPDATE figure SET labels = '{"table": "d"}';
SELECT set_config('cvwiz.now', '2026-10-31 02:00Z', false), cvwiz.evaluate_alerts();
SELECT set_config('cvwiz.now', '2026-11-30 01:59:59Z', false), cvwiz.evaluate_alerts();
SELECT set_config('cvwiz.now', '2026-11-30 02:00Z', false), cvwiz.evaluate_alerts();
SELECT cvwiz.remove_alert('slow');
SELECT evaluate(40);
TRUNCATE cvwiz.alert_history;

-- ---- labels, hostile ones too; several series ----

TRUNCATE figure;
INSERT INTO figure VALUES ('cvwiz_audit_bytes', '{"schema": "app", "table": "a"}', 1), ('cvwiz_audit_bytes', '{"schema": "app", "table": "b"}', 2),
	('cvwiz_audit_bytes', '{"schema": "other", "table": "a"}', 3),
	('cvwiz_audit_bytes', '{"schema": "app", "table": "x\"; DROP TABLE \\ '' %s | \u2603\n<script>"}', 4);
SELECT cvwiz.set_alert('in_app', 'cvwiz_audit_bytes', '>', 1, '{"schema": "app"}');
SET client_min_messages = log;
SELECT evaluate(0);
SELECT cvwiz.check();
SELECT cvwiz.set_alert('in_app', labels => '{"schema": "app", "table": "b"}');
SELECT evaluate(1);
SELECT cvwiz.set_alert('in_app', labels => '{}');
SELECT evaluate(2);
-- disabled, enabled
SELECT cvwiz.set_alert('in_app', enabled => false);
SELECT enabled FROM cvwiz.alert_rules;
SELECT evaluate(3);
SELECT cvwiz.check();
SELECT cvwiz.set_alert('in_app', enabled => true);
SELECT evaluate(4);
-- another severity, another metric: another alert; another threshold: the same
SET client_min_messages = error;
SELECT cvwiz.set_alert('in_app', labels => '{"schema": "other"}');
SELECT evaluate(5);
SET client_min_messages = log;
SELECT cvwiz.set_alert('in_app', severity => 'critical');
SELECT evaluate(6);
SELECT cvwiz.check();
SELECT cvwiz.set_alert('in_app', threshold => 2, comparison => '>=');
SELECT evaluate(7);
SELECT alert, severity, value, comparison, threshold, since FROM cvwiz.alerts;
INSERT INTO figure VALUES ('cvwiz_audit_partitions', '{"schema": "other", "table": "a"}', 12);
SELECT cvwiz.set_alert('in_app', metric => 'cvwiz_audit_partitions');
SELECT evaluate(8);
SELECT cvwiz.remove_alert('in_app');
SELECT evaluate(9);
SELECT at, alert, event, severity, metric, labels ->> 'table' AS "table", value, threshold FROM cvwiz.alert_history ORDER BY event_id;

-- ---- the history ends after 400 days ----

SET client_min_messages = error;
SELECT cvwiz.set_alert('in_app', 'cvwiz_audit_bytes', '>', 3);
-- what clears or fires prunes; what does not, writes nothing
SELECT set_config('cvwiz.now', (timestamptz '2026-08-31 12:04Z' + interval '400 days')::text, false), cvwiz.evaluate_alerts();
SELECT min(at) FROM cvwiz.alert_history;
SELECT cvwiz.evaluate_alerts(), pg_current_xact_id_if_assigned();
SELECT cvwiz.remove_alert('in_app');
SELECT cvwiz.evaluate_alerts();

-- ---- check() ----

TRUNCATE figure;
SELECT cvwiz.set_alert('worker_down');
SELECT cvwiz.check();
INSERT INTO figure VALUES ('cvwiz_worker_up', '{"database": "d"}', 1);
SELECT cvwiz.check();
SELECT cvwiz.set_alert('sizes', 'cvwiz_audit_bytes', '>', 0);
INSERT INTO figure SELECT 'cvwiz_audit_bytes', format('{"schema": "app", "table": "t%s"}', n)::jsonb, n * 1000000 FROM generate_series(1, 7) n;
SELECT cvwiz.check();
UPDATE figure SET value = 0 WHERE name = 'cvwiz_worker_up';
SELECT cvwiz.check();
SELECT cvwiz.remove_alert('sizes');

-- ---- set_alert(), remove_alert(): what is refused ----

SELECT pg_temp.error_of('SELECT cvwiz.' || call) AS error FROM (VALUES
	('set_alert(NULL)'), ('remove_alert(NULL)'), ('remove_alert(''nobody'')'), ('remove_alert(''residue'')'),
	('set_alert('''', ''cvwiz_audit_bytes'', ''>'', 1)'), ('set_alert(''1st'', ''cvwiz_audit_bytes'', ''>'', 1)'),
	('set_alert(''a b'', ''cvwiz_audit_bytes'', ''>'', 1)'), ('set_alert(''é'', ''cvwiz_audit_bytes'', ''>'', 1)'),
	('set_alert(repeat(''a'', 64), ''cvwiz_audit_bytes'', ''>'', 1)'),
	('set_alert(''mine'')'), ('set_alert(''mine'', ''cvwiz_audit_bytes'')'), ('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'')'),
	('set_alert(''mine'', comparison => ''>'', threshold => 1)'), ('set_alert(''mine'', enabled => false)'),
	('set_alert(''mine'', ''cvwiz_audit_byte'', ''>'', 1)'), ('set_alert(''mine'', '''', ''>'', 1)'), ('set_alert(''worker_down'', metric => ''pg_class'')'),
	('set_alert(''mine'', ''cvwiz_audit_bytes'', ''=='', 1)'), ('set_alert(''mine'', ''cvwiz_audit_bytes'', ''> 0 OR true --'', 1)'), ('set_alert(''mine'', ''cvwiz_audit_bytes'', '''', 1)'),
	('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', ''NaN'')'), ('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', ''-Infinity'')'),
	('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', 1, severity => ''error'')'), ('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', 1, severity => ''WARNING'')'),
	('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', 1, for_interval => ''-1 second'')'), ('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', 1, for_interval => ''101 years'')'),
	('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', 1, hysteresis => -0.1)'), ('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', 1, hysteresis => 1.1)'),
	('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', 1, hysteresis => ''NaN'')'),
	('set_alert(''mine'', ''cvwiz_audit_bytes'', ''='', 1, hysteresis => 0.1)'), ('set_alert(''mine'', ''cvwiz_audit_bytes'', ''<>'', 1, hysteresis => 0.1)'),
	('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', 1, labels => ''[]'')'), ('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', 1, labels => ''"a"'')'),
	('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', 1, labels => ''null'')'), ('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', 1, labels => ''{"table": 1}'')'),
	('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', 1, labels => ''{"table": {"a": "b"}}'')'),
	('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', 1, labels => ''{"table": "a", "column": "b"}'')'), ('set_alert(''worker_down'', labels => ''{"table": "a"}'')'),
	('set_alert(''mine'', ''cvwiz_audit_bytes'', ''>'', 1, action => repeat(''é'', 501))')
) v(call);
-- nothing of these is left
SELECT name FROM cvwiz.alert_rules;
-- by changes that go together only
SELECT cvwiz.set_alert('mine', 'cvwiz_audit_bytes', '>', 1, hysteresis => 0.1);
SELECT pg_temp.error_of($$SELECT cvwiz.set_alert('mine', comparison => '=')$$) AS error;
SELECT cvwiz.set_alert('mine', comparison => '=', hysteresis => 0, action => repeat('é', 500), threshold => -1e300);
SELECT name, comparison, threshold, hysteresis, length(action), built_in, severity, labels, for_interval, enabled FROM cvwiz.alert_rules WHERE name = 'mine';
SELECT cvwiz.remove_alert('mine');

-- ---- what a double cannot hold ----

SELECT pg_temp.error_of(format('SELECT cvwiz.set_alert(''mine'', ''cvwiz_worker_up'', %s, hysteresis => %s)', rule, hysteresis)) AS error FROM (VALUES
	('''<'', 1.7e308', '1'), ('''<='', 1.2e308', '0.5'), ('''>'', -1.7e308', '1'),
	('''<'', 1e-300', '1e-300'), ('''<'', -1e-300', '1e-100'), ('''>'', 5e-324', '0.1'), ('''>'', 1', '5e-324')) v(rule, hysteresis);
SELECT cvwiz.set_alert('mine', 'cvwiz_worker_up', '<', 1e308);
SELECT pg_temp.error_of($$SELECT cvwiz.set_alert('mine', hysteresis => 0.8)$$) AS error;
SELECT cvwiz.set_alert('mine', hysteresis => 0.7);
SELECT pg_temp.error_of($$SELECT cvwiz.set_alert('mine', threshold => 1.1e308)$$) AS error;
-- without hysteresis, and of 0, there is nothing to hold
SELECT cvwiz.set_alert('mine', threshold => 1.7976931348623157e308, hysteresis => 0);
SELECT cvwiz.set_alert('mine', threshold => -5e-324), cvwiz.set_alert('mine', threshold => 0, hysteresis => 5e-324);
SELECT cvwiz.remove_alert('mine');
-- a rule of a dump does not keep the others from being evaluated
BEGIN;
DELETE FROM figure;
DELETE FROM cvwiz.alert_state;
INSERT INTO figure VALUES ('cvwiz_worker_up', '{}', 1.5);
INSERT INTO cvwiz.alert_rule (name, metric, comparison, threshold, hysteresis)
SELECT format('dumped_%s', row_number() OVER ()), 'cvwiz_worker_up', comparison, sign * threshold, hysteresis
FROM unnest('{<,<=,>,>=,=,<>}'::text[]) comparison, unnest('{1,-1}'::float8[]) sign,
	unnest('{1.7976931348623157e308,1.2e308,2,1,1e-160,1e-300,5e-324,0}'::float8[]) threshold,
	unnest('{1,0.9999999999999999,0.5,1e-160,1e-300,5e-324,0}'::float8[]) hysteresis;
SELECT r.comparison, count(*) AS rules, count(*) FILTER (WHERE s.crossed) AS crossed, count(*) FILTER (WHERE s.holds) AS holds
FROM cvwiz.alert_rules r JOIN cvwiz.alert_series() s ON s.alert = r.name WHERE r.name LIKE 'dumped%' GROUP BY 1 ORDER BY r.comparison COLLATE "C";
-- with and without hysteresis
SELECT r.comparison, r.threshold, r.hysteresis, s.crossed, s.holds FROM cvwiz.alert_rules r JOIN cvwiz.alert_series() s ON s.alert = r.name
WHERE r.name LIKE 'dumped%' AND s.holds <> s.crossed ORDER BY r.comparison COLLATE "C", 2, 3;
SELECT cvwiz.evaluate_alerts() > 100 AS others_fire;
SELECT cvwiz.check() LIKE 'WARNING - %' AS checked;
ROLLBACK;

-- ---- a built-in rule: changed, disabled, removed, brought back ----

SELECT cvwiz.set_alert('residue');
SELECT count(*) AS restored FROM cvwiz.alert_rules WHERE name = 'residue';
SELECT count(*) AS stored FROM cvwiz.alert_rule WHERE name = 'residue';
SELECT cvwiz.set_alert('residue', threshold => 10, severity => 'warning');
SELECT cvwiz.set_alert('residue', enabled => false);
SELECT name, severity, metric, threshold, enabled, built_in FROM cvwiz.alert_rules WHERE name = 'residue';
SELECT name, removed, severity, metric, labels, comparison, threshold, for_interval, hysteresis, enabled, action FROM cvwiz.alert_rule WHERE name = 'residue';
SELECT cvwiz.remove_alert('residue');
SELECT count(*) FROM cvwiz.alert_rules WHERE name = 'residue';
SELECT name, removed, severity, threshold, enabled FROM cvwiz.alert_rule WHERE name = 'residue';
-- as the extension has it
SELECT cvwiz.set_alert('residue');
SELECT name, severity, metric, threshold, enabled, built_in FROM cvwiz.alert_rules WHERE name = 'residue';
SELECT cvwiz.remove_alert('residue');
SELECT cvwiz.set_alert('residue', threshold => 5);
SELECT name, severity, metric, threshold, enabled, built_in FROM cvwiz.alert_rules WHERE name = 'residue';
-- a change of a rule that the extension has no longer is no rule
INSERT INTO cvwiz.alert_rule (name, threshold) VALUES ('of_old', 5);
SELECT name FROM cvwiz.alert_rules WHERE name = 'of_old';
SELECT pg_temp.error_of($$SELECT cvwiz.remove_alert('of_old')$$) AS error;

-- ---- who may, and where ----

SET client_min_messages = warning;
SET ROLE regress_cvwiz_monitor;
SELECT count(*) > 0 AS sees_rules FROM cvwiz.alert_rules;
SELECT count(*) >= 0 AS sees_alerts FROM cvwiz.alerts;
SELECT count(*) > 0 AS sees_history FROM cvwiz.alert_history;
SELECT pg_temp.error_of('SELECT cvwiz.evaluate_alerts()') AS error;
SELECT pg_temp.error_of($$SELECT cvwiz.set_alert('residue', enabled => false)$$) AS error;
SELECT pg_temp.error_of($$SELECT cvwiz.remove_alert('residue')$$) AS error;
SELECT pg_temp.error_of('SELECT FROM cvwiz.alert_state') AS error;
RESET ROLE;
GRANT SELECT ON cvwiz.metrics TO pg_monitor;
SET ROLE regress_cvwiz_monitor;
SELECT cvwiz.check();
SET ROLE regress_cvwiz_user;
SELECT pg_temp.error_of('SELECT ' || what) AS error FROM unnest('{cvwiz.check(),cvwiz.evaluate_alerts(),FROM cvwiz.alerts,FROM cvwiz.alert_rules,FROM cvwiz.alert_history,FROM cvwiz.alert_rule,FROM cvwiz.alert_series()}'::text[]) what;
-- granted, it needs nothing on the tables
RESET ROLE;
GRANT EXECUTE ON FUNCTION cvwiz.evaluate_alerts(), cvwiz.set_alert(text, text, text, double precision, jsonb, text, interval, double precision, boolean, text), cvwiz.remove_alert(text) TO regress_cvwiz_user;
SET ROLE regress_cvwiz_user;
SELECT cvwiz.set_alert('worker_down', for_interval => '0');
SELECT cvwiz.evaluate_alerts();
SELECT cvwiz.remove_alert('worker_down');
SELECT cvwiz.evaluate_alerts();
RESET ROLE;
-- another transaction's changes must be seen
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_temp.error_of('SELECT cvwiz.evaluate_alerts()') AS error;
ROLLBACK;
-- what is rolled back has not fired
SELECT cvwiz.set_alert('worker_down', for_interval => '0');
BEGIN;
SELECT cvwiz.evaluate_alerts();
ROLLBACK;
SELECT cvwiz.evaluate_alerts();
-- whatever the search_path and the settings of the session have
SELECT cvwiz.remove_alert('worker_down');
CREATE FUNCTION app.abs(double precision) RETURNS double precision LANGUAGE sql AS 'SELECT -1.0::double precision';
CREATE FUNCTION app.later(double precision, double precision) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR app.> (FUNCTION = app.later, LEFTARG = double precision, RIGHTARG = double precision);
SET search_path = app, pg_catalog;
SET extra_float_digits = -15;
SET transform_null_equals = on;
SELECT cvwiz.set_alert('precise', 'cvwiz_worker_up', '<>', 0.1);
UPDATE app.figure SET value = 0.12345678901234567 WHERE name = 'cvwiz_worker_up';
SELECT cvwiz.evaluate_alerts();
RESET extra_float_digits;
SET search_path = pg_catalog;

SET client_min_messages = warning;
DROP EXTENSION cvwiz CASCADE;
DROP SCHEMA app CASCADE;
DROP SCHEMA cvwiz;
DROP ROLE regress_cvwiz_user, regress_cvwiz_monitor;
