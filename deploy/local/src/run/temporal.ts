import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { ensureTemporal, type FoundTemporal } from '../find/temporal.ts';
import type { FindOptions } from '../find/search.ts';
import { serverEnv } from './local-server.ts';
import type { LocalServer, ServerOptions } from './local-server.ts';
import { freePort } from './ports.ts';
import type { ProcessSpec } from './server-process.ts';
import { startSingleProgram } from './single-program.ts';

const CONNECT_TIMEOUT_MS = 1_000;

export type TemporalOptions = ServerOptions & {
  /** When SQLite's log reaches the disk: before each answer, or when it is merged. */
  readonly fsync: 'always' | 'checkpoint';
  readonly find?: Omit<FindOptions, 'report'>;
};

/**
 * Finds or installs Temporal's server and runs all of its services in one process on SQLite, as its development server does,
 * for this machine only. `packages`: folder whose `node_modules` has its packages for Node. No namespace is there yet.
 */
export async function startTemporal(
  options: TemporalOptions,
): Promise<LocalServer & { readonly pid: number; readonly packages: string }> {
  const found = await ensureTemporal({ ...options.find, ...(options.report ? { report: options.report } : {}) });
  const server = await startSingleProgram(
    {
      name: 'temporal',
      version: `temporal-server ${found.version}`,
      way: 'go',
      urlOf: (port) => `127.0.0.1:${port}`,
      prepare: async (dataDir, port) => specOf(found, dataDir, port, options.fsync),
      isReady: listens,
    },
    options,
  );
  return { ...server, pid: server.pids()[0] ?? 0, packages: found.packages };
}

const SERVICES = ['frontend', 'matching', 'history', 'worker'] as const;

async function specOf(
  found: FoundTemporal,
  dataDir: string,
  port: number,
  fsync: TemporalOptions['fsync'],
): Promise<ProcessSpec> {
  const services: Record<string, object> = {};
  for (const name of SERVICES) {
    const grpcPort = name === 'frontend' ? port : await freePort();
    services[name] = { rpc: { grpcPort, membershipPort: await freePort(), bindOnLocalHost: true } };
  }
  const store = (file: string): object => ({
    sql: {
      pluginName: 'sqlite',
      databaseName: join(dataDir, file),
      connectAddr: 'localhost',
      connectProtocol: 'tcp',
      connectAttributes: {
        cache: 'private',
        setup: 'true',
        journal_mode: 'wal',
        synchronous: fsync === 'always' ? '2' : '1',
      },
      maxConns: 1,
      maxIdleConns: 1,
      maxConnLifetime: '1h',
    },
  });
  const config = {
    log: { stdout: true, level: 'warn' },
    persistence: {
      defaultStore: 'default',
      visibilityStore: 'visibility',
      numHistoryShards: 1,
      datastores: { default: store('default.db'), visibility: store('visibility.db') },
    },
    global: { membership: { maxJoinDuration: '30s', broadcastAddress: '127.0.0.1' } },
    services,
    clusterMetadata: {
      enableGlobalNamespace: false,
      failoverVersionIncrement: 10,
      masterClusterName: 'active',
      currentClusterName: 'active',
      clusterInformation: {
        active: {
          enabled: true,
          initialFailoverVersion: 1,
          rpcName: 'frontend',
          rpcAddress: `127.0.0.1:${port}`,
        },
      },
    },
    dcRedirectionPolicy: { policy: 'noop' },
    archival: { history: { state: 'disabled' }, visibility: { state: 'disabled' } },
  };
  const folder = join(dataDir, 'config');
  await mkdir(folder, { recursive: true });
  // YAML takes JSON.
  await writeFile(join(folder, 'local.yaml'), JSON.stringify(config, undefined, 2));
  return {
    program: 'temporal-server',
    command: found.path,
    args: ['--root', dataDir, '--config', 'config', '--env', 'local', '--allow-no-auth', 'start'],
    env: serverEnv(),
    cwd: dataDir,
    logPath: join(dataDir, 'temporal-server.log'),
    politeSignal: 'SIGTERM',
  };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => finish(true));
    const finish = (isReady: boolean): void => {
      socket.destroy();
      resolve(isReady);
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => finish(false));
    socket.on('error', () => finish(false));
  });
}
