import { decide, fold, taskOf, type TaskRecord } from '@baton/core';
import { addressOf, documentOf } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { checkConvergence, type ConvergenceInput, type ConvergenceOptions, type ReadDocument } from './convergence.ts';
import type { Recorded } from './recorded.ts';

const test = suite('testkit: convergence checker');

const EPOCH = 1_000;
const alice = { user: 'alice', admin: false } as const;

const recorded = (record: TaskRecord, revision: number): Recorded => ({
  address: addressOf({ scope: 'shared', type: 'job', key: record.key }),
  epoch: EPOCH,
  revision,
  record,
});

/** Pending, running, ended, archived: revisions from `base`. */
const lifeOf = (id: string, base: number): readonly [Recorded, Recorded, Recorded, Recorded] => {
  const spec = {
    id,
    type: 'job',
    key: id,
    name: id,
    scope: 'shared',
    queue: 'default',
    priority: 'normal',
    mode: 'async',
    policy: {},
  } as const;
  const fence = { epoch: EPOCH, revision: base };
  let record: TaskRecord | undefined;
  const records = (
    [
      { kind: 'submit', at: 1_000, actor: alice, spec, whenAborting: 'queue' },
      { kind: 'claim', at: 2_000, id, worker: 'w', epoch: EPOCH, revision: base, offered: base },
      {
        kind: 'finish',
        at: 3_000,
        fence,
        body: { kind: 'returned' },
        handlerErrors: [],
        abortHandled: true,
        random: 0,
      },
      { kind: 'archive', at: 4_000, id },
    ] as const
  ).map((command, i) => {
    const decision = decide(record, command);
    if (!decision.ok) throw new Error(decision.refusal.reason);
    record = fold(record, decision);
    return recorded(record as TaskRecord, base + i);
  });
  return records as unknown as readonly [Recorded, Recorded, Recorded, Recorded];
};

const documentFor = (one: Recorded): ReadDocument => ({ ...documentOf(one.record, one) });

const a = lifeOf('a', 10);
const b = lifeOf('b', 20);

/** `a` runs, `b` has ended. */
const good: ConvergenceInput = {
  heads: [a[1], b[2]],
  events: [...a.slice(0, 2), ...b.slice(0, 3)],
  documents: [documentFor(a[1]), documentFor(b[2])],
};

const rulesOf = (change: Partial<ConvergenceInput>, options?: ConvergenceOptions): readonly string[] =>
  checkConvergence({ ...good, ...change }, options).problems.map((problem) => problem.rule);

test('what agrees has no problem', () => {
  const report = checkConvergence(good);
  assert.equal(report.problems, []);
  assert.equal(report.counters, { heads: 2, tasksInLog: 2, documents: 2, projected: 2 });
});

test('events may stand in any order and twice', () => {
  assert.equal(rulesOf({ events: [...good.events, ...good.events].toReversed() }), []);
});

test('what was archived may be one revision ahead, and be forgotten by bucket and log', () => {
  const outcome = documentFor(b[2]);
  const mark = documentFor(b[3]);
  const whole = [...a.slice(0, 2), ...b];
  for (const document of [outcome, mark]) {
    const documents = [documentFor(a[1]), document];
    assert.equal(rulesOf({ heads: [a[1], b[3]], events: whole, documents }), []);
    assert.equal(rulesOf({ heads: [a[1], b[3]], documents }), [], 'the log has forgotten the mark');
    assert.equal(rulesOf({ heads: [a[1]], events: whole, documents }), [], 'the bucket has forgotten the record');
    assert.equal(rulesOf({ heads: [a[1]], documents }), [], 'both have forgotten the mark');
  }
});

test('finds a record that is not in the log', () => {
  assert.ok(rulesOf({ events: good.events.filter((one) => one.record.id !== 'a') }).includes('log-has-all'));
  assert.ok(rulesOf({ events: good.events.filter((one) => one !== b[2]) }).includes('log-has-all'));
});

test('finds a bucket that is behind the log, and one that has lost a running task', () => {
  assert.ok(rulesOf({ heads: [a[0], b[2]] }).includes('bucket-newest'));
  assert.ok(rulesOf({ heads: [b[2]] }).includes('not-lost'));
});

test('finds a log that tells another outcome', () => {
  const other: Recorded = {
    ...b[2],
    record: { ...b[2].record, status: 'failure', error: { message: 'x', type: 'Error' } },
  };
  assert.ok(rulesOf({ events: [...good.events.filter((one) => one !== b[2]), other] }).includes('log-tells-same'));
});

test('finds a missing document, unless it was pruned after its end', () => {
  assert.ok(rulesOf({ documents: [documentFor(a[1])] }).includes('projection-newest'));
  assert.equal(rulesOf({ documents: [documentFor(a[1])] }, { pruned: new Set(['b']) }), []);
  assert.ok(rulesOf({ documents: [documentFor(b[2])] }, { pruned: new Set(['a']) }).includes('projection-newest'));
});

test('finds a document that is behind; when nothing is at rest it is counted', () => {
  const documents = [documentFor(a[0]), documentFor(b[2])];
  assert.ok(rulesOf({ documents }).includes('projection-newest'));
  const { problems, counters } = checkConvergence({ ...good, documents }, { atRest: false });
  assert.equal(problems, []);
  assert.equal([counters['behind'], counters['maxLagMs']], [1, 1_000]);
});

test('finds a running task that is shown as ended, and an ended one shown as running', () => {
  const wrong = { ...documentFor(a[1]), status: 'success', terminal: true };
  assert.ok(rulesOf({ documents: [wrong, documentFor(b[2])] }).includes('document-tells-same'));
  const late = { ...documentFor(b[1]), rev: b[2].revision };
  assert.ok(rulesOf({ documents: [documentFor(a[1]), late] }).includes('document-tells-same'));
});

test('finds a document of no record', () => {
  const extra = { ...documentFor(a[1]), _id: 'c' };
  assert.ok(rulesOf({ documents: [...good.documents, extra] }).includes('no-extra-document'));
  const ended = { ...documentFor(b[2]), _id: 'c' };
  assert.ok(rulesOf({ documents: [...good.documents, ended] }).includes('no-extra-document'));
  assert.equal(rulesOf({ documents: [...good.documents, ended] }, { logIsWhole: false }), []);
  const invented = { ...documentFor(a[1]), rev: 4_711 };
  assert.ok(rulesOf({ documents: [invented, documentFor(b[2])] }).includes('document-of-record'));
});

test('finds every single field that differs', () => {
  for (const field of Object.keys(documentFor(b[2]))) {
    if (field === '_id' || field === 'rev' || field === 'epoch') continue;
    const changed = { ...documentFor(b[2]), [field]: 'changed' };
    assert.not.equal(rulesOf({ documents: [documentFor(a[1]), changed] }), [], field);
  }
});

test('what waits behind a task has a document of its own', () => {
  const [, running] = lifeOf('a', 1);
  const spec = { ...running.record, id: 'b' };
  const behind = recorded(
    { ...running.record, successor: { spec, subscribers: [{ user: 'alice', at: 2_500 }], createdAt: 2_500 } },
    3,
  );
  const view = { ...behind, record: taskOf(behind.record, 'b') as TaskRecord };
  const told = { heads: [behind], events: [behind] };
  assert.ok(checkConvergence({ ...told, documents: [documentFor(behind), documentFor(view)] }).ok);
  assert.not(checkConvergence({ ...told, documents: [documentFor(behind)] }).ok);
});

test.run();
