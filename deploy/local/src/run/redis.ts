import { connect } from 'node:net';
import { join } from 'node:path';
import { ensureRedis } from '../find/redis.ts';
import type { FoundRedis } from '../find/redis.ts';
import type { FindOptions } from '../find/search.ts';
import { serverEnv } from './local-server.ts';
import type { LocalServer, ServerOptions } from './local-server.ts';
import { choosePort } from './ports.ts';
import type { ProcessSpec } from './server-process.ts';
import { startSingleProgram } from './single-program.ts';

const PING_TIMEOUT_MS = 1_000;

export type RedisOptions = ServerOptions & {
  /** When the append-only file reaches the disk: before each answer, or once a second. */
  readonly fsync: 'always' | 'everysec';
  readonly find?: Omit<FindOptions, 'report'>;
};

/** Finds or installs `redis-server` and runs it with an append-only file, for this machine only. */
export async function startRedis(options: RedisOptions): Promise<LocalServer & { readonly pid: number }> {
  if (options.port) await choosePort('redis', options.port);
  const found = await ensureRedis({ ...options.find, ...(options.report ? { report: options.report } : {}) });
  const server = await startSingleProgram(
    {
      name: 'redis',
      version: `redis-server ${found.version}`,
      way: found.way,
      urlOf: (port) => `redis://127.0.0.1:${port}`,
      prepare: async (dataDir, port) => specOf(found, dataDir, port, options.fsync),
      isReady: answersPong,
    },
    options,
  );
  return { ...server, pid: server.pids()[0] ?? 0 };
}

function specOf(found: FoundRedis, dataDir: string, port: number, fsync: RedisOptions['fsync']): ProcessSpec {
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir: dataDir,
    appendonly: 'yes',
    appendfsync: fsync,
    save: '',
  };
  return {
    program: 'redis-server',
    command: found.path,
    args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    env: serverEnv(),
    cwd: dataDir,
    logPath: join(dataDir, 'redis-server.log'),
    politeSignal: 'SIGTERM',
  };
}

/** While it still loads its file it answers an error instead. */
function answersPong(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write('PING\r\n'));
    const finish = (isReady: boolean): void => {
      socket.destroy();
      resolve(isReady);
    };
    socket.setTimeout(PING_TIMEOUT_MS, () => finish(false));
    socket.on('error', () => finish(false));
    socket.on('close', () => finish(false));
    socket.on('data', (chunk) => finish(chunk.toString().startsWith('+PONG')));
  });
}
