import type { Address } from '@baton/protocols';
import type { BatonError } from '../errors.ts';

/** A record as it is stored. */
export type Entry = { readonly address: Address; readonly revision: number; readonly bytes: Uint8Array };

/**
 * What became of a write. `conflict` and `failed` are definite: nothing was stored. `unknown` is neither yes nor no: it
 * may have been stored and may still be.
 */
export type WriteResult =
  | { readonly kind: 'written'; readonly revision: number }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'unknown'; readonly cause: BatonError }
  | { readonly kind: 'failed'; readonly cause: BatonError };

export interface RecordStore {
  /** Creation time of the bucket, milliseconds: the first part of every fence. */
  readonly epoch: number;
  /**
   * Why no new tasks are taken, for people; undefined: they are. What room is left is kept for the tasks that are there
   * (behaviour R8). As of a second ago; whoever makes a task asks, `write` does not.
   */
  readonly shortage: string | undefined;
  /**
   * Reads from the leader; with `outcomeOf` the outcome of that task, kept beside the record. Rejects with
   * NotConnectedError, StoreRefusedError, or a BatonError `STORE_TIMEOUT`.
   */
  load(address: Address, outcomeOf?: string): Promise<Entry | undefined>;
  /**
   * Compare-and-set: stores when the last revision under the address is `expected` (0: none). `ttlMs`: forgotten by the
   * server after that. `outcomeOf`: not the record at the address but, beside it, the outcome of that task. Never rejects.
   */
  write(address: Address, bytes: Uint8Array, expected: number, options?: WriteOptions): Promise<WriteResult>;
}

/** Where the records of tasks lie. */
export interface TaskStore extends RecordStore {
  /**
   * The record as one of the copies of the bucket has it, maybe an older version: to decide on where compare-and-set tells what has
   * changed since. Those that are asked for at once are read together. Undefined: there is none, or it cannot be had this
   * way now, which says nothing; ask `load`. Never rejects.
   */
  loadFromCopy(address: Address): Promise<Entry | undefined>;
}

export type WriteOptions = { readonly ttlMs?: number; readonly outcomeOf?: string };
