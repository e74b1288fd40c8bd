import type { KeptDefinition, ServedDefinition, TypeDefinition } from '@baton/core';
import { digestOf } from '@baton/protocols';
import type { Ports } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { contract, rejectionOf, until, type Bench, type WithBench } from './bench.ts';

const definition = (type: string, timeoutMs: number): TypeDefinition => ({
  ...{ type, scope: 'shared', queue: 'q', priority: 'high', policy: { timeoutMs, maxAttempts: 3 } },
  ...{ title: 'A title', description: 'é', argsSchema: { type: 'array', items: [{ type: 'number' }] } },
});

const kept = (type: string, timeoutMs: number): KeptDefinition => ({
  worker: 'w1',
  since: 5,
  digest: digestOf(definition(type, timeoutMs)),
  definition: definition(type, timeoutMs),
  conflicts: [{ worker: 'w2', fields: ['scope'] }],
});

/** What a process knows by its watch. */
const watching = async (bench: Bench, process: string) => {
  const known = new Map<string, KeptDefinition>();
  const state = { isCaughtUp: false, lost: 0 };
  const ports = await bench.ports(process);
  const watch = await ports.definitions.follow({
    kept: (one) => void known.set(one.definition.type, one),
    gone: (type) => void known.delete(type),
    unreadable: () => undefined,
    caughtUp: () => void (state.isCaughtUp = true),
    lost: () => void state.lost++,
  });
  return { known, state, close: () => watch.close() };
};

const write = async ({ definitions }: Ports, one: KeptDefinition, expected: number): Promise<number> => {
  const result = await definitions.write(one, expected);
  assert.is(result.kind, 'written');
  return result.kind === 'written' ? result.revision : 0;
};

/** D10: what workers tell reaches supervisors; what is kept is read back whole, and every change reaches who watches. */
export const definitionsContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: definitions`, withBench, (check) => {
    check('D10 gives back what was written, by compare-and-set', async (bench) => {
      const ports = await bench.ports();
      assert.is(await ports.definitions.load('send.mail'), undefined);
      const revision = await write(ports, kept('send.mail', 1), 0);
      assert.equal(await ports.definitions.load('send.mail'), { kept: kept('send.mail', 1), revision });
      assert.is((await ports.definitions.write(kept('send.mail', 2), 0)).kind, 'conflict');
      await write(ports, kept('send.mail', 2), revision);
      assert.equal((await ports.definitions.load('send.mail'))?.kept, kept('send.mail', 2));
      assert.is(await ports.definitions.load('send'), undefined);
    });

    check('D10 whoever watches has all that is there, then every change', async (bench) => {
      const writer = await bench.ports('writer');
      const revisions = new Map<string, number>();
      for (let i = 0; i < 40; i++) revisions.set(`t.${i}`, await write(writer, kept(`t.${i}`, 1), 0));
      const { known, state, close } = await watching(bench, 'door');
      await until(bench, () => assert.ok(state.isCaughtUp));
      assert.is(known.size, 40);
      await write(writer, kept('t.3', 9), revisions.get('t.3') ?? 0);
      await write(writer, kept('new', 9), 0);
      await until(bench, () => {
        assert.equal(known.get('t.3'), kept('t.3', 9));
        assert.equal(known.get('new'), kept('new', 9));
      });
      close();
      await write(writer, kept('later', 9), 0);
      assert.not.ok(known.has('later'));
    });

    check('a watch that loses its connection says so, once; nothing is read without one', async (bench) => {
      const { state } = await watching(bench, 'door');
      await until(bench, () => assert.ok(state.isCaughtUp));
      await bench.cut('door');
      await until(bench, () => assert.is(state.lost, 1), 15_000);
      const { definitions } = await bench.ports('door');
      assert.instance(await rejectionOf(definitions.load('x')), Error);
      assert.is((await definitions.write(kept('x', 1), 0)).kind, 'failed');
      await bench.mend('door');
    });

    check('what a worker announces reaches all who listen, whole; they can ask for it', async (bench) => {
      const [worker, a, b] = [await bench.ports('worker'), await bench.ports('a'), await bench.ports('b')];
      const heard: ServedDefinition[][] = [[], []];
      const schema = { text: 'x'.repeat(20_000) };
      const served = Array.from({ length: 20 }, (_, i) => ({
        since: 7,
        definition: { ...definition(`t${i}`, i), argsSchema: schema },
      }));
      const ties = [
        a.definitions.onAnnounced((offers) => heard[0]?.push(...offers)),
        b.definitions.onAnnounced((offers) => heard[1]?.push(...offers)),
        worker.definitions.onAsked(() => worker.definitions.announce('w1', served)),
      ];
      await until(bench, () => {
        a.definitions.ask();
        for (const offers of heard) assert.ok(offers.length >= 20);
      });
      const expected = served.map(({ since, definition: told }) => ({
        ...{ worker: 'w1', since, digest: digestOf(told), definition: told },
      }));
      for (const offers of heard) assert.equal(offers.slice(0, 20), expected);
      for (const tie of ties) tie.close();
    });
  });
