import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import {
  answerOfChildren,
  CHILDREN_LIMIT,
  countChildren,
  openChildren,
  shareOf,
  shownProgress,
  SIGNALS_LIMIT,
} from './index.ts';
import { given, type Given } from './testing/given.ts';
import {
  adopt,
  ALICE,
  awaitChildren,
  bytes,
  cancel,
  child,
  CHILD_OF,
  claim,
  finish,
  giveBack,
  makeAbortable,
  markFinishing,
  noteChildren,
  parentEnded,
  progress,
  rescue,
  spawn,
  submit,
  T0,
  threw,
} from './testing/make.ts';

const test = suite('children');

const running = given(submit(), claim(), adopt(child(1), child(2)));
const waiting = given(submit(), claim(), adopt(child(1), child(2)), awaitChildren());

test('G3 a child is a task of its own, whose record names its parent, of its user and whoever waits for that', () => {
  const { after, answer } = given().when(
    spawn({ scope: 'shared' }, { subscribers: ['alice', 'bob'].map((user) => ({ user, at: T0 })) }),
  );
  assert.equal(answer, { kind: 'created', id: 'task-1' });
  assert.equal(
    [after?.parent, after?.awaited, after?.creator, after?.subscribers.map(({ user }) => user), after?.status],
    [CHILD_OF, true, 'alice', ['alice', 'bob'], 'pending'],
  );
  assert.equal(after?.history[0]?.why, 'spawned by parent-1');
});

test('G2, G3 a child that depends on its parent would wait for it, and it for the child', () => {
  const dependsOn = [{ ...CHILD_OF, name: 'parent' }];
  assert.is(given().when(spawn({ dependsOn })).refusal, 'waits_for_itself');
});

test('G3 spawned again it is the one that is there, whatever has become of it, and nothing changes', () => {
  const again = spawn({ id: 'task-2' });
  for (const before of [
    given(spawn()),
    given(spawn(), claim()),
    given(spawn(), claim(), finish()),
    given(spawn(), cancel()),
  ]) {
    const { answer, after } = before.when(again);
    assert.equal(answer, { kind: 'created', id: 'task-1' });
    assert.is(after, before.now.record);
  }
});

test('G3 what stands under its key and is no child of this parent is not joined; once it has ended it gives way', () => {
  assert.is(given(submit({ key: 'parent-1/k' })).when(spawn({ id: 'task-2' })).refusal, 'active');
  const another = { id: 'parent-2', address: '00.report.another' };
  assert.is(given(spawn({ parent: another })).when(spawn({ id: 'task-2' })).refusal, 'active');
  assert.is(given(submit(), claim(), finish()).when(spawn({ id: 'task-2' })).after?.id, 'task-2');
});

test('G3 the record of a parent names its children, once each, and says that its end is looked at', () => {
  const { after } = running.when(adopt(child(2), child(3)));
  assert.equal(
    after?.children?.map(({ id }) => id),
    ['child-1', 'child-2', 'child-3'],
  );
  assert.is(after?.awaited, true);
  assert.is(running.when(adopt(child(1))).after, running.now.record, 'nothing new, nothing written');
  assert.is(running.when(noteChildren({}, { adopted: child(3) })).after?.children?.length, 3);
  const full = given(submit(), claim(), adopt(...Array.from({ length: CHILDREN_LIMIT }, (_, i) => child(i))));
  assert.is(full.when(adopt(child(500))).refusal, 'children_full');
  assert.is(full.when(noteChildren({}, { adopted: child(500) })).refusal, 'children_full');
});

test('G3 nobody but the owner of the run names children; also one that is being aborted does, one that has ended does not', () => {
  const given_ = given(submit(), claim(), makeAbortable, cancel());
  assert.is(given_.when(adopt(child(1))).after?.children?.length, 1);
  assert.is(given(submit(), claim(), giveBack).when(adopt(child(1))).refusal, 'fenced');
  assert.is(
    given(submit(), claim(), adopt(child(1)), finish()).when(noteChildren({ 'child-1': 'success' })).refusal,
    'ended',
  );
});

test('G3 ends and shares are noted; an end stands, and what is no news changes nothing', () => {
  const noted = running.when(noteChildren({ 'child-1': 'failure' }, { shares: [{ id: 'child-2', share: 0.5 }] }));
  assert.equal(noted.after?.children, [
    child(1, { end: { status: 'failure', at: T0 + 600 } }),
    child(2, { share: 0.5 }),
  ]);
  const { and, after } = noted;
  assert.is(and.when(noteChildren({ 'child-1': 'success' })).after, after);
  assert.is(and.when(noteChildren({}, { shares: [{ id: 'child-2', share: 0.5 }] })).after, after);
  assert.is(and.when(noteChildren({ stranger: 'success' })).after, after);
  assert.is(and.when(noteChildren({}, { id: 'other' })).refusal, 'not_found');
  assert.equal(
    openChildren(after!).map(({ id }) => id),
    ['child-2'],
  );
  assert.equal(countChildren(after?.children ?? []), { total: 2, done: 1, failed: 1 });
});

test('G3 progress is the mean of the children where the handler tells none; what it tells stands', () => {
  const { after, and } = running.when(
    noteChildren({ 'child-1': 'failure' }, { shares: [{ id: 'child-2', share: 0.5 }] }),
  );
  assert.equal(after && shownProgress(after), { fraction: 0.75 });
  assert.is(after && shareOf(after), 0.75);
  const told = and.when(progress({ progress: { current: 1, total: 3 } })).after;
  assert.equal(told && shownProgress(told), { current: 1, total: 3 });
  assert.is(told && shareOf(told), 0.33);
  assert.is(shownProgress({}), undefined);
  assert.is(shownProgress({ children: [] }), undefined);
});

test('G3 a child whose parent was cancelled, timed out, failed or is lost is cancelled by it', () => {
  for (const how of ['aborting', 'aborted', 'timed_out', 'failure', 'gone'] as const) {
    const pending = given(spawn()).when(parentEnded(how)).after;
    assert.equal([pending?.status, pending?.abort?.by, pending?.abort?.cause], ['aborted', 'task:parent-1', 'cancel']);
    const stopping = given(spawn(), claim(), makeAbortable).when(parentEnded(how));
    assert.equal([stopping.after?.status, stopping.after?.abort?.by], ['aborting', 'task:parent-1']);
    assert.match(stopping.after?.history.at(-1)?.why ?? '', 'its parent');
    assert.is(stopping.and.when(parentEnded(how)).after, stopping.after);
    assert.is(
      given(spawn({ policy: { isolation: 'thread' } }), claim()).when(parentEnded(how)).after?.status,
      'aborting',
    );
  }
});

test('G3 one that cannot be stopped runs on, is stopped once it can be, and is not run again', () => {
  const stubborn = given(spawn({ policy: { maxAttempts: 3 } }), claim());
  const told = stubborn.when(parentEnded('failure'));
  assert.is(told.after, stubborn.now.record);
  assert.is(given(spawn(), claim(), markFinishing).when(parentEnded('failure')).after?.status, 'in_progress');
  const abortable = told.and.when(makeAbortable).and.when(parentEnded('failure'));
  assert.is(abortable.after?.status, 'aborting');
  const failed = told.and.when(finish(threw('boom')));
  assert.is(failed.after?.status, 'pending');
  assert.is(failed.and.when(parentEnded('failure')).after?.status, 'aborted');
});

test('G3 a child goes on where its parent succeeded, or it was to be left; and is asked no more', () => {
  const over = given(spawn(), claim(), makeAbortable).when(parentEnded('success'));
  assert.equal([over.after?.status, over.after?.parent?.over], ['in_progress', true]);
  assert.is(over.and.when(parentEnded('gone')).after, over.after);
  const left = given(spawn({ parent: { ...CHILD_OF, leave: true } }));
  assert.is(left.when(parentEnded('failure')).after, left.now.record);
  assert.is(given(spawn(), claim(), finish()).when(parentEnded('aborted')).after?.status, 'success');
  assert.is(given(submit()).when(parentEnded('aborted')).refusal, 'not_found');
  const other = given(spawn({ parent: { ...CHILD_OF, id: 'parent-2' } }));
  assert.is(other.when(parentEnded('aborted')).refusal, 'not_found');
});

test('G4 a body that waits for children gives its slot back, until they have ended; no attempt is counted', () => {
  const { record } = waiting.now;
  assert.equal(
    [record?.status, record?.owner, record?.runAt, record?.history.at(-1)?.why],
    ['pending', undefined, T0 + 60_300, 'waits for 2 children'],
  );
  assert.equal(record?.waiting, { children: ['child-1', 'child-2'], number: 1, since: T0 + 300 });
  const one = waiting.when(noteChildren({ 'child-1': 'success' }));
  assert.is(one.after?.waiting, record?.waiting);
  const both = one.and.when(noteChildren({ 'child-2': 'success' }));
  assert.equal([both.after?.waiting, both.after?.runAt, both.after?.readyAt], [undefined, undefined, T0 + 700]);
  const resumed = both.and.when(claim('w2'));
  assert.equal([resumed.after?.attempt, resumed.after?.failures, resumed.after?.rescues], [1, undefined, undefined]);
  assert.is(resumed.and.when(awaitChildren()).after, resumed.after, 'answered at once');
  assert.is(
    resumed.and.when(awaitChildren({ isOver: true })).after?.status,
    'pending',
    'its cleanup handlers have run',
  );
});

test('G4 one that fails ends the wait at once, unless it is to go on; lost and cancelled ones are failures', () => {
  for (const how of ['failure', 'aborted', 'timed_out', 'gone'] as const) {
    const { after } = waiting.when(noteChildren({ 'child-2': how }));
    assert.is(after?.waiting, undefined);
    const answer = after && answerOfChildren(after, { children: ['child-1', 'child-2'], number: 1 });
    assert.equal(answer?.kind === 'failed' && answer.child.id, 'child-2');
    const on = given(submit(), claim(), adopt(child(1), child(2)), awaitChildren({ onFailure: 'continue' }));
    const noted = on.when(noteChildren({ 'child-2': how }));
    assert.ok(noted.after?.waiting !== undefined);
    assert.is(noted.and.when(noteChildren({ 'child-1': 'success' })).after?.waiting, undefined);
  }
});

test('G4 of several that failed the one that failed first is told, in every run', () => {
  const wait = { children: ['child-2', 'child-1'], number: 1 };
  const first = running.when(noteChildren({ 'child-1': 'failure' }));
  const then = first.and.when(
    noteChildren(
      { 'child-2': 'failure' },
      { at: T0 + 900, ends: [{ id: 'child-2', end: { status: 'failure', at: T0 + 800 } }] },
    ),
  );
  for (const { after } of [first, then]) {
    const answer = after && answerOfChildren(after, wait);
    assert.equal(answer?.kind === 'failed' && answer.child.id, 'child-1');
  }
});

test('G4 when its time is over the run that goes on is told so, in every run, also when the children end later', () => {
  const late = waiting.when(claim('w2', { at: T0 + 61_000 }));
  assert.equal([late.after?.waitsOver, late.after?.waiting], [[1], undefined]);
  assert.is(late.after?.signals, undefined);
  const ended = late.and.when(noteChildren({ 'child-1': 'success', 'child-2': 'success' }));
  const wait = { children: ['child-1', 'child-2'], number: 1 };
  assert.equal(ended.after && answerOfChildren(ended.after, wait), { kind: 'timed-out' });
  assert.is((ended.after && answerOfChildren(ended.after, { ...wait, number: 2 }))?.kind, 'ended');
});

test("G4 a cancel ends a wait; a run that is not the owner's, is being aborted or has ended begins none", () => {
  assert.equal(
    [waiting.when(cancel(ALICE)).after?.status, waiting.when(cancel(ALICE)).after?.waiting],
    ['aborted', undefined],
  );
  assert.is(given(submit(), claim(), adopt(child(1)), giveBack).when(awaitChildren()).refusal, 'fenced');
  assert.is(given(submit(), claim(), makeAbortable, cancel()).when(awaitChildren()).refusal, 'aborting');
  assert.is(given(submit(), claim(), markFinishing).when(awaitChildren()).refusal, 'too_late');
});

test('G4 waits in vain are bounded', () => {
  let now: Given = running;
  for (let number = 1; number <= SIGNALS_LIMIT; number++) {
    now = now.when(awaitChildren({ number })).and.when(claim('w1', { at: T0 + 61_000 })).and;
  }
  assert.is(now.now.record?.waitsOver?.length, SIGNALS_LIMIT);
  assert.is(now.when(awaitChildren({ number: SIGNALS_LIMIT + 1 })).refusal, 'signals_full');
});

test('G4 a rescue or a retry keeps what is known of the children', () => {
  const noted = running.when(
    noteChildren(
      { 'child-1': 'success' },
      { ends: [{ id: 'child-1', end: { status: 'success', at: T0 + 600, left: bytes(1) } }] },
    ),
  );
  const rescued = noted.and.when(rescue()).and.when(claim('w2'));
  assert.equal(rescued.after?.children, noted.after?.children);
  assert.is(rescued.after?.attempt, 2);
});

test.run();
