// limit: 600s
// What dies in the middle of the quick-start job, and what is left of it.
import type { TaskHandle } from '@baton/sdk';
import { checkEffects, checkLife, checkLives, describeReport, type Recorded } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { profileDatasets, type DatasetProfile } from '../../services/cli/src/quickstart/profile-datasets.ts';
import { eventually } from '../support/eventually.ts';
import { steps } from '../support/fixture-tasks.ts';
import { suite } from '../support/suite.ts';
import { QUICKSTART_TASKS, startSystem, type System } from '../support/system-fixture.ts';
import type { SystemProcess } from '../support/system-process.ts';
import { converged, effectsOf, readAllStored, readStored, readWitnessed } from '../support/system-state.ts';

const test = suite('killed in the middle of the quick-start job');

/** The job's own data sets, twice over: it takes seconds, and its first progress comes after 250 of 200,000 rows. */
const DATASETS = Array.from({ length: 2 }, () => ['zipcodes.csv', 'species.csv', 'birdstrikes.csv']).flat();

/** Bound of R3 and what a loaded machine of two cores may add to it. */
const REOWN_MS = 8_000;
const REOWN_BOTH_MS = 16_000;
const MARGIN_MS = 1_000;
const LIMIT = { limitMs: 90_000 };

type Job = TaskHandle<readonly DatasetProfile[]>;

/** Schedules the job and resolves when it has told its first progress. */
const begin = async ({ baton }: System): Promise<Job> => {
  const job = await baton.within(() => profileDatasets.with({ taskKey: 'quickstart' }).schedule(...DATASETS));
  const first = new Promise<void>((resolve, reject) => {
    void job.onProgress(() => resolve()).catch(reject);
  });
  await first;
  await job.refresh();
  assert.is(job.status, 'in_progress');
  return job;
};

/** One success, one result, and every step of the way a legal one; bucket, log and MongoDB agree. */
const checkEnd = async (
  system: System,
  job: Job,
  /** Whoever listens misses writes around the fall of the server. */
  server: 'stands' | 'fell' = 'stands',
): Promise<readonly Recorded[]> => {
  await job.wait({ timeout: '60s' });
  const endedAt = performance.now();
  assert.is(job.status, 'success', job.error?.message);
  assert.is(job.result?.length, DATASETS.length);
  assert.ok(job.result?.every(({ dataset, rows }) => rows > 1_000 && DATASETS.includes(dataset)));
  await converged(system);
  say('  bucket, log and MongoDB agree', performance.now() - endedAt);
  const { records, isWhole } = await readStored(system);
  const life = records.filter(({ record }) => record.id === job.uuid);
  if (server === 'stands') assert.ok(isWhole, 'every write is seen');
  if (isWhole) {
    const report = checkLife(life);
    assert.ok(report.ok, describeReport(report));
  }
  const ends = life.filter(({ record }) => record.endedAt !== undefined && record.archived !== true);
  assert.is(ends.length, 1, `the task ended ${ends.length} times`);
  const document = await system.mongo.db.collection<{ _id: string }>('tasks').findOne({ _id: job.uuid });
  assert.is((document as { status?: string } | null)?.status, 'success');
  return life;
};

/** The history says that the owner died, who found out, and who ran it then. */
const checkRescue = (job: Job, owner: string | undefined): number => {
  const { history, rescues, owner: last } = job.record;
  const at = history.findIndex(({ why }) => why === `worker ${owner} died`);
  const told = history.map(({ status, by, why }) => `${status} by ${by} (${why ?? ''})`).join(', ');
  assert.ok(at > 0, `no rescue from ${owner} in: ${told}`);
  assert.is(history[at]?.status, 'pending');
  assert.match(history[at]?.by ?? '', /^supervisor:/);
  assert.is(history[at + 1]?.status, 'in_progress');
  assert.is(history[at + 1]?.by, `worker:${last?.worker}`);
  assert.is.not(last?.worker, owner);
  assert.is(rescues, 1);
  assert.is(job.attempt, 2);
  return history[at + 1]?.at ?? Number.NaN;
};

const say = (what: string, ms: number, limitMs?: number): void => {
  console.log(
    `${what}: ${Math.round(ms)} ms${limitMs === undefined ? '' : ` (bound ${limitMs} ms + ${MARGIN_MS} ms)`}`,
  );
};

const quickstart = { tasks: [QUICKSTART_TASKS] };

const killWorker = (title: string, workers: number, restarted: boolean) =>
  test(
    title,
    async (context) => {
      const system = await startSystem(context, { ...quickstart, workers });
      const job = await begin(system);
      const owner = job.record.owner?.worker;
      const victim = ownerProcess(system, owner);
      const killedAt = Date.now();
      await victim.kill();
      if (restarted) await victim.start();
      await checkEnd(system, job);
      const tookMs = checkRescue(job, owner) - killedAt;
      say(`${title}: kill to re-own`, tookMs, REOWN_MS);
      assert.ok(tookMs <= REOWN_MS + MARGIN_MS, `re-owned after ${tookMs} ms`);
    },
    LIMIT,
  );

/** Node ids of the worker service end in its pid and a random part. */
const ownerProcess = ({ workers }: System, owner: string | undefined): SystemProcess => {
  const found = workers.find(({ pid }) => owner?.split('-').includes(String(pid)));
  if (found === undefined) throw new Error(`no worker process is ${owner}`);
  return found;
};

killWorker('the only worker, started again', 1, true);
killWorker('one of two workers, left dead', 2, false);

test(
  'the supervisor: the task goes on as if nothing was',
  async (context) => {
    const system = await startSystem(context, quickstart);
    const job = await begin(system);
    const killedAt = performance.now();
    await restart(system.supervisors);
    await checkEnd(system, job);
    assert.is(job.attempt, 1);
    say('supervisor killed: kill to end of the job', performance.now() - killedAt);
  },
  LIMIT,
);

test(
  'the projector: the document is whole afterwards',
  async (context) => {
    const system = await startSystem(context, quickstart);
    const job = await begin(system);
    await restart(system.projectors);
    const backAt = performance.now();
    await checkEnd(system, job);
    assert.is(job.attempt, 1);
    say('projector killed: new start to the end of the job and its whole document', performance.now() - backAt);
  },
  LIMIT,
);

test(
  'nats-server: nothing acknowledged is lost, and the body is not run twice',
  async (context) => {
    const system = await startSystem(context, { ...quickstart, ownNats: true });
    const job = await begin(system);
    const killedAt = performance.now();
    await system.nats.kill();
    await system.nats.restart();
    const awayMs = performance.now() - killedAt;
    await checkEnd(system, job, 'fell');
    assert.is(job.attempt, 1, 'the server was away for less than a lease');
    say(`nats-server killed, away ${Math.round(awayMs)} ms: kill to end of the job`, performance.now() - killedAt);
  },
  LIMIT,
);

test(
  'worker and supervisor together, both started again',
  async (context) => {
    const system = await startSystem(context, quickstart);
    const job = await begin(system);
    const owner = job.record.owner?.worker;
    const killedAt = Date.now();
    await restart([...system.workers, ...system.supervisors]);
    await checkEnd(system, job);
    const tookMs = checkRescue(job, owner) - killedAt;
    say('worker and supervisor killed: kill to re-own', tookMs, REOWN_BOTH_MS);
    assert.ok(tookMs <= REOWN_BOTH_MS + MARGIN_MS, `re-owned after ${tookMs} ms`);
  },
  LIMIT,
);

test(
  'a worker stopped beyond its lease and let go on: what it writes is refused',
  async (context) => {
    const system = await startSystem(context, { ...quickstart, workers: 2 });
    const job = await begin(system);
    const owner = job.record.owner?.worker;
    const zombie = ownerProcess(system, owner);
    const pausedAt = Date.now();
    zombie.pause();
    await eventually(
      async () => {
        const { record } = await job.refresh();
        assert.ok(record.owner !== undefined && record.owner.worker !== owner);
      },
      { limitMs: REOWN_MS + 5_000 },
    );
    zombie.resume();
    await eventually(
      () =>
        assert.match(zombie.output, /what its body still does is fenced off|the end of its body here does not count/),
      { limitMs: 15_000 },
    );
    const life = await checkEnd(system, job);
    const takenAt = checkRescue(job, owner);
    const rescued = life.findIndex(({ record }) => record.rescues === 1);
    assert.ok(rescued > 0);
    const after = life.slice(rescued).filter(({ record }) => record.owner?.worker === owner);
    assert.equal(after, [], 'the zombie wrote after it was given up');
    // It is alive and well again: it takes tasks as a worker like any other.
    assert.ok(zombie.isRunning);
    say('worker paused: pause to re-own by the other', takenAt - pausedAt, REOWN_MS);
    assert.ok(takenAt - pausedAt <= REOWN_MS + MARGIN_MS);
  },
  LIMIT,
);

test(
  'the same with a body that does not listen: whatever it does in its second life is refused',
  async (context) => {
    const system = await startSystem(context, { workers: 2 });
    const task = await system.baton.within(() => steps.with({ taskKey: 'deaf' }).schedule(50, 100));
    await eventually(async () => assert.ok((await task.refresh()).progress !== undefined));
    const owner = task.record.owner?.worker;
    const zombie = ownerProcess(system, owner);
    const from = performance.timeOrigin + performance.now();
    zombie.pause();
    await eventually(async () => assert.is((await task.refresh()).attempt, 2), { limitMs: REOWN_MS + 5_000 });
    zombie.resume();
    const to = performance.timeOrigin + performance.now();
    await task.wait({ timeout: '60s' });
    assert.is(task.status, 'success');
    assert.is((task.result as { attempt: number }).attempt, 2);
    const witnessed = () => readWitnessed(system.effectsPath).filter(({ kind }) => kind === 'end');
    await eventually(() => assert.is(witnessed().length, 2, 'both bodies come to their end'), { limitMs: 20_000 });
    assert.match(zombie.output, /what its body still does is fenced off/);
    await converged(system);
    const records = await readAllStored(system);
    const lives = checkLives(records);
    assert.ok(lives.ok, describeReport(lives));
    const faults = [{ worker: owner ?? '', kind: 'pause', from, to }] as const;
    const effects = checkEffects({ effects: effectsOf(readWitnessed(system.effectsPath), records), records, faults });
    assert.ok(effects.ok, describeReport(effects));
    assert.is(effects.counters['starts'], 2);
    say('zombie with a deaf body: paused for', to - from);
  },
  LIMIT,
);

const restart = async (processes: readonly SystemProcess[]): Promise<void> => {
  await Promise.all(processes.map((each) => each.kill()));
  await Promise.all(processes.map((each) => each.start()));
};

test.run();
