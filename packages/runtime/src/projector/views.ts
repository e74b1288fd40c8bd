import type { TaskDocument } from '@baton/protocols';

/** Where the projector writes: one document per task. Every method rejects with a BatonError while the database is away. */
export interface TaskViews {
  /**
   * Writes each document unless a newer one of the same task is there, newer by (epoch, rev). At most one document per
   * task in one call. Repeating and reordering calls does no harm. `likelyNew`: ids of tasks that are probably not there
   * yet, which can be written more cheaply; a wrong guess costs time and nothing else.
   */
  project(documents: readonly TaskDocument[], likelyNew?: ReadonlySet<string>): Promise<ProjectResult>;
  /** Puts aside what cannot be projected. The same one put aside twice is there once. */
  quarantine(entries: readonly Quarantined[]): Promise<void>;
  /** Up to `limit` entries of this kind with an id above `after`, by id. */
  quarantined(kind: QuarantineKind, limit: number, after?: string): Promise<readonly Quarantined[]>;
  /** Those of these ids that are put aside. */
  asideAmong(ids: readonly string[]): Promise<readonly string[]>;
  /** Takes entries out again: they could be projected after all. */
  release(ids: readonly string[]): Promise<void>;
}

export type ProjectResult = {
  readonly written: number;
  /** Not written because what is there is as new or newer. */
  readonly stale: number;
  /** Can never be written as they are. */
  readonly refused: readonly Fault[];
  /** Not written this time, for a reason that may pass. */
  readonly failed: readonly Fault[];
};

export type Fault = { readonly document: TaskDocument; readonly reason: string };

/**
 * `newer`: a record of a later version of Baton, kept until a program that knows it comes. `corrupt`: bytes that are no
 * record. `refused`: a record whose document the database does not take. `foreign`: a message that is no record.
 */
export type QuarantineKind = 'newer' | 'corrupt' | 'refused' | 'foreign';

export type Quarantined = {
  /** Made of what it is, so that it is put aside once. */
  readonly id: string;
  readonly kind: QuarantineKind;
  readonly reason: string;
  /** The record's address, the key of a kept outcome, or the subject of a message that is neither. */
  readonly subject: string;
  /** Creation time of the bucket the revision counts in; absent for `foreign`. */
  readonly epoch?: number;
  readonly revision?: number;
  /** Of a `foreign` message. */
  readonly sequence?: number;
  readonly bytes: Uint8Array;
  /** Wall clock, milliseconds. */
  readonly at: number;
};
