import type { Entry, WriteResult } from './store.ts';

/** Something in a stream that is no record; put aside by whoever reads. `reason` is for people. */
export type Unreadable = {
  readonly sequence: number;
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly reason: string;
};

/** A stored version of a record, as projections are given it. */
export type Version = Entry & {
  /** It is the outcome of this task, kept beside the record that has taken its place. */
  readonly outcomeOf?: string;
  /** It was written with a lifetime: an archive mark, which has nothing new to tell. */
  readonly isMark: boolean;
  /** When it was stored, by the server's clock, milliseconds. */
  readonly storedAt: number;
};

/** A version as the event log has it. */
export type LoggedEntry = Entry & {
  /** Of the bucket it was written to: its revisions say nothing about those of another one. A restored bucket is another. */
  readonly epoch: number;
};

export type EntryBatch<E extends Entry> = {
  /** In the order they were stored. */
  readonly entries: readonly E[];
  readonly unreadable: readonly Unreadable[];
  /**
   * Place of its last message in the stream, also where that is nothing to read; 0: none came. Below that of an earlier batch
   * only where the reader has been made anew and begins again.
   */
  readonly last: number;
  /** Messages still waiting behind this batch. */
  readonly pending: number;
  /**
   * All up to here is done with, that of earlier batches too. Confirmed by the server; rejects with a BatonError when it
   * was not. What is not acknowledged comes again.
   */
  readonly ack: () => Promise<void>;
};

/** A durable reader of a stream: it goes on behind what was acknowledged under its name, in whatever process. */
export type EntryReader<E extends Entry> = {
  /**
   * Up to `max` messages; waits up to `waitMs` for the first, then takes what is there. Empty when there is none, and
   * while another process is served under the name. Rejects with a BatonError when the server cannot be asked.
   */
  readonly next: (max: number, waitMs: number) => Promise<EntryBatch<E>>;
  /** `forget`: its place in the stream goes too, as of a reader that was made for one reading. */
  readonly close: (options?: { readonly forget?: boolean }) => Promise<void>;
};

export type ReaderOptions = {
  /** Made for one reading: where nobody takes its place away it is forgotten a day after it was last used. */
  readonly once?: boolean;
};

/** How far a projection has come. Revisions are the bucket's own: nothing can be 0 that stands still (behaviour P5). */
export type ProjectionProgress = {
  /** Everything up to this revision is projected. */
  readonly floor: number;
  /** The last revision of the bucket. */
  readonly last: number;
  /** Versions behind the floor; 0 only where none is left. */
  readonly behind: number;
  /** When the first of them was stored, by the server's clock, milliseconds. */
  readonly oldestAt?: number;
};

/**
 * What projections read: the bucket, each at its own pace, by a durable reader of its name. A version that was written over
 * before it was read is passed by.
 */
export interface Projections {
  /** Of several processes with one name one is given everything, until it asks no more for a time. */
  reader(projection: string, options?: ReaderOptions): Promise<EntryReader<Version>>;
  /** Undefined: nobody has ever read under this name. Rejects with a BatonError while the server is away. */
  progress(projection: string): Promise<ProjectionProgress | undefined>;
}

export interface EventLog {
  /** Appends a version for whoever follows. The same one twice within half a minute is there once. Never rejects. */
  append(entry: Entry): Promise<WriteResult>;
  /** The durable reader of that name. Rejects with StoreRefusedError `STORE_MISSING` where there is no log. */
  reader(consumer: string, options?: ReaderOptions): Promise<EntryReader<LoggedEntry>>;
}
