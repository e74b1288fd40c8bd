// X1 to X6: how a task comes to run. Delayed starts, large data and errors nobody caught have files of their own.
import { setTimeout as pause } from 'node:timers/promises';
import {
  connect,
  getContext,
  GlobalTaskFrameworkDisabledError,
  InvalidArgumentError,
  task,
  type Task,
  type TaskHandle,
} from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { double } from '../support/fixture-tasks.ts';
import { aborted, gate, stagedSuite, statuses, thrownBy, until } from '../support/stage.ts';

const test = stagedSuite('execution', { env: { BATON_CONCURRENCY: '4' } });

test('X1 schedule answers at once with a pending task, which a worker of another process runs', async (stage) => {
  const handle = await stage.as('alice').within(() => double.schedule(21));
  assert.equal([handle.status, handle.outcome, handle.record.mode], ['pending', 'created', 'async']);
  await handle.wait({ timeout: '30s' });
  assert.equal([handle.status, handle.result], ['success', { doubled: 42 }]);
  assert.match(handle.record.owner?.worker ?? '', /^baton-worker-/);
});

/** One body that uses all there is, in the ways it can go. */
const features = (name: string, seen: string[]) =>
  task({ name, retry: { maxAttempts: 2, backoff: { initial: 0 } } }, async (kind: string) => {
    const { signal, attempt, updateTask, onAbort, onCleanup } = getContext();
    onCleanup(() => void seen.push('cleanup'));
    if (kind === 'stop') onAbort(() => void seen.push('abort'));
    updateTask({ progress: [attempt, 2], payload: { kind } });
    if (kind === 'retry' && attempt === 1) throw new Error('once more');
    if (kind === 'fail') throw new TypeError('no good');
    if (kind === 'stop') await aborted(signal);
    return { kind, attempt };
  });

const facts = ({ status, result, error, progress, payload, attempt }: TaskHandle) => ({
  ...{ status, result, progress, payload, attempt },
  error: error === undefined ? undefined : `${error.type}: ${error.message}`,
});

test('X1 inline and scheduled have the same features and the same outcome', async (stage, context) => {
  const seen: string[] = [];
  const body = features('x1.features', seen);
  await stage.serve(context, [body]);
  await stage.as('alice').within(async () => {
    for (const [kind, options, status] of [
      ['plain', {}, 'success'],
      ['retry', {}, 'success'],
      ['fail', {}, 'failure'],
      ['stop', { timeout: '150ms' }, 'timed_out'],
    ] as const) {
      const inline = await body.with(options)(kind);
      const inlineCalls = seen.splice(0);
      const scheduled = await body.with(options).schedule(kind);
      await scheduled.wait({ timeout: '30s' });
      assert.equal(facts(inline), facts(scheduled));
      assert.equal(inlineCalls, seen.splice(0));
      assert.equal(statuses(inline), statuses(scheduled));
      assert.equal([inline.status, inline.isTerminal, inline.outcome], [status, true, 'created']);
      assert.equal([inline.executionMode, scheduled.executionMode], ['sync', 'async']);
    }
    const running = body.with({ taskKey: 'stopped' })('stop');
    const found = await eventually(async () => {
      const document = await stage.mongo.db.collection('tasks').findOne({ task_key: 'stopped', is_abortable: true });
      assert.ok(document !== null);
      return document as unknown as { readonly _id: string; readonly address: string };
    });
    await (await stage.admin.open({ uuid: found._id, address: found.address })).cancel();
    assert.is((await running).status, 'aborted', 'an inline call is cancelled from elsewhere');
  });
});

test('X1 an inline call takes no slot of a worker', async (stage, context) => {
  const hold = gate();
  const blocks = task({ name: 'x1.blocks' }, () => hold.passed);
  const quick = task({ name: 'x1.quick' }, () => 'ran');
  const own = await stage.client(context, { servers: stage.natsUrl, user: { id: 'alice' } });
  const worker = await own.startWorker({ tasks: [blocks, quick], concurrency: 1 });
  context.defer(() => worker.drain({ grace: 0 }));
  await own.within(async () => {
    const blocked = await blocks.schedule();
    await until(blocked, ({ status }) => status === 'in_progress');
    const waits = await quick.schedule();
    const inline = await quick();
    assert.equal([inline.status, inline.result], ['success', 'ran']);
    assert.is((await waits.refresh()).status, 'pending', 'the one slot is taken');
    hold.open();
    await waits.wait({ timeout: '30s' });
  });
});

test('X1 who waits for himself is told so and does not wait for ever', async (stage, context) => {
  const self: Task<[string], string> = task({ name: 'x1.self' }, async (how: string): Promise<string> => {
    const again = self.with({ taskKey: getContext().taskKey });
    if (how === 'inline') await again(how);
    if (how === 'wait') await (await again.schedule(how)).wait();
    if (how === 'round') await other.with({ taskKey: 'other' })(getContext().taskKey);
    return 'not reached';
  });
  const other: Task<[string], string> = task({ name: 'x1.other' }, async (key: string): Promise<string> => {
    await self.with({ taskKey: key })('round');
    return 'not reached';
  });
  const own = await stage.client(context, { servers: stage.natsUrl, user: { id: 'alice' } });
  const worker = await own.startWorker({ tasks: [self, other] });
  context.defer(() => worker.drain({ grace: 0 }));
  await own.within(async () => {
    for (const how of ['inline', 'wait']) {
      const handle = await self.with({ taskKey: how }).schedule(how);
      await handle.wait({ timeout: '30s' });
      assert.equal([handle.status, handle.error?.type], ['failure', 'InvalidArgumentError'], how);
      assert.match(handle.error?.message ?? '', /waits for itself/);
    }
    const round = await self.with({ taskKey: 'round' }).schedule('round');
    await round.wait({ timeout: '30s' });
    assert.is(round.status, 'success', 'the failure of the inner one is its own');
  });
});

test('X2 the type is the name given, or the name of the function, in one shape', async (stage, context) => {
  async function namedFunction(): Promise<number> {
    return 1;
  }
  assert.is(task(namedFunction).definition.type, 'namedFunction');
  assert.is(task({ name: 'Given_Name.v-2' }, namedFunction).definition.type, 'Given_Name.v-2');
  assert.is(task({ name: 'x'.repeat(100) }, namedFunction).definition.type.length, 100);
  for (const name of ['', ' ', 'a b', '.a', '-a', '_a', 'ä', 'a/b', 'a*', 'a>', 'x'.repeat(101), 'a\n']) {
    assert.instance(await thrownBy(() => task({ name }, namedFunction)), InvalidArgumentError, JSON.stringify(name));
  }
  assert.match((await thrownBy(() => task(() => 1))).message, /anonymous/);
  assert.match((await thrownBy(() => task({}, async () => 1))).message, /anonymous/);
  const [lower, upper] = [task({ name: 'x2.case' }, () => 'lower'), task({ name: 'X2.CASE' }, () => 'upper')];
  await stage.serve(context, [lower, upper]);
  await stage.as('alice').within(async () => {
    for (const [body, result] of [
      [lower, 'lower'],
      [upper, 'upper'],
    ] as const) {
      const handle = await body.schedule();
      await handle.wait({ timeout: '30s' });
      assert.equal([handle.result, handle.type], [result, body.definition.type], 'the case is kept');
    }
  });
});

test('X2 two definitions with one name: a worker does not start', async (stage, context) => {
  const [a, b] = [task({ name: 'x2.twice' }, () => 1), task({ name: 'x2.twice' }, () => 2)];
  const own = await stage.client(context, { servers: stage.natsUrl });
  const refused = await thrownBy(() => own.startWorker({ tasks: [a, b] }));
  assert.instance(refused, InvalidArgumentError);
  assert.match(refused.message, /x2\.twice/);
});

test('X3 what a call says counts more than what the definition says', async (stage) => {
  const body = task(
    {
      name: 'x3.body',
      timeout: '5m',
      queue: 'x3-definition',
      priority: 'low',
      retry: { maxAttempts: 3, backoff: { initial: '1s', factor: 2, max: '10s', jitter: 0 } },
      maxRescues: 5,
      onOrphan: 'fail',
      abortGrace: '5s',
    },
    () => 1,
  );
  const runAt = new Date(Date.now() + 3_600_000);
  await stage.as('alice').within(async () => {
    const plain = await body.schedule();
    const changed = await body
      .with({ taskKey: 'k', taskName: 'Shown', timeout: 600, queue: 'x3-call', priority: 'high', runAt })
      .with({ retry: { maxAttempts: 7, backoff: { initial: '3s' } }, maxRescues: 0, onOrphan: 'retry', abortGrace: 9 })
      .schedule();
    const common = { factor: 2, maxMs: 10_000, jitter: 0 };
    assert.equal(plain.record.policy, {
      timeoutMs: 300_000,
      maxAttempts: 3,
      backoff: { initialMs: 1_000, ...common },
      maxRescues: 5,
      onOrphan: 'fail',
      abortGraceMs: 5_000,
    });
    assert.equal([plain.record.queue, plain.record.priority], ['x3-definition', 'low']);
    assert.equal([plain.name, plain.key === plain.uuid], ['x3.body', true], 'shown by its type');
    assert.equal(changed.record.policy, {
      timeoutMs: 600_000,
      maxAttempts: 7,
      backoff: { initialMs: 3_000, ...common },
      maxRescues: 0,
      onOrphan: 'retry',
      abortGraceMs: 9_000,
    });
    const { queue, priority, key, name } = changed.record;
    assert.equal({ queue, priority, key, name }, { queue: 'x3-call', priority: 'high', key: 'k', name: 'Shown' });
    assert.ok(Math.abs((changed.record.runAt ?? 0) - runAt.getTime()) < 5_000);
    const byKey = await body.with({ taskKey: 'only a key' }).schedule();
    assert.is(byKey.name, 'only a key', 'shown by its key');
    for (const handle of [plain, changed, byKey]) await handle.cancel();
  });
  for (const wrong of [
    { timout: 5 },
    { priority: 'urgent' },
    { taskKey: '' },
    { delay: -1 },
    { delay: 1, runAt },
  ] as const) {
    const run = () => stage.as('alice').within(() => body.with(wrong as never).schedule());
    assert.instance(await thrownBy(run), InvalidArgumentError, JSON.stringify(wrong));
  }
});

test(
  'X5 a type nobody serves waits, which is said; it runs once somebody comes',
  async (stage, context) => {
    const orphan = task({ name: 'x5.orphan' }, () => 'at last');
    const handle = await stage.as('alice').within(() => orphan.schedule());
    const [supervisor] = stage.supervisors;
    await eventually(() => assert.match(supervisor?.output ?? '', /no worker serves x5\.orphan in queue default/), {
      limitMs: 25_000,
    });
    assert.is((await handle.refresh()).status, 'pending');
    await stage.serve(context, [orphan]);
    await handle.wait({ timeout: '30s' });
    assert.equal([handle.result, handle.attempt], ['at last', 1]);
  },
  { limitMs: 45_000 },
);

test('X5 workers of different types share a queue and leave each other alone', async (stage, context) => {
  const hold = gate();
  const [a, b] = [task({ name: 'x5.a' }, () => hold.passed), task({ name: 'x5.b' }, () => 'b')];
  const serveA = await stage.serve(context, [a], { concurrency: 1 });
  const serveB = await stage.serve(context, [b], { concurrency: 1 });
  await stage.as('alice').within(async () => {
    const blocked = await Promise.all(Array.from({ length: 30 }, () => a.schedule()));
    const handles = await Promise.all(Array.from({ length: 30 }, () => b.schedule()));
    for (const handle of handles) {
      await handle.wait({ timeout: '30s' });
      assert.equal([handle.status, handle.attempt, handle.record.owner?.worker], ['success', 1, serveB.id]);
    }
    // Of the other type nothing has moved: its line delays nobody.
    hold.open();
    for (const handle of blocked) {
      await handle.wait({ timeout: '30s' });
      assert.equal([handle.status, handle.attempt, handle.record.owner?.worker], ['success', 1, serveA.id]);
    }
  });
});

test('X6 switched off: nothing new, but what was admitted ends and who waits is answered', async (stage, context) => {
  const hold = gate();
  const body = task({ name: 'x6.body' }, async () => {
    await hold.passed;
    return 'ended';
  });
  const off = await stage.client(context, { servers: stage.natsUrl, user: { id: 'alice' }, enabled: false });
  const handle = await stage.as('alice').within(() => body.schedule());
  const stops = await stage.as('alice').within(() => body.with({ taskKey: 'stop', queue: 'nobody' }).schedule());
  await off.within(async () => {
    for (const run of [() => body.schedule(), () => body(), () => body.with({ taskKey: 'k' }).schedule()]) {
      const refused = await thrownBy(run);
      assert.instance(refused, GlobalTaskFrameworkDisabledError);
      assert.is(refused.code, 'DISABLED');
    }
  });
  const worker = await off.startWorker({ tasks: [body] });
  context.defer(() => worker.drain({ grace: 0 }));
  const mine = await off.open(handle);
  const waiting = mine.wait({ timeout: '30s' });
  await until(handle, ({ status }) => status === 'in_progress');
  assert.is((await (await off.open(stops)).cancel()).action, 'aborted');
  hold.open();
  await waiting;
  assert.equal([mine.status, mine.result], ['success', 'ended']);
  await stage.document(handle.uuid, ({ terminal }) => terminal);
});

for (const variable of ['BATON_ENABLED', 'GLOBAL_TASK_FRAMEWORK']) {
  test(`X6 ${variable}=false switches a client off; it is on by default`, async (stage, context) => {
    const body = task({ name: 'x6.env' }, () => 1);
    const { natsUrl: servers, namespace } = stage;
    process.env[variable] = 'false';
    context.defer(() => delete process.env[variable]);
    const off = await connect({ servers, namespace, user: { id: 'alice' } });
    context.defer(() => off.close());
    assert.instance(await thrownBy(() => off.within(() => body.schedule())), GlobalTaskFrameworkDisabledError);
    delete process.env[variable];
    const on = await connect({ servers, namespace, user: { id: 'alice' } });
    context.defer(() => on.close());
    const handle = await on.within(() => body.schedule());
    await handle.cancel();
  });
}

test('X6 a worker service that is switched off goes on with what was admitted', async (stage) => {
  const call = double.with({ queue: 'x6' });
  const handles = await stage.as('alice').within(() => Promise.all([1, 2, 3].map((n) => call.schedule(n))));
  const worker = stage.service('worker', 'worker off', { BATON_ENABLED: 'false', BATON_QUEUES: 'x6' });
  await worker.start();
  for (const handle of handles) assert.is((await handle.wait({ timeout: '30s' })).status, 'success');
  assert.is((await worker.stop()).code, 0);
});

test('X1 an asynchronous body is awaited', async (stage) => {
  const slow = task({ name: 'x1.slow' }, async () => {
    await pause(30);
    return 'late';
  });
  const handle = await stage.as('alice').within(() => slow());
  assert.is(handle.result, 'late');
});

test.run();
