import { Cron } from 'croner';
import type { LocalTime, Zone } from './local-time.ts';

/** Changes of a zone's clock are looked for this far around: one was by a day. Two that are nearer to each other there are none. */
const AROUND_MS = 26 * 3_600_000;

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
  /** Whoever goes through the times of several expressions asks each of them at the times of all. */
  private known: { readonly asked: number; readonly next: number | undefined } = { asked: 0, next: undefined };

  /** Throws an Error with words for people for an expression that is none. */
  constructor(expression: string, zone: Zone) {
    const fields = expression.trim().split(/\s+/);
    this.cron = read(expression, () => faultIn(fields));
    this.zone = zone;
    this.isInterval = EVERY_HOUR.has(fields.at(-4) ?? '');
  }

  /** The first one behind an instant; undefined: there is none any more. Costs the same however many there are. */
  after(instant: number): number | undefined {
    const { asked, next } = this.known;
    if (instant >= asked && next !== undefined && instant < next) return next;
    const found = this.found(instant + 1);
    this.known = { asked: instant, next: found };
    return found;
  }

  /** The first one from `start` on: in the time between two changes of the clock in which it lies, at its end, or behind it. */
  private found(start: number): number | undefined {
    const { zone } = this;
    const offset = zone.offsetAt(start);
    if (!this.isInterval && this.jumpsOverOne(start)) return start;
    const local = this.nextLocal(this.shownBefore(start));
    if (local === undefined) return undefined;
    const instant = local - offset;
    if (instant - start > AROUND_MS) {
      // Until shortly before it nothing fires, however the clock is set meanwhile.
      const around = [instant - AROUND_MS, instant + AROUND_MS];
      return around.every((at) => zone.offsetAt(at) === offset) ? instant : this.found(instant - AROUND_MS);
    }
    if (zone.offsetAt(instant) === offset) return instant;
    const change = zone.changeBetween(start, instant);
    const isJumpedOver = local < zone.localOf(change);
    return isJumpedOver && !this.isInterval ? change : this.found(change);
  }

  /** The clock is set forward at this very instant, over one of the times. */
  private jumpsOverOne(instant: number): boolean {
    const before = this.zone.localOf(instant - 1);
    const shown = this.zone.localOf(instant);
    return shown > before + 1 && (this.nextLocal(before) ?? shown) < shown;
  }

  /** What the clock showed right before `start`; for times of the day the latest that it has shown: they have fired. */
  private shownBefore(start: number): LocalTime {
    const { zone } = this;
    const shown = zone.localOf(start) - 1;
    const before = start - AROUND_MS;
    if (this.isInterval || zone.offsetAt(before) <= zone.offsetAt(start)) return shown;
    const change = zone.changeBetween(before, start);
    return Math.max(shown, change - 1 + zone.offsetAt(change - 1));
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
