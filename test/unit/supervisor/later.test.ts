import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';
import { createStage, until } from './world.ts';

const test = suite('supervisor: delayed starts');

test('X7: a delayed task is offered when it is due, not before, and a past one at once', async () => {
  const stage = createStage();
  const { clock, supervise, submit, offered } = stage;
  await supervise('s1');
  await clock.advance(1_000);
  const runAt = clock.now() + 30_000;
  await submit('later', { runAt });
  await submit('past', { runAt: 1 });
  await until(stage, 1_000, () => offered().includes('past'));
  await clock.advance(runAt - clock.now() - 1);
  assert.equal(offered(), ['past']);
  await until(stage, 1_000, () => offered().includes('later'));
});

test('X7: a start that fell into an outage comes within 5 s of its end', async () => {
  const stage = createStage();
  const { clock, world, supervise, submit, offered } = stage;
  await submit('a', { runAt: clock.now() + 60_000 });
  await supervise('s1');
  await clock.advance(1_000);
  world.node('s1').crash();
  await clock.advance(300_000);
  await supervise('s2');
  await until(stage, 5_000, () => offered().length === 1);
});

test('X7: many that are due together start together, whichever supervisor watches them', async () => {
  const stage = createStage();
  const { clock, supervise, submit, offered, offers } = stage;
  for (const name of ['s1', 's2', 's3']) await supervise(name);
  await clock.advance(2_000);
  const runAt = clock.now() + 60_000;
  for (let i = 0; i < 200; i++) await submit(`k${i}`, { runAt });
  await clock.advance(runAt - clock.now() - 1);
  assert.equal(offered(), []);
  await clock.advance(1_000);
  assert.is(offered().length, 200);
  assert.ok(offers.every(({ at }) => at >= runAt));
});

test('X7: one that was cancelled, or waits for another time now, does not start at the old one', async () => {
  const stage = createStage();
  const { clock, supervise, submit, tell, record, offered } = stage;
  await supervise('s1');
  await clock.advance(1_000);
  const actor = { user: 'alice', admin: false };
  const runAt = clock.now() + 5_000;
  const address = await submit('a', { runAt });
  const first = record(address).id;
  await tell(address, ({ id }) => ({ kind: 'cancel', at: clock.now(), actor, id, force: false }));
  await submit('a', { runAt: runAt + 20_000 });
  assert.is.not(record(address).id, first);
  await clock.advance(10_000);
  assert.equal(offered(), []);
  await until(stage, 20_000, () => offered().length === 1);
  assert.ok(clock.now() >= runAt + 20_000);
});

test('X7: a supervisor that dies shortly before the time loses nothing', async () => {
  const stage = createStage();
  const { clock, world, supervise, submit, offered } = stage;
  await supervise('s1');
  await supervise('s2');
  await clock.advance(2_000);
  const runAt = clock.now() + 2_000;
  for (let i = 0; i < 20; i++) await submit(`k${i}`, { runAt });
  await clock.advance(1_900);
  world.node('s1').crash();
  await until(stage, 1_500, () => offered().length === 20);
});

test('a delayed task that was joined after its offer is offered in its new revision', async () => {
  const stage = createStage();
  const { clock, world, supervise, submit, record, offers } = stage;
  await supervise('s1');
  await submit('a', { runAt: clock.now() + 1_000 });
  await until(stage, 2_000, () => offers.length === 1);
  const address = await submit('a');
  assert.is(record(address).dedupeCount, 1);
  const revision = world.heads().find((head) => head.address === address)?.revision;
  await until(stage, 5_000, () => offers.at(-1)?.revision === revision);
});

test.run();
