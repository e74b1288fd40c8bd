import {
  canSubmit,
  describeProgress,
  durationMs,
  etaMs,
  fractionOf,
  type Actor,
  type Progress,
  type TaskRecord,
} from '@baton/core';
import type { TaskRow } from '@baton/mongo';
import { isOwnType, readDataText, viewOfDataText, type TaskDocument } from '@baton/protocols';
import { cancelHints, maySignal, recordLike } from './cancel-hints.ts';
import { dependsOnJson, type Graph } from './dependencies.ts';
import { childrenJson, familyJson } from './family.ts';
import { gtfFields, subscribersJson } from './gtf-json.ts';

/** What a task looks like depends on who looks and when. */
export type Looking = {
  readonly actor: Actor;
  readonly now: number;
  /** `SHOW_STACKTRACE` (behaviour L5). */
  readonly showStack: boolean;
  /** A live worker takes this type from this queue (behaviour X5). */
  readonly isServed: (type: string, queue: string) => boolean;
};

/** A version of a task; with its record where that is at hand. */
export type Shown = { readonly row: TaskRow; readonly record?: TaskRecord };

/** Characters of a payload that a list still shows. */
const LIST_PAYLOAD_LIMIT = 4_096;

/** A task as a row of a list. */
export const rowJson = ({ row, record }: Shown, looking: Looking) => {
  const { actor, now } = looking;
  const isOmitted = row.payload !== null && row.payload.length > LIST_PAYLOAD_LIMIT;
  const progress = row.progress;
  const live = record ?? recordLike(row);
  return {
    id: row._id,
    uuid: row._id,
    revision: row.rev,
    task_type: row.task_type,
    task_key: row.task_key,
    task_name: row.task_name,
    scope: row.scope,
    status: row.status,
    terminal: row.terminal,
    created_by: row.created_by,
    user_id: row.created_by,
    ...gtfFields(row, now),
    subscribers: subscribersJson(row),
    subscriber_count: row.subscribers.length,
    queue: row.queue,
    priority: row.priority,
    // Rows of before there were groups have no such field.
    group: row.group ?? null,
    limit_key: row.limit_key ?? null,
    units: row.units ?? 1,
    tags: row.tags ?? {},
    execution_mode: row.execution_mode,
    created_at: iso(row.created_at),
    created_on: iso(row.created_at),
    changed_at: iso(row.changed_at),
    changed_on: iso(row.changed_at),
    run_at: isoOrNull(row.run_at),
    expires_at: isoOrNull(row.expires_at),
    ready_at: iso(row.ready_at),
    started_at: isoOrNull(row.started_at),
    ended_at: isoOrNull(row.ended_at),
    duration_seconds: secondsOrNull(durationMs(live, now)),
    queued_seconds: row.queued_seconds ?? Math.max(0, now - row.ready_at.getTime()) / 1_000,
    eta_seconds: etaOf(row, now),
    attempt: row.attempt,
    max_attempts: row.max_attempts,
    failures: row.failures,
    rescues: row.rescues,
    timeout_seconds: row.timeout_seconds,
    abort_grace_seconds: row.abort_grace_seconds,
    is_abortable: isAbortable(row, live),
    finishing: row.finishing,
    not_stopping: row.not_stopping,
    cancelling: row.cancelling ?? false,
    timeout_unenforced: row.timeout_unenforced,
    abort: abortJson(row, actor),
    progress,
    progress_text: progress === null ? null : describeProgress(progress),
    payload: isOmitted ? null : parsed(row.payload),
    payload_omitted: isOmitted,
    error_message: row.error_message,
    exception_type: row.exception_type,
    stack_trace: null as string | null,
    dedupe_count: row.dedupe_count,
    retried_from: row.retried_from,
    trace_id: row.trace_id ?? null,
    depends_on: dependsOnJson(row, actor),
    waiting_for: waitingJson(row),
    ...familyJson(row),
    may_signal: maySignal(live, actor),
    properties: propertiesOf(row, live),
    unserved: row.status === 'pending' && isReady(row, now) && !looking.isServed(row.task_type, row.queue),
    ...cancelHints(live, actor),
    // Tasks of Baton's own types are made by Baton alone.
    may_retry: row.terminal && !isOwnType(row.task_type) && canSubmit(row.scope, actor),
    worker: actor.admin ? row.worker : null,
    fence: actor.admin ? row.fence : null,
    address: actor.admin ? row.address : null,
  };
};

export type TaskRowJson = ReturnType<typeof rowJson>;

/** A task with everything, as its own page shows it. */
export const taskJson = (document: TaskDocument, looking: Looking, record?: TaskRecord) => {
  const base = rowJson({ row: document, ...(record === undefined ? {} : { record }) }, looking);
  const stack_trace = looking.showStack ? document.stack_trace : null;
  return {
    ...base,
    payload: parsed(document.payload),
    payload_omitted: false,
    stack_trace,
    properties: { ...base.properties, stack_trace },
    ...dataJson('args', document.args),
    ...dataJson('result', document.result),
    signals: signalsJson(document),
    steps: (document.steps ?? []).map(({ name, at }) => ({ name, at: iso(at) })),
    children: childrenJson(document),
    history: historyJson(document, looking.actor),
    history_dropped: document.history_dropped,
  };
};

export type TaskJson = ReturnType<typeof taskJson>;

/** The same with what waits for it, and how far those are that it waits for. */
export const taskWithGraphJson = (task: TaskJson, { statuses, requiredBy, parent }: Graph) => ({
  ...task,
  children: task.children.map((child) => ({ ...child, status: child.status ?? statuses.get(child.uuid) ?? null })),
  parent_task: parent === undefined ? null : { task_name: parent.task_name, status: parent.status },
  depends_on: task.depends_on.map((edge) => ({ ...edge, status: edge.status ?? statuses.get(edge.uuid) ?? null })),
  required_by: requiredBy.map(({ _id, task_name, status }) => ({ uuid: _id, task_name, status })),
});

/** Arguments or result: the value, or how large it is where it lies beside the record and is asked for by itself. */
const dataJson = <Name extends 'args' | 'result'>(name: Name, text: string | null) => {
  const size = sizeBeside(text);
  const made = { [name]: size === null ? parsed(text) : null, [`${name}_size`]: size };
  return made as Record<Name, unknown> & Record<`${Name}_size`, number | null>;
};

/** Encoded bytes; null for what is in the record. Data never begins like a reference: its own `$` are doubled. */
const sizeBeside = (text: string | null): number | null => {
  if (text === null || !text.startsWith('{"$object":')) return null;
  const reading = readDataText(text);
  return reading.kind === 'lost' || reading.data instanceof Uint8Array ? null : reading.data.size;
};

/** Rows of before there were signals have no such field. */
const waitingJson = (row: TaskRow) => {
  const waiting = row.waiting_for ?? null;
  if (waiting === null) return null;
  const children = waiting.signal === null ? [...waiting.children] : null;
  return { signal: waiting.signal, children, since: iso(waiting.since), until: isoOrNull(row.run_at) };
};

const signalsJson = ({ signals }: TaskDocument) =>
  (signals ?? []).map(({ name, at, sent_by, data, awaited, timed_out }) => ({
    ...{ name, at: iso(at), sent_by, data: parsed(data), awaited, timed_out },
  }));

export const historyJson = ({ history }: Pick<TaskDocument, 'history'>, { admin }: Actor) =>
  history.map(({ status, at, by, attempt, why }) => ({ status, at: iso(at), by: who(by, admin), attempt, why }));

/** Which machine it was is for admins. */
const who = (cause: string, admin: boolean): string =>
  admin || !/^(worker|supervisor):/.test(cause) ? cause : cause.slice(0, cause.indexOf(':'));

const abortJson = ({ abort }: TaskRow, { admin }: Actor) =>
  abort === null
    ? null
    : {
        cause: abort.cause,
        requested_by: who(abort.requested_by, admin),
        requested_at: iso(abort.requested_at),
        delivered_at: isoOrNull(abort.delivered_at),
        observed_at: isoOrNull(abort.observed_at),
        stopped_at: isoOrNull(abort.stopped_at),
        forced: abort.forced,
      };

/** The names the GTF interface has. */
const propertiesOf = (row: TaskRow, live: TaskRecord) => ({
  execution_mode: row.execution_mode,
  timeout: row.timeout_seconds,
  is_abortable: isAbortable(row, live),
  progress_percent: row.progress === null ? null : (fractionOf(row.progress) ?? null),
  progress_current: countOf(row.progress),
  progress_total: row.progress !== null && 'total' in row.progress ? row.progress.total : null,
  error_message: row.error_message,
  exception_type: row.exception_type,
  stack_trace: null as string | null,
  dedupe_count: row.dedupe_count,
});

const countOf = (progress: Progress | null): number | null => {
  if (progress === null || 'fraction' in progress) return null;
  return 'count' in progress ? progress.count : progress.current;
};

/** A body in a thread of its own can be ended whether it listens or not. */
const isAbortable = (row: TaskRow, live: TaskRecord): boolean =>
  row.is_abortable || (live.policy.isolation === 'thread' && row.status === 'in_progress');

const etaOf = ({ status, progress, started_at }: TaskRow, now: number): number | null => {
  if (status !== 'in_progress' || progress === null || started_at === null) return null;
  const eta = etaMs(progress, Math.max(0, now - started_at.getTime()));
  return eta === undefined ? null : eta / 1_000;
};

const isReady = ({ run_at, depends_on }: TaskRow, now: number): boolean =>
  (run_at === null || run_at.getTime() <= now) &&
  (depends_on === undefined || depends_on.every(({ ended_at }) => ended_at !== null));

const secondsOrNull = (ms: number | undefined): number | null => (ms === undefined ? null : ms / 1_000);

const iso = (date: Date): string => date.toISOString();
const isoOrNull = (date: Date | null): string | null => (date === null ? null : date.toISOString());

/** Text that only the projector writes; what is no JSON all the same is shown as what it is. */
const parsed = (text: string | null): unknown => {
  if (text === null) return null;
  try {
    return viewOfDataText(text);
  } catch {
    return { $unreadable: 'not JSON' };
  }
};
