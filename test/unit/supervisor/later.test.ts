import type { Address } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';
import { createStage, until, type Stage } from './world.ts';

const test = suite('supervisor: delayed starts');

test('X7: a delayed task is dispatched when it is due, not before, and a past one at once', async () => {
  const stage = createStage();
  const { clock, supervise, submit, dispatched } = stage;
  await supervise('s1');
  await clock.advance(1_000);
  const runAt = clock.now() + 30_000;
  await submit('later', { runAt });
  await submit('past', { runAt: 1 });
  await until(stage, 1_000, () => dispatched().includes('past'));
  await clock.advance(runAt - clock.now() - 1);
  assert.equal(dispatched(), ['past']);
  await until(stage, 1_000, () => dispatched().includes('later'));
});

test('X7: a start that fell into an outage comes within 5 s of its end', async () => {
  const stage = createStage();
  const { clock, world, supervise, submit, dispatched } = stage;
  await submit('a', { runAt: clock.now() + 60_000 });
  await supervise('s1');
  await clock.advance(1_000);
  world.node('s1').crash();
  await clock.advance(300_000);
  await supervise('s2');
  await until(stage, 5_000, () => dispatched().length === 1);
});

test('X7: a wall clock that is wrong, or is set, starts nothing early and nothing late', async () => {
  for (const skewMs of [3_600_000, -3_600_000]) {
    const stage = createStage();
    const { clock, world, supervise, submit, dispatched } = stage;
    await supervise('s1');
    await submit('a', { runAt: clock.now() + 60_000 });
    await clock.advance(1_000);
    world.node('s1').skew(skewMs);
    await clock.advance(58_990);
    assert.equal(dispatched(), []);
    await until(stage, 1_000, () => dispatched().length === 1);
  }
});

/** As a submitter does: the record, then the schedule. */
const submitLater = async (stage: Stage, key: string, runAt: number): Promise<Address> => {
  const address = await stage.submit(key, { runAt });
  const { id } = stage.record(address);
  await stage.clock.settle(stage.world.ports('outside').later.put({ address, id, runAt }));
  return address;
};

test('X7: what the server tells is dispatched once, by whichever of the supervisors is told', async () => {
  const stage = createStage();
  const { clock, supervise, dispatched } = stage;
  const supervisors = [await supervise('s1'), await supervise('s2'), await supervise('s3')];
  await clock.advance(2_000);
  const runAt = clock.now() + 10_000;
  for (let i = 0; i < 60; i++) await submitLater(stage, `k${i}`, runAt + (i % 10) * 500);
  await clock.advance(runAt - clock.now() - 1);
  assert.equal(dispatched(), []);
  await clock.advance(60_000);
  assert.is(new Set(dispatched()).size, 60);
  const stats = supervisors.map((supervisor) => supervisor.stats());
  const sum = (of: (one: (typeof stats)[number]) => number) => stats.reduce((all, one) => all + of(one), 0);
  assert.is(
    sum(({ due }) => due.dispatched),
    60,
  );
  assert.ok(
    stats.every(({ due }) => due.dispatched > 0),
    'all of them are told',
  );
  assert.is(
    sum(({ acts }) => acts.dispatch.settled),
    0,
    'nothing was done twice',
  );
});

test('X7: a schedule of a task that was cancelled, or waits for another time, comes to nothing', async () => {
  const stage = createStage();
  const { clock, world, supervise, tell, record, dispatched } = stage;
  const supervisor = await supervise('s1');
  await clock.advance(1_000);
  const actor = { user: 'alice', admin: false };
  const runAt = clock.now() + 5_000;
  const address = await submitLater(stage, 'a', runAt);
  const first = record(address).id;
  await tell(address, ({ id }) => ({ kind: 'cancel', at: clock.now(), actor, id, force: false }));
  await stage.submit('a', { runAt: runAt + 20_000 });
  assert.is.not(record(address).id, first);
  await clock.advance(10_000);
  assert.equal(supervisor.stats().due, { dispatched: 0, stale: 1 });
  assert.equal(dispatched(), []);
  await until(stage, 20_000, () => dispatched().length === 1);
  assert.ok(world.clock.now() >= runAt + 20_000);
});

test('X7: a supervisor that dies with what it was told loses nothing', async () => {
  const stage = createStage();
  const { clock, world, supervise, dispatched } = stage;
  await supervise('s1');
  await clock.advance(1_000);
  const stuck = world.inject({ op: 'queue.put', fault: 'lost-request', node: 's1' });
  await submitLater(stage, 'a', clock.now() + 2_000);
  await clock.advance(3_000);
  assert.ok(stuck.hits() > 0);
  world.node('s1').crash();
  await supervise('s2');
  await until(stage, 15_000, () => dispatched().length === 1);
});

test('a delayed task that was joined after its dispatch is dispatched for its new revision', async () => {
  const stage = createStage();
  const { clock, world, supervise, submit, record } = stage;
  await supervise('s1');
  await submit('a', { runAt: clock.now() + 1_000 });
  await until(stage, 2_000, () => world.waiting().length === 1);
  const address = await submit('a');
  assert.is(record(address).dedupeCount, 1);
  const revision = world.heads().find((head) => head.address === address)?.revision;
  await until(stage, 1_000, () => world.waiting()[0]?.revision === revision);
});

test.run();
