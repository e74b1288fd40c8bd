import type { Actor } from './actor.ts';
import type { Scope, Subscriber, UserId } from './task.ts';

/**
 * Who may see, submit and cancel what (behaviour S, A8 to A10), once for every surface: the decider, the SDK, commands and
 * the gateway ask here. Only the database is asked in its own words, for the same answer.
 */

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

/** `force` is an admin's, on every surface (A8). */
export const canForce = (actor: Actor): boolean => actor.admin;

/**
 * Who may be given a task he has the id of by a client of the runtime. Without a user a client is a service, which speaks
 * for nobody and holds credentials for the bucket anyway. Not for requests from outside: those have a user, and `canSee`.
 */
export const canOpen = (task: Owned, actor: Actor): boolean => actor.user === undefined || canSee(task, actor);

/** What a cancel means for this actor on a task he can see, before its state is looked at. */
export type CancelMeaning = 'abort' | 'unsubscribe' | 'force_required';

/** Who is not the only one to wait for a shared task leaves it; others' tasks are ended by force alone (A6, A8). */
export const meaningOfCancel = (task: Owned, actor: Actor, force: boolean): CancelMeaning => {
  if (task.scope !== 'shared' || force || task.subscribers.length <= 1) return 'abort';
  return isSubscriber(task, actor) ? 'unsubscribe' : 'force_required';
};
