// limit: 300s, pair
// L11, R3, R4: workers and supervisors die or are stopped. Each test has worker processes of its own, in a queue of its own.
import { setTimeout as pause } from 'node:timers/promises';
import type { TaskHandle } from '@baton/sdk';
import { checkEffects, describeReport } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { hangs, steps, tells } from '../support/fixture-tasks.ts';
import { stagedSuite, statuses, until, type Stage } from '../support/stage.ts';
import type { SystemProcess } from '../support/system-process.ts';
import { effectsOf, readAllStored, readWitnessed } from '../support/system-state.ts';

const test = stagedSuite('dead workers', { workers: 0, supervisors: 2 });

/** The bounds of R3, and what a loaded machine of two cores may add. */
const RESCUE_MS = 8_000;
const RESCUE_BOTH_MS = 16_000;
const MARGIN_MS = 1_000;

const LIMIT = { limitMs: 60_000 };

const workersOf = async (stage: Stage, queue: string, count: number): Promise<readonly SystemProcess[]> => {
  const made = Array.from({ length: count }, (_, i) =>
    stage.service('worker', `worker ${i + 1} of ${queue}`, { BATON_QUEUES: queue, BATON_CONCURRENCY: '20' }),
  );
  await Promise.all(made.map((worker) => worker.start()));
  return made;
};

/** Node ids of the worker service end in its pid and a random part. */
const owns = (worker: SystemProcess | undefined, { record }: TaskHandle): boolean =>
  record.owner?.worker.split('-').includes(String(worker?.pid)) ?? false;

const rescuedAt = ({ record }: TaskHandle): number =>
  record.history.find(({ why }) => why?.startsWith('worker ') === true && why.endsWith(' died'))?.at ?? Number.NaN;

/** Starts tasks until the worker owns one. */
const taskOf = async (worker: SystemProcess | undefined, submit: () => Promise<TaskHandle>): Promise<TaskHandle> => {
  for (;;) {
    const handle = await submit();
    await until(handle, ({ status }) => status === 'in_progress');
    if (owns(worker, handle)) return handle;
  }
};

test(
  'L11 the worker dies while its task is aborting: ended with its cause, never run again',
  async (stage) => {
    const [worker] = await workersOf(stage, 'l11', 1);
    const alice = stage.as('alice');
    const cancelled = await alice.within(() => hangs.with({ queue: 'l11', retry: { maxAttempts: 3 } }).schedule());
    const timedOut = await alice.within(() => hangs.with({ queue: 'l11', timeout: '1200ms' }).schedule());
    for (const handle of [cancelled, timedOut]) await until(handle, ({ isAbortable }) => isAbortable);
    // Frozen, so that it cannot stop them before it dies.
    worker?.pause();
    await cancelled.cancel();
    for (const handle of [cancelled, timedOut]) await until(handle, ({ status }) => status === 'aborting');
    await worker?.kill();
    for (const handle of [cancelled, timedOut]) await handle.wait({ timeout: '45s' });
    assert.equal([cancelled.status, timedOut.status], ['aborted', 'timed_out']);
    for (const handle of [cancelled, timedOut]) {
      const last = handle.record.history.at(-1);
      assert.match(last?.by ?? '', /^supervisor:/);
      assert.match(last?.why ?? '', /died; its handlers may not have finished/);
      assert.equal([handle.attempt, handle.record.rescues], [1, undefined]);
      await stage.document(handle.uuid, ({ terminal }) => terminal);
    }
  },
  LIMIT,
);

test(
  'R3 the tasks of a dead worker are run again within 8 s, or fail as told; a live worker keeps its own',
  async (stage) => {
    const [victim, other] = await workersOf(stage, 'r3', 2);
    const alice = stage.as('alice');
    const call = (options: Parameters<typeof steps.with>[0], ms: number) => () =>
      alice.within(() =>
        steps.with({ queue: 'r3', taskKey: `r3 ${Math.random()}`, priority: 'high', ...options }).schedule(10, ms),
      );
    const rerun = await taskOf(victim, call({}, 600));
    const failed = await taskOf(victim, call({ onOrphan: 'fail' }, 600));
    const exhausted = await taskOf(victim, call({ maxRescues: 0 }, 600));
    const kept = await taskOf(other, call({}, 1_200));
    const killedAt = Date.now();
    await victim?.kill();
    for (const handle of [rerun, failed, exhausted, kept]) await handle.wait({ timeout: '60s' });
    assert.equal(
      [rerun.status, rerun.attempt, rerun.record.rescues, rerun.record.failures],
      ['success', 2, 1, undefined],
    );
    assert.equal(statuses(rerun), ['pending', 'in_progress', 'pending', 'in_progress', 'success']);
    assert.ok(owns(other, rerun));
    assert.is(rerun.record.priority, 'high', 'X8: kept through the rescue');
    for (const handle of [failed, exhausted]) {
      assert.equal([handle.status, handle.error?.type, handle.attempt], ['failure', 'OrphanedTaskError', 1]);
      assert.match(handle.record.history.at(-1)?.by ?? '', /^supervisor:/);
    }
    assert.match(exhausted.error?.message ?? '', /given up after 0 rescues/);
    assert.equal([kept.status, kept.attempt, owns(other, kept)], ['success', 1, true]);
    const tookMs =
      Math.max(rescuedAt(rerun), failed.record.endedAt ?? Infinity, exhausted.record.endedAt ?? Infinity) - killedAt;
    console.log(`worker killed: rescued after ${tookMs} ms`);
    assert.ok(tookMs <= RESCUE_MS + MARGIN_MS, `${tookMs} ms`);
  },
  LIMIT,
);

test(
  'R3 within 16 s when the supervisor dies with the worker',
  async (stage) => {
    const [victim] = await workersOf(stage, 'r3both', 2);
    const submit = () =>
      stage
        .as('alice')
        .within(() => steps.with({ queue: 'r3both', taskKey: `both ${Math.random()}` }).schedule(10, 500));
    // One for every partition's share: whichever supervisor dies, some were its own.
    const handles: TaskHandle[] = [];
    while (handles.length < 6) handles.push(await taskOf(victim, submit));
    const [supervisor] = stage.supervisors;
    const killedAt = Date.now();
    await Promise.all([victim?.kill(), supervisor?.kill()]);
    for (const handle of handles) {
      await handle.wait({ timeout: '25s' });
      assert.is(handle.status, 'success');
    }
    const rescued = handles.filter(({ record }) => record.rescues === 1);
    const tookMs = Math.max(...rescued.map(rescuedAt)) - killedAt;
    console.log(`worker and supervisor killed: the last of ${rescued.length} rescued after ${tookMs} ms`);
    assert.ok(rescued.length > 0);
    assert.ok(tookMs <= RESCUE_BOTH_MS + MARGIN_MS, `${tookMs} ms`);
    await supervisor?.start();
  },
  LIMIT,
);

test(
  'R3 within 8 s of the start of the first supervisor',
  async (stage) => {
    const [victim] = await workersOf(stage, 'r3first', 1);
    const handle = await stage
      .as('alice')
      .within(() => steps.with({ queue: 'r3first', taskKey: 'first' }).schedule(30, 100));
    await until(handle, ({ status }) => status === 'in_progress');
    await Promise.all([...stage.supervisors.map((supervisor) => supervisor.kill()), victim?.kill()]);
    const [other] = await workersOf(stage, 'r3first', 1);
    await pause(1_000);
    assert.is((await handle.refresh()).status, 'in_progress', 'nobody is there to take it over');
    const [supervisor, second] = stage.supervisors;
    await supervisor?.start();
    const startedAt = Date.now();
    await handle.wait({ timeout: '60s' });
    assert.equal([handle.status, owns(other, handle)], ['success', true]);
    const tookMs = rescuedAt(handle) - startedAt;
    console.log(`first supervisor started: rescued after ${tookMs} ms`);
    assert.ok(tookMs <= RESCUE_MS + MARGIN_MS, `${tookMs} ms`);
    await second?.start();
  },
  LIMIT,
);

test(
  'R4, D8 a paused worker that comes back is told, and whatever it writes is refused',
  async (stage) => {
    const [zombie, other] = await workersOf(stage, 'r4', 2);
    const alice = stage.as('alice');
    const deaf = await taskOf(zombie, () =>
      alice.within(() => steps.with({ queue: 'r4', taskKey: `deaf ${Math.random()}` }).schedule(30, 100)),
    );
    const listening = await taskOf(zombie, () =>
      alice.within(() => tells.with({ queue: 'r4', taskKey: `listens ${Math.random()}` }).schedule()),
    );
    const owner = deaf.record.owner?.worker ?? '';
    const from = performance.timeOrigin + performance.now();
    zombie?.pause();
    for (const handle of [deaf, listening]) {
      await until(handle, ({ attempt, status }) => attempt === 2 && status === 'in_progress', 15_000);
      assert.ok(owns(other, handle));
    }
    zombie?.resume();
    const to = performance.timeOrigin + performance.now();
    await eventually(
      () => {
        assert.match(zombie?.output ?? '', `${listening.key}: told to stop in attempt 1: lease_lost`);
        assert.match(zombie?.output ?? '', /what its body still does is fenced off/);
      },
      { limitMs: 15_000 },
    );
    await deaf.wait({ timeout: '60s' });
    assert.equal([deaf.status, (deaf.result as { attempt: number }).attempt, deaf.record.rescues], ['success', 2, 1]);
    await eventually(
      () => {
        const ends = readWitnessed(stage.effectsPath).filter((e) => e.task === deaf.uuid && e.kind === 'end');
        assert.is(ends.length, 2, 'the old body came to its end too');
      },
      { limitMs: 15_000 },
    );
    const records = (await readAllStored(stage)).filter(({ record }) => record.id === deaf.uuid);
    const rescued = records.findIndex(({ record }) => record.rescues === 1);
    assert.ok(rescued > 0);
    const after = records.slice(rescued).filter(({ record }) => record.owner?.worker === owner);
    assert.equal(after, [], 'it wrote nothing after it was given up');
    const effects = effectsOf(readWitnessed(stage.effectsPath), records).filter((e) => e.task === deaf.uuid);
    const faults = [{ worker: owner, kind: 'pause', from, to }] as const;
    const report = checkEffects({ effects, records, faults });
    assert.ok(report.ok, describeReport(report));
    await listening.cancel();
    await listening.wait({ timeout: '30s' });
    assert.is(listening.status, 'aborted');
  },
  LIMIT,
);

test.run();
