import { Fifo } from '../../fifo.ts';
import type { Watched } from './task-index.ts';

/** What a supervisor does to a task. Each is a compare-and-set, or safe to do twice. */
export type Action = 'time-out' | 'mark-not-stopping' | 'rescue' | 'promote' | 'expire';

export type ActionCounts = { readonly [K in Action]: { readonly settled: number; readonly again: number } };

/** `again`: nothing came of it, or nobody knows; to be tried again after a pause. `later`: nobody is there who could do it. */
export type ActionOutcome = 'settled' | 'again' | 'later';

type Queued = { readonly watched: Watched; readonly action: Action; readonly revision: number };

export type ActionRunnerOptions = {
  readonly parallel: number;
  /** Never rejects. */
  readonly perform: (watched: Watched, action: Action) => Promise<ActionOutcome>;
  /** `revision`: what was known of the task when the action was asked for. */
  readonly done: (watched: Watched, action: Action, outcome: ActionOutcome, revision: number) => void;
};

/** Runs actions, so many at once, one per task. The line before it is bounded by the number of tasks. */
export class ActionRunner {
  private readonly options: ActionRunnerOptions;
  private readonly queue = new Fifo<Queued>();
  private running = 0;
  private stopped = false;
  private idle: (() => void)[] = [];
  private readonly tally = new Map<Action, { settled: number; again: number }>();

  constructor(options: ActionRunnerOptions) {
    this.options = options;
  }

  /** Asks for an action, unless one for this task is under way: after that one the task is looked at again anyhow. */
  ask(watched: Watched, action: Action): void {
    if (watched.busy || this.stopped) return;
    watched.busy = true;
    this.queue.push({ watched, action, revision: watched.revision });
    this.pump();
  }

  get load(): number {
    return this.running + this.queue.size;
  }

  counts(): ActionCounts {
    const of = (action: Action) => ({ ...(this.tally.get(action) ?? NONE) });
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
    this.queue.clear();
    return this.running === 0 ? Promise.resolve() : new Promise((resolve) => this.idle.push(resolve));
  }

  private pump(): void {
    while (this.running < this.options.parallel) {
      const queued = this.queue.take();
      if (queued === undefined) return;
      this.running++;
      void this.options.perform(queued.watched, queued.action).then((outcome) => this.finish(queued, outcome));
    }
  }

  private finish({ watched, action, revision }: Queued, outcome: ActionOutcome): void {
    this.running--;
    watched.busy = false;
    const tally = this.tally.get(action) ?? { ...NONE };
    tally[outcome === 'settled' ? 'settled' : 'again']++;
    this.tally.set(action, tally);
    if (!this.stopped) this.options.done(watched, action, outcome, revision);
    this.pump();
    if (this.running === 0) for (const resolve of this.idle.splice(0)) resolve();
  }
}

const NONE = { settled: 0, again: 0 };
