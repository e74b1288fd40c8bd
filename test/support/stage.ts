import type { TaskDocument } from '@baton/protocols';
import {
  connect,
  type Baton,
  type BatonWorker,
  type ConnectOptions,
  type TaskHandle,
  type WorkerOptions,
} from '@baton/sdk';
import type { TaskRecord } from '@baton/core';
import { createLog, recordOf, type Log } from '@baton/runtime';
import { eventually } from './eventually.ts';
import { suite, type TestContext, type TestOptions } from './suite.ts';
import { startSystem, type System, type SystemOptions } from './system-fixture.ts';

export type ServeOptions = Omit<WorkerOptions, 'tasks'> &
  Omit<ConnectOptions, 'servers' | 'namespace'> & {
    readonly servers?: string;
  };

/** One system of real processes for all tests of a file, and what tests do with it again and again. */
export type Stage = System & {
  /** A client for a user. */
  readonly as: (id: string) => Baton;
  readonly admin: Baton;
  /** A worker in the test's own process, on a connection of its own, so that a test and its handlers can talk. */
  readonly serve: (
    context: Pick<TestContext, 'defer'>,
    tasks: WorkerOptions['tasks'],
    options?: ServeOptions,
  ) => Promise<BatonWorker>;
  /** One more connection of the test's own process. */
  readonly client: (context: Pick<TestContext, 'defer'>, options?: ConnectOptions) => Promise<Baton>;
  /** The task as MongoDB has it, once `holds` is true of it. */
  readonly document: (id: string, holds?: (document: TaskDocument) => boolean) => Promise<TaskDocument>;
};

export type StageBody = (stage: Stage, context: TestContext) => void | Promise<void>;

export type StagedSuite = {
  (title: string, body: StageBody, options?: TestOptions): void;
  readonly run: () => void;
};

/** Starting the processes of a system, on a machine that does other things too. */
const START_MS = 60_000;
const LIMIT_MS = 20_000;

/** A suite whose tests share one system, started by the first of them and taken down by the last. */
export const stagedSuite = (name: string, options: SystemOptions = {}): StagedSuite => {
  const test = suite(name);
  let started: Promise<Stage> | undefined;
  let count = 0;
  const start = async (): Promise<Stage> => {
    const signal = new AbortController().signal;
    return stageOn(await startSystem({ defer: test.after, signal }, options));
  };
  const staged = (title: string, body: StageBody, { limitMs = LIMIT_MS }: TestOptions = {}): void => {
    const withStart = count++ === 0 ? START_MS : 0;
    test(title, async (context) => body(await (started ??= start()), context), { limitMs: limitMs + withStart });
  };
  return Object.assign(staged, { run: test.run });
};

const stageOn = (system: System): Stage => {
  const { natsUrl, namespace, baton, mongo } = system;
  const client: Stage['client'] = async ({ defer }, options = {}) => {
    const made = await connect({ servers: natsUrl, namespace, ...options });
    defer(() => made.close());
    return made;
  };
  return Object.assign(system, {
    as: (id: string) => baton.as({ id }),
    admin: baton.as({ id: 'root', admin: true }),
    client,
    serve: async (
      context: Pick<TestContext, 'defer'>,
      tasks: WorkerOptions['tasks'],
      { queues, concurrency, ...options }: ServeOptions = {},
    ) => {
      const own = await client(context, options);
      const worker = await own.startWorker({
        tasks,
        ...(queues === undefined ? {} : { queues }),
        ...(concurrency === undefined ? {} : { concurrency }),
      });
      context.defer(() => worker.drain({ grace: 0 }));
      return worker;
    },
    document: (id: string, holds: (document: TaskDocument) => boolean = () => true) =>
      eventually(
        async () => {
          const found = await mongo.db.collection<TaskDocument>('tasks').findOne({ _id: id });
          if (found === null || !holds(found)) throw new Error(`${id} is ${JSON.stringify(found)} in MongoDB`);
          return found;
        },
        { limitMs: 15_000, everyMs: 100 },
      ),
  });
};

/** A promise that a handler waits for and a test settles, or the other way round. */
export const gate = <T = void>(): { readonly passed: Promise<T>; readonly open: (value: T) => void } => {
  let open: (value: T) => void = () => {};
  const passed = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { passed, open };
};

/** So far, in milliseconds, may the server's clock as a process reckons it be from the clock of this machine. */
export const CLOCKS_MS = 25;

/** Resolves when the signal is aborted, with its reason. */
export const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });

/** Reads the task again until `holds` is true of it. */
export const until = async <T extends TaskHandle>(
  handle: T,
  holds: (handle: T) => boolean,
  limitMs = 10_000,
): Promise<T> =>
  eventually(
    async () => {
      await handle.refresh();
      if (!holds(handle)) throw new Error(`it is ${JSON.stringify(handle.record.history.at(-1))}`);
      return handle;
    },
    { limitMs },
  );

export const statuses = (handle: TaskHandle): readonly string[] => handle.record.history.map(({ status }) => status);

/** What was thrown. Fails when nothing was. */
export const thrownBy = async (run: () => unknown): Promise<Error & { readonly code?: string }> => {
  try {
    await run();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
};

export type LogLine = { readonly level: string; readonly msg: string; readonly [field: string]: unknown };

/** A log that keeps its lines. */
export const recordingLog = (): { readonly log: Log; readonly lines: readonly LogLine[] } => {
  const lines: LogLine[] = [];
  const to = { write: (line: string) => void lines.push(JSON.parse(line) as LogLine) };
  return { log: createLog({ level: 'debug', to }), lines };
};

/**
 * Every version of one task that was stored, in order, as the server repeated them: up to what the handle has seen, which
 * may have come to it before.
 */
export const versionsOf = async (stage: Pick<Stage, 'heard'>, handle: TaskHandle): Promise<readonly TaskRecord[]> => {
  const entries = () =>
    stage.heard.filter(({ address, outcomeOf }) => address === handle.address && outcomeOf === undefined);
  await eventually(() => {
    if (!entries().some(({ revision }) => revision >= handle.revision))
      throw new Error('its last version was not heard');
  });
  return entries()
    .map((entry) => recordOf(entry))
    .filter(({ id }) => id === handle.uuid);
};
