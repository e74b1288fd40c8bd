import type { TaskDocument } from '@baton/protocols';
import type { Fault, ProjectResult } from '@baton/runtime';
import { MongoBulkWriteError, type AnyBulkWriteOperation, type Collection, type WriteError } from 'mongodb';
import { asBatonError, blamesDocument, codeOf, DUPLICATE_KEY, isEncodingFault, listed, mayBlameDocument, reasonOf, wholeFault } from './errors.ts';

type Tasks = Collection<TaskDocument>;

type Tally = { written: number; stale: number; refused: Fault[]; failed: Fault[]; splits: number };

/** Most times one call halves a message, so that a server that fails for another reason is not asked thousands of times. */
const MOST_SPLITS = 64;

type Step = {
  readonly operation: (document: TaskDocument) => AnyBulkWriteOperation<TaskDocument>;
  /** A document of the same task is there: the normal end of a guard, or of a wrong guess. */
  readonly duplicate: (document: TaskDocument) => void;
};

/**
 * New tasks are inserted, which costs DocumentDB a third of what an upsert does (10 µs without indexes instead of 90);
 * the others, and those that turn out not to be new, go in one unordered bulk of guarded upserts. The guard's filter finds
 * the document only when it is older; for a newer one the upsert tries to insert a second with the same `_id`, which the
 * server refuses as a duplicate. That refusal is the guard.
 */
export const projectInto = async (
  tasks: Tasks,
  documents: readonly TaskDocument[],
  likelyNew: ReadonlySet<string> = NONE,
): Promise<ProjectResult> => {
  const tally: Tally = { written: 0, stale: 0, refused: [], failed: [], splits: 0 };
  const fresh = documents.filter((document) => likelyNew.has(document._id));
  const rest = documents.filter((document) => !likelyNew.has(document._id));
  await write(tasks, fresh, { operation: insert, duplicate: (document) => void rest.push(document) }, tally);
  await write(tasks, rest, { operation: guardedUpsert, duplicate: () => void tally.stale++ }, tally);
  const { written, stale, refused, failed } = tally;
  return { written, stale, refused, failed };
};

const NONE: ReadonlySet<string> = new Set();

const write = async (tasks: Tasks, documents: readonly TaskDocument[], step: Step, tally: Tally): Promise<void> => {
  if (documents.length === 0) return;
  try {
    const result = await tasks.bulkWrite(documents.map(step.operation), { ordered: false });
    // Of a bulk the driver has split it tells single errors here, and throws only where all went in one message.
    sort(documents, result.getWriteErrors(), step, tally);
  } catch (error) {
    if (error instanceof MongoBulkWriteError && wholeFault(error) === undefined) {
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
  tally.written += documents.length - errors.length;
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

const guardedUpsert = (document: TaskDocument): AnyBulkWriteOperation<TaskDocument> => {
  const { _id, epoch, rev } = document;
  return {
    replaceOne: {
      filter: { _id, $or: [{ epoch, rev: { $lt: rev } }, { epoch: { $lt: epoch } }] },
      replacement: document,
      upsert: true,
    },
  };
};
