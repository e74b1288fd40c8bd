import type { NatsPorts } from '@baton/nats';
import { allPartitions, streamConfigs } from '@baton/protocols';
import type { BatonError, Subscription } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { openNatsSystem, type NatsSystem } from '../support/nats-ports.ts';
import { sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { suite, type TestContext } from '../support/suite.ts';

const test = suite('nats record feed');

const openSystem = async ({ defer }: TestContext): Promise<NatsSystem> => {
  const system = await openNatsSystem();
  defer(() => system.close());
  return system;
};

type Reading = {
  readonly revisions: number[];
  caughtUp: number;
  readonly lost: BatonError[];
  readonly subscription: Subscription;
};

const follow = async (ports: NatsPorts): Promise<Reading> => {
  const told = { revisions: [] as number[], caughtUp: 0, lost: [] as BatonError[] };
  const subscription = await ports.feed.follow(allPartitions(), {
    entry: ({ revision }) => told.revisions.push(revision),
    caughtUp: () => told.caughtUp++,
    lost: (cause) => told.lost.push(cause),
  });
  return Object.assign(told, { subscription });
};

const consumersOf = async ({ jsm, names }: NatsSystem): Promise<readonly string[]> => {
  const found: string[] = [];
  for await (const { name } of jsm.consumers.list(names.tasksStream)) if (name.startsWith('feed-')) found.push(name);
  return found;
};

const write = async (ports: NatsPorts, key: string, expected = 0): Promise<number> => {
  const result = await ports.store.write(sampleAddress(key), sampleBytes(key), expected);
  if (result.kind !== 'written') throw new Error(`not written: ${result.kind}`);
  return result.revision;
};

test('a reader leaves no consumer behind: not when closed, not when begun anew', async (context) => {
  const system = await openSystem(context);
  const ports = await system.ports('reader');
  const readings = await Promise.all([follow(ports), follow(ports)]);
  await eventually(async () => assert.is((await consumersOf(system)).length, 2));
  for (const consumer of await consumersOf(system))
    await system.jsm.consumers.delete(system.names.tasksStream, consumer);
  const revision = await write(ports, 'k');
  for (const reading of readings) await eventually(() => assert.equal(reading.revisions, [revision]));
  await eventually(async () => assert.is((await consumersOf(system)).length, 2));
  for (const { subscription } of readings) subscription.close();
  await eventually(async () => assert.equal(await consumersOf(system), []));
  assert.equal(
    readings.flatMap(({ lost }) => lost),
    [],
  );
});

test(
  'ten thousand records are read once each, and then it is caught up',
  async (context) => {
    const system = await openSystem(context);
    const ports = await system.ports('reader');
    await Promise.all(Array.from({ length: 10_000 }, (_, i) => write(ports, `k${i}`)));
    const reading = await follow(ports);
    await eventually(() => assert.is(reading.caughtUp, 1));
    assert.is(reading.revisions.length, 10_000);
    assert.is(new Set(reading.revisions).size, 10_000);
    assert.equal(
      reading.revisions,
      reading.revisions.toSorted((a, b) => a - b),
    );
    reading.subscription.close();
  },
  { limitMs: 30_000 },
);

test(
  'it is caught up also while others write without end',
  async (context) => {
    const system = await openSystem(context);
    const [ports, writer] = [await system.ports('reader'), await system.ports('writer')];
    await Promise.all(Array.from({ length: 500 }, (_, i) => write(ports, `k${i}`)));
    let writing = true;
    const load = Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        for (let revision = 0; writing;) revision = await write(writer, `busy${i}`, revision);
      }),
    );
    const reading = await follow(ports);
    await eventually(() => assert.is(reading.caughtUp, 1));
    writing = false;
    await load;
    reading.subscription.close();
  },
  { limitMs: 20_000 },
);

test(
  'a bucket made anew behind a standing connection is told once, and ends the link',
  async (context) => {
    const system = await openSystem(context);
    const { names, jsm } = system;
    const ports = await system.ports('reader');
    await write(ports, 'k');
    const reading = await follow(ports);
    const ends: string[] = [];
    ports.link.onClosed((cause) => ends.push(cause.code));
    await jsm.streams.delete(names.tasksStream);
    const [config] = streamConfigs(names, { replicas: 1 });
    await system.nc.request(`$JS.API.STREAM.CREATE.${names.tasksStream}`, JSON.stringify(config));
    await eventually(() => assert.equal(ends, ['EPOCH_CHANGED']), { limitMs: 10_000 });
    await eventually(
      () =>
        assert.equal(
          reading.lost.map(({ code }) => code),
          ['EPOCH_CHANGED'],
        ),
      { limitMs: 10_000 },
    );
    assert.not.ok(ports.link.connected);
  },
  { limitMs: 30_000 },
);

test.run();
