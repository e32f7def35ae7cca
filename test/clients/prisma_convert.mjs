// The same client code on a plain table as Prisma makes it, while cvwiz converts it
// to monthly partitions, after that, and after the undo.
import assert from 'node:assert/strict';
import { check, event, everything, prisma } from './audit_log.mjs';

const kind = async () => (await prisma.$queryRaw`SELECT relkind::text FROM pg_class WHERE oid = 'audit_logs'::regclass`)[0].relkind;
const call = (procedure) => prisma.$executeRawUnsafe(`CALL cvwiz.${procedure}`);

// Creates and reads one after another until the work is done.
async function beside(work) {
  let done = false;
  let created = 0;
  const before = await prisma.auditLog.count({ where: { userId: 'beside' } });
  const client = async () => {
    while (!done) {
      const row = await prisma.auditLog.create({ data: event(created % 60, { userId: 'beside' }) });
      created += 1;
      assert.deepEqual(await prisma.auditLog.findUnique({ where: { id: row.id } }), row);
    }
  };
  const clients = [client(), client(), client()];
  try {
    await work();
  } finally {
    done = true;
    await Promise.all(clients);
  }
  assert.ok(created > 0);
  assert.equal(await prisma.auditLog.count({ where: { userId: 'beside' } }), before + created);
}

const upsert = (update) => prisma.auditLog.upsert({ where: { id: 'same' }, create: event(2, { id: 'same' }), update });

check('before', async () => {
  assert.equal(await kind(), 'r');
  await prisma.auditLog.createMany({ data: Array.from({ length: 20000 }, (_, n) => event(n % 200, { userId: `user ${n % 50}` })) });
  await everything('before');
});

check('beside CALL cvwiz.partition_by_month()', () => beside(() => call("partition_by_month('audit_logs', 'createdAt', 90)")));

check('the same after it', async () => {
  assert.equal(await kind(), 'p');
  assert.equal(await prisma.auditLog.count({ where: { userId: { startsWith: 'user ' } } }), 20000);
  await everything('after');
});

check('a run removes what has expired from the table as it was', async () => {
  await call("run_retention('audit_logs')");
  assert.equal(await prisma.auditLog.count({ where: { userId: { startsWith: 'user ' } } }), 9000);
  await everything('after a run');
});

check('what the documentation says of upserts', async () => {
  const error = await upsert({ requestId: 'again' }).then(() => null, (e) => e);
  assert.equal(error?.meta.driverAdapterError.cause.code, '42P10');
});

check('beside CALL cvwiz.undo_partition_by_month()', () => beside(() => call("undo_partition_by_month('audit_logs')")));

check('the same after the undo', async () => {
  assert.equal(await kind(), 'r');
  await everything('undone');
  assert.equal((await upsert({ requestId: 'again' })).requestId, null);
  assert.equal((await upsert({ requestId: 'again' })).requestId, 'again');
});
