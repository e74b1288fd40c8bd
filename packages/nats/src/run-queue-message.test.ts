import { addressOf, hashOf, namesOf, type Lane } from '@baton/protocols';
import { headers as messageHeaders, type Msg, type NatsConnection } from '@nats-io/nats-core';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { addressIn, behindOf, readDispatch, readNotice, splitRunSubject } from './run-queue-message.ts';

const lane: Lane = { queue: 'mail.fast', priority: 'high', type: 'send.mail' };
const address = addressOf({ scope: 'shared', type: lane.type, key: 'k' });

type Sent = { readonly subject: string; readonly word: string };

const connection = (sent: Sent[] = [], closed = false): NatsConnection =>
  ({
    isClosed: () => closed,
    publish: (subject: string, word: Uint8Array) => sent.push({ subject, word: Buffer.from(word).toString() }),
  }) as unknown as NatsConnection;

const message = (fields: Readonly<Record<string, string>>, reply: string | undefined = '$JS.ACK.x'): Msg => {
  const headers = messageHeaders();
  for (const [key, value] of Object.entries(fields)) headers.set(key, value);
  return { headers, reply, data: Uint8Array.of(1, 2), subject: '' } as unknown as Msg;
};

const notice = (code: number, description: string, fields: Readonly<Record<string, string>> = {}): Msg => {
  const headers = messageHeaders(code, description);
  for (const [key, value] of Object.entries(fields)) headers.set(key, value);
  return { headers, data: new Uint8Array(0) } as unknown as Msg;
};

const test = suite('run queue messages');

test('the number of messages behind one is read from both forms of acknowledgement subjects', () => {
  assert.is(behindOf('$JS.ACK.BATON_RUN.run-a-high-b.1.22.33.1700000000000000000.44'), 44);
  assert.is(behindOf('$JS.ACK.hub.ACCHASH.BATON_RUN.run-a-high-b.1.22.33.1700000000000000000.44'), 44);
  assert.is(behindOf('$JS.ACK.hub.ACCHASH.BATON_RUN.run-a-high-b.1.22.33.1700000000000000000.44.token'), 44);
});

test('an acknowledgement subject of a form not known counts as nothing behind', () => {
  for (const subject of ['', 'x', '$JS.ACK.a.b.c.d.e.f.g', '$JS.ACK.a.b.1.2.3.4.-'])
    assert.is(behindOf(subject), 0, subject);
});

test('the subject tells lane and address', () => {
  const names = namesOf();
  const { prefix, hash } = splitRunSubject(names.runSubject(lane, hashOf(address)));
  assert.is(`${prefix}.*`, names.laneSubject(lane));
  assert.is(addressIn(lane, hash), address);
});

test('what is no hash gives no address', () => {
  for (const hash of ['', 'x', '*', hashOf(address).toUpperCase(), `${hashOf(address)}0`]) {
    assert.is(addressIn(lane, hash), undefined, hash);
  }
});

test('a dispatch has all it was put with, and answers to the reply subject', () => {
  const sent: Sent[] = [];
  const dispatch = readDispatch(connection(sent), message({ 'Baton-Revision': '17' }), lane, hashOf(address));
  assert.equal([dispatch?.address, dispatch?.revision, dispatch?.lane], [address, 17, lane]);
  assert.equal([...(dispatch?.bytes ?? [])], [1, 2]);
  dispatch?.ack();
  dispatch?.handBack();
  assert.equal(sent, [
    { subject: '$JS.ACK.x', word: '+ACK' },
    { subject: '$JS.ACK.x', word: '-NAK' },
  ]);
});

test('an answer on a closed connection is not sent and does not throw', () => {
  const sent: Sent[] = [];
  readDispatch(connection(sent, true), message({ 'Baton-Revision': '17' }), lane, hashOf(address))?.ack();
  assert.equal(sent, []);
});

test('a message without a good revision is no dispatch', () => {
  for (const revision of ['', '0', '-1', '1.5', 'x', '9007199254740993']) {
    assert.is(
      readDispatch(connection(), message({ 'Baton-Revision': revision }), lane, hashOf(address)),
      undefined,
      revision,
    );
  }
  assert.is(readDispatch(connection(), message({}), lane, hashOf(address)), undefined);
});

test('what the server says about a pull', () => {
  assert.equal(readNotice(notice(100, 'Idle Heartbeat')), { kind: 'alive' });
  assert.equal(readNotice(notice(404, 'No Messages')), { kind: 'dry' });
  assert.equal(readNotice(notice(408, 'Requests Pending')), { kind: 'not-taken' });
  assert.equal(readNotice(notice(408, 'Request Timeout', { 'Nats-Pending-Messages': '3' })), {
    kind: 'expired',
    unfilled: 3,
  });
  assert.equal(readNotice(notice(409, 'Consumer Deleted')), { kind: 'broken', reason: '409 Consumer Deleted' });
  assert.is(readNotice(notice(503, 'No Responders')).kind, 'broken');
});

test.run();
