import type { QueueSettings } from '@baton/core';
import { encode } from '@baton/protocols';
import { changeSettings, createSettingsKernel, loadSettings, type Ports, type SettingsWish } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { contract, rejectionOf, until, type Bench, type WithBench } from './bench.ts';

const ADMIN = { user: 'root', admin: true };
const QUEUE = 'reports.daily';

const partsOf = (ports: Ports) => ({ kernel: createSettingsKernel({ ...ports, store: ports.queues.store }), ports });

const change = (ports: Ports, wish: SettingsWish): Promise<QueueSettings> =>
  changeSettings(partsOf(ports), ADMIN, wish);

const limit = (ports: Ports, queue: string, concurrency: number): Promise<QueueSettings> =>
  change(ports, { kind: 'limit', queue, limit: { of: 'queue', concurrency } });

/** What a process knows by its watch: of each queue how many may run at once. */
const watching = async (bench: Bench, process: string) => {
  const known = new Map<string, number | undefined | 'unreadable'>();
  const state = { isCaughtUp: false, lost: 0 };
  const ports = await bench.ports(process);
  const watch = await ports.queues.follow({
    kept: ({ queue, limits }) => void known.set(queue, limits[0]?.concurrency),
    gone: (queue) => void known.delete(queue),
    unreadable: (queue) => void known.set(queue, 'unreadable'),
    caughtUp: () => void (state.isCaughtUp = true),
    lost: () => void state.lost++,
  });
  return { known, state, close: () => watch.close() };
};

/** Q5 to Q8: what is set for queues is kept by queue, changed by compare-and-set, and every change reaches who watches. */
export const queueSettingsContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: queue settings`, withBench, (check) => {
    check('Q5 Q6 Q7 Q8 gives back all that was set, to everybody', async (bench) => {
      const ports = await bench.ports();
      assert.equal((await loadSettings(partsOf(ports), QUEUE)).changes, []);
      await change(ports, { kind: 'pause', queue: QUEUE, part: { group: 'é' }, why: 'unpaid' });
      const rate = { units: 10, windowMs: 60_000 };
      await change(ports, { kind: 'limit', queue: QUEUE, limit: { of: 'type', name: 'mail', rate }, why: 'slow' });
      const made = await change(ports, { kind: 'weigh', queue: QUEUE, group: 'a', weight: 3 });
      const read = await loadSettings(partsOf(await bench.ports('another')), QUEUE);
      assert.equal(read, made);
      const { pauses, limits, weights, changes } = read;
      assert.equal([pauses[0]?.group, pauses[0]?.why], ['é', 'unpaid']);
      const who = { by: 'user:root', at: limits[0]?.at ?? 0, why: 'slow' };
      assert.equal(limits, [{ of: 'type', name: 'mail', rate, ...who }]);
      assert.equal([weights[0]?.weight, changes.length], [3, 3]);
    });

    check('Q8 what is given as undefined is not given, and can be read again', async (bench) => {
      const ports = await bench.ports();
      const none: unknown = { type: undefined, group: undefined };
      await change(ports, { kind: 'pause', queue: QUEUE, part: none as object });
      const given: unknown = { of: 'queue', name: undefined, concurrency: 2, rate: undefined };
      await change(ports, { kind: 'limit', queue: QUEUE, limit: given as { of: 'queue' } });
      const { pauses, limits } = await loadSettings(partsOf(await bench.ports('another')), QUEUE);
      assert.equal([pauses.length, limits[0]?.concurrency], [1, 2]);
    });

    check('Q5 of two that change it at once neither is lost', async (bench) => {
      const all = await Promise.all(
        Array.from({ length: 6 }, async (_, i) =>
          change(await bench.ports(`door ${i}`), { kind: 'weigh', queue: QUEUE, group: `g${i}`, weight: 2 }),
        ),
      );
      assert.is(all.length, 6);
      assert.is((await loadSettings(partsOf(await bench.ports()), QUEUE)).weights.length, 6);
    });

    check('Q8 whoever watches has all that is there, then every change, until it is lost', async (bench) => {
      const writer = await bench.ports('writer');
      for (let i = 0; i < 25; i++) await limit(writer, `q.${i}`, 1);
      const { known, state, close } = await watching(bench, 'supervisor');
      await until(bench, () => assert.ok(state.isCaughtUp));
      assert.is(known.size, 25);
      await limit(writer, 'q.3', 7);
      await limit(writer, 'later', 2);
      await until(bench, () => assert.equal([known.get('q.3'), known.get('later'), known.get('q.4')], [7, 2, 1]));
      await bench.cut('supervisor');
      await until(bench, () => assert.is(state.lost, 1));
      await limit(writer, 'q.3', 8);
      await bench.mend('supervisor');
      const again = await until(bench, () => watching(bench, 'supervisor'));
      await until(bench, () => assert.equal([again.state.isCaughtUp, again.known.get('q.3')], [true, 8]));
      assert.equal([known.get('q.3'), state.lost], [7, 1]);
      close();
      again.close();
      await limit(writer, 'q.3', 9);
      assert.is(again.known.get('q.3'), 8);
    });

    check('Q8 what cannot be read is told as that, and is not written over', async (bench) => {
      const ports = await bench.ports();
      const { store } = ports.queues;
      const place = QUEUE as Parameters<typeof store.load>[0];
      const { known, close } = await watching(bench, 'supervisor');
      await store.write(place, encode({ v: 99, queue: QUEUE }), 0);
      await until(bench, () => assert.is(known.get(QUEUE), 'unreadable'));
      const refused = await rejectionOf(limit(ports, QUEUE, 1));
      assert.is((refused as { code?: string }).code, 'RECORD_NEWER');
      close();
    });
  });
