import { partitionOfAddress } from '@baton/protocols';
import type { Log } from '../../log.ts';
import type { Chance, Clock, Link, Subscription } from '../../ports/environment.ts';
import type { Entry, RecordStore } from '../../ports/store.ts';
import type { FeedReading, RecordFeed } from '../../ports/feed.ts';
import { sideBySide } from '../../side-by-side.ts';
import { OwnWrites } from './own-writes.ts';
import { Follower, type Session } from '../subscriptions/follower.ts';
import type { Intake } from '../tasks/intake.ts';
import type { TaskIndex, Watched } from '../tasks/task-index.ts';
import type { SupervisorTimings } from '../timings.ts';

/** Records looked at side by side. */
const LOOK_UPS = 16;

/** A reader that could not be brought up to date is so again after this long. */
const SYNC_AGAIN_MS = 250;

export type RecordWatchOptions = {
  readonly feed: RecordFeed;
  readonly store: Pick<RecordStore, 'load'>;
  readonly link: Link;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly timings: SupervisorTimings;
  readonly log: Log;
  readonly index: TaskIndex;
  readonly intake: Intake;
  /** All that is stored in the partitions is known. */
  readonly complete: () => void;
};

/** The reader of the owned partitions: one for all of them, opened anew when they change, end, or go silent. */
export class RecordWatch {
  readonly ownWrites: OwnWrites;
  private readonly options: RecordWatchOptions;
  private readonly follower: Follower;
  private partitions: ReadonlySet<string> = new Set();
  private readonly reconnects: Subscription;
  private current = 0;
  private reading: FeedReading | undefined;
  private completeSince = 0;

  constructor(options: RecordWatchOptions) {
    this.options = options;
    const { clock, chance, timings, log } = options;
    this.ownWrites = new OwnWrites(clock, timings.echoMs);
    this.follower = new Follower({
      open: (session) => this.open(session),
      caughtUp: (generation) => this.caughtUp(generation),
      ended: (why, restartMs, cause) =>
        log.warn({ err: cause, restartMs: Math.round(restartMs) }, `the reader of the records is opened again: ${why}`),
      clock,
      chance,
      catchUpMs: timings.catchUpMs,
    });
    this.reconnects = options.link.onReconnect(() => {
      // What was under way when the connection broke may come late.
      this.ownWrites.clear();
      this.follower.hurry();
    });
  }

  get ready(): boolean {
    return this.follower.ready;
  }

  /** Nothing runs or waits in the partitions that is not known; see `complete`. */
  get isComplete(): boolean {
    return this.ready && this.completeSince === this.current;
  }

  get restarts(): number {
    return this.follower.restarts;
  }

  get generation(): number {
    return this.current;
  }

  get owned(): readonly string[] {
    return [...this.partitions];
  }

  owns(partition: string): boolean {
    return this.partitions.has(partition);
  }

  /** Reads these partitions from now on. What is known of the ones that stay is kept meanwhile. */
  follow(partitions: readonly string[]): void {
    this.partitions = new Set(partitions);
    this.options.intake.drain();
    this.options.index.keepOnly(this.partitions);
    if (partitions.length === 0) this.follower.stop();
    else this.follower.open();
  }

  /** Resolves when all that was stored before the call in the owned partitions is known: true. False: it is not, now. */
  async sync(): Promise<boolean> {
    if (this.partitions.size === 0) return true;
    return this.isComplete && (await this.catchUp()) && this.isComplete;
  }

  restart(why: string): void {
    this.ownWrites.clear();
    this.follower.restart(why);
  }

  /** Called every `scanMs`. */
  scan(): void {
    if (!this.options.link.connected || this.partitions.size === 0) return;
    if (!this.ready) return this.follower.check();
    const address = this.ownWrites.overdue();
    if (address !== undefined) this.restart(`a write of our own did not come through it: ${address}`);
  }

  stop(): void {
    this.reconnects.close();
    this.follower.stop();
    this.options.intake.clear();
  }

  private async open(session: Session): Promise<Subscription> {
    this.current = session.generation;
    this.reading = undefined;
    this.ownWrites.readAnew();
    const reading = await this.options.feed.follow(this.owned, {
      entry: (entry) => {
        if (!session.isCurrent()) return;
        session.active();
        this.take(entry, session.generation);
      },
      caughtUp: session.caughtUp,
      lost: session.lost,
    });
    if (session.isCurrent()) this.reading = reading;
    return reading;
  }

  private take(entry: Entry, generation: number): void {
    const { index, intake } = this.options;
    this.ownWrites.arrived(entry);
    if (!this.partitions.has(partitionOfAddress(entry.address))) return;
    // Known already: most of what a reader gives when it is opened again.
    if (index.confirm(entry.address, entry.revision, generation)) return;
    intake.take(entry, generation, this.ready);
  }

  private caughtUp(generation: number): void {
    const { index, intake, log } = this.options;
    intake.drain();
    log.info({ partitions: this.partitions.size, tasks: index.size }, 'the records have been read');
    void this.complete(generation);
  }

  private async catchUp(): Promise<boolean> {
    const { current, reading } = this;
    if (!this.ready || reading === undefined || !(await reading.sync())) return false;
    // What was written over meanwhile comes behind the others.
    if (!(await reading.sync())) return false;
    if (!this.ready || this.current !== current) return false;
    this.options.intake.drain();
    return true;
  }

  /** A version that was written over while it was read is passed by, and the newer one is on its way: it is waited for, too. */
  private async complete(generation: number): Promise<void> {
    const { clock, index } = this.options;
    const isOver = (): boolean => this.current !== generation || !this.ready;
    while (!(await this.catchUp())) {
      if (!isOver()) await new Promise<void>((resolve) => void clock.after(SYNC_AGAIN_MS, resolve));
      if (isOver()) return;
    }
    if (isOver()) return;
    this.completeSince = generation;
    const missing = index.unconfirmed(generation);
    if (missing.length > 0) void this.dropVanished(generation, missing);
    this.options.complete();
  }

  /** Drops those that are in the bucket no more. What cannot be looked at now is found by a later probe. */
  private async dropVanished(generation: number, missing: readonly Watched[]): Promise<void> {
    const { store, index } = this.options;
    await sideBySide(missing, LOOK_UPS, async ({ address, revision }) => {
      if (this.current !== generation || !this.ready) return;
      const stored = await store.load(address).catch(() => 'unknown');
      if (this.current !== generation || !this.ready || stored !== undefined) return;
      const known = index.get(address);
      if (known?.revision === revision && known.generation < generation) index.remove(known);
    });
  }
}
