/** How many values fell under each bound, as monitoring reads it. */
export type HistogramCounts = {
  /** Upper bounds, included, rising. */
  readonly bounds: readonly number[];
  /** One more than bounds: the last has what is above all of them. Not added up. */
  readonly counts: readonly number[];
  readonly sum: number;
};

/** Counts values by size in plain numbers: on the way it costs a comparison or two, and is looked at when somebody asks. */
export class Histogram implements HistogramCounts {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    const { bounds, counts } = this;
    let i = 0;
    while (i < bounds.length && value > (bounds[i] as number)) i++;
    counts[i] = (counts[i] as number) + 1;
    this.sum += value;
  }
}

/** Seconds from a dispatch that is quick to a queue that stands. */
export const WAIT_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200];
/** Seconds from a no-op to a job of hours. */
export const RUN_BOUNDS = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400];
/** Seconds from a signal that comes at once to a body that does not stop. */
export const ABORT_BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Writes of one batch. */
export const GROUP_BOUNDS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 500];
