// limit: 300s
// T5: tasks in threads of real worker processes.
import { isMainThread, threadId } from 'node:worker_threads';
import { Catalogue, createKernel, silentLog, submitTask } from '@baton/runtime';
import { InvalidArgumentError, task, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { ignores, leavesTimer, looksAround, looksInLoop, lost, quick, spins } from '../support/fixture-isolated.ts';
import { effectsOf, ISOLATED_TASKS, untilEffect } from '../support/isolated-effects.ts';
import { stagedSuite, statuses, thrownBy, until, versionsOf } from '../support/stage.ts';

/** When it was told to stop and when it was recorded as stopped, of the same clock. */
const stopTook = ({ record: { abort } }: TaskHandle): number => (abort?.stoppedAt ?? Number.NaN) - (abort?.at ?? 0);

const test = stagedSuite('isolation', { tasks: [ISOLATED_TASKS], env: { BATON_CONCURRENCY: '8' } });

test('T5 isolated in a thread: the same context, arguments and results, retries', async (stage) => {
  const given = { text: 'x', when: new Date(0), bytes: Uint8Array.of(1, 2), list: [1, null, { a: true }] };
  const handle = await stage.as('alice').within(() => looksAround.with({ taskKey: 'k1' }).schedule(given));
  await handle.wait({ timeout: '45s' });
  assert.is(handle.status, 'success', JSON.stringify(handle.error));
  const { thread, fence, ...seen } = handle.result as Record<string, unknown>;
  assert.equal(seen, {
    given,
    isMainThread: false,
    taskId: handle.uuid,
    taskKey: 'k1',
    taskType: 'iso.looks_around',
    attempt: 2,
    idempotencyKey: handle.uuid,
    user: { id: 'alice' },
    previous: { progress: { current: 1, total: 2 }, payload: { attempt: 1 } },
    aborted: false,
  });
  assert.ok(Number(thread) > 0);
  assert.equal(fence, handle.record.owner?.fence);
  assert.equal([handle.progress, handle.payload], [{ current: 2, total: 2 }, { attempt: 2 }]);
  assert.equal(statuses(handle), ['pending', 'in_progress', 'pending', 'in_progress', 'success']);
  assert.is(handle.record.history[2]?.why, 'retry after Error: once more');
  assert.equal(effectsOf(stage, handle), ['cleaned up', 'cleaned up']);
  const line = stage.workers[0]?.output.split('\n').find((each) => each.includes('"seen":2')) ?? '';
  assert.is(line.includes(handle.uuid) && line.includes('looked around'), true, 'the log has the fields of the task');
});

test('T5 an endless loop is ended after the grace; neighbours and the lease do not notice', async (stage) => {
  await stage.as('alice').within(async () => {
    const cancelled = await spins.schedule();
    const overdue = await spins.with({ timeout: '4s' }).schedule();
    await untilEffect(stage, cancelled, 'spins');
    await untilEffect(stage, overdue, 'spins');
    await cancelled.refresh();
    assert.is(cancelled.isAbortable, false, 'it was never asked whether it can stop');
    assert.is((await cancelled.cancel()).action, 'aborted');
    const neighbours = await Promise.all(Array.from({ length: 20 }, () => quick.schedule(10)));
    await Promise.all(neighbours.map((each) => each.wait({ timeout: '30s' })));
    assert.is(
      neighbours.every(({ status }) => status === 'success'),
      true,
    );
    await Promise.all([cancelled, overdue].map((each) => each.wait({ timeout: '45s' })));
    assert.equal([cancelled.status, overdue.status], ['aborted', 'timed_out']);
    for (const each of [cancelled, overdue]) {
      assert.is(each.record.abort?.forced, true);
      assert.is(each.record.history.at(-1)?.by.startsWith('worker:'), true, 'its worker ended it');
      const took = stopTook(each);
      assert.ok(took >= 500 && took < 3_000, `stopped ${took} ms after it was told, the grace is 500 ms`);
      assert.is(
        (await versionsOf(stage, each)).some((record) => record.notStopping),
        false,
      );
    }
  });
});

test('T5 it can be ended as well when its submitter did not know that it is isolated', async (stage) => {
  // As it was submitted before anybody knew its type.
  const { ports } = stage;
  const definitions = { ...ports.definitions, load: async () => undefined, follow: () => new Promise<never>(() => {}) };
  const catalogue = new Catalogue({ definitions, clock: ports.clock, log: silentLog });
  const parts = { ports, kernel: createKernel(ports), log: silentLog, catalogue, unknownTypes: 'accept' } as const;
  const overrides = { abortGraceMs: 500, timeoutMs: 2_000 };
  const made = await submitTask(parts, { user: 'alice', admin: false }, { type: 'iso.spins', overrides });
  if (made.kind !== 'done') throw new Error(made.kind);
  const handle = await stage.as('alice').open({ uuid: made.id, address: made.address });
  assert.is(handle.record.policy.isolation, undefined);
  await handle.wait({ timeout: '30s' });
  assert.equal([handle.status, handle.record.abort?.forced], ['timed_out', true]);
});

test('T5 abort handlers run in the thread; one that does not return is ended', async (stage) => {
  const handle = await stage.as('alice').within(() => ignores.schedule());
  await untilEffect(stage, handle, 'ignores');
  await until(handle, ({ isAbortable }) => isAbortable);
  await handle.cancel();
  await handle.wait({ timeout: '30s' });
  assert.equal([handle.status, handle.record.abort?.forced], ['aborted', true]);
  assert.ok(handle.record.abort?.observedAt !== undefined, 'the proof says that handlers ran');
  assert.equal(effectsOf(stage, handle), ['ignores', 'aborted']);
});

test('T5 a loop that looks at its signal stops by itself, all handlers run, last registered first', async (stage) => {
  const handle = await stage.as('alice').within(() => looksInLoop.schedule());
  await until(handle, ({ isAbortable, progress }) => isAbortable && progress !== undefined);
  await handle.cancel();
  await handle.wait({ timeout: '30s' });
  assert.equal([handle.status, handle.record.abort?.forced], ['aborted', undefined]);
  assert.equal(effectsOf(stage, handle), ['abort 2', 'abort 1', 'cleanup 2', 'cleanup 1']);
  assert.ok(stopTook(handle) < 2_000, `${stopTook(handle)} ms`);
});

const LOSSES = [
  ['exit', 'ThreadExitedError', /exit code 7/],
  ['rejection', 'Error', /nobody waits for this/],
  ['exception', 'RangeError', /thrown in a timer/],
  ['memory', 'Error', /memory/],
  ['buffers', 'ThreadMemoryError', /buffers of the thread take 1\d\d MiB/],
] as const;

for (const [how, type, message] of LOSSES) {
  test(
    `T5 a thread that is lost (${how}) is a failed attempt, retried by its policy`,
    async (stage) => {
      const handle = await stage.as('alice').within(() => lost.schedule(how));
      await handle.wait({ timeout: '60s' });
      assert.equal([handle.status, handle.result], ['success', { attempt: 2, isMainThread: false }]);
      const failed = (await versionsOf(stage, handle)).find(
        ({ status, failures }) => status === 'pending' && failures === 1,
      );
      assert.is(failed?.error?.type, type);
      assert.match(failed?.error?.message ?? '', message);
      const once = await stage.as('alice').within(() => lost.with({ retry: { maxAttempts: 1 } }).schedule(how));
      await once.wait({ timeout: '60s' });
      assert.equal([once.status, once.error?.type], ['failure', type]);
    },
    { limitMs: 45_000 },
  );
}

test('T5 what a task leaves behind in its thread does not end the next one', async (stage) => {
  await stage.as('alice').within(async () => {
    for (let i = 0; i < 4; i++) {
      const handle = await leavesTimer.schedule();
      await handle.wait({ timeout: '30s' });
      assert.is(handle.status, 'success');
      const next = await looksInLoop.schedule();
      await until(next, ({ isAbortable }) => isAbortable);
      await next.cancel();
      await next.wait({ timeout: '30s' });
      assert.equal([next.status, next.record.abort?.forced], ['aborted', undefined]);
    }
  });
});

test(
  'T5 inline calls run in a thread as well',
  async (stage) => {
    await stage.as('alice').within(async () => {
      const handle = await looksAround(7);
      const { given, thread } = handle.result as Record<string, unknown>;
      assert.equal([handle.status, given, handle.executionMode], ['success', 7, 'sync']);
      assert.is.not(thread, threadId);
      assert.ok(isMainThread);
      const endless = await spins.with({ timeout: '2s' })();
      assert.equal([endless.status, endless.record.abort?.forced], ['timed_out', true]);
    });
  },
  { limitMs: 30_000 },
);

test(
  'T5 a module that the thread cannot use is found when the task is defined, or when the worker starts',
  async (stage, context) => {
    const defined = await thrownBy(() => task({ name: 'iso.nowhere', isolation: 'thread' }, () => 1));
    assert.instance(defined, InvalidArgumentError);
    assert.match(defined.message, /import\.meta\.url/);
    const missing = task({ name: 'iso.missing', isolation: 'thread', module: 'file:///nowhere.mjs' }, () => 1);
    const other = task(
      { name: 'iso.other', isolation: 'thread', module: new URL('./fixture-isolated.mjs', import.meta.url) },
      () => 1,
    );
    for (const [each, why] of [
      [missing, /could not load/],
      [other, /does not define it/],
    ] as const) {
      const refused = await thrownBy(() => stage.serve(context, [each]));
      assert.instance(refused, InvalidArgumentError);
      assert.match(refused.message, why);
    }
  },
  { limitMs: 30_000 },
);

test('T5 a worker that drains gives back a body that does not listen, and ends its thread', async (stage, context) => {
  const worker = await stage.serve(context, [spins], { queues: ['draining'] });
  const handle = await stage.as('alice').within(() => spins.with({ queue: 'draining' }).schedule());
  await until(handle, ({ status }) => status === 'in_progress');
  await eventually(() => assert.is(worker.running, 1));
  await worker.drain({ grace: 0 });
  await handle.refresh();
  assert.equal(statuses(handle), ['pending', 'in_progress', 'pending']);
  assert.equal([handle.record.history.at(-1)?.why, handle.record.failures], ['drain', undefined]);
  await eventually(() => assert.is(worker.running, 0, 'its slot is free, so its thread is gone'));
});

test('T5 a module that is a whole program is not started a second time in the thread', async (stage, context) => {
  const module = new URL('./fixture-program.mjs', import.meta.url);
  const program = task({ name: 'iso.in_program', isolation: 'thread', module }, () => 1);
  const refused = await thrownBy(() => stage.serve(context, [program]));
  assert.instance(refused, InvalidArgumentError);
  assert.match(refused.message, /a module with isolated tasks must not start the program/);
});

test.run();
