import { connectMongo } from '@baton/mongo';
import { connect, getContext, task, type BatonWorker } from '@baton/sdk';
import { tell, told } from '../child.ts';
import { exactNow, KIB, LIMITED_NAMES, LIMITED_TO, loadSettings, runLaps, sampleEach, submitLaps } from './load.ts';

/** The task that is measured: it does nothing, so that all that is seen is the runtime. */
let ran = 0;
const latencies: number[] = [];

const noop = task({ name: 'noop' }, (sent: number | object) => {
  ran++;
  if (typeof sent === 'number' && sent > 0) latencies.push(exactNow() - sent);
});

/** Runs until it is told to stop, and says how long that took. */
const stops = task({ name: 'stops' }, async () => {
  const context = getContext();
  await new Promise<void>((resolve) => {
    context.onAbort(() => {
      latencies.push(exactNow() - cancelledAt);
      resolve();
    });
    begun();
  });
});
let cancelledAt = 0;
let begun: () => void = () => undefined;

const connection = () => {
  const { NATS_URL = '', BATON_NAMESPACE = 'BATON' } = process.env;
  return { servers: NATS_URL, namespace: BATON_NAMESPACE, user: { id: 'bench' } };
};

/** Schedules all tasks as fast as the window allows. */
export const batonProducer = async (): Promise<void> => {
  const { kind, limit } = loadSettings();
  const baton = await connect(connection());
  if (limit !== undefined) {
    const admin = baton.as({ id: 'bench', admin: true });
    await admin.queues.limit('default', { of: limit, concurrency: LIMITED_TO });
  }
  const limitedAs = (name: string) => (limit === 'group' ? { group: name } : { limitKey: name });
  await submitLaps(async (key, i) => {
    const options = limit === undefined ? {} : limitedAs(`name ${i % LIMITED_NAMES}`);
    const handle = await noop.with({ taskKey: key, ...options }).schedule(kind === 'kib' ? KIB : 0);
    if (kind === 'plain' && handle.outcome !== 'created') throw new Error(`task ${i} was ${handle.outcome}`);
  });
};

/** Runs them; says when all that was submitted is recorded as ended. */
export const batonWorker = async (): Promise<void> => {
  const { concurrency } = loadSettings();
  const baton = await connect(connection());
  let worker: BatonWorker | undefined;
  await runLaps({
    start: async () => {
      worker = await baton.startWorker({ tasks: [noop], concurrency });
    },
    ran: () => ran,
    rests: () => worker?.running === 0,
  });
};

const oneByOne = async (run: (key: string) => Promise<void>): Promise<void> => {
  const baton = await connect(connection());
  await baton.startWorker({ tasks: [noop, stops], concurrency: 10 });
  await sampleEach(latencies, run);
};

/** From `schedule` to the first line of the handler. */
export const batonLatency = (): Promise<void> =>
  oneByOne(async (taskKey) => {
    await noop.with({ taskKey }).schedule(exactNow());
  });

/** From `cancel` to the first line of the abort handler. */
export const batonCancel = (): Promise<void> =>
  oneByOne(async (taskKey) => {
    const runs = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const handle = await stops.with({ taskKey }).schedule();
    await runs;
    await handle.refresh();
    cancelledAt = exactNow();
    await handle.cancel();
  });

/** Holds the one task there is until it is killed, and tells when it has begun. */
export const batonHolder = async (): Promise<void> => {
  const baton = await connect(connection());
  const holds = task({ name: 'holds', retry: { maxAttempts: 9 } }, async () => {
    tell({ kind: 'done', figures: { at: exactNow() } });
    await new Promise(() => undefined);
  });
  await baton.startWorker({ tasks: [holds], concurrency: 1 });
  tell({ kind: 'ready' });
  await told('go');
  await holds.with({ taskKey: 'the one' }).schedule();
};

/** Schedules a task every 5 ms for 10 s, and tells the longest time in which none began, milliseconds. */
export const batonStream = async (): Promise<void> => {
  const baton = await connect(connection());
  let last = 0;
  let longest = 0;
  const beat = task({ name: 'beat' }, () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  });
  await baton.startWorker({ tasks: [beat], concurrency: 50 });
  tell({ kind: 'ready' });
  for (let round = 0; ; round++) {
    await told('go');
    await beat.with({ taskKey: `${round}-first` }).schedule();
    [last, longest] = [performance.now(), 0];
    const began = performance.now();
    for (let i = 0; performance.now() - began < STREAM_MS; i++) {
      void beat.with({ taskKey: `${round}-${i}` }).schedule();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    tell({ kind: 'done', figures: { longest: Math.max(longest, performance.now() - last) } });
  }
};

const STREAM_MS = 10_000;

/** Resolves when MongoDB has as many documents that ended as there were tasks. */
export const projectedSeconds = async (mongoUrl: string, count: number, limitMs: number): Promise<number> => {
  const mongo = await connectMongo({ url: mongoUrl });
  const began = performance.now();
  try {
    for (;;) {
      const asked = performance.now();
      const done = await mongo.db.collection('tasks').countDocuments({ terminal: true });
      const now = performance.now();
      if (done >= count) return (now - began) / 1_000;
      if (now - began > limitMs) throw new Error(`${done} of ${count} documents after ${limitMs} ms`);
      // The database that counts writes the fewer meanwhile: it counts a tenth of the time at most.
      await new Promise((resolve) => setTimeout(resolve, Math.max(200, 9 * (now - asked))));
    }
  } finally {
    await mongo.close();
  }
};
