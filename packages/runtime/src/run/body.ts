import type { Child, SignalEntry, TaskError } from '@baton/core';
import type { Sized } from '@baton/protocols';
import type { SpawnOrder } from '../children/child-task.ts';
import type { HandedOver } from '../dependencies/handed-over.ts';
import type { CancelHandleRefusalCode, StepRefusalCode } from '../errors.ts';
import type { Log } from '../log.ts';
import type { BodyEnd, Threw } from './body-end.ts';
import type { StopCause, StopReason } from './context.ts';
import type { ChildrenCame, ChildrenWait, SignalWait, Suspended } from './suspended.ts';
import type { Pending } from './task-update.ts';

/** Encoded arguments; `large`: they lay in the object store, whose limits apply. */
export type ArgumentBytes = { readonly bytes: Uint8Array; readonly large: boolean };

/**
 * The body of one run and what it has registered: called here, or in a thread. Nothing of it rejects or throws, whatever
 * handlers do.
 */
export type Body = {
  readonly hasAborts: boolean;
  readonly hasCleanups: boolean;
  /** Whether `giveUp` ends the code of the body, and not only the waiting for it. */
  readonly canBeEnded: boolean;
  /** Calls the handler; resolves when it has ended, or was given up. Called once. `left`: by the tasks it waited for. */
  readonly execute: (args: ArgumentBytes | undefined, left?: readonly HandedOver[]) => Promise<BodyEnd | Suspended>;
  /** Aborts the signal. The first cause stands. */
  readonly stop: (cause: StopCause) => void;
  /** Runs abort handlers that have not run yet; resolves with the failures of all. `observed`: they begin. */
  readonly runAborts: (observed: () => void) => Promise<readonly TaskError[]>;
  readonly runCleanups: () => Promise<readonly TaskError[]>;
  /** Waits no longer: `execute` resolves with this, handlers that run count as ended, with these failures. */
  readonly giveUp: (end: Threw, handlerErrors?: readonly TaskError[]) => void;
  /** Leaves the body where it waits: `execute` resolves with this, and nothing behind the wait runs. */
  readonly leave: (at: Suspended) => void;
  /** The run is over; what the body still does has no effect. */
  readonly close: () => void;
};

/** What a body asks its run. Plain data, as the answer is: both go from thread to thread. */
export type BodyQuestion =
  /** Whether it was done, in this run or an earlier one. */
  | { readonly kind: 'find-step'; readonly name: string }
  /** It is done; the `number`th of this run. */
  | { readonly kind: 'keep-step'; readonly name: string; readonly number: number; readonly result?: Sized }
  /** Encoded; absent: it has none any more. */
  | { readonly kind: 'set-cancel-handle'; readonly data?: Uint8Array };

export type BodyAnswer =
  | { readonly kind: 'done'; readonly result?: ArgumentBytes }
  | { readonly kind: 'not-done' }
  | { readonly kind: 'kept' }
  | { readonly kind: 'refused'; readonly code: StepRefusalCode; readonly message: string }
  | { readonly kind: 'handle-refused'; readonly code: CancelHandleRefusalCode; readonly message: string }
  /** The task is not this run's any more, or its process goes. */
  | { readonly kind: 'lost' };

/** What a body tells its run. */
export type BodyOwner = {
  readonly log: () => Log;
  /** The handler asked for the signal for the first time, or registered the first handler of a kind. */
  readonly asked: (what: 'signal' | 'abort' | 'cleanup') => void;
  readonly updated: (pending: Pending, immediate: boolean) => void;
  /** Answers a wait; undefined: the body is left where it waits, or is told to stop. Absent: it cannot wait. */
  readonly waitForSignal?: (wait: SignalWait) => Promise<SignalEntry | undefined>;
  /** Never rejects. */
  readonly answer: (question: BodyQuestion) => Promise<BodyAnswer>;
  /** Likewise for children. */
  readonly waitForChildren?: (wait: ChildrenWait) => Promise<ChildrenCame | undefined>;
  /** Absent: it can spawn nothing. `stopped`: why the body is to stop, where it is. */
  readonly spawn?: (order: SpawnOrder, stopped: () => StopReason | undefined) => Promise<Child>;
  /** Something in the context of the body threw and nobody caught it (behaviour X9). */
  readonly crashed: (end: Threw) => void;
};
