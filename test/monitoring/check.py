"""The files of monitoring/ at work: what cvwiz.metrics has arrives in Prometheus,
an alert goes all the way to Alertmanager and clears. Run by test/monitoring/run."""
import json
import math
import os
import re
import subprocess
import time
import unittest
import urllib.parse
import urllib.request

import jsonschema
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

import tap

EXPORTER, PROMETHEUS, ALERTMANAGER = (os.environ[name] for name in ("EXPORTER", "PROMETHEUS", "ALERTMANAGER"))
PATIENCE = 60  # seconds
NOT_OURS = {"instance", "job", "server"}  # labels that Prometheus and the exporter add


def sql(statement, user="monitor"):
    return subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", user], input=statement,
                          check=True, capture_output=True, text=True).stdout


def sql_json(query):
    return json.loads(sql(f"SELECT coalesce(json_agg(q), '[]') FROM ({query}) q"))


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def poll(condition, what):
    """The first true answer of the condition."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer, error = condition(), None
        except OSError as e:  # not listening yet
            answer, error = None, e
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE} s in vain for {what}") from error
        time.sleep(0.1)


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


# ---- series: {(name, labels): value} ----

def series_key(name, labels):
    return name, frozenset((key, value) for key, value in labels.items() if key not in NOT_OURS)


def database_series():
    rows = sql_json("SELECT name, labels, value::text FROM cvwiz.metrics")
    found = {series_key(row["name"], row["labels"]): float(row["value"]) for row in rows}
    assert len(found) == len(rows), "cvwiz.metrics has duplicates"
    return found


def query(expression):
    answer = json.loads(get(f"{PROMETHEUS}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"))
    assert answer["status"] == "success", answer
    return answer["data"]["result"]


def prometheus_series():
    found = {}
    for result in query('{__name__=~"cvwiz_.+"}'):
        labels = dict(result["metric"])
        found[series_key(labels.pop("__name__"), labels)] = float(result["value"][1])
    return found


def same_number(a, b):
    return a == b or (math.isnan(a) and math.isnan(b))


def compare(read, before=None):
    """Nothing missing, nothing too much; a value that changes meanwhile lies between."""
    before = before or database_series()
    found = read()
    after = database_series()
    problems = [f"missing: {key}" for key in before.keys() & after.keys() - found.keys()]
    problems += [f"unknown: {key}" for key in found.keys() - before.keys() - after.keys()]
    for key in found.keys() & before.keys() & after.keys():
        low, high, value = before[key], after[key], found[key]
        if not (same_number(low, value) or same_number(high, value) or min(low, high) < value < max(low, high)):
            problems.append(f"{key}: {value}, not {low} to {high}")
    return problems


# ---- alerts ----

def rules():
    with open("monitoring/cvwiz.rules.yml", encoding="utf-8") as file:
        return [rule for group in yaml.safe_load(file)["groups"] for rule in group["rules"]]


def prometheus_alerts(name):
    alerts = json.loads(get(f"{PROMETHEUS}/api/v1/alerts"))["data"]["alerts"]
    return [alert for alert in alerts if alert["labels"]["alertname"] == name and alert["state"] == "firing"]


def alertmanager_alerts(name):
    alerts = json.loads(get(f"{ALERTMANAGER}/api/v2/alerts?active=true"))
    return [alert for alert in alerts if alert["labels"]["alertname"] == name]


def active_alerts(name):
    return sql_json(f"SELECT * FROM cvwiz.alerts WHERE alert = '{name}'")


def clean_up(relation):
    """The error that it ends with, if any."""
    return subprocess.run(["psql", "-XAtq", "-U", "postgres", "-c", f"CALL cvwiz.run_retention('{relation}')"],
                          env={**os.environ, "PGOPTIONS": "-c client_min_messages=error"},
                          capture_output=True, text=True, check=False).stderr


# ---- time passes: the worker cleans up and takes samples ----

def set_clock(now):
    sql(f"ALTER SYSTEM SET cvwiz.now = '{now}'; SELECT pg_reload_conf()", "postgres")


def setUpModule():
    def ran():
        return sql("SELECT count(*) FROM cvwiz.stat_audit WHERE runs_succeeded + runs_on_hold = 0") == "0\n"

    def sampled():
        return sql("SELECT count(*) FROM cvwiz.stat_audit WHERE sampled_at IS DISTINCT FROM '2026-08-31 12:00+00'") == "0\n" and \
            sql("SELECT count(*) FROM cvwiz.stat_snapshot WHERE sampled_at IS NULL") == "0\n"

    set_clock("2026-08-31 10:00+00")
    poll(ran, "the worker's runs")
    # growth needs samples that are days apart
    sql("""INSERT INTO cvwiz.size_sample (relation, sampled_at, total_bytes, rows_estimate, rows_purged)
        SELECT relation, timestamptz '2026-08-31 12:00+00' - days * interval '1 day', 8192, 0, 0
        FROM cvwiz.retention_policy, unnest('{6,20}'::int[]) days""", "postgres")
    set_clock("2026-08-31 12:00+00")
    poll(sampled, "samples of that time")


class Text(unittest.TestCase):
    def test_openmetrics(self):
        """the OpenMetrics text is one that Prometheus' own parser takes, with the values of cvwiz.metrics"""
        def read():
            found = {}
            for family in parse_openmetrics(sql("SELECT cvwiz.openmetrics()")):
                for sample in family.samples:
                    labels = dict(sample.labels)
                    if "le" in labels:  # there a float in its canonical form
                        labels["le"] = labels["le"].removesuffix(".0")
                    found[series_key(sample.name, labels)] = sample.value
            return found
        self.assertEqual(compare(read), [])

    def test_openmetrics_metadata(self):
        """and the types and help texts of cvwiz.metric_definitions"""
        families = {family.name: family for family in parse_openmetrics(sql("SELECT cvwiz.openmetrics()"))}
        definitions = sql_json("SELECT name, type, help FROM cvwiz.metric_definitions")
        for definition in definitions:
            name = definition["name"]
            if definition["type"] == "counter":
                name = name.removesuffix("_total")
            elif definition["type"] == "histogram":
                name = re.sub("_(bucket|sum|count)$", "", name)
            self.assertEqual((families[name].type, families[name].documentation), (definition["type"], definition["help"]))
            unit = families[name].unit
            self.assertTrue(unit == "" or name.endswith(unit))

    def test_text_for_others(self):
        """the parser of Prometheus' older text format takes it as well"""
        families = list(parse_prometheus(sql("SELECT cvwiz.openmetrics()")))
        self.assertGreater(len(families), 30)


class Exporter(unittest.TestCase):
    def test_no_errors(self):
        """postgres_exporter loads queries.yaml and reads it all without an error"""
        text = poll(lambda: get(f"{EXPORTER}/metrics"), "postgres_exporter")
        samples = {sample.name: sample.value for family in parse_prometheus(text) for sample in family.samples}
        self.assertEqual(samples["pg_up"], 1)
        self.assertEqual(samples["pg_exporter_last_scrape_error"], 0)
        self.assertEqual(samples["pg_exporter_user_queries_load_error"], 0)

    def test_types(self):
        """the types and help texts are those of cvwiz.metric_definitions"""
        families = {family.name: family for family in parse_prometheus(get(f"{EXPORTER}/metrics"))}
        for definition in sql_json("SELECT name, type, help FROM cvwiz.metric_definitions"):
            name = definition["name"]
            if definition["type"] == "counter":
                name = name.removesuffix("_total")
            elif definition["type"] == "histogram":
                name = re.sub("_(bucket|sum|count)$", "", name)
            self.assertEqual((families[name].type, families[name].documentation), (definition["type"], definition["help"]))


class Prometheus(unittest.TestCase):
    def test_config(self):
        """promtool finds the example's configuration and the rules in order"""
        for command in (("check", "config", "monitoring/prometheus.yml"), ("check", "rules", "monitoring/cvwiz.rules.yml")):
            result = run("promtool", *command)
            self.assertEqual(result.returncode, 0, result.stdout)

    def test_rules(self):
        """promtool test rules: each alert fires and clears where it should"""
        result = run("promtool", "test", "rules", "monitoring/cvwiz.rules.test.yml")
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_all_rules_tested(self):
        """no alert is left out there"""
        with open("monitoring/cvwiz.rules.test.yml", encoding="utf-8") as file:
            tested = {test["name"] for test in yaml.safe_load(file)["tests"]}
        self.assertEqual({rule["alert"] for rule in rules()} - tested, set())

    def test_every_metric(self):
        """each metric of cvwiz.metric_definitions arrives"""
        names = {row["name"] for row in sql_json("SELECT name FROM cvwiz.metric_definitions")}
        poll(prometheus_series, "anything to arrive")
        self.assertEqual({name for name, _ in prometheus_series()} ^ names, set())

    def test_values(self):
        """each series of cvwiz.metrics arrives with its value, and no other"""
        before = database_series()
        begin = time.time()
        # what is compared was scraped after that
        poll(lambda: query(f"timestamp(cvwiz_info) > {begin}"), "the next scrape")
        self.assertEqual(compare(prometheus_series, before), [])

    def test_special_values(self):
        """infinity and names with quotes, backslashes, line feeds and emoji among them"""
        series = prometheus_series()
        weird = [labels for (name, labels), value in series.items()
                 if name == "cvwiz_audit_partitions_ahead_days" and value == math.inf]
        self.assertEqual([dict(labels)["table"] for labels in weird], ['back\\slash, "quote", {brace}\nline 😀'])
        self.assertIn('odd "column', {dict(labels).get("column") for _, labels in series})

    def test_histogram(self):
        """quantiles can be taken of the sizes of snapshots"""
        result = query('histogram_quantile(0.5, cvwiz_snapshot_bytes_bucket{column="snapshot"})')
        median = float(result[0]["value"][1])
        exact = float(sql("""SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY octet_length(jsonb_build_object(
            'title', 'resume ' || n, 'items', (SELECT jsonb_agg(repeat(i::text, 20)) FROM generate_series(1, 10 * n) i))::text))
            FROM generate_series(1, 40) n"""))
        bounds = [0] + [float(x) for x in sql("SELECT unnest(cvwiz.snapshot_size_bounds())").split()]
        below = max(bound for bound in bounds if bound < exact)
        above = min(bound for bound in bounds if bound >= exact)
        self.assertTrue(below < median <= above, f"{median}, not {below} to {above}, where {exact} is")


class SqlExporter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open("monitoring/sql_exporter.collector.yml", encoding="utf-8") as file:
            cls.collector = yaml.safe_load(file)

    def test_format(self):
        """the collector has the keys that sql_exporter knows, and no others"""
        self.assertEqual(set(self.collector), {"collector_name", "metrics", "queries"})
        queries = [query["query_name"] for query in self.collector["queries"]]
        self.assertEqual(len(queries), len(set(queries)))
        for each in self.collector["queries"]:
            self.assertEqual(set(each), {"query_name", "query"})
        for metric in self.collector["metrics"]:
            self.assertEqual(set(metric), {"metric_name", "type", "help", "key_labels", "values", "query_ref"})
            self.assertIn(metric["type"], ("gauge", "counter"))
            self.assertIn(metric["query_ref"], queries)
            self.assertEqual(len(metric["values"]), 1)
        self.assertEqual({metric["query_ref"] for metric in self.collector["metrics"]}, set(queries))

    def test_values(self):
        """its queries give what cvwiz.metrics has"""
        def read():
            found = {}
            rows = {each["query_name"]: sql_json(each["query"]) for each in self.collector["queries"]}
            for metric in self.collector["metrics"]:
                for row in rows[metric["query_ref"]]:
                    value = row[metric["values"][0]]
                    if value is not None:  # sql_exporter leaves NULLs out
                        found[series_key(metric["metric_name"], {key: row[key] for key in metric["key_labels"]})] = float(value)
            return found
        self.assertEqual(compare(read), [])


class Dashboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open("monitoring/grafana-dashboard.json", encoding="utf-8") as file:
            cls.dashboard = json.load(file)

    def test_schema(self):
        """the dashboard is one by Grafana's schema"""
        with open("dashboard.schema.json", encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft7Validator.check_schema(schema)
        errors = jsonschema.Draft7Validator(schema).iter_errors(self.dashboard)
        self.assertEqual([f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in errors], [])

    def test_layout(self):
        """its panels have numbers of their own, and do not overlap"""
        panels = self.dashboard["panels"]
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken = set()
        for panel in panels:
            grid = panel["gridPos"]
            cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])}
            self.assertLessEqual(grid["x"] + grid["w"], 24)
            self.assertEqual(taken & cells, set(), panel["title"])
            taken |= cells

    def test_variables(self):
        """every variable that it uses is one that it has"""
        text = json.dumps(self.dashboard)
        known = {variable["name"] for variable in self.dashboard["templating"]["list"]} | {"__interval", "__rate_interval", "__all"}
        self.assertEqual(set(re.findall(r"\$\{?(\w+)", text)) - known, set())

    def test_queries(self):
        """each of its queries finds something in Prometheus"""
        begin = time.time()
        # a rate takes two scrapes
        poll(lambda: query(f"timestamp(cvwiz_info offset 1s) > {begin}"), "two scrapes more")
        values = {"__interval": "1m", "__rate_interval": "1m"}
        for panel in self.dashboard["panels"]:
            for target in panel.get("targets", ()):
                expression = re.sub(r"\$(\w+)", lambda m: values.get(m.group(1), ".*"), target["expr"])
                self.assertNotEqual(query(expression), [], f"{panel['title']}: {expression}")
        for variable in self.dashboard["templating"]["list"]:
            if variable["type"] == "query":
                selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()
                found = query(re.sub(r"\$\w+", ".*", selector))
                self.assertTrue(found and all(label in result["metric"] for result in found), variable["name"])


class Alerts(unittest.TestCase):
    """A clean-up that fails, and is repaired."""
    NAME, LABELS = "CvwizCleanupFailed", {"database": "app", "schema": "app", "table": "events"}

    def assert_ours(self, alerts):
        self.assertEqual(len(alerts), 1)
        self.assertLessEqual(self.LABELS.items(), alerts[0]["labels"].items())

    def test_nothing_fires(self):
        """the alert does not fire while all is well"""
        self.assertEqual([active_alerts("cleanup_failed"), prometheus_alerts(self.NAME), alertmanager_alerts(self.NAME)], [[], [], []])

    def test_only_what_is_wrong(self):
        """of all alerts fire only those that cvwiz itself has"""
        firing = {alert["labels"]["alertname"] for alert in json.loads(get(f"{PROMETHEUS}/api/v1/alerts"))["data"]["alerts"]
                  if alert["state"] == "firing"}
        own = sql_json("SELECT DISTINCT 'Cvwiz' || replace(initcap(replace(alert, '_', ' ')), ' ', '') AS name FROM cvwiz.alerts")
        self.assertEqual(firing, {row["name"] for row in own})

    def test_fires(self):
        """a trigger of the table raises: the clean-up fails, and the alert fires in cvwiz"""
        sql("""CREATE FUNCTION app.refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$;
            CREATE TRIGGER refuse BEFORE DELETE ON app.events FOR EACH ROW EXECUTE FUNCTION app.refuse();
            INSERT INTO app.events VALUES (0, '2026-01-01 00:00+00');""", "postgres")
        self.assertIn("app.events", clean_up("app.events"))
        self.assert_ours(poll(lambda: active_alerts("cleanup_failed"), "the alert"))

    def test_fires_in_prometheus(self):
        """it fires in Prometheus"""
        alerts = poll(lambda: prometheus_alerts(self.NAME), "the alert")
        self.assert_ours(alerts)
        self.assertIn("app.events", alerts[0]["annotations"]["summary"])

    def test_fires_in_alertmanager(self):
        """it comes to Alertmanager, with its severity and what to do"""
        alerts = poll(lambda: alertmanager_alerts(self.NAME), "the alert")
        self.assert_ours(alerts)
        self.assertEqual(alerts[0]["labels"]["severity"], "warning")
        self.assertIn("cvwiz.retention_runs", alerts[0]["annotations"]["action"])

    def test_is_counted(self):
        """cvwiz_alert_active says so as well"""
        poll(lambda: query('cvwiz_alert_active{alert="cleanup_failed",database="app"} == 1'), "the series")

    def test_clears(self):
        """the trigger goes, a clean-up succeeds: the alert clears in cvwiz"""
        sql("DROP TRIGGER refuse ON app.events", "postgres")
        self.assertEqual(clean_up("app.events"), "")
        poll(lambda: not active_alerts("cleanup_failed"), "the alert to clear")

    def test_clears_in_prometheus(self):
        """it clears in Prometheus"""
        poll(lambda: not prometheus_alerts(self.NAME), "the alert to clear")

    def test_clears_in_alertmanager(self):
        """and in Alertmanager"""
        poll(lambda: not alertmanager_alerts(self.NAME), "the alert to clear")


if __name__ == "__main__":
    tap.main()
