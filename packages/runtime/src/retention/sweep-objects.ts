import { objectOwner, objectsIn, ORPHAN_OBJECT_AGE_MS, readRecord } from '@baton/protocols';
import type { Clock } from '../ports/environment.ts';
import type { DataStore } from '../ports/data.ts';
import type { Entry, RecordStore } from '../ports/store.ts';
import type { EndedViews } from './ended-views.ts';

type SweepParts = {
  readonly views: EndedViews;
  readonly data: DataStore;
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
};

/** A `put` takes seconds; what has no end a day later never will. */
const UNFINISHED_MS = 86_400_000;

/** Names that are asked for in one query. */
const CHUNK = 500;

/**
 * Removes objects nobody refers to: left by a process that died between object and record, by an old owner, by a call
 * whose outcome was unknown. Only what is older than the event log goes back, so that nothing is taken which a document
 * could still be made of; and never what is older than this database is one: where another one was projected into before,
 * the documents are there. Rejects with a BatonError while a server is away; resolves with how many were removed.
 */
export const sweepObjects = async (parts: SweepParts): Promise<number> => {
  const { data, clock, signal, views } = parts;
  const since = await views.since(clock.now());
  let removed = 0;
  for await (const page of data.names()) {
    for (let at = 0; at < page.length && !signal?.aborted; at += CHUNK) {
      for (const name of await unknownTo(parts, page.slice(at, at + CHUNK))) {
        if (!(await isOrphan(parts, name, since))) continue;
        await data.remove(name);
        removed++;
      }
    }
  }
  return signal?.aborted ? removed : removed + (await data.removeUnfinished(clock.now() - UNFINISHED_MS));
};

/** Those that no document refers to. Names that are not ours are left to whoever made them. */
const unknownTo = async ({ views }: SweepParts, names: readonly string[]): Promise<readonly string[]> => {
  const ids = new Set(names.flatMap((name) => objectOwner(name)?.id ?? []));
  if (ids.size === 0) return [];
  const known = new Set(await views.objectsOf([...ids]));
  return names.filter((name) => objectOwner(name) !== undefined && !known.has(name));
};

/** Old enough, and neither the record nor an outcome kept beside it refers to it. */
const isOrphan = async ({ data, store, clock }: SweepParts, name: string, since: number): Promise<boolean> => {
  const owner = objectOwner(name);
  const storedAt = await data.storedAt(name);
  if (owner === undefined || storedAt === undefined) return false;
  if (storedAt < since || storedAt > clock.now() - ORPHAN_OBJECT_AGE_MS) return false;
  const { address, id } = owner;
  for (const entry of [await store.load(address), await store.load(address, id)]) {
    if (entry !== undefined && mayReferTo(entry, name)) return false;
  }
  return true;
};

/** One that cannot be read may refer to anything. */
const mayReferTo = ({ bytes }: Entry, name: string): boolean => {
  const reading = readRecord(bytes);
  return reading.kind !== 'record' || objectsIn(reading.record).includes(name);
};
