import type { TaskError, TaskRecord } from '@baton/core';
import { CANCEL_HANDLE_LIMIT, decodeData, type Address } from '@baton/protocols';
import type { Held, Kernel } from '../kernel.ts';
import { taskFields, type Log } from '../log.ts';
import type { Clock } from '../ports/environment.ts';
import type { CancelledRun, Canceller, TaskDefinition } from './definition.ts';
import { OwnedTask } from './owned-task.ts';
import { taskErrorOf } from './task-error.ts';

type CancellersOptions = {
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly log: Log;
  /** This process as a node. */
  readonly worker: string;
  /** One has ended. */
  readonly ended: () => void;
};

/** A canceller that throws is called so often, with these pauses between. */
const PAUSES_MS = [1_000, 5_000] as const;

/** One call of a canceller may take this long; then it counts as failed. */
const LIMIT_MS = 60_000;

/**
 * Runs the cancellers of this process (behaviour G7): for runs of other workers that died, whose records a supervisor has
 * made this one the owner of. It tells by a poke, again and again until this has ended, so one that is lost is no loss.
 */
export class Cancellers {
  private readonly options: CancellersOptions;
  private readonly byType = new Map<string, Canceller>();
  private readonly running = new Map<Address, OwnedTask | undefined>();

  constructor(options: CancellersOptions) {
    this.options = options;
  }

  /** Types this process can cancel runs of. */
  get types(): readonly string[] {
    return [...this.byType.keys()];
  }

  /** None runs, or may be about to. */
  get isIdle(): boolean {
    return this.running.size === 0;
  }

  add(definitions: readonly TaskDefinition[]): void {
    for (const { type, canceller } of definitions) if (canceller !== undefined) this.byType.set(type, canceller);
  }

  /** The record may have become this worker's, to cancel. Never rejects. */
  async poked(address: Address): Promise<void> {
    if (this.byType.size === 0 || this.running.has(address)) return;
    this.running.set(address, undefined);
    try {
      const held = await this.options.kernel.load(address);
      if (held?.record.cancelling && held.record.owner?.worker === this.options.worker)
        await this.cancel(address, held);
    } catch (error) {
      // It is poked again.
      this.options.log.warn({ err: error, address }, 'what a dead worker had begun could not be looked at');
    } finally {
      this.running.delete(address);
      this.options.ended();
    }
  }

  /** Stops repeating what has no answer: the process goes, and another one takes over. */
  abandon(): void {
    for (const task of this.running.values()) task?.close();
  }

  private async cancel(address: Address, claimed: Held): Promise<void> {
    const { kernel, clock, worker } = this.options;
    const { record } = claimed;
    const { owner, cancelHandle } = record;
    if (owner === undefined || cancelHandle === undefined) return;
    const { fence } = owner;
    const listener = { changed: () => {}, lostIt: () => {} };
    const task = new OwnedTask({ kernel, clock, address, claimed, fence, listener });
    this.running.set(address, task);
    const log = this.options.log.child(taskFields(record));
    log.info({ worker }, 'its worker died: its canceller runs');
    const error = await this.untilDone(record, cancelHandle.data, log);
    if (error !== undefined) log.error({ err: error }, 'the canceller has failed; the task goes on without');
    await task.tell({ kind: 'end-cancelling', at: clock.now(), fence, ...(error === undefined ? {} : { error }) });
  }

  /** Undefined: it has run; else what it failed with in the end. */
  private async untilDone(record: TaskRecord, data: Uint8Array, log: Log): Promise<TaskError | undefined> {
    for (const pause of [...PAUSES_MS, undefined]) {
      const error = await this.once(record, data, log);
      if (error === undefined || pause === undefined) return error;
      log.warn({ err: error }, 'the canceller has failed and is called again');
      await new Promise<void>((resolve) => void this.options.clock.after(pause, resolve));
    }
    return undefined;
  }

  private async once(record: TaskRecord, data: Uint8Array, log: Log): Promise<TaskError | undefined> {
    const canceller = this.byType.get(record.type);
    if (canceller === undefined)
      return { message: `this worker has no canceller for ${record.type}`, type: 'CancellerMissing' };
    try {
      const call = Promise.resolve(canceller(decodeData(data, CANCEL_HANDLE_LIMIT), runOf(record, log)));
      await this.within(call);
      return undefined;
    } catch (error) {
      return taskErrorOf(error);
    }
  }

  private async within(call: Promise<unknown>): Promise<void> {
    let timer: { readonly cancel: () => void } | undefined;
    const late = new Promise<never>((_, reject) => {
      const text = `the canceller did not end within ${LIMIT_MS} ms`;
      timer = this.options.clock.after(LIMIT_MS, () => reject(new Error(text)));
    });
    try {
      await Promise.race([call, late]);
    } finally {
      timer?.cancel();
    }
  }
}

const runOf = ({ id, key, type, attempt, creator, status, abort }: TaskRecord, log: Log): CancelledRun => ({
  taskId: id,
  taskKey: key,
  taskType: type,
  attempt,
  user: creator === undefined ? undefined : { id: creator },
  cause: status !== 'aborting' ? 'rescue' : abort?.cause === 'timeout' ? 'timeout' : 'cancel',
  log,
});
