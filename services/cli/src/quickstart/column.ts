/** Statistics of one column, taken value by value in bounded memory. */
export type ColumnProfile = {
  readonly name: string;
  readonly kind: 'number' | 'text' | 'empty';
  readonly values: number;
  readonly missing: number;
  /** Different values; `atLeast` when there are more than were counted. */
  readonly distinct: number;
  readonly atLeast: boolean;
  readonly most: readonly (readonly [value: string, count: number])[];
  readonly min?: number | string;
  readonly max?: number | string;
  readonly mean?: number;
  readonly deviation?: number;
  /** What most values look like: letters as `a`, digits as `9`, runs of three or more cut short. */
  readonly pattern?: string;
};

/** Different values counted exactly; a column with more is said to have at least this many. */
const DISTINCT_LIMIT = 50_000;
const MOST_COMMON = 3;
const PATTERN_LIMIT = 1_000;

/** Longer text is looked at no further: a pattern is for codes, dates and numbers. */
const PATTERN_LENGTH = 40;

const patternOf = (value: string): string =>
  value
    .slice(0, PATTERN_LENGTH)
    .replaceAll(/\p{L}/gu, 'a')
    .replaceAll(/\d/g, '9')
    .replaceAll(/([a9])\1{2,}/g, '$1$1…');

export class ColumnStatistics {
  readonly name: string;
  private readonly counts = new Map<string, number>();
  private values = 0;
  private missing = 0;
  private numbers = 0;
  private mean = 0;
  private squares = 0;
  private least = Number.POSITIVE_INFINITY;
  private greatest = Number.NEGATIVE_INFINITY;
  private first: string | undefined;
  private last: string | undefined;
  private overflow = false;
  private readonly patterns = new Map<string, number>();

  constructor(name: string) {
    this.name = name;
  }

  add(value: string): void {
    if (value === '') {
      this.missing++;
      return;
    }
    this.values++;
    if (this.first === undefined || value < this.first) this.first = value;
    if (this.last === undefined || value > this.last) this.last = value;
    this.count(value);
    this.addPattern(value);
    this.addNumber(Number(value));
  }

  /** One line for whoever watches; cheap, unlike `profile`. */
  summary(): string {
    const distinct = `${this.counts.size}${this.overflow ? '+' : ''} different`;
    if (this.values === 0) return 'empty';
    return this.numbers < this.values ? `text, ${distinct}` : `number, mean ${this.mean.toFixed(2)}, ${distinct}`;
  }

  profile(): ColumnProfile {
    const { name, values, missing, overflow } = this;
    const most = [...this.counts].toSorted((a, b) => b[1] - a[1]).slice(0, MOST_COMMON);
    const [pattern] = [...this.patterns].toSorted((a, b) => b[1] - a[1])[0] ?? [];
    const looks = pattern === undefined ? {} : { pattern };
    const common = { name, values, missing, distinct: this.counts.size, atLeast: overflow, most, ...looks };
    if (values === 0) return { ...common, kind: 'empty' };
    if (this.numbers < values) {
      const range = this.first === undefined || this.last === undefined ? {} : { min: this.first, max: this.last };
      return { ...common, kind: 'text', ...range };
    }
    const deviation = values > 1 ? Math.sqrt(this.squares / (values - 1)) : 0;
    return { ...common, kind: 'number', min: this.least, max: this.greatest, mean: this.mean, deviation };
  }

  private count(value: string): void {
    const count = this.counts.get(value);
    if (count !== undefined || this.counts.size < DISTINCT_LIMIT) this.counts.set(value, (count ?? 0) + 1);
    else this.overflow = true;
  }

  private addPattern(value: string): void {
    const pattern = patternOf(value);
    const count = this.patterns.get(pattern);
    if (count !== undefined || this.patterns.size < PATTERN_LIMIT) this.patterns.set(pattern, (count ?? 0) + 1);
  }

  /** Welford's running mean and variance: one pass, and no sum of squares that loses digits. */
  private addNumber(value: number): void {
    if (!Number.isFinite(value)) return;
    this.numbers++;
    const before = value - this.mean;
    this.mean += before / this.numbers;
    this.squares += before * (value - this.mean);
    if (value < this.least) this.least = value;
    if (value > this.greatest) this.greatest = value;
  }
}
