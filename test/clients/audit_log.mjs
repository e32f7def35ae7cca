// What both tests of the audit log do with it through the application's Prisma
// client, whatever kind of table it is.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { PrismaPg } from '@prisma/adapter-pg';
import client from '@prisma/client';

const connection = { host: process.env.PGHOST, port: Number(process.env.PGPORT), user: process.env.PGUSER, database: process.env.PGDATABASE };
export const prisma = new client.PrismaClient({ adapter: new PrismaPg(connection) });
after(() => prisma.$disconnect());

const day = 24 * 60 * 60 * 1000;
const now = Date.now();
export const daysAgo = (days) => new Date(now - days * day);
export const event = (days, rest) => ({ action: 'update', entityType: 'resume', createdAt: daysAgo(days), newValues: { days }, ...rest });
export const check = (name, body) => test(`Prisma, audit_logs: ${name}`, body);

export async function everything(stage) {
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
