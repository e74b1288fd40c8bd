import { getContext, task, TerminalError } from '@baton/sdk';
import { createLog } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { TestContext } from '../../../../test/support/test-body.ts';
import { createTestBaton, type TestBaton, type TestBatonOptions } from './test-baton.ts';

const test = suite('test baton');

const open = async ({ defer }: Pick<TestContext, 'defer'>, options?: TestBatonOptions): Promise<TestBaton> => {
  const made = await createTestBaton(options);
  defer(() => made.close());
  return made;
};

test('a task is scheduled, run, and seen in its document', async (context) => {
  const t = await open(context);
  const double = task({ name: 'double' }, (n: number) => n * 2);
  await t.startWorker({ tasks: [double] });
  const job = await t.run(() => double.schedule(21));
  assert.is(job.status, 'pending');
  await t.run(() => job.wait());
  assert.equal([job.status, job.result], ['success', 42]);
  await t.advance('1s');
  assert.is(t.document(job.uuid)?.status, 'success');
  assert.is((await t.run(() => double(4))).result, 8);
});

test('an hour passes at once, and nothing is due before its time', async (context) => {
  const t = await open(context);
  const nap = task({ name: 'nap' }, async () => {
    await t.sleep('1h');
    return 'slept';
  });
  await t.startWorker({ tasks: [nap] });
  // Its limit, as that of every test, is far below an hour.
  const job = await t.run(() => nap.schedule());
  await t.advance('59m');
  await t.run(() => job.refresh());
  assert.is(job.status, 'in_progress');
  await t.run(() => job.wait());
  assert.is(job.result, 'slept');
  assert.ok((job.endedAt?.getTime() ?? 0) - (job.startedAt?.getTime() ?? 0) >= 3_600_000);
});

test('a timeout comes when it is due, and its handlers run', async (context) => {
  const t = await open(context);
  const seen: string[] = [];
  const hangs = task({ name: 'hangs', timeout: '5m' }, async () => {
    const { signal, onAbort, onCleanup } = getContext();
    onAbort(() => seen.push('abort'));
    onCleanup(() => seen.push('cleanup'));
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  });
  await t.startWorker({ tasks: [hangs] });
  const job = await t.run(() => hangs.schedule());
  await t.run(() => job.wait());
  assert.is(job.status, 'timed_out');
  assert.equal(seen, ['abort', 'cleanup']);
});

test('retries come after their back-off', async (context) => {
  const t = await open(context);
  const at: number[] = [];
  const backoff = { initial: '10s', factor: 3, jitter: 0 };
  const flaky = task({ name: 'flaky', retry: { maxAttempts: 4, backoff } }, () => {
    at.push(t.now().getTime());
    if (at.length < 4) throw new Error('not yet');
  });
  await t.startWorker({ tasks: [flaky] });
  const job = await t.run(() => flaky.schedule());
  await t.run(() => job.wait());
  assert.equal([job.status, job.attempt], ['success', 4]);
  const waits = at.slice(1).map((time, i) => Math.round((time - (at[i] ?? 0)) / 1_000));
  for (const [i, least] of [10, 30, 90].entries())
    assert.ok((waits[i] ?? 0) >= least && (waits[i] ?? 0) < least + 4, waits.join());
});

test('a terminal error is not retried', async (context) => {
  const t = await open(context);
  const bad = task({ name: 'bad', retry: { maxAttempts: 5 } }, () => {
    throw new TerminalError('never');
  });
  await t.startWorker({ tasks: [bad] });
  const job = await t.run(async () => (await bad.schedule()).wait());
  assert.equal([job.status, job.attempt, job.error?.message], ['failure', 1, 'never']);
});

test('a cancel reaches the handler; users share one task', async (context) => {
  const t = await open(context);
  const report = task({ name: 'report', scope: 'shared' }, async () => {
    const { signal } = getContext();
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  }).with({ taskKey: 'r1' });
  await t.startWorker({ tasks: [report] });
  const [a, b] = await Promise.all([
    t.run(() => report.schedule()),
    t.run(() => report.schedule(), { user: { id: 'bob' } }),
  ]);
  assert.is(a.uuid, b.uuid);
  await t.advance('1s');
  assert.is((await t.run(() => b.cancel())).action, 'unsubscribed');
  assert.is((await t.run(() => a.cancel())).action, 'aborted');
  await t.run(() => a.wait());
  assert.is(a.status, 'aborted');
});

test('a worker says what its tasks did, and that the server was away', async ({ defer }) => {
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ to: { write: (line: string) => void lines.push(JSON.parse(line) as never) } });
  const t = await createTestBaton({ log });
  defer(() => t.close());
  const flaky = task({ name: 'flaky', retry: { maxAttempts: 2 } }, () => {
    throw new RangeError(`attempt ${getContext().attempt}`);
  });
  const worker = await t.startWorker({ tasks: [flaky] });
  const job = await t.run(() => flaky.schedule());
  await t.run(() => job.wait());
  const said = (msg: string) => lines.filter((line) => line['msg'] === msg && line['level'] === 'info');
  const [again] = said('task failed and is tried again');
  const [failed] = said('task failed');
  assert.equal([again?.['error'], again?.['reason'], again?.['attempt']], ['RangeError', 'attempt 1', 1]);
  assert.equal([failed?.['error'], failed?.['reason'], failed?.['task']], ['RangeError', 'attempt 2', job.uuid]);
  worker.disconnect();
  worker.reconnect();
  await t.advance('1s');
  assert.is(said('the connection to NATS is back').length, 1);
  assert.is(lines.filter(({ msg }) => msg === 'the connection to NATS was lost').length, 1);
});

test('R5 a worker that is asked to go while the server is away goes, and its task is run on by others', async (context) => {
  const t = await open(context);
  const slow = task({ name: 'slow', maxRescues: 5 }, () =>
    getContext().attempt > 1 ? 'again' : new Promise(() => {}),
  );
  const worker = await t.startWorker({ tasks: [slow] });
  const job = await t.run(() => slow.schedule());
  await t.advance('1s');
  worker.disconnect();
  const began = t.now().getTime();
  await worker.drain({ grace: '3s' });
  assert.ok(t.now().getTime() - began <= 3_000 + 2_000 + 2 * 5_000 + 500);
  await t.startWorker({ tasks: [slow] });
  await t.run(() => job.wait());
  assert.equal([job.status, job.result], ['success', 'again']);
});

for (const how of ['crash', 'freeze', 'disconnect'] as const) {
  test(`a worker that is gone (${how}) loses its task to another one, and its late end does not count`, async (context) => {
    const t = await open(context);
    const runs: string[] = [];
    const slow = task({ name: 'slow' }, async () => {
      const { attempt } = getContext();
      runs.push(`start ${attempt}`);
      await t.sleep('30s');
      return attempt;
    });
    const first = await t.startWorker({ tasks: [slow] });
    const job = await t.run(() => slow.schedule());
    await t.advance('1s');
    first[how]();
    await t.startWorker({ tasks: [slow] });
    await t.run(() => job.wait());
    assert.equal([job.status, job.result, job.record.rescues], ['success', 2, 1]);
    assert.equal(runs, ['start 1', 'start 2']);
    first.resume();
    first.reconnect();
    await t.advance('1m');
    await t.run(() => job.fetchResult());
    assert.is(job.result, 2);
  });
}

test('a drain gives back what runs on, and the next worker goes on', async (context) => {
  const t = await open(context);
  const long = task({ name: 'long' }, async () => {
    await t.sleep('10m');
  });
  const first = await t.startWorker({ tasks: [long] });
  const job = await t.run(() => long.schedule());
  await t.advance('1s');
  await first.drain({ grace: '1s' });
  await t.run(() => job.refresh());
  assert.is(job.status, 'pending');
  await t.startWorker({ tasks: [long] });
  await t.run(() => job.wait());
  assert.equal([job.status, job.record.failures, job.record.rescues], ['success', undefined, undefined]);
});

test('R5 a cleanup handler that fails in a run that is given back is logged, and the task goes on elsewhere', async (context) => {
  const lines: string[] = [];
  const log = createLog({ to: { write: (line: string) => void lines.push(line) } });
  const t = await open(context, { log });
  let failures = 0;
  const job = task({ name: 'job' }, async () => {
    const { signal, onCleanup } = getContext();
    onCleanup(() => {
      if (failures++ === 0) throw new Error('the disk is locked');
    });
    for (let i = 0; i < 10; i++) {
      await t.sleep('1s');
      signal.throwIfAborted();
    }
  });
  const first = await t.startWorker({ tasks: [job] });
  const handle = await t.run(() => job.schedule());
  await t.advance('2s');
  await first.drain({ grace: 0 });
  await t.startWorker({ tasks: [job] });
  await t.run(() => handle.wait());
  assert.equal([handle.status, handle.record.failures], ['success', undefined]);
  assert.ok(
    lines.some((line) => line.includes('a cleanup handler failed of a run that is given back: the disk is locked')),
  );
});

test('what never ends is said so, and not waited for in vain', async (context) => {
  const t = await open(context, { waitLimit: '2h' });
  const never = task({ name: 'never' }, () => new Promise<void>(() => {}));
  await t.startWorker({ tasks: [never] });
  const job = await t.run(() => never.schedule());
  const error = await t.run(() => job.wait()).catch((e: unknown) => e);
  assert.match(String(error), /not settled within 7200000 ms/);
  await t.run(() => job.refresh());
  assert.is(job.status, 'in_progress');
});

test('with real time, handlers may do what they like', async (context) => {
  const t = await open(context, { time: 'real' });
  const reads = task({ name: 'reads' }, async () => {
    const { readFile } = await import('node:fs/promises');
    await new Promise((resolve) => setTimeout(resolve, 20));
    return (await readFile('package.json', 'utf8')).length > 0;
  });
  await t.startWorker({ tasks: [reads] });
  const job = await t.run(async () => (await reads.schedule()).wait({ timeout: '5s' }));
  assert.is(job.result, true);
});

test.run();
