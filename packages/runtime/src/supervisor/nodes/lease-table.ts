/**
 * Time as far as this process has listened to it. A process that was paused, or whose event loop was blocked, has heard
 * nothing meanwhile; were that time counted, it would wake up and find everybody dead.
 */
export class Attention {
  private readonly stepMs: number;
  private readAt: number;
  private total = 0;

  constructor(now: number, stepMs: number) {
    this.readAt = now;
    this.stepMs = stepMs;
  }

  /** Called often. True when nothing was missed since the last call; false after a pause of this process. */
  look(now: number): boolean {
    const passed = now - this.readAt;
    this.total = this.time(now);
    this.readAt = now;
    return passed <= this.stepMs;
  }

  /** Milliseconds listened to so far. */
  time(now: number): number {
    return this.total + Math.min(Math.max(0, now - this.readAt), this.stepMs);
  }
}

/** `left`: it gave its lease back, and is not seen again under that name. */
type LeaseState = { seenAt: number; dead: boolean; left: boolean };

/** The leases of the nodes of one role, judged by the clock of whoever looks: all times are `Attention` times. */
export class LeaseTable {
  private readonly leaseMs: number;
  private readonly leases = new Map<string, LeaseState>();

  constructor(leaseMs: number) {
    this.leaseMs = leaseMs;
  }

  /** The node gave a sign of life. True when it was not known, or counted as dead. */
  seen(id: string, at: number): boolean {
    const lease = this.leases.get(id);
    if (lease === undefined) {
      this.leases.set(id, { seenAt: at, dead: false, left: false });
      return true;
    }
    const wasDead = lease.dead;
    lease.seenAt = at;
    lease.dead = false;
    lease.left = false;
    return wasDead;
  }

  /**
   * The node must exist, since it owns something; one that was never seen has a lease from then to show itself. So has one
   * that was found dead and `begins` something.
   */
  expect(id: string, at: number, begins = false): void {
    const lease = this.leases.get(id);
    if (lease === undefined || (begins && lease.dead && !lease.left))
      this.leases.set(id, { seenAt: at, dead: false, left: false });
  }

  /** The node gave its lease back. True when that is news. */
  left(id: string, at: number): boolean {
    const wasDead = this.leases.get(id)?.dead ?? false;
    this.leases.set(id, { seenAt: at, dead: true, left: true });
    return !wasDead;
  }

  /** Everybody not known as dead has a whole lease from now: nothing could be heard for a while. */
  freshen(at: number): void {
    for (const lease of this.leases.values()) if (!lease.dead) lease.seenAt = at;
  }

  /** Those found dead since the last call. */
  expire(at: number): readonly string[] {
    const found: string[] = [];
    for (const [id, lease] of this.leases) {
      if (lease.dead || at - lease.seenAt < this.leaseMs) continue;
      lease.dead = true;
      found.push(id);
    }
    return found;
  }

  isDead(id: string): boolean {
    return this.leases.get(id)?.dead ?? false;
  }

  alive(): readonly string[] {
    return [...this.leases].flatMap(([id, lease]) => (lease.dead ? [] : [id]));
  }

  dead(): readonly string[] {
    return [...this.leases].flatMap(([id, lease]) => (lease.dead ? [id] : []));
  }

  /** Forgets those dead for longer than `ms` that nobody needs to know any more. */
  forget(at: number, ms: number, isNeeded: (id: string) => boolean): void {
    for (const [id, lease] of this.leases) {
      if (lease.dead && at - lease.seenAt > ms && !isNeeded(id)) this.leases.delete(id);
    }
  }
}
