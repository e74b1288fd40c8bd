import { InvalidArgumentError } from '../errors.ts';
import type { Clock } from '../ports/environment.ts';
import type { DataStore } from '../ports/data.ts';
import type { EndedViews } from './ended-views.ts';
import { sideBySide } from '../side-by-side.ts';

export type PruneRule = {
  /** Ended tasks go when they ended longer ago than this; 0: all of them. Days of 24 hours, in UTC. */
  readonly retentionPeriodDays: number;
  /** Most tasks one run deletes; absent or 0: no limit. */
  readonly maxRowsPerRun?: number;
};

export type PruneOptions = PruneRule & {
  /** Ends the run between two batches. */
  readonly signal?: AbortSignal;
  /** After every batch. `total`: what there was to delete when the run began. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void;
  /** Tasks in one batch; 500 when not set. */
  readonly batchSize?: number;
};

export type PruneReport = {
  /** Documents deleted. */
  readonly tasks: number;
  /** Objects that went with them. */
  readonly objects: number;
  readonly batches: number;
  readonly tookMs: number;
  /** False: the row limit was reached or the run was ended before all was deleted. */
  readonly complete: boolean;
};

type PruneParts = { readonly views: EndedViews; readonly data: DataStore; readonly clock: Clock };

const DAY_MS = 86_400_000;
const MOST_DAYS = 36_500;
const BATCH = 500;

/** Objects removed at the same moment. */
const AT_ONCE = 8;

/**
 * Deletes old outcomes, oldest first, in batches (behaviour R1). After each it rests as long as that took, so that
 * whoever reads lists meanwhile has half of the database to himself.
 *
 * The objects of a batch go before its documents: a run that is broken off anywhere leaves documents that the next run
 * finds again. Two runs at once delete the same tasks, once. Rejects with InvalidArgumentError for numbers it cannot
 * take, with another BatonError when a server is away; what was deleted by then is deleted.
 */
export const prune = async ({ views, data, clock }: PruneParts, options: PruneOptions): Promise<PruneReport> => {
  checkRule(options);
  const { retentionPeriodDays: days, maxRowsPerRun = 0, signal, onProgress, batchSize = BATCH } = options;
  const began = clock.monotonic();
  const before = days === 0 ? undefined : clock.now() - days * DAY_MS;
  const most = maxRowsPerRun === 0 ? Infinity : maxRowsPerRun;
  const total = onProgress === undefined ? 0 : Math.min(most, await views.countEnded(before));
  const report = { tasks: 0, objects: 0, batches: 0 };
  let complete = false;
  for (let seen = 0; seen < most && !signal?.aborted;) {
    const batchBegan = clock.monotonic();
    const batch = await views.ended(before, Math.min(batchSize, most - seen));
    if (batch.length === 0) {
      complete = true;
      break;
    }
    seen += batch.length;
    report.objects += await removeObjects(
      data,
      batch.flatMap(({ objects }) => objects),
    );
    report.tasks += await views.forget(batch.map(({ id }) => id));
    report.batches++;
    onProgress?.({ done: report.tasks, total });
    await rest(clock, clock.monotonic() - batchBegan);
  }
  return { ...report, complete: complete || (await views.countEnded(before)) === 0, tookMs: clock.monotonic() - began };
};

/** Throws InvalidArgumentError. */
export const checkRule = ({ retentionPeriodDays: days, maxRowsPerRun: rows }: PruneRule): void => {
  if (!(Number.isSafeInteger(days) && days >= 0 && days <= MOST_DAYS)) {
    const text = `retentionPeriodDays is a whole number of days, 0 (all ended tasks) to ${MOST_DAYS}; got ${String(days)}`;
    throw new InvalidArgumentError(text);
  }
  if (rows !== undefined && !(Number.isSafeInteger(rows) && rows >= 0)) {
    throw new InvalidArgumentError(`maxRowsPerRun is a whole number, 0: no limit; got ${String(rows)}`);
  }
};

/** Resolves with how many. Rejects as `DataStore.remove` does. */
export const removeObjects = async (data: DataStore, names: readonly string[]): Promise<number> => {
  await sideBySide(names, AT_ONCE, (name) => data.remove(name));
  return names.length;
};

const rest = (clock: Clock, ms: number): Promise<void> =>
  new Promise((resolve) => {
    clock.after(ms, resolve);
  });
