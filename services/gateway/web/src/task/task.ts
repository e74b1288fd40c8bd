import type { Tag } from './tags.ts';
import type { Progress } from '../time/progress.ts';

export const STATUSES = ['pending', 'in_progress', 'aborting', 'success', 'failure', 'aborted', 'timed_out'] as const;
export type Status = (typeof STATUSES)[number];

export const SCOPES = ['private', 'shared', 'system'] as const;
export type Scope = (typeof SCOPES)[number];

export const PRIORITIES = ['high', 'normal', 'low'] as const;
export type Priority = (typeof PRIORITIES)[number];

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
  readonly tags: readonly Tag[];
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
  /** Its worker has died; another one cancels what it had begun elsewhere. */
  readonly cancelling: boolean;
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
  /** What it waits or waited for. */
  readonly dependsOn: readonly Dependency[];
  /** What a cancel by this viewer, without force, would come to; the server has asked the rules of behaviour A. */
  readonly mayCancel: boolean;
  readonly cancelAction: 'abort' | 'unsubscribe' | undefined;
  readonly cancelReason: CancelReason | undefined;
  readonly mayForce: boolean;
  readonly mayRetry: boolean;
  /** It has begun, and waits for a signal, or for so many children, in nobody's slot. */
  readonly waitingFor:
    | { readonly signal: string | undefined; readonly children: number; readonly until: number | undefined }
    | undefined;
  /** The task whose handler has spawned it; `leave`: it goes on without that one. */
  readonly parent: { readonly uuid: string; readonly leave: boolean } | undefined;
  readonly childrenCount: { readonly total: number; readonly done: number; readonly failed: number } | undefined;
  readonly maySignal: boolean;
};

/** One that came, or a wait that was in vain: then nobody sent it. */
export type Signal = {
  readonly name: string;
  readonly at: number;
  readonly sentBy: string | undefined;
  readonly data: unknown;
};

export type Dependency = {
  readonly uuid: string;
  /** Not told to who may see the waiting task alone. */
  readonly name: string | undefined;
  readonly onFailure: 'fail' | 'continue' | 'ignore';
  /** How it ended, also `gone`; or the state it is in, where that is known. */
  readonly status: string | undefined;
  readonly hasEnded: boolean;
};

export type Child = {
  readonly uuid: string;
  readonly name: string;
  readonly leave: boolean;
  /** How much of it is done, 0 to 1, of one that has not ended. */
  readonly share: number | undefined;
  /** As of a dependency. */
  readonly status: string | undefined;
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
  readonly signals: readonly Signal[];
  /** Parts of its body that are done and will not run again. */
  readonly steps: readonly { readonly name: string; readonly at: number }[];
  readonly history: readonly Transition[];
  readonly historyDropped: number;
  readonly worker: string | undefined;
  readonly mode: string;
  readonly rescues: number;
  readonly failures: number;
  readonly retriedFrom: string | undefined;
  /** Of the distributed trace it belongs to. */
  readonly traceId: string | undefined;
  readonly children: readonly Child[];
  /** Its parent as it is now, where that is known and this viewer sees it. */
  readonly parentTask: { readonly name: string; readonly status: Status } | undefined;
  /** What waits or waited for it, as far as this viewer sees. */
  readonly requiredBy: readonly { readonly uuid: string; readonly name: string; readonly status: Status }[];
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

/** Also of what nobody knows any more. */
export const wordFor = (status: string): string => (isStatus(status) ? WORDS[status] : 'Gone');

const isStatus = (status: string): status is Status => Object.hasOwn(WORDS, status);

/** "Waiting on 2 prerequisite tasks to finish", while it does. */
export const waitingText = ({ status, dependsOn }: Pick<Task, 'status' | 'dependsOn'>): string | undefined => {
  const open = dependsOn.filter(({ hasEnded }) => !hasEnded).length;
  if (status !== 'pending' || open === 0) return undefined;
  return `Waiting on ${open} prerequisite ${open === 1 ? 'task' : 'tasks'} to finish`;
};

/** "2 of 5 children done, 1 failed". */
export const childrenText = ({ childrenCount: count }: Pick<Task, 'childrenCount'>): string | undefined => {
  if (count === undefined) return undefined;
  return `${count.done} of ${count.total} ${count.total === 1 ? 'child' : 'children'} done${failedText(count.failed)}`;
};

/** The same behind a heading. */
export const childrenDone = ({ childrenCount: count }: Pick<Task, 'childrenCount'>): string =>
  count === undefined ? '0' : `${count.done} of ${count.total} done${failedText(count.failed)}`;

const failedText = (failed: number): string => (failed === 0 ? '' : `, ${failed} failed`);

/** Seconds from the start to the end or to now; nothing when it never started (behaviour L14). */
export const durationSeconds = (task: Task, nowMs: number): number | undefined => {
  if (task.startedAt === undefined) return undefined;
  if (task.status === 'pending') return undefined; // between two attempts
  return Math.max(0, ((task.endedAt ?? nowMs) - task.startedAt) / 1_000);
};

/** The end of the id, as people say it to each other: the start of a UUIDv7 is time, its end is what differs. */
export const shortId = (uuid: string): string => uuid.slice(-8);
