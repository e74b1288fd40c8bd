// limit: 240s
// G3 and G4 over real processes: families whose workers and supervisors are killed while their parents spawn, wait and end.
import { recordOf } from '@baton/runtime';
import type { TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { whole } from '../support/fixture-tasks.ts';
import { stagedSuite, until, type Stage } from '../support/stage.ts';

const test = stagedSuite('children', { supervisors: 2, workers: 2, env: { BATON_CONCURRENCY: '6' } });

type Told = { readonly results: readonly number[]; readonly attempt: number; readonly pid: number };

let count = 0;

const begin = (
  { baton }: Stage,
  parts: readonly number[],
  options: Parameters<typeof whole.schedule>[1] = {},
  more: Parameters<typeof whole.with>[0] = {},
): Promise<TaskHandle> =>
  baton.within(() => whole.with({ taskKey: `g3 ${++count}`, ...more }).schedule(parts, options));

const waiting = (handle: TaskHandle): Promise<TaskHandle> =>
  until(handle, ({ record }) => record.waiting !== undefined, 20_000);

const family = async ({ baton }: Stage, handle: TaskHandle): Promise<readonly TaskHandle[]> => {
  await handle.refresh();
  return Promise.all((handle.record.children ?? []).map(({ id, address }) => baton.open({ uuid: id, address })));
};

/** Every task with this parent that was ever stored. */
const madeFor = ({ heard }: Stage, uuid: string): readonly string[] =>
  [...new Set(heard.map(recordOf).flatMap(({ id, parent }) => (parent?.id === uuid ? [id] : [])))].toSorted();

test(
  'G3, G4 kill -9 of its worker, then of every supervisor, while it waits: it goes on elsewhere, with each child made once',
  async (stage) => {
    const [first] = stage.workers;
    const job = await begin(stage, [2_000, 4_000, 300]);
    await waiting(job);
    await first?.kill();
    for (const supervisor of stage.supervisors) await supervisor.kill();
    for (const supervisor of stage.supervisors) await supervisor.start();
    await job.wait({ timeout: '60s' });
    assert.is(job.status, 'success', job.error?.message);
    assert.equal((job.result as Told).results, [2_000, 4_000, 300]);
    assert.is(job.attempt, 1 + (job.record.rescues ?? 0));
    await first?.start();
    const children = await family(stage, job);
    assert.is(children.length, 3);
    assert.equal(
      children.map(({ scope, record }) => [scope, record.creator, record.parent?.id]),
      children.map(() => ['shared', 'alice', job.uuid]),
    );
    const document = await stage.document(job.uuid, ({ terminal }) => terminal);
    assert.equal(
      document.children?.map(({ uuid, status }) => [uuid, status]),
      children.map(({ uuid }) => [uuid, 'success']),
    );
    await eventually(() => assert.is(madeFor(stage, job.uuid).length, 3));
  },
  { limitMs: 90_000 },
);

test(
  'G3 kill -9 of its worker again and again while it spawns: every child is made, and none twice',
  async (stage) => {
    const job = await begin(
      stage,
      Array.from({ length: 12 }, () => 200),
      { pauseMs: 250 },
    );
    for (let round = 0; round < 2; round++) {
      const spawned = 2 + round * 3;
      await until(
        job,
        ({ record }) => (record.children?.length ?? 0) >= spawned || record.endedAt !== undefined,
        40_000,
      );
      // Whichever of them has it.
      for (const worker of stage.workers) await worker.kill();
      for (const worker of stage.workers) await worker.start();
    }
    await job.wait({ timeout: '60s' });
    assert.is((job.result as Told).results.length, 12);
    assert.ok((job.record.rescues ?? 0) > 0, 'no worker died while it ran');
    const children = await family(stage, job);
    assert.is(new Set(children.map(({ uuid }) => uuid)).size, 12);
    const uuids = children.map(({ uuid }) => uuid).toSorted();
    await eventually(() => assert.equal(madeFor(stage, job.uuid), uuids));
  },
  { limitMs: 120_000 },
);

test(
  'G3 a cancel while every supervisor is dead: children go with their parent when one is there, the left one stays',
  async (stage) => {
    const job = await begin(stage, [60_000, 60_000, 8_000], { leaves: true });
    await waiting(job);
    const [first, second, left] = (await family(stage, job)) as [TaskHandle, TaskHandle, TaskHandle];
    for (const child of [first, second, left]) await until(child, ({ record }) => record.abortable === true, 20_000);
    for (const supervisor of stage.supervisors) await supervisor.kill();
    assert.equal(await job.cancel(), { action: 'aborted' });
    await first.refresh();
    assert.is(first.status, 'in_progress', 'nobody is there to tell it');
    for (const supervisor of stage.supervisors) await supervisor.start();
    for (const child of [first, second]) {
      await child.wait({ timeout: '60s' });
      assert.equal([child.status, child.record.abort?.by], ['aborted', `task:${job.uuid}`]);
    }
    await left.wait({ timeout: '60s' });
    assert.is(left.status, 'success');
  },
  { limitMs: 90_000 },
);

test(
  'G3 its timeout, and kill -9 of its worker in the middle of an abort: the children are cancelled within seconds',
  async (stage) => {
    const late = await begin(stage, [60_000], { runs: true }, { timeout: '2s' });
    const [child] = await eventually(async () => {
      const all = await family(stage, late);
      assert.is(all.length, 1);
      return all as [TaskHandle];
    });
    await child.wait({ timeout: '60s' });
    await late.wait({ timeout: '60s' });
    assert.equal([late.status, child.status], ['timed_out', 'aborted']);

    const job = await begin(stage, [60_000, 60_000], { runs: true });
    await until(job, ({ record }) => record.children?.length === 2 && record.abortable === true, 20_000);
    const children = await family(stage, job);
    await job.cancel();
    for (const worker of stage.workers) await worker.kill();
    for (const one of children) {
      await one.wait({ timeout: '90s' });
      assert.is(one.status, 'aborted');
    }
    await job.wait({ timeout: '90s' });
    assert.is(job.status, 'aborted');
    for (const worker of stage.workers) await worker.start();
  },
  { limitMs: 90_000 },
);

test(
  'G3, Q9 both directions and the wait are shown on the command line; progress goes up',
  async (stage) => {
    const job = await begin(stage, [600_000, 100]);
    await waiting(job);
    await eventually(async () => assert.ok(((await job.refresh()).progress as { fraction: number })?.fraction >= 0.5));
    const [open] = (await family(stage, job)) as [TaskHandle];
    const why = await runCli(stage, ['why', job.uuid, '--user', 'alice']);
    assert.match(why.stdout, new RegExp(`It waits for (2|1 of 2) children to end, until .*: ${open.uuid}`));
    await stage.document(job.uuid, ({ children }) => children?.some(({ status }) => status === 'success') === true);
    const parent = await runCli(stage, ['get', job.uuid, '--user', 'alice']);
    assert.match(parent.stdout, new RegExp(`children .*1 of 2 ended: fx\\.part ${open.uuid} \\(not ended`));
    assert.match(parent.stdout, /waits for .*children/);
    const child = await runCli(stage, ['get', open.uuid, '--user', 'alice']);
    assert.match(child.stdout, new RegExp(`parent .*${job.uuid}`));
    await job.cancel();
    await open.wait({ timeout: '60s' });
    assert.is(open.status, 'aborted');
  },
  { limitMs: 60_000 },
);

test.run();
