import { silentReporter } from '../report.ts';
import { DataDir } from './data-dir.ts';
import { endsProcess } from './local-server.ts';
import type { LocalServer, ServerOptions } from './local-server.ts';
import { keepPort, portFor } from './kept-port.ts';
import { ServerProcess } from './server-process.ts';
import type { ProcessSpec } from './server-process.ts';

const READY_LIMIT_MS = 30_000;
const PORT_TRIES = 3;

/** A server that is one program: everything but how it is called and when it is ready. */
export type SingleProgram = {
  readonly name: LocalServer['name'];
  readonly version: string;
  readonly way: string;
  readonly urlOf: (port: number) => string;
  /** Writes what the program reads and tells how to call it. */
  readonly prepare: (dataDir: string, port: number) => Promise<ProcessSpec>;
  readonly isReady: (port: number) => Promise<boolean>;
};

export async function startSingleProgram(program: SingleProgram, options: ServerOptions): Promise<LocalServer> {
  const startedMs = performance.now();
  const data = await DataDir.open(options.dataDir, program.name);
  try {
    const { running, port } = await startOnSomePort(program, options, data);
    const tookMs = Math.round(performance.now() - startedMs);
    const text = `${program.version} listens on ${program.urlOf(port)} (${tookMs} ms)`;
    (options.report ?? silentReporter)({ kind: 'note', server: program.name, text });
    return handleOf(program, options, data, port, running);
  } catch (error) {
    await data.close();
    throw error;
  }
}

type Started = { readonly running: ServerProcess; readonly port: number };

/** Between choosing a free port and listening on it another program can take it; then the next one is tried. */
async function startOnSomePort(program: SingleProgram, options: ServerOptions, data: DataDir): Promise<Started> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await portFor(program.name, options, data.path);
    try {
      const running = await launch(program, options, data, port);
      await keepPort(data.path, port);
      return { running, port };
    } catch (error) {
      const isBindFailure = /address already in use/i.test(String(error));
      if (!isBindFailure || options.port || attempt === PORT_TRIES) throw error;
    }
  }
}

async function launch(
  program: SingleProgram,
  options: ServerOptions,
  data: DataDir,
  port: number,
): Promise<ServerProcess> {
  let isStarting = true;
  const running = new ServerProcess(await program.prepare(data.path, port), {
    guard: data.guard,
    onStart: (pid) => data.started(pid),
    onEnd: (pid) => data.ended(pid),
    // While starting, the failure is thrown and needs no second voice.
    onUnexpectedExit: (exit) => isStarting || options.onUnexpectedExit?.(exit),
  });
  try {
    await running.waitUntilReady(() => program.isReady(port), READY_LIMIT_MS);
  } catch (error) {
    await running.stop(0);
    throw error;
  }
  isStarting = false;
  return running;
}

function handleOf(
  program: SingleProgram,
  options: ServerOptions,
  data: DataDir,
  port: number,
  first: ServerProcess,
): LocalServer {
  let running = first;
  let isStopped = false;
  return {
    name: program.name,
    url: program.urlOf(port),
    port,
    version: program.version,
    way: program.way,
    dataDir: data.path,
    logPaths: [first.spec.logPath],
    pids: () => (running.isRunning ? [running.pid] : []),
    kill: async (signal = 'SIGKILL') => {
      if (endsProcess(signal)) running.expectEnd();
      running.signal(signal);
      if (endsProcess(signal)) await running.ended;
    },
    restart: async () => {
      await running.stop();
      running = await launch(program, options, data, port);
    },
    pause: () => running.signal('SIGSTOP'),
    resume: () => running.signal('SIGCONT'),
    stop: async () => {
      if (isStopped) return;
      isStopped = true;
      await running.stop();
      await data.close();
    },
  };
}
