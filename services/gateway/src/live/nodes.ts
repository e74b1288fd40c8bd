import { isOwnType, LEASE_MS } from '@baton/protocols';
import type { Clock, Log, NodeInfo, Presence, Subscription } from '@baton/runtime';

export type SeenNode = { readonly info: NodeInfo; readonly seenAt: number; readonly isLost: boolean };

const PAUSE_MS = 1_000;
/** A node that fell silent is shown as lost for this long. */
const SHOWN_MS = 60_000;

/** Who is alive, by this process's own clock. Follows again when the connection was lost. */
export class Nodes {
  private readonly presence: Presence;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly seen = new Map<string, { readonly info: NodeInfo; readonly at: number }>();
  private subscription: Subscription | undefined;
  private retry: { readonly cancel: () => void } | undefined;
  private isStopped = false;

  constructor(presence: Presence, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.presence = presence;
    this.clock = clock;
    this.log = log;
  }

  async start(): Promise<void> {
    const subscription = await this.presence.follow({
      seen: (info) => void this.seen.set(keyOf(info), { info, at: this.clock.monotonic() }),
      left: (role, id) => void this.seen.delete(keyOf({ role, id })),
      caughtUp: () => undefined,
      lost: () => this.again(),
    });
    if (this.isStopped) subscription.close();
    else this.subscription = subscription;
  }

  stop(): void {
    this.isStopped = true;
    this.retry?.cancel();
    this.subscription?.close();
  }

  all(): readonly SeenNode[] {
    const now = this.clock.monotonic();
    for (const [key, { at }] of this.seen) if (now - at > SHOWN_MS) this.seen.delete(key);
    return [...this.seen.values()].map(({ info, at }) => ({ info, seenAt: at, isLost: now - at > LEASE_MS }));
  }

  /** Workers that take tasks of users. One that drains takes nothing more; gateways take bulk operations. */
  workers(): readonly NodeInfo[] {
    return this.takers().filter(({ types = [] }) => types.length === 0 || !types.every(isOwnType));
  }

  /** A live worker takes tasks of this type from this queue. */
  serves(type: string, queue: string): boolean {
    return this.takers().some((info) => info.types?.includes(type) && info.queues?.includes(queue));
  }

  private takers(): readonly NodeInfo[] {
    return this.all()
      .filter(({ info, isLost }) => info.role === 'worker' && !isLost && info.state !== 'draining')
      .map(({ info }) => info);
  }

  secondsSince(at: number): number {
    return Math.max(0, this.clock.monotonic() - at) / 1_000;
  }

  private again(): void {
    if (this.isStopped) return;
    this.retry = this.clock.after(PAUSE_MS, () => {
      this.start().catch((error: unknown) => {
        this.log.warn({ err: error }, 'the nodes cannot be followed yet');
        this.again();
      });
    });
  }
}

const keyOf = ({ role, id }: Pick<NodeInfo, 'role' | 'id'>): string => `${role} ${id}`;
