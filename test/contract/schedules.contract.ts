import { readSchedule, scheduleAddressOf } from '@baton/protocols';
import { ScheduleClient, silentLog, type Ports } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { contract, until, type Bench, type WithBench } from './bench.ts';

const ALICE = { user: 'alice', admin: false };

const clientOf = (ports: Ports): ScheduleClient =>
  new ScheduleClient({ ports, catalogue: { of: () => undefined }, log: silentLog });

const set = (ports: Ports, name: string, every = 60_000) =>
  clientOf(ports).set(ALICE, name, { type: 'report', every, args: [1, 'é'] });

/** What a process knows by its watch: names, and the interval of each. */
const watching = async (bench: Bench, process: string) => {
  const known = new Map<string, number | 'removed' | undefined>();
  const state = { isCaughtUp: false };
  const ports = await bench.ports(process);
  const watch = await ports.schedules.follow({
    entry: ({ address, bytes }) => {
      const reading = readSchedule(bytes);
      assert.is(reading.kind, 'schedule');
      if (reading.kind !== 'schedule') return;
      const { name, removed, spec } = reading.record;
      assert.is(address, scheduleAddressOf(name));
      known.set(name, removed ? 'removed' : spec.everyMs);
    },
    caughtUp: () => void (state.isCaughtUp = true),
    lost: () => undefined,
  });
  return { known, state, close: () => watch.close() };
};

/** H: schedules are kept by name, changed by compare-and-set, and every change reaches who watches. */
export const schedulesContract = (name: string, withBench: WithBench): void =>
  contract(`${name}: schedules`, withBench, (check) => {
    check('H2 gives back what was written, and of two who decide on the same one writes', async (bench) => {
      const ports = await bench.ports();
      const { store } = ports.schedules;
      const address = scheduleAddressOf('nightly.report');
      assert.is(await store.load(address), undefined);
      const { record } = await set(ports, 'nightly.report');
      const entry = await store.load(address);
      const reading = readSchedule(entry?.bytes ?? new Uint8Array());
      assert.equal(reading, { kind: 'schedule', record });
      const bytes = entry?.bytes ?? new Uint8Array();
      assert.is((await store.write(address, bytes, 0)).kind, 'conflict');
      assert.is((await store.write(address, bytes, entry?.revision ?? 0)).kind, 'written');
      assert.is((await store.write(address, bytes, entry?.revision ?? 0)).kind, 'conflict');
      const client = clientOf(ports);
      assert.equal(
        (await client.list(ALICE)).map((one) => one.name),
        ['nightly.report'],
      );
      assert.equal(await client.list({ user: 'bob', admin: false }), []);
    });

    check('H2 whoever watches has all that is there, then every change', async (bench) => {
      const writer = await bench.ports('writer');
      for (let i = 0; i < 25; i++) await set(writer, `s.${i}`);
      const { known, state, close } = await watching(bench, 'supervisor');
      await until(bench, () => assert.ok(state.isCaughtUp));
      assert.is(known.size, 25);
      await set(writer, 's.3', 90_000);
      await set(writer, 'later');
      await clientOf(writer).remove(ALICE, 's.4');
      await until(bench, () => {
        assert.equal([known.get('s.3'), known.get('later'), known.get('s.4')], [90_000, 60_000, 'removed']);
      });
      close();
      await set(writer, 'after');
      await set(writer, 'after', 90_000);
      assert.is(known.get('after'), undefined);
    });
  });
