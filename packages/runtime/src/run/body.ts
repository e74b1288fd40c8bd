import type { TaskError } from '@baton/core';
import type { Log } from '../log.ts';
import type { BodyEnd, Threw } from './body-end.ts';
import type { StopCause } from './context.ts';
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
  /** Calls the handler; resolves when it has ended, or was given up. Called once. */
  readonly execute: (args: ArgumentBytes | undefined) => Promise<BodyEnd>;
  /** Aborts the signal. The first cause stands. */
  readonly stop: (cause: StopCause) => void;
  /** Runs abort handlers that have not run yet; resolves with the failures of all. `observed`: they begin. */
  readonly runAborts: (observed: () => void) => Promise<readonly TaskError[]>;
  readonly runCleanups: () => Promise<readonly TaskError[]>;
  /** Waits no longer: `execute` resolves with this, handlers that run count as ended, with these failures. */
  readonly giveUp: (end: Threw, handlerErrors?: readonly TaskError[]) => void;
  /** The run is over; what the body still does has no effect. */
  readonly close: () => void;
};

/** What a body tells its run. */
export type BodyOwner = {
  readonly log: () => Log;
  /** The handler asked for the signal for the first time, or registered the first handler of a kind. */
  readonly asked: (what: 'signal' | 'abort' | 'cleanup') => void;
  readonly updated: (pending: Pending, immediate: boolean) => void;
  /** Something in the context of the body threw and nobody caught it (behaviour X9). */
  readonly crashed: (end: Threw) => void;
};
