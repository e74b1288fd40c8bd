import { readFileSync } from 'node:fs';
import type { Durability } from '@baton/local';
import { startNatsCluster } from '../support/nats-cluster.ts';
import { cpuSecondsOf, residentBytesOf } from './measure.ts';
import {
  envOf,
  laps,
  openNats,
  openWorkers,
  role,
  sampled,
  service,
  withUndo,
  type Load,
  type Quantiles,
  type RunResult,
  type Undo,
} from './run.ts';

/** What three copies of everything, on three servers, cost beside one on one: all servers are on this machine. */
export type Copies = 1 | 3;

type Opened = { readonly pids: readonly number[]; readonly env: Readonly<Record<string, string>> };

const SYNC: Readonly<Record<Durability, string>> = { durable: 'always', lazy: '1s' };

const openServers = async (undo: Undo, copies: Copies, durability: Durability, load: Load): Promise<Opened> => {
  if (copies === 1) return openNats(undo, durability, envOf(load));
  const cluster = await startNatsCluster(
    { defer: (stop) => undo(async () => void (await stop())) },
    { syncInterval: SYNC[durability] },
  );
  return {
    pids: cluster.pids(),
    env: { ...envOf(load), NATS_URL: cluster.urls.join(','), BATON_REPLICAS: String(copies) },
  };
};

/** A supervisor comes first: it makes the streams, with as many copies. */
const openSystem = async (undo: Undo, copies: Copies, durability: Durability, load: Load) => {
  const servers = await openServers(undo, copies, durability, load);
  const supervisor = await service(undo, 'supervisor', servers.env);
  return { ...servers, supervisor: supervisor.pid };
};

/** `writtenBytes`: a task, by all servers to their disks, as Linux counts it. */
export type CopiesResult = RunResult & { readonly writtenBytes: number };

/** The whole life of tasks, without projections; the record, its changes and the event log are all written. */
export const runCopies = (copies: Copies, load: Load, durability: Durability): Promise<CopiesResult> =>
  withUndo(async (undo) => {
    const { pids, env, supervisor } = await openSystem(undo, copies, durability, load);
    const producer = role(undo, 'baton-producer', env);
    await producer.next('ready');
    const workers = await openWorkers(undo, 'baton-worker', env, 1);
    const before = writtenBy(pids);
    const result = await laps({
      tasks: load.tasks,
      pids: {
        ...{ 'nats-servers': pids, producer: [producer.pid], supervisor: [supervisor] },
        worker: workers.map(({ pid }) => pid),
      },
      producer,
      workers,
    });
    // The warm-up lap is among them.
    return { ...result, writtenBytes: (writtenBy(pids) - before) / (2 * load.tasks) };
  });

/** From `schedule` to the first line of the handler, one after the other. */
export const sampleCopies = (copies: Copies, durability: Durability, samples: number): Promise<Quantiles> =>
  withUndo(async (undo) => {
    const load = { tasks: samples, width: 1, concurrency: 10, kind: 'plain' } as const;
    const { env } = await openSystem(undo, copies, durability, load);
    return sampled(role(undo, 'baton-latency', env));
  });

/** Bytes of memory of a task that waits: of all servers together, and of the supervisor. */
export type Waiting = { readonly servers: number; readonly supervisor: number };

export const runWaiting = (copies: Copies, load: Load, durability: Durability): Promise<Waiting> =>
  withUndo(async (undo) => {
    const { pids, env, supervisor } = await openSystem(undo, copies, durability, load);
    const producer = role(undo, 'baton-producer', env);
    await producer.next('ready');
    const before = [memoryOf(pids), memoryOf([supervisor])] as const;
    producer.send('go');
    await producer.next('done');
    await settled([...pids, supervisor]);
    return {
      servers: (memoryOf(pids) - before[0]) / load.tasks,
      supervisor: (memoryOf([supervisor]) - before[1]) / load.tasks,
    };
  });

/** What was submitted last is on its way into the lines, and copies on theirs to the other servers. */
const settled = async (pids: readonly number[]): Promise<void> => {
  const used = (): number => pids.reduce((sum, pid) => sum + (cpuSecondsOf(pid) ?? 0), 0);
  for (let before = used(), looks = 0; looks < MOST_LOOKS; looks++) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const now = used();
    if (now - before < QUIET_SECONDS) return;
    before = now;
  }
};

const LOOK_MS = 2_000;
const MOST_LOOKS = 15;
/** Processor time in one look that is no work any more. */
const QUIET_SECONDS = 0.2;

const memoryOf = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + (residentBytesOf(pid) ?? 0), 0);

/** NaN where it is not counted. */
const writtenBy = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + writtenBytesOf(pid), 0);

const writtenBytesOf = (pid: number): number => {
  try {
    return Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? Number.NaN);
  } catch {
    return Number.NaN;
  }
};
