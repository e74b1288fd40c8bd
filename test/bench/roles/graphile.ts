import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { inFlight, tell, told } from '../child.ts';
import { exactNow, keyOf, KIB, loadSettings, quantilesOf } from './load.ts';

const NAME = 'noop';

const connectionString = (): string => process.env['POSTGRES_URL'] ?? '';

/** Submits under way at once have a connection each, up to this many: more only wait for each other in the server. */
const CONNECTIONS = 20;

/** Adds all jobs, each with a key; a job is deleted when it is done, which is how graphile-worker works. */
export const graphileProducer = async (): Promise<void> => {
  const { tasks, width, kind } = loadSettings();
  const utils = await makeWorkerUtils({ connectionString: connectionString(), maxPoolSize: CONNECTIONS });
  await utils.migrate();
  tell({ kind: 'ready' });
  for (let round = 0; ; round++) {
    await told('go');
    const began = performance.now();
    const name = `${process.pid}-${round}`;
    await inFlight(tasks, width, async (i) => {
      await utils.addJob(NAME, kind === 'kib' ? KIB : { sentAt: 0 }, { jobKey: keyOf(name, i, kind) });
    });
    tell({ kind: 'done', figures: { seconds: (performance.now() - began) / 1_000 } });
  }
};

const runner = (concurrency: number, body: (payload: unknown) => void) =>
  run({
    connectionString: connectionString(),
    concurrency,
    maxPoolSize: CONNECTIONS,
    noHandleSignals: true,
    taskList: { [NAME]: async (payload) => body(payload) },
    parsedCronItems: [],
    // It writes a line for every job, which is not what is measured.
    logger: new Logger(() => () => undefined),
  });

export const graphileWorker = async (): Promise<void> => {
  const { tasks, concurrency } = loadSettings();
  let completed = 0;
  const { events } = await runner(concurrency, () => undefined);
  events.on('job:success', () => completed++);
  tell({ kind: 'ready' });
  for (;;) {
    completed = 0;
    await told('go');
    while (completed < tasks) await new Promise((resolve) => setTimeout(resolve, 1));
    tell({ kind: 'done', figures: { completed } });
  }
};

export const graphileLatency = async (): Promise<void> => {
  const { tasks } = loadSettings();
  const latencies: number[] = [];
  const { addJob } = await runner(10, (payload) => {
    latencies.push(exactNow() - (payload as { readonly sentAt: number }).sentAt);
  });
  tell({ kind: 'ready' });
  await told('go');
  for (let i = 0; i < tasks; i++) {
    const before = latencies.length;
    await addJob(NAME, { sentAt: exactNow() }, { jobKey: `latency-${process.pid}-${i}` });
    while (latencies.length === before) await new Promise(setImmediate);
  }
  tell({ kind: 'done', figures: quantilesOf(latencies) });
};
