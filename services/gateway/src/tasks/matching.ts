import { canSee, fitsTagFilter, type Actor, type TaskRecord } from '@baton/core';
import { isOwnType, searchTextOf } from '@baton/protocols';
import type { TaskFilter, TaskRow } from '@baton/mongo';
import { ownedIn } from '@baton/runtime';
import type { Change } from '../live/recent-changes.ts';

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
  isOfKind(record, filter) &&
  among(filter.status, record.status) &&
  hasTags(record, filter) &&
  isNamed(record, filter) &&
  hasSubscriber(record, filter);

/** Whether it may have matched before this change: by what does not change, and by what may have been otherwise. */
export const mayHaveMatched = ({ task: { record }, left, renamed = false }: Change, filter: UserFilter): boolean =>
  isOfKind(record, filter) &&
  (renamed || isNamed(record, filter)) &&
  (hasSubscriber(record, filter) || left.some((user) => filter.subscribers?.includes(user) === true));

/** Whether the change is one of what the filter goes by. */
export const isAbout = ({ left, retagged, renamed }: Change, filter: UserFilter): boolean =>
  filter.status !== undefined ||
  (filter.tags !== undefined && retagged === true) ||
  ((filter.name !== undefined || filter.text !== undefined) && renamed === true) ||
  (filter.subscribers !== undefined && left.length > 0);

/** What does not change in a task's life. */
const isOfKind = (record: TaskRecord, { notOwn, type, scope, createdBy }: UserFilter): boolean =>
  !(notOwn === true && isOwnType(record.type)) &&
  among(type, record.type) &&
  among(scope, record.scope) &&
  (createdBy === undefined || createdBy.includes(record.creator ?? ''));

const isNamed = (record: TaskRecord, { name, text }: UserFilter): boolean =>
  (name === undefined || contains(record.name, name)) && (text === undefined || hasText(record, text));

const hasSubscriber = (record: TaskRecord, { subscribers }: UserFilter): boolean =>
  subscribers === undefined || record.subscribers.some(({ user }) => subscribers.includes(user));

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
