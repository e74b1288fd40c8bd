import type { Status } from '@baton/core';
import type { TaskDocument } from '@baton/protocols';
import type { Collection, Filter, FindOptions } from 'mongodb';
import type { MongoKind } from './connect.ts';
import { codeOf, guarded, MAX_TIME_EXPIRED } from './errors.ts';
import { hasIndex, unlessDisconnected, whereOf, type TaskFilter } from './queries.ts';

/** What a list shows of a task: without what only its own page shows, which may be large. */
export type TaskRow = Omit<TaskDocument, (typeof HEAVY)[number]>;

const HEAVY = [
  'search_text',
  'args',
  'result',
  'history',
  'history_dropped',
  'stack_trace',
  'signals',
  'steps',
  'tag_terms',
] as const satisfies readonly (keyof TaskDocument)[];

const LIGHT = Object.fromEntries(HEAVY.map((field) => [field, 0]));

/** By `_id` is by time of creation. */
export type OrderField = '_id' | 'changed_at' | 'started_at' | 'ended_at' | 'status' | 'task_type' | 'scope';

export type Order = { readonly field: OrderField; readonly direction: 'asc' | 'desc' };

/** Where a page begins: behind the task with this id, which has this value in the field ordered by. */
export type Position = { readonly id: string; readonly value: Date | string | null };

export type RowPage = {
  readonly order: Order;
  readonly size: number;
  readonly after?: Position;
  /** Tasks to leave out at the beginning. */
  readonly skip?: number;
};

type Tasks = Collection<TaskDocument>;

/** Longest time a list or a count may keep the server busy. */
const QUERY_MS = 5_000;

export const listRows = async (
  tasks: Tasks,
  kind: MongoKind,
  filter: TaskFilter,
  { order, size, after, skip = 0 }: RowPage,
): Promise<readonly TaskRow[]> => {
  const direction = order.direction === 'asc' ? 1 : -1;
  const base = whereOf(filter);
  const where = after === undefined ? base : { $and: [base, behind(order, after)] };
  const options: FindOptions = { limit: size, skip, projection: LIGHT, maxTimeMS: QUERY_MS };
  return guarded(async () => {
    if (order.field === '_id') {
      const sorted = { ...options, sort: { _id: direction } } as const;
      return unlessDisconnected(tasks, kind, where, sorted, hasIndex(filter));
    }
    const sorted = { ...options, sort: { [order.field]: direction, _id: direction } } as const;
    return tasks.find(where, sorted).toArray();
  });
};

/** As much of a task as whoever changes many of them needs. */
export type TaskPlace = Pick<TaskDocument, '_id' | 'address' | 'scope' | 'subscriber_ids'>;

const PLACE = { address: 1, scope: 1, subscriber_ids: 1 } as const;

/** Longest time for what is looked for once, with nobody waiting for a row. */
const PLACES_MS = 60_000;

/** Newest first, behind that id. */
export const placesOf = async (
  tasks: Tasks,
  kind: MongoKind,
  filter: TaskFilter,
  { size, after }: { readonly size: number; readonly after: string },
): Promise<readonly TaskPlace[]> =>
  guarded(() =>
    unlessDisconnected(
      tasks,
      kind,
      whereOf(filter, after),
      { sort: { _id: -1 }, limit: size, projection: PLACE, maxTimeMS: PLACES_MS },
      hasIndex(filter),
    ),
  );

/** A missing value is the smallest, as in the order the server sorts by; comparisons leave it out. */
const behind = ({ field, direction }: Order, { id, value }: Position): Filter<TaskDocument> => {
  const further = direction === 'asc' ? '$gt' : '$lt';
  if (field === '_id') return { _id: { [further]: id } };
  const same: Filter<TaskDocument> = { [field]: { $eq: value }, _id: { [further]: id } };
  if (value === null) return direction === 'asc' ? { $or: [same, { [field]: { $ne: null } }] } : same;
  const beyond: Filter<TaskDocument> = { [field]: { [further]: value } };
  return { $or: direction === 'asc' ? [same, beyond] : [same, beyond, { [field]: { $eq: null } }] };
};

/** Longest time a count may take: nobody waits longer for a number than for the rows. */
const COUNT_MS = 50;

/**
 * How many tasks match, counted up to `limit`; undefined when that takes too long to find out. `ids`: only among these,
 * which does not.
 */
export const countRows = async (
  tasks: Tasks,
  filter: TaskFilter,
  limit: number,
  ids?: readonly string[],
  limitMs = COUNT_MS,
): Promise<number | undefined> =>
  guarded(async () => {
    const base = whereOf(filter);
    const where = ids === undefined ? base : { $and: [{ _id: { $in: [...ids] } }, base] };
    const stages = [{ $match: where }, { $limit: limit }, { $count: 'n' }];
    try {
      const maxTimeMS = ids === undefined ? limitMs : QUERY_MS;
      // Without a filter the index alone tells whether there are so many: 8 to 10 ms instead of 17 for a first page.
      const isAll = ids === undefined && Object.keys(base).length === 0;
      if (isAll && (await hasAtLeast(tasks, limit, maxTimeMS))) return limit;
      const [found] = await tasks.aggregate<{ n: number }>(stages, { maxTimeMS }).toArray();
      return found?.n ?? 0;
    } catch (error) {
      if (codeOf(error) === MAX_TIME_EXPIRED) return undefined;
      throw error;
    }
  });

const hasAtLeast = async (tasks: Tasks, count: number, maxTimeMS: number): Promise<boolean> => {
  const nth = { sort: { _id: -1 }, hint: { _id: 1 }, skip: count - 1, limit: 1, projection: { _id: 1 } } as const;
  return (await tasks.find({}, { ...nth, maxTimeMS }).toArray()).length > 0;
};

export type Version = { readonly _id: string; readonly epoch: number; readonly rev: number };

/** Which version of each of these tasks is stored. */
export const versionsOf = async (tasks: Tasks, ids: readonly string[]): Promise<readonly Version[]> =>
  guarded(() =>
    tasks.find({ _id: { $in: [...ids] } }, { projection: { epoch: 1, rev: 1 }, maxTimeMS: QUERY_MS }).toArray(),
  );

/** As little of a task as a link to it needs. */
export type TaskBrief = Pick<TaskDocument, '_id' | 'task_name' | 'status'>;

const BRIEF = { task_name: 1, status: 1 } as const;

/** Those of these tasks that match. */
export const briefsOf = async (
  tasks: Tasks,
  ids: readonly string[],
  filter: TaskFilter,
): Promise<readonly TaskBrief[]> =>
  guarded(() =>
    tasks
      .find({ $and: [{ _id: { $in: [...ids] } }, whereOf(filter)] }, { projection: BRIEF, maxTimeMS: QUERY_MS })
      .toArray(),
  );

/** Tasks that wait or waited for this one, the first that were made first. */
export const waitersOf = async (
  tasks: Tasks,
  id: string,
  filter: TaskFilter,
  limit: number,
): Promise<readonly TaskBrief[]> =>
  guarded(() =>
    tasks
      .find(
        { $and: [{ depends_on_ids: { $eq: id } }, whereOf(filter)] },
        { projection: BRIEF, sort: { _id: 1 }, limit, maxTimeMS: QUERY_MS },
      )
      .toArray(),
  );

/** Values of a field among the tasks that match, sorted. */
export const valuesOf = async (
  tasks: Tasks,
  field: 'created_by' | 'subscriber_ids' | 'task_type',
  filter: TaskFilter,
): Promise<readonly string[]> =>
  guarded(async () => {
    const values: unknown[] = await tasks.distinct(field, whereOf(filter), { maxTimeMS: QUERY_MS });
    return values.filter((value) => typeof value === 'string').toSorted();
  });

export type Outcomes = { readonly step: number; readonly status: Status; readonly count: number };
export type QueueCount = {
  readonly queue: string;
  readonly status: Status;
  /** It waits for a time to come. */
  readonly delayed: boolean;
  readonly count: number;
  readonly oldest: Date;
};

/** Tasks that ended since `since`, by outcome and step of so many milliseconds (counted from 1970). */
export const outcomesSince = async (
  tasks: Tasks,
  filter: TaskFilter,
  since: Date,
  stepMs: number,
): Promise<readonly Outcomes[]> =>
  perStep(tasks, { $and: [{ ended_at: { $gte: since } }, whereOf(filter)] }, '$ended_at', stepMs);

/** Tasks created behind an id, which as a UUIDv7 stands for a time. */
export const createdSince = async (
  tasks: Tasks,
  filter: TaskFilter,
  firstId: string,
  stepMs: number,
): Promise<readonly Outcomes[]> =>
  perStep(tasks, { $and: [{ _id: { $gte: firstId } }, whereOf(filter)] }, '$created_at', stepMs);

const perStep = async (
  tasks: Tasks,
  where: Filter<TaskDocument>,
  time: string,
  stepMs: number,
): Promise<readonly Outcomes[]> =>
  guarded(async () => {
    const step = { $floor: { $divide: [{ $toLong: time }, stepMs] } };
    const stages = [{ $match: where }, { $group: { _id: { step, status: '$status' }, count: { $sum: 1 } } }];
    type Group = { readonly _id: { readonly step: number; readonly status: Status }; readonly count: number };
    const groups = await tasks.aggregate<Group>(stages, { maxTimeMS: QUERY_MS }).toArray();
    return groups.map(({ _id, count }) => ({ step: Number(_id.step), status: _id.status, count }));
  });

/** What is not terminal, by queue and state. */
export const queuesNow = async (tasks: Tasks, filter: TaskFilter, now: Date): Promise<readonly QueueCount[]> =>
  guarded(async () => {
    const where = { $and: [{ status: { $in: ['pending', 'in_progress', 'aborting'] as Status[] } }, whereOf(filter)] };
    const delayed = { $and: [{ $eq: ['$status', 'pending'] }, { $gt: ['$run_at', now] }] };
    const stages = [
      { $match: where },
      {
        $group: {
          _id: { queue: '$queue', status: '$status', delayed },
          count: { $sum: 1 },
          // A delay or a back-off is no wait.
          oldest: { $min: { $ifNull: ['$ready_at', '$created_at'] } },
        },
      },
    ];
    type Group = {
      readonly _id: { readonly queue: string; readonly status: Status; readonly delayed: boolean };
      readonly count: number;
      readonly oldest: Date;
    };
    const groups = await tasks.aggregate<Group>(stages, { maxTimeMS: QUERY_MS }).toArray();
    return groups.map(({ _id, count, oldest }) => ({ ..._id, count, oldest }));
  });
