import type { WorkerCommand } from './command.ts';
import { done, refuse, type Decision } from './decision.ts';
import { isBlocked } from './dependency.ts';
import { isExpired } from './expiry.ts';
import { decideFinished } from './finish.ts';
import { decideOrphan, UNCLEAN } from './orphan.ts';
import { ownedRun, ownerOf, type Fence, type TaskRecord } from './task.ts';

type Of<K extends WorkerCommand['kind']> = Extract<WorkerCommand, { kind: K }>;

/**
 * Takes a pending task for a worker. A stale or doubled offer is harmless: whoever comes second finds the task taken.
 * A delayed task is taken only by the offer that was made for its present revision, since clocks do not decide.
 */
export const decideClaim = (record: TaskRecord | undefined, command: Of<'claim'>): Decision => {
  if (record === undefined || record.id !== command.id) return refuse('not_found');
  const fence: Fence = { epoch: command.epoch, revision: command.revision };
  if (ownedRun(record, fence)?.owner?.worker === command.worker) return done();
  if (record.status !== 'pending') return refuse('not_pending');
  if (record.host !== undefined && record.host !== command.worker) return refuse('not_pending');
  if (isBlocked(record)) return refuse('not_pending');
  // By now it is for whoever ends it.
  if (record.host === undefined && record.attempt === 0 && isExpired(record, command.at)) return refuse('not_pending');
  const isExact = record.runAt !== undefined || command.exact === true;
  if (isExact && command.offered !== command.revision) return refuse('not_due');
  const claimed = {
    kind: 'claimed',
    at: command.at,
    owner: { worker: command.worker, fence, at: command.at },
    attempt: (record.failures ?? 0) + (record.rescues ?? 0) + 1,
  } as const;
  return done(command.trace === undefined ? claimed : { ...claimed, trace: command.trace });
};

export const decideMakeAbortable = (record: TaskRecord | undefined, command: Of<'make-abortable'>): Decision => {
  const run = ownedRun(record, command.fence);
  if (run === undefined) return refuse('fenced');
  return run.abortable ? done() : done({ kind: 'made-abortable', at: command.at });
};

export const decideProgress = (record: TaskRecord | undefined, command: Of<'progress'>): Decision => {
  const run = ownedRun(record, command.fence);
  if (run === undefined) return refuse('fenced');
  const { at, progress, payload, tags, trace } = command;
  const told = trace === undefined || trace === run.runTrace ? [] : [{ kind: 'run-traced', at, trace } as const];
  if (progress === undefined && payload === undefined && tags === undefined) return done(...told);
  return done(...told, {
    kind: 'progressed',
    at,
    ...(progress === undefined ? {} : { progress }),
    ...(payload === undefined ? {} : { payload }),
    ...(tags === undefined ? {} : { tags }),
  });
};

export const decideObserveAbort = (record: TaskRecord | undefined, command: Of<'observe-abort'>): Decision => {
  const run = ownedRun(record, command.fence);
  if (run === undefined) return refuse('fenced');
  if (run.status !== 'aborting') return refuse('not_running');
  if (run.abort?.observedAt !== undefined) return done();
  const { at, deliveredAt, observedAt } = command;
  return done({ kind: 'abort-observed', at, deliveredAt, observedAt });
};

/**
 * Back to the queue: on drain with nothing counted (behaviour L12), where the worker ends abnormally as a rescue (R10). A
 * task that is being aborted is not given back; one whose body has ended is ended as that.
 */
export const decideGiveBack = (record: TaskRecord | undefined, command: Of<'give-back'>): Decision => {
  const run = ownedRun(record, command.fence);
  if (run === undefined) return refuse('fenced');
  if (run.status === 'aborting') return refuse('aborting');
  const { at, why, abnormal = false, isRunning = false } = command;
  // What it has begun elsewhere is to be cancelled, and by whoever takes it from this worker when that has gone.
  if (run.cancelling || (run.cancelHandle !== undefined && (isRunning || abnormal))) return refuse('too_late');
  const by = ownerOf(run);
  if (run.finishing) return decideFinished(run, { at, by, why: `${why}; ${UNCLEAN}` }) ?? refuse('too_late');
  if (!abnormal) return done({ kind: 'given-back', at, by, why });
  return decideOrphan(run, { at, by, why: `worker ${run.owner?.worker} ended abnormally: ${why}`, abnormal });
};
