import { connectMongo } from '@baton/mongo';
import { connect, task } from '@baton/sdk';
import { inFlight, tell, told } from '../child.ts';

/** The task that is measured: it does nothing, so that all that is seen is the runtime. */
let ran = 0;
const latencies: number[] = [];

const noop = task({ name: 'noop' }, (sentAt: number) => {
  ran++;
  if (sentAt > 0) latencies.push(Date.now() + fraction() - sentAt);
});

/** Wall clock with the fraction of a millisecond, comparable between processes of one machine. */
const fraction = (): number => {
  const exact = performance.timeOrigin + performance.now();
  return exact - Date.now();
};

const settings = () => {
  const {
    NATS_URL = '',
    BATON_NAMESPACE = 'BATON',
    BENCH_TASKS = '0',
    BENCH_WIDTH = '256',
    BENCH_CONCURRENCY = '100',
  } = process.env;
  return {
    connection: { servers: NATS_URL, namespace: BATON_NAMESPACE, user: { id: 'bench' } },
    tasks: Number(BENCH_TASKS),
    width: Number(BENCH_WIDTH),
    concurrency: Number(BENCH_CONCURRENCY),
  };
};

/** Schedules all tasks, each with a key of its own, as fast as the window allows. */
export const batonProducer = async (): Promise<void> => {
  const { connection, tasks, width } = settings();
  await connect(connection);
  tell({ kind: 'ready' });
  for (let round = 0; ; round++) {
    await told('go');
    const began = performance.now();
    const run = `${process.pid}-${round}`;
    await inFlight(tasks, width, async (i) => {
      const handle = await noop.with({ taskKey: `${run}-${i}` }).schedule(0);
      if (handle.outcome !== 'created') throw new Error(`task ${i} was ${handle.outcome}`);
    });
    tell({ kind: 'done', figures: { seconds: (performance.now() - began) / 1_000 } });
  }
};

/** Runs them; says when the last one is recorded as ended. */
export const batonWorker = async (): Promise<void> => {
  const { connection, tasks, concurrency } = settings();
  const baton = await connect(connection);
  const worker = await baton.startWorker({ tasks: [noop], concurrency });
  tell({ kind: 'ready' });
  for (let target = tasks; ; target += tasks) {
    await told('go');
    while (ran < target || worker.running > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    tell({ kind: 'done', figures: { ran } });
  }
};

/** One after the other on an idle system: from `schedule` to the first line of the handler. */
export const batonLatency = async (): Promise<void> => {
  const { connection, tasks } = settings();
  const baton = await connect(connection);
  await baton.startWorker({ tasks: [noop], concurrency: 10 });
  tell({ kind: 'ready' });
  await told('go');
  for (let i = 0; i < tasks; i++) {
    const before = latencies.length;
    await noop.with({ taskKey: `latency-${process.pid}-${i}` }).schedule(performance.timeOrigin + performance.now());
    while (latencies.length === before) await new Promise(setImmediate);
  }
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (q: number): number => sorted[Math.floor(q * (sorted.length - 1))] ?? Number.NaN;
  tell({ kind: 'done', figures: { p50: at(0.5), p99: at(0.99) } });
};

/** Resolves when MongoDB has as many documents that ended as there were tasks. */
export const projectedSeconds = async (mongoUrl: string, count: number, limitMs: number): Promise<number> => {
  const mongo = await connectMongo({ url: mongoUrl });
  const began = performance.now();
  try {
    for (;;) {
      const done = await mongo.db.collection('tasks').countDocuments({ terminal: true });
      if (done >= count) return (performance.now() - began) / 1_000;
      if (performance.now() - began > limitMs) throw new Error(`${done} of ${count} documents after ${limitMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } finally {
    await mongo.close();
  }
};
