import { availableParallelism } from 'node:os';
import { isTerminal, type TaskId } from '@baton/core';
import { DATA_LIMIT, PROGRESS_THROTTLE_MS, type Address } from '@baton/protocols';
import type { SubmitParts } from '../client/submit.ts';
import type { Log } from '../log.ts';
import type { LeaseCounts } from '../metrics/counts.ts';
import type { Held, Kernel } from '../kernel.ts';
import { promote } from '../successors.ts';
import type { Lease, NodeInfo } from '../ports/presence.ts';
import type { Ports } from '../ports.ts';
import type { Subscription } from '../ports/environment.ts';
import { checkModules } from '../thread/check-modules.ts';
import { ThreadPool } from '../thread/thread-pool.ts';
import { RunSpan } from '../trace/run-span.ts';
import { Cancellers } from './cancellers.ts';
import { Claims, type Claimed, type Mine } from './claims.ts';
import type { TaskDefinition } from './definition.ts';
import { OwnedTask } from './owned-task.ts';
import { Run } from './run.ts';
import { sayBegun, sayEnded } from './run-log.ts';
import type { GivingBack, RunEnd } from './run-finish.ts';

export type { Claimed, Mine } from './claims.ts';

export type RunHostSettings = Pick<SubmitParts, 'catalogue' | 'unknownTypes'> & {
  readonly ports: Ports;
  readonly kernel: Kernel;
  readonly log: Log;
  /** Identity of this process as a node; owner of what it claims. */
  readonly info: NodeInfo;
  readonly throttleMs?: number;
  /** Largest encoded result, bytes; DATA_LIMIT when not set. */
  readonly dataLimit?: number;
};

/** Task threads of a process without a worker: inline calls take no slots that would bound them. */
const LEAST_THREADS = Math.max(4, availableParallelism());

/** Types of tasks named in the log when one of them blocked the event loop. */
const SHOWN_TYPES = 10;

/**
 * Hosts runs: holds a lease, hears pokes, follows reconnects. Workers and inline calls both run their tasks in one, so both
 * have the same features.
 */
export class RunHost {
  readonly id: string;
  private readonly settings: RunHostSettings;
  private readonly claims: Claims;
  private readonly cancellers: Cancellers;
  /** Who owns an address here. */
  private readonly owned = new Map<Address, Run>();
  /** All bodies that run, also those whose task is somebody else's by now. */
  private readonly bodies = new Set<Run>();
  /** When the last body of a type ended, monotonic. */
  private readonly endedAt = new Map<string, number>();
  private readonly threads = new ThreadPool(LEAST_THREADS);
  private readonly subscriptions: Subscription[] = [];
  private lease: Lease | undefined;
  private starting: Promise<void> | undefined;
  /** Inline calls that are being submitted, claimed or run here. */
  private calls = 0;
  private idle: () => void = () => {};
  private held = false;
  private leaseChanged: () => void = () => {};

  constructor(settings: RunHostSettings) {
    const { ports, kernel, log, info } = settings;
    this.settings = settings;
    this.id = info.id;
    const ended = (): void => this.idle();
    this.cancellers = new Cancellers({ kernel, clock: ports.clock, log, worker: info.id, ended });
    this.claims = new Claims({ ports, kernel, log, worker: info.id, traces: true });
  }

  get running(): number {
    return this.bodies.size;
  }

  /** Bodies that run, inline calls whose body may yet begin, and cancellers: a drain waits for all of them. */
  get isIdle(): boolean {
    return this.bodies.size === 0 && this.calls === 0 && this.cancellers.isIdle;
  }

  /** One listener: told when it may have become idle. */
  onIdle(listener: () => void): void {
    this.idle = listener;
  }

  /** An inline call is made here, until `work` is over. */
  async called<T>(work: () => Promise<T>): Promise<T> {
    this.calls++;
    try {
      return await work();
    } finally {
      this.calls--;
      this.idle();
    }
  }

  /** Whether the body of that task runs here. */
  runs(taskId: TaskId): boolean {
    return [...this.bodies].some(({ record }) => record.id === taskId);
  }

  /** Undefined while it has none. */
  leaseCounts(): LeaseCounts | undefined {
    return this.lease?.counts();
  }

  /** False while others may count this process as dead: what it would claim now would be taken from it. */
  get leased(): boolean {
    return this.held;
  }

  /** It runs nothing any more. */
  get isStopped(): boolean {
    return this.claims.isClosed;
  }

  /** One listener: told whenever `leased` changes. */
  onLeaseChange(listener: () => void): void {
    this.leaseChanged = listener;
  }

  /** Takes the lease. A second call waits for the first. */
  start(): Promise<void> {
    this.starting ??= this.begin().catch((error: unknown) => {
      for (const subscription of this.subscriptions.splice(0)) subscription.close();
      this.starting = undefined;
      throw error;
    });
    return this.starting;
  }

  /** See `Claims`. */
  claim(address: Address, from: Held | undefined, offered: number, exact?: boolean): Promise<Claimed> {
    return this.claims.claim(address, from, offered, exact);
  }

  /** Returns what was claimed, before its body was begun. Never rejects. */
  async letGo(address: Address, claimed: Held, why: string): Promise<void> {
    const { kernel, ports, log } = this.settings;
    const { owner } = claimed.record;
    if (owner === undefined) return;
    const { fence } = owner;
    const task = new OwnedTask({
      ...{ kernel, clock: ports.clock, address, claimed, fence },
      listener: { changed: () => {}, lostIt: () => {} },
    });
    await task
      .tell({ kind: 'give-back', at: ports.clock.now(), fence, why })
      .catch((error: unknown) => log.warn({ err: error, address }, 'a task could not be given back'));
    this.claims.ended(address);
  }

  settle(address: Address): Promise<Claimed> {
    return this.claims.settle(address);
  }

  /** Runs what was claimed to the end of the attempt, and starts what waits behind it. Never rejects. */
  async run(address: Address, { held: claimed, span }: Mine, definition: TaskDefinition): Promise<RunEnd> {
    const { ports, kernel, log } = this.settings;
    const run = new Run({
      kernel,
      clock: ports.clock,
      chance: ports.chance,
      signals: ports.signals,
      data: ports.data,
      dataLimit: this.settings.dataLimit ?? DATA_LIMIT,
      submits: this.settings,
      log,
      address,
      worker: this.id,
      claimed,
      definition,
      threads: this.threads,
      throttleMs: this.settings.throttleMs ?? PROGRESS_THROTTLE_MS,
      // None yet where the claim was settled by a look.
      span: span ?? RunSpan.start(claimed.record, this.id),
    });
    this.owned.set(address, run);
    this.bodies.add(run);
    this.lease?.update({ running: this.bodies.size });
    sayBegun(log, claimed.record);
    const end = await run.execute();
    this.claims.ended(address);
    if (this.owned.get(address) === run) this.owned.delete(address);
    this.bodies.delete(run);
    this.endedAt.set(definition.type, ports.clock.monotonic());
    this.idle();
    this.lease?.update({ running: this.bodies.size });
    if (end.kind === 'left') {
      sayEnded(log, end.held);
      this.next(address, end.held);
    }
    return end;
  }

  /** Gives every running task back whose body is still running; the caller has waited long enough. */
  async giveBackAll(by: GivingBack): Promise<void> {
    await Promise.all(
      [...this.bodies].map(async (run) => {
        const end = await run.giveBack(by);
        if (end.kind !== 'left') return;
        sayEnded(this.settings.log, end.held);
        this.next(run.address, end.held);
      }),
    );
  }

  interruptAll(cause: 'drain' | 'lease_lost', by?: GivingBack): void {
    for (const run of this.bodies) run.interrupt(cause, by);
  }

  /**
   * Makes ready for a worker of so many slots: there are no more task threads than these. The modules of isolated tasks are loaded, each in a thread, which stays for the first run. Rejects with
   * InvalidArgumentError for one that cannot be loaded or does not define its task.
   */
  async prepareThreads(definitions: readonly TaskDefinition[], slots: number, loadLimitMs?: number): Promise<void> {
    this.threads.setLimit(Math.max(LEAST_THREADS, slots));
    await checkModules(this.threads, definitions, loadLimitMs);
  }

  /** Tells others what is served here from now on. */
  announce(
    worker: Required<Pick<NodeInfo, 'queues' | 'types' | 'concurrency'>>,
    definitions: readonly TaskDefinition[],
  ): void {
    this.cancellers.add(definitions);
    const cancels = this.cancellers.types;
    this.lease?.update({ ...worker, ...(cancels.length === 0 ? {} : { cancels }) });
  }

  setState(state: NodeInfo['state']): void {
    this.lease?.update({ state });
  }

  /** What still runs here is told so: the task may begin elsewhere as soon as the lease is gone. */
  async stop(): Promise<void> {
    this.claims.close();
    this.interruptAll('drain', { why: 'the client was closed' });
    for (const run of this.bodies) run.abandon();
    this.cancellers.abandon();
    for (const subscription of this.subscriptions.splice(0)) subscription.close();
    await this.threads.close();
    await this.starting?.catch(() => undefined);
    const { lease } = this;
    this.lease = undefined;
    try {
      await lease?.release();
    } catch (error) {
      this.settings.log.warn({ err: error }, 'the lease could not be given back: it ends by itself');
    }
  }

  private async begin(): Promise<void> {
    const { ports, info, log } = this.settings;
    this.subscriptions.push(
      ports.signals.onPoke(info.id, (address) => this.poked(address)),
      ports.link.onDisconnect(() => log.warn({ running: this.bodies.size }, 'the connection to NATS was lost')),
      ports.link.onReconnect(() => {
        log.info('the connection to NATS is back');
        for (const run of this.owned.values()) void run.look();
      }),
    );
    this.lease = await ports.presence.hold(info, {
      lost: () => {
        log.warn({ running: this.bodies.size }, 'the lease could not be renewed: running tasks are told to stop');
        this.holds(false);
        this.interruptAll('lease_lost');
      },
      regained: () => {
        log.info('the lease is held again');
        this.holds(true);
      },
      unblocked: (afterMs) => this.tellBlock(afterMs),
    });
    this.holds(true);
  }

  private poked(address: Address): void {
    const run = this.owned.get(address);
    if (run === undefined || run.task.lost) void this.cancellers.poked(address);
    else void run.look();
  }

  private tellBlock(afterMs: number): void {
    const since = this.settings.ports.clock.monotonic() - afterMs;
    // Whoever computed for long has often ended by the time this is known.
    const ended = [...this.endedAt].flatMap(([type, at]) => (at >= since ? [type] : []));
    const running = [...this.bodies].map((run) => run.record.type);
    const types = [...new Set([...running, ...ended])].slice(0, SHOWN_TYPES);
    const text =
      `the event loop was blocked for ${afterMs} ms, in which nothing else could run here: ` +
      "a task that computes for long belongs into a thread (isolation: 'thread')";
    this.settings.log.warn({ afterMs, types }, text);
  }

  private holds(held: boolean): void {
    this.held = held;
    this.leaseChanged();
  }

  /** What the end of a run makes possible. Only the fast way: the supervisor finds what is lost here. */
  private next(address: Address, held: Held): void {
    const { ports, kernel, log } = this.settings;
    const { record } = held;
    if (!isTerminal(record.status) || record.successor === undefined) return;
    void promote({ ports, kernel, log }, address, record.id, `worker:${this.id}`);
  }
}
