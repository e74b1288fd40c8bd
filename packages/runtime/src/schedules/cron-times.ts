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
    const fields = expression.trim().split(/\s+/);
    this.cron = read(expression, () => faultIn(fields));
    this.zone = zone;
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

/** Says what is right: the library's own words are those of its code, count days from 0 and speak of a field more. */
const read = (expression: string, says: () => string): Cron => {
  try {
    return new Cron(expression, { mode: '5-or-6-parts', utcOffset: 0, paused: true });
  } catch (cause) {
    throw new Error(says(), { cause });
  }
};

/** Of six fields; of five the first is left out. */
const FIELDS = [
  ['second', '0 to 59'],
  ['minute', '0 to 59'],
  ['hour', '0 to 23'],
  ['day of the month', '1 to 31, or L'],
  ['month', '1 to 12, or JAN to DEC'],
  ['day of the week', '0 to 7, or SUN to SAT'],
] as const;

const FIELDS_SAY =
  'is five fields (minute, hour, day of the month, month, day of the week), or six with the second before them';

const SIGNS = 'also several with commas, from-to, and steps such as */5';

/** What is wrong with one the library does not take: the first field that it does not take alone, or their number. */
const faultIn = (fields: readonly string[]): string => {
  if (fields.length !== 5 && fields.length !== 6) return FIELDS_SAY;
  const names = FIELDS.slice(-fields.length);
  for (const [i, [name, values]] of names.entries()) {
    const alone = names.map((_, j) => (i === j ? fields[i] : '*')).join(' ');
    try {
      read(alone, () => '');
    } catch {
      return `has '${fields[i]}' for the ${name}, which is ${values}; ${SIGNS}`;
    }
  }
  return FIELDS_SAY;
};

/** By how much the clock is set within some hours of an instant. */
const stepAround = (zone: Zone, instant: number): number =>
  Math.abs(zone.offsetAt(instant + AROUND_MS) - zone.offsetAt(instant - AROUND_MS));
