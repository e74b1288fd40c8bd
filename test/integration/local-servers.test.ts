// limit: 300s
// The local servers for real: what they keep, what they refuse, and that nothing of them stays behind.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { MongoClient } from 'mongodb';
import type { Collection } from 'mongodb';
import * as assert from 'uvu/assert';
import { startLocalServers, startMongo, startNats } from '@baton/local';
import type { LocalServers, LocalServersOptions, UnexpectedExit } from '@baton/local';
import { eventually } from '../support/eventually.ts';
import { suite } from '../support/suite.ts';
import type { TestContext } from '../support/suite.ts';

/** The servers are installed by now: the runner has started a pair for all tests. */
const isStopped = (pid: number): boolean => / T /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));

const limitMs = 60_000;

// This file is also the program that the tests start in a process of its own, to kill it.
if (process.env['BATON_LOCAL_TEST_DIR']) await holdServers(process.env['BATON_LOCAL_TEST_DIR']);
else declareTests();

async function holdServers(dataDir: string): Promise<void> {
  const servers = await startLocalServers({ dataDir });
  console.log(JSON.stringify([...servers.nats.pids(), ...servers.mongo.pids()]));
  await new Promise(() => {});
}

function declareTests(): void {
  const test = suite('local servers');

  test(
    'both start on free ports; nats-server fsyncs before it acknowledges; stop leaves no process',
    async (context) => {
      const servers = await start(context, { monitorPort: 0 });
      assert.match(await readFile(servers.nats.configPath, 'utf8'), /sync_interval: always/);
      const answer = await fetch(`${servers.nats.monitorUrl}/jsz`, { signal: AbortSignal.timeout(5_000) });
      const { config } = (await answer.json()) as { config: Record<string, unknown> };
      assert.is(config['sync_always'], true);
      const pids = [...servers.nats.pids(), ...servers.mongo.pids()];
      assert.ok(pids.length >= 2 && pids.every(isRunning));
      await servers.stop();
      await servers.stop();
      assert.equal(pids.filter(isRunning), []);
    },
    { limitMs },
  );

  test(
    'data is kept between two starts',
    async (context) => {
      const dataDir = await tempDir(context);
      const first = await start(context, { dataDir, durability: 'lazy' });
      assert.match(await readFile(first.nats.configPath, 'utf8'), /sync_interval: 1s/);
      await write(context, first);
      await first.stop();
      const second = await start(context, { dataDir });
      assert.equal(await readBack(context, second), { message: 'kept', document: 'kept' });
    },
    { limitMs },
  );

  test(
    'a killed server comes back on the same port with what it acknowledged',
    async (context) => {
      const servers = await start(context, {}, () => assert.unreachable('it was asked for'));
      await write(context, servers);
      await Promise.all([servers.nats.kill(), servers.mongo.kill()]);
      await Promise.all([servers.nats.restart(), servers.mongo.restart()]);
      assert.equal(await readBack(context, servers), { message: 'kept', document: 'kept' });
    },
    { limitMs },
  );

  test(
    'a paused server answers nothing until it is resumed',
    async (context) => {
      const servers = await start(context);
      const [nats, collection] = await Promise.all([natsOf(context, servers), collectionOf(context, servers)]);
      servers.nats.pause();
      servers.mongo.pause();
      // A signal takes a moment.
      await eventually(() => servers.nats.pids().every(isStopped) && servers.mongo.pids().some(isStopped));
      const answers = [nats.flush().then(() => 'answer'), collection.countDocuments().then(() => 'answer')];
      assert.equal(await Promise.all(answers.map((answer) => Promise.race([answer, sleep(300, 'silence')]))), [
        'silence',
        'silence',
      ]);
      servers.nats.resume();
      servers.mongo.resume();
      assert.equal(await Promise.all(answers), ['answer', 'answer']);
    },
    { limitMs },
  );

  test(
    'an end nobody asked for is told, with the end of the log',
    async (context) => {
      const exits: UnexpectedExit[] = [];
      const nats = await startNats({ onUnexpectedExit: (exit) => exits.push(exit) });
      context.defer(() => nats.stop());
      for (const pid of nats.pids()) process.kill(pid, 'SIGKILL');
      await eventually(() => exits.length > 0);
      const [exit] = exits as [UnexpectedExit];
      assert.is(exit.program, 'nats-server');
      assert.is(exit.signal, 'SIGKILL');
      assert.match(exit.logTail, 'Server is ready');
      await nats.restart();
      assert.is(nats.pids().length, 1);
    },
    { limitMs },
  );

  test('a given port that is taken is refused within a second', async (context) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    context.defer(() => other.close());
    const { port } = other.address() as AddressInfo;
    const startedMs = performance.now();
    assert.is(await codeOf(startNats({ port })), 'PORT_TAKEN');
    assert.is(await codeOf(startMongo({ port })), 'PORT_TAKEN');
    assert.ok(performance.now() - startedMs < 1_000);
  });

  test(
    'a data folder in use is refused',
    async (context) => {
      const dataDir = await tempDir(context);
      const nats = await startNats({ dataDir });
      context.defer(() => nats.stop());
      assert.is(await codeOf(startNats({ dataDir })), 'DATA_DIR_IN_USE');
    },
    { limitMs },
  );

  test(
    'kill -9 of the parent: its servers are gone within seconds',
    async (context) => {
      const { parent, pids } = await startHolder(context, await tempDir(context));
      assert.ok(pids.length >= 2 && pids.every(isRunning));
      parent.kill('SIGKILL');
      await eventually(() => pids.every((pid) => !isRunning(pid)), { limitMs: 8_000 });
    },
    { limitMs },
  );

  test(
    'servers that outlived parent and guard are ended by the next start, which finds their data',
    async (context) => {
      const dataDir = await tempDir(context);
      const { parent, pids } = await startHolder(context, dataDir);
      for (const guard of await guardsOf(parent)) process.kill(guard, 'SIGKILL');
      parent.kill('SIGKILL');
      await sleep(200);
      assert.ok(pids.every(isRunning), 'they should still run: nobody is there to end them');
      const servers = await start(context, { dataDir });
      assert.equal(pids.filter(isRunning), []);
      await write(context, servers);
    },
    { limitMs },
  );

  test.run();
}

async function tempDir({ defer }: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'baton-local-test-'));
  defer(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function start(
  { defer }: TestContext,
  options: LocalServersOptions = {},
  onUnexpectedExit: (exit: UnexpectedExit) => void = (exit) => console.error(exit),
): Promise<LocalServers> {
  const servers = await startLocalServers({ onUnexpectedExit, ...options });
  defer(() => servers.stop());
  return servers;
}

async function natsOf({ defer }: TestContext, servers: LocalServers): Promise<NatsConnection> {
  const nats = await connect({ servers: servers.natsUrl });
  defer(() => nats.close());
  return nats;
}

async function collectionOf({ defer }: TestContext, servers: LocalServers): Promise<Collection<{ _id: string }>> {
  const client = new MongoClient(servers.mongoUrl);
  defer(() => client.close());
  return client.db('local_servers').collection('kept');
}

async function write(context: TestContext, servers: LocalServers): Promise<void> {
  const nats = await natsOf(context, servers);
  await (await jetstreamManager(nats)).streams.add({ name: 'KEPT', subjects: ['kept'] });
  await jetstream(nats).publish('kept', 'kept');
  await (await collectionOf(context, servers)).insertOne({ _id: 'kept' });
}

async function readBack(context: TestContext, servers: LocalServers): Promise<{ message?: string; document?: string }> {
  const manager = await jetstreamManager(await natsOf(context, servers));
  const message = await manager.streams.getMessage('KEPT', { last_by_subj: 'kept' });
  const document = await (await collectionOf(context, servers)).findOne({});
  return { ...(message && { message: message.string() }), ...(document && { document: document._id }) };
}

async function startHolder({ defer }: TestContext, dataDir: string): Promise<{ parent: ChildProcess; pids: number[] }> {
  const env = { ...process.env, BATON_LOCAL_TEST_DIR: dataDir };
  const parent = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  defer(() => parent.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: parent.stdout as NodeJS.ReadableStream }), 'line')) as [string];
  return { parent, pids: JSON.parse(line) as number[] };
}

async function guardsOf(parent: ChildProcess): Promise<number[]> {
  const children = await readFile(`/proc/${parent.pid}/task/${parent.pid}/children`, 'utf8');
  const guards: number[] = [];
  for (const pid of children.trim().split(' ')) {
    if ((await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes('baton-guard')) guards.push(Number(pid));
  }
  return guards;
}

/** A zombie has ended and waits to be reaped, for which a container's first process may take its time. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return (error as { code?: string } | undefined)?.code;
}
