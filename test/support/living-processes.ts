import { execFileSync } from 'node:child_process';

export type Living = { readonly pid: number; readonly command: string };

/** Wide enough for the command and the environment of a process. */
const OUTPUT_BYTES = 64 * 1024 * 1024;
const SHOWN_CHARS = 160;

/**
 * Processes of this machine in whose command or environment one of the texts stands. A mark in the environment finds all
 * descendants, however they are related now.
 */
export const livingWith = (texts: readonly string[]): readonly Living[] =>
  execFileSync('ps', ['axeww', '-o', 'pid=,stat=,command='], { encoding: 'utf8', maxBuffer: OUTPUT_BYTES })
    .split('\n')
    .filter((line) => texts.some((text) => line.includes(text)))
    .flatMap((line) => {
      const [, pid, stat = '', command = ''] = /^\s*(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
      // A zombie has ended; that its parent has not asked for its code yet is no leftover.
      return pid === undefined || stat.startsWith('Z')
        ? []
        : [{ pid: Number(pid), command: command.slice(0, SHOWN_CHARS) }];
    });
