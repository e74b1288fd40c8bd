import type { Projections, Version } from '@baton/runtime';
import { Durables, openReader, type Stored } from './durable.ts';
import type { Process } from './process.ts';
import type { Records, StoredRecord } from './records.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call } from './wire.ts';

export type StoredVersion = Stored & { readonly stored: StoredRecord };

/** The durable readers of the bucket. */
export const durablesOf = (records: Records, clock: { readonly monotonic: () => number }): Durables<StoredVersion> =>
  new Durables(
    { after: (revision) => records.after(revision).map(asStored), watch: (watch) => records.onWrite(watch) },
    clock,
  );

const asStored = (stored: StoredRecord): StoredVersion => ({ sequence: stored.revision, storedAt: stored.at, stored });

export const memoryProjections = (
  around: Surroundings,
  process: Process,
  records: Records,
  durables: Durables<StoredVersion>,
): Projections => ({
  reader: (name) => openReader({ around, process, durables, name }, contentOf),
  progress: async (name) =>
    answerOf(
      await call(around, process, 'projection.progress', name, () => {
        const floor = durables.get(name)?.floor;
        if (floor === undefined) return undefined;
        const [oldest, ...more] = records.after(floor);
        const known = { floor, last: records.lastRevision };
        return oldest === undefined
          ? { ...known, behind: 0 }
          : { ...known, behind: 1 + more.length, oldestAt: oldest.at };
      }),
    ),
});

const contentOf = (messages: readonly StoredVersion[]) => ({
  entries: messages.map(({ stored: { address, revision, bytes, ttlMs, outcomeOf, at } }): Version => ({
    address,
    revision,
    bytes,
    storedAt: at,
    isMark: ttlMs !== undefined,
    ...(outcomeOf === undefined ? {} : { outcomeOf }),
  })),
  unreadable: [],
});
