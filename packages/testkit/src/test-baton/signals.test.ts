// G4 and G5 in one process, where minutes pass at once.
import { getContext, task, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { TestContext } from '../../../../test/support/test-body.ts';
import { createTestBaton, type TestBaton } from './test-baton.ts';

const test = suite('signals, in memory');

const open = async ({ defer }: Pick<TestContext, 'defer'>): Promise<TestBaton> => {
  const made = await createTestBaton();
  defer(() => made.close());
  return made;
};

type Approval = { readonly by: string };

/** Tells how often it began, and what it was told. */
const approval = (seen: string[], more: { readonly timeout?: string; readonly wait?: string } = {}) =>
  task(
    { name: 'approval', scope: 'shared', ...(more.timeout === undefined ? {} : { timeout: more.timeout }) },
    async () => {
      const { waitForSignal, attempt, updateTask, previous } = getContext();
      seen.push(`begins ${attempt} ${JSON.stringify(previous.payload ?? null)}`);
      updateTask({ payload: { begun: seen.length } });
      const { by } = await waitForSignal<Approval>('approved', more.wait === undefined ? {} : { timeout: more.wait });
      seen.push(`approved by ${by}`);
      return by;
    },
  );

const waits = async (t: TestBaton, job: TaskHandle): Promise<void> => {
  for (let i = 0; i < 50 && job.record.waiting === undefined; i++) {
    await t.advance('100ms');
    await t.run(() => job.refresh());
  }
  assert.is(job.status, 'pending');
  assert.equal(job.record.waiting && 'signal' in job.record.waiting && job.record.waiting.signal, 'approved');
};

test('G4 a wait frees the slot, and the signal starts the task again, from its start, as the same attempt', async (context) => {
  const t = await open(context);
  const seen: string[] = [];
  const approve = approval(seen);
  await t.startWorker({ tasks: [approve], concurrency: 1 });
  const [first, second] = await t.run(async () => [
    await approve.with({ taskKey: 'a' }).schedule(),
    await approve.with({ taskKey: 'b' }).schedule(),
  ]);
  await waits(t, first);
  await waits(t, second);
  await t.advance('5m');
  assert.equal(seen, ['begins 1 null', 'begins 1 null']);
  assert.equal(await t.run(() => t.baton.signal(first as TaskHandle, 'approved', { by: 'eve' })), {
    outcome: 'delivered',
  });
  await t.run(() => first?.wait());
  assert.equal([first?.status, first?.result, first?.attempt], ['success', 'eve', 1]);
  assert.equal(seen.slice(2), ['begins 1 {"begun":1}', 'approved by eve']);
  assert.is(second?.status, 'pending');
});

test('G5 a signal that came before the wait is found by it, and the body goes on without a break', async (context) => {
  const t = await open(context);
  const seen: string[] = [];
  const approve = approval(seen);
  const job = await t.run(() => approve.with({ taskKey: 'a' }).schedule());
  assert.equal(await t.run(() => job.signal('approved', { by: 'eve' })), { outcome: 'kept' });
  await t.startWorker({ tasks: [approve] });
  await t.run(() => job.wait());
  assert.equal(seen, ['begins 1 null', 'approved by eve']);
});

test('G4 a wait has an end: no signal within its timeout throws in the run that goes on, and is not tried again', async (context) => {
  const t = await open(context);
  const seen: string[] = [];
  const approve = approval(seen, { wait: '10m' }).with({ taskKey: 'a', retry: { maxAttempts: 3 } });
  await t.startWorker({ tasks: [approval(seen, { wait: '10m' })] });
  const job = await t.run(() => approve.schedule());
  await waits(t, job);
  await t.advance('9m');
  assert.is(seen.length, 1);
  await t.run(() => job.wait());
  assert.equal([job.status, job.error?.type, job.attempt], ['failure', 'SignalTimeoutError', 1]);
  assert.is(seen.length, 2);
});

test('G4 several waits, one of them in vain: each run finds the answers of those before it', async (context) => {
  const t = await open(context);
  const seen: unknown[] = [];
  const steps = task({ name: 'steps' }, async () => {
    const { waitForSignal } = getContext();
    const early = await waitForSignal('go', { timeout: '3m' }).catch((error: Error & { code?: string }) => error.code);
    const go = await waitForSignal('go');
    const other = await waitForSignal('other');
    seen.push([early, go, other]);
  });
  await t.startWorker({ tasks: [steps] });
  const job = await t.run(() => steps.schedule());
  await t.advance('5m');
  await t.run(() => job.signal('other', [1, 2]));
  await t.advance('2m');
  assert.equal(seen, []);
  await t.run(() => job.signal('go'));
  await t.run(() => job.wait());
  assert.equal(seen, [['SIGNAL_TIMEOUT', undefined, [1, 2]]]);
});

test('G5 sent again under the same operation id it is one signal; without one it is another', async (context) => {
  const t = await open(context);
  const twice = task({ name: 'twice' }, async () => {
    const { waitForSignal } = getContext();
    return [await waitForSignal('n'), await waitForSignal('n')];
  });
  await t.startWorker({ tasks: [twice] });
  const job = await t.run(() => twice.schedule());
  for (let i = 0; i < 3; i++) await t.run(() => job.signal('n', 1, { operationId: 'once' }));
  await t.advance('1m');
  await t.run(() => job.refresh());
  assert.is(job.status, 'pending');
  await t.run(() => job.signal('n', 2));
  await t.run(() => job.wait());
  assert.equal(job.result, [1, 2]);
});

test('G4 cleanup handlers run when the body is left, and nothing behind the wait does', async (context) => {
  const t = await open(context);
  const seen: string[] = [];
  const cleans = task({ name: 'cleans' }, async () => {
    const { onCleanup, waitForSignal } = getContext();
    onCleanup(() => seen.push('cleanup'));
    try {
      await waitForSignal('go');
      seen.push('behind');
    } catch {
      seen.push('caught');
    } finally {
      seen.push('finally');
    }
  });
  await t.startWorker({ tasks: [cleans] });
  const job = await t.run(() => cleans.schedule());
  await t.advance('1m');
  assert.equal(seen, ['cleanup']);
  await t.run(() => job.signal('go'));
  await t.run(() => job.wait());
  assert.is(job.status, 'success');
  assert.equal(seen, ['cleanup', 'behind', 'finally', 'cleanup']);
});

test('G4 a cleanup handler that fails where the body is left fails the task', async (context) => {
  const t = await open(context);
  const cleans = task({ name: 'cleans' }, async () => {
    const { onCleanup, waitForSignal } = getContext();
    onCleanup(() => {
      throw new Error('not clean');
    });
    await waitForSignal('go');
  });
  await t.startWorker({ tasks: [cleans] });
  const job = await t.run(() => cleans.schedule());
  await t.run(() => job.wait());
  assert.equal([job.status, job.error?.message], ['failure', 'not clean']);
});

test('G4 the timeout of a task counts each run, and stands still while it waits; a cancel ends it at once', async (context) => {
  const t = await open(context);
  const seen: string[] = [];
  const approve = approval(seen, { timeout: '5m' });
  await t.startWorker({ tasks: [approve] });
  const [goes, stops] = await t.run(async () => [
    await approve.with({ taskKey: 'a' }).schedule(),
    await approve.with({ taskKey: 'b' }).schedule(),
  ]);
  await waits(t, goes);
  await waits(t, stops);
  await t.advance('9m');
  await t.run(() => stops?.cancel());
  await t.run(() => stops?.refresh());
  assert.is(stops?.status, 'aborted');
  await t.run(() => goes?.signal('approved', { by: 'eve' }));
  await t.run(() => goes?.wait());
  assert.is(goes?.status, 'success');
});

test('G4 an inline call that waits resolves when a worker has brought it to its end', async (context) => {
  const t = await open(context);
  const seen: string[] = [];
  const approve = approval(seen);
  await t.startWorker({ tasks: [approve] });
  const ended = await t.run(async () => {
    const call = approve.with({ taskKey: 'a' })();
    await t.sleep('10s');
    const [row] = t.documents();
    assert.is(row?.status, 'pending');
    await t.baton.signal({ uuid: row?._id ?? '', address: row?.address ?? '' }, 'approved', { by: 'eve' });
    return call;
  });
  assert.equal([ended.status, ended.result, ended.executionMode], ['success', 'eve', 'sync']);
});

test('G5 who may not see the task, what has ended, and what is no signal is refused with a code', async (context) => {
  const t = await open(context);
  const seen: string[] = [];
  const approve = approval(seen);
  await t.startWorker({ tasks: [approve] });
  const job = await t.run(() => approve.with({ taskKey: 'a' }).schedule());
  await waits(t, job);
  const code = async (send: () => Promise<unknown>): Promise<unknown> =>
    t.run(send).then(
      () => 'sent',
      (error: { readonly code?: string }) => error.code,
    );
  const other = t.baton.as({ id: 'mallory' });
  assert.is(await code(() => other.signal({ uuid: job.uuid, address: job.address }, 'approved')), 'TASK_NOT_FOUND');
  assert.is(await code(() => other.signal(job, 'approved')), 'TASK_NOT_FOUND', 'by a handle of somebody else');
  assert.is(await code(() => t.baton.signal({ uuid: job.uuid, address: 'nowhere' }, 'approved')), 'TASK_NOT_FOUND');
  for (const name of ['', 'two words', 'x'.repeat(101), 7]) {
    assert.is(await code(() => job.signal(name as string)), 'INVALID_ARGUMENT');
  }
  assert.is(await code(() => job.signal('approved', 'x'.repeat(65_536))), 'PAYLOAD_TOO_LARGE');
  assert.is(await code(() => job.signal('approved', undefined, { operationId: '' })), 'INVALID_ARGUMENT');
  await t.run(() => job.signal('approved', { by: 'eve' }));
  await t.run(() => job.wait());
  assert.is(await code(() => job.signal('approved')), 'TASK_ENDED');
});

test('G4 what cannot wait says so: two waits at once, a handler of a body that has ended, a wrong timeout', async (context) => {
  const t = await open(context);
  const codes: unknown[] = [];
  const code = (error: { readonly code?: string }): void => void codes.push(error.code);
  const wrong = task({ name: 'wrong' }, async () => {
    const { onCleanup, waitForSignal } = getContext();
    await waitForSignal('no name').catch(code);
    await waitForSignal('go', { timeout: 0 }).catch(code);
    await waitForSignal('go', { timeout: 'soon' }).catch(code);
    onCleanup(() => waitForSignal('go').catch(code));
    await Promise.all([waitForSignal('go'), waitForSignal('also').catch(code)]);
  });
  await t.startWorker({ tasks: [wrong] });
  const job = await t.run(() => wrong.schedule());
  await t.run(() => job.signal('go'));
  await t.run(() => job.wait());
  assert.is(job.status, 'success');
  const each = ['INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'WAIT_UNSUPPORTED', 'WAIT_UNSUPPORTED'];
  assert.equal(codes.slice(-5), each);
});

test.run();
