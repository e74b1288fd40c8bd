import { allPartitions, partitionOfAddress, type Address } from '@baton/protocols';
import type { Entry, FeedListener, FeedReading, RecordFeed } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { contract, pass, until, type Bench, type WithBench } from './bench.ts';

type Reading = {
  readonly entries: Entry[];
  readonly outcomes: Entry[];
  caughtUp: number;
  /** Number of entries when it was caught up. */
  atCaughtUp: number;
  lost: number;
  subscription: FeedReading;
};

const follow = async (feed: RecordFeed, partitions: readonly string[], withOutcomes = false): Promise<Reading> => {
  const reading: Reading = {
    entries: [],
    outcomes: [],
    caughtUp: 0,
    atCaughtUp: 0,
    lost: 0,
    subscription: { close: () => undefined, sync: async () => false },
  };
  const listener: FeedListener = {
    entry: (entry) => reading.entries.push(entry),
    ...(withOutcomes ? { outcome: (entry: Entry) => reading.outcomes.push(entry) } : {}),
    caughtUp: () => {
      reading.caughtUp++;
      reading.atCaughtUp = reading.entries.length;
    },
    lost: () => reading.lost++,
  };
  reading.subscription = await feed.follow(partitions, listener);
  return reading;
};

/** Revisions of one actor as they were given. */
const revisionsOf = (reading: Reading, address: Address): readonly number[] =>
  reading.entries.filter((entry) => entry.address === address).map((entry) => entry.revision);

const assertNeverBackwards = (reading: Reading): void => {
  const last = new Map<Address, number>();
  for (const { address, revision } of reading.entries) {
    assert.ok(revision >= (last.get(address) ?? 0), `${address}: ${revision} after ${last.get(address)}`);
    last.set(address, revision);
  }
};

const write = async (bench: Bench, address: Address, expected: number, ttlMs?: number): Promise<number> => {
  const { store } = await bench.ports('writer');
  const result = await store.write(
    address,
    sampleBytes('k', String(expected)),
    expected,
    ttlMs === undefined ? {} : { ttlMs },
  );
  if (result.kind !== 'written') throw new Error(`not written: ${result.kind}`);
  return result.revision;
};

/** Keys of one partition, so that one reader sees them all. */
const keysIn = (partition: string, count: number): readonly Address[] => {
  const found: Address[] = [];
  for (let i = 0; found.length < count; i++) {
    const address = sampleAddress(`key-${i}`);
    if (partitionOfAddress(address) === partition) found.push(address);
  }
  return found;
};

const [A, B, C] = keysIn('01', 3) as readonly [Address, Address, Address];
const [OTHER] = keysIn('02', 1) as readonly [Address];

/** What stands in some partitions, then every change of it. */
export const recordFeedContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: record feed`, withBench, (check) => {
    check('is caught up at once where there is nothing', async (bench) => {
      const reading = await follow((await bench.ports()).feed, ['01', '02']);
      await until(bench, () => assert.is(reading.caughtUp, 1));
      assert.equal(reading.entries, []);
    });

    check('gives the latest of every actor, says so, then every change', async (bench) => {
      const first = await write(bench, A, 0);
      const second = await write(bench, A, first);
      const b = await write(bench, B, 0);
      const reading = await follow((await bench.ports()).feed, ['01']);
      await until(bench, () => assert.is(reading.caughtUp, 1));
      assert.equal([revisionsOf(reading, A), revisionsOf(reading, B)], [[second], [b]]);
      assert.is(reading.atCaughtUp, 2);
      const third = await write(bench, A, second);
      const c = await write(bench, C, 0);
      await until(bench, () =>
        assert.equal([revisionsOf(reading, A), revisionsOf(reading, C)], [[second, third], [c]]),
      );
      assert.is(reading.caughtUp, 1);
      assert.equal(Buffer.from(reading.entries.at(-1)?.bytes ?? []), Buffer.from(sampleBytes('k', '0')));
    });

    check('gives an outcome that is kept beside its record to who asks for it, and to nobody else', async (bench) => {
      const { store, feed } = await bench.ports();
      const first = await write(bench, A, 0);
      const keep = async (outcomeOf: string): Promise<number> => {
        const kept = await store.write(A, sampleBytes('k'), 0, { outcomeOf });
        if (kept.kind !== 'written') throw new Error(`not written: ${kept.kind}`);
        return kept.revision;
      };
      await keep('one');
      const asks = await follow(feed, allPartitions(), true);
      const readings = [await follow(feed, ['01']), await follow(feed, allPartitions()), asks];
      await until(bench, () => assert.ok(readings.every(({ caughtUp }) => caughtUp === 1)));
      const kept = await keep('two');
      const second = await write(bench, A, first);
      for (const reading of readings) {
        await until(bench, () => assert.equal(revisionsOf(reading, A), [first, second]));
      }
      await until(bench, () => {
        const last = asks.outcomes.at(-1);
        assert.equal([last?.address, last?.revision], [A, kept], 'before what takes its place');
      });
      assert.equal(
        readings.slice(0, 2).flatMap(({ outcomes }) => outcomes),
        [],
      );
    });

    check('gives only the partitions that were asked for', async (bench) => {
      await write(bench, A, 0);
      await write(bench, OTHER, 0);
      const { feed } = await bench.ports();
      const [one, both] = [await follow(feed, ['01']), await follow(feed, ['01', '02'])];
      await until(bench, () => assert.equal([one.caughtUp, both.caughtUp], [1, 1]));
      assert.equal([one.entries.length, both.entries.length], [1, 2]);
      await write(bench, OTHER, (await (await bench.ports()).store.load(OTHER))?.revision ?? 0);
      await until(bench, () => assert.is(both.entries.length, 3));
      assert.is(one.entries.length, 1);
    });

    check(
      'misses nothing that is written while it catches up, and never goes back',
      async (bench) => {
        const keys = keysIn('01', 30);
        const heads = new Map<Address, number>();
        for (const address of keys) heads.set(address, await write(bench, address, 0));
        let writing = true;
        const writer = (async () => {
          while (writing) {
            await Promise.all(keys.map(async (key) => heads.set(key, await write(bench, key, heads.get(key) ?? 0))));
            await pass(bench, 1);
          }
        })();
        const { feed } = await bench.ports();
        const readings: Reading[] = [];
        for (let i = 0; i < 5; i++) readings.push(await follow(feed, ['01']));
        await until(bench, () => assert.ok(readings.every((reading) => reading.caughtUp === 1)));
        writing = false;
        await writer;
        for (const reading of readings) {
          await until(bench, () => {
            for (const [address, revision] of heads) assert.is(revisionsOf(reading, address).at(-1), revision);
          });
          assertNeverBackwards(reading);
          assert.is(reading.caughtUp, 1);
          assert.is(reading.lost, 0);
        }
      },
      { limitMs: 20_000 },
    );

    check('after it is caught up, changes come in order, and the newest always comes', async (bench) => {
      const reading = await follow((await bench.ports()).feed, ['01']);
      await until(bench, () => assert.is(reading.caughtUp, 1));
      const revisions: number[] = [];
      for (let i = 0; i < 40; i++) revisions.push(await write(bench, A, revisions.at(-1) ?? 0));
      await until(bench, () => assert.is(revisionsOf(reading, A).at(-1), revisions.at(-1)));
      // One that is overwritten at once may be gone before it is sent.
      assert.ok(revisionsOf(reading, A).every((revision) => revisions.includes(revision)));
      assertNeverBackwards(reading);
    });

    check('does not give what has been forgotten', async (bench) => {
      await write(bench, A, 0, 1_000);
      await write(bench, B, 0);
      await until(bench, async () => assert.is(await (await bench.ports()).store.load(A), undefined));
      const reading = await follow((await bench.ports()).feed, ['01']);
      await until(bench, () => assert.is(reading.caughtUp, 1));
      assert.equal(
        reading.entries.map((entry) => entry.address),
        [B],
      );
    });

    check('is in sync when all that was stored before has been given, whatever is written meanwhile', async (bench) => {
      const still = [A, OTHER];
      const hot = keysIn('01', 11).filter((key) => !still.includes(key));
      const heads = new Map<Address, number>();
      const put = async (key: Address): Promise<unknown> =>
        heads.set(key, await write(bench, key, heads.get(key) ?? 0));
      const { feed } = await bench.ports('reader');
      const some = await follow(feed, ['01', '02']);
      const all = await follow(feed, allPartitions());
      await until(bench, () => assert.equal([some.caughtUp, all.caughtUp], [1, 1]));
      let writing = true;
      const writer = (async () => {
        while (writing) {
          await Promise.all(hot.map(put));
          await pass(bench, 1);
        }
      })();
      await until(bench, () => assert.ok(heads.size === hot.length));
      for (let i = 0; i < 10; i++) {
        await Promise.all(still.map(put));
        const isInSync = async (reading: Reading): Promise<void> => {
          assert.ok(await reading.subscription.sync());
          for (const key of still) assert.is(revisionsOf(reading, key).at(-1), heads.get(key), `${key} ${i}`);
        };
        // Of two who ask, one may come while the reader is busy for the other.
        await Promise.all([isInSync(some), isInSync(all), isInSync(some)]);
      }
      writing = false;
      await writer;
      assert.ok(await some.subscription.sync());
      for (const [key, revision] of heads) assert.is(revisionsOf(some, key).at(-1), revision);
      assertNeverBackwards(some);
      assertNeverBackwards(all);
      some.subscription.close();
      assert.is(await some.subscription.sync(), false);
      await bench.cut('reader');
      assert.is(await all.subscription.sync(), false);
    });

    check('gives nothing after close', async (bench) => {
      const reading = await follow((await bench.ports()).feed, ['01']);
      const witness = await follow((await bench.ports()).feed, ['01']);
      await until(bench, () => assert.is(reading.caughtUp, 1));
      reading.subscription.close();
      await write(bench, A, 0);
      await until(bench, () => assert.is(witness.entries.length, 1));
      await pass(bench, 100);
      assert.equal([reading.entries.length, reading.lost], [0, 0]);
    });

    check(
      'after a cut it goes on without a gap, or says once that it has ended',
      async (bench) => {
        const { feed, link } = await bench.ports('reader');
        let head = await write(bench, A, 0);
        const reading = await follow(feed, ['01']);
        await until(bench, () => assert.is(reading.caughtUp, 1));
        await bench.cut('reader');
        await until(bench, () => assert.is(link.connected, false));
        head = await write(bench, A, head);
        const b = await write(bench, B, 0);
        await bench.mend('reader');
        await until(bench, () => assert.ok(link.connected), 10_000);
        await until(
          bench,
          () => {
            if (reading.lost > 0) return;
            assert.is(revisionsOf(reading, A).at(-1), head);
            assert.is(revisionsOf(reading, B).at(-1), b);
          },
          30_000,
        );
        assertNeverBackwards(reading);
        const again = await follow(feed, ['01']);
        await until(bench, () => assert.is(again.caughtUp, 1));
        assert.equal([revisionsOf(again, A), revisionsOf(again, B)], [[head], [b]]);
        const given = reading.entries.length;
        head = await write(bench, A, head);
        await until(bench, () => assert.is(revisionsOf(again, A).at(-1), head));
        if (reading.lost > 0) assert.is(reading.entries.length, given);
        else await until(bench, () => assert.is(revisionsOf(reading, A).at(-1), head));
        assert.ok(reading.lost <= 1);
      },
      { limitMs: 60_000 },
    );
  });
