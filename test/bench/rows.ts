import type { Durability } from '@baton/local';
import { runSupervisorKill, runWorkerKill } from './kills.ts';
import { median, spread } from './measure.ts';
import {
  runBacklog,
  runBaton,
  runBullmq,
  runPostgresPeer,
  runSamples,
  samplePostgresPeer,
  type Load,
  type Mongo,
  type PostgresPeer,
  type RunResult,
} from './run.ts';

/** What one side came to in the runs of a row. */
export type Figure = {
  readonly median: number;
  readonly runs: readonly number[];
  /** Processor time a task by process, medians, microseconds. */
  readonly cpu?: Readonly<Record<string, number>>;
  /** Messages a task that the server took in and gave out. */
  readonly messages?: { readonly in: number; readonly out: number };
};

export type Row = {
  readonly name: string;
  /** How the servers were set, and how much was done. */
  readonly setting: string;
  readonly unit: string;
  readonly better: 'more' | 'less';
  readonly baton: Figure;
  /** Absent: the peer has no such thing. */
  readonly peer?: Figure & { readonly name: string };
  /** Above 1: Baton is better, also where less is better. */
  readonly ratio?: number;
  /** (max - min) / median of the worse of the two sides. */
  readonly spread: number;
};

export type Plan = {
  readonly load: Omit<Load, 'kind'>;
  readonly runs: number;
  readonly samples: number;
  /** Tasks of the backlog. */
  readonly backlog: number;
  readonly mongo: Mongo;
  readonly log: (line: string) => void;
};

const FSYNC: Readonly<Record<Durability, string>> = {
  durable: 'fsync before every answer (sync_interval always / appendfsync always)',
  lazy: 'fsync every second on both sides',
};

/** By name, so that some can be measured alone. Each in turn with its peer, as often as the plan says. */
export const ROWS: Readonly<Record<string, (plan: Plan, durability: Durability) => Promise<readonly Row[]>>> = {
  life: async (plan, durability) => {
    const { load, mongo } = plan;
    const sides = await inTurn(plan, `life ${durability}`, {
      baton: (i) =>
        runBaton({ ...load, kind: 'plain' }, durability, 'everything', {
          server: mongo,
          database: `bench_${process.pid}_${durability}_${i}`,
        }),
      bullmq: () => runBullmq({ ...load, kind: 'plain' }, durability, 'everything'),
      alone: () => runBaton({ ...load, kind: 'plain' }, durability, 'no-projections'),
    });
    const setting = `${load.tasks} no-op tasks after a warm-up lap, ${load.width} submits at once, ${load.concurrency} slots; ${FSYNC[durability]}`;
    const behind = sides.baton.map(({ documentsBehindSeconds = Number.NaN }) => documentsBehindSeconds);
    return [
      row('whole life, everything running', setting, 'tasks/s', rates(sides.baton), rates(sides.bullmq)),
      row('whole life, no projections', setting, 'tasks/s', rates(sides.alone), rates(sides.bullmq)),
      row('documents there after the last task', setting, 's', { values: behind }),
    ];
  },
  /** Without a peer, to look at ours alone. */
  core: async (plan, durability) => {
    const load: Load = { ...plan.load, kind: 'plain' };
    const sides = await inTurn(plan, `core ${durability}`, {
      baton: () => runBaton(load, durability, 'no-projections'),
    });
    return [
      row(
        'whole life, no projections',
        `${load.tasks} no-op tasks; ${FSYNC[durability]}`,
        'tasks/s',
        rates(sides.baton),
      ),
    ];
  },
  submits: async (plan, durability) => {
    const load: Load = { ...plan.load, kind: 'plain' };
    const sides = await inTurn(plan, `submits ${durability}`, {
      baton: () => runBaton(load, durability, 'producer-alone'),
      bullmq: () => runBullmq(load, durability, 'producer-alone'),
    });
    const setting = `${load.tasks} submits after a warm-up lap, ${load.width} at once, nobody runs them; ${FSYNC[durability]}`;
    return [row('submits alone', setting, 'submits/s', rates(sides.baton), rates(sides.bullmq))];
  },
  arguments: async (plan, durability) => {
    const load: Load = { ...plan.load, kind: 'kib' };
    const sides = await inTurn(plan, `arguments ${durability}`, {
      baton: () => runBaton(load, durability, 'no-projections'),
      bullmq: () => runBullmq(load, durability, 'everything'),
    });
    const setting = `${load.tasks} submits, one in ten with the key of the one before; no projections; ${FSYNC[durability]}`;
    return [row('1 KiB arguments, 10 % duplicates', setting, 'submits/s', rates(sides.baton), rates(sides.bullmq))];
  },
  idle: async (plan, durability) => {
    const sides = await inTurn(plan, `idle ${durability}`, {
      baton: () => runSamples('baton', 'latency', durability, plan.samples),
      bullmq: () => runSamples('bullmq', 'latency', durability, plan.samples),
    });
    const cancels = await inTurn(plan, `cancel ${durability}`, {
      baton: () => runSamples('baton', 'cancel', durability, plan.samples),
    });
    const setting = `${plan.samples} one after the other on an idle system; ${FSYNC[durability]}`;
    const of = (side: 'baton' | 'bullmq', q: 'p50' | 'p99') => ({ values: sides[side].map((one) => one[q]) });
    return [
      row('submit to handler, p50', setting, 'ms', of('baton', 'p50'), of('bullmq', 'p50')),
      row('submit to handler, p99', setting, 'ms', of('baton', 'p99'), of('bullmq', 'p99')),
      row('cancel to abort handler, p99', setting, 'ms', { values: cancels.baton.map(({ p99 }) => p99) }),
    ];
  },
  backlog: async (plan, durability) => {
    const load: Load = { ...plan.load, tasks: plan.backlog, kind: 'plain' };
    const sides = await inTurn({ ...plan, runs: 1 }, `backlog ${durability}`, {
      baton: () => runBacklog('baton', load, durability),
      bullmq: () => runBacklog('bullmq', load, durability),
    });
    const setting = `${plan.backlog} tasks wait, then a worker of ${load.concurrency} slots comes, one run; ${FSYNC[durability]}`;
    const of = (side: 'baton' | 'bullmq', field: 'tasksPerSecond' | 'bytesPerTask') => ({
      values: sides[side].map((one) => one[field]),
    });
    return [
      row('a backlog drained', setting, 'tasks/s', of('baton', 'tasksPerSecond'), of('bullmq', 'tasksPerSecond')),
      row('memory of a task that waits', setting, 'bytes', of('baton', 'bytesPerTask'), of('bullmq', 'bytesPerTask')),
    ];
  },
  /** No projections on our side: neither of them has such a thing. */
  postgres: async (plan, durability) => {
    const { mongo, samples } = plan;
    const load: Load = { ...plan.load, kind: 'plain' };
    const peers: readonly PostgresPeer[] = ['graphile-worker', 'pg-boss'];
    const lives = await inTurn(plan, `postgres ${durability}`, {
      baton: () => runBaton(load, durability, 'no-projections'),
      'graphile-worker': () => runPostgresPeer('graphile-worker', load, durability, mongo),
      'pg-boss': () => runPostgresPeer('pg-boss', load, durability, mongo),
    });
    const idle = await inTurn(plan, `postgres idle ${durability}`, {
      baton: () => runSamples('baton', 'latency', durability, samples),
      'graphile-worker': () => samplePostgresPeer('graphile-worker', durability, samples, mongo),
      'pg-boss': () => samplePostgresPeer('pg-boss', durability, Math.min(samples, POLLED_SAMPLES), mongo),
    });
    const commit = durability === 'durable' ? 'fsync before every answer' : 'fsync in the background';
    const setting = `${load.tasks} no-op tasks after a warm-up lap, ${load.width} submits at once, ${load.concurrency} slots, no projections; ${commit} on both sides`;
    const p50 = (side: keyof typeof idle) => ({ values: idle[side].map((one) => one.p50) });
    return peers.flatMap((peer) => [
      row(`whole life beside ${peer}`, setting, 'tasks/s', rates(lives.baton), rates(lives[peer]), peer),
      row(
        `submit to handler beside ${peer}, p50`,
        `one after the other on an idle system; ${commit} on both sides`,
        'ms',
        p50('baton'),
        p50(peer),
        peer,
      ),
    ]);
  },
  kills: async (plan, durability) => {
    const sides = await inTurn(plan, `kills ${durability}`, {
      baton: async () => ({ worker: await runWorkerKill(durability), supervisor: await runSupervisorKill(durability) }),
    });
    const of = (which: 'worker' | 'supervisor') => ({ values: sides.baton.map((one) => one[which]) });
    return [
      row('kill -9 of a worker until another runs its task', FSYNC[durability], 's', of('worker')),
      row('kill -9 of one of two supervisors, longest time without a start', FSYNC[durability], 's', of('supervisor')),
    ];
  },
};

/** Who looks for work twice a second takes half a second for each. */
const POLLED_SAMPLES = 40;

/** All sides of one run before the next, so that what happens to the machine meanwhile happens to all. */
const inTurn = async <S extends Readonly<Record<string, (run: number) => Promise<object>>>>(
  { runs, log }: Pick<Plan, 'runs' | 'log'>,
  name: string,
  sides: S,
): Promise<{ readonly [K in keyof S]: readonly Awaited<ReturnType<S[K]>>[] }> => {
  const found = Object.fromEntries(Object.keys(sides).map((side) => [side, [] as object[]]));
  for (let i = 0; i < runs; i++) {
    for (const [side, run] of Object.entries(sides)) {
      const result = await run(i);
      found[side]?.push(result);
      log(
        `${name}, run ${i + 1} of ${runs}, ${side}: ${JSON.stringify(result, (_, v) => (typeof v === 'number' ? Math.round(v * 100) / 100 : (v as unknown)))}`,
      );
    }
  }
  return found as unknown as { readonly [K in keyof S]: readonly Awaited<ReturnType<S[K]>>[] };
};

type Side = { readonly values: readonly number[]; readonly results?: readonly RunResult[] };

const rates = (results: readonly RunResult[]): Side => ({
  values: results.map(({ tasksPerSecond }) => tasksPerSecond),
  results,
});

const row = (name: string, setting: string, unit: Row['unit'], baton: Side, peer?: Side, peerName = 'BullMQ'): Row => {
  const better = unit.endsWith('/s') ? 'more' : 'less';
  const [ours, theirs] = [figureOf(baton), peer === undefined ? undefined : figureOf(peer)];
  return {
    name,
    setting,
    unit,
    better,
    baton: ours,
    ...(theirs === undefined
      ? {}
      : {
          peer: { name: peerName, ...theirs },
          ratio: better === 'more' ? ours.median / theirs.median : theirs.median / ours.median,
        }),
    spread: Math.max(spread(ours.runs), theirs === undefined ? 0 : spread(theirs.runs)),
  };
};

const figureOf = ({ values, results = [] }: Side): Figure => {
  const processes = Object.keys(results[0]?.cpu ?? {});
  const counted = results.flatMap(({ messages }) => (messages === undefined ? [] : [messages]));
  return {
    median: median(values),
    runs: values,
    ...(processes.length === 0
      ? {}
      : { cpu: Object.fromEntries(processes.map((name) => [name, median(results.map(({ cpu }) => cpu[name] ?? 0))])) }),
    ...(counted.length === 0
      ? {}
      : { messages: { in: median(counted.map((one) => one.in)), out: median(counted.map((one) => one.out)) } }),
  };
};
