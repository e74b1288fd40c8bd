import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { startMongo, terminalReporter, type Durability } from '@baton/local';
import { median, spread } from './measure.ts';
import { batonLatency, batonProducer, batonWorker } from './roles/baton.ts';
import { bullLatency, bullProducer, bullWorker } from './roles/bullmq.ts';
import { tell } from './child.ts';
import { latencyOf, runBaton, runBatonAlone, runBullmq, type Load, type RunResult } from './run.ts';

const USAGE = `npm run bench [-- --tasks 20000 --runs 5 --width 512 --concurrency 200 --settings durable,lazy --samples 300 --out <file>]

The whole life of tasks that do nothing, one deduplication key each, producer and worker in two processes and the event
log on, with projector and without; beside BullMQ on Redis doing the same, in turn. Medians of the runs.
`;

export type Row = {
  readonly name: string;
  readonly setting: string;
  readonly unit: string;
  readonly baton: number;
  readonly bullmq: number;
  /** Above 1: Baton is better, also where less is better. */
  readonly ratio: number;
  /** (max - min) / median of the worse of the two sides. */
  readonly spread: number;
};

const ROLES: Readonly<Record<string, () => Promise<void>>> = {
  'baton-producer': batonProducer,
  'baton-worker': batonWorker,
  'baton-latency': batonLatency,
  'bull-producer': bullProducer,
  'bull-worker': bullWorker,
  'bull-latency': bullLatency,
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      tasks: { type: 'string', default: '20000' },
      runs: { type: 'string', default: '5' },
      width: { type: 'string', default: '512' },
      concurrency: { type: 'string', default: '200' },
      settings: { type: 'string', default: 'durable,lazy' },
      samples: { type: 'string', default: '300' },
      out: { type: 'string', default: 'test/bench/results/latest.json' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const load = { tasks: Number(values.tasks), width: Number(values.width), concurrency: Number(values.concurrency) };
  const settings = values.settings.split(',').filter((s): s is Durability => s === 'durable' || s === 'lazy');
  const mongo = await startMongo({ report: terminalReporter() });
  try {
    const rows: Row[] = [];
    const details: object[] = [];
    for (const setting of settings) {
      const found = await measure(setting, load, Number(values.runs), Number(values.samples), mongo);
      rows.push(...found.rows);
      details.push(found.detail);
    }
    report(rows);
    mkdirSync(dirname(values.out), { recursive: true });
    writeFileSync(
      values.out,
      `${JSON.stringify({ at: new Date().toISOString(), machine: machine(), load, runs: Number(values.runs), rows, details }, undefined, 2)}\n`,
    );
    process.stdout.write(`\nwritten to ${values.out}\n`);
  } finally {
    await mongo.stop();
  }
};

const machine = () => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
});

const measure = async (
  setting: Durability,
  load: Load,
  runs: number,
  samples: number,
  mongo: Awaited<ReturnType<typeof startMongo>>,
) => {
  const baton: RunResult[] = [];
  const alone: RunResult[] = [];
  const bullmq: RunResult[] = [];
  for (let i = 0; i < runs; i++) {
    baton.push(await runBaton(load, setting, mongo, `bench_${process.pid}_${setting}_${i}`));
    bullmq.push(await runBullmq(load, setting));
    alone.push(await runBatonAlone(load, setting));
    line(setting, i, { baton: baton.at(-1), alone: alone.at(-1), bullmq: bullmq.at(-1) });
  }
  const latency = {
    baton: await latencyOf('baton', setting, samples),
    bullmq: await latencyOf('bullmq', setting, samples),
  };
  const described =
    setting === 'durable'
      ? 'fsync before ack (sync_interval always / appendfsync always)'
      : 'fsync every second (both)';
  const rows: Row[] = [
    more(
      'no-op tasks, whole life',
      described,
      'tasks/s',
      baton.map((r) => r.tasksPerSecond),
      bullmq.map((r) => r.tasksPerSecond),
    ),
    more(
      'no-op tasks, whole life, producer, worker and supervisor alone',
      described,
      'tasks/s',
      alone.map((r) => r.tasksPerSecond),
      bullmq.map((r) => r.tasksPerSecond),
    ),
    more(
      'submits while they run',
      described,
      'submits/s',
      baton.map((r) => r.submitsPerSecond),
      bullmq.map((r) => r.submitsPerSecond),
    ),
    less('submit to handler, idle, p50', described, 'ms', latency.baton.p50, latency.bullmq.p50),
    less('submit to handler, idle, p99', described, 'ms', latency.baton.p99, latency.bullmq.p99),
  ];
  return { rows, detail: { setting, baton, alone, bullmq, latency } };
};

const more = (
  name: string,
  setting: string,
  unit: string,
  baton: readonly number[],
  bullmq: readonly number[],
): Row => ({
  name,
  setting,
  unit,
  baton: median(baton),
  bullmq: median(bullmq),
  ratio: median(baton) / median(bullmq),
  spread: Math.max(spread(baton), spread(bullmq)),
});

const less = (name: string, setting: string, unit: string, baton: number, bullmq: number): Row => ({
  name,
  setting,
  unit,
  baton,
  bullmq,
  ratio: bullmq / baton,
  spread: 0,
});

const line = (
  setting: string,
  i: number,
  { baton, alone, bullmq }: Readonly<Record<'baton' | 'alone' | 'bullmq', RunResult | undefined>>,
): void => {
  const of = (r: RunResult | undefined): string => {
    const cpu = Object.entries(r?.cpu ?? {}).map(([name, s]) => `${name} ${s.toFixed(1)}`);
    return `${Math.round(r?.tasksPerSecond ?? 0)} tasks/s (cpu s: ${cpu.join(', ')})`;
  };
  process.stdout.write(
    `${setting} run ${i + 1}: baton ${of(baton)}, documents ${baton?.projectionBehindSeconds?.toFixed(1)} s behind; ` +
      `alone ${of(alone)}; bullmq ${of(bullmq)}\n`,
  );
};

const report = (rows: readonly Row[]): void => {
  const number = (n: number): string => (n >= 100 ? Math.round(n).toLocaleString('en') : n.toFixed(2));
  for (const row of rows) {
    const figures = `baton ${number(row.baton)}  bullmq ${number(row.bullmq)} ${row.unit}`;
    process.stdout.write(
      `${row.name} | ${row.setting} | ${figures} | ${row.ratio.toFixed(2)}x | spread ${(row.spread * 100).toFixed(0)} %\n`,
    );
  }
};

const role = process.env['BENCH_ROLE'];
if (role === undefined) {
  await main();
} else {
  // A profile is written at an orderly exit only.
  process.once('SIGTERM', () => process.exit(0));
  try {
    await ROLES[role]?.();
  } catch (error) {
    tell({ kind: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
