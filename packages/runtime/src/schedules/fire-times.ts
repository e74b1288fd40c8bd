import { createHash } from 'node:crypto';
import type { ScheduleRecord, ScheduleSpec } from '@baton/core';
import { CronTimes } from './cron-times.ts';
import { Zone } from './local-time.ts';

/** Times of days that are left out, counted at once: whoever wants more goes on behind them. */
const LEFT_AT_ONCE = 500;

/** Times of a schedule that have come, in order; and how many of them are of days that are left out. */
export type DueTimes = {
  readonly due: readonly number[];
  readonly left: { readonly count: number; readonly last: number };
};

export type Timing = Pick<ScheduleSpec, 'crons' | 'everyMs' | 'timezone' | 'skipDates'>;

/** When a schedule fires. A function of what it says and of its anchor: whoever asks, whenever, gets the same. */
export class FireTimes {
  private readonly crons: readonly CronTimes[];
  private readonly zone: Zone;
  private readonly everyMs: number | undefined;
  private readonly anchor: number;
  private readonly skipDates: ReadonlySet<string>;

  /** Throws as CronTimes and Zone do. */
  constructor({ crons, everyMs, timezone, skipDates }: Timing, anchor: number) {
    this.zone = new Zone(timezone);
    this.crons = [...new Set(crons)].map((expression) => new CronTimes(expression, this.zone));
    this.everyMs = everyMs;
    this.anchor = anchor;
    this.skipDates = new Set(skipDates);
  }

  /** The first one behind an instant; undefined: none comes any more. */
  after(instant: number): number | undefined {
    let next = this.anyAfter(instant);
    while (next !== undefined && this.isLeftOut(next)) next = this.anyAfter(this.zone.nextDay(next) - 1);
    return next;
  }

  upcoming(count: number, from: number): readonly number[] {
    const times: number[] = [];
    for (let next = this.after(from); next !== undefined && times.length < count; next = this.after(next)) {
      times.push(next);
    }
    return times;
  }

  /** Behind `after` and up to `until`, the first `limit` of them; fewer where many of days that are left out lie before. */
  between(after: number, until: number, limit: number): DueTimes {
    const due: number[] = [];
    let count = 0;
    let last = after;
    for (let next = this.anyAfter(after); next !== undefined && next <= until; next = this.anyAfter(next)) {
      if (this.isLeftOut(next)) count++;
      else due.push(next);
      if (this.isLeftOut(next)) last = next;
      if (due.length >= limit || count >= LEFT_AT_ONCE) break;
    }
    return { due, left: { count, last } };
  }

  private anyAfter(instant: number): number | undefined {
    const times = this.crons.map((cron) => cron.after(instant));
    if (this.everyMs !== undefined) {
      const { anchor, everyMs } = this;
      times.push(anchor + (Math.floor(Math.max(0, instant - anchor) / everyMs) + 1) * everyMs);
    }
    return times.reduce(
      (first, time) => (time === undefined || (first !== undefined && first <= time) ? first : time),
      undefined,
    );
  }

  private isLeftOut(instant: number): boolean {
    return this.skipDates.size > 0 && this.skipDates.has(this.zone.dateOf(instant));
  }
}

/** How much later than its time a fire comes: always the same for the same one (behaviour H6). */
export const jitterOf = ({ id, spec }: Pick<ScheduleRecord, 'id' | 'spec'>, at: number): number => {
  if (spec.jitterMs === 0) return 0;
  return createHash('sha256').update(`${id}:${at}`).digest().readUInt32BE(0) % (spec.jitterMs + 1);
};
