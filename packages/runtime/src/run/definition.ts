import type { Policy, Priority, Scope, SubmitOptions, Tags, TaskId, TypeLimit } from '@baton/core';
import type { Log } from '../log.ts';

/** What a canceller knows of the run that has died. */
export type CancelledRun = {
  readonly taskId: TaskId;
  readonly taskKey: string;
  readonly taskType: string;
  readonly attempt: number;
  /** Who submitted the task. */
  readonly user: { readonly id: string } | undefined;
  /** `rescue`: the task is going to be run again. */
  readonly cause: 'cancel' | 'timeout' | 'rescue';
  readonly log: Log;
};

/**
 * Takes the handle a run has set (`ctx.setCancelHandle`), in another worker than that run's, and may be called more than
 * once for the same one: cancelling what is not there any more is no failure.
 */
export type Canceller = (handle: unknown, run: CancelledRun) => unknown;

/** A task type as a worker knows it. */
export type TaskDefinition = {
  readonly type: string;
  readonly handler: (...args: never[]) => unknown;
  readonly scope: Scope;
  readonly queue: string;
  readonly priority: Priority;
  readonly group?: string;
  readonly limitKey?: string;
  readonly units?: number;
  readonly tags?: Tags;
  readonly policy: Policy;
  readonly submit?: SubmitOptions;
  readonly limits?: readonly TypeLimit[];
  /** Whether a failure is worth another attempt; absent: every one but a TerminalError. */
  readonly retryOn?: (error: unknown) => boolean;
  /** Cancels what a run that died with its worker has begun elsewhere. */
  readonly canceller?: Canceller;
  /** For people. */
  readonly title?: string;
  readonly description?: string;
  /** JSON Schema of the list of arguments. */
  readonly argsSchema?: object;
  /** The handler runs in a thread of its own, which imports `module` (a URL) to find it (behaviour T5). */
  readonly thread?: { readonly module: string; readonly memoryMb: number };
};
