import type { Log } from '../log.ts';
import type { Clock } from '../ports.ts';
import type { LagMeter } from './stats.ts';

const LOOK_EVERY_MS = 1_000;

/** A lag that lasts is told again this often. */
const REPEAT_MS = 60_000;

/** Says when the projection is too far behind, once a minute, and when it no longer is (behaviour P5). */
export class LagAlarm {
  private readonly meter: LagMeter;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly limitMs: number;
  private timer = { cancel: (): void => {} };
  private toldAt: number | undefined;

  constructor(meter: LagMeter, clock: Clock, log: Log, limitMs: number) {
    this.meter = meter;
    this.clock = clock;
    this.log = log;
    this.limitMs = limitMs;
  }

  start(): void {
    this.timer = this.clock.after(LOOK_EVERY_MS, () => {
      this.look();
      this.start();
    });
  }

  stop(): void {
    this.timer.cancel();
  }

  private look(): void {
    const lag = this.meter.lag();
    const now = this.clock.monotonic();
    if (lag.ageMs <= this.limitMs) {
      if (this.toldAt !== undefined) this.log.info(lag, 'the projection has caught up');
      this.toldAt = undefined;
      return;
    }
    if (this.toldAt !== undefined && now - this.toldAt < REPEAT_MS) return;
    this.toldAt = now;
    this.log.warn(lag, 'the projection is behind: lists show tasks as they were this long ago');
  }
}
