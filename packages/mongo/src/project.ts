import type { TaskDocument } from '@baton/protocols';
import type { Fault, ProjectResult } from '@baton/runtime';
import {
  MongoBulkWriteError,
  type AnyBulkWriteOperation,
  type BulkWriteResult,
  type Collection,
  type Filter,
  type WriteError,
} from 'mongodb';
import {
  asBatonError,
  blamesDocument,
  codeOf,
  DUPLICATE_KEY,
  isEncodingFault,
  listed,
  mayBlameDocument,
  reasonOf,
  wholeFault,
} from './errors.ts';

type Tasks = Collection<TaskDocument>;

type Tally = { written: number; stale: number; refused: Fault[]; failed: Fault[]; splits: number };

/** Most times one call halves a message, so that a server that fails for another reason is not asked thousands of times. */
const MOST_SPLITS = 64;

/** A large batch goes in two messages side by side: one is being put together while the server works on the other. */
const LANES = 2;
const LANE_DOCUMENTS = 256;

const NONE: ReadonlySet<string> = new Set();

/**
 * Writes each document unless a newer one is there. Documents of one call are of different tasks, so lanes do not meet.
 */
export const projectInto = async (
  tasks: Tasks,
  documents: readonly TaskDocument[],
  likelyNew: ReadonlySet<string> = NONE,
): Promise<ProjectResult> => {
  const lanes = Math.max(1, Math.min(LANES, Math.floor(documents.length / LANE_DOCUMENTS)));
  const length = Math.ceil(documents.length / lanes);
  const parts = Array.from({ length: lanes }, (_, i) => documents.slice(i * length, (i + 1) * length));
  const tallies = await Promise.all(parts.map((part) => projectPart(tasks, part, likelyNew)));
  return {
    written: tallies.reduce((sum, { written }) => sum + written, 0),
    stale: tallies.reduce((sum, { stale }) => sum + stale, 0),
    refused: tallies.flatMap(({ refused }) => refused),
    failed: tallies.flatMap(({ failed }) => failed),
  };
};

/**
 * A new task is inserted, which costs DocumentDB a third of what an upsert does; the others are upserted under a filter
 * that finds the document only when it is older. Where either meets a document of the task, it tries to insert a second
 * with the same `_id` and is refused as a duplicate. That says only that one is there, not that it is newer: it may have
 * been put there by another projector a moment ago. So those are replaced, if older, in a last step, which is final.
 */
const projectPart = async (
  tasks: Tasks,
  documents: readonly TaskDocument[],
  likelyNew: ReadonlySet<string>,
): Promise<Tally> => {
  const tally: Tally = { written: 0, stale: 0, refused: [], failed: [], splits: 0 };
  const there: TaskDocument[] = [];
  const duplicate = (document: TaskDocument): void => void there.push(document);
  const create: Omit<Step, 'operation'> = {
    duplicate,
    count: (result) => void (tally.written += result.insertedCount + result.upsertedCount + result.matchedCount),
  };
  const fresh = documents.filter(({ _id }) => likelyNew.has(_id));
  const rest = documents.filter(({ _id }) => !likelyNew.has(_id));
  await write(tasks, fresh, { ...create, operation: insert }, tally);
  await write(tasks, rest, { ...create, operation: guardedUpsert }, tally);
  const before = tally.refused.length + tally.failed.length;
  const written = tally.written;
  await write(tasks, there, { ...create, operation: guardedReplace }, tally);
  const faulty = tally.refused.length + tally.failed.length - before;
  tally.stale = there.length - faulty - (tally.written - written);
  return tally;
};

type Step = {
  readonly operation: (document: TaskDocument) => AnyBulkWriteOperation<TaskDocument>;
  readonly duplicate: (document: TaskDocument) => void;
  readonly count: (result: BulkWriteResult) => void;
};

/** One unordered bulk: what fails keeps nothing else from being written. */
const write = async (tasks: Tasks, documents: readonly TaskDocument[], step: Step, tally: Tally): Promise<void> => {
  if (documents.length === 0) return;
  try {
    const result = await tasks.bulkWrite(documents.map(step.operation), { ordered: false });
    step.count(result);
    // Of a bulk the driver has split it tells single errors here, and throws only where all went in one message.
    sort(documents, result.getWriteErrors(), step, tally);
  } catch (error) {
    if (error instanceof MongoBulkWriteError && wholeFault(error) === undefined) {
      step.count(error.result);
      return sort(documents, listed(error.writeErrors), step, tally);
    }
    await split(tasks, documents, error, step, tally);
  }
};

/** One document can spoil the message it is in: halve it until that one stands alone. */
const split = async (
  tasks: Tasks,
  documents: readonly TaskDocument[],
  error: unknown,
  step: Step,
  tally: Tally,
): Promise<void> => {
  const sure = isEncodingFault(error) || blamesDocument(codeOf(error));
  if (!sure && !mayBlameDocument(codeOf(error))) throw asBatonError(error);
  const alone = documents.length === 1;
  if (alone || (!sure && tally.splits >= MOST_SPLITS)) {
    const list = sure && alone ? tally.refused : tally.failed;
    list.push(...documents.map((document) => ({ document, reason: reasonOf(error) })));
    return;
  }
  tally.splits++;
  const middle = documents.length >> 1;
  await write(tasks, documents.slice(0, middle), step, tally);
  await write(tasks, documents.slice(middle), step, tally);
};

const sort = (documents: readonly TaskDocument[], errors: readonly WriteError[], step: Step, tally: Tally): void => {
  for (const { code, index, errmsg } of errors) {
    const document = documents[index];
    if (document === undefined) throw new Error(`the server speaks of document ${index} of ${documents.length}`);
    if (code === DUPLICATE_KEY) {
      step.duplicate(document);
      continue;
    }
    const fault = { document, reason: `${errmsg ?? 'no reason given'} (code ${code})` };
    (blamesDocument(code) ? tally.refused : tally.failed).push(fault);
  }
};

const insert = (document: TaskDocument): AnyBulkWriteOperation<TaskDocument> => ({ insertOne: { document } });

const guardedReplace = (document: TaskDocument): AnyBulkWriteOperation<TaskDocument> => ({
  replaceOne: { filter: olderThan(document), replacement: document },
});

const guardedUpsert = (document: TaskDocument): AnyBulkWriteOperation<TaskDocument> => ({
  replaceOne: { filter: olderThan(document), replacement: document, upsert: true },
});

const olderThan = ({ _id, epoch, rev }: TaskDocument): Filter<TaskDocument> => ({
  _id,
  $or: [{ epoch, rev: { $lt: rev } }, { epoch: { $lt: epoch } }],
});
