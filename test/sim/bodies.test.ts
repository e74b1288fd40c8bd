// One claim starts one body: offers that come twice, reads that are handed over late, answers that are lost.
import { isTerminal } from '@baton/core';
import { createSupervisor, recordOf, silentLog, type Entry, type Ports } from '@baton/runtime';
import { createBaton, getContext, task, type TaskHandle } from '@baton/sdk';
import {
  checkEffects,
  checkLives,
  createMemoryWorld,
  createRandom,
  createVirtualClock,
  describeReport,
  recordedOf,
  type Effect,
  type FaultRule,
  type MemoryWorld,
  type VirtualClock,
} from '@baton/testkit';
import * as assert from 'uvu/assert';
import { seeds } from '../support/seeds.ts';
import { suite } from '../support/suite.ts';

const test = suite('bodies');

const TASKS = 300;
const WORKER = 'worker';

/** The ports of a worker that is offered everything twice, and whose reads are handed over later than they were made. */
const twiceAndLate = (ports: Ports, clock: VirtualClock, lateMs: () => number): Ports => ({
  ...ports,
  store: {
    get epoch() {
      return ports.store.epoch;
    },
    get shortage() {
      return ports.store.shortage;
    },
    write: (...args) => ports.store.write(...args),
    load: async (address) => {
      const entry = await ports.store.load(address);
      await new Promise<void>((resolve) => void clock.after(lateMs(), resolve));
      return entry;
    },
    loadFromCopy: async (address) => {
      const entry = await ports.store.loadFromCopy(address);
      await new Promise<void>((resolve) => void clock.after(lateMs(), resolve));
      return entry;
    },
  },
  dispatch: {
    ...ports.dispatch,
    // Twice in one piece, and once more a moment later. What came before is given back then, and offered again.
    onOffer: (worker, listener) =>
      ports.dispatch.onOffer(worker, (batch) => {
        listener(batch);
        listener(batch);
        clock.after(1, () => listener(batch));
      }),
  },
});

type Played = { readonly world: MemoryWorld; readonly effects: readonly Effect[]; readonly bodies: number };

const play = async (seed: number, lateMs: number, tasks = TASKS, rules: readonly FaultRule[] = []): Promise<Played> => {
  const clock = createVirtualClock({ seed });
  const world = createMemoryWorld({ clock, seed, latencyMs: [0, 1] });
  const random = createRandom(seed);
  const effects: Effect[] = [];
  const short = task({ name: 'short', retry: { maxAttempts: 2, backoff: { initial: '10ms' } } }, async (ms: number) => {
    const { taskId, attempt, fence } = getContext();
    const note = (kind: Effect['kind']): void => {
      const owned = world.heads().find((head) => recordOf(head).id === taskId);
      const worker = owned === undefined ? '' : (recordOf(owned).owner?.worker ?? '');
      effects.push({
        ...{ kind, at: clock.monotonic(), address: owned?.address ?? ('' as never) },
        ...{ task: taskId, attempt, fence, worker },
      });
    };
    note('start');
    if (ms > 0) await new Promise<void>((resolve) => void clock.after(ms, resolve));
    note('end');
    if (attempt === 1 && ms === 2) throw new Error('once more');
  });
  const ports = twiceAndLate(world.ports(WORKER), clock, () => (lateMs === 0 ? 0 : 1 + random.int(lateMs)));
  await clock.settle(createSupervisor(world.ports('supervisor'), { id: 'supervisor', log: silentLog }).start());
  const served = createBaton({ ports, user: { id: 'alice' }, nodeName: WORKER });
  await clock.settle(served.startWorker({ tasks: [short], concurrency: 40, handleStrayErrors: false }));
  const app = createBaton({ ports: world.ports('app'), user: { id: 'alice' } });
  for (const rule of rules) world.inject({ ...rule, node: WORKER });
  const handles: TaskHandle[] = [];
  for (let i = 0; i < tasks; i++) handles.push(await clock.settle(app.within(() => short.schedule(i % 4))));
  const ended = (): boolean => world.heads().every((head) => isTerminal(recordOf(head).status));
  for (let turn = 0; turn < 600 && !ended(); turn++) {
    await clock.advance(100);
  }
  assert.ok(ended(), 'everything ended');
  await clock.settle(Promise.all([served.close(), app.close()]));
  return { world, effects, bodies: effects.filter(({ kind }) => kind === 'start').length };
};

const check = ({ world, effects }: Played): void => {
  const records = world.history().map((each) => recordedOf(each, world.epoch()));
  const lives = checkLives(records);
  assert.ok(lives.ok, describeReport(lives));
  const bodies = checkEffects({ effects, records });
  assert.ok(bodies.ok, describeReport(bodies));
};

test(
  'D8 every dispatch comes twice and reads are handed over a timer tick late: one claim starts one body',
  async () => {
    for (const lateMs of [0, 1, 12]) {
      const played = await play(lateMs + 1, lateMs);
      check(played);
      assert.is(played.bodies, TASKS + TASKS / 4, 'one body a claim');
      played.world.close();
    }
  },
  { limitMs: 60_000 },
);

test(
  'D8 the same with answers of claims lost',
  async () => {
    for (const seed of seeds(2)) {
      const played = await play(seed, 5, 100, [
        { op: 'store.write', fault: 'lost-reply', probability: 0.05 },
        { op: 'store.load', fault: 'lost-reply', probability: 0.05 },
      ]);
      check(played);
      played.world.close();
    }
  },
  { limitMs: 60_000 },
);

test('E3 progress is shown when what its body did first is stored: who sees it can cancel it', async () => {
  const clock = createVirtualClock();
  const world = createMemoryWorld({ clock, seed: 1 });
  await clock.settle(createSupervisor(world.ports('supervisor'), { id: 'supervisor', log: silentLog }).start());
  const begin = new AbortController();
  const body = task({ name: 'abortable', scope: 'shared' }, async () => {
    await new Promise<void>((resolve) => begin.signal.addEventListener('abort', () => resolve()));
    const { onAbort, updateTask } = getContext();
    const stopped = new Promise<void>((resolve) => onAbort(() => resolve()));
    updateTask({ progress: 1 });
    await stopped;
  });
  const served = createBaton({ ports: world.ports(WORKER), user: { id: 'alice' }, nodeName: WORKER });
  await clock.settle(served.startWorker({ tasks: [body], handleStrayErrors: false }));
  const app = createBaton({ ports: world.ports('app'), user: { id: 'alice' } });
  const handle = await clock.settle(app.within(() => body.with({ taskKey: 'k' }).schedule()));
  const shown: boolean[] = [];
  await clock.settle(handle.onProgress(() => shown.push(recordOf(world.heads()[0] as Entry).abortable ?? false)));
  await clock.advance(1_000);
  world.inject({ op: 'store.write', fault: 'delay', node: WORKER, delayMs: 400 });
  begin.abort();
  await clock.advance(2_000);
  assert.equal(shown, [true]);
  assert.is((await clock.settle(handle.cancel())).action, 'aborted');
  await clock.advance(2_000);
  await clock.settle(handle.wait());
  assert.is(handle.status, 'aborted');
  await clock.settle(Promise.all([served.close(), app.close()]));
  world.close();
});

test.run();
