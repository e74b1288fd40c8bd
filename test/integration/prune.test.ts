// limit: 600s, alone
// R1 on a real database. BATON_TEST_PRUNE_DOCUMENTS sets the size of the last test: 100000 is what is promised for.
import { randomUUID } from 'node:crypto';
import type { TaskRecord } from '@baton/core';
import { connectMongo, createTaskViews } from '@baton/mongo';
import { documentOf, type Address, type TaskDocument } from '@baton/protocols';
import { prune, systemChance, systemClock, type DataStore } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { databaseUrl } from '../support/system-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('prune');

const mongo = await connectMongo({ url: databaseUrl(process.env['MONGODB_URL'] ?? '', `prune-${randomUUID()}`) });
const views = createTaskViews(mongo);
await views.ensureIndexes();

const DAY_MS = 86_400_000;
const chance = systemChance();
const removed: string[] = [];

/** Only what prune asks of it. */
const data = { remove: async (name: string) => void removed.push(name) } as unknown as DataStore;
const parts = { views, data, clock: systemClock };

const documentFor = (i: number, ago: number | undefined, change: Partial<TaskRecord> = {}): TaskDocument => {
  const at = Date.now();
  const record: TaskRecord = {
    v: 1,
    id: chance.uuid(),
    type: `type${i % 7}`,
    key: `k${i}`,
    name: `n${i}`,
    scope: 'private',
    creator: `user${i % 50}`,
    queue: 'default',
    priority: 'normal',
    mode: 'async',
    policy: {},
    status: ago === undefined ? 'in_progress' : i % 3 === 0 ? 'failure' : 'success',
    subscribers: [{ user: `user${i % 50}`, at }],
    createdAt: at,
    changedAt: at,
    ...(ago === undefined ? {} : { endedAt: at - ago * DAY_MS }),
    attempt: 1,
    history: [{ status: 'pending', at, by: 'user:u', attempt: 0 }],
    ...change,
  };
  return documentOf(record, { address: `0a.job.${'0'.repeat(32)}` as Address, epoch: 1, revision: 1 });
};

const store = async (documents: readonly TaskDocument[]): Promise<void> => {
  for (let at = 0; at < documents.length; at += 4_000) {
    const some = documents.slice(at, at + 4_000);
    await views.project(some, new Set(some.map(({ _id }) => _id)));
  }
};

const left = async (): Promise<readonly string[]> => {
  const all = await mongo.db
    .collection<TaskDocument>('tasks')
    .find({}, { projection: { _id: 1 } })
    .toArray();
  return all.map(({ _id }) => _id);
};

test('R1 ended tasks of a certain age go, oldest first, with their objects', async () => {
  const reference = { object: 'a/b/args', size: 1, digest: 'x' };
  const [old, older, young, runs] = [
    documentFor(1, 40),
    documentFor(2, 50, { args: reference, result: { ...reference, object: 'a/b/result-1-1' } }),
    documentFor(3, 20),
    documentFor(4, undefined),
  ];
  await store([old, older, young, runs]);
  const first = await prune(parts, { retentionPeriodDays: 30, maxRowsPerRun: 1 });
  assert.equal([first.tasks, first.objects, first.complete], [1, 2, false]);
  assert.equal(new Set(await left()), new Set([old._id, young._id, runs._id]));
  assert.equal(removed.splice(0), ['a/b/args', 'a/b/result-1-1']);
  const second = await prune(parts, { retentionPeriodDays: 30 });
  assert.equal([second.tasks, second.complete], [1, true]);
  assert.is((await prune(parts, { retentionPeriodDays: 0 })).tasks, 1);
  assert.equal(await left(), [runs._id]);
  assert.equal(await views.objectsOf([runs._id, older._id]), []);
});

test('R1 a turn is taken by one of many, and again when its time has come', async () => {
  const first = await Promise.all([5, 6, 7].map((now) => views.since(now)));
  assert.is(new Set([...first, await views.since(9)]).size, 1, 'a database has one age');
  assert.ok([5, 6, 7].includes(first[0] ?? 0));
  const ask = (now: number) => Promise.all(Array.from({ length: 8 }, () => views.takeTurn('duty', 60_000, now)));
  const at = Date.now();
  const taken = (answers: readonly boolean[]): number => answers.filter(Boolean).length;
  assert.is(taken(await ask(at)), 1);
  assert.is(taken(await ask(at + 59_000)), 0);
  assert.is(taken(await ask(at + 60_001)), 1);
  assert.is(await views.takeTurn('another', 60_000, at), true);
  assert.is(await views.takeTurn('duty', 60_000, at - DAY_MS), true, 'a turn far in the future is a wrong clock');
});

const many = Number(process.env['BATON_TEST_PRUNE_DOCUMENTS'] ?? 6_000);

test(
  'R1 two prunes at once delete every task once, and lists are read meanwhile',
  async () => {
    const documents = Array.from({ length: many }, (_, i) => documentFor(i, i % 4 === 0 ? undefined : 10 + (i % 90)));
    await store(documents);
    const idle = await listTimes(async () => new Promise((resolve) => setTimeout(resolve, 1_000)));
    const ended = documents.filter(({ terminal }) => terminal).length;
    let reports: Awaited<ReturnType<typeof prune>>[] = [];
    const busy = await listTimes(async () => {
      const runs = many > 20_000 ? [1] : [1, 2];
      reports = await Promise.all(runs.map(() => prune(parts, { retentionPeriodDays: 0 })));
    });
    assert.is(
      reports.reduce((sum, { tasks }) => sum + tasks, 0),
      ended,
    );
    const active = new Set(documents.filter(({ terminal }) => !terminal).map(({ _id }) => _id));
    assert.is((await left()).filter((id) => active.has(id)).length, active.size, 'what runs is all there');
    assert.is((await views.ended(undefined, 10)).length, 0);
    const { tookMs, batches } = reports[0] ?? { tookMs: 0, batches: 0 };
    console.log(
      `${ended} of ${many} documents pruned in ${Math.round(tookMs)} ms, ${batches} batches; ` +
        `list of 25 newest: idle p50 ${idle.p50} ms p99 ${idle.p99} ms (${idle.count}), during it p50 ${busy.p50} ms p99 ${busy.p99} ms (${busy.count})`,
    );
    assert.ok(busy.p99 < 1_000, `p99 of a list is ${busy.p99} ms while a prune runs`);
  },
  { limitMs: 540_000 },
);

/** Reads the first page again and again while `during` runs. */
const listTimes = async (during: () => Promise<unknown>) => {
  const times: number[] = [];
  let over = false;
  const work = during().finally(() => {
    over = true;
  });
  while (!over) {
    const began = performance.now();
    await views.list({}, { size: 25 });
    times.push(performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await work;
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 10) / 10;
  return { count: times.length, p50: at(0.5), p99: at(0.99) };
};

test.after(async () => {
  await mongo.db.dropDatabase();
  await mongo.close();
});

test.run();
