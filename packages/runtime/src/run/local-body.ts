import type { Tags, TaskError } from '@baton/core';
import { decodeData, decodeLargeData, DecodeError, RECORD_LIMIT } from '@baton/protocols';
import {
  SPAWN,
  type ChildOutcome,
  type ChildTask,
  type Spawnable,
  type SpawnOrder,
  type WaitForOptions,
} from '../children/child-task.ts';
import type { HandedOver } from '../dependencies/handed-over.ts';
import { readMember } from '../describe.ts';
import {
  CancelHandleRefusedError,
  InvalidArgumentError,
  SpawnRefusedError,
  StepRefusedError,
  WaitRefusedError,
} from '../errors.ts';
import type { Log } from '../log.ts';
import type { ArgumentBytes, Body, BodyOwner } from './body.ts';
import { returnedEnd, stoppedBefore, threwEnd, type BodyEnd, type Threw } from './body-end.ts';
import {
  runInContext,
  StopReason,
  type StopCause,
  type TaskUpdate,
  type UpdateOptions,
  type WaitOptions,
} from './context.ts';
import type { TaskDefinition } from './definition.ts';
import type { TaskFacts } from './facts.ts';
import { Handlers } from './handlers.ts';
import { BodyContext } from './body-context.ts';
import { encodedHandle, HANDLE_TOO_LATE_TEXT } from './run-cancel-handle.ts';
import { answered, STEP_TOO_LATE_TEXT, Steps } from './steps.ts';
import { ChildrenWaits } from './children-waits.ts';
import { SignalWaits } from './signal-waits.ts';
import type { Suspended } from './suspended.ts';
import { taskErrorOf } from './task-error.ts';
import { NO_TAGS, readUpdate } from './task-update.ts';
import { WaitGate } from './wait-gate.ts';
import { watchfulSignal } from './watchful-signal.ts';

export type LocalBodySettings = {
  readonly definition: Pick<TaskDefinition, 'handler' | 'retryOn'>;
  readonly facts: TaskFacts;
  readonly owner: BodyOwner;
  /** Largest encoded result, bytes. */
  readonly resultLimit: number;
  /**
   * In a thread: whether the other thread wants this body to stop, known without a turn of the event loop. Asked whenever
   * the handler looks at its signal or tells its progress, so that a loop without `await` can be stopped.
   */
  readonly stopAsked?: () => StopCause | undefined;
  /** Puts what the body and its handlers do below the span of their run, where that is traced. */
  readonly within?: <T>(run: () => T) => T;
};

/** What `await` would wait for. */
const isThenable = (value: unknown): boolean =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as { readonly then?: unknown }).then === 'function';

/** A body that is called in this thread. */
export class LocalBody implements Body {
  readonly canBeEnded = false;
  private readonly settings: LocalBodySettings;
  private readonly context: BodyContext;
  // Made when first asked for: most runs need few of these, and each costs more than the rest of a short run.
  private aborts: Handlers | undefined;
  private cleanups: Handlers | undefined;
  private controller: AbortController | undefined;
  private stopReason: StopReason | undefined;
  private gate: WaitGate | undefined;
  private signals: SignalWaits | undefined;
  private children: ChildrenWaits | undefined;
  private steps: Steps | undefined;
  private settle: ((end: BodyEnd | Suspended) => void) | undefined;
  private aborting = false;
  private closed = false;
  private isOver = false;
  /** With what the handler has said of them. */
  private currentTags: Tags;

  constructor(settings: LocalBodySettings) {
    this.settings = settings;
    this.context = new BodyContext(settings.facts, this);
    this.currentTags = settings.facts.tags ?? NO_TAGS;
  }

  get hasAborts(): boolean {
    return this.aborts !== undefined;
  }

  get hasCleanups(): boolean {
    return this.cleanups !== undefined;
  }

  execute(given: ArgumentBytes | undefined, left?: readonly HandedOver[]): Promise<BodyEnd | Suspended> {
    // What it was to be given took its time.
    if (this.stopReason !== undefined) return Promise.resolve(stoppedBefore(this.stopReason.cause));
    if (left !== undefined) this.context.handedOver = left;
    const { definition, resultLimit } = this.settings;
    let args: readonly unknown[];
    try {
      args = argumentsIn(given);
    } catch (error) {
      return Promise.resolve({ kind: 'threw', error: taskErrorOf(error), terminal: true });
    }
    return new Promise((resolve) => {
      this.settle = resolve;
      let came: unknown;
      try {
        came = this.inside<unknown>(() => definition.handler(...(args as never[])));
        // One that returns at once needs no promise of its own.
        if (!isThenable(came)) return this.ended(returnedEnd(came, resultLimit));
      } catch (thrown) {
        return this.ended(this.threw(thrown));
      }
      // Inside: what is no promise yet, such as a query, begins when it is waited for. And some steps later than the promise
      // itself: that an abort has reached the body is told before what it came to.
      this.inside(async () => came).then(
        (result) => this.ended(returnedEnd(result, resultLimit)),
        (thrown: unknown) => this.ended(this.threw(thrown)),
      );
    });
  }

  stop(cause: StopCause): void {
    this.stopReason ??= new StopReason(cause);
    this.abortSignal(this.stopReason);
    this.gate?.stop(this.stopReason);
  }

  leave(at: Suspended): void {
    this.isOver = true;
    this.gate?.leave();
    this.settle?.(at);
  }

  runAborts(observed: () => void): Promise<readonly TaskError[]> {
    return this.inside(() => {
      this.aborting = true;
      const errors = this.aborts?.run() ?? NONE;
      observed();
      return errors;
    });
  }

  runCleanups(): Promise<readonly TaskError[]> {
    return this.inside(() => this.cleanups?.run() ?? NONE);
  }

  giveUp(end: Threw): void {
    this.settle?.(end);
  }

  close(): void {
    this.closed = true;
  }

  // What the handler does, by its context.

  log(): Log {
    return this.settings.owner.log();
  }

  tags(): Tags {
    return this.currentTags;
  }

  signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.settings.stopAsked !== undefined) watchfulSignal(this.controller.signal, () => this.lookForStop());
    }
    this.settings.owner.asked('signal');
    if (this.stopReason !== undefined) this.abortSignal(this.stopReason);
    return this.controller.signal;
  }

  update(update: TaskUpdate, options: UpdateOptions): void {
    this.lookForStop();
    // Also from its handlers, when the body has ended (behaviour C5).
    if (this.closed) return;
    const { owner } = this.settings;
    const pending = readUpdate(update, () => owner.log(), this.currentTags);
    if (pending?.tags !== undefined) this.currentTags = pending.tags;
    if (pending !== undefined) owner.updated(pending, isImmediate(options));
  }

  onAbort(handler: () => unknown): void {
    this.aborts ??= new Handlers();
    this.aborts.add(handler);
    // The others have had their turn, or there were none: it was asked for, and is never left out.
    if (this.aborting && !this.aborts.called) void this.aborts.run();
    this.settings.owner.asked('abort');
  }

  onCleanup(handler: () => unknown): void {
    this.cleanups ??= new Handlers();
    this.cleanups.add(handler);
    this.settings.owner.asked('cleanup');
  }

  async waitForSignal(name: string, options: WaitOptions): Promise<unknown> {
    const gate = this.waitGate();
    this.signals ??= new SignalWaits(gate);
    return this.signals.wait(name, options, this.settings.owner);
  }

  async waitFor(children: ChildTask | readonly ChildTask[], options: WaitForOptions): Promise<readonly ChildOutcome[]> {
    const gate = this.waitGate();
    this.children ??= new ChildrenWaits(gate);
    return this.children.wait(children, options, this.settings.owner);
  }

  async spawn(task: Spawnable<unknown[], unknown>, args: readonly unknown[]): Promise<ChildTask> {
    this.lookForStop();
    if (this.isOver || this.closed) {
      const text = 'only the handler of a task can spawn another: what runs after it, or beside it, cannot';
      throw new SpawnRefusedError('SPAWN_UNSUPPORTED', text);
    }
    const order = orderOf(task, args);
    const { spawn } = this.settings.owner;
    if (spawn === undefined) {
      const text = "a body in a thread of its own cannot spawn another: leave out isolation: 'thread'";
      throw new SpawnRefusedError('SPAWN_UNSUPPORTED', text);
    }
    if (this.stopReason !== undefined) throw this.stopReason;
    const { id, address, name } = await spawn(order, () => this.stopReason);
    return { uuid: id, address, name };
  }

  async step(name: string, run: () => unknown): Promise<unknown> {
    this.lookForStop();
    if (this.isOver || this.closed) throw new StepRefusedError('STEP_TOO_LATE', STEP_TOO_LATE_TEXT);
    const { owner, resultLimit: limit } = this.settings;
    this.steps ??= new Steps({
      ask: (question) => owner.answer(question),
      stopped: () => this.stopReason?.cause,
      limit,
    });
    return this.steps.run(name, run);
  }

  async setCancelHandle(handle: unknown): Promise<void> {
    this.lookForStop();
    if (this.isOver || this.closed) throw new CancelHandleRefusedError('CANCEL_HANDLE_TOO_LATE', HANDLE_TOO_LATE_TEXT);
    const data = handle === undefined ? undefined : encodedHandle(handle);
    const answer = await this.settings.owner.answer({
      kind: 'set-cancel-handle',
      ...(data === undefined ? {} : { data }),
    });
    answered(answer);
  }

  stray(thrown: unknown): void {
    this.settings.owner.crashed(this.threw(thrown));
  }

  /** Throws WaitRefusedError for what is not the handler. */
  private waitGate(): WaitGate {
    this.lookForStop();
    if (this.isOver || this.closed) {
      const text = 'only the handler of a task can wait: what runs after it, or beside it, cannot';
      throw new WaitRefusedError('WAIT_UNSUPPORTED', text);
    }
    if (this.gate === undefined) {
      this.gate = new WaitGate();
      if (this.stopReason !== undefined) this.gate.stop(this.stopReason);
    }
    return this.gate;
  }

  private ended(end: BodyEnd): void {
    this.isOver = true;
    this.settle?.(end);
  }

  /** In the context of the task: what a listener of the signal throws is thrown there (behaviour X9). */
  private abortSignal(reason: StopReason): void {
    const { controller } = this;
    if (controller !== undefined) runInContext(this.context, () => controller.abort(reason));
  }

  private inside<T>(run: () => T): T {
    const { within } = this.settings;
    return runInContext(this.context, within === undefined ? run : () => within(run));
  }

  private threw(thrown: unknown): Threw {
    const { definition, owner } = this.settings;
    return threwEnd(thrown, definition.retryOn, () => owner.log());
  }

  private lookForStop(): void {
    if (this.stopReason !== undefined) return;
    const cause = this.settings.stopAsked?.();
    if (cause !== undefined) this.stop(cause);
  }
}

/** Throws InvalidArgumentError for what is no task. */
const orderOf = (task: unknown, args: readonly unknown[]): SpawnOrder => {
  const make: unknown = typeof task === 'function' ? Reflect.get(task, SPAWN) : undefined;
  if (typeof make === 'function') return make(...args) as SpawnOrder;
  throw new InvalidArgumentError('spawn: takes a task, or task.with(options), and its arguments');
};

/** Handlers pass anything, and what they pass may throw when it is read. */
const isImmediate = (options: UpdateOptions): boolean => readMember(options, 'immediate') === true;

const NONE: Promise<readonly TaskError[]> = Promise.resolve([]);

/** Throws DecodeError for bytes that are no arguments. */
const argumentsIn = (given: ArgumentBytes | undefined): readonly unknown[] => {
  if (given === undefined) return [];
  const args = given.large ? decodeLargeData(given.bytes) : decodeData(given.bytes, RECORD_LIMIT);
  if (!Array.isArray(args)) throw new DecodeError('the arguments are not a list');
  return args;
};
