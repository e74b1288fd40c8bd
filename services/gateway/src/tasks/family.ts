import type { ChildDocument, TaskDocument } from '@baton/protocols';

/** Whose child a task is, and how far its children are, as a list shows it (behaviour G3). */
export const familyJson = ({ parent, children }: Pick<TaskDocument, 'parent' | 'children'>) => ({
  parent: parent === undefined ? null : { uuid: parent.uuid, leave: parent.leave },
  children_count: children === undefined ? null : countOf(children),
});

const countOf = (children: readonly ChildDocument[]) => ({
  total: children.length,
  done: children.filter(({ status }) => status !== null).length,
  failed: children.filter(({ status }) => status !== null && status !== 'success').length,
});

/** Its names are those its handler gave them: who sees the task sees them. */
export const childrenJson = ({ children }: Pick<TaskDocument, 'children'>) =>
  (children ?? []).map(({ uuid, task_name, leave, share, status, ended_at }) => ({
    ...{ uuid, task_name, leave, share },
    /** Where its parent has not been told how it ended: null, and in the answer for this task alone the state it is in. */
    status,
    ended_at: ended_at === null ? null : ended_at.toISOString(),
  }));
