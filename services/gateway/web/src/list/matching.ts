import type { Task } from '../task/task.ts';
import { plainText } from '../ui/plain-text.ts';
import type { ListQuery } from './query.ts';

/** Whether a task belongs in a list, as the server would say: the stream of events carries all that the user sees. */
export const fitsQuery = (task: Task, query: ListQuery): boolean =>
  among(query.status, task.status) && fitsButStatus(task, query);

/** By what does not change in a task's life. */
export const fitsButStatus = (task: Task, { type, scope, createdBy, text }: ListQuery): boolean =>
  among(type, task.type) &&
  among(scope, task.scope) &&
  among(createdBy.map(plainText), task.createdBy ?? '') &&
  hasText(task, text.trim().toLowerCase());

const among = <T>(allowed: readonly T[], value: T): boolean => allowed.length === 0 || allowed.includes(value);

const hasText = ({ uuid, name, type, key }: Task, text: string): boolean =>
  text === '' || uuid === text || `${name}\n${type}\n${key}`.toLowerCase().includes(plainText(text));
