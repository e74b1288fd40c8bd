import { type startMongo, startNats, startRedis, type Durability } from '@baton/local';
import { startRole, type Child } from './child.ts';
import { childrenOf, cpuSecondsOf } from './measure.ts';
import { projectedSeconds } from './roles/baton.ts';
import { startService } from './service-process.ts';

export type Load = { readonly tasks: number; readonly width: number; readonly concurrency: number };

/** One run of one side. `cpu`: seconds of processor time, by process. */
export type RunResult = {
  readonly tasksPerSecond: number;
  readonly submitsPerSecond: number;
  readonly cpu: Readonly<Record<string, number>>;
  /** Baton only: from the end of the last task until its document was there. */
  readonly projectionBehindSeconds?: number;
};

export type Side = 'baton' | 'bullmq';

type Mongo = Awaited<ReturnType<typeof startMongo>>;

/** Runs `body` and undoes what it has opened, the last first, also when it throws. */
const withUndo = async <T>(body: (undo: (stop: () => Promise<void>) => void) => Promise<T>): Promise<T> => {
  const stops: (() => Promise<void>)[] = [];
  try {
    return await body((stop) => stops.push(stop));
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
};

const loadEnv = (load: Load) => ({
  BENCH_TASKS: String(load.tasks),
  BENCH_WIDTH: String(load.width),
  BENCH_CONCURRENCY: String(load.concurrency),
});

const cpuNow = (pids: Readonly<Record<string, readonly number[]>>): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(pids).map(([name, list]) => [name, list.reduce((sum, pid) => sum + (cpuSecondsOf(pid) ?? 0), 0)]),
  );

const difference = (after: Readonly<Record<string, number>>, before: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]));

/** One warm-up lap, then the lap that counts. */
const laps = async (
  producer: Child,
  worker: Child,
  tasks: number,
  pids: Readonly<Record<string, readonly number[]>>,
) => {
  const lap = async () => {
    const before = cpuNow(pids);
    const began = performance.now();
    producer.send('go');
    worker.send('go');
    const [submitted] = await Promise.all([producer.next('done'), worker.next('done')]);
    const seconds = (performance.now() - began) / 1_000;
    return {
      tasksPerSecond: tasks / seconds,
      submitsPerSecond: tasks / (submitted['seconds'] ?? Number.NaN),
      cpu: difference(cpuNow(pids), before),
    };
  };
  await lap();
  return lap();
};

/** Producer, worker and the supervisor that hands tasks to it: no projections. */
export const runBatonAlone = (load: Load, durability: Durability): Promise<RunResult> =>
  withUndo(async (undo) => {
    const nats = await startNats({ durability });
    undo(() => nats.stop());
    const env = { ...loadEnv(load), NATS_URL: nats.url };
    const supervisor = await startService('supervisor', env);
    undo(() => supervisor.stop());
    const worker = startRole('baton-worker', env);
    undo(() => worker.stop());
    const producer = startRole('baton-producer', env);
    undo(() => producer.stop());
    await Promise.all([producer.next('ready'), worker.next('ready')]);
    const pids = {
      'nats-server': nats.pids(),
      producer: [producer.pid],
      worker: [worker.pid],
      supervisor: [supervisor.pid],
    };
    return laps(producer, worker, load.tasks, pids);
  });

/** Fresh server and database each time; supervisor and projector run as they are shipped. */
export const runBaton = (load: Load, durability: Durability, mongo: Mongo, database: string): Promise<RunResult> =>
  withUndo(async (undo) => {
    const nats = await startNats({ durability });
    undo(() => nats.stop());
    const mongoUrl = databaseUrl(mongo.url, database);
    const env = { ...loadEnv(load), NATS_URL: nats.url, MONGODB_URL: mongoUrl, BATON_LOG_LEVEL: 'info' };
    const supervisor = await startService('supervisor', env);
    undo(() => supervisor.stop());
    const projector = await startService('projector', env);
    undo(() => projector.stop());
    const worker = startRole('baton-worker', env);
    undo(() => worker.stop());
    const producer = startRole('baton-producer', env);
    undo(() => producer.stop());
    await Promise.all([producer.next('ready'), worker.next('ready')]);
    const pids = {
      'nats-server': nats.pids(),
      producer: [producer.pid],
      worker: [worker.pid],
      supervisor: [supervisor.pid],
      projector: [projector.pid],
      // What each session has used counts while it lives.
      mongo: mongo.pids().flatMap((pid) => [pid, ...childrenOf(pid)]),
    };
    const result = await laps(producer, worker, load.tasks, pids);
    const projectionBehindSeconds = await projectedSeconds(mongoUrl, 2 * load.tasks, 120_000);
    return { ...result, projectionBehindSeconds };
  });

export const runBullmq = (load: Load, durability: Durability): Promise<RunResult> =>
  withUndo(async (undo) => {
    const redis = await startRedis({ fsync: durability === 'durable' ? 'always' : 'everysec' });
    undo(() => redis.stop());
    const env = { ...loadEnv(load), REDIS_URL: redis.url };
    const worker = startRole('bull-worker', env);
    undo(() => worker.stop());
    const producer = startRole('bull-producer', env);
    undo(() => producer.stop());
    await Promise.all([producer.next('ready'), worker.next('ready')]);
    const pids = { 'redis-server': [redis.pid], producer: [producer.pid], worker: [worker.pid] };
    return laps(producer, worker, load.tasks, pids);
  });

/** Milliseconds from submit to the handler's first line, one task at a time. */
export const latencyOf = (side: Side, durability: Durability, samples: number) =>
  withUndo(async (undo) => {
    const load = { tasks: samples, width: 1, concurrency: 10 };
    const server =
      side === 'baton'
        ? await startNats({ durability })
        : await startRedis({ fsync: durability === 'durable' ? 'always' : 'everysec' });
    undo(() => server.stop());
    const env = { ...loadEnv(load), NATS_URL: server.url, REDIS_URL: server.url };
    if (side === 'baton') {
      const supervisor = await startService('supervisor', env);
      undo(() => supervisor.stop());
    }
    const role = startRole(side === 'baton' ? 'baton-latency' : 'bull-latency', env);
    undo(() => role.stop());
    await role.next('ready');
    role.send('go');
    const { p50 = Number.NaN, p99 = Number.NaN } = await role.next('done');
    return { p50, p99 };
  });

const databaseUrl = (url: string, database: string): string => {
  const parsed = new URL(url);
  parsed.pathname = `/${database}`;
  return parsed.href;
};
