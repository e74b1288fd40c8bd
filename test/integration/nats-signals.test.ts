// The push path on a real server: what the contract does not ask.
import { NotConnectedError } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { createSignals } from '../../packages/nats/src/dispatch/signals.ts';
import { eventually } from '../support/eventually.ts';
import { sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { suite } from '../support/suite.ts';
import { openWire, ownServer } from './nats-flow.ts';

const key = sampleAddress('k');

const test = suite('nats signals');

test('a write tells nobody by itself: whoever has written tells what others wait for', async ({ defer }) => {
  const { wire } = await openWire(defer);
  const signals = createSignals(wire);
  const got: (readonly [number, string])[] = [];
  await signals.onRecord(key, ({ revision, bytes }) => got.push([revision, Buffer.from(bytes).toString('hex')]));
  const bytes = sampleBytes('k');
  const result = await wire.records.publish(wire.names.recordSubject(key), bytes, { expected: 0 });
  assert.is(result.kind, 'written');
  signals.record({ address: key, revision: 77, bytes });
  await eventually(() => assert.is(got.length, 1));
  assert.equal(got, [[77, Buffer.from(bytes).toString('hex')]]);
});

test('a live record without a revision is left out and reported', async ({ defer }) => {
  const { wire, faults } = await openWire(defer);
  const signals = createSignals(wire);
  const got: number[] = [];
  await signals.onRecord(key, ({ revision }) => got.push(revision));
  wire.nc.publish(wire.names.liveSubject(key), sampleBytes('k'));
  signals.record({ address: key, revision: 3, bytes: sampleBytes('k') });
  await eventually(() => assert.equal(got, [3]));
  assert.is(faults.length, 1);
});

test('a signal that is no address is left out and reported', async ({ defer }) => {
  const { wire, faults } = await openWire(defer);
  const signals = createSignals(wire);
  const got: string[] = [];
  signals.onPoke('w1', (address) => got.push(address));
  const subject = wire.names.signalSubject('w1');
  for (const text of ['', 'x', `${key}x`, '>', 'x'.repeat(5_000)]) wire.nc.publish(subject, text);
  signals.poke('w1', key);
  await eventually(() => assert.equal(got, [key]));
  assert.is(faults.length, 5, faults.join('; '));
});

test('a listener that throws harms nobody: the connection lives and the next message comes', async ({ defer }) => {
  const { wire, faults } = await openWire(defer);
  const signals = createSignals(wire);
  let heard = 0;
  signals.onPoke('w1', () => {
    heard++;
    throw new Error('a fault of the owner');
  });
  for (let i = 0; i < 3; i++) signals.poke('w1', key);
  await eventually(() => assert.is(heard, 3));
  assert.is(faults.length, 3);
  await wire.nc.flush();
});

test('ids that would be a wildcard listen to nothing and reach nobody', async ({ defer }) => {
  const { wire, faults } = await openWire(defer);
  const signals = createSignals(wire);
  for (const id of ['*', '>', 'a.b', '', 'a b', 'x'.repeat(5_000)]) {
    const refused = await signals.onProgress(id, () => undefined).catch((error: unknown) => error);
    assert.match(String(refused), /letters, digits/, id);
    assert.throws(() => signals.onPoke(id, () => undefined), /letters, digits/);
    signals.poke(id, key);
    signals.progress(id, Uint8Array.of(1));
  }
  assert.is(faults.length, 12, 'a push is not refused to its sender: it is reported');
  await wire.nc.flush();
});

test(
  'listening outlives a restart of the server',
  async ({ defer }) => {
    const server = await ownServer(defer);
    const { wire } = await openWire(defer, { servers: server.url });
    const signals = createSignals(wire);
    const got: string[] = [];
    signals.onPoke('w1', (address) => got.push(address));
    await signals.onProgress('t1', () => got.push('progress'));
    await signals.onRecord(key, () => got.push('record'));
    await server.kill('SIGKILL');
    await eventually(() => assert.not.ok(wire.link.connected));
    const refused = await signals.onRecord(key, () => undefined).catch((error: unknown) => error);
    assert.instance(refused, NotConnectedError);
    signals.poke('w1', key);
    await server.restart();
    await eventually(() => assert.ok(wire.link.connected), { limitMs: 8_000 });
    signals.poke('w1', key);
    signals.progress('t1', Uint8Array.of(1));
    signals.record({ address: key, revision: 1, bytes: sampleBytes('k') });
    await eventually(() => assert.equal(got.toSorted(), [key, 'progress', 'record']));
  },
  { limitMs: 60_000 },
);

test.run();
