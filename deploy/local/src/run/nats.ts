import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { ensureNats } from '../find/nats-server.ts';
import type { FindNatsOptions, FoundNats } from '../find/nats-server.ts';
import { serverEnv } from './local-server.ts';
import type { LocalServer, ServerOptions } from './local-server.ts';
import { choosePort } from './ports.ts';
import type { ProcessSpec } from './server-process.ts';
import { startSingleProgram } from './single-program.ts';

/**
 * - `durable`: every message is on disk (fsync) before it is acknowledged.
 * - `lazy`: fsync once a second; losing power loses up to a second. For comparisons with servers set like that.
 */
export type Durability = 'durable' | 'lazy';

const SYNC_INTERVAL: Record<Durability, string> = { durable: 'always', lazy: '1s' };
const INFO_TIMEOUT_MS = 1_000;

export type NatsOptions = ServerOptions & {
  readonly find?: Omit<FindNatsOptions, 'report'>;
  /** Defaults to `durable`. */
  readonly durability?: Durability;
  /** HTTP monitoring on this port; 0 picks a free one. No monitoring when not given. */
  readonly monitorPort?: number;
};

export type NatsServer = LocalServer & { readonly configPath: string; readonly monitorUrl?: string };

/** Finds or installs `nats-server` and runs it with JetStream, for this machine only. */
export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  // A taken port is told at once, not after an install.
  if (options.port) await choosePort('nats', options.port);
  const { monitorPort } = options;
  const monitor = monitorPort === undefined ? undefined : await choosePort('nats monitoring', monitorPort);
  const found = await ensureNats({ ...options.find, ...(options.report ? { report: options.report } : {}) });
  const server = await startSingleProgram(
    {
      name: 'nats',
      version: `nats-server ${found.version}`,
      way: found.way,
      urlOf: (port) => `nats://127.0.0.1:${port}`,
      prepare: (dataDir, port) =>
        prepare(found, dataDir, { port, monitor, durability: options.durability ?? 'durable' }),
      isReady: answersWithJetStream,
    },
    options,
  );
  const configPath = join(server.dataDir, 'nats-server.conf');
  return { ...server, configPath, ...(monitor === undefined ? {} : { monitorUrl: `http://127.0.0.1:${monitor}` }) };
}

type Config = { readonly port: number; readonly monitor: number | undefined; readonly durability: Durability };

async function prepare(found: FoundNats, dataDir: string, config: Config): Promise<ProcessSpec> {
  const configPath = join(dataDir, 'nats-server.conf');
  await writeFile(configPath, natsConfig(join(dataDir, 'jetstream'), config));
  return {
    program: 'nats-server',
    command: found.path,
    args: ['--config', configPath],
    env: serverEnv(),
    cwd: dataDir,
    logPath: join(dataDir, 'nats-server.log'),
    politeSignal: 'SIGTERM',
  };
}

export function natsConfig(storeDir: string, { port, monitor, durability }: Config): string {
  return [
    '# Written at every start; changes made here are lost.',
    'server_name: baton-local',
    `listen: "127.0.0.1:${port}"`,
    ...(monitor === undefined ? [] : [`http: "127.0.0.1:${monitor}"`]),
    'max_payload: 1MB',
    'jetstream {',
    `  store_dir: ${JSON.stringify(storeDir)}`,
    '  # The default, 2 min, would acknowledge what a power cut still takes away.',
    `  sync_interval: ${SYNC_INTERVAL[durability]}`,
    '}',
    '',
  ].join('\n');
}

/** The first thing a NATS server says is what it is. It listens only after its streams are recovered. */
function answersWithJetStream(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const finish = (isReady: boolean): void => {
      socket.destroy();
      resolve(isReady);
    };
    let text = '';
    socket.setTimeout(INFO_TIMEOUT_MS, () => finish(false));
    socket.on('error', () => finish(false));
    socket.on('close', () => finish(false));
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (text.includes('\r\n')) finish(text.startsWith('INFO ') && text.includes('"jetstream":true'));
    });
  });
}
