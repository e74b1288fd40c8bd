import {
  abortGraceMsOf,
  isTerminal,
  maxAttemptsOf,
  readyAtOf,
  shownProgress,
  tagTermsOf,
  waitedMs,
  type Abort,
  type Backoff,
  type Child,
  type Data,
  type Dependency,
  type Fence,
  type Parent,
  type Policy,
  type Priority,
  type Progress,
  type Scope,
  type SignalEntry,
  type Status,
  type Tags,
  type TaskRecord,
  type Waiting,
} from '@baton/core';
import type { Address } from './address.ts';
import { textOfData } from './data-text.ts';
import { objectsOf } from './objects.ts';
import { traceIdOf } from './trace-context.ts';

/**
 * The MongoDB document of one task: a function of its record and nothing else (behaviour P1). Field names are those of
 * the REST interface. User data (`args`, `payload`, `result`) is JSON text: it can hold any key, and text can neither
 * act as an operator nor break a document.
 */
export type TaskDocument = {
  /** The task's UUIDv7: sorted by it is sorted by time of creation. */
  readonly _id: string;
  /** What a search by text reads: see `searchTextOf`. Near the front, where a server that reads every document finds it soon. */
  readonly search_text: string;
  /** Creation time of the bucket, milliseconds. With `rev` it says which of two versions of a document is newer. */
  readonly epoch: number;
  /** Revision of the record this document was made from. */
  readonly rev: number;
  readonly address: string;
  readonly task_type: string;
  readonly task_key: string;
  readonly task_name: string;
  readonly scope: Scope;
  readonly status: Status;
  readonly terminal: boolean;
  readonly created_by: string | null;
  readonly subscribers: readonly { readonly user: string; readonly subscribed_at: Date }[];
  /** The users of `subscribers`, for one index. */
  readonly subscriber_ids: readonly string[];
  readonly queue: string;
  readonly priority: Priority;
  readonly group: string | null;
  readonly units: number;
  /** There only where it names one. */
  readonly limit_key?: string;
  readonly execution_mode: 'async' | 'sync';
  readonly created_at: Date;
  readonly changed_at: Date;
  readonly run_at: Date | null;
  readonly expires_at: Date | null;
  /** From when on the current or last attempt could begin. */
  readonly ready_at: Date;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
  /** How long the current or last attempt waited from `ready_at` to its start; null while it waits. */
  readonly queued_seconds: number | null;
  readonly attempt: number;
  readonly max_attempts: number;
  readonly failures: number;
  readonly rescues: number;
  readonly timeout_seconds: number | null;
  readonly abort_grace_seconds: number;
  readonly worker: string | null;
  readonly fence: { readonly epoch: number; readonly revision: number } | null;
  readonly is_abortable: boolean;
  readonly finishing: boolean;
  readonly not_stopping: boolean;
  readonly timeout_unenforced: boolean;
  readonly abort: AbortDocument | null;
  readonly progress: Progress | null;
  readonly args: string | null;
  readonly payload: string | null;
  readonly result: string | null;
  /** Names of objects that hold arguments or result; they go with the document. */
  readonly objects: readonly string[];
  readonly error_message: string | null;
  readonly exception_type: string | null;
  readonly stack_trace: string | null;
  readonly dedupe_count: number;
  readonly retried_from: string | null;
  /** All options as the record has them; what is absent has its default. */
  readonly policy: Policy;
  /** What a task that has begun waits for, in nobody's slot; until `run_at`. */
  readonly waiting_for: WaitingDocument | null;
  readonly signals: readonly SignalDocument[] | null;
  readonly history: readonly {
    readonly status: Status;
    readonly at: Date;
    readonly by: string;
    readonly attempt: number;
    readonly why: string | null;
  }[];
  readonly history_dropped: number;
  /** Of the distributed trace it belongs to; there only where it belongs to one. */
  readonly trace_id?: string;
  /** Its worker has died, and another one cancels what it had begun elsewhere; there only where it is so. */
  readonly cancelling?: true;
  /** Steps of its body that are done; there only where there are some. */
  readonly steps?: readonly StepDocument[];
  /** There only where it has some. */
  readonly tags?: Tags;
  /** `name:value` of each, for one index. */
  readonly tag_terms?: readonly string[];
  /** What it waits or waited for; there only where there is something. */
  readonly depends_on?: readonly DependencyDocument[];
  /** Their ids, for one index. */
  readonly depends_on_ids?: readonly string[];
  /** The task whose handler has spawned it; there only where there is one. */
  readonly parent?: ParentDocument;
  /** Tasks its handler has spawned; there only where there are some. */
  readonly children?: readonly ChildDocument[];
};

/** A signal, or children: their ids. */
type WaitingDocument =
  | { readonly signal: string; readonly since: Date }
  | { readonly signal: null; readonly children: readonly string[]; readonly since: Date };

export type ParentDocument = {
  readonly uuid: string;
  readonly address: string;
  /** It goes on, whatever becomes of its parent. */
  readonly leave: boolean;
};

export type ChildDocument = {
  readonly uuid: string;
  readonly address: string;
  readonly task_name: string;
  readonly leave: boolean;
  /** How much of it is done, 0 to 1, as its parent was told last. */
  readonly share: number | null;
  /** How it has ended, as far as its parent knows; null: not yet. */
  readonly status: string | null;
  readonly ended_at: Date | null;
  /** What it has left its parent, as text like all data of users. */
  readonly left: string | null;
};

export type DependencyDocument = {
  readonly uuid: string;
  readonly address: string;
  readonly task_name: string;
  readonly on_failure: 'fail' | 'continue' | 'ignore';
  /** How it has ended, as far as the task knows; null: not yet. */
  readonly status: string | null;
  readonly ended_at: Date | null;
  /** What it has left the task, as text like all data of users. */
  readonly left: string | null;
};

type AbortDocument = {
  readonly cause: string;
  readonly requested_by: string;
  readonly requested_at: Date;
  readonly delivered_at: Date | null;
  readonly observed_at: Date | null;
  readonly stopped_at: Date | null;
  readonly forced: boolean;
};

export type StepDocument = { readonly name: string; readonly at: Date };

/** One that came, or a wait for it that was over before it did: then nobody sent it. */
export type SignalDocument = {
  readonly name: string;
  readonly at: Date;
  readonly sent_by: string | null;
  /** JSON text, as all user data. */
  readonly data: string | null;
  /** The task waited for it when it came. */
  readonly awaited: boolean;
  readonly timed_out: boolean;
};

/** Where a record was found: its address, its revision, and the epoch the revision counts in. */
export type Provenance = { readonly address: Address; readonly epoch: number; readonly revision: number };

/**
 * Name, type and key in lower case, one a line: one comparison finds a word in any of them, without regard to case.
 * Measured on DocumentDB, 100,000 documents: a quarter to a half less than three fields take.
 */
export const searchTextOf = ({ name, type, key }: Pick<TaskRecord, 'name' | 'type' | 'key'>): string =>
  `${name}\n${type}\n${key}`.toLowerCase();

/** Every field is named here and none is carried over: a record may hold fields of a later version, or hostile ones. */
export const documentOf = (record: TaskRecord, from: Provenance): TaskDocument => ({
  _id: record.id,
  search_text: searchTextOf(record),
  epoch: from.epoch,
  rev: from.revision,
  address: from.address,
  task_type: record.type,
  task_key: record.key,
  task_name: record.name,
  scope: record.scope,
  status: record.status,
  terminal: isTerminal(record.status),
  created_by: record.creator ?? null,
  subscribers: record.subscribers.map((s) => ({ user: s.user, subscribed_at: new Date(s.at) })),
  subscriber_ids: record.subscribers.map((s) => s.user),
  queue: record.queue,
  priority: record.priority,
  group: record.group ?? null,
  units: record.units ?? 1,
  ...(record.limitKey === undefined ? {} : { limit_key: record.limitKey }),
  execution_mode: record.mode,
  created_at: new Date(record.createdAt),
  changed_at: new Date(record.changedAt),
  run_at: date(record.runAt),
  expires_at: date(record.expiresAt),
  ready_at: new Date(readyAtOf(record)),
  started_at: date(record.startedAt),
  ended_at: date(record.endedAt),
  queued_seconds: seconds(waitedMs(record)),
  attempt: record.attempt,
  max_attempts: maxAttemptsOf(record.policy),
  failures: record.failures ?? 0,
  rescues: record.rescues ?? 0,
  timeout_seconds: seconds(record.policy.timeoutMs),
  abort_grace_seconds: abortGraceMsOf(record.policy) / 1_000,
  worker: record.owner?.worker ?? null,
  fence: record.owner === undefined ? null : fenceOf(record.owner.fence),
  is_abortable: record.abortable ?? false,
  finishing: record.finishing ?? false,
  not_stopping: record.notStopping ?? false,
  timeout_unenforced: record.timeoutUnenforced ?? false,
  abort: record.abort === undefined ? null : abortOf(record.abort),
  progress: progressOf(shownProgress(record)),
  args: jsonOf(record.args),
  payload: jsonOf(record.payload),
  result: jsonOf(record.result),
  objects: objectsOf(record),
  error_message: record.error?.message ?? null,
  exception_type: record.error?.type ?? null,
  stack_trace: record.error?.stack ?? null,
  dedupe_count: record.dedupeCount ?? 0,
  retried_from: record.retriedFrom ?? null,
  policy: policyOf(record.policy),
  waiting_for: record.waiting === undefined ? null : waitingOf(record.waiting),
  signals: record.signals === undefined ? null : record.signals.map(signalOf),
  history: record.history.map(({ status, at, by, attempt, why }) => ({
    status,
    at: new Date(at),
    by,
    attempt,
    why: why ?? null,
  })),
  history_dropped: record.historyDropped ?? 0,
  ...tracedOf(record.traceparent),
  ...(record.cancelling ? CANCELLING : NOTHING),
  ...(record.steps === undefined
    ? NOTHING
    : { steps: record.steps.map(({ name, at }) => ({ name, at: new Date(at) })) }),
  ...(record.tags === undefined ? NOTHING : tagsOf(record.tags)),
  ...(record.dependsOn === undefined ? NOTHING : dependenciesOf(record.dependsOn)),
  ...(record.parent === undefined ? NOTHING : { parent: parentOf(record.parent) }),
  ...(record.children === undefined ? NOTHING : { children: record.children.map(childOf) }),
});

const NOTHING = {};

const tracedOf = (traceparent: string | undefined): { readonly trace_id?: string } => {
  const id = traceIdOf(traceparent);
  return id === undefined ? NOTHING : { trace_id: id };
};

const CANCELLING = { cancelling: true } as const;

const tagsOf = (tags: Tags) => ({ tags: { ...tags }, tag_terms: tagTermsOf(tags) });

const dependenciesOf = (dependsOn: readonly Dependency[]) => ({
  depends_on: dependsOn.map(({ id, address, name, onFailure, end }): DependencyDocument => ({
    uuid: id,
    address,
    task_name: name,
    on_failure: onFailure ?? 'fail',
    status: end?.status ?? null,
    ended_at: date(end?.at),
    left: jsonOf(end?.left),
  })),
  depends_on_ids: dependsOn.map(({ id }) => id),
});

const waitingOf = (waiting: Waiting): WaitingDocument => {
  const since = new Date(waiting.since);
  return 'signal' in waiting
    ? { signal: waiting.signal, since }
    : { signal: null, children: [...waiting.children], since };
};

const parentOf = ({ id, address, leave }: Parent): ParentDocument => ({ uuid: id, address, leave: leave ?? false });

const childOf = ({ id, address, name, leave, share, end }: Child): ChildDocument => ({
  uuid: id,
  address,
  task_name: name,
  leave: leave ?? false,
  share: share ?? null,
  status: end?.status ?? null,
  ended_at: date(end?.at),
  left: jsonOf(end?.left),
});

const policyOf = (policy: Policy): Policy => {
  const { timeoutMs, maxAttempts, backoff, maxRescues, onOrphan, abortGraceMs, isolation } = policy;
  return {
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
    ...(backoff === undefined ? {} : { backoff: backoffOf(backoff) }),
    ...(maxRescues === undefined ? {} : { maxRescues }),
    ...(onOrphan === undefined ? {} : { onOrphan }),
    ...(abortGraceMs === undefined ? {} : { abortGraceMs }),
    ...(isolation === undefined ? {} : { isolation }),
  };
};

const backoffOf = ({ initialMs, factor, maxMs, jitter }: Backoff): Backoff => ({ initialMs, factor, maxMs, jitter });

const fenceOf = ({ epoch, revision }: Fence) => ({ epoch, revision });

const progressOf = (progress: Progress | undefined): Progress | null => {
  if (progress === undefined) return null;
  if ('count' in progress) return { count: progress.count };
  if ('fraction' in progress) return { fraction: progress.fraction };
  return { current: progress.current, total: progress.total };
};

const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : ms / 1_000);

const date = (ms: number | undefined): Date | null => (ms === undefined ? null : new Date(ms));

const abortOf = (abort: Abort): AbortDocument => ({
  cause: abort.cause,
  requested_by: abort.by,
  requested_at: new Date(abort.at),
  delivered_at: date(abort.deliveredAt),
  observed_at: date(abort.observedAt),
  stopped_at: date(abort.stoppedAt),
  forced: abort.forced ?? false,
});

const signalOf = (entry: SignalEntry): SignalDocument => {
  const isSent = 'id' in entry;
  return {
    name: entry.name,
    at: new Date(entry.at),
    sent_by: isSent ? entry.by : null,
    data: isSent ? jsonOf(entry.data) : null,
    awaited: isSent && entry.awaited === true,
    timed_out: !isSent,
  };
};

const jsonOf = (data: Data | undefined): string | null => (data === undefined ? null : textOfData(data));
