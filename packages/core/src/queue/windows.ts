import type { Meter, Recent } from './meter.ts';

/** Of all rates with a window of one length, oldest first. Those before `from` are over. */
type Window = { readonly recent: Recent[]; from: number };

/** Starts of all rates whose window is not over: to look at what is over costs no more than that, however many are counted. */
export class Windows {
  /** By their length. */
  private readonly windows = new Map<number, Window>();

  clear(): void {
    this.windows.clear();
  }

  /** Not before one that was added earlier. */
  add(meter: Meter, windowMs: number, at: number, units: number): void {
    const recent: Recent = { until: at + windowMs, units, meter };
    meter.recent.push(recent);
    const window = this.windows.get(windowMs);
    if (window === undefined) this.windows.set(windowMs, { recent: [recent], from: 0 });
    else window.recent.push(recent);
  }

  /** Takes out those that are over. */
  *over(now: number): Iterable<Recent> {
    for (const window of this.windows.values()) {
      const { recent } = window;
      for (let first = recent[window.from]; first !== undefined && first.until <= now; first = recent[window.from]) {
        window.from++;
        first.meter.recent.shift();
        yield first;
      }
      if (2 * window.from <= recent.length) continue;
      recent.splice(0, window.from);
      window.from = 0;
    }
  }

  /** When the next one is over. */
  next(): number | undefined {
    let next: number | undefined;
    for (const { recent, from } of this.windows.values()) {
      const until = recent[from]?.until;
      if (until !== undefined && (next === undefined || until < next)) next = until;
    }
    return next;
  }
}
