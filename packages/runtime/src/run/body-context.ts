import type { Fence, Progress, TaskId } from '@baton/core';
import { decodeData, PAYLOAD_LIMIT } from '@baton/protocols';
import type { Log } from '../log.ts';
import type { TaskContext, TaskUpdate, UpdateOptions } from './context.ts';
import type { TaskFacts } from './facts.ts';
import { TAKE_STRAY, type TakesStray } from './stray-error.ts';

/** What a context needs of its body. */
export type ContextBody = {
  readonly log: () => Log;
  readonly signal: () => AbortSignal;
  readonly update: (update: TaskUpdate, options: UpdateOptions) => void;
  readonly onAbort: (handler: () => unknown) => void;
  readonly onCleanup: (handler: () => unknown) => void;
  readonly stray: (thrown: unknown) => void;
};

/**
 * What a handler sees of its run. Everything is made when it is asked for: a handler that asks for nothing pays nothing.
 * The functions are bound, since handlers take them out (`const { updateTask } = getContext()`).
 */
export class BodyContext implements TaskContext, TakesStray {
  private readonly facts: TaskFacts;
  private readonly body: ContextBody;
  private former: TaskContext['previous'] | undefined;

  constructor(facts: TaskFacts, body: ContextBody) {
    this.facts = facts;
    this.body = body;
  }

  get taskId(): TaskId {
    return this.facts.taskId;
  }

  get taskKey(): string {
    return this.facts.taskKey;
  }

  get taskType(): string {
    return this.facts.taskType;
  }

  get attempt(): number {
    return this.facts.attempt;
  }

  get fence(): Fence {
    return this.facts.fence;
  }

  get idempotencyKey(): string {
    return this.facts.taskId;
  }

  get user(): { readonly id: string } | undefined {
    const { user } = this.facts;
    return user === undefined ? undefined : { id: user };
  }

  get previous(): { readonly progress: Progress | undefined; readonly payload: unknown } {
    this.former ??= readFormer(this.facts.previous);
    return this.former;
  }

  get log(): Log {
    return this.body.log();
  }

  get signal(): AbortSignal {
    return this.body.signal();
  }

  get updateTask(): (update: TaskUpdate, options?: UpdateOptions) => void {
    return (update, options = {}) => this.body.update(update, options);
  }

  get onAbort(): (handler: () => unknown) => void {
    return (handler) => this.body.onAbort(handler);
  }

  get onCleanup(): (handler: () => unknown) => void {
    return (handler) => this.body.onCleanup(handler);
  }

  [TAKE_STRAY](thrown: unknown): void {
    this.body.stray(thrown);
  }
}

const readFormer = ({ progress, payload }: TaskFacts['previous']): TaskContext['previous'] => ({
  progress,
  payload: payload === undefined ? undefined : decodeData(payload, PAYLOAD_LIMIT),
});
