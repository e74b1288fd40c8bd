import type { BodyOutcome, Command, TaskRecord } from '@baton/core';
import { encodeRecord, type Address } from '@baton/protocols';
import { createKernel, type Asked, type Kernel, type Ports } from '@baton/runtime';
import {
  checkAnswers,
  checkLives,
  createMemoryWorld,
  createRandom,
  createVirtualClock,
  describeReport,
  recordedOf,
  type CallEvent,
  type FaultRule,
  type MemoryWorld,
  type Recorded,
  type VirtualClock,
} from '@baton/testkit';
import * as assert from 'uvu/assert';
import { sampleAddress, sampleSpec } from '../support/sample-records.ts';
import { suite } from '../support/suite.ts';

// What `ask` answers when the store does not: done, refused, unknown or failed, each only when it is true.
const test = suite('kernel: ask under faults');

const KEY = sampleAddress('k');

type Scene = {
  readonly clock: VirtualClock;
  readonly world: MemoryWorld;
  readonly ports: Ports;
  readonly kernel: Kernel;
  /** Nonces this kernel has used: what it wrote carries one of them. */
  readonly nonces: string[];
};

const scene = (seed: number, latencyMs: readonly [number, number] = [0, 2]): Scene => {
  const clock = createVirtualClock({ seed });
  const world = createMemoryWorld({ clock, seed, latencyMs });
  const ports = world.ports('caller');
  const nonces: string[] = [];
  const nonce = (): string => {
    nonces.push(ports.chance.nonce());
    return nonces.at(-1) ?? '';
  };
  return { clock, world, ports, nonces, kernel: createKernel({ ...ports, chance: { ...ports.chance, nonce } }) };
};

const historyOf = (world: MemoryWorld): readonly Recorded[] => world.history().map((one) => recordedOf(one, one.epoch));

/** How often this kernel has stored something. */
const writesOf = ({ world, nonces }: Scene): number => historyOf(world).filter(({ record }) => nonces.includes(record.nonce ?? '')).length;

type Name = 'submit' | 'join' | 'claim' | 'finish';
const idFor = { submit: 'mine', join: 'joiner', claim: 'theirs', finish: 'theirs' } as const satisfies Record<Name, string>;

const submitBy = (user: string, id: string, at: number): Command => ({
  kind: 'submit',
  at,
  actor: { user, admin: false },
  spec: sampleSpec({ id, key: 'k' }),
  whenAborting: 'queue',
});

const claimBy = (worker: string, held: { readonly record: TaskRecord; readonly revision: number } | undefined, ports: Ports): Command => ({
  kind: 'claim',
  at: ports.clock.now(),
  id: held?.record.id ?? '',
  worker,
  epoch: ports.store.epoch,
  revision: held?.revision ?? 0,
  dispatched: held?.revision ?? 0,
});

const finishOf = (fence: { readonly epoch: number; readonly revision: number }, at: number, body: BodyOutcome): Command => ({
  kind: 'finish',
  at,
  fence,
  body,
  handlerErrors: [],
  abortHandled: true,
  random: 0.5,
});

/** Brings the actor where the command applies, by another process and without faults. */
const prepare = async (name: Name, { clock, world }: Scene): Promise<{ readonly epoch: number; readonly revision: number }> => {
  const other = world.ports('other');
  const kernel = createKernel(other);
  if (name === 'submit') return { epoch: 0, revision: 0 };
  await clock.settle(kernel.ask(KEY, () => submitBy('bob', 'theirs', clock.now())));
  if (name !== 'finish') return { epoch: 0, revision: 0 };
  const asked = await clock.settle(kernel.ask(KEY, (held) => claimBy('caller', held, other)));
  if (asked.kind !== 'done' || asked.record.owner === undefined) throw new Error('not claimed');
  return asked.record.owner.fence;
};

const command = (name: Name, { ports, clock }: Scene, fence: { readonly epoch: number; readonly revision: number }): Parameters<Kernel['ask']>[1] => {
  switch (name) {
    case 'submit':
    case 'join':
      return () => submitBy('alice', idFor[name], clock.now());
    case 'claim':
      return (held) => claimBy('caller', held, ports);
    case 'finish':
      return () => finishOf(fence, clock.now(), { kind: 'returned' });
  }
};

/** The answer that is right when the command was carried out. */
const expected = { submit: 'created', join: 'joined', claim: 'done', finish: 'done' } as const satisfies Record<Name, string>;

/** Whatever is answered must be so. */
const assertTrue = (asked: Asked, name: Name, it: Scene, title: string, alone = true): void => {
  const writes = writesOf(it);
  // A join whose answer was lost and that another write has covered is repeated; the second changes nobody's place.
  if (alone || name !== 'join') assert.ok(writes <= 1, `${title}: carried out ${writes} times`);
  if (asked.kind === 'done') {
    if (alone) assert.is(asked.answer.kind, expected[name], title);
    assert.ok(writes > 0 || (name === 'finish' && !alone), `${title}: said done`);
    const stored = it.world.history().find((one) => one.revision === asked.revision);
    assert.equal(Buffer.from(stored?.bytes ?? []), Buffer.from(encodeRecord(asked.record)), `${title}: the record that is told is the one stored`);
  }
  if (asked.kind === 'failed') assert.is(writes, 0, `${title}: said that nothing happened`);
  if (asked.kind === 'refused' && asked.doubt === undefined) assert.is(writes, 0, `${title}: said that it was refused`);
};

const rules: readonly FaultRule[] = [
  { op: 'store.write', fault: 'lost-request' },
  { op: 'store.write', fault: 'lost-reply' },
  { op: 'store.write', fault: 'late-apply', delayMs: 1 },
  { op: 'store.write', fault: 'late-apply', delayMs: 3_000 },
  { op: 'store.write', fault: 'refused' },
  { op: 'store.write', fault: 'delay', delayMs: 4_000 },
  { op: 'store.load', fault: 'lost-request' },
  { op: 'store.load', fault: 'refused' },
  { op: 'store.load', fault: 'delay', delayMs: 4_000 },
];

/** What must come out when a fault strikes once and nobody else is there. */
const definite: Readonly<Record<string, Asked['kind']>> = {
  'store.write lost-request': 'done',
  'store.write lost-reply': 'done',
  'store.write late-apply': 'done',
  'store.write refused': 'failed',
  'store.write delay': 'done',
  'store.load lost-request': 'unknown',
  'store.load refused': 'failed',
  'store.load delay': 'done',
};

const names = ['submit', 'join', 'claim', 'finish'] as const;

for (const name of names) {
  test(`${name}: one fault, nobody else: the answer is the only right one`, async () => {
    for (const rule of rules) {
      for (let seed = 0; seed < 5; seed++) {
        const title = `${name} ${rule.op} ${rule.fault} seed ${seed}`;
        const it = scene(seed);
        const fence = await prepare(name, it);
        const fault = it.world.inject({ ...rule, node: 'caller', times: 1 });
        const asked = await it.clock.settle(it.kernel.ask(KEY, command(name, it, fence)));
        await it.clock.advance(20_000);
        assert.is(fault.hits(), 1, title);
        assert.is(asked.kind, definite[`${rule.op} ${rule.fault}`], title);
        assertTrue(asked, name, it, title);
      }
    }
  });

  test(`${name}: asked again after a bad answer, it is done, and done once`, async () => {
    for (const rule of rules) {
      const title = `${name} ${rule.op} ${rule.fault}`;
      const it = scene(7);
      const fence = await prepare(name, it);
      it.world.inject({ ...rule, node: 'caller', times: 2 });
      const make = command(name, it, fence);
      let asked = await it.clock.settle(it.kernel.ask(KEY, make));
      for (let tries = 0; tries < 5 && asked.kind !== 'done'; tries++) asked = await it.clock.settle(it.kernel.ask(KEY, make));
      assert.is(asked.kind, 'done', title);
      await it.clock.advance(20_000);
      assert.equal([...new Set(historyOf(it.world).map(({ record }) => record.id))].length, 1, `${title}: one task`);
      assert.equal(checkLives(historyOf(it.world)).problems, [], title);
    }
  });

  test(`${name}: faults strike at random and others write meanwhile: never a lie, never two tasks`, async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const it = scene(seed, [0, 4]);
      const { clock, world } = it;
      const fence = await prepare(name, it);
      const random = createRandom(seed).fork('faults');
      for (const rule of rules) world.inject({ ...rule, probability: random.next() * 0.4 });
      const rival = world.ports('rival');
      const rivalKernel = createKernel(rival);
      const rivals = [
        () => rivalKernel.ask(KEY, () => submitBy('rival', 'rivals', clock.now())),
        () => rivalKernel.ask(KEY, (held) => claimBy('rival', held, rival)),
        () => rivalKernel.ask(KEY, (held) => ({ kind: 'cancel', at: clock.now(), actor: { admin: true }, id: held?.record.id ?? '', force: true })),
      ].map((act) => {
        clock.after(random.next() * 12_000, () => void act());
        return act;
      });
      assert.is(rivals.length, 3);
      const asked = await clock.settle(it.kernel.ask(KEY, command(name, it, fence)));
      world.heal();
      await clock.advance(60_000);
      seen.add(asked.kind);
      assertTrue(asked, name, it, `${name} seed ${seed}`, false);
      const report = checkLives(historyOf(world));
      assert.ok(report.ok, `${name} seed ${seed}: ${describeReport(report)}`);
    }
    assert.ok(seen.has('done') && seen.has('failed') && seen.has('unknown'), [...seen].join());
  }, { limitMs: 30_000 });
}

test('without a connection nothing happens and that is said; one that breaks on the way leaves it unknown or done', async () => {
  const it = scene(1);
  it.world.node('caller').disconnect();
  const make = command('submit', it, { epoch: 0, revision: 0 });
  assert.is((await it.clock.settle(it.kernel.ask(KEY, make))).kind, 'failed');
  assert.is(it.world.history().length, 0);
  const kinds = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    const cut = scene(seed, [1, 5]);
    const node = cut.world.node('caller');
    cut.clock.after(createRandom(seed).next() * 20, () => node.disconnect());
    cut.clock.after(40, () => node.reconnect());
    const asked = await cut.clock.settle(cut.kernel.ask(KEY, command('submit', cut, { epoch: 0, revision: 0 })));
    assertTrue(asked, 'submit', cut, `seed ${seed}`);
    kinds.add(asked.kind);
  }
  assert.ok(kinds.has('done') && kinds.has('unknown'), [...kinds].join());
});

/** Many callers of few keys, some workers, faults everywhere; all answers are held against all records. */
const crowd = async (seed: number) => {
  const clock = createVirtualClock({ seed });
  const world = createMemoryWorld({ clock, seed, latencyMs: [0, 6] });
  const random = createRandom(seed).fork('crowd');
  const strength = seed % 4 === 0 ? 0 : random.next() * 0.3;
  for (const rule of rules) world.inject({ ...rule, probability: random.next() * strength });
  world.inject({ op: 'log.publish', fault: 'lost-request', probability: strength / 2 });
  const calls: CallEvent[] = [];
  const keys = ['x', 'y'];
  const addressed = (key: string): Address => sampleAddress(key);
  let count = 0;
  const call = async (key: string, process: string): Promise<void> => {
    const id = world.ports(process).chance.uuid();
    const name = `call-${count++}`;
    const kernel = createKernel(world.ports(process));
    calls.push({ phase: 'invoke', call: name, at: clock.now(), user: process, asked: { kind: 'schedule', address: addressed(key), id } });
    const asked = await kernel.ask(addressed(key), () => ({
      kind: 'submit',
      at: clock.now(),
      actor: { user: process, admin: false },
      spec: sampleSpec({ id, key }),
      whenAborting: 'queue',
    }));
    calls.push({ phase: 'answer', call: name, at: clock.now(), answer: scheduleAnswer(asked) });
  };
  const work = async (key: string, worker: string): Promise<void> => {
    const ports = world.ports(worker);
    const kernel = createKernel(ports);
    const asked = await kernel.ask(addressed(key), (held) => claimBy(worker, held, ports));
    const fence = asked.kind === 'done' ? asked.record.owner?.fence : undefined;
    if (fence === undefined) return;
    await kernel.ask(addressed(key), () => finishOf(fence, clock.now(), { kind: 'returned' }));
  };
  for (let i = 0; i < 40; i++) {
    const key = keys[random.int(2)] ?? 'x';
    const process = `p${random.int(4)}`;
    clock.after(random.next() * 30_000, () => void (i % 3 === 0 ? work(key, process) : call(key, process)));
  }
  await clock.advance(200_000);
  return { calls, records: historyOf(world), strength };
};

const scheduleAnswer = (asked: Asked): Extract<CallEvent, { phase: 'answer' }>['answer'] => {
  if (asked.kind === 'refused') return { kind: 'refused', reason: asked.reason };
  if (asked.kind !== 'done') return { kind: asked.kind };
  const { answer } = asked;
  if (answer.kind !== 'created' && answer.kind !== 'joined') throw new Error(`a submit was answered ${answer.kind}`);
  return { kind: answer.kind, task: answer.id };
};

test('a crowd: every call is answered once and truly, every task is made once and lives by the rules', async () => {
  const counters: Record<string, number> = {};
  for (let seed = 0; seed < 40; seed++) {
    const { calls, records, strength } = await crowd(seed);
    for (const report of [checkLives(records), checkAnswers({ calls, records })]) {
      assert.ok(report.ok, `seed ${seed}: ${describeReport(report)}`);
      for (const [name, value] of Object.entries(report.counters)) counters[name] = (counters[name] ?? 0) + value;
      if (strength === 0) assert.is(report.counters['schedule unknown'] ?? 0, 0, `seed ${seed}: unknown without a fault`);
    }
  }
  for (const name of ['schedule created', 'schedule joined', 'schedule unknown', 'schedule failed', 'recovered', 'claims', 'success']) {
    assert.ok((counters[name] ?? 0) > 0, `never: ${name} (${JSON.stringify(counters)})`);
  }
}, { limitMs: 60_000 });

test.run();
