import type { NodeChange, NodeInfo, ThreadWarning } from '@baton/runtime';
import type { DialSettings } from '../connection/dial.ts';
import type { LeaseTimings } from './lease-watch.ts';

/** What the lease thread and its owner say to each other. Plain data: it is copied between threads. */

export type LeaseTask = {
  readonly dial: DialSettings;
  readonly subject: string;
  readonly info: NodeInfo;
  readonly timings: LeaseTimings;
  /** 32-bit integers: BEAT, RUNNING and RENEWED. */
  readonly shared: SharedArrayBuffer;
};

/** Counts up as long as the owner's event loop turns. */
export const BEAT = 0;
/** Tasks the owner runs now; NOT_SAID when it did not say. */
export const RUNNING = 1;
export const NOT_SAID = -1;
/** Renewals the server has confirmed. */
export const RENEWED = 2;
export const WORDS = 3;

/** What is not counted in shared memory goes as a message. */
export type ToThread =
  | { readonly kind: 'change'; readonly change: Omit<NodeChange, 'running'> }
  | { readonly kind: 'release' };

/** The code of a fault after which the thread goes on trying. */
export const NOT_RENEWED = 'LEASE_NOT_RENEWED';

export type FromThread =
  | { readonly kind: 'held' }
  | { readonly kind: 'lost' }
  | { readonly kind: 'regained' }
  /** The owner's event loop turns again; it did not for so many milliseconds. */
  | { readonly kind: 'unblocked'; readonly afterMs: number }
  /** The lease was given back, or could not be; nothing more is renewed. */
  | { readonly kind: 'released' }
  /** Another process announces itself under this id. It was started later, so it stays and we go. */
  | { readonly kind: 'superseded' }
  | { readonly kind: 'warning'; readonly warning: ThreadWarning }
  /** `code` of a BatonError where it was one. */
  | { readonly kind: 'fault'; readonly code: string; readonly message: string };
