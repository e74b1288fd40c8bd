import type { Address } from '@baton/protocols';
import type { Subscription } from './environment.ts';
import type { Entry } from './store.ts';

/** The push path: at most once, so everything it tells can also be read from the store. */
export interface Signals {
  /** Tells a worker to look at one of its tasks now. */
  poke(worker: string, address: Address): void;
  onPoke(worker: string, listener: (address: Address) => void): Subscription;
  /** Tells whoever waits for the task what was stored: an end, an abort, a new beginning. */
  record(entry: Entry): void;
  /** What `record` tells of one actor. Resolves when the server knows of the interest. */
  onRecord(address: Address, listener: (entry: Entry) => void): Promise<Subscription>;
  progress(taskId: string, bytes: Uint8Array): void;
  onProgress(taskId: string, listener: (bytes: Uint8Array) => void): Promise<Subscription>;
}
