import { Announcer } from '../definitions/announcer.ts';
import type { Address } from '@baton/protocols';
import type { OfferedTask } from '../dispatch/queue-client.ts';
import { WorkerQueues } from '../dispatch/worker-queues.ts';
import type { Log } from '../log.ts';
import { InvalidArgumentError, UnreadableRecordError } from '../errors.ts';
import { recordOf, type Held } from '../kernel.ts';
import type { Ports } from '../ports.ts';
import type { TaskDefinition } from '../run/definition.ts';
import { withRecord, type OfferedRecord } from '../run/offered-record.ts';
import type { Claimed, Mine, RunHost } from '../run/run-host.ts';
import { guardScope } from '../run/scope-guard.ts';

export type WorkerSettings = {
  readonly ports: Ports;
  readonly host: RunHost;
  readonly log: Log;
  readonly definitions: readonly TaskDefinition[];
  readonly queues: readonly string[];
  /** Tasks that run at once. */
  readonly concurrency: number;
  /** How long the module of an isolated task may take to load. */
  readonly loadLimitMs?: number;
};

export type DrainOptions = {
  /** How long running bodies may go on before they are told to stop. */
  readonly graceMs: number;
  /** How long they may take after that before their tasks are given back. */
  readonly stopMs: number;
  /** Why, where the worker ends without having been asked to: what it gives back then is counted (behaviour R10). */
  readonly abnormal?: string;
};

/** Why a task goes back that was claimed, and not begun, since it was offered under terms that are over. */
export const CLAIMED_TOO_LATE = 'its queue has had another host since it was offered';

/** Longest time tasks are given back when a worker goes, whatever is away. */
const LEAVE_MS = 5_000;

/**
 * The worker actor: tells its queues how many tasks it takes, claims what it is offered, and runs it.
 *
 * A slot is taken from the moment an offer arrives until its run has ended, and no more is on its way than there are free
 * slots, so a worker never holds more than it can run. The claim makes it the owner; an offer is a hint, and one that came
 * to nothing is given back.
 */
export class Worker {
  private readonly settings: WorkerSettings;
  private readonly types: ReadonlyMap<string, TaskDefinition>;
  private announcer: Announcer | undefined;
  private queues: WorkerQueues | undefined;
  /** What is being claimed: an offer that comes twice is claimed once. */
  private readonly claiming = new Set<Address>();
  private busy = 0;
  private draining = false;
  private readonly idle = new Set<() => void>();

  constructor(settings: WorkerSettings) {
    this.settings = settings;
    this.types = byType(settings.definitions);
  }

  /** Slots in use. */
  get running(): number {
    return this.busy;
  }

  async start(): Promise<void> {
    const { host, ports, queues, definitions, concurrency, loadLimitMs, log } = this.settings;
    await host.prepareThreads(definitions, concurrency, loadLimitMs);
    await host.start();
    const types = [...this.types.keys()];
    host.announce({ queues, types, concurrency }, definitions);
    this.announcer = new Announcer({ ports, worker: host.id, definitions });
    host.onLeaseChange(() => this.offerSlots());
    host.onIdle(() => this.tellIdle());
    this.queues = new WorkerQueues({
      ...ports,
      worker: host.id,
      queues,
      types,
      log,
      offered: (task) => this.take(task),
    });
    this.offerSlots();
    // Whoever is told that it serves a type submits by its definition.
    await this.announcer.kept();
  }

  /** Takes nothing more, waits for what runs, gives back what does not end (behaviour R5). */
  async drain(options: DrainOptions): Promise<void> {
    const { host, log } = this.settings;
    const { abnormal } = options;
    const by = abnormal === undefined ? { why: 'drain' } : ({ why: abnormal, abnormal: true } as const);
    this.draining = true;
    host.setState('draining');
    this.announcer?.stop();
    // Bounded: whatever is away, a worker that was asked to go goes.
    const { queues } = this;
    this.queues = undefined;
    await queues?.close();
    if (await this.idleWithin(options.graceMs)) return;
    host.interruptAll('drain', by);
    if (await this.idleWithin(options.stopMs)) return;
    if (!(await this.within(LEAVE_MS, host.giveBackAll(by))))
      log.warn(
        { running: this.busy },
        'not every task could be given back in time: their lease is, and others take them',
      );
  }

  /** Says no more what it serves, and takes nothing more; for who closes without a drain. */
  close(): void {
    this.announcer?.stop();
    void this.queues?.close();
    this.queues = undefined;
  }

  private take(task: OfferedTask): void {
    // What is being claimed is not claimed twice; should that come to nothing, the offer ends in its time.
    if (this.draining) task.giveBack('free');
    if (this.draining || this.claiming.has(task.address)) return this.offerSlots();
    this.busy++;
    this.offerSlots();
    void this.work(task);
  }

  private async work(task: OfferedTask): Promise<void> {
    const { address } = task;
    try {
      this.claiming.add(address);
      let claimed: Mine | undefined;
      try {
        claimed = await this.claim(task);
      } finally {
        this.claiming.delete(address);
      }
      if (claimed !== undefined) await this.run(address, claimed);
    } finally {
      this.busy--;
      this.offerSlots();
      this.tellIdle();
    }
  }

  private run(address: Address, claimed: Mine): Promise<unknown> {
    const { record } = claimed.held;
    const definition = this.types.get(record.type);
    if (definition === undefined) throw new Error(`claimed a task of type '${record.type}' without a handler`);
    return this.settings.host.run(address, claimed, guardScope(definition, record));
  }

  /** The task as it was claimed; undefined: it is not ours. */
  private async claim(task: OfferedTask): Promise<Mine | undefined> {
    const { address, revision, confirm } = task;
    const offered = this.offered(task.bytes === undefined ? await withRecord(this.settings.ports.store, task) : task);
    if (offered === 'refused') {
      task.giveBack('refused');
      return undefined;
    }
    // No promise more than needed: this is the way of every task.
    const isConfirmed = confirm === undefined || confirm();
    if (isConfirmed !== true && !(await isConfirmed)) {
      task.giveBack('free');
      return undefined;
    }
    const claimed = await this.settings.host.claim(address, offered, revision, confirm !== undefined);
    return claimed.kind === 'mine' ? this.mine(task, claimed) : this.notMine(task, claimed.kind);
  }

  private async notMine(task: OfferedTask, kind: Exclude<Claimed['kind'], 'mine'>): Promise<Mine | undefined> {
    switch (kind) {
      case 'not_mine':
        task.giveBack('stale');
        return undefined;
      case 'unreadable':
        task.giveBack('refused');
        return undefined;
      case 'failed':
        // It comes again in its time, to whoever can reach the store.
        return undefined;
      case 'unknown': {
        const settled = await this.settings.host.settle(task.address);
        if (settled.kind === 'mine') return this.mine(task, settled);
        // The claim may never have arrived, and the task may wait as before; where slots are counted, it may arrive yet.
        task.giveBack(task.confirm === undefined ? 'free' : 'stale');
        return undefined;
      }
    }
  }

  /** Claimed, but no more under a host that counts it: another one may have started something in its place meanwhile. */
  private mine({ address, confirm }: OfferedTask, claimed: Mine): Mine | Promise<Mine | undefined> {
    const isConfirmed = confirm === undefined || confirm();
    return isConfirmed === true ? claimed : this.mineIf(isConfirmed, address, claimed);
  }

  private async mineIf(
    isConfirmed: boolean | Promise<boolean>,
    address: Address,
    claimed: Mine,
  ): Promise<Mine | undefined> {
    if (await isConfirmed) return claimed;
    await this.settings.host.letGo(address, claimed.held, CLAIMED_TOO_LATE);
    return undefined;
  }

  /**
   * The record of an offer, where it came along. One that cannot be read or that is of a type this worker does not serve
   * is left to others: a record of a newer version to a newer worker (behaviour X10).
   */
  private offered({ address, revision, bytes }: OfferedRecord): Held | 'refused' | undefined {
    if (bytes === undefined) return undefined;
    try {
      const record = recordOf({ address, bytes });
      if (this.types.has(record.type)) return { record, revision };
      this.settings.log.error({ address, type: record.type }, 'an offered task is of a type that is not served here');
    } catch (error) {
      if (!(error instanceof UnreadableRecordError)) throw error;
      this.settings.log.error({ err: error, address }, 'an offered task cannot be read and is left to other workers');
    }
    return 'refused';
  }

  private offerSlots(): void {
    if (this.draining) return;
    const { host, concurrency } = this.settings;
    this.queues?.setFree(host.leased ? Math.max(0, concurrency - this.busy) : 0);
  }

  /** False when it takes longer. */
  private within(limitMs: number, work: Promise<void>): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const timer = this.settings.ports.clock.after(limitMs, () => resolve(false));
      work
        .then(
          () => resolve(true),
          (error: unknown) => reject(error as Error),
        )
        .finally(() => timer.cancel());
    });
  }

  /** True once nothing runs; false when that takes longer than `limitMs`. */
  private idleWithin(limitMs: number): Promise<boolean> {
    if (this.isIdle) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (isIdle: boolean): void => {
        timer.cancel();
        this.idle.delete(told);
        resolve(isIdle);
      };
      const told = (): void => end(true);
      const timer = this.settings.ports.clock.after(limitMs, () => end(false));
      this.idle.add(told);
    });
  }

  /** Also what its bodies have called inline, and do not wait for. */
  private get isIdle(): boolean {
    return this.busy === 0 && this.settings.host.isIdle;
  }

  private tellIdle(): void {
    if (this.isIdle) for (const told of [...this.idle]) told();
  }
}

const byType = (definitions: readonly TaskDefinition[]): ReadonlyMap<string, TaskDefinition> => {
  const types = new Map<string, TaskDefinition>();
  for (const definition of definitions) {
    if (types.has(definition.type)) {
      throw new InvalidArgumentError(`two tasks are named '${definition.type}': a worker can serve only one of them`);
    }
    types.set(definition.type, definition);
  }
  return types;
};
