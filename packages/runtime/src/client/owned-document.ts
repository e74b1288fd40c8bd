import type { Owned } from '@baton/core';
import type { TaskDocument } from '@baton/protocols';

/** Whose a task is, by its document or by a row of a list: what the rules of who may see it look at. */
export const ownedIn = ({
  scope,
  created_by: creator,
  subscribers,
}: Pick<TaskDocument, 'scope' | 'created_by' | 'subscribers'>): Owned => ({
  scope,
  ...(creator === null ? {} : { creator }),
  subscribers: subscribers.map(({ user, subscribed_at: at }) => ({ user, at: at.getTime() })),
});
