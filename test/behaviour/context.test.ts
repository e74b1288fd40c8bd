// C5 to C8: handlers of an abort and of the end, and what a body can ask. The worker is in this process.
import { setTimeout as pause } from 'node:timers/promises';
import { getContext, task, type TaskContext } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { aborted, gate, recordingLog, stagedSuite, thrownBy, until } from '../support/stage.ts';

const test = stagedSuite('context');

test('C5 cleanup runs whatever the outcome, abort handlers on abort and timeout; both are awaited', async (stage, context) => {
  const seen = new Map<string, string[]>();
  const body = task({ name: 'c5.body' }, async (kind: string) => {
    const { taskId, signal, onAbort, onCleanup } = getContext();
    const calls: string[] = [];
    seen.set(taskId, calls);
    onAbort(async () => {
      await pause(20);
      calls.push('abort');
    });
    onCleanup(async () => {
      await pause(20);
      calls.push('cleanup');
    });
    if (kind === 'failure') throw new Error('no');
    if (kind !== 'success') await aborted(signal);
  });
  await stage.serve(context, [body]);
  await stage.as('alice').within(async () => {
    for (const [kind, calls] of [
      ['success', ['cleanup']],
      ['failure', ['cleanup']],
      ['aborted', ['abort', 'cleanup']],
      ['timed_out', ['abort', 'cleanup']],
    ] as const) {
      const handle = await body.with(kind === 'timed_out' ? { timeout: '200ms' } : {}).schedule(kind);
      if (kind === 'aborted') {
        await until(handle, ({ isAbortable }) => isAbortable);
        await handle.cancel();
      }
      await handle.wait({ timeout: '30s' });
      assert.is(handle.status, kind);
      assert.equal(seen.get(handle.uuid), calls, `done before ${kind} is recorded`);
    }
  });
});

test('C6 last registered first, abort before cleanup, all of them though some throw', async (stage, context) => {
  const calls: string[] = [];
  const body = task({ name: 'c6.body' }, async () => {
    const { signal, onAbort, onCleanup } = getContext();
    for (const i of [1, 2, 3]) {
      onCleanup(() => {
        calls.push(`cleanup ${i}`);
        if (i !== 1) throw new Error(`cleanup ${i}`);
      });
      onAbort(async () => {
        await pause(10 * (4 - i));
        calls.push(`abort ${i}`);
        if (i !== 1) throw new Error(`abort ${i}`);
      });
    }
    await aborted(signal);
  });
  await stage.serve(context, [body]);
  await stage.as('alice').within(async () => {
    const handle = await body.schedule();
    await until(handle, ({ isAbortable }) => isAbortable);
    await handle.cancel();
    await handle.wait({ timeout: '30s' });
    assert.equal(calls, ['abort 3', 'abort 2', 'abort 1', 'cleanup 3', 'cleanup 2', 'cleanup 1']);
    assert.equal([handle.status, handle.error?.message], ['failure', 'abort 3; abort 2; cleanup 3; cleanup 2']);
  });
});

for (const [how, become] of [
  ['onAbort', (ctx: TaskContext) => ctx.onAbort(() => undefined)],
  ['the first read of the signal', (ctx: TaskContext) => void ctx.signal],
] as const) {
  test(`C7 ${how} makes a task abortable from then on, and anew at the next attempt`, async (stage, context) => {
    const steps = [gate(), gate(), gate(), gate()];
    let runs = 0;
    const name = `c7.${how.replaceAll(/\W+/g, '_')}`;
    const body = task({ name, retry: { maxAttempts: 2, backoff: { initial: 0 } } }, async () => {
      const ctx = getContext();
      const run = runs++;
      ctx.onCleanup(() => undefined);
      ctx.updateTask({ payload: { run } });
      await steps[run * 2]?.passed;
      become(ctx);
      await steps[run * 2 + 1]?.passed;
      if (run === 0) throw new Error('once more');
    });
    await stage.serve(context, [body]);
    await stage.as('alice').within(async () => {
      const handle = await body.schedule();
      for (const run of [0, 1]) {
        await until(handle, ({ attempt, status }) => attempt === run + 1 && status === 'in_progress');
        assert.is(handle.isAbortable, false, `attempt ${run + 1} has not asked for it yet`);
        steps[run * 2]?.open();
        await until(handle, ({ isAbortable }) => isAbortable);
        const document = await stage.document(handle.uuid, (d) => d.attempt === run + 1 && d.is_abortable);
        assert.is(document.status, 'in_progress');
        steps[run * 2 + 1]?.open();
      }
      await handle.wait({ timeout: '30s' });
      assert.is(handle.status, 'success');
    });
  });
}

test('C7 the reason of the signal tells a cancel, a timeout and a drain apart', async (stage, context) => {
  const reasons = new Map<string, unknown>();
  const body = task({ name: 'c7.reason' }, async () => {
    const { taskId, signal } = getContext();
    const reason = await aborted(signal);
    reasons.set(taskId, (reason as { readonly cause?: unknown }).cause);
    throw reason;
  });
  const worker = await stage.serve(context, [body]);
  await stage.as('alice').within(async () => {
    const cancelled = await body.schedule();
    const timedOut = await body.with({ timeout: '200ms' }).schedule();
    const drained = await body.schedule();
    for (const handle of [cancelled, drained]) await until(handle, ({ isAbortable }) => isAbortable);
    await cancelled.cancel();
    await Promise.all([cancelled, timedOut].map((handle) => handle.wait({ timeout: '30s' })));
    await worker.drain({ grace: 0 });
    await until(drained, ({ status }) => status === 'pending');
    assert.equal(
      [cancelled, timedOut, drained].map(({ uuid }) => reasons.get(uuid)),
      ['cancel', 'timeout', 'drain'],
    );
  });
});

test('C8 the context tells what runs, for whom, which attempt, and where the last one stopped', async (stage, context) => {
  const { log, lines } = recordingLog();
  const told: unknown[] = [];
  const body = task({ name: 'c8.body', retry: { maxAttempts: 2, backoff: { initial: 0 } } }, () => {
    const {
      taskId,
      taskKey,
      taskType,
      attempt,
      fence,
      idempotencyKey,
      previous,
      user,
      log: own,
      updateTask,
    } = getContext();
    told.push({ taskId, taskKey, taskType, attempt, fence, idempotencyKey, previous, user });
    own.info({ extra: attempt }, 'a line of the handler');
    updateTask({ progress: [attempt, 2], payload: { at: attempt } });
    assert.equal(getContext().previous, previous, 'what this attempt writes is not the former');
    if (attempt === 1) throw new Error('first');
  });
  await stage.serve(context, [body], { log });
  await stage.as('carol').within(async () => {
    const handle = await body.with({ taskKey: 'the key' }).schedule();
    await handle.wait({ timeout: '30s' });
    assert.is(handle.status, 'success');
    const { owner } = handle.record;
    const common = { taskId: handle.uuid, taskKey: 'the key', taskType: 'c8.body', idempotencyKey: handle.uuid };
    const [first, second] = told as readonly { fence: { epoch: number; revision: number } }[];
    assert.equal(first, {
      ...common,
      attempt: 1,
      fence: first?.fence,
      previous: { progress: undefined, payload: undefined },
      user: { id: 'carol' },
    });
    assert.equal(second, {
      ...common,
      attempt: 2,
      fence: owner?.fence,
      previous: { progress: { current: 1, total: 2 }, payload: { at: 1 } },
      user: { id: 'carol' },
    });
    assert.ok((second?.fence.revision ?? 0) > (first?.fence.revision ?? 0), 'the fence grows');
    const own = lines.filter(({ msg }) => msg === 'a line of the handler');
    assert.equal(
      own.map(({ task: id, type, attempt, extra }) => [id, type, attempt, extra]),
      [1, 2].map((attempt) => [handle.uuid, 'c8.body', attempt, attempt]),
    );
  });
});

test('C8 the context follows asynchronous calls, and there is none outside of a task', async (stage, context) => {
  const outside = await thrownBy(() => getContext());
  assert.is(outside.code, 'NO_TASK_CONTEXT');
  const body = task({ name: 'c8.async' }, async (n: number) => {
    await pause(1 + (n % 3));
    const deep = async (): Promise<string> => {
      await pause(1);
      return getContext().taskKey;
    };
    return Promise.all([deep(), new Promise((resolve) => setTimeout(() => resolve(getContext().taskKey), 2))]);
  });
  await stage.serve(context, [body]);
  await stage.as('alice').within(async () => {
    const handles = await Promise.all([1, 2, 3, 4, 5].map((n) => body.with({ taskKey: `key ${n}` }).schedule(n)));
    for (const handle of handles) {
      await handle.wait({ timeout: '30s' });
      assert.equal(handle.result, [handle.key, handle.key]);
    }
  });
});

test.run();
