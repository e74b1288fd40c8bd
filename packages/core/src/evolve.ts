import type { TaskEvent } from './event.ts';
import { withTransition } from './history.ts';
import { evolveSuccessor, withSubscriber } from './successors.ts';
import {
  RECORD_VERSION,
  type Cause,
  type Millis,
  type Owner,
  type Status,
  type Successor,
  type TaskRecord,
} from './task.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Draft = Mutable<TaskRecord>;

/**
 * The record after `event`. Fields it does not know are carried along, so that a record written by a newer minor
 * version loses nothing (behaviour X10). Only `submitted` may meet no record; any other event without one is a bug of
 * the caller and throws.
 */
export const evolve = (record: TaskRecord | undefined, event: TaskEvent): TaskRecord => {
  if (event.kind === 'submitted') return submitted(event);
  if (record === undefined) throw new Error(`event '${event.kind}' without a task`);
  const next: Draft = { ...record };
  // An archive mark is no change of the task.
  if (event.kind !== 'archived') next.changedAt = event.at;
  apply(next, event);
  return next;
};

const submitted = (event: Extract<TaskEvent, { kind: 'submitted' }>): TaskRecord => ({
  ...event.spec,
  v: RECORD_VERSION,
  status: 'pending',
  subscribers: event.subscribers,
  createdAt: event.createdAt,
  changedAt: event.at,
  attempt: 0,
  history: [
    {
      status: 'pending',
      at: event.createdAt,
      by: event.by,
      attempt: 0,
      ...(event.why === undefined ? {} : { why: event.why }),
    },
  ],
  ...(event.dedupeCount === undefined ? {} : { dedupeCount: event.dedupeCount }),
  ...(event.successor === undefined ? {} : { successor: event.successor }),
});

/** No `default`: an event that is forgotten here is no `never` at the end, and does not compile. */
const apply = (next: Draft, event: Exclude<TaskEvent, { kind: 'submitted' }>): void => {
  switch (event.kind) {
    case 'joined':
      next.subscribers = withSubscriber(next.subscribers, event.user, event.at);
      next.dedupeCount = (next.dedupeCount ?? 0) + 1;
      return;
    case 'unsubscribed':
      next.subscribers = next.subscribers.filter((s) => s.user !== event.user);
      return;
    case 'successor-queued':
    case 'successor-joined':
    case 'successor-unsubscribed':
    case 'successor-cancelled':
      setSuccessor(next, evolveSuccessor(next.successor, event));
      return;
    case 'claimed':
      claimed(next, event.owner, event.attempt, event.at);
      return;
    case 'made-abortable':
      next.abortable = true;
      return;
    case 'progressed':
      if (event.progress !== undefined) next.progress = event.progress;
      if (event.payload !== undefined) next.payload = event.payload;
      return;
    case 'finishing-began':
      next.finishing = true;
      return;
    case 'abort-requested':
      next.abort = { cause: event.cause, by: event.by, at: event.at };
      move(next, 'aborting', event.at, event.by, event.cause);
      return;
    case 'abort-observed':
      if (next.abort === undefined) return;
      next.abort = { ...next.abort, deliveredAt: event.deliveredAt, observedAt: event.observedAt };
      return;
    case 'timeout-unenforced':
      next.timeoutUnenforced = true;
      return;
    case 'stopping-overdue':
      next.notStopping = true;
      return;
    case 'succeeded':
      if (event.result !== undefined) next.result = event.result;
      end(next, 'success', event.at, event.by);
      return;
    case 'failed':
      next.error = event.error;
      if (event.bodyFailed) next.failures = (next.failures ?? 0) + 1;
      end(next, 'failure', event.at, event.by, event.why ?? event.error.type);
      return;
    case 'stopped':
      stopped(next, event);
      return;
    case 'retry-scheduled':
      next.failures = (next.failures ?? 0) + 1;
      next.error = event.error;
      next.runAt = event.runAt;
      wait(next, event.at, event.by, `retry after ${event.error.type}`);
      return;
    case 'rescued':
      rescued(next, event);
      return;
    case 'host-lost':
      delete next.host;
      return;
    case 'given-back':
      // An inline call whose process stops is run on by whoever serves its type.
      delete next.host;
      wait(next, event.at, event.by, event.why);
      return;
    case 'archived':
      next.archived = true;
      return;
  }
  event satisfies never;
};

const setSuccessor = (next: Draft, successor: Successor | undefined): void => {
  if (successor === undefined) delete next.successor;
  else next.successor = successor;
};

const move = (next: Draft, status: Status, at: Millis, by: Cause, why?: string): void => {
  next.status = status;
  Object.assign(
    next,
    withTransition(next, { status, at, by, attempt: next.attempt, ...(why === undefined ? {} : { why }) }),
  );
};

/**
 * Starts an attempt. The last flushed progress and payload of the former one stay until this one writes its own: a
 * handler resumes from there (behaviour C8), and a crash before the first update loses no checkpoint.
 */
const claimed = (next: Draft, owner: Owner, attempt: number, at: Millis): void => {
  next.owner = owner;
  next.attempt = attempt;
  next.startedAt = at;
  delete next.runAt;
  delete next.abortable;
  delete next.finishing;
  delete next.timeoutUnenforced;
  move(next, 'in_progress', at, `worker:${owner.worker}`);
};

/** Terminal. The owner stays: it tells who ran the task and lets a repeated `finish` be recognised. */
const end = (next: Draft, status: Status, at: Millis, by: Cause, why?: string): void => {
  next.endedAt = at;
  delete next.finishing;
  delete next.notStopping;
  delete next.runAt;
  if (status !== 'failure') delete next.error;
  if (next.abort !== undefined) next.abort = { ...next.abort, stoppedAt: at };
  move(next, status, at, by, why);
};

const stopped = (next: Draft, event: Extract<TaskEvent, { kind: 'stopped' }>): void => {
  const asked = next.abort ?? { cause: event.cause, by: event.by, at: event.at };
  next.abort = { ...asked, ...(event.forced ? { forced: true } : {}) };
  end(next, event.cause === 'timeout' ? 'timed_out' : 'aborted', event.at, event.by, event.why);
};

/** Back to waiting for a worker. */
const wait = (next: Draft, at: Millis, by: Cause, why: string): void => {
  delete next.owner;
  delete next.abortable;
  delete next.finishing;
  delete next.timeoutUnenforced;
  move(next, 'pending', at, by, why);
};

const rescued = (next: Draft, event: Extract<TaskEvent, { kind: 'rescued' }>): void => {
  next.rescues = (next.rescues ?? 0) + 1;
  delete next.host;
  wait(next, event.at, event.by, `worker ${event.worker} died`);
};
