import type { QueueSettings } from '@baton/core';
import type { BatonError } from '../errors.ts';
import type { RecordStore } from './store.ts';
import type { Subscription } from './environment.ts';

export type QueueSettingsListener = {
  /** What is set for a queue; those that were there first. */
  readonly kept: (settings: QueueSettings, revision: number) => void;
  /** Somebody has taken it away: nothing is set. */
  readonly gone: (queue: string) => void;
  /** It is there, and not for this program to read. */
  readonly unreadable: (queue: string, reason: string) => void;
  readonly caughtUp: () => void;
  /** Nothing more is told: follow again. Told once. */
  readonly lost: (cause: BatonError) => void;
};

/** Where what is set for queues is kept: one record a queue, changed by compare-and-set (behaviour Q5 to Q8). */
export interface QueueSettingsPort {
  /** For the kernel. The place of a record is the name of its queue. */
  readonly store: RecordStore;
  /** All that are kept, then every change. Rejects with a BatonError. */
  follow(listener: QueueSettingsListener): Promise<Subscription>;
}
