import { canSee, type Actor } from '@baton/core';
import type { Change, ChangeKind } from './recent-changes.ts';

/** What somebody who was away is told of a task: its newest state, or that he may not see it any more. */
export type Missed = { readonly change: Change; readonly isHidden: boolean };

/**
 * One entry for each task that has changed, in the order of the bucket, so that whoever breaks off in the middle goes on
 * from the last one he was given. A list shows no state but the newest; what lay between would only cost the time of the
 * one who has most to catch up with.
 */
export const newestOfEach = (changes: readonly Change[], actor: Actor): readonly Missed[] => {
  const newest = new Map<string, Change & { readonly wasSeen: boolean }>();
  for (const change of changes) {
    const { id, record } = change.task;
    const before = newest.get(id);
    // Behind all others: the order is that of the newest.
    newest.delete(id);
    const hasLeft = actor.user !== undefined && change.left.includes(actor.user);
    newest.set(id, {
      ...change,
      kind: before === undefined ? change.kind : strongerOf(before.kind, change.kind),
      left: [...(before?.left ?? []), ...change.left],
      retagged: before?.retagged === true || change.retagged === true,
      renamed: before?.renamed === true || change.renamed === true,
      wasSeen: before?.wasSeen === true || hasLeft || canSee(record, actor),
    });
  }
  return [...newest.values()]
    .filter(({ wasSeen }) => wasSeen)
    .map(({ wasSeen: _wasSeen, ...change }) => ({ change, isHidden: !canSee(change.task.record, actor) }));
};

/** The whole of several changes: who was created in between is new, whatever came after. */
const strongerOf = (a: ChangeKind, b: ChangeKind): ChangeKind =>
  a === 'created' || b === 'created' ? 'created' : a === 'status' || b === 'status' ? 'status' : 'update';
