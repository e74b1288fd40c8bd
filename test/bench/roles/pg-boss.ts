import PgBoss from 'pg-boss';
import { inFlight, tell, told } from '../child.ts';
import { exactNow, keyOf, KIB, loadSettings, quantilesOf } from './load.ts';

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
  const { tasks, width, kind } = loadSettings();
  const boss = await open();
  tell({ kind: 'ready' });
  for (let round = 0; ; round++) {
    await told('go');
    const began = performance.now();
    const run = `${process.pid}-${round}`;
    await inFlight(tasks, width, async (i) => {
      await boss.send(NAME, kind === 'kib' ? KIB : { sentAt: 0 }, { singletonKey: keyOf(run, i, kind) });
    });
    tell({ kind: 'done', figures: { seconds: (performance.now() - began) / 1_000 } });
  }
};

export const bossWorker = async (): Promise<void> => {
  const { tasks, concurrency } = loadSettings();
  const boss = await open();
  let run = 0;
  const id = await boss.work(
    NAME,
    { batchSize: concurrency, pollingIntervalSeconds: POLLING_SECONDS },
    async (jobs) => {
      run += jobs.length;
      // What fills a batch is not all there is: it does not wait for the next look.
      if (jobs.length === concurrency) boss.notifyWorker(id);
    },
  );
  tell({ kind: 'ready' });
  for (;;) {
    run = 0;
    await told('go');
    while (run < tasks) await new Promise((resolve) => setTimeout(resolve, 1));
    while ((await boss.getQueueSize(NAME, { before: 'completed' })) > 0) await new Promise(setImmediate);
    tell({ kind: 'done', figures: { completed: run } });
  }
};

export const bossLatency = async (): Promise<void> => {
  const { tasks } = loadSettings();
  const latencies: number[] = [];
  const boss = await open();
  await boss.work<{ readonly sentAt: number }>(NAME, { pollingIntervalSeconds: POLLING_SECONDS }, async (jobs) => {
    for (const { data } of jobs) latencies.push(exactNow() - data.sentAt);
  });
  tell({ kind: 'ready' });
  await told('go');
  for (let i = 0; i < tasks; i++) {
    const before = latencies.length;
    await boss.send(NAME, { sentAt: exactNow() }, { singletonKey: `latency-${process.pid}-${i}` });
    while (latencies.length === before) await new Promise(setImmediate);
  }
  tell({ kind: 'done', figures: quantilesOf(latencies) });
};
