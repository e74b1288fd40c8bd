import type { Millis } from '@baton/core';
import type { Watched } from './task-index.ts';

type Unwitnessed = {
  readonly watched: Watched;
  readonly startedAt: Millis;
  readonly seenAt: number;
  readonly timeoutMs: Millis;
};

/**
 * How long runs have taken that began before this supervisor looked.
 *
 * Their deadline is first counted from when they were seen, which is never early but may be late by the time they had
 * already run. The start time in the record would tell, but it is a reading of the worker's wall clock, and ours may be
 * minutes away from it. So it is compared with another reading of the same clock: when the worker is next seen claiming
 * a task, that claim's start time was read before the claim arrived here. What lies between the two is time the run has
 * certainly taken, however far apart the clocks are; unless they were set in between, when nothing is learned of it.
 */
export class WorkerClocks {
  private readonly waiting = new Map<string, Set<Unwitnessed>>();

  /** Whether a claim of anybody would tell something: keeps the cost off the usual path. */
  get isWaiting(): boolean {
    return this.waiting.size > 0;
  }

  add(worker: string, run: Unwitnessed): void {
    const runs = this.waiting.get(worker) ?? new Set();
    if (runs.size === 0) this.waiting.set(worker, runs);
    runs.add(run);
  }

  /** A claim of the worker was seen as it was written. Tells the deadlines that are known better now. */
  claimed(
    worker: string,
    claimedAt: Millis,
    arrivedAt: number,
    known: (watched: Watched, deadline: number) => void,
  ): void {
    const runs = this.waiting.get(worker);
    if (runs === undefined) return;
    this.waiting.delete(worker);
    for (const { watched, startedAt, seenAt, timeoutMs } of runs) {
      // The task may have gone on to another run meanwhile.
      if (watched.duties.stage !== 'running' || watched.duties.startedAt !== startedAt) continue;
      const elapsed = Math.max(0, claimedAt - startedAt);
      known(watched, Math.min(seenAt + timeoutMs, arrivedAt + timeoutMs - elapsed));
    }
  }

  /** The clocks were set: what lies between two readings of one is not what has passed. */
  clear(): void {
    this.waiting.clear();
  }

  forget(worker: string): void {
    this.waiting.delete(worker);
  }
}
