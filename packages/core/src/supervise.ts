import type { SupervisorCommand } from './command.ts';
import { done, refuse, type Decision } from './decision.ts';
import { decideCanceller, UNCANCELLED } from './cancel-handle.ts';
import { decideFinished } from './finish.ts';
import { decideOrphan, UNCLEAN } from './orphan.ts';
import { isOwnedUnder, isTerminal, ownedRun, type TaskRecord } from './task.ts';

type Of<K extends SupervisorCommand['kind']> = Extract<SupervisorCommand, { kind: K }>;

/**
 * The timeout of one run. Who sends this has measured the time on his own monotonic clock; the decider only sees to it
 * that no other run, no ended one and no earlier abort is touched (behaviour T, L13).
 */
export const decideTimeOut = (record: TaskRecord | undefined, command: Of<'time-out'>): Decision => {
  const run = ownedRun(record, command.fence);
  if (run === undefined || run.policy.timeoutMs === undefined) return refuse('not_running');
  if (run.status === 'aborting' || run.finishing || run.cancelling) return done();
  const { at, by } = command;
  if (run.abortable || run.policy.isolation === 'thread') {
    return done({ kind: 'abort-requested', at, by, cause: 'timeout' });
  }
  return run.timeoutUnenforced ? done() : done({ kind: 'timeout-unenforced', at });
};

export const decideMarkNotStopping = (record: TaskRecord | undefined, command: Of<'mark-not-stopping'>): Decision => {
  const run = ownedRun(record, command.fence);
  if (run === undefined || (run.status !== 'aborting' && !run.finishing && !run.cancelling))
    return refuse('not_running');
  return run.notStopping ? done() : done({ kind: 'stopping-overdue', at: command.at });
};

/**
 * Takes a task from a dead worker: run it again, or end it (behaviour R3, L11). A task that was only meant for the dead
 * process and had not begun loses nothing: it is let go to whoever serves it, and nothing is counted.
 */
export const decideRescue = (record: TaskRecord | undefined, command: Of<'rescue'>): Decision => {
  if (record === undefined || record.id !== command.id || isTerminal(record.status)) return refuse('not_running');
  const { at, by, worker, fence } = command;
  if (record.status === 'pending')
    return record.host === worker ? done({ kind: 'host-lost', at }) : refuse('not_running');
  if (record.owner?.worker !== worker) return refuse('not_running');
  if (fence !== undefined && !isOwnedUnder(record, fence)) return refuse('not_running');
  const cancelled = decideCanceller(record, command);
  if (cancelled !== undefined) return cancelled;
  const why = `worker ${worker} died${record.cancelHandle === undefined ? '' : `; ${UNCANCELLED}`}`;
  if (record.status === 'aborting') {
    const unclean = record.cancelHandle === undefined ? `${why}; its handlers may not have finished` : why;
    return done({ kind: 'stopped', at, by, cause: record.abort?.cause ?? 'cancel', why: unclean });
  }
  const finished = record.finishing ? decideFinished(record, { at, by, why: `${why}; ${UNCLEAN}` }) : undefined;
  return finished ?? decideOrphan(record, { at, by, why, abnormal: false });
};

/** The projection has the outcome. Not while a successor waits: its start replaces the record. */
export const decideArchive = (record: TaskRecord | undefined, command: Of<'archive'>): Decision => {
  if (record === undefined || record.id !== command.id) return refuse('not_found');
  if (!isTerminal(record.status) || record.successor !== undefined) return refuse('not_running');
  return record.archived ? done() : done({ kind: 'archived', at: command.at });
};
