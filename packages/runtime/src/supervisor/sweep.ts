import type { Log } from '../log.ts';
import type { Clock, RunQueue } from '../ports.ts';
import type { SaidOnce } from './said-once.ts';
import { keyOf, type Line, type TaskIndex, type Watched } from './task-index.ts';
import type { SupervisorTimings } from './timings.ts';

/** A task dispatched in vain again and again is left in peace for at most 2 to this power times as long. */
const PATIENCE_LIMIT = 7;

/** Tasks of one lane looked at in one sweep. */
const LOOKS = 20_000;

export type SweepOptions = {
  readonly index: TaskIndex;
  readonly queue: RunQueue;
  readonly clock: Clock;
  readonly timings: SupervisorTimings;
  readonly log: Log;
  readonly once: SaidOnce;
  readonly ask: (watched: Watched) => void;
};

/**
 * Finds pending tasks whose dispatch is not in the run queue: whoever should have put it there died in between, or the
 * queue lost it. The queue is not asked task by task. A lane is first in, first out, so a dispatch that was put when
 * its task became pending is gone once the oldest message of the lane is younger than that.
 *
 * Two clocks are compared here, the server's and ours, so it is a presumption. A wrong one costs a second dispatch,
 * which takes the place of the first, and each further one for the same task waits twice as long.
 */
export class Sweep {
  private readonly options: SweepOptions;
  private timer: { readonly cancel: () => void } | undefined;
  private stopped = true;
  private cursor = 0;
  /** How far the server's clock is ahead of ours, at least: no message can be stored later than now. */
  private serverAheadMs = 0;
  private foundCount = 0;

  constructor(options: SweepOptions) {
    this.options = options;
  }

  get found(): number {
    return this.foundCount;
  }

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.plan(this.options.timings.sweepMs);
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
    this.timer = undefined;
  }

  private plan(ms: number): void {
    if (this.stopped) return;
    this.timer = this.options.clock.after(ms, () => {
      void this.run().then((more) =>
        this.plan(more ? this.options.timings.sweepAgainMs : this.options.timings.sweepMs),
      );
    });
  }

  /** One look through the lanes; true when there is more to repair than one look may. Never rejects. */
  private async run(): Promise<boolean> {
    const { index, timings, clock } = this.options;
    const lines = index.lines();
    const until = clock.monotonic() + timings.sweepMs;
    let left = timings.sweepLimit;
    for (let i = 0; i < lines.length && left > 0 && !this.stopped && clock.monotonic() < until; i++) {
      // Goes on where the last one ended, so that many lanes and slow answers starve none.
      const line = lines[this.cursor++ % lines.length];
      if (line !== undefined && this.isOld(line)) left -= await this.lookInto(line, left);
    }
    return left <= 0;
  }

  private isOld(line: Line): boolean {
    const [first] = line.waiting;
    return first !== undefined && this.options.clock.now() - first.since >= this.options.timings.dispatchMs;
  }

  private async lookInto(line: Line, limit: number): Promise<number> {
    const { queue, once, log, clock, ask } = this.options;
    // Before the question: what became pending while the answer was under way is not judged by it.
    const now = clock.now();
    let oldest: number | undefined;
    try {
      oldest = await queue.oldestAt(line.lane);
    } catch (error) {
      once.say('sweep', () => log.warn({ err: error, ...line.lane }, 'the run queue could not be asked; asked again'));
      return 0;
    }
    if (oldest !== undefined) this.serverAheadMs = Math.max(this.serverAheadMs, oldest - clock.now());
    const lost = this.lostIn(line, oldest, now, limit);
    if (lost.length === 0) return 0;
    this.foundCount += lost.length;
    once.say(`lost ${keyOf(line.lane)}`, () => {
      log.info(
        { ...line.lane, tasks: lost.length },
        'dispatches were missing from the run queue and are put there again',
      );
    });
    for (const watched of lost) ask(watched);
    return lost.length;
  }

  private lostIn(line: Line, oldest: number | undefined, now: number, limit: number): readonly Watched[] {
    const { dispatchMs, clockMarginMs } = this.options.timings;
    const lost: Watched[] = [];
    let looks = 0;
    for (const watched of line.waiting) {
      const age = now - watched.since;
      // Those behind it are younger still.
      if (lost.length >= limit || looks++ >= LOOKS || age < dispatchMs) break;
      if (oldest !== undefined && oldest <= watched.since + this.serverAheadMs + clockMarginMs) break;
      const patience = dispatchMs * 2 ** Math.min(watched.dispatches, PATIENCE_LIMIT);
      if (!watched.busy && age >= patience) lost.push(watched);
    }
    return lost;
  }
}
