// E: what others can follow. Server-sent events of the gateway have tests of their own.
import { setTimeout as pause } from 'node:timers/promises';
import type { TaskRecord } from '@baton/core';
import { readRecord } from '@baton/protocols';
import { connectMongo } from '@baton/mongo';
import { getContext, task, type TaskHandle, type TaskSnapshot } from '@baton/sdk';
import { jetstream, jetstreamManager, AckPolicy } from '@nats-io/jetstream';
import * as assert from 'uvu/assert';
import { openCuttableLink } from '../support/cuttable-link.ts';
import { eventually } from '../support/eventually.ts';
import { gate, stagedSuite, statuses, until, versionsOf } from '../support/stage.ts';
import { databaseUrl } from '../support/system-fixture.ts';
import { readEvents } from '../support/system-state.ts';

const test = stagedSuite('events');

const NOW = { immediate: true } as const;

test('E1 the newest version of every task is in the log within a second, in order, and the outcome with every transition', async (stage, context) => {
  const steps = [gate(), gate()];
  const body = task({ name: 'e1.body', retry: { maxAttempts: 2, backoff: { initial: '50ms' } } }, async () => {
    const { updateTask, attempt } = getContext();
    updateTask({ progress: { count: attempt } }, NOW);
    await steps[attempt - 1]?.passed;
    if (attempt === 1) throw new Error('again');
  });
  await stage.serve(context, [body]);
  const handle = await stage.as('alice').within(() => body.schedule());
  const cancelled = await stage.as('alice').within(() => body.with({ queue: 'nobody' }).schedule());
  const logged = async (one: TaskHandle): Promise<readonly TaskRecord[]> =>
    (await readEvents(stage)).map(({ record }) => record).filter(({ id }) => id === one.uuid);
  const newest = async (one: TaskHandle, holds: (record: TaskRecord) => boolean): Promise<void> =>
    eventually(async () => {
      const last = (await logged(one)).at(-1);
      assert.ok(last !== undefined && holds(last), JSON.stringify(last?.history));
    });
  // Each of these stands until the log has been seen to have it.
  await newest(cancelled, ({ status }) => status === 'pending');
  await newest(handle, ({ progress }) => JSON.stringify(progress) === '{"count":1}');
  steps[0]?.open();
  await newest(handle, ({ progress, attempt }) => attempt === 2 && JSON.stringify(progress) === '{"count":2}');
  steps[1]?.open();
  await cancelled.cancel();
  for (const each of [handle, cancelled]) {
    await each.wait({ timeout: '30s' });
    await newest(each, ({ status }) => status === each.status);
    const records = await logged(each);
    assert.equal(records.at(-1)?.history, each.record.history, 'every transition stands in the newest');
    const told = records.map(({ history }) => history.length);
    assert.equal(
      told,
      told.toSorted((x, y) => x - y),
      'in order',
    );
    assert.ok(
      records.every(({ archived }) => archived !== true),
      'marks are no news',
    );
  }
});

test('E1 the outcome of a task whose key is used again at once is in the log', async (stage, context) => {
  const body = task({ name: 'e1.again', scope: 'shared' }, (n: number) => n);
  await stage.serve(context, [body]);
  const ids: string[] = [];
  for (let n = 0; n < 10; n++) {
    const handle = await stage.as('alice').within(() => body.with({ taskKey: 'again' }).schedule(n));
    await handle.wait({ timeout: '30s' });
    ids.push(handle.uuid);
  }
  assert.is(new Set(ids).size, 10);
  await eventually(async () => {
    const events = await readEvents(stage);
    const ended = new Set(events.filter(({ record }) => record.status === 'success').map(({ record }) => record.id));
    assert.ok(ids.every((id) => ended.has(id)));
  });
});

test('E1 the log is kept for 7 days, and in as many bytes as was configured, 2 GiB unless told otherwise', async (stage, context) => {
  const jsm = await jetstreamManager(stage.ports.wire.nc);
  const { config } = await jsm.streams.info(stage.ports.wire.names.eventsStream);
  assert.is(config.max_age, 7 * 24 * 3_600 * 1e9);
  assert.equal([config.max_bytes, config.discard], [2 * 1024 ** 3, 'old']);
  const namespace = `${stage.namespace}_SMALL`;
  const small = await stage.client(context, {
    servers: stage.natsUrl,
    eventsMaxBytes: 64_000,
    user: { id: 'a' },
    namespace,
  });
  const limited = (await jsm.streams.info(`${namespace}_EVENTS`)).config;
  assert.is(limited.max_bytes, 64_000);
  const body = task({ name: 'e1.small' }, (_text: string) => 1);
  const mongo = await connectMongo({ url: databaseUrl(stage.mongoUrl, `${stage.mongo.db.databaseName}_small`) });
  context.defer(() => mongo.close());
  context.defer(() => mongo.db.dropDatabase());
  const projector = stage.service('projector', 'projector of a small log', {
    BATON_NAMESPACE: namespace,
    MONGODB_URL: databaseUrl(stage.mongoUrl, mongo.db.databaseName),
    BATON_PROJECTOR_PACE_MS: '0',
  });
  await projector.start();
  context.defer(() => projector.stop());
  const ids: string[] = [];
  await small.within(async () => {
    for (let i = 0; i < 40; i++) ids.push((await body.schedule('x'.repeat(4_000))).uuid);
  });
  await eventually(async () => {
    const { state } = await jsm.streams.info(`${namespace}_EVENTS`);
    assert.ok(state.bytes <= 64_000 && state.messages > 5 && state.first_seq > 1, 'the oldest go first');
    assert.is(state.last_seq, ids.length);
  });
  await projector.stop();
  const { streams } = { streams: await jsm.streams.names().next() };
  for (const name of streams.filter((each) => each.includes(namespace))) await jsm.streams.delete(name);
});

test('E1 any service follows with a durable consumer of its own, for the types it wants', async (stage, context) => {
  const [wanted, other] = [task({ name: 'e1.wanted' }, () => 1), task({ name: 'e1.other' }, () => 2)];
  await stage.serve(context, [wanted, other]);
  const { nc, names } = stage.ports.wire;
  const jsm = await jetstreamManager(nc);
  await jsm.consumers.add(names.eventsStream, {
    durable_name: 'a-service',
    ack_policy: AckPolicy.Explicit,
    filter_subject: `${names.allEvents.slice(0, -1)}*.e1=wanted`,
  });
  const run = async (count: number): Promise<readonly string[]> => {
    const handles = await stage
      .as('alice')
      .within(() =>
        Promise.all(Array.from({ length: count }, async () => [await wanted.schedule(), await other.schedule()])),
      );
    for (const handle of handles.flat()) await handle.wait({ timeout: '30s' });
    return handles.map(([handle]) => handle?.uuid ?? '');
  };
  const handled = new Set<number>();
  /** A new reading each time, as after a restart of the service: it goes on where the last one was. */
  const read = async (ids: readonly string[]): Promise<void> => {
    const consumer = await jetstream(nc).consumers.get(names.eventsStream, 'a-service');
    const ended = new Set<string>();
    await eventually(
      async () => {
        for await (const message of await consumer.fetch({ max_messages: 100, expires: 1_000 })) {
          const reading = readRecord(message.data);
          assert.is(reading.kind === 'record' && reading.record.type, 'e1.wanted');
          assert.not(handled.has(message.seq), 'nothing comes twice that was acknowledged');
          handled.add(message.seq);
          if (reading.kind === 'record' && reading.record.status === 'success') ended.add(reading.record.id);
          await message.ackAck();
        }
        assert.ok(ids.every((id) => ended.has(id)));
      },
      { limitMs: 8_000 },
    );
  };
  await read(await run(3));
  await read(await run(4));
});

test('E2 the present state comes first, then every change, then it ends', async (stage, context) => {
  const steps = [gate(), gate()];
  const body = task({ name: 'e2.body' }, async () => {
    const { updateTask } = getContext();
    await steps[0]?.passed;
    updateTask({ progress: { count: 1 }, payload: { step: 1 } }, NOW);
    await steps[1]?.passed;
    return 'end';
  });
  await stage.serve(context, [body]);
  const handle = await stage.as('alice').within(() => body.schedule());
  await until(handle, ({ status }) => status === 'in_progress');
  const seen: TaskSnapshot[] = [];
  for await (const snapshot of handle.events()) {
    seen.push(snapshot);
    if (seen.length === 1) steps[0]?.open();
    if (snapshot.progress !== undefined) steps[1]?.open();
  }
  assert.equal(
    seen.map(({ status }) => status).filter((s, i, all) => s !== all[i - 1]),
    ['in_progress', 'success'],
  );
  assert.equal(seen.find(({ progress }) => progress !== undefined)?.payload, { step: 1 });
  const revisions = seen.map(({ revision }) => revision);
  assert.equal(
    revisions,
    [...new Set(revisions)].toSorted((a, b) => a - b),
    'in order, none twice',
  );
  assert.ok(seen.every(({ reset }) => !reset));
  await eventually(async () => {
    // Counted from the first that was told: what the test's own connection hears comes at its own pace.
    const stored = (await versionsOf(stage, handle)).filter(({ archived }) => archived !== true);
    const from = stored.findIndex(
      ({ status, abortable }) => status === 'in_progress' && abortable === seen[0]?.record.abortable,
    );
    assert.is(seen.length, stored.length - from, 'every one');
  });
  const again: string[] = [];
  for await (const { status } of handle.events()) again.push(status);
  assert.equal(again, ['success'], 'of an ended task the end');
});

test('E2 going on from a revision has no gap, or says so', async (stage, context) => {
  const steps = [gate(), gate()];
  const body = task({ name: 'e2.resume' }, async () => {
    const { updateTask } = getContext();
    await steps[0]?.passed;
    updateTask({ progress: { count: 1 } }, NOW);
    await steps[1]?.passed;
  });
  await stage.serve(context, [body]);
  const handle = await stage.as('alice').within(() => body.schedule());
  await until(handle, ({ status }) => status === 'in_progress');
  const first = async (after: number): Promise<TaskSnapshot | undefined> => {
    for await (const snapshot of handle.events({ after })) return snapshot;
    return undefined;
  };
  const at = handle.revision;
  const following = first(at);
  await pause(100);
  steps[0]?.open();
  const next = await following;
  assert.equal([next?.reset, next?.progress], [false, { count: 1 }], 'nothing was missed');
  const missed = await first(at);
  assert.equal([missed?.reset, missed?.progress], [true, { count: 1 }], 'it was away, and is told');
  steps[1]?.open();
  await handle.wait({ timeout: '30s' });
});

test('E2 after a broken connection the newest state comes, marked; nothing is late for ever', async (stage, context) => {
  const link = await openCuttableLink(stage.natsUrl);
  context.defer(() => link.close());
  const own = await stage.client(context, { servers: `nats://${link.address}`, user: { id: 'alice' } });
  const steps = [gate(), gate()];
  const body = task({ name: 'e2.broken' }, async () => {
    const { updateTask } = getContext();
    for (const [i, step] of steps.entries()) {
      await step.passed;
      updateTask({ progress: { count: i + 1 } }, NOW);
    }
  });
  await stage.serve(context, [body]);
  const handle = await own.within(() => body.schedule());
  const seen: TaskSnapshot[] = [];
  const following = (async () => {
    for await (const snapshot of handle.events()) seen.push(snapshot);
  })();
  await eventually(() => assert.is(seen.at(-1)?.status, 'in_progress'));
  link.cut();
  await eventually(() => assert.not(own.link.connected));
  const watcher = await stage.as('alice').open(handle);
  steps[0]?.open();
  await until(watcher, ({ progress }) => progress !== undefined);
  link.mend();
  await eventually(() => assert.equal(seen.at(-1)?.progress, { count: 1 }), { limitMs: 8_000 });
  assert.is(seen.at(-1)?.reset, true);
  steps[1]?.open();
  await following;
  assert.equal([seen.at(-1)?.status, seen.at(-1)?.reset], ['success', false]);
});

test('E3 live progress for whoever looks now, on a subject any program can read', async (stage, context) => {
  const start = gate();
  const body = task({ name: 'e3.body' }, async () => {
    const { updateTask } = getContext();
    await start.passed;
    for (let i = 1; i <= 8; i++) {
      updateTask({ progress: [i, 8], payload: { i } });
      await pause(120);
    }
  });
  await stage.serve(context, [body]);
  const handle = await stage.as('alice').within(() => body.schedule());
  await until(handle, ({ status }) => status === 'in_progress');
  const raw: Uint8Array[] = [];
  const { nc, names } = stage.ports.wire;
  const subscription = nc.subscribe(names.progressSubject(handle.uuid), {
    callback: (_, { data }) => void raw.push(data),
  });
  const live: unknown[] = [];
  const listening = await handle.onProgress(({ progress, payload }) => live.push({ progress, payload }));
  context.defer(() => listening.close());
  await nc.flush();
  start.open();
  await handle.wait({ timeout: '30s' });
  assert.ok(live.length >= 6 && live.length <= 8, `${live.length} of 8`);
  assert.ok(raw.length === live.length);
  for (const each of live) {
    const { progress, payload } = each as { progress: { current: number }; payload: { i: number } };
    assert.is(progress.current, payload.i, 'together');
  }
  const stored = (await versionsOf(stage, handle)).filter(({ progress }) => progress !== undefined);
  assert.ok(new Set(stored.map(({ progress }) => JSON.stringify(progress))).size <= 3, 'only some of it is stored');
  subscription.unsubscribe();
  assert.equal(statuses(handle).at(-1), 'success');
});

test.run();
