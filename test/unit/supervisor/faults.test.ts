import { encode, type Address } from '@baton/protocols';
import { createSupervisor, silentLog } from '@baton/runtime';
import { createBaton } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';
import { createStage, fenceOf } from './world.ts';

const test = suite('supervisor: under faults');

const SEEDS = 25;

/** Two supervisors, one worker that lives, one that dies; everything a supervisor asks may fail, get lost or come late. */
const run = async (seed: number) => {
  const stage = createStage(seed);
  const { clock, world, supervise, worker, submit, claim, tell } = stage;
  const supervisors = [
    await supervise('s1', { reconcileMs: 128_000 }),
    await supervise('s2', { reconcileMs: 128_000 }),
  ];
  await worker('alive');
  const mortal = await worker('mortal');
  await clock.advance(2_000);
  const groups: Record<'kept' | 'orphan' | 'lost' | 'slow', Address[]> = { kept: [], orphan: [], lost: [], slow: [] };
  for (let i = 0; i < 6; i++) {
    groups.kept.push(await submit(`kept${i}`));
    groups.orphan.push(await submit(`orphan${i}`));
    groups.slow.push(await submit(`slow${i}`, { policy: { timeoutMs: 20_000 } }));
  }
  for (const address of groups.kept) await claim(address, 'alive');
  for (const address of groups.orphan) await claim(address, 'mortal');
  for (const address of groups.slow) {
    const fence = fenceOf(await claim(address, 'alive'));
    await tell(address, () => ({ kind: 'make-abortable', at: clock.now(), fence }), 'alive');
  }
  for (const node of ['s1', 's2']) {
    for (const fault of ['lost-request', 'lost-reply', 'refused'] as const) {
      for (const op of ['store.load', 'store.write', 'feed.follow', 'presence.follow'] as const) {
        if (op !== 'store.load' || fault !== 'lost-reply') world.inject({ op, fault, node, probability: 0.1 });
      }
    }
    world.inject({ op: 'store.write', fault: 'late-apply', node, probability: 0.1, delayMs: 3_000 });
    world.inject({ op: 'feed.entry', fault: 'duplicate', node, probability: 0.2 });
    world.inject({ op: 'feed.entry', fault: 'silent', node, probability: 0.02 });
    world.inject({ op: 'presence.seen', fault: 'silent', node, probability: 0.01 });
    for (const fault of ['drop', 'duplicate', 'delay'] as const) {
      world.inject({ op: 'dispatch.deliver', fault, node, probability: 0.1 });
    }
  }
  mortal.crash();
  for (let i = 0; i < 6; i++) groups.lost.push(await submit(`lost${i}`));
  await clock.advance(10_000);
  world.node(seed % 2 === 0 ? 's1' : 's2').disconnect();
  await clock.advance(15_000);
  world.heal();
  await clock.advance(180_000);
  return { stage, supervisors, groups };
};

for (let seed = 1; seed <= SEEDS; seed++) {
  test(`seed ${seed}: the living keep their tasks, the dead lose theirs once, what was lost is found`, async () => {
    const { stage, supervisors, groups } = await run(seed);
    const { record } = stage;
    for (const address of groups.kept) assert.is(record(address).owner?.worker, 'alive');
    for (const address of groups.slow) {
      const { status, abort } = record(address);
      assert.equal([status, abort?.cause], ['aborting', 'timeout']);
      assert.ok((abort?.at ?? 0) - (record(address).startedAt ?? 0) >= 20_000, 'never early');
    }
    for (const address of groups.orphan) {
      assert.equal([record(address).status, record(address).rescues], ['pending', 1]);
    }
    for (const address of [...groups.orphan, ...groups.lost]) {
      assert.ok(stage.offered().includes(record(address).key), `${record(address).key} was not offered`);
    }
    const stats = supervisors.map((supervisor) => supervisor.stats());
    assert.is(stats[0]!.partitions + stats[1]!.partitions, 64);
    assert.is(stats[0]!.tasks + stats[1]!.tasks, 24);
    assert.ok(stats.every(({ ready, load }) => ready && load === 0));
  });
}

test('a supervisor whose lease was refused when it started starts once all the same', async () => {
  const { clock, world } = createStage();
  const ports = world.ports('s1');
  let followed = 0;
  const queues: typeof ports.queues = {
    ...ports.queues,
    follow: (listener) => {
      followed++;
      return ports.queues.follow(listener);
    },
  };
  const supervisor = createSupervisor({ ...ports, queues }, { id: 's1', log: silentLog });
  world.inject({ op: 'presence.hold', fault: 'refused', node: 's1', times: 1 });
  const start = () =>
    supervisor.start().then(
      () => 'started',
      () => 'refused',
    );
  assert.equal([await clock.settle(start()), await clock.settle(start())], ['refused', 'started']);
  await clock.advance(10_000);
  assert.is(followed, 1);
  await clock.settle(supervisor.stop());
});

test('a task that a newer program runs on keeps its slot, and one that is damaged does not', async () => {
  for (const [bytes, offers] of [
    [encode({ v: 99, status: 'in_progress' }), []],
    [Uint8Array.of(1), ['waits']],
  ] as const) {
    const { clock, world, supervise, worker, submit, claim, offered } = createStage();
    const supervisor = await supervise('s1');
    await worker('w1');
    const admin = createBaton({ ports: world.ports('admin'), user: { id: 'root', admin: true } });
    await clock.settle(admin.queues.limit('default', { of: 'queue', concurrency: 1 }));
    await clock.advance(10_000);
    const address = await submit('runs');
    await claim(address, 'w1');
    await submit('waits');
    await clock.advance(5_000);
    assert.equal(offered(), []);
    const revision = world.heads().find((head) => head.address === address)?.revision ?? 0;
    await clock.settle(world.ports('w1').store.write(address, bytes, revision));
    await clock.advance(5_000);
    assert.is(supervisor.stats().unreadable, 1);
    assert.equal(offered(), offers);
  }
});

test('what was read of a task before it ended does not bring it back', async () => {
  const { clock, world, worker, submit, claim, tell } = createStage();
  const ports = world.ports('s1');
  let isHeld = false;
  let letGo: () => void = () => {};
  // An answer that comes when it is let go.
  const load: typeof ports.store.load = async (address, outcomeOf) => {
    const answer = await ports.store.load(address, outcomeOf);
    if (isHeld) await new Promise<void>((resolve) => (letGo = resolve));
    return answer;
  };
  const supervisor = createSupervisor({ ...ports, store: { ...ports.store, load } }, { id: 's1', log: silentLog });
  await clock.settle(supervisor.start());
  await worker('w1');
  await clock.advance(1_000);
  const address = await submit('a', { policy: { timeoutMs: 1_000 } });
  const fence = fenceOf(await claim(address, 'w1'));
  await clock.advance(500);
  // The worker is timely, and the supervisor has not heard of it when it looks.
  const late = world.inject({ op: 'feed.entry', fault: 'delay', node: 's1', delayMs: 1_000 });
  await tell(address, () => ({ kind: 'time-out', at: clock.now(), by: 'worker:w1', fence }), 'w1');
  isHeld = true;
  await clock.advance(1_000);
  late.remove();
  const body = { kind: 'returned' } as const;
  await tell(
    address,
    () => ({ kind: 'finish', at: clock.now(), fence, body, handlerErrors: [], abortHandled: false, random: 0 }),
    'w1',
  );
  await clock.advance(2_000);
  assert.equal([supervisor.stats().tasks, supervisor.stats().load], [0, 1], 'its answer has not come');
  isHeld = false;
  letGo();
  await clock.advance(5_000);
  assert.equal([supervisor.stats().tasks, supervisor.stats().load], [0, 0]);
});

test.run();
