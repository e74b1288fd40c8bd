import type { WorkerCommand } from './command.ts';
import { isOwnedUnder, isTerminal, ownedRun, ownerOf } from './task.ts';
import type { BodyOutcome, Fence, Millis, TaskRecord } from './task.ts';

/**
 * Runs of workers that write no records themselves: they report what they run, and a supervisor says what is to be told
 * to the record for them, and to them. A report counts for runs of the worker that makes it and for no other, so that a
 * wrong worker harms only what it has claimed (behaviour O2).
 */

/** Commands about a run that is owned: all but the claim. */
type OwnerCommand = Exclude<WorkerCommand, { kind: 'claim' }>;

/** What a worker is to know of a run it reports: to go on, to stop it, or that it is not his any more. */
export type RunVerdict = 'running' | 'abort' | 'lost';

/** What a worker reports of one of its runs. What is false is not said, and takes nothing back. */
export type RunReport = {
  /** It can be told to stop. */
  readonly abortable: boolean;
  /** Its abort handlers were called. */
  readonly observed: boolean;
  /** Its body has ended, its cleanup handlers run; with what the body came to, where that is known. */
  readonly finishing?: { readonly body?: BodyOutcome };
};

/** The record, when the worker runs that task under that fence. */
export const runOf = (record: TaskRecord | undefined, worker: string, fence: Fence): TaskRecord | undefined => {
  const run = ownedRun(record, fence);
  return run?.owner?.worker === worker ? run : undefined;
};

export const verdictOn = (record: TaskRecord | undefined, worker: string, fence: Fence): RunVerdict => {
  const run = runOf(record, worker, fence);
  if (run === undefined) return 'lost';
  return run.status === 'aborting' ? 'abort' : 'running';
};

/** Whether the end of that run stands there, and the worker has told it itself: who tells it again is told so. */
export const hasEndedBy = (record: TaskRecord | undefined, worker: string, fence: Fence): boolean =>
  record !== undefined &&
  isTerminal(record.status) &&
  isOwnedUnder(record, fence) &&
  record.owner?.worker === worker &&
  record.history.at(-1)?.by === ownerOf(record);

/** `deliveredAt`: when the worker was told of the abort; undefined: it was not. */
export type Reporting = { readonly at: Millis; readonly fence: Fence; readonly deliveredAt: Millis | undefined };

/** What is to be told to the record of a run for it to say what the worker reports. */
export const commandsOf = (run: TaskRecord, report: RunReport, reporting: Reporting): readonly OwnerCommand[] => {
  const { at, fence, deliveredAt = at } = reporting;
  const commands: OwnerCommand[] = [];
  const isRunning = run.status === 'in_progress' && run.finishing !== true;
  if (report.abortable && run.status === 'in_progress' && run.abortable !== true)
    commands.push({ kind: 'make-abortable', at, fence });
  if (report.observed && run.status === 'aborting' && run.abort?.observedAt === undefined)
    commands.push({ kind: 'observe-abort', at, fence, deliveredAt, observedAt: at });
  if (report.finishing !== undefined && isRunning) {
    const { body } = report.finishing;
    commands.push({ kind: 'mark-finishing', at, fence, ...(body === undefined ? {} : { body }) });
  }
  return commands;
};

/**
 * The end of a run its worker does not know of: it lives and lists what it runs, and this is not among it, as when the
 * answer to its claim was lost. Nothing of it has begun, so nothing is counted.
 */
export const endOfForgotten = (run: TaskRecord, { at, fence }: Omit<Reporting, 'deliveredAt'>): OwnerCommand =>
  run.status === 'aborting'
    ? { kind: 'finish', at, fence, body: { kind: 'returned' }, handlerErrors: [], abortHandled: true, random: 0 }
    : { kind: 'give-back', at, fence, why: 'its worker does not run it' };
