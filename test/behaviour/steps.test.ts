// limit: 120s
// G6 over real processes: steps of bodies whose worker is killed, in its own thread and in one of their own.
import * as assert from 'uvu/assert';
import { stepped, steppedInThread } from '../support/fixture-isolated.ts';
import { effectsOf, ISOLATED_TASKS, untilEffect } from '../support/isolated-effects.ts';
import { stagedSuite } from '../support/stage.ts';

const test = stagedSuite('steps', { tasks: [ISOLATED_TASKS] });

test(
  'G6 kill -9 of the worker in the third step, then a failure: what was done is not done again, also what lies beside the record',
  async (stage) => {
    const [worker] = stage.workers;
    const jobs = await stage
      .as('alice')
      .within(async () => [
        await stepped.with({ taskKey: 'here' }).schedule(),
        await steppedInThread.with({ taskKey: 'in a thread' }).schedule(),
      ]);
    for (const job of jobs) await untilEffect(stage, job, 'tells');
    await worker?.kill();
    await worker?.start();
    await Promise.all(jobs.map((job) => job.wait({ timeout: '90s' })));
    for (const [i, job] of jobs.entries()) {
      assert.is(job.status, 'success', JSON.stringify(job.error));
      assert.equal(effectsOf(stage, job), ['pays', 'renders', 'tells', 'tells']);
      assert.equal(job.result, [{ attempt: 1 }, 200_000, i === 0]);
      assert.equal([job.attempt, job.record.rescues, job.record.failures], [3, 1, 1]);
    }
    const document = await stage.document(jobs[0]?.uuid ?? '', ({ terminal }) => terminal);
    assert.equal(
      document.steps?.map(({ name }) => name),
      ['pay', 'render', 'tell'],
    );
    assert.is(document.objects.length, 1, 'the object goes when the document goes');
  },
  { limitMs: 90_000 },
);

test.run();
