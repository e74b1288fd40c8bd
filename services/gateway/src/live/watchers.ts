import { canSee, type TaskRecord } from '@baton/core';
import type { Clock } from '@baton/runtime';
import type { Identity } from '../auth/identity.ts';
import type { Change } from './recent-changes.ts';

/** Somebody who follows changes. All callbacks are called in the order of the bucket and must not throw. */
export type Watcher = {
  readonly identity: Identity;
  /** Only this task; absent: all the user may see. */
  readonly taskId?: string;
  /** A change of a task the user may see at this moment. */
  readonly changed: (change: Change) => void;
  /** The user saw this task before the change and may not see it any more. */
  readonly hidden: (change: Change) => void;
  readonly restarted: () => void;
  /** False: changes are not heard of from now on. True: all of them have been told after all. */
  readonly live: (isLive: boolean) => void;
  readonly keepAlive: () => void;
  readonly expired: () => void;
};

export const KEEP_ALIVE_MS = 15_000;

/**
 * Gives every change to those who may see the task at that moment. Users are looked up by name, so that a change costs
 * what its audience costs and not what all connections do.
 */
export class Watchers {
  private readonly clock: Clock;
  private readonly admins = new Set<Watcher>();
  private readonly users = new Map<string, Set<Watcher>>();
  private timer: { readonly cancel: () => void } | undefined;
  private isStopped = false;

  constructor(clock: Clock) {
    this.clock = clock;
    this.tick();
  }

  get count(): number {
    let count = this.admins.size;
    for (const watchers of this.users.values()) count += watchers.size;
    return count;
  }

  countOf(identity: Identity): number {
    if (!identity.admin) return this.users.get(identity.user)?.size ?? 0;
    return [...this.admins].filter((watcher) => watcher.identity.user === identity.user).length;
  }

  add(watcher: Watcher): void {
    const { user, admin } = watcher.identity;
    if (admin) this.admins.add(watcher);
    else this.users.set(user, (this.users.get(user) ?? new Set()).add(watcher));
  }

  remove(watcher: Watcher): void {
    const { user, admin } = watcher.identity;
    if (admin) this.admins.delete(watcher);
    const mine = this.users.get(user);
    if (!admin && mine?.delete(watcher) && mine.size === 0) this.users.delete(user);
  }

  readonly change = (change: Change): void => {
    const { record } = change.task;
    for (const watcher of this.audienceOf(record)) if (concerns(watcher, record)) watcher.changed(change);
    for (const user of change.left) {
      for (const watcher of this.users.get(user) ?? []) if (concerns(watcher, record)) watcher.hidden(change);
    }
  };

  readonly restarted = (): void => {
    for (const watcher of this.all()) watcher.restarted();
  };

  readonly live = (isLive: boolean): void => {
    for (const watcher of this.all()) watcher.live(isLive);
  };

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
    for (const watcher of this.all()) watcher.restarted();
  }

  private *audienceOf(record: TaskRecord): Generator<Watcher> {
    yield* this.admins;
    const names = record.scope === 'private' ? [record.creator ?? ''] : record.subscribers.map(({ user }) => user);
    for (const name of names) {
      // Names only say where to look; whether somebody may see is asked of the one rule there is.
      if (canSee(record, { user: name, admin: false })) yield* this.users.get(name) ?? [];
    }
  }

  private all(): readonly Watcher[] {
    return [...this.admins, ...[...this.users.values()].flatMap((watchers) => [...watchers])];
  }

  private tick(): void {
    this.timer = this.clock.after(KEEP_ALIVE_MS, () => {
      const now = this.clock.now();
      for (const watcher of this.all()) {
        const { expiresAt } = watcher.identity;
        if (expiresAt !== undefined && expiresAt <= now) watcher.expired();
        else watcher.keepAlive();
      }
      if (!this.isStopped) this.tick();
    });
  }
}

const concerns = ({ taskId }: Watcher, { id }: TaskRecord): boolean => taskId === undefined || taskId === id;
