// limit: 900s, alone
// Documents: `BATON_BENCH_TASKS=12000 node test/run.mjs bench/documents --echo` measures what the database alone needs for
// so many, one way of writing beside the other; by itself it only shows with a few that every way works.
import { randomUUID } from 'node:crypto';
import type { TaskRecord } from '@baton/core';
import { connectMongo, createTaskViews } from '@baton/mongo';
import { connectPorts } from '@baton/nats';
import { addressOf, documentOf, encodeData, type TaskDocument } from '@baton/protocols';
import { createKernel } from '@baton/runtime';
import * as assert from 'uvu/assert';
import type { AnyBulkWriteOperation, Collection } from 'mongodb';
import { eventually } from '../support/eventually.ts';
import { suite } from '../support/suite.ts';
import { databaseUrl } from '../support/system-fixture.ts';
import { liveOnce } from '../support/task-lives.ts';
import { startService } from './service-process.ts';

const test = suite('bench: documents');

const TASKS = Number(process.env['BATON_BENCH_TASKS'] ?? 200);
const mongoBase = process.env['MONGODB_URL'] ?? 'mongodb://127.0.0.1:27017/';

const idAt = (index: number): string => {
  const hex = (1_700_000_000_000 + index).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${index.toString(16).padStart(12, '0')}`;
};

/** A task that did nothing, as it has ended. */
const recordAt = (index: number): TaskRecord => {
  const at = 1_700_000_000_000 + index;
  const moved = (status: TaskRecord['status'], by: string, attempt: number) => ({ status, at, by, attempt });
  return {
    v: 1,
    id: idAt(index),
    type: 'noop',
    key: `key-${index}`,
    name: `key-${index}`,
    scope: 'private',
    creator: 'alice',
    args: encodeData([index]),
    result: encodeData(null),
    queue: 'default',
    priority: 'normal',
    mode: 'async',
    policy: {},
    status: 'success',
    subscribers: [{ user: 'alice', at }],
    createdAt: at,
    changedAt: at,
    startedAt: at,
    endedAt: at,
    attempt: 1,
    owner: { worker: 'worker-1', fence: { epoch: 1, revision: index + 1 }, at },
    history: [
      moved('pending', 'user:alice', 0),
      moved('in_progress', 'worker:worker-1', 1),
      moved('success', 'worker:worker-1', 1),
    ],
  };
};

const documentAt = (index: number, rev: number): TaskDocument =>
  documentOf(recordAt(index), {
    address: addressOf({ scope: 'private', type: 'noop', key: `key-${index}`, user: 'alice' }),
    epoch: 1,
    revision: rev,
  });

type Way = (tasks: Collection<TaskDocument>, documents: readonly TaskDocument[]) => Promise<unknown>;
type Operation = AnyBulkWriteOperation<TaskDocument>;
const bulk =
  (make: (document: TaskDocument) => Operation): Way =>
  (tasks, documents) =>
    tasks.bulkWrite(documents.map(make), { ordered: false }).catch(() => undefined);
const older = ({ _id, epoch, rev }: TaskDocument) => ({
  _id,
  $or: [{ epoch, rev: { $lt: rev } }, { epoch: { $lt: epoch } }],
});

const WAYS: Readonly<Record<string, Way>> = {
  insert: (tasks, documents) => tasks.insertMany([...documents], { ordered: false }).catch(() => undefined),
  upsert: bulk((document) => ({ replaceOne: { filter: older(document), replacement: document, upsert: true } })),
  'upsert $set': bulk((document) => ({
    updateOne: { filter: older(document), update: { $set: document }, upsert: true },
  })),
  replace: bulk((document) => ({ replaceOne: { filter: older(document), replacement: document } })),
  'replace at rev': bulk((document) => ({
    replaceOne: { filter: { _id: document._id, rev: document.rev - 1 }, replacement: document },
  })),
  'replace by id': bulk((document) => ({ replaceOne: { filter: { _id: document._id }, replacement: document } })),
  'replace older rev': bulk((document) => ({
    replaceOne: { filter: { _id: document._id, rev: { $lt: document.rev } }, replacement: document },
  })),
};

const chunks = <T>(all: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));

const timed = async (
  tasks: Collection<TaskDocument>,
  way: Way,
  documents: readonly TaskDocument[],
  { batch, lanes }: { readonly batch: number; readonly lanes: number },
): Promise<number> => {
  const queue = [...chunks(documents, batch)];
  const began = performance.now();
  const lane = async () => {
    for (let part = queue.shift(); part !== undefined; part = queue.shift()) await way(tasks, part);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return performance.now() - began;
};

test(
  'what the database alone needs',
  async ({ defer }) => {
    const mongo = await connectMongo({ url: databaseUrl(mongoBase, `bench_${randomUUID().slice(0, 8)}`) });
    defer(() => mongo.close());
    defer(() => mongo.db.dropDatabase());
    const say = (text: string) => console.log(text);
    const first = Array.from({ length: TASKS }, (_, i) => documentAt(i, 1));
    const fresh = async (indexed: boolean): Promise<Collection<TaskDocument>> => {
      await mongo.db
        .collection('tasks')
        .drop()
        .catch(() => undefined);
      if (indexed) await createTaskViews(mongo).ensureIndexes();
      return mongo.db.collection<TaskDocument>('tasks');
    };
    const one = (total: number) => `${((total * 1_000) / TASKS).toFixed(0)} µs`;
    for (const indexed of [false, true]) {
      for (const batch of [250, 500, 1_000]) {
        for (const lanes of [1, 2, 3]) {
          const took: string[] = [];
          const tasks = await fresh(indexed);
          let rev = 1;
          for (const way of Object.keys(WAYS).filter((name) => !name.startsWith('upsert'))) {
            const documents = first.map((document) => ({ ...document, rev }));
            rev++;
            took.push(`${way} ${one(await timed(tasks, WAYS[way] as Way, documents, { batch, lanes }))}`);
            assert.is(await tasks.countDocuments({ rev: rev - 1 }), TASKS);
          }
          took.push(`insert refused ${one(await timed(tasks, WAYS['insert'] as Way, first, { batch, lanes }))}`);
          for (const way of ['upsert', 'upsert $set'] as const) {
            const again = await fresh(indexed);
            if (lanes === 1) took.push(`${way} ${one(await timed(again, WAYS[way] as Way, first, { batch, lanes }))}`);
          }
          say(`${indexed ? 'indexed' : 'bare   '} batch ${batch} lanes ${lanes}: ${took.join(', ')}`);
        }
      }
    }
  },
  { limitMs: 600_000 },
);

test(
  'how long after a burst its documents are there',
  async ({ defer }) => {
    const namespace = `B${randomUUID().slice(0, 8).toUpperCase()}`;
    const ports = await connectPorts({ servers: process.env['NATS_URL'] ?? 'nats://127.0.0.1:4222', namespace });
    defer(() => ports.close());
    const url = databaseUrl(mongoBase, `bench-${namespace.toLowerCase()}`);
    const mongo = await connectMongo({ url });
    defer(() => mongo.close());
    defer(() => mongo.db.dropDatabase());
    const projector = await startService('projector', { BATON_NAMESPACE: namespace, MONGODB_URL: url });
    defer(() => projector.stop());
    const kernel = createKernel(ports);
    let next = 0;
    const hand = async () => {
      for (let i = next++; i < TASKS; i = next++) assert.ok(await liveOnce(kernel, ports, `k${i}`));
    };
    const began = performance.now();
    await Promise.all(Array.from({ length: 200 }, hand));
    const ended = performance.now();
    const tasks = mongo.db.collection('tasks');
    const limitMs = 10_000 + TASKS * 5;
    const all = async () => assert.is(await tasks.countDocuments({ terminal: true }), TASKS);
    await eventually(all, { limitMs, everyMs: 50 });
    const seconds = (ms: number) => (ms / 1_000).toFixed(1);
    console.log(
      `${TASKS} tasks in ${seconds(ended - began)} s; all documents ${seconds(performance.now() - ended)} s after the last`,
    );
  },
  { limitMs: 600_000 },
);

test.run();
