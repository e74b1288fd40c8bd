import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { backoffDelayMs, type Backoff } from './index.ts';
import { given } from './testing/given.ts';
import {
  bytes,
  cancel,
  claim,
  endAbnormally,
  EPOCH,
  fenceOf,
  finish,
  giveBack,
  makeAbortable,
  markFinishing,
  markNotStopping,
  observeAbort,
} from './testing/make.ts';
import { progress, rescue, returned, submit, T0, threw, timeOut } from './testing/make.ts';

const test = suite('claims, timeouts, retries, rescues');

const timed = submit({ policy: { timeoutMs: 500 } });

test('claim: the fence is the revision it was decided on', () => {
  const { after } = given(submit()).when(claim('w1'));
  assert.equal(after?.owner, { worker: 'w1', fence: { epoch: EPOCH, revision: 1 }, at: T0 + 100 });
});

test('claim: a second worker is refused, a repeat of the same claim is not', () => {
  const story = given(submit(), claim('w1'));
  assert.is(story.when(claim('w2')).refusal, 'not_pending');
  assert.equal(story.when(claim('w1', { revision: 1, offered: 1 })).events, []);
  assert.is(story.when(claim('w2', { revision: 1, offered: 1 })).refusal, 'not_pending');
});

test('claim: a repeat that comes when the task has ended does not start it again', () => {
  const story = given(submit(), claim('w1'), finish());
  assert.is(story.when(claim('w1', { revision: 1, offered: 1 })).refusal, 'not_pending');
});

test('claim: no task, or another one', () => {
  assert.is(given().when(claim()).refusal, 'not_found');
  assert.is(given(submit()).when(claim('w1', { id: 'x' })).refusal, 'not_found');
});

test('X1 an inline call is for its own process until that process dies', () => {
  const story = given(submit({ mode: 'sync', host: 'p1' }));
  assert.is(story.when(claim('w1')).refusal, 'not_pending');
  assert.is(story.when(claim('p1')).after?.status, 'in_progress');
  assert.is(story.when(rescue('w1')).refusal, 'not_running');
  const { after, and } = story.when(rescue('p1'));
  assert.is(after?.status, 'pending');
  assert.is(after?.host, undefined);
  assert.is(after?.rescues, undefined);
  assert.is(after?.history.length, 1);
  assert.is(and.when(claim('w1')).after?.attempt, 1);
});

test('X1 L1 an inline call that never began does not fail with its process, whatever its policy', () => {
  for (const policy of [{ onOrphan: 'fail' }, { maxRescues: 0 }] as const) {
    assert.is(given(submit({ mode: 'sync', host: 'p1', policy })).when(rescue('p1')).after?.status, 'pending');
  }
});

test('X1 an inline call is run on by others after a rescue and after a drain of its process', () => {
  const running = given(submit({ mode: 'sync', host: 'p1' }), claim('p1'));
  assert.is(running.when(rescue('p1')).and.when(claim('w1')).after?.attempt, 2);
  assert.is(running.when(giveBack).and.when(claim('w1')).after?.attempt, 1);
});

test('T1 each attempt begins its own time', () => {
  const story = given(
    submit({ policy: { timeoutMs: 500, maxAttempts: 2 } }),
    claim(),
    finish(threw()),
    claim('w2', { at: T0 + 7_000 }),
  );
  assert.is(story.now.record?.startedAt, T0 + 7_000);
});

test('T1 without a timeout there is none', () => {
  assert.is(given(submit(), claim(), makeAbortable).when(timeOut).refusal, 'not_running');
});

test('T2 abortable: aborting, then timed out; not retried', () => {
  const story = given(submit({ policy: { timeoutMs: 500, maxAttempts: 5 } }), claim(), makeAbortable, timeOut);
  assert.is(story.now.record?.status, 'aborting');
  assert.equal(story.now.record?.abort, { cause: 'timeout', by: 'supervisor:s1', at: T0 + 600 });
  assert.is(story.when(finish(threw())).after?.status, 'timed_out');
  const failed = story.when(finish(returned, { handlerErrors: [{ message: 'no', type: 'Error' }] }));
  assert.is(failed.after?.status, 'failure');
});

test('T3 not abortable: marked, once, and the task runs on to its own end', () => {
  const { after, and } = given(timed, claim()).when(timeOut);
  assert.is(after?.status, 'in_progress');
  assert.is(after?.timeoutUnenforced, true);
  assert.equal(and.when(timeOut).events, []);
  const end = and.when(finish()).after;
  assert.is(end?.status, 'success');
  assert.is(end?.timeoutUnenforced, true);
});

test('T3 the mark is of one attempt', () => {
  const story = given(submit({ policy: { timeoutMs: 500, maxAttempts: 2 } }), claim(), timeOut, finish(threw()));
  assert.is(story.now.record?.timeoutUnenforced, undefined);
});

test('T6 not stopping: only what is aborting, only once', () => {
  assert.is(given(timed, claim()).when(markNotStopping).refusal, 'not_running');
  const { after, and } = given(timed, claim(), makeAbortable, timeOut).when(markNotStopping);
  assert.is(after?.notStopping, true);
  assert.is(after?.status, 'aborting');
  assert.equal(and.when(markNotStopping).events, []);
});

test('R2 failures of the body are counted, the last one too, and attempts end there', () => {
  const three = submit({ policy: { maxAttempts: 3 } });
  const story = given(three, claim(), finish(threw()), claim(), finish(threw()), claim());
  const { after } = story.when(finish(threw('third')));
  assert.is(after?.status, 'failure');
  assert.is(after?.failures, 3);
  assert.is(after?.attempt, 3);
  assert.is(after?.error?.message, 'third');
});

test('R2 a TerminalError stops retrying', () => {
  const { after } = given(submit({ policy: { maxAttempts: 3 } }), claim()).when(
    finish(threw('no', { terminal: true })),
  );
  assert.is(after?.status, 'failure');
  assert.is(after?.failures, 1);
});

test('R2 a RetryableError sets the delay; what is no delay is not taken for one', () => {
  const runAt = (retryAfterMs: number) =>
    (given(submit({ policy: { maxAttempts: 2 } }), claim()).when(finish(threw('later', { retryAfterMs }))).after
      ?.runAt ?? NaN) -
    (T0 + 1_000);
  assert.is(runAt(42_000), 42_000);
  assert.is(runAt(0), 0);
  assert.is(runAt(-5), 0);
  assert.is(runAt(0.4), 0);
  assert.is(runAt(Number.NaN), 1_000);
  assert.is(runAt(Number.POSITIVE_INFINITY), 366 * 86_400_000);
});

test('R2 back-off grows, is capped, and spreads downwards', () => {
  const backoff: Backoff = { initialMs: 100, factor: 3, maxMs: 1_000, jitter: 0.5 };
  assert.equal(
    [1, 2, 3, 4, 400].map((n) => backoffDelayMs(backoff, n, 0)),
    [100, 300, 900, 1_000, 1_000],
  );
  assert.is(backoffDelayMs(backoff, 2, 0.5), 225);
  assert.is(backoffDelayMs({ ...backoff, initialMs: 0 }, 5_000, 0), 0);
});

test('R3 a rescue counts apart from failures, and makes the next attempt', () => {
  const story = given(
    submit({ policy: { maxAttempts: 2 } }),
    claim(),
    rescue(),
    claim('w2'),
    finish(threw()),
    claim('w2'),
  );
  const { record } = story.now;
  assert.is(record?.rescues, 1);
  assert.is(record?.failures, 1);
  assert.is(record?.attempt, 3);
});

test('R3 after two rescues the third death ends it, with who and why', () => {
  const story = given(submit(), claim('a'), rescue('a'), claim('b'), rescue('b'), claim('c'));
  const { after } = story.when(rescue('c'));
  assert.is(after?.status, 'failure');
  assert.is(after?.error?.type, 'OrphanedTaskError');
  assert.match(after?.error?.message ?? '', 'worker c died');
  assert.is(after?.rescues, 2);
  assert.is(after?.failures, undefined);
  assert.is(after?.history.at(-1)?.by, 'supervisor:s1');
});

test('R10 a run whose worker ends abnormally is counted as rescued; the second one in a row ends the task', () => {
  const { after, and } = given(submit(), claim('a')).when(endAbnormally);
  assert.equal([after?.status, after?.rescues, after?.owner], ['pending', 1, undefined]);
  assert.is(after?.history.at(-1)?.why, 'worker a ended abnormally: a stray error');
  const second = and.when(claim('b')).and.when(endAbnormally).after;
  assert.equal([second?.status, second?.error?.type, second?.rescues], ['failure', 'OrphanedTaskError', 1]);
  assert.match(second?.error?.message ?? '', 'worker b ended abnormally: a stray error; given up after 1 rescue');
  assert.is(second?.history.at(-1)?.by, 'worker:b');
});

test('R10 found dead and ended by itself are one count, and maxRescues is the limit where it is given', () => {
  const mixed = given(submit(), claim('a'), rescue('a'), claim('b'));
  assert.is(mixed.when(endAbnormally).after?.status, 'failure');
  const other = given(submit(), claim('a'), endAbnormally, claim('b')).when(rescue('b'));
  assert.equal([other.after?.status, other.after?.rescues], ['pending', 2]);
  const many = given(submit({ policy: { maxRescues: 3 } }), claim('a'), endAbnormally, claim('b'), endAbnormally);
  assert.equal([many.now.record?.status, many.now.record?.rescues], ['pending', 2]);
  const none = given(submit({ policy: { maxRescues: 0 } }), claim('a')).when(endAbnormally);
  assert.is(none.after?.error?.type, 'OrphanedTaskError');
  const fails = given(submit({ policy: { onOrphan: 'fail' } }), claim('a')).when(endAbnormally);
  assert.match(fails.after?.error?.message ?? '', 'ended abnormally: a stray error while it ran the task');
});

test('R10 an abnormal end does not end what is being aborted or finished', () => {
  assert.is(given(submit(), claim(), makeAbortable, cancel()).when(endAbnormally).refusal, 'aborting');
  assert.is(given(submit(), claim(), markFinishing).when(endAbnormally).refusal, 'too_late');
});

test('R3 or fails at once with onOrphan: fail', () => {
  const { after } = given(submit({ policy: { onOrphan: 'fail' } }), claim()).when(rescue());
  assert.is(after?.status, 'failure');
  assert.is(after?.error?.type, 'OrphanedTaskError');
});

test('R3 only from the worker that died, and only the run that is given up', () => {
  const story = given(submit(), claim('w1'));
  const fence = fenceOf(story.now);
  assert.is(story.when(rescue('w2')).refusal, 'not_running');
  assert.is(story.when(rescue('w1', { id: 'x' })).refusal, 'not_running');
  assert.is(story.when(rescue('w1', { fence })).after?.rescues, 1);
  const again = story.when(giveBack).and.when(claim('w1')).and;
  assert.is(again.when(rescue('w1', { fence })).refusal, 'not_running');
  assert.is(given(submit()).when(rescue('w1')).refusal, 'not_running');
});

test('R4 a zombie has every write refused, also when the same worker holds the task again', () => {
  const story = given(submit({ policy: { timeoutMs: 5 } }), claim('w1'));
  const fence = fenceOf(story.now);
  const later = story.when(rescue('w1')).and.when(claim('w1')).and;
  const stale = [
    makeAbortable,
    progress({ payload: bytes(1) }),
    markFinishing,
    observeAbort,
    finish(),
    finish(threw()),
    giveBack,
  ];
  for (const step of [...stale, timeOut, markNotStopping]) {
    const { refusal, after } = later.when((now) => ({ ...(step as (n: typeof now) => object)(now), fence }) as never);
    assert.ok(refusal === 'fenced' || refusal === 'not_running');
    assert.is(after, later.now.record);
  }
});

test('R7 a retry says which task it repeats', () => {
  assert.is(given().when(submit({ id: 'task-2', retriedFrom: 'task-1' })).after?.retriedFrom, 'task-1');
});

test.run();
