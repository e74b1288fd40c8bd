import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { STEPS_LIMIT, stepOf, takesRoom, type TaskRecord } from './index.ts';
import { from, given } from './testing/given.ts';
import {
  ALICE,
  bytes,
  cancel,
  claim,
  finish,
  giveBack,
  keepStep,
  makeAbortable,
  markFinishing,
  promote,
  rescue,
  submit,
  T0,
  threw,
} from './testing/make.ts';

const test = suite('steps');

const running = given(submit({ policy: { maxAttempts: 3 } }), claim());
const stepped = given(submit({ policy: { maxAttempts: 3 } }), claim(), keepStep('charge', { result: bytes(7) }));
const CHARGED = { name: 'charge', at: T0 + 350, result: bytes(7) };

test('G6 a step that is done stands in the record, with its result where it has one', () => {
  assert.equal(running.when(keepStep('charge', { result: bytes(7) })).after?.steps, [CHARGED]);
  assert.equal(running.when(keepStep('mail')).after?.steps, [{ name: 'mail', at: T0 + 350 }]);
});

test('G6 what stands is not changed: the same step again is done, and says nothing new', () => {
  const again = stepped.when(keepStep('charge', { result: bytes(9), at: T0 + 900 }));
  assert.equal(again.answer, { kind: 'done' });
  assert.equal(again.events, []);
  assert.equal(again.after?.steps, [CHARGED]);
});

test('G6 steps are there after a failure, a dead worker and a worker that gave the task back', () => {
  for (const over of [finish(threw()), rescue(), giveBack]) {
    const { after } = stepped.when(over);
    assert.is(after?.status, 'pending');
    assert.equal(after?.steps, [CHARGED]);
    const claimed = from({ record: after, revision: 8 }).when(claim('w2')).after;
    const more = from({ record: claimed, revision: 9 }).when(keepStep('mail'));
    assert.equal(more.after && stepOf(more.after, 'charge'), CHARGED);
    assert.is(more.after?.steps?.length, 2);
  }
});

test('G6 only who runs the task keeps a step, until its body has ended', () => {
  const other = { epoch: 1, revision: 99 };
  assert.is(running.when(keepStep('charge', { fence: other })).refusal, 'fenced');
  assert.is(given(submit()).when(keepStep('charge', { fence: other })).refusal, 'fenced');
  assert.is(given(submit(), claim(), finish()).when(keepStep()).refusal, 'fenced');
  assert.is(given(submit(), claim(), markFinishing).when(keepStep()).refusal, 'too_late');
});

test('G6 what a body has done that is told to stop is done', () => {
  const aborting = given(submit(), claim(), makeAbortable, cancel(ALICE));
  assert.is(aborting.when(keepStep()).after?.status, 'aborting');
  assert.is(aborting.when(keepStep()).after?.steps?.length, 1);
});

test('G6 a task has so many steps and no more; those it has go on being found', () => {
  const steps = Array.from({ length: STEPS_LIMIT }, (_, i) => ({ name: `s${i}`, at: T0 }));
  const full = from({ record: { ...(running.when(keepStep()).after as TaskRecord), steps }, revision: 9 });
  assert.is(full.when(keepStep('one more')).refusal, 'steps_full');
  assert.equal(full.when(keepStep('s7')).answer, { kind: 'done' });
});

test('R9 steps and what they came to take room; ones that lie elsewhere take as little as their names', () => {
  const before = running.when(keepStep('first')).after as TaskRecord;
  const after = from({ record: before, revision: 9 }).when(keepStep('second', { result: bytes(1, 2, 3) }))
    .after as TaskRecord;
  assert.ok(takesRoom(before, after));
  assert.not.ok(takesRoom(after, after));
  assert.not.ok(takesRoom(after, { ...after, status: 'pending' }));
});

test('G6 what waits behind a task has none of its steps', () => {
  const behind = submit({ id: 'task-2', key: 'k' }, { mode: { kind: 'coalesce' } });
  const { after } = given(submit({ key: 'k' }), claim(), keepStep(), behind, finish()).when(promote());
  assert.is(after?.id, 'task-2');
  assert.is(after?.steps, undefined);
});

test.run();
