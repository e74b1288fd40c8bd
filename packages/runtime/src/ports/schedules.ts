import type { BatonError } from '../errors.ts';
import type { Entry, RecordStore } from './store.ts';
import type { Subscription } from './environment.ts';

export type SchedulesListener = {
  /** What is stored of a schedule, what was there first; what is deleted by hand is not told. */
  readonly entry: (entry: Entry) => void;
  readonly caughtUp: () => void;
  /** Nothing more is told: follow again. Told once. */
  readonly lost: (cause: BatonError) => void;
};

/** Where schedules are kept: a record each, by name (`scheduleAddressOf`). */
export interface Schedules {
  readonly store: RecordStore;
  /** All that are kept, then every change. Rejects as `RecordStore.load` does. */
  follow(listener: SchedulesListener): Promise<Subscription>;
  /** All that are kept now. Rejects likewise. */
  all(): Promise<readonly Entry[]>;
}
