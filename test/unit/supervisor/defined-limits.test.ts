// Q5, D10: limits that stand in the definition of a type, from the first worker on, through deaths, conflicts and faults.
import { limitsOf } from '@baton/core';
import { createSupervisor, recordOf, silentLog } from '@baton/runtime';
import { createBaton, task, type Baton, type TaskOptions } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';
import { createStage, type Stage } from './world.ts';

const test = suite('supervisor: limits of definitions');

const supervise = async ({ clock, world }: Stage, name: string): Promise<void> => {
  await clock.settle(createSupervisor(world.ports(name), { id: name, log: silentLog }).start());
};

const adminOf = ({ world }: Stage): Baton =>
  createBaton({ ports: world.ports('admin'), user: { id: 'root', admin: true } });

/** A worker with ten slots, whose tasks take a second. */
const serve = async ({ clock, world }: Stage, name: string, options: TaskOptions): Promise<void> => {
  const baton = createBaton({ ports: world.ports(name), user: { id: 'alice' }, nodeName: name });
  const job = task({ name: 'job', ...options }, () => new Promise<void>((resolve) => void clock.after(1_000, resolve)));
  await clock.settle(baton.startWorker({ tasks: [job], concurrency: 10, handleStrayErrors: false }));
};

/** How many tasks of the type run at most, from now on. */
const watch = ({ world }: Stage) => {
  const running = new Set<string>();
  let most = 0;
  world.onWrite((stored) => {
    if (recordOf(stored).status === 'in_progress') running.add(stored.address);
    else running.delete(stored.address);
    most = Math.max(most, running.size);
  });
  return { most: () => most, reset: () => (most = 0) };
};

const submit = async ({ clock }: Stage, admin: Baton, count: number, from = 0): Promise<void> => {
  for (let i = from; i < from + count; i++) await clock.settle(admin.schedule('job', [], { taskKey: `k${i}` }));
};

const limits = async ({ clock }: Stage, admin: Baton, queue = 'default') =>
  limitsOf(await clock.settle(admin.queues.get(queue))).map(({ name, concurrency, from }) => [name, concurrency, from]);

const ended = ({ world }: Stage): number => world.heads().filter((head) => recordOf(head).status === 'success').length;

test('Q5 tasks that wait for the first worker of their type are limited from the first one on', async () => {
  for (let seed = 0; seed < 10; seed++) {
    const stage = createStage(`first ${seed}`, { onlooker: false });
    const admin = adminOf(stage);
    const { most } = watch(stage);
    await supervise(stage, 's1');
    await supervise(stage, 's2');
    await stage.clock.advance(1_000);
    await submit(stage, admin, 9);
    await serve(stage, 'w1', { concurrency: 3 });
    await stage.clock.advance(20_000);
    assert.equal([most(), ended(stage)], [3, 9], `seed ${seed}`);
    assert.equal(await limits(stage, admin), [['job', 3, 'definition']]);
  }
});

test('Q5 the limit stays when no worker is there, and through supervisors that come anew', async () => {
  const stage = createStage(1, { onlooker: false });
  const { clock, world } = stage;
  const admin = adminOf(stage);
  const { most } = watch(stage);
  await supervise(stage, 's1');
  await serve(stage, 'w1', { concurrency: 2 });
  await clock.advance(2_000);
  world.node('w1').crash();
  world.node('s1').crash();
  await clock.advance(120_000);
  assert.equal(await limits(stage, admin), [['job', 2, 'definition']]);
  await supervise(stage, 's2');
  await submit(stage, admin, 6);
  await serve(stage, 'w2', { concurrency: 2 });
  await clock.advance(60_000);
  assert.equal([most(), ended(stage)], [2, 6]);
});

test('Q5 what is set at run time counts first, whatever comes of the definition', async () => {
  const stage = createStage(2, { onlooker: false });
  const { clock } = stage;
  const admin = adminOf(stage);
  const { most, reset } = watch(stage);
  await supervise(stage, 's1');
  await serve(stage, 'w1', { concurrency: 2 });
  await clock.advance(2_000);
  await clock.settle(admin.queues.limit('default', { of: 'type', name: 'job', concurrency: 4 }));
  assert.equal(await limits(stage, admin), [['job', 4, undefined]]);
  await submit(stage, admin, 8);
  await clock.advance(20_000);
  assert.equal([most(), ended(stage)], [4, 8]);
  reset();
  await clock.settle(admin.queues.limit('default', { of: 'type', name: 'job' }));
  await submit(stage, admin, 8, 8);
  await clock.advance(20_000);
  assert.equal([most(), ended(stage)], [2, 16]);
});

test('Q5 X2 of workers that disagree the one counts that came up last; without it the other one does again', async () => {
  const stage = createStage(3, { onlooker: false });
  const { clock, world } = stage;
  const admin = adminOf(stage);
  await supervise(stage, 's1');
  await supervise(stage, 's2');
  await serve(stage, 'w1', { concurrency: 2 });
  await clock.advance(3_000);
  await serve(stage, 'w2', { concurrency: 5 });
  await clock.advance(10_000);
  assert.equal(await limits(stage, admin), [['job', 5, 'definition']]);
  const kept = await clock.settle(world.ports('outside').definitions.load('job'));
  assert.equal(
    kept?.kept.conflicts.map(({ fields }) => fields),
    [['limit']],
  );
  world.node('w2').crash();
  await clock.advance(60_000);
  assert.equal(await limits(stage, admin), [['job', 2, 'definition']]);
  await serve(stage, 'w3', {});
  await clock.advance(10_000);
  assert.equal(await limits(stage, admin), [], 'the newest one says nothing of it');
});

test('Q5 a type that moves to another queue is limited there, and what is left in the old one still is', async () => {
  const stage = createStage(4, { onlooker: false });
  const { clock } = stage;
  const admin = adminOf(stage);
  await supervise(stage, 's1');
  await serve(stage, 'w1', { concurrency: 2 });
  await clock.advance(3_000);
  await serve(stage, 'w2', { concurrency: 3, queue: 'other' });
  await clock.advance(10_000);
  assert.equal(await limits(stage, admin), [['job', 2, 'definition']]);
  assert.equal(await limits(stage, admin, 'other'), [['job', 3, 'definition']]);
  await clock.settle(admin.queues.limit('default', { of: 'type', name: 'job' }));
  await clock.advance(30_000);
  assert.equal(await limits(stage, admin), [], 'it is taken back, and nothing says it again');
});

test('Q5 faults of the bucket only delay it: nothing starts before the limit is there', async () => {
  for (const fault of ['lost-request', 'lost-reply', 'late-apply', 'refused'] as const) {
    const stage = createStage(`faults ${fault}`, { onlooker: false });
    const admin = adminOf(stage);
    const { most } = watch(stage);
    await supervise(stage, 's1');
    await submit(stage, admin, 5);
    const struck = stage.world.inject({ op: 'store.write', fault, times: 2, node: 's1', subject: 'default' });
    await serve(stage, 'w1', { concurrency: 2 });
    await stage.clock.advance(120_000);
    assert.equal([most(), ended(stage)], [2, 5], fault);
    assert.equal(await limits(stage, admin), [['job', 2, 'definition']]);
    assert.ok(struck.hits() > 0, fault);
  }
});

test.run();
