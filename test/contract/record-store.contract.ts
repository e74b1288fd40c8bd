import { RECORD_LIMIT } from '@baton/protocols';
import { BatonError, type WriteResult } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { noteIn, sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { contract, pass, rejectionOf, until, type WithBench } from './bench.ts';

const revisionOf = (result: WriteResult): number => {
  if (result.kind !== 'written') throw new Error(`expected written, got ${JSON.stringify(result)}`);
  return result.revision;
};

const kindsOf = (results: readonly WriteResult[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { kind } of results) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};

/** A record: read from the leader, written by compare-and-set, forgotten in time. */
export const recordStoreContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: record store`, withBench, (check) => {
    const key = sampleAddress('k');

    check('gives back what was written, and nothing for what was not', async (bench) => {
      const { store } = await bench.ports();
      assert.is(await store.load(key), undefined);
      const bytes = sampleBytes('k', 'first');
      const revision = revisionOf(await store.write(key, bytes, 0));
      assert.ok(revision > 0);
      const entry = await store.load(key);
      assert.is(entry?.address, key);
      assert.is(entry?.revision, revision);
      assert.equal(Buffer.from(entry?.bytes ?? []), Buffer.from(bytes));
    });

    check('reads what another process has just written', async (bench) => {
      const [a, b] = [await bench.ports('a'), await bench.ports('b')];
      let expected = 0;
      for (let i = 0; i < 50; i++) {
        expected = revisionOf(await a.store.write(key, sampleBytes('k', String(i)), expected));
        assert.is((await b.store.load(key))?.revision, expected);
      }
    });

    check('reads many from any copy: what is there, each once, and nothing of what is not', async (bench) => {
      const { store } = await bench.ports();
      const names = Array.from({ length: 300 }, (_, i) => `k${i}`);
      const written = await Promise.all(
        names.map(async (name) => revisionOf(await store.write(sampleAddress(name), sampleBytes(name, name), 0))),
      );
      // A copy may be behind for a moment.
      await until(bench, async () =>
        assert.is((await store.loadFromCopy(sampleAddress('k299')))?.revision, written[299]),
      );
      const asked = [...names, 'absent', 'k0'];
      const read = await Promise.all(asked.map((name) => store.loadFromCopy(sampleAddress(name))));
      assert.equal(
        read.map((entry) => entry?.revision),
        [...written, undefined, written[0]],
      );
      assert.is(read[7]?.address, sampleAddress('k7'));
      assert.is(noteIn(read[7]?.bytes ?? new Uint8Array()), 'k7');
    });

    check('of records that are too large for one answer some are left to be read from the leader', async (bench) => {
      const { store } = await bench.ports();
      const names = Array.from({ length: 40 }, (_, i) => `k${i}`);
      const note = 'x'.repeat(400_000);
      for (const name of names) revisionOf(await store.write(sampleAddress(name), sampleBytes(name, note), 0));
      const read = await Promise.all(names.map((name) => store.loadFromCopy(sampleAddress(name))));
      const found = read.filter((entry) => entry !== undefined);
      assert.ok(found.length > 0, 'none');
      for (const { address, bytes } of found) assert.equal(bytes, (await store.load(address))?.bytes);
      // And it goes on: nothing of it was taken for a failure.
      assert.ok((await store.loadFromCopy(sampleAddress('k0'))) !== undefined);
    });

    check('creates only where nothing is, updates only what is believed to be there', async (bench) => {
      const { store } = await bench.ports();
      assert.equal(await store.write(key, sampleBytes('k'), 3), { kind: 'conflict' });
      assert.is(await store.load(key), undefined);
      const first = revisionOf(await store.write(key, sampleBytes('k', '1'), 0));
      assert.equal(await store.write(key, sampleBytes('k', 'x'), 0), { kind: 'conflict' });
      const second = revisionOf(await store.write(key, sampleBytes('k', '2'), first));
      assert.ok(second > first);
      for (const stale of [0, first, second + 1]) {
        assert.equal(await store.write(key, sampleBytes('k', 'x'), stale), { kind: 'conflict' }, `expected ${stale}`);
      }
      const entry = await store.load(key);
      assert.is(entry?.revision, second);
      assert.is(noteIn(entry?.bytes ?? new Uint8Array()), '2');
    });

    check('100 creates at once from four processes: one is written, 99 conflict', async (bench) => {
      const processes = await Promise.all(['a', 'b', 'c', 'd'].map((process) => bench.ports(process)));
      const results = await Promise.all(
        Array.from({ length: 25 }, (_, i) =>
          processes.map(({ store }, p) => store.write(key, sampleBytes('k', `${p}-${i}`), 0)),
        ).flat(),
      );
      assert.equal(kindsOf(results), { written: 1, conflict: 99 });
      const written = results.findIndex((result) => result.kind === 'written');
      const entry = await (await bench.ports()).store.load(key);
      assert.is(noteIn(entry?.bytes ?? new Uint8Array()), `${written % 4}-${Math.floor(written / 4)}`);
    });

    check('many writes at once: each has its own result, whatever becomes of its neighbours', async (bench) => {
      const { store } = await bench.ports();
      const keys = Array.from({ length: 400 }, (_, i) => sampleAddress(`k${i}`));
      const firsts = await Promise.all(keys.map((address, i) => store.write(address, sampleBytes(`k${i}`, 'a'), 0)));
      assert.equal(kindsOf(firsts), { written: 400 });
      const revisions = firsts.map(revisionOf);
      assert.is(new Set(revisions).size, 400);
      const seconds = await Promise.all(
        keys.map((address, i) =>
          store.write(address, sampleBytes(`k${i}`, 'b'), i % 8 === 0 ? 0 : (revisions[i] ?? 0)),
        ),
      );
      seconds.forEach((result, i) => assert.is(result.kind, i % 8 === 0 ? 'conflict' : 'written', `write ${i}`));
      const read = await Promise.all(keys.map((address) => store.load(address)));
      read.forEach((entry, i) => {
        const result = seconds[i];
        assert.is(noteIn(entry?.bytes ?? new Uint8Array()), i % 8 === 0 ? 'a' : 'b', `record ${i}`);
        assert.is(entry?.revision, result?.kind === 'written' ? result.revision : revisions[i], `revision ${i}`);
      });
    });

    check('of updates at once on one revision exactly one is written, over and over', async (bench) => {
      const [a, b] = [await bench.ports('a'), await bench.ports('b')];
      let expected = revisionOf(await a.store.write(key, sampleBytes('k'), 0));
      for (let round = 0; round < 20; round++) {
        const results = await Promise.all(
          Array.from({ length: 6 }, (_, i) =>
            (i % 2 === 0 ? a : b).store.write(key, sampleBytes('k', `${i}`), expected),
          ),
        );
        assert.equal(kindsOf(results), { written: 1, conflict: 5 }, `round ${round}`);
        const next = results.flatMap((result) => (result.kind === 'written' ? [result.revision] : []))[0] ?? 0;
        assert.ok(next > expected);
        expected = next;
      }
    });

    check('a record with a time to live is absent afterwards, and its key is free', async (bench) => {
      const { store } = await bench.ports();
      const first = revisionOf(await store.write(key, sampleBytes('k', 'mortal'), 0, { ttlMs: 1_000 }));
      assert.is((await store.load(key))?.revision, first);
      await until(bench, async () => assert.is(await store.load(key), undefined));
      assert.equal(await store.write(key, sampleBytes('k'), first), { kind: 'conflict' });
      assert.ok(revisionOf(await store.write(key, sampleBytes('k', 'new'), 0)) > first);
    });

    check('a write without a time to live takes away the one that was set', async (bench) => {
      const { store } = await bench.ports();
      const first = revisionOf(await store.write(key, sampleBytes('k', 'mortal'), 0, { ttlMs: 1_000 }));
      const second = revisionOf(await store.write(key, sampleBytes('k', 'stays'), first));
      await pass(bench, 2_500);
      assert.is((await store.load(key))?.revision, second);
    });

    check('all processes see one epoch: the time the bucket was made', async (bench) => {
      const { store } = await bench.ports('a');
      assert.is((await bench.ports('b')).store.epoch, store.epoch);
      assert.ok(Number.isInteger(store.epoch));
      assert.ok(Math.abs(bench.clock.now() - store.epoch) < 60_000, `epoch ${store.epoch}`);
    });

    check('a record that is larger than any may be is refused for certain, and hurts no other', async (bench) => {
      const { store } = await bench.ports();
      const [large, small] = await Promise.all([
        store.write(key, new Uint8Array(RECORD_LIMIT + 8_192), 0),
        store.write(sampleAddress('small'), sampleBytes('small'), 0),
      ]);
      assert.is(large.kind, 'failed');
      assert.is(small.kind, 'written');
      assert.is(await store.load(key), undefined);
    });

    check(
      'without a connection nothing is claimed to be written, and it works again afterwards',
      async (bench) => {
        const { store, link } = await bench.ports('a');
        const first = revisionOf(await store.write(key, sampleBytes('k', '1'), 0));
        await bench.cut('a');
        await until(bench, () => assert.is(link.connected, false));
        const cut = await store.write(key, sampleBytes('k', '2'), first);
        assert.is(cut.kind, 'failed');
        assert.is(cut.kind === 'failed' ? cut.cause.code : '', 'NOT_CONNECTED');
        assert.is(codeOf(await rejectionOf(store.load(key))), 'NOT_CONNECTED');
        await bench.mend('a');
        await until(bench, () => assert.ok(link.connected), 10_000);
        assert.is((await store.load(key))?.revision, first);
        assert.is((await store.write(key, sampleBytes('k', '3'), first)).kind, 'written');
      },
      { limitMs: 25_000 },
    );

    check(
      'a write whose answer is lost is unknown within its time, and a read fails within it',
      async (bench) => {
        const { store, link } = await bench.ports('a');
        const other = await bench.ports('b');
        await bench.muteServer('a');
        const startedAt = bench.clock.monotonic();
        const [write, read] = await Promise.all([
          store.write(key, sampleBytes('k', '1'), 0),
          rejectionOf(store.load(key)),
        ]);
        assert.is(write.kind, 'unknown');
        assert.is(write.kind === 'unknown' ? write.cause.code : '', 'OUTCOME_UNKNOWN');
        // A read changes nothing, so nothing about it is unknown: it failed.
        assert.ok(['NOT_CONNECTED', 'STORE_TIMEOUT', 'OUTCOME_UNKNOWN'].includes(codeOf(read)));
        assert.ok(bench.clock.monotonic() - startedAt < 8_000);
        // It had arrived: that is what unknown is for.
        await until(bench, async () => assert.ok(await other.store.load(key)));
        await bench.mend('a');
        await until(
          bench,
          async () => {
            assert.ok(link.connected);
            assert.is(noteIn((await store.load(key))?.bytes ?? new Uint8Array()), '1');
          },
          15_000,
        );
      },
      { limitMs: 40_000 },
    );
  });

const codeOf = (error: unknown): string => {
  if (error instanceof BatonError) return error.code;
  throw error;
};
