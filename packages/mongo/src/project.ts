import type { TaskDocument } from '@baton/protocols';
import type { Fault, ProjectResult } from '@baton/runtime';
import { MongoBulkWriteError, type AnyBulkWriteOperation, type Collection, type WriteError } from 'mongodb';
import { asBatonError, blamesDocument, codeOf, DUPLICATE_KEY, isEncodingFault, listed, mayBlameDocument, reasonOf, wholeFault } from './errors.ts';

type Tasks = Collection<TaskDocument>;

type Tally = { written: number; stale: number; refused: Fault[]; failed: Fault[]; splits: number };

/** Most times one call halves a message, so that a server that fails for another reason is not asked thousands of times. */
const MOST_SPLITS = 64;

/**
 * One unordered bulk of guarded upserts. The filter finds the document only when it is older; for a newer one the upsert
 * tries to insert a second with the same `_id`, which the server refuses as a duplicate. That refusal is the guard.
 */
export const projectInto = async (tasks: Tasks, documents: readonly TaskDocument[]): Promise<ProjectResult> => {
  const tally: Tally = { written: 0, stale: 0, refused: [], failed: [], splits: 0 };
  await write(tasks, documents, tally);
  const { written, stale, refused, failed } = tally;
  return { written, stale, refused, failed };
};

const write = async (tasks: Tasks, documents: readonly TaskDocument[], tally: Tally): Promise<void> => {
  if (documents.length === 0) return;
  try {
    const result = await tasks.bulkWrite(documents.map(guardedUpsert), { ordered: false });
    // Of a bulk the driver has split it tells single errors here, and throws only where all went in one message.
    sort(documents, result.getWriteErrors(), tally);
  } catch (error) {
    if (error instanceof MongoBulkWriteError && wholeFault(error) === undefined) {
      return sort(documents, listed(error.writeErrors), tally);
    }
    await split(tasks, documents, error, tally);
  }
};

/** One document can spoil the message it is in: halve it until that one stands alone. */
const split = async (tasks: Tasks, documents: readonly TaskDocument[], error: unknown, tally: Tally): Promise<void> => {
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
  await write(tasks, documents.slice(0, middle), tally);
  await write(tasks, documents.slice(middle), tally);
};

const sort = (documents: readonly TaskDocument[], errors: readonly WriteError[], tally: Tally): void => {
  tally.written += documents.length - errors.length;
  for (const { code, index, errmsg } of errors) {
    if (code === DUPLICATE_KEY) {
      tally.stale++;
      continue;
    }
    const document = documents[index];
    if (document === undefined) throw new Error(`the server speaks of document ${index} of ${documents.length}`);
    const fault = { document, reason: `${errmsg ?? 'no reason given'} (code ${code})` };
    (blamesDocument(code) ? tally.refused : tally.failed).push(fault);
  }
};

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
