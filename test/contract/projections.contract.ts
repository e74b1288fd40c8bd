import { PROJECTION_READER_MS } from '@baton/protocols';
import { BatonError, type EntryBatch, type EntryReader, type Version } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { noteIn, sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { contract, pass, rejectionOf, until, type Bench, type WithBench } from './bench.ts';

type How = { readonly note?: string; readonly ttlMs?: number; readonly outcomeOf?: string };

const write = async (bench: Bench, key: string, expected: number, how: How = {}): Promise<number> => {
  const { note = '', ...options } = how;
  const { store } = await bench.ports('writer');
  const result = await store.write(sampleAddress(key), sampleBytes(key, note), expected, options);
  if (result.kind !== 'written') throw new Error(`not written: ${result.kind}`);
  return result.revision;
};

const writeMany = async (bench: Bench, count: number): Promise<readonly number[]> => {
  const revisions: number[] = [];
  for (let i = 0; i < count; i++) revisions.push(await write(bench, 'k', revisions.at(-1) ?? 0, { note: `note ${i}` }));
  return revisions;
};

const writeEach = async (bench: Bench, count: number, prefix = 'k'): Promise<readonly number[]> => {
  const revisions: number[] = [];
  for (let i = 0; i < count; i++) revisions.push(await write(bench, `${prefix}${i}`, 0));
  return revisions;
};

type Reader = EntryReader<Version>;

const open = async (bench: Bench, name: string, process?: string): Promise<Reader> =>
  (await bench.ports(process)).projections.reader(name);

/** Reads and acknowledges up to the version of that revision, which is awaited. */
const readTo = async (bench: Bench, reader: Reader, revision: number): Promise<readonly Version[]> => {
  const got: Version[] = [];
  await until(
    bench,
    async () => {
      const batch = await reader.next(500, 500);
      got.push(...batch.entries);
      await batch.ack();
      assert.ok(
        got.some((version) => version.revision === revision),
        `${revision} did not come`,
      );
    },
    PROJECTION_READER_MS * 3,
  );
  return got;
};

const revisionsOf = (versions: readonly Version[]): readonly number[] => versions.map(({ revision }) => revision);
const revisionsIn = (batch: EntryBatch<Version>): readonly number[] => revisionsOf(batch.entries);

const isEmpty = (batch: EntryBatch<Version>): boolean => batch.entries.length === 0 && batch.unreadable.length === 0;

/** What a projection is given of the bucket, and how far it is behind. */
export const projectionsContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: projections`, withBench, (check) => {
    check('has the newest of every record, in the order of the bucket, with address and revision', async (bench) => {
      const revisions = await writeMany(bench, 20);
      const other = await write(bench, 'other', 0);
      const got = await readTo(bench, await open(bench, 'all'), other);
      assert.equal(
        got.map(({ address, revision }) => [address, revision]),
        [
          [sampleAddress('k'), revisions.at(-1)],
          [sampleAddress('other'), other],
        ],
      );
      assert.is(noteIn(got[0]?.bytes ?? new Uint8Array()), 'note 19');
      assert.equal(
        got.map(({ isMark, outcomeOf }) => [isMark, outcomeOf]),
        [
          [false, undefined],
          [false, undefined],
        ],
      );
      const { clock } = await bench.ports();
      assert.ok(got.every(({ storedAt }) => Math.abs(storedAt - clock.now()) < 60_000));
    });

    check(
      'comes to the newest of many writes to one key in quick succession, in order and without doubles',
      async (bench) => {
        const reader = await open(bench, 'live');
        let isWriting = true;
        const writing = writeMany(bench, 1_500).finally(() => {
          isWriting = false;
        });
        const got: number[] = [];
        while (isWriting) {
          const batch = await reader.next(100, 100);
          got.push(...revisionsIn(batch));
          await batch.ack();
        }
        const revisions = await writing;
        const newest = revisions.at(-1) ?? 0;
        if (got.at(-1) !== newest) got.push(...revisionsOf(await readTo(bench, reader, newest)));
        const written = new Set(revisions);
        assert.ok(got.every((revision, i) => written.has(revision) && revision > (got[i - 1] ?? 0)));
        assert.is(got.at(-1), newest);
      },
      { limitMs: 60_000 },
    );

    check('tells a mark, and an outcome that is kept beside the record, for what they are', async (bench) => {
      const first = await write(bench, 'k', 0);
      const kept = await write(bench, 'k', 0, { outcomeOf: 'former', note: 'outcome' });
      const mark = await write(bench, 'l', 0, { ttlMs: 60_000 });
      const { store } = await bench.ports('writer');
      const again = await store.write(sampleAddress('k'), sampleBytes('k'), 0, { outcomeOf: 'former' });
      assert.is(again.kind, 'conflict');
      assert.is((await store.load(sampleAddress('k')))?.revision, first, 'the record is as it was');
      const got = await readTo(bench, await open(bench, 'all'), mark);
      assert.equal(
        got.map(({ revision, address, isMark, outcomeOf }) => [revision, address, isMark, outcomeOf]),
        [
          [first, sampleAddress('k'), false, undefined],
          [kept, sampleAddress('k'), false, 'former'],
          [mark, sampleAddress('l'), true, undefined],
        ],
      );
      const marked = await write(bench, 'k', kept, { outcomeOf: 'former', ttlMs: 60_000 });
      assert.ok(marked > mark);
    });

    check('gives at most what was asked for and says how many wait behind', async (bench) => {
      await writeEach(bench, 10);
      const reader = await open(bench, 'counted');
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
      'waits for the first version, and gives an empty batch when none comes',
      async (bench) => {
        const reader = await open(bench, 'patient');
        const startedAt = bench.clock.monotonic();
        const empty = await reader.next(10, 1_000);
        const waited = bench.clock.monotonic() - startedAt;
        assert.ok(isEmpty(empty));
        assert.ok(waited >= 900 && waited < 4_000, `waited ${waited} ms`);
        await empty.ack();
        const next = reader.next(10, 5_000);
        await write(bench, 'k', 0);
        assert.is((await next).entries.length, 1);
      },
      { limitMs: 20_000 },
    );

    check('one acknowledgement is that of all before it; the next of that name goes on behind it', async (bench) => {
      const revisions = await writeEach(bench, 6);
      const first = await open(bench, 'durable', 'a');
      const seen: number[] = [];
      let last: EntryBatch<Version> | undefined;
      await until(bench, async () => {
        const batch = await first.next(2, 500);
        if (batch.entries.length > 0) last = batch;
        seen.push(...revisionsIn(batch));
        assert.equal(seen, revisions);
      });
      await last?.ack();
      await first.close();
      const second = await open(bench, 'durable', 'b');
      const added = await write(bench, 'new', 0);
      assert.equal(revisionsOf(await readTo(bench, second, added)), [added]);
      const other = await open(bench, 'other', 'b');
      assert.equal(revisionsOf(await readTo(bench, other, added)), [...revisions, added], 'every name gets everything');
    });

    check(
      'what was given and is written over before it is acknowledged takes nothing with it',
      async (bench) => {
        const revisions = await writeEach(bench, 6);
        const a = await open(bench, 'over', 'a');
        const seen: number[] = [];
        await until(bench, async () => {
          seen.push(...revisionsIn(await a.next(10, 500)));
          assert.equal(seen, revisions);
        });
        // The server counts the old version as done with: it is not there any more. What was given before it is.
        const over = await write(bench, 'k4', revisions[4] ?? 0, { note: 'newer' });
        await pass(bench, 300);
        await a.close();
        const rest = await readTo(bench, await open(bench, 'over', 'b'), over);
        assert.equal(revisionsOf(rest), [...revisions.slice(0, 4), revisions[5], over]);
      },
      { limitMs: 40_000 },
    );

    check(
      'of two processes with one name one is served, and is succeeded when it leaves, from behind what it acknowledged',
      async (bench) => {
        const revisions = await writeEach(bench, 4);
        const [a, b] = [await open(bench, 'team', 'a'), await open(bench, 'team', 'b')];
        const first = await a.next(2, 1_000);
        await first.ack();
        const unacknowledged = await a.next(1, 1_000);
        assert.ok(isEmpty(await b.next(10, 1_000)));
        await a.close();
        const got = await readTo(bench, b, revisions.at(-1) ?? 0);
        assert.equal(revisionsOf([...first.entries, ...got]), revisions);
        assert.equal(revisionsIn(unacknowledged), [revisions[2]]);
      },
      { limitMs: 40_000 },
    );

    check(
      'one that falls silent is succeeded, and loses nothing by what it does later',
      async (bench) => {
        const revisions = await writeEach(bench, 6);
        const [a, b] = [await open(bench, 'team', 'a'), await open(bench, 'team', 'b')];
        const held = await a.next(3, 1_000);
        assert.equal(revisionsIn(held), revisions.slice(0, 3));
        // b is given everything that a has not acknowledged, and acknowledges less than a was given.
        const taken: Version[] = [];
        await until(
          bench,
          async () => {
            const batch = await b.next(2, 1_000);
            taken.push(...batch.entries);
            await batch.ack();
            assert.ok(taken.length > 0);
          },
          PROJECTION_READER_MS * 3,
        );
        assert.equal(revisionsOf(taken), revisions.slice(0, 2));
        // a has written what it holds, and says so; b goes on, and nothing is left out.
        await held.ack().catch(() => undefined);
        const added = await write(bench, 'new', 0);
        const rest = await readTo(bench, b, added);
        const known = new Set(revisionsOf([...taken, ...held.entries, ...rest]));
        assert.equal(
          [...known].toSorted((x, y) => x - y),
          [...revisions, added],
        );
        await until(
          bench,
          async () => {
            const progress = await (await bench.ports('b')).projections.progress('team');
            if (progress !== undefined && progress.behind > 0) await (await b.next(10, 500)).ack();
            assert.equal([progress?.floor, progress?.behind], [added, 0]);
          },
          20_000,
        );
      },
      { limitMs: 60_000 },
    );

    check(
      'one that was cut off goes on where it was acknowledged',
      async (bench) => {
        const before = await writeEach(bench, 3, 'before');
        const reader = await open(bench, 'cut', 'cut');
        await readTo(bench, reader, before.at(-1) ?? 0);
        const unacknowledged = await write(bench, 'lost', 0);
        const held = await until(bench, async () => {
          const batch = await reader.next(5, 500);
          assert.equal(revisionsIn(batch), [unacknowledged]);
          return batch;
        });
        await bench.cut('cut');
        assert.instance(await rejectionOf(held.ack()), BatonError);
        const [meanwhile = 0] = await writeEach(bench, 1, 'meanwhile');
        await bench.mend('cut');
        const got: number[] = [];
        await until(
          bench,
          async () => {
            const batch = await reader.next(5, 500);
            got.push(...revisionsIn(batch));
            await batch.ack();
            assert.equal(got, [unacknowledged, meanwhile]);
          },
          30_000,
        );
      },
      { limitMs: 60_000 },
    );

    check(
      'P5 says how far a projection is behind the bucket itself, and since when',
      async (bench) => {
        const { projections } = await bench.ports();
        assert.is(await projections.progress('measured'), undefined, 'nobody has ever read');
        const reader = await open(bench, 'measured');
        assert.equal(await projections.progress('measured'), { floor: 0, last: 0, behind: 0 });
        const revisions = await writeEach(bench, 3);
        const last = revisions.at(-1) ?? 0;
        const behind = await projections.progress('measured');
        assert.equal([behind?.floor, behind?.last, behind?.behind], [0, last, 3]);
        const { clock } = await bench.ports();
        assert.ok(Math.abs((behind?.oldestAt ?? 0) - clock.now()) < 60_000);
        const batch = await reader.next(2, 1_000);
        assert.is((await projections.progress('measured'))?.behind, 3, 'given is not projected');
        await batch.ack();
        assert.equal((await projections.progress('measured'))?.behind, 1);
        await readTo(bench, reader, last);
        assert.equal(await projections.progress('measured'), { floor: last, last, behind: 0 });
      },
      { limitMs: 20_000 },
    );

    check(
      'P5 what the bucket has forgotten before it was read is not waited for',
      async (bench) => {
        const { projections } = await bench.ports();
        await open(bench, 'late');
        const last = await write(bench, 'k', 0, { ttlMs: 1_000 });
        assert.is((await projections.progress('late'))?.behind, 1);
        await pass(bench, 1_500);
        await until(bench, async () => assert.equal(await projections.progress('late'), { floor: 0, last, behind: 0 }));
      },
      { limitMs: 20_000 },
    );

    check('a name that is forgotten begins anew', async (bench) => {
      const revisions = await writeEach(bench, 2);
      const reader = await open(bench, 'once');
      await readTo(bench, reader, revisions.at(-1) ?? 0);
      await reader.close({ forget: true });
      assert.is(await (await bench.ports()).projections.progress('once'), undefined);
      assert.equal(revisionsOf(await readTo(bench, await open(bench, 'once'), revisions.at(-1) ?? 0)), revisions);
    });
  });
