import { decode, encode, type Address } from '@baton/protocols';
import { createMemoryWorld, createRandom, createVirtualClock, type FaultRule, type Random } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { BatonError, OutcomeUnknownError } from '../errors.ts';
import { createActorKernel, type KernelOf } from './actor-kernel.ts';
import type { ActorKind } from './actor-kind.ts';
import type { AskedOf } from './ask.ts';

// D9: a mailbox for each address, of any kind of actor. The kind here is a ledger: it keeps what it was told, in order.
const test = suite('mailbox');

type Ledger = { readonly nonce?: string; readonly stage: number; readonly lines: readonly string[] };
type LedgerActor = {
  readonly state: Ledger;
  readonly command: { readonly kind: 'add' | 'step' | 'spoil'; readonly line: string };
  readonly event: { readonly line: string; readonly stage: 0 | 1 };
  readonly answer: { readonly place: number };
  readonly reason: 'no' | 'full';
};
type Asked = AskedOf<LedgerActor>;

const SPOILED = 'spoiled';

const read = (bytes: Uint8Array): Ledger => decode(bytes, 10_000) as Ledger;

const muchIn = (state: Ledger | undefined): number =>
  state?.lines.filter((line) => line.startsWith('much')).length ?? 0;

/** `no...` is refused, a line that is there is a repeat, `step` begins a stage, and what is spoiled cannot be encoded. */
const ledger: ActorKind<LedgerActor> = {
  decide: (state, { kind, line }) => {
    const place = state?.lines.indexOf(line) ?? -1;
    if (place >= 0) return { ok: true, events: [], answer: { place } };
    if (line.startsWith('no')) return { ok: false, refusal: { reason: 'no' } };
    const event = { line: kind === 'spoil' ? SPOILED : line, stage: kind === 'step' ? 1 : 0 } as const;
    return { ok: true, events: [event], answer: { place: state?.lines.length ?? 0 } };
  },
  evolve: (state, { line, stage }) => ({
    stage: (state?.stage ?? 0) + stage,
    lines: [...(state?.lines ?? []), line],
  }),
  encode: (state) => {
    if (state.lines.includes(SPOILED)) throw new TypeError('this cannot be written');
    return encode(state);
  },
  decode: ({ bytes }) => read(bytes),
  sizeLimit: 10_000,
  roomLimit: 9_500,
  noRoom: 'full',
  takesRoom: (before, after) => muchIn(after) > muchIn(before),
  isStep: (before, after) => before.stage !== after.stage,
  obstacle: () => undefined,
  keep: () => undefined,
  stored: () => undefined,
};

const AT = '00.ledger.0123456789abcdef0123456789abcdef' as Address;

const setUp = (seed = 1, latencyMs: readonly [number, number] = [1, 2]) => {
  const clock = createVirtualClock({ seed });
  const world = createMemoryWorld({ clock, seed, latencyMs });
  const kernelOf = (name: string): KernelOf<LedgerActor> => createActorKernel(ledger, world.ports(name));
  const stored = (): readonly Ledger[] => world.history().map(({ bytes }) => read(bytes));
  return { clock, world, kernelOf, stored, kernel: kernelOf('a') };
};

const add = (line: string) => () => ({ kind: 'add', line }) as const;
const step = (line: string) => () => ({ kind: 'step', line }) as const;
const names = (count: number, prefix = 'line'): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${i}`);

const linesOf = (asked: Asked): readonly string[] => ('record' in asked ? asked.record.lines : []);
const kindsOf = (all: readonly Asked[]): readonly string[] => [...new Set(all.map(({ kind }) => kind))];

test('D9 those that wait are stored in one write, in order, each with an answer of its own', async () => {
  const { clock, kernel, stored } = setUp();
  const all = await clock.settle(Promise.all(names(200).map((line) => kernel.ask(AT, add(line)))));
  assert.equal(kindsOf(all), ['done']);
  assert.equal(
    all.map((asked) => asked.kind === 'done' && asked.answer.place),
    all.map((_, i) => i),
  );
  assert.equal(stored().at(-1)?.lines, names(200));
  assert.is(stored().length, 2, 'the first, and all that came while it was under way');
});

test('one that comes as soon as another is answered is answered, too, in whatever step of the event loop it comes', async () => {
  for (let place = 0; place < 3; place++) {
    for (let steps = 0; steps < 12; steps++) {
      const { clock, kernel } = setUp();
      // The second waits behind the first, and the third, a step of its own, behind both: each has a turn.
      const before = [add('first'), step('second'), step('third')].map((make) => kernel.ask(AT, make));
      const later = async (): Promise<Asked> => {
        await before[place];
        for (let i = 0; i < steps; i++) await Promise.resolve();
        return kernel.ask(AT, add('later'));
      };
      const all = await clock.settle(Promise.all([...before, later()]));
      assert.equal(kindsOf(all), ['done'], `${steps} steps after ${place}`);
    }
  }
});

test('a refusal and a repeat are answers for their own caller, after the write they were decided behind', async () => {
  const { clock, kernel, stored } = setUp();
  const [first, last, refused, repeat] = await clock.settle(
    Promise.all(['one', 'two', 'no', 'one'].map((line) => kernel.ask(AT, add(line)))),
  );
  assert.equal([first?.kind, last?.kind, refused?.kind, repeat?.kind], ['done', 'done', 'refused', 'done']);
  assert.ok(refused?.kind === 'refused' && refused.held?.record.lines.includes('two'));
  assert.ok(repeat?.kind === 'done' && repeat.answer.place === 0 && repeat.bytes === undefined);
  assert.ok(last?.kind === 'done' && last.bytes !== undefined);
  assert.is(stored().length, 2);
});

test('one write takes one step, and takes it first', async () => {
  const { clock, kernel, stored } = setUp();
  const makes = [add('a'), add('b'), step('c'), add('d'), step('e'), add('f')];
  const all = await clock.settle(Promise.all(makes.map((make) => kernel.ask(AT, make))));
  assert.equal(kindsOf(all), ['done']);
  const steps = stored().map(({ stage, lines }) => [stage, lines.join('')]);
  assert.equal(steps, [
    [0, 'a'],
    [0, 'ab'],
    [1, 'abcd'],
    [2, 'abcdef'],
  ]);
});

test('what is decided on the stored revision is decided on what is stored', async () => {
  const { clock, kernel, world } = setUp();
  const seen: (readonly [number, string])[] = [];
  const make = (line: string) => (held: { record: Ledger; revision: number } | undefined) => {
    seen.push([held?.revision ?? 0, held?.record.lines.join('') ?? '']);
    return { kind: 'step', line } as const;
  };
  await clock.settle(Promise.all(['a', 'b', 'c'].map((line) => kernel.ask(AT, make(line)))));
  const revisions = world.history().map(({ revision }) => revision);
  for (const [i, lines] of ['', 'a', 'ab'].entries()) {
    assert.ok(seen.some(([revision, text]) => revision === (revisions[i - 1] ?? 0) && text === lines));
  }
});

test('an urgent command goes before those that wait', async () => {
  const { clock, kernel } = setUp();
  const joins = names(600).map((line) => kernel.ask(AT, add(line)));
  const end = await clock.settle(kernel.ask(AT, add('end'), { urgent: true }));
  assert.is(linesOf(end).indexOf('end'), 1, 'behind the one whose write was under way, and no other');
  assert.equal(kindsOf(await clock.settle(Promise.all(joins))), ['done']);
});

test('what makes the write fail fails by itself: too large, or nothing that can be encoded', async () => {
  for (const bad of [add('x'.repeat(11_000)), () => ({ kind: 'spoil', line: 'spoiled' }) as const]) {
    const { clock, kernel, stored } = setUp();
    const good = [...names(10), 'no', ...names(10, 'more')];
    const asks = good.flatMap((line, i) => (i === 5 ? [add(line), bad] : [add(line)]));
    const results = await clock.settle(Promise.allSettled(asks.map((make) => kernel.ask(AT, make))));
    const kinds = results.map((one) => (one.status === 'rejected' ? 'thrown' : one.value.kind));
    assert.is(kinds.filter((kind) => kind === 'done').length, 20, kinds.join());
    assert.ok(kinds[6] === 'failed' || kinds[6] === 'thrown');
    assert.equal(stored().at(-1)?.lines, [...names(10), ...names(10, 'more')]);
  }
});

test('R9 what takes room is refused while there is room for the rest, and nobody else suffers', async () => {
  const { clock, kernel, stored } = setUp();
  await clock.settle(kernel.ask(AT, add('x'.repeat(9_300))));
  const much = `much${'y'.repeat(300)}`;
  const lines = ['a', much, 'b', `${much}!`, 'c'];
  const kinds = (await clock.settle(Promise.all(lines.map((line) => kernel.ask(AT, add(line)))))).map((asked) =>
    asked.kind === 'refused' ? asked.reason : asked.kind,
  );
  assert.equal(kinds, ['done', 'full', 'done', 'full', 'done']);
  assert.equal(stored().at(-1)?.lines.slice(1), ['a', 'b', 'c']);
  const end = await clock.settle(kernel.ask(AT, add('z'.repeat(300))));
  assert.is(end.kind, 'done', 'beyond the mark, for what takes none from others');
});

test('a full store refuses those that make it grow, not those that are refused anyway', async () => {
  const { clock, kernel, world, stored } = setUp();
  await clock.settle(kernel.ask(AT, add('first')));
  world.inject({ op: 'store.write', fault: 'refused', code: 'STORE_FULL' });
  const kinds = (await clock.settle(Promise.all(['a', 'no', 'first', 'b'].map((l) => kernel.ask(AT, add(l)))))).map(
    ({ kind }) => kind,
  );
  assert.equal(kinds, ['failed', 'refused', 'done', 'failed']);
  world.heal();
  assert.is((await clock.settle(kernel.ask(AT, add('c')))).kind, 'done');
  assert.equal(stored().at(-1)?.lines, ['first', 'c']);
});

test('what a caller throws is his alone', async () => {
  const { clock, kernel } = setUp();
  const bug = new Error('a bug');
  const asks = [
    kernel.ask(AT, add('a')),
    kernel.ask(AT, () => {
      throw bug;
    }),
    kernel.ask(AT, () => {
      throw new OutcomeUnknownError('nobody knows');
    }),
    kernel.ask(AT, () => {
      throw new BatonError('X', 'not now');
    }),
    kernel.ask(AT, add('b')),
  ];
  const results = await clock.settle(Promise.allSettled(asks));
  assert.equal(
    results.map((one) => (one.status === 'rejected' ? one.reason : one.value.kind)),
    ['done', bug, 'unknown', 'failed', 'done'],
  );
});

test('a write that is forgotten after a time is one command alone', async () => {
  const { clock, kernel, world } = setUp();
  const ttlMs = 5_000;
  await clock.settle(
    Promise.all([kernel.ask(AT, add('a')), kernel.ask(AT, add('b'), { ttlMs }), kernel.ask(AT, add('c'))]),
  );
  assert.equal(
    world.history().map((one) => [one.ttlMs, read(one.bytes).lines.join('')]),
    [
      [undefined, 'a'],
      [ttlMs, 'ab'],
      [undefined, 'abc'],
    ],
  );
});

test('a lost answer is settled for all who were in the write, and for nobody else', async () => {
  for (const fault of ['lost-reply', 'lost-request', 'late-apply'] as const) {
    const { clock, kernel, world, stored } = setUp();
    await clock.settle(kernel.ask(AT, add('first')));
    const lost = world.inject({ op: 'store.write', fault, times: 1, delayMs: 1 });
    const before = [kernel.ask(AT, add('a')), kernel.ask(AT, add('b')), kernel.ask(AT, add('no'))];
    clock.after(1_000, () => before.push(kernel.ask(AT, add('later'))));
    await clock.advance(60_000);
    const all = await clock.settle(Promise.all(before));
    assert.is(lost.hits(), 1);
    assert.equal(
      all.map(({ kind }) => kind),
      ['done', 'done', 'refused', 'done'],
      fault,
    );
    assert.equal(stored().at(-1)?.lines.toSorted(), ['a', 'b', 'first', 'later']);
    // They stored it, and nobody else did: whoever asks is told so, as with an answer.
    for (const one of all.slice(0, 2)) assert.ok(one.kind === 'done' && one.bytes !== undefined, fault);
  }
});

test('a store that cannot be reached fails those that wait, and holds up nobody who comes after', async () => {
  const { clock, kernel, world } = setUp();
  world.node('a').disconnect();
  const all = await clock.settle(Promise.all(names(5).map((line) => kernel.ask(AT, add(line)))));
  assert.equal(kindsOf(all), ['failed']);
  world.node('a').reconnect();
  assert.is((await clock.settle(kernel.ask(AT, add('x')))).kind, 'done');
});

const RULES: readonly FaultRule[] = [
  { op: 'store.write', fault: 'lost-request' },
  { op: 'store.write', fault: 'lost-reply' },
  { op: 'store.write', fault: 'late-apply', delayMs: 2 },
  { op: 'store.write', fault: 'late-apply', delayMs: 3_000 },
  { op: 'store.write', fault: 'refused' },
  { op: 'store.write', fault: 'delay', delayMs: 4_000 },
  { op: 'store.load', fault: 'lost-request' },
  { op: 'store.load', fault: 'refused' },
];

/** Some processes tell one actor many things; whatever was answered is held against what was stored. */
const crowd = async (seed: number, random: Random): Promise<readonly string[]> => {
  const { clock, world, kernelOf, stored } = setUp(seed, [0, 5]);
  const strength = seed % 3 === 0 ? 0 : random.next() * 0.2;
  for (const rule of RULES) world.inject({ ...rule, probability: random.next() * strength });
  const kernels = names(3, 'process').map(kernelOf);
  const answers: { readonly line: string; readonly asked: Asked }[] = [];
  for (const line of names(120)) {
    const kernel = kernels[random.int(3)] ?? kernelOf('x');
    const make = random.int(10) === 0 ? step(line) : add(random.int(12) === 0 ? `no-${line}` : line);
    const options = random.int(8) === 0 ? { urgent: true } : random.int(3) === 0 ? { from: 'absent' as const } : {};
    clock.after(random.int(40), () => {
      void kernel.ask(AT, make, options).then((asked) => answers.push({ line, asked }));
    });
  }
  await clock.advance(300_000);
  assert.is(answers.length, 120, `seed ${seed}: all are answered`);
  const final = stored().at(-1)?.lines ?? [];
  assert.is(new Set(final).size, final.length, `seed ${seed}: nothing was carried out twice`);
  for (const { line, asked } of answers) {
    const isThere = final.includes(line);
    if (asked.kind === 'done') assert.ok(isThere, `seed ${seed}: ${line} was said to be done`);
    if (asked.kind === 'failed') assert.not.ok(isThere, `seed ${seed}: ${line} was said to have failed`);
    if (strength === 0) assert.ok(asked.kind === 'done' || asked.kind === 'refused', `seed ${seed}: ${asked.kind}`);
  }
  const stages = stored().map(({ stage }) => stage);
  for (const [i, stage] of stages.entries()) assert.ok(stage - (stages[i - 1] ?? 0) <= 1, `seed ${seed}: every stage`);
  return answers.map(({ asked }) => asked.kind);
};

test(
  'D9 faults strike at random, others write meanwhile: never a lie, nothing twice, nobody is left without an answer',
  async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      for (const kind of await crowd(seed, createRandom(seed).fork('crowd'))) seen.add(kind);
    }
    assert.equal([...seen].toSorted(), ['done', 'failed', 'refused', 'unknown']);
  },
  { limitMs: 60_000 },
);

test('D9 a thousand callers in four processes, and each of them is answered exactly', async () => {
  const { clock, world, kernelOf, stored } = setUp(3, [1, 3]);
  const asks = names(4, 'p').flatMap((p) => {
    const kernel = kernelOf(p);
    return names(250, p).map((line) => kernel.ask(AT, add(line), { from: 'absent' }));
  });
  const all = await clock.settle(Promise.all(asks));
  assert.equal(kindsOf(all), ['done']);
  assert.is(new Set(stored().at(-1)?.lines).size, 1_000);
  assert.is(new Set(all.map((asked) => asked.kind === 'done' && asked.answer.place)).size, 1_000);
  assert.ok(world.history().length < 60, `${world.history().length} writes`);
});

test('one that is beaten all the time is told so in the end, and not before', async () => {
  const { clock, world } = setUp();
  const ports = world.ports('a');
  const { epoch } = ports.store;
  const load = (address: Address) => ports.store.load(address);
  const write = async () => ({ kind: 'conflict' }) as const;
  const kernel = createActorKernel(ledger, { ...ports, store: { epoch, shortage: undefined, load, write } });
  const began = clock.monotonic();
  const asked = await clock.settle(kernel.ask(AT, add('a')));
  assert.ok(asked.kind === 'failed' && asked.cause.code === 'STORE_CONTENDED', JSON.stringify(asked));
  assert.ok(clock.monotonic() - began >= 30_000);
});

test.run();
