import { decideCancel } from './cancel.ts';
import { decideEndCancelling, decideSetCancelHandle } from './cancel-handle.ts';
import { decideAwaitChildren, decideNoteChildren } from './children.ts';
import type { Command } from './command.ts';
import type { Decision } from './decision.ts';
import { decideAwaitEnd, decideNoteEnds } from './dependency.ts';
import { evolve } from './evolve.ts';
import { decideDisplace } from './displace.ts';
import { decideExpire } from './expiry.ts';
import { decideFinish, decideMarkFinishing } from './finish.ts';
import { decideChangePriority } from './priority.ts';
import { decidePromote, decideRelease } from './promote.ts';
import { decideClaim, decideGiveBack, decideMakeAbortable, decideObserveAbort, decideProgress } from './run.ts';
import { decideRetry } from './retry-ended.ts';
import { decideSignal, decideSuspend } from './signal.ts';
import { decideKeepStep } from './step.ts';
import { traced } from './run-trace.ts';
import { decideAdopt, decideParentEnded, decideSpawn } from './spawn.ts';
import { decideSubmit } from './submit.ts';
import { decideArchive, decideMarkNotStopping, decideRescue, decideTimeOut } from './supervise.ts';
import type { TaskRecord } from './task.ts';

/**
 * The only place where it is decided what happens to a task. Pure and total: time, ids and chance come in the command,
 * a refusal is a value, and there is no `default`, so that a forgotten command does not compile.
 */
export const decide = (record: TaskRecord | undefined, command: Command): Decision => {
  switch (command.kind) {
    case 'submit':
      return decideSubmit(record, command);
    case 'retry':
      return decideRetry(record, command);
    case 'cancel':
      return decideCancel(record, command);
    case 'change-priority':
      return decideChangePriority(record, command);
    case 'signal':
      return decideSignal(record, command);
    case 'suspend':
      return traced(decideSuspend(record, command), command);
    case 'keep-step':
      return decideKeepStep(record, command);
    case 'set-cancel-handle':
      return decideSetCancelHandle(record, command);
    case 'end-cancelling':
      return decideEndCancelling(record, command);
    case 'spawn':
      return decideSpawn(record, command);
    case 'adopt':
      return decideAdopt(record, command);
    case 'await-children':
      return decideAwaitChildren(record, command);
    case 'note-children':
      return decideNoteChildren(record, command);
    case 'parent-ended':
      return decideParentEnded(record, command);
    case 'claim':
      return decideClaim(record, command);
    case 'make-abortable':
      return decideMakeAbortable(record, command);
    case 'progress':
      return decideProgress(record, command);
    case 'mark-finishing':
      return decideMarkFinishing(record, command);
    case 'observe-abort':
      return decideObserveAbort(record, command);
    case 'finish':
      return traced(decideFinish(record, command), command);
    case 'give-back':
      return traced(decideGiveBack(record, command), command);
    case 'time-out':
      return decideTimeOut(record, command);
    case 'mark-not-stopping':
      return decideMarkNotStopping(record, command);
    case 'rescue':
      return decideRescue(record, command);
    case 'promote':
      return decidePromote(record, command);
    case 'expire':
      return decideExpire(record, command);
    case 'displace':
      return decideDisplace(record, command);
    case 'release-successors':
      return decideRelease(record, command);
    case 'note-ends':
      return decideNoteEnds(record, command);
    case 'await-end':
      return decideAwaitEnd(record, command);
    case 'archive':
      return decideArchive(record, command);
  }
};

/** The record after all events of one decision, or undefined where there was none and nothing happened. */
export const fold = (
  record: TaskRecord | undefined,
  decision: Extract<Decision, { ok: true }>,
): TaskRecord | undefined =>
  decision.events.reduce<TaskRecord | undefined>((state, event) => evolve(state, event), record);
