import { canForce, canSee, isSubscriber, meaningOfCancel, type Owned } from './access.ts';
import type { ClientCommand } from './command.ts';
import { accept, byUser, refuse, type Decision } from './decision.ts';
import type { TaskEvent } from './event.ts';
import { decideFinished } from './finish.ts';
import { successorsOf } from './successors.ts';
import { isTerminal, type Status, type Successor, type TaskRecord } from './task.ts';

type Cancel = Extract<ClientCommand, { kind: 'cancel' }>;

/**
 * Cancel (behaviour A). Invisible and absent are one answer, given first, so that nothing can be learned by asking;
 * then what the actor may not do; then what the state does not allow.
 */
export const decideCancel = (record: TaskRecord | undefined, command: Cancel): Decision => {
  const { actor, id, force } = command;
  const successor = successorsOf(record).find((s) => s.spec.id === id);
  if (successor !== undefined) return cancelSuccessor(successor, command);
  if (record === undefined || record.id !== id || !canSee(record, actor)) return refuse('not_found');
  if (force && !canForce(actor)) return refuse('force_forbidden');
  if (isTerminal(record.status)) return refuse('too_late');
  if (hasLeft(record, command)) return refuse('not_found');
  if (!isMeant(record.status, command)) return refuse('other_status');
  // What waits is never too late, whatever else its record says: a damaged one is to be got rid of.
  if (record.finishing && record.status !== 'pending') return cancelFinishing(record, command);
  if (record.status === 'aborting') return cancelAgain(record, command);
  switch (meaningOfCancel(record, actor, force)) {
    case 'force_required':
      return refuse('force_required');
    case 'unsubscribe':
      return unsubscribe(command);
    case 'abort':
      return abort(record, command);
  }
};

const isMeant = (status: Status, { whenStatus }: Cancel): boolean =>
  whenStatus === undefined || whenStatus.includes(status);

const hasLeft = (task: Owned, { actor, whenSubscribed }: Cancel): boolean =>
  whenSubscribed === true && task.scope === 'shared' && !isSubscriber(task, actor);

const abort = (record: TaskRecord, command: Cancel): Decision => {
  const { at, actor } = command;
  const by = byUser(actor.user);
  if (record.status === 'pending') {
    return accept({ kind: 'aborted' }, { kind: 'stopped', at, by, cause: 'cancel', ...whyOf(command) });
  }
  if (record.abortable || record.policy.isolation === 'thread' || record.cancelling) {
    return accept({ kind: 'aborted' }, { kind: 'abort-requested', at, by, cause: 'cancel', ...whyOf(command) });
  }
  // The last subscriber of a task that cannot be stopped may leave it; he is not held (A7).
  const mayLeave = record.scope === 'shared' && !command.force && isSubscriber(record, actor);
  return mayLeave ? unsubscribe(command) : refuse('not_abortable');
};

/** Too late, except that an admin's force ends the waiting for cleanup handlers that do not end (L3). */
const cancelFinishing = (record: TaskRecord, command: Cancel): Decision => {
  const { at, actor, force } = command;
  if (!force || !record.notStopping) return refuse('too_late');
  const by = byUser(actor.user);
  const why = forced(command, 'the cleanup handlers did not end');
  const ended = decideFinished(record, { at, by, why });
  if (ended?.ok) return accept({ kind: 'aborted' }, ...ended.events.map(asEnd));
  return accept({ kind: 'aborted' }, { kind: 'failed', at, by, why, error: { message: why, type: 'CleanupError' } });
};

/** Whoever forces an end wants one: what the body threw is final. */
const asEnd = (event: TaskEvent): TaskEvent =>
  event.kind === 'retry-scheduled'
    ? { kind: 'failed', at: event.at, by: event.by, error: event.error, bodyFailed: true, ...whyOf(event) }
    : event;

/** What it is a part of stands first, so that it can be told by it. */
const forced = ({ why }: Cancel, text: string): string =>
  why === undefined ? `forced: ${text}` : `${why}; forced: ${text}`;

const whyOf = ({ why }: { readonly why?: string }) => (why === undefined ? {} : { why });

/** Idempotent, except that an admin's force ends what does not stop (A4, T6). */
const cancelAgain = (record: TaskRecord, command: Cancel): Decision => {
  const { at, actor, force } = command;
  if (!force || !record.notStopping || record.abort === undefined) return accept({ kind: 'aborted' });
  return accept(
    { kind: 'aborted' },
    {
      kind: 'stopped',
      at,
      by: byUser(actor.user),
      cause: 'cancel',
      forced: true,
      why: forced(command, 'the body did not stop'),
    },
  );
};

const unsubscribe = (command: Cancel): Decision => leave(command, 'unsubscribed');

const leave = (command: Cancel, kind: 'unsubscribed' | 'successor-unsubscribed'): Decision => {
  const { at, actor } = command;
  const events: TaskEvent[] = actor.user === undefined ? [] : [{ kind, at, user: actor.user }];
  return accept({ kind: 'unsubscribed' }, ...events);
};

const cancelSuccessor = (successor: Successor, command: Cancel): Decision => {
  const { actor, force, at } = command;
  const task: Owned = { ...successor.spec, subscribers: successor.subscribers };
  if (!canSee(task, actor)) return refuse('not_found');
  if (force && !canForce(actor)) return refuse('force_forbidden');
  if (successor.cancelled !== undefined) return refuse('too_late');
  if (hasLeft(task, command)) return refuse('not_found');
  if (!isMeant('pending', command)) return refuse('other_status');
  switch (meaningOfCancel(task, actor, force)) {
    case 'force_required':
      return refuse('force_required');
    case 'unsubscribe':
      return leave(command, 'successor-unsubscribed');
    case 'abort':
      return accept(
        { kind: 'aborted' },
        { kind: 'successor-cancelled', at, by: byUser(actor.user), ...whyOf(command) },
      );
  }
};
