// What a reader of shared work meets on a real server: its consumer is deleted under it, or there is no room.
import { listDeadLetters } from '@baton/nats';
import type { CommandMessage } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { WorkReader, type Work } from '../../packages/nats/src/streams/command-reader.ts';
import { sharedConsumers } from '../../packages/nats/src/streams/consumers.ts';
import { eventually } from '../support/eventually.ts';
import { openNatsSystem } from '../support/nats-ports.ts';
import { suite } from '../support/suite.ts';

const test = suite('nats work reader');

test(
  'a consumer that was deleted is made again, and what is sent meanwhile comes',
  async ({ defer }) => {
    const system = await openNatsSystem();
    defer(() => system.close());
    const ports = await system.ports('a');
    const given: string[] = [];
    const reader = await ports.commands.open(
      ({ type, ack }) => {
        given.push(type ?? '');
        ack();
      },
      { most: 10 },
    );
    defer(() => reader.close());
    const send = (type: string) => ports.commands.send({ verb: 'submit', type, bytes: Uint8Array.of(0x80) }, 50);
    await send('a');
    await eventually(() => assert.equal(given, ['a']));
    await system.jsm.consumers.delete(system.names.commandsStream, system.names.commandsConsumer);
    await send('b');
    await eventually(() => assert.ok(given.includes('b')), { limitMs: 15_000 });
  },
  { limitMs: 30_000 },
);

const BODY = Uint8Array.of(0x80);

/** Headers that the server stores and no client reads. */
const NO_HEADERS: readonly (readonly [string, string])[] = [
  ['X User', '1'],
  ['X-Größe', '1'],
  ['X-Lines', 'a\nb'],
  ['X-Return', 'a\rb'],
];

test('commands with headers that are none are given with the others, and said to be bad', async ({ defer }) => {
  const system = await openNatsSystem();
  defer(() => system.close());
  const ports = await system.ports('a');
  const given: CommandMessage[] = [];
  const reader = await ports.commands.open(
    (message) => {
      given.push(message);
      message.ack();
    },
    { most: 2 },
  );
  defer(() => reader.close());
  const subject = system.names.cancelSubject;
  const send = (headers: Readonly<Record<string, string>>) => ports.wire.publisher.publish(subject, BODY, { headers });
  for (const [name, value] of NO_HEADERS) await send({ 'X-Sender': 'a', [name]: value, 'Baton-Reply': '_INBOX.x' });
  await send({ 'X-Sender': 'b' });
  await eventually(() => assert.is(given.length, NO_HEADERS.length + 1));
  for (const { headers, replyTo, badHeaders, bytes } of given.slice(0, -1)) {
    assert.equal([headers['X-Sender'], replyTo, badHeaders, [...bytes]], [['a'], '_INBOX.x', true, [...BODY]]);
  }
  assert.is(given.at(-1)?.badHeaders, undefined);
  const buried = await ports.commands.bury(given[0] as CommandMessage, 'INVALID_ARGUMENT', 'bad');
  assert.is(buried.kind, 'written');
  const [letter] = await listDeadLetters(ports.wire, { most: 1 });
  assert.equal(Object.keys(letter?.headers ?? {}).sort(), ['Baton-Reply', 'X-Sender']);
});

test(
  'what whoever takes it throws upon comes again, and takes nobody the place',
  async ({ defer }) => {
    const system = await openNatsSystem();
    defer(() => system.close());
    const faults: string[] = [];
    const { wire } = await system.ports('a');
    const told = { ...wire, onFault: (where: string) => void faults.push(where) };
    const given: number[] = [];
    const take = ({ delivery, ack }: Work): void => {
      given.push(delivery.deliveries);
      if (given.length === 1) throw new Error('a bug');
      ack();
    };
    const { commands: consumer } = sharedConsumers(system.names);
    const reader = await WorkReader.open(told, { consumer, most: 1 }, take);
    defer(() => reader.close());
    await wire.publisher.publish(system.names.cancelSubject, BODY);
    await wire.publisher.publish(system.names.cancelSubject, BODY);
    await eventually(() => assert.equal(given, [1, 1, 2]), { limitMs: 20_000 });
    assert.is(faults.length, 1);
  },
  { limitMs: 30_000 },
);

test(
  'commands are refused when no more fit, and the publisher is told',
  async ({ defer }) => {
    const system = await openNatsSystem();
    defer(() => system.close());
    const ports = await system.ports('a');
    const { commandsStream } = system.names;
    const info = await system.jsm.streams.info(commandsStream);
    await system.jsm.streams.update(commandsStream, { ...info.config, max_bytes: 100_000 });
    const bytes = new Uint8Array(30_000);
    const kinds = [];
    for (let i = 0; i < 5; i++) kinds.push(await ports.commands.send({ verb: 'submit', type: 't', bytes }, 50));
    assert.equal(
      kinds.map(({ kind }) => kind),
      ['silent', 'silent', 'silent', 'failed', 'failed'],
    );
    const last = kinds.at(-1);
    assert.is(last?.kind === 'failed' ? (last.cause as Error & { code?: string }).code : '', 'STORE_FULL');
  },
  { limitMs: 20_000 },
);

test.run();
