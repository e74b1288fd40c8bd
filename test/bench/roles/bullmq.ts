import { Queue, Worker } from 'bullmq';
import { exactNow, KIB, loadSettings, runLaps, sampleEach, submitLaps } from './load.ts';

const NAME = 'noop';

const connection = () => {
  const url = new URL(process.env['REDIS_URL'] ?? '');
  return { host: url.hostname, port: Number(url.port) };
};

const openQueue = async (): Promise<Queue> => {
  const queue = new Queue(NAME, { connection: connection() });
  await queue.waitUntilReady();
  return queue;
};

/** Adds all jobs, each with a deduplication id; jobs are kept, as Baton keeps its documents. */
export const bullProducer = async (): Promise<void> => {
  const data = loadSettings().kind === 'kib' ? KIB : { sentAt: 0 };
  const queue = await openQueue();
  await submitLaps(async (id) => {
    await queue.add(NAME, data, { deduplication: { id }, removeOnComplete: false });
  });
};

export const bullWorker = async (): Promise<void> => {
  let completed = 0;
  const { concurrency } = loadSettings();
  await runLaps({
    start: async () => {
      const worker = new Worker(NAME, async () => undefined, { connection: connection(), concurrency });
      worker.on('completed', () => completed++);
      await worker.waitUntilReady();
    },
    ran: () => completed,
  });
};

export const bullLatency = async (): Promise<void> => {
  const latencies: number[] = [];
  const queue = await openQueue();
  const worker = new Worker<{ sentAt: number }>(
    NAME,
    async (job) => {
      latencies.push(exactNow() - job.data.sentAt);
    },
    { connection: connection(), concurrency: 10 },
  );
  await worker.waitUntilReady();
  await sampleEach(latencies, (id) => queue.add(NAME, { sentAt: exactNow() }, { deduplication: { id } }));
};
