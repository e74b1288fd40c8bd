import type { Status } from '@baton/core';
import { namesOf, type TaskDocument } from '@baton/protocols';
import type { EndedViews, TaskViews } from '@baton/runtime';
import type { Mongo } from './connect.ts';
import { ensureIndexes } from './indexes.ts';
import { projectInto } from './project.ts';
import { asideAmong, putAside, readAside, takeOut, type QuarantineDocument } from './quarantine.ts';
import { countByStatus, getTask, listTasks, type Page, type TaskFilter } from './queries.ts';
import {
  countEnded,
  endedTasks,
  forgetTasks,
  objectsOfTasks,
  firstAsked,
  takeTurn,
  type DutyDocument,
} from './retention.ts';
import {
  briefsOf,
  countRows,
  createdSince,
  listRows,
  placesOf,
  outcomesSince,
  queuesNow,
  valuesOf,
  versionsOf,
  waitersOf,
  type Outcomes,
  type QueueCount,
  type RowPage,
  type TaskBrief,
  type TaskPlace,
  type TaskRow,
  type Version,
} from './rows.ts';

export type TaskQueries = {
  readonly get: (id: string) => Promise<TaskDocument | undefined>;
  readonly list: (filter: TaskFilter, page: { readonly size: number; readonly after?: string }) => Promise<Page>;
  readonly counts: (filter: TaskFilter) => Promise<Partial<Record<Status, number>>>;
  /** A page in any order, without what only a task's own page shows. */
  readonly rows: (filter: TaskFilter, page: RowPage) => Promise<readonly TaskRow[]>;
  /** Newest first, behind the id `after`, for whoever changes many of them. */
  readonly places: (
    filter: TaskFilter,
    page: { readonly size: number; readonly after: string },
  ) => Promise<readonly TaskPlace[]>;
  /** Counted up to `limit`; undefined when that would take too long. `ids`: only among these. `limitMs`: for all of them. */
  readonly count: (
    filter: TaskFilter,
    limit: number,
    ids?: readonly string[],
    limitMs?: number,
  ) => Promise<number | undefined>;
  readonly versions: (ids: readonly string[]) => Promise<readonly Version[]>;
  /** Those of these tasks that match. */
  readonly briefs: (ids: readonly string[], filter: TaskFilter) => Promise<readonly TaskBrief[]>;
  /** Tasks that match, and wait or waited for the one with that id; the first that were made first. */
  readonly waiters: (id: string, filter: TaskFilter, limit: number) => Promise<readonly TaskBrief[]>;
  readonly values: (
    field: 'created_by' | 'subscriber_ids' | 'task_type',
    filter: TaskFilter,
  ) => Promise<readonly string[]>;
  readonly outcomes: (filter: TaskFilter, since: Date, stepMs: number) => Promise<readonly Outcomes[]>;
  readonly created: (filter: TaskFilter, firstId: string, stepMs: number) => Promise<readonly Outcomes[]>;
  readonly queues: (filter: TaskFilter, now: Date) => Promise<readonly QueueCount[]>;
};

/** Task views in one database: what the projector writes, what lists read, what retention deletes. Every call rejects with BatonErrors only. */
export type MongoTaskViews = TaskViews & EndedViews & TaskQueries & { readonly ensureIndexes: () => Promise<void> };

const TASKS = 'tasks';
const DUTIES = 'duties';

export const createTaskViews = ({ db, kind }: Pick<Mongo, 'db' | 'kind'>): MongoTaskViews => {
  const tasks = db.collection<TaskDocument>(TASKS);
  const quarantine = db.collection<QuarantineDocument>(namesOf().quarantineCollection);
  const duties = db.collection<DutyDocument>(DUTIES);
  return {
    ensureIndexes: () => ensureIndexes(tasks, kind),
    project: (documents, likelyNew) => projectInto(tasks, documents, likelyNew),
    quarantine: (entries) => putAside(quarantine, entries),
    quarantined: (which, limit, after) => readAside(quarantine, which, limit, after),
    asideAmong: (ids) => asideAmong(quarantine, ids),
    release: (ids) => takeOut(quarantine, ids),
    countEnded: (before) => countEnded(tasks, before),
    ended: (before, limit) => endedTasks(tasks, before, limit),
    forget: (ids) => forgetTasks(tasks, ids),
    objectsOf: (ids) => objectsOfTasks(tasks, ids),
    since: (now) => firstAsked(duties, now),
    takeTurn: (duty, everyMs, now) => takeTurn(duties, duty, everyMs, now),
    get: (id) => getTask(tasks, id),
    list: (filter, page) => listTasks(tasks, kind, filter, page),
    counts: (filter) => countByStatus(tasks, filter),
    rows: (filter, page) => listRows(tasks, kind, filter, page),
    places: (filter, page) => placesOf(tasks, kind, filter, page),
    count: (filter, limit, ids, limitMs) => countRows(tasks, filter, limit, ids, limitMs),
    versions: (ids) => versionsOf(tasks, ids),
    briefs: (ids, filter) => briefsOf(tasks, ids, filter),
    waiters: (id, filter, limit) => waitersOf(tasks, id, filter, limit),
    values: (field, filter) => valuesOf(tasks, field, filter),
    outcomes: (filter, since, stepMs) => outcomesSince(tasks, filter, since, stepMs),
    created: (filter, firstId, stepMs) => createdSince(tasks, filter, firstId, stepMs),
    queues: (filter, now) => queuesNow(tasks, filter, now),
  };
};
