/**
 * Where data lies that is too large for a record. Written before the record that refers to it, never written over. All
 * methods reject with a BatonError when it cannot be done; repeating any of them does no harm.
 */
export interface DataStore {
  /** Resolves when the bytes are stored durably. After a rejection they are not to be referred to. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  /** Undefined: there is none of that name, or not all of it. */
  get(name: string): Promise<Uint8Array | undefined>;
  /** All that is left of it is gone; also fine when it was not there. */
  remove(name: string): Promise<void>;
  /** Names of all there are, in pages and in no order; what comes or goes meanwhile may be among them or not. */
  names(): AsyncIterable<readonly string[]>;
  /** When it was stored, by the server's clock, milliseconds; undefined: there is none. */
  storedAt(name: string): Promise<number | undefined>;
  /** Removes what a `put` left that began before `before` (milliseconds, server's clock) and never ended. How many. */
  removeUnfinished(before: number): Promise<number>;
}
