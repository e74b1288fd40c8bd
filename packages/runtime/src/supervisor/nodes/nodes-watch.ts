import { LEASE_RENEW_MS, type Lane, type NodeRole } from '@baton/protocols';
import type { Log } from '../../log.ts';
import type { Chance, Clock, Link, Subscription } from '../../ports/environment.ts';
import type { NodeInfo, Presence } from '../../ports/presence.ts';
import { Follower, type Session } from '../subscriptions/follower.ts';
import { Attention, LeaseTable } from './lease-table.ts';
import type { SupervisorTimings } from '../timings.ts';

/** The dead are remembered this long when nobody owns anything of theirs any more. */
const REMEMBER_MS = 300_000;

/** A worker takes its lease before its first task; this long, at least, for the lease to be seen where the task was. */
const NEWCOMER_MS = 2 * LEASE_RENEW_MS + 500;

export type NodesWatchOptions = {
  readonly self: string;
  readonly presence: Presence;
  readonly link: Link;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly timings: SupervisorTimings;
  readonly log: Log;
  readonly workerDied: (worker: string, why: string) => void;
  /** Another set of live supervisors. */
  readonly membersChanged: () => void;
  /** One of them, not this one, is gone: it gave its lease back, or its lease is over. */
  readonly departed: (how: 'left' | 'expired') => void;
  /** Something is still owned by that worker. */
  readonly isHolder: (worker: string) => boolean;
};

/**
 * Who is alive. A node is dead when nothing was heard of it for a whole lease, by our own monotonic clock, while we
 * certainly listened: connected, not paused, and with the watch giving signs of somebody. Our own lease is renewed in
 * the same bucket, so a watch that gives nothing at all is deaf, whatever it says: then nobody is judged, the watch is
 * opened again, and everybody gets a whole lease from there, as after every reconnect.
 *
 * Holding no lease oneself changes nothing for this supervisor: others may take its partitions and act in them too,
 * which is harmless, as every action is a compare-and-set.
 */
export class NodesWatch {
  private readonly options: NodesWatchOptions;
  private readonly workers: LeaseTable;
  private readonly supervisors: LeaseTable;
  private readonly infos = new Map<string, NodeInfo>();
  private readonly attention: Attention;
  private readonly follower: Follower;
  private reconnects: Subscription | undefined;
  private heardAt = 0;
  private listensSince = 0;
  private known = false;

  constructor(options: NodesWatchOptions) {
    this.options = options;
    const { timings, clock, chance, log } = options;
    this.workers = new LeaseTable(timings.leaseMs);
    this.supervisors = new LeaseTable(timings.leaseMs);
    this.attention = new Attention(clock.monotonic(), timings.attentionMs);
    this.follower = new Follower({
      open: (session) => this.open(session),
      caughtUp: () => this.caughtUp(),
      ended: (why, restartMs, cause) =>
        log.warn({ err: cause, restartMs: Math.round(restartMs) }, `the watch of the nodes is opened again: ${why}`),
      clock,
      chance,
      catchUpMs: timings.catchUpMs,
    });
  }

  start(): void {
    this.reconnects = this.options.link.onReconnect(() => {
      this.freshen();
      this.follower.hurry();
    });
    this.follower.open();
  }

  stop(): void {
    this.reconnects?.close();
    this.follower.stop();
  }

  /** Whether the nodes have been read at least once. */
  get isKnown(): boolean {
    return this.known;
  }

  get restarts(): number {
    return this.follower.restarts;
  }

  /** Only as long as this watch listens: who counted as dead before may have come back where nobody heard of it. */
  isDead(worker: string): boolean {
    return this.follower.ready && this.workers.isDead(worker);
  }

  /** It is not there, as far as is known here. */
  isGone(worker: string): boolean {
    return this.known && !this.workers.alive().includes(worker);
  }

  /**
   * The worker owns something. If it was never heard of, its lease counts from when this watch began to listen: it would
   * have been heard since. So a supervisor that just started waits one lease for every owner, and not longer for the
   * ones it finds later. `begins`: it has just taken it, so a dead one may be back, with a lease that is not seen here yet.
   */
  expect(worker: string, begins = false): void {
    const atLeast = this.time() - this.options.timings.leaseMs + NEWCOMER_MS;
    this.workers.expect(worker, Math.max(this.listensSince, atLeast), begins && this.follower.ready);
  }

  /** False: it is dead, until a sign of life is seen. True: it shows itself within a lease, or is found dead. */
  admits(worker: string): boolean {
    if (this.workers.isDead(worker)) return false;
    this.expect(worker);
    return true;
  }

  /** Live supervisors, this one always among them. */
  members(): readonly string[] {
    return [...new Set([this.options.self, ...this.supervisors.alive()])].toSorted();
  }

  liveWorkers(): readonly NodeInfo[] {
    return [...this.infos.values()].filter((info) => !this.workers.isDead(info.id));
  }

  /** Whether a live worker takes tasks of the lane, as one that drains does not; one that does not say what it serves may. */
  isServed(lane: Lane): boolean {
    return this.liveWorkers().some(
      ({ queues, types, state }) =>
        state !== 'draining' && (queues?.includes(lane.queue) ?? true) && (types?.includes(lane.type) ?? true),
    );
  }

  /** Queues of which a live worker takes the type, sorted. */
  queuesServing(type: string): readonly string[] {
    const takes = this.liveWorkers().filter(
      ({ state, types }) => state !== 'draining' && (types?.includes(type) ?? false),
    );
    return [...new Set(takes.flatMap(({ queues }) => queues ?? []))].toSorted();
  }

  /** Any of the live workers that take cancel handles of the type; `none`: there are workers of it, and none of them does. */
  cancellerFor(type: string): NodeInfo | 'none' | undefined {
    const serving = this.liveWorkers().filter(
      ({ types, state }) => state === 'ready' && (types?.includes(type) ?? false),
    );
    const able = serving.filter(({ cancels }) => cancels?.includes(type) ?? false);
    if (able.length === 0) return serving.length === 0 ? undefined : 'none';
    return able[Math.floor(this.options.chance.random() * able.length)];
  }

  /** Called every `scanMs`. */
  scan(): void {
    const { link, clock, timings } = this.options;
    const attentive = this.attention.look(clock.monotonic());
    if (!link.connected) return;
    if (!this.follower.ready) return this.follower.check();
    const silentMs = this.time() - this.heardAt;
    if (silentMs >= timings.leaseMs) return this.follower.restart('no node was heard of, not even this one');
    if (attentive && silentMs < timings.canaryMs) this.judge();
  }

  private judge(): void {
    const at = this.time();
    for (const worker of this.workers.expire(at)) this.options.workerDied(worker, 'no sign of life for a whole lease');
    if (this.supervisors.expire(at).length > 0) {
      this.options.departed('expired');
      this.options.membersChanged();
    }
    this.workers.forget(at, REMEMBER_MS, this.options.isHolder);
    this.supervisors.forget(at, REMEMBER_MS, () => false);
    for (const [id] of this.infos) if (this.workers.isDead(id)) this.infos.delete(id);
  }

  private open(session: Session): Promise<Subscription> {
    return this.options.presence.follow({
      seen: (info) => {
        if (session.isCurrent()) this.seen(info);
      },
      left: (role, id) => {
        if (session.isCurrent()) this.left(role, id);
      },
      caughtUp: session.caughtUp,
      lost: session.lost,
    });
  }

  private seen(info: NodeInfo): void {
    this.heardAt = this.time();
    if (info.role === 'supervisor') {
      if (this.supervisors.seen(info.id, this.heardAt) && info.id !== this.options.self) this.options.membersChanged();
    } else if (info.role === 'worker') {
      this.workers.seen(info.id, this.heardAt);
      this.noteBlock(info);
      this.noteClock(info);
      this.infos.set(info.id, info);
    }
  }

  /** The worker cannot say so itself while it is. */
  private noteBlock({ id, host, pid, state }: NodeInfo): void {
    if (state !== 'blocked' || this.infos.get(id)?.state === 'blocked') return;
    this.options.log.warn(
      { worker: id, host, pid },
      "a worker is blocked: a task computes in its event loop, where nothing else can run; isolation: 'thread' is for such",
    );
  }

  /** Nothing of ours goes by it; what the worker's tasks write of their own does. */
  private noteClock({ id, host, pid, clockAheadMs }: NodeInfo): void {
    if (clockAheadMs === undefined || this.infos.has(id)) return;
    const text = `the clock of a worker's machine is ${Math.abs(clockAheadMs)} ms ${clockAheadMs > 0 ? 'ahead of' : 'behind'} the server's`;
    this.options.log.warn({ worker: id, host, pid, clockAheadMs }, text);
  }

  private left(role: NodeRole, id: string): void {
    this.heardAt = this.time();
    if (role === 'supervisor') {
      if (!this.supervisors.left(id, this.heardAt) || id === this.options.self) return;
      this.options.departed('left');
      this.options.membersChanged();
    } else if (role === 'worker') {
      this.infos.delete(id);
      if (this.workers.left(id, this.heardAt)) this.options.workerDied(id, 'it gave its lease back');
    }
  }

  private caughtUp(): void {
    this.freshen();
    // Nobody was found dead while it was closed, so what was seen of theirs meanwhile was left to them.
    for (const worker of this.workers.dead())
      if (this.options.isHolder(worker)) this.options.workerDied(worker, 'it has not come back');
    if (this.known) return;
    this.known = true;
    this.options.membersChanged();
  }

  /** Nothing could be heard for a while: everybody may show himself for a whole lease. */
  private freshen(): void {
    const at = this.time();
    this.heardAt = at;
    this.listensSince = at;
    this.workers.freshen(at);
    this.supervisors.freshen(at);
  }

  private time(): number {
    return this.attention.time(this.options.clock.monotonic());
  }
}
