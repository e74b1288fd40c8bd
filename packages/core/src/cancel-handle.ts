import type { SupervisorCommand, WorkerCommand } from './command.ts';
import { done, refuse, type Decision } from './decision.ts';
import { CANCELLER_TRIES } from './defaults.ts';
import { decideFinished } from './finish.ts';
import { decideOrphan } from './orphan.ts';
import { isTerminal, ownedRun, ownerOf, type TaskRecord } from './task.ts';

type SetHandle = Extract<WorkerCommand, { kind: 'set-cancel-handle' }>;
type EndCancelling = Extract<WorkerCommand, { kind: 'end-cancelling' }>;
type Rescue = Extract<SupervisorCommand, { kind: 'rescue' }>;

/**
 * Cancel handles (behaviour G7): what a run has begun outside of its process, a query or a machine, goes on when the
 * process dies. Its handle stands in the record, and a worker that lives is made the owner of the dead run, to give it to
 * the canceller of the type. Only when that has ended is the task ended, or run again.
 */
export const decideSetCancelHandle = (record: TaskRecord | undefined, command: SetHandle): Decision => {
  const { at, fence, data } = command;
  const run = ownedRun(record, fence);
  if (run === undefined || run.cancelling) return refuse('fenced');
  if (data === undefined) return run.cancelHandle === undefined ? done() : done({ kind: 'cancel-handle-set', at });
  return run.finishing ? refuse('too_late') : done({ kind: 'cancel-handle-set', at, data });
};

/** A run whose worker is dead is given to another one that cancels what it has begun; undefined: there is nothing to. */
export const decideCanceller = (run: TaskRecord, { at, canceller }: Rescue): Decision | undefined => {
  const { cancelHandle } = run;
  if (cancelHandle === undefined || canceller === 'none' || (cancelHandle.tries ?? 0) >= CANCELLER_TRIES)
    return undefined;
  if (canceller === undefined) return refuse('no_canceller');
  return done({ kind: 'canceller-begun', at, owner: { ...canceller, at } });
};

/** Said of a run that nobody cancelled, though there was something to. */
export const UNCANCELLED = 'what it had begun elsewhere was not cancelled';

/** The end that the death of the worker would have been. A canceller that failed is told of, and holds up nothing. */
export const decideEndCancelling = (record: TaskRecord | undefined, command: EndCancelling): Decision => {
  const { at, fence, error } = command;
  const run = ownedRun(record, fence);
  if (run === undefined || !run.cancelling) return refuse('fenced');
  const by = ownerOf(run);
  const what = error === undefined ? 'its canceller has run' : `${UNCANCELLED}: ${error.type}: ${error.message}`;
  const why = `its worker died; ${what}`;
  if (run.status === 'aborting') return done({ kind: 'stopped', at, by, cause: run.abort?.cause ?? 'cancel', why });
  const finished = run.finishing ? decideFinished(run, { at, by, why }) : undefined;
  return finished ?? decideOrphan(run, { at, by, why, abnormal: false });
};

/** A run that has begun something elsewhere: should its worker die, a canceller comes before all else. */
export const awaitsCanceller = ({ status, cancelHandle, cancelling }: TaskRecord): boolean =>
  !isTerminal(status) && cancelHandle !== undefined && !cancelling;
