// limit: 120s
// Q9 by REST: why a task waits, for whoever may see it.
import { task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { ADMIN, openGatewaySystem } from '../support/gateway-fixture.ts';
import { gate } from '../support/stage.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: why a task waits');

test(
  'Q9 S4 as data and in words, with names of others hidden; 404 for who may not see the task',
  async (context) => {
    const { call, baton } = await openGatewaySystem(context, { supervisor: true });
    const { passed, open } = gate();
    const never = task({ name: 'why.rest' }, (long: boolean) => (long ? passed : undefined));
    const root = baton.as({ id: ADMIN, admin: true });
    const [alice, bob] = [baton.as({ id: 'alice' }), baton.as({ id: 'bob' })];
    const waiting = await alice.schedule(never, [false]);
    const pathOf = (uuid: string): string => `/api/v1/task/${uuid}/why`;
    const whyOnce = (uuid: string, kind: string, as = 'alice') =>
      eventually(
        async () => {
          const answer = await call('GET', pathOf(uuid), { as });
          assert.equal([answer.status, answer.at('reasons', 0, 'kind')], [200, kind], answer.text);
          return answer;
        },
        { limitMs: 15_000 },
      );
    const none = await whyOnce(waiting.uuid, 'no_worker');
    assert.equal(none.at('reasons'), [
      { kind: 'no_worker', queue: 'default', task_type: 'why.rest', queue_workers: 0, served_in: [] },
    ]);
    assert.equal([none.at('position'), none.at('ahead'), none.at('queue_waits'), none.at('waits')], [1, 0, 1, true]);
    assert.equal(none.at('text', 0), 'No worker serves queue default.');
    for (const [as, status] of [
      ['bob', 404],
      [ADMIN, 200],
    ] as const)
      assert.is((await call('GET', pathOf(waiting.uuid), { as })).status, status);
    assert.is((await call('GET', pathOf(waiting.uuid))).status, 401);
    assert.is((await call('GET', pathOf('no-id'), { as: 'alice' })).status, 404);
    assert.is((await call('GET', `${pathOf(waiting.uuid)}?x=1`, { as: 'alice' })).status, 400);

    await root.queues.pause('default', { group: 'acme', why: 'unpaid' });
    const grouped = await alice.schedule(never, [false], { group: 'acme', delay: '1h' });
    assert.equal((await whyOnce(grouped.uuid, 'starts_at')).at('reasons', 0, 'because'), 'delay');

    await root.queues.limit('default', {
      of: 'type',
      name: 'why.rest',
      concurrency: 1,
      rate: { units: 9, window: '1m' },
    });
    const worker = await baton.startWorker({ tasks: [never], concurrency: 5 });
    context.defer(() => worker.drain({ grace: 0 }));
    const ended = await waiting.wait({ timeout: '60s' });
    const after = await call('GET', pathOf(ended.uuid), { as: 'alice' });
    assert.equal([after.at('waits'), after.at('reasons'), after.at('text')], [false, [], ['It has ended.']]);
    const secret = await bob.schedule(never, [true]);
    await eventually(async () => assert.is((await secret.refresh()).status, 'in_progress'), { limitMs: 15_000 });
    const held = await alice.schedule(never, [false]);
    const limit = await whyOnce(held.uuid, 'limit');
    assert.equal(
      ['of', 'name', 'by', 'why', 'concurrency', 'rate', 'holders', 'hidden'].map((field) =>
        limit.at('reasons', 0, field),
      ),
      ['type', 'why.rest', `user:${ADMIN}`, null, { most: 1, running: 1 }, null, [], 1],
    );
    const shown = (await whyOnce(held.uuid, 'limit', ADMIN)).at('reasons', 0, 'holders', 0, 'uuid');
    assert.is(shown, secret.uuid);
    const third = await alice.schedule(never, [false], { group: 'acme' });
    assert.equal((await whyOnce(third.uuid, 'paused')).at('reasons', 0, 'why'), 'unpaid');
    open();
    await secret.wait({ timeout: '60s' });
  },
  { limitMs: 30_000 },
);

test('Q9 without a supervisor nobody answers for the queue, and that is the answer', async (context) => {
  const { call, baton } = await openGatewaySystem(context);
  const never = task({ name: 'why.alone' }, () => undefined);
  const { uuid } = await baton.as({ id: 'alice' }).schedule(never);
  const answer = await call('GET', `/api/v1/task/${uuid}/why`, { as: 'alice' });
  assert.equal(
    [answer.status, answer.at('reasons'), answer.at('position')],
    [...[200, [{ kind: 'unknown', because: 'nobody' }], null]],
  );
});

test.run();
