import { spawn } from 'node:child_process';
import type { SpawnOptions } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { Guard } from '../run/guard.ts';

export type CommandOptions = {
  /** The command is ended when it takes longer. */
  readonly timeoutMs: number;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Called for each line of standard error. */
  readonly onErrorLine?: (line: string) => void;
  /** Called for each line the command writes to file descriptor 3. */
  readonly onStatusLine?: (line: string) => void;
};

export type CommandOutput = { readonly stdout: string; readonly stderr: string };

/** A command could not be run, failed or took too long; the message ends with its last words. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

const KEPT_OUTPUT_CHARS = 1_000_000;

/** Ends commands that still run when this process is gone: an install of minutes must not go on for nobody. */
let guard: Guard | undefined;

/** Runs a command to its end. Standard input is empty, so nothing can wait for an answer. */
export function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<CommandOutput> {
  const child = spawn(command, args, spawnOptions(options));
  const { pid } = child;
  if (pid !== undefined) {
    (guard ??= new Guard()).watch(pid, 'SIGTERM');
    child.once('exit', () => guard?.forget(pid));
  }
  const out = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out.stdout = (out.stdout + text).slice(-KEPT_OUTPUT_CHARS);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    out.stderr = (out.stderr + text).slice(-KEPT_OUTPUT_CHARS);
  });
  if (options.onErrorLine) createInterface({ input: child.stderr as Readable }).on('line', options.onErrorLine);
  if (options.onStatusLine) createInterface({ input: child.stdio[3] as Readable }).on('line', options.onStatusLine);
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, options.timeoutMs);
    const fail = (why: string): void => reject(new CommandError(`${command} ${args[0] ?? ''} ${why}`));
    child.on('error', (error) => {
      clearTimeout(timer);
      fail(`could not be run: ${error.message}`);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (late) fail(`took longer than ${Math.round(options.timeoutMs / 1000)} s`);
      else if (code !== 0) fail(`ended with ${signal ?? `exit code ${code}`}${lastWords(out)}`);
      else resolve(out);
    });
  });
}

function spawnOptions(options: CommandOptions): SpawnOptions {
  return {
    stdio: ['ignore', 'pipe', 'pipe', options.onStatusLine ? 'pipe' : 'ignore'],
    ...(options.env ? { env: options.env } : {}),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  };
}

function lastWords({ stdout, stderr }: CommandOutput): string {
  const lines = (stderr.trim() || stdout.trim()).split('\n').filter((line) => line.trim() !== '');
  return lines.length === 0 ? '' : `: ${lines.slice(-3).join(' | ').slice(-600)}`;
}

/** The full path of a program on PATH. */
export function findOnPath(program: string, env: NodeJS.ProcessEnv): string | undefined {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, program);
    if (isProgram(path)) return path;
  }
  return undefined;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
