import type { TaskDocument } from '@baton/protocols';
import type { EndedTask } from '@baton/runtime';
import { MongoServerError, type Collection, type Filter } from 'mongodb';
import { DUPLICATE_KEY, guarded } from './errors.ts';

type Tasks = Collection<TaskDocument>;

/** Whose turn it was last, by duty. */
export type DutyDocument = { readonly _id: string; readonly at: Date };

type Owner = Pick<TaskDocument, '_id' | 'objects'>;

/** By the index on `ended_at`, which only ended tasks have. */
const endedBefore = (before: number | undefined): Filter<TaskDocument> => ({
  terminal: true,
  ended_at: before === undefined ? { $gte: new Date(0) } : { $lt: new Date(before) },
});

export const countEnded = async (tasks: Tasks, before: number | undefined): Promise<number> =>
  guarded(() => tasks.countDocuments(endedBefore(before)));

/** Only what tells what goes with it: arguments and results may be long. */
export const endedTasks = async (
  tasks: Tasks,
  before: number | undefined,
  limit: number,
): Promise<readonly EndedTask[]> =>
  guarded(async () => {
    const found = await tasks
      .find<Owner>(endedBefore(before), { sort: { ended_at: 1 }, limit, projection: { _id: 1, objects: 1 } })
      .toArray();
    return found.map(({ _id, objects }) => ({ id: _id, objects }));
  });

export const forgetTasks = async (tasks: Tasks, ids: readonly string[]): Promise<number> =>
  guarded(async () => (await tasks.deleteMany({ _id: { $in: [...ids] }, terminal: true })).deletedCount);

export const objectsOfTasks = async (tasks: Tasks, ids: readonly string[]): Promise<readonly string[]> =>
  guarded(async () => {
    const found = await tasks.find<Owner>({ _id: { $in: [...ids] } }, { projection: { objects: 1 } }).toArray();
    return found.flatMap(({ objects }) => objects);
  });

const FIRST_ASKED = 'first-asked';

/** The first who asks notes the time; two who do at once note one of theirs. */
export const firstAsked = async (duties: Collection<DutyDocument>, now: number): Promise<number> =>
  guarded(async () => {
    const noted = async (): Promise<number | undefined> => (await duties.findOne({ _id: FIRST_ASKED }))?.at.getTime();
    const before = await noted();
    if (before !== undefined) return before;
    try {
      await duties.insertOne({ _id: FIRST_ASKED, at: new Date(now) });
    } catch (error) {
      if (!(error instanceof MongoServerError && error.code === DUPLICATE_KEY)) throw error;
    }
    return (await noted()) ?? now;
  });

/**
 * One write decides: it finds the last turn long enough ago, or none, or it tries to insert a second document of that
 * name and is refused. A turn in the future was taken by a clock that was wrong, and does not count.
 */
export const takeTurn = async (
  duties: Collection<DutyDocument>,
  duty: string,
  everyMs: number,
  now: number,
): Promise<boolean> =>
  guarded(async () => {
    const due = [{ at: { $lte: new Date(now - everyMs) } }, { at: { $gt: new Date(now + everyMs) } }];
    try {
      await duties.updateOne({ _id: duty, $or: due }, { $set: { at: new Date(now) } }, { upsert: true });
      return true;
    } catch (error) {
      if (error instanceof MongoServerError && error.code === DUPLICATE_KEY) return false;
      throw error;
    }
  });
