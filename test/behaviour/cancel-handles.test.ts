// limit: 150s
// G7 over real processes: workers are killed with what their tasks have begun elsewhere, and another one cancels it first.
import type { TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { query, queryInThread } from '../support/fixture-isolated.ts';
import { effectsOf, ISOLATED_TASKS, untilEffect } from '../support/isolated-effects.ts';
import { stagedSuite, statuses, type Stage } from '../support/stage.ts';

const test = stagedSuite('cancel handles', {
  tasks: [ISOLATED_TASKS],
  ...{ supervisors: 2, workers: 0, env: { BATON_CONCURRENCY: '8' } },
});

const whyOf = ({ record }: TaskHandle): string | undefined => record.history.at(-1)?.why;

const workerOf = async (stage: Stage, name: string) => {
  const worker = stage.service('worker', name);
  await worker.start();
  return worker;
};

test(
  'G7 kill -9 of the worker and then of the owner of the queue: what was begun is cancelled elsewhere before it is run again or ends',
  async (stage) => {
    const first = await workerOf(stage, 'first');
    const alice = stage.as('alice');
    const [again, inThread, aborted] = await alice.within(async () => [
      await query.with({ taskKey: 'again' }).schedule(),
      await queryInThread.with({ taskKey: 'in a thread' }).schedule(),
      await query.with({ taskKey: 'aborted' }).schedule(),
    ]);
    for (const job of [again, inThread, aborted]) await untilEffect(stage, job, 'asks');
    await aborted.cancel();
    await aborted.refresh();
    assert.is(aborted.status, 'aborting');
    await first.kill();
    // Nobody can cancel: the task that is to be aborted is not, however long its worker is dead.
    await eventually(
      () => assert.ok(stage.supervisors.some(({ output }) => output.includes('no live worker can cancel'))),
      { limitMs: 20_000 },
    );
    await aborted.refresh();
    assert.is(aborted.status, 'aborting');
    // And it says so, to whoever asks why, and to whoever looks at what waits.
    for (const job of [again, aborted]) {
      await eventually(async () => {
        const { waits, reasons } = await alice.within(() => job.why());
        const kinds = reasons.map(({ kind }) => kind);
        assert.equal([waits, kinds], [false, ['uncancelled', 'no_worker']]);
      });
    }
    await eventually(
      () =>
        assert.ok(
          stage.supervisors.some(({ output }) => output.includes('no worker serves iso.query in queue default')),
        ),
      { limitMs: 20_000 },
    );
    assert.match(
      (await runCli(stage, ['doctor'])).stdout,
      /2 wait \(normal\): no worker serves iso\.query in the queue default/,
    );
    const [supervisor] = stage.supervisors;
    await supervisor?.kill();
    await workerOf(stage, 'second');
    await Promise.all([again, inThread, aborted].map((job) => job.wait({ timeout: '60s' })));
    await supervisor?.start();
    for (const [job, key] of [
      [again, 'again'],
      [inThread, 'in a thread'],
    ] as const) {
      assert.equal(effectsOf(stage, job), [
        'asks',
        ...[1, 2].map((tried) => `cancels ${key} 1 for rescue, try ${tried}`),
        'asks',
      ]);
      assert.equal([job.status, job.result], ['success', job === again]);
      assert.equal([job.attempt, job.record.rescues, job.record.cancelHandle], [2, 1, undefined]);
      assert.is(job.record.history[2]?.why, 'its worker died; its canceller has run');
    }
    assert.equal(effectsOf(stage, aborted), [
      'asks',
      ...[1, 2].map((tried) => `cancels aborted 1 for cancel, try ${tried}`),
    ]);
    assert.equal(statuses(aborted), ['pending', 'in_progress', 'aborting', 'aborted']);
    assert.is(whyOf(aborted), 'its worker died; its canceller has run');
  },
  { limitMs: 120_000 },
);

test.run();
