import type { SupervisorCommand } from './command.ts';
import { byUser, done, refuse, type Decision } from './decision.ts';
import { verdictOnDependencies } from './dependency.ts';
import type { TaskEvent } from './event.ts';
import { evolve } from './evolve.ts';
import { EXPIRED, expired, isExpired } from './expiry.ts';
import { successorsOf } from './successors.ts';
import {
  isTerminal,
  type Cause,
  type Millis,
  type Successor,
  type TaskId,
  type TaskRecord,
  type TaskSpec,
} from './task.ts';

type Promote = Extract<SupervisorCommand, { kind: 'promote' }>;
type Release = Extract<SupervisorCommand, { kind: 'release-successors' }>;

/**
 * Makes the first successor of a task that has ended the task of its actor (behaviour D5). One that was cancelled while
 * it waited, and was not released, becomes an aborted record, which is promoted past in the next turn.
 */
export const decidePromote = (record: TaskRecord | undefined, command: Promote): Decision => {
  const successor = record?.successor;
  if (record === undefined || successor === undefined) return refuse('not_found');
  if (!isTerminal(record.status) || record.id !== command.id) return refuse('not_running');
  return done(...eventsOf(successor, record.id, command.at, command.by));
};

/** Once it is stored that they were cancelled: their outcomes are kept by whoever carries this out (behaviour R9). */
export const decideRelease = (record: TaskRecord | undefined, command: Release): Decision => {
  if (record === undefined) return refuse('not_found');
  if (!successorsOf(record).some(({ cancelled }) => cancelled !== undefined)) return done();
  return done({ kind: 'successors-released', at: command.at });
};

/** What a record has beyond a spec: the compiler sees to it that none is missing. */
const STATE_FIELDS: Readonly<Record<Exclude<keyof TaskRecord, keyof TaskSpec>, true>> = {
  ...{ v: true, status: true, subscribers: true, createdAt: true, changedAt: true, attempt: true, history: true },
  ...{ readyAt: true, startedAt: true, endedAt: true, failures: true, rescues: true, owner: true, runTrace: true },
  ...{
    abortable: true,
    finishing: true,
    bodyOutcome: true,
    abort: true,
    progress: true,
    payload: true,
    result: true,
    error: true,
  },
  ...{ dedupeCount: true, timeoutUnenforced: true, notStopping: true, historyDropped: true, successor: true },
  ...{ archived: true, signals: true, waiting: true, steps: true, cancelHandle: true, cancelling: true, nonce: true },
  ...{ children: true, waitsOver: true },
};

/**
 * Fields nobody knows are carried along (behaviour X10), but for those that mean something in a record: the one that
 * waits has not begun, and with another's in it, it could not be written, or never begin.
 */
const bare = (spec: TaskSpec): TaskSpec => {
  if (!Object.keys(spec).some((field) => Object.hasOwn(STATE_FIELDS, field))) return spec;
  const kept = Object.entries(spec).filter(([field]) => !Object.hasOwn(STATE_FIELDS, field));
  return Object.fromEntries(kept) as TaskSpec;
};

const eventsOf = (successor: Successor, former: TaskId, at: Millis, by: Cause): readonly TaskEvent[] => {
  const { spec, subscribers, createdAt, dedupeCount, cancelled, next } = successor;
  const submitted: TaskEvent = {
    kind: 'submitted',
    at,
    by: byUser(spec.creator),
    spec: bare(spec),
    subscribers,
    createdAt,
    why: `after ${former}`,
    ...(dedupeCount === undefined ? {} : { dedupeCount }),
    ...(next === undefined ? {} : { successor: next }),
  };
  if (cancelled !== undefined)
    return [submitted, { kind: 'stopped', ...cancelled, cause: cancelled.why === EXPIRED ? 'expired' : 'cancel' }];
  if (isExpired(spec, at)) return [submitted, expired(at, by)];
  return [submitted, ...verdictOnDependencies(spec, at, by)];
};

/**
 * Task `id` as it stands in this record: the actor's own task, or one that waits behind it, shown as the record it is
 * going to be. Undefined: neither.
 */
export const taskOf = (record: TaskRecord, id: TaskId): TaskRecord | undefined => {
  if (record.id === id) return record;
  const successor = successorsOf(record).find((s) => s.spec.id === id);
  if (successor === undefined) return undefined;
  const { next: _behind, ...alone } = successor;
  return eventsOf(alone, record.id, alone.createdAt, 'service').reduce<TaskRecord | undefined>(evolve, undefined);
};
