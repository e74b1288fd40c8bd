import type { SupervisorCommand } from './command.ts';
import { done, refuse, type Decision } from './decision.ts';
import type { TaskEvent } from './event.ts';
import type { Cause, Millis, TaskRecord, TaskSpec } from './task.ts';

type Expire = Extract<SupervisorCommand, { kind: 'expire' }>;

/** It was to be started by a moment that has come. */
export const isExpired = ({ expiresAt }: Pick<TaskSpec, 'expiresAt'>, at: Millis): boolean =>
  expiresAt !== undefined && at >= expiresAt;

/** What has been started once is in time, however often it is run again. */
export const mayExpire = ({ status, attempt, expiresAt }: TaskRecord): boolean =>
  expiresAt !== undefined && status === 'pending' && attempt === 0;

export const EXPIRED = 'expired: it was not started in time';

export const expired = (at: Millis, by: Cause): TaskEvent => ({
  kind: 'stopped',
  at,
  by,
  cause: 'expired',
  why: EXPIRED,
});

/** A task that was not started in time is not started any more (behaviour Q11). */
export const decideExpire = (record: TaskRecord | undefined, { at, by, id }: Expire): Decision => {
  if (record === undefined || record.id !== id) return refuse('not_found');
  if (!mayExpire(record)) return refuse('not_pending');
  return isExpired(record, at) ? done(expired(at, by)) : refuse('not_due');
};
