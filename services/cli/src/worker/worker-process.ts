import { spawn } from 'node:child_process';
import { isLoaded, serveOrder } from './held.ts';

/** How a process ended, as a shell says it. */
export type ExitCode = number;

const SIGNAL_CODES = { SIGHUP: 129, SIGINT: 130, SIGKILL: 137, SIGTERM: 143 } as const;

const FAILED = 1;

/** A worker in a process of its own that shares this one's terminal, and ends when this one is gone. */
export type WorkerProcess = {
  readonly pid: number | undefined;
  /** Resolves with whether its tasks are loaded: false when it ended before. Only for one that was started held. */
  readonly loaded: Promise<boolean>;
  /** Resolves when it is gone. */
  readonly ended: Promise<ExitCode>;
  /** A held one may serve its tasks. */
  readonly serve: () => void;
  readonly signal: (signal: NodeJS.Signals) => void;
};

/** `loader`: arguments of `node` that let it import its tasks. `held`: it waits for `serve`. */
export const startWorkerProcess = (loader: readonly string[], { held = false } = {}): WorkerProcess => {
  const program = process.argv[1] ?? '';
  const args = [...process.execArgv, ...loader, program, WORKER_PROCESS, ...(held ? ['--held'] : [])];
  const child = spawn(process.execPath, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
  const ended = new Promise<ExitCode>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? SIGNAL_CODES[signal as keyof typeof SIGNAL_CODES] ?? FAILED));
  });
  const told = new Promise<true>((resolve) => {
    child.on('message', (message) => {
      if (isLoaded(message)) resolve(true);
    });
  });
  return {
    pid: child.pid,
    loaded: Promise.race([told, ended.then(() => false)]),
    ended,
    // Gone meanwhile: then `ended` says so.
    serve: () => void child.send(serveOrder, () => undefined),
    signal: (signal) => void child.kill(signal),
  };
};

/** The command of such a process; people call `worker`. */
export const WORKER_PROCESS = 'worker-process';
