/** How many times as long as it had to wait for a processor a projection leaves it to others. */
const REST_FACTOR = 4;

/** Longest rest between two writes, milliseconds. */
const LONGEST_REST_MS = 1_000;

/** A projection that is further behind, milliseconds, does not rest any more. */
const LATEST_MS = 20_000;

/**
 * Where the projector shares a machine with what it reports about, tasks come first: documents may be some seconds late
 * in a rush, and are cheaper for it, since more of a task's life becomes one write. Whether processors are short shows
 * in the time this process itself had to wait for one; on a machine of its own that is next to nothing, and it never
 * rests. Nor does it when the rush is over.
 */
export class LoadPause {
  private readonly waitedMs: () => number;
  private before: number;
  private waiting = 0;

  /** `waitedMs`: milliseconds this process has been ready to run and not run, ever since it started. */
  constructor(waitedMs: () => number) {
    this.waitedMs = waitedMs;
    this.before = waitedMs();
  }

  /** How long to rest after this batch, milliseconds. */
  restMs({ versions, waiting, ageMs }: Written): number {
    const arrived = versions + waiting - this.waiting;
    this.waiting = waiting;
    const waited = this.waitedMs();
    const since = Math.max(0, waited - this.before);
    this.before = waited;
    const isRush = arrived >= versions / 2;
    return isRush && ageMs <= LATEST_MS ? Math.min(LONGEST_REST_MS, REST_FACTOR * since) : 0;
  }
}

/** A batch that was written: its versions, and those that waited behind it when it was taken. */
export type Written = {
  readonly versions: number;
  readonly waiting: number;
  /** Of the oldest version in it. */
  readonly ageMs: number;
};
