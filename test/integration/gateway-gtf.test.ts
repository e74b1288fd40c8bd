// limit: 120s
// The names and types of the GTF interface, as its clients read them.
import { createKernel } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { ADMIN, openGatewaySystem, token } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: the GTF interface');

const LIST = '/api/v1/task/';

test('the trace context of a request goes along into the record, and what is none is dropped', async (context) => {
  const { call, ports } = await openGatewaySystem(context);
  const kernel = createKernel(ports);
  const submit = async (headers: Readonly<Record<string, string>>) => {
    const made = await call('POST', LIST, { as: 'alice', body: { type: 'report' }, headers });
    assert.is(made.status, 201);
    return recordOf(String(made.at('task', 'uuid')));
  };
  const recordOf = async (id: string) => {
    const detail = await call('GET', LIST + id, { as: ADMIN });
    return (await kernel.load(detail.at('result', 'address') as never))?.record;
  };
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const traced = await submit({ traceparent, tracestate: 'vendor=1' });
  assert.equal([traced?.traceparent, traced?.tracestate], [traceparent, 'vendor=1']);
  const dropped = await submit({ traceparent: 'nonsense', tracestate: 'vendor=1' });
  assert.ok(dropped !== undefined && !('traceparent' in dropped) && !('tracestate' in dropped));
  const path = `${LIST}${String(dropped.id)}`;
  assert.is((await call('POST', `${path}/cancel`, { as: 'alice', body: {} })).status, 200);
  const again = await call('POST', `${path}/retry`, { as: 'alice', headers: { traceparent } });
  assert.is((await recordOf(String(again.at('task', 'uuid'))))?.traceparent, traceparent);
});

test(
  'a poller reads fractions, a list its columns, a filter its values, a row who and when',
  async (context) => {
    const { call, ports } = await openGatewaySystem(context);
    const baseline = String((await call('GET', `${LIST}status_changes`, { as: 'alice' })).at('cursor'));
    const submit = (as: string, type: string, scope: string) =>
      call('POST', LIST, { as, body: { type, scope, task_key: 'k' } });
    const made = await submit('alice', 'report', 'shared');
    await submit('bob', 'report', 'shared');
    await submit('alice', 'mail', 'private');
    const id = String(made.at('task', 'uuid'));
    const address = (await call('GET', LIST + id, { as: ADMIN })).at('result', 'address') as never;
    const kernel = createKernel(ports);
    const { epoch } = ports.store;
    await kernel.ask(address, (held) => {
      const revision = held?.revision ?? 0;
      return { kind: 'claim', at: Date.now(), id, worker: 'w', epoch, revision, offered: revision };
    });
    const progressed = async (
      progress: { count: number } | { current: number; total: number } | { fraction: number },
    ) => {
      const fence = (await kernel.load(address))?.record.owner?.fence ?? { epoch, revision: 0 };
      await kernel.ask(address, () => ({ kind: 'progress', at: Date.now(), fence, progress }));
      // The feed tells in order: what was made after it has been read says that it has been, too.
      await call('GET', LIST + String((await submit('alice', `t${Math.random()}`, 'private')).at('task', 'uuid')), {
        as: 'alice',
      });
      return (await call('GET', `${LIST}status_changes?cursor=${baseline}&task_type=report`, { as: 'alice' })).at(
        'statuses',
        id,
      );
    };
    const seen: unknown[] = [];
    for (const progress of [{ count: 42 }, { current: 1, total: 4 }, { current: 0, total: 0 }, { fraction: 0.5 }]) {
      seen.push(await progressed(progress));
    }
    assert.equal(seen, [
      { status: 'in_progress', progress: null },
      { status: 'in_progress', progress: 0.25 },
      { status: 'in_progress', progress: null },
      { status: 'in_progress', progress: 0.5 },
    ]);

    const detail = await call('GET', LIST + id, { as: 'bob' });
    const people = (name: string) => ({ user_id: name, first_name: name, last_name: '', is_guest: false, label: null });
    const subscribers = detail.at('result', 'subscribers') as readonly Record<string, unknown>[];
    assert.equal(
      subscribers.map(({ subscribed_at: at, ...rest }) => ({ ...rest, hasTime: typeof at === 'string' })),
      ['alice', 'bob'].map((name) => ({ ...people(name), hasTime: true })),
    );
    assert.equal(detail.at('result', 'changed_by'), { id: 'alice', first_name: 'alice', last_name: '' });
    assert.match(String(detail.at('result', 'created_on_delta_humanized')), /^(now|.* ago)$/);
    assert.match(String(detail.at('result', 'dedup_key')), /^[0-9a-f]{32}$/);

    const columns = '(columns:!(uuid,status,changed_by.first_name),filters:!((col:task_type,opr:eq,value:report)))';
    const chosen = await call('GET', `${LIST}?q=${columns}`, { as: 'alice' });
    assert.equal(chosen.at('result'), [{ uuid: id, status: 'in_progress', changed_by: { first_name: 'alice' } }]);
    assert.is((await call('GET', `${LIST}?q=(columns:!(args))`, { as: 'alice' })).status, 400, 'rows have none');

    const values = async (path: string, q: string) =>
      (await call('GET', `${LIST}${path}?q=${q}`, { as: 'alice' })).at('result');
    const of = (...names: readonly string[]) => names.map((value) => ({ value, text: value }));
    assert.equal(await values('distinct/task_type', '(filter:rep,page:0,page_size:100)'), of('report'));
    assert.equal(await values('related/subscribers', '(filter:bo)'), of('bob'));
    assert.equal(await values('related/subscribers', "(filter:'',page:1,page_size:1)"), of('bob'));
    assert.equal(
      await values('related/created_by', '(filter:nobody,include_ids:!(alice,carol))'),
      of('alice'),
      'whom he sees',
    );

    const ended = await call('POST', `${LIST}${id}/cancel`, { as: 'bob', body: {} });
    assert.is(ended.at('action'), 'unsubscribed');
    const mail = String((await call('GET', `${LIST}?type=mail`, { as: 'alice' })).at('ids', 0));
    const cancelled = await call('POST', `${LIST}${mail}/cancel`, { as: ADMIN, body: {} });
    assert.equal(cancelled.at('task', 'changed_by', 'id'), ADMIN);
    assert.is(cancelled.at('task', 'dedup_key'), mail);
  },
  { limitMs: 60_000 },
);

test('a list is packed for who takes it, row by row, and says the same; not for admins', async (context) => {
  const { call, listen } = await openGatewaySystem(context);
  for (let i = 0; i < 10; i++) await call('POST', LIST, { as: 'alice', body: { type: 'job' } });
  const url = `${await listen()}${LIST}?order_by=created_on`;
  const ask = async (user: string, encoding: string) => {
    const headers = { authorization: `Bearer ${await token(user)}`, 'accept-encoding': encoding };
    const answer = await fetch(url, { headers });
    const { ids } = (await answer.json()) as { readonly ids: readonly string[] };
    return { ids, encoding: answer.headers.get('content-encoding'), vary: answer.headers.get('vary') };
  };
  const plain = await ask('alice', 'identity');
  const packed = await ask('alice', 'gzip, br');
  assert.equal([plain.encoding, packed.encoding], [null, 'gzip']);
  assert.is(plain.ids.length, 10);
  assert.equal(packed.ids, plain.ids);
  assert.is(packed.vary, 'Accept-Encoding');
  assert.equal((await ask(ADMIN, 'gzip')).encoding, null);
  assert.equal((await ask('alice', 'gzip;q=0')).encoding, null);
});

test.run();
