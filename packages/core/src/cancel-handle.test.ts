import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { CANCELLER_TRIES, takesRoom, type TaskRecord } from './index.ts';
import { from, given, type Given } from './testing/given.ts';
import {
  ALICE,
  bytes,
  cancel,
  claim,
  endAbnormally,
  endCancelling,
  EPOCH,
  finish,
  giveBack,
  keepStep,
  makeAbortable,
  markFinishingWith,
  rescue,
  returned,
  ROOT,
  setCancelHandle,
  submit,
  suspend,
  T0,
  threw,
  timeOut,
} from './testing/make.ts';

const test = suite('cancel handles');

const to = (worker: string, revision = 5) => ({ canceller: { worker, fence: { epoch: EPOCH, revision } } });

const holding = given(submit({ policy: { maxAttempts: 2 } }), claim(), makeAbortable, setCancelHandle(bytes(7)));
const aborting = given(submit(), claim(), makeAbortable, setCancelHandle(bytes(7)), cancel(ALICE));

test('G7 a handle stands in the record while its run lasts: the last one that was set, or none', () => {
  assert.equal(holding.now.record?.cancelHandle, { data: bytes(7) });
  assert.equal(holding.when(setCancelHandle(bytes(8))).after?.cancelHandle, { data: bytes(8) });
  const cleared = holding.when((now) => ({ kind: 'set-cancel-handle', at: T0, fence: now.record!.owner!.fence }));
  assert.is(cleared.after?.cancelHandle, undefined);
  for (const over of [finish(), finish(threw()), giveBack, suspend()]) {
    const { after, refusal } = holding.when(over);
    assert.is(refusal, undefined);
    assert.is(after?.cancelHandle, undefined);
  }
});

test('G7 only who runs the task sets one, until its body has ended', () => {
  const other = { kind: 'set-cancel-handle', at: T0, fence: { epoch: 1, revision: 9 }, data: bytes(1) } as const;
  assert.is(holding.when(other).refusal, 'fenced');
  assert.is(given(submit(), claim(), finish()).when(setCancelHandle()).refusal, 'fenced');
  const finishing = given(submit(), claim(), markFinishingWith(returned));
  assert.is(finishing.when(setCancelHandle()).refusal, 'too_late');
});

test('G7 its worker dies: another one becomes the owner, which cancels what was begun; then it is run again', () => {
  const given = holding.when(rescue('w1', to('w2')));
  assert.equal(
    given.events.map(({ kind }) => kind),
    ['canceller-begun'],
  );
  const { after } = given;
  assert.equal([after?.status, after?.cancelling, after?.owner?.worker], ['in_progress', true, 'w2']);
  assert.is(after?.rescues, undefined, 'nothing is run again yet');
  assert.is(given.and.when(keepStep('late', { fence: holding.now.record!.owner!.fence })).refusal, 'fenced');
  const again = given.and.when(endCancelling()).after;
  assert.equal([again?.status, again?.rescues, again?.owner], ['pending', 1, undefined]);
  assert.equal([again?.cancelHandle, again?.cancelling], [undefined, undefined]);
  assert.is(again?.history.at(-1)?.why, 'its worker died; its canceller has run');
  assert.is(again?.history.at(-1)?.by, 'worker:w2');
});

test('G7 its worker dies while it aborts: it is aborted when its canceller has run, and not before', () => {
  const given = aborting.when(rescue('w1', to('w2')));
  assert.equal([given.after?.status, given.after?.owner?.worker], ['aborting', 'w2']);
  assert.equal(given.after?.abort, { cause: 'cancel', by: 'user:alice', at: T0 + 500 });
  const { after } = given.and.when(endCancelling());
  assert.equal([after?.status, after?.abort?.stoppedAt], ['aborted', T0 + 9_000]);
});

test('G7 a canceller that fails is told of, and holds up nothing', () => {
  const error = { message: 'no such query', type: 'RangeError' };
  const why = 'its worker died; what it had begun elsewhere was not cancelled: RangeError: no such query';
  for (const [story, status] of [
    [holding, 'pending'],
    [aborting, 'aborted'],
  ] as const) {
    const { after } = story.when(rescue('w1', to('w2'))).and.when(endCancelling({ error }));
    assert.equal([after?.status, after?.history.at(-1)?.why], [status, why]);
  }
});

test('G7 nobody is there who can: it waits for one; where it is known that nobody can, it goes on and says so', () => {
  assert.is(holding.when(rescue()).refusal, 'no_canceller');
  assert.is(aborting.when(rescue()).refusal, 'no_canceller');
  const { after } = holding.when(rescue('w1', { canceller: 'none' }));
  assert.is(after?.history.at(-1)?.why, 'worker w1 died; what it had begun elsewhere was not cancelled');
  assert.is(aborting.when(rescue('w1', { canceller: 'none' })).after?.status, 'aborted');
});

test('G7 the worker of the canceller dies, too: the next one is given it, so many times', () => {
  let story: Given = holding;
  for (let i = 1; i <= CANCELLER_TRIES; i++) {
    const given = story.when(rescue(`w${i}`, to(`w${i + 1}`, 4 + i)));
    assert.equal([given.after?.owner?.worker, given.after?.cancelHandle?.tries], [`w${i + 1}`, i]);
    story = given.and;
  }
  const last = story.when(rescue(`w${CANCELLER_TRIES + 1}`, to('w9', 99)));
  assert.equal([last.after?.status, last.after?.rescues], ['pending', 1]);
  assert.match(last.after?.history.at(-1)?.why ?? '', 'was not cancelled');
});

test('G7 a cancel and a timeout while the canceller runs: the one ends the task when it has, the other changes nothing', () => {
  const plain = given(submit({ policy: { timeoutMs: 5 } }), claim(), setCancelHandle());
  const cancelled = plain.when(rescue('w1', to('w2')));
  assert.equal(cancelled.and.when(timeOut).events, []);
  const told = cancelled.and.when(cancel(ALICE));
  assert.equal(
    [told.answer?.kind, told.after?.status],
    ['aborted', 'aborting'],
    'also where the body could not be stopped',
  );
  assert.is(told.and.when(endCancelling()).after?.status, 'aborted');
});

test('G7 an admin ends by force what no canceller comes for', () => {
  const waits = aborting.when((now) => ({
    ...{ kind: 'mark-not-stopping', at: T0 + 70_000, by: 'supervisor:s1', fence: now.record!.owner!.fence },
  }));
  const { after } = waits.and.when(cancel(ROOT, { force: true }));
  assert.equal([after?.status, after?.cancelHandle], ['aborted', undefined]);
});

test('G7 a worker that goes while the body runs does not give it back: whoever takes it from the dead cancels first', () => {
  assert.is(holding.when(endAbnormally).refusal, 'too_late');
  const runs = holding.when((now) => ({
    ...{ kind: 'give-back', at: T0 + 400, fence: now.record!.owner!.fence, why: 'drain', isRunning: true },
  }));
  assert.is(runs.refusal, 'too_late');
  assert.is(holding.when(giveBack).after?.status, 'pending', 'its body has ended');
});

test('G7, L3 one whose body had ended is ended as that, when what its cleanup handlers may have left is cancelled', () => {
  const finishing = given(submit(), claim(), setCancelHandle(), markFinishingWith(returned));
  const taken = finishing.when(rescue('w1', to('w2')));
  assert.equal([taken.after?.status, taken.after?.finishing, taken.after?.cancelling], ['in_progress', true, true]);
  assert.is(taken.and.when(endCancelling()).after?.status, 'success');
});

test('G7 only its worker ends it, once', () => {
  assert.is(holding.when(endCancelling()).refusal, 'fenced');
  const over = holding.when(rescue('w1', to('w2'))).and;
  assert.is(over.when(endCancelling({ fence: holding.now.record!.owner!.fence })).refusal, 'fenced');
  const ended = over.when(endCancelling());
  assert.is(ended.and.when(endCancelling({ fence: over.now.record!.owner!.fence })).refusal, 'fenced');
});

test('R9 a handle takes room', () => {
  const before = given(submit(), claim()).now.record as TaskRecord;
  const after = from({ record: before, revision: 3 }).when(setCancelHandle(bytes(1, 2))).after as TaskRecord;
  assert.ok(takesRoom(before, after));
  assert.not.ok(takesRoom(after, { ...after, cancelHandle: { data: bytes(1, 2), tries: 1 } }));
});

test.run();
