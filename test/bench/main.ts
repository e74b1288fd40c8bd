import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { startMongo, terminalReporter, type Durability } from '@baton/local';
import { chartOf, numberText } from './chart.ts';
import { tell } from './child.ts';
import { batonCancel, batonHolder, batonLatency, batonProducer, batonStream, batonWorker } from './roles/baton.ts';
import { bullLatency, bullProducer, bullWorker } from './roles/bullmq.ts';
import { graphileLatency, graphileProducer, graphileWorker } from './roles/graphile.ts';
import { bossLatency, bossProducer, bossWorker } from './roles/pg-boss.ts';
import { temporalLatency, temporalProducer, temporalWorker } from './roles/temporal.ts';
import { ROWS, type Row } from './rows.ts';

const USAGE = `npm run bench [-- --rows life,submits,arguments,idle,backlog,kills,limits,postgres --settings durable,lazy --runs 5 --tasks 30000
  --width 512 --concurrency 200 --samples 300 --backlog 100000 --out <file.json> --chart <file.svg>]

Baton beside BullMQ on Redis doing the same, in turn, with fresh servers for every run; in the rows 'postgres' beside queues
on PostgreSQL, in the rows 'limits' beside Baton itself without limits. Only where named: 'sustained', with four times as many tasks; 'workers', with 1, 2 and 4 worker processes; 'copies', Baton alone with three copies on
three servers beside one; 'temporal', beside Temporal's server, which Go builds the first time (some minutes); 'core',
Baton's whole life alone. Prints a table, with the processor time a task of every process, and writes JSON and a chart.
`;

const ROLES: Readonly<Record<string, () => Promise<void>>> = {
  'baton-producer': batonProducer,
  'baton-worker': batonWorker,
  'baton-latency': batonLatency,
  'baton-cancel': batonCancel,
  'baton-holder': batonHolder,
  'baton-stream': batonStream,
  'bull-producer': bullProducer,
  'bull-worker': bullWorker,
  'bull-latency': bullLatency,
  'graphile-producer': graphileProducer,
  'graphile-worker': graphileWorker,
  'graphile-latency': graphileLatency,
  'boss-producer': bossProducer,
  'boss-worker': bossWorker,
  'boss-latency': bossLatency,
  'temporal-producer': temporalProducer,
  'temporal-worker': temporalWorker,
  'temporal-latency': temporalLatency,
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      rows: { type: 'string', default: 'life,submits,arguments,idle,backlog,kills,limits,postgres' },
      settings: { type: 'string', default: 'durable,lazy' },
      runs: { type: 'string', default: '5' },
      tasks: { type: 'string', default: '30000' },
      width: { type: 'string', default: '512' },
      concurrency: { type: 'string', default: '200' },
      samples: { type: 'string', default: '300' },
      backlog: { type: 'string', default: '100000' },
      out: { type: 'string', default: 'test/bench/results/latest.json' },
      chart: { type: 'string', default: 'test/bench/results/latest.svg' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const load = { tasks: Number(values.tasks), width: Number(values.width), concurrency: Number(values.concurrency) };
  const [runs, samples, backlog] = [Number(values.runs), Number(values.samples), Number(values.backlog)];
  const settings = values.settings.split(',').filter((s): s is Durability => s === 'durable' || s === 'lazy');
  const mongo = await startMongo({ report: terminalReporter() });
  try {
    const rows: Row[] = [];
    const log = (line: string): void => void process.stdout.write(`${line}\n`);
    for (const name of values.rows.split(',')) {
      const measure = ROWS[name];
      if (measure === undefined) throw new Error(`there are no rows '${name}'\n\n${USAGE}`);
      for (const setting of settings) {
        rows.push(...(await measure({ load, runs, samples, backlog, mongo, log }, setting)));
        // As far as it came: what fails later is not to take an hour with it.
        for (const file of [values.out, values.chart]) mkdirSync(dirname(file), { recursive: true });
        const whole = { at: new Date().toISOString(), machine: machine(), load, runs, rows };
        writeFileSync(values.out, `${JSON.stringify(whole, undefined, 2)}\n`);
        writeFileSync(values.chart, chartOf(rows));
      }
    }
    report(rows);
    process.stdout.write(`\nwritten to ${values.out} and ${values.chart}\n`);
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

const report = (rows: readonly Row[]): void => {
  for (const { name, setting, unit, baton, peer, ratio, spread } of rows) {
    const theirs = peer === undefined ? '' : `  ${peer.name} ${numberText(peer.median)}`;
    const against = ratio === undefined ? '' : ` | ${ratio.toFixed(2)}x`;
    process.stdout.write(
      `\n${name}: baton ${numberText(baton.median)}${theirs} ${unit}${against} | spread ${(spread * 100).toFixed(0)} %\n  ${setting}\n`,
    );
    for (const [side, figure] of Object.entries({ Baton: baton, [peer?.name ?? '']: peer })) {
      if (figure?.cpu === undefined) continue;
      const all = Object.entries(figure.cpu).map(([process_, us]) => `${process_} ${Math.round(us)}`);
      const { messages } = figure;
      const wire =
        messages === undefined ? '' : `; messages a task: ${messages.in.toFixed(1)} in, ${messages.out.toFixed(1)} out`;
      process.stdout.write(`  ${side}, processor µs a task: ${all.join(', ')}${wire}\n`);
    }
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
