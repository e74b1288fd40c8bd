import type { EntryBatch, Version } from '../ports/projections.ts';

/**
 * Where a projection brings what it reads. A further one (search, webhooks, a warehouse) is an object of this shape given
 * to `startProjector` in `sinks`; its name is that of its durable reader, so it must not change.
 *
 * It is given every version of every record that was not written over before it was read: always the newest, in the order
 * of the bucket. What it was given may come again after a crash, so it goes by revisions.
 */
export interface Sink {
  readonly name: string;
  /** Resolves when the next batch may be read. Absent: at once. */
  readonly ready?: () => Promise<void>;
  /**
   * Resolves when all of it is there for good: it is acknowledged then, and may be forgotten by the bucket. While the
   * target is away it waits, by the outageRetry it was made with. Whatever it rejects with is taken for a bug and ends the projector.
   */
  readonly write: (batch: SinkBatch) => Promise<void>;
}

export type SinkBatch = Pick<EntryBatch<Version>, 'entries' | 'unreadable'>;

/** Of every key the newest version: what was before it says nothing more. Marks are left out. */
export const newestOf = (versions: readonly Version[]): readonly Version[] => {
  const byKey = new Map<string, Version>();
  for (const version of versions) {
    const key = version.outcomeOf === undefined ? version.address : `${version.address}.${version.outcomeOf}`;
    const known = byKey.get(key);
    if (known === undefined || known.revision < version.revision) byKey.set(key, version);
  }
  return [...byKey.values()].filter(({ isMark }) => !isMark);
};
