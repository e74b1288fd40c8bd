import { createHash } from 'node:crypto';
import { isTerminal, successorsOf, taskOf, type TaskRecord } from '@baton/core';
import { documentOf, readRecordAt, type Address, type TaskDocument } from '@baton/protocols';
import type { Entry, EventBatch } from '../ports.ts';
import { isSameTask, looksFirst } from './peek.ts';
import type { Quarantined } from './views.ts';

/** A record that was read, and where it was found. */
export type Found = Entry & {
  readonly record: TaskRecord;
  /** Its first record was among the entries: it has probably never been projected. */
  readonly fresh: boolean;
  /** It stands in the record of the task it waits for (behaviour D5), and shows what its own record is going to be. */
  readonly waiting?: true;
};

export type Intake = {
  /** Newest of every task. */
  readonly found: readonly Found[];
  readonly aside: readonly Quarantined[];
  /** When the oldest change in it happened, wall clock; undefined when it holds none. */
  readonly oldestAt: number | undefined;
};

export type Reading = {
  readonly epoch: number;
  /** Wall clock, milliseconds. */
  readonly now: number;
  /** Archive marks say nothing new about a task that has been projected; a rebuild may have nothing else of it. */
  readonly archived: 'skip' | 'take';
};

/**
 * Keeps the newest record of every task: one document is written, however many changes there were. Goes from the last
 * entry to the first, so that records a newer one has covered need not be read; the first is read in any case, since it
 * tells how old the batch is.
 */
export const takeIn = (entries: readonly Entry[], reading: Reading): Intake => {
  const byTask = new Map<string, Draft>();
  const byAddress = new Map<Address, Draft>();
  const aside: Quarantined[] = [];
  let oldestAt: number | undefined;
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i] as Entry;
    const above = byAddress.get(entry.address);
    if (i > 0 && above !== undefined && above.revision >= entry.revision && isSameTask(above.bytes, entry.bytes)) {
      above.fresh ||= looksFirst(entry.bytes);
      continue;
    }
    const read = readRecordAt(entry.address, entry.bytes);
    if (read.kind !== 'record') {
      aside.push(
        quarantined(entry, read.kind, read.kind === 'newer' ? `version ${read.version}` : read.reason, reading),
      );
      continue;
    }
    const { record } = read;
    if (record.archived && reading.archived === 'skip') continue;
    if (oldestAt === undefined || record.changedAt < oldestAt) oldestAt = record.changedAt;
    const draft = newer(byTask.get(record.id), { ...entry, record, fresh: isFirst(record) });
    byTask.set(record.id, draft);
    byAddress.set(entry.address, above === undefined ? draft : newer(above, draft));
  }
  for (const one of [...byTask.values()]) {
    for (const behind of waitingBehind(one)) byTask.set(behind.record.id, newer(byTask.get(behind.record.id), behind));
  }
  return { found: [...byTask.values()], aside, oldestAt };
};

/** What waits behind a task is a task that people look for and cancel, long before it has a record of its own. */
const waitingBehind = (one: Draft): readonly Draft[] =>
  successorsOf(one.record).flatMap(({ spec }) => {
    const record = taskOf(one.record, spec.id);
    return record === undefined ? [] : [{ ...one, record, fresh: false, waiting: true as const }];
  });

type Draft = { -readonly [K in keyof Found]: Found[K] };

const newer = (known: Draft | undefined, other: Draft): Draft => {
  if (known === undefined) return other;
  const [above, below] = known.revision >= other.revision ? [known, other] : [other, known];
  if (above.record.id === below.record.id) above.fresh ||= below.fresh;
  return above;
};

/** Joins and the like come later and are as good a sign: the guess may be wrong. */
const isFirst = (record: TaskRecord): boolean => record.history.length === 1;

export const quarantined = (
  entry: Entry,
  kind: 'newer' | 'corrupt' | 'refused',
  reason: string,
  { epoch, now }: Pick<Reading, 'epoch' | 'now'>,
): Quarantined => ({
  id: `${entry.address}:${epoch}:${entry.revision}`,
  kind,
  reason,
  subject: entry.address,
  epoch,
  revision: entry.revision,
  bytes: entry.bytes,
  at: now,
});

/** A message of the log that carries no record. The same bytes under the same subject are one entry. */
export const foreign = (message: EventBatch['unreadable'][number], now: number): Quarantined => ({
  id: `log:${createHash('sha256').update(message.subject).update('\0').update(message.bytes).digest('hex').slice(0, 32)}`,
  kind: 'foreign',
  reason: message.reason,
  subject: message.subject,
  sequence: message.sequence,
  bytes: message.bytes,
  at: now,
});

export const toDocument = (found: Found, epoch: number): TaskDocument =>
  documentOf(found.record, { address: found.address, epoch, revision: found.revision });

/** Ended, and neither marked nor waited for: the mark is due once it is projected. */
export const isMarkDue = ({ record, waiting }: Found): boolean =>
  !waiting && isTerminal(record.status) && record.archived === undefined && record.successor === undefined;
