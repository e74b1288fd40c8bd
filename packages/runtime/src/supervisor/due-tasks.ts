import type { TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import { laneOf } from '../dispatch.ts';
import { UnreadableRecordError } from '../errors.ts';
import { recordOf } from '../kernel.ts';
import type { Log } from '../log.ts';
import type { Delayed, Due, RecordStore, RunQueue } from '../ports.ts';
import type { SaidOnce } from './said-once.ts';

/** Before what could not be dispatched comes again. */
const AGAIN_MS = 500;

export type DueTasksOptions = {
  readonly store: RecordStore;
  readonly queue: RunQueue;
  readonly log: Log;
  readonly once: SaidOnce;
  /** It waits for a worker now; whoever watches its partition is to know. */
  readonly dispatched: (address: Address, revision: number, record: TaskRecord) => void;
};

/**
 * Dispatches delayed tasks whose time has come, as the server tells it (behaviour X7). It tells it to one of all
 * supervisors, and to another one when that one does not say that it is done. What is told is compared with what is
 * stored: a schedule of a task that was cancelled, has run, or waits for another time is nobody's business any more.
 */
export class DueTasks {
  private readonly options: DueTasksOptions;
  private dispatchedCount = 0;
  private staleCount = 0;

  constructor(options: DueTasksOptions) {
    this.options = options;
  }

  get counts(): { readonly dispatched: number; readonly stale: number } {
    return { dispatched: this.dispatchedCount, stale: this.staleCount };
  }

  /** Never rejects; answers what it was given. */
  readonly take = async (due: Due): Promise<void> => {
    try {
      if (await this.dispatch(due)) due.ack();
      else due.again(AGAIN_MS);
    } catch (error) {
      const { once, log } = this.options;
      once.say('due', () =>
        log.warn({ err: error, address: due.address }, 'a due task was not dispatched; tried again'),
      );
      due.again(AGAIN_MS);
    }
  };

  /** False: not known to be dispatched. */
  private async dispatch(due: Due): Promise<boolean> {
    const { store, queue, dispatched } = this.options;
    const entry = await store.load(due.address);
    const record = entry === undefined ? undefined : readable(entry);
    if (entry === undefined || record === undefined || !isWanted(record, due)) {
      this.staleCount++;
      return true;
    }
    const result = await queue.put(laneOf(record), entry);
    if (result.kind !== 'written') return false;
    this.dispatchedCount++;
    dispatched(entry.address, entry.revision, record);
    return true;
  }
}

/** A newer version's record is left alone; the reader of the records says and counts it. */
const readable = (entry: Parameters<typeof recordOf>[0]): TaskRecord | undefined => {
  try {
    return recordOf(entry);
  } catch (error) {
    if (error instanceof UnreadableRecordError) return undefined;
    throw error;
  }
};

/** Not by revision: a task that was joined while it waited is still due. */
const isWanted = (record: TaskRecord, { id, runAt }: Delayed): boolean =>
  record.id === id && record.status === 'pending' && record.host === undefined && record.runAt === runAt;
