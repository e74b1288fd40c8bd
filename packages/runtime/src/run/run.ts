import { isOwnedUnder, type BodyOutcome, type Fence, type TaskError, type TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import type { Log } from '../log.ts';
import type { Held, Kernel } from '../kernel.ts';
import type { Chance, Clock, DataStore, Signals } from '../ports.ts';
import { runInContext, StopReason, type StopCause, type TaskUpdate, type UpdateOptions } from './context.ts';
import type { TaskDefinition } from './definition.ts';
import { Handlers } from './handlers.ts';
import { OwnedTask, type Told } from './owned-task.ts';
import { ProgressWriter } from './progress-writer.ts';
import { RunContext } from './run-context.ts';
import { isLarge, RunData, small, type BodyEnd } from './run-data.ts';
import { isTerminalError, retryAfterOf, taskErrorOf } from './task-error.ts';

export type RunSettings = {
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly signals: Signals;
  readonly data: DataStore;
  /** Largest encoded result, bytes; DATA_LIMIT when not set. */
  readonly dataLimit?: number;
  readonly log: Log;
  readonly address: Address;
  readonly worker: string;
  /** The record as the claim left it. */
  readonly claimed: Held;
  readonly definition: TaskDefinition;
  readonly throttleMs: number;
};

/** How a run left the task; `lost`: somebody else has it, or it was ended without us. */
export type RunEnd = { readonly kind: 'left'; readonly held: Held } | { readonly kind: 'lost' };

/**
 * One run of one body, from the claim to the end of the attempt.
 *
 * The record is the truth and this follows it: an abort is what the record says, however it was heard of (a poke, the
 * answer to a write, a look after a reconnect). Body and abort handlers run side by side; cleanup handlers run after
 * both; then the end is told. Between the return of the body and the cleanup handlers the record is marked `finishing`,
 * so that no timeout and no cancel comes between what ran and what is recorded (behaviour L3).
 */
export class Run {
  readonly address: Address;
  readonly fence: Fence;
  private readonly settings: RunSettings;
  private readonly task: OwnedTask;
  private readonly data: RunData;
  private readonly startedAt: number;
  // Made when first asked for: most runs need few of these, and each costs more than the rest of a short run.
  private progress: ProgressWriter | undefined;
  private aborts: Handlers | undefined;
  private cleanups: Handlers | undefined;
  private controller: AbortController | undefined;
  private stopReason: StopReason | undefined;
  private context: RunContext | undefined;
  private timer: { readonly cancel: () => void } | undefined;
  private aborting: Promise<readonly TaskError[]> | undefined;
  private bodyEnded = false;
  private overdue = false;
  private givingBack: string | undefined;
  private abandoned = false;
  private childLog: Log | undefined;

  constructor(settings: RunSettings) {
    const { owner } = settings.claimed.record;
    if (owner === undefined) throw new Error('a run of a task without an owner');
    this.settings = settings;
    this.address = settings.address;
    this.fence = owner.fence;
    this.startedAt = settings.clock.monotonic();
    const { kernel, clock, address, claimed, data, dataLimit } = settings;
    this.task = new OwnedTask({ kernel, clock, address, claimed, fence: owner.fence, listener: this });
    this.data = new RunData({
      data,
      clock,
      address,
      log: () => this.log(),
      ...(dataLimit === undefined ? {} : { limit: dataLimit }),
      wanted: (part) => !this.task.lost && !this.abandoned && (part === 'result' || this.givingBack === undefined),
    });
  }

  get record(): TaskRecord {
    return this.task.record;
  }

  /** The record as the claim left it. */
  get claimedRecord(): TaskRecord {
    return this.settings.claimed.record;
  }

  /** Runs the body to the end of the attempt. Never rejects. */
  async execute(): Promise<RunEnd> {
    this.startTimeout();
    const body = await this.runBody();
    this.bodyEnded = true;
    this.timer?.cancel();
    if (this.progress !== undefined) await this.progress.flush();
    const end = await this.finish(body);
    this.progress?.close();
    return end;
  }

  /** Reads the record again: an abort may be waiting there. */
  look(): Promise<void> {
    return this.task.look();
  }

  /** Tells the body to stop for a reason of ours. What throws from here on is given back, not failed (behaviour R5). */
  interrupt(cause: 'drain' | 'lease_lost'): void {
    this.givingBack ??= cause;
    this.stop(cause);
  }

  /** Hands the task back while its body still runs on; what it writes later is fenced off. */
  async giveBack(why: string): Promise<RunEnd> {
    await this.progress?.flush();
    return this.left(await this.tellGiveBack(why));
  }

  /** Stops repeating what has no answer. */
  abandon(): void {
    this.abandoned = true;
    this.task.close();
  }

  private async runBody(): Promise<BodyEnd> {
    let args: readonly unknown[];
    try {
      const given = this.data.arguments(this.record);
      args = given instanceof Promise ? await given : given;
    } catch (error) {
      return { kind: 'threw', error: taskErrorOf(error), terminal: true };
    }
    const { definition } = this.settings;
    const context = new RunContext(this);
    this.context = context;
    try {
      const result = await runInContext(context, async () => definition.handler(...(args as never[])));
      return this.data.returned(result);
    } catch (thrown) {
      return this.threw(thrown);
    }
  }

  private threw(thrown: unknown): BodyEnd {
    const error = taskErrorOf(thrown);
    if (isTerminalError(thrown)) return { kind: 'threw', error, terminal: true };
    const { retryOn } = this.settings.definition;
    const terminal = retryOn !== undefined && !this.worthIt(retryOn, thrown);
    const retryAfterMs = retryAfterOf(thrown);
    return {
      kind: 'threw',
      error,
      ...(terminal ? { terminal } : {}),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    };
  }

  private worthIt(retryOn: (error: unknown) => boolean, thrown: unknown): boolean {
    try {
      return retryOn(thrown);
    } catch (error) {
      this.log().warn({ err: error }, 'retryOn threw; the failure counts as one that may be retried');
      return true;
    }
  }

  private async finish(body: BodyEnd): Promise<RunEnd> {
    if (body.kind === 'threw' && this.givingBack !== undefined && this.aborting === undefined) {
      await this.runCleanups();
      const told = await this.tellGiveBack(this.givingBack);
      if (told.kind !== 'refused' || told.reason !== 'aborting') return this.left(told);
      this.abort();
    }
    const takesTime = this.cleanups !== undefined || isLarge(body);
    if (this.aborting === undefined && takesTime && !this.task.lost) {
      const marked = await this.task.tell({ kind: 'mark-finishing', at: this.now(), fence: this.fence });
      if (marked.kind === 'refused' && marked.reason === 'aborting') this.abort();
    }
    for (;;) {
      const handlerErrors = await this.handlerErrors();
      const isSuccess = handlerErrors.length === 0 && this.aborting === undefined;
      const outcome = isSuccess ? await this.data.keep(body, this.record.id, this.fence) : small(body);
      if (outcome === undefined) return { kind: 'lost' };
      const told = await this.tellEnd(outcome, handlerErrors);
      if (told.kind === 'refused') this.data.drop(outcome);
      // A cancel or a timeout was recorded first: its handlers run before the task may end.
      if (told.kind === 'refused' && told.reason === 'aborting' && this.aborting === undefined) {
        this.abort();
        continue;
      }
      return this.left(told);
    }
  }

  private tellGiveBack(why: string): Promise<Told> {
    return this.task.tell({ kind: 'give-back', at: this.now(), fence: this.fence, why });
  }

  private async tellEnd(body: BodyOutcome, handlerErrors: readonly TaskError[]): Promise<Told> {
    const command = {
      kind: 'finish',
      at: this.now(),
      fence: this.fence,
      body,
      handlerErrors,
      abortHandled: this.aborting !== undefined || this.aborts === undefined,
      random: this.settings.chance.random(),
    } as const;
    const told = await this.task.tell(command);
    if (told.kind !== 'refused' || told.reason !== 'PAYLOAD_TOO_LARGE') return told;
    const error = { message: 'the record would be too large with this result', type: 'result_too_large' };
    return this.task.tell({ ...command, body: { kind: 'threw', error, terminal: true } });
  }

  private left(told: Told): RunEnd {
    return told.kind === 'done' ? { kind: 'left', held: told.held } : { kind: 'lost' };
  }

  private async handlerErrors(): Promise<readonly TaskError[]> {
    if (this.aborting === undefined && this.cleanups === undefined) return [];
    await this.aborting;
    // Asked again: some may have been registered while the others ran.
    const aborts = this.aborting === undefined ? [] : await this.inContext(async () => this.aborts?.run() ?? []);
    return [...aborts, ...(await this.runCleanups())];
  }

  private async runCleanups(): Promise<readonly TaskError[]> {
    const { cleanups } = this;
    return cleanups === undefined ? [] : this.inContext(() => cleanups.run());
  }

  private inContext<T>(body: () => T): T {
    return this.context === undefined ? body() : runInContext(this.context, body);
  }

  /** The record has changed under us: somebody joined, or the abort is there. */
  changed(record: TaskRecord): void {
    if (record.status === 'aborting') this.abort();
  }

  private abort(): void {
    if (this.aborting !== undefined) return;
    const deliveredAt = this.now();
    const cause: StopCause = this.record.abort?.cause ?? 'cancel';
    this.timer?.cancel();
    this.aborting = this.inContext(async () => {
      this.stop(cause);
      const errors = this.aborts?.run() ?? [];
      void this.task.tell(
        { kind: 'observe-abort', at: this.now(), fence: this.fence, deliveredAt, observedAt: this.now() },
        () => !this.bodyEnded,
      );
      return errors;
    });
  }

  /** The task is somebody else's now. */
  lostIt(): void {
    this.timer?.cancel();
    this.progress?.close();
    this.stop('lease_lost');
    this.log().warn(
      this.bodyEnded
        ? 'the task was taken over or ended elsewhere; the end of its body here does not count'
        : 'the task was taken over or ended elsewhere; what its body still does is fenced off',
    );
  }

  /** Measured here on the monotonic clock, so never early; the supervisor keeps it when this process cannot. */
  private startTimeout(): void {
    const { timeoutMs } = this.record.policy;
    if (timeoutMs === undefined) return;
    const { clock } = this.settings;
    const wait = this.startedAt + timeoutMs - clock.monotonic();
    this.timer = clock.after(wait, () => {
      if (clock.monotonic() < this.startedAt + timeoutMs) this.startTimeout();
      else void this.timeOut();
    });
  }

  private async timeOut(): Promise<void> {
    const { kernel, worker } = this.settings;
    this.overdue = true;
    // That the body can be stopped may still be on its way into the record.
    await this.task.quiet();
    if (this.bodyEnded) return;
    const by = `worker:${worker}`;
    const asked = await kernel.ask(this.address, () => ({ kind: 'time-out', at: this.now(), by, fence: this.fence }));
    if (asked.kind !== 'done' || !isOwnedUnder(asked.record, this.fence)) return;
    if (asked.record.timeoutUnenforced) {
      const text = `timeout of ${this.record.policy.timeoutMs} ms passed, but the task has no abort handler: it runs on`;
      this.log().warn(text);
    }
    await this.look();
  }

  private makeAbortable(): void {
    if (this.record.abortable || this.bodyEnded) return;
    const told = this.task.tell(
      { kind: 'make-abortable', at: this.now(), fence: this.fence },
      () => !this.bodyEnded && !this.record.abortable,
    );
    // A body that could not be stopped when its time was over can be now.
    void told.then(() => {
      if (this.overdue && this.aborting === undefined) void this.timeOut();
    });
  }

  /** For the context: what a handler does. */
  update(update: TaskUpdate, options: UpdateOptions): void {
    if (this.bodyEnded || this.task.lost) return;
    this.progress ??= this.makeProgress();
    this.progress.update(update, options);
  }

  signal(): AbortSignal {
    this.makeAbortable();
    this.controller ??= new AbortController();
    if (this.stopReason !== undefined) this.controller.abort(this.stopReason);
    return this.controller.signal;
  }

  onAbort(handler: () => unknown): void {
    this.aborts ??= new Handlers();
    this.aborts.add(handler);
    if (this.aborting !== undefined && !this.aborts.called) void this.aborts.run();
    this.makeAbortable();
  }

  onCleanup(handler: () => unknown): void {
    this.cleanups ??= new Handlers();
    this.cleanups.add(handler);
  }

  private stop(cause: StopCause): void {
    this.stopReason ??= new StopReason(cause);
    this.controller?.abort(this.stopReason);
  }

  private makeProgress(): ProgressWriter {
    const { clock, signals, throttleMs } = this.settings;
    return new ProgressWriter({
      clock,
      signals,
      throttleMs,
      taskId: this.record.id,
      log: () => this.log(),
      write: async (pending) => {
        await this.task.tell({ kind: 'progress', at: this.now(), fence: this.fence, ...pending });
      },
    });
  }

  private now(): number {
    return this.settings.clock.now();
  }

  log(): Log {
    const { id, type, key, attempt } = this.record;
    this.childLog ??= this.settings.log.child({ task: id, type, key, attempt });
    return this.childLog;
  }
}
