import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Guard } from '@baton/local';
import { BatonError } from '@baton/runtime';
import { reasonIn } from './log-reason.ts';

export type ServiceProcess = {
  /** Resolves with its log so far when it says that it has started; rejects with BatonError `SERVICE_NOT_STARTED`. */
  readonly started: Promise<string>;
  /** SIGTERM, then SIGKILL when that takes too long. Resolves when it is gone. */
  readonly stop: () => Promise<void>;
};

type StartOptions = {
  readonly name: string;
  /** Arguments after the program. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFolder: string;
  /** Ends it when this process is gone, also while its own event loop does not turn. */
  readonly guard: Guard;
  /** Called when it ends and nobody asked for it: how, and why as far as its log says. */
  readonly onExit: (how: string, why: string) => void;
};

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 10_000;
const TAIL_CHARS = 8_000;

/** Starts a service as a process of its own, its log in a file. It can be stopped from here on, also while it starts. */
export const startProcess = (options: StartOptions): ServiceProcess => {
  const { name, args, env, logFolder, guard } = options;
  mkdirSync(logFolder, { recursive: true });
  const logFile = join(logFolder, `${name}.log`);
  const log = createWriteStream(logFile, { flags: 'a' });
  const program = process.argv[1] ?? '';
  const child = spawn(process.execPath, ['--enable-source-maps', program, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const { pid } = child;
  if (pid !== undefined) guard.watch(pid, 'SIGTERM');
  let stopping = false;
  const exited = new Promise<void>((resolve) => {
    child.once('close', (code, signal) => {
      log.end();
      if (pid !== undefined) guard.forget(pid);
      if (!stopping) options.onExit(`the ${name} ended with ${signal ?? `code ${code}`}`, reasonIn(tail));
      resolve();
    });
  });
  let tail = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      log.write(chunk);
      tail = (tail + chunk.toString()).slice(-TAIL_CHARS);
    });
  }
  const stop = async (): Promise<void> => {
    stopping = true;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await exited;
    clearTimeout(timer);
  };
  return { started: started(child, name, logFile), stop };
};

const started = (child: ChildProcess, name: string, logFile: string): Promise<string> =>
  new Promise((resolve, reject) => {
    let seen = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(`has not started within ${START_LIMIT_MS / 1_000} s`);
    }, START_LIMIT_MS);
    const fail = (what: string): void => {
      clearTimeout(timer);
      reject(new BatonError('SERVICE_NOT_STARTED', `the ${name} ${what}\n${reasonIn(seen)}\nIts log is ${logFile}`));
    };
    // All it wrote is here by then.
    child.once('close', (code) => fail(`ended with code ${code} while it started`));
    child.once('error', (error) => fail(`could not be run: ${error.message}`));
    const look = (chunk: Buffer): void => {
      seen += chunk.toString();
      if (!seen.includes('"msg":"started"')) return;
      clearTimeout(timer);
      child.stdout?.off('data', look);
      resolve(seen);
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', (chunk: Buffer) => {
      if (seen.length < 10 * TAIL_CHARS) seen += chunk.toString();
    });
  });
