// limit: 300s, pair
// Q: what starts next, and where. Each test has processes of its own.
import type { TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { double, hangs } from '../support/fixture-tasks.ts';
import { suite, type TestContext } from '../support/suite.ts';
import { startSystem, type System } from '../support/system-fixture.ts';
import type { SystemProcess } from '../support/system-process.ts';

const test = suite('queues');

/** What a loaded machine of two cores may add to a bound. */
const MARGIN_MS = 1_500;

const LIMIT = { limitMs: 120_000 };

const system = (context: TestContext, over: Parameters<typeof startSystem>[1] = {}): Promise<System> =>
  startSystem(context, { projectors: 0, ...over });

const schedule = ({ baton }: System, count: number): Promise<readonly TaskHandle[]> =>
  baton.within(() => Promise.all(Array.from({ length: count }, (_, i) => double.schedule(i))));

const startOf = ({ record }: TaskHandle): number => record.startedAt ?? Number.NaN;

/** Waits until tasks start again, and says how long that took, milliseconds. */
const startsAgain = async (made: System): Promise<number> => {
  const began = performance.now();
  // Enough of them that some are in the partitions of either supervisor.
  for (const handle of await schedule(made, 10)) await handle.wait({ timeout: '60s' });
  return performance.now() - began;
};

test(
  'Q1 a worker that stands still with tasks on offer delays them by the time of an offer',
  async (context) => {
    const made = await system(context, { workers: 2 });
    for (const handle of await schedule(made, 20)) await handle.wait({ timeout: '30s' });
    const [frozen] = made.workers;
    frozen?.pause();
    context.defer(() => frozen?.resume());
    const began = performance.now();
    const handles = await schedule(made, 20);
    for (const handle of handles) await handle.wait({ timeout: '60s' });
    const tookMs = performance.now() - began;
    assert.ok(tookMs < 4_000 + MARGIN_MS, `${Math.round(tookMs)} ms`);
    assert.ok(handles.every(({ status, attempt }) => status === 'success' && attempt === 1));
  },
  LIMIT,
);

test(
  'Q2 a worker runs no more than it has slots, and what was on offer when it drains runs elsewhere at once',
  async (context) => {
    const made = await system(context, { workers: 0 });
    const env = { BATON_CONCURRENCY: '3' };
    const first = made.service('worker', 'first', env);
    await first.start();
    const long = await made.baton.within(() => Promise.all([1, 2, 3].map(() => hangs.schedule())));
    await eventually(async () => {
      for (const handle of long) await handle.refresh();
      assert.ok(long.every(({ status, isAbortable }) => status === 'in_progress' && isAbortable));
    });
    const waiting = await schedule(made, 10);
    await long[0]?.cancel();
    await long[0]?.wait({ timeout: '30s' });
    // One slot is free, and they go through it one after the other.
    for (const handle of waiting) await handle.wait({ timeout: '60s' });
    for (const handle of long.slice(1)) assert.is((await handle.refresh(), handle.status), 'in_progress');
    const second = made.service('worker', 'second', env);
    await second.start();
    first.signal('SIGTERM');
    for (const handle of await schedule(made, 10)) await handle.wait({ timeout: '30s' });
    assert.ok(first.isRunning, 'it still waits for what it runs, and has kept nothing else from running');
  },
  LIMIT,
);

test(
  'Q3 first in first out over the partitions of two supervisors, also what waited before a worker came',
  async (context) => {
    const made = await system(context, { workers: 0, supervisors: 2 });
    const handles: TaskHandle[] = [];
    await made.baton.within(async () => {
      for (let i = 0; i < 40; i++) handles.push(await double.schedule(i));
    });
    const worker = made.service('worker', 'one by one', { BATON_CONCURRENCY: '1' });
    await worker.start();
    for (const handle of handles) await handle.wait({ timeout: '60s' });
    const starts = handles.map(startOf);
    assert.equal(
      starts,
      starts.toSorted((a, b) => a - b),
    );
  },
  LIMIT,
);

for (const which of [0, 1]) {
  test(
    `Q4 of two supervisors number ${which + 1} is killed: tasks start again within 1 s`,
    async (context) => {
      const made = await system(context, { supervisors: 2 });
      for (const handle of await schedule(made, 20)) await handle.wait({ timeout: '30s' });
      const killed = made.supervisors[which];
      await killed?.kill();
      const tookMs = await startsAgain(made);
      console.log(`killed: ten tasks after ${Math.round(tookMs)} ms`);
      assert.ok(tookMs < 1_000 + MARGIN_MS, `${Math.round(tookMs)} ms`);
    },
    LIMIT,
  );
}

test(
  'Q4 of two supervisors one stands still: tasks start again within 8 s, and when it comes back nothing runs twice',
  async (context) => {
    const made = await system(context, { supervisors: 2 });
    for (const handle of await schedule(made, 20)) await handle.wait({ timeout: '30s' });
    const [frozen, other] = made.supervisors as [SystemProcess, SystemProcess];
    for (const each of [frozen, other]) {
      each.pause();
      const tookMs = await startsAgain(made).finally(() => each.resume());
      console.log(`frozen: ten tasks after ${Math.round(tookMs)} ms`);
      assert.ok(tookMs < 8_000 + MARGIN_MS, `${Math.round(tookMs)} ms`);
      const handles = await schedule(made, 20);
      for (const handle of handles) await handle.wait({ timeout: '60s' });
      assert.ok(handles.every(({ status, attempt }) => status === 'success' && attempt === 1));
    }
  },
  LIMIT,
);

test(
  'Q4 the only supervisor is restarted with tasks waiting: they start 1 s after it is up',
  async (context) => {
    const made = await system(context, { workers: 0 });
    const handles = await schedule(made, 2_000);
    const [supervisor] = made.supervisors;
    await supervisor?.kill();
    const worker = made.service('worker', 'late', {});
    await worker.start();
    await supervisor?.start();
    const began = performance.now();
    const [first] = handles;
    await first?.wait({ timeout: '60s' });
    const tookMs = performance.now() - began;
    console.log(`restarted with ${handles.length} waiting: the first after ${Math.round(tookMs)} ms`);
    assert.ok(tookMs < 1_000 + MARGIN_MS, `${Math.round(tookMs)} ms`);
    for (const handle of handles) await handle.wait({ timeout: '60s' });
  },
  LIMIT,
);

test.run();
