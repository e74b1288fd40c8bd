import type { Entry, EntryBatch, EntryReader } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { noteIn, sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { contract, until, type Bench, type WithBench } from './bench.ts';

const entryOf = (key: string, revision: number, note = ''): Entry => ({
  address: sampleAddress(key),
  revision,
  bytes: sampleBytes(key, note),
});

const append = async (bench: Bench, ...entries: readonly Entry[]): Promise<void> => {
  const { log } = await bench.ports('writer');
  for (const entry of entries) assert.is((await log.append(entry)).kind, 'written');
};

/** Reads and acknowledges until so many have come. */
const read = async (bench: Bench, reader: EntryReader<Entry>, count: number): Promise<readonly Entry[]> => {
  const entries: Entry[] = [];
  await until(
    bench,
    async () => {
      const batch = await reader.next(100, 500);
      entries.push(...batch.entries);
      await batch.ack();
      assert.ok(entries.length >= count, `${entries.length} of ${count} came`);
    },
    10_000,
  );
  return entries;
};

const revisionsIn = (entries: readonly Entry[]): readonly number[] => entries.map(({ revision }) => revision);

/** What was appended to it, for followers and for a rebuild. */
export const eventLogContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: event log`, withBench, (check) => {
    check('has what was appended, in order, under its address and revision', async (bench) => {
      await append(bench, entryOf('k', 4), entryOf('l', 7, 'last words'), entryOf('k', 9));
      const entries = await read(bench, await (await bench.ports()).log.reader('all'), 3);
      assert.equal(
        entries.map(({ address, revision }) => [address, revision]),
        [
          [sampleAddress('k'), 4],
          [sampleAddress('l'), 7],
          [sampleAddress('k'), 9],
        ],
      );
      assert.is(noteIn(entries[1]?.bytes ?? new Uint8Array()), 'last words');
    });

    check('a version that is appended again is there once', async (bench) => {
      await append(bench, entryOf('k', 4), entryOf('k', 4), entryOf('l', 5), entryOf('k', 4));
      const entries = await read(bench, await (await bench.ports()).log.reader('all'), 2);
      assert.equal(revisionsIn(entries), [4, 5]);
    });

    check('gives at most what was asked for and says how many wait behind', async (bench) => {
      await append(bench, ...Array.from({ length: 10 }, (_, i) => entryOf(`k${i}`, i + 1)));
      const reader = await (await bench.ports()).log.reader('counted');
      const sizes: number[][] = [];
      for (const max of [3, 3, 4]) {
        const batch = await reader.next(max, 1_000);
        sizes.push([batch.entries.length, batch.pending]);
        await batch.ack();
      }
      assert.equal(sizes, [
        [3, 7],
        [3, 4],
        [4, 0],
      ]);
    });

    check(
      'what is acknowledged does not come again to the next of that name; another name gets everything',
      async (bench) => {
        await append(bench, entryOf('a', 1), entryOf('b', 2));
        const first = await (await bench.ports('a')).log.reader('durable');
        await read(bench, first, 2);
        await first.close();
        await append(bench, entryOf('c', 3));
        const second = await (await bench.ports('b')).log.reader('durable');
        assert.equal(revisionsIn(await read(bench, second, 1)), [3]);
        const other = await (await bench.ports('b')).log.reader('other');
        assert.equal(revisionsIn(await read(bench, other, 3)), [1, 2, 3]);
      },
    );

    check(
      'what is no record is put aside and does not stop the rest',
      async (bench) => {
        await append(bench, entryOf('a', 1));
        await bench.putUnreadable(Uint8Array.of(1, 2, 3));
        await append(bench, entryOf('b', 2));
        const reader = await (await bench.ports()).log.reader('all');
        const entries: Entry[] = [];
        const unreadable: EntryBatch<Entry>['unreadable'][number][] = [];
        await until(bench, async () => {
          const batch = await reader.next(10, 500);
          entries.push(...batch.entries);
          unreadable.push(...batch.unreadable);
          await batch.ack();
          assert.is(entries.length + unreadable.length, 3);
        });
        assert.equal(revisionsIn(entries), [1, 2]);
        assert.equal(
          unreadable.map((message) => [...message.bytes]),
          [[1, 2, 3]],
        );
        assert.ok((unreadable[0]?.reason ?? '').length > 0);
      },
      { limitMs: 20_000 },
    );
  });
