import { Queue, Worker } from 'bullmq';
import { inFlight, tell, told } from '../child.ts';
import { exactNow, keyOf, KIB, loadSettings, quantilesOf } from './load.ts';

const NAME = 'noop';

const connection = () => {
  const url = new URL(process.env['REDIS_URL'] ?? '');
  return { host: url.hostname, port: Number(url.port) };
};

/** Adds all jobs, each with a deduplication id; jobs are kept, as Baton keeps its documents. */
export const bullProducer = async (): Promise<void> => {
  const { tasks, width, kind } = loadSettings();
  const queue = new Queue(NAME, { connection: connection() });
  await queue.waitUntilReady();
  tell({ kind: 'ready' });
  for (let round = 0; ; round++) {
    await told('go');
    const began = performance.now();
    const run = `${process.pid}-${round}`;
    await inFlight(tasks, width, async (i) => {
      const data = kind === 'kib' ? KIB : { sentAt: 0 };
      await queue.add(NAME, data, { deduplication: { id: keyOf(run, i, kind) }, removeOnComplete: false });
    });
    tell({ kind: 'done', figures: { seconds: (performance.now() - began) / 1_000 } });
  }
};

export const bullWorker = async (): Promise<void> => {
  const { tasks, concurrency, kind } = loadSettings();
  let completed = 0;
  const worker = new Worker(NAME, async () => undefined, { connection: connection(), concurrency });
  worker.on('completed', () => completed++);
  await worker.waitUntilReady();
  tell({ kind: 'ready' });
  for (;;) {
    completed = 0;
    await told('go');
    const least = kind === 'plain' ? tasks : Math.floor(tasks * 0.9);
    let quietSince = performance.now();
    let seen = -1;
    while (completed < least || (kind === 'kib' && performance.now() - quietSince < QUIET_MS)) {
      if (completed !== seen) [seen, quietSince] = [completed, performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    tell({ kind: 'done', figures: { completed, quiet: kind === 'kib' ? QUIET_MS : 0 } });
  }
};

const QUIET_MS = 250;

export const bullLatency = async (): Promise<void> => {
  const { tasks } = loadSettings();
  const latencies: number[] = [];
  const queue = new Queue(NAME, { connection: connection() });
  const worker = new Worker<{ sentAt: number }>(
    NAME,
    async (job) => {
      latencies.push(exactNow() - job.data.sentAt);
    },
    { connection: connection(), concurrency: 10 },
  );
  await worker.waitUntilReady();
  tell({ kind: 'ready' });
  await told('go');
  for (let i = 0; i < tasks; i++) {
    const before = latencies.length;
    await queue.add(NAME, { sentAt: exactNow() }, { deduplication: { id: `latency-${process.pid}-${i}` } });
    while (latencies.length === before) await new Promise(setImmediate);
  }
  tell({ kind: 'done', figures: quantilesOf(latencies) });
};
