import { decide, fold, type Command, type TaskRecord } from '@baton/core';
import { addressOf } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { checkAnswers, type CallAnswer, type CallEvent } from './answers.ts';
import type { Recorded } from './recorded.ts';

const test = suite('testkit: answers checker');

const address = addressOf({ scope: 'shared', type: 'job', key: 'k' });
const elsewhere = addressOf({ scope: 'shared', type: 'job', key: 'other' });
const EPOCH = 1;

const submit = (user: string, id: string, at: number): Command => ({
  kind: 'submit',
  at,
  actor: { user, admin: false },
  whenAborting: 'queue',
  spec: {
    id,
    type: 'job',
    key: 'k',
    name: 'k',
    scope: 'shared',
    queue: 'default',
    priority: 'normal',
    mode: 'async',
    policy: {},
  },
});

const live = (...commands: readonly Command[]): readonly Recorded[] => {
  let record: TaskRecord | undefined;
  return commands.map((command, i) => {
    const decision = decide(record, command);
    if (!decision.ok) throw new Error(`${command.kind}: ${decision.refusal.reason}`);
    record = fold(record, decision);
    return { address, epoch: EPOCH, revision: i + 1, record: record as TaskRecord };
  });
};

const fence = { epoch: EPOCH, revision: 2 };
const claim: Command = { kind: 'claim', at: 3_000, id: 't1', worker: 'w', epoch: EPOCH, revision: 2, offered: 2 };
const finish: Command = {
  kind: 'finish',
  at: 4_000,
  fence,
  body: { kind: 'returned' },
  handlerErrors: [],
  abortHandled: true,
  random: 0,
};
const cancel = (user: string, at = 3_500): Command => ({
  kind: 'cancel',
  at,
  actor: { user, admin: true },
  id: 't1',
  force: true,
});

/** Made by alice, joined by bob, ended in success. */
const success = live(submit('alice', 't1', 1_000), submit('bob', 't2', 2_000), claim, finish);
/** The same, but aborted. */
const aborted = live(submit('alice', 't1', 1_000), submit('bob', 't2', 2_000), cancel('root'));

const schedule = (call: string, user: string, id: string, at: number, answer: CallAnswer): readonly CallEvent[] => [
  { phase: 'invoke', call, at, user, asked: { kind: 'schedule', address, id } },
  { phase: 'answer', call, at: at + 5, answer },
];
const cancelled = (answer: CallAnswer, user = 'root'): readonly CallEvent[] => [
  { phase: 'invoke', call: 'c', at: 3_500, user, asked: { kind: 'cancel', task: 't1' } },
  { phase: 'answer', call: 'c', at: 3_510, answer },
];

const made = schedule('a', 'alice', 't1', 1_000, { kind: 'created', task: 't1' });
const joined = schedule('b', 'bob', 't2', 2_000, { kind: 'joined', task: 't1' });
const good = [...made, ...joined];

const rulesOf = (calls: readonly CallEvent[], records: readonly Recorded[] = success): readonly string[] =>
  checkAnswers({ calls, records }).problems.map((problem) => problem.rule);

test('answers that agree with the records are no problem', () => {
  assert.equal(rulesOf(good), []);
  assert.equal(checkAnswers({ calls: good, records: success }).counters, {
    'schedule created': 1,
    'schedule joined': 1,
  });
  assert.equal(rulesOf([...good, ...cancelled({ kind: 'aborted' })], aborted), []);
  assert.equal(rulesOf([...good, ...cancelled({ kind: 'refused', reason: 'too_late', state: 'success' })]), []);
  assert.equal(rulesOf([...good, ...cancelled({ kind: 'refused', reason: 'not_abortable' })]), []);
});

test('finds a call without an answer, one with two, and an answer without a call', () => {
  assert.ok(rulesOf(good.slice(0, -1)).includes('answered-once'));
  assert.ok(rulesOf([...good, ...good.slice(-1)]).includes('answered-once'));
  assert.ok(rulesOf(good.slice(1)).includes('answered-once'));
});

test('finds two who were told that they made one task, and none who was', () => {
  assert.ok(
    rulesOf([...made, ...schedule('b', 'bob', 't1', 2_000, { kind: 'created', task: 't1' })]).includes('created-once'),
  );
  assert.ok(rulesOf(joined).includes('created-once'));
});

test('nobody need have been told when an answer is unknown', () => {
  const unknown = schedule('a', 'alice', 't1', 1_000, { kind: 'unknown' });
  assert.equal(rulesOf([...unknown, ...joined]), []);
  assert.is(checkAnswers({ calls: [...unknown, ...joined], records: success }).counters['recovered'], 1);
});

test('finds a task that was accepted and is nowhere', () => {
  assert.ok(
    rulesOf([...good, ...schedule('c', 'carl', 't3', 5_000, { kind: 'created', task: 't3' })]).includes('not-lost'),
  );
});

test('finds a task that nobody asked for', () => {
  assert.ok(rulesOf([]).includes('no-phantom'));
});

test('finds a no that was a yes, unless the same id was asked for again', () => {
  const failed = schedule('a', 'alice', 't1', 1_000, { kind: 'failed' });
  assert.ok(rulesOf([...failed, ...joined]).includes('honest-no'));
  assert.equal(
    rulesOf([...failed, ...schedule('a2', 'alice', 't1', 1_500, { kind: 'created', task: 't1' }), ...joined]),
    [],
  );
});

test('finds a join of what had ended', () => {
  assert.ok(
    rulesOf([...made, ...schedule('b', 'bob', 't2', 9_000, { kind: 'joined', task: 't1' })]).includes('joined-active'),
  );
});

test('finds a task of another key, and one that is not the one proposed', () => {
  const [invoke, answer] = joined as [Extract<CallEvent, { phase: 'invoke' }>, CallEvent];
  const other: CallEvent = { ...invoke, asked: { kind: 'schedule', address: elsewhere, id: 't2' } };
  assert.ok(rulesOf([...made, other, answer]).includes('same-key'));
  assert.ok(
    rulesOf([...schedule('a', 'alice', 't9', 1_000, { kind: 'created', task: 't1' }), ...joined]).includes(
      'created-own',
    ),
  );
  assert.ok(
    rulesOf([...made, ...schedule('b', 'bob', 't1', 2_000, { kind: 'joined', task: 't1' })]).includes('joined-other'),
  );
});

test('finds a user who was told that he is in and is not', () => {
  assert.ok(
    rulesOf([...made, ...schedule('b', 'carl', 't2', 2_000, { kind: 'joined', task: 't1' })]).includes('subscribed'),
  );
});

test('finds an abort that was promised and not kept', () => {
  assert.ok(rulesOf([...good, ...cancelled({ kind: 'aborted' })]).includes('abort-agrees'));
});

test('finds a cancel that came too late for a task that runs, or was told another end', () => {
  assert.ok(
    rulesOf([...good, ...cancelled({ kind: 'refused', reason: 'too_late' })], success.slice(0, 3)).includes(
      'late-agrees',
    ),
  );
  assert.ok(
    rulesOf([...good, ...cancelled({ kind: 'refused', reason: 'too_late', state: 'failure' })]).includes('late-agrees'),
  );
});

test('finds a user who was told that he left and did not', () => {
  assert.ok(rulesOf([...good, ...cancelled({ kind: 'unsubscribed' }, 'bob')]).includes('unsubscribed'));
  const left = live(submit('alice', 't1', 1_000), submit('bob', 't2', 2_000), {
    kind: 'cancel',
    at: 3_000,
    actor: { user: 'bob', admin: false },
    id: 't1',
    force: false,
  });
  assert.equal(rulesOf([...good, ...cancelled({ kind: 'unsubscribed' }, 'bob')], left), []);
});

test('who left and came again in one write has left', () => {
  const cancel: Command = { kind: 'cancel', at: 3_000, actor: { user: 'bob', admin: false }, id: 't1', force: false };
  const [created, came, , again] = live(
    submit('alice', 't1', 1_000),
    submit('bob', 't2', 2_000),
    cancel,
    submit('bob', 't3', 3_500),
  );
  const seen = [created, came, again].flatMap((one) => one ?? []);
  assert.equal(rulesOf([...good, ...cancelled({ kind: 'unsubscribed' }, 'bob')], seen), []);
});

test('finds answers that do not fit the question', () => {
  assert.ok(rulesOf([...good, ...cancelled({ kind: 'created', task: 't1' })]).includes('fitting-answer'));
  assert.ok(rulesOf([...made, ...schedule('b', 'bob', 't2', 2_000, { kind: 'aborted' })]).includes('fitting-answer'));
});

test('a task that waits behind another counts, and so do its subscribers', () => {
  const abortable: Command = { kind: 'make-abortable', at: 3_100, fence: { epoch: EPOCH, revision: 1 } };
  const waiting = live(
    submit('alice', 't1', 1_000),
    { ...claim, revision: 1, offered: 1 },
    abortable,
    cancel('root', 3_200),
    submit('bob', 't2', 3_300),
    submit('carl', 't3', 3_400),
  );
  const calls = [
    ...made,
    ...schedule('b', 'bob', 't2', 3_300, { kind: 'created', task: 't2' }),
    ...schedule('c', 'carl', 't3', 3_400, { kind: 'joined', task: 't2' }),
  ];
  assert.equal(rulesOf(calls, waiting), []);
});

test.run();
