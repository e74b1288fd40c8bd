import type { Fence, Progress, Tags, TaskId } from '@baton/core';
import { decodeData, PAYLOAD_LIMIT } from '@baton/protocols';
import { outcomeOf, type DependencyOutcome, type HandedOver } from '../dependencies/handed-over.ts';
import type { ChildOutcome, ChildTask, Spawnable, WaitForOptions } from '../children/child-task.ts';
import type { Log } from '../log.ts';
import type { TaskContext, TaskUpdate, UpdateOptions, WaitOptions } from './context.ts';
import type { TaskFacts } from './facts.ts';
import { TAKE_STRAY, type TakesStray } from './stray-error.ts';

/** What a context needs of its body. */
export type ContextBody = {
  readonly log: () => Log;
  readonly tags: () => Tags;
  readonly signal: () => AbortSignal;
  readonly update: (update: TaskUpdate, options: UpdateOptions) => void;
  readonly onAbort: (handler: () => unknown) => void;
  readonly onCleanup: (handler: () => unknown) => void;
  readonly waitForSignal: (name: string, options: WaitOptions) => Promise<unknown>;
  readonly step: (name: string, run: () => unknown) => Promise<unknown>;
  readonly setCancelHandle: (handle: unknown) => Promise<void>;
  readonly spawn: (task: Spawnable<unknown[], unknown>, args: readonly unknown[]) => Promise<ChildTask>;
  readonly waitFor: (
    children: ChildTask | readonly ChildTask[],
    options: WaitForOptions,
  ) => Promise<readonly ChildOutcome[]>;
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
  private outcomes: readonly DependencyOutcome[] | undefined;
  /** What the tasks it waited for have left. */
  handedOver: readonly HandedOver[] = NOTHING;

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

  get tags(): Tags {
    return this.body.tags();
  }

  get previous(): { readonly progress: Progress | undefined; readonly payload: unknown } {
    this.former ??= readFormer(this.facts.previous);
    return this.former;
  }

  get dependencies(): readonly DependencyOutcome[] {
    this.outcomes ??= this.handedOver.map(outcomeOf);
    return this.outcomes;
  }

  get getDependencyPayloads(): () => readonly unknown[] {
    return () => this.dependencies.map(({ payload }) => payload);
  }

  get getDependencyResults(): () => readonly unknown[] {
    return () => this.dependencies.map(({ result }) => result);
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

  get waitForSignal(): <Data = unknown>(name: string, options?: WaitOptions) => Promise<Data> {
    return <Data>(name: string, options: WaitOptions = {}) => this.body.waitForSignal(name, options) as Promise<Data>;
  }

  get step(): <T>(name: string, run: () => T | Promise<T>) => Promise<T> {
    return <T>(name: string, run: () => T | Promise<T>) => this.body.step(name, run) as Promise<T>;
  }

  get setCancelHandle(): (handle: unknown) => Promise<void> {
    return (handle) => this.body.setCancelHandle(handle);
  }

  get spawn(): TaskContext['spawn'] {
    return (task, ...args) => this.body.spawn(task as unknown as Spawnable<unknown[], unknown>, args) as never;
  }

  get waitFor(): TaskContext['waitFor'] {
    return (children: ChildTask | readonly ChildTask[], options: WaitForOptions = {}) =>
      this.body.waitFor(children, options) as never;
  }

  [TAKE_STRAY](thrown: unknown): void {
    this.body.stray(thrown);
  }
}

const NOTHING: readonly HandedOver[] = [];

const readFormer = ({ progress, payload }: TaskFacts['previous']): TaskContext['previous'] => ({
  progress,
  payload: payload === undefined ? undefined : decodeData(payload, PAYLOAD_LIMIT),
});
