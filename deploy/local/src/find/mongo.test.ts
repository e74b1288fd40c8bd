import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { TestContext } from '../../../../test/support/suite.ts';
import { ServerUnavailableError } from '../errors.ts';
import type { ReportEvent } from '../report.ts';
import { ensureMongo } from './mongo.ts';

const test = suite('local: finding a MongoDB');

async function emptyMachine({ defer }: TestContext): Promise<{ bin: string; env: NodeJS.ProcessEnv }> {
  const root = await mkdtemp(join(tmpdir(), 'baton-machine-'));
  defer(() => rm(root, { recursive: true, force: true }));
  // Else a test run by root would look into the cache that stands in for a closed folder.
  await chmod(root, 0o755);
  const bin = join(root, 'bin');
  await mkdir(bin);
  return { bin, env: { PATH: bin, BATON_CACHE: join(root, 'cache'), HOME: root } };
}

async function writeProgram(path: string, version: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\necho "db version v${version}"\n`);
  await chmod(path, 0o755);
}

/** The library that downloads reads its settings from this process's environment. */
function setEnv({ defer }: TestContext, values: Record<string, string>): void {
  for (const [name, value] of Object.entries(values)) {
    const before = process.env[name];
    process.env[name] = value;
    defer(() => (before === undefined ? delete process.env[name] : (process.env[name] = before)));
  }
}

/** An archive like the official one, whose program is a script that says its version. */
async function serveArchive(context: TestContext, md5?: string): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'baton-archive-'));
  context.defer(() => rm(dir, { recursive: true, force: true }));
  await mkdir(join(dir, 'mongodb/bin'), { recursive: true });
  await writeProgram(join(dir, 'mongodb/bin/mongod'), '8.2.6');
  execFileSync('tar', ['-czf', join(dir, 'archive.tgz'), '-C', dir, 'mongodb']);
  const archive = await readFile(join(dir, 'archive.tgz'));
  const sum = md5 ?? createHash('md5').update(archive).digest('hex');
  const server = createServer((request, response) => {
    response.end(request.url?.endsWith('.md5') ? `${sum}  archive.tgz\n` : archive);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.defer(() => server.close());
  const { port } = server.address() as AddressInfo;
  setEnv(context, { MONGOMS_DOWNLOAD_MIRROR: `http://127.0.0.1:${port}`, MONGOMS_USE_HTTP: '1' });
}

async function failureOf(work: Promise<unknown>): Promise<ServerUnavailableError> {
  const error = await work.catch((thrown: unknown) => thrown);
  assert.instance(error, ServerUnavailableError);
  return error as ServerUnavailableError;
}

test('the one on PATH is taken first', async (context) => {
  const { bin, env } = await emptyMachine(context);
  await writeProgram(join(bin, 'mongod'), '8.0.4');
  const found = await ensureMongo({ env });
  assert.equal(found, { kind: 'mongod', path: join(bin, 'mongod'), version: '8.0.4', way: 'path', fromCache: false });
});

test('the official build is downloaded, checked and kept', async (context) => {
  const { env } = await emptyMachine(context);
  await serveArchive(context);
  const events: ReportEvent[] = [];
  const found = await ensureMongo({ env, report: (event) => events.push(event) });
  assert.is(found.kind === 'mongod' && found.way, 'download');
  assert.is(found.version, '8.2.6');
  assert.ok(events.some((event) => event.kind === 'progress' && event.unit === 'MB'));
  assert.equal(await ensureMongo({ env }), { ...found, fromCache: true });
});

test('a download with a wrong checksum is refused', async (context) => {
  const { env } = await emptyMachine(context);
  await serveArchive(context, '0'.repeat(32));
  const error = await failureOf(ensureMongo({ env: { ...env, BATON_LOCAL_MONGO: 'mongod' } }));
  assert.match(error.attempts.at(-1)?.reason ?? '', /md5/i);
});

test('one that is too old for the driver is refused', async (context) => {
  const { bin, env } = await emptyMachine(context);
  await writeProgram(join(bin, 'mongod'), '4.2.25');
  setEnv(context, { MONGOMS_DOWNLOAD_MIRROR: 'http://127.0.0.1:9' });
  const error = await failureOf(ensureMongo({ env }));
  assert.match(error.message, '4.2.25, which is too old (4.4 or newer is needed)');
});

test('nothing works: one error names everything tried, with the reason, and both variables', async (context) => {
  const { env } = await emptyMachine(context);
  setEnv(context, { MONGOMS_DOWNLOAD_MIRROR: 'http://127.0.0.1:9' });
  const error = await failureOf(ensureMongo({ env }));
  assert.is(error.code, 'LOCAL_MONGO_UNAVAILABLE');
  const ways = [
    'mongod on PATH',
    'mongod in the cache',
    'official mongod download',
    'DocumentDB on PostgreSQL from Debian',
  ];
  for (const way of [...ways, 'ECONNREFUSED', 'apt-get', 'NATS_URL', 'MONGODB_URL']) assert.match(error.message, way);
});

test('a forced kind leaves the other out', async (context) => {
  const { bin, env } = await emptyMachine(context);
  await writeProgram(join(bin, 'mongod'), '8.0.4');
  const error = await failureOf(ensureMongo({ env: { ...env, BATON_LOCAL_MONGO: 'documentdb' } }));
  assert.ok(error.attempts.every(({ way }) => way.startsWith('DocumentDB')));
});

test('a kind that does not exist is refused', async (context) => {
  const { env } = await emptyMachine(context);
  const error = await ensureMongo({ env: { ...env, BATON_LOCAL_MONGO: 'postgres' } }).catch(
    (thrown: unknown) => thrown,
  );
  assert.is((error as { code?: string }).code, 'LOCAL_SETTING_INVALID');
});

test.run();
