import { abortGraceMsOf, type Fence, type SignalEntry, type TaskError, type TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import { Spawner } from '../children/spawner.ts';
import { taskFields, type Log } from '../log.ts';
import type { Chance, Clock } from '../ports/environment.ts';
import { bodyOf, threadEnded } from './body-of.ts';
import type { Body, BodyOwner, BodyAnswer, BodyQuestion } from './body.ts';
import type { BodyEnd, Threw } from './body-end.ts';
import type { StopCause } from './context.ts';
import { OwnedTask } from './owned-task.ts';
import { ProgressWriter } from './progress-writer.ts';
import { RunData } from './run-data.ts';
import { answerChildren, answerWait, suspendRun } from './run-suspend.ts';
import { setCancelHandle } from './run-cancel-handle.ts';
import { answerStep } from './run-steps.ts';
import type { ChildrenCame, ChildrenWait, SignalWait, Suspended } from './suspended.ts';
import { finishRun, leftBy, tellGiveBack, type Ending, type GivingBack, type RunEnd } from './run-finish.ts';
import type { RunSettings } from './run-settings.ts';
import { RunTimeout } from './run-timeout.ts';
import { taskErrorOf } from './task-error.ts';
import { storeUpdate, type Pending } from './task-update.ts';

export type { RunEnd } from './run-finish.ts';

/** A body in whose context something was thrown and not caught may take this long to end by itself. */
const CRASH_GRACE_MS = 5_000;

/**
 * One run of one body, from the claim to the end of the attempt.
 *
 * The record is the truth and this follows it: an abort is what the record says, however it was heard of (a poke, the
 * answer to a write, a look after a reconnect). Body and abort handlers run side by side; cleanup handlers run after
 * both; then the end is told. Between the return of the body and the cleanup handlers the record is marked `finishing`,
 * so that no timeout and no cancel comes between what ran and what is recorded (behaviour L3).
 */
export class Run implements BodyOwner, Ending {
  readonly address: Address;
  readonly fence: Fence;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly task: OwnedTask;
  readonly data: RunData;
  readonly body: Body;
  aborting: Promise<readonly TaskError[]> | undefined;
  givingBack: GivingBack | undefined;
  forced = false;
  readonly strays: TaskError[] = [];
  private readonly settings: RunSettings;
  private readonly timeout: RunTimeout;
  // Made when first asked for: most runs need neither, and each costs more than the rest of a short run.
  private progress: ProgressWriter | undefined;
  private childLog: Log | undefined;
  private spawner: Spawner | undefined;
  /** That it is abortable is being stored. */
  private registering: Promise<void> | undefined;
  private grace: { readonly cancel: () => void } | undefined;
  private cleanup: { readonly cancel: () => void } | undefined;
  private crash: Threw | undefined;
  private outageRetry: { readonly cancel: () => void } | undefined;
  private bodyEnded = false;
  private over = false;
  private abandoned = false;

  constructor(settings: RunSettings) {
    const { kernel, clock, address, claimed, data, worker } = settings;
    const { owner, policy } = claimed.record;
    if (owner === undefined) throw new Error('a run of a task without an owner');
    const { fence } = owner;
    this.settings = settings;
    this.clock = clock;
    this.chance = settings.chance;
    this.address = address;
    this.fence = fence;
    this.task = new OwnedTask({ kernel, clock, address, claimed, fence, listener: this });
    this.data = new RunData({
      data,
      clock,
      address,
      log: this.log,
      wanted: (part) => !this.task.lost && !this.abandoned && (part === 'result' || this.givingBack === undefined),
    });
    this.body = bodyOf(settings, fence, this);
    this.timeout = new RunTimeout({
      kernel,
      clock,
      address,
      fence,
      worker,
      timeoutMs: policy.timeoutMs,
      log: this.log,
      settled: () => this.task.quiet(),
      isOver: () => this.bodyEnded || this.aborting !== undefined,
      recorded: () => this.look(),
    });
  }

  get record(): TaskRecord {
    return this.task.record;
  }

  /** Runs the body to the end of the attempt. Never rejects. */
  async execute(): Promise<RunEnd> {
    this.timeout.start();
    // Whoever submitted it may not have known that it can be ended.
    if (this.body.canBeEnded && this.record.policy.isolation === undefined) this.asked('signal');
    const body = await this.runBody();
    this.bodyEnded = true;
    this.timeout.stop();
    this.outageRetry?.cancel();
    // No promise more than needed, here and below: this is the way of every task.
    if (this.progress !== undefined) await this.progress.flush();
    const { span } = this.settings;
    const ended = this.crash ?? body;
    const finished = span?.finishing(ended);
    const end = ended.kind === 'suspended' ? await suspendRun(this, ended) : await finishRun(this, ended);
    finished?.();
    span?.end(end, ended);
    this.over = true;
    this.grace?.cancel();
    this.cleanup?.cancel();
    this.progress?.close();
    this.body.close();
    return end;
  }

  /** Reads the record again: an abort may be waiting there. */
  look(): Promise<void> {
    return this.task.look();
  }

  /** Tells the body to stop for a reason of ours. What throws from here on is given back, not failed (behaviour R5). */
  interrupt(cause: 'drain' | 'lease_lost', by: GivingBack = { why: cause }): void {
    if (by.abnormal) this.givingBack = by;
    else this.givingBack ??= by;
    this.body.stop(cause);
  }

  /** Hands the task back while its body still runs on; what it writes later is fenced off. */
  async giveBack(by: GivingBack): Promise<RunEnd> {
    await this.flush();
    const end = leftBy(await tellGiveBack(this, { ...by, isRunning: true }));
    this.settings.span?.end(end, undefined);
    if (this.body.canBeEnded) this.body.giveUp(threadEnded('the worker stops'));
    return end;
  }

  flush(): Promise<void> | undefined {
    return this.progress?.flush();
  }

  /** Cleanup handlers have the grace of an abort; a thread is ended with them then (behaviour L3). */
  cleaning(running: boolean): void {
    this.cleanup?.cancel();
    if (!running) return;
    const graceMs = abortGraceMsOf(this.record.policy);
    this.cleanup = this.clock.after(graceMs, () => {
      const late = `the cleanup handlers did not end within ${graceMs} ms`;
      this.log().warn(this.body.canBeEnded ? `${late}: their thread is ended` : late);
      if (this.aborting !== undefined || !this.body.canBeEnded) return;
      const end = threadEnded(late);
      this.body.giveUp(end, [end.error]);
    });
  }

  /** Stops repeating what has no answer. */
  abandon(): void {
    this.abandoned = true;
    this.task.close();
  }

  private runBody(): Promise<BodyEnd | Suspended> {
    const args = this.data.arguments(this.record);
    const left = this.data.left(this.record);
    return args instanceof Promise || left !== undefined ? this.runGiven(args, left) : this.body.execute(args);
  }

  private async runGiven(
    args: ReturnType<RunData['arguments']>,
    left: ReturnType<RunData['left']>,
  ): Promise<BodyEnd | Suspended> {
    try {
      const [given, handedOver] = await Promise.all([args, left]);
      return await this.body.execute(given, handedOver);
    } catch (error) {
      return { kind: 'threw', error: taskErrorOf(error), terminal: true };
    }
  }

  /** The record has changed under us: somebody joined, or the abort is there. */
  changed(record: TaskRecord): void {
    if (record.status === 'aborting') this.abort();
  }

  abort(): void {
    if (this.aborting !== undefined) return;
    const deliveredAt = this.clock.now();
    // What has been started does not expire.
    const cause: StopCause = this.record.abort?.cause === 'timeout' ? 'timeout' : 'cancel';
    this.timeout.stop();
    this.body.stop(cause);
    this.aborting = this.body.runAborts(() => {
      void this.task.tell(
        { kind: 'observe-abort', at: this.clock.now(), fence: this.fence, deliveredAt, observedAt: this.clock.now() },
        () => !this.bodyEnded,
      );
    });
    this.endLater();
  }

  /** The task is somebody else's now. */
  lostIt(): void {
    this.timeout.stop();
    this.progress?.close();
    this.body.stop('lease_lost');
    this.endLater();
    this.log().warn(
      this.bodyEnded
        ? 'the task was taken over or ended elsewhere; the end of its body here does not count'
        : 'the task was taken over or ended elsewhere; what its body still does is fenced off',
    );
  }

  /** A body in a thread is ended with it when it has not ended, with its handlers, within the grace (behaviour T5). */
  private endLater(): void {
    if (!this.body.canBeEnded) return;
    const graceMs = abortGraceMsOf(this.record.policy);
    this.grace ??= this.clock.after(graceMs, () => {
      if (this.over) return;
      this.forced = true;
      this.log().warn(`the body did not stop within ${graceMs} ms: its thread is ended`);
      this.body.giveUp(threadEnded('the body did not stop'));
    });
  }

  // What the body tells: see BodyOwner.

  readonly log = (): Log => {
    this.childLog ??= this.settings.log.child({ ...taskFields(this.record), key: this.record.key });
    return this.childLog;
  };

  asked(what: 'signal' | 'abort' | 'cleanup'): void {
    if (what === 'cleanup' || this.record.abortable || this.bodyEnded) return;
    const told = this.task.tell(
      { kind: 'make-abortable', at: this.clock.now(), fence: this.fence },
      () => !this.bodyEnded && !this.record.abortable,
    );
    const registering = told.then(() => {
      if (this.registering === registering) this.registering = undefined;
      if (this.aborting === undefined) this.timeout.nowAbortable();
    });
    this.registering = registering;
  }

  readonly waitForSignal = (wait: SignalWait): Promise<SignalEntry | undefined> => answerWait(this, wait);

  readonly answer = (question: BodyQuestion): Promise<BodyAnswer> =>
    question.kind === 'set-cancel-handle'
      ? setCancelHandle(this, this.settings.definition, question.data)
      : answerStep(this, question);

  readonly waitForChildren = (wait: ChildrenWait): Promise<ChildrenCame | undefined> => answerChildren(this, wait);

  readonly spawn: Required<BodyOwner>['spawn'] = (order, stopped) => {
    const { submits, dataLimit } = this.settings;
    const { address, task, fence } = this;
    this.spawner ??= new Spawner({ submits, address, task, fence, dataLimit });
    return this.spawner.spawn(order, stopped);
  };

  updated(pending: Pending, immediate: boolean): void {
    if (this.over || this.task.lost) return;
    this.progress ??= this.makeProgress();
    this.progress.update(pending, immediate);
  }

  crashed(end: Threw): void {
    const { message, stack } = end.error;
    this.log().error({ stack }, `nobody caught this: ${message}${this.over ? ' (after the end of its task)' : ''}`);
    if (this.over) return;
    if (this.bodyEnded) {
      this.strays.push(end.error);
      return;
    }
    if (this.crash !== undefined) return;
    this.crash = end;
    this.body.stop('failure');
    // It may wait for what will never come now.
    this.outageRetry = this.clock.after(CRASH_GRACE_MS, () => this.body.giveUp(end));
  }

  private makeProgress(): ProgressWriter {
    const { clock, signals, throttleMs } = this.settings;
    return new ProgressWriter({
      clock,
      signals,
      throttleMs,
      taskId: this.record.id,
      before: () => this.registering,
      write: (pending) => storeUpdate(this, pending),
    });
  }
}
