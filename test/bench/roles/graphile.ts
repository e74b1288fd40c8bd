import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { exactNow, KIB, loadSettings, runLaps, sampleEach, submitLaps } from './load.ts';

const NAME = 'noop';

const connectionString = (): string => process.env['POSTGRES_URL'] ?? '';

/** Submits under way at once have a connection each, up to this many: more only wait for each other in the server. */
const CONNECTIONS = 20;

/** Adds all jobs, each with a key; a job is deleted when it is done, which is how graphile-worker works. */
export const graphileProducer = async (): Promise<void> => {
  const data = loadSettings().kind === 'kib' ? KIB : { sentAt: 0 };
  const utils = await makeWorkerUtils({ connectionString: connectionString(), maxPoolSize: CONNECTIONS });
  await utils.migrate();
  await submitLaps(async (jobKey) => {
    await utils.addJob(NAME, data, { jobKey });
  });
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
  let completed = 0;
  await runLaps({
    start: async () => {
      const { events } = await runner(loadSettings().concurrency, () => undefined);
      events.on('job:success', () => completed++);
    },
    ran: () => completed,
  });
};

export const graphileLatency = async (): Promise<void> => {
  const latencies: number[] = [];
  const { addJob } = await runner(10, (payload) => {
    latencies.push(exactNow() - (payload as { readonly sentAt: number }).sentAt);
  });
  await sampleEach(latencies, (jobKey) => addJob(NAME, { sentAt: exactNow() }, { jobKey }));
};
