import type { TaskRecord } from '@baton/core';
import { addressOf, documentOf, encodeRecord, objectName, ORPHAN_OBJECT_AGE_MS } from '@baton/protocols';
import { createMemoryViews, createMemoryWorld, createVirtualClock } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { BatonError, InvalidArgumentError } from '../errors.ts';
import { startJanitor } from './janitor.ts';
import { prune } from './prune.ts';
import { sweepObjects } from './sweep-objects.ts';

const test = suite('retention');

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2025, 0, 1);

const recordOf = (change: Partial<TaskRecord> & { readonly id: string }): TaskRecord => ({
  v: 1,
  type: 'job',
  key: change.id,
  name: 'n',
  scope: 'private',
  creator: 'alice',
  queue: 'default',
  priority: 'normal',
  mode: 'async',
  policy: {},
  status: 'success',
  subscribers: [],
  createdAt: NOW - 400 * DAY_MS,
  changedAt: NOW,
  attempt: 1,
  history: [],
  ...change,
});

const addressFor = (id: string) => addressOf({ scope: 'private', type: 'job', key: id, user: 'alice' });

const stage = () => {
  const clock = createVirtualClock({ seed: 1, startAt: NOW });
  const world = createMemoryWorld({ clock, seed: 1 });
  const { data, store } = world.ports('main');
  const views = createMemoryViews();
  /** A document that ended so many days ago; `ago` undefined: it still runs. */
  const put = (id: string, ago: number | undefined, change: Partial<TaskRecord> = {}): Promise<unknown> => {
    const ended = ago === undefined ? ({ status: 'in_progress' } as const) : { endedAt: NOW - ago * DAY_MS };
    const record = recordOf({ id, ...ended, ...change });
    return views.project([documentOf(record, { address: addressFor(id), epoch: 1, revision: 1 })]);
  };
  const left = (): readonly string[] =>
    views
      .documents()
      .map(({ _id }) => _id)
      .toSorted();
  return { clock, world, data, store, views, put, left, parts: { clock, data, store, views } };
};

const reference = (id: string) => ({ object: objectName(addressFor(id), id, 'args'), size: 3, digest: 'x' });

test('R1 only ended tasks go, and only those that ended long enough ago', async () => {
  const { clock, put, left, parts } = stage();
  for (const [id, ago] of [
    ['a', 100],
    ['b', 31],
    ['c', 29],
    ['d', 0],
    ['runs', undefined],
  ] as const)
    await put(id, ago);
  const report = await clock.settle(prune(parts, { retentionPeriodDays: 30 }));
  assert.equal([report.tasks, report.complete], [2, true]);
  assert.equal(left(), ['c', 'd', 'runs']);
  assert.is((await clock.settle(prune(parts, { retentionPeriodDays: 0 }))).tasks, 2);
  assert.equal(left(), ['runs']);
});

test('R1 the oldest go first, in batches, up to the limit; the next run goes on', async () => {
  const { clock, put, left, parts } = stage();
  for (let i = 0; i < 10; i++) await put(`t${i}`, 10 + i);
  const seen: (readonly [number, number])[] = [];
  const report = await clock.settle(
    prune(parts, {
      retentionPeriodDays: 1,
      maxRowsPerRun: 7,
      batchSize: 3,
      onProgress: ({ done, total }) => void seen.push([done, total]),
    }),
  );
  assert.equal(seen, [
    [3, 7],
    [6, 7],
    [7, 7],
  ]);
  assert.equal([report.tasks, report.batches, report.complete], [7, 3, false]);
  assert.equal(left(), ['t0', 't1', 't2']);
  const rest = await clock.settle(prune(parts, { retentionPeriodDays: 1, maxRowsPerRun: 0 }));
  assert.equal([rest.tasks, rest.complete], [3, true]);
});

test('R1 other numbers are refused, and nothing is deleted', async () => {
  const { put, left, parts } = stage();
  await put('a', 1);
  for (const days of [-1, 0.5, Number.NaN, Infinity, 36_501, '7' as never, undefined as never]) {
    const error = await prune(parts, { retentionPeriodDays: days }).catch((e: unknown) => e);
    assert.instance(error, InvalidArgumentError, String(days));
  }
  for (const rows of [-1, 1.5, Number.NaN, Infinity, '7' as never]) {
    const error = await prune(parts, { retentionPeriodDays: 0, maxRowsPerRun: rows }).catch((e: unknown) => e);
    assert.instance(error, InvalidArgumentError, String(rows));
  }
  assert.equal(left(), ['a']);
});

test('R1 objects go with their tasks, and before them: a run that broke off is simply run again', async () => {
  const { clock, world, data, put, left, parts } = stage();
  for (const id of ['a', 'b']) {
    const args = reference(id);
    await clock.settle(data.put(args.object, new Uint8Array([1, 2, 3])));
    await put(id, 5, { args });
  }
  world.inject({ op: 'data.remove', fault: 'refused', subject: reference('b').object, times: 1 });
  const broken = await clock.settle(prune(parts, { retentionPeriodDays: 0 }).catch((e: unknown) => e));
  assert.instance(broken, BatonError);
  assert.equal(left(), ['a', 'b'], 'no document is gone whose object may still be there');
  const report = await clock.settle(prune(parts, { retentionPeriodDays: 0 }));
  assert.equal([report.tasks, report.objects], [2, 2]);
  assert.equal([left(), world.objects()], [[], []]);
});

test('two prunes at once delete every task once', async () => {
  const { clock, put, left, parts } = stage();
  for (let i = 0; i < 50; i++) await put(`t${i}`, 10 + i);
  const both = [1, 2].map(() => prune(parts, { retentionPeriodDays: 0, batchSize: 7 }));
  const reports = await clock.settle(Promise.all(both));
  assert.is(
    reports.reduce((sum, { tasks }) => sum + tasks, 0),
    50,
  );
  assert.equal(left(), []);
});

test('X4 the sweep takes old objects that neither record nor document refers to, and no others', async () => {
  const { clock, world, data, store, put, parts } = stage();
  const names = ['orphan', 'inDocument', 'inRecord', 'inOutcome', 'waiting', 'unreadable'].map(
    (id) => reference(id).object,
  );
  const older = reference('olderThanThisDatabase').object;
  await clock.settle(data.put(older, new Uint8Array([1, 2, 3])));
  await clock.advance(1_000);
  assert.is(await clock.settle(sweepObjects(parts)), 0);
  for (const name of [...names, 'not one of ours']) await clock.settle(data.put(name, new Uint8Array([1, 2, 3])));
  await put('inDocument', 5, { args: reference('inDocument') });
  const write = (id: string, record: TaskRecord) => clock.settle(store.write(addressFor(id), encodeRecord(record), 0));
  await write('inRecord', recordOf({ id: 'inRecord', status: 'pending', args: reference('inRecord') }));
  const kept = recordOf({ id: 'inOutcome', endedAt: NOW, result: reference('inOutcome') });
  await write('inOutcome', recordOf({ id: 'next', status: 'pending' }));
  await clock.settle(store.write(addressFor('inOutcome'), encodeRecord(kept), 0, { outcomeOf: 'inOutcome' }));
  const {
    status: _s,
    subscribers: _u,
    createdAt,
    changedAt: _c,
    attempt: _a,
    history: _h,
    v: _v,
    ...spec
  } = recordOf({
    id: 'waiting',
    args: reference('waiting'),
  });
  const behind = { spec, subscribers: [], createdAt };
  await write('waiting', recordOf({ id: 'front', status: 'success', successor: behind }));
  await clock.settle(store.write(addressFor('unreadable'), new Uint8Array([0xc1]), 0));
  await clock.advance(ORPHAN_OBJECT_AGE_MS - 60_000);
  assert.is(await clock.settle(sweepObjects(parts)), 0, 'nothing is old enough');
  await clock.advance(120_000);
  assert.is(await clock.settle(sweepObjects(parts)), 1);
  assert.equal(world.objects().toSorted(), [...names.slice(1), older, 'not one of ours'].toSorted());
});

test('R1 on a schedule one of several processes prunes, in turn, and an outage is no end', async () => {
  const { clock, views, put, left, parts } = stage();
  const told: unknown[] = [];
  const options = {
    prune: { retentionPeriodDays: 30, maxRowsPerRun: 1 },
    pruneEveryMs: 60_000,
    onBroken: (error: unknown) => told.push(error),
  };
  for (let i = 0; i < 5; i++) await put(`t${i}`, 40 + i);
  const janitors = [1, 2, 3].map(() => startJanitor(parts, options));
  await clock.advance(1_000);
  assert.is(left().length, 4, 'one turn, not three');
  await clock.advance(60_000);
  assert.is(left().length, 3);
  views.failWith(new BatonError('MONGO_UNAVAILABLE', 'away'));
  await clock.advance(180_000);
  views.failWith(undefined);
  await clock.advance(121_000);
  assert.is(left().length, 1);
  await clock.settle(Promise.all(janitors.map((janitor) => janitor.stop())));
  assert.is(clock.pending(), 0);
  assert.equal(told, []);
});

test.run();
