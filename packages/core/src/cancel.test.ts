import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import type { Actor, Scope, TaskRecord } from './index.ts';
import { from, given, type Given, type Step } from './testing/given.ts';
import {
  ALICE,
  BOB,
  cancel,
  CAROL,
  claim,
  finish,
  makeAbortable,
  markFinishing,
  markNotStopping,
  observeAbort,
} from './testing/make.ts';
import { promote, returned, ROOT, SERVICE, submit, T0, threw, timeOut } from './testing/make.ts';

const test = suite('cancel');

// --- all of scope x actor x state x force, against a table that was written from the rows of behaviour A ---

type Who =
  | 'owner'
  | 'stranger'
  | 'nobody'
  | 'only one'
  | 'one of two'
  | 'admin'
  | 'admin, only one'
  | 'admin, one of two'
  | 'admin beside one'
  | 'admin beside two'
  | 'admin, none left';
type State =
  | 'waiting'
  | 'plain'
  | 'abortable'
  | 'thread'
  | 'finishing'
  | 'aborting'
  | 'not stopping'
  | 'success'
  | 'failure'
  | 'aborted'
  | 'timed out';
type Expected =
  | 'not_found'
  | 'force_forbidden'
  | 'too_late'
  | 'force_required'
  | 'not_abortable'
  | 'ended'
  | 'abort asked'
  | 'already aborting'
  | 'unsubscribed'
  | 'ended by force';

const PEOPLE: Readonly<Record<Scope, readonly Who[]>> = {
  private: ['owner', 'stranger', 'nobody', 'admin'],
  shared: [
    'only one',
    'one of two',
    'stranger',
    'nobody',
    'admin, only one',
    'admin, one of two',
    'admin beside one',
    'admin beside two',
    'admin, none left',
  ],
  system: ['stranger', 'nobody', 'admin'],
};

const STATES: readonly State[] = [
  'waiting',
  'plain',
  'abortable',
  'thread',
  'finishing',
  'aborting',
  'not stopping',
  'success',
  'failure',
  'aborted',
  'timed out',
];

const ANY = undefined;
const OUTSIDERS: readonly Who[] = ['stranger', 'nobody'];
const USERS: readonly Who[] = ['owner', 'only one', 'one of two'];
const ENDED: readonly State[] = ['finishing', 'success', 'failure', 'aborted', 'timed out'];
const LEAVERS: readonly Who[] = ['one of two', 'admin, one of two'];
const LAST: readonly Who[] = ['only one', 'admin, only one'];
const ABORTING: readonly State[] = ['aborting', 'not stopping'];

/** The first line that fits holds. */
const TABLE: readonly (readonly [
  row: string,
  who: readonly Who[] | undefined,
  state: readonly State[] | undefined,
  force: boolean | undefined,
  Expected,
])[] = [
  ['A10 A9', OUTSIDERS, ANY, ANY, 'not_found'],
  ['A8', USERS, ANY, true, 'force_forbidden'],
  ['A5', ANY, ENDED, ANY, 'too_late'],
  ['T6', ANY, ['not stopping'], true, 'ended by force'],
  ['A4', ANY, ABORTING, ANY, 'already aborting'],
  ['A6', LEAVERS, ANY, false, 'unsubscribed'],
  ['A8', ['admin beside two'], ANY, false, 'force_required'],
  ['A1', ANY, ['waiting'], ANY, 'ended'],
  ['A2 T5', ANY, ['abortable', 'thread'], ANY, 'abort asked'],
  ['A7', LAST, ['plain'], false, 'unsubscribed'],
  ['A3', ANY, ['plain'], ANY, 'not_abortable'],
];

const actorOf = (who: Who): Actor => {
  if (who === 'nobody') return SERVICE;
  if (who === 'stranger') return CAROL;
  return who.startsWith('admin') ? ROOT : ALICE;
};

const subscribersOf = (who: Who): readonly string[] => {
  switch (who) {
    case 'owner':
    case 'only one':
    case 'stranger':
    case 'nobody':
    case 'admin':
    case 'admin beside one':
      return ['alice'];
    case 'one of two':
    case 'admin beside two':
      return ['alice', 'bob'];
    case 'admin, only one':
      return ['root'];
    case 'admin, one of two':
      return ['root', 'bob'];
    case 'admin, none left':
      return [];
  }
};

const WAYS: Readonly<Record<State, readonly Step[]>> = {
  waiting: [],
  plain: [claim()],
  abortable: [claim(), makeAbortable],
  thread: [claim()],
  finishing: [claim(), makeAbortable, markFinishing],
  aborting: [claim(), makeAbortable, timeOut],
  'not stopping': [claim(), makeAbortable, timeOut, markNotStopping],
  success: [claim(), finish()],
  failure: [claim(), finish(threw())],
  aborted: [{ kind: 'stopped', at: T0, by: 'user:root', cause: 'cancel' }],
  'timed out': [claim(), makeAbortable, timeOut, finish()],
};

const storyOf = (scope: Scope, who: Who, state: State): Given => {
  const policy = { timeoutMs: 100, ...(state === 'thread' ? { isolation: 'thread' as const } : {}) };
  const { record, revision } = given(submit({ scope, policy }), ...WAYS[state]).now;
  assert.ok(record);
  const subscribers = subscribersOf(who).map((user) => ({ user, at: T0 }));
  return from({ record: { ...record, subscribers }, revision });
};

const judged = (before: TaskRecord, outcome: ReturnType<Given['when']>): string => {
  const { refusal, answer, after } = outcome;
  if (refusal !== undefined) return refusal;
  if (answer?.kind === 'unsubscribed') return after?.status === before.status ? 'unsubscribed' : 'changed';
  if (after === before) return 'already aborting';
  if (after?.abort?.forced) return 'ended by force';
  return after?.status === 'aborted' ? 'ended' : after?.status === 'aborting' ? 'abort asked' : 'changed';
};

for (const [scope, people] of Object.entries(PEOPLE) as readonly (readonly [Scope, readonly Who[]])[]) {
  test(`A1-A10 ${scope}: every actor in every state, with and without force`, () => {
    let checked = 0;
    for (const who of people) {
      for (const state of STATES) {
        for (const force of [false, true]) {
          const line = TABLE.find(
            ([, w, s, f]) => (w?.includes(who) ?? true) && (s?.includes(state) ?? true) && (f ?? force) === force,
          );
          assert.ok(line);
          const story = storyOf(scope, who, state);
          const { record } = story.now;
          assert.ok(record);
          const outcome = story.when(cancel(actorOf(who), { force }));
          assert.is(judged(record, outcome), line[4], `${line[0]}: ${scope}, ${who}, ${state}, force ${force}`);
          if (outcome.answer?.kind === 'unsubscribed') {
            const left = subscribersOf(who).filter((user) => user !== actorOf(who).user);
            assert.equal(
              outcome.after?.subscribers.map((s) => s.user),
              left,
            );
          }
          checked++;
        }
      }
    }
    assert.is(checked, people.length * STATES.length * 2);
  });
}

// --- the rows, one by one ---

test('A1 pending: aborted at once, with who and when', () => {
  const { after } = given(submit()).when(cancel());
  assert.is(after?.status, 'aborted');
  assert.equal(after?.abort, { cause: 'cancel', by: 'user:alice', at: T0 + 500, stoppedAt: T0 + 500 });
  assert.is(after?.endedAt, T0 + 500);
  assert.is(after?.startedAt, undefined);
});

test('A1 a task that waits for its start or for its next attempt is pending too', () => {
  assert.is(given(submit({ runAt: T0 + 9_000 })).when(cancel()).after?.runAt, undefined);
  const retried = given(submit({ policy: { maxAttempts: 2 } }), claim(), finish(threw()));
  const { after } = retried.when(cancel());
  assert.is(after?.status, 'aborted');
  assert.is(after?.error, undefined);
});

test('A4 a second cancel is a success and tells the cause that stands', () => {
  const { after, answer, events } = given(submit({ policy: { timeoutMs: 1 } }), claim(), makeAbortable, timeOut).when(
    cancel(),
  );
  assert.equal(answer, { kind: 'aborted' });
  assert.equal(events, []);
  assert.is(after?.abort?.cause, 'timeout');
});

test('A6 shared, other subscribers left: unsubscribed, and the task runs on for them', () => {
  const story = given(submit({ scope: 'shared' }), submit({ id: 'x', scope: 'shared', creator: 'bob' }), claim());
  const { answer, after, and } = story.when(cancel(ALICE));
  assert.equal(answer, { kind: 'unsubscribed' });
  assert.is(after?.status, 'in_progress');
  assert.equal(
    after?.subscribers.map((s) => s.user),
    ['bob'],
  );
  assert.is(and.when(cancel(ALICE)).refusal, 'not_found');
});

test('A7 shared, last subscriber, running, not abortable: he leaves, and the task runs on with none', () => {
  const { after, and } = given(submit({ scope: 'shared' }), claim()).when(cancel(ALICE));
  assert.equal(after?.subscribers, []);
  assert.is(after?.status, 'in_progress');
  assert.is(and.when(finish()).after?.status, 'success');
  assert.is(and.when(cancel(ROOT)).refusal, 'not_abortable');
});

test('A9 a system task is there for admins only', () => {
  const story = given(submit({ scope: 'system' }));
  assert.is(story.when(cancel(ALICE)).refusal, 'not_found');
  assert.is(story.when(cancel(ALICE, { force: true })).refusal, 'not_found');
  assert.is(story.when(cancel(ROOT)).after?.status, 'aborted');
});

test('A10 unknown and invisible are one answer', () => {
  assert.is(given().when(cancel()).refusal, 'not_found');
  assert.is(given(submit()).when(cancel(ALICE, { id: 'task-9' })).refusal, 'not_found');
  assert.is(given(submit()).when(cancel(BOB, { force: true })).refusal, 'not_found');
});

test('A11 the whole proof: asked, delivered, observed, stopped', () => {
  const story = given(submit(), claim(), makeAbortable, cancel(), observeAbort);
  assert.equal(story.when(observeAbort).events, []);
  assert.equal(story.when(finish()).after?.abort, {
    cause: 'cancel',
    by: 'user:alice',
    at: T0 + 500,
    deliveredAt: T0 + 510,
    observedAt: T0 + 520,
    stoppedAt: T0 + 1_000,
  });
});

test('A11 nothing is observed of an abort that nobody asked for', () => {
  assert.is(given(submit(), claim()).when(observeAbort).refusal, 'not_running');
});

test('T6 an admin ends by force what does not stop; the key is free and the body is fenced', () => {
  const story = given(submit(), claim(), makeAbortable, cancel(ROOT, { force: true }), markNotStopping);
  assert.is(story.when(cancel(ALICE)).after, story.now.record);
  const { after, and } = story.when(cancel(ROOT, { force: true, at: T0 + 99_000 }));
  assert.is(after?.status, 'aborted');
  assert.is(after?.abort?.forced, true);
  assert.is(after?.notStopping, undefined);
  assert.is(after?.history.at(-1)?.by, 'user:root');
  assert.is(and.when(finish()).refusal, 'fenced');
  assert.equal(and.when(submit({ id: 'task-2' })).answer, { kind: 'created', id: 'task-2' });
});

test('T6 a body that fails its handlers in the end is not shown as not stopping', () => {
  const story = given(submit(), claim(), makeAbortable, cancel(), markNotStopping);
  const { after } = story.when(finish(threw(), { handlerErrors: [{ message: 'x', type: 'Error' }] }));
  assert.is(after?.status, 'failure');
  assert.is(after?.notStopping, undefined);
});

test('T5 a body ended by force in its thread: forced, by the cause that was asked for; told twice is told once', () => {
  const story = given(submit({ policy: { isolation: 'thread', timeoutMs: 5 } }), claim(), timeOut);
  const { after, and } = story.when(finish(returned, { abortHandled: false, forced: true }));
  assert.is(after?.status, 'timed_out');
  assert.is(after?.abort?.forced, true);
  assert.equal(and.when(finish(returned, { forced: true })).answer, { kind: 'done' });
});

test('D5 a successor is cancelled by the same rules, and ends as a task of its own', () => {
  const shared = { scope: 'shared' } as const;
  const story = given(
    submit(shared),
    claim(),
    makeAbortable,
    cancel(),
    submit({ ...shared, id: 'task-2', creator: 'bob' }),
  );
  const mine = (actor: Actor, force = false) => cancel(actor, { id: 'task-2', force });
  assert.is(story.when(mine(ALICE)).refusal, 'not_found');
  assert.is(story.when(mine(BOB, true)).refusal, 'force_forbidden');
  const joined = story.when(submit({ ...shared, id: 'y', creator: 'carol' })).and;
  assert.is(joined.when(mine(ROOT)).refusal, 'force_required');
  const left = joined.when(mine(BOB));
  assert.equal(left.answer, { kind: 'unsubscribed' });
  assert.equal(
    left.after?.successor?.subscribers.map((s) => s.user),
    ['carol'],
  );
  const { answer, and } = left.and.when(mine(CAROL));
  assert.equal(answer, { kind: 'aborted' });
  assert.is(and.when(mine(CAROL)).refusal, 'too_late');
  const { after } = and.when(finish()).and.when(promote());
  assert.is(after?.id, 'task-2');
  assert.is(after?.status, 'aborted');
  assert.is(after?.endedAt, T0 + 500);
  assert.equal(
    after?.history.map((h) => [h.status, h.by]),
    [
      ['pending', 'user:bob'],
      ['aborted', 'user:carol'],
    ],
  );
});

test('B1 a cancel that is a part of more says so in the history, and is meant for the states it names', () => {
  const why = 'bulk 7';
  const waiting = given(submit());
  assert.is(waiting.when(cancel(ALICE, { why })).after?.history.at(-1)?.why, why);
  const running = given(submit(), claim(), makeAbortable);
  const asked = running.when(cancel(ALICE, { why, whenStatus: ['in_progress'] })).after;
  assert.equal([asked?.status, asked?.history.at(-1)?.why], ['aborting', why]);
  assert.is(running.when(cancel(ALICE, { whenStatus: ['pending'] })).refusal, 'other_status');
  assert.is(waiting.when(cancel(ALICE, { whenStatus: ['in_progress'] })).refusal, 'other_status');
  assert.is(running.when(cancel(BOB, { whenStatus: ['pending'] })).refusal, 'not_found', 'it is not told to others');
  const ended = given(submit(), claim(), finish());
  assert.is(ended.when(cancel(ALICE, { whenStatus: ['pending'] })).refusal, 'too_late');
  const behind = given(submit(), claim(), makeAbortable, cancel(), submit({ id: 'task-2' }));
  assert.is(behind.when(cancel(ALICE, { id: 'task-2', whenStatus: ['in_progress'] })).refusal, 'other_status');
  assert.ok(behind.when(cancel(ALICE, { id: 'task-2', whenStatus: ['pending'] })).decision.ok);
});

test('B1 who has left a shared task before does not end it for those who stayed, by being asked about again', () => {
  const shared = { scope: 'shared' } as const;
  const root = { ...ROOT, user: 'root' };
  const both = given(
    submit({ ...shared, creator: 'root' }, { actor: root }),
    submit({ ...shared, id: 'x', creator: 'bob' }),
  );
  const first = both.when(cancel(root, { whenSubscribed: true }));
  assert.equal(first.answer, { kind: 'unsubscribed' });
  const again = first.and.when(cancel(root, { whenSubscribed: true }));
  assert.equal([again.refusal, again.after?.status], ['not_found', 'pending']);
  // Asked by itself it is an admin's cancel of what one other waits for.
  assert.equal(first.and.when(cancel(root)).answer, { kind: 'aborted' });
  assert.ok(
    given(submit()).when(cancel(ALICE, { whenSubscribed: true })).decision.ok,
    'of a private one it says nothing',
  );
});

test('B1 what a cancel is a part of is told by forced ends and by what waited behind, too', () => {
  const why = 'bulk 7';
  const stuck = given(submit({ scope: 'shared' }), claim(), makeAbortable, cancel(), markNotStopping);
  const forced = stuck.when(cancel(ROOT, { force: true, why })).after;
  assert.match(forced?.history.at(-1)?.why ?? '', /^bulk 7; forced: the body did not stop$/);
  const waiting = given(submit(), claim(), makeAbortable, cancel(), submit({ id: 'task-2' }));
  const cancelled = waiting.when(cancel(ALICE, { id: 'task-2', why })).and;
  assert.is(cancelled.now.record?.successor?.cancelled?.why, why);
});

test.run();
