import { decide, fold, type Command, type TaskRecord } from '@baton/core';
import { addressOf } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { checkLife } from './life.ts';
import type { Recorded } from './recorded.ts';

const test = suite('testkit: life checker');

const address = addressOf({ scope: 'shared', type: 'job', key: 'k' });
const EPOCH = 1_000;
const alice = { user: 'alice', admin: false } as const;
const root = { user: 'root', admin: true } as const;

/** What is done, one after the other; revisions are 10, 20, 30 and so on. */
type Step = (now: {
  readonly at: number;
  readonly record: TaskRecord | undefined;
  readonly revision: number;
}) => Command;

const live = (...steps: readonly Step[]): Recorded[] => {
  const recorded: Recorded[] = [];
  let record: TaskRecord | undefined;
  let revision = 0;
  steps.forEach((step, i) => {
    const command = step({ at: 5_000 + i, record, revision });
    const decision = decide(record, command);
    if (!decision.ok) throw new Error(`step ${i} (${command.kind}) was refused: ${decision.refusal.reason}`);
    record = fold(record, decision);
    if (record === undefined) throw new Error(`step ${i} left nothing`);
    revision = 10 * (i + 1);
    recorded.push({ address, epoch: EPOCH, revision, record });
  });
  return recorded;
};

const submit =
  (id = 'task-1', policy: TaskRecord['policy'] = {}): Step =>
  ({ at }) => ({
    kind: 'submit',
    at,
    actor: alice,
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
      policy,
    },
  });
const idOf = (record: TaskRecord | undefined): string => record?.id ?? '';
const fenceOf = (record: TaskRecord | undefined) => record?.owner?.fence ?? { epoch: 0, revision: 0 };
const claim =
  (worker = 'w1'): Step =>
  ({ at, record, revision }) => ({
    kind: 'claim',
    at,
    id: idOf(record),
    worker,
    epoch: EPOCH,
    revision,
    offered: revision,
  });
const abortable: Step = ({ at, record }) => ({ kind: 'make-abortable', at, fence: fenceOf(record) });
const progress: Step = ({ at, record }) => ({ kind: 'progress', at, fence: fenceOf(record), progress: { count: at } });
const end =
  (body: Extract<Command, { kind: 'finish' }>['body'] = { kind: 'returned' }): Step =>
  ({ at, record }) => ({
    kind: 'finish',
    at,
    fence: fenceOf(record),
    body,
    handlerErrors: [],
    abortHandled: true,
    random: 0,
  });
const fail = end({ kind: 'threw', error: { message: 'no', type: 'Error' } });
const rescue: Step = ({ at, record }) => ({
  kind: 'rescue',
  at,
  by: 'supervisor:s',
  id: idOf(record),
  worker: record?.owner?.worker ?? '',
});
const giveBack: Step = ({ at, record }) => ({ kind: 'give-back', at, fence: fenceOf(record), why: 'drain' });
const cancel =
  (force = false): Step =>
  ({ at, record }) => ({ kind: 'cancel', at, actor: force ? root : alice, id: idOf(record), force });
const archive: Step = ({ at, record }) => ({ kind: 'archive', at, id: idOf(record) });
const promote: Step = ({ at, record }) => ({ kind: 'promote', at, by: 'supervisor:s', id: idOf(record) });

/** A copy of a history with one record changed. */
const broken = (
  history: readonly Recorded[],
  index: number,
  change: Partial<TaskRecord>,
  at: Partial<Recorded> = {},
): Recorded[] => history.map((one, i) => (i === index ? { ...one, ...at, record: { ...one.record, ...change } } : one));

const without = (record: TaskRecord | undefined, field: keyof TaskRecord): TaskRecord => {
  if (record === undefined) throw new Error('no record');
  const { [field]: _, ...rest } = record;
  return rest as TaskRecord;
};

const replaced = (history: readonly Recorded[], index: number, record: TaskRecord): Recorded[] =>
  history.map((one, i) => (i === index ? { ...one, record } : one));

const simple = live(submit(), claim(), progress, end(), archive);

test('lives that the decider allows have no problem, and are counted', () => {
  const retry = { maxAttempts: 3 };
  const lives: Record<string, Recorded[]> = {
    simple,
    'retried and rescued': live(
      submit('t', retry),
      claim(),
      fail,
      claim('w2'),
      rescue,
      claim('w3'),
      giveBack,
      claim('w1'),
      end(),
    ),
    'failed in the end': live(submit('t', retry), claim(), fail, claim(), fail, claim(), fail),
    'joined by another': live(submit(), submit('t2'), claim(), submit('t3'), end()),
    'cancelled while pending': live(submit(), cancel()),
    'cancelled while running': live(submit(), claim(), abortable, cancel(), end(), archive),
    'died while aborting': live(submit(), claim(), abortable, cancel(), rescue),
    'with a successor': live(submit(), claim(), abortable, cancel(), submit('t2'), end(), promote, claim(), end()),
    'with a successor that was cancelled': live(
      submit(),
      claim(),
      abortable,
      cancel(),
      submit('t2'),
      ({ at }) => ({ kind: 'cancel', at, actor: alice, id: 't2', force: false }),
      submit('t3'),
      end(),
      promote,
      promote,
      claim(),
      end(),
    ),
    'one after another': live(submit(), claim(), end(), submit('t2'), claim(), end(), archive, submit('t3')),
    'timed out': live(
      submit('t', { timeoutMs: 5 }),
      claim(),
      abortable,
      ({ at, record }) => ({ kind: 'time-out', at, by: 's', fence: fenceOf(record) }),
      end(),
    ),
  };
  for (const [name, history] of Object.entries(lives)) {
    assert.equal(checkLife(history).problems, [], name);
  }
  const { counters } = checkLife(lives['retried and rescued'] ?? []);
  assert.equal(counters, { records: 9, tasks: 1, claims: 4, retries: 1, rescues: 1, givenBack: 1, success: 1 });
});

test('a history longer than is kept is still whole', () => {
  const policy = { maxAttempts: 100 };
  const rounds = Array.from({ length: 60 }, () => [claim(), giveBack]).flat();
  const history = live(submit('t', policy), ...rounds);
  assert.ok((history.at(-1)?.record.historyDropped ?? 0) > 0);
  assert.equal(checkLife(history).problems, []);
});

/** Every rule is broken once; the checker has to find it. */
const breaches: Record<string, readonly [rule: string, history: () => readonly Recorded[]]> = {
  'revisions out of order': ['order', () => broken(simple, 2, {}, { revision: 15 })],
  'pending to success': ['legal-step', () => [simple[0], simple[3]].filter((one) => one !== undefined)],
  'aborting back to pending': [
    'legal-step',
    () => {
      const history = live(submit(), claim(), abortable, cancel());
      const pending = without(history[3]?.record, 'owner');
      return [...history, { address, epoch: EPOCH, revision: 99, record: { ...pending, status: 'pending' } }];
    },
  ],
  'a result after the end': ['terminal-final', () => broken(simple, 4, { result: Uint8Array.of(1) })],
  'a status after the end': ['terminal-final', () => broken(simple, 4, { status: 'failure' })],
  'an archive mark that goes': ['archived-final', () => [...simple, { ...(simple[3] as Recorded), revision: 99 }]],
  'archived while it runs': ['archived-ended', () => broken(simple, 2, { archived: true })],
  'a second task while one runs': [
    'one-at-a-time',
    () => [...simple.slice(0, 2), ...live(submit('t2')).map((one) => ({ ...one, revision: 99 }))],
  ],
  'a task that comes back': [
    'no-return',
    () => {
      const two = live(submit(), claim(), end(), submit('t2'), claim(), end());
      return [...two, { ...(two[0] as Recorded), revision: 99 }];
    },
  ],
  'a successor that is forgotten': [
    'successor-first',
    () => {
      const history = live(submit(), claim(), abortable, cancel(), submit('t2'), end());
      return [...history, ...live(submit('t3')).map((one) => ({ ...one, revision: 99 }))];
    },
  ],
  'born running': ['born-pending', () => simple.slice(1)],
  'fence not above the last': [
    'fence-grows',
    () => {
      const history = live(submit(), claim(), giveBack, claim('w2'));
      const owner = history[1]?.record.owner;
      return owner === undefined ? [] : broken(history, 3, { owner: { ...owner, worker: 'w2' } });
    },
  ],
  'fence of another revision': [
    'fence-names-claim',
    () => broken(simple.slice(0, 2), 1, { owner: { worker: 'w1', at: 1, fence: { epoch: EPOCH, revision: 7 } } }),
  ],
  'a write under an older fence': [
    'single-writer',
    () => {
      const history = live(submit(), claim(), progress, rescue, claim('w2'), progress);
      const old = history[2]?.record.owner;
      return old === undefined ? [] : broken(history, 5, { owner: old });
    },
  ],
  'progress without an owner': [
    'single-writer',
    () => broken(live(submit(), submit('t2')), 1, { progress: { count: 1 } }),
  ],
  'ended for another owner': [
    'single-writer',
    () => broken(simple, 3, { owner: { worker: 'w9', at: 1, fence: { epoch: EPOCH, revision: 10 } } }),
  ],
  'a run without an owner': ['run-owned', () => replaced(simple, 2, without(simple[2]?.record, 'owner'))],
  'owned while it waits': [
    'pending-unowned',
    () => broken(simple, 0, { owner: { worker: 'w', at: 1, fence: { epoch: 1, revision: 1 } } }),
  ],
  'too many rescues': ['bounded', () => broken(live(submit(), claim(), rescue), 2, { rescues: 3 })],
  'too many failures': [
    'bounded',
    () => broken(live(submit('t', { maxAttempts: 2 }), claim(), fail), 2, { failures: 3 }),
  ],
  'an attempt that is not counted': ['counts', () => broken(live(submit(), claim()), 1, { attempt: 2 })],
  'a rescue and a failure at once': [
    'counts',
    () => broken(live(submit('t', { maxAttempts: 9 }), claim(), fail), 2, { rescues: 1 }),
  ],
  'a failure counted while it runs': [
    'counts',
    () => broken(live(submit('t', { maxAttempts: 9 }), claim(), progress), 2, { failures: 1 }),
  ],
  'a history that does not tell the state': [
    'history-tells',
    () => broken(simple, 1, { history: simple[0]?.record.history ?? [] }),
  ],
  'a history entry too many': [
    'history-whole',
    () =>
      broken(simple, 2, {
        history: [...(simple[2]?.record.history ?? []), { status: 'in_progress', at: 1, by: 'w', attempt: 1 }],
      }),
  ],
  'a history that was rewritten': [
    'history-whole',
    () => broken(simple, 1, { history: (simple[1]?.record.history ?? []).map((h) => ({ ...h, by: 'somebody' })) }),
  ],
  'other arguments': ['spec-stands', () => broken(simple, 1, { args: Uint8Array.of(1) })],
  'an end without a time': ['end-dated', () => replaced(simple, 3, without(simple[3]?.record, 'endedAt'))],
  'aborted by a timeout': [
    'cause-fits',
    () => broken(live(submit(), cancel()), 1, { abort: { cause: 'timeout', by: 's', at: 1 } }),
  ],
  'timed out by a user': ['cause-fits', () => broken(live(submit(), cancel()), 1, { status: 'timed_out' })],
  'aborting though the body had returned': [
    'cause-fits',
    () => broken(live(submit(), claim(), abortable, cancel()), 3, { finishing: true }),
  ],
  'a second cause': [
    'first-cause',
    () =>
      broken(live(submit(), claim(), abortable, cancel(), end()), 4, {
        abort: { cause: 'cancel', by: 'user:bob', at: 1 },
      }),
  ],
};

for (const [name, [rule, history]] of Object.entries(breaches)) {
  test(`finds: ${name}`, () => {
    const report = checkLife(history());
    assert.not.ok(report.ok);
    assert.ok(
      report.problems.some((problem) => problem.rule === rule),
      `${rule} is not among ${JSON.stringify(report.problems)}`,
    );
  });
}

test.run();
