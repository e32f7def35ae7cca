// The application's Prisma client and an audit log that cvwiz partitions and
// purges: the key has "createdAt", the model does not say so.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { PrismaPg } from '@prisma/adapter-pg';
import client from '@prisma/client';

const connection = { host: process.env.PGHOST, port: Number(process.env.PGPORT), user: process.env.PGUSER, database: process.env.PGDATABASE };
const prisma = new client.PrismaClient({ adapter: new PrismaPg(connection) });
after(() => prisma.$disconnect());

const day = 24 * 60 * 60 * 1000;
const now = Date.now();
const daysAgo = (days) => new Date(now - days * day);
const event = (days, rest) => ({ action: 'update', entityType: 'resume', createdAt: daysAgo(days), newValues: { days }, ...rest });
const check = (name, body) => test(`Prisma, audit_logs: ${name}`, body);

async function everything(stage) {
  const created = await prisma.auditLog.create({ data: { action: 'login', entityType: 'user', userId: stage, oldValues: { a: [1, null] } } });
  assert.deepEqual(created.oldValues, { a: [1, null] });
  assert.equal(created.newValues, null);
  assert.ok(Math.abs(created.createdAt - Date.now()) < day / 24, 'the time is UTC');
  assert.deepEqual(await prisma.auditLog.findUnique({ where: { id: created.id } }), created);

  assert.deepEqual(await prisma.auditLog.createMany({ data: [1, 20, 40].map((days) => event(days, { userId: stage })) }), { count: 3 });
  const found = await prisma.auditLog.findMany({
    where: { userId: stage, createdAt: { lt: daysAgo(10) }, newValues: { path: ['days'], gt: 20 } }, orderBy: { createdAt: 'desc' },
  });
  assert.deepEqual(found.map((row) => row.newValues), [{ days: 40 }]);
  assert.deepEqual(found[0].createdAt, daysAgo(40));

  const updated = await prisma.auditLog.update({ where: { id: created.id }, data: { requestId: 'r' } });
  assert.deepEqual(updated, { ...created, requestId: 'r' });
  // where and create of an upsert must not name the same id: see below
  const upsert = (id) => prisma.auditLog.upsert({ where: { id }, create: event(2, { userId: `${stage} upsert` }), update: { requestId: 'again' } });
  const { id, requestId } = await upsert('none');
  assert.equal(requestId, null);
  assert.equal((await upsert(id)).requestId, 'again');
  assert.equal((await prisma.auditLog.delete({ where: { id } })).id, id);

  assert.deepEqual(await prisma.auditLog.deleteMany({ where: { userId: stage, createdAt: { lt: daysAgo(10) } } }), { count: 2 });
  assert.equal(await prisma.auditLog.count({ where: { userId: stage } }), 2);
}

const partitions = async () => Number((await prisma.$queryRaw`SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_logs'::regclass`)[0].count);

check('create, createMany, find, update, upsert, delete before any run', () => everything('before'));

check('CALL cvwiz.run_retention() by the application removes what has expired, and only that', async () => {
  const ages = Array.from({ length: 230 }, (_, days) => days);
  await prisma.auditLog.createMany({ data: ages.map((days) => event(days, { userId: 'aged' })) });
  const before = await partitions();
  await prisma.$executeRawUnsafe("CALL cvwiz.run_retention('audit_logs')");

  const rows = await prisma.auditLog.findMany({ where: { userId: 'aged' }, orderBy: { createdAt: 'desc' } });
  // the one of 90 days is older than the cutoff by as long as this took
  assert.deepEqual(rows.map((row) => row.newValues.days), ages.slice(0, 90));
  const [run] = await prisma.$queryRaw`SELECT success, residue, deleted_count FROM cvwiz.retention_runs ORDER BY started_at DESC LIMIT 1`;
  assert.deepEqual(run, { success: true, residue: 0n, deleted_count: 140n });
  // older months are gone, three later ones are there
  assert.ok(await partitions() < before + 3);
});

check('the same after it', () => everything('after'));

check('another run finds nothing to remove', async () => {
  const before = await prisma.auditLog.count();
  await prisma.$executeRawUnsafe('CALL cvwiz.run_retention()');
  assert.equal(await prisma.auditLog.count(), before);
});

// Prisma makes INSERT ... ON CONFLICT (id) of such an upsert, and a partitioned
// table's key has "createdAt" too.
check('an upsert that names the id twice is refused', async () => {
  const upsert = prisma.auditLog.upsert({ where: { id: 'same' }, create: event(2, { id: 'same' }), update: { requestId: 'again' } });
  const error = await upsert.then(() => null, (e) => e);
  assert.equal(error?.code, 'P2039');
  assert.equal(error.meta.driverAdapterError.cause.code, '42P10');
});

check('what comes after the last partition is an error that says so', async () => {
  const error = await prisma.auditLog.create({ data: event(-3650) }).then(() => null, (e) => e);
  assert.match(String(error), /no partition of relation "audit_logs" found for row/);
});
