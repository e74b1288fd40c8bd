import type { Quarantined, QuarantineKind } from '@baton/runtime';
import { Binary, type Collection } from 'mongodb';
import { guarded } from './errors.ts';

/** What could not be projected, with its bytes, for people and for a later version. */
export type QuarantineDocument = {
  readonly _id: string;
  readonly kind: QuarantineKind;
  readonly reason: string;
  readonly subject: string;
  readonly epoch: number | null;
  readonly revision: number | null;
  readonly sequence: number | null;
  readonly bytes: Binary;
  readonly at: Date;
};

type Quarantine = Collection<QuarantineDocument>;

/** A reason may quote what was refused. */
const REASON_LENGTH = 2_000;

export const putAside = async (quarantine: Quarantine, entries: readonly Quarantined[]): Promise<void> => {
  if (entries.length === 0) return;
  const operations = entries.map((entry) => {
    const { _id, ...document } = documentOf(entry);
    return { updateOne: { filter: { _id }, update: { $setOnInsert: document }, upsert: true } };
  });
  await guarded(() => quarantine.bulkWrite(operations, { ordered: false }));
};

export const readAside = async (
  quarantine: Quarantine,
  kind: QuarantineKind,
  limit: number,
  after = '',
): Promise<Quarantined[]> =>
  guarded(async () => {
    const documents = await quarantine
      .find({ kind, _id: { $gt: after } })
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
    return documents.map(entryOf);
  });

/** Those of these ids that are there. */
export const asideAmong = async (quarantine: Quarantine, ids: readonly string[]): Promise<string[]> =>
  guarded(async () => {
    const there = await quarantine.find({ _id: { $in: [...ids] } }, { projection: { _id: 1 } }).toArray();
    return there.map(({ _id }) => _id);
  });

export const takeOut = async (quarantine: Quarantine, ids: readonly string[]): Promise<void> => {
  if (ids.length === 0) return;
  await guarded(() => quarantine.deleteMany({ _id: { $in: [...ids] } }));
};

const documentOf = (entry: Quarantined): QuarantineDocument => ({
  _id: entry.id,
  kind: entry.kind,
  reason: entry.reason.toWellFormed().slice(0, REASON_LENGTH),
  subject: entry.subject,
  epoch: entry.epoch ?? null,
  revision: entry.revision ?? null,
  sequence: entry.sequence ?? null,
  bytes: new Binary(entry.bytes),
  at: new Date(entry.at),
});

const entryOf = (document: QuarantineDocument): Quarantined => ({
  id: document._id,
  kind: document.kind,
  reason: document.reason,
  subject: document.subject,
  ...(document.epoch === null ? {} : { epoch: document.epoch }),
  ...(document.revision === null ? {} : { revision: document.revision }),
  ...(document.sequence === null ? {} : { sequence: document.sequence }),
  bytes: document.bytes.value(),
  at: document.at.getTime(),
});
