import type { TaskError } from '@baton/core';
import { decodeData, decodeLargeData, DecodeError, RECORD_LIMIT } from '@baton/protocols';
import { readMember } from '../describe.ts';
import type { Log } from '../log.ts';
import type { ArgumentBytes, Body, BodyOwner } from './body.ts';
import { returnedEnd, threwEnd, type BodyEnd, type Threw } from './body-end.ts';
import { runInContext, StopReason, type StopCause, type TaskUpdate, type UpdateOptions } from './context.ts';
import type { TaskDefinition } from './definition.ts';
import type { TaskFacts } from './facts.ts';
import { Handlers } from './handlers.ts';
import { BodyContext } from './body-context.ts';
import { taskErrorOf } from './task-error.ts';
import { readUpdate } from './task-update.ts';
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
  private settle: ((end: BodyEnd) => void) | undefined;
  private aborting = false;
  private closed = false;

  constructor(settings: LocalBodySettings) {
    this.settings = settings;
    this.context = new BodyContext(settings.facts, this);
  }

  get hasAborts(): boolean {
    return this.aborts !== undefined;
  }

  get hasCleanups(): boolean {
    return this.cleanups !== undefined;
  }

  execute(given: ArgumentBytes | undefined): Promise<BodyEnd> {
    const { definition, resultLimit } = this.settings;
    let args: readonly unknown[];
    try {
      args = argumentsIn(given);
    } catch (error) {
      return Promise.resolve({ kind: 'threw', error: taskErrorOf(error), terminal: true });
    }
    return new Promise((resolve) => {
      this.settle = resolve;
      this.inside(async () => definition.handler(...(args as never[]))).then(
        (result) => this.settle?.(returnedEnd(result, resultLimit)),
        (thrown: unknown) => this.settle?.(this.threw(thrown)),
      );
    });
  }

  stop(cause: StopCause): void {
    this.stopReason ??= new StopReason(cause);
    this.abortSignal(this.stopReason);
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
    const pending = readUpdate(update, () => owner.log());
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

  stray(thrown: unknown): void {
    this.settings.owner.crashed(this.threw(thrown));
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
