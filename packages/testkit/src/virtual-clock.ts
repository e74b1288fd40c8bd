import type { Clock, Subscription } from '@baton/runtime';
import { createRandom } from './random.ts';
import { TimerHeap, type Timer } from './timer-heap.ts';

/**
 * Time that passes only when told to. Timers that are due at the same moment run in an order drawn from the seed, and
 * everything one of them sets going (promises, not sockets or files) is done before the next one runs: the same seed
 * gives the same run.
 */
export type VirtualClock = Clock & {
  /** Lets `ms` milliseconds pass and runs what is due in them. */
  readonly advance: (ms: number) => Promise<void>;
  /** Lets time pass until no timer is left. Throws when some still are after `limitMs` (default an hour). */
  readonly runUntilIdle: (options?: { readonly limitMs?: number }) => Promise<void>;
  /**
   * Lets time pass until the promise is settled, and gives what it gave. Throws when it still is not after `limitMs`
   * (default an hour), or when no timer is left that it could be waiting for.
   */
  readonly settle: <T>(promise: Promise<T>, options?: { readonly limitMs?: number }) => Promise<T>;
  /** Called after every timer and all it set going: the place for invariants. What it throws, `advance` throws. */
  readonly onStep: (listener: () => void) => Subscription;
  /** Timers that have not run. */
  readonly pending: () => number;
};

export type VirtualClockOptions = {
  readonly seed?: number | string;
  /** Wall clock at the start, milliseconds since 1970. */
  readonly startAt?: number;
};

const DEFAULT_START = Date.UTC(2025, 0, 1);
const DEFAULT_LIMIT_MS = 3_600_000;

export const createVirtualClock = (options: VirtualClockOptions = {}): VirtualClock => new Virtual(options);

class Virtual implements VirtualClock {
  private readonly startAt: number;
  private readonly random;
  private readonly timers = new TimerHeap();
  private readonly steps = new Set<() => void>();
  private elapsed = 0;
  private count = 0;
  private running = false;

  constructor(options: VirtualClockOptions) {
    this.startAt = options.startAt ?? DEFAULT_START;
    this.random = createRandom(options.seed ?? 1).fork('clock');
  }

  readonly now = (): number => this.startAt + Math.floor(this.elapsed);
  readonly monotonic = (): number => this.elapsed;
  readonly pending = (): number => this.timers.size;

  readonly after = (ms: number, run: () => void): { readonly cancel: () => void } => {
    const at = this.elapsed + (ms > 0 ? ms : 0);
    const timer: Timer = { at, tie: this.random.next(), order: this.count++, run, cancelled: false };
    this.timers.push(timer);
    return { cancel: () => this.timers.cancel(timer) };
  };

  readonly onStep = (listener: () => void): Subscription => {
    this.steps.add(listener);
    return { close: () => this.steps.delete(listener) };
  };

  readonly advance = (ms: number): Promise<void> =>
    this.alone(async () => {
      const until = this.elapsed + ms;
      await drain();
      for (let next = this.timers.peek(); next !== undefined && next.at <= until; next = this.timers.peek()) {
        await this.step();
      }
      this.elapsed = Math.max(this.elapsed, until);
    });

  readonly runUntilIdle = ({ limitMs = DEFAULT_LIMIT_MS } = {}): Promise<void> =>
    this.alone(async () => {
      const until = this.elapsed + limitMs;
      await drain();
      for (let next = this.timers.peek(); next !== undefined; next = this.timers.peek()) {
        if (next.at > until) throw new Error(`${this.timers.size} timers are left after ${limitMs} ms of virtual time`);
        await this.step();
      }
    });

  readonly settle = async <T>(promise: Promise<T>, { limitMs = DEFAULT_LIMIT_MS } = {}): Promise<T> => {
    let settled = false;
    const settle = () => {
      settled = true;
    };
    promise.then(settle, settle);
    await this.alone(async () => {
      const until = this.elapsed + limitMs;
      for (await drain(); !settled; await this.step()) {
        const next = this.timers.peek();
        if (next === undefined) throw new Error('a promise waits for what no timer will bring');
        if (next.at > until) throw new Error(`a promise was not settled within ${limitMs} ms of virtual time`);
      }
    });
    return promise;
  };

  private async step(): Promise<void> {
    const timer = this.timers.pop();
    if (timer === undefined) return;
    this.elapsed = Math.max(this.elapsed, timer.at);
    timer.run();
    await drain();
    for (const listener of this.steps) listener();
  }

  /** Two who let time pass at once would each run into the other's future. */
  private async alone(run: () => Promise<void>): Promise<void> {
    if (this.running) throw new Error('the virtual clock is already being advanced');
    this.running = true;
    try {
      await run();
    } finally {
      this.running = false;
    }
  }
}

/** All promise jobs run before an immediate does, also those that are added meanwhile. */
const drain = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
