import type { Address } from '@baton/protocols';
import type { Entry, EventBatch, EventReader } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { noteIn, sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { contract, until, type Bench, type WithBench } from './bench.ts';

const write = async (bench: Bench, key: string, expected: number, note = ''): Promise<number> => {
  const { store } = await bench.ports('writer');
  const result = await store.write(sampleAddress(key), sampleBytes(key, note), expected);
  if (result.kind !== 'written') throw new Error(`not written: ${result.kind}`);
  return result.revision;
};

const writeMany = async (bench: Bench, count: number): Promise<readonly number[]> => {
  const revisions: number[] = [];
  for (let i = 0; i < count; i++) revisions.push(await write(bench, 'k', revisions.at(-1) ?? 0, `note ${i}`));
  return revisions;
};

/** One version of each of so many records: none is overwritten, so the log has to have every one. */
const writeEach = async (bench: Bench, count: number): Promise<readonly number[]> => {
  const revisions: number[] = [];
  for (let i = 0; i < count; i++) revisions.push(await write(bench, `k${i}`, 0));
  return revisions;
};

/** Reads and acknowledges until so many have come. */
const read = async (bench: Bench, reader: EventReader, count: number): Promise<readonly Entry[]> => {
  const entries: Entry[] = [];
  await until(
    bench,
    async () => {
      const batch = await reader.next(100, 500);
      entries.push(...batch.entries);
      await batch.ack();
      assert.ok(entries.length >= count, `${entries.length} of ${count} came`);
    },
    6_000,
  );
  return entries;
};

const revisionsIn = (entries: readonly Entry[], address: Address): readonly number[] =>
  entries.filter((entry) => entry.address === address).map((entry) => entry.revision);

const isEmpty = (batch: EventBatch): boolean => batch.entries.length === 0 && batch.unreadable.length === 0;

/** Entries up to the one of that revision, which is awaited. */
const readUntil = async (reader: EventReader, revision: number): Promise<readonly Entry[]> => {
  const entries: Entry[] = [];
  for (let tries = 0; tries < 40; tries++) {
    const batch = await reader.next(500, 500);
    entries.push(...batch.entries);
    await batch.ack();
    if (entries.some((entry) => entry.revision === revision)) return entries;
  }
  throw new Error(`revision ${revision} did not come; ${entries.length} others did`);
};

/**
 * The log may skip a version that was overwritten at once, and nothing else: each is one that was written, they rise, and
 * the last is the newest.
 */
const assertFollows = (got: readonly number[], written: readonly number[]): void => {
  const all = new Set(written);
  assert.ok(
    got.every((revision) => all.has(revision)),
    'a revision that was never written',
  );
  assert.ok(
    got.every((revision, i) => i === 0 || revision > (got[i - 1] ?? 0)),
    `not in order: ${got.join(' ')}`,
  );
  assert.is(got.at(-1), written.at(-1));
};

/** Everything that was ever written, for readers that are served until they have acknowledged it. */
export const eventLogContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: event log`, withBench, (check) => {
    check('has the newest of every record, in order per record, with address and revision', async (bench) => {
      const revisions = await writeMany(bench, 20);
      const other = await write(bench, 'other', 0, 'x');
      const reader = await (await bench.ports()).log.reader('all');
      const entries = await readUntil(reader, other);
      assertFollows(revisionsIn(entries, sampleAddress('k')), revisions);
      assert.equal(revisionsIn(entries, sampleAddress('other')), [other]);
      const last = entries.filter((entry) => entry.address === sampleAddress('k')).at(-1);
      assert.is(noteIn(last?.bytes ?? new Uint8Array()), 'note 19');
    });

    check(
      'comes to the newest of many writes to one key in quick succession',
      async (bench) => {
        const revisions = await writeMany(bench, 4_000);
        const reader = await (await bench.ports()).log.reader('all');
        const entries = await readUntil(reader, revisions.at(-1) ?? 0);
        assertFollows(revisionsIn(entries, sampleAddress('k')), revisions);
      },
      { limitMs: 60_000 },
    );

    check('has what is written while it is read', async (bench) => {
      const reader = await (await bench.ports()).log.reader('live');
      const [revisions, early] = await Promise.all([writeMany(bench, 20), reader.next(500, 5_000)]);
      await early.ack();
      const newest = revisions.at(-1) ?? 0;
      const all = early.entries.some((entry) => entry.revision === newest);
      const entries = all ? early.entries : [...early.entries, ...(await readUntil(reader, newest))];
      assertFollows(revisionsIn(entries, sampleAddress('k')), revisions);
    });

    check('has what was published to it directly, under the given address and revision', async (bench) => {
      const { log } = await bench.ports();
      const entry: Entry = {
        address: sampleAddress('gone'),
        revision: 4_711,
        bytes: sampleBytes('gone', 'last words'),
      };
      assert.is((await log.publish(entry)).kind, 'written');
      const [got] = await read(bench, await log.reader('all'), 1);
      assert.equal({ ...got, bytes: [] }, { ...entry, bytes: [] });
      assert.is(noteIn(got?.bytes ?? new Uint8Array()), 'last words');
    });

    check('gives at most what was asked for and says how many wait behind', async (bench) => {
      await writeEach(bench, 10);
      const { log } = await bench.ports();
      // A second reader has seen all ten, so all ten are in the log.
      await read(bench, await log.reader('witness'), 10);
      const reader = await log.reader('counted');
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
      'waits for the first message, and gives an empty batch when none comes',
      async (bench) => {
        const reader = await (await bench.ports()).log.reader('patient');
        const startedAt = bench.clock.monotonic();
        const empty = await reader.next(10, 1_000);
        const waited = bench.clock.monotonic() - startedAt;
        assert.ok(isEmpty(empty));
        assert.is(empty.pending, 0);
        assert.ok(waited >= 900 && waited < 4_000, `waited ${waited} ms`);
        await empty.ack();
        const next = reader.next(10, 5_000);
        const wroteAt = bench.clock.monotonic();
        await write(bench, 'k', 0);
        assert.is((await next).entries.length, 1);
        assert.ok(bench.clock.monotonic() - wroteAt < 2_000);
      },
      { limitMs: 20_000 },
    );

    check('what is acknowledged does not come again, not even to the next of that name', async (bench) => {
      await writeEach(bench, 5);
      const first = await (await bench.ports('a')).log.reader('durable');
      await read(bench, first, 5);
      await first.close();
      const second = await (await bench.ports('b')).log.reader('durable');
      assert.ok(isEmpty(await second.next(10, 1_000)));
      const added = await write(bench, 'new', 0);
      assert.equal(
        (await read(bench, second, 1)).map((entry) => entry.revision),
        [added],
      );
    });

    check('every name gets everything', async (bench) => {
      const revisions = await writeEach(bench, 5);
      const { log } = await bench.ports();
      for (const consumer of ['one', 'two']) {
        const entries = await read(bench, await log.reader(consumer), 5);
        assert.equal(
          entries.map((entry) => entry.revision),
          revisions,
          consumer,
        );
      }
    });

    check(
      'readers of one name in two processes share it: each message goes to one of them',
      async (bench) => {
        const [a, b] = [
          await (await bench.ports('a')).log.reader('team'),
          await (await bench.ports('b')).log.reader('team'),
        ];
        const revisions = await writeEach(bench, 30);
        const got: number[] = [];
        await until(
          bench,
          async () => {
            const batches = await Promise.all([a.next(4, 300), b.next(4, 300)]);
            for (const batch of batches) got.push(...batch.entries.map((entry) => entry.revision));
            await Promise.all(batches.map((batch) => batch.ack()));
            assert.ok(got.length >= 30, `${got.length} came`);
          },
          15_000,
        );
        assert.equal(
          got.toSorted((x, y) => x - y),
          revisions,
        );
      },
      { limitMs: 20_000 },
    );

    check(
      'what is not acknowledged comes again, to whoever reads then',
      async (bench) => {
        const revisions = await writeEach(bench, 4);
        const first = await (await bench.ports('a')).log.reader('careless');
        const seen: number[] = [];
        await until(bench, async () => {
          seen.push(...(await first.next(10, 500)).entries.map((entry) => entry.revision));
          assert.equal(seen, revisions);
        });
        await first.close();
        const second = await (await bench.ports('b')).log.reader('careless');
        const again: number[] = [];
        await until(
          bench,
          async () => {
            const batch = await second.next(10, 1_000);
            again.push(...batch.entries.map((entry) => entry.revision));
            await batch.ack();
            assert.equal(
              again.toSorted((x, y) => x - y),
              revisions,
            );
          },
          bench.eventAckWaitMs + 10_000,
        );
      },
      { limitMs: 60_000 },
    );

    check(
      'what is no record is put aside and does not stop the rest',
      async (bench) => {
        const { log } = await bench.ports();
        const before = await write(bench, 'a', 0);
        await bench.putUnreadable(Uint8Array.of(1, 2, 3));
        const after = await write(bench, 'b', 0);
        const reader = await log.reader('all');
        const entries: Entry[] = [];
        const unreadable: EventBatch['unreadable'][number][] = [];
        await until(bench, async () => {
          const batch = await reader.next(10, 500);
          entries.push(...batch.entries);
          unreadable.push(...batch.unreadable);
          await batch.ack();
          assert.is(entries.length + unreadable.length, 3);
        });
        assert.equal(
          entries.map((entry) => entry.revision).toSorted((x, y) => x - y),
          [before, after],
        );
        assert.equal(
          unreadable.map((message) => [...message.bytes]),
          [[1, 2, 3]],
        );
        assert.ok((unreadable[0]?.reason ?? '').length > 0);
        assert.ok(isEmpty(await reader.next(10, 1_000)));
      },
      { limitMs: 20_000 },
    );
  });
