import { decodeRecord } from '@baton/protocols';
import { createKernel, type Asked } from '@baton/runtime';
import { checkLives, createRandom, describeReport } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';
import {
  claimBy,
  command,
  expected,
  historyOf,
  KEY,
  prepare,
  rules,
  scene,
  submitBy,
  writesOf,
  type Name,
  type Scene,
} from './kernel-scene.ts';

// What `ask` answers when the store does not: done, refused, unknown or failed, each only when it is true.
const test = suite('kernel: ask under faults');

/** Whatever is answered must be so. */
const assertTrue = (asked: Asked, name: Name, it: Scene, title: string, alone = true): void => {
  const writes = writesOf(it);
  // A join whose answer was lost and that another write has covered is repeated; the second changes nobody's place.
  if (alone || name !== 'join') assert.ok(writes <= 1, `${title}: carried out ${writes} times`);
  if (asked.kind === 'done') {
    if (alone) assert.is(asked.answer.kind, expected[name], title);
    assert.ok(writes > 0 || (name === 'finish' && !alone), `${title}: said done`);
    const stored = it.world.history().find((one) => one.revision === asked.revision);
    // Not by their bytes: in which order the fields of a record stand says nothing.
    assert.equal(
      stored === undefined ? undefined : decodeRecord(stored.bytes),
      asked.record,
      `${title}: the record that is told is the one stored`,
    );
  }
  if (asked.kind === 'failed') assert.is(writes, 0, `${title}: said that nothing happened`);
  if (asked.kind === 'refused' && asked.doubt === undefined) assert.is(writes, 0, `${title}: said that it was refused`);
};

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
      for (let tries = 0; tries < 5 && asked.kind !== 'done'; tries++)
        asked = await it.clock.settle(it.kernel.ask(KEY, make));
      assert.is(asked.kind, 'done', title);
      await it.clock.advance(20_000);
      assert.is(new Set(historyOf(it.world).map(({ record }) => record.id)).size, 1, `${title}: one task`);
      assert.equal(checkLives(historyOf(it.world)).problems, [], title);
    }
  });

  test(
    `${name}: faults strike at random and others write meanwhile: never a lie, never two tasks`,
    async () => {
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
          () =>
            rivalKernel.ask(KEY, (held) => {
              const id = held?.record.id ?? '';
              return { kind: 'cancel', at: clock.now(), actor: { admin: true }, id, force: true };
            }),
        ];
        for (const act of rivals) clock.after(random.next() * 12_000, () => void act());
        const asked = await clock.settle(it.kernel.ask(KEY, command(name, it, fence)));
        world.heal();
        await clock.advance(60_000);
        seen.add(asked.kind);
        assertTrue(asked, name, it, `${name} seed ${seed}`, false);
        const report = checkLives(historyOf(world));
        assert.ok(report.ok, `${name} seed ${seed}: ${describeReport(report)}`);
      }
      assert.ok(seen.has('done') && seen.has('failed') && seen.has('unknown'), [...seen].join());
    },
    { limitMs: 30_000 },
  );
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

test.run();
