import type { VirtualClock } from '../virtual-clock.ts';

/**
 * Lets virtual time pass while somebody waits. Several may wait at once, for each other even: there is one who turns the
 * clock, as long as anybody waits.
 */
export class Passing {
  private readonly clock: VirtualClock;
  private readonly limitMs: number;
  private readonly waiting = new Set<Promise<unknown>>();
  private turning: Promise<void> | undefined;

  constructor(clock: VirtualClock, limitMs: number) {
    this.clock = clock;
    this.limitMs = limitMs;
  }

  /** What the promise gives. Rejects when it is not settled within the limit, or waits for what no time will bring. */
  async until<T>(promise: Promise<T>): Promise<T> {
    const settled = promise.then(
      () => {},
      () => {},
    );
    this.waiting.add(settled);
    void settled.then(() => this.waiting.delete(settled));
    const turning = (this.turning ??= this.turn());
    // A clock that cannot be turned on says why; the promise alone would just hang.
    await Promise.race([settled, turning.then(() => settled)]);
    return promise;
  }

  private async turn(): Promise<void> {
    try {
      while (this.waiting.size > 0) {
        await this.clock.settle(Promise.race(this.waiting), { limitMs: this.limitMs });
        // The race is won a moment before the winner has left the set.
        await Promise.resolve();
      }
    } finally {
      this.turning = undefined;
    }
  }

  /** Lets so much time pass, once nobody else turns the clock. */
  async advance(ms: number): Promise<void> {
    await this.turning;
    await this.clock.advance(ms);
  }
}
