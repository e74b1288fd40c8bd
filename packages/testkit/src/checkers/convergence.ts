import { successorsOf, taskOf } from '@baton/core';
import { documentOf, type TaskDocument } from '@baton/protocols';
import { isEnd } from './life-rules.ts';
import { byTask, canonical, compareRecorded, placeOf, type Recorded } from './recorded.ts';
import { Findings, type Report } from './report.ts';

/** A document as it was read, whatever is in it. */
export type ReadDocument = { readonly _id: unknown; readonly [field: string]: unknown };

export type ConvergenceInput = {
  /** The records in the bucket. */
  readonly heads: readonly Recorded[];
  /** All records in the event log, in any order. */
  readonly events: readonly Recorded[];
  /** All documents of the projection. */
  readonly documents: readonly ReadDocument[];
};

export type ConvergenceOptions = {
  /** Everything has come to rest. When not, a projection that is behind is counted and is no problem. Default true. */
  readonly atRest?: boolean;
  /** The log still has everything. When not, terminal documents may be older than it. Default true. */
  readonly logIsWhole?: boolean;
  /** Tasks that were pruned from the projection on purpose. */
  readonly pruned?: ReadonlySet<string>;
};

/** Bucket, event log and projection tell the same of every task. */
export const checkConvergence = (input: ConvergenceInput, options: ConvergenceOptions = {}): Report => {
  const found = new Findings();
  const heads = new Map(input.heads.map((head) => [head.record.id, head]));
  const events = byTask(input.events);
  found.count('heads', input.heads.length);
  found.count('tasksInLog', events.size);
  found.count('documents', input.documents.length);
  checkBucketAndLog(found, heads, events, options);
  checkDocuments(found, new Map([...waitingIn(input.heads), ...heads]), events, input.documents, options);
  return found.report();
};

/** Tasks that wait in the record of another one have documents too. */
const waitingIn = (heads: readonly Recorded[]): readonly (readonly [string, Recorded])[] =>
  heads.flatMap((head) =>
    successorsOf(head.record).flatMap(({ spec }) => {
      const record = taskOf(head.record, spec.id);
      return record === undefined ? [] : [[spec.id, { ...head, record }] as const];
    }),
  );

type Heads = ReadonlyMap<string, Recorded>;
type Events = ReadonlyMap<string, readonly Recorded[]>;

const checkBucketAndLog = (
  found: Findings,
  heads: Heads,
  events: Events,
  { atRest = true }: ConvergenceOptions,
): void => {
  for (const [id, head] of heads) {
    const newest = events.get(id)?.at(-1);
    if (newest === undefined) {
      found.expect(!atRest, 'log-has-all', () => `${id}: ${placeOf(head)} is not in the log`);
      continue;
    }
    const order = compareRecorded(newest, head);
    // The copy of an archive mark is forgotten by the log as the record is by the bucket.
    const onlyMark = order < 0 && head.record.archived === true && newest.record.archived !== true;
    found.expect(
      order <= 0,
      'bucket-newest',
      () => `${id}: the log has ${placeOf(newest)}, the bucket only ${placeOf(head)}`,
    );
    found.expect(
      order >= 0 || onlyMark || !atRest,
      'log-has-all',
      () => `${id}: the bucket has ${placeOf(head)}, the log only ${placeOf(newest)}`,
    );
    if (order === 0 || onlyMark) {
      found.expect(
        contentOf(newest) === contentOf(head),
        'log-tells-same',
        () => `${id}: ${placeOf(head)} reads differently in the log`,
      );
    }
  }
  for (const [id, recorded] of events) {
    const newest = recorded.at(-1);
    if (heads.has(id) || newest === undefined) continue;
    found.count('forgotten');
    found.expect(
      isEnd(newest.record.status),
      'not-lost',
      () => `${id}: the bucket has it no more, and the last known is ${newest.record.status}`,
    );
  }
};

const checkDocuments = (
  found: Findings,
  heads: Heads,
  events: Events,
  documents: readonly ReadDocument[],
  options: ConvergenceOptions,
): void => {
  const { atRest = true, logIsWhole = true, pruned = new Set() } = options;
  const byId = new Map(documents.map((document) => [String(document._id), document]));
  for (const [id, document] of byId) {
    if (events.has(id) || heads.has(id)) continue;
    found.expect(
      !logIsWhole && document['terminal'] === true,
      'no-extra-document',
      () => `${id}: there is a document (${String(document['status'])}) and no record`,
    );
  }
  for (const id of new Set([...heads.keys(), ...events.keys()])) {
    const newest = newestOf(heads.get(id), events.get(id));
    const document = byId.get(id);
    if (newest === undefined) continue;
    if (document === undefined) {
      const isPruned = pruned.has(id) && isEnd(newest.record.status);
      if (isPruned) found.count('pruned');
      else lag(found, atRest, newest, undefined, `${id}: no document for ${placeOf(newest)}`);
      continue;
    }
    checkDocument(found, newest, events.get(id) ?? [], document, atRest);
  }
};

const checkDocument = (
  found: Findings,
  newest: Recorded,
  events: readonly Recorded[],
  document: ReadDocument,
  atRest: boolean,
): void => {
  const id = newest.record.id;
  const source = [...events, newest].find((one) => one.epoch === document['epoch'] && one.revision === document['rev']);
  const at = `${String(document['epoch'])}/${String(document['rev'])}`;
  const isNewest = source !== undefined && compareRecorded(source, newest) === 0;
  const isOutcome = isSameOutcome(newest, document);
  if (isNewest || isOutcome) found.count('projected');
  else lag(found, atRest, newest, document, `${id}: the document is at ${at}, the newest is ${placeOf(newest)}`);
  const truth = source ?? (isOutcome ? newest : undefined);
  if (truth === undefined) {
    found.expect(false, 'document-of-record', () => `${id}: the document is at ${at}, which is no record`);
    return;
  }
  for (const field of differing(document, truth)) {
    found.expect(false, 'document-tells-same', () => `${id}: '${field}' is not that of ${placeOf(truth)}`);
  }
};

/**
 * Both are about the end. An archive mark is no news to a projection that has the outcome, and the log forgets marks, so
 * a document may be one of them older or newer.
 */
const isSameOutcome = ({ record, revision }: Recorded, document: ReadDocument): boolean =>
  isEnd(record.status) &&
  document['terminal'] === true &&
  (record.archived === true || Number(document['rev']) > revision);

/** Fields that are not what the record says. `rev` and `epoch` say which record that is. */
const differing = (document: ReadDocument, { record, address, epoch, revision }: Recorded): readonly string[] => {
  const expected: TaskDocument = documentOf(record, { address, epoch, revision });
  return Object.entries(expected)
    .filter(([field, value]) => field !== 'rev' && field !== 'epoch' && canonical(document[field]) !== canonical(value))
    .filter(([field]) => field !== 'changed_at' || document['rev'] === revision)
    .map(([field]) => field);
};

const lag = (
  found: Findings,
  atRest: boolean,
  newest: Recorded,
  document: ReadDocument | undefined,
  text: string,
): void => {
  found.count('behind');
  const shown = document?.['changed_at'];
  const since = shown instanceof Date ? shown.getTime() : newest.record.createdAt;
  found.most('maxLagMs', Math.max(0, newest.record.changedAt - since));
  found.expect(!atRest, 'projection-newest', () => text);
};

const newestOf = (head: Recorded | undefined, events: readonly Recorded[] | undefined): Recorded | undefined => {
  const last = events?.at(-1);
  if (head === undefined || last === undefined) return head ?? last;
  return compareRecorded(head, last) >= 0 ? head : last;
};

const contentOf = ({ record }: Recorded): string =>
  canonical([
    record.status,
    record.attempt,
    record.result,
    record.error,
    record.payload,
    record.progress,
    record.endedAt,
  ]);
