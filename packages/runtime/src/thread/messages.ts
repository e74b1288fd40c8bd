import type { TaskError } from '@baton/core';
import type { HandedOver } from '../dependencies/handed-over.ts';
import type { ArgumentBytes, BodyAnswer, BodyQuestion } from '../run/body.ts';
import type { BodyEnd, Threw } from '../run/body-end.ts';
import type { StopCause } from '../run/context.ts';
import type { TaskFacts } from '../run/facts.ts';
import type { Pending } from '../run/task-update.ts';
import type { ThreadWarning } from './warnings.ts';

/** What a task thread and the process it belongs to say to each other. Plain data: it is copied between threads. */

export type ThreadStart = {
  /** URL of the module that defines the tasks. */
  readonly module: string;
  /** Most memory of its buffers, MiB; its objects are bounded by V8. */
  readonly memoryMb: number;
  /** One 32-bit integer: what the present run is asked to stop for, an index into STOP_CAUSES plus 1; 0: nothing. */
  readonly stop: SharedArrayBuffer;
};

export const STOP_CAUSES: readonly StopCause[] = ['cancel', 'timeout', 'drain', 'lease_lost', 'failure'];

export type RunOrder = {
  readonly kind: 'run';
  /** Number of the run in its thread: tells late messages of an earlier run from those of this one. */
  readonly run: number;
  readonly facts: TaskFacts;
  readonly args: ArgumentBytes | undefined;
  /** By the tasks it waited for. */
  readonly left?: readonly HandedOver[];
  /** Largest encoded result, bytes. */
  readonly resultLimit: number;
  /** Least time between two updates that are passed on, milliseconds. */
  readonly updateMs: number;
};

export type ToThread =
  | RunOrder
  | { readonly kind: 'stop'; readonly cause: StopCause }
  | { readonly kind: 'answer'; readonly question: number; readonly answer: BodyAnswer }
  | { readonly kind: 'aborts' }
  | { readonly kind: 'cleanups' }
  | { readonly kind: 'close' };

/** About a run. */
export type RunNews =
  | { readonly kind: 'asked'; readonly what: 'signal' | 'abort' | 'cleanup' }
  | { readonly kind: 'updated'; readonly pending: Pending; readonly immediate: boolean }
  /** `number`: which of the thread's questions it is, for the answer. */
  | { readonly kind: 'question'; readonly number: number; readonly question: BodyQuestion }
  | { readonly kind: 'crashed'; readonly end: Threw }
  | { readonly kind: 'aborts-began' }
  | { readonly kind: 'handlers-ran'; readonly which: 'aborts' | 'cleanups'; readonly errors: readonly TaskError[] }
  | { readonly kind: 'ended'; readonly end: BodyEnd }
  | {
      readonly kind: 'log';
      readonly level: LogLevelName;
      readonly fields: Readonly<Record<string, unknown>>;
      readonly text: string;
    };

export type LogLevelName = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export type FromThread =
  | ({ readonly run: number } & RunNews)
  /** The module is loaded; these are the types it defines, one entry a definition. */
  | { readonly kind: 'loaded'; readonly types: readonly string[] }
  | { readonly kind: 'warning'; readonly warning: ThreadWarning }
  /** It could not be loaded, or something outside of every task threw: the thread ends. */
  | { readonly kind: 'broken'; readonly error: TaskError };
