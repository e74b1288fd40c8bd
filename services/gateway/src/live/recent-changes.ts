import type { LiveTask } from './live-task.ts';

/** What a change was about, for whoever shows it. `update`: progress, payload, subscribers, marks. */
export type ChangeKind = 'created' | 'status' | 'update';

export type Change = {
  readonly revision: number;
  readonly kind: ChangeKind;
  readonly task: LiveTask;
  /** Users who were subscribed before this change and are not any more. */
  readonly left: readonly string[];
  /** Its tags are others than before this change. */
  readonly retagged?: boolean;
  /** Its name is another one than before this change. */
  readonly renamed?: boolean;
};

export type RecentLimits = { readonly count: number; readonly bytes: number };

/** The last changes, in the order of the bucket, so that whoever was away for a moment misses none. */
export class RecentChanges {
  private readonly limits: RecentLimits;
  private changes: Change[] = [];
  /** Index of the oldest that still counts: the front of the list is cut off in one go now and then. */
  private first = 0;
  private bytes = 0;
  /** Everything after this revision is here. */
  private from: number;

  constructor(limits: RecentLimits, from: number) {
    this.limits = limits;
    this.from = from;
  }

  push(change: Change): void {
    this.changes.push(change);
    this.bytes += change.task.size;
    while (this.changes.length - this.first > this.limits.count || this.bytes > this.limits.bytes) this.forget();
    if (this.first > this.limits.count) {
      this.changes = this.changes.slice(this.first);
      this.first = 0;
    }
  }

  /**
   * Every change after this revision, and what is left of this one: several changes have one revision when a record
   * holds several tasks. Undefined when that is too long ago to say.
   */
  since(revision: number): readonly Change[] | undefined {
    if (revision + 1 < this.from) return undefined;
    let low = this.first;
    for (let high = this.changes.length; low < high;) {
      const middle = (low + high) >> 1;
      if ((this.changes[middle]?.revision ?? 0) < revision) low = middle + 1;
      else high = middle;
    }
    return this.changes.slice(low);
  }

  private forget(): void {
    const change = this.changes[this.first++];
    if (change === undefined) return;
    this.bytes -= change.task.size;
    this.from = change.revision + 1;
  }
}
