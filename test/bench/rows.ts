import type { Durability } from '@baton/local';
import { runCopies, runWaiting, sampleCopies, type CopiesResult, type Waiting } from './copies.ts';
import { runSupervisorKill, runWorkerKill } from './kills.ts';
import { median, spread } from './measure.ts';
import { LIMITED_NAMES, LIMITED_TO } from './roles/load.ts';
import {
  runBacklog,
  runBaton,
  runBullmq,
  runPostgresPeer,
  runSamples,
  runTemporal,
  samplePostgresPeer,
  sampleTemporal,
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
          mongo: { server: mongo, database: `bench_${process.pid}_${durability}_${i}` },
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
  /** Four times as many: far more than documents may wait for, so that they are written meanwhile. */
  sustained: async (plan, durability) => {
    const { mongo } = plan;
    const load: Load = { ...plan.load, tasks: 4 * plan.load.tasks, kind: 'plain' };
    const sides = await inTurn(plan, `sustained ${durability}`, {
      baton: (i) =>
        runBaton(load, durability, 'everything', {
          mongo: { server: mongo, database: `bench_sustained_${process.pid}_${durability}_${i}` },
        }),
      bullmq: () => runBullmq(load, durability, 'everything'),
    });
    const setting = `${load.tasks} no-op tasks after a warm-up lap of as many, ${load.width} submits at once, ${load.concurrency} slots; ${FSYNC[durability]}`;
    const behind = sides.baton.map(({ documentsBehindSeconds = Number.NaN }) => documentsBehindSeconds);
    return [
      row('whole life for long, everything running', setting, 'tasks/s', rates(sides.baton), rates(sides.bullmq)),
      row('documents there after the last task of many', setting, 's', { values: behind }),
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
  /** Beside ours without: what it costs that how many run of each group, or key, is counted. */
  limits: async (plan, durability) => {
    const load: Load = { ...plan.load, kind: 'plain' };
    const sides = await inTurn(plan, `limits ${durability}`, {
      without: () => runBaton(load, durability, 'no-projections'),
      group: () => runBaton({ ...load, limit: 'group' }, durability, 'no-projections'),
      key: () => runBaton({ ...load, limit: 'key' }, durability, 'no-projections'),
    });
    return (['group', 'key'] as const).map((of) => {
      const limit = `each of ${LIMITED_NAMES} ${of}s may run ${LIMITED_TO} at once, and each task names one`;
      const setting = `${load.tasks} no-op tasks after a warm-up lap, ${load.width} submits at once, ${load.concurrency} slots, no projections; ${limit}; ${FSYNC[durability]}`;
      const name = `whole life with a limit by ${of}, beside none`;
      return row(name, setting, 'tasks/s', rates(sides[of]), rates(sides.without), 'without');
    });
  },
  /** Without a peer: three copies on three servers of this machine, beside one. */
  copies: async (plan, durability) => {
    const load: Load = { ...plan.load, kind: 'plain' };
    const waiting: Load = { ...load, tasks: Math.ceil(plan.backlog * WAITING_SHARE) };
    const lives = await inTurn(plan, `copies ${durability}`, {
      one: () => runCopies(1, load, durability),
      three: () => runCopies(3, load, durability),
    });
    const idle = await inTurn({ ...plan, runs: 1 }, `copies idle ${durability}`, {
      one: () => sampleCopies(1, durability, plan.samples),
      three: () => sampleCopies(3, durability, plan.samples),
    });
    const wait = await inTurn({ ...plan, runs: 1 }, `copies waiting ${durability}`, {
      one: () => runWaiting(1, waiting, durability),
      three: () => runWaiting(3, waiting, durability),
    });
    const fsync = FSYNC[durability].split(' (')[0] ?? '';
    const whole = `${load.tasks} no-op tasks after a warm-up lap, ${load.width} submits at once, ${load.concurrency} slots, no projections; ${fsync}`;
    const alone = `one after the other on an idle system; ${fsync}`;
    const still = `${waiting.tasks} tasks wait; ${fsync}`;
    const beside = (name: string, setting: string, unit: string, one: Side, three: Side): Row =>
      row(name, setting, unit, one, three, 'three copies');
    const of = <T>(side: readonly T[], value: (one: T) => number): Side => ({ values: side.map(value) });
    const [written, p50] = [(one: CopiesResult) => one.writtenBytes, (one: { readonly p50: number }) => one.p50];
    const [servers, supervisor] = [(one: Waiting) => one.servers, (one: Waiting) => one.supervisor];
    return [
      beside('whole life by copies', whole, 'tasks/s', rates(lives.one), rates(lives.three)),
      beside(
        'written to disk for a task, all servers',
        whole,
        'bytes',
        of(lives.one, written),
        of(lives.three, written),
      ),
      beside('submit to handler by copies, p50', alone, 'ms', of(idle.one, p50), of(idle.three, p50)),
      beside(
        'memory of a task that waits, all servers',
        still,
        'bytes',
        of(wait.one, servers),
        of(wait.three, servers),
      ),
      beside(
        'memory of a task that waits, supervisor',
        still,
        'bytes',
        of(wait.one, supervisor),
        of(wait.three, supervisor),
      ),
    ];
  },
  /** So many worker processes share the slots. */
  workers: async (plan, durability) => {
    const rows: Row[] = [];
    for (const workers of WORKERS) {
      const concurrency = Math.ceil(plan.load.concurrency / workers);
      const load: Load = { ...plan.load, concurrency, kind: 'plain' };
      const sides = await inTurn(plan, `${workers} workers ${durability}`, {
        baton: () => runBaton(load, durability, 'no-projections', { workers }),
        bullmq: () => runBullmq(load, durability, 'everything', workers),
      });
      const setting = `${load.tasks} no-op tasks after a warm-up lap, ${load.width} submits at once, ${workers} x ${concurrency} slots, no projections; ${FSYNC[durability]}`;
      const name = `whole life, ${workers} worker process${workers === 1 ? '' : 'es'}`;
      rows.push(row(name, setting, 'tasks/s', rates(sides.baton), rates(sides.bullmq)));
    }
    return rows;
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
  /** No projections on our side. Much slower than the others, so it is given fewer. */
  temporal: async (plan, durability) => {
    const load: Load = { ...plan.load, tasks: Math.ceil(plan.load.tasks / TEMPORAL_SHARE), kind: 'plain' };
    const samples = Math.min(plan.samples, POLLED_SAMPLES);
    const lives = await inTurn(plan, `temporal ${durability}`, {
      baton: () => runBaton(load, durability, 'no-projections'),
      temporal: () => runTemporal(load, durability),
    });
    const idle = await inTurn(plan, `temporal idle ${durability}`, {
      baton: () => runSamples('baton', 'latency', durability, samples),
      temporal: () => sampleTemporal(durability, samples),
    });
    const store = `its server on SQLite, synchronous ${durability === 'durable' ? 'full' : 'normal'}; nats-server ${FSYNC[durability].split(' (')[0]}`;
    const setting = `${load.tasks} no-op tasks (there: workflows of one activity) after a warm-up lap, ${load.width} submits at once, ${load.concurrency} slots, no projections; ${store}`;
    const p50 = (side: keyof typeof idle) => ({ values: idle[side].map((one) => one.p50) });
    return [
      row('whole life beside Temporal', setting, 'tasks/s', rates(lives.baton), rates(lives.temporal), 'Temporal'),
      row(
        'submit to handler beside Temporal, p50',
        `one after the other on an idle system; ${store}`,
        'ms',
        p50('baton'),
        p50('temporal'),
        'Temporal',
      ),
    ];
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

/** Of the backlog, in the rows of copies: three servers on one machine take three times as much memory. */
const WAITING_SHARE = 0.6;

/** Worker processes of the rows by that name. */
const WORKERS = [1, 2, 4];

/** One in so many of the tasks. */
const TEMPORAL_SHARE = 15;

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
