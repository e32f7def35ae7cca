"""psycopg 3 against columns of the type that COLUMN_TYPE names: jsonb, then
cvwiz.zjsonb, which reads as the text of the document."""
import json
import os
import pathlib
import unittest

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Json, Jsonb

import tap

COLUMN_TYPE = os.environ["COLUMN_TYPE"]
RESUME = json.loads(pathlib.Path(__file__).with_name("documents.json").read_text("utf8"))["resume"]
HUGE = {"basics": {"name": "huge"}, "summary": "x" * 600_000}
INSERT = 'INSERT INTO "ResumeVersion" (id, "profileId", name, snapshot, "updatedAt") VALUES (%s, %s, %s, %s, now()) RETURNING snapshot'


def named(name, **rest):
    return {**RESUME, **rest, "basics": {**RESUME["basics"], "name": name}}


def document(value):
    """What a column's value stands for."""
    return json.loads(value) if COLUMN_TYPE == "cvwiz.zjsonb" else value


class PsycopgTest(unittest.TestCase):
    def setUp(self):
        # the connection is that of libpq's variables
        self.connection = psycopg.connect(row_factory=dict_row, autocommit=True)
        self.addCleanup(self.connection.close)
        self.profile = f"psycopg {COLUMN_TYPE} {self.id()}"

    def shortDescription(self):
        return f"psycopg, {COLUMN_TYPE}: {super().shortDescription()}"

    def run_sql(self, sql, *parameters, **options):
        return self.connection.execute(sql, parameters, **options)

    def create(self, value, name="v"):
        return self.run_sql(INSERT, f"{self.profile} {name}", self.profile, name, value).fetchone()["snapshot"]

    def find(self, condition, *parameters):
        rows = self.run_sql(f'SELECT name FROM "ResumeVersion" WHERE "profileId" = %s AND ({condition}) ORDER BY name', self.profile, *parameters)
        return [row["name"] for row in rows]

    def test_read(self):
        """a jsonb reads as its document, a zjsonb as text, and cast as a document"""
        self.create(Jsonb(RESUME))
        row = self.run_sql('SELECT snapshot, snapshot::jsonb AS document, snapshot::text AS text FROM "ResumeVersion" WHERE "profileId" = %s', self.profile).fetchone()
        self.assertIs(type(row["snapshot"]), dict if COLUMN_TYPE == "jsonb" else str)
        self.assertEqual(document(row["snapshot"]), RESUME)
        self.assertEqual(row["document"], RESUME)
        self.assertEqual(json.loads(row["text"]), RESUME)

    def test_binary(self):
        """binary results are those of jsonb"""
        self.create(Jsonb(RESUME))
        row = self.run_sql('SELECT snapshot FROM "ResumeVersion" WHERE "profileId" = %s', self.profile, binary=True).fetchone()
        value = row["snapshot"]
        if COLUMN_TYPE == "cvwiz.zjsonb":
            self.assertEqual(value[:1], b"\x01")
            value = json.loads(value[1:])
        self.assertEqual(value, RESUME)

    def test_create(self):
        """create with a jsonb, a json, a text, and many at once"""
        for name, value in (("jsonb", Jsonb(RESUME)), ("json", Json(RESUME)), ("text", json.dumps(RESUME))):
            self.assertEqual(document(self.create(value, name)), RESUME)
        with self.connection.cursor() as cursor:
            cursor.executemany(INSERT, [(f"{self.profile} {n}", self.profile, str(n), Jsonb(n)) for n in range(3)])
        rows = self.run_sql('SELECT snapshot FROM "ResumeVersion" WHERE "profileId" = %s ORDER BY name', self.profile)
        self.assertEqual([document(row["snapshot"]) for row in rows], [0, 1, 2, RESUME, RESUME, RESUME])

    def test_prepared(self):
        """prepared statements"""
        for n in range(8):
            row = self.run_sql(INSERT, f"{self.profile} {n}", self.profile, str(n), Jsonb(RESUME), prepare=True).fetchone()
            self.assertEqual(document(row["snapshot"]), RESUME)

    def test_filter(self):
        """filters on keys, paths and containment"""
        for name in ("a", "b"):
            self.create(Jsonb(named(name, skills=["SQL", name])), name)
        self.assertEqual(self.find("snapshot->'basics'->>'name' = %s", "b"), ["b"])
        self.assertEqual(self.find("snapshot#>>'{experiences,1,company}' = %s", "Größe & Söhne"), ["a", "b"])
        self.assertEqual(self.find("snapshot @> %s", Jsonb({"skills": ["a"]})), ["a"])
        self.assertEqual(self.find("snapshot ? %s", "skills"), ["a", "b"])
        self.assertEqual(self.find("snapshot @? '$.skills[*] ? (@ == \"b\")'"), ["b"])
        self.assertEqual(self.find("jsonb_path_exists(snapshot, '$.basics ? (@.years > $least)', %s)", Jsonb({"least": 12})), [])
        self.assertEqual(self.find("snapshot = %s", Jsonb(named("b", skills=["SQL", "b"]))), ["b"])
        self.assertEqual(self.find("snapshot::text LIKE %s", '%"name": "b"%'), ["b"])

    def test_update(self):
        """update of the document, of a key in it, of another column; delete"""
        self.create(Jsonb(named("a")))
        update = 'UPDATE "ResumeVersion" SET {} WHERE "profileId" = %s RETURNING snapshot'
        row = self.run_sql(update.format("snapshot = %s"), Jsonb(named("b")), self.profile).fetchone()
        self.assertEqual(document(row["snapshot"]), named("b"))
        row = self.run_sql(update.format("snapshot = jsonb_set(snapshot, '{basics,name}', %s)"), Jsonb("c"), self.profile).fetchone()
        self.assertEqual(document(row["snapshot"]), named("c"))
        row = self.run_sql(update.format("name = %s"), "renamed", self.profile).fetchone()
        self.assertEqual(document(row["snapshot"]), named("c"))
        row = self.run_sql('DELETE FROM "ResumeVersion" WHERE snapshot->\'basics\'->>\'name\' = \'c\' AND "profileId" = %s RETURNING snapshot', self.profile).fetchone()
        self.assertEqual(document(row["snapshot"]), named("c"))

    def test_upsert(self):
        """INSERT … ON CONFLICT DO UPDATE"""
        for name in ("first", "second"):
            row = self.run_sql(INSERT.replace("RETURNING", "ON CONFLICT (id) DO UPDATE SET snapshot = excluded.snapshot RETURNING"),
                               self.profile, self.profile, "v", Jsonb(named(name))).fetchone()
            self.assertEqual(document(row["snapshot"]), named(name))

    def test_null(self):
        """NULL and JSON null are two things"""
        for slug, value in (("none", None), ("null", Jsonb(None)), ("document", Jsonb(RESUME))):
            self.run_sql('INSERT INTO "SharedResume" (id, slug, snapshot) VALUES (%s, %s, %s)', f"{self.profile} {slug}", f"{self.profile} {slug}", value)
        rows = self.run_sql('SELECT snapshot IS NULL AS absent, snapshot::jsonb AS document FROM "SharedResume" WHERE starts_with(slug, %s) ORDER BY slug', self.profile).fetchall()
        self.assertEqual([(row["absent"], row["document"]) for row in rows], [(False, RESUME), (True, None), (False, None)])

    def test_version_view(self):
        """a view of whole documents over a table that has stubs"""
        insert = 'INSERT INTO "ResumeHistory" (id, "resumeId", snapshot) VALUES (%s, %s, %s) RETURNING snapshot, label, number'
        row = self.run_sql(insert, self.profile, self.profile, Jsonb(RESUME)).fetchone()
        self.assertEqual((row["snapshot"], row["label"], type(row["number"])), (RESUME, "draft", int))
        stored = self.run_sql('SELECT snapshot FROM "ResumeHistoryStored" WHERE id = %s', self.profile).fetchone()["snapshot"]
        self.assertIn("$cvwiz", stored)
        cursor = self.run_sql('UPDATE "ResumeHistory" SET snapshot = %s WHERE snapshot @> %s AND id = %s', Jsonb(named("b")), Jsonb({"basics": {"name": RESUME["basics"]["name"]}}), self.profile)
        self.assertEqual(cursor.rowcount, 1)
        row = self.run_sql('SELECT snapshot FROM "ResumeHistory" WHERE id = %s', self.profile, binary=True).fetchone()
        self.assertEqual(row["snapshot"], named("b"))
        self.assertEqual(self.run_sql('DELETE FROM "ResumeHistory" WHERE id = %s', self.profile).rowcount, 1)

    def test_rows_as_json(self):
        """to_jsonb, row_to_json and json_agg nest the document"""
        self.create(Jsonb(RESUME))
        row = self.run_sql("""SELECT to_jsonb(v) AS a, row_to_json(v) AS b, json_agg(v.snapshot) AS c, jsonb_build_object('snapshot', v.snapshot) AS d
            FROM "ResumeVersion" v WHERE "profileId" = %s GROUP BY v.id""", self.profile).fetchone()
        self.assertEqual([row["a"]["snapshot"], row["b"]["snapshot"], row["c"], row["d"]["snapshot"]], [RESUME, RESUME, [RESUME], RESUME])

    def test_copy(self):
        """COPY out and in, text and binary"""
        self.create(Jsonb(RESUME))
        for file_format in ("text", "binary"):
            self.run_sql("CREATE TEMPORARY TABLE copied (LIKE \"ResumeVersion\")")
            with self.connection.cursor() as reader:
                query = f'COPY (SELECT * FROM "ResumeVersion" WHERE "profileId" = \'{self.profile}\') TO STDOUT (FORMAT {file_format})'
                with reader.copy(query) as source:
                    data = b"".join(source)
            with self.connection.cursor() as writer, writer.copy(f"COPY copied FROM STDIN (FORMAT {file_format})") as target:
                target.write(data)
            self.assertEqual(document(self.run_sql("SELECT snapshot FROM copied").fetchone()["snapshot"]), RESUME)
            self.run_sql("DROP TABLE copied")

    def test_invalid(self):
        """what is no JSON is the same error"""
        with self.assertRaises(psycopg.errors.InvalidTextRepresentation) as caught:
            self.create("{no json")
        self.assertEqual(caught.exception.diag.message_primary, "invalid input syntax for type json")

    def test_reduced(self):
        """a reduction is a warning"""
        notices = []
        self.connection.add_notice_handler(lambda diag: notices.append((diag.severity, diag.message_primary)))
        items = [{"id": n, "text": "y" * 1000} for n in range(400)]
        self.assertEqual(document(self.create(Jsonb({"items": items}))), {"items": items[-100:]})
        (severity, message), = notices
        self.assertEqual(severity, "WARNING")
        self.assertRegex(message, r'^snapshot in column "snapshot" of table "ResumeVersion" was reduced from [0-9,]+ to [0-9,]+ bytes$')

    def test_oversized(self):
        """an oversized document is refused, with the whole error"""
        self.create(Jsonb(RESUME))
        for sql, parameters in (
            (INSERT, (f"{self.profile} huge", self.profile, "huge", Jsonb(HUGE))),
            ('UPDATE "ResumeVersion" SET snapshot = %s WHERE "profileId" = %s', (Jsonb(HUGE), self.profile)),
        ):
            with self.assertRaises(psycopg.errors.ConfigurationLimitExceeded) as caught:
                self.run_sql(sql, *parameters)
            diag = caught.exception.diag
            self.assertEqual(diag.sqlstate, "53400")
            self.assertRegex(diag.message_primary, r'^snapshot in column "snapshot" of table "ResumeVersion" has 600,0\d\d bytes.*: the maximum is 512,000 bytes$')
            self.assertRegex(diag.message_detail, r'^Largest keys: "summary" \(600,002 bytes\), "basics" \(\d+ bytes\)')
            self.assertRegex(diag.message_hint, r"^Leave parts of the document out, or .*cvwiz\.add_snapshot_limits\(\)\.$")
            self.assertEqual((diag.schema_name, diag.table_name, diag.column_name), ("public", "ResumeVersion", "snapshot"))
        self.assertEqual(self.find("true"), ["v"])


if __name__ == "__main__":
    tap.main()
