import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import type { Status } from './index.ts';
import { taskOf } from './index.ts';
import { from, given, type Given, type Step } from './testing/given.ts';
import * as make from './testing/make.ts';
import {
  bytes,
  cancel,
  claim,
  endAbnormally,
  error,
  finish,
  giveBack,
  makeAbortable,
  markFinishing,
  markFinishingWith,
  markNotStopping,
  observeAbort,
  progress,
  promote,
  rescue,
  returned,
  ROOT,
  submit,
  T0,
  threw,
  timeOut,
} from './testing/make.ts';

const test = suite('lifecycle');

const statusOf = (story: Given): Status | undefined => story.now.record?.status;
const force = () => cancel(ROOT, { force: true });
const THREE = { policy: { maxAttempts: 3 } };

test('L1 a task is made pending, with its maker as first subscriber and its first transition', () => {
  const { after, answer } = given().when(submit());
  assert.equal(answer, { kind: 'created', id: 'task-1' });
  assert.equal(after, {
    ...make.spec(),
    v: 1,
    status: 'pending',
    subscribers: [{ user: 'alice', at: T0 }],
    createdAt: T0,
    changedAt: T0,
    attempt: 0,
    history: [{ status: 'pending', at: T0, by: 'user:alice', attempt: 0 }],
  });
});

test('L1 pending -> in_progress -> success, with the result, and the owner still told', () => {
  const { after } = given(submit(), claim()).when(finish({ kind: 'returned', result: bytes(1, 2) }));
  assert.is(after?.status, 'success');
  assert.equal(after?.result, bytes(1, 2));
  assert.is(after?.endedAt, T0 + 1_000);
  assert.is(after?.owner?.worker, 'w1');
  assert.equal(
    after?.history.map((h) => [h.status, h.by, h.attempt]),
    [
      ['pending', 'user:alice', 0],
      ['in_progress', 'worker:w1', 1],
      ['success', 'worker:w1', 1],
    ],
  );
});

test('L1 every other way, and nothing else', () => {
  const ways: readonly (readonly [Step[], Status])[] = [
    [[cancel()], 'aborted'],
    [[claim(), finish(threw())], 'failure'],
    [[claim(), giveBack], 'pending'],
    [[claim(), rescue()], 'pending'],
    [[claim(), makeAbortable, cancel()], 'aborting'],
    [[claim(), makeAbortable, cancel(), finish()], 'aborted'],
    [[claim(), makeAbortable, cancel(), finish(returned, { handlerErrors: [error('h')] })], 'failure'],
  ];
  for (const [steps, status] of ways) assert.is(statusOf(given(submit(), ...steps)), status);
  const timed = submit({ policy: { timeoutMs: 10 } });
  assert.is(statusOf(given(timed, claim(), makeAbortable, timeOut, finish())), 'timed_out');
});

const ENDS: readonly (readonly [Status, Step[]])[] = [
  ['success', [claim(), finish()]],
  ['failure', [claim(), finish(threw())]],
  ['aborted', [cancel()]],
  ['timed_out', [claim(), makeAbortable, timeOut, finish()]],
];

for (const [status, steps] of ENDS) {
  test(`L2 ${status} is final: no command changes status, result or error`, () => {
    const story = given(submit({ policy: { timeoutMs: 10 } }), ...steps);
    const before = story.now.record;
    assert.is(before?.status, status);
    const tries: readonly Step[] = [
      ...[
        claim('w1'),
        claim('w2'),
        makeAbortable,
        progress({ payload: bytes(9) }),
        markFinishing,
        observeAbort,
        timeOut,
      ],
      ...[finish({ kind: 'returned', result: bytes(7) }), finish(threw('later')), giveBack, markNotStopping, rescue()],
      ...[cancel(), cancel(ROOT, { force: true }), promote()],
    ];
    for (const step of tries) assert.is(story.when(step).after, before);
  });

  test(`L2 after ${status} the key is free for a task with a new id`, () => {
    const story = given(submit({ policy: { timeoutMs: 10 } }), ...steps);
    const { after, answer } = story.when(submit({ id: 'task-2' }));
    assert.equal(answer, { kind: 'created', id: 'task-2' });
    assert.is(after?.status, 'pending');
    assert.is(after?.attempt, 0);
    assert.is(after?.history.length, 1);
    for (const gone of ['result', 'error', 'endedAt', 'owner', 'abort', 'archived'] as const)
      assert.is(after?.[gone], undefined);
  });
}

test('L2 the same finish again is fine, and changes nothing', () => {
  const again = given(submit(), claim(), finish()).when(finish());
  assert.equal(again.answer, { kind: 'done' });
  assert.equal(again.events, []);
});

test('L2 a finish that comes after somebody else ended the task is told so', () => {
  const stopped = given(submit(), claim(), makeAbortable, cancel());
  const orphan = given(submit({ policy: { onOrphan: 'fail' } }), claim(), rescue());
  assert.is(orphan.when(finish()).refusal, 'fenced');
  const { and } = stopped.when(rescue());
  assert.is(statusOf(and), 'aborted');
  assert.is(and.when(finish()).refusal, 'fenced');
});

test('L3 finishing: a cancel is too late and the timeout stands still', () => {
  const story = given(submit({ policy: { timeoutMs: 10 } }), claim(), makeAbortable, markFinishing);
  assert.is(story.now.record?.finishing, true);
  assert.is(story.when(cancel()).refusal, 'too_late');
  const timed = story.when(timeOut);
  assert.equal(timed.events, []);
  assert.is(timed.decision.ok, true);
});

test('L3 finishing cannot be marked once an abort came first', () => {
  assert.is(given(submit(), claim(), makeAbortable, cancel()).when(markFinishing).refusal, 'aborting');
});

test('L3 a failing cleanup handler makes a success a failure, and no retry', () => {
  const { after } = given(submit(THREE), claim(), markFinishing).when(
    finish(returned, { handlerErrors: [error('disk full')] }),
  );
  assert.is(after?.status, 'failure');
  assert.is(after?.error?.message, 'disk full');
  assert.is(after?.finishing, undefined);
  assert.is(after?.failures, undefined);
});

test('L3 a finishing task is not given back, but is taken from a dead worker', () => {
  const story = given(submit(), claim(), markFinishing);
  assert.is(story.when(giveBack).refusal, 'too_late');
  const { after } = story.when(rescue());
  assert.is(after?.status, 'pending');
  assert.is(after?.finishing, undefined);
});

test('L3 what the body came to stands when its cleanup handlers are not waited for any longer', () => {
  const result = bytes(1, 2);
  const ways = { death: rescue(), stop: giveBack, 'abnormal end': endAbnormally, force: force() } as const;
  for (const [way, step] of Object.entries(ways)) {
    const finishing = given(submit(), claim(), markFinishingWith({ kind: 'returned', result }), markNotStopping);
    const { after } = finishing.when(step);
    assert.equal([after?.status, after?.result, after?.rescues], ['success', result, undefined], way);
    assert.equal([after?.finishing, after?.bodyOutcome, after?.notStopping], [undefined, undefined, undefined]);
    assert.match(after?.history.at(-1)?.why ?? '', /cleanup handlers/, way);
    const last = given(submit(), claim(), markFinishingWith(threw('no')), markNotStopping).when(step).after;
    assert.equal([last?.status, last?.error?.message, last?.failures], ['failure', 'no', 1], way);
  }
  const threeAttempts = given(submit(THREE), claim(), markFinishingWith(threw('no')), markNotStopping);
  assert.equal(statusOf(threeAttempts.when(rescue()).and), 'pending');
  assert.is(threeAttempts.when(rescue()).after?.failures, 1, 'it failed, and is not rescued');
  assert.is(statusOf(threeAttempts.when(force()).and), 'failure', 'who forces an end gets one');
});

test('L3 force ends only what is said not to stop, and also what began to finish before its outcome was kept', () => {
  const finishing = given(submit(), claim(), markFinishingWith(returned));
  assert.is(finishing.when(force()).refusal, 'too_late');
  assert.is(finishing.when(markNotStopping).and.when(cancel()).refusal, 'too_late');
  assert.is(given(submit(), claim()).when(markNotStopping).refusal, 'not_running');
  const old = given(submit(), claim(), markFinishing, markNotStopping).when(force()).after;
  assert.equal([old?.status, old?.error?.type], ['failure', 'CleanupError']);
});

test('L3 an outcome is of one run, and told once', () => {
  const finishing = given(submit(), claim(), markFinishing, markFinishingWith(returned));
  assert.is(finishing.now.record?.bodyOutcome?.kind, 'returned');
  assert.equal(finishing.when(markFinishingWith(threw())).events, []);
  const { record, revision } = given(submit(), claim(), markFinishing).now;
  const fence = { epoch: 1, revision: 99 };
  const stale = from({ record: { ...record!, bodyOutcome: { kind: 'returned', fence } }, revision }).when(rescue());
  assert.equal([stale.after?.status, stale.after?.rescues], ['pending', 1]);
});

test('L4 a task aborted while pending cannot be claimed', () => {
  const story = given(submit(), cancel());
  assert.is(statusOf(story), 'aborted');
  assert.is(story.now.record?.startedAt, undefined);
  assert.is(story.when(claim()).refusal, 'not_pending');
});

test('L5 an exception ends the task with its message, type and stack', () => {
  const { after } = given(submit(), claim()).when(finish({ kind: 'threw', error: error('boom', 'RangeError') }));
  assert.is(after?.status, 'failure');
  assert.equal(after?.error, error('boom', 'RangeError'));
  assert.is(after?.history.at(-1)?.why, 'RangeError');
});

test('L6 all failures are told, the body first, then the handlers in the order run', () => {
  const errors = [error('abort 1', 'A'), error('cleanup 1', 'B'), error('cleanup 2', 'A')];
  const { after } = given(submit(), claim()).when(finish(threw('body'), { handlerErrors: errors }));
  assert.is(after?.status, 'failure');
  assert.is(after?.error?.message, 'body; abort 1; cleanup 1; cleanup 2');
  assert.is(after?.error?.type, 'Error+A+B');
  const stack = after?.error?.stack ?? '';
  const places = ['Error: body', 'A: abort 1', 'B: cleanup 1', 'A: cleanup 2'].map((text) => stack.indexOf(text));
  assert.equal(
    places.toSorted((a, b) => a - b),
    places,
  );
  assert.ok(places.every((place) => place >= 0));
});

test('L6 a handler failure alone is the failure; without stacks there is none', () => {
  const bare = { message: 'no', type: 'string' };
  const { after } = given(submit(), claim()).when(finish(returned, { handlerErrors: [bare, bare] }));
  assert.equal(after?.error, { message: 'no; no', type: 'string' });
});

test('L7 an exception while aborting is a good stop', () => {
  const aborting = given(submit(THREE), claim(), makeAbortable, cancel());
  const { after } = aborting.when(finish(threw('AbortError')));
  assert.is(after?.status, 'aborted');
  assert.is(after?.error, undefined);
  assert.is(after?.failures, undefined);
});

test('L7 unless a handler failed: then both are told, and the body is not counted as a failure', () => {
  const aborting = given(submit(THREE), claim(), makeAbortable, cancel());
  const { after } = aborting.when(finish(threw('stop'), { handlerErrors: [error('handler')] }));
  assert.is(after?.status, 'failure');
  assert.is(after?.error?.message, 'stop; handler');
  assert.is(after?.failures, undefined);
});

test('L8 a normal return while aborting is aborted; the result is not kept', () => {
  const { after } = given(submit(), claim(), makeAbortable, cancel()).when(
    finish({ kind: 'returned', result: bytes(1) }),
  );
  assert.is(after?.status, 'aborted');
  assert.is(after?.result, undefined);
});

test('L8 the abort handlers have to run before the task may end', () => {
  const story = given(submit(), claim(), makeAbortable, cancel());
  assert.is(story.when(finish(returned, { abortHandled: false })).refusal, 'aborting');
});

test('L9 a failed body with attempts left waits for its next attempt, then starts it', () => {
  const story = given(submit(THREE), claim());
  const { after, and } = story.when(finish(threw()));
  assert.is(after?.status, 'pending');
  assert.is(after?.runAt, T0 + 1_000 + 1_000);
  assert.is(after?.failures, 1);
  assert.is(after?.owner, undefined);
  assert.is(after?.error?.message, 'boom');
  const second = and.when(claim()).after;
  assert.is(second?.attempt, 2);
  assert.is(second?.runAt, undefined);
});

test('L9 a success after a failure shows no error', () => {
  const { after } = given(submit(THREE), claim(), finish(threw()), claim()).when(finish());
  assert.is(after?.status, 'success');
  assert.is(after?.error, undefined);
  assert.is(after?.failures, 1);
});

test('L10 the message of every failed attempt is kept, in one line of bounded length', () => {
  const told = (message: string) =>
    given(submit(THREE), claim(), finish(threw(message))).now.record?.history.at(-1)?.why;
  assert.is(told(' no such\n  page '), 'retry after Error: no such page');
  assert.is(told(''), 'retry after Error');
  const long = told('😀'.repeat(1_000)) ?? '';
  assert.ok(long.isWellFormed() && long.endsWith('…') && long.length <= 220, long);
});

test('L10 every transition is kept: status, time, who, why, attempt', () => {
  const story = given(submit(THREE), claim(), finish(threw()), claim('w2'), makeAbortable, cancel(), finish());
  assert.equal(story.now.record?.history, [
    { status: 'pending', at: T0, by: 'user:alice', attempt: 0 },
    { status: 'in_progress', at: T0 + 100, by: 'worker:w1', attempt: 1 },
    { status: 'pending', at: T0 + 1_000, by: 'worker:w1', attempt: 1, why: 'retry after Error: boom' },
    { status: 'in_progress', at: T0 + 100, by: 'worker:w2', attempt: 2 },
    { status: 'aborting', at: T0 + 500, by: 'user:alice', attempt: 2, why: 'cancel' },
    { status: 'aborted', at: T0 + 1_000, by: 'worker:w2', attempt: 2 },
  ]);
});

for (const [cause, request, status] of [
  ['cancel', cancel(), 'aborted'],
  ['timeout', timeOut, 'timed_out'],
] as const) {
  test(`L11 a worker that dies after a ${cause} was asked for: ended as such, never retried, and the history says why`, () => {
    const story = given(submit({ policy: { timeoutMs: 10, maxAttempts: 5 } }), claim(), makeAbortable, request);
    const { after } = story.when(rescue());
    assert.is(after?.status, status);
    assert.match(after?.history.at(-1)?.why ?? '', 'may not have finished');
    assert.is(after?.history.at(-1)?.by, 'supervisor:s1');
    assert.is(after?.abort?.stoppedAt, T0 + 8_000);
    assert.is(after?.rescues, undefined);
  });
}

test('L12 drain gives back: pending, no attempt, no error, same place in the queue', () => {
  const story = given(submit({ ...THREE, priority: 'high' }), claim(), makeAbortable, progress({ payload: bytes(5) }));
  const { after, and } = story.when(giveBack);
  assert.is(after?.status, 'pending');
  assert.is(after?.priority, 'high');
  assert.is(after?.runAt, undefined);
  for (const gone of ['owner', 'error', 'failures', 'rescues', 'abortable'] as const)
    assert.is(after?.[gone], undefined);
  assert.equal(after?.payload, bytes(5));
  assert.is(after?.history.at(-1)?.why, 'drain');
  assert.is(and.when(claim('w2')).after?.attempt, 1);
});

test('L12 what is being aborted is not given back', () => {
  assert.is(given(submit(), claim(), makeAbortable, cancel()).when(giveBack).refusal, 'aborting');
});

test("L13 a timeout during a user's abort changes nothing", () => {
  const story = given(submit({ policy: { timeoutMs: 10 } }), claim(), makeAbortable, cancel());
  const outcome = story.when(timeOut);
  assert.equal(outcome.events, []);
  assert.is(outcome.and.when(finish()).after?.status, 'aborted');
});

test('L13 a cancel during a timeout changes nothing', () => {
  const story = given(submit({ policy: { timeoutMs: 10 } }), claim(), makeAbortable, timeOut);
  const outcome = story.when(cancel());
  assert.equal(outcome.answer, { kind: 'aborted' });
  assert.equal(outcome.events, []);
  assert.is(outcome.and.when(finish()).after?.status, 'timed_out');
});

test('the task of an id, in the record or behind it', () => {
  const story = given(submit(), claim(), makeAbortable, cancel(), submit({ id: 'task-2' }));
  const record = story.now.record;
  assert.ok(record);
  assert.is(taskOf(record, 'task-1'), record);
  assert.is(taskOf(record, 'task-2')?.status, 'pending');
  assert.is(taskOf(record, 'task-3'), undefined);
});

test.run();
