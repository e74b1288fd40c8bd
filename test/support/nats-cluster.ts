import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureNats } from '@baton/local';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import * as assert from 'uvu/assert';
import { eventually } from './eventually.ts';
import { freePorts } from './free-port.ts';
import type { TestContext } from './test-body.ts';

export type NatsCluster = {
  /** Addresses of all servers, as `NATS_URL` takes them. */
  readonly urls: readonly string[];
  /** Of the servers that run now. */
  readonly pids: () => readonly number[];
  /** Ends a server at once, as a power cut does to its process. */
  readonly kill: (index: number) => Promise<void>;
  /** Starts it again on what it has on disk. */
  readonly restart: (index: number) => Promise<void>;
};

type Member = { readonly config: string; readonly url: string; child: ChildProcess | undefined };

const SIZE = 3;

/** `syncInterval`: how often they fsync; as nats-server has it when not given. */
export type NatsClusterOptions = { readonly syncInterval?: string };

/** Three servers on this machine, ready to keep three copies of everything. */
export const startNatsCluster = async (
  { defer }: Pick<TestContext, 'defer'>,
  options: NatsClusterOptions = {},
): Promise<NatsCluster> => {
  const { path } = await ensureNats();
  const folder = mkdtempSync(join(tmpdir(), 'baton-cluster-'));
  const ports = await freePorts(2 * SIZE);
  const members = Array.from({ length: SIZE }, (_, i): Member => memberAt(folder, i, ports, options));

  const start = async (member: Member): Promise<void> => {
    const child = spawn(path, ['-c', member.config], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    member.child = child;
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-TAIL_CHARS)));
    await eventually(() => assert.match(said, 'Server is ready'), { limitMs: 20_000 });
  };
  const end = async (member: Member): Promise<void> => {
    const { child } = member;
    member.child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once('close', done));
    child.kill('SIGKILL');
    await ended;
  };
  defer(async () => {
    await Promise.all(members.map(end));
    rmSync(folder, { recursive: true, force: true });
  });
  await Promise.all(members.map(start));
  await eventually(() => answers(members.map(({ url }) => url)), { limitMs: 30_000, everyMs: 200 });
  const member = (index: number): Member => members[index % SIZE] as Member;
  return {
    urls: members.map(({ url }) => url),
    pids: () => members.flatMap(({ child }) => child?.pid ?? []),
    kill: (index) => end(member(index)),
    restart: (index) => start(member(index)),
  };
};

const TAIL_CHARS = 20_000;

const memberAt = (
  folder: string,
  index: number,
  ports: readonly number[],
  { syncInterval }: NatsClusterOptions,
): Member => {
  const home = join(folder, `n${index}`);
  mkdirSync(home);
  const config = join(home, 'nats-server.conf');
  const [client, route] = [ports[index], ports[SIZE + index]];
  const routes = ports.slice(SIZE).map((port) => `"nats-route://127.0.0.1:${port}"`);
  const lines = [
    `server_name: n${index}`,
    `listen: "127.0.0.1:${client}"`,
    'max_payload: 1MB',
    'ping_interval: "2s"',
    'ping_max: 2',
    `jetstream { store_dir: ${JSON.stringify(home)}${syncInterval === undefined ? '' : `, sync_interval: ${syncInterval}`} }`,
    `cluster { name: baton, listen: "127.0.0.1:${route}", routes: [${routes.join(', ')}] }`,
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  return { config, url: `nats://127.0.0.1:${client}`, child: undefined };
};

/** A leader is elected, and three servers take copies. */
const answers = async (servers: readonly string[]): Promise<void> => {
  const nc = await connect({ servers: [...servers], timeout: 2_000 });
  try {
    const jsm = await jetstreamManager(nc, { timeout: 2_000 });
    await jsm.streams.add({ name: 'PROBE', num_replicas: SIZE, subjects: ['probe'] });
    await jsm.streams.delete('PROBE');
  } finally {
    await nc.close();
  }
};
