import type { Millis, TaskRecord } from './task.ts';

/** How long the current or last attempt took: to its end, or until `now`. Undefined: never started (behaviour L14). */
export const durationMs = (record: TaskRecord, now: Millis): Millis | undefined => {
  const { startedAt, endedAt, status } = record;
  if (startedAt === undefined) return undefined;
  // Between two attempts the last one is over; when it ended is the time of the change to pending.
  const until = endedAt ?? (status === 'pending' ? (record.history.at(-1)?.at ?? record.changedAt) : now);
  return Math.max(0, until - startedAt);
};

/** How long it waited: from when it could begin to the start of its attempt, its end, or `now`. Never below 0. */
export const queuedMs = (record: TaskRecord, now: Millis): Millis => {
  const { createdAt, runAt = createdAt, startedAt, endedAt, status } = record;
  const since = Math.max(createdAt, runAt);
  const until = status === 'pending' ? now : (startedAt ?? endedAt ?? now);
  return Math.max(0, until - since);
};
