import { rejects } from 'node:assert/strict';
import { getContext, task, TerminalError, type DependencyOption, type Duration, type TaskHandle } from '@baton/sdk';
import { PAYLOAD_LIMIT } from '@baton/protocols';
import { recordOf } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { createTestBaton, type TestBaton } from './test-baton.ts';

const test = suite('test kit: dependencies');

const open = async (defer: (end: () => unknown) => void) => {
  const t = await createTestBaton();
  defer(() => t.close());
  const seen: unknown[] = [];
  const step = task({ name: 'step' }, async (name: string, wait: Duration = '1m', size: number = 0) => {
    getContext().updateTask({ payload: { name } });
    await t.sleep(wait);
    if (name.startsWith('bad')) throw new TerminalError(`${name} went wrong`);
    return `${name}${'x'.repeat(size)}`;
  });
  const last = task({ name: 'last' }, () => {
    const { dependencies, getDependencyPayloads, getDependencyResults } = getContext();
    seen.push(dependencies.map(({ status, error }) => [status, error?.message]));
    return { payloads: getDependencyPayloads(), results: getDependencyResults() };
  });
  await t.startWorker({ tasks: [step, last] });
  const after = (...dependsOn: readonly DependencyOption[]) => t.run(() => last.with({ dependsOn }).schedule());
  const begin = (...args: [string, string?, number?]) => t.run(() => step.schedule(...args));
  return { t, begin, after, seen, last, step };
};

const refreshed = async (t: TestBaton, handle: TaskHandle): Promise<TaskHandle> => {
  await t.run(() => handle.refresh());
  return handle;
};

test('G1 it begins when all it waits for have ended, and has what they left at hand, in the order it named them', async ({
  defer,
}) => {
  const { t, begin, after } = await open(defer);
  const long = await begin('long', '10m');
  const short = await begin('short', '1m');
  const job = await after(long, short.uuid);
  await t.advance('5m');
  assert.is((await refreshed(t, job)).status, 'pending');
  assert.equal(
    job.record.dependsOn?.map(({ end }) => end?.status),
    [undefined, 'success'],
  );
  await t.advance('6m');
  await t.run(() => job.wait());
  assert.equal(job.result, { payloads: [{ name: 'long' }, { name: 'short' }], results: ['long', 'short'] });
});

test('G1 what a task left is there however large, and however long after it was forgotten the other one begins', async ({
  defer,
}) => {
  const { t, begin, last } = await open(defer);
  const [large, middle] = [await begin('large', '1m', 200_000), await begin('middle', '1m', PAYLOAD_LIMIT - 500)];
  const job = await t.run(() => last.with({ dependsOn: [large, middle], delay: '4m' }).schedule());
  await t.advance('2m');
  assert.is((await refreshed(t, job)).status, 'pending');
  await t.advance('2m');
  await t.run(() => job.wait());
  const { results } = job.result as { readonly results: readonly string[] };
  assert.equal(
    results.map(({ length }) => length),
    [200_005, PAYLOAD_LIMIT - 494],
  );
});

test('G2 a task that does not succeed ends the one that cannot do without it, and those behind that', async ({
  defer,
}) => {
  const { t, begin, after } = await open(defer);
  const [bad, slow] = [await begin('bad'), await begin('slow', '1h')];
  const job = await after(slow, bad);
  const next = await after(job);
  await t.advance('2m');
  for (const [handle, dependency] of [
    [job, bad],
    [next, job],
  ] as const) {
    const { status, error, record } = await refreshed(t, handle);
    assert.equal(
      [status, error?.type, record.history.at(-1)?.why],
      ['failure', 'DependencyFailedError', 'dependency_failed'],
    );
    assert.is(error?.message, `Prerequisite task ${dependency.uuid} did not succeed (status=failure)`);
  }
  assert.is((await refreshed(t, slow)).status, 'in_progress');
});

test('G1 continue and ignore let it begin when all have ended; it is told of the one, and nothing of the other', async ({
  defer,
}) => {
  const { t, begin, after, seen } = await open(defer);
  const [bad, badToo, good] = [await begin('bad'), await begin('bad too'), await begin('good', '5m')];
  const job = await after({ task: bad, onFailure: 'continue' }, { task: badToo.uuid, onFailure: 'ignore' }, good);
  await t.advance('2m');
  assert.is((await refreshed(t, job)).status, 'pending');
  await t.run(() => job.wait());
  assert.equal(job.result, { payloads: [{ name: 'bad' }, null, { name: 'good' }], results: [null, null, 'good'] });
  assert.equal(seen, [
    [
      ['failure', 'bad went wrong'],
      ['failure', undefined],
      ['success', undefined],
    ],
  ]);
});

test('G2 one that was cancelled, also while it waited, ends the wait; and so does a cancel of the one that waits', async ({
  defer,
}) => {
  const { t, begin, after } = await open(defer);
  const first = await begin('first', '1h');
  const [second, third, fourth] = [await after(first), await after(first), await after(first)];
  const behind = await after(second);
  await t.run(() => second.cancel());
  await t.run(() => third.cancel());
  await t.advance('1s');
  const { status, error } = await refreshed(t, behind);
  assert.equal(
    [status, error?.message],
    ['failure', `Prerequisite task ${second.uuid} did not succeed (status=aborted)`],
  );
  assert.is((await refreshed(t, third)).status, 'aborted');
  assert.is((await refreshed(t, fourth)).status, 'pending');
});

test('G1 a task that ended long ago counts by its handle; by its id alone nobody knows it', async ({ defer }) => {
  const { t, begin, after } = await open(defer);
  const old = await begin('old');
  await t.run(() => old.wait());
  await t.advance('3m');
  const job = await after(old);
  await t.run(() => job.wait());
  assert.equal(job.result, { payloads: [{ name: 'old' }], results: ['old'] });
  await rejects(after(old.uuid), { code: 'DEPENDENCY_NOT_FOUND' });
  const unknown = '018bcfe5-6800-7000-8000-000000000001';
  for (const ref of [unknown, { uuid: unknown, address: old.address }, { uuid: 'no id', address: old.address }])
    await rejects(after(ref), { code: 'DEPENDENCY_NOT_FOUND' });
});

test('G2 nobody waits for, or reads what is left by, a task he may not see', async ({ defer }) => {
  const { t, begin, last } = await open(defer);
  const mine = await begin('mine');
  for (const ref of [mine.uuid, { uuid: mine.uuid, address: mine.address }])
    await rejects(
      t.run(() => last.with({ dependsOn: [ref] }).schedule(), { user: { id: 'bob' } }),
      { code: 'DEPENDENCY_NOT_FOUND' },
    );
});

test('G2 what would wait for itself is refused, and so is what cannot be done, before anything is made', async ({
  defer,
}) => {
  const { t, begin, last, step } = await open(defer);
  const first = await begin('first', '1h');
  const keyed = await t.run(() => last.with({ taskKey: 'k', dependsOn: [first] }).schedule());
  const submit = (options: object) => t.run(() => last.with({ taskKey: 'k', ...options }).schedule());
  await rejects(submit({ dependsOn: [keyed] }), { code: 'WAITS_FOR_ITSELF' });
  for (const mode of [{ mode: 'replace' }, { mode: 'debounce', window: '1s' }])
    await rejects(submit({ dependsOn: [first], ...mode }), { code: 'INVALID_ARGUMENT' });
  await rejects(
    t.run(() => step.with({ dependsOn: [first] })('x')),
    { code: 'INVALID_ARGUMENT' },
  );
  const asked = t.now().getTime();
  await rejects(submit({ dependsOn: ['no-such-task'] }), { code: 'DEPENDENCY_NOT_FOUND' });
  assert.is(t.now().getTime() - asked, 0, 'what can be no id of a task is looked for nowhere');
  const many = Array.from({ length: 101 }, (_, i) => `id-${i}`);
  await rejects(submit({ dependsOn: many }), { code: 'INVALID_ARGUMENT' });
  await rejects(submit({ dependsOn: [first, first.uuid] }), { code: 'INVALID_ARGUMENT' });
  for (const wrong of ['x', [7], [{ task: first, onFailure: 'retry' }], [{ uuid: 'a', address: 'b' }]])
    await rejects(submit({ dependsOn: wrong }), { code: 'INVALID_ARGUMENT' });
  assert.is((await submit({})).uuid, keyed.uuid);
});

test('G2 a task others wait for is kept an hour; where its key is used again, beside, for who may see it, and not for ever', async ({
  defer,
}) => {
  const { t, begin, last, step } = await open(defer);
  const slow = await begin('slow', '1h');
  const keyed = (name: string) => t.run(() => step.with({ taskKey: 'k' }).schedule(name, '1s'));
  const first = await keyed('first');
  await t.run(() => last.with({ dependsOn: [first, slow] }).schedule());
  await t.advance('4m');
  assert.is((await refreshed(t, first)).record.archived, true);
  await keyed('second');
  const { store } = t.world.ports('looks');
  const kept = async () => {
    const entry = await t.run(() => store.load(first.address, first.uuid));
    return entry === undefined ? undefined : recordOf(entry);
  };
  assert.equal([(await kept())?.id, (await kept())?.archived], [first.uuid, true]);
  const ref = { uuid: first.uuid, address: first.address };
  const submit = (id: string) =>
    t.run(() => last.with({ dependsOn: [ref] }).schedule(), { user: { id } }).then((job) => job.record.dependsOn);
  assert.is((await submit('alice'))?.[0]?.end?.status, 'success');
  await rejects(submit('bob'), { code: 'DEPENDENCY_NOT_FOUND' });
  await t.advance('1h');
  assert.is(await kept(), undefined);
});

test('R7 a retry has at hand what it had; what failed for another task is not repeated', async ({ defer }) => {
  const { t, begin, after } = await open(defer);
  const good = await begin('good');
  const job = await after(good);
  await t.run(() => job.wait());
  await t.advance('2m');
  const again = await t.run(() => job.retry());
  await t.run(() => again.wait());
  assert.equal(again.result, { payloads: [{ name: 'good' }], results: ['good'] });
  const lost = await after(await begin('bad'));
  await t.run(() => lost.wait());
  await rejects(
    t.run(() => lost.retry()),
    { code: 'DEPENDENCY_FAILED' },
  );
});

test(
  'G1 a hundred tasks before one, and two hundred behind one',
  async ({ defer }) => {
    const { t, begin, after } = await open(defer);
    const hundred = await t.run(() => Promise.all(Array.from({ length: 100 }, (_, i) => begin(`n${i}`, '10m'))));
    const one = await after(...hundred);
    const behind = await t.run(() => Promise.all(Array.from({ length: 200 }, () => after(one))));
    await t.run(() => Promise.all(behind.map((handle) => handle.wait())));
    assert.is((await refreshed(t, one)).status, 'success');
    assert.ok(behind.every(({ status }) => status === 'success'));
    await t.run(() => one.wait());
    assert.is((one.result as { readonly results: readonly unknown[] }).results.length, 100);
  },
  { limitMs: 60_000 },
);

test.run();
