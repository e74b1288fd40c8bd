// limit: 420s, alone
// P: the documents in MongoDB.
import { createTaskViews, connectMongo } from '@baton/mongo';
import { documentOf, type TaskDocument } from '@baton/protocols';
import { rebuildViews } from '@baton/runtime';
import { getContext, task, type TaskHandle } from '@baton/sdk';
import { jetstreamManager } from '@nats-io/jetstream';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { gateTo } from '../support/faulty-servers.ts';
import { double } from '../support/fixture-tasks.ts';
import { gate, stagedSuite, thrownBy, until, type Stage } from '../support/stage.ts';
import { databaseUrl } from '../support/system-fixture.ts';
import { readHeads } from '../support/read-system.ts';
import { converged, readEvents } from '../support/system-state.ts';

const test = stagedSuite('projection', { projectors: 2 });

const HOSTILE: readonly unknown[] = [
  { $where: 'sleep(1000)', $set: { status: 'success' }, 'a.b.c': 1, '': 'empty', __proto: 1 },
  [{ $ne: null }, { _id: 'other' }, 'nul \u0000 inside', '\ud83d\ude00'],
  new Date(0),
  new Uint8Array([0, 255, 36]),
  Array.from({ length: 400 }, (_, i) => ({ [`$key.${i}`]: i })),
];

const all = (count: number, run: (i: number) => Promise<TaskHandle>): Promise<TaskHandle[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => run(i)));

test('P1 one document a task by its id, with plain fields', async (stage, context) => {
  const body = task({ name: 'p1.body', scope: 'shared', timeout: '5m', priority: 'high' }, (n: number) => {
    const { updateTask, onAbort } = getContext();
    onAbort(() => undefined);
    updateTask({ progress: [1, 4], payload: { n } });
    return { doubled: n * 2 };
  });
  await stage.serve(context, [body]);
  const handle = await stage.as('alice').within(() => body.with({ taskKey: 'p1', taskName: 'Shown' }).schedule(21));
  await handle.wait({ timeout: '30s' });
  const document = await stage.document(handle.uuid, ({ terminal }) => terminal);
  const tasks = stage.mongo.db.collection<TaskDocument>('tasks');
  assert.is(await tasks.countDocuments({ task_key: 'p1' }), 1);
  const { record, address } = handle;
  const { rev: _rev, changed_at: _at, ...made } = documentOf(record, { address, epoch: document.epoch, revision: 1 });
  const { rev, changed_at: _changed, ...shown } = document;
  assert.ok(rev >= handle.revision);
  assert.equal(shown, made, 'a function of the record');
  assert.equal(
    [document.status, document.task_name, document.created_by, document.priority, document.timeout_seconds],
    ['success', 'Shown', 'alice', 'high', 300],
  );
  assert.equal([document.args, document.payload, document.result], ['[21]', '{"n":21}', '{"doubled":42}']);
  assert.equal([document.progress, document.subscriber_ids], [{ current: 1, total: 4 }, ['alice']]);
});

test('P1 hostile data is text: it acts on nothing and breaks no document', async (stage, context) => {
  const seen: unknown[] = [];
  const body = task({ name: 'p1.hostile' }, (value: unknown) => {
    seen.push(value);
    getContext().updateTask({ payload: value });
    return value;
  });
  await stage.serve(context, [body]);
  const bystander = await stage.as('alice').within(() => body.with({ queue: 'nobody' }).schedule(1));
  for (const value of HOSTILE) {
    const handle = await stage
      .as('$gt: {}')
      .within(() => body.with({ taskKey: '{"$ne":1}', taskName: '$where' }).schedule(value));
    await handle.wait({ timeout: '30s' });
    assert.equal([handle.status, handle.result, seen.pop()], ['success', value, value], 'the task has what was given');
    const document = await stage.document(handle.uuid, ({ terminal }) => terminal);
    for (const text of [document.args, document.payload, document.result]) {
      assert.type(text, 'string');
      assert.ok(JSON.parse(text ?? '') !== undefined);
    }
    assert.equal([document.created_by, document.task_key, document.task_name], ['$gt: {}', '{"$ne":1}', '$where']);
  }
  const views = createTaskViews(stage.mongo);
  assert.equal(
    (await views.list({ createdBy: ['$gt: {}'], text: '.*' }, { size: 10 })).documents.length,
    0,
    'text is text',
  );
  assert.is((await stage.document(bystander.uuid)).status, 'pending');
  await bystander.cancel();
});

test(
  'P2 two projectors, one killed again and again: no document goes back, all come to agree',
  async (stage) => {
    const handles: TaskHandle[] = [];
    const seen = new Map<string, number>();
    const tasks = stage.mongo.db.collection<TaskDocument>('tasks');
    let working = true;
    const watching = (async () => {
      while (working) {
        for (const { _id, rev } of await tasks.find({ task_type: 'fx.double' }, { projection: { rev: 1 } }).toArray()) {
          assert.ok(rev >= (seen.get(_id) ?? 0), `${_id} went back from ${seen.get(_id)} to ${rev}`);
          seen.set(_id, rev);
        }
      }
    })();
    const [projector] = stage.projectors;
    for (let round = 0; round < 3; round++) {
      const submitted = all(150, (i) => stage.as('alice').within(() => double.schedule(i)));
      await projector?.kill();
      handles.push(...(await submitted));
      await projector?.start();
    }
    for (const handle of handles) await handle.wait({ timeout: '60s' });
    await converged(stage, 30_000);
    working = false;
    await watching;
    assert.ok(seen.size > 0);
    assert.is(await tasks.countDocuments({ task_type: 'fx.double', status: 'success' }), handles.length);
  },
  { limitMs: 90_000 },
);

/** A projector of its own whose way to MongoDB can be shut. */
const behindGate = async (
  stage: Stage,
  context: Parameters<typeof gateTo>[0],
  env: Readonly<Record<string, string>> = {},
) => {
  const url = new URL(stage.mongoUrl);
  const door = await gateTo(context, Number(url.port));
  await door.open();
  url.hostname = '127.0.0.1';
  url.port = String(door.port);
  await Promise.all(stage.projectors.filter((projector) => projector.isRunning).map((projector) => projector.stop()));
  const projector = stage.service('projector', 'projector behind a gate', { MONGODB_URL: url.href, ...env });
  await projector.start();
  context.defer(() => projector.stop());
  return { door, projector };
};

test(
  'P3 MongoDB is away: tasks are scheduled and run, and afterwards nothing is missing',
  async (stage, context) => {
    const { door } = await behindGate(stage, context);
    const before = await stage.as('alice').within(() => double.schedule(1));
    await stage.document(before.uuid, ({ terminal }) => terminal);
    await door.shut();
    const handles = await all(300, (i) => stage.as('alice').within(() => double.schedule(i)));
    for (const handle of handles) assert.is((await handle.wait({ timeout: '60s' })).status, 'success');
    const tasks = stage.mongo.db.collection<TaskDocument>('tasks');
    const ids = handles.map(({ uuid }) => uuid);
    assert.is(await tasks.countDocuments({ _id: { $in: ids } }), 0);
    await door.open();
    await eventually(
      async () => assert.is(await tasks.countDocuments({ _id: { $in: ids }, terminal: true }), ids.length),
      {
        limitMs: 40_000,
        everyMs: 250,
      },
    );
    await converged(stage, 20_000);
  },
  { limitMs: 100_000 },
);

test(
  'P4 a rebuild into an empty database gives the same documents',
  async (stage, context) => {
    await Promise.all(
      stage.projectors.filter((projector) => !projector.isRunning).map((projector) => projector.start()),
    );
    const hold = gate();
    const body = task({ name: 'p4.body' }, () => hold.passed);
    await stage.serve(context, [body]);
    const waits = await stage.as('alice').within(() => double.with({ queue: 'nobody' }).schedule(1));
    const runs = await stage.as('alice').within(() => body.schedule());
    await until(runs, ({ status }) => status === 'in_progress');
    const ended = await all(50, (i) => stage.as('alice').within(() => double.schedule(i)));
    for (const handle of ended) await handle.wait({ timeout: '60s' });
    await converged(stage, 30_000);
    const empty = await connectMongo({ url: databaseUrl(stage.mongoUrl, `${stage.mongo.db.databaseName}_rebuilt`) });
    context.defer(() => empty.close());
    context.defer(() => empty.db.dropDatabase());
    const views = createTaskViews(empty);
    await views.ensureIndexes();
    const report = await rebuildViews(stage.ports, views);
    const documentsOf = (mongo: typeof empty) =>
      mongo.db.collection<TaskDocument>('tasks').find({}).sort({ _id: 1 }).toArray();
    const plain = ({ rev: _rev, changed_at: _at, ...rest }: TaskDocument) => rest;
    const [there, rebuilt] = [await documentsOf(stage.mongo), await documentsOf(empty)];
    assert.ok(there.length >= 52 && report.documents >= there.length);
    assert.equal(rebuilt.map(plain), there.map(plain));
    assert.is(rebuilt.find(({ _id }) => _id === waits.uuid)?.status, 'pending');
    assert.is(rebuilt.find(({ _id }) => _id === runs.uuid)?.status, 'in_progress');
    hold.open();
  },
  { limitMs: 90_000 },
);

const isOfDocuments = ({ projection }: Record<string, unknown>): boolean => projection === 'documents';

test(
  'P5 a projection that is behind says by how much, and when it has caught up',
  async (stage, context) => {
    const { door, projector } = await behindGate(stage, context, { BATON_PROJECTOR_LAG_WARN_MS: '500' });
    await door.shut();
    await all(20, (i) => stage.as('alice').within(() => double.schedule(i)));
    const told = (text: string): Record<string, unknown> | undefined => {
      const lines = projector.output.split('\n').filter((each) => each.includes(text));
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>).find(isOfDocuments);
    };
    await eventually(() => assert.ok(told('the projection is behind') !== undefined), { limitMs: 20_000 });
    const behind = told('the projection is behind');
    assert.is(behind?.['level'], 'warn');
    assert.is(behind?.['projection'], 'documents');
    assert.ok(Number(behind?.['ageMs']) > 500 && Number(behind?.['versions']) > 0, JSON.stringify(behind));
    const progress = await stage.ports.projections.progress('documents');
    assert.ok((progress?.behind ?? 0) > 0 && (progress?.floor ?? 0) < (progress?.last ?? 0));
    await door.open();
    await eventually(
      () => assert.ok(told('the projection has caught up') !== undefined, projector.output.slice(-3_000)),
      { limitMs: 40_000 },
    );
    assert.ok(Number(told('the projection has caught up')?.['ageMs']) <= 500);
  },
  { limitMs: 100_000 },
);

test(
  'P6 MongoDB away: the log goes on, nothing is forgotten, and no outcome is lost of a key that is used again',
  async (stage, context) => {
    const { door } = await behindGate(stage, context);
    await door.shut();
    const body = task({ name: 'p6.body', scope: 'shared' }, (n: number) => n);
    await stage.serve(context, [body]);
    const handles: TaskHandle[] = [];
    for (let n = 0; n < 20; n++) {
      const handle = await stage.as('alice').within(() => body.with({ taskKey: `p6.${n % 2}` }).schedule(n));
      await handle.wait({ timeout: '60s' });
      handles.push(handle);
    }
    const ids = handles.map(({ uuid }) => uuid);
    await eventually(
      async () => {
        const events = await readEvents(stage);
        const ended = new Set(
          events.filter(({ record }) => record.status === 'success').map(({ record }) => record.id),
        );
        assert.ok(
          ids.every((id) => ended.has(id)),
          'the log has every outcome',
        );
      },
      { limitMs: 20_000 },
    );
    const { nc, names } = stage.ports.wire;
    const { records, outcomes } = await readHeads(nc, names, stage.ports.store.epoch);
    const kept = new Set([...records, ...outcomes].map(({ record }) => record.id));
    assert.ok(
      ids.every((id) => kept.has(id)),
      'the bucket still has every outcome',
    );
    assert.ok(
      [...records, ...outcomes].every(({ record }) => !ids.includes(record.id) || record.archived === undefined),
    );
    await door.open();
    const tasks = stage.mongo.db.collection<TaskDocument>('tasks');
    await eventually(
      async () => assert.is(await tasks.countDocuments({ _id: { $in: ids }, status: 'success' }), ids.length),
      { limitMs: 40_000, everyMs: 250 },
    );
    await converged(stage, 20_000);
  },
  { limitMs: 120_000 },
);

test(
  'P6 the log is gone: documents go on and nothing is forgotten; when it is there again it gets everything',
  async (stage, context) => {
    const running = stage.projectors.filter((each) => each.isRunning);
    if (running.length === 0) await stage.projectors[0]?.start();
    const body = task({ name: 'p6.nolog' }, () => 1);
    // Before the log goes: who connects makes streams that are missing.
    await stage.serve(context, [body]);
    const { wire } = stage.ports;
    const jsm = await jetstreamManager(wire.nc);
    const { config } = await jsm.streams.info(wire.names.eventsStream);
    await jsm.streams.delete(wire.names.eventsStream);
    const handles = await all(20, () => stage.as('alice').within(() => body.schedule()));
    for (const handle of handles) await handle.wait({ timeout: '60s' });
    for (const { uuid } of handles) await stage.document(uuid, ({ terminal }) => terminal);
    const marked = async () => {
      const { records } = await readHeads(wire.nc, wire.names, stage.ports.store.epoch);
      const ids = new Set(handles.map(({ uuid }) => uuid));
      return records.filter(({ record }) => ids.has(record.id) && record.archived === true).length;
    };
    // A mark comes at the next look, once a second, when nothing is in its way.
    const over = Date.now() + 3_000;
    while (Date.now() < over) assert.is(await marked(), 0);
    assert.is((await thrownBy(() => jsm.streams.info(wire.names.eventsStream))).message, 'stream not found');
    await jsm.streams.add({ ...config });
    await eventually(
      async () => {
        const events = await readEvents(stage);
        const ended = new Set(
          events.filter(({ record }) => record.status === 'success').map(({ record }) => record.id),
        );
        assert.ok(handles.every(({ uuid }) => ended.has(uuid)));
      },
      { limitMs: 30_000 },
    );
    await eventually(async () => assert.is(await marked(), handles.length), { limitMs: 30_000 });
  },
  { limitMs: 120_000 },
);

test.run();
