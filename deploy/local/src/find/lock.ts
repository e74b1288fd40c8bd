import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, isProcessMark, markOf } from './process-mark.ts';
import type { ProcessMark } from './process-mark.ts';

const LOOK_AGAIN_MS = 200;

export type LockOptions = {
  /** Give up waiting after this time. 0 asks once. */
  readonly waitMs: number;
  /** Called once when another process holds the lock. */
  readonly onWait?: (holder: ProcessMark) => void;
};

/** Another living process holds the lock and did not let go in time. */
export class LockHeldError extends Error {
  override readonly name = 'LockHeldError';
  readonly holder: ProcessMark;

  constructor(path: string, holder: ProcessMark) {
    super(`${path} is held by process ${holder.pid}`);
    this.holder = holder;
  }
}

/** Takes a lock file and returns the function that gives it back. A lock whose process is gone counts as free. */
export async function takeLock(path: string, { waitMs, onWait }: LockOptions): Promise<() => Promise<void>> {
  const mine = { ...(markOf(process.pid) as ProcessMark), id: randomUUID() };
  const deadlineMs = Date.now() + waitMs;
  let told = false;
  for (;;) {
    if (await create(path, JSON.stringify(mine))) return () => release(path, mine.id);
    const holder = await readHolder(path);
    if (holder === 'gone') continue;
    if (holder === 'unreadable' || !isAlive(holder)) {
      await setAside(path);
      continue;
    }
    if (Date.now() >= deadlineMs) throw new LockHeldError(path, holder);
    if (!told) onWait?.(holder);
    told = true;
    await sleep(LOOK_AGAIN_MS);
  }
}

async function create(path: string, text: string): Promise<boolean> {
  // Written aside and linked into place, so that nobody ever reads a lock without its content.
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, text);
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

async function readHolder(path: string): Promise<ProcessMark | 'gone' | 'unreadable'> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isProcessMark(value) ? value : 'unreadable';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'gone' : 'unreadable';
  }
}

/**
 * Two processes may set the same stale lock aside, and the second may hit the lock the first has just taken. For an
 * install that costs double work and nothing else, because the last step is a rename that only one of them wins.
 */
async function setAside(path: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  await rename(path, aside).catch(() => {});
  await rm(aside, { force: true });
}

async function release(path: string, id: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (text.includes(id)) await rm(path, { force: true });
}
