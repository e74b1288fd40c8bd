import type { Address } from '@baton/protocols';
import type { BatonError } from '../errors.ts';
import type { Subscription } from './environment.ts';
import type { Entry } from './store.ts';

export type FeedListener = {
  /** Its bytes are part of a larger piece that came in: who keeps them, or a record read from them, keeps a copy. */
  readonly entry: (entry: Entry) => void;
  /** To who follows all partitions: how a task ended whose key was used anew. It comes before what takes its place. */
  readonly outcome?: (entry: Entry) => void;
  /** Everything that was stored when the reader started has been given; of what was written over meanwhile the newer version comes soon. */
  readonly caughtUp: () => void;
  /**
   * True: what is written now is not told, since its reader has lost the server, or this process has stood still, for `silentMs`
   * already. False: all of it that is still there has been told after all.
   */
  readonly stalled?: (isStalled: boolean, silentMs?: number) => void;
  /** The reader has ended and will give nothing more: start another. Told once. */
  readonly lost: (cause: BatonError) => void;
};

/** What reads some partitions. */
export interface FeedReading extends Subscription {
  /**
   * Resolves when all that was stored before the call has been given: true. Of what was written over since then the newer
   * version comes soon; a second call waits for it. False: it is not going to be known, since the reader has ended, or has
   * lost the server.
   */
  sync(): Promise<boolean>;
}

export interface RecordFeed {
  /** Latest record of every actor in `partitions`, then every change, in order per actor. Of two changes soon after each other the first may be passed by. */
  follow(partitions: readonly string[], listener: FeedListener): Promise<FeedReading>;
  /** The same of one actor. */
  followActor(address: Address, listener: FeedListener): Promise<Subscription>;
}
