import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import type { Actor } from './actor.ts';
import type { Command, Priority } from './index.ts';
import { given } from './testing/given.ts';
import { ALICE, BOB, cancel, CAROL, claim, finish, makeAbortable, ROOT, SERVICE, submit, T0 } from './testing/make.ts';

const test = suite('priority of a waiting task');

const change = (actor: Actor = ALICE, priority: Priority = 'high', id = 'task-1'): Command => ({
  kind: 'change-priority',
  at: T0 + 5_000,
  actor,
  id,
  priority,
});

test('B1 another place in line for what waits, and nothing else of it is another', () => {
  const { before, after, events } = given(submit()).when(change());
  assert.equal(events, [{ kind: 'priority-changed', at: T0 + 5_000, id: 'task-1', priority: 'high' }]);
  assert.equal(after, { ...before, priority: 'high', changedAt: T0 + 5_000 });
});

test('B1 the one it has is no change, and one that is repeated is accepted again', () => {
  const { decision, after, before } = given(submit(), change()).when(change());
  assert.equal(decision, { ok: true, events: [], answer: { kind: 'done' } });
  assert.is(after, before);
});

test('B1 what has begun or ended has no place in line', () => {
  assert.is(given(submit(), claim()).when(change()).refusal, 'begun');
  assert.is(given(submit(), claim(), finish()).when(change()).refusal, 'begun');
  assert.is(given(submit(), cancel()).when(change()).refusal, 'begun');
});

test('B1 who may not see it learns nothing, whatever state it is in', () => {
  assert.is(given().when(change()).refusal, 'not_found');
  for (const actor of [BOB, SERVICE]) {
    assert.is(given(submit()).when(change(actor)).refusal, 'not_found');
    assert.is(given(submit(), claim()).when(change(actor)).refusal, 'not_found');
  }
  assert.is(given(submit()).when(change(ALICE, 'high', 'task-9')).refusal, 'not_found');
});

test('B1 where others wait for it, too, it is for an admin to say', () => {
  const shared = { scope: 'shared' } as const;
  const alone = given(submit(shared));
  assert.is(alone.when(change()).after?.priority, 'high');
  const both = given(submit(shared), submit({ ...shared, id: 'task-2', creator: 'bob' }));
  for (const actor of [ALICE, BOB]) assert.is(both.when(change(actor)).refusal, 'not_alone');
  assert.is(both.when(change(CAROL)).refusal, 'not_found');
  assert.is(both.when(change(ROOT)).after?.priority, 'high');
});

test('B1 one that waits behind another is meant by its own id, unless it was cancelled', () => {
  const waiting = given(submit(), claim(), makeAbortable, cancel(), submit({ id: 'task-2' }));
  const { after } = waiting.when(change(ALICE, 'low', 'task-2'));
  assert.equal([after?.priority, after?.successor?.spec.priority], ['normal', 'low']);
  assert.is(waiting.when(change(BOB, 'low', 'task-2')).refusal, 'not_found');
  const gone = waiting.when(cancel(ALICE, { id: 'task-2' })).and;
  assert.is(gone.when(change(ALICE, 'low', 'task-2')).refusal, 'begun');
  // Behind one that was cancelled there may be one that is alive.
  const last = gone.when(submit({ id: 'task-3' })).and.when(change(ALICE, 'low', 'task-3'));
  assert.equal([last.after?.successor?.spec.priority, last.after?.successor?.next?.spec.priority], ['normal', 'low']);
});

test.run();
