import type { TaskError } from '@baton/core';
import { PROGRESS_LIVE_MS } from '@baton/protocols';
import type { HandedOver } from '../dependencies/handed-over.ts';
import type { ArgumentBytes, Body, BodyOwner, BodyQuestion } from '../run/body.ts';
import { stoppedBefore, type BodyEnd, type Threw } from '../run/body-end.ts';
import type { StopCause } from '../run/context.ts';
import type { TaskFacts } from '../run/facts.ts';
import { taskErrorOf } from '../run/task-error.ts';
import type { RunNews } from './messages.ts';
import type { TaskThread, ThreadKind } from './task-thread.ts';
import type { ThreadPool } from './thread-pool.ts';

export type ThreadBodySettings = {
  readonly threads: ThreadPool;
  readonly kind: ThreadKind;
  readonly facts: TaskFacts;
  readonly owner: BodyOwner;
  /** Largest encoded result, bytes. */
  readonly resultLimit: number;
  /** Every update is to be stored, and not one in a while. */
  readonly everyUpdate: boolean;
};

/** The import of a module that takes longer is said, and said again. */
const SLOW_IMPORT_MS = 10_000;

type Settle = (errors: readonly TaskError[]) => void;

/** A body that is called in a thread, seen from the process (behaviour T5). */
export class ThreadBody implements Body {
  readonly canBeEnded = true;
  private readonly settings: ThreadBodySettings;
  private readonly seen = new Set<string>();
  private readonly handlers: Record<'aborts' | 'cleanups', Settle[]> = { aborts: [], cleanups: [] };
  private thread: TaskThread | undefined;
  private stopCause: StopCause | undefined;
  private settle: ((end: BodyEnd) => void) | undefined;
  private observed: (() => void) | undefined;
  private began = false;
  private isOver = false;
  /** Handlers cannot run any more; this is what they come to. */
  private gone: readonly TaskError[] | undefined;

  constructor(settings: ThreadBodySettings) {
    this.settings = settings;
  }

  get hasAborts(): boolean {
    return this.seen.has('abort');
  }

  get hasCleanups(): boolean {
    return this.seen.has('cleanup');
  }

  execute(args: ArgumentBytes | undefined, left?: readonly HandedOver[]): Promise<BodyEnd> {
    return new Promise((resolve) => {
      this.settle = (end) => {
        this.isOver = true;
        resolve(end);
      };
      if (this.stopCause !== undefined) this.neverBegan(this.stopCause);
      else void this.begin(args, left);
    });
  }

  stop(cause: StopCause): void {
    if (this.stopCause !== undefined) return;
    this.stopCause = cause;
    // A thread that still loads its module has no body yet that could be told.
    if (this.began) this.thread?.askToStop(cause);
    else this.neverBegan(cause);
  }

  runAborts(observed: () => void): Promise<readonly TaskError[]> {
    this.observed = observed;
    return this.runHandlers('aborts');
  }

  runCleanups(): Promise<readonly TaskError[]> {
    return this.runHandlers('cleanups');
  }

  giveUp(end: Threw, handlerErrors: readonly TaskError[] = []): void {
    this.settle?.(end);
    this.leaveHandlers(handlerErrors);
    void this.thread?.terminate();
  }

  /** It cannot wait. */
  leave(): void {}

  close(): void {
    const { thread } = this;
    this.thread = undefined;
    this.leaveHandlers([]);
    if (thread === undefined) return;
    // Its import may never end: the next body would wait for that, too.
    if (!this.began) return void thread.terminate();
    thread.close();
    this.settings.threads.giveBack(thread);
  }

  private async begin(args: ArgumentBytes | undefined, left: readonly HandedOver[] | undefined): Promise<void> {
    const { threads, kind, facts, resultLimit, everyUpdate } = this.settings;
    try {
      const thread = await threads.lend(kind);
      if (thread === undefined) return this.neverBegan('drain');
      // It was stopped while it waited.
      if (this.isOver) return threads.giveBack(thread);
      this.thread = thread;
      await this.loaded(thread);
      if (this.isOver) return;
      this.began = true;
      const updateMs = everyUpdate ? 0 : PROGRESS_LIVE_MS;
      thread.begin(
        { facts, args, resultLimit, updateMs, ...(left === undefined ? {} : { left }) },
        { news: (news) => this.hear(news), died: (error) => this.died(error) },
      );
    } catch (error) {
      this.died(taskErrorOf(error));
    }
  }

  private async loaded(thread: TaskThread): Promise<void> {
    const since = performance.now();
    const { module } = this.settings.kind;
    const timer = setInterval(() => {
      const seconds = Math.round((performance.now() - since) / 1_000);
      this.settings.owner
        .log()
        .warn({ module }, `the module of the task has not been loaded for ${seconds} s: its import does not end`);
    }, SLOW_IMPORT_MS);
    try {
      await thread.loaded;
    } finally {
      clearInterval(timer);
    }
  }

  private neverBegan(cause: StopCause): void {
    this.gone = [];
    this.settle?.(stoppedBefore(cause));
  }

  private runHandlers(which: 'aborts' | 'cleanups'): Promise<readonly TaskError[]> {
    const { thread, gone } = this;
    if (gone !== undefined || thread === undefined) return Promise.resolve(gone ?? []);
    return new Promise((resolve) => {
      this.handlers[which].push(resolve);
      thread.post({ kind: which });
    });
  }

  private hear(news: RunNews): void {
    const { owner } = this.settings;
    switch (news.kind) {
      case 'asked':
        this.seen.add(news.what);
        return owner.asked(news.what);
      case 'updated':
        return owner.updated(news.pending, news.immediate);
      case 'question':
        return void this.answer(news.number, news.question);
      case 'crashed':
        return owner.crashed(news.end);
      case 'aborts-began':
        return this.observed?.();
      case 'handlers-ran':
        return this.handlers[news.which].shift()?.(news.errors);
      case 'ended':
        return this.settle?.(news.end);
      case 'log':
        return owner.log()[news.level](news.fields, news.text);
    }
  }

  private async answer(question: number, asked: BodyQuestion): Promise<void> {
    const { thread } = this;
    const answer = await this.settings.owner.answer(asked);
    // The thread may have another run by now, to which this is nothing.
    if (this.thread === thread) thread?.post({ kind: 'answer', question, answer });
  }

  private died(error: TaskError): void {
    // Handlers that were running have failed, and so have those that a body which has ended has left to run.
    const isRunning = this.handlers.aborts.length + this.handlers.cleanups.length > 0;
    this.leaveHandlers(isRunning || this.isOver ? [error] : []);
    this.settle?.({ kind: 'threw', error });
  }

  private leaveHandlers(errors: readonly TaskError[]): void {
    if (this.gone !== undefined) return;
    this.gone = errors;
    for (const settle of [...this.handlers.aborts.splice(0), ...this.handlers.cleanups.splice(0)]) settle(errors);
  }
}
