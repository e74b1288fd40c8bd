// limit: 120s
// Q10, Q11 by REST: the fields, the outcomes, the refusals.
import * as assert from 'uvu/assert';
import { openGatewaySystem } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: modes of a submit');

const taskIn = (answer: { readonly at: (field: string) => unknown }) =>
  answer.at('task') as Readonly<Record<string, unknown>>;

test('Q10, Q11 the answer says what happened, and a refusal says why', async (context) => {
  const { call } = await openGatewaySystem(context);
  const submit = (body: object, as = 'alice') =>
    call('POST', '/api/v1/task/', { as, body: { type: 'nobody.serves', task_key: 'k', ...body } });
  const debounce = { mode: 'debounce', window: '1h', max_wait: '2h' };
  const made = await submit({ ...debounce, args: [1] });
  assert.equal([made.status, made.at('outcome')], [201, 'created']);
  const later = await submit({ ...debounce, args: [2], expires: '3h' });
  assert.equal([later.status, later.at('outcome'), taskIn(later)['uuid']], [200, 'debounced', taskIn(made)['uuid']]);
  const [runAt, expiresAt] = ['run_at', 'expires_at'].map((field) => Date.parse(String(taskIn(later)[field])));
  assert.ok(Math.abs(expiresAt! - runAt! - 3 * 3_600_000) < 2_000, 'three hours after it may begin');
  const replaced = await submit({ mode: 'replace', args: [3] });
  assert.equal([replaced.status, replaced.at('outcome'), taskIn(replaced)['run_at']], [200, 'replaced', null]);
  assert.equal(taskIn(replaced)['args'], [3]);
  const refused = await submit({ mode: 'reject' });
  assert.equal([refused.status, refused.at('code'), refused.at('status')], [409, 'TASK_ACTIVE', 'pending']);
  for (const body of [
    { mode: 'debounce' },
    { mode: 'debounce', window: '0s' },
    { window: 5 },
    { mode: 'often' },
    { expires: '1h', expires_at: '2099-01-01T00:00:00Z' },
  ]) {
    const bad = await submit(body);
    assert.equal([bad.status, bad.at('code')], [400, 'INVALID_ARGUMENT'], JSON.stringify(body));
    assert.ok((bad.at('faults') as readonly object[]).length > 0, JSON.stringify(body));
  }
  const throttle = { task_key: 't', scope: 'shared', mode: 'throttle', window: '1h' };
  const first = await submit(throttle);
  assert.is(first.at('outcome'), 'created');
  assert.is(
    (await call('POST', `/api/v1/task/${String(taskIn(first)['uuid'])}/cancel`, { as: 'alice', body: {} })).status,
    200,
  );
  const second = await submit(throttle);
  assert.equal([second.status, second.at('outcome'), taskIn(second)['status']], [200, 'throttled', 'aborted']);
  const stranger = await submit(throttle, 'bob');
  assert.equal([stranger.status, stranger.at('code'), stranger.at('task')], [429, 'TASK_THROTTLED', undefined]);
});

test.run();
