import type { TaskDocument } from '@baton/protocols';
import { createSupervisor, silentLog, startProjector, systemClock, type Clock, type Log } from '@baton/runtime';
import { createBaton, durationMs, type Baton, type Duration, type User, type WorkerOptions } from '@baton/sdk';
import { createMemoryViews } from '../memory/views.ts';
import { createMemoryWorld, type MemoryNode, type MemoryWorld } from '../memory/world.ts';
import { createVirtualClock } from '../virtual-clock.ts';
import { Passing } from './passing.ts';

export type TestBatonOptions = {
  /** On whose behalf tasks are submitted where `run` names nobody; `{ id: 'alice' }` when not set. */
  readonly user?: User;
  /**
   * `virtual` (default): time passes only while the test waits, as fast as it can, so an hour takes milliseconds. For
   * handlers that wait by `sleep`, by their signal, or for other tasks. `real`: for handlers that read files, call
   * servers or set timers of their own.
   */
  readonly time?: 'virtual' | 'real';
  /** Decides the order of what happens at once, ids and jitter: the same seed gives the same run. Default 1. */
  readonly seed?: number | string;
  /** Wall clock at the start, where time is virtual. */
  readonly startAt?: Date;
  /** Longest virtual time one wait may take before it fails; a day when not set. */
  readonly waitLimit?: Duration;
  /** Least time between two durable progress writes of one task; 2 s when not set. */
  readonly progressThrottleMs?: number;
  /** Most bytes of all records: to see what becomes of your submits when the store is full. No limit when not set. */
  readonly tasksMaxBytes?: number;
  readonly log?: Log;
};

export type TestWorker = {
  readonly id: string;
  readonly drain: (options?: { readonly grace?: Duration }) => Promise<void>;
  /** Its process is killed: no handler of it does anything any more, nothing is said to anybody. */
  readonly crash: () => void;
  /** Its event loop hangs, until `resume`. */
  readonly block: () => void;
  /** All of it stands still, its lease too, until `resume`. */
  readonly freeze: () => void;
  readonly resume: () => void;
  /** Its connection breaks, until `reconnect`. */
  readonly disconnect: () => void;
  readonly reconnect: () => void;
};

/** A whole Baton in memory: no server, no process, and time in the hands of the test. */
export type TestBaton = {
  /** The client of `run`; use it inside of `run`, where time passes. */
  readonly baton: Baton;
  /**
   * Runs `body` with the client that tasks in it use, and lets time pass until it is done. Several may run at once.
   *
   * ```ts
   * const job = await test.run(() => importFile.schedule('a.csv'));
   * await test.run(() => job.wait());
   * ```
   */
  readonly run: <T>(body: () => T | Promise<T>, options?: { readonly user?: User }) => Promise<T>;
  /** Lets time pass; what is due in it happens. Where time is real, waits for it. */
  readonly advance: (time: Duration) => Promise<void>;
  /** For handlers: waits in the time of the test. */
  readonly sleep: (time: Duration) => Promise<void>;
  /** The time as tasks see it. */
  readonly now: () => Date;
  readonly startWorker: (options: WorkerOptions) => Promise<TestWorker>;
  /** The document of a task as MongoDB would have it; undefined while it was not projected. */
  readonly document: (uuid: string) => TaskDocument | undefined;
  readonly documents: () => readonly TaskDocument[];
  /** The simulated server: what it holds, and faults to inject. */
  readonly world: MemoryWorld;
  readonly close: () => Promise<void>;
};

const DAY_MS = 86_400_000;

/** In an hour that passes at once nobody looks every second how far the documents are. */
const LOOK_MS = 10_000;

/** Makes one. A supervisor and a projector run in it, so timeouts, rescues, delayed starts and documents are as in operation. */
export const createTestBaton = async (options: TestBatonOptions = {}): Promise<TestBaton> => {
  const { user = { id: 'alice' }, seed = 1, log = silentLog, progressThrottleMs, tasksMaxBytes } = options;
  const time = timeOf(options);
  const world = createMemoryWorld({
    clock: time.clock,
    seed,
    ...(tasksMaxBytes === undefined ? {} : { tasksMaxBytes }),
  });
  const throttle = progressThrottleMs === undefined ? {} : { progressThrottleMs };
  const clientOn = (node: MemoryNode, name: string): Baton =>
    createBaton({ ports: node.ports, user, log, nodeName: name, ...throttle });

  const supervisor = createSupervisor(world.ports('supervisor'), { id: 'supervisor', log });
  await time.until(supervisor.start());
  const views = createMemoryViews();
  const projector = await time.until(
    startProjector(world.ports('projector'), views, { log, paceMs: 0, lookEveryMs: LOOK_MS }),
  );
  const baton = clientOn(world.node('app'), 'app');
  const closing: (() => Promise<void>)[] = [() => projector.stop(), () => supervisor.stop(), () => baton.close()];

  let workers = 0;
  const startWorker = async (workerOptions: WorkerOptions): Promise<TestWorker> => {
    const name = `worker-${++workers}`;
    const node = world.node(name);
    const client = clientOn(node, name);
    const worker = await time.until(client.startWorker({ handleStrayErrors: false, ...workerOptions }));
    closing.push(async () => {
      if (node.state() === 'crashed') return;
      node.resume();
      node.reconnect();
      await worker.drain({ grace: 0 });
      await client.close();
    });
    return {
      id: worker.id,
      drain: (drain) => time.until(worker.drain(drain)),
      crash: () => node.crash(),
      block: () => node.block(),
      freeze: () => node.freeze(),
      resume: () => node.resume(),
      disconnect: () => node.disconnect(),
      reconnect: () => node.reconnect(),
    };
  };

  return {
    baton,
    run: (body, { user: as } = {}) => time.until((as === undefined ? baton : baton.as(as)).within(async () => body())),
    advance: (span) => time.advance(durationMs(span, 'time')),
    sleep: (span) => new Promise((resolve) => void time.clock.after(durationMs(span, 'time'), resolve)),
    now: () => new Date(time.clock.now()),
    startWorker,
    document: (uuid) => views.get(uuid),
    documents: () => views.documents(),
    world,
    close: async () => {
      world.heal();
      for (let undo = closing.pop(); undo !== undefined; undo = closing.pop()) await time.until(undo());
      world.close();
    },
  };
};

type Time = {
  readonly clock: Clock;
  readonly until: <T>(promise: Promise<T>) => Promise<T>;
  readonly advance: (ms: number) => Promise<void>;
};

const timeOf = ({ time = 'virtual', seed = 1, startAt, waitLimit }: TestBatonOptions): Time => {
  if (time === 'real') {
    const advance = (ms: number): Promise<void> => new Promise((resolve) => void systemClock.after(ms, resolve));
    return { clock: systemClock, until: (promise) => promise, advance };
  }
  const clock = createVirtualClock({ seed, ...(startAt === undefined ? {} : { startAt: startAt.getTime() }) });
  const passing = new Passing(clock, waitLimit === undefined ? DAY_MS : durationMs(waitLimit, 'waitLimit'));
  return { clock, until: (promise) => passing.until(promise), advance: (ms) => passing.advance(ms) };
};
