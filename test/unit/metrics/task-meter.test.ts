// What every process counts of tasks, added up, is what became of them.
import type { TaskRecord } from '@baton/core';
import { decodeRecord, type Address } from '@baton/protocols';
import { createSupervisor, silentLog, TaskMeter, type TypeCounts } from '@baton/runtime';
import { createBaton, getContext, task, type TaskHandle } from '@baton/sdk';
import { createMemoryWorld, createVirtualClock, type MemoryWorld, type VirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';

const test = suite('task meter');

const untilAborted = (): Promise<void> => {
  const { signal } = getContext();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
};

const tasks = (clock: VirtualClock) => {
  const sleep = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
  return {
    works: task({ name: 'works' }, () => sleep(300)),
    fails: task({ name: 'fails' }, () => {
      throw new RangeError('no');
    }),
    flaky: task({ name: 'flaky', retry: { maxAttempts: 3, backoff: { initial: '1s', jitter: 0 } } }, () => {
      if (getContext().attempt < 3) throw new Error('not yet');
    }),
    overtime: task({ name: 'overtime', timeout: '2s' }, async () => {
      getContext().onAbort(() => sleep(500));
      await untilAborted();
    }),
    deaf: task({ name: 'deaf', timeout: '1s' }, () => sleep(3_000)),
    hangs: task({ name: 'hangs', scope: 'shared' }, () => untilAborted()),
    long: task({ name: 'long' }, () => sleep(20_000)),
  };
};

const stage = async (seed: number, latencyMs: readonly [number, number] = [0, 2]) => {
  const clock = createVirtualClock({ seed });
  const world = createMemoryWorld({ clock, seed, latencyMs });
  const meters: TaskMeter[] = [];
  const meter = (): TaskMeter => {
    const made = new TaskMeter();
    meters.push(made);
    return made;
  };
  const supervisor = createSupervisor(world.ports('s1'), { id: 's1', log: silentLog, meter: meter() });
  await clock.settle(supervisor.start());
  const all = tasks(clock);
  const work = async (name: string) => {
    const baton = createBaton({ ports: world.ports(name), user: { id: 'alice' }, nodeName: name, meter: meter() });
    return clock.settle(baton.startWorker({ tasks: Object.values(all), handleStrayErrors: false }));
  };
  const app = createBaton({ ports: world.ports('app'), user: { id: 'alice' }, meter: meter() });
  const run = <T>(body: () => Promise<T>): Promise<T> => clock.settle(app.within(body));
  return { clock, world, meters, supervisor, all, work, app, run };
};

/** The counts of one type, of all processes together; figures of histograms as how many there were. */
const totals = (meters: readonly TaskMeter[], type: string): Record<string, number> => {
  const sum: Record<string, number> = {};
  const add = (name: string, value: number): void => void (sum[name] = (sum[name] ?? 0) + value);
  for (const { types } of meters) {
    const counts: TypeCounts | undefined = types.get(type);
    if (counts === undefined) continue;
    const { ended, run, ...plain } = counts;
    for (const [name, value] of Object.entries(plain)) add(name, value);
    for (const [status, value] of Object.entries(ended)) add(status, value);
    add(
      'runs',
      run.counts.reduce((a, b) => a + b, 0),
    );
  }
  return Object.fromEntries(Object.entries(sum).filter(([, value]) => value > 0));
};

/** The same meter, shown every version the server has ever stored. */
const truth = (world: MemoryWorld): TaskMeter => {
  const meter = new TaskMeter();
  const last = new Map<Address, TaskRecord>();
  for (const { address, bytes, outcomeOf } of world.history()) {
    if (outcomeOf !== undefined) continue;
    const record = decodeRecord(bytes);
    meter.stored(last.get(address), record);
    last.set(address, record);
  }
  return meter;
};

test('every way a task can go is counted once, by whoever stored it', async () => {
  const { clock, meters, all, work, run, app } = await stage(1);
  const first = await work('w1');
  await clock.advance(1_000);
  const handles: TaskHandle[] = [];
  for (const each of [all.works, all.fails, all.flaky, all.overtime, all.deaf])
    handles.push(await run(() => each.schedule()));
  await clock.advance(10_000);
  for (const handle of handles) await run(() => handle.wait());

  const hanging = await run(() => all.hangs.with({ taskKey: 'k' }).schedule());
  for (const user of ['bob', 'carol']) {
    await clock.settle(app.as({ id: user }).within(() => all.hangs.with({ taskKey: 'k' }).schedule()));
  }
  await clock.advance(1_000);
  await clock.settle(
    app
      .as({ id: 'root', admin: true })
      .open(hanging)
      .then((handle) => handle.cancel({ force: true })),
  );
  await run(() => hanging.wait());

  const rescued = await run(() => all.long.with({ taskKey: 'rescued' }).schedule());
  await clock.advance(1_000);
  const second = await work('w2');
  const given = await run(() => all.long.with({ taskKey: 'given back' }).schedule());
  await clock.advance(500);
  await clock.settle(first.drain({ grace: 0 }));
  await clock.advance(60_000);
  for (const handle of [rescued, given]) await run(() => handle.wait());
  assert.ok(second.stats().slots === 50);

  assert.equal(totals(meters, 'works'), { created: 1, started: 1, success: 1, runs: 1 });
  assert.equal(totals(meters, 'fails'), { created: 1, started: 1, failure: 1, runs: 1 });
  assert.equal(totals(meters, 'flaky'), { created: 1, started: 3, retries: 2, success: 1, runs: 3 });
  assert.equal(totals(meters, 'overtime'), { created: 1, started: 1, timeouts: 1, timed_out: 1, runs: 1 });
  assert.equal(totals(meters, 'deaf'), { created: 1, started: 1, unenforced: 1, success: 1, runs: 1 });
  assert.equal(totals(meters, 'hangs'), { created: 1, joined: 2, started: 1, cancels: 1, aborted: 1, runs: 1 });
  const long = totals(meters, 'long');
  assert.ok((long['givenBack'] ?? 0) >= 1, JSON.stringify(long));
  assert.equal([long['created'], long['success'], (long['started'] ?? 0) - (long['givenBack'] ?? 0)], [2, 2, 2]);

  const aborts = meters.map((meter) => meter.aborts);
  const seen = (step: 'delivered' | 'observed' | 'stopped') =>
    aborts.flatMap((each) => each[step].counts).reduce((a, b) => a + b, 0);
  assert.equal(
    [seen('delivered'), seen('observed'), seen('stopped')].map((n) => n >= 2),
    [true, true, true],
  );
  const waits = meters.flatMap((meter) => [...meter.waits.keys()]);
  assert.equal([...new Set(waits)], ['default']);
});

test('a worker that is killed: one rescue for each of its tasks', async () => {
  const { clock, world, meters, all, work, run } = await stage(2);
  await work('w1');
  await clock.advance(1_000);
  const handles: TaskHandle[] = [];
  for (let i = 0; i < 5; i++) handles.push(await run(() => all.long.with({ taskKey: `k${i}` }).schedule()));
  await clock.advance(500);
  world.node('w1').crash();
  await work('w2');
  for (const handle of handles) await run(() => handle.wait());
  const expected = { created: 5, started: 10, rescues: 5, success: 5, runs: 10 };
  assert.equal(totals(meters, 'long'), expected);
  assert.equal(totals([truth(world)], 'long'), expected);
});

test('what waits behind an aborting task was created when it was taken, and is not again when its turn comes', async () => {
  const { clock, world, meters, all, work, run } = await stage(3);
  await work('w1');
  await clock.advance(1_000);
  const submit = () => run(() => all.overtime.with({ taskKey: 'k' }).schedule());
  await submit();
  await clock.advance(2_200);
  const second = await submit();
  await submit();
  await run(() => second.wait());
  const expected = { created: 2, joined: 1, started: 2, timeouts: 2, timed_out: 2, runs: 2 };
  assert.equal(totals(meters, 'overtime'), expected);
  assert.equal(totals([truth(world)], 'overtime'), expected);
});

test('answers that are lost: what was written and found again is counted once', async () => {
  for (let seed = 10; seed < 30; seed++) {
    const { clock, world, meters, all, work, run } = await stage(seed);
    await work('w1');
    await clock.advance(1_000);
    world.inject({ op: 'store.write', fault: 'lost-reply', probability: 0.3 });
    const handles: TaskHandle[] = [];
    for (let i = 0; i < 10; i++) {
      const handle = await run(() => all.works.with({ taskKey: `k${i}`, operationId: `o${i}` }).schedule());
      handles.push(handle);
    }
    world.heal();
    for (const handle of handles) await run(() => handle.wait());
    await clock.advance(30_000);
    assert.equal(totals(meters, 'works'), totals([truth(world)], 'works'), `seed ${seed}`);
  }
});

test('modes of a submit: what changes one that waits joins it, and what expires is no cancel', async () => {
  const { clock, world, meters, all, work, run } = await stage(6);
  const { works } = all;
  const submit = (key: string, mode: 'replace' | 'coalesce' | 'debounce' | 'throttle') => {
    const window = mode === 'debounce' || mode === 'throttle' ? { window: '1s' } : {};
    return run(() => works.with({ taskKey: key, mode, ...window }).schedule());
  };
  // None of them has begun.
  for (const mode of ['replace', 'coalesce', 'debounce', 'throttle'] as const) {
    await submit(mode, mode);
    await submit(mode, mode);
  }
  const expiring = await run(() => works.with({ taskKey: 'late', expires: '500ms' }).schedule());
  await clock.advance(1_000);
  await run(() => expiring.wait());
  assert.is(expiring.status, 'aborted');
  await work('w1');
  await clock.advance(30_000);
  const expected = { created: 5, joined: 4, started: 4, expired: 1, success: 4, aborted: 1, runs: 4 };
  assert.equal(totals(meters, 'works'), expected);
  assert.equal(totals([truth(world)], 'works'), expected);
});

test('types that somebody makes up do not fill memory or the page, and served ones are told apart', async () => {
  const { clock, world, all, work, run } = await stage(4);
  await work('w1');
  const meter = new TaskMeter();
  meter.trust({ type: (type) => type === 'works' });
  const app = createBaton({ ports: world.ports('app2'), user: { id: 'mallory' }, meter });
  for (let i = 0; i < 300; i++) await clock.settle(app.schedule(`made-up-${i}`));
  await clock.settle(app.schedule('works'));
  await run(() => all.fails.schedule());
  assert.is(meter.types.size, 102);
  assert.is(meter.types.get('other')?.created, 200);
  assert.is(meter.types.get('works')?.created, 1);
});

test('how deep each queue is, since when its oldest waits, and what nobody serves', async () => {
  const { clock, supervisor, app, run } = await stage(5);
  await clock.advance(1_000);
  const at = clock.now();
  await run(() => app.schedule('works', [], { queue: 'slow', priority: 'high' }));
  await run(() => app.schedule('works', [], { queue: 'slow', delay: '5s' }));
  await clock.advance(2_000);
  const [slow] = supervisor.report().depths;
  assert.equal(slow?.waiting, { high: 1, normal: 0, low: 0 });
  assert.is(slow?.unserved, 1);
  assert.ok(Math.abs((slow?.oldestSince ?? 0) - at) < 50);
  await clock.advance(4_000);
  assert.equal(supervisor.report().depths[0]?.waiting, { high: 1, normal: 1, low: 0 });
});

test.run();
