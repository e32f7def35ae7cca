// The application's Prisma client and an audit log that cvwiz partitions and
// purges: the key has "createdAt", the model does not say so.
import assert from 'node:assert/strict';
import { check, event, everything, prisma } from './audit_log.mjs';

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
