import type { Status, TaskRecord } from '@baton/core';
import { encode, encodeRecord } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { isOver, mayWait, plainlyRuns } from './encoded-status.ts';

const test = suite('supervisor: encoded status');

const record = (status: Status, more: Partial<TaskRecord> = {}): TaskRecord => ({
  v: 1,
  id: '01890000-0000-7000-8000-000000000000',
  type: 'job',
  key: 'status',
  name: 'a name that is longer than thirty-one bytes, to be a longer string',
  scope: 'shared',
  queue: 'default',
  priority: 'normal',
  mode: 'async',
  policy: { timeoutMs: 70_000, backoff: { initialMs: 1, factor: 1.5, maxMs: 2 ** 40, jitter: 0.5 } },
  args: new Uint8Array(300),
  result: new Uint8Array(70_000),
  subscribers: [{ user: 'alice', at: Date.UTC(2025, 1, 1) }],
  createdAt: Date.UTC(2025, 1, 1),
  changedAt: 1,
  attempt: 1,
  payload: new Uint8Array(3),
  owner: { worker: 'w', fence: { epoch: 1, revision: 1 }, at: 1 },
  abort: { cause: 'cancel', by: 'user:status', at: 5, forced: true },
  history: Array.from({ length: 20 }, (_, i) => ({
    status: 'success',
    at: i * 1e9,
    by: 'w',
    attempt: i,
    why: 'x'.repeat(i * 20),
  })),
  ...more,
  status,
});

test('sees which tasks are over', () => {
  for (const status of ['success', 'failure', 'aborted', 'timed_out'] as const)
    assert.ok(isOver(encodeRecord(record(status))), status);
  for (const status of ['pending', 'in_progress', 'aborting'] as const)
    assert.not.ok(isOver(encodeRecord(record(status))), status);
});

test('sees which tasks do not wait, and which run, of those written here; all others may wait', () => {
  for (const status of ['pending', 'in_progress', 'aborting', 'success', 'failure', 'aborted', 'timed_out'] as const) {
    const { v, status: _, ...rest } = record(status);
    const one = { v, status, ...rest };
    assert.is(mayWait(encodeRecord(one)), status === 'pending', status);
    assert.is(plainlyRuns(encodeRecord(one)), status === 'in_progress' || status === 'aborting', status);
    // In another order of fields, as another language may write them.
    const other = encode(Object.fromEntries(Object.entries(one).toReversed()));
    assert.equal([mayWait(other), plainlyRuns(other)], [true, false], status);
    const newer = encode({ ...one, v: v + 1 });
    assert.equal([mayWait(newer), plainlyRuns(newer)], [true, false], status);
  }
  for (const bytes of [new Uint8Array(), Uint8Array.of(0xde), Uint8Array.of(0xde, 0, 1, 0xa1, 0x76)])
    assert.equal([mayWait(bytes), plainlyRuns(bytes)], [true, false]);
});

test('is not taken in by what stands inside of other fields', () => {
  const inner = { ...record('pending'), extra: { status: 'success', successor: 1 } };
  assert.not.ok(isOver(encode(inner)));
  assert.ok(isOver(encode({ ...record('success'), extra: { status: 'pending', successor: 1 } })));
});

test('a successor, a newer version and no version have to be decoded', () => {
  const spec = record('pending');
  assert.not.ok(isOver(encodeRecord(record('success', { successor: { spec, subscribers: [], createdAt: 0 } }))));
  for (const v of [0, 2, 127, 128, 300, 70_000, -1, 1.5, '1', undefined]) {
    assert.not.ok(isOver(encode({ ...record('success'), v })), String(v));
  }
});

test('bytes that end too early or go on too long are not over, and nothing throws', () => {
  const bytes = encodeRecord(record('success', { result: new Uint8Array(3) }));
  for (let length = 0; length < bytes.length; length++)
    assert.not.ok(isOver(bytes.subarray(0, length)), `${length} bytes`);
  assert.not.ok(isOver(Uint8Array.of(...bytes, 0)));
});

test('no value of any kind throws it off', () => {
  const values = [
    null,
    true,
    -1,
    -33,
    -129,
    -40_000,
    -(2 ** 40),
    127,
    255,
    65_535,
    2 ** 31,
    2 ** 40,
    1.25,
    'x'.repeat(300),
    'x'.repeat(70_000),
  ];
  const more = [
    [1, [2, [3]]],
    Array.from({ length: 20 }, () => 1),
    new Date(0),
    new Date(1.5),
    new Uint8Array(256),
    {},
    [],
  ];
  for (const value of [...values, ...more]) {
    assert.ok(isOver(encode({ before: value, ...record('failure'), after: value })), typeof value);
  }
});

test('random bytes end, and are not over', () => {
  let seed = 7;
  const byte = (): number => ((seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff) >> 16) & 0xff;
  for (let i = 0; i < 20_000; i++) assert.not.ok(isOver(Uint8Array.from({ length: byte() }, () => byte())));
});

test.run();
