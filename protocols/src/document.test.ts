import type { TaskRecord } from '@baton/core';
import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import {
  addressOf,
  decodeData,
  documentOf,
  encode,
  encodeData,
  readDataText,
  RECORD_LIMIT,
  viewOfDataText,
  type TaskDocument,
} from './index.ts';

const test = suite('document');

const AT = 1_700_000_000_000;
const address = addressOf({ scope: 'private', type: 'report', key: 'k', user: 'alice' });
const from = { address, epoch: AT - 5, revision: 9 };

const record: TaskRecord = {
  v: 1,
  id: '018bcfe5-6800-7000-8000-000000000001',
  type: 'report',
  key: 'k',
  name: 'Report',
  scope: 'private',
  creator: 'alice',
  queue: 'default',
  priority: 'low',
  mode: 'async',
  policy: { timeoutMs: 1_500, maxAttempts: 3, abortGraceMs: 2_000 },
  status: 'failure',
  subscribers: [{ user: 'alice', at: AT }],
  createdAt: AT,
  changedAt: AT + 4,
  readyAt: AT + 0.75,
  startedAt: AT + 1,
  endedAt: AT + 4,
  attempt: 2,
  failures: 2,
  rescues: 1,
  owner: { worker: 'w1', fence: { epoch: AT - 5, revision: 7 }, at: AT + 1 },
  abortable: true,
  abort: { cause: 'timeout', by: 'worker:w1', at: AT + 2, deliveredAt: AT + 3, forced: true },
  progress: { current: 1, total: 4 },
  error: { message: 'm', type: 'E', stack: 's' },
  dedupeCount: 3,
  retriedFrom: 'r',
  history: [
    { status: 'pending', at: AT, by: 'user:alice', attempt: 0 },
    { status: 'failure', at: AT + 4, by: 'worker:w1', attempt: 2, why: 'E' },
  ],
  historyDropped: 1,
};

test('P1 every field, from the record and nothing else', () => {
  const expected: TaskDocument = {
    _id: record.id,
    search_text: 'report\nreport\nk',
    epoch: AT - 5,
    rev: 9,
    address,
    task_type: 'report',
    task_key: 'k',
    task_name: 'Report',
    scope: 'private',
    status: 'failure',
    terminal: true,
    created_by: 'alice',
    subscribers: [{ user: 'alice', subscribed_at: new Date(AT) }],
    subscriber_ids: ['alice'],
    queue: 'default',
    priority: 'low',
    group: null,
    units: 1,
    execution_mode: 'async',
    created_at: new Date(AT),
    changed_at: new Date(AT + 4),
    expires_at: null,
    run_at: null,
    ready_at: new Date(AT + 0.75),
    started_at: new Date(AT + 1),
    ended_at: new Date(AT + 4),
    queued_seconds: 0.000_25,
    attempt: 2,
    max_attempts: 3,
    failures: 2,
    rescues: 1,
    timeout_seconds: 1.5,
    abort_grace_seconds: 2,
    worker: 'w1',
    fence: { epoch: AT - 5, revision: 7 },
    is_abortable: true,
    finishing: false,
    not_stopping: false,
    timeout_unenforced: false,
    abort: {
      cause: 'timeout',
      requested_by: 'worker:w1',
      requested_at: new Date(AT + 2),
      delivered_at: new Date(AT + 3),
      observed_at: null,
      stopped_at: null,
      forced: true,
    },
    progress: { current: 1, total: 4 },
    args: null,
    payload: null,
    result: null,
    objects: [],
    error_message: 'm',
    exception_type: 'E',
    stack_trace: 's',
    dedupe_count: 3,
    policy: { timeoutMs: 1_500, maxAttempts: 3, abortGraceMs: 2_000 },
    retried_from: 'r',
    history: [
      { status: 'pending', at: new Date(AT), by: 'user:alice', attempt: 0, why: null },
      { status: 'failure', at: new Date(AT + 4), by: 'worker:w1', attempt: 2, why: 'E' },
    ],
    history_dropped: 1,
  };
  const before = JSON.stringify(record);
  assert.equal(documentOf(record, from), expected);
  assert.equal(documentOf(record, from), documentOf(record, from));
  assert.is(JSON.stringify(record), before);
});

test('P1 what does not apply is null or the default, never absent', () => {
  const {
    creator: _c,
    owner: _o,
    abort: _a,
    progress: _p,
    error: _e,
    startedAt: _s,
    endedAt: _n,
    policy: _y,
    ...rest
  } = record;
  const bare = documentOf({ ...rest, status: 'pending', policy: {}, history: [] }, from);
  assert.equal(Object.keys(bare), Object.keys(documentOf(record, from)));
  const { created_by, worker, fence, abort, progress, started_at, ended_at, error_message, timeout_seconds } = bare;
  for (const value of [
    created_by,
    worker,
    fence,
    abort,
    progress,
    started_at,
    ended_at,
    error_message,
    timeout_seconds,
  ])
    assert.is(value, null);
  assert.is(bare.max_attempts, 1);
  assert.is(bare.abort_grace_seconds, 60);
  assert.is(bare.terminal, false);
});

const HOSTILE: readonly unknown[] = [
  { $set: { status: 'success' } },
  { 'a.b': 1, '': 2, $where: 'while(1){}', _id: 3 },
  { 'nul\0key': '\0', 'a.$[].b': 1 },
  ['\u2028', '</script>', '😀', '\ud7ff'],
  { constructor: { prototype: { isAdmin: true } }, toJSON: 'x', __proto_: 1 },
];

test('T45 user data with hostile keys is JSON text, and the same data again when it is read', () => {
  for (const value of HOSTILE) {
    const bytes = encodeData(value);
    const document = documentOf({ ...record, args: bytes, payload: bytes, result: bytes }, from);
    for (const text of [document.args, document.payload, document.result]) {
      // As text: a member named `constructor` is more than the assertion library expects.
      assert.is(JSON.stringify(viewOfDataText(text ?? '')), JSON.stringify(value));
      const again = readDataText(text ?? '');
      assert.ok(again.kind === 'data' && again.data instanceof Uint8Array);
      assert.is(JSON.stringify(decodeData(again.data, RECORD_LIMIT)), JSON.stringify(value));
    }
  }
});

test('T46 type, key, users and errors are values: no field of a document is named by anybody', () => {
  const hostile = '$inc';
  const names = (value: unknown): readonly string[] =>
    typeof value !== 'object' || value === null || value instanceof Date
      ? []
      : Object.entries(value).flatMap(([name, member]) => [...(Array.isArray(value) ? [] : [name]), ...names(member)]);
  const plain = names(documentOf(record, from)).toSorted();
  const odd = {
    ...record,
    type: hostile,
    key: 'a.$[].b',
    name: hostile,
    creator: hostile,
    [hostile]: { [hostile]: 1 },
    progress: { current: 1, total: 4, [hostile]: 1 },
    owner: { worker: hostile, fence: { epoch: 1, revision: 2, [hostile]: 3 }, at: AT, [hostile]: 1 },
    abort: { ...record.abort, [hostile]: 1 },
    error: { message: hostile, type: hostile, stack: hostile, [hostile]: 1 },
    subscribers: [{ user: hostile, at: AT, [hostile]: 1 }],
    history: record.history.map((h) => ({ ...h, [hostile]: 1 })),
  };
  assert.equal(names(documentOf(odd as TaskRecord, from)).toSorted(), plain);
  for (const progress of [
    { count: 1, $x: 1 },
    { fraction: 0.5, $x: 1 },
  ]) {
    assert.equal(Object.keys(documentOf({ ...record, progress }, from).progress ?? {}), [Object.keys(progress)[0]]);
  }
});

test('T45 data that cannot be read is said so in its place, and the document stands', () => {
  let deep: unknown = 1;
  for (let i = 0; i < 101; i++) deep = [deep];
  const unreadable = [
    encode(deep),
    Uint8Array.from([0xc1]),
    new Uint8Array(0),
    Uint8Array.from([0xcf, ...Array.from({ length: 8 }, () => 0xff)]),
  ];
  for (const payload of unreadable) {
    const text = documentOf({ ...record, payload }, from).payload ?? '';
    assert.match(text, /^\{"\$unreadable":"/);
    JSON.parse(text);
  }
});

test('bytes, times and large objects in data have a form of their own', () => {
  const { args, payload, result } = documentOf(
    {
      ...record,
      args: encodeData([Buffer.from('hi'), new Date(AT)]),
      payload: encodeData(new Uint8Array([1])),
      result: { object: 'o', size: 5, digest: 'd' },
    },
    from,
  );
  assert.is(args, `[{"$base64":"aGk="},{"$date":"${new Date(AT).toISOString()}"}]`);
  assert.is(payload, '{"$base64":"AQ=="}');
  assert.is(result, '{"$object":"o","size":5,"digest":"d"}');
});

test.run();
