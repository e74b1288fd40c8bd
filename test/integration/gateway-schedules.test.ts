// limit: 120s
// H by REST: made, shown, changed, by whose it is.
import * as assert from 'uvu/assert';
import { openGatewaySystem } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: schedules');

type Shown = Readonly<Record<string, unknown>> & { readonly next: readonly string[] };

test('H1, H6 a schedule is made, shown with its next ten times, paused, resumed and removed', async (context) => {
  const { call } = await openGatewaySystem(context);
  const path = '/api/v1/schedules/nightly.report';
  const body = {
    cron: '30 2 * * *',
    timezone: 'Europe/Berlin',
    type: 'report',
    args: [1, 'a'],
    skip_dates: ['2030-12-24'],
  };
  const made = await call('PUT', path, { as: 'alice', body });
  assert.equal([made.status, made.at('outcome')], [201, 'created']);
  const again = await call('PUT', path, { as: 'alice', body });
  assert.equal([again.status, again.at('outcome')], [200, 'unchanged']);
  const shown = (await call('GET', path, { as: 'alice' })).at('schedule') as Shown;
  assert.equal(
    [shown['owner'], shown['cron'], shown['args'], shown.next.length],
    ['alice', ['30 2 * * *'], [1, 'a'], 10],
  );
  assert.equal((await call('GET', '/api/v1/schedules', { as: 'alice' })).at('count'), 1);
  for (const [method, way, given] of [
    ['GET', path, undefined],
    ['PUT', path, body],
    ['POST', `${path}/pause`, {}],
    ['DELETE', path, undefined],
  ] as const) {
    const answer = await call(method, way, { as: 'bob', ...(given === undefined ? {} : { body: given }) });
    assert.equal([answer.status, answer.at('code')], [404, 'SCHEDULE_NOT_FOUND'], `${method} ${way}`);
  }
  const paused = (await call('POST', `${path}/pause`, { as: 'alice', body: { why: 'holiday' } })).at(
    'schedule',
  ) as Shown;
  assert.equal([(paused['paused'] as { why: string }).why, paused.next], ['holiday', []]);
  assert.is((await call('POST', `${path}/resume`, { as: 'alice', body: {} })).status, 200);
  const triggered = (await call('POST', `${path}/trigger`, { as: 'alice', body: { id: 'x' } })).at('schedule') as Shown;
  assert.is(triggered['waiting'], 1);
  const range = { from: '2030-03-30T00:00:00Z', to: '2030-04-01T00:00:00Z', overlap: 'allow' };
  const filled = (await call('POST', `${path}/backfill`, { as: 'alice', body: range })).at('schedule') as Shown;
  assert.is(filled['waiting'], 3);
  for (const wrong of [
    { ...body, cron: '61 * * * *' },
    { ...body, timezone: 'Mars' },
    { type: 'report' },
    { ...body, often: 1 },
  ]) {
    const answer = await call('PUT', path, { as: 'alice', body: wrong });
    assert.equal([answer.status, answer.at('code')], [400, 'INVALID_ARGUMENT'], JSON.stringify(wrong));
  }
  const system = await call('PUT', path, { as: 'alice', body: { ...body, scope: 'system' } });
  assert.equal([system.status, system.at('code')], [403, 'PERMISSION_DENIED']);
  const maybe = await call('POST', `${path}/backfill`, { as: 'alice', body: { ...range, overlap: 'maybe' } });
  assert.equal([maybe.status, maybe.at('code')], [400, 'INVALID_ARGUMENT']);
  const misnamed = await call('GET', '/api/v1/schedules/not%20a%20name', { as: 'alice' });
  assert.equal([misnamed.status, misnamed.at('code')], [400, 'INVALID_ARGUMENT']);
  assert.is((await call('DELETE', path, { as: 'alice' })).status, 200);
  assert.is((await call('GET', path, { as: 'alice' })).status, 404);
});

test.run();
