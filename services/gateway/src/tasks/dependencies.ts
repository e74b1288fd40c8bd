import { canSee, type Actor, type TaskRecord } from '@baton/core';
import type { MongoTaskViews, TaskBrief } from '@baton/mongo';
import type { DependencyDocument, TaskDocument } from '@baton/protocols';
import type { Overlay } from '../live/overlay.ts';
import { visibleTo } from './matching.ts';

/** Most tasks that are shown as waiting for one. */
const REQUIRED_BY_LIMIT = 100;

type Waiting = Pick<TaskDocument, 'created_by' | 'depends_on'>;

/**
 * What a task waits or waited for, as a list shows it. Names are for who made it, who could see them all, and for admins:
 * others may see the task and not those.
 */
export const dependsOnJson = ({ depends_on: edges, created_by: creator }: Waiting, actor: Actor) =>
  (edges ?? []).map((edge) => edgeJson(edge, actor.admin || actor.user === creator));

const edgeJson = ({ uuid, task_name, on_failure, status, ended_at }: DependencyDocument, isNamed: boolean) => ({
  uuid,
  task_name: isNamed ? task_name : null,
  on_failure,
  /** Where it is not told how it has ended: null, and in the answer for this task alone the state it is in. */
  status,
  ended_at: ended_at === null ? null : ended_at.toISOString(),
});

export type Graph = {
  /** States of those it waits for, and of its children, that have not ended. */
  readonly statuses: ReadonlyMap<string, string>;
  readonly parent: TaskBrief | undefined;
  readonly requiredBy: readonly TaskBrief[];
};

type Parts = { readonly views: Pick<MongoTaskViews, 'briefs' | 'waiters'>; readonly overlay: Overlay };

/** Both directions of a task, and its family, as they are now, as far as this user may see. */
export const graphOf = async ({ views, overlay }: Parts, document: TaskDocument, actor: Actor): Promise<Graph> => {
  const { depends_on: before = [], children = [], parent } = document;
  const open = [...before, ...children].flatMap(({ uuid, ended_at }) => (ended_at === null ? [uuid] : []));
  const filter = visibleTo({}, actor);
  const wanted = parent === undefined ? open : [...open, parent.uuid];
  const [there, waiters] = await Promise.all([
    wanted.length === 0 ? [] : views.briefs(wanted, filter),
    views.waiters(document._id, filter, REQUIRED_BY_LIMIT),
  ]);
  const requiredBy = new Map(waiters.map((brief) => [brief._id, brief]));
  const statuses = new Map(there.map(({ _id, status }) => [_id, status as string]));
  let above = there.find(({ _id }) => _id === parent?.uuid);
  // What the projection does not have yet.
  for (const { record } of overlay.values()) {
    if (!canSee(record, actor)) continue;
    if (open.includes(record.id)) statuses.set(record.id, record.status);
    if (record.id === parent?.uuid) above = { _id: record.id, task_name: record.name, status: record.status };
    if (waitsFor(record, document._id) && (requiredBy.has(record.id) || requiredBy.size < REQUIRED_BY_LIMIT))
      requiredBy.set(record.id, { _id: record.id, task_name: record.name, status: record.status });
  }
  return { statuses, parent: above, requiredBy: [...requiredBy.values()].toSorted((a, b) => (a._id < b._id ? -1 : 1)) };
};

const waitsFor = ({ dependsOn }: TaskRecord, id: string): boolean =>
  dependsOn !== undefined && dependsOn.some((dependency) => dependency.id === id);
