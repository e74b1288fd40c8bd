import { createHash } from 'node:crypto';
import { isTerminal, successorsOf, taskOf, type TaskRecord } from '@baton/core';
import { documentOf, outcomeKeyOf, readRecordAt, type TaskDocument } from '@baton/protocols';
import type { Entry } from '../ports/store.ts';
import type { Unreadable } from '../ports/projections.ts';
import type { Quarantined } from './views.ts';

/** A record that was read, and where it was found. */
export type Found = Entry & {
  /** Of the bucket it is of, where that is not the one there is now. */
  readonly epoch?: number;
  readonly record: TaskRecord;
  readonly outcomeOf?: string;
  /** It stands in the record of the task it waits for (behaviour D5), and shows what its own record is going to be. */
  readonly waiting?: true;
};

export type Intake = {
  /** Newest of every task. */
  readonly found: readonly Found[];
  readonly aside: readonly Quarantined[];
};

export type Reading = {
  readonly epoch: number;
  /** Wall clock, milliseconds. */
  readonly now: number;
};

type Given = Entry & { readonly epoch?: number; readonly outcomeOf?: string };

/** Reads records and keeps the newest of every task: one document is written, however many versions there were. */
export const takeIn = (entries: readonly Given[], reading: Reading): Intake => {
  const byTask = new Map<string, Found>();
  const aside: Quarantined[] = [];
  const keep = (one: Found): void => {
    const known = byTask.get(one.record.id);
    if (known === undefined || !isNewer(known, one)) byTask.set(one.record.id, one);
  };
  const epochOf = ({ epoch = reading.epoch }: Given): number => epoch;
  const isNewer = (a: Given, b: Given): boolean =>
    epochOf(a) > epochOf(b) || (epochOf(a) === epochOf(b) && a.revision > b.revision);
  for (const { address, revision, bytes, epoch, outcomeOf } of entries) {
    const entry = {
      ...{ address, revision, bytes },
      ...(epoch === undefined ? {} : { epoch }),
      ...(outcomeOf === undefined ? {} : { outcomeOf }),
    };
    const read = readRecordAt(address, bytes);
    if (read.kind === 'record') keep({ ...entry, record: read.record });
    else {
      const reason = read.kind === 'newer' ? `version ${read.version}` : read.reason;
      aside.push(quarantined(entry, read.kind, reason, reading));
    }
  }
  for (const one of [...byTask.values()]) for (const behind of waitingBehind(one)) keep(behind);
  return { found: [...byTask.values()], aside };
};

/** What waits behind a task is a task that people look for and cancel, long before it has a record of its own. */
const waitingBehind = (one: Found): readonly Found[] =>
  successorsOf(one.record).flatMap(({ spec }) => {
    const record = taskOf(one.record, spec.id);
    return record === undefined ? [] : [{ ...one, record, waiting: true as const }];
  });

/** Names what is put aside by where it was found. `now`: epoch of the bucket there is. */
export const asideId = ({ address, revision, epoch }: Given, now: number): string =>
  `${address}:${epoch ?? now}:${revision}`;

export const quarantined = (
  entry: Given,
  kind: 'newer' | 'corrupt' | 'refused',
  reason: string,
  { epoch, now }: Reading,
): Quarantined => ({
  id: asideId(entry, epoch),
  kind,
  reason,
  subject: entry.outcomeOf === undefined ? entry.address : outcomeKeyOf(entry.address, entry.outcomeOf),
  epoch: entry.epoch ?? epoch,
  revision: entry.revision,
  bytes: entry.bytes,
  at: now,
});

/** A message that carries no record. The same bytes under the same subject are one entry. */
export const foreign = (message: Unreadable, now: number): Quarantined => ({
  id: `foreign:${createHash('sha256').update(message.subject).update('\0').update(message.bytes).digest('hex').slice(0, 32)}`,
  kind: 'foreign',
  reason: message.reason,
  subject: message.subject,
  sequence: message.sequence,
  bytes: message.bytes,
  at: now,
});

/** `now`: epoch of the bucket there is. */
export const toDocument = ({ record, address, revision, epoch }: Found, now: number): TaskDocument =>
  documentOf(record, { address, epoch: epoch ?? now, revision });

/** Ended, and neither marked nor waited for: the mark is due once every projection has it. */
export const isMarkDue = ({ record, waiting }: Found): boolean =>
  !waiting && isTerminal(record.status) && record.archived === undefined && record.successor === undefined;
