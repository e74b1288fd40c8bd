import { getContext, task, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { TestContext } from '../../../../test/support/test-body.ts';
import { createTestBaton, type TestBaton } from './test-baton.ts';

// R8: a store with little room left takes no new tasks, and lets those that are there come to their end.
const test = suite('full store');

const LIMIT = 1_000_000;
const LOAD = 'x'.repeat(20_000);
const BEYOND_INLINE = 'x'.repeat(100_000);

/** Nobody serves it: it fills the store, and stays. */
const filler = task({ name: 'filler', queue: 'nobody' }, (_load: string) => undefined);

type Coded = Error & { readonly code?: string };

const codeOf = async (t: TestBaton, run: () => unknown): Promise<string | undefined> => {
  try {
    await t.run(async () => run());
  } catch (error) {
    return (error as Coded).code;
  }
  return undefined;
};

const open = async ({ defer }: Pick<TestContext, 'defer'>): Promise<TestBaton> => {
  const t = await createTestBaton({ tasksMaxBytes: LIMIT });
  defer(() => t.close());
  return t;
};

/** Submits until no more is taken. */
const fill = async (t: TestBaton): Promise<readonly TaskHandle[]> => {
  const taken: TaskHandle[] = [];
  for (;;) {
    const code = await codeOf(t, async () => taken.push(await filler.schedule(LOAD)));
    if (code === undefined) continue;
    assert.is(code, 'STORE_FULL');
    return taken;
  }
};

test('new tasks are refused and leave nothing; those that are there are joined, run, retried, ended and cancelled', async (context) => {
  const t = await open(context);
  let attempts = 0;
  const held = task({ name: 'held', retry: { maxAttempts: 2, backoff: { initial: '1s' } } }, async (_load: string) => {
    const { updateTask, signal } = getContext();
    if (++attempts === 1) throw new Error('not yet');
    updateTask({ progress: [1, 2], payload: { half: true } }, { immediate: true });
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  });
  const slow = task({ name: 'slow', scope: 'shared' }, async () => {
    await t.sleep('10m');
    return LOAD;
  }).with({ taskKey: 'slow' });
  const quick = task({ name: 'quick' }, () => 1);
  const length = task({ name: 'length' }, (text: string) => text.length);
  await t.startWorker({ tasks: [held, slow, quick, length] });
  const ended = await t.run(async () => (await quick.schedule()).wait());
  const endedLarge = await t.run(async () => (await length.schedule(BEYOND_INLINE)).wait());
  const [running, ending] = [await t.run(() => held.schedule(LOAD)), await t.run(() => slow.schedule())];
  const waiting = await fill(t);
  const before = t.world.heads().length;

  const refused = [
    () => quick.schedule(),
    () => quick.with({ delay: '1h' }).schedule(),
    () => quick(),
    () => t.baton.retry(ended),
    () => filler.schedule(BEYOND_INLINE),
    () => t.baton.retry(endedLarge),
  ];
  const stored = t.world.inject({ op: 'data.put', fault: 'refused' });
  for (const [i, submit] of refused.entries()) assert.is(await codeOf(t, submit), 'STORE_FULL', `submit ${i}`);
  assert.is(stored.hits(), 0, 'no large arguments of a task that is not made');
  stored.remove();
  assert.is(t.world.heads().length, before, 'nothing is left of them');

  const joined = await t.run(() => slow.schedule(), { user: { id: 'bob' } });
  assert.is(joined.uuid, ending.uuid);
  await t.run(() => joined.wait());
  assert.equal([joined.status, joined.result], ['success', LOAD]);
  await t.run(() => running.refresh());
  assert.equal([running.attempt, running.progress, running.payload], [2, { current: 1, total: 2 }, { half: true }]);
  assert.is((await t.run(() => running.cancel())).action, 'aborted');
  for (const handle of waiting) assert.is((await t.run(() => handle.cancel())).action, 'aborted');
  await t.advance('5s');
  for (const { uuid } of [...waiting, running]) assert.is(t.document(uuid)?.status, 'aborted');
});

test('a task that would wait for the end of another is a new one', async (context) => {
  const t = await open(context);
  const report = task({ name: 'report', scope: 'shared' }, async () => {
    await new Promise((resolve) => getContext().onAbort(() => t.sleep('20s').then(resolve)));
  }).with({ taskKey: 'report' });
  await t.startWorker({ tasks: [report] });
  const first = await t.run(() => report.schedule());
  await t.advance('1s');
  await fill(t);
  await t.run(() => first.cancel());
  assert.is(await codeOf(t, () => report.schedule()), 'STORE_FULL');
  await t.run(() => first.wait());
  assert.is(first.status, 'aborted');
});

test('room comes back by itself when what has ended is forgotten', async (context) => {
  const t = await open(context);
  const waiting = await fill(t);
  for (const handle of waiting) await t.run(() => handle.cancel());
  assert.is(await codeOf(t, () => filler.schedule(LOAD)), 'STORE_FULL');
  await t.advance('2m');
  assert.is(await codeOf(t, () => filler.schedule(LOAD)), undefined);
});

test.run();
