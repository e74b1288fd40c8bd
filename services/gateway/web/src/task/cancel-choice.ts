import { isTerminal, type CancelReason, type Task } from './task.ts';

/** What the cancel button of a task means for this viewer. The server has decided; this chooses the right words. */
export type CancelChoice =
  /** Nothing to cancel: no button. */
  | { readonly kind: 'none' }
  /** A button that says why it does nothing. */
  | { readonly kind: 'blocked'; readonly reason: string }
  | { readonly kind: 'abort' | 'unsubscribe'; readonly sentence: string; readonly force: Force };

/** Whether an admin may, or must, abort for everyone. */
export type Force = { readonly kind: 'no' } | { readonly kind: 'may' | 'must'; readonly sentence: string };

const NO_FORCE: Force = { kind: 'no' };

const REASONS: Readonly<Record<CancelReason, string>> = {
  terminal: 'The task has ended',
  finishing: 'The task is finishing: it is too late to cancel it',
  not_abortable: 'Cancellation not available due to missing abort handler',
  force_required: 'You are not subscribed to this task',
};

const BY_FORCE =
  'The handler has been told to stop and does not. This ends the task by force: its key is free at once, and whatever the handler still does no longer counts.';

const UNCLEAN =
  'The handler has returned, and a cleanup handler does not end. This ends the task by force with what its handler came to, and does not wait for the cleanup.';

export const cancelChoice = (task: Task): CancelChoice => {
  if (isTerminal(task.status)) return { kind: 'none' };
  if (task.status === 'aborting') return whileAborting(task);
  if (task.finishing && task.notStopping) return whileFinishing(task);
  const { mayCancel, cancelAction, cancelReason, mayForce, subscriberCount: count } = task;
  if (mayCancel && cancelAction === 'unsubscribe') {
    const force: Force = mayForce && count > 1 ? { kind: 'may', sentence: forAll(count) } : NO_FORCE;
    return { kind: 'unsubscribe', sentence: leaveSentence(count - 1), force };
  }
  if (mayCancel) return { kind: 'abort', sentence: 'This will cancel the task.', force: NO_FORCE };
  if (cancelReason === 'force_required' && mayForce) {
    return { kind: 'abort', sentence: forAll(count), force: { kind: 'must', sentence: forAll(count) } };
  }
  return { kind: 'blocked', reason: REASONS[cancelReason ?? 'terminal'] };
};

/** A second cancel changes nothing, unless the body ignores the first one (behaviour T6). */
const whileAborting = ({ notStopping, mayForce }: Task): CancelChoice => {
  if (!notStopping) return { kind: 'blocked', reason: 'The task is being cancelled already' };
  if (!mayForce) return { kind: 'blocked', reason: 'The handler does not stop. An admin can end the task by force' };
  return { kind: 'abort', sentence: BY_FORCE, force: { kind: 'must', sentence: BY_FORCE } };
};

/** Too late for a cancel; what an admin can still end is the waiting for cleanup handlers that do not end (behaviour L3). */
const whileFinishing = ({ mayForce }: Task): CancelChoice => {
  if (!mayForce)
    return { kind: 'blocked', reason: 'A cleanup handler does not end. An admin can end the task by force' };
  return { kind: 'abort', sentence: UNCLEAN, force: { kind: 'must', sentence: UNCLEAN } };
};

const leaveSentence = (others: number): string => {
  const removed = "You'll be removed from this task.";
  if (others < 1) return `${removed} It cannot be stopped and will continue running without subscribers.`;
  return `${removed} It will continue running for ${others} other ${plural(others)}.`;
};

const forAll = (count: number): string => `This will abort (stop) the task for all ${count} ${plural(count)}.`;

const plural = (count: number): string => (count === 1 ? 'subscriber' : 'subscribers');
