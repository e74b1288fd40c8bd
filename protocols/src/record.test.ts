import type { TaskRecord, TaskSpec } from '@baton/core';
import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import {
  addressOf,
  decodeRecord,
  DecodeError,
  encode,
  encodeData,
  EncodeError,
  encodeRecord,
  readRecord,
  readRecordAt,
  RECORD_LIMIT,
} from './index.ts';
import { RECORD_FIELDS } from './record-shape.ts';

const test = suite('record');

/** Thousands of runs, on a machine that may have other things to do. */
const SLOW = { limitMs: 120_000 };

const AT = 1_700_000_000_000;
const fence = { epoch: AT - 5, revision: 7 };

const spec: TaskSpec = {
  id: '018bcfe5-6800-7000-8000-000000000001',
  type: 'report',
  key: 'k',
  name: 'Report',
  scope: 'shared',
  creator: 'alice',
  args: encodeData([1, { deep: ['x'] }]),
  queue: 'default',
  priority: 'high',
  mode: 'sync',
  host: 'p1',
  policy: {
    timeoutMs: 1,
    maxAttempts: 3,
    backoff: { initialMs: 1, factor: 2, maxMs: 3, jitter: 0.5 },
    maxRescues: 2,
    onOrphan: 'fail',
    abortGraceMs: 60_000,
    isolation: 'thread',
  },
  latestRunAt: AT + 6,
  expiresAt: AT + 7,
  throttledUntil: AT + 8,
  runAt: AT + 1,
  retriedFrom: '018bcfe5-6800-7000-8000-000000000000',
  operation: '0123456789abcdef0123456789abcdef',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  tracestate: 'vendor=1',
  group: 'tenant',
  limitKey: 'warehouse',
  units: 3,
  tags: { tenant: 'acme', order: 17, isUrgent: true },
  dependsOn: [
    { id: 'a', address: '00.report.a', name: 'A', end: { status: 'success', at: AT, left: encodeData({ result: 1 }) } },
    { id: 'b', address: '00.report.b', name: 'B', onFailure: 'continue' },
  ],
  awaited: true,
  parent: { id: 'p', address: '00.report.p', leave: true, over: true },
};

/** Every field there is, which no one record has. */
const full: TaskRecord = {
  ...spec,
  v: 1,
  status: 'aborting',
  subscribers: [{ user: 'alice', at: AT }],
  createdAt: AT,
  changedAt: AT + 3,
  readyAt: AT + 1,
  startedAt: AT + 2,
  endedAt: AT + 3,
  attempt: 1,
  failures: 1,
  rescues: 1,
  owner: { worker: 'w1', fence, at: AT + 2 },
  runTrace: '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01',
  abortable: true,
  finishing: true,
  bodyOutcome: { kind: 'threw', fence, error: { message: 'no', type: 'Error' }, terminal: true, retryAfterMs: 5 },
  abort: {
    cause: 'cancel',
    by: 'user:alice',
    at: AT + 3,
    deliveredAt: AT + 4,
    observedAt: AT + 5,
    stoppedAt: AT + 6,
    forced: true,
  },
  progress: { current: 1, total: 2 },
  payload: encodeData({ a: 1 }),
  result: { object: 'o', size: 70_000, digest: 'ab' },
  error: { message: 'm', type: 'Error', stack: 's' },
  dedupeCount: 2,
  timeoutUnenforced: true,
  notStopping: true,
  history: [{ status: 'pending', at: AT, by: 'user:alice', attempt: 0, why: 'w' }],
  historyDropped: 1,
  successor: {
    spec,
    subscribers: [{ user: 'bob', at: AT }],
    createdAt: AT,
    dedupeCount: 1,
    cancelled: { at: AT, by: 'user:bob' },
    next: { spec, subscribers: [], createdAt: AT },
  },
  archived: true,
  signals: [
    { id: 's1', name: 'approved', at: 1_700_000_000_400, by: 'user:eve', data: new Uint8Array([0xc3]), awaited: true },
    { name: 'approved', at: 1_700_000_000_500, timedOut: true },
  ],
  waiting: { signal: 'approved', since: 1_700_000_000_600 },
  cancelHandle: { data: new Uint8Array([0xc3]), tries: 1 },
  cancelling: true,
  steps: [
    { name: 'charge', at: 1_700_000_000_700, result: new Uint8Array([0xc3]) },
    { name: 'mail', at: 1_700_000_000_800 },
  ],
  children: [
    { id: 'c', address: '00.report.c', name: 'C', share: 0.5 },
    { id: 'd', address: '00.report.d', name: 'D', leave: true, end: { status: 'gone', at: AT } },
  ],
  waitsOver: [1, 3],
  nonce: 'n1',
};

const reading = (value: unknown) => readRecord(encode(value));

test('a record comes back as it was, with every field there is', () => {
  assert.equal(decodeRecord(encodeRecord(full)), full);
  assert.equal(Object.keys(full).toSorted(), [...RECORD_FIELDS].toSorted());
  for (const progress of [{ count: 1 }, { fraction: 0.5 }]) assert.is(reading({ ...full, progress }).kind, 'record');
});

test('a time or bytes are no map, also where a map may be empty', () => {
  for (const policy of [new Date(0), new Uint8Array(), []]) {
    assert.is(reading({ ...full, policy }).kind, 'corrupt');
    assert.throws(() => encodeRecord({ ...full, policy } as never), /field 'policy'/);
  }
});

test('X10 a newer version is told as such, whatever else is in it', () => {
  assert.equal(reading({ v: 2, whatever: [1] }), { kind: 'newer', version: 2 });
  assert.throws(
    () => decodeRecord(encode({ v: 2 })),
    (e: unknown) => e instanceof DecodeError && /newer/.test(e.message),
  );
});

test('X10 unknown fields of this version are kept', () => {
  const record = { ...full, future: { x: [1] }, owner: { ...full.owner, future: true } };
  const read = reading(record);
  assert.equal(read, { kind: 'record', record });
});

test('what is no record is corrupt, and nothing is thrown', () => {
  for (const value of [
    null,
    1,
    'x',
    [],
    [full],
    {},
    { v: 1 },
    { v: '1' },
    { ...full, v: 0 },
    { ...full, v: 1.5 },
    { ...full, v: -1 },
  ]) {
    assert.is(reading(value).kind, 'corrupt');
  }
  for (const bytes of [[], [0xc1], [0x80, 0x80], [0x91], [0xd4, 0x72, 0x40]])
    assert.is(readRecord(Uint8Array.from(bytes)).kind, 'corrupt');
  assert.is(readRecord(new Uint8Array(RECORD_LIMIT + 1)).kind, 'corrupt');
  assert.throws(
    () => decodeRecord(Uint8Array.from([0xc0])),
    (e: unknown) => e instanceof DecodeError,
  );
});

const WRONG: readonly unknown[] = [
  null,
  'x',
  '',
  -1,
  1.5,
  2 ** 53,
  9e15,
  true,
  false,
  [],
  [null],
  ['x'],
  {},
  { at: 1 },
  new Uint8Array(1),
  new Date(0),
];

/** Every place in a value, as the way to it. */
const places = (value: unknown, way: readonly string[] = []): readonly (readonly string[])[] => {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [way];
  return [way, ...Object.entries(value).flatMap(([name, member]) => places(member, [...way, name]))];
};

const changed = (value: unknown, way: readonly string[], to: { readonly value: unknown } | undefined): unknown => {
  const [name, ...rest] = way;
  if (name === undefined) return to?.value;
  const copy: Record<string, unknown> = Array.isArray(value)
    ? (Object.assign([], value) as never)
    : { ...(value as object) };
  if (rest.length === 0 && to === undefined) delete copy[name];
  else copy[name] = changed(copy[name], rest, to);
  return copy;
};

test('what nobody could read is not written', () => {
  const wrong = [
    { runAt: Number.NaN },
    { runAt: undefined },
    { attempt: Infinity },
    { policy: { timeoutMs: undefined } },
    { status: 'x' },
  ];
  for (const change of wrong) {
    const [name] = Object.keys(change);
    assert.throws(
      () => encodeRecord({ ...full, ...change } as TaskRecord),
      (e: unknown) => e instanceof EncodeError && e.message === `not a record: field '${name}'`,
    );
  }
});

test('text that nobody could read is not written', () => {
  for (const name of ['x\ud800', '\udc00']) {
    assert.throws(
      () => encodeRecord({ ...full, name }),
      (e: unknown) => e instanceof EncodeError && /'name'/.test(e.message),
    );
  }
});

test('any field changed to anything, or left out: still a record or corrupt, by name, and never a throw', () => {
  const kinds = { record: 0, corrupt: 0, newer: 0 };
  for (const way of places(full).slice(1)) {
    for (const to of [undefined, ...WRONG.map((value) => ({ value }))]) {
      if (to === undefined && /^\d+$/.test(way.at(-1) ?? '')) continue;
      const read = reading(changed(full, way, to));
      kinds[read.kind]++;
      if (read.kind === 'corrupt') assert.match(read.reason, /field '|not a map/);
      if (read.kind === 'record') encodeRecord(read.record);
    }
  }
  assert.ok(kinds.corrupt > 1_000 && kinds.record > 100, JSON.stringify(kinds));
});

const REQUIRED = [
  'v',
  'id',
  'type',
  'key',
  'name',
  'scope',
  'queue',
  'priority',
  'mode',
  'policy',
  'status',
  'subscribers',
  'createdAt',
  'changedAt',
  'attempt',
  'history',
];

/** Besides, in the state of `full`. */
const NEEDED_WHILE_ABORTING = ['owner', 'abort'];

test('each field is required or optional, as it is written down', () => {
  for (const name of RECORD_FIELDS) {
    const read = reading(changed(full, [name], undefined));
    const isRequired = REQUIRED.includes(name) || NEEDED_WHILE_ABORTING.includes(name);
    assert.is(read.kind, isRequired ? 'corrupt' : 'record', name);
    if (read.kind === 'corrupt') assert.match(read.reason, `field '${name}'`);
  }
});

test('a state has what it cannot be without: what runs has an owner, what is aborted a cause', () => {
  const needed = { owner: ['in_progress', 'aborting'], abort: ['aborting'] } as const;
  for (const [name, states] of Object.entries(needed)) {
    for (const status of ['pending', 'in_progress', 'aborting', 'success', 'failure', 'aborted', 'timed_out']) {
      const read = reading(changed({ ...full, status }, [name], undefined));
      const isNeeded = (states as readonly string[]).includes(status);
      assert.is(read.kind, isNeeded ? 'corrupt' : 'record', `${status} without ${name}`);
      if (read.kind === 'corrupt') assert.is(read.reason, `field '${name}', which ${status} needs`);
    }
  }
});

test('a record stands at its own address and at no other', () => {
  const bytes = encodeRecord(full);
  const { scope, type, key } = full;
  assert.equal(readRecordAt(addressOf({ scope, type, key }), bytes), { kind: 'record', record: full });
  for (const other of [{ scope, type, key: 'other' }, { scope: 'private', type, key, user: 'alice' } as const]) {
    assert.is(readRecordAt(addressOf(other), bytes).kind, 'corrupt');
  }
  const nameless = encodeRecord({ ...full, type: 'no name' });
  assert.is(readRecordAt(addressOf({ scope, type, key }), nameless).kind, 'corrupt');
});

test('a wrong value of each kind is found in each field', () => {
  const wrong: Readonly<Record<string, readonly unknown[]>> = {
    status: ['completed', 'Pending', 1],
    scope: ['public'],
    priority: ['urgent', 1],
    mode: ['inline'],
    attempt: [-1, 0.5, '1'],
    createdAt: [-1, 8.64e15 + 2, 'now'],
    owner: [{ worker: 'w' }, { worker: 'w', fence: { epoch: 1 }, at: 1 }],
    abort: [
      { cause: 'drain', by: 'x', at: 1 },
      { cause: 'cancel', by: 'x' },
    ],
    abortable: [false, 1],
    args: [[1], { object: 'o' }, 'bytes'],
    progress: [{ current: 1 }, { fraction: 2 }, { count: -1 }, {}],
    policy: [
      { maxAttempts: -1 },
      { isolation: 'vm' },
      { onOrphan: 'x' },
      { backoff: { initialMs: 1 } },
      { timeoutMs: '5m' },
    ],
    history: [[{ status: 'pending' }], {}, [1]],
    subscribers: [[{ user: 1, at: 1 }], ['alice']],
    signals: [[{ name: 'a', at: 1 }], [{ id: 's', name: 'a', at: 1 }], [{ name: 'a', at: 1, timedOut: false }], {}],
    cancelHandle: [{}, { data: 'a' }, { data: new Uint8Array([1]), tries: 'x' }],
    steps: [[{ name: 'a' }], [{ name: 1, at: 1 }], [{ name: 'a', at: 1, result: 'x' }], {}],
    waiting: [
      ...[{ signal: 'a' }, { signal: 1, since: 1 }, 'a', { since: 1 }, { children: ['a'], since: 1 }],
      ...[
        { children: ['a'], number: 0, since: 1 },
        { children: [1], number: 1, since: 1 },
      ],
      { children: ['a'], number: 1, since: 1, onFailure: 'fail' },
    ],
    parent: [{ id: 'a' }, { id: 'a', address: 'b', leave: false }, { id: 1, address: 'b' }],
    children: [[{ id: 'a', address: 'b' }], [{ id: 'a', address: 'b', name: 'c', share: 2 }], 'a'],
    waitsOver: [[0], ['1'], 1],
    successor: [
      { spec: {}, subscribers: [], createdAt: 1 },
      { ...full.successor, next: {} },
      { ...full.successor, cancelled: true },
    ],
  };
  for (const [name, values] of Object.entries(wrong)) {
    for (const value of values)
      assert.equal(
        reading({ ...full, [name]: value }),
        { kind: 'corrupt', reason: `field '${name}'` },
        `${name} ${String(value)}`,
      );
  }
});

test(
  'hostile bytes in place of a field make it corrupt, not worse',
  () => {
    const bytes = encodeRecord(full);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        const copy = Uint8Array.from(bytes);
        copy[at] = byte;
        const read = readRecord(copy);
        if (read.kind === 'record') assert.is(readRecord(encodeRecord(read.record)).kind, 'record');
      }),
      { numRuns: 5_000 },
    );
  },
  SLOW,
);

test.run();
