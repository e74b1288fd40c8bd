import { PRIORITIES, type Lane } from '@baton/protocols';
import { Announcer } from '../definitions/announcer.ts';
import type { Log } from '../log.ts';
import { InvalidArgumentError, UnreadableRecordError } from '../errors.ts';
import { recordOf, type Held } from '../kernel.ts';
import type { Dispatch, Ports, RunReader } from '../ports.ts';
import type { TaskDefinition } from '../run/definition.ts';
import type { Claimed, RunHost } from '../run/run-host.ts';
import { guardScope } from '../run/scope-guard.ts';

export type WorkerSettings = {
  readonly ports: Ports;
  readonly host: RunHost;
  readonly log: Log;
  readonly definitions: readonly TaskDefinition[];
  readonly queues: readonly string[];
  /** Tasks that run at once. */
  readonly concurrency: number;
};

export type DrainOptions = {
  /** How long running bodies may go on before they are told to stop. */
  readonly graceMs: number;
  /** How long they may take after that before their tasks are given back. */
  readonly stopMs: number;
  /** Why, where the worker ends without having been asked to: what it gives back then is counted (behaviour R10). */
  readonly abnormal?: string;
};

/** Longest time the server is waited for when a worker goes. */
const LEAVE_MS = 5_000;

/**
 * The worker actor: takes what its lanes offer, as much as it has free slots for, claims it, and runs it.
 *
 * A slot is taken from the moment a dispatch arrives until its run has ended, so a worker never holds more than it can
 * run. The dispatch is acknowledged once the claim is known: a long task holds no delivery.
 */
export class Worker {
  private readonly settings: WorkerSettings;
  private readonly types: ReadonlyMap<string, TaskDefinition>;
  private reader: RunReader | undefined;
  private announcer: Announcer | undefined;
  private busy = 0;
  private draining = false;
  private idle: (() => void) | undefined;

  constructor(settings: WorkerSettings) {
    this.settings = settings;
    this.types = byType(settings.definitions);
  }

  /** Slots in use. */
  get running(): number {
    return this.busy;
  }

  async start(): Promise<void> {
    const { host, ports, queues, definitions, concurrency } = this.settings;
    await host.prepareThreads(definitions, concurrency);
    await host.start();
    host.announce({ queues, types: [...this.types.keys()], concurrency });
    this.announcer = new Announcer({ ports, worker: host.id, definitions });
    host.onLeaseChange(() => this.offerSlots());
    this.reader = await ports.queue.open(lanesOf(queues, [...this.types.keys()]), (dispatch) => this.take(dispatch));
    this.offerSlots();
  }

  /** Takes nothing more, waits for what runs, gives back what does not end (behaviour R5). */
  async drain(options: DrainOptions): Promise<void> {
    const { host, log } = this.settings;
    const { abnormal } = options;
    const by = abnormal === undefined ? { why: 'drain' } : ({ why: abnormal, abnormal: true } as const);
    this.draining = true;
    host.setState('draining');
    this.announcer?.stop();
    // Whatever is away, a worker that was asked to go goes.
    await this.within(LEAVE_MS, this.reader?.close());
    this.reader = undefined;
    if (await this.idleWithin(options.graceMs)) return;
    host.interruptAll('drain', by);
    if (await this.idleWithin(options.stopMs)) return;
    if (!(await this.within(LEAVE_MS, host.giveBackAll(by))))
      log.warn(
        { running: this.busy },
        'not every task could be given back in time: their lease is, and others take them',
      );
  }

  /** Says no more what it serves; for who closes without a drain. */
  close(): void {
    this.announcer?.stop();
  }

  private take(dispatch: Dispatch): void {
    if (this.draining) {
      dispatch.handBack();
      return;
    }
    this.busy++;
    this.offerSlots();
    void this.work(dispatch).finally(() => {
      this.busy--;
      this.offerSlots();
      if (this.busy === 0) this.idle?.();
    });
  }

  private async work(dispatch: Dispatch): Promise<void> {
    const { host } = this.settings;
    const offered = this.offered(dispatch);
    if (offered === undefined) return;
    let claimed: Claimed = await host.claim(dispatch.address, offered, dispatch.revision);
    if (claimed.kind === 'failed') {
      dispatch.handBack();
      return;
    }
    if (claimed.kind === 'unknown') claimed = await host.settle(dispatch.address);
    dispatch.ack();
    if (claimed.kind !== 'mine') return;
    const definition = this.types.get(claimed.held.record.type);
    if (definition === undefined)
      throw new Error(`claimed a task of type '${claimed.held.record.type}' without a handler`);
    await host.run(dispatch.address, claimed.held, guardScope(definition, claimed.held.record));
  }

  /**
   * The record of a dispatch, or undefined. A damaged one is acknowledged: it will not get better, and the supervisor
   * misses it and offers the task again from the record. One of a newer version is left alone (behaviour X10): it comes
   * again, for a newer worker.
   */
  private offered(dispatch: Dispatch): Held | undefined {
    try {
      const record = recordOf(dispatch);
      if (this.types.has(record.type)) return { record, revision: dispatch.revision };
      dispatch.ack();
      const { address } = dispatch;
      this.settings.log.error(
        { address, type: record.type },
        'a dispatch in a lane of ours is of another type and is dropped',
      );
      return undefined;
    } catch (error) {
      if (!(error instanceof UnreadableRecordError)) throw error;
      const isNewer = error.code === 'RECORD_NEWER';
      if (!isNewer) dispatch.ack();
      const text = isNewer ? 'a dispatch is left to a newer worker' : 'a dispatch cannot be read and is dropped';
      this.settings.log.error({ err: error, address: dispatch.address }, text);
      return undefined;
    }
  }

  private offerSlots(): void {
    if (this.draining) return;
    const { host, concurrency } = this.settings;
    this.reader?.setFree(host.leased ? Math.max(0, concurrency - this.busy) : 0);
  }

  /** False when it takes longer. */
  private within(limitMs: number, work: Promise<void> | undefined): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const timer = this.settings.ports.clock.after(limitMs, () => resolve(false));
      Promise.resolve(work).then(
        () => resolve(true),
        (error: unknown) => reject(error as Error),
      );
      void Promise.resolve(work)
        .finally(() => timer.cancel())
        .catch(() => undefined);
    });
  }

  /** True once nothing runs; false when that takes longer than `limitMs`. */
  private idleWithin(limitMs: number): Promise<boolean> {
    if (this.busy === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = this.settings.ports.clock.after(limitMs, () => {
        this.idle = undefined;
        resolve(false);
      });
      this.idle = () => {
        timer.cancel();
        this.idle = undefined;
        resolve(true);
      };
    });
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

const lanesOf = (queues: readonly string[], types: readonly string[]): readonly Lane[] =>
  PRIORITIES.flatMap((priority) => queues.flatMap((queue) => types.map((type) => ({ queue, priority, type }))));
