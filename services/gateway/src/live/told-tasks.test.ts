import * as assert from 'uvu/assert';
import { sampleId, sampleRecord } from '../../../../test/support/sample-records.ts';
import { suite } from '../../../../test/support/suite.ts';
import { ToldTasks } from './told-tasks.ts';

const test = suite('told tasks');

const task = { ...sampleRecord('k'), scope: 'shared' as const };

test('E2 tags and names that are others than those told last', () => {
  const told = new ToldTasks();
  const flags = (more: Partial<typeof task>): readonly boolean[] => {
    const { retagged, renamed } = told.tell({ ...task, ...more }, false);
    return [retagged, renamed];
  };
  assert.equal(flags({ tags: { a: 1 } }), [true, false], 'it is not known what they were');
  assert.equal(flags({ tags: { a: 1 } }), [false, false]);
  assert.equal(flags({ tags: { a: 2 } }), [true, false]);
  assert.equal(flags({ name: 'another' }), [true, true]);
  assert.equal(flags({ name: 'another' }), [false, false]);
});

test('E2 who has left, and what it was before', () => {
  const told = new ToldTasks();
  const [alice] = task.subscribers;
  assert.ok(alice !== undefined);
  told.tell({ ...task, subscribers: [alice, { ...alice, user: 'bob' }] }, false);
  const { left, before } = told.tell({ ...task, status: 'success' }, false);
  assert.equal([left, before?.status], [['bob'], 'pending']);
  assert.is(told.tell(task, false).before, undefined, 'of one that has ended nothing is kept');
});

test('E2 one that waits behind another is the same until something shown of it changes', () => {
  const told = new ToldTasks();
  assert.not.ok(told.tell(task, true).isSame);
  assert.ok(told.tell({ ...task, changedAt: task.changedAt + 1 }, true).isSame);
  assert.not.ok(told.tell({ ...task, priority: 'high' }, true).isSame);
  assert.not.ok(told.tell({ ...task, priority: 'high' }, false).isSame, 'it has a record of its own by now');
});

test('of too many the oldest is forgotten', () => {
  const told = new ToldTasks(2);
  const ids = ['a', 'b', 'c'].map((name) => sampleId(name));
  for (const id of ids) told.tell({ ...task, id }, false);
  assert.equal(
    ids.toReversed().map((id) => told.tell({ ...task, id }, false).before === undefined),
    [false, false, true],
  );
});

test.run();
