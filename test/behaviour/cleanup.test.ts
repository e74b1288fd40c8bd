// limit: 200s
// L3, C5: cleanup handlers that never end, and what they tell. Each test has a worker of its own, in a queue of its own.
import { getContext, task, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { cleansInThread } from '../support/fixture-isolated.ts';
import { ISOLATED_TASKS } from '../support/isolated-effects.ts';
import { gate, recordingLog, stagedSuite, thrownBy, until } from '../support/stage.ts';

const test = stagedSuite('cleanup', { tasks: [ISOLATED_TASKS] });

const LARGE = 'x'.repeat(200_000);

/** A task whose body ends at once and whose cleanup handler never does, and how often its body has run. */
const hanging = (name: string) => {
  const bodies = new Map<string, number>();
  const hold = gate();
  const hangs = task(
    { name, abortGrace: '1500ms', retry: { maxAttempts: 2, backoff: { initial: '1h' } } },
    (how: string) => {
      const { taskId, onCleanup } = getContext();
      bodies.set(taskId, (bodies.get(taskId) ?? 0) + 1);
      onCleanup(() => hold.passed);
      if (how === 'throws') throw new RangeError('the body failed');
      return how === 'large' ? LARGE : `result ${how}`;
    },
  );
  return { bodies, hold, hangs };
};

const finishing = (handle: TaskHandle): Promise<TaskHandle> =>
  until(handle, ({ record }) => record.finishing === true && record.bodyOutcome !== undefined);

test('L3 one that never ends is said not to stop after the grace, and ended by an admin with what the body came to', async (stage, context) => {
  const { bodies, hold, hangs } = hanging('l3.hangs');
  context.defer(() => hold.open());
  const { log, lines } = recordingLog();
  await stage.serve(context, [hangs], { queues: ['l3a'], log });
  const alice = stage.as('alice');
  for (const how of ['small', 'large', 'throws']) {
    const handle = await alice.within(() => hangs.with({ queue: 'l3a' }).schedule(how));
    await finishing(handle);
    const admin = await stage.admin.open(handle);
    assert.is((await thrownBy(() => admin.cancel({ force: true }))).code, 'TASK_ABORT_FAILED', 'it has its grace');
    await until(handle, ({ record }) => record.notStopping === true);
    assert.is(handle.status, 'in_progress');
    assert.is((await thrownBy(() => handle.cancel())).code, 'TASK_ABORT_FAILED');
    await admin.cancel({ force: true });
    await handle.wait({ timeout: '30s' });
    if (how === 'throws') assert.equal([handle.status, handle.error?.message], ['failure', 'the body failed']);
    else assert.equal([handle.status, handle.result], ['success', how === 'large' ? LARGE : `result ${how}`]);
    assert.is(handle.record.history.at(-1)?.why, 'forced: the cleanup handlers did not end');
    assert.is(bodies.get(handle.uuid), 1);
  }
  assert.ok(
    lines.some(({ level, msg }) => level === 'warn' && msg === 'the cleanup handlers did not end within 1500 ms'),
  );
});

test(
  'L3 a worker that stops, or dies, meanwhile leaves what the body came to, and it is not run again',
  async (stage, context) => {
    const alice = stage.as('alice');
    for (const [queue, leave] of [
      ['l3stop', 'stops'],
      ['l3die', 'dies'],
    ] as const) {
      const { bodies, hold, hangs } = hanging(`l3.${leave}`);
      context.defer(() => hold.open());
      const client = await stage.client(context, { user: { id: 'alice' } });
      const worker = await client.startWorker({ tasks: [hangs], queues: [queue] });
      const handles: TaskHandle[] = [];
      for (const how of ['small', 'large', 'throws'])
        handles.push(await alice.within(() => hangs.with({ queue }).schedule(how)));
      for (const handle of handles) await finishing(handle);
      // Closing without a drain is as near to a death as a process comes that goes on.
      if (leave === 'stops') await worker.drain({ grace: 0 });
      else await client.close();
      await stage.serve(context, [hangs], { queues: [queue] });
      const [small, large, throws] = handles;
      for (const handle of [small, large]) await handle?.wait({ timeout: '45s' });
      assert.equal([small?.status, small?.result], ['success', 'result small']);
      assert.equal([large?.status, large?.result], ['success', LARGE]);
      assert.match(small?.record.history.at(-1)?.why ?? '', /; its cleanup handlers may not have finished$/);
      await eventually(async () => {
        await throws?.refresh();
        assert.equal([throws?.status, throws?.record.failures, throws?.record.rescues], ['pending', 1, undefined]);
      });
      for (const handle of handles) assert.is(bodies.get(handle.uuid), 1, `${leave}: the body has run once`);
    }
  },
  { limitMs: 60_000 },
);

test('L3 in a thread they are ended with it after the grace, and have failed', async (stage) => {
  const handle = await stage.as('alice').within(() => cleansInThread.schedule('hangs'));
  await handle.wait({ timeout: '45s' });
  assert.is(handle.status, 'failure');
  assert.match(handle.error?.message ?? '', /the cleanup handlers did not end within 500 ms: its thread was ended/);
});

test('C5 what cleanup handlers tell is stored, in a thread and out of it, whatever the outcome', async (stage, context) => {
  const tells = task({ name: 'c5.tells' }, (how: string) => {
    const { onCleanup, updateTask } = getContext();
    updateTask({ progress: [1, 3], payload: { by: 'body' } });
    onCleanup(() => updateTask({ payload: { by: 'last' } }));
    onCleanup(() => updateTask({ progress: [3, 3], payload: { by: 'first' } }));
    if (how === 'throws') throw new Error('no');
  });
  await stage.serve(context, [tells], { queues: ['c5'] });
  await stage.as('alice').within(async () => {
    for (const handle of [
      await tells.with({ queue: 'c5' }).schedule('returns'),
      await tells.with({ queue: 'c5' }).schedule('throws'),
      await cleansInThread.schedule('tells'),
    ]) {
      await handle.wait({ timeout: '45s' });
      assert.equal(handle.payload, { by: 'last' });
      assert.equal(handle.record.progress, { current: 3, total: 3 });
    }
  });
});

test.run();
