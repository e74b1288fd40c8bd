import type { Actor, Command, TaskRecord } from '@baton/core';
import { encodeRecord, RECORD_LIMIT, RECORD_ROOM } from '@baton/protocols';
import type { Asked, Held } from '@baton/runtime';
import { checkLives, describeReport } from '@baton/testkit';
import * as fc from 'fast-check';
import * as assert from 'uvu/assert';
import { sampleRecord, sampleSpec } from '../support/sample-records.ts';
import { suite } from '../support/suite.ts';
import { historyOf, KEY, scene, type Scene } from '../contract/kernel-scene.ts';

// R9: whatever others have put into a record, its own way to its end has room.
const test = suite('room in a record');

/** More of them are made with BATON_FUZZ_RUNS; a seed of one's own with BATON_TEST_SEED. */
const RUNS = Number(process.env['BATON_FUZZ_RUNS'] ?? 40);
const SEED = Number(process.env['BATON_TEST_SEED'] ?? 20_261_128);

/** The widest letters there are: three bytes each. */
const wide = (length: number): string => '\u{6f22}'.repeat(length);

const KINDS = [
  ...(['join', 'join', 'join', 'behind', 'cancel-behind', 'release', 'payload', 'claim', 'abortable'] as const),
  ...(['throw', 'result', 'cancel', 'force', 'time-out', 'rescue', 'give-back', 'not-stopping', 'promote'] as const),
] as const;

type Kind = (typeof KINDS)[number];
type Step = { readonly kind: Kind; readonly size: number; readonly pick: number };

/** What others add, or what could lie elsewhere: the only things that may be refused for want of room. */
const TAKES_ROOM: ReadonlySet<Kind> = new Set(['join', 'behind', 'payload', 'result']);

const userOf = (n: number): Actor => ({ user: `${n}-`.padEnd(256, wide(1)), admin: false });
const ADMIN: Actor = { user: 'root', admin: true };

const commandOf = ({ kind, size, pick }: Step, held: Held | undefined, n: number, { clock, ports }: Scene): Command => {
  const at = clock.now();
  const record = held?.record;
  const id = record?.id ?? 'none';
  const fence = record?.owner?.fence ?? { epoch: 0, revision: 0 };
  const worker = record?.owner?.worker ?? 'w';
  const by = `supervisor:${'s'.repeat(100)}`;
  const finish = { kind: 'finish', at, fence, handlerErrors: [], abortHandled: true, random: 0.5 } as const;
  const submit = { kind: 'submit', at, whenAborting: 'queue' } as const;
  const spec = { id: `t-${n}`, key: 'k', policy: { maxAttempts: 1_000, timeoutMs: 5 } } as const;
  switch (kind) {
    case 'join':
      return { ...submit, actor: userOf(n), spec: sampleSpec(spec) };
    case 'behind':
      return { ...submit, actor: userOf(pick), spec: sampleSpec({ ...spec, args: new Uint8Array(size) }) };
    case 'cancel-behind':
      return { kind: 'cancel', at, actor: ADMIN, id: record?.successor?.spec.id ?? 'none', force: true };
    case 'release':
      return { kind: 'release-successors', at };
    case 'payload':
      return { kind: 'progress', at, fence, payload: new Uint8Array(size) };
    case 'claim': {
      const revision = held?.revision ?? 0;
      return { kind, at, id, worker: 'w'.repeat(100), epoch: ports.store.epoch, revision, offered: revision };
    }
    case 'abortable':
      return { kind: 'make-abortable', at, fence };
    case 'throw': {
      const error = { message: wide(size), type: wide(size), stack: wide(size) };
      return { ...finish, body: { kind: 'threw', error }, handlerErrors: pick % 3 === 0 ? [error, error, error] : [] };
    }
    case 'result':
      return { ...finish, body: { kind: 'returned', result: new Uint8Array(size) } };
    case 'cancel':
      return { kind, at, actor: ADMIN, id, force: true };
    case 'force':
      return { kind: 'cancel', at, actor: ADMIN, id, force: true };
    case 'time-out':
      return { kind, at, by, fence };
    case 'rescue':
      return { kind, at, by, id, worker, fence };
    case 'give-back':
      return { kind, at, fence, why: wide(size) };
    case 'not-stopping':
      return { kind: 'mark-not-stopping', at, by, fence };
    case 'promote':
      return { kind, at, by, id };
  }
};

const step = async (it: Scene, one: Step, n: number): Promise<Asked> =>
  it.clock.settle(it.kernel.ask(KEY, (held) => commandOf(one, held, n, it)));

const check = (one: Step, asked: Asked): void => {
  assert.ok(asked.kind === 'done' || asked.kind === 'refused', `${one.kind}: ${JSON.stringify(asked)}`);
  if (asked.kind === 'refused' && asked.reason === 'record_full') {
    assert.ok(TAKES_ROOM.has(one.kind), `${one.kind} was refused for want of room`);
  }
};

/** A record filled by others to the given size, to the byte: by subscribers, then by the length of one name. */
const filled = (size: number, record: TaskRecord): TaskRecord => {
  const subscribers = [...record.subscribers];
  let full = record;
  const sizeWith = (more: readonly { user: string; at: number }[]): number =>
    encodeRecord({ ...record, subscribers: [...subscribers, ...more] }).length;
  for (let left = size - sizeWith([]); left > 2_000; left = size - sizeWith([])) {
    const count = Math.max(1, Math.floor((left - 1_000) / 300));
    for (let i = 0; i < count; i++) subscribers.push({ user: `${subscribers.length}-`.padEnd(256, 'x'), at: 1 });
  }
  const last = { user: 'y'.repeat(300), at: 1 };
  const missing = size - sizeWith([last]);
  full = { ...record, subscribers: [...subscribers, { ...last, user: last.user + 'y'.repeat(missing) }] };
  assert.is(encodeRecord(full).length, size);
  return full;
};

const story = fc.record({
  fill: fc.constantFrom(0, RECORD_ROOM - 3_000, RECORD_ROOM - 60, RECORD_ROOM),
  steps: fc.array(
    fc.record({
      kind: fc.constantFrom(...KINDS),
      size: fc.oneof(fc.nat(100), fc.nat(65_536)),
      pick: fc.nat(1_000),
    }),
    { minLength: 1, maxLength: 40, size: 'max' },
  ),
});

test(
  'R9 no story of commands of any size wedges a record: only what takes room is refused for want of it',
  async () => {
    const seen = new Set<string>();
    let largest = 0;
    await fc.assert(
      fc.asyncProperty(story, async ({ fill, steps }) => {
        const it = scene(1);
        const first = { ...sampleRecord('k'), policy: { maxAttempts: 1_000, timeoutMs: 5 } };
        const stored = fill === 0 ? first : filled(fill, first);
        await it.clock.settle(it.ports.store.write(KEY, encodeRecord(stored), 0));
        for (const [n, one] of steps.entries()) {
          const asked = await step(it, one, n);
          check(one, asked);
          seen.add(asked.kind === 'refused' ? asked.reason : asked.kind);
        }
        const sizes = it.world.history().map(({ bytes }) => bytes.length);
        largest = Math.max(largest, ...sizes);
        const report = checkLives(historyOf(it.world));
        assert.ok(report.ok, describeReport(report));
      }),
      { numRuns: RUNS, seed: SEED },
    );
    assert.ok(largest > RECORD_ROOM && largest <= RECORD_LIMIT, `the largest record was ${largest} bytes`);
    assert.ok(seen.has('record_full') && seen.has('done'), [...seen].join());
  },
  { limitMs: 120_000 },
);

const WAYS: Readonly<Record<string, readonly Kind[]>> = {
  success: ['claim', 'result'],
  'failure and retries': ['claim', 'throw', 'claim', 'throw', 'claim', 'result'],
  abort: ['claim', 'abortable', 'cancel', 'throw'],
  force: ['claim', 'abortable', 'cancel', 'not-stopping', 'force'],
  timeout: ['claim', 'abortable', 'time-out', 'throw'],
  rescue: ['claim', 'rescue', 'claim', 'rescue', 'claim', 'rescue'],
  cancel: ['cancel'],
};

for (const [name, kinds] of Object.entries(WAYS)) {
  test(`R9 a record that others have filled to the last byte comes to its end: ${name}`, async () => {
    const it = scene(1);
    const policy = { maxAttempts: 3, timeoutMs: 5 };
    await it.clock.settle(
      it.ports.store.write(KEY, encodeRecord(filled(RECORD_ROOM, { ...sampleRecord('k'), policy })), 0),
    );
    for (const [n, kind] of kinds.entries()) {
      // No retry is without its own back-off, and none is due before the dispatch of its revision: as a worker has it.
      const asked = await step(it, { kind, size: kind === 'result' ? 0 : 60_000, pick: 1 }, n);
      assert.is(asked.kind, 'done', `${kind}: ${JSON.stringify(asked).slice(0, 300)}`);
    }
    const last = historyOf(it.world).at(-1)?.record;
    assert.ok(last?.endedAt !== undefined, `${name} is ${last?.status}`);
  });
}

test.run();
