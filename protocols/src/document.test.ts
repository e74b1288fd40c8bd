import type { Child, TaskRecord } from '@baton/core';
import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import {
  addressOf,
  decodeData,
  documentOf,
  encode,
  encodeData,
  objectName,
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

test('G1 what it waits for, where it waits for something; a task that does not has no such field', () => {
  const left = encodeData({ result: 1 });
  const dependsOn = [
    { id: 'a', address: '00.report.a', name: 'A', end: { status: 'success', at: AT, left } },
    { id: 'b', address: '00.report.b', name: 'B', onFailure: 'ignore' },
  ] as const;
  const { depends_on: edges, depends_on_ids: ids } = documentOf({ ...record, dependsOn, awaited: true }, from);
  assert.equal(ids, ['a', 'b']);
  const b = { uuid: 'b', address: '00.report.b', task_name: 'B', on_failure: 'ignore' };
  const a = { uuid: 'a', address: '00.report.a', task_name: 'A', on_failure: 'fail', status: 'success' };
  assert.equal(edges, [
    { ...a, ended_at: new Date(AT), left: '{"result":1}' },
    { ...b, status: null, ended_at: null, left: null },
  ]);
  assert.not('depends_on' in documentOf(record, from));
});

test('B2 tags are a map, and terms for an index; there only where the task has some', () => {
  const { tags, tag_terms: terms } = documentOf(
    { ...record, tags: { tenant: 'acme', order: -1.5, isUrgent: false } },
    from,
  );
  assert.equal(tags, { tenant: 'acme', order: -1.5, isUrgent: false });
  assert.equal(terms, ['tenant:acme', 'order:-1.5', 'isUrgent:false']);
  for (const field of ['tags', 'tag_terms']) assert.not(field in documentOf(record, from));
});

test('G1 an object that another task has left is its own, and not that of a task it was left to before', () => {
  const mine = objectName(address, record.id, { leftBy: 'a' });
  const theirs = objectName(address, 'former', { leftBy: 'a' });
  const end = (object: string) => ({ status: 'success', at: AT, left: { object, size: 1, digest: 'd' } }) as const;
  const edge = (id: string, object: string) => ({ id, address: 'x', name: id, end: end(object) });
  const { objects } = documentOf({ ...record, dependsOn: [edge('a', mine), edge('b', theirs)] }, from);
  assert.equal(objects, [mine]);
});

test('F2 a task that belongs to a trace has its id, and no other has the field', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  assert.is(documentOf({ ...record, traceparent }, from).trace_id, '0af7651916cd43dd8448eb211c80319c');
  assert.not('trace_id' in documentOf(record, from));
  assert.not('trace_id' in documentOf({ ...record, traceparent: 'damaged' }, from));
});

test('G6 steps that are done are shown by name, and objects they lie in go with the document', () => {
  const object = objectName(address, record.id, { stepOf: { epoch: 7, revision: 12 }, number: 2 });
  assert.is(object, `${address}/${record.id}/step-7-12-2`);
  const steps = [
    { name: 'charge', at: AT, result: encodeData('secret') },
    { name: 'render', at: AT + 1, result: { object, size: 1, digest: 'd' } },
  ];
  const document = documentOf({ ...record, steps }, from);
  assert.equal(document.steps, [
    { name: 'charge', at: new Date(AT) },
    { name: 'render', at: new Date(AT + 1) },
  ]);
  assert.equal(document.objects, [object]);
  assert.not('steps' in documentOf(record, from));
  assert.not('limit_key' in documentOf(record, from));
  assert.is(documentOf({ ...record, limitKey: 'dock' }, from).limit_key, 'dock');
});

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
    waiting_for: null,
    signals: null,
    history_dropped: 1,
  };
  const before = JSON.stringify(record);
  assert.equal(documentOf(record, from), expected);
  assert.equal(documentOf(record, from), documentOf(record, from));
  assert.is(JSON.stringify(record), before);
});

test('P1 what a task waits for, and the signals it has had', () => {
  const document = documentOf(
    {
      ...record,
      status: 'pending',
      waiting: { signal: 'paid', since: AT },
      signals: [
        { id: 's', name: 'approved', at: AT, by: 'user:eve', data: encodeData({ ok: true }), awaited: true },
        { name: 'paid', at: AT + 1, timedOut: true },
      ],
    },
    { address, epoch: AT - 5, revision: 9 },
  );
  assert.equal(document.waiting_for, { signal: 'paid', since: new Date(AT) });
  const sent = { name: 'approved', at: new Date(AT), sent_by: 'user:eve', data: '{"ok":true}' };
  assert.equal(document.signals, [
    { ...sent, awaited: true, timed_out: false },
    { name: 'paid', at: new Date(AT + 1), sent_by: null, data: null, awaited: false, timed_out: true },
  ]);
});

test('P1, G3 whose child it is, what it has spawned, and how far that is', () => {
  const { progress: _, ...untold } = record;
  const mine = objectName(address, record.id, { leftBy: 'c' });
  const left = { object: mine, size: 70_000, digest: 'd' };
  const child = (id: string, more: Partial<Child>): Child => ({ id, address: `00.report.${id}`, name: id, ...more });
  const document = documentOf(
    {
      ...untold,
      status: 'pending',
      parent: { id: 'p', address: '00.plan.p', over: true },
      children: [
        child('c', { end: { status: 'failure', at: AT, left } }),
        child('d', { share: 0.5 }),
        child('e', { leave: true }),
      ],
      waiting: { children: ['c', 'd'], number: 1, since: AT },
    },
    from,
  );
  assert.equal(document.parent, { uuid: 'p', address: '00.plan.p', leave: false });
  const open = { leave: false, share: null, status: null, ended_at: null, left: null };
  assert.equal(document.children?.slice(1), [
    { ...open, uuid: 'd', address: '00.report.d', task_name: 'd', share: 0.5 },
    { ...open, uuid: 'e', address: '00.report.e', task_name: 'e', leave: true },
  ]);
  const [{ left: text, ...ended } = {}] = (document.children ?? []) as readonly { readonly left?: string | null }[];
  assert.equal(ended, {
    ...{ uuid: 'c', address: '00.report.c', task_name: 'c', leave: false, share: null },
    ...{ status: 'failure', ended_at: new Date(AT) },
  });
  assert.match(text ?? '', mine);
  assert.ok(document.objects.includes(mine), 'what a child left goes with the document');
  assert.equal(document.waiting_for, { signal: null, children: ['c', 'd'], since: new Date(AT) });
  assert.equal(document.progress, { fraction: 0.5 });
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
