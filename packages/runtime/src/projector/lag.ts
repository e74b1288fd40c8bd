import { BatonError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Clock, Subscription } from '../ports/environment.ts';
import type { ProjectionProgress, Projections } from '../ports/projections.ts';

/** How far a projection is behind (behaviour P5). */
export type Lag = {
  /** Versions of the bucket behind what is projected. */
  readonly versions: number;
  /** How long the oldest of them has been there, milliseconds; 0 when there is none. */
  readonly ageMs: number;
};

const LOOK_EVERY_MS = 1_000;

/** A lag that lasts is told again this often. */
const REPEAT_MS = 60_000;

type LagParts = {
  readonly name: string;
  readonly projections: Projections;
  readonly clock: Clock;
  readonly log: Log;
  readonly limitMs: number;
  /** Default 1,000. */
  readonly everyMs?: number;
};

/**
 * Looks once a second how far a projection has come in the bucket, whoever reads for it: the answer is the bucket's, not
 * the reader's, so that one which stands still is seen to fall behind. While nobody answers, what was known grows older.
 *
 * Says when it is too far behind, once a minute, and when it no longer is.
 */
export class LagMeter {
  private readonly parts: LagParts;
  private readonly everyMs: number;
  private readonly listeners = new Set<() => void>();
  private known: ProjectionProgress | undefined;
  private knownAt: number;
  /** Age of the oldest at that time. */
  private ageThen = 0;
  private toldAt: number | undefined;
  private timer = { cancel: (): void => {} };
  private stopped = false;

  constructor(parts: LagParts) {
    this.parts = parts;
    this.everyMs = parts.everyMs ?? LOOK_EVERY_MS;
    this.knownAt = parts.clock.monotonic();
  }

  /** Everything up to this revision is projected. */
  get floor(): number {
    return this.known?.floor ?? 0;
  }

  lag(): Lag {
    const since = this.parts.clock.monotonic() - this.knownAt;
    // Within two looks nothing is known to be wrong; after that nobody can say that it is not.
    const unknownMs = since > 2 * this.everyMs ? since : 0;
    if (this.known === undefined || this.known.behind === 0) return { versions: 0, ageMs: unknownMs };
    return { versions: this.known.behind, ageMs: this.ageThen + since };
  }

  /** Called after every look. */
  onLook(listener: () => void): Subscription {
    // One of its own: the same function may listen twice.
    const own = (): void => listener();
    this.listeners.add(own);
    return { close: () => this.listeners.delete(own) };
  }

  start(): void {
    void this.look();
  }

  stop(): void {
    this.stopped = true;
    this.timer.cancel();
  }

  private async look(): Promise<void> {
    const { name, projections, clock, log } = this.parts;
    try {
      const known = await projections.progress(name);
      // Not even its reader is there: nothing is known, and that grows old.
      if (known !== undefined) {
        this.known = known;
        this.knownAt = clock.monotonic();
        this.ageThen = known.oldestAt === undefined ? 0 : Math.max(0, clock.now() - known.oldestAt);
      }
    } catch (error) {
      if (!(error instanceof BatonError)) throw error;
      log.debug({ projection: name, code: error.code }, 'how far the projection is behind could not be asked');
    }
    if (this.stopped) return;
    this.tell();
    for (const listener of [...this.listeners]) listener();
    this.timer = clock.after(this.everyMs, () => void this.look());
  }

  private tell(): void {
    const { name, clock, log, limitMs } = this.parts;
    const fields = { projection: name, ...this.lag() };
    if (fields.ageMs <= limitMs) {
      if (this.toldAt !== undefined) log.info(fields, 'the projection has caught up');
      this.toldAt = undefined;
      return;
    }
    const now = clock.monotonic();
    if (this.toldAt !== undefined && now - this.toldAt < REPEAT_MS) return;
    this.toldAt = now;
    log.warn(fields, 'the projection is behind: it shows tasks as they were this long ago');
  }
}
