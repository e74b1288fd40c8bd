import { headers as msgHeaders, type Msg } from '@nats-io/nats-core';
import * as assert from 'uvu/assert';
import { sampleAddress, sampleBytes } from '../../../../test/support/sample-records.ts';
import { suite } from '../../../../test/support/suite.ts';
import { readEvent, readVersion } from '../streams/event-message.ts';

const test = suite('messages of bucket and log');

const PREFIX = '$KV.T_TASKS.';
const EPOCH = 1_000;
const address = sampleAddress('k');
const place = { streamSequence: 17, storedAt: 2_000 };

const message = (
  headers: Readonly<Record<string, string>>,
  data: Uint8Array = sampleBytes('k'),
  subject = 't.events.00.job',
): Msg => {
  const block = msgHeaders();
  for (const [key, value] of Object.entries(headers)) block.set(key, value);
  return { subject, headers: block, data } as unknown as Msg;
};

const OURS = { 'Baton-Address': address, 'Baton-Revision': '9', 'Nats-Msg-Id': `${EPOCH}-9` };

test('an event says in its headers which record it is', () => {
  const reading = readEvent(message(OURS));
  assert.is(reading.kind, 'entry');
  const { bytes: _, ...entry } = reading.kind === 'entry' ? reading.entry : { bytes: 0 };
  assert.equal(entry, { address, revision: 9, epoch: EPOCH });
});

test('a version is what its subject says, at its place in the stream', () => {
  const at = (key: string, headers = {}) =>
    readVersion(message(headers, sampleBytes('k'), `${PREFIX}${key}`), place, PREFIX);
  const told = (key: string, headers = {}) => {
    const reading = at(key, headers);
    if (reading.kind !== 'entry') return reading.kind;
    const { bytes: _, ...rest } = reading.entry;
    return rest;
  };
  const plain = { address, revision: 17, storedAt: 2_000, isMark: false };
  assert.equal(told(address), plain);
  assert.equal(told(address, { 'Nats-TTL': '60s' }), { ...plain, isMark: true });
  assert.equal(told(`${address}.some-id`), { ...plain, outcomeOf: 'some-id' });
  for (const key of ['', 'a', `${address}.`, `${address}.a.b`, `${address}.*`, `ff${address.slice(2)}`]) {
    assert.is(told(key), 'unreadable', key);
  }
});

test('the bytes are a copy: they do not keep what they came in', () => {
  const large = Buffer.alloc(100_000).subarray(10, 50);
  const event = readEvent(message(OURS, large));
  const version = readVersion(message({}, large, `${PREFIX}${address}`), place, PREFIX);
  for (const reading of [event, version]) {
    assert.is(reading.kind === 'entry' ? reading.entry.bytes.buffer.byteLength : 0, 40);
  }
});

test('deletions and markers are nothing, the rest is unreadable with a reason', () => {
  for (const headers of [{ 'KV-Operation': 'DEL' }, { 'Nats-Marker-Reason': 'MaxAge' }] as const) {
    assert.is(readEvent(message({ ...headers }, new Uint8Array())).kind, 'nothing');
    assert.is(readVersion(message({ ...headers }, new Uint8Array()), place, PREFIX).kind, 'nothing');
  }
  const strange: Readonly<Record<string, string>>[] = [
    {},
    { 'Baton-Address': address },
    { 'Baton-Revision': '9' },
    { 'Baton-Address': 'a.b.c', 'Baton-Revision': '9' },
    { ...OURS, 'Baton-Revision': '0', 'Nats-Msg-Id': `${EPOCH}-0` },
    { ...OURS, 'Baton-Revision': '8' },
    { ...OURS, 'Nats-Msg-Id': 'x-9' },
    { ...OURS, 'Nats-Msg-Id': '' },
  ];
  for (const headers of strange) {
    const reading = readEvent(message(headers));
    assert.ok(reading.kind === 'unreadable' && reading.reason.length > 0, JSON.stringify(headers));
  }
});

test.run();
