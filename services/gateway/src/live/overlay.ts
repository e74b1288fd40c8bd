import type { Clock } from '@baton/runtime';
import type { LiveTask } from './live-task.ts';

export type OverlayLimits = { readonly count: number; readonly bytes: number };

/** Ids that are waited for at a time; beyond it nobody waits. */
const MOST_AWAITED = 1_000;

/**
 * The newest versions of tasks that MongoDB may not have yet. A version stays until the projection was seen to have it,
 * or until there are too many: then the oldest go, and a list may for them be as old as the projection is.
 */
export class Overlay {
  private readonly limits: OverlayLimits;
  /** The one changed last is the last. */
  private readonly tasks = new Map<string, LiveTask>();
  private readonly awaited = new Map<string, Set<() => void>>();
  private bytes = 0;
  private forced = 0;

  constructor(limits: OverlayLimits) {
    this.limits = limits;
  }

  get size(): number {
    return this.tasks.size;
  }

  /** Versions that had to go before the projection was known to have them. */
  get evicted(): number {
    return this.forced;
  }

  get(id: string): LiveTask | undefined {
    return this.tasks.get(id);
  }

  values(): IterableIterator<LiveTask> {
    return this.tasks.values();
  }

  /** As it is now, for whoever reads the database meanwhile. */
  snapshot(): ReadonlyMap<string, LiveTask> {
    return new Map(this.tasks);
  }

  /** An older version than the one that is there changes nothing. */
  put(task: LiveTask): void {
    const known = this.tasks.get(task.id);
    if (known !== undefined) {
      if (isNewer(known, task)) return;
      this.remove(known);
    }
    this.tasks.set(task.id, task);
    for (const tell of this.awaited.get(task.id) ?? []) tell();
    this.bytes += task.size;
    while (this.tasks.size > this.limits.count || this.bytes > this.limits.bytes) this.evict();
  }

  /** Resolves when the task is here, at the latest after `ms`. */
  async appears(id: string, clock: Clock, ms: number): Promise<LiveTask | undefined> {
    if (!this.tasks.has(id) && this.awaited.size < MOST_AWAITED) {
      await new Promise<void>((resolve) => {
        const timer = clock.after(ms, () => done());
        const done = (): void => {
          timer.cancel();
          const others = this.awaited.get(id);
          others?.delete(done);
          if (others?.size === 0) this.awaited.delete(id);
          resolve();
        };
        this.awaited.set(id, (this.awaited.get(id) ?? new Set()).add(done));
      });
    }
    return this.tasks.get(id);
  }

  /** The projection has this version, so it needs not be kept; a newer one that came meanwhile is. */
  settle(id: string, stored: { readonly epoch: number; readonly revision: number }): void {
    const known = this.tasks.get(id);
    if (known !== undefined && !isNewer(known, stored)) this.remove(known);
  }

  /** Up to `most` that have been here since before `before`, the oldest first. */
  oldest(before: number, most: number): readonly LiveTask[] {
    const found: LiveTask[] = [];
    for (const task of this.tasks.values()) {
      if (task.seenAt >= before || found.length >= most) break;
      found.push(task);
    }
    return found;
  }

  private remove(task: LiveTask): void {
    this.tasks.delete(task.id);
    this.bytes -= task.size;
  }

  private evict(): void {
    const [first] = this.tasks.values();
    if (first === undefined) return;
    this.remove(first);
    this.forced++;
  }
}

type Revised = { readonly epoch: number; readonly revision: number };

export const isNewer = (a: Revised, b: Revised): boolean =>
  a.epoch === b.epoch ? a.revision > b.revision : a.epoch > b.epoch;
