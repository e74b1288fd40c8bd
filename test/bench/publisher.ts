import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { startNats, type Durability } from '@baton/local';
import { connectNats, type CommitMode, type NatsWire } from '@baton/nats';
import { addressOf } from '@baton/protocols';
import type { WriteResult } from '@baton/runtime';
import { cpuSecondsOf, quantile } from './measure.ts';

/**
 * Raw compare-and-set writes a second: a key is created and updated twice, as a task without work is. Every way of
 * committing, both settings of the server, one process and two. Started by hand through its bundle, with
 * `--settings durable,lazy --modes single,group,auto --processes 1,2 --width 256 --seconds 4`.
 */
type Figures = { readonly writes: number; readonly cpuSeconds: number; readonly p50: number; readonly p99: number };

type Job = {
  readonly url: string;
  readonly namespace: string;
  readonly mode: CommitMode;
  readonly width: number;
  readonly seconds: number;
};

const RECORD_BYTES = 330;
const WARM_UP_MS = 1_000;

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      settings: { type: 'string', default: 'durable,lazy' },
      modes: { type: 'string', default: 'single,group,auto' },
      processes: { type: 'string', default: '1,2' },
      width: { type: 'string', default: '256' },
      seconds: { type: 'string', default: '4' },
    },
  });
  const [width, seconds] = [Number(values.width), Number(values.seconds)];
  console.log(`${width} writers a process, records of ${RECORD_BYTES} bytes, ${seconds} s each`);
  console.log('server   mode    processes  writes/s  server us/w  client us/w  p50 ms  p99 ms');
  for (const durability of values.settings.split(',') as Durability[]) {
    const server = await startNats({ durability });
    try {
      for (const processes of values.processes.split(',').map(Number)) {
        for (const mode of values.modes.split(',') as CommitMode[]) {
          const namespace = `BENCH_${randomBytes(3).toString('hex').toUpperCase()}`;
          const [pid = 0] = server.pids();
          const before = cpuSecondsOf(pid) ?? Number.NaN;
          const job: Job = { url: server.url, namespace, mode, width, seconds };
          const all = await Promise.all(Array.from({ length: processes }, () => runChild(job)));
          const serverSeconds = (cpuSecondsOf(pid) ?? Number.NaN) - before;
          report(durability, mode, processes, seconds, serverSeconds, all);
        }
      }
    } finally {
      await server.stop();
    }
  }
};

const report = (
  durability: string,
  mode: string,
  processes: number,
  seconds: number,
  server: number,
  all: readonly Figures[],
): void => {
  const sum = (of: (figures: Figures) => number) => all.reduce((total, figures) => total + of(figures), 0);
  const writes = sum((figures) => figures.writes);
  // The server worked during the warm-up as well.
  const serverMicros = (server * 1e6) / (writes * (1 + WARM_UP_MS / 1000 / seconds));
  const cells = [
    durability.padEnd(8),
    mode.padEnd(7),
    String(processes).padStart(9),
    (writes / seconds).toFixed(0).padStart(9),
    serverMicros.toFixed(1).padStart(12),
    ((sum((figures) => figures.cpuSeconds) * 1e6) / writes).toFixed(1).padStart(12),
    Math.max(...all.map((figures) => figures.p50))
      .toFixed(1)
      .padStart(7),
    Math.max(...all.map((figures) => figures.p99))
      .toFixed(1)
      .padStart(7),
  ];
  console.log(cells.join(' '));
};

const runChild = (job: Job): Promise<Figures> =>
  new Promise((resolve, reject) => {
    const child = fork(process.argv[1] ?? '', [], { env: { ...process.env, PUBLISHER_JOB: JSON.stringify(job) } });
    child.once('message', (message) => resolve(message as Figures));
    child.once('exit', (code) => reject(new Error(`a measuring process ended with code ${code}`)));
  });

const measure = async (job: Job): Promise<void> => {
  const wire = await connectNats({ servers: job.url, namespace: job.namespace, commit: job.mode });
  const tally = { writes: 0, times: [] as number[], until: Number.POSITIVE_INFINITY };
  const writers = Array.from({ length: job.width }, (_, i) => writer(wire, i, tally));
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  const cpu = process.cpuUsage();
  const began = performance.now();
  tally.writes = 0;
  tally.times = [];
  tally.until = began + job.seconds * 1000;
  await new Promise((resolve) => setTimeout(resolve, job.seconds * 1000));
  const { writes, times } = tally;
  const used = process.cpuUsage(cpu);
  await Promise.all(writers);
  await wire.close();
  const figures: Figures = {
    writes,
    cpuSeconds: (used.user + used.system) / 1e6,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
  };
  process.send?.(figures, () => process.disconnect());
};

type Tally = { writes: number; times: number[]; until: number };

const writer = async (wire: NatsWire, number: number, tally: Tally): Promise<void> => {
  const bytes = randomBytes(RECORD_BYTES);
  for (let i = 0; performance.now() < tally.until; i++) {
    const address = addressOf({ scope: 'shared', type: 'job', key: `${process.pid}-${number}-${i}` });
    const subject = wire.names.recordSubject(address);
    let expected = 0;
    for (let step = 0; step < 3; step++) {
      const from = performance.now();
      expected = revisionOf(
        await wire.records.publish(subject, bytes, { expected, ...(step === 2 ? { ttlMs: 60_000 } : {}) }),
      );
      tally.times.push(performance.now() - from);
      tally.writes++;
    }
  }
};

const revisionOf = (result: WriteResult): number => {
  if (result.kind === 'written') return result.revision;
  throw new Error(`a write was not done: ${JSON.stringify(result)}`);
};

const { PUBLISHER_JOB } = process.env;
await (PUBLISHER_JOB === undefined ? main() : measure(JSON.parse(PUBLISHER_JOB) as Job));
