import { BatonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../ports.ts';
import { pause, Stopped } from './patience.ts';
import type { Counters, LagMeter } from './stats.ts';

/** After the start the log brings most of what a sweep would find. */
const FIRST_AFTER_MS = 10_000;

/** When a mark was not confirmed, or the last sweep broke off. */
const SOON_MS = 30_000;

/** More events than this in front: what is swept would be written twice. */
const BUSY_EVENTS = 1_000;

type SweeperParts = {
  readonly sweep: () => Promise<number>;
  readonly clock: Clock;
  readonly log: Log;
  readonly everyMs: number;
  readonly meter: LagMeter;
  readonly counters: Counters;
};

/** Decides when the bucket is looked through: some time after the start, then rarely, sooner when a mark is missing. */
export class Sweeper {
  private readonly parts: SweeperParts;
  private readonly stopping = new AbortController();
  private current: Promise<number> | undefined;
  private unmarkedBefore = 0;
  private lastAt: number;
  private broken = false;

  constructor(parts: SweeperParts) {
    this.parts = parts;
    this.lastAt = parts.clock.monotonic();
  }

  /** Runs until it is stopped, then rejects with Stopped. */
  async run(): Promise<never> {
    const { clock, everyMs } = this.parts;
    await pause(clock, Math.min(FIRST_AFTER_MS, everyMs), this.stopping.signal);
    for (;;) {
      if (!this.isBusy()) await this.attempt();
      do await pause(clock, Math.min(SOON_MS, everyMs), this.stopping.signal);
      while (!this.isDue());
    }
  }

  /** One sweep now, or the one that is on its way. */
  now(): Promise<number> {
    this.current ??= this.sweep().finally(() => {
      this.current = undefined;
    });
    return this.current;
  }

  stop(): void {
    this.stopping.abort();
  }

  private async sweep(): Promise<number> {
    this.unmarkedBefore = this.parts.counters.unmarked;
    this.lastAt = this.parts.clock.monotonic();
    const swept = await this.parts.sweep();
    this.parts.counters.sweeps++;
    return swept;
  }

  private async attempt(): Promise<void> {
    try {
      await this.now();
      this.broken = false;
    } catch (error) {
      if (error instanceof Stopped || !(error instanceof BatonError)) throw error;
      this.broken = true;
      this.parts.log.warn(
        { code: error.code, reason: error.message },
        'the look through the bucket broke off; it is repeated',
      );
    }
  }

  private isBusy(): boolean {
    return this.parts.meter.lag().events > BUSY_EVENTS;
  }

  private isDue(): boolean {
    if (this.isBusy()) return false;
    const early = this.broken || this.parts.counters.unmarked > this.unmarkedBefore;
    return early || this.parts.clock.monotonic() - this.lastAt >= this.parts.everyMs;
  }
}
