/**
 * The clock on the wall of a zone. A local time is written as the UTC milliseconds of what the clock shows; the zones come
 * with the engine, of the IANA database.
 */
export type LocalTime = number;

const HOUR_MS = 3_600_000;
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

  /** When the clock shows it: once, twice in autumn, or never in spring. */
  instantsOf(local: LocalTime): readonly number[] {
    const found = this.offsetsAround(local)
      .map((offset) => local - offset)
      .filter((instant) => this.localOf(instant) === local);
    return [...new Set(found)].toSorted((a, b) => a - b);
  }

  /** Of a time the clock never shows: the instant at which it jumps over it. */
  jumpOver(local: LocalTime): number {
    const [one, two] = this.offsetsAround(local);
    let before = local - Math.max(one, two);
    let after = local - Math.min(one, two);
    const offset = this.offsetAt(after);
    while (after - before > 1_000) {
      const middle = Math.floor((before + after) / 2_000) * 1_000;
      if (this.offsetAt(middle) === offset) after = middle;
      else before = middle;
    }
    return after;
  }

  private offsetsAround(local: LocalTime): readonly [number, number] {
    return [this.offsetAt(local - 24 * HOUR_MS), this.offsetAt(local + 24 * HOUR_MS)];
  }
}
