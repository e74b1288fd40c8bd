import { addressOf, type Address } from '@baton/protocols';
import type { Delayed, Due, Ports } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { contract, pass, until, type WithBench } from './bench.ts';

const addressFor = (key: string): Address => addressOf({ scope: 'shared', type: 'job', key });

const delayedFor = (key: string, runAt: number, id = key): Delayed => ({ address: addressFor(key), id, runAt });

/** Ids of what a process is given, all of it acknowledged. */
const gather = async (ports: Ports, answer: (due: Due) => void = (due) => due.ack()) => {
  const given: { readonly id: string; readonly at: number }[] = [];
  const opened = await ports.later.open(
    (due) => {
      given.push({ id: due.id, at: ports.later.now() });
      answer(due);
    },
    { most: 100 },
  );
  return { ...opened, given, ids: () => given.map(({ id }) => id).toSorted() };
};

/** X7: what is put for later comes when it is due, to one of all who listen, until one of them says that it is done. */
export const laterContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: later`, withBench, (check) => {
    check('X7 gives what is due within a second of its time and never before it', async (bench) => {
      const ports = await bench.ports();
      const { given, close } = await gather(ports);
      const start = ports.later.now();
      const waits = [700, 1_500, 2_000, 2_300];
      for (const ms of waits) await ports.later.put(delayedFor(`k${ms}`, start + ms));
      await until(bench, () => assert.is(given.length, waits.length), 6_000);
      for (const { id, at } of given) {
        const late = at - start - Number(id.slice(1));
        assert.ok(late >= 0 && late < 1_000, `${id} was ${late} ms late`);
      }
      await close();
    });

    check('a time that has passed is now', async (bench) => {
      const ports = await bench.ports();
      const { ids, close } = await gather(ports);
      assert.is((await ports.later.put(delayedFor('past', 1_000))).kind, 'written');
      await until(bench, () => assert.equal(ids(), ['past']), 2_000);
      await close();
    });

    check('what is put again for an address takes the place of what was put before', async (bench) => {
      const ports = await bench.ports();
      const { ids, close } = await gather(ports);
      const now = ports.later.now();
      await ports.later.put(delayedFor('a', now + 1_000, 'first'));
      await ports.later.put(delayedFor('a', now + 1_600, 'second'));
      await ports.later.put(delayedFor('b', now + 60_000, 'sooner after all'));
      await ports.later.put(delayedFor('b', now + 1_200, 'sooner'));
      await until(bench, () => assert.equal(ids(), ['second', 'sooner']), 4_000);
      await pass(bench, 500);
      assert.equal(ids(), ['second', 'sooner']);
      await close();
    });

    check('what became due while nobody listened waits', async (bench) => {
      const [a, b] = [await bench.ports('a'), await bench.ports('b')];
      for (let i = 0; i < 50; i++) await a.later.put(delayedFor(`k${i}`, a.later.now() + 300));
      await pass(bench, 1_500);
      const { given, close } = await gather(b);
      await until(bench, () => assert.is(given.length, 50));
      await close();
    });

    check('each is given to one of all who listen', async (bench) => {
      const [a, b] = [await bench.ports('a'), await bench.ports('b')];
      const [first, second] = [await gather(a), await gather(b)];
      const now = a.later.now();
      for (let i = 0; i < 300; i++) await a.later.put(delayedFor(`k${i}`, now + 1_500));
      await until(bench, () => assert.is(first.given.length + second.given.length, 300), 8_000);
      await pass(bench, 500);
      assert.is(new Set([...first.ids(), ...second.ids()]).size, 300);
      assert.is(first.given.length + second.given.length, 300);
      await Promise.all([first.close(), second.close()]);
    });

    check('what is handed back comes again after the time that was said', async (bench) => {
      const ports = await bench.ports();
      let times = 0;
      const { given, close } = await gather(ports, (due) => (times++ === 0 ? due.again(700) : due.ack()));
      await ports.later.put(delayedFor('a', 0));
      await until(bench, () => assert.is(given.length, 2), 5_000);
      const [first, second] = given;
      assert.ok((second?.at ?? 0) - (first?.at ?? 0) >= 650);
      await pass(bench, 1_000);
      assert.is(given.length, 2);
      await close();
    });

    check(
      'what was given to one that is cut off comes again to another',
      async (bench) => {
        const [a, b] = [await bench.ports('a'), await bench.ports('b')];
        const first = await gather(a, () => undefined);
        await b.later.put(delayedFor('a', 0));
        await until(bench, () => assert.is(first.given.length, 1));
        await bench.cut('a');
        const second = await gather(b);
        await until(bench, () => assert.equal(second.ids(), ['a']), 20_000);
        await bench.mend('a');
        await Promise.all([first.close(), second.close()]);
      },
      { limitMs: 50_000 },
    );

    check(
      'after a cut it goes on by itself',
      async (bench) => {
        const [a, b] = [await bench.ports('a'), await bench.ports('b')];
        const { ids, close } = await gather(a);
        await bench.cut('a');
        await until(bench, () => assert.not.ok(a.link.connected));
        await b.later.put(delayedFor('meanwhile', 0));
        await pass(bench, 500);
        await bench.mend('a');
        await until(bench, () => assert.equal(ids(), ['meanwhile']), 20_000);
        await close();
      },
      { limitMs: 50_000 },
    );
  });
