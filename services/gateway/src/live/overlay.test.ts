import type { TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { LiveTask } from './live-task.ts';
import { Overlay } from './overlay.ts';
import { RecentChanges, type Change } from './recent-changes.ts';

const test = suite('overlay and recent changes');

const taskOf = (id: string, revision: number, { epoch = 1, size = 100, seenAt = 0 } = {}): LiveTask =>
  new LiveTask({ id } as TaskRecord, { address: 'a' as Address, epoch, revision, size, seenAt });

const changeOf = (revision: number, size = 100): Change => ({
  revision,
  kind: 'update',
  task: taskOf(`t${revision}`, revision, { size }),
  left: [],
});

test('the newest version stands, whatever comes later', () => {
  const overlay = new Overlay({ count: 10, bytes: 1_000 });
  overlay.put(taskOf('a', 5));
  overlay.put(taskOf('a', 4));
  assert.is(overlay.get('a')?.revision, 5);
  overlay.put(taskOf('a', 1, { epoch: 2 }));
  assert.equal([overlay.get('a')?.epoch, overlay.get('a')?.revision], [2, 1]);
});

test('a version goes when the projection has it, and not when it has an older one', () => {
  const overlay = new Overlay({ count: 10, bytes: 1_000 });
  overlay.put(taskOf('a', 5));
  overlay.settle('a', { epoch: 1, revision: 4 });
  assert.is(overlay.size, 1);
  overlay.settle('a', { epoch: 1, revision: 5 });
  assert.is(overlay.size, 0);
});

test('neither number nor bytes grow beyond their limit; the ones changed longest ago go first', () => {
  const overlay = new Overlay({ count: 3, bytes: 1_000 });
  for (const id of ['a', 'b', 'c']) overlay.put(taskOf(id, 1));
  overlay.put(taskOf('a', 2));
  overlay.put(taskOf('d', 1));
  assert.equal(
    [...overlay.values()].map(({ id }) => id),
    ['c', 'a', 'd'],
  );
  overlay.put(taskOf('e', 1, { size: 900 }));
  assert.equal(
    [...overlay.values()].map(({ id }) => id),
    ['d', 'e'],
  );
  assert.is(overlay.evicted, 3);
});

test('the oldest are given first, and only those that had time to settle', () => {
  const overlay = new Overlay({ count: 10, bytes: 10_000 });
  for (const [i, id] of ['a', 'b', 'c'].entries()) overlay.put(taskOf(id, 1, { seenAt: i * 10 }));
  const idsOf = (before: number, most: number) => overlay.oldest(before, most).map(({ id }) => id);
  assert.equal(idsOf(20, 10), ['a', 'b']);
  assert.equal(idsOf(100, 1), ['a']);
});

test('E2 since a revision: itself and all after it, or nothing when that is not sure', () => {
  const recent = new RecentChanges({ count: 3, bytes: 1_000 }, 11);
  const since = (revision: number) => recent.since(revision)?.map((change) => change.revision);
  assert.equal([since(10), since(9)], [[], undefined]);
  for (const revision of [12, 15, 15, 18]) recent.push(changeOf(revision));
  assert.equal(since(12), [15, 15, 18]);
  assert.equal(since(15), [15, 15, 18]);
  assert.equal(since(16), [18]);
  assert.equal(since(99), []);
  assert.is(since(11), undefined, '12 is forgotten');
  recent.push(changeOf(20, 990));
  assert.equal([since(19), since(17)], [[20], undefined]);
});

test('forgotten changes are let go of', () => {
  const recent = new RecentChanges({ count: 100, bytes: 1e9 }, 0);
  for (let i = 0; i < 10_000; i++) recent.push(changeOf(i));
  assert.is(recent.since(9_899)?.length, 100);
  assert.is(recent.since(9_898), undefined);
});

test.run();
