import type { TaskRecord } from '@baton/core';
import { addressOf, encode, encodeRecord, type Address } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { Entry } from '../ports/store.ts';
import type { Version } from '../ports/projections.ts';
import { isMarkDue, takeIn, type Reading } from './intake.ts';
import { newestOf } from './sink.ts';

const test = suite('projector intake');

const reading: Reading = { epoch: 1, now: 0 };
const A = '01890000-0000-7000-8000-00000000000a';
const B = '01890000-0000-7000-8000-00000000000b';
const at = (key: string): Address => addressOf({ scope: 'shared', type: 'job', key });

const spec = {
  id: A,
  type: 'job',
  key: 'k',
  name: 'n',
  scope: 'shared',
  queue: 'q',
  priority: 'normal',
  mode: 'async',
  policy: {},
} as const;
const first = { status: 'pending', at: 0, by: 'user:a', attempt: 0 } as const;
const pending: TaskRecord = {
  ...spec,
  v: 1,
  status: 'pending',
  subscribers: [],
  createdAt: 0,
  changedAt: 0,
  attempt: 0,
  history: [first],
};
const ran: TaskRecord = {
  ...pending,
  status: 'success',
  changedAt: 9,
  history: [first, { ...first, status: 'success', at: 9 }],
};

const entry = (record: TaskRecord, revision: number, address = at('k')): Entry => ({
  address,
  revision,
  bytes: encodeRecord(record),
});
const shown = (entries: readonly Entry[]) =>
  takeIn(entries, reading).found.map(({ record, revision }) => ({ id: record.id, revision }));
const version = (of: Entry, more: Partial<Version> = {}): Version => ({ ...of, storedAt: 0, isMark: false, ...more });

test('of one task only the newest is kept, in whatever order they come', () => {
  const [one, two, three] = [entry(pending, 1), entry({ ...ran, changedAt: 5 }, 2), entry(ran, 3)];
  const kept = [{ id: A, revision: 3 }];
  for (const order of [
    [one, two, three],
    [three, two, one],
    [two, three, one],
    [one, three, two, one, three],
  ]) {
    assert.equal(shown(order), kept);
  }
});

test('tasks that followed each other under one key are all kept', () => {
  const next = { ...pending, id: B };
  const entries = [entry(pending, 1), entry(ran, 2), entry(next, 3), entry({ ...ran, id: B }, 4)];
  const kept = [
    { id: A, revision: 2 },
    { id: B, revision: 4 },
  ];
  const sorted = (list: readonly Entry[]) => shown(list).toSorted((a, b) => a.revision - b.revision);
  assert.equal(sorted(entries), kept);
  assert.equal(sorted(entries.toReversed()), kept);
  assert.equal(sorted([entries[2], entries[0], entries[3], entries[1]] as Entry[]), kept);
});

test('a task that names the newer one as its successor is not taken for it', () => {
  const before: TaskRecord = { ...ran, successor: { spec: { ...spec, id: B }, subscribers: [], createdAt: 1 } };
  const entries = [entry(pending, 0), entry(before, 1), entry({ ...pending, id: B }, 2)];
  assert.equal(
    shown(entries)
      .map(({ id }) => id)
      .toSorted(),
    [A, B],
  );
});

test('of one key only the newest version is looked at; a mark says nothing, a kept outcome has a key of its own', () => {
  const [one, two, mark] = [entry(pending, 1), entry(ran, 2), entry({ ...ran, archived: true }, 3)];
  const revisions = (versions: readonly Version[]) => newestOf(versions).map(({ revision }) => revision);
  assert.equal(revisions([version(one), version(two)]), [2]);
  assert.equal(revisions([version(one), version(two), version(mark, { isMark: true })]), []);
  assert.equal(revisions([version(one), version(two, { outcomeOf: A }), version(mark)]), [3, 2]);
  assert.equal(revisions([version(one, { outcomeOf: A }), version(two, { outcomeOf: B })]), [1, 2]);
});

test('a record that cannot be read hides none below it', () => {
  const entries = [
    entry(pending, 1),
    entry(ran, 2),
    { ...entry(ran, 3), bytes: encode({ ...ran, v: 99 }) },
    { ...entry(ran, 4), bytes: new Uint8Array([0xc1]) },
  ];
  const { found, aside } = takeIn(entries, reading);
  assert.equal(
    found.map(({ revision }) => revision),
    [2],
  );
  assert.equal(
    aside.map(({ kind, revision }) => `${kind} ${revision}`),
    ['newer 3', 'corrupt 4'],
  );
});

test('what waits behind a task is shown too, until it has a record of its own; no mark is due for it', () => {
  const behind: TaskRecord = {
    ...ran,
    status: 'aborting',
    owner: { worker: 'w', fence: { epoch: 1, revision: 1 }, at: 4 },
    abort: { cause: 'cancel', by: 'user:u', at: 5 },
    successor: {
      spec: { ...spec, id: B },
      subscribers: [{ user: 'u', at: 5 }],
      createdAt: 5,
      cancelled: { at: 6, by: 'user:u' },
    },
  };
  const { found } = takeIn([entry(behind, 2)], reading);
  assert.equal(
    found.map((one) => [one.record.id, one.record.status, one.revision, one.waiting ?? false, isMarkDue(one)]),
    [
      [A, 'aborting', 2, false, false],
      [B, 'aborted', 2, true, false],
    ],
  );
  const own = entry({ ...pending, id: B, changedAt: 7 }, 3);
  assert.equal(
    takeIn([entry(behind, 2), own], reading).found.map(({ record, revision, waiting }) => [
      record.id,
      revision,
      waiting,
    ]),
    [
      [A, 2, undefined],
      [B, 3, undefined],
    ],
  );
});

test.run();
