import type { NotedEnd, TaskId } from '@baton/core';
import type { DependencyOutcome } from '../dependencies/handed-over.ts';
import type { Duration } from '../client/duration.ts';
import type { SubmitRequest } from '../client/submit.ts';

/** One for all copies of this module in a process: a task may bring its own. */
export const SPAWN: unique symbol = Symbol.for('baton.spawn.v1') as never;

/** A child as it is asked for. */
export type SpawnOrder = {
  /** Throws InvalidArgumentError for options that a child cannot have. `now`: the server's clock. */
  readonly request: (now: number) => SubmitRequest;
  readonly args: readonly unknown[];
  readonly leave: boolean;
};

/** What `ctx.spawn` takes: a task, or `task.with(options)`. */
export type Spawnable<Args extends unknown[], Result> = {
  readonly [SPAWN]: (...args: Args) => SpawnOrder & { readonly result?: Result };
};

/** A task that the handler has spawned. */
export type ChildTask<Result = unknown> = {
  readonly uuid: TaskId;
  readonly address: string;
  readonly name: string;
  /** Of what it comes to; never there. */
  readonly result?: Result;
};

/** What a child comes to. */
export type ResultOf<Child> = Child extends ChildTask<infer Result> ? Result : never;

export type WaitForOptions = {
  /**
   * `fail` (the default): as soon as one of them has not succeeded the wait throws ChildFailedError. `continue`: it lasts until
   * all have ended, and tells how each of them did.
   */
  readonly onFailure?: 'fail' | 'continue';
  /** Seconds, or text such as "5m" and "2d"; no longer than 366 days, which is what stands when it is left out. */
  readonly timeout?: Duration;
};

/** A child that has ended, with what it left, in the shape of what a task waited for before it began. */
export type ChildOutcome<Result = unknown> = Omit<DependencyOutcome, 'result'> & {
  readonly status: NotedEnd['status'];
  readonly result: Result;
};
