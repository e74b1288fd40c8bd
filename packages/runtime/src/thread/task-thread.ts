import { Worker } from 'node:worker_threads';
import type { TaskError } from '@baton/core';
import type { StopCause } from '../run/context.ts';
import { taskErrorOf } from '../run/task-error.ts';
import {
  STOP_CAUSES,
  type FromThread,
  type RunNews,
  type RunOrder,
  type ThreadStart,
  type ToThread,
} from './messages.ts';
import { repeatWarning } from './warnings.ts';

/** Which thread a task needs. */
export type ThreadKind = {
  /** URL of the module that defines the task. */
  readonly module: string;
  /** Most memory of its objects, MiB, and of its buffers as much again. */
  readonly memoryMb: number;
};

export type RunListener = {
  readonly news: (news: RunNews) => void;
  /** The thread has ended without being told to. */
  readonly died: (error: TaskError) => void;
};

/** The process's side of one task thread. */
export class TaskThread {
  readonly kind: ThreadKind;
  /** Types the module defines. Rejects with ThreadModuleError when it cannot be loaded. */
  readonly loaded: Promise<readonly string[]>;
  private readonly worker: Worker;
  private readonly stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  private readonly onEnd: (thread: TaskThread) => void;
  private listener: RunListener | undefined;
  private run = 0;
  private fault: TaskError | undefined;
  private ended = false;
  private settleLoaded: { readonly yes: (types: readonly string[]) => void; readonly no: (error: Error) => void };

  constructor(kind: ThreadKind, onEnd: (thread: TaskThread) => void) {
    this.kind = kind;
    this.onEnd = onEnd;
    let yes!: (types: readonly string[]) => void;
    let no!: (error: Error) => void;
    this.loaded = new Promise((resolve, reject) => {
      yes = resolve;
      no = reject;
    });
    this.loaded.catch(() => undefined); // Whoever waits is told; nobody has to wait.
    this.settleLoaded = { yes, no };
    const start: ThreadStart = { module: kind.module, memoryMb: kind.memoryMb, stop: this.stop.buffer };
    this.worker = new Worker(new URL('./task.thread.mjs', import.meta.url), {
      workerData: start,
      resourceLimits: { maxOldGenerationSizeMb: kind.memoryMb },
    });
    this.worker.on('message', (message: FromThread) => this.hear(message));
    this.worker.on('error', (thrown) => (this.fault ??= taskErrorOf(thrown)));
    this.worker.on('exit', (code) => this.exited(code));
  }

  get isAlive(): boolean {
    return !this.ended;
  }

  /** An idle thread keeps no process alive. */
  rest(): void {
    this.worker.unref();
  }

  /** Starts a run; the one before is closed. */
  begin(order: Omit<RunOrder, 'kind' | 'run'>, listener: RunListener): void {
    this.worker.ref();
    this.listener = listener;
    Atomics.store(this.stop, 0, 0);
    this.post({ kind: 'run', run: ++this.run, ...order });
  }

  /** Seen by a body that looks at its signal, also where its event loop does not turn. */
  askToStop(cause: StopCause): void {
    Atomics.compareExchange(this.stop, 0, 0, STOP_CAUSES.indexOf(cause) + 1);
    this.post({ kind: 'stop', cause });
  }

  post(order: ToThread): void {
    this.worker.postMessage(order);
  }

  /** The run is over: what comes of it from now on is not heard. */
  close(): void {
    this.listener = undefined;
    this.post({ kind: 'close' });
  }

  /** Ends it, whatever it does; a run in it is told that it died. */
  async terminate(): Promise<void> {
    this.end();
    await this.worker.terminate();
  }

  private hear(message: FromThread): void {
    if ('run' in message) {
      if (message.run === this.run) this.listener?.news(message);
    } else if (message.kind === 'loaded') this.settleLoaded.yes(message.types);
    else if (message.kind === 'warning') repeatWarning(message.warning);
    else this.fault ??= message.error;
  }

  private exited(code: number): void {
    const error = this.fault ?? exitError(code);
    this.settleLoaded.no(new ThreadModuleError(this.kind.module, error));
    const { listener } = this;
    this.listener = undefined;
    this.end();
    listener?.died(error);
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    this.onEnd(this);
  }
}

/** The module of an isolated task could not be loaded in its thread. */
export class ThreadModuleError extends Error {
  override readonly name = 'ThreadModuleError';
  constructor(module: string, error: TaskError) {
    super(`the task thread could not load ${module}: ${error.type}: ${error.message}`);
    if (error.stack !== undefined) this.stack = error.stack;
  }
}

const exitError = (code: number): TaskError => ({
  message: `the thread of the task ended by itself with exit code ${code}`,
  type: 'ThreadExitedError',
});
