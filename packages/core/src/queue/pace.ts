import type { Millis } from '../task.ts';

/** Starts that were seen in this time while something waited all the while. */
export type Throughput = { readonly starts: number; readonly ms: Millis };

/** A sample is taken this often at most, and counts this long. */
const STEP_MS = 2_000;
const SPAN_MS = 300_000;

/** Less than this says nothing. */
const LEAST_STARTS = 5;
const LEAST_MS = 4_000;

/**
 * How fast a queue starts tasks while more of them wait than can start: what it starts otherwise is as many as come, and
 * tells nothing of how long one would wait. So it is measured from when the queue last had nothing left to start, at most
 * over the last five minutes.
 */
export class Pace {
  private samples: { readonly at: Millis; readonly count: number }[] = [];
  private dueAt = Number.NEGATIVE_INFINITY;

  /** Whether it is time to `note` again. */
  isDue(now: Millis): boolean {
    return now >= this.dueAt;
  }

  /** `count`: starts so far, whenever they began to be counted. `isBusy`: something waits that a worker takes, and none is free. */
  note(now: Millis, count: number, isBusy: boolean): void {
    this.dueAt = now + STEP_MS;
    if (!isBusy) return this.clear();
    this.samples.push({ at: now, count });
    this.forget(now);
  }

  /** Nothing waits. */
  clear(): void {
    if (this.samples.length > 0) this.samples = [];
  }

  /** Undefined: not enough was seen. `windowMs`: of a rate that lets starts come in bursts. */
  over(now: Millis, count: number, windowMs: Millis): Throughput | undefined {
    this.forget(now);
    const [first] = this.samples;
    if (first === undefined) return undefined;
    const seen = { starts: count - first.count, ms: Math.round(now - first.at) };
    return seen.starts < LEAST_STARTS || seen.ms < Math.max(LEAST_MS, 2 * windowMs) ? undefined : seen;
  }

  private forget(now: Millis): void {
    const old = this.samples.findIndex(({ at }) => at > now - SPAN_MS);
    if (old === -1) this.clear();
    else if (old > 0) this.samples.splice(0, old);
  }
}
