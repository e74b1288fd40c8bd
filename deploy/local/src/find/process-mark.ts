import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * A process by number and start time. The number alone is not enough: a number is used again, and a file left by a dead
 * process would then point at a stranger.
 */
export type ProcessMark = { readonly pid: number; readonly started: string };

export function markOf(pid: number): ProcessMark | undefined {
  const started = process.platform === 'linux' ? startedOnLinux(pid) : startedByPs(pid);
  return started === undefined ? undefined : { pid, started };
}

/** False for a process that ended, was replaced by another with its number, or waits only to be reaped. */
export const isAlive = (mark: ProcessMark): boolean => markOf(mark.pid)?.started === mark.started;

/** Checks what was read from a file. */
export function isProcessMark(value: unknown): value is ProcessMark {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, started } = value as Record<string, unknown>;
  return Number.isInteger(pid) && typeof started === 'string';
}

function startedOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may itself hold spaces and parentheses, so count from the last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function startedByPs(pid: number): string | undefined {
  try {
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: 2_000 }).trim() || undefined
    );
  } catch {
    return undefined;
  }
}
