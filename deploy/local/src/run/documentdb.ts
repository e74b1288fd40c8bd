import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FoundDocumentDb } from '../find/documentdb.ts';
import { silentReporter } from '../report.ts';
import { DataDir } from './data-dir.ts';
import { keepPort, portFor } from './kept-port.ts';
import { serverEnv } from './local-server.ts';
import type { LocalServer, ServerOptions } from './local-server.ts';
import { answersPing } from './mongo-ping.ts';
import { Postgres } from './postgres.ts';
import { ServerProcess } from './server-process.ts';
import type { ProcessHooks } from './server-process.ts';

const READY_LIMIT_MS = 30_000;
const PORT_TRIES = 3;

/** DocumentDB is two programs: PostgreSQL keeps the data, FerretDB in front of it speaks MongoDB's protocol. */
export async function startDocumentDb(found: FoundDocumentDb, options: ServerOptions): Promise<LocalServer> {
  const startedMs = performance.now();
  const report = options.report ?? silentReporter;
  const data = await DataDir.open(options.dataDir, 'mongo');
  let isStarting = true;
  const hooks: ProcessHooks = {
    guard: data.guard,
    onStart: (pid) => data.started(pid),
    onEnd: (pid) => data.ended(pid),
    // While starting, the failure is thrown and needs no second voice.
    onUnexpectedExit: (exit) => isStarting || options.onUnexpectedExit?.(exit),
  };
  try {
    // Loads the driver while PostgreSQL starts.
    void import('./mongo-driver.ts').catch(() => {});
    const postgres = await Postgres.start(found.postgres, { dataDir: data.path, hooks, report });
    const { ferret, port } = await startFerretOnSomePort(found, options, data.path, postgres, hooks).catch(
      async (error: unknown) => {
        await postgres.stop();
        throw error;
      },
    );
    isStarting = false;
    const tookMs = Math.round(performance.now() - startedMs);
    report({ kind: 'note', server: 'mongo', text: `${found.version} listens on ${urlOf(port)} (${tookMs} ms)` });
    return handleOf({ found, data, hooks, postgres, port }, ferret);
  } catch (error) {
    await data.close();
    throw error;
  }
}

const urlOf = (port: number): string => `mongodb://127.0.0.1:${port}/`;

async function startFerretOnSomePort(
  found: FoundDocumentDb,
  options: ServerOptions,
  dataDir: string,
  postgres: Postgres,
  hooks: ProcessHooks,
): Promise<{ ferret: ServerProcess; port: number }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await portFor('mongo', options, dataDir);
    try {
      const ferret = await startFerret({ found, dataDir, postgres, port, hooks });
      await keepPort(dataDir, port);
      return { ferret, port };
    } catch (error) {
      const isBindFailure = /address already in use/i.test(String(error));
      if (!isBindFailure || options.port || attempt === PORT_TRIES) throw error;
    }
  }
}

type FerretStart = {
  readonly found: FoundDocumentDb;
  readonly dataDir: string;
  readonly postgres: Postgres;
  readonly port: number;
  readonly hooks: ProcessHooks;
};

async function startFerret({ found, dataDir, postgres, port, hooks }: FerretStart): Promise<ServerProcess> {
  const stateDir = join(dataDir, 'ferretdb');
  await mkdir(stateDir, { recursive: true });
  const flags = {
    'postgresql-url-file': await postgres.writeUrlFile(stateDir),
    'listen-addr': `127.0.0.1:${port}`,
    'state-dir': stateDir,
    telemetry: 'disable',
    // Its default is a port that Baton's page wants.
    'debug-addr': '-',
    'log-level': 'WARN',
  };
  const ferret = new ServerProcess(
    {
      program: 'ferretdb',
      command: found.ferretPath,
      // Everything is on loopback; the password is between FerretDB and PostgreSQL.
      args: [...Object.entries(flags).map(([name, value]) => `--${name}=${value}`), '--no-auth'],
      env: serverEnv(),
      cwd: stateDir,
      logPath: join(dataDir, 'ferretdb.log'),
      politeSignal: 'SIGTERM',
    },
    hooks,
  );
  try {
    await ferret.waitUntilReady(() => answersPing(port), READY_LIMIT_MS);
    return ferret;
  } catch (error) {
    await ferret.stop(0);
    throw error;
  }
}

type Running = {
  readonly found: FoundDocumentDb;
  readonly data: DataDir;
  readonly hooks: ProcessHooks;
  readonly postgres: Postgres;
  readonly port: number;
};

function handleOf({ found, data, hooks, postgres, port }: Running, first: ServerProcess): LocalServer {
  let ferret = first;
  let isStopped = false;
  return {
    name: 'mongo',
    url: urlOf(port),
    port,
    version: found.version,
    way: found.way,
    dataDir: data.path,
    logPaths: [postgres.logPath, ferret.spec.logPath],
    pids: () => [...postgres.pids(), ...(ferret.isRunning ? [ferret.pid] : [])],
    // A crash takes both, as with a server that is one program. A FerretDB that outlived its PostgreSQL would also hand out
    // pooled connections that are dead, to whoever asks first after the restart.
    kill: async (signal = 'SIGKILL') => {
      await Promise.all([postgres.kill(signal), endFerret(ferret, signal)]);
    },
    restart: async () => {
      await endFerret(ferret, 'SIGKILL');
      await postgres.restart();
      ferret = await startFerret({ found, dataDir: data.path, postgres, port, hooks });
    },
    // PostgreSQL is many processes; for a client the one door it all comes through is the server.
    pause: () => ferret.signal('SIGSTOP'),
    resume: () => ferret.signal('SIGCONT'),
    stop: async () => {
      if (isStopped) return;
      isStopped = true;
      await ferret.stop();
      await postgres.stop();
      await data.close();
    },
  };
}

async function endFerret(ferret: ServerProcess, signal: NodeJS.Signals): Promise<void> {
  ferret.expectEnd();
  ferret.signal('SIGCONT');
  ferret.signal(signal);
  await ferret.ended;
}
