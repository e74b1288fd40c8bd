import type { Progress } from '../time/progress.ts';
import { plainText } from '../ui/plain-text.ts';
import { tagsOf } from '../task/tags.ts';
import type {
  Abort,
  CancelReason,
  Child,
  Dependency,
  Scope,
  Status,
  Task,
  TaskDetail,
  Transition,
} from '../task/task.ts';

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
  readonly tags: Readonly<Record<string, string | number | boolean>>;
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
  readonly cancelling: boolean;
  readonly timeout_unenforced: boolean;
  readonly unserved: boolean;
  readonly progress: Progress | null;
  readonly payload: unknown;
  readonly payload_omitted?: boolean;
  readonly error_message: string | null;
  readonly exception_type: string | null;
  readonly stack_trace: string | null;
  readonly dedupe_count: number;
  readonly depends_on: readonly WireDependency[];
  readonly may_cancel: boolean;
  readonly cancel_action: 'abort' | 'unsubscribe' | null;
  readonly cancel_reason: CancelReason | null;
  readonly may_force: boolean;
  readonly may_retry: boolean;
  readonly waiting_for: {
    readonly signal: string | null;
    readonly children: readonly string[] | null;
    readonly since: string;
    readonly until: string | null;
  } | null;
  readonly parent: { readonly uuid: string; readonly leave: boolean } | null;
  readonly children_count: { readonly total: number; readonly done: number; readonly failed: number } | null;
  readonly may_signal: boolean;
};

type WireDependency = {
  readonly uuid: string;
  readonly task_name: string | null;
  readonly on_failure: 'fail' | 'continue' | 'ignore';
  readonly status: string | null;
  readonly ended_at: string | null;
};

/** What a list has of a task too, and only a task's own page shows. */
export type WireRow = WireTask & {
  readonly execution_mode: string;
  readonly failures: number;
  readonly rescues: number;
  readonly retried_from: string | null;
  readonly trace_id: string | null;
  readonly abort: WireAbort | null;
  readonly worker: string | null;
};

export type WireDetail = WireRow & {
  readonly args: unknown;
  readonly args_size: number | null;
  readonly result: unknown;
  readonly result_size: number | null;
  readonly signals: readonly WireSignal[];
  readonly steps: readonly { readonly name: string; readonly at: string }[];
  readonly history: readonly WireTransition[];
  readonly history_dropped: number;
  readonly required_by: readonly { readonly uuid: string; readonly task_name: string; readonly status: Status }[];
  readonly children: readonly WireChild[];
  readonly parent_task: { readonly task_name: string; readonly status: Status } | null;
};

type WireChild = {
  readonly uuid: string;
  readonly task_name: string;
  readonly leave: boolean;
  readonly share: number | null;
  readonly status: string | null;
  readonly ended_at: string | null;
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

type WireSignal = {
  readonly name: string;
  readonly at: string;
  readonly sent_by: string | null;
  readonly data: unknown;
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
  tags: tagsOf(wire.tags),
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
  cancelling: wire.cancelling,
  timeoutUnenforced: wire.timeout_unenforced,
  unserved: wire.unserved,
  progress: wire.progress ?? undefined,
  payload: wire.payload ?? undefined,
  payloadOmitted: wire.payload_omitted ?? false,
  errorMessage: plainOr(wire.error_message),
  exceptionType: plainOr(wire.exception_type),
  stackTrace: plainOr(wire.stack_trace),
  dedupeCount: wire.dedupe_count,
  dependsOn: wire.depends_on.map(dependencyOf),
  mayCancel: wire.may_cancel,
  cancelAction: wire.cancel_action ?? undefined,
  cancelReason: wire.cancel_reason ?? undefined,
  mayForce: wire.may_force,
  mayRetry: wire.may_retry,
  waitingFor: wire.waiting_for === null ? undefined : waitingOf(wire.waiting_for),
  parent: wire.parent ?? undefined,
  childrenCount: wire.children_count ?? undefined,
  maySignal: wire.may_signal,
});

export const detailOf = (wire: WireDetail): TaskDetail => ({
  ...taskOf(wire),
  ...moreOf(wire),
  args: wire.args ?? undefined,
  argsSize: wire.args_size ?? undefined,
  result: wire.result ?? undefined,
  resultSize: wire.result_size ?? undefined,
  signals: wire.signals.map(({ name, at, sent_by, data }) => ({
    ...{ name, at: Date.parse(at), data: data ?? undefined, sentBy: plainOr(sent_by) },
  })),
  steps: wire.steps.map(({ name, at }) => ({ name: plainText(name), at: Date.parse(at) })),
  history: wire.history.map(transitionOf),
  historyDropped: wire.history_dropped,
  children: wire.children.map(childOf),
  parentTask:
    wire.parent_task === null
      ? undefined
      : { name: plainText(wire.parent_task.task_name), status: wire.parent_task.status },
  requiredBy: wire.required_by.map(({ uuid, task_name, status }) => ({ uuid, name: plainText(task_name), status })),
});

const waitingOf = ({ signal, children, until }: NonNullable<WireTask['waiting_for']>) => ({
  ...{ signal: signal ?? undefined, children: children?.length ?? 0, until: millis(until) },
});

const childOf = ({ uuid, task_name, leave, share, status, ended_at }: WireChild): Child => ({
  ...{ uuid, name: plainText(task_name), leave, status: status ?? undefined },
  share: ended_at === null ? (share ?? undefined) : undefined,
});

const dependencyOf = ({ uuid, task_name, on_failure, status, ended_at }: WireDependency): Dependency => ({
  uuid,
  name: plainOr(task_name),
  onFailure: on_failure,
  status: status ?? undefined,
  hasEnded: ended_at !== null,
});

const moreOf = (wire: WireRow) => ({
  abort: wire.abort === null ? undefined : abortOf(wire.abort),
  worker: wire.worker ?? undefined,
  mode: wire.execution_mode,
  rescues: wire.rescues,
  failures: wire.failures,
  retriedFrom: wire.retried_from ?? undefined,
  traceId: wire.trace_id ?? undefined,
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
