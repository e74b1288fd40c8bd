import { backoffDelayMs } from '@baton/core';
import type { Log } from '../../log.ts';
import type { Chance, Clock, Closing } from '../../ports/environment.ts';

/** Between two tries to open. */
const AGAIN = { initialMs: 500, factor: 2, maxMs: 10_000, jitter: 0.5 };

export type SharedConsumerOptions = {
  /** For people: `what is due`. */
  readonly what: string;
  readonly open: () => Promise<Closing>;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly log: Log;
};

/** Where work comes in that all supervisors share. Opened until it is open: a supervisor is of use without it, too. */
export class SharedConsumer {
  private readonly options: SharedConsumerOptions;
  private opened: Closing | undefined;
  private timer: { readonly cancel: () => void } | undefined;
  private failures = 0;
  private stopped = false;

  constructor(options: SharedConsumerOptions) {
    this.options = options;
  }

  start(): void {
    void this.open();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    await this.opened?.close();
  }

  private async open(): Promise<void> {
    const { what, log, clock, chance } = this.options;
    try {
      const opened = await this.options.open();
      if (this.stopped) await opened.close();
      else this.opened = opened;
    } catch (error) {
      if (this.stopped) return;
      const pauseMs = backoffDelayMs(AGAIN, ++this.failures, chance.random());
      log.warn({ err: error, pauseMs: Math.round(pauseMs) }, `${what} cannot be read yet; tried again`);
      this.timer = clock.after(pauseMs, () => void this.open());
    }
  }
}
