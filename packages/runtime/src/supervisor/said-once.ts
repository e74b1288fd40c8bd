import type { Clock } from '../ports/environment.ts';

/** Keys remembered; beyond it the oldest may be said again. */
const KEYS = 1_000;

/** Says a thing once in a while, however often it happens. */
export class SaidOnce {
  private readonly clock: Clock;
  private readonly everyMs: number;
  private readonly saidAt = new Map<string, number>();

  /** `everyMs`: infinite for what is said once and never again. */
  constructor(clock: Clock, everyMs: number) {
    this.clock = clock;
    this.everyMs = everyMs;
  }

  say(key: string, speak: () => void): void {
    const now = this.clock.monotonic();
    const last = this.saidAt.get(key);
    if (last !== undefined && now - last < this.everyMs) return;
    this.saidAt.delete(key);
    this.saidAt.set(key, now);
    const [oldest] = this.saidAt.keys();
    if (this.saidAt.size > KEYS && oldest !== undefined) this.saidAt.delete(oldest);
    speak();
  }
}
