import { bounded, WHY_LENGTH } from './bounded.ts';
import { answerOfChildren } from './children.ts';
import { isBlocked } from './dependency.ts';
import { readyAtOf } from './durations.ts';
import type { TaskEvent } from './event.ts';
import { withTransition } from './history.ts';
import { REPLACED, withNewer } from './newer-spec.ts';
import {
  evolveSuccessor,
  withAwaited,
  withPriority,
  withoutCancelled,
  withSubscriber,
  type SuccessorEvent,
  type SuccessorsReleased,
} from './successors.ts';
import type { Tags } from './tags.ts';
import {
  RECORD_VERSION,
  type Cause,
  type Millis,
  type Status,
  type TaskError,
  type TaskId,
  type TaskRecord,
  type Transition,
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
  const next: Draft = copyOf(record);
  // An archive mark is no change of the task, and neither is that somebody waits for its end.
  if (event.kind !== 'archived' && event.kind !== 'end-awaited') next.changedAt = event.at;
  apply(next, event);
  return next;
};

/** Not by spreading: a field added to a spread object costs twenty times as much, and this runs for every write. */
const copyOf = <T extends object>(value: T): T => Object.assign({}, value);

const submitted = (event: Extract<TaskEvent, { kind: 'submitted' }>): TaskRecord => {
  const { spec, at, by, why, subscribers, createdAt, dedupeCount, successor } = event;
  const { creator, args, host, runAt, latestRunAt, expiresAt, throttledUntil, retriedFrom, operation } = spec;
  const { group, limitKey, units, tags, traceparent, tracestate, dependsOn, awaited, parent } = spec;
  // Field by field and by name, which is how an engine keeps an object of so many fast to copy and to look into.
  const next = {} as Draft;
  next.v = RECORD_VERSION;
  next.status = 'pending';
  next.id = spec.id;
  next.type = spec.type;
  next.key = spec.key;
  next.name = spec.name;
  next.scope = spec.scope;
  next.queue = spec.queue;
  next.priority = spec.priority;
  next.mode = spec.mode;
  next.policy = spec.policy;
  next.subscribers = subscribers;
  next.createdAt = createdAt;
  next.changedAt = at;
  next.attempt = 0;
  next.history = [transition('pending', createdAt, by, 0, why)];
  if (creator !== undefined) next.creator = creator;
  if (args !== undefined) next.args = args;
  if (host !== undefined) next.host = host;
  if (runAt !== undefined) next.runAt = runAt;
  if (latestRunAt !== undefined) next.latestRunAt = latestRunAt;
  if (expiresAt !== undefined) next.expiresAt = expiresAt;
  if (throttledUntil !== undefined) next.throttledUntil = throttledUntil;
  if (retriedFrom !== undefined) next.retriedFrom = retriedFrom;
  if (operation !== undefined) next.operation = operation;
  if (traceparent !== undefined) next.traceparent = traceparent;
  if (tracestate !== undefined) next.tracestate = tracestate;
  if (group !== undefined) next.group = group;
  if (limitKey !== undefined) next.limitKey = limitKey;
  if (units !== undefined) next.units = units;
  if (tags !== undefined) next.tags = tags;
  if (dependsOn !== undefined) next.dependsOn = dependsOn;
  if (awaited !== undefined) next.awaited = awaited;
  if (parent !== undefined) next.parent = parent;
  // What a newer version has put there goes along.
  for (const name in spec) if (!(name in next)) Object.assign(next, { [name]: spec[name as keyof typeof spec] });
  // It waited behind another task, and can begin only now.
  if (at > createdAt) next.readyAt = at;
  if (dedupeCount !== undefined) next.dedupeCount = dedupeCount;
  if (successor !== undefined) next.successor = successor;
  return next;
};

const transition = (status: Status, at: Millis, by: Cause, attempt: number, why: string | undefined): Transition =>
  why === undefined ? { status, at, by, attempt } : { status, at, by, attempt, why: bounded(why, WHY_LENGTH) };

/** Only where it is there: a `delete` makes an object slow to copy and to encode, and this is the hot path. */
const drop = (next: Draft, ...fields: readonly OptionalField[]): void => {
  for (const field of fields) if (next[field] !== undefined) delete next[field];
};

type OptionalField = { [K in keyof TaskRecord]-?: undefined extends TaskRecord[K] ? K : never }[keyof TaskRecord];

const retagged = (next: Draft, tags: Tags): void => {
  if (Object.keys(tags).length === 0) drop(next, 'tags');
  else next.tags = tags;
};

/** No `default`: an event that is forgotten here is no `never` at the end, and does not compile. */
const apply = (next: Draft, event: Exclude<TaskEvent, { kind: 'submitted' }>): void => {
  switch (event.kind) {
    case 'joined':
      next.subscribers = withSubscriber(next.subscribers, event.user, event.at);
      next.dedupeCount = (next.dedupeCount ?? 0) + 1;
      return;
    case 'replaced':
      replaced(next, event);
      return;
    case 'unsubscribed':
      next.subscribers = next.subscribers.filter((s) => s.user !== event.user);
      return;
    case 'successor-queued':
    case 'successor-joined':
    case 'successor-replaced':
    case 'successor-unsubscribed':
    case 'successor-cancelled':
    case 'successor-ends-noted':
    case 'successors-released':
      evolveSuccessors(next, event);
      return;
    case 'claimed':
      claimed(next, event);
      return;
    case 'made-abortable':
      next.abortable = true;
      // From here it can be enforced.
      delete next.timeoutUnenforced;
      return;
    case 'progressed':
      if (event.progress !== undefined) next.progress = event.progress;
      if (event.payload !== undefined) next.payload = event.payload;
      if (event.tags !== undefined) retagged(next, event.tags);
      return;
    case 'run-traced':
      next.runTrace = event.trace;
      return;
    case 'finishing-began':
      next.finishing = true;
      if (event.outcome !== undefined) next.bodyOutcome = event.outcome;
      return;
    case 'abort-requested':
      next.abort = { cause: event.cause, by: event.by, at: event.at };
      move(next, 'aborting', event.at, event.by, event.why ?? event.cause);
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
      end(next, 'success', event.at, event.by, event.why);
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
      wait(next, event.at, event.by, event.why ?? `retry after ${inShort(event.error)}`);
      return;
    case 'rescued':
      rescued(next, event);
      return;
    case 'host-lost':
      drop(next, 'host');
      return;
    case 'signalled':
      next.signals = [...(next.signals ?? []), event.entry];
      if (event.entry.awaited) goOn(next, event.at);
      return;
    case 'suspended':
      suspended(next, event);
      return;
    case 'step-kept':
      next.steps = [...(next.steps ?? []), event.entry];
      return;
    case 'cancel-handle-set':
      if (event.data === undefined) drop(next, 'cancelHandle');
      else next.cancelHandle = { data: event.data };
      return;
    case 'canceller-begun':
      cancellerBegun(next, event);
      return;
    case 'given-back':
      // An inline call whose process stops is run on by whoever serves its type.
      drop(next, 'host');
      next.readyAt = event.at;
      wait(next, event.at, event.by, event.why);
      return;
    case 'ends-noted':
      next.dependsOn = event.dependsOn;
      // Only now it waits for a worker.
      if (!isBlocked(next)) next.readyAt = event.at;
      return;
    case 'priority-changed':
      if (next.id === event.id) next.priority = event.priority;
      else if (next.successor !== undefined) next.successor = withPriority(next.successor, event.id, event.priority);
      return;
    case 'end-awaited':
      if (next.id === event.id) next.awaited = true;
      else if (next.successor !== undefined) next.successor = withAwaited(next.successor, event.id);
      return;
    case 'children-changed':
      next.children = event.children;
      // They look at what becomes of it.
      next.awaited = true;
      if (
        next.waiting !== undefined &&
        'children' in next.waiting &&
        answerOfChildren(next, next.waiting) !== undefined
      )
        goOn(next, event.at);
      return;
    case 'parent-over':
      if (next.parent !== undefined) next.parent = { ...next.parent, over: true };
      return;
    case 'archived':
      next.archived = true;
      return;
  }
  event satisfies never;
};

const replaced = (next: Draft, { at, spec, user }: Extract<TaskEvent, { kind: 'replaced' }>): void => {
  // It was not to begin before; from now on, or from its new time on, it may.
  if (next.runAt !== undefined) next.readyAt = at;
  const newer = withNewer<TaskRecord>(next, spec);
  drop(next, ...REPLACED);
  Object.assign(next, newer);
  next.subscribers = withSubscriber(next.subscribers, user, at);
  next.dedupeCount = (next.dedupeCount ?? 0) + 1;
};

const evolveSuccessors = (next: Draft, event: SuccessorEvent | SuccessorsReleased): void => {
  const successor =
    event.kind === 'successors-released' ? withoutCancelled(next.successor) : evolveSuccessor(next.successor, event);
  if (successor === undefined) drop(next, 'successor');
  else next.successor = successor;
};

const move = (next: Draft, status: Status, at: Millis, by: Cause, why?: string): void => {
  next.status = status;
  const { history, historyDropped } = withTransition(next, transition(status, at, by, next.attempt, why));
  next.history = history;
  if (historyDropped !== undefined) next.historyDropped = historyDropped;
};

/**
 * Starts an attempt. The last flushed progress and payload of the former one stay until this one writes its own: a
 * handler resumes from there (behaviour C8), and a crash before the first update loses no checkpoint.
 */
const claimed = (next: Draft, { owner, attempt, at, trace }: Extract<TaskEvent, { kind: 'claimed' }>): void => {
  next.owner = owner;
  next.attempt = attempt;
  next.startedAt = at;
  keepReady(next);
  giveUpWaiting(next, at);
  drop(next, 'abortable', 'finishing', 'bodyOutcome', 'notStopping', 'timeoutUnenforced', 'latestRunAt');
  if (trace === undefined) drop(next, 'runTrace');
  else next.runTrace = trace;
  move(next, 'in_progress', at, `worker:${owner.worker}`);
};

/** The time it waited for is no option any more, and says from when on it waited for a worker (behaviour L14). */
const keepReady = (next: Draft): void => {
  if (next.runAt === undefined) return;
  next.readyAt = readyAtOf(next);
  delete next.runAt;
};

/** Terminal. The owner stays: it tells who ran the task and lets a repeated `finish` be recognised. */
const end = (next: Draft, status: Status, at: Millis, by: Cause, why?: string): void => {
  next.endedAt = at;
  keepReady(next);
  drop(next, 'finishing', 'bodyOutcome', 'notStopping', 'waiting', 'cancelHandle', 'cancelling');
  if (status !== 'failure') drop(next, 'error');
  if (next.abort !== undefined) next.abort = { ...next.abort, stoppedAt: at };
  move(next, status, at, by, why);
};

const stopped = (next: Draft, event: Extract<TaskEvent, { kind: 'stopped' }>): void => {
  const asked = next.abort ?? { cause: event.cause, by: event.by, at: event.at };
  next.abort = { ...asked, ...(event.forced ? { forced: true } : {}) };
  end(next, event.cause === 'timeout' ? 'timed_out' : 'aborted', event.at, event.by, event.why);
};

/** Characters of a message that the history keeps: the record keeps the whole of the last one alone. */
const SHORT_MESSAGE_LENGTH = 200;

/** `RangeError: no such page`, in one line. */
const inShort = ({ type, message }: TaskError): string => {
  const line = message.replaceAll(/\s+/g, ' ').trim();
  if (line === '') return type;
  if (line.length <= SHORT_MESSAGE_LENGTH) return `${type}: ${line}`;
  // A cut in the middle of a surrogate pair would leave half a character.
  return `${type}: ${line.slice(0, SHORT_MESSAGE_LENGTH - 1).replace(/[\ud800-\udbff]$/, '')}…`;
};

/** Back to waiting for a worker. */
const wait = (next: Draft, at: Millis, by: Cause, why: string): void => {
  drop(next, 'owner', 'abortable', 'finishing', 'bodyOutcome', 'notStopping', 'timeoutUnenforced');
  drop(next, 'cancelHandle', 'cancelling');
  move(next, 'pending', at, by, why);
};

/** As an inline call that is given back, it goes on in any worker. */
const suspended = (next: Draft, event: Extract<TaskEvent, { kind: 'suspended' }>): void => {
  const { at, by, waiting, until } = event;
  drop(next, 'host');
  wait(next, at, by, 'signal' in waiting ? `waits for signal ${waiting.signal}` : waitsForChildren(waiting.children));
  if (until === undefined) return goOn(next, at);
  next.waiting = waiting;
  next.runAt = until;
};

const waitsForChildren = ({ length }: readonly TaskId[]): string =>
  length === 1 ? 'waits for a child' : `waits for ${length} children`;

/** What it waited for is there: any worker may run it from now on. */
const goOn = (next: Draft, at: Millis): void => {
  drop(next, 'waiting', 'runAt');
  next.readyAt = at;
};

/** It is run again with what it waited for not there: its time is over, or it would not be. */
const giveUpWaiting = (next: Draft, at: Millis): void => {
  const { waiting } = next;
  if (waiting === undefined) return;
  if ('signal' in waiting) next.signals = [...(next.signals ?? []), { name: waiting.signal, at, timedOut: true }];
  else next.waitsOver = [...(next.waitsOver ?? []), waiting.number];
  delete next.waiting;
};

/** No transition: what is aborting still is, and what ran has not ended yet. */
const cancellerBegun = (next: Draft, { owner }: Extract<TaskEvent, { kind: 'canceller-begun' }>): void => {
  const { cancelHandle, abort } = next;
  next.owner = owner;
  next.cancelling = true;
  drop(next, 'notStopping', 'runTrace');
  // That of the body which had ended stands; its cleanup handlers may not have got that far.
  if (next.bodyOutcome !== undefined) next.bodyOutcome = { ...next.bodyOutcome, fence: owner.fence };
  if (cancelHandle !== undefined) next.cancelHandle = { data: cancelHandle.data, tries: (cancelHandle.tries ?? 0) + 1 };
  // What was heard of it by the one before is nothing to the one that is to hear of it now.
  if (abort !== undefined) next.abort = { cause: abort.cause, by: abort.by, at: abort.at };
};

const rescued = (next: Draft, event: Extract<TaskEvent, { kind: 'rescued' }>): void => {
  next.rescues = (next.rescues ?? 0) + 1;
  drop(next, 'host');
  next.readyAt = event.at;
  wait(next, event.at, event.by, event.why);
};
