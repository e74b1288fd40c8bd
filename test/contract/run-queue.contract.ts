import type { Lane } from '@baton/protocols';
import type { Dispatch, Entry, RunReader } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { noteIn, sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { contract, pass, until, type Bench, type WithBench } from './bench.ts';

const lane = (over: Partial<Lane> = {}): Lane => ({ queue: 'default', priority: 'normal', type: 'job', ...over });

type Reading = { readonly given: Dispatch[]; readonly notes: () => readonly string[]; readonly reader: RunReader };

const open = async (
  bench: Bench,
  process: string,
  lanes: readonly Lane[],
  free: number,
  settle: 'ack' | 'keep' = 'ack',
): Promise<Reading> => {
  const given: Dispatch[] = [];
  const { queue } = await bench.ports(process);
  const reader = await queue.open(lanes, (dispatch) => {
    given.push(dispatch);
    if (settle === 'ack') dispatch.ack();
  });
  reader.setFree(free);
  return { given, notes: () => given.map((dispatch) => noteIn(dispatch.bytes)), reader };
};

let revisions = 0;

const put = async (bench: Bench, key: string, where: Lane = lane(), note = key): Promise<Entry> => {
  const { queue } = await bench.ports('producer');
  const entry: Entry = {
    address: sampleAddress(key, where.type),
    revision: ++revisions,
    bytes: sampleBytes(key, note),
  };
  const result = await queue.put(where, entry);
  assert.is(result.kind, 'written', JSON.stringify(result));
  return entry;
};

const keys = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(2, '0')}`);

/** Long enough for what must not come to have come. */
const QUIET_MS = 400;

/** Who may run what: a hint, handed to one at a time. */
export const runQueueContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: run queue`, withBench, (check) => {
    check('gives what was put, with address, revision, record and lane', async (bench) => {
      const where = lane({ queue: 'mail.fast', type: 'send.mail', priority: 'high' });
      const entry = await put(bench, 'k', where);
      const { given } = await open(bench, 'w', [where], 1);
      await until(bench, () => assert.is(given.length, 1));
      const [dispatch] = given;
      assert.equal([dispatch?.address, dispatch?.revision, dispatch?.lane], [entry.address, entry.revision, where]);
      assert.equal(Buffer.from(dispatch?.bytes ?? []), Buffer.from(entry.bytes));
    });

    check('gives what is put while it is open, soon', async (bench) => {
      const { given } = await open(bench, 'w', [lane()], 10);
      await pass(bench, 100);
      const startedAt = bench.clock.monotonic();
      await put(bench, 'k');
      await until(bench, () => assert.is(given.length, 1));
      assert.ok(bench.clock.monotonic() - startedAt < 500);
    });

    check('is first in, first out inside a lane', async (bench) => {
      const names = keys('k', 30);
      for (const key of names) await put(bench, key);
      const { notes } = await open(bench, 'w', [lane()], 30);
      await until(bench, () => assert.equal(notes(), names));
    });

    check('gives each task to one of several readers', async (bench) => {
      const [a, b] = [await open(bench, 'a', [lane()], 100), await open(bench, 'b', [lane()], 100)];
      const names = keys('k', 60);
      await Promise.all(names.map((key) => put(bench, key)));
      await until(bench, () => assert.equal([...a.notes(), ...b.notes()].toSorted(), names));
      await pass(bench, QUIET_MS);
      assert.is(a.given.length + b.given.length, 60);
    });

    check('one message a task: a second one takes the place of the one that waits', async (bench) => {
      await put(bench, 'k', lane(), 'old');
      await put(bench, 'other', lane(), 'other');
      await put(bench, 'k', lane(), 'new');
      const { notes } = await open(bench, 'w', [lane()], 10);
      await until(bench, () => assert.equal(notes(), ['other', 'new']));
      await pass(bench, QUIET_MS);
      assert.is(notes().length, 2);
    });

    check(
      'a second message for a task that is out is given too, and an answer to the first does not take it away',
      async (bench) => {
        await put(bench, 'k', lane(), 'old');
        const { given, notes, reader } = await open(bench, 'w', [lane()], 1, 'keep');
        await until(bench, () => assert.equal(notes(), ['old']));
        await put(bench, 'k', lane(), 'new');
        given[0]?.ack();
        await pass(bench, QUIET_MS);
        reader.setFree(1);
        await until(bench, () => assert.equal(notes(), ['old', 'new']));
      },
    );

    check('gives no more than there are free slots, and goes on when there are more', async (bench) => {
      await Promise.all(keys('k', 10).map((key) => put(bench, key)));
      const { given, reader } = await open(bench, 'w', [lane()], 0);
      await pass(bench, QUIET_MS);
      assert.is(given.length, 0);
      let expected = 0;
      for (const free of [1, 3, 2]) {
        expected += free;
        reader.setFree(free);
        await until(bench, () => assert.is(given.length, expected));
        await pass(bench, QUIET_MS);
        assert.is(given.length, expected, `after setFree(${free})`);
      }
    });

    check('the number of free slots stands until it is used up: it is no count of requests', async (bench) => {
      const { given, reader } = await open(bench, 'w', [lane()], 2);
      for (let i = 0; i < 10; i++) reader.setFree(2);
      await Promise.all(keys('k', 6).map((key) => put(bench, key)));
      await until(bench, () => assert.is(given.length, 2));
      await pass(bench, QUIET_MS);
      assert.is(given.length, 2);
    });

    check('slots that are taken back are not used', async (bench) => {
      const { given, reader } = await open(bench, 'w', [lane()], 5);
      await pass(bench, 100);
      reader.setFree(0);
      await pass(bench, 100);
      const other = await open(bench, 'other', [lane()], 5);
      await put(bench, 'k');
      await until(bench, () => assert.is(other.given.length, 1));
      assert.is(given.length, 0);
    });

    check('what is handed back is given to others, soon, and first', async (bench) => {
      const a = await open(bench, 'a', [lane()], 1, 'keep');
      await put(bench, 'k1');
      await until(bench, () => assert.is(a.given.length, 1));
      await put(bench, 'k2');
      const handedAt = bench.clock.monotonic();
      a.given[0]?.handBack();
      await pass(bench, 100);
      const b = await open(bench, 'b', [lane()], 10);
      await until(bench, () => assert.equal(b.notes(), ['k1', 'k2']));
      assert.ok(bench.clock.monotonic() - handedAt < 3_000);
      assert.is(a.given.length, 1);
    });

    check('what is acknowledged is gone, also for the next reader', async (bench) => {
      await put(bench, 'k');
      const { given, reader } = await open(bench, 'a', [lane()], 1);
      await until(bench, () => assert.is(given.length, 1));
      const { queue } = await bench.ports();
      await until(bench, async () => assert.is(await queue.oldestAt(lane()), undefined));
      await reader.close();
      const next = await open(bench, 'b', [lane()], 10);
      await pass(bench, QUIET_MS);
      assert.is(next.given.length, 0);
    });

    check(
      'what is neither acknowledged nor handed back comes again in time',
      async (bench) => {
        const a = await open(bench, 'a', [lane()], 1, 'keep');
        await put(bench, 'k');
        await until(bench, () => assert.is(a.given.length, 1));
        await bench.cut('a');
        const b = await open(bench, 'b', [lane()], 10);
        await until(bench, () => assert.equal(b.notes(), ['k']), bench.runAckWaitMs + 10_000);
      },
      { limitMs: 60_000 },
    );

    check('a closed reader gives nothing, and others get all it did not take', async (bench) => {
      await Promise.all(keys('k', 6).map((key) => put(bench, key)));
      const a = await open(bench, 'a', [lane()], 2);
      await until(bench, () => assert.is(a.given.length, 2));
      a.reader.setFree(1);
      await a.reader.close();
      const taken = a.given.length;
      const startedAt = bench.clock.monotonic();
      const b = await open(bench, 'b', [lane()], 10);
      await until(bench, () => assert.is(taken + b.given.length, 6));
      assert.ok(bench.clock.monotonic() - startedAt < 3_000);
      await put(bench, 'late');
      await until(bench, () => assert.ok(b.notes().includes('late')));
      assert.is(a.given.length, taken);
    });

    check('gives only the lanes that were asked for', async (bench) => {
      await put(bench, 'a', lane({ type: 'other' }));
      await put(bench, 'b', lane({ queue: 'other' }));
      await put(bench, 'c', lane({ priority: 'low' }));
      await put(bench, 'd');
      const { notes } = await open(bench, 'w', [lane()], 10);
      await until(bench, () => assert.equal(notes(), ['d']));
      await pass(bench, QUIET_MS);
      assert.is(notes().length, 1);
    });

    check('two readers with overlapping lanes both work', async (bench) => {
      const a = await open(bench, 'a', [lane(), lane({ type: 'only-a' })], 50);
      const b = await open(bench, 'b', [lane(), lane({ type: 'only-b' })], 50);
      await put(bench, 'x', lane({ type: 'only-a' }));
      await put(bench, 'y', lane({ type: 'only-b' }));
      await until(bench, () => {
        assert.equal(a.notes(), ['x']);
        assert.equal(b.notes(), ['y']);
      });
    });

    check('higher priorities go first', async (bench) => {
      const lanes = (['low', 'normal', 'high'] as const).map((priority) => lane({ priority }));
      for (const where of lanes) for (const key of keys(where.priority, 3)) await put(bench, key, where);
      const { given, notes, reader } = await open(bench, 'w', lanes, 0);
      for (let i = 1; i <= 9; i++) {
        reader.setFree(1);
        await until(bench, () => assert.is(given.length, i));
      }
      assert.equal(notes(), [...keys('high', 3), ...keys('normal', 3), ...keys('low', 3)]);
    });

    check(
      'lower priorities are not starved: one start in twenty is theirs',
      async (bench) => {
        const lanes = (['high', 'low'] as const).map((priority) => lane({ priority }));
        const [high, low] = lanes as [Lane, Lane];
        await Promise.all(keys('h', 90).map((key) => put(bench, key, high)));
        await Promise.all(keys('l', 5).map((key) => put(bench, key, low)));
        const { given, notes, reader } = await open(bench, 'w', lanes, 0);
        for (let i = 1; i <= 80; i++) {
          reader.setFree(1);
          await until(bench, () => assert.is(given.length, i));
        }
        for (let from = 0; from + 20 <= 80; from += 20) {
          const starts = notes().slice(from, from + 20);
          assert.ok(
            starts.some((note) => note.startsWith('l')),
            `none of the starts ${from} to ${from + 19} was low`,
          );
        }
        assert.ok(notes().filter((note) => note.startsWith('l')).length <= 5);
        assert.ok(notes().filter((note) => note.startsWith('h')).length >= 75);
      },
      { limitMs: 30_000 },
    );

    check(
      'queues are served in turn, however long one of them is',
      async (bench) => {
        const lanes = ['long', 'short'].map((queue) => lane({ queue }));
        const [long, short] = lanes as [Lane, Lane];
        await Promise.all(keys('long', 40).map((key) => put(bench, key, long)));
        await Promise.all(keys('short', 5).map((key) => put(bench, key, short)));
        const { given, notes, reader } = await open(bench, 'w', lanes, 0);
        for (let i = 1; i <= 12; i++) {
          reader.setFree(1);
          await until(bench, () => assert.is(given.length, i));
        }
        const shorts = notes().filter((note) => note.startsWith('short')).length;
        assert.ok(shorts >= 4, `${shorts} of 12 starts were from the short queue: ${notes().join(' ')}`);
      },
      { limitMs: 20_000 },
    );

    check('tells since when the oldest message of a lane waits, also when it is out', async (bench) => {
      const { queue } = await bench.ports();
      assert.is(await queue.oldestAt(lane()), undefined);
      const before = bench.clock.now();
      await put(bench, 'a');
      const oldest = (await queue.oldestAt(lane())) ?? 0;
      assert.ok(oldest >= before - 1_000 && oldest <= bench.clock.now() + 1_000, `${oldest} is not about ${before}`);
      await pass(bench, 50);
      await put(bench, 'b');
      await put(bench, 'c', lane({ priority: 'high' }));
      assert.is(await queue.oldestAt(lane()), oldest);
      assert.ok(((await queue.oldestAt(lane({ priority: 'high' }))) ?? 0) > oldest);
      const { given } = await open(bench, 'w', [lane()], 2, 'keep');
      await until(bench, () => assert.is(given.length, 2));
      assert.is(await queue.oldestAt(lane()), oldest);
      given[0]?.ack();
      await until(bench, async () => assert.ok(((await queue.oldestAt(lane())) ?? 0) > oldest));
      given[1]?.ack();
      await until(bench, async () => assert.is(await queue.oldestAt(lane()), undefined));
    });

    check(
      'goes on after a cut',
      async (bench) => {
        const { link } = await bench.ports('w');
        const { given } = await open(bench, 'w', [lane()], 10);
        await put(bench, 'before');
        await until(bench, () => assert.is(given.length, 1));
        await bench.cut('w');
        await until(bench, () => assert.is(link.connected, false));
        await put(bench, 'meanwhile');
        await bench.mend('w');
        await until(bench, () => assert.ok(given.length >= 2), 20_000);
        await put(bench, 'after');
        await until(bench, () => assert.ok(given.some((dispatch) => noteIn(dispatch.bytes) === 'after')), 10_000);
      },
      { limitMs: 45_000 },
    );
  });
