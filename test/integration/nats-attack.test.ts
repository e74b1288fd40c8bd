// limit: 300s
// The roles nobody has to trust, attacked: every subject they might ask, with the answer aimed at every stream.
import { connectPorts, type NatsPorts } from '@baton/nats';
import { namesOf, parseAddress, streamConfigs } from '@baton/protocols';
import type { NatsConnection } from '@nats-io/transport-node';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { attack, type Target } from '../support/nats-attack.ts';
import { startRolesServer, UNTRUSTED, type RolesServer } from '../support/roles.ts';
import { suite, type TestContext } from '../support/suite.ts';

const test = suite('nats attack');

const names = namesOf();
const ADDRESS = '00.attack.00000000000000000000000000000000';
const FOLLOWER = { stream: names.eventsStream, name: 'observer' };

/** The first subject of each stream, without wildcards. */
const subjectOf = (subjects: readonly string[] = []): string =>
  (subjects[0] ?? '').replace(/>$/, ADDRESS).replaceAll('*', 'attack');

const streams = streamConfigs(names, { replicas: 1 }).map(({ name, subjects }) => ({
  name,
  subject: subjectOf(subjects),
}));

type Info = { readonly config: object; readonly state: object };
type ConsumerInfo = {
  readonly name: string;
  readonly config: object;
  readonly delivered: object;
  readonly ack_floor: object;
};

const ask = async <T>(nc: NatsConnection, subject: string, body: object = {}): Promise<T> => {
  const answer = (await nc.request(`$JS.API.${subject}`, JSON.stringify(body))).json<T & { readonly error?: object }>();
  if (answer.error !== undefined) throw new Error(`${subject}: ${JSON.stringify(answer.error)}`);
  return answer;
};

type Installation = { readonly server: RolesServer; readonly operator: NatsConnection; readonly target: Target };

/** All streams with something in each, and all consumers there are. */
const install = async (context: TestContext): Promise<Installation> => {
  const server = await startRolesServer(context);
  const operator = await server.raw('operator');
  const { url: servers } = server;
  const { natsUser: user, natsPassword: password, inboxPrefix } = server.login('operator');
  const ports: NatsPorts = await connectPorts({ servers, user, password, inboxPrefix });
  context.defer(() => ports.close());
  const address = parseAddress(ADDRESS);
  if (address === undefined) throw new Error('not an address');
  assert.is((await ports.store.write(address, new Uint8Array([1, 2, 3]), 0)).kind, 'written');
  await ports.data.put('attacked', new Uint8Array(1_000));
  for (const { subject } of streams) await operator.request(subject, 'something');

  const reader = await ports.commands.open(() => undefined, { most: 1 });
  context.defer(() => reader.close());
  await ask(operator, `CONSUMER.CREATE.${FOLLOWER.stream}.${FOLLOWER.name}`, {
    stream_name: FOLLOWER.stream,
    config: { durable_name: FOLLOWER.name, ack_policy: 'explicit' },
  });
  const ours = Object.values(names.projections).map((name) => ({ stream: names.tasksStream, name }));
  for (const { stream, name } of ours) {
    await ask(operator, `CONSUMER.CREATE.${stream}.${name}`, {
      stream_name: stream,
      config: { durable_name: name, ack_policy: 'explicit' },
    });
  }
  const consumers = [FOLLOWER, ...ours, { stream: names.commandsStream, name: names.commandsConsumer }];
  return { server, operator, target: { streams, consumers } };
};

/** Everything there is, but what a follower itself has read and what stands in the stream it may write to. */
const pictureOf = async ({ operator }: Installation, writable: readonly string[]): Promise<object> => {
  const all: Record<string, unknown> = {};
  all['streams'] = (await ask<{ readonly streams: readonly string[] }>(operator, 'STREAM.NAMES')).streams;
  for (const { name } of streams) {
    const { config, state } = await ask<Info>(operator, `STREAM.INFO.${name}`, { deleted_details: true });
    all[name] = writable.includes(name) ? { config } : { config, state };
    const { consumers } = await ask<{ readonly consumers: readonly ConsumerInfo[] }>(operator, `CONSUMER.LIST.${name}`);
    all[`${name} consumers`] = consumers.map((one) => {
      const isFollower = name === FOLLOWER.stream && one.name === FOLLOWER.name;
      const { config: wanted, delivered, ack_floor } = one;
      return isFollower || writable.includes(name)
        ? { name: one.name, wanted }
        : { name: one.name, wanted, delivered, ack_floor };
    });
  }
  return all;
};

/** Pulls that were left standing have ended, with the message that says so. */
const settled = async ({ operator, target }: Installation): Promise<void> => {
  await eventually(async () => {
    for (const { stream, name } of target.consumers) {
      if (name === names.commandsConsumer) continue;
      const { num_waiting: waiting } = await ask<{ readonly num_waiting: number }>(
        operator,
        `CONSUMER.INFO.${stream}.${name}`,
      );
      assert.is(waiting, 0);
    }
  });
  await operator.flush();
};

for (const role of UNTRUSTED) {
  test(
    `${role}: no answer lands in a stream, nothing is made, changed or taken away`,
    async (context) => {
      const installation = await install(context);
      const writable = role === 'publisher' ? [names.commandsStream] : [];
      const before = await pictureOf(installation, writable);
      const nc = await installation.server.raw(role);
      const { client_id: connection } = nc.info ?? {};
      const count = await attack(nc, names, installation.target);
      assert.ok(count > 5_000, `${count} attempts`);
      await settled(installation);
      assert.equal(await pictureOf(installation, writable), before);
      // It was let in all the while, and over one connection, so nothing it sent was lost.
      assert.is(nc.info?.client_id, connection);
      if (role === 'remote_worker') return;
      const read = await nc.request(
        `$JS.API.STREAM.MSG.GET.${names.tasksStream}`,
        JSON.stringify({ last_by_subj: names.recordSubject(ADDRESS) }),
      );
      assert.match(read.string(), '"message"');
    },
    { limitMs: 90_000 },
  );
}

test(
  'the same within the account of the streams is a write, and is seen',
  async (context) => {
    const installation = await install(context);
    const { operator } = installation;
    const before = await pictureOf(installation, []);
    operator.publish(`$JS.API.STREAM.INFO.${names.tasksStream}`, '', { reply: names.recordSubject(ADDRESS) });
    await eventually(async () => assert.not.equal(await pictureOf(installation, []), before));
  },
  { limitMs: 30_000 },
);

test.run();
