import type { Watched } from './task-index.ts';

/** What a supervisor does to a task. Each is a compare-and-set, or safe to do twice. */
export type Act = 'time-out' | 'mark-not-stopping' | 'rescue' | 'promote' | 'expire';

export type ActCounts = { readonly [K in Act]: { readonly settled: number; readonly again: number } };

/** `again`: nothing came of it, or nobody knows; to be tried again after a pause. */
export type ActOutcome = 'settled' | 'again';

type Queued = { readonly watched: Watched; readonly act: Act; readonly revision: number };

export type ActsOptions = {
  readonly parallel: number;
  /** Never rejects. */
  readonly perform: (watched: Watched, act: Act) => Promise<ActOutcome>;
  /** `revision`: what was known of the task when the act was asked for. */
  readonly done: (watched: Watched, act: Act, outcome: ActOutcome, revision: number) => void;
};

/** Runs acts, so many at once, one per task. The line before it is bounded by the number of tasks. */
export class Acts {
  private readonly options: ActsOptions;
  private readonly queue: Queued[] = [];
  private next = 0;
  private running = 0;
  private stopped = false;
  private idle: (() => void)[] = [];
  private readonly tally = new Map<Act, { settled: number; again: number }>();

  constructor(options: ActsOptions) {
    this.options = options;
  }

  /** Asks for an act, unless one for this task is under way: after that one the task is looked at again anyhow. */
  ask(watched: Watched, act: Act): void {
    if (watched.busy || this.stopped) return;
    watched.busy = true;
    this.queue.push({ watched, act, revision: watched.revision });
    this.pump();
  }

  get load(): number {
    return this.running + this.queue.length - this.next;
  }

  counts(): ActCounts {
    const of = (act: Act) => ({ ...(this.tally.get(act) ?? NONE) });
    return {
      'time-out': of('time-out'),
      'mark-not-stopping': of('mark-not-stopping'),
      rescue: of('rescue'),
      promote: of('promote'),
      expire: of('expire'),
    };
  }

  /** Begins nothing more; resolves when what has begun is over. */
  stop(): Promise<void> {
    this.stopped = true;
    this.queue.length = 0;
    this.next = 0;
    return this.running === 0 ? Promise.resolve() : new Promise((resolve) => this.idle.push(resolve));
  }

  private pump(): void {
    while (this.running < this.options.parallel) {
      const queued = this.take();
      if (queued === undefined) return;
      this.running++;
      void this.options.perform(queued.watched, queued.act).then((outcome) => this.finish(queued, outcome));
    }
  }

  /** The queue is read by an index: shifting a long array costs its length. */
  private take(): Queued | undefined {
    const queued = this.queue[this.next];
    if (queued === undefined) return undefined;
    this.next++;
    if (this.next === this.queue.length) {
      this.queue.length = 0;
      this.next = 0;
    }
    return queued;
  }

  private finish({ watched, act, revision }: Queued, outcome: ActOutcome): void {
    this.running--;
    watched.busy = false;
    const tally = this.tally.get(act) ?? { ...NONE };
    tally[outcome]++;
    this.tally.set(act, tally);
    if (!this.stopped) this.options.done(watched, act, outcome, revision);
    this.pump();
    if (this.running === 0) for (const resolve of this.idle.splice(0)) resolve();
  }
}

const NONE = { settled: 0, again: 0 };
