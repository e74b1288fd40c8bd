import { isOwnedUnder, type Fence } from '@baton/core';
import type { Address } from '@baton/protocols';
import type { Log } from '../log.ts';
import type { Kernel } from '../kernel.ts';
import type { Clock } from '../ports/environment.ts';

type Settings = {
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly address: Address;
  readonly fence: Fence;
  readonly worker: string;
  readonly timeoutMs: number | undefined;
  readonly log: () => Log;
  /** Resolves when what the body has asked for is in the record. */
  readonly settled: () => Promise<void>;
  readonly isOver: () => boolean;
  /** The record has the timeout now. */
  readonly recorded: () => Promise<void>;
};

/**
 * The timeout of one run: measured here on the monotonic clock, so never early; the supervisor keeps it when this process
 * cannot (behaviour T4).
 */
export class RunTimeout {
  private readonly settings: Settings;
  private readonly startedAt: number;
  private timer: { readonly cancel: () => void } | undefined;
  private overdue = false;

  constructor(settings: Settings) {
    this.settings = settings;
    this.startedAt = settings.clock.monotonic();
  }

  start(): void {
    const { clock, timeoutMs } = this.settings;
    if (timeoutMs === undefined) return;
    const wait = this.startedAt + timeoutMs - clock.monotonic();
    this.timer = clock.after(wait, () => {
      if (clock.monotonic() < this.startedAt + timeoutMs) this.start();
      else void this.ring();
    });
  }

  stop(): void {
    this.timer?.cancel();
  }

  /** A body that could not be stopped when its time was over can be now. */
  nowAbortable(): void {
    if (this.overdue) void this.ring();
  }

  private async ring(): Promise<void> {
    const { kernel, clock, address, fence, worker, timeoutMs, log, settled, isOver, recorded } = this.settings;
    this.overdue = true;
    // That the body can be stopped may still be on its way into the record.
    await settled();
    if (isOver()) return;
    const by = `worker:${worker}`;
    const asked = await kernel.ask(address, () => ({ kind: 'time-out', at: clock.now(), by, fence }), { urgent: true });
    if (asked.kind !== 'done' || !isOwnedUnder(asked.record, fence)) return;
    if (asked.record.timeoutUnenforced) {
      log().warn(`timeout of ${timeoutMs} ms passed, but the task has no abort handler: it runs on`);
    }
    await recorded();
  }
}
