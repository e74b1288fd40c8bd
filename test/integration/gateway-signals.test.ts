// limit: 120s
// G4, G5 by REST: what a task waits for is shown, and a signal is sent, kept, refused.
import { getContext, task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { openGatewaySystem } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: signals');

type Json = Readonly<Record<string, unknown>>;

test(
  'G5 by REST: shown, sent, told what became of it; refused as a cancel is, with a code',
  async (context) => {
    const { call, baton } = await openGatewaySystem(context, { supervisor: true });
    const approval = task({ name: 'approval' }, async () => getContext().waitForSignal('approved', { timeout: '1h' }));
    const worker = await baton.startWorker({ tasks: [approval] });
    context.defer(() => worker.drain({ grace: 0 }));
    const made = await call('POST', '/api/v1/task/', { as: 'alice', body: { type: 'approval' } });
    const { uuid } = made.at('task') as { readonly uuid: string };
    const get = async (): Promise<Json> =>
      (await call('GET', `/api/v1/task/${uuid}`, { as: 'alice' })).at('result') as Json;
    const send = (body: object, as = 'alice', id = uuid) => call('POST', `/api/v1/task/${id}/signal`, { as, body });

    const early = await send({ name: 'other', data: [1], operation_id: 'o' });
    assert.equal([early.status, early.at('outcome')], [200, 'kept']);
    const waiting = await eventually(async () => {
      const found = await get();
      assert.ok(found['waiting_for'] !== null);
      return found;
    });
    const { signal, since, until } = waiting['waiting_for'] as Readonly<Record<string, string>>;
    assert.equal(
      [waiting['status'], signal, waiting['may_signal'], waiting['unserved']],
      ['pending', 'approved', true, false],
    );
    assert.is(Date.parse(until ?? '') - Date.parse(since ?? ''), 3_600_000);
    const list = (await call('GET', '/api/v1/task/', { as: 'alice' })).at('result') as readonly Json[];
    assert.equal(list[0]?.['waiting_for'], waiting['waiting_for']);

    const stranger = await send({ name: 'approved' }, 'bob');
    assert.equal([stranger.status, stranger.at('code')], [404, 'TASK_NOT_FOUND']);
    assert.is((await send({ name: 'approved' }, 'alice', 'malformed')).status, 404);
    for (const body of [
      {},
      { name: 'two words' },
      { name: 'approved', force: true },
      { name: 'approved', operation_id: '' },
    ]) {
      const bad = await send(body);
      assert.equal([bad.status, bad.at('code')], [400, 'INVALID_ARGUMENT'], JSON.stringify(body));
    }
    const large = await send({ name: 'approved', data: 'x'.repeat(70_000) });
    assert.equal([large.status, large.at('code')], [413, 'PAYLOAD_TOO_LARGE']);

    const sent = await send({ name: 'approved', data: { ok: true } });
    assert.equal([sent.status, sent.at('outcome')], [200, 'delivered']);
    const ended = await eventually(async () => {
      const found = await get();
      assert.is(found['status'], 'success');
      return found;
    });
    assert.equal([ended['result'], ended['waiting_for'], ended['may_signal']], [{ ok: true }, null, false]);
    assert.equal(
      (ended['signals'] as readonly Json[]).map(({ name, sent_by, data, awaited }) => [name, sent_by, data, awaited]),
      [
        ['other', 'user:alice', [1], false],
        ['approved', 'user:alice', { ok: true }, true],
      ],
    );
    const late = await send({ name: 'approved' });
    assert.equal([late.status, late.at('code'), late.at('status')], [422, 'TASK_ENDED', 'success']);
  },
  { limitMs: 60_000 },
);

test.run();
