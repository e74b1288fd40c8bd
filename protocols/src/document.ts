import {
  abortGraceMsOf,
  isTerminal,
  maxAttemptsOf,
  readyAtOf,
  waitedMs,
  type Abort,
  type Backoff,
  type Data,
  type Fence,
  type Policy,
  type Priority,
  type Progress,
  type Scope,
  type Status,
  type TaskRecord,
} from '@baton/core';
import type { Address } from './address.ts';
import { textOfData } from './data-text.ts';
import { objectsOf } from './objects.ts';

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
  readonly history: readonly {
    readonly status: Status;
    readonly at: Date;
    readonly by: string;
    readonly attempt: number;
    readonly why: string | null;
  }[];
  readonly history_dropped: number;
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
  progress: record.progress === undefined ? null : progressOf(record.progress),
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
  history: record.history.map(({ status, at, by, attempt, why }) => ({
    status,
    at: new Date(at),
    by,
    attempt,
    why: why ?? null,
  })),
  history_dropped: record.historyDropped ?? 0,
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

const progressOf = (progress: Progress): Progress => {
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

const jsonOf = (data: Data | undefined): string | null => (data === undefined ? null : textOfData(data));
