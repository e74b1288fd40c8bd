import type { Scope, Status, TagFilter } from '@baton/core';
import { OWN_TYPE_PREFIX, type TaskDocument } from '@baton/protocols';
import type { Collection, Filter, FindOptions } from 'mongodb';
import type { MongoKind } from './connect.ts';
import { codeOf, guarded, MAX_TIME_EXPIRED } from './errors.ts';

type Tasks = Collection<TaskDocument>;

/** What a list is narrowed by; what is absent narrows nothing. Values only: none of them can act as an operator. */
export type TaskFilter = {
  readonly status?: readonly Status[];
  readonly type?: readonly string[];
  readonly scope?: readonly Scope[];
  readonly createdBy?: readonly string[];
  readonly subscriber?: string;
  readonly subscribers?: readonly string[];
  readonly tags?: TagFilter;
  /** Part of the name, upper and lower case alike. */
  readonly name?: string;
  /** Part of the name, the type or the key, upper and lower case alike; or the id. */
  readonly text?: string;
  /** Without tasks of Baton's own types. */
  readonly notOwn?: true;
  /** Only what this user may see (behaviour S): his private tasks and the shared ones he subscribes to. Absent: all. */
  readonly visibleTo?: string;
};

export type Page = {
  readonly documents: readonly TaskDocument[];
  /** Give it back for the next page; absent on the last one. */
  readonly next?: string;
};

/** How long the newest tasks are looked through before an index is asked instead. */
const WALK_MS = 50;

export const getTask = async (tasks: Tasks, id: string): Promise<TaskDocument | undefined> =>
  guarded(async () => (await tasks.findOne({ _id: id })) ?? undefined);

/**
 * Newest first by `_id`. A page stays where it is while new tasks come: the cursor is the last id of the one before.
 */
export const listTasks = async (
  tasks: Tasks,
  kind: MongoKind,
  filter: TaskFilter,
  page: { readonly size: number; readonly after?: string },
): Promise<Page> => {
  const where = whereOf(filter, page.after);
  const found = await guarded(() => newest(tasks, kind, where, page.size + 1, hasIndex(filter)));
  const documents = found.slice(0, page.size);
  const last = documents.at(-1);
  return found.length > page.size && last !== undefined ? { documents, next: last._id } : { documents };
};

const newest = (
  tasks: Tasks,
  kind: MongoKind,
  where: Filter<TaskDocument>,
  limit: number,
  indexed: boolean,
): Promise<TaskDocument[]> => unlessDisconnected(tasks, kind, where, { sort: { _id: -1 }, limit }, indexed);

/**
 * Finds sorted by `_id`, as fast as the server can.
 *
 * DocumentDB takes any index for selective and then sorts all it found: 0.5 s for a value that most of 100,000 tasks
 * have. So the newest are looked through first, which finds a common value at once; a rare one runs into the limit, and
 * then the index is right. mongod reads its compound indexes in order and is left alone.
 */
export const unlessDisconnected = async (
  tasks: Tasks,
  kind: MongoKind,
  where: Filter<TaskDocument>,
  options: FindOptions,
  indexed: boolean,
): Promise<TaskDocument[]> => {
  if (kind === 'mongod') return tasks.find(where, options).toArray();
  const walk: FindOptions = { ...options, hint: { _id: 1 } };
  if (!indexed) return tasks.find(where, walk).toArray();
  try {
    return await tasks.find(where, { ...walk, maxTimeMS: WALK_MS }).toArray();
  } catch (error) {
    if (codeOf(error) !== MAX_TIME_EXPIRED) throw error;
    return tasks.find(where, options).toArray();
  }
};

/** True when something in the filter has an index, see `indexesFor`. */
export const hasIndex = ({ status, type, createdBy, subscriber, subscribers, tags, visibleTo }: TaskFilter): boolean =>
  [status, type, createdBy, subscriber, subscribers, tags, visibleTo].some((value) => value !== undefined);

/** How many tasks there are in each status. Reads all that the filter lets through. */
export const countByStatus = async (tasks: Tasks, filter: TaskFilter): Promise<Partial<Record<Status, number>>> =>
  guarded(async () => {
    const stages = [{ $match: whereOf(filter) }, { $group: { _id: '$status', count: { $sum: 1 } } }];
    const groups = await tasks.aggregate<{ _id: Status; count: number }>(stages).toArray();
    return Object.fromEntries(groups.map((group) => [group._id, group.count]));
  });

export const whereOf = (filter: TaskFilter, after?: string): Filter<TaskDocument> => {
  const { status, type, scope, createdBy, subscriber, subscribers, tags = [], name, text, notOwn, visibleTo } = filter;
  const all: Filter<TaskDocument>[] = [];
  if (after !== undefined) all.push({ _id: { $lt: after } });
  if (status !== undefined) all.push({ status: oneOf(status) });
  if (type !== undefined) all.push({ task_type: oneOf(type) });
  if (scope !== undefined) all.push({ scope: oneOf(scope) });
  if (createdBy !== undefined) all.push({ created_by: oneOf(createdBy) });
  if (subscriber !== undefined) all.push({ subscriber_ids: { $eq: subscriber } });
  if (subscribers !== undefined) all.push({ subscriber_ids: oneOf(subscribers) });
  for (const terms of tags) all.push({ tag_terms: oneOf(terms) });
  if (name !== undefined && name !== '') all.push({ task_name: part(name) });
  if (text !== undefined && text !== '') {
    const wanted = text.toLowerCase();
    const anywhere: Filter<TaskDocument> = { search_text: { $regex: escaped(wanted) } };
    all.push(UUID.test(text) ? { $or: [{ _id: wanted }, anywhere] } : anywhere);
  }
  if (notOwn) all.push(NOT_OWN);
  if (visibleTo !== undefined) all.push(visible(visibleTo));
  return all.length === 0 ? {} : { $and: all };
};

/** By order and not by a pattern, which every server has to try on every name. `/` comes next after the dot. */
const NOT_OWN: Filter<TaskDocument> = {
  $or: [{ task_type: { $lt: OWN_TYPE_PREFIX } }, { task_type: { $gte: OWN_TYPE_PREFIX.replace('.', '/') } }],
};

/** The creator of a private task subscribes to it, so one index finds both kinds; the scope then says which may be seen. */
const visible = (user: string): Filter<TaskDocument> => ({
  subscriber_ids: { $eq: user },
  $or: [{ scope: 'shared' }, { scope: 'private', created_by: user }],
});

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const part = (text: string) => ({ $regex: escaped(text), $options: 'i' });

const oneOf = <T>(values: readonly T[]) => (values.length === 1 ? { $eq: values[0] as T } : { $in: [...values] });

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
