import { encode, type Address } from '@baton/protocols';
import { createBaton } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';
import { addressFor, createStage, fenceOf, LANE, type Stage, until } from './world.ts';

const test = suite('supervisor: offers, ownership, readers');

test('a task is offered when its record is there, whoever wrote it', async () => {
  const stage = createStage();
  const { clock, supervise, submit, offered } = stage;
  await supervise('s1');
  await clock.advance(1_000);
  await submit('a');
  await until(stage, 100, () => offered().length === 1);
});

test('X1 tasks of one key one after the other, each of which runs for a moment: each is offered at once', async () => {
  const stage = createStage();
  const { clock, supervise, submit, claim, tell, offers } = stage;
  await supervise('s1');
  await clock.advance(1_000);
  for (let n = 1; n <= 5; n++) {
    const before = offers.length;
    const address = await submit('a');
    await until(stage, 100, () => offers.length > before);
    const fence = fenceOf(await claim(address, 'w1'));
    const body = { kind: 'returned' } as const;
    const at = clock.now();
    await tell(
      address,
      () => ({ kind: 'finish', at, fence, body, handlerErrors: [], abortHandled: false, random: 0 }),
      'w1',
    );
  }
});

test('what waits is known by line, and whether it is served', async () => {
  for (const served of [false, true]) {
    const { clock, supervise, submit } = createStage(1, { onlooker: served });
    const supervisor = await supervise('s1');
    await clock.advance(1_000);
    for (let i = 0; i < 10; i++) await submit(`k${i}`);
    await clock.advance(1_000);
    assert.equal(supervisor.waiting(), [{ lane: LANE, tasks: 10, served }]);
  }
});

test('a worker without a lease serves nothing for longer than one, and nothing again until it is seen', async () => {
  const { clock, world, supervise } = createStage(1, { onlooker: false });
  const supervisor = await supervise('s1');
  await clock.advance(1_000);
  const { dispatch, presence } = world.ports('w');
  let sessions = 0;
  const isTaken = async (): Promise<boolean | undefined> => {
    const credit = { queue: 'default', worker: 'w', session: `s${++sessions}`, turn: 1, types: ['job'], limit: 1 };
    const reply = await clock.settle(dispatch.credit({ ...credit, returned: [] }, undefined, 1_000));
    return reply.kind === 'answered' ? reply.answer.hosts : undefined;
  };
  const workers = (): number => supervisor.stats().queues.reduce((sum, queue) => sum + queue.workers, 0);
  assert.is(await isTaken(), true, 'its lease may be on its way');
  assert.is(workers(), 1);
  await clock.advance(20_000);
  assert.is(workers(), 0);
  assert.is(await isTaken(), false);
  assert.is(workers(), 0);
  const info = { role: 'worker', id: 'w', host: 'h', pid: 1, startedAt: clock.now(), state: 'ready' } as const;
  await clock.settle(presence.hold(info, { lost: () => {}, regained: () => {} }));
  await clock.advance(1_000);
  assert.is(await isTaken(), true);
  await clock.advance(20_000);
  assert.is(workers(), 1);
});

test('D5: the successor of a task that has ended is started and offered when nobody else does', async () => {
  const stage = createStage();
  const { clock, supervise, worker, submit, claim, tell, record, offered } = stage;
  await supervise('s1');
  await worker('w1');
  const address = await submit('a');
  const first = await claim(address, 'w1');
  const fence = fenceOf(first);
  await tell(address, () => ({ kind: 'make-abortable', at: clock.now(), fence }), 'w1');
  const actor = { user: 'alice', admin: false };
  await tell(address, ({ id }) => ({ kind: 'cancel', at: clock.now(), actor, id, force: false }));
  await submit('a');
  const at = clock.now();
  await tell(
    address,
    () => ({ kind: 'finish', at, fence, body: { kind: 'returned' }, handlerErrors: [], abortHandled: true, random: 0 }),
    'w1',
  );
  assert.is(record(address).status, 'aborted');
  await until(stage, 3_000, () => offered().length === 1);
  assert.is(record(address).status, 'pending');
  assert.is.not(record(address).id, first.id);
});

test('supervisors share the partitions, and take over those of one that dies or stops', async () => {
  const { clock, world, supervise } = createStage();
  const [a, b, c] = [await supervise('s1'), await supervise('s2'), await supervise('s3')];
  await clock.advance(2_000);
  const shares = () => [a, b, c].map((s) => s.stats().partitions);
  assert.is(
    shares().reduce((sum, n) => sum + n),
    64,
  );
  assert.ok(
    shares().every((n) => n > 8 && n < 40),
    shares().join(),
  );
  await clock.settle(c.stop());
  await clock.advance(1_000);
  assert.is(a.stats().partitions + b.stats().partitions, 64);
  world.node('s2').crash();
  await clock.advance(7_000);
  assert.is(a.stats().partitions, 64);
  assert.ok(a.stats().ready);
});

test('tasks of partitions that went to another supervisor are not kept', async () => {
  const { clock, supervise, submit } = createStage();
  const a = await supervise('s1');
  for (let i = 0; i < 100; i++) await submit(`k${i}`);
  await clock.advance(1_000);
  assert.is(a.stats().tasks, 100);
  const b = await supervise('s2');
  await clock.advance(2_000);
  assert.is(a.stats().tasks + b.stats().tasks, 100);
  assert.ok(b.stats().tasks > 10);
});

/** Stores bytes at an address of our own making, as a program of another version would. */
const storeRaw = async ({ world, clock }: Stage, address: Address, bytes: Uint8Array): Promise<void> => {
  const result = await clock.settle(world.ports('other').store.write(address, bytes, 0));
  assert.is(result.kind, 'written');
};

test('X10: records it cannot read are left alone, counted, and hinder nothing', async () => {
  const stage = createStage();
  const { clock, world, supervise, submit, offered } = stage;
  const supervisor = await supervise('s1');
  await clock.advance(1_000);
  await storeRaw(stage, addressFor('newer'), encode({ v: 99, status: 'pending' }));
  await storeRaw(stage, addressFor('corrupt'), Uint8Array.of(0xc1));
  await submit('good');
  await until(stage, 8_000, () => offered().length === 1);
  await clock.advance(60_000);
  assert.is(supervisor.stats().unreadable, 2);
  assert.is(world.history().length, 3);
});

test('a reader that went silent is found out by an own write that does not come back', async () => {
  const stage = createStage();
  const { clock, world, supervise, submit, worker, claim, record } = stage;
  const supervisor = await supervise('s1', { reconcileMs: 36_000_000 });
  const node = await worker('w1');
  const address = await submit('a');
  await claim(address, 'w1');
  await clock.advance(1_000);
  const fault = world.inject({ op: 'feed.entry', fault: 'silent', node: 's1', times: 1 });
  node.crash();
  await until(stage, 8_000, () => record(address).status === 'pending');
  assert.is(fault.hits(), 1);
  await until(stage, 10_000, () => supervisor.stats().restarts.records === 1 && supervisor.stats().ready);
  await submit('b');
  await until(stage, 1_000, () => supervisor.stats().tasks === 2);
});

test('a reader that went silent is found out by the probe of a partition, and what it missed is made up for', async () => {
  const stage = createStage();
  const { clock, world, supervise, submit, offered } = stage;
  const supervisor = await supervise('s1', { reconcileMs: 64_000 });
  await clock.advance(2_000);
  const fault = world.inject({ op: 'feed.entry', fault: 'silent', node: 's1', times: 1 });
  for (let i = 0; i < 20; i++) await submit(`k${i}`);
  await clock.advance(100);
  assert.is(fault.hits(), 1);
  await until(stage, 120_000, () => offered().length === 20);
  assert.is(supervisor.stats().restarts.records, 1);
});

test('probes of a healthy, busy system find nothing', async () => {
  const { clock, supervise, submit } = createStage();
  const supervisor = await supervise('s1', { reconcileMs: 64_000 });
  for (let i = 0; i < 300; i++) {
    await submit(`k${i % 100}`);
    await clock.advance(400);
  }
  assert.is(supervisor.stats().restarts.records, 0);
});

test('a watch of the nodes that went silent is opened again, and nobody is called dead for it', async () => {
  for (const apartMs of [300, 700, 1_300, 1_900]) {
    const { clock, world, supervise, worker, submit, claim, record } = createStage();
    const supervisor = await supervise('s1');
    // The worker is last heard of well before this supervisor's own lease is.
    await clock.advance(apartMs);
    await worker('w1');
    const address = await submit('a');
    await claim(address, 'w1');
    await clock.advance(3_900);
    const fault = world.inject({ op: 'presence.seen', fault: 'silent', node: 's1', times: 1 });
    await clock.advance(60_000);
    assert.is(fault.hits(), 1);
    assert.is(supervisor.stats().restarts.nodes, 1);
    assert.equal([record(address).status, record(address).rescues], ['in_progress', undefined], `${apartMs} ms apart`);
  }
});

test('a bucket that was made anew leaves no task of the old one behind', async () => {
  const { clock, world, supervise, submit } = createStage();
  const supervisor = await supervise('s1');
  for (let i = 0; i < 5; i++) await submit(`k${i}`);
  await clock.advance(1_000);
  world.recreateBucket();
  await clock.advance(5_000);
  assert.is(supervisor.stats().tasks, 0);
  assert.ok(supervisor.stats().ready);
});

test('start and stop may be called again; a stopped one does nothing more', async () => {
  const { clock, supervise, submit, offered } = createStage();
  const supervisor = await supervise('s1');
  await clock.settle(supervisor.start());
  await clock.advance(1_000);
  await clock.settle(Promise.all([supervisor.stop(), supervisor.stop()]));
  await submit('a');
  await clock.advance(60_000);
  assert.equal(offered(), []);
});

test('of a task of short life the version that waits is decoded and no other', async () => {
  const { clock, supervise, submit, claim, tell } = createStage();
  const supervisor = await supervise('s1', { intakeMs: 1_000 });
  await clock.advance(5_000);
  const address = await submit('a');
  const fence = fenceOf(await claim(address, 'w1'));
  const at = clock.now();
  await tell(
    address,
    () => ({
      kind: 'finish',
      at,
      fence,
      body: { kind: 'returned' },
      handlerErrors: [],
      abortHandled: false,
      random: 0,
    }),
    'w1',
  );
  await clock.advance(2_000);
  assert.equal(supervisor.stats().entries, { taken: 3, decoded: 1 });
});

test('Q5 the same where slots are counted, and the slot of one that has ended is free at once', async () => {
  const stage = createStage();
  const { clock, world, supervise, submit, claim, tell, offered } = stage;
  const admin = createBaton({ ports: world.ports('admin'), user: { id: 'root', admin: true } });
  await clock.settle(admin.queues.limit('default', { of: 'queue', concurrency: 1 }));
  const supervisor = await supervise('s1', { intakeMs: 1_000 });
  await clock.advance(5_000);
  const address = await submit('a');
  await submit('b');
  await until(stage, 100, () => offered().includes('a'));
  const fence = fenceOf(await claim(address, 'w1'));
  await clock.advance(300);
  assert.equal(offered(), []);
  const at = clock.now();
  const body = { kind: 'returned' } as const;
  await tell(
    address,
    () => ({ kind: 'finish', at, fence, body, handlerErrors: [], abortHandled: false, random: 0 }),
    'w1',
  );
  await until(stage, 100, () => offered().includes('b'));
  await clock.advance(2_000);
  assert.equal(supervisor.stats().entries, { taken: 4, decoded: 2 });
});

test.run();
