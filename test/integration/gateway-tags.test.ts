// limit: 120s
// B2 by REST, by live events and by the SDK's list, which asks the gateway.
import { createBaton } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { openEvents } from '../support/event-client.ts';
import { ADMIN, openGatewaySystem, token, type GatewaySystem } from '../support/gateway-fixture.ts';
import { thrownBy } from '../support/stage.ts';
import { suite } from '../support/suite.ts';

const test = suite('gateway: tags');

const LIST = '/api/v1/task/';
const TAGS = { tenant: 'acme, Ltd.', order: 17, isUrgent: true };

type Row = { readonly uuid: string; readonly tags: object };

const submitter =
  ({ call }: GatewaySystem) =>
  async (as: string, tags: object, more: object = {}): Promise<string> => {
    const made = await call('POST', LIST, { as, body: { type: 'b2.rest', tags, ...more } });
    assert.is(made.status, 201, made.text);
    assert.equal(made.at('task', 'tags'), tags);
    return String(made.at('task', 'uuid'));
  };

/** Ids, newest first. */
const lister =
  ({ call }: GatewaySystem) =>
  async (as: string, ...tags: readonly string[]): Promise<readonly string[]> => {
    const query = tags.map((tag) => `tag=${encodeURIComponent(tag)}`).join('&');
    const answer = await call('GET', `${LIST}?type=b2.rest&${query}`, { as });
    assert.is(answer.status, 200, answer.text);
    const rows = answer.at('result') as readonly Row[];
    assert.is(answer.at('count'), rows.length);
    return rows.map(({ uuid }) => uuid);
  };

test('B2 S4 lists by tags, before the database has the tasks and after; nobody sees more than before', async (context) => {
  const system = await openGatewaySystem(context);
  const submit = submitter(system);
  const list = lister(system);
  const first = await submit('alice', TAGS);
  const second = await submit('alice', { tenant: 'acme, Ltd.', order: '18' });
  const bobs = await submit('bob', TAGS);
  const plain = await submit('alice', {});
  const look = async () => {
    assert.equal(await list('alice', 'tenant:acme, Ltd.'), [second, first]);
    assert.equal(await list('alice', 'tenant:acme, Ltd.', 'order:17'), [first]);
    assert.equal(await list('alice', 'order:17', 'order:18'), [second, first]);
    assert.equal(await list('alice', 'isUrgent:true'), [first]);
    assert.equal(await list('alice', 'tenant:acme, Ltd.', 'order:17', 'order:18', 'isUrgent:true'), [first]);
    assert.equal(await list('bob', 'order:17'), [bobs]);
    assert.equal(await list(ADMIN, 'order:17'), [bobs, first]);
    assert.equal(await list('alice', 'order:1'), []);
    assert.is((await list('alice')).length, 3);
    const rison = `(filters:!((col:tags,opr:in,value:!('order:17','tenant:acme, Ltd.'))))`;
    const { at } = await system.call('GET', `${LIST}?q=${encodeURIComponent(rison)}`, { as: 'alice' });
    assert.equal(
      (at('result') as readonly Row[]).map(({ uuid }) => uuid),
      [first],
    );
  };
  await look();
  const { startProjector, silentLog } = await import('@baton/runtime');
  const { createTaskViews } = await import('@baton/mongo');
  const settings = { log: silentLog, paceMs: 20, lagWarnMs: 60_000 };
  const projector = await startProjector(system.ports, createTaskViews(system.mongo), settings);
  context.defer(() => projector.stop());
  await eventually(async () => assert.is(await system.mongo.db.collection('tasks').countDocuments(), 4));
  await look();
  const one = await system.call('GET', `${LIST}${first}`, { as: 'alice' });
  assert.equal(one.at('result', 'tags'), TAGS);
  assert.equal((await system.call('GET', `${LIST}${plain}`, { as: 'alice' })).at('result', 'tags'), {});
});

test('B2 what is no tag is refused with its field and the rule', async (context) => {
  const { call } = await openGatewaySystem(context);
  const field = (answer: Awaited<ReturnType<typeof call>>) => [
    answer.status,
    answer.at('code'),
    String(answer.at('faults', 0, 'field')).split('.')[0],
  ];
  for (const tags of [
    { 'a.b': 1 },
    { a: '' },
    { a: null },
    { a: [1] },
    [],
    'a',
    Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`t${i}`, i])),
  ]) {
    const refused = await call('POST', LIST, { as: 'alice', body: { type: 'b2.rest', tags } });
    assert.equal(field(refused), [400, 'INVALID_ARGUMENT', 'tags'], JSON.stringify(tags));
    assert.match(refused.text, /is up to 32 tags by name: a name is 1 to 64 letters/);
  }
  for (const query of [
    'tag=acme',
    'tag=:1',
    'tag=a:',
    'tag=a.b:1',
    'tag=%24a:1',
    'tag=a:%00',
    'tag=a:1&tag=b',
    `tag=a:${'x'.repeat(300)}`,
  ]) {
    const refused = await call('GET', `${LIST}?${query}`, { as: 'alice' });
    assert.equal(field(refused), [400, 'INVALID_ARGUMENT', 'tag'], query);
  }
  assert.is((await call('GET', `${LIST}?tag=`, { as: 'alice' })).status, 200);
});

test('B2 E2 live events of a list by tags: a task comes, and leaves when its handler takes the tag away', async (context) => {
  const system = await openGatewaySystem(context, { supervisor: true });
  const submit = submitter(system);
  const url = `${await system.listen()}${LIST}events?tag=tenant:acme`;
  const client = await openEvents(url, { authorization: `Bearer ${await token('alice')}` });
  context.defer(() => client.close());
  const told = () =>
    client.events.map(({ event, data }) =>
      event === 'task' ? (data['task'] as Row).uuid : event === 'leave' ? `${String(data['uuid'])} left` : event,
    );
  await eventually(() => assert.equal(told(), ['snapshot']));
  const { getContext, task } = await import('@baton/sdk');
  const retag = task({ name: 'b2.retag' }, () => {
    const { updateTask } = getContext();
    updateTask({ progress: 1 }, { immediate: true });
    updateTask({ tags: { tenant: 'other' } }, { immediate: true });
  });
  const worker = await system.baton.startWorker({ tasks: [retag] });
  context.defer(() => worker.drain({ grace: 0 }));
  const other = await submit('alice', { tenant: 'other' }, { type: 'b2.retag' });
  const mine = await submit('alice', { tenant: 'acme' }, { type: 'b2.retag' });
  await submit('bob', { tenant: 'acme' }, { type: 'b2.retag' });
  await eventually(() => assert.is(told().at(-1), `${mine} left`));
  await eventually(async () => {
    const { at } = await system.call('GET', `${LIST}${mine}/status`, { as: 'alice' });
    assert.is(at('status'), 'success');
  });
  const all = told();
  assert.is(all.filter((one) => one === `${mine} left`).length, 1);
  assert.ok(all.indexOf(mine) > 0 && all.slice(1).every((one) => one.startsWith(mine)), JSON.stringify({ all, other }));
});

test('B2 baton.tasks.list asks the gateway as whom the client acts for', async (context) => {
  const system = await openGatewaySystem(context);
  const submit = submitter(system);
  const first = await submit('alice', TAGS);
  const second = await submit('alice', { ...TAGS, order: 18 });
  const bobs = await submit('bob', TAGS);
  const url = await system.listen();
  const gateway = { url: `${url}/`, token: (user: { readonly id: string } | undefined) => token(user?.id ?? 'nobody') };
  const baton = createBaton({ ports: system.ports, user: { id: 'alice' }, gateway });
  const ids = async (options: Parameters<typeof baton.tasks.list>[0], of = baton) =>
    (await of.tasks.list(options)).tasks.map(({ uuid }) => uuid);
  assert.equal(await ids({ tags: { tenant: 'acme, Ltd.', order: 17 } }), [first]);
  assert.equal(await ids({ tags: { order: [17, 18] }, status: 'pending', type: ['b2.rest'] }), [second, first]);
  assert.equal(await ids({ status: ['success', 'failure'] }), []);
  assert.equal(await ids({ tags: { order: 17 } }, baton.as({ id: 'bob' })), [bobs]);
  const page = await baton.tasks.list({ limit: 1 });
  assert.is(page.tasks[0]?.uuid, second);
  assert.ok(page.next !== undefined);
  const rest = await baton.tasks.list({ limit: 1, after: page.next });
  assert.equal([rest.tasks[0]?.uuid, rest.next], [first, undefined]);
  const [task] = rest.tasks;
  assert.equal([task?.type, task?.status, task?.createdBy, task?.tags], ['b2.rest', 'pending', 'alice', TAGS]);
  assert.ok(task!.createdAt instanceof Date && task!.startedAt === undefined);

  const code = async (run: () => Promise<unknown>) => (await thrownBy(run)).code;
  assert.is(await code(() => baton.tasks.list({ limit: 1_000 })), 'INVALID_ARGUMENT');
  assert.is(await code(() => baton.tasks.list({ tags: { 'a.b': 1 } })), 'INVALID_ARGUMENT');
  assert.is(await code(() => baton.tasks.list({ type: 'a,b' })), 'INVALID_ARGUMENT');
  assert.is(await code(() => baton.tasks.list({ taggs: {} } as never)), 'INVALID_ARGUMENT');
  assert.is(await code(() => system.baton.tasks.list()), 'INVALID_ARGUMENT');
  const strange = createBaton({ ports: system.ports, gateway: { url, token: () => 'no token' } });
  assert.is(await code(() => strange.tasks.list()), 'PERMISSION_DENIED');
  const unnamed = createBaton({ ports: system.ports, user: { id: 'alice' }, gateway: { url } });
  assert.is(await code(() => unnamed.tasks.list()), 'PERMISSION_DENIED');
  const away = createBaton({ ports: system.ports, gateway: { url: 'http://127.0.0.1:1' } });
  assert.is(await code(() => away.tasks.list()), 'NOT_CONNECTED');
  await thrownBy(() => createBaton({ ports: system.ports, gateway: { url: 'nats://here' } }));
});

test.run();
