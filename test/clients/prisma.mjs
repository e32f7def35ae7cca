// The application's Prisma client against columns of the type that COLUMN_TYPE
// names: jsonb, then cvwiz.zjsonb. It must not notice which.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { PrismaPg } from '@prisma/adapter-pg';
import client from '@prisma/client';

const { Prisma, PrismaClient } = client;
const columnType = process.env.COLUMN_TYPE;
const { resume } = JSON.parse(readFileSync(new URL('documents.json', import.meta.url), 'utf8'));

// the connection is that of libpq's variables
const connection = { host: process.env.PGHOST, port: Number(process.env.PGPORT), user: process.env.PGUSER, database: process.env.PGDATABASE };
const prisma = new PrismaClient({ adapter: new PrismaPg(connection) });
after(() => prisma.$disconnect());

// Each test has its rows to itself.
let profileId;
function check(name, body) {
  test(`Prisma, ${columnType}: ${name}`, async () => {
    profileId = `${columnType}: ${name}`;
    await body();
  });
}

const version = (snapshot, name = 'v') => ({ profileId, name, snapshot });
const create = (snapshot, name) => prisma.resumeVersion.create({ data: version(snapshot, name) });
const named = (name, rest = {}) => ({ ...resume, ...rest, basics: { ...resume.basics, name } });

// the names of the versions that the filter of the snapshot finds
async function find(filter) {
  const rows = await prisma.resumeVersion.findMany({ where: { profileId, snapshot: filter }, orderBy: { name: 'asc' } });
  return rows.map((row) => row.name);
}

const names = (where) => prisma.sharedResume.findMany({ where, orderBy: { slug: 'asc' }, select: { slug: true } })
  .then((rows) => rows.map((row) => row.slug));

// What Prisma 7 makes of an error that a trigger raises.
async function refused(promise, { message, detail, hint }) {
  const error = await promise.then(() => assert.fail('nothing was refused'), (e) => e);
  assert.ok(error instanceof Prisma.PrismaClientKnownRequestError, String(error));
  assert.equal(error.code, 'P2039');
  const { cause } = error.meta.driverAdapterError;
  assert.equal(cause.code, '53400');
  assert.match(cause.message, message);
  assert.match(cause.detail, detail);
  assert.match(cause.hint, hint);
}

const tooLarge = (column, bytes) => ({
  message: new RegExp(`^snapshot in column "snapshot" of table "${column}" has ${bytes} bytes(, and [0-9,]+ bytes after reduction)?: the maximum is 512,000 bytes$`),
  detail: /^Largest keys: "summary" \(6[0-9]{2},[0-9]{3} bytes\), "basics" \([0-9]+ bytes\)/,
  hint: /^Leave parts of the document out, or .*cvwiz\.add_snapshot_limits\(\)\.$/,
});
// no array that could be cut
const huge = { basics: { name: 'huge' }, summary: 'x'.repeat(600_000) };

check('the column is what this run is about', async () => {
  const [row] = await prisma.$queryRaw`SELECT format_type(atttypid, NULL) AS type FROM pg_attribute
    WHERE attrelid = '"ResumeVersion"'::regclass AND attname = 'snapshot'`;
  assert.equal(row.type, columnType);
});

if (columnType === 'jsonb') {
  check('a document is kept for later', async () => {
    await prisma.resumeVersion.create({ data: { id: 'kept', ...version(resume) } });
    await prisma.sharedResume.create({ data: { id: 'kept', slug: 'kept', versionId: 'kept', snapshot: resume } });
    await prisma.sharedResume.create({ data: { id: 'kept null', slug: 'kept null' } });
  });
} else {
  check('documents from before are the same', async () => {
    assert.deepEqual((await prisma.resumeVersion.findUniqueOrThrow({ where: { id: 'kept' } })).snapshot, resume);
    assert.deepEqual((await prisma.sharedResume.findUniqueOrThrow({ where: { id: 'kept' } })).snapshot, resume);
    assert.equal((await prisma.sharedResume.findUniqueOrThrow({ where: { id: 'kept null' } })).snapshot, null);
  });
}

check('create returns the document', async () => {
  const row = await create(resume);
  assert.deepEqual(row.snapshot, resume);
  assert.deepEqual((await prisma.resumeVersion.findUnique({ where: { id: row.id } })).snapshot, resume);
});

for (const document of ['text "quoted" ü', 12.25, true, false, [], [1, [2, [3, null]]], {}, '']) {
  check(`a document that is ${JSON.stringify(document)}`, async () => {
    const row = await create(document);
    assert.deepEqual(row.snapshot, document);
    assert.deepEqual((await prisma.resumeVersion.findUnique({ where: { id: row.id } })).snapshot, document);
  });
}

check('createMany, createManyAndReturn', async () => {
  assert.deepEqual(await prisma.resumeVersion.createMany({ data: [version(resume, 'a'), version([1], 'b'), version('c', 'c')] }), { count: 3 });
  const rows = await prisma.resumeVersion.createManyAndReturn({ data: [version(resume, 'd'), version({ e: 1 }, 'e')] });
  assert.deepEqual(rows.map((row) => row.snapshot), [resume, { e: 1 }]);
  const all = await prisma.resumeVersion.findMany({ where: { profileId }, orderBy: { name: 'asc' } });
  assert.deepEqual(all.map((row) => row.snapshot), [resume, [1], 'c', resume, { e: 1 }]);
});

check('find: select, orderBy, take, cursor, count, groupBy', async () => {
  for (const name of ['a', 'b', 'c']) await create(named(name), name);
  const last = await prisma.resumeVersion.findFirst({ where: { profileId }, orderBy: { name: 'desc' }, select: { id: true, snapshot: true } });
  assert.deepEqual(last.snapshot, named('c'));
  const before = await prisma.resumeVersion.findMany({ where: { profileId }, orderBy: { name: 'desc' }, cursor: { id: last.id }, skip: 1, take: 1 });
  assert.deepEqual(before.map((row) => row.snapshot), [named('b')]);
  assert.equal(await prisma.resumeVersion.count({ where: { profileId } }), 3);
  const groups = await prisma.resumeVersion.groupBy({ by: ['snapshot'], where: { profileId }, _count: true });
  assert.deepEqual(groups.map((group) => group._count), [1, 1, 1]);
});

check('filter: path and equals', async () => {
  for (const name of ['a', 'b']) await create(named(name), name);
  assert.deepEqual(await find({ path: ['basics', 'name'], equals: 'b' }), ['b']);
  assert.deepEqual(await find({ path: ['basics', 'years'], equals: 12 }), ['a', 'b']);
  assert.deepEqual(await find({ path: ['experiences', '1', 'company'], equals: 'Größe & Söhne' }), ['a', 'b']);
  assert.deepEqual(await find({ path: ['basics', 'photo'], equals: Prisma.JsonNull }), ['a', 'b']);
  assert.deepEqual(await find({ path: ['basics', 'none'], equals: 1 }), []);
  assert.deepEqual(await find({ path: ['basics', 'name'], not: 'b' }), ['a']);
});

check('filter: equals and not, of the whole document', async () => {
  for (const name of ['a', 'b']) await create(named(name), name);
  assert.deepEqual(await find({ equals: named('b') }), ['b']);
  assert.deepEqual(await find({ not: named('b') }), ['a']);
});

check('filter: string_contains, string_starts_with, string_ends_with', async () => {
  for (const name of ['Anna Berg', 'Bert Berg', 'Anna 100%_']) await create(named(name), name);
  const path = ['basics', 'name'];
  assert.deepEqual(await find({ path, string_contains: 'Ber' }), ['Anna Berg', 'Bert Berg']);
  assert.deepEqual(await find({ path, string_contains: '100%' }), ['Anna 100%_']);
  assert.deepEqual(await find({ path, string_starts_with: 'Anna' }), ['Anna 100%_', 'Anna Berg']);
  assert.deepEqual(await find({ path, string_ends_with: 'Berg' }), ['Anna Berg', 'Bert Berg']);
  assert.deepEqual(await find({ path, string_contains: 'BERG', mode: 'insensitive' }), ['Anna Berg', 'Bert Berg']);
});

check('filter: array_contains, array_starts_with, array_ends_with', async () => {
  await create(named('a', { skills: ['C', 'SQL'] }), 'a');
  await create(named('b', { skills: ['SQL', 'Rust'] }), 'b');
  const path = ['skills'];
  assert.deepEqual(await find({ path, array_contains: ['SQL'] }), ['a', 'b']);
  assert.deepEqual(await find({ path, array_contains: ['C', 'SQL'] }), ['a']);
  assert.deepEqual(await find({ path, array_starts_with: 'SQL' }), ['b']);
  assert.deepEqual(await find({ path, array_ends_with: 'SQL' }), ['a']);
});

check('filter: numbers, and AND, OR, NOT', async () => {
  for (const years of [1, 5, 10]) await create({ basics: { years } }, String(years));
  const path = ['basics', 'years'];
  assert.deepEqual(await find({ path, gt: 1 }), ['10', '5']);
  assert.deepEqual(await find({ path, gte: 5, lt: 10 }), ['5']);
  assert.deepEqual(await find({ path, lte: 5 }), ['1', '5']);
  const rows = await prisma.resumeVersion.findMany({
    where: { profileId, OR: [{ snapshot: { path, equals: 1 } }, { snapshot: { path, equals: 10 } }], NOT: { snapshot: { path, equals: 10 } } },
  });
  assert.deepEqual(rows.map((row) => row.name), ['1']);
});

check('update, updateMany, and of another field', async () => {
  const { id } = await create(named('a'));
  assert.deepEqual((await prisma.resumeVersion.update({ where: { id }, data: { snapshot: named('b') } })).snapshot, named('b'));
  assert.deepEqual((await prisma.resumeVersion.update({ where: { id }, data: { name: 'renamed' } })).snapshot, named('b'));
  assert.deepEqual(await prisma.resumeVersion.updateMany({
    where: { profileId, snapshot: { path: ['basics', 'name'], equals: 'b' } }, data: { snapshot: named('c') },
  }), { count: 1 });
  assert.deepEqual((await prisma.resumeVersion.findUnique({ where: { id } })).snapshot, named('c'));
});

check('upsert creates, then updates', async () => {
  const upsert = (name) => prisma.resumeVersion.upsert({
    where: { id: profileId }, create: { id: profileId, ...version(named(name)) }, update: { snapshot: named(name) },
  });
  assert.deepEqual((await upsert('first')).snapshot, named('first'));
  assert.deepEqual((await upsert('second')).snapshot, named('second'));
  assert.equal(await prisma.resumeVersion.count({ where: { profileId } }), 1);
});

check('delete returns the document, deleteMany goes by a filter', async () => {
  const { id } = await create(resume);
  assert.deepEqual((await prisma.resumeVersion.delete({ where: { id } })).snapshot, resume);
  for (const name of ['a', 'b', 'c']) await create(named(name), name);
  assert.deepEqual(await prisma.resumeVersion.deleteMany({
    where: { profileId, snapshot: { path: ['basics', 'name'], string_contains: 'b' } },
  }), { count: 1 });
  assert.deepEqual(await find({ path: ['skills'], array_contains: ['C'] }), ['a', 'c']);
});

check('a nullable column: NULL, JSON null, a document', async () => {
  const slug = (which) => `${profileId} ${which}`;
  await prisma.sharedResume.createMany({ data: [
    { slug: slug('1 none') },
    { slug: slug('2 NULL'), snapshot: Prisma.DbNull },
    { slug: slug('3 null'), snapshot: Prisma.JsonNull },
    { slug: slug('4 document'), snapshot: resume },
  ] });
  const ours = (snapshot) => names({ slug: { startsWith: profileId }, snapshot });
  assert.deepEqual(await ours({ equals: Prisma.DbNull }), [slug('1 none'), slug('2 NULL')]);
  assert.deepEqual(await ours({ equals: Prisma.JsonNull }), [slug('3 null')]);
  assert.deepEqual(await ours({ equals: Prisma.AnyNull }), [slug('1 none'), slug('2 NULL'), slug('3 null')]);
  assert.deepEqual(await ours({ not: Prisma.DbNull }), [slug('3 null'), slug('4 document')]);
  const emptied = await prisma.sharedResume.update({ where: { slug: slug('4 document') }, data: { snapshot: Prisma.DbNull } });
  assert.equal(emptied.snapshot, null);
  assert.equal((await ours({ equals: Prisma.DbNull })).length, 3);
});

for (const relationLoadStrategy of ['query', 'join']) {
  check(`relations, loaded by ${relationLoadStrategy}`, async () => {
    const created = await prisma.resumeVersion.create({
      data: { ...version(resume), shared: { create: [{ slug: `${profileId} 1`, snapshot: named('shared') }, { slug: `${profileId} 2` }] } },
      include: { shared: { orderBy: { slug: 'asc' } } },
    });
    assert.deepEqual(created.shared.map((row) => row.snapshot), [named('shared'), null]);
    const found = await prisma.resumeVersion.findUnique({
      where: { id: created.id }, include: { shared: { orderBy: { slug: 'asc' } } }, relationLoadStrategy,
    });
    assert.deepEqual(found, created);
    const shared = await prisma.sharedResume.findMany({
      where: { version: { snapshot: { path: ['basics', 'name'], equals: resume.basics.name } }, slug: { startsWith: profileId } },
      include: { version: true }, orderBy: { slug: 'asc' }, relationLoadStrategy,
    });
    assert.deepEqual(shared.map((row) => row.version.snapshot), [resume, resume]);
  });
}

check('transactions', async () => {
  await assert.rejects(prisma.$transaction(async (tx) => {
    await tx.resumeVersion.create({ data: version(resume, 'rolled back') });
    throw new Error('no');
  }), /^Error: no$/);
  await prisma.$transaction([
    prisma.resumeVersion.create({ data: version(resume, 'a') }),
    prisma.resumeVersion.updateMany({ where: { profileId }, data: { snapshot: named('b') } }),
  ]);
  assert.deepEqual(await find({ path: ['basics', 'name'], equals: 'b' }), ['a']);
});

check('raw queries', async () => {
  const { id } = await create(resume);
  const [row] = await prisma.$queryRaw`SELECT snapshot, snapshot::jsonb AS document, snapshot->'basics'->>'name' AS name,
    snapshot @> '{"skills": ["C"]}' AS contains, snapshot @? '$.experiences[*] ? (@.id == "e2")' AS matches, cvwiz.snapshot_size(snapshot) AS size
    FROM "ResumeVersion" WHERE id = ${id}`;
  // A type that pg does not know is a string.
  assert.deepEqual(columnType === 'jsonb' ? row.snapshot : JSON.parse(row.snapshot), resume);
  assert.equal(typeof row.snapshot, columnType === 'jsonb' ? 'object' : 'string');
  assert.deepEqual(row.document, resume);
  assert.equal(row.name, resume.basics.name);
  assert.equal(row.contains, true);
  assert.equal(row.matches, true);
  assert.ok(row.size > 300n && row.size < 1000n);
});

check('a document above the warning size comes back reduced', async () => {
  const experiences = Array.from({ length: 400 }, (_, i) => ({ id: `e${i}`, order: i, text: 'y'.repeat(1000) }));
  const row = await create({ ...resume, experiences });
  assert.deepEqual(row.snapshot, { ...resume, experiences: experiences.slice(-100) });
  assert.deepEqual((await prisma.resumeVersion.findUnique({ where: { id: row.id } })).snapshot, row.snapshot);
});

check('an oversized document is refused, with the whole error', async () => {
  const error = tooLarge('ResumeVersion', '600,0[0-9]{2}');
  await refused(create(huge), error);
  await refused(prisma.resumeVersion.createMany({ data: [version(resume), version(huge)] }), error);
  const where = { id: profileId };
  await refused(prisma.resumeVersion.upsert({ where, create: { ...where, ...version(huge) }, update: {} }), error);
  assert.equal(await prisma.resumeVersion.count({ where: { profileId } }), 0);

  await prisma.resumeVersion.create({ data: { ...where, ...version(resume) } });
  await refused(prisma.resumeVersion.update({ where, data: { snapshot: huge } }), error);
  await refused(prisma.resumeVersion.updateMany({ where: { profileId }, data: { snapshot: huge } }), error);
  await refused(prisma.$transaction([
    prisma.resumeVersion.update({ where, data: { snapshot: named('rolled back') } }),
    prisma.resumeVersion.update({ where, data: { snapshot: huge } }),
  ]), error);
  assert.deepEqual((await prisma.resumeVersion.findUnique({ where })).snapshot, resume);
});

check('a table that rejects: the same error, nothing is changed', async () => {
  const slug = profileId;
  await refused(prisma.sharedResume.create({ data: { slug, snapshot: huge } }), tooLarge('SharedResume', '600,0[0-9]{2}'));
  const items = Array.from({ length: 400 }, (_, i) => ({ id: i, text: 'y'.repeat(1000) }));
  const row = await prisma.sharedResume.create({ data: { slug, snapshot: { items } } });
  assert.deepEqual(row.snapshot, { items });
});
