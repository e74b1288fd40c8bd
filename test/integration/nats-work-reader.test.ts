// What a reader of shared work meets on a real server: its consumer is deleted under it, or there is no room.
import * as assert from 'uvu/assert';
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
