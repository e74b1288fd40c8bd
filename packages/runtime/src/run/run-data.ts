import type { BodyOutcome, Child, Data, Dependency, Fence, ObjectReference, TaskRecord } from '@baton/core';
import { objectName, type Address, type Sized } from '@baton/protocols';
import { DataLostError, dropObject, loadObject, storeObject } from '../data/large-data.ts';
import { handedOver, TooMuchLeftError, type HandedOver } from '../dependencies/handed-over.ts';
import { BatonError, StoreRefusedError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../ports/environment.ts';
import type { DataStore } from '../ports/data.ts';
import type { ArgumentBytes } from './body.ts';
import type { BodyEnd } from './body-end.ts';
import { taskErrorOf } from './task-error.ts';

type RunDataParts = {
  readonly data: DataStore;
  readonly clock: Clock;
  readonly address: Address;
  readonly log: () => Log;
  /** False: it is not needed any more, since the task is somebody else's, or is to be given back, or the process goes. */
  readonly wanted: (part: 'arguments' | 'result') => boolean;
};

/** Which run of which task it is. */
type RunName = { readonly task: { readonly record: Pick<TaskRecord, 'id'> }; readonly fence: Fence };

const RETRY_MS = 250;
const RETRY_MAX_MS = 2_000;

/** A store that answers and says no for this long says no to this result. */
const REFUSED_MS = 30_000;

/**
 * Arguments and result of one run, which may lie in the object store. As a record that cannot be told is told until the
 * answer is definite, an object is fetched and stored again until it is there: a broker that is away is no failure of the
 * task.
 */
export class RunData {
  private readonly parts: RunDataParts;

  constructor(parts: RunDataParts) {
    this.parts = parts;
  }

  /** The encoded arguments, at once where they lie in the record. Rejects with what the attempt fails with. */
  arguments(record: TaskRecord): ArgumentBytes | undefined | Promise<ArgumentBytes> {
    const { args } = record;
    return args === undefined ? undefined : this.stored(args);
  }

  /** Encoded data of the record, at once where it lies in it. Rejects with what stays so. */
  stored(of: Data): ArgumentBytes | Promise<ArgumentBytes> {
    if (of instanceof Uint8Array) return { bytes: of, large: false };
    return this.unlessDisconnected('arguments', async () => ({
      bytes: await loadObject(this.parts.data, of),
      large: true,
    }));
  }

  /** What the tasks have left it that it waited for; undefined where it waited for none. Rejects likewise. */
  left(record: TaskRecord): Promise<readonly HandedOver[]> | undefined {
    if (record.dependsOn === undefined) return undefined;
    return this.handed(record.dependsOn);
  }

  /** What these have left it, dependencies or children. Rejects likewise. */
  handed(ended: readonly (Dependency | Child)[]): Promise<readonly HandedOver[]> {
    return this.unlessDisconnected('arguments', () => handedOver(this.parts.data, ended));
  }

  /**
   * Puts a large result away, before the record that is going to refer to it. Undefined: the end is not ours to tell any
   * more. Never rejects.
   */
  async keep(end: BodyEnd, run: RunName): Promise<BodyOutcome | undefined> {
    return isLarge(end) ? this.putAway(end.result.bytes, run) : small(end);
  }

  /** The same for a result that is not large, and for which the record has no room. */
  async putAway(bytes: Uint8Array, { task, fence }: RunName): Promise<BodyOutcome | undefined> {
    const { data, address, wanted } = this.parts;
    if (!wanted('result')) return undefined;
    const name = objectName(address, task.record.id, { resultOf: fence });
    try {
      return {
        kind: 'returned',
        result: await this.unlessDisconnected('result', () => storeObject(data, name, bytes)),
      };
    } catch (error) {
      if (!wanted('result')) return undefined;
      const { message } = taskErrorOf(error);
      const text = `the result of ${bytes.length} bytes could not be stored: ${message}`;
      return { kind: 'threw', error: { message: text, type: 'result_not_stored' }, terminal: true };
    }
  }

  /** Puts away what a step came to. Undefined: it is not ours to tell any more. Rejects with what stays so. */
  async putStepAway(bytes: Uint8Array, run: RunName, number: number): Promise<ObjectReference | undefined> {
    const { data, address, wanted } = this.parts;
    if (!wanted('result')) return undefined;
    const name = objectName(address, run.task.record.id, { stepOf: run.fence, number });
    return this.unlessDisconnected('result', () => storeObject(data, name, bytes));
  }

  /**
   * The end was refused: what was put away for it is nobody's. Not to be called for an end that was lost, which may have
   * been recorded before its key was given to another task; the sweep takes those that were not.
   */
  drop(body: BodyOutcome): void {
    if (body.kind === 'returned') this.dropData(body.result);
  }

  /** The same for what else was put away. */
  dropData(of: Data | undefined): void {
    void dropObject(this.parts.data, of);
  }

  /** Tries until it works, or is refused for good, or is not wanted any more. */
  private async unlessDisconnected<T>(part: 'arguments' | 'result', attempt: () => Promise<T>): Promise<T> {
    const { clock, log, wanted } = this.parts;
    let refusedSince: number | undefined;
    for (let pause = RETRY_MS; ; pause = Math.min(RETRY_MAX_MS, pause * 2)) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof BatonError) || isFinal(error) || !wanted(part)) throw error;
        refusedSince = error instanceof StoreRefusedError ? (refusedSince ?? clock.monotonic()) : undefined;
        if (refusedSince !== undefined && clock.monotonic() - refusedSince >= REFUSED_MS) throw error;
        log().warn({ code: error.code, reason: error.message }, 'the object store does not work, trying until it does');
      }
      await new Promise<void>((resolve) => void clock.after(pause, resolve));
    }
  }
}

/** It will be the same at the next try. */
const isFinal = (error: BatonError): boolean => error instanceof DataLostError || error instanceof TooMuchLeftError;

type Large = { readonly kind: 'returned'; readonly result: Sized };

/** True when the result has to be put away before the end can be told, which takes its time. */
export const isLarge = (end: BodyEnd): end is Large => end.kind === 'returned' && end.result?.kind === 'large';

/** As it is told where nothing was put away: a large result is not part of it. */
export const small = (end: BodyEnd): BodyOutcome => {
  if (end.kind === 'threw') return end;
  return end.result?.kind === 'inline' ? { kind: 'returned', result: end.result.bytes } : { kind: 'returned' };
};
