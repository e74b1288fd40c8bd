// L12, R2, R5: attempts, and how a worker goes.
import { setTimeout as pause } from 'node:timers/promises';
import { getContext, RetryableError, task, TerminalError } from '@baton/sdk';
import type { NodeInfo } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { double, steps } from '../support/fixture-tasks.ts';
import { aborted, gate, stagedSuite, statuses, until } from '../support/stage.ts';

const test = stagedSuite('retries and drain');

test('R2 attempts count failures of the body, with growing pauses, until none is left', async (stage, context) => {
  const body = task(
    { name: 'r2.body', retry: { maxAttempts: 4, backoff: { initial: '100ms', factor: 3, max: '500ms', jitter: 0 } } },
    () => {
      throw new Error(`attempt ${getContext().attempt}`);
    },
  );
  await stage.serve(context, [body]);
  const handle = await stage.as('alice').within(() => body.schedule());
  await handle.wait({ timeout: '45s' });
  assert.equal([handle.status, handle.attempt, handle.record.failures], ['failure', 4, 4]);
  assert.is(handle.error?.message, 'attempt 4', 'the last one');
  const { history } = handle.record;
  const pauses = history.flatMap(({ status, at }, i) =>
    status === 'pending' && i > 0 ? [(history[i + 1]?.at ?? 0) - at] : [],
  );
  assert.is(pauses.length, 3);
  for (const [i, ms] of [100, 300, 500].entries()) {
    assert.ok((pauses[i] ?? 0) >= ms && (pauses[i] ?? 0) < ms + 1_500, `pause ${i + 1}: ${pauses[i]} ms`);
  }
});

test('R2 one attempt is the default; TerminalError and retryOn end it, RetryableError sets the delay', async (stage, context) => {
  const retry = { maxAttempts: 3, backoff: { initial: '20ms', jitter: 0 } } as const;
  const once = task({ name: 'r2.once' }, () => Promise.reject(new Error('no')));
  const terminal = task({ name: 'r2.terminal', retry }, () => Promise.reject(new TerminalError('never')));
  const only = task(
    { name: 'r2.only', retry: { ...retry, retryOn: (error) => error instanceof RangeError } },
    (range: boolean) => {
      throw range ? new RangeError('worth it') : new TypeError('not worth it');
    },
  );
  const asks = task({ name: 'r2.asks', retry }, () => {
    if (getContext().attempt === 1) throw new RetryableError('busy', { retryAfter: '700ms' });
    return 'then';
  });
  await stage.serve(context, [once, terminal, only, asks]);
  await stage.as('alice').within(async () => {
    for (const [handle, attempts, type] of [
      [await once.schedule(), 1, 'Error'],
      [await terminal.schedule(), 1, 'TerminalError'],
      [await only.schedule(true), 3, 'RangeError'],
      [await only.schedule(false), 1, 'TypeError'],
    ] as const) {
      await handle.wait({ timeout: '30s' });
      assert.equal([handle.status, handle.attempt, handle.error?.type], ['failure', attempts, type]);
    }
    const asked = await asks.schedule();
    await asked.wait({ timeout: '30s' });
    assert.equal([asked.status, asked.attempt, asked.result], ['success', 2, 'then']);
    const [, , failed, again] = asked.record.history;
    assert.ok((again?.at ?? 0) - (failed?.at ?? 0) >= 700);
  });
});

test('R5 a drain: nothing new, grace, then the signal; success for what returns, the rest is given back', async (stage, context) => {
  const began: string[] = [];
  const body = task({ name: 'r5.body' }, async (kind: string) => {
    const { signal, onCleanup, taskId } = getContext();
    began.push(`${kind} ${taskId}`);
    onCleanup(() => undefined);
    if (kind === 'soon') return 'within the grace';
    if (kind === 'deaf') await new Promise(() => undefined);
    const reason = await aborted(signal);
    if (kind === 'throws') throw reason;
    return 'told and came to an end';
  });
  const worker = await stage.serve(context, [body], { concurrency: 10 });
  await stage.as('alice').within(async () => {
    const [returns, throws, deaf] = [
      await body.schedule('returns'),
      await body.schedule('throws'),
      await body.schedule('deaf'),
    ];
    for (const handle of [returns, throws, deaf]) await until(handle, ({ status }) => status === 'in_progress');
    for (const handle of [returns, throws]) await until(handle, ({ isAbortable }) => isAbortable);
    const startedAt = performance.now();
    const draining = worker.drain({ grace: '400ms' });
    await pause(50);
    const late = await body.schedule('soon');
    await returns.wait({ timeout: '30s' });
    assert.ok(performance.now() - startedAt >= 390, 'the signal comes after the grace');
    await draining;
    assert.equal([returns.status, returns.result], ['success', 'told and came to an end']);
    for (const handle of [throws, deaf]) {
      await handle.refresh();
      assert.equal(statuses(handle), ['pending', 'in_progress', 'pending']);
      const { history, attempt, failures, rescues, error, owner } = handle.record;
      assert.equal([attempt, failures, rescues, error, owner], [1, undefined, undefined, undefined, undefined]);
      assert.is(history.at(-1)?.why, 'drain');
    }
    assert.is((await late.refresh()).status, 'pending', 'nothing new was taken');
    for (const handle of [throws, deaf, late]) await handle.cancel();
  });
});

test('R5 of two workers of one client each serves its own types, and one that drains takes nothing of the other along', async (stage, context) => {
  const hold = gate();
  const rests = task({ name: 'r5.rests' }, async () => {
    const { signal } = getContext();
    await Promise.race([hold.passed, aborted(signal)]);
    return signal.aborted ? 'told to stop' : 'left alone';
  });
  const inner = task({ name: 'r5.inner' }, async () => String(await aborted(getContext().signal)));
  const outer = task({ name: 'r5.outer' }, async () => {
    getContext().onAbort(() => undefined);
    return inner();
  });
  const nodes = new Map<string, NodeInfo>();
  const following = await stage.ports.presence.follow({
    seen: (info) => void nodes.set(info.id, info),
    left: (_role, id) => void nodes.delete(id),
    caughtUp: () => {},
    lost: () => {},
  });
  context.defer(() => following.close());
  const client = await stage.client(context, { user: { id: 'alice' } });
  const [first, second] = [
    await client.startWorker({ tasks: [rests] }),
    await client.startWorker({ tasks: [outer, double], concurrency: 3 }),
  ];
  context.defer(() => first.drain({ grace: 0 }));
  assert.is.not(first.id, second.id);
  await client.within(async () => {
    const resting = await rests.schedule();
    const calls = await outer.schedule();
    await until(resting, ({ isAbortable }) => isAbortable);
    await until(calls, ({ isAbortable }) => isAbortable);
    await eventually(() => {
      const { state, types, concurrency, running } = nodes.get(second.id) ?? {};
      const both = 'the task, and the one it called inline';
      assert.equal([state, types, concurrency, running], ['ready', ['r5.outer', 'fx.double'], 3, 2], both);
    });
    await second.drain({ grace: 0 });
    await eventually(() => assert.is(nodes.get(second.id), undefined));
    assert.equal([nodes.get(first.id)?.state, nodes.get(first.id)?.types], ['ready', ['r5.rests']]);
    await calls.refresh();
    assert.ok(calls.status !== 'in_progress', 'it was told with the task it called');
    hold.open();
    await resting.wait({ timeout: '30s' });
    assert.is(resting.result, 'left alone');
    const another = await rests.schedule();
    await another.wait({ timeout: '30s' });
    assert.equal([another.result, another.record.owner?.worker], ['left alone', first.id]);
    await calls.cancel().catch(() => undefined);
  });
});

test('L12 what was given back is run on by another worker as the same attempt, with its priority', async (stage, context) => {
  const hold = gate();
  let runs = 0;
  const body = task({ name: 'l12.body', priority: 'high', retry: { maxAttempts: 1 } }, async () => {
    const { attempt, previous, updateTask } = getContext();
    if (runs++ === 0) {
      updateTask({ progress: { count: 7 } });
      await hold.passed;
    }
    return { attempt, previous };
  });
  const first = await stage.serve(context, [body]);
  const handle = await stage.as('alice').within(() => body.schedule());
  await until(handle, ({ progress }) => progress !== undefined);
  await first.drain({ grace: 0 });
  await until(handle, ({ status }) => status === 'pending');
  const second = await stage.serve(context, [body]);
  await handle.wait({ timeout: '30s' });
  assert.equal(
    [handle.status, handle.attempt, handle.record.failures, handle.record.rescues, handle.record.priority],
    ['success', 1, undefined, undefined, 'high'],
  );
  assert.is(handle.record.owner?.worker, second.id);
  assert.equal(handle.result, { attempt: 1, previous: { progress: { count: 7 } } });
  assert.equal(statuses(handle), ['pending', 'in_progress', 'pending', 'in_progress', 'success']);
  // The old body comes to its end now: nobody asks for it any more.
  const { revision } = handle;
  hold.open();
  await pause(300);
  const stored = await stage.as('alice').open(handle);
  assert.equal([stored.status, stored.record.archived === true || stored.revision === revision], ['success', true]);
});

test('R5 SIGTERM: a running body comes to its end, nothing new is taken, the process ends with 0', async (stage) => {
  const worker = stage.service('worker', 'worker term', { BATON_QUEUES: 'r5', BATON_CONCURRENCY: '1' });
  await worker.start();
  const alice = stage.as('alice');
  const running = await alice.within(() => steps.with({ queue: 'r5', taskKey: 'running' }).schedule(10, 150));
  await until(running, ({ status }) => status === 'in_progress');
  const waiting = await alice.within(() => double.with({ queue: 'r5' }).schedule(1));
  const ended = worker.stop();
  await running.wait({ timeout: '30s' });
  assert.equal([running.status, running.attempt], ['success', 1]);
  assert.equal(await ended, { code: 0, signal: null });
  assert.is((await waiting.refresh()).status, 'pending');
  await waiting.cancel();
});

test('R5 a second signal is immediate, and one that comes twice is one', async (stage) => {
  const worker = stage.service('worker', 'worker impatient', { BATON_QUEUES: 'r5now' });
  await worker.start();
  const handle = await stage
    .as('alice')
    .within(() => steps.with({ queue: 'r5now', taskKey: 'now', maxRescues: 0 }).schedule(100, 150));
  await until(handle, ({ status }) => status === 'in_progress');
  // One Ctrl-C under npm: from the terminal and from npm, all in one moment.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGTERM'] as const) worker.signal(signal);
  await eventually(() => assert.match(worker.output, /"msg":"stopping"/));
  await pause(500);
  assert.ok(worker.isRunning, 'the first one waits for the body');
  const began = performance.now();
  worker.signal('SIGTERM');
  assert.is((await worker.ended).code, 128 + 15);
  assert.ok(performance.now() - began < 1_500);
});

test.run();
