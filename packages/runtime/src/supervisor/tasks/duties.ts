import {
  abortGraceMsOf,
  isBlocked,
  isTerminal,
  mayExpire,
  type Fence,
  type Millis,
  type Policy,
  type TaskRecord,
} from '@baton/core';
import type { Lane } from '@baton/protocols';

/** What a task in its present state asks of a supervisor. A function of the record and of nothing else. */
export type Duties =
  /** It is for its queue to start, by `expiresAt` or not at all. */
  | { readonly stage: 'waiting'; readonly lane: Lane; readonly expiresAt?: Millis }
  /** It is for its queue once its time has come. */
  | { readonly stage: 'delayed'; readonly lane: Lane; readonly runAt: Millis; readonly expiresAt?: Millis }
  /** It waits for other tasks to end; for its queue it is nothing yet. */
  | { readonly stage: 'blocked'; readonly expiresAt?: Millis }
  /** Its host is about to run it; its queue gets it only when the host dies. */
  | { readonly stage: 'hosted'; readonly holder: string }
  /** `timeoutMs` is absent where no timeout can come: none was set, or it was found unenforceable. */
  | {
      readonly stage: 'running';
      readonly holder: string;
      readonly fence: Fence;
      readonly startedAt: Millis;
      readonly timeoutMs?: Millis;
    }
  | {
      readonly stage: 'aborting';
      readonly holder: string;
      readonly fence: Fence;
      readonly graceMs: Millis;
      readonly observed: boolean;
      readonly notStopping: boolean;
    }
  /** The body has ended; its cleanup handlers run. */
  | {
      readonly stage: 'finishing';
      readonly holder: string;
      readonly fence: Fence;
      readonly graceMs: Millis;
      readonly notStopping: boolean;
    }
  /** It has ended and a successor waits behind it. */
  | { readonly stage: 'ended' };

export const laneOf = ({ queue, priority, type }: TaskRecord): Lane => ({ queue, priority, type });

/** Undefined when there is nothing to see to: the task has ended, or nobody can tell whose it is. */
export const dutiesOf = (record: TaskRecord): Duties | undefined => {
  if (isTerminal(record.status)) return record.successor === undefined ? undefined : ENDED;
  if (record.status === 'pending') return pendingDuties(record);
  if (record.owner === undefined) return undefined;
  const { worker: holder, fence } = record.owner;
  const stopping = { holder, fence, graceMs: graceMsOf(record.policy), notStopping: record.notStopping === true };
  // Poked until it is over: nobody else tells the worker that it has it.
  if (record.cancelling) return { stage: 'aborting', ...stopping, observed: false };
  if (record.status === 'aborting') {
    return { stage: 'aborting', ...stopping, observed: record.abort?.observedAt !== undefined };
  }
  return record.finishing
    ? { stage: 'finishing', ...stopping }
    : { stage: 'running', holder, fence, startedAt: record.startedAt ?? record.owner.at, ...timeoutOf(record) };
};

/** The worker of an isolated task ends its thread when the grace is over; only where it does not is there something to say. */
const HARD_STOP_MS = 5_000;

const graceMsOf = (policy: Policy): Millis =>
  abortGraceMsOf(policy) + (policy.isolation === 'thread' ? HARD_STOP_MS : 0);

const ENDED: Duties = { stage: 'ended' };
const NO_END = {};

const pendingDuties = (record: TaskRecord): Duties => {
  if (record.host !== undefined) return { stage: 'hosted', holder: record.host };
  const lane: Lane = laneOf(record);
  const { runAt, expiresAt } = record;
  const ends = expiresAt !== undefined && mayExpire(record) ? { expiresAt } : NO_END;
  if (isBlocked(record)) return { stage: 'blocked', ...ends };
  return runAt === undefined ? { stage: 'waiting', lane, ...ends } : { stage: 'delayed', lane, runAt, ...ends };
};

const timeoutOf = (record: TaskRecord): { readonly timeoutMs?: Millis } => {
  const { timeoutMs } = record.policy;
  const none = timeoutMs === undefined || record.timeoutUnenforced === true;
  return none ? {} : { timeoutMs };
};

/** The worker, or the host of an inline call, whose death is the task's concern. */
export const holderOf = (duties: Duties): string | undefined => ('holder' in duties ? duties.holder : undefined);

/** True when both speak of the same run of the body. */
export const isSameRun = (a: Duties | undefined, b: Duties): boolean =>
  a !== undefined &&
  'fence' in a &&
  'fence' in b &&
  a.fence.epoch === b.fence.epoch &&
  a.fence.revision === b.fence.revision;
