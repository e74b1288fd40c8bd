import type { WriteResult } from '../ports/store.ts';
import type { HistogramCounts } from './histogram.ts';

/** What was counted of a lease since it was taken. */
export type LeaseCounts = { readonly held: boolean; readonly renewals: number; readonly losses: number };

/** What came of writes to streams, so many of each since the start. */
export type WriteOutcomes = Record<WriteResult['kind'], number>;

/** Counted on the way in plain numbers, for who looks at them. */
export type WriteCounts = {
  readonly records: WriteOutcomes;
  readonly others: WriteOutcomes;
  /** How many records went into one message to the store: 1, or the size of a batch. */
  readonly groups: HistogramCounts;
};

export const zeroOutcomes = (): WriteOutcomes => ({ written: 0, conflict: 0, failed: 0, unknown: 0 });
