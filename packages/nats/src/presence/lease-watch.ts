/**
 * Whether a lease is held: only by what the server confirmed, counted from when it was sent, by a monotonic clock. Others
 * count a whole lease from the last renewal they saw, which was later, so whoever goes by this stops before they act.
 *
 * They count only while they are connected. A moment at which nobody can have been is therefore as good as a renewal:
 * whoever was connected before has a whole lease to wait from when he is again.
 */
export type LeaseTimings = {
  readonly renewMs: number;
  readonly leaseMs: number;
  /** A main thread that did not beat for this long is shown as blocked. */
  readonly blockedAfterMs: number;
  /** One that did not for this long counts as dead: the lease is let go. */
  readonly maxBlockMs: number;
  /** One that did not for this long is not waited for any more: its process is ended. Never when not set. */
  readonly endBlockedMs?: number;
};

export type LeaseNews = 'held' | 'lost' | 'regained';

/** A renewal without an answer is sent again this much sooner than the next would be. */
const HURRY = 4;

/** The lease counts as lost this part of a renewal early: time to tell the handlers. */
const MARGIN = 0.5;

export class LeaseWatch {
  private readonly timings: LeaseTimings;
  private state: 'new' | LeaseNews = 'new';
  private beat = 0;
  private beatAt: number;
  private confirmedAt = -Infinity;
  private unwatchedAt = -Infinity;
  private sentAt = -Infinity;
  private readonly open = new Map<number, number>();
  private serial = 0;

  constructor(timings: LeaseTimings, now: number) {
    this.timings = timings;
    this.beatAt = now;
  }

  /** What the main thread's counter says now. Answers how long it was blocked, milliseconds, where that is over now. */
  heard(beat: number, now: number): number | undefined {
    if (beat === this.beat) return undefined;
    const blockedMs = this.isBlocked(now) ? now - this.beatAt : undefined;
    this.beat = beat;
    this.beatAt = now;
    return blockedMs;
  }

  /** Nothing of this process ran for that long, also not the thread that asks here: nobody was blocked meanwhile. */
  paused(forMs: number): void {
    this.beatAt += forMs;
  }

  isBlocked(now: number): boolean {
    return now - this.beatAt > this.timings.blockedAfterMs;
  }

  /** How long the main thread has not beaten, milliseconds, where that is for ever by what was set. */
  hungFor(now: number): number | undefined {
    const blockedMs = now - this.beatAt;
    return blockedMs > (this.timings.endBlockedMs ?? Infinity) ? blockedMs : undefined;
  }

  isDue(now: number): boolean {
    if (this.isGivenUp(now)) return false;
    const wait = this.confirmedAt >= this.sentAt ? this.timings.renewMs : this.timings.renewMs / HURRY;
    return now - this.sentAt >= wait;
  }

  /** Answers the id its confirmation is told by. */
  sent(now: number): number {
    const id = ++this.serial;
    this.sentAt = now;
    this.open.set(id, now);
    for (const [old, at] of this.open) if (now - at > this.timings.leaseMs) this.open.delete(old);
    return id;
  }

  confirmed(id: number): void {
    const at = this.open.get(id);
    if (at === undefined) return;
    this.open.delete(id);
    this.confirmedAt = Math.max(this.confirmedAt, at);
  }

  /** Nobody was connected to any server then. */
  unwatched(at: number): void {
    this.unwatchedAt = Math.max(this.unwatchedAt, at);
  }

  /** What is new since the last call. */
  judge(now: number): LeaseNews | undefined {
    // What was lost is not held again by that: others may have acted.
    const isOwn = this.state === 'held' || this.state === 'regained';
    const from = isOwn ? Math.max(this.confirmedAt, this.unwatchedAt) : this.confirmedAt;
    const isHeld = !this.isGivenUp(now) && now - from < this.timings.leaseMs - this.timings.renewMs * MARGIN;
    switch (this.state) {
      case 'new':
        return isHeld ? this.become('held') : undefined;
      case 'lost':
        return isHeld ? this.become('regained') : undefined;
      case 'held':
      case 'regained':
        return isHeld ? undefined : this.become('lost');
    }
  }

  private isGivenUp(now: number): boolean {
    return now - this.beatAt > this.timings.maxBlockMs;
  }

  private become(news: LeaseNews): LeaseNews {
    this.state = news;
    return news;
  }
}
