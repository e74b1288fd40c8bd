import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureNats, startNats } from '@baton/local';
import { connectNats, listen, type NatsSettings, type NatsWire } from '@baton/nats';
import { namesOf, streamConfigs } from '@baton/protocols';
import { BatonError } from '@baton/runtime';
import { connect } from '@nats-io/transport-node';
import * as assert from 'uvu/assert';
import { rejectionOf } from '../contract/bench.ts';
import { openCuttableLink } from '../support/cuttable-link.ts';
import { eventually } from '../support/eventually.ts';
import { natsUrl, uniqueNamespace as freshNamespace } from '../support/nats-ports.ts';
import { suite, type TestContext } from '../support/suite.ts';

const test = suite('nats connect');

const codeOf = (fault: unknown): string =>
  fault instanceof BatonError ? fault.code : `no BatonError: ${String(fault)}`;

/** Connects and expects a refusal within seconds. */
const refusalOf = async (settings: Partial<NatsSettings>): Promise<BatonError> => {
  const began = performance.now();
  const fault = await rejectionOf(connectNats({ servers: natsUrl(), ...settings }));
  assert.ok(performance.now() - began < 7_000, 'a refusal takes seconds at most');
  if (!(fault instanceof BatonError)) throw fault;
  return fault;
};

/** Takes connections and hands them to `greet`; gone with the test. */
const listenerOf = async ({ defer }: TestContext, greet: (socket: Socket) => void): Promise<string> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => socket.destroy()));
    greet(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  defer(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** A server that says it is one, and lets everybody in. */
const fakeServer = (context: TestContext, version: string): Promise<string> =>
  listenerOf(context, (socket) => {
    const info = {
      server_id: 'fake',
      version,
      headers: true,
      max_payload: 1_048_576,
      proto: 1,
      host: '127.0.0.1',
      port: 1,
    };
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on('data', (bytes) => {
      if (bytes.toString().includes('PING')) socket.write('PONG\r\n');
    });
  });

const request = async (subject: string, body: object | undefined): Promise<void> => {
  const nc = await connect({ servers: natsUrl() });
  const answer = await nc.request(subject, body === undefined ? '' : JSON.stringify(body), { timeout: 5_000 });
  await nc.close();
  const { error } = answer.json<{ error?: { description: string } }>();
  if (error !== undefined) throw new Error(error.description);
};

/** Takes the streams of a namespace away, those that were made. */
const dropNamespace = async (namespace: string): Promise<void> => {
  const names = namesOf(namespace);
  const nc = await connect({ servers: natsUrl() });
  for (const stream of [names.eventsStream, names.tasksStream, names.nodesStream]) {
    await nc.request(`$JS.API.STREAM.DELETE.${stream}`, '', { timeout: 5_000 });
  }
  await nc.close();
};

const connected = async (
  { defer }: TestContext,
  namespace: string,
  more: Partial<NatsSettings> = {},
): Promise<NatsWire> => {
  const wire = await connectNats({ servers: natsUrl(), namespace, ...more });
  defer(() => wire.close());
  return wire;
};

test('an older server is refused: SERVER_TOO_OLD', async (context) => {
  for (const version of ['2.10.29', '2.14.4', '2.14.5-RC.1']) {
    const refusal = await refusalOf({ servers: await fakeServer(context, version) });
    assert.is(refusal.code, 'SERVER_TOO_OLD');
    assert.match(refusal.message, version);
    assert.match(refusal.message, '2.14.5');
  }
});

test('nobody listening: NOT_CONNECTED in the time given', async () => {
  const began = performance.now();
  const refusal = await refusalOf({ servers: '127.0.0.1:9', connectTimeoutMs: 1_000 });
  assert.is(refusal.code, 'NOT_CONNECTED');
  const took = performance.now() - began;
  assert.ok(took > 500 && took < 2_500, `it took ${took} ms`);
});

test('one that accepts and says nothing: NOT_CONNECTED in the time given', async (context) => {
  const servers = await listenerOf(context, () => undefined);
  const refusal = await refusalOf({ servers, connectTimeoutMs: 1_500 });
  assert.is(refusal.code, 'NOT_CONNECTED');
});

test(
  'JetStream off: JETSTREAM_DISABLED; wrong password: AUTHORIZATION_FAILED; a user in the URL is read',
  async ({ defer }) => {
    // The plainest server there is: the one that is started for us always has JetStream and no users.
    const found = await startNats();
    defer(() => found.stop());
    await found.kill('SIGTERM');
    const folder = await mkdtemp(join(tmpdir(), 'baton-nats-'));
    defer(() => rm(folder, { recursive: true, force: true }));
    await writeFile(found.configPath, plainConfig(found.port));
    const server = spawn((await ensureNats()).path, ['--config', found.configPath], { stdio: 'ignore' });
    defer(async () => {
      server.kill('SIGKILL');
      if (server.exitCode === null) await once(server, 'exit');
    });
    const servers = `127.0.0.1:${found.port}`;
    assert.is((await refusalOf({ servers, user: 'baton', password: 'right' })).code, 'JETSTREAM_DISABLED');
    assert.is((await refusalOf({ servers: `nats://baton:right@${servers}` })).code, 'JETSTREAM_DISABLED');
    const variables = /NATS_USER and NATS_PASSWORD, or NATS_CREDS/;
    await refusedFor({ servers, user: 'baton', password: 'wrong' }, variables);
    await refusedFor({ servers }, variables);
    await refusedFor({ servers, creds: join(folder, 'none.creds') }, /none\.creds cannot be read \(NATS_CREDS/);
    await refusedFor({ servers, user: 'narrow', password: 'right' }, /answers under _INBOX: set NATS_INBOX_PREFIX/);
    const narrow = { servers, user: 'narrow', password: 'right', inboxPrefix: '_INBOX_narrow' };
    assert.is((await refusalOf(narrow)).code, 'JETSTREAM_DISABLED');
  },
  { limitMs: 30_000 },
);

/** The message names the variables to look at. */
const refusedFor = async (settings: Partial<NatsSettings>, says: RegExp): Promise<void> => {
  const began = performance.now();
  const { code, message } = await refusalOf(settings);
  assert.is(code, 'AUTHORIZATION_FAILED');
  assert.match(message, says);
  assert.ok(performance.now() - began < 3_000, 'and not when time is up');
};

const plainConfig = (port: number): string =>
  [
    `listen: "127.0.0.1:${port}"`,
    'authorization { users: [',
    '  { user: baton, password: right }',
    '  { user: narrow, password: right, permissions: { publish: ">", subscribe: "_INBOX_narrow.>" } }',
    '] }',
    '',
  ].join('\n');

test('ten at once make one set of streams and agree on the epoch', async (context) => {
  const namespace = freshNamespace();
  context.defer(() => dropNamespace(namespace));
  const wires = await Promise.all(Array.from({ length: 10 }, () => connected(context, namespace)));
  assert.is(new Set(wires.map((wire) => wire.epoch)).size, 1);
  assert.ok(Math.abs(Date.now() - (wires[0] as NatsWire).epoch) < 60_000);
});

test('a stream that is not what is needed is named with its field, and not changed', async (context) => {
  const names = namesOf(freshNamespace());
  context.defer(() => dropNamespace(names.namespace));
  const [tasks] = streamConfigs(names, { replicas: 1 });
  const create = `$JS.API.STREAM.CREATE.${names.tasksStream}`;
  const update = `$JS.API.STREAM.UPDATE.${names.tasksStream}`;
  await request(create, { ...tasks, allow_atomic: false, max_age: 3_600_000_000_000 });
  const refusal = await refusalOf({ namespace: names.namespace });
  assert.is(refusal.code, 'STREAM_MISMATCH');
  assert.match(refusal.message, names.tasksStream);
  assert.match(refusal.message, 'allow_atomic is not set, true is needed');
  assert.match(refusal.message, 'max_age is 3600000000000, 0 is needed');
  await request(update, tasks);
  await (await connectNats({ servers: natsUrl(), namespace: names.namespace })).close();
});

test('another number of partitions: PARTITIONS_MISMATCH', async (context) => {
  const names = namesOf(freshNamespace());
  context.defer(() => dropNamespace(names.namespace));
  const [tasks] = streamConfigs(names, { replicas: 1 });
  await request(`$JS.API.STREAM.CREATE.${names.tasksStream}`, {
    ...tasks,
    metadata: { ...tasks?.metadata, 'baton.partitions': '32' },
  });
  // The other streams are missing: what does not fit is told before anything is made.
  const refusal = await refusalOf({ namespace: names.namespace });
  assert.is(refusal.code, 'PARTITIONS_MISMATCH');
  assert.match(refusal.message, '"32"');
});

test(
  'a bucket made anew ends the link for good: EPOCH_CHANGED',
  async (context) => {
    const { defer } = context;
    const namespace = freshNamespace();
    const names = namesOf(namespace);
    defer(() => dropNamespace(namespace));
    const proxy = await openCuttableLink(natsUrl());
    defer(() => proxy.close());
    const wire = await connected(context, namespace, { servers: proxy.address });
    const ends: string[] = [];
    wire.link.onClosed((cause) => ends.push(cause.code));
    proxy.cut();
    await eventually(() => assert.not.ok(wire.link.connected));
    await request(`$JS.API.STREAM.DELETE.${names.tasksStream}`, undefined);
    await request(`$JS.API.STREAM.CREATE.${names.tasksStream}`, streamConfigs(names, { replicas: 1 })[0]);
    proxy.mend();
    await eventually(() => assert.equal(ends, ['EPOCH_CHANGED']), { limitMs: 10_000 });
    const late: string[] = [];
    wire.link.onClosed((cause) => late.push(cause.code));
    await eventually(() => assert.equal(late, ['EPOCH_CHANGED']));
    const write = await wire.records.publish(`${names.recordPrefix}00.job.${'0'.repeat(32)}`, Uint8Array.of(1), {
      expected: 0,
    });
    assert.is(write.kind, 'failed');
  },
  { limitMs: 30_000 },
);

test('a write to a bucket that was deleted: STORE_MISSING, and nothing is claimed', async (context) => {
  const names = namesOf(freshNamespace());
  const wire = await connected(context, names.namespace);
  await dropNamespace(names.namespace);
  const subject = (i: number) => `${names.recordPrefix}00.job.${String(i).padStart(32, '0')}`;
  const results = await Promise.all(
    Array.from({ length: 50 }, (_, i) => wire.records.publish(subject(i), Uint8Array.of(1), { expected: 0 })),
  );
  for (const result of results) assert.is(result.kind === 'failed' ? result.cause.code : result.kind, 'STORE_MISSING');
});

test(
  'a half-open connection with a full buffer is noticed within six seconds, and left',
  async (context) => {
    const { defer } = context;
    const namespace = freshNamespace();
    defer(() => dropNamespace(namespace));
    const proxy = await openCuttableLink(natsUrl());
    defer(() => proxy.close());
    const wire = await connected(context, namespace, { servers: proxy.address });
    proxy.freeze();
    const began = performance.now();
    const large = new Uint8Array(400_000);
    const subject = (i: number) => `${wire.names.recordPrefix}00.job.${String(i).padStart(32, '0')}`;
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, i) => wire.records.publish(subject(i), large, { expected: 0 })),
    );
    assert.ok(results.every((result) => result.kind === 'unknown'));
    await eventually(() => assert.not.ok(wire.link.connected));
    assert.ok(performance.now() - began < 6_000);
    proxy.mend();
    await eventually(() => assert.ok(wire.link.connected), { limitMs: 8_000 });
    assert.is((await wire.records.publish(subject(99), Uint8Array.of(1), { expected: 0 })).kind, 'written');
  },
  { limitMs: 30_000 },
);

test('a throwing callback does not hurt the connection', async (context) => {
  const namespace = freshNamespace();
  context.defer(() => dropNamespace(namespace));
  const faults: string[] = [];
  const wire = await connected(context, namespace, { onFault: (where) => faults.push(where) });
  listen(wire, 'loud.*', () => {
    throw new Error('boom');
  });
  wire.nc.publish('loud.1');
  await eventually(() => assert.equal(faults, ['message on loud.1']));
  assert.is(
    (
      await wire.records.publish(`${wire.names.recordPrefix}00.job.${'0'.repeat(32)}`, Uint8Array.of(1), {
        expected: 0,
      })
    ).kind,
    'written',
  );
});

test('settings that cannot be are refused before anything is sent', async () => {
  for (const namespace of ['baton', 'A.B', ''])
    assert.ok((await rejectionOf(connectNats({ servers: natsUrl(), namespace }))) instanceof RangeError);
  assert.is(codeOf(await rejectionOf(connectNats({ servers: '127.0.0.1:9', connectTimeoutMs: 300 }))), 'NOT_CONNECTED');
});

test('the event log is compressed by the server, and one that was made without is as good', async (context) => {
  const namespace = 'PACKED';
  context.defer(() => dropNamespace(namespace));
  const { api, names } = await connected(context, namespace);
  type Info = { readonly config: Readonly<Record<string, unknown>> };
  const config = async () => (await api.call<Info>(`STREAM.INFO.${names.eventsStream}`)).config;
  assert.is((await config())['compression'], 's2');
  await request(`$JS.API.STREAM.UPDATE.${names.eventsStream}`, { ...(await config()), compression: 'none' });
  await connected(context, namespace);
  assert.is((await config())['compression'], 'none');
});

test.run();
