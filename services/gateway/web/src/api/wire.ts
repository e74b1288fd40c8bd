import type { Progress } from '../time/progress.ts';
import { plainText } from '../ui/plain-text.ts';
import type { Abort, CancelReason, Scope, Status, Task, TaskDetail, Transition } from '../task/task.ts';

/** A task as the gateway sends it (see `API.md`); what does not apply is null. Only what the page reads is named. */
export type WireTask = {
  readonly uuid: string;
  readonly revision: number;
  readonly task_type: string;
  readonly task_key: string;
  readonly task_name: string;
  readonly scope: Scope;
  readonly status: Status;
  readonly created_by: string | null;
  readonly subscribers: readonly { readonly user_id: string }[];
  readonly subscriber_count: number;
  readonly queue: string;
  readonly priority: string;
  readonly created_at: string;
  readonly run_at: string | null;
  readonly expires_at: string | null;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly timeout_seconds: number | null;
  readonly finishing: boolean;
  readonly not_stopping: boolean;
  readonly timeout_unenforced: boolean;
  readonly unserved: boolean;
  readonly progress: Progress | null;
  readonly payload: unknown;
  readonly payload_omitted?: boolean;
  readonly error_message: string | null;
  readonly exception_type: string | null;
  readonly stack_trace: string | null;
  readonly dedupe_count: number;
  readonly may_cancel: boolean;
  readonly cancel_action: 'abort' | 'unsubscribe' | null;
  readonly cancel_reason: CancelReason | null;
  readonly may_force: boolean;
  readonly may_retry: boolean;
};

/** What a list has of a task too, and only a task's own page shows. */
export type WireRow = WireTask & {
  readonly execution_mode: string;
  readonly failures: number;
  readonly rescues: number;
  readonly retried_from: string | null;
  readonly abort: WireAbort | null;
  readonly worker: string | null;
};

export type WireDetail = WireRow & {
  readonly args: unknown;
  readonly args_size: number | null;
  readonly result: unknown;
  readonly result_size: number | null;
  readonly history: readonly WireTransition[];
  readonly history_dropped: number;
};

type WireAbort = {
  readonly cause: string;
  readonly requested_by: string;
  readonly requested_at: string;
  readonly delivered_at: string | null;
  readonly observed_at: string | null;
  readonly stopped_at: string | null;
  readonly forced: boolean;
};

type WireTransition = {
  readonly status: Status;
  readonly at: string;
  readonly by: string;
  readonly attempt: number;
  readonly why: string | null;
};

export const taskOf = (wire: WireTask): Task => ({
  uuid: wire.uuid,
  revision: wire.revision,
  type: wire.task_type,
  key: plainText(wire.task_key),
  name: plainText(wire.task_name),
  scope: wire.scope,
  status: wire.status,
  createdBy: plainOr(wire.created_by),
  subscribers: wire.subscribers.map((subscriber) => plainText(subscriber.user_id)),
  subscriberCount: wire.subscriber_count,
  queue: wire.queue,
  priority: wire.priority,
  createdAt: Date.parse(wire.created_at),
  runAt: millis(wire.run_at),
  expiresAt: millis(wire.expires_at),
  startedAt: millis(wire.started_at),
  endedAt: millis(wire.ended_at),
  attempt: wire.attempt,
  maxAttempts: wire.max_attempts,
  timeoutSeconds: wire.timeout_seconds ?? undefined,
  finishing: wire.finishing,
  notStopping: wire.not_stopping,
  timeoutUnenforced: wire.timeout_unenforced,
  unserved: wire.unserved,
  progress: wire.progress ?? undefined,
  payload: wire.payload ?? undefined,
  payloadOmitted: wire.payload_omitted ?? false,
  errorMessage: plainOr(wire.error_message),
  exceptionType: plainOr(wire.exception_type),
  stackTrace: plainOr(wire.stack_trace),
  dedupeCount: wire.dedupe_count,
  mayCancel: wire.may_cancel,
  cancelAction: wire.cancel_action ?? undefined,
  cancelReason: wire.cancel_reason ?? undefined,
  mayForce: wire.may_force,
  mayRetry: wire.may_retry,
});

export const detailOf = (wire: WireDetail): TaskDetail => ({
  ...taskOf(wire),
  ...moreOf(wire),
  args: wire.args ?? undefined,
  argsSize: wire.args_size ?? undefined,
  result: wire.result ?? undefined,
  resultSize: wire.result_size ?? undefined,
  history: wire.history.map(transitionOf),
  historyDropped: wire.history_dropped,
});

const moreOf = (wire: WireRow) => ({
  abort: wire.abort === null ? undefined : abortOf(wire.abort),
  worker: wire.worker ?? undefined,
  mode: wire.execution_mode,
  rescues: wire.rescues,
  failures: wire.failures,
  retriedFrom: wire.retried_from ?? undefined,
});

/** A version that was read whole, with what a newer row of the list says. */
export const withRow = (detail: TaskDetail, wire: WireRow): TaskDetail => {
  const row = taskOf(wire);
  return {
    ...detail,
    ...row,
    ...moreOf(wire),
    payload: row.payloadOmitted ? detail.payload : row.payload,
    payloadOmitted: false,
    stackTrace: detail.stackTrace,
  };
};

const abortOf = (wire: WireAbort): Abort => ({
  cause: wire.cause,
  requestedBy: wire.requested_by,
  requestedAt: Date.parse(wire.requested_at),
  deliveredAt: millis(wire.delivered_at),
  observedAt: millis(wire.observed_at),
  stoppedAt: millis(wire.stopped_at),
  forced: wire.forced,
});

const transitionOf = ({ status, at, by, attempt, why }: WireTransition): Transition => ({
  status,
  at: Date.parse(at),
  by,
  attempt,
  why: why ?? undefined,
});

const plainOr = (text: string | null): string | undefined => (text === null ? undefined : plainText(text));

const millis = (iso: string | null): number | undefined => (iso === null ? undefined : Date.parse(iso));
