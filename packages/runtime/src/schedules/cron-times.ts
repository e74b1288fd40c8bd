import { Cron } from 'croner';
import type { LocalTime, Zone } from './local-time.ts';

/** Changes of a zone's clock are looked for this far around. */
const AROUND_MS = 4 * 3_600_000;

/** Fields whose hours are all hours: intervals, and no times of the day. */
const EVERY_HOUR = new Set(['*', '*/1', '0-23', '?']);

/**
 * The times of one cron expression in a zone (behaviour H5). The library reads the expression and counts on a clock that is
 * never set; what the zone's clock does to that is decided here, since it is a promise: a local time that does not exist
 * fires once when the clock has jumped over it, one that exists twice fires the first time. Where the hour is `*` it is an
 * interval, which goes by time that passes: it fires in both hours of the same name, and in none that is not there.
 */
export class CronTimes {
  private readonly cron: Cron;
  private readonly zone: Zone;
  private readonly isInterval: boolean;

  /** Throws an Error with words for people for an expression that is none. */
  constructor(expression: string, zone: Zone) {
    this.cron = new Cron(expression, { mode: '5-or-6-parts', utcOffset: 0, paused: true });
    this.zone = zone;
    const fields = expression.trim().split(/\s+/);
    this.isInterval = EVERY_HOUR.has(fields.at(-4) ?? '');
  }

  /** The first one behind an instant; undefined: there is none any more. */
  after(instant: number): number | undefined {
    const { zone } = this;
    const before = zone.offsetAt(instant - AROUND_MS);
    const here = this.nextLocal(instant + zone.offsetAt(instant));
    if (here === undefined) return undefined;
    // Mostly the clock goes on evenly from here to there.
    const simple = here - before;
    if (zone.offsetAt(instant + AROUND_MS) === before && this.isEven(before, here)) return simple;
    return this.carefully(instant);
  }

  private isEven(offset: number, local: LocalTime): boolean {
    const instant = local - offset;
    return this.zone.offsetAt(instant - AROUND_MS) === offset && this.zone.offsetAt(instant + AROUND_MS) === offset;
  }

  /** Near a change: what the clock shows again is behind what it shows later. */
  private carefully(instant: number): number | undefined {
    const { zone } = this;
    const step = stepAround(zone, instant);
    let best: number | undefined;
    let local: LocalTime | undefined = zone.localOf(instant) - step - 1;
    for (;;) {
      local = this.nextLocal(local);
      if (local === undefined) return best;
      for (const found of this.instantsOf(local)) {
        if (found > instant && (best === undefined || found < best)) best = found;
      }
      if (best !== undefined && local >= zone.localOf(best) + Math.max(step, stepAround(zone, best))) return best;
    }
  }

  private instantsOf(local: LocalTime): readonly number[] {
    const found = this.zone.instantsOf(local);
    if (this.isInterval) return found;
    return found.length === 0 ? [this.zone.jumpOver(local)] : found.slice(0, 1);
  }

  private nextLocal(after: LocalTime): LocalTime | undefined {
    return this.cron.nextRun(new Date(after))?.getTime();
  }
}

/** By how much the clock is set within some hours of an instant. */
const stepAround = (zone: Zone, instant: number): number =>
  Math.abs(zone.offsetAt(instant + AROUND_MS) - zone.offsetAt(instant - AROUND_MS));
