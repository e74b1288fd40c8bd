import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startNats, startRedis, startTemporal, terminalReporter, type Durability, type startMongo } from '@baton/local';
import { makeWorkerUtils } from 'graphile-worker';
import { startRole, type Child } from './child.ts';
import { childrenOf, cpuSecondsOf, residentBytesOf } from './measure.ts';
import { allProjected, projectedSeconds } from './roles/baton.ts';
import { startService, type ServiceProcess } from './service-process.ts';

/**
 * `kind`: what is submitted, see `roles/load.ts`. `width`: submits under way. `concurrency`: slots of the worker. `limit`: each
 * task names a group or a key, of which so many may run at once; absent: nothing is limited.
 */
export type Load = {
  readonly tasks: number;
  readonly width: number;
  readonly concurrency: number;
  readonly kind: 'plain' | 'kib';
  readonly limit?: 'group' | 'key';
};

/** Microseconds of processor time a task, by process. */
export type Cpu = Readonly<Record<string, number>>;

/** One run of one side. */
export type RunResult = {
  readonly tasksPerSecond: number;
  readonly submitsPerSecond: number;
  readonly cpu: Cpu;
  /** Messages a task that nats-server took in and gave out. */
  readonly messages?: { readonly in: number; readonly out: number };
  /** From the end of the last task until its document was there. */
  readonly documentsBehindSeconds?: number;
};

export type Mongo = Awaited<ReturnType<typeof startMongo>>;
export type Undo = (stop: () => Promise<void>) => void;
type Pids = Readonly<Record<string, readonly number[]>>;

/** Runs `body` and undoes what it has opened, the last first, also when it throws. */
export const withUndo = async <T>(body: (undo: Undo) => Promise<T>): Promise<T> => {
  const stops: (() => Promise<void>)[] = [];
  try {
    return await body((stop) => stops.push(stop));
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
};

export const envOf = (load: Load): Readonly<Record<string, string>> => ({
  BENCH_TASKS: String(load.tasks),
  BENCH_WIDTH: String(load.width),
  BENCH_CONCURRENCY: String(load.concurrency),
  BENCH_KIND: load.kind,
  BENCH_LIMIT: load.limit ?? '',
});

export const role = (undo: Undo, name: string, env: Readonly<Record<string, string>>): Child => {
  const child = startRole(name, env);
  undo(() => child.stop());
  return child;
};

export const openWorkers = async (
  undo: Undo,
  name: string,
  env: Readonly<Record<string, string>>,
  count: number,
): Promise<readonly Child[]> => {
  const all = Array.from({ length: count }, () => role(undo, name, env));
  for (const each of all) await each.next('ready');
  return all;
};

export const service = async (
  undo: Undo,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<ServiceProcess> => {
  const started = await startService(name, env);
  undo(() => started.stop());
  return started;
};

/** A server that counts its messages, and what processes beside it need to know. */
export const openNats = async (undo: Undo, durability: Durability, env: Readonly<Record<string, string>>) => {
  const nats = await startNats({ durability, monitorPort: 0 });
  undo(() => nats.stop());
  const messages = async (): Promise<{ readonly in: number; readonly out: number }> => {
    const answer = await fetch(`${nats.monitorUrl}/varz`);
    const { in_msgs: taken, out_msgs: given } = (await answer.json()) as Readonly<
      Record<'in_msgs' | 'out_msgs', number>
    >;
    return { in: taken, out: given };
  };
  return { pids: nats.pids(), messages, env: { ...env, NATS_URL: nats.url } };
};

export const openRedis = async (undo: Undo, durability: Durability, env: Readonly<Record<string, string>>) => {
  const redis = await startRedis({ fsync: durability === 'durable' ? 'always' : 'everysec' });
  undo(() => redis.stop());
  return { pid: redis.pid, env: { ...env, REDIS_URL: redis.url } };
};

const cpuNow = (pids: Pids): Cpu =>
  Object.fromEntries(
    Object.entries(pids).map(([name, list]) => [name, list.reduce((sum, pid) => sum + (cpuSecondsOf(pid) ?? 0), 0)]),
  );

type Lap = {
  readonly tasks: number;
  readonly pids: Pids;
  readonly producer: Child;
  /** None: nobody runs what is submitted. */
  readonly workers?: readonly Child[];
  readonly messages?: () => Promise<{ readonly in: number; readonly out: number }>;
  /** Resolves when what the warm-up lap has left to do is done. */
  readonly settled?: () => Promise<unknown>;
};

/** One warm-up lap that is not counted, then the lap that is. */
export const laps = async (lap: Lap): Promise<RunResult> => {
  await lapOf(lap);
  await lap.settled?.();
  return lapOf(lap);
};

const lapOf = async ({ tasks, pids, producer, workers = [], messages }: Lap): Promise<RunResult> => {
  const counted = await messages?.();
  const before = cpuNow(pids);
  const [worker, ...others] = workers;
  const ranBefore = others.length === 0 ? 0 : await ranBy(workers);
  const began = performance.now();
  producer.send('go');
  if (others.length === 0) worker?.send('go');
  const [submitted, ended] = await Promise.all([
    producer.next('done'),
    others.length === 0 ? worker?.next('done') : allRan(workers, ranBefore + tasks),
  ]);
  // Who cannot know which is the last waits for a moment in which nothing comes.
  const seconds = (performance.now() - began - (ended?.['quiet'] ?? 0)) / 1_000;
  const after = cpuNow(pids);
  const count = await messages?.();
  return {
    tasksPerSecond: tasks / seconds,
    submitsPerSecond: tasks / (submitted['seconds'] ?? Number.NaN),
    cpu: Object.fromEntries(
      Object.entries(after).map(([name, value]) => [name, ((value - (before[name] ?? 0)) * 1e6) / tasks]),
    ),
    ...(count === undefined || counted === undefined
      ? {}
      : { messages: { in: (count.in - counted.in) / tasks, out: (count.out - counted.out) / tasks } }),
  };
};

const ranBy = async (workers: readonly Child[]): Promise<number> => {
  for (const worker of workers) worker.send('count');
  const counts = await Promise.all(workers.map((worker) => worker.next('count')));
  return counts.reduce((sum, { ran = 0 }) => sum + ran, 0);
};

/** Looked at a hundred times a second, so that looking costs nothing beside the tasks. */
const allRan = async (workers: readonly Child[], total: number): Promise<Readonly<Record<string, number>>> => {
  while ((await ranBy(workers)) < total) await new Promise((resolve) => setTimeout(resolve, 10));
  return {};
};

const PROJECTED_LIMIT_MS = 240_000;

/** What runs beside the producer: `everything` is supervisor, projector and worker, as they are shipped. */
export type BatonParts = 'everything' | 'no-projections' | 'producer-alone';

/** Fresh server and database each time. */
export const runBaton = (
  load: Load,
  durability: Durability,
  parts: BatonParts,
  {
    mongo,
    workers = 1,
  }: { readonly mongo?: { readonly server: Mongo; readonly database: string }; readonly workers?: number } = {},
): Promise<RunResult> =>
  withUndo(async (undo) => {
    const { pids: server, messages, env: own } = await openNats(undo, durability, envOf(load));
    const mongoUrl = mongo === undefined ? undefined : databaseUrl(mongo.server.url, mongo.database);
    const env = { ...own, ...(mongoUrl === undefined ? {} : { MONGODB_URL: mongoUrl }) };
    const pids: Record<string, readonly number[]> = { 'nats-server': server };
    // The first to come makes the streams.
    const producer = role(undo, 'baton-producer', env);
    await producer.next('ready');
    pids['producer'] = [producer.pid];
    if (parts === 'producer-alone') return laps({ tasks: load.tasks, pids, producer, messages });
    pids['supervisor'] = [(await service(undo, 'supervisor', env)).pid];
    if (parts === 'everything' && mongo !== undefined) {
      pids['projector'] = [(await service(undo, 'projector', env)).pid];
      // PostgreSQL has a process for every connection; what each has used counts while it lives.
      pids['mongo'] = mongo.server.pids().flatMap((pid) => [pid, ...childrenOf(pid)]);
    }
    const all = await openWorkers(undo, 'baton-worker', env, workers);
    pids['worker'] = all.map(({ pid }) => pid);
    const lap = { tasks: load.tasks, pids, producer, workers: all, messages };
    if (mongoUrl === undefined) return laps(lap);
    const at = { natsUrl: own.NATS_URL, namespace: 'BATON' };
    const projected = (count: number) => projectedSeconds(at, mongoUrl, count, PROJECTED_LIMIT_MS);
    const settled = async () => {
      await projected(load.tasks);
      await allProjected(at, PROJECTED_LIMIT_MS);
    };
    const result = await laps({ ...lap, settled });
    return { ...result, documentsBehindSeconds: await projected(2 * load.tasks) };
  });

export const runBullmq = (
  load: Load,
  durability: Durability,
  parts: 'everything' | 'producer-alone',
  workers = 1,
): Promise<RunResult> =>
  withUndo(async (undo) => {
    const { pid, env } = await openRedis(undo, durability, envOf(load));
    const producer = role(undo, 'bull-producer', env);
    await producer.next('ready');
    const pids = { 'redis-server': [pid], producer: [producer.pid] };
    if (parts === 'producer-alone') return laps({ tasks: load.tasks, pids, producer });
    const all = await openWorkers(undo, 'bull-worker', env, workers);
    return laps({
      tasks: load.tasks,
      pids: { ...pids, worker: all.map(({ pid: each }) => each) },
      producer,
      workers: all,
    });
  });

/** Queues on PostgreSQL. */
export type PostgresPeer = 'graphile-worker' | 'pg-boss';

const ROLE_OF: Readonly<Record<PostgresPeer, string>> = { 'graphile-worker': 'graphile', 'pg-boss': 'boss' };

/** In the PostgreSQL under the local DocumentDB, in a fresh database. */
const openPostgres = async (
  undo: Undo,
  mongo: Mongo,
  durability: Durability,
  env: Readonly<Record<string, string>>,
) => {
  const url = await readFile(join(mongo.dataDir, 'ferretdb', 'postgresql-url'), 'utf8');
  const name = `bench_${process.pid}_${++databases}`;
  const utils = await makeWorkerUtils({ connectionString: url.trim() });
  undo(async () => utils.release());
  const ask = (sql: string) => utils.withPgClient((client) => client.query(sql));
  await ask(`create database ${name}`);
  undo(async () => void (await ask(`drop database ${name} with (force)`)));
  await ask(`alter database ${name} set synchronous_commit = ${durability === 'durable' ? 'on' : 'off'}`);
  return { ...env, POSTGRES_URL: databaseUrl(url, name) };
};

let databases = 0;

/** What PostgreSQL itself uses is not told: a process ends with its connection, and its time goes with it. */
export const runPostgresPeer = (
  peer: PostgresPeer,
  load: Load,
  durability: Durability,
  mongo: Mongo,
): Promise<RunResult> =>
  withUndo(async (undo) => {
    const env = await openPostgres(undo, mongo, durability, envOf(load));
    const producer = role(undo, `${ROLE_OF[peer]}-producer`, env);
    await producer.next('ready');
    const worker = role(undo, `${ROLE_OF[peer]}-worker`, env);
    await worker.next('ready');
    return laps({
      tasks: load.tasks,
      pids: { producer: [producer.pid], worker: [worker.pid] },
      producer,
      workers: [worker],
    });
  });

export const samplePostgresPeer = (
  peer: PostgresPeer,
  durability: Durability,
  samples: number,
  mongo: Mongo,
): Promise<Quantiles> =>
  withUndo(async (undo) => {
    const load = envOf({ tasks: samples, width: 1, concurrency: 10, kind: 'plain' });
    return sampled(role(undo, `${ROLE_OF[peer]}-latency`, await openPostgres(undo, mongo, durability, load)));
  });

const openTemporal = async (undo: Undo, durability: Durability, env: Readonly<Record<string, string>>) => {
  const fsync = durability === 'durable' ? 'always' : 'checkpoint';
  const temporal = await startTemporal({ fsync, report: terminalReporter() });
  undo(() => temporal.stop());
  return { pid: temporal.pid, env: { ...env, TEMPORAL_ADDRESS: temporal.url, TEMPORAL_PACKAGES: temporal.packages } };
};

export const runTemporal = (load: Load, durability: Durability): Promise<RunResult> =>
  withUndo(async (undo) => {
    const { pid, env } = await openTemporal(undo, durability, envOf(load));
    const producer = role(undo, 'temporal-producer', env);
    await producer.next('ready');
    const worker = role(undo, 'temporal-worker', env);
    await worker.next('ready');
    const pids = { 'temporal-server': [pid], producer: [producer.pid], worker: [worker.pid] };
    return laps({ tasks: load.tasks, pids, producer, workers: [worker] });
  });

export const sampleTemporal = (durability: Durability, samples: number): Promise<Quantiles> =>
  withUndo(async (undo) => {
    const load = envOf({ tasks: samples, width: 1, concurrency: 10, kind: 'plain' });
    const { env } = await openTemporal(undo, durability, load);
    return sampled(role(undo, 'temporal-latency', env));
  });

export type Backlog = {
  /** Tasks a second while what had waited is drained. */
  readonly tasksPerSecond: number;
  /** Memory that all processes took for a task that waits, bytes. */
  readonly bytesPerTask: number;
};

/** Submits all while nobody runs them, and then drains them. */
export const runBacklog = (side: 'baton' | 'bullmq', load: Load, durability: Durability): Promise<Backlog> =>
  withUndo(async (undo) => {
    const opened =
      side === 'baton' ? await openNats(undo, durability, envOf(load)) : await openRedis(undo, durability, envOf(load));
    const env = opened.env;
    const producer = role(undo, side === 'baton' ? 'baton-producer' : 'bull-producer', env);
    await producer.next('ready');
    const servers = 'pids' in opened ? opened.pids : [opened.pid];
    const pids = side === 'baton' ? [...servers, (await service(undo, 'supervisor', env)).pid] : servers;
    const before = memoryOf(pids);
    producer.send('go');
    await producer.next('done');
    // What was submitted last is on its way into the lines.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const bytesPerTask = (memoryOf(pids) - before) / load.tasks;
    const worker = role(undo, side === 'baton' ? 'baton-worker' : 'bull-worker', { ...env, BENCH_BACKLOG: 'yes' });
    await worker.next('ready');
    const began = performance.now();
    worker.send('go');
    await worker.next('done');
    return { tasksPerSecond: (load.tasks * 1_000) / (performance.now() - began), bytesPerTask };
  });

const memoryOf = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + (residentBytesOf(pid) ?? 0), 0);

/** Quantiles of one measurement that a role makes by itself, milliseconds. */
export type Quantiles = { readonly p50: number; readonly p99: number };

/** One task at a time on an idle system: `latency`, submit to the handler's first line; `cancel`, cancel to its abort handler. */
export const runSamples = (
  side: 'baton' | 'bullmq',
  what: 'latency' | 'cancel',
  durability: Durability,
  samples: number,
): Promise<Quantiles> =>
  withUndo(async (undo) => {
    const env = envOf({ tasks: samples, width: 1, concurrency: 10, kind: 'plain' });
    const opened = side === 'baton' ? await openNats(undo, durability, env) : await openRedis(undo, durability, env);
    if (side === 'baton') await service(undo, 'supervisor', opened.env);
    return sampled(role(undo, `${side === 'baton' ? 'baton' : 'bull'}-${what}`, opened.env));
  });

export const sampled = async (measured: Child): Promise<Quantiles> => {
  await measured.next('ready');
  measured.send('go');
  const { p50 = Number.NaN, p99 = Number.NaN } = await measured.next('done');
  return { p50, p99 };
};

const databaseUrl = (url: string, database: string): string => {
  const parsed = new URL(url);
  parsed.pathname = `/${database}`;
  return parsed.href;
};
