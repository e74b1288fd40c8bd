import { createSupervisor, silentLog } from '@baton/runtime';
import { createVirtualClock, createMemoryWorld, type MemoryWorld, type VirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { within } from '../../../test/support/virtual-time.ts';
import type { Baton } from './baton.ts';
import { createBaton } from './create.ts';
import { getContext, InvalidArgumentError, PayloadTooLargeError, task, TerminalError } from './index.ts';

const test = suite('sdk');

type Stage = {
  readonly clock: VirtualClock;
  readonly world: MemoryWorld;
  readonly client: (name: string, user?: string) => Baton;
};

const stage = async (seed = 1): Promise<Stage> => {
  const clock = createVirtualClock({ seed });
  const world = createMemoryWorld({ clock, seed });
  await clock.settle(createSupervisor(world.ports('supervisor'), { id: 'supervisor', log: silentLog }).start());
  await clock.advance(1_000);
  return {
    clock,
    world,
    client: (name, user = 'alice') =>
      createBaton({ ports: world.ports(name), user: { id: user }, progressThrottleMs: 2_000 }),
  };
};

test('a scheduled task runs in a worker and its result comes back', async () => {
  const { clock, client } = await stage();
  const double = task({ name: 'double' }, (n: number) => n * 2);
  const worker = client('worker');
  await within(clock, worker.startWorker({ tasks: [double] }));
  const handle = await within(
    clock,
    client('app').within(() => double.schedule(21)),
  );
  assert.is(handle.status, 'pending');
  assert.is(handle.outcome, 'created');
  await within(clock, handle.wait());
  assert.is(handle.status, 'success');
  assert.is(handle.result, 42);
  assert.equal(
    handle.record.history.map((h) => h.status),
    ['pending', 'in_progress', 'success'],
  );
});

test('an inline call runs here, with the same features', async () => {
  const { clock, client } = await stage();
  const seen: string[] = [];
  const greet = task({ name: 'greet' }, async (name: string) => {
    const ctx = getContext();
    ctx.onCleanup(() => seen.push('cleanup 1'));
    ctx.onCleanup(() => seen.push('cleanup 2'));
    ctx.updateTask({ progress: [1, 2], payload: { name } });
    return `hello ${name}`;
  });
  const handle = await within(
    clock,
    client('app').within(() => greet('bob')),
  );
  assert.is(handle.status, 'success');
  assert.is(handle.result, 'hello bob');
  assert.is(handle.record.mode, 'sync');
  assert.equal(handle.progress, { current: 1, total: 2 });
  assert.equal(handle.payload, { name: 'bob' });
  assert.equal(seen, ['cleanup 2', 'cleanup 1']);
});

test('two users who schedule one shared key share one task', async () => {
  const { clock, client } = await stage();
  const report = task({ name: 'report', scope: 'shared' }, () => 1).with({ taskKey: 'r1' });
  const [a, b] = await within(
    clock,
    Promise.all([
      client('app', 'alice').within(() => report.schedule()),
      client('app2', 'bob').within(() => report.schedule()),
    ]),
  );
  assert.is(a.uuid, b.uuid);
  assert.equal(new Set([a.outcome, b.outcome]), new Set(['created', 'joined']));
  await within(clock, a.refresh());
  assert.equal(new Set(a.subscribers.map((s) => s.user)), new Set(['alice', 'bob']));
});

test('A2 a running abortable task is aborted: handlers run, then cleanup, then aborted with proof', async () => {
  const { clock, client } = await stage();
  const seen: string[] = [];
  const long = task({ name: 'long' }, async () => {
    const ctx = getContext();
    ctx.onAbort(() => seen.push('abort'));
    ctx.onCleanup(() => seen.push('cleanup'));
    await new Promise<void>((resolve) => {
      ctx.signal.addEventListener('abort', () => resolve());
    });
    seen.push('body');
  });
  const worker = client('worker');
  await within(clock, worker.startWorker({ tasks: [long] }));
  const handle = await within(
    clock,
    client('app').within(() => long.schedule()),
  );
  await clock.advance(100);
  const answer = await within(clock, handle.cancel());
  assert.is(answer.action, 'aborted');
  await within(clock, handle.wait());
  assert.is(handle.status, 'aborted');
  assert.is(seen.at(-1), 'cleanup');
  assert.is(seen.filter((s) => s === 'abort').length, 1);
  const { abort } = handle.record;
  assert.ok(abort?.deliveredAt !== undefined && abort.observedAt !== undefined && abort.stoppedAt !== undefined);
  assert.is(abort.by, 'user:alice');
});

for (const cleanup of [false, true]) {
  test(`A4 a cancel that the worker hears of only when it tells the end: handlers run, then aborted${cleanup ? ', then cleanup' : ''}`, async () => {
    const { clock, world, client } = await stage();
    const seen: string[] = [];
    let end: (() => void) | undefined;
    const job = task({ name: 'job' }, async () => {
      const { onAbort, onCleanup } = getContext();
      onAbort(() => seen.push('abort'));
      if (cleanup) onCleanup(() => seen.push('cleanup'));
      await new Promise<void>((resolve) => (end = resolve));
      return 'done';
    });
    await within(clock, client('worker').startWorker({ tasks: [job] }));
    const handle = await within(
      clock,
      client('app').within(() => job.schedule()),
    );
    await clock.advance(1_000);
    const lost = world.inject({ op: 'signal.poke', fault: 'drop' });
    await within(clock, handle.cancel());
    end?.();
    await within(clock, handle.wait());
    assert.ok(lost.hits() > 0);
    assert.is(handle.status, 'aborted');
    assert.equal(seen, cleanup ? ['abort', 'cleanup'] : ['abort']);
  });
}

test('T2 an abortable task times out, never early', async () => {
  const { clock, client } = await stage();
  const slow = task({ name: 'slow', timeout: '3s' }, async () => {
    const { signal } = getContext();
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve());
    });
  });
  const worker = client('worker');
  await within(clock, worker.startWorker({ tasks: [slow] }));
  const handle = await within(
    clock,
    client('app').within(() => slow.schedule()),
  );
  await within(clock, handle.wait());
  assert.is(handle.status, 'timed_out');
  const { startedAt = 0, endedAt = 0 } = handle.record;
  assert.ok(endedAt - startedAt >= 3_000 && endedAt - startedAt < 3_250, `${endedAt - startedAt} ms`);
});

test('L5 a thrown error is recorded; L6 failing handlers are combined in the order run', async () => {
  const { clock, client } = await stage();
  const bad = task({ name: 'bad' }, () => {
    const ctx = getContext();
    ctx.onCleanup(() => {
      throw new RangeError('first registered');
    });
    ctx.onCleanup(() => {
      throw new TypeError('last registered');
    });
    throw new TerminalError('body');
  });
  const handle = await within(
    clock,
    client('app').within(() => bad()),
  );
  assert.is(handle.status, 'failure');
  assert.is(handle.error?.message, 'body; last registered; first registered');
  assert.is(handle.error?.type, 'TerminalError+TypeError+RangeError');
});

test('L9 an inline task with attempts left runs again after its back-off', async () => {
  const { clock, client } = await stage();
  let runs = 0;
  const flaky = task({ name: 'flaky', retry: { maxAttempts: 3, backoff: { initial: '1s', jitter: 0 } } }, () => {
    runs++;
    if (runs < 3) throw new Error(`run ${runs}`);
    return runs;
  });
  const handle = await within(
    clock,
    client('app').within(() => flaky()),
  );
  assert.is(handle.status, 'success');
  assert.is(handle.result, 3);
  assert.is(handle.attempt, 3);
  assert.ok((handle.record.endedAt ?? 0) - handle.record.createdAt >= 3_000);
});

test('R5 drain: nothing new is taken, what ignores it is given back and nothing is counted', async () => {
  const { clock, client, world } = await stage();
  const never = task({ name: 'never' }, () => new Promise<void>(() => {}));
  const worker = await within(clock, client('worker').startWorker({ tasks: [never] }));
  const handle = await within(
    clock,
    client('app').within(() => never.schedule()),
  );
  await clock.advance(100);
  await within(clock, worker.drain({ grace: '1s' }));
  await within(clock, handle.refresh());
  assert.is(handle.status, 'pending');
  assert.is(handle.attempt, 1);
  assert.is(handle.record.failures, undefined);
  const [waits] = (await within(clock, world.ports('app').dispatch.waiting(200))) ?? [];
  assert.equal(waits, { queue: 'default', priority: 'normal', type: 'never', waiting: 1 });
});

test('input that cannot be taken is refused before anything is sent', async () => {
  const { client, world } = await stage();
  const any = task({ name: 'any' }, (value: unknown) => value);
  const app = client('app');
  const schedule = (value: unknown) => app.within(() => any.schedule(value));
  const failure = async (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => undefined,
      (e: unknown) => e,
    );
  assert.instance(await failure(schedule(() => 1)), InvalidArgumentError);
  assert.instance(await failure(schedule(1n)), InvalidArgumentError);
  assert.instance(await failure(schedule('x'.repeat(8 * 1024 * 1024))), PayloadTooLargeError);
  const system = task({ name: 'sys', scope: 'system' }, () => 1);
  assert.match(String(await failure(app.within(() => system.schedule()))), 'only an admin');
  const shared = task({ name: 'shared', scope: 'shared' }, () => 1);
  assert.match(String(await failure(app.within(() => shared.schedule()))), 'task_key: a shared task needs one');
  assert.throws(() => any.with({ taskKye: 'x' } as never), /unknown option 'taskKye'/);
  assert.throws(() => task(() => 1), /anonymous/);
  assert.throws(() => task({ name: 'a b' }, () => 1), /name/);
  assert.is(world.history().length, 0);
});

test('a misspelt option is refused wherever it stands, and what is no task or no options with words and a code', async () => {
  const { client } = await stage();
  const app = client('app');
  const wrong = async (run: () => unknown): Promise<string> => {
    try {
      await run();
    } catch (error) {
      assert.instance(error, InvalidArgumentError, String(error));
      return (error as Error).message;
    }
    throw new Error('it was taken');
  };
  const any = task({ name: 'any' }, () => 1);
  const call = (options: unknown) => () => app.schedule(any, [], options as never);
  const define = (options: object) => () => task({ name: 't', ...options }, () => 1);
  const handle = await app.schedule(any);
  const to = { uuid: handle.uuid, address: handle.address };
  for (const [run, words] of [
    [call({ retry: { maxAttempt: 5 } }), /^unknown option 'retry.maxAttempt'; known are maxAttempts, backoff$/],
    [call({ retry: { retryOn: () => true } }), /^unknown option 'retry.retryOn'/],
    [call({ retry: { backoff: { inital: '1s' } } }), /^unknown option 'retry.backoff.inital'/],
    [call({ retry: 5 }), /^retry: is \{ maxAttempts, backoff \}$/],
    [call({ retry: null }), /^retry: is/],
    [call(null), /^options: is/],
    [define({ retry: { maxAttempt: 5 } }), /known are maxAttempts, backoff, retryOn$/],
    [define({ retry: { retryOn: /x/ } }), /^retry.retryOn: is a function$/],
    [define({ rate: { units: 1, window: '1m', foo: 1 } }), /^unknown option 'rate.foo'; known are units, window$/],
    [() => handle.wait({ timout: 1 } as never), /^unknown option 'timout'; known are timeout, fetch$/],
    [() => handle.cancel({ forc: true } as never), /^unknown option 'forc'/],
    [() => handle.events({ from: 1 } as never).next(), /^unknown option 'from'/],
    [() => app.signal(to, 'go', 1, { operation_id: 'x' } as never), /^unknown option 'operation_id'/],
    [() => app.retry(handle, { traces: {} } as never), /^unknown option 'traces'/],
    [() => app.startWorker({ tasks: [any], concurency: 1 } as never), /^unknown option 'concurency'/],
    [() => app.startWorker(undefined as never), /^options: is \{ tasks, /],
    [() => app.startWorker({ tasks: [() => 1] } as never), /^task: is what task\(\) has returned/],
    [() => app.startWorker({ tasks: any } as never), /^tasks and queues: are lists$/],
    [() => app.schedules.trigger('x', { foo: 1 } as never), /^unknown option 'foo'; known are id$/],
    [() => app.schedules.set('x', { every: '1h' } as never), /^task: is what task\(\) has returned/],
    [() => app.queues.limit('q', { of: 'queue', rate: { unit: 1 } } as never), /^unknown option 'rate.unit'/],
    [() => app.schedule(any, 'hello' as never), /^args: is the list of arguments/],
    [() => app.schedule(undefined as never, []), /^task: is what task\(\) has returned, or the name of a type$/],
    [() => app.schedule(5 as never, []), /^task: is/],
    [() => app.open(null as never), /^task: is \{ uuid, address \}/],
  ] as const)
    assert.match(await wrong(run), words);
  await handle.refresh();
  assert.equal([handle.status, handle.revision], ['pending', handle.revision], 'nothing came of it');
  for (const uuid of ['*', '>', 'a.b', 'a b']) {
    const error = await app.open({ uuid, address: handle.address }).catch((thrown: unknown) => thrown);
    assert.is((error as { code?: string }).code, 'TASK_NOT_FOUND');
  }
});

const stoppedBy = (clock: VirtualClock, timeout: string, abortableAfterMs: number) =>
  task({ name: 'slow', timeout }, async () => {
    const context = getContext();
    if (abortableAfterMs > 0) await new Promise<void>((resolve) => void clock.after(abortableAfterMs, resolve));
    await new Promise<void>((resolve) => context.onAbort(resolve));
  });

for (const [title, timeout, abortableAfterMs] of [
  ['T2: a handler registered in time counts, though it is not stored yet when the time is over', '1ms', 0],
  ['T3: a body that becomes abortable when its time is over already is stopped then', '100ms', 300],
] as const) {
  test(title, async () => {
    const { clock, client } = await stage();
    const slow = stoppedBy(clock, timeout, abortableAfterMs);
    await within(clock, client('worker').startWorker({ tasks: [slow] }));
    const handle = await within(
      clock,
      client('app').within(() => slow.schedule()),
    );
    await within(clock, handle.wait(), 5_000);
    assert.is(handle.status, 'timed_out');
    assert.is(handle.record.timeoutUnenforced, undefined);
  });
}

test('a submit of a publisher that was carried out is told so, also where the record cannot be read behind the answer', async () => {
  const { clock, world } = await stage();
  const publisher = createBaton({ ports: world.ports('pub'), user: { id: 'alice' }, role: 'publisher' });
  world.inject({ op: 'store.load', fault: 'refused', node: 'pub', times: 1 });
  const handle = await within(clock, publisher.schedule('some', [1], { taskKey: 'k' }));
  assert.equal([handle.status, handle.outcome, handle.record.key], ['pending', 'created', 'k']);
  await within(clock, handle.refresh());
  assert.is(handle.status, 'pending');
});

test.run();
