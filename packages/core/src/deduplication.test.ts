import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { outcomesGone, successorsOf, SUCCESSOR_LIMIT, takesRoom, taskOf } from './index.ts';
import { given } from './testing/given.ts';
import {
  ALICE,
  archive,
  BOB,
  bytes,
  cancel,
  claim,
  finish,
  makeAbortable,
  promote,
  ROOT,
  submit,
  T0,
  type spec,
} from './testing/make.ts';

const test = suite('deduplication and scopes');

const shared = { scope: 'shared' } as const;
const aborting = given(submit(shared), claim(), makeAbortable, cancel());
const queued = aborting.when(submit({ ...shared, id: 'task-2' })).and;

test("D2 a second submit joins: same task, user subscribed, counted; the first one's arguments stand", () => {
  const story = given(submit({ ...shared, args: bytes(1) }));
  const { answer, after } = story.when(submit({ ...shared, id: 'x', creator: 'bob', args: bytes(2), name: 'other' }));
  assert.equal(answer, { kind: 'joined', id: 'task-1', differs: true });
  assert.equal(
    after?.subscribers.map((s) => s.user),
    ['alice', 'bob'],
  );
  assert.is(after?.dedupeCount, 1);
  assert.equal(after?.args, bytes(1));
  assert.is(after?.name, 'k');
});

test('D2 joining again does not subscribe again', () => {
  const { after } = given(submit(shared), claim()).when(submit({ ...shared, id: 'x' }));
  assert.is(after?.subscribers.length, 1);
  assert.is(after?.dedupeCount, 1);
  assert.is(after?.status, 'in_progress');
});

test('D2 a service without a user joins without subscribing', () => {
  const { after } = given(submit(shared)).when(submit({ ...shared, id: 'x' }, { actor: { admin: false } }));
  assert.is(after?.subscribers.length, 1);
  assert.is(after?.dedupeCount, 1);
});

test('D2 what differs: arguments and options, each of them, but not the order of options', () => {
  const first = { args: bytes(1), policy: { timeoutMs: 5, backoff: { initialMs: 1, factor: 2, maxMs: 3, jitter: 0 } } };
  const reordered = {
    args: bytes(1),
    policy: { backoff: { jitter: 0, maxMs: 3, factor: 2, initialMs: 1 }, timeoutMs: 5 },
  };
  const differs = (change: Parameters<typeof spec>[0]) => {
    const { answer } = given(submit(first)).when(submit({ ...first, id: 'x', ...change }));
    return answer?.kind === 'joined' && answer.differs;
  };
  assert.is(differs({}), false);
  assert.is(differs(reordered), false);
  assert.is(differs({ runAt: T0 + 1 }), false);
  assert.is(differs({ args: bytes(2) }), true);
  assert.is(differs({ args: bytes(1, 1) }), true);
  assert.is(differs({ args: { object: 'o', size: 1, digest: 'd' } }), true);
  assert.is(differs({ policy: { timeoutMs: 6 } }), true);
  assert.is(differs({ policy: {} }), true);
  assert.is(differs({ queue: 'q' }), true);
  assert.is(differs({ priority: 'high' }), true);
  assert.is(differs({ name: 'n' }), true);
});

test('D2 large arguments are compared by their digest', () => {
  const large = (digest: string) => ({ args: { object: `o-${digest}`, size: 9, digest } });
  const story = given(submit(large('d')));
  assert.equal(story.when(submit({ ...large('d'), id: 'x' })).answer, { kind: 'joined', id: 'task-1', differs: false });
  assert.equal(story.when(submit({ ...large('e'), id: 'x' })).answer, { kind: 'joined', id: 'task-1', differs: true });
});

test('D4 a repeat of the same submit is the same task, also after its end', () => {
  for (const story of [given(submit()), given(submit(), claim()), given(submit(), claim(), finish())]) {
    const { answer, events } = story.when(submit());
    assert.equal(answer, { kind: 'created', id: 'task-1' });
    assert.equal(events, []);
  }
});

test('D5 queue: a successor is kept, further submits join it, a repeat of its submit is the same', () => {
  const { answer, after, and } = queued.when(submit({ ...shared, id: 'x', creator: 'bob', priority: 'low' }));
  assert.equal(answer, { kind: 'joined', id: 'task-2', differs: true });
  assert.is(after?.status, 'aborting');
  assert.equal(
    after?.subscribers.map((s) => s.user),
    ['alice'],
  );
  assert.equal(
    after?.successor?.subscribers.map((s) => s.user),
    ['alice', 'bob'],
  );
  assert.equal(and.when(submit({ ...shared, id: 'task-2' })).events, []);
});

test('D5 the successor starts when the old one has ended, with what it was given, and says after whom', () => {
  assert.is(queued.when(promote()).refusal, 'not_running');
  const ended = queued.when(submit({ ...shared, id: 'x', creator: 'bob' })).and.when(finish()).and;
  assert.is(ended.when(promote('task-2')).refusal, 'not_running');
  const { after, and } = ended.when(promote());
  assert.is(after?.id, 'task-2');
  assert.is(after?.status, 'pending');
  assert.is(after?.createdAt, T0);
  assert.is(after?.dedupeCount, 1);
  assert.is(after?.successor, undefined);
  assert.equal(
    after?.subscribers.map((s) => s.user),
    ['alice', 'bob'],
  );
  assert.equal(after?.history, [{ status: 'pending', at: T0, by: 'user:alice', attempt: 0, why: 'after task-1' }]);
  assert.is(and.when(promote()).refusal, 'not_found');
});

test('D5 while a successor waits behind an ended task, a submit joins it and the archive mark waits', () => {
  const ended = queued.when(finish()).and;
  assert.is(ended.when(archive()).refusal, 'not_running');
  assert.equal(ended.when(submit({ ...shared, id: 'x' })).answer, { kind: 'joined', id: 'task-2', differs: false });
});

test('D5 join: the dying task is joined; reject: refused', () => {
  const join = aborting.when(submit({ ...shared, id: 'x', creator: 'bob' }, { whenAborting: 'join' }));
  assert.equal(join.answer, { kind: 'joined', id: 'task-1', differs: false });
  assert.equal(
    join.after?.subscribers.map((s) => s.user),
    ['alice', 'bob'],
  );
  assert.is(aborting.when(submit({ ...shared, id: 'x' }, { whenAborting: 'reject' })).refusal, 'aborting');
});

test('D5 a cancelled successor does not vanish: the next one queues behind it, and each ends in its turn', () => {
  const story = given(
    submit(),
    claim(),
    makeAbortable,
    cancel(),
    submit({ id: 'task-2' }),
    cancel(ALICE, { id: 'task-2' }),
  );
  const record = story.now.record;
  assert.ok(record);
  assert.is(taskOf(record, 'task-2')?.status, 'aborted');
  const behind = story.when(submit({ id: 'task-3' }));
  assert.equal(behind.answer, { kind: 'created', id: 'task-3' });
  assert.equal(
    successorsOf(behind.after).map((s) => s.spec.id),
    ['task-2', 'task-3'],
  );
  assert.equal(behind.and.when(submit({ id: 'task-2' })).events, []);

  const second = behind.and.when(finish()).and.when(promote());
  assert.is(second.after?.id, 'task-2');
  assert.is(second.after?.status, 'aborted');
  assert.is(second.and.when(archive('task-2')).refusal, 'not_running');
  const third = second.and.when(promote('task-2'));
  assert.is(third.after?.id, 'task-3');
  assert.is(third.after?.status, 'pending');
  assert.is(third.after?.history[0]?.why, 'after task-2');
});

test('D5 behind an ended task with nothing but cancelled ones, a submit still waits its turn, whatever it wished', () => {
  const story = given(
    submit(),
    claim(),
    makeAbortable,
    cancel(),
    submit({ id: 'task-2' }),
    cancel(ALICE, { id: 'task-2' }),
    finish(),
  );
  for (const whenAborting of ['queue', 'join', 'reject'] as const) {
    const { after } = story.when(submit({ id: 'task-3' }, { whenAborting }));
    assert.equal(
      successorsOf(after).map((s) => s.spec.id),
      ['task-2', 'task-3'],
    );
  }
});

test('D5 submitting and cancelling over and over does not grow the record without bound', () => {
  let story = given(submit(), claim(), makeAbortable, cancel());
  for (let i = 0; i < SUCCESSOR_LIMIT; i++) {
    story = story.when(submit({ id: `s-${i}` })).and.when(cancel(ALICE, { id: `s-${i}` })).and;
  }
  assert.is(successorsOf(story.now.record).length, SUCCESSOR_LIMIT);
  const { answer, after } = story.when(submit({ id: 'one-more' }));
  assert.equal(answer, { kind: 'created', id: 'one-more' });
  assert.equal(
    successorsOf(after).map(({ spec }) => spec.id),
    ['one-more'],
  );
});

test('R9 cancelled successors leave, what is alive stays, and what leaves can be kept', () => {
  const cancelled = given(
    submit(),
    claim(),
    makeAbortable,
    cancel(),
    submit({ id: 's-1' }),
    cancel(ALICE, { id: 's-1' }),
  );
  const story = cancelled.when(submit({ id: 's-2' })).and;
  const release = { kind: 'release-successors', at: T0 } as const;
  const { before, after, and } = story.when(release);
  assert.equal(
    successorsOf(after).map(({ spec }) => spec.id),
    ['s-2'],
  );
  assert.ok(before !== undefined && after !== undefined);
  assert.equal(
    outcomesGone(before, after).map(({ id, status }) => [id, status]),
    [['s-1', 'aborted']],
  );
  assert.equal(and.when(release).events, []);
  assert.is(cancelled.when(release).after?.successor, undefined);
  assert.is(given().when(release).refusal, 'not_found');
});

test('R9 what takes room is what others add, not the way of a task to its end', () => {
  const none = given().now.record;
  const grows = (story: ReturnType<typeof given>, step: Parameters<typeof story.when>[0]): boolean => {
    const { before, after } = story.when(step);
    assert.ok(after !== undefined && after !== before);
    return takesRoom(before, after);
  };
  const running = given(submit({ scope: 'shared' }), claim(), makeAbortable);
  assert.is(none, undefined);
  assert.ok(grows(given(), submit()));
  assert.ok(grows(running, submit({ id: 'x', scope: 'shared' }, { actor: BOB })), 'one more subscriber');
  assert.not.ok(grows(running, submit({ id: 'x', scope: 'shared' })), 'one who is there already');
  assert.not.ok(grows(running, cancel()));
  const aborting = given(submit(), claim(), makeAbortable, cancel());
  assert.ok(grows(aborting, submit({ id: 'task-2' })), 'a successor');
  const queued = aborting.when(submit({ id: 'task-2' })).and;
  assert.not.ok(grows(queued, cancel(ALICE, { id: 'task-2' })));
  const ended = queued.when(({ record }) => ({
    kind: 'finish',
    at: T0,
    fence: record?.owner?.fence ?? { epoch: 0, revision: 0 },
    body: { kind: 'threw', error: { message: 'x'.repeat(9_000), type: 'E', stack: 'y'.repeat(90_000) } },
    handlerErrors: [],
    abortHandled: true,
    random: 0,
  }));
  assert.ok(ended.after !== undefined && !takesRoom(ended.before, ended.after));
  assert.not.ok(grows(ended.and, promote()), 'a successor whose turn has come');
});

test('S3 only admins submit system tasks', () => {
  const system = { scope: 'system' } as const;
  assert.is(given().when(submit(system, { actor: ALICE })).refusal, 'admin_required');
  assert.is(given(submit(system)).when(submit({ ...system, id: 'x' }, { actor: BOB })).refusal, 'admin_required');
  assert.is(given().when(submit(system, { actor: ROOT })).after?.status, 'pending');
});

test('archive: only what has ended, only once, and no change of the task', () => {
  assert.is(given(submit()).when(archive()).refusal, 'not_running');
  assert.is(given(submit(), cancel()).when(archive('x')).refusal, 'not_found');
  const { after, and } = given(submit(), cancel()).when(archive());
  assert.is(after?.archived, true);
  assert.is(after?.changedAt, T0 + 500);
  assert.equal(and.when(archive()).events, []);
  assert.is(and.when(submit({ id: 'task-2' })).after?.archived, undefined);
});

test.run();
