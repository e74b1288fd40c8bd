// limit: 120s
// Q5 to Q8 by REST: what is set for queues, by admins.
import { task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { ADMIN, openGatewaySystem } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: queues');

const QUEUE = '/api/v1/queue/reports.daily';

test('Q5 Q6 Q7 Q8 an admin pauses, limits and shares out a queue, and everything says by whom and why', async (context) => {
  const { call } = await openGatewaySystem(context);
  const asAdmin = (path: string, body: object) => call('POST', `${QUEUE}${path}`, { as: ADMIN, body });
  assert.equal((await call('GET', QUEUE, { as: ADMIN })).at('pauses'), []);

  const paused = (await asAdmin('/pause', { group: 'acme', why: 'unpaid' })).at('pauses') as { by: string }[];
  assert.equal(
    paused.map(({ by, ...pause }) => ({ ...pause, by, at: undefined })),
    [{ type: null, group: 'acme', why: 'unpaid', by: `user:${ADMIN}`, at: undefined }],
  );
  assert.equal((await asAdmin('/resume', { group: 'acme' })).at('pauses'), []);

  const rate = { units: 10, window: '1m' };
  const limited = (await asAdmin('/limit', { of: 'queue', concurrency: 4, rate })).at('limits') as object[];
  assert.is(limited.length, 1);
  const { of, concurrency, rate: shown, from, instead_of: said } = limited[0] as Readonly<Record<string, unknown>>;
  assert.equal([of, concurrency, shown], ['queue', 4, { units: 10, window_seconds: 60 }]);
  assert.equal([from, said], ['run_time', null]);
  assert.is(((await asAdmin('/limit', { of: 'group', concurrency: 1 })).at('limits') as object[]).length, 2);
  assert.is(((await asAdmin('/limit', { of: 'queue' })).at('limits') as object[]).length, 1);
  assert.is(((await asAdmin('/weight', { group: 'acme', weight: 3 })).at('weights') as object[]).length, 1);

  const kept = (await call('GET', QUEUE, { as: ADMIN })).at('changes') as { what: string }[];
  assert.is(kept.length, 6, JSON.stringify(kept));
});

test('Q8 what is set is listed for the queues that have a task or a worker', async (context) => {
  const { call, baton } = await openGatewaySystem(context, { projector: true });
  const listed = task({ name: 'queues.listed' }, () => undefined);
  await baton.as({ id: 'alice' }).schedule(listed, [], { queue: 'reports.daily' });
  await call('POST', `${QUEUE}/pause`, { as: ADMIN, body: { why: 'audit' } });
  await eventually(
    async () => {
      const found = await call('GET', '/api/v1/queues', { as: ADMIN });
      assert.equal([found.status, found.at('count'), found.at('result', 0, 'queue')], [200, 1, 'reports.daily']);
      assert.is(found.at('result', 0, 'pauses', 0, 'why'), 'audit');
    },
    { limitMs: 20_000, everyMs: 500 },
  );
  const refused = await call('GET', '/api/v1/queues', { as: 'alice' });
  assert.equal([refused.status, refused.at('message')], [403, 'only an admin sees what is set for a queue']);
});

test('Q8 S4 who is no admin changes nothing and is told so; what cannot be set is refused', async (context) => {
  const { call } = await openGatewaySystem(context);
  assert.is((await call('GET', QUEUE)).status, 401);
  for (const [method, path, body] of [
    ['GET', '', undefined],
    ['POST', '/pause', {}],
    ['POST', '/limit', { of: 'queue', concurrency: 1 }],
    ['POST', '/weight', { group: 'g', weight: 2 }],
  ] as const) {
    const answer = await call(method, `${QUEUE}${path}`, { as: 'bob', ...(body === undefined ? {} : { body }) });
    assert.equal([answer.status, answer.at('code')], [403, 'PERMISSION_DENIED'], path);
    const does = method === 'GET' ? 'sees what is set for a queue' : 'changes what a queue does';
    assert.is(answer.at('message'), `only an admin ${does}`);
  }
  for (const [path, body] of [
    ['/limit', { of: 'tenant', concurrency: 1 }],
    ['/limit', { of: 'queue', concurrency: 1, when_full: 'cancel_newest' }],
    ['/limit', { of: 'type', type: 'mail', concurrency: 1 }],
    ['/limit', { of: 'group', when_full: 'cancel_newest', rate: { units: 1, window: '1m' } }],
    ['/limit', { of: 'queue', concurrency: 0 }],
    ['/limit', { of: 'queue', rate: { units: 1, window: 'soon' } }],
    ['/limit', { of: 'queue', concurrency: 1, atMost: 2 }],
    ['/weight', { group: 'g', weight: 0 }],
    ['/pause', { group: '' }],
    ['/pause', { type: 'mail', group: 'acme' }],
  ] as const) {
    const answer = await call('POST', `${QUEUE}${path}`, { as: ADMIN, body });
    assert.equal([answer.status, answer.at('code')], [400, 'INVALID_ARGUMENT'], JSON.stringify(body));
    assert.ok((answer.at('faults') as readonly object[]).length > 0, JSON.stringify(body));
  }
  assert.equal((await call('GET', QUEUE, { as: ADMIN })).at('changes'), []);
});

test.run();
