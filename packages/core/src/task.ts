/**
 * What a task is: the one record an actor owns.
 *
 * The record is complete: everything the decider needs and everything a projection shows is in it. Fields that do not
 * apply are absent, never null, so that a record stays small on the wire. User data (arguments, payload, result) is
 * opaque here: encoded bytes that no rule looks into.
 */

import type { Tags } from './tags.ts';

/** Wall-clock milliseconds since 1970, UTC. Shown and compared with limits, never used to decide who owns a task. */
export type Millis = number;

/** UUIDv7, lower case, so that ids sort by the time they were made. */
export type TaskId = string;

export type UserId = string;

/** `user:alice`, `worker:w1`, `supervisor:s1`: who caused a transition. */
export type Cause = string;

/** Encoded user data (MessagePack), or a reference to where it is kept when it is too large for the record. */
export type Data = Uint8Array | ObjectReference;

export type ObjectReference = {
  /** Name in the object store. */
  readonly object: string;
  /** Size of the encoded data, bytes. */
  readonly size: number;
  /** SHA-256 of the encoded data, hex. */
  readonly digest: string;
};

export type Status = 'pending' | 'in_progress' | 'aborting' | 'success' | 'failure' | 'aborted' | 'timed_out';

export type TerminalStatus = Extract<Status, 'success' | 'failure' | 'aborted' | 'timed_out'>;

export type Scope = 'private' | 'shared' | 'system';

export type Priority = 'high' | 'normal' | 'low';

/** `async`: run by a worker. `sync`: run inline by the process that called it. */
export type ExecutionMode = 'async' | 'sync';

/** `[current, total]`, a fraction of 1, or a bare count (behaviour C1). */
export type Progress =
  | { readonly current: number; readonly total: number }
  | { readonly fraction: number }
  | { readonly count: number };

export type Subscriber = { readonly user: UserId; readonly at: Millis };

/**
 * Grows with every claim of one key, also across tasks and across a re-made bucket.
 * `epoch` is the creation time of the bucket (milliseconds); `revision` is the revision the claim was decided on, so no
 * two claims of one key can share it.
 */
export type Fence = { readonly epoch: number; readonly revision: number };

export type Owner = { readonly worker: string; readonly fence: Fence; readonly at: Millis };

/** `expired`: it was not started in time. `displaced`: its group or key was full, and another one had the slot (behaviour Q7). */
export type AbortCause = 'cancel' | 'timeout' | 'expired' | 'displaced';

/** The proof of an abort (behaviour A11): who asked, when it reached the worker, when handlers ran, when it stopped. */
export type Abort = {
  readonly cause: AbortCause;
  readonly by: Cause;
  readonly at: Millis;
  readonly deliveredAt?: Millis;
  readonly observedAt?: Millis;
  readonly stoppedAt?: Millis;
  /** The body was ended or abandoned by force, not by its own return. */
  readonly forced?: true;
};

export type TaskError = {
  readonly message: string;
  /** Class name of what was thrown. */
  readonly type: string;
  readonly stack?: string;
};

/** How a run of the body ended. */
export type BodyOutcome =
  | { readonly kind: 'returned'; readonly result?: Data }
  | {
      readonly kind: 'threw';
      readonly error: TaskError;
      /** No further attempt, whatever is left (a `TerminalError`, or refused by `retryOn`). */
      readonly terminal?: boolean;
      /** Delay the handler asked for (a `RetryableError`). */
      readonly retryAfterMs?: Millis;
    };

export type Backoff = {
  readonly initialMs: Millis;
  readonly factor: number;
  readonly maxMs: Millis;
  /** Share of the delay that is random, 0 to 1. */
  readonly jitter: number;
};

/** How a task is to be run. What is absent has the default of `defaults.ts`. */
export type Policy = {
  /** Per attempt, from `in_progress` to the return of the body. */
  readonly timeoutMs?: Millis;
  readonly maxAttempts?: number;
  readonly backoff?: Backoff;
  readonly maxRescues?: number;
  readonly onOrphan?: 'retry' | 'fail';
  readonly abortGraceMs?: Millis;
  readonly isolation?: 'thread';
};

/**
 * What the waits of a task for a signal came to (behaviour G5): its nth wait for a name is answered by the nth entry of that
 * name, in every run, so that a run that goes on finds what the one before it was told. Kept from when it came.
 */
export type SignalEntry =
  | {
      /** Of whoever sent it: the same one again changes nothing. */
      readonly id: string;
      readonly name: string;
      readonly at: Millis;
      readonly by: Cause;
      readonly data?: Uint8Array;
      /** The task had given up its slot for it, and goes on. */
      readonly awaited?: true;
    }
  /** No signal came in time. */
  | { readonly name: string; readonly at: Millis; readonly timedOut: true };

/** What a task that has begun waits for, in nobody's slot; until `runAt`, when the wait is over (behaviour G4). */
export type Waiting =
  | { readonly signal: string; readonly since: Millis }
  /** `number`: which of its waits for children, from 1. `onFailure` absent: it is over as soon as one of them has failed. */
  | {
      readonly children: readonly TaskId[];
      readonly number: number;
      readonly onFailure?: 'continue';
      readonly since: Millis;
    };

/** What a step of the body came to: it is not run again in a later run of the task (behaviour G6). */
export type StepEntry = {
  readonly name: string;
  readonly at: Millis;
  readonly result?: Data;
};

/**
 * What a run has begun elsewhere that goes on without it, as its canceller knows it (behaviour G7). Of the present run.
 * `tries`: how often it was given to a worker that died of it, or with it.
 */
export type CancelHandle = { readonly data: Uint8Array; readonly tries?: number };

/** One entry of a task's history (behaviour L10). */
export type Transition = {
  readonly status: Status;
  readonly at: Millis;
  readonly by: Cause;
  readonly attempt: number;
  readonly why?: string;
};

/**
 * Where a task comes from in a distributed trace, as W3C Trace Context writes it: `00-<trace id>-<span id>-<flags>` and
 * what vendors add. No rule looks into it.
 */
export type TraceContext = { readonly traceparent: string; readonly tracestate?: string };

/**
 * A task that has to end before another one begins (behaviour G1). `onFailure` absent: `fail`, its failure is the other's.
 * `continue` and `ignore`: the other begins all the same, and is told what it came to, or nothing of it.
 */
export type Dependency = {
  readonly id: TaskId;
  /** Where its record stands, or stood. */
  readonly address: string;
  /** For people. */
  readonly name: string;
  readonly onFailure?: 'continue' | 'ignore';
  readonly end?: NotedEnd;
};

/** How a dependency has ended. `gone`: nobody can tell any more. */
export type NotedEnd = {
  readonly status: TerminalStatus | 'gone';
  readonly at: Millis;
  /** What it left: its payload, and its result or its error, encoded together. */
  readonly left?: Data;
};

/** The task whose handler has spawned this one (behaviour G3). */
export type Parent = {
  readonly id: TaskId;
  /** Where its record stands, or stood. */
  readonly address: string;
  /** It goes on, whatever becomes of its parent. */
  readonly leave?: true;
  /** The parent has ended well: nothing it comes to concerns this task any more. */
  readonly over?: true;
};

/** A task that the handler of this one has spawned. */
export type Child = {
  readonly id: TaskId;
  readonly address: string;
  /** For people. */
  readonly name: string;
  readonly leave?: true;
  /** How much of it is done, 0 to 1, as it was seen last. */
  readonly share?: number;
  readonly end?: NotedEnd;
};

/** What a submitter decides about a task; everything else grows from it. */
export type TaskSpec = Partial<TraceContext> & {
  readonly id: TaskId;
  readonly type: string;
  readonly key: string;
  readonly name: string;
  readonly scope: Scope;
  readonly creator?: UserId;
  readonly args?: Data;
  readonly queue: string;
  readonly priority: Priority;
  /** Whose task it is, of those that share its queue: limits and turns go by it (behaviour Q5 to Q7). */
  readonly group?: string;
  /** What it shares with others, of whatever group or key: limits of keys count those that name the same (behaviour Q5, Q6). */
  readonly limitKey?: string;
  /** Of the units of a rate it takes so many; absent: one. */
  readonly units?: number;
  /** What it is found by, as it stands now: the handler may change it. */
  readonly tags?: Tags;
  readonly mode: ExecutionMode;
  /** For an inline call: the process that will run the body. */
  readonly host?: string;
  readonly policy: Policy;
  readonly runAt?: Millis;
  /** Debounced: `runAt` is put off no further than this. */
  readonly latestRunAt?: Millis;
  /** To be started by this moment, or not at all (behaviour Q11). */
  readonly expiresAt?: Millis;
  /** Throttled: until then no submit with that mode makes another task of the key. */
  readonly throttledUntil?: Millis;
  readonly retriedFrom?: TaskId;
  /** Hash of the operation id it was submitted with: before it is forgotten, what became of it is noted there (D7). */
  readonly operation?: string;
  /** What it waits for before it begins; fixed when it is made (behaviour G1). */
  readonly dependsOn?: readonly Dependency[];
  /** Others wait for its end: what became of it is kept longer (behaviour G2). */
  readonly awaited?: true;
  readonly parent?: Parent;
};

export type TaskRecord = TaskSpec & {
  /** Version of this shape. */
  readonly v: number;
  readonly status: Status;
  readonly subscribers: readonly Subscriber[];
  readonly createdAt: Millis;
  readonly changedAt: Millis;
  /** From when the current or last attempt could begin, where that is later than `createdAt`; while it waits `runAt` may be later still. */
  readonly readyAt?: Millis;
  /** Start of the current or last attempt. */
  readonly startedAt?: Millis;
  readonly endedAt?: Millis;
  /** Number of the current or last run; 0 before the first. */
  readonly attempt: number;
  /** Failures of the body so far. */
  readonly failures?: number;
  /** Times it was taken over from a dead worker. */
  readonly rescues?: number;
  readonly owner?: Owner;
  readonly abortable?: true;
  /** `traceparent` of the span of the current or last run, where that one was traced: the next one is linked to it. */
  readonly runTrace?: string;
  /** The body has returned and cleanup handlers run: too late for a timeout or a cancel (behaviour L3). */
  readonly finishing?: true;
  /** What the body came to, while its cleanup handlers run; of the run with that fence and of no other. */
  readonly bodyOutcome?: BodyOutcome & { readonly fence: Fence };
  readonly abort?: Abort;
  readonly progress?: Progress;
  readonly payload?: Data;
  readonly result?: Data;
  readonly error?: TaskError;
  readonly dedupeCount?: number;
  /** The timeout passed and nothing could be stopped (behaviour T3). */
  readonly timeoutUnenforced?: true;
  /** Told to stop, or finishing, for longer than the grace, and it still runs (behaviour T6, L3). */
  readonly notStopping?: true;
  readonly history: readonly Transition[];
  /** Entries dropped from the middle of `history` to keep it bounded. */
  readonly historyDropped?: number;
  /** The task that starts when this one has ended (behaviour D5). */
  readonly successor?: Successor;
  /** The projection has this outcome; the record may be forgotten. */
  readonly archived?: true;
  /** Signals in the order they came, and waits that were in vain. */
  readonly signals?: readonly SignalEntry[];
  readonly waiting?: Waiting;
  /** Steps that are done, in the order in which they were. */
  readonly steps?: readonly StepEntry[];
  readonly cancelHandle?: CancelHandle;
  /** The worker of the run has died, and the owner runs its canceller and not its body. */
  readonly cancelling?: true;
  /** In the order in which they were spawned. */
  readonly children?: readonly Child[];
  /** Which of its waits for children were over before these had ended: in every run they are. */
  readonly waitsOver?: readonly number[];
  /** Names the last write, so that a writer whose answer was lost can recognise its own. */
  readonly nonce?: string;
};

export type Successor = {
  readonly spec: TaskSpec;
  readonly subscribers: readonly Subscriber[];
  readonly createdAt: Millis;
  readonly dedupeCount?: number;
  /** It was cancelled while it waited. It becomes a record all the same, an aborted one: nothing accepted vanishes. */
  readonly cancelled?: { readonly at: Millis; readonly by: Cause; readonly why?: string };
  /** What was submitted after this one had been cancelled. */
  readonly next?: Successor;
};

/** Current version of the record's shape. A record of a higher version is left alone (behaviour X10). */
export const RECORD_VERSION = 1;

export const TERMINAL_STATUSES: readonly TerminalStatus[] = ['success', 'failure', 'aborted', 'timed_out'];

export const isTerminal = (status: Status): status is TerminalStatus =>
  status === 'success' || status === 'failure' || status === 'aborted' || status === 'timed_out';

/** True when `fence` is the one under which the record is owned now. */
export const isOwnedUnder = (record: TaskRecord, fence: Fence): boolean =>
  record.owner !== undefined &&
  record.owner.fence.epoch === fence.epoch &&
  record.owner.fence.revision === fence.revision;

/** The record when the fence shown still owns it and the task has not ended; every owner's command asks this first. */
export const ownedRun = (record: TaskRecord | undefined, fence: Fence): TaskRecord | undefined =>
  record !== undefined && isOwnedUnder(record, fence) && !isTerminal(record.status) ? record : undefined;

export const ownerOf = (record: TaskRecord): Cause => `worker:${record.owner?.worker ?? 'unknown'}`;

/** Negative when `a` is older than `b`. */
export const compareFences = (a: Fence, b: Fence): number => a.epoch - b.epoch || a.revision - b.revision;
