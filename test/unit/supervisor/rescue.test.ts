import type { Address } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';
import { createStage, fenceOf, type Stage } from './world.ts';

const test = suite('supervisor: rescue');

/** Virtual time until the assertion holds, at most `limitMs`. */
const until = async ({ clock }: Stage, limitMs: number, holds: () => boolean): Promise<number> => {
  const start = clock.monotonic();
  while (!holds()) {
    if (clock.monotonic() - start > limitMs) throw new Error(`not within ${limitMs} ms`);
    await clock.advance(50);
  }
  return clock.monotonic() - start;
};

test('R3: the tasks of a killed worker wait for another one within 8 s, offered', async () => {
  const stage = createStage();
  const { clock, supervise, worker, submit, claim, record, offered } = stage;
  const supervisor = await supervise('s1');
  const node = await worker('w1');
  await clock.advance(3_000);
  const addresses: Address[] = [];
  for (let i = 0; i < 200; i++) addresses.push(await submit(`k${i}`));
  for (const address of addresses) await claim(address, 'w1');
  await clock.advance(500);
  node.crash();
  const tookMs = await until(
    stage,
    8_000,
    () => addresses.every((a) => record(a).status === 'pending') && offered().length === 200,
  );
  assert.ok(tookMs > 4_000, `only ${tookMs} ms: its lease was not over`);
  assert.ok(addresses.every((a) => record(a).rescues === 1));
  await clock.advance(1_000);
  assert.is(supervisor.stats().actions.rescue.settled, 200);
  assert.is(supervisor.stats().restarts.records, 0);
});

test('R3: within 16 s when the supervisor died too, and within 8 s of the start of the first one', async () => {
  const stage = createStage();
  const { clock, world, supervise, worker, submit, claim, record } = stage;
  await supervise('s1');
  await supervise('s2');
  const node = await worker('w1');
  await clock.advance(3_000);
  const addresses: Address[] = [];
  for (let i = 0; i < 50; i++) addresses.push(await submit(`k${i}`));
  for (const address of addresses) await claim(address, 'w1');
  await clock.advance(500);
  node.crash();
  world.node('s1').crash();
  await until(stage, 16_000, () => addresses.every((a) => record(a).status === 'pending'));

  world.node('s2').crash();
  const second = await worker('w2');
  for (const address of addresses) await claim(address, 'w2');
  second.crash();
  await clock.advance(60_000);
  assert.ok(addresses.every((a) => record(a).status === 'in_progress'));
  await supervise('s3');
  await until(stage, 8_000, () => addresses.every((a) => record(a).status === 'pending'));
});

test('a worker that left is waited for no longer', async () => {
  const stage = createStage();
  const { clock, world, supervise, submit, claim, record } = stage;
  await supervise('s1');
  const { ports } = world.node('w1');
  const info = { role: 'worker', id: 'w1', host: 'h', pid: 1, startedAt: 0, state: 'ready' } as const;
  const lease = await clock.settle(ports.presence.hold(info, { lost: () => {}, regained: () => {} }));
  await clock.advance(1_000);
  const address = await submit('a');
  await claim(address, 'w1');
  await clock.advance(500);
  await clock.settle(lease.release());
  await until(stage, 500, () => record(address).status === 'pending');
  await claim(address, 'w1');
  await until(stage, 500, () => record(address).rescues === 2);
});

test('a live worker keeps its tasks: no false rescue in ten minutes', async () => {
  const { clock, supervise, worker, submit, claim, record } = createStage();
  const supervisor = await supervise('s1');
  await worker('w1');
  const address = await submit('a');
  await claim(address, 'w1');
  await clock.advance(600_000);
  assert.is(record(address).status, 'in_progress');
  assert.is(supervisor.stats().actions.rescue.settled, 0);
  assert.equal(supervisor.stats().restarts, { records: 0, nodes: 0 });
});

for (const [what, pauseMs] of [
  ['cut off', 20_000],
  ['frozen', 20_000],
  ['blocked', 20_000],
] as const) {
  test(`a supervisor that was ${what} for ${pauseMs / 1_000} s rescues nobody who lives`, async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const { clock, world, supervise, worker, submit, claim, record } = createStage(seed);
      const supervisor = await supervise('s1');
      await worker('w1');
      const address = await submit('a');
      await claim(address, 'w1');
      await clock.advance(3_000);
      const node = world.node('s1');
      if (what === 'cut off') node.disconnect();
      else if (what === 'frozen') node.freeze();
      else node.block();
      await clock.advance(pauseMs);
      if (what === 'cut off') node.reconnect();
      else node.resume();
      await clock.advance(30_000);
      assert.is(record(address).status, 'in_progress', `seed ${seed}`);
      assert.ok(supervisor.stats().ready, `seed ${seed}: it works again`);
      assert.is(supervisor.stats().actions.rescue.settled, 0, `seed ${seed}`);
    }
  });
}

test('after the server was away, a worker that died meanwhile is rescued within 10 s of its return', async () => {
  const stage = createStage();
  const { clock, world, supervise, worker, submit, claim, record } = stage;
  await supervise('s1');
  const node = await worker('w1');
  const address = await submit('a');
  await claim(address, 'w1');
  await clock.advance(3_000);
  world.node('s1').disconnect();
  node.crash();
  await clock.advance(300_000);
  world.node('s1').reconnect();
  await until(stage, 10_000, () => record(address).status === 'pending');
});

for (const outageMs of [10_000, 60_000, 180_000])
  test(`R8: when the store was away for ${outageMs / 1_000} s, the tasks of a dead worker are taken within 10 s`, async () => {
    const stage = createStage();
    const { clock, world, supervise, worker, submit, claim, record } = stage;
    await supervise('s1');
    const node = await worker('w1');
    const addresses: Address[] = [];
    for (let i = 0; i < 20; i++) addresses.push(await submit(`k${i}`));
    for (const address of addresses) await claim(address, 'w1');
    await clock.advance(3_000);
    node.crash();
    // There is no leader: the connection stands, and leases are seen.
    const faults = (['store.load', 'store.write'] as const).map((op) => world.inject({ op, fault: 'refused' }));
    await clock.advance(outageMs);
    for (const fault of faults) fault.remove();
    await until(stage, 10_000, () => addresses.every((address) => record(address).rescues === 1));
  });

test('R8: that the store was away is no look for a worker that can cancel', async () => {
  const stage = createStage(1, { onlooker: false });
  const { clock, world, supervise, worker, submit, claim, tell, record } = stage;
  await supervise('s1');
  const node = await worker('w1');
  const unable = { role: 'worker', id: 'w2', host: 'h', pid: 1, startedAt: 0, state: 'ready', types: ['job'] } as const;
  await clock.settle(world.ports('w2').presence.hold(unable, { lost: () => {}, regained: () => {} }));
  const address = await submit('a');
  const fence = fenceOf(await claim(address, 'w1'));
  await tell(address, () => ({ kind: 'set-cancel-handle', at: clock.now(), fence, data: new Uint8Array(1) }), 'w1');
  node.crash();
  const fault = world.inject({ op: 'store.load', fault: 'refused' });
  await clock.advance(120_000);
  fault.remove();
  await clock.advance(30_000);
  assert.is(record(address).status, 'in_progress', 'it may be on its way in a deploy');
  const tookMs = await until(stage, 180_000, () => record(address).status === 'pending');
  assert.ok(tookMs > 10_000, 'not for ever');
});

test('R4: a zombie finds its task taken, and is not rescued from when it is back', async () => {
  const stage = createStage();
  const { clock, supervise, worker, submit, claim, tell, record } = stage;
  await supervise('s1');
  const node = await worker('w1');
  await worker('w2');
  const address = await submit('a');
  const fence = fenceOf(await claim(address, 'w1'));
  await clock.advance(1_000);
  node.freeze();
  await until(stage, 8_000, () => record(address).status === 'pending');
  await claim(address, 'w2');
  node.resume();
  const late = await tell(address, () => ({ kind: 'progress', at: clock.now(), fence, progress: { count: 1 } }), 'w1');
  assert.is(late.kind, 'refused');
  const again = await submit('b');
  await clock.advance(3_000);
  await claim(again, 'w1');
  await clock.advance(20_000);
  assert.is(record(again).owner?.worker, 'w1');
  assert.is(record(address).owner?.worker, 'w2');
});

/** Two supervisors hold `w1` dead. One is cut off, `w1` comes back, and tasks are claimed, by `w1` and by `w2`. */
const whileAway = async (stage: Stage, awayMs = 2_000) => {
  const { clock, world, supervise, worker, submit, claim } = stage;
  const away = await supervise('s1');
  await supervise('s2');
  const [back, dead] = [await worker('w1'), await worker('w2')];
  await clock.advance(3_000);
  back.freeze();
  dead.crash();
  await clock.advance(9_000);
  world.node('s1').disconnect();
  back.resume();
  await clock.advance(awayMs);
  const addresses: Address[] = [];
  for (let i = 0; i < 40; i++) addresses.push(await submit(`k${i}`));
  const [kept, lost] = [addresses.slice(20), addresses.slice(0, 20)];
  for (const address of kept) await claim(address, 'w1');
  for (const address of lost) await claim(address, 'w2');
  // The reader of the records is open before the watch of the nodes.
  world.inject({ op: 'presence.follow', fault: 'delay', node: 's1', delayMs: 700 });
  return { away, kept, lost };
};

test('a supervisor that comes back rescues nobody who came back while it was away', async () => {
  const stage = createStage();
  const { clock, world, record } = stage;
  const { away, kept } = await whileAway(stage);
  world.node('s1').reconnect();
  await clock.advance(20_000);
  assert.ok(away.stats().partitions > 0 && away.stats().ready, 'it works again');
  for (const address of kept) assert.equal([record(address).owner?.worker, record(address).rescues], ['w1', undefined]);
});

test('and whoever did not come back it has not forgotten', async () => {
  const stage = createStage();
  const { world, record } = stage;
  // The server has forgotten the lease of the dead one.
  const { lost } = await whileAway(stage, 70_000);
  world.node('s2').crash();
  world.node('s1').reconnect();
  await until(stage, 4_000, () => lost.every((address) => record(address).rescues === 1));
});

test('the claim of a worker that is back may be seen before its lease', async () => {
  const stage = createStage();
  const { clock, world, supervise, worker, submit, claim, record } = stage;
  await supervise('s1');
  const node = await worker('w1');
  await clock.advance(3_000);
  node.freeze();
  await clock.advance(9_000);
  const address = await submit('a');
  const late = world.inject({ op: 'presence.seen', fault: 'delay', node: 's1', delayMs: 1_000 });
  node.resume();
  await claim(address, 'w1');
  await clock.advance(1_500);
  late.remove();
  await clock.advance(20_000);
  assert.equal([record(address).owner?.worker, record(address).rescues], ['w1', undefined]);
});

test('L11: a task that was being aborted ends when its worker dies', async () => {
  const stage = createStage();
  const { clock, supervise, worker, submit, claim, tell, record } = stage;
  await supervise('s1');
  const node = await worker('w1');
  await clock.advance(1_000);
  const address = await submit('a');
  const fence = fenceOf(await claim(address, 'w1'));
  await tell(address, () => ({ kind: 'make-abortable', at: clock.now(), fence }), 'w1');
  const actor = { user: 'alice', admin: false };
  await tell(address, ({ id }) => ({ kind: 'cancel', at: clock.now(), actor, id, force: false }));
  node.crash();
  await until(stage, 8_000, () => record(address).status === 'aborted');
  assert.match(record(address).history.at(-1)?.why ?? '', /handlers may not have finished/);
});

test('an inline call whose process died is run by whoever serves its type', async () => {
  const stage = createStage();
  const { clock, supervise, worker, submit, record, offered } = stage;
  await supervise('s1');
  const node = await worker('h1');
  await clock.advance(1_000);
  const address = await submit('a', { host: 'h1' });
  await clock.advance(10_000);
  assert.equal(offered(), [], 'its host runs it');
  node.crash();
  await until(stage, 8_000, () => offered().length === 1);
  assert.is(record(address).host, undefined);
});

test('a rescue whose answer was lost happens once', async () => {
  const stage = createStage(3);
  const { clock, world, supervise, worker, submit, claim, record } = stage;
  await supervise('s1');
  const node = await worker('w1');
  await clock.advance(1_000);
  const address = await submit('a');
  await claim(address, 'w1');
  await clock.advance(500);
  const fault = world.inject({ op: 'store.write', fault: 'lost-reply', node: 's1', times: 1 });
  node.crash();
  await until(stage, 20_000, () => record(address).status === 'pending');
  await clock.advance(20_000);
  assert.is(fault.hits(), 1);
  assert.is(record(address).rescues, 1);
});

test('two supervisors at once rescue a task once', async () => {
  const stage = createStage(4);
  const { clock, supervise, worker, submit, claim, record } = stage;
  const first = await supervise('s1', { intakeMs: 50, scanMs: 2 });
  const node = await worker('w1');
  // Under one name neither knows of the other: both own everything.
  const second = await supervise('s2', { intakeMs: 50, scanMs: 2 }, 's1');
  await clock.advance(1_000);
  const addresses: Address[] = [];
  for (let i = 0; i < 20; i++) addresses.push(await submit(`k${i}`));
  for (const address of addresses) await claim(address, 'w1');
  await clock.advance(500);
  node.crash();
  await until(stage, 9_000, () => addresses.every((a) => record(a).status === 'pending'));
  await clock.advance(2_000);
  assert.ok(addresses.every((a) => record(a).rescues === 1));
  for (const { stats } of [first, second]) {
    assert.is(stats().partitions, 64);
    assert.ok(stats().actions.rescue.settled > 0, 'both have tried');
  }
  assert.ok(first.stats().actions.rescue.settled + second.stats().actions.rescue.settled > 20, 'some of them at once');
});

test.run();
