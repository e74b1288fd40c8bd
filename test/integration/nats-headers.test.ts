// What is stored with headers that no client reads is read by us all the same: anybody with a tool can write such.
import * as assert from 'uvu/assert';
import { headerBlock, headerLines } from '../../packages/nats/src/commit/header-bytes.ts';
import { eventually } from '../support/eventually.ts';
import { openNatsSystem, type NatsSystem } from '../support/nats-ports.ts';
import { sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { suite } from '../support/suite.ts';

const test = suite('nats headers that are none');

const headers = { 'X User': '1' };

const writeRecords = async (system: NatsSystem, ...keys: readonly string[]): Promise<void> => {
  const { wire } = await system.ports('a');
  for (const key of keys) {
    const subject = system.names.recordSubject(sampleAddress(key));
    assert.is((await wire.publisher.publish(subject, sampleBytes(key), { headers })).kind, 'written');
  }
};

test('projections read such records, the first one and all others', async ({ defer }) => {
  const system = await openNatsSystem();
  defer(() => system.close());
  await writeRecords(system, 'a', 'b', 'c');
  const { projections } = await system.ports('a');
  const reader = await projections.reader('documents');
  defer(() => reader.close());
  const batch = await reader.next(10, 5_000);
  assert.equal(
    batch.entries.map(({ address, isMark }) => [address, isMark]),
    ['a', 'b', 'c'].map((key) => [sampleAddress(key), false]),
  );
});

test('a copy of the bucket tells such records', async ({ defer }) => {
  const system = await openNatsSystem();
  defer(() => system.close());
  await writeRecords(system, 'a', 'b');
  const { store } = await system.ports('a');
  const read = await Promise.all(['a', 'b'].map((key) => store.loadFromCopy(sampleAddress(key))));
  assert.equal(
    read.map((entry) => entry?.revision),
    [1, 2],
  );
});

test('a schedule that is written so while it is followed is told', async ({ defer }) => {
  const system = await openNatsSystem();
  defer(() => system.close());
  const { schedules, wire } = await system.ports('a');
  const told: number[] = [];
  let isCaughtUp = false;
  const following = await schedules.follow({
    entry: ({ revision }) => void told.push(revision),
    caughtUp: () => (isCaughtUp = true),
    lost: () => {},
  });
  defer(() => following.close());
  await eventually(() => assert.ok(isCaughtUp));
  await wire.publisher.publish(system.names.scheduleSubject('s'), Uint8Array.of(1), { headers });
  await eventually(() => assert.equal(told, [1]));
});

test('a request of a worker in another language is heard', async ({ defer }) => {
  const system = await openNatsSystem();
  defer(() => system.close());
  const { work, wire } = await system.ports('a');
  const heard: string[] = [];
  const requests = work.onRequest(({ verb }) => void heard.push(verb));
  defer(() => requests.close());
  await wire.nc.flush();
  const block = headerBlock(headerLines({ headers }));
  wire.nc.publish(`${system.names.workPrefix}claim.w1`, Uint8Array.of(1), { reply: 'x', headers: block });
  await eventually(() => assert.equal(heard, ['claim']));
});

test.run();
