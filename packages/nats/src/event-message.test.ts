import { headers as msgHeaders, type Msg } from '@nats-io/nats-core';
import * as assert from 'uvu/assert';
import { sampleAddress, sampleBytes } from '../../../test/support/sample-records.ts';
import { suite } from '../../../test/support/suite.ts';
import { readEvent } from './event-message.ts';

const test = suite('event message');

const PREFIX = '$KV.T_TASKS.';
const address = sampleAddress('k');

const message = (headers: Readonly<Record<string, string>>, data: Uint8Array = sampleBytes('k')): Msg => {
  const block = msgHeaders();
  for (const [key, value] of Object.entries(headers)) block.set(key, value);
  return { subject: 't.events.00.job', headers: block, data } as unknown as Msg;
};

const kindOf = (headers: Readonly<Record<string, string>>, data?: Uint8Array): string =>
  readEvent(message(headers, data), PREFIX).kind;

test('a sourced message says where it comes from', () => {
  const source = `KV_T_TASKS 17 > t.events.{{wildcard(1)}}.{{wildcard(2)}} ${PREFIX}${address}`;
  for (const line of [source, `${source} identity`]) {
    const reading = readEvent(message({ 'Nats-Stream-Source': line }), PREFIX);
    assert.equal(reading.kind === 'record' ? [reading.entry.address, reading.entry.revision] : reading, [address, 17]);
  }
});

test('one of our own says it in its headers', () => {
  const reading = readEvent(message({ 'Baton-Address': address, 'Baton-Revision': '9' }), PREFIX);
  assert.equal(reading.kind === 'record' ? [reading.entry.address, reading.entry.revision] : reading, [address, 9]);
});

test('where it comes from counts more than what it says', () => {
  const source = `KV_T_TASKS 17 > x ${PREFIX}${address}`;
  const reading = readEvent(
    message({ 'Nats-Stream-Source': source, 'Baton-Address': address, 'Baton-Revision': '9' }),
    PREFIX,
  );
  assert.is(reading.kind === 'record' ? reading.entry.revision : 0, 17);
});

test('the bytes are a copy: they do not keep what they came in', () => {
  const large = Buffer.alloc(100_000);
  const reading = readEvent(
    message({ 'Baton-Address': address, 'Baton-Revision': '9' }, large.subarray(10, 50)),
    PREFIX,
  );
  assert.is(reading.kind === 'record' ? reading.entry.bytes.buffer.byteLength : 0, 40);
});

test('deletions and markers are nothing, the rest is unreadable with a reason', () => {
  assert.is(kindOf({ 'KV-Operation': 'DEL' }, new Uint8Array()), 'nothing');
  assert.is(kindOf({ 'Nats-Marker-Reason': 'MaxAge' }, new Uint8Array()), 'nothing');
  const strange: Readonly<Record<string, string>>[] = [
    {},
    { 'Baton-Address': address },
    { 'Baton-Revision': '9' },
    { 'Baton-Address': 'a.b.c', 'Baton-Revision': '9' },
    { 'Baton-Address': address, 'Baton-Revision': '0' },
    { 'Nats-Stream-Source': 'KV_T_TASKS 17' },
    { 'Nats-Stream-Source': `KV_T_TASKS 17 > x $KV.OTHER.${address}` },
    { 'Nats-Stream-Source': `KV_T_TASKS x > x ${PREFIX}${address}` },
  ];
  for (const headers of strange) {
    const reading = readEvent(message(headers), PREFIX);
    assert.ok(reading.kind === 'unreadable' && reading.reason.length > 0, JSON.stringify(headers));
  }
});

test.run();
