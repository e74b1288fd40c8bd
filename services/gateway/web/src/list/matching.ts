import { hasTags } from '../task/tags.ts';
import type { Task } from '../task/task.ts';
import { plainText } from '../ui/plain-text.ts';
import type { ListQuery } from './query.ts';

/** Whether a task belongs in a list, as the server would say: the stream of events carries all that the user sees. */
export const fitsQuery = (task: Task, query: ListQuery): boolean =>
  among(query.status, task.status) && hasTags(task.tags, query.tag) && fitsButStatus(task, query);

/** By what does not change in a task's life. */
export const fitsButStatus = (task: Task, { type, scope, createdBy, text }: ListQuery): boolean =>
  isListed(task, type, text) &&
  among(type, task.type) &&
  among(scope, task.scope) &&
  among(createdBy.map(plainText), task.createdBy ?? '') &&
  hasText(task, text.trim().toLowerCase());

const among = <T>(allowed: readonly T[], value: T): boolean => allowed.length === 0 || allowed.includes(value);

/** Tasks of Baton's own are about others, and stand in lists that name their type or one of them. */
const isListed = ({ type, uuid }: Task, types: readonly string[], text: string): boolean =>
  !type.startsWith(OWN_TYPES) || types.length > 0 || uuid === text.trim().toLowerCase();

const OWN_TYPES = 'baton.';

const hasText = ({ uuid, name, type, key }: Task, text: string): boolean =>
  text === '' || uuid === text || `${name}\n${type}\n${key}`.toLowerCase().includes(plainText(text));
