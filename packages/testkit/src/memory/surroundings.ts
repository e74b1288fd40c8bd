import type { Clock } from '@baton/runtime';
import type { Random } from '../random.ts';
import { Faults } from './faults.ts';
import { TraceLog } from './trace.ts';

export type SurroundingsOptions = {
  readonly clock: Clock;
  readonly random: Random;
  /** How long one way to the server takes, milliseconds, drawn between the two. [0, 0]: no time passes. */
  readonly latencyMs: readonly [least: number, most: number];
  /** How long a caller waits for an answer. */
  readonly timeoutMs: number;
  /** The clock is virtual: nothing may depend on the event loop's own order. */
  readonly virtual: boolean;
};

/** Steps without any time passing after which a program is taken to run in a circle. */
const STANDSTILL_LIMIT = 2_000_000;

/** What all parts of a world share: time, chance, faults and the trace. */
export class Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly timeoutMs: number;
  readonly faults: Faults;
  readonly trace = new TraceLog();
  private readonly latencyMs: readonly [number, number];
  private readonly virtual: boolean;
  private readonly timers = new Set<{ readonly cancel: () => void }>();
  private closed = false;
  private stillAt = -1;
  private stillFor = 0;

  constructor(options: SurroundingsOptions) {
    this.clock = options.clock;
    this.random = options.random.fork('wire');
    this.faults = new Faults(options.random.fork('faults'));
    this.timeoutMs = options.timeoutMs;
    this.latencyMs = options.latencyMs;
    this.virtual = options.virtual;
  }

  /** A timer of the server's side; goes with the world. */
  after(ms: number, run: () => void): { readonly cancel: () => void } {
    if (this.closed) return { cancel: () => undefined };
    const timer = this.clock.after(ms, () => {
      this.timers.delete(handle);
      run();
    });
    const handle = {
      cancel: () => {
        this.timers.delete(handle);
        timer.cancel();
      },
    };
    this.timers.add(handle);
    return handle;
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /**
   * One way over the wire. Where that takes no time it still takes a number of promise jobs that is drawn from the seed:
   * two requests made at once arrive in either order.
   */
  async leg(extraMs = 0): Promise<void> {
    const [least, most] = this.latencyMs;
    const ms = extraMs + (most > 0 ? least + this.random.next() * (most - least) : 0);
    if (ms > 0) return this.wait(ms);
    this.noteStandstill();
    if (!this.virtual) await nextImmediate();
    for (let jobs = this.random.int(4); jobs > 0; jobs--) await Promise.resolve();
  }

  note(node: string, op: string, subject: string, outcome: string): void {
    this.trace.add(`${this.clock.monotonic().toFixed(3)} ${node} ${op} ${subject} ${outcome}`);
  }

  close(): void {
    this.closed = true;
    for (const timer of [...this.timers]) timer.cancel();
  }

  /** Promise jobs alone starve every timer, that of a test's own limit included: better said than hung. */
  private noteStandstill(): void {
    if (!this.virtual) return;
    const now = this.clock.monotonic();
    this.stillFor = now === this.stillAt ? this.stillFor + 1 : 0;
    this.stillAt = now;
    if (this.stillFor > STANDSTILL_LIMIT) {
      throw new Error(`${STANDSTILL_LIMIT} steps at one moment of virtual time: something runs in a circle`);
    }
  }
}

const nextImmediate = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
