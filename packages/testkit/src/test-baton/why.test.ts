import { getContext, task, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { thrownBy } from '../../../../test/support/stage.ts';
import { createTestBaton } from './test-baton.ts';

const test = suite('test baton: why it waits');

const ROOT = { id: 'root', admin: true };

test('Q9: its place behind busy workers, and an expected start by how fast they are, which comes true', async (context) => {
  const t = await createTestBaton();
  context.defer(() => t.close());
  const nap = task({ name: 'nap' }, () => t.sleep('2s'));
  await t.startWorker({ tasks: [nap], concurrency: 2 });
  const jobs: TaskHandle[] = [];
  for (let i = 0; i < 40; i++) jobs.push(await t.run(() => nap.schedule()));
  await t.advance('1s');
  const last = jobs.at(-1) as TaskHandle;
  const early = await t.run(() => last.why());
  assert.equal([early.position, early.ahead, early.queueWaits], [38, 37, 38]);
  assert.equal(early.reasons, [{ kind: 'workers_busy', workers: 1 }]);
  assert.is(early.expectedStart, undefined, 'nothing was seen yet that one could go by');
  await t.advance('14s');
  const { expectedStart = 0, measured, ahead } = await t.run(() => last.why());
  assert.ok((measured?.starts ?? 0) >= 10, JSON.stringify(measured));
  assert.ok((ahead ?? 0) < 30);
  assert.is((await t.run(() => (jobs[0] as TaskHandle).why())).waits, false);
  await t.run(() => last.wait());
  const off = Math.abs((last.startedAt?.getTime() ?? 0) - expectedStart);
  assert.ok(off <= 5_000, `${off} ms beside what was expected`);
});

test('Q9: who is not to start yet, or again, says when; no worker of the queue, or of the type', async (context) => {
  const t = await createTestBaton();
  context.defer(() => t.close());
  const fails = task({ name: 'fails', retry: { maxAttempts: 2, backoff: { initial: '1m', jitter: 0 } } }, () => {
    throw new Error('no');
  });
  const other = task({ name: 'other', queue: 'elsewhere' }, () => undefined);
  await t.startWorker({ tasks: [fails] });
  await t.startWorker({ tasks: [other], queues: ['elsewhere'] });
  const [later, again, lost, misled] = await t.run(async () => [
    await fails.with({ delay: '1h' }).schedule(),
    await fails.schedule(),
    await fails.with({ queue: 'nobodys' }).schedule(),
    await other.with({ queue: 'default' }).schedule(),
  ]);
  await t.advance('5s');
  const reasonOf = async (handle: TaskHandle) => (await t.run(() => handle.why())).reasons[0];
  const [put, retried] = [await reasonOf(later), await reasonOf(again)];
  assert.equal([put?.kind, put?.kind === 'starts_at' && put.because], ['starts_at', 'delay']);
  assert.equal([retried?.kind, retried?.kind === 'starts_at' && retried.because], ['starts_at', 'retry']);
  const none = { kind: 'no_worker', queueWorkers: 0 } as const;
  assert.equal(await reasonOf(lost), { ...none, queue: 'nobodys', type: 'fails', servedIn: ['default'] });
  assert.equal(await reasonOf(misled), {
    ...{ ...none, queue: 'default', type: 'other', queueWorkers: 1, servedIn: ['elsewhere'] },
  });
});

test('Q9 S4: a limit names those that hold it as far as one may see them; a pause, by whom and why', async (context) => {
  const t = await createTestBaton();
  context.defer(() => t.close());
  const nap = task({ name: 'nap' }, () => t.sleep('10m'));
  await t.startWorker({ tasks: [nap] });
  await t.run(() => t.baton.as(ROOT).queues.limit('default', { of: 'queue', concurrency: 2, why: 'licence' }));
  const mine = await t.run(() => nap.with({ taskName: 'Mine' }).schedule());
  await t.run(() => nap.with({ taskName: "Bob's" }).schedule(), { user: { id: 'bob' } });
  await t.advance('10s');
  const waits = await t.run(() => nap.schedule());
  await t.advance('1s');
  const { reasons, text } = await t.run(() => waits.why());
  const [limit] = reasons;
  if (limit?.kind !== 'limit') throw new Error(JSON.stringify(reasons));
  assert.equal(
    [limit.of, limit.concurrency, limit.by, limit.why],
    [...['queue', { most: 2, running: 2 }, 'user:root', 'licence']],
  );
  assert.equal(
    limit.holders.map(({ id, name }) => [id, name]),
    [[mine.uuid, 'Mine']],
  );
  assert.is(limit.hidden, 1);
  assert.match(text[0] ?? '', `held by Mine (nap) ${mine.uuid}, 1 more`);
  const asRoot = await t.run(async () => (await t.baton.as(ROOT).open(waits)).why());
  const [whole] = asRoot.reasons;
  assert.equal(whole?.kind === 'limit' && [whole.holders.length, whole.hidden], [2, 0]);
  assert.is(
    (await thrownBy(() => t.run(async () => (await t.baton.as({ id: 'bob' }).open(waits)).why()))).code,
    'TASK_NOT_FOUND',
  );

  await t.run(() => t.baton.as(ROOT).queues.pause('default', { why: 'the disk is full' }));
  await t.advance('1s');
  const paused = await t.run(() => waits.why());
  assert.equal(
    paused.reasons.map(({ kind }) => kind),
    ['paused', 'limit'],
  );
  assert.match(paused.text[0] ?? '', /^Queue default is paused by root since .*: the disk is full\.$/);
  assert.is((await t.run(() => mine.why())).text[0], 'It runs.');
});

test('Q9: one that was called inline, and one that waits behind another of its key, are not for a queue', async (context) => {
  const t = await createTestBaton();
  context.defer(() => t.close());
  const slow = task({ name: 'slow', abortGrace: '1h' }, async () => {
    const { onAbort } = getContext();
    onAbort(() => t.sleep('10m'));
    await t.sleep('20m');
  });
  await t.startWorker({ tasks: [slow] });
  const first = await t.run(() => slow.with({ taskKey: 'k' }).schedule());
  await t.advance('5s');
  await t.run(() => first.cancel());
  const behind = await t.run(() => slow.with({ taskKey: 'k' }).schedule());
  assert.is.not(behind.uuid, first.uuid);
  assert.equal((await t.run(() => behind.why())).reasons, [{ kind: 'behind', task: first.uuid }]);
  assert.match((await t.run(() => behind.why())).text[0] ?? '', `key, ${first.uuid}, which has not ended.`);
  await t.run(() => behind.cancel());
  assert.equal((await t.run(() => behind.why())).text, ['It has ended.']);
  assert.equal((await t.run(() => first.why())).text, ['It runs, and was told to stop.']);
});

test.run();
