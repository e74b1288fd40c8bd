import type { BatonError } from '../errors.ts';

export type Subscription = { readonly close: () => void };

/** Something open that takes a moment to end. */
export type Closing = { readonly close: () => Promise<void> };

export interface Link {
  readonly connected: boolean;
  /** After every reconnect: what was pushed meanwhile is lost, so read again. */
  onReconnect(listener: () => void): Subscription;
  onDisconnect(listener: () => void): Subscription;
  /** The link is over for good, with the reason. */
  onClosed(listener: (cause: BatonError) => void): Subscription;
}

export interface Clock {
  /**
   * Wall clock of the server, as well as it is known here; milliseconds, UTC. All processes read the same one, so that
   * what one of them writes means the same to the others, whatever the clocks of their machines say.
   */
  now(): number;
  /** Monotonic, milliseconds: for leases and timeouts. */
  monotonic(): number;
  after(ms: number, run: () => void): { readonly cancel: () => void };
}

export interface Chance {
  uuid(): string;
  /** Unique, short, cheap. */
  nonce(): string;
  /** 0 up to 1. */
  random(): number;
}
