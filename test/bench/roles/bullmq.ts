import { Queue, Worker } from 'bullmq';
import { inFlight, tell, told } from '../child.ts';

const NAME = 'noop';

const settings = () => {
  const { REDIS_URL = '', BENCH_TASKS = '0', BENCH_WIDTH = '256', BENCH_CONCURRENCY = '100' } = process.env;
  const url = new URL(REDIS_URL);
  return {
    connection: { host: url.hostname, port: Number(url.port) },
    tasks: Number(BENCH_TASKS),
    width: Number(BENCH_WIDTH),
    concurrency: Number(BENCH_CONCURRENCY),
  };
};

/** Adds all jobs, each with a deduplication id of its own; jobs are kept, as Baton keeps its documents. */
export const bullProducer = async (): Promise<void> => {
  const { connection, tasks, width } = settings();
  const queue = new Queue(NAME, { connection });
  await queue.waitUntilReady();
  tell({ kind: 'ready' });
  for (let round = 0; ; round++) {
    await told('go');
    const began = performance.now();
    const run = `${process.pid}-${round}`;
    await inFlight(tasks, width, async (i) => {
      await queue.add(NAME, { sentAt: 0 }, { deduplication: { id: `${run}-${i}` }, removeOnComplete: false });
    });
    tell({ kind: 'done', figures: { seconds: (performance.now() - began) / 1_000 } });
  }
};

export const bullWorker = async (): Promise<void> => {
  const { connection, tasks, concurrency } = settings();
  let completed = 0;
  const worker = new Worker(NAME, async () => undefined, { connection, concurrency });
  worker.on('completed', () => completed++);
  await worker.waitUntilReady();
  tell({ kind: 'ready' });
  for (let target = tasks; ; target += tasks) {
    await told('go');
    while (completed < target) await new Promise((resolve) => setTimeout(resolve, 1));
    tell({ kind: 'done', figures: { completed } });
  }
};

export const bullLatency = async (): Promise<void> => {
  const { connection, tasks } = settings();
  const latencies: number[] = [];
  const queue = new Queue(NAME, { connection });
  const worker = new Worker<{ sentAt: number }>(
    NAME,
    async (job) => {
      latencies.push(performance.timeOrigin + performance.now() - job.data.sentAt);
    },
    { connection, concurrency: 10 },
  );
  await worker.waitUntilReady();
  tell({ kind: 'ready' });
  await told('go');
  for (let i = 0; i < tasks; i++) {
    const before = latencies.length;
    const sentAt = performance.timeOrigin + performance.now();
    await queue.add(NAME, { sentAt }, { deduplication: { id: `latency-${process.pid}-${i}` } });
    while (latencies.length === before) await new Promise(setImmediate);
  }
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (q: number): number => sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN;
  tell({ kind: 'done', figures: { p50: at(0.5), p99: at(0.99) } });
};
