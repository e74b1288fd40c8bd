import type { Status } from '@baton/core';
import { namesOf, type TaskDocument } from '@baton/protocols';
import type { TaskViews } from '@baton/runtime';
import type { Mongo } from './connect.ts';
import { ensureIndexes } from './indexes.ts';
import { projectInto } from './project.ts';
import { putAside, readAside, takeOut, type QuarantineDocument } from './quarantine.ts';
import { countByStatus, getTask, listTasks, type Page, type TaskFilter } from './queries.ts';

export type TaskQueries = {
  readonly get: (id: string) => Promise<TaskDocument | undefined>;
  readonly list: (filter: TaskFilter, page: { readonly size: number; readonly after?: string }) => Promise<Page>;
  readonly counts: (filter: TaskFilter) => Promise<Partial<Record<Status, number>>>;
};

/** Task views in one database: what the projector writes and what lists read. Every call rejects with BatonErrors only. */
export type MongoTaskViews = TaskViews & TaskQueries & { readonly ensureIndexes: () => Promise<void> };

const TASKS = 'tasks';

export const createTaskViews = ({ db, kind }: Pick<Mongo, 'db' | 'kind'>): MongoTaskViews => {
  const tasks = db.collection<TaskDocument>(TASKS);
  const quarantine = db.collection<QuarantineDocument>(namesOf().quarantineCollection);
  return {
    ensureIndexes: () => ensureIndexes(tasks, kind),
    project: (documents, likelyNew) => projectInto(tasks, documents, likelyNew),
    quarantine: (entries) => putAside(quarantine, entries),
    quarantined: (which, limit, after) => readAside(quarantine, which, limit, after),
    release: (ids) => takeOut(quarantine, ids),
    get: (id) => getTask(tasks, id),
    list: (filter, page) => listTasks(tasks, kind, filter, page),
    counts: (filter) => countByStatus(tasks, filter),
  };
};
