import { connectMongo } from '@baton/mongo';
import { namesOf, PROJECTIONS } from '@baton/protocols';
import { connect, getContext, task, type BatonWorker } from '@baton/sdk';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect as connectNats } from '@nats-io/transport-node';
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

type Installation = { readonly natsUrl: string; readonly namespace: string };

/**
 * Resolves when MongoDB has as many documents that ended as there were tasks, with the seconds it took. NATS is asked how
 * far the projection is: a database that counts writes the fewer meanwhile.
 */
export const projectedSeconds = async (
  at: Installation,
  mongoUrl: string,
  count: number,
  limitMs: number,
): Promise<number> => {
  const began = performance.now();
  const mongo = await connectMongo({ url: mongoUrl });
  try {
    for (;;) {
      await caughtUp(at, [PROJECTIONS.documents], limitMs);
      const now = performance.now();
      const done = await mongo.db.collection('tasks').countDocuments({ terminal: true });
      if (done >= count) return (now - began) / 1_000;
      if (now - began > limitMs) throw new Error(`${done} of ${count} documents after ${limitMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } finally {
    await mongo.close();
  }
};

/** Resolves when nothing is left to any projection. */
export const allProjected = (at: Installation, limitMs: number): Promise<void> =>
  caughtUp(at, Object.values(PROJECTIONS), limitMs);

const caughtUp = async (
  { natsUrl, namespace }: Installation,
  projections: readonly string[],
  limitMs: number,
): Promise<void> => {
  const nc = await connectNats({ servers: natsUrl });
  try {
    const { consumers } = await jetstreamManager(nc);
    const { tasksStream } = namesOf(namespace);
    const isBehind = async (projection: string): Promise<boolean> => {
      const { num_pending: unread, num_ack_pending: unwritten } = await consumers.info(tasksStream, projection);
      return unread + unwritten > 0;
    };
    for (const until = performance.now() + limitMs; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
      const behind = await Promise.all(projections.map(isBehind));
      if (!behind.includes(true)) return;
      if (performance.now() > until) throw new Error(`${projections.join(', ')} have not caught up in ${limitMs} ms`);
    }
  } finally {
    await nc.close();
  }
};
