// The fast way to and from bytes says what the general codec says, of every record and of all that is none.
import { deepStrictEqual } from 'node:assert/strict';
import type { TaskRecord } from '@baton/core';
import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import { encode, encodeData, encodeRecord, readRecord } from './index.ts';
import { RECORD_FIELDS } from './record-shape.ts';
import { readUnusual } from './record.ts';

const test = suite('records, the usual way');

/** Thousands of runs, on a machine that may have other things to do. */
const SLOW = { limitMs: 300_000 };

/** `BATON_FUZZ_RUNS=100000` for more. */
const RUNS = Number(process.env['BATON_FUZZ_RUNS'] ?? 3_000);

const letters = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.constantFrom('default', 'alice', 'x'.repeat(31), 'x'.repeat(32), 'y'.repeat(255), 'z'.repeat(300), 'é'.repeat(16)),
);
const time = fc.oneof(
  fc.constantFrom(0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32),
  fc.double({ min: 0, max: 8.64e15, noNaN: true }),
);
const count = fc.oneof(fc.nat(300), fc.maxSafeNat());
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.constant(new Uint8Array(70_000)),
  fc.constant(encodeData({ a: [1] })),
);
const reference = fc.record({ object: letters, size: count, digest: letters });
const data = fc.oneof(bytes, reference);
const fence = fc.record({ epoch: time, revision: count });
const subscribers = fc.array(fc.record({ user: letters, at: time }), { maxLength: 20 });
const error = fc.record({ message: letters, type: letters, stack: letters }, { requiredKeys: ['message', 'type'] });
const yes = fc.constant(true);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const status = fc.constantFrom('pending', 'in_progress', 'aborting', 'success', 'failure', 'aborted', 'timed_out');
const policy = fc.record(
  {
    timeoutMs: time,
    maxAttempts: count,
    maxRescues: count,
    abortGraceMs: time,
    onOrphan: fc.constantFrom('retry', 'fail'),
    isolation: fc.constant('thread'),
    backoff: fc.record({ initialMs: time, factor: time, maxMs: time, jitter: share }),
  },
  { requiredKeys: [] },
);
const specFields = {
  id: letters,
  type: letters,
  key: letters,
  name: letters,
  scope: fc.constantFrom('private', 'shared', 'system'),
  queue: letters,
  priority: fc.constantFrom('high', 'normal', 'low'),
  mode: fc.constantFrom('async', 'sync'),
  policy,
};
const noted = fc.record(
  { status: fc.constantFrom('success', 'failure', 'aborted', 'timed_out', 'gone'), at: time, left: data },
  { requiredKeys: ['status', 'at'] },
);
const specMore = {
  creator: letters,
  args: data,
  host: letters,
  runAt: time,
  latestRunAt: time,
  expiresAt: time,
  throttledUntil: time,
  retriedFrom: letters,
  operation: letters,
  traceparent: letters,
  tracestate: letters,
  group: letters,
  limitKey: letters,
  units: fc.integer({ min: 1, max: 10_000 }),
  tags: fc.dictionary(
    fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/),
    fc.oneof(
      letters,
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value || 0),
      fc.boolean(),
    ),
    { maxKeys: 33 },
  ),
  dependsOn: fc.array(
    fc.record(
      {
        ...{ id: letters, address: letters, name: letters, onFailure: fc.constantFrom('continue', 'ignore') },
        end: noted,
      },
      { requiredKeys: ['id', 'address', 'name'] },
    ),
    { maxLength: 3 },
  ),
  awaited: yes,
  parent: fc.record({ id: letters, address: letters, leave: yes, over: yes }, { requiredKeys: ['id', 'address'] }),
};
const spec = fc.record({ ...specFields, ...specMore }, { requiredKeys: Object.keys(specFields) as 'id'[] });
const { successor } = fc.letrec((tie) => ({
  successor: fc.record(
    {
      spec,
      subscribers,
      createdAt: time,
      dedupeCount: count,
      cancelled: fc.record({ at: time, by: letters }),
      next: fc.oneof({ depthSize: 'small' }, fc.constant(undefined), tie('successor')),
    },
    { requiredKeys: ['spec', 'subscribers', 'createdAt'] },
  ),
}));
const fields = {
  v: fc.constant(1),
  ...specFields,
  status,
  subscribers,
  createdAt: time,
  changedAt: time,
  attempt: count,
  history: fc.array(
    fc.record(
      { status, at: time, by: letters, attempt: count, why: letters },
      { requiredKeys: ['status', 'at', 'by', 'attempt'] },
    ),
    { maxLength: 20 },
  ),
};
const outcome = fc.oneof(
  fc.record({ kind: fc.constant('returned'), fence, result: data }, { requiredKeys: ['kind', 'fence'] }),
  fc.record(
    { kind: fc.constant('threw'), fence, error, terminal: fc.boolean(), retryAfterMs: time },
    { requiredKeys: ['kind', 'fence', 'error'] },
  ),
);
const more = {
  ...specMore,
  readyAt: time,
  startedAt: time,
  endedAt: time,
  failures: count,
  rescues: count,
  owner: fc.record({ worker: letters, fence, at: time }),
  runTrace: letters,
  abortable: yes,
  finishing: yes,
  bodyOutcome: outcome,
  abort: fc.record(
    {
      cause: fc.constantFrom('cancel', 'timeout', 'expired', 'displaced'),
      by: letters,
      at: time,
      deliveredAt: time,
      observedAt: time,
      stoppedAt: time,
      forced: yes,
    },
    { requiredKeys: ['cause', 'by', 'at'] },
  ),
  progress: fc.oneof(fc.record({ count }), fc.record({ fraction: share }), fc.record({ current: count, total: count })),
  payload: data,
  result: data,
  error,
  dedupeCount: count,
  timeoutUnenforced: yes,
  notStopping: yes,
  historyDropped: count,
  successor,
  archived: yes,
  signals: fc.array(
    fc.oneof(
      fc.record(
        { id: letters, name: letters, at: time, by: letters, data: fc.uint8Array(), awaited: yes },
        { requiredKeys: ['id', 'name', 'at', 'by'] },
      ),
      fc.record({ name: letters, at: time, timedOut: yes }),
    ),
    { maxLength: 5 },
  ),
  cancelHandle: fc.record({ data: fc.uint8Array(), tries: count }, { requiredKeys: ['data'] }),
  cancelling: yes,
  steps: fc.array(fc.record({ name: letters, at: time, result: fc.uint8Array() }, { requiredKeys: ['name', 'at'] }), {
    maxLength: 3,
  }),
  waiting: fc.oneof(
    fc.record({ signal: letters, since: time }),
    fc.record(
      {
        ...{ children: fc.array(letters), number: fc.integer({ min: 1, max: 100 }), since: time },
        onFailure: fc.constant('continue'),
      },
      { requiredKeys: ['children', 'number', 'since'] },
    ),
  ),
  children: fc.array(
    fc.record(
      { id: letters, address: letters, name: letters, leave: yes, share, end: noted },
      { requiredKeys: ['id', 'address', 'name'] },
    ),
    { maxLength: 3 },
  ),
  waitsOver: fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 3 }),
  nonce: letters,
};
const anyRecord = fc.record({ ...fields, ...more }, { requiredKeys: Object.keys(fields) as 'id'[] });

/** Without members that are undefined, which the generator makes. */
const cleaned = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(cleaned);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([k, v]) => (v === undefined ? [] : [[k, cleaned(v)]])));
};

test('the generator knows every field', () => {
  assert.equal(Object.keys({ ...fields, ...more }).toSorted(), [...RECORD_FIELDS].toSorted());
});

test(
  'a record is written as the general codec reads it, and read as that reads it; what is no record is refused by both',
  () => {
    let accepted = 0;
    fc.assert(
      fc.property(anyRecord, (given) => {
        const record = cleaned(given) as TaskRecord;
        let written: Uint8Array;
        try {
          written = encodeRecord(record);
        } catch {
          assert.is(readUnusual(encode(record)).kind, 'corrupt');
          assert.is(readRecord(encode(record)).kind, 'corrupt');
          return;
        }
        accepted++;
        for (const form of [written, encode(record)]) {
          const reading = readUnusual(form);
          deepStrictEqual(reading, { kind: 'record', record });
          deepStrictEqual(readRecord(form), reading);
        }
      }),
      { numRuns: RUNS, seed: 20_261_128 },
    );
    assert.ok(accepted > RUNS / 4, `${accepted} of ${RUNS} were records`);
  },
  SLOW,
);

test(
  'of damaged bytes both say the same: a byte changed, some left out, some put in, the end cut off',
  () => {
    const kinds = new Set<string>();
    const damage = fc.record({
      kind: fc.constantFrom('change', 'drop', 'put', 'cut'),
      at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      byte: fc.nat(255),
      length: fc.integer({ min: 1, max: 12 }),
    });
    fc.assert(
      fc.property(anyRecord, fc.array(damage, { minLength: 1, maxLength: 3 }), (given, all) => {
        let form: Uint8Array = encode({ ...(cleaned(given) as TaskRecord), ...ABORTING });
        for (const { kind, at, byte, length } of all)
          form = damaged(form, kind, Math.floor(at * form.length), byte, length);
        const reading = readRecord(form);
        deepStrictEqual(reading, readUnusual(form));
        kinds.add(reading.kind);
      }),
      { numRuns: RUNS, seed: 20_261_128 },
    );
    assert.ok(kinds.has('record') && kinds.has('corrupt'), [...kinds].join());
  },
  SLOW,
);

/** So that it is a record in any state. */
const ABORTING = {
  owner: { worker: 'w', fence: { epoch: 1, revision: 1 }, at: 1 },
  abort: { cause: 'cancel', by: 'user:a', at: 1 },
} as const;

const damaged = (form: Uint8Array, kind: string, at: number, byte: number, length: number): Uint8Array => {
  const [before, behind] = [form.subarray(0, at), form.subarray(at)];
  if (kind === 'cut') return before;
  if (kind === 'put') return Buffer.concat([before, Uint8Array.of(byte), behind]);
  if (kind === 'drop') return Buffer.concat([before, behind.subarray(length)]);
  return Buffer.concat([before, Uint8Array.of(byte), behind.subarray(1)]);
};

test('what is read does not change when other records are read and written after it', () => {
  const record = {
    ...fc.sample(anyRecord, { numRuns: 1, seed: 7 })[0],
    ...ABORTING,
    v: 1,
    status: 'aborting',
  } as TaskRecord;
  const clean = cleaned(record) as TaskRecord;
  const form = encodeRecord(clean);
  const copy = Uint8Array.from(form);
  const reading = readRecord(form);
  for (const other of fc.sample(anyRecord, { numRuns: 300, seed: 8 })) {
    const bytesOfOther = encode(cleaned(other));
    readRecord(bytesOfOther);
    try {
      encodeRecord(cleaned(other) as TaskRecord);
    } catch {
      // No record.
    }
  }
  assert.equal([...form], [...copy]);
  deepStrictEqual(reading, { kind: 'record', record: clean });
});

test('text and lists of every length, around each size of their heads', () => {
  const base = cleaned(fc.sample(anyRecord, { numRuns: 1, seed: 9 })[0]) as TaskRecord;
  for (const length of [0, 1, 15, 16, 31, 32, 33, 255, 256, 65_535, 65_536, 70_000]) {
    for (const letter of ['a', 'é', '€', '😀']) {
      const record = { ...base, ...ABORTING, error: { message: letter.repeat(length), type: 'E' } } as TaskRecord;
      const form = encodeRecord(record);
      deepStrictEqual(readUnusual(form), { kind: 'record', record });
      deepStrictEqual(readRecord(form), { kind: 'record', record });
    }
    const subscribersOf = Array.from({ length: Math.min(length, 20_000) }, (_, i) => ({ user: `u${i}`, at: i }));
    const record = { ...base, ...ABORTING, subscribers: subscribersOf } as TaskRecord;
    const form = encodeRecord(record);
    if (form.length <= 700_000) deepStrictEqual(readRecord(form), { kind: 'record', record });
  }
});

test.run();
