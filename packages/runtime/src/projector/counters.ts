import type { QuarantineKind } from './views.ts';

/** Everything counted since the start. */
export type Counters = Record<QuarantineKind, number> & {
  /** Versions read, of all projections. */
  versions: number;
  batches: number;
  /** Documents written. */
  documents: number;
  /** Documents not written because what was there was as new. */
  stale: number;
  /** Versions appended to the event log, and those it can never take. */
  logged: number;
  unlogged: number;
  /** Archive marks written, and records that no mark can be written to. */
  marked: number;
  unmarked: number;
};

export const zeroCounters = (): Counters => ({
  versions: 0,
  batches: 0,
  documents: 0,
  stale: 0,
  newer: 0,
  corrupt: 0,
  refused: 0,
  foreign: 0,
  logged: 0,
  unlogged: 0,
  marked: 0,
  unmarked: 0,
});
