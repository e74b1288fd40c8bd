import type { Actor } from './command.ts';
import type { Scope, Subscriber, UserId } from './task.ts';

/** The part of a task, or of a queued successor, that the scope rules look at (behaviour S). */
export type Owned = {
  readonly scope: Scope;
  readonly creator?: UserId;
  readonly subscribers: readonly Subscriber[];
};

export const isSubscriber = (task: Owned, actor: Actor): boolean =>
  actor.user !== undefined && task.subscribers.some((s) => s.user === actor.user);

/** Who may know that the task exists. Everything else about a task is asked after this. */
export const canSee = (task: Owned, actor: Actor): boolean => {
  if (actor.admin) return true;
  switch (task.scope) {
    case 'private':
      return actor.user !== undefined && task.creator === actor.user;
    case 'shared':
      return isSubscriber(task, actor);
    case 'system':
      return false;
  }
};

export const canSubmit = (scope: Scope, actor: Actor): boolean => scope !== 'system' || actor.admin;
