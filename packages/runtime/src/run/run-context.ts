import type { Fence, Progress, TaskId } from '@baton/core';
import { decodeData, PAYLOAD_LIMIT } from '@baton/protocols';
import type { Log } from '../log.ts';
import type { TaskContext, TaskUpdate, UpdateOptions } from './context.ts';
import type { Run } from './run.ts';

/**
 * What a handler sees of its run. Everything is made when it is asked for: a handler that asks for nothing pays nothing.
 * The functions are bound, since handlers take them out (`const { updateTask } = getContext()`).
 */
export class RunContext implements TaskContext {
  readonly taskId: TaskId;
  readonly taskKey: string;
  readonly taskType: string;
  readonly attempt: number;
  readonly fence: Fence;
  private readonly run: Run;
  private former: TaskContext['previous'] | undefined;

  constructor(run: Run) {
    const { id, key, type, attempt } = run.record;
    this.run = run;
    this.taskId = id;
    this.taskKey = key;
    this.taskType = type;
    this.attempt = attempt;
    this.fence = run.fence;
  }

  get idempotencyKey(): string {
    return this.taskId;
  }

  get user(): { readonly id: string } | undefined {
    const { creator } = this.run.record;
    return creator === undefined ? undefined : { id: creator };
  }

  get previous(): { readonly progress: Progress | undefined; readonly payload: unknown } {
    this.former ??= readFormer(this.run);
    return this.former;
  }

  get log(): Log {
    return this.run.log();
  }

  get signal(): AbortSignal {
    return this.run.signal();
  }

  get updateTask(): (update: TaskUpdate, options?: UpdateOptions) => void {
    return (update, options = {}) => this.run.update(update, options);
  }

  get onAbort(): (handler: () => unknown) => void {
    return (handler) => this.run.onAbort(handler);
  }

  get onCleanup(): (handler: () => unknown) => void {
    return (handler) => this.run.onCleanup(handler);
  }
}

/** As the claim found it: what this run has written since is not the former run's. */
const readFormer = (run: Run): TaskContext['previous'] => {
  const { progress, payload } = run.claimedRecord;
  return { progress, payload: payload instanceof Uint8Array ? decodeData(payload, PAYLOAD_LIMIT) : undefined };
};
