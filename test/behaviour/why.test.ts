// limit: 120s
// Q9: why a task waits, asked of supervisors that are processes, and are killed.
import { task, type TaskHandle, type Why } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { ALICE, ask, namesFor } from '../support/command-client.ts';
import { eventually } from '../support/eventually.ts';
import { joined } from '../support/fixture-tasks.ts';
import { stagedSuite, until } from '../support/stage.ts';

const test = stagedSuite('why a task waits', {
  supervisors: 2,
  workers: 1,
  projectors: 0,
  env: { BATON_QUEUES: 'default,held,stopped', BATON_CONCURRENCY: '4' },
});

const unserved = task({ name: 'why.unserved' }, () => undefined);

/** Once it says so: what is set, and what runs, reaches the host of a queue a moment later. */
const whyOnce = (handle: TaskHandle, holds: (why: Why) => boolean, limitMs = 20_000): Promise<Why> =>
  eventually(
    async () => {
      const why = await handle.why();
      assert.ok(holds(why), JSON.stringify(why));
      return why;
    },
    { limitMs },
  );

const kinds = ({ reasons }: Why): string => reasons.map(({ kind }) => kind).join();

test(
  'Q9 a pause, a limit and who holds it, a missing worker: as data and in words, also after the host of the queue was killed',
  async (stage) => {
    const { admin, baton, supervisors } = stage;
    await admin.queues.limit('held', { of: 'queue', concurrency: 1, why: 'one licence' });
    await admin.queues.pause('stopped', { why: 'the disk is full' });
    const [runs, waits, stopped, missing] = await baton.within(async () => [
      await joined.with({ queue: 'held', taskKey: 'why runs' }).schedule(60_000),
      await joined.with({ queue: 'held', taskKey: 'why waits' }).schedule(1),
      await joined.with({ queue: 'stopped', taskKey: 'why stopped' }).schedule(1),
      await unserved.schedule(),
    ]);
    await until(runs, ({ status }) => status === 'in_progress');
    const seen = async (): Promise<void> => {
      const { reasons, position, text } = await whyOnce(waits, (why) => kinds(why) === 'limit');
      const [limit] = reasons;
      if (limit?.kind !== 'limit') throw new Error('a limit');
      assert.equal([limit.of, limit.concurrency, limit.by], ['queue', { most: 1, running: 1 }, 'user:root']);
      assert.equal(
        limit.holders.map(({ id, key }) => [id, key]),
        [[runs.uuid, 'why runs']],
      );
      assert.is(position, 1);
      assert.match(text[0] ?? '', `one licence); held by why runs (fx.joined) ${runs.uuid}.`);
      const paused = await whyOnce(stopped, (why) => kinds(why) === 'paused');
      assert.match(paused.text[0] ?? '', /^Queue stopped is paused by root since .* UTC: the disk is full\.$/);
      const none = await whyOnce(missing, (why) => kinds(why) === 'no_worker');
      assert.is(none.text[0], '1 worker serves queue default, and none of them takes type why.unserved.');
    };
    await seen();
    for (const each of supervisors) {
      await each.kill();
      // The other one is the host now, and says what it still has to find out.
      await seen();
      await each.start();
    }
    assert.is((await runs.why()).waits, false);
  },
  { limitMs: 90_000 },
);

test('Q9 where nobody answers for the queue that is said, in time, and nothing is made up', async ({
  baton,
  supervisors,
}) => {
  const handle = await baton.within(() => unserved.with({ taskKey: 'why nobody' }).schedule());
  for (const each of supervisors) await each.kill();
  const began = performance.now();
  const why = await handle.why();
  assert.ok(performance.now() - began < 4_000);
  assert.equal([kinds(why), why.position, why.expectedStart], ['unknown', undefined, undefined]);
  assert.match(why.text[0] ?? '', /^Unknown: nobody answers for queue default/);
  for (const each of supervisors) await each.start();
  await whyOnce(handle, (now) => kinds(now) === 'no_worker');
});

test('Q9 asked by a command in any language, and told to whoever may see the task', async (stage) => {
  const handle = await stage.baton.within(() => unserved.with({ taskKey: 'why by command' }).schedule());
  const names = namesFor(stage);
  const send = (body: object) => ask(stage, names.whyCommandSubject, { id: handle.uuid, ...body });
  const told = await eventually(async () => {
    const answer = await send({ user: ALICE });
    assert.is(answer.outcome, 'told', JSON.stringify(answer));
    return answer;
  });
  const { why, task: shown } = told as unknown as { readonly why: { text: string[]; waits: boolean }; task: object };
  assert.is(why.waits, true);
  assert.ok(why.text.length > 0);
  assert.match(JSON.stringify(shown), handle.uuid);
  for (const user of [{ id: 'mallory' }, undefined])
    assert.is((await send({ user, address: handle.address })).code, 'TASK_NOT_FOUND');
  assert.is((await send({ user: ALICE, address: 'nowhere' })).code, 'TASK_NOT_FOUND');
  assert.is((await send({ user: ALICE, colour: 'red' })).code, 'INVALID_ARGUMENT');
  await handle.refresh();
  assert.is(handle.record.history.length, 1, 'nothing came of it');
});

test.run();
