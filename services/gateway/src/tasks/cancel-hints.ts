import { decide, isTerminal, type Actor, type TaskRecord } from '@baton/core';
import type { TaskRow } from '@baton/mongo';

/** What a cancel by this user would do now. */
export type CancelHints = {
  readonly may_cancel: boolean;
  readonly cancel_action: 'abort' | 'unsubscribe' | null;
  readonly cancel_reason: 'terminal' | 'finishing' | 'aborting' | 'not_abortable' | 'force_required' | null;
  readonly may_force: boolean;
};

/** Asked of the decider itself, so that what is shown and what happens cannot drift apart. */
export const cancelHints = (record: TaskRecord, actor: Actor): CancelHints => {
  const may_force = actor.admin && wouldStop(record, actor);
  const denied = (cancel_reason: NonNullable<CancelHints['cancel_reason']>): CancelHints => ({
    may_cancel: false,
    cancel_action: null,
    cancel_reason,
    may_force,
  });
  if (isTerminal(record.status)) return denied('terminal');
  if (record.finishing) return denied('finishing');
  if (record.status === 'aborting') return denied('aborting');
  const decision = decide(record, { kind: 'cancel', at: record.changedAt, actor, id: record.id, force: false });
  if (!decision.ok) return denied(decision.refusal.reason === 'force_required' ? 'force_required' : 'not_abortable');
  const cancel_action = decision.answer.kind === 'unsubscribed' ? 'unsubscribe' : 'abort';
  return { may_cancel: true, cancel_action, cancel_reason: null, may_force };
};

/** Whether a signal by this user would be taken now; how many it may have is found out when it is sent. */
export const maySignal = (record: TaskRecord, actor: Actor): boolean => {
  const { changedAt: at, id } = record;
  return decide(record, { kind: 'signal', at, actor, id, signal: '', name: '' }).ok;
};

/** A force that would change something: a repeat of an abort does not. */
const wouldStop = (record: TaskRecord, actor: Actor): boolean => {
  const decision = decide(record, { kind: 'cancel', at: record.changedAt, actor, id: record.id, force: true });
  return decision.ok && decision.events.length > 0;
};

/** As much of the record as the rules here look at, from the document. */
export const recordLike = (row: TaskRow): TaskRecord => {
  return {
    v: 1,
    id: row._id,
    type: row.task_type,
    key: row.task_key,
    name: row.task_name,
    scope: row.scope,
    ...(row.created_by === null ? {} : { creator: row.created_by }),
    queue: row.queue,
    priority: 'normal',
    mode: row.execution_mode,
    policy: row.policy,
    status: row.status,
    subscribers: row.subscribers.map(({ user, subscribed_at }) => ({ user, at: subscribed_at.getTime() })),
    createdAt: row.created_at.getTime(),
    changedAt: row.changed_at.getTime(),
    attempt: row.attempt,
    ...(row.run_at === null ? {} : { runAt: row.run_at.getTime() }),
    ...(row.started_at === null ? {} : { startedAt: row.started_at.getTime() }),
    ...(row.ended_at === null ? {} : { endedAt: row.ended_at.getTime() }),
    ...(row.is_abortable ? { abortable: true as const } : {}),
    ...(row.finishing ? { finishing: true as const } : {}),
    ...(row.not_stopping ? { notStopping: true as const } : {}),
    ...(row.cancelling ? { cancelling: true as const } : {}),
    ...(row.abort === null
      ? {}
      : { abort: { cause: row.abort.cause === 'timeout' ? 'timeout' : 'cancel', by: '', at: 0 } as const }),
    history: [],
  };
};
