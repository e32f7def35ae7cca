// The application's Prisma client on a view of cvwiz.create_version_view(): it has
// whole documents, where the table under it has stubs.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { PrismaPg } from '@prisma/adapter-pg';
import client from '@prisma/client';

const { Prisma, PrismaClient } = client;
const { resume } = JSON.parse(readFileSync(new URL('documents.json', import.meta.url), 'utf8'));

// the connection is that of libpq's variables
const connection = { host: process.env.PGHOST, port: Number(process.env.PGPORT), user: process.env.PGUSER, database: process.env.PGDATABASE };
const prisma = new PrismaClient({ adapter: new PrismaPg(connection) });
after(() => prisma.$disconnect());

// Each test has its rows to itself.
let resumeId;
function check(name, body) {
  test(`Prisma, a view: ${name}`, async () => {
    resumeId = name;
    await body();
  });
}

const named = (name) => ({ ...resume, basics: { ...resume.basics, name } });
const create = (snapshot, rest = {}) => prisma.resumeHistory.create({ data: { resumeId, snapshot, ...rest } });
const stored = (id) => prisma.$queryRaw`SELECT snapshot, snapshot #>> '{$cvwiz,version}' AS version, notes FROM "ResumeHistoryStored" WHERE id = ${id}`
  .then((rows) => rows[0]);

check('the table under it has stubs', async () => {
  const { id } = await create(resume, { notes: ['a note'] });
  const row = await stored(id);
  assert.ok('$cvwiz' in row.snapshot);
  assert.ok('$cvwiz' in row.notes);
  assert.ok(!('items' in row.snapshot));
});

check('create returns the document, and the defaults', async () => {
  const row = await create(resume);
  assert.deepEqual(row.snapshot, resume);
  assert.equal(row.label, 'draft');
  assert.equal(row.notes, null);
  assert.equal(typeof row.number, 'number');
  assert.ok(Math.abs(Date.now() - row.createdAt) < 60_000);
  assert.deepEqual(await prisma.resumeHistory.findUnique({ where: { id: row.id } }), row);
  assert.equal((await create(resume, { label: null })).label, null);
  assert.equal((await create(resume)).number, row.number + 2);
});

for (const document of ['text "quoted" ü', 12.25, true, [], [1, [2, [3, null]]], {}, '', { $cvwiz: 'of the user' }]) {
  check(`a document that is ${JSON.stringify(document)}`, async () => {
    const row = await create(document);
    assert.deepEqual(row.snapshot, document);
    assert.deepEqual((await prisma.resumeHistory.findUnique({ where: { id: row.id } })).snapshot, document);
  });
}

check('createMany, createManyAndReturn', async () => {
  const data = ['a', 'b', 'c'].map((label) => ({ resumeId, label, snapshot: named(label) }));
  assert.deepEqual(await prisma.resumeHistory.createMany({ data }), { count: 3 });
  const rows = await prisma.resumeHistory.createManyAndReturn({ data });
  assert.deepEqual(rows.map((row) => row.snapshot), ['a', 'b', 'c'].map(named));
});

check('findMany: filters, orderBy, select, count', async () => {
  for (const name of ['Anna', 'Bert', 'Carl']) await create(named(name), { label: name });
  const rows = await prisma.resumeHistory.findMany({
    where: { resumeId, snapshot: { path: ['basics', 'name'], string_contains: 'r' } }, orderBy: { label: 'desc' }, select: { label: true, snapshot: true },
  });
  assert.deepEqual(rows, [{ label: 'Carl', snapshot: named('Carl') }, { label: 'Bert', snapshot: named('Bert') }]);
  assert.equal(await prisma.resumeHistory.count({ where: { resumeId, snapshot: { equals: named('Anna') } } }), 1);
});

check('update: the document, and another field', async () => {
  const { id, updatedAt } = await create(named('a'));
  const changed = await prisma.resumeHistory.update({ where: { id }, data: { snapshot: named('b') } });
  assert.deepEqual(changed.snapshot, named('b'));
  // what the table's trigger has made of it
  assert.ok(changed.updatedAt > updatedAt);
  const { version } = await stored(id);
  const renamed = await prisma.resumeHistory.update({ where: { id }, data: { label: 'renamed' } });
  assert.deepEqual([renamed.label, renamed.snapshot], ['renamed', named('b')]);
  assert.equal((await stored(id)).version, version);
  await prisma.resumeHistory.update({ where: { id }, data: { notes: Prisma.JsonNull } });
  assert.equal((await prisma.resumeHistory.update({ where: { id }, data: { notes: Prisma.DbNull } })).notes, null);
});

check('updateMany', async () => {
  for (const name of ['a', 'b']) await create(named(name));
  const where = { resumeId, snapshot: { path: ['basics', 'name'], equals: 'b' } };
  assert.deepEqual(await prisma.resumeHistory.updateMany({ where, data: { snapshot: named('c') } }), { count: 1 });
  assert.deepEqual(await prisma.resumeHistory.updateMany({ where, data: { label: 'none' } }), { count: 0 });
  assert.equal(await prisma.resumeHistory.count({ where: { resumeId, snapshot: { equals: named('c') } } }), 1);
});

check('delete returns the document, deleteMany goes by a filter', async () => {
  const { id } = await create(resume);
  assert.deepEqual((await prisma.resumeHistory.delete({ where: { id } })).snapshot, resume);
  for (const name of ['a', 'b', 'c']) await create(named(name));
  const where = { resumeId, snapshot: { path: ['basics', 'name'], equals: 'b' } };
  assert.deepEqual(await prisma.resumeHistory.deleteMany({ where }), { count: 1 });
  assert.deepEqual(await prisma.resumeHistory.deleteMany({ where: { resumeId } }), { count: 2 });
});

check('transactions', async () => {
  await assert.rejects(prisma.$transaction(async (tx) => {
    await tx.resumeHistory.create({ data: { resumeId, snapshot: resume } });
    throw new Error('no');
  }), /^Error: no$/);
  assert.equal(await prisma.resumeHistory.count({ where: { resumeId } }), 0);
});

check('an error is the table\'s', async () => {
  const { id } = await create(resume);
  const error = await create(resume, { id }).then(() => assert.fail('nothing was refused'), (e) => e);
  assert.equal(error.code, 'P2002');
});

// What a view with INSTEAD OF triggers cannot do.
check('upsert: where Prisma leaves it to the database it is refused', async () => {
  const where = { id: resumeId };
  const error = await prisma.resumeHistory.upsert({ where, create: { ...where, resumeId, snapshot: resume }, update: { snapshot: named('b') } })
    .then(() => assert.fail('nothing was refused'), (e) => e);
  assert.equal(error.meta?.driverAdapterError.cause.code, '42P10', String(error));
  assert.equal(await prisma.resumeHistory.count({ where: { resumeId } }), 0);
});

check('upsert whose create does not have the id: Prisma does it by itself', async () => {
  const upsert = (id, name) => prisma.resumeHistory.upsert({ where: { id }, create: { resumeId, snapshot: named(name) }, update: { snapshot: named(name) } });
  const { id, snapshot } = await upsert('none', 'first');
  assert.deepEqual(snapshot, named('first'));
  assert.deepEqual((await upsert(id, 'second')).snapshot, named('second'));
  assert.equal(await prisma.resumeHistory.count({ where: { resumeId } }), 1);
});

check('createMany with skipDuplicates skips none', async () => {
  const { id } = await create(resume);
  const data = [{ resumeId, snapshot: resume }, { id, resumeId, snapshot: resume }];
  const error = await prisma.resumeHistory.createMany({ data, skipDuplicates: true }).then(() => assert.fail('nothing was refused'), (e) => e);
  assert.equal(error.code, 'P2002');
  assert.equal(await prisma.resumeHistory.count({ where: { resumeId } }), 1);
});
