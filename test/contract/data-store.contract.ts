import { randomBytes } from 'node:crypto';
import { DATA_LIMIT, OBJECT_CHUNK } from '@baton/protocols';
import { BatonError, type DataStore } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { contract, rejectionOf, until, type WithBench } from './bench.ts';

const equal = (actual: Uint8Array | undefined, expected: Uint8Array): void =>
  assert.ok(
    actual !== undefined && Buffer.from(actual).equals(expected),
    `${actual?.length} of ${expected.length} bytes`,
  );

const namesOf = async (data: DataStore): Promise<readonly string[]> => {
  const all: string[] = [];
  for await (const page of data.names()) all.push(...page);
  return all.toSorted();
};

/** Large data: stored whole or not at all, read whole or not at all, removed with all that belongs to it. */
export const dataStoreContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: data store`, withBench, (check) => {
    check('X4 gives back what was put, whatever its size', async (bench) => {
      const [a, b] = [await bench.ports('a'), await bench.ports('b')];
      for (const size of [0, 1, OBJECT_CHUNK - 1, OBJECT_CHUNK, OBJECT_CHUNK + 1, 10 * OBJECT_CHUNK, DATA_LIMIT]) {
        const bytes = randomBytes(size);
        await a.data.put(`size/${size}`, bytes);
        equal(await b.data.get(`size/${size}`), bytes);
      }
      assert.is(await b.data.get('size/2'), undefined);
    });

    check('what is put again takes the place of what was there', async (bench) => {
      const { data } = await bench.ports();
      await data.put('n', randomBytes(3 * OBJECT_CHUNK));
      const bytes = randomBytes(OBJECT_CHUNK + 5);
      await data.put('n', bytes);
      equal(await data.get('n'), bytes);
      assert.equal(await namesOf(data), ['n']);
    });

    check('two who put under one name at once leave one of the two, whole', async (bench) => {
      const [a, b] = [await bench.ports('a'), await bench.ports('b')];
      const [x, y] = [randomBytes(6 * OBJECT_CHUNK), randomBytes(5 * OBJECT_CHUNK)];
      await Promise.all([a.data.put('n', x), b.data.put('n', y)]);
      const bytes = (await a.data.get('n')) ?? new Uint8Array();
      assert.ok(Buffer.from(bytes).equals(x) || Buffer.from(bytes).equals(y));
    });

    check('what is removed is gone, also twice, and its name can be used again', async (bench) => {
      const { data } = await bench.ports();
      await data.put('n', randomBytes(2 * OBJECT_CHUNK));
      await data.remove('n');
      assert.is(await data.get('n'), undefined);
      assert.is(await data.storedAt('n'), undefined);
      await data.remove('n');
      await data.remove('never was');
      const bytes = randomBytes(10);
      await data.put('n', bytes);
      equal(await data.get('n'), bytes);
    });

    check('names everything, with any characters in it, and tells when it was stored', async (bench) => {
      const { data } = await bench.ports();
      const wanted = [
        '0a.t.0/id/args',
        'with space',
        'dot.and>star*',
        'ü/😀',
        ...Array.from({ length: 250 }, (_, i) => `n${i}`),
      ];
      const before = bench.clock.now();
      for (const one of wanted) await data.put(one, new Uint8Array([1]));
      assert.equal(await namesOf(data), wanted.toSorted());
      const at = (await data.storedAt('with space')) ?? 0;
      assert.ok(Math.abs(at - before) < 60_000, `${at - before} ms`);
    });

    check('what is whole is never taken for unfinished', async (bench) => {
      const { data } = await bench.ports();
      const bytes = randomBytes(2 * OBJECT_CHUNK);
      await data.put('n', bytes);
      assert.is(await data.removeUnfinished(bench.clock.now() + 60_000), 0);
      equal(await data.get('n'), bytes);
    });

    check(
      'without a connection nothing is stored, and it is said',
      async (bench) => {
        const [{ data, link }, other] = [await bench.ports('a'), await bench.ports('b')];
        await bench.cut('a');
        await until(bench, () => assert.not.ok(link.connected));
        const error = await rejectionOf(data.put('n', randomBytes(100)));
        assert.instance(error, BatonError);
        assert.is((error as BatonError).code, 'NOT_CONNECTED');
        assert.is(await other.data.get('n'), undefined);
        await bench.mend('a');
        await until(bench, () => assert.ok(link.connected), 15_000);
        await data.put('n', new Uint8Array([1]));
      },
      { limitMs: 40_000 },
    );
  });
