import { AsyncLocalStorage } from 'node:async_hooks';
import type { Fence, Progress, ProgressInput, TaskId } from '@baton/core';
import type { Log } from '../log.ts';
import { BatonError } from '../errors.ts';

export type TaskUpdate = {
  /** `[3, 100]`, `0.5`, `42`, or `{ current, total }`, `{ fraction }`, `{ count }` (behaviour C1). */
  readonly progress?: ProgressInput;
  /** Any JSON value up to 64 KiB; replaces the former payload whole. */
  readonly payload?: unknown;
};

export type UpdateOptions = {
  /** Write now, whatever the throttle says. */
  readonly immediate?: boolean;
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
  /** Who submitted the task. */
  readonly user: { readonly id: string } | undefined;
  readonly log: Log;
  /** Aborted on cancel, timeout, drain, a lost lease, or what nobody caught in the task. Reading it makes the task abortable. */
  readonly signal: AbortSignal;
  readonly updateTask: (update: TaskUpdate, options?: UpdateOptions) => void;
  /** Runs when the task is aborted or times out, last registered first. Makes the task abortable. */
  readonly onAbort: (handler: () => unknown) => void;
  /** Runs whatever the outcome, last registered first, before the outcome is recorded. */
  readonly onCleanup: (handler: () => unknown) => void;
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
