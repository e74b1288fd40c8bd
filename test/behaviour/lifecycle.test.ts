// L: the life of a task, from submit to end. The death of a worker stands in workers.test.ts, failures in failures.test.ts.
import { getContext, task, TaskAbortFailedError } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { aborted, CLOCKS_MS, gate, stagedSuite, statuses, thrownBy, until } from '../support/stage.ts';

const test = stagedSuite('lifecycle');

test('L1 success and failure go from pending over in_progress, an abort over aborting', async (stage, context) => {
  const works = task({ name: 'l1.works' }, () => 'done');
  const fails = task({ name: 'l1.fails' }, () => {
    throw new Error('no');
  });
  const stops = task({ name: 'l1.stops' }, async () => {
    await aborted(getContext().signal);
  });
  const breaks = task({ name: 'l1.breaks' }, async () => {
    const { signal, onAbort } = getContext();
    onAbort(() => {
      throw new Error('cannot stop');
    });
    await aborted(signal);
  });
  const late = task({ name: 'l1.late', timeout: '100ms' }, async () => {
    await aborted(getContext().signal);
  });
  await stage.serve(context, [works, fails, stops, breaks, late]);
  await stage.as('alice').within(async () => {
    const [a, b, c, d, e] = [
      await works.schedule(),
      await fails.schedule(),
      await stops.schedule(),
      await breaks.schedule(),
      await late.schedule(),
    ];
    for (const handle of [c, d]) {
      await until(handle, ({ record }) => record.abortable === true);
      await handle.cancel();
    }
    for (const handle of [a, b, c, d, e]) await handle.wait({ timeout: '30s' });
    assert.equal(statuses(a), ['pending', 'in_progress', 'success']);
    assert.equal(statuses(b), ['pending', 'in_progress', 'failure']);
    assert.equal(statuses(c), ['pending', 'in_progress', 'aborting', 'aborted']);
    assert.equal(statuses(d), ['pending', 'in_progress', 'aborting', 'failure']);
    assert.equal(statuses(e), ['pending', 'in_progress', 'aborting', 'timed_out']);
    const never = await works.with({ queue: 'nobody' }).schedule();
    await never.cancel();
    await never.wait({ timeout: '30s' });
    assert.equal(statuses(never), ['pending', 'aborted']);
    for (const handle of [a, b, c, d, e, never]) {
      const document = await stage.document(handle.uuid, ({ terminal }) => terminal);
      assert.is(document.status, handle.status, 'the same word in MongoDB');
    }
  });
});

test('L2 what has ended takes nothing more, and its key is free', async (stage, context) => {
  const release = gate();
  const once = task({ name: 'l2.once' }, async (n: number) => {
    if (n === 1) await release.passed;
    return n;
  });
  await stage.serve(context, [once]);
  await stage.as('alice').within(async () => {
    const call = once.with({ taskKey: 'key' });
    const first = await call.schedule(1);
    assert.is((await call.schedule(2)).uuid, first.uuid, 'the key is not free before the end');
    release.open();
    await first.wait({ timeout: '30s' });
    const { record, revision } = first;
    const refused = await thrownBy(() => first.cancel());
    assert.instance(refused, TaskAbortFailedError);
    const stored = await (await stage.as('alice').open(first)).refresh();
    assert.equal([stored.status, stored.result, stored.error], ['success', 1, undefined]);
    if (stored.record.archived !== true) assert.is(stored.revision, revision, 'nothing was written since');
    const second = await call.schedule(2);
    assert.is(second.outcome, 'created');
    assert.is.not(second.uuid, first.uuid);
    await second.wait({ timeout: '30s' });
    assert.is(second.result, 2);
    const kept = await stage.document(first.uuid, ({ terminal }) => terminal);
    assert.equal([kept.status, kept.result, kept.error_message], [record.status, '1', null]);
  });
});

test('L3 success is recorded after every cleanup handler, a failing one makes it a failure', async (stage, context) => {
  const seen: string[] = [];
  const hold = gate();
  const good = task({ name: 'l3.good' }, () => {
    const { onCleanup } = getContext();
    onCleanup(async () => {
      await hold.passed;
      seen.push('first registered');
    });
    onCleanup(() => void seen.push('last registered'));
    return 'made';
  });
  const bad = task({ name: 'l3.bad' }, () => {
    getContext().onCleanup(() => Promise.reject(new Error('cleanup broke')));
    return 'lost';
  });
  await stage.serve(context, [good, bad]);
  await stage.as('alice').within(async () => {
    const handle = await good.schedule();
    await until(handle, ({ record }) => record.finishing === true);
    assert.is(handle.status, 'in_progress', 'not a success while a handler still runs');
    assert.is(handle.result, undefined);
    hold.open();
    await handle.wait({ timeout: '30s' });
    assert.equal([handle.status, handle.result, seen.length], ['success', 'made', 2]);
    const broken = await bad.schedule();
    await broken.wait({ timeout: '30s' });
    assert.equal([broken.status, broken.error?.message, broken.result], ['failure', 'cleanup broke', undefined]);
  });
});

test('L3 from the return of the body on the clock stands still and a cancel is too late', async (stage, context) => {
  const hold = gate();
  const body = task({ name: 'l3.finishing', timeout: '300ms' }, () => {
    const { onCleanup, onAbort } = getContext();
    onAbort(() => undefined);
    onCleanup(() => hold.passed);
    return 1;
  });
  await stage.serve(context, [body]);
  await stage.as('alice').within(async () => {
    const handle = await body.schedule();
    await until(handle, ({ record }) => record.finishing === true);
    const refused = await thrownBy(() => handle.cancel());
    assert.instance(refused, TaskAbortFailedError);
    assert.is((refused as TaskAbortFailedError).status, 'finishing');
    const started = handle.record.startedAt ?? 0;
    // Well past the time of worker and supervisor.
    await until(handle, () => Date.now() - started > 1_000);
    assert.equal([handle.status, handle.record.timeoutUnenforced], ['in_progress', undefined]);
    hold.open();
    await handle.wait({ timeout: '30s' });
    assert.is(handle.status, 'success');
  });
});

test('L4 a task aborted while pending never starts, whoever comes to serve it', async (stage, context) => {
  const ran: number[] = [];
  const counted = task({ name: 'l4.counted' }, (n: number) => {
    ran.push(n);
  });
  await stage.as('alice').within(async () => {
    const cancelled = await Promise.all([1, 2, 3].map((n) => counted.schedule(n)));
    const kept = await counted.schedule(4);
    for (const handle of cancelled) assert.is((await handle.cancel()).action, 'aborted');
    for (const handle of cancelled) assert.is((await handle.wait({ timeout: '30s' })).status, 'aborted');
    await stage.serve(context, [counted]);
    await kept.wait({ timeout: '30s' });
    assert.equal(ran, [4]);
    for (const handle of cancelled) assert.is(handle.startedAt, undefined);
  });
});

test('L9 a failed body goes back to pending with the next attempt and a time to run at', async (stage, context) => {
  const body = task({ name: 'l9.body', retry: { maxAttempts: 2, backoff: { initial: '700ms', jitter: 0 } } }, () => {
    if (getContext().attempt === 1) throw new Error('first');
    return 'second';
  });
  await stage.serve(context, [body]);
  await stage.as('alice').within(async () => {
    const handle = await body.schedule();
    await until(handle, ({ status, attempt }) => status === 'pending' && attempt === 1);
    const { runAt = 0, changedAt, failures, error } = handle.record;
    assert.equal([runAt - changedAt, failures, error?.message], [700, 1, 'first']);
    await handle.wait({ timeout: '30s' });
    assert.equal([handle.status, handle.attempt, handle.result, handle.error], ['success', 2, 'second', undefined]);
    const { history } = handle.record;
    assert.equal(
      history.map(({ status, attempt }) => `${status} ${attempt}`),
      ['pending 0', 'in_progress 1', 'pending 1', 'in_progress 2', 'success 2'],
    );
    const [, , retried, again] = history;
    assert.ok((again?.at ?? 0) - (retried?.at ?? 0) >= 700, 'not before its time');
  });
});

test('L10 every transition says when, who, why and which attempt, in the record and in MongoDB', async (stage, context) => {
  const body = task({ name: 'l10.body', retry: { maxAttempts: 2, backoff: { initial: 0 } } }, async () => {
    if (getContext().attempt === 1) throw new RangeError('again');
    await aborted(getContext().signal);
  });
  const worker = await stage.serve(context, [body]);
  await stage.as('alice').within(async () => {
    const began = Date.now();
    const handle = await body.schedule();
    await until(handle, ({ record, attempt }) => attempt === 2 && record.abortable === true);
    await stage.admin.open(handle).then((theirs) => theirs.cancel());
    await handle.wait({ timeout: '30s' });
    const { history } = handle.record;
    assert.equal(
      history.map(({ status, by, attempt, why }) => [status, by, attempt, why]),
      [
        ['pending', 'user:alice', 0, undefined],
        ['in_progress', `worker:${worker.id}`, 1, undefined],
        ['pending', `worker:${worker.id}`, 1, 'retry after RangeError: again'],
        ['in_progress', `worker:${worker.id}`, 2, undefined],
        ['aborting', 'user:root', 2, 'cancel'],
        ['aborted', `worker:${worker.id}`, 2, undefined],
      ],
    );
    const ended = Date.now();
    assert.ok(history.every(({ at }, i) => at >= (history[i - 1]?.at ?? began - CLOCKS_MS) && at <= ended + CLOCKS_MS));
    const document = await stage.document(handle.uuid, ({ terminal }) => terminal);
    assert.equal(
      document.history.map(({ status, by, attempt, why, at }) => [status, by, attempt, why ?? undefined, at.getTime()]),
      history.map(({ status, by, attempt, why, at }) => [status, by, attempt, why, at]),
    );
  });
});

test('L13 a timeout during an abort, or a cancel during a timeout, changes nothing', async (stage, context) => {
  const calls: string[] = [];
  const hold = gate();
  const body = task({ name: 'l13.body' }, async (name: string) => {
    const { signal, onAbort } = getContext();
    onAbort(() => void calls.push(name));
    await aborted(signal);
    await hold.passed;
  });
  await stage.serve(context, [body]);
  await stage.as('alice').within(async () => {
    const cancelled = await body.with({ timeout: '1s' }).schedule('cancelled');
    await until(cancelled, ({ record }) => record.abortable === true);
    await cancelled.cancel();
    const timedOut = await body.with({ timeout: '100ms' }).schedule('timed out');
    await until(timedOut, ({ status }) => status === 'aborting');
    assert.is((await timedOut.cancel()).action, 'aborted');
    const started = cancelled.record.startedAt ?? 0;
    await until(cancelled, () => Date.now() - started > 1_500);
    hold.open();
    for (const handle of [cancelled, timedOut]) await handle.wait({ timeout: '30s' });
    assert.equal([cancelled.status, cancelled.record.abort?.cause], ['aborted', 'cancel']);
    assert.equal([timedOut.status, timedOut.record.abort?.cause], ['timed_out', 'timeout']);
    assert.equal(calls.toSorted(), ['cancelled', 'timed out'], 'no handler ran twice');
  });
});

test('L14 durations run from start to end, the wait stands beside it, the mode is told', async (stage, context) => {
  const hold = gate();
  const body = task({ name: 'l14.body' }, () => hold.passed);
  const quick = task({ name: 'l14.quick' }, () => 1);
  await stage.as('alice').within(async () => {
    const handle = await body.schedule();
    assert.is(handle.durationSeconds, undefined, 'never started');
    const created = handle.record.createdAt;
    await until(handle, () => Date.now() - created > 300);
    assert.ok(handle.queuedSeconds >= 0.3, 'it waits still');
    await stage.serve(context, [body, quick]);
    await until(handle, ({ status }) => status === 'in_progress');
    const started = handle.record.startedAt ?? 0;
    await until(handle, () => Date.now() - started > 300);
    assert.ok((handle.durationSeconds ?? 0) >= 0.3, 'running: up to now');
    hold.open();
    await handle.wait({ timeout: '30s' });
    const { startedAt = 0, endedAt = 0, createdAt } = handle.record;
    assert.is(handle.durationSeconds, (endedAt - startedAt) / 1_000);
    assert.is(handle.queuedSeconds, (startedAt - createdAt) / 1_000);
    assert.is((await stage.document(handle.uuid, ({ terminal }) => terminal)).queued_seconds, handle.queuedSeconds);
    assert.is(handle.executionMode, 'async');
    const inline = await quick();
    assert.is(inline.executionMode, 'sync');
    assert.ok((inline.durationSeconds ?? -1) >= 0);
    for (const [one, mode] of [
      [handle, 'async'],
      [inline, 'sync'],
    ] as const) {
      assert.is((await stage.document(one.uuid, ({ terminal }) => terminal)).execution_mode, mode);
    }
  });
});

test('L14 a delay and a back-off are no wait for a worker, in the handle and in the document', async (stage, context) => {
  let runs = 0;
  const delayed = task({ name: 'l14.delayed' }, () => 1);
  const retried = task({ name: 'l14.retried', retry: { maxAttempts: 2, backoff: { initial: 1, jitter: 0 } } }, () => {
    if (++runs === 1) throw new Error('first');
  });
  await stage.serve(context, [delayed, retried]);
  await stage.as('alice').within(async () => {
    const asked = performance.now();
    const first = await delayed.with({ delay: 1 }).schedule();
    // The delay counts from the call, and the task is made within it.
    const call = performance.now() - asked;
    const handles = [first, await retried.schedule()];
    for (const handle of handles) {
      await handle.wait({ timeout: '9s' });
      assert.is(handle.status, 'success');
      const { createdAt, readyAt = 0, startedAt = 0, runAt } = handle.record;
      assert.ok(
        readyAt - createdAt >= 1_000 - call - CLOCKS_MS,
        `${handle.record.type}: ready ${readyAt - createdAt} ms after the submit`,
      );
      assert.is(runAt, undefined);
      assert.is(handle.queuedSeconds, Math.max(0, startedAt - readyAt) / 1_000, handle.record.type);
      const document = await stage.document(handle.uuid, ({ terminal }) => terminal);
      assert.equal(document.ready_at.getTime(), Math.floor(readyAt), handle.record.type);
      assert.is(document.queued_seconds, handle.queuedSeconds, handle.record.type);
    }
  });
});

test.run();
