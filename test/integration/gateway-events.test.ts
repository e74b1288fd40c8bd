// limit: 300s
// E2, S4: server-sent events of the gateway, over real connections.
import { encode } from '@baton/protocols';
import { createKernel } from '@baton/runtime';
import type { TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { openEvents, type EventClient, type SeenEvent } from '../support/event-client.ts';
import { eventually } from '../support/eventually.ts';
import { ADMIN, openGatewaySystem, token, type GatewaySystem } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';
import type { TestContext } from '../support/test-body.ts';

const test = suite('gateway: events');

const LIST = '/api/v1/task/events';

const system = async (context: TestContext) => {
  const made = await openGatewaySystem(context);
  const base = await made.listen();
  const follow = async (
    as: string,
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<EventClient> => {
    const client = await openEvents(base + path, { authorization: `Bearer ${await token(as)}`, ...headers });
    context.defer(() => client.close());
    return client;
  };
  return { ...made, base, follow };
};

const schedule = (
  { baton }: GatewaySystem,
  user: string,
  taskKey: string,
  scope: 'private' | 'shared' = 'private',
  args: readonly unknown[] = [],
) => {
  const definition = {
    type: 'job',
    handler: () => 0,
    scope,
    queue: 'default',
    priority: 'normal',
    policy: {},
  } as const;
  return baton.as({ id: user, admin: user === ADMIN }).schedule(definition, args, { taskKey });
};

/** Claims it, as a worker would. */
const claim = async ({ ports }: GatewaySystem, { address, uuid }: TaskHandle): Promise<void> => {
  const asked = await createKernel(ports).ask(address, (held) => {
    const revision = held?.revision ?? 0;
    return {
      kind: 'claim',
      at: Date.now(),
      id: uuid,
      worker: 'w1',
      epoch: ports.store.epoch,
      revision,
      offered: revision,
    };
  });
  assert.is(asked.kind, 'done');
};

const taskOf = ({ data }: SeenEvent): Readonly<Record<string, unknown>> =>
  (data['task'] ?? {}) as Readonly<Record<string, unknown>>;
const kinds = (client: EventClient): readonly string[] =>
  client.events.map((one) =>
    one.event === 'task' ? `${String(one.data['change'])} ${String(taskOf(one)['status'])}` : one.event,
  );
/** Of the snapshot. */
const rowsOf = (client: EventClient): readonly unknown[] =>
  (client.events[0]?.data['result'] ?? []) as readonly unknown[];

const seen = (client: EventClient, expected: readonly string[]): Promise<void> =>
  eventually(() => assert.equal(kinds(client), expected), { limitMs: 5_000 });

test('E2 the list: what there is, then every change, for who may see it', async (context) => {
  const made = await system(context);
  await schedule(made, 'alice', 'before');
  const [alice, bob, root] = [
    await made.follow('alice', LIST),
    await made.follow('bob', LIST),
    await made.follow(ADMIN, LIST),
  ];
  await seen(alice, ['snapshot']);
  await eventually(() => assert.is(rowsOf(alice).length, 1));
  const handle = await schedule(made, 'alice', 'k');
  await claim(made, handle);
  await seen(alice, ['snapshot', 'created pending', 'status in_progress']);
  await seen(root, ['snapshot', 'created pending', 'status in_progress']);
  assert.equal(kinds(bob), ['snapshot']);
  assert.is(rowsOf(bob).length, 0);
  const revisions = alice.events.slice(1).map((one) => Number(taskOf(one)['revision']));
  assert.equal(
    revisions,
    revisions.toSorted((a, b) => a - b),
  );
});

test('E2 a filter: what no longer fits leaves', async (context) => {
  const made = await system(context);
  const pending = await made.follow('alice', `${LIST}?status=pending&text=wanted`);
  await schedule(made, 'alice', 'other');
  const handle = await schedule(made, 'alice', 'wanted');
  await claim(made, handle);
  await seen(pending, ['snapshot', 'created pending', 'leave']);
  assert.equal(pending.events[2]?.data, {
    uuid: handle.uuid,
    revision: pending.events[2]?.data['revision'],
    reason: 'filter',
  });
});

test('S4 who has left a task gets nothing more of it, on any stream', async (context) => {
  const made = await system(context);
  const handle = await schedule(made, 'alice', 'k', 'shared');
  await schedule(made, 'bob', 'k', 'shared');
  const list = await made.follow('bob', LIST);
  const one = await made.follow('bob', `/api/v1/task/${handle.uuid}/events`);
  const alice = await made.follow('alice', LIST);
  await seen(list, ['snapshot']);
  await seen(one, ['current pending']);
  await seen(alice, ['snapshot']);
  assert.is((await made.call('POST', `/api/v1/task/${handle.uuid}/cancel`, { as: 'bob', body: {} })).status, 200);
  await claim(made, handle);
  await seen(alice, ['snapshot', 'update pending', 'status in_progress']);
  await seen(list, ['snapshot', 'leave']);
  assert.is(list.events[1]?.data['reason'], 'hidden');
  await seen(one, ['current pending', 'gone']);
  await eventually(() => assert.ok(one.hasEnded()));
});

test('E2 S4 the list with live progress of named tasks: of those the user sees, until they end; whose events they are', async (context) => {
  const made = await system(context);
  const [mine, others] = [await schedule(made, 'alice', 'mine'), await schedule(made, 'bob', 'others')];
  for (const task of [mine, others]) await claim(made, task);
  const named = `${LIST}?page_size=1&progress=${mine.uuid},${others.uuid},01900000-0000-7000-8000-000000000000`;
  const list = await made.follow('alice', named);
  const plain = await made.follow('alice', LIST);
  assert.equal([list.headers['x-baton-user'], list.headers['x-baton-admin']], ['alice', 'false']);
  await seen(list, ['snapshot']);
  const tell = (current: number): void => {
    for (const { uuid } of [mine, others]) {
      made.ports.signals.progress(uuid, encode({ at: Date.now(), progress: { current, total: 4 } }));
    }
  };
  await eventually(() => {
    tell(1);
    assert.ok(kinds(list).includes('progress'));
  });
  const told = list.events.filter(({ event }) => event === 'progress');
  assert.ok(told.every(({ data }) => data['uuid'] === mine.uuid));
  assert.not.ok(kinds(plain).includes('progress'));
  for (const wrong of ['x', Array.from({ length: 11 }, () => mine.uuid).join()]) {
    assert.is((await made.follow('alice', `${LIST}?progress=${wrong}`)).status, 400, wrong);
  }
});

test('E2 one task: as it is, every change, its end; progress in between', async (context) => {
  const made = await system(context);
  const handle = await schedule(made, 'alice', 'k');
  await claim(made, handle);
  const one = await made.follow('alice', `/api/v1/task/${handle.uuid}/events`);
  await seen(one, ['current in_progress']);
  await eventually(() => {
    made.ports.signals.progress(handle.uuid, encode({ at: Date.now(), progress: { current: 1, total: 4 } }));
    assert.ok(kinds(one).includes('progress'));
  });
  const told = one.events.find(({ event }) => event === 'progress');
  assert.equal([told?.data['progress_text'], told?.id], ['1 of 4 (25%)', '']);
  const kernel = createKernel(made.ports);
  const fence = (await kernel.load(handle.address))?.record.owner?.fence ?? { epoch: 0, revision: 0 };
  const body = { kind: 'returned' } as const;
  await kernel.ask(handle.address, () => ({
    kind: 'finish',
    at: Date.now(),
    fence,
    body,
    handlerErrors: [],
    abortHandled: true,
    random: 0,
  }));
  await eventually(() => assert.equal(kinds(one).slice(-2), ['status success', 'end']));
  await eventually(() => assert.ok(one.hasEnded()));
  const after = await made.follow('alice', `/api/v1/task/${handle.uuid}/events`);
  await seen(after, ['current success', 'end']);
});

test(
  'E2 who comes back misses nothing, or is told so',
  async (context) => {
    const made = await system(context);
    const first = await made.follow('alice', LIST);
    await seen(first, ['snapshot']);
    await schedule(made, 'alice', 'a');
    await seen(first, ['snapshot', 'created pending']);
    const last = first.events.at(-1)?.id ?? '';
    first.close();
    for (let i = 0; i < 50; i++) await schedule(made, i % 2 === 0 ? 'alice' : 'bob', `away-${i}`);
    const again = await made.follow('alice', LIST, { 'last-event-id': last });
    await schedule(made, 'alice', 'now');
    await eventually(() => {
      const keys = new Set(again.events.map((one) => String(taskOf(one)['task_key'])));
      assert.equal(
        [...keys].toSorted(),
        ['a', 'now', ...Array.from({ length: 25 }, (_, i) => `away-${2 * i}`)].toSorted(),
      );
    });
    assert.not.ok(kinds(again).includes('reset'));
    const [epoch] = last.split('-');
    for (const id of [
      'x',
      '-1',
      '1e99',
      '../',
      '0-0',
      `${epoch}-99999999999999999999`,
      `${Number(epoch) - 1}-1`,
      'a'.repeat(500),
    ]) {
      const lost = await made.follow('alice', LIST, { 'last-event-id': id });
      await eventually(() => assert.equal(kinds(lost).slice(0, 2), ['reset', 'snapshot'], id));
      assert.is(lost.events[0]?.data['reason'], 'resume');
    }
    // Another gateway has not seen what this one has: it says so instead of leaving a hole.
    const other = await made.another();
    await other.server.listen({ port: 0, host: '127.0.0.1' });
    const address = other.server.server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const there = await openEvents(`http://127.0.0.1:${port}${LIST}`, {
      authorization: `Bearer ${await token('alice')}`,
      'last-event-id': last,
    });
    context.defer(() => there.close());
    await eventually(() => assert.equal(kinds(there).slice(0, 2), ['reset', 'snapshot']));
  },
  { limitMs: 30_000 },
);

test(
  'E2 who comes back gets all he has missed, however much it is, each task once and as it is now',
  async (context) => {
    const made = await system(context);
    const first = await made.follow('alice', LIST);
    await seen(first, ['snapshot']);
    await schedule(made, 'alice', 'a');
    await seen(first, ['snapshot', 'created pending']);
    const last = first.events.at(-1)?.id ?? '';
    first.close();
    const handles: TaskHandle[] = [];
    const text = 'x'.repeat(200);
    // A row is some 2 KB and these are more than 2 MiB: nobody has to be slow to have that much before him.
    for (let i = 0; i < 24; i++) {
      const batch = Array.from({ length: 50 }, (_, k) => schedule(made, 'alice', `away-${i * 50 + k} ${text}`));
      handles.push(...(await Promise.all(batch)));
    }
    await claim(made, handles[0] as TaskHandle);
    await schedule(made, 'bob', 'left', 'shared');
    const left = await schedule(made, 'alice', 'left', 'shared');
    await made.call('POST', `/api/v1/task/${left.uuid}/cancel`, { as: 'alice', body: {} });
    const again = await made.follow('alice', LIST, { 'last-event-id': last });
    await schedule(made, 'alice', 'now');
    await eventually(() => assert.is(taskOf(again.events.at(-1) as SeenEvent)['task_key'], 'now'), { limitMs: 30_000 });
    assert.ok(again.text().length > 2 * 1024 * 1024, String(again.text().length));
    const counts = { created: 0, left: 0 };
    for (const { event, data } of again.events) {
      if (event === 'leave') counts.left++;
      else if (event === 'task' && data['change'] === 'created') counts.created++;
      else assert.unreachable(`${event} ${String(data['change'] ?? data['reason'])}`);
    }
    // The last of 'a' comes again, the claimed one is there once, and the one that was left is said to be gone.
    assert.equal(counts, { created: 1 + handles.length + 1, left: 1 });
    const claimed = again.events.filter(({ data }) => JSON.stringify(data).includes(handles[0]?.uuid ?? ''));
    assert.equal(
      claimed.map((one) => taskOf(one)['status']),
      ['in_progress'],
    );
    const ids = again.events.map(({ id }) => Number(id.split('-')[1]));
    assert.equal(
      ids,
      ids.toSorted((a, b) => a - b),
      'whoever breaks off goes on from the last one',
    );
  },
  { limitMs: 60_000 },
);

test('an event cannot be forged by what a task says of itself', async (context) => {
  const made = await system(context);
  const list = await made.follow('alice', LIST);
  const evil = 'x\n\ndata: {"forged":1}\r\n\r\nid: 9\nevent: gone\n\u2028\0';
  const handle = await schedule(made, 'alice', evil, 'private', [evil]);
  await seen(list, ['snapshot', 'created pending']);
  assert.is(taskOf(list.events[1] as SeenEvent)['task_key'], evil);
  const one = await made.follow('alice', `/api/v1/task/${handle.uuid}/events`);
  await seen(one, ['current pending']);
  assert.equal(taskOf(one.events[0] as SeenEvent)['args'], [evil]);
  for (const { event, id } of [...list.events, ...one.events]) {
    assert.ok(['snapshot', 'task'].includes(event));
    assert.match(id, /^\d+-\d+$/);
  }
});

test(
  'E2 who does not read is dropped at 1 MiB, and nobody else notices',
  async (context) => {
    const made = await system(context);
    const [slow, quick] = [await made.follow('alice', LIST), await made.follow('alice', LIST)];
    await seen(slow, ['snapshot']);
    await seen(quick, ['snapshot']);
    slow.pause();
    const text = 'x'.repeat(3_000);
    const { server } = made.gateway.server;
    let most = 0;
    const payload = { name: text.slice(0, 200) };
    // Sockets hold some MiB of their own on this machine before the server has to keep anything.
    let made_ = 0;
    await eventually(
      async () => {
        await Promise.all(Array.from({ length: 200 }, () => schedule(made, 'alice', `k${made_++}${payload.name}`)));
        most = Math.max(most, process.memoryUsage().external);
        const streams = await new Promise<number>((resolve) =>
          server.getConnections((_error, count) => resolve(count)),
        );
        assert.is(streams, 1);
      },
      { limitMs: 60_000, everyMs: 0 },
    );
    slow.resume();
    await eventually(() => assert.is(quick.events.length, 1 + made_, 'the other got all'), { limitMs: 20_000 });
    assert.not.ok(quick.hasEnded());
    await eventually(() => assert.ok(slow.hasEnded()));
  },
  { limitMs: 100_000 },
);

test(
  'a user may have 50 streams',
  async (context) => {
    const made = await system(context);
    const clients = await Promise.all(Array.from({ length: 50 }, () => made.follow('alice', LIST)));
    assert.ok(clients.every(({ status }) => status === 200));
    assert.is((await made.follow('alice', LIST)).status, 429);
    assert.is((await made.follow('bob', LIST)).status, 200);
    clients[0]?.close();
    await eventually(async () => assert.is((await made.follow('alice', LIST)).status, 200));
  },
  { limitMs: 20_000 },
);

test(
  '1,000 clients hang on one connection to NATS and all are told',
  async (context) => {
    const made = await system(context);
    const before = made.ports.wire.nc.stats().inMsgs;
    const users = Array.from({ length: 40 }, (_, i) => `user${i}`);
    const clients = (
      await Promise.all(users.map((user) => Promise.all(Array.from({ length: 25 }, () => made.follow(user, LIST)))))
    ).flat();
    assert.is(clients.filter(({ status }) => status === 200).length, 1_000);
    await eventually(() => assert.ok(clients.every(({ events }) => events.length === 1)), { limitMs: 30_000 });
    for (const user of users) await schedule(made, user, 'shared by all', 'shared');
    // Everybody is told of the joins after his own: the first of all forty writes.
    await eventually(() => assert.ok(clients.slice(0, 25).every(({ events }) => events.length === 41)), {
      limitMs: 30_000,
    });
    await eventually(() => assert.ok(clients.every(({ events }) => events.length >= 2)), { limitMs: 30_000 });
    const messages = made.ports.wire.nc.stats().inMsgs - before;
    assert.ok(messages < 2_000, `${messages} messages came over NATS for 1,000 clients`);
  },
  { limitMs: 100_000 },
);

test.run();
