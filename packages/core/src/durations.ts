import type { Millis, TaskRecord } from './task.ts';

/** How long the current or last attempt took: to its end, or until `now`. Undefined: never started (behaviour L14). */
export const durationMs = (record: TaskRecord, now: Millis): Millis | undefined => {
  const { startedAt, endedAt, status } = record;
  if (startedAt === undefined) return undefined;
  // Between two attempts the last one is over; when it ended is the time of the change to pending.
  const until = endedAt ?? (status === 'pending' ? (record.history.at(-1)?.at ?? record.changedAt) : now);
  return Math.max(0, until - startedAt);
};

/**
 * From when on the current or last attempt could begin: it was submitted, its delay or back-off was over, the task before
 * it had ended, or a worker had lost it or given it back.
 */
export const readyAtOf = ({ createdAt, readyAt = createdAt, runAt = readyAt }: Readied): Millis =>
  Math.max(createdAt, readyAt, runAt);

type Readied = Pick<TaskRecord, 'createdAt' | 'readyAt' | 'runAt'>;

/**
 * How long the current or last attempt waited for a worker: until its start, or until the task ended before it. Undefined
 * while it waits. Never below 0.
 */
export const waitedMs = (record: TaskRecord): Millis | undefined => {
  const { status, owner, startedAt, endedAt } = record;
  if (status === 'pending') return undefined;
  // Whoever has run it last stands there; nobody does when it ended while it waited.
  const until = owner === undefined && status !== 'success' ? (endedAt ?? startedAt) : startedAt;
  return until === undefined ? undefined : Math.max(0, until - readyAtOf(record));
};

/** The same, and while it waits: until `now`. */
export const queuedMs = (record: TaskRecord, now: Millis): Millis =>
  waitedMs(record) ?? Math.max(0, now - readyAtOf(record));
