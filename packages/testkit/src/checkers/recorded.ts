import { readRecord, type Address } from '@baton/protocols';
import type { TaskRecord } from '@baton/core';
import type { Entry } from '@baton/runtime';

/** One record as it was stored: the input of all checkers. */
export type Recorded = {
  readonly address: Address;
  readonly epoch: number;
  readonly revision: number;
  readonly record: TaskRecord;
};

/** Decodes what was stored. Throws for bytes that are no record: a history with holes proves nothing. */
export const recordedOf = (entry: Entry, epoch: number): Recorded => {
  const reading = readRecord(entry.bytes);
  if (reading.kind !== 'record') throw new Error(`${entry.address} at revision ${entry.revision}: ${reading.kind}`);
  return { address: entry.address, epoch, revision: entry.revision, record: reading.record };
};

/** Negative when `a` was stored before `b`. */
export const compareRecorded = (a: Recorded, b: Recorded): number => a.epoch - b.epoch || a.revision - b.revision;

/** The records of every address, each in the order of storing, without doubles. */
export const byAddress = (recorded: readonly Recorded[]): ReadonlyMap<Address, readonly Recorded[]> =>
  grouped(recorded, (one) => one.address);

export const byTask = (recorded: readonly Recorded[]): ReadonlyMap<string, readonly Recorded[]> =>
  grouped(recorded, (one) => one.record.id);

const grouped = <K>(
  recorded: readonly Recorded[],
  keyOf: (one: Recorded) => K,
): ReadonlyMap<K, readonly Recorded[]> => {
  const groups = new Map<K, Recorded[]>();
  for (const one of recorded.toSorted(compareRecorded)) {
    const group = groups.get(keyOf(one)) ?? [];
    const last = group.at(-1);
    if (last === undefined || compareRecorded(last, one) !== 0) group.push(one);
    groups.set(keyOf(one), group);
  }
  return groups;
};

/** `rev 7 of 01.job.ab12…` */
export const placeOf = ({ address, epoch, revision }: Recorded): string =>
  `rev ${revision} of ${address} (epoch ${epoch})`;

/** A text that is equal for equal values, whatever the order of their members. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) => {
    if (member instanceof Uint8Array) return `bytes:${Buffer.from(member).toString('base64')}`;
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }) ?? 'absent';
