import type { ExitCode, WorkerProcess } from './worker-process.ts';

export type WatchedWorkerOptions = {
  /** Starts a process that loads the tasks as they are now, and waits. */
  readonly start: () => WorkerProcess;
  readonly say: (text: string) => void;
};

/**
 * One worker after the other: the next one loads its tasks while the present one serves. When they are loaded the present one takes nothing
 * new and ends what runs, and only then the next one serves. One that cannot load its tasks changes nothing.
 */
export class WatchedWorker {
  private readonly options: WatchedWorkerOptions;
  /** Serves, or drains. */
  private present: WorkerProcess | undefined;
  /** Has loaded its tasks, and waits until the present one has drained. */
  private ready: WorkerProcess | undefined;
  private loading: WorkerProcess | undefined;
  private drained: Promise<unknown> | undefined;
  private stopping = false;

  constructor(options: WatchedWorkerOptions) {
    this.options = options;
  }

  /** What is loaded now is out of date. Resolves when the new tasks are served, refused, or out of date themselves. */
  async reload(): Promise<void> {
    const { start, say } = this.options;
    if (this.stopping) return;
    this.loading?.signal('SIGTERM');
    const next = start();
    this.loading = next;
    const isLoaded = await next.loaded;
    if (this.loading !== next) return;
    this.loading = undefined;
    if (!isLoaded) {
      const isServed = (this.present ?? this.ready) !== undefined;
      say(`the tasks could not be loaded: ${isServed ? 'it goes on with those it has' : 'waiting for a change'}`);
      return;
    }
    this.ready?.signal('SIGTERM');
    this.ready = next;
    await this.drain();
    if (this.ready !== next || this.stopping) return;
    this.ready = undefined;
    this.drained = undefined;
    this.present = next;
    next.serve();
    void this.follow(next);
  }

  /** Every process gets the signal. Resolves with the exit code of the worker that served when all are gone. */
  async stop(signal: NodeJS.Signals): Promise<ExitCode> {
    this.stopping = true;
    const { present, ready, loading } = this;
    for (const each of [present, ready, loading]) each?.signal(signal);
    const [code = 0] = await Promise.all([present?.ended, ready?.ended, loading?.ended]);
    return code;
  }

  /** Once for each worker: a second signal would end it at once. */
  private async drain(): Promise<void> {
    const { present } = this;
    if (this.drained === undefined && present !== undefined) {
      this.options.say('the tasks have changed: what runs is drained first');
      present.signal('SIGTERM');
      this.drained = present.ended;
    }
    await this.drained;
  }

  private async follow(worker: WorkerProcess): Promise<void> {
    const code = await worker.ended;
    if (this.present !== worker) return;
    this.present = undefined;
    if (this.stopping || this.ready !== undefined) return;
    this.options.say(`the worker ended with code ${code}: waiting for a change`);
  }
}
