import { canSee, fitsTagFilter, type Actor, type TaskRecord } from '@baton/core';
import { isOwnType, searchTextOf } from '@baton/protocols';
import type { TaskFilter, TaskRow } from '@baton/mongo';
import { ownedIn } from '@baton/runtime';

/** What the user narrows a list by. What he may see is added by `visibleTo`, from who he is and not from what he asks. */
export type UserFilter = Omit<TaskFilter, 'visibleTo' | 'subscriber'>;

/** The filter with the rules of visibility on top (behaviour S). */
export const visibleTo = (filter: UserFilter, { user, admin }: Actor): TaskFilter => {
  if (admin) return filter;
  // Nobody has the empty name: somebody without one sees nothing.
  return { ...filter, visibleTo: user ?? '' };
};

export const mayReadRow = (row: Pick<TaskRow, 'scope' | 'created_by' | 'subscribers'>, actor: Actor): boolean =>
  canSee(ownedIn(row), actor);

/** The same question to a record in memory as `filter` puts to the database. */
export const matches = (record: TaskRecord, filter: UserFilter): boolean =>
  among(filter.status, record.status) && hasTags(record, filter) && mayMatch(record, filter);

/** By what does not change in a task's life. */
export const mayMatch = (record: TaskRecord, filter: UserFilter): boolean => {
  const { name, text, subscribers, notOwn } = filter;
  if (notOwn && isOwnType(record.type)) return false;
  if (!among(filter.type, record.type) || !among(filter.scope, record.scope)) return false;
  if (filter.createdBy !== undefined && !filter.createdBy.includes(record.creator ?? '')) return false;
  if (subscribers !== undefined && !record.subscribers.some(({ user }) => subscribers.includes(user))) return false;
  if (name !== undefined && !contains(record.name, name)) return false;
  return text === undefined || hasText(record, text);
};

const among = <T>(allowed: readonly T[] | undefined, value: T): boolean =>
  allowed === undefined || allowed.includes(value);

const hasTags = ({ tags }: TaskRecord, { tags: wanted }: UserFilter): boolean =>
  wanted === undefined || fitsTagFilter(tags, wanted);

const hasText = (record: TaskRecord, text: string): boolean =>
  record.id === text.toLowerCase() || searchTextOf(record).includes(text.toLowerCase());

const contains = (text: string, part: string): boolean => text.toLowerCase().includes(part.toLowerCase());

/** Tasks of Baton's own are listed for who names their type, or one of them by its id: they are about the others. */
export const withoutOwn = (filter: UserFilter): UserFilter =>
  filter.type === undefined && !UUID.test(filter.text ?? '') ? { ...filter, notOwn: true } : filter;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
