"""asyncpg, as FastAPI services use it, against columns of the type that
COLUMN_TYPE names. It reads both jsonb and cvwiz.zjsonb as text."""
import json
import os
import pathlib
import unittest

import asyncpg

import tap

COLUMN_TYPE = os.environ["COLUMN_TYPE"]
RESUME = json.loads(pathlib.Path(__file__).with_name("documents.json").read_text("utf8"))["resume"]
INSERT = 'INSERT INTO "ResumeVersion" (id, "profileId", name, snapshot, "updatedAt") VALUES ($1, $2, $3, $4, now()) RETURNING snapshot'


class AsyncpgTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        # the connection is that of libpq's variables
        self.connection = await asyncpg.connect()
        self.profile = f"asyncpg {COLUMN_TYPE} {self.id()}"

    async def asyncTearDown(self):
        await self.connection.close()

    def shortDescription(self):
        return f"asyncpg, {COLUMN_TYPE}: {super().shortDescription()}"

    async def create(self, value, name="v"):
        return await self.connection.fetchval(INSERT, f"{self.profile} {name}", self.profile, name, json.dumps(value))

    async def test_create_and_find(self):
        """create, find, filter"""
        self.assertEqual(json.loads(await self.create(RESUME, "a")), RESUME)
        await self.create({"basics": {"name": "b"}}, "b")
        select = 'SELECT name, snapshot, snapshot::jsonb AS document FROM "ResumeVersion" WHERE "profileId" = $1 AND '
        for condition, value in (("snapshot->'basics'->>'name' = $2", RESUME["basics"]["name"]), ("snapshot @> $2", '{"skills": ["C"]}')):
            rows = await self.connection.fetch(select + condition, self.profile, value)
            self.assertEqual([row["name"] for row in rows], ["a"])
            self.assertIs(type(rows[0]["snapshot"]), str)
            self.assertEqual(json.loads(rows[0]["snapshot"]), RESUME)
            self.assertEqual(json.loads(rows[0]["document"]), RESUME)

    async def test_update(self):
        """update, and many at once"""
        await self.connection.executemany(INSERT, [(f"{self.profile} {n}", self.profile, str(n), "[]") for n in range(3)])
        status = await self.connection.execute('UPDATE "ResumeVersion" SET snapshot = $1 WHERE "profileId" = $2', json.dumps(RESUME), self.profile)
        self.assertEqual(status, "UPDATE 3")
        rows = await self.connection.fetch('SELECT snapshot FROM "ResumeVersion" WHERE "profileId" = $1', self.profile)
        self.assertEqual([json.loads(row["snapshot"]) for row in rows], [RESUME] * 3)

    async def test_version_view(self):
        """a view of whole documents over a table that has stubs"""
        insert = 'INSERT INTO "ResumeHistory" (id, "resumeId", snapshot) VALUES ($1, $1, $2) RETURNING snapshot'
        self.assertEqual(json.loads(await self.connection.fetchval(insert, self.profile, json.dumps(RESUME))), RESUME)
        stored = await self.connection.fetchval('SELECT snapshot FROM "ResumeHistoryStored" WHERE id = $1', self.profile)
        self.assertIn("$cvwiz", json.loads(stored))
        self.assertEqual(json.loads(await self.connection.fetchval('SELECT snapshot FROM "ResumeHistory" WHERE id = $1', self.profile)), RESUME)
        self.assertEqual(await self.connection.execute('DELETE FROM "ResumeHistory" WHERE id = $1', self.profile), "DELETE 1")

    async def test_copy(self):
        """binary COPY of whole rows"""
        await self.create(RESUME)
        await self.connection.execute('CREATE TEMPORARY TABLE copied (LIKE "ResumeVersion")')
        rows = await self.connection.fetch('SELECT * FROM "ResumeVersion" WHERE "profileId" = $1', self.profile)
        if COLUMN_TYPE == "cvwiz.zjsonb":
            # asyncpg knows of a base type only its text, and COPY is binary.
            await self.connection.set_type_codec("zjsonb", schema="cvwiz", format="binary",
                                                 encoder=lambda text: b"\x01" + text.encode(), decoder=lambda data: data[1:].decode())
        await self.connection.copy_records_to_table("copied", records=rows)
        self.assertEqual(json.loads(await self.connection.fetchval("SELECT snapshot FROM copied")), RESUME)

    async def test_oversized(self):
        """an oversized document is refused, with the whole error"""
        with self.assertRaises(asyncpg.exceptions.ConfigurationLimitExceededError) as caught:
            await self.create({"basics": {"name": "huge"}, "summary": "x" * 600_000})
        error = caught.exception
        self.assertEqual(error.sqlstate, "53400")
        self.assertRegex(error.message, r'^snapshot in column "snapshot" of table "ResumeVersion" has 600,0\d\d bytes.*: the maximum is 512,000 bytes$')
        self.assertRegex(error.detail, r'^Largest keys: "summary" \(600,002 bytes\), "basics" \(\d+ bytes\)')
        self.assertRegex(error.hint, r"^Leave parts of the document out, or .*cvwiz\.add_snapshot_limits\(\)\.$")


if __name__ == "__main__":
    tap.main()
