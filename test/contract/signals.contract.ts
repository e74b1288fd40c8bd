import type { Address } from '@baton/protocols';
import type { Entry } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { noteIn, sampleAddress, sampleBytes, sampleId } from '../support/sample-records.ts';
import { contract, pass, until, type Bench, type WithBench } from './bench.ts';

const write = async (bench: Bench, address: Address, expected: number, note: string): Promise<number> => {
  const { store, signals } = await bench.ports('writer');
  const bytes = sampleBytes('k', note);
  const result = await store.write(address, bytes, expected);
  if (result.kind !== 'written') throw new Error(`not written: ${result.kind}`);
  signals.record({ address, revision: result.revision, bytes });
  return result.revision;
};

/** The push path: fast, in order, at most once. */
export const signalsContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: signals`, withBench, (check) => {
    const key = sampleAddress('k');

    check('what is told of an actor reaches who listens to it, in order, each once', async (bench) => {
      const { signals } = await bench.ports('listener');
      const got: Entry[] = [];
      await signals.onRecord(key, (entry) => got.push(entry));
      const revisions: number[] = [];
      for (let i = 0; i < 30; i++) revisions.push(await write(bench, key, revisions.at(-1) ?? 0, `note ${i}`));
      await write(bench, sampleAddress('other'), 0, 'not for us');
      await until(bench, () => assert.is(got.length, 30));
      assert.equal(
        got.map((entry) => [entry.address, entry.revision, noteIn(entry.bytes)]),
        revisions.map((revision, i) => [key, revision, `note ${i}`]),
      );
      await pass(bench, 100);
      assert.is(got.length, 30);
    });

    check('what is told right after the listening began is heard', async (bench) => {
      const { signals } = await bench.ports('listener');
      let heard = 0;
      for (let i = 0; i < 20; i++) {
        const address = sampleAddress(`k${i}`);
        await signals.onRecord(address, () => heard++);
        await write(bench, address, 0, '');
      }
      await until(bench, () => assert.is(heard, 20));
    });

    check('several listeners of one actor all hear it; a closed one hears nothing more', async (bench) => {
      const [a, b] = [await bench.ports('a'), await bench.ports('b')];
      const heard = { first: 0, second: 0, third: 0 };
      const first = await a.signals.onRecord(key, () => heard.first++);
      await a.signals.onRecord(key, () => heard.second++);
      await b.signals.onRecord(key, () => heard.third++);
      const revision = await write(bench, key, 0, '');
      await until(bench, () => assert.equal(heard, { first: 1, second: 1, third: 1 }));
      first.close();
      await write(bench, key, revision, '');
      await until(bench, () => assert.equal([heard.second, heard.third], [2, 2]));
      await pass(bench, 100);
      assert.is(heard.first, 1);
    });

    check('a poke reaches the worker it is for, and no other', async (bench) => {
      const [a, b, sender] = [await bench.ports('a'), await bench.ports('b'), await bench.ports('sender')];
      const got: string[] = [];
      const subscription = a.signals.onPoke('worker-a', (address) => got.push(`a ${address}`));
      b.signals.onPoke('worker-b', (address) => got.push(`b ${address}`));
      await until(bench, async () => {
        sender.signals.poke('worker-a', key);
        await pass(bench, 50);
        assert.ok(got.length > 0);
      });
      assert.equal([...new Set(got)], [`a ${key}`]);
      await pass(bench, 100);
      subscription.close();
      await pass(bench, 100);
      const heard = got.length;
      sender.signals.poke('worker-a', key);
      await pass(bench, 200);
      assert.is(got.length, heard);
    });

    check('a poke is quick', async (bench) => {
      const [a, sender] = [await bench.ports('a'), await bench.ports('sender')];
      let got = 0;
      a.signals.onPoke('worker-a', () => got++);
      await pass(bench, 200);
      const startedAt = bench.clock.monotonic();
      sender.signals.poke('worker-a', key);
      await until(bench, () => assert.is(got, 1));
      assert.ok(bench.clock.monotonic() - startedAt < 200);
    });

    check('live progress reaches who looks at that task, in order', async (bench) => {
      const [worker, viewer] = [await bench.ports('w'), await bench.ports('v')];
      const id = sampleId('task');
      const got: number[] = [];
      const subscription = await viewer.signals.onProgress(id, (bytes) => got.push(...bytes));
      worker.signals.progress(sampleId('another'), Uint8Array.of(99));
      for (let i = 0; i < 20; i++) worker.signals.progress(id, Uint8Array.of(i));
      await until(bench, () =>
        assert.equal(
          got,
          Array.from({ length: 20 }, (_, i) => i),
        ),
      );
      subscription.close();
      worker.signals.progress(id, Uint8Array.of(100));
      await pass(bench, 200);
      assert.is(got.length, 20);
    });

    check('nobody need listen', async (bench) => {
      const { signals, store } = await bench.ports();
      signals.poke('nobody', key);
      signals.progress(sampleId('task'), Uint8Array.of(1));
      signals.record({ address: key, revision: 1, bytes: sampleBytes('k') });
      assert.is((await store.write(key, sampleBytes('k'), 0)).kind, 'written');
    });
  });
