import type { Progress } from '../time/progress.ts';

export const STATUSES = ['pending', 'in_progress', 'aborting', 'success', 'failure', 'aborted', 'timed_out'] as const;
export type Status = (typeof STATUSES)[number];

export const SCOPES = ['private', 'shared', 'system'] as const;
export type Scope = (typeof SCOPES)[number];

export type CancelReason = 'terminal' | 'finishing' | 'not_abortable' | 'force_required';

/** What the list shows of a task. Times are milliseconds since 1970. */
export type Task = {
  readonly uuid: string;
  /** Of two versions of a task, the higher one is newer. */
  readonly revision: number;
  readonly type: string;
  readonly key: string;
  readonly name: string;
  readonly scope: Scope;
  readonly status: Status;
  readonly createdBy: string | undefined;
  readonly subscribers: readonly string[];
  readonly subscriberCount: number;
  readonly queue: string;
  readonly priority: string;
  readonly createdAt: number;
  readonly runAt: number | undefined;
  readonly expiresAt: number | undefined;
  readonly startedAt: number | undefined;
  readonly endedAt: number | undefined;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly timeoutSeconds: number | undefined;
  readonly finishing: boolean;
  readonly notStopping: boolean;
  readonly timeoutUnenforced: boolean;
  /** It waits, and no worker that runs now serves its type. */
  readonly unserved: boolean;
  readonly progress: Progress | undefined;
  readonly payload: unknown;
  /** There is a payload, and it is too large for a list. */
  readonly payloadOmitted: boolean;
  readonly errorMessage: string | undefined;
  readonly exceptionType: string | undefined;
  readonly stackTrace: string | undefined;
  readonly dedupeCount: number;
  /** What a cancel by this viewer, without force, would come to; the server has asked the rules of behaviour A. */
  readonly mayCancel: boolean;
  readonly cancelAction: 'abort' | 'unsubscribe' | undefined;
  readonly cancelReason: CancelReason | undefined;
  readonly mayForce: boolean;
  readonly mayRetry: boolean;
};

export type Transition = {
  readonly status: Status;
  readonly at: number;
  readonly by: string;
  readonly attempt: number;
  readonly why: string | undefined;
};

/** The proof of an abort (behaviour A11). */
export type Abort = {
  readonly cause: string;
  readonly requestedBy: string;
  readonly requestedAt: number;
  readonly deliveredAt: number | undefined;
  readonly observedAt: number | undefined;
  readonly stoppedAt: number | undefined;
  readonly forced: boolean;
};

/** All of a task, for its own page. */
export type TaskDetail = Task & {
  readonly args: unknown;
  readonly result: unknown;
  /** Encoded bytes of what is too large for the record, and is asked for when somebody wants to see it. */
  readonly argsSize: number | undefined;
  readonly resultSize: number | undefined;
  readonly abort: Abort | undefined;
  readonly history: readonly Transition[];
  readonly historyDropped: number;
  readonly worker: string | undefined;
  readonly mode: string;
  readonly rescues: number;
  readonly failures: number;
  readonly retriedFrom: string | undefined;
};

export const isTerminal = (status: Status): boolean =>
  status === 'success' || status === 'failure' || status === 'aborted' || status === 'timed_out';

const WORDS: Readonly<Record<Status, string>> = {
  pending: 'Pending',
  in_progress: 'In Progress',
  aborting: 'Aborting',
  success: 'Success',
  failure: 'Failed',
  aborted: 'Aborted',
  timed_out: 'Timed Out',
};

export const statusWord = (status: Status): string => WORDS[status];

/** Seconds from the start to the end or to now; nothing when it never started (behaviour L14). */
export const durationSeconds = (task: Task, nowMs: number): number | undefined => {
  if (task.startedAt === undefined) return undefined;
  if (task.status === 'pending') return undefined; // between two attempts
  return Math.max(0, ((task.endedAt ?? nowMs) - task.startedAt) / 1_000);
};

/** The end of the id, as people say it to each other: the start of a UUIDv7 is time, its end is what differs. */
export const shortId = (uuid: string): string => uuid.slice(-8);
