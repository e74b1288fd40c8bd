import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';
import { createStage, fenceOf } from './world.ts';

const test = suite('supervisor: timeouts and aborts');

test('T4: a timeout is kept although the worker does nothing, never early and at most 250 ms late', async () => {
  const { clock, world, supervise, worker, submit, claim, tell, record } = createStage();
  await supervise('s1');
  const { ports } = await worker('w1');
  await clock.advance(1_000);
  const address = await submit('a', { policy: { timeoutMs: 3_000 } });
  const fence = fenceOf(await claim(address, 'w1'));
  const claimedAt = clock.monotonic();
  const pokes: number[] = [];
  ports.signals.onPoke('w1', () => pokes.push(clock.monotonic()));
  await tell(address, () => ({ kind: 'make-abortable', at: clock.now(), fence }), 'w1');
  let abortedAt = 0;
  world.onWrite(() => {
    if (abortedAt === 0 && record(address).status === 'aborting') abortedAt = clock.monotonic();
  });
  await clock.advance(2_999 - (clock.monotonic() - claimedAt));
  assert.is(record(address).status, 'in_progress');
  await clock.advance(251);
  assert.is(record(address).status, 'aborting');
  assert.is(record(address).abort?.cause, 'timeout');
  await clock.advance(50);
  assert.is(pokes.length, 1, 'told at once');
  await clock.advance(2_000);
  assert.ok(pokes.length >= 2, 'and again, as it was not observed');
});

test('T3: what cannot be stopped is marked once and runs on', async () => {
  const { clock, world, supervise, worker, submit, claim, record } = createStage();
  await supervise('s1');
  await worker('w1');
  await clock.advance(1_000);
  const address = await submit('a', { policy: { timeoutMs: 1_000 } });
  await claim(address, 'w1');
  await clock.advance(2_000);
  assert.is(record(address).status, 'in_progress');
  assert.is(record(address).timeoutUnenforced, true);
  const writes = world.history().length;
  await clock.advance(120_000);
  assert.is(world.history().length, writes);
});

test('the timeout of a run that began before the supervisor is neither early nor forgotten', async () => {
  const { clock, world, supervise, worker, submit, claim, tell, record } = createStage();
  await worker('w1');
  const address = await submit('a', { policy: { timeoutMs: 10_000 } });
  const fence = fenceOf(await claim(address, 'w1'));
  await tell(address, () => ({ kind: 'make-abortable', at: clock.now(), fence }), 'w1');
  await clock.advance(6_000);
  // Its clock is wrong: by it, the limit has long passed.
  world.node('s1').skew(300_000);
  await supervise('s1');
  await clock.advance(3_500);
  assert.is(record(address).status, 'in_progress');
  await clock.advance(7_500);
  assert.is(record(address).status, 'aborting');
});

test('another claim of the worker tells how long such a run has taken, though its clock is behind', async () => {
  const { clock, world, supervise, worker, submit, claim, tell, record } = createStage();
  await worker('w1');
  const address = await submit('a', { policy: { timeoutMs: 10_000 } });
  world.node('w1').skew(-120_000);
  const fence = fenceOf(await claim(address, 'w1'));
  await tell(address, () => ({ kind: 'make-abortable', at: clock.now(), fence }), 'w1');
  await clock.advance(6_000);
  await supervise('s1');
  await clock.advance(1_000);
  await claim(await submit('b'), 'w1');
  await clock.advance(2_900);
  assert.is(record(address).status, 'in_progress');
  await clock.advance(400);
  assert.is(record(address).status, 'aborting');
});

for (const [which, nodes, beforeMs] of [
  ['of the worker', ['w1'], 0],
  ['of all', ['w1', 's1'], 0],
  ['of all, a while before', ['w1', 's1'], 1_000],
] as const)
  test(`the claim tells nothing of such a run when the clock was set forward, ${which}: it is not timed out early`, async () => {
    const { clock, world, supervise, worker, submit, claim, tell, record } = createStage();
    await worker('w1');
    const address = await submit('a', { policy: { timeoutMs: 10_000 } });
    const fence = fenceOf(await claim(address, 'w1'));
    await tell(address, () => ({ kind: 'make-abortable', at: clock.now(), fence }), 'w1');
    await clock.advance(6_000);
    await supervise('s1');
    await clock.advance(1_000);
    const other = await submit('b');
    for (const node of nodes) world.node(node).skew(5_000);
    await clock.advance(beforeMs);
    await claim(other, 'w1');
    await clock.advance(2_900 - beforeMs);
    assert.is(record(address).status, 'in_progress');
    await clock.advance(7_000);
    assert.is(record(address).status, 'aborting', 'nor forgotten');
  });

test('T6: an abort that is not heeded is marked after the grace, and not before', async () => {
  const { clock, supervise, worker, submit, claim, tell, record } = createStage();
  await supervise('s1');
  await worker('w1');
  await clock.advance(1_000);
  const address = await submit('a', { policy: { abortGraceMs: 5_000 } });
  const fence = fenceOf(await claim(address, 'w1'));
  await tell(address, () => ({ kind: 'make-abortable', at: clock.now(), fence }), 'w1');
  const actor = { user: 'alice', admin: false };
  await tell(address, ({ id }) => ({ kind: 'cancel', at: clock.now(), actor, id, force: false }));
  await clock.advance(1_000);
  await tell(address, () => ({ kind: 'observe-abort', at: clock.now(), fence, deliveredAt: 1, observedAt: 2 }), 'w1');
  await clock.advance(3_900);
  assert.not.ok(record(address).notStopping);
  await clock.advance(500);
  assert.is(record(address).notStopping, true);
  assert.is(record(address).status, 'aborting');
});

test('a finished task is not touched by the timer it had', async () => {
  const { clock, world, supervise, worker, submit, claim, tell, record } = createStage();
  const supervisor = await supervise('s1');
  await worker('w1');
  await clock.advance(1_000);
  const address = await submit('a', { policy: { timeoutMs: 2_000 } });
  const fence = fenceOf(await claim(address, 'w1'));
  await clock.advance(500);
  assert.is(supervisor.stats().timers, 1);
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
  const writes = world.history().length;
  await clock.advance(5_000);
  assert.is(record(address).status, 'success');
  assert.is(world.history().length, writes);
  assert.equal([supervisor.stats().tasks, supervisor.stats().timers], [0, 0]);
});

test.run();
