import { BatonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Chance, Clock } from '../ports/environment.ts';

/** The projector was asked to stop while it waited. What it held is not acknowledged and comes again. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** Waits; ends early, with Stopped, when the signal aborts. */
export const pause = (clock: Clock, ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(new Stopped());
    const stop = (): void => {
      timer.cancel();
      reject(new Stopped());
    };
    const timer = clock.after(ms, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    signal.addEventListener('abort', stop, { once: true });
  });

/**
 * Tries something again and again for as long as it takes: the projection may wait, it may not skip. One line when an
 * outage begins, one when it is over.
 */
export class OutageRetry {
  private readonly what: string;
  private readonly clock: Clock;
  private readonly chance: Chance;
  private readonly log: Log;
  private readonly signal: AbortSignal;
  private readonly longestMs: number;
  private since: number | undefined;
  private failures = 0;

  /** `longestMs`: of a pause between two tries, default 5,000. Short for what is back within seconds and waited for. */
  constructor(
    what: string,
    ports: { readonly clock: Clock; readonly chance: Chance },
    log: Log,
    signal: AbortSignal,
    longestMs: number = LONGEST_PAUSE_MS,
  ) {
    this.longestMs = longestMs;
    this.what = what;
    this.clock = ports.clock;
    this.chance = ports.chance;
    this.log = log;
    this.signal = signal;
  }

  /** Repeats while it rejects with a BatonError. Any other error is a bug and is thrown on; Stopped when asked to stop. */
  async until<T>(attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      if (this.signal.aborted) throw new Stopped();
      try {
        const value = await attempt();
        this.worked();
        return value;
      } catch (error) {
        if (!(error instanceof BatonError)) throw error;
        this.failed(error);
      }
      await this.rest();
    }
  }

  /** The pause that is due after the failures so far. */
  private async rest(): Promise<void> {
    const most = Math.min(this.longestMs, FIRST_PAUSE_MS * 2 ** Math.min(this.failures, 10));
    await pause(this.clock, most * (0.5 + this.chance.random() / 2), this.signal);
  }

  private failed(error: BatonError): void {
    this.failures++;
    if (this.since !== undefined) return;
    this.since = this.clock.monotonic();
    this.log.warn({ code: error.code, reason: error.message }, `${this.what}: does not work, trying until it does`);
  }

  private worked(): void {
    if (this.since === undefined) return;
    const seconds = Math.round((this.clock.monotonic() - this.since) / 1_000);
    this.log.info({ seconds, failures: this.failures }, `${this.what}: works again`);
    this.since = undefined;
    this.failures = 0;
  }
}
