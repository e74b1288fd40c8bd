// limit: 900s
// Bytes of records that were damaged: read or refused, never thrown about; and whatever is read can be shown and ended.
import { decide, fold, isTerminal, successorsOf, type Command, type TaskRecord } from '@baton/core';
import {
  addressOf,
  decode,
  documentOf,
  encode,
  encodeData,
  encodeRecord,
  readRecord,
  readRecordAt,
  RECORD_LIMIT,
} from '@baton/protocols';
import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { given, type Step } from '../../packages/core/src/testing/given.ts';
import {
  archive,
  cancel,
  claim,
  EPOCH,
  finish,
  giveBack,
  makeAbortable,
  markFinishingWith,
  markNotStopping,
  observeAbort,
  progress,
  rescue,
  returned,
  ROOT,
  submit,
  T0,
  threw,
  timeOut,
} from '../../packages/core/src/testing/make.ts';
import { dutiesOf } from '../../packages/runtime/src/supervisor/tasks/duties.ts';
import { isOver } from '../../packages/runtime/src/supervisor/tasks/encoded-status.ts';
import { suite } from '../support/suite.ts';

const test = suite('damaged records');

/** More of them are made with BATON_FUZZ_RUNS; a seed of one's own with BATON_TEST_SEED. */
const RUNS = Number(process.env['BATON_FUZZ_RUNS'] ?? 3_000);
const SEED = Number(process.env['BATON_TEST_SEED'] ?? 20_261_128);

const ADDRESS = addressOf({ scope: 'private', type: 'report', key: 'k', user: 'alice' });

const data = encodeData([1, { text: 'x'.repeat(50), at: new Date(T0), bytes: new Uint8Array(9) }]);
const policy = { timeoutMs: 500, maxAttempts: 3, backoff: { initialMs: 1, factor: 2, maxMs: 9, jitter: 0.5 } };
const told = progress({ progress: { current: 1, total: 3 }, payload: data });
const behind = (id: string): Step => submit({ id, args: data }, { at: T0 + 700 });

/** A record in every state, and with all that may stand in it. */
const STORIES: readonly (readonly Step[])[] = [
  [submit()],
  [submit({ runAt: T0 + 9_999, args: data, policy })],
  [submit({ host: 'w1', mode: 'sync' })],
  [submit({ policy }), claim()],
  [submit({ policy }), claim(), makeAbortable, told],
  [submit({ args: data }), claim(), told, markFinishingWith({ kind: 'returned', result: data })],
  [submit(), claim(), markFinishingWith(threw()), markNotStopping],
  [submit({ policy }), claim(), makeAbortable, timeOut, observeAbort],
  [submit(), claim(), makeAbortable, cancel(), behind('task-2'), cancel(ROOT, { id: 'task-2' }), behind('task-3')],
  [submit(), claim(), makeAbortable, cancel(), markNotStopping],
  [submit(), claim(), finish({ kind: 'returned', result: data })],
  [submit(), claim(), finish({ kind: 'returned', result: data }), archive()],
  [submit(), claim(), finish(threw())],
  [submit({ policy }), claim(), finish(threw())],
  [submit(), claim(), rescue(), claim('w2')],
  [submit(), claim(), giveBack],
  [submit(), cancel()],
  [submit({ policy }), claim(), makeAbortable, timeOut, observeAbort, finish()],
  [submit(), claim(), makeAbortable, cancel(), behind('task-2'), finish()],
];

const RECORDS = STORIES.map((story) => encodeRecord(given(...story).now.record as TaskRecord));

type Damage = (bytes: Uint8Array) => Uint8Array;

const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const cutAt = (bytes: Uint8Array, at: number, length: number): readonly [Uint8Array, Uint8Array] => {
  const from = at % (bytes.length + 1);
  return [bytes.subarray(0, from), bytes.subarray(Math.min(bytes.length, from + length))];
};

const place = fc.nat(4_000);
const length = fc.nat(24);
const which = fc.nat(RECORDS.length - 1);
const other = which.map((i) => RECORDS[i] ?? new Uint8Array());

/** What disks, networks and careless hands do. */
const ofBytes: fc.Arbitrary<Damage> = fc.oneof(
  fc.tuple(place, fc.integer({ min: 1, max: 255 })).map(([at, mask]): Damage => (bytes) => {
    const copy = bytes.slice();
    const i = at % copy.length;
    copy[i] = (copy[i] ?? 0) ^ mask;
    return copy;
  }),
  fc.tuple(place, length, fc.uint8Array({ maxLength: 24 })).map(([at, size, put]): Damage => (bytes) => {
    const [before, after] = cutAt(bytes, at, size);
    return joined(before, put, after);
  }),
  place.map(
    (at): Damage =>
      (bytes) =>
        bytes.slice(0, at % bytes.length),
  ),
  fc.tuple(place, length, other, place).map(([at, size, from, where]): Damage => (bytes) => {
    const [before, after] = cutAt(bytes, at, size);
    const start = where % from.length;
    return joined(before, from.subarray(start, start + size), after);
  }),
  fc.tuple(place, length).map(([at, size]): Damage => (bytes) => {
    const [before] = cutAt(bytes, at, 0);
    return joined(before, bytes.subarray(Math.max(0, before.length - size)));
  }),
);

type Map = Record<string, unknown>;

const isMap = (value: unknown): value is Map =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

/** Every map in a value, itself first. */
const mapsIn = (value: unknown): readonly Map[] => {
  if (Array.isArray(value)) return value.flatMap(mapsIn);
  return isMap(value) ? [value, ...Object.values(value).flatMap(mapsIn)] : [];
};

const VALUES: readonly unknown[] = [
  ...[0, 1, 2, -1, 0.5, 7, T0, EPOCH, 8.64e15, 1e300, Number.MAX_SAFE_INTEGER, true, false, null, '', 'a b', 'x\r\ny'],
  ...[
    'pending',
    'in_progress',
    'aborting',
    'success',
    'failure',
    'task-1',
    'alice',
    'w1',
    'report',
    'shared',
    'system',
  ],
  ...[[], {}, { kind: 'returned' }, { cause: 'cancel', by: 'x', at: 1 }, [{ user: 'bob', at: 1 }], data],
];

/** What still reads well and means another thing: fields that are gone, are others, or come from elsewhere. */
const ofFields: fc.Arbitrary<Damage> = fc
  .record({
    map: fc.oneof(fc.constant(0), place),
    field: place,
    value: fc.nat(VALUES.length),
    from: other,
    how: fc.nat(3),
  })
  .map(({ map, field, value, from, how }): Damage => (bytes) => {
    const root = decode(bytes, RECORD_LIMIT);
    const maps = mapsIn(root);
    const into = maps[map % Math.max(1, maps.length)];
    const foreign = decode(from, RECORD_LIMIT);
    const names = Object.keys(how === 3 && isMap(foreign) ? foreign : (into ?? {}));
    const name = names[field % Math.max(1, names.length)];
    if (into === undefined || name === undefined) return bytes;
    if (how === 0) delete into[name];
    else if (how === 3 && isMap(foreign)) into[name] = foreign[name];
    else into[name] = VALUES[value] ?? new Date(T0);
    return encode(root);
  });

const damaged = fc
  .tuple(
    which,
    fc.oneof(fc.constant([]), fc.array(ofFields, { minLength: 1, maxLength: 3 })),
    fc.oneof(fc.constant([]), fc.array(ofBytes, { minLength: 1, maxLength: 2 })),
  )
  .map(([i, fields, bytes]) => {
    const whole = fields.reduce<Uint8Array>((now, damage) => damage(now), RECORDS[i] ?? new Uint8Array());
    return bytes.reduce<Uint8Array>((now, damage) => (now.length === 0 ? now : damage(now)), whole);
  });

const LATER = T0 + 1_000_000;
const BY = 'supervisor:s1';

/** What is left to do for a task nobody runs any more. */
const nextStep = ({ id, status, owner, successor }: TaskRecord): Command => {
  if (isTerminal(status)) return { kind: 'promote', at: LATER, by: BY, id };
  if (status === 'pending') return { kind: 'cancel', at: LATER, actor: ROOT, id, force: true };
  assert.ok(owner, `${status} of nobody${successor === undefined ? '' : ', with one behind it'}`);
  return { kind: 'rescue', at: LATER, by: BY, id, worker: owner.worker, fence: owner.fence };
};

const decided = (record: TaskRecord, command: Command): TaskRecord => {
  const decision = decide(record, command);
  if (!decision.ok) throw new Error(`${command.kind} of what is ${record.status}: ${decision.refusal.reason}`);
  const after = fold(record, decision);
  assert.ok(after);
  // As the store takes it; room for what is its own is looked at elsewhere.
  const reading = readRecord(encodeRecord(after));
  assert.is(reading.kind, 'record', `after ${command.kind}`);
  return after;
};

/** Supervisors and an admin end it, and all that waits behind it. */
const endAll = (record: TaskRecord): TaskRecord => {
  let now = record;
  for (let steps = 0; !isTerminal(now.status) || now.successor !== undefined; steps++) {
    assert.ok(steps < 200, `it does not end: ${now.status}`);
    now = decided(now, nextStep(now));
  }
  return now;
};

/** Its owner, who is there, ends it by himself. */
const endByOwner = (record: TaskRecord): void => {
  if (record.owner === undefined || isTerminal(record.status) || record.status === 'pending') return;
  const { fence } = record.owner;
  const finished = { kind: 'finish', at: LATER, fence, handlerErrors: [], abortHandled: true, random: 0 } as const;
  for (const body of [returned, threw()]) decided(record, { ...finished, body });
};

const show = (record: TaskRecord): void => {
  for (const { spec } of successorsOf(record)) assert.type(spec.id, 'string');
  dutiesOf(record);
  encode(documentOf(record, { address: ADDRESS, epoch: EPOCH, revision: 7 }));
};

const judge = (bytes: Uint8Array): 'read' | 'refused' => {
  const over = isOver(bytes);
  // Also where its place is not looked at any more.
  const anywhere = readRecord(bytes);
  if (anywhere.kind === 'record') show(anywhere.record);
  const reading = readRecordAt(ADDRESS, bytes);
  if (reading.kind !== 'record') return 'refused';
  const { record } = reading;
  if (over) assert.ok(isTerminal(record.status) && record.successor === undefined, 'a live one was passed by');
  assert.equal(readRecord(encodeRecord(record)), reading);
  endByOwner(record);
  const ended = endAll(record);
  // The key is free again.
  const next = submit({ id: 'task-9' }, { at: LATER });
  assert.equal(decided(ended, next).id, 'task-9');
  return 'read';
};

test('whole ones are read and can be ended, each of them', () => {
  for (const bytes of RECORDS) assert.is(judge(bytes), 'read');
});

/** A whole record with this changed in it. */
const edited = (story: readonly Step[], edit: (record: Map) => void): Uint8Array => {
  const record = decode(encodeRecord(given(...story).now.record as TaskRecord), RECORD_LIMIT) as Map;
  edit(record);
  return encode(record);
};

test('one that waits and says it is finishing can be cancelled', () => {
  assert.is(judge(edited([submit()], (record) => void (record['finishing'] = true))), 'read');
});

test('what waits behind a task, with the state of a record in it, begins as if it had none', () => {
  const story = [submit(), claim(), makeAbortable, cancel(), behind('task-2'), finish()];
  const bytes = edited(story, ({ successor }) => {
    const { spec } = successor as { readonly spec: Map };
    Object.assign(spec, { abort: { by: 'x' }, owner: 7, endedAt: T0, note: 'of a newer version' });
  });
  assert.is(judge(bytes), 'read');
  const { record } = readRecord(bytes) as { readonly record: TaskRecord };
  const promoted = decided(record, nextStep(record)) as TaskRecord & { readonly note?: string };
  assert.equal([promoted.id, promoted.abort, promoted.note], ['task-2', undefined, 'of a newer version']);
});

test(
  'damaged ones are read or refused, and what is read can be shown and ended',
  () => {
    const counts = { read: 0, refused: 0 };
    fc.assert(
      fc.property(damaged, (bytes) => {
        counts[judge(bytes)]++;
      }),
      { numRuns: RUNS, seed: SEED, includeErrorInReport: true },
    );
    console.log(`${RUNS} damaged records: ${counts.read} read, ${counts.refused} refused`);
    assert.ok(counts.read > RUNS / 20 && counts.refused > RUNS / 20, 'both are tried');
  },
  { limitMs: 800_000 },
);

test.run();
