import PgBoss from 'pg-boss';
import { tell } from '../child.ts';
import { exactNow, KIB, loadSettings, runLaps, sampleEach, submitLaps } from './load.ts';

const NAME = 'noop';

/** Submits under way at once have a connection each, up to this many: more only wait for each other in the server. */
const CONNECTIONS = 20;

/** It asks for jobs when it has done those it had, and otherwise twice a second, which is the most often it can. */
const POLLING_SECONDS = 0.5;

const open = async (): Promise<PgBoss> => {
  const boss = new PgBoss({ connectionString: process.env['POSTGRES_URL'] ?? '', max: CONNECTIONS });
  boss.on('error', (error) => tell({ kind: 'failed', reason: String(error) }));
  await boss.start();
  await boss.createQueue(NAME, { name: NAME, policy: 'standard' });
  return boss;
};

/** Adds all jobs, each with a singleton key; jobs are kept. */
export const bossProducer = async (): Promise<void> => {
  const data = loadSettings().kind === 'kib' ? KIB : { sentAt: 0 };
  const boss = await open();
  await submitLaps(async (singletonKey) => {
    await boss.send(NAME, data, { singletonKey });
  });
};

export const bossWorker = async (): Promise<void> => {
  const { concurrency } = loadSettings();
  const boss = await open();
  let ran = 0;
  const options = { batchSize: concurrency, pollingIntervalSeconds: POLLING_SECONDS };
  await runLaps({
    start: async () => {
      const id = await boss.work(NAME, options, async (jobs) => {
        ran += jobs.length;
        // What fills a batch is not all there is: it does not wait for the next look.
        if (jobs.length === concurrency) boss.notifyWorker(id);
      });
    },
    ran: () => ran,
    // A batch is completed after it was run.
    rests: async () => (await boss.getQueueSize(NAME, { before: 'completed' })) === 0,
  });
};

export const bossLatency = async (): Promise<void> => {
  const latencies: number[] = [];
  const boss = await open();
  await boss.work<{ readonly sentAt: number }>(NAME, { pollingIntervalSeconds: POLLING_SECONDS }, async (jobs) => {
    for (const { data } of jobs) latencies.push(exactNow() - data.sentAt);
  });
  await sampleEach(latencies, (singletonKey) => boss.send(NAME, { sentAt: exactNow() }, { singletonKey }));
};
