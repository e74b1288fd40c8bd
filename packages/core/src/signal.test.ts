import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { answerToWait, SIGNALS_LIMIT, takesRoom } from './index.ts';
import { given } from './testing/given.ts';
import {
  ALICE,
  BOB,
  bytes,
  cancel,
  claim,
  finish,
  giveBack,
  makeAbortable,
  markFinishing,
  promote,
  rescue,
  ROOT,
  SERVICE,
  signal,
  submit,
  suspend,
  T0,
  threw,
  timeOut,
} from './testing/make.ts';

const test = suite('signals and waits');

const running = given(submit(), claim());
const suspended = given(submit(), claim(), suspend());

test('G4 a body that waits gives its slot back: pending, nobody runs it, ready again when its time is over', () => {
  const { after, events } = running.when(suspend());
  assert.equal(
    events.map(({ kind }) => kind),
    ['suspended'],
  );
  assert.is(after?.status, 'pending');
  assert.is(after?.owner, undefined);
  assert.is(after?.runAt, T0 + 300 + 60_000);
  assert.equal(after?.waiting, { signal: 'approved', since: T0 + 300 });
  assert.equal(after?.history.at(-1), {
    ...{ status: 'pending', at: T0 + 300, by: 'worker:w1', attempt: 1, why: 'waits for signal approved' },
  });
});

test('G4 an offer that was made before is not for it; nobody takes it before its time', () => {
  assert.is(suspended.when(claim('w2', { offered: 1 })).refusal, 'not_due');
});

test('G5 a signal makes it ready at once, and the run that goes on finds it; no attempt is counted', () => {
  const told = suspended.when(signal({ data: bytes(7) }));
  assert.equal(told.answer, { kind: 'delivered' });
  assert.is(told.after?.waiting, undefined);
  assert.is(told.after?.runAt, undefined);
  assert.is(told.after?.readyAt, T0 + 700);
  const entry = { id: 's-1', name: 'approved', at: T0 + 700, by: 'user:alice', data: bytes(7), awaited: true };
  assert.equal(told.after?.signals, [entry]);
  const { after } = told.and.when(claim('w2'));
  assert.is(after?.attempt, 1);
  assert.is(after?.failures, undefined);
  assert.is(after?.rescues, undefined);
  assert.equal(after && answerToWait(after, { name: 'approved', number: 1 }), entry);
  assert.is(after && answerToWait(after, { name: 'approved', number: 2 }), undefined);
  assert.is(after && answerToWait(after, { name: 'paid', number: 1 }), undefined);
});

test('G4 when no signal has come in time the run that goes on finds that, and a later signal answers the next wait', () => {
  const resumed = suspended.when(claim('w2', { at: T0 + 61_000 }));
  assert.equal(resumed.after?.signals, [{ name: 'approved', at: T0 + 61_000, timedOut: true }]);
  assert.is(resumed.after?.waiting, undefined);
  assert.is(resumed.after?.readyAt, T0 + 60_300);
  const late = resumed.and.when(signal());
  assert.equal(late.answer, { kind: 'kept' });
  assert.is(late.and.when(suspend()).after, late.after, 'the first wait was in vain and stays so');
  const second = late.and.when(suspend({ number: 2 }));
  assert.is(second.after, late.after);
});

test('G5 a signal that came before the wait is kept, whatever the task was doing, and answers it without a suspension', () => {
  for (const before of [
    given(submit()),
    running,
    given(submit({ policy: { maxAttempts: 2 } }), claim(), finish(threw())),
  ]) {
    const kept = before.when(signal());
    assert.equal(kept.answer, { kind: 'kept' });
    assert.is(kept.after?.status, before.now.record?.status);
    assert.is(kept.after?.runAt, before.now.record?.runAt);
  }
  const { after, and } = running.when(signal());
  assert.is(and.when(suspend()).after, after);
  // Of another name it answers nothing.
  assert.equal(and.when(suspend({ name: 'paid' })).after?.waiting, { signal: 'paid', since: T0 + 300 });
  assert.equal(suspended.when(signal({ name: 'paid' })).answer, { kind: 'kept' });
  assert.is(suspended.when(signal({ name: 'paid' })).after?.runAt, T0 + 60_300);
});

test('G4 a run whose cleanup handlers have run is over, also where the signal is there by now: ready at once', () => {
  const { after } = running.when(signal()).and.when(suspend({ isOver: true }));
  assert.is(after?.status, 'pending');
  assert.is(after?.waiting, undefined);
  assert.is(after?.runAt, undefined);
  assert.is(after?.readyAt, T0 + 300);
});

test('G5 the same signal again changes nothing and is told the same, also once the task has ended', () => {
  const first = suspended.when(signal());
  const again = first.and.when(signal({ at: T0 + 900, data: bytes(9) }));
  assert.is(again.after, first.after);
  assert.equal(again.answer, { kind: 'delivered' });
  const ended = first.and.when(claim('w2')).and.when(finish());
  assert.equal(ended.and.when(signal()).answer, { kind: 'delivered' });
  assert.is(ended.and.when(signal({ signal: 's-2' })).refusal, 'ended');
});

test('G5 what a retry, a rescue or a drain begins anew finds the same answers', () => {
  const policy = { maxAttempts: 2 };
  const told = given(submit({ policy }), claim(), suspend()).when(signal()).and.when(claim('w2')).and;
  for (const step of [finish(threw()), rescue('w2'), giveBack]) {
    const { after } = told.when(step);
    assert.is(after?.status, 'pending');
    assert.is(after?.signals?.length, 1);
    assert.is(after?.waiting, undefined);
  }
});

test('G5 scoped like a cancel: who may not see the task is told that there is none', () => {
  assert.is(suspended.when(signal({ actor: BOB })).refusal, 'not_found');
  assert.is(suspended.when(signal({ actor: SERVICE })).refusal, 'not_found');
  assert.is(suspended.when(signal({ id: 'task-2' })).refusal, 'not_found');
  assert.is(given().when(signal()).refusal, 'not_found');
  const { signals } = suspended.when(signal({ actor: ROOT })).after ?? {};
  assert.is(signals?.[0] !== undefined && 'by' in signals[0] && signals[0].by, 'user:root');
  const shared = given(submit({ scope: 'shared' }), submit({ id: 'task-9', creator: 'bob', scope: 'shared' }), claim());
  assert.equal(shared.when(signal({ actor: BOB })).answer, { kind: 'kept' });
  assert.is(given(submit({ scope: 'system' })).when(signal({ actor: ALICE })).refusal, 'not_found');
});

test('G5 what ends or is being aborted takes none; what waits behind it has no record yet', () => {
  const aborting = given(submit(), claim(), makeAbortable, cancel());
  assert.is(aborting.when(signal()).refusal, 'ended');
  const queued = given(submit(), claim(), makeAbortable, cancel(), submit({ id: 'task-2' }));
  assert.is(queued.when(signal({ id: 'task-2' })).refusal, 'behind');
  assert.is(queued.when(signal({ id: 'task-2', actor: BOB })).refusal, 'not_found');
  assert.is(given(submit(), claim(), finish()).when(signal()).refusal, 'ended');
});

test('G4 a cancel of what is suspended ends it at once, without a worker', () => {
  const { after, answer } = suspended.when(cancel());
  assert.equal(answer, { kind: 'aborted' });
  assert.is(after?.status, 'aborted');
  assert.is(after?.waiting, undefined);
  assert.is(after?.runAt, undefined);
  assert.is(after?.abort?.stoppedAt, T0 + 500);
});

test('G4 who does not own the run suspends nothing; an abort that came first stands', () => {
  assert.is(suspended.when(suspend()).refusal, 'fenced');
  assert.is(given(submit(), claim(), makeAbortable, cancel()).when(suspend()).refusal, 'aborting');
  assert.is(given(submit(), claim(), markFinishing).when(suspend()).refusal, 'too_late');
  // A late timeout of the run that was left, and the death of its worker, do not touch it.
  const former = given(submit({ policy: { timeoutMs: 1 } }), claim(), suspend());
  assert.is(former.when(timeOut).refusal, 'not_running');
  assert.is(former.when(rescue('w1')).refusal, 'not_running');
});

test('G4 an inline call that waits goes on in any worker', () => {
  const { after, and } = given(submit({ host: 'w1', mode: 'sync' }), claim()).when(suspend());
  assert.is(after?.host, undefined);
  assert.is(and.when(signal()).and.when(claim('w2')).after?.owner?.worker, 'w2');
});

test('G4 a task has so many signals and waits and no more; the one it waits for is let in all the same', () => {
  let at = running;
  for (let i = 0; i < SIGNALS_LIMIT - 1; i++) at = at.when(signal({ signal: `n-${i}`, name: 'noise' })).and;
  const waiting = at.when(suspend()).and;
  const full = waiting.when(signal({ signal: 'n-last', name: 'noise' }));
  assert.equal(full.answer, { kind: 'kept' });
  assert.is(full.and.when(signal({ signal: 'n-more', name: 'noise' })).refusal, 'signals_full');
  const told = full.and.when(signal());
  assert.equal(told.answer, { kind: 'delivered' });
  const resumed = told.and.when(claim('w2')).and;
  assert.is(resumed.when(suspend({ number: 2 })).refusal, 'signals_full');
  assert.is(resumed.when(suspend({ number: 2, isOver: true })).after?.status, 'pending');
});

test('R9 a signal takes room, a wait that is over takes none', () => {
  const { before, after } = suspended.when(signal({ data: bytes(1, 2, 3) }));
  assert.ok(after !== undefined && takesRoom(before, after));
  const resumed = suspended.when(claim('w2'));
  assert.not(resumed.after !== undefined && takesRoom(resumed.before, resumed.after));
});

test('a successor takes nothing of the signals of the task before it', () => {
  const aborted = given(submit(), claim(), signal({ actor: ALICE }), makeAbortable, cancel(), submit({ id: 'task-2' }));
  const { after } = aborted.when(finish()).and.when(promote());
  assert.is(after?.id, 'task-2');
  assert.is(after?.signals, undefined);
});

test.run();
