import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { LocalServerError } from '../errors.ts';
import type { Guard } from './guard.ts';

const STOP_GRACE_MS = 8_000;
const LOG_LIMIT_BYTES = 20_000_000;
const LOG_TAIL_CHARS = 2_000;

export type UnexpectedExit = {
  /** The program that ended: `nats-server`, `mongod`, `postgres`, `ferretdb`, `redis-server`. */
  readonly program: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly logPath: string;
  /** The end of its log. */
  readonly logTail: string;
};

export type ProcessSpec = {
  readonly program: string;
  readonly command: string;
  readonly args: readonly string[];
  /** The whole environment of the process: what a developer has exported must not change a server's settings. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly logPath: string;
  /** The signal that asks it to end in order. */
  readonly politeSignal: NodeJS.Signals;
  readonly uid?: number;
  readonly gid?: number;
};

export type ProcessHooks = {
  readonly guard: Guard;
  readonly onStart: (pid: number) => void;
  readonly onEnd: (pid: number) => void;
  readonly onUnexpectedExit: (exit: UnexpectedExit) => void;
};

/** One running server program. It writes to a log file, so nothing here can slow it down or block it. */
export class ServerProcess {
  readonly pid: number;
  readonly spec: ProcessSpec;
  /** Settles when the process has ended, for whatever reason. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  #isExpectedToEnd = false;
  #hasEnded = false;

  constructor(spec: ProcessSpec, hooks: ProcessHooks) {
    this.spec = spec;
    this.#child = spawnLogged(spec);
    const { pid } = this.#child;
    this.pid = pid ?? 0;
    if (pid !== undefined) {
      hooks.guard.watch(pid, spec.politeSignal);
      hooks.onStart(pid);
    }
    this.ended = new Promise((resolve) => {
      const end = (exitCode: number | null, signal: NodeJS.Signals | null): void => {
        if (this.#hasEnded) return;
        this.#hasEnded = true;
        if (pid !== undefined) {
          hooks.guard.forget(pid);
          hooks.onEnd(pid);
        }
        if (!this.#isExpectedToEnd) hooks.onUnexpectedExit({ ...this.#tail(), exitCode, signal });
        resolve();
      };
      this.#child.on('error', () => end(null, null));
      this.#child.on('exit', end);
    });
  }

  get isRunning(): boolean {
    return !this.#hasEnded;
  }

  /** From now on its end is no news. */
  expectEnd(): void {
    this.#isExpectedToEnd = true;
  }

  signal(signal: NodeJS.Signals): void {
    if (!this.#hasEnded) this.#child.kill(signal);
  }

  /** Asks it to end, and makes it end after `graceMs`. */
  async stop(graceMs: number = STOP_GRACE_MS): Promise<void> {
    this.expectEnd();
    if (this.#hasEnded) return;
    this.signal('SIGCONT');
    this.signal(this.spec.politeSignal);
    const timer = setTimeout(() => this.signal('SIGKILL'), graceMs);
    await this.ended;
    clearTimeout(timer);
  }

  /** Waits until `isReady` holds. Fails with the end of the log when the process ends before or takes too long. */
  async waitUntilReady(isReady: () => Promise<boolean>, limitMs: number): Promise<void> {
    const deadlineMs = performance.now() + limitMs;
    for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 1.5, 100)) {
      if (await isReady()) return;
      if (this.#hasEnded) throw this.#failure('ended while starting');
      if (performance.now() > deadlineMs) throw this.#failure(`was not ready within ${limitMs / 1000} s`);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  #failure(what: string): LocalServerError {
    const { program, logPath, logTail } = this.#tail();
    return new LocalServerError('LOCAL_START_FAILED', `${program} ${what}. The end of ${logPath}:\n${logTail}`);
  }

  #tail(): { program: string; logPath: string; logTail: string } {
    const { program, logPath } = this.spec;
    return { program, logPath, logTail: readTail(logPath) };
  }
}

function spawnLogged({ command, args, env, cwd, logPath, uid, gid }: ProcessSpec): ChildProcess {
  if ((statSync(logPath, { throwIfNoEntry: false })?.size ?? 0) > LOG_LIMIT_BYTES) truncateSync(logPath);
  const log = openSync(logPath, 'a', 0o600);
  try {
    // Detached: Ctrl-C on the terminal then reaches the parent only, which may still need its servers to finish its work.
    return spawn(command, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env,
      cwd,
      ...(uid === undefined ? {} : { uid }),
      ...(gid === undefined ? {} : { gid }),
    });
  } finally {
    closeSync(log);
  }
}

function readTail(path: string): string {
  try {
    return readFileSync(path, 'utf8').slice(-LOG_TAIL_CHARS).trim();
  } catch {
    return '';
  }
}
