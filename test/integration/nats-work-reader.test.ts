// What a reader of shared work meets on a real server: its consumer is deleted under it, and messages that are no work.
import { addressOf } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { openNatsSystem } from '../support/nats-ports.ts';
import { suite } from '../support/suite.ts';

const test = suite('nats work reader');

const address = (key: string) => addressOf({ scope: 'shared', type: 'job', key });

test(
  'a consumer that was deleted is made again, and what is due meanwhile comes',
  async ({ defer }) => {
    const system = await openNatsSystem();
    defer(() => system.close());
    const ports = await system.ports('a');
    const given: string[] = [];
    const reader = await ports.later.open(
      (due) => {
        given.push(due.id);
        due.ack();
      },
      { most: 10 },
    );
    defer(() => reader.close());
    await ports.later.put({ address: address('a'), id: 'a', runAt: 0 });
    await eventually(() => assert.equal(given, ['a']));
    await system.jsm.consumers.delete(system.names.laterStream, system.names.dueConsumer);
    await ports.later.put({ address: address('b'), id: 'b', runAt: 0 });
    await eventually(() => assert.ok(given.includes('b')), { limitMs: 15_000 });
  },
  { limitMs: 30_000 },
);

test('what is no delayed task is left out, said once, and hinders nothing', async ({ defer }) => {
  const faults: string[] = [];
  const system = await openNatsSystem({ onFault: (where, fault) => faults.push(`${where}: ${String(fault)}`) });
  defer(() => system.close());
  const ports = await system.ports('a');
  await system.nc.request(system.names.dueSubject('0'.repeat(32)), Uint8Array.of(0xc1));
  const given: string[] = [];
  const reader = await ports.later.open(
    (due) => {
      given.push(due.id);
      due.ack();
    },
    { most: 10 },
  );
  defer(() => reader.close());
  await ports.later.put({ address: address('a'), id: 'a', runAt: 0 });
  await eventually(() => assert.equal(given, ['a']));
  assert.is(faults.length, 1, faults.join('\n'));
  assert.match(faults[0] ?? '', 'no delayed task');
});

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
