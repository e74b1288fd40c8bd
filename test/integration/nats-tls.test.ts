// NATS and MongoDB by TLS: who is trusted, who is let in, and what is said when it is not so. Certificates by openssl.
import { readFileSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { connectMongo } from '@baton/mongo';
import { connectPorts } from '@baton/nats';
import { BatonError } from '@baton/runtime';
import { connect, task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { createAuthority, type Authority, type Certificate } from '../support/certificates.ts';
import { startConfiguredNats, type ConfiguredNats } from '../support/configured-nats.ts';
import { suite, type TestContext } from '../support/suite.ts';
import { databaseUrl, mainOf, sharedServers } from '../support/system-fixture.ts';
import { SystemProcess } from '../support/system-process.ts';

const test = suite('tls');

/** A server with JetStream and TLS; `verify`: it asks clients for a certificate. */
const startTlsNats = async (
  context: TestContext,
  { ca, issue }: Authority,
  verify: boolean,
  ...names: readonly string[]
): Promise<ConfiguredNats> => {
  const { cert, key } = issue(verify ? 'strict-server' : 'server', ...names);
  const path = join(dirname(ca), `${verify ? 'strict' : 'plain'}.conf`);
  const files = Object.entries({ cert_file: cert, key_file: key, ca_file: ca }).map(
    ([name, file]) => `${name}: ${JSON.stringify(file)}`,
  );
  const store = `jetstream { store_dir: ${JSON.stringify(join(dirname(ca), path.endsWith('strict.conf') ? 'js2' : 'js'))} }`;
  writeFileSync(path, [store, `tls { ${files.join(', ')}, verify: ${verify} }`].join('\n'));
  return startConfiguredNats(context, path);
};

const codeAndText = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof BatonError) return `${error.code} ${error.message}`;
    throw error;
  }
  throw new Error('it came in');
};

test('a client with the right authority runs tasks, lease and all; with another one, or a wrong name, it is told so at once', async (context) => {
  const authority = createAuthority(context);
  const nats = await startTlsNats(context, authority, false, 'DNS:localhost');
  const servers = nats.url.replace('127.0.0.1', 'localhost');
  const tls = { caFile: authority.ca };
  const double = task({ name: 'tls.double' }, (n: number) => n * 2);
  const baton = await connect({ servers, tls, user: { id: 'alice' } });
  context.defer(() => baton.close());
  const worker = await baton.startWorker({ tasks: [double] });
  context.defer(() => worker.drain());
  assert.is(worker.stats().lease?.held, true, 'the lease has a connection of its own');
  assert.is((await baton.within(() => double(21))).result, 42);

  const began = performance.now();
  const other = createAuthority(context);
  assert.match(await codeAndText(connectPorts({ servers, tls: { caFile: other.ca } })), /^TLS_FAILED .*NATS_CA/);
  assert.match(await codeAndText(connectPorts({ servers })), /^TLS_FAILED .*no authority that is known/);
  assert.match(await codeAndText(connectPorts({ servers: nats.url, tls })), /^TLS_FAILED .*for other names/);
  assert.match(
    await codeAndText(connectPorts({ servers, tls: { caFile: '/none.pem' } })),
    /^TLS_FAILED \/none\.pem.*read/,
  );
  assert.ok(performance.now() - began < 4_000, 'none of these is waited for');
});

test('a server that asks for certificates lets in who shows one of its authority, and nobody else', async (context) => {
  const authority = createAuthority(context);
  const { url: servers } = await startTlsNats(context, authority, true, 'IP:127.0.0.1');
  const files = ({ cert, key }: Certificate) => ({ caFile: authority.ca, certFile: cert, keyFile: key });
  const ports = await connectPorts({ servers, tls: files(authority.issue('client')) });
  await ports.close();
  const refused = async (tls: object): Promise<void> =>
    assert.match(
      await codeAndText(connectPorts({ servers, tls, connectTimeoutMs: 1_500 })),
      /^NOT_CONNECTED .*NATS_CERT/,
    );
  await refused({ caFile: authority.ca });
  const stranger = createAuthority(context).issue('stranger');
  await refused({ ...files(stranger), caFile: authority.ca });
});

test('who asks for TLS sends nothing to a server that says it has none', async ({ defer }) => {
  let heard = '';
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('data', (chunk) => (heard += chunk.toString()));
    socket.on('error', () => {});
    socket.write('INFO {"server_id":"x","version":"2.15.2","proto":1,"headers":true,"max_payload":1048576}\r\n');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  defer(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const login = { user: 'worker', password: 'secret', connectTimeoutMs: 1_000 };
  assert.match(await codeAndText(connectPorts({ servers: `tls://${at}`, ...login })), /^TLS_FAILED .*it has no TLS/);
  const mixed = `nats://${at},tls://${at}`;
  assert.match(await codeAndText(connectPorts({ servers: mixed, ...login })), /^TLS_FAILED .*it has no TLS/);
  assert.is(heard, '', 'neither the password nor anything else');
});

test('a service with the wrong authority ends with code 3, with a file that is not there with 2; it says which variable is wrong', async (context) => {
  const authority = createAuthority(context);
  const nats = await startTlsNats(context, authority, false, 'IP:127.0.0.1');
  const start = async (env: Readonly<Record<string, string>>): Promise<SystemProcess> => {
    const args = [mainOf('supervisor')];
    const service = new SystemProcess({ name: 'supervisor', args, env: { NATS_URL: nats.url, ...env } });
    context.defer(() => service.destroy());
    await service.start();
    return service;
  };
  const wrong = await start({ NATS_CA: createAuthority(context).ca });
  assert.is((await wrong.ended).code, 3);
  assert.match(wrong.output, /"code":"TLS_FAILED".*NATS_CA/);
  const none = await start({ NATS_CA: '/nope/ca.crt', NATS_CREDS: '/nope/creds' });
  assert.is((await none.ended).code, 2);
  assert.match(none.output, /"code":"CONFIG_INVALID".*NATS_CREDS names \/nope\/creds.*NATS_CA names \/nope\/ca\.crt/);
  const half = await start({ NATS_CA: authority.ca, NATS_CERT: authority.ca });
  assert.is((await half.ended).code, 2);
  assert.match(half.output, 'NATS_KEY is missing beside NATS_CERT');
});

test('MongoDB by TLS as its address says, and not by an authority that is not its own', async (context) => {
  const authority = createAuthority(context);
  const { cert, key } = authority.issue('mongo', 'IP:127.0.0.1');
  const { hostname, port } = new URL(sharedServers().mongoUrl);
  // The server of the tests has no TLS: it ends before it, as behind a proxy.
  const sockets = new Set<Socket>();
  const proxy = createTlsServer({ cert: readFileSync(cert), key: readFileSync(key) }, (outer) => {
    const inner = connectTcp(Number(port), hostname);
    for (const [from, to] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.pipe(to);
    }
  });
  proxy.on('tlsClientError', () => {});
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
  context.defer(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  const at = `mongodb://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const url = (ca: string): string =>
    `${databaseUrl(at, 'tls')}?tls=true&tlsCAFile=${encodeURIComponent(ca)}&directConnection=true`;
  const mongo = await connectMongo({ url: url(authority.ca), selectMs: 5_000 });
  await mongo.ping();
  await mongo.close();
  assert.match(
    await codeAndText(connectMongo({ url: url('/nope/ca.crt') })),
    /^CONFIG_INVALID .*MONGODB_URL names \/nope\/ca\.crt, which cannot be read: there is no such file/s,
  );
  const other = connectMongo({ url: url(createAuthority(context).ca), selectMs: 1_000 });
  assert.match(await codeAndText(other), /^MONGO_UNAVAILABLE .*certificate/);
});

test.run();
