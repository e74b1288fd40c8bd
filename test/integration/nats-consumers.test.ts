// Consumers that services share, changed by somebody: they are put right, it is said, and nothing stays away.
import { inspectNats, connectPorts } from '@baton/nats';
import { parseAddress } from '@baton/protocols';
import type { Closing, CommandMessage } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { natsUrl, openNatsSystem, type NatsSystem } from '../support/nats-ports.ts';
import { sampleAddress, sampleBytes } from '../support/sample-records.ts';
import { suite, type TestContext } from '../support/suite.ts';

const test = suite('nats consumers');

type Config = Readonly<Record<string, unknown>>;
type Info = { readonly config: Config; readonly paused?: boolean };

/** As somebody would who may: in place where the server allows it, else made anew. */
const change = async (
  { nc, names }: NatsSystem,
  changes: Config,
  stream: string = names.commandsStream,
  name: string = names.commandsConsumer,
): Promise<void> => {
  const ask = async <T>(subject: string, body?: object): Promise<T> =>
    (await nc.request(`$JS.API.CONSUMER.${subject}`, body === undefined ? '' : JSON.stringify(body))).json<T>();
  if ('pause_until' in changes) return void (await ask(`PAUSE.${stream}.${name}`, changes));
  const { config } = await ask<Info>(`INFO.${stream}.${name}`);
  const { filter_subject: _filter, ...kept } = config;
  const body = { stream_name: stream, config: { ...kept, ...changes } };
  const { error } = await ask<{ readonly error?: object }>(`CREATE.${stream}.${name}`, { ...body, action: 'update' });
  if (error === undefined) return;
  await ask(`DELETE.${stream}.${name}`);
  const made = await ask<{ readonly error?: object }>(`CREATE.${stream}.${name}`, body);
  assert.is(made.error, undefined, JSON.stringify(made.error));
};

const send = async (system: NatsSystem, type: string): Promise<void> => {
  const ack = await system.nc.request(system.names.submitSubject(type), 'a command');
  assert.ok(ack.json<{ readonly seq?: number }>().seq);
};

const start = async ({ defer }: TestContext) => {
  const faults: string[] = [];
  const system = await openNatsSystem({
    consumerCheckMs: 100,
    onFault: (where, fault) => faults.push(`${where}: ${String(fault)}`),
  });
  defer(() => system.close());
  const taken: string[] = [];
  const take = (message: CommandMessage): void => {
    taken.push(message.type ?? '');
    message.ack();
  };
  const read = async (): Promise<Closing> => {
    const reader = await (await system.ports('reader')).commands.open(take, { most: 10 });
    defer(() => reader.close());
    return reader;
  };
  return { system, faults, taken, read };
};

const CHANGES: readonly { readonly title: string; readonly changes: Config; readonly field: string }[] = [
  { title: 'another filter', changes: { filter_subject: 'nothing.at.all' }, field: 'filter_subjects' },
  { title: 'bodies left out', changes: { headers_only: true, filter_subject: '>' }, field: 'headers_only' },
  { title: 'a pause', changes: { pause_until: '2100-01-01T00:00:00Z' }, field: 'paused' },
  {
    title: 'a delivery to somebody else',
    changes: { deliver_subject: 'elsewhere', max_waiting: 0 },
    field: 'deliver_subject',
  },
  { title: 'one at a time', changes: { max_ack_pending: 1 }, field: 'max_ack_pending' },
];

for (const { title, changes, field } of CHANGES) {
  test(
    `${title}: mended at the start, and said`,
    async (context) => {
      const { system, faults, taken, read } = await start(context);
      await (await read()).close();
      await change(system, changes);
      await send(system, 'first');
      const findings = await inspectNats({ servers: natsUrl(), namespace: system.names.namespace });
      const seen = findings.consumers.find(({ name }) => name === system.names.commandsConsumer);
      assert.ok(
        seen?.differences.some((one) => one.field === field),
        JSON.stringify(seen),
      );

      const ports = await connectPorts({
        servers: natsUrl(),
        namespace: system.names.namespace,
        onFault: (where, fault) => faults.push(`${where}: ${String(fault)}`),
      });
      context.defer(() => ports.close());
      const reader = await ports.commands.open(
        (message) => {
          taken.push(message.type ?? '');
          message.ack();
        },
        { most: 10 },
      );
      context.defer(() => reader.close());
      await eventually(() => assert.equal(taken, ['first']));
      assert.ok(
        faults.some((fault) => fault.startsWith('consumer commands of ') && fault.includes(`${field} was `)),
        faults.join('\n'),
      );
      const after = await inspectNats({ servers: natsUrl(), namespace: system.names.namespace });
      assert.equal(
        after.consumers.flatMap(({ differences }) => differences),
        [],
      );
    },
    { limitMs: 30_000 },
  );
}

test(
  'one that is changed under a reader is mended while it reads, and what passed it by comes after all',
  async (context) => {
    const { system, faults, taken, read } = await start(context);
    await read();
    await send(system, 'before');
    await eventually(() => assert.equal(taken, ['before']));
    await change(system, { filter_subject: 'nothing.at.all' });
    await send(system, 'meanwhile');
    await eventually(() => assert.equal(taken, ['before', 'meanwhile']), { limitMs: 10_000 });
    assert.ok(
      faults.some((fault) => fault.includes('nothing.at.all')),
      faults.join('\n'),
    );
  },
  { limitMs: 30_000 },
);

for (const [title, changes] of [
  ['another filter', (prefix: string) => ({ filter_subject: `${prefix}*.even.*` })],
  ['bodies left out', (prefix: string) => ({ headers_only: true, filter_subject: `${prefix}*.even.*` })],
  ['a pause', () => ({ pause_until: '2100-01-01T00:00:00Z' })],
] as const) {
  test(
    `P6 a projection whose consumer is changed under its reader (${title}): mended while it reads, nothing stays away`,
    async (context) => {
      const { system, faults } = await start(context);
      const { names } = system;
      const ports = await system.ports('projector');
      const reader = await ports.projections.reader(names.projections.documents);
      context.defer(() => reader.close());
      const seen = new Set<string>();
      let stops = false;
      const reading = (async () => {
        while (!stops) {
          const batch = await reader.next(10, 200).catch(() => undefined);
          for (const { address } of batch?.entries ?? []) seen.add(address);
          await batch?.ack().catch(() => undefined);
        }
      })();
      context.defer(() => {
        stops = true;
        return reading;
      });
      const write = async (n: number): Promise<string> => {
        const address = parseAddress(`00.${n % 2 === 0 ? 'even' : 'odd'}.${String(n).padEnd(32, '0')}`);
        assert.ok(address);
        assert.is((await ports.store.write(address, new Uint8Array([n]), 0)).kind, 'written');
        return address;
      };
      const first = await write(0);
      await eventually(() => assert.ok(seen.has(first)), { limitMs: 10_000 });
      await change(system, changes(names.recordPrefix), names.tasksStream, names.projections.documents);
      const all = await Promise.all([1, 2, 3, 4].map(write));
      await eventually(
        () =>
          assert.equal(
            all.filter((one) => !seen.has(one)),
            [],
          ),
        { limitMs: 10_000 },
      );
      assert.ok(
        faults.some((fault) => fault.startsWith(`consumer ${names.projections.documents} of `)),
        faults.join('\n'),
      );
    },
    { limitMs: 30_000 },
  );
}

test('a place in bucket and log that is made for one reading does not stay for ever', async (context) => {
  const { system } = await start(context);
  const { projections, log } = await system.ports('reader');
  const { tasksStream, eventsStream } = system.names;
  for (const [stream, open] of [
    [tasksStream, () => projections.reader('once', { once: true })],
    [eventsStream, () => log.reader('once', { once: true })],
  ] as const) {
    // Who comes to it again finds it as it has to be.
    for (let i = 0; i < 2; i++) await (await open()).close();
    const { config } = await system.jsm.consumers.info(stream, 'once');
    assert.is(config.inactive_threshold, 86_400 * 1e9);
    await (await open()).close({ forget: true });
  }
  await (await projections.reader('documents')).close();
  assert.is((await system.jsm.consumers.info(tasksStream, 'documents')).config.inactive_threshold, undefined);
});

test('what was deleted by hand is passed by, and leaves nothing behind', async (context) => {
  const { system } = await start(context);
  const { projections, wire } = await system.ports('reader');
  const reader = await projections.reader('documents');
  context.defer(() => reader.close());
  const subject = system.names.recordSubject(sampleAddress('a'));
  await wire.publisher.publish(subject, sampleBytes('a'));
  await (await reader.next(1, 5_000)).ack();
  await wire.publisher.publish(subject, new Uint8Array(), { headers: { 'KV-Operation': 'DEL' } });
  const batch = await reader.next(1, 5_000);
  assert.equal([batch.entries.length, batch.last], [0, 2]);
  await batch.ack();
  assert.is((await projections.progress('documents'))?.behind, 0);
});

test(
  'several that start at once on a changed one mend it together',
  async (context) => {
    const { system, taken, read } = await start(context);
    await (await read()).close();
    await change(system, { filter_subject: 'nothing.at.all' });
    await send(system, 'one');
    const readers = await Promise.all(
      Array.from({ length: 6 }, async (_, i) =>
        (await system.ports(`reader ${i}`)).commands.open(
          (message) => {
            taken.push(message.type ?? '');
            message.ack();
          },
          { most: 10 },
        ),
      ),
    );
    context.defer(() => Promise.all(readers.map((reader) => reader.close())));
    // Whoever comes late may make it anew once more, and then it begins again.
    const seen = (): readonly string[] => [...new Set(taken)];
    await eventually(() => assert.equal(seen(), ['one']));
    await send(system, 'two');
    await eventually(() => assert.equal(seen(), ['one', 'two']));
  },
  { limitMs: 30_000 },
);

test.run();
