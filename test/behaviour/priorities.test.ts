// X8: what starts before what. One slot, held by a first task until all others are in line, so that the order is the queue's.
import { setTimeout as pause } from 'node:timers/promises';
import { getContext, task, type BatonWorker, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { gate, stagedSuite, until, type Stage } from '../support/stage.ts';

const test = stagedSuite('priorities');

type Priority = 'high' | 'normal' | 'low';
type Context = { readonly defer: (undo: () => unknown) => void };

/** A worker with one slot that is taken; `starts` is the order in which the others began. */
const line = async (stage: Stage, context: Context, name: string, queues = ['default']) => {
  const hold = gate();
  const starts: string[] = [];
  const blocks = task({ name: `${name}.blocks`, queue: queues[0] ?? 'default' }, () => hold.passed);
  const body = task({ name: `${name}.body` }, (label: string) => {
    starts.push(label);
  });
  const worker: BatonWorker = await stage.serve(context, [blocks, body], { concurrency: 1, queues });
  const blocked = await stage.as('alice').within(() => blocks.schedule());
  await until(blocked, ({ status }) => status === 'in_progress');
  const add = (label: string, priority: Priority, queue = 'default') =>
    stage.as('alice').within(() => body.with({ priority, queue }).schedule(label));
  const ended = async (handles: readonly TaskHandle[]): Promise<readonly string[]> => {
    // Recorded is not yet heard of by the queue, which lets nobody wait for what it does not know.
    for (const queue of queues) {
      const last = handles.findLast(({ record }) => record.queue === queue);
      await eventually(async () => assert.ok(last === undefined || (await last.why()).position !== undefined));
    }
    hold.open();
    for (const handle of handles) await handle.wait({ timeout: '45s' });
    return starts;
  };
  return { add, ended, worker };
};

test('X8 higher before lower, first in first out inside of one', async (stage, context) => {
  const { add, ended } = await line(stage, context, 'x8.order');
  const handles: TaskHandle[] = [];
  for (const n of [1, 2, 3, 4]) {
    for (const priority of ['low', 'normal', 'high'] as const) handles.push(await add(`${priority} ${n}`, priority));
  }
  const starts = await ended(handles);
  const of = (priority: Priority): readonly string[] => [1, 2, 3, 4].map((n) => `${priority} ${n}`);
  for (const priority of ['high', 'normal', 'low'] as const) {
    const inside = starts.filter((label) => label.startsWith(priority));
    assert.equal(inside, of(priority), 'first in first out');
  }
  // One dispatch of any lane may have been on its way to the slot when the others came.
  const misplaced = [...of('high'), ...of('normal'), ...of('low')].filter((label, i) => starts[i] !== label);
  assert.ok(Math.abs(starts.indexOf('high 1')) <= 1 && starts.indexOf('low 4') >= 10, starts.join(', '));
  console.log(`order: ${starts.join(', ')} (${misplaced.length} out of place)`);
});

test(
  'X8 low ones are never starved: a start in twenty at least',
  async (stage, context) => {
    const { add, ended } = await line(stage, context, 'x8.starve');
    const low = await Promise.all([1, 2, 3, 4, 5].map((n) => add(`low ${n}`, 'low')));
    const high = await Promise.all(Array.from({ length: 150 }, (_, n) => add(`high ${n}`, 'high')));
    const starts = await ended([...low, ...high]);
    const places = starts.flatMap((label, i) => (label.startsWith('low') ? [i] : []));
    assert.is(places.length, 5);
    for (const [i, place] of places.entries()) {
      const before = i === 0 ? 0 : (places[i - 1] ?? 0);
      assert.ok(place - before <= 20, `low starts at ${places.join(', ')}`);
    }
    assert.ok((places[4] ?? 0) >= 20, `they are low all the same: ${places.join(', ')}`);
  },
  { limitMs: 40_000 },
);

test('X8 a worker of several queues shares its slots among them', async (stage, context) => {
  const queues = ['x8-first', 'x8-second', 'x8-third'];
  const { add, ended } = await line(stage, context, 'x8.share', queues);
  const many = await Promise.all(Array.from({ length: 60 }, (_, n) => add(`first ${n}`, 'normal', queues[0])));
  const few = await Promise.all(
    [1, 2, 3, 4, 5].flatMap((n) => [add(`second ${n}`, 'normal', queues[1]), add(`third ${n}`, 'normal', queues[2])]),
  );
  const starts = await ended([...many, ...few]);
  const last = Math.max(...starts.flatMap((label, i) => (label.startsWith('first') ? [] : [i])));
  assert.ok(last <= 25, `the short lines were done after ${last} starts, in turn with the long one`);
});

test('X8 the priority is kept through a retry and through a drain', async (stage, context) => {
  const starts: string[] = [];
  const steps = new Map<string, ReturnType<typeof gate>>();
  const body = task({ name: 'x8.kept', retry: { maxAttempts: 2, backoff: { initial: 0 } } }, async (label: string) => {
    starts.push(label);
    if (label === 'retried' && getContext().attempt === 1) throw new Error('again');
    if (label === 'drained' && !steps.has('drained')) {
      steps.set('drained', gate());
      await new Promise(() => undefined);
    }
    await pause(60);
  });
  const alice = stage.as('alice');
  const add = (label: string, priority: Priority) => alice.within(() => body.with({ priority }).schedule(label));
  const first = await stage.serve(context, [body], { concurrency: 1 });
  const drained = await add('drained', 'high');
  await until(drained, ({ status }) => status === 'in_progress');
  const normals = await Promise.all(Array.from({ length: 12 }, (_, n) => add(`normal ${n}`, 'normal')));
  const retried = await add('retried', 'high');
  await first.drain({ grace: 0 });
  await until(drained, ({ status }) => status === 'pending');
  await stage.serve(context, [body], { concurrency: 1 });
  for (const handle of [drained, retried, ...normals]) await handle.wait({ timeout: '45s' });
  for (const { record } of [drained, retried]) assert.equal([record.priority, record.status], ['high', 'success']);
  const placeOf = (label: string): number => starts.lastIndexOf(label);
  // Both came back behind the normal ones in time, and started well before the last of them.
  assert.ok(placeOf('drained') < placeOf('normal 3'), starts.join(', '));
  assert.ok(placeOf('retried') < placeOf('normal 11'), starts.join(', '));
  assert.is(starts.filter((label) => label === 'retried').length, 2);
});

test.run();
