import { connectMongo } from '@baton/mongo';
import { connect, getContext, task, type Baton } from '@baton/sdk';
import { inFlight, tell, told } from '../child.ts';
import { exactNow, keyOf, KIB, loadSettings, quantilesOf } from './load.ts';

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
  const { tasks, width, kind } = loadSettings();
  await connect(connection());
  tell({ kind: 'ready' });
  for (let round = 0; ; round++) {
    await told('go');
    const began = performance.now();
    const run = `${process.pid}-${round}`;
    await inFlight(tasks, width, async (i) => {
      const handle = await noop.with({ taskKey: keyOf(run, i, kind) }).schedule(kind === 'kib' ? KIB : 0);
      if (kind === 'plain' && handle.outcome !== 'created') throw new Error(`task ${i} was ${handle.outcome}`);
    });
    tell({ kind: 'done', figures: { seconds: (performance.now() - began) / 1_000 } });
  }
};

/** Runs them; says when all that was submitted is recorded as ended. */
export const batonWorker = async (): Promise<void> => {
  const { tasks, concurrency, kind } = loadSettings();
  const baton = await connect(connection());
  const worker = await baton.startWorker({ tasks: [noop], concurrency });
  tell({ kind: 'ready' });
  for (;;) {
    ran = 0;
    await told('go');
    const least = kind === 'plain' ? tasks : Math.floor(tasks * 0.9);
    let quietSince = performance.now();
    let seen = -1;
    // Of duplicates it is not known how many were one task: the last has ended when no more come.
    while (ran < least || worker.running > 0 || (kind === 'kib' && performance.now() - quietSince < QUIET_MS)) {
      if (ran !== seen || worker.running > 0) [seen, quietSince] = [ran, performance.now()];
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    tell({ kind: 'done', figures: { ran, quiet: kind === 'kib' ? QUIET_MS : 0 } });
  }
};

const QUIET_MS = 250;

const oneByOne = async (run: (baton: Baton, i: number) => Promise<void>): Promise<void> => {
  const { tasks } = loadSettings();
  const baton = await connect(connection());
  await baton.startWorker({ tasks: [noop, stops], concurrency: 10 });
  tell({ kind: 'ready' });
  await told('go');
  for (let i = 0; i < tasks; i++) {
    const before = latencies.length;
    await run(baton, i);
    while (latencies.length === before) await new Promise(setImmediate);
  }
  tell({ kind: 'done', figures: quantilesOf(latencies) });
};

/** One after the other on an idle system: from `schedule` to the first line of the handler. */
export const batonLatency = (): Promise<void> =>
  oneByOne(async (_, i) => {
    await noop.with({ taskKey: `latency-${process.pid}-${i}` }).schedule(exactNow());
  });

/** One after the other on an idle system: from `cancel` to the first line of the abort handler. */
export const batonCancel = (): Promise<void> =>
  oneByOne(async (_, i) => {
    const runs = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const handle = await stops.with({ taskKey: `cancel-${process.pid}-${i}` }).schedule();
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
      const done = await mongo.db.collection('tasks').countDocuments({ terminal: true });
      if (done >= count) return (performance.now() - began) / 1_000;
      if (performance.now() - began > limitMs) throw new Error(`${done} of ${count} documents after ${limitMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } finally {
    await mongo.close();
  }
};
