import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import type { Command } from './command.ts';
import { from, given, type Now, type Step } from './testing/given.ts';
import {
  bytes,
  claim,
  endAbnormally,
  fenceOf,
  finish,
  giveBack,
  makeAbortable,
  markNotStopping,
  observeAbort,
  progress,
  rescue,
  returned,
  signal,
  submit,
  suspend,
  T0,
  threw,
  timeOut,
} from './testing/make.ts';

const test = suite('what an attempt keeps');

/** The same command with more in it; undefined takes away. */
const withMore =
  (step: Step, more: object): Step =>
  (now) =>
    ({ ...(typeof step === 'function' ? step(now) : step), ...more }) as Command;

const THREE = { policy: { maxAttempts: 3 } };

test('C7 abortable holds for one attempt', () => {
  const story = given(submit(THREE), claim(), makeAbortable);
  assert.is(story.now.record?.abortable, true);
  const next = story.when(finish(threw())).and;
  assert.is(next.now.record?.abortable, undefined);
  assert.is(next.when(claim()).after?.abortable, undefined);
});

test('the trace of a run stays until the next one says its own, or that it has none', () => {
  const trace = { traceparent: '00-1-2-01', tracestate: 'a=1' };
  const story = given(submit({ ...THREE, ...trace }), claim('w1', { trace: '00-1-3-01' }));
  const { record } = story.now;
  assert.equal([record?.traceparent, record?.tracestate, record?.runTrace], ['00-1-2-01', 'a=1', '00-1-3-01']);
  const waiting = story.when(finish(threw())).and;
  assert.is(waiting.now.record?.runTrace, '00-1-3-01');
  assert.is(waiting.when(claim('w2', { trace: '00-1-4-01' })).after?.runTrace, '00-1-4-01');
  const untraced = waiting.when(claim('w2')).after;
  assert.is('runTrace' in untraced!, false);
  assert.is(untraced?.traceparent, '00-1-2-01');
});

test('the trace of a run that is told later comes with progress, or in the write of the end, whatever that is', () => {
  const trace = '00-1-5-01';
  const story = given(submit(THREE), claim('w1', { trace: '00-1-3-01' }));
  const told = story.when(progress({ trace, progress: { count: 1 } }));
  assert.equal([told.after?.runTrace, told.after?.progress], [trace, { count: 1 }]);
  assert.equal(story.when(progress({ trace })).after?.runTrace, trace);
  assert.equal(told.and.when(progress({ trace })).events, []);
  for (const [step, status] of [
    [finish(threw(), { trace }), 'pending'],
    [finish(returned, { trace }), 'success'],
    [withMore(giveBack, { trace }), 'pending'],
    [withMore(endAbnormally, { trace }), 'pending'],
    [withMore(suspend(), { trace }), 'pending'],
  ] as const) {
    const { after } = story.when(step);
    assert.equal([after?.status, after?.runTrace], [status, trace]);
    assert.is(story.when(withMore(step, { trace: undefined })).after?.runTrace, '00-1-3-01');
  }
});

test('the trace of a run is told by who owns it, and by a command that changes something', () => {
  const trace = '00-1-5-01';
  const story = given(submit(THREE), claim(), signal());
  const late = { ...fenceOf(story.now), revision: 9_999 };
  assert.is(story.when(progress({ trace, fence: late })).refusal, 'fenced');
  assert.is(story.when(withMore(suspend(), { trace, fence: late })).refusal, 'fenced');
  // Its signal is there: it goes on, and tells its trace another time.
  assert.equal(story.when(withMore(suspend(), { trace })).events, []);
});

test('C8 the checkpoint of the former attempt stays until the next one writes its own', () => {
  const story = given(
    submit(THREE),
    claim(),
    progress({ progress: { count: 7 }, payload: bytes(7) }),
    finish(threw()),
    claim(),
  );
  assert.equal(story.now.record?.progress, { count: 7 });
  assert.equal(story.now.record?.payload, bytes(7));
  const { after } = story.when(progress({ progress: { count: 1 } }));
  assert.equal(after?.progress, { count: 1 });
  assert.equal(after?.payload, bytes(7));
  assert.equal(story.when(progress()).events, []);
});

test('X8 priority is kept through retry, rescue and drain', () => {
  const low = submit({ ...THREE, priority: 'low', queue: 'q' });
  const story = given(low, claim(), finish(threw()), claim(), rescue(), claim(), giveBack, claim(), finish());
  assert.is(story.now.record?.priority, 'low');
  assert.is(story.now.record?.queue, 'q');
});

test('X7 a delayed task is taken only by the offer of its present revision', () => {
  const story = given(submit({ runAt: T0 + 5_000 }));
  assert.is(story.when(claim('w1', { offered: 0 })).refusal, 'not_due');
  assert.is(story.when(claim()).after?.status, 'in_progress');
});

test('X10 unknown fields survive every event of a task, at the top and below', () => {
  const first = submit({ policy: { maxAttempts: 9, timeoutMs: 5, futurePolicy: 1 } as object });
  const { record, revision } = given(first).now;
  assert.ok(record);
  const future = { ...record, future: { deep: bytes(1) } };
  const start: Now = { record: future, revision };
  const steps: readonly Step[] = [
    ...[claim(), progress({ progress: { count: 1 } }), finish(threw()), claim(), giveBack, claim(), rescue(), claim()],
    ...[makeAbortable, submit({ id: 'x' }), timeOut, observeAbort, submit({ id: 'task-2' }), submit({ id: 'y' })],
    ...[markNotStopping, finish()],
  ];
  const story = steps.reduce(continued, start);
  const last = story.record as typeof record & { future: unknown };
  assert.equal(last.future, { deep: bytes(1) });
  assert.is((last.policy as { futurePolicy?: unknown }).futurePolicy, 1);
  assert.is(last.status, 'timed_out');
  assert.is(last.successor?.dedupeCount, 1);
});

const continued = (now: Now, step: Step): Now => {
  const { and, refusal } = from(now).when(step);
  assert.is(refusal, undefined);
  return and.now;
};

test.run();
