import * as assert from 'uvu/assert';
import { openNatsSystem } from '../support/nats-ports.ts';
import { sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { suite } from '../support/suite.ts';

const test = suite('nats reads from copies');

test('a record that was deleted by hand is not there, and those asked for with it are', async ({ defer }) => {
  const system = await openNatsSystem();
  defer(() => system.close());
  const { store } = await system.ports('a');
  const { names, nc } = system;
  const keys = ['a', 'b', 'c'].map((name) => sampleAddress(name));
  for (const name of ['a', 'b', 'c']) await store.write(sampleAddress(name), sampleBytes(name), 0);
  await nc.request(names.recordSubject(sampleAddress('b')), '');
  for (let round = 0; round < 2; round++) {
    const read = await Promise.all(keys.map((key) => store.loadFromCopy(key)));
    assert.equal(
      read.map((entry) => entry?.revision),
      [1, undefined, 3],
    );
  }
});

test('where the bucket allows no direct reads nothing is told, nobody goes on asking, and all is read from the leader', async ({
  defer,
}) => {
  const system = await openNatsSystem();
  defer(() => system.close());
  const { store, wire } = await system.ports('a');
  const { names, jsm } = system;
  await store.write(sampleAddress('a'), sampleBytes('a'), 0);
  await jsm.streams.update(names.tasksStream, { allow_direct: false });
  const before = wire.nc.stats().outMsgs;
  for (let i = 0; i < 200; i++) assert.is(await store.loadFromCopy(sampleAddress('a')), undefined);
  // Some are sent by whoever looks after the connection.
  assert.ok(wire.nc.stats().outMsgs - before < 20, `${wire.nc.stats().outMsgs - before} messages`);
  assert.is((await store.load(sampleAddress('a')))?.revision, 1);
});

test.run();
