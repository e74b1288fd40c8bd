/**
 * The clock on the wall of a zone. A local time is written as the UTC milliseconds of what the clock shows; the zones come
 * with the engine, of the IANA database.
 */
export type LocalTime = number;

const DAY_MS = 86_400_000;
const QUARTER_MS = 900_000;

/** Kept at once. */
const OFFSETS = 2_000;

export class Zone {
  readonly name: string;
  private readonly format: Intl.DateTimeFormat;
  /** By the quarter of an hour: clocks are set at none in between. */
  private readonly offsets = new Map<number, number>();

  /** Throws a RangeError for a name that is none. */
  constructor(name: string) {
    this.name = name;
    this.format = new Intl.DateTimeFormat('en-US', {
      ...{ timeZone: name, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23' },
      ...{ year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' },
    });
  }

  /** What the clock shows minus UTC, milliseconds. */
  offsetAt(instant: number): number {
    const quarter = Math.floor(instant / QUARTER_MS);
    const known = this.offsets.get(quarter);
    if (known !== undefined) return known;
    if (this.offsets.size >= OFFSETS) this.offsets.clear();
    const offset = this.computedAt(instant);
    this.offsets.set(quarter, offset);
    return offset;
  }

  private computedAt(instant: number): number {
    const part: Record<string, number> = {};
    for (const { type, value } of this.format.formatToParts(instant)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1_000) * 1_000;
  }

  localOf(instant: number): LocalTime {
    return instant + this.offsetAt(instant);
  }

  /** `2030-12-24`. */
  dateOf(instant: number): string {
    return new Date(this.localOf(instant)).toISOString().slice(0, 10);
  }

  /** The first instant behind this one at which another day begins. */
  nextDay(instant: number): number {
    const midnight = (Math.floor(this.localOf(instant) / DAY_MS) + 1) * DAY_MS;
    const even = midnight - this.offsetAt(instant);
    if (this.offsetAt(even) === this.offsetAt(instant)) return even;
    const change = this.changeBetween(instant, even);
    return Math.max(change, midnight - this.offsetAt(change));
  }

  /** When the clock was set between two instants at which it is not set alike, a day and some hours apart at most. */
  changeBetween(before: number, after: number): number {
    const offset = this.offsetAt(after);
    let low = Math.floor(before / QUARTER_MS);
    let high = Math.floor(after / QUARTER_MS);
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.offsetAt(middle * QUARTER_MS) === offset) high = middle;
      else low = middle;
    }
    return high * QUARTER_MS;
  }
}
