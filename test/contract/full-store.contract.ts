import { STORE_RESERVE, type Address } from '@baton/protocols';
import type { RecordStore } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { contract, until, type WithBench } from './bench.ts';

/** What the benches of this contract are limited to, bytes. */
export const SMALL_STORE = 1_000_000;

const LARGE = 'x'.repeat(20_000);

const at = (i: number): Address => sampleAddress(`k${i}`);

const write = async (store: RecordStore, i: number, note: string, expected = 0): Promise<number | string> => {
  const result = await store.write(at(i), sampleBytes(`k${i}`, note), expected);
  if (result.kind === 'written') return result.revision;
  return result.kind === 'failed' ? result.cause.code : result.kind;
};

/** Writes records until one is refused; gives their revisions. */
const fill = async (store: RecordStore): Promise<{ readonly revisions: readonly number[]; readonly code: string }> => {
  const revisions: number[] = [];
  for (;;) {
    const told = await write(store, revisions.length, LARGE);
    if (typeof told === 'string') return { revisions, code: told };
    revisions.push(told);
    assert.ok(revisions.length < SMALL_STORE / LARGE.length + 10, 'it takes no end of records');
  }
};

/** A bucket with a limit: short of room first, then full; and both end. */
export const fullStoreContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: full store`, withBench, (check) => {
    check('room is short while there is still a reserve, and every process knows within seconds', async (bench) => {
      const [a, b] = [await bench.ports('a'), await bench.ports('b')];
      assert.is(a.store.shortage, undefined);
      const least = Math.ceil((SMALL_STORE * (1 - STORE_RESERVE)) / LARGE.length);
      for (let i = 0; i < least; i++) assert.type(await write(a.store, i, LARGE), 'number');
      for (const { store } of [a, b]) await until(bench, () => assert.match(store.shortage ?? '', /of 1000000 bytes/));
      assert.type(await write(a.store, least, LARGE), 'number', 'what is left is for whoever writes');
    });

    check(
      'full: refused with a code, nothing written, nothing lost; what takes no more room is still taken',
      async (bench) => {
        const { store } = await bench.ports();
        const { revisions, code } = await fill(store);
        assert.is(code, 'STORE_FULL');
        assert.ok(revisions.length * LARGE.length > SMALL_STORE * (1 - STORE_RESERVE), `${revisions.length} fitted`);
        assert.is(await store.load(at(revisions.length)), undefined);
        const [first = 0, second = 0] = revisions;
        assert.is(await write(store, 0, `${LARGE}${LARGE}`, first), 'STORE_FULL', 'larger');
        assert.is((await store.load(at(0)))?.revision, first, 'the former one stands');
        assert.type(await write(store, 0, 'short', first), 'number', 'smaller');
        assert.type(await write(store, 1, LARGE, second), 'number', 'as large as before');
        for (const i of [2, revisions.length - 1]) assert.is((await store.load(at(i)))?.revision, revisions[i]);
      },
    );

    check('room that comes back is used', async (bench) => {
      const { store } = await bench.ports();
      const { revisions } = await fill(store);
      await until(bench, () => assert.ok(store.shortage !== undefined));
      for (const [i, revision] of revisions.entries()) await write(store, i, 'short', revision);
      await until(bench, () => assert.is(store.shortage, undefined));
      assert.type(await write(store, revisions.length, LARGE), 'number');
    });

    check('many writes at once into what is left: each has its true answer', async (bench) => {
      const { store } = await bench.ports();
      const count = SMALL_STORE / LARGE.length + 30;
      const told = await Promise.all(Array.from({ length: count }, (_, i) => write(store, i, LARGE)));
      const codes = new Set(told.filter((answer) => typeof answer === 'string'));
      assert.equal([...codes], ['STORE_FULL']);
      for (const [i, answer] of told.entries()) {
        const entry = await store.load(at(i));
        assert.is(entry?.revision, typeof answer === 'number' ? answer : undefined, `record ${i}: ${answer}`);
      }
    });
  });
