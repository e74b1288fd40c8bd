import { AsyncLocalStorage } from 'node:async_hooks';
import type { Fence, Progress, ProgressInput, TagChanges, Tags, TaskId } from '@baton/core';
import type { ChildOutcome, ChildTask, ResultOf, Spawnable, WaitForOptions } from '../children/child-task.ts';
import type { Log } from '../log.ts';
import type { DependencyOutcome } from '../dependencies/handed-over.ts';
import type { Duration } from '../client/duration.ts';
import { BatonError } from '../errors.ts';

export type TaskUpdate = {
  /** `[3, 100]`, `0.5`, `42`, or `{ current, total }`, `{ fraction }`, `{ count }` (behaviour C1). */
  readonly progress?: ProgressInput;
  /** Any JSON value up to 64 KiB; replaces the former payload whole. */
  readonly payload?: unknown;
  /** Tags to set beside those the task has; null takes one away (behaviour B2). */
  readonly tags?: TagChanges;
};

export type UpdateOptions = {
  /** Write now, whatever the throttle says. */
  readonly immediate?: boolean;
};

export type WaitOptions = {
  /** Seconds, or text such as "5m" and "2d"; no longer than 366 days, which is what stands when it is left out. */
  readonly timeout?: Duration;
};

/** Why a signal was aborted: `signal.reason.cause`. `failure`: something in the task threw and nobody caught it. */
export type StopCause = 'cancel' | 'timeout' | 'drain' | 'lease_lost' | 'failure';

export class StopReason extends Error {
  override readonly name = 'AbortError';
  override readonly cause: StopCause;
  constructor(cause: StopCause) {
    super(`the task was told to stop: ${cause}`);
    this.cause = cause;
  }
}

/** What a handler can ask and tell while it runs (behaviour C). */
export type TaskContext = {
  readonly taskId: TaskId;
  readonly taskKey: string;
  readonly taskType: string;
  /** Number of this run, from 1. */
  readonly attempt: number;
  /** Grows with every run of this key: show it to resources that can refuse an older one. */
  readonly fence: Fence;
  /** The same for every run of this task: what the outside world can deduplicate by. */
  readonly idempotencyKey: string;
  /** Last stored progress and payload of the former attempt, to resume from. */
  readonly previous: { readonly progress: Progress | undefined; readonly payload: unknown };
  /** Its tags as they are now. */
  readonly tags: Tags;
  /** Who submitted the task. */
  readonly user: { readonly id: string } | undefined;
  /** The tasks this one waited for, in the order in which its submit named them, with what they left (behaviour G1). */
  readonly dependencies: readonly DependencyOutcome[];
  /** Their last payloads, in the same order; undefined where there is none. */
  readonly getDependencyPayloads: () => readonly unknown[];
  /** Their results, likewise. */
  readonly getDependencyResults: () => readonly unknown[];
  readonly log: Log;
  /** Aborted on cancel, timeout, drain, a lost lease, or what nobody caught in the task. Reading it makes the task abortable. */
  readonly signal: AbortSignal;
  readonly updateTask: (update: TaskUpdate, options?: UpdateOptions) => void;
  /** Runs when the task is aborted or times out, last registered first. Makes the task abortable. */
  readonly onAbort: (handler: () => unknown) => void;
  /** Runs whatever the outcome, last registered first, before the outcome is recorded. */
  readonly onCleanup: (handler: () => unknown) => void;
  /**
   * Resolves with what was sent with the signal of that name (behaviour G4, G5). Where none has come yet the run ends here:
   * cleanup handlers run, the slot is free, the task is `pending`, and when the signal comes any worker runs it again **from
   * its start**, as the same attempt, where this call has its answer at once. So what stands before it runs again, but for
   * steps that are done. The nth wait for a name gets the nth signal of that name, in every run.
   *
   * Throws SignalTimeoutError when none came in time, WaitRefusedError in a thread of its own or beside another wait.
   */
  readonly waitForSignal: <Data = unknown>(name: string, options?: WaitOptions) => Promise<Data>;
  /**
   * Runs a part of the handler once for the whole task (behaviour G6): what it returns is stored before this resolves, and
   * later runs of the task, after a failure, a dead worker or a wait, get it without running the part again. A part that
   * throws is not kept. Any JSON-like value up to 8 MiB, given back as it was stored. Between the end of the part and the
   * store the worker may die: what must not happen twice outside is told apart by `idempotencyKey` and the name.
   *
   * Names are text of 1 to 100 characters, each once in a run. Where the task is told to stop, a step that is not done
   * throws the reason instead of beginning. Throws StepRefusedError, PayloadTooLargeError, InvalidArgumentError.
   */
  readonly step: <T>(name: string, run: () => T | Promise<T>) => Promise<T>;
  /**
   * Says what goes on elsewhere for this run and not without it, a query or a machine: when this worker dies, another one
   * gives it to the `canceller` of the type before the task is run again or ends (behaviour G7). Stored when this resolves;
   * the last one counts, undefined takes it back, the end of the run forgets it. JSON-like data up to 16 KiB.
   *
   * Throws CancelHandleRefusedError (CANCELLER_MISSING where the type has none), PayloadTooLargeError.
   */
  readonly setCancelHandle: (handle: unknown) => Promise<void>;
  /**
   * Makes a child (behaviour G3): a task of its own, of the same user and scope, that is cancelled when this one is cancelled,
   * times out or fails (`onParentEnd: 'leave'` of its options: it goes on then). Takes a task, or `task.with(options)`, and its
   * arguments; resolves when the child is recorded. Another attempt, or a run that goes on after a wait, spawns nothing anew: a
   * child is known by its type and the `taskKey` of its options or, without one, by how many of its type were spawned before
   * it. So give a `taskKey` where the order may be another one the next time.
   *
   * Throws InvalidArgumentError for options a child cannot have, SpawnRefusedError beyond 100 children and in a thread of its
   * own.
   */
  readonly spawn: <Args extends unknown[], Result>(
    task: Spawnable<Args, Result>,
    ...args: Args
  ) => Promise<ChildTask<Result>>;
  /**
   * Resolves when these children have ended, with what they came to, in the order given (behaviour G4). Where they have not,
   * the run ends here and another one goes on when they have, as for `waitForSignal`: the slot is free meanwhile, and what
   * stands before it runs again.
   *
   * Throws ChildFailedError as soon as one has not succeeded, unless `onFailure` is `continue`; ChildrenTimeoutError;
   * InvalidArgumentError for a task that is no child of this one; WaitRefusedError in a thread of its own or beside another wait.
   */
  readonly waitFor: {
    <Result>(child: ChildTask<Result>, options?: WaitForOptions): Promise<readonly [ChildOutcome<Result>]>;
    <const Children extends readonly ChildTask[]>(
      children: Children,
      options?: WaitForOptions,
    ): Promise<{ readonly [Place in keyof Children]: ChildOutcome<ResultOf<Children[Place]>> }>;
  };
};

/** One for all copies of this module in a process: a bundled worker and the tasks it loads may each bring their own. */
const CONTEXT_STORAGE = Symbol.for('baton.context.v1');

type Shared = { [CONTEXT_STORAGE]?: AsyncLocalStorage<TaskContext> };

const shared = globalThis as Shared;
const storage = (shared[CONTEXT_STORAGE] ??= new AsyncLocalStorage<TaskContext>());

/** The context of the task this code runs in. Throws BatonError `NO_TASK_CONTEXT` outside of one. */
export const getContext = (): TaskContext => {
  const context = storage.getStore();
  if (context === undefined) throw new BatonError('NO_TASK_CONTEXT', 'getContext() was called outside of a task');
  return context;
};

export const currentContext = (): TaskContext | undefined => storage.getStore();

/** An inline call runs inside of the task that called it, in the same process. */
const callers = new WeakMap<TaskContext, TaskContext>();

export const runInContext = <T>(context: TaskContext, body: () => T): T => {
  const caller = storage.getStore();
  if (caller !== undefined && caller !== context) callers.set(context, caller);
  return storage.run(context, body);
};

/** Whether this code runs in the task, or in one that was called inline from it: whoever waits for it waits for ever. */
export const isInside = (taskId: TaskId): boolean => {
  for (let context = storage.getStore(); context !== undefined; context = callers.get(context)) {
    if (context.taskId === taskId) return true;
  }
  return false;
};
