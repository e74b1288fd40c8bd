import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LocalServerError } from '../errors.ts';
import { LockHeldError, takeLock } from '../find/lock.ts';
import { isAlive, isProcessMark, markOf } from '../find/process-mark.ts';
import type { ProcessMark } from '../find/process-mark.ts';
import { Guard } from './guard.ts';

/** A previous owner that was killed has a guard that needs this long at most to end its servers. */
const LEFTOVER_GRACE_MS = 6_000;

/**
 * The folder servers keep their data in, held by one process at a time: two servers on one store destroy it, and
 * nats-server does not notice. Its file of running servers is how the next start finds what a crash may have left.
 */
export class DataDir {
  readonly path: string;
  readonly guard: Guard;
  readonly #isTemporary: boolean;
  readonly #release: () => Promise<void>;
  readonly #running = new Map<number, ProcessMark>();

  private constructor(path: string, isTemporary: boolean, release: () => Promise<void>) {
    this.path = path;
    this.#isTemporary = isTemporary;
    this.#release = release;
    this.guard = new Guard();
    if (isTemporary) this.guard.removeAtEnd(path);
  }

  /** Without a path: a temporary folder that goes away with `close`, or with this process. */
  static async open(path: string | undefined, name: string): Promise<DataDir> {
    if (path === undefined) {
      const temporary = await mkdtemp(join(tmpdir(), 'baton-local-'));
      return new DataDir(temporary, true, async () => {});
    }
    const dir = resolve(path);
    await mkdir(dirname(dir), { recursive: true });
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const release = await holdDir(dir, name);
    try {
      await endLeftovers(runningFile(dir));
      return new DataDir(dir, false, release);
    } catch (error) {
      await release();
      throw error;
    }
  }

  started(pid: number): void {
    const mark = markOf(pid);
    if (mark) this.#running.set(pid, mark);
    this.#writeRunning();
  }

  ended(pid: number): void {
    this.#running.delete(pid);
    this.#writeRunning();
  }

  async close(): Promise<void> {
    this.guard.end();
    await this.#release();
    if (this.#isTemporary) await rm(this.path, { recursive: true, force: true, maxRetries: 3 });
  }

  #writeRunning(): void {
    try {
      writeFileSync(runningFile(this.path), JSON.stringify([...this.#running.values()]));
    } catch {
      // The folder was taken away under the servers; there is nothing left to clean up for the next start.
    }
  }
}

const runningFile = (dir: string): string => join(dir, 'running.json');

async function holdDir(dir: string, name: string): Promise<() => Promise<void>> {
  try {
    return await takeLock(join(dir, 'lock'), { waitMs: 0 });
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    const message =
      `${dir} is used by the ${name} of process ${error.holder.pid}: a system probably runs there already. ` +
      'Use that one, stop that process, or name another data folder.';
    throw new LocalServerError('DATA_DIR_IN_USE', message, { cause: error });
  }
}

/** Servers whose parent is gone. Its guard is ending them by now; what is still there after a while is ended here. */
async function endLeftovers(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => '[]');
  const marks = parseMarks(text).filter(isAlive);
  const deadlineMs = performance.now() + LEFTOVER_GRACE_MS;
  for (const mark of marks) signalQuietly(mark, 'SIGTERM');
  while (marks.some(isAlive) && performance.now() < deadlineMs) await sleep(50);
  for (const mark of marks.filter(isAlive)) signalQuietly(mark, 'SIGKILL');
  while (marks.some(isAlive)) await sleep(20);
  await writeFile(file, '[]');
}

function parseMarks(text: string): ProcessMark[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter(isProcessMark) : [];
  } catch {
    return [];
  }
}

function signalQuietly({ pid }: ProcessMark, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Ended meanwhile.
  }
}
